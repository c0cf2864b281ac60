//! The label maps as 3-D textures that follow them brick by brick, and the table of label colours.

use std::sync::Arc;

use super::gpu::Gpu;
use super::scene::{PixelRect, Scene};
use super::voxels::{new_texture, write_box};
use crate::annotation::{Colour, LabelScheme};
use crate::volume::{BRICK_EDGE, Brick, BrickIndex, LabelMap};

/// One layer on the device. While the layer is empty there is no texture.
#[derive(Debug)]
pub(super) struct LabelTexture {
    /// The map as the texture shows it. Bricks are compared by address: an `Arc` held here cannot be
    /// another brick later, so no change is missed, whichever case the next map comes from.
    shown: LabelMap,
    held: Option<Held>,
    /// For each brick, which of its blocks hold labels, one bit each, i fastest.
    labelled_blocks: Vec<u64>,
}

/// Voxels along the edge of a block; a brick has 4 × 4 × 4 of them. Labels are drawn block by block,
/// so that a picture pays for the labels in it and not for its size.
const BLOCK_EDGE: usize = 8;
const BLOCKS: usize = BRICK_EDGE / BLOCK_EDGE;
const _: () = assert!(BLOCKS * BLOCKS * BLOCKS == 64, "one bit of a u64 for each block");

#[derive(Debug)]
struct Held {
    texture: wgpu::Texture,
    view: wgpu::TextureView,
    /// Whether labels take 16 bits; 8 are enough for most cases.
    wide: bool,
}

impl LabelTexture {
    /// The texture of an empty map.
    pub(super) fn new(dims: [usize; 3]) -> Self {
        let shown = LabelMap::new(dims);
        let labelled_blocks = vec![0; shown.brick_dims().iter().product()];
        Self { shown, held: None, labelled_blocks }
    }

    /// What shaders read; `None` while the layer is empty.
    pub(super) fn view(&self) -> Option<&wgpu::TextureView> {
        self.held.as_ref().map(|held| &held.view)
    }

    /// Sends the bricks in which `map` differs from what is shown. Gives back whether there were any;
    /// says why where the device cannot hold the layer.
    pub(super) fn follow(&mut self, gpu: &Gpu, map: &LabelMap) -> Result<bool, String> {
        let mut changed: Vec<BrickIndex> = brick_indices(map.brick_dims())
            .filter(|index| !is_same(self.shown.brick(*index), map.brick(*index)))
            .collect();
        if changed.is_empty() {
            return Ok(false);
        }
        let mut wide = false;
        for index in &changed {
            let number = self.brick_number(index.0.map(|n| n as usize));
            let (blocks, bits) = map.brick(*index).map_or((0, 0), |brick| blocks_of(brick));
            self.labelled_blocks[number] = blocks;
            wide |= bits > 255;
        }
        if self.held.as_ref().is_none_or(|held| wide && !held.wide) {
            self.held = None;
            let format = if wide { wgpu::TextureFormat::R16Uint } else { wgpu::TextureFormat::R8Uint };
            let texture = new_texture(gpu, "labels", map.dims(), format)
                .ok_or("this graphics adapter has too little memory for the labels")?;
            let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
            self.held = Some(Held { texture, view, wide });
            changed = map.bricks().map(|(index, _)| index).collect();
        }
        if let Some(held) = &self.held {
            for run in runs(&changed) {
                send(gpu, held, map, run);
            }
        }
        self.shown = map.clone();
        Ok(true)
    }

    /// The map that the texture shows.
    pub(super) fn map(&self) -> &LabelMap {
        &self.shown
    }

    /// Rectangles of pixels outside of which no label of this layer lies on a slice. They do not
    /// overlap.
    pub(super) fn rectangles_on(&self, scene: &Scene) -> Vec<PixelRect> {
        let (Some(flat), Some([along, across])) = (scene.flat_axis, scene.upright_axes()) else {
            return labelled_pixels(&self.shown, scene).into_iter().collect();
        };
        let edge = |block: usize| (block * BLOCK_EDGE) as f64 - 0.5;
        let between = |step, count, axis, start: usize, end: usize| {
            let (a, b) = (
                scene.pixel_at_edge(step, count, axis, edge(start)),
                scene.pixel_at_edge(step, count, axis, edge(end)),
            );
            [a.min(b), a.max(b)]
        };
        let counts = self.shown.dims().map(|n| n.div_ceil(BLOCK_EDGE));
        let mut rectangles = Vec::new();
        let mut block = [0; 3];
        block[flat] = scene.origin[flat] as usize / BLOCK_EDGE;
        for row in 0..counts[across] {
            block[across] = row;
            let [top, bottom] = between(scene.down, scene.size[1], across, row, row + 1);
            let mut start = None;
            for column in 0..=counts[along] {
                block[along] = column;
                match (column < counts[along] && self.is_labelled(block), start) {
                    (true, None) => start = Some(column),
                    (false, Some(first)) => {
                        let [left, right] = between(scene.right, scene.size[0], along, first, column);
                        if left < right && top < bottom {
                            rectangles.push([left, top, right, bottom]);
                        }
                        start = None;
                    }
                    _ => {}
                }
            }
        }
        rectangles
    }

    fn brick_number(&self, [i, j, k]: [usize; 3]) -> usize {
        let [ni, nj, _] = self.shown.brick_dims();
        (k * nj + j) * ni + i
    }

    fn is_labelled(&self, block: [usize; 3]) -> bool {
        let [i, j, k] = block.map(|n| n % BLOCKS);
        self.labelled_blocks[self.brick_number(block.map(|n| n / BLOCKS))] >> ((k * BLOCKS + j) * BLOCKS + i)
            & 1
            == 1
    }
}

/// The blocks of a brick that hold labels, and the bits that any of its labels has.
fn blocks_of(brick: &Brick) -> (u64, u16) {
    let (mut blocks, mut bits) = (0, 0);
    for (place, part) in brick.labels().as_chunks::<BLOCK_EDGE>().0.iter().enumerate() {
        // Without an early way out, so that it runs in wide registers.
        let bits_here = part.iter().fold(0, |bits, label| bits | label);
        if bits_here != 0 {
            let (i, j, k) = (place % BLOCKS, place / BLOCKS % BRICK_EDGE, place / BLOCKS / BRICK_EDGE);
            blocks |= 1 << ((k / BLOCK_EDGE * BLOCKS + j / BLOCK_EDGE) * BLOCKS + i);
        }
        bits |= bits_here;
    }
    (blocks, bits)
}

/// The first and the last voxel of the box around all bricks of `map`.
pub(super) fn labelled_box(map: &LabelMap) -> Option<([usize; 3], [usize; 3])> {
    let boxes = map.bricks().map(|(index, _)| map.brick_bounds(index));
    boxes.reduce(|a, b| a.union(&b)).map(|bounds| (bounds.min, bounds.max.map(|n| n - 1)))
}

/// The pixels of a slice outside of which no brick of `map` lies.
pub(super) fn labelled_pixels(map: &LabelMap, scene: &Scene) -> Option<PixelRect> {
    let normal = scene.right.cross(scene.down);
    let mut around: Option<([f64; 3], [f64; 3])> = None;
    for (index, _) in map.bricks() {
        let bounds = map.brick_bounds(index);
        let first = bounds.min.map(|n| n as f64);
        let last = bounds.max.map(|n| n as f64 - 1.0);
        let mut depth = -normal.dot(scene.origin);
        let mut reach = 0.0;
        for axis in 0..3 {
            depth += normal[axis] * (first[axis] + last[axis]) / 2.0;
            reach += normal[axis].abs() * (last[axis] - first[axis] + 1.0) / 2.0;
        }
        if depth.abs() <= reach * (1.0 + 1e-9) {
            let (low, high) = around.get_or_insert((first, last));
            for axis in 0..3 {
                low[axis] = low[axis].min(first[axis]);
                high[axis] = high[axis].max(last[axis]);
            }
        }
    }
    around.and_then(|(first, last)| scene.pixels_of(first, last))
}

fn is_same(shown: Option<&Arc<Brick>>, new: Option<&Arc<Brick>>) -> bool {
    match (shown, new) {
        (None, None) => true,
        (Some(shown), Some(new)) => Arc::ptr_eq(shown, new),
        _ => false,
    }
}

fn brick_indices(brick_dims: [usize; 3]) -> impl Iterator<Item = BrickIndex> {
    let [ni, nj, nk] = brick_dims.map(|n| n as u32);
    (0..nk).flat_map(move |k| (0..nj).flat_map(move |j| (0..ni).map(move |i| BrickIndex([i, j, k]))))
}

/// Bricks side by side along i, which are sent as one box.
fn runs(bricks: &[BrickIndex]) -> impl Iterator<Item = &[BrickIndex]> {
    bricks.chunk_by(|BrickIndex([i, j, k]), BrickIndex(next)| [i + 1, *j, *k] == *next)
}

fn send(gpu: &Gpu, held: &Held, map: &LabelMap, run: &[BrickIndex]) {
    let [Some(first), Some(last)] = [run.first(), run.last()] else { return };
    let bounds = map.brick_bounds(*first).union(&map.brick_bounds(*last));
    let write = |texel_bytes: usize, texels: &[u8]| {
        write_box(gpu, &held.texture, bounds.min, bounds.dims(), texel_bytes, texels);
    };
    if held.wide {
        write(2, bytemuck::cast_slice(&labels_side_by_side(map, run, bounds.dims(), |label| label)));
    } else {
        write(1, &labels_side_by_side(map, run, bounds.dims(), |label| label as u8));
    }
}

/// The labels of bricks side by side along i, as texels of the box around them.
fn labels_side_by_side<T: Copy + Default>(
    map: &LabelMap,
    run: &[BrickIndex],
    [width, height, depth]: [usize; 3],
    texel: impl Fn(u16) -> T,
) -> Vec<T> {
    let mut texels = vec![T::default(); width * height * depth];
    for (place, index) in run.iter().enumerate() {
        let Some(brick) = map.brick(*index) else { continue };
        let left = place * BRICK_EDGE;
        for k in 0..depth {
            for j in 0..height {
                let to = &mut texels[(k * height + j) * width..][left..width.min(left + BRICK_EDGE)];
                for (texel_here, label) in to.iter_mut().zip(brick.row(k * BRICK_EDGE + j)) {
                    *texel_here = texel(*label);
                }
            }
        }
    }
    texels
}

/// The colour of each of the 65536 labels, transparent where it is hidden.
pub(super) fn colours(scheme: &LabelScheme) -> Vec<[u8; 4]> {
    let opaque = |Colour([r, g, b]): Colour| [r, g, b, 255];
    let mut colours: Vec<[u8; 4]> = (0..=u16::MAX).map(|label| opaque(Colour::for_label(label))).collect();
    colours[0] = [0; 4];
    for (index, label) in scheme.iter() {
        colours[usize::from(index)] = if label.visible { opaque(label.color) } else { [0; 4] };
    }
    colours
}

/// The table of [`colours`] on the device, 256 labels a row.
pub(super) fn colour_texture(gpu: &Gpu) -> wgpu::Texture {
    gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: Some("label colours"),
        size: wgpu::Extent3d { width: 256, height: 256, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    })
}

/// Writes the whole table.
pub(super) fn send_colours(gpu: &Gpu, texture: &wgpu::Texture, scheme: &LabelScheme) {
    write_table(gpu, texture, &colours(scheme));
}

/// Writes a table of a colour for each of the 65536 labels.
pub(super) fn write_table(gpu: &Gpu, texture: &wgpu::Texture, colours: &[[u8; 4]]) {
    gpu.queue.write_texture(
        texture.as_image_copy(),
        bytemuck::cast_slice(colours),
        wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(256 * 4), rows_per_image: None },
        texture.size(),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bricks_side_by_side_travel_together() {
        let bricks = [[0, 0, 0], [1, 0, 0], [3, 0, 0], [0, 1, 0], [1, 1, 0], [2, 1, 0]].map(BrickIndex);
        assert_eq!(runs(&bricks).map(<[_]>::len).collect::<Vec<_>>(), [2, 1, 3]);
        assert_eq!(brick_indices([2, 3, 4]).count(), 24);
        assert_eq!(runs(&[]).count(), 0);
    }
}
