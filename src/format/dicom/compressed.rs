//! One compressed frame, by the decoder of its codestream.
//!
//! Always true: a decoder is let near a codestream only when the stream's own header agrees with the
//! image's, so that no decoder allocates what the image does not ask for.
//!
//! Must never know: files, what samples mean, but for JPEG, whose decoders turn the colours themselves.

use dicom_dictionary_std::uids;
use jpeg_decoder::{ColorTransform, PixelFormat};

use super::codestream::{self, Shape};
use super::fault::{Fault, fault};
use super::jpeg_2000::{self, Jpeg2000Error};
use super::jpeg_segments::JpegError;
use super::layout::{Colour, Layout};
use super::syntax::Codec;
use super::{encapsulated, jpeg_extended, jpeg_lossless, jpeg_ls, jpeg_xl};
use crate::format::RefusalCode;

/// Decodes a frame into `out`, as long as the layout's stored samples, and says how many bits of each
/// sample it holds. `words` is scratch.
pub(super) fn decode(
    frame: &[u8],
    codec: Codec,
    layout: &Layout,
    words: &mut Vec<u16>,
    out: &mut [u8],
) -> Result<u16, Fault> {
    if codec == Codec::JpegXl {
        return jpeg_xl(frame, layout, out);
    }
    let shape = match codec {
        Codec::Jpeg2000 => codestream::of_jpeg_2000(frame),
        _ => codestream::of_jpeg(frame),
    };
    let precision = agree(shape, layout)?;
    let mut held = precision;
    match codec {
        Codec::JpegLossless => {
            // Not coded with loss, it may hold an old overlay above the stored bits. Where coding may
            // lose something, the bits above hold what overshot.
            held = precision.min(layout.bits_stored);
            in_words(layout, words, out, |c, r, n, out| Ok(jpeg_lossless::decode(frame, c, r, n, out)?))?;
        }
        Codec::JpegLs => {
            in_words(layout, words, out, |c, r, n, out| Ok(jpeg_ls::decode(frame, c, r, n, out)?))?;
        }
        Codec::Jpeg2000 => jpeg_2000(frame, layout, out)?,
        _ if precision == 12 => {
            in_words(layout, words, out, |c, r, n, out| Ok(jpeg_extended::decode(frame, c, r, n, out)?))?;
        }
        _ => jpeg(frame, layout, precision, out)?,
    }
    Ok(held)
}

/// The precision of a codestream whose header agrees with the image's.
fn agree(shape: Option<Shape>, layout: &Layout) -> Result<u16, Fault> {
    let Some(shape) = shape else {
        return fault(RefusalCode::Damaged, "its compressed pixels have no header");
    };
    let stated = (shape.columns, shape.rows, shape.components);
    let expected = (layout.columns, layout.rows, layout.stored_components());
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
    Ok(shape.precision.into())
}

/// Lets a decoder that makes words of 16 bits, given columns, rows and components, fill samples of one
/// byte or two.
fn in_words(
    layout: &Layout,
    words: &mut Vec<u16>,
    out: &mut [u8],
    decode: impl Fn(usize, usize, usize, &mut [u16]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let (columns, rows, components) = (layout.columns, layout.rows, layout.stored_components());
    if let (2, Ok(samples)) = (layout.sample_bytes(), bytemuck::try_cast_slice_mut(out)) {
        return decode(columns, rows, components, samples);
    }
    words.resize(layout.samples(), 0);
    decode(columns, rows, components, words)?;
    store(words.iter().copied(), layout, 1, out);
    Ok(())
}

/// Puts samples where 8 or 16 bits are allocated, leaving room for others between them.
fn store(samples: impl Iterator<Item = u16>, layout: &Layout, step: usize, out: &mut [u8]) {
    match layout.sample_bytes() {
        1 => out.iter_mut().step_by(step).zip(samples).for_each(|(byte, sample)| *byte = sample as u8),
        _ => {
            let words = out.as_chunks_mut().0.iter_mut().step_by(step);
            words.zip(samples).for_each(|(word, sample)| *word = sample.to_ne_bytes());
        }
    }
}

impl From<JpegError> for Fault {
    fn from(error: JpegError) -> Self {
        let code = match error {
            JpegError::TooShort => RefusalCode::Truncated,
            JpegError::Damaged(_) => RefusalCode::Damaged,
            JpegError::Unsupported(_) => RefusalCode::UnsupportedTransferSyntax,
        };
        Self(code, error.to_string())
    }
}

/// JPEG by discrete cosines, with samples of 8 bits.
fn jpeg(frame: &[u8], layout: &Layout, precision: u16, out: &mut [u8]) -> Result<(), Fault> {
    if precision != 8 {
        let text = format!("its pixels are written as {precision}-bit JPEG, which is not opened");
        return fault(RefusalCode::UnsupportedTransferSyntax, text);
    }
    // What an Adobe segment says of the colours outweighs the header.
    let plain = codestream::holds_plain_rgb(frame).unwrap_or(layout.colour == Colour::Rgb);
    let is_misread = layout.components() == 3 && codestream::looks_plain_rgb(frame) != Some(plain);
    let pixels = if is_misread || encapsulated::is_too_dense(frame, layout.samples()) {
        jpeg_told(frame, layout, plain)?
    } else {
        encapsulated::decode(frame, uids::JPEG_BASELINE8_BIT, layout, 8)
            .or_else(|error| fault(RefusalCode::Damaged, format!("its JPEG is damaged: {error}")))?
    };
    if pixels.len() != layout.samples() {
        return fault(RefusalCode::Truncated, "its compressed pixels end too early");
    }
    store(pixels.into_iter().map(u16::from), layout, 1, out);
    Ok(())
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
    let expected = if layout.stored_components() == 1 { PixelFormat::L8 } else { PixelFormat::RGB24 };
    if format != Some(expected) {
        return fault(
            RefusalCode::Inconsistent,
            "its JPEG holds another kind of pixels than its header says",
        );
    }
    Ok(pixels)
}

fn jpeg_2000(frame: &[u8], layout: &Layout, out: &mut [u8]) -> Result<(), Fault> {
    let components = layout.stored_components();
    let take = &mut |component: usize, first: usize, samples: &mut dyn Iterator<Item = u16>| {
        let start = (first * components + component) * layout.sample_bytes();
        store(samples, layout, components, &mut out[start..]);
    };
    jpeg_2000::decode(frame, take).map_err(|error| {
        let code = match error {
            Jpeg2000Error::Subsampled | Jpeg2000Error::TooManyTiles => RefusalCode::Inconsistent,
            Jpeg2000Error::Damaged(_) => RefusalCode::Damaged,
            Jpeg2000Error::TooShort => RefusalCode::Truncated,
        };
        Fault(code, error.to_string())
    })
}

fn jpeg_xl(frame: &[u8], layout: &Layout, out: &mut [u8]) -> Result<u16, Fault> {
    let shape = [layout.columns, layout.rows, layout.stored_components()];
    jpeg_xl::decode(frame, shape, layout.bits_allocated, |samples| store(samples, layout, 1, out)).map_err(
        |error| {
            let code = match error {
                jpeg_xl::JpegXlError::Damaged(_) => RefusalCode::Damaged,
                jpeg_xl::JpegXlError::TooLarge => RefusalCode::TooLarge,
                jpeg_xl::JpegXlError::Other { .. } => RefusalCode::Inconsistent,
            };
            Fault(code, error.to_string())
        },
    )
}
