//! Reads a mask again by other code than wrote it: its own header fields, its own arithmetic of the
//! placement, a streaming inflater. What this file and `format::nifti` agree on is not one bug twice.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use super::fingerprint::Digest;
use crate::format::open_plain;

/// A gzipped mask as a stranger finds it.
pub(super) struct MaskFile {
    inflated: MultiGzDecoder<io::BufReader<Hashing>>,
    header: Header,
}

/// What a mask holds.
#[derive(Debug)]
pub(super) struct Contents {
    /// Of the file as it lies on disk.
    pub(super) sha256: Digest,
    /// Voxels of each label but 0.
    pub(super) counts: BTreeMap<u16, u64>,
}

impl MaskFile {
    /// Opens a mask and reads its header. What is wrong with the file comes as
    /// [`io::ErrorKind::InvalidData`].
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut inflated = MultiGzDecoder::new(io::BufReader::with_capacity(1 << 16, Hashing::new(path)?));
        let header = Header::read(&mut inflated)?;
        Ok(Self { inflated, header })
    }

    pub(super) fn dims(&self) -> [usize; 3] {
        self.header.dims
    }

    /// Which of the header's fields place it: `sform`, `qform` or `pixdim`.
    pub(super) fn placed_by(&self) -> &'static str {
        self.header.placed_by
    }

    /// Where a voxel's centre lies, LPS millimetres.
    pub(super) fn point_of(&self, voxel: [usize; 3]) -> [f64; 3] {
        let [i, j, k] = voxel.map(|n| n as f64);
        self.header.rows.map(|[x, y, z, origin]| x * i + y * j + z * k + origin)
    }

    /// Reads to the end and calls `visit(row, j, k)` with each row of labels that are not all 0, in
    /// the order of the file. Takes as much memory as a row needs.
    pub(super) fn read_rows(&mut self, mut visit: impl FnMut(&[u16], usize, usize)) -> io::Result<Contents> {
        let Self { inflated, header } = self;
        let [ni, nj, nk] = header.dims;
        let row_bytes = ni * header.label_bytes;
        let rows_at_once = (BLOCK / row_bytes).max(1);
        let mut block = vec![0; row_bytes * rows_at_once];
        let mut row = vec![0; ni];
        let mut counts = vec![0u64; 1 + usize::from(u16::MAX)];
        for first in (0..nj * nk).step_by(rows_at_once) {
            let bytes = &mut block[..rows_at_once.min(nj * nk - first) * row_bytes];
            inflated.read_exact(bytes)?;
            // Nearly all of a mask is background.
            if is_background(bytes) {
                continue;
            }
            for (place, bytes) in bytes.chunks_exact(row_bytes).enumerate() {
                if !is_background(bytes) {
                    header.labels(bytes, &mut row);
                    for label in &row {
                        counts[usize::from(*label)] += 1;
                    }
                    visit(&row, (first + place) % nj, (first + place) / nj);
                }
            }
        }
        if inflated.read(&mut [0])? != 0 {
            return Err(wrong("goes on after its last voxel"));
        }
        let counted = counts.into_iter().enumerate().skip(1).filter(|(_, count)| *count > 0);
        Ok(Contents {
            sha256: inflated.get_mut().get_mut().finish()?,
            counts: counted.map(|(label, count)| (label as u16, count)).collect(),
        })
    }
}

/// Bytes looked at together.
const BLOCK: usize = 1 << 14;

fn is_background(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |any, byte| any | byte) == 0
}

fn wrong(text: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.into())
}

/// A file that is digested while it is read.
struct Hashing {
    file: File,
    hash: Sha256,
}

impl Hashing {
    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { file: open_plain(path)?, hash: Sha256::new() })
    }

    /// The digest of the whole file, read to its end.
    fn finish(&mut self) -> io::Result<Digest> {
        io::copy(self, &mut io::sink())?;
        Ok(Digest(self.hash.finalize_reset().into()))
    }
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}

/// What of a NIfTI header says how labels lie in the file and in the patient.
struct Header {
    dims: [usize; 3],
    label_bytes: usize,
    big_endian: bool,
    placed_by: &'static str,
    rows: [[f64; 4]; 3],
}

/// Numbers at known places of a header.
struct Fields {
    bytes: Vec<u8>,
    big_endian: bool,
}

macro_rules! fields {
    ($($name:ident $type:ty;)*) => {
        impl Fields {
            $(fn $name(&self, at: usize) -> $type {
                let mut raw = [0; size_of::<$type>()];
                raw.copy_from_slice(&self.bytes[at..at + size_of::<$type>()]);
                if self.big_endian { <$type>::from_be_bytes(raw) } else { <$type>::from_le_bytes(raw) }
            })*
        }
    };
}
fields! { i16 i16; i32 i32; i64 i64; f32 f32; f64 f64; }

/// The same fields, wherever the version keeps them (nifti1.h, nifti2.h).
struct Placing {
    pixdim: [f64; 4],
    units: i32,
    qform_code: i32,
    sform_code: i32,
    quatern: [f64; 3],
    qoffset: [f64; 3],
    srow: [[f64; 4]; 3],
}

impl Header {
    /// One row as it stands in the file, made numbers.
    fn labels(&self, bytes: &[u8], row: &mut [u16]) {
        let pair = |pair: &[u8]| [pair[0], pair[1]];
        for (place, label) in row.iter_mut().enumerate() {
            *label = match (self.label_bytes, self.big_endian) {
                (1, _) => u16::from(bytes[place]),
                (_, true) => u16::from_be_bytes(pair(&bytes[2 * place..])),
                (_, false) => u16::from_le_bytes(pair(&bytes[2 * place..])),
            };
        }
    }

    fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut size = [0; 4];
        from.read_exact(&mut size)?;
        let (length, big_endian) = match (u32::from_le_bytes(size), u32::from_be_bytes(size)) {
            (length @ (348 | 540), _) => (length as usize, false),
            (_, length @ (348 | 540)) => (length as usize, true),
            _ => return Err(wrong("is not a NIfTI file")),
        };
        let mut bytes = vec![0; length];
        bytes[..4].copy_from_slice(&size);
        from.read_exact(&mut bytes[4..])?;
        let fields = Fields { bytes, big_endian };
        let header = if length == 348 { fields.version_1()? } else { fields.version_2()? };
        let gap = fields.voxel_offset().checked_sub(length as u64);
        let gap = gap.ok_or_else(|| wrong("has voxels that begin within the header"))?;
        if io::copy(&mut from.take(gap), &mut io::sink())? != gap {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(header)
    }
}

impl Fields {
    fn voxel_offset(&self) -> u64 {
        if self.bytes.len() == 348 { self.f32(108) as u64 } else { self.i64(168).max(0) as u64 }
    }

    fn version_1(&self) -> io::Result<Header> {
        if &self.bytes[344..348] != b"n+1\0" {
            return Err(wrong("is not a single NIfTI-1 file"));
        }
        let dim = std::array::from_fn(|n| i64::from(self.i16(40 + 2 * n)));
        let slope_inter = [self.f32(112), self.f32(116)].map(f64::from);
        let floats = |at: usize| move |n: usize| f64::from(self.f32(at + 4 * n));
        let placing = Placing {
            pixdim: std::array::from_fn(floats(76)),
            units: i32::from(self.bytes[123]),
            qform_code: i32::from(self.i16(252)),
            sform_code: i32::from(self.i16(254)),
            quatern: std::array::from_fn(floats(256)),
            qoffset: std::array::from_fn(floats(268)),
            srow: [280, 296, 312].map(|at| std::array::from_fn(floats(at))),
        };
        self.header(dim, self.i16(70), slope_inter, &placing)
    }

    fn version_2(&self) -> io::Result<Header> {
        if &self.bytes[4..8] != b"n+2\0" {
            return Err(wrong("is not a single NIfTI-2 file"));
        }
        let dim = std::array::from_fn(|n| self.i64(16 + 8 * n));
        let floats = |at: usize| move |n: usize| self.f64(at + 8 * n);
        let placing = Placing {
            pixdim: std::array::from_fn(floats(104)),
            units: self.i32(500),
            qform_code: self.i32(344),
            sform_code: self.i32(348),
            quatern: std::array::from_fn(floats(352)),
            qoffset: std::array::from_fn(floats(376)),
            srow: [400, 432, 464].map(|at| std::array::from_fn(floats(at))),
        };
        self.header(dim, self.i16(12), [self.f64(176), self.f64(184)], &placing)
    }

    fn header(
        &self,
        dim: [i64; 8],
        datatype: i16,
        slope_inter: [f64; 2],
        placing: &Placing,
    ) -> io::Result<Header> {
        let axes = dim[0].clamp(0, 7) as usize;
        let length = |axis: usize| if axis < axes { dim[axis + 1] } else { 1 };
        if (3..7).any(|axis| length(axis) != 1) || (0..3).any(|axis| length(axis) < 1) {
            return Err(wrong(format!("has the dimensions {:?}", &dim[1..=axes])));
        }
        let label_bytes = match datatype {
            2 => 1,
            512 => 2,
            other => return Err(wrong(format!("has labels of NIfTI type {other}, not uint8 or uint16"))),
        };
        let plain = slope_inter[0] == 0.0 || slope_inter[0].is_nan() || slope_inter == [1.0, 0.0];
        if !plain {
            return Err(wrong(format!("rescales its labels by {slope_inter:?}")));
        }
        let dims = [0, 1, 2].map(|axis| length(axis) as usize);
        let (placed_by, rows) = placing.rows_lps(dims, axes == 2);
        Ok(Header { dims, label_bytes, big_endian: self.big_endian, placed_by, rows })
    }
}

impl Placing {
    /// Which form counts, and its rows from RAS in the file's unit to LPS millimetres.
    fn rows_lps(&self, dims: [usize; 3], flat: bool) -> (&'static str, [[f64; 4]; 3]) {
        let (placed_by, mut rows) = match (self.sform_code > 0, self.qform_code > 0) {
            (true, _) => ("sform", self.srow),
            (false, true) => ("qform", self.by_quaternion()),
            (false, false) => ("pixdim", self.by_size_alone(dims)),
        };
        if flat && rows.iter().all(|row| row[2] == 0.0) {
            let normal = self.normal_to(&rows);
            for (row, step) in rows.iter_mut().zip(normal) {
                row[2] = step;
            }
        }
        let mm = match self.units & 7 {
            1 => 1000.0,
            3 => 0.001,
            _ => 1.0,
        };
        let [x, y, z] = rows;
        (placed_by, [x.map(|n| -n * mm), y.map(|n| -n * mm), z.map(|n| n * mm)])
    }

    fn size(&self, axis: usize) -> f64 {
        match self.pixdim[axis + 1].abs() {
            0.0 => 1.0,
            size => size,
        }
    }

    /// nifti1.h: `a = sqrt(1-b²-c²-d²)`, and the rotation as nine products.
    fn by_quaternion(&self) -> [[f64; 4]; 3] {
        let [mut b, mut c, mut d] = self.quatern;
        let vector_part = b * b + c * c + d * d;
        let a = if 1.0 - vector_part < 1e-7 {
            let length = vector_part.sqrt();
            [b, c, d] = [b / length, c / length, d / length];
            0.0
        } else {
            (1.0 - vector_part).sqrt()
        };
        let turn = [
            [1.0 - 2.0 * (c * c + d * d), 2.0 * (b * c - a * d), 2.0 * (b * d + a * c)],
            [2.0 * (b * c + a * d), 1.0 - 2.0 * (b * b + d * d), 2.0 * (c * d - a * b)],
            [2.0 * (b * d - a * c), 2.0 * (c * d + a * b), 1.0 - 2.0 * (b * b + c * c)],
        ];
        let hand = if self.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
        let steps = [self.size(0), self.size(1), hand * self.size(2)];
        std::array::from_fn(|row| {
            let [x, y, z] = turn[row];
            [x * steps[0], y * steps[1], z * steps[2], self.qoffset[row]]
        })
    }

    /// As nibabel reads a header without forms: centred, i running to the left.
    fn by_size_alone(&self, dims: [usize; 3]) -> [[f64; 4]; 3] {
        let mut rows = [[0.0; 4]; 3];
        for (axis, row) in rows.iter_mut().enumerate() {
            row[axis] = if axis == 0 { -self.size(0) } else { self.size(axis) };
            row[3] = -row[axis] * (dims[axis] as f64 - 1.0) / 2.0;
        }
        rows
    }

    /// A step at right angles to the first two axes of a single picture.
    fn normal_to(&self, rows: &[[f64; 4]; 3]) -> [f64; 3] {
        let [u, v] = [0, 1].map(|axis| [rows[0][axis], rows[1][axis], rows[2][axis]]);
        let cross = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
        let length = cross.iter().map(|n| n * n).sum::<f64>().sqrt();
        cross.map(|n| n / length * self.size(2))
    }
}
