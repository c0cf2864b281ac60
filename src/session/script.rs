//! Steps as scripts write them: `{"steps": [{"tool": "brush", …}, …]}`.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{Algorithm, AlgorithmError, Session};
use crate::annotation::{Colour, Label, OrientedBox, Shape};
use crate::case::{EditError, PaintOver};
use crate::geometry::{AnatomicalPlane, Grid, GridPlane, Patient, Point};
use crate::segment::SliceAxis;
use crate::tool::{BrushSettings, BrushShape, Gesture, Phase, ToolKind, numbered_name};
use crate::view::{Pane, SliceSource};

/// A list of steps.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The steps in order.
    pub steps: Vec<ScriptStep>,
}

/// One step; coordinates are LPS millimetres.
#[derive(Clone, Debug)]
pub enum ScriptStep {
    /// What hands do.
    Hands(HandStep),
    /// What is computed.
    Algorithm(Algorithm),
}

impl<'de> Deserialize<'de> for ScriptStep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let step = Map::<String, Value>::deserialize(deserializer)?;
        let tool = step.get("tool").and_then(Value::as_str).unwrap_or_default();
        let is_algorithm = Algorithm::TOOLS.contains(&tool);
        let step = Value::Object(step);
        match is_algorithm {
            true => Algorithm::deserialize(step).map(Self::Algorithm),
            false => HandStep::deserialize(step).map(Self::Hands),
        }
        .map_err(serde::de::Error::custom)
    }
}

/// One step as hands make it.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "tool", rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs)]
pub enum HandStep {
    /// Makes or changes a label.
    Label {
        index: u16,
        name: String,
        #[serde(default)]
        color: Option<Colour>,
        #[serde(default)]
        locked: bool,
    },
    /// Paints along a polyline.
    Brush(ScriptStroke),
    /// Erases one label along a polyline.
    Erase(ScriptStroke),
    /// Draws a box with edges along the patient's axes.
    Box {
        #[serde(default)]
        label: Option<u16>,
        #[serde(default)]
        name: Option<String>,
        min_lps: Point<Patient>,
        max_lps: Point<Patient>,
    },
    /// Places a landmark.
    Landmark {
        name: String,
        point_lps: Point<Patient>,
        #[serde(default)]
        label: Option<u16>,
    },
    /// Fills the slices between those that were painted of a label, across an axis of the grid.
    Interpolate { label: u16, axis: SliceAxis },
    /// Takes back steps.
    Undo {
        #[serde(default = "once")]
        times: usize,
    },
    /// Makes steps again.
    Redo {
        #[serde(default = "once")]
        times: usize,
    },
}

/// A brush moved along a polyline.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ScriptStroke {
    pub label: u16,
    pub shape: BrushShape,
    /// The plane of a disc; axial if not told.
    #[serde(default)]
    pub plane: Option<AnatomicalPlane>,
    pub radius_mm: f64,
    pub points_lps: Vec<Point<Patient>>,
    /// Only voxels whose value lies in this range, ends included.
    #[serde(default)]
    pub range: Option<[f64; 2]>,
    /// Ends at edges; how much is taken in, from 0 to 1.
    #[serde(default)]
    pub follow_edges: Option<f64>,
}

fn once() -> usize {
    1
}

/// Why a step could not be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScriptError {
    /// A value that makes no sense.
    #[error("{0}")]
    BadValue(String),
    /// The tool declined, with its reason.
    #[error("{0}")]
    Declined(String),
    /// Fewer steps to take back or make again than asked for.
    #[error("there {} to take back or make again", steps_in_words(*.0))]
    TooFewSteps(usize),
    /// The algorithm could not run.
    #[error(transparent)]
    Algorithm(#[from] AlgorithmError),
    /// The edit did not fit the case.
    #[error(transparent)]
    Edit(#[from] EditError),
}

fn steps_in_words(count: usize) -> String {
    match count {
        0 => "is no step".to_owned(),
        1 => "is only 1 step".to_owned(),
        more => format!("are only {more} steps"),
    }
}

impl Session {
    /// Makes one step of a script, with the window's own tools.
    pub fn run_step(&mut self, step: &ScriptStep) -> Result<(), ScriptError> {
        match step {
            ScriptStep::Algorithm(algorithm) => self.run_algorithm(algorithm),
            ScriptStep::Hands(step) => self.run_hand_step(step),
        }
    }

    fn run_hand_step(&mut self, step: &HandStep) -> Result<(), ScriptError> {
        match step {
            HandStep::Label { index, name, color, locked } => {
                if *index == 0 {
                    return Err(ScriptError::BadValue("label 0 is background; labels count from 1".into()));
                }
                let old = self.case.scheme().get(*index).cloned();
                let mut label = old.unwrap_or_else(|| Label::new("", Colour::for_label(*index)));
                label.name.clone_from(name);
                label.color = color.unwrap_or(label.color);
                label.locked = *locked;
                Ok(self.set_label(*index, label)?)
            }
            HandStep::Brush(stroke) => self.stroke(ToolKind::Brush, stroke),
            HandStep::Erase(stroke) => self.stroke(ToolKind::Eraser, stroke),
            HandStep::Box { label, name, min_lps, max_lps } => {
                let name = name.clone().unwrap_or_else(|| numbered_name(&self.case, "Box"));
                let marked = OrientedBox::between(*min_lps, *max_lps);
                if !marked.half_mm.iter().all(|half| half.is_finite()) {
                    return Err(ScriptError::BadValue("the box is larger than numbers reach".into()));
                }
                self.mark(name, Shape::Box(marked), *label)
            }
            HandStep::Landmark { name, point_lps, label } => {
                self.mark(name.clone(), Shape::Landmark(*point_lps), *label)
            }
            HandStep::Interpolate { label, axis } => {
                match self.case.scheme().get(*label) {
                    None => return Err(AlgorithmError::NoSuchLabel(*label).into()),
                    Some(label) if label.locked => {
                        return Err(AlgorithmError::Locked(label.name.clone()).into());
                    }
                    Some(_) => {}
                }
                Ok(self.interpolate(*label, *axis as usize)?)
            }
            HandStep::Undo { times } => {
                let there = self.history.done().len();
                if *times > there {
                    return Err(ScriptError::TooFewSteps(there));
                }
                Ok(self.go_to_step(there - times)?)
            }
            HandStep::Redo { times } => {
                let there = self.history.undone().len();
                if *times > there {
                    return Err(ScriptError::TooFewSteps(there));
                }
                let done = self.history.done().len();
                Ok(self.go_to_step(done + times)?)
            }
        }
    }

    /// What a person should know of a step that can be made all the same: marks beside the study.
    pub fn doubt_of_step(&self, step: &ScriptStep) -> Option<String> {
        let points = match step {
            ScriptStep::Algorithm(algorithm) => algorithm.seed().into_iter().collect(),
            ScriptStep::Hands(HandStep::Brush(stroke) | HandStep::Erase(stroke)) => stroke.points_lps.clone(),
            ScriptStep::Hands(HandStep::Box { min_lps, max_lps, .. }) => vec![min_lps.lerp(*max_lps, 0.5)],
            ScriptStep::Hands(HandStep::Landmark { point_lps, .. }) => vec![*point_lps],
            ScriptStep::Hands(
                HandStep::Label { .. }
                | HandStep::Interpolate { .. }
                | HandStep::Undo { .. }
                | HandStep::Redo { .. },
            ) => Vec::new(),
        };
        let mut outside = points.iter().filter(|point| self.grid().index_at(**point).is_none());
        let first = outside.next()?.to_array();
        let more = match outside.count() {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        Some(format!("the point {first:?}{more} (LPS mm) lies outside the study; is it perhaps in RAS?"))
    }

    fn mark(&mut self, name: String, shape: Shape, label: Option<u16>) -> Result<(), ScriptError> {
        if label == Some(0) {
            return Err(ScriptError::BadValue("label 0 is background; leave \"label\" out".into()));
        }
        Ok(self.add_annotation(name, shape, label)?)
    }

    fn stroke(&mut self, tool: ToolKind, stroke: &ScriptStroke) -> Result<(), ScriptError> {
        let &ScriptStroke { label, shape, plane, radius_mm, ref points_lps, range, follow_edges } = stroke;
        let over = PaintOver::All;
        let brush = BrushSettings { shape, radius_mm, only_values: range, over, follow_edges };
        let points = points_lps.as_slice();
        if label == 0 {
            return Err(ScriptError::BadValue(
                "label 0 is background; use \"erase\" to remove a label".into(),
            ));
        }
        if !(brush.radius_mm.is_finite() && brush.radius_mm > 0.0) {
            return Err(ScriptError::BadValue(format!("radius_mm must be above 0, not {}", brush.radius_mm)));
        }
        if let Some([low, high]) = brush.only_values
            && low > high
        {
            return Err(ScriptError::BadValue(format!("the range [{low}, {high}] is empty")));
        }
        if let Some(depth) = brush.follow_edges.filter(|depth| !(0.0..=1.0).contains(depth)) {
            return Err(ScriptError::BadValue(format!("follow_edges must lie from 0 to 1, not {depth}")));
        }
        if points.is_empty() {
            return Err(ScriptError::BadValue("points_lps is empty".into()));
        }
        let plane = plane.unwrap_or(AnatomicalPlane::Axial);
        if brush.shape == BrushShape::Disc
            && let Some(point) = points.iter().find(|point| !has_slice_at(self.grid(), plane, **point))
        {
            let at = point.to_array();
            return Err(ScriptError::BadValue(format!("no {} slice holds the point {at:?}", plane.name())));
        }
        self.cancel_gesture();
        let kept = (self.tool_kind, self.previous_tool, self.brush, self.active_label);
        self.take_tool(tool);
        self.brush = brush;
        self.active_label = label;
        let declined = self.draw(plane, points);
        self.take_tool(kept.0);
        (self.previous_tool, self.brush) = (kept.1, kept.2);
        if kept.3 != 0 {
            self.active_label = kept.3;
        }
        self.let_go_of_what_is_gone();
        declined.map_or(Ok(()), |reason| Err(ScriptError::Declined(reason)))
    }

    /// Draws along the points with the tool in hand; gives the tool's reason where it declines.
    fn draw(&mut self, plane: AnatomicalPlane, points: &[Point<Patient>]) -> Option<String> {
        let source = SliceSource::Acquisition;
        let size = [512.0; 2];
        let pane = Pane::fitted(plane, source, self.grid(), size);
        let gesture = |session: &mut Self, phase, at: Point<Patient>| {
            let mut view = pane.view(source, session.grid(), at, size);
            if session.brush.shape == BrushShape::Ball {
                // A ball may be anywhere, also between slices.
                view.plane = view.plane.through(at);
            }
            session.tool_gesture(&Gesture { phase, at, view: &view, inverted: false });
        };
        let (&first, rest) = points.split_first()?;
        self.notice = None;
        gesture(self, Phase::Press, first);
        let declined = (!self.history.is_open()).then(|| self.notice.clone().unwrap_or_default());
        for point in rest {
            gesture(self, Phase::Drag, *point);
        }
        gesture(self, Phase::Release, *rest.last().unwrap_or(&first));
        declined
    }
}

/// Whether `point` lies on a slice of that family, whose slices may reach beyond the grid sideways.
fn has_slice_at(grid: &Grid, plane: AnatomicalPlane, point: Point<Patient>) -> bool {
    let family = GridPlane::nearest(grid, plane);
    let place = (grid.voxel_from_patient() * point).to_array()[family.slice_axis];
    place.round() >= 0.0 && place.round() < family.slice_count(grid) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_no_step_knows_is_refused() {
        let check = |step: &str, reads: bool| {
            assert_eq!(serde_json::from_str::<ScriptStep>(step).is_ok(), reads, "{step}");
        };
        let stroke =
            r#"{"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 2, "points_lps": [[0, 0, 0]]"#;
        check(&format!("{stroke}}}"), true);
        check(&format!(r#"{stroke}, "range": [0, 1]}}"#), true);
        check(&format!(r#"{stroke}, "rang": [0, 1]}}"#), false);
        check(&stroke.replace("brush", "spray"), false);
        check(r#"{"tool": "undo", "time": 2}"#, false);
        check(r#"{"tool": "threshold", "label": 1, "range": [150, 3000]}"#, true);
        check(r#"{"tool": "threshold", "label": 1, "range": [150, 3000], "rage": 1}"#, false);
        check(
            r#"{"tool": "grow", "label": 1, "seed_lps": [1, 2, 3], "range": [1, 2], "connectivity": 26}"#,
            true,
        );
        check(
            r#"{"tool": "grow", "label": 1, "seed_lps": [1, 2, 3], "range": [1, 2], "connectivity": 8}"#,
            false,
        );
        check(r#"{"tool": "islands", "label": 1, "keep": "largest"}"#, true);
        check(r#"{"tool": "islands", "label": 1, "remove_below_mm3": 50, "connectivity": 26}"#, true);
        check(r#"{"tool": "islands", "label": 1, "keep": "smallest"}"#, false);
        check(r#"{"tool": "fill-holes", "label": 1}"#, true);
        check(r#"{"tool": "margin", "label": 1, "mm": -3.0}"#, true);
        check(r#"{"tool": "smooth", "label": 1, "method": "closing", "mm": 3.0}"#, true);
        check(r#"{"tool": "combine", "op": "union", "a": 1, "b": 2, "into": 3}"#, true);
        check(r#"{"label": 1}"#, false);
        check(r#"["threshold"]"#, false);
    }

    #[test]
    fn every_algorithm_is_found_by_its_word() {
        let step = serde_json::json!({"tool": "no such word"});
        let error = serde_json::from_value::<Algorithm>(step).expect_err("unknown").to_string();
        let known: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
        assert_eq!(known, Algorithm::TOOLS, "{error}");
    }
}
