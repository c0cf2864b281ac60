//! Smoothing by majority: the median of a mask.

use rayon::prelude::*;

use super::memory::zeroed;
use super::{Cancelled, Progress};
use crate::geometry::VoxelBox;
use crate::progress::{Part, Steps};
use crate::volume::{Buffer, Mask};

/// The voxels of a mask over a whole grid around which more than half of a box belongs that reaches so
/// many voxels to either side; the grid's outermost voxels are repeated beyond its border (ITK's
/// `BinaryMedian`, scipy's `median_filter` in mode `nearest`).
pub fn majority(mask: &Mask, reach: [usize; 3], progress: &dyn Progress) -> Result<Mask, Cancelled> {
    // Beyond the mask's own box less than half of any box lies on it.
    let Some(tight) = mask.tight_bounds() else { return Ok(mask.clone()) };
    let ([ni, nj, nk], whole) = (tight.dims(), mask.bounds());
    let rows_needed = around(tight, whole, 1, reach[1]);
    let slices_needed = around(tight, whole, 2, reach[2]);
    let first_part = Part::new(progress, 0.0, 0.5);
    let steps = Steps::new(&first_part, slices_needed.len());
    let mut sums: Buffer<u32> = zeroed(ni * nj * slices_needed.len());
    sums.par_chunks_mut(ni * nj).zip(slices_needed.clone()).try_for_each(|(slice, k)| {
        let of_rows: Vec<Vec<u32>> =
            rows_needed.clone().map(|j| sums_along(mask, tight, reach[0], j, k)).collect();
        let row_at = |place: isize| &of_rows[clamped(place, whole, 1) - rows_needed.start];
        let mut sum = vec![0u32; ni];
        slide(tight.min[1], nj, reach[1], |step, n| match step {
            Step::Enter(place) => sum.iter_mut().zip(row_at(place)).for_each(|(sum, row)| *sum += row),
            Step::Leave(place) => sum.iter_mut().zip(row_at(place)).for_each(|(sum, row)| *sum -= row),
            Step::Done => slice[n * ni..(n + 1) * ni].copy_from_slice(&sum),
        });
        steps.next()
    })?;
    let half = reach.iter().map(|reach| 2 * *reach as u64 + 1).product::<u64>() / 2;
    let mut found = Mask::empty(tight);
    let row_words = found.row_words();
    const CHUNK: usize = 32;
    let second_part = Part::new(progress, 0.5, 1.0);
    let steps = Steps::new(&second_part, nk.div_ceil(CHUNK));
    found.words_mut().par_chunks_mut(row_words * nj * CHUNK).enumerate().try_for_each(|(chunk, words)| {
        let slice_at = |place: isize| {
            let slice = clamped(place, whole, 2) - slices_needed.start;
            &sums[slice * ni * nj..(slice + 1) * ni * nj]
        };
        let mut sum = vec![0u64; ni * nj];
        let count = words.len() / (row_words * nj);
        slide(tight.min[2] + chunk * CHUNK, count, reach[2], |step, n| match step {
            Step::Enter(place) => add(&mut sum, slice_at(place)),
            Step::Leave(place) => {
                sum.iter_mut().zip(slice_at(place)).for_each(|(sum, row)| *sum -= u64::from(*row))
            }
            Step::Done => {
                let slice = words[n * row_words * nj..(n + 1) * row_words * nj].chunks_mut(row_words);
                for (words, sums) in slice.zip(sum.chunks(ni)) {
                    for (i, sum) in sums.iter().enumerate() {
                        words[i / 64] |= u64::from(*sum > half) << (i % 64);
                    }
                }
            }
        });
        steps.next()
    })?;
    Ok(found.into_box(whole))
}

fn add(sums: &mut [u64], others: &[u32]) {
    sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += u64::from(*other));
}

/// What a window does on its way.
enum Step {
    Enter(isize),
    Leave(isize),
    /// It stands around the n-th place.
    Done,
}

/// Slides a window that reaches to either side over so many places from the first one on.
fn slide(first: usize, count: usize, reach: usize, mut visit: impl FnMut(Step, usize)) {
    let (first, reach) = (first as isize, reach as isize);
    (first - reach..first + reach).for_each(|place| visit(Step::Enter(place), 0));
    for n in 0..count {
        let middle = first + n as isize;
        visit(Step::Enter(middle + reach), n);
        visit(Step::Done, n);
        visit(Step::Leave(middle - reach), n);
    }
}

/// How many voxels of row (j, k) belong around each voxel of the box.
fn sums_along(mask: &Mask, tight: VoxelBox, reach: usize, j: usize, k: usize) -> Vec<u32> {
    let whole = mask.bounds();
    let row = mask.row(j, k);
    let bit = |place: isize| {
        let i = clamped(place, whole, 0) - whole.min[0];
        (row[i / 64] >> (i % 64) & 1) as u32
    };
    let (mut sum, mut sums) = (0, vec![0; tight.dims()[0]]);
    if row.iter().all(|word| *word == 0) {
        return sums;
    }
    slide(tight.min[0], sums.len(), reach, |step, n| match step {
        Step::Enter(place) => sum += bit(place),
        Step::Leave(place) => sum -= bit(place),
        Step::Done => sums[n] = sum,
    });
    sums
}

/// The places along an axis that windows around a box reach.
fn around(tight: VoxelBox, whole: VoxelBox, axis: usize, reach: usize) -> std::ops::Range<usize> {
    tight.min[axis].saturating_sub(reach).max(whole.min[axis])..(tight.max[axis] + reach).min(whole.max[axis])
}

fn clamped(place: isize, whole: VoxelBox, axis: usize) -> usize {
    (place.max(whole.min[axis] as isize) as usize).min(whole.max[axis] - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Unwatched;
    use super::super::tests::{any_mask, voxels_of};
    use super::*;
    use crate::geometry::VoxelIndex;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn the_majority_of_a_box_decides(mask in any_mask([70, 7, 7]), reach in prop::array::uniform3(0usize..4)) {
            let whole = mask.bounds();
            let found = majority(&mask, reach, &Unwatched).expect("not cancelled");
            for voxel in voxels_of(whole) {
                let sides = |axis: usize| { let n = reach[axis] as isize; -n..=n };
                let (mut there, mut all) = (0, 0);
                for dk in sides(2) { for dj in sides(1) { for di in sides(0) {
                    let by = [di, dj, dk];
                    let [i, j, k] = std::array::from_fn(|axis| clamped(voxel.to_array()[axis] as isize + by[axis], whole, axis));
                    there += usize::from(mask.contains(VoxelIndex::new(i, j, k)));
                    all += 1;
                }}}
                prop_assert_eq!(found.contains(voxel), 2 * there > all);
            }
        }
    }
}
