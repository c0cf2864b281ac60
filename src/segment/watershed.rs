//! The basins under the pointer: what an adaptive brush paints.

use super::steepness::{STEEPEST, values_and_steepness};
use crate::geometry::{VoxelBox, VoxelIndex};
use crate::volume::{Mask, Volume};

/// The catchment basins that hold some voxels, among the steepness of the values in a box around them
/// (Vincent & Soille, IEEE TPAMI 13 (1991) 583, with basins merged by depth as in ITK-SNAP's adaptive
/// brush): the picture is flooded from low to steep, a voxel between basins goes to the neighbour that has
/// most nearly its value, and where two basins meet they become one unless both are deeper than `depth`, a
/// part from 0 to 1 of the greatest steepness. A greater depth takes in more. Costs a sort of the box. Voxels outside the box or not scanned hold nothing.
pub fn basins(volume: &Volume, time: usize, bounds: VoxelBox, of: &[VoxelIndex], depth: f64) -> Mask {
    let mut mask = Mask::empty(bounds);
    let dims @ [ni, nj, _] = bounds.dims();
    // A border that stays dry spares looking for the ends of rows.
    let [row, slice] = [ni + 2, (ni + 2) * (nj + 2)];
    let place_of = |voxel: VoxelIndex| {
        let [i, j, k] = std::array::from_fn(|axis| voxel.to_array()[axis] - bounds.min[axis] + 1);
        k * slice + j * row + i
    };
    let is_wet = |voxel: &&VoxelIndex| bounds.contains(**voxel) && !volume.is_missing_at(voxel.k, time);
    let wanted: Vec<usize> = of.iter().filter(is_wet).map(|voxel| place_of(*voxel)).collect();
    if wanted.is_empty() {
        return mask;
    }
    let (values, heights) = values_and_steepness(volume, time, bounds);
    let depth = (depth.clamp(0.0, 1.0) * f64::from(STEEPEST)) as u8;
    let rows = |k: usize| (bounds.min[1]..bounds.max[1]).map(move |j| VoxelIndex::new(bounds.min[0], j, k));
    let rows = (bounds.min[2]..bounds.max[2]).flat_map(rows);
    let places = rows.zip(heights.chunks(ni)).filter(|(start, _)| !volume.is_missing_at(start.k, time));
    let places = places.flat_map(|(start, heights)| (place_of(start) as u32..).zip(heights.iter().copied()));
    let mut basins = Basins::new(dims.map(|n| n + 2).into_iter().product());
    let mut value_at = vec![0f32; basins.floors.len()];
    for (nth, values) in values.chunks(ni).enumerate() {
        let start = (nth / nj + 1) * slice + (nth % nj + 1) * row + 1;
        value_at[start..start + ni].copy_from_slice(values);
    }
    for (at, height) in by_height(places, heights.len()) {
        let at = at as usize;
        basins.begin(at, height);
        // The neighbour most like it takes the voxel in; the others then meet it over the voxel.
        let mut around = [(0f32, 0usize); 6];
        let mut count = 0;
        for next in [at - 1, at + 1, at - row, at + row, at - slice, at + slice] {
            if basins.is_flooded(next) {
                around[count] = ((value_at[next] - value_at[at]).abs(), next);
                count += 1;
            }
        }
        let around = &mut around[..count];
        around.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
        for (nth, (_, next)) in around.iter().enumerate() {
            let (ours, theirs) = (basins.root(at), basins.root(*next));
            let shallower = basins.floors[ours].max(basins.floors[theirs]);
            if ours != theirs && (nth == 0 || height - shallower <= depth) {
                basins.join(ours, theirs);
            }
        }
    }
    let mut is_wanted = vec![false; basins.floors.len()];
    for at in wanted {
        is_wanted[basins.root(at)] = true;
    }
    for k in bounds.min[2]..bounds.max[2] {
        for j in bounds.min[1]..bounds.max[1] {
            let start = place_of(VoxelIndex::new(bounds.min[0], j, k));
            let words = mask.row_mut(j, k);
            for i in 0..ni {
                let at = start + i;
                if basins.is_flooded(at) && is_wanted[basins.root(at)] {
                    words[i / 64] |= 1 << (i % 64);
                }
            }
        }
    }
    mask
}

/// Places with their heights, from low to steep; of equals the first one first.
fn by_height(places: impl Iterator<Item = (u32, u8)> + Clone, most: usize) -> Vec<(u32, u8)> {
    let mut starts = [0usize; 256];
    places.clone().for_each(|(_, height)| starts[usize::from(height)] += 1);
    let mut sum = 0;
    for start in &mut starts {
        sum += std::mem::replace(start, sum);
    }
    let mut order = vec![(0, 0); most];
    for place in places {
        let start = &mut starts[usize::from(place.1)];
        order[*start] = place;
        *start += 1;
    }
    order.truncate(sum);
    order
}

/// Basins as trees of voxels, with the lowest place of each at its root.
struct Basins {
    parents: Vec<u32>,
    floors: Vec<u8>,
}

const DRY: u32 = u32::MAX;

impl Basins {
    fn new(count: usize) -> Self {
        Self { parents: vec![DRY; count], floors: vec![0; count] }
    }

    fn begin(&mut self, at: usize, height: u8) {
        (self.parents[at], self.floors[at]) = (at as u32, height);
    }

    fn is_flooded(&self, at: usize) -> bool {
        self.parents[at] != DRY
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.parents[at] as usize != at {
            self.parents[at] = self.parents[self.parents[at] as usize];
            at = self.parents[at] as usize;
        }
        at
    }

    /// Makes one tree of two, given by their roots.
    fn join(&mut self, a: usize, b: usize) {
        self.floors[b] = self.floors[a].min(self.floors[b]);
        self.parents[a] = b as u32;
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
        let found = basins(&volume, 0, bounds, &[VoxelIndex::new(i, 4, 3)], depth);
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
        assert!(basins(&plateaus(), 0, bounds, &[VoxelIndex::new(12, 4, 3)], 0.5).is_empty());
        let holed = plateaus().with_missing_slices(vec![3]).expect("a hole");
        assert!(basins(&holed, 0, bounds, &[VoxelIndex::new(2, 4, 3)], 0.5).is_empty());
        let beside = basins(&holed, 0, bounds, &[VoxelIndex::new(2, 4, 2)], 0.5);
        assert!(beside.contains(VoxelIndex::new(2, 4, 1)) && !beside.contains(VoxelIndex::new(2, 4, 4)));
    }
}
