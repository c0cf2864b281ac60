//! The two commands against SimpleITK and numpy on a made study.

use std::process::Command;

use serde_json::Value;

use crate::made::near;
use crate::oracle;

/// An oblique study of chance, labels in blocks, another reader's labels, and what is known of them.
const WRITE: &str = r#"
import sys, json
import numpy as np, nibabel as nib, SimpleITK as sitk
folder = sys.argv[1]
np.random.seed(11)
rotation, _ = np.linalg.qr(np.random.randn(3, 3))
affine = np.eye(4); affine[:3, :3] = rotation * [0.7, 1.1, 2.5]; affine[:3, 3] = [-31.25, 4.5, 100.125]
def save(array, name):
    image = nib.Nifti1Image(array, affine); image.set_sform(affine, 1); image.set_qform(affine, 1)
    nib.save(image, f"{folder}/{name}"); return sitk.ReadImage(f"{folder}/{name}")
blocks = lambda: np.kron(np.random.randint(0, 4, (6, 12, 3)), np.ones((7, 3, 5), int)).astype(np.uint8)
values, a = (np.random.randn(42, 36, 15) * 300).astype(np.int16), blocks()
b = np.where(np.random.rand(*a.shape) < 0.1, blocks(), a)
image, first, second = save(values, "study.nii.gz"), save(a, "a.nii.gz"), save(b, "b.nii.gz")
intensity = sitk.LabelStatisticsImageFilter(); intensity.Execute(image, first)
shape = sitk.LabelShapeStatisticsImageFilter(); shape.Execute(first)
overlap = sitk.LabelOverlapMeasuresImageFilter(); overlap.Execute(first, second)
known = {}
for label in (1, 2, 3):
    own = values[a == label]
    centres = np.argwhere(a == label) @ affine[:3, :3].T
    spread = np.linalg.eigvalsh(np.cov(centres.T, bias=True))[::-1]
    known[label] = dict(
        voxels=len(own), mean=intensity.GetMean(label), sample_sd=intensity.GetSigma(label), sd=own.std(),
        min=intensity.GetMinimum(label), max=intensity.GetMaximum(label), median=np.median(own),
        p10=np.percentile(own, 10), p90=np.percentile(own, 90), volume=shape.GetPhysicalSize(label),
        centroid=shape.GetCentroid(label), axes=list(4 * np.sqrt(spread)),
        dice=overlap.GetDiceCoefficient(label), iou=overlap.GetJaccardCoefficient(label))
print(json.dumps(known, default=float))
"#;

#[test]
fn both_commands_agree_with_simpleitk_and_numpy() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(known) = oracle::python(WRITE, &[folder.path()]) else { return };
    let known: Value = serde_json::from_str(&known).expect("JSON");
    let report = |arguments: &[&str]| -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_annotomy"));
        let output =
            command.current_dir(folder.path()).args(arguments).arg("--json").output().expect("starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let stats = report(&["stats", "study.nii.gz", "a.nii.gz"]);
    let compared = report(&["compare", "a.nii.gz", "b.nii.gz"]);
    for n in 0..3 {
        let (label, pair) = (&stats["labels"][n], &compared["labels"][n]);
        let expected = &known[label["label"].to_string()];
        let check = |name: &str, found: &Value, expected: &Value| {
            let [found, expected] = [found, expected].map(|number| number.as_f64().expect("a number"));
            assert!(near(found, expected, 1e-6), "{name}: {found} {expected}");
        };
        check("voxels", &label["voxels"], &expected["voxels"]);
        check("volume", &label["volume_mm3"], &expected["volume"]);
        for name in ["mean", "sd", "sample_sd", "min", "max", "median", "p10", "p90"] {
            check(name, &label["values"][name], &expected[name]);
        }
        for axis in 0..3 {
            check("centroid", &label["shape"]["centroid_lps_mm"][axis], &expected["centroid"][axis]);
            check("axes", &label["shape"]["axis_lengths_mm"][axis], &expected["axes"][axis]);
        }
        check("Dice", &pair["dice"], &expected["dice"]);
        check("IoU", &pair["iou"], &expected["iou"]);
    }
}
