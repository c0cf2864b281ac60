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
use super::layout::{Layout, Number};
use super::moment::{self, Moment};
use super::spacing;
use super::table::Table;
use super::text::text_in;
use crate::format::legible;
use crate::geometry::{Patient, Point, Vector};
use crate::volume::{Rescale, SuggestedWindow, Window};

/// The functional groups that are read, and the sequences of objects without any.
pub(super) const GROUPS: [Tag; 22] = [
    tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
    tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
    tags::PLANE_POSITION_SEQUENCE,
    tags::PLANE_ORIENTATION_SEQUENCE,
    tags::PLANE_POSITION_VOLUME_SEQUENCE,
    tags::PLANE_ORIENTATION_VOLUME_SEQUENCE,
    tags::PIXEL_MEASURES_SEQUENCE,
    tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
    tags::FRAME_VOILUT_SEQUENCE,
    tags::FRAME_CONTENT_SEQUENCE,
    tags::MR_IMAGE_FRAME_TYPE_SEQUENCE,
    tags::CT_IMAGE_FRAME_TYPE_SEQUENCE,
    tags::PET_FRAME_TYPE_SEQUENCE,
    tags::MR_ECHO_SEQUENCE,
    tags::MR_DIFFUSION_SEQUENCE,
    tags::DIFFUSION_GRADIENT_DIRECTION_SEQUENCE,
    tags::CARDIAC_SYNCHRONIZATION_SEQUENCE,
    tags::DETECTOR_INFORMATION_SEQUENCE,
    tags::SEQUENCE_OF_ULTRASOUND_REGIONS,
    tags::REAL_WORLD_VALUE_MAPPING_SEQUENCE,
    tags::MEASUREMENT_UNITS_CODE_SEQUENCE,
    tags::UNASSIGNED_SHARED_CONVERTED_ATTRIBUTES_SEQUENCE,
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
    /// Image type, complex component, stack and echo, which pictures of one volume share.
    pub(super) kind: String,
    pub(super) plane: Placed,
    /// Whether the plane lies in the frame of a transducer, of which it is not known how it was held.
    pub(super) by_transducer: bool,
    /// Millimetres from column to column and from row to row, where known.
    pub(super) pixel_mm: Option<[f64; 2]>,
    /// Distance between slices as stated, to be used only where positions do not tell it.
    pub(super) between_mm: Option<f64>,
    /// Thickness of a slice, to be used only where there is one and its distance to others is not stated.
    pub(super) thickness_mm: Option<f64>,
    /// Height of a pixel in widths of one.
    pub(super) pixel_aspect: f64,
    /// Whether it stands for a picture that its point in time lacks.
    pub(super) absent: bool,
    pub(super) scale: Scale,
    pub(super) unit: Option<String>,
    pub(super) windows: Vec<SuggestedWindow>,
    pub(super) moment: Moment,
}

/// How samples become values (PS3.3 C.11.1).
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scale {
    Rescale(Rescale),
    /// The values stand in a table.
    Table(Arc<Table>),
    /// The file states a scale that cannot be applied; samples are values themselves.
    Unusable,
}

impl Scale {
    /// As a rescale; `None` where it is a table.
    pub(super) fn rescale(&self) -> Option<Rescale> {
        match self {
            Self::Rescale(rescale) => Some(*rescale),
            Self::Table(_) => None,
            Self::Unusable => Some(Rescale::NONE),
        }
    }

    /// The value of a sample.
    #[inline]
    pub(super) fn value(&self, sample: f64) -> f64 {
        match self {
            Self::Rescale(rescale) => rescale.value(sample),
            Self::Table(table) => table.value(sample).into(),
            Self::Unusable => sample,
        }
    }
}

/// What is known of where a picture lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Placed {
    /// There.
    At(Plane),
    /// The file does not say.
    Nowhere,
    /// The file states a position or directions alone, or directions that are no pair of perpendicular
    /// unit vectors.
    InPart {
        /// Centre of the first pixel.
        position: Option<Point<Patient>>,
        /// What should be the two directions.
        cosines: Option<[f64; 6]>,
    },
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
            Placed::Nowhere | Placed::InPart { .. } => None,
        }
    }
}

/// The attributes of one frame, wherever they stand.
pub(super) struct Attributes<'d, 'a> {
    /// The data set itself.
    pub(super) top: &'d DataSet<'a>,
    own: Option<&'d DataSet<'a>>,
    shared: Option<&'d DataSet<'a>>,
}

impl<'d, 'a> Attributes<'d, 'a> {
    /// Of frame `frame`.
    pub(super) fn of(top: &'d DataSet<'a>, frame: usize) -> Self {
        Self {
            top,
            own: top.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).get(frame),
            shared: top.items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first(),
        }
    }

    /// Whether there are no functional groups.
    pub(super) fn is_classic(&self) -> bool {
        self.own.is_none() && self.shared.is_none()
    }

    /// The data set that holds the attributes of a functional group.
    pub(super) fn group(&self, sequence: Tag) -> Option<&'d DataSet<'a>> {
        if self.is_classic() {
            return Some(self.top);
        }
        self.items(sequence).first()
    }

    /// The items of a functional group that may have several.
    pub(super) fn items(&self, sequence: Tag) -> &'d [DataSet<'a>] {
        let mut found = [self.own, self.shared].into_iter().flatten().map(|groups| groups.items(sequence));
        found.find(|items| !items.is_empty()).unwrap_or_default()
    }
}

/// What the header says of frame `frame`, whose samples are as `layout` says. Colours have no scale;
/// `table` is the file's table of values.
pub(super) fn facts(
    dataset: &DataSet<'_>,
    frame: usize,
    modality: &str,
    layout: &Layout,
    table: Option<&Arc<Table>>,
) -> Facts {
    let attributes = Attributes::of(dataset, frame);
    let values = attributes.group(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE);
    let measures = attributes.group(tags::PIXEL_MEASURES_SEQUENCE);
    let positive = |tag| measures?.number(tag).filter(|mm| *mm > 0.0);
    let in_patient = placed(&attributes);
    let in_volume = placed_in_volume(&attributes);
    let by_transducer = !matches!(in_patient, Placed::At(_)) && matches!(in_volume, Placed::At(_));
    Facts {
        kind: moment::kind(&attributes),
        plane: if by_transducer { in_volume } else { in_patient },
        by_transducer,
        pixel_mm: measures.and_then(spacing::pixel_mm),
        pixel_aspect: spacing::pixel_aspect(dataset),
        absent: false,
        between_mm: positive(tags::SPACING_BETWEEN_SLICES),
        thickness_mm: positive(tags::SLICE_THICKNESS),
        scale: match (table, values) {
            (Some(table), _) => Scale::Table(Arc::clone(table)),
            (None, Some(values)) if layout.is_grey() => {
                rescale(values).map_or(Scale::Unusable, Scale::Rescale)
            }
            _ => Scale::Rescale(Rescale::NONE),
        },
        unit: values.and_then(|values| unit(values, dataset, modality)),
        windows: attributes
            .group(tags::FRAME_VOILUT_SEQUENCE)
            .map(|set| windows(set, dataset, layout.number == Number::Signed))
            .unwrap_or_default(),
        moment: moment::moment(&attributes, frame),
    }
}

fn placed(attributes: &Attributes<'_, '_>) -> Placed {
    let listed = |sequence, tag| attributes.group(sequence).map(|set| set.numbers(tag)).unwrap_or_default();
    let position = listed(tags::PLANE_POSITION_SEQUENCE, tags::IMAGE_POSITION_PATIENT);
    let cosines = listed(tags::PLANE_ORIENTATION_SEQUENCE, tags::IMAGE_ORIENTATION_PATIENT);
    placed_at(position, cosines)
}

/// Where an ultrasound volume's frame lies in the frame of its transducer (PS3.3 C.8.24.3).
fn placed_in_volume(attributes: &Attributes<'_, '_>) -> Placed {
    if attributes.is_classic() {
        return Placed::Nowhere;
    }
    let listed = |sequence, tag| attributes.group(sequence).map(|set| set.doubles(tag)).unwrap_or_default();
    let position = listed(tags::PLANE_POSITION_VOLUME_SEQUENCE, tags::IMAGE_POSITION_VOLUME);
    placed_at(position, listed(tags::PLANE_ORIENTATION_VOLUME_SEQUENCE, tags::IMAGE_ORIENTATION_VOLUME))
}

/// The plane that a data set states by itself.
pub(super) fn plane_of(set: &DataSet<'_>) -> Placed {
    placed_at(set.numbers(tags::IMAGE_POSITION_PATIENT), set.numbers(tags::IMAGE_ORIENTATION_PATIENT))
}

fn placed_at(position: Vec<f64>, cosines: Vec<f64>) -> Placed {
    let (position, cosines) = (<[f64; 3]>::try_from(position).ok(), <[f64; 6]>::try_from(cosines).ok());
    match (position, cosines) {
        (None, None) => Placed::Nowhere,
        (Some(position), Some(cosines)) if let Some(plane) = plane(position, cosines) => Placed::At(plane),
        _ => Placed::InPart { position: position.map(Point::from), cosines },
    }
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
    let table = values.items(tags::MODALITY_LUT_SEQUENCE).first();
    let shown = |text: String| legible(&text).into_owned();
    let of_table = table.and_then(|table| table.text(tags::MODALITY_LUT_TYPE));
    match (of_table.or_else(|| values.text(tags::RESCALE_TYPE)), modality) {
        (Some(stated), _) if stated == "US" => None,
        (Some(stated), _) => Some(shown(stated)),
        (None, "CT") if values.has(tags::RESCALE_INTERCEPT) => Some("HU".to_owned()),
        (None, "PT") => top.text(tags::UNITS).map(shown),
        _ => None,
    }
}

/// The windows a file asks for, those it names by numbers first; widths below 1 are as good as others.
/// One that says the same as one before it is left out. Of a window that is a table the range of its input
/// counts (PS3.3 C.11.2). `top` names the texts'
/// character set.
fn windows(set: &DataSet<'_>, top: &DataSet<'_>, signed: bool) -> Vec<SuggestedWindow> {
    let (centres, widths) = (set.numbers(tags::WINDOW_CENTER), set.numbers(tags::WINDOW_WIDTH));
    let names = text_in(set, top, tags::WINDOW_CENTER_WIDTH_EXPLANATION);
    let names: Vec<&str> = names.split('\\').map(str::trim).collect();
    let mut found = Vec::new();
    for (n, (centre, width)) in
        centres.into_iter().zip(widths).enumerate().filter(|(_, (_, width))| *width > 0.0)
    {
        let name = names.get(n).filter(|name| !name.is_empty());
        let name = name.map_or_else(|| format!("Centre {centre}, width {width}"), |name| (*name).to_owned());
        let window = Window::new(centre, width);
        if found.iter().all(|before: &SuggestedWindow| before.window != window) {
            found.push(SuggestedWindow { name, window });
        }
    }
    for item in set.items(tags::VOILUT_SEQUENCE) {
        let Ok(table) = Table::read(item, tags::LUT_DESCRIPTOR, tags::LUT_DATA, signed) else { continue };
        let [low, high] = table.range().map(f64::from);
        let name = text_in(item, top, tags::LUT_EXPLANATION);
        let name = if name.is_empty() { format!("Table from {low} to {high}") } else { name };
        found.push(SuggestedWindow { name, window: Window::between(low, high) });
    }
    found
}
