//! Places and drags named points, one by one or in the order of a template.

use std::borrow::Cow;

use super::{
    Ask, Cursor, Desk, Gesture, Phase, Preview, REACH_PIXELS, Response, StepEnd, Tool, pixels_between,
};
use super::{new_annotation, numbered_name, reshaped};
use crate::annotation::{Annotation, AnnotationId, Shape};
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
                    let name = asked_for(desk)
                        .map_or_else(|| numbered_name(desk.case, "Landmark"), |(_, name)| name.clone());
                    let landmark = new_annotation(desk, name, Shape::Landmark(gesture.at));
                    let id = landmark.id;
                    response.begin = Some(format!("Place {}", landmark.name));
                    response.select = Some(Some(id));
                    response.edits.push(Edit::add_annotation(desk.case, landmark));
                    State::Dragging { id, grip: Vector::new(0.0, 0.0, 0.0) }
                }
            },
            (State::Dragging { id, grip }, Phase::Drag) => {
                response.edits.extend(reshaped(desk, id, Shape::Landmark(gesture.at + grip)));
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

    fn asked(&mut self, ask: Ask, _view: &View, desk: &Desk<'_>) -> Option<Response> {
        let mut response = Response::default();
        match (ask, self.state) {
            (Ask::StepBack, State::Ready) => {
                let last = placed_last(desk)?;
                response.begin = Some(format!("Take back {}", last.name));
                response.edits.extend(Edit::change_annotation(desk.case, last.id, None));
            }
            (Ask::Nudge(by), State::Ready) => {
                let selected = desk.case.annotation(desk.selected?)?;
                let Shape::Landmark(point) = selected.shape else { return None };
                response.begin = Some(format!("Nudge {}", selected.name));
                response.edits.extend(reshaped(desk, selected.id, Shape::Landmark(point + by)));
            }
            _ => return None,
        }
        response.end = Some(StepEnd::Commit);
        Some(response)
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

    fn preview(
        &self,
        _at: Point<Patient>,
        _view: &View,
        _desk: &Desk<'_>,
        _inverted: bool,
    ) -> Option<Preview> {
        None
    }

    fn prompt(&self, desk: &Desk<'_>) -> Option<String> {
        let (place, name) = asked_for(desk)?;
        let count = desk.template?.landmarks.len();
        Some(format!("Place {name} ({} of {count})", place + 1))
    }

    fn hint(&self, desk: &Desk<'_>) -> Cow<'static, str> {
        match (self.state, self.prompt(desk), desk.template) {
            (State::Dragging { .. }, ..) => {
                "Release to set the landmark · Wheel: to another slice · Esc: put it back".into()
            }
            (State::Ready, Some(prompt), _) => {
                format!("{prompt} · Backspace: one back · Arrows: nudge").into()
            }
            (State::Ready, None, Some(template)) => {
                format!("All {} landmarks are placed · Drag one: move it", template.landmarks.len()).into()
            }
            (State::Ready, ..) => {
                "Click: place a landmark · Drag one: move it · Arrows: nudge · Delete: remove the selected one"
                    .into()
            }
        }
    }
}

/// The nearest landmark within reach that lies on the slice shown.
fn landmark_at(at: Point<Patient>, view: &View, desk: &Desk<'_>) -> Option<(AnnotationId, Point<Patient>)> {
    let spacing = desk.case.volume().grid().spacing_mm().into_iter().fold(0.0, f64::max);
    let points = desk.case.annotations().iter().filter_map(|annotation| match annotation.shape {
        Shape::Landmark(point) => Some((annotation.id, point)),
        _ => None,
    });
    let near = points.filter(|(_, point)| view.plane.depth_of(*point).abs() <= spacing);
    // While one is asked for, a click is meant to place it, also close to another.
    let reach = if asked_for(desk).is_some() { REACH_PIXELS / 2.0 } else { REACH_PIXELS };
    near.map(|(id, point)| (pixels_between(view, at, point), id, point))
        .filter(|(pixels, ..)| *pixels <= reach)
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, id, point)| (id, point))
}

fn name_of(desk: &Desk<'_>, id: AnnotationId) -> String {
    desk.case.annotation(id).map(|annotation| annotation.name.clone()).unwrap_or_default()
}

/// The landmark of a name, where it is placed.
fn placed<'a>(desk: &Desk<'a>, name: &str) -> Option<&'a Annotation> {
    let is_it =
        |annotation: &&Annotation| matches!(annotation.shape, Shape::Landmark(_)) && annotation.name == name;
    desk.case.annotations().iter().find(is_it)
}

/// The first landmark of the template that is not placed yet, and its place in it.
pub(super) fn asked_for<'a>(desk: &Desk<'a>) -> Option<(usize, &'a String)> {
    let mut names = desk.template?.landmarks.iter().enumerate();
    names.find(|(_, name)| placed(desk, name).is_none())
}

/// The landmark before the one that is asked for.
fn placed_last<'a>(desk: &Desk<'a>) -> Option<&'a Annotation> {
    let names = &desk.template?.landmarks;
    let next = asked_for(desk).map_or(names.len(), |(place, _)| place);
    placed(desk, &names[next.checked_sub(1)?])
}
