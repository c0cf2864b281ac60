//! Label maps read from NIfTI files, with the names that some programs put into the header.

use std::path::Path;

use super::geometry::NiftiGeometry;
use super::label_table;
use crate::format::labels::{Segmentation, layers_of};
use crate::format::{Doubt, Refusal, Watch};
use crate::geometry::Grid;
use crate::volume::LabelMap;

/// What a label file holds.
#[derive(Debug)]
pub struct ReadLabels {
    /// The labels.
    pub labels: LabelMap,
    /// Where they lie.
    pub grid: Grid,
    /// The header's geometry fields.
    pub geometry: NiftiGeometry,
    /// Everything doubtful.
    pub doubts: Vec<Doubt>,
}

/// Reads a label map: every value a whole number, to 1e-3, from 0 to 65,535; anything else is
/// refused, since a label rounded to its neighbour is another structure.
pub fn read_labels(path: &Path, watch: &dyn Watch) -> Result<ReadLabels, Refusal> {
    let read = super::read(path, watch)?;
    let mut layers = layers_of(&read.volume, false).map_err(|fault| fault.of(path))?;
    Ok(ReadLabels {
        labels: layers.swap_remove(0),
        grid: read.volume.grid().clone(),
        geometry: read.geometry,
        doubts: read.doubts,
    })
}

/// Reads a label map and the names in its header.
pub(in crate::format) fn read_segmentation(path: &Path, watch: &dyn Watch) -> Result<Segmentation, Refusal> {
    let read = super::read(path, watch)?;
    let layers = layers_of(&read.volume, false).map_err(|fault| fault.of(path))?;
    let scheme = label_table::of(path)?;
    let nifti_geometry = Some(read.geometry);
    Ok(Segmentation { scheme, nifti_geometry, ..Segmentation::new(layers, &read.volume, read.doubts) })
}
