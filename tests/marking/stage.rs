//! A session on a small study, and the hands that use it.

use std::sync::Arc;

use annotomy::case::Case;
use annotomy::geometry::{Affine, Grid, Patient, Point, Screen, Vector};
use annotomy::session::{Button, Command, Modifiers, Script, ScriptError, Session};
use annotomy::tool::{BrushSettings, BrushShape, ToolKind};
use annotomy::volume::{Buffer, Rescale, Samples, Volume};

/// The panes, in the order of the window.
pub(crate) const AXIAL: usize = 0;
pub(crate) const CORONAL: usize = 1;
pub(crate) const SAGITTAL: usize = 2;

pub(crate) const PLAIN: Modifiers = Modifiers { ctrl: false, shift: false, alt: false, space: false };
pub(crate) const CTRL: Modifiers = Modifiers { ctrl: true, ..PLAIN };
pub(crate) const SHIFT: Modifiers = Modifiers { shift: true, ..PLAIN };
pub(crate) const ALT: Modifiers = Modifiers { alt: true, ..PLAIN };
pub(crate) const SPACE: Modifiers = Modifiers { space: true, ..PLAIN };

/// A grid from the images of the three voxel steps and of voxel 0.
pub(crate) fn grid(dims: [usize; 3], axes: [[f64; 3]; 3], origin: [f64; 3]) -> Grid {
    let [x, y, z] = axes.map(Vector::from);
    let map = Affine::from_axes(x, y, z, origin.into()).expect("the axes span space");
    Grid::new(dims, map, None).expect("a grid")
}

/// A study whose samples count along i and whose values are 2·i − 10.
pub(crate) fn case_on(grid: Grid) -> Case {
    let ni = grid.dims()[0];
    let samples: Vec<i16> = (0..grid.voxel_count()).map(|offset| (offset % ni) as i16).collect();
    let samples = Samples::I16(Buffer::from_slice(&samples).expect("memory"));
    let volume = Volume::new(grid, 1, samples, Rescale { slope: 2.0, intercept: -10.0 });
    Case::new(Arc::new(volume.expect("a volume")))
}

/// 24 × 20 × 10 voxels of 1 × 1 × 2 mm along L, P and S; voxel (i, j, k) lies at (i, j, 2k) mm.
pub(crate) fn plain_case() -> Case {
    let axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]];
    case_on(grid([24, 20, 10], axes, [0.0; 3]))
}

/// One thing a person does, in millimetres of the patient.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Take(ToolKind),
    Size(BrushShape, f64),
    Only(f64, f64),
    Focus([f64; 3]),
    Press(Button, Modifiers, [f64; 3]),
    /// The pointer goes there, the keys being held.
    Move(Modifiers, [f64; 3]),
    Release,
    Wheel(Modifiers, f64),
    Run(Command),
    /// One step of a script, as JSON.
    Step(&'static str),
}

/// A person in front of a session.
pub(crate) struct Hands {
    pub(crate) session: Session,
    pub(crate) pane: usize,
    at: Point<Screen>,
    button: Button,
}

impl Hands {
    pub(crate) fn on(case: Case) -> Self {
        let mut session = Session::new(case, "Reader");
        for (pane, size) in [[640.0, 480.0], [500.0, 700.0], [333.0, 333.0]].into_iter().enumerate() {
            session.set_pane_size(pane, size);
        }
        Self { session, pane: AXIAL, at: Point::ORIGIN, button: Button::Left }
    }

    /// Where a point of the patient is in the pane now.
    pub(crate) fn on_screen(&self, point: Point<Patient>) -> Point<Screen> {
        self.session.view(self.pane).screen_from_patient() * point
    }

    pub(crate) fn press(&mut self, point: Point<Patient>, button: Button, keys: Modifiers) {
        self.at = self.on_screen(point);
        self.button = button;
        self.session.press(self.pane, self.at, button, keys);
    }

    pub(crate) fn move_to(&mut self, point: Point<Patient>, keys: Modifiers) {
        self.at = self.on_screen(point);
        self.session.pointer_moved(self.pane, self.at, keys);
    }

    pub(crate) fn release(&mut self) {
        self.session.release(self.at, self.button);
    }

    /// Presses at the first point, goes through the others and lets go.
    pub(crate) fn drag(&mut self, points: &[Point<Patient>]) {
        self.press(points[0], Button::Left, PLAIN);
        for point in &points[1..] {
            self.move_to(*point, PLAIN);
        }
        self.release();
    }

    /// Presses and lets go in one place.
    pub(crate) fn click(&mut self, point: Point<Patient>) {
        self.drag(&[point]);
    }

    /// Gives a command of the session.
    pub(crate) fn run(&mut self, command: Command) {
        assert!(self.session.run(command), "{command:?} is the session's");
        self.session.wait_for_ghost();
    }

    pub(crate) fn does(&mut self, act: &Act) {
        match *act {
            Act::Take(tool) => self.session.take_tool(tool),
            Act::Size(shape, radius_mm) => {
                let brush = BrushSettings { shape, radius_mm, ..*self.session.brush() };
                self.session.set_brush(brush);
            }
            Act::Only(low, high) => {
                let brush = BrushSettings { only_values: Some([low, high]), ..*self.session.brush() };
                self.session.set_brush(brush);
            }
            Act::Focus(point) => self.session.set_focus(point.into()),
            Act::Press(button, keys, point) => self.press(point.into(), button, keys),
            Act::Move(keys, point) => self.move_to(point.into(), keys),
            Act::Release => self.release(),
            Act::Wheel(keys, notches) => self.session.wheel(self.pane, self.at, notches, keys),
            Act::Run(command) => self.run(command),
            Act::Step(json) => run_steps(&mut self.session, json).expect("the step can be made"),
        }
    }
}

/// A digest of everything that is saved of a case.
pub(crate) fn digest(case: &Case) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    for (number, layer) in case.layers().iter().enumerate() {
        for (index, brick) in layer.bricks() {
            (number, index, brick.to_runs()).hash(&mut hasher);
        }
    }
    format!("{:?} {:?} {:?}", case.scheme(), case.annotations(), case.layer_origins()).hash(&mut hasher);
    case.all_interpolated().for_each(|slices| slices.hash(&mut hasher));
    hasher.finish()
}

/// Lattices on which a plane has every way to lie: along the patient's axes, flipped, turned, sheared.
pub(crate) fn lattices() -> Vec<Grid> {
    let square = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]];
    let flipped = [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -2.0]];
    let coronal = [[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 2.0, 0.0]];
    let oblique = [[0.96, 0.28, 0.0], [-0.28, 0.96, 0.0], [0.1, 0.0, 2.0]];
    let sheared = [[1.0, 0.0, 0.0], [0.3, 1.0, 0.0], [0.0, 0.4, 2.0]];
    [square, flipped, coronal, oblique, sheared]
        .map(|axes| grid([24, 20, 10], axes, [-5.0, 8.0, 30.0]))
        .into()
}

/// Makes the steps of a script's inner list, `{…}, {…}`.
pub(crate) fn run_steps(session: &mut Session, steps: &str) -> Result<(), ScriptError> {
    let script: Script = serde_json::from_str(&format!("{{\"steps\": [{steps}]}}")).expect("a script");
    script.steps.iter().try_for_each(|step| session.run_step(step))
}
