//! DICOM series.

use std::path::{Path, PathBuf};

use super::{Doubt, Refusal, RefusalCode, Scan, Watch};
use crate::volume::Volume;

/// The files of one series, grouped and sorted.
#[derive(Clone, Debug)]
pub struct DicomSeries {}

impl DicomSeries {
    /// The files, in the order of the slices.
    pub fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// Whether a file is a DICOM object, by content.
pub fn is_dicom(_path: &Path) -> bool {
    false
}

/// Reads headers and groups files into series.
pub fn scan(_files: &[PathBuf], _watch: &dyn Watch) -> Result<Scan, Refusal> {
    Ok(Scan::default())
}

/// Reads the voxels of a series.
pub fn read(_series: &DicomSeries, _watch: &dyn Watch) -> Result<(Volume, Vec<Doubt>), Refusal> {
    Err(Refusal::new(Path::new(""), RefusalCode::NotAnImage, "not yet"))
}
