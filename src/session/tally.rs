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
    voxels: BTreeMap<u16, u64>,
    /// Per axis and slice, how many bricks have a label there.
    slices: [Vec<u32>; 3],
    annotated: [Vec<usize>; 3],
}

#[derive(Debug, Default, PartialEq)]
struct BrickTally {
    voxels: BTreeMap<u16, u64>,
    /// Bit n is set where slice n of the brick holds a label, per axis.
    slices: [u32; 3],
}

impl BrickTally {
    fn of(brick: &Brick) -> Self {
        let mut tally = Self::default();
        let mut run = (0u16, 0u64);
        for (row, labels) in brick.labels().chunks_exact(BRICK_EDGE).enumerate() {
            for (i, &label) in labels.iter().enumerate() {
                if label != run.0 {
                    tally.count(run);
                    run = (label, 0);
                }
                run.1 += 1;
                tally.slices[0] |= u32::from(label != 0) << i;
            }
            let row_has_labels = u32::from(labels.iter().any(|label| *label != 0));
            tally.slices[1] |= row_has_labels << (row % BRICK_EDGE);
            tally.slices[2] |= row_has_labels << (row / BRICK_EDGE);
        }
        tally.count(run);
        tally
    }

    fn count(&mut self, (label, voxels): (u16, u64)) {
        if label != 0 && voxels > 0 {
            *self.voxels.entry(label).or_default() += voxels;
        }
    }
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
            for axis in 0..3 {
                self.slices[axis].resize(layer.brick_dims()[axis] * BRICK_EDGE, 0);
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
        for (&label, &voxels) in &tally.voxels {
            let total = self.voxels.entry(label).or_default();
            *total = if up { *total + voxels } else { *total - voxels };
        }
        for axis in 0..3 {
            let first = index.0[axis] as usize * BRICK_EDGE;
            for bit in (0..BRICK_EDGE).filter(|bit| tally.slices[axis] >> bit & 1 == 1) {
                let count = &mut self.slices[axis][first + bit];
                *count = if up { *count + 1 } else { *count - 1 };
            }
        }
    }

    /// Voxels of a label over all layers.
    pub(super) fn voxels(&self, label: u16) -> u64 {
        self.voxels.get(&label).copied().unwrap_or(0)
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
        };
        check(&mut case, WriteRule::paint(3), 31..34, 33, 2, 3, [&[31, 32, 33], &[33], &[2]]);
        check(&mut case, WriteRule::paint(3), 33..35, 0, 4, 5, [&[31, 32, 33, 34], &[0, 33], &[2, 4]]);
        check(&mut case, WriteRule::erase(3), 0..70, 33, 2, 2, [&[33, 34], &[0], &[4]]);
    }
}
