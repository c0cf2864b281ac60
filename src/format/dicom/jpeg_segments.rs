//! The segments that every kind of JPEG codestream is made of (ISO/IEC 10918-1 B.1.1).

/// Why a codestream is not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum JpegError {
    /// The codestream ends inside its headers or its picture.
    #[error("the JPEG codestream ends too early")]
    TooShort,
    /// A segment contradicts the standard or the shape asked for.
    #[error("the JPEG codestream is damaged: {0}")]
    Damaged(&'static str),
    /// A part of the standard that is not decoded.
    #[error("its pixels are written as JPEG with {0}, which is not opened")]
    Unsupported(&'static str),
}

use JpegError::{Damaged, TooShort};

/// A marker and what follows its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment<'a> {
    /// The byte behind 0xff.
    pub(super) marker: u8,
    pub(super) contents: &'a [u8],
}

/// End of image: the one marker here without contents.
const END: u8 = 0xd9;

/// Reads a codestream segment by segment.
pub(super) struct Segments<'a> {
    rest: &'a [u8],
}

impl<'a> Segments<'a> {
    /// Of a codestream, which begins with the start-of-image marker.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, JpegError> {
        let rest = bytes.strip_prefix(&[0xff, 0xd8]).ok_or(Damaged("it does not begin as JPEG does"))?;
        Ok(Self { rest })
    }

    /// The next segment.
    pub(super) fn next_segment(&mut self) -> Result<Segment<'a>, JpegError> {
        // Any number of fill bytes may stand before a marker.
        let fill = self.rest.iter().position(|byte| *byte != 0xff).ok_or(TooShort)?;
        if fill == 0 {
            return Err(Damaged("no marker stands where one should"));
        }
        let (marker, segment) = (self.rest[fill], &self.rest[fill + 1..]);
        if marker == END {
            self.rest = segment;
            return Ok(Segment { marker, contents: &[] });
        }
        let length = usize::from(u16::from_be_bytes(*segment.first_chunk().ok_or(TooShort)?));
        let (segment, rest) = segment.split_at_checked(length).ok_or(TooShort)?;
        let contents = segment.get(2..).ok_or(Damaged("a segment is shorter than its length"))?;
        self.rest = rest;
        Ok(Segment { marker, contents })
    }

    /// The entropy-coded data that follow the header of a scan, up to the marker that is no restart.
    pub(super) fn entropy(&mut self) -> &'a [u8] {
        let is_end = |pair: &[u8]| pair[0] == 0xff && pair[1] >= 0xc0 && !matches!(pair[1], 0xd0..=0xd7);
        let end = self.rest.windows(2).position(is_end).unwrap_or(self.rest.len());
        let (entropy, rest) = self.rest.split_at(end);
        self.rest = rest;
        entropy
    }
}

/// What a frame header says (B.2.2).
pub(super) struct FrameHeader {
    /// Bits of one sample, from 2 to 16.
    pub(super) precision: u8,
    /// Identifier and quantisation table of each component.
    pub(super) components: Vec<(u8, u8)>,
}

impl FrameHeader {
    /// Reads the header of a frame, which must be of the size asked for, with components that all have
    /// a sample for each pixel, or of one component.
    pub(super) fn read(
        segment: &[u8],
        columns: usize,
        rows: usize,
        components: usize,
    ) -> Result<Self, JpegError> {
        let head: &[u8; 6] = segment.first_chunk().ok_or(TooShort)?;
        let word = |at: usize| usize::from(u16::from_be_bytes([head[at], head[at + 1]]));
        if [word(3), word(1), usize::from(head[5])] != [columns, rows, components] {
            return Err(Damaged("its size is not the size of the image"));
        }
        if !(2..=16).contains(&head[0]) {
            return Err(Damaged("its precision is not from 2 to 16 bits"));
        }
        let listed = segment[6..].chunks_exact(3).take(components);
        if listed.len() < components {
            return Err(TooShort);
        }
        if components > 1 && listed.clone().any(|component| component[1] != 0x11) {
            return Err(JpegError::Unsupported("components of different sizes"));
        }
        Ok(Self { precision: head[0], components: listed.map(|part| (part[0], part[2])).collect() })
    }
}
