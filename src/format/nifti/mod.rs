//! NIfTI-1, NIfTI-2 and ANALYZE 7.5, single file and pair, plain and gzip.
//!
//! Always true: RAS becomes LPS in `geometry.rs` and nowhere else; the header's own geometry fields
//! travel beside the volume in [`NiftiGeometry`], so that a mask carries them verbatim; no memory is
//! taken before the file has proven that it holds what its header claims.

mod files;
mod geometry;
mod header;
mod labels;
mod read;
mod source;
mod write;

use std::path::{Path, PathBuf};

pub use files::stem;
pub use geometry::NiftiGeometry;
pub use labels::{ReadLabels, read_labels};
pub use write::{Compression, write_labels, write_volume};

use super::{Doubt, Refusal, RefusalCode, Series, SeriesSource, Watch, legible};
use crate::volume::Volume;
use source::Source;

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

/// Whether a file begins with a header that is opened here, gzipped or not, or is named `.nii` or
/// `.nii.gz`, so that a broken one is refused by name.
pub fn is_nifti(path: &Path) -> bool {
    source::is_nifti(path)
}

/// The header of a pair where `path` names its samples; any other path as it is.
pub fn header_path(path: &Path) -> PathBuf {
    source::header_path(path)
}

/// The series a file holds, from its header.
pub fn series(path: &Path) -> Result<Series, Refusal> {
    let path = header_path(path);
    let source = Source::open(&path)?;
    Ok(Series {
        id: legible(&stem(&path)).into_owned(),
        modality: None,
        description: source.header.description,
        source: SeriesSource::Nifti(path),
    })
}

/// Reads header and voxels.
pub fn read(path: &Path, watch: &dyn Watch) -> Result<Read, Refusal> {
    let mut source = Source::open(path)?;
    let samples = read::samples(&mut source, watch)?;
    let Source { header, image, grid, placement, doubts } = source;
    let mut volume = Volume::new(grid, header.times, samples, header.rescale)
        .map_err(|error| Refusal::new(&image, RefusalCode::Inconsistent, error.to_string()))?;
    volume.placement = placement;
    Ok(Read { volume, doubts, geometry: header.geometry })
}
