//! From bytes to samples of their type, and the one slice that is shown before the rest is read.

use bytemuck::Pod;
use rayon::prelude::*;

use super::raw::{Bytes, REACH, Stretch};
use super::{Doubt, DoubtCode, Refusal, RefusalCode, Watch};
use crate::geometry::{Affine, Grid, VoxelIndex};
use crate::volume::{Buffer, Placement, Rescale, SampleType, Samples, Volume};

/// What samples are, and where they lie.
pub(super) struct Lattice<'a> {
    pub(super) grid: &'a Grid,
    pub(super) placement: Placement,
    pub(super) sample_type: SampleType,
    /// Whether samples have the other byte order than this machine.
    pub(super) swapped: bool,
    pub(super) rescale: Rescale,
}

impl Lattice<'_> {
    /// The slice that is shown before all others.
    pub(super) fn middle(&self) -> usize {
        self.grid.dims()[2] / 2
    }

    /// The bytes of slice `k` of the first frame, counted from the first sample.
    pub(super) fn bytes_of_slice(&self, k: usize) -> std::ops::Range<u64> {
        let [i, j, _] = self.grid.dims();
        let count = (i * j * self.sample_type.bytes()) as u64;
        k as u64 * count..(k as u64 + 1) * count
    }

    /// Shows the bytes of the middle slice. A preview is a courtesy: where it cannot be made there is
    /// none.
    pub(super) fn show(&self, slice: Vec<u8>, watch: &dyn Watch) {
        if let Some(volume) = self.one_slice(slice, self.middle()) {
            watch.preview(volume);
        }
    }

    /// Reads the middle slice of the first frame, or in a long stream the last one within reach.
    pub(super) fn read_slice(&self, stretch: &Stretch<'_>, watch: &dyn Watch) -> Result<Volume, Refusal> {
        let bytes = self.bytes_of_slice(0).end.max(1);
        let within =
            if stretch.wrapping.is_some() { REACH.saturating_sub(stretch.skipped) / bytes } else { u64::MAX };
        let k = self.middle().min(usize::try_from(within).unwrap_or(usize::MAX));
        let slice = stretch.read_part(self.bytes_of_slice(k), watch)?;
        self.one_slice(slice, k).ok_or_else(|| {
            let text = "needs more memory for a slice than there is";
            Refusal::new(stretch.path, RefusalCode::TooLarge, text)
        })
    }

    /// The bytes of slice `k`, as they lie in the file, at their true place.
    fn one_slice(&self, mut slice: Vec<u8>, k: usize) -> Option<Volume> {
        let [i, j, _] = self.grid.dims();
        if self.swapped {
            swap(&mut slice, self.sample_type);
        }
        let map = self.grid.patient_from_voxel();
        let origin = self.grid.centre_of(VoxelIndex::new(0, 0, k));
        let map = Affine::from_axes(map.axis(0), map.axis(1), map.axis(2), origin).ok()?;
        let grid = Grid::new([i, j, 1], map, None).ok()?;
        let bytes = Bytes { buffer: Buffer::from_slice(&slice).ok()?, first_sample: 0 };
        let samples = typed(bytes, self.sample_type, i * j).ok()?;
        let mut volume = Volume::new(grid, 1, samples, self.rescale).ok()?;
        volume.placement = self.placement;
        Some(volume)
    }

    /// The first `count` samples, and what they make doubtful.
    pub(super) fn samples(
        &self,
        mut bytes: Bytes,
        count: usize,
        doubts: &mut Vec<Doubt>,
    ) -> std::io::Result<Samples> {
        if self.swapped {
            let length = count * self.sample_type.bytes();
            swap(&mut bytes.buffer[bytes.first_sample..][..length], self.sample_type);
        }
        let samples = typed(bytes, self.sample_type, count)?;
        if holds_non_numbers(&samples) {
            let text = "some values are not numbers; they are shown as the lowest";
            doubts.push(Doubt::new(DoubtCode::NotANumber, text));
        }
        Ok(samples)
    }
}

/// Turns the byte order of every sample around, in place.
fn swap(bytes: &mut [u8], sample_type: SampleType) {
    match sample_type.bytes() / sample_type.components() {
        2 => reverse_each::<2>(bytes),
        4 => reverse_each::<4>(bytes),
        8 => reverse_each::<8>(bytes),
        _ => {}
    }
}

fn reverse_each<const WIDTH: usize>(bytes: &mut [u8]) {
    bytes.par_chunks_mut(1 << 20).for_each(|part| {
        for sample in part.as_chunks_mut::<WIDTH>().0 {
            sample.reverse();
        }
    });
}

/// The bytes as samples of their type, without copying them where they lie on a fitting address.
fn typed(bytes: Bytes, sample_type: SampleType, count: usize) -> std::io::Result<Samples> {
    fn buffer<T: Pod>(bytes: Bytes, count: usize) -> std::io::Result<Buffer<T>> {
        let Bytes { buffer, first_sample } = bytes;
        if first_sample.is_multiple_of(align_of::<T>()) {
            let typed = Buffer::within(buffer, first_sample, count);
            return Ok(typed.expect("the bytes reach to the last sample and begin on a page"));
        }
        let mut samples = Buffer::zeroed(count)?;
        let target: &mut [u8] = bytemuck::cast_slice_mut(&mut samples);
        target.copy_from_slice(&buffer[first_sample..][..target.len()]);
        Ok(samples)
    }
    Ok(match sample_type {
        SampleType::I8 => Samples::I8(buffer(bytes, count)?),
        SampleType::U8 => Samples::U8(buffer(bytes, count)?),
        SampleType::I16 => Samples::I16(buffer(bytes, count)?),
        SampleType::U16 => Samples::U16(buffer(bytes, count)?),
        SampleType::I32 => Samples::I32(buffer(bytes, count)?),
        SampleType::U32 => Samples::U32(buffer(bytes, count)?),
        SampleType::I64 => Samples::I64(buffer(bytes, count)?),
        SampleType::U64 => Samples::U64(buffer(bytes, count)?),
        SampleType::F32 => Samples::F32(buffer(bytes, count)?),
        SampleType::F64 => Samples::F64(buffer(bytes, count)?),
        SampleType::Rgb8 => Samples::Rgb8(buffer(bytes, count)?),
        SampleType::Rgb16 => Samples::Rgb16(buffer(bytes, count)?),
        SampleType::Rgba8 => Samples::Rgba8(buffer(bytes, count)?),
    })
}

fn holds_non_numbers(samples: &Samples) -> bool {
    match samples {
        Samples::F32(samples) => samples.par_iter().any(|x| !x.is_finite()),
        Samples::F64(samples) => samples.par_iter().any(|x| !x.is_finite()),
        _ => false,
    }
}
