//! Draws, moves and resizes boxes in any view.

use std::borrow::Cow;

use super::{Cursor, Desk, Gesture, Phase, Preview, REACH_PIXELS, Response, StepEnd, Tool, pixels_between};
use super::{new_annotation, numbered_name, reshaped};
use crate::annotation::{AnnotationId, OrientedBox, Shape};
use crate::case::Edit;
use crate::geometry::{Patient, Plane, Point, Vector};
use crate::view::View;

/// Draws a box by drag; takes a box by its border or handles, the selected one also by its inside.
/// Turning the wheel while drawing sets the depth.
#[derive(Debug, Default)]
pub struct BoxTool {
    state: State,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Ready,
    Drawing {
        from: Point<Patient>,
        plane: Plane,
        drawn: Option<OrientedBox>,
    },
    Moving {
        id: AnnotationId,
        from: Point<Patient>,
        before: OrientedBox,
    },
    Resizing {
        id: AnnotationId,
        from: Point<Patient>,
        before: OrientedBox,
        faces: [Option<Face>; 2],
    },
}

/// One side of a box: the axis, and whether it is the far end of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Face {
    axis: usize,
    positive: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Grip {
    Body,
    Faces([Option<Face>; 2]),
}

/// A box smaller than this on screen was a click.
const SMALLEST_PIXELS: f64 = 4.0;

impl Tool for BoxTool {
    fn handle(&mut self, gesture: &Gesture<'_>, desk: &Desk<'_>) -> Response {
        let at = gesture.at;
        let mut response = Response::default();
        self.state = match (self.state, gesture.phase) {
            (_, Phase::Press) => match grip_at(at, gesture.view, desk) {
                Some((id, before, grip)) => {
                    let name = desk.case.annotation(id).map_or("", |annotation| &annotation.name);
                    response.select = Some(Some(id));
                    match grip {
                        Grip::Body => {
                            response.begin = Some(format!("Move {name}"));
                            State::Moving { id, from: at, before }
                        }
                        Grip::Faces(faces) => {
                            response.begin = Some(format!("Resize {name}"));
                            State::Resizing { id, from: at, before, faces }
                        }
                    }
                }
                None => State::Drawing { from: at, plane: gesture.view.plane, drawn: None },
            },
            (State::Drawing { from, plane, .. }, Phase::Drag) => {
                let drawn = drawn_box(from, at, &plane, gesture.view, desk);
                State::Drawing { from, plane, drawn }
            }
            (State::Drawing { drawn: Some(shape), .. }, Phase::Release) => {
                let annotation = new_annotation(desk, numbered_name(desk.case, "Box"), Shape::Box(shape));
                response.begin = Some(format!("Draw {}", annotation.name));
                response.select = Some(Some(annotation.id));
                response.edits.push(Edit::add_annotation(desk.case, annotation));
                response.end = Some(StepEnd::Commit);
                State::Ready
            }
            (State::Drawing { drawn: None, .. }, Phase::Release) => {
                response.select = Some(None);
                State::Ready
            }
            (State::Moving { id, from, before }, Phase::Drag) => {
                let moved = OrientedBox { centre: before.centre + (at - from), ..before };
                response.edits.extend(reshaped(desk, id, Shape::Box(moved)));
                self.state
            }
            (State::Resizing { id, from, before, faces }, Phase::Drag) => {
                let moved = at - from;
                let resized =
                    faces.into_iter().flatten().fold(before, |shape, face| pulled(&shape, face, moved, desk));
                response.edits.extend(reshaped(desk, id, Shape::Box(resized)));
                self.state
            }
            (State::Moving { .. } | State::Resizing { .. }, Phase::Release) => {
                response.end = Some(StepEnd::Commit);
                State::Ready
            }
            (State::Ready, Phase::Drag | Phase::Release) => State::Ready,
        };
        response
    }

    fn cancel(&mut self) -> Response {
        let open = matches!(self.state, State::Moving { .. } | State::Resizing { .. });
        self.state = State::Ready;
        Response { end: open.then_some(StepEnd::Abort), ..Response::default() }
    }

    fn cursor(&self, at: Point<Patient>, view: &View, desk: &Desk<'_>) -> Cursor {
        match self.state {
            State::Moving { .. } => Cursor::Move,
            State::Resizing { .. } => Cursor::Resize,
            State::Drawing { .. } => Cursor::Crosshair,
            State::Ready => match grip_at(at, view, desk) {
                Some((_, _, Grip::Body)) => Cursor::Move,
                Some((_, _, Grip::Faces(_))) => Cursor::Resize,
                None => Cursor::Crosshair,
            },
        }
    }

    fn preview(
        &self,
        _at: Point<Patient>,
        _view: &View,
        _desk: &Desk<'_>,
        _inverted: bool,
    ) -> Option<Preview> {
        match self.state {
            State::Drawing { drawn, .. } => drawn.map(Preview::Box),
            _ => None,
        }
    }

    fn hint(&self, _desk: &Desk<'_>) -> Cow<'static, str> {
        let words = match self.state {
            State::Ready => {
                "Drag: draw a box · Border or handle: move or resize · Delete: remove the selected one"
            }
            State::Drawing { .. } => "Wheel: set the depth · Release to keep the box · Esc: drop it",
            State::Moving { .. } => "Release to set the box · Wheel: to another slice · Esc: put it back",
            State::Resizing { .. } => "Release to set the side · Esc: put it back",
        };
        words.into()
    }
}

/// The box between two points. While both lie on the slice where the drag began its depth is the
/// mean of its sides, and always at least the slice; the wheel then sets it.
fn drawn_box(
    from: Point<Patient>,
    at: Point<Patient>,
    plane: &Plane,
    view: &View,
    desk: &Desk<'_>,
) -> Option<OrientedBox> {
    let mut shape = OrientedBox::in_plane(plane, from, at);
    let [across, down, deep] = shape.half_mm;
    if across.min(down) * 2.0 * view.pixels_per_mm < SMALLEST_PIXELS {
        return None;
    }
    let half_slice = desk.half_voxel(plane.normal());
    shape.half_mm[2] = if deep < 1e-6 {
        let flat = desk.case.volume().grid().dims().contains(&1);
        if flat { half_slice } else { ((across + down) / 2.0).max(half_slice) }
    } else {
        deep + half_slice
    };
    Some(shape)
}

/// The box with a face pulled by `moved`. It keeps one voxel between that face and the opposite one:
/// a box without depth could be neither seen nor taken again.
fn pulled(shape: &OrientedBox, face: Face, moved: Vector<Patient>, desk: &Desk<'_>) -> OrientedBox {
    let axis = shape.axes[face.axis];
    let out_mm = if face.positive { moved.dot(axis) } else { -moved.dot(axis) };
    let room_mm = (shape.half_mm[face.axis] - desk.half_voxel(axis)).max(0.0) * 2.0;
    shape.with_face_moved(face.axis, face.positive, out_mm.max(-room_mm))
}

/// The box under the pointer and what of it is gripped; the selected box comes first.
fn grip_at(at: Point<Patient>, view: &View, desk: &Desk<'_>) -> Option<(AnnotationId, OrientedBox, Grip)> {
    let mut boxes: Vec<(AnnotationId, OrientedBox)> = desk
        .case
        .annotations()
        .iter()
        .filter_map(|annotation| match annotation.shape {
            Shape::Box(shape) => Some((annotation.id, shape)),
            _ => None,
        })
        .collect();
    boxes.sort_by_key(|(id, _)| Some(*id) != desk.selected);
    boxes.into_iter().find_map(|(id, shape)| {
        let reach_mm = REACH_PIXELS / view.pixels_per_mm;
        let inside = shape.contains(at, reach_mm);
        let cut = inside && !shape.section(&view.plane).is_empty();
        let selected = desk.selected == Some(id);
        cut.then(|| grip_of(at, view, &shape, selected)).flatten().map(|grip| (id, shape, grip))
    })
}

/// The grip of a box at a point within reach of it: a corner, a handle in the middle of a side, the
/// border, or, for the selected box, its inside.
fn grip_of(at: Point<Patient>, view: &View, shape: &OrientedBox, selected: bool) -> Option<Grip> {
    let place = at - shape.centre;
    // A side can be gripped where its axis lies more in the picture than across it.
    let near = |axis: usize| {
        let [along, half] = [place.dot(shape.axes[axis]), shape.half_mm[axis]];
        let in_picture = shape.axes[axis].dot(view.plane.normal()).abs() < 0.7;
        let pixels = (along.abs() - half).abs() * view.pixels_per_mm;
        (in_picture && pixels <= REACH_PIXELS).then_some(Face { axis, positive: along > 0.0 })
    };
    let faces: Vec<Face> = (0..3).filter_map(near).collect();
    match faces[..] {
        [first, second, ..] => Some(Grip::Faces([Some(first), Some(second)])),
        [face] => {
            let sign = if face.positive { 1.0 } else { -1.0 };
            let middle = shape.centre + shape.axes[face.axis] * (sign * shape.half_mm[face.axis]);
            let on_handle = pixels_between(view, at, middle) <= REACH_PIXELS * 1.5;
            Some(if on_handle { Grip::Faces([Some(face), None]) } else { Grip::Body })
        }
        [] => selected.then_some(Grip::Body),
    }
}
