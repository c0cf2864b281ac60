//! NIfTI files made byte by byte, by other code than the program's own.

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// A header with everything as it should be, to be spoilt field by field.
#[derive(Clone)]
pub(crate) struct Fixture {
    pub(crate) version: u8,
    pub(crate) big_endian: bool,
    pub(crate) magic: Vec<u8>,
    pub(crate) dim: Vec<i64>,
    pub(crate) datatype: i16,
    pub(crate) bitpix: i16,
    pub(crate) pixdim: [f64; 4],
    pub(crate) vox_offset: f64,
    pub(crate) slope: f64,
    pub(crate) intercept: f64,
    pub(crate) units: u8,
    pub(crate) qform_code: i16,
    pub(crate) quatern: [f64; 3],
    pub(crate) sform_code: i16,
    pub(crate) srow: [[f64; 4]; 3],
    /// Everything from the header's end to the samples.
    pub(crate) between: Vec<u8>,
    /// The samples' bytes, in the file's byte order.
    pub(crate) samples: Vec<u8>,
}

impl Fixture {
    /// 4 × 3 × 2 voxels of i16 that count up from 0, sform only.
    pub(crate) fn new() -> Self {
        Self {
            version: 1,
            big_endian: false,
            magic: b"n+1\0".into(),
            dim: vec![3, 4, 3, 2],
            datatype: 4,
            bitpix: 16,
            pixdim: [1.0, 2.0, 3.0, 4.0],
            vox_offset: 352.0,
            slope: 1.0,
            intercept: 0.0,
            units: 2,
            qform_code: 0,
            quatern: [0.0; 3],
            sform_code: 1,
            srow: [[2.0, 0.0, 0.0, -10.0], [0.0, 3.0, 0.0, -20.0], [0.0, 0.0, 4.0, 30.0]],
            between: vec![0; 4],
            samples: (0..24i16).flat_map(i16::to_le_bytes).collect(),
        }
    }

    /// The same as NIfTI-2.
    pub(crate) fn version_2() -> Self {
        Self { version: 2, magic: b"n+2\0\r\n\x1a\n".into(), vox_offset: 544.0, ..Self::new() }
    }

    /// The same in big-endian, samples too.
    pub(crate) fn big_endian() -> Self {
        let samples = (0..24i16).flat_map(i16::to_be_bytes).collect();
        Self { big_endian: true, samples, ..Self::new() }
    }

    /// The same as header of a pair, samples not included.
    pub(crate) fn of_pair() -> Self {
        Self { magic: b"ni1\0".into(), vox_offset: 0.0, ..Self::new() }
    }

    pub(crate) fn header(&self) -> Vec<u8> {
        let i16s = |x: i16| if self.big_endian { x.to_be_bytes() } else { x.to_le_bytes() };
        let i32s = |x: i32| if self.big_endian { x.to_be_bytes() } else { x.to_le_bytes() };
        let i64s = |x: i64| if self.big_endian { x.to_be_bytes() } else { x.to_le_bytes() };
        let f32s = |x: f64| if self.big_endian { (x as f32).to_be_bytes() } else { (x as f32).to_le_bytes() };
        let f64s = |x: f64| if self.big_endian { x.to_be_bytes() } else { x.to_le_bytes() };
        let first = self.version == 1;
        let mut bytes = vec![0u8; if first { 348 } else { 540 }];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, &i32s(if first { 348 } else { 540 }));
        put(if first { 344 } else { 4 }, &self.magic);
        for (n, length) in self.dim.iter().enumerate() {
            if first { put(40 + 2 * n, &i16s(*length as i16)) } else { put(16 + 8 * n, &i64s(*length)) }
        }
        for (n, size) in self.pixdim.iter().enumerate() {
            if first { put(76 + 4 * n, &f32s(*size)) } else { put(104 + 8 * n, &f64s(*size)) }
        }
        put(if first { 70 } else { 12 }, &i16s(self.datatype));
        put(if first { 72 } else { 14 }, &i16s(self.bitpix));
        if first {
            put(108, &f32s(self.vox_offset));
            put(112, &f32s(self.slope));
            put(116, &f32s(self.intercept));
            put(123, &[self.units]);
            put(252, &i16s(self.qform_code));
            put(254, &i16s(self.sform_code));
        } else {
            put(168, &i64s(self.vox_offset as i64));
            put(176, &f64s(self.slope));
            put(184, &f64s(self.intercept));
            put(500, &i32s(self.units.into()));
            put(344, &i32s(self.qform_code.into()));
            put(348, &i32s(self.sform_code.into()));
        }
        for (n, x) in self.quatern.iter().enumerate() {
            if first { put(256 + 4 * n, &f32s(*x)) } else { put(352 + 8 * n, &f64s(*x)) }
        }
        for (n, x) in self.srow.as_flattened().iter().enumerate() {
            if first { put(280 + 4 * n, &f32s(*x)) } else { put(400 + 8 * n, &f64s(*x)) }
        }
        bytes
    }

    /// Header, what is between, samples.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.header(), self.between.clone(), self.samples.clone()].concat()
    }
}

/// One gzip member.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// Writes files into a folder of their own; the first one is the path given.
pub(crate) fn on_disk(files: &[(&str, Vec<u8>)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).expect("written");
    }
    let path = folder.path().join(Path::new(files[0].0));
    (folder, path)
}
