//! `stats` and `compare`, run as a script runs them.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use annotomy::format::nifti::{self, Compression, NiftiGeometry};
use annotomy::geometry::Grid;
use annotomy::volume::{LabelMap, Rescale};
use serde_json::{Value, json};

use crate::made::{self, near};

const DIMS: [usize; 3] = [12, 10, 8];

fn study_grid() -> Grid {
    made::spaced(DIMS, [0.5, 1.0, 2.0])
}

fn save_labels(path: &Path, map: &LabelMap, grid: &Grid) {
    let mut file = File::create(path).expect("a file");
    nifti::write_labels(&mut file, map, &NiftiGeometry::of_grid(grid)).expect("written");
}

/// A study of values 10·i, a mask of two labels with a table of names, and other masks to compare it with.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let volume = made::volume(study_grid(), Rescale::NONE, |[i, ..]| 10 * i as i16);
    let mut file = File::create(at("study.nii.gz")).expect("a file");
    let geometry = NiftiGeometry::of_grid(volume.grid());
    nifti::write_volume(&mut file, &volume, &geometry, Compression::Gzip).expect("written");
    let label = |[i, j, k]: [usize; 3]| match [i, j, k] {
        [2..6, 3..7, 2..5] => 1,
        [11, 9, 7] => 7,
        _ => 0,
    };
    save_labels(&at("mask.nii.gz"), &made::map(DIMS, label), &study_grid());
    std::fs::write(at("mask.tsv"), "index\tname\n1\tLiver\n7\tNodule\n").expect("written");
    let moved = made::map(DIMS, |[i, j, k]| match [i, j, k] {
        [3..7, 3..7, 2..5] => 1,
        [0, 0, 0] => 9,
        _ => 0,
    });
    save_labels(&at("moved.nii.gz"), &moved, &study_grid());
    // The moved one again, stored with i running the other way.
    let [x, y, z] = [0.5, 1.0, 2.0];
    let turned_grid = made::grid(DIMS, [[-x, 0.0, 0.0, 11.0 * x], [0.0, y, 0.0, 0.0], [0.0, 0.0, z, 0.0]]);
    let turned =
        made::map(DIMS, |[i, j, k]| moved.label(annotomy::geometry::VoxelIndex::new(DIMS[0] - 1 - i, j, k)));
    save_labels(&at("turned.nii.gz"), &turned, &turned_grid);
    save_labels(&at("coarse.nii.gz"), &moved, &made::spaced(DIMS, [0.5, 1.0, 2.5]));
    save_labels(&at("empty.nii.gz"), &LabelMap::new(DIMS), &study_grid());
    folder
}

/// Runs the program in a folder: exit code, standard output, standard error.
fn annotomy(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_annotomy"));
    let output = command.current_dir(folder).args(arguments).output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn report(folder: &Path, arguments: &[&str]) -> Value {
    let (code, out, errors) = annotomy(folder, arguments);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{arguments:?}");
    serde_json::from_str(&out).expect("JSON")
}

#[test]
fn stats_tells_what_each_label_holds_and_measures() {
    let folder = folder();
    let found = report(folder.path(), &["stats", "study.nii.gz", "mask.nii.gz", "--json"]);
    let labels = found["labels"].as_array().expect("labels");
    assert_eq!(labels.len(), 2);
    let label = &labels[0];
    assert_eq!((&label["label"], &label["name"], &label["layer"]), (&json!(1), &json!("Liver"), &json!(0)));
    assert_eq!((&label["voxels"], &label["volume_mm3"]), (&json!(48), &json!(48.0)));
    let values = &label["values"];
    assert_eq!(
        [&values["min"], &values["max"], &values["median"], &values["mean"]],
        [&json!(20.0), &json!(50.0), &json!(35.0), &json!(35.0)]
    );
    assert!(near(values["sd"].as_f64().expect("a number"), 125f64.sqrt(), 1e-12));
    let shape = &label["shape"];
    assert_eq!(shape["extent_mm"], json!([2.0, 4.0, 6.0]));
    assert_eq!(shape["centroid_lps_mm"], json!([1.75, 4.5, 6.0]));
    assert_eq!(shape["box_voxels"], json!([[2, 3, 2], [6, 7, 5]]));
    // The middles of sides that lie across from each other: 6 mm along k, with 1 and 3 along i and j.
    assert!(shape["diameter_mm"].as_f64().expect("a number") >= (36f64 + 9.0 + 2.25).sqrt() - 1e-12);
    assert_eq!(
        shape["recist"].as_object().expect("planes").keys().collect::<Vec<_>>(),
        ["axial", "coronal", "sagittal"]
    );
    assert_eq!(labels[1]["name"], json!("Nodule"));

    let (code, words, _) = annotomy(folder.path(), &["stats", "study.nii.gz", "mask.nii.gz"]);
    assert_eq!(code, Some(0));
    for word in ["1 Liver", "48 voxels", "mean 35.000", "7 Nodule", "axial"] {
        assert!(words.contains(word), "{word} in {words}");
    }
    let (code, out, _) =
        annotomy(folder.path(), &["stats", "study.nii.gz", "mask.nii.gz", "--csv", "out.csv"]);
    assert_eq!((code, out.as_str()), (Some(0), ""));
    let mut table = csv::Reader::from_path(folder.path().join("out.csv")).expect("a table");
    let headers = table.headers().expect("headers").clone();
    let rows: Vec<_> = table.records().map(|row| row.expect("a row")).collect();
    let field =
        |row: usize, name: &str| &rows[row][headers.iter().position(|header| header == name).expect(name)];
    assert_eq!((rows.len(), field(0, "name"), field(1, "voxels")), (2, "Liver", "1"));
    assert_eq!((field(0, "values.median"), field(0, "shape.extent_mm.2")), ("35.0", "6.0"));
}

#[test]
fn stats_measures_what_was_saved_beside_a_study() {
    let folder = folder();
    let steps = r#"{"steps": [{"tool": "label", "index": 3, "name": "Cyst"},
        {"tool": "brush", "label": 3, "plane": "axial", "shape": "disc", "radius_mm": 1.2, "points_lps": [[3, 4, 6]]}]}"#;
    std::fs::write(folder.path().join("steps.json"), steps).expect("written");
    let (code, _, errors) = annotomy(folder.path(), &["apply", "study.nii.gz", "steps.json", "--out", "."]);
    assert_eq!(code, Some(0), "{errors}");
    let beside = report(folder.path(), &["stats", "study.nii.gz", "--json"]);
    let sidecar = report(folder.path(), &["stats", "study.annotomy.json", "--json"]);
    assert_eq!(beside["labels"], sidecar["labels"]);
    assert_eq!(beside["labels"][0]["name"], json!("Cyst"));
    // A mask that is named is measured alone.
    let named = report(folder.path(), &["stats", "study.nii.gz", "mask.nii.gz", "--json"]);
    assert_eq!(named["labels"].as_array().expect("labels").len(), 2);
    let same = report(folder.path(), &["compare", "study.annotomy.json", "study.annotomy.json", "--json"]);
    assert_eq!((&same["labels"][0]["dice"], &same["labels"][0]["name"]), (&json!(1.0), &json!("Cyst")));
}

#[test]
fn compare_tells_how_far_two_maps_agree() {
    let folder = folder();
    let nothing = report(folder.path(), &["compare", "empty.nii.gz", "empty.nii.gz", "--json"]);
    assert_eq!(nothing["labels"], json!([]), "that neither has a label is no error");
    let found =
        report(folder.path(), &["compare", "mask.nii.gz", "moved.nii.gz", "--json", "--definition", "all"]);
    let labels = found["labels"].as_array().expect("labels");
    assert_eq!(
        labels.iter().map(|label| label["label"].as_u64()).collect::<Vec<_>>(),
        [Some(1), Some(7), Some(9)]
    );
    let liver = &labels[0];
    assert_eq!((&liver["name"], &liver["dice"], &liver["iou"]), (&json!("Liver"), &json!(0.75), &json!(0.6)));
    assert_eq!((&liver["voxels"], &liver["both_voxels"]), (&json!([48, 48]), &json!(36)));
    let definitions: Vec<_> = liver["distances"]
        .as_array()
        .expect("distances")
        .iter()
        .map(|found| found["definition"].as_str())
        .collect();
    assert_eq!(
        definitions,
        [Some("surface-elements"), Some("surface-voxels"), Some("contour-voxels"), Some("all-voxels")]
    );
    for distances in liver["distances"].as_array().expect("distances") {
        assert_eq!((&distances["hausdorff_mm"], &distances["surface_dice"]), (&json!(0.5), &json!(1.0)));
    }
    for (label, empty) in [(1, "the second mask is empty"), (2, "the first mask is empty")] {
        assert_eq!((&labels[label]["empty"], &labels[label]["dice"]), (&json!(empty), &json!(0.0)));
        assert_eq!(labels[label]["distances"], json!([]));
    }
    let turned =
        report(folder.path(), &["compare", "mask.nii.gz", "turned.nii.gz", "--json", "--definition", "all"]);
    assert_eq!((&turned["labels"], &turned["second_axes"]), (&found["labels"], &json!("i flipped")));
    let tight =
        report(folder.path(), &["compare", "mask.nii.gz", "moved.nii.gz", "--json", "--tolerance", "0.1"]);
    assert!(tight["labels"][0]["distances"][0]["surface_dice"].as_f64().expect("a number") < 1.0);
    let (code, words, _) = annotomy(folder.path(), &["compare", "mask.nii.gz", "moved.nii.gz"]);
    assert_eq!(code, Some(0));
    for word in ["Dice 0.750000", "DeepMind", "none: the second mask is empty"] {
        assert!(words.contains(word), "{word} in {words}");
    }
}

#[test]
fn what_cannot_be_measured_is_refused_in_one_line() {
    let folder = folder();
    let check = |arguments: &[&str], code: i32, words: &[&str]| {
        let (found, out, errors) = annotomy(folder.path(), arguments);
        assert!(found == Some(code) && out.is_empty(), "{found:?} {out} {errors}");
        assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
        for word in words {
            assert!(errors.contains(word), "{word} in {errors}");
        }
    };
    check(&["stats", "study.nii.gz"], 1, &["study.nii.gz", "holds no labels", "name a file"]);
    check(&["stats", "study.nii.gz", "coarse.nii.gz"], 1, &["coarse.nii.gz", "2.5000", "2.0000"]);
    check(&["stats", "study.nii.gz", "absent.nii.gz"], 1, &["absent.nii.gz"]);
    check(&["stats", "study.nii.gz", "mask.nii.gz", "--time", "1"], 2, &["no time 1"]);
    check(&["stats", "study.nii.gz", "mask.nii.gz", "--bin-width", "0"], 2, &["--bin-width"]);
    check(&["stats", "study.nii.gz", "mask.nii.gz", "--csv", "no/out.csv"], 1, &["no/out.csv"]);
    check(
        &["compare", "mask.nii.gz", "coarse.nii.gz"],
        1,
        &["coarse.nii.gz", "mask.nii.gz", "2.5000", "2.0000"],
    );
    check(&["compare", "mask.nii.gz", "study.nii.gz", "--tolerance=-1"], 2, &["tolerance"]);
    check(&["compare", "mask.nii.gz"], 2, &["<B>"]);
    let mask = std::fs::read(folder.path().join("mask.nii.gz")).expect("there");
    for read in ["study.nii.gz", "mask.nii.gz"] {
        check(&["stats", "study.nii.gz", "mask.nii.gz", "--csv", read], 2, &[read, "is what is read"]);
        check(&["render", "study.nii.gz", "--out", "study.nii.gz"], 2, &["is what is read"]);
    }
    check(&["compare", "mask.nii.gz", "moved.nii.gz", "--csv", "./mask.nii.gz"], 2, &["is what is read"]);
    assert_eq!(std::fs::read(folder.path().join("mask.nii.gz")).expect("there"), mask);
    std::fs::create_dir(folder.path().join("out")).expect("a folder");
    check(&["stats", "study.nii.gz", "mask.nii.gz", "--csv", "out"], 1, &["out", "no plain file"]);
}

#[test]
fn a_label_that_fills_the_grid_has_no_contour() {
    let folder = folder();
    save_labels(&folder.path().join("full.nii.gz"), &made::map(DIMS, |_| 1), &study_grid());
    let arguments = ["compare", "full.nii.gz", "mask.nii.gz", "--json", "--definition", "all"];
    let found = report(folder.path(), &arguments);
    let label = &found["labels"][0];
    assert_eq!(label["distances"].as_array().map(Vec::len), Some(3));
    assert_eq!(label["without"][0]["definition"], "contour-voxels");
    assert!(label["without"][0]["why"].as_str().is_some_and(|why| why.contains("fills the grid")));
    let (code, words, _) =
        annotomy(folder.path(), &arguments.map(|word| if word == "--json" { "--tolerance=1" } else { word }));
    assert!(code == Some(0) && words.contains("none between contour-voxels"), "{words}");
}
