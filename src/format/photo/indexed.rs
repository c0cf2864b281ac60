//! TIFF files whose samples are indices of a palette (TIFF 6.0, section 5), read as if they were grey.
//!
//! Always true: the file on disk is not touched; what differs from it are the two bytes that say what its
//! samples mean.

use std::fs::File;
use std::io::{BufReader, Read, Result, Seek, SeekFrom};

/// A TIFF file that says of its first picture that it is grey where it has a palette.
pub(super) struct AsGrey {
    file: BufReader<File>,
    at: u64,
    /// Where the two bytes stand, and what they are read as.
    instead: Option<(u64, [u8; 2])>,
}

/// Of Photometric Interpretation.
const TAG: u16 = 262;
const BLACK_IS_ZERO: u16 = 1;
const PALETTE: u16 = 3;
/// Directories of more entries are not searched; readers refuse them.
const MOST_ENTRIES: u64 = 4096;

impl AsGrey {
    /// The file as it is, but for the meaning of its samples.
    pub(super) fn new(file: File) -> Result<Self> {
        let mut file = BufReader::new(file);
        let instead = find(&mut file).ok().flatten();
        file.seek(SeekFrom::Start(0))?;
        Ok(Self { file, at: 0, instead })
    }

    /// Whether the samples are indices.
    pub(super) fn is_indexed(&self) -> bool {
        self.instead.is_some()
    }
}

/// Where the first directory says that there is a palette, and what is to stand there instead.
fn find(file: &mut BufReader<File>) -> Result<Option<(u64, [u8; 2])>> {
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
    let mut entry = [0; 20];
    for n in 0..number(&count[..count_bytes]).min(MOST_ENTRIES) {
        file.read_exact(&mut entry[..entry_bytes])?;
        /// The type SHORT.
        const SHORT: u64 = 3;
        if number(&entry[..2]) == u64::from(TAG) {
            let is_palette =
                number(&entry[2..4]) == SHORT && number(&entry[value_at..value_at + 2]) == u64::from(PALETTE);
            let at = directory + count_bytes as u64 + n * entry_bytes as u64 + value_at as u64;
            let grey = if big_endian { BLACK_IS_ZERO.to_be_bytes() } else { BLACK_IS_ZERO.to_le_bytes() };
            return Ok(is_palette.then_some((at, grey)));
        }
    }
    Ok(None)
}

impl Read for AsGrey {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let read = self.file.read(out)?;
        if let Some((place, instead)) = self.instead {
            for (place, byte) in (place..).zip(instead) {
                if let Some(out) = place.checked_sub(self.at).and_then(|n| out[..read].get_mut(n as usize)) {
                    *out = byte;
                }
            }
        }
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for AsGrey {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.at = self.file.seek(to)?;
        Ok(self.at)
    }
}
