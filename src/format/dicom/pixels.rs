//! One picture's stored samples, decoded into their place.
//!
//! Always true: what comes out is in this machine's byte order, i fastest, components of a colour side
//! by side and red, green, blue; bits above those stored are gone, and the sign stands where the type
//! has it, but for padding values, which stay as they are. A decoder is let near a codestream only
//! when the stream's own header agrees with the image's.
//!
//! Must never know: slices, rescale.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use dicom_dictionary_std::uids;
use jpeg_decoder::{ColorTransform, PixelFormat};

use super::codestream::{self, Shape};
use super::file::Stamp;
use super::fragments::FrameParts;
use super::header::Image;
use super::inflating::Inflating;
use super::layout::{Colour, Layout};
use super::picture::Picture;
use super::syntax::Codec;
use super::{encapsulated, jpeg_lossless, rle};
use crate::format::{Refusal, RefusalCode};

/// Memory that one worker uses again and again.
#[derive(Default)]
pub(super) struct Scratch {
    frame: Vec<u8>,
    plane: Vec<u8>,
    words: Vec<u16>,
    inflating: Option<Inflating>,
}

/// Why a picture cannot be decoded, without its file's name.
struct Fault(RefusalCode, String);

fn fault<T>(code: RefusalCode, text: impl Into<String>) -> Result<T, Fault> {
    Err(Fault(code, text.into()))
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                Self(RefusalCode::Truncated, "ends before its pixels do".to_owned())
            }
            _ => Self(RefusalCode::Unreadable, format!("cannot be read: {error}")),
        }
    }
}

/// Decodes a picture into `out`, which is as long as the layout's picture; 16-bit samples lie in it in
/// this machine's byte order.
pub(super) fn decode(picture: &Picture, scratch: &mut Scratch, out: &mut [u8]) -> Result<(), Refusal> {
    let image = &picture.image;
    debug_assert_eq!(out.len(), image.layout.picture_bytes());
    // The decoders of compressed pictures are not ours; a panic in one is the file's refusal.
    let decoded = catch_unwind(AssertUnwindSafe(|| decode_samples(image, picture.frame, scratch, out)));
    let panicked = || fault(RefusalCode::Damaged, "its compressed pixels cannot be decoded");
    decoded
        .unwrap_or_else(|_| panicked())
        .map_err(|Fault(code, text)| Refusal::new(&image.path, code, text))?;
    keep_stored_bits(&image.layout, image.syntax.codec, out);
    Ok(())
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
    if image.syntax.codec == Codec::Native {
        return native(image, frame, &mut file, scratch, out);
    }
    read_parts(&mut file, &image.parts[frame], &mut scratch.frame)?;
    let frame = &scratch.frame[..];
    match image.syntax.codec {
        Codec::Native => Ok(()),
        Codec::Rle => {
            let (components, bytes) = (layout.components(), layout.sample_bytes());
            rle::decode(frame, components, bytes, &mut scratch.plane, out)
                .or_else(|error| fault(RefusalCode::Damaged, error.to_string()))?;
            if layout.colour == Colour::YbrFull {
                rgb_from_ybr(out);
            }
            Ok(())
        }
        Codec::Jpeg => jpeg(frame, layout, out),
        Codec::JpegLossless => lossless(frame, layout, &mut scratch.words, out),
        Codec::Jpeg2000 => jpeg_2000(frame, layout, out),
    }
}

/// The fragments of one frame, one after the other.
fn read_parts(file: &mut File, parts: &FrameParts, frame: &mut Vec<u8>) -> Result<(), Fault> {
    frame.clear();
    for part in parts {
        file.seek(SeekFrom::Start(part.start))?;
        file.take(part.end - part.start).read_to_end(frame)?;
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
    let needed = layout.native_bytes();
    let start = image.pixels.offset + frame * needed;
    // Words are swapped also where each holds two samples of 8 bits, so that a frame may begin and end
    // within one (PS3.5 A.3).
    let in_words = layout.sample_bytes() == 2 || image.pixels.in_words;
    let swapped = in_words && image.syntax.encoding.big_endian != cfg!(target_endian = "big");
    let swap = |bytes: &mut [u8]| bytes.chunks_exact_mut(2).for_each(|word| word.swap(0, 1));
    let is_plain =
        !layout.planar && matches!(layout.colour, Colour::Grey | Colour::InvertedGrey | Colour::Rgb);
    if is_plain && !(swapped && needed % 2 == 1) {
        read_pixels(image, start, file, inflating, out)?;
        if swapped {
            swap(out);
        }
        return Ok(());
    }
    let lead = if swapped { frame * needed % 2 } else { 0 };
    scratch.resize(if swapped { (lead + needed).next_multiple_of(2) } else { needed }, 0);
    read_pixels(image, start - lead, file, inflating, scratch)?;
    if swapped {
        swap(scratch);
    }
    let stored = &scratch[lead..][..needed];
    match layout.colour {
        Colour::YbrFull422 => {
            // Two luminances share the chrominances behind them.
            for (pair, four) in out.chunks_mut(6).zip(stored.chunks_exact(4)) {
                let pixels = [four[0], four[2], four[3], four[1], four[2], four[3]];
                pair.copy_from_slice(&pixels[..pair.len()]);
            }
        }
        _ if layout.planar => {
            let pixels = layout.rows * layout.columns;
            for (n, pixel) in out.chunks_exact_mut(layout.components()).enumerate() {
                pixel.iter_mut().enumerate().for_each(|(plane, byte)| *byte = stored[plane * pixels + n]);
            }
        }
        _ => out.copy_from_slice(stored),
    }
    if layout.colour == Colour::YbrFull || layout.colour == Colour::YbrFull422 {
        rgb_from_ybr(out);
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

/// Red, green and blue from full-range luminance and chrominance (PS3.3 C.7.6.3.1.2).
fn rgb_from_ybr(pixels: &mut [u8]) {
    for pixel in pixels.chunks_exact_mut(3) {
        let [y, b, r] = [pixel[0], pixel[1], pixel[2]].map(f32::from);
        let (b, r) = (b - 128.0, r - 128.0);
        let rgb = [y + 1.402 * r, y - 0.344_136 * b - 0.714_136 * r, y + 1.772 * b];
        pixel.copy_from_slice(&rgb.map(|value| value.round().clamp(0.0, 255.0) as u8));
    }
}

/// Whether a codestream's own header agrees with the image's.
fn agree(shape: Option<Shape>, layout: &Layout) -> Result<Shape, Fault> {
    let Some(shape) = shape else {
        return fault(RefusalCode::Damaged, "its compressed pixels have no header");
    };
    let stated = (shape.columns, shape.rows, shape.components);
    let expected = (layout.columns, layout.rows, layout.components());
    if stated != expected || u16::from(shape.precision) > layout.bits_allocated {
        let text = format!(
            "its header says {} × {} pixels of {} sample(s) in {} bits, its compressed pixels {} × {} of {} in {}",
            expected.0,
            expected.1,
            expected.2,
            layout.bits_allocated,
            stated.0,
            stated.1,
            stated.2,
            shape.precision
        );
        return fault(RefusalCode::Inconsistent, text);
    }
    Ok(shape)
}

/// JPEG with 8-bit samples.
fn jpeg(frame: &[u8], layout: &Layout, out: &mut [u8]) -> Result<(), Fault> {
    let shape = agree(codestream::of_jpeg(frame), layout)?;
    if shape.precision != 8 {
        let text = format!("its pixels are written as {}-bit JPEG, which is not opened", shape.precision);
        return fault(RefusalCode::UnsupportedTransferSyntax, text);
    }
    // What an Adobe segment says of the colours outweighs the header.
    let plain = codestream::holds_plain_rgb(frame).unwrap_or(layout.colour == Colour::Rgb);
    let is_misread = layout.components() == 3 && codestream::looks_plain_rgb(frame) != Some(plain);
    let samples = layout.rows * layout.columns * layout.components();
    let pixels = if is_misread || encapsulated::is_too_dense(frame, samples) {
        jpeg_told(frame, layout, plain)?
    } else {
        encapsulated::decode(frame, uids::JPEG_BASELINE8_BIT, layout, 8)
            .or_else(|error| fault(RefusalCode::Damaged, format!("its JPEG is damaged: {error}")))?
    };
    store(&pixels, layout, out)
}

/// JPEG that dicom-pixeldata will not decode truly: it cannot be told which colours the components are,
/// and guesses by their numbers alone; nor does it take blank pictures that are large.
fn jpeg_told(frame: &[u8], layout: &Layout, plain: bool) -> Result<Vec<u8>, Fault> {
    let damaged =
        |error: jpeg_decoder::Error| Fault(RefusalCode::Damaged, format!("its JPEG is damaged: {error}"));
    let mut decoder = jpeg_decoder::Decoder::new(frame);
    decoder.set_max_decoding_buffer_size(layout.picture_bytes());
    if layout.components() == 3 {
        decoder.set_color_transform(if plain { ColorTransform::RGB } else { ColorTransform::YCbCr });
    }
    let pixels = decoder.decode().map_err(damaged)?;
    let format = decoder.info().map(|info| info.pixel_format);
    let expected = if layout.components() == 1 { PixelFormat::L8 } else { PixelFormat::RGB24 };
    if format != Some(expected) {
        return fault(
            RefusalCode::Inconsistent,
            "its JPEG holds another kind of pixels than its header says",
        );
    }
    Ok(pixels)
}

/// Puts samples of 8 bits where 8 or 16 are allocated.
fn store(samples: &[u8], layout: &Layout, out: &mut [u8]) -> Result<(), Fault> {
    if samples.len() != out.len() / layout.sample_bytes() {
        return fault(RefusalCode::Truncated, "its compressed pixels end too early");
    }
    match layout.sample_bytes() {
        1 => out.copy_from_slice(samples),
        _ => {
            for (word, sample) in out.chunks_exact_mut(2).zip(samples) {
                word.copy_from_slice(&u16::from(*sample).to_ne_bytes());
            }
        }
    }
    Ok(())
}

fn lossless(frame: &[u8], layout: &Layout, words: &mut Vec<u16>, out: &mut [u8]) -> Result<(), Fault> {
    agree(codestream::of_jpeg(frame), layout)?;
    let (columns, rows, components) = (layout.columns, layout.rows, layout.components());
    let damaged = |error: jpeg_lossless::JpegLosslessError| {
        let code = match error {
            jpeg_lossless::JpegLosslessError::TooShort => RefusalCode::Truncated,
            _ => RefusalCode::Damaged,
        };
        Fault(code, error.to_string())
    };
    if let (2, Ok(samples)) = (layout.sample_bytes(), bytemuck::try_cast_slice_mut(out)) {
        return jpeg_lossless::decode(frame, columns, rows, components, samples).map_err(damaged);
    }
    words.resize(columns * rows * components, 0);
    jpeg_lossless::decode(frame, columns, rows, components, words).map_err(damaged)?;
    match layout.sample_bytes() {
        1 => out.iter_mut().zip(words.iter()).for_each(|(byte, word)| *byte = *word as u8),
        _ => out
            .chunks_exact_mut(2)
            .zip(words.iter())
            .for_each(|(b, word)| b.copy_from_slice(&word.to_ne_bytes())),
    }
    if layout.colour == Colour::YbrFull {
        rgb_from_ybr(out);
    }
    Ok(())
}

fn jpeg_2000(frame: &[u8], layout: &Layout, out: &mut [u8]) -> Result<(), Fault> {
    agree(codestream::of_jpeg_2000(frame), layout)?;
    if !codestream::has_full_planes(frame, layout.components()) {
        return fault(
            RefusalCode::Inconsistent,
            "its JPEG 2000 has components of another size than the image",
        );
    }
    // A part of a tile has a header of 14 bytes, and its decoder keeps some kilobytes for each tile.
    const MOST_TILES: u64 = 4096;
    let tiles = codestream::tiles_of_jpeg_2000(frame).unwrap_or(u64::MAX);
    if tiles > MOST_TILES || tiles * 14 > frame.len() as u64 {
        let text = "its JPEG 2000 is divided into more tiles than it can hold";
        return fault(RefusalCode::Inconsistent, text);
    }
    if encapsulated::is_too_dense(frame, out.len()) {
        dense_jpeg_2000(frame, layout, out)?;
    } else {
        let pixels = encapsulated::decode(frame, uids::JPEG2000, layout, layout.bits_allocated)
            .or_else(|error| fault(RefusalCode::Damaged, format!("its JPEG 2000 is damaged: {error}")))?;
        if pixels.len() != out.len() {
            return fault(RefusalCode::Truncated, "its compressed pixels end too early");
        }
        out.copy_from_slice(&pixels);
        if layout.sample_bytes() == 2 && cfg!(target_endian = "big") {
            each_word(out, u16::swap_bytes);
        }
    }
    if layout.colour == Colour::YbrFull {
        rgb_from_ybr(out);
    }
    Ok(())
}

/// JPEG 2000 of a large and nearly blank picture, which dicom-pixeldata does not take.
fn dense_jpeg_2000(frame: &[u8], layout: &Layout, out: &mut [u8]) -> Result<(), Fault> {
    let image = jpeg2k::Image::from_bytes(frame)
        .or_else(|error| fault(RefusalCode::Damaged, format!("its JPEG 2000 is damaged: {error}")))?;
    let components = layout.components();
    for (n, component) in image.components().iter().enumerate().take(components) {
        let samples = component.data().iter();
        match layout.sample_bytes() {
            1 => out[n..]
                .iter_mut()
                .step_by(components)
                .zip(samples)
                .for_each(|(byte, sample)| *byte = *sample as u8),
            _ => {
                for (word, sample) in out.chunks_exact_mut(2).skip(n).step_by(components).zip(samples) {
                    word.copy_from_slice(&(*sample as u16).to_ne_bytes());
                }
            }
        }
    }
    Ok(())
}

/// Takes the stored bits out of each sample and widens the sign (PS3.5 8.1.1); padding stays.
fn keep_stored_bits(layout: &Layout, codec: Codec, out: &mut [u8]) {
    // Codestreams hold the stored bits at the bottom, whatever High Bit says.
    let shift = if matches!(codec, Codec::Native | Codec::Rle) {
        layout.high_bit + 1 - layout.bits_stored
    } else {
        0
    };
    let unused = layout.bits_allocated - layout.bits_stored;
    if layout.components() > 1 || shift == 0 && unused == 0 {
        return;
    }
    if layout.sample_bytes() == 1 {
        for byte in out {
            let top = *byte >> shift << unused;
            *byte = if layout.signed { (top as i8 >> unused) as u8 } else { top >> unused };
        }
        return;
    }
    let signed = |word: u16| ((word >> shift << unused) as i16 >> unused) as u16;
    let unsigned = |word: u16| word >> shift << unused >> unused;
    match layout.padding.map(|[a, b]| a.min(b)..=a.max(b)) {
        None if layout.signed => each_word(out, signed),
        None => each_word(out, unsigned),
        Some(padding) => each_word(out, |word| match word {
            word if padding.contains(&word) => word,
            word if layout.signed => signed(word),
            word => unsigned(word),
        }),
    }
}

fn each_word(bytes: &mut [u8], change: impl Fn(u16) -> u16) {
    for word in bytes.chunks_exact_mut(2) {
        word.copy_from_slice(&change(u16::from_ne_bytes([word[0], word[1]])).to_ne_bytes());
    }
}
