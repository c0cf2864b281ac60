//! Three linked views of 1024×1024 pixels with labels, drawn again while they are scrolled or while
//! their window is dragged, until the adapter has finished; the pictures stay with the adapter, as in
//! the window. `bench.py` tells a software adapter its number of threads.

use annotomy::case::Case;
use annotomy::geometry::{AnatomicalPlane, VoxelIndex};
use annotomy::render::{Gpu, Pace, Picture, Renderer};
use annotomy::view::{Display, Pane, SliceSource};
use annotomy::volume::Window;
use anyhow::Result;
use serde_json::{Value, json};

use super::Clock;

const PIXELS: u32 = 1024;

/// What changes from picture to picture.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Change {
    Slice,
    Window,
}

pub(super) fn again(clock: &Clock, case: &Case, change: Change) -> Result<Value> {
    let mut renderer = Renderer::new(Gpu::headless()?, wgpu::TextureFormat::Bgra8Unorm);
    renderer.sync(case, 0, Pace::Whole);
    let grid = case.volume().grid();
    let size = [f64::from(PIXELS); 2];
    let panes = AnatomicalPlane::ALL.map(|plane| Pane::fitted(plane, SliceSource::Acquisition, grid, size));
    let adapter = renderer.gpu().adapter().name.clone();
    let mut nth = 0;
    clock.time(
        || {
            nth += 1;
            let (slice, centre) = match change {
                Change::Slice => (120 + nth % 60, 40.0),
                Change::Window => (150, 40.0 + (nth % 60) as f64),
            };
            let focus = grid.centre_of(VoxelIndex::new(slice, slice, slice));
            let display = Display::with_window(Window::new(centre, 400.0));
            renderer.sync(case, 0, Pace::Whole);
            for (number, pane) in panes.iter().enumerate() {
                let view = pane.view(SliceSource::Acquisition, grid, focus, size);
                renderer.prepare_pane(number as u64, &Picture::slice(view, display), [PIXELS; 2]);
            }
            Ok(renderer.gpu().finish()?)
        },
        |()| json!(format!("{adapter}, 3 × {PIXELS}²")),
    )
}
