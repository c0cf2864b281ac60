//! Every file of the studies: opened as its oracle says, or refused as the committed table says.
//!
//! The verdicts are written to `target/conformance.md`. Whoever makes more files open takes their rows
//! out of `expected_refusals.tsv`: a file that opens against the table fails as one that is refused
//! against it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use annotomy::format::{self, Refusal, Silent, Study, nifti};
use annotomy::geometry::VoxelIndex;
use serde_json::Value;

use crate::dicom::real;
use crate::nifti::sweep;
use crate::oracle::studies;

/// What became of a file.
enum Verdict {
    /// It agrees with what the named program says of it; `None` where none says anything.
    Opened(Option<&'static str>),
    /// With the code, as the table expects.
    Refused(&'static str),
    /// Against the oracle or the table.
    Wrong(String),
}

/// A row of the table: files, the code, why.
struct Row {
    pattern: &'static str,
    code: &'static str,
}

fn table() -> Vec<Row> {
    let row = |line: &'static str| {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().filter(|cell| !cell.is_empty()).expect("three cells");
        let (pattern, code, _reason) = (cell(), cell(), cell());
        Row { pattern, code }
    };
    include_str!("expected_refusals.tsv").lines().map(row).collect()
}

/// Whether a path is of a pattern in which `*` stands for anything.
fn fits(path: &str, pattern: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return path == pattern };
    let Some(path) = path.strip_prefix(start) else { return false };
    (0..=path.len()).filter(|at| path.is_char_boundary(*at)).any(|at| fits(&path[at..], rest))
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("readable").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        // What the program leaves beside a study that somebody marks is none of the studies.
        if path.to_string_lossy().contains(".annotomy.") {
            continue;
        }
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

/// Every series of a path.
fn opened(path: &Path) -> Result<Vec<Study>, Refusal> {
    let scan = format::scan(path, &Silent)?;
    if let (true, Some(refusal)) = (scan.series.is_empty(), scan.refused.into_iter().next()) {
        return Err(refusal);
    }
    scan.series.iter().map(|series| format::load(series, &Silent)).collect()
}

fn verdict(path: &Path, truth: &Value, expected: Option<&'static str>) -> Verdict {
    let studies = match (opened(path), expected) {
        (Err(refusal), Some(code)) if refusal.code.word() == code => return Verdict::Refused(code),
        (Err(refusal), _) => return Verdict::Wrong(format!("refused: {} [{}]", refusal.text, refusal.code)),
        (Ok(_), Some(code)) => return Verdict::Wrong(format!("opens where the table expects {code}")),
        (Ok(studies), None) => studies,
    };
    let wrong = |text: Vec<String>| (!text.is_empty()).then(|| Verdict::Wrong(text.join("; ")));
    if truth.get("shape").is_some() {
        return match nifti::read(path, &Silent) {
            Ok(read) => wrong(sweep::differences(&read, truth)).unwrap_or(Verdict::Opened(Some("nibabel"))),
            Err(refusal) => Verdict::Wrong(refusal.to_string()),
        };
    }
    let [study] = &studies[..] else { return Verdict::Opened(None) };
    if truth.get("stored_min_max_mean").is_none() {
        return Verdict::Opened(None);
    }
    let differences = real::differences(path, truth).into_iter().chain(misplaced(study, truth));
    wrong(differences.collect()).unwrap_or(Verdict::Opened(Some("pydicom")))
}

/// How the place of a single picture differs from its attributes as pydicom gives them.
fn misplaced(study: &Study, truth: &Value) -> Option<String> {
    let list =
        |name: &str| -> Option<Vec<f64>> { truth.get(name)?.as_array()?.iter().map(Value::as_f64).collect() };
    let position = list("ImagePositionPatient")?;
    let (cosines, spacing) = (list("ImageOrientationPatient")?, list("PixelSpacing")?);
    let ([_, _, 1], [by_row, by_column], [_, _, _]) =
        (study.volume.grid().dims(), &spacing[..], &position[..])
    else {
        return None;
    };
    let grid = study.volume.grid();
    let origin = grid.centre_of(VoxelIndex::new(0, 0, 0)).to_array();
    let [along_i, along_j] = [0, 1].map(|axis| grid.patient_from_voxel().axis(axis).to_array());
    let stated = [
        (origin, &position[..], 1.0),
        (along_i, &cosines[..3], *by_column),
        (along_j, &cosines[3..], *by_row),
    ];
    let off = stated.into_iter().flat_map(|(ours, theirs, mm)| {
        ours.into_iter().zip(theirs.to_vec()).map(move |(ours, theirs)| (ours - theirs * mm).abs())
    });
    let off = off.fold(0.0, f64::max);
    (off > 1e-3).then(|| format!("lies {off} mm off"))
}

/// Largest difference of values at the same patient points between a DICOM series and the NIfTI file
/// that another program made of it.
fn against_reference(data: &Path, folder: &str, reference: &str) -> Result<usize, String> {
    let study = real::first_dicom(&data.join("dicom").join(folder));
    let other =
        nifti::read(&data.join("dicom").join(reference), &Silent).map_err(|error| error.to_string())?.volume;
    let volume = &study.volume;
    if volume.times() != other.times() {
        return Err(format!("{} times, not {}", volume.times(), other.times()));
    }
    let mut compared = 0;
    for (index, time) in real::places(volume.grid().dims(), volume.times()) {
        let at = volume.grid().centre_of(index);
        let there = other.grid().index_at(at).ok_or_else(|| format!("{at:?} lies outside"))?;
        let (ours, theirs) = (volume.value(index, time), other.value(there, time));
        if ours != theirs {
            return Err(format!("{ours} at {at:?}, not {theirs}"));
        }
        compared += 1;
    }
    Ok(compared)
}

#[test]
fn every_file_opens_truly_or_is_refused_as_expected() {
    let Some(data) = studies() else { return };
    let truth = real::truth(&data);
    let table = table();
    let mut used = vec![false; table.len()];
    let mut paths = Vec::new();
    files_below(&data, &mut paths);
    let mut by_folder: BTreeMap<String, Vec<(String, Verdict)>> = BTreeMap::new();
    for path in paths {
        let inside = path.strip_prefix(&data).expect("inside").to_str().expect("UTF-8").replace('\\', "/");
        let row = table.iter().position(|row| fits(&inside, row.pattern));
        if let Some(row) = row {
            used[row] = true;
        }
        let verdict =
            verdict(&path, truth.get(&inside).unwrap_or(&Value::Null), row.map(|row| table[row].code));
        let (folder, name) = inside.rsplit_once('/').unwrap_or(("", &inside));
        by_folder.entry(folder.to_owned()).or_default().push((name.to_owned(), verdict));
    }
    let references =
        real::REFERENCES.map(|(folder, reference)| (folder, against_reference(&data, folder, reference)));
    let report = report(&by_folder, &references);
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("conformance.md");
    std::fs::write(&place, report).expect("written");
    println!("the verdict on every file: {}", place.display());

    let mut wrong: Vec<String> = Vec::new();
    for (folder, files) in &by_folder {
        let of_folder = files.iter().filter_map(|(name, verdict)| match verdict {
            Verdict::Wrong(text) => Some(format!("{folder}/{name}: {text}")),
            _ => None,
        });
        wrong.extend(of_folder);
    }
    for (folder, result) in references {
        wrong.extend(result.err().map(|text| format!("{folder} against its reference: {text}")));
    }
    let unused = table.iter().zip(used).filter(|(_, used)| !used);
    wrong.extend(unused.map(|(row, _)| format!("{}: in the table, and no such file", row.pattern)));
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn report(
    by_folder: &BTreeMap<String, Vec<(String, Verdict)>>,
    references: &[(&str, Result<usize, String>)],
) -> String {
    let all = || by_folder.values().flatten().map(|(_, verdict)| verdict);
    let count = |fits: fn(&Verdict) -> bool| all().filter(|verdict| fits(verdict)).count();
    let mut text = format!(
        "# Conformance\n\n| verdict | files |\n|---|---|\n| opened, agrees with its oracle | {} |\n| opened, no oracle \
         | {} |\n| refused, as expected | {} |\n| wrong | {} |\n| all | {} |\n",
        count(|verdict| matches!(verdict, Verdict::Opened(Some(_)))),
        count(|verdict| matches!(verdict, Verdict::Opened(None))),
        count(|verdict| matches!(verdict, Verdict::Refused(_))),
        count(|verdict| matches!(verdict, Verdict::Wrong(_))),
        all().count(),
    );
    text.push_str("\n## Series against the NIfTI that others made of them\n\n| series | same value at the same patient point |\n|---|---|\n");
    for (folder, result) in references {
        let told = match result {
            Ok(compared) => format!("{compared} of {compared} voxels"),
            Err(difference) => format!("**no**: {difference}"),
        };
        let _ = writeln!(text, "| {folder} | {told} |");
    }
    for (folder, files) in by_folder {
        let _ = write!(text, "\n## {folder}/\n\n| file | verdict | oracle |\n|---|---|---|\n");
        for (name, verdict) in files {
            let (told, oracle) = match verdict {
                Verdict::Opened(oracle) => ("opened".to_owned(), oracle.unwrap_or("none")),
                Verdict::Refused(code) => (format!("refused: {code}"), "table"),
                Verdict::Wrong(difference) => (format!("**wrong**: {difference}"), ""),
            };
            let _ = writeln!(text, "| {name} | {told} | {oracle} |");
        }
    }
    text
}
