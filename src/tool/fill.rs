//! Fills what lies under the pointer: an enclosed hole, or an island of another label.

use std::borrow::Cow;

use super::target::{label_to_draw, refusal};
use super::{BrushShape, Cursor, Desk, Gesture, Phase, Preview, Response, StepEnd, Tool};
use crate::geometry::{Patient, Point, VoxelBox};
use crate::segment::{Connectivity, Unwatched, connected_to};
use crate::view::View;
use crate::volume::{LabelMap, Mask};

/// A click on background that the active label or others enclose on that slice fills it; a click on
/// an island gives it the active label, in the slice or, with the ball in hand, in all slices.
#[derive(Debug, Default)]
pub struct FillTool;

impl Tool for FillTool {
    fn handle(&mut self, gesture: &Gesture<'_>, desk: &Desk<'_>) -> Response {
        let mut response = Response::default();
        if gesture.phase != Phase::Press {
            return response;
        }
        if let Err(notice) = fill(gesture, desk, &mut response) {
            response = Response { notice: Some(notice), ..Response::default() };
        }
        response
    }

    fn cancel(&mut self) -> Response {
        Response::default()
    }

    fn cursor(&self, _at: Point<Patient>, _view: &View, _desk: &Desk<'_>) -> Cursor {
        Cursor::Crosshair
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

    fn hint(&self, _desk: &Desk<'_>) -> Cow<'static, str> {
        "Click a hole: fill it · Click an island: give it the label in hand · Ctrl+click: erase it".into()
    }
}

/// Answers with the step that fills at a place, or says why there is none.
fn fill(gesture: &Gesture<'_>, desk: &Desk<'_>, response: &mut Response) -> Result<(), String> {
    let grid = desk.case.volume().grid();
    let (family, slice) =
        gesture.view.slice.ok_or("Fill works on scanned slices: leave the true patient planes first")?;
    let Some(at) = grid.index_at(gesture.at) else { return Ok(()) };
    let map = desk.case.layers().get(desk.layer).ok_or("There is no such layer")?;
    let (old, erasing) = (map.label(at), gesture.inverted);
    if old == 0 && erasing {
        return Err("There is nothing to erase here".into());
    }
    let label = if erasing { old } else { label_to_draw(desk, false, response) };
    if let Some(notice) = refusal(desk, label).or_else(|| refusal(desk, old).filter(|_| old != 0)) {
        return Err(notice);
    }
    if old == label && !erasing {
        return Err(format!("This is \"{}\" already", desk.name_of(label)));
    }
    let mut bounds = grid.bounds();
    let in_space = old != 0 && desk.brush.shape == BrushShape::Ball;
    if !in_space {
        (bounds.min[family.slice_axis], bounds.max[family.slice_axis]) = (slice, slice + 1);
    } else if let Some(labelled) = labelled_bounds(map) {
        bounds = labelled;
    }
    let same = Mask::of_label(map, bounds, old);
    let Ok(mask) = connected_to(&same, at, Connectivity::Six, &Unwatched) else { return Ok(()) };
    if old == 0 && reaches_border(&mask) {
        return Err("This background is not enclosed: it reaches the border of the slice".into());
    }
    let mut writer = desk.writer(label, erasing).ok_or("There is no such layer")?;
    writer.write_mask(&mask);
    let edit = writer.finish().ok_or("Nothing may be changed here: see what may be painted over")?;
    response.begin = Some(match (old, erasing) {
        (0, _) => format!("Fill with {}", desk.name_of(label)),
        (_, false) => format!("Make {} {}", desk.name_of(old), desk.name_of(label)),
        (_, true) => format!("Erase island of {}", desk.name_of(old)),
    });
    response.edits.push(edit);
    response.end = Some(StepEnd::Commit);
    Ok(())
}

/// The box around all bricks of a map.
fn labelled_bounds(map: &LabelMap) -> Option<VoxelBox> {
    map.bricks().map(|(index, _)| map.brick_bounds(index)).reduce(|a, b| a.union(&b))
}

/// Whether a mask reaches the border of its box along an axis on which the box has several voxels.
fn reaches_border(mask: &Mask) -> bool {
    let bounds = mask.bounds();
    mask.tight_bounds().is_some_and(|tight| {
        let touches =
            |axis: usize| tight.min[axis] == bounds.min[axis] || tight.max[axis] == bounds.max[axis];
        (0..3).any(|axis| bounds.dims()[axis] > 1 && touches(axis))
    })
}
