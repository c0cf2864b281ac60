//! Holes: background that cannot reach the border.

use serde::Deserialize;

use super::components::{WITHIN_J, WITHIN_K};
use super::{Cancelled, Components, Connectivity, Progress};
use crate::volume::Mask;

/// An axis of the grid, across which slices lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SliceAxis {
    /// Slices of one i.
    I,
    /// Slices of one j.
    J,
    /// Slices of one k.
    K,
}

/// The mask with its holes: background that no path across faces leads out of the box from (scipy's
/// `binary_fill_holes`, ITK's `BinaryFillhole`).
pub fn fill_holes(mask: &Mask, progress: &dyn Progress) -> Result<Mask, Cancelled> {
    let Some(tight) = mask.tight_bounds() else { return Ok(mask.clone()) };
    let outside = mask.within(tight).complement();
    let parts = Components::of(&outside, Connectivity::Six, progress)?;
    let [ni, nj, nk] = tight.dims();
    let open = parts
        .at_border(|i, j, k| i.start == 0 || i.end == ni || j == 0 || j + 1 == nj || k == 0 || k + 1 == nk);
    let mut filled = mask.clone();
    filled.unite(&parts.mask(|part| !open[part]));
    Ok(filled)
}

/// The mask with the holes of each slice across an axis: background that no path across faces within the
/// slice leads out of the box from.
pub fn fill_holes_in_slices(
    mask: &Mask,
    axis: SliceAxis,
    progress: &dyn Progress,
) -> Result<Mask, Cancelled> {
    if axis == SliceAxis::I {
        let turned = fill_holes_in_slices(&mask.with_i_and_j_exchanged(), SliceAxis::J, progress)?;
        return Ok(turned.with_i_and_j_exchanged());
    }
    let Some(tight) = mask.tight_bounds() else { return Ok(mask.clone()) };
    let outside = mask.within(tight).complement();
    let [ni, nj, nk] = tight.dims();
    let across_j = axis == SliceAxis::J;
    let parts = Components::joined(&outside, if across_j { WITHIN_J } else { WITHIN_K }, progress)?;
    let open = parts.at_border(|i, j, k| {
        let (row, rows) = if across_j { (k, nk) } else { (j, nj) };
        i.start == 0 || i.end == ni || row == 0 || row + 1 == rows
    });
    let mut filled = mask.clone();
    filled.unite(&parts.mask(|part| !open[part]));
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Unwatched;
    use super::super::tests::{any_mask, voxels_of};
    use super::*;
    use crate::geometry::VoxelIndex;

    /// Floods background from the border, one step along an axis at a time, until nothing changes.
    fn slowly_filled(mask: &Mask, slices_across: Option<usize>) -> Mask {
        let bounds = mask.bounds();
        let mut outside = Mask::empty(bounds);
        let axes = || (0..3).filter(|axis| slices_across != Some(*axis));
        loop {
            let before = outside.count();
            for voxel in voxels_of(bounds) {
                let at = voxel.to_array();
                let is_out = axes().any(|axis| {
                    let neighbour = |to: usize| {
                        let mut next = at;
                        next[axis] = to;
                        outside.contains(VoxelIndex::new(next[0], next[1], next[2]))
                    };
                    at[axis] == bounds.min[axis]
                        || at[axis] + 1 == bounds.max[axis]
                        || neighbour(at[axis] - 1)
                        || neighbour(at[axis] + 1)
                });
                if is_out && !mask.contains(voxel) {
                    outside.insert(voxel);
                }
            }
            if outside.count() == before {
                return outside.complement();
            }
        }
    }

    proptest! {
        #[test]
        fn what_no_path_leads_out_of_is_filled(mask in any_mask([70, 8, 20])) {
            prop_assert_eq!(fill_holes(&mask, &Unwatched).expect("not cancelled"), slowly_filled(&mask, None));
            for (number, axis) in [SliceAxis::I, SliceAxis::J, SliceAxis::K].into_iter().enumerate() {
                let filled = fill_holes_in_slices(&mask, axis, &Unwatched).expect("not cancelled");
                prop_assert_eq!(filled, slowly_filled(&mask, Some(number)));
            }
        }
    }
}
