//! What the tests of several algorithms share.

use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::geometry::{VoxelBox, VoxelIndex};
use crate::volume::{LabelMap, Mask};

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

/// Remembers the last that was told, and calls off where it should.
struct Witness {
    calls_off: bool,
    told: Mutex<f32>,
}

impl Progress for Witness {
    fn is_cancelled(&self) -> bool {
        self.calls_off
    }

    fn set(&self, fraction: f32) {
        let mut told = self.told.lock().expect("no panic");
        *told = told.max(fraction);
    }
}

#[test]
fn every_algorithm_can_be_called_off_and_tells_when_it_is_done() {
    let dims = [40, 30, 40];
    let map = LabelMap::from_labels(dims, |n| (n % 40 / 13 * (n / 1200 % 3)) as u16);
    let mask = Mask::of_label(&map, VoxelBox { min: [0; 3], max: dims }, 1);
    let (spacing, faces) = ([1.0, 1.0, 2.0], Connectivity::Six);
    let check = |name: &str, run: &dyn Fn(&dyn Progress) -> Result<(), Cancelled>| {
        let witness = |calls_off: bool| Witness { calls_off, told: Mutex::new(0.0) };
        assert_eq!(run(&witness(true)), Err(Cancelled), "{name} is called off");
        let watches = witness(false);
        assert_eq!(run(&watches), Ok(()), "{name}");
        assert_eq!(*watches.told.lock().expect("no panic"), 1.0, "{name} is done");
    };
    check("components", &|p| Components::of(&mask, faces, p).map(drop));
    check("components of labels", &|p| Components::of_labels(&map, faces, p).map(drop));
    check("islands", &|p| islands(&mask, Islands::Largest(2), faces, p).map(drop));
    check("holes", &|p| fill_holes(&mask, p).map(drop));
    check("holes in slices", &|p| fill_holes_in_slices(&mask, SliceAxis::I, p).map(drop));
    check("margin", &|p| grown(&mask, 3.0, spacing, p).map(drop));
    check("great margin", &|p| grown(&mask, 90.0, spacing, p).map(drop));
    check("shrinking", &|p| shrunk(&mask, 3.0, spacing, p).map(drop));
    check("wall", &|p| hollow(&mask, 2.0, Wall::Inside, spacing, p).map(drop));
    check("opening", &|p| opened(&mask, 2.0, spacing, p).map(drop));
    check("closing", &|p| closed(&mask, 2.0, spacing, p).map(drop));
    check("majority", &|p| majority(&mask, [2, 1, 1], p).map(drop));
    check("gaussian", &|p| smoothed_mask(&mask, [1.5; 3], None, p).map(drop));
    check("joint smoothing", &|p| smoothed_together(&map, &[1, 2], [1.5; 3], p).map(drop));
}
