//! The line of a contour where it runs along edges.

use std::cell::RefCell;

use super::Desk;
use super::contour::simplified;
use crate::geometry::{Patient, Point, VoxelBox, VoxelIndex};
use crate::segment::{Livewire, Unwatched};
use crate::view::View;

/// Paths from the last point of a contour, found once for a point and a slice.
#[derive(Debug, Default)]
pub(super) struct Wire {
    found: RefCell<Option<Found>>,
}

#[derive(Debug)]
struct Found {
    anchor: VoxelIndex,
    axis: usize,
    time: usize,
    bounds: VoxelBox,
    paths: Livewire,
}

/// Paths are first looked for as far as this from their anchor, in voxels, then twice as far and so on.
const NEAR: usize = 128;
/// Never further than this: beyond, the line is straight.
const FAR: usize = 512;
/// A path keeps the corners that lie further from the line between others than this part of a voxel.
const SLACK_VOXELS: f64 = 0.6;

impl Wire {
    /// The corners of the way along edges from one point to another on the slice that a view shows, both
    /// left out; `None` where it shows no slice of the grid. Corners nearer than `slack_mm` to the line
    /// between others are left out, too.
    pub(super) fn corners(
        &self,
        [from, to]: [Point<Patient>; 2],
        slack_mm: f64,
        view: &View,
        desk: &Desk<'_>,
    ) -> Option<Vec<Point<Patient>>> {
        let (family, slice) = view.slice?;
        let (axis, grid) = (family.slice_axis, desk.case.volume().grid());
        let voxel_at = |point: Point<Patient>| {
            let mut at = grid.clamped_index_at(point).to_array();
            at[axis] = slice;
            at
        };
        let (anchor, wanted) = (voxel_at(from), voxel_at(to));
        let apart = (0..3).map(|axis| anchor[axis].abs_diff(wanted[axis])).max().unwrap_or(0);
        let reach = (0..).map(|n| NEAR << n).find(|reach| *reach >= apart.min(FAR)).unwrap_or(FAR);
        let mut around = VoxelBox { min: anchor, max: anchor.map(|n| n + 1) }.grown([reach; 3]);
        (around.min[axis], around.max[axis]) = (slice, slice + 1);
        let bounds = around.intersection(&grid.bounds());
        let [i, j, k] = anchor;
        let mut found = self.found.borrow_mut();
        self.look(&mut found, VoxelIndex { i, j, k }, axis, bounds, desk);
        let Found { bounds, paths, .. } = found.as_ref()?;
        let [i, j, k] =
            std::array::from_fn(|axis| wanted[axis].clamp(bounds.min[axis], bounds.max[axis] - 1));
        let path = paths.path_to(VoxelIndex { i, j, k });
        // Where the path ends before the pointer, its end is a corner.
        let end = if [i, j, k] == wanted { path.len().saturating_sub(1) } else { path.len() };
        let between = path.get(1..end).unwrap_or_default();
        let centres = between.iter().map(|voxel| view.plane.project(grid.centre_of(*voxel)));
        let line: Vec<_> = [from].into_iter().chain(centres).chain([to]).collect();
        let finest = (0..3).filter(|other| *other != axis).map(|other| grid.spacing_mm()[other]);
        let slack_mm = slack_mm.max(SLACK_VOXELS * finest.fold(f64::INFINITY, f64::min));
        let line = simplified(&line, slack_mm);
        Some(line[1..line.len() - 1].to_vec())
    }

    /// Finds the paths from an anchor that reach all of a box, unless they are known.
    fn look(
        &self,
        found: &mut Option<Found>,
        anchor: VoxelIndex,
        axis: usize,
        bounds: VoxelBox,
        desk: &Desk<'_>,
    ) {
        let time = desk.display.time;
        let is_known = found.as_ref().is_some_and(|found| {
            (found.anchor, found.axis, found.time) == (anchor, axis, time)
                && found.bounds.union(&bounds) == found.bounds
        });
        if !is_known {
            let paths = Livewire::new(desk.case.volume(), time, bounds, anchor, &Unwatched).ok().flatten();
            *found = paths.map(|paths| Found { anchor, axis, time, bounds, paths });
        }
    }
}
