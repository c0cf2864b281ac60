//! Steps on disk as they are made: undo, autosave and what comes back after a crash are one stream.
//!
//! The file is a line that names it and then [frames](super::frames). The first one is the [`Head`],
//! every later one an [`Entry`]. A damaged frame ends the stream: it is what a machine was writing when
//! it stopped. Entries are read one at a time, so that a long day's journal needs no more memory than a
//! short one's.
//!
//! A journal begins at a saved state and numbers its events from there. A sidecar remembers which
//! events it already holds, so that a stop between a save and the next entry repeats nothing.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::disk::Disk;
use super::fingerprint::Digest;
use super::frames::{FrameFile, Place, frame, frames_from};
use super::save::Seen;
use super::sidecar::{Program, Signature};
use super::study::{StudyChanges, StudyIdentity, StudyRecord};
use crate::case::{HistoryEvent, Step};
use crate::format::open_plain;

/// The first line of every journal.
const NAME: &[u8] = b"annotomy-journal 1\n";
/// Steps kept for undo across a save may hold this much.
const KEPT_BYTES: u64 = 256 << 20;
/// What is written at once when a journal is written anew.
const WRITTEN_AT_ONCE: usize = 4 << 20;

/// Which events of which journal a saved case holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalMark {
    /// The journal.
    pub id: String,
    /// Its events up to here, counted from its beginning.
    pub events: u64,
}

/// What a journal is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Head {
    id: String,
    program: Program,
    begun: Signature,
    study: StudyRecord,
    /// The sidecar on which it begins; `None` where there was none yet.
    base: Option<Digest>,
    /// Events that are no longer in this file, because a sidecar holds them.
    folded: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Entry {
    /// A step that the saved state holds, kept so that it can be taken back; oldest first.
    Done(Step),
    /// A step that was taken back before the state was saved, kept so that it can be made again; the
    /// one to be made last comes first.
    Undone(Step),
    /// Something that happened after.
    Event { time: String, event: HistoryEvent },
}

/// Why there is no journal to write into.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another window or program writes into it.
    #[error("{}: another window has this case open", path.display())]
    Busy {
        /// The journal.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error("{}: cannot be used: {source}", path.display())]
    Unusable {
        /// The journal.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It tells steps of something else.
    #[error("{}: holds unsaved steps that do not fit what is open: {why}; it was left as it is", path.display())]
    Stranger {
        /// The journal.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
}

/// What a journal on disk tells.
#[derive(Clone, Debug)]
pub struct FoundJournal {
    path: PathBuf,
    head: Head,
    frames: FrameFile,
    /// Steps that the state it begins at holds, and such as were taken back before it.
    done: Vec<Place>,
    undone: Vec<Place>,
    events: Vec<FoundEvent>,
    whole_bytes: u64,
    torn: bool,
}

#[derive(Clone, Debug)]
struct FoundEvent {
    place: Place,
    kind: EventKind,
    time: String,
}

#[derive(Clone, Copy, Debug)]
enum EventKind {
    Committed,
    Undone,
    Redone,
}

impl EventKind {
    fn of(event: &HistoryEvent) -> Self {
        match event {
            HistoryEvent::Committed(_) => Self::Committed,
            HistoryEvent::Undone => Self::Undone,
            HistoryEvent::Redone => Self::Redone,
        }
    }
}

/// The steps of a journal from a saved state on. They stay on the disk until they are asked for.
#[derive(Clone, Debug)]
pub struct Unsaved {
    frames: FrameFile,
    done: Vec<Place>,
    undone: Vec<Place>,
    events: Vec<Place>,
    /// When the last of it happened, UTC, RFC 3339.
    pub last: Option<String>,
}

impl Unsaved {
    /// Steps that the saved state holds, oldest first.
    pub fn done(&self) -> impl Iterator<Item = io::Result<Step>> {
        self.done.iter().map(|place| self.step(*place))
    }

    /// Steps taken back from it, the one to be made next last.
    pub fn undone(&self) -> impl Iterator<Item = io::Result<Step>> {
        self.undone.iter().map(|place| self.step(*place))
    }

    /// What happened after, in order.
    pub fn events(&self) -> impl Iterator<Item = io::Result<HistoryEvent>> {
        self.events.iter().map(|place| match self.frames.read(*place)? {
            Entry::Event { event, .. } => Ok(event),
            Entry::Done(_) | Entry::Undone(_) => Err(io::Error::other("the journal changed meanwhile")),
        })
    }

    /// How much happened after.
    pub fn event_count(&self) -> usize {
        self.events.len()
    }

    fn step(&self, place: Place) -> io::Result<Step> {
        step_of(self.frames.read(place)?)
    }
}

fn step_of(entry: Entry) -> io::Result<Step> {
    match entry {
        Entry::Done(step) | Entry::Undone(step) => Ok(step),
        Entry::Event { event: HistoryEvent::Committed(step), .. } => Ok(step),
        Entry::Event { .. } => Err(io::Error::other("the journal changed meanwhile")),
    }
}

/// Reads the journal at `path`; `None` where there is none, or one that never came to its head.
pub fn find_journal(path: &Path) -> Result<Option<FoundJournal>, JournalError> {
    let unusable = |source| JournalError::Unusable { path: path.to_owned(), source };
    let mut file = match open_plain(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(error)),
    };
    let total = file.metadata().map_err(unusable)?.len();
    let mut name = [0; NAME.len()];
    if total == 0 {
        return Ok(None);
    }
    if file.read_exact(&mut name).is_err() || name != NAME {
        let why = "it is no journal of this version".to_owned();
        return Err(JournalError::Stranger { path: path.to_owned(), why });
    }
    let again = FrameFile::new(open_plain(path).map_err(unusable)?);
    let mut frames = frames_from(file, NAME.len() as u64).map_err(unusable)?;
    let Some((_, head)) = frames.next::<Head>().map_err(unusable)? else { return Ok(None) };
    let (mut done, mut undone, mut events) = (Vec::new(), Vec::new(), Vec::new());
    while let Some((place, entry)) = frames.next::<Entry>().map_err(unusable)? {
        match entry {
            Entry::Done(_) => done.push(place),
            Entry::Undone(_) => undone.push(place),
            Entry::Event { time, event } => {
                events.push(FoundEvent { place, kind: EventKind::of(&event), time });
            }
        }
    }
    let (whole_bytes, torn) = (frames.at(), frames.at() < total);
    let path = path.to_owned();
    Ok(Some(FoundJournal { path, head, frames: again, done, undone, events, whole_bytes, torn }))
}

impl FoundJournal {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its end was cut off in the middle of an entry, which was left out.
    pub fn is_torn(&self) -> bool {
        self.torn
    }

    /// What it holds beyond the case as `seen` on disk, of the study at hand. Where it tells of
    /// another study or another state, that is an error and the journal stays.
    pub fn unsaved(&self, study: &StudyIdentity, seen: Option<&Seen>) -> Result<Unsaved, JournalError> {
        let stranger = |why: String| JournalError::Stranger { path: self.path.clone(), why };
        let changes = self.head.study.changes_to(&study.record);
        if !changes.is_empty() {
            return Err(stranger(StudyChanges(changes).to_string()));
        }
        let mark = seen.and_then(Seen::journal_mark).filter(|mark| mark.id == self.head.id);
        let held = match mark {
            Some(mark) => mark.events.checked_sub(self.head.folded),
            // It began at this very state.
            None if self.head.base == seen.and_then(Seen::sidecar_sha256) && self.head.folded == 0 => Some(0),
            None => None,
        };
        let held = held.and_then(|held| usize::try_from(held).ok()).filter(|held| *held <= self.events.len());
        let Some(held) = held else {
            return Err(stranger("they follow on another save than the one that lies there".to_owned()));
        };
        let (before, after) = self.events.split_at(held);
        let (done, undone) = folded(self.done.clone(), self.undone.clone(), before);
        Ok(Unsaved {
            frames: self.frames.clone(),
            done,
            undone,
            events: after.iter().map(|event| event.place).collect(),
            last: after.last().map(|event| event.time.clone()),
        })
    }
}

/// The steps done and undone after some events.
fn folded(mut done: Vec<Place>, mut undone: Vec<Place>, events: &[FoundEvent]) -> (Vec<Place>, Vec<Place>) {
    for event in events {
        match event.kind {
            EventKind::Committed => {
                undone.clear();
                done.push(event.place);
            }
            EventKind::Undone => undone.extend(done.pop()),
            EventKind::Redone => done.extend(undone.pop()),
        }
    }
    (done, undone)
}

/// What a journal that begins has to tell of itself.
#[derive(Clone, Copy, Debug)]
pub struct JournalStart<'a> {
    /// The study.
    pub study: &'a StudyIdentity,
    /// The case as it lies on disk.
    pub seen: Option<&'a Seen>,
    /// Who works, and when.
    pub by: &'a Signature,
}

/// A journal that is being written. While it is, no other program can write it.
pub struct Journal {
    disk: Box<dyn Disk + Send>,
    file: File,
    path: PathBuf,
    id: String,
    /// Bytes that are whole and on the disk.
    whole_bytes: u64,
    /// Events since its beginning.
    events: u64,
}

/// A journal that is about to begin: nothing of it is on disk yet.
#[derive(Clone, Debug)]
pub struct JournalDraft {
    path: PathBuf,
    id: String,
    frames: Vec<u8>,
}

impl JournalDraft {
    /// What a journal at `path` will begin with.
    pub fn new(path: &Path, start: &JournalStart<'_>) -> Result<Self, JournalError> {
        let head = Head {
            id: Uuid::new_v4().to_string(),
            program: Program::this(),
            begun: start.by.clone(),
            study: start.study.record_from(path.parent().unwrap_or(Path::new("."))),
            base: start.seen.and_then(Seen::sidecar_sha256),
            folded: 0,
        };
        let path = path.to_owned();
        match frame(&head) {
            Ok(frames) => Ok(Self { path, id: head.id, frames }),
            Err(source) => Err(JournalError::Unusable { path, source }),
        }
    }

    /// The file it will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name, and that it holds no event.
    pub fn mark(&self) -> JournalMark {
        JournalMark { id: self.id.clone(), events: 0 }
    }

    /// Begins the journal. Steps that another session left in one of the same name meanwhile are kept
    /// under another name.
    pub fn begin(&self, disk: Box<dyn Disk + Send>) -> Result<Journal, JournalError> {
        // Whoever writes the file that lies there has it locked.
        if let Ok(there) = open_plain(&self.path) {
            lock(&there, &self.path)?;
            let holds_steps = match find_journal(&self.path) {
                Ok(found) => found.is_some_and(|found| !found.events.is_empty()),
                Err(_) => true,
            };
            if holds_steps {
                set_aside(&self.path)?;
            }
        }
        let frames = std::iter::once(Ok(self.frames.clone()));
        let (file, whole_bytes) = replaced(&*disk, &self.path, frames)?;
        let (path, id) = (self.path.clone(), self.id.clone());
        Ok(Journal { disk, file, path, id, whole_bytes, events: 0 })
    }
}

/// Gives a journal that cannot be used, and must not be lost, another name in its folder.
pub fn set_aside(path: &Path) -> Result<PathBuf, JournalError> {
    let unusable = |source| JournalError::Unusable { path: path.to_owned(), source };
    let numbered = |number: usize| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    let free = (1..).map(numbered).find(|name| !name.exists()).expect("numbers do not end");
    fs::rename(path, &free).map_err(unusable)?;
    Ok(free)
}

impl Journal {
    /// Begins a journal at the state on disk.
    pub fn begin(
        disk: Box<dyn Disk + Send>,
        path: &Path,
        start: &JournalStart<'_>,
    ) -> Result<Self, JournalError> {
        JournalDraft::new(path, start)?.begin(disk)
    }

    /// Goes on with a journal that was found, behind its last whole entry.
    pub fn resume(disk: Box<dyn Disk + Send>, found: &FoundJournal) -> Result<Self, JournalError> {
        let path = found.path.clone();
        let unusable = |source| JournalError::Unusable { path: path.clone(), source };
        let mut file = File::options().read(true).write(true).open(&path).map_err(unusable)?;
        lock(&file, &path)?;
        file.set_len(found.whole_bytes).map_err(unusable)?;
        file.seek(SeekFrom::End(0)).map_err(unusable)?;
        let events = found.head.folded + found.events.len() as u64;
        Ok(Self { disk, file, path, id: found.head.id.clone(), whole_bytes: found.whole_bytes, events })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name and how many events it holds.
    pub fn mark(&self) -> JournalMark {
        JournalMark { id: self.id.clone(), events: self.events }
    }

    /// Adds events; when this returns they are on the disk itself. After an error none of them is, and
    /// they may be added again.
    pub fn append(&mut self, events: &[HistoryEvent], time: &str) -> io::Result<()> {
        let mut bytes = Vec::new();
        for event in events {
            bytes.extend(frame(&Entry::Event { time: time.to_owned(), event: event.clone() })?);
        }
        let written = self
            .disk
            .write(&mut self.file, &self.path, &bytes)
            .and_then(|()| self.disk.sync(&self.file, &self.path));
        if let Err(error) = written {
            // Should this fail too, reading stops at what is torn, and so does the next writing.
            self.file.set_len(self.whole_bytes)?;
            self.file.seek(SeekFrom::Start(self.whole_bytes))?;
            return Err(error);
        }
        self.whole_bytes += bytes.len() as u64;
        self.events += events.len() as u64;
        Ok(())
    }

    /// Goes on in another place, the disk it lies on being full, say: all of it is brought there, and then
    /// nothing stays behind. After an error it is where it was.
    pub fn move_to(&mut self, path: &Path) -> Result<(), JournalError> {
        let unusable = |source| JournalError::Unusable { path: path.to_owned(), source };
        let mut frames = Vec::new();
        let start = NAME.len() as u64;
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(start))?;
            file.take(self.whole_bytes - start).read_to_end(&mut frames)
        });
        read.map_err(unusable)?;
        (self.file, self.whole_bytes) = replaced(&*self.disk, path, std::iter::once(Ok(frames)))?;
        let left = std::mem::replace(&mut self.path, path.to_owned());
        if let Err(error) = self.disk.remove(&left) {
            // It holds nothing that the other does not.
            tracing::warn!("{}: {error}", left.display());
        }
        Ok(())
    }

    /// Leaves out the first `held` events, which a save holds now: of them stays what undo needs.
    pub fn fold(&mut self, held: u64) -> Result<(), JournalError> {
        let Some(found) = find_journal(&self.path)? else { return Ok(()) };
        let gone = held.saturating_sub(found.head.folded).min(found.events.len() as u64) as usize;
        let (before, after) = found.events.split_at(gone);
        let (mut done, undone) = folded(found.done, found.undone, before);
        let head = Head { folded: found.head.folded + gone as u64, ..found.head };
        let mut kept = 0;
        let reach_back = |place: &&Place| {
            kept += place.bytes;
            kept <= KEPT_BYTES
        };
        let forgotten = done.len() - done.iter().rev().take_while(reach_back).count();
        done.drain(..forgotten);
        let old = &found.frames;
        let done = done.into_iter().map(|place| frame(&Entry::Done(step_of(old.read(place)?)?)));
        let undone = undone.into_iter().map(|place| frame(&Entry::Undone(step_of(old.read(place)?)?)));
        let after = after.iter().map(|event| old.bytes(event.place));
        let frames = std::iter::once(frame(&head)).chain(done).chain(undone).chain(after);
        (self.file, self.whole_bytes) = replaced(&*self.disk, &self.path, frames)?;
        Ok(())
    }

    /// Removes it: everything in it is saved, or given up.
    pub fn remove(self) -> io::Result<()> {
        self.disk.remove(&self.path)
    }
}

/// A file in the place of `path` with these frames, locked, and on the disk whole before it takes the
/// name; and its length.
fn replaced(
    disk: &dyn Disk,
    path: &Path,
    frames: impl Iterator<Item = io::Result<Vec<u8>>>,
) -> Result<(File, u64), JournalError> {
    let unusable = |source| JournalError::Unusable { path: path.to_owned(), source };
    let mut waiting = path.as_os_str().to_owned();
    waiting.push(".part");
    let waiting = PathBuf::from(waiting);
    let made = || -> io::Result<(File, u64)> {
        let mut file = disk.create(&waiting)?;
        let mut length = 0;
        let mut bytes = NAME.to_vec();
        for frame in frames {
            bytes.extend(frame?);
            if bytes.len() >= WRITTEN_AT_ONCE {
                disk.write(&mut file, &waiting, &bytes)?;
                length += bytes.len() as u64;
                bytes.clear();
            }
        }
        disk.write(&mut file, &waiting, &bytes)?;
        disk.sync(&file, &waiting)?;
        Ok((file, length + bytes.len() as u64))
    };
    let (file, length) = made().map_err(unusable)?;
    lock(&file, &waiting)?;
    let named = disk.rename(&waiting, path).and_then(|()| match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => disk.sync_folder(folder),
        _ => Ok(()),
    });
    if let Err(error) = named {
        // Nothing refers to it; at worst it stays.
        let _ = fs::remove_file(&waiting);
        return Err(unusable(error));
    }
    Ok((file, length))
}

/// Takes the lock of a journal's file for as long as it is open. Where the disk knows no locks there
/// is none.
fn lock(file: &File, path: &Path) -> Result<(), JournalError> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(JournalError::Busy { path: path.to_owned() }),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}
