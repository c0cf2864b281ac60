//! Deflate streams in gzip (RFC 1952) or zlib (RFC 1950) wrapping: inflated whole, in steps or from
//! their start; and gzip written piece by piece.
//!
//! Always true: bytes are handed out as good only after the checksums of all their members agree;
//! what is written is one member with neither name nor time, the same bytes for the same input.
//!
//! Must never know: what the bytes mean.

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, LazyLock};

use flate2::bufread::{GzDecoder, MultiGzDecoder, ZlibDecoder};
use flate2::{Compress, Compression, Crc, FlushCompress};

use super::deflate::deflate_rows;
use crate::volume::Buffer;

/// Deflate cannot make more than this many bytes out of one (RFC 1951: 258 bytes from two bits).
const GREATEST_EXPANSION: u64 = 1032;

/// Bytes inflated between two looks at whether to go on.
const STEP: usize = 1 << 20;

/// How much may follow the wanted bytes and still be inflated for the sake of the checksum.
const GREATEST_SPILL: usize = 64 << 20;

/// Whether a file that starts like this is gzip with the only compression method there is.
pub(super) fn is_gzip(first_bytes: &[u8]) -> bool {
    first_bytes.starts_with(&[0x1f, 0x8b, 0x08])
}

/// Whether `compressed` bytes can hold as many as `inflated`; a file that fails this lies.
pub(super) fn can_hold(compressed: u64, inflated: u64) -> bool {
    inflated / GREATEST_EXPANSION <= compressed
}

/// The first `count` inflated bytes, fewer where the stream ends or breaks before.
pub(super) fn inflate_start(compressed: impl io::BufRead, count: usize) -> Vec<u8> {
    let mut start = vec![0; count];
    let mut decoder = MultiGzDecoder::new(compressed);
    let mut filled = 0;
    while filled < count {
        match decoder.read(&mut start[filled..]) {
            Ok(read) if read > 0 => filled += read,
            _ => break,
        }
    }
    start.truncate(filled);
    start
}

/// What stands around a deflate stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrapping {
    /// Gzip; one or more members.
    Gzip,
    /// Zlib.
    Zlib,
}

/// Why a stream did not give the bytes wanted of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InflateError {
    /// It ended after this many.
    Truncated(usize),
    /// After this many it stopped making sense, or its checksum was wrong.
    Damaged(usize),
    /// It was told to stop.
    Stopped,
}

/// What came after the wanted bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Nothing.
    End,
    /// More inflated bytes, or bytes that are not gzip.
    TrailingBytes,
}

/// Inflates on a thread of its own, in one call of libdeflate, which is the fastest way there is but
/// cannot be stopped: who no longer wants the result drops the receiver and goes on.
///
/// Gives `Ok` when the stream is one sound member of exactly `out.len()` bytes, else `out` back.
pub(super) fn inflate_at_once(
    wrapping: Wrapping,
    compressed: Arc<Buffer<u8>>,
    mut out: Buffer<u8>,
) -> Receiver<Result<Buffer<u8>, Buffer<u8>>> {
    let (sender, receiver) = sync_channel(1);
    let work = move || {
        let mut inflater = libdeflater::Decompressor::new();
        let written = match wrapping {
            Wrapping::Gzip => inflater.gzip_decompress(&compressed, &mut out),
            Wrapping::Zlib => inflater.zlib_decompress(&compressed, &mut out),
        };
        // Nobody receives once the read was cancelled.
        let _ = sender.send(if written == Ok(out.len()) { Ok(out) } else { Err(out) });
    };
    // Where the system gives no thread the sender is dropped, which the receiver sees.
    let _ = std::thread::Builder::new().name("inflate".into()).spawn(work);
    receiver
}

/// Fills `out` with the inflated bytes from `first` on, asking `goes_on(bytes so far)` now and then;
/// whether it came so far. No checksum is looked at.
pub(super) fn inflate_stretch(
    wrapping: Wrapping,
    compressed: &[u8],
    first: usize,
    out: &mut [u8],
    mut goes_on: impl FnMut(usize) -> bool,
) -> bool {
    let mut decoder = decoder(wrapping, compressed);
    let mut skipped = vec![0; STEP];
    let mut done = 0;
    while done < first {
        let wanted = (first - done).min(STEP);
        if !goes_on(done) || decoder.read_exact(&mut skipped[..wanted]).is_err() {
            return false;
        }
        done += wanted;
    }
    goes_on(done) && decoder.read_exact(out).is_ok()
}

/// Whether the stream may be one member of `length` bytes: the last four bytes of a gzip member are
/// its length modulo 2³²; zlib has one member and does not tell.
pub(super) fn may_be_one_member(wrapping: Wrapping, compressed: &[u8], length: usize) -> bool {
    let tells_length =
        || compressed.last_chunk().is_some_and(|tail| u32::from_le_bytes(*tail) == length as u32);
    wrapping == Wrapping::Zlib || tells_length()
}

fn decoder(wrapping: Wrapping, compressed: &[u8]) -> Box<dyn Read + '_> {
    match wrapping {
        Wrapping::Gzip => Box::new(MultiGzDecoder::new(compressed)),
        Wrapping::Zlib => Box::new(ZlibDecoder::new(compressed)),
    }
}

/// Whether all members together hold `length` bytes at least, told without keeping any; whether the
/// bytes are sound is not looked at. Asks `goes_on(bytes so far)` now and then.
pub(super) fn holds(
    wrapping: Wrapping,
    compressed: &[u8],
    length: usize,
    mut goes_on: impl FnMut(usize) -> bool,
) -> bool {
    let mut decoder = decoder(wrapping, compressed);
    let mut step = vec![0; STEP];
    let mut found = 0;
    while found < length && goes_on(found) {
        match decoder.read(&mut step) {
            Ok(read) if read > 0 => found += read,
            _ => break,
        }
    }
    found >= length
}

/// Fills `out` from all members in steps, asking `goes_on(what is there so far)` after each.
pub(super) fn inflate_in_steps(
    wrapping: Wrapping,
    compressed: &[u8],
    out: &mut [u8],
    goes_on: impl FnMut(&[u8]) -> bool,
) -> Result<After, InflateError> {
    let mut filling = Filling { out, filled: 0, spill: vec![0; STEP], spilled: 0, goes_on };
    let mut rest = compressed;
    while filling.spilled <= GREATEST_SPILL {
        match wrapping {
            Wrapping::Gzip => {
                let mut member = GzDecoder::new(rest);
                filling.take_all_of(&mut member)?;
                rest = member.into_inner();
            }
            Wrapping::Zlib => {
                let mut stream = ZlibDecoder::new(rest);
                filling.take_all_of(&mut stream)?;
                rest = stream.into_inner();
            }
        }
        if wrapping == Wrapping::Zlib || !is_gzip(rest) {
            break;
        }
    }
    match (filling.filled == filling.out.len(), filling.spilled == 0 && rest.is_empty()) {
        (false, _) => Err(InflateError::Truncated(filling.filled)),
        (true, true) => Ok(After::End),
        (true, false) => Ok(After::TrailingBytes),
    }
}

/// Wanted bytes on their way in, and how many came that nobody wanted.
struct Filling<'a, F> {
    out: &'a mut [u8],
    filled: usize,
    spill: Vec<u8>,
    spilled: usize,
    goes_on: F,
}

impl<F: FnMut(&[u8]) -> bool> Filling<'_, F> {
    /// Inflates to the end of a member, or until too much came that nobody wanted.
    fn take_all_of(&mut self, member: &mut impl Read) -> Result<(), InflateError> {
        while self.spilled <= GREATEST_SPILL {
            let wanted = (self.out.len() - self.filled).min(STEP);
            let target =
                if wanted > 0 { &mut self.out[self.filled..self.filled + wanted] } else { &mut self.spill };
            match member.read(target) {
                Ok(0) => break,
                Ok(read) if wanted > 0 => self.filled += read,
                Ok(read) => self.spilled += read,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(InflateError::Truncated(self.filled));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(InflateError::Damaged(self.filled)),
            }
            if !(self.goes_on)(&self.out[..self.filled]) {
                return Err(InflateError::Stopped);
            }
        }
        Ok(())
    }
}

/// A stretch of a deflate stream that ends on a byte boundary and refers to nothing before it, so
/// that stretches can be made in parallel and put one after another.
pub(super) struct Piece {
    deflated: Vec<u8>,
    checksum: Crc,
    length: u64,
}

impl Piece {
    /// Deflates `bytes`, which must not be empty.
    pub(super) fn of(bytes: &[u8], level: u32) -> Self {
        let mut deflater = Compress::new(Compression::new(level), false);
        let mut deflated = Vec::with_capacity(bytes.len() / 16 + 64);
        loop {
            let consumed = deflater.total_in() as usize;
            deflater
                .compress_vec(&bytes[consumed..], &mut deflated, FlushCompress::Sync)
                .expect("a deflater that was never finished takes any input");
            if deflater.total_in() as usize == bytes.len() && deflated.len() < deflated.capacity() {
                break;
            }
            deflated.reserve(bytes.len() / 4 + 64);
        }
        Self::sealed(deflated, bytes)
    }

    /// Deflates rows of labels, which must not be empty: many times faster than what knows nothing of
    /// them, and no larger.
    pub(super) fn of_rows(bytes: &[u8], label_bytes: usize, row_bytes: usize) -> Self {
        Self::sealed(deflate_rows(bytes, label_bytes, row_bytes), bytes)
    }

    fn sealed(deflated: Vec<u8>, bytes: &[u8]) -> Self {
        let mut checksum = Crc::new();
        checksum.update(bytes);
        Self { deflated, checksum, length: bytes.len() as u64 }
    }
}

/// Runs of 2⁰, 2¹, … zeroes, deflated once; any other run is put together from them.
static ZEROES: LazyLock<Vec<Piece>> = LazyLock::new(|| {
    let zeroes = vec![0; 1 << LONGEST_ZEROES];
    (0..=LONGEST_ZEROES).map(|power| Piece::of(&zeroes[..1 << power], 6)).collect()
});
const LONGEST_ZEROES: usize = 20;

/// One gzip member under way.
pub(super) struct Member<W: Write> {
    sink: W,
    checksum: Crc,
    length: u64,
}

impl<W: Write> Member<W> {
    /// Begins a member that tells neither a name nor a time (RFC 1952, 2.3).
    pub(super) fn begin(mut sink: W) -> io::Result<Self> {
        const UNKNOWN_SYSTEM: u8 = 255;
        sink.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, UNKNOWN_SYSTEM])?;
        Ok(Self { sink, checksum: Crc::new(), length: 0 })
    }

    /// Appends a piece.
    pub(super) fn append(&mut self, piece: &Piece) -> io::Result<()> {
        self.sink.write_all(&piece.deflated)?;
        self.checksum.combine(&piece.checksum);
        self.length += piece.length;
        Ok(())
    }

    /// Appends `count` zeroes at the cost of copying a thousandth of them.
    pub(super) fn append_zeroes(&mut self, count: u64) -> io::Result<()> {
        for _ in 0..count >> LONGEST_ZEROES {
            self.append(&ZEROES[LONGEST_ZEROES])?;
        }
        for power in (0..LONGEST_ZEROES).rev().filter(|power| count >> power & 1 == 1) {
            self.append(&ZEROES[power])?;
        }
        Ok(())
    }

    /// How many bytes were put in so far.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Ends the member.
    pub(super) fn finish(mut self) -> io::Result<()> {
        const LAST_EMPTY_BLOCK: [u8; 2] = [3, 0];
        self.sink.write_all(&LAST_EMPTY_BLOCK)?;
        self.sink.write_all(&self.checksum.sum().to_le_bytes())?;
        self.sink.write_all(&(self.length as u32).to_le_bytes())?;
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(length: usize) -> Vec<u8> {
        (0..length as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
    }

    fn member_of(parts: &[(Vec<u8>, u64)]) -> (Vec<u8>, Vec<u8>) {
        let (mut compressed, mut plain) = (Vec::new(), Vec::new());
        let mut member = Member::begin(&mut compressed).expect("memory");
        for (bytes, zeroes) in parts {
            member.append(&Piece::of(bytes, 3)).expect("memory");
            member.append_zeroes(*zeroes).expect("memory");
            plain.extend_from_slice(bytes);
            plain.resize(plain.len() + *zeroes as usize, 0);
        }
        assert_eq!(member.length(), plain.len() as u64);
        member.finish().expect("memory");
        (compressed, plain)
    }

    #[test]
    fn pieces_and_zeroes_make_one_sound_member() {
        let check = |parts: &[(Vec<u8>, u64)]| {
            let (compressed, plain) = member_of(parts);
            let mut out = vec![0xAA; plain.len()];
            assert!(may_be_one_member(Wrapping::Gzip, &compressed, plain.len()));
            let written = libdeflater::Decompressor::new().gzip_decompress(&compressed, &mut out);
            assert_eq!(written, Ok(plain.len()));
            assert!(out == plain);
        };
        check(&[(vec![7], 0)]);
        check(&[(noise(100_000), 1), (noise(3), 5_000_001), (vec![1; 70_000], (1 << 20) - 1)]);
    }

    #[test]
    fn steps_take_several_members_and_name_what_is_wrong() {
        let (first, plain) = member_of(&[(noise(200_000), 10)]);
        let (second, more) = member_of(&[(noise(50), 3_000_000)]);
        let both = [first.clone(), second].concat();
        let whole = [plain.clone(), more].concat();
        let check = |compressed: &[u8], wanted: usize, expected| {
            let mut out = vec![0; wanted];
            assert_eq!(inflate_in_steps(Wrapping::Gzip, compressed, &mut out, |_| true), expected);
            let sound = if expected.is_ok() { wanted } else { 0 };
            assert!(out[..sound] == whole[..sound]);
        };
        check(&both, whole.len(), Ok(After::End));
        check(&both, plain.len(), Ok(After::TrailingBytes));
        check(&both, whole.len() + 1, Err(InflateError::Truncated(whole.len())));
        check(&[first.clone(), vec![0; 512]].concat(), plain.len(), Ok(After::TrailingBytes));
        let mut bad_checksum = first.clone();
        let place = bad_checksum.len() - 6;
        bad_checksum[place] ^= 1;
        check(&bad_checksum, plain.len(), Err(InflateError::Damaged(plain.len())));
        let cut =
            inflate_in_steps(Wrapping::Gzip, &first[..first.len() / 2], &mut vec![0; plain.len()], |_| true);
        assert!(matches!(cut, Err(InflateError::Truncated(found)) if found > 0 && found < plain.len()));
        let stopped = inflate_in_steps(Wrapping::Gzip, &both, &mut vec![0; whole.len()], |_| false);
        assert_eq!(stopped, Err(InflateError::Stopped));
    }

    #[test]
    fn what_is_held_is_counted_over_all_members() {
        let (first, plain) = member_of(&[(noise(5_000), 3_000_000)]);
        let both = [first.clone(), first].concat();
        let check = |length, expected| {
            assert_eq!(holds(Wrapping::Gzip, &both, length, |_| true), expected, "{length}")
        };
        check(0, true);
        check(2 * plain.len(), true);
        check(2 * plain.len() + 1, false);
        assert!(!holds(Wrapping::Gzip, &both, 2 * plain.len(), |_| false));
    }

    #[test]
    fn a_start_is_given_even_of_a_broken_stream() {
        let (compressed, plain) = member_of(&[(noise(10_000), 0)]);
        assert_eq!(inflate_start(&compressed[..600], 348), plain[..348]);
        assert!(inflate_start(&compressed[..4], 348).is_empty());
    }
}
