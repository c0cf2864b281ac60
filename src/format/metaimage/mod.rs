//! MetaImage: `.mha`, and `.mhd` with its data files (itk.org/Wiki/ITK/MetaIO/Documentation), read as ITK
//! reads it: its world is LPS millimetres, whatever `AnatomicalOrientation` says.
//!
//! From the ground up: `header` the fields as they stand; `source` what they come to.

mod header;
mod source;

use std::path::{Path, PathBuf};

use super::{Doubt, Refusal, Series, SeriesSource, Watch};
use crate::volume::Volume;

/// Whether a file begins as MetaImage does, or is named `.mha` or `.mhd`, so that a broken one is
/// refused by name.
pub fn is_metaimage(path: &Path) -> bool {
    let by_name = || {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        matches!(ending.as_str(), "mha" | "mhd")
    };
    path.is_file() && (by_name() || header::is_metaimage(path))
}

/// The series a file holds, from its header.
pub fn series(path: &Path) -> Result<Series, Refusal> {
    let described = source::of(path)?;
    described.refuse_short()?;
    Ok(Series {
        facts: described.facts(),
        id: super::nifti::stem(path),
        modality: None,
        description: described.description,
        source: SeriesSource::MetaImage(path.to_owned()),
    })
}

/// Every file that holds something of it, the header first.
pub fn files(path: &Path) -> Vec<PathBuf> {
    source::of(path).map_or_else(|_| vec![path.to_owned()], |described| described.files())
}

/// Reads one slice: the middle one at the first time, where it can be reached alone.
pub fn middle_slice(path: &Path, watch: &dyn Watch) -> Result<Volume, Refusal> {
    source::of(path)?.middle_slice(watch)
}

/// Reads header and voxels.
pub fn read(path: &Path, watch: &dyn Watch) -> Result<(Volume, Vec<Doubt>), Refusal> {
    source::of(path)?.read(watch)
}
