//! A set of voxels as one bit each.

use std::ops::Range;

use rayon::prelude::*;

use super::label_map::{BRICK_EDGE, BrickIndex, LabelMap};
use super::samples::{Sample, with_samples};
use super::{Rescale, Volume};
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
                        put_bits(row, i - first_i, end - i, bits_where(labels, |label| belongs(*label)));
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
    pub fn of_values(volume: &Volume, bounds: VoxelBox, range: [f64; 2], time: usize) -> Self {
        let mut mask = Self::empty(bounds);
        let [ni, nj, _] = bounds.dims();
        let row_words = mask.row_words;
        if mask.words.is_empty() {
            return mask;
        }
        let (grid, rescale) = (volume.grid(), volume.rescale());
        let first = time.min(volume.times() - 1) * grid.voxel_count();
        let rows = |k: usize, slice: &mut [u64], fill: &(dyn Fn(usize, &mut [u64]) + Sync)| {
            let k = bounds.min[2] + k;
            if volume.is_missing_at(k, time) {
                return;
            }
            for (j, row) in slice.chunks_mut(row_words).enumerate() {
                fill(first + grid.offset(VoxelIndex::new(bounds.min[0], bounds.min[1] + j, k)), row);
            }
        };
        with_samples!(volume.samples(), stored => {
            // What lies in a range of values is what lies in a range of samples.
            let Some([low, high]) = samples_within(stored, rescale, range) else { return mask };
            mask.words.par_chunks_mut(row_words * nj).enumerate().for_each(|(k, slice)| {
                rows(k, slice, &|start, row| {
                    let samples = &stored[start..start + ni];
                    call_up(samples);
                    for (word, part) in row.iter_mut().zip(samples.chunks(WORD)) {
                        *word = bits_where(part, |sample| (low <= *sample) & (*sample <= high));
                    }
                });
            });
        }, colour => {
            let [low, high] = range;
            mask.words.par_chunks_mut(row_words * nj).enumerate().for_each(|(k, slice)| {
                rows(k, slice, &|start, row| {
                    for n in 0..ni {
                        let value = rescale.value(volume.samples().at(start + n));
                        row[n / WORD] |= u64::from((low..=high).contains(&value)) << (n % WORD);
                    }
                });
            });
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

    /// Whether a voxel of the grid belongs; none outside the box does.
    pub fn contains(&self, voxel: VoxelIndex) -> bool {
        let i = voxel.i.wrapping_sub(self.bounds.min[0]);
        self.bounds.contains(voxel) && self.row(voxel.j, voxel.k)[i / WORD] >> (i % WORD) & 1 == 1
    }

    /// Takes a voxel of the box in.
    pub fn insert(&mut self, voxel: VoxelIndex) {
        debug_assert!(self.bounds.contains(voxel));
        let i = voxel.i - self.bounds.min[0];
        self.row_mut(voxel.j, voxel.k)[i / WORD] |= 1 << (i % WORD);
    }

    /// How many voxels belong.
    pub fn count(&self) -> u64 {
        let counts = self
            .words
            .par_chunks(1 << 14)
            .map(|words| words.iter().map(|word| u64::from(word.count_ones())).sum::<u64>());
        counts.sum()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The smallest box around what belongs; `None` where nothing does.
    pub fn tight_bounds(&self) -> Option<VoxelBox> {
        let ([_, nj, _], row_words) = (self.bounds.dims(), self.row_words);
        if self.words.is_empty() {
            return None;
        }
        let of_slice = |(k, slice): (usize, &[u64])| {
            let mut columns = vec![0u64; row_words];
            let mut rows: Option<(usize, usize)> = None;
            for (j, row) in slice.chunks(row_words).enumerate() {
                let any = row.iter().zip(&mut columns).fold(0, |any, (word, column)| {
                    *column |= word;
                    any | word
                });
                if any != 0 {
                    rows = Some((rows.map_or(j, |rows| rows.0), j + 1));
                }
            }
            let (first_j, end_j) = rows?;
            let (first, last) =
                (columns.iter().position(|word| *word != 0)?, columns.iter().rposition(|word| *word != 0)?);
            let first_i = first * WORD + columns[first].trailing_zeros() as usize;
            let end_i = (last + 1) * WORD - columns[last].leading_zeros() as usize;
            let [i0, j0, k0] = self.bounds.min;
            Some(VoxelBox {
                min: [i0 + first_i, j0 + first_j, k0 + k],
                max: [i0 + end_i, j0 + end_j, k0 + k + 1],
            })
        };
        let found = self.words.par_chunks(row_words * nj).enumerate().filter_map(of_slice);
        found.reduce_with(|a, b| a.union(&b))
    }

    /// The same set, shifted so that its box begins at `min`.
    pub fn moved_to(mut self, min: [usize; 3]) -> Self {
        let dims = self.bounds.dims();
        self.bounds = VoxelBox { min, max: std::array::from_fn(|axis| min[axis] + dims[axis]) };
        self
    }

    /// The same voxels in another box; what lies outside it is left out.
    pub fn within(&self, bounds: VoxelBox) -> Self {
        let mut other = Self::empty(bounds);
        other.merge(self, |_, theirs| theirs);
        other
    }

    /// 64 voxels along i from (i, j, k) of the grid on, the first one in the lowest bit. None outside the
    /// box belongs.
    pub fn word_at(&self, i: usize, j: usize, k: usize) -> u64 {
        let inside = |axis: usize, n: usize| (self.bounds.min[axis]..self.bounds.max[axis]).contains(&n);
        if !(inside(1, j) && inside(2, k)) {
            return 0;
        }
        bits_from(self.row(j, k), i as isize - self.bounds.min[0] as isize)
    }

    /// Takes in what belongs to the other mask; what lies outside this one's box is left out.
    pub fn unite(&mut self, other: &Self) {
        self.merge(other, |ours, theirs| ours | theirs);
    }

    /// Keeps what belongs to the other mask as well.
    pub fn intersect(&mut self, other: &Self) {
        self.merge(other, |ours, theirs| ours & theirs);
    }

    /// Lets go of what belongs to the other mask.
    pub fn subtract(&mut self, other: &Self) {
        self.merge(other, |ours, theirs| ours & !theirs);
    }

    /// What does not belong, of the same box.
    pub fn complement(&self) -> Self {
        let mut other = self.clone();
        other.invert();
        other
    }

    /// Exchanges what belongs and what does not.
    pub fn invert(&mut self) {
        let (last, row_words) = (self.last_word(), self.row_words.max(1));
        self.words.par_chunks_mut(row_words * 64).for_each(|rows| {
            for row in rows.chunks_mut(row_words) {
                row.iter_mut().for_each(|word| *word = !*word);
                row[row_words - 1] &= last;
            }
        });
    }

    /// The same voxels in another box, without a copy where it is the same.
    pub fn into_box(self, bounds: VoxelBox) -> Self {
        if bounds == self.bounds { self } else { self.within(bounds) }
    }

    fn merge(&mut self, other: &Self, join: impl Fn(u64, u64) -> u64 + Sync) {
        let ([_, nj, _], bounds, last) = (self.bounds.dims(), self.bounds, self.last_word());
        let row_words = self.row_words;
        if self.words.is_empty() {
            return;
        }
        let shift = bounds.min[0] as isize - other.bounds.min[0] as isize;
        let there = |axis: usize, n: usize| (other.bounds.min[axis]..other.bounds.max[axis]).contains(&n);
        self.words.par_chunks_mut(row_words * nj).enumerate().for_each(|(k, slice)| {
            let k = bounds.min[2] + k;
            for (j, row) in slice.chunks_mut(row_words).enumerate() {
                let j = bounds.min[1] + j;
                let theirs = if there(1, j) && there(2, k) { other.row(j, k) } else { &[] };
                if shift == 0 && theirs.len() == row.len() {
                    row.iter_mut().zip(theirs).for_each(|(ours, theirs)| *ours = join(*ours, *theirs));
                } else {
                    for (n, ours) in row.iter_mut().enumerate() {
                        *ours = join(*ours, bits_from(theirs, shift + (n * WORD) as isize));
                    }
                }
                row[row_words - 1] &= last;
            }
        });
    }

    /// The same voxels with i and j exchanged.
    pub fn with_i_and_j_exchanged(&self) -> Self {
        let VoxelBox { min: [i0, j0, k0], max: [i1, j1, k1] } = self.bounds;
        let mut other = Self::empty(VoxelBox { min: [j0, i0, k0], max: [j1, i1, k1] });
        let (ni, nj, row_words) = (i1.saturating_sub(i0), j1.saturating_sub(j0), other.row_words);
        if other.words.is_empty() {
            return other;
        }
        other.words.par_chunks_mut(row_words * ni).enumerate().for_each(|(k, slice)| {
            for block_j in 0..row_words {
                for block_i in 0..self.row_words {
                    let mut block = [0u64; WORD];
                    for (j, word) in (block_j * WORD..nj).zip(&mut block) {
                        *word = self.words[(k * nj + j) * self.row_words + block_i];
                    }
                    transpose(&mut block);
                    for (i, word) in (block_i * WORD..ni).zip(&block) {
                        slice[i * row_words + block_j] = *word;
                    }
                }
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

/// Has memory bring items that are read next. It is asked for all of them at once and so answers in half
/// the time that it takes where each answer is worked on before the next line is asked for.
#[inline]
pub(crate) fn call_up<T: Copy>(items: &[T]) {
    const LINE: usize = 64;
    for item in items.iter().step_by(LINE / size_of::<T>()) {
        std::hint::black_box(*item);
    }
}

/// Which of up to 64 items belong, the first one in the lowest bit.
#[inline]
fn bits_where<T>(items: &[T], belongs: impl Fn(&T) -> bool) -> u64 {
    let mut answers = [0u8; WORD];
    match items.first_chunk::<WORD>() {
        Some(items) => {
            answers.iter_mut().zip(items).for_each(|(answer, item)| *answer = belongs(item).into())
        }
        None => answers.iter_mut().zip(items).for_each(|(answer, item)| *answer = belongs(item).into()),
    }
    bits_of(&answers)
}

/// 64 answers, 0 or 1, as bits, the first one in the lowest. Answers are first given as bytes so that this
/// runs in wide registers; eight of them become bits by one multiplication.
#[inline]
pub(crate) fn bits_of(answers: &[u8; WORD]) -> u64 {
    let (eights, _) = answers.as_chunks::<8>();
    let gathered =
        eights.iter().map(|eight| u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56);
    gathered.enumerate().fold(0, |bits, (n, byte)| bits | byte << (8 * n))
}

impl Volume {
    /// The first and the last of the keys ([`Sample::KEYS`]) of samples whose value lies in a range, ends
    /// included; `None` where there can be none, and of colours.
    pub fn keys_within(&self, range: [f64; 2]) -> Option<[i128; 2]> {
        with_samples!(self.samples(), stored => keys_within(stored, self.rescale(), range), colour => None)
    }
}

/// The smallest and the greatest sample whose value lies in the range; `None` where there can be none.
fn samples_within<T: Sample>(stored: &[T], rescale: Rescale, range: [f64; 2]) -> Option<[T; 2]> {
    keys_within(stored, rescale, range).map(|keys| keys.map(T::of_key))
}

fn keys_within<T: Sample>(_: &[T], rescale: Rescale, [low, high]: [f64; 2]) -> Option<[i128; 2]> {
    // Values rise, or fall, with the samples, so that either end is found by halving.
    let value = |key: i128| rescale.value(T::of_key(key).to_f64());
    let first_key = |reached: &dyn Fn(f64) -> bool| {
        let (mut least, mut beyond) = (T::KEYS.0, T::KEYS.1 + 1);
        while least < beyond {
            let middle = (least + beyond).div_euclid(2);
            if reached(value(middle)) { beyond = middle } else { least = middle + 1 }
        }
        least
    };
    let (first, end) = match rescale.slope > 0.0 {
        true => (first_key(&|value| value >= low), first_key(&|value| value > high)),
        false => (first_key(&|value| value <= high), first_key(&|value| value < low)),
    };
    (first < end).then(|| [first, end - 1])
}

/// The 64 bits from place `at` of a row on; places outside the row hold 0.
#[inline]
pub fn bits_from(words: &[u64], at: isize) -> u64 {
    let (word, shift) = (at.div_euclid(WORD as isize), at.rem_euclid(WORD as isize));
    let found =
        |word: isize| usize::try_from(word).ok().and_then(|word| words.get(word)).copied().unwrap_or(0);
    match shift {
        0 => found(word),
        _ => found(word) >> shift | found(word + 1) << (WORD as isize - shift),
    }
}

/// Exchanges the rows and columns of 64 × 64 bits (Warren, Hacker's Delight, 7-3).
fn transpose(block: &mut [u64; WORD]) {
    let (mut half, mut mask) = (WORD / 2, u64::MAX >> (WORD / 2));
    while half != 0 {
        let mut row = 0;
        while row < WORD {
            let crossed = (block[row] >> half ^ block[row + half]) & mask;
            block[row] ^= crossed << half;
            block[row + half] ^= crossed;
            row = (row + half + 1) & !half;
        }
        half /= 2;
        mask ^= mask << half;
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
                let mut found: Option<VoxelBox> = None;
                mask.for_each_run(|i, j, k| {
                    let run = VoxelBox { min: [i.start, j, k], max: [i.end, j + 1, k + 1] };
                    found = Some(found.map_or(run, |found| found.union(&run)));
                });
                prop_assert_eq!(mask.tight_bounds(), found);
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

    proptest! {
        #[test]
        fn sets_are_joined_voxel_by_voxel(
            [ours, theirs] in prop::array::uniform2((prop::array::uniform3(0usize..70), prop::array::uniform3(1usize..70))),
            seed in 1u64..1000,
        ) {
            let filled = |(min, dims): ([usize; 3], [usize; 3]), seed: u64| {
                let max = std::array::from_fn(|axis| min[axis] + dims[axis].min([70, 5, 4][axis]));
                let mut mask = Mask::empty(VoxelBox { min, max });
                for voxel in voxels_of(mask.bounds()) {
                    let [i, j, k] = voxel.to_array().map(|n| n as u64);
                    if ((i * 7 + j * 13 + k * 29 + i * j * seed) * seed / 11).is_multiple_of(3) {
                        mask.insert(voxel);
                    }
                }
                mask
            };
            let (min, dims) = theirs;
            let near: [usize; 3] = std::array::from_fn(|axis| (ours.0[axis] + min[axis] % 7).saturating_sub(3));
            let (ours, theirs) = (filled(ours, seed), filled((near, dims), seed + 1));
            let joined = |join: fn(&mut Mask, &Mask)| {
                let mut mask = ours.clone();
                join(&mut mask, &theirs);
                mask
            };
            let (union, both, less) = (joined(Mask::unite), joined(Mask::intersect), joined(Mask::subtract));
            let (other_box, turned) = (ours.within(theirs.bounds()), ours.with_i_and_j_exchanged());
            for voxel in voxels_of(ours.bounds()) {
                let (a, b) = (ours.contains(voxel), theirs.contains(voxel));
                prop_assert_eq!([union.contains(voxel), both.contains(voxel), less.contains(voxel)], [a | b, a & b, a & !b]);
                prop_assert_eq!(ours.complement().contains(voxel), !a);
                prop_assert_eq!(turned.contains(VoxelIndex::new(voxel.j, voxel.i, voxel.k)), a);
                let word = ours.word_at(voxel.i, voxel.j, voxel.k);
                let told = (0..64).all(|n| {
                    (word >> n & 1 == 1) == ours.contains(VoxelIndex { i: voxel.i + n, ..voxel })
                });
                prop_assert!(told);
            }
            prop_assert_eq!(turned.count(), ours.count());
            prop_assert_eq!(turned.with_i_and_j_exchanged(), ours.clone());
            for voxel in voxels_of(theirs.bounds()) {
                prop_assert_eq!(other_box.contains(voxel), ours.contains(voxel));
            }
            for mask in [&union, &both, &less, &other_box, &ours.complement(), &turned] {
                let counted = voxels_of(mask.bounds()).filter(|voxel| mask.contains(*voxel)).count();
                prop_assert_eq!(mask.count(), counted as u64, "no bit lies beyond the end of a row");
            }
        }

        #[test]
        fn a_range_of_values_is_a_range_of_samples(
            slope in prop::sample::select(vec![1.0, -1.0, 0.1, -2.5, 1e-3]),
            intercept in prop::sample::select(vec![0.0, -1024.0, 0.3]),
            range in [-1500.0..1500.0f64, -1500.0..1500.0f64],
            ends in 0usize..3,
        ) {
            let rescale = Rescale { slope, intercept };
            let whole: Vec<i16> = (i16::MIN..=i16::MAX).step_by(97).chain([i16::MIN, i16::MAX, 0, 1, -1]).collect();
            let real: Vec<f32> = whole.iter().map(|n| f32::from(*n) / 7.0)
                .chain([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::MIN_POSITIVE, f32::MAX]).collect();
            // A range may end at a value that is there, or at none.
            let low = [range[0], rescale.value(f64::from(range[0] as i16)), f64::NEG_INFINITY][ends];
            let range = [low, range[1]];
            fn check<T: Sample>(samples: &[T], rescale: Rescale, [low, high]: [f64; 2]) {
                let found = samples_within(samples, rescale, [low, high]);
                for sample in samples {
                    let within = (low..=high).contains(&rescale.value(sample.to_f64()));
                    assert_eq!(found.is_some_and(|[low, high]| low <= *sample && *sample <= high), within);
                }
            }
            check(&whole, rescale, range);
            check(&real, rescale, range);
            check(&real.iter().map(|x| f64::from(*x)).collect::<Vec<_>>(), rescale, range);
            check(&whole.iter().map(|x| *x as u8).collect::<Vec<_>>(), rescale, range);
            check(&whole.iter().map(|x| i64::from(*x) << 40).collect::<Vec<_>>(), rescale, range);
        }
    }

    fn voxels_of(bounds: VoxelBox) -> impl Iterator<Item = VoxelIndex> {
        let VoxelBox { min, max } = bounds;
        (min[2]..max[2]).flat_map(move |k| {
            (min[1]..max[1]).flat_map(move |j| (min[0]..max[0]).map(move |i| VoxelIndex { i, j, k }))
        })
    }

    #[test]
    fn values_belong_as_their_range_says() {
        use crate::geometry::{Affine, Grid, Point, Vector};
        use crate::volume::{Buffer, Samples};
        let axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(Vector::from);
        let map = Affine::from_axes(axes[0], axes[1], axes[2], Point::ORIGIN).expect("invertible");
        let grid = Grid::new([70, 3, 4], map, None).expect("a grid");
        let count = grid.voxel_count();
        let check = |samples: Samples| {
            let volume = Volume::new(grid.clone(), 2, samples, Rescale { slope: 2.0, intercept: -10.0 });
            let volume = volume.expect("a volume").with_missing_slices(vec![2]).expect("inside");
            let bounds = VoxelBox { min: [3, 1, 1], max: [69, 3, 4] };
            for time in 0..3 {
                let mask = Mask::of_values(&volume, bounds, [0.0, 90.0], time);
                for voxel in voxels_of(grid.bounds()) {
                    let within = (0.0..=90.0).contains(&volume.value(voxel, time.min(1)));
                    let expected = bounds.contains(voxel) && voxel.k != 2 && within;
                    assert_eq!(mask.contains(voxel), expected, "{voxel:?} at {time}");
                }
            }
        };
        let stored = |n: usize| (n * 37 % 251) as u8;
        let of = |n: usize| stored(n % (2 * count));
        check(Samples::U8(Buffer::from_slice(&(0..2 * count).map(of).collect::<Vec<_>>()).expect("memory")));
        let reals: Vec<f32> = (0..2 * count).map(|n| f32::from(of(n)) - 0.5).collect();
        check(Samples::F32(Buffer::from_slice(&reals).expect("memory")));
        let colours: Vec<[u8; 3]> = (0..2 * count).map(|n| [of(n), of(n + 1), of(n + 2)]).collect();
        check(Samples::Rgb8(Buffer::from_slice(&colours).expect("memory")));
    }
}
