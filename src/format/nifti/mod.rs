//! NIfTI-1, NIfTI-2 and ANALYZE 7.5, single file and pair, plain and gzip.
//!
//! Always true: RAS becomes LPS in `geometry.rs` and nowhere else; the header's own geometry fields
//! travel beside the volume in [`NiftiGeometry`], so that a mask carries them verbatim; no memory is
//! taken before the file has proven that it holds what its header claims.

mod files;
mod geometry;
mod header;
mod label_table;
mod labels;
mod read;
mod source;
mod write;

use std::path::{Path, PathBuf};

pub use files::stem;
pub use geometry::NiftiGeometry;
pub(super) use labels::read_segmentation;
pub use labels::{ReadLabels, read_labels};
pub use write::{Compression, write_labels, write_volume};

use super::{Doubt, DoubtCode, Refusal, RefusalCode, Series, SeriesFacts, SeriesSource, Watch, legible};
use crate::volume::{TimeAxis, TimeKind, Volume};
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

/// The files of a study: a single one, or the header and the samples of a pair.
pub fn files(header: &Path) -> Vec<PathBuf> {
    let samples = files::other_half(header);
    std::iter::once(header.to_owned()).chain(samples).collect()
}

/// The series a file holds, from its header.
pub fn series(path: &Path) -> Result<Series, Refusal> {
    let path = header_path(path);
    let source = Source::open(&path)?;
    read::refuse_short_files(&source)?;
    let facts = SeriesFacts::of(&source.grid, source.header.times, source.placement, source.doubts);
    Ok(Series {
        id: legible(&stem(&path)).into_owned(),
        modality: None,
        description: source.header.description,
        source: SeriesSource::Nifti(path),
        facts,
    })
}

/// Reads the middle slice at the first time, or in a long gzip file one that comes sooner.
pub fn middle_slice(path: &Path, watch: &dyn Watch) -> Result<Volume, Refusal> {
    read::middle_slice(&Source::open(path)?, watch)
}

/// Reads header and voxels.
pub fn read(path: &Path, watch: &dyn Watch) -> Result<Read, Refusal> {
    let mut source = Source::open(path)?;
    let samples = read::samples(&mut source, watch)?;
    let Source { header, image, grid, placement, doubts } = source;
    let mut volume = Volume::new(grid, header.times, samples, header.rescale)
        .map_err(|error| Refusal::new(&image, RefusalCode::Inconsistent, error.to_string()))?;
    volume.placement = placement;
    volume.time_axis = time_axis(header.times, &header.geometry, &doubts);
    Ok(Read { volume, doubts, geometry: header.geometry })
}

/// What the fourth axis is: time in even steps, unless several axes were folded into it.
fn time_axis(times: usize, geometry: &NiftiGeometry, doubts: &[Doubt]) -> Option<TimeAxis> {
    if times < 2 {
        return None;
    }
    if doubts.iter().any(|doubt| doubt.code == DoubtCode::FoldedAxes) {
        return Some(TimeAxis { kind: TimeKind::Frames, values: Vec::new() });
    }
    // Units of time in bits 3 to 5 of xyzt_units: s, ms, µs.
    let seconds = match geometry.xyzt_units >> 3 & 7 {
        1 => Some(1.0),
        2 => Some(1e-3),
        3 => Some(1e-6),
        _ => None,
    };
    let step =
        seconds.map(|seconds| geometry.pixdim[4] * seconds).filter(|step| step.is_finite() && *step > 0.0);
    let values = step.map(|step| (0..times).map(|time| time as f64 * step).collect());
    Some(TimeAxis { kind: TimeKind::Time, values: values.unwrap_or_default() })
}
