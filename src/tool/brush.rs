//! Paints and erases labels under a moving disc or ball.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

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
}

impl Default for BrushSettings {
    fn default() -> Self {
        Self { shape: BrushShape::Disc, radius_mm: 3.0, only_values: None, over: PaintOver::All }
    }
}

/// Paints the active label, or erases it; with `inverted` gestures the other way round.
#[derive(Debug)]
pub struct BrushTool {
    erases: bool,
    state: State,
    /// What this stroke took from other labels.
    taken: Vec<VoxelRun>,
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
        Self { erases: false, state: State::Ready, taken: Vec::new() }
    }

    /// The eraser.
    pub fn erasing() -> Self {
        Self { erases: true, state: State::Ready, taken: Vec::new() }
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
                        response.begin = Some(step_name(desk, label, erasing));
                        let edit = stroke([at, at], tip, false, label, erasing, desk, &mut self.taken);
                        let drew = edit.is_some();
                        response.edits.extend(edit);
                        let made_label = response.activate.is_some();
                        State::Drawing { last: at, with: tip, label, erasing, drew, made_label }
                    }
                }
            }
            (State::Drawing { last, with, label, erasing, drew, made_label }, Phase::Drag) => {
                let edit = stroke([last, at], tip, tip == with, label, erasing, desk, &mut self.taken);
                let drew = drew || edit.is_some();
                response.edits.extend(edit);
                State::Drawing { last: at, with: tip, label, erasing, drew, made_label }
            }
            (State::Drawing { label, drew, made_label, .. }, Phase::Release) => {
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
        let mut taken = Vec::new();
        if let (State::Ready, false) = (self.state, erasing) {
            let at = view.plane.project(at);
            visit_taken([at, at], Tip::now(view, desk), desk.active_label, desk, &mut taken);
        }
        let taken = self.taken.iter().chain(&taken).filter_map(|run| run.on_slice(view)).collect();
        Some(Preview::Ring { centre: at, radius_mm: desk.brush.radius_mm, erasing, taken })
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

fn step_name(desk: &Desk<'_>, label: u16, erasing: bool) -> String {
    let name = desk.name_of(label);
    let millimetres = desk.brush.radius_mm * 2.0;
    let (word, joint) = if erasing { ("Erase", "from") } else { ("Brush", "on") };
    let unit = desk.case.volume().placement.unit();
    format!("{word} {} {unit} {joint} {name}", (millimetres * 10.0).round() / 10.0)
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
    let mut writer = desk.writer(label, erasing)?;
    sweep(way, tip, from_is_done, desk).for_each_run(|i, j, k| writer.write_run(i, j, k));
    let edit = writer.finish()?;
    edit.for_each_taken(|i, j, k| taken.push(VoxelRun { i, j, k }));
    Some(edit)
}

fn sweep<'a>([from, to]: [Point<Patient>; 2], tip: Tip, from_is_done: bool, desk: &Desk<'a>) -> Sweep<'a> {
    let Tip { brush: BrushSettings { radius_mm, .. }, footprint } = tip;
    Sweep { grid: desk.case.volume().grid(), from, to, radius_mm, footprint, from_is_done }
}

/// Adds the voxels that drawing along a way would take from other labels.
fn visit_taken(way: [Point<Patient>; 2], tip: Tip, label: u16, desk: &Desk<'_>, taken: &mut Vec<VoxelRun>) {
    let Some(writer) = desk.writer(label, false).filter(|_| desk.has_other_labels()) else { return };
    sweep(way, tip, false, desk).for_each_run(|i, j, k| {
        writer.for_each_taken(i, j, k, |i| taken.push(VoxelRun { i, j, k }));
    });
}
