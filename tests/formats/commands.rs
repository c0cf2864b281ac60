//! `info` and `convert`, run as a script runs them.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::nifti::fixture::{Fixture, gzip, on_disk};
use crate::oracle;

/// Runs the program: exit code, standard output, standard error.
fn annotomy(arguments: &[&std::ffi::OsStr]) -> (Option<i32>, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_annotomy")).args(arguments).output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn info(path: &Path) -> (Option<i32>, Value, String) {
    let (code, out, err) = annotomy(&["info".as_ref(), "--json".as_ref(), path.as_ref()]);
    (code, serde_json::from_str(&out).expect("JSON"), err)
}

#[test]
fn info_tells_a_study_in_the_shape_scripts_rely_on() {
    let fixture = Fixture { slope: 0.5, intercept: -2.0, units: 3, ..Fixture::new() };
    let (_folder, path) = on_disk(&[("Kopf-ü.nii.gz", gzip(&fixture.bytes()))]);
    let (code, report, errors) = info(&path);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    let series = &report["series"][0];
    let expected = json!({
        "id": "Kopf-ü", "format": "nifti", "modality": null, "description": "", "files": 1,
        "dims": [4, 3, 2], "times": 1, "time_axis": null, "time_unit": null, "time_values": [], "missing_slices": [], "components": 1, "spacing_mm": [0.002, 0.003, 0.004],
        "patient_from_voxel": [
            [-0.002, 0.0, 0.0, 0.01], [0.0, -0.003, 0.0, 0.02], [0.0, 0.0, 0.004, 0.03], [0.0, 0.0, 0.0, 1.0],
        ],
        "sample_type": "i16", "value": {"min": -2.0, "max": 9.5, "mean": 3.75, "unit": null}, "suv_bw_factor": null,
        "axes": "RAS", "obliquity_degrees": 0.0,
        "warnings": [{"code": "units-converted", "text": "distances were multiplied by 0.001 to be mm"}],
    });
    assert_eq!(series, &expected);
    assert_eq!(report["refused"], json!([]));
    let (code, words, _) = annotomy(&["info".as_ref(), path.as_ref()]);
    assert_eq!(code, Some(0));
    for word in
        ["Kopf-ü", "4 × 3 × 2", "0.002 × 0.003 × 0.004 mm", "RAS", "-2 to 9.5, mean 3.75", "units-converted"]
    {
        assert!(words.contains(word), "{word} in {words}");
    }
}

#[test]
fn info_tells_what_a_folder_holds_and_what_it_refused() {
    let bytes = Fixture::new().bytes();
    let (folder, path) = on_disk(&[
        ("a.nii", bytes.clone()),
        ("a.nii.gz", gzip(&bytes)),
        ("b.nii", bytes[..390].to_vec()),
        ("c.nii", b"no header".to_vec()),
    ]);
    let (code, report, errors) = info(folder.path());
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    let ids: Vec<&Value> = report["series"].as_array().expect("a list").iter().map(|s| &s["id"]).collect();
    assert_eq!(ids, ["a.nii", "a.nii.gz"], "one stem, two files");
    let mut refused: Vec<_> = report["refused"].as_array().expect("a list").iter().collect();
    refused.sort_by_key(|refusal| refusal["path"].to_string());
    let told: Vec<_> = refused.iter().map(|refusal| (&refusal["path"], &refusal["code"])).collect();
    assert_eq!(told, [(&json!("b.nii"), &json!("truncated")), (&json!("c.nii"), &json!("not-an-image"))]);

    let (code, report, errors) = info(&path.with_file_name("c.nii"));
    assert_eq!((code, &report["series"]), (Some(1), &json!([])));
    assert!(errors.contains("c.nii") && errors.trim_end().lines().count() == 1, "{errors}");
    let (code, report, _) = info(&path.with_file_name("absent.nii"));
    assert_eq!((code, &report["refused"][0]["code"]), (Some(1), &json!("unreadable")));
}

#[test]
fn info_on_many_series_is_a_line_for_each_and_a_count_of_the_rest() {
    let bytes = Fixture::new().bytes();
    let names: Vec<String> = (0..43).map(|n| format!("s{n:02}.nii")).collect();
    let files: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (name.as_str(), bytes.clone())).collect();
    let (folder, _) = on_disk(&files);
    let (code, words, _) = annotomy(&["info".as_ref(), folder.path().as_ref()]);
    assert_eq!((code, words.lines().count()), (Some(0), 43), "{words}");
    assert!(words.starts_with("43 series, 0 file(s) refused\n") && words.contains("s39"), "{words}");
    assert!(
        words.ends_with("and 3 more series\n--json tells all of each\n") && !words.contains("s40"),
        "{words}"
    );
    let (_, report, _) = info(folder.path());
    assert_eq!(report["series"].as_array().map(Vec::len), Some(43), "and JSON holds all");
}

#[test]
fn convert_keeps_geometry_values_and_type_and_refuses_to_guess() {
    let fixture = Fixture { slope: 0.5, intercept: -2.0, qform_code: 2, ..Fixture::big_endian() };
    let (folder, path) = on_disk(&[("a.nii", fixture.bytes()), ("b.nii", Fixture::new().bytes())]);
    let out = folder.path().join("out.nii.gz");
    let convert = |more: &[&std::ffi::OsStr]| {
        let arguments: Vec<_> = [&["convert".as_ref()], more].concat();
        let (code, told, errors) = annotomy(&arguments);
        let (lines, listed): (Vec<_>, Vec<_>) = errors.lines().partition(|line| !line.starts_with("  "));
        assert!(told.is_empty() && lines.len() <= 1, "{told} {errors}");
        assert!(listed.is_empty() || errors.contains("--series ID"), "{errors}");
        (code, errors)
    };
    assert_eq!(convert(&[path.as_ref(), out.as_ref()]), (Some(0), String::new()));
    let (_, before, _) = info(&path);
    let (_, mut after, _) = info(&out);
    after["series"][0]["id"] = json!("a");
    after["series"][0]["description"] = json!("");
    assert_eq!(after, before);

    let check = |arguments: &[&std::ffi::OsStr], code: i32, words: &str| {
        let (found, errors) = convert(arguments);
        assert!(found == Some(code) && errors.contains(words), "{errors}");
    };
    let (folder, out) = (folder.path().as_os_str(), out.as_os_str());
    check(
        &[folder, out],
        2,
        "holds 3 series; choose one with --series ID\n  a  \"a.nii\", 4 × 3 × 2 voxels of ",
    );
    check(
        &[folder, out, "--series".as_ref(), "z".as_ref()],
        2,
        "has no series z; choose one with --series ID\n  a  ",
    );
    check(&[folder, out, "--series".as_ref(), "b".as_ref()], 0, "");
    check(&[path.as_ref(), "out.mha".as_ref()], 2, ".nii.gz");
    check(&[path.as_ref(), path.as_ref()], 2, "another name");
    check(&[path.as_ref(), "/absent/out.nii".as_ref()], 1, "/absent/out.nii");
    check(&[path.as_ref()], 2, "<OUT>");
}

#[test]
fn converted_studies_equal_their_sources_for_nibabel() {
    let Some(studies) = oracle::studies() else { return };
    let (folder, _) = on_disk(&[("empty", Vec::new())]);
    let compare = r#"
import sys, nibabel, numpy
for a, b in zip(sys.argv[1::2], sys.argv[2::2]):
    a, b = nibabel.load(a), nibabel.load(b)
    assert a.shape == b.shape, (a.shape, b.shape)
    assert (a.affine == b.affine).all(), (a.affine, b.affine)
    assert numpy.array_equal(numpy.asanyarray(a.dataobj), numpy.asanyarray(b.dataobj)), "values"
    assert a.get_data_dtype().newbyteorder("<") == b.get_data_dtype(), (a.get_data_dtype(), b.get_data_dtype())
    for key in ("qform_code", "sform_code", "xyzt_units"):
        assert a.header[key] == b.header[key], key
print("same")
"#;
    let names = [
        "nifti/sct_t2/t2.nii.gz",
        "nifti/misc/anatomical.nii",
        "nifti/misc/functional.nii",
        "nifti/misc/big.nii.gz",
        "nifti/misc/air.hdr.gz",
        "nifti/orientation48_half/PIL.nii.gz",
        "nifti/dtypes/minimal.nii",
        "nifti/dtypes/rgb/4D.nii",
        "dicom/mr_ge_fmri_4d_ref/DCM2NIIX_regression_test_4.nii.gz",
    ];
    let mut paths = Vec::new();
    for (n, name) in names.into_iter().enumerate() {
        let (source, out) = (studies.join(name), folder.path().join(format!("{n}.nii.gz")));
        let (code, _, errors) = annotomy(&["convert".as_ref(), source.as_ref(), out.as_ref()]);
        assert_eq!(code, Some(0), "{errors}");
        paths.extend([source, out]);
    }
    let paths: Vec<&Path> = paths.iter().map(|path| path.as_path()).collect();
    if let Some(told) = oracle::python(compare, &paths) {
        assert_eq!(told.trim(), "same");
    }
}

/// A slice that nobody may read is missing from what is shown.
#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = on_disk(&[("a.nii", Fixture::new().bytes()), ("b.nii", Fixture::new().bytes())]);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o0)).expect("changed");
    if std::fs::File::open(&path).is_ok() {
        return println!("skipped: who runs this may read everything");
    }
    let (code, report, _) = info(folder.path());
    assert_eq!((code, &report["series"][0]["id"]), (Some(0), &json!("b")));
    assert_eq!(report["refused"][0]["code"], json!("unreadable"));
    let (code, report, _) = info(&path);
    assert_eq!((code, &report["refused"][0]["code"]), (Some(1), &json!("unreadable")));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_instead_of_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("scan.nii");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    let refusal = annotomy::format::scan(&pipe, &annotomy::format::Silent).expect_err("a pipe is no study");
    assert_eq!(refusal.code, annotomy::format::RefusalCode::NotAnImage);
}
