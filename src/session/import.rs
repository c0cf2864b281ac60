//! Masks that come from elsewhere: laid on the study's grid, or refused with both grids side by side.
//!
//! Always true: nothing is laid where it may not lie without somebody having allowed it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Session;
use crate::annotation::{Label, LabelScheme};
use crate::case::{Case, Edit};
use crate::format::nifti::NiftiGeometry;
use crate::format::{DoubtCode, Refusal, Segmentation, Study, Watch, read_segmentation};
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

/// What a person allowed to be done with a mask that is not plainly the study's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Each voxel of the study takes the label of the nearest voxel of a mask on another grid.
    pub resampling: bool,
    /// A mask whose own place is doubtful is laid where it is read to be.
    pub doubtful_place: bool,
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
    /// It is doubtful where the mask lies.
    #[error(transparent)]
    DoubtfulPlace(Box<DoubtfulMask>),
}

/// Two grids of which one is not the other in another order.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: does not lie on the study's grid: {}; resample it to take the nearest voxels (the button, or --resample)", mask.display(), in_one_line(&self.rows()))]
pub struct GridMismatch {
    /// The mask's file.
    pub mask: PathBuf,
    /// What had been allowed.
    pub allowed: Allowed,
    mask_grid: Grid,
    study_grid: Grid,
}

impl GridMismatch {
    /// What is compared, the mask's, the study's: voxels, spacing, first voxel, directions.
    pub fn rows(&self) -> Vec<[String; 3]> {
        compared(&self.mask_grid, &self.study_grid)
    }
}

/// A mask that may lie elsewhere than it is read to lie, for a reason that the study does not share.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {doubt}; {}: {}; mend its header, or allow that it is laid over as it is read (--as-read) [{code}]",
    mask.display(), self.relation(), in_one_line(&self.rows()))]
pub struct DoubtfulMask {
    /// The mask's file.
    pub mask: PathBuf,
    /// What had been allowed.
    pub allowed: Allowed,
    /// Which doubt.
    pub code: DoubtCode,
    /// The doubt, in one plain sentence.
    pub doubt: String,
    as_read: Grid,
    /// Where another reading of its header has it, where there is one.
    otherwise: Option<Grid>,
    study_grid: Grid,
}

impl DoubtfulMask {
    /// What the two grids of [`Self::rows`] are.
    pub fn headings(&self) -> [&'static str; 2] {
        if self.otherwise.is_some() { ["by its sform", "by its qform"] } else { ["the file", "the study"] }
    }

    /// What is compared, and both geometries: the mask's two, else the mask's and the study's.
    pub fn rows(&self) -> Vec<[String; 3]> {
        compared(&self.as_read, self.otherwise.as_ref().unwrap_or(&self.study_grid))
    }

    /// Which of the mask's geometries is the study's.
    pub fn relation(&self) -> String {
        let fits = |grid: &Grid| AxisMap::between(&self.study_grid, grid).is_some();
        let Some(otherwise) = &self.otherwise else {
            let verb = if fits(&self.as_read) { "lies" } else { "does not lie" };
            return format!("as it is read it {verb} on the study's grid");
        };
        match (fits(&self.as_read), fits(otherwise)) {
            (true, true) => "either lies on the study's grid, in another order of axes".to_owned(),
            (true, false) => "the sform lies on the study's grid, the qform does not".to_owned(),
            (false, true) => {
                "the qform lies on the study's grid, the sform, which is used, does not".to_owned()
            }
            (false, false) => "neither lies on the study's grid".to_owned(),
        }
    }

    /// The doubt about `mask` that has to be asked about before it is laid over `study`. None is where the
    /// study is read with the same doubt: whichever reading is right, the mask lies on it as before.
    fn of(mask: &Path, read: &Segmentation, study: &Study, allowed: Allowed) -> Option<Self> {
        let doubt = read.doubts.iter().find(|doubt| doubt.code.is_blocking())?;
        let unused = |geometry: &Option<NiftiGeometry>, grid: &Grid| {
            geometry.as_ref()?.unused_form(grid.dims()).filter(|_| doubt.code == DoubtCode::FormsDisagree)
        };
        let study_grid = study.volume.grid();
        let otherwise = unused(&read.nifti_geometry, &read.grid);
        let of_study = unused(&study.nifti_geometry, study_grid);
        let fits_as = |of_study: &Grid, of_mask: &Grid| AxisMap::between(of_study, of_mask);
        let fits = fits_as(study_grid, &read.grid);
        let is_shared = study.doubts.iter().any(|of_study| of_study.code == doubt.code)
            && match (&of_study, &otherwise) {
                (Some(study), Some(mask)) => fits.is_some() && fits == fits_as(study, mask),
                (None, None) => fits.is_some(),
                _ => false,
            };
        (!is_shared).then(|| Self {
            mask: mask.to_owned(),
            allowed,
            code: doubt.code,
            doubt: doubt.text.clone(),
            as_read: read.grid.clone(),
            otherwise,
            study_grid: study_grid.clone(),
        })
    }
}

/// Two grids side by side: what is compared, the one's, the other's.
fn compared(one: &Grid, other: &Grid) -> Vec<[String; 3]> {
    let numbers = |numbers: [f64; 3], digits: usize| numbers.map(|x| format!("{:.digits$}", x + 0.0));
    let both = |name: &str, tell: &dyn Fn(&Grid) -> String| [name.to_owned(), tell(one), tell(other)];
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
    if let (Some(one), Some(other)) = (one.frame_of_reference(), other.frame_of_reference()) {
        rows.push(["frame of reference".to_owned(), one.to_owned(), other.to_owned()]);
    }
    rows
}

/// What differs between two grids, in one line: "voxels 8 × 7 × 6 against 7 × 6 × 5".
pub fn grid_difference(one: &Grid, other: &Grid) -> String {
    in_one_line(&compared(one, other))
}

/// What differs of two grids that were compared.
fn in_one_line(rows: &[[String; 3]]) -> String {
    let differing = rows.iter().filter(|[_, one, other]| one != other);
    let told: Vec<String> =
        differing.map(|[name, one, other]| format!("{name} {one} against {other}")).collect();
    if told.is_empty() { "their corners lie apart".to_owned() } else { told.join("; ") }
}

impl Import {
    /// Reads a mask of any format and lays it on `study`: as it is, with its axes in another order where
    /// its voxels are the study's, or else as is `allowed`. Names come from `names` (an ITK-SNAP
    /// label file or a BIDS table), the mask's own header, or the table beside it.
    pub fn read(
        mask: &Path,
        names: Option<&Path>,
        study: &Study,
        allowed: Allowed,
        watch: &dyn Watch,
    ) -> Result<Self, ImportError> {
        let read = read_segmentation(mask, Some(study.volume.grid()), watch)?;
        if !allowed.doubtful_place
            && let Some(doubtful) = DoubtfulMask::of(mask, &read, study, allowed)
        {
            return Err(ImportError::DoubtfulPlace(Box::new(doubtful)));
        }
        let study = study.volume.grid();
        let names = match names {
            Some(path) => store::read_scheme(path)?,
            None if read.scheme.is_empty() => store::scheme_beside(mask)?,
            None => read.scheme.clone(),
        };
        let mut file = mask.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(remark) = &read.remark {
            file += &format!(", {remark}");
        }
        let Segmentation { layers, grid, .. } = read;
        let (layers, origin) = match AxisMap::between(study, &grid) {
            Some(map) if map.is_identity() => (layers, file),
            Some(map) => {
                let reordered = layers.iter().map(|layer| layer.reordered(&map, study.dims())).collect();
                (reordered, format!("{file}, {map}"))
            }
            None if allowed.resampling => {
                let resampled: Vec<_> = layers.iter().map(|layer| layer.resampled(&grid, study)).collect();
                let told = lost(&layers, &resampled, &names)
                    .map_or(String::new(), |lost| format!("; nothing is left of {lost}"));
                (resampled, format!("{file}, resampled by the nearest voxel{told}"))
            }
            None => {
                let (mask, study_grid) = (mask.to_owned(), study.clone());
                let mismatch = GridMismatch { mask, allowed, mask_grid: grid, study_grid };
                return Err(ImportError::OtherGrid(Box::new(mismatch)));
            }
        };
        Ok(Self { layers, names, origin })
    }
}

/// The labels of which no voxel came through, by name; `None` where all did.
fn lost(before: &[LabelMap], after: &[LabelMap], names: &LabelScheme) -> Option<String> {
    let mut lost: BTreeSet<u16> = BTreeSet::new();
    for (before, after) in before.iter().zip(after) {
        let left = after.counts();
        lost.extend(before.counts().into_keys().filter(|label| !left.contains_key(label)));
    }
    let name = |label: u16| {
        names.get(label).map_or_else(|| format!("label {label}"), |label| format!("\"{}\"", label.name))
    };
    (!lost.is_empty()).then(|| lost.into_iter().map(name).collect::<Vec<_>>().join(", "))
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
    /// first one while nothing is drawn. The last one of them is drawn on. Gives the labels that could not
    /// keep their numbers, and which they have now.
    pub fn import(&mut self, import: Import) -> Result<BTreeMap<u16, u16>, String> {
        let Import { layers, names, origin } = import;
        let imported = Edit::import(&self.case, layers, &names, &origin);
        let (edits, moved) = imported.map_err(|error| error.to_string())?;
        self.apply_step(&format!("Import {origin}"), |_| edits).map_err(|error| error.to_string())?;
        self.set_layer(self.case.layers().len() - 1);
        let renumbered = moved.iter().map(|(theirs, ours)| format!(", its label {theirs} as {ours}"));
        self.notice = Some(format!("Imported {origin}{}", renumbered.collect::<String>()));
        Ok(moved)
    }
}
