//! Draws a closed line point by point or by free hand, and fills it.

use std::borrow::Cow;

use super::contour::{Contour, distance_to_segment, simplified};
use super::target::{label_to_draw, refusal};
use super::wire::Wire;
use super::{
    Ask, Cursor, Desk, Gesture, Phase, Preview, REACH_PIXELS, Response, StepEnd, Tool, pixels_between,
};
use crate::geometry::{Patient, Point};
use crate::view::View;

/// A click sets a point, a drag draws; points and lines can be dragged until the contour is filled.
/// A click on the first or the last point fills it, so that a double click does. Where lines snap to edges, a
/// click sets the corners of the way along them as well, and one Backspace takes back all of it.
#[derive(Debug, Default)]
pub struct PolygonTool {
    state: State,
    wire: Wire,
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
    /// How many points there were before and after each click that set several.
    stretches: Vec<[usize; 2]>,
    /// Whether it was pasted and has all its points: nothing leads on to the pointer.
    is_whole: bool,
}

/// A hand moves this far before a point follows it.
const STILL_PIXELS: f64 = 3.0;
/// Free hand leaves a point this often.
const STRIDE_PIXELS: f64 = 2.5;
/// Points this near to the line between others are left out.
const SLACK_PIXELS: f64 = 0.6;
const NO_EDGES_HERE: &str =
    "Lines snap to edges on scanned slices only: leave the true patient planes to have it";
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
                    if desk.snaps && view.slice.is_none() {
                        response.notice = Some(NO_EDGES_HERE.into());
                    }
                    let drawing = Drawing::of(contour, gesture.inverted);
                    State::Drawing { drawing, first: 0 }
                }
            }
            (State::Open(drawing), Phase::Press) if !drawing.contour.lies_on(view, grid) => {
                response.notice =
                    Some("The contour lies on another slice: Enter fills it, Esc drops it".into());
                State::Open(drawing)
            }
            (State::Open(drawing), Phase::Press) => {
                drawing.gripped(at, view, |way| self.corners(way, view, desk))
            }
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
                    let closing = self.closing(&drawing, view, desk);
                    filled(drawing, closing, desk, &mut response)
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
            (Ask::Accept, State::Open(drawing)) => {
                let closing = self.closing(&drawing, view, desk);
                filled(drawing, closing, desk, &mut response)
            }
            (Ask::StepBack, State::Open(mut drawing)) => {
                drawing.step_back();
                if drawing.contour.points.is_empty() { State::Ready } else { State::Open(drawing) }
            }
            (Ask::Paste, State::Ready) => {
                let last = desk.last_contour;
                match last.and_then(|contour| contour.on_plane_of(view)) {
                    Some(contour) => State::Open(Drawing { is_whole: true, ..Drawing::of(contour, false) }),
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
            State::Open(drawing) if drawing.is_whole => {
                (drawing, drawing.contour.points.first().copied().into_iter().collect())
            }
            State::Open(drawing) => (drawing, self.way_on(drawing, at, view, desk)),
            State::Holding { drawing, .. } | State::Drawing { drawing, .. } => (drawing, Vec::new()),
        };
        drawing.contour.lies_on(view, desk.case.volume().grid()).then(|| Preview::Contour {
            points: drawing.contour.points.clone(),
            next,
            erasing: drawing.erasing,
        })
    }

    fn standing(&self, view: &View, desk: &Desk<'_>) -> Option<Preview> {
        let drawing = match &self.state {
            State::Ready => return None,
            State::Open(drawing) | State::Holding { drawing, .. } | State::Drawing { drawing, .. } => drawing,
        };
        let next = drawing.contour.points.first().copied().filter(|_| drawing.is_whole).into_iter().collect();
        drawing.contour.lies_on(view, desk.case.volume().grid()).then(|| Preview::Contour {
            points: drawing.contour.points.clone(),
            next,
            erasing: drawing.erasing,
        })
    }

    fn hint(&self, desk: &Desk<'_>) -> Cow<'static, str> {
        match self.state {
            State::Ready if desk.snaps => {
                "Click: set points, the line between them runs along edges · Drag: draw by free hand".into()
            }
            State::Ready => "Click: set points · Drag: draw by free hand · Ctrl+D: the last contour again".into(),
            State::Open(_) => {
                "Enter or double click: fill · Drag a point or a line: change it · Backspace: one point back · Esc: drop it"
                    .into()
            }
            State::Holding { .. } | State::Drawing { .. } => "Release, then Enter or a double click fills it".into(),
        }
    }
}

impl PolygonTool {
    /// The corners between two points, where lines snap to edges; none where they are straight.
    fn corners(&self, way: [Point<Patient>; 2], view: &View, desk: &Desk<'_>) -> Vec<Point<Patient>> {
        let corners = || self.wire.corners(way, SLACK_PIXELS / view.pixels_per_mm, view, desk);
        desk.snaps.then(corners).flatten().unwrap_or_default()
    }

    /// The corners between the last point and the first.
    fn closing(&self, drawing: &Drawing, view: &View, desk: &Desk<'_>) -> Vec<Point<Patient>> {
        match drawing.contour.points[..] {
            [first, .., last] if drawing.contour.lies_on(view, desk.case.volume().grid()) => {
                self.corners([last, first], view, desk)
            }
            _ => Vec::new(),
        }
    }

    /// The way from the last point to the pointer, or to the first point under it.
    fn way_on(
        &self,
        drawing: &Drawing,
        at: Point<Patient>,
        view: &View,
        desk: &Desk<'_>,
    ) -> Vec<Point<Patient>> {
        let points = &drawing.contour.points;
        let to = if drawing.point_at(at, view) == Some(0) { points[0] } else { at };
        let corners = points.last().map(|last| self.corners([*last, to], view, desk));
        corners.into_iter().flatten().chain([to]).collect()
    }
}

impl Drawing {
    fn of(contour: Contour, erasing: bool) -> Self {
        Self { contour, erasing, stretches: Vec::new(), is_whole: false }
    }

    /// Takes back the last point, or all that the last click set.
    fn step_back(&mut self) {
        self.is_whole = false;
        let points = &mut self.contour.points;
        match self.stretches.pop_if(|[_, after]| *after == points.len()) {
            Some([before, _]) => points.truncate(before),
            None => drop(points.pop()),
        }
    }

    /// What a press at a point takes hold of: a point, the line, or a new point with the corners on the way
    /// to it.
    fn gripped(
        mut self,
        at: Point<Patient>,
        view: &View,
        corners: impl FnOnce([Point<Patient>; 2]) -> Vec<Point<Patient>>,
    ) -> State {
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
                self.stretches.clear();
                State::Holding { drawing: self, point, moved: true }
            }
            None => {
                let before = points.len();
                if let Some(last) = points.last() {
                    points.extend(corners([*last, at]));
                }
                points.push(at);
                self.is_whole = false;
                let first = points.len() - 1;
                self.stretches.push([before, points.len()]);
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

/// Fills the contour, closed over some more corners, as one step; it stays open where it encloses nothing or may not be filled.
fn filled(drawing: Drawing, closing: Vec<Point<Patient>>, desk: &Desk<'_>, response: &mut Response) -> State {
    let Drawing { contour, erasing, .. } = &drawing;
    let mut contour = contour.clone();
    contour.points.extend(closing);
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
    response.contour = Some(contour);
    State::Ready
}
