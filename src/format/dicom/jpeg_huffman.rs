//! Huffman-coded data of JPEG (ISO/IEC 10918-1 Annexes C and F), but for what the codes mean.

use super::jpeg_segments::JpegError::{self, Damaged, TooShort};

/// How many bits are looked up at once; longer codes are rare and searched.
const LOOKUP_BITS: u32 = 10;

/// A Huffman table.
pub(super) struct Huffman {
    /// Code length and symbol for the next [`LOOKUP_BITS`] bits; length 0 for a longer code.
    lookup: Vec<(u8, u8)>,
    /// For each code length: one past its last code, aligned to 16 bits, and what to add to a code to
    /// find its symbol.
    limits: [(u32, i32); 17],
    symbols: Vec<u8>,
}

impl Huffman {
    /// From the number of codes of each length and their symbols (B.2.4.2 and Annex C).
    fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut lookup = vec![(0, 0); 1 << LOOKUP_BITS];
        let mut limits = [(0, 0); 17];
        let (mut code, mut place) = (0u32, 0usize);
        for length in 1..=16u32 {
            let count = usize::from(counts[length as usize - 1]);
            limits[length as usize].1 = place as i32 - code as i32;
            for symbol in &symbols[place..place + count] {
                if code >> length != 0 {
                    return None;
                }
                if length <= LOOKUP_BITS {
                    let shift = LOOKUP_BITS - length;
                    let first = (code << shift) as usize;
                    lookup[first..first + (1 << shift)].fill((length as u8, *symbol));
                }
                code += 1;
            }
            place += count;
            limits[length as usize].0 = code << (16 - length);
            code <<= 1;
        }
        Some(Self { lookup, limits, symbols: symbols.to_vec() })
    }

    /// The next symbol; 32 bits must be ready, and 16 are left.
    #[inline(always)]
    pub(super) fn symbol(&self, bits: &mut Bits<'_>) -> Result<u8, JpegError> {
        let next = bits.peek(16);
        let (length, symbol) = match self.lookup[(next >> (16 - LOOKUP_BITS)) as usize] {
            (0, _) => self.search(next)?,
            found => found,
        };
        bits.skip(u32::from(length));
        Ok(symbol)
    }

    #[cold]
    fn search(&self, next: u32) -> Result<(u8, u8), JpegError> {
        for length in LOOKUP_BITS + 1..=16 {
            let (limit, offset) = self.limits[length as usize];
            if next < limit {
                let place = (next >> (16 - length)) as i32 + offset;
                let symbol = usize::try_from(place).ok().and_then(|place| self.symbols.get(place));
                return symbol.map(|symbol| (length as u8, *symbol)).ok_or(Damaged("an undefined code"));
            }
        }
        Err(Damaged("an undefined code"))
    }
}

/// The tables of a codestream: for differences of the mean (class 0) or other coefficients, by number.
#[derive(Default)]
pub(super) struct Tables([[Option<Huffman>; 4]; 2]);

impl Tables {
    /// Reads the tables of a segment (B.2.4.2).
    pub(super) fn define(&mut self, mut segment: &[u8]) -> Result<(), JpegError> {
        while let Some((&head, rest)) = segment.split_first() {
            let counts: &[u8; 16] = rest.first_chunk().ok_or(TooShort)?;
            let total = counts.iter().map(|count| usize::from(*count)).sum();
            let symbols = rest[16..].get(..total).ok_or(TooShort)?;
            let table = Huffman::new(counts, symbols).ok_or(Damaged("a Huffman table is not one"))?;
            let class = self.0.get_mut(usize::from(head >> 4));
            let place = class.and_then(|class| class.get_mut(usize::from(head & 0x0f)));
            *place.ok_or(Damaged("a Huffman table of no place"))? = Some(table);
            segment = &rest[16 + total..];
        }
        Ok(())
    }

    /// The table of a class and a number below 16.
    pub(super) fn get(&self, class: usize, number: u8) -> Result<&Huffman, JpegError> {
        let table = self.0.get(class).and_then(|class| class.get(usize::from(number)));
        table.and_then(Option::as_ref).ok_or(Damaged("a scan without its Huffman table"))
    }
}

/// Entropy-coded bits, highest first.
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

    /// Makes at least 32 bits ready: a code of 16 and a difference of 16 at most.
    #[inline(always)]
    pub(super) fn fill(&mut self) {
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
        while self.count <= 56 {
            let byte = match self.bytes.get(self.at..) {
                // A byte of 0xff in the data is followed by a zero that means nothing (F.1.2.3).
                Some([0xff, 0x00, ..]) => {
                    self.at += 2;
                    0xff
                }
                Some([byte, ..]) if *byte != 0xff => {
                    self.at += 1;
                    *byte
                }
                // A marker or the end: the decoder may look ahead of it, but not use what it sees.
                _ => {
                    self.invented += 8;
                    0
                }
            };
            self.ahead |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// A number of `category` bits, below 16, the lower half of which stands for negative ones
    /// (F.1.2.1.1).
    #[inline(always)]
    pub(super) fn signed(&mut self, category: u8) -> i32 {
        if category == 0 {
            return 0;
        }
        let value = self.peek(category.into()) as i32;
        self.skip(category.into());
        let negative = value >> (category - 1) == 0;
        if negative { value - (1 << category) + 1 } else { value }
    }

    #[inline(always)]
    fn peek(&self, bits: u32) -> u32 {
        (self.ahead >> (64 - bits)) as u32
    }

    #[inline(always)]
    fn skip(&mut self, bits: u32) {
        self.ahead <<= bits;
        self.count -= bits;
    }

    /// Whether bits were used that are not in the data.
    pub(super) fn overran(&self) -> bool {
        self.invented > self.count
    }

    /// Goes on behind the restart marker that ends this interval (F.2.2.5).
    pub(super) fn restart(&mut self) -> Result<(), JpegError> {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        let fill = rest.iter().take_while(|byte| **byte == 0xff).count();
        match rest.get(fill) {
            Some(0xd0..=0xd7) if fill > 0 => {
                *self = Self { at: self.at + fill + 1, ..Self::new(self.bytes) };
                Ok(())
            }
            _ => Err(Damaged("no restart marker stands where one should")),
        }
    }
}
