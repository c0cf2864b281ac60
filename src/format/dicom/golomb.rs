//! Entropy-coded bits of JPEG-LS: limited-length Golomb codes (ITU-T T.87 A.5.3).
//!
//! Always true: what is read behind the end is zeroes and is counted, so that a caller can tell.

use super::jpeg_segments::JpegError::{self, Damaged, TooShort};

/// A greater mapped error does not come about by coding (A.4.5).
const GREATEST_ERROR: u32 = 1 << 16;

/// Entropy-coded bits, highest first; a byte of 0xff is followed by one of seven bits (A.1).
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next bits, from the highest down.
    ahead: u64,
    count: u32,
    /// Bits that were made up after the end of the data.
    invented: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, ahead: 0, count: 0, invented: 0 }
    }

    /// Makes at least 32 bits ready.
    #[inline(always)]
    fn fill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if let Some(next) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<4>())
            && !next.contains(&0xff)
        {
            self.ahead |= u64::from(u32::from_be_bytes(*next)) << (32 - self.count);
            self.count += 32;
            self.at += 4;
            return;
        }
        self.fill_bytewise();
    }

    fn fill_bytewise(&mut self) {
        while self.count <= 48 {
            let (bits, count) = match self.bytes.get(self.at..).unwrap_or_default() {
                [0xff, next, ..] => (0xff << 7 | u64::from(*next & 0x7f), 15),
                [byte, ..] => (u64::from(*byte), 8),
                [] => {
                    self.invented = self.invented.saturating_add(8);
                    (0, 8)
                }
            };
            self.at += if count == 15 { 2 } else { 1 };
            self.ahead |= bits << (64 - count - self.count);
            self.count += count;
        }
    }

    #[inline(always)]
    fn skip(&mut self, bits: u32) {
        self.ahead <<= bits;
        self.count -= bits;
    }

    /// The next bits, 16 at most.
    #[inline(always)]
    pub(super) fn read(&mut self, bits: u32) -> u32 {
        self.fill();
        // In two steps, as a shift by 64 is none.
        let value = (self.ahead >> 1 >> (63 - bits)) as u32;
        self.skip(bits);
        value
    }

    /// A limited-length Golomb code: as many zeroes as there are times 2ᵏ, a one, k bits; or `limit`
    /// zeroes, a one, and the value less one in `escaped` bits (A.5.3).
    #[inline(always)]
    pub(super) fn golomb(&mut self, k: u32, limit: u32, escaped: u32) -> Result<u32, JpegError> {
        self.fill();
        let zeroes = self.ahead.leading_zeros();
        let length = zeroes + 1 + k;
        let value = if zeroes < limit && length <= 32 {
            let value = zeroes << k | (self.ahead << (zeroes + 1) >> 1 >> (63 - k)) as u32;
            self.skip(length);
            value
        } else {
            self.long_golomb(k, limit, escaped)?
        };
        if value > GREATEST_ERROR { Err(Damaged("an error greater than its values")) } else { Ok(value) }
    }

    fn long_golomb(&mut self, k: u32, limit: u32, escaped: u32) -> Result<u32, JpegError> {
        let mut zeroes = 0;
        while self.read(1) == 0 {
            zeroes += 1;
            if zeroes > limit {
                return Err(if self.invented > 0 { TooShort } else { Damaged("a code without an end") });
            }
        }
        if zeroes == limit {
            return Ok(self.read(escaped) + 1);
        }
        if k > 16 {
            return Err(Damaged("an error greater than its values"));
        }
        Ok(zeroes << k | self.read(k))
    }

    /// Whether bits were used that are not in the data.
    pub(super) fn overran(&self) -> bool {
        self.invented > self.count
    }
}
