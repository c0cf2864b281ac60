//! Smoothing of labels that touch, together.

use rayon::prelude::*;

use super::gaussian::{blurred_mask, within_reach_of_mirrors};
use super::memory::zeroed;
use super::{Cancelled, Progress};
use crate::geometry::VoxelBox;
use crate::progress::Part;
use crate::volume::{Buffer, LabelMap, Mask};

/// The voxels that each of some labels has once they are smoothed together: each label is smoothed with a
/// Gaussian, everything else as one more, and the greatest wins a voxel, so that labels that touched leave no
/// gap between them. Voxels of other labels stay theirs. The standard deviation is in voxels along each axis.
pub fn smoothed_together(
    map: &LabelMap,
    labels: &[u16],
    sigma_voxels: [f64; 3],
    progress: &dyn Progress,
) -> Result<Vec<Mask>, Cancelled> {
    let whole = VoxelBox { min: [0; 3], max: map.dims() };
    let masks: Vec<Mask> = labels.iter().map(|label| Mask::of_label(map, whole, *label)).collect();
    let tight: Vec<Option<VoxelBox>> = masks.iter().map(Mask::tight_bounds).collect();
    // Elsewhere everything else has more than half of the weight.
    let Some(region) = tight.iter().flatten().copied().reduce(|a, b| a.union(&b)) else { return Ok(masks) };
    let region = within_reach_of_mirrors(region, whole, sigma_voxels);
    let [ni, nj, nk] = region.dims();
    let reach = sigma_voxels.map(|sigma| (4.0 * sigma + 0.5) as usize);
    let mut greatest: Buffer<f32> = zeroed(ni * nj * nk);
    let mut sum: Buffer<f32> = zeroed(ni * nj * nk);
    // Counted from 1.
    let mut winner: Buffer<u16> = zeroed(ni * nj * nk);
    for (number, (mask, tight)) in masks.iter().zip(&tight).enumerate() {
        let part = |n: usize| n as f32 / labels.len() as f32;
        let Some(tight) = tight else { continue };
        let near = tight.grown(reach).intersection(&region);
        let part = Part::new(progress, part(number), part(number + 1));
        let values = blurred_mask(mask, near, sigma_voxels, &part)?;
        let [near_ni, near_nj, _] = near.dims();
        let first_i = near.min[0] - region.min[0];
        let slices = (near.min[2] - region.min[2]) * ni * nj..(near.max[2] - region.min[2]) * ni * nj;
        let greatest = greatest[slices.clone()].par_chunks_mut(ni * nj);
        let all = greatest
            .zip(sum[slices.clone()].par_chunks_mut(ni * nj))
            .zip(winner[slices].par_chunks_mut(ni * nj));
        all.zip(values.par_chunks(near_ni * near_nj)).for_each(|(((greatest, sum), winner), values)| {
            for (j, values) in values.chunks(near_ni).enumerate() {
                let start = (near.min[1] - region.min[1] + j) * ni + first_i;
                for (n, value) in values.iter().enumerate() {
                    sum[start + n] += value;
                    if *value > greatest[start + n] {
                        greatest[start + n] = *value;
                        winner[start + n] = number as u16 + 1;
                    }
                }
            }
        });
    }
    let others = Mask::of_labels(map, region, |label| label != 0 && !labels.contains(&label));
    let won = |number: usize| {
        let mut mask = Mask::empty(region);
        let row_words = mask.row_words();
        let rows = mask.words_mut().par_chunks_mut(row_words).enumerate();
        rows.for_each(|(row, words)| {
            for i in 0..ni {
                let at = row * ni + i;
                let has_won = usize::from(winner[at]) == number + 1 && greatest[at] > 1.0 - sum[at];
                words[i / 64] |= u64::from(has_won) << (i % 64);
            }
        });
        mask.subtract(&others);
        mask.into_box(whole)
    };
    Ok((0..labels.len()).map(won).collect())
}

#[cfg(test)]
mod tests {
    use super::super::Unwatched;
    use super::super::tests::voxels_of;
    use super::*;
    use crate::geometry::VoxelIndex;

    #[test]
    fn labels_that_touch_leave_no_gap_and_take_nothing_of_others() {
        // Two labels with a ragged border between them fill a block; a third one beside it is left alone.
        let dims = [40, 30, 20];
        let at = |offset: usize| VoxelIndex::new(offset % 40, offset / 40 % 30, offset / 1200);
        let inside = |voxel: VoxelIndex| {
            (6..34).contains(&voxel.i) && (5..25).contains(&voxel.j) && (4..16).contains(&voxel.k)
        };
        let map = LabelMap::from_labels(dims, |offset| {
            let voxel = at(offset);
            match inside(voxel) {
                _ if voxel.i < 3 => 7,
                false => 0,
                true => 1 + u16::from(voxel.i + (voxel.j * 7 + voxel.k * 5) % 4 > 21),
            }
        });
        let masks = smoothed_together(&map, &[1, 2], [1.5, 1.5, 1.0], &Unwatched).expect("not cancelled");
        let border = |j: usize, k: usize| (0..40).find(|i| masks[1].contains(VoxelIndex::new(*i, j, k)));
        let mut borders = Vec::new();
        for voxel in voxels_of(VoxelBox { min: [0; 3], max: dims }) {
            let held = masks.iter().filter(|mask| mask.contains(voxel)).count();
            assert!(held <= 1 && (held == 0 || inside(voxel)), "{voxel:?}");
            // Away from the block's own edges there is neither a gap nor a change of the whole.
            if (9..31).contains(&voxel.i) && (8..22).contains(&voxel.j) && (6..14).contains(&voxel.k) {
                assert_eq!(held, 1, "{voxel:?}");
                borders.extend(border(voxel.j, voxel.k));
            }
        }
        let (low, high) = (borders.iter().min(), borders.iter().max());
        assert!(
            low.zip(high).is_some_and(|(low, high)| high - low <= 1),
            "the border is smooth: {low:?} to {high:?}"
        );
    }
}
