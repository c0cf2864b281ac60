//! The headers of NIfTI-1, NIfTI-2 and ANALYZE 7.5, checked field by field.
//!
//! Offsets and meanings are those of `nifti1.h` and `nifti2.h` of the NIfTI data format working
//! group and, for ANALYZE, of `dbh.h`.

use ::nifti::{Intent, NiftiType};

use super::geometry::NiftiGeometry;
use crate::format::doubt::Fault;
use crate::format::{Doubt, DoubtCode, RefusalCode, legible};
use crate::volume::{Rescale, SampleType};

/// Bytes of a NIfTI-1 or ANALYZE header.
pub(super) const LENGTH_1: usize = 348;
/// Bytes of a NIfTI-2 header.
pub(super) const LENGTH_2: usize = 540;
/// Bytes after the header that tell whether extensions follow.
const EXTENDER: usize = 4;

/// Which header it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// ANALYZE 7.5: NIfTI-1's ancestor, without placement.
    Analyze,
    /// NIfTI-1.
    One,
    /// NIfTI-2.
    Two,
}

/// A header all of whose fields that matter make sense.
#[derive(Clone, Debug)]
pub(super) struct Header {
    /// Whether the samples lie in a file of their own.
    pub(super) paired: bool,
    /// Whether samples have the other byte order than this machine.
    pub(super) swapped: bool,
    /// Where the samples begin in their file, in bytes.
    pub(super) first_byte: u64,
    /// Voxels along i, j, k.
    pub(super) dims: [usize; 3],
    /// Frames along all further axes together.
    pub(super) times: usize,
    /// Type of the samples.
    pub(super) sample_type: SampleType,
    /// Their meaning.
    pub(super) rescale: Rescale,
    /// Fields that place the grid.
    pub(super) geometry: NiftiGeometry,
    /// `descrip`, printable characters only.
    pub(super) description: String,
    /// What is odd about the fields above.
    pub(super) doubts: Vec<Doubt>,
}

/// How long the header is that the first four bytes declare.
pub(super) fn declared_length(bytes: &[u8]) -> Option<usize> {
    let size: [u8; 4] = *bytes.first_chunk()?;
    let is = |length: usize| [u32::from_le_bytes(size), u32::from_be_bytes(size)].contains(&(length as u32));
    [LENGTH_1, LENGTH_2].into_iter().find(|length| is(*length))
}

/// Which header the bytes begin with, and whether its numbers are big-endian. ANALYZE has no magic
/// word; it is only believed where a file of samples may lie beside it.
pub(super) fn recognise(bytes: &[u8], may_be_analyze: bool) -> Option<(Version, bool)> {
    let length = declared_length(bytes)?;
    let big_endian = bytes[..4] == (length as u32).to_be_bytes();
    let bytes = bytes.get(..length)?;
    let version = match (length, &bytes[344..348], &bytes[4..12]) {
        (LENGTH_1, b"n+1\0" | b"ni1\0", _) => Version::One,
        (LENGTH_2, _, b"n+2\0\r\n\x1a\n" | b"ni2\0\r\n\x1a\n") => Version::Two,
        (LENGTH_1, ..) if may_be_analyze => Version::Analyze,
        _ => return None,
    };
    let axes = Fields { bytes, big_endian }.i16(40);
    let plausible = version != Version::Analyze || (1..=7).contains(&axes);
    plausible.then_some((version, big_endian))
}

/// Big- or little-endian numbers at byte offsets.
struct Fields<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

macro_rules! numbers {
    ($($name:ident)*) => {
        $(fn $name(&self, at: usize) -> $name {
            let bytes = *self.bytes[at..].first_chunk().expect("offsets lie in the header");
            if self.big_endian { $name::from_be_bytes(bytes) } else { $name::from_le_bytes(bytes) }
        })*
    };
}

impl Fields<'_> {
    numbers! { i16 i32 i64 f32 f64 }

    fn f32s<const N: usize>(&self, at: usize) -> [f64; N] {
        std::array::from_fn(|n| f64::from(self.f32(at + 4 * n)))
    }

    fn f64s<const N: usize>(&self, at: usize) -> [f64; N] {
        std::array::from_fn(|n| self.f64(at + 8 * n))
    }

    fn text(&self, at: usize, length: usize) -> String {
        let bytes = self.bytes[at..at + length].split(|byte| *byte == 0).next().unwrap_or_default();
        let text = String::from_utf8_lossy(bytes);
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        legible(text.trim()).into_owned()
    }
}

/// The fields as they stand, of whichever version.
struct Raw {
    dim: [i64; 8],
    datatype: i16,
    bitpix: i16,
    vox_offset: f64,
    slope: f64,
    intercept: f64,
    paired: bool,
    geometry: NiftiGeometry,
    description: String,
}

impl Raw {
    fn of_version_1(fields: &Fields<'_>) -> Self {
        Self {
            dim: std::array::from_fn(|n| i64::from(fields.i16(40 + 2 * n))),
            datatype: fields.i16(70),
            bitpix: fields.i16(72),
            vox_offset: fields.f32(108).into(),
            slope: fields.f32(112).into(),
            intercept: fields.f32(116).into(),
            paired: fields.bytes[344..348] != *b"n+1\0",
            geometry: NiftiGeometry {
                spatial_axes: 3,
                pixdim: fields.f32s(76),
                xyzt_units: fields.bytes[123].into(),
                qform_code: fields.i16(252).into(),
                sform_code: fields.i16(254).into(),
                quatern: fields.f32s(256),
                qoffset: fields.f32s(268),
                srow: std::array::from_fn(|row| fields.f32s(280 + 16 * row)),
            },
            description: fields.text(148, 80),
        }
    }

    fn of_version_2(fields: &Fields<'_>) -> Self {
        Self {
            dim: std::array::from_fn(|n| fields.i64(16 + 8 * n)),
            datatype: fields.i16(12),
            bitpix: fields.i16(14),
            vox_offset: fields.i64(168) as f64,
            slope: fields.f64(176),
            intercept: fields.f64(184),
            paired: fields.bytes[4..8] != *b"n+2\0",
            geometry: NiftiGeometry {
                spatial_axes: 3,
                pixdim: fields.f64s(104),
                xyzt_units: fields.i32(500),
                qform_code: fields.i32(344),
                sform_code: fields.i32(348),
                quatern: fields.f64s(352),
                qoffset: fields.f64s(376),
                srow: std::array::from_fn(|row| fields.f64s(400 + 32 * row)),
            },
            description: fields.text(240, 80),
        }
    }

    /// ANALYZE has the sizes of NIfTI-1 in the same places, and other things where NIfTI-1 has the
    /// rest; SPM wrote a scale factor where NIfTI-1 has its slope.
    fn of_analyze(fields: &Fields<'_>) -> Self {
        let raw = Self::of_version_1(fields);
        let geometry = NiftiGeometry {
            xyzt_units: 0,
            qform_code: 0,
            sform_code: 0,
            quatern: [0.0; 3],
            qoffset: [0.0; 3],
            srow: [[0.0; 4]; 3],
            ..raw.geometry
        };
        Self { intercept: 0.0, paired: true, geometry, ..raw }
    }
}

impl Header {
    /// Reads and checks a header. `bytes` hold at least what [`recognise`] saw.
    pub(super) fn parse(bytes: &[u8], may_be_analyze: bool) -> Result<Self, Fault> {
        let (version, big_endian) = recognise(bytes, may_be_analyze)
            .ok_or_else(|| Fault::new(RefusalCode::NotAnImage, "does not begin with a NIfTI header"))?;
        let fields = Fields { bytes, big_endian };
        let mut raw = match version {
            Version::Analyze => Raw::of_analyze(&fields),
            Version::One => Raw::of_version_1(&fields),
            Version::Two => Raw::of_version_2(&fields),
        };
        let mut doubts = Vec::new();
        let (dims, times) = shape(&mut raw, &mut doubts)?;
        let sample_type = sample_type(raw.datatype)?;
        if usize::try_from(raw.bitpix) != Ok(8 * sample_type.bytes()) {
            let text = format!(
                "bitpix is {} where {} samples have {} bits; not needed and ignored",
                raw.bitpix,
                sample_type.name(),
                8 * sample_type.bytes()
            );
            doubts.push(Doubt::new(DoubtCode::OddHeader, text));
        }
        let rescale = if sample_type.components() > 1 { Rescale::NONE } else { rescale(&raw, &mut doubts) };
        let first_byte = first_byte(&raw, version, &mut doubts)?;
        Ok(Self {
            paired: raw.paired,
            swapped: big_endian != cfg!(target_endian = "big"),
            first_byte,
            dims,
            times,
            sample_type,
            rescale,
            geometry: raw.geometry,
            description: raw.description,
            doubts,
        })
    }

    /// How many samples the file holds.
    pub(super) fn sample_count(&self) -> usize {
        self.dims.iter().product::<usize>() * self.times
    }

    /// How many bytes the samples take.
    pub(super) fn sample_bytes(&self) -> u64 {
        (self.sample_count() * self.sample_type.bytes()) as u64
    }
}

/// Three axes in space and one of frames, out of up to seven.
fn shape(raw: &mut Raw, doubts: &mut Vec<Doubt>) -> Result<([usize; 3], usize), Fault> {
    let inconsistent = |text: String| Err(Fault::new(RefusalCode::Inconsistent, text));
    let axes = match raw.dim[0] {
        axes @ 1..=7 => axes as usize,
        axes => return inconsistent(format!("the header claims {axes} axes; there can be 1 to 7")),
    };
    let mut size = [1usize; 7];
    for (axis, &length) in raw.dim[1..=axes].iter().enumerate() {
        size[axis] = match length {
            0 if axis >= 3 => {
                let text = format!("axis {} has length 0; read as 1", axis + 1);
                doubts.push(Doubt::new(DoubtCode::OddHeader, text));
                1
            }
            1.. => length as usize,
            _ => return inconsistent(format!("axis {} has length {length}", axis + 1)),
        };
    }
    let bytes = size.iter().try_fold(16usize, |product, n| product.checked_mul(*n));
    if bytes.is_none_or(|bytes| bytes > isize::MAX as usize) {
        return inconsistent(format!("dimensions {:?} are more than can be addressed", &size[..axes]));
    }
    let [i, j, k, frames, components, sixth, seventh] = size;
    if axes == 1 || sixth * seventh > 1 {
        let text = format!(
            "dimensions {:?} are not those of a picture or volume; save two to four axes, and one of components at most",
            &size[..axes]
        );
        return Err(Fault::new(RefusalCode::UnsupportedShape, text));
    }
    if components > 1 {
        let text =
            format!("every voxel has {components} components (5th axis); they are shown as points in time");
        doubts.push(Doubt::new(DoubtCode::FoldedAxes, text));
    }
    raw.geometry.spatial_axes = if axes == 2 { 2 } else { 3 };
    Ok(([i, j, k], frames * components))
}

/// The types that are opened and written.
const DATATYPES: [(NiftiType, SampleType); 12] = [
    (NiftiType::Uint8, SampleType::U8),
    (NiftiType::Int16, SampleType::I16),
    (NiftiType::Int32, SampleType::I32),
    (NiftiType::Float32, SampleType::F32),
    (NiftiType::Float64, SampleType::F64),
    (NiftiType::Rgb24, SampleType::Rgb8),
    (NiftiType::Int8, SampleType::I8),
    (NiftiType::Uint16, SampleType::U16),
    (NiftiType::Uint32, SampleType::U32),
    (NiftiType::Int64, SampleType::I64),
    (NiftiType::Uint64, SampleType::U64),
    (NiftiType::Rgba32, SampleType::Rgba8),
];

/// The types that are refused, and what each is called.
const REFUSED_DATATYPES: [(i16, &str); 5] = [
    // ANALYZE's `DT_BINARY`, which NIfTI has no name for.
    (1, "1-bit"),
    (NiftiType::Complex64 as i16, "complex64"),
    (NiftiType::Float128 as i16, "float128"),
    (NiftiType::Complex128 as i16, "complex128"),
    (NiftiType::Complex256 as i16, "complex256"),
];

fn sample_type(datatype: i16) -> Result<SampleType, Fault> {
    if let Some((_, sample_type)) = DATATYPES.iter().find(|(kind, _)| *kind as i16 == datatype) {
        return Ok(*sample_type);
    }
    let Some((_, name)) = REFUSED_DATATYPES.iter().find(|(code, _)| *code == datatype) else {
        return Err(Fault::new(RefusalCode::Inconsistent, format!("datatype {datatype} is not defined")));
    };
    let text = format!("holds {name} samples (datatype {datatype}); convert to integers, float32 or float64");
    Err(Fault::new(RefusalCode::UnsupportedType, text))
}

/// A slope of 0 or one that is not a number means none (nifti1.h, "DATA SCALING").
fn rescale(raw: &Raw, doubts: &mut Vec<Doubt>) -> Rescale {
    if raw.slope.is_infinite() {
        let text = format!("scl_slope is {}; values are the stored ones", raw.slope);
        doubts.push(Doubt::new(DoubtCode::OddHeader, text));
    }
    if raw.slope == 0.0 || !raw.slope.is_finite() {
        return Rescale::NONE;
    }
    if !raw.intercept.is_finite() {
        let text = format!("scl_inter is {}; read as 0", raw.intercept);
        doubts.push(Doubt::new(DoubtCode::OddHeader, text));
        return Rescale { slope: raw.slope, intercept: 0.0 };
    }
    Rescale { slope: raw.slope, intercept: raw.intercept }
}

fn first_byte(raw: &Raw, version: Version, doubts: &mut Vec<Doubt>) -> Result<u64, Fault> {
    let length = if version == Version::Two { LENGTH_2 } else { LENGTH_1 };
    let earliest = if raw.paired { 0 } else { length };
    let offset = raw.vox_offset;
    if offset == 0.0 && !raw.paired {
        let text = format!("vox_offset is 0; samples are read from byte {}", length + EXTENDER);
        doubts.push(Doubt::new(DoubtCode::OddHeader, text));
        return Ok((length + EXTENDER) as u64);
    }
    // Beyond 2⁵³ an f64 no longer tells bytes apart, and no file is that long.
    if offset.fract() != 0.0 || !(earliest as f64..=9.0e15).contains(&offset) {
        let text = format!("vox_offset is {offset}, where samples cannot begin");
        return Err(Fault::new(RefusalCode::Inconsistent, text));
    }
    Ok(offset as u64)
}

/// What a header to be written says.
pub(super) struct Outline<'a> {
    /// Lengths of the axes, i first, two to four of them.
    pub(super) dims: &'a [usize],
    /// Type of the samples.
    pub(super) sample_type: SampleType,
    /// Their meaning.
    pub(super) rescale: Rescale,
    /// What the samples are for.
    pub(super) intent: Intent,
    /// Placement, carried verbatim.
    pub(super) geometry: &'a NiftiGeometry,
}

/// `descrip` of every file written.
const DESCRIPTION: &[u8] = b"Annotomy";

impl Outline<'_> {
    /// The header and its empty extender, little-endian; NIfTI-1 wherever it can hold every field
    /// exactly, since more programs read it. The samples follow at once.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let short_axes = self.dims.iter().all(|n| i16::try_from(*n).is_ok());
        if short_axes && self.geometry.fits_version_1() { self.to_version_1() } else { self.to_version_2() }
    }

    fn dim(&self) -> [i64; 8] {
        let mut dim = [1; 8];
        dim[0] = self.dims.len() as i64;
        for (field, n) in dim[1..].iter_mut().zip(self.dims) {
            *field = *n as i64;
        }
        dim
    }

    fn datatype(&self) -> i16 {
        let of_type = DATATYPES.iter().find(|(_, sample_type)| *sample_type == self.sample_type);
        of_type.expect("every sample type has its code").0 as i16
    }

    fn to_version_1(&self) -> Vec<u8> {
        let mut header = Draft(vec![0; LENGTH_1 + EXTENDER]);
        let geometry = self.geometry;
        header.put(0, (LENGTH_1 as i32).to_le_bytes());
        header.put_each(40, self.dim().map(|n| (n as i16).to_le_bytes()));
        header.put(68, (self.intent as i16).to_le_bytes());
        header.put(70, self.datatype().to_le_bytes());
        header.put(72, (8 * self.sample_type.bytes() as i16).to_le_bytes());
        header.put_each(76, geometry.pixdim.map(f32_bytes));
        header.put(108, ((LENGTH_1 + EXTENDER) as f32).to_le_bytes());
        header.put_each(112, [self.rescale.slope, self.rescale.intercept].map(f32_bytes));
        header.put(123, [geometry.xyzt_units as u8]);
        header.0[148..148 + DESCRIPTION.len()].copy_from_slice(DESCRIPTION);
        header.put_each(252, [geometry.qform_code, geometry.sform_code].map(|n| (n as i16).to_le_bytes()));
        header.put_each(256, geometry.quatern.map(f32_bytes));
        header.put_each(268, geometry.qoffset.map(f32_bytes));
        header.put_each(280, geometry.srow.as_flattened().iter().map(|x| f32_bytes(*x)));
        header.put(344, *b"n+1\0");
        header.0
    }

    fn to_version_2(&self) -> Vec<u8> {
        let mut header = Draft(vec![0; LENGTH_2 + EXTENDER]);
        let geometry = self.geometry;
        header.put(0, (LENGTH_2 as i32).to_le_bytes());
        header.put(4, *b"n+2\0\r\n\x1a\n");
        header.put(12, self.datatype().to_le_bytes());
        header.put(14, (8 * self.sample_type.bytes() as i16).to_le_bytes());
        header.put_each(16, self.dim().map(i64::to_le_bytes));
        header.put_each(104, geometry.pixdim.map(f64::to_le_bytes));
        header.put(168, ((LENGTH_2 + EXTENDER) as i64).to_le_bytes());
        header.put_each(176, [self.rescale.slope, self.rescale.intercept].map(f64::to_le_bytes));
        header.0[240..240 + DESCRIPTION.len()].copy_from_slice(DESCRIPTION);
        header.put_each(344, [geometry.qform_code, geometry.sform_code].map(i32::to_le_bytes));
        header.put_each(352, geometry.quatern.map(f64::to_le_bytes));
        header.put_each(376, geometry.qoffset.map(f64::to_le_bytes));
        header.put_each(400, geometry.srow.as_flattened().iter().map(|x| x.to_le_bytes()));
        header.put(500, geometry.xyzt_units.to_le_bytes());
        header.put(504, (self.intent as i32).to_le_bytes());
        header.0
    }
}

fn f32_bytes(x: f64) -> [u8; 4] {
    (x as f32).to_le_bytes()
}

struct Draft(Vec<u8>);

impl Draft {
    fn put<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        self.0[at..at + N].copy_from_slice(&bytes);
    }

    fn put_each<const N: usize>(&mut self, at: usize, items: impl IntoIterator<Item = [u8; N]>) {
        for (n, bytes) in items.into_iter().enumerate() {
            self.put(at + n * N, bytes);
        }
    }
}
