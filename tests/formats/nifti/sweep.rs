//! Every real NIfTI file against what nibabel says of it.

use std::path::Path;

use annotomy::format::{Refusal, RefusalCode, Silent, nifti};
use serde_json::Value;

use crate::oracle;

/// Files that nibabel opens and we refuse, and the other way round.
const DIFFERENT: [(&str, Option<RefusalCode>); 4] = [
    ("nifti/dtypes/complex/complex32.nii", Some(RefusalCode::UnsupportedType)),
    ("nifti/dtypes/complex/complex64.nii", Some(RefusalCode::UnsupportedType)),
    ("nifti/dtypes/avg152T1_LR_nifti.hdr.gz", Some(RefusalCode::Unreadable)),
    // nibabel looks for an .img of the same compression only.
    ("nifti/dtypes/minimal2.hdr", None),
];

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().into_iter().flatten().map(|x| x.as_f64().unwrap_or(f64::NAN)).collect()
}

fn agree(ours: f64, theirs: f64, within: f64) -> bool {
    (ours - theirs).abs() <= within * theirs.abs().max(1.0)
}

/// What is wrong with a file that opened.
pub(crate) fn differences(read: &nifti::Read, truth: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let grid = read.volume.grid();
    let mut shape: Vec<usize> = floats(&truth["shape"]).into_iter().map(|n| n as usize).collect();
    shape.resize(shape.len().max(4), 1);
    let [i, j, k] = grid.dims();
    if shape != [i, j, k, read.volume.times()] {
        wrong.push(format!("shape {:?} × {}", grid.dims(), read.volume.times()));
    }
    // nibabel tells RAS.
    for (row, theirs) in truth["affine"].as_array().expect("rows").iter().take(3).enumerate() {
        let sign = if row < 2 { -1.0 } else { 1.0 };
        let ours = grid.patient_from_voxel().rows()[row];
        let same = ours.iter().zip(floats(theirs)).all(|(a, b)| agree(*a, sign * b, 1e-5));
        if !same {
            wrong.push(format!("row {row} of the affine: {ours:?}, not {theirs} × {sign}"));
        }
    }
    if let [min, max, mean] = floats(&truth["min_max_mean"])[..] {
        let ours = read.volume.statistics();
        for (name, ours, theirs) in
            [("min", ours.min, min), ("max", ours.max, max), ("mean", ours.mean, mean)]
        {
            if !agree(ours, theirs, 1e-5) {
                wrong.push(format!("{name} {ours}, not {theirs}"));
            }
        }
    }
    wrong
}

fn check(path: &Path, name: &str, truth: &Value) -> Result<(), String> {
    let read: Result<nifti::Read, Refusal> = nifti::read(path, &Silent);
    let exception = DIFFERENT.iter().find(|(exception, _)| *exception == name);
    let refusal_expected = exception.map_or(truth.get("shape").is_none(), |(_, code)| code.is_some());
    match (read, refusal_expected) {
        (Ok(_), true) => Err("opened".into()),
        (Err(refusal), false) => Err(refusal.to_string()),
        (Err(refusal), true) => match exception.and_then(|(_, code)| *code) {
            Some(code) if code != refusal.code => Err(refusal.to_string()),
            _ => Ok(()),
        },
        (Ok(read), false) => {
            let wrong = differences(&read, truth);
            if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
        }
    }
}

#[test]
fn real_files_have_the_geometry_and_values_nibabel_gives_them() {
    let Some(studies) = oracle::studies() else { return };
    let truths = std::fs::read_to_string(studies.join("truth.json")).expect("readable");
    // Python writes numbers that JSON does not have.
    let truths: Value = serde_json::from_str(&truths.replace("NaN", "null")).expect("JSON");
    let is_nifti = |name: &str| {
        [".nii", ".nii.gz", ".hdr", ".hdr.gz"].iter().any(|ending| name.ends_with(ending))
            || name.contains("fuzz_artifacts")
    };
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (name, truth) in truths.as_object().expect("an object") {
        let path = studies.join(name);
        if is_nifti(name) && path.is_file() {
            seen += 1;
            if let Err(text) = check(&path, name, truth) {
                wrong.push(format!("{name}: {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {seen} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(seen > 100, "only {seen} files were found");
}

#[test]
fn one_head_in_every_axis_order_has_one_value_at_one_place() {
    let Some(studies) = oracle::studies() else { return };
    let folder = studies.join("nifti/orientation48_half");
    let mut places: Option<Vec<_>> = None;
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("an entry").path();
        if !path.to_string_lossy().ends_with(".nii.gz") {
            continue;
        }
        let volume = nifti::read(&path, &Silent).expect("opens").volume;
        let grid = volume.grid();
        let letters: String = grid.axis_directions().iter().map(|direction| direction.letter()).collect();
        assert_eq!(letters, nifti::stem(&path), "the name tells the axis order");
        let places = places.get_or_insert_with(|| {
            let [ni, nj, nk] = grid.dims();
            let indices = (0..400).map(|n| [n * 7919 % ni, n * 104_729 % nj, n * 1_299_709 % nk]);
            indices
                .map(|[i, j, k]| {
                    let index = annotomy::geometry::VoxelIndex { i, j, k };
                    (grid.centre_of(index), volume.value(index, 0))
                })
                .collect()
        });
        for (place, value) in places.iter() {
            let index = grid.index_at(*place).expect("the same box");
            assert_eq!(volume.value(index, 0), *value, "{letters} at {place:?}");
        }
    }
    assert!(places.is_some());
}
