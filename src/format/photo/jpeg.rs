//! JPEG (ISO/IEC 10918-1): baseline, progressive and lossless, grey and colour.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use jpeg_decoder::{CodingProcess, Decoder, Error, PixelFormat};

use super::orientation::Orientation;
use super::picture::{Picture, room_for};
use super::pixels_only;
use crate::format::doubt::Fault;
use crate::format::{Doubt, DoubtCode, RefusalCode};
use crate::volume::SampleType;

/// A block of 8 × 8 pixels takes a bit at least, so that a byte cannot hold more pixels than these.
const MOST_PIXELS_PER_BYTE: u64 = 512;

/// Width and height as they are seen, from the header.
pub(super) fn seen_size(path: &Path) -> Result<[usize; 2], Fault> {
    let file = File::open(path).map_err(|error| fault(Error::Io(error)))?;
    let mut decoder = Decoder::new(BufReader::new(file));
    decoder.read_info().map_err(fault)?;
    let info = decoder.info().ok_or_else(|| Fault::new(RefusalCode::Damaged, "has no frame header"))?;
    let orientation = decoder.exif_data().map_or(Orientation::of_tag(1), Orientation::of_exif);
    Ok(orientation.seen_size([usize::from(info.width), usize::from(info.height)]))
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
    // Before the decoder takes as much, the machine is asked.
    let mut bytes = room_for(size, sample_type)?;
    let decoded = decoder.decode().map_err(fault)?;
    let orientation = decoder.exif_data().map_or(Orientation::of_tag(1), Orientation::of_exif);
    // It holds the coefficients of a progressive picture, as much again as the picture or twice that.
    drop(decoder);
    if decoded.len() != bytes.len() {
        return Err(Fault::new(RefusalCode::Inconsistent, "holds another number of pixels than it claims"));
    }
    bytes.copy_from_slice(&decoded);
    let mut doubts = vec![pixels_only(false)];
    if info.coding_process != CodingProcess::Lossless {
        doubts.push(Doubt::new(DoubtCode::Lossy, "the photograph was compressed with loss (JPEG)"));
    }
    Ok(Picture { size, sample_type, bytes, orientation, doubts })
}

fn fault(error: Error) -> Fault {
    match error {
        Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Fault::new(RefusalCode::Truncated, "ends before its pixels do; copy it again from its source")
        }
        Error::Io(error) => Fault::new(RefusalCode::Unreadable, format!("cannot be read: {error}")),
        Error::Unsupported(feature) => Fault::new(
            RefusalCode::UnsupportedType,
            format!("is a kind of JPEG that is not opened: {feature:?}"),
        ),
        error => Fault::new(RefusalCode::Damaged, format!("cannot be decoded: {error}")),
    }
}
