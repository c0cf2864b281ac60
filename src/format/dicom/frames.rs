//! Objects of several frames without functional groups: where and when each frame follows the first.
//!
//! Always true: frames are slices only where the object says how far apart they lie and in which
//! direction; an order that is not known is refused by name.
//!
//! Must never know: pixels.

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};

use super::dataset::DataSet;
use super::picture::{self, Facts, Placed};
use crate::geometry::Vector;
use crate::volume::Rescale;

/// How the frames of an object follow each other.
#[derive(Debug)]
pub(super) enum Order {
    /// Each says for itself where it belongs, or there is one.
    Own,
    /// One after the other in time, at one place.
    InTime,
    /// As slices, so many millimetres along the normal from the first one.
    AlongNormal(Vec<f64>),
    /// As the vectors of a nuclear medicine object say.
    Nuclear(Vec<NuclearFrame>),
}

/// Where one frame of a nuclear medicine object belongs (PS3.3 C.8.4.8).
#[derive(Debug, Default)]
pub(super) struct NuclearFrame {
    /// Millimetres along the normal; `None` where frames are no slices.
    along_normal_mm: Option<f64>,
    /// Energy window and detector.
    kind: String,
    /// Its rank among the frames of its place.
    moment: f64,
}

/// Vectors of nuclear medicine by which frames differ in kind.
const KINDS: [Tag; 2] = [tags::ENERGY_WINDOW_VECTOR, tags::DETECTOR_VECTOR];

/// Objects whose frames follow each other in time.
const CINE: [&str; 9] = [
    uids::ULTRASOUND_IMAGE_STORAGE,
    uids::ULTRASOUND_MULTI_FRAME_IMAGE_STORAGE,
    uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::MULTI_FRAME_SINGLE_BIT_SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::MULTI_FRAME_GRAYSCALE_BYTE_SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::MULTI_FRAME_GRAYSCALE_WORD_SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::MULTI_FRAME_TRUE_COLOR_SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::X_RAY_ANGIOGRAPHIC_IMAGE_STORAGE,
    uids::X_RAY_RADIOFLUOROSCOPIC_IMAGE_STORAGE,
];

/// How `frames` frames of an object without functional groups follow each other; the error ends the
/// sentence "is a DICOM object".
pub(super) fn order(sop_class: &str, dataset: &DataSet<'_>, frames: usize) -> Result<Order, String> {
    let pointers = pointers(dataset);
    if sop_class == uids::NUCLEAR_MEDICINE_IMAGE_STORAGE {
        return nuclear(dataset, &pointers, frames).map(Order::Nuclear);
    }
    if frames == 1 {
        return Ok(Order::Own);
    }
    if sop_class == uids::RT_DOSE_STORAGE {
        return dose_planes(dataset, frames).map(Order::AlongNormal);
    }
    let in_time = [tags::FRAME_TIME, tags::FRAME_TIME_VECTOR];
    if pointers.iter().any(|tag| in_time.contains(tag)) {
        return Ok(Order::InTime);
    }
    if pointers.contains(&tags::SLICE_LOCATION_VECTOR) || !CINE.contains(&sop_class) {
        return Err(
            " of several frames, whose order in space is not known; export its frames as single files"
                .to_owned(),
        );
    }
    Ok(Order::InTime)
}

/// The attributes by which frames differ.
fn pointers(dataset: &DataSet<'_>) -> Vec<Tag> {
    let words = dataset.words(tags::FRAME_INCREMENT_POINTER);
    words.as_chunks::<2>().0.iter().map(|[group, element]| Tag(*group, *element)).collect()
}

/// How far each plane of a dose grid lies from the first (PS3.3 C.8.8.3.2).
fn dose_planes(dataset: &DataSet<'_>, frames: usize) -> Result<Vec<f64>, String> {
    let offsets = dataset.numbers(tags::GRID_FRAME_OFFSET_VECTOR);
    if offsets.len() != frames {
        return Err(format!(
            " of {frames} planes, for which it gives {} places; export it again",
            offsets.len()
        ));
    }
    if offsets[0] == 0.0 {
        return Ok(offsets);
    }
    // Places instead of distances: the z of each plane, where planes lie across the patient.
    let position = dataset.numbers(tags::IMAGE_POSITION_PATIENT);
    let cosines: [f64; 6] = dataset.numbers(tags::IMAGE_ORIENTATION_PATIENT).try_into().unwrap_or_default();
    let normal = Vector::<crate::geometry::Patient>::new(cosines[0], cosines[1], cosines[2])
        .cross(Vector::new(cosines[3], cosines[4], cosines[5]));
    let across = (normal.z().abs() - 1.0).abs() < 1e-4;
    let starts_there = position.get(2).is_some_and(|z| (z - offsets[0]).abs() < 0.1);
    if !(across && starts_there) {
        return Err(" whose planes do not begin at its Image Position; export it again".to_owned());
    }
    Ok(offsets.iter().map(|z| (z - offsets[0]) * normal.z().signum()).collect())
}

fn nuclear(dataset: &DataSet<'_>, pointers: &[Tag], frames: usize) -> Result<Vec<NuclearFrame>, String> {
    let vector = |tag: Tag| -> Result<Vec<u16>, String> {
        let vector = dataset.words(tag);
        let text = || {
            format!(
                " of {frames} frames, for {} of which it says {tag}; reconstruct or export it again",
                vector.len()
            )
        };
        if vector.len() == frames { Ok(vector) } else { Err(text()) }
    };
    let is_slices = pointers.contains(&tags::SLICE_VECTOR);
    let reconstructed = dataset.texts(tags::IMAGE_TYPE).get(2).is_some_and(|kind| kind.starts_with("RECON"));
    if frames > 1 && (pointers.is_empty() || reconstructed && !is_slices) {
        return Err(" of several frames, whose order is not stated (Frame Increment Pointer); export its slices as single files".to_owned());
    }
    let mut found: Vec<NuclearFrame> = (0..frames).map(|_| NuclearFrame::default()).collect();
    if frames == 1 {
        found[0].along_normal_mm = (reconstructed || is_slices).then_some(0.0);
        return Ok(found);
    }
    for tag in pointers {
        let vector = vector(*tag)?;
        // Stacked behind the first slice where the distance is positive, before it where negative.
        let apart = dataset.number(tags::SPACING_BETWEEN_SLICES).filter(|mm| *mm != 0.0);
        for (frame, number) in found.iter_mut().zip(vector) {
            if *tag == tags::SLICE_VECTOR {
                let apart = apart.ok_or(
                    " of slices whose distance is not stated; export them as single files with positions",
                )?;
                frame.along_normal_mm = Some((f64::from(number) - 1.0) * apart);
            } else if KINDS.contains(tag) {
                frame.kind += &format!("|{number}");
            } else {
                frame.moment = frame.moment * 65_536.0 + f64::from(number);
            }
        }
    }
    Ok(found)
}

impl Order {
    /// Puts frames where the order says.
    pub(super) fn apply(&self, dataset: &DataSet<'_>, facts: &mut [Facts]) {
        match self {
            Self::Own => {}
            Self::InTime => {
                // From each frame to the one before it; the first has none.
                let apart_ms = dataset.numbers(tags::FRAME_TIME_VECTOR);
                if apart_ms.len() == facts.len() && facts.iter().all(|facts| facts.moment.frame_s.is_none()) {
                    let mut since_first_ms = 0.0;
                    for (frame, (facts, ms)) in facts.iter_mut().zip(apart_ms).enumerate() {
                        since_first_ms += if frame == 0 { 0.0 } else { ms };
                        facts.moment.frame_s = Some(since_first_ms / 1000.0);
                    }
                }
            }
            Self::AlongNormal(offsets) => {
                for (facts, mm) in facts.iter_mut().zip(offsets) {
                    facts.plane = moved(facts.plane, *mm);
                }
            }
            Self::Nuclear(frames) => {
                let detector = dataset.items(tags::DETECTOR_INFORMATION_SEQUENCE).first();
                for (facts, frame) in facts.iter_mut().zip(frames) {
                    facts.kind += &frame.kind;
                    facts.moment.temporal_position = Some(frame.moment);
                    let of_detector = detector.map_or(Placed::Nowhere, picture::plane_of);
                    let is_placed = matches!(facts.plane, Placed::At(_));
                    let plane = if is_placed { facts.plane } else { of_detector };
                    facts.plane = match frame.along_normal_mm {
                        Some(mm) => moved(plane, mm),
                        None if frames.len() == 1 => facts.plane,
                        None => Placed::Nowhere,
                    };
                }
            }
        }
    }
}

fn moved(placed: Placed, mm: f64) -> Placed {
    let Placed::At(plane) = placed else { return placed };
    let normal = plane.along_i.cross(plane.along_j);
    Placed::At(picture::Plane { origin: plane.origin + normal * mm, ..plane })
}

/// What makes a dose of the samples of a dose grid, and its unit (PS3.3 C.8.8.3).
pub(super) fn dose(dataset: &DataSet<'_>) -> (Option<Rescale>, Option<String>) {
    let slope = dataset.number(tags::DOSE_GRID_SCALING).filter(|slope| *slope != 0.0);
    let unit = dataset.text(tags::DOSE_UNITS).filter(|unit| unit != "RELATIVE");
    (slope.map(|slope| Rescale { slope, intercept: 0.0 }), unit)
}
