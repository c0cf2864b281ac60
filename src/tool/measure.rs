//! Rulers, angles, and ellipses and rectangles whose values are told.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Cursor, Desk, Gesture, Phase, Preview, REACH_PIXELS, Response, StepEnd, Tool};
use super::{new_annotation, numbered_name, pixels_between, reshaped};
use crate::annotation::{Annotation, AnnotationId, FlatRegion, Shape};
use crate::case::Edit;
use crate::geometry::{Patient, Plane, Point};
use crate::view::View;

/// What is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeasureKind {
    /// The distance between two points.
    #[default]
    Ruler,
    /// The angle between three points.
    Angle,
    /// Values inside an ellipse.
    Ellipse,
    /// Values inside a rectangle.
    Rectangle,
}

impl MeasureKind {
    /// All, in the order in which one follows the other.
    pub const ALL: [Self; 4] = [Self::Ruler, Self::Angle, Self::Ellipse, Self::Rectangle];

    /// As buttons and names of measurements say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ruler => "Ruler",
            Self::Angle => "Angle",
            Self::Ellipse => "Ellipse",
            Self::Rectangle => "Rectangle",
        }
    }

    /// The one after it.
    pub fn next(self) -> Self {
        let place = Self::ALL.iter().position(|kind| *kind == self).unwrap_or(0);
        Self::ALL[(place + 1) % Self::ALL.len()]
    }
}

/// Draws a measurement by drag (an angle by three clicks), and moves what is there by its handles.
#[derive(Debug, Default)]
pub struct MeasureTool {
    state: State,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Ready,
    /// From the first point to the hand.
    Drawing {
        from: Point<Patient>,
        plane: Plane,
        to: Point<Patient>,
    },
    /// The first leg of an angle is there; the next click ends it. While `held` the button is down.
    Angle {
        from: Point<Patient>,
        corner: Option<Point<Patient>>,
        held: bool,
    },
    Moving {
        id: AnnotationId,
        grip: Grip,
        from: Point<Patient>,
        before: Shape,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grip {
    Handle(usize),
    All,
}

/// A measurement smaller than this on screen was a click.
const SMALLEST_PIXELS: f64 = 4.0;

impl Tool for MeasureTool {
    fn handle(&mut self, gesture: &Gesture<'_>, desk: &Desk<'_>) -> Response {
        let Gesture { at, view, .. } = *gesture;
        let mut response = Response::default();
        self.state = match (self.state, gesture.phase) {
            (State::Angle { from, corner: None, held: false }, Phase::Press) => {
                State::Angle { from, corner: Some(at), held: true }
            }
            (State::Angle { from, corner: Some(corner), held: false }, Phase::Press) => {
                self.state = State::Ready;
                finish(Shape::Angle([from, corner, at]), MeasureKind::Angle, desk, &mut response);
                State::Ready
            }
            (_, Phase::Press) => match grip_at(at, view, desk) {
                Some((id, before, grip)) => {
                    let name = desk.case.annotation(id).map_or("", |annotation| &annotation.name);
                    response.begin = Some(format!("Move {name}"));
                    response.select = Some(Some(id));
                    State::Moving { id, grip, from: at, before }
                }
                None if desk.measure == MeasureKind::Angle => {
                    State::Angle { from: at, corner: None, held: true }
                }
                None => State::Drawing { from: at, plane: view.plane, to: at },
            },
            (State::Drawing { from, plane, .. }, Phase::Drag) => State::Drawing { from, plane, to: at },
            (State::Drawing { from, plane, to }, Phase::Release) => {
                match shape_between(desk.measure, from, to, &plane).filter(|_| is_drawn(view, from, to)) {
                    Some(shape) => finish(shape, desk.measure, desk, &mut response),
                    None => response.select = Some(None),
                }
                State::Ready
            }
            // The first leg may be dragged or clicked.
            (State::Angle { from, corner: None, held: true }, Phase::Release) => {
                let corner = is_drawn(view, from, at).then_some(at);
                State::Angle { from, corner, held: false }
            }
            (State::Angle { from, corner, .. }, Phase::Release) => State::Angle { from, corner, held: false },
            (State::Moving { id, grip, from, before }, Phase::Drag) => {
                let shape = match grip {
                    Grip::Handle(handle) => before.with_handle(handle, at),
                    Grip::All => before.moved_by(at - from),
                };
                response.edits.extend(reshaped(desk, id, shape));
                self.state
            }
            (State::Moving { .. }, Phase::Release) => {
                response.end = Some(StepEnd::Commit);
                State::Ready
            }
            (state, Phase::Drag | Phase::Release) => state,
        };
        response
    }

    fn is_busy(&self) -> bool {
        matches!(self.state, State::Angle { .. })
    }

    fn cancel(&mut self) -> Response {
        let end = matches!(self.state, State::Moving { .. }).then_some(StepEnd::Abort);
        self.state = State::Ready;
        Response { end, ..Response::default() }
    }

    fn cursor(&self, at: Point<Patient>, view: &View, desk: &Desk<'_>) -> Cursor {
        match self.state {
            State::Moving { .. } => Cursor::Move,
            State::Ready if grip_at(at, view, desk).is_some() => Cursor::Move,
            _ => Cursor::Crosshair,
        }
    }

    fn preview(&self, at: Point<Patient>, _view: &View, desk: &Desk<'_>, _inverted: bool) -> Option<Preview> {
        match self.state {
            State::Ready | State::Moving { .. } => None,
            State::Drawing { from, plane, to } => {
                shape_between(desk.measure, from, to, &plane).map(Preview::Measurement)
            }
            State::Angle { from, corner: None, .. } => Some(Preview::Measurement(Shape::Ruler([from, at]))),
            State::Angle { from, corner: Some(corner), .. } => {
                Some(Preview::Measurement(Shape::Angle([from, corner, at])))
            }
        }
    }

    fn hint(&self, desk: &Desk<'_>) -> Cow<'static, str> {
        match (self.state, desk.measure) {
            (State::Angle { corner: None, .. }, _) => "Click the corner of the angle · Esc: drop it".into(),
            (State::Angle { .. }, _) => "Click the end of the other leg · Esc: drop it".into(),
            (_, MeasureKind::Angle) => {
                "Click three points: leg, corner, leg · M: measure something else".into()
            }
            (_, kind) => {
                let word = match kind {
                    MeasureKind::Ellipse => "an ellipse".to_owned(),
                    other => format!("a {}", other.name().to_lowercase()),
                };
                format!("Drag: draw {word} · Drag a handle: change it · M: measure something else").into()
            }
        }
    }
}

fn is_drawn(view: &View, from: Point<Patient>, to: Point<Patient>) -> bool {
    pixels_between(view, from, to) >= SMALLEST_PIXELS
}

/// The measurement between two corners; an angle has three.
fn shape_between(
    kind: MeasureKind,
    from: Point<Patient>,
    to: Point<Patient>,
    plane: &Plane,
) -> Option<Shape> {
    match kind {
        MeasureKind::Ruler => Some(Shape::Ruler([from, to])),
        MeasureKind::Ellipse => Some(Shape::Ellipse(FlatRegion::in_plane(plane, from, to))),
        MeasureKind::Rectangle => Some(Shape::Rectangle(FlatRegion::in_plane(plane, from, to))),
        MeasureKind::Angle => None,
    }
}

fn finish(shape: Shape, kind: MeasureKind, desk: &Desk<'_>, response: &mut Response) {
    let name = numbered_name(desk.case, kind.name());
    let annotation = Annotation { label: None, ..new_annotation(desk, name, shape) };
    response.begin = Some(format!("Measure {}", annotation.name));
    response.select = Some(Some(annotation.id));
    response.edits.push(Edit::add_annotation(desk.case, annotation));
    response.end = Some(StepEnd::Commit);
}

/// The measurement under the pointer on the slice shown and what of it is gripped; the selected one
/// comes first, and its inside counts too.
fn grip_at(at: Point<Patient>, view: &View, desk: &Desk<'_>) -> Option<(AnnotationId, Shape, Grip)> {
    let half_slice = desk.half_voxel(view.plane.normal()) + 1e-6;
    let is_near = |point: &Point<Patient>| view.plane.depth_of(*point).abs() <= half_slice;
    let mut all: Vec<&Annotation> = desk.case.annotations().iter().collect();
    all.retain(|annotation| {
        let handles = annotation.shape.handles();
        !handles.is_empty() && handles.iter().all(is_near)
    });
    all.sort_by_key(|annotation| Some(annotation.id) != desk.selected);
    all.into_iter().find_map(|annotation| {
        let handles = annotation.shape.handles();
        let handle = handles.iter().position(|point| pixels_between(view, at, *point) <= REACH_PIXELS);
        let inside = match annotation.shape {
            Shape::Ellipse(region) | Shape::Rectangle(region) => {
                let place = at - region.centre;
                (0..2).all(|axis| place.dot(region.axes[axis]).abs() <= region.half_mm[axis])
            }
            _ => false,
        };
        let all = (inside && desk.selected == Some(annotation.id)).then_some(Grip::All);
        let grip = handle.map(Grip::Handle).or(all)?;
        Some((annotation.id, annotation.shape, grip))
    })
}
