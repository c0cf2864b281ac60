//! One picture of a file: a frame with its place, scale and moment.
//!
//! Always true: classic objects and objects with functional groups are read alike. In a classic
//! object each attribute stands in the data set itself; with functional groups it stands in a group of
//! the frame, or else in one that all frames share (PS3.3 C.7.6.16). A group that some frames lack is
//! looked up for each frame by itself, so that nothing shifts from frame to frame.

use std::sync::Arc;

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::dataset::DataSet;
use super::header::Image;
use crate::format::legible;
use crate::geometry::{Patient, Point, Vector};
use crate::volume::{Rescale, Window};

/// The functional groups that are read.
pub(super) const GROUPS: [Tag; 14] = [
    tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
    tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
    tags::PLANE_POSITION_SEQUENCE,
    tags::PLANE_ORIENTATION_SEQUENCE,
    tags::PIXEL_MEASURES_SEQUENCE,
    tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
    tags::FRAME_VOILUT_SEQUENCE,
    tags::FRAME_CONTENT_SEQUENCE,
    tags::MR_IMAGE_FRAME_TYPE_SEQUENCE,
    tags::CT_IMAGE_FRAME_TYPE_SEQUENCE,
    tags::PET_FRAME_TYPE_SEQUENCE,
    tags::MR_ECHO_SEQUENCE,
    tags::MR_DIFFUSION_SEQUENCE,
    tags::CARDIAC_SYNCHRONIZATION_SEQUENCE,
];

/// One picture: a frame of a file with its place and scale.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) image: Arc<Image>,
    /// Which frame of the file, from 0.
    pub(super) frame: usize,
    pub(super) facts: Facts,
}

/// What the header says of one frame.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Image type, stack, echo and b-value, which pictures of one volume share.
    pub(super) kind: String,
    pub(super) plane: Placed,
    /// Millimetres from column to column and from row to row, where known.
    pub(super) pixel_mm: Option<[f64; 2]>,
    /// Distance between slices as stated, to be used only where there is one slice.
    pub(super) depth_mm: Option<f64>,
    /// `None` where a rescale is stated that cannot be applied.
    pub(super) rescale: Option<Rescale>,
    pub(super) unit: Option<String>,
    pub(super) window: Option<Window>,
    pub(super) moment: Moment,
}

/// What is known of where a picture lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Placed {
    /// There.
    At(Plane),
    /// The file does not say.
    Nowhere,
    /// The file states directions that are no pair of perpendicular unit vectors.
    Impossible([f64; 6]),
}

/// Where a picture lies in the patient (PS3.3 C.7.6.2.1.1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Plane {
    /// Centre of the first pixel.
    pub(super) origin: Point<Patient>,
    /// Unit vector in which columns follow each other.
    pub(super) along_i: Vector<Patient>,
    /// Unit vector in which rows follow each other.
    pub(super) along_j: Vector<Patient>,
}

impl Picture {
    /// Where it lies, if the file says so.
    pub(super) fn plane(&self) -> Option<Plane> {
        match self.facts.plane {
            Placed::At(plane) => Some(plane),
            Placed::Nowhere | Placed::Impossible(_) => None,
        }
    }

    /// How its samples become values; those without a usable rescale are values themselves.
    pub(super) fn rescale(&self) -> Rescale {
        self.facts.rescale.unwrap_or(Rescale::NONE)
    }
}

/// What can tell pictures at one place apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    pub(super) temporal_position: Option<f64>,
    pub(super) acquisition: Option<f64>,
    pub(super) trigger_ms: Option<f64>,
    /// Frame Reference Time in milliseconds (PET).
    pub(super) reference_ms: Option<f64>,
    pub(super) instance: Option<f64>,
}

/// The attributes of one frame, wherever they stand.
struct Attributes<'d, 'a> {
    top: &'d DataSet<'a>,
    own: Option<&'d DataSet<'a>>,
    shared: Option<&'d DataSet<'a>>,
}

impl<'d, 'a> Attributes<'d, 'a> {
    fn is_classic(&self) -> bool {
        self.own.is_none() && self.shared.is_none()
    }

    /// The data set that holds the attributes of a functional group.
    fn group(&self, sequence: Tag) -> Option<&'d DataSet<'a>> {
        if self.is_classic() {
            return Some(self.top);
        }
        [self.own, self.shared].into_iter().flatten().find_map(|groups| groups.items(sequence).first())
    }
}

/// What the header says of frame `frame`. Colours have no rescale.
pub(super) fn facts(dataset: &DataSet<'_>, frame: usize, modality: &str, is_colour: bool) -> Facts {
    let attributes = Attributes {
        top: dataset,
        own: dataset.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).get(frame),
        shared: dataset.items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first(),
    };
    let values = attributes.group(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE);
    let measures = attributes.group(tags::PIXEL_MEASURES_SEQUENCE);
    let positive = |tag| measures?.number(tag).filter(|mm| *mm > 0.0);
    Facts {
        kind: kind(&attributes),
        plane: placed(&attributes),
        pixel_mm: measures.and_then(pixel_mm),
        depth_mm: positive(tags::SPACING_BETWEEN_SLICES).or_else(|| positive(tags::SLICE_THICKNESS)),
        rescale: match values {
            Some(values) if !is_colour => rescale(values),
            _ => Some(Rescale::NONE),
        },
        unit: values.and_then(|values| unit(values, dataset, modality)),
        window: attributes.group(tags::FRAME_VOILUT_SEQUENCE).and_then(window),
        moment: moment(&attributes),
    }
}

fn kind(attributes: &Attributes<'_, '_>) -> String {
    let top = attributes.top;
    let b_value =
        attributes.group(tags::MR_DIFFUSION_SEQUENCE).and_then(|set| set.double(tags::DIFFUSION_B_VALUE));
    let b_value = b_value.map(|b| b.to_string()).unwrap_or_default();
    if attributes.is_classic() {
        let echo = top.text(tags::ECHO_TIME).or_else(|| top.text(tags::ECHO_NUMBERS));
        return [top.text(tags::IMAGE_TYPE), echo, Some(b_value)].map(Option::unwrap_or_default).join("|");
    }
    let types = [
        tags::MR_IMAGE_FRAME_TYPE_SEQUENCE,
        tags::CT_IMAGE_FRAME_TYPE_SEQUENCE,
        tags::PET_FRAME_TYPE_SEQUENCE,
    ];
    let frame_type = types.into_iter().find_map(|tag| attributes.group(tag)?.text(tags::FRAME_TYPE));
    let echo = attributes.group(tags::MR_ECHO_SEQUENCE).and_then(|set| set.double(tags::EFFECTIVE_ECHO_TIME));
    let stack = attributes.group(tags::FRAME_CONTENT_SEQUENCE).and_then(|set| set.text(tags::STACK_ID));
    [frame_type, echo.map(|ms| ms.to_string()), Some(b_value), stack].map(Option::unwrap_or_default).join("|")
}

fn placed(attributes: &Attributes<'_, '_>) -> Placed {
    let listed = |sequence, tag| attributes.group(sequence).map(|set| set.numbers(tag)).unwrap_or_default();
    let position = listed(tags::PLANE_POSITION_SEQUENCE, tags::IMAGE_POSITION_PATIENT);
    let cosines = listed(tags::PLANE_ORIENTATION_SEQUENCE, tags::IMAGE_ORIENTATION_PATIENT);
    let (Ok(position), Ok(cosines)) = (<[f64; 3]>::try_from(position), <[f64; 6]>::try_from(cosines)) else {
        return Placed::Nowhere;
    };
    plane(position, cosines).map_or(Placed::Impossible(cosines), Placed::At)
}

fn plane(position: [f64; 3], cosines: [f64; 6]) -> Option<Plane> {
    /// Cosines are written with few digits; beyond this they are no unit vectors.
    const TOLERANCE: f64 = 0.05;
    let along_i = Vector::<Patient>::new(cosines[0], cosines[1], cosines[2]);
    let along_j = Vector::<Patient>::new(cosines[3], cosines[4], cosines[5]);
    let is_unit = |v: Vector<Patient>| (v.length() - 1.0).abs() <= TOLERANCE;
    if !(is_unit(along_i) && is_unit(along_j) && along_i.dot(along_j).abs() <= TOLERANCE) {
        return None;
    }
    Some(Plane { origin: position.into(), along_i: along_i.normalized()?, along_j: along_j.normalized()? })
}

/// Pixel Spacing, else Imager Pixel Spacing; the header states the distance between rows first.
fn pixel_mm(measures: &DataSet<'_>) -> Option<[f64; 2]> {
    let stated = |tag| {
        let [between_rows, between_columns]: [f64; 2] = measures.numbers(tag).try_into().ok()?;
        (between_rows > 0.0 && between_columns > 0.0).then_some([between_columns, between_rows])
    };
    stated(tags::PIXEL_SPACING).or_else(|| stated(tags::IMAGER_PIXEL_SPACING))
}

fn rescale(values: &DataSet<'_>) -> Option<Rescale> {
    let read = |tag, without| match values.text(tag) {
        Some(_) => values.number(tag),
        None => Some(without),
    };
    let (slope, intercept) = (read(tags::RESCALE_SLOPE, 1.0)?, read(tags::RESCALE_INTERCEPT, 0.0)?);
    (slope != 0.0).then_some(Rescale { slope, intercept })
}

/// The unit of rescaled values (PS3.3 C.11.1.1.2 and C.8.9.1.1.3).
fn unit(values: &DataSet<'_>, top: &DataSet<'_>, modality: &str) -> Option<String> {
    let shown = |text: String| legible(&text).into_owned();
    match (values.text(tags::RESCALE_TYPE), modality) {
        (Some(stated), _) if stated == "US" => None,
        (Some(stated), _) => Some(shown(stated)),
        (None, "CT") if values.has(tags::RESCALE_INTERCEPT) => Some("HU".to_owned()),
        (None, "PT") => top.text(tags::UNITS).map(shown),
        _ => None,
    }
}

/// The first window; widths below 1 are as good as others.
fn window(set: &DataSet<'_>) -> Option<Window> {
    let (centre, width) = (set.number(tags::WINDOW_CENTER)?, set.number(tags::WINDOW_WIDTH)?);
    (width > 0.0).then(|| Window::new(centre, width))
}

fn moment(attributes: &Attributes<'_, '_>) -> Moment {
    let top = attributes.top;
    let instance = top.number(tags::INSTANCE_NUMBER);
    if attributes.is_classic() {
        return Moment {
            temporal_position: top.number(tags::TEMPORAL_POSITION_IDENTIFIER),
            acquisition: top.number(tags::ACQUISITION_NUMBER),
            trigger_ms: top.number(tags::TRIGGER_TIME),
            reference_ms: top.number(tags::FRAME_REFERENCE_TIME),
            instance,
        };
    }
    let content = attributes.group(tags::FRAME_CONTENT_SEQUENCE);
    let heart = attributes.group(tags::CARDIAC_SYNCHRONIZATION_SEQUENCE);
    Moment {
        temporal_position: content.and_then(|set| set.long(tags::TEMPORAL_POSITION_INDEX)).map(f64::from),
        acquisition: content.and_then(|set| set.word(tags::FRAME_ACQUISITION_NUMBER)).map(f64::from),
        trigger_ms: heart.and_then(|set| set.double(tags::NOMINAL_CARDIAC_TRIGGER_DELAY_TIME)),
        reference_ms: None,
        instance,
    }
}
