//! A set of voxels as one bit each.

use std::ops::Range;

use rayon::prelude::*;

use super::Volume;
use super::label_map::{BRICK_EDGE, BrickIndex, LabelMap};
use super::samples::{Sample, with_samples};
use crate::geometry::{VoxelBox, VoxelIndex};

const WORD: usize = u64::BITS as usize;

/// Which voxels of a box belong to something: one bit each.
///
/// A row along i takes whole words, its first voxel in the lowest bit of the first word; bits beyond the
/// row's end are always 0, so that words can be counted and compared. Rows run along j, then k. Voxels
/// are named by their place in the grid, not in the box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    bounds: VoxelBox,
    row_words: usize,
    words: Vec<u64>,
}

impl Mask {
    /// No voxel of the box.
    pub fn empty(bounds: VoxelBox) -> Self {
        let [ni, nj, nk] = bounds.dims();
        let row_words = ni.div_ceil(WORD);
        Self { bounds, row_words, words: vec![0; row_words * nj * nk] }
    }

    /// Every voxel of the box.
    pub fn full(bounds: VoxelBox) -> Self {
        let mut mask = Self::empty(bounds);
        let last = mask.last_word();
        for row in mask.words.chunks_mut(mask.row_words.max(1)) {
            row.fill(u64::MAX);
            if let Some(word) = row.last_mut() {
                *word = last;
            }
        }
        mask
    }

    /// The voxels of the box whose label `belongs`.
    pub fn of_labels(map: &LabelMap, bounds: VoxelBox, belongs: impl Fn(u16) -> bool + Sync) -> Self {
        let background = belongs(0);
        let [ni, nj, _] = bounds.dims();
        let mut mask = if background { Self::full(bounds) } else { Self::empty(bounds) };
        let (row_words, [first_i, first_j, first_k]) = (mask.row_words, bounds.min);
        if mask.words.is_empty() {
            return mask;
        }
        mask.words.par_chunks_mut(row_words * nj).enumerate().for_each(|(k, slice)| {
            let k = first_k + k;
            for (j, row) in slice.chunks_mut(row_words).enumerate() {
                let j = first_j + j;
                let in_brick = (k % BRICK_EDGE * BRICK_EDGE + j % BRICK_EDGE) * BRICK_EDGE;
                let mut i = first_i;
                while i < first_i + ni {
                    let brick_i = i / BRICK_EDGE;
                    let end = ((brick_i + 1) * BRICK_EDGE).min(first_i + ni);
                    let index = [brick_i, j / BRICK_EDGE, k / BRICK_EDGE].map(|n| n as u32);
                    if let Some(brick) = map.brick(BrickIndex(index)) {
                        let start = in_brick + i % BRICK_EDGE;
                        let labels = &brick.labels()[start..start + (end - i)];
                        let bits = labels.iter().enumerate();
                        let bits = bits.fold(0u64, |bits, (n, label)| bits | u64::from(belongs(*label)) << n);
                        put_bits(row, i - first_i, end - i, bits);
                    }
                    i = end;
                }
            }
        });
        mask
    }

    /// The voxels of the box that have `label`.
    pub fn of_label(map: &LabelMap, bounds: VoxelBox, label: u16) -> Self {
        Self::of_labels(map, bounds, |found| found == label)
    }

    /// The voxels of the box whose value (rescaled; the luma of a colour) at a time lies in the range, ends
    /// included. Slices that were never scanned hold none.
    pub fn of_values(volume: &Volume, bounds: VoxelBox, [low, high]: [f64; 2], time: usize) -> Self {
        let rescale = volume.rescale();
        Self::of_samples(volume, bounds, time, |sample| (low..=high).contains(&rescale.value(sample)))
    }

    fn of_samples(
        volume: &Volume,
        bounds: VoxelBox,
        time: usize,
        belongs: impl Fn(f64) -> bool + Sync,
    ) -> Self {
        let mut mask = Self::empty(bounds);
        let [ni, nj, _] = bounds.dims();
        let row_words = mask.row_words;
        if mask.words.is_empty() {
            return mask;
        }
        let grid = volume.grid();
        let first = time.min(volume.times() - 1) * grid.voxel_count();
        mask.words.par_chunks_mut(row_words * nj).enumerate().for_each(|(k, slice)| {
            let k = bounds.min[2] + k;
            if volume.is_missing(k) {
                return;
            }
            for (j, row) in slice.chunks_mut(row_words).enumerate() {
                let start = first + grid.offset(VoxelIndex::new(bounds.min[0], bounds.min[1] + j, k));
                with_samples!(volume.samples(), stored => {
                    for (word, part) in row.iter_mut().zip(stored[start..start + ni].chunks(WORD)) {
                        let bits = part.iter().enumerate();
                        *word = bits.fold(0, |bits, (n, sample)| bits | u64::from(belongs(sample.to_f64())) << n);
                    }
                }, colour => {
                    for n in 0..ni {
                        row[n / WORD] |= u64::from(belongs(volume.samples().at(start + n))) << (n % WORD);
                    }
                });
            }
        });
        mask
    }

    /// The box.
    pub fn bounds(&self) -> VoxelBox {
        self.bounds
    }

    /// Words of one row.
    pub fn row_words(&self) -> usize {
        self.row_words
    }

    /// The words of all rows, along j and then k of the box.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The same words, to be written. Bits beyond the end of a row must stay 0.
    pub fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// The bits that a row's last word may have.
    pub fn last_word(&self) -> u64 {
        match self.bounds.dims()[0] % WORD {
            0 => u64::MAX,
            rest => (1 << rest) - 1,
        }
    }

    /// The words of row (j, k) of the grid, which must lie in the box.
    pub fn row(&self, j: usize, k: usize) -> &[u64] {
        &self.words[self.row_range(j, k)]
    }

    /// The same row, to be written. Bits beyond its end must stay 0.
    pub fn row_mut(&mut self, j: usize, k: usize) -> &mut [u64] {
        let range = self.row_range(j, k);
        &mut self.words[range]
    }

    fn row_range(&self, j: usize, k: usize) -> Range<usize> {
        let row = (k - self.bounds.min[2]) * self.bounds.dims()[1] + j - self.bounds.min[1];
        row * self.row_words..(row + 1) * self.row_words
    }

    fn is_in_box(&self, voxel: VoxelIndex) -> bool {
        let at = voxel.to_array();
        (0..3).all(|axis| (self.bounds.min[axis]..self.bounds.max[axis]).contains(&at[axis]))
    }

    /// Whether a voxel of the grid belongs; none outside the box does.
    pub fn contains(&self, voxel: VoxelIndex) -> bool {
        let i = voxel.i.wrapping_sub(self.bounds.min[0]);
        self.is_in_box(voxel) && self.row(voxel.j, voxel.k)[i / WORD] >> (i % WORD) & 1 == 1
    }

    /// Takes a voxel of the box in.
    pub fn insert(&mut self, voxel: VoxelIndex) {
        debug_assert!(self.is_in_box(voxel));
        let i = voxel.i - self.bounds.min[0];
        self.row_mut(voxel.j, voxel.k)[i / WORD] |= 1 << (i % WORD);
    }

    /// How many voxels belong.
    pub fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The smallest box around what belongs; `None` where nothing does.
    pub fn tight_bounds(&self) -> Option<VoxelBox> {
        let mut found: Option<VoxelBox> = None;
        self.for_each_run(|i, j, k| {
            let run = VoxelBox { min: [i.start, j, k], max: [i.end, j + 1, k + 1] };
            found = Some(found.map_or(run, |found| found.union(&run)));
        });
        found
    }

    /// The same voxels in another box; what lies outside it is left out.
    pub fn within(&self, bounds: VoxelBox) -> Self {
        let mut other = Self::empty(bounds);
        self.for_each_run(|i, j, k| {
            let inside = |axis: usize, n: usize| (bounds.min[axis]..bounds.max[axis]).contains(&n);
            let (start, end) = (i.start.max(bounds.min[0]), i.end.min(bounds.max[0]));
            if start < end && inside(1, j) && inside(2, k) {
                set_bits(other.row_mut(j, k), start - bounds.min[0]..end - bounds.min[0]);
            }
        });
        other
    }

    /// Calls `visit(i, j, k)` with each stretch of neighbours along i that belong, in order.
    pub fn for_each_run(&self, mut visit: impl FnMut(Range<usize>, usize, usize)) {
        let [first_i, first_j, first_k] = self.bounds.min;
        let [_, nj, _] = self.bounds.dims();
        for (row, words) in self.words.chunks(self.row_words.max(1)).enumerate() {
            let (j, k) = (first_j + row % nj, first_k + row / nj);
            for_each_run(words, |run| visit(first_i + run.start..first_i + run.end, j, k));
        }
    }
}

/// Calls `visit` with each stretch of set bits of a row.
pub fn for_each_run(words: &[u64], mut visit: impl FnMut(Range<usize>)) {
    let mut open: Option<usize> = None;
    for (number, &word) in words.iter().enumerate() {
        let first = number * WORD;
        if (open.is_some() && word == u64::MAX) || (open.is_none() && word == 0) {
            continue;
        }
        // A bit is set where a run starts or has ended.
        let mut turns = word ^ (word << 1 | u64::from(open.is_some()));
        while turns != 0 {
            let at = first + turns.trailing_zeros() as usize;
            turns &= turns - 1;
            open = match open.take() {
                None => Some(at),
                Some(start) => {
                    visit(start..at);
                    None
                }
            };
        }
    }
    if let Some(start) = open {
        visit(start..words.len() * WORD);
    }
}

/// Sets a stretch of bits of a row.
pub fn set_bits(words: &mut [u64], bits: Range<usize>) {
    if bits.is_empty() {
        return;
    }
    let (first, last) = (bits.start / WORD, (bits.end - 1) / WORD);
    let (low, high) = (u64::MAX << (bits.start % WORD), u64::MAX >> (WORD - 1 - (bits.end - 1) % WORD));
    if first == last {
        words[first] |= low & high;
    } else {
        words[first] |= low;
        words[first + 1..last].fill(u64::MAX);
        words[last] |= high;
    }
}

/// Puts `count` bits, at most a brick's edge, from place `at` of a row on.
fn put_bits(words: &mut [u64], at: usize, count: usize, bits: u64) {
    let kept = !(u64::MAX >> (WORD - count));
    let (word, shift) = (at / WORD, at % WORD);
    words[word] = words[word] & !(!kept << shift) | bits << shift;
    if shift + count > WORD {
        let over = WORD - shift;
        words[word + 1] = words[word + 1] & !(!kept >> over) | bits >> over;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_mask_holds_what_its_labels_say(
            dims in prop::array::uniform3(1usize..80),
            seed in 1u64..1000,
            cut in prop::array::uniform3(0usize..40),
        ) {
            let label = |offset: usize| ((offset as u64 * seed / 7 + offset as u64 / 90) % 3) as u16;
            let map = LabelMap::from_labels(dims, label);
            let bounds = VoxelBox { min: std::array::from_fn(|axis| cut[axis].min(dims[axis] - 1)), max: dims };
            for wanted in 0..3 {
                let mask = Mask::of_label(&map, bounds, wanted);
                let mut count = 0;
                for k in 0..dims[2] { for j in 0..dims[1] { for i in 0..dims[0] {
                    let voxel = VoxelIndex { i, j, k };
                    let inside = (0..3).all(|axis| voxel.to_array()[axis] >= bounds.min[axis]);
                    prop_assert_eq!(mask.contains(voxel), inside && map.label(voxel) == wanted);
                    count += u64::from(mask.contains(voxel));
                }}}
                prop_assert_eq!(mask.count(), count);
                let mut of_runs = Mask::empty(bounds);
                mask.for_each_run(|run, j, k| {
                    let run = run.start - bounds.min[0]..run.end - bounds.min[0];
                    set_bits(of_runs.row_mut(j, k), run);
                });
                prop_assert_eq!(&of_runs, &mask);
                if let Some(tight) = mask.tight_bounds() {
                    prop_assert_eq!(mask.within(tight).count(), count);
                    prop_assert_eq!(mask.within(tight).within(bounds), mask);
                }
            }
            let mut full = Mask::full(bounds);
            prop_assert_eq!(full.count(), bounds.dims().iter().product::<usize>() as u64);
            full.words_mut().fill(0);
            prop_assert!(full.is_empty() && full.tight_bounds().is_none());
        }
    }
}
