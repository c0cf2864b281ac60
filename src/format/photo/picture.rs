//! Decoded pixels, and the volume they become.

use rayon::prelude::*;

use super::orientation::Orientation;
use crate::format::doubt::Fault;
use crate::format::raw::Bytes;
use crate::format::typed::Lattice;
use crate::format::{Doubt, DoubtCode, RefusalCode, described};
use crate::geometry::{Grid, Point, Vector};
use crate::volume::{Buffer, Placement, Rescale, SampleType, Volume};

/// A photograph as its file stores it.
pub(super) struct Picture {
    /// Columns and rows.
    pub(super) size: [usize; 2],
    pub(super) sample_type: SampleType,
    /// Row by row, in this machine's byte order.
    pub(super) bytes: Buffer<u8>,
    pub(super) orientation: Orientation,
    pub(super) doubts: Vec<Doubt>,
}

/// Memory for a picture of so many pixels, taken where the machine has it.
pub(super) fn room_for(size: [usize; 2], sample_type: SampleType) -> Result<Buffer<u8>, Fault> {
    let bytes = size[0].checked_mul(size[1]).and_then(|pixels| pixels.checked_mul(sample_type.bytes()));
    let bytes = bytes.unwrap_or(usize::MAX) as u64;
    // Whose memory it is is told by whoever knows the file.
    crate::format::memory::buffer_for(std::path::Path::new(""), bytes)
        .map_err(|refusal| Fault::new(refusal.code, refusal.text))
}

/// What is told where 16 bits of a colour became 8.
pub(super) fn reduced() -> Doubt {
    Doubt::new(DoubtCode::ReducedDepth, "colours of 16 bits with transparency were reduced to their upper 8")
}

/// What is told where a file holds more pictures than the one that is shown.
pub(super) fn further_pictures() -> Doubt {
    Doubt::new(DoubtCode::LeftOut, "the file holds further pictures; the first one is shown")
}

impl Picture {
    /// The picture the right way up, as a slice whose millimetres are pixels.
    pub(super) fn into_volume(mut self) -> Result<(Volume, Vec<Doubt>), Fault> {
        let [width, height] = self.orientation.seen_size(self.size);
        let bytes = if self.orientation.is_as_stored() { self.bytes } else { self.turned()? };
        let axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(Vector::from);
        let inconsistent = |text: String| Fault::new(RefusalCode::Inconsistent, text);
        let grid = Grid::new([width, height, 1], described::map_of(&axes, Point::ORIGIN)?, None)
            .map_err(|error| inconsistent(error.to_string()))?;
        let lattice = Lattice {
            grid: &grid,
            placement: Placement::Pixels,
            sample_type: self.sample_type,
            swapped: false,
            rescale: Rescale::NONE,
        };
        let bytes = Bytes { buffer: bytes, first_sample: 0 };
        let samples = lattice
            .samples(bytes, width * height, &mut self.doubts)
            .map_err(|error| Fault::new(RefusalCode::TooLarge, error.to_string()))?;
        let mut volume =
            Volume::new(grid, 1, samples, Rescale::NONE).map_err(|error| inconsistent(error.to_string()))?;
        volume.placement = Placement::Pixels;
        Ok((volume, self.doubts))
    }

    /// The pixels in the order in which they are seen.
    fn turned(&self) -> Result<Buffer<u8>, Fault> {
        let width = self.sample_type.bytes();
        let [seen_width, _] = self.orientation.seen_size(self.size);
        let mut seen = room_for(self.size, self.sample_type)?;
        seen.par_chunks_exact_mut(seen_width * width).enumerate().for_each(|(j, row)| {
            for (i, pixel) in row.chunks_exact_mut(width).enumerate() {
                let [column, row] = self.orientation.stored([i, j], self.size);
                let from = (row * self.size[0] + column) * width;
                pixel.copy_from_slice(&self.bytes[from..from + width]);
            }
        });
        Ok(seen)
    }
}
