//! JPEG extended with samples of 12 bits (ISO/IEC 10918-1 Annex F, process 4): sequential cosine
//! transforms, Huffman coded, of one component.
//!
//! Written here because the decoders of photographs stop at 8 bits. DICOM allows these pictures in grey
//! only (PS3.5 8.2.1).

use super::jpeg_huffman::{Bits, Huffman, Tables};
use super::jpeg_segments::JpegError::{self, Damaged, TooShort, Unsupported};
use super::jpeg_segments::{FrameHeader, Segment, Segments};

/// Samples of a block's side.
const SIDE: usize = 8;

/// Decodes a picture into `out`, whose length is columns × rows × components.
pub(super) fn decode(
    bytes: &[u8],
    columns: usize,
    rows: usize,
    components: usize,
    out: &mut [u16],
) -> Result<(), JpegError> {
    debug_assert_eq!(out.len(), columns * rows * components);
    if components != 1 {
        return Err(Unsupported("12 bits for each part of a colour"));
    }
    let mut quantised: [Option<[f32; 64]>; 4] = [None; 4];
    let mut tables = Tables::default();
    let mut frame: Option<FrameHeader> = None;
    let mut restart_interval = 0;
    let mut segments = Segments::new(bytes)?;
    loop {
        let Segment { marker, contents } = segments.next_segment()?;
        match marker {
            0xc4 => tables.define(contents)?,
            0xc0 | 0xc1 => frame = Some(FrameHeader::read(contents, columns, rows, components)?),
            0xc2..=0xcf if ![0xc8, 0xcc].contains(&marker) => {
                return Err(Unsupported("another process than the sequential one"));
            }
            0xdb => define_quantisation(contents, &mut quantised)?,
            0xdd => {
                let interval = contents.first_chunk().ok_or(TooShort)?;
                restart_interval = usize::from(u16::from_be_bytes(*interval));
            }
            0xda => {
                let frame = frame.as_ref().ok_or(Damaged("a scan before its frame"))?;
                let [(id, quantiser)] = frame.components[..] else {
                    return Err(Damaged("its frame has no component"));
                };
                let [1, of, selected, ..] = *contents else {
                    return Err(Damaged("a scan of other components than its frame"));
                };
                let (dc, ac) = (tables.get(0, selected >> 4)?, tables.get(1, selected & 0x0f)?);
                let steps = quantised.get(usize::from(quantiser)).and_then(Option::as_ref);
                let steps = steps.ok_or(Damaged("a scan without its quantisation table"))?;
                if of != id || frame.precision != 12 {
                    return Err(Damaged("a scan of other components than its frame"));
                }
                let scan = Scan { dc, ac, steps, restart_interval };
                return scan.decode(segments.entropy(), columns, rows, out);
            }
            0xd9 => return Err(TooShort),
            _ => {}
        }
    }
}

/// The place in a block, row by row, of each coefficient in the order they are written (figure A.6).
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// The steps of quantisation (B.2.4.1), in the order of a block.
fn define_quantisation(mut segment: &[u8], tables: &mut [Option<[f32; 64]>; 4]) -> Result<(), JpegError> {
    while let Some((&head, rest)) = segment.split_first() {
        let bytes = if head >> 4 == 0 { 1 } else { 2 };
        let (listed, after) = rest.split_at_checked(64 * bytes).ok_or(TooShort)?;
        let mut table = [0.0; 64];
        for (step, place) in listed.chunks_exact(bytes).zip(ZIGZAG) {
            table[place] = step.iter().fold(0.0, |number, byte| number * 256.0 + f32::from(*byte));
        }
        let place = tables.get_mut(usize::from(head & 0x0f));
        *place.ok_or(Damaged("a quantisation table of no place"))? = Some(table);
        segment = after;
    }
    Ok(())
}

/// The only scan of a picture.
struct Scan<'t> {
    dc: &'t Huffman,
    ac: &'t Huffman,
    steps: &'t [f32; 64],
    restart_interval: usize,
}

impl Scan<'_> {
    fn decode(&self, bytes: &[u8], columns: usize, rows: usize, out: &mut [u16]) -> Result<(), JpegError> {
        let mut bits = Bits::new(bytes);
        let mut level = 0;
        let across = columns.div_ceil(SIDE);
        for number in 0..across * rows.div_ceil(SIDE) {
            if self.restart_interval > 0 && number > 0 && number.is_multiple_of(self.restart_interval) {
                bits.restart()?;
                level = 0;
            }
            let block = self.block(&mut bits, &mut level)?;
            if bits.overran() {
                return Err(TooShort);
            }
            let (i, j) = (number % across * SIDE, number / across * SIDE);
            for (samples, line) in
                block.as_chunks::<SIDE>().0.iter().zip(out.chunks_exact_mut(columns).skip(j))
            {
                line[i..].iter_mut().zip(samples).for_each(|(place, sample)| *place = sample_of(*sample));
            }
        }
        Ok(())
    }

    /// The samples of one block, around 0; `level` is the coefficient of the mean of the block before.
    fn block(&self, bits: &mut Bits<'_>, level: &mut i32) -> Result<[f32; 64], JpegError> {
        let category =
            |category: u8| if category < 16 { Ok(category) } else { Err(Damaged("an undefined code")) };
        bits.fill();
        let first = self.dc.symbol(bits)?;
        *level = level.wrapping_add(bits.signed(category(first)?));
        let mut block = [0.0; 64];
        block[0] = *level as f32 * self.steps[0];
        let mut place = 1;
        while place < 64 {
            bits.fill();
            let symbol = self.ac.symbol(bits)?;
            match (symbol >> 4, symbol & 0x0f) {
                (15, 0) => place += 16,
                (_, 0) => break,
                (zeroes, size) => {
                    place += usize::from(zeroes);
                    let at = *ZIGZAG.get(place).ok_or(Damaged("a block of too many coefficients"))?;
                    block[at] = bits.signed(size) as f32 * self.steps[at];
                    place += 1;
                }
            }
        }
        Ok(inverse_transform(&block))
    }
}

/// A sample of 12 bits from one around 0 (A.3.1).
fn sample_of(level: f32) -> u16 {
    (level + 2048.0).round_ties_even().clamp(0.0, 4095.0) as u16
}

/// The inverse cosine transform (A.3.3), first down the columns, then along the rows.
fn inverse_transform(block: &[f32; 64]) -> [f32; 64] {
    let mut halfway = [[0.0; SIDE]; SIDE];
    for (coefficients, waves) in block.as_chunks::<SIDE>().0.iter().zip(&WAVES) {
        if coefficients.iter().all(|coefficient| *coefficient == 0.0) {
            continue;
        }
        for (row, wave) in halfway.iter_mut().zip(waves) {
            row.iter_mut().zip(coefficients).for_each(|(sum, coefficient)| *sum += wave * coefficient);
        }
    }
    let mut samples = [[0.0; SIDE]; SIDE];
    for (row, sums) in samples.iter_mut().zip(&halfway) {
        for (coefficient, waves) in sums.iter().zip(&WAVES) {
            row.iter_mut().zip(waves).for_each(|(sample, wave)| *sample += wave * coefficient);
        }
    }
    let mut flat = [0.0; 64];
    flat.as_chunks_mut().0.iter_mut().zip(samples).for_each(|(line, row)| *line = row);
    flat
}

/// cos((2x + 1)uπ/16) · C(u)/2 for frequency u and place x.
const WAVES: [[f32; SIDE]; SIDE] = {
    /// cos(nπ/16)/2 for n from 0 to 8.
    const HALF_COSINES: [f64; 9] = [
        0.5,
        0.490_392_640_201_615_2,
        0.461_939_766_255_643_37,
        0.415_734_806_151_272_6,
        0.353_553_390_593_273_8,
        0.277_785_116_509_801_1,
        0.191_341_716_182_544_9,
        0.097_545_161_008_064_12,
        0.0,
    ];
    let mut waves = [[0.0; SIDE]; SIDE];
    let mut u = 0;
    while u < SIDE {
        let mut x = 0;
        while x < SIDE {
            // Every 32 steps the cosine comes round; the second half mirrors the first.
            let step = (2 * x + 1) * u % 32;
            let step = if step > 16 { 32 - step } else { step };
            let half = if step > 8 { -HALF_COSINES[16 - step] } else { HALF_COSINES[step] };
            waves[u][x] = if u == 0 { HALF_COSINES[4] as f32 } else { half as f32 };
            x += 1;
        }
        u += 1;
    }
    waves
};
