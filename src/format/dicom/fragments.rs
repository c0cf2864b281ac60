//! Where the frames of compressed pixel data lie in a file (PS3.5 A.4).
//!
//! Always true: every range lies inside the file, so a file that was cut off is refused before
//! anything is decoded.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use crate::format::RefusalCode;

/// The parts of one frame, in order.
pub(super) type FrameParts = Vec<Range<u64>>;

/// Why frames cannot be found: a code and a sentence.
type Fault = (RefusalCode, String);

/// Finds the parts of each of `frames` frames in the pixel data that begin at byte `offset` of a file
/// of `total` bytes.
pub(super) fn find(
    mut file: &File,
    offset: u64,
    total: u64,
    frames: usize,
) -> Result<Vec<FrameParts>, Fault> {
    let unreadable = |error: std::io::Error| (RefusalCode::Unreadable, format!("cannot be read: {error}"));
    let mut items = Vec::new();
    let mut at = offset;
    while let Some(item) = item(file, at, total).map_err(unreadable)? {
        if item.end > total {
            let (there, stated) = (total - item.start, item.end - item.start);
            let text = format!(
                "ends after {there} of {stated} bytes of a compressed fragment; copy it again from where it came"
            );
            return Err((RefusalCode::Truncated, text));
        }
        at = item.end;
        items.push(item);
    }
    let mut fragments = items.into_iter();
    let (Some(table), fragments) = (fragments.next(), fragments.collect::<Vec<_>>()) else {
        return Err((RefusalCode::Inconsistent, "has no compressed pixels; export it again".to_owned()));
    };
    if fragments.len() < frames {
        let text = format!(
            "has {} compressed fragments for {frames} frame(s); copy it or export it again",
            fragments.len()
        );
        // Without the mark of its end the data were cut off between two fragments.
        let code = if at + 8 > total { RefusalCode::Truncated } else { RefusalCode::Inconsistent };
        return Err((code, text));
    }
    if frames == 1 {
        return Ok(vec![fragments]);
    }
    if fragments.len() == frames {
        return Ok(fragments.into_iter().map(|fragment| vec![fragment]).collect());
    }
    let mut offsets = vec![0; (table.end - table.start) as usize];
    file.seek(SeekFrom::Start(table.start))
        .and_then(|_| file.read_exact(&mut offsets))
        .map_err(unreadable)?;
    let offsets = offsets.as_chunks().0.iter().map(|bytes| u64::from(u32::from_le_bytes(*bytes)));
    let offsets = offsets.collect::<Vec<_>>();
    if let Some(parts) = by_offsets(&offsets, table.end, &fragments, frames) {
        return Ok(parts);
    }
    by_starts(file, fragments, frames).map_err(unreadable)?.ok_or_else(|| {
        let text = "its frames lie in several fragments, and no table says which belong together; export it uncompressed";
        (RefusalCode::Inconsistent, text.to_owned())
    })
}

/// The contents of the item at a place; `None` where there is no further item.
fn item(mut file: &File, at: u64, total: u64) -> std::io::Result<Option<Range<u64>>> {
    const ITEM: [u8; 4] = [0xfe, 0xff, 0x00, 0xe0];
    let mut head = [0; 8];
    // The mark at the end of the last fragment is sometimes left out.
    if at + 8 > total {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut head)?;
    let length = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
    Ok((head[..4] == ITEM).then_some(at + 8..at + 8 + length))
}

/// Fragments by the Basic Offset Table, which counts from the end of its own item.
fn by_offsets(
    offsets: &[u64],
    from: u64,
    fragments: &[Range<u64>],
    frames: usize,
) -> Option<Vec<FrameParts>> {
    let mut found: Vec<FrameParts> = Vec::new();
    for fragment in fragments {
        // The item's mark and length stand before its contents.
        let starts_frame = offsets.get(found.len()).is_some_and(|offset| from + offset + 8 == fragment.start);
        if starts_frame {
            found.push(Vec::new());
        }
        found.last_mut()?.push(fragment.clone());
    }
    (found.len() == frames).then_some(found)
}

/// Fragments by the ones that begin as a codestream of JPEG's family does, where there is one for each
/// frame.
fn by_starts(
    mut file: &File,
    fragments: FrameParts,
    frames: usize,
) -> std::io::Result<Option<Vec<FrameParts>>> {
    const STARTS: [[u8; 3]; 2] = [[0xff, 0xd8, 0xff], [0xff, 0x4f, 0xff]];
    let mut found: Vec<FrameParts> = Vec::new();
    for fragment in fragments {
        let mut start = Vec::with_capacity(3);
        file.seek(SeekFrom::Start(fragment.start))?;
        file.take(3.min(fragment.end - fragment.start)).read_to_end(&mut start)?;
        if STARTS.iter().any(|known| start == known) {
            found.push(Vec::new());
        }
        match found.last_mut() {
            Some(frame) => frame.push(fragment),
            None => return Ok(None),
        }
    }
    Ok((found.len() == frames).then_some(found))
}
