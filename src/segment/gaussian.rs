//! Gaussian smoothing of values and of masks.
//!
//! A sampled Gaussian along i, j and k in turn, cut at four standard deviations and mirrored at the grid's
//! border, as scipy's `gaussian_filter` does. Slices wait for the last pass in a window that moves along k.

use std::collections::VecDeque;

use rayon::prelude::*;

use super::memory::zeroed;
use super::{Cancelled, Progress, Unwatched};
use crate::geometry::{Grid, VoxelBox, VoxelIndex};
use crate::progress::Steps;
use crate::volume::{Buffer, Mask, Sample, Volume, with_samples};

/// The values of a box, smoothed with a standard deviation given in voxels along each axis (0 leaves an axis
/// alone), i fastest. A slice that was never scanned counts as the nearest one that was.
pub fn smoothed_values(
    volume: &Volume,
    bounds: VoxelBox,
    sigma_voxels: [f64; 3],
    time: usize,
    progress: &dyn Progress,
) -> Result<Buffer<f32>, Cancelled> {
    let grid = volume.grid();
    let first = time.min(volume.times() - 1) * grid.voxel_count();
    let nearest: Vec<usize> = (0..grid.dims()[2]).map(|k| volume.nearest_scanned(k, Some(time))).collect();
    let load = |i: std::ops::Range<usize>, j: usize, k: usize, row: &mut [f32]| {
        let start = first + grid.offset(VoxelIndex::new(i.start, j, nearest[k]));
        with_samples!(volume.samples(), stored => {
            for (value, sample) in row.iter_mut().zip(&stored[start..start + i.len()]) {
                *value = sample.to_f64() as f32;
            }
        }, colour => {
            for (n, value) in row.iter_mut().enumerate() {
                *value = volume.samples().at(start + n) as f32;
            }
        });
    };
    let mut values = blurred(grid.bounds(), bounds, sigma_voxels, &load, progress)?;
    // Smoothing is linear: the samples may be rescaled afterwards.
    let (slope, intercept) = (volume.rescale().slope as f32, volume.rescale().intercept as f32);
    if (slope, intercept) != (1.0, 0.0) {
        values.par_iter_mut().for_each(|value| *value = slope * *value + intercept);
    }
    Ok(values)
}

/// The standard deviation in voxels of one given in millimetres.
pub fn sigma_in_voxels(sigma_mm: f64, grid: &Grid) -> [f64; 3] {
    grid.spacing_mm().map(|spacing| sigma_mm / spacing)
}

/// Someone who smooths masks faster than processors do: a graphics device.
pub trait Smoother: std::fmt::Debug + Send + Sync {
    /// Where in a box a mask over a whole grid, smoothed with `weights` at 0, 1, 2 … voxels along i, j and k
    /// and mirrored at its border, is more than one half. `None` where that cannot be done.
    fn halves(
        &self,
        mask: &Mask,
        bounds: VoxelBox,
        weights: &[Vec<f32>; 3],
        progress: &dyn Progress,
    ) -> Result<Option<Halves>, Cancelled>;
}

/// What a [`Smoother`] finds.
#[derive(Clone, Debug)]
pub struct Halves {
    /// The voxels that are more than one half.
    pub over: Mask,
    /// Those for which rounding may have decided. All others are as sure as their sums.
    pub unsure: Mask,
}

/// The voxels of a mask over a whole grid at which it is more than one half once smoothed. They are the same
/// whoever does the work.
pub fn smoothed_mask(
    mask: &Mask,
    sigma_voxels: [f64; 3],
    smoother: Option<&dyn Smoother>,
    progress: &dyn Progress,
) -> Result<Mask, Cancelled> {
    let Some(tight) = mask.tight_bounds() else {
        progress.set(1.0);
        return Ok(mask.clone());
    };
    let around = within_reach_of_mirrors(tight, mask.bounds(), sigma_voxels);
    if let Some(smoother) = smoother
        && let Some(halves) = smoother.halves(mask, around, &sigma_voxels.map(weights_of), progress)?
        && halves.unsure.count() <= MOST_UNSURE
    {
        if is_right(mask, &halves, sigma_voxels)? {
            return Ok(settled(mask, halves, sigma_voxels)?.into_box(mask.bounds()));
        }
        tracing::error!("{smoother:?} smooths wrongly: processors do it");
    }
    let values = blurred_mask(mask, around, sigma_voxels, progress)?;
    let mut smoothed = Mask::empty(around);
    let (row_words, ni) = (smoothed.row_words(), around.dims()[0]);
    let rows = smoothed.words_mut().par_chunks_mut(row_words).zip(values.par_chunks(ni));
    rows.for_each(|(words, values)| {
        for (word, values) in words.iter_mut().zip(values.chunks(64)) {
            let bits = values.iter().enumerate();
            *word = bits.fold(0, |bits, (n, value)| bits | u64::from(*value > 0.5) << n);
        }
    });
    Ok(smoothed.into_box(mask.bounds()))
}

/// More voxels than that are told faster together.
const MOST_UNSURE: u64 = 20_000;

/// Voxels of which it is looked at whether a [`Smoother`] is right.
const PROBES: usize = 64;

/// Whether what is sure is right, by some of the voxels that would change.
fn is_right(
    mask: &Mask,
    Halves { over, unsure }: &Halves,
    sigma_voxels: [f64; 3],
) -> Result<bool, Cancelled> {
    let (mut lost, mut won) = (mask.within(over.bounds()), over.clone());
    won.subtract(&lost);
    lost.subtract(over);
    let mut changed = won;
    changed.unite(&lost);
    changed.subtract(unsure);
    let changed = voxels_of(&changed);
    let probes: Vec<VoxelIndex> = changed.iter().copied().step_by(changed.len() / PROBES + 1).collect();
    let values = values_at(mask, &probes, sigma_voxels)?;
    Ok(probes.iter().zip(values).all(|(probe, value)| over.contains(*probe) == (value > 0.5)))
}

/// Tells the voxels that were unsure.
fn settled(
    mask: &Mask,
    Halves { mut over, unsure }: Halves,
    sigma_voxels: [f64; 3],
) -> Result<Mask, Cancelled> {
    let voxels = voxels_of(&unsure);
    over.subtract(&unsure);
    for (voxel, value) in voxels.iter().zip(values_at(mask, &voxels, sigma_voxels)?) {
        if value > 0.5 {
            over.insert(*voxel);
        }
    }
    Ok(over)
}

fn voxels_of(mask: &Mask) -> Vec<VoxelIndex> {
    let mut voxels = Vec::new();
    mask.for_each_run(|i, j, k| voxels.extend(i.map(|i| VoxelIndex::new(i, j, k))));
    voxels
}

/// What a mask over a whole grid, smoothed, comes to at some voxels.
fn values_at(mask: &Mask, voxels: &[VoxelIndex], sigma_voxels: [f64; 3]) -> Result<Vec<f32>, Cancelled> {
    let values = voxels.par_iter().map(|voxel| {
        let alone = VoxelBox { min: voxel.to_array(), max: voxel.to_array().map(|n| n + 1) };
        Ok(blurred_mask(mask, alone, sigma_voxels, &Unwatched)?[0])
    });
    values.collect()
}

/// Where half of the weight may lie on a mask with these bounds: beyond them it does not, but near the
/// grid's border, where the mask is mirrored.
pub(super) fn within_reach_of_mirrors(tight: VoxelBox, whole: VoxelBox, sigma_voxels: [f64; 3]) -> VoxelBox {
    let mut around = tight;
    for (axis, sigma) in sigma_voxels.into_iter().enumerate() {
        let reach = weights_of(sigma).len() - 1;
        if tight.min[axis] - whole.min[axis] < reach {
            around.min[axis] = whole.min[axis];
        }
        if whole.max[axis] - tight.max[axis] < reach {
            around.max[axis] = whole.max[axis];
        }
    }
    around
}

/// A mask over a whole grid smoothed, from 0 to 1, in a box.
pub(super) fn blurred_mask(
    mask: &Mask,
    bounds: VoxelBox,
    sigma_voxels: [f64; 3],
    progress: &dyn Progress,
) -> Result<Buffer<f32>, Cancelled> {
    let load = |i: std::ops::Range<usize>, j: usize, k: usize, row: &mut [f32]| {
        for (n, part) in row.chunks_mut(64).enumerate() {
            let word = mask.word_at(i.start + 64 * n, j, k);
            part.iter_mut().enumerate().for_each(|(bit, value)| *value = (word >> bit & 1) as f32);
        }
    };
    blurred(mask.bounds(), bounds, sigma_voxels, &load, progress)
}

/// Fills a row with what lies at the voxels i of row (j, k).
type Load<'a> = dyn Fn(std::ops::Range<usize>, usize, usize, &mut [f32]) + Sync + 'a;

/// Slices made together.
const GROUP: usize = 16;

fn blurred(
    whole: VoxelBox,
    bounds: VoxelBox,
    sigma_voxels: [f64; 3],
    load: &Load<'_>,
    progress: &dyn Progress,
) -> Result<Buffer<f32>, Cancelled> {
    let [ni, nj, nk] = bounds.dims();
    let mut values = zeroed(ni * nj * nk);
    if values.is_empty() {
        return Ok(values);
    }
    let weights = sigma_voxels.map(weights_of);
    let reach = weights[2].len() - 1;
    let steps = Steps::new(progress, nk.div_ceil(GROUP));
    let mut window: VecDeque<Vec<f32>> = VecDeque::new();
    let mut window_start = bounds.min[2].saturating_sub(reach).max(whole.min[2]);
    // Memory that was touched before costs less than new memory.
    let mut spare: Vec<Vec<f32>> = Vec::new();
    for (group, out) in values.chunks_mut(ni * nj * GROUP).enumerate() {
        let first = bounds.min[2] + group * GROUP;
        let end = first + out.len() / (ni * nj);
        let needed = first.saturating_sub(reach).max(whole.min[2])..(end + reach).min(whole.max[2]);
        while window_start < needed.start {
            spare.extend(window.pop_front());
            window_start += 1;
        }
        let missing = window_start + window.len()..needed.end;
        spare.resize_with(spare.len().max(missing.len()), Vec::new);
        let mut slices = spare.split_off(spare.len() - missing.len());
        slices.par_iter_mut().zip(missing).for_each_init(Scratch::default, |scratch, (slice, k)| {
            slice.resize(ni * nj, 0.0);
            blur_slice(whole, bounds, k, [&weights[0], &weights[1]], load, scratch, slice);
        });
        window.extend(slices);
        out.par_chunks_mut(ni).enumerate().for_each(|(row, out)| {
            let (j, k) = (row % nj, first + row / nj);
            let at = |away: isize| {
                let slice = mirrored(k as isize + away, whole, 2) - window_start;
                &window[slice][j * ni..(j + 1) * ni]
            };
            weigh(out, &weights[2], at);
        });
        steps.next()?;
    }
    Ok(values)
}

/// Rows on their way through a slice.
#[derive(Default)]
struct Scratch {
    loaded: Vec<f32>,
    padded: Vec<f32>,
    half_done: Vec<f32>,
}

/// Smooths one slice along i and j.
fn blur_slice(
    whole: VoxelBox,
    bounds: VoxelBox,
    k: usize,
    [along_i, along_j]: [&[f32]; 2],
    load: &Load<'_>,
    Scratch { loaded, padded, half_done }: &mut Scratch,
    done: &mut [f32],
) {
    let (ni, reach_i, reach_j) = (bounds.dims()[0], along_i.len() - 1, along_j.len() - 1);
    let needed = |axis: usize, reach: usize| {
        bounds.min[axis].saturating_sub(reach).max(whole.min[axis])
            ..(bounds.max[axis] + reach).min(whole.max[axis])
    };
    let (columns, rows) = (needed(0, reach_i), needed(1, reach_j));
    loaded.resize(columns.len(), 0.0);
    padded.resize(ni + 2 * reach_i, 0.0);
    half_done.resize(ni * rows.len(), 0.0);
    let first = bounds.min[0] as isize - reach_i as isize;
    let inner = (columns.start as isize - first) as usize;
    for (j, out) in rows.clone().zip(half_done.chunks_mut(ni)) {
        load(columns.clone(), j, k, loaded);
        padded[inner..inner + loaded.len()].copy_from_slice(loaded);
        for n in (0..inner).chain(inner + loaded.len()..padded.len()) {
            padded[n] = loaded[mirrored(first + n as isize, whole, 0) - columns.start];
        }
        weigh(out, along_i, |away| &padded[(reach_i as isize + away) as usize..][..ni]);
    }
    for (j, out) in done.chunks_mut(ni).enumerate() {
        weigh(out, along_j, |away| {
            let row = mirrored((bounds.min[1] + j) as isize + away, whole, 1) - rows.start;
            &half_done[row * ni..(row + 1) * ni]
        });
    }
}

/// The place that one beyond the border is the mirror image of; the border lies between voxels.
fn mirrored(place: isize, whole: VoxelBox, axis: usize) -> usize {
    let (min, count) = (whole.min[axis] as isize, whole.dims()[axis] as isize);
    let from_min = (place - min).rem_euclid(2 * count);
    (min + from_min.min(2 * count - 1 - from_min)) as usize
}

/// The weights at 0, 1, 2 … voxels, so that both sides come to 1.
fn weights_of(sigma: f64) -> Vec<f32> {
    let reach = (4.0 * sigma + 0.5) as usize;
    let at = |n: usize| if n == 0 { 1.0 } else { (-0.5 * (n as f64 / sigma).powi(2)).exp() };
    let sum = (1..=reach).map(at).sum::<f64>() * 2.0 + 1.0;
    (0..=reach).map(|n| (at(n) / sum) as f32).collect()
}

/// Values summed in registers at once.
const LANES: usize = 16;

/// The weighted sum of the rows at −n … n voxels away.
fn weigh<'a>(out: &mut [f32], weights: &[f32], at: impl Fn(isize) -> &'a [f32]) {
    let middle = at(0);
    let sides: Vec<(f32, &[f32], &[f32])> =
        (1..weights.len()).map(|n| (weights[n], at(-(n as isize)), at(n as isize))).collect();
    let whole = out.len() / LANES * LANES;
    for (chunk, out) in out[..whole].chunks_exact_mut(LANES).enumerate() {
        let lanes = chunk * LANES..(chunk + 1) * LANES;
        let mut sum = [0f32; LANES];
        for (sum, value) in sum.iter_mut().zip(&middle[lanes.clone()]) {
            *sum = weights[0] * value;
        }
        for (weight, before, after) in &sides {
            let both = before[lanes.clone()].iter().zip(&after[lanes.clone()]);
            for (sum, (before, after)) in sum.iter_mut().zip(both) {
                *sum += weight * (before + after);
            }
        }
        out.copy_from_slice(&sum);
    }
    for n in whole..out.len() {
        // In the order of the lanes, so that a value does not depend on the box it is asked for in.
        let first = weights[0] * middle[n];
        out[n] =
            sides.iter().fold(first, |sum, (weight, before, after)| sum + weight * (before[n] + after[n]));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{any_mask, voxels_of};
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn smoothing_weighs_every_neighbour(
            mask in any_mask([40, 7, 7]),
            sigma in prop::array::uniform3(prop::sample::select(vec![0.0, 0.4, 1.0, 2.3])),
            cut in prop::array::uniform3(0usize..5),
        ) {
            let whole = mask.bounds();
            let min = std::array::from_fn(|axis| (whole.min[axis] + cut[axis]).min(whole.max[axis] - 1));
            let bounds = VoxelBox { min, max: whole.max };
            let found = blurred_mask(&mask, bounds, sigma, &Unwatched).expect("not cancelled");
            let weights = sigma.map(weights_of);
            for (voxel, found) in voxels_of(bounds).zip(found.iter()) {
                let mut sum = 0.0;
                let reach = |axis: usize| { let n = weights[axis].len() as isize - 1; -n..=n };
                for dk in reach(2) { for dj in reach(1) { for di in reach(0) {
                    let by = [di, dj, dk];
                    let place = |axis: usize| mirrored(voxel.to_array()[axis] as isize + by[axis], whole, axis);
                    if mask.contains(VoxelIndex::new(place(0), place(1), place(2))) {
                        sum += (0..3).map(|axis| f64::from(weights[axis][by[axis].unsigned_abs()])).product::<f64>();
                    }
                }}}
                prop_assert!((f64::from(*found) - sum).abs() < 1e-5, "{} for {}", found, sum);
            }
        }

        #[test]
        fn a_smoothed_mask_stays_in_its_box(mask in any_mask([40, 7, 7])) {
            let sigma = [1.5, 0.8, 1.0];
            let smoothed = smoothed_mask(&mask, sigma, None, &Unwatched).expect("not cancelled");
            let everywhere = blurred_mask(&mask, mask.bounds(), sigma, &Unwatched).expect("not cancelled");
            for (voxel, value) in voxels_of(mask.bounds()).zip(everywhere.iter()) {
                prop_assert!((value - 0.5).abs() < 1e-5 || smoothed.contains(voxel) == (*value > 0.5));
            }
        }
    }
    /// One that finds something and is sure of it.
    #[derive(Debug)]
    struct Sure(fn(&Mask) -> Mask);

    impl Smoother for Sure {
        fn halves(
            &self,
            mask: &Mask,
            bounds: VoxelBox,
            _weights: &[Vec<f32>; 3],
            _progress: &dyn Progress,
        ) -> Result<Option<Halves>, Cancelled> {
            Ok(Some(Halves { over: (self.0)(mask).within(bounds), unsure: Mask::empty(bounds) }))
        }
    }

    #[test]
    fn a_smoother_that_is_wrong_is_found_out() {
        let mut mask = Mask::empty(VoxelBox { min: [0; 3], max: [40, 30, 20] });
        for k in 5..15 {
            for j in 8..20 {
                mask.row_mut(j, k)[0] = 0xff_ff00;
            }
        }
        let smoothed = |by: Option<&dyn Smoother>| smoothed_mask(&mask, [2.0; 3], by, &Unwatched);
        let right = smoothed(None).expect("not cancelled");
        assert_ne!(right, mask);
        for wrong in [Sure(|mask| Mask::empty(mask.bounds())), Sure(|mask| mask.complement())] {
            assert_eq!(smoothed(Some(&wrong)).as_ref(), Ok(&right), "{wrong:?}");
        }
    }
}
