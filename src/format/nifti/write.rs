//! Writing label maps and volumes as NIfTI.

use std::io::{self, Write};

use ::nifti::Intent;
use rayon::prelude::*;

use super::geometry::NiftiGeometry;
use super::header::Outline;
use crate::format::gzip::{Member, Piece};
use crate::volume::{BRICK_EDGE, BrickIndex, LabelMap, Rescale, SampleType, Volume};

/// Labels repeat so much that more effort gains little.
const LABEL_LEVEL: u32 = 4;
const VOLUME_LEVEL: u32 = 6;

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
    let greatest = labels.bricks().flat_map(|(_, brick)| brick.labels().iter().copied()).max().unwrap_or(0);
    let sample_type = if u8::try_from(greatest).is_ok() { SampleType::U8 } else { SampleType::U16 };
    let [ni, nj, nk] = labels.dims();
    let all_axes = [ni, nj, nk];
    let axes = if geometry.spatial_axes == 2 && nk == 1 { &all_axes[..2] } else { &all_axes[..] };
    let outline =
        Outline { dims: axes, sample_type, rescale: Rescale::NONE, intent: Intent::Label, geometry };
    let header = outline.to_bytes();

    let mut member = Member::begin(sink)?;
    member.append(&Piece::of(&header, LABEL_LEVEL))?;
    let row_bytes = ni * sample_type.bytes();
    let place_of_row = |j: usize, k: usize| (header.len() + (k * nj + j) * row_bytes) as u64;
    for batch in painted_spans(labels).chunks(BATCH) {
        let pieces: Vec<Option<Piece>> =
            batch.par_iter().map(|span| span.deflate(labels, sample_type)).collect();
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
    /// `None` where no row holds a label after all.
    fn deflate(&self, labels: &LabelMap, sample_type: SampleType) -> Option<Piece> {
        let ni = labels.dims()[0];
        let mut rows = vec![0; ni * self.rows.len()];
        for (row, j) in rows.chunks_mut(ni).zip(self.rows.clone()) {
            labels.copy_row(j, self.k, row);
        }
        if rows.iter().all(|label| *label == 0) {
            return None;
        }
        let bytes: Vec<u8> = match sample_type {
            SampleType::U8 => rows.iter().map(|label| *label as u8).collect(),
            _ => rows.iter().flat_map(|label| label.to_le_bytes()).collect(),
        };
        Some(Piece::of(&bytes, LABEL_LEVEL))
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
            member.append(&Piece::of(&header, VOLUME_LEVEL))?;
            for batch in bytes.chunks(BATCH * VOLUME_PIECE) {
                let pieces: Vec<Piece> =
                    batch.par_chunks(VOLUME_PIECE).map(|bytes| Piece::of(bytes, VOLUME_LEVEL)).collect();
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
