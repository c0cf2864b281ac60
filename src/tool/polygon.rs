//! Draws a closed line point by point or by free hand, and fills it.

use std::borrow::Cow;

use super::contour::{Contour, distance_to_segment, simplified};
use super::target::{label_to_draw, refusal};
use super::{
    Ask, Cursor, Desk, Gesture, Phase, Preview, REACH_PIXELS, Response, StepEnd, Tool, pixels_between,
};
use crate::geometry::{Patient, Point};
use crate::view::View;

/// A click sets a point, a drag draws; points and lines can be dragged until the contour is filled.
/// A click on the first or the last point fills it, so that a double click does.
#[derive(Debug, Default)]
pub struct PolygonTool {
    state: State,
}

#[derive(Debug, Default, Clone)]
enum State {
    #[default]
    Ready,
    /// Points are set, no button is down.
    Open(Drawing),
    /// One point is held.
    Holding { drawing: Drawing, point: usize, moved: bool },
    /// The line follows the hand; `first` is where this stretch of it begins.
    Drawing { drawing: Drawing, first: usize },
}

#[derive(Debug, Clone)]
struct Drawing {
    contour: Contour,
    erasing: bool,
}

/// A hand moves this far before a point follows it.
const STILL_PIXELS: f64 = 3.0;
/// Free hand leaves a point this often.
const STRIDE_PIXELS: f64 = 2.5;
/// Points this near to the line between others are left out.
const SLACK_PIXELS: f64 = 0.6;
/// Fewer points enclose nothing.
const FEWEST: usize = 3;

impl Tool for PolygonTool {
    fn handle(&mut self, gesture: &Gesture<'_>, desk: &Desk<'_>) -> Response {
        let Gesture { at, view, .. } = *gesture;
        let grid = desk.case.volume().grid();
        let mut response = Response::default();
        self.state = match (std::mem::take(&mut self.state), gesture.phase) {
            (State::Ready, Phase::Press) => {
                response.notice = refusal(desk, desk.active_label).filter(|_| desk.active_label != 0);
                if response.notice.is_some() {
                    State::Ready
                } else {
                    let contour = Contour { plane: view.plane, points: vec![at] };
                    let drawing = Drawing { contour, erasing: gesture.inverted };
                    State::Drawing { drawing, first: 0 }
                }
            }
            (State::Open(drawing), Phase::Press) if !drawing.contour.lies_on(view, grid) => {
                response.notice =
                    Some("The contour lies on another slice: Enter fills it, Esc drops it".into());
                State::Open(drawing)
            }
            (State::Open(drawing), Phase::Press) => drawing.gripped(at, view),
            (State::Holding { mut drawing, point, moved }, Phase::Drag) => {
                let contour = &mut drawing.contour;
                let moved = moved || pixels_between(view, contour.points[point], at) > STILL_PIXELS;
                if moved && contour.lies_on(view, grid) {
                    contour.points[point] = contour.plane.project(at);
                }
                State::Holding { drawing, point, moved }
            }
            (State::Holding { drawing, point, moved: false }, Phase::Release) => {
                let points = &drawing.contour.points;
                let ends = point == 0 || point + 1 == points.len();
                if ends && points.len() >= FEWEST {
                    filled(drawing, desk, &mut response)
                } else {
                    State::Open(drawing)
                }
            }
            (State::Drawing { mut drawing, first }, Phase::Drag) => {
                let contour = &mut drawing.contour;
                let last = contour.points.last().copied().unwrap_or(at);
                if pixels_between(view, last, at) >= STRIDE_PIXELS && contour.lies_on(view, grid) {
                    contour.points.push(contour.plane.project(at));
                }
                State::Drawing { drawing, first }
            }
            (State::Drawing { mut drawing, first }, Phase::Release) => {
                let points = &mut drawing.contour.points;
                let stretch = simplified(&points[first..], SLACK_PIXELS / view.pixels_per_mm);
                points.splice(first.., stretch);
                State::Open(drawing)
            }
            (State::Holding { drawing, moved: true, .. }, Phase::Release) => State::Open(drawing),
            (state, Phase::Press | Phase::Drag | Phase::Release) => state,
        };
        response
    }

    fn asked(&mut self, ask: Ask, view: &View, desk: &Desk<'_>) -> Option<Response> {
        let mut response = Response::default();
        self.state = match (ask, std::mem::take(&mut self.state)) {
            (Ask::Accept, State::Open(drawing)) => filled(drawing, desk, &mut response),
            (Ask::StepBack, State::Open(mut drawing)) => {
                drawing.contour.points.pop();
                if drawing.contour.points.is_empty() { State::Ready } else { State::Open(drawing) }
            }
            (Ask::Paste, State::Ready) => {
                let last = desk.last_contour;
                match last.and_then(|contour| contour.on_plane_of(view)) {
                    Some(contour) => State::Open(Drawing { contour, erasing: false }),
                    None => {
                        response.notice = Some(match last {
                            None => "There is no contour to paste yet".into(),
                            Some(_) => {
                                "The last contour lies in another direction: it cannot be pasted here".into()
                            }
                        });
                        State::Ready
                    }
                }
            }
            (_, state) => {
                self.state = state;
                return None;
            }
        };
        Some(response)
    }

    fn is_busy(&self) -> bool {
        !matches!(self.state, State::Ready)
    }

    fn cancel(&mut self) -> Response {
        self.state = State::Ready;
        Response::default()
    }

    fn cursor(&self, at: Point<Patient>, view: &View, _desk: &Desk<'_>) -> Cursor {
        match &self.state {
            State::Holding { .. } => Cursor::Move,
            State::Open(drawing) if drawing.point_at(at, view).is_some() => Cursor::Move,
            _ => Cursor::Crosshair,
        }
    }

    fn preview(&self, at: Point<Patient>, view: &View, desk: &Desk<'_>, _inverted: bool) -> Option<Preview> {
        let (drawing, next) = match &self.state {
            State::Ready => return None,
            State::Open(drawing) => (drawing, Some(at)),
            State::Holding { drawing, .. } | State::Drawing { drawing, .. } => (drawing, None),
        };
        drawing.contour.lies_on(view, desk.case.volume().grid()).then(|| Preview::Contour {
            points: drawing.contour.points.clone(),
            next,
            erasing: drawing.erasing,
        })
    }

    fn hint(&self, _desk: &Desk<'_>) -> Cow<'static, str> {
        match self.state {
            State::Ready => "Click: set points · Drag: draw by free hand · Ctrl+D: the last contour again".into(),
            State::Open(_) => {
                "Enter or double click: fill · Drag a point or a line: change it · Backspace: one point back · Esc: drop it"
                    .into()
            }
            State::Holding { .. } | State::Drawing { .. } => "Release, then Enter or a double click fills it".into(),
        }
    }
}

impl Drawing {
    /// What a press at a point takes hold of: a point, the line, or a new point.
    fn gripped(mut self, at: Point<Patient>, view: &View) -> State {
        if let Some(point) = self.point_at(at, view) {
            return State::Holding { drawing: self, point, moved: false };
        }
        let points = &mut self.contour.points;
        let at = self.contour.plane.project(at);
        let reach_mm = REACH_PIXELS / 2.0 / view.pixels_per_mm;
        let on_line = (1..points.len())
            .find(|next| distance_to_segment(at, points[next - 1], points[*next]) <= reach_mm);
        match on_line {
            Some(point) => {
                points.insert(point, at);
                State::Holding { drawing: self, point, moved: true }
            }
            None => {
                points.push(at);
                let first = points.len() - 1;
                State::Drawing { drawing: self, first }
            }
        }
    }

    /// The nearest point within reach.
    fn point_at(&self, at: Point<Patient>, view: &View) -> Option<usize> {
        let points = self.contour.points.iter().enumerate();
        points
            .map(|(number, point)| (pixels_between(view, at, *point), number))
            .filter(|(pixels, _)| *pixels <= REACH_PIXELS)
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, number)| number)
    }
}

/// Fills the contour as one step; it stays open where it encloses nothing or may not be filled.
fn filled(drawing: Drawing, desk: &Desk<'_>, response: &mut Response) -> State {
    let Drawing { contour, erasing } = &drawing;
    if contour.points.len() < FEWEST {
        response.notice = Some("A contour needs three points or more".into());
        return State::Open(drawing);
    }
    let label = label_to_draw(desk, *erasing, response);
    if let Some(notice) = refusal(desk, label) {
        response.notice = Some(notice);
        return State::Open(drawing);
    }
    let (word, joint) = if *erasing { ("Erase contour", "from") } else { ("Contour", "on") };
    response.begin = Some(format!("{word} {joint} {}", desk.name_of(label)));
    let edit = desk.writer(label, *erasing).and_then(|mut writer| {
        contour.for_each_run(desk.case.volume().grid(), |i, j, k| writer.write_run(i, j, k));
        writer.finish()
    });
    if edit.is_none() {
        response.notice = Some("The contour changes no voxel".into());
    }
    response.end = Some(if edit.is_some() { StepEnd::Commit } else { StepEnd::Abort });
    response.edits.extend(edit);
    response.contour = Some(drawing.contour);
    State::Ready
}
