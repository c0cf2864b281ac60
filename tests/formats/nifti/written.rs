//! What is written, opened by nibabel and SimpleITK.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use annotomy::format::{Silent, nifti};
use annotomy::geometry::{Affine, Grid};
use annotomy::volume::{Buffer, LabelMap, Rescale, Samples, Volume};
use serde_json::Value;

use crate::oracle;

/// Prints for each file what both readers see: shape, type, LPS affine by nibabel, origin, spacing
/// and direction made an LPS affine by SimpleITK, and a sum that changes when any voxel moves.
const READERS: &str = r#"
import json, sys
import nibabel, numpy, SimpleITK
def mark(a):
    w = numpy.arange(a.size, dtype=numpy.float64).reshape(a.shape, order='F') % 9973 + 1
    return float((a.astype(numpy.float64) * w).sum())
out = []
for path in sys.argv[1:]:
    n = nibabel.load(path)
    h = n.header
    told = {"shape": list(n.shape), "type": str(n.get_data_dtype()),
            "lps": (numpy.diag([-1, -1, 1, 1]) @ n.affine).tolist(),
            "qform": int(h["qform_code"]), "sform": int(h["sform_code"]), "intent": int(h["intent_code"]),
            "descrip": h["descrip"].item().decode(), "mark": mark(numpy.asanyarray(n.dataobj))}
    try:
        s = SimpleITK.ReadImage(path)
        a = SimpleITK.GetArrayFromImage(s).T
        d = min(3, s.GetDimension())
        m = numpy.eye(4)
        m[:d, :d] = numpy.array(s.GetDirection()).reshape(s.GetDimension(), -1)[:d, :d] * s.GetSpacing()[:d]
        m[:d, 3] = s.GetOrigin()[:d]
        told["itk"] = {"lps": m.tolist(), "mark": mark(a), "shape": list(a.shape)}
    except RuntimeError as error:
        told["itk"] = None
    out.append(told)
print(json.dumps(out))
"#;

fn seen_by_readers(paths: &[&Path]) -> Option<Vec<Value>> {
    let text = oracle::python(READERS, paths)?;
    Some(serde_json::from_str(&text).expect("JSON"))
}

/// The sum that READERS call `mark`.
fn mark(values: impl Iterator<Item = f64>) -> f64 {
    values.enumerate().map(|(n, value)| value * ((n % 9973) as f64 + 1.0)).sum()
}

fn rows_agree(told: &Value, grid: &Grid, within: f64) {
    let ours = grid.patient_from_voxel().rows4();
    for (row, theirs) in ours.iter().zip(told.as_array().expect("rows")) {
        for (ours, theirs) in row.iter().zip(theirs.as_array().expect("a row")) {
            let theirs = theirs.as_f64().expect("a number");
            assert!((ours - theirs).abs() <= within, "{told} is not {ours:?}");
        }
    }
}

/// Grids in every axis order and handedness, and one that stands askew.
fn grids() -> Vec<Grid> {
    let steps = [0.75, 1.25, 2.5];
    let mut grids = Vec::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for signs in 0..8 {
            let mut rows = [[0.0, 0.0, 0.0, -31.25], [0.0, 0.0, 0.0, 4.5], [0.0, 0.0, 0.0, 100.0]];
            for axis in 0..3 {
                rows[order[axis]][axis] = steps[axis] * if signs >> axis & 1 == 1 { -1.0 } else { 1.0 };
            }
            grids.push(rows);
        }
    }
    let (sin, cos) = 0.3_f64.sin_cos();
    grids.push([[cos, -sin, 0.0, 1.0], [sin, cos, 0.0, 2.0], [0.0, 0.0, 3.0, 3.0]]);
    let grid = |rows| Grid::new([37, 70, 34], Affine::from_rows(rows).expect("invertible"), None);
    grids.into_iter().map(|rows| grid(rows).expect("a grid")).collect()
}

/// A few blobs, far from filling the map, without any symmetry.
fn labels(dims: [usize; 3], scale: u16) -> LabelMap {
    LabelMap::from_labels(dims, |offset| {
        let (i, j, k) = (offset % dims[0], offset / dims[0] % dims[1], offset / dims[0] / dims[1]);
        match (i, j, k) {
            (3..9, 40..43, 2) => scale,
            (0 | 1, 0, 33) => 2 * scale,
            (30.., 60.., 20..25) => ((i * j * k) % 3) as u16 * scale,
            _ => 0,
        }
    })
}

fn label_values(labels: &LabelMap) -> impl Iterator<Item = f64> {
    let [ni, nj, nk] = labels.dims();
    let rows = (0..nk).flat_map(move |k| (0..nj).map(move |j| (j, k)));
    rows.flat_map(move |(j, k)| {
        let mut row = vec![0; ni];
        labels.copy_row(j, k, &mut row);
        row.into_iter().map(f64::from)
    })
}

#[test]
fn masks_of_every_axis_order_lie_where_they_were_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut written = Vec::new();
    for (n, grid) in grids().into_iter().enumerate() {
        let labels = labels(grid.dims(), if n % 2 == 0 { 1 } else { 300 });
        let path = folder.path().join(format!("Maske-ü-{n}.nii.gz"));
        let mut file = File::create(&path).expect("created");
        nifti::write_labels(&mut file, &labels, &nifti::NiftiGeometry::of_grid(&grid)).expect("written");
        let back = nifti::read_labels(&path, &Silent).expect("opens");
        assert!(back.labels.has_same_labels(&labels) && back.grid.is_same_as(&grid));
        assert!(back.doubts.is_empty(), "{:?}", back.doubts);
        written.push((path, grid, labels));
    }
    let paths: Vec<&Path> = written.iter().map(|(path, ..)| path.as_path()).collect();
    let Some(told) = seen_by_readers(&paths) else { return };
    for ((n, (_, grid, labels)), told) in written.iter().enumerate().zip(&told) {
        assert_eq!(told["type"], if n % 2 == 0 { "uint8" } else { "uint16" });
        assert_eq!((told["intent"].as_i64(), told["descrip"].as_str()), (Some(1002), Some("Annotomy")));
        let expected = mark(label_values(labels));
        for reader in [told, &told["itk"]] {
            assert_eq!(reader["shape"], serde_json::json!(grid.dims()));
            assert_eq!(reader["mark"].as_f64(), Some(expected));
            rows_agree(&reader["lps"], grid, 1e-5);
        }
    }
}

#[test]
fn a_sheared_grid_keeps_its_shear() {
    let rows = [[1.0, 0.0, 0.0, 5.0], [0.0, 1.0, 0.4, 0.0], [0.0, 0.0, 2.0, 0.0]];
    let grid = Grid::new([40, 50, 3], Affine::from_rows(rows).expect("invertible"), None).expect("a grid");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tilted.nii.gz");
    let mut file = File::create(&path).expect("created");
    let labels = LabelMap::from_labels(grid.dims(), |offset| u16::from(offset == 77));
    nifti::write_labels(&mut file, &labels, &nifti::NiftiGeometry::of_grid(&grid)).expect("written");
    let back = nifti::read_labels(&path, &Silent).expect("opens");
    assert!(back.grid.is_same_as(&grid));
    assert_eq!(back.doubts.len(), 1, "{:?}", back.doubts);
    let Some(told) = seen_by_readers(&[&path]) else { return };
    assert_eq!((told[0]["qform"].as_i64(), told[0]["sform"].as_i64()), (Some(0), Some(1)));
    rows_agree(&told[0]["lps"], &grid, 1e-5);
}

#[test]
fn what_nifti_1_cannot_hold_becomes_nifti_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = [[0.001, 0.0, 0.0, 0.0], [0.0, 0.001, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]];
    let grid = |dims| Grid::new(dims, Affine::from_rows(rows).expect("invertible"), None).expect("a grid");
    let (wide, small) = (grid([40_000, 3, 2]), grid([4, 3, 2]));
    let mut fine = nifti::NiftiGeometry::of_grid(&small);
    fine.srow[0][3] = 0.1 + f64::EPSILON;
    let cases = [(&wide, nifti::NiftiGeometry::of_grid(&wide)), (&small, fine)];
    for (n, (grid, geometry)) in cases.into_iter().enumerate() {
        let path = folder.path().join(format!("{n}.nii.gz"));
        let labels = LabelMap::from_labels(grid.dims(), |offset| u16::from(offset % 1000 == 7));
        let mut file = File::create(&path).expect("created");
        nifti::write_labels(&mut file, &labels, &geometry).expect("written");
        let back = nifti::read_labels(&path, &Silent).expect("opens");
        assert!(back.labels.has_same_labels(&labels));
        assert_eq!(back.geometry, geometry);
        let Some(told) = seen_by_readers(&[&path]) else { return };
        assert_eq!(told[0]["shape"], serde_json::json!(grid.dims()));
        assert_eq!(told[0]["mark"].as_f64(), Some(mark(label_values(&labels))));
        rows_agree(&told[0]["lps"], &back.grid, 1e-15);
    }
}

#[test]
fn the_same_labels_give_the_same_bytes() {
    let grid = grids().pop().expect("the askew one");
    let geometry = nifti::NiftiGeometry::of_grid(&grid);
    let written = || {
        let mut bytes = Vec::new();
        nifti::write_labels(&mut bytes, &labels(grid.dims(), 1), &geometry).expect("memory");
        bytes
    };
    assert_eq!(written(), written());
}

#[test]
fn masks_carry_the_geometry_fields_of_real_files_bit_for_bit() {
    let Some(studies) = oracle::studies() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut pairs = Vec::new();
    let sources = [
        "nifti/sct_t2/t2.nii.gz",
        "nifti/misc/anatomical.nii",
        "nifti/misc/big.nii.gz",
        "nifti/misc/example4d.nii.gz",
        "nifti/misc/example_nifti2.nii.gz",
        "nifti/dtypes/minimal.nii",
        "nifti/dtypes/minimal_extended_hdr.nii",
        "nifti/orientation48_half/PIL.nii.gz",
        "nifti/mni/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz",
    ];
    for (n, name) in sources.into_iter().enumerate() {
        let source_path = studies.join(name);
        let source = nifti::read(&source_path, &Silent).expect("opens");
        let path = folder.path().join(format!("mask{n}.nii.gz"));
        let mut file = File::create(&path).expect("created");
        let labels = LabelMap::from_labels(source.volume.grid().dims(), |offset| u16::from(offset % 31 == 7));
        nifti::write_labels(&mut file, &labels, &source.geometry).expect("written");
        let back = nifti::read_labels(&path, &Silent).expect("opens");
        assert_eq!(back.geometry, source.geometry, "{name}");
        assert_eq!(&back.grid, source.volume.grid(), "{name}");
        assert!(back.labels.has_same_labels(&labels), "{name}");
        pairs.extend([source_path, path]);
    }
    let paths: Vec<&Path> = pairs.iter().map(|path| path.as_path()).collect();
    let Some(told) = seen_by_readers(&paths) else { return };
    for (name, pair) in sources.iter().zip(told.chunks(2)) {
        let [source, mask] = pair else { panic!("not a pair") };
        assert_eq!(mask["lps"], source["lps"], "{name}");
        let opens = !source["itk"].is_null();
        assert!(!opens || mask["itk"]["lps"] == source["itk"]["lps"], "{name}: as SimpleITK sees it");
    }
}

fn ramp<T: bytemuck::Pod>(len: usize, value: impl Fn(usize) -> T) -> Buffer<T> {
    let mut buffer = Buffer::zeroed(len).expect("memory");
    buffer.iter_mut().enumerate().for_each(|(n, sample)| *sample = value(n));
    buffer
}

#[test]
fn volumes_keep_type_rescale_and_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let grid = grids().pop().expect("the askew one");
    let (times, n) = (2, 2 * grid.voxel_count());
    let wave = |n: usize| (n * 7919 % 251) as i16 - 125;
    let stored: [(&str, Samples); 10] = [
        ("int8", Samples::I8(ramp(n, |n| wave(n) as i8))),
        ("uint8", Samples::U8(ramp(n, |n| wave(n) as u8))),
        ("int16", Samples::I16(ramp(n, wave))),
        ("uint16", Samples::U16(ramp(n, |n| (wave(n) + 125) as u16 * 200))),
        ("int32", Samples::I32(ramp(n, |n| i32::from(wave(n)) * 100_000))),
        ("uint32", Samples::U32(ramp(n, |n| (wave(n) + 125) as u32 * 100_000))),
        ("int64", Samples::I64(ramp(n, |n| i64::from(wave(n)) << 40))),
        ("uint64", Samples::U64(ramp(n, |n| ((wave(n) + 125) as u64) << 40))),
        ("float32", Samples::F32(ramp(n, |n| f32::from(wave(n)) * 0.5))),
        ("float64", Samples::F64(ramp(n, |n| f64::from(wave(n)) * 0.25))),
    ];
    let rescale = Rescale { slope: 0.5, intercept: -1024.0 };
    let mut written = Vec::new();
    for (number, (name, samples)) in stored.into_iter().enumerate() {
        let volume = Arc::new(Volume::new(grid.clone(), times, samples, rescale).expect("a volume"));
        let (ending, compression) = match number % 2 {
            0 => ("nii", nifti::Compression::None),
            _ => ("nii.gz", nifti::Compression::Gzip),
        };
        let path = folder.path().join(format!("{name}.{ending}"));
        let mut file = File::create(&path).expect("created");
        let geometry = nifti::NiftiGeometry::of_grid(&grid);
        nifti::write_volume(&mut file, &volume, &geometry, compression).expect("written");
        let back = nifti::read(&path, &Silent).expect("opens");
        assert_eq!(back.volume.samples().bytes(), volume.samples().bytes(), "{name}");
        assert_eq!((back.volume.rescale(), back.volume.times()), (rescale, times), "{name}");
        written.push((name, path, volume));
    }
    let paths: Vec<&Path> = written.iter().map(|(_, path, _)| path.as_path()).collect();
    let Some(told) = seen_by_readers(&paths) else { return };
    for ((name, _, volume), told) in written.iter().zip(&told) {
        assert_eq!(told["type"], *name);
        let values = (0..volume.samples().len()).map(|n| rescale.value(volume.samples().at(n)));
        let expected = mark(values);
        let theirs = told["mark"].as_f64().expect("a number");
        assert!((theirs - expected).abs() <= 1e-9 * expected.abs(), "{name}: {theirs}, not {expected}");
        rows_agree(&told["lps"], volume.grid(), 1e-6);
        rows_agree(&told["itk"]["lps"], volume.grid(), 1e-5);
    }
}
