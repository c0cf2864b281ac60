//! Masks that come from elsewhere: laid on the study's grid, or refused with both grids side by side.

use std::path::{Path, PathBuf};

use super::Session;
use crate::annotation::{Label, LabelScheme};
use crate::case::{Case, Edit};
use crate::format::{Refusal, Segmentation, Watch, read_segmentation};
use crate::geometry::{AxisMap, Grid};
use crate::store::{self, MarksError};
use crate::volume::LabelMap;

/// Label maps on a study's own grid, ready to be taken in.
#[derive(Clone, Debug)]
pub struct Import {
    layers: Vec<LabelMap>,
    names: LabelScheme,
    /// The file's name, and what was done to its labels.
    pub origin: String,
}

/// What may be done to a mask that lies on another grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherGrids {
    /// Nothing: it is refused.
    Refused,
    /// Each voxel of the study takes the label of the mask's nearest voxel.
    Resampled,
}

/// Why a mask was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The mask cannot be read.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The file of names cannot be read.
    #[error(transparent)]
    Names(#[from] MarksError),
    /// The mask lies on another grid.
    #[error(transparent)]
    OtherGrid(Box<GridMismatch>),
}

/// Two grids of which one is not the other in another order.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: does not lie on the study's grid: {}; resample it to take the nearest voxels", mask.display(), self.difference())]
pub struct GridMismatch {
    /// The mask's file.
    pub mask: PathBuf,
    mask_grid: Grid,
    study_grid: Grid,
}

impl GridMismatch {
    /// Of a mask that lies on `mask_grid` where `study_grid` was wanted.
    pub fn new(mask: PathBuf, mask_grid: Grid, study_grid: Grid) -> Self {
        Self { mask, mask_grid, study_grid }
    }

    /// What is compared, the mask's, the study's: voxels, spacing, first voxel, directions.
    pub fn rows(&self) -> Vec<[String; 3]> {
        let numbers = |numbers: [f64; 3], digits: usize| numbers.map(|x| format!("{:.digits$}", x + 0.0));
        let both = |name: &str, tell: &dyn Fn(&Grid) -> String| {
            [name.to_owned(), tell(&self.mask_grid), tell(&self.study_grid)]
        };
        let direction = |grid: &Grid, axis: usize| {
            let along = grid.patient_from_voxel().axis(axis);
            let unit = along.normalized().unwrap_or(along).to_array();
            format!("{} ({})", grid.axis_directions()[axis].letter(), numbers(unit, 3).join(", "))
        };
        let mut rows = vec![
            both("voxels", &|grid| grid.dims().map(|n| n.to_string()).join(" × ")),
            both("spacing, mm", &|grid| numbers(grid.spacing_mm(), 4).join(" × ")),
            both("first voxel, LPS mm", &|grid| {
                numbers(grid.patient_from_voxel().origin().to_array(), 3).join(", ")
            }),
        ];
        for (axis, name) in ["i runs to", "j runs to", "k runs to"].into_iter().enumerate() {
            rows.push(both(name, &|grid| direction(grid, axis)));
        }
        let frames = (self.mask_grid.frame_of_reference(), self.study_grid.frame_of_reference());
        if let (Some(mask), Some(study)) = frames {
            rows.push(["frame of reference".to_owned(), mask.to_owned(), study.to_owned()]);
        }
        rows
    }

    /// What differs, in one line: "voxels 8 × 7 × 6 against 7 × 6 × 5".
    pub fn difference(&self) -> String {
        let differing = self.rows().into_iter().filter(|[_, mask, study]| mask != study);
        let told: Vec<String> =
            differing.map(|[name, mask, study]| format!("{name} {mask} against {study}")).collect();
        if told.is_empty() { "its corners lie elsewhere".to_owned() } else { told.join("; ") }
    }
}

impl Import {
    /// Reads a mask of any format and lays it on `study`: as it is, with its axes in another order where
    /// its voxels are the study's, or else as `other_grids` says. Names come from `names` (an ITK-SNAP
    /// label file or a BIDS table), the mask's own header, or the table beside it.
    pub fn read(
        mask: &Path,
        names: Option<&Path>,
        study: &Grid,
        other_grids: OtherGrids,
        watch: &dyn Watch,
    ) -> Result<Self, ImportError> {
        let read = read_segmentation(mask, watch)?;
        let names = match names {
            Some(path) => store::read_scheme(path)?,
            None if read.scheme.is_empty() => store::scheme_beside(mask)?,
            None => read.scheme.clone(),
        };
        let file = mask.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Segmentation { layers, grid, .. } = read;
        let (layers, origin) = match (AxisMap::between(study, &grid), other_grids) {
            (Some(map), _) if map.is_identity() => (layers, file),
            (Some(map), _) => {
                let reordered = layers.iter().map(|layer| layer.reordered(&map, study.dims())).collect();
                (reordered, format!("{file}, {map}"))
            }
            (None, OtherGrids::Resampled) => {
                let resampled = layers.iter().map(|layer| layer.resampled(&grid, study)).collect();
                (resampled, format!("{file}, resampled by the nearest voxel"))
            }
            (None, OtherGrids::Refused) => {
                let mismatch = GridMismatch::new(mask.to_owned(), grid, study.clone());
                return Err(ImportError::OtherGrid(Box::new(mismatch)));
            }
        };
        Ok(Self { layers, names, origin })
    }
}

impl Session {
    /// Gives labels the names and colours of `names`, as one step.
    pub fn name_labels(&mut self, names: &LabelScheme, origin: &str) -> Result<(), String> {
        let named = |case: &Case| {
            let edits = names.iter().map(|(index, label)| {
                let locked = case.scheme().is_locked(index);
                Edit::set_label(case, index, Some(Label { locked, ..label.clone() }))
            });
            edits.flatten().collect()
        };
        self.apply_step(&format!("Names from {origin}"), named).map_err(|error| error.to_string())
    }

    /// Takes in a mask from elsewhere as one step: each of its layers becomes a layer of its own, or the
    /// first one while nothing is drawn. The last one of them is drawn on.
    pub fn import(&mut self, import: Import) -> Result<(), String> {
        let Import { layers, names, origin } = import;
        let edits = Edit::import(&self.case, layers, &names, &origin).map_err(|error| error.to_string())?;
        self.apply_step(&format!("Import {origin}"), |_| edits).map_err(|error| error.to_string())?;
        self.layer = self.case.layers().len() - 1;
        self.notice = Some(format!("Imported {origin}"));
        Ok(())
    }
}
