//! A long study under a large brush: 512×512×1100 voxels with eight painted labels, a ball of 40 mm, 200
//! strokes. What this thread itself computes in a frame is timed, frame by frame; drawing is the adapter's.

use std::sync::Arc;

use annotomy::case::Case;
use annotomy::geometry::{Affine, Grid, Patient, Point, Vector};
use annotomy::session::{Button, Modifiers, Session};
use annotomy::tool::{BrushSettings, BrushShape, ToolKind};
use annotomy::volume::{Buffer, LabelMap, Rescale, Samples, Volume};
use anyhow::Result;
use serde_json::{Value, json};

const DIMS: [usize; 3] = [512, 512, 1100];
const SPACING_MM: [f64; 3] = [0.7, 0.7, 1.0];
const STROKES: usize = 200;
const SAMPLES: usize = 40;

/// Milliseconds of each kind of frame, of this thread's own time: the mean, the median, the 99th percentile and the
/// longest.
pub(super) fn paint_1100() -> Result<Value> {
    let mut session = painter()?;
    #[cfg(feature = "desktop")]
    let mut screen = screen::Screen::new(&session)?;
    let (mut drawing, mut letting_go, mut undoing) = (Vec::new(), Vec::new(), Vec::new());
    let mut frame = |session: &mut Session, times: &mut Vec<f64>, act: &mut dyn FnMut(&mut Session)| {
        let start = cpu_ms();
        act(session);
        session.refresh_counts();
        #[cfg(feature = "desktop")]
        screen.show(session);
        times.push(cpu_ms() - start);
        #[cfg(feature = "desktop")]
        screen.finish();
    };
    for stroke in 0..STROKES {
        session.activate_label(1 + (stroke % 8) as u16);
        let at = |session: &Session, sample: usize| {
            let along = sample as f64 * 4.0;
            let k = 50.0 + 5.0 * stroke as f64;
            let place: Point<Patient> = Point::new(90.0 + along, 180.0 + 30.0 * (along / 25.0).sin(), k);
            (place, session.view(0).screen_from_patient() * place)
        };
        session.set_focus(at(&session, 0).0);
        let first = at(&session, 0).1;
        frame(&mut session, &mut drawing, &mut |session| {
            session.press(0, first, Button::Left, Modifiers::default());
        });
        for sample in 1..SAMPLES {
            let to = at(&session, sample).1;
            frame(&mut session, &mut drawing, &mut |session| {
                session.pointer_moved(0, to, Modifiers::default());
            });
        }
        let last = at(&session, SAMPLES - 1).1;
        frame(&mut session, &mut letting_go, &mut |session| session.release(last, Button::Left));
    }
    let steps = session.history().done().len();
    for _ in 0..steps {
        frame(&mut session, &mut undoing, &mut |session| {
            session.undo().expect("what was done can be taken back");
        });
    }
    Ok(json!({
        "sample_ms": told(drawing), "release_ms": told(letting_go), "undo_ms": told(undoing),
        "check": [steps, session.case().layers()[0].counts().values().sum::<u64>()],
    }))
}

fn painter() -> Result<Session> {
    let axes: [Vector<Patient>; 3] = std::array::from_fn(|axis| {
        Vector::from(std::array::from_fn(|other| if other == axis { SPACING_MM[axis] } else { 0.0 }))
    });
    let grid = Grid::new(DIMS, Affine::from_axes(axes[0], axes[1], axes[2], Point::ORIGIN)?, None)?;
    let samples = Samples::I16(Buffer::zeroed(grid.voxel_count())?);
    let volume = Arc::new(Volume::new(grid, 1, samples, Rescale::NONE)?);
    let painted = LabelMap::from_labels(DIMS, |offset| {
        let [i, j, k] = [offset % 512, offset / 512 % 512, offset / (512 * 512)].map(|n| n as f64);
        let organ = (k / 137.5).floor();
        let reach = ((i - 256.0) / 120.0).powi(2) + ((j - 256.0) / 90.0).powi(2);
        if reach + ((k - 137.5 * organ - 68.0) / 60.0).powi(2) < 1.0 { 1 + organ as u16 } else { 0 }
    });
    let mut session =
        Session::new(Case::with_marks(volume, vec![painted], Default::default(), Vec::new())?, "Bench");
    for _ in 0..8 {
        session.new_label()?;
    }
    session.set_pane_size(0, [1024.0, 1024.0]);
    session.take_tool(ToolKind::Brush);
    session.set_brush(BrushSettings { shape: BrushShape::Ball, radius_mm: 20.0, ..Default::default() });
    session.refresh_counts();
    Ok(session)
}

/// What the window asks of the adapter in a frame.
#[cfg(feature = "desktop")]
mod screen {
    use annotomy::render::{Gpu, Pace, Picture, Renderer};
    use annotomy::session::Session;
    use anyhow::Result;

    pub(super) struct Screen(Renderer);

    impl Screen {
        /// Shows the study, as a window does before anybody paints.
        pub(super) fn new(session: &Session) -> Result<Self> {
            let mut screen = Self(Renderer::new(Gpu::headless()?, wgpu::TextureFormat::Bgra8Unorm));
            screen.0.sync(session.case(), 0, Pace::Whole);
            screen.show(session);
            screen.finish();
            Ok(screen)
        }

        pub(super) fn show(&mut self, session: &Session) {
            self.0.sync(session.case(), 0, Pace::Bytes { budget: 32 << 20, focus: session.focus() });
            for pane in 0..3 {
                let picture = Picture::slice(session.view(pane), *session.display());
                self.0.prepare_pane(pane as u64, &picture, [512, 512]);
            }
        }

        pub(super) fn finish(&self) {
            self.0.gpu().finish().expect("the device goes on");
        }
    }
}

/// What this thread has computed so far, so that other programs do not count.
#[cfg(unix)]
fn cpu_ms() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

/// Elsewhere the clock on the wall.
#[cfg(not(unix))]
fn cpu_ms() -> f64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed().as_secs_f64() * 1e3
}

fn told(mut times: Vec<f64>) -> Value {
    times.sort_by(f64::total_cmp);
    let at = |fraction: f64| (times[((times.len() - 1) as f64 * fraction) as usize] * 100.0).round() / 100.0;
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    let mean = (mean * 1000.0).round() / 1000.0;
    json!({"mean": mean, "median": at(0.5), "p99": at(0.99), "max": at(1.0)})
}
