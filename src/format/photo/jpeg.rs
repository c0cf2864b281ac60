//! JPEG (ISO/IEC 10918-1): baseline, progressive and lossless, grey and colour.
//!
//! Of a progressive picture every decoder holds all coefficients until its last scan, in two bytes each.
//! jpeg-decoder, which is nearest to libjpeg, holds each pixel twice beside them; zune-jpeg holds nothing
//! else and decodes into the picture's own memory, so that it reads those too large for the other.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use jpeg_decoder::{CodingProcess, Decoder, Error, PixelFormat};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::orientation::Orientation;
use super::picture::{Picture, room_for};
use super::pixels_only;
use crate::format::doubt::Fault;
use crate::format::{Doubt, DoubtCode, RefusalCode};
use crate::volume::{Buffer, SampleType};

/// A block of 8 × 8 pixels takes a bit at least, so that a byte cannot hold more pixels than these.
const MOST_PIXELS_PER_BYTE: u64 = 512;

/// Width and height as they are seen, from the header.
pub(super) fn seen_size(path: &Path) -> Result<[usize; 2], Fault> {
    let file = File::open(path).map_err(|error| fault(Error::Io(error)))?;
    let mut decoder = Decoder::new(BufReader::new(file));
    decoder.read_info().map_err(fault)?;
    let info = decoder.info().ok_or_else(|| Fault::new(RefusalCode::Damaged, "has no frame header"))?;
    Ok(orientation(decoder.exif_data()).seen_size([usize::from(info.width), usize::from(info.height)]))
}

fn orientation(exif: Option<&[u8]>) -> Orientation {
    exif.map_or(Orientation::of_tag(1), Orientation::of_exif)
}

pub(super) fn decode(path: &Path) -> Result<Picture, Fault> {
    let unreadable = |error: std::io::Error| fault(Error::Io(error));
    let file = File::open(path).map_err(unreadable)?;
    let file_length = file.metadata().map_err(unreadable)?.len();
    let mut decoder = Decoder::new(BufReader::new(file));
    decoder.read_info().map_err(fault)?;
    let info = decoder.info().ok_or_else(|| Fault::new(RefusalCode::Damaged, "has no frame header"))?;
    let size = [usize::from(info.width), usize::from(info.height)];
    if (size[0] * size[1]) as u64 > file_length.saturating_mul(MOST_PIXELS_PER_BYTE) {
        let text =
            format!("claims {} × {} pixels, more than its {file_length} bytes can hold", size[0], size[1]);
        return Err(Fault::new(RefusalCode::Inconsistent, text));
    }
    let sample_type = match info.pixel_format {
        PixelFormat::L8 => SampleType::U8,
        PixelFormat::L16 => SampleType::U16,
        PixelFormat::RGB24 => SampleType::Rgb8,
        PixelFormat::CMYK32 => {
            let text = "holds the four colours of print (CMYK); convert it to RGB";
            return Err(Fault::new(RefusalCode::UnsupportedType, text));
        }
    };
    let decoded = (size[0] * size[1] * sample_type.bytes()) as u64;
    let held = match info.coding_process {
        CodingProcess::DctProgressive => coefficient_bytes(path).map_err(unreadable)?,
        _ => 0,
    };
    let (bytes, orientation) = if held + held / 2 <= decoded + FREE_MEMORY {
        at_once(decoder, size, sample_type)?
    } else if held <= decoded + FREE_MEMORY {
        drop(decoder);
        large_progressive(path, size, sample_type)?
    } else {
        let [width, height] = size;
        let text = format!(
            "is a progressive JPEG of {width} × {height} pixels, which takes {} MB to decode; save it as a baseline JPEG, a PNG or a TIFF",
            (held + decoded) / 1_000_000
        );
        return Err(Fault::new(RefusalCode::TooLarge, text));
    };
    let mut doubts = vec![pixels_only(false)];
    if info.coding_process != CodingProcess::Lossless {
        doubts.push(Doubt::new(DoubtCode::Lossy, "the photograph was compressed with loss (JPEG)"));
    }
    Ok(Picture { size, sample_type, bytes, orientation, doubts })
}

/// What decoding may take beside the picture twice.
const FREE_MEMORY: u64 = 60 << 20;

fn at_once(
    mut decoder: Decoder<BufReader<File>>,
    size: [usize; 2],
    sample_type: SampleType,
) -> Result<(Buffer<u8>, Orientation), Fault> {
    // Before the decoder takes as much, the machine is asked.
    let mut bytes = room_for(size, sample_type)?;
    let decoded = decoder.decode().map_err(fault)?;
    let orientation = orientation(decoder.exif_data());
    drop(decoder);
    if decoded.len() != bytes.len() {
        return Err(other_size());
    }
    bytes.copy_from_slice(&decoded);
    Ok((bytes, orientation))
}

fn large_progressive(
    path: &Path,
    size: [usize; 2],
    sample_type: SampleType,
) -> Result<(Buffer<u8>, Orientation), Fault> {
    let mut bytes = room_for(size, sample_type)?;
    let file = File::open(path).map_err(|error| fault(Error::Io(error)))?;
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(match sample_type {
            SampleType::U8 => ColorSpace::Luma,
            _ => ColorSpace::RGB,
        });
    let mut decoder = JpegDecoder::new_with_options(BufReader::new(file), options);
    decoder.decode_headers().map_err(progressive_fault)?;
    if decoder.output_buffer_size() != Some(bytes.len()) {
        return Err(other_size());
    }
    decoder.decode_into(&mut bytes).map_err(progressive_fault)?;
    Ok((bytes, orientation(decoder.exif().map(Vec::as_slice))))
}

/// What the coefficients of a progressive picture take, by its frame header: 64 of two bytes a block.
fn coefficient_bytes(path: &Path) -> std::io::Result<u64> {
    let mut file = BufReader::new(File::open(path)?);
    let mut marker = [0; 2];
    file.read_exact(&mut marker)?;
    loop {
        file.read_exact(&mut marker)?;
        while marker[1] == 0xff {
            file.read_exact(&mut marker[1..])?;
        }
        let mut length = [0; 2];
        file.read_exact(&mut length)?;
        let length = u16::from_be_bytes(length).saturating_sub(2);
        if marker != [0xff, 0xc2] {
            file.seek_relative(length.into())?;
            continue;
        }
        let mut frame = vec![0; length.into()];
        file.read_exact(&mut frame)?;
        let byte = |at: usize| usize::from(frame.get(at).copied().unwrap_or_default());
        let [height, width] = [1, 3].map(|at| byte(at) << 8 | byte(at + 1));
        let factors: Vec<[usize; 2]> =
            (0..byte(5)).map(|n| byte(7 + 3 * n)).map(|both| [both >> 4, both & 15]).collect();
        let greatest = |side: usize| factors.iter().map(|factors| factors[side]).max().unwrap_or(1).max(1);
        let units = width.div_ceil(8 * greatest(0)) * height.div_ceil(8 * greatest(1));
        let blocks = factors.iter().map(|[across, down]| across * down * units).sum::<usize>();
        return Ok(blocks as u64 * 128);
    }
}

fn other_size() -> Fault {
    Fault::new(RefusalCode::Inconsistent, "holds another number of pixels than it claims")
}

fn progressive_fault(error: DecodeErrors) -> Fault {
    match error {
        DecodeErrors::ExhaustedData | DecodeErrors::IoErrors(_) => truncated(),
        DecodeErrors::Unsupported(feature) => Fault::new(
            RefusalCode::UnsupportedType,
            format!("is a kind of JPEG that is not opened: {feature:?}"),
        ),
        error => Fault::new(RefusalCode::Damaged, format!("cannot be decoded: {error:?}")),
    }
}

fn truncated() -> Fault {
    Fault::new(RefusalCode::Truncated, "ends before its pixels do; copy it again from its source")
}

fn fault(error: Error) -> Fault {
    match error {
        Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => truncated(),
        Error::Io(error) => Fault::new(RefusalCode::Unreadable, format!("cannot be read: {error}")),
        Error::Unsupported(feature) => Fault::new(
            RefusalCode::UnsupportedType,
            format!("is a kind of JPEG that is not opened: {feature:?}"),
        ),
        error => Fault::new(RefusalCode::Damaged, format!("cannot be decoded: {error}")),
    }
}
