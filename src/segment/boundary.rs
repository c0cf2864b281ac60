//! A mask's boundary, decided anew by the values on either side of it.
//!
//! What lies deep inside stays object, what lies far outside stays background; a band along the boundary is
//! decided between them.

use rayon::prelude::*;
use serde::Deserialize;

use super::dilate::reach_of;
use super::memory::out_of_memory;
use super::refine::{Field, Refinement};
use super::{Cancelled, Components, Connectivity, Progress, graph_cut, random_walker, shrunk};
use crate::geometry::{Grid, Patient, Point, VoxelBox, VoxelIndex};
use crate::progress::Part;
use crate::volume::{DistanceError, DistanceMap, Mask, Volume};

/// By what a boundary is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decider {
    /// The boundary that costs least: [`graph_cut()`].
    GraphCut,
    /// Where a walker that prefers even ground arrives first: [`random_walker()`].
    RandomWalker,
}

/// What is decided anew of a boundary, and by what.
#[derive(Clone, Copy, Debug)]
pub struct BoundaryBand {
    /// As far to either side of the boundary, in millimetres between voxel centres.
    pub within_mm: f64,
    /// Only within so many millimetres of a point; everywhere where it is not told.
    pub near: Option<(Point<Patient>, f64)>,
    /// By what.
    pub decider: Decider,
}

/// Why a boundary could not be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoundaryError {
    /// Nothing of it lies there, or all of it is to stay.
    #[error("no boundary lies there")]
    Nowhere,
    /// A box of so many voxels would have to be decided.
    #[error("its box of {0} voxels is more than fits into memory")]
    TooLarge(usize),
    /// It was called off.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Voxels of the largest box that is decided at once; each takes some 50 bytes.
pub const MOST_BOUNDARY_VOXELS: usize = 20_000_000;

/// The mask with its boundary decided anew. The voxels of `kept` stay as they are, and so does each part of
/// the mask or of what surrounds it, however thin, at its deepest place. The mask's box is the whole grid.
/// A large boundary is decided in stacks of slices that overlap, so that memory stays bounded.
pub fn refined(
    volume: &Volume,
    time: usize,
    mask: &Mask,
    kept: &Mask,
    band: &BoundaryBand,
    progress: &dyn Progress,
) -> Result<Mask, BoundaryError> {
    let grid = volume.grid();
    let sides = Sides::of(grid, mask, kept, band, &Part::new(progress, 0.0, 0.2))?;
    let stacks = sides.stacks(reach(grid, band.within_mm)[2], MOST_BOUNDARY_VOXELS)?;
    let mut refined = mask.clone();
    for (nth, [own, seen]) in stacks.iter().enumerate() {
        let done = |n: usize| 0.2 + 0.8 * n as f32 / stacks.len() as f32;
        let progress = Part::new(progress, done(nth), done(nth + 1));
        progress.go_on(0.0)?;
        let Some((object, background)) = sides.certain(*seen) else { continue };
        let field = Field::of(&Refinement { volume, time, object: &object, background: &background });
        let step = usual_step(&field);
        let mut found = match band.decider {
            Decider::GraphCut => graph_cut::cut(&field, step, &progress)?,
            Decider::RandomWalker => random_walker::walk(&field, -0.5 / (step * step), &progress)?,
        };
        let place = place(grid, own.intersection(&found.bounds()), band.near);
        found.intersect(&place);
        refined.subtract(&place);
        refined.unite(&found);
    }
    Ok(refined)
}

/// How far a band reaches along each axis, in voxels, and one more.
fn reach(grid: &Grid, within_mm: f64) -> [usize; 3] {
    reach_of(within_mm, grid.spacing_mm(), grid.dims()).map(|n| n + 1)
}

/// A mask and what is beside it, in a box around what is to be decided of them.
struct Sides {
    here: Mask,
    beside: Mask,
    open: Mask,
}

impl Sides {
    fn of(
        grid: &Grid,
        mask: &Mask,
        kept: &Mask,
        band: &BoundaryBand,
        progress: &dyn Progress,
    ) -> Result<Self, BoundaryError> {
        let (spacing, reach) = (grid.spacing_mm(), reach(grid, band.within_mm));
        let mut around = mask.tight_bounds().ok_or(BoundaryError::Nowhere)?.grown(reach);
        // The rim of what is decided pulls at the boundary: it lies a little beyond what is taken.
        let wider = band.near.map(|(centre, radius_mm)| (centre, radius_mm + band.within_mm));
        if let Some((centre, radius_mm)) = wider {
            around = around.intersection(&box_around(grid, centre, radius_mm).grown(reach));
        }
        let here = mask.within(around.intersection(&grid.bounds()));
        if here.bounds().is_empty() {
            return Err(BoundaryError::Nowhere);
        }
        let beside = here.complement();
        let part = |from, to| Part::new(progress, from, to);
        let mut inside = shrunk(&here, band.within_mm, spacing, &part(0.0, 0.3))?;
        let mut outside = shrunk(&beside, band.within_mm, spacing, &part(0.3, 0.6))?;
        inside.unite(&deepest(&here, &inside, spacing, &part(0.6, 0.8))?);
        outside.unite(&deepest(&beside, &outside, spacing, &part(0.8, 1.0))?);
        let mut open = Mask::full(here.bounds());
        open.subtract(&inside);
        open.subtract(&outside);
        open.subtract(kept);
        open.intersect(&place(grid, here.bounds(), wider));
        let mut taken = open.clone();
        taken.intersect(&place(grid, here.bounds(), band.near));
        if taken.is_empty() { Err(BoundaryError::Nowhere) } else { Ok(Self { here, beside, open }) }
    }

    /// The boxes to decide one after another, of at most so many voxels: what is taken of each, and what is
    /// seen, some slices more at either end.
    fn stacks(&self, overlap: usize, most: usize) -> Result<Vec<[VoxelBox; 2]>, BoundaryError> {
        let Some(bounds) = self.open.tight_bounds() else { return Ok(Vec::new()) };
        let [ni, nj, nk] = bounds.grown([1; 3]).intersection(&self.here.bounds()).dims();
        let slices = most / (ni * nj);
        if slices >= nk {
            return Ok(vec![[bounds; 2]]);
        }
        let least = (2 * overlap + 3).min(nk);
        if slices < least {
            return Err(BoundaryError::TooLarge(ni * nj * least));
        }
        let stack = |first: usize| {
            let part = |from: usize, to: usize| VoxelBox {
                min: [bounds.min[0], bounds.min[1], from.max(bounds.min[2])],
                max: [bounds.max[0], bounds.max[1], to.min(bounds.max[2])],
            };
            let end = first + slices - 2 * overlap - 2;
            [part(first, end), part(first.saturating_sub(overlap), end + overlap)]
        };
        Ok((bounds.min[2]..bounds.max[2]).step_by(slices - 2 * overlap - 2).map(stack).collect())
    }

    /// What certainly belongs to the mask and what certainly does not, around what is open in a box; `None`
    /// where nothing is.
    fn certain(&self, part: VoxelBox) -> Option<(Mask, Mask)> {
        let open = self.open.within(part);
        let bounds = open.tight_bounds()?.grown([1; 3]).intersection(&self.here.bounds());
        let certain = |side: &Mask| {
            let mut certain = side.within(bounds);
            certain.subtract(&open);
            certain
        };
        Some((certain(&self.here), certain(&self.beside)))
    }
}

/// Of each part that holds nothing of the core, the voxels that lie deepest.
fn deepest(
    mask: &Mask,
    core: &Mask,
    spacing_mm: [f64; 3],
    progress: &dyn Progress,
) -> Result<Mask, Cancelled> {
    let parts = Components::of(mask, Connectivity::TwentySix, progress)?;
    let mut has_core = vec![false; parts.count()];
    core.for_each_run(|i, j, k| {
        if let Some(part) = parts.at(VoxelIndex { i: i.start, j, k }) {
            has_core[part] = true;
        }
    });
    let thin = parts.mask(|part| !has_core[part]);
    let mut found = Mask::empty(mask.bounds());
    let Some(tight) = thin.tight_bounds() else { return Ok(found) };
    let bounds = tight.grown([1; 3]).intersection(&mask.bounds());
    let depths = match DistanceMap::to(&mask.within(bounds).complement(), spacing_mm, progress) {
        Ok(depths) => depths,
        Err(DistanceError::Cancelled(cancelled)) => return Err(cancelled),
        Err(DistanceError::Memory(_)) => out_of_memory::<f32>(bounds.dims().iter().product()),
    };
    let mut greatest = vec![0f32; parts.count()];
    let mut for_each = |visit: &mut dyn FnMut(VoxelIndex, &mut f32, f32)| {
        thin.for_each_run(|i, j, k| {
            let Some(part) = parts.at(VoxelIndex { i: i.start, j, k }) else { return };
            for i in i {
                let voxel = VoxelIndex { i, j, k };
                visit(voxel, &mut greatest[part], depths.at(voxel));
            }
        });
    };
    for_each(&mut |_, greatest, depth| *greatest = greatest.max(depth));
    for_each(&mut |voxel, greatest, depth| {
        if depth == *greatest {
            found.insert(voxel);
        }
    });
    Ok(found)
}

/// The voxels of the grid around a ball.
fn box_around(grid: &Grid, centre: Point<Patient>, radius_mm: f64) -> VoxelBox {
    let map = grid.voxel_from_patient();
    let place = (map * centre).to_array();
    // Along axis n a ball reaches as far as the row n of the inverse is long.
    let rows = map.raw().matrix3.transpose();
    let span: [[f64; 2]; 3] = std::array::from_fn(|axis| {
        let reach = rows.col(axis).length() * radius_mm;
        [(place[axis] - reach).ceil().max(0.0), (place[axis] + reach).floor() + 1.0]
    });
    let most = grid.dims();
    VoxelBox {
        min: std::array::from_fn(|axis| (span[axis][0] as usize).min(most[axis])),
        max: std::array::from_fn(|axis| (span[axis][1].max(0.0) as usize).min(most[axis])),
    }
}

/// The voxels of a box whose centres lie in a ball; all of them where there is none.
fn place(grid: &Grid, bounds: VoxelBox, near: Option<(Point<Patient>, f64)>) -> Mask {
    let Some((centre, radius_mm)) = near else { return Mask::full(bounds) };
    let mut ball = Mask::empty(bounds);
    let around = box_around(grid, centre, radius_mm).intersection(&bounds);
    for k in around.min[2]..around.max[2] {
        for j in around.min[1]..around.max[1] {
            for voxel in (around.min[0]..around.max[0]).map(|i| VoxelIndex { i, j, k }) {
                if grid.centre_of(voxel).distance(centre) <= radius_mm * (1.0 + 1e-9) {
                    ball.insert(voxel);
                }
            }
        }
    }
    ball
}

/// A step between neighbours that is no boundary yet: the usual one, as noise makes it, of those that are to
/// be decided. Where hardly anything differs it is a part of the root mean square.
fn usual_step(field: &Field) -> f64 {
    let [ni, nj, _] = field.dims;
    let steps = [1, ni, ni * nj];
    let open = (0..field.values.len()).into_par_iter().filter(|at| field.certain[*at].is_none());
    let mut found: Vec<f32> = open
        .flat_map_iter(|at| {
            let values = &field.values;
            let place = [at % ni, at / ni % nj, at / ni / nj];
            let next = (0..3).filter(move |axis| place[*axis] + 1 < field.dims[*axis]);
            next.map(move |axis| (values[at + steps[axis]] - values[at]).abs())
        })
        .collect();
    if found.is_empty() {
        return 1.0;
    }
    let squares: f64 = found.iter().map(|step| f64::from(*step).powi(2)).sum();
    let root = (squares / found.len() as f64).sqrt();
    let middle = found.len() / 2;
    let median = f64::from(*found.select_nth_unstable_by(middle, f32::total_cmp).1);
    // The median of a normal deviation's size is 0.6745 of it.
    let step = (median / 0.6745).max(root * LEAST_STEP);
    if step > 0.0 { step } else { 1.0 }
}

/// The least usual step, as a part of the root mean square of all.
const LEAST_STEP: f64 = 0.05;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Affine;
    use crate::segment::Unwatched;
    use crate::volume::{Buffer, Rescale, Samples};

    /// Bright where i lies from 10 to 29; voxels of 1 × 1 × 2 mm.
    fn slab() -> Volume {
        let rows = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]];
        let grid = Grid::new([40, 12, 6], Affine::from_rows(rows).expect("an affine"), None).expect("a grid");
        let sample = |n: usize| if (10..30).contains(&(n % 40)) { 500i16 } else { (n * 7 % 5) as i16 };
        let samples: Vec<i16> = (0..grid.voxel_count()).map(sample).collect();
        let samples = Samples::I16(Buffer::from_slice(&samples).expect("memory"));
        Volume::new(grid, 1, samples, Rescale::NONE).expect("a volume")
    }

    /// A block over all j and k.
    fn block(i: std::ops::Range<usize>) -> Mask {
        let bounds = slab().grid().bounds();
        Mask::full(VoxelBox { min: [i.start, 0, 0], max: [i.end, 12, 6] }).within(bounds)
    }

    fn decided(mask: &Mask, within_mm: f64, decider: Decider) -> Result<Mask, BoundaryError> {
        let none = Mask::empty(mask.bounds());
        let band = BoundaryBand { within_mm, near: None, decider };
        refined(&slab(), 0, mask, &none, &band, &Unwatched)
    }

    #[test]
    fn a_boundary_moves_to_the_edge_as_far_as_the_band_reaches() {
        for decider in [Decider::GraphCut, Decider::RandomWalker] {
            assert_eq!(decided(&block(12..28), 3.0, decider), Ok(block(10..30)), "{decider:?}");
            assert_eq!(decided(&block(8..32), 3.0, decider), Ok(block(10..30)), "{decider:?}");
            // The edge at 10 lies beyond the band, which ends at 13.
            let cut_short = decided(&block(16..30), 3.0, decider).expect("a boundary");
            assert_eq!(cut_short.within(block(0..13).tight_bounds().expect("a block")).count(), 0);
        }
        assert_eq!(decided(&block(0..40), 3.0, Decider::GraphCut), Err(BoundaryError::Nowhere));
        assert_eq!(decided(&block(0..0), 3.0, Decider::GraphCut), Err(BoundaryError::Nowhere));
    }

    #[test]
    fn stacks_cover_every_slice_once_and_are_no_larger_than_allowed() {
        let (mask, none) = (block(12..28), Mask::empty(slab().grid().bounds()));
        let band = BoundaryBand { within_mm: 3.0, near: None, decider: Decider::GraphCut };
        let sides = Sides::of(slab().grid(), &mask, &none, &band, &Unwatched).expect("a boundary");
        let slices = |most: usize| {
            let stacks = sides.stacks(1, most).expect("room enough");
            let seen = stacks.iter().map(|[_, seen]| seen.dims().into_iter().product::<usize>());
            assert!(seen.max() <= Some(most));
            let own = stacks.iter().map(|[own, _]| own.min[2]..own.max[2]);
            assert!(own.clone().flatten().eq(0..6), "{most}: {stacks:?}");
            own.count()
        };
        let section = 24 * 12;
        assert_eq!([6, 5].map(|n| slices(n * section)), [1, 6]);
        assert_eq!(sides.stacks(1, 4 * section), Err(BoundaryError::TooLarge(5 * section)));
    }

    #[test]
    fn parts_thinner_than_the_band_grow_from_their_middle() {
        // To the right the values say nothing: one takes all of the band, the other half of it.
        for (decider, reached) in [(Decider::GraphCut, 10..17), (Decider::RandomWalker, 10..15)] {
            assert_eq!(decided(&block(11..14), 3.0, decider), Ok(block(reached)), "{decider:?}");
        }
    }

    #[test]
    fn what_is_kept_and_what_is_far_from_the_place_stays() {
        let (mask, kept) = (block(12..28), block(10..11));
        let near = Some((Point::new(28.0, 5.0, 4.0), 4.5));
        for (near, left, right) in [(None, 11, 30), (near, 12, 30)] {
            let band = BoundaryBand { within_mm: 3.0, near, decider: Decider::GraphCut };
            let found = refined(&slab(), 0, &mask, &kept, &band, &Unwatched).expect("a boundary");
            let row = |i: usize| found.contains(VoxelIndex::new(i, 5, 2));
            assert_eq!(((0..20).find(|i| row(*i)), (20..40).find(|i| !row(*i))), (Some(left), Some(right)));
        }
    }
}
