//! JPEG lossless, process 14 with any predictor (ISO/IEC 10918-1 Annex H), Huffman coded.
//!
//! Written here because the general decoders keep every difference of a picture before they predict;
//! this one predicts as it reads, which takes half the time.

use super::jpeg_segments::{Segment, SegmentError, Segments};

/// Why a codestream is not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum JpegLosslessError {
    /// The codestream ends inside its headers or its picture.
    #[error("the JPEG codestream ends too early")]
    TooShort,
    /// A segment contradicts the standard or the shape asked for.
    #[error("the JPEG codestream is damaged: {0}")]
    Damaged(&'static str),
}

use JpegLosslessError::{Damaged, TooShort};

impl From<SegmentError> for JpegLosslessError {
    fn from(error: SegmentError) -> Self {
        match error {
            SegmentError::TooShort => TooShort,
            SegmentError::Damaged(why) => Damaged(why),
        }
    }
}

/// Decodes a picture into `out`, components interleaved, whose length is columns × rows × components.
pub(super) fn decode(
    bytes: &[u8],
    columns: usize,
    rows: usize,
    components: usize,
    out: &mut [u16],
) -> Result<(), JpegLosslessError> {
    debug_assert_eq!(out.len(), columns * rows * components);
    let mut tables: [Option<Huffman>; 4] = [const { None }; 4];
    let mut frame: Option<(u8, Vec<u8>)> = None;
    let mut restart_interval = 0;
    let mut segments = Segments::new(bytes)?;
    loop {
        let Segment { marker, contents: segment } = segments.next_segment()?;
        match marker {
            0xc4 => define_tables(segment, &mut tables)?,
            0xc3 => frame = Some(read_frame(segment, columns, rows, components)?),
            0xdd => {
                let interval = segment.first_chunk().ok_or(TooShort)?;
                restart_interval = usize::from(u16::from_be_bytes(*interval));
            }
            0xda => {
                let (precision, ids) = frame.as_ref().ok_or(Damaged("a scan before its frame"))?;
                let scan = Scan::read(segment, *precision, ids, &tables, restart_interval)?;
                return scan.decode(segments.entropy(), columns, out);
            }
            0xc0..=0xcf if ![0xc8, 0xcc].contains(&marker) => {
                return Err(Damaged("its process is not the lossless one"));
            }
            0xd9 => return Err(TooShort),
            _ => {}
        }
    }
}

/// Precision and component identifiers of the frame header (B.2.2).
fn read_frame(
    segment: &[u8],
    columns: usize,
    rows: usize,
    components: usize,
) -> Result<(u8, Vec<u8>), JpegLosslessError> {
    let head: &[u8; 6] = segment.first_chunk().ok_or(TooShort)?;
    let stated =
        [u16::from_be_bytes([head[3], head[4]]), u16::from_be_bytes([head[1], head[2]]), u16::from(head[5])];
    if stated.map(usize::from) != [columns, rows, components] {
        return Err(Damaged("its size is not the size of the image"));
    }
    if !(2..=16).contains(&head[0]) {
        return Err(Damaged("its precision is not from 2 to 16 bits"));
    }
    let listed = segment[6..].chunks_exact(3).take(components);
    if listed.clone().any(|component| component[1] != 0x11) {
        return Err(Damaged("its components differ in size"));
    }
    let ids: Vec<u8> = listed.map(|component| component[0]).collect();
    if ids.len() == components { Ok((head[0], ids)) } else { Err(TooShort) }
}

/// How many bits are looked up at once; longer codes are rare and searched.
const LOOKUP_BITS: u32 = 10;

/// A Huffman table for difference categories 0 to 16.
struct Huffman {
    /// Code length and category for the next [`LOOKUP_BITS`] bits; length 0 for a longer code.
    lookup: Vec<(u8, u8)>,
    /// For each code length: one past its last code, aligned to 16 bits, and what to add to a code to
    /// find its category.
    limits: [(u32, i32); 17],
    categories: Vec<u8>,
}

impl Huffman {
    /// From the number of codes of each length and their categories (B.2.4.2 and Annex C).
    fn new(counts: &[u8; 16], categories: &[u8]) -> Option<Self> {
        let mut lookup = vec![(0, 0); 1 << LOOKUP_BITS];
        let mut limits = [(0, 0); 17];
        let (mut code, mut place) = (0u32, 0usize);
        for length in 1..=16u32 {
            let count = usize::from(counts[length as usize - 1]);
            limits[length as usize].1 = place as i32 - code as i32;
            for category in &categories[place..place + count] {
                if code >> length != 0 || *category > 16 {
                    return None;
                }
                if length <= LOOKUP_BITS {
                    let shift = LOOKUP_BITS - length;
                    let first = (code << shift) as usize;
                    lookup[first..first + (1 << shift)].fill((length as u8, *category));
                }
                code += 1;
            }
            place += count;
            limits[length as usize].0 = code << (16 - length);
            code <<= 1;
        }
        Some(Self { lookup, limits, categories: categories.to_vec() })
    }

    /// The next difference (H.1.2.2).
    #[inline(always)]
    fn difference(&self, bits: &mut Bits<'_>) -> Result<u16, JpegLosslessError> {
        bits.fill();
        let next = bits.peek(16);
        let (length, category) = match self.lookup[(next >> (16 - LOOKUP_BITS)) as usize] {
            (0, _) => self.search(next)?,
            found => found,
        };
        bits.skip(u32::from(length));
        let category = u32::from(category);
        if category == 0 {
            return Ok(0);
        }
        if category == 16 {
            return Ok(0x8000);
        }
        let value = bits.peek(category);
        bits.skip(category);
        // The lower half of a category stands for negative differences (F.1.2.1.1).
        let negative = value >> (category - 1) == 0;
        let offset = if negative { (1 << category) - 1 } else { 0 };
        Ok((value as u16).wrapping_sub(offset as u16))
    }

    #[cold]
    fn search(&self, next: u32) -> Result<(u8, u8), JpegLosslessError> {
        for length in LOOKUP_BITS + 1..=16 {
            let (limit, offset) = self.limits[length as usize];
            if next < limit {
                let place = (next >> (16 - length)) as i32 + offset;
                let category = usize::try_from(place).ok().and_then(|place| self.categories.get(place));
                return category
                    .map(|category| (length as u8, *category))
                    .ok_or(Damaged("an undefined code"));
            }
        }
        Err(Damaged("an undefined code"))
    }
}

fn define_tables(mut segment: &[u8], tables: &mut [Option<Huffman>; 4]) -> Result<(), JpegLosslessError> {
    while let Some((&head, rest)) = segment.split_first() {
        let counts: &[u8; 16] = rest.first_chunk().ok_or(TooShort)?;
        let total = counts.iter().map(|count| usize::from(*count)).sum();
        let categories = rest[16..].get(..total).ok_or(TooShort)?;
        let table = Huffman::new(counts, categories).ok_or(Damaged("a Huffman table is not one"))?;
        *tables.get_mut(usize::from(head & 0x0f)).ok_or(Damaged("a Huffman table of no place"))? =
            Some(table);
        segment = &rest[16 + total..];
    }
    Ok(())
}

/// Entropy-coded bits, highest first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next bits, from the highest down.
    ahead: u64,
    count: u32,
    /// Bits that were made up after the end of the data.
    invented: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, ahead: 0, count: 0, invented: 0 }
    }

    /// Makes at least 32 bits ready: a code of 16 and a difference of 16 at most.
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
    fn overran(&self) -> bool {
        self.invented > self.count
    }

    /// Goes on behind the restart marker that ends this interval (F.2.2.5).
    fn restart(&mut self) -> Result<(), JpegLosslessError> {
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

/// A scan over all components of the frame.
struct Scan<'t> {
    tables: Vec<&'t Huffman>,
    predictor: u8,
    point_transform: u8,
    precision: u8,
    restart_interval: usize,
}

impl<'t> Scan<'t> {
    fn read(
        segment: &[u8],
        precision: u8,
        ids: &[u8],
        tables: &'t [Option<Huffman>; 4],
        restart_interval: usize,
    ) -> Result<Self, JpegLosslessError> {
        let (&count, rest) = segment.split_first().ok_or(TooShort)?;
        if usize::from(count) != ids.len() {
            return Err(Damaged("its components stand in scans of their own"));
        }
        let (selectors, rest) = rest.split_at_checked(2 * ids.len()).ok_or(TooShort)?;
        let table_of = |(selector, id): (&[u8], &u8)| {
            let table = tables.get(usize::from(selector[1] >> 4)).and_then(Option::as_ref);
            table.filter(|_| selector[0] == *id).ok_or(Damaged("a scan without its Huffman table"))
        };
        let tables = selectors.chunks_exact(2).zip(ids).map(table_of).collect::<Result<_, _>>()?;
        let [predictor, _, approximation]: [u8; 3] = *rest.first_chunk().ok_or(TooShort)?;
        let point_transform = approximation & 0x0f;
        if !(1..=7).contains(&predictor) || point_transform >= precision {
            return Err(Damaged("an unknown predictor"));
        }
        Ok(Self { tables, predictor, point_transform, precision, restart_interval })
    }

    fn decode(&self, bytes: &[u8], columns: usize, out: &mut [u16]) -> Result<(), JpegLosslessError> {
        let step = self.tables.len();
        if !self.restart_interval.is_multiple_of(columns) {
            return Err(Damaged("a restart within a row"));
        }
        let restart_rows = self.restart_interval / columns;
        let mut bits = Bits::new(bytes);
        for row in 0..out.len() / (columns * step) {
            let mut is_first = row == 0;
            if restart_rows > 0 && row > 0 && row.is_multiple_of(restart_rows) {
                bits.restart()?;
                is_first = true;
            }
            let (above, here) = out.split_at_mut(row * columns * step);
            let here = &mut here[..columns * step];
            if is_first {
                self.first_row(&mut bits, here)?;
            } else {
                self.row(&mut bits, &above[above.len() - columns * step..], here)?;
            }
            if bits.overran() {
                return Err(TooShort);
            }
        }
        if self.point_transform > 0 {
            out.iter_mut().for_each(|sample| *sample <<= self.point_transform);
        }
        Ok(())
    }

    /// The row after a start: predicted from the left, its first sample from the middle of the range
    /// (H.1.2.1).
    fn first_row(&self, bits: &mut Bits<'_>, here: &mut [u16]) -> Result<(), JpegLosslessError> {
        let step = self.tables.len();
        for place in 0..here.len() {
            let left = match place.checked_sub(step) {
                Some(left) => here[left],
                None => 1 << (self.precision - self.point_transform - 1),
            };
            here[place] = left.wrapping_add(self.tables[place % step].difference(bits)?);
        }
        Ok(())
    }

    fn row(&self, bits: &mut Bits<'_>, above: &[u16], here: &mut [u16]) -> Result<(), JpegLosslessError> {
        // Table H.1, where a is the sample to the left, b the one above and c the one above a.
        match self.predictor {
            1 => self.row_by(bits, above, here, |a, _, _| a),
            2 => self.row_by(bits, above, here, |_, b, _| b),
            3 => self.row_by(bits, above, here, |_, _, c| c),
            4 => self.row_by(bits, above, here, |a, b, c| a + b - c),
            5 => self.row_by(bits, above, here, |a, b, c| a + ((b - c) >> 1)),
            6 => self.row_by(bits, above, here, |a, b, c| b + ((a - c) >> 1)),
            _ => self.row_by(bits, above, here, |a, b, _| (a + b) >> 1),
        }
    }

    #[inline(always)]
    fn row_by(
        &self,
        bits: &mut Bits<'_>,
        above: &[u16],
        here: &mut [u16],
        predict: impl Fn(i32, i32, i32) -> i32,
    ) -> Result<(), JpegLosslessError> {
        if let [table] = self.tables[..] {
            let mut left = above[0].wrapping_add(table.difference(bits)?);
            let mut above_left = above[0];
            here[0] = left;
            for (sample, &over) in here[1..].iter_mut().zip(&above[1..]) {
                let predicted = predict(i32::from(left), i32::from(over), i32::from(above_left));
                left = (predicted as u16).wrapping_add(table.difference(bits)?);
                above_left = over;
                *sample = left;
            }
            return Ok(());
        }
        let step = self.tables.len();
        for place in 0..here.len() {
            let predicted = match place.checked_sub(step) {
                Some(left) => {
                    predict(i32::from(here[left]), i32::from(above[place]), i32::from(above[left])) as u16
                }
                None => above[place],
            };
            here[place] = predicted.wrapping_add(self.tables[place % step].difference(bits)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: usize = 13;
    const ROWS: usize = 6;

    /// Seventeen codes of five bits, one for each category.
    fn tables() -> Vec<u8> {
        let mut segment = vec![0xff, 0xc4, 0, 2 + 1 + 16 + 17, 0x00];
        segment.extend([0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        segment.extend(0..17);
        segment
    }

    /// A codestream written after the same standard, a bit at a time.
    fn encode(
        samples: &[u16],
        components: usize,
        predictor: u8,
        transform: u8,
        restart_rows: usize,
    ) -> Vec<u8> {
        let mut bytes = vec![0xff, 0xd8];
        bytes.extend(tables());
        bytes.extend([
            0xff,
            0xc3,
            0,
            8 + 3 * components as u8,
            16,
            0,
            ROWS as u8,
            0,
            COLUMNS as u8,
            components as u8,
        ]);
        (0..components).for_each(|id| bytes.extend([id as u8 + 1, 0x11, 0]));
        bytes.extend([0xff, 0xdd, 0, 4, 0, (restart_rows * COLUMNS) as u8]);
        bytes.extend([0xff, 0xda, 0, 6 + 2 * components as u8, components as u8]);
        (0..components).for_each(|id| bytes.extend([id as u8 + 1, 0]));
        bytes.extend([predictor, 0, transform]);
        let width = COLUMNS * components;
        let at = |row: usize, place: usize| i32::from(samples[row * width + place] >> transform);
        let (mut bits, mut restarts) = (String::new(), 0);
        for row in 0..ROWS {
            let starts = row == 0 || restart_rows > 0 && row % restart_rows == 0;
            if starts && row > 0 {
                flush(&mut bits, &mut bytes);
                bytes.extend([0xff, 0xd0 + restarts % 8]);
                restarts += 1;
            }
            for place in 0..width {
                let predicted = match (starts, place.checked_sub(components)) {
                    (true, None) => 1 << (15 - transform),
                    (true, Some(left)) => at(row, left),
                    (false, None) => at(row - 1, place),
                    (false, Some(left)) => {
                        let (a, b, c) = (at(row, left), at(row - 1, place), at(row - 1, left));
                        [a, b, c, a + b - c, a + ((b - c) >> 1), b + ((a - c) >> 1), (a + b) >> 1]
                            [usize::from(predictor) - 1]
                    }
                };
                let difference = i32::from((at(row, place) - predicted) as i16);
                let category = if difference == i32::from(i16::MIN) {
                    16
                } else {
                    32 - difference.abs().leading_zeros()
                };
                bits += &format!("{category:05b}");
                if (1..16).contains(&category) {
                    let value = if difference < 0 { difference + (1 << category) - 1 } else { difference };
                    bits += &format!("{value:0width$b}", width = category as usize);
                }
            }
        }
        flush(&mut bits, &mut bytes);
        bytes.extend([0xff, 0xd9]);
        bytes
    }

    /// Fills the last byte with ones and stuffs a zero behind each 0xff.
    fn flush(bits: &mut String, bytes: &mut Vec<u8>) {
        *bits += &"1".repeat(bits.len().next_multiple_of(8) - bits.len());
        for eight in bits.as_bytes().chunks(8) {
            let byte = eight.iter().fold(0, |byte, bit| byte << 1 | (bit - b'0'));
            bytes.push(byte);
            if byte == 0xff {
                bytes.push(0);
            }
        }
        bits.clear();
    }

    /// Smooth in parts, wild in others, with both ends of the range.
    fn picture(components: usize) -> Vec<u16> {
        let sample = |n: usize| match n % 7 {
            0 => u16::MAX,
            1 => 0,
            2 => 0x8000,
            _ => (n * n * 2654) as u16,
        };
        (0..COLUMNS * ROWS * components).map(sample).collect()
    }

    #[test]
    fn every_predictor_gives_back_what_was_written() {
        let check = |components: usize, predictor: u8, transform: u8, restart_rows: usize| {
            let samples: Vec<u16> = picture(components).iter().map(|s| s >> transform << transform).collect();
            let bytes = encode(&samples, components, predictor, transform, restart_rows);
            let mut decoded = vec![0; samples.len()];
            let result = decode(&bytes, COLUMNS, ROWS, components, &mut decoded);
            assert_eq!(result, Ok(()), "predictor {predictor}");
            assert_eq!(
                decoded, samples,
                "{components} components, predictor {predictor}, transform {transform}"
            );
        };
        for predictor in 1..=7 {
            check(1, predictor, 0, 0);
            check(3, predictor, 0, 0);
            check(1, predictor, 4, 0);
            check(1, predictor, 0, 2);
        }
    }

    #[test]
    fn cut_and_contradicting_codestreams_are_refused() {
        let samples = picture(1);
        let bytes = encode(&samples, 1, 1, 0, 0);
        let decoded =
            |bytes: &[u8], columns: usize| decode(bytes, columns, ROWS, 1, &mut vec![0; columns * ROWS]);
        for cut in 0..bytes.len() - 2 {
            assert!(decoded(&bytes[..cut], COLUMNS).is_err(), "cut at {cut}");
        }
        assert!(matches!(decoded(&bytes, COLUMNS + 1), Err(Damaged(_))));
        for place in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[place] ^= 0x55;
            // Whatever comes out, the decoder comes back.
            let _ = decoded(&flipped, COLUMNS);
        }
    }
}
