//! Three linked views with labels, drawn again while they are scrolled or while their window is dragged:
//! in the quarters of one window of 1024×1024 pixels and read back, as the peers do it, or of
//! 1024×1024 pixels each. `bench.py` tells a software adapter its number of threads.

use annotomy::case::Case;
use annotomy::geometry::{AnatomicalPlane, VoxelIndex};
use annotomy::render::{Gpu, Pace, Picture, Renderer};
use annotomy::view::{Display, Pane, SliceSource};
use annotomy::volume::Window;
use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::Clock;

/// What changes from picture to picture.
#[derive(Clone, Copy, PartialEq)]
enum Change {
    Slice,
    Window,
}

pub(super) fn operation(clock: &Clock, name: &str, case: &Case) -> Result<Value> {
    let (change, pixels) = match name {
        "render_scroll_1024" => (Change::Slice, 512),
        "render_scroll_3x1024" => (Change::Slice, 1024),
        "render_window_level_1024" => (Change::Window, 512),
        other => bail!("no operation {other}"),
    };
    again(clock, case, change, pixels)
}

fn again(clock: &Clock, case: &Case, change: Change, pixels: u32) -> Result<Value> {
    let mut renderer = Renderer::new(Gpu::headless()?, wgpu::TextureFormat::Bgra8Unorm);
    renderer.sync(case, 0, Pace::Whole);
    let grid = case.volume().grid();
    let size = [f64::from(pixels); 2];
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
                renderer.prepare_pane(number as u64, &Picture::slice(view, display), [pixels; 2]);
            }
            (0..panes.len() as u64).map(|pane| Ok(renderer.read_pane(pane)?)).collect::<Result<Vec<_>>>()
        },
        |pictures| {
            let shown =
                pictures.iter().flat_map(|picture| picture.rgba()).map(|part| u64::from(*part)).sum::<u64>();
            json!(format!("{adapter}, {} × {pixels}², sum {shown}", pictures.len()))
        },
    )
}
