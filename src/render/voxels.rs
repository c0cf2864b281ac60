//! The volume as a 3-D texture: how samples are held in it, and how it is filled slab by slab.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::gpu::Gpu;
use super::threshold::Threshold;
use crate::volume::{Sample, Samples, Volume};

/// How the samples of a volume are held in texels: as the bits of the file wherever 32 bits are
/// enough, which needs no conversion, no device feature and loses nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Coding {
    pub(super) kind: Kind,
    pub(super) format: wgpu::TextureFormat,
    /// A sample is the number in a texel plus this.
    pub(super) offset: f64,
}

/// What the bits of a texel mean; the numbers are those of `CODING` in `voxels.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Whole numbers of up to 16 bits; those with a sign are shifted up and down by so many bits.
    Whole { sign_shift: u32, least: i32, most: i32 },
    /// Whole numbers of 32 bits with a sign.
    Wide,
    /// Floats of 32 bits.
    Float,
    /// Red, green, blue and alpha, 8 bits each.
    Colour,
}

impl Coding {
    pub(super) fn of(volume: &Volume) -> Self {
        let whole = |sign_shift, least, most| Kind::Whole { sign_shift, least, most };
        let (kind, format, offset) = match volume.samples() {
            Samples::I8(_) => (whole(24, -128, 127), wgpu::TextureFormat::R8Uint, 0.0),
            Samples::U8(_) => (whole(0, 0, 255), wgpu::TextureFormat::R8Uint, 0.0),
            Samples::I16(_) => (whole(16, -32_768, 32_767), wgpu::TextureFormat::R16Uint, 0.0),
            Samples::U16(_) => (whole(0, 0, 65_535), wgpu::TextureFormat::R16Uint, 0.0),
            Samples::I32(_) => (Kind::Wide, wgpu::TextureFormat::R32Uint, 0.0),
            Samples::U32(_) => (Kind::Wide, wgpu::TextureFormat::R32Uint, f64::from(1u32 << 31)),
            Samples::F32(_) => (Kind::Float, wgpu::TextureFormat::R32Uint, 0.0),
            // 64 bits become a float's distance from the middle of all values.
            Samples::I64(_) | Samples::U64(_) | Samples::F64(_) => {
                let range = volume.statistics();
                let rescale = volume.rescale();
                let middle = ((range.min + range.max) / 2.0 - rescale.intercept) / rescale.slope;
                let middle = if middle.is_finite() { middle } else { 0.0 };
                (Kind::Float, wgpu::TextureFormat::R32Uint, middle)
            }
            Samples::Rgb8(_) | Samples::Rgba8(_) | Samples::Rgb16(_) => {
                (Kind::Colour, wgpu::TextureFormat::R32Uint, 0.0)
            }
        };
        Self { kind, format, offset }
    }

    /// The number nearest to `wanted` that a texel can hold.
    pub(super) fn nearest_number(&self, wanted: f64) -> f64 {
        match self.kind {
            Kind::Whole { least, most, .. } => wanted.round().clamp(f64::from(least), f64::from(most)),
            Kind::Wide => wanted.round().clamp(f64::from(i32::MIN), f64::from(i32::MAX)),
            Kind::Float => f64::from(wanted.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32),
            Kind::Colour => 0.0,
        }
    }

    /// The constants that make `voxels.wgsl` read texels of a kind.
    pub(super) fn constants(kind: Kind) -> [(&'static str, f64); 2] {
        let (coding, sign_shift) = match kind {
            Kind::Whole { sign_shift, .. } => (0.0, sign_shift),
            Kind::Wide => (1.0, 0),
            Kind::Float => (2.0, 0),
            Kind::Colour => (3.0, 0),
        };
        [("CODING", coding), ("SIGN_SHIFT", f64::from(sign_shift))]
    }

    fn texel_bytes(&self) -> usize {
        match self.format {
            wgpu::TextureFormat::R8Uint => 1,
            wgpu::TextureFormat::R16Uint => 2,
            _ => 4,
        }
    }

    /// Calls `take` with the texels of the samples at `offsets`.
    fn with_texels(&self, samples: &Samples, offsets: Range<usize>, take: impl FnOnce(&[u8])) {
        let float = |x: f64| ((x - self.offset) as f32).to_bits();
        match samples {
            Samples::I8(_)
            | Samples::U8(_)
            | Samples::I16(_)
            | Samples::U16(_)
            | Samples::I32(_)
            | Samples::F32(_)
            | Samples::Rgba8(_) => {
                let size = self.texel_bytes();
                take(&samples.bytes()[offsets.start * size..offsets.end * size]);
            }
            Samples::U32(stored) => take_converted(&stored[offsets], |x| x ^ (1 << 31), take),
            Samples::I64(stored) => take_converted(&stored[offsets], |x| float(x.to_f64()), take),
            Samples::U64(stored) => take_converted(&stored[offsets], |x| float(x.to_f64()), take),
            Samples::F64(stored) => take_converted(&stored[offsets], float, take),
            Samples::Rgb8(stored) => {
                take_converted(&stored[offsets], |[r, g, b]| u32::from_le_bytes([r, g, b, 255]), take);
            }
            Samples::Rgb16(stored) => {
                let texel = |colour: [u16; 3]| {
                    let [r, g, b] = high_bytes(colour);
                    u32::from_le_bytes([r, g, b, 255])
                };
                take_converted(&stored[offsets], texel, take);
            }
        }
    }
}

/// What is shown of a colour of 16 bits.
pub(super) fn high_bytes(colour: [u16; 3]) -> [u8; 3] {
    colour.map(|part| (part >> 8) as u8)
}

fn take_converted<T: Copy + Sync>(
    stored: &[T],
    convert: impl Fn(T) -> u32 + Sync + Send,
    take: impl FnOnce(&[u8]),
) {
    let texels: Vec<u32> = stored.par_iter().map(|sample| convert(*sample)).collect();
    take(bytemuck::cast_slice(&texels));
}

/// One point in time of a volume, on its way to the device or wholly there.
#[derive(Debug)]
pub(super) struct VoxelTexture {
    pub(super) volume: Arc<Volume>,
    pub(super) time: usize,
    pub(super) coding: Coding,
    /// Whether its texels tell exactly which samples lie in a range.
    pub(super) tells_thresholds: bool,
    pub(super) view: wgpu::TextureView,
    texture: wgpu::Texture,
    /// The slices along k that have arrived.
    pub(super) arrived: Range<usize>,
}

/// Bytes of one write. Each is held twice until the device has taken it.
const SLAB_BYTES: usize = 32 << 20;

impl VoxelTexture {
    /// An empty texture for a volume; says why where the device cannot hold it.
    pub(super) fn new(gpu: &Gpu, volume: Arc<Volume>, time: usize) -> Result<Self, String> {
        let dims = volume.grid().dims();
        let most = gpu.device.limits().max_texture_dimension_3d as usize;
        if dims.iter().any(|n| *n > most) {
            return Err(format!("this graphics adapter holds volumes of up to {most} voxels a side"));
        }
        let coding = Coding::of(&volume);
        let texture = new_texture(gpu, "voxels", dims, coding.format)
            .ok_or("this graphics adapter has too little memory for the volume")?;
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let tells_thresholds = Threshold::is_exact_on_device(&volume);
        Ok(Self { volume, time, coding, tells_thresholds, view, texture, arrived: 0..0 })
    }

    /// Starts anew with another point in time, in the same texture.
    pub(super) fn restart(&mut self, time: usize) {
        self.time = time;
        self.arrived = 0..0;
    }

    pub(super) fn is_complete(&self) -> bool {
        self.arrived.len() == self.volume.grid().dims()[2]
    }

    /// Sends slabs until `budget` bytes are spent or all have gone, the one around slice `near` first
    /// and the others outwards from it. At least one goes.
    pub(super) fn send(&mut self, gpu: &Gpu, budget: usize, near: usize, wait: bool) {
        let [ni, nj, nk] = self.volume.grid().dims();
        let slice_bytes = ni * nj * self.coding.texel_bytes();
        let slab = (SLAB_BYTES.min(budget) / slice_bytes).clamp(1, nk);
        let mut spent = 0;
        while !self.is_complete() && (spent == 0 || spent + slab * slice_bytes <= budget) {
            let next = next_slab(&self.arrived, nk, slab, near.min(nk - 1));
            self.send_slab(gpu, next.clone());
            spent += next.len() * slice_bytes;
            self.arrived = if self.arrived.is_empty() {
                next
            } else {
                self.arrived.start.min(next.start)..self.arrived.end.max(next.end)
            };
            gpu.queue.submit([]);
            let poll = if wait { wgpu::PollType::wait_indefinitely() } else { wgpu::PollType::Poll };
            // A failed poll is a lost device, which is_lost tells of.
            let _ = gpu.device.poll(poll);
        }
    }

    fn send_slab(&self, gpu: &Gpu, slices: Range<usize>) {
        let grid = self.volume.grid();
        let [ni, nj, _] = grid.dims();
        let first = self.time * grid.voxel_count();
        let offsets = first + slices.start * ni * nj..first + slices.end * ni * nj;
        self.coding.with_texels(self.volume.samples(), offsets, |texels| {
            let origin = [0, 0, slices.start];
            write_box(gpu, &self.texture, origin, [ni, nj, slices.len()], self.coding.texel_bytes(), texels);
        });
    }
}

/// The slices to send after `arrived`: around `near` at first, then on the side that is nearer to it.
fn next_slab(arrived: &Range<usize>, count: usize, slab: usize, near: usize) -> Range<usize> {
    if arrived.is_empty() {
        let start = near.saturating_sub(slab / 2).min(count - slab);
        return start..start + slab;
    }
    let (below, above) = (near.abs_diff(arrived.start), near.abs_diff(arrived.end));
    if arrived.end < count && (above <= below || arrived.start == 0) {
        arrived.end..(arrived.end + slab).min(count)
    } else {
        arrived.start.saturating_sub(slab)..arrived.start
    }
}

/// A 3-D texture to be read by shaders; `None` where the device has no room for it.
pub(super) fn new_texture(
    gpu: &Gpu,
    label: &str,
    dims: [usize; 3],
    format: wgpu::TextureFormat,
) -> Option<wgpu::Texture> {
    let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: Some(label),
        size: extent(dims),
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D3,
        format,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    pollster::block_on(scope.pop()).is_none().then_some(texture)
}

/// Writes a box of texels, i fastest, into a 3-D texture.
pub(super) fn write_box(
    gpu: &Gpu,
    texture: &wgpu::Texture,
    origin: [usize; 3],
    dims: [usize; 3],
    texel_bytes: usize,
    texels: &[u8],
) {
    let [x, y, z] = origin.map(|n| n as u32);
    gpu.queue.write_texture(
        wgpu::TexelCopyTextureInfo { origin: wgpu::Origin3d { x, y, z }, ..texture.as_image_copy() },
        texels,
        wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some((dims[0] * texel_bytes) as u32),
            rows_per_image: Some(dims[1] as u32),
        },
        extent(dims),
    );
}

fn extent(dims: [usize; 3]) -> wgpu::Extent3d {
    let [width, height, depth] = dims.map(|n| n as u32);
    wgpu::Extent3d { width, height, depth_or_array_layers: depth }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slabs_grow_outwards_from_the_focus_and_meet_no_slice_twice() {
        for (count, slab, near) in [(10, 3, 4), (10, 3, 0), (10, 3, 9), (1, 1, 0), (7, 7, 3), (100, 8, 37)] {
            let mut arrived = 0..0;
            let mut sent = 0;
            while arrived.len() < count {
                let next = next_slab(&arrived, count, slab, near);
                assert!(!next.is_empty() && next.end <= count);
                if arrived.is_empty() {
                    assert!(next.contains(&near));
                    arrived = next.clone();
                } else {
                    assert!(next.start == arrived.end || next.end == arrived.start);
                    arrived = arrived.start.min(next.start)..arrived.end.max(next.end);
                }
                sent += next.len();
            }
            assert_eq!(sent, count);
        }
    }
}
