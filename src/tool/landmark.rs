//! Places and drags named points.

use super::{Cursor, Desk, Gesture, Phase, Preview, REACH_PIXELS, Response, StepEnd, Tool, pixels_between};
use super::{new_annotation, numbered_name};
use crate::annotation::{AnnotationId, Shape};
use crate::case::Edit;
use crate::geometry::{Patient, Point, Vector};
use crate::view::View;

/// Places a landmark by press, drags one that is already there.
#[derive(Debug, Default)]
pub struct LandmarkTool {
    state: State,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Ready,
    /// `grip` leads from the pointer to the landmark.
    Dragging { id: AnnotationId, grip: Vector<Patient> },
}

impl Tool for LandmarkTool {
    fn handle(&mut self, gesture: &Gesture<'_>, desk: &Desk<'_>) -> Response {
        let mut response = Response::default();
        self.state = match (self.state, gesture.phase) {
            (_, Phase::Press) => match landmark_at(gesture.at, gesture.view, desk) {
                Some((id, place)) => {
                    response.begin = Some(format!("Move {}", name_of(desk, id)));
                    response.select = Some(Some(id));
                    State::Dragging { id, grip: place - gesture.at }
                }
                None => {
                    let name = numbered_name(desk.case, "Landmark");
                    let landmark = new_annotation(desk, name, Shape::Landmark(gesture.at));
                    let id = landmark.id;
                    response.begin = Some(format!("Place {}", landmark.name));
                    response.select = Some(Some(id));
                    response.edits.push(Edit::add_annotation(desk.case, landmark));
                    State::Dragging { id, grip: Vector::new(0.0, 0.0, 0.0) }
                }
            },
            (State::Dragging { id, grip }, Phase::Drag) => {
                response.edits.extend(moved(desk, id, gesture.at + grip));
                State::Dragging { id, grip }
            }
            (State::Dragging { .. }, Phase::Release) => {
                response.end = Some(StepEnd::Commit);
                State::Ready
            }
            (State::Ready, Phase::Drag | Phase::Release) => State::Ready,
        };
        response
    }

    fn cancel(&mut self) -> Response {
        let end = matches!(self.state, State::Dragging { .. }).then_some(StepEnd::Abort);
        self.state = State::Ready;
        Response { end, ..Response::default() }
    }

    fn cursor(&self, at: Point<Patient>, view: &View, desk: &Desk<'_>) -> Cursor {
        let over = matches!(self.state, State::Dragging { .. }) || landmark_at(at, view, desk).is_some();
        if over { Cursor::Move } else { Cursor::Crosshair }
    }

    fn preview(&self, _at: Point<Patient>, _desk: &Desk<'_>, _inverted: bool) -> Option<Preview> {
        None
    }

    fn hint(&self) -> &'static str {
        match self.state {
            State::Ready => "Click: place a landmark · Drag one: move it · Delete: remove the selected one",
            State::Dragging { .. } => {
                "Release to set the landmark · Wheel: to another slice · Esc: put it back"
            }
        }
    }
}

/// The nearest landmark within reach that lies on the slice shown.
fn landmark_at(at: Point<Patient>, view: &View, desk: &Desk<'_>) -> Option<(AnnotationId, Point<Patient>)> {
    let spacing = desk.case.volume().grid().spacing_mm().into_iter().fold(0.0, f64::max);
    let points = desk.case.annotations().iter().filter_map(|annotation| match annotation.shape {
        Shape::Landmark(point) => Some((annotation.id, point)),
        Shape::Box(_) => None,
    });
    let near = points.filter(|(_, point)| view.plane.depth_of(*point).abs() <= spacing);
    near.map(|(id, point)| (pixels_between(view, at, point), id, point))
        .filter(|(pixels, ..)| *pixels <= REACH_PIXELS)
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, id, point)| (id, point))
}

fn name_of(desk: &Desk<'_>, id: AnnotationId) -> String {
    desk.case.annotation(id).map(|annotation| annotation.name.clone()).unwrap_or_default()
}

fn moved(desk: &Desk<'_>, id: AnnotationId, to: Point<Patient>) -> Option<Edit> {
    let mut landmark = desk.case.annotation(id)?.clone();
    landmark.shape = Shape::Landmark(to);
    Edit::change_annotation(desk.case, id, Some(landmark))
}
