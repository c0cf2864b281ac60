//! From a checked header to samples in memory.
//!
//! A plain file is filled by positioned reads on all cores. A gzip file is inflated by libdeflate in
//! one call on a thread of its own, while this thread listens for a wish to stop and, where one is
//! wanted, inflates a preview by streaming.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use bytemuck::Pod;
use rayon::prelude::*;

use super::source::Source;
use crate::format::gzip::{self, After, InflateError};
use crate::format::memory::buffer_for;
use crate::format::{Doubt, DoubtCode, Refusal, RefusalCode, Watch, bulk, open_plain};
use crate::geometry::{Affine, Grid, VoxelIndex};
use crate::volume::{Buffer, SampleType, Samples, Volume};

/// Reading a compressed file is this part of the work; inflating is the rest.
const READING: f64 = 0.1;
/// How long a wish to stop may go unheard.
const PATIENCE: Duration = Duration::from_millis(20);
/// This much is inflated on a compressed file's word.
const UNPROVEN: u64 = 64 << 20;
/// And this many times the file's size, which only label maps and blank images exceed.
const DENSE: u64 = 100;
/// File offsets are rounded down to this, so that samples keep their alignment.
const PAGE: u64 = 4096;

/// The file's bytes from somewhere at or before the first sample on.
struct Bytes {
    buffer: Buffer<u8>,
    first_sample: usize,
}

/// Reads the samples; adds what they make doubtful to the source's doubts.
pub(super) fn samples(source: &mut Source, watch: &dyn Watch) -> Result<Samples, Refusal> {
    let path = source.image.clone();
    let (file, length, gzipped) = opened(&path)?;
    let (mut bytes, after) = if gzipped {
        read_gzip(source, &file, length, watch)?
    } else {
        read_plain(source, &file, length, watch)?
    };
    if after == After::TrailingBytes {
        source.doubts.push(Doubt::new(DoubtCode::TrailingBytes, "bytes follow the last sample"));
    }
    let header = &source.header;
    if header.swapped {
        let count = header.sample_bytes() as usize;
        swap(&mut bytes.buffer[bytes.first_sample..][..count], header.sample_type);
    }
    let samples = typed(bytes, header.sample_type, header.sample_count())
        .map_err(|error| Refusal::new(&path, RefusalCode::TooLarge, error.to_string()))?;
    if holds_non_numbers(&samples) {
        let text = "some values are not numbers; they are shown as the lowest";
        source.doubts.push(Doubt::new(DoubtCode::NotANumber, text));
    }
    watch.progress(1.0);
    Ok(samples)
}

/// One past the last byte of the samples.
fn end_of_samples(source: &Source) -> u64 {
    source.header.first_byte.saturating_add(source.header.sample_bytes())
}

fn read_plain(
    source: &Source,
    file: &File,
    length: u64,
    watch: &dyn Watch,
) -> Result<(Bytes, After), Refusal> {
    let path = &source.image;
    let (first, end) = (source.header.first_byte, end_of_samples(source));
    if length < end {
        return Err(truncated(path, length, end));
    }
    if watch.wants_preview() {
        let (offset, count) = place_of_middle(source);
        let mut slice = vec![0; count];
        bulk::read_exact_at(file, &mut slice, offset).map_err(|error| Refusal::unreadable(path, &error))?;
        show(source, slice, watch);
    }
    let base = first / PAGE * PAGE;
    let buffer = bulk::read(path, file, base..end, 0.0..1.0, watch)?;
    let after = if length > end { After::TrailingBytes } else { After::End };
    Ok((Bytes { buffer, first_sample: (first - base) as usize }, after))
}

fn read_gzip(
    source: &Source,
    file: &File,
    length: u64,
    watch: &dyn Watch,
) -> Result<(Bytes, After), Refusal> {
    let path = &source.image;
    let wanted = end_of_samples(source);
    if !gzip::can_hold(length, wanted) {
        return Err(too_short_for(path, length, wanted));
    }
    let compressed = Arc::new(bulk::read(path, file, 0..length, 0.0..READING, watch)?);
    // A file that gives so much for so little is looked through before memory is taken for it.
    if wanted > UNPROVEN.max(DENSE * length) {
        let wanted_bytes = usize::try_from(wanted).unwrap_or(usize::MAX);
        if !gzip::holds(&compressed, wanted_bytes, |_| !watch.is_cancelled()) {
            let cut = || truncated_or_damaged(path, wanted);
            return Err(if watch.is_cancelled() { Refusal::cancelled(path) } else { cut() });
        }
    }
    let mut buffer = buffer_for::<u8>(path, wanted)?;
    let first_sample = source.header.first_byte as usize;
    if gzip::may_be_one_member(&compressed, buffer.len()) {
        match inflate_at_once(source, &compressed, buffer, watch)? {
            Ok(buffer) => return Ok((Bytes { buffer, first_sample }, After::End)),
            Err(returned) => buffer = returned,
        }
    }
    let (offset, count) = place_of_middle(source);
    let middle = offset as usize..offset as usize + count;
    let mut shown = !watch.wants_preview();
    let goes_on = |so_far: &[u8]| {
        watch.progress(READING + (1.0 - READING) * so_far.len() as f64 / wanted as f64);
        if !shown && let Some(slice) = so_far.get(middle.clone()) {
            show(source, slice.to_vec(), watch);
            shown = true;
        }
        !watch.is_cancelled()
    };
    match gzip::inflate_in_steps(&compressed, &mut buffer, goes_on) {
        Ok(after) => Ok((Bytes { buffer, first_sample }, after)),
        Err(InflateError::Stopped) => Err(Refusal::cancelled(path)),
        Err(InflateError::Truncated(found)) => Err(truncated(path, found as u64, wanted)),
        Err(InflateError::Damaged(found)) => {
            let text = format!(
                "the compressed data are damaged (found after {found} of {wanted} bytes); copy the file again \
                 from its source"
            );
            Err(Refusal::new(path, RefusalCode::Damaged, text))
        }
    }
}

fn truncated_or_damaged(path: &Path, wanted: u64) -> Refusal {
    let text = format!(
        "is cut short or damaged: its compressed data end before {wanted} bytes; copy the file again from its source"
    );
    Refusal::new(path, RefusalCode::Truncated, text)
}

/// `Ok(Err(buffer))` where it takes the slower way, or a reason for the refusal has to be found.
fn inflate_at_once(
    source: &Source,
    compressed: &Arc<Buffer<u8>>,
    buffer: Buffer<u8>,
    watch: &dyn Watch,
) -> Result<Result<Buffer<u8>, Buffer<u8>>, Refusal> {
    let length = buffer.len();
    let receiver = gzip::inflate_at_once(compressed.clone(), buffer);
    let mut result = None;
    if watch.wants_preview() {
        let (offset, count) = place_of_middle(source);
        let mut slice = vec![0; count];
        // Streaming is the slower of the two, so what it has done is the least that is done.
        let shown = gzip::inflate_stretch(compressed, offset as usize, &mut slice, |done| {
            watch.progress(READING + (1.0 - READING) * done as f64 / length as f64);
            result = receiver.try_recv().ok();
            result.is_none() && !watch.is_cancelled()
        });
        if shown {
            show(source, slice, watch);
        }
    }
    loop {
        if let Some(result) = result {
            return Ok(result);
        }
        if watch.is_cancelled() {
            return Err(Refusal::cancelled(&source.image));
        }
        result = match receiver.recv_timeout(PATIENCE) {
            Ok(result) => Some(result),
            Err(RecvTimeoutError::Timeout) => None,
            // The system gave no thread.
            Err(RecvTimeoutError::Disconnected) => Some(Err(buffer_for(&source.image, length as u64)?)),
        };
    }
}

fn truncated(path: &Path, found: u64, wanted: u64) -> Refusal {
    let text = format!(
        "is cut short: {found} bytes are there and {wanted} are needed; copy the file again from its source"
    );
    Refusal::new(path, RefusalCode::Truncated, text)
}

/// Refuses a file of which its length alone tells that samples are missing.
pub(super) fn refuse_short_files(source: &Source) -> Result<(), Refusal> {
    let path = &source.image;
    let (file, length, gzipped) = opened(path)?;
    drop(file);
    let wanted = end_of_samples(source);
    match gzipped {
        false if length < wanted => Err(truncated(path, length, wanted)),
        true if !gzip::can_hold(length, wanted) => Err(too_short_for(path, length, wanted)),
        _ => Ok(()),
    }
}

/// The file, its length, and whether it is gzipped.
fn opened(path: &Path) -> Result<(File, u64, bool), Refusal> {
    let file = open_plain(path).map_err(|error| Refusal::unreadable(path, &error))?;
    let length = file.metadata().map_err(|error| Refusal::unreadable(path, &error))?.len();
    let mut magic = [0; 3];
    let gzipped = bulk::read_exact_at(&file, &mut magic, 0).is_ok() && gzip::is_gzip(&magic);
    Ok((file, length, gzipped))
}

fn too_short_for(path: &Path, length: u64, wanted: u64) -> Refusal {
    let text = format!(
        "claims {wanted} bytes of header and samples, more than its {length} compressed bytes can hold"
    );
    Refusal::new(path, RefusalCode::Inconsistent, text)
}

/// Inflated bytes that are looked through for one slice at most.
const REACH: u64 = 256 << 20;

/// The middle slice of the first frame, or the last one within reach.
pub(super) fn middle_slice(source: &Source, watch: &dyn Watch) -> Result<Volume, Refusal> {
    let path = &source.image;
    refuse_short_files(source)?;
    let (file, length, gzipped) = opened(path)?;
    let (middle, count) = place_of_slice(source, source.header.dims[2] / 2);
    let unmade = || Refusal::new(path, RefusalCode::TooLarge, "needs more memory for a slice than there is");
    let mut slice = buffer_for::<u8>(path, count as u64)?;
    if !gzipped {
        bulk::read_exact_at(&file, &mut slice, middle).map_err(|error| Refusal::unreadable(path, &error))?;
        return one_slice(source, slice.to_vec(), source.header.dims[2] / 2).ok_or_else(unmade);
    }
    let within = (REACH.saturating_sub(source.header.first_byte) / count.max(1) as u64) as usize;
    let k = (source.header.dims[2] / 2).min(within);
    let (offset, _) = place_of_slice(source, k);
    // Deflate seldom makes data longer; what lies beyond is not needed.
    let needed = length.min(offset + count as u64 + (1 << 20));
    let compressed = bulk::read(path, &file, 0..needed, 0.0..READING, watch)?;
    let goes_on = |_| !watch.is_cancelled();
    if !gzip::inflate_stretch(&compressed, offset as usize, &mut slice, goes_on) {
        let text =
            "the compressed data are damaged before the middle slice; copy the file again from its source";
        return Err(match watch.is_cancelled() {
            true => Refusal::cancelled(path),
            false => Refusal::new(path, RefusalCode::Damaged, text),
        });
    }
    one_slice(source, slice.to_vec(), k).ok_or_else(unmade)
}

/// Where slice `k` of the first frame begins in the file, and how many bytes it has.
fn place_of_slice(source: &Source, k: usize) -> (u64, usize) {
    let [i, j, _] = source.header.dims;
    let count = i * j * source.header.sample_type.bytes();
    (source.header.first_byte + (k * count) as u64, count)
}

/// As [`place_of_slice`], of the slice that is shown first.
fn place_of_middle(source: &Source) -> (u64, usize) {
    place_of_slice(source, source.header.dims[2] / 2)
}

/// Shows the bytes of the middle slice. A preview is a courtesy: where it cannot be made there is none.
fn show(source: &Source, slice: Vec<u8>, watch: &dyn Watch) {
    if let Some(volume) = one_slice(source, slice, source.header.dims[2] / 2) {
        watch.preview(volume);
    }
}

/// The bytes of slice `k`, as they lie in the file, at their true place.
fn one_slice(source: &Source, mut slice: Vec<u8>, k: usize) -> Option<Volume> {
    let header = &source.header;
    let [i, j, _] = header.dims;
    if header.swapped {
        swap(&mut slice, header.sample_type);
    }
    let map = source.grid.patient_from_voxel();
    let origin = source.grid.centre_of(VoxelIndex::new(0, 0, k));
    let map = Affine::from_axes(map.axis(0), map.axis(1), map.axis(2), origin).ok()?;
    let grid = Grid::new([i, j, 1], map, None).ok()?;
    let bytes = Bytes { buffer: Buffer::from_slice(&slice).ok()?, first_sample: 0 };
    let samples = typed(bytes, header.sample_type, i * j).ok()?;
    let mut volume = Volume::new(grid, 1, samples, header.rescale).ok()?;
    volume.placement = source.placement;
    Some(volume)
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
