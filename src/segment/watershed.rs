//! The basin under the pointer: what an adaptive brush paints.

use super::steepness::{STEEPEST, steepness};
use crate::geometry::{VoxelBox, VoxelIndex};
use crate::volume::{Mask, Volume};

/// The catchment basin of a voxel among the steepness of the values in a box around it (Vincent & Soille,
/// IEEE TPAMI 13 (1991) 583, with basins merged by depth as in ITK-SNAP's adaptive brush): the picture is
/// flooded from low to steep, and where two basins meet they become one unless both are deeper than
/// `depth`, a part from 0 to 1 of the greatest steepness. A greater depth takes in more. Small boxes only:
/// it costs a sort of the box. Nothing where the voxel lies outside the box or was not scanned.
pub fn basin(volume: &Volume, time: usize, bounds: VoxelBox, voxel: VoxelIndex, depth: f64) -> Mask {
    let mut mask = Mask::empty(bounds);
    let dims @ [ni, nj, _] = bounds.dims();
    let at = voxel.to_array();
    let is_inside = (0..3).all(|axis| (bounds.min[axis]..bounds.max[axis]).contains(&at[axis]));
    if !is_inside || volume.is_missing(voxel.k) {
        return mask;
    }
    let heights = steepness(volume, time, bounds);
    let depth = depth.clamp(0.0, 1.0) * f64::from(STEEPEST);
    let place_of = |at: usize| [at % ni, at / ni % nj, at / ni / nj];
    let is_dry = |at: usize| volume.is_missing(bounds.min[2] + place_of(at)[2]);
    let mut order: Vec<usize> = (0..heights.len()).filter(|at| !is_dry(*at)).collect();
    order.sort_by_key(|at| heights[*at]);
    let mut basins = Basins::new(heights.len());
    for at in order {
        let place = place_of(at);
        basins.begin(at, heights[at]);
        // The deepest neighbour takes the voxel in; the others then meet it over the voxel.
        let mut around: Vec<usize> = Vec::with_capacity(6);
        for (axis, step) in [1, ni, ni * nj].into_iter().enumerate() {
            around.extend((place[axis] > 0).then(|| at - step).filter(|next| basins.is_flooded(*next)));
            around.extend(
                (place[axis] + 1 < dims[axis]).then(|| at + step).filter(|next| basins.is_flooded(*next)),
            );
        }
        around.sort_by_key(|next| basins.floor(*next));
        for (nth, next) in around.into_iter().enumerate() {
            let shallower = basins.floor(at).max(basins.floor(next));
            if nth == 0 || f64::from(heights[at] - shallower) <= depth {
                basins.join(at, next);
            }
        }
    }
    let [i, j, k]: [usize; 3] = std::array::from_fn(|axis| at[axis] - bounds.min[axis]);
    let wanted = basins.root((k * nj + j) * ni + i);
    for at in 0..heights.len() {
        if basins.is_flooded(at) && basins.root(at) == wanted {
            let [i, j, k] = place_of(at);
            mask.insert(VoxelIndex::new(bounds.min[0] + i, bounds.min[1] + j, bounds.min[2] + k));
        }
    }
    mask
}

/// Basins as trees of voxels, with the lowest place of each at its root.
struct Basins {
    parents: Vec<usize>,
    floors: Vec<u8>,
}

const DRY: usize = usize::MAX;

impl Basins {
    fn new(count: usize) -> Self {
        Self { parents: vec![DRY; count], floors: vec![0; count] }
    }

    fn begin(&mut self, at: usize, height: u8) {
        (self.parents[at], self.floors[at]) = (at, height);
    }

    fn is_flooded(&self, at: usize) -> bool {
        self.parents[at] != DRY
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.parents[at] != at {
            self.parents[at] = self.parents[self.parents[at]];
            at = self.parents[at];
        }
        at
    }

    fn floor(&mut self, at: usize) -> u8 {
        let root = self.root(at);
        self.floors[root]
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        let floor = self.floors[a].min(self.floors[b]);
        self.parents[b] = a;
        self.floors[a] = floor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Affine, Grid};
    use crate::volume::{Buffer, Rescale, Samples};

    /// Three plateaus along i, from 0 to 9, 10 to 19 and 20 to 29: a low step between the first two and a
    /// high one before the last.
    fn plateaus() -> Volume {
        let rows = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
        let grid = Grid::new([30, 8, 6], Affine::from_rows(rows).expect("an affine"), None).expect("a grid");
        let sample = |n: usize| [0i16, 40, 240][n % 30 / 10];
        let samples: Vec<i16> = (0..30 * 8 * 6).map(sample).collect();
        let samples = Samples::I16(Buffer::from_slice(&samples).expect("memory"));
        Volume::new(grid, 1, samples, Rescale::NONE).expect("a volume")
    }

    /// The columns that the basin of a voxel covers, each wholly.
    #[track_caller]
    fn check(i: usize, depth: f64, least: std::ops::Range<usize>, most: std::ops::Range<usize>) {
        let volume = plateaus();
        let bounds = volume.grid().bounds();
        let found = basin(&volume, 0, bounds, VoxelIndex::new(i, 4, 3), depth);
        for at in 0..30 {
            let column = VoxelBox { min: [at, 0, 0], max: [at + 1, 8, 6] };
            let count = found.within(column).count();
            assert!(!least.contains(&at) || count == 48, "column {at} is missing at depth {depth}");
            assert!(most.contains(&at) || count == 0, "column {at} is too much at depth {depth}");
        }
    }

    #[test]
    fn basins_end_at_steps_higher_than_their_depth() {
        check(4, 0.05, 0..9, 0..11);
        check(14, 0.05, 11..19, 9..21);
        check(4, 0.5, 0..19, 0..21);
        check(25, 0.5, 21..30, 19..30);
        check(4, 1.0, 0..30, 0..30);
    }

    #[test]
    fn nothing_is_found_outside_the_box_or_where_nothing_was_scanned() {
        let bounds = VoxelBox { min: [0; 3], max: [10, 8, 6] };
        assert!(basin(&plateaus(), 0, bounds, VoxelIndex::new(12, 4, 3), 0.5).is_empty());
        let holed = plateaus().with_missing_slices(vec![3]).expect("a hole");
        assert!(basin(&holed, 0, bounds, VoxelIndex::new(2, 4, 3), 0.5).is_empty());
        let beside = basin(&holed, 0, bounds, VoxelIndex::new(2, 4, 2), 0.5);
        assert!(beside.contains(VoxelIndex::new(2, 4, 1)) && !beside.contains(VoxelIndex::new(2, 4, 4)));
    }
}
