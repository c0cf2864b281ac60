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
use super::layout::{Colour, Layout, Number};
use super::syntax::Codec;
use super::{encapsulated, jpeg_extended, jpeg_lossless, jpeg_ls, jpeg_xl};
use crate::format::{Doubt, DoubtCode, RefusalCode};

/// Decodes a frame into `out`, as long as the layout's stored samples, and says how many bits of each
/// sample it holds. `words` is scratch.
pub(super) fn decode(
    frame: &[u8],
    codec: Codec,
    layout: &Layout,
    words: &mut Vec<u16>,
    out: &mut [u8],
) -> Result<u16, Fault> {
    let precision = match codec {
        Codec::JpegXl => jpeg_xl(frame, layout, out)?,
        _ => {
            let precision = agree(shape(frame, codec), layout)?;
            codestream(frame, codec, precision, layout, words, out)?;
            precision
        }
    };
    let wider = precision > layout.bits_stored;
    if wider && !is_lossy(frame, codec) {
        // Not coded with loss, it holds words as they were: with an old overlay above the stored bits, or
        // without the sign there.
        return Ok(layout.bits_stored);
    }
    if wider && layout.number == Number::Signed && !has_signed_samples(frame, codec) {
        without_overshoot(layout, out);
        return Ok(layout.bits_stored);
    }
    // Where coding may lose something, the bits above hold what overshot.
    Ok(precision)
}

fn codestream(
    frame: &[u8],
    codec: Codec,
    precision: u16,
    layout: &Layout,
    words: &mut Vec<u16>,
    out: &mut [u8],
) -> Result<(), Fault> {
    match codec {
        Codec::JpegLossless => {
            in_words(layout, words, out, |c, r, n, out| Ok(jpeg_lossless::decode(frame, c, r, n, out)?))
        }
        Codec::JpegLs => {
            in_words(layout, words, out, |c, r, n, out| Ok(jpeg_ls::decode(frame, c, r, n, out)?))
        }
        Codec::Jpeg2000 => jpeg_2000(frame, layout, out),
        _ if precision == 12 => {
            in_words(layout, words, out, |c, r, n, out| Ok(jpeg_extended::decode(frame, c, r, n, out)?))
        }
        _ => jpeg(frame, layout, precision, out),
    }
}

fn shape(frame: &[u8], codec: Codec) -> Option<Shape> {
    match codec {
        Codec::Jpeg2000 => codestream::of_jpeg_2000(frame),
        _ => codestream::of_jpeg(frame),
    }
}

/// Whether a frame, or its beginning, says that it was coded with loss.
fn is_lossy(frame: &[u8], codec: Codec) -> bool {
    match codec {
        Codec::Native | Codec::Rle | Codec::JpegLossless => false,
        Codec::Jpeg => true,
        Codec::JpegLs => codestream::tolerance_of_jpeg_ls(frame).is_some_and(|near| near > 0),
        Codec::Jpeg2000 => codestream::size_of_jpeg_2000(frame).is_some_and(|(_, size)| !size.is_reversible),
        Codec::JpegXl => jpeg_xl::is_lossy(frame),
    }
}

fn has_signed_samples(frame: &[u8], codec: Codec) -> bool {
    codec == Codec::Jpeg2000
        && codestream::size_of_jpeg_2000(frame).is_some_and(|(_, size)| size.range()[0] < 0)
}

/// Keeps samples that stand without a sign, and that coding moved beyond the stored bits, within them:
/// the sign that is taken from these is not to turn.
fn without_overshoot(layout: &Layout, out: &mut [u8]) {
    let greatest = (1u32 << layout.bits_stored.min(16)) - 1;
    let is_padding =
        |sample: u16| layout.padding.is_some_and(|[a, b]| (a.min(b)..=a.max(b)).contains(&sample));
    match layout.sample_bytes() {
        1 => out.iter_mut().for_each(|byte| *byte = (*byte).min(greatest as u8)),
        _ => {
            for word in out.as_chunks_mut::<2>().0 {
                let sample = u16::from_ne_bytes(*word);
                if u32::from(sample) > greatest && !is_padding(sample) {
                    *word = (greatest as u16).to_ne_bytes();
                }
            }
        }
    }
}

/// What a frame, or its beginning, says that its file's header does not, or otherwise.
pub(super) fn doubts(frame: &[u8], codec: Codec, layout: &Layout) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    if is_lossy(frame, codec) {
        doubts.push(Doubt::new(DoubtCode::Lossy, "the image is compressed with loss"));
    }
    let odd = |text: String| Doubt::new(DoubtCode::OddHeader, text);
    if has_signed_samples(frame, codec) && layout.number == Number::Unsigned && layout.is_grey() {
        let text = "its JPEG 2000 holds signed samples and its header says unsigned ones, which was believed";
        doubts.push(odd(text.to_owned()));
    }
    let precision = if codec == Codec::JpegXl { None } else { shape(frame, codec) };
    if let Some(bits) =
        precision.map(|shape| u16::from(shape.precision)).filter(|bits| *bits < layout.bits_stored)
    {
        let text = format!(
            "its compressed pixels hold {bits} bits and its header says {}; values are those of the pixels",
            layout.bits_stored
        );
        doubts.push(odd(text));
    }
    doubts
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
