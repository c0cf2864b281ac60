//! JPEG lossless, process 14 with any predictor (ISO/IEC 10918-1 Annex H), Huffman coded.
//!
//! Written here because the general decoders keep every difference of a picture before they predict;
//! this one predicts as it reads, which takes half the time.

use super::jpeg_huffman::{Bits, Huffman, Tables};
use super::jpeg_segments::JpegError::{self, Damaged, TooShort, Unsupported};
use super::jpeg_segments::{FrameHeader, Segment, Segments};

/// Decodes a picture into `out`, components interleaved, whose length is columns × rows × components.
pub(super) fn decode(
    bytes: &[u8],
    columns: usize,
    rows: usize,
    components: usize,
    out: &mut [u16],
) -> Result<(), JpegError> {
    debug_assert_eq!(out.len(), columns * rows * components);
    let mut tables = Tables::default();
    let mut frame: Option<FrameHeader> = None;
    let mut restart_interval = 0;
    let mut segments = Segments::new(bytes)?;
    loop {
        let Segment { marker, contents: segment } = segments.next_segment()?;
        match marker {
            0xc4 => tables.define(segment)?,
            0xc3 => frame = Some(FrameHeader::read(segment, columns, rows, components)?),
            0xdd => {
                let interval = segment.first_chunk().ok_or(TooShort)?;
                restart_interval = usize::from(u16::from_be_bytes(*interval));
            }
            0xda => {
                let frame = frame.as_ref().ok_or(Damaged("a scan before its frame"))?;
                let scan = Scan::read(segment, frame, &tables, restart_interval)?;
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

/// The next difference (H.1.2.2).
#[inline(always)]
fn difference(table: &Huffman, bits: &mut Bits<'_>) -> Result<u16, JpegError> {
    bits.fill();
    match table.symbol(bits)? {
        16 => Ok(0x8000),
        category @ 0..16 => Ok(bits.signed(category) as u16),
        _ => Err(Damaged("a difference of no category")),
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
        frame: &FrameHeader,
        tables: &'t Tables,
        restart_interval: usize,
    ) -> Result<Self, JpegError> {
        let (&count, rest) = segment.split_first().ok_or(TooShort)?;
        let (precision, components) = (frame.precision, &frame.components);
        if usize::from(count) != components.len() {
            return Err(Unsupported("components in scans of their own"));
        }
        let (selectors, rest) = rest.split_at_checked(2 * components.len()).ok_or(TooShort)?;
        let table_of = |(selector, (id, _)): (&[u8], &(u8, u8))| {
            if selector[0] != *id {
                return Err(Damaged("a scan of other components than its frame"));
            }
            tables.get(0, selector[1] >> 4)
        };
        let tables = selectors.chunks_exact(2).zip(components).map(table_of).collect::<Result<_, _>>()?;
        let [predictor, _, approximation]: [u8; 3] = *rest.first_chunk().ok_or(TooShort)?;
        let point_transform = approximation & 0x0f;
        if !(1..=7).contains(&predictor) || point_transform >= precision {
            return Err(Damaged("an unknown predictor"));
        }
        Ok(Self { tables, predictor, point_transform, precision, restart_interval })
    }

    fn decode(&self, bytes: &[u8], columns: usize, out: &mut [u16]) -> Result<(), JpegError> {
        let step = self.tables.len();
        if !self.restart_interval.is_multiple_of(columns) {
            return Err(Unsupported("restarts within a row"));
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
    fn first_row(&self, bits: &mut Bits<'_>, here: &mut [u16]) -> Result<(), JpegError> {
        let step = self.tables.len();
        for place in 0..here.len() {
            let left = match place.checked_sub(step) {
                Some(left) => here[left],
                None => 1 << (self.precision - self.point_transform - 1),
            };
            here[place] = left.wrapping_add(difference(self.tables[place % step], bits)?);
        }
        Ok(())
    }

    fn row(&self, bits: &mut Bits<'_>, above: &[u16], here: &mut [u16]) -> Result<(), JpegError> {
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
    ) -> Result<(), JpegError> {
        if let [table] = self.tables[..] {
            let mut left = above[0].wrapping_add(difference(table, bits)?);
            let mut above_left = above[0];
            here[0] = left;
            for (sample, &over) in here[1..].iter_mut().zip(&above[1..]) {
                let predicted = predict(i32::from(left), i32::from(over), i32::from(above_left));
                left = (predicted as u16).wrapping_add(difference(table, bits)?);
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
            here[place] = predicted.wrapping_add(difference(self.tables[place % step], bits)?);
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
