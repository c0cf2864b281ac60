//! JPEG-LS, lossless and nearly so (ITU-T T.87), with components one after the other, line by line or
//! sample by sample.
//!
//! Always true: a stream that asks for more than it holds ends in an error, and what one sample can
//! add to a context is bounded, so that no stream makes the numbers overflow.
//!
//! Mapping tables and restart intervals, which no DICOM writer is known to use, are refused.

use super::golomb::Bits;
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
    const FRAME: u8 = 0xf7;
    const PARAMETERS: u8 = 0xf8;
    debug_assert_eq!(out.len(), columns * rows * components);
    let mut segments = Segments::new(bytes)?;
    let mut frame: Option<FrameHeader> = None;
    let mut presets = Presets::default();
    let mut decoded = 0;
    while decoded < components {
        let Segment { marker, contents } = segments.next_segment()?;
        match marker {
            FRAME => frame = Some(FrameHeader::read(contents, columns, rows, components)?),
            PARAMETERS => presets.read(contents)?,
            0xdd if contents.iter().any(|byte| *byte != 0) => return Err(Unsupported("restart intervals")),
            // What HP's coder writes where it turned the colours first.
            0xe8 if contents.starts_with(b"mrfx") && contents.get(4).is_some_and(|kind| *kind != 0) => {
                return Err(Unsupported("a colour transform"));
            }
            0xda => {
                let frame = frame.as_ref().ok_or(Damaged("a scan before its frame"))?;
                let scan = ScanHeader::read(contents, &frame.components[decoded..])?;
                let coding = Coding::new(frame.precision, scan.near, &presets)?;
                let bits = Bits::new(segments.entropy());
                let picture = Picture { columns, components, first: decoded, out: &mut *out };
                let mut decoder = Decoder::new(coding, bits);
                match (coding.near, scan.interleave) {
                    (0, Interleave::Sample) => decoder.by_samples::<true>(picture)?,
                    (0, _) => decoder.by_lines::<true>(picture, scan.components)?,
                    (_, Interleave::Sample) => decoder.by_samples::<false>(picture)?,
                    _ => decoder.by_lines::<false>(picture, scan.components)?,
                }
                decoded += scan.components;
            }
            0xc0..=0xcf => return Err(Damaged("its process is not JPEG-LS")),
            0xd9 => return Err(TooShort),
            _ => {}
        }
    }
    Ok(())
}

/// In which order the samples of several components follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interleave {
    /// One component, or a line of each in turn.
    Line,
    /// A sample of each in turn.
    Sample,
}

/// What stands in front of a scan (C.2.3).
struct ScanHeader {
    components: usize,
    near: i32,
    interleave: Interleave,
}

impl ScanHeader {
    /// `left` are the components that no scan held yet.
    fn read(segment: &[u8], left: &[(u8, u8)]) -> Result<Self, JpegError> {
        let (&count, rest) = segment.split_first().ok_or(TooShort)?;
        let components = usize::from(count);
        let (selectors, rest) = rest.split_at_checked(2 * components).ok_or(TooShort)?;
        let is_next = selectors
            .chunks_exact(2)
            .map(|selector| &selector[0])
            .eq(left.iter().map(|(id, _)| id).take(components));
        if components == 0 || components > left.len() || !is_next {
            return Err(Damaged("a scan of other components than come next"));
        }
        if selectors.chunks_exact(2).any(|selector| selector[1] != 0) {
            return Err(Unsupported("mapping tables"));
        }
        let [near, interleave, transform]: [u8; 3] = *rest.first_chunk().ok_or(TooShort)?;
        if transform != 0 {
            return Err(Unsupported("a point transform"));
        }
        let interleave = match (interleave, components) {
            (_, 1) | (1, 2..=4) => Interleave::Line,
            (2, 2..=4) => Interleave::Sample,
            _ => return Err(Damaged("its components follow each other in an unknown order")),
        };
        Ok(Self { components, near: i32::from(near), interleave })
    }
}

/// Coding parameters that a segment states; 0 asks for the default (C.2.4.1.1).
#[derive(Default)]
struct Presets {
    max_value: u16,
    thresholds: [u16; 3],
    reset: u16,
}

impl Presets {
    fn read(&mut self, segment: &[u8]) -> Result<(), JpegError> {
        match segment.split_first() {
            Some((1, rest)) => {
                let words: &[u8; 10] = rest.first_chunk().ok_or(TooShort)?;
                let word = |n: usize| u16::from_be_bytes([words[2 * n], words[2 * n + 1]]);
                *self = Self { max_value: word(0), thresholds: [word(1), word(2), word(3)], reset: word(4) };
                Ok(())
            }
            Some((2 | 3, _)) => Err(Unsupported("mapping tables")),
            Some((4, _)) => Err(Unsupported("a size beyond 65535")),
            Some(_) => Err(Unsupported("extended coding parameters")),
            None => Err(TooShort),
        }
    }
}

/// The numbers that steer coding, in the standard's own names (A.2, C.2.4.1.1).
#[derive(Clone, Copy)]
struct Coding {
    near: i32,
    max_value: i32,
    range: i32,
    /// Bits of a mapped error that is written as it is.
    qbpp: u32,
    limit: u32,
    thresholds: [i32; 3],
    reset: i32,
}

impl Coding {
    fn new(precision: u8, near: i32, presets: &Presets) -> Result<Self, JpegError> {
        let greatest = (1 << precision) - 1;
        let max_value = match i32::from(presets.max_value) {
            0 => greatest,
            stated if stated <= greatest => stated,
            _ => return Err(Damaged("a greatest value beyond its precision")),
        };
        if near > (max_value / 2).min(255) {
            return Err(Damaged("an allowed error beyond its values"));
        }
        let range = (max_value + 2 * near) / (2 * near + 1) + 1;
        let bits_for = |values: i32| 32 - (values - 1).leading_zeros();
        let bpp = bits_for(max_value + 1).max(2);
        let reset = if presets.reset == 0 { 64 } else { i32::from(presets.reset) };
        if !(3..=max_value.max(255)).contains(&reset) {
            return Err(Damaged("an impossible interval of its statistics"));
        }
        let thresholds = thresholds(max_value, near, presets.thresholds)?;
        let limit = 2 * (bpp + bpp.max(8));
        Ok(Self { near, max_value, range, qbpp: bits_for(range), limit, thresholds, reset })
    }
}

/// The thresholds stated, or the default ones (C.2.4.1.1.1).
fn thresholds(max_value: i32, near: i32, stated: [u16; 3]) -> Result<[i32; 3], JpegError> {
    const BASIC: [i32; 3] = [3, 7, 21];
    let mut least = near + 1;
    let mut found = [0; 3];
    for (n, threshold) in found.iter_mut().enumerate() {
        let n_near = (2 * n as i32 + 3) * near;
        let default = if max_value >= 128 {
            let factor = (max_value.min(4095) + 128) / 256;
            let step = n as i32 + 2;
            factor * (BASIC[n] - step) + step + n_near
        } else {
            (BASIC[n] / (256 / (max_value + 1)) + n_near).max(n as i32 + 2)
        };
        let default = if default > max_value || default < least { least } else { default };
        *threshold = if stated[n] == 0 { default } else { i32::from(stated[n]) };
        if !(least..=max_value).contains(threshold) {
            return Err(Damaged("thresholds that do not ascend"));
        }
        least = *threshold;
    }
    Ok(found)
}

/// What was learnt of samples in like surroundings (A.2.1).
#[derive(Clone, Copy)]
struct Context {
    /// Sum of error magnitudes.
    a: u32,
    /// Sum of errors, kept within a sample of 0.
    b: i32,
    /// Correction of the prediction.
    c: i32,
    /// How many samples.
    n: i32,
}

/// What was learnt of samples that end a run (A.7.2).
#[derive(Clone, Copy)]
struct RunContext {
    a: u32,
    n: i32,
    /// How many errors were negative.
    negative: i32,
}

/// The least k for which n·2ᵏ ≥ a (A.5.1).
#[inline(always)]
fn golomb_parameter(n: i32, a: u32) -> u32 {
    let n = n as u32;
    let k = n.leading_zeros().saturating_sub(a.leading_zeros());
    if n << k < a { k + 1 } else { k }
}

/// Where a scan's samples belong.
struct Picture<'o> {
    columns: usize,
    /// Components of the picture, and the first of the scan.
    components: usize,
    first: usize,
    out: &'o mut [u16],
}

struct Decoder<'a> {
    coding: Coding,
    /// Quantised gradients from −`max_value` to `max_value` (A.3.3).
    quantised: Vec<i8>,
    contexts: [Context; 365],
    /// Where left and upper neighbour differ, and where they are alike.
    runs: [RunContext; 2],
    bits: Bits<'a>,
}

/// One line of one component between margins of a sample, so that each sample has neighbours.
type Line = Vec<u16>;

impl<'a> Decoder<'a> {
    fn new(coding: Coding, bits: Bits<'a>) -> Self {
        let [t1, t2, t3] = coding.thresholds;
        let magnitude = |gradient: i32| match gradient {
            g if g <= coding.near => 0,
            g if g < t1 => 1,
            g if g < t2 => 2,
            g if g < t3 => 3,
            _ => 4,
        };
        let quantised = (-coding.max_value..=coding.max_value)
            .map(|gradient| magnitude(gradient.abs()) * gradient.signum() as i8)
            .collect();
        let a = ((coding.range as u32 + 32) / 64).max(2);
        Self {
            coding,
            quantised,
            contexts: [Context { a, b: 0, c: 0, n: 1 }; 365],
            runs: [RunContext { a, n: 1, negative: 0 }; 2],
            bits,
        }
    }

    /// A scan of one component, or of the lines of several in turn (B.2).
    fn by_lines<const LOSSLESS: bool>(
        &mut self,
        picture: Picture<'_>,
        count: usize,
    ) -> Result<(), JpegError> {
        let Picture { columns, components, first, out } = picture;
        let mut lines: Vec<[Line; 2]> = vec![[vec![0; columns + 2], vec![0; columns + 2]]; count];
        let mut run_indices = vec![0; count];
        for row in out.chunks_exact_mut(columns * components) {
            for (n, ([above, here], run_index)) in lines.iter_mut().zip(&mut run_indices).enumerate() {
                std::mem::swap(above, here);
                begin(above, here);
                self.line::<LOSSLESS>(above, here, run_index)?;
                let places = row[first + n..].iter_mut().step_by(components);
                places.zip(&here[1..]).for_each(|(place, sample)| *place = *sample);
            }
            if self.bits.overran() {
                return Err(TooShort);
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn gradient(&self, from: i32, to: i32) -> i32 {
        i32::from(self.quantised[(to - from + self.coding.max_value) as usize])
    }

    /// The number of the surroundings, negative where they are mirrored; 0 where they are flat (A.3).
    #[inline(always)]
    fn surroundings(&self, a: i32, b: i32, c: i32, d: i32) -> i32 {
        81 * self.gradient(b, d) + 9 * self.gradient(c, b) + self.gradient(a, c)
    }

    fn line<const LOSSLESS: bool>(
        &mut self,
        above: &[u16],
        here: &mut [u16],
        run_index: &mut usize,
    ) -> Result<(), JpegError> {
        let end = here.len() - 1;
        let above = &above[..=end];
        let mut at = 1;
        let (mut a, mut c, mut b) = (i32::from(here[0]), i32::from(above[0]), i32::from(above[1]));
        while at < end {
            let d = i32::from(above[at + 1]);
            let surroundings = self.surroundings(a, b, c, d);
            if surroundings != 0 {
                a = self.regular::<LOSSLESS>(surroundings, a, b, c)?;
                here[at] = a as u16;
                at += 1;
                (c, b) = (b, d);
                continue;
            }
            let length = self.run_length(run_index, end - at)?;
            here[at..at + length].fill(a as u16);
            at += length;
            if at == end {
                break;
            }
            b = i32::from(above[at]);
            a = self.end_of_run::<LOSSLESS>(*run_index, a, b)?;
            *run_index = run_index.saturating_sub(1);
            here[at] = a as u16;
            c = b;
            at += 1;
            b = i32::from(above[at]);
        }
        Ok(())
    }

    /// A sample whose surroundings are not flat (A.4 to A.6).
    #[inline(always)]
    fn regular<const LOSSLESS: bool>(
        &mut self,
        surroundings: i32,
        a: i32,
        b: i32,
        c: i32,
    ) -> Result<i32, JpegError> {
        let coding = &self.coding;
        // All ones where mirrored: x ^ sign − sign turns x round.
        let sign = surroundings >> 31;
        let context = &mut self.contexts[((surroundings ^ sign) - sign) as usize];
        let predicted = predict(a, b, c) + ((context.c ^ sign) - sign);
        let predicted = predicted.clamp(0, coding.max_value);
        let k = golomb_parameter(context.n, context.a);
        let mapped = self.bits.golomb(k, coding.limit - coding.qbpp - 1, coding.qbpp)? as i32;
        let mut error = (mapped >> 1) ^ -(mapped & 1);
        if LOSSLESS && k == 0 && 2 * context.b <= -context.n {
            error = !error;
        }
        let step = if LOSSLESS { 1 } else { 2 * coding.near + 1 };
        context.update(error, step, coding.reset);
        Ok(reconstruct::<LOSSLESS>(coding, predicted, (error ^ sign) - sign))
    }

    /// How many of the `left` samples of a line are like the one before (A.7.1).
    fn run_length(&mut self, run_index: &mut usize, left: usize) -> Result<usize, JpegError> {
        /// Logarithms of the lengths that one bit stands for.
        const J: [u8; 32] = [
            0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14,
            15,
        ];
        let mut length = 0;
        loop {
            let j = u32::from(J[*run_index]);
            if self.bits.read(1) == 0 {
                length += self.bits.read(j) as usize;
                return if length < left { Ok(length) } else { Err(Damaged("a run beyond its line")) };
            }
            length += 1 << j;
            if length <= left {
                *run_index = (*run_index + 1).min(J.len() - 1);
            }
            if length >= left {
                return Ok(left);
            }
            if self.bits.overran() {
                return Err(TooShort);
            }
        }
    }

    /// The sample that ends a run, where `a` goes on and `b` stands above (A.7.2).
    #[inline(always)]
    fn end_of_run<const LOSSLESS: bool>(
        &mut self,
        run_index: usize,
        a: i32,
        b: i32,
    ) -> Result<i32, JpegError> {
        if (a - b).abs() <= self.coding.near {
            let error = self.error_of_run(1, run_index)?;
            return Ok(reconstruct::<LOSSLESS>(&self.coding, a, error));
        }
        let error = self.error_of_run(0, run_index)?;
        Ok(reconstruct::<LOSSLESS>(&self.coding, b, if a > b { -error } else { error }))
    }

    /// The error of a sample that ends a run; `alike` is 1 where its neighbours are alike, else 0.
    fn error_of_run(&mut self, alike: usize, run_index: usize) -> Result<i32, JpegError> {
        /// As in [`Self::run_length`], and one: bits of the run's end count against the limit.
        const SPENT: [u8; 32] = [
            1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 10, 11, 12, 13, 14,
            15, 16,
        ];
        let coding = &self.coding;
        let context = &mut self.runs[alike];
        let halves = if alike == 1 { (context.n >> 1) as u32 } else { 0 };
        let k = golomb_parameter(context.n, context.a + halves);
        let unary = (coding.limit - u32::from(SPENT[run_index])).saturating_sub(coding.qbpp + 1);
        let mapped = self.bits.golomb(k, unary, coding.qbpp)?;
        let whole = mapped as i32 + alike as i32;
        let magnitude = (whole + 1) >> 1;
        let is_negative = (k != 0 || 2 * context.negative >= context.n) == (whole & 1 == 1);
        let error = if is_negative { -magnitude } else { magnitude };
        context.negative += i32::from(error < 0);
        context.a += (mapped + 1 - alike as u32) >> 1;
        if context.n == coding.reset {
            context.a >>= 1;
            context.n >>= 1;
            context.negative >>= 1;
        }
        context.n += 1;
        Ok(error)
    }

    /// A scan of all components, a sample of each in turn (B.3): runs are runs of all of them.
    fn by_samples<const LOSSLESS: bool>(&mut self, picture: Picture<'_>) -> Result<(), JpegError> {
        let Picture { columns, components, out, .. } = picture;
        let mut lines: Vec<[Line; 2]> = vec![[vec![0; columns + 2], vec![0; columns + 2]]; components];
        let mut run_index = 0;
        for row in out.chunks_exact_mut(columns * components) {
            for [above, here] in &mut lines {
                std::mem::swap(above, here);
                begin(above, here);
            }
            let mut at = 1;
            while at <= columns {
                let mut surroundings = [0; 4];
                for ([above, here], found) in lines.iter().zip(&mut surroundings) {
                    let [c, b, d] = [above[at - 1], above[at], above[at + 1]].map(i32::from);
                    *found = self.surroundings(i32::from(here[at - 1]), b, c, d);
                }
                if surroundings != [0; 4] {
                    for ([above, here], surroundings) in lines.iter_mut().zip(surroundings) {
                        let [a, b, c] = [here[at - 1], above[at], above[at - 1]].map(i32::from);
                        here[at] = self.regular::<LOSSLESS>(surroundings, a, b, c)? as u16;
                    }
                    at += 1;
                    continue;
                }
                let length = self.run_length(&mut run_index, columns + 1 - at)?;
                for [_, here] in &mut lines {
                    let a = here[at - 1];
                    here[at..at + length].fill(a);
                }
                at += length;
                if at > columns {
                    break;
                }
                for [above, here] in &mut lines {
                    let [a, b] = [here[at - 1], above[at]].map(i32::from);
                    let error = self.error_of_run(0, run_index)?;
                    let error = if a > b { -error } else { error };
                    here[at] = reconstruct::<LOSSLESS>(&self.coding, b, error) as u16;
                }
                run_index = run_index.saturating_sub(1);
                at += 1;
            }
            if self.bits.overran() {
                return Err(TooShort);
            }
            for (n, [_, here]) in lines.iter().enumerate() {
                let places = row[n..].iter_mut().step_by(components);
                places.zip(&here[1..]).for_each(|(place, sample)| *place = *sample);
            }
        }
        Ok(())
    }
}

/// Sets the margins (A.2.1): left of a line stands what is above its first sample, right of the line
/// above its own last one again. What stood left of the line above stays there.
fn begin(above: &mut [u16], here: &mut [u16]) {
    here[0] = above[1];
    let end = above.len() - 1;
    above[end] = above[end - 1];
}

/// The median of left, above, and their plane (A.4.1).
#[inline(always)]
fn predict(a: i32, b: i32, c: i32) -> i32 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    (a + b - c).clamp(low, high)
}

/// The sample that an error leads to (A.4.4, A.4.5).
#[inline(always)]
fn reconstruct<const LOSSLESS: bool>(coding: &Coding, predicted: i32, error: i32) -> i32 {
    let (step, near) = if LOSSLESS { (1, 0) } else { (2 * coding.near + 1, coding.near) };
    let mut sample = predicted + error * step;
    if sample < -near {
        sample += coding.range * step;
    } else if sample > coding.max_value + near {
        sample -= coding.range * step;
    }
    sample.clamp(0, coding.max_value)
}

impl Context {
    /// Learns from an error (A.6).
    #[inline(always)]
    fn update(&mut self, error: i32, step: i32, reset: i32) {
        self.a += error.unsigned_abs();
        self.b += error * step;
        if self.n == reset {
            self.a >>= 1;
            self.b >>= 1;
            self.n >>= 1;
        }
        self.n += 1;
        if self.b <= -self.n {
            self.b = (self.b + self.n).max(1 - self.n);
            self.c = (self.c - 1).max(-128);
        } else if self.b > 0 {
            self.b = (self.b - self.n).min(0);
            self.c = (self.c + 1).min(127);
        }
    }
}
