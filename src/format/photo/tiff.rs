//! TIFF 6.0 and BigTIFF: strips and tiles, uncompressed, LZW, Deflate, PackBits, CCITT and JPEG.

use std::fs::File;
use std::path::Path;

use tiff::decoder::{BufferLayoutPreference, Decoder, DecodingSampleType, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::amended::Amended;
use super::orientation::Orientation;
use super::picture::{Picture, further_pictures, reduced, room_for};
use super::pixels_only;
use crate::format::doubt::Fault;
use crate::format::memory::buffer_for;
use crate::format::{Doubt, DoubtCode, RefusalCode};
use crate::volume::{Buffer, SampleType};

/// LZW, the tightest of the compressions but CCITT's, makes no more bytes than these out of one: 4096
/// out of twelve bits.
const GREATEST_EXPANSION: u64 = 2731;
/// CCITT group 4 takes a bit at least for every row.
const MOST_ROWS_PER_BYTE: u64 = 8;
/// Compressions that lose something: JPEG, old and new.
const LOSSY: [u32; 2] = [6, 7];
/// CCITT compressions.
const FAX: [u32; 3] = [2, 3, 4];

/// Width and height as they are seen, from the first directory.
pub(super) fn seen_size(path: &Path) -> Result<[usize; 2], Fault> {
    let file = File::open(path).and_then(Amended::new).map_err(|error| fault(error.into()))?;
    let seen = file.seen();
    let mut decoder = Decoder::new(file).map_err(fault)?;
    let (width, height) = decoder.dimensions().map_err(fault)?;
    Ok(orientation(&mut decoder).seen_size(seen.unwrap_or([width as usize, height as usize])))
}

fn orientation(decoder: &mut Decoder<Amended>) -> Orientation {
    let told = decoder.find_tag_unsigned::<u16>(Tag::Orientation).ok().flatten();
    Orientation::of_tag(told.unwrap_or(1))
}

pub(super) fn decode(path: &Path) -> Result<Picture, Fault> {
    let unreadable = |error: std::io::Error| fault(error.into());
    let file = File::open(path).map_err(unreadable)?;
    let file_length = file.metadata().map_err(unreadable)?.len();
    let file = Amended::new(file).map_err(unreadable)?;
    let (is_indexed, seen) = (file.is_indexed(), file.seen());
    let mut decoder = Decoder::new(file).map_err(fault)?;
    let (width, height) = decoder.dimensions().map_err(fault)?;
    let size = [width as usize, height as usize];
    let tag = |decoder: &mut Decoder<_>, tag| decoder.find_tag_unsigned::<u32>(tag).ok().flatten();
    let palette = if is_indexed { Some(palette(&mut decoder)?) } else { None };
    let compression = tag(&mut decoder, Tag::Compression).unwrap_or(1);
    let colour = decoder.colortype().map_err(fault)?;
    let layout = decoder.image_buffer_layout().map_err(fault)?;
    let (row, claimed) = (layout.row_stride.map_or(0, |row| row.get()) as u64, layout.complete_len as u64);
    let most = match FAX.contains(&compression) {
        true => file_length.saturating_mul(MOST_ROWS_PER_BYTE).saturating_mul(row),
        false if compression == 1 => file_length,
        false => file_length.saturating_mul(GREATEST_EXPANSION),
    };
    if size.contains(&0) || claimed > most {
        let text = format!("claims {width} × {height} pixels, more than its {file_length} bytes can hold");
        return Err(Fault::new(RefusalCode::Inconsistent, text));
    }
    let mut stored: Buffer<u8> =
        buffer_for(path, claimed).map_err(|refusal| Fault::new(refusal.code, refusal.text))?;
    let mut limits = Limits::default();
    // Holds for tags, too, which are read before it is seen whether the file has them.
    limits.decoding_buffer_size = usize::try_from(claimed).unwrap_or(usize::MAX).max(1 << 20);
    limits.intermediate_buffer_size = usize::try_from(file_length).unwrap_or(usize::MAX);
    let mut decoder = decoder.with_limits(limits);
    decoder.read_image_bytes(&mut stored).map_err(fault)?;

    let has_resolution = decoder.find_tag(Tag::XResolution).is_ok_and(|found| found.is_some());
    let mut doubts = vec![pixels_only(has_resolution)];
    if LOSSY.contains(&compression) {
        doubts.push(Doubt::new(DoubtCode::Lossy, "the photograph was compressed with loss (JPEG)"));
    }
    if decoder.more_images() {
        doubts.push(further_pictures());
    }
    let orientation = orientation(&mut decoder);
    let (sample_type, bytes) = kept(stored, size, colour, &layout, &mut doubts)?;
    let (sample_type, bytes) = match palette {
        Some(palette) => (SampleType::Rgb8, coloured(&bytes, size, sample_type, colour, &palette)?),
        None => (sample_type, bytes),
    };
    let (size, bytes) = match seen {
        Some(seen) if seen != size => (seen, cut(&bytes, size[0], seen, sample_type)?),
        _ => (size, bytes),
    };
    Ok(Picture { size, sample_type, bytes, orientation, doubts })
}

/// The first rows and columns of a picture.
fn cut(bytes: &[u8], width: usize, size: [usize; 2], sample_type: SampleType) -> Result<Buffer<u8>, Fault> {
    let pixel = sample_type.bytes();
    let mut seen = room_for(size, sample_type)?;
    for (out, row) in seen.chunks_exact_mut(size[0] * pixel).zip(bytes.chunks_exact(width * pixel)) {
        out.copy_from_slice(&row[..size[0] * pixel]);
    }
    Ok(seen)
}

/// The colours that indices stand for: of each a word, all reds first.
fn palette(decoder: &mut Decoder<Amended>) -> Result<Vec<[u8; 3]>, Fault> {
    let words: Option<Vec<u16>> = decoder.find_tag_unsigned_vec(Tag::ColorMap).map_err(fault)?;
    let words = words.filter(|words| !words.is_empty() && words.len().is_multiple_of(3));
    let Some(words) = words else {
        return Err(Fault::new(RefusalCode::Inconsistent, "has indices of a palette, and no palette"));
    };
    let count = words.len() / 3;
    let colour = |n: usize| [n, n + count, n + 2 * count].map(|at| (words[at] >> 8) as u8);
    Ok((0..count).map(colour).collect())
}

/// The colours of indices, which were read as if they were grey.
fn coloured(
    grey: &[u8],
    size: [usize; 2],
    sample_type: SampleType,
    colour: ColorType,
    palette: &[[u8; 3]],
) -> Result<Buffer<u8>, Fault> {
    let ColorType::Gray(bits @ (1 | 2 | 4 | 8)) = colour else {
        let text = format!("has indices of a palette as {colour:?}, which are not opened; convert it to RGB");
        return Err(Fault::new(RefusalCode::UnsupportedType, text));
    };
    debug_assert_eq!(sample_type, SampleType::U8);
    // Grey of few bits was spread over the range of 8.
    let spread = u8::MAX / ((1u16 << bits) - 1) as u8;
    let mut bytes = room_for(size, SampleType::Rgb8)?;
    for (out, grey) in bytes.as_chunks_mut().0.iter_mut().zip(grey) {
        let Some(colour) = palette.get(usize::from(grey / spread)) else {
            let text = format!("has the index {} of a palette of {} colours", grey / spread, palette.len());
            return Err(Fault::new(RefusalCode::Inconsistent, text));
        };
        *out = *colour;
    }
    Ok(bytes)
}

/// The pixels in a type that is shown.
fn kept(
    stored: Buffer<u8>,
    size: [usize; 2],
    colour: ColorType,
    layout: &BufferLayoutPreference,
    doubts: &mut Vec<Doubt>,
) -> Result<(SampleType, Buffer<u8>), Fault> {
    use DecodingSampleType as Stored;
    let refuse = |what: String| {
        let text = format!("holds {what}, which is not opened; convert it to grey or RGB of 8 or 16 bits");
        Err(Fault::new(RefusalCode::UnsupportedType, text))
    };
    let grey = |sample_type| Ok((sample_type, None));
    let (sample_type, channels) = match (colour, layout.sample_type) {
        (ColorType::Gray(bits @ (1 | 2 | 4)), _) => {
            return Ok((SampleType::U8, unpacked(&stored, size, bits, layout)?));
        }
        (ColorType::Gray(_), Some(Stored::U8)) => grey(SampleType::U8),
        (ColorType::Gray(_), Some(Stored::I8)) => grey(SampleType::I8),
        (ColorType::Gray(16), Some(Stored::U16)) => grey(SampleType::U16),
        (ColorType::Gray(16), Some(Stored::I16)) => grey(SampleType::I16),
        (ColorType::Gray(32), Some(Stored::U32)) => grey(SampleType::U32),
        (ColorType::Gray(32), Some(Stored::I32)) => grey(SampleType::I32),
        (ColorType::Gray(32), Some(Stored::F32)) => grey(SampleType::F32),
        (ColorType::Gray(64), Some(Stored::F64)) => grey(SampleType::F64),
        (ColorType::RGB(8), Some(Stored::U8)) => Ok((SampleType::Rgb8, Some([0, 1, 2, 2]))),
        (ColorType::RGB(16), Some(Stored::U16)) => Ok((SampleType::Rgb16, Some([0, 1, 2, 2]))),
        (ColorType::YCbCr(8), Some(Stored::U8)) => Ok((SampleType::Rgb8, Some([0, 1, 2, 2]))),
        (ColorType::RGBA(8 | 16), Some(Stored::U8 | Stored::U16)) => {
            Ok((SampleType::Rgba8, Some([0, 1, 2, 3])))
        }
        (ColorType::Multiband { bit_depth: 8 | 16, num_samples: 2 }, Some(Stored::U8 | Stored::U16)) => {
            Ok((SampleType::Rgba8, Some([0, 0, 0, 1])))
        }
        (ColorType::CMYK(_) | ColorType::CMYKA(_), _) => {
            refuse("the four colours of print (CMYK)".to_owned())
        }
        (other, _) => refuse(format!("{other:?}")),
    }?;
    let Some(channels) = channels else { return Ok((sample_type, stored)) };
    let wide = layout.sample_type == Some(Stored::U16);
    let kept_wide = sample_type == SampleType::Rgb16;
    if wide && !kept_wide {
        doubts.push(reduced());
    }
    let in_file = usize::from(colour.num_samples());
    let sample_bytes = if wide { 2 } else { 1 };
    let planar = layout.planes > 1;
    let (pixel_step, plane_step) = if planar { (1, size[0] * size[1]) } else { (in_file, 1) };
    let upper = |at: usize| match wide {
        // The decoder gives this machine's byte order.
        true => (u16::from_ne_bytes([stored[at * sample_bytes], stored[at * sample_bytes + 1]]) >> 8) as u8,
        false => stored[at],
    };
    let mut bytes = room_for(size, sample_type)?;
    for (pixel, out) in bytes.chunks_exact_mut(sample_type.bytes()).enumerate() {
        let place_of = |channel: usize| pixel * pixel_step + channel * plane_step;
        if kept_wide {
            for (out, channel) in out.as_chunks_mut::<2>().0.iter_mut().zip(channels) {
                out.copy_from_slice(&stored[2 * place_of(channel)..][..2]);
            }
            continue;
        }
        for (out, channel) in out.iter_mut().zip(channels) {
            *out = upper(place_of(channel));
        }
        if let (ColorType::YCbCr(_), [y, cb, cr]) = (colour, &mut *out) {
            [*y, *cb, *cr] = rgb_of(*y, *cb, *cr);
        }
    }
    Ok((sample_type, bytes))
}

/// ITU-T T.871, 7.
fn rgb_of(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb]
        .map(|x| x.round().clamp(0.0, 255.0) as u8)
}

/// Grey of 1, 2 or 4 bits, spread over the range of 8.
fn unpacked(
    stored: &[u8],
    size: [usize; 2],
    bits: u8,
    layout: &BufferLayoutPreference,
) -> Result<Buffer<u8>, Fault> {
    let bits = usize::from(bits);
    let row_bytes = layout.row_stride.map_or((size[0] * bits).div_ceil(8), |row| row.get());
    let greatest = (1u16 << bits) - 1;
    let mut bytes = room_for(size, SampleType::U8)?;
    for (row, out) in stored.chunks(row_bytes).zip(bytes.chunks_exact_mut(size[0])) {
        for (i, out) in out.iter_mut().enumerate() {
            let shift = 8 - bits - i * bits % 8;
            *out = ((u16::from(row[i * bits / 8] >> shift) & greatest) * 255 / greatest) as u8;
        }
    }
    Ok(bytes)
}

fn fault(error: TiffError) -> Fault {
    match error {
        TiffError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Fault::new(RefusalCode::Truncated, "ends before its pixels do; copy it again from its source")
        }
        TiffError::IoError(error) => Fault::new(RefusalCode::Unreadable, format!("cannot be read: {error}")),
        TiffError::UnsupportedError(what) => {
            Fault::new(RefusalCode::UnsupportedType, format!("is a kind of TIFF that is not opened: {what}"))
        }
        TiffError::LimitsExceeded => {
            Fault::new(RefusalCode::Inconsistent, "claims more than its bytes can hold")
        }
        error => Fault::new(RefusalCode::Damaged, format!("cannot be decoded: {error}")),
    }
}
