//! Siemens mosaics, taken apart as nibabel takes them apart.

use annotomy::format::{RefusalCode, Study};
use annotomy::geometry::Point;

use super::file::*;
use crate::oracle::python;

const MOSAIC: &str = "ORIGINAL\\PRIMARY\\M\\ND\\MOSAIC";
const CSA: Tag = (0x0029, 0x1010);

/// One field of a CSA header of the newer writing.
fn field(name: &str, vr: &[u8; 4], values: &[String]) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(64, 0);
    bytes.extend((values.len() as u32).to_le_bytes());
    bytes.extend(vr);
    for word in [4, values.len() as u32, 77] {
        bytes.extend(word.to_le_bytes());
    }
    for value in values {
        let length = value.len() as u32 + 1;
        for word in [length, length, 77, length] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(value.as_bytes());
        bytes.resize(bytes.len() + 1, 0);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

fn csa(slices: usize, normal: [f64; 3]) -> Vec<u8> {
    let fields = [
        field("AcquisitionMatrixText", b"SH\0\0", &["3*4".to_owned()]),
        field("NumberOfImagesInMosaic", b"US\0\0", &[slices.to_string()]),
        field("SliceNormalVector", b"FD\0\0", &normal.map(|x| format!("{x:.8}"))),
    ];
    let mut bytes = b"SV10\x04\x03\x02\x01".to_vec();
    bytes.extend((fields.len() as u32).to_le_bytes());
    bytes.extend(77u32.to_le_bytes());
    bytes.extend(fields.concat());
    bytes
}

/// A mosaic of `slices` tiles of 4 × 3 pixels, oblique, in two rows of two or three of three; its samples
/// are their own numbers.
fn mosaic(slices: usize, turn: f64) -> DicomFile {
    let across = if slices > 4 { 3 } else { 2 };
    let (columns, rows) = (across * COLUMN_COUNT, across * ROW_COUNT);
    let samples: Vec<u16> = (0..(columns * rows) as u16).collect();
    DicomFile::slice(0, 0.0)
        .text((0x0008, 0x0060), "CS", "MR")
        .text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.4")
        .text((0x0008, 0x0070), "LO", "SIEMENS")
        .text(IMAGE_TYPE, "CS", MOSAIC)
        .text(ORIENTATION, "DS", "1\\0\\0\\0\\0.8\\-0.6")
        .text((0x0018, 0x0088), "DS", "2.5")
        .text((0x0029, 0x0010), "LO", "SIEMENS CSA HEADER")
        .bytes(CSA, "OB", &csa(slices, [0.0, 0.6 * turn, 0.8 * turn]))
        .text(SLOPE, "DS", "1")
        .text(INTERCEPT, "DS", "0")
        .word(COLUMNS, columns as u16)
        .word(ROWS, rows as u16)
        .words(&samples)
}

/// Prints the patient point (LPS) of every voxel and its value, as nibabel has them.
const VOXELS_BY_NIBABEL: &str = r"
import sys, itertools, numpy as np
from nibabel.nicom import dicomwrappers
w = dicomwrappers.wrapper_from_file(sys.argv[1])
assert w.is_mosaic
data = w.get_data()
for index in itertools.product(*map(range, data.shape)):
    print(*(w.affine @ [*index, 1])[:3], data[index])
";

fn check_against_nibabel(file: &DicomFile, slices: usize) -> Option<Study> {
    let study = study(std::slice::from_ref(file));
    let grid = study.volume.grid();
    assert_eq!(grid.dims(), [4, 3, slices]);
    let folder = folder_of(std::slice::from_ref(file));
    let answer = python(VOXELS_BY_NIBABEL, &[&folder.path().join("IM000")])?;
    assert_eq!(answer.lines().count(), 12 * slices);
    for line in answer.lines() {
        let numbers: Vec<f64> = line.split(' ').map(|word| word.parse().expect("a number")).collect();
        let point = Point::new(numbers[0], numbers[1], numbers[2]);
        let index = grid.index_at(point).expect("inside");
        assert!(grid.centre_of(index).distance(point) < 1e-4, "{point:?}");
        assert_eq!(study.volume.value(index, 0), numbers[3], "{point:?}");
    }
    Some(study)
}

#[test]
fn tiles_are_slices_where_nibabel_puts_them() {
    for turn in [1.0, -1.0] {
        for slices in [3, 4, 7] {
            check_against_nibabel(&mosaic(slices, turn), slices);
        }
    }
}

#[test]
fn several_mosaics_are_points_in_time() {
    let at = |n: u16| {
        let file = mosaic(4, 1.0).text(INSTANCE_UID, "UI", &format!("1.2.3.{n}"));
        file.text(INSTANCE_NUMBER, "IS", &n.to_string()).text(SLOPE, "DS", &format!("{n}"))
    };
    let study = study(&[at(2), at(1), at(3)]);
    assert_eq!((study.volume.grid().dims(), study.volume.times()), ([4, 3, 4], 3));
    let index = study.volume.grid().index_at(study.volume.grid().middle()).expect("inside");
    let values = [0, 1, 2].map(|time| study.volume.value(index, time));
    assert_eq!([values[1], values[2]], [2.0 * values[0], 3.0 * values[0]]);
}

#[test]
fn a_mosaic_that_does_not_tell_how_it_is_made_is_refused() {
    let refused = |file: DicomFile| {
        let refusal = refusal_of(&file.to_bytes()).expect("not shown as one picture");
        assert_eq!(refusal.code, RefusalCode::UnsupportedObject);
        assert!(refusal.text.contains("mosaic"), "{refusal}");
    };
    refused(mosaic(4, 1.0).without(CSA));
    refused(mosaic(4, 1.0).without(ORIENTATION));
    refused(mosaic(4, 1.0).without((0x0018, 0x0088)));
    refused(mosaic(4, 1.0).bytes(CSA, "OB", &csa(26, [0.0, 0.6, 0.8])));
    refused(mosaic(4, 1.0).bytes(CSA, "OB", &csa(4, [0.0, 0.0, 1.0])));
    let whole = csa(4, [0.0, 0.6, 0.8]);
    for cut in 0..whole.len() - 4 {
        refused(mosaic(4, 1.0).bytes(CSA, "OB", &whole[..cut]));
    }
}
