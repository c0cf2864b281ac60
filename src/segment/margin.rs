//! Margins, shells, opening and closing, by distances in millimetres between voxel centres.

use serde::Deserialize;

use super::dilate::{Ball, dilated, reach_of, square_of};
use super::memory::out_of_memory;
use super::{Cancelled, Progress};
use crate::geometry::VoxelBox;
use crate::progress::Part;
use crate::volume::{DistanceError, Mask, voxels_within};

/// Where the wall of a hollowed mask lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wall {
    /// Within the mask.
    #[default]
    Inside,
    /// Half within it, half around it.
    Middle,
    /// Around it.
    Outside,
}

/// Balls of a greater radius, in voxels along j and k multiplied, are left to distances: rows of bits would
/// cost more.
const GREATEST_SECTION: usize = 1500;

/// The voxels of the mask's box within `mm` of one that belongs.
pub fn grown(mask: &Mask, mm: f64, spacing_mm: [f64; 3], progress: &dyn Progress) -> Result<Mask, Cancelled> {
    let bounds = mask.bounds();
    let Some(tight) = mask.tight_bounds() else {
        progress.set(1.0);
        return Ok(mask.clone());
    };
    let region = tight.grown(reach_of(mm, spacing_mm, bounds.dims())).intersection(&bounds);
    Ok(near(&mask.within(tight), region, mm, spacing_mm, progress)?.into_box(bounds))
}

/// The voxels of the mask that lie further than `mm` from every voxel of its box that does not belong.
/// What lies beyond the box is not known and takes nothing away.
pub fn shrunk(
    mask: &Mask,
    mm: f64,
    spacing_mm: [f64; 3],
    progress: &dyn Progress,
) -> Result<Mask, Cancelled> {
    let bounds = mask.bounds();
    let Some(tight) = mask.tight_bounds() else {
        progress.set(1.0);
        return Ok(mask.clone());
    };
    let region = tight.grown(reach_of(mm, spacing_mm, bounds.dims())).intersection(&bounds);
    let mut outside = mask.within(region);
    outside.invert();
    let mut left = mask.within(tight);
    left.subtract(&near(&outside, tight, mm, spacing_mm, progress)?);
    Ok(left.into_box(bounds))
}

/// A wall of `mm` along the mask's border, and nothing within.
pub fn hollow(
    mask: &Mask,
    mm: f64,
    wall: Wall,
    spacing_mm: [f64; 3],
    progress: &dyn Progress,
) -> Result<Mask, Cancelled> {
    let (inward, outward) = match wall {
        Wall::Inside => (mm, 0.0),
        Wall::Middle => (mm / 2.0, mm / 2.0),
        Wall::Outside => (0.0, mm),
    };
    let mut shell = grown(mask, outward, spacing_mm, &Part::new(progress, 0.0, 0.5))?;
    shell.subtract(&match wall {
        Wall::Outside => mask.clone(),
        _ => shrunk(mask, inward, spacing_mm, &Part::new(progress, 0.5, 1.0))?,
    });
    Ok(shell)
}

/// The mask without what no ball of radius `mm` within it covers.
pub fn opened(
    mask: &Mask,
    mm: f64,
    spacing_mm: [f64; 3],
    progress: &dyn Progress,
) -> Result<Mask, Cancelled> {
    let core = shrunk(mask, mm, spacing_mm, &Part::new(progress, 0.0, 0.5))?;
    grown(&core, mm, spacing_mm, &Part::new(progress, 0.5, 1.0))
}

/// The mask with everything that no ball of radius `mm` beside it covers. The box does not end what is
/// beside it: balls may lie beyond, but for those of a box of one slice, which is all there is.
pub fn closed(
    mask: &Mask,
    mm: f64,
    spacing_mm: [f64; 3],
    progress: &dyn Progress,
) -> Result<Mask, Cancelled> {
    let Some(tight) = mask.tight_bounds() else {
        progress.set(1.0);
        return Ok(mask.clone());
    };
    // Counted from a corner far enough from the mask that nothing reaches it.
    let room = room_around(mask, mm, spacing_mm);
    let inner = mask.within(tight).moved_to(room);
    let dims = inner.bounds().grown(room);
    let mut beside = near(&inner, dims, mm, spacing_mm, &Part::new(progress, 0.0, 0.5))?;
    let progress = Part::new(progress, 0.5, 1.0);
    beside.invert();
    let mut closed = near(&beside, inner.bounds(), mm, spacing_mm, &progress)?;
    closed.invert();
    Ok(closed.moved_to(tight.min).into_box(mask.bounds()))
}

/// How many voxels [`closed`] has to look at, which is many for a ball larger than the box.
pub fn voxels_to_close(mask: &Mask, mm: f64, spacing_mm: [f64; 3]) -> f64 {
    let room = room_around(mask, mm, spacing_mm);
    let dims = mask.tight_bounds().map_or([0; 3], |tight| tight.dims());
    (0..3).map(|axis| dims[axis] as f64 + 2.0 * room[axis] as f64).product()
}

/// How far beyond a mask, in voxels, balls beside it may lie.
fn room_around(mask: &Mask, mm: f64, spacing_mm: [f64; 3]) -> [usize; 3] {
    let (reach, dims) = (reach_of(mm, spacing_mm, [usize::MAX; 3]), mask.bounds().dims());
    std::array::from_fn(|axis| if dims[axis] == 1 { 0 } else { reach[axis] })
}

/// The voxels of a box within `mm` of one that belongs to a mask.
fn near(
    mask: &Mask,
    bounds: VoxelBox,
    mm: f64,
    spacing_mm: [f64; 3],
    progress: &dyn Progress,
) -> Result<Mask, Cancelled> {
    let most = bounds.union(&mask.bounds());
    let reach = reach_of(mm, spacing_mm, most.dims());
    if reach[1] * reach[2] <= GREATEST_SECTION {
        return dilated(mask, bounds, &Ball::new(mm, spacing_mm, most.dims()), progress);
    }
    match voxels_within(&mask.within(most), spacing_mm, square_of(mm), progress) {
        Ok(near) => Ok(near.into_box(bounds)),
        Err(DistanceError::Cancelled(cancelled)) => Err(cancelled),
        Err(DistanceError::Memory(_)) => out_of_memory::<u32>(most.dims().iter().product()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Unwatched;
    use super::super::tests::{any_mask, any_spacing, voxels_of};
    use super::*;
    use crate::geometry::VoxelIndex;

    /// The voxels of a box with one of some voxels within reach, by looking at each pair.
    fn slowly_near(
        there: &[[f64; 3]],
        bounds: VoxelBox,
        mm: f64,
        spacing: [f64; 3],
        moved: [f64; 3],
    ) -> Mask {
        let mut near = Mask::empty(bounds);
        for voxel in voxels_of(bounds) {
            let at = voxel.to_array();
            let is_near = there.iter().any(|to| {
                let away = (0..3).map(|axis| (at[axis] as f64 - moved[axis] - to[axis]) * spacing[axis]);
                away.map(|mm| mm * mm).sum::<f64>().sqrt() <= mm * (1.0 + 1e-10)
            });
            if is_near {
                near.insert(voxel);
            }
        }
        near
    }

    fn places(mask: &Mask) -> Vec<[f64; 3]> {
        let there = voxels_of(mask.bounds()).filter(|voxel| mask.contains(*voxel));
        there.map(|voxel| voxel.to_array().map(|n| n as f64)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn margins_hold_every_voxel_within_reach_and_no_other(
            mask in any_mask([70, 7, 7]),
            spacing in any_spacing(),
            mm in prop::sample::select(vec![0.3, 0.7, 1.4, 2.0, 2.1, 3.0, 4.9]),
        ) {
            let bounds = mask.bounds();
            let check = |found: Result<Mask, Cancelled>, expected: &Mask| {
                assert_eq!(&found.expect("not cancelled"), expected);
            };
            let wide = slowly_near(&places(&mask), bounds, mm, spacing, [0.0; 3]);
            check(grown(&mask, mm, spacing, &Unwatched), &wide);
            let by_distance = voxels_within(&mask, spacing, square_of(mm), &Unwatched);
            assert_eq!(by_distance.expect("not cancelled"), wide);
            let mut left = mask.clone();
            left.subtract(&slowly_near(&places(&mask.complement()), bounds, mm, spacing, [0.0; 3]));
            check(shrunk(&mask, mm, spacing, &Unwatched), &left);
            check(opened(&mask, mm, spacing, &Unwatched), &slowly_near(&places(&left), bounds, mm, spacing, [0.0; 3]));
            let mut around = wide.clone();
            around.subtract(&mask);
            check(hollow(&mask, mm, Wall::Outside, spacing, &Unwatched), &around);
            let mut within = mask.clone();
            within.subtract(&left);
            check(hollow(&mask, mm, Wall::Inside, spacing, &Unwatched), &within);
        }

        #[test]
        fn closing_fills_what_no_ball_beside_the_mask_covers(
            mask in any_mask([20, 5, 5]),
            spacing in any_spacing(),
            mm in prop::sample::select(vec![0.7, 1.4, 2.1, 3.0]),
        ) {
            let bounds = mask.bounds();
            let dims = bounds.dims();
            let reach = reach_of(mm, spacing, [9999; 3]);
            let room: [usize; 3] = std::array::from_fn(|axis| if dims[axis] == 1 { 0 } else { reach[axis] });
            let moved: [f64; 3] = std::array::from_fn(|axis| 2.0 * room[axis] as f64 - bounds.min[axis] as f64);
            let all = VoxelBox { min: [0; 3], max: std::array::from_fn(|axis| dims[axis] + 4 * room[axis]) };
            let wide = slowly_near(&places(&mask), all, mm, spacing, moved);
            let back = moved.map(|by| -by);
            let mut closed = Mask::full(bounds);
            closed.subtract(&slowly_near(&places(&wide.complement()), bounds, mm, spacing, back));
            prop_assert_eq!(super::closed(&mask, mm, spacing, &Unwatched).expect("not cancelled"), closed);
        }
    }

    #[test]
    fn a_hole_in_a_picture_is_closed_by_discs() {
        let mut mask = Mask::empty(VoxelBox { min: [0; 3], max: [40, 40, 1] });
        for (i, j) in (0..40usize).flat_map(|j| (0..40usize).map(move |i| (i, j))) {
            let squared = i.abs_diff(20).pow(2) + j.abs_diff(20).pow(2);
            if (9..=196).contains(&squared) {
                mask.insert(VoxelIndex::new(i, j, 0));
            }
        }
        for (mm, is_closed) in [(2.0, false), (4.0, true)] {
            let closed = closed(&mask, mm, [1.0; 3], &Unwatched).expect("not cancelled");
            assert_eq!(closed.contains(VoxelIndex::new(20, 20, 0)), is_closed, "{mm}");
        }
    }

    #[test]
    fn a_great_margin_is_a_ball() {
        let bounds = VoxelBox { min: [2, 3, 4], max: [130, 103, 104] };
        let mut mask = Mask::empty(bounds);
        mask.insert(VoxelIndex::new(60, 50, 50));
        let (mm, spacing) = (41.0, [0.8, 1.0, 0.9]);
        let ball = grown(&mask, mm, spacing, &Unwatched).expect("not cancelled");
        assert_eq!(ball, slowly_near(&places(&mask), bounds, mm, spacing, [0.0; 3]));
    }
}
