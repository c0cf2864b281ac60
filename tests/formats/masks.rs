//! Masks that come from elsewhere: on the same points in every order of axes, or refused aloud.

use std::path::Path;
use std::process::Command;

use annotomy::format::{DoubtCode, Silent, Study, load, scan};
use annotomy::session::{Allowed, Import, ImportError, Session};
use annotomy::volume::LabelMap;
use serde_json::Value;

use crate::oracle;

/// A study of 7 × 6 × 5 voxels, oblique, with a mask of two labels in every order of axes that nibabel
/// can write, one moved by half a voxel, one on a coarser grid, and what SimpleITK makes of that.
const WRITE: &str = r#"
import sys, itertools
import numpy as np, nibabel as nib, SimpleITK as sitk
folder = sys.argv[1]
np.random.seed(5)
rotation, _ = np.linalg.qr(np.random.randn(3, 3))
affine = np.eye(4); affine[:3, :3] = rotation * [0.7, 1.1, 2.5]; affine[:3, 3] = [-31.25, 4.5, 100.125]
def save(array, name, affine=affine):
    image = nib.Nifti1Image(array, affine); image.set_sform(affine, 1); image.set_qform(affine, 1)
    nib.save(image, f"{folder}/{name}"); return image
save((np.random.rand(7, 6, 5) * 100).astype(np.int16), "study.nii.gz")
labels = np.zeros((7, 6, 5), np.uint8); labels[1:4, 2:5, 1] = 3; labels[5, 0, 4] = 200
mask = save(labels, "mask.nii.gz")
n = 0
for order in itertools.permutations(range(3)):
    for flips in itertools.product([1, -1], repeat=3):
        turned = mask.as_reoriented(np.array(list(zip(order, flips))))
        nib.save(turned, f"{folder}/turned{n}.nii.gz"); n += 1
itk = sitk.ReadImage(f"{folder}/turned11.nii.gz")
sitk.WriteImage(itk, f"{folder}/turned48.nrrd", True); sitk.WriteImage(itk, f"{folder}/turned49.mha", True)
half = affine.copy(); half[:3, 3] = (affine @ [0.5, 0, 0, 1])[:3]
save(labels, "half.nii.gz", half)
turn = np.array([[.8, .6, 0], [-.6, .8, 0], [0, 0, 1]])
other = affine.copy(); other[:3, :3] = rotation @ turn * [0.9, 1.3, 3.1]
other[:3, 3] += [0.31, -0.17, 0.23]
save(np.random.randint(0, 4, (8, 7, 6)).astype(np.uint8), "coarse.nii.gz", other)
resampled = sitk.Resample(sitk.ReadImage(f"{folder}/coarse.nii.gz"), sitk.ReadImage(f"{folder}/study.nii.gz"),
                          sitk.Transform(), sitk.sitkNearestNeighbor, 0)
sitk.WriteImage(resampled, f"{folder}/resampled.nii.gz")
save(labels.astype(np.float32) + 0.0004, "near.nii.gz")
wrong = labels.astype(np.float32); wrong[0, 0, 0] = 0.25; wrong[1, 1, 1] = 2.5
save(wrong, "wrong.nii.gz")
"#;

/// What is allowed where nothing is.
const NOTHING: Allowed = Allowed { resampling: false, doubtful_place: false };
const RESAMPLING: Allowed = Allowed { resampling: true, doubtful_place: false };

fn opened(path: &Path) -> Study {
    let found = scan(path, &Silent).expect("a study");
    load(&found.series[0], &Silent).expect("opens")
}

fn study(folder: &Path) -> Study {
    opened(&folder.join("study.nii.gz"))
}

/// The case's layers after a mask was laid over a fresh case, and what is told of the first.
fn laid_over(study: Study, mask: &Path, allowed: Allowed) -> (Vec<LabelMap>, String) {
    let mut session = Session::new(annotomy::case::Case::new(study.volume.clone()), "Ada");
    let import = Import::read(mask, None, &study, allowed, &Silent).unwrap_or_else(|error| panic!("{error}"));
    session.import(import).expect("fits");
    let origin = session.case().layer_origins()[0].file.clone().expect("told");
    let layers = session.case().layers().to_vec();
    assert_eq!(session.history().done().len(), 1, "one step");
    assert!(session.undo().expect("undone") && session.case().layers().len() == 1);
    assert!(session.case().layers()[0].counts().is_empty() && session.case().scheme().is_empty());
    assert!(session.redo().expect("made again") && session.case().layers().len() == layers.len());
    (layers, origin)
}

#[test]
fn a_mask_in_any_order_of_axes_lands_on_the_same_points() {
    let folder = tempfile::tempdir().expect("a folder");
    if oracle::python(WRITE, &[folder.path()]).is_none() {
        return;
    }
    let at = |name: &str| folder.path().join(name);
    let (expected, told) = laid_over(study(folder.path()), &at("mask.nii.gz"), NOTHING);
    assert_eq!((expected[0].counts()[&3], expected[0].counts()[&200], told.as_str()), (9, 1, "mask.nii.gz"));
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..50 {
        let ending = ["nii.gz", "nrrd", "mha"][number.max(47) - 47];
        let name = format!("turned{number}.{ending}");
        let (found, told) = laid_over(study(folder.path()), &at(&name), NOTHING);
        assert!(found[0].has_same_labels(&expected[0]), "{told}");
        seen.insert(told.trim_start_matches(&name).to_owned());
    }
    assert_eq!(seen.len(), 48, "{seen:?}");

    let (near, _) = laid_over(study(folder.path()), &at("near.nii.gz"), NOTHING);
    assert!(near[0].has_same_labels(&expected[0]));
    let study = study(folder.path());
    let refused = |name: &str| Import::read(&at(name), None, &study, NOTHING, &Silent).expect_err("refused");
    let wrong = refused("wrong.nii.gz").to_string();
    assert!(wrong.contains("holds 2.5, which is no label"), "the worst value: {wrong}");
    for name in ["half.nii.gz", "coarse.nii.gz"] {
        let ImportError::OtherGrid(mismatch) = refused(name) else { panic!("{name}") };
        assert!(mismatch.rows().iter().any(|[_, mask, study]| mask != study));
        assert!(!mismatch.to_string().contains('\n') && mismatch.to_string().contains(name), "{mismatch}");
    }
}

#[test]
fn a_mask_on_another_grid_is_resampled_as_itk_does_it() {
    let folder = tempfile::tempdir().expect("a folder");
    if oracle::python(WRITE, &[folder.path()]).is_none() {
        return;
    }
    let at = |name: &str| folder.path().join(name);
    let (ours, told) = laid_over(study(folder.path()), &at("coarse.nii.gz"), RESAMPLING);
    assert_eq!(told, "coarse.nii.gz, resampled by the nearest voxel");
    let (theirs, _) = laid_over(study(folder.path()), &at("resampled.nii.gz"), NOTHING);
    assert!(ours[0].counts().len() == 3 && ours[0].has_same_labels(&theirs[0]));
}

#[test]
fn labels_that_resampling_leaves_nothing_of_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let write = |name: &str, origin: &str, samples: &[u8; 24]| {
        let header = format!(
            "NRRD0004\ntype: uchar\ndimension: 3\nspace: LPS\nsizes: 4 3 2\nspace directions: (2,0,0) (0,3,0) (0,0,4)\n\
             space origin: {origin}\nencoding: raw\n\n"
        );
        std::fs::write(at(name), [header.as_bytes(), samples].concat()).expect("written");
    };
    let mut samples = [0u8; 24];
    (samples[1], samples[20]) = (1, 7);
    write("study.nrrd", "(0,0,0)", &samples);
    write("aside.nrrd", "(-5,0,0)", &samples);
    write("near.nrrd", "(0.5,0,0)", &samples);
    let told = |mask: &str| laid_over(opened(&at("study.nrrd")), &at(mask), RESAMPLING).1;
    assert_eq!(
        told("aside.nrrd"),
        "aside.nrrd, resampled by the nearest voxel; nothing is left of label 1, label 7"
    );
    assert_eq!(told("near.nrrd"), "near.nrrd, resampled by the nearest voxel");
}

#[test]
fn imports_keep_marks_and_names_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let header = |sizes: &str, more: &str| {
        format!(
            "NRRD0004\ntype: uchar\ndimension: 3\nspace: LPS\nsizes: {sizes}\nspace directions: (2,0,0) (0,3,0) (0,0,4)\n\
             space origin: (10,20,30)\nencoding: raw\n{more}\n"
        )
    };
    let mut samples = [0u8; 24];
    samples[0] = 1;
    std::fs::write(at("a.nrrd"), [header("4 3 2", "").as_bytes(), &samples].concat()).expect("written");
    let segments = "Segment0_ID:=x\nSegment0_Name:=Cyst\nSegment0_LabelValue:=1\nSegment0_Layer:=0\n";
    std::fs::write(at("b.seg.nrrd"), [header("4 3 2", segments).as_bytes(), &samples].concat())
        .expect("written");
    // In Latin-1, as older programs write it.
    let snap = b"####\n# ITK-SnAP Label Description File\n1 255 0 0 1 1 1 \"L\xe9sion\"\n";
    std::fs::write(at("names.label"), snap).expect("written");
    let study = opened(&at("a.nrrd"));
    let mut session = Session::new(annotomy::case::Case::new(study.volume.clone()), "Ada");
    let read = |mask: &str, names: Option<&str>| {
        let names = names.map(at);
        Import::read(&at(mask), names.as_deref(), &study, NOTHING, &Silent).expect("fits")
    };
    session.import(read("a.nrrd", Some("names.label"))).expect("fits");
    session.import(read("b.seg.nrrd", None)).expect("fits");
    let case = session.case();
    let names: Vec<_> = case.scheme().iter().map(|(index, label)| (index, label.name.as_str())).collect();
    assert_eq!(
        names,
        [(1, "Lésion"), (2, "Cyst")],
        "another name under the same number gets a number of its own"
    );
    let counts: Vec<_> =
        case.layers().iter().map(|layer| layer.counts().into_iter().collect::<Vec<_>>()).collect();
    assert_eq!(counts, [[(1, 1)], [(2, 1)]]);
    assert_eq!(session.layer(), 1);
    let steps: Vec<&str> = session.history().done().collect();
    assert_eq!(steps, ["Import a.nrrd", "Import b.seg.nrrd"]);
    assert!(session.undo().expect("undone"));
    session.refresh_counts();
    assert_eq!((session.layer(), session.case().layers().len(), session.voxels_of(2)), (0, 1, 0));
    assert!(session.redo().expect("made again"));
    session.refresh_counts();
    assert_eq!((session.voxels_of(1), session.voxels_of(2)), (1, 1));
}

/// A NIfTI-1 file of 4 × 3 × 2 voxels of 2 mm: its qform and its sform move it along x by so many
/// millimetres, where they are there.
fn placed_nifti(qform_mm: Option<f32>, sform_mm: Option<f32>) -> Vec<u8> {
    let mut bytes = vec![0u8; 352 + 24];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &348i32.to_le_bytes());
    for (n, size) in [3i16, 4, 3, 2, 1, 1, 1, 1].into_iter().enumerate() {
        put(40 + 2 * n, &size.to_le_bytes());
    }
    put(70, &2i16.to_le_bytes());
    put(72, &8i16.to_le_bytes());
    for (n, size) in [1f32, 2.0, 2.0, 2.0].into_iter().enumerate() {
        put(76 + 4 * n, &size.to_le_bytes());
    }
    put(108, &352f32.to_le_bytes());
    put(123, &[2]);
    put(252, &i16::from(qform_mm.is_some()).to_le_bytes());
    put(254, &i16::from(sform_mm.is_some()).to_le_bytes());
    put(268, &qform_mm.unwrap_or_default().to_le_bytes());
    for row in 0..3 {
        put(280 + 20 * row, &2f32.to_le_bytes());
    }
    put(292, &sform_mm.unwrap_or_default().to_le_bytes());
    put(344, b"n+1\0");
    put(352, &[1]);
    bytes
}

#[test]
fn a_mask_that_may_lie_elsewhere_is_laid_over_only_when_that_is_allowed() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let write = |name: &str, qform_mm, sform_mm| {
        std::fs::write(at(name), placed_nifti(qform_mm, sform_mm)).expect("written");
    };
    write("plain.nii", Some(0.0), Some(0.0));
    write("apart.nii", Some(3.0), Some(0.0));
    write("other.nii", Some(0.0), Some(3.0));
    write("near.nii", Some(0.09), Some(0.0));
    write("without.nii", None, None);
    let check = |study: &str, mask: &str, expected: Option<(DoubtCode, &str)>| {
        let study = opened(&at(study));
        let read = |allowed| Import::read(&at(mask), None, &study, allowed, &Silent);
        match (read(NOTHING), expected) {
            (Ok(_), None) => {}
            (Err(ImportError::DoubtfulPlace(doubtful)), Some((code, words))) => {
                assert_eq!(doubtful.code, code, "{mask}");
                let told = doubtful.to_string();
                assert!(told.contains(words) && told.contains("--as-read") && !told.contains('\n'), "{told}");
                assert!(doubtful.rows().iter().any(|[_, one, other]| one != other), "{told}");
                let forced = read(Allowed { doubtful_place: true, ..NOTHING });
                assert!(matches!(forced, Ok(_) | Err(ImportError::OtherGrid(_))), "{mask}");
            }
            (found, expected) => panic!("{mask}: {found:?} where {expected:?} was expected"),
        }
    };
    let forms = DoubtCode::FormsDisagree;
    check("plain.nii", "plain.nii", None);
    check("plain.nii", "near.nii", None);
    check("plain.nii", "apart.nii", Some((forms, "the sform lies on the study's grid, the qform does not")));
    check(
        "plain.nii",
        "other.nii",
        Some((forms, "the qform lies on the study's grid, the sform, which is used, does not")),
    );
    // Whichever of its forms is right, its own mask lies on it by the same.
    check("apart.nii", "apart.nii", None);
    check("apart.nii", "other.nii", Some((forms, "the qform lies")));
    check("apart.nii", "plain.nii", None);
    check("plain.nii", "without.nii", Some((DoubtCode::NoOrientation, "does not lie")));
    check("without.nii", "without.nii", None);

    std::fs::write(at("none.json"), r#"{"steps": []}"#).expect("written");
    let apply = |mask: &str, more: &[&str]| {
        let files = [at("plain.nii"), at("none.json"), at("out"), at(mask)];
        let [study, steps, out, mask] = files.each_ref().map(|path| path.as_os_str());
        let mut arguments = vec![study, steps, "--out".as_ref(), out, "--mask".as_ref(), mask];
        arguments.extend(more.iter().map(|word| AsRef::<std::ffi::OsStr>::as_ref(*word)));
        apply(&arguments)
    };
    let (code, told) = apply("apart.nii", &[]);
    assert!(code == Some(1) && told.contains("[sform-qform-disagree]") && !at("out").exists(), "{told}");
    let (code, told) = apply("apart.nii", &["--as-read"]);
    assert!(code == Some(0) && at("out").exists(), "{told}");
}

/// Runs `apply` with no steps; exit code and standard error.
fn apply(arguments: &[&std::ffi::OsStr]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_annotomy")).arg("apply").args(arguments).output();
    let output = output.expect("the program starts");
    (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
}

#[test]
fn apply_lays_masks_over_and_saves_where_nibabel_finds_them() {
    let folder = tempfile::tempdir().expect("a folder");
    if oracle::python(WRITE, &[folder.path()]).is_none() {
        return;
    }
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("none.json"), r#"{"steps": []}"#).expect("written");
    let (study, steps, out) = (at("study.nii.gz"), at("none.json"), at("out"));
    let with = |mask: &str, more: &[&str]| {
        let mask = at(mask);
        let mut arguments = vec![
            study.as_os_str(),
            steps.as_os_str(),
            "--out".as_ref(),
            out.as_os_str(),
            "--mask".as_ref(),
            mask.as_os_str(),
        ];
        arguments.extend(more.iter().map(|word| AsRef::<std::ffi::OsStr>::as_ref(*word)));
        apply(&arguments)
    };
    let (code, told) = with("half.nii.gz", &[]);
    assert!(code == Some(1) && told.contains("first voxel") && !out.exists(), "{told}");
    let (code, told) = with("turned11.nii.gz", &[]);
    assert!(code == Some(0) && told.contains("laid over: turned11.nii.gz, "), "{told}");
    let sidecar: Value =
        serde_json::from_slice(&std::fs::read(out.join("study.annotomy.json")).expect("saved"))
            .expect("JSON");
    let origin = sidecar["layers"][0]["origin"].as_str().expect("told");
    assert!(origin.starts_with("turned11.nii.gz, "), "{origin}");
    let same = r#"
import sys, numpy as np, nibabel as nib
a, b = [nib.load(p) for p in sys.argv[1:]]
assert np.array_equal(np.asarray(a.dataobj), np.asarray(b.dataobj)) and np.allclose(a.affine, b.affine, atol=1e-6)
"#;
    let saved = out.join("study_dseg.nii.gz");
    oracle::python(same, &[&saved, &at("mask.nii.gz")]);
    let (code, told) = with("coarse.nii.gz", &["--resample"]);
    assert!(code == Some(0) && told.contains("resampled"), "{told}");
    oracle::python(same, &[&saved, &at("resampled.nii.gz")]);
}

#[test]
fn masks_saved_over_any_format_lie_on_it_for_itk() {
    let write = r#"
import sys, numpy as np, SimpleITK as sitk
from PIL import Image
folder = sys.argv[1]
np.random.seed(5)
image = sitk.GetImageFromArray((np.random.rand(5, 6, 7) * 100).astype(np.int16))
q, _ = np.linalg.qr(np.random.randn(3, 3))
image.SetSpacing([0.7, 1.1, 2.5]); image.SetOrigin([-31.25, 4.5, 100.125]); image.SetDirection(q.flatten().tolist())
for name in ["n.nrrd", "h.nhdr", "m.mha", "d.mhd"]: sitk.WriteImage(image, f"{folder}/{name}", True)
Image.fromarray(np.random.randint(0, 255, (20, 30, 3), np.uint8)).save(f"{folder}/p.png")
Image.fromarray(np.random.randint(0, 255, (20, 30, 3), np.uint8)).save(f"{folder}/p.jpg")
"#;
    let check = r#"
import sys, numpy as np, SimpleITK as sitk
for study, mask in zip(sys.argv[1::2], sys.argv[2::2]):
    mask = sitk.ReadImage(mask)
    if study.endswith(("png", "jpg")):
        assert mask.GetSize() == (30, 20, 1) and mask.GetSpacing() == (1, 1, 1) and mask.GetOrigin() == (0, 0, 0)
        assert mask.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
        at = (4, 3, 0)
    else:
        study = sitk.ReadImage(study)
        assert mask.GetSize() == study.GetSize()
        for index in [(0, 0, 0), (6, 5, 4)]:
            a, b = [image.TransformIndexToPhysicalPoint(index) for image in (mask, study)]
            assert np.abs(np.array(a) - b).max() < 1e-3, (a, b)
        at = mask.TransformPhysicalPointToIndex(study.TransformIndexToPhysicalPoint((4, 3, 0)))
    assert mask[at] == 1 and sitk.GetArrayFromImage(mask).sum() == 1
print("same")
"#;
    let folder = tempfile::tempdir().expect("a folder");
    if oracle::python(write, &[folder.path()]).is_none() {
        return;
    }
    let mut paths = Vec::new();
    for name in ["n.nrrd", "h.nhdr", "m.mha", "d.mhd", "p.png", "p.jpg"] {
        let path = folder.path().join(name);
        let found = scan(&path, &Silent).expect("a study");
        let grid = load(&found.series[0], &Silent).expect("opens").volume.grid().clone();
        let point = grid.centre_of(annotomy::geometry::VoxelIndex::new(4, 3, 0)).to_array();
        let steps = folder.path().join("steps.json");
        let step = serde_json::json!({"tool": "brush", "label": 1, "shape": "disc", "radius_mm": 0.01, "plane": "axial", "points_lps": [point]});
        let ball = serde_json::json!({"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 0.01, "points_lps": [point]});
        let step = if name.starts_with('p') { step } else { ball };
        std::fs::write(&steps, serde_json::json!({"steps": [step]}).to_string()).expect("written");
        let out = folder.path().join(name.replace('.', "_"));
        let (code, told) = apply(&[path.as_ref(), steps.as_ref(), "--out".as_ref(), out.as_ref()]);
        assert_eq!(code, Some(0), "{name}: {told}");
        let stem = name.split('.').next().expect("a stem");
        paths.extend([path, out.join(format!("{stem}_dseg.nii.gz"))]);
    }
    let paths: Vec<&Path> = paths.iter().map(|path| path.as_path()).collect();
    assert_eq!(oracle::python(check, &paths).map(|told| told.trim().to_owned()).as_deref(), Some("same"));
}

#[test]
fn names_in_the_header_of_totalsegmentator_are_read() {
    let Some(studies) = oracle::studies() else { return };
    let path = studies.join("nifti/totalseg_small/example_seg.nii.gz");
    let found = annotomy::format::read_segmentation(&path, None, &Silent).expect("opens");
    let name = |index| found.scheme.get(index).map(|label| label.name.as_str());
    assert_eq!([name(1), name(2), name(5)], [Some("spleen"), Some("kidney_right"), Some("liver")]);
    assert!(found.layers[0].counts().keys().all(|index| found.scheme.get(*index).is_some()));
}
