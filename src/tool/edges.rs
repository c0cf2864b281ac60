//! A brush that ends at edges: which voxels under it lie on the pointer's side.

use super::sweep::{Footprint, Sweep, half_depth};
use super::{Desk, VoxelRun};
use crate::geometry::{Grid, VoxelIndex};
use crate::segment::basins;
use crate::volume::{Mask, set_bits};

/// Voxels of the box of the largest tip that is held against the picture: some milliseconds of work.
const MOST_VOXELS: f64 = 400_000.0;
/// A way is looked at in parts no longer than this many radii, so that no box grows with the hand's speed.
const PART: f64 = 1.0;
/// A way through a grid has no more: what lies beyond it is not painted.
const MOST_PARTS: f64 = 1e5;

/// The greatest radius, in millimetres, with which edges are followed on a grid.
pub(super) fn greatest_radius_mm(grid: &Grid, footprint: Footprint) -> f64 {
    let side_mm = match footprint {
        Footprint::Ball => (MOST_VOXELS * grid.voxel_mm3()).cbrt(),
        Footprint::Disc { normal } => {
            (MOST_VOXELS * grid.voxel_mm3() / (2.0 * half_depth(grid, normal))).sqrt()
        }
    };
    side_mm / 2.0
}

/// The voxels of a sweep in the basins that its way passes through. `depth` tells how much a basin takes in.
pub(super) fn runs_this_side(sweep: &Sweep<'_>, depth: f64, desk: &Desk<'_>) -> Vec<VoxelRun> {
    let start = if sweep.is_swept() { sweep.from } else { sweep.to };
    // A brush thinner than a voxel is looked at voxel by voxel.
    let [x, y, z] = sweep.grid.spacing_mm();
    let part_mm = (sweep.radius_mm * PART).max(x.min(y).min(z));
    let parts = (start.distance(sweep.to) / part_mm).ceil().clamp(1.0, MOST_PARTS);
    let mut runs = Vec::new();
    for part in 0..parts as usize {
        let [from, to] = [part, part + 1].map(|end| start.lerp(sweep.to, end as f64 / parts));
        let part = Sweep { from, to, from_is_done: false, ..*sweep };
        let bounds = part.bounds();
        let mut passed = Vec::new();
        part.for_each_passed(|i, j, k| passed.push(VoxelIndex { i, j, k }));
        let mut covered = Mask::empty(bounds);
        part.for_each_run(|i, j, k| {
            set_bits(covered.row_mut(j, k), i.start - bounds.min[0]..i.end - bounds.min[0]);
        });
        covered.intersect(&basins(desk.case.volume(), desk.display.time, bounds, &passed, depth));
        covered.for_each_run(|i, j, k| runs.push(VoxelRun { i, j, k }));
    }
    runs
}
