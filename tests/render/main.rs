//! What the device draws is what its twin on the CPU draws, and both put things where they are.
//!
//! Pictures are compared by numbers. A part of a pixel may differ by 2 of 255: one for rounding to 8
//! bits, once for the slice and once more where a label is blended over it. Some pixels may differ by
//! more: where a border between cells runs through the middle of a pixel, f32 and f64 may fall to
//! different sides. Tests state how many.

mod growing;
mod places;
mod renderer;
mod smoothing;
mod twins;

use std::sync::{Arc, OnceLock};

use annotomy::annotation::{Colour, Label};
use annotomy::case::{Case, Edit, MaskWriter, PaintOver, WriteRule};
use annotomy::geometry::{Affine, AnatomicalPlane, Grid, Patient, Point, Vector, Voxel, VoxelIndex};
use annotomy::render::{
    Gpu, Image, Pace, Picture, Progress, Quality, Renderer, Subject, Threshold, draw_on_cpu, picture,
};
use annotomy::view::{Display, Interpolation, Orbit, Pane, SliceSource, View};
use annotomy::volume::{Buffer, LabelMap, Rescale, Samples, Volume, Window};

fn gpu() -> Option<&'static Gpu> {
    static GPU: OnceLock<Option<Gpu>> = OnceLock::new();
    let gpu = GPU.get_or_init(|| match Gpu::headless() {
        Ok(gpu) => Some(gpu),
        Err(error) => {
            assert!(std::env::var_os("ANNOTOMY_REQUIRE_GPU").is_none(), "{error}");
            None
        }
    });
    if gpu.is_none() {
        println!("skipped: no adapter");
    }
    gpu.as_ref()
}

/// How many thousandths of all pixels differ by more than 2, and the greatest difference.
fn difference(a: &Image, b: &Image) -> (f64, u8) {
    assert_eq!(a.size(), b.size());
    let mut worst = 0;
    let mut different = 0;
    for (a, b) in a.rgba().chunks_exact(4).zip(b.rgba().chunks_exact(4)) {
        let apart = a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
        worst = worst.max(apart);
        different += usize::from(apart > 2);
    }
    (different as f64 * 1000.0 / (a.rgba().len() / 4) as f64, worst)
}

fn check(name: &str, case: &Case, wanted: &Picture, size: [u32; 2], thousandths: f64) {
    let Some(gpu) = gpu() else { return };
    let by_gpu = picture(case, wanted, size, Some(gpu)).expect("drawn");
    let by_cpu = draw_on_cpu(case, wanted, size);
    let (different, worst) = difference(&by_gpu, &by_cpu);
    assert!(different <= thousandths, "{name}: {different} ‰ of the pixels differ, by up to {worst}");
    assert_eq!(gpu.take_error(), None, "{name}");
}

/// Numbers that look like noise but are the same every time.
fn noise(seed: usize) -> u32 {
    let mut x = (seed as u32).wrapping_mul(0x9e37_79b9) ^ 0x85eb_ca6b;
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ x >> 16
}

fn buffer<T: bytemuck::Pod>(count: usize, sample: impl Fn(u32) -> T) -> Buffer<T> {
    let samples: Vec<T> = (0..count).map(|place| sample(noise(place))).collect();
    Buffer::from_slice(&samples).expect("memory")
}

fn affine(axes: [[f64; 3]; 3]) -> Affine<Patient, Voxel> {
    let [x, y, z] = axes.map(Vector::from);
    Affine::from_axes(x, y, z, Point::new(-31.7, 12.3, 55.1)).expect("invertible")
}

/// Oblique, sheared and anisotropic.
fn crooked(dims: [usize; 3]) -> Grid {
    Grid::new(dims, affine([[0.71, 0.12, -0.05], [-0.2, 0.93, 0.11], [0.1, -0.3, 2.37]]), None)
        .expect("a grid")
}

fn straight(dims: [usize; 3], spacing: [f64; 3]) -> Grid {
    let [x, y, z] = spacing;
    Grid::new(dims, affine([[x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, z]]), None).expect("a grid")
}

const SIZE: [f64; 2] = [173.0, 131.0];
const PIXELS: [u32; 2] = [173, 131];

fn view(grid: &Grid, plane: AnatomicalPlane, source: SliceSource) -> View {
    // Away from the middle, where ties between cells would be common.
    let focus = grid.patient_from_voxel()
        * Point::new(
            grid.dims()[0] as f64 * 0.413,
            grid.dims()[1] as f64 * 0.377,
            grid.dims()[2] as f64 * 0.581,
        );
    let mut pane = Pane::fitted(plane, source, grid, SIZE);
    pane.centre = focus;
    pane.pixels_per_mm *= 1.0371;
    pane.view(source, grid, focus, SIZE)
}

fn every_view(grid: &Grid) -> Vec<(String, View)> {
    let mut views = Vec::new();
    for source in [SliceSource::Acquisition, SliceSource::Patient] {
        for plane in AnatomicalPlane::ALL {
            views.push((format!("{} {source:?}", plane.name()), view(grid, plane, source)));
        }
    }
    views
}

fn ct(grid: Grid) -> Volume {
    let count = grid.voxel_count();
    let samples = Samples::I16(buffer(count, |n| (n % 3000) as i16 - 1000));
    Volume::new(grid, 1, samples, Rescale::NONE).expect("a volume")
}

/// Balls of different labels that touch each other and the border of the grid.
fn balls(dims: [usize; 3], labels: &[u16]) -> LabelMap {
    LabelMap::from_labels(dims, |offset| {
        let [ni, nj, _] = dims;
        let place = [offset % ni, offset / ni % nj, offset / ni / nj].map(|n| n as f64);
        let ball = |n: usize| {
            let centre = [0, 1, 2].map(|axis| dims[axis] as f64 * [0.1, 0.45, 0.8][(n + axis * n) % 3]);
            let square: f64 = (0..3).map(|axis| (place[axis] - centre[axis]).powi(2)).sum();
            square < (dims[0] as f64 * 0.22).powi(2)
        };
        (0..labels.len()).find(|n| ball(*n)).map_or(0, |n| labels[n])
    })
}

fn labelled(grid: Grid, labels: &[u16]) -> Case {
    let map = balls(grid.dims(), labels);
    assert!(map.counts().len() == labels.len(), "every label is seen");
    let mut case =
        Case::with_marks(Arc::new(ct(grid)), vec![map], Default::default(), Vec::new()).expect("a case");
    for (place, index) in labels.iter().enumerate() {
        let colour = Colour([60 * place as u8 + 40, 255 - 50 * place as u8, 90]);
        let edit = Edit::set_label(&case, *index, Some(Label::new(format!("{index}"), colour)));
        case.apply(&edit.expect("a change")).expect("applies");
    }
    case
}

fn painted(case: &mut Case, label: u16, voxels: &[VoxelIndex]) {
    let mut writer = MaskWriter::new(case, 0, WriteRule::paint(label)).expect("a layer");
    for voxel in voxels {
        writer.write_run(voxel.i..voxel.i + 1, voxel.j, voxel.k);
    }
    let edit = writer.finish().expect("a change");
    case.apply(&edit).expect("applies");
}
