//! PNG (ISO/IEC 15948), palette and transparency resolved.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use png::{BitDepth, ColorType, Decoder, DecodingError, Limits, Reader, Transformations};

use super::orientation::Orientation;
use super::picture::{Picture, further_pictures, reduced, room_for};
use super::pixels_only;
use crate::format::doubt::Fault;
use crate::format::{Refusal, RefusalCode, Watch, gzip};
use crate::volume::SampleType;

/// What the decoder may take beside the pixels.
const DECODER_BYTES: usize = 64 << 20;

type Pixels = Reader<BufReader<File>>;

/// The pixels to come, and the length of the file.
fn reader_of(path: &Path) -> Result<(Pixels, u64), Fault> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let file_length = file.metadata().map_err(|error| unreadable(path, &error))?.len();
    let mut decoder = Decoder::new_with_limits(BufReader::new(file), Limits { bytes: DECODER_BYTES });
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    Ok((decoder.read_info().map_err(fault)?, file_length))
}

fn size_of(reader: &Pixels) -> [usize; 2] {
    [reader.info().width as usize, reader.info().height as usize]
}

fn orientation_told(reader: &Pixels) -> Orientation {
    reader.info().exif_metadata.as_deref().map_or(Orientation::of_tag(1), Orientation::of_exif)
}

/// Width and height as they are seen, from what stands before the pixels.
pub(super) fn seen_size(path: &Path) -> Result<[usize; 2], Fault> {
    let (reader, _) = reader_of(path)?;
    Ok(orientation_told(&reader).seen_size(size_of(&reader)))
}

pub(super) fn decode(path: &Path, watch: &dyn Watch) -> Result<Picture, Fault> {
    let (mut reader, file_length) = reader_of(path)?;
    let size = size_of(&reader);
    let info = reader.info();
    let packed = (info.raw_row_length() as u64).saturating_mul(info.height.into());
    if !gzip::can_hold(file_length, packed) {
        let text =
            format!("claims {} × {} pixels, more than its {file_length} bytes can hold", size[0], size[1]);
        return Err(Fault::new(RefusalCode::Inconsistent, text));
    }
    let mut doubts = vec![pixels_only(info.pixel_dims.is_some())];
    if info.animation_control.is_some_and(|control| control.num_frames > 1) {
        doubts.push(further_pictures());
    }
    let interlaced = info.interlaced;
    let (colour, depth) = reader.output_color_type();
    let sample_type = match (colour, depth) {
        (ColorType::Grayscale, BitDepth::Sixteen) => SampleType::U16,
        (ColorType::Grayscale, _) => SampleType::U8,
        (ColorType::Rgb, BitDepth::Sixteen) => SampleType::Rgb16,
        (ColorType::Rgb, _) => SampleType::Rgb8,
        (ColorType::GrayscaleAlpha | ColorType::Rgba, _) => SampleType::Rgba8,
        (ColorType::Indexed, _) => return Err(Fault::new(RefusalCode::Inconsistent, "has no palette")),
    };
    let wide = depth == BitDepth::Sixteen;
    if wide && sample_type == SampleType::Rgba8 {
        doubts.push(reduced());
    }
    let mut bytes = room_for(size, sample_type)?;
    let row_bytes = size[0] * sample_type.bytes();
    let convert = |row: &[u8], out: &mut [u8]| convert(row, out, colour, wide);
    if interlaced {
        let stored = reader.output_buffer_size().unwrap_or(usize::MAX);
        let mut all = crate::format::memory::buffer_for::<u8>(path, stored as u64)
            .map_err(|refusal| Fault::new(refusal.code, refusal.text))?;
        reader.next_frame(&mut all).map_err(fault)?;
        for (row, out) in all.chunks_exact(stored / size[1]).zip(bytes.chunks_exact_mut(row_bytes)) {
            convert(row, out);
        }
    } else {
        for (number, out) in bytes.chunks_exact_mut(row_bytes).enumerate() {
            let row = reader.next_row().map_err(fault)?;
            let row = row.ok_or_else(|| Fault::new(RefusalCode::Truncated, "ends before its pixels do"))?;
            convert(row.data(), out);
            if number.is_multiple_of(64) {
                watch.progress(number as f64 / size[1] as f64);
                if watch.is_cancelled() {
                    return Err(Fault::new(RefusalCode::Cancelled, "stopped on request"));
                }
            }
        }
    }
    Ok(Picture { size, sample_type, bytes, orientation: orientation(reader), doubts })
}

/// A row as it is kept: 16 bits in this machine's byte order, of those with transparency the upper byte,
/// grey with transparency as colour.
fn convert(row: &[u8], out: &mut [u8], colour: ColorType, wide: bool) {
    match (colour, wide) {
        (ColorType::Grayscale | ColorType::Rgb, true) => {
            for (sample, out) in row.as_chunks::<2>().0.iter().zip(out.as_chunks_mut::<2>().0) {
                *out = u16::from_be_bytes(*sample).to_ne_bytes();
            }
        }
        (ColorType::GrayscaleAlpha, _) => {
            let step = if wide { 2 } else { 1 };
            for (sample, out) in row.chunks_exact(2 * step).zip(out.as_chunks_mut::<4>().0) {
                let (grey, alpha) = (sample[0], sample[step]);
                *out = [grey, grey, grey, alpha];
            }
        }
        (_, true) => {
            for (sample, out) in row.as_chunks::<2>().0.iter().zip(out) {
                *out = sample[0];
            }
        }
        _ => out.copy_from_slice(&row[..out.len()]),
    }
}

/// The orientation in an Exif chunk, which may follow the pixels.
fn orientation(mut reader: Pixels) -> Orientation {
    // All pixels are there; what is wrong behind them is of no matter.
    let _ = reader.finish();
    orientation_told(&reader)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Fault {
    let refusal = Refusal::unreadable(path, error);
    Fault::new(refusal.code, refusal.text)
}

fn fault(error: DecodingError) -> Fault {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Fault::new(RefusalCode::Truncated, "ends before its pixels do; copy it again from its source")
        }
        DecodingError::IoError(error) => {
            Fault::new(RefusalCode::Unreadable, format!("cannot be read: {error}"))
        }
        DecodingError::LimitsExceeded => Fault::new(
            RefusalCode::TooLarge,
            "needs more memory than is given to one row and what surrounds it",
        ),
        error => Fault::new(RefusalCode::Damaged, format!("cannot be decoded: {error}")),
    }
}
