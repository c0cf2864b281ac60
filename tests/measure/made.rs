//! Grids, masks and volumes to measure.

use annotomy::geometry::{Affine, Grid, VoxelIndex};
use annotomy::volume::{Buffer, LabelMap, Mask, Rescale, Samples, Volume};

pub(crate) fn grid(dims: [usize; 3], rows: [[f64; 4]; 3]) -> Grid {
    Grid::new(dims, Affine::from_rows(rows).expect("invertible"), None).expect("a grid")
}

pub(crate) fn spaced(dims: [usize; 3], [x, y, z]: [f64; 3]) -> Grid {
    grid(dims, [[x, 0.0, 0.0, 0.0], [0.0, y, 0.0, 0.0], [0.0, 0.0, z, 0.0]])
}

/// Turned, mirrored, and sheared as by a tilted gantry.
pub(crate) fn sheared(dims: [usize; 3]) -> Grid {
    grid(dims, [[0.6, -0.9, 0.0, -31.0], [0.8, 0.7, 0.4, 4.5], [0.0, 0.1, -2.5, 100.0]])
}

pub(crate) fn voxels(dims: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    let count = dims.iter().product();
    (0..count).map(move |n| [n % dims[0], n / dims[0] % dims[1], n / dims[0] / dims[1]])
}

pub(crate) fn map(dims: [usize; 3], label: impl Fn([usize; 3]) -> u16) -> LabelMap {
    LabelMap::from_labels(dims, |n| label([n % dims[0], n / dims[0] % dims[1], n / dims[0] / dims[1]]))
}

pub(crate) fn mask(dims: [usize; 3], belongs: impl Fn([usize; 3]) -> bool) -> Mask {
    let mut mask = Mask::empty(spaced(dims, [1.0; 3]).bounds());
    for voxel in voxels(dims).filter(|voxel| belongs(*voxel)) {
        let [i, j, k] = voxel;
        mask.insert(VoxelIndex::new(i, j, k));
    }
    mask
}

pub(crate) fn volume(grid: Grid, rescale: Rescale, sample: impl Fn([usize; 3]) -> i16) -> Volume {
    let samples: Vec<i16> = voxels(grid.dims()).map(sample).collect();
    let samples = Samples::I16(Buffer::from_slice(&samples).expect("memory"));
    Volume::new(grid, 1, samples, rescale).expect("a volume")
}

/// A number that looks like chance and is the same each time.
pub(crate) fn noise([i, j, k]: [usize; 3], seed: u64) -> u64 {
    let mut x = seed ^ (i as u64 | (j as u64) << 20 | (k as u64) << 40);
    for _ in 0..2 {
        x = (x ^ x >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    x >> 20
}

pub(crate) fn near(found: f64, expected: f64, within: f64) -> bool {
    (found - expected).abs() <= within * expected.abs().max(1.0)
}
