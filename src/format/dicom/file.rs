//! From a path to the elements of its header.
//!
//! Always true: a file is read as far as its header reaches and no further, whatever it says of its
//! size; what cannot be read ends in a refusal that says where.
//!
//! Must never know: what the elements say.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use flate2::read::DeflateDecoder;

use super::dataset::{Broken, DataSet, Encoding, Parsed, Until, parse};
use super::header::{self, Found};
use super::syntax::{self, Codec, Syntax};
use crate::format::{Doubt, DoubtCode, Refusal, RefusalCode, Stamp, open_plain};

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
/// The same where a small file can pretend any header.
const LONGEST_DEFLATED_HEADER: usize = 8 << 20;
/// A deflated file that gives more than this is refused: to look at it all takes seconds.
const MOST_INFLATED: u64 = 2 << 30;

/// What a file says up to its pixel data.
pub(super) struct Content<'s, 'a> {
    pub(super) source: Source<'s>,
    pub(super) syntax: Syntax,
    /// Bytes of the data set, at most.
    pub(super) total: usize,
    pub(super) meta: &'s Parsed<'a>,
    pub(super) parsed: &'s Parsed<'a>,
    pub(super) doubts: Vec<Doubt>,
}

impl Content<'_, '_> {
    /// What kind of object it is; empty where it does not say.
    pub(super) fn sop_class(&self) -> String {
        let stated = self.parsed.dataset.text(tags::SOP_CLASS_UID);
        stated.or_else(|| self.meta.dataset.text(tags::MEDIA_STORAGE_SOP_CLASS_UID)).unwrap_or_default()
    }
}

/// Reads the header of a file.
pub(super) fn read(path: &Path) -> Result<Found, Refusal> {
    read_by(path, &header::WANTED, header::describe)
}

/// Reads a file as far as its pixel data, with the sequences in `wanted`, as `tell` tells it.
pub(super) fn read_by<T>(
    path: &Path,
    wanted: &[Tag],
    tell: impl Fn(Content<'_, '_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let mut file = open_plain(path).map_err(|error| Refusal::unreadable(path, &error))?;
    let stamp = Stamp::of(&file).map_err(|error| Refusal::unreadable(path, &error))?;
    let total = usize::try_from(stamp.bytes).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    let mut sought = FIRST_LOOK;
    loop {
        read_up_to(&mut file, &mut bytes, sought).map_err(|error| Refusal::unreadable(path, &error))?;
        // A file may shrink while it is read.
        let total = if bytes.len() < sought { bytes.len() } else { total };
        let needed = match interpret(Source { path, file: &file, stamp }, &bytes, total, wanted, &tell)? {
            Ok(found) => return Ok(found),
            Err(needed) => needed,
        };
        if needed > LONGEST_HEADER {
            return Err(header_too_long(path, LONGEST_HEADER));
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
fn interpret<T>(
    source: Source<'_>,
    bytes: &[u8],
    total: usize,
    wanted: &[Tag],
    tell: &impl Fn(Content<'_, '_>) -> Result<T, Refusal>,
) -> Result<Result<T, usize>, Refusal> {
    let path = source.path;
    let start = first_element(bytes);
    let meta = match parse(bytes, start, total, Encoding::EXPLICIT_LITTLE, Until::EndOfMeta, &[]) {
        Ok(meta) => meta,
        Err(Broken::NeedMore(needed)) => return Ok(Err(needed)),
        Err(error) => return Err(refused(path, error)),
    };
    let guessed = guess_encoding(&bytes[meta.end.min(bytes.len())..]);
    let (syntax, doubts) = syntax_of(path, &meta.dataset, guessed)?;
    if syntax.deflated {
        return interpret_deflated(source, syntax, &meta, doubts, wanted, tell).map(Ok);
    }
    match parse(bytes, meta.end, total, syntax.encoding, Until::PixelData, wanted) {
        Ok(parsed) => tell(Content { source, syntax, total, meta: &meta, parsed: &parsed, doubts }).map(Ok),
        Err(Broken::NeedMore(needed)) => Ok(Err(needed)),
        Err(error) => Err(refused(path, error)),
    }
}

/// The refusal of a data set that cannot be read.
fn refused(path: &Path, broken: Broken) -> Refusal {
    let (code, helps) = match broken {
        Broken::TooMany(_) => (RefusalCode::TooLarge, ""),
        Broken::Truncated { .. } => (RefusalCode::Truncated, "; copy it again from where it came"),
        _ => (RefusalCode::Inconsistent, "; it is damaged: copy it again, or export it again"),
    };
    Refusal::new(path, code, format!("{broken}{helps}"))
}

/// A file that is deflated behind its meta information, inflated as far as its header reaches and then
/// looked through to its end, to know how long it is.
fn interpret_deflated<T>(
    source: Source<'_>,
    syntax: Syntax,
    meta: &Parsed<'_>,
    doubts: Vec<Doubt>,
    wanted: &[Tag],
    tell: &impl Fn(Content<'_, '_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let Source { path, mut file, .. } = source;
    file.seek(SeekFrom::Start(meta.end as u64)).map_err(|error| Refusal::unreadable(path, &error))?;
    let mut inflating = DeflateDecoder::new(BufReader::new(file));
    let mut inflated = Vec::new();
    let mut sought = FIRST_LOOK;
    loop {
        let whole = inflate_up_to(&mut inflating, &mut inflated, sought);
        if inflated.is_empty() {
            let text = "what should be deflated data is none";
            return Err(Refusal::new(path, RefusalCode::Damaged, text));
        }
        let total = if whole { inflated.len() } else { usize::MAX };
        match parse(&inflated, 0, total, syntax.encoding, Until::PixelData, wanted) {
            Ok(parsed) => {
                let rest = if whole { 0 } else { rest_of(path, inflating)? };
                let total = inflated.len() + rest;
                return tell(Content { source, syntax, total, meta, parsed: &parsed, doubts });
            }
            Err(Broken::NeedMore(_)) if whole => {
                let text = "the deflated data cannot be inflated as far as the pixel data";
                return Err(Refusal::new(path, RefusalCode::Damaged, text));
            }
            Err(Broken::NeedMore(needed)) if needed > LONGEST_DEFLATED_HEADER => {
                return Err(header_too_long(path, LONGEST_DEFLATED_HEADER));
            }
            Err(Broken::NeedMore(needed)) => sought = needed.max(sought * 4).min(LONGEST_DEFLATED_HEADER),
            Err(error) => return Err(refused(path, error)),
        }
    }
}

/// Makes `inflated` the first `wanted` bytes; whether it was fewer, and all there are.
fn inflate_up_to(inflating: &mut impl Read, inflated: &mut Vec<u8>, wanted: usize) -> bool {
    let missing = wanted.saturating_sub(inflated.len());
    inflated.reserve_exact(missing);
    let read = inflating.take(missing as u64).read_to_end(inflated);
    read.is_err() || inflated.len() < wanted
}

/// How many bytes are still to come, which are looked at and let go.
fn rest_of(path: &Path, inflating: impl Read) -> Result<usize, Refusal> {
    let mut rest = Counted(0);
    // What stands behind damage does not count.
    let _ = std::io::copy(&mut inflating.take(MOST_INFLATED), &mut rest);
    if rest.0 < MOST_INFLATED {
        return Ok(rest.0 as usize);
    }
    let text = format!("inflates to more than {} GB, which is not opened", MOST_INFLATED >> 30);
    Err(Refusal::new(path, RefusalCode::TooLarge, text))
}

/// Counts what is written and keeps nothing.
struct Counted(u64);

impl std::io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn header_too_long(path: &Path, longest: usize) -> Refusal {
    let text = format!("has a header of more than {} MB", longest >> 20);
    Refusal::new(path, RefusalCode::TooLarge, text)
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
