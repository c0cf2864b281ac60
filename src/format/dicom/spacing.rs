//! How far apart the pixels of a picture lie, and where that distance holds.
//!
//! Always true: a spacing is two finite lengths above 0; one that was not stated is not made up.
//!
//! Must never know: where a picture lies.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::dataset::DataSet;
use crate::format::{Doubt, DoubtCode};

/// Millimetres from column to column and from row to row: Pixel Spacing, else Imager Pixel Spacing,
/// else that of the one region of an ultrasound picture.
pub(super) fn pixel_mm(measures: &DataSet<'_>) -> Option<[f64; 2]> {
    let stated = |tag| stated(measures, tag);
    stated(tags::PIXEL_SPACING)
        .or_else(|| stated(tags::IMAGER_PIXEL_SPACING))
        .or_else(|| of_ultrasound(measures.items(tags::SEQUENCE_OF_ULTRASOUND_REGIONS)))
}

/// The header states the distance between rows first.
fn stated(measures: &DataSet<'_>, tag: Tag) -> Option<[f64; 2]> {
    let [between_rows, between_columns]: [f64; 2] = measures.numbers(tag).try_into().ok()?;
    (between_rows > 0.0 && between_columns > 0.0).then_some([between_columns, between_rows])
}

/// Height of a pixel in widths of one (Pixel Aspect Ratio, PS3.3 C.7.6.3.1.7); 1 where it is not told.
pub(super) fn pixel_aspect(dataset: &DataSet<'_>) -> f64 {
    let ratio: Result<[f64; 2], _> = dataset.numbers(tags::PIXEL_ASPECT_RATIO).try_into();
    let told = ratio.ok().filter(|ratio| ratio.iter().all(|part| *part > 0.0)).map(|[v, h]| v / h);
    // Beyond these it is no picture's.
    told.filter(|aspect| (0.01..=100.0).contains(aspect)).unwrap_or(1.0)
}

/// The scale of a picture that shows tissue and nothing else, each region at the same scale (PS3.3
/// C.8.5.5). Where a trace stands beside it, millimetres hold in a part of the picture only.
fn of_ultrasound(regions: &[DataSet<'_>]) -> Option<[f64; 2]> {
    /// Region Spatial Format: two dimensions of space.
    const TISSUE: u16 = 1;
    /// Physical Units: centimetres.
    const CENTIMETRES: u16 = 3;
    let scale = |region: &DataSet<'_>| {
        let is = |tag, wanted| region.word(tag) == Some(wanted);
        let in_space = is(tags::REGION_SPATIAL_FORMAT, TISSUE)
            && is(tags::PHYSICAL_UNITS_X_DIRECTION, CENTIMETRES)
            && is(tags::PHYSICAL_UNITS_Y_DIRECTION, CENTIMETRES);
        let delta = |tag| region.double(tag).map(|cm| cm.abs() * 10.0).filter(|mm| *mm > 0.0);
        in_space.then_some([delta(tags::PHYSICAL_DELTA_X)?, delta(tags::PHYSICAL_DELTA_Y)?])
    };
    let scales: Vec<[f64; 2]> = regions.iter().map(scale).collect::<Option<_>>()?;
    let first = *scales.first()?;
    scales.iter().all(|scale| *scale == first).then_some(first)
}

/// What is doubtful about the spacing of a file without functional groups.
pub(super) fn doubts(dataset: &DataSet<'_>, modality: &str) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    let patient = stated(dataset, tags::PIXEL_SPACING);
    let detector = stated(dataset, tags::IMAGER_PIXEL_SPACING);
    if let Some(text) = dataset.text(tags::PIXEL_SPACING).filter(|_| patient.is_none()) {
        let instead = match (detector, pixel_mm(dataset)) {
            (Some(_), _) => "; Imager Pixel Spacing was used",
            (None, Some(_)) => "; the scale of its ultrasound region was used",
            (None, None) => ", and no other is stated",
        };
        let text = format!("its Pixel Spacing \"{text}\" is no pair of lengths{instead}");
        doubts.push(Doubt::new(DoubtCode::OddHeader, text));
    }
    // PS3.3 10.7.1.3: a Pixel Spacing that equals that of the detector was not corrected either.
    let is_projection = ["CR", "DX", "MG", "RG", "XA", "RF", "PX", "IO"].contains(&modality);
    let corrected = dataset.has(tags::PIXEL_SPACING_CALIBRATION_TYPE)
        || patient.is_some_and(|patient| Some(patient) != detector);
    if is_projection && detector.is_some() && !corrected {
        let magnified = dataset.number(tags::ESTIMATED_RADIOGRAPHIC_MAGNIFICATION_FACTOR);
        let magnified = magnified.filter(|factor| *factor > 0.0).map_or(String::new(), |factor| {
            format!("; the file estimates that the detector shows the patient {factor} times as large")
        });
        let text = format!("distances are those at the detector, not in the patient{magnified}");
        doubts.push(Doubt::new(DoubtCode::AtDetector, text));
    }
    doubts
}
