//! Slices in grey or colour: `slice.wgsl` and its twin.

use std::ops::{Add, Mul};

use glam::DVec3;
use rayon::prelude::*;

use super::image::Image;
use super::scene::{Grey, Scene};
use super::voxels::high_bytes;
use crate::volume::{Sample, Samples, Volume, with_samples};

/// Shader of the pass; `scene.wgsl` and `voxels.wgsl` go before it.
pub(super) const SHADER: &str = concat!(
    include_str!("../../shaders/scene.wgsl"),
    include_str!("../../shaders/voxels.wgsl"),
    include_str!("../../shaders/slice.wgsl")
);

/// Draws the slice as the shader does.
pub(super) fn draw_on_cpu(volume: &Volume, time: usize, scene: &Scene, image: &mut Image) {
    let samples = volume.samples();
    let lattice = Lattice::new(volume, time);
    with_samples!(samples, stored => {
        let tone = |offset: usize| scene.grey.tone(stored[offset].to_f64());
        draw(scene, &lattice, tone, |tone| [eight_bits(scene.grey.shown(tone)); 3], image);
    }, colour => {
        draw(scene, &lattice, |offset| colour_at(samples, offset), |tone| shown_colour(&scene.grey, tone), image);
    });
}

fn draw<T: Tone>(
    scene: &Scene,
    lattice: &Lattice,
    tone: impl Fn(usize) -> T + Sync,
    shown: impl Fn(T) -> [u8; 3] + Sync,
    image: &mut Image,
) {
    image.rows_mut().enumerate().for_each(|(y, row)| {
        for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
            let place = scene.place(x as f64 + 0.5, y as f64 + 0.5);
            let Some(cell) = scene.cell(place) else { continue };
            let seen =
                if scene.smooth { lattice.between(scene, place, &tone) } else { tone(lattice.offset(cell)) };
            pixel[..3].copy_from_slice(&shown(seen));
        }
    });
}

/// What can be interpolated: brightness, or a colour.
pub(super) trait Tone: Copy + Add<Output = Self> + Mul<f64, Output = Self> {}
impl Tone for f64 {}
impl Tone for DVec3 {}

/// Where the voxels of one point in time lie in the buffer.
pub(super) struct Lattice {
    first: usize,
    strides: [usize; 3],
}

impl Lattice {
    pub(super) fn new(volume: &Volume, time: usize) -> Self {
        let [ni, nj, _] = volume.grid().dims();
        Self { first: time * volume.grid().voxel_count(), strides: [1, ni, ni * nj] }
    }

    pub(super) fn offset(&self, cell: [usize; 3]) -> usize {
        self.first + (0..3).map(|axis| cell[axis] * self.strides[axis]).sum::<usize>()
    }

    /// The tone at a place, interpolated between the voxels around; at the border the outermost voxel's.
    pub(super) fn between<T: Tone>(&self, scene: &Scene, place: DVec3, tone: impl Fn(usize) -> T) -> T {
        let mut base = self.first;
        let mut part = [0.0; 3];
        let mut step = [0; 3];
        for axis in 0..3 {
            let within = place[axis].clamp(scene.first[axis] as f64, scene.last[axis] as f64);
            let low = within.floor();
            part[axis] = within - low;
            base += low as usize * self.strides[axis];
            step[axis] = if part[axis] > 0.0 { self.strides[axis] } else { 0 };
        }
        let mix = |a: T, b: T, share: f64| a * (1.0 - share) + b * share;
        let along_i = |start: usize| match step[0] {
            0 => tone(start),
            step => mix(tone(start), tone(start + step), part[0]),
        };
        let along_j = |start: usize| match step[1] {
            0 => along_i(start),
            step => mix(along_i(start), along_i(start + step), part[1]),
        };
        match step[2] {
            0 => along_j(base),
            step => mix(along_j(base), along_j(base + step), part[2]),
        }
    }
}

/// The colour of a voxel of a volume that has colours, each part from 0 to 1.
pub(super) fn colour_at(samples: &Samples, offset: usize) -> DVec3 {
    let [r, g, b] = match samples {
        Samples::Rgb8(stored) => stored[offset],
        Samples::Rgba8(stored) => {
            let [r, g, b, _] = stored[offset];
            [r, g, b]
        }
        Samples::Rgb16(stored) => high_bytes(stored[offset]),
        grey => [grey.at(offset) as u8; 3],
    };
    DVec3::new(f64::from(r), f64::from(g), f64::from(b)) / 255.0
}

pub(super) fn shown_colour(grey: &Grey, colour: DVec3) -> [u8; 3] {
    colour.to_array().map(|part| eight_bits(grey.shown(part)))
}

/// 0 to 1 as the device writes it into 8 bits.
pub(super) fn eight_bits(part: f64) -> u8 {
    (part * 255.0).round() as u8
}
