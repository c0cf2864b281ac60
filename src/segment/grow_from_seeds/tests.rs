use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::geometry::{Affine, Grid};
use crate::segment::Unwatched;
use crate::volume::{Buffer, Rescale, Samples};

fn volume(dims: [usize; 3], sample: impl Fn(usize) -> i16) -> Volume {
    let samples = (0..dims.iter().product()).map(sample).collect::<Vec<i16>>();
    volume_of(dims, Samples::I16(Buffer::from_slice(&samples).expect("memory")))
}

fn volume_of(dims: [usize; 3], samples: Samples) -> Volume {
    let rows = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
    let grid = Grid::new(dims, Affine::from_rows(rows).expect("an affine"), None).expect("a grid");
    Volume::new(grid, 1, samples, Rescale::NONE).expect("a volume")
}

fn noise(n: usize) -> usize {
    (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23).wrapping_mul(0xD134_2543_DE82_EF95)
        as usize
        >> 40
}

fn voxels(bounds: VoxelBox) -> impl Iterator<Item = VoxelIndex> {
    let [i, j, k]: [_; 3] = std::array::from_fn(|axis| bounds.min[axis]..bounds.max[axis]);
    k.flat_map(move |k| {
        let i = i.clone();
        j.clone().flat_map(move |j| i.clone().map(move |i| VoxelIndex::new(i, j, k)))
    })
}

/// The same by a plain heap over the whole region: the label of each voxel, in order.
fn plain(volume: &Volume, bounds: VoxelBox, seeds: &LabelMap, labels: &[u16]) -> Vec<Option<u16>> {
    let levels = Levels::of(volume, 0, bounds);
    let all: Vec<VoxelIndex> = voxels(bounds).collect();
    let level = |voxel: VoxelIndex| {
        let mut row = [0];
        levels.copy_row(voxel.to_array(), &mut row).then_some(row[0])
    };
    let [ni, nj, _] = bounds.dims();
    let place = |voxel: VoxelIndex| {
        let [i, j, k]: [usize; 3] = std::array::from_fn(|axis| voxel.to_array()[axis] - bounds.min[axis]);
        (k * nj + j) * ni + i
    };
    let mut best: Vec<Option<(u32, usize)>> = vec![None; all.len()];
    let mut heap = BinaryHeap::new();
    for &voxel in &all {
        if let Some(slot) = labels.iter().position(|label| *label == seeds.label(voxel))
            && level(voxel).is_some()
        {
            best[place(voxel)] = Some((0, slot));
            heap.push(Reverse((0, slot, place(voxel))));
        }
    }
    while let Some(Reverse((cost, slot, at))) = heap.pop() {
        if best[at] != Some((cost, slot)) {
            continue;
        }
        let from = all[at];
        for number in (0..27).filter(|number| *number != 13) {
            let step: [isize; 3] = [number % 3 - 1, number / 3 % 3 - 1, number / 9 - 1];
            let to: Option<Vec<usize>> = (0..3)
                .map(|axis| from.to_array()[axis].checked_add_signed(step[axis]))
                .zip(bounds.min.iter().zip(bounds.max))
                .map(|(n, (min, max))| n.filter(|n| (*min..max).contains(n)))
                .collect();
            let Some(to) = to.map(|to| VoxelIndex::new(to[0], to[1], to[2])) else { continue };
            let Some((a, b)) = level(from).zip(level(to)) else { continue };
            let axes = step.iter().filter(|n| **n != 0).count() as u32;
            let next = (cost + u32::from(a.abs_diff(b)) * 8 + 2 + axes, slot);
            if best[place(to)].is_none_or(|old| next < old) {
                best[place(to)] = Some(next);
                heap.push(Reverse((next.0, next.1, place(to))));
            }
        }
    }
    best.into_iter().map(|best| best.map(|(_, slot)| labels[slot])).collect()
}

fn grown(grow: &GrowFromSeeds) -> Vec<Option<u16>> {
    voxels(grow.bounds()).map(|voxel| grow.label(voxel)).collect()
}

fn with_seeds(map: &LabelMap, seeds: &[([usize; 3], u16)]) -> LabelMap {
    let mut map = map.clone();
    for &([i, j, k], label) in seeds {
        let index = BrickIndex::of(VoxelIndex::new(i, j, k));
        let mut brick = map.brick(index).cloned().unwrap_or_else(Brick::background);
        let at = (k % BRICK_EDGE * BRICK_EDGE + j % BRICK_EDGE) * BRICK_EDGE + i % BRICK_EDGE;
        Arc::make_mut(&mut brick).labels_mut()[at] = label;
        map.replace(index, Some(brick));
    }
    map
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5))]

    #[test]
    fn it_ends_where_a_plain_heap_ends_whatever_came_before(
        dims in (20usize..70, 5usize..36, 1usize..36),
        contrast in prop::sample::select(vec![1usize, 7, 4000]),
        flat in any::<bool>(),
        places in prop::collection::vec((any::<[u16; 3]>(), 0u16..4), 12),
        cut in prop::array::uniform3(0usize..5),
    ) {
        let dims = [dims.0, dims.1, dims.2];
        let volume = volume(dims, |n| {
            let noise = noise(n) % contrast;
            (if flat { noise } else { noise + n % dims[0] / 9 * 50 }) as i16
        });
        let volume = match dims[2] {
            0..4 => volume,
            _ => volume.with_missing_slices(vec![2]).expect("a hole"),
        };
        let bounds = VoxelBox { min: std::array::from_fn(|axis| cut[axis].min(dims[axis] - 1)), max: dims };
        let seeds: Vec<([usize; 3], u16)> = places
            .iter()
            .map(|(at, label)| (std::array::from_fn(|axis| usize::from(at[axis]) % dims[axis]), *label))
            .collect();
        let labels = [3, 1, 2];
        let mut grow = GrowFromSeeds::new(&volume, 0, bounds, &labels).expect("labels");
        let mut map = LabelMap::new(dims);
        // Seeds come, change and, where label 0 follows another, go.
        for added in seeds.chunks(3) {
            map = with_seeds(&map, added);
            grow.update(&map, &Unwatched).expect("nobody cancels");
            prop_assert_eq!(grown(&grow), plain(&volume, bounds, &map, &labels));
        }
        let gone: Vec<([usize; 3], u16)> = seeds[..6].iter().map(|(at, _)| (*at, 0)).collect();
        map = with_seeds(&map, &gone);
        grow.update(&map, &Unwatched).expect("nobody cancels");
        let expected = plain(&volume, bounds, &map, &labels);
        prop_assert_eq!(&grown(&grow), &expected);
        for (label, mask) in grow.masks() {
            let voxels = voxels(bounds).zip(&expected);
            let count = voxels.filter(|(voxel, _)| mask.contains(*voxel)).map(|(_, found)| {
                assert_eq!(*found, Some(label));
            }).count();
            prop_assert_eq!(count, expected.iter().filter(|found| **found == Some(label)).count());
        }
    }
}

#[test]
fn an_edge_in_the_picture_stops_both_labels() {
    let dims = [40, 12, 6];
    let volume = volume(dims, |n| if n % 40 < 13 { 100 } else { 300 });
    let seeds = with_seeds(&LabelMap::new(dims), &[([2, 5, 3], 1), ([30, 5, 3], 2)]);
    let mut grow = GrowFromSeeds::new(&volume, 0, volume.grid().bounds(), &[1, 2]).expect("labels");
    grow.update(&seeds, &Unwatched).expect("nobody cancels");
    for voxel in voxels(volume.grid().bounds()) {
        assert_eq!(grow.label(voxel), Some(if voxel.i < 13 { 1 } else { 2 }), "{voxel:?}");
    }
}

#[test]
fn nothing_grows_where_there_is_no_value() {
    let dims = [40, 12, 6];
    let samples: Vec<f32> = (0..40 * 12 * 6).map(|n| if n % 40 == 20 { f32::NAN } else { 1.0 }).collect();
    let volume = volume_of(dims, Samples::F32(Buffer::from_slice(&samples).expect("memory")));
    // One of them was set where there is no value.
    let seeds = with_seeds(&LabelMap::new(dims), &[([2, 5, 3], 1), ([19, 5, 3], 1), ([20, 9, 3], 2)]);
    let mut grow = GrowFromSeeds::new(&volume, 0, volume.grid().bounds(), &[1, 2]).expect("labels");
    grow.update(&seeds, &Unwatched).expect("nobody cancels");
    for voxel in voxels(volume.grid().bounds()) {
        assert_eq!(grow.label(voxel), (voxel.i < 20).then_some(1), "{voxel:?}");
    }
}

#[test]
fn a_brighter_copy_of_a_picture_grows_alike() {
    let dims = [40, 30, 8];
    let sample = |n: usize| (noise(n) % 40 + n % 40 / 11 * 30) as i16;
    let seeds = with_seeds(&LabelMap::new(dims), &[([2, 5, 3], 1), ([30, 25, 3], 2), ([15, 9, 1], 3)]);
    let labels = |volume: &Volume| {
        let mut grow = GrowFromSeeds::new(volume, 0, volume.grid().bounds(), &[1, 2, 3]).expect("labels");
        grow.update(&seeds, &Unwatched).expect("nobody cancels");
        grown(&grow)
    };
    assert_eq!(labels(&volume(dims, sample)), labels(&volume(dims, |n| 7 * sample(n) - 500)));
}

#[test]
fn work_called_off_begins_anew() {
    struct Impatient;
    impl Progress for Impatient {
        fn is_cancelled(&self) -> bool {
            true
        }
    }
    let dims = [40, 30, 8];
    let volume = volume(dims, |n| (noise(n) % 40) as i16);
    let seeds = with_seeds(&LabelMap::new(dims), &[([2, 5, 3], 1), ([30, 25, 3], 2)]);
    let mut grow = GrowFromSeeds::new(&volume, 0, volume.grid().bounds(), &[1, 2]).expect("labels");
    assert_eq!(grow.update(&seeds, &Impatient), Err(Cancelled));
    grow.update(&seeds, &Unwatched).expect("nobody cancels");
    assert_eq!(grown(&grow), plain(&volume, volume.grid().bounds(), &seeds, &[1, 2]));
}

#[test]
fn senseless_requests_are_refused() {
    let volume = volume([4, 4, 4], |_| 0);
    let all = volume.grid().bounds();
    let too_large = VoxelBox { min: [0; 3], max: [5, 4, 4] };
    let refused = |bounds, labels: &[u16]| GrowFromSeeds::new(&volume, 0, bounds, labels).err();
    assert_eq!(refused(all, &[]), Some(SeedsError::BadLabels));
    assert_eq!(refused(all, &[1, 0]), Some(SeedsError::BadLabels));
    assert_eq!(refused(all, &[1, 2, 1]), Some(SeedsError::BadLabels));
    assert_eq!(refused(all, &(1..=256).collect::<Vec<_>>()), Some(SeedsError::BadLabels));
    assert_eq!(refused(too_large, &[1]), Some(SeedsError::BadBounds));
}
