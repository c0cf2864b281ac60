//! One picture's stored samples, decoded into their place.
//!
//! Always true: what comes out is in this machine's byte order, i fastest, components of a colour side
//! by side and red, green, blue; bits above those stored are gone, and the sign stands where the type
//! has it, but for padding values, which stay as they are.
//!
//! Must never know: slices, rescale.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::colour::{Palette, rgb_from_partial_ybr, rgb_from_ybr};
use super::compressed;
use super::fault::{Fault, fault};
use super::header::Image;
use super::inflating::Inflating;
use super::layout::{Colour, Layout, Number};
use super::picture::Picture;
use super::rle;
use super::syntax::Codec;
use crate::format::{Doubt, Refusal, RefusalCode, Stamp};

/// Memory that one worker uses again and again.
#[derive(Default)]
pub(super) struct Scratch {
    frame: Vec<u8>,
    plane: Vec<u8>,
    words: Vec<u16>,
    indices: Vec<u8>,
    inflating: Option<Inflating>,
}

/// Decodes a picture into `out`, which is as long as the layout's picture; samples lie in it in this
/// machine's byte order.
pub(super) fn decode(picture: &Picture, scratch: &mut Scratch, out: &mut [u8]) -> Result<(), Refusal> {
    let image = &picture.image;
    debug_assert_eq!(out.len(), image.layout.picture_bytes());
    // The decoders of compressed pictures are not ours; a panic in one is the file's refusal.
    let decoded = catch_unwind(AssertUnwindSafe(|| decode_picture(image, picture.frame, scratch, out)));
    let panicked = || fault(RefusalCode::Damaged, "its compressed pixels cannot be decoded");
    decoded.unwrap_or_else(|_| panicked()).map_err(|Fault(code, text)| Refusal::new(&image.path, code, text))
}

fn decode_picture(
    image: &Arc<Image>,
    frame: usize,
    scratch: &mut Scratch,
    out: &mut [u8],
) -> Result<(), Fault> {
    let Some(palette) = &image.palette else {
        return decode_samples(image, frame, scratch, out);
    };
    let mut indices = std::mem::take(&mut scratch.indices);
    indices.resize(image.layout.stored_bytes(), 0);
    decode_samples(image, frame, scratch, &mut indices)?;
    colour_in(palette, &image.layout, &indices, out);
    scratch.indices = indices;
    Ok(())
}

/// The colours that stored samples stand for.
fn colour_in(palette: &Palette, layout: &Layout, indices: &[u8], out: &mut [u8]) {
    let places = out.as_chunks_mut().0.iter_mut();
    let word = |[low, high]: &[u8; 2]| u16::from_ne_bytes([*low, *high]);
    match (layout.sample_bytes(), layout.number) {
        (1, Number::Signed) => {
            places.zip(indices).for_each(|(place, index)| *place = palette.colour((*index as i8).into()));
        }
        (1, _) => places.zip(indices).for_each(|(place, index)| *place = palette.colour((*index).into())),
        (_, Number::Signed) => places
            .zip(indices.as_chunks().0)
            .for_each(|(place, index)| *place = palette.colour((word(index) as i16).into())),
        _ => places
            .zip(indices.as_chunks().0)
            .for_each(|(place, index)| *place = palette.colour(word(index).into())),
    }
}

fn decode_samples(
    image: &Arc<Image>,
    frame: usize,
    scratch: &mut Scratch,
    out: &mut [u8],
) -> Result<(), Fault> {
    let mut file = File::open(&image.path)?;
    if Stamp::of(&file)? != image.stamp {
        return fault(RefusalCode::Inconsistent, "has changed since it was listed; open it again");
    }
    let layout = &image.layout;
    match image.syntax.codec {
        Codec::Native if layout.bits_allocated == 1 => {
            return single_bits(image, frame, &mut file, scratch, out);
        }
        Codec::Native => native(image, frame, &mut file, scratch, out)?,
        Codec::Rle => {
            read_parts(&mut file, &image.parts[frame], &mut scratch.frame)?;
            let (components, bytes) = (layout.stored_components(), layout.sample_bytes());
            rle::decode(&scratch.frame, components, bytes, &mut scratch.plane, out)
                .or_else(|error| fault(RefusalCode::Damaged, error.to_string()))?;
        }
        codec => {
            read_parts(&mut file, &image.parts[frame], &mut scratch.frame)?;
            let stored = compressed::decode(&scratch.frame, codec, layout, &mut scratch.words, out)?;
            // Codestreams hold the stored bits at the bottom, whatever High Bit says.
            keep_bits(layout, 0, stored, out);
        }
    }
    if matches!(image.syntax.codec, Codec::Native | Codec::Rle) {
        keep_bits(layout, layout.high_bit + 1 - layout.bits_stored, layout.bits_stored, out);
    }
    match layout.colour {
        // Their decoders turn colours themselves.
        _ if matches!(image.syntax.codec, Codec::Jpeg | Codec::JpegXl) => {}
        Colour::YbrFull | Colour::YbrFull422 => rgb_from_ybr(out),
        Colour::YbrPartial422 => rgb_from_partial_ybr(out),
        _ => {}
    }
    Ok(())
}

/// What the codestream of an image's first frame says that its header does not, or otherwise.
pub(super) fn doubts(image: &Image) -> Vec<Doubt> {
    /// Headers of codestreams are shorter, but for a profile of colours.
    const HEADER_BYTES: u64 = 64 << 10;
    let Some(first) = image.parts.first().and_then(|parts| parts.first()) else {
        return Vec::new();
    };
    let end = first.end.min(first.start + HEADER_BYTES);
    let mut start = Vec::new();
    // Who reads the pixels says why they cannot be read.
    let Ok(mut file) = File::open(&image.path) else { return Vec::new() };
    if read_parts(&mut file, std::slice::from_ref(&(first.start..end)), &mut start).is_err() {
        return Vec::new();
    }
    let found = || compressed::doubts(&start, image.syntax.codec, &image.layout);
    catch_unwind(found).unwrap_or_default()
}

/// The fragments of one frame, one after the other.
fn read_parts(file: &mut File, parts: &[Range<u64>], frame: &mut Vec<u8>) -> Result<(), Fault> {
    frame.clear();
    for part in parts {
        file.seek(SeekFrom::Start(part.start))?;
        file.take(part.end - part.start).read_to_end(frame)?;
    }
    Ok(())
}

/// Samples of one bit (PS3.5 8.1.1 and D): the lowest bit of a byte first, frames with no gap between
/// them, so that one may begin within a byte.
fn single_bits(
    image: &Arc<Image>,
    frame: usize,
    file: &mut File,
    Scratch { frame: scratch, inflating, .. }: &mut Scratch,
    out: &mut [u8],
) -> Result<(), Fault> {
    let bits = image.layout.native_bits();
    let first_bit = frame * bits;
    // In words of two bytes the lower one comes first, also where the file is big-endian.
    let in_swapped_words = image.pixels.in_words && image.syntax.encoding.big_endian;
    let unit = if in_swapped_words { 16 } else { 8 };
    let (first, end) = (first_bit / unit, (first_bit + bits).div_ceil(unit));
    scratch.resize((end - first) * unit / 8, 0);
    read_pixels(image, image.pixels.offset + first * unit / 8, file, inflating, scratch)?;
    if in_swapped_words {
        scratch.as_chunks_mut::<2>().0.iter_mut().for_each(|word| word.reverse());
    }
    let lead = first_bit % unit;
    for (n, sample) in out.iter_mut().enumerate() {
        let at = lead + n;
        *sample = scratch[at / 8] >> (at % 8) & 1;
    }
    Ok(())
}

fn native(
    image: &Arc<Image>,
    frame: usize,
    file: &mut File,
    Scratch { frame: scratch, inflating, .. }: &mut Scratch,
    out: &mut [u8],
) -> Result<(), Fault> {
    let layout = &image.layout;
    let needed = layout.native_bits() / 8;
    let start = image.pixels.offset + frame * needed;
    // Words are swapped also where each holds two samples of 8 bits, so that a frame may begin and end
    // within one (PS3.5 A.3).
    let unit = if image.pixels.in_words { layout.sample_bytes().max(2) } else { layout.sample_bytes() };
    let swapped = unit > 1 && image.syntax.encoding.big_endian != cfg!(target_endian = "big");
    let swap = |bytes: &mut [u8]| bytes.chunks_exact_mut(unit).for_each(<[u8]>::reverse);
    let halved = matches!(layout.colour, Colour::YbrFull422 | Colour::YbrPartial422);
    let is_plain = !layout.planar && !halved;
    if is_plain && (!swapped || needed.is_multiple_of(unit)) {
        read_pixels(image, start, file, inflating, out)?;
        if swapped {
            swap(out);
        }
        return Ok(());
    }
    let lead = if swapped { frame * needed % unit } else { 0 };
    scratch.resize(if swapped { (lead + needed).next_multiple_of(unit) } else { needed }, 0);
    read_pixels(image, start - lead, file, inflating, scratch)?;
    if swapped {
        swap(scratch);
    }
    let stored = &scratch[lead..][..needed];
    if halved {
        // Two luminances share the chrominances behind them.
        for (pair, four) in out.chunks_mut(6).zip(stored.chunks_exact(4)) {
            let pixels = [four[0], four[2], four[3], four[1], four[2], four[3]];
            pair.copy_from_slice(&pixels[..pair.len()]);
        }
    } else if layout.planar {
        let bytes = layout.sample_bytes();
        let plane = layout.rows * layout.columns * bytes;
        for (n, pixel) in out.chunks_exact_mut(layout.components() * bytes).enumerate() {
            for (component, sample) in pixel.chunks_exact_mut(bytes).enumerate() {
                sample.copy_from_slice(&stored[component * plane + n * bytes..][..bytes]);
            }
        }
    } else {
        out.copy_from_slice(stored);
    }
    Ok(())
}

/// Native pixel data as they lie in the file from byte `start` of the data set on.
fn read_pixels(
    image: &Arc<Image>,
    start: usize,
    file: &mut File,
    inflating: &mut Option<Inflating>,
    out: &mut [u8],
) -> Result<(), Fault> {
    if !image.syntax.deflated {
        file.seek(SeekFrom::Start(start as u64))?;
        return Ok(file.read_exact(out)?);
    }
    Inflating::read(inflating, image, file, start as u64, out).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => {
            Fault(RefusalCode::Damaged, "the deflated data are damaged".to_owned())
        }
        _ => error.into(),
    })
}

/// Takes `stored` bits out of each sample from bit `shift` up and widens the sign (PS3.5 8.1.1); padding
/// stays.
fn keep_bits(layout: &Layout, shift: u16, stored: u16, out: &mut [u8]) {
    let unused = layout.bits_allocated - stored;
    let signed = layout.number == Number::Signed;
    if layout.components() > 1 && layout.colour != Colour::Palette || shift == 0 && unused == 0 {
        return;
    }
    macro_rules! keep {
        ($unsigned:ty, $signed:ty, $padding:expr) => {{
            let lengthen =
                |sample: $unsigned| ((sample >> shift << unused) as $signed >> unused) as $unsigned;
            let cut = |sample: $unsigned| sample >> shift << unused >> unused;
            match $padding {
                None if signed => each(out, <$unsigned>::from_ne_bytes, lengthen, <$unsigned>::to_ne_bytes),
                None => each(out, <$unsigned>::from_ne_bytes, cut, <$unsigned>::to_ne_bytes),
                Some(padding) => {
                    let change = |sample: $unsigned| match sample {
                        sample if padding.contains(&sample) => sample,
                        sample if signed => lengthen(sample),
                        sample => cut(sample),
                    };
                    each(out, <$unsigned>::from_ne_bytes, change, <$unsigned>::to_ne_bytes);
                }
            }
        }};
    }
    match layout.sample_bytes() {
        1 => keep!(u8, i8, None::<std::ops::Range<u8>>),
        2 => keep!(u16, i16, layout.padding.map(|[a, b]| a.min(b)..=a.max(b))),
        _ => keep!(u32, i32, None::<std::ops::Range<u32>>),
    }
}

/// Changes each sample of `N` bytes.
fn each<T, const N: usize>(
    bytes: &mut [u8],
    read: impl Fn([u8; N]) -> T,
    change: impl Fn(T) -> T,
    write: impl Fn(T) -> [u8; N],
) {
    for sample in bytes.as_chunks_mut().0 {
        *sample = write(change(read(*sample)));
    }
}
