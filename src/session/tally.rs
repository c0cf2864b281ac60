//! Counts that follow the masks: voxels per label, and which slices hold labels. Kept current brick
//! by brick, so that the cost follows what was painted.

use std::collections::{BTreeMap, HashMap};

use crate::case::Case;
use crate::volume::{BRICK_EDGE, Brick, BrickIndex};

/// What the masks hold.
#[derive(Debug, Default)]
pub(super) struct Tally {
    bricks: HashMap<(usize, BrickIndex), BrickTally>,
    seen: Vec<u64>,
    labels: BTreeMap<u16, LabelTally>,
    /// Per axis and slice, how many bricks have a label there.
    slices: [Vec<u32>; 3],
    annotated: [Vec<usize>; 3],
}

/// What the masks hold of one label.
#[derive(Debug, Default)]
struct LabelTally {
    voxels: u64,
    /// Per axis and slice, how many bricks have it there, and in how many slices there are any.
    slices: [Vec<u32>; 3],
    occupied: [usize; 3],
}

#[derive(Debug, Default, PartialEq)]
struct BrickTally {
    labels: Vec<(u16, InBrick)>,
}

/// What a brick holds of one label.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct InBrick {
    voxels: u64,
    /// Bit n is set where slice n of the brick holds it, per axis.
    slices: [u32; 3],
}

impl BrickTally {
    fn of(brick: &Brick) -> Self {
        let mut tally = Self::default();
        for row in 0..BRICK_EDGE * BRICK_EDGE {
            let labels = brick.row(row);
            let labelled = !Brick::places_of(labels, 0);
            Brick::for_each_label(labels, labelled, |label, places| {
                let found = tally.label(label);
                found.voxels += u64::from(places.count_ones());
                found.slices[0] |= places;
                found.slices[1] |= 1 << (row % BRICK_EDGE);
                found.slices[2] |= 1 << (row / BRICK_EDGE);
            });
        }
        tally
    }

    fn label(&mut self, label: u16) -> &mut InBrick {
        // A brick holds few labels, and mostly the one of the run before.
        let place = self.labels.iter().rposition(|(other, _)| *other == label);
        let place = place.unwrap_or_else(|| {
            self.labels.push((label, InBrick::default()));
            self.labels.len() - 1
        });
        &mut self.labels[place].1
    }

    /// The slices that hold any label, per axis.
    fn slices(&self) -> [u32; 3] {
        self.labels
            .iter()
            .fold([0; 3], |all, (_, found)| std::array::from_fn(|axis| all[axis] | found.slices[axis]))
    }
}

/// Counts a brick's slices in or out; gives by how much the number of occupied slices changed.
fn count(slices: &mut Vec<u32>, first: usize, bits: u32, up: bool) -> isize {
    slices.resize(slices.len().max(first + BRICK_EDGE), 0);
    let mut change = 0;
    for bit in (0..BRICK_EDGE).filter(|bit| bits >> bit & 1 == 1) {
        let count = &mut slices[first + bit];
        if up {
            change += isize::from(*count == 0);
            *count += 1;
        } else {
            *count -= 1;
            change -= isize::from(*count == 0);
        }
    }
    change
}

impl Tally {
    /// Takes in every brick that changed since the last call.
    pub(super) fn follow(&mut self, case: &Case) {
        let layers = case.layers().len();
        let mut changed = layers < self.seen.len();
        if changed {
            let gone: Vec<(usize, BrickIndex)> =
                self.bricks.keys().filter(|(number, _)| *number >= layers).copied().collect();
            for (number, index) in gone {
                if let Some(before) = self.bricks.remove(&(number, index)) {
                    self.add(&before, index, false);
                }
            }
        }
        self.seen.resize(layers, 0);
        for (number, layer) in case.layers().iter().enumerate() {
            if layer.revision() == self.seen[number] {
                continue;
            }
            for index in layer.changed_since(self.seen[number]) {
                let now = layer.brick(index).map(|brick| BrickTally::of(brick));
                if let Some(before) = self.bricks.remove(&(number, index)) {
                    self.add(&before, index, false);
                }
                if let Some(now) = now {
                    self.add(&now, index, true);
                    self.bricks.insert((number, index), now);
                }
            }
            self.seen[number] = layer.revision();
            changed = true;
        }
        if changed {
            for (annotated, slices) in self.annotated.iter_mut().zip(&self.slices) {
                *annotated =
                    slices.iter().enumerate().filter(|(_, count)| **count > 0).map(|(n, _)| n).collect();
            }
        }
    }

    fn add(&mut self, tally: &BrickTally, index: BrickIndex, up: bool) {
        let first = index.0.map(|n| n as usize * BRICK_EDGE);
        for (label, found) in &tally.labels {
            let total = self.labels.entry(*label).or_default();
            total.voxels = if up { total.voxels + found.voxels } else { total.voxels - found.voxels };
            let per_axis =
                total.slices.iter_mut().zip(&mut total.occupied).zip(first.into_iter().zip(found.slices));
            for ((slices, occupied), (first, bits)) in per_axis {
                *occupied = occupied.saturating_add_signed(count(slices, first, bits, up));
            }
        }
        for (axis, bits) in tally.slices().into_iter().enumerate() {
            count(&mut self.slices[axis], first[axis], bits, up);
        }
    }

    /// Voxels of a label over all layers.
    pub(super) fn voxels(&self, label: u16) -> u64 {
        self.labels.get(&label).map_or(0, |total| total.voxels)
    }

    /// In how many slices along a voxel axis a label is.
    pub(super) fn slices_of(&self, label: u16, axis: usize) -> usize {
        self.labels.get(&label).map_or(0, |total| total.occupied[axis])
    }

    /// The slices along a voxel axis that hold any label, rising.
    pub(super) fn annotated_slices(&self, axis: usize) -> &[usize] {
        &self.annotated[axis]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::case::{MaskWriter, WriteRule};
    use crate::geometry::{Affine, Grid, Point, Vector};
    use crate::volume::{Buffer, Rescale, Samples, Volume};

    #[test]
    fn follows_painting_and_erasing() {
        let unit = |x, y, z| Vector::new(x, y, z);
        let map =
            Affine::from_axes(unit(1.0, 0.0, 0.0), unit(0.0, 1.0, 0.0), unit(0.0, 0.0, 1.0), Point::ORIGIN);
        let grid = Grid::new([70, 40, 5], map.expect("invertible"), None).expect("a grid");
        let samples = Samples::U8(Buffer::zeroed(grid.voxel_count()).expect("memory"));
        let volume = Volume::new(grid, 1, samples, Rescale::NONE).expect("a volume");
        let mut case = Case::new(Arc::new(volume));
        let mut tally = Tally::default();
        let mut check = |case: &mut Case,
                         rule: WriteRule,
                         i: std::ops::Range<usize>,
                         j,
                         k,
                         voxels: u64,
                         slices: [&[usize]; 3]| {
            let mut writer = MaskWriter::new(case, 0, rule).expect("layer 0");
            writer.write_run(i, j, k);
            let edit = writer.finish().expect("something changes");
            case.apply(&edit).expect("the edit fits");
            tally.follow(case);
            assert_eq!(tally.voxels(3), voxels);
            assert_eq!([0, 1, 2].map(|axis| tally.annotated_slices(axis)), slices);
            assert_eq!([0, 1, 2].map(|axis| tally.slices_of(3, axis)), slices.map(<[usize]>::len));
        };
        check(&mut case, WriteRule::paint(3), 31..34, 33, 2, 3, [&[31, 32, 33], &[33], &[2]]);
        check(&mut case, WriteRule::paint(3), 33..35, 0, 4, 5, [&[31, 32, 33, 34], &[0, 33], &[2, 4]]);
        check(&mut case, WriteRule::erase(3), 0..70, 33, 2, 2, [&[33, 34], &[0], &[4]]);
    }
}
