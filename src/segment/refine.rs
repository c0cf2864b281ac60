//! What a boundary is refined from: certain parts of an object and of its surroundings.

use rayon::prelude::*;

use crate::geometry::{VoxelBox, VoxelIndex};
use crate::volume::{Mask, Sample, Volume, with_samples};

/// A part of a volume with voxels of which it is certain what they are; all others are to be decided.
#[derive(Clone, Copy, Debug)]
pub struct Refinement<'a> {
    /// The values.
    pub volume: &'a Volume,
    /// The time whose values count.
    pub time: usize,
    /// What certainly belongs to the object. Its box is the part that is decided.
    pub object: &'a Mask,
    /// What certainly does not; over the same box. What is in both counts as object.
    pub background: &'a Mask,
}

/// The values of the box and what is certain in it, i fastest, then j and k.
pub(super) struct Field {
    pub(super) bounds: VoxelBox,
    pub(super) dims: [usize; 3],
    /// Values; what is not a number is 0.
    pub(super) values: Vec<f32>,
    /// `Some(true)` for object, `Some(false)` for background.
    pub(super) certain: Vec<Option<bool>>,
    /// Slices along k that were scanned.
    pub(super) scanned: Vec<bool>,
}

/// The values of a box at a time, i fastest; what is not a number is 0.
pub(super) fn values_of(volume: &Volume, time: usize, bounds: VoxelBox) -> Vec<f32> {
    let [ni, nj, nk] = bounds.dims();
    let grid = volume.grid();
    let first = time.min(volume.times() - 1) * grid.voxel_count();
    let mut values = vec![0f32; ni * nj * nk];
    values.par_chunks_mut((ni * nj).max(1)).enumerate().for_each(|(k, slice)| {
        for (j, row) in slice.chunks_mut(ni).enumerate() {
            let at = VoxelIndex::new(bounds.min[0], bounds.min[1] + j, bounds.min[2] + k);
            let start = first + grid.offset(at);
            let finite = |sample: f64| {
                let value = volume.rescale().value(sample) as f32;
                if value.is_finite() { value } else { 0.0 }
            };
            with_samples!(volume.samples(), stored => {
                for (value, sample) in row.iter_mut().zip(&stored[start..]) {
                    *value = finite(sample.to_f64());
                }
            }, colour => {
                for (step, value) in row.iter_mut().enumerate() {
                    *value = finite(volume.samples().at(start + step));
                }
            });
        }
    });
    values
}

impl Field {
    pub(super) fn of(from: &Refinement<'_>) -> Self {
        let bounds = from.object.bounds();
        let dims @ [ni, nj, _] = bounds.dims();
        let values = values_of(from.volume, from.time, bounds);
        let mut certain = vec![None; values.len()];
        for (mask, what) in [(from.background, false), (from.object, true)] {
            mask.within(bounds).for_each_run(|i, j, k| {
                let row = ((k - bounds.min[2]) * nj + j - bounds.min[1]) * ni;
                certain[row + i.start - bounds.min[0]..row + i.end - bounds.min[0]].fill(Some(what));
            });
        }
        let scanned =
            (bounds.min[2]..bounds.max[2]).map(|k| !from.volume.is_missing_at(k, from.time)).collect();
        Self { bounds, dims, values, certain, scanned }
    }

    /// The mask of the voxels whose place in the box `belongs`; none where nothing was scanned.
    pub(super) fn mask(&self, belongs: impl Fn(usize) -> bool) -> Mask {
        let mut mask = Mask::empty(self.bounds);
        let [ni, nj, nk] = self.dims;
        for k in (0..nk).filter(|k| self.scanned[*k]) {
            for j in 0..nj {
                let start = (k * nj + j) * ni;
                let row = mask.row_mut(self.bounds.min[1] + j, self.bounds.min[2] + k);
                for i in (0..ni).filter(|i| belongs(start + i)) {
                    row[i / 64] |= 1 << (i % 64);
                }
            }
        }
        mask
    }
}
