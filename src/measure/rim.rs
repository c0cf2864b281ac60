//! The voxels of a mask that have a neighbour that does not belong.

use rayon::prelude::*;

use crate::geometry::VoxelBox;
use crate::volume::Mask;

/// Which voxels are neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Neighbours {
    /// The 6 across a face.
    Faces,
    /// All 26.
    All,
}

/// What is said of neighbours outside the grid; inside it those that no mask tells of do not belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beyond {
    /// They do not belong.
    DoesNotBelong,
    /// Nobody asks for them, in a grid of this box.
    Unasked(VoxelBox),
}

impl Beyond {
    /// Whether a place on an axis is passed over.
    fn passes_over(self, axis: usize, at: Option<usize>) -> bool {
        match (self, at) {
            (Self::DoesNotBelong, _) => false,
            (Self::Unasked(_), None) => true,
            (Self::Unasked(bounds), Some(at)) => at >= bounds.max[axis],
        }
    }
}

/// The voxels of a mask with a neighbour that does not belong; outside the mask's box none does.
pub(super) fn rim(mask: &Mask, neighbours: Neighbours, beyond: Beyond) -> Mask {
    let bounds = mask.bounds();
    let mut found = Mask::empty(bounds);
    let [ni, nj, _] = bounds.dims();
    let row_words = found.row_words();
    let ends =
        [beyond.passes_over(0, bounds.min[0].checked_sub(1)), beyond.passes_over(0, Some(bounds.max[0]))];
    let zeros = vec![0; row_words];
    // `None` where nobody asks.
    let row = |j: Option<usize>, k: Option<usize>| -> Option<&[u64]> {
        let is_inside = |axis: usize, n: usize| (bounds.min[axis]..bounds.max[axis]).contains(&n);
        match (j, k) {
            _ if beyond.passes_over(1, j) || beyond.passes_over(2, k) => None,
            (Some(j), Some(k)) if is_inside(1, j) && is_inside(2, k) => Some(mask.row(j, k)),
            _ => Some(&zeros),
        }
    };
    found.words_mut().par_chunks_mut((row_words * nj).max(1)).enumerate().for_each(|(k, slice)| {
        let k = bounds.min[2] + k;
        for (j, rim) in slice.chunks_mut(row_words).enumerate() {
            let j = bounds.min[1] + j;
            let steps = |n: usize| [n.checked_sub(1), Some(n), Some(n + 1)];
            let (around_j, around_k) = (steps(j), steps(k));
            for (word, rim) in rim.iter_mut().enumerate() {
                let mut inner = u64::MAX;
                for (at_k, k) in around_k.iter().enumerate() {
                    for (at_j, j) in around_j.iter().enumerate() {
                        let Some(row) = row(*j, *k) else { continue };
                        let is_own = (at_j, at_k) == (1, 1);
                        inner &= match neighbours {
                            Neighbours::All => with_both_sides(row, word, ni, ends),
                            Neighbours::Faces if is_own => with_both_sides(row, word, ni, ends),
                            Neighbours::Faces if at_j == 1 || at_k == 1 => row[word],
                            Neighbours::Faces => u64::MAX,
                        };
                    }
                }
                *rim = mask.row(j, k)[word] & !inner;
            }
        }
    });
    found
}

/// The voxels of a word that belong with the ones before and after them; `ends` says whether what lies
/// before and after the row counts as belonging.
fn with_both_sides(row: &[u64], word: usize, length: usize, ends: [bool; 2]) -> u64 {
    let own = row[word];
    let before = if word == 0 { u64::from(ends[0]) } else { row[word - 1] >> 63 };
    let after = row.get(word + 1).map_or(0, |next| next << 63);
    // The voxel after the row's last one lies in its last word, or begins another.
    let last = length - 1;
    let end = u64::from(ends[1] && last / 64 == word) << (last % 64);
    own & (own << 1 | before) & (own >> 1 | after | end)
}
