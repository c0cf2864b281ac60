//! Paints and erases labels under a moving disc or ball.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::edges::{greatest_radius_mm, runs_this_side};
use super::sweep::{Footprint, Sweep};
use super::target::{VoxelRun, label_to_draw, refusal};
use super::{Cursor, Desk, Gesture, Phase, Preview, Response, StepEnd, Tool};
use crate::case::{Edit, PaintOver};
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
    /// Paints only where the value lies in this range, ends included. This and what follows hold for
    /// every tool that writes labels.
    pub only_values: Option<[f64; 2]>,
    /// What may be painted over.
    #[serde(default)]
    pub over: PaintOver,
    /// Paints only the basins under the pointer, among the steepness of the values under the brush: ends at
    /// edges that are steeper than this part, from 0 to 1, of the steepest one there.
    #[serde(default)]
    pub follow_edges: Option<f64>,
}

impl Default for BrushSettings {
    fn default() -> Self {
        Self {
            shape: BrushShape::Disc,
            radius_mm: 3.0,
            only_values: None,
            over: PaintOver::All,
            follow_edges: None,
        }
    }
}

impl BrushSettings {
    /// How much is taken in where edges are followed and nothing is told.
    pub const USUAL_DEPTH: f64 = 0.2;
}

/// Paints the active label, or erases it; with `inverted` gestures the other way round.
#[derive(Debug)]
pub struct BrushTool {
    erases: bool,
    state: State,
    /// What this stroke took from other labels.
    taken: Vec<VoxelRun>,
    /// What a press at a place would reach, as of the last look.
    reached: RefCell<Option<Reached>>,
}

/// What a tip reaches at a place, at a time of the study.
#[derive(Debug)]
struct Reached {
    at: Point<Patient>,
    tip: Tip,
    time: usize,
    runs: Vec<VoxelRun>,
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
        let mut brush = *desk.brush;
        if brush.follow_edges.is_some() {
            let most = greatest_radius_mm(desk.case.volume().grid(), footprint);
            brush.radius_mm = brush.radius_mm.min(most);
        }
        Self { brush, footprint }
    }

    /// Whether a hand that moved on from `last` need not be followed yet: looking at edges at every step
    /// of a quick pointer would cost more than it shows.
    fn can_wait(&self, last: Point<Patient>, at: Point<Patient>, view: &View) -> bool {
        let way = at - last;
        self.brush.follow_edges.is_some()
            && way.length() < self.brush.radius_mm * STILL
            && way.dot(view.plane.normal()).abs() < 1e-6
    }
}

/// A part of the radius.
const STILL: f64 = 0.1;

impl BrushTool {
    /// The brush.
    pub fn painting() -> Self {
        Self { erases: false, state: State::Ready, taken: Vec::new(), reached: RefCell::default() }
    }

    /// The eraser.
    pub fn erasing() -> Self {
        Self { erases: true, state: State::Ready, taken: Vec::new(), reached: RefCell::default() }
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
                self.taken.clear();
                let label = label_to_draw(desk, erasing, &mut response);
                match refusal(desk, label) {
                    Some(notice) => {
                        response.notice = Some(notice);
                        State::Ready
                    }
                    None => {
                        response.begin = Some(step_name(desk, tip, label, erasing));
                        response.notice = narrowed(desk, tip);
                        let edit = stroke([at, at], tip, false, label, erasing, desk, &mut self.taken);
                        let drew = edit.is_some();
                        response.edits.extend(edit);
                        let made_label = response.activate.is_some();
                        State::Drawing { last: at, with: tip, label, erasing, drew, made_label }
                    }
                }
            }
            (state @ State::Drawing { last, with, .. }, Phase::Drag)
                if tip == with && tip.can_wait(last, at, gesture.view) =>
            {
                state
            }
            (State::Drawing { last, with, label, erasing, drew, made_label }, Phase::Drag) => {
                let edit = stroke([last, at], tip, tip == with, label, erasing, desk, &mut self.taken);
                let drew = drew || edit.is_some();
                response.edits.extend(edit);
                State::Drawing { last: at, with: tip, label, erasing, drew, made_label }
            }
            (State::Drawing { last, with, label, erasing, drew, made_label }, Phase::Release) => {
                let mut drew = drew;
                if tip == with && at != last && tip.can_wait(last, at, gesture.view) {
                    let edit = stroke([last, at], tip, true, label, erasing, desk, &mut self.taken);
                    drew |= edit.is_some();
                    response.edits.extend(edit);
                }
                // A label made for a stroke that drew nothing goes with it.
                response.end = Some(if drew { StepEnd::Commit } else { StepEnd::Abort });
                self.taken.clear();
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
        self.taken.clear();
        Response { end, ..Response::default() }
    }

    fn cursor(&self, _at: Point<Patient>, _view: &View, _desk: &Desk<'_>) -> Cursor {
        Cursor::Hidden
    }

    fn preview(&self, at: Point<Patient>, view: &View, desk: &Desk<'_>, inverted: bool) -> Option<Preview> {
        let erasing = match self.state {
            State::Drawing { erasing, .. } => erasing,
            State::Ready => self.erases != inverted,
        };
        let tip = Tip::now(view, desk);
        let (mut taken, mut reached) = (self.taken.clone(), Vec::new());
        if let State::Ready = self.state {
            let cover = self.cover_at(view.plane.project(at), tip, desk);
            if !erasing {
                visit_taken(&cover, desk.active_label, desk, &mut taken);
            }
            reached = cover.this_side.unwrap_or_default();
        }
        let shown = |runs: &[VoxelRun]| runs.iter().filter_map(|run| run.on_slice(view)).collect();
        let (taken, reached) = (shown(&taken), shown(&reached));
        Some(Preview::Ring { centre: at, radius_mm: tip.brush.radius_mm, erasing, taken, reached })
    }

    fn hint(&self, _desk: &Desk<'_>) -> Cow<'static, str> {
        let words = match (self.state, self.erases) {
            (State::Drawing { .. }, _) => "Wheel: paint on into the next slice · Esc: take the stroke back",
            (State::Ready, false) => {
                "Drag: paint · Right drag: erase · Shift+wheel: size · Alt+click: pick a label"
            }
            (State::Ready, true) => {
                "Drag: erase · Right drag: paint · Shift+wheel: size · Alt+click: pick a label"
            }
        };
        words.into()
    }
}

impl BrushTool {
    /// What a press at a place would cover; looked up once while the pointer rests.
    fn cover_at<'a>(&self, at: Point<Patient>, tip: Tip, desk: &Desk<'a>) -> Cover<'a> {
        let mut seen = self.reached.borrow_mut();
        let time = desk.display.time;
        let is_seen = |seen: &Reached| (seen.at, seen.tip, seen.time) == (at, tip, time);
        let known = seen.take_if(|seen| is_seen(seen)).map(|seen| seen.runs);
        let cover = match known {
            Some(runs) => Cover { sweep: sweep([at, at], tip, false, desk), this_side: Some(runs) },
            None => Cover::by([at, at], tip, false, desk),
        };
        *seen = cover.this_side.clone().map(|runs| Reached { at, tip, time, runs });
        cover
    }
}

fn step_name(desk: &Desk<'_>, tip: Tip, label: u16, erasing: bool) -> String {
    let name = desk.name_of(label);
    let millimetres = tip.brush.radius_mm * 2.0;
    let (word, joint) = if erasing { ("Erase", "from") } else { ("Brush", "on") };
    let along = if tip.brush.follow_edges.is_some() { " along edges" } else { "" };
    let unit = desk.case.volume().placement.unit();
    format!("{word} {} {unit}{along} {joint} {name}", (millimetres * 10.0).round() / 10.0)
}

/// What is said of a tip that is smaller than the brush.
fn narrowed(desk: &Desk<'_>, tip: Tip) -> Option<String> {
    let is_narrowed = tip.brush.radius_mm < desk.brush.radius_mm;
    let unit = desk.case.volume().placement.unit();
    is_narrowed.then(|| {
        format!("Edges are followed by a brush of {:.0} {unit} at most here", tip.brush.radius_mm * 2.0)
    })
}

/// The edit of one sample: everything under the tip on its way. `from_is_done` tells that this very
/// tip has drawn where the way begins. What it takes from other labels is added to `taken`.
fn stroke(
    way: [Point<Patient>; 2],
    tip: Tip,
    from_is_done: bool,
    label: u16,
    erasing: bool,
    desk: &Desk<'_>,
    taken: &mut Vec<VoxelRun>,
) -> Option<Edit> {
    let cover = Cover::by(way, tip, from_is_done, desk);
    let mut writer = desk.writer(label, erasing)?;
    cover.for_each_run(|i, j, k| writer.write_run(i, j, k));
    let edit = writer.finish()?;
    edit.for_each_taken(|i, j, k| taken.push(VoxelRun { i, j, k }));
    Some(edit)
}

/// What one sample covers.
struct Cover<'a> {
    sweep: Sweep<'a>,
    /// The voxels of the sweep that lie on the pointer's side of edges, where these are followed.
    this_side: Option<Vec<VoxelRun>>,
}

impl<'a> Cover<'a> {
    fn by(way: [Point<Patient>; 2], tip: Tip, from_is_done: bool, desk: &Desk<'a>) -> Self {
        let sweep = sweep(way, tip, from_is_done, desk);
        let this_side = tip.brush.follow_edges.map(|depth| runs_this_side(&sweep, depth, desk));
        Self { sweep, this_side }
    }

    fn for_each_run(&self, mut visit: impl FnMut(Range<usize>, usize, usize)) {
        match &self.this_side {
            Some(runs) => runs.iter().for_each(|run| visit(run.i.clone(), run.j, run.k)),
            None => self.sweep.for_each_run(visit),
        }
    }
}

fn sweep<'a>([from, to]: [Point<Patient>; 2], tip: Tip, from_is_done: bool, desk: &Desk<'a>) -> Sweep<'a> {
    let Tip { brush: BrushSettings { radius_mm, .. }, footprint } = tip;
    Sweep { grid: desk.case.volume().grid(), from, to, radius_mm, footprint, from_is_done }
}

/// Adds the voxels that drawing would take from other labels.
fn visit_taken(cover: &Cover<'_>, label: u16, desk: &Desk<'_>, taken: &mut Vec<VoxelRun>) {
    let Some(writer) = desk.writer(label, false).filter(|_| desk.has_other_labels()) else { return };
    cover.for_each_run(|i, j, k| {
        writer.for_each_taken(i, j, k, |i| taken.push(VoxelRun { i, j, k }));
    });
}
