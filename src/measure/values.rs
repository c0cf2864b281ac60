//! How the values of each label are distributed: percentiles and the first-order features of
//! pyradiomics 3 (van Griethuysen et al., Cancer Research 77, 2017; IBSI 3.3 and 3.4).

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use super::tally::LabelSums;
use crate::geometry::{VoxelBox, VoxelIndex};
use crate::volume::{BRICK_EDGE, BRICK_VOXELS, LabelMap, Volume};

/// The values of one label, each distinct one with its count, rising.
///
/// Values that are not finite and slices that were never scanned are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    values: Vec<f64>,
    /// How many values are not above each.
    up_to: Vec<u64>,
}

/// What features need beside the values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FirstOrderSettings {
    /// Width of the bins of entropy and uniformity, above 0.
    pub bin_width: f64,
    /// Added to values before they are squared (pyradiomics' `voxelArrayShift`).
    pub shift: f64,
    /// Volume of one voxel in mm³.
    pub voxel_mm3: f64,
}

/// First-order features, named as in pyradiomics; those of [`super::Moments`] are not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct FirstOrder {
    pub p10: f64,
    pub p25: f64,
    pub median: f64,
    pub p75: f64,
    pub p90: f64,
    pub interquartile_range: f64,
    pub range: f64,
    pub energy: f64,
    pub total_energy: f64,
    pub root_mean_squared: f64,
    pub mean_absolute_deviation: f64,
    pub robust_mean_absolute_deviation: f64,
    pub skewness: f64,
    /// Not less 3: a normal distribution has 3.
    pub kurtosis: f64,
    pub entropy: f64,
    pub uniformity: f64,
}

impl Distribution {
    /// The distributions of all labels of a map, whose `sums` tell between which values they lie; `visit`
    /// is given one after the other, so that only one is held whole.
    ///
    /// Samples of whole numbers are counted in a histogram, O(n + range); others are sorted, O(n log n).
    pub fn for_each(
        volume: &Volume,
        time: usize,
        map: &LabelMap,
        sums: &BTreeMap<u16, LabelSums>,
        mut visit: impl FnMut(u16, Self),
    ) {
        let collected = Collected::of(volume, time, map, sums);
        for (label, bins) in collected.bins {
            visit(label, bins.into_distribution());
        }
        for (label, mut values) in collected.values {
            values.par_sort_unstable_by(f64::total_cmp);
            let mut found = Self::default();
            let mut count = 0;
            for same in values.chunk_by(|a, b| a == b) {
                count += same.len() as u64;
                found.values.push(same[0]);
                found.up_to.push(count);
            }
            visit(label, found);
        }
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.up_to.last().copied().unwrap_or(0)
    }

    /// The value below which `percent` of the values lie, linear between the two nearest ranks as numpy
    /// has it (Hyndman and Fan's seventh); `None` without values.
    pub fn percentile(&self, percent: f64) -> Option<f64> {
        let last = self.count().checked_sub(1)?;
        let rank = percent.clamp(0.0, 100.0) / 100.0 * last as f64;
        let (low, part) = (self.ranked(rank as u64), rank.fract());
        let high = self.ranked((rank.ceil() as u64).min(last));
        Some(low + (high - low) * part)
    }

    /// The value of a rank, counted from 0.
    fn ranked(&self, rank: u64) -> f64 {
        self.values[self.up_to.partition_point(|count| *count <= rank)]
    }

    /// Each distinct value with its count.
    fn counted(&self) -> impl Iterator<Item = (f64, f64)> {
        let before = std::iter::once(0).chain(self.up_to.iter().copied());
        let counts = self.up_to.iter().zip(before).map(|(now, before)| (now - before) as f64);
        self.values.iter().copied().zip(counts)
    }

    /// The features; `None` without values.
    pub fn first_order(&self, settings: FirstOrderSettings) -> Option<FirstOrder> {
        let (least, greatest) = (*self.values.first()?, *self.values.last()?);
        let count = self.count() as f64;
        let sum = |of: &dyn Fn(f64) -> f64| self.counted().map(|(value, n)| of(value) * n).sum::<f64>();
        let mean = sum(&|value| value) / count;
        let central = |power: i32| sum(&|value| (value - mean).powi(power)) / count;
        let [second, third, fourth] = [2, 3, 4].map(central);
        let percent = |percent: f64| self.percentile(percent).unwrap_or(least);
        let [p10, p25, median, p75, p90] = [10.0, 25.0, 50.0, 75.0, 90.0].map(percent);
        let energy = sum(&|value| (value + settings.shift).powi(2));
        let shares = self.bin_shares(settings.bin_width);
        Some(FirstOrder {
            p10,
            p25,
            median,
            p75,
            p90,
            interquartile_range: p75 - p25,
            range: greatest - least,
            energy,
            total_energy: energy * settings.voxel_mm3,
            root_mean_squared: (energy / count).sqrt(),
            mean_absolute_deviation: sum(&|value| (value - mean).abs()) / count,
            robust_mean_absolute_deviation: self.deviation_between(p10, p90),
            // Of values that are all the same pyradiomics says 0.
            skewness: if second > 0.0 { third / second.powf(1.5) } else { 0.0 },
            kurtosis: if second > 0.0 { fourth / (second * second) } else { 0.0 },
            entropy: -shares.iter().map(|share| share * share.log2()).sum::<f64>(),
            uniformity: shares.iter().map(|share| share * share).sum(),
        })
    }

    /// Mean absolute deviation of the values from `low` to `high`.
    fn deviation_between(&self, low: f64, high: f64) -> f64 {
        let kept = || self.counted().filter(move |(value, _)| (low..=high).contains(value));
        let count: f64 = kept().map(|(_, n)| n).sum();
        if count == 0.0 {
            return 0.0;
        }
        let mean = kept().map(|(value, n)| value * n).sum::<f64>() / count;
        kept().map(|(value, n)| (value - mean).abs() * n).sum::<f64>() / count
    }

    /// The share of the values in each bin that has any; bins lie at multiples of their width.
    fn bin_shares(&self, width: f64) -> Vec<f64> {
        let count = self.count() as f64;
        let bins: Vec<(f64, f64)> = self.counted().map(|(value, n)| ((value / width).floor(), n)).collect();
        let same = bins.chunk_by(|a, b| a.0 == b.0);
        same.map(|bin| bin.iter().map(|(_, n)| n).sum::<f64>() / count).collect()
    }
}

/// A histogram of values `first`, `first + step`, ….
struct Bins {
    first: f64,
    step: f64,
    counts: Vec<u32>,
}

impl Bins {
    fn into_distribution(self) -> Distribution {
        let mut found = Distribution::default();
        let mut count = 0;
        for (n, same) in self.counts.into_iter().enumerate().filter(|(_, same)| *same > 0) {
            count += u64::from(same);
            found.values.push(self.first + n as f64 * self.step);
            found.up_to.push(count);
        }
        found
    }
}

/// The values of every label, in whichever form is shorter.
#[derive(Default)]
struct Collected {
    bins: BTreeMap<u16, Bins>,
    values: BTreeMap<u16, Vec<f64>>,
}

impl Collected {
    fn of(volume: &Volume, time: usize, map: &LabelMap, sums: &BTreeMap<u16, LabelSums>) -> Self {
        let step = volume.rescale().slope.abs();
        let is_whole = volume.sample_type().is_integer() && volume.sample_type().components() == 1;
        let none = || {
            let mut none = Self::default();
            for (label, sums) in sums.iter().filter(|(_, sums)| sums.values.count > 0) {
                let [first, last] = [sums.values.min, sums.values.max];
                let bins = (last - first) / step + 1.5;
                // Never more than a few bins for a voxel, so that the memory follows what is marked.
                if is_whole && bins < 4.0 * sums.values.count as f64 + 4096.0 {
                    none.bins.insert(*label, Bins { first, step, counts: vec![0; bins as usize] });
                } else {
                    none.values.insert(*label, Vec::new());
                }
            }
            none
        };
        let bricks: Vec<_> = map.bricks().collect();
        let each = bricks.len().div_ceil(rayon::current_num_threads()).max(1);
        let parts: Vec<Self> = bricks
            .par_chunks(each)
            .map(|bricks| {
                let mut part = none();
                for (index, brick) in bricks {
                    part.take_in(volume, time, map.brick_bounds(*index), brick.labels());
                }
                part
            })
            .collect();
        parts.into_iter().reduce(Self::and).unwrap_or_default()
    }

    fn and(mut self, other: Self) -> Self {
        for (label, more) in other.bins {
            if let Some(bins) = self.bins.get_mut(&label) {
                bins.counts.iter_mut().zip(more.counts).for_each(|(count, more)| *count += more);
            }
        }
        for (label, more) in other.values {
            self.values.entry(label).or_default().extend(more);
        }
        self
    }

    fn take_in(&mut self, volume: &Volume, time: usize, bounds: VoxelBox, labels: &[u16; BRICK_VOXELS]) {
        let (grid, rescale) = (volume.grid(), volume.rescale());
        let first = time.min(volume.times() - 1) * grid.voxel_count();
        let [start, end] = [bounds.min[0], bounds.max[0]];
        for k in (bounds.min[2]..bounds.max[2]).filter(|k| !volume.is_missing_at(*k, time)) {
            for j in bounds.min[1]..bounds.max[1] {
                let row =
                    &labels[(k % BRICK_EDGE * BRICK_EDGE + j % BRICK_EDGE) * BRICK_EDGE..][..end - start];
                let mut offset = first + grid.offset(VoxelIndex::new(start, j, k));
                for run in row.chunk_by(|a, b| a == b) {
                    let values = (offset..offset + run.len()).map(|n| rescale.value(volume.samples().at(n)));
                    if let Some(bins) = self.bins.get_mut(&run[0]) {
                        values.for_each(|value| {
                            bins.counts[((value - bins.first) / bins.step + 0.5) as usize] += 1
                        });
                    } else if let Some(kept) = self.values.get_mut(&run[0]) {
                        kept.extend(values.filter(|value| value.is_finite()));
                    }
                    offset += run.len();
                }
            }
        }
    }
}
