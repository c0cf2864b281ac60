//! Labels over a slice, filled and outlined: `overlay.wgsl` and its twin.

use glam::DVec3;
use rayon::prelude::*;

use super::image::Image;
use super::labels::labelled_pixels;
use super::scene::{DIMMED, Overlay, Scene};
use super::slice::eight_bits;
use crate::geometry::VoxelIndex;
use crate::volume::LabelMap;

/// Shader of the pass; `scene.wgsl` goes before it.
pub(super) const SHADER: &str =
    concat!(include_str!("../../shaders/scene.wgsl"), include_str!("../../shaders/overlay.wgsl"));

/// Draws one layer over the picture as the shader does.
pub(super) fn draw_on_cpu(map: &LabelMap, colours: &[[u8; 4]], scene: &Scene, image: &mut Image) {
    let Some(style) = scene.overlay else { return };
    let Some([left, top, right, bottom]) = labelled_pixels(map, scene) else { return };
    let looks = looks_around(style.outline);
    image.rows_mut().enumerate().take(bottom as usize).skip(top as usize).for_each(|(y, row)| {
        for x in left as usize..right as usize {
            let over = seen_at(map, colours, scene, style, &looks, [x as f64 + 0.5, y as f64 + 0.5]);
            if let Some((colour, opacity)) = over {
                blend(&mut row[x * 4..x * 4 + 3], colour, opacity);
            }
        }
    });
}

/// Where around a pixel the label is compared: an eighth of a turn apart on a circle as wide as the
/// outline.
fn looks_around(outline: f64) -> Vec<[f64; 2]> {
    if outline <= 0.0 {
        return Vec::new();
    }
    let eighth = std::f64::consts::FRAC_PI_4;
    (0..8).map(|turn| (f64::from(turn) * eighth).sin_cos()).map(|(y, x)| [x * outline, y * outline]).collect()
}

fn seen_at(
    map: &LabelMap,
    colours: &[[u8; 4]],
    scene: &Scene,
    style: Overlay,
    looks: &[[f64; 2]],
    [x, y]: [f64; 2],
) -> Option<([u8; 3], f64)> {
    let label = label_in(map, scene, scene.place(x, y));
    let (colour, opacity) = colour_of(label, colours, scene)?;
    let differs = |[right, down]: &[f64; 2]| label_in(map, scene, scene.place(x + right, y + down)) != label;
    let on_border = looks.iter().any(differs);
    Some((colour, opacity * if on_border { 1.0 } else { style.fill }))
}

/// The colour and opacity of a label; `None` for background and hidden labels.
pub(super) fn colour_of(label: u16, colours: &[[u8; 4]], scene: &Scene) -> Option<([u8; 3], f64)> {
    let [r, g, b, visible] = colours[usize::from(label)];
    let dimmed = scene.highlight.is_some_and(|highlight| highlight != label);
    (visible != 0).then_some(([r, g, b], if dimmed { DIMMED } else { 1.0 }))
}

/// The label of the voxel whose cell holds a place; background outside.
pub(super) fn label_in(map: &LabelMap, scene: &Scene, place: DVec3) -> u16 {
    scene.cell(place).map_or(0, |[i, j, k]| map.label(VoxelIndex::new(i, j, k)))
}

/// Lays a colour over a pixel.
pub(super) fn blend(pixel: &mut [u8], colour: [u8; 3], opacity: f64) {
    for (under, over) in pixel.iter_mut().zip(colour) {
        let mixed = f64::from(over) * opacity + f64::from(*under) * (1.0 - opacity);
        *under = eight_bits(mixed / 255.0);
    }
}
