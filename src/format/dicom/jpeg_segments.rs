//! The segments that every kind of JPEG codestream is made of (ISO/IEC 10918-1 B.1.1).

/// Why no segment is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SegmentError {
    /// The codestream ends inside a segment.
    TooShort,
    /// Something else stands where a segment should.
    Damaged(&'static str),
}

use SegmentError::{Damaged, TooShort};

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
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, SegmentError> {
        let rest = bytes.strip_prefix(&[0xff, 0xd8]).ok_or(Damaged("it does not begin as JPEG does"))?;
        Ok(Self { rest })
    }

    /// The next segment.
    pub(super) fn next_segment(&mut self) -> Result<Segment<'a>, SegmentError> {
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
