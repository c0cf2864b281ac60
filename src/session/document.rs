//! A session together with the study it came from and the files it is saved to.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::recorder::{Kept, Recorder};
use super::{Allowed, Import, ImportError, Session, now};
use crate::annotation::Form;
use crate::case::{Case, CaseError};
use crate::format::{self, Doubt, Refusal, Scan, Series, Study, Watch};
use crate::store::{
    self, CaseFiles, Digest, DiskAttic, FoundJournal, Journal, JournalDraft, JournalError, JournalMark,
    JournalStart, LocalDisk, MarksError, Overwrite, SaveError, SaveRequest, Saved, SavedMarks, Seen,
    Signature, StudyIdentity, Unsaved,
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
    recorder: Option<Recorder>,
    left_behind: Option<LeftBehind>,
}

/// Steps that an earlier session did not come to save.
struct LeftBehind {
    found: FoundJournal,
    unsaved: Unsaved,
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
    /// A mask from elsewhere cannot be laid over the study.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A mask from elsewhere does not fit into the case.
    #[error("{0}")]
    NotImported(String),
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
            1 => {
                let mut document = Self::open_series(&scan.series.remove(0), &[], author, watch)?;
                if let Some(first) = scan.refused.first() {
                    let count = scan.refused.len();
                    document.tell(format!("{count} file(s) there cannot be opened, such as {first}"));
                }
                Ok(document)
            }
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
        Self::open_series_without_marks(&scan.series.remove(0), &[], author, watch)
    }

    /// [`Self::open_without_marks`] of one series of a scan; `siblings` are all that were found together.
    pub fn open_series_without_marks(
        series: &Series,
        siblings: &[Series],
        author: &str,
        watch: &dyn Watch,
    ) -> Result<Self, OpenError> {
        let files = CaseFiles::beside(series, siblings);
        Self::with_marks(format::load(series, watch)?, files, None, author)
    }

    /// Lays a mask from elsewhere over the study, as one step ([`Import::read`], [`Session::import`]).
    pub fn lay_over(
        &mut self,
        mask: &Path,
        names: Option<&Path>,
        allowed: Allowed,
        watch: &dyn Watch,
    ) -> Result<BTreeMap<u16, u16>, OpenError> {
        let import = Import::read(mask, names, &self.study, allowed, watch)?;
        self.session.import(import).map_err(OpenError::NotImported)
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
        let mut session = Session::new(case, author);
        match find_form(files.folder()) {
            Ok(form) => form.into_iter().for_each(|form| session.set_form(form)),
            Err(text) => notices.push(text),
        }
        Ok(Self {
            session,
            study: Arc::new(study),
            identity: Arc::new(identity),
            files,
            seen,
            notices,
            recorder: None,
            left_behind: None,
        })
    }

    /// From now on brings every step to disk as it is made, into the journal at `path` or beside the
    /// case; before the first step there is none. Steps that an earlier session left there wait for
    /// [`Self::bring_back`]. Where another window marks the case, this one only looks; where two that
    /// have marked nothing are open, the one that makes a step first goes on ([`Self::record`]).
    ///
    /// Fails where no journal can be kept; everything else goes on without it.
    pub fn keep_journal(&mut self, path: Option<&Path>) -> Result<(), JournalError> {
        let path = path.map_or_else(|| self.files.journal(), Path::to_owned);
        match DiskAttic::in_folder(path.parent().unwrap_or(Path::new("."))) {
            Ok(attic) => self.session.use_attic(Box::new(attic)),
            Err(error) => tracing::warn!("undo reaches only as far as memory does: {error}"),
        }
        match self.open_journal(&path) {
            Ok(kept) => {
                self.session.record_events();
                self.recorder = Some(self.recorder_of(kept));
                Ok(())
            }
            Err(JournalError::Busy { .. }) => {
                self.only_look();
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// What brings events into a journal: one beside the case may go on elsewhere.
    fn recorder_of(&self, kept: Kept) -> Recorder {
        let is_beside = kept.path() == self.files.journal();
        Recorder::start(kept, self.journal_elsewhere().filter(|_| is_beside))
    }

    fn only_look(&mut self) {
        let text = "Another window has this case open: marks can be made and saved only there";
        self.session.only_look(text);
        self.notices.push(text.to_owned());
    }

    fn find_journal(&self, path: &Path) -> Result<Option<(FoundJournal, Unsaved)>, JournalError> {
        let Some(found) = store::find_journal(path)? else { return Ok(None) };
        let study = self.identity.get_or_init(|| StudyIdentity::of(&self.study));
        let unsaved = found.unsaved(study, self.seen.as_ref())?;
        Ok(Some((found, unsaved)))
    }

    /// Looks for steps that an earlier session left in the journal at `path`, without writing into it;
    /// whether there is one.
    pub fn find_left_behind(&mut self, path: &Path) -> Result<bool, JournalError> {
        let found = self.find_journal(path)?;
        let is_there = found.is_some();
        self.left_behind = found.map(|(found, unsaved)| LeftBehind { found, unsaved });
        Ok(is_there)
    }

    fn open_journal(&mut self, path: &Path) -> Result<Kept, JournalError> {
        match self.find_journal(path) {
            Ok(Some((found, unsaved))) => {
                let journal = Journal::resume(Box::new(LocalDisk), &found)?;
                if unsaved.event_count() == 0 {
                    self.session.bring_back(&unsaved);
                } else {
                    self.left_behind = Some(LeftBehind { found, unsaved });
                }
                return Ok(Kept::Begun(journal));
            }
            Err(stranger @ JournalError::Stranger { .. }) => {
                let aside = store::set_aside(path)?;
                self.notices.push(format!("{stranger}; it is now called {}", aside.display()));
            }
            Err(other) => return Err(other),
            Ok(None) => {}
        }
        let draft = self.draft_journal(path)?;
        // Better known now than when the first step is made. What is tried leaves no name in the folder.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        match try_disk(folder.unwrap_or(Path::new("."))) {
            Ok(()) => Ok(Kept::Draft(draft)),
            Err(source) => Err(JournalError::Unusable { path: path.to_owned(), source }),
        }
    }

    fn draft_journal(&self, path: &Path) -> Result<JournalDraft, JournalError> {
        let study = self.identity.get_or_init(|| StudyIdentity::of(&self.study));
        let by = Signature { author: self.session.author().to_owned(), time: now() };
        JournalDraft::new(path, &JournalStart { study, seen: self.seen.as_ref(), by: &by })
    }

    /// How many steps an earlier session left unsaved, and when the last of them was made.
    pub fn left_behind(&self) -> Option<(usize, Option<&str>)> {
        let left = self.left_behind.as_ref()?;
        Some((left.unsaved.event_count(), left.unsaved.last.as_deref()))
    }

    /// Whether the journal of that session was cut off in the middle of a step, which is lost.
    pub fn was_cut_off(&self) -> bool {
        self.left_behind.as_ref().is_some_and(|left| left.found.is_torn())
    }

    /// Brings those steps back, with what they take to be undone; gives how many came.
    pub fn bring_back(&mut self) -> usize {
        self.left_behind.take().map_or(0, |left| self.session.bring_back(&left.unsaved))
    }

    /// Goes on without those steps. Their journal is kept under another name, which is given.
    pub fn leave_behind(&mut self) -> Result<Option<PathBuf>, JournalError> {
        let Some(left) = self.left_behind.take() else { return Ok(None) };
        drop(self.recorder.take().and_then(Recorder::end));
        let path = left.found.path().to_owned();
        let aside = store::set_aside(&path)?;
        self.recorder = Some(self.recorder_of(Kept::Draft(self.draft_journal(&path)?)));
        Ok(Some(aside))
    }

    /// Hands what happened since the last call to the journal. Where another window turned out to have
    /// begun it first, what was marked here since is taken back, and this one only looks.
    pub fn record(&mut self) {
        if self.recorder.as_ref().is_some_and(Recorder::is_busy) {
            self.recorder = None;
            while self.session.undo().unwrap_or(false) {}
            self.session.mark_saved(self.session.changes());
            self.only_look();
            self.session.say("Another window marked this case first: what was marked here is taken back");
            self.session.take_events();
            return;
        }
        let events = self.session.take_events();
        if let Some(recorder) = self.recorder.as_mut().filter(|_| !events.is_empty()) {
            recorder.add(events, now());
        }
    }

    /// Waits until everything that was recorded is on the disk; says why not where the disk refuses.
    pub fn wait_for_journal(&self) -> Result<(), String> {
        self.recorder.as_ref().map_or_else(|| Err("no journal is kept".to_owned()), Recorder::wait)
    }

    /// Why the newest steps are not on the disk, where that is so.
    pub fn journal_trouble(&self) -> Option<String> {
        self.recorder.as_ref()?.trouble()
    }

    /// Leaves the case: everything is saved or given up, so that the journal goes.
    pub fn close(mut self) {
        let journal = self.recorder.take().and_then(Recorder::end);
        if let Some(Err(error)) = journal.filter(|_| self.left_behind.is_none()).map(Journal::remove) {
            tracing::warn!("the journal could not be removed: {error}");
        }
    }

    /// The study.
    pub fn study(&self) -> &Arc<Study> {
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

    /// Asks before the first mark where it is doubtful where the study lies.
    pub fn ask_before_marking(&mut self) {
        let is_slice = self.study.volume.grid().dims()[2] == 1;
        let blocking = self.study.doubts.iter().find(|doubt| doubt.code.is_blocking() && !is_slice);
        if let Some(doubt) = blocking
            && self.session.case().annotations().is_empty()
            && self.session.case().scheme().iter().next().is_none()
        {
            self.session.ask_before_marking(&doubt.text);
        }
    }

    /// Adds something that a person should know.
    pub fn tell(&mut self, notice: String) {
        self.notices.push(notice);
    }

    /// Where the marks are saved.
    pub fn files(&self) -> &CaseFiles {
        &self.files
    }

    /// Where the journal lies where nothing can be written beside the case: in the folder that the system
    /// gives this program for its data. `None` where it gives none.
    pub fn journal_elsewhere(&self) -> Option<PathBuf> {
        let folders = directories::ProjectDirs::from("org", "Annotomy", "Annotomy")?;
        let name = Digest::of(self.files.journal().as_os_str().as_encoded_bytes()).to_string();
        Some(folders.data_local_dir().join("journals").join(&name[..16]).with_extension("journal"))
    }

    /// The marks as they are now, to be saved by [`SaveJob::run`] on any thread. `into` names another
    /// folder than the one they came from.
    pub fn save_job(&mut self, into: Option<&Path>, overwrite: Overwrite) -> SaveJob {
        self.record();
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
            journal: self.recorder.as_ref().map(Recorder::mark),
            author: self.session.author().to_owned(),
            overwrite,
        }
    }

    /// The journal goes where the case went; what of it is not saved yet goes with it.
    fn move_journal(&mut self) {
        let Some(recorder) = self.recorder.take() else { return };
        let Some(old) = recorder.end() else {
            match self.draft_journal(&self.files.journal()) {
                Ok(draft) => self.recorder = Some(self.recorder_of(Kept::Draft(draft))),
                Err(error) => tracing::error!("{error}"),
            }
            return;
        };
        match self.journal_of_moved_case(&old) {
            Ok(recorder) => {
                self.recorder = Some(recorder);
                if let Err(error) = old.remove() {
                    tracing::warn!("the journal could not be removed: {error}");
                }
            }
            Err(error) => {
                tracing::error!("{error}");
                self.recorder = Some(self.recorder_of(Kept::Begun(old)));
            }
        }
    }

    fn journal_of_moved_case(&self, old: &Journal) -> Result<Recorder, JournalError> {
        let study = self.identity.get_or_init(|| StudyIdentity::of(&self.study));
        let unusable = |source| JournalError::Unusable { path: old.path().to_owned(), source };
        let made_since = match store::find_journal(old.path())? {
            Some(found) => {
                let unsaved = found.unsaved(study, self.seen.as_ref())?;
                unsaved.events().collect::<io::Result<_>>().map_err(unusable)?
            }
            None => Vec::new(),
        };
        let draft = self.draft_journal(&self.files.journal())?;
        let mut recorder = self.recorder_of(Kept::Begun(draft.begin(Box::new(LocalDisk))?));
        recorder.add(made_since, now());
        Ok(recorder)
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
            let moved = self.files != outcome.files;
            self.files = outcome.files;
            self.seen = Some(saved.seen.clone());
            if let (Some(recorder), Some(mark)) = (&self.recorder, outcome.journal) {
                recorder.fold(mark.events);
            }
            if moved {
                self.move_journal();
            }
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
    journal: Option<JournalMark>,
    overwrite: Overwrite,
}

/// What a save came to.
pub struct SaveOutcome {
    result: Result<Saved, SaveError>,
    changes: u64,
    files: CaseFiles,
    journal: Option<JournalMark>,
}

impl SaveJob {
    /// Writes, reads again and proves; takes as long as that does, or until `watch` calls it off.
    pub fn run(self, watch: &dyn Watch) -> SaveOutcome {
        let identity = self.identity.get_or_init(|| StudyIdentity::of(&self.study));
        let request = SaveRequest {
            case: &self.case,
            study: identity,
            files: &self.files,
            seen: self.seen.as_ref(),
            journal: self.journal.as_ref(),
            by: Signature { author: self.author, time: now() },
            overwrite: self.overwrite,
        };
        let result = store::save_on(&LocalDisk, &request, watch);
        SaveOutcome { result, changes: self.changes, files: self.files, journal: self.journal }
    }
}

/// A form's name in the folder of a case, or in the one above it.
const FORM: &str = "annotomy-form.json";
/// Bytes of the longest form that is read.
const LONGEST_FORM: u64 = 1 << 20;

/// The form that lies with a case, where one does; in a sentence why it cannot be used.
fn find_form(folder: &Path) -> Result<Option<Form>, String> {
    let places = [Some(folder), folder.parent()].into_iter().flatten().map(|folder| folder.join(FORM));
    match places.into_iter().find(|path| path.is_file()) {
        Some(path) => read_form(&path).map(Some),
        None => Ok(None),
    }
}

/// Reads a form; in a sentence why it is none.
pub fn read_form(path: &Path) -> Result<Form, String> {
    let bytes = format::read_plain(path, LONGEST_FORM);
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other));
    let form = text
        .map_err(|error| error.to_string())
        .and_then(|text| Form::parse(&text).map_err(|error| error.to_string()));
    form.map_err(|error| format!("{}: {error}", path.display()))
}

/// Who is at the machine, as the system names them; empty where it does not.
pub fn system_author() -> String {
    ["USER", "USERNAME", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default()
}

/// What the first steps take on disk, a large one too.
const FIRST_STEPS_BYTES: usize = 256 << 10;

/// Whether a folder can be written into and has room for the first steps.
fn try_disk(folder: &Path) -> io::Result<()> {
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(&vec![1; FIRST_STEPS_BYTES])?;
    // A full disk may say so no sooner.
    file.sync_data()
}
