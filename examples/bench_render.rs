//! Times how fast three linked views with labels are drawn again while they are scrolled, or while
//! their window is dragged. Takes the words that `bench.py` gives and prints the line it reads:
//!
//! `bench_render render_scroll_1024 --data DIR --threads N --reps R [--pixels 512] [--no-read]`
//!
//! DIR holds `ct.npy` (int16) and `labels.npy` (uint8) of 300 × 512 × 512 voxels. As in the cell of
//! VTK, the three views are quarters of a window of 1024 pixels, and copying them back to the CPU is
//! part of the time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use annotomy::case::Case;
use annotomy::geometry::{Affine, AnatomicalPlane, Grid, Point, Vector, VoxelIndex};
use annotomy::render::{Gpu, Pace, Picture, Renderer};
use annotomy::view::{Display, Pane, SliceSource};
use annotomy::volume::{Buffer, LabelMap, Rescale, Samples, Volume, Window};
use anyhow::Context;
use clap::Parser;

#[derive(Parser)]
struct Arguments {
    /// `render_scroll_1024` or `render_window_level_1024`.
    operation: String,
    #[arg(long)]
    data: PathBuf,
    /// Threads of a software adapter, which itself goes by LP_NUM_THREADS; only told.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    #[arg(long, default_value_t = 5)]
    reps: usize,
    /// Edge of each view.
    #[arg(long, default_value_t = 512)]
    pixels: u32,
    /// Without copying the pictures back.
    #[arg(long)]
    no_read: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let dims = [512, 512, 300];
    let case = case(&arguments.data, dims)?;
    let gpu = Gpu::headless()?;
    let mut renderer = Renderer::new(gpu.clone(), wgpu::TextureFormat::Bgra8Unorm);
    let start = Instant::now();
    renderer.sync(&case, 0, Pace::Whole);
    let sync_seconds = start.elapsed().as_secs_f64();

    let size = [f64::from(arguments.pixels); 2];
    let grid = case.volume().grid();
    let panes = AnatomicalPlane::ALL.map(|plane| Pane::fitted(plane, SliceSource::Acquisition, grid, size));
    let scrolls = arguments.operation == "render_scroll_1024";
    let mut draw = |frame: usize| -> anyhow::Result<()> {
        let slice = if scrolls { 120 + frame % 60 } else { 150 };
        let centre = if scrolls { 40.0 } else { 40.0 + (frame % 60) as f64 };
        let focus = grid.centre_of(VoxelIndex::new(slice, slice, slice));
        let display = Display::with_window(Window::new(centre, 400.0));
        renderer.sync(&case, 0, Pace::Whole);
        for (number, pane) in panes.iter().enumerate() {
            let view = pane.view(SliceSource::Acquisition, grid, focus, size);
            renderer.prepare_pane(number as u64, &Picture::slice(view, display), [arguments.pixels; 2]);
        }
        if !arguments.no_read {
            for pane in 0..panes.len() {
                std::hint::black_box(renderer.read_pane(pane as u64)?);
            }
        }
        Ok(renderer.gpu().finish()?)
    };
    for frame in 0..3 {
        draw(frame)?;
    }
    let (mut wall, mut cpu) = (Vec::new(), Vec::new());
    for frame in 0..arguments.reps.max(1) * 4 {
        let (start, cpu_start) = (Instant::now(), cpu_seconds());
        draw(frame + 3)?;
        wall.push(start.elapsed().as_secs_f64());
        cpu.push(cpu_seconds() - cpu_start);
    }
    let (name, pixels, threads) = (&gpu.adapter().name, arguments.pixels, arguments.threads);
    let check = format!("{name}, {pixels} px, {threads} threads, sync {sync_seconds:.3} s");
    println!("{}", serde_json::json!({ "wall": wall, "cpu": cpu, "extra_mb": 0, "check": check }));
    Ok(())
}

fn case(folder: &Path, dims: [usize; 3]) -> anyhow::Result<Case> {
    let axis = |axis: usize, mm: f64| {
        let mut step = [0.0; 3];
        step[axis] = mm;
        Vector::from(step)
    };
    let map = Affine::from_axes(axis(0, 0.7), axis(1, 0.7), axis(2, 1.0), Point::ORIGIN)?;
    let count = dims.iter().product::<usize>();
    let bytes = npy(&folder.join("ct.npy"), count * 2)?;
    let samples: Vec<i16> =
        bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let samples = Samples::I16(Buffer::from_slice(&samples)?);
    let volume = Arc::new(Volume::new(Grid::new(dims, map, None)?, 1, samples, Rescale::NONE)?);
    let labels = npy(&folder.join("labels.npy"), count)?;
    let layer = LabelMap::from_labels(dims, |offset| u16::from(labels[offset]));
    Ok(Case::with_marks(volume, vec![layer], Default::default(), Vec::new())?)
}

/// The data of a NumPy file, which is what its end holds.
fn npy(path: &Path, bytes: usize) -> anyhow::Result<Vec<u8>> {
    let mut file = std::fs::read(path).with_context(|| path.display().to_string())?;
    let header = file.len().checked_sub(bytes).with_context(|| format!("{} is too short", path.display()))?;
    Ok(file.split_off(header))
}

/// Seconds of CPU that all threads of this process have used, where the system tells.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
