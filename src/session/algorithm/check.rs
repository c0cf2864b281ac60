//! Which values of a step make sense, and which labels it may change.

use super::AlgorithmError;
use crate::case::Case;
use crate::geometry::{Patient, Point, VoxelIndex};
use crate::volume::LabelMap;

pub(super) fn bad(text: &str) -> AlgorithmError {
    AlgorithmError::BadValue(text.to_owned())
}

pub(super) fn layer_of(case: &Case, layer: usize) -> Result<&LabelMap, AlgorithmError> {
    case.layers().get(layer).ok_or(AlgorithmError::NoSuchLayer(layer))
}

pub(super) fn name_of(case: &Case, label: u16) -> String {
    let known = case.scheme().get(label);
    known.map_or_else(|| format!("Label {label}"), |label| label.name.clone())
}

pub(super) fn exists(case: &Case, label: u16) -> Result<(), AlgorithmError> {
    case.scheme().get(label).map(drop).ok_or(AlgorithmError::NoSuchLabel(label))
}

pub(super) fn may_change(case: &Case, label: u16) -> Result<(), AlgorithmError> {
    match case.scheme().get(label) {
        _ if label == 0 => Err(bad("label 0 is background; labels count from 1")),
        Some(label) if label.locked => Err(AlgorithmError::Locked(label.name.clone())),
        _ => Ok(()),
    }
}

pub(super) fn is_range([low, high]: &[f64; 2]) -> Result<(), AlgorithmError> {
    if low <= high { Ok(()) } else { Err(bad(&format!("the range [{low}, {high}] is empty"))) }
}

pub(super) fn is_above_0(what: &str, number: f64) -> Result<(), AlgorithmError> {
    let makes_sense = number.is_finite() && number > 0.0;
    if makes_sense { Ok(()) } else { Err(bad(&format!("{what} must be above 0, not {number}"))) }
}

/// Whether a length is above 0 and no longer than anybody means.
pub(super) fn is_length(what: &str, mm: f64, most_mm: f64) -> Result<(), AlgorithmError> {
    is_above_0(what, mm)?;
    if mm <= most_mm { Ok(()) } else { Err(bad(&format!("{what} must be at most {most_mm}, not {mm}"))) }
}

pub(super) fn seed_at(case: &Case, seed: Point<Patient>) -> Result<VoxelIndex, AlgorithmError> {
    let at = seed.to_array();
    let outside = || bad(&format!("the seed {at:?} (LPS mm) lies outside the study"));
    case.volume().grid().index_at(seed).ok_or_else(outside)
}
