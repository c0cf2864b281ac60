//! Saving: all of a case or none of it, whenever the machine stops.
//!
//! A case is several files, and no disk replaces several at once. So every file is first written
//! under a name of its own (`NAME.SAVE_ID.part`), brought to the disk, read again and proven. Then the
//! sidecar takes its place: that one rename is the moment of the save, for the sidecar names every
//! other file by SHA-256. Then the others take theirs. A stop before that moment leaves the old case
//! untouched; after it, opening finds by SHA-256 whichever parts still wait under their first name.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::disk::{Disk, LocalDisk, lock_folder};
use super::fingerprint::Digest;
use super::journal::JournalMark;
use super::names::CaseFiles;
use super::receipt::{Mismatch, Receipt, prove};
use super::sidecar::{
    self, AnnotationRecord, ClassificationRecord, FileRecord, LayerRecord, Program, Sidecar, SidecarError,
    Signature,
};
use super::study::{StudyChanges, StudyIdentity};
use super::table;
use crate::case::{Case, LayerOrigin};
use crate::format::{Silent, Watch, nifti, read_plain};

/// What is to be saved, where, by whom, and what may be lost by it.
#[derive(Clone, Debug)]
pub struct SaveRequest<'a> {
    /// The marks; a clone of the case that goes on being edited will do.
    pub case: &'a Case,
    /// The study they lie on.
    pub study: &'a StudyIdentity,
    /// Where they go. The folder must exist.
    pub files: &'a CaseFiles,
    /// What opening or the last save found on disk, where there was one.
    pub seen: Option<&'a Seen>,
    /// What of a journal the marks are made of, where one is kept.
    pub journal: Option<&'a JournalMark>,
    /// Who saves, and when.
    pub by: Signature,
    /// What may be written over.
    pub overwrite: Overwrite,
}

/// What a save may write over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// Only what [`Seen`] knows: nobody's work is lost.
    Seen,
    /// As [`Self::Seen`], though the study's own files were replaced since they were read, because a
    /// person said so: the marks stay those of the former study.
    SeenOfFormerStudy,
    /// Whatever lies there, because a person said so. A sidecar of a newer version stays even then.
    Anything,
}

/// A case on disk as this program last read or wrote it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub(super) sidecar: Option<SeenSidecar>,
    pub(super) parts: Vec<(PathBuf, Digest)>,
}

#[derive(Clone, Debug)]
pub(super) struct SeenSidecar {
    pub(super) path: PathBuf,
    pub(super) sha256: Digest,
    pub(super) json: Arc<Value>,
}

impl Seen {
    /// What of which journal that state holds, where one was kept.
    pub fn journal_mark(&self) -> Option<JournalMark> {
        let mark = self.sidecar.as_ref()?.json.get("journal")?;
        serde_json::from_value(mark.clone()).ok()
    }

    /// The sidecar's digest, which names this state of the case; `None` before the first save.
    pub fn sidecar_sha256(&self) -> Option<Digest> {
        self.sidecar.as_ref().map(|sidecar| sidecar.sha256)
    }
}

/// A finished save.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The proof that was written into the sidecar.
    pub receipt: Receipt,
    /// The sidecar.
    pub sidecar: PathBuf,
    /// For the next save.
    pub seen: Seen,
    /// A file of the study that is no longer there.
    pub missing_source: Option<PathBuf>,
}

/// Why a save did not happen. But for [`Self::Unfinished`], what lay on disk lies there unchanged.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The place does not take files: read-only, full, gone. Another place would help.
    #[error("{}: cannot be written: {source}; choose another folder", path.display())]
    CannotWrite {
        /// What was to be written.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The marks there belong to the study as it was before it changed.
    #[error("{}: holds marks of another state of this study ({changes}); nothing was written", sidecar.display())]
    StudyChanged {
        /// The sidecar there.
        sidecar: PathBuf,
        /// What changed.
        changes: StudyChanges,
    },
    /// The study was replaced since it was read.
    #[error("{}: was replaced since it was opened ({what}); the marks were drawn on what it was before, and nothing was written", path.display())]
    StudyReplaced {
        /// The replaced file.
        path: PathBuf,
        /// What changed, or why what lies there now cannot be opened.
        what: String,
    },
    /// Somebody else saved since the case was opened.
    #[error("{}: was changed by another program since it was opened; nothing was written", path.display())]
    ChangedOnDisk {
        /// The changed file.
        path: PathBuf,
    },
    /// A file that Annotomy did not write has a name that the save needs.
    #[error("{}: was not written by Annotomy; nothing was written, move it or choose another folder", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The sidecar there is of a newer version of this program.
    #[error("{}: was saved by a newer Annotomy (version {version} of the file); update, or choose another folder", path.display())]
    Newer {
        /// The sidecar there.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
    /// Whoever watches called it off before its moment.
    #[error("saving was stopped; nothing was written")]
    Cancelled,
    /// A file that was just written does not hold what it should.
    #[error("{}: was written and read again, but {mismatch}; the former file stays", path.display())]
    Unproven {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        mismatch: Mismatch,
    },
    /// The marks are saved and will be found, but a file could not be put in its place: other
    /// programs still see the former one.
    #[error("{}: the marks are saved, but this file cannot be replaced: {source}; close it elsewhere and save again", path.display())]
    Unfinished {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
        /// The save.
        saved: Box<Saved>,
    },
}

/// Saves a case and proves it. Takes as long as writing and reading the masks does.
pub fn save(request: &SaveRequest<'_>) -> Result<Saved, SaveError> {
    save_on(&LocalDisk, request, &Silent)
}

/// [`save`] on a disk of the caller's, told of and called off by `watch`. After its moment it is no longer
/// called off.
pub fn save_on(disk: &dyn Disk, request: &SaveRequest<'_>, watch: &dyn Watch) -> Result<Saved, SaveError> {
    let SaveRequest { case, study, files, .. } = request;
    debug_assert!(
        study.record.grid().is_some_and(|grid| grid.is_same_as(case.volume().grid())),
        "a case is saved with the identity of its own study"
    );
    let folder = files.folder();
    let _lock = lock_folder(folder).map_err(cannot_write(folder))?;
    let before = Before::look(request)?;
    let missing_source = refuse_replaced_study(request)?;
    let mut staged = Staged { disk, save_id: new_save_id(), places: Vec::new(), committed: false };

    let mut receipt = Receipt { tolerance_mm: case.volume().grid().tolerance_mm(), layers: Vec::new() };
    let mut layers = Vec::new();
    // Each layer is written and read again, the rest is small.
    let parts = 2.0 * case.layers().len() as f64 + 1.0;
    let go_on = |part: f64| {
        watch.progress(part / parts);
        if watch.is_cancelled() { Err(SaveError::Cancelled) } else { Ok(()) }
    };
    for (number, labels) in case.layers().iter().enumerate() {
        let place = files.mask(number);
        go_on(2.0 * number as f64)?;
        let waiting = staged.write(&place, |file| nifti::write_labels(file, labels, &study.geometry))?;
        let file = name_of(&place);
        go_on(2.0 * number as f64 + 1.0)?;
        let proven = prove(&waiting, &file, case.volume().grid(), labels)
            .map_err(|mismatch| SaveError::Unproven { path: place, mismatch })?;
        let counts = sidecar::count_records(&proven.counts);
        let LayerOrigin { file: origin, name } = case.layer_origins()[number].clone();
        layers.push(LayerRecord {
            file,
            sha256: proven.sha256,
            counts,
            origin,
            name,
            visible: case.is_layer_shown(number),
            interpolated: sidecar::interpolated_records(case, number),
        });
        receipt.layers.push(proven.receipt);
    }
    let waiting = staged.write(&files.table(), |file| table::write(file, case.scheme()))?;
    let table_sha256 = Digest::of_file(&waiting).map_err(cannot_write(&waiting))?;

    let study = study.record_from(folder);
    let sidecar = Sidecar {
        annotomy: sidecar::VERSION,
        program: Program::this(),
        created: request.created(),
        saved: request.by.clone(),
        save_id: staged.save_id.clone(),
        sources: study.sources(),
        spatial_reference: "orig".to_owned(),
        manual: true,
        study,
        labels: sidecar::label_records(case.scheme()),
        layers,
        table: FileRecord { file: name_of(&files.table()), sha256: table_sha256 },
        superseded: before.files.clone(),
        annotations: case.annotations().iter().map(AnnotationRecord::of).collect(),
        classifications: case
            .classifications()
            .iter()
            .map(|(subject, said)| ClassificationRecord::of(*subject, said))
            .collect(),
        receipt: receipt.clone(),
        journal: request.journal.cloned(),
    };
    let seen = Seen {
        sidecar: Some(staged.write_sidecar(request, &sidecar)?),
        parts: sidecar.files().map(|part| (files.named(&part.file), part.sha256)).collect(),
    };
    if Before::look(request)? != before {
        return Err(SaveError::ChangedOnDisk { path: files.sidecar() });
    }
    go_on(parts)?;
    staged.commit(files)?;
    let saved = Saved { receipt, sidecar: files.sidecar(), seen, missing_source };
    match staged.finish(files, &before.outdated_by(&sidecar)) {
        Ok(()) => Ok(saved),
        Err((path, source)) => Err(SaveError::Unfinished { path, source, saved: Box::new(saved) }),
    }
}

/// Refuses to save marks under a study that is not the one they were drawn on. A study that is gone
/// stands in nobody's way: its file is returned, to be told.
fn refuse_replaced_study(request: &SaveRequest<'_>) -> Result<Option<PathBuf>, SaveError> {
    let Some((path, now)) = request.study.touched_file() else { return Ok(None) };
    if now.is_none() {
        return Ok(Some(path.to_owned()));
    }
    if request.overwrite != Overwrite::Seen {
        return Ok(None);
    }
    // Written again, but perhaps with the same voxels.
    let what = match request.study.changes_on_disk() {
        Ok(changes) if changes.is_empty() => return Ok(None),
        Ok(changes) => StudyChanges(changes).to_string(),
        Err(refusal) => refusal.to_string(),
    };
    Err(SaveError::StudyReplaced { path: path.to_owned(), what })
}

impl SaveRequest<'_> {
    /// What of an older sidecar goes on: the one this case came from.
    fn older(&self) -> Option<&Value> {
        self.seen?.sidecar.as_ref().map(|sidecar| &*sidecar.json)
    }

    fn created(&self) -> Signature {
        let older = self.older().and_then(|older| older.get("created"));
        older
            .and_then(|created| serde_json::from_value(created.clone()).ok())
            .unwrap_or_else(|| self.by.clone())
    }

    fn knows(&self, path: &Path, sha256: Digest) -> bool {
        self.seen.is_some_and(|seen| seen.parts.iter().any(|part| part.0 == path && part.1 == sha256))
    }
}

/// What lies in the places of a save, all of which may be written over.
#[derive(PartialEq)]
struct Before {
    sidecar_sha256: Option<Digest>,
    /// Masks and tables that lie there.
    files: Vec<FileRecord>,
}

impl Before {
    fn look(request: &SaveRequest<'_>) -> Result<Self, SaveError> {
        let files = request.files;
        let path = files.sidecar();
        let mut listed = Vec::new();
        let mut sidecar_sha256 = None;
        if let Some(bytes) = read_if_there(&path).map_err(cannot_write(&path))? {
            let sha256 = Digest::of(&bytes);
            sidecar_sha256 = Some(sha256);
            listed = Self::listed_in(request, &path, &bytes, sha256)?;
        }
        let masks = (0..request.case.layers().len()).map(|layer| files.mask(layer));
        let needed: Vec<PathBuf> = masks.chain([files.table()]).collect();
        let listed_places = listed.iter().map(|part: &FileRecord| files.named(&part.file));
        let mut places: Vec<PathBuf> = needed.iter().cloned().chain(listed_places).collect();
        places.sort();
        places.dedup();
        let mut there = Vec::new();
        for path in places {
            let sha256 = match Digest::of_file(&path) {
                Ok(sha256) => sha256,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(cannot_write(&path)(error)),
            };
            let part = FileRecord { file: name_of(&path), sha256 };
            let ours = request.knows(&path, sha256) || listed.contains(&part);
            if !ours && request.overwrite != Overwrite::Anything {
                let named_by_us = listed.iter().any(|listed| listed.file == part.file);
                return Err(match named_by_us {
                    true => SaveError::ChangedOnDisk { path },
                    false => SaveError::Foreign { path },
                });
            }
            if ours || needed.contains(&path) {
                there.push(part);
            }
        }
        Ok(Self { sidecar_sha256, files: there })
    }

    /// The files that the sidecar there names, if the sidecar itself may be written over.
    fn listed_in(
        request: &SaveRequest<'_>,
        path: &Path,
        bytes: &[u8],
        sha256: Digest,
    ) -> Result<Vec<FileRecord>, SaveError> {
        let path = path.to_owned();
        let anything = request.overwrite == Overwrite::Anything;
        let sidecar = match sidecar::parse(bytes) {
            Ok(parsed) => parsed.sidecar,
            Err(SidecarError::Newer(version)) => return Err(SaveError::Newer { path, version }),
            Err(SidecarError::Foreign | SidecarError::Damaged(_)) if anything => return Ok(Vec::new()),
            Err(SidecarError::Foreign | SidecarError::Damaged(_)) => return Err(SaveError::Foreign { path }),
        };
        if !anything {
            let changes = sidecar.study.changes_to(&request.study.record);
            if !changes.is_empty() {
                return Err(SaveError::StudyChanged { sidecar: path, changes: StudyChanges(changes) });
            }
            let seen = request.seen.and_then(|seen| seen.sidecar.as_ref());
            if seen.is_none_or(|seen| (&seen.path, seen.sha256) != (&path, sha256)) {
                return Err(SaveError::ChangedOnDisk { path });
            }
        }
        let listed = sidecar.files().chain(sidecar.superseded.iter().cloned());
        // Whatever else a sidecar may name is not this case's to replace.
        Ok(listed.filter(|part| request.files.has(&request.files.named(&part.file))).collect())
    }

    /// The files there that a new sidecar has no use for.
    fn outdated_by(&self, sidecar: &Sidecar) -> Vec<String> {
        let used = |file: &str| sidecar.files().any(|part| part.file == file);
        self.files.iter().map(|part| part.file.clone()).filter(|file| !used(file)).collect()
    }
}

/// The files of a save while they wait for their places.
struct Staged<'a> {
    disk: &'a dyn Disk,
    save_id: String,
    places: Vec<PathBuf>,
    committed: bool,
}

impl Staged<'_> {
    /// Writes a file that is to lie at `place` and brings it to the disk. Gives where it waits.
    fn write(
        &mut self,
        place: &Path,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<PathBuf, SaveError> {
        let at = waiting_path(place, &self.save_id);
        self.places.push(place.to_owned());
        let mut file = BufWriter::new(self.disk.create(&at).map_err(cannot_write(place))?);
        write(&mut file)
            .and_then(|()| file.flush())
            .and_then(|()| self.disk.sync(file.get_ref(), &at))
            .map_err(cannot_write(place))?;
        Ok(at)
    }

    /// Writes the sidecar, reads it again and compares.
    fn write_sidecar(
        &mut self,
        request: &SaveRequest<'_>,
        sidecar: &Sidecar,
    ) -> Result<SeenSidecar, SaveError> {
        let path = request.files.sidecar();
        let text = sidecar.to_text(request.older()).map_err(|error| cannot_write(&path)(error.into()))?;
        let waiting = self.write(&path, |file| file.write_all(text.as_bytes()))?;
        let bytes = fs::read(&waiting).map_err(cannot_write(&path))?;
        let unproven = |reason: String| SaveError::Unproven {
            path: path.clone(),
            mismatch: Mismatch::Unreadable(reason),
        };
        let parsed = sidecar::parse(&bytes).map_err(|error| unproven(error.to_string()))?;
        let case = request.case;
        let read = &parsed.sidecar;
        let differs = [
            ("labels", read.scheme() != *case.scheme()),
            ("marks", read.marks() != case.annotations()),
            ("answers", read.classifications() != *case.classifications()),
            ("particulars", *read != *sidecar),
        ];
        if let Some((what, _)) = differs.into_iter().find(|(_, differ)| *differ) {
            return Err(unproven(format!("it tells other {what}")));
        }
        Ok(SeenSidecar { sha256: Digest::of(&bytes), json: Arc::new(parsed.json), path })
    }

    /// Puts the sidecar in its place: the moment of the save. Everything it names is on the disk by
    /// then.
    fn commit(&mut self, files: &CaseFiles) -> Result<(), SaveError> {
        let (folder, place) = (files.folder(), files.sidecar());
        self.disk.sync_folder(folder).map_err(cannot_write(folder))?;
        let waiting = waiting_path(&place, &self.save_id);
        self.disk.rename(&waiting, &place).map_err(cannot_write(&place))?;
        self.committed = true;
        Ok(())
    }

    /// Puts everything else in its place and clears away what has no use any more. The sidecar must
    /// be on the disk before the first former file goes.
    fn finish(&self, files: &CaseFiles, outdated: &[String]) -> Result<(), (PathBuf, io::Error)> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error| (path, error)
        };
        let folder = files.folder();
        self.disk.sync_folder(folder).map_err(at(folder))?;
        for place in self.places.iter().filter(|place| **place != files.sidecar()) {
            self.disk.rename(&waiting_path(place, &self.save_id), place).map_err(at(place))?;
        }
        for file in outdated {
            let path = files.named(file);
            self.disk.remove(&path).map_err(at(&path))?;
        }
        for path in left_waiting(files) {
            self.disk.remove(&path).map_err(at(&path))?;
        }
        self.disk.sync_folder(folder).map_err(at(folder))
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if !self.committed {
            for place in &self.places {
                // Nothing refers to it; at worst it stays until the next save.
                let _ = self.disk.remove(&waiting_path(place, &self.save_id));
            }
        }
    }
}

/// Where a file of the save `save_id` waits for its place.
pub(super) fn waiting_path(place: &Path, save_id: &str) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(format!(".{save_id}.part"));
    name.into()
}

/// The file that waits under this name for its place, as [`waiting_path`] has it.
fn place_of(waiting: &Path) -> Option<PathBuf> {
    let place = waiting.with_extension("");
    let id = place.extension()?.to_str()?;
    let is_ours =
        waiting.extension()? == "part" && id.len() == 16 && id.bytes().all(|c| c.is_ascii_hexdigit());
    is_ours.then(|| place.with_extension(""))
}

/// Sixteen hex digits that no other save has.
fn new_save_id() -> String {
    format!("{:016x}", Uuid::new_v4().as_u64_pair().0)
}

/// Files that saves which were cut off left waiting.
fn left_waiting(files: &CaseFiles) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(files.folder()) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| place_of(path).is_some_and(|place| files.has(&place))).collect()
}

/// A file's name as the sidecar tells it.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

pub(super) fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match read_plain(path, super::sidecar::LONGEST) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn cannot_write(path: &Path) -> impl FnOnce(io::Error) -> SaveError {
    let path = path.to_owned();
    move |source| SaveError::CannotWrite { path, source }
}
