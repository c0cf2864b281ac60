//! What tells pictures apart that lie at one place.
//!
//! Always true: what makes another volume of a picture is its kind (image type, complex component,
//! stack, echo); what makes another point on a time axis of it is its moment (time, heartbeat,
//! diffusion). Private attributes are read only where their creator is named.
//!
//! Must never know: other pictures.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::dataset::DataSet;
use super::picture::Attributes;

/// What pictures of one volume share: image type, complex component, echo, stack.
pub(super) fn kind(attributes: &Attributes<'_, '_>) -> String {
    let top = attributes.top;
    if attributes.is_classic() {
        let echo = top.text(tags::ECHO_TIME).or_else(|| top.text(tags::ECHO_NUMBERS));
        let component = top.text(tags::COMPLEX_IMAGE_COMPONENT).or_else(|| ge_component(top));
        return [top.text(tags::IMAGE_TYPE), component, echo].map(Option::unwrap_or_default).join("|");
    }
    let types = [
        tags::MR_IMAGE_FRAME_TYPE_SEQUENCE,
        tags::CT_IMAGE_FRAME_TYPE_SEQUENCE,
        tags::PET_FRAME_TYPE_SEQUENCE,
    ];
    let typed = |tag| types.into_iter().find_map(|types| attributes.group(types)?.text(tag));
    let echo = attributes.group(tags::MR_ECHO_SEQUENCE).and_then(|set| set.double(tags::EFFECTIVE_ECHO_TIME));
    let stack = attributes.group(tags::FRAME_CONTENT_SEQUENCE).and_then(|set| set.text(tags::STACK_ID));
    let component = typed(tags::COMPLEX_IMAGE_COMPONENT);
    let echo = echo.map(|ms| ms.to_string());
    [typed(tags::FRAME_TYPE), component, echo, stack].map(Option::unwrap_or_default).join("|")
}

/// Where a picture stands among those at its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Moment {
    pub(super) temporal_position: Option<f64>,
    /// Milliseconds after the heartbeat's trigger.
    pub(super) trigger_ms: Option<f64>,
    /// Percent of a heartbeat.
    pub(super) cardiac_percent: Option<f64>,
    /// Frame Reference Time in milliseconds (PET).
    pub(super) reference_ms: Option<f64>,
    pub(super) acquisition: Option<f64>,
    /// Diffusion weighting in s/mm².
    pub(super) b_value: Option<f64>,
    pub(super) gradient: Option<[f64; 3]>,
    pub(super) instance: Option<f64>,
    /// Seconds since some day's midnight at which it was acquired.
    pub(super) acquired_s: Option<f64>,
    /// Seconds since midnight at which its pixels were made.
    pub(super) content_s: Option<f64>,
    /// Which frame of its file it is, where frames follow each other by the definition of their object.
    pub(super) frame: Option<f64>,
    /// Time since the first frame of its file, where frames follow each other in time.
    pub(super) frame_s: Option<f64>,
    /// Whether the file says that its series has several points in time.
    pub(super) of_several: bool,
    /// Where it stands in the dimensions of its object.
    pub(super) dimensions: Vec<u32>,
}

/// A number or a few that tell pictures apart, to be compared one after the other.
pub(super) type Mark = [f64; 4];

/// A scale on which pictures follow each other.
pub(super) type Clock = fn(&Moment) -> Option<f64>;

impl Moment {
    /// What can tell pictures at one place apart, the most telling first.
    pub(super) const MARKS: [fn(&Self) -> Option<Mark>; 14] = [
        |m| alone(m.temporal_position),
        |m| alone(m.trigger_ms),
        |m| alone(m.cardiac_percent),
        |m| alone(m.reference_ms),
        |m| alone(m.acquisition),
        Self::WEIGHTING,
        |m| m.dimension(0),
        |m| m.dimension(1),
        |m| m.dimension(2),
        |m| m.dimension(3),
        |m| alone(m.acquired_s),
        |m| alone(m.instance),
        |m| alone(m.frame),
        |m| alone(m.content_s),
    ];

    /// Diffusion weighting and the direction of its gradient.
    pub(super) const WEIGHTING: fn(&Self) -> Option<Mark> = |m| {
        let [x, y, z] = m.gradient.unwrap_or_default();
        Some([m.b_value?, x, y, z])
    };

    /// Scales on which pictures follow each other, the most telling first.
    pub(super) const CLOCKS: [Clock; 3] = [|m| m.acquired_s, |m| m.instance, |m| m.content_s];

    /// How far a heartbeat has come.
    pub(super) const HEARTBEAT: [Clock; 2] = [|m| m.trigger_ms, |m| m.cardiac_percent];

    fn dimension(&self, n: usize) -> Option<Mark> {
        alone(self.dimensions.get(n).copied().map(f64::from))
    }
}

fn alone(number: Option<f64>) -> Option<Mark> {
    Some([number?, 0.0, 0.0, 0.0])
}

/// The moment of frame `frame`.
pub(super) fn moment(attributes: &Attributes<'_, '_>, frame: usize) -> Moment {
    let top = attributes.top;
    let several = top.number(tags::NUMBER_OF_TEMPORAL_POSITIONS).is_some_and(|number| number > 1.0);
    let (b_value, gradient) = diffusion(attributes);
    let common = Moment {
        instance: top.number(tags::INSTANCE_NUMBER),
        of_several: several,
        b_value,
        gradient,
        ..Moment::default()
    };
    if attributes.is_classic() {
        let frame_ms = top.number(tags::FRAME_TIME).filter(|ms| *ms > 0.0);
        return Moment {
            temporal_position: top.number(tags::TEMPORAL_POSITION_IDENTIFIER),
            acquisition: top.number(tags::ACQUISITION_NUMBER),
            trigger_ms: top.number(tags::TRIGGER_TIME),
            cardiac_percent: top.double(tags::NOMINAL_PERCENTAGE_OF_CARDIAC_PHASE),
            reference_ms: top.number(tags::FRAME_REFERENCE_TIME),
            acquired_s: seconds(top, tags::ACQUISITION_DATE_TIME)
                .or_else(|| seconds(top, tags::ACQUISITION_TIME)),
            content_s: seconds(top, tags::CONTENT_TIME),
            frame: Some(frame as f64),
            frame_s: frame_ms.map(|ms| ms / 1000.0 * frame as f64),
            ..common
        };
    }
    let content = attributes.group(tags::FRAME_CONTENT_SEQUENCE);
    let heart = attributes.group(tags::CARDIAC_SYNCHRONIZATION_SEQUENCE);
    Moment {
        temporal_position: content.and_then(|set| set.long(tags::TEMPORAL_POSITION_INDEX)).map(f64::from),
        acquisition: content.and_then(|set| set.word(tags::FRAME_ACQUISITION_NUMBER)).map(f64::from),
        trigger_ms: heart.and_then(|set| set.double(tags::NOMINAL_CARDIAC_TRIGGER_DELAY_TIME)),
        cardiac_percent: heart.and_then(|set| set.double(tags::NOMINAL_PERCENTAGE_OF_CARDIAC_PHASE)),
        acquired_s: content.and_then(|set| {
            seconds(set, tags::FRAME_ACQUISITION_DATE_TIME)
                .or_else(|| seconds(set, tags::FRAME_REFERENCE_DATE_TIME))
        }),
        dimensions: content.map(|set| set.longs(tags::DIMENSION_INDEX_VALUES)).unwrap_or_default(),
        ..common
    }
}

/// Seconds since midnight of a time (TM) or, with its day, of a date and time (DT); days are counted
/// as if all months had 31, which no scan notices that does not last over the end of one.
fn seconds(set: &DataSet<'_>, tag: Tag) -> Option<f64> {
    let text = set.text(tag)?;
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<f64>().ok();
    let (day, at) = match digits {
        14 => (part(0..4)? * 372.0 + part(4..6)? * 31.0 + part(6..8)?, 8),
        4.. => (0.0, 0),
        _ => return None,
    };
    // An offset from UTC follows the seconds of a DT.
    let end = text.get(at + 4..)?.find(['+', '-', '&']).map_or(text.len(), |end| at + 4 + end);
    let within = part(at + 4..end).unwrap_or(0.0);
    Some(day * 86_400.0 + part(at..at + 2)? * 3600.0 + part(at + 2..at + 4)? * 60.0 + within)
}

/// Diffusion weighting and the direction of its gradient: the standard attributes, else those of the
/// makers who wrote their own before there were any.
fn diffusion(attributes: &Attributes<'_, '_>) -> (Option<f64>, Option<[f64; 3]>) {
    let Some(set) = attributes.group(tags::MR_DIFFUSION_SEQUENCE) else {
        return (None, None);
    };
    let vector = |set: &DataSet<'_>, tag| <[f64; 3]>::try_from(set.doubles(tag)).ok();
    if let Some(b_value) = set.double(tags::DIFFUSION_B_VALUE) {
        let directions = set.items(tags::DIFFUSION_GRADIENT_DIRECTION_SEQUENCE);
        let of_frame = directions.first().unwrap_or(set);
        return (Some(b_value), vector(of_frame, tags::DIFFUSION_GRADIENT_ORIENTATION));
    }
    if !attributes.is_classic() {
        return (None, None);
    }
    let number = |creator, tag| private(set, creator, tag).and_then(|tag| set.number(tag));
    let siemens = |element| private(set, "SIEMENS MR HEADER", Tag(0x0019, element));
    if let Some(b_value) = siemens(0x000c).and_then(|tag| set.number(tag)) {
        return (Some(b_value), siemens(0x000e).and_then(|tag| vector(set, tag)));
    }
    // GE adds 10⁹ to weightings that are not exactly as asked for.
    if let Some(b_value) = number("GEMS_PARM_01", Tag(0x0043, 0x0039)) {
        let part = |element| number("GEMS_ACQU_01", Tag(0x0019, element));
        let gradient = [part(0x00bb), part(0x00bc), part(0x00bd)];
        let [Some(x), Some(y), Some(z)] = gradient else { return (Some(b_value % 1e9), None) };
        return (Some(b_value % 1e9), Some([x, y, z]));
    }
    let philips = private(set, "Philips Imaging DD 001", Tag(0x2001, 0x0003));
    (philips.and_then(|tag| set.single(tag)).map(f64::from), None)
}

/// Which part of a complex signal GE shows (0043,102F).
fn ge_component(top: &DataSet<'_>) -> Option<String> {
    let component = top.word(private(top, "GEMS_PARM_01", Tag(0x0043, 0x002f))?)?;
    let names = ["MAGNITUDE", "PHASE", "REAL", "IMAGINARY"];
    Some((*names.get(usize::from(component))?).to_owned())
}

/// Where a private element lies, given as if its creator held block 00 (PS3.5 7.8.1).
pub(super) fn private(set: &DataSet<'_>, creator: &str, tag: Tag) -> Option<Tag> {
    let holds = |block: &u16| set.text(Tag(tag.group(), *block)).is_some_and(|name| name == creator);
    let block = (0x10..=0x1f).find(holds)?;
    Some(Tag(tag.group(), block << 8 | tag.element()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::dicom::dataset::{Encoding, Until, parse};

    #[test]
    fn times_of_day_become_seconds() {
        let check = |text: &str, expected: Option<f64>| {
            let mut bytes = vec![0x08, 0, 0x2a, 0, text.len() as u8, 0, 0, 0];
            bytes.extend(text.as_bytes());
            let total = bytes.len();
            let parsed = parse(&bytes, 0, total, Encoding::IMPLICIT_LITTLE, Until::PixelData, &[]);
            let dataset = parsed.expect("well formed").dataset;
            let day = 86_400.0 * (2018.0 * 372.0 + 10.0 * 31.0 + 21.0);
            let found = seconds(&dataset, tags::ACQUISITION_DATE_TIME);
            let found = found.map(|s| if s > day { s - day } else { s });
            assert_eq!(found, expected, "{text}");
        };
        check("083635.5", Some(8.0 * 3600.0 + 36.0 * 60.0 + 35.5));
        check("0836", Some(8.0 * 3600.0 + 36.0 * 60.0));
        check("20181021000010.25", Some(10.25));
        check("20181021000010.25+0100", Some(10.25));
        check("", None);
        check("noon", None);
        check("12", None);
        check("12ü4", None);
    }
}
