//! The study under annotation and the edits that change it.
//!
//! Always true: every change of a [`Case`] is an [`Edit`] that knows its inverse; labels are written
//! only through [`MaskWriter`], which never touches a locked label; a [`History`] step holds what it
//! replaced, so undo restores exactly.
//!
//! Must never know: disk, clock, windows.

mod edit;
mod history;
mod import;
mod interpolated;
mod mask_writer;
mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use edit::{BrickChange, BrickState, Edit, EditError, LayerOrigin, MadeFrom};
pub use history::{Attic, History, HistoryEvent, Step};
pub use interpolated::SliceSeries;
pub use mask_writer::{MaskWriter, PaintOver, WriteRule};
pub use rows::BrickRows;

use crate::annotation::{Annotation, AnnotationId, Classification, LabelScheme, Subject};
use crate::volume::{LabelMap, Volume};

/// A volume, its label maps and its annotations.
///
/// Cloning shares everything large, so a clone is a snapshot that later edits leave alone.
#[derive(Clone, Debug)]
pub struct Case {
    volume: Arc<Volume>,
    layers: Vec<LabelMap>,
    origins: Vec<LayerOrigin>,
    /// Whether each layer is shown.
    shown: Vec<bool>,
    /// The slices that were filled in between painted ones.
    interpolated: BTreeMap<SliceSeries, Vec<usize>>,
    /// Empty maps of layers that were taken away: should one come back, its revisions go on.
    retired: Vec<LabelMap>,
    scheme: LabelScheme,
    annotations: Vec<Annotation>,
    classifications: BTreeMap<Subject, Classification>,
}

/// Why parts do not make a [`Case`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    /// A label map over other dimensions than the volume's.
    #[error("a label map of {found:?} voxels does not fit a volume of {expected:?}")]
    OtherDims {
        /// Dimensions of the label map.
        found: [usize; 3],
        /// Dimensions of the volume.
        expected: [usize; 3],
    },
}

impl Case {
    /// A case without marks: one empty layer.
    pub fn new(volume: Arc<Volume>) -> Self {
        let layers = vec![LabelMap::new(volume.grid().dims())];
        Self {
            volume,
            layers,
            origins: vec![LayerOrigin::default()],
            shown: vec![true],
            interpolated: BTreeMap::new(),
            retired: Vec::new(),
            scheme: LabelScheme::default(),
            annotations: Vec::new(),
            classifications: BTreeMap::new(),
        }
    }

    /// A case as it was saved. Without layers it gets an empty one.
    pub fn with_marks(
        volume: Arc<Volume>,
        layers: Vec<LabelMap>,
        scheme: LabelScheme,
        annotations: Vec<Annotation>,
    ) -> Result<Self, CaseError> {
        let expected = volume.grid().dims();
        if let Some(wrong) = layers.iter().find(|layer| layer.dims() != expected) {
            return Err(CaseError::OtherDims { found: wrong.dims(), expected });
        }
        let mut case = Self { scheme, annotations, ..Self::new(volume) };
        if !layers.is_empty() {
            case.origins = vec![LayerOrigin::default(); layers.len()];
            case.shown = vec![true; layers.len()];
            case.layers = layers;
        }
        Ok(case)
    }

    /// The same case with what is known of where its layers came from; layers beyond the list were
    /// drawn here.
    pub fn with_origins(mut self, origins: Vec<LayerOrigin>) -> Self {
        for (origin, known) in self.origins.iter_mut().zip(origins) {
            *origin = known;
        }
        self
    }

    /// The same case with some of its layers hidden; layers beyond the list are shown.
    pub fn with_layers_shown(mut self, shown: &[bool]) -> Self {
        for (ours, known) in self.shown.iter_mut().zip(shown) {
            *ours = *known;
        }
        self
    }

    /// The same case with what was said of it, its series and its slices.
    pub fn with_classifications(mut self, classifications: BTreeMap<Subject, Classification>) -> Self {
        self.classifications = classifications;
        self
    }

    /// The voxels.
    pub fn volume(&self) -> &Arc<Volume> {
        &self.volume
    }

    /// The label maps on the volume's grid, the first one drawn first. At least one.
    pub fn layers(&self) -> &[LabelMap] {
        &self.layers
    }

    /// Where each layer came from.
    pub fn layer_origins(&self) -> &[LayerOrigin] {
        &self.origins
    }

    /// Whether a layer is shown.
    pub fn is_layer_shown(&self, layer: usize) -> bool {
        self.shown.get(layer).is_some_and(|shown| *shown)
    }

    /// The layers that are shown, the first one drawn first.
    pub fn shown_layers(&self) -> impl DoubleEndedIterator<Item = &LabelMap> {
        self.layers.iter().zip(&self.shown).filter(|(_, shown)| **shown).map(|(layer, _)| layer)
    }

    /// The labels.
    pub fn scheme(&self) -> &LabelScheme {
        &self.scheme
    }

    /// Boxes, landmarks and measurements in the order they were made.
    pub fn annotations(&self) -> &[Annotation] {
        &self.annotations
    }

    /// One annotation.
    pub fn annotation(&self, id: AnnotationId) -> Option<&Annotation> {
        self.annotations.iter().find(|annotation| annotation.id == id)
    }

    /// What is said of the case, its series and its slices.
    pub fn classifications(&self) -> &BTreeMap<Subject, Classification> {
        &self.classifications
    }
}
