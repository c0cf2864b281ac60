//! Drawing state machines: what a gesture means while one tool is in hand.
//!
//! Always true: a tool is one `match (state, phase)`; it sees the case and the view and changes
//! neither: it answers with edits, and the session applies them. Cursor, hint and preview derive
//! from the state. The window, the command line and tests drive the same tools.
//!
//! Must never know: egui, wgpu, disk.

mod boxes;
mod brush;
mod landmark;
mod navigate;
mod sweep;

pub use boxes::BoxTool;
pub use brush::{BrushSettings, BrushShape, BrushTool};
pub use landmark::LandmarkTool;
pub use navigate::NavigateTool;

use crate::annotation::{Annotation, AnnotationId, OrientedBox, Shape};
use crate::case::{Case, Edit};
use crate::geometry::{Patient, Point};
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
        }
    }

    /// Whether it paints voxels.
    pub fn is_brush(self) -> bool {
        matches!(self, Self::Brush | Self::Eraser)
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
    /// How the study is shown.
    pub display: &'a Display,
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

/// What a tool shows beyond the case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Preview {
    /// The brush at its true size.
    Ring {
        /// Its middle.
        centre: Point<Patient>,
        /// Its radius in the patient.
        radius_mm: f64,
        /// Whether it erases.
        erasing: bool,
    },
    /// A box being drawn.
    Box(OrientedBox),
}

/// A drawing state machine.
pub trait Tool: Send {
    /// Takes one event of a gesture.
    fn handle(&mut self, gesture: &Gesture<'_>, desk: &Desk<'_>) -> Response;

    /// Ends a gesture that was broken off (Esc, lost focus): nothing of it stays.
    fn cancel(&mut self) -> Response;

    /// The pointer's shape over `at`.
    fn cursor(&self, at: Point<Patient>, view: &View, desk: &Desk<'_>) -> Cursor;

    /// What to draw while the pointer is over `at`.
    fn preview(&self, at: Point<Patient>, desk: &Desk<'_>, inverted: bool) -> Option<Preview>;

    /// One line that says what the hands can do now.
    fn hint(&self) -> &'static str;
}

/// A point is hit within this many logical pixels.
const REACH_PIXELS: f64 = 8.0;

/// Distance between two points as seen on screen, in logical pixels; depth does not count.
fn pixels_between(view: &View, a: Point<Patient>, b: Point<Patient>) -> f64 {
    let across = b - a;
    across.dot(view.plane.right()).hypot(across.dot(view.plane.down())) * view.pixels_per_mm
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
