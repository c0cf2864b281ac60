//! How the samples of a picture lie in the pixel data.
//!
//! Always true: a [`Layout`] is one that the decoders handle, and its picture has at least one pixel.

use std::path::Path;

use dicom_dictionary_std::tags;

use super::dataset::{DataSet, PixelsAt};
use super::syntax::{Codec, Syntax};
use crate::format::{Refusal, RefusalCode};

/// What the samples of a pixel mean (PS3.3 C.7.6.3.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Colour {
    /// MONOCHROME2: the greatest value is white.
    Grey,
    /// MONOCHROME1: the greatest value is black.
    InvertedGrey,
    /// Red, green and blue.
    Rgb,
    /// Luminance and two chrominances.
    YbrFull,
    /// As [`Self::YbrFull`], with one pair of chrominances for two pixels side by side.
    YbrFull422,
    /// Made by JPEG 2000 from red, green and blue, and turned back by its decoder.
    YbrOfJpeg2000,
}

/// How the samples of one picture lie in the pixel data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) colour: Colour,
    /// Whether the components of colours lie one plane after the other.
    pub(super) planar: bool,
    /// 8 or 16.
    pub(super) bits_allocated: u16,
    /// From 1 to `bits_allocated`.
    pub(super) bits_stored: u16,
    /// Position of the highest bit stored.
    pub(super) high_bit: u16,
    pub(super) signed: bool,
    /// Pixel Padding Value and its range limit, as raw words: kept as they are.
    pub(super) padding: Option<[u16; 2]>,
}

impl Layout {
    /// Components of one pixel.
    pub(super) fn components(&self) -> usize {
        if matches!(self.colour, Colour::Grey | Colour::InvertedGrey) { 1 } else { 3 }
    }

    /// Bytes of one component.
    pub(super) fn sample_bytes(&self) -> usize {
        usize::from(self.bits_allocated / 8)
    }

    /// Bytes of one picture, decoded.
    pub(super) fn picture_bytes(&self) -> usize {
        self.rows * self.columns * self.components() * self.sample_bytes()
    }

    /// Bytes of one picture in native pixel data.
    pub(super) fn native_bytes(&self) -> usize {
        match self.colour {
            Colour::YbrFull422 => self.rows * self.columns * 2,
            _ => self.picture_bytes(),
        }
    }
}

/// Reads the layout of a file's pixel data, and refuses one that is not opened or cannot be.
pub(super) fn layout(
    path: &Path,
    dataset: &DataSet<'_>,
    syntax: Syntax,
    pixels: PixelsAt,
) -> Result<Layout, Refusal> {
    let refuse = |code, text: String| Err(Refusal::new(path, code, text));
    if pixels.tag != tags::PIXEL_DATA {
        return refuse(
            RefusalCode::UnsupportedType,
            "holds floating-point pixels, which are not opened yet".into(),
        );
    }
    let word = |tag, name: &str| {
        let text = format!("states no {name}");
        dataset.word(tag).ok_or_else(|| Refusal::new(path, RefusalCode::Inconsistent, text))
    };
    let [rows, columns] = [word(tags::ROWS, "Rows")?, word(tags::COLUMNS, "Columns")?].map(usize::from);
    if rows == 0 || columns == 0 {
        return refuse(RefusalCode::Inconsistent, format!("states {rows} rows of {columns} columns"));
    }
    let samples = dataset.word(tags::SAMPLES_PER_PIXEL).unwrap_or(1);
    let photometric = dataset.text(tags::PHOTOMETRIC_INTERPRETATION).unwrap_or_default();
    let colour = match (photometric.as_str(), samples) {
        ("MONOCHROME2" | "", 1) => Colour::Grey,
        ("MONOCHROME1", 1) => Colour::InvertedGrey,
        ("RGB", 3) => Colour::Rgb,
        ("YBR_FULL", 3) => Colour::YbrFull,
        ("YBR_FULL_422", 3) => Colour::YbrFull422,
        ("YBR_RCT" | "YBR_ICT", 3) => Colour::YbrOfJpeg2000,
        _ => {
            let text =
                format!("has pixels of {samples} sample(s) as \"{photometric}\", which is not opened yet");
            return refuse(RefusalCode::UnsupportedType, text);
        }
    };
    let bits_allocated = word(tags::BITS_ALLOCATED, "Bits Allocated")?;
    let bits_stored = dataset.word(tags::BITS_STORED).unwrap_or(bits_allocated);
    let high_bit = dataset.word(tags::HIGH_BIT).unwrap_or(bits_stored.saturating_sub(1));
    let grey = samples == 1;
    if !(bits_allocated == 8 || bits_allocated == 16 && grey) {
        let text =
            format!("has samples of {bits_allocated} bits ({samples} per pixel), which are not opened yet");
        return refuse(RefusalCode::UnsupportedType, text);
    }
    if bits_stored == 0
        || bits_stored > bits_allocated
        || high_bit >= bits_allocated
        || high_bit + 1 < bits_stored
    {
        let text =
            format!("keeps {bits_stored} bits up to bit {high_bit} in {bits_allocated}, which cannot be");
        return refuse(RefusalCode::Inconsistent, text);
    }
    if syntax.codec == Codec::Jpeg && bits_stored > 8 {
        let text = "its pixels are written as 12-bit JPEG, which is not opened; convert the file to \"Explicit VR Little Endian\"";
        return refuse(RefusalCode::UnsupportedTransferSyntax, text.into());
    }
    let padding = dataset.word(tags::PIXEL_PADDING_VALUE);
    let limit = dataset.word(tags::PIXEL_PADDING_RANGE_LIMIT);
    Ok(Layout {
        rows,
        columns,
        colour,
        planar: !grey && dataset.word(tags::PLANAR_CONFIGURATION) == Some(1),
        bits_allocated,
        bits_stored,
        high_bit,
        signed: grey && dataset.word(tags::PIXEL_REPRESENTATION) == Some(1),
        padding: padding.map(|value| [value, limit.unwrap_or(value)]),
    })
}

/// Refuses pixel data that are shorter than `frames` pictures, or not written as their syntax says.
/// `total` bytes are there at most.
pub(super) fn refuse_missing_pixels(
    path: &Path,
    layout: &Layout,
    frames: usize,
    syntax: Syntax,
    pixels: PixelsAt,
    total: usize,
) -> Result<(), Refusal> {
    let refuse = |code, text: &str| Err(Refusal::new(path, code, text));
    let left = total.saturating_sub(pixels.offset);
    let needed = layout.native_bytes().saturating_mul(frames);
    match (syntax.codec, pixels.length) {
        (Codec::Native, Some(length)) if length < needed => {
            let (rows, columns) = (layout.rows, layout.columns);
            let text = format!(
                "has {length} bytes of pixels where {frames} × {columns} × {rows} pixels need {needed}"
            );
            refuse(RefusalCode::Inconsistent, &text)
        }
        (Codec::Native, Some(_)) if left < needed => {
            refuse(RefusalCode::Truncated, &format!("ends after {left} of {needed} bytes of pixels"))
        }
        (Codec::Native, None) => refuse(
            RefusalCode::Inconsistent,
            "has pixel data in fragments where its transfer syntax says plain samples",
        ),
        (Codec::Native, Some(_)) | (_, None) => Ok(()),
        (_, Some(_)) => refuse(
            RefusalCode::Inconsistent,
            "has plain pixel data where its transfer syntax says compressed fragments",
        ),
    }
}
