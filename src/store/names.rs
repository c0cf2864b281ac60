//! What the files of a case are called.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::sidecar;
use crate::format::Series;

/// Where a case lies and what its files are called:
///
/// | file | holds |
/// |---|---|
/// | `STEM.annotomy.json` | the sidecar: everything but voxels |
/// | `STEM_dseg.nii.gz` | the first layer of labels |
/// | `STEM_desc-layer2_dseg.nii.gz` | the second layer, and so on (BIDS entity `desc`) |
/// | `STEM_dseg.tsv` | index, name and colour of the labels |
/// | `STEM.annotomy.journal` | steps that are not saved yet |
///
/// The stem of `ct.nii.gz` is `ct`. A series of many files is named after its folder and its case
/// lies beside that folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFiles {
    folder: PathBuf,
    stem: OsString,
}

/// What follows the stem of the sidecar.
const SIDECAR: &str = ".annotomy.json";
/// What follows the stem of the first mask.
const FIRST_MASK: &str = "_dseg.nii.gz";
/// What follows the stem of the table.
const TABLE: &str = "_dseg.tsv";

/// Endings that are no part of a study's stem, longest first.
pub(super) const STUDY_ENDINGS: [&str; 18] = [
    ".nii.gz", ".hdr.gz", ".img.gz", ".nii", ".hdr", ".img", ".dicom", ".dcm", ".ima", ".nrrd", ".nhdr",
    ".mha", ".mhd", ".png", ".jpg", ".jpeg", ".tif", ".tiff",
];

impl CaseFiles {
    /// The files beside a study.
    ///
    /// `siblings` are the series found together with it. Where several would take the same stem
    /// (`ct.nii` and `ct.dcm`, two series in one folder), each gets `-` and eight hex digits of the
    /// SHA-256 of its series id (a single file: its name) behind it. A case that was saved under either
    /// stem keeps it, so what lies on disk is looked at.
    pub fn beside(series: &Series, siblings: &[Series]) -> Self {
        let plain = Self::plain(series);
        let marked = plain.marked(series);
        if let Some(saved) = [&plain, &marked].into_iter().find(|files| files.belong_to(series)) {
            return saved.clone();
        }
        let shared =
            siblings.iter().any(|other| key_of(other) != key_of(series) && Self::plain(other) == plain)
                || sidecar::owner(&plain.sidecar()).is_some();
        if shared { marked } else { plain }
    }

    /// Files of the given stem in a folder.
    pub fn in_folder(folder: &Path, stem: &OsStr) -> Self {
        Self { folder: folder.to_owned(), stem: stem.to_owned() }
    }

    /// The files that a sidecar's own name tells of; `None` unless it ends in `.annotomy.json`.
    pub fn of_sidecar(sidecar: &Path) -> Option<Self> {
        let name = sidecar.file_name()?;
        let stem = without_ending(name, SIDECAR)?;
        let sidecar = std::path::absolute(sidecar).ok()?;
        Some(Self { folder: sidecar.parent()?.to_owned(), stem })
    }

    /// The folder of all these files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What their names begin with.
    pub fn stem(&self) -> &OsStr {
        &self.stem
    }

    /// The sidecar.
    pub fn sidecar(&self) -> PathBuf {
        self.with(SIDECAR)
    }

    /// The mask of a layer, counted from 0.
    pub fn mask(&self, layer: usize) -> PathBuf {
        match layer {
            0 => self.with(FIRST_MASK),
            _ => self.with(&format!("_desc-layer{}{FIRST_MASK}", layer + 1)),
        }
    }

    /// The table of labels.
    pub fn table(&self) -> PathBuf {
        self.with(TABLE)
    }

    /// The journal of unsaved steps.
    pub fn journal(&self) -> PathBuf {
        self.with(".annotomy.journal")
    }

    /// The file that a sidecar calls `name`. Where the stem is not UTF-8 a sidecar tells it as near as
    /// it can.
    pub(super) fn named(&self, name: &str) -> PathBuf {
        match name.strip_prefix(&*self.stem.to_string_lossy()) {
            Some(ending) => self.with(ending),
            None => self.folder.join(name),
        }
    }

    /// Whether a path is the sidecar, a mask or the table of this case.
    pub(super) fn has(&self, path: &Path) -> bool {
        let is_mask = |name: &[u8]| {
            let ending = name.strip_prefix(self.stem.as_encoded_bytes());
            let layer = ending.and_then(|ending| ending.strip_prefix(b"_desc-layer"));
            let layer = layer.and_then(|layer| layer.strip_suffix(FIRST_MASK.as_bytes()));
            layer.is_some_and(|layer| !layer.is_empty() && layer.iter().all(u8::is_ascii_digit))
        };
        [self.sidecar(), self.table(), self.mask(0)].iter().any(|known| known == path)
            || path.parent() == Some(&self.folder)
                && path.file_name().is_some_and(|name| is_mask(name.as_encoded_bytes()))
    }

    fn with(&self, ending: &str) -> PathBuf {
        let mut name = self.stem.clone();
        name.push(ending);
        self.folder.join(name)
    }

    fn plain(series: &Series) -> Self {
        let files = series.source.files();
        let place = match &files[..] {
            [only] => absolute(only),
            [] => absolute(Path::new(".")),
            many => common_folder(many),
        };
        let folder = place.parent().unwrap_or(&place).to_owned();
        let name = place.file_name().unwrap_or(OsStr::new("series"));
        let ending = match files.len() {
            1 => STUDY_ENDINGS.iter().find_map(|ending| without_ending(name, ending)),
            _ => None,
        };
        Self { folder, stem: ending.unwrap_or_else(|| name.to_owned()) }
    }

    fn marked(&self, series: &Series) -> Self {
        let hash = Sha256::digest(key_of(series));
        let mark: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let mut stem = self.stem.clone();
        stem.push(format!("-{mark}"));
        Self { folder: self.folder.clone(), stem }
    }

    /// Whether a sidecar of this name was saved for the series.
    fn belong_to(&self, series: &Series) -> bool {
        let Some(owner) = sidecar::owner(&self.sidecar()) else { return false };
        owner.format == series.source.format()
            && match series.source.own_file() {
                Some(path) => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    owner.files.first().is_some_and(|file| file.rsplit('/').next() == Some(&name))
                }
                None => owner.id == series.id,
            }
    }
}

/// What tells a series from another of the same stem.
fn key_of(series: &Series) -> Vec<u8> {
    match series.source.own_file() {
        Some(path) => path.file_name().unwrap_or_default().as_encoded_bytes().to_vec(),
        None => series.id.clone().into_bytes(),
    }
}

/// `name` without `ending` in any case; `None` where it ends otherwise or is nothing else.
pub(super) fn without_ending(name: &OsStr, ending: &str) -> Option<OsString> {
    let bytes = name.as_encoded_bytes();
    let length = bytes.len().checked_sub(ending.len()).filter(|length| *length > 0)?;
    if !bytes[length..].eq_ignore_ascii_case(ending.as_bytes()) {
        return None;
    }
    match name.to_str() {
        Some(text) => Some(text[..length].into()),
        None => without_ending_raw(name, length),
    }
}

/// Names that are not UTF-8 exist on Unix only, where they are plain bytes.
#[cfg(unix)]
fn without_ending_raw(name: &OsStr, length: usize) -> Option<OsString> {
    use std::os::unix::ffi::OsStrExt;
    Some(OsStr::from_bytes(&name.as_bytes()[..length]).to_owned())
}

#[cfg(not(unix))]
fn without_ending_raw(_: &OsStr, _: usize) -> Option<OsString> {
    None
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The deepest folder that holds all the files.
pub(super) fn common_folder(files: &[PathBuf]) -> PathBuf {
    let mut folders = files.iter().map(|file| absolute(file).parent().map(Path::to_owned));
    let mut common = folders.next().flatten().unwrap_or_default();
    for folder in folders.flatten() {
        while !folder.starts_with(&common) && common.pop() {}
    }
    common
}
