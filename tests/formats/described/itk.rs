//! ITK writes and reads the same files; every voxel lies where it says and has the value it says.

use std::path::{Path, PathBuf};

use annotomy::format::{Silent, load, scan};
use annotomy::geometry::VoxelIndex;
use serde_json::Value;

use crate::oracle;

/// Tells of each file: size, placement as 3 × 4 rows in LPS, and some voxels with their values.
const TELL: &str = r#"
import sys, json, random
import numpy as np, SimpleITK as sitk
def tell(path):
    image = sitk.ReadImage(path)
    size = list(image.GetSize())[:3] + [1] * (3 - min(3, image.GetDimension()))
    n = min(3, image.GetDimension())
    full = image.GetDimension()
    direction = np.array(image.GetDirection()).reshape(full, full)[:n, :n] * np.array(image.GetSpacing())[:n]
    rows = np.zeros((3, 4)); rows[2, 2] = 1
    rows[:n, :n] = direction
    rows[:n, 3] = np.array(image.GetOrigin())[:n]
    array = sitk.GetArrayFromImage(image)
    if full == 2: array = array[None]
    if full < 4: array = array[None]
    random.seed(1)
    voxels = []
    for _ in range(200):
        at = [random.randrange(s) for s in size]
        t = random.randrange(array.shape[0])
        value = array[t, at[2], at[1], at[0]]
        voxels.append([at, t, np.atleast_1d(value).astype(float).tolist()])
    return {"path": path, "size": size, "times": array.shape[0], "rows": rows.tolist(), "voxels": voxels}
"#;

const WRITE: &str = r#"
folder = sys.argv[1]
random.seed(7); np.random.seed(7)
def rotation():
    q, _ = np.linalg.qr(np.random.randn(3, 3)); return q
kinds = {"u8": np.uint8, "i8": np.int8, "i16": np.int16, "u16": np.uint16, "i32": np.int32, "u32": np.uint32,
         "i64": np.int64, "u64": np.uint64, "f32": np.float32, "f64": np.float64}
paths = []
def write(image, name, endings, packed):
    for ending in endings:
        path = f"{folder}/{name}.{ending}"
        sitk.WriteImage(image, path, packed)
        paths.append(path)
every = ["nrrd", "nhdr", "mha", "mhd"]
for number, (name, kind) in enumerate(kinds.items()):
    array = (np.random.rand(5, 6, 7) * 100).astype(kind)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing([0.7, 1.1, 2.5]); image.SetOrigin([-31.25, 4.5, 100.125])
    image.SetDirection(rotation().flatten().tolist())
    write(image, name, every, number % 2 == 0)
colour = sitk.GetImageFromArray((np.random.rand(5, 6, 7, 3) * 255).astype(np.uint8), isVector=True)
colour.SetDirection(rotation().flatten().tolist())
write(colour, "rgb", every, True)
flat = sitk.GetImageFromArray((np.random.rand(6, 7) * 100).astype(np.int16))
flat.SetSpacing([0.7, 1.1]); flat.SetOrigin([3, 4]); flat.SetDirection([0.8, -0.6, 0.6, 0.8])
write(flat, "flat", every, False)
flat_colour = sitk.GetImageFromArray((np.random.rand(6, 7, 3) * 255).astype(np.uint8), isVector=True)
write(flat_colour, "flatrgb", every, False)
frames = sitk.GetImageFromArray((np.random.rand(3, 5, 6, 7) * 100).astype(np.float32), isVector=False)
frames.SetSpacing([0.7, 1.1, 2.5, 3]); frames.SetOrigin([1, 2, 3, 0])
write(frames, "frames", every, True)
vectors = sitk.GetImageFromArray((np.random.rand(5, 6, 7, 4) * 100).astype(np.float32), isVector=True)
write(vectors, "vectors", every, True)
print(json.dumps([tell(path) for path in paths]))
"#;

fn check(told: &Value) {
    let name = told["path"].as_str().expect("a path");
    let found = scan(Path::new(name), &Silent).unwrap_or_else(|refusal| panic!("{refusal}"));
    let study = load(&found.series[0], &Silent).unwrap_or_else(|refusal| panic!("{refusal}"));
    let volume = &study.volume;
    let numbers = |value: &Value| -> Vec<f64> {
        value.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number")).collect()
    };
    assert_eq!(volume.grid().dims().map(|n| n as f64).to_vec(), numbers(&told["size"]), "{name}");
    let is_colour = volume.sample_type().components() > 1;
    for (row, expected) in
        volume.grid().patient_from_voxel().rows().iter().zip(told["rows"].as_array().expect("rows"))
    {
        let apart = row.iter().zip(numbers(expected)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart < 1e-6, "{name}: {row:?} {expected}");
    }
    for voxel in told["voxels"].as_array().expect("voxels") {
        let [at, time, value] = &voxel.as_array().expect("a triple")[..] else { panic!("{voxel}") };
        let [i, j, k] = numbers(at)[..] else { panic!("{at}") };
        let index = VoxelIndex::new(i as usize, j as usize, k as usize);
        let time = time.as_u64().expect("a time") as usize;
        let expected = match numbers(value)[..] {
            [r, g, b] if is_colour => vec![0.299 * r + 0.587 * g + 0.114 * b],
            ref values => values.to_vec(),
        };
        for (component, expected) in expected.iter().enumerate() {
            let found = volume.value(index, time + component);
            assert!((found - expected).abs() < 1e-9, "{name} at {at}: {found} {expected}");
        }
    }
}

#[test]
fn what_itk_writes_opens_as_itk_reads_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(told) = oracle::python(&format!("{TELL}{WRITE}"), &[folder.path()]) else { return };
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let told = told.as_array().expect("a list");
    assert!(told.len() >= 50);
    told.iter().for_each(check);
}

#[test]
fn real_files_open_as_itk_reads_them() {
    let Some(studies) = oracle::studies() else { return };
    let folders = ["dicom/seg_24x38x3", "dicom/ct_3slice_with_seg", "nifti/radiomics_brain2"];
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(studies.join(folder)).expect("a folder"));
    let paths: Vec<PathBuf> = files
        .map(|file| file.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "nrrd"))
        .collect();
    assert_eq!(paths.len(), 11);
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let program = format!("{TELL}\nprint(json.dumps([tell(path) for path in sys.argv[1:]]))");
    let Some(told) = oracle::python(&program, &paths) else { return };
    let told: Value = serde_json::from_str(&told).expect("JSON");
    told.as_array().expect("a list").iter().for_each(check);
}
