//! A study as a sidecar remembers it, and what of it changed since.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fingerprint::Digest;
use super::names::common_folder;
use crate::format::nifti::NiftiGeometry;
use crate::format::{self, Refusal, Silent, Stamp, Study};
use crate::geometry::{Affine, Grid};

/// What a save must know of the study besides its marks. Costs a pass over all samples (some 50 ms
/// for 150 MB on two cores), so it is made once per open study.
#[derive(Clone, Debug)]
pub struct StudyIdentity {
    pub(super) record: StudyRecord,
    pub(super) files: Vec<PathBuf>,
    pub(super) geometry: NiftiGeometry,
    read_from: Vec<(PathBuf, Stamp)>,
}

impl StudyIdentity {
    /// Of a study as it was loaded.
    pub fn of(study: &Study) -> Self {
        let volume = &study.volume;
        let grid = volume.grid();
        let record = StudyRecord {
            id: study.series.id.clone(),
            format: study.series.source.format().to_owned(),
            modality: study.series.modality.clone(),
            files: Vec::new(),
            saved_in: None,
            dims: grid.dims(),
            times: volume.times(),
            sample_type: volume.sample_type().name().to_owned(),
            rescale: Rescale { slope: volume.rescale().slope, intercept: volume.rescale().intercept },
            patient_from_voxel: grid.patient_from_voxel().rows4(),
            frame_of_reference: grid.frame_of_reference().map(str::to_owned),
            content_sha256: Digest::of_content(volume),
        };
        let geometry = study.nifti_geometry.clone().unwrap_or_else(|| NiftiGeometry::of_grid(grid));
        let (files, read_from) = (study.series.source.files(), study.read_from.clone());
        Self { record, files, geometry, read_from }
    }

    /// The digest of the samples ([`Digest::of_content`]).
    pub fn content(&self) -> Digest {
        self.record.content_sha256
    }

    /// The first of the study's files that is not the one that was read, and what lies there now.
    pub(super) fn touched_file(&self) -> Option<(&Path, Option<Stamp>)> {
        self.read_from.iter().find_map(|(path, stamp)| {
            let now = Stamp::at(path).ok();
            (now != Some(*stamp)).then_some((path.as_path(), now))
        })
    }

    /// What the study on disk has otherwise than the one that was read; reads it again.
    pub(super) fn changes_on_disk(&self) -> Result<Vec<StudyChange>, Refusal> {
        let root = if let [only] = &self.files[..] { only.clone() } else { common_folder(&self.files) };
        let found = format::scan(&root, &Silent)?;
        let same = found.series.iter().find(|series| series.id == self.record.id);
        let Some(series) = same.or(found.series.first()) else {
            return Ok(vec![StudyChange::Voxels]);
        };
        let now = Self::of(&format::load(series, &Silent)?);
        Ok(self.record.changes_to(&now.record))
    }

    /// The record for a sidecar in `folder`, with the files named from there.
    pub(super) fn record_from(&self, folder: &Path) -> StudyRecord {
        let mut files = self.files.iter().map(|file| relative_name(folder, file)).collect::<Vec<_>>();
        files.sort();
        let elsewhere = files.iter().any(|file| file.starts_with("../") || Path::new(file).is_absolute());
        let saved_in = elsewhere.then(|| slashed(&absolute(folder)));
        StudyRecord { files, saved_in, ..self.record.clone() }
    }
}

/// The part `study` of a sidecar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StudyRecord {
    /// Series Instance UID, or the file's stem.
    pub(super) id: String,
    /// `nifti` or `dicom`.
    pub(super) format: String,
    pub(super) modality: Option<String>,
    /// Relative to the sidecar, with `/` on every system.
    pub(super) files: Vec<String>,
    /// Where the sidecar was saved, when the study lies neither beside nor below it.
    pub(super) saved_in: Option<String>,
    pub(super) dims: [usize; 3],
    pub(super) times: usize,
    pub(super) sample_type: String,
    pub(super) rescale: Rescale,
    /// Row by row, LPS millimetres of voxel centres.
    pub(super) patient_from_voxel: [[f64; 4]; 4],
    pub(super) frame_of_reference: Option<String>,
    pub(super) content_sha256: Digest,
}

/// As [`crate::volume::Rescale`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Rescale {
    pub(super) slope: f64,
    pub(super) intercept: f64,
}

/// What is different between the study that marks were saved on and the one at hand.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StudyChange {
    /// Other dimensions or points in time.
    #[error("it had {was:?} voxels at {was_times} time(s), now {is:?} at {is_times}")]
    Dims {
        /// Dimensions when the marks were saved.
        was: [usize; 3],
        /// Points in time when the marks were saved.
        was_times: usize,
        /// Dimensions now.
        is: [usize; 3],
        /// Points in time now.
        is_times: usize,
    },
    /// The grid lies elsewhere.
    #[error("its geometry moved by up to {by_mm:.3} mm")]
    Geometry {
        /// The greatest distance between corners of the same place.
        by_mm: f64,
    },
    /// Another frame of reference.
    #[error("its frame of reference was {was}, now {is}")]
    FrameOfReference {
        /// The UID when the marks were saved.
        was: String,
        /// The UID now.
        is: String,
    },
    /// Samples of another type.
    #[error("its samples were {was}, now {is}")]
    SampleType {
        /// The type when the marks were saved.
        was: String,
        /// The type now.
        is: String,
    },
    /// Samples become values in another way.
    #[error("its rescale was {was:?} (slope, intercept), now {is:?}")]
    Rescale {
        /// Slope and intercept when the marks were saved.
        was: [f64; 2],
        /// Slope and intercept now.
        is: [f64; 2],
    },
    /// The same frame, other voxels.
    #[error("its voxels changed")]
    Voxels,
    /// A placement that is no affine: the sidecar is damaged.
    #[error("the sidecar's placement of the study is damaged")]
    DamagedRecord,
}

/// Several changes in one line.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyChanges(pub Vec<StudyChange>);

impl std::fmt::Display for StudyChanges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines: Vec<String> = self.0.iter().map(StudyChange::to_string).collect();
        f.write_str(&lines.join("; "))
    }
}

impl StudyRecord {
    /// The grid of the record.
    pub(super) fn grid(&self) -> Option<Grid> {
        let [x, y, z, _] = self.patient_from_voxel;
        let patient_from_voxel = Affine::from_rows([x, y, z]).ok()?;
        Grid::new(self.dims, patient_from_voxel, self.frame_of_reference.clone()).ok()
    }

    /// What the study `now` has otherwise than this record; empty for the same study. Names and places
    /// of files do not count.
    pub(super) fn changes_to(&self, now: &Self) -> Vec<StudyChange> {
        let mut changes = Vec::new();
        let same_dims = (self.dims, self.times) == (now.dims, now.times);
        if !same_dims {
            let (was, was_times, is, is_times) = (self.dims, self.times, now.dims, now.times);
            changes.push(StudyChange::Dims { was, was_times, is, is_times });
        }
        match (self.grid(), now.grid()) {
            (Some(before), Some(after)) => {
                let frames = before.frame_of_reference().zip(after.frame_of_reference());
                if let Some((was, is)) = frames.filter(|(was, is)| was != is) {
                    let (was, is) = (was.to_owned(), is.to_owned());
                    changes.push(StudyChange::FrameOfReference { was, is });
                } else if same_dims && !before.is_same_as(&after) {
                    changes.push(StudyChange::Geometry { by_mm: before.corner_distance_mm(&after) });
                }
            }
            _ => changes.push(StudyChange::DamagedRecord),
        }
        if self.sample_type != now.sample_type {
            let (was, is) = (self.sample_type.clone(), now.sample_type.clone());
            changes.push(StudyChange::SampleType { was, is });
        }
        if self.rescale != now.rescale {
            let both = |rescale: Rescale| [rescale.slope, rescale.intercept];
            changes.push(StudyChange::Rescale { was: both(self.rescale), is: both(now.rescale) });
        }
        let same_frame = same_dims && self.sample_type == now.sample_type;
        if same_frame && self.content_sha256 != now.content_sha256 {
            changes.push(StudyChange::Voxels);
        }
        changes
    }

    /// What the masks were drawn on, as BIDS wants it: the file, or the folders of many files.
    pub(super) fn sources(&self) -> Vec<String> {
        if let [only] = &self.files[..] {
            return vec![only.clone()];
        }
        let folder = |file: &String| file.rsplit_once('/').map_or(".", |(folder, _)| folder).to_owned();
        let mut folders: Vec<String> = self.files.iter().map(folder).collect();
        folders.dedup();
        folders
    }

    /// Every place where the study may lie for a sidecar in `folder`, the likeliest first.
    pub(super) fn places(&self, folder: &Path) -> Vec<Vec<PathBuf>> {
        let from = |folder: &Path| self.files.iter().map(|file| folder.join(file)).collect();
        let saved_in = self.saved_in.as_deref().map(Path::new);
        std::iter::once(folder).chain(saved_in).map(from).collect()
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn slashed(path: &Path) -> String {
    path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
}

/// How `file` is called from `folder`: with `..` where it lies outside, absolute where no way leads
/// from one to the other.
fn relative_name(folder: &Path, file: &Path) -> String {
    let (folder, file) = (absolute(folder), absolute(file));
    let from: Vec<Component<'_>> = folder.components().collect();
    let to: Vec<Component<'_>> = file.components().collect();
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    if shared == 0 {
        return slashed(&file);
    }
    let up = std::iter::repeat_n(Component::ParentDir, from.len() - shared);
    slashed(&up.chain(to[shared..].iter().copied()).collect::<PathBuf>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_where_the_sidecar_lies() {
        let check = |folder: &str, file: &str, expected: &str| {
            assert_eq!(relative_name(Path::new(folder), Path::new(file)), expected);
        };
        check("/data/köln", "/data/köln/ct.nii.gz", "ct.nii.gz");
        check("/data", "/data/series/IM1", "series/IM1");
        check("/home/me/marks", "/data/ct.nii", "../../../data/ct.nii");
    }
}
