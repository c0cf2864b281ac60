//! A session together with the study it came from and the files it is saved to.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::{Session, now};
use crate::annotation::{Colour, Label, LabelScheme};
use crate::case::{Case, CaseError};
use crate::format::{self, Doubt, Refusal, Scan, Series, Study, Watch, nifti};
use crate::store::{
    self, CaseFiles, MarksError, Overwrite, SaveError, SaveRequest, Saved, SavedMarks, Seen, Signature,
    StudyIdentity,
};

/// An open study, its marks, and where they are saved.
pub struct Document {
    /// What a person does with it.
    pub session: Session,
    study: Arc<Study>,
    identity: Arc<OnceLock<StudyIdentity>>,
    files: CaseFiles,
    seen: Option<Seen>,
    notices: Vec<String>,
}

/// Why a document could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The study cannot be read.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The path holds several series and none was named.
    #[error("{}: holds {} series; name one of them", path.display(), scan.series.len())]
    SeveralSeries {
        /// The path.
        path: PathBuf,
        /// What it holds.
        scan: Scan,
    },
    /// The study is fine, and what was saved about it cannot be opened.
    #[error(transparent)]
    Marks(#[from] MarksError),
    /// A mask from elsewhere does not lie on the study's grid.
    #[error("{}: its {dims:?} voxels do not lie on the study's own {study_dims:?}; only a mask on the same grid can be laid over it", mask.display())]
    OtherGrid {
        /// The mask.
        mask: PathBuf,
        /// Its dimensions.
        dims: [usize; 3],
        /// The study's dimensions.
        study_dims: [usize; 3],
    },
    /// The marks are of another size than the study.
    #[error(transparent)]
    Case(#[from] CaseError),
}

impl Document {
    /// Opens a study with whatever was saved about it, or a sidecar with its study.
    pub fn open(path: &Path, author: &str, watch: &dyn Watch) -> Result<Self, OpenError> {
        if CaseFiles::of_sidecar(path).is_some() && path.is_file() {
            let (study, files, marks) = store::open_sidecar(path, watch)?;
            return Self::with_marks(study, files, Some(marks), author);
        }
        let mut scan = format::scan(path, watch)?;
        match scan.series.len() {
            0 => Err(scan.refused.into_iter().next().map_or_else(
                || Refusal::new(path, format::RefusalCode::NotAnImage, "holds no image").into(),
                OpenError::Refused,
            )),
            1 => Self::open_series(&scan.series.remove(0), &[], author, watch),
            _ => Err(OpenError::SeveralSeries { path: path.to_owned(), scan }),
        }
    }

    /// Opens one series of a scan; `siblings` are all that were found together.
    pub fn open_series(
        series: &Series,
        siblings: &[Series],
        author: &str,
        watch: &dyn Watch,
    ) -> Result<Self, OpenError> {
        let study = format::load(series, watch)?;
        let files = CaseFiles::beside(series, siblings);
        let marks = store::find_marks(&study, &files)?;
        Self::with_marks(study, files, marks, author)
    }

    /// Opens a study and leaves what was saved about it alone; saving will not write over it either.
    pub fn open_without_marks(path: &Path, author: &str, watch: &dyn Watch) -> Result<Self, OpenError> {
        let mut scan = format::scan(path, watch)?;
        if scan.series.len() != 1 {
            return Err(OpenError::SeveralSeries { path: path.to_owned(), scan });
        }
        let series = scan.series.remove(0);
        let files = CaseFiles::beside(&series, &[]);
        Self::with_marks(format::load(&series, watch)?, files, None, author)
    }

    /// Lays a mask from elsewhere over a study without marks, as the first layer; it has to lie on the
    /// study's own grid. Labels are named by their numbers.
    pub fn with_mask(self, mask: &Path, watch: &dyn Watch) -> Result<Self, OpenError> {
        let nifti::ReadLabels { labels, grid, .. } = nifti::read_labels(mask, watch)?;
        let study_grid = self.study.volume.grid();
        if !grid.is_same_as(study_grid) {
            return Err(OpenError::OtherGrid {
                mask: mask.to_owned(),
                dims: grid.dims(),
                study_dims: study_grid.dims(),
            });
        }
        let mut scheme = LabelScheme::default();
        for index in labels.counts().into_keys() {
            scheme.set(index, Some(Label::new(format!("Label {index}"), Colour::for_label(index))));
        }
        let case = Case::with_marks(self.study.volume.clone(), vec![labels], scheme, Vec::new())?;
        let mut session = Session::new(case, self.session.author());
        session.mark_unsaved();
        Ok(Self { session, ..self })
    }

    fn with_marks(
        study: Study,
        files: CaseFiles,
        marks: Option<SavedMarks>,
        author: &str,
    ) -> Result<Self, OpenError> {
        let identity = OnceLock::new();
        let mut notices = Vec::new();
        let mut seen = None;
        let case = match marks {
            None => Case::new(study.volume.clone()),
            Some(marks) => {
                notices = marks.notices.iter().map(ToString::to_string).collect();
                seen = Some(marks.seen.clone());
                let _ = identity.set(marks.study.clone());
                marks.into_case(study.volume.clone())?
            }
        };
        let session = Session::new(case, author);
        Ok(Self { session, study: Arc::new(study), identity: Arc::new(identity), files, seen, notices })
    }

    /// The study.
    pub fn study(&self) -> &Study {
        &self.study
    }

    /// Everything doubtful about the study.
    pub fn doubts(&self) -> &[Doubt] {
        &self.study.doubts
    }

    /// What a person should know of the marks that were found.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Where the marks are saved.
    pub fn files(&self) -> &CaseFiles {
        &self.files
    }

    /// The marks as they are now, to be saved by [`SaveJob::run`] on any thread. `into` names another
    /// folder than the one they came from.
    pub fn save_job(&self, into: Option<&Path>, overwrite: Overwrite) -> SaveJob {
        let files = match into {
            Some(folder) => CaseFiles::in_folder(folder, self.files.stem()),
            None => self.files.clone(),
        };
        SaveJob {
            case: self.session.case().clone(),
            changes: self.session.changes(),
            study: self.study.clone(),
            identity: self.identity.clone(),
            seen: self.seen.clone(),
            files,
            author: self.session.author().to_owned(),
            overwrite,
        }
    }

    /// Takes in what a save came to.
    pub fn saved(&mut self, outcome: SaveOutcome) -> Result<Saved, SaveError> {
        let written = match &outcome.result {
            Ok(saved) => Some(saved),
            // All is on disk, though a file could not be put in its place.
            Err(SaveError::Unfinished { saved, .. }) => Some(&**saved),
            Err(_) => None,
        };
        if let Some(saved) = written {
            self.session.mark_saved(outcome.changes);
            self.files = outcome.files;
            self.seen = Some(saved.seen.clone());
        }
        outcome.result
    }
}

/// A snapshot on its way to disk.
pub struct SaveJob {
    case: Case,
    changes: u64,
    study: Arc<Study>,
    identity: Arc<OnceLock<StudyIdentity>>,
    seen: Option<Seen>,
    files: CaseFiles,
    author: String,
    overwrite: Overwrite,
}

/// What a save came to.
pub struct SaveOutcome {
    result: Result<Saved, SaveError>,
    changes: u64,
    files: CaseFiles,
}

impl SaveJob {
    /// Writes, reads again and proves; takes as long as that does.
    pub fn run(self) -> SaveOutcome {
        let identity = self.identity.get_or_init(|| StudyIdentity::of(&self.study));
        let result = store::save(&SaveRequest {
            case: &self.case,
            study: identity,
            files: &self.files,
            seen: self.seen.as_ref(),
            by: Signature { author: self.author, time: now() },
            overwrite: self.overwrite,
        });
        SaveOutcome { result, changes: self.changes, files: self.files }
    }
}

/// Who is at the machine, as the system names them; empty where it does not.
pub fn system_author() -> String {
    ["USER", "USERNAME", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default()
}
