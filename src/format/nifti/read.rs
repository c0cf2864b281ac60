//! From a checked header to samples in memory.

use std::fs::File;
use std::path::Path;

use super::source::Source;
use crate::format::gzip::{self, After, Wrapping};
use crate::format::memory::buffer_for;
use crate::format::raw::Stretch;
use crate::format::typed::Lattice;
use crate::format::{Doubt, DoubtCode, Refusal, RefusalCode, Watch, bulk, open_plain};
use crate::volume::{Samples, Volume};

/// Reads the samples; adds what they make doubtful to the source's doubts.
pub(super) fn samples(source: &mut Source, watch: &dyn Watch) -> Result<Samples, Refusal> {
    let header = &source.header;
    let path = source.image.clone();
    let (_, _, gzipped) = opened(&path)?;
    let lattice = lattice(source);
    // A compressed file is compressed whole, its header too.
    let (first_byte, skipped) = if gzipped { (0, header.first_byte) } else { (header.first_byte, 0) };
    let stretch = Stretch {
        path: &path,
        first_byte,
        wrapping: gzipped.then_some(Wrapping::Gzip),
        skipped,
        length: header.sample_bytes(),
        shown_first: lattice.middle_slice(),
        share: 0.0..1.0,
    };
    let (bytes, after) = stretch.read(watch, &|slice| lattice.show(slice, watch))?;
    let mut doubts = Vec::new();
    if after == After::TrailingBytes {
        doubts.push(Doubt::new(DoubtCode::TrailingBytes, "bytes follow the last sample"));
    }
    let samples = lattice
        .samples(bytes, header.sample_count(), &mut doubts)
        .map_err(|error| Refusal::new(&path, RefusalCode::TooLarge, error.to_string()))?;
    source.doubts.extend(doubts);
    watch.progress(1.0);
    Ok(samples)
}

/// Refuses a file of which its length alone tells that samples are missing.
pub(super) fn refuse_short_files(source: &Source) -> Result<(), Refusal> {
    let path = &source.image;
    let (_, length, gzipped) = opened(path)?;
    let wanted = source.header.first_byte.saturating_add(source.header.sample_bytes());
    if !gzipped && length < wanted {
        let text = format!(
            "is cut short: {length} bytes are there and {wanted} are needed; copy the file again from its source"
        );
        return Err(Refusal::new(path, RefusalCode::Truncated, text));
    }
    if gzipped && !gzip::can_hold(length, wanted) {
        let text = format!(
            "claims {wanted} bytes of header and samples, more than its {length} compressed bytes can hold"
        );
        return Err(Refusal::new(path, RefusalCode::Inconsistent, text));
    }
    Ok(())
}

/// The file, its length, and whether it is gzipped.
fn opened(path: &Path) -> Result<(File, u64, bool), Refusal> {
    let file = open_plain(path).map_err(|error| Refusal::unreadable(path, &error))?;
    let length = file.metadata().map_err(|error| Refusal::unreadable(path, &error))?.len();
    let mut magic = [0; 3];
    let gzipped = bulk::read_exact_at(&file, &mut magic, 0).is_ok() && gzip::is_gzip(&magic);
    Ok((file, length, gzipped))
}

/// Inflated bytes that are looked through for one slice at most.
const REACH: u64 = 256 << 20;

/// The middle slice of the first frame, or the last one within reach.
pub(super) fn middle_slice(source: &Source, watch: &dyn Watch) -> Result<Volume, Refusal> {
    let path = &source.image;
    refuse_short_files(source)?;
    let (file, length, gzipped) = opened(path)?;
    let lattice = lattice(source);
    let first_byte = source.header.first_byte;
    let middle = source.header.dims[2] / 2;
    let bytes_of_slice = lattice.slice(0).end;
    let unmade = || Refusal::new(path, RefusalCode::TooLarge, "needs more memory for a slice than there is");
    let mut slice = buffer_for::<u8>(path, bytes_of_slice)?;
    if !gzipped {
        let offset = first_byte + lattice.slice(middle).start;
        bulk::read_exact_at(&file, &mut slice, offset).map_err(|error| Refusal::unreadable(path, &error))?;
        return lattice.one_slice(slice.to_vec(), middle).ok_or_else(unmade);
    }
    let within = (REACH.saturating_sub(first_byte) / bytes_of_slice.max(1)) as usize;
    let k = middle.min(within);
    let offset = first_byte + lattice.slice(k).start;
    // Deflate seldom makes data longer; what lies beyond is not needed.
    let needed = length.min(offset + bytes_of_slice + (1 << 20));
    let compressed = bulk::read(path, &file, 0..needed, 0.0..1.0, watch)?;
    let goes_on = |_| !watch.is_cancelled();
    if !gzip::inflate_stretch(Wrapping::Gzip, &compressed, offset as usize, &mut slice, goes_on) {
        let text =
            "the compressed data are damaged before the middle slice; copy the file again from its source";
        return Err(match watch.is_cancelled() {
            true => Refusal::cancelled(path),
            false => Refusal::new(path, RefusalCode::Damaged, text),
        });
    }
    lattice.one_slice(slice.to_vec(), k).ok_or_else(unmade)
}

fn lattice(source: &Source) -> Lattice<'_> {
    let header = &source.header;
    Lattice {
        grid: &source.grid,
        placement: source.placement,
        sample_type: header.sample_type,
        swapped: header.swapped,
        rescale: header.rescale,
    }
}
