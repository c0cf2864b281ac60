//! Paints and erases labels under a moving disc or ball.

use serde::{Deserialize, Serialize};

use super::sweep::{Footprint, Sweep};
use super::{Cursor, Desk, Gesture, Phase, Preview, Response, StepEnd, Tool};
use crate::annotation::Label;
use crate::case::{Edit, MaskWriter, WriteRule};
use crate::geometry::{Patient, Point};
use crate::view::View;

/// The brush's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BrushShape {
    /// A disc in the view's plane, one slice deep.
    Disc,
    /// A ball.
    Ball,
}

/// The brush.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrushSettings {
    /// Its form.
    pub shape: BrushShape,
    /// Its radius in the patient, in millimetres.
    pub radius_mm: f64,
    /// Paints only where the value lies in this range, ends included.
    pub only_values: Option<[f64; 2]>,
}

impl Default for BrushSettings {
    fn default() -> Self {
        Self { shape: BrushShape::Disc, radius_mm: 3.0, only_values: None }
    }
}

/// Paints the active label, or erases it; with `inverted` gestures the other way round.
#[derive(Debug)]
pub struct BrushTool {
    erases: bool,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Ready,
    /// `last` and `with` are the place and the tip of the last sample; `drew` tells whether any sample
    /// so far changed a voxel, `made_label` whether the label is of this stroke.
    Drawing {
        last: Point<Patient>,
        with: Tip,
        label: u16,
        erasing: bool,
        drew: bool,
        made_label: bool,
    },
}

/// What is drawn with at one moment. Size, form and view may change in mid-stroke.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tip {
    brush: BrushSettings,
    footprint: Footprint,
}

impl Tip {
    fn now(view: &View, desk: &Desk<'_>) -> Self {
        let footprint = match desk.brush.shape {
            BrushShape::Ball => Footprint::Ball,
            BrushShape::Disc => Footprint::Disc { normal: view.plane.normal() },
        };
        Self { brush: *desk.brush, footprint }
    }
}

impl BrushTool {
    /// The brush.
    pub fn painting() -> Self {
        Self { erases: false, state: State::Ready }
    }

    /// The eraser.
    pub fn erasing() -> Self {
        Self { erases: true, state: State::Ready }
    }
}

impl Tool for BrushTool {
    fn handle(&mut self, gesture: &Gesture<'_>, desk: &Desk<'_>) -> Response {
        let at = gesture.view.plane.project(gesture.at);
        let tip = Tip::now(gesture.view, desk);
        let mut response = Response::default();
        self.state = match (self.state, gesture.phase) {
            (_, Phase::Press) => {
                let erasing = self.erases != gesture.inverted;
                let label = label_to_draw(desk, erasing, &mut response);
                match refusal(desk, label) {
                    Some(notice) => {
                        response.notice = Some(notice);
                        State::Ready
                    }
                    None => {
                        response.begin = Some(step_name(desk, label, erasing));
                        let edit = stroke([at, at], tip, false, label, erasing, desk);
                        let drew = edit.is_some();
                        response.edits.extend(edit);
                        let made_label = response.activate.is_some();
                        State::Drawing { last: at, with: tip, label, erasing, drew, made_label }
                    }
                }
            }
            (State::Drawing { last, with, label, erasing, drew, made_label }, Phase::Drag) => {
                let edit = stroke([last, at], tip, tip == with, label, erasing, desk);
                let drew = drew || edit.is_some();
                response.edits.extend(edit);
                State::Drawing { last: at, with: tip, label, erasing, drew, made_label }
            }
            (State::Drawing { label, drew, made_label, .. }, Phase::Release) => {
                // A label made for a stroke that drew nothing goes with it.
                response.end = Some(if drew { StepEnd::Commit } else { StepEnd::Abort });
                let made = desk.case.scheme().get(label).filter(|_| drew && made_label);
                response.notice = made.map(|label| format!("\"{}\" is a new label", label.name));
                State::Ready
            }
            (State::Ready, Phase::Drag | Phase::Release) => State::Ready,
        };
        response
    }

    fn cancel(&mut self) -> Response {
        let end = matches!(self.state, State::Drawing { .. }).then_some(StepEnd::Abort);
        self.state = State::Ready;
        Response { end, ..Response::default() }
    }

    fn cursor(&self, _at: Point<Patient>, _view: &View, _desk: &Desk<'_>) -> Cursor {
        Cursor::Hidden
    }

    fn preview(&self, at: Point<Patient>, desk: &Desk<'_>, inverted: bool) -> Option<Preview> {
        let erasing = match self.state {
            State::Drawing { erasing, .. } => erasing,
            State::Ready => self.erases != inverted,
        };
        Some(Preview::Ring { centre: at, radius_mm: desk.brush.radius_mm, erasing })
    }

    fn hint(&self) -> &'static str {
        match (self.state, self.erases) {
            (State::Drawing { .. }, _) => "Wheel: paint on into the next slice · Esc: take the stroke back",
            (State::Ready, false) => {
                "Drag: paint · Right drag: erase · Shift+wheel: size · Alt+click: pick a label"
            }
            (State::Ready, true) => {
                "Drag: erase · Right drag: paint · Shift+wheel: size · Alt+click: pick a label"
            }
        }
    }
}

/// The active label; painting with one that the scheme does not have makes it within the same step.
fn label_to_draw(desk: &Desk<'_>, erasing: bool, response: &mut Response) -> u16 {
    let exists = desk.case.scheme().get(desk.active_label).is_some();
    if exists || erasing {
        return desk.active_label;
    }
    let wanted = (desk.active_label != 0).then_some(desk.active_label);
    let Some(index) = wanted.or_else(|| desk.case.scheme().next_free_index()) else { return 0 };
    let label = Label::numbered(index);
    response.edits.extend(Edit::set_label(desk.case, index, Some(label)));
    response.activate = Some(index);
    index
}

fn refusal(desk: &Desk<'_>, label: u16) -> Option<String> {
    let scheme = desk.case.scheme();
    match scheme.get(label) {
        Some(label) if label.locked => Some(format!("\"{}\" is locked: unlock it to change it", label.name)),
        None if label == 0 => Some("There is no label to draw with: make one first".into()),
        _ => None,
    }
}

fn step_name(desk: &Desk<'_>, label: u16, erasing: bool) -> String {
    let fallback = format!("Label {label}");
    let name = desk.case.scheme().get(label).map_or(fallback.as_str(), |label| &label.name);
    let millimetres = desk.brush.radius_mm * 2.0;
    let (word, joint) = if erasing { ("Erase", "from") } else { ("Brush", "on") };
    let unit = desk.case.volume().placement.unit();
    format!("{word} {} {unit} {joint} {name}", (millimetres * 10.0).round() / 10.0)
}

/// The edit of one sample: everything under the tip on its way. `from_is_done` tells that this very
/// tip has drawn where the way begins.
fn stroke(
    [from, to]: [Point<Patient>; 2],
    tip: Tip,
    from_is_done: bool,
    label: u16,
    erasing: bool,
    desk: &Desk<'_>,
) -> Option<Edit> {
    let Tip { brush: BrushSettings { radius_mm, only_values, .. }, footprint } = tip;
    let rule = if erasing { WriteRule::erase(label) } else { WriteRule::paint(label) };
    let mut writer =
        MaskWriter::new(desk.case, desk.layer, WriteRule { only_values, time: desk.display.time, ..rule })?;
    let sweep = Sweep { grid: desk.case.volume().grid(), from, to, radius_mm, footprint, from_is_done };
    sweep.for_each_run(|i, j, k| writer.write_run(i, j, k));
    writer.finish()
}
