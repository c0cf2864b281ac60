//! Where neighbouring voxels differ: one bit for each step between two neighbours, along each axis.

use rayon::prelude::*;

use super::cubes::cube_box;
use crate::geometry::{VoxelBox, VoxelIndex};
use crate::volume::{BRICK_EDGE, BrickIndex, LabelMap, Mask};

/// Which voxels of a box differ from the one before them along i, j and k; what lies outside the box is
/// background. Rows of bits, along j and then k, each of whole words; one more than voxels on each axis.
pub(super) struct Lattice {
    /// The box of the cubes between the voxels.
    pub(super) cubes: VoxelBox,
    /// Words of one row.
    pub(super) row_words: usize,
    /// The rows of (j, k), each with the steps along i, then j, then k.
    words: Vec<u64>,
}

/// Steps along three axes.
const AXES: usize = 3;

impl Lattice {
    fn new(bounds: VoxelBox, fill: impl Fn(usize, usize, [&mut [u64]; AXES]) + Sync) -> Self {
        let cubes = cube_box(bounds);
        let [ni, nj, nk] = cubes.dims();
        let row_words = ni.div_ceil(64);
        let mut words = vec![0; row_words * AXES * nj * nk];
        words.par_chunks_mut(row_words * AXES * nj).enumerate().for_each(|(k, slice)| {
            for (j, row) in slice.chunks_mut(row_words * AXES).enumerate() {
                let (along_i, rest) = row.split_at_mut(row_words);
                let (along_j, along_k) = rest.split_at_mut(row_words);
                fill(cubes.min[1] + j, cubes.min[2] + k, [along_i, along_j, along_k]);
            }
        });
        Self { cubes, row_words, words }
    }

    /// Where a mask begins and ends.
    pub(super) fn of_mask(mask: &Mask) -> Self {
        let bounds = mask.bounds();
        let row = |j: usize, k: usize| -> &[u64] {
            let is_inside = |axis: usize, n: usize| (bounds.min[axis]..bounds.max[axis]).contains(&n);
            if is_inside(1, j) && is_inside(2, k) { mask.row(j, k) } else { &[] }
        };
        Self::new(bounds, |j, k, [along_i, along_j, along_k]| {
            let rows = [row(j, k), row(j.wrapping_sub(1), k), row(j, k.wrapping_sub(1))];
            if rows.iter().all(|row| row.is_empty()) {
                return;
            }
            let mut carried = 0;
            for word in 0..along_i.len() {
                let [own, before_j, before_k] = rows.map(|row| row.get(word).copied().unwrap_or(0));
                along_i[word] = own ^ (own << 1 | carried);
                along_j[word] = own ^ before_j;
                along_k[word] = own ^ before_k;
                carried = own >> 63;
            }
        })
    }

    /// Where the labels of a map change, in the box of its bricks; `None` where it has none.
    pub(super) fn of_map(map: &LabelMap) -> Option<Self> {
        let boxes = map.bricks().map(|(index, _)| map.brick_bounds(index));
        let bounds = boxes.reduce(|all, more| all.union(&more))?;
        let first = bounds.min[0];
        Some(Self::new(bounds, |j, k, [along_i, along_j, along_k]| {
            let mut last = 0;
            for part in 0..(bounds.dims()[0] / BRICK_EDGE + 1) {
                let i = first + part * BRICK_EDGE;
                let own = labels(map, i, j, k);
                let before_j = labels(map, i, j.wrapping_sub(1), k);
                let before_k = labels(map, i, j, k.wrapping_sub(1));
                if last == 0 && own.is_none() && before_j.is_none() && before_k.is_none() {
                    continue;
                }
                let own = own.unwrap_or(&NO_LABELS);
                let (word, shift) = (part / 2, part % 2 * BRICK_EDGE);
                if word >= along_i.len() {
                    continue;
                }
                let starts = u32::from(own[0] != last) | differing(&own[1..], &own[..BRICK_EDGE - 1]) << 1;
                along_i[word] |= u64::from(starts) << shift;
                along_j[word] |= u64::from(differing(own, before_j.unwrap_or(&NO_LABELS))) << shift;
                along_k[word] |= u64::from(differing(own, before_k.unwrap_or(&NO_LABELS))) << shift;
                last = own[BRICK_EDGE - 1];
            }
        }))
    }

    /// The steps of row (j, k), along i, j and k; none beyond the box.
    pub(super) fn row(&self, j: usize, k: usize) -> [&[u64]; AXES] {
        let [_, nj, nk] = self.cubes.dims();
        let [j, k] = [j.wrapping_sub(self.cubes.min[1]), k.wrapping_sub(self.cubes.min[2])];
        if j >= nj || k >= nk {
            return [&[]; AXES];
        }
        let start = (k * nj + j) * self.row_words * AXES;
        let part = |n: usize| &self.words[start + n * self.row_words..start + (n + 1) * self.row_words];
        [part(0), part(1), part(2)]
    }
}

const NO_LABELS: [u16; BRICK_EDGE] = [0; BRICK_EDGE];

/// The labels of a brick's row, `None` where there is no brick.
fn labels(map: &LabelMap, i: usize, j: usize, k: usize) -> Option<&[u16]> {
    let [ni, nj, nk] = map.dims();
    if i >= ni || j >= nj || k >= nk {
        return None;
    }
    let brick = map.brick(BrickIndex::of(VoxelIndex::new(i, j, k)))?;
    let row = k % BRICK_EDGE * BRICK_EDGE + j % BRICK_EDGE;
    Some(&brick.labels()[row * BRICK_EDGE..(row + 1) * BRICK_EDGE])
}

/// A bit for each pair of labels that differ.
fn differing(a: &[u16], b: &[u16]) -> u32 {
    let differ = a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b));
    if differ == 0 {
        return 0;
    }
    a.iter().zip(b).enumerate().fold(0, |bits, (n, (a, b))| bits | u32::from(a != b) << n)
}
