//! A TIFF file read with other words in its first directory than it has, where the decoder would not manage:
//! indices of a palette (TIFF 6.0, section 5) are read as if they were grey, and tiles of LZW at the far
//! borders as if the picture filled them, since the decoder loses the end of tiles that it is to cut.
//!
//! Always true: the file on disk is not touched; the amended words say as much about samples as before.

use std::fs::File;
use std::io::{BufReader, Read, Result, Seek, SeekFrom};

/// The file, and what is read of it otherwise.
pub(super) struct Amended {
    file: BufReader<File>,
    at: u64,
    /// Where bytes stand, and what they are read as.
    instead: Vec<(u64, Vec<u8>)>,
    is_indexed: bool,
    /// Columns and rows that are seen, where more are read.
    seen: Option<[usize; 2]>,
}

/// A tag of the directory that has one number.
#[derive(Clone, Copy)]
struct Entry {
    value: u64,
    /// Where the number stands, and how many bytes it has.
    at: u64,
    bytes: usize,
}

const WIDTH: u64 = 256;
const LENGTH: u64 = 257;
const COMPRESSION: u64 = 259;
const PHOTOMETRIC: u64 = 262;
const TILE_WIDTH: u64 = 322;
const TILE_LENGTH: u64 = 323;
const LZW: u64 = 5;
const BLACK_IS_ZERO: u64 = 1;
const PALETTE: u64 = 3;
/// Directories of more entries are not searched; readers refuse them.
const MOST_ENTRIES: u64 = 4096;

impl Amended {
    /// The file as it is, but for what its samples mean and how many there are.
    pub(super) fn new(file: File) -> Result<Self> {
        let mut file = BufReader::new(file);
        let (entries, big_endian) = entries(&mut file).unwrap_or_default();
        file.seek(SeekFrom::Start(0))?;
        let mut amended = Self { file, at: 0, instead: Vec::new(), is_indexed: false, seen: None };
        let entry = |tag: u64| entries.iter().find(|(found, _)| *found == tag).map(|(_, entry)| *entry);
        if let Some(meaning) = entry(PHOTOMETRIC).filter(|meaning| meaning.value == PALETTE) {
            amended.is_indexed = true;
            amended.read_as(meaning, BLACK_IS_ZERO, big_endian);
        }
        let sides = [entry(WIDTH), entry(LENGTH), entry(TILE_WIDTH), entry(TILE_LENGTH)];
        if let [Some(width), Some(length), Some(tile_width), Some(tile_length)] = sides
            && entry(COMPRESSION).is_some_and(|compression| compression.value == LZW)
        {
            let filled = |side: Entry, tile: Entry| {
                let filled = side.value.checked_next_multiple_of(tile.value)?;
                (filled < 1 << (8 * side.bytes as u32).min(31)).then_some(filled)
            };
            if let (Some(columns), Some(rows)) = (filled(width, tile_width), filled(length, tile_length)) {
                amended.seen = Some([width.value as usize, length.value as usize]);
                amended.read_as(width, columns, big_endian);
                amended.read_as(length, rows, big_endian);
            }
        }
        Ok(amended)
    }

    fn read_as(&mut self, entry: Entry, value: u64, big_endian: bool) {
        let bytes = match big_endian {
            true => value.to_be_bytes()[8 - entry.bytes..].to_vec(),
            false => value.to_le_bytes()[..entry.bytes].to_vec(),
        };
        self.instead.push((entry.at, bytes));
    }

    /// Whether the samples are indices.
    pub(super) fn is_indexed(&self) -> bool {
        self.is_indexed
    }

    /// The columns and rows that are seen, where the file is read as if it had more.
    pub(super) fn seen(&self) -> Option<[usize; 2]> {
        self.seen
    }
}

/// The tags of the first directory that have one number of 16 or 32 bits, and whether the greater byte comes
/// first.
fn entries(file: &mut BufReader<File>) -> Result<(Vec<(u64, Entry)>, bool)> {
    let mut start = [0; 16];
    file.read_exact(&mut start[..8])?;
    let big_endian = start[0] == b'M';
    let number = |bytes: &[u8]| {
        let place = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if big_endian { bytes.iter().fold(0, place) } else { bytes.iter().rev().fold(0, place) }
    };
    let is_big = number(&start[2..4]) == 43;
    let directory = if is_big {
        file.read_exact(&mut start[8..])?;
        number(&start[8..16])
    } else {
        number(&start[4..8])
    };
    let (count_bytes, entry_bytes, value_at) = if is_big { (8, 20, 12) } else { (2, 12, 8) };
    file.seek(SeekFrom::Start(directory))?;
    let mut count = [0; 8];
    file.read_exact(&mut count[..count_bytes])?;
    let (mut found, mut entry) = (Vec::new(), [0; 20]);
    for n in 0..number(&count[..count_bytes]).min(MOST_ENTRIES) {
        file.read_exact(&mut entry[..entry_bytes])?;
        // SHORT and LONG.
        let bytes = match number(&entry[2..4]) {
            3 => 2,
            4 => 4,
            _ => continue,
        };
        if number(&entry[4..value_at]) == 1 {
            let at = directory + count_bytes as u64 + n * entry_bytes as u64 + value_at as u64;
            let value = number(&entry[value_at..value_at + bytes]);
            found.push((number(&entry[..2]), Entry { value, at, bytes }));
        }
    }
    Ok((found, big_endian))
}

impl Read for Amended {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let read = self.file.read(out)?;
        for (place, instead) in &self.instead {
            for (place, byte) in (*place..).zip(instead) {
                if let Some(out) = place.checked_sub(self.at).and_then(|n| out[..read].get_mut(n as usize)) {
                    *out = *byte;
                }
            }
        }
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Amended {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.at = self.file.seek(to)?;
        Ok(self.at)
    }
}
