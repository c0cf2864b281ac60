//! Values as levels that differences are taken of.

use crate::geometry::{VoxelBox, VoxelIndex};
use crate::volume::{Sample, Volume, with_samples};

/// Levels that values are told apart by.
const COUNT: f64 = 4095.0;
/// The part of the values at either end that share the last level: metal and dead pixels must not take
/// the levels that tissue needs.
const CUT: f64 = 0.001;
/// Values looked at to find those ends.
const LOOKED_AT: usize = 1 << 18;

/// Values of a region of a volume at one time, from 0 to 4095.
pub(super) struct Levels<'a> {
    volume: &'a Volume,
    pub(super) bounds: VoxelBox,
    first: usize,
    low: f64,
    per_sample: f64,
}

impl<'a> Levels<'a> {
    pub(super) fn of(volume: &'a Volume, time: usize, bounds: VoxelBox) -> Self {
        let grid = volume.grid();
        let first = time.min(volume.times() - 1) * grid.voxel_count();
        let [ni, nj, nk] = bounds.dims();
        let stride = (ni * nj * nk).div_ceil(LOOKED_AT);
        let looked_at = (0..ni * nj * nk).step_by(stride).map(|n| [n % ni, n / ni % nj, n / ni / nj]);
        let looked_at = looked_at.map(|at| std::array::from_fn(|axis| bounds.min[axis] + at[axis]));
        let mut samples: Vec<f64> = looked_at
            .filter(|at: &[usize; 3]| !volume.is_missing(at[2]))
            .map(|[i, j, k]| volume.samples().at(first + grid.offset(VoxelIndex::new(i, j, k))))
            .filter(|sample| sample.is_finite())
            .collect();
        samples.sort_unstable_by(f64::total_cmp);
        let last = samples.len().saturating_sub(1);
        let at = |part: f64| samples.get((part * last as f64).round() as usize).copied().unwrap_or(0.0);
        let (low, high) = (at(CUT), at(1.0 - CUT));
        let per_sample = if high > low { COUNT / (high - low) } else { 0.0 };
        Self { volume, bounds, first, low, per_sample }
    }

    fn level(&self, sample: f64) -> u16 {
        // What is not a number gets level 0.
        ((sample - self.low) * self.per_sample).round().clamp(0.0, COUNT) as u16
    }

    /// Writes the levels of a row from (i, j, k) on, which lies in the bounds; `false` where it was never
    /// scanned.
    pub(super) fn copy_row(&self, [i, j, k]: [usize; 3], row: &mut [u16]) -> bool {
        if self.volume.is_missing(k) {
            return false;
        }
        let start = self.first + self.volume.grid().offset(VoxelIndex::new(i, j, k));
        with_samples!(self.volume.samples(), stored => {
            for (level, sample) in row.iter_mut().zip(&stored[start..]) {
                *level = self.level(sample.to_f64());
            }
        }, colour => {
            for (step, level) in row.iter_mut().enumerate() {
                *level = self.level(self.volume.samples().at(start + step));
            }
        });
        true
    }
}
