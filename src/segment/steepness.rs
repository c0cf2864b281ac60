//! How steep the values of a box are.

use crate::geometry::{VoxelBox, VoxelIndex};
use crate::volume::Volume;

/// Steps in which steepness is told.
pub(super) const STEEPEST: u8 = u8::MAX;

/// For each voxel of a box, i fastest, the length of the gradient of the values at a time, from 0 to
/// 255 for the steepest that one in a hundred voxels reaches. Central differences in millimetres along
/// each axis on which the box has several voxels, one-sided at its ends.
pub(super) fn steepness(volume: &Volume, time: usize, bounds: VoxelBox) -> Vec<u8> {
    let dims @ [ni, nj, nk] = bounds.dims();
    let time = time.min(volume.times() - 1);
    let spacing_mm = volume.grid().spacing_mm();
    let places = (0..ni * nj * nk).map(|at| [at % ni, at / ni % nj, at / ni / nj]);
    let values: Vec<f64> = places
        .clone()
        .map(|at| {
            let [i, j, k]: [usize; 3] = std::array::from_fn(|axis| bounds.min[axis] + at[axis]);
            let value = volume.value(VoxelIndex::new(i, j, k), time);
            if value.is_finite() && !volume.is_missing(k) { value } else { 0.0 }
        })
        .collect();
    let steps = [1, ni, ni * nj];
    let length = |(at, place): (usize, [usize; 3])| {
        let along = |axis: usize| {
            let before = place[axis].min(1);
            let after = usize::from(place[axis] + 1 < dims[axis]);
            let mm = (before + after) as f64 * spacing_mm[axis];
            let rise = values[at + after * steps[axis]] - values[at - before * steps[axis]];
            if mm > 0.0 { (rise / mm).powi(2) } else { 0.0 }
        };
        (0..3).map(along).sum::<f64>().sqrt()
    };
    let lengths: Vec<f64> = places.enumerate().map(length).collect();
    let mut sorted = lengths.clone();
    let last = sorted.len().saturating_sub(1);
    let steepest = match sorted.is_empty() {
        true => 0.0,
        false => *sorted.select_nth_unstable_by(last - last / 100, f64::total_cmp).1,
    };
    let scale = if steepest > 0.0 { f64::from(STEEPEST) / steepest } else { 0.0 };
    lengths.into_iter().map(|length| (length * scale).round().min(f64::from(STEEPEST)) as u8).collect()
}
