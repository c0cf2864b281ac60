//! Masks smoothed by the device: `smoothing.wgsl`, whose twin is `segment::smoothed_mask`.
//!
//! Sums on a device are as exact as its f32, which is not to the last digit the processor's. So it also tells
//! for which voxels that could matter, and those are summed once more by the twin.

use std::ops::Range;
use std::sync::OnceLock;

use super::compute::Computing;
use super::gpu::Gpu;
use crate::geometry::VoxelBox;
use crate::segment::{Cancelled, Halves, Progress, Smoother};
use crate::volume::Mask;

const SHADER: &str = include_str!("../../shaders/smoothing.wgsl");

/// Voxels of one group, along i: those of one word of a mask.
const GROUP: usize = 64;
/// Bytes of a slab between two passes.
const SLAB_BYTES: usize = 128 << 20;
/// The sums of f32 are this near to what they should be, and much nearer.
const UNSURE: f32 = 1e-4;

/// Smooths masks on a device.
#[derive(Debug)]
pub struct DeviceSmoother {
    gpu: Gpu,
    /// Made when it is first asked: most people smooth nothing.
    computing: OnceLock<Computing>,
}

/// `Slab` in `smoothing.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Slab {
    whole: [u32; 3],
    row_words: u32,
    first: [u32; 2],
    size: [u32; 2],
    first_row: u32,
    rows: u32,
    first_slice: u32,
    slices: u32,
    first_done: u32,
    done: u32,
    done_words: u32,
    unsure: f32,
    reach: [u32; 3],
    _end: u32,
}

impl DeviceSmoother {
    /// A smoother on a device; `None` where it computes nothing but pictures.
    pub fn new(gpu: &Gpu) -> Option<Self> {
        let limits = gpu.device.limits();
        let computes = limits.max_compute_workgroup_size_x as usize >= GROUP
            && limits.max_compute_invocations_per_workgroup as usize >= GROUP
            && limits.max_storage_buffers_per_shader_stage >= 3;
        computes.then(|| Self { gpu: gpu.clone(), computing: OnceLock::new() })
    }

    fn computing(&self) -> &Computing {
        let (only_read, along) = ([true, true, false], ["along_i", "along_j", "along_k"]);
        let make = || Computing::new(&self.gpu.device, "smoothing", SHADER, &only_read, &along);
        self.computing.get_or_init(make)
    }

    /// The words of some slices of the result and of the unsure voxels; `None` where the device fails.
    fn slab(
        &self,
        bits: &[u64],
        slab: &Slab,
        weights: &wgpu::Buffer,
        between: &[wgpu::Buffer; 2],
        found: &Found,
    ) -> Option<Vec<u64>> {
        let Gpu { device, queue, .. } = &self.gpu;
        let uniform = self.gpu.filled("slab", bytemuck::bytes_of(slab), wgpu::BufferUsages::UNIFORM)?;
        let bits = self.gpu.filled("mask", bytemuck::cast_slice(bits), wgpu::BufferUsages::STORAGE)?;
        let passes = [
            (&bits, &between[0], [slab.rows, slab.slices]),
            (&between[0], &between[1], [slab.size[1], slab.slices]),
            (&between[1], &found.device, [slab.size[1], slab.done]),
        ];
        let mut encoder = device.create_command_encoder(&Default::default());
        for (pipeline, (source, goal, [rows, slices])) in self.computing().passes.iter().zip(passes) {
            let group = self.computing().group(device, &[&uniform, weights, source, goal]);
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(slab.size[0].div_ceil(GROUP as u32), rows, slices);
        }
        let bytes = 2 * u64::from(slab.done * slab.size[1] * slab.done_words) * 4;
        encoder.copy_buffer_to_buffer(&found.device, 0, &found.here, 0, bytes);
        queue.submit([encoder.finish()]);
        self.gpu.read(&found.here, bytes)
    }
}

/// What a slab comes to: where the device writes it, and where it is read.
struct Found {
    device: wgpu::Buffer,
    here: wgpu::Buffer,
}

impl Smoother for DeviceSmoother {
    fn halves(
        &self,
        mask: &Mask,
        bounds: VoxelBox,
        weights: &[Vec<f32>; 3],
        progress: &dyn Progress,
    ) -> Result<Option<Halves>, Cancelled> {
        let whole = mask.bounds();
        let reach: [usize; 3] = std::array::from_fn(|axis| weights[axis].len() - 1);
        // From here on places count from the first voxel of the whole.
        let first: [usize; 3] = std::array::from_fn(|axis| bounds.min[axis] - whole.min[axis]);
        let [ni, nj, nk] = bounds.dims();
        let needed = |axis: usize, part: Range<usize>| {
            part.start.saturating_sub(reach[axis])..(part.end + reach[axis]).min(whole.dims()[axis])
        };
        let rows = needed(1, first[1]..first[1] + nj);
        let limits = self.gpu.device.limits();
        let most_bytes =
            SLAB_BYTES.min(usize::try_from(limits.max_storage_buffer_binding_size).unwrap_or(usize::MAX));
        let slice_bytes = ni * rows.len().max(nj) * 4;
        let most_slices = (most_bytes / slice_bytes.max(1)).min(u16::MAX.into());
        if rows.len() > usize::from(u16::MAX) || most_slices <= 2 * reach[2] {
            return Ok(None);
        }
        let at_once = (most_slices - 2 * reach[2]).min(nk);
        let (mut over, mut unsure) = (Mask::empty(bounds), Mask::empty(bounds));
        let (row_words, done_words) = (mask.row_words(), over.row_words());
        let usual = wgpu::BufferUsages::STORAGE;
        let slab_bytes = slice_bytes * (at_once + 2 * reach[2]).min(whole.dims()[2]);
        let found_bytes = 2 * at_once * nj * done_words * 8;
        let buffers = (|| {
            let between = [
                self.gpu.buffer("smoothed along i", slab_bytes, usual)?,
                self.gpu.buffer("smoothed along j", slab_bytes, usual)?,
            ];
            let device = self.gpu.buffer("smoothed", found_bytes, usual | wgpu::BufferUsages::COPY_SRC)?;
            let read = wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ;
            let here = self.gpu.buffer("smoothed, to be read", found_bytes, read)?;
            let weights = self.gpu.filled("weights", bytemuck::cast_slice(&weights.concat()), usual)?;
            Some((weights, between, Found { device, here }))
        })();
        let Some((weights, between, found)) = buffers else { return Ok(None) };
        for start in (0..nk).step_by(at_once) {
            let done = start..(start + at_once).min(nk);
            let slices = needed(2, first[2] + done.start..first[2] + done.end);
            let slice_words = whole.dims()[1] * row_words;
            let bits = &mask.words()[slices.start * slice_words..slices.end * slice_words];
            let slab = Slab {
                whole: whole.dims().map(|n| n as u32),
                row_words: 2 * row_words as u32,
                first: [first[0], first[1]].map(|n| n as u32),
                size: [ni, nj].map(|n| n as u32),
                first_row: rows.start as u32,
                rows: rows.len() as u32,
                first_slice: slices.start as u32,
                slices: slices.len() as u32,
                first_done: (first[2] + done.start) as u32,
                done: done.len() as u32,
                done_words: 2 * done_words as u32,
                unsure: UNSURE,
                reach: reach.map(|n| n as u32),
                _end: 0,
            };
            let scope = self.gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
            let words = self.slab(bits, &slab, &weights, &between, &found);
            let failed = pollster::block_on(scope.pop()).is_some() || self.gpu.is_lost();
            let Some(words) = words.filter(|_| !failed) else { return Ok(None) };
            let (of_over, of_unsure) = words.split_at(words.len() / 2);
            let place = done.start * nj * done_words..done.end * nj * done_words;
            over.words_mut()[place.clone()].copy_from_slice(of_over);
            unsure.words_mut()[place].copy_from_slice(of_unsure);
            progress.go_on(done.end as f32 / nk as f32)?;
        }
        Ok(Some(Halves { over, unsure }))
    }
}
