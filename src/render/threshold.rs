//! What a range of values would give to a label, over a slice: `threshold.wgsl` and its twin.

use rayon::prelude::*;

use super::gpu::Gpu;
use super::image::Image;
use super::labels::{colour_texture, write_table};
use super::overlay::{blend, label_in};
use super::scene::Scene;
use crate::annotation::{Colour, LabelScheme};
use crate::case::{Case, WriteRule};
use crate::geometry::VoxelIndex;
use crate::volume::{Samples, Volume};

/// Shader of the pass; `scene.wgsl` and `voxels.wgsl` go before it.
pub(super) const SHADER: &str = concat!(
    include_str!("../../shaders/scene.wgsl"),
    include_str!("../../shaders/voxels.wgsl"),
    include_str!("../../shaders/threshold.wgsl")
);

/// Opacity of what would be given, in 255 parts.
const OPACITY: u8 = 140;

/// A threshold that is tried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The layer that is drawn on.
    pub layer: usize,
    /// The label, and what it may be written over.
    pub rule: WriteRule,
    /// The values that belong, ends included.
    pub range: [f64; 2],
}

impl Threshold {
    /// Whether the device can tell for every sample of a volume; else the samples have to be looked at
    /// by the CPU.
    pub fn is_exact_on_device(volume: &Volume) -> bool {
        let is_kept = matches!(
            volume.samples(),
            Samples::I8(_)
                | Samples::U8(_)
                | Samples::I16(_)
                | Samples::U16(_)
                | Samples::I32(_)
                | Samples::U32(_)
                | Samples::F32(_)
        );
        is_kept && !volume.has_gaps()
    }

    /// The range in the numbers that the shader compares; an empty one where no sample belongs.
    pub(super) fn keys(&self, volume: &Volume) -> [i32; 2] {
        // Unsigned numbers of 32 bits have their first bit turned over in texels.
        let shift = if matches!(volume.samples(), Samples::U32(_)) { 1 << 31 } else { 0 };
        let keys = volume.keys_within(self.range).map(|keys| keys.map(|key| (key - shift) as i32));
        keys.unwrap_or([1, 0])
    }

    /// For each label the colour that its voxels would get; transparent where they stay.
    fn table(&self, case: &Case) -> Vec<[u8; 4]> {
        let of_label = case.scheme().get(self.rule.label).map(|label| label.color);
        let Colour([r, g, b]) = of_label.unwrap_or_else(|| Colour::for_label(self.rule.label));
        let is_taken = self.rule.takes(case);
        (0..=u16::MAX)
            .map(|label| match label != self.rule.label && is_taken(label) {
                true => [r, g, b, OPACITY],
                false => [0; 4],
            })
            .collect()
    }
}

/// Draws what would be given as the shader does.
pub(super) fn draw_on_cpu(case: &Case, threshold: &Threshold, time: usize, scene: &Scene, image: &mut Image) {
    let Some(map) = case.layers().get(threshold.layer) else { return };
    let (volume, table) = (case.volume(), threshold.table(case));
    let [low, high] = threshold.range;
    image.rows_mut().enumerate().for_each(|(y, row)| {
        for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
            let place = scene.place(x as f64 + 0.5, y as f64 + 0.5);
            let Some([i, j, k]) = scene.cell(place) else { continue };
            let [r, g, b, opacity] = table[usize::from(label_in(map, scene, place))];
            let belongs = || (low..=high).contains(&volume.value(VoxelIndex::new(i, j, k), time));
            if opacity > 0 && !volume.is_missing_at(k, time) && belongs() {
                blend(&mut pixel[..3], [r, g, b], f64::from(opacity) / 255.0);
            }
        }
    });
}

/// The table of the threshold that is tried out, on the device.
#[derive(Debug)]
pub(super) struct TakenTable {
    texture: wgpu::Texture,
    view: wgpu::TextureView,
    of: Option<(WriteRule, LabelScheme)>,
}

impl TakenTable {
    pub(super) fn new(gpu: &Gpu) -> Self {
        let texture = colour_texture(gpu);
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        Self { texture, view, of: None }
    }

    /// What the shader reads.
    pub(super) fn view(&self) -> &wgpu::TextureView {
        &self.view
    }

    /// Brings the table up to date.
    pub(super) fn follow(&mut self, gpu: &Gpu, case: &Case, threshold: &Threshold) {
        let now = (threshold.rule.clone(), case.scheme().clone());
        if self.of.as_ref() != Some(&now) {
            write_table(gpu, &self.texture, &threshold.table(case));
            self.of = Some(now);
        }
    }
}
