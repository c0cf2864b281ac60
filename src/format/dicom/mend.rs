//! Slices of a scan that state their place in part, or damaged.
//!
//! Always true: what is stated and sound is kept; what is not is assumed and told by a doubt that asks
//! before the first mark; slices are in the order of their positions where they have any, else of their
//! numbers. Only objects that are slices by their definition are mended: of any other kind a picture
//! without a place is a picture by itself.
//!
//! Must never know: samples.

use dicom_dictionary_std::uids;

use super::picture::{Picture, Placed, Plane};
use crate::format::{Doubt, DoubtCode};
use crate::geometry::{Patient, Point, Vector};
use crate::volume::Placement;

/// Slices that lack the same parts of their place.
#[derive(Debug)]
pub(super) struct Mended {
    pub(super) pictures: Vec<Picture>,
    pub(super) placement: Placement,
    pub(super) doubt: Doubt,
}

/// Objects that have a place in the patient by their definition (PS3.3 A.3.3, A.4.3, A.21.3).
const SLICES: [&str; 3] =
    [uids::CT_IMAGE_STORAGE, uids::MR_IMAGE_STORAGE, uids::POSITRON_EMISSION_TOMOGRAPHY_IMAGE_STORAGE];
/// Slices of which not even a distance is known are shown this far apart.
const ASSUMED_MM: f64 = 1.0;

/// What a slice states of its place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Stated {
    pixel_size: bool,
    position: bool,
    direction: Direction,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Direction {
    Whole,
    /// Perpendicular, and not of unit length.
    Scaled,
    Missing,
}

/// Whether a picture that is not placed is a slice of a scan, so that others tell where it belongs.
pub(super) fn is_slice(picture: &Picture) -> bool {
    let identity = &picture.image.identity;
    SLICES.contains(&identity.sop_class.as_str())
        && !identity.has_functional_groups
        && !picture.facts.kind.contains("LOCALIZER")
}

/// Puts slices where they most likely lie, those together that lack the same; slices that are alone in
/// that are given back.
pub(super) fn mended(slices: Vec<Picture>) -> (Vec<Mended>, Vec<Picture>) {
    let mut alike: std::collections::BTreeMap<Stated, Vec<Picture>> = std::collections::BTreeMap::new();
    for slice in slices {
        alike.entry(stated(&slice)).or_default().push(slice);
    }
    let (mut all, mut alone) = (Vec::new(), Vec::new());
    for (stated, mut slices) in alike {
        if slices.len() > 1 {
            all.push(mend(stated, slices));
        } else {
            alone.append(&mut slices);
        }
    }
    (all, alone)
}

fn stated(slice: &Picture) -> Stated {
    let (position, direction) = match slice.facts.plane {
        Placed::At(_) => (true, Direction::Whole),
        Placed::Nowhere => (false, Direction::Missing),
        Placed::InPart { position, cosines } => {
            let direction = match cosines.and_then(directions) {
                None => Direction::Missing,
                Some((_, true)) => Direction::Whole,
                Some((_, false)) => Direction::Scaled,
            };
            (position.is_some(), direction)
        }
    };
    Stated { pixel_size: slice.facts.pixel_mm.is_some(), position, direction }
}

/// Two perpendicular directions, and whether they were stated as unit vectors.
fn directions(cosines: [f64; 6]) -> Option<([Vector<Patient>; 2], bool)> {
    /// As for directions that are sound.
    const TOLERANCE: f64 = 0.05;
    let [i, j] = [0, 3].map(|at| Vector::new(cosines[at], cosines[at + 1], cosines[at + 2]));
    let are_units = [i, j].iter().all(|v: &Vector<Patient>| (v.length() - 1.0).abs() <= TOLERANCE);
    let (i, j) = (i.normalized()?, j.normalized()?);
    (i.dot(j).abs() <= TOLERANCE).then_some(([i, j], are_units))
}

fn mend(stated: Stated, mut slices: Vec<Picture>) -> Mended {
    let position = |slice: &Picture| match slice.facts.plane {
        Placed::At(plane) => Some(plane.origin),
        Placed::InPart { position, .. } => position,
        Placed::Nowhere => None,
    };
    let mut assumed = Vec::new();
    let supposed = supposed_directions(&slices.iter().filter_map(position).collect::<Vec<_>>());
    match stated.direction {
        Direction::Whole => {}
        Direction::Scaled => {
            assumed.push("the directions of Image Orientation, which are no unit vectors".to_owned())
        }
        Direction::Missing => {
            assumed.push(format!("{} slices, since Image Orientation is missing or damaged", supposed.0))
        }
    }
    let number = |slice: &Picture| slice.facts.moment.instance.unwrap_or(f64::INFINITY);
    if !stated.position {
        slices.sort_by(|a, b| number(a).total_cmp(&number(b)));
    }
    let between_mm = slices[0].facts.between_mm;
    let step_mm = between_mm.unwrap_or(ASSUMED_MM);
    if !stated.position {
        let from = if between_mm.is_some() { ", as Spacing Between Slices says" } else { "" };
        let text = format!(
            "slices in the order of their numbers, {step_mm} mm apart{from}, since Image Position is missing"
        );
        assumed.push(text);
    }
    if !stated.pixel_size {
        assumed.push(format!("pixels of {ASSUMED_MM} mm, since Pixel Spacing is missing or damaged"));
    }
    for (rank, slice) in slices.iter_mut().enumerate() {
        let of_file = match slice.facts.plane {
            Placed::At(plane) => Some([plane.along_i, plane.along_j]),
            Placed::InPart { cosines, .. } => cosines.and_then(directions).map(|(directions, _)| directions),
            Placed::Nowhere => None,
        };
        let [along_i, along_j] = of_file.unwrap_or(supposed.1);
        let in_order = || Point::new(0.0, 0.0, 0.0) + along_i.cross(along_j) * (rank as f64 * step_mm);
        let origin = position(slice).unwrap_or_else(in_order);
        slice.facts.plane = Placed::At(Plane { origin, along_i, along_j });
        slice.facts.pixel_mm.get_or_insert([ASSUMED_MM; 2]);
    }
    let sides_known = stated.position && stated.direction != Direction::Missing;
    let text = format!("{} slices state their place in part; assumed: {}", slices.len(), assumed.join("; "));
    Mended {
        pictures: slices,
        placement: if sides_known { Placement::Patient } else { Placement::Scaled },
        doubt: Doubt::new(DoubtCode::AssumedGeometry, text),
    }
}

/// The name and the directions of the plane across which positions follow each other, as it is usually
/// scanned; axial where they do not.
fn supposed_directions(positions: &[Point<Patient>]) -> (&'static str, [Vector<Patient>; 2]) {
    let first = positions.first().copied().unwrap_or(Point::new(0.0, 0.0, 0.0));
    let furthest = positions.iter().max_by(|a, b| first.distance(**a).total_cmp(&first.distance(**b)));
    let [x, y, z] = (furthest.copied().unwrap_or(first) - first).to_array().map(f64::abs);
    let [left, back, down] =
        [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0)].map(|(x, y, z)| Vector::new(x, y, z));
    match () {
        () if x > y && x > z => ("sagittal", [back, down]),
        () if y > z => ("coronal", [left, down]),
        () => ("axial", [left, back]),
    }
}
