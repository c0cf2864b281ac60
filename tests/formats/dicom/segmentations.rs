//! DICOM segmentations over the series they were drawn on: made here, and real ones.

use std::path::Path;

use annotomy::format::{self, RefusalCode, Segmentation, Silent, Study, read_segmentation};
use annotomy::geometry::{Affine, Grid};
use annotomy::session::{Allowed, Import, ImportError, Session};

use super::file::*;
use crate::oracle;

const SEGMENTATION: &str = "1.2.840.10008.5.1.4.1.1.66.4";
const LABEL_MAP: &str = "1.2.840.10008.5.1.4.1.1.66.7";

/// A frame: its segment, its height, and its twelve samples.
type Frame = (u16, f64, [u8; 12]);

/// A segmentation on the grid of [`DicomFile::slice`], `aside` millimetres to the left of it.
fn segmentation(class: &str, kind: &str, frames: &[Frame], aside: f64) -> DicomFile {
    let one_bit = kind == "BINARY";
    let item = DicomFile::item;
    let segment = |number: u16, name: &str| {
        let code = item().text((0x0008, 0x0100), "SH", "4147007").text((0x0008, 0x0102), "SH", "SCT");
        let red = [35_579u16, 53_665, 50_858].map(u16::to_le_bytes).concat();
        item()
            .word((0x0062, 0x0004), number)
            .text((0x0062, 0x0005), "LO", name)
            .bytes((0x0062, 0x000d), "US", &red)
            .sequence((0x0062, 0x000f), &[code.text((0x0008, 0x0104), "LO", "Mass")])
    };
    let measures = item().text(PIXEL_SPACING, "DS", "0.75\\0.5");
    let orientation = item().text(ORIENTATION, "DS", "1\\0\\0\\0\\1\\0");
    let shared = item().sequence((0x0028, 0x9110), &[measures]).sequence((0x0020, 0x9116), &[orientation]);
    let groups: Vec<DicomFile> = frames
        .iter()
        .map(|(number, z, _)| {
            let place = item().text(POSITION, "DS", &format!("{}\\20\\{z}", aside - 10.0));
            let groups = item().sequence((0x0020, 0x9113), &[place]);
            groups.sequence((0x0062, 0x000a), &[item().word((0x0062, 0x000b), *number)])
        })
        .collect();
    let samples: Vec<u8> = frames.iter().flat_map(|(_, _, samples)| *samples).collect();
    let pixels = match one_bit {
        // Frames follow each other bit by bit: the second one begins within a byte.
        true => {
            samples.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit)).collect()
        }
        false => samples,
    };
    let bits = if one_bit { 1 } else { 8 };
    DicomFile::empty()
        .text((0x0008, 0x0016), "UI", class)
        .text(INSTANCE_UID, "UI", "1.2.3.4.500")
        .text((0x0008, 0x0060), "CS", "SEG")
        .text((0x0020, 0x000d), "UI", "1.2.3")
        .text(SERIES_UID, "UI", "1.2.3.77")
        .text(FRAME_OF_REFERENCE, "UI", "1.2.3.5")
        .word(SAMPLES_PER_PIXEL, 1)
        .text(PHOTOMETRIC, "CS", "MONOCHROME2")
        .text(FRAMES, "IS", &frames.len().to_string())
        .word(ROWS, ROW_COUNT as u16)
        .word(COLUMNS, COLUMN_COUNT as u16)
        .word(BITS_ALLOCATED, bits)
        .word(BITS_STORED, bits)
        .word(HIGH_BIT, bits - 1)
        .word(PIXEL_REPRESENTATION, 0)
        .text((0x0062, 0x0001), "CS", kind)
        .sequence((0x0062, 0x0002), &[segment(1, "Tumour"), segment(2, "Rand")])
        .word((0x0062, 0x000e), 255)
        .sequence((0x5200, 0x9229), &[shared])
        .sequence((0x5200, 0x9230), &groups)
        .bytes(PIXEL_DATA, "OB", &pixels)
}

/// Samples that are all 0 but for these.
fn samples(set: &[(usize, u8)]) -> [u8; 12] {
    let mut samples = [0; 12];
    set.iter().for_each(|(at, value)| samples[*at] = *value);
    samples
}

fn series() -> Study {
    study(&[0u16, 1, 2, 3].map(|n| DicomFile::slice(n, 2.5 * f64::from(n))))
}

fn on_disk(file: &DicomFile) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("marks.dcm");
    std::fs::write(&path, file.to_bytes()).expect("written");
    (folder, path)
}

/// Every labelled voxel of a layer.
fn labelled(found: &Segmentation, layer: usize) -> Vec<([usize; 3], u16)> {
    let mut voxels = Vec::new();
    found.layers[layer].for_each_labelled(|voxel, label| voxels.push((voxel.to_array(), label)));
    voxels.sort_unstable();
    voxels
}

#[test]
fn frames_lie_where_their_planes_say_and_segments_that_overlap_become_layers() {
    // Not in the order of places, and not at all of them.
    let frames = [
        (2, 7.5, samples(&[(0, 1), (5, 1)])),
        (1, 7.5, samples(&[(5, 1), (11, 1)])),
        (1, 2.5, samples(&[(3, 1)])),
    ];
    let (_folder, path) = on_disk(&segmentation(SEGMENTATION, "BINARY", &frames, 0.0));
    let study = series();
    let found = read_segmentation(&path, Some(study.volume.grid()), &Silent).expect("opens");
    assert!(found.grid.is_same_as(study.volume.grid()));
    assert_eq!(labelled(&found, 0), [([1, 1, 3], 1), ([3, 0, 1], 1), ([3, 2, 3], 1)]);
    assert_eq!(labelled(&found, 1), [([0, 0, 3], 2), ([1, 1, 3], 2)]);
    let label = found.scheme.get(1).expect("named");
    let code = label.code.as_ref().expect("coded");
    assert_eq!((label.name.as_str(), label.color.to_string().as_str()), ("Tumour", "#ff0000"));
    assert_eq!([&code.scheme, &code.value, &code.meaning], ["SCT", "4147007", "Mass"]);

    // As a mask it is two layers in one step.
    let mut session = Session::new(annotomy::case::Case::new(study.volume.clone()), "Ada");
    let import = Import::read(&path, None, &study, Allowed::default(), &Silent).expect("fits");
    session.import(import).expect("fits");
    assert_eq!((session.case().layers().len(), session.history().done().len()), (2, 1));

    // On the same voxels in another order: j against the rows, i along the slices.
    let rows = [[0.0, 0.0, 0.5, -10.0], [0.0, -0.75, 0.0, 21.5], [2.5, 0.0, 0.0, 0.0]];
    let turned = Grid::new([4, 3, 4], Affine::from_rows(rows).expect("invertible"), None).expect("a grid");
    let found = read_segmentation(&path, Some(&turned), &Silent).expect("opens");
    assert_eq!(labelled(&found, 0), [([1, 2, 3], 1), ([3, 0, 3], 1), ([3, 1, 1], 1)]);

    // Alone it has a grid of its own, on which the places in between are empty.
    let found = read_segmentation(&path, None, &Silent).expect("opens");
    assert_eq!((found.grid.dims(), labelled(&found, 1).len()), ([4, 3, 2], 2));
}

#[test]
fn frames_beside_the_grid_are_refused_with_both_grids() {
    let study = series();
    let check = |file: DicomFile| {
        let (_folder, path) = on_disk(&file);
        let read = Import::read(&path, None, &study, Allowed::default(), &Silent);
        let Err(ImportError::OtherGrid(mismatch)) = read else { panic!("{read:?}") };
        assert!(mismatch.rows().iter().any(|[_, mask, study]| mask != study));
    };
    let frames = [(1, 2.5, samples(&[(3, 1)])), (1, 5.0, samples(&[(3, 1)]))];
    check(segmentation(SEGMENTATION, "BINARY", &frames, 0.2));
    check(segmentation(SEGMENTATION, "BINARY", &frames, 0.5));
    check(segmentation(SEGMENTATION, "BINARY", &frames, 0.0).text(FRAME_OF_REFERENCE, "UI", "1.2.3.6"));
    let between = [(1, 3.0, samples(&[(3, 1)])), (1, 5.5, samples(&[(3, 1)]))];
    check(segmentation(SEGMENTATION, "BINARY", &between, 0.0));
    // Neither on the study's grid nor on any.
    let uneven = [0.0, 1.0, 2.2, 3.7].map(|z| (1, z, samples(&[(3, 1)])));
    let (_folder, path) = on_disk(&segmentation(SEGMENTATION, "BINARY", &uneven, 0.0));
    let refused = read_segmentation(&path, Some(study.volume.grid()), &Silent).expect_err("uneven");
    assert_eq!(refused.code, RefusalCode::BadGeometry);
}

#[test]
fn fractions_count_from_one_half_and_numbers_are_labels() {
    let study = series();
    let grid = Some(study.volume.grid());
    let frames = [(1, 5.0, samples(&[(0, 255), (1, 128), (2, 127), (3, 1)]))];
    let (_folder, path) = on_disk(&segmentation(SEGMENTATION, "FRACTIONAL", &frames, 0.0));
    let found = read_segmentation(&path, grid, &Silent).expect("opens");
    assert_eq!(labelled(&found, 0), [([0, 0, 2], 1), ([1, 0, 2], 1)]);
    let import = Import::read(&path, None, &study, Allowed::default(), &Silent).expect("fits");
    assert_eq!(import.origin, "marks.dcm, fractions of at least one half");

    let frames = [(9, 0.0, samples(&[(4, 2), (5, 1)])), (9, 7.5, samples(&[(11, 200)]))];
    let (_folder, path) = on_disk(&segmentation(LABEL_MAP, "LABELMAP", &frames, 0.0));
    let found = read_segmentation(&path, grid, &Silent).expect("opens");
    assert_eq!(labelled(&found, 0), [([0, 1, 0], 2), ([1, 1, 0], 1), ([3, 2, 3], 200)]);
}

#[test]
fn what_is_no_sound_segmentation_is_refused_by_name() {
    let grid = series().volume.grid().clone();
    let frames = [(1, 5.0, samples(&[(0, 1)]))];
    let whole = || segmentation(SEGMENTATION, "BINARY", &frames, 0.0);
    let check = |file: DicomFile, code: RefusalCode| {
        let (_folder, path) = on_disk(&file);
        let refused = read_segmentation(&path, Some(&grid), &Silent).expect_err("refused");
        assert_eq!(refused.code, code, "{refused}");
    };
    check(whole().text((0x0062, 0x0001), "CS", "SURFACE"), RefusalCode::UnsupportedObject);
    check(whole().text(FRAMES, "IS", "2"), RefusalCode::Inconsistent);
    check(whole().sequence((0x5200, 0x9230), &[DicomFile::item()]), RefusalCode::Inconsistent);
    check(whole().bytes(PIXEL_DATA, "OB", &[]), RefusalCode::Inconsistent);
    check(whole().without(PIXEL_DATA), RefusalCode::UnsupportedObject);
    let fractions = segmentation(SEGMENTATION, "FRACTIONAL", &frames, 0.0);
    check(fractions.word((0x0062, 0x000e), 0), RefusalCode::Inconsistent);
    check(whole().without((0x5200, 0x9229)), RefusalCode::BadGeometry);
    // Cut anywhere and changed anywhere it opens or is refused.
    let bytes = whole().to_bytes();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("marks.dcm");
    for place in (132..bytes.len()).step_by(5) {
        for value in [0, 0xff] {
            let mut changed = bytes.clone();
            changed[place] = value;
            std::fs::write(&path, changed).expect("written");
            let _ = read_segmentation(&path, Some(&grid), &Silent);
        }
        std::fs::write(&path, &bytes[..place]).expect("written");
        let _ = read_segmentation(&path, Some(&grid), &Silent);
    }
}

#[test]
fn real_segmentations_hold_what_their_makers_drew() {
    let Some(studies) = oracle::studies() else { return };
    let at = |name: &str| studies.join("dicom").join(name);
    let opened = |path: &Path| {
        let found = format::scan(path, &Silent).expect("a study");
        format::load(&found.series[0], &Silent).expect("opens")
    };
    let check = |study: &str, marks: &str, truth: &str| {
        let study = opened(&at(study));
        let laid = |mask: &str| {
            let mut session = Session::new(annotomy::case::Case::new(study.volume.clone()), "Ada");
            let import = Import::read(&at(mask), None, &study, Allowed::default(), &Silent);
            session.import(import.unwrap_or_else(|error| panic!("{error}"))).expect("fits");
            session.case().layers()[0].clone()
        };
        let (found, expected) = (laid(marks), laid(truth));
        assert!(!expected.counts().is_empty() && found.has_same_labels(&expected), "{marks}");
    };
    let reference = "mr_sag_hfs_ref/3_t1_fl2d_sag.nii.gz";
    check(reference, "mr_sag_hfs_ref/seg_dcmqi.dcm", "mr_sag_hfs_ref/labels_ref.nii.gz");
    check(reference, "mr_sag_hfs_ref/seg_highdicom.dcm", "mr_sag_hfs_ref/labels_ref.nii.gz");
    check("ct_3slice_with_seg", "ct_3slice_with_seg/liver.dcm", "ct_3slice_with_seg/liver_seg.nrrd");
    check("seg_24x38x3", "seg_24x38x3/label.seg", "seg_24x38x3/label.nrrd");
}
