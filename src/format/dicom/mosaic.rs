//! Siemens mosaics: the slices of a volume as tiles of one picture.
//!
//! Always true: a mosaic is taken apart only where the maker's own header says how many tiles there are
//! and in which direction they follow each other; any other is refused by name, for as one picture it
//! shows nothing that exists.
//!
//! The arithmetic is that of nibabel's `nicom.dicomwrappers.MosaicWrapper`: Image Position (Patient) is
//! where a slice of the mosaic's size would begin, around the same middle.
//!
//! Must never know: pixels.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::dataset::DataSet;
use super::moment::private;
use super::picture::{Facts, Placed, Plane};
use crate::geometry::{Patient, Vector};

/// How a picture is divided into tiles, row after row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mosaic {
    /// Tiles in a row.
    pub(super) across: usize,
    /// Columns and rows of a tile.
    pub(super) tile: [usize; 2],
    /// How many tiles hold slices.
    pub(super) slices: usize,
    /// From slice to slice, in millimetres.
    step: Vector<Patient>,
}

/// Whether a file says that its picture is a mosaic.
pub(super) fn is_mosaic(dataset: &DataSet<'_>) -> bool {
    dataset.texts(tags::IMAGE_TYPE).iter().any(|kind| kind == "MOSAIC")
}

/// How a mosaic of `size` columns and rows is divided; the error says what is not known of it.
pub(super) fn mosaic(dataset: &DataSet<'_>, size: [usize; 2], plane: Placed) -> Result<Mosaic, String> {
    let csa = private(dataset, "SIEMENS CSA HEADER", Tag(0x0029, 0x0010)).and_then(|tag| dataset.bytes(tag));
    let field = |name| csa.map(|csa| csa_numbers(csa, name)).unwrap_or_default();
    let stated = private(dataset, "SIEMENS MR HEADER", Tag(0x0019, 0x000a)).and_then(|tag| dataset.word(tag));
    let stated = stated.map(usize::from).or_else(|| Some(*field("NumberOfImagesInMosaic").first()? as usize));
    let slices = stated.filter(|slices| *slices > 0).ok_or("the number of its slices")?;
    let across = slices.isqrt() + usize::from(slices.isqrt().pow(2) < slices);
    let tile = size.map(|edge| edge / across);
    if tile.contains(&0) || size != tile.map(|edge| edge * across) {
        return Err(format!("how {slices} slices lie in {} × {} pixels", size[0], size[1]));
    }
    let Placed::At(Plane { along_i, along_j, .. }) = plane else {
        return Err("its place in the patient".to_owned());
    };
    let normal = along_i.cross(along_j);
    let told: [f64; 3] = field("SliceNormalVector").try_into().unwrap_or_default();
    let cosine = normal.dot(Vector::from(told));
    if (cosine.abs() - 1.0).abs() > 1e-3 {
        return Err("the direction in which its slices follow each other".to_owned());
    }
    let apart = dataset.number(tags::SPACING_BETWEEN_SLICES).filter(|mm| *mm > 0.0);
    let apart = apart.ok_or("the distance of its slices")?;
    Ok(Mosaic { across, tile, slices, step: normal * (apart * cosine.signum()) })
}

impl Mosaic {
    /// What is known of each slice, from what is known of the mosaic.
    pub(super) fn facts(&self, whole: &Facts, size: [usize; 2]) -> Vec<Facts> {
        let Placed::At(plane) = whole.plane else { return Vec::new() };
        let [i_mm, j_mm] = whole.pixel_mm.unwrap_or([1.0; 2]);
        let half = |axis: usize| (size[axis] - self.tile[axis]) as f64 / 2.0;
        let first = plane.origin + plane.along_i * (i_mm * half(0)) + plane.along_j * (j_mm * half(1));
        let of_slice = |slice: usize| {
            let plane = Placed::At(Plane { origin: first + self.step * slice as f64, ..plane });
            Facts { plane, ..whole.clone() }
        };
        (0..self.slices).map(of_slice).collect()
    }

    /// Copies tile `slice` out of the samples of the whole, `bytes` to a sample.
    pub(super) fn cut(&self, slice: usize, whole: &[u8], bytes: usize, out: &mut [u8]) {
        let row = self.tile[0] * bytes;
        let (down, right) = (slice / self.across, slice % self.across);
        for (j, out) in out.chunks_mut(row).enumerate() {
            let start = ((down * self.tile[1] + j) * self.across + right) * row;
            out.copy_from_slice(&whole[start..start + row]);
        }
    }
}

/// The numbers of a field of a CSA header: `SV10` and the older writing without it, as nibabel's
/// `nicom.csareader` reads them. Empty where the field is not there or the header is damaged.
fn csa_numbers(csa: &[u8], wanted: &str) -> Vec<f64> {
    read_csa(csa, wanted).unwrap_or_default()
}

fn read_csa(csa: &[u8], wanted: &str) -> Option<Vec<f64>> {
    let is_new = csa.starts_with(b"SV10");
    let mut at = if is_new { 8 } else { 0 };
    let word = |at: usize| Some(u32::from_le_bytes(*csa.get(at..)?.first_chunk()?) as usize);
    let fields = word(at)?;
    at += 8;
    let mut of_first = 0;
    for field in 0..fields.min(1024) {
        let name = csa.get(at..at + 64)?.split(|byte| *byte == 0).next()?;
        let items = word(at + 76)?;
        at += 84;
        if field == 0 {
            of_first = items;
        }
        let mut numbers = Vec::new();
        for _ in 0..items.min(1024) {
            let length = if is_new { word(at + 4)? } else { word(at)?.checked_sub(of_first)? };
            let item = csa.get(at + 16..(at + 16).checked_add(length)?)?;
            let text = String::from_utf8_lossy(item);
            numbers.extend(text.trim_matches([' ', '\0']).parse::<f64>().ok().filter(|x| x.is_finite()));
            at += 16 + length.next_multiple_of(4);
        }
        if name == wanted.as_bytes() {
            return Some(numbers);
        }
    }
    None
}
