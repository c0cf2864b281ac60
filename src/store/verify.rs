//! Proves on any later day what the receipt proved when the case was saved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::fingerprint::Digest;
use super::names::CaseFiles;
use super::open::{self, FoundPart, MarksError, find_part};
use super::receipt::prove_again;
use super::sidecar::{self, LayerRecord, Sidecar};
use super::study::{StudyChanges, StudyIdentity};
use crate::format::{Watch, read_plain};
use crate::geometry::Grid;

/// What was compared and how it came out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verification {
    /// The sidecar.
    pub sidecar: PathBuf,
    /// Every comparison, in order.
    pub checks: Vec<Check>,
}

/// One comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What was looked at: `study`, or the name of a file.
    pub subject: String,
    /// Whether it is as it was saved.
    pub ok: bool,
    /// What was compared, or what is wrong.
    pub text: String,
}

impl Verification {
    /// Whether everything agrees.
    pub fn agrees(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }
}

/// Reads the sidecar at `path`, its study and its masks again and compares: the study's content and
/// place with what the sidecar remembers, the masks' bytes, places, counts and probes with the study
/// and the sidecar. An error says that something is not there to be compared.
pub fn verify(path: &Path, watch: &dyn Watch) -> Result<Verification, MarksError> {
    let bytes = read_plain(path, sidecar::LONGEST).map_err(open::unreadable(path))?;
    let sidecar = open::parse(path, &bytes)?.sidecar;
    let files = CaseFiles::of_sidecar(path).ok_or_else(|| MarksError::badly_named(path))?;
    let study = open::load_study(path, &sidecar, files.folder(), watch)?;
    let mut checks = vec![check_study(&sidecar, &StudyIdentity::of(&study))];
    for (number, layer) in sidecar.layers.iter().enumerate() {
        checks.push(check_mask(&sidecar, number, layer, &files, study.volume.grid())?);
    }
    checks.push(check_table(&sidecar, &files)?);
    checks.extend(check_annotations(&sidecar, study.volume.grid()));
    Ok(Verification { sidecar: path.to_owned(), checks })
}

fn check_study(sidecar: &Sidecar, study: &StudyIdentity) -> Check {
    let changes = sidecar.study.changes_to(&study.record);
    let (ok, text) = if changes.is_empty() {
        let [ni, nj, nk] = study.record.dims;
        let (kind, content) = (&study.record.sample_type, study.content());
        (true, format!("{ni} × {nj} × {nk} {kind}, same place, content {content}"))
    } else {
        (false, format!("changed since the save: {}", StudyChanges(changes)))
    };
    Check { subject: "study".to_owned(), ok, text }
}

fn check_mask(
    sidecar: &Sidecar,
    number: usize,
    layer: &LayerRecord,
    files: &CaseFiles,
    grid: &Grid,
) -> Result<Check, MarksError> {
    let verdict = in_place(files, &layer.file, layer.sha256, &sidecar.save_id)?.and_then(|path| {
        let counts: BTreeMap<u16, u64> =
            layer.counts.iter().map(|count| (count.label, count.voxels)).collect();
        let probes = sidecar.receipt.layers.get(number).map_or(&[][..], |receipt| &receipt.probes);
        let distance = prove_again(&path, grid, &counts, probes).map_err(|mismatch| mismatch.to_string())?;
        let voxels: u64 = counts.values().sum();
        Ok(format!(
            "8 corners and {} probes within {distance:.1e} mm of the study, {voxels} voxels of {} label(s) \
             counted, same bytes",
            probes.len(),
            counts.len(),
        ))
    });
    Ok(Check::of(&layer.file, verdict))
}

fn check_table(sidecar: &Sidecar, files: &CaseFiles) -> Result<Check, MarksError> {
    let table = &sidecar.table;
    let verdict = in_place(files, &table.file, table.sha256, &sidecar.save_id)?;
    Ok(Check::of(&table.file, verdict.map(|_| "same bytes".to_owned())))
}

/// Boxes and landmarks stand in the sidecar alone, with nothing beside it to compare them with. Which
/// of them lie beside the study is told, and is no fault: a person may have put them there.
fn check_annotations(sidecar: &Sidecar, grid: &Grid) -> Option<Check> {
    let marks = sidecar.marks();
    let (inside, beside): (Vec<_>, Vec<_>) =
        marks.iter().partition(|mark| grid.index_at(mark.shape.centre()).is_some());
    let mut text = format!("{} in the study; the sidecar alone tells where", inside.len());
    if !beside.is_empty() {
        let names: Vec<&str> = beside.iter().map(|mark| mark.name.as_str()).collect();
        text += &format!("; beside the study: {}", names.join(", "));
    }
    (!marks.is_empty()).then(|| Check::of("boxes and landmarks", Ok(text)))
}

/// The file, if it lies in its place as it was saved; else what is wrong.
fn in_place(
    files: &CaseFiles,
    file: &str,
    sha256: Digest,
    save_id: &str,
) -> Result<Result<PathBuf, String>, MarksError> {
    let place = files.named(file);
    Ok(match find_part(&place, sha256, save_id)? {
        None => Err("is missing".to_owned()),
        Some(FoundPart { is_as_saved: false, .. }) => {
            Err("was changed by another program since the save".to_owned())
        }
        Some(FoundPart { at, .. }) if at != place => {
            Err("is not in its place, a save was cut off; open the case and save it".to_owned())
        }
        Some(FoundPart { at, .. }) => Ok(at),
    })
}

impl Check {
    fn of(subject: &str, verdict: Result<String, String>) -> Self {
        let (ok, text) = match verdict {
            Ok(text) => (true, text),
            Err(text) => (false, text),
        };
        Self { subject: subject.to_owned(), ok, text }
    }
}
