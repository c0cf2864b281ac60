//! Standardised uptake values of PET objects with functional groups.
//!
//! Always true: what values mean is taken from the Real World Value Mapping alone (PS3.3 C.7.6.16.2.11),
//! which maps stored samples and is held against the rescale of each frame; the dose is in megabecquerels
//! (C.8.22.4), and it is that which was left at the moment the object names as that of its decay
//! correction (C.8.22.6). Objects converted from single slices (A.72) keep what those said, and are read
//! as they are.
//!
//! Must never know: samples, slices.

use dicom_dictionary_std::{tags, uids};

use super::dataset::DataSet;
use super::picture::{Attributes, Facts};
use super::suv::{self, Header, Uptake};

/// Factors agree that differ by less than this fraction, as numbers of few digits do.
const SAME: f64 = 1e-6;

/// What the header says of an object with functional groups and of its frames.
pub(super) fn read(sop_class: &str, dataset: &DataSet<'_>, facts: &[Facts]) -> Uptake {
    if sop_class == uids::LEGACY_CONVERTED_ENHANCED_PET_IMAGE_STORAGE {
        let shared = dataset.items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
        let converted = shared
            .and_then(|shared| shared.items(tags::UNASSIGNED_SHARED_CONVERTED_ATTRIBUTES_SEQUENCE).first());
        let acquired = (0..facts.len()).filter_map(|frame| {
            let content = Attributes::of(dataset, frame).group(tags::FRAME_CONTENT_SEQUENCE)?;
            suv::moment(&content.text(tags::FRAME_ACQUISITION_DATE_TIME)?)
        });
        return suv::read(&Header { top: dataset, converted, acquired: acquired.min() });
    }
    weighed(dataset, facts).map_or_else(Uptake::Unknown, Uptake::Factor)
}

fn weighed(dataset: &DataSet<'_>, facts: &[Facts]) -> Result<f64, &'static str> {
    let (meaning, per_value) = meaning(dataset, facts)?;
    if meaning == Meaning::Uptake {
        return Ok(per_value);
    }
    let is_corrected = |tag| dataset.text(tag).as_deref() == Some("YES");
    if ![tags::ATTENUATION_CORRECTED, tags::DECAY_CORRECTED].into_iter().all(is_corrected) {
        return Err(suv::NOT_CORRECTED);
    }
    let weight_g = suv::weight_g(dataset)?;
    let tracer = suv::only_tracer(dataset.items(tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE))?;
    let injected_mbq =
        suv::positive(tracer, tags::RADIONUCLIDE_TOTAL_DOSE).ok_or("the injected dose is missing")?;
    // Some write becquerels; no scan is done with so much.
    if injected_mbq > 1e5 {
        return Err("the injected dose is too great to be in megabecquerels");
    }
    let at = |set: &DataSet<'_>, tag| suv::moment(&set.text(tag)?);
    let injected = at(tracer, tags::RADIOPHARMACEUTICAL_START_DATE_TIME);
    let injected = injected.ok_or("the time of injection is missing")?;
    let corrected = at(dataset, tags::DECAY_CORRECTION_DATE_TIME);
    let corrected = corrected.ok_or("the moment to which decay is corrected is missing")?;
    let left = suv::left_after(corrected.duration_since(injected).as_secs_f64(), tracer)?;
    Ok(per_value * weight_g / (injected_mbq * 1e6 * left))
}

/// What a value is, times a factor.
#[derive(Clone, Copy, PartialEq)]
enum Meaning {
    /// Uptake by body weight, in g/mL.
    Uptake,
    /// Activity, in Bq/mL.
    Activity,
}

/// What values mean and by which factor, which all frames share; uptake where they mean both.
fn meaning(dataset: &DataSet<'_>, facts: &[Facts]) -> Result<(Meaning, f64), &'static str> {
    let of_frame = |(frame, facts)| of_frame(&Attributes::of(dataset, frame), facts);
    let mut frames = facts.iter().enumerate().map(of_frame);
    let first = frames.next().ok_or("it has no frames")??;
    for frame in frames {
        let (meaning, factor) = frame?;
        if meaning != first.0 || (factor - first.1).abs() > SAME * first.1 {
            return Err(suv::DIFFERS);
        }
    }
    Ok(first)
}

fn of_frame(attributes: &Attributes<'_, '_>, facts: &Facts) -> Result<(Meaning, f64), &'static str> {
    let mappings = attributes.items(tags::REAL_WORLD_VALUE_MAPPING_SEQUENCE);
    if mappings.is_empty() {
        return Err("the unit of the values is not stated");
    }
    let of = |meaning| Some((meaning, mappings.iter().find(|mapping| self::of(mapping) == Some(meaning))?));
    let (meaning, mapping) = of(Meaning::Uptake).or_else(|| of(Meaning::Activity)).ok_or(suv::OTHER_UNIT)?;
    let number = |tag| mapping.double(tag);
    let (Some(slope), Some(intercept)) =
        (number(tags::REAL_WORLD_VALUE_SLOPE), number(tags::REAL_WORLD_VALUE_INTERCEPT))
    else {
        return Err("values mean something by a table and not by a factor");
    };
    let rescale = facts.scale.rescale().ok_or("values are those of a table")?;
    let factor = slope / rescale.slope;
    let is_proportional = (intercept - factor * rescale.intercept).abs() <= SAME * slope.abs();
    if !(is_proportional && factor > 0.0) {
        return Err("what values mean is not proportional to them");
    }
    Ok((meaning, factor))
}

/// What a mapping gives; `None` where it is neither (PS3.16 CID 84, whose codes were once written the
/// other way round).
fn of(mapping: &DataSet<'_>) -> Option<Meaning> {
    let unit = mapping.items(tags::MEASUREMENT_UNITS_CODE_SEQUENCE).first()?.text(tags::CODE_VALUE)?;
    match unit.to_lowercase().as_str() {
        "{suvbw}g/ml" | "g/ml{suvbw}" => Some(Meaning::Uptake),
        "bq/ml" => Some(Meaning::Activity),
        _ => None,
    }
}
