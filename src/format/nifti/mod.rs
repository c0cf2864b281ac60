//! NIfTI-1 and NIfTI-2, single file and pair, plain and gzip.

use std::path::Path;

use super::{Doubt, Refusal, RefusalCode, Series, SeriesSource, Watch};
use crate::geometry::Grid;
use crate::volume::{LabelMap, Volume};

/// The geometry fields of a NIfTI header as they stand in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct NiftiGeometry {}

impl NiftiGeometry {
    /// The fields for a grid that did not come from a NIfTI file.
    pub fn of_grid(_grid: &Grid) -> Self {
        Self {}
    }
}

/// What reading gives.
#[derive(Debug)]
pub struct Read {
    /// The voxels.
    pub volume: Volume,
    /// Everything doubtful.
    pub doubts: Vec<Doubt>,
    /// The header's geometry fields.
    pub geometry: NiftiGeometry,
}

/// Whether a file's first bytes are a NIfTI header, gzipped or not.
pub fn is_nifti(_path: &Path) -> bool {
    false
}

/// The series a file holds, from its header.
pub fn series(path: &Path) -> Result<Series, Refusal> {
    Ok(Series {
        id: String::new(),
        modality: None,
        description: String::new(),
        source: SeriesSource::Nifti(path.to_owned()),
    })
}

/// Reads header and voxels.
pub fn read(path: &Path, _watch: &dyn Watch) -> Result<Read, Refusal> {
    Err(Refusal::new(path, RefusalCode::NotAnImage, "not yet"))
}

/// Writes a label map as the smallest of u8 and u16 that fits.
pub fn write_labels(
    _file: &mut std::fs::File,
    _labels: &LabelMap,
    _geometry: &NiftiGeometry,
) -> std::io::Result<()> {
    Ok(())
}
