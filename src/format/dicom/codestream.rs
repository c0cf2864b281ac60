//! What the header of a JPEG or JPEG 2000 codestream says, read before any decoder is let near it.

/// Shape of a compressed picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) columns: usize,
    pub(super) rows: usize,
    pub(super) components: usize,
    /// Bits of one sample.
    pub(super) precision: u8,
    /// The marker of a JPEG frame header, which tells its process; 0 for JPEG 2000.
    pub(super) process: u8,
}

/// The frame header of a JPEG codestream (ISO/IEC 10918-1 B.2.2).
pub(super) fn of_jpeg(bytes: &[u8]) -> Option<Shape> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    loop {
        // Any number of fill bytes may stand before a marker.
        let marker = rest.iter().position(|byte| *byte != 0xff).filter(|at| *at > 0)?;
        let segment = rest.get(marker + 1..)?;
        let length = usize::from(u16::from_be_bytes(*segment.first_chunk()?));
        match rest[marker] {
            // Start of frame, but not Huffman tables, arithmetic conditioning or an extension.
            process @ 0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(&process) => {
                let head: &[u8; 8] = segment.first_chunk()?;
                return Some(Shape {
                    precision: head[2],
                    rows: usize::from(u16::from_be_bytes([head[3], head[4]])),
                    columns: usize::from(u16::from_be_bytes([head[5], head[6]])),
                    components: usize::from(head[7]),
                    process,
                });
            }
            // The scan has begun without a frame, or the picture ends.
            0xd9 | 0xda => return None,
            _ => rest = segment.get(length.max(2)..)?,
        }
    }
}

/// The size segment of a JPEG 2000 codestream (ISO/IEC 15444-1 A.5.1), which may lie in a JP2 file.
pub(super) fn of_jpeg_2000(bytes: &[u8]) -> Option<Shape> {
    const START_AND_SIZE: [u8; 4] = [0xff, 0x4f, 0xff, 0x51];
    let start = match bytes.starts_with(&START_AND_SIZE) {
        true => 0,
        // The boxes of a JP2 file in front of the codestream are short.
        false => {
            bytes.get(..bytes.len().min(4096))?.windows(4).position(|window| window == START_AND_SIZE)?
        }
    };
    let size: &[u8; 40] = bytes.get(start + 4..)?.first_chunk()?;
    let long = |at: usize| u32::from_be_bytes([size[at], size[at + 1], size[at + 2], size[at + 3]]) as usize;
    Some(Shape {
        columns: long(4).checked_sub(long(12))?,
        rows: long(8).checked_sub(long(16))?,
        components: usize::from(u16::from_be_bytes([size[36], size[37]])),
        precision: (size[38] & 0x7f) + 1,
        process: 0,
    })
}

/// Whether a JPEG names its colours by an Adobe or JFIF segment, or by letters of its components.
pub(super) fn says_how_colours_are_written(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(64)];
    head.windows(5).any(|window| window == b"Adobe" || window == b"JFIF\0")
}
