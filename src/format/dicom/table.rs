//! Lookup tables: palettes, and values that stand in a table (PS3.3 C.7.6.3.1.5, C.7.9.2, C.11.1.1.1).
//!
//! Always true: a table has at least one entry and at most 65,536, whatever its segments ask for.

use dicom_core::Tag;

use super::dataset::DataSet;

/// Why a table cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TableError {
    /// No descriptor of three words.
    #[error("its lookup table has no description")]
    NoDescriptor,
    /// Fewer entries than the description says.
    #[error("its lookup table has fewer entries than its description says")]
    TooShort,
    /// Segments that refer to what is not there, or do not end.
    #[error("the segments of its lookup table are damaged")]
    BadSegments,
    /// The tables of three colours differ in length or start.
    #[error("its lookup tables for red, green and blue differ in length")]
    Unequal,
}

/// What comes out for stored samples from `first` on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    first: i32,
    /// Never empty.
    entries: Vec<u16>,
}

const MOST_ENTRIES: usize = 1 << 16;

impl Table {
    /// A table whose entries follow each other in `data`; `signed` says how its first sample is written.
    pub(super) fn read(
        dataset: &DataSet<'_>,
        descriptor: Tag,
        data: Tag,
        signed: bool,
    ) -> Result<Self, TableError> {
        let (count, first, _) = described(dataset, descriptor, signed)?;
        let bytes = dataset.bytes(data).ok_or(TableError::TooShort)?.len();
        let words = dataset.words(data);
        // Two entries of 8 bits may share a word, or have one each (C.11.1.1.1).
        let mut entries = if bytes < 2 * count { halves(&words) } else { words };
        if entries.len() < count {
            return Err(TableError::TooShort);
        }
        entries.truncate(count);
        Ok(Self { first, entries })
    }

    /// A table of segments: entries, straight lines, and repetitions of earlier segments (C.7.9.2).
    pub(super) fn read_segmented(
        dataset: &DataSet<'_>,
        descriptor: Tag,
        data: Tag,
        signed: bool,
    ) -> Result<Self, TableError> {
        let (count, first, bits) = described(dataset, descriptor, signed)?;
        let words = dataset.words(data);
        let parts = if bits <= 8 { halves(&words) } else { words };
        let mut entries = Vec::with_capacity(count);
        expand(&parts, bits <= 8, count, &mut entries)?;
        if entries.len() < count {
            return Err(TableError::TooShort);
        }
        Ok(Self { first, entries })
    }

    /// The stored sample of the first entry.
    pub(super) fn first(&self) -> i32 {
        self.first
    }

    pub(super) fn entries(&self) -> &[u16] {
        &self.entries
    }

    /// The stored samples of the first and the last entry.
    pub(super) fn range(&self) -> [i32; 2] {
        [self.first, self.first + self.entries.len() as i32 - 1]
    }

    /// What comes out for a stored sample; beyond the table its first or last entry.
    #[inline]
    pub(super) fn value(&self, sample: f64) -> u16 {
        let place = (sample - f64::from(self.first)).clamp(0.0, (self.entries.len() - 1) as f64);
        self.entries[place as usize]
    }
}

/// How many entries, the first sample, bits of an entry.
fn described(dataset: &DataSet<'_>, descriptor: Tag, signed: bool) -> Result<(usize, i32, u16), TableError> {
    let [count, first, bits, ..] = dataset.words(descriptor)[..] else {
        return Err(TableError::NoDescriptor);
    };
    let count = if count == 0 { MOST_ENTRIES } else { usize::from(count) };
    let first = if signed { i32::from(first as i16) } else { i32::from(first) };
    Ok((count, first, bits))
}

/// The bytes of words, the lower one first.
fn halves(words: &[u16]) -> Vec<u16> {
    words.iter().flat_map(|word| [word & 0xff, word >> 8]).collect()
}

/// Appends what the segments at the start of `parts` stand for, until there are `count` entries.
fn expand(parts: &[u16], in_bytes: bool, count: usize, entries: &mut Vec<u16>) -> Result<(), TableError> {
    let mut at = 0;
    while at + 1 < parts.len() && entries.len() < count {
        at += segment(parts, at, in_bytes, count, true, entries)?;
    }
    Ok(())
}

/// Appends one segment and gives how many parts it takes.
fn segment(
    parts: &[u16],
    at: usize,
    in_bytes: bool,
    count: usize,
    may_repeat: bool,
    entries: &mut Vec<u16>,
) -> Result<usize, TableError> {
    let [kind, length, contents @ ..] = &parts[at..] else { return Err(TableError::BadSegments) };
    let length = usize::from(*length);
    match kind {
        0 => {
            let values = contents.get(..length).ok_or(TableError::BadSegments)?;
            entries.extend(values.iter().take(count - entries.len()));
            Ok(2 + length)
        }
        1 => {
            let (Some(from), Some(to)) = (entries.last(), contents.first()) else {
                return Err(TableError::BadSegments);
            };
            let (from, rise) = (f64::from(*from), f64::from(*to) - f64::from(*from));
            let left = count - entries.len();
            let step = |n: usize| (from + rise * n as f64 / length as f64).round_ties_even() as u16;
            entries.extend((1..=length).take(left).map(step));
            Ok(3)
        }
        2 if may_repeat => {
            let words = if in_bytes { 4 } else { 2 };
            let offset = contents.get(..words).ok_or(TableError::BadSegments)?.iter().rev();
            let bits = if in_bytes { 8 } else { 16 };
            // Counted in bytes.
            let offset = offset.fold(0usize, |offset, part| offset << bits | usize::from(*part));
            let mut again = if in_bytes { offset } else { offset / 2 };
            for _ in 0..length {
                if entries.len() >= count {
                    break;
                }
                if again >= at {
                    return Err(TableError::BadSegments);
                }
                again += segment(parts, again, in_bytes, count, false, entries)?;
            }
            Ok(2 + words)
        }
        _ => Err(TableError::BadSegments),
    }
}
