//! How far two label maps agree voxel by voxel: one joint histogram gives the overlap of every label.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::Empty;
use crate::volume::{BRICK_EDGE, BRICK_VOXELS, Brick, LabelMap, bits_of, call_up};

/// How many voxels have which label in one map and which in another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JointHistogram {
    /// Voxels by their labels in both; what is background in both is left out.
    pairs: BTreeMap<[u16; 2], u64>,
}

/// The overlap of two sets of voxels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overlap {
    /// Voxels of the first set.
    pub first: u64,
    /// Voxels of the second set.
    pub second: u64,
    /// Voxels of both.
    pub both: u64,
}

impl JointHistogram {
    /// Of two maps of the same dimensions.
    pub fn of(first: &LabelMap, second: &LabelMap) -> Self {
        debug_assert_eq!(first.dims(), second.dims());
        let bricks: usize = first.brick_dims().iter().product();
        let counts = (0..bricks).into_par_iter().fold(PairCounts::default, |mut counts, number| {
            let index = first.brick_at(number);
            counts.add(first.brick(index).map(AsRef::as_ref), second.brick(index).map(AsRef::as_ref));
            counts
        });
        let pairs = counts.map(PairCounts::into_pairs).reduce(BTreeMap::new, |mut all, more| {
            for (pair, count) in more {
                *all.entry(pair).or_default() += count;
            }
            all
        });
        Self { pairs }
    }

    /// Every label of either map, rising; background is none.
    pub fn labels(&self) -> Vec<u16> {
        let mut labels: Vec<u16> = self.pairs.keys().flatten().copied().filter(|label| *label != 0).collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    /// The overlap of a label with itself.
    pub fn overlap(&self, label: u16) -> Overlap {
        self.overlap_of(|found| found == label)
    }

    /// The overlap of all labels taken as one.
    pub fn overlap_of_all(&self) -> Overlap {
        self.overlap_of(|found| found != 0)
    }

    fn overlap_of(&self, is_wanted: impl Fn(u16) -> bool) -> Overlap {
        let mut overlap = Overlap::default();
        for ([first, second], count) in &self.pairs {
            let [first, second] = [*first, *second].map(&is_wanted);
            overlap.first += if first { *count } else { 0 };
            overlap.second += if second { *count } else { 0 };
            overlap.both += if first && second { *count } else { 0 };
        }
        overlap
    }

    /// Voxels by their labels in the first and the second map; what is background in both is left out.
    pub fn pairs(&self) -> impl Iterator<Item = ([u16; 2], u64)> {
        self.pairs.iter().map(|(pair, count)| (*pair, *count))
    }
}

impl Overlap {
    /// Why there is nothing to compare, where a set has no voxel.
    pub fn empty(&self) -> Option<Empty> {
        Empty::of(self.first == 0, self.second == 0)
    }

    /// 2·|both| / (|first| + |second|) (Dice 1945): 0 where one set is empty, `None` where both are.
    pub fn dice(&self) -> Option<f64> {
        let sum = self.first + self.second;
        (sum > 0).then(|| 2.0 * self.both as f64 / sum as f64)
    }

    /// |both| / |either| (Jaccard 1912): 0 where one set is empty, `None` where both are.
    pub fn iou(&self) -> Option<f64> {
        let either = self.first + self.second - self.both;
        (either > 0).then(|| self.both as f64 / either as f64)
    }

    /// Voxels that the second set has more than the first.
    pub fn difference(&self) -> i64 {
        self.second as i64 - self.first as i64
    }

    /// [`Self::difference`] as a share of the first set; `None` where that is empty.
    pub fn relative_difference(&self) -> Option<f64> {
        (self.first > 0).then(|| self.difference() as f64 / self.first as f64)
    }
}

const BRICK_SLICE: usize = BRICK_EDGE * BRICK_EDGE;
/// Voxels looked at together.
const STRETCH: usize = u64::BITS as usize;

/// A bit for each voxel whose pair is not that of the voxel before.
fn turns(first: &[u16; STRETCH], second: &[u16; STRETCH]) -> u64 {
    let mut answers = [0; STRETCH];
    for (n, answer) in answers.iter_mut().enumerate().skip(1) {
        let difference = (first[n] ^ first[n - 1]) | (second[n] ^ second[n - 1]);
        *answer = u8::from(difference != 0);
    }
    bits_of(&answers)
}

/// Labels below this are counted in a table.
const IN_TABLE: usize = 64;

/// Counts of pairs of labels: small labels in a table, others by search.
struct PairCounts {
    table: Vec<u64>,
    others: BTreeMap<[u16; 2], u64>,
}

impl Default for PairCounts {
    fn default() -> Self {
        Self { table: vec![0; IN_TABLE * IN_TABLE], others: BTreeMap::new() }
    }
}

impl PairCounts {
    fn count(&mut self, first: u16, second: u16, voxels: usize) {
        let [a, b] = [first, second].map(usize::from);
        if a < IN_TABLE && b < IN_TABLE {
            self.table[a * IN_TABLE + b] += voxels as u64;
        } else {
            *self.others.entry([first, second]).or_default() += voxels as u64;
        }
    }

    fn add(&mut self, first: Option<&Brick>, second: Option<&Brick>) {
        static BACKGROUND: [u16; BRICK_VOXELS] = [0; BRICK_VOXELS];
        if first.is_none() && second.is_none() {
            return;
        }
        // Labels beyond a grid's border are 0 in both, and are left out below.
        let [first, second] = [first, second].map(|brick| brick.map_or(&BACKGROUND, Brick::labels));
        let slices = first.chunks_exact(BRICK_SLICE).zip(second.chunks_exact(BRICK_SLICE));
        for (first, second) in slices {
            call_up(first);
            call_up(second);
            for (first, second) in first.as_chunks().0.iter().zip(second.as_chunks().0) {
                self.count_stretch(first, second);
            }
        }
    }

    /// Counts neighbours in a brick, in runs of one pair.
    fn count_stretch(&mut self, first: &[u16; STRETCH], second: &[u16; STRETCH]) {
        let mut start = 0;
        if !(Brick::is_all(first, first[0]) && Brick::is_all(second, second[0])) {
            let mut turns = turns(first, second);
            while turns != 0 {
                let end = turns.trailing_zeros() as usize;
                self.count(first[start], second[start], end - start);
                turns &= turns - 1;
                start = end;
            }
        }
        self.count(first[start], second[start], STRETCH - start);
    }

    fn into_pairs(self) -> BTreeMap<[u16; 2], u64> {
        let mut pairs = self.others;
        for (place, count) in self.table.into_iter().enumerate().skip(1).filter(|(_, count)| *count > 0) {
            *pairs.entry([(place / IN_TABLE) as u16, (place % IN_TABLE) as u16]).or_default() += count;
        }
        pairs
    }
}
