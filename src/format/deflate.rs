//! Deflate (RFC 1951) for rows of labels.
//!
//! A label goes on as it began or as the row above went, and little else repeats: each stretch is told as
//! one of these two or byte by byte, and nothing is searched for. One pass makes the tokens, which are few
//! enough that each has its bits in a table.
//!
//! Always true: any bytes come out again; the same bytes go in, the same stream comes out.
//!
//! Must never know: what the labels mean, what stands around the stream.

/// The shortest and the longest stretch that one token tells.
const LENGTHS: std::ops::RangeInclusive<usize> = 3..=258;
/// How far back a stretch may refer.
const WINDOW: usize = 1 << 15;
/// What a reference to the row above costs more than one to the label before, in bytes of a stretch.
const DEARER: usize = 4;

/// Tokens: 256 literal bytes, then stretches of 3 to 258 bytes as the label before, then as the row above.
const TOKENS: usize = 3 * 256;
const END_OF_BLOCK: usize = 256;
const LITERAL_CODES: usize = 286;
const DISTANCE_CODES: usize = 30;

/// One block of deflate, not the last one, padded to whole bytes by an empty block. `bytes` must not be
/// empty; labels take `label` bytes each and rows `row` bytes.
pub(super) fn deflate_rows(bytes: &[u8], label: usize, row: usize) -> Vec<u8> {
    // What is not alike is not referred to: where rows are too long any other distance does.
    let above = if (label + 1..=WINDOW).contains(&row) { row } else { 2 * label };
    let distances = [label, above];
    let tokens = tokens_of(bytes, distances);
    let mut counts = [0u32; TOKENS];
    tokens.iter().for_each(|token| counts[usize::from(*token)] += 1);
    let code = Code::of(&counts, distances);
    let mut bits = Bits { bytes: Vec::with_capacity(tokens.len() + 128), waiting: 0, count: 0 };
    code.write_to(&mut bits);
    let table = code.table(distances);
    tokens.iter().for_each(|token| bits.put(table[usize::from(*token)]));
    bits.put(code.literals[END_OF_BLOCK]);
    bits.put(Word { bits: 0, count: 3 });
    bits.pad();
    bits.bytes.extend([0, 0, 0xff, 0xff]);
    bits.bytes
}

/// The bytes as tokens, the longer of both stretches wherever one begins.
fn tokens_of(bytes: &[u8], distances: [usize; 2]) -> Vec<u16> {
    let mut tokens = Vec::with_capacity(bytes.len() / 128);
    let mut at = 0;
    while at < bytes.len() {
        let [along, above] = [alike(bytes, at, distances[0]), alike(bytes, at, distances[1])];
        let (kind, length) = if above > along + DEARER { (2, above) } else { (1, along) };
        if length < *LENGTHS.start() {
            tokens.push(bytes[at].into());
            at += 1;
            continue;
        }
        let end = at + length;
        while end - at >= *LENGTHS.start() {
            let length = (end - at).min(*LENGTHS.end());
            tokens.push(kind << 8 | (length - LENGTHS.start()) as u16);
            at += length;
        }
    }
    tokens
}

/// How many bytes from a place on are those that stand `distance` before.
fn alike(bytes: &[u8], at: usize, distance: usize) -> usize {
    let Some(start) = at.checked_sub(distance) else { return 0 };
    let (these, those) = (&bytes[at..], &bytes[start..]);
    let (eights, rest) = these.as_chunks::<8>();
    let (other_eights, other_rest) = those[..these.len()].as_chunks::<8>();
    for (n, (these, those)) in eights.iter().zip(other_eights).enumerate() {
        let difference = u64::from_le_bytes(*these) ^ u64::from_le_bytes(*those);
        if difference != 0 {
            return 8 * n + difference.trailing_zeros() as usize / 8;
        }
    }
    8 * eights.len() + rest.iter().zip(other_rest).take_while(|(this, that)| this == that).count()
}

/// Bits to be written, the first one lowest.
#[derive(Clone, Copy, Default)]
struct Word {
    bits: u64,
    count: u32,
}

impl Word {
    fn then(self, next: Self) -> Self {
        Self { bits: self.bits | next.bits << self.count, count: self.count + next.count }
    }
}

/// A stream of bits under way; fewer than 16 wait for their bytes.
struct Bits {
    bytes: Vec<u8>,
    waiting: u64,
    count: u32,
}

impl Bits {
    /// Appends at most 48 bits.
    fn put(&mut self, word: Word) {
        self.waiting |= word.bits << self.count;
        self.count += word.count;
        while self.count >= 16 {
            self.bytes.extend((self.waiting as u16).to_le_bytes());
            self.waiting >>= 16;
            self.count -= 16;
        }
    }

    /// Fills the last byte up.
    fn pad(&mut self) {
        self.bytes.extend(&self.waiting.to_le_bytes()[..self.count.div_ceil(8) as usize]);
        (self.waiting, self.count) = (0, 0);
    }
}

/// The code of a length or a distance, and the bits that tell the rest (RFC 1951, 3.2.5). Codes come in
/// groups of `1 << fine` that share a number of such bits.
fn code_and_rest(beyond_least: usize, fine: u32) -> (usize, Word) {
    let Some(count) = (beyond_least >> fine).checked_ilog2() else { return (beyond_least, Word::default()) };
    let code = ((count as usize) << fine) + (beyond_least >> count);
    (code, Word { bits: (beyond_least & ((1 << count) - 1)) as u64, count })
}

fn length_code(length: usize) -> (usize, Word) {
    let (code, rest) = match length {
        258 => (28, Word::default()),
        _ => code_and_rest(length - LENGTHS.start(), 2),
    };
    (END_OF_BLOCK + 1 + code, rest)
}

fn distance_code(distance: usize) -> (usize, Word) {
    code_and_rest(distance - 1, 1)
}

/// The Huffman code of one block.
struct Code {
    literals: Vec<Word>,
    distances: Vec<Word>,
}

impl Code {
    fn of(counts: &[u32; TOKENS], distances: [usize; 2]) -> Self {
        let mut literals = [0; LITERAL_CODES];
        let mut distance_counts = [0; DISTANCE_CODES];
        literals[..256].copy_from_slice(&counts[..256]);
        literals[END_OF_BLOCK] = 1;
        for (counts, distance) in counts[256..].chunks_exact(256).zip(distances) {
            for (length, count) in LENGTHS.zip(counts) {
                literals[length_code(length).0] += count;
            }
            // Never alone: some readers refuse a code of one word.
            distance_counts[distance_code(distance).0] = 1 + counts.iter().sum::<u32>();
        }
        Self { literals: words_of(&literals, 15), distances: words_of(&distance_counts, 15) }
    }

    /// The bits of each token.
    fn table(&self, distances: [usize; 2]) -> Vec<Word> {
        let mut table = self.literals[..256].to_vec();
        for distance in distances {
            let (code, rest) = distance_code(distance);
            let distance = self.distances[code].then(rest);
            table.extend(LENGTHS.map(|length| {
                let (code, rest) = length_code(length);
                self.literals[code].then(rest).then(distance)
            }));
        }
        table
    }

    /// Begins a block with dynamic codes (RFC 1951, 3.2.7).
    fn write_to(&self, bits: &mut Bits) {
        const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        let used = |words: &[Word]| words.iter().rposition(|word| word.count > 0).map_or(0, |last| last + 1);
        let (literals, distances) =
            (&self.literals[..used(&self.literals)], &self.distances[..used(&self.distances)]);
        let lengths: Vec<u32> = literals.iter().chain(distances).map(|word| word.count).collect();
        let runs = runs_of(&lengths);
        let mut counts = [0; ORDER.len()];
        runs.iter().for_each(|(symbol, _)| counts[*symbol] += 1);
        let words = words_of(&counts, 7);
        let sent =
            ORDER.iter().rposition(|symbol| words[*symbol].count > 0).map_or(0, |last| last + 1).max(4);
        let number = |bits: usize, count: u32| Word { bits: bits as u64, count };
        const NOT_LAST_AND_DYNAMIC: usize = 0b100;
        bits.put(number(NOT_LAST_AND_DYNAMIC, 3));
        bits.put(number(literals.len() - 257, 5));
        bits.put(number(distances.len() - 1, 5));
        bits.put(number(sent - 4, 4));
        ORDER[..sent].iter().for_each(|symbol| bits.put(number(words[*symbol].count as usize, 3)));
        runs.iter().for_each(|(symbol, rest)| bits.put(words[*symbol].then(*rest)));
    }
}

/// The lengths of words as they are sent: a length, or how often the last one or 0 comes again.
fn runs_of(lengths: &[u32]) -> Vec<(usize, Word)> {
    let mut runs = Vec::new();
    for alike in lengths.chunk_by(|a, b| a == b) {
        let (length, mut left) = (alike[0], alike.len());
        if length > 0 {
            runs.push((length as usize, Word::default()));
            left -= 1;
        }
        while left > 0 {
            let (symbol, least, most, count) = match (length, left) {
                (0, 11..) => (18, 11, 138, 7),
                (0, 3..) => (17, 3, 10, 3),
                (_, 3..) => (16, 3, 6, 2),
                _ => (length as usize, 1, 1, 0),
            };
            let now = left.min(most);
            runs.push((symbol, Word { bits: (now - least) as u64, count }));
            left -= now;
        }
    }
    runs
}

/// The words of the canonical Huffman code (RFC 1951, 3.2.2) of symbols that come so often, none longer
/// than `longest` bits. Two symbols at least must come.
fn words_of(counts: &[u32], longest: u32) -> Vec<Word> {
    let mut words = vec![Word::default(); counts.len()];
    for (symbol, length) in lengths_of(counts, longest) {
        words[symbol].count = length;
    }
    let mut next = 0u64;
    for length in 1..=longest {
        for word in words.iter_mut().filter(|word| word.count == length) {
            word.bits = next.reverse_bits() >> (u64::BITS - length);
            next += 1;
        }
        next <<= 1;
    }
    words
}

/// How long the word of each symbol is, so that all together take the fewest bits: package-merge (Larmore
/// and Hirschberg, "A fast algorithm for optimal length-limited Huffman codes", J. ACM 37, 1990).
fn lengths_of(counts: &[u32], longest: u32) -> Vec<(usize, u32)> {
    let mut symbols: Vec<usize> = (0..counts.len()).filter(|symbol| counts[*symbol] > 0).collect();
    symbols.sort_by_key(|symbol| counts[*symbol]);
    // Each level's coins, rising, and whether each is a symbol or a package of two coins of the level before.
    let mut levels: Vec<Vec<(u32, bool)>> = Vec::new();
    for _ in 0..longest {
        let packages = levels.last().into_iter().flat_map(|coins| coins.chunks_exact(2));
        let packages = packages.map(|pair| (pair[0].0 + pair[1].0, false));
        let mut coins: Vec<(u32, bool)> = symbols.iter().map(|symbol| (counts[*symbol], true)).collect();
        coins.extend(packages);
        coins.sort_by_key(|coin| coin.0);
        levels.push(coins);
    }
    let mut lengths: Vec<(usize, u32)> = symbols.into_iter().map(|symbol| (symbol, 0)).collect();
    let mut bought = 2 * (lengths.len() - 1);
    for coins in levels.iter().rev() {
        let of_symbols = coins[..bought].iter().filter(|coin| coin.1).count();
        lengths[..of_symbols].iter_mut().for_each(|(_, length)| *length += 1);
        bought = 2 * (bought - of_symbols);
    }
    lengths
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What two readers make of the block, ended by an empty last one.
    fn inflated(block: &[u8], length: usize) -> [Vec<u8>; 2] {
        let stream = [block, &[3, 0]].concat();
        let mut out = vec![0xAA; length];
        let written = libdeflater::Decompressor::new().deflate_decompress(&stream, &mut out);
        assert_eq!(written, Ok(length));
        let mut again = Vec::new();
        std::io::Read::read_to_end(&mut flate2::bufread::DeflateDecoder::new(&stream[..]), &mut again)
            .expect("a sound stream");
        [out, again]
    }

    fn check(bytes: &[u8], label: usize, row: usize) -> usize {
        let block = deflate_rows(bytes, label, row);
        assert!(inflated(&block, bytes.len()).iter().all(|out| out == bytes), "{label} {row}");
        block.len()
    }

    fn noise(length: usize) -> Vec<u8> {
        (0..length as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
    }

    proptest! {
        #[test]
        fn rows_come_out_as_they_went_in(
            runs in prop::collection::vec((0u8..4, 1usize..700), 1..60),
            label in 1usize..3,
            row in prop::sample::select(vec![1, 2, 3, 5, 64, 512, 32_768, 32_769]),
        ) {
            let bytes: Vec<u8> = runs.iter().flat_map(|(value, count)| vec![*value; *count]).collect();
            check(&bytes, label, row);
        }
    }

    #[test]
    fn what_does_not_repeat_costs_little_and_what_does_next_to_nothing() {
        check(&[7], 1, 512);
        check(&[7, 7], 2, 2);
        assert!(check(&noise(200_000), 1, 512) < 202_000);
        assert!(check(&vec![3; 1 << 18], 1, 512) < 500);
        let alike = noise(512).repeat(256);
        assert!(check(&alike, 1, 512) < 1500);
        assert!(check(&alike, 2, 512) < 1500);
    }

    #[test]
    fn no_word_is_longer_than_it_may_be() {
        // Of counts like these Huffman's own words grow by a bit with each symbol.
        let mut counts = vec![1, 1];
        while counts.len() < 24 {
            counts.push(counts[counts.len() - 1] + counts[counts.len() - 2]);
        }
        let check_words = |counts: &[u32], longest| {
            let lengths = lengths_of(counts, longest);
            assert!(lengths.iter().all(|(_, length)| (1..=longest).contains(length)));
            let room: u64 = lengths.iter().map(|(_, length)| 1 << (longest - length)).sum();
            assert_eq!(room, 1 << longest, "no bit pattern is left over");
        };
        check_words(&counts, 15);
        check_words(&counts[..10], 7);
        check_words(&counts[..4], 15);
        let bytes: Vec<u8> =
            counts.iter().zip(0..).flat_map(|(count, value)| vec![value; *count as usize]).collect();
        // In an order that leaves literals: no three alike.
        let mixed: Vec<u8> = (0..bytes.len()).map(|n| bytes[n * 48_271 % bytes.len()]).collect();
        check(&mixed, 1, 512);
    }
}
