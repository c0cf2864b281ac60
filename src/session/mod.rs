//! One open case, where input meets state.
//!
//! Always true: every command of the window, of the command line and of a script goes through
//! [`Session`], so all three behave the same; every change of the case is a step of its history.
//!
//! Must never know: egui, wgpu.

mod command;
mod document;
mod labels;
mod pointer;
mod script;
mod tally;

use crate::annotation::{Annotation, AnnotationId, Shape};
use crate::case::{Case, Edit, EditError, History};
use crate::geometry::{AnatomicalPlane, Direction, Grid, Patient, Point};
use crate::tool::{BrushSettings, Cursor, Desk, Preview, Response, StepEnd, Tool, ToolKind};
use crate::view::{Display, Pane, SliceSource, View};
use crate::volume::Window;

pub use command::{COMMANDS, Command, CommandInfo, Menu, WINDOW_PRESETS};
pub use document::{Document, OpenError, SaveJob, SaveOutcome, system_author};
pub use pointer::{Button, Modifiers};
pub use script::{Script, ScriptError, ScriptStep};

/// How many panes show slices.
pub const PANES: usize = 3;

/// One open case with everything a person has set about it.
pub struct Session {
    case: Case,
    history: History,
    author: String,
    panes: [Pane; PANES],
    sizes: [Option<[f64; 2]>; PANES],
    active_pane: usize,
    source: SliceSource,
    focus: Point<Patient>,
    display: Display,
    first_window: Window,
    crosshair_shown: bool,
    annotations_shown: bool,
    tool_kind: ToolKind,
    previous_tool: ToolKind,
    tool: Box<dyn Tool>,
    brush: BrushSettings,
    layer: usize,
    active_label: u16,
    selected: Option<AnnotationId>,
    grab: Option<pointer::Grab>,
    hover: Option<pointer::Hover>,
    notice: Option<String>,
    changes: u64,
    saved_changes: u64,
    tally: tally::Tally,
}

/// What stands under the pointer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Readout {
    /// Continuous voxel coordinates.
    pub voxel: Point<crate::geometry::Voxel>,
    /// The place in the patient.
    pub patient: Point<Patient>,
    /// The value of the voxel there; `None` outside the grid.
    pub value: Option<f64>,
    /// The topmost label there, 0 for none.
    pub label: u16,
}

impl Session {
    /// A session on a case. Panes show all of it, the crosshair stands in its middle.
    pub fn new(case: Case, author: impl Into<String>) -> Self {
        let volume = case.volume().clone();
        let grid = volume.grid();
        let window = volume.suggested_window.unwrap_or_else(|| volume.automatic_window());
        let middle = grid.centre_of(grid.clamped_index_at(grid.middle()));
        let source = SliceSource::Acquisition;
        let fitted = |plane| Pane::fitted(plane, source, grid, [512.0, 512.0]);
        let active_label = case.scheme().iter().next().map_or(0, |(index, _)| index);
        Self {
            active_label,
            author: author.into(),
            panes: AnatomicalPlane::ALL.map(fitted),
            sizes: [None; PANES],
            active_pane: 0,
            source,
            focus: middle,
            display: Display::with_window(window),
            first_window: window,
            crosshair_shown: true,
            annotations_shown: true,
            tool_kind: ToolKind::Navigate,
            previous_tool: ToolKind::Brush,
            tool: ToolKind::Navigate.tool(),
            brush: BrushSettings::default(),
            layer: 0,
            selected: None,
            grab: None,
            hover: None,
            notice: None,
            changes: 0,
            saved_changes: 0,
            tally: tally::Tally::default(),
            history: History::default(),
            case,
        }
    }

    /// The case.
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// The steps made.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Who draws.
    pub fn author(&self) -> &str {
        &self.author
    }

    /// How the study is shown.
    pub fn display(&self) -> &Display {
        &self.display
    }

    /// How the study is shown, to be set.
    pub fn display_mut(&mut self) -> &mut Display {
        &mut self.display
    }

    /// Where the crosshair stands.
    pub fn focus(&self) -> Point<Patient> {
        self.focus
    }

    /// Puts the crosshair somewhere; outside the grid it goes to the nearest voxel.
    pub fn set_focus(&mut self, to: Point<Patient>) {
        let grid = self.case.volume().grid();
        self.focus = if grid.index_at(to).is_some() { to } else { grid.centre_of(grid.clamped_index_at(to)) };
    }

    /// Which planes are shown.
    pub fn slice_source(&self) -> SliceSource {
        self.source
    }

    /// Shows the acquisition's own slices or true patient planes.
    pub fn set_slice_source(&mut self, source: SliceSource) {
        self.source = source;
    }

    /// Whether the crosshair is drawn.
    pub fn crosshair_shown(&self) -> bool {
        self.crosshair_shown
    }

    /// Whether boxes and landmarks are drawn.
    pub fn annotations_shown(&self) -> bool {
        self.annotations_shown
    }

    /// The tool in hand.
    pub fn tool_kind(&self) -> ToolKind {
        self.tool_kind
    }

    /// Takes a tool in hand; a gesture under way is broken off.
    pub fn take_tool(&mut self, kind: ToolKind) {
        self.cancel_gesture();
        if kind != self.tool_kind {
            self.previous_tool = self.tool_kind;
            self.tool_kind = kind;
            self.tool = kind.tool();
        }
    }

    /// One line that says what the hands can do now.
    pub fn hint(&self) -> &'static str {
        self.tool.hint()
    }

    /// The brush.
    pub fn brush(&self) -> &BrushSettings {
        &self.brush
    }

    /// Sets the brush; its radius stays between a hundredth and a thousand millimetres.
    pub fn set_brush(&mut self, brush: BrushSettings) {
        self.brush = BrushSettings { radius_mm: brush.radius_mm.clamp(0.01, 1000.0), ..brush };
    }

    /// The layer that is drawn on.
    pub fn layer(&self) -> usize {
        self.layer
    }

    /// The label that is drawn, 0 where there is none yet.
    pub fn active_label(&self) -> u16 {
        self.active_label
    }

    /// The selected annotation.
    pub fn selected(&self) -> Option<&Annotation> {
        self.case.annotation(self.selected?)
    }

    /// Selects an annotation and shows the slice that holds its middle, or selects nothing.
    pub fn select(&mut self, id: Option<AnnotationId>) {
        self.selected = id;
        if let Some(annotation) = self.selected() {
            let middle = match annotation.shape {
                Shape::Box(shape) => shape.centre,
                Shape::Landmark(point) => point,
            };
            self.set_focus(middle);
        }
    }

    /// The sentence that the last action left for the person, once.
    pub fn take_notice(&mut self) -> Option<String> {
        self.notice.take()
    }

    /// Counts every change of what would be saved.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether there is something to save.
    pub fn is_unsaved(&self) -> bool {
        self.changes != self.saved_changes
    }

    /// Notes that the state after `changes` changes is on disk.
    pub fn mark_saved(&mut self, changes: u64) {
        self.saved_changes = changes;
    }

    /// Brings counts up to date with the masks; cheap where nothing changed.
    pub fn refresh_counts(&mut self) {
        self.tally.follow(&self.case);
    }

    /// Voxels of a label, as of the last [`Self::refresh_counts`].
    pub fn voxels_of(&self, label: u16) -> u64 {
        self.tally.voxels(label)
    }

    /// The slices along a voxel axis that hold any label, rising, as of the last
    /// [`Self::refresh_counts`].
    pub fn annotated_slices(&self, axis: usize) -> &[usize] {
        self.tally.annotated_slices(axis)
    }

    /// Tells how large a pane is, in logical pixels; the first time the grid is fitted into it.
    pub fn set_pane_size(&mut self, pane: usize, size: [f64; 2]) {
        let size = size.map(|edge| edge.max(1.0));
        let is_first = self.sizes[pane].replace(size).is_none();
        if is_first {
            self.fit(pane);
        }
    }

    /// The view of a pane now.
    pub fn view(&self, pane: usize) -> View {
        let size = self.sizes[pane].unwrap_or([512.0, 512.0]);
        self.panes[pane].view(self.source, self.grid(), self.focus, size)
    }

    /// The pane that slice keys act on: the one the pointer was over last.
    pub fn active_pane(&self) -> usize {
        self.active_pane
    }

    /// Shows all of the grid in a pane.
    pub fn fit(&mut self, pane: usize) {
        let size = self.sizes[pane].unwrap_or([512.0, 512.0]);
        self.panes[pane] = Pane::fitted(self.panes[pane].plane, self.source, self.grid(), size);
    }

    /// Moves the slice of a pane; a stroke under way goes on there.
    pub fn scroll_slices(&mut self, pane: usize, steps: i64) {
        self.set_focus(self.panes[pane].scrolled(self.source, self.grid(), self.focus, steps));
        self.continue_gesture_on_new_slice();
    }

    /// Shows a slice of a pane by its number.
    pub fn show_slice(&mut self, pane: usize, slice: usize) {
        if let Some((_, now)) = self.view_in_acquisition(pane).slice {
            // Numbers run along the voxel axis whichever way the viewer looks.
            let family = crate::geometry::GridPlane::nearest(self.grid(), self.panes[pane].plane);
            let last = family.slice_count(self.grid()) - 1;
            if slice.min(last) != now {
                self.set_focus(family.on_slice(self.grid(), self.focus, slice.min(last)));
                self.continue_gesture_on_new_slice();
            }
        }
    }

    fn view_in_acquisition(&self, pane: usize) -> View {
        self.panes[pane].view(SliceSource::Acquisition, self.grid(), self.focus, [512.0, 512.0])
    }

    /// What stands at a point.
    pub fn readout(&self, at: Point<Patient>) -> Readout {
        let volume = self.case.volume();
        let index = volume.grid().index_at(at);
        let label_in = |layer: &crate::volume::LabelMap| index.map_or(0, |index| layer.label(index));
        Readout {
            voxel: volume.grid().voxel_from_patient() * at,
            patient: at,
            value: index.map(|index| volume.value(index, self.display.time)),
            label: self.case.layers().iter().rev().map(label_in).find(|label| *label != 0).unwrap_or(0),
        }
    }

    /// What stands under the pointer, while it is over a pane.
    pub fn hovered(&self) -> Option<Readout> {
        self.hover.map(|hover| self.readout(hover.at))
    }

    /// What the tool shows beyond the case, and the pointer's shape, in the pane the pointer is over.
    pub fn tool_picture(&self, pane: usize) -> Option<(Option<Preview>, Cursor)> {
        let hover = self.hover.filter(|hover| hover.pane == pane)?;
        let view = self.view(pane);
        let preview = self.with_desk(|desk| self.tool.preview(hover.at, desk, hover.inverted));
        Some((preview, self.with_desk(|desk| self.tool.cursor(hover.at, &view, desk))))
    }

    /// The window that the study was opened with.
    pub fn first_window(&self) -> Window {
        self.first_window
    }

    /// Undo; `false` where there is nothing to take back.
    pub fn undo(&mut self) -> Result<bool, EditError> {
        self.cancel_gesture();
        let name = self.history.undo(&mut self.case)?.map(|name| format!("Undone: {name}"));
        Ok(self.after_history(name))
    }

    /// Redo; `false` where there is nothing to make again.
    pub fn redo(&mut self) -> Result<bool, EditError> {
        self.cancel_gesture();
        let name = self.history.redo(&mut self.case)?.map(|name| format!("Made again: {name}"));
        Ok(self.after_history(name))
    }

    /// Goes back or forth until `steps` steps are done.
    pub fn go_to_step(&mut self, steps: usize) -> Result<(), EditError> {
        while self.history.done().len() > steps && self.undo()? {}
        while self.history.done().len() < steps && self.redo()? {}
        Ok(())
    }

    fn after_history(&mut self, notice: Option<String>) -> bool {
        let Some(notice) = notice else { return false };
        self.changes += 1;
        self.notice = Some(notice);
        if self.active_label != 0 && self.case.scheme().get(self.active_label).is_none() {
            self.active_label = self.case.scheme().iter().next().map_or(0, |(index, _)| index);
        }
        self.selected = self.selected.filter(|id| self.case.annotation(*id).is_some());
        true
    }

    /// Adds a box or landmark as one step.
    pub fn add_annotation(
        &mut self,
        name: String,
        shape: Shape,
        label: Option<u16>,
    ) -> Result<(), EditError> {
        let word = match shape {
            Shape::Box(_) => "Draw",
            Shape::Landmark(_) => "Place",
        };
        let step = format!("{word} {name}");
        let annotation = Annotation {
            id: uuid::Uuid::new_v4(),
            name,
            label,
            shape,
            author: self.author.clone(),
            created: now(),
        };
        self.apply_step(&step, [Edit::add_annotation(&self.case, annotation)])
    }

    /// Gives an annotation another name.
    pub fn rename_annotation(&mut self, id: AnnotationId, name: &str) -> Result<(), EditError> {
        let Some(annotation) = self.case.annotation(id).cloned() else { return Ok(()) };
        let step = format!("Rename {} to {name}", annotation.name);
        let renamed = Annotation { name: name.to_owned(), ..annotation };
        self.apply_step(&step, Edit::change_annotation(&self.case, id, Some(renamed)))
    }

    /// Removes an annotation.
    pub fn delete_annotation(&mut self, id: AnnotationId) -> Result<(), EditError> {
        let Some(annotation) = self.case.annotation(id) else { return Ok(()) };
        let step = format!("Delete {}", annotation.name);
        self.selected = self.selected.filter(|selected| *selected != id);
        self.apply_step(&step, Edit::change_annotation(&self.case, id, None))
    }

    /// Makes edits as one named step, or none of them.
    fn apply_step(&mut self, name: &str, edits: impl IntoIterator<Item = Edit>) -> Result<(), EditError> {
        self.cancel_gesture();
        self.history.begin(name);
        for edit in edits {
            if let Err(error) = self.history.apply(&mut self.case, edit, name) {
                self.history.abort(&mut self.case)?;
                return Err(error);
            }
            self.changes += 1;
        }
        self.history.commit();
        Ok(())
    }

    fn carry_out(&mut self, response: Response) -> Result<(), EditError> {
        let Response { begin, edits, end, select, activate, focus, window, notice } = response;
        let name = begin.clone().unwrap_or_default();
        if let Some(name) = begin {
            self.history.begin(name);
        }
        for edit in edits {
            self.history.apply(&mut self.case, edit, &name)?;
            self.changes += 1;
        }
        match end {
            Some(StepEnd::Commit) => drop(self.history.commit()),
            Some(StepEnd::Abort) => {
                self.history.abort(&mut self.case)?;
                self.changes += 1;
            }
            None => {}
        }
        if let Some(select) = select {
            self.selected = select;
        }
        if let Some(label) = activate {
            self.active_label = label;
        }
        if let Some(focus) = focus {
            self.set_focus(focus);
        }
        if let Some(window) = window {
            self.display.window = window;
        }
        if notice.is_some() {
            self.notice = notice;
        }
        Ok(())
    }

    fn with_desk<T>(&self, look: impl FnOnce(&Desk<'_>) -> T) -> T {
        let now = now();
        look(&Desk {
            case: &self.case,
            layer: self.layer,
            active_label: self.active_label,
            selected: self.selected,
            brush: &self.brush,
            display: &self.display,
            author: &self.author,
            now: &now,
        })
    }

    fn grid(&self) -> &Grid {
        self.case.volume().grid()
    }

    /// The directions in which i, j and k grow, as `info` and the status line spell them.
    pub fn axis_letters(&self) -> String {
        self.grid().axis_directions().map(Direction::letter).iter().collect()
    }
}

/// The time now, UTC, RFC 3339, to the second.
pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
