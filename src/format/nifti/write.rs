//! Writing label maps and volumes as NIfTI.

use std::io::{self, Write};

use ::nifti::Intent;
use rayon::prelude::*;

use super::geometry::NiftiGeometry;
use super::header::Outline;
use crate::format::gzip::{Member, Piece};
use crate::volume::{BRICK_EDGE, BrickIndex, BrickRow, LabelMap, Rescale, SampleType, Volume, call_up};

/// Of deflate, for what is not labels.
const LEVEL: u32 = 6;

const BRICK_SLICE: usize = BRICK_EDGE * BRICK_EDGE;

/// Pieces deflated side by side before they are written.
const BATCH: usize = 64;
/// Bytes of a volume deflated as one piece: enough that a piece's beginning, which knows nothing of
/// what came before, costs nothing to speak of.
const VOLUME_PIECE: usize = 1 << 20;

/// Writes a label map as `.nii.gz`, in the smallest of u8 and u16 that fits, with `geometry` verbatim.
///
/// One gzip member, the same bytes for the same labels. The cost follows what is painted: only rows
/// of bricks that hold labels are looked at and deflated.
pub fn write_labels(sink: &mut impl Write, labels: &LabelMap, geometry: &NiftiGeometry) -> io::Result<()> {
    let sample_type = if labels.fits_in_bytes() { SampleType::U8 } else { SampleType::U16 };
    let [ni, nj, nk] = labels.dims();
    let all_axes = [ni, nj, nk];
    let axes = if geometry.spatial_axes == 2 && nk == 1 { &all_axes[..2] } else { &all_axes[..] };
    let outline =
        Outline { dims: axes, sample_type, rescale: Rescale::NONE, intent: Intent::Label, geometry };
    let header = outline.to_bytes();

    let mut member = Member::begin(sink)?;
    member.append(&Piece::of(&header, LEVEL))?;
    let row_bytes = ni * sample_type.bytes();
    let place_of_row = |j: usize, k: usize| (header.len() + (k * nj + j) * row_bytes) as u64;
    for batch in painted_spans(labels).chunks(BATCH) {
        let pieces: Vec<Option<Piece>> = batch
            .par_iter()
            .map_init(Vec::new, |rows, span| span.deflate(labels, sample_type, rows))
            .collect();
        for (span, piece) in batch.iter().zip(&pieces) {
            if let Some(piece) = piece {
                member.append_zeroes(place_of_row(span.rows.start, span.k) - member.length())?;
                member.append(piece)?;
            }
        }
    }
    member.append_zeroes(place_of_row(0, nk) - member.length())?;
    member.finish()
}

/// Rows of one slice that may hold labels.
struct Span {
    k: usize,
    rows: std::ops::Range<usize>,
}

/// For every slice through a brick, the rows from the first such brick to the last; in file order.
fn painted_spans(labels: &LabelMap) -> Vec<Span> {
    let [_, nj, nk] = labels.dims();
    let [bricks_i, bricks_j, bricks_k] = labels.brick_dims().map(|n| n as u32);
    let mut spans = Vec::new();
    for brick_k in 0..bricks_k {
        let is_painted =
            |j: &u32| (0..bricks_i).any(|i| labels.brick(BrickIndex([i, *j, brick_k])).is_some());
        let Some(first) = (0..bricks_j).find(is_painted) else { continue };
        let last = (first..bricks_j).rfind(is_painted).unwrap_or(first);
        let rows = first as usize * BRICK_EDGE..((last as usize + 1) * BRICK_EDGE).min(nj);
        let slices = brick_k as usize * BRICK_EDGE..((brick_k as usize + 1) * BRICK_EDGE).min(nk);
        spans.extend(slices.map(|k| Span { k, rows: rows.clone() }));
    }
    spans
}

impl Span {
    /// `None` where no row holds a label after all. `bytes` is room that the next span takes again.
    fn deflate(&self, labels: &LabelMap, sample_type: SampleType, bytes: &mut Vec<u8>) -> Option<Piece> {
        let row_bytes = labels.dims()[0] * sample_type.bytes();
        bytes.clear();
        bytes.resize(row_bytes * self.rows.len(), 0);
        let slice_of = |brick_i: usize, first_j: usize| {
            let index = [brick_i, first_j / BRICK_EDGE, self.k / BRICK_EDGE].map(|n| n as u32);
            let slice = &labels.brick(BrickIndex(index))?.labels()[self.k % BRICK_EDGE * BRICK_SLICE..];
            Some((brick_i, &slice[..BRICK_SLICE]))
        };
        for first_j in self.rows.clone().step_by(BRICK_EDGE) {
            let slices = || (0..labels.brick_dims()[0]).filter_map(|brick_i| slice_of(brick_i, first_j));
            slices().for_each(|(_, labels)| call_up(labels));
            let place = (first_j - self.rows.start) * row_bytes;
            for (brick_i, labels) in slices() {
                let first = brick_i * BRICK_EDGE * sample_type.bytes();
                let rows = bytes[place..].chunks_exact_mut(row_bytes).map(|row| &mut row[first..]);
                for (labels, rest) in labels.as_chunks().0.iter().zip(rows) {
                    match sample_type {
                        SampleType::U8 => put(bytes_of(labels), rest),
                        _ => put(bytemuck::cast::<_, [u8; 2 * BRICK_EDGE]>(*labels), rest),
                    }
                }
            }
        }
        let is_labelled = bytes.chunks(64).any(|part| part.iter().fold(0, |bits, byte| bits | byte) != 0);
        is_labelled.then(|| Piece::of_rows(bytes, sample_type.bytes(), row_bytes))
    }
}

/// Labels as bytes; a loop over places runs in wide registers, where `map` does not.
fn bytes_of(labels: &BrickRow) -> [u8; BRICK_EDGE] {
    let mut bytes = [0; BRICK_EDGE];
    bytes.iter_mut().zip(labels).for_each(|(byte, label)| *byte = *label as u8);
    bytes
}

/// Copies labels to where their row goes on, which may end before they do.
fn put<const N: usize>(labels: [u8; N], rest: &mut [u8]) {
    const { assert!(cfg!(target_endian = "little"), "labels are written in this machine's byte order") };
    match rest.first_chunk_mut() {
        Some(place) => *place = labels,
        None => rest.copy_from_slice(&labels[..rest.len()]),
    }
}

/// How a volume is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As it is, `.nii`.
    None,
    /// As one gzip member, `.nii.gz`.
    Gzip,
}

/// Writes a volume with its sample type, rescale and time axis, with `geometry` verbatim.
///
/// NIfTI-1 keeps the rescale in f32: a slope that f32 cannot hold is rounded to seven digits. Colours of 16
/// bits are refused: NIfTI has no type for them.
pub fn write_volume(
    sink: &mut impl Write,
    volume: &Volume,
    geometry: &NiftiGeometry,
    compression: Compression,
) -> io::Result<()> {
    if volume.sample_type() == SampleType::Rgb16 {
        let text = "NIfTI has no type for colours of 16 bits";
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    }
    let [ni, nj, nk] = volume.grid().dims();
    let all_axes = [ni, nj, nk, volume.times()];
    let axes = match volume.times() {
        1 if geometry.spatial_axes == 2 && nk == 1 => &all_axes[..2],
        1 => &all_axes[..3],
        _ => &all_axes[..],
    };
    let outline = Outline {
        dims: axes,
        sample_type: volume.sample_type(),
        rescale: volume.rescale(),
        intent: Intent::None,
        geometry,
    };
    let header = outline.to_bytes();
    let bytes = little_endian(volume);
    match compression {
        Compression::None => {
            sink.write_all(&header)?;
            sink.write_all(bytes)?;
            sink.flush()
        }
        Compression::Gzip => {
            let mut member = Member::begin(sink)?;
            member.append(&Piece::of(&header, LEVEL))?;
            for batch in bytes.chunks(BATCH * VOLUME_PIECE) {
                let pieces: Vec<Piece> =
                    batch.par_chunks(VOLUME_PIECE).map(|bytes| Piece::of(bytes, LEVEL)).collect();
                pieces.iter().try_for_each(|piece| member.append(piece))?;
            }
            member.finish()
        }
    }
}

/// The samples as they stand in the file. Every machine this program is built for is little-endian
/// itself, so nothing is copied.
fn little_endian(volume: &Volume) -> &[u8] {
    const { assert!(cfg!(target_endian = "little"), "samples are written in this machine's byte order") };
    volume.samples().bytes()
}
