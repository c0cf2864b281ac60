//! How steep the values of a box are.

use rayon::prelude::*;

use super::refine::values_of;
use crate::geometry::VoxelBox;
use crate::volume::Volume;

/// Steps in which steepness is told.
pub(super) const STEEPEST: u8 = u8::MAX;
/// Steepness this many times the median stands out from noise.
const ABOVE_NOISE: f32 = 6.0;

/// For each voxel of a box, i fastest, the length of the gradient of the values at a time, from 0 to
/// 255 for the steepest that one in a hundred voxels reaches; where noise is all there is, for six times
/// the median. Central differences in millimetres along each axis on which the box has several voxels,
/// one-sided at its ends.
pub(super) fn steepness(volume: &Volume, time: usize, bounds: VoxelBox) -> Vec<u8> {
    values_and_steepness(volume, time, bounds).1
}

/// The values themselves, too; 0 where nothing was scanned.
pub(super) fn values_and_steepness(volume: &Volume, time: usize, bounds: VoxelBox) -> (Vec<f32>, Vec<u8>) {
    let dims @ [ni, nj, nk] = bounds.dims();
    let slice = ni * nj;
    let mut values = values_of(volume, time, bounds);
    for k in (0..nk).filter(|k| volume.is_missing_at(bounds.min[2] + k, time)) {
        values[k * slice..(k + 1) * slice].fill(0.0);
    }
    let per_mm = volume.grid().spacing_mm().map(|spacing| 1.0 / spacing as f32);
    // The places before and after one, and what a difference between them counts.
    let ends = |axis: usize, at: usize| {
        let (before, after) = (at.saturating_sub(1), (at + 1).min(dims[axis] - 1));
        (before, after, per_mm[axis] / (after - before).max(1) as f32)
    };
    let along_i: Vec<(usize, usize, f32)> = (0..ni).map(|i| ends(0, i)).collect();
    let mut squares = vec![0f32; values.len()];
    squares.par_chunks_mut(slice.max(1)).enumerate().for_each(|(k, squares)| {
        let (below, above, per_k) = ends(2, k);
        for (j, squares) in squares.chunks_mut(ni).enumerate() {
            let (before, after, per_j) = ends(1, j);
            let row = |j: usize, k: usize| &values[k * slice + j * ni..][..ni];
            let (here, across) = (row(j, k), [row(before, k), row(after, k), row(j, below), row(j, above)]);
            for (i, square) in squares.iter_mut().enumerate() {
                let (left, right, per_i) = along_i[i];
                let rises = [
                    (here[right] - here[left]) * per_i,
                    (across[1][i] - across[0][i]) * per_j,
                    (across[3][i] - across[2][i]) * per_k,
                ];
                *square = rises[0] * rises[0] + rises[1] * rises[1] + rises[2] * rises[2];
            }
        }
    });
    let steepest = steepest(&squares);
    let scale = if steepest > 0.0 { f32::from(STEEPEST) / steepest } else { 0.0 };
    let told = |square: f32| (square.sqrt() * scale).round().min(f32::from(STEEPEST)) as u8;
    let told = squares.into_iter().map(told).collect();
    (values, told)
}

/// The steepness that counts as the greatest.
fn steepest(squares: &[f32]) -> f32 {
    let Some(last) = squares.len().checked_sub(1) else { return 0.0 };
    let mut sorted = squares.to_vec();
    let (lower, percentile, _) = sorted.select_nth_unstable_by(last - last / 100, f32::total_cmp);
    let percentile = *percentile;
    let middle = (squares.len() / 2).min(lower.len().saturating_sub(1));
    let median = match lower.is_empty() {
        true => percentile,
        false => *lower.select_nth_unstable_by(middle, f32::total_cmp).1,
    };
    percentile.sqrt().max(median.sqrt() * ABOVE_NOISE)
}
