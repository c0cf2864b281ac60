//! Seeds grown by the device: `growing.wgsl`, whose twin is `segment::GrowFromSeeds`.
//!
//! Keys are whole numbers and there is one end to it, so that both come to the same, voxel by voxel.

use std::sync::OnceLock;

use super::compute::Computing;
use super::gpu::Gpu;
use crate::segment::{Cancelled, Grower, Progress};

const SHADER: &str = include_str!("../../shaders/growing.wgsl");

/// `BLOCK` in `growing.wgsl`.
const BLOCK: [usize; 3] = [8, 8, 4];
/// Passes between two looks at whether anything changed.
const PASSES: usize = 16;

/// Grows seeds on a device.
#[derive(Debug)]
pub struct DeviceGrower {
    gpu: Gpu,
    /// Made when it is first asked.
    computing: OnceLock<Computing>,
}

/// What a region takes on the device.
struct Region {
    blocks: [u32; 3],
    keys: wgpu::Buffer,
    changed: wgpu::Buffer,
    read: wgpu::Buffer,
    /// For even and for odd passes.
    groups: [wgpu::BindGroup; 2],
}

impl DeviceGrower {
    /// A grower on a device; `None` where it computes nothing but pictures.
    pub fn new(gpu: &Gpu) -> Option<Self> {
        let limits = gpu.device.limits();
        let computes = limits.max_compute_invocations_per_workgroup >= 256
            && limits.max_compute_workgroup_size_x >= 8
            && limits.max_compute_workgroup_storage_size >= 8 << 10
            && limits.max_storage_buffers_per_shader_stage >= 5;
        computes.then(|| Self { gpu: gpu.clone(), computing: OnceLock::new() })
    }

    fn computing(&self) -> &Computing {
        let only_read = [true, false, false, false, false];
        let make = || Computing::new(&self.gpu.device, "growing", SHADER, &only_read, &["look_around"]);
        self.computing.get_or_init(make)
    }

    /// The region, with every block to look once; `None` where the device has no room for it.
    fn region(&self, dims: [usize; 3], levels: &[u16], level_cost: u32, keys: &[u32]) -> Option<Region> {
        let (gpu, storage) = (&self.gpu, wgpu::BufferUsages::STORAGE);
        let most = gpu.device.limits().max_storage_buffer_binding_size;
        if size_of_val(keys) as u64 > most || keys.len() > u32::MAX as usize {
            return None;
        }
        let blocks: [u32; 3] = std::array::from_fn(|axis| dims[axis].div_ceil(BLOCK[axis]) as u32);
        let count = blocks.iter().map(|n| *n as usize).product::<usize>();
        let [ni, nj, nk] = dims.map(|n| n as u32);
        let size =
            gpu.filled("region", bytemuck::bytes_of(&[ni, nj, nk, level_cost]), wgpu::BufferUsages::UNIFORM)?;
        let mut pairs = levels.to_vec();
        pairs.resize(levels.len().next_multiple_of(2), 0);
        let levels = gpu.filled("levels", bytemuck::cast_slice(&pairs), storage)?;
        let keys = gpu.filled("keys", bytemuck::cast_slice(keys), storage | wgpu::BufferUsages::COPY_SRC)?;
        let all = vec![1u32; count];
        let active = [
            gpu.filled("blocks that look", bytemuck::cast_slice(&all), storage)?,
            gpu.buffer("blocks that look next", count * 4, storage)?,
        ];
        let counted = storage | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let changed = gpu.buffer("blocks changed", 4, counted)?;
        let to_read = wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ;
        let read = gpu.buffer("keys, to be read", keys.size() as usize, to_read)?;
        let group = |now: &wgpu::Buffer, next: &wgpu::Buffer| {
            self.computing().group(&gpu.device, &[&size, &levels, &keys, now, next, &changed])
        };
        let groups = [group(&active[0], &active[1]), group(&active[1], &active[0])];
        Some(Region { blocks, keys, changed, read, groups })
    }

    /// Makes some passes; tells how many blocks the last one changed.
    fn work(&self, region: &Region) -> Option<u32> {
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        for nth in 0..PASSES {
            if nth + 1 == PASSES {
                encoder.clear_buffer(&region.changed, 0, None);
            }
            let [x, y, z] = region.blocks;
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&self.computing().passes[0]);
            pass.set_bind_group(0, &region.groups[nth % 2], &[]);
            pass.dispatch_workgroups(x, y, z);
        }
        encoder.copy_buffer_to_buffer(&region.changed, 0, &region.read, 0, 4);
        self.gpu.queue.submit([encoder.finish()]);
        self.gpu.read(&region.read, 4).map(|word| word[0])
    }

    fn keys(&self, region: &Region) -> Option<Vec<u32>> {
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&region.keys, 0, &region.read, 0, region.keys.size());
        self.gpu.queue.submit([encoder.finish()]);
        self.gpu.read(&region.read, region.keys.size())
    }
}

impl Grower for DeviceGrower {
    fn settle(
        &self,
        dims: [usize; 3],
        levels: &[u16],
        level_cost: u32,
        keys: &mut [u32],
        progress: &dyn Progress,
    ) -> Result<bool, Cancelled> {
        let scope = self.gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let mut found = None;
        if let Some(region) = self.region(dims, levels, level_cost, keys) {
            let mut changed = self.work(&region);
            while changed.is_some_and(|blocks| blocks > 0) && !progress.is_cancelled() {
                changed = self.work(&region);
            }
            found = changed.and_then(|_| self.keys(&region));
        }
        let failed = pollster::block_on(scope.pop()).is_some() || self.gpu.is_lost();
        progress.go_on(1.0)?;
        match found.filter(|_| !failed) {
            Some(found) => {
                keys.copy_from_slice(&found[..keys.len()]);
                Ok(true)
            }
            None => Ok(false),
        }
    }
}
