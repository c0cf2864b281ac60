//! A folder of studies as a list of work. What a study has come to stands in its sidecars, so that the
//! list needs no file of its own.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::names::{CaseFiles, STUDY_ENDINGS, without_ending};
use super::sidecar::{ClassificationRecord, LONGEST};
use crate::annotation::Subject;
use crate::format::{Watch, read_plain};

/// What a study has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkStatus {
    /// Nothing is saved about it.
    NotStarted,
    /// Something is, and nobody said that it is done.
    InProgress,
    /// Every series of it that was begun is done.
    Done,
    /// It is flagged as ambiguous, and waits for somebody who can tell.
    Ambiguous,
}

impl WorkStatus {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotStarted => "not started",
            Self::InProgress => "in progress",
            Self::Done => "done",
            Self::Ambiguous => "ambiguous",
        }
    }

    /// Whether somebody still has to work on it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::NotStarted | Self::InProgress)
    }
}

/// A study of a worklist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkItem {
    /// The file or folder to open.
    pub path: PathBuf,
    /// What it is called in the list.
    pub name: String,
    /// What it has come to.
    pub status: WorkStatus,
}

/// Folders this deep below a study are looked into for sidecars.
const DEPTH: usize = 4;

/// The part of a sidecar that a list needs.
#[derive(Deserialize)]
struct Glimpse {
    study: GlimpsedStudy,
    #[serde(default)]
    classifications: Vec<ClassificationRecord>,
}

#[derive(Deserialize)]
struct GlimpsedStudy {
    files: Vec<String>,
}

/// What the sidecars of one study tell.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    cases: usize,
    done: usize,
    ambiguous: bool,
    has_journal: bool,
}

impl Told {
    fn status(self) -> WorkStatus {
        match self {
            Self { ambiguous: true, .. } => WorkStatus::Ambiguous,
            Self { cases: 0, has_journal: false, .. } => WorkStatus::NotStarted,
            // A journal also lies there while a window merely shows what is done.
            Self { cases, done, .. } if cases > 0 && done == cases => WorkStatus::Done,
            _ => WorkStatus::InProgress,
        }
    }

    fn take_in(&mut self, sidecar: &Glimpse) {
        self.cases += 1;
        self.ambiguous |= sidecar.classifications.iter().any(|said| said.ambiguous.is_some());
        let is_done = |said: &ClassificationRecord| said.subject == Subject::Series && said.done;
        self.done += usize::from(sidecar.classifications.iter().any(is_done));
    }
}

/// The studies of a folder by name: every folder in it, and every file that is named like a study. Of
/// each study only names of files are read, and its sidecars. Stops early, with what it has, where
/// `watch` says so.
pub fn worklist(folder: &Path, watch: &dyn Watch) -> io::Result<Vec<WorkItem>> {
    let entries: Vec<DirEntry> = fs::read_dir(folder)?.filter_map(Result::ok).collect();
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    for entry in &entries {
        look_at(&entry.path(), |first| told.entry(first).or_default());
    }
    let mut items = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        if watch.is_cancelled() {
            break;
        }
        watch.progress(number as f64 / entries.len() as f64);
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let is_folder = path.is_dir();
        if name.starts_with('.') || !(is_folder || is_study(&path)) {
            continue;
        }
        let mut of_study = told.get(&name).copied().unwrap_or_default();
        if is_folder {
            look_into(&path, DEPTH, &mut of_study);
        }
        items.push(WorkItem { path, name, status: of_study.status() });
    }
    items.sort_by(|a, b| in_natural_order(&a.name, &b.name));
    Ok(items)
}

/// Takes in a sidecar or a journal for the study it belongs to, which `of` gives by the name of its
/// file or folder beside them.
fn look_at<'a>(path: &Path, of: impl FnOnce(String) -> &'a mut Told) {
    let name = path.file_name().unwrap_or_default();
    if let Some(glimpse) = glimpse(path) {
        let first = glimpse.study.files.first().and_then(|file| file.split('/').next());
        of(first.unwrap_or_default().to_owned()).take_in(&glimpse);
    } else if let Some(stem) = without_ending(name, ".annotomy.journal") {
        // Which of several files of one stem it is does not stand in its name.
        let folder = path.parent().unwrap_or(Path::new("."));
        let endings = STUDY_ENDINGS.iter().map(|ending| format!("{}{ending}", stem.to_string_lossy()));
        let study = endings.into_iter().find(|name| folder.join(name).exists());
        of(study.unwrap_or_else(|| stem.to_string_lossy().into_owned())).has_journal = true;
    }
}

fn look_into(folder: &Path, depth: usize, told: &mut Told) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            look_into(&path, depth - 1, told);
        } else {
            look_at(&path, |_| told);
        }
    }
}

fn glimpse(path: &Path) -> Option<Glimpse> {
    CaseFiles::of_sidecar(path)?;
    serde_json::from_slice(&read_plain(path, LONGEST).ok()?).ok()
}

/// Whether a file is named like a study, and not like a part of one or a mask of ours.
fn is_study(path: &Path) -> bool {
    let Some(name) = path.file_name() else { return false };
    let Some((ending, stem)) =
        STUDY_ENDINGS.iter().find_map(|ending| Some((*ending, without_ending(name, ending)?)))
    else {
        return false;
    };
    let header =
        || ["hdr", "hdr.gz"].into_iter().map(|header| path.with_file_name(&stem).with_extension(header));
    let is_half = ending.starts_with(".img") && header().any(|header| header.exists());
    !is_half && !stem.to_string_lossy().ends_with("_dseg")
}

/// By name, numbers within it by their size: "case 9" before "case 10".
fn in_natural_order(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| -> Vec<(u64, String)> {
        let mut parts = vec![(0, String::new())];
        let mut digits = String::new();
        for c in text.chars().chain(['\0']) {
            if c.is_ascii_digit() {
                digits.push(c);
                continue;
            }
            if !digits.is_empty() {
                parts.push((std::mem::take(&mut digits).parse().unwrap_or(u64::MAX), String::new()));
            }
            if let Some((_, word)) = parts.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        parts
    };
    parts(a).cmp(&parts(b)).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_by_their_size() {
        let mut names = ["case 10", "case 9b", "Case 9", "case 2 left", "b", "case 02"];
        names.sort_by(|a, b| in_natural_order(a, b));
        assert_eq!(names, ["b", "case 02", "case 2 left", "Case 9", "case 9b", "case 10"]);
    }

    #[test]
    fn masks_and_halves_of_a_study_are_no_studies() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("old.hdr"), b"").expect("written");
        let check = |name: &str, expected: bool| {
            assert_eq!(is_study(&folder.path().join(name)), expected, "{name}");
        };
        check("ct.nii.gz", true);
        check("CT.NII", true);
        check("ct_dseg.nii.gz", false);
        check("old.hdr", true);
        check("old.img", false);
        check("new.img", true);
        check("letter.txt", false);
        check("ct.annotomy.json", false);
    }
}
