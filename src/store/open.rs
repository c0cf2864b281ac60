//! Opening what was saved.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fingerprint::Digest;
use super::names::{CaseFiles, common_folder};
use super::save::{Seen, SeenSidecar, read_if_there, waiting_path};
use super::sidecar::{self, Parsed, Sidecar, SidecarError};
use super::study::{StudyChanges, StudyIdentity};
use super::table;
use crate::annotation::{Annotation, Classification, Colour, Label, LabelScheme, Subject};
use crate::case::{Case, CaseError, LayerOrigin, SliceSeries};
use crate::format::{self, Refusal, Silent, Study, Watch, nifti, open_plain, read_plain};
use crate::geometry::Grid;
use crate::volume::{LabelMap, Volume};

/// The marks of a study as they lie on disk.
#[derive(Clone, Debug)]
pub struct SavedMarks {
    /// The label maps, at least one.
    pub layers: Vec<LabelMap>,
    /// Where each layer came from.
    pub origins: Vec<LayerOrigin>,
    /// Whether each layer is shown.
    pub shown: Vec<bool>,
    /// The slices that were filled in between painted ones.
    pub interpolated: Vec<(SliceSeries, Vec<usize>)>,
    /// The labels.
    pub scheme: LabelScheme,
    /// Boxes and landmarks.
    pub annotations: Vec<Annotation>,
    /// What is said of the case, its series and its slices.
    pub classifications: BTreeMap<Subject, Classification>,
    /// What a person should know of them.
    pub notices: Vec<Notice>,
    /// For the next save.
    pub seen: Seen,
    /// For the next save too, so that the samples are digested once.
    pub study: StudyIdentity,
}

impl SavedMarks {
    /// The case of these marks on the volume they were found for.
    pub fn into_case(self, volume: Arc<Volume>) -> Result<Case, CaseError> {
        let case = Case::with_marks(volume, self.layers, self.scheme, self.annotations)?;
        let case = case.with_origins(self.origins).with_layers_shown(&self.shown);
        let case = case.with_interpolated(self.interpolated);
        Ok(case.with_classifications(self.classifications))
    }
}

/// Something a person should know of marks that opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Notice {
    /// A save was cut off after its moment: all is here, the next save will tidy up.
    #[error("the last save was cut off; all of it was found, save once more to tidy up")]
    SaveWasCutOff,
    /// A mask is not the one that was saved.
    #[error("{}: was changed by another program since it was saved; it was opened as it is now", path.display())]
    MaskChanged {
        /// The mask.
        path: PathBuf,
    },
    /// There is a mask but no sidecar.
    #[error("{}: was opened without a sidecar; names and colours are those of its table, if it has one", path.display())]
    MaskAlone {
        /// The mask.
        path: PathBuf,
    },
    /// A newer version of the program made marks that this one does not know.
    #[error("{count} marks are of a kind that this version does not show; saving keeps them")]
    UnknownMarks {
        /// How many.
        count: usize,
    },
}

/// Why marks that lie on disk were not opened. Nothing on disk was touched.
#[derive(Debug, thiserror::Error)]
pub enum MarksError {
    /// A file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file of the sidecar's name is none, or damaged.
    #[error("{}: cannot be opened: {text}", path.display())]
    BadSidecar {
        /// The sidecar.
        path: PathBuf,
        /// Why not.
        text: String,
    },
    /// The sidecar is of a newer version of this program.
    #[error("{}: was saved by a newer Annotomy (version {version} of the file); update to open it", path.display())]
    Newer {
        /// The sidecar.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
    /// The study is not the one that was marked.
    #[error("{}: belongs to another state of this study: {changes}", sidecar.display())]
    StudyChanged {
        /// The sidecar.
        sidecar: PathBuf,
        /// What changed.
        changes: StudyChanges,
    },
    /// A mask that the sidecar names is not there.
    #[error("{}: is missing; the sidecar names it", path.display())]
    MissingMask {
        /// The mask.
        path: PathBuf,
    },
    /// A mask cannot be read as one.
    #[error("the mask {0}")]
    BadMask(Refusal),
    /// A mask lies elsewhere than the study.
    #[error("{}: is a mask of {mask_dims:?} voxels that lies up to {by_mm:.3} mm away from the study's {study_dims:?}; only masks on the study's own grid are opened", path.display())]
    OtherGrid {
        /// The mask.
        path: PathBuf,
        /// Its dimensions.
        mask_dims: [usize; 3],
        /// The study's dimensions.
        study_dims: [usize; 3],
        /// The greatest distance between corners of the same place.
        by_mm: f64,
    },
    /// The table of labels beside a mask without sidecar cannot be read.
    #[error("{}: {source}", path.display())]
    BadTable {
        /// The table.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The study that a sidecar names is not there.
    #[error("{}: its study {} is not there; put both where they were, or open the study itself", sidecar.display(), study.display())]
    NoStudy {
        /// The sidecar.
        sidecar: PathBuf,
        /// Where the study was looked for first.
        study: PathBuf,
    },
    /// The study that a sidecar names cannot be opened.
    #[error(transparent)]
    BadStudy(#[from] Refusal),
}

impl MarksError {
    pub(super) fn badly_named(path: &Path) -> Self {
        let text = "its name does not end in .annotomy.json".to_owned();
        Self::BadSidecar { path: path.to_owned(), text }
    }
}

/// The marks that `files` hold for a study; `None` where there are none.
///
/// Without a sidecar a mask of the right name is opened as the first layer, if it lies on the study's
/// own grid.
pub fn find_marks(study: &Study, files: &CaseFiles) -> Result<Option<SavedMarks>, MarksError> {
    let path = files.sidecar();
    match read_if_there(&path).map_err(unreadable(&path))? {
        Some(bytes) => {
            let parsed = parse(&path, &bytes)?;
            marks_of(study, files, parsed, Digest::of(&bytes)).map(Some)
        }
        None if files.mask(0).exists() => mask_alone(study, files).map(Some),
        None => Ok(None),
    }
}

/// Opens a sidecar, wherever it lies, with the study it names: found from where the sidecar is or from
/// where it was saved.
pub fn open_sidecar(path: &Path, watch: &dyn Watch) -> Result<(Study, CaseFiles, SavedMarks), MarksError> {
    let bytes = read_plain(path, sidecar::LONGEST).map_err(unreadable(path))?;
    let parsed = parse(path, &bytes)?;
    let files = CaseFiles::of_sidecar(path).ok_or_else(|| MarksError::badly_named(path))?;
    let study = load_study(path, &parsed.sidecar, files.folder(), watch)?;
    let marks = marks_of(&study, &files, parsed, Digest::of(&bytes))?;
    Ok((study, files, marks))
}

pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Parsed, MarksError> {
    sidecar::parse(bytes).map_err(|error| match error {
        SidecarError::Newer(version) => MarksError::Newer { path: path.to_owned(), version },
        other => MarksError::BadSidecar { path: path.to_owned(), text: other.to_string() },
    })
}

/// Loads the study that a sidecar in `folder` names.
pub(super) fn load_study(
    path: &Path,
    sidecar: &Sidecar,
    folder: &Path,
    watch: &dyn Watch,
) -> Result<Study, MarksError> {
    let record = &sidecar.study;
    let places = record.places(folder);
    let missing = || MarksError::NoStudy {
        sidecar: path.to_owned(),
        study: places.first().and_then(|files| files.first()).cloned().unwrap_or_default(),
    };
    let files = places.iter().find(|files| files.iter().any(|file| file.exists()));
    let files = files.ok_or_else(missing)?;
    let root = if let [only] = &files[..] { only.clone() } else { common_folder(files) };
    let found = format::scan(&root, watch)?;
    let same = found.series.iter().find(|series| series.id == record.id);
    let only = (found.series.len() == 1).then(|| &found.series[0]);
    let series = same.or(only).ok_or_else(missing)?;
    Ok(format::load(series, watch)?)
}

fn marks_of(
    study: &Study,
    files: &CaseFiles,
    parsed: Parsed,
    sha256: Digest,
) -> Result<SavedMarks, MarksError> {
    let Parsed { sidecar, json, unknown_annotations } = parsed;
    let path = files.sidecar();
    let identity = StudyIdentity::of(study);
    let changes = sidecar.study.changes_to(&identity.record);
    if !changes.is_empty() {
        return Err(MarksError::StudyChanged { sidecar: path, changes: StudyChanges(changes) });
    }
    let mut notices = Vec::new();
    let mut layers = Vec::new();
    let mut parts = Vec::new();
    for record in &sidecar.layers {
        let place = files.named(&record.file);
        let found = find_part(&place, record.sha256, &sidecar.save_id)?;
        let found = found.ok_or_else(|| MarksError::MissingMask { path: place.clone() })?;
        notices.extend(found.notice(&place));
        layers.push(read_mask(&found.at, study.volume.grid())?);
        parts.extend(found.in_place.map(|sha256| (place, sha256)));
    }
    // The sidecar tells all that the table does, so nothing is read from it.
    let table = files.named(&sidecar.table.file);
    if let Some(found) = find_part(&table, sidecar.table.sha256, &sidecar.save_id)? {
        notices.extend((found.at != table).then_some(Notice::SaveWasCutOff));
        parts.extend(found.in_place.map(|sha256| (table, sha256)));
    }
    if unknown_annotations > 0 {
        notices.push(Notice::UnknownMarks { count: unknown_annotations });
    }
    notices.dedup();
    Ok(SavedMarks {
        layers,
        origins: sidecar.origins(),
        shown: sidecar.layers.iter().map(|layer| layer.visible).collect(),
        interpolated: sidecar.interpolated(),
        scheme: sidecar.scheme(),
        annotations: sidecar.marks(),
        classifications: sidecar.classifications(),
        notices,
        seen: Seen { sidecar: Some(SeenSidecar { path, sha256, json: Arc::new(json) }), parts },
        study: identity,
    })
}

/// A mask or table that a sidecar names, as it was found.
pub(super) struct FoundPart {
    /// Where it lies.
    pub(super) at: PathBuf,
    /// The digest of what lies in its place, if anything does.
    pub(super) in_place: Option<Digest>,
    /// Whether it is what the sidecar names.
    pub(super) is_as_saved: bool,
}

impl FoundPart {
    fn notice(&self, place: &Path) -> Option<Notice> {
        match (self.is_as_saved, self.at == place) {
            (true, true) => None,
            (true, false) => Some(Notice::SaveWasCutOff),
            (false, _) => Some(Notice::MaskChanged { path: place.to_owned() }),
        }
    }
}

/// Looks for the file of digest `sha256` in its place and where it waited for it; else takes what lies
/// in its place.
pub(super) fn find_part(
    place: &Path,
    sha256: Digest,
    save_id: &str,
) -> Result<Option<FoundPart>, MarksError> {
    let in_place = digest_if_there(place)?;
    if in_place == Some(sha256) {
        return Ok(Some(FoundPart { at: place.to_owned(), in_place, is_as_saved: true }));
    }
    let waiting = waiting_path(place, save_id);
    if digest_if_there(&waiting)? == Some(sha256) {
        return Ok(Some(FoundPart { at: waiting, in_place, is_as_saved: true }));
    }
    Ok(in_place.map(|_| FoundPart { at: place.to_owned(), in_place, is_as_saved: false }))
}

fn digest_if_there(path: &Path) -> Result<Option<Digest>, MarksError> {
    match Digest::of_file(path) {
        Ok(sha256) => Ok(Some(sha256)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path)(error)),
    }
}

fn mask_alone(study: &Study, files: &CaseFiles) -> Result<SavedMarks, MarksError> {
    let path = files.mask(0);
    let labels = read_mask(&path, study.volume.grid())?;
    let mut parts = vec![(path.clone(), Digest::of_file(&path).map_err(unreadable(&path))?)];
    let mut scheme = LabelScheme::default();
    let table = files.table();
    if table.exists() {
        let bad_table = |source| MarksError::BadTable { path: table.clone(), source };
        scheme = table::read(open_plain(&table).map_err(unreadable(&table))?).map_err(bad_table)?;
        parts.push((table.clone(), Digest::of_file(&table).map_err(unreadable(&table))?));
    }
    for &index in labels.counts().keys() {
        if scheme.get(index).is_none() {
            scheme.set(index, Some(Label::new(format!("Label {index}"), Colour::for_label(index))));
        }
    }
    Ok(SavedMarks {
        layers: vec![labels],
        origins: Vec::new(),
        shown: Vec::new(),
        interpolated: Vec::new(),
        scheme,
        annotations: Vec::new(),
        classifications: BTreeMap::new(),
        notices: vec![Notice::MaskAlone { path }],
        seen: Seen { sidecar: None, parts },
        study: StudyIdentity::of(study),
    })
}

fn read_mask(path: &Path, grid: &Grid) -> Result<LabelMap, MarksError> {
    let mask = nifti::read_labels(path, &Silent).map_err(MarksError::BadMask)?;
    if !mask.grid.is_same_as(grid) {
        return Err(MarksError::OtherGrid {
            path: path.to_owned(),
            mask_dims: mask.grid.dims(),
            study_dims: grid.dims(),
            by_mm: mask.grid.corner_distance_mm(grid),
        });
    }
    Ok(mask.labels)
}

pub(super) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> MarksError {
    let path = path.to_owned();
    move |source| MarksError::Unreadable { path, source }
}
