//! Values as levels that differences are taken of.

use rayon::prelude::*;

use crate::geometry::{VoxelBox, VoxelIndex};
use crate::volume::{Sample, Volume, with_samples};

/// Levels that values are told apart by.
const COUNT: f64 = 4095.0;
/// The level of what has none: nothing grows there.
pub(super) const NOT_A_NUMBER: u16 = u16::MAX;
/// The part of the values at either end that share the last level: metal and dead pixels must not take
/// the levels that tissue needs.
const CUT: f64 = 0.001;
/// Steps in which those ends are found.
const BINS: usize = 1 << 16;

/// Values of a region of a volume at one time, from 0 to 4095.
pub(super) struct Levels<'a> {
    volume: &'a Volume,
    pub(super) bounds: VoxelBox,
    time: usize,
    first: usize,
    low: f64,
    per_sample: f64,
}

impl<'a> Levels<'a> {
    pub(super) fn of(volume: &'a Volume, time: usize, bounds: VoxelBox) -> Self {
        let first = time.min(volume.times() - 1) * volume.grid().voxel_count();
        let mut levels = Self { volume, bounds, time, first, low: 0.0, per_sample: 0.0 };
        let [least, greatest] = levels.ends();
        if greatest > least {
            let counts = levels.histogram([least, greatest]);
            let width = (greatest - least) / (BINS - 1) as f64;
            let beyond = (counts.iter().sum::<u64>() as f64 * CUT) as u64;
            let cut = |counts: &mut dyn Iterator<Item = &u64>| {
                let mut sum = 0;
                let before = |count: &&u64| {
                    sum += **count;
                    sum <= beyond
                };
                counts.take_while(before).count() as f64
            };
            let low = least + cut(&mut counts.iter()) * width;
            let high = greatest - cut(&mut counts.iter().rev()) * width;
            (levels.low, levels.per_sample) = (low, if high > low { COUNT / (high - low) } else { 0.0 });
        }
        levels
    }

    /// The least and the greatest sample.
    fn ends(&self) -> [f64; 2] {
        let none = [f64::INFINITY, f64::NEG_INFINITY];
        let wider = |[a, b]: [f64; 2], [c, d]: [f64; 2]| [a.min(c), b.max(d)];
        self.slices()
            .map(|k| {
                let mut ends = none;
                self.for_each_sample(k, |sample| ends = wider(ends, [sample; 2]));
                ends
            })
            .reduce(|| none, wider)
    }

    fn histogram(&self, [least, greatest]: [f64; 2]) -> Vec<u64> {
        let per_sample = (BINS - 1) as f64 / (greatest - least);
        let empty = || vec![0u64; BINS];
        let counted = self.slices().fold(empty, |mut counts, k| {
            self.for_each_sample(k, |sample| counts[((sample - least) * per_sample).round() as usize] += 1);
            counts
        });
        counted.reduce(empty, |mut a, b| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            a
        })
    }

    fn slices(&self) -> impl ParallelIterator<Item = usize> {
        (self.bounds.min[2]..self.bounds.max[2])
            .into_par_iter()
            .filter(|k| !self.volume.is_missing_at(*k, self.time))
    }

    /// Calls `visit` with each finite sample of a slice.
    fn for_each_sample(&self, k: usize, mut visit: impl FnMut(f64)) {
        let [ni, nj, _] = self.bounds.dims();
        let [i, j, _] = self.bounds.min;
        for j in j..j + nj {
            let start = self.first + self.volume.grid().offset(VoxelIndex::new(i, j, k));
            let mut finite = |sample: f64| {
                if sample.is_finite() {
                    visit(sample);
                }
            };
            with_samples!(self.volume.samples(), stored => {
                stored[start..start + ni].iter().for_each(|sample| finite(sample.to_f64()));
            }, colour => {
                (start..start + ni).for_each(|at| finite(self.volume.samples().at(at)));
            });
        }
    }

    fn level(&self, sample: f64) -> u16 {
        if sample.is_nan() {
            return NOT_A_NUMBER;
        }
        ((sample - self.low) * self.per_sample).round().clamp(0.0, COUNT) as u16
    }

    /// Writes the levels of a row from (i, j, k) on, which lies in the bounds; `false` where it was never
    /// scanned.
    pub(super) fn copy_row(&self, [i, j, k]: [usize; 3], row: &mut [u16]) -> bool {
        if self.volume.is_missing_at(k, self.time) {
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
