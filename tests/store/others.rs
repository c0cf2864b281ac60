//! What was saved, read by nibabel, SimpleITK and a JSON Schema validator; and real studies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use annotomy::format::{Silent, scan};
use annotomy::geometry::{Patient, Point};
use annotomy::store::{
    CaseFiles, Overwrite, SaveRequest, StudyIdentity, find_marks, open_sidecar, save, verify,
};
use serde_json::Value;

use crate::desk::{Desk, by, empty, grid, is_same, marked};
use crate::oracle;
use crate::round_trip::placements;
use crate::worklist::classified;

/// For each mask and reader, by label: voxels, and the mean of their centres in LPS millimetres.
/// For the study only whether SimpleITK opens it.
const READERS: &str = r#"
import json, sys
import nibabel, numpy, SimpleITK
def told(labels, lps):
    out = {}
    for label in numpy.unique(labels[labels > 0]):
        places = numpy.argwhere(labels == label)
        points = numpy.array([lps(place) for place in places.tolist()])
        out[int(label)] = [len(places)] + points.mean(axis=0).tolist()
    return out
def itk(path):
    try:
        return SimpleITK.ReadImage(path)
    except RuntimeError:
        return None
out = []
for study, mask in zip(sys.argv[1::2], sys.argv[2::2]):
    n = nibabel.load(mask)
    assert numpy.array_equal(n.affine, nibabel.load(study).affine), mask
    to_lps = numpy.diag([-1, -1, 1, 1]) @ n.affine
    by_nibabel = told(numpy.asanyarray(n.dataobj), lambda p: (to_lps @ (p + [1]))[:3])
    s = itk(mask)
    assert (s is None) == (itk(study) is None), mask
    by_itk = s and told(SimpleITK.GetArrayFromImage(s).T, lambda p: numpy.array(s.TransformIndexToPhysicalPoint(p)))
    out.append([by_nibabel, by_itk])
print(json.dumps(out))
"#;

#[test]
fn others_find_the_labels_on_the_same_millimetres() {
    let desks: Vec<Desk> =
        placements().into_iter().map(|rows| Desk::with_study("ct.nii.gz", &grid(rows))).collect();
    let mut paths = Vec::new();
    let mut expected = Vec::new();
    for desk in &desks {
        let study = desk.study();
        let case = marked(&study.volume, 2, 0);
        desk.save(&case);
        for (number, layer) in case.layers().iter().enumerate() {
            let mut sums: BTreeMap<u16, (f64, Point<Patient>)> = BTreeMap::new();
            layer.for_each_labelled(|voxel, label| {
                let (count, sum) = sums.entry(label).or_insert((0.0, Point::ORIGIN));
                *count += 1.0;
                *sum += study.volume.grid().centre_of(voxel) - Point::ORIGIN;
            });
            expected.push(sums);
            paths.extend([desk.path.clone(), desk.files().mask(number)]);
        }
    }
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let Some(told) = oracle::python(READERS, &paths) else { return };
    let told: Vec<[Value; 2]> = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told.len(), expected.len());
    let mut opened_by_itk = 0;
    for (readers, sums) in told.iter().zip(&expected) {
        for reader in readers.iter().filter(|reader| !reader.is_null()) {
            assert_eq!(reader.as_object().expect("labels").len(), sums.len());
            for (label, (count, sum)) in sums {
                let theirs = |n: usize| reader[label.to_string()][n].as_f64().expect("a number");
                assert_eq!(theirs(0), *count);
                let mean = Point::<Patient>::from(sum.to_array().map(|x| x / count));
                assert!(mean.distance(Point::new(theirs(1), theirs(2), theirs(3))) < 1e-3);
            }
        }
        opened_by_itk += usize::from(!readers[1].is_null());
    }
    assert!(opened_by_itk >= 2 * 48, "SimpleITK opened {opened_by_itk}");
}

const VALIDATOR: &str = r#"
import json, sys
from jsonschema import Draft202012Validator
schema = json.load(open(sys.argv[1]))
Draft202012Validator.check_schema(schema)
for path in sys.argv[2:]:
    Draft202012Validator(schema).validate(json.load(open(path, encoding="utf-8")))
# And it does tell: each of these breaks one rule.
broken = json.load(open(sys.argv[2], encoding="utf-8"))
def spoilt(change):
    copy = json.loads(json.dumps(broken))
    change(copy)
    return copy
for change in [lambda c: c.pop("study"), lambda c: c.update(annotomy=2), lambda c: c["labels"][0].update(index=0),
               lambda c: c["labels"][0].update(color="red"), lambda c: c["annotations"][0].pop("axes_lps"),
               lambda c: c["layers"][0].update(sha256="?"), lambda c: c["study"]["dims"].append(1)]:
    assert not Draft202012Validator(schema).is_valid(spoilt(change))
print("valid")
"#;

#[test]
fn sidecars_follow_their_schema() {
    let desks: Vec<Desk> = (0..4).map(|_| Desk::new()).collect();
    let volume = desks[0].study().volume;
    desks[0].save(&marked(&volume, 3, 0));
    desks[1].save(&empty(&volume));
    desks[2].save(&marked(&volume, 2, 4));
    desks[2].save(&marked(&volume, 1, 5));
    desks[3].save(&classified(empty(&volume)));
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/annotomy-sidecar-1.schema.json");
    let sidecars: Vec<PathBuf> = desks.iter().map(|desk| desk.files().sidecar()).collect();
    let paths: Vec<&Path> = std::iter::once(&schema).chain(&sidecars).map(PathBuf::as_path).collect();
    if let Some(told) = oracle::python(VALIDATOR, &paths) {
        assert_eq!(told.trim(), "valid");
    }
}

/// The recipe in the documentation of `Digest::of_content`.
const CONTENT: &str = r#"
import hashlib, sys
import nibabel, numpy
image = nibabel.load(sys.argv[1])
samples = numpy.asarray(image.dataobj.get_unscaled())
raw = samples.astype(samples.dtype.newbyteorder("<")).tobytes(order="F")
total = hashlib.sha256(b"annotomy-content-1 37 41 35 1 i16\n")
for at in range(0, len(raw), 4 << 20):
    total.update(hashlib.sha256(raw[at : at + (4 << 20)]).digest())
print(total.hexdigest())
"#;

#[test]
fn others_can_compute_the_content_digest() {
    let desk = Desk::new();
    let content = StudyIdentity::of(&desk.study()).content().to_string();
    if let Some(told) = oracle::python(CONTENT, &[&desk.path]) {
        assert_eq!(told.trim(), content);
    }
}

#[test]
fn real_studies_keep_their_marks() {
    let Some(data) = oracle::studies() else { return };
    let out = tempfile::tempdir().expect("a folder");
    let mut saved = 0;
    for folder in [
        "nifti",
        "dicom/ct_head_small",
        "dicom/mr_sag_hfs",
        "dicom/mr_ge_fmri_4d",
        "dicom/ct_j2k_no_uids",
        "dicom/ct_philips_phantom",
    ] {
        let Ok(found) = scan(&data.join(folder), &Silent) else { continue };
        for (number, series) in found.series.iter().enumerate() {
            let Ok(study) = annotomy::format::load(series, &Silent) else { continue };
            let [ni, nj, nk] = study.volume.grid().dims();
            if ni < 8 || nj < 15 || nk < 16 || ni * nj * nk > 1 << 24 {
                continue;
            }
            let case = marked(&study.volume, 1, 0);
            let files = CaseFiles::beside(series, &found.series);
            let here = out.path().join(format!("{saved}-{number}"));
            std::fs::create_dir(&here).expect("a folder");
            let files = CaseFiles::in_folder(&here, files.stem());
            let identity = StudyIdentity::of(&study);
            let request = SaveRequest {
                case: &case,
                study: &identity,
                files: &files,
                seen: None,
                journal: None,
                by: by("Ada"),
                overwrite: Overwrite::Seen,
            };
            let saving = save(&request).unwrap_or_else(|error| panic!("{}: {error}", series.id));
            let marks = find_marks(&study, &files).expect("opens").expect("marks");
            assert!(is_same(&marks, &case), "{}", series.id);
            let verification = verify(&saving.sidecar, &Silent).expect("verifies");
            assert!(verification.agrees(), "{}: {verification:?}", series.id);
            let (_, _, marks) = open_sidecar(&saving.sidecar, &Silent).expect("opens");
            assert!(is_same(&marks, &case), "{}", series.id);
            saved += 1;
        }
    }
    println!("saved and reopened {saved} real series");
    assert!(saved > 10);
}
