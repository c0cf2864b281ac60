//! JPEG 2000 (ISO/IEC 15444-1): what was transformed by the reversible wavelet by `hayro-jpeg2000`; by
//! `openjp2` what was not, whose rounding is OpenJPEG's then, high-throughput JPEG 2000 (15444-15), what
//! the other declines, and pictures too large to be held as real numbers, these strip by strip.
//!
//! Always true: only the codestream is handed on, never the boxes of a JP2 file around it; its own header
//! agrees with the image's before; memory beyond the samples that come out has a bound.
//!
//! Must never know: files, what samples mean.

use std::ops::Range;

use hayro_jpeg2000::{DecodeSettings, DecoderContext, Image};
use jpeg2k::{DecodeArea, DecodeParameters};

use super::codestream::{self, Size};

/// Why a codestream is not decoded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Jpeg2000Error {
    /// Components of fewer samples than the picture has pixels.
    #[error("its JPEG 2000 has components of another size than the image")]
    Subsampled,
    /// Tiles take memory each.
    #[error("its JPEG 2000 is divided into more tiles than it can hold")]
    TooManyTiles,
    /// The decoder's own reason.
    #[error("its JPEG 2000 is damaged: {0}")]
    Damaged(String),
    /// Fewer samples than pixels.
    #[error("its compressed pixels end too early")]
    TooShort,
}

/// Samples of a picture that is decoded whole: they are held as four bytes each, several times over.
const MOST_IN_WHOLE: usize = 4 << 20;
/// The same of a strip.
const MOST_IN_STRIP: usize = 2 << 20;

/// Decodes a picture and hands over its samples: whose component they are, the first one's place in the
/// picture, and the samples row by row. Negative samples are in two's complement.
pub(super) fn decode(
    frame: &[u8],
    take: &mut dyn FnMut(usize, usize, &mut dyn Iterator<Item = u16>),
) -> Result<(), Jpeg2000Error> {
    decode_at_most(frame, [MOST_IN_WHOLE, MOST_IN_STRIP], take)
}

fn decode_at_most(
    frame: &[u8],
    [in_whole, in_strip]: [usize; 2],
    take: &mut dyn FnMut(usize, usize, &mut dyn Iterator<Item = u16>),
) -> Result<(), Jpeg2000Error> {
    let missing = || Jpeg2000Error::Damaged("it has no header".to_owned());
    let (stream, size) = codestream::size_of_jpeg_2000(frame).ok_or_else(missing)?;
    if !size.has_full_planes {
        return Err(Jpeg2000Error::Subsampled);
    }
    // A part of a tile has a header of 14 bytes, and its decoder keeps some kilobytes for each tile.
    const MOST_TILES: u64 = 4096;
    if size.tiles > MOST_TILES || size.tiles * 14 > stream.len() as u64 {
        return Err(Jpeg2000Error::TooManyTiles);
    }
    let row = size.columns * size.components;
    let is_plain = size.is_reversible && !size.is_high_throughput;
    if is_plain && size.rows * row <= in_whole && whole(stream, &size, take).is_ok() {
        return Ok(());
    }
    let rows_at_once = (in_strip / row.max(1)).max(1);
    for start in (0..size.rows).step_by(rows_at_once) {
        strip(stream, &size, start..size.rows.min(start + rows_at_once), take)?;
    }
    Ok(())
}

/// The whole picture, by `hayro-jpeg2000`. Where it fails nothing was handed over.
fn whole(
    stream: &[u8],
    size: &Size,
    take: &mut dyn FnMut(usize, usize, &mut dyn Iterator<Item = u16>),
) -> Result<(), Jpeg2000Error> {
    let damaged = |error: hayro_jpeg2000::DecodeError| Jpeg2000Error::Damaged(error.to_string());
    let settings = DecodeSettings { strict: true, ..DecodeSettings::default() };
    let image = Image::new(stream, &settings).map_err(damaged)?;
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(damaged)?;
    let planes = decoded.components();
    if planes.len() != size.components
        || planes.iter().any(|plane| plane.samples().len() != size.rows * size.columns)
    {
        return Err(Jpeg2000Error::TooShort);
    }
    // The decoder shifts samples to be 0 or more, also those that are signed.
    let [least, greatest] = size.range();
    let (shift, most) = (least as f32, (greatest - least) as f32);
    for (component, plane) in planes.iter().enumerate() {
        // Adding and taking away 1.5 × 2²³ rounds to the nearest whole number, ties to the even one.
        const ROUND: f32 = 12_582_912.0;
        let whole = |sample: f32| (sample.clamp(0.0, most) + ROUND) - ROUND + shift;
        let mut samples = plane.samples().iter().map(|sample| whole(*sample) as i32 as u16);
        take(component, 0, &mut samples);
    }
    Ok(())
}

/// Some rows, by `openjp2`: of all others it decodes only what the wavelets of these reach into.
fn strip(
    stream: &[u8],
    size: &Size,
    rows: Range<usize>,
    take: &mut dyn FnMut(usize, usize, &mut dyn Iterator<Item = u16>),
) -> Result<(), Jpeg2000Error> {
    let mut parameters = DecodeParameters::new().strict(true);
    if rows.len() < size.rows {
        let [x, y] = size.origin;
        let of_grid = |row: usize| y.saturating_add(row as u32);
        let (top, bottom) = (of_grid(rows.start), of_grid(rows.end));
        let right = x.saturating_add(size.columns as u32);
        parameters = parameters.decode_area(Some(DecodeArea::new(x, top, right, bottom)));
    }
    let image = jpeg2k::Image::from_bytes_with(stream, parameters)
        .map_err(|error| Jpeg2000Error::Damaged(error.to_string()))?;
    let planes = image.components();
    if planes.len() != size.components
        || planes.iter().any(|plane| plane.data().len() != rows.len() * size.columns)
    {
        return Err(Jpeg2000Error::TooShort);
    }
    for (component, plane) in planes.iter().enumerate() {
        take(component, rows.start * size.columns, &mut plane.data().iter().map(|sample| *sample as u16));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All samples of a picture, component by component.
    fn samples(frame: &[u8], at_most: usize) -> Vec<Vec<u16>> {
        let mut planes: Vec<Vec<u16>> = Vec::new();
        decode_at_most(frame, [at_most; 2], &mut |component, first, samples| {
            planes.resize_with(planes.len().max(component + 1), Vec::new);
            assert_eq!(planes[component].len(), first, "strips follow each other");
            planes[component].extend(samples);
        })
        .expect("decodes");
        planes
    }

    #[test]
    fn strips_make_the_same_picture_as_the_whole() {
        let check = |name: &str, frame: &[u8], within: u16| {
            let whole = samples(frame, usize::MAX);
            let strips = samples(frame, 1);
            assert!(whole.len() == strips.len() && !whole[0].is_empty(), "{name}");
            for (whole, strips) in whole.iter().zip(&strips) {
                let most = whole.iter().zip(strips).map(|(a, b)| a.abs_diff(*b)).max();
                assert!(whole.len() == strips.len() && most <= Some(within), "{name}: {most:?}");
            }
        };
        let stream = |name: &str| {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hostile/streams");
            std::fs::read(std::path::Path::new(folder).join(name)).expect("there")
        };
        check("grey", &stream("grey.j2k"), 0);
        check("colour", &stream("colour.j2k"), 0);
        check("tiled", &stream("tiled.j2k"), 0);
        check("lossy", &stream("lossy.j2k"), 1);
        check("lossless, 16 bits signed", &stream("signed.j2k"), 0);
    }
}
