//! One open case, where input meets state.
//!
//! Always true: every command of the window, of the command line and of a script goes through
//! [`Session`], so all three behave the same; every change of the case is a step of its history.
//!
//! Must never know: egui, wgpu.

mod algorithm;
mod background;
mod between;
mod command;
mod document;
mod forms;
mod import;
mod keys;
mod labels;
mod layers;
mod marks;
mod measurements;
mod panes;
mod pointer;
mod recorder;
mod script;
mod slices;
mod spelling;
mod steps;
mod tally;
mod trial;

use crate::annotation::{AnnotationId, Form, LandmarkTemplate, landmark_templates};
use crate::case::{Case, History};
use crate::geometry::{AnatomicalPlane, Direction, Grid, Patient, Point};
use crate::segment::Accelerators;
use crate::tool::{
    Ask, BrushSettings, BrushShape, Contour, Cursor, Desk, MeasureKind, Preview, Tool, ToolKind,
};
use crate::view::{Display, Pane, SliceSource};
use crate::volume::{Placement, Volume, Window};

pub use algorithm::{Algorithm, AlgorithmError, KeptIslands, Operation, Smoothing};
pub use command::{COMMANDS, Command, CommandInfo, Menu, Needs, WINDOW_PRESETS};
pub use document::{Document, OpenError, SaveJob, SaveOutcome, read_form, system_author};
pub use import::{Allowed, DoubtfulMask, GridMismatch, Import, ImportError, grid_difference};
pub use keys::{Chord, KeyChanges, KeyMap, OwnKeys, PROFILES, Profile, profile};
pub use measurements::Measured;
pub use panes::{PANES, Readout};
pub use pointer::{Button, Modifiers};
pub use script::{HandStep, Script, ScriptError, ScriptStep, ScriptStroke};
pub use trial::{AlgorithmKind, TrialPicture, TrialState};

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
    /// A tool that was put down with something begun.
    waiting: Option<(ToolKind, Box<dyn Tool>)>,
    brush: BrushSettings,
    /// The range that painting was kept to last.
    last_range: Option<[f64; 2]>,
    /// How much the brush took in when it followed edges last.
    last_depth: f64,
    /// Whether contours run along edges.
    snaps: bool,
    measure: MeasureKind,
    /// Which of the landmark templates is in use.
    template: Option<usize>,
    last_contour: Option<Contour>,
    ghost: Option<between::Ghost>,
    /// Which way the slices were walked last: 1 or −1 along the viewer's gaze.
    direction: i64,
    layer: usize,
    active_label: u16,
    selected: Option<AnnotationId>,
    grab: Option<pointer::Grab>,
    hover: Option<pointer::Hover>,
    notice: Option<String>,
    /// Why nothing may be changed, where that is so.
    looks_only: Option<String>,
    /// A doubt that a person has to know of before they mark, and whether they began to.
    unanswered: Option<String>,
    asks: bool,
    changes: u64,
    saved_changes: u64,
    /// How many changes there were when the open step began.
    changes_before: u64,
    tally: tally::Tally,
    trial: Option<trial::Trial>,
    /// Whether pictures show a threshold that is tried out, so that no slice is looked at for it.
    thresholds_on_pictures: bool,
    accelerators: Accelerators,
    value_range: std::sync::OnceLock<[f64; 2]>,
    measurements: measurements::Measurements,
    form: Option<Form>,
}

impl Session {
    /// A session on a case. Panes show all of it, the crosshair stands in its middle.
    pub fn new(case: Case, author: impl Into<String>) -> Self {
        let volume = case.volume().clone();
        let grid = volume.grid();
        let window = volume.first_window();
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
            waiting: None,
            tool: ToolKind::Navigate.tool(),
            brush: first_brush(&volume),
            last_range: None,
            last_depth: BrushSettings::USUAL_DEPTH,
            snaps: false,
            measure: MeasureKind::default(),
            template: None,
            last_contour: None,
            ghost: None,
            direction: 1,
            layer: 0,
            selected: None,
            grab: None,
            hover: None,
            notice: None,
            looks_only: None,
            unanswered: None,
            asks: false,
            changes: 0,
            saved_changes: 0,
            changes_before: 0,
            tally: tally::Tally::default(),
            trial: None,
            thresholds_on_pictures: false,
            accelerators: Accelerators::default(),
            value_range: std::sync::OnceLock::new(),
            measurements: measurements::Measurements::default(),
            form: None,
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
        if kind == self.tool_kind {
            return;
        }
        self.let_go();
        let waiting = self.waiting.take_if(|(waiting, _)| *waiting == kind);
        let tool = waiting.map_or_else(|| kind.tool(), |(_, tool)| tool);
        let put_down = std::mem::replace(&mut self.tool, tool);
        if put_down.is_busy() {
            self.waiting = Some((self.tool_kind, put_down));
            self.notice = Some("What was begun waits: take its tool again to go on".into());
        }
        self.previous_tool = self.tool_kind;
        self.tool_kind = kind;
    }

    /// One line that says what the hands can do now.
    pub fn hint(&self) -> String {
        self.with_desk(|desk| self.tool.hint(desk).into_owned())
    }

    /// What the tool in hand asks for next, where it asks: "Place Sella (3 of 12)".
    pub fn prompt(&self) -> Option<String> {
        self.with_desk(|desk| self.tool.prompt(desk))
    }

    /// Asks something of the tool in hand; `false` where that means nothing to it now.
    pub(super) fn ask(&mut self, ask: Ask) -> bool {
        let view = self.view(self.active_pane);
        let mut tool = std::mem::replace(&mut self.tool, self.tool_kind.tool());
        let response = self.with_desk(|desk| tool.asked(ask, &view, desk));
        self.tool = tool;
        let answered = response.is_some();
        self.finish(response.unwrap_or_default());
        answered
    }

    /// The brush.
    pub fn brush(&self) -> &BrushSettings {
        &self.brush
    }

    /// Sets the brush; its radius stays between a hundredth and a thousand millimetres.
    pub fn set_brush(&mut self, brush: BrushSettings) {
        let shape = if self.offers_ball() { brush.shape } else { BrushShape::Disc };
        self.last_range = brush.only_values.or(self.last_range);
        self.last_depth = brush.follow_edges.unwrap_or(self.last_depth);
        self.brush = BrushSettings { radius_mm: brush.radius_mm.clamp(0.01, 1000.0), shape, ..brush };
    }

    /// Whether a ball differs from a disc: not on a single picture.
    pub fn offers_ball(&self) -> bool {
        !self.grid().dims().contains(&1)
    }

    /// The range of values that painting is kept to when [`Command::RangePaint`] asks for it: the last
    /// one, at first the grey-level window.
    pub fn range_to_paint(&self) -> [f64; 2] {
        self.last_range.unwrap_or([self.display.window.low(), self.display.window.high()])
    }

    /// Lets the brush end at edges, taking in as much as the last time, or paint all it covers.
    pub fn follow_edges(&mut self, follows: bool) {
        self.set_brush(BrushSettings { follow_edges: follows.then_some(self.last_depth), ..self.brush });
    }

    /// Whether contours run along edges.
    pub fn snaps_to_edges(&self) -> bool {
        self.snaps
    }

    /// Lets contours run along edges, or straight from point to point.
    pub fn snap_to_edges(&mut self, snaps: bool) {
        self.snaps = snaps;
    }

    /// What the measuring tool measures.
    pub fn measure(&self) -> MeasureKind {
        self.measure
    }

    /// Measures something else; an unfinished measurement is dropped.
    pub fn set_measure(&mut self, measure: MeasureKind) {
        if measure != self.measure {
            self.cancel_gesture();
            self.measure = measure;
        }
    }

    /// The landmarks that are asked for in order, where there is such a list.
    pub fn template(&self) -> Option<&'static LandmarkTemplate> {
        landmark_templates().get(self.template?)
    }

    /// Asks for the landmarks of a template in order, by its number in [`landmark_templates`]; `None`
    /// for free landmarks.
    pub fn set_template(&mut self, template: Option<usize>) {
        self.template = template.filter(|number| *number < landmark_templates().len());
    }

    /// The layer that is drawn on.
    pub fn layer(&self) -> usize {
        self.layer
    }

    /// The label that is drawn, 0 where there is none yet.
    pub fn active_label(&self) -> u16 {
        self.active_label
    }

    /// The sentence that the last action left for the person, once.
    pub fn take_notice(&mut self) -> Option<String> {
        self.notice.take()
    }

    /// Leaves the person a sentence.
    pub(super) fn say(&mut self, notice: &str) {
        self.notice = Some(notice.to_owned());
    }

    /// Counts every change of what would be saved.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether there is something to save.
    pub fn is_unsaved(&self) -> bool {
        self.changes != self.saved_changes
    }

    /// Notes that what is open is nowhere on disk yet.
    pub fn mark_unsaved(&mut self) {
        self.changes += 1;
    }

    /// Notes that the state after `changes` changes is on disk.
    pub fn mark_saved(&mut self, changes: u64) {
        self.saved_changes = changes;
    }

    /// From now on nothing is changed any more, for the reason given.
    pub fn only_look(&mut self, reason: impl Into<String>) {
        self.cancel_gesture();
        self.looks_only = Some(reason.into());
    }

    /// Changes nothing until a person, asked about this, says [`Self::mark_all_the_same`].
    pub fn ask_before_marking(&mut self, doubt: &str) {
        self.unanswered.get_or_insert_with(|| doubt.to_owned());
    }

    /// The person knows what is doubtful and marks.
    pub fn mark_all_the_same(&mut self) {
        self.unanswered = None;
    }

    /// What a person has to be asked now, because they began to mark.
    pub fn take_question(&mut self) -> Option<String> {
        std::mem::take(&mut self.asks).then(|| self.unanswered.clone())?
    }

    /// Why nothing can be changed, where that is so.
    pub fn looks_only(&self) -> Option<&str> {
        self.looks_only.as_deref()
    }

    /// Brings counts up to date with the masks; cheap where nothing changed.
    pub fn refresh_counts(&mut self) {
        self.tally.follow(&self.case);
        self.follow_ghost(std::time::Duration::ZERO);
        self.measurements.follow(&self.case, self.display.time);
    }

    /// Voxels of a label, as of the last [`Self::refresh_counts`].
    pub fn voxels_of(&self, label: u16) -> u64 {
        self.tally.voxels(label)
    }

    /// How many slices along a voxel axis hold a label, as of the last [`Self::refresh_counts`].
    pub fn slices_of(&self, label: u16, axis: usize) -> usize {
        self.tally.slices_of(label, axis)
    }

    /// The slices along a voxel axis that hold any label, rising, as of the last
    /// [`Self::refresh_counts`].
    pub fn annotated_slices(&self, axis: usize) -> &[usize] {
        self.tally.annotated_slices(axis)
    }

    /// What stands in a pane of what is being drawn, wherever the pointer is.
    pub fn standing_picture(&self, pane: usize) -> Option<Preview> {
        let view = self.view(pane);
        self.with_desk(|desk| self.tool.standing(&view, desk))
    }

    /// What the tool shows beyond the case, and the pointer's shape, in the pane the pointer is over.
    pub fn tool_picture(&self, pane: usize) -> Option<(Option<Preview>, Cursor)> {
        let hover = self.hover.filter(|hover| hover.pane == pane)?;
        let view = self.view(pane);
        let at = view.patient_at(hover.at.x(), hover.at.y());
        Some(self.with_desk(|desk| {
            (self.tool.preview(at, &view, desk, hover.inverted), self.tool.cursor(at, &view, desk))
        }))
    }

    /// The window that the study was opened with.
    pub fn first_window(&self) -> Window {
        self.first_window
    }

    fn with_desk<T>(&self, look: impl FnOnce(&Desk<'_>) -> T) -> T {
        let now = now();
        look(&Desk {
            case: &self.case,
            layer: self.layer,
            active_label: self.active_label,
            selected: self.selected,
            brush: &self.brush,
            snaps: self.snaps,
            display: &self.display,
            measure: self.measure,
            template: self.template(),
            last_contour: self.last_contour.as_ref(),
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

/// The brush at first: of a size that can be seen and aimed with on this picture. On grids in
/// millimetres it is 6 mm wide unless that is a speck or a blanket there.
fn first_brush(volume: &Volume) -> BrushSettings {
    let grid = volume.grid();
    let mut extents: [f64; 3] =
        std::array::from_fn(|axis| grid.spacing_mm()[axis] * grid.dims()[axis] as f64);
    extents.sort_by(f64::total_cmp);
    let across = extents[1];
    let brush = BrushSettings::default();
    let radius_mm = match volume.placement {
        Placement::Pixels => (across / 50.0).max(2.0),
        _ => brush.radius_mm.min(across / 12.0).max(across / 250.0),
    };
    BrushSettings { radius_mm, ..brush }
}

/// The time now, UTC, RFC 3339, to the second.
pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
