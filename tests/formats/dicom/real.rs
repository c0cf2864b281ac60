//! Real files, held against what pydicom, dcm2niix and SimpleITK say of them.

use std::collections::BTreeMap;
use std::path::Path;

use annotomy::format::{self, DoubtCode, Refusal, RefusalCode, Silent, Study};
use annotomy::geometry::{Point, VoxelIndex};
use annotomy::volume::Statistics;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::file::refusal_at;
use crate::oracle::{python, studies};

pub(crate) fn truth(data: &Path) -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(data.join("truth.json")).expect("truth.json is there");
    // Python writes NaN, which JSON does not know.
    serde_json::from_str(&text.replace("\nNaN", "\nnull")).expect("truth.json is JSON")
}

/// Files that are refused, by a part of their name and the reason; the first that fits counts. Every
/// other file opens.
const REFUSED: &[(&str, RefusalCode)] = &[
    // Compressed in ways that are not opened.
    ("JPEGProcess10_12", RefusalCode::UnsupportedTransferSyntax),
    ("JPEGProcess6_8", RefusalCode::UnsupportedTransferSyntax),
    // Objects that are no images.
    ("emri_small", RefusalCode::UnsupportedObject),
    ("/liver", RefusalCode::UnsupportedObject),
    ("/seg_", RefusalCode::UnsupportedObject),
    ("/label.seg", RefusalCode::UnsupportedObject),
    ("/rtstruct", RefusalCode::UnsupportedObject),
    ("/rtplan.dcm", RefusalCode::UnsupportedObject),
    ("/rt.dcm", RefusalCode::UnsupportedObject),
    ("reference_rt", RefusalCode::UnsupportedObject),
    ("sr_document", RefusalCode::UnsupportedObject),
    ("/sm_", RefusalCode::UnsupportedObject),
    ("SR.dcm", RefusalCode::UnsupportedObject),
    ("reportsi", RefusalCode::UnsupportedObject),
    ("waveform", RefusalCode::UnsupportedObject),
    ("NoMeta.dcm", RefusalCode::UnsupportedObject),
    ("badVR", RefusalCode::Inconsistent),
    // Headers without pixels.
    ("JapMulti", RefusalCode::UnsupportedObject),
    ("KoreanMulti", RefusalCode::UnsupportedObject),
    ("chrSQ", RefusalCode::UnsupportedObject),
    ("/SE000000/", RefusalCode::UnsupportedObject),
    ("/priv_SQ.dcm", RefusalCode::UnsupportedObject),
    ("UN_sequence", RefusalCode::UnsupportedObject),
    ("empty_charset", RefusalCode::UnsupportedObject),
    ("no_meta_group_length", RefusalCode::UnsupportedObject),
    // Kinds of pixels that are not opened.
    ("32bit", RefusalCode::UnsupportedType),
    // Broken, or no DICOM at all.
    ("MR_truncated", RefusalCode::Truncated),
    ("rtplan_truncated", RefusalCode::Truncated),
    ("embedded-sequence-delimiter", RefusalCode::Inconsistent),
    ("nested_priv_SQ", RefusalCode::Inconsistent),
    ("meta_missing_tsyntax", RefusalCode::NotAnImage),
    ("no_meta.dcm", RefusalCode::NotAnImage),
    ("zipMR.gz", RefusalCode::NotAnImage),
    ("README", RefusalCode::NotAnImage),
];

#[test]
fn every_real_file_opens_truly_or_is_refused_by_name() {
    let Some(data) = studies() else { return };
    let mut wrong = Vec::new();
    let mut opened = 0;
    for (name, truth) in truth(&data) {
        let Some(inside) = name.strip_prefix("dicom/") else { continue };
        if inside.ends_with(".nii.gz") || inside.contains("DICOMDIR") {
            continue;
        }
        let path = data.join(&name);
        let expected = REFUSED.iter().find(|(part, _)| inside.contains(part)).map(|(_, code)| *code);
        match (refusal_at(&path), expected) {
            (Some(refusal), Some(code)) if refusal.code == code => {}
            (None, None) => {
                opened += 1;
                wrong.extend(differences(&path, &truth).map(|text| format!("{inside}: {text}")));
            }
            (refusal, _) => wrong.push(format!("{inside}: {refusal:?} where {expected:?} was expected")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(opened > 440, "{opened} files opened");
}

/// How an opened file differs from what pydicom says of it.
pub(crate) fn differences(path: &Path, truth: &Value) -> Option<String> {
    let study = only_study(path);
    let volume = &study.volume;
    let colour = volume.sample_type().components() == 3;
    let statistics = if colour { "stored_min_max_mean" } else { "modality_min_max_mean" };
    let stated = truth.get(statistics).or(truth.get("stored_min_max_mean"))?;
    let [min, max, mean] = numbers(stated)[..] else { return Some("no statistics".to_owned()) };
    let frames = truth.get("NumberOfFrames").and_then(Value::as_u64).unwrap_or(1);
    let [i, j, k] = volume.grid().dims();
    let shape = [i, j, k * volume.times()].map(|n| n as u64);
    if shape != [truth["Columns"].as_u64()?, truth["Rows"].as_u64()?, frames] {
        return Some(format!("{shape:?} voxels"));
    }
    if truth["PhotometricInterpretation"] == "PALETTE COLOR" {
        // Told of the places in the palette; its colours have a test of their own.
        return None;
    }
    let mut found = volume.statistics();
    if statistics != "stored_min_max_mean" && truth.get(statistics).is_none() {
        let stored = |value: f64| (value - volume.rescale().intercept) / volume.rescale().slope;
        found = Statistics { min: stored(found.min), max: stored(found.max), mean: stored(found.mean) };
    }
    // Decoders of lossy JPEG may round otherwise, by a level here and there.
    let lossy = study.doubts.iter().any(|doubt| doubt.code == DoubtCode::Lossy);
    let level = if lossy { volume.rescale().slope.abs() } else { 1e-4 };
    let close = |found: f64, stated: f64, levels: f64| (found - stated).abs() <= levels * level.max(1e-4);
    if !(close(found.min, min, 1.0)
        && close(found.max, max, 1.0)
        && close(found.mean, mean, if lossy { 0.03 } else { 1.0 }))
    {
        return Some(format!("{found:?} for {stated}"));
    }
    if frames > 1 && truth["decoded_dtype"] != "uint8" {
        // Sorted by place, and so held against NIfTI instead.
        return None;
    }
    let digest = Sha256::digest(volume.samples().bytes());
    let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    (!lossy && truth["decoded_sha256_le"] != digest).then(|| "other pixels".to_owned())
}

/// Prints the SHA-256 of the red, green and blue that pydicom makes of each file.
const COLOURS_BY_PYDICOM: &str = r"
import sys, hashlib, numpy as np
from pydicom import dcmread
from pydicom.pixels import apply_color_lut
for path in sys.argv[1:]:
    file = dcmread(path)
    if not file.original_encoding[1]:
        # pydicom reads tables as little-endian wherever they stand.
        for name in ('Red', 'Green', 'Blue'):
            table = file[name + 'PaletteColorLookupTableData']
            table.value = np.frombuffer(table.value, '>u2').astype('<u2').tobytes()
    colours = apply_color_lut(file.pixel_array, file)
    if colours.dtype != np.uint8: colours = (colours >> 8).astype(np.uint8)
    print(hashlib.sha256(np.ascontiguousarray(colours).tobytes()).hexdigest())
";

#[test]
fn palettes_are_applied_as_pydicom_applies_them() {
    let Some(data) = studies() else { return };
    let names: Vec<_> = truth(&data)
        .into_iter()
        .filter(|(_, truth)| truth["PhotometricInterpretation"] == "PALETTE COLOR")
        .filter(|(_, truth)| truth.get("decoded_sha256_le").is_some())
        .map(|(name, _)| data.join(name))
        .collect();
    assert!(names.len() >= 10, "{names:?}");
    let paths: Vec<&Path> = names.iter().map(|path| path.as_path()).collect();
    let Some(answer) = python(COLOURS_BY_PYDICOM, &paths) else { return };
    for (path, expected) in names.iter().zip(answer.split_whitespace()) {
        let digest = Sha256::digest(only_study(path).volume.samples().bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, expected, "{}", path.display());
    }
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

fn only_study(path: &Path) -> Study {
    let scan = format::scan(path, &Silent).expect("a study");
    let [series] = &scan.series[..] else { panic!("{}: {:?}", path.display(), scan.series) };
    format::load(series, &Silent).expect("voxels")
}

#[test]
fn a_truncated_or_impossible_codestream_is_refused_when_it_is_read() {
    let Some(data) = studies() else { return };
    let code = |name: &str| {
        refusal_at(&data.join("dicom/pydicom_test_files").join(name)).map(|refusal| refusal.code)
    };
    assert_eq!(code("JPEG2000-embedded-sequence-delimiter.dcm"), Some(RefusalCode::Inconsistent));
    // Each kind of codestream, cut in its middle.
    for name in
        ["MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "SC_rgb_jpeg_gdcm.dcm", "SC_rgb_jpeg_dcmtk.dcm"]
    {
        let whole = std::fs::read(data.join("dicom/pydicom_test_files").join(name)).expect("readable");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, &whole[..whole.len() * 9 / 10]).expect("written");
        let refusal = refusal_at(&path).expect(name);
        assert_eq!(refusal.code, RefusalCode::Truncated, "{refusal}");
    }
}

#[test]
fn damaged_codestreams_never_bring_the_reader_down() {
    let Some(data) = studies() else { return };
    let files = [
        "MR_small_RLE.dcm",
        "MR_small_jp2klossless.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "SC_rgb_jls_lossy_sample.dcm",
        "JPGExtended.dcm",
    ];
    for name in files {
        let whole = std::fs::read(data.join("dicom/pydicom_test_files").join(name)).expect("readable");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        let steps = 150;
        for step in 0..steps {
            let mut bytes = whole.clone();
            let place = whole.len() / 4 + step * (whole.len() * 3 / 4 - 1) / steps;
            bytes[place] ^= 1 << (step % 8);
            bytes[(place + 1).min(whole.len() - 1)] = 0xff;
            std::fs::write(&path, bytes).expect("written");
            refusal_at(&path);
        }
    }
}

/// A series and the NIfTI file that another program made of it.
pub(crate) const REFERENCES: [(&str, &str); 7] = [
    ("mr_enh_xa10", "mr_enh_xa10_ref/Siemens_REST1_w_SMS_PF7-8_6.nii.gz"),
    ("mr_enh_xa30_fieldmap", "mr_enh_xa30_fieldmap_ref/9_gre_field_mapping_e2_ph.nii.gz"),
    ("mr_sag_hfs", "mr_sag_hfs_ref/3_t1_fl2d_sag.nii.gz"),
    ("ct_head_small", "ct_head_small_ref/123456_None.nii.gz"),
    ("ct_philips_phantom", "ct_philips_phantom_ref/201_STD_BRAIN_5MM.nii.gz"),
    ("mr_ge_fmri_4d", "mr_ge_fmri_4d_ref/DCM2NIIX_regression_test_4.nii.gz"),
    ("ct_j2k_no_uids", "ct_j2k_no_uids/0_CT_Body_3.0.nii.gz"),
];

/// The largest DICOM series of a folder.
pub(crate) fn first_dicom(folder: &Path) -> Study {
    let scan = format::scan(folder, &Silent).expect("a study");
    let series = scan.series.iter().find(|series| series.source.format() == "dicom").expect("a DICOM series");
    format::load(series, &Silent).expect("voxels")
}

/// Places spread over a grid without a pattern, at all times.
pub(crate) fn places(dims: [usize; 3], times: usize) -> impl Iterator<Item = (VoxelIndex, usize)> {
    let mut state = 1u64;
    let mut below = move |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    (0..2000).map(move |_| (VoxelIndex::new(below(dims[0]), below(dims[1]), below(dims[2])), below(times)))
}

/// Reads the reference by nibabel at the patient points (LPS mm) and times in the file of its second
/// argument.
const VALUES_BY_NIBABEL: &str = r"
import sys, numpy as np, nibabel as nib
image = nib.load(sys.argv[1]); data = np.asarray(image.dataobj)
if data.ndim == 3: data = data[..., None]
points = np.loadtxt(sys.argv[2], ndmin=2)
ras = points[:, :3] * [-1, -1, 1]
index = nib.affines.apply_affine(np.linalg.inv(image.affine), ras)
nearest = np.rint(index).astype(int)
print(data.shape[3], abs(index - nearest).max())
for (i, j, k), t in zip(nearest, points[:, 3].astype(int)): print(data[i, j, k, t])
";

#[test]
fn series_agree_with_the_nifti_that_others_made_of_them() {
    let Some(data) = studies() else { return };
    for (folder, reference) in REFERENCES {
        let study = first_dicom(&data.join("dicom").join(folder));
        let volume = &study.volume;
        let grid = volume.grid();
        let places: Vec<_> = places(grid.dims(), volume.times()).collect();
        let line = |(index, time): &(VoxelIndex, usize)| {
            let [x, y, z] = grid.centre_of(*index).to_array();
            format!("{x} {y} {z} {time}\n")
        };
        let listed = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(listed.path(), places.iter().map(line).collect::<String>()).expect("written");
        let reference = data.join("dicom").join(reference);
        let Some(answer) = python(VALUES_BY_NIBABEL, &[&reference, listed.path()]) else { return };
        let mut numbers = answer.split_whitespace().map(|word| word.parse::<f64>().expect("a number"));
        assert_eq!(numbers.next(), Some(volume.times() as f64), "{folder}: times");
        let off = numbers.next().expect("an offset");
        assert!(off < 2e-3, "{folder}: a voxel is {off} voxels off");
        for ((index, time), expected) in places.iter().zip(numbers) {
            assert_eq!(volume.value(*index, *time), expected, "{folder} at {index:?}, time {time}");
        }
    }
}

#[test]
fn series_have_the_shape_their_source_says() {
    let Some(data) = studies() else { return };
    let check = |folder: &str, dims: [usize; 3], times: usize, spacing: [f64; 3], doubts: &[DoubtCode]| {
        let study = first_dicom(&data.join("dicom").join(folder));
        let grid = study.volume.grid();
        assert_eq!((grid.dims(), study.volume.times()), (dims, times), "{folder}");
        let off = grid.spacing_mm().iter().zip(spacing).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off < 1e-4, "{folder}: {:?}", grid.spacing_mm());
        let codes: Vec<_> = study.doubts.iter().map(|doubt| doubt.code).collect();
        assert_eq!(codes, doubts, "{folder}");
    };
    check("mr_sag_hfs", [256, 256, 35], 1, [1.015_625, 1.015_625, 4.8], &[]);
    check("ct_j2k_no_uids", [512, 512, 20], 1, [0.976_562, 0.976_562, 2.0], &[DoubtCode::MissingIdentifiers]);
    check("mr_ge_fmri_4d", [64, 64, 15], 10, [3.75, 3.75, 5.0], &[]);
    check("ct_head_small", [64, 64, 93], 1, [3.2, 3.2, 1.5], &[]);
    check("ct_philips_phantom", [512, 512, 28], 1, [0.451_172, 0.451_172, 5.0], &[]);
    check("ct_3slice_with_seg", [512, 512, 3], 1, [0.810_547, 0.810_547, 1.0], &[]);
}

#[test]
fn a_dicomdir_opens_the_files_it_names() {
    let Some(data) = studies() else { return };
    let folder = data.join("dicom/pydicom_test_files/dicomdirtests");
    let files_of = |name: &str| {
        let scan = format::scan(&folder.join(name), &Silent).expect(name);
        let files: usize = scan.series.iter().map(|series| series.source.files().len()).sum();
        (files, scan.refused.into_iter().map(|refusal: Refusal| refusal.code).collect::<Vec<_>>())
    };
    for name in ["DICOMDIR", "DICOMDIR-bigEnd", "DICOMDIR-implicit", "DICOMDIR-reordered"] {
        assert_eq!(files_of(name), (31, vec![]), "{name}");
    }
    assert_eq!(files_of("DICOMDIR-empty.dcm"), (0, vec![RefusalCode::NotAnImage]));
    assert_eq!(files_of("DICOMDIR-nooffset"), (0, vec![RefusalCode::Truncated]));
}

/// Prints what SimpleITK reads at patient points: the series of a folder, then a file of points.
const VALUES_BY_SIMPLEITK: &str = r"
import sys, numpy as np, SimpleITK as sitk
names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(sys.argv[1])
image = sitk.ReadImage(names)
for point in np.loadtxt(sys.argv[2], ndmin=2):
    print(image[image.TransformPhysicalPointToIndex(point.tolist())])
";

#[test]
fn series_agree_with_simpleitk_at_patient_points() {
    let Some(data) = studies() else { return };
    for folder in ["mr_sag_hfs", "ct_head_small", "ct_philips_phantom"] {
        let folder = data.join("dicom").join(folder);
        let study = first_dicom(&folder);
        let grid = study.volume.grid();
        let points: Vec<Point<_>> = places(grid.dims(), 1).map(|(index, _)| grid.centre_of(index)).collect();
        let line = |point: &Point<_>| {
            let [x, y, z] = point.to_array();
            format!("{x} {y} {z}\n")
        };
        let listed = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(listed.path(), points.iter().map(line).collect::<String>()).expect("written");
        let Some(answer) = python(VALUES_BY_SIMPLEITK, &[&folder, listed.path()]) else { return };
        for (point, expected) in points.into_iter().zip(answer.split_whitespace()) {
            let index = grid.index_at(point).expect("inside");
            let expected: f64 = expected.parse().expect("a number");
            assert_eq!(study.volume.value(index, 0), expected, "{} at {point:?}", folder.display());
        }
    }
}
