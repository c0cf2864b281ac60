//! A threshold suggested by the values themselves.

use rayon::prelude::*;

use crate::geometry::{VoxelBox, VoxelIndex};
use crate::volume::{Sample, Volume, with_samples};

/// A threshold, and the range of the values above it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Otsu {
    /// What is brighter is foreground.
    pub threshold: f64,
    /// From the least value above the threshold to the greatest there is.
    pub foreground: [f64; 2],
}

/// Bins of samples that are not whole numbers of at most 16 bits.
const BINS: usize = 256;

/// Otsu's threshold of the values in a box at a time (IEEE Trans. Syst. Man Cybern. 9, 1979), as
/// scikit-image's `threshold_otsu` defines it: samples of at most 16 bits have a bin each; others share 256
/// bins of equal width, whose middles stand for them. Slices that were never scanned and values that
/// are not finite do not count. `None` where all values are the same.
pub fn otsu(volume: &Volume, bounds: VoxelBox, time: usize) -> Option<Otsu> {
    let rescale = volume.rescale();
    let bins = with_samples!(volume.samples(), stored => {
        histogram(volume, bounds, time, |offset| stored[offset].to_f64())
    }, colour => histogram(volume, bounds, time, |offset| volume.samples().at(offset)))?;
    let mut middles: Vec<(f64, u64)> =
        bins.into_iter().map(|(sample, count)| (rescale.value(sample), count)).collect();
    if rescale.slope < 0.0 {
        middles.reverse();
    }
    let total = middles.iter().map(|(_, count)| *count as f64).sum::<f64>();
    let sum = middles.iter().map(|(value, count)| value * *count as f64).sum::<f64>();
    let (mut below, mut sum_below) = (0.0, 0.0);
    let mut best: Option<(f64, usize)> = None;
    for (bin, (value, count)) in middles.iter().enumerate().take(middles.len() - 1) {
        below += *count as f64;
        sum_below += value * *count as f64;
        let above = total - below;
        let apart = sum_below / below - (sum - sum_below) / above;
        let between = below * above * apart * apart;
        if best.is_none_or(|(most, _)| between > most) {
            best = Some((between, bin));
        }
    }
    let (_, bin) = best?;
    Some(Otsu { threshold: middles[bin].0, foreground: [middles[bin + 1].0, middles[middles.len() - 1].0] })
}

/// The middles of the bins by rising sample, and how many samples each holds; empty bins are left out.
fn histogram(
    volume: &Volume,
    bounds: VoxelBox,
    time: usize,
    sample: impl Fn(usize) -> f64 + Sync,
) -> Option<Vec<(f64, u64)>> {
    let first = time.min(volume.times() - 1) * volume.grid().voxel_count();
    let ni = bounds.dims()[0];
    let slices: Vec<usize> =
        (bounds.min[2]..bounds.max[2]).filter(|k| !volume.is_missing_at(*k, time)).collect();
    let samples_of = |k: usize| {
        let sample = &sample;
        (bounds.min[1]..bounds.max[1]).flat_map(move |j| {
            let start = first + volume.grid().offset(VoxelIndex::new(bounds.min[0], j, k));
            (start..start + ni).map(sample).filter(|sample| sample.is_finite())
        })
    };
    let ends = slices.par_iter().map(|k| {
        samples_of(*k).fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(x), high.max(x)])
    });
    let [low, high] =
        ends.reduce(|| [f64::INFINITY, f64::NEG_INFINITY], |a, b| [a[0].min(b[0]), a[1].max(b[1])]);
    if low >= high {
        return None;
    }
    let is_narrow =
        volume.sample_type().is_integer() && volume.sample_type().components() == 1 && high - low < 65536.0;
    let (count, width) =
        if is_narrow { ((high - low) as usize + 1, 1.0) } else { (BINS, (high - low) / BINS as f64) };
    let of_slice = |k: &usize| {
        let mut counts = vec![0u64; count];
        samples_of(*k).for_each(|x| counts[(((x - low) / width) as usize).min(count - 1)] += 1);
        counts
    };
    let sum = |mut a: Vec<u64>, b: Vec<u64>| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        a
    };
    let counts = slices.par_iter().map(of_slice).reduce(|| vec![0; count], sum);
    let middle = |bin: usize| low + width * bin as f64 + if is_narrow { 0.0 } else { width / 2.0 };
    let bins = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
    Some(bins.map(|(bin, count)| (middle(bin), count)).collect())
}
