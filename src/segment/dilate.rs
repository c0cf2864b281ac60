//! Dilation by an ellipsoid of voxels, on rows of bits.
//!
//! A row that is widened along i by h voxels takes h shifts of whole words; the rows of the ball's section at
//! each distance along k are joined once for each slice, and slices then by whole words.

use rayon::prelude::*;

use super::{Cancelled, Progress};
use crate::geometry::VoxelBox;
use crate::progress::Steps;
use crate::volume::{Mask, bits_from};

/// The voxels whose centres lie within a radius of the middle one's.
pub(super) struct Ball {
    /// How far it reaches along each axis, in voxels.
    pub(super) reach: [usize; 3],
    /// By how far rows reach along i: their distances along j and k.
    rows: Vec<Vec<[usize; 2]>>,
}

/// The square of a radius, and a little: a radius that is a multiple of the spacing but for its last digit
/// reaches that voxel.
pub(super) fn square_of(radius_mm: f64) -> f64 {
    radius_mm * radius_mm * (1.0 + 1e-9)
}

/// How far a radius reaches along each axis, in voxels, at most `most`.
pub(super) fn reach_of(radius_mm: f64, spacing_mm: [f64; 3], most: [usize; 3]) -> [usize; 3] {
    let most_square = square_of(radius_mm);
    std::array::from_fn(|axis| {
        let fits = |n: usize| (n as f64 * spacing_mm[axis]).powi(2) <= most_square;
        let near = ((radius_mm / spacing_mm[axis]) as usize + 1).min(most[axis]);
        (0..=near).rev().find(|n| fits(*n)).unwrap_or(0)
    })
}

impl Ball {
    /// The ball of a radius that reaches no further than `most` voxels along each axis.
    pub(super) fn new(radius_mm: f64, spacing_mm: [f64; 3], most: [usize; 3]) -> Self {
        let reach = reach_of(radius_mm, spacing_mm, most);
        let square = |axis: usize, n: usize| (n as f64 * spacing_mm[axis]).powi(2);
        let mut rows = vec![Vec::new(); reach[0] + 1];
        for dk in 0..=reach[2] {
            for dj in 0..=reach[1] {
                let fits = |di: usize| square(0, di) + square(1, dj) + square(2, dk) <= square_of(radius_mm);
                if fits(0) {
                    let half = (0..=reach[0]).collect::<Vec<_>>().partition_point(|di| fits(*di)) - 1;
                    rows[half].push([dj, dk]);
                }
            }
        }
        Self { reach, rows }
    }
}

/// Slices of the mask that are widened before what they reach is joined.
const WINDOW: usize = 8;
const WORD: usize = u64::BITS as usize;

/// The voxels of a box that the ball reaches from a voxel of the mask; the mask may lie anywhere.
pub(super) fn dilated(
    mask: &Mask,
    bounds: VoxelBox,
    ball: &Ball,
    progress: &dyn Progress,
) -> Result<Mask, Cancelled> {
    let mut found = Mask::empty(bounds);
    let ([_, nj, _], row_words, last) = (bounds.dims(), found.row_words(), found.last_word());
    if found.words().is_empty() {
        return Ok(found);
    }
    let slice_words = row_words * nj;
    let source = mask.bounds();
    let reach_k = ball.reach[2];
    let sources: Vec<usize> = (bounds.min[2].saturating_sub(reach_k).max(source.min[2])
        ..(bounds.max[2] + reach_k).min(source.max[2]))
        .collect();
    let steps = Steps::new(progress, sources.len().div_ceil(WINDOW));
    let mut sections = vec![0u64; slice_words * (reach_k + 1) * WINDOW.min(sources.len())];
    for window in sources.chunks(WINDOW) {
        // What each slice reaches in slices so far from it: all of one, then all of the next.
        let sections = sections.par_chunks_mut(slice_words * (reach_k + 1));
        let sections: Vec<Option<&[u64]>> = sections
            .zip(window)
            .map(|(sections, k)| widened(mask, bounds, *k, ball, sections).then_some(&*sections))
            .collect();
        let first_k = window[0].saturating_sub(reach_k).max(bounds.min[2]);
        let end_k = (window[window.len() - 1] + reach_k + 1).min(bounds.max[2]);
        let reached = &mut found.words_mut()
            [(first_k - bounds.min[2]) * slice_words..(end_k - bounds.min[2]) * slice_words];
        reached.par_chunks_mut(slice_words).zip(first_k..end_k).for_each(|(slice, k)| {
            for (source_k, sections) in window.iter().zip(&sections) {
                let dk = k.abs_diff(*source_k);
                if let Some(sections) = sections
                    && dk <= reach_k
                {
                    join(slice, &sections[dk * slice_words..(dk + 1) * slice_words]);
                }
            }
        });
        steps.next()?;
    }
    found.words_mut().par_chunks_mut(row_words * WORD).for_each(|rows| {
        rows.chunks_mut(row_words).for_each(|row| row[row_words - 1] &= last);
    });
    Ok(found)
}

/// What one slice of the mask reaches at each distance along k. Whether it holds any voxel; if not,
/// the sections are left as they were.
fn widened(mask: &Mask, bounds: VoxelBox, k: usize, ball: &Ball, sections: &mut [u64]) -> bool {
    let (source, reach_j) = (mask.bounds(), ball.reach[1]);
    let rows = bounds.min[1].saturating_sub(reach_j).max(source.min[1])
        ..(bounds.max[1] + reach_j).min(source.max[1]);
    let row_words = bounds.dims()[0].div_ceil(WORD);
    let slice_words = row_words * bounds.dims()[1];
    let mut wide = Wide::new(row_words, ball.reach[0]);
    let mut is_empty = true;
    for source_j in rows {
        let row = mask.row(source_j, k);
        if row.iter().all(|word| *word == 0) {
            continue;
        }
        if is_empty {
            sections.fill(0);
            is_empty = false;
        }
        wide.load(row, bounds.min[0] as isize - source.min[0] as isize);
        for (half, rows) in ball.rows.iter().enumerate() {
            if half > 0 {
                wide.widen();
            }
            for &[dj, dk] in rows {
                let section = &mut sections[dk * slice_words..(dk + 1) * slice_words];
                let either = [source_j.checked_sub(dj), (dj > 0).then_some(source_j + dj)];
                for j in either.into_iter().flatten() {
                    if (bounds.min[1]..bounds.max[1]).contains(&j) {
                        let start = (j - bounds.min[1]) * row_words;
                        join(&mut section[start..start + row_words], wide.row());
                    }
                }
            }
        }
    }
    !is_empty
}

fn join(words: &mut [u64], others: &[u64]) {
    words.iter_mut().zip(others).for_each(|(word, other)| *word |= other);
}

/// A row with room on either side, so that what is widened from outside comes in.
struct Wide {
    room: usize,
    words: Vec<u64>,
    wider: Vec<u64>,
}

impl Wide {
    fn new(row_words: usize, reach: usize) -> Self {
        let room = reach.div_ceil(WORD).max(1);
        let words = vec![0; row_words + 2 * room];
        Self { room, wider: words.clone(), words }
    }

    /// Takes a row in, from its place `at` on.
    fn load(&mut self, row: &[u64], at: isize) {
        let first = at - (self.room * WORD) as isize;
        for (n, word) in self.words.iter_mut().enumerate() {
            *word = bits_from(row, first + (n * WORD) as isize);
        }
    }

    /// Widens what is there by one voxel to either side.
    fn widen(&mut self) {
        let (words, last) = (&self.words, self.words.len() - 1);
        for (three, wider) in words.windows(3).zip(&mut self.wider[1..last]) {
            let [before, word, after] = [three[0], three[1], three[2]];
            *wider = word | word << 1 | word >> 1 | before >> (WORD - 1) | after << (WORD - 1);
        }
        self.wider[0] = words[0] | words[0] << 1 | words[0] >> 1 | words[1] << (WORD - 1);
        self.wider[last] = words[last] | words[last] << 1 | words[last] >> 1 | words[last - 1] >> (WORD - 1);
        std::mem::swap(&mut self.words, &mut self.wider);
    }

    fn row(&self) -> &[u64] {
        &self.words[self.room..self.words.len() - self.room]
    }
}
