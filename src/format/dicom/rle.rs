//! RLE Lossless (PS3.5 Annex G): one segment for each byte of a pixel, the highest byte first.

/// Why a frame is not what its shape asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RleError {
    /// The header of 64 bytes is not whole or names places outside the frame.
    #[error("the RLE header is damaged")]
    BadHeader,
    /// Another number of segments than the pixels have bytes.
    #[error("holds {found} RLE segments where its pixels need {needed}")]
    WrongSegments {
        /// Segments in the frame.
        found: usize,
        /// Bytes of one pixel.
        needed: usize,
    },
    /// A segment ends before all its bytes are there.
    #[error("RLE segment {0} ends too early")]
    TooShort(usize),
}

/// Decodes a frame of `components` samples per pixel, each of `sample_bytes`, into pixels in this
/// machine's byte order. `plane` is scratch.
pub(super) fn decode(
    frame: &[u8],
    components: usize,
    sample_bytes: usize,
    plane: &mut Vec<u8>,
    out: &mut [u8],
) -> Result<(), RleError> {
    let needed = components * sample_bytes;
    let words: &[u8; 64] = frame.first_chunk().ok_or(RleError::BadHeader)?;
    let word = |n: usize| {
        u32::from_le_bytes([words[4 * n], words[4 * n + 1], words[4 * n + 2], words[4 * n + 3]]) as usize
    };
    let found = word(0);
    if found != needed {
        return Err(RleError::WrongSegments { found, needed });
    }
    let pixels = out.len() / needed;
    plane.resize(pixels, 0);
    for segment in 0..needed {
        let end = if segment + 1 < needed { word(segment + 2) } else { frame.len() };
        let bytes = frame.get(word(segment + 1)..end).ok_or(RleError::BadHeader)?;
        let (component, byte) = (segment / sample_bytes, segment % sample_bytes);
        let place = if cfg!(target_endian = "little") { sample_bytes - 1 - byte } else { byte };
        if needed == 1 {
            unpack(bytes, out).ok_or(RleError::TooShort(segment))?;
        } else {
            unpack(bytes, plane).ok_or(RleError::TooShort(segment))?;
            let first = component * sample_bytes + place;
            for (pixel, value) in out.chunks_exact_mut(needed).zip(plane.iter()) {
                pixel[first] = *value;
            }
        }
    }
    Ok(())
}

/// The runs of one segment (PS3.5 G.3.2), as many bytes as fit; `None` if they are too few.
fn unpack(mut packed: &[u8], mut out: &mut [u8]) -> Option<()> {
    while !out.is_empty() {
        let (&control, rest) = packed.split_first()?;
        packed = rest;
        let control = usize::from(control);
        match control {
            0..=127 => {
                let count = (control + 1).min(out.len());
                let (run, after) = out.split_at_mut(count);
                run.copy_from_slice(packed.get(..count)?);
                packed = packed.get(control + 1..).unwrap_or(&[]);
                out = after;
            }
            128 => {}
            _ => {
                let (&value, rest) = packed.split_first()?;
                let (run, after) = out.split_at_mut((257 - control).min(out.len()));
                run.fill(value);
                packed = rest;
                out = after;
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(segments: &[&[u8]]) -> Vec<u8> {
        let mut header = vec![segments.len() as u32];
        let mut at = 64;
        for segment in segments {
            header.push(at);
            at += segment.len() as u32;
        }
        header.resize(16, 0);
        let mut bytes: Vec<u8> = header.into_iter().flat_map(u32::to_le_bytes).collect();
        segments.iter().for_each(|segment| bytes.extend(*segment));
        bytes
    }

    #[test]
    fn segments_become_samples() {
        let check = |segments: &[&[u8]], components, sample_bytes, expected: Result<&[u8], RleError>| {
            let mut out = vec![0; 4 * components * sample_bytes];
            let result = decode(&frame(segments), components, sample_bytes, &mut Vec::new(), &mut out);
            assert_eq!(result.map(|()| &out[..]), expected, "{segments:?}");
        };
        // Four pixels: a run of three sevens and a nine; then as low bytes under high bytes of 1.
        check(&[&[254, 7, 0, 9]], 1, 1, Ok(&[7, 7, 7, 9]));
        let words: Vec<u8> = [0x107u16, 0x107, 0x107, 0x109].into_iter().flat_map(u16::to_ne_bytes).collect();
        check(&[&[253, 1], &[254, 7, 0, 9]], 1, 2, Ok(&words));
        check(&[&[253, 1], &[253, 2], &[253, 3]], 3, 1, Ok(&[1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]));
        // A control byte of 128 does nothing; a run beyond the last pixel is cut.
        check(&[&[128, 250, 5]], 1, 1, Ok(&[5; 4]));
        check(&[&[254, 7]], 1, 1, Err(RleError::TooShort(0)));
        check(&[&[3, 1, 2]], 1, 1, Err(RleError::TooShort(0)));
        check(&[&[253, 7]], 1, 2, Err(RleError::WrongSegments { found: 1, needed: 2 }));
    }

    #[test]
    fn offsets_outside_the_frame_are_refused() {
        let mut bytes = frame(&[&[253, 7]]);
        bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        let decoded = |bytes: &[u8]| decode(bytes, 1, 1, &mut Vec::new(), &mut [0; 4]);
        assert_eq!(decoded(&bytes), Err(RleError::BadHeader));
        assert_eq!(decoded(&bytes[..10]), Err(RleError::BadHeader));
    }
}
