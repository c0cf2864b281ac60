//! How the samples of a picture lie in the pixel data.
//!
//! Always true: a [`Layout`] is one that the decoders handle, and its picture has at least one pixel.

use std::path::Path;

use dicom_dictionary_std::tags;

use super::dataset::{DataSet, PixelsAt};
use super::syntax::{Codec, Syntax};
use crate::format::{Doubt, DoubtCode, Refusal, RefusalCode};

/// What the samples of a pixel mean (PS3.3 C.7.6.3.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Colour {
    /// MONOCHROME2: the greatest value is white.
    Grey,
    /// MONOCHROME1: the greatest value is black.
    InvertedGrey,
    /// One sample, which stands for a colour of a table.
    Palette,
    /// Red, green and blue.
    Rgb,
    /// Luminance and two chrominances.
    YbrFull,
    /// As [`Self::YbrFull`], with one pair of chrominances for two pixels side by side.
    YbrFull422,
    /// As [`Self::YbrFull422`], without the ends of the range.
    YbrPartial422,
    /// Made by JPEG 2000 from red, green and blue, and turned back by its decoder.
    YbrOfJpeg2000,
}

/// How a sample is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Number {
    Unsigned,
    Signed,
    /// IEEE 754.
    Real,
}

/// How the samples of one picture lie in the pixel data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) colour: Colour,
    /// Whether the components of colours lie one plane after the other.
    pub(super) planar: bool,
    /// 1, 8, 16, 32 or 64.
    pub(super) bits_allocated: u16,
    /// From 1 to `bits_allocated`.
    pub(super) bits_stored: u16,
    /// Position of the highest bit stored.
    pub(super) high_bit: u16,
    pub(super) number: Number,
    /// Pixel Padding Value and its range limit, as raw words: kept as they are.
    pub(super) padding: Option<[u16; 2]>,
}

impl Layout {
    /// The samples that are padding, from the least to the greatest.
    pub(super) fn padding_samples(&self) -> Option<[f64; 2]> {
        let sample = |word: u16| match (self.number, self.bits_allocated) {
            (Number::Signed, 8) => f64::from(word as i8),
            (Number::Signed, _) => f64::from(word as i16),
            _ => f64::from(word),
        };
        let [a, b] = self.padding.filter(|_| self.is_grey() && self.bits_allocated <= 16)?.map(sample);
        Some([a.min(b), a.max(b)])
    }

    /// Components of one pixel, decoded.
    pub(super) fn components(&self) -> usize {
        if self.is_grey() { 1 } else { 3 }
    }

    /// Components of one pixel in the pixel data.
    pub(super) fn stored_components(&self) -> usize {
        if self.colour == Colour::Palette { 1 } else { self.components() }
    }

    /// Whether a pixel has a value and not a colour.
    pub(super) fn is_grey(&self) -> bool {
        matches!(self.colour, Colour::Grey | Colour::InvertedGrey)
    }

    /// Bytes of one stored sample; a sample of one bit is unpacked into a byte.
    pub(super) fn sample_bytes(&self) -> usize {
        usize::from(self.bits_allocated.div_ceil(8))
    }

    /// Stored samples of one picture.
    pub(super) fn samples(&self) -> usize {
        self.rows * self.columns * self.stored_components()
    }

    /// Bytes of the stored samples of one picture.
    pub(super) fn stored_bytes(&self) -> usize {
        self.samples() * self.sample_bytes()
    }

    /// Bytes of one picture, decoded.
    pub(super) fn picture_bytes(&self) -> usize {
        match self.colour {
            Colour::Palette => self.rows * self.columns * 3,
            _ => self.stored_bytes(),
        }
    }

    /// Bits of one picture in native pixel data. Frames of single bits follow each other within a byte.
    pub(super) fn native_bits(&self) -> usize {
        match self.colour {
            Colour::YbrFull422 | Colour::YbrPartial422 => self.rows * self.columns * 16,
            _ => self.samples() * usize::from(self.bits_allocated),
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
    let word = |tag, name: &str| {
        let text = format!("states no {name}; export it again");
        dataset.word(tag).ok_or_else(|| Refusal::new(path, RefusalCode::Inconsistent, text))
    };
    let [rows, columns] = [word(tags::ROWS, "Rows")?, word(tags::COLUMNS, "Columns")?].map(usize::from);
    if rows == 0 || columns == 0 {
        return refuse(
            RefusalCode::Inconsistent,
            format!("states {rows} rows of {columns} columns; export it again"),
        );
    }
    let samples = dataset.word(tags::SAMPLES_PER_PIXEL).unwrap_or(1);
    let photometric = dataset.text(tags::PHOTOMETRIC_INTERPRETATION).unwrap_or_default();
    let colour = match (photometric.as_str(), samples) {
        ("MONOCHROME2" | "", 1) => Colour::Grey,
        ("MONOCHROME1", 1) => Colour::InvertedGrey,
        ("PALETTE COLOR", 1) => Colour::Palette,
        ("RGB", 3) => Colour::Rgb,
        ("YBR_FULL", 3) => Colour::YbrFull,
        ("YBR_FULL_422", 3) => Colour::YbrFull422,
        ("YBR_PARTIAL_422", 3) => Colour::YbrPartial422,
        ("YBR_RCT" | "YBR_ICT", 3) => Colour::YbrOfJpeg2000,
        _ => {
            let text = format!(
                "has pixels of {samples} sample(s) as \"{photometric}\", which is not opened; export it as RGB or grey"
            );
            return refuse(RefusalCode::UnsupportedType, text);
        }
    };
    let is_real = pixels.tag != tags::PIXEL_DATA;
    let bits_allocated = match pixels.tag {
        tags::FLOAT_PIXEL_DATA => 32,
        tags::DOUBLE_FLOAT_PIXEL_DATA => 64,
        _ => word(tags::BITS_ALLOCATED, "Bits Allocated")?,
    };
    let stored = dataset.word(tags::BITS_STORED).filter(|_| !is_real);
    let bits_stored = stored.unwrap_or(bits_allocated);
    let high_bit = dataset.word(tags::HIGH_BIT).filter(|_| !is_real);
    let high_bit = high_bit.unwrap_or(bits_stored.saturating_sub(1));
    let grey = matches!(colour, Colour::Grey | Colour::InvertedGrey);
    let is_opened = match (bits_allocated, syntax.codec) {
        (1, Codec::Native) => grey,
        (8, _) => true,
        (16, _) if colour == Colour::Rgb || colour == Colour::YbrOfJpeg2000 => bits_stored == 16,
        (16, _) => samples == 1,
        (32, Codec::Native | Codec::Rle) => grey,
        (64, Codec::Native) => is_real,
        _ => false,
    };
    if !is_opened {
        let text = format!(
            "has samples of {bits_stored} bits in {bits_allocated} ({samples} per pixel), which are not opened; export it with 8 or 16 bits allocated"
        );
        return refuse(RefusalCode::UnsupportedType, text);
    }
    if is_real && syntax.codec != Codec::Native {
        return refuse(RefusalCode::UnsupportedType, "has floating-point pixels that are compressed".into());
    }
    if bits_stored == 0
        || bits_stored > bits_allocated
        || high_bit >= bits_allocated
        || high_bit + 1 < bits_stored
    {
        let text = format!(
            "keeps {bits_stored} bits up to bit {high_bit} in {bits_allocated}, which cannot be; export it again"
        );
        return refuse(RefusalCode::Inconsistent, text);
    }
    let padding = dataset.word(tags::PIXEL_PADDING_VALUE);
    let limit = dataset.word(tags::PIXEL_PADDING_RANGE_LIMIT);
    let is_signed = samples == 1 && dataset.word(tags::PIXEL_REPRESENTATION) == Some(1);
    Ok(Layout {
        rows,
        columns,
        colour,
        planar: samples > 1 && dataset.word(tags::PLANAR_CONFIGURATION) == Some(1),
        bits_allocated,
        bits_stored,
        high_bit,
        number: match (is_real, is_signed) {
            (true, _) => Number::Real,
            (_, true) => Number::Signed,
            (_, false) => Number::Unsigned,
        },
        padding: padding.map(|value| [value, limit.unwrap_or(value)]),
    })
}

/// Holds native pixel data that are longer than `frames` pictures need against what is known to happen:
/// colours that are said to share their chrominances, and do not; and tells of others.
pub(super) fn mend(
    path: &Path,
    layout: &mut Layout,
    frames: usize,
    syntax: Syntax,
    pixels: PixelsAt,
) -> Result<Option<Doubt>, Refusal> {
    let needed = layout.native_bits().saturating_mul(frames).div_ceil(8);
    let Some(length) = pixels.length.filter(|length| syntax.codec == Codec::Native && *length > needed + 1)
    else {
        return Ok(None);
    };
    let is_full = length.abs_diff(layout.stored_bytes().saturating_mul(frames)) <= 1;
    match layout.colour {
        Colour::YbrFull422 if is_full => {
            layout.colour = Colour::YbrFull;
            let text = "is called YBR_FULL_422 and has chrominances for each pixel; it was read as YBR_FULL";
            Ok(Some(Doubt::new(DoubtCode::OddHeader, text)))
        }
        Colour::YbrPartial422 if is_full => {
            let text = "is called YBR_PARTIAL_422 and has chrominances for each pixel, so that its colours are not known; export it as RGB";
            Err(Refusal::new(path, RefusalCode::Inconsistent, text))
        }
        _ => {
            let text = format!(
                "the pixel data have {} bytes more than {frames} × {} × {} pixels need; they were left out",
                length - needed,
                layout.columns,
                layout.rows
            );
            Ok(Some(Doubt::new(DoubtCode::TrailingBytes, text)))
        }
    }
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
    let needed = layout.native_bits().saturating_mul(frames).div_ceil(8);
    match (syntax.codec, pixels.length) {
        (Codec::Native, Some(length)) if length < needed => {
            let (rows, columns) = (layout.rows, layout.columns);
            let text = format!(
                "has {length} bytes of pixels where {frames} × {columns} × {rows} pixels need {needed}; export it again"
            );
            refuse(RefusalCode::Inconsistent, &text)
        }
        (Codec::Native, Some(_)) if left < needed => refuse(
            RefusalCode::Truncated,
            &format!("ends after {left} of {needed} bytes of pixels; copy it again from where it came"),
        ),
        (Codec::Native, None) => refuse(
            RefusalCode::Inconsistent,
            "has pixel data in fragments where its transfer syntax says plain samples; export it again",
        ),
        (Codec::Native, Some(_)) | (_, None) => Ok(()),
        (_, Some(_)) => refuse(
            RefusalCode::Inconsistent,
            "has plain pixel data where its transfer syntax says compressed fragments; export it again",
        ),
    }
}
