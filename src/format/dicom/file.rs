//! From a path to the elements of its header.
//!
//! Always true: a file is read as far as its header reaches and no further, whatever it says of its
//! size; what cannot be read ends in a refusal that says where.
//!
//! Must never know: what the elements say.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use dicom_dictionary_std::tags;
use flate2::read::DeflateDecoder;

use super::dataset::{Broken, DataSet, Encoding, Until, parse};
use super::header::{self, Found};
use super::syntax::{self, Codec, Syntax};
use crate::format::{Doubt, DoubtCode, Refusal, RefusalCode, Stamp};

/// An open file.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) file: &'a File,
    pub(super) stamp: Stamp,
}

/// Bytes of a file read at first; most headers fit.
const FIRST_LOOK: usize = 16 << 10;
/// Headers longer than this are refused.
const LONGEST_HEADER: usize = 64 << 20;

/// Reads the header of a file.
pub(super) fn read(path: &Path) -> Result<Found, Refusal> {
    let mut file = File::open(path).map_err(|error| Refusal::unreadable(path, &error))?;
    let stamp = Stamp::of(&file).map_err(|error| Refusal::unreadable(path, &error))?;
    let total = usize::try_from(stamp.bytes).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    let mut sought = FIRST_LOOK;
    loop {
        read_up_to(&mut file, &mut bytes, sought).map_err(|error| Refusal::unreadable(path, &error))?;
        // A file may shrink while it is read.
        let total = if bytes.len() < sought { bytes.len() } else { total };
        let needed = match interpret(Source { path, file: &file, stamp }, &bytes, total)? {
            Ok(found) => return Ok(found),
            Err(needed) => needed,
        };
        if needed > LONGEST_HEADER {
            let text = format!("has a header of more than {} MB", LONGEST_HEADER >> 20);
            return Err(Refusal::new(path, RefusalCode::TooLarge, text));
        }
        sought = needed.max(sought * 4).min(total);
    }
}

/// Makes `bytes` the first `wanted` bytes of the file, or all of it.
fn read_up_to(file: &mut File, bytes: &mut Vec<u8>, wanted: usize) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(bytes.len() as u64))?;
    let missing = wanted.saturating_sub(bytes.len());
    file.take(missing as u64).read_to_end(bytes)?;
    Ok(())
}

/// The file as told by its first bytes, or how many bytes must be seen to tell.
fn interpret(source: Source<'_>, bytes: &[u8], total: usize) -> Result<Result<Found, usize>, Refusal> {
    let path = source.path;
    let broken = |broken: Broken| match broken {
        Broken::NeedMore(needed) => Ok(Err(needed)),
        Broken::Truncated { .. } => Err(Refusal::new(path, RefusalCode::Truncated, broken.to_string())),
        _ => Err(Refusal::new(path, RefusalCode::Inconsistent, broken.to_string())),
    };
    let start = first_element(bytes);
    let meta = match parse(bytes, start, total, Encoding::EXPLICIT_LITTLE, Until::EndOfMeta, &[]) {
        Ok(meta) => meta,
        Err(error) => return broken(error),
    };
    let guessed = guess_encoding(&bytes[meta.end.min(bytes.len())..]);
    let (syntax, doubts) = syntax_of(path, &meta.dataset, guessed)?;
    if !syntax.deflated {
        let parsed = parse(bytes, meta.end, total, syntax.encoding, Until::PixelData, &header::WANTED);
        return match parsed {
            Ok(parsed) => header::describe(source, syntax, total, &meta, &parsed, doubts).map(Ok),
            Err(error) => broken(error),
        };
    }
    // How long the inflated data are is known only at their end.
    let mut inflated = Vec::new();
    let stream = DeflateDecoder::new(&bytes[meta.end..]);
    let outcome = stream.take(LONGEST_HEADER as u64).read_to_end(&mut inflated);
    let whole = outcome.is_ok() && inflated.len() < LONGEST_HEADER && bytes.len() == total;
    let inflated_total = if whole { inflated.len() } else { usize::MAX };
    match parse(&inflated, 0, inflated_total, syntax.encoding, Until::PixelData, &header::WANTED) {
        Ok(parsed) => header::describe(source, syntax, inflated_total, &meta, &parsed, doubts).map(Ok),
        Err(Broken::NeedMore(_)) if bytes.len() < total => Ok(Err(bytes.len() + 1)),
        Err(Broken::NeedMore(_)) => {
            let text = "the deflated data cannot be inflated as far as the pixel data";
            Err(Refusal::new(path, RefusalCode::Damaged, text))
        }
        Err(error) => broken(error),
    }
}

/// Where the first element stands: after the 128 bytes of preamble and "DICM", or at once.
fn first_element(bytes: &[u8]) -> usize {
    if bytes.get(128..132) == Some(b"DICM") { 132 } else { 0 }
}

/// Whether bytes at the start of a file are those of a DICOM object.
pub(super) fn is_dicom(start: &[u8]) -> bool {
    first_element(start) > 0 || guess_encoding(start).is_some()
}

/// The encoding of a data set, from its first element, which must be of the groups such files begin
/// with: 0002 (meta information without preamble) or 0008.
fn guess_encoding(start: &[u8]) -> Option<Encoding> {
    let head: [u8; 8] = *start.first_chunk()?;
    let letters = [head[4], head[5]];
    let named = letters.iter().all(u8::is_ascii_uppercase);
    let little = [head[0], head[1], head[3]] == [8, 0, 0] || [head[0], head[1], head[3]] == [2, 0, 0];
    if little && named {
        return Some(Encoding::EXPLICIT_LITTLE);
    }
    if [head[0], head[1], head[2]] == [0, 8, 0] && named {
        return Some(Encoding::EXPLICIT_BIG);
    }
    // The elements that come first in group 0008 are short.
    let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    let plausible = head[2] <= 0x18 && length <= 256 && length.is_multiple_of(2);
    (little && head[0] == 8 && plausible).then_some(Encoding::IMPLICIT_LITTLE)
}

/// The syntax the meta information names; without one, what the first element looks like.
fn syntax_of(
    path: &Path,
    meta: &DataSet<'_>,
    guessed: Option<Encoding>,
) -> Result<(Syntax, Vec<Doubt>), Refusal> {
    if let Some(uid) = meta.text(tags::TRANSFER_SYNTAX_UID) {
        let Some(mut syntax) = Syntax::of(&uid) else {
            let text = format!(
                "its pixels are written as {}, which is not opened; convert the file to \"Explicit VR Little Endian\" or RLE",
                syntax::name(&uid)
            );
            return Err(Refusal::new(path, RefusalCode::UnsupportedTransferSyntax, text));
        };
        let contradicts = |guess: Encoding| guess.explicit_vr && guess != syntax.encoding;
        if let Some(guess) = guessed.filter(|guess| !syntax.deflated && contradicts(*guess)) {
            let text = format!("{}: is not written in the transfer syntax it names", path.display());
            syntax.encoding = guess;
            return Ok((syntax, vec![Doubt::new(DoubtCode::OddHeader, text)]));
        }
        return Ok((syntax, Vec::new()));
    }
    let Some(encoding) = guessed else {
        let text = "is damaged at its start: neither a transfer syntax nor a DICOM element is found there";
        return Err(Refusal::new(path, RefusalCode::NotAnImage, text));
    };
    let text =
        format!("{}: names no transfer syntax; read as what its first element looks like", path.display());
    let syntax = Syntax { encoding, codec: Codec::Native, deflated: false };
    Ok((syntax, vec![Doubt::new(DoubtCode::OddHeader, text)]))
}
