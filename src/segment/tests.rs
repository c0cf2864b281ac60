//! What the tests of several algorithms share.

use proptest::prelude::*;

use crate::geometry::{VoxelBox, VoxelIndex};
use crate::volume::Mask;

/// The voxels of a box, i fastest.
pub(super) fn voxels_of(bounds: VoxelBox) -> impl Iterator<Item = VoxelIndex> {
    let VoxelBox { min, max } = bounds;
    (min[2]..max[2]).flat_map(move |k| {
        (min[1]..max[1]).flat_map(move |j| (min[0]..max[0]).map(move |i| VoxelIndex { i, j, k }))
    })
}

/// A mask over at most so many voxels along each axis, anywhere in the grid: noise, thin or thick, or
/// blobs.
pub(super) fn any_mask(most: [usize; 3]) -> impl Strategy<Value = Mask> {
    let dims = [1..=most[0], 1..=most[1], 1..=most[2]];
    (dims, prop::array::uniform3(0usize..9), any::<u64>(), 1u64..8, 1usize..5).prop_map(
        |(dims, min, seed, thick, blob)| {
            let max = std::array::from_fn(|axis| min[axis] + dims[axis]);
            let mut mask = Mask::empty(VoxelBox { min, max });
            for voxel in voxels_of(mask.bounds()) {
                let cell = voxel.to_array().map(|n| (n / blob) as u64);
                let mixed = cell
                    .iter()
                    .fold(seed, |mixed, n| (mixed ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
                if mixed >> 32 & 7 < thick {
                    mask.insert(voxel);
                }
            }
            mask
        },
    )
}

/// Distances between neighbours along i, j and k, in millimetres.
pub(super) fn any_spacing() -> impl Strategy<Value = [f64; 3]> {
    prop::sample::select(vec![
        [1.0, 1.0, 1.0],
        [0.7, 0.7, 1.0],
        [0.5, 1.3, 2.5],
        [2.0, 0.4, 0.7],
        [0.3, 0.1, 0.2],
    ])
}
