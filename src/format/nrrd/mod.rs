//! NRRD: `.nrrd`, and `.nhdr` with its data files (teem.sourceforge.net/nrrd/format.html).
//!
//! Always true: the file's own space becomes LPS millimetres in `axes.rs` and nowhere else.
//!
//! From the ground up: `header` the fields as they stand; `axes` which of them are space; `source` what
//! the fields come to; `segments` what 3D Slicer adds to say what labels mean.

mod axes;
mod header;
mod segments;
mod source;

use std::path::{Path, PathBuf};

use self::header::Header;
use super::labels::Segmentation;
use super::{Doubt, Refusal, Series, SeriesSource, Watch, described, labels};
use crate::volume::Volume;

/// Whether a file begins as NRRD does, or is named `.nrrd` or `.nhdr`, so that a broken one is refused
/// by name.
pub fn is_nrrd(path: &Path) -> bool {
    let by_name = || {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        matches!(ending.as_str(), "nrrd" | "nhdr")
    };
    path.is_file()
        && (by_name() || super::bulk::first_bytes::<8>(path).is_some_and(|start| header::is_nrrd(&start)))
}

/// The series a file holds, from its header.
pub fn series(path: &Path) -> Result<Series, Refusal> {
    let described = source::of(path)?.1;
    described.refuse_short()?;
    Ok(Series {
        facts: described.facts(),
        id: super::nifti::stem(path),
        modality: None,
        description: described.description,
        source: SeriesSource::Nrrd(path.to_owned()),
    })
}

/// Every file that holds something of it, the header first.
pub fn files(path: &Path) -> Vec<PathBuf> {
    source::of(path).map_or_else(|_| vec![path.to_owned()], |(_, described)| described.files())
}

/// Reads one slice: the middle one at the first time, where it can be reached alone.
pub fn middle_slice(path: &Path, watch: &dyn Watch) -> Result<Volume, Refusal> {
    source::of(path)?.1.middle_slice(watch)
}

/// Reads header and voxels.
pub fn read(path: &Path, watch: &dyn Watch) -> Result<(Volume, Vec<Doubt>), Refusal> {
    source::of(path)?.1.read(watch)
}

/// Reads a label map: one layer, or the overlapping layers of a 3D Slicer segmentation, with the names
/// and colours that it gives its segments.
pub(super) fn read_segmentation(path: &Path, watch: &dyn Watch) -> Result<Segmentation, Refusal> {
    let (header, described): (Header, described::Described) = source::of(path)?;
    let segments = segments::of(&header);
    let (volume, doubts) = described.read(watch)?;
    let overlapping = !segments.is_empty();
    let layers = labels::layers_of(&volume, overlapping).map_err(|fault| fault.of(path))?;
    let segmentation = Segmentation::new(layers, &volume, doubts);
    Ok(segments::name(segmentation, &segments))
}
