//! From a checked header to samples in memory.

use std::fs::File;

use super::source::Source;
use crate::format::gzip::{self, After, Wrapping};
use crate::format::raw::Stretch;
use crate::format::typed::Lattice;
use crate::format::{Doubt, DoubtCode, Refusal, RefusalCode, Watch, bulk};
use crate::volume::Samples;

/// Reads the samples; adds what they make doubtful to the source's doubts.
pub(super) fn samples(source: &mut Source, watch: &dyn Watch) -> Result<Samples, Refusal> {
    let header = &source.header;
    let path = source.image.clone();
    let file = File::open(&path).map_err(|error| Refusal::unreadable(&path, &error))?;
    let mut magic = [0; 3];
    let gzipped = bulk::read_exact_at(&file, &mut magic, 0).is_ok() && gzip::is_gzip(&magic);
    let lattice = Lattice {
        grid: &source.grid,
        placement: source.placement,
        sample_type: header.sample_type,
        swapped: header.swapped,
        rescale: header.rescale,
    };
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
    if after == After::TrailingBytes {
        source.doubts.push(Doubt::new(DoubtCode::TrailingBytes, "bytes follow the last sample"));
    }
    let samples = lattice
        .samples(bytes, header.sample_count(), &mut source.doubts)
        .map_err(|error| Refusal::new(&path, RefusalCode::TooLarge, error.to_string()))?;
    watch.progress(1.0);
    Ok(samples)
}
