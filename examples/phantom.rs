//! Writes a synthetic CT torso in which every flip shows:
//! `cargo run --example phantom -- OUT.nii.gz [DICOM_FOLDER]`.
//!
//! The grid is not cubic, the liver lies on the patient's right, the heart on the left, the spine
//! behind, and a lead letter R stands before the right shoulder; read from the front, it is an R.

use std::fs::{self, File};
use std::path::Path;

use annotomy::format::nifti::{self, Compression, NiftiGeometry};
use annotomy::geometry::{Affine, Grid, Point, Vector};
use annotomy::volume::{Buffer, Rescale, Samples, Volume};
use anyhow::{Context, Result, bail};
use dicom_core::{DataElement, PrimitiveValue, VR, dicom_value};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

const DIMS: [usize; 3] = [180, 132, 75];
/// Along LPS x, y, z.
const SPACING_MM: [f64; 3] = [2.0, 2.0, 4.0];
/// Centre of the first voxel, LPS mm. The origin lies in the middle of the diaphragm.
const FIRST_MM: [f64; 3] = [-179.0, -131.0, -140.0];

const AIR: i16 = -1000;

struct Organ {
    hu: i16,
    /// LPS mm.
    centre: [f64; 3],
    /// Half axes in mm; infinite for a cylinder along the body.
    half_mm: [f64; 3],
}

const fn organ(hu: i16, centre: [f64; 3], half_mm: [f64; 3]) -> Organ {
    Organ { hu, centre, half_mm }
}

/// Later ones replace earlier ones.
const ORGANS: [Organ; 16] = [
    organ(-100, [0.0, 0.0, 0.0], [160.0, 108.0, f64::INFINITY]), // fat under the skin
    organ(40, [0.0, 0.0, 0.0], [148.0, 96.0, f64::INFINITY]),    // muscle
    organ(-850, [-72.0, 0.0, 85.0], [54.0, 74.0, 72.0]),         // right lung
    organ(-850, [74.0, 4.0, 85.0], [48.0, 70.0, 68.0]),          // left lung, the smaller one
    organ(45, [26.0, -32.0, 62.0], [46.0, 38.0, 42.0]),          // heart
    organ(60, [-68.0, -8.0, -22.0], [72.0, 76.0, 52.0]),         // liver
    organ(15, [62.0, -36.0, -22.0], [36.0, 32.0, 34.0]),         // stomach
    organ(-950, [62.0, -56.0, -16.0], [16.0, 9.0, 18.0]),        // its air, which rises to the front
    organ(55, [104.0, 40.0, -18.0], [22.0, 32.0, 34.0]),         // spleen
    organ(35, [-60.0, 44.0, -92.0], [24.0, 20.0, 36.0]),         // right kidney, the lower one
    organ(35, [60.0, 44.0, -76.0], [24.0, 20.0, 36.0]),          // left kidney
    organ(180, [14.0, 38.0, 0.0], [11.0, 11.0, f64::INFINITY]),  // aorta, filled with contrast medium
    organ(450, [0.0, 62.0, 0.0], [20.0, 18.0, f64::INFINITY]),   // vertebral bodies
    organ(700, [0.0, 90.0, 0.0], [6.0, 12.0, f64::INFINITY]),    // spinous processes
    organ(15, [0.0, 80.0, 0.0], [7.0, 6.0, f64::INFINITY]),      // spinal canal
    organ(90, [-84.0, -24.0, -30.0], [8.0, 10.0, 9.0]),          // a lesion in the liver
];

/// Seen from the front: rows run towards the feet, columns towards the patient's left.
const LETTER: [&str; 7] = ["####.", "#...#", "#...#", "####.", "#.#..", "#..#.", "#...#"];
const LETTER_HU: i16 = 2500;
/// Upper, rightmost corner and edge of a cell.
const LETTER_CORNER_MM: [f64; 2] = [-135.0, 150.0];
const LETTER_CELL_MM: f64 = 10.0;

fn hu_at([x, y, z]: [f64; 3]) -> i16 {
    let inside = |organ: &&Organ| {
        let square = |axis: usize, at: f64| ((at - organ.centre[axis]) / organ.half_mm[axis]).powi(2);
        square(0, x) + square(1, y) + square(2, z) <= 1.0
    };
    if (-126.0..=-120.0).contains(&y) {
        let column = ((x - LETTER_CORNER_MM[0]) / LETTER_CELL_MM).floor();
        let row = ((LETTER_CORNER_MM[1] - z) / LETTER_CELL_MM).floor();
        let cell = LETTER.get(row as usize).and_then(|line| line.as_bytes().get(column as usize));
        if row >= 0.0 && column >= 0.0 && cell == Some(&b'#') {
            return LETTER_HU;
        }
    }
    // The table.
    if (114.0..=120.0).contains(&y) && x.abs() < 150.0 {
        return -150;
    }
    ORGANS.iter().rev().find(inside).map_or(AIR, |organ| organ.hu)
}

fn phantom() -> Result<Volume> {
    let [ni, nj, nk] = DIMS;
    let mut samples = Buffer::<i16>::zeroed(ni * nj * nk)?;
    for (offset, sample) in samples.iter_mut().enumerate() {
        let index = [offset % ni, offset / ni % nj, offset / (ni * nj)];
        *sample = hu_at(std::array::from_fn(|axis| FIRST_MM[axis] + SPACING_MM[axis] * index[axis] as f64));
    }
    let [dx, dy, dz] = SPACING_MM;
    let [x, y, z] = FIRST_MM;
    let patient_from_voxel = Affine::from_axes(
        Vector::new(dx, 0.0, 0.0),
        Vector::new(0.0, dy, 0.0),
        Vector::new(0.0, 0.0, dz),
        Point::new(x, y, z),
    )?;
    let grid = Grid::new(DIMS, patient_from_voxel, None)?;
    Ok(Volume::new(grid, 1, Samples::I16(samples), Rescale::NONE)?)
}

/// One file a slice, CT Image Storage (PS3.3 A.3), explicit little endian.
fn write_dicom(volume: &Volume, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let array = volume.array::<i16>().context("the phantom is made of i16")?;
    let stored: Vec<u16> = array.iter().map(|hu| (hu + 1024) as u16).collect();
    let [ni, nj, _] = DIMS;
    for (k, slice) in stored.chunks(ni * nj).enumerate() {
        let instance = uid(100 + k);
        let position = [FIRST_MM[0], FIRST_MM[1], FIRST_MM[2] + SPACING_MM[2] * k as f64];
        let mut object = InMemDicomObject::from_element_iter([
            text(tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE),
            text(tags::SOP_INSTANCE_UID, VR::UI, &instance),
            text(tags::STUDY_INSTANCE_UID, VR::UI, &uid(1)),
            text(tags::SERIES_INSTANCE_UID, VR::UI, &uid(2)),
            text(tags::FRAME_OF_REFERENCE_UID, VR::UI, &uid(3)),
            text(tags::MODALITY, VR::CS, "CT"),
            text(tags::IMAGE_TYPE, VR::CS, "DERIVED\\SECONDARY\\AXIAL"),
            text(tags::PATIENT_NAME, VR::PN, "Phantom^Torso"),
            text(tags::PATIENT_ID, VR::LO, "PHANTOM"),
            text(tags::SERIES_DESCRIPTION, VR::LO, "Synthetic torso"),
            text(tags::SERIES_NUMBER, VR::IS, "1"),
            text(tags::INSTANCE_NUMBER, VR::IS, &(k + 1).to_string()),
            text(tags::IMAGE_POSITION_PATIENT, VR::DS, &decimals(&position)),
            text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0"),
            // Row spacing first (PS3.3 10.7.1.3).
            text(tags::PIXEL_SPACING, VR::DS, &decimals(&[SPACING_MM[1], SPACING_MM[0]])),
            text(tags::SLICE_THICKNESS, VR::DS, &decimals(&SPACING_MM[2..])),
            text(tags::RESCALE_INTERCEPT, VR::DS, "-1024"),
            text(tags::RESCALE_SLOPE, VR::DS, "1"),
            text(tags::RESCALE_TYPE, VR::LO, "HU"),
            text(tags::WINDOW_CENTER, VR::DS, "40"),
            text(tags::WINDOW_WIDTH, VR::DS, "400"),
            text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
            number(tags::SAMPLES_PER_PIXEL, 1),
            number(tags::ROWS, nj as u16),
            number(tags::COLUMNS, ni as u16),
            number(tags::BITS_ALLOCATED, 16),
            number(tags::BITS_STORED, 12),
            number(tags::HIGH_BIT, 11),
            number(tags::PIXEL_REPRESENTATION, 0),
        ]);
        object.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(slice.into())));
        let meta = FileMetaTableBuilder::new()
            .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
            .media_storage_sop_class_uid(uids::CT_IMAGE_STORAGE)
            .media_storage_sop_instance_uid(instance);
        object.with_meta(meta)?.write_to_file(folder.join(format!("phantom{k:03}.dcm")))?;
    }
    Ok(())
}

fn text(tag: dicom_core::Tag, vr: VR, value: &str) -> DataElement<InMemDicomObject> {
    DataElement::new(tag, vr, value)
}

fn number(tag: dicom_core::Tag, value: u16) -> DataElement<InMemDicomObject> {
    DataElement::new(tag, VR::US, dicom_value!(U16, value))
}

fn decimals(values: &[f64]) -> String {
    values.iter().map(f64::to_string).collect::<Vec<_>>().join("\\")
}

/// The same names in every run, so that the files are the same bytes.
fn uid(number: usize) -> String {
    format!("2.25.{}", 0x5b1e_0c3f_2a74_4d19_8e60_0000_0000_0000_u128 + number as u128)
}

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let (nifti_path, dicom_folder) = match &arguments[..] {
        [nifti] => (nifti, None),
        [nifti, dicom] => (nifti, Some(dicom)),
        _ => bail!("usage: phantom OUT.nii.gz [DICOM_FOLDER]"),
    };
    let volume = phantom()?;
    let geometry = NiftiGeometry::of_grid(volume.grid());
    nifti::write_volume(&mut File::create(nifti_path)?, &volume, &geometry, Compression::Gzip)?;
    if let Some(folder) = dicom_folder {
        write_dicom(&volume, Path::new(folder))?;
    }
    Ok(())
}
