//! Which pictures belong to one volume, in which order, and where that volume lies.
//!
//! Always true of a [`Stack`]: its pictures agree in shape, orientation and kind; slice k lies at the
//! place its affine says, to a tenth of the slice distance (and a doubt says so where it is more than a
//! hundredth); k grows along the normal, the cross product of row and column direction. Distances
//! between slices come from Image Position (Patient) only; a tilted gantry is the shear that follows.
//! Where a scan states its places in part, they are assumed, and a doubt asks before the first mark.
//!
//! Slices that a uniform grid would move are never put on one: at a change of distance the stack is
//! split into parts that are even in themselves, and each part says so; a few slices between the places
//! of the others are parts by themselves. Where slices are merely missing, their places stay empty and
//! known. A mask lies on the right millimetres either way, and no volume is counted by a step that is
//! not that of its slices.
//!
//! Must never know: samples.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::header::Identity;
use super::lattice::{self, Lattice};
use super::mend::{self, Mended};
use super::moment::Moment;
use super::picture::{Picture, Placed};
use super::split;
use super::sweep::{Sweep, origins, plane, split_by_moment};
use crate::format::{Doubt, DoubtCode, Refusal, RefusalCode};
use crate::geometry::{Affine, Patient, Point, Vector, Voxel};
use crate::volume::{Placement, TimeAxis, TimeKind};

/// The pictures of one volume, slice by slice and then time by time.
#[derive(Clone, Debug)]
pub(super) struct Stack {
    pub(super) pictures: Vec<Picture>,
    pub(super) times: usize,
    /// What sets the times apart, where there are several.
    pub(super) time_axis: Option<TimeAxis>,
    /// Places along k at which no picture lies, at any time, rising.
    pub(super) missing: Vec<usize>,
    pub(super) patient_from_voxel: Affine<Patient, Voxel>,
    pub(super) placement: Placement,
    pub(super) doubts: Vec<Doubt>,
}

impl Stack {
    /// Places along k, taken and empty.
    pub(super) fn slices(&self) -> usize {
        self.pictures.len() / self.times + self.missing.len()
    }

    /// The picture at each place, slice by slice and then time by time; `None` where a slice is missing.
    pub(super) fn places(&self) -> Vec<Option<&Picture>> {
        let mut pictures = self.pictures.iter().peekable();
        let is_taken = |k: usize| self.missing.binary_search(&k).is_err();
        let of_one_time = (0..self.slices()).map(is_taken);
        let all = (0..self.times).flat_map(|_| of_one_time.clone());
        let mut next = |taken: bool| pictures.next_if(|_| taken).filter(|picture| !picture.facts.absent);
        all.map(&mut next).collect()
    }
}

/// Directions agree when no cosine differs by more than this.
const SAME_DIRECTION: f64 = 1e-4;
/// Pixel spacings agree when they differ by less than this fraction.
const SAME_SPACING: f64 = 1e-4;
/// Slices further than this fraction of their distance from an even place are told of.
const EVEN: f64 = 0.01;
/// Parts of a series with which a picture is compared to find its own.
const MOST_COMPARED: usize = 1000;
/// Axes whose cosine exceeds this are called sheared.
const SHEARED: f64 = 1e-3;

/// Groups pictures into stacks; pictures that make no volume are refused.
pub(super) fn group(pictures: Vec<Picture>) -> (Vec<Stack>, Vec<Refusal>) {
    let mut kinds: BTreeMap<(Identity, String), Vec<Picture>> = BTreeMap::new();
    for picture in pictures {
        let kind = (picture.image.identity.clone(), picture.facts.kind.clone());
        kinds.entry(kind).or_default().push(picture);
    }
    let (mut stacks, mut refused) = (Vec::new(), Vec::new());
    for pictures in kinds.into_values() {
        for stack in stacks_of_one_kind(pictures) {
            match stack {
                Ok(stack) => stacks.push(stack),
                Err(of_stack) => refused.extend(of_stack),
            }
        }
    }
    split::tell(&mut stacks);
    (stacks, refused)
}

type Outcome = Result<Stack, Vec<Refusal>>;

fn stacks_of_one_kind(pictures: Vec<Picture>) -> Vec<Outcome> {
    let (placed, unplaced): (Vec<_>, Vec<_>) = pictures
        .into_iter()
        .partition(|picture| picture.plane().is_some() && picture.facts.pixel_mm.is_some());
    let (slices, mut flat): (Vec<_>, Vec<_>) = unplaced.into_iter().partition(mend::is_slice);
    let (slices, copies) = without_copies(slices);
    let (mended, alone) = mend::mended(slices);
    flat.extend(alone);
    // The frames of one file follow each other in time; those of several files in nothing known.
    let of_files = flat.chunk_by(|a, b| Arc::ptr_eq(&a.image, &b.image));
    let mut stacks: Vec<Outcome> = of_files.map(flat_stack).collect();
    stacks.extend(stacks_in_space(placed, Placement::Patient, &[]));
    for Mended { pictures, placement, doubt } in mended {
        let doubts: Vec<Doubt> = std::iter::once(doubt).chain(doubt_of_copies(copies)).collect();
        stacks.extend(stacks_in_space(pictures, placement, &doubts));
    }
    stacks
}

/// Stacks of pictures that have a place, with what is doubtful about that.
fn stacks_in_space(pictures: Vec<Picture>, placement: Placement, doubts: &[Doubt]) -> Vec<Outcome> {
    let mut stacks = Vec::new();
    for parallel in split_by_geometry(pictures) {
        let (pictures, copies) = without_copies(parallel);
        let mut doubts = doubts.to_vec();
        doubts.extend(doubt_of_copies(copies));
        for sweeps in split_by_moment(pictures, &mut doubts) {
            stacks.extend(placed_stacks(sweeps, placement, &doubts));
        }
    }
    stacks
}

fn doubt_of_copies(copies: usize) -> Option<Doubt> {
    let text = format!("{copies} file(s) are copies of others in the series and were left out");
    (copies > 0).then(|| Doubt::new(DoubtCode::LeftOut, text))
}

/// The pictures of a file that does not place them in the patient.
fn flat_stack(pictures: &[Picture]) -> Outcome {
    let picture = &pictures[0];
    let aspect = picture.facts.pixel_aspect;
    let (text, code, placement) = match picture.facts.pixel_mm {
        None => {
            let text = match aspect {
                1.0 => "the file knows pixels only; distances are in pixels".to_owned(),
                _ => format!(
                    "the file knows pixels only, {aspect:.3} times as high as wide; distances are in widths of them"
                ),
            };
            (text, DoubtCode::PixelUnits, Placement::Pixels)
        }
        Some(_) => {
            let lacking = match picture.facts.plane {
                Placed::InPart { position: None, cosines: Some(_) } => "no position, only directions",
                Placed::InPart { position: Some(_), cosines: None } => "no directions, only a position",
                Placed::InPart { .. } => "no sound directions",
                _ => "neither position nor direction",
            };
            let text = format!("the file gives the size of a pixel but {lacking}; sides are not known");
            (text, DoubtCode::NoOrientation, Placement::Scaled)
        }
    };
    let [i_mm, j_mm] = picture.facts.pixel_mm.unwrap_or([1.0, aspect]);
    let axes = [Vector::new(i_mm, 0.0, 0.0), Vector::new(0.0, j_mm, 0.0), Vector::new(0.0, 0.0, 1.0)];
    let origin = Point::new(0.0, 0.0, 0.0);
    finish(pictures.to_vec(), pictures.len(), axes, origin, placement, vec![Doubt::new(code, text)])
}

/// Parts with one orientation and one pixel spacing.
fn split_by_geometry(pictures: Vec<Picture>) -> Vec<Vec<Picture>> {
    let mut parts: Vec<Vec<Picture>> = Vec::new();
    for picture in pictures {
        match parts.iter_mut().rev().take(MOST_COMPARED).find(|part| is_parallel(&part[0], &picture)) {
            Some(part) => part.push(picture),
            None => parts.push(vec![picture]),
        }
    }
    parts
}

/// Whether two pictures are of one kind and lie in the patient with one orientation and pixel spacing.
pub(super) fn is_of_one_volume(a: &Picture, b: &Picture) -> bool {
    a.image.identity == b.image.identity && a.facts.kind == b.facts.kind && is_parallel(a, b)
}

fn is_parallel(a: &Picture, b: &Picture) -> bool {
    let (Some(plane_a), Some(plane_b), Some(mm_a), Some(mm_b)) =
        (a.plane(), b.plane(), a.facts.pixel_mm, b.facts.pixel_mm)
    else {
        return false;
    };
    let same = |a: Vector<Patient>, b: Vector<Patient>| {
        (a - b).to_array().into_iter().all(|difference| difference.abs() <= SAME_DIRECTION)
    };
    same(plane_a.along_i, plane_b.along_i)
        && same(plane_a.along_j, plane_b.along_j)
        && mm_a.iter().zip(mm_b).all(|(a, b)| (a - b).abs() <= SAME_SPACING * b)
}

/// Each instance once: the same file may lie in two places of a folder.
fn without_copies(pictures: Vec<Picture>) -> (Vec<Picture>, usize) {
    let before = pictures.len();
    let mut seen = HashSet::new();
    let first_of_instance = |picture: &Picture| {
        let place = picture.plane().map(|plane| plane.origin.to_array().map(f64::to_bits));
        let number = picture.facts.moment.instance.map(f64::to_bits);
        let instance = &picture.image.instance;
        instance.is_empty() || seen.insert((instance.clone(), picture.frame, place, number))
    };
    let mut pictures = pictures;
    pictures.retain(first_of_instance);
    let copies = before - pictures.len();
    (pictures, copies)
}

/// Stacks of the parts that lie on a lattice each.
fn placed_stacks(sweeps: Vec<Sweep>, placement: Placement, doubts: &[Doubt]) -> Vec<Outcome> {
    let Some(first) = sweeps.first() else {
        return Vec::new();
    };
    let origins = origins(first);
    let parts = lattice::parts(&origins);
    let split = (parts.len() > 1).then(|| split::doubt_of_uneven(first, &origins, &parts));
    let of_part = |(part, lattice): lattice::Part| {
        let doubts = doubts.iter().cloned().chain(split.clone()).collect();
        placed_stack(&sweeps, &part, lattice, placement, doubts)
    };
    parts.into_iter().map(of_part).collect()
}

fn placed_stack(
    sweeps: &[Sweep],
    part: &[usize],
    lattice: Lattice,
    placement: Placement,
    mut doubts: Vec<Doubt>,
) -> Outcome {
    let slices: Vec<&Picture> = part.iter().map(|n| &sweeps[0][*n]).collect();
    let first = slices[0];
    let plane = plane(first);
    let missing = lattice.missing();
    if !missing.is_empty() {
        doubts.push(split::doubt_of_holes(&slices, &lattice, missing.len()));
    }
    let along_k = match lattice.step {
        Some(step) => {
            if lattice.furthest_mm > EVEN * step.length() {
                let text = format!(
                    "slices lie up to {:.3} mm from the even places at which they are shown ({:.3} mm apart)",
                    lattice.furthest_mm,
                    step.length()
                );
                doubts.push(Doubt::new(DoubtCode::UnevenSlices, text));
            }
            step
        }
        None => {
            let (depth, assumed) = match (first.facts.between_mm, first.facts.thickness_mm) {
                (Some(apart), _) => (apart, None),
                (None, Some(thick)) => {
                    (thick, Some(format!("one slice; its thickness, {thick} mm, is taken as its depth")))
                }
                (None, None) => (1.0, Some("one slice of unknown thickness; taken as 1 mm".to_owned())),
            };
            doubts.extend(assumed.map(|text| Doubt::new(DoubtCode::AssumedDepth, text)));
            plane.along_i.cross(plane.along_j) * depth
        }
    };
    let [i_mm, j_mm] = first.facts.pixel_mm.unwrap_or([1.0; 2]);
    let axes = [plane.along_i * i_mm, plane.along_j * j_mm, along_k];
    let pictures = sweeps.iter().flat_map(|sweep| part.iter().map(|n| sweep[*n].clone())).collect();
    let placement = if first.facts.by_transducer { Placement::Scaled } else { placement };
    if first.facts.by_transducer {
        let text = "the volume is placed by its transducer, not in the patient; sides are not known";
        doubts.push(Doubt::new(DoubtCode::NoOrientation, text));
    }
    let stack = finish(pictures, sweeps.len(), axes, plane.origin, placement, doubts)?;
    Ok(Stack { missing, ..stack })
}

fn finish(
    pictures: Vec<Picture>,
    times: usize,
    [along_i, along_j, along_k]: [Vector<Patient>; 3],
    origin: Point<Patient>,
    placement: Placement,
    mut doubts: Vec<Doubt>,
) -> Outcome {
    let patient_from_voxel = Affine::from_axes(along_i, along_j, along_k, origin).map_err(|error| {
        let refuse = |picture: &Picture| {
            Refusal::new(&picture.image.path, RefusalCode::BadGeometry, error.to_string())
        };
        pictures.iter().map(refuse).collect::<Vec<_>>()
    })?;
    let shear = patient_from_voxel.shear();
    if shear > SHEARED {
        let degrees = shear.min(1.0).asin().to_degrees();
        let text =
            format!("the slices are stacked {degrees:.2}° off their normal (gantry tilt); kept as it is");
        doubts.push(Doubt::new(DoubtCode::Sheared, text));
    }
    if pictures.iter().any(|picture| picture.image.identity.series.is_empty()) {
        let text = "the files name no series; it was put together by geometry";
        doubts.push(Doubt::new(DoubtCode::MissingIdentifiers, text));
    }
    doubts.extend(doubts_of_files(&pictures));
    let time_axis = time_axis(&pictures, times);
    Ok(Stack { pictures, times, time_axis, missing: Vec::new(), patient_from_voxel, placement, doubts })
}

/// What sets the times of a stack apart; `None` where there is one.
fn time_axis(pictures: &[Picture], times: usize) -> Option<TimeAxis> {
    if times < 2 {
        return None;
    }
    let sweeps = || pictures.chunks(pictures.len() / times);
    // One value for each time, that all of its pictures share.
    let shared = |attribute: fn(&Moment) -> Option<f64>| -> Option<Vec<f64>> {
        let of_sweep = |sweep: &[Picture]| {
            let mut values = sweep.iter().map(|picture| attribute(&picture.facts.moment));
            let first = values.next()??;
            values.all(|value| value == Some(first)).then_some(first)
        };
        sweeps().map(of_sweep).collect()
    };
    let differ = |values: &Vec<f64>| values.iter().any(|value| *value != values[0]);
    let rise = |values: &Vec<f64>| values.is_sorted_by(|a, b| a < b);
    let from_first = |values: Vec<f64>| values.iter().map(|value| value - values[0]).collect();
    let axis = |kind, values| Some(TimeAxis { kind, values });
    if let Some(b_values) = shared(|m| m.b_value).filter(differ) {
        return axis(TimeKind::BValue, b_values);
    }
    if let Some(delays) = shared(|m| m.trigger_ms).filter(rise) {
        return axis(TimeKind::Trigger, delays);
    }
    if let Some(phases) = shared(|m| m.cardiac_percent).filter(rise) {
        return axis(TimeKind::CardiacPhase, phases);
    }
    let seconds = shared(|m| Some(m.reference_ms? / 1000.0)).or_else(|| shared(|m| m.frame_s));
    if let Some(seconds) = seconds.filter(rise) {
        return axis(TimeKind::Time, from_first(seconds));
    }
    let earliest = |sweep: &[Picture]| {
        let times = sweep.iter().map(|picture| picture.facts.moment.acquired_s);
        times.collect::<Option<Vec<f64>>>()?.into_iter().reduce(f64::min)
    };
    let acquired = sweeps().map(earliest).collect::<Option<Vec<f64>>>().filter(rise);
    let is_time = shared(|m| m.temporal_position).is_some()
        || pictures.iter().all(|picture| picture.facts.moment.of_several);
    match acquired {
        Some(acquired) => axis(TimeKind::Time, from_first(acquired)),
        None if is_time => axis(TimeKind::Time, Vec::new()),
        None => axis(TimeKind::Frames, Vec::new()),
    }
}

/// What single files are doubted for, each code once.
fn doubts_of_files(pictures: &[Picture]) -> Vec<Doubt> {
    let mut by_code: BTreeMap<DoubtCode, (String, usize)> = BTreeMap::new();
    for doubt in pictures.iter().flat_map(|picture| &picture.image.doubts) {
        let entry = by_code.entry(doubt.code).or_insert_with(|| (doubt.text.clone(), 0));
        entry.1 += usize::from(entry.0 != doubt.text);
    }
    let tell = |(code, (text, others))| match others {
        0 => Doubt::new(code, text),
        _ => Doubt::new(code, format!("{text} (and {others} more files)")),
    };
    by_code.into_iter().map(tell).collect()
}
