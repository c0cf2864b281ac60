//! What the header of a JPEG, JPEG-LS or JPEG 2000 codestream says, read before any decoder is let near it.

use super::jpeg_segments::{Segment, Segments};

/// Shape of a compressed picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) columns: usize,
    pub(super) rows: usize,
    pub(super) components: usize,
    /// Bits of one sample.
    pub(super) precision: u8,
}

/// The segments of a JPEG codestream up to its first scan: marker and contents.
fn segments(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    const END: u8 = 0xd9;
    const SCAN: u8 = 0xda;
    let mut segments = Segments::new(bytes).ok();
    std::iter::from_fn(move || {
        let Segment { marker, contents } = segments.as_mut()?.next_segment().ok()?;
        if [END, SCAN].contains(&marker) {
            segments = None;
        }
        Some((marker, contents))
    })
}

/// The contents of the frame header of a JPEG or JPEG-LS codestream (ISO/IEC 10918-1 B.2.2, ITU-T T.87 C.2.2).
fn frame_header(bytes: &[u8]) -> Option<&[u8]> {
    // Not Huffman tables, the extension or arithmetic conditioning, which have numbers among the frames.
    let is_frame = |marker: u8| matches!(marker, 0xc0..=0xcf | 0xf7) && ![0xc4, 0xc8, 0xcc].contains(&marker);
    segments(bytes).find(|(marker, _)| is_frame(*marker)).map(|(_, header)| header)
}

/// The frame header of a JPEG codestream.
pub(super) fn of_jpeg(bytes: &[u8]) -> Option<Shape> {
    let head: &[u8; 6] = frame_header(bytes)?.first_chunk()?;
    Some(Shape {
        precision: head[0],
        rows: usize::from(u16::from_be_bytes([head[1], head[2]])),
        columns: usize::from(u16::from_be_bytes([head[3], head[4]])),
        components: usize::from(head[5]),
    })
}

/// By how much samples of a JPEG-LS codestream may differ from what was coded, as its first scan says.
pub(super) fn tolerance_of_jpeg_ls(bytes: &[u8]) -> Option<u8> {
    const SCAN: u8 = 0xda;
    let (_, header) = segments(bytes).find(|(marker, _)| *marker == SCAN)?;
    header.get(1 + 2 * usize::from(*header.first()?)).copied()
}

/// Whether an Adobe segment says that a JPEG of three components holds red, green and blue as they are
/// (transform 0) or not; `None` without such a segment.
pub(super) fn holds_plain_rgb(bytes: &[u8]) -> Option<bool> {
    const APP14: u8 = 0xee;
    let (_, adobe) =
        segments(bytes).find(|(marker, contents)| *marker == APP14 && contents.starts_with(b"Adobe"))?;
    adobe.get(11).map(|transform| *transform == 0)
}

/// Whether a decoder left to itself takes the three components of a JPEG for plain red, green and blue,
/// by the numbers they bear, or for luminance and chrominances; `None` where that is anybody's guess.
pub(super) fn looks_plain_rgb(bytes: &[u8]) -> Option<bool> {
    let numbers = frame_header(bytes)?.get(6..)?.chunks_exact(3).map(|component| component[0]);
    match &numbers.collect::<Vec<_>>()[..] {
        [1, 2, 3] => Some(false),
        b"RGB" => Some(true),
        _ => None,
    }
}

/// A JPEG 2000 codestream's size segment (ISO/IEC 15444-1 A.5.1) from its length on, and all in front of
/// the codestream, which may lie in a JP2 file.
fn size_segment(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    const START_AND_SIZE: [u8; 4] = [0xff, 0x4f, 0xff, 0x51];
    let start = match bytes.starts_with(&START_AND_SIZE) {
        true => 0,
        // The boxes of a JP2 file in front of the codestream are short.
        false => {
            bytes.get(..bytes.len().min(4096))?.windows(4).position(|window| window == START_AND_SIZE)?
        }
    };
    Some((bytes.get(start + 4..)?, &bytes[..start]))
}

/// The size segment of a JPEG 2000 codestream.
pub(super) fn of_jpeg_2000(bytes: &[u8]) -> Option<Shape> {
    let size: &[u8; 40] = size_segment(bytes)?.0.first_chunk()?;
    let long = |at: usize| u32::from_be_bytes([size[at], size[at + 1], size[at + 2], size[at + 3]]) as usize;
    Some(Shape {
        columns: long(4).checked_sub(long(12))?,
        rows: long(8).checked_sub(long(16))?,
        components: usize::from(u16::from_be_bytes([size[36], size[37]])),
        precision: (size[38] & 0x7f) + 1,
    })
}

/// What the size segment of a JPEG 2000 codestream says beyond its [`Shape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
    pub(super) components: usize,
    /// Where the first pixel lies on the reference grid.
    pub(super) origin: [u32; 2],
    /// Tiles that the picture is divided into (ISO/IEC 15444-1 B.3).
    pub(super) tiles: u64,
    /// Whether blocks are coded as ISO/IEC 15444-15 has it.
    pub(super) is_high_throughput: bool,
    /// Whether all components are transformed by the reversible wavelet, of whole numbers.
    pub(super) is_reversible: bool,
    /// Whether the picture decodes to as many components as the codestream has, each with a sample for
    /// every pixel: none is subsampled, and no palette of a JP2 file stands for more of them.
    pub(super) has_full_planes: bool,
    precision: u8,
    signed: bool,
}

impl Size {
    /// The least and the greatest sample.
    pub(super) fn range(&self) -> [i32; 2] {
        let whole = 1i32 << self.precision.min(24);
        if self.signed { [-whole / 2, whole / 2 - 1] } else { [0, whole - 1] }
    }
}

/// A JPEG 2000 codestream without what stands in front of it, and its size.
pub(super) fn size_of_jpeg_2000(bytes: &[u8]) -> Option<(&[u8], Size)> {
    let Shape { columns, rows, components, precision } = of_jpeg_2000(bytes)?;
    let (size, boxes) = size_segment(bytes)?;
    let fixed: &[u8; 40] = size.first_chunk()?;
    let long = |at: usize| u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    let along = |end: u32, tile: u32, start: u32| match tile {
        0 => None,
        _ => Some(u64::from(end.checked_sub(start)?).div_ceil(tile.into())),
    };
    let tiles = along(long(4), long(20), long(28))?.checked_mul(along(long(8), long(24), long(32))?)?;
    let steps = size.get(38..38 + 3 * components).unwrap_or_default();
    let is_full = steps.chunks_exact(3).all(|component| component[1..] == [1, 1]);
    // Bit 14 of the capabilities says that the segment CAP follows (15444-15 A.2).
    let is_high_throughput = fixed[2] & 0x40 != 0;
    let size = Size {
        columns,
        rows,
        components,
        origin: [long(12), long(16)],
        tiles,
        is_high_throughput,
        is_reversible: is_reversible(size),
        has_full_planes: !steps.is_empty() && is_full && !boxes.windows(4).any(|word| word == b"pclr"),
        precision,
        signed: fixed[38] & 0x80 != 0,
    };
    Some((&bytes[boxes.len()..], size))
}

/// What the main header behind the size segment says of the wavelet (ISO/IEC 15444-1 A.6.1).
fn is_reversible(size: &[u8]) -> bool {
    const STYLE: u8 = 0x52;
    const STYLE_OF_COMPONENT: u8 = 0x53;
    const REVERSIBLE: u8 = 1;
    let length = |bytes: &[u8]| bytes.first_chunk().map(|length| usize::from(u16::from_be_bytes(*length)));
    let mut rest = length(size).and_then(|end| size.get(end..)).unwrap_or_default();
    let mut is_reversible = false;
    // Segments follow each other up to the first part of a tile.
    while let [0xff, marker @ 0x50..=0x7f, segment @ ..] = rest {
        match *marker {
            STYLE => is_reversible = segment.get(11) == Some(&REVERSIBLE),
            STYLE_OF_COMPONENT => return false,
            _ => {}
        }
        rest = length(segment).and_then(|end| segment.get(end..)).unwrap_or_default();
    }
    is_reversible
}
