//! From a checked header to samples in memory.

use super::source::Source;
use crate::format::gzip::{self, After, Wrapping};
use crate::format::raw::Stretch;
use crate::format::typed::Lattice;
use crate::format::{Doubt, DoubtCode, Refusal, RefusalCode, Watch, bulk, open_plain};
use crate::volume::{Samples, Volume};

/// Reads the samples; adds what they make doubtful to the source's doubts.
pub(super) fn samples(source: &mut Source, watch: &dyn Watch) -> Result<Samples, Refusal> {
    let (lattice, stretch) = (lattice(source), stretch(source)?);
    let (bytes, after) = stretch.read(watch, &|slice| lattice.show(slice, watch))?;
    let mut doubts = Vec::new();
    if after == After::TrailingBytes {
        doubts.push(Doubt::new(DoubtCode::TrailingBytes, "bytes follow the last sample"));
    }
    let samples = lattice
        .samples(bytes, source.header.sample_count(), &mut doubts)
        .map_err(|error| Refusal::new(&source.image, RefusalCode::TooLarge, error.to_string()))?;
    source.doubts.extend(doubts);
    watch.progress(1.0);
    Ok(samples)
}

/// Refuses a file of which its length alone tells that samples are missing.
pub(super) fn refuse_short_files(source: &Source) -> Result<(), Refusal> {
    stretch(source)?.refuse_short()
}

/// The middle slice of the first frame, or the last one within reach.
pub(super) fn middle_slice(source: &Source, watch: &dyn Watch) -> Result<Volume, Refusal> {
    lattice(source).read_slice(&stretch(source)?, watch)
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

fn stretch(source: &Source) -> Result<Stretch<'_>, Refusal> {
    let (header, path) = (&source.header, &source.image);
    let file = open_plain(path).map_err(|error| Refusal::unreadable(path, &error))?;
    let mut magic = [0; 3];
    let gzipped = bulk::read_exact_at(&file, &mut magic, 0).is_ok() && gzip::is_gzip(&magic);
    // A compressed file is compressed whole, its header too.
    let (first_byte, skipped) = if gzipped { (0, header.first_byte) } else { (header.first_byte, 0) };
    let lattice = lattice(source);
    Ok(Stretch {
        path,
        first_byte,
        wrapping: gzipped.then_some(Wrapping::Gzip),
        skipped,
        length: header.sample_bytes(),
        shown_first: lattice.bytes_of_slice(lattice.middle()),
        share: 0.0..1.0,
    })
}
