//! Drawing state machines: what a gesture means while one tool is in hand.
//!
//! Always true: a tool is one `match (state, phase)`; it sees the case and the view and changes
//! neither: it answers with edits, and the session applies them. Cursor, hint and preview derive
//! from the state. The window, the command line and tests drive the same tools.
//!
//! Must never know: egui, wgpu, disk.

mod boxes;
mod brush;
mod contour;
mod edges;
mod fill;
mod landmark;
mod measure;
mod navigate;
mod polygon;
mod sweep;
mod target;
mod wire;

use std::borrow::Cow;

pub use boxes::BoxTool;
pub use brush::{BrushSettings, BrushShape, BrushTool};
pub use contour::Contour;
pub use fill::FillTool;
pub use landmark::LandmarkTool;
pub use measure::{MeasureKind, MeasureTool};
pub use navigate::NavigateTool;
pub use polygon::PolygonTool;
pub use target::VoxelRun;

use crate::annotation::{Annotation, AnnotationId, LandmarkTemplate, OrientedBox, Shape};
use crate::case::{Case, Edit};
use crate::geometry::{Patient, Point, Vector};
use crate::view::{Display, View};
use crate::volume::Window;

/// The tools there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ToolKind {
    /// Crosshair by click, window and level by drag.
    Navigate,
    /// Paints the active label.
    Brush,
    /// Erases the active label.
    Eraser,
    /// Draws, moves and resizes boxes.
    Box,
    /// Places and drags landmarks.
    Landmark,
    /// Draws closed lines and fills them.
    Polygon,
    /// Fills holes and recolours islands.
    Fill,
    /// Measures lengths, angles and values.
    Measure,
}

impl ToolKind {
    /// The tool, at rest.
    pub fn tool(self) -> Box<dyn Tool> {
        match self {
            Self::Navigate => Box::new(NavigateTool::default()),
            Self::Brush => Box::new(BrushTool::painting()),
            Self::Eraser => Box::new(BrushTool::erasing()),
            Self::Box => Box::new(BoxTool::default()),
            Self::Landmark => Box::new(LandmarkTool::default()),
            Self::Polygon => Box::new(PolygonTool::default()),
            Self::Fill => Box::new(FillTool),
            Self::Measure => Box::new(MeasureTool::default()),
        }
    }

    /// Whether it paints under a moving tip.
    pub fn is_brush(self) -> bool {
        matches!(self, Self::Brush | Self::Eraser)
    }

    /// Whether it writes labels at all, so that it can also erase.
    pub fn writes_labels(self) -> bool {
        self.is_brush() || matches!(self, Self::Polygon | Self::Fill)
    }
}

/// Where in a gesture an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The button went down.
    Press,
    /// The pointer moved, or the slice changed under it, with the button down.
    Drag,
    /// The button came up.
    Release,
}

/// One event of the primary gesture, already in the patient.
#[derive(Clone, Copy, Debug)]
pub struct Gesture<'a> {
    /// Where in the gesture it stands.
    pub phase: Phase,
    /// The point on the view's plane under the pointer.
    pub at: Point<Patient>,
    /// The view it happened in.
    pub view: &'a View,
    /// Whether adding and erasing are exchanged.
    pub inverted: bool,
}

/// What a tool may look at.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    /// The case.
    pub case: &'a Case,
    /// The layer that is drawn on.
    pub layer: usize,
    /// The label that is drawn; 0 where none is active yet.
    pub active_label: u16,
    /// The selected annotation.
    pub selected: Option<AnnotationId>,
    /// The brush.
    pub brush: &'a BrushSettings,
    /// Whether contours run along edges.
    pub snaps: bool,
    /// How the study is shown.
    pub display: &'a Display,
    /// What is measured.
    pub measure: MeasureKind,
    /// The landmarks to be placed in order, where there is such a list.
    pub template: Option<&'a LandmarkTemplate>,
    /// The contour that was filled last.
    pub last_contour: Option<&'a Contour>,
    /// Who draws.
    pub author: &'a str,
    /// When, UTC, RFC 3339.
    pub now: &'a str,
}

/// How a step that a tool opened ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepEnd {
    /// It is kept.
    Commit,
    /// The case goes back to the moment before it.
    Abort,
}

/// What a tool answers; the session carries it out in the order of the fields.
#[derive(Debug, Default)]
pub struct Response {
    /// Opens an undo step of this name.
    pub begin: Option<String>,
    /// Changes to the case.
    pub edits: Vec<Edit>,
    /// Closes the step.
    pub end: Option<StepEnd>,
    /// Selects an annotation, or nothing.
    pub select: Option<Option<AnnotationId>>,
    /// Makes a label the active one.
    pub activate: Option<u16>,
    /// Moves the crosshair.
    pub focus: Option<Point<Patient>>,
    /// Sets the grey-level window.
    pub window: Option<Window>,
    /// A contour to be kept for pasting.
    pub contour: Option<Contour>,
    /// One quiet sentence to the person.
    pub notice: Option<String>,
}

/// The pointer's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// A cross.
    Crosshair,
    /// None: the tool draws its own (the brush ring).
    Hidden,
    /// Something can be moved.
    Move,
    /// Something can be resized.
    Resize,
}

/// What a person asks of a tool by key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ask {
    /// To make a step of what is drawn.
    Accept,
    /// To take the last point back.
    StepBack,
    /// To show the last contour once more, on the slice shown.
    Paste,
    /// To move what is selected by a voxel.
    Nudge(Vector<Patient>),
}

/// What a tool shows beyond the case.
#[derive(Clone, Debug, PartialEq)]
pub enum Preview {
    /// The brush at its true size.
    Ring {
        /// Its middle.
        centre: Point<Patient>,
        /// Its radius in the patient.
        radius_mm: f64,
        /// Whether it erases.
        erasing: bool,
        /// Voxels of the slice shown that are about to be, or in this stroke were, taken from another
        /// label.
        taken: Vec<VoxelRun>,
        /// Voxels of the slice shown that a press would reach, where the brush follows edges.
        reached: Vec<VoxelRun>,
    },
    /// A box being drawn.
    Box(OrientedBox),
    /// A closed line being drawn.
    Contour {
        /// Its points so far.
        points: Vec<Point<Patient>>,
        /// The way on to where the next one would be set.
        next: Vec<Point<Patient>>,
        /// Whether filling it erases.
        erasing: bool,
    },
    /// A measurement being drawn.
    Measurement(Shape),
}

/// A drawing state machine.
pub trait Tool: Send {
    /// Takes one event of a gesture.
    fn handle(&mut self, gesture: &Gesture<'_>, desk: &Desk<'_>) -> Response;

    /// Answers what is asked by key; `None` where that means nothing to it now.
    fn asked(&mut self, _ask: Ask, _view: &View, _desk: &Desk<'_>) -> Option<Response> {
        None
    }

    /// Whether something is drawn that no step holds yet, also while no button is down.
    fn is_busy(&self) -> bool {
        false
    }

    /// Ends what is being drawn (Esc, lost focus): nothing of it stays.
    fn cancel(&mut self) -> Response;

    /// The pointer's shape over `at`.
    fn cursor(&self, at: Point<Patient>, view: &View, desk: &Desk<'_>) -> Cursor;

    /// What to draw while the pointer is over `at`.
    fn preview(&self, at: Point<Patient>, view: &View, desk: &Desk<'_>, inverted: bool) -> Option<Preview>;

    /// What stands there of what is being drawn, wherever the pointer is.
    fn standing(&self, _view: &View, _desk: &Desk<'_>) -> Option<Preview> {
        None
    }

    /// What it asks for next, where it asks for something.
    fn prompt(&self, _desk: &Desk<'_>) -> Option<String> {
        None
    }

    /// One line that says what the hands can do now.
    fn hint(&self, desk: &Desk<'_>) -> Cow<'static, str>;
}

/// A point is hit within this many logical pixels.
const REACH_PIXELS: f64 = 8.0;

/// Distance between two points as seen on screen, in logical pixels; depth does not count.
fn pixels_between(view: &View, a: Point<Patient>, b: Point<Patient>) -> f64 {
    let across = b - a;
    across.dot(view.plane.right()).hypot(across.dot(view.plane.down())) * view.pixels_per_mm
}

impl Desk<'_> {
    /// Half of what one voxel's cell measures along a unit vector, in millimetres.
    fn half_voxel(&self, along: Vector<Patient>) -> f64 {
        sweep::half_depth(self.case.volume().grid(), along)
    }
}

/// The edit that gives an annotation another shape.
fn reshaped(desk: &Desk<'_>, id: AnnotationId, shape: Shape) -> Option<Edit> {
    let changed = Annotation { shape, ..desk.case.annotation(id)?.clone() };
    Edit::change_annotation(desk.case, id, Some(changed))
}

/// An annotation as it is made now.
fn new_annotation(desk: &Desk<'_>, name: String, shape: Shape) -> Annotation {
    Annotation {
        id: uuid::Uuid::new_v4(),
        name,
        label: (desk.active_label != 0).then_some(desk.active_label),
        shape,
        author: desk.author.to_owned(),
        created: desk.now.to_owned(),
    }
}

/// "Box 3": the first number that no annotation of that word has.
pub(crate) fn numbered_name(case: &Case, word: &str) -> String {
    let taken = |name: &str| case.annotations().iter().any(|annotation| annotation.name == name);
    (1..).map(|number| format!("{word} {number}")).find(|name| !taken(name)).unwrap_or_default()
}
