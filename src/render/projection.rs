//! The whole volume along lines of sight: `projection.wgsl` and its twin.

use glam::DVec3;
use rayon::prelude::*;

use super::image::Image;
use super::labels::labelled_box;
use super::overlay::{blend, colour_of, label_in};
use super::scene::Scene;
use super::slice::{Lattice, Tone, colour_at, eight_bits, shown_colour};
use crate::volume::{LabelMap, Sample, Volume, with_samples};

/// Shader of both passes; `scene.wgsl` and `voxels.wgsl` go before it.
pub(super) const SHADER: &str = concat!(
    include_str!("../../shaders/scene.wgsl"),
    include_str!("../../shaders/voxels.wgsl"),
    include_str!("../../shaders/projection.wgsl")
);

/// Where the light comes from, along right, down and away.
const LIGHT: DVec3 = DVec3::new(-0.36, -0.48, -0.8);
const SURFACE_OPACITY: f64 = 0.85;

/// Draws the greatest values and the labels before them as the shader does.
pub(super) fn draw_on_cpu(
    volume: &Volume,
    time: usize,
    layers: &[&LabelMap],
    colours: &[[u8; 4]],
    scene: &Scene,
    image: &mut Image,
) {
    let samples = volume.samples();
    let lattice = Lattice::new(volume, time);
    with_samples!(samples, stored => {
        let tone = |offset: usize| scene.grey.tone(stored[offset].to_f64());
        let shown = |tone| [eight_bits(scene.grey.shown(tone)); 3];
        draw_values(scene, &lattice, tone, |tone| tone, shown, image);
    }, colour => {
        let luma = |tone: DVec3| tone.dot(DVec3::new(0.299, 0.587, 0.114));
        let shown = |tone| shown_colour(&scene.grey, tone);
        draw_values(scene, &lattice, |offset| colour_at(samples, offset), luma, shown, image);
    });
    if scene.overlay.is_some() {
        for map in layers {
            draw_surfaces(map, colours, scene, image);
        }
    }
}

fn draw_values<T: Tone>(
    scene: &Scene,
    lattice: &Lattice,
    tone: impl Fn(usize) -> T + Sync,
    luma: impl Fn(T) -> f64 + Sync,
    shown: impl Fn(T) -> [u8; 3] + Sync,
    image: &mut Image,
) {
    let brighter = |a: T, b: T| if luma(b) > luma(a) { b } else { a };
    image.rows_mut().enumerate().for_each(|(y, row)| {
        for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
            let Some(ray) = Ray::through(scene, x as f64 + 0.5, y as f64 + 0.5) else { continue };
            let voxel = |n: f64| tone(lattice.offset(scene.nearest_cell(ray.place(n))));
            let mut brightest = voxel(0.0);
            let mut at = 0.0;
            for n in (1..ray.count).map(f64::from) {
                let here = voxel(n);
                if luma(here) > luma(brightest) {
                    (brightest, at) = (here, n);
                }
            }
            if scene.smooth {
                let between = |n: f64| lattice.between(scene, ray.place(n), &tone);
                brightest = brighter(brighter(between(at), between(at - 0.5)), between(at + 0.5));
            }
            pixel[..3].copy_from_slice(&shown(brightest));
        }
    });
}

fn draw_surfaces(map: &LabelMap, colours: &[[u8; 4]], scene: &Scene, image: &mut Image) {
    let Some((first, last)) = labelled_box(map) else { return };
    let scene = &scene.of_labels(first, last);
    let asides = asides(scene);
    image.rows_mut().enumerate().for_each(|(y, row)| {
        for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
            let Some(ray) = Ray::through(scene, x as f64 + 0.5, y as f64 + 0.5) else { continue };
            let met = (0..ray.count).map(f64::from).find_map(|n| {
                asides.iter().find_map(|aside| {
                    let cell = scene.nearest_cell(ray.place(n) + *aside);
                    let place = DVec3::from_array(cell.map(|n| n as f64));
                    let label = label_in(map, scene, place);
                    Some((place, label, colour_of(label, colours, scene)?))
                })
            });
            if let Some((place, label, (colour, opacity))) = met {
                let shade = shade_at(map, scene, place, label);
                let shaded = colour.map(|part| eight_bits(f64::from(part) / 255.0 * shade));
                blend(&mut pixel[..3], shaded, opacity * SURFACE_OPACITY);
            }
        }
    });
}

/// Four lines of sight through a pixel: a label one voxel thick, seen from its edge, lies between one line
/// and that of the next pixel where pixels are larger than voxels.
fn asides(scene: &Scene) -> [DVec3; 4] {
    std::array::from_fn(|n| {
        let [right, down] = [n & 1, n >> 1].map(|side| side as f64 * 0.5 - 0.25);
        scene.right * right + scene.down * down
    })
}

/// How much light the surface of a label gets at a place.
fn shade_at(map: &LabelMap, scene: &Scene, place: DVec3, label: u16) -> f64 {
    let mut inwards = DVec3::ZERO;
    for n in 0..27 {
        let aside = DVec3::new(f64::from(n % 3), f64::from(n / 3 % 3), f64::from(n / 9)) - 1.0;
        if label_in(map, scene, place + aside * 2.0) == label {
            inwards += aside;
        }
    }
    let seen = -DVec3::new(inwards.dot(scene.right), inwards.dot(scene.down), inwards.dot(scene.away));
    let facing = seen.dot(LIGHT) / seen.length().max(1e-9);
    0.4 + 0.6 * facing.max(0.0)
}

/// Where a line of sight runs through the cells that are shown.
struct Ray {
    start: DVec3,
    step: DVec3,
    count: u32,
}

impl Ray {
    fn through(scene: &Scene, x: f64, y: f64) -> Option<Self> {
        let from = scene.place(x, y);
        let (mut near, mut far) = (f64::NEG_INFINITY, f64::INFINITY);
        let mut along = scene.away;
        for axis in 0..3 {
            if along[axis].abs() < 1e-9 {
                along[axis] = 1e-9;
            }
            let one = (scene.first[axis] as f64 - 0.5 - from[axis]) / along[axis];
            let other = (scene.last[axis] as f64 + 0.5 - from[axis]) / along[axis];
            near = near.max(one.min(other));
            far = far.min(one.max(other));
        }
        let length = (far - near).max(0.0);
        let count = (length * along.abs().max_element()).ceil().min(f64::from(scene.most_steps));
        let step = along * (length / count.max(1.0));
        (count >= 1.0).then_some(Self { start: from + along * near + step * 0.5, step, count: count as u32 })
    }

    fn place(&self, n: f64) -> DVec3 {
        self.start + self.step * n
    }
}
