//! Which pictures belong to one volume, in which order, and where that volume lies.
//!
//! Always true of a [`Stack`]: its pictures agree in shape, orientation and kind; slice k lies at the
//! place its affine says, to a tenth of the slice distance (and a doubt says so where it is more than a
//! hundredth); k grows along the normal, the cross product of row and column direction. Distances
//! between slices come from Image Position (Patient) only; a tilted gantry is the shear that follows.
//!
//! Slices that a uniform grid would move are never put on one: at a gap or a change of distance the
//! stack is split into parts that are even in themselves, and each part says so. A mask drawn on a
//! part lies on the right millimetres, and no volume is claimed across the gap.
//!
//! Must never know: samples.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::header::Identity;
use super::picture::{Moment, Picture, Plane};
use crate::format::{Doubt, DoubtCode, Refusal, RefusalCode};
use crate::geometry::{Affine, Patient, Point, Vector, Voxel};
use crate::volume::Placement;

/// The pictures of one volume, slice by slice and then time by time.
#[derive(Clone, Debug)]
pub(super) struct Stack {
    pub(super) pictures: Vec<Picture>,
    pub(super) times: usize,
    pub(super) patient_from_voxel: Affine<Patient, Voxel>,
    pub(super) placement: Placement,
    pub(super) doubts: Vec<Doubt>,
}

/// Directions agree when no cosine differs by more than this.
const SAME_DIRECTION: f64 = 1e-4;
/// Pixel spacings agree when they differ by less than this fraction.
const SAME_SPACING: f64 = 1e-4;
/// Pictures closer together than this lie at one place.
const SAME_PLACE_MM: f64 = 0.01;
/// Slices further than this fraction of their distance from an even place are told of.
const EVEN: f64 = 0.01;
/// Slices further than this fraction of their distance from an even place are not put on one grid.
const ALMOST_EVEN: f64 = 0.1;
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
    (stacks, refused)
}

type Outcome = Result<Stack, Vec<Refusal>>;

fn stacks_of_one_kind(pictures: Vec<Picture>) -> Vec<Outcome> {
    let (placed, flat): (Vec<_>, Vec<_>) = pictures
        .into_iter()
        .partition(|picture| picture.plane().is_some() && picture.facts.pixel_mm.is_some());
    // The frames of one file follow each other in time; those of several files in nothing known.
    let of_files = flat.chunk_by(|a, b| Arc::ptr_eq(&a.image, &b.image));
    let mut stacks: Vec<Outcome> = of_files.map(flat_stack).collect();
    for parallel in split_by_geometry(placed) {
        let (pictures, copies) = without_copies(parallel);
        let mut doubts = Vec::new();
        if copies > 0 {
            let text = format!("{copies} file(s) are copies of others in the series and were left out");
            doubts.push(Doubt::new(DoubtCode::LeftOut, text));
        }
        for sweeps in split_by_moment(pictures, &mut doubts) {
            stacks.extend(placed_stacks(sweeps, &doubts));
        }
    }
    stacks
}

/// The pictures of a file that does not place them in the patient.
fn flat_stack(pictures: &[Picture]) -> Outcome {
    let picture = &pictures[0];
    let (text, code, placement) = match picture.facts.pixel_mm {
        None => {
            ("the file knows pixels only; distances are in pixels", DoubtCode::PixelUnits, Placement::Pixels)
        }
        Some(_) => (
            "the file gives the size of a pixel but neither position nor direction; sides are not known",
            DoubtCode::NoOrientation,
            Placement::Scaled,
        ),
    };
    let [i_mm, j_mm] = picture.facts.pixel_mm.unwrap_or([1.0; 2]);
    let axes = [Vector::new(i_mm, 0.0, 0.0), Vector::new(0.0, j_mm, 0.0), Vector::new(0.0, 0.0, 1.0)];
    let origin = Point::new(0.0, 0.0, 0.0);
    finish(pictures.to_vec(), pictures.len(), axes, origin, placement, vec![Doubt::new(code, text)])
}

/// Parts with one orientation and one pixel spacing.
fn split_by_geometry(pictures: Vec<Picture>) -> Vec<Vec<Picture>> {
    let mut parts: Vec<Vec<Picture>> = Vec::new();
    for picture in pictures {
        match parts.iter_mut().find(|part| is_parallel(&part[0], &picture)) {
            Some(part) => part.push(picture),
            None => parts.push(vec![picture]),
        }
    }
    parts
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

/// Pictures at rising places, at most one per place.
type Sweep = Vec<Picture>;

fn plane(picture: &Picture) -> Plane {
    picture.plane().expect("only pictures with a plane are stacked")
}

fn origins(sweep: &[Picture]) -> Vec<Point<Patient>> {
    sweep.iter().map(|picture| plane(picture).origin).collect()
}

/// Sets of sweeps over the same places; the sweeps of one set are points in time.
fn split_by_moment(pictures: Vec<Picture>, doubts: &mut Vec<Doubt>) -> Vec<Vec<Sweep>> {
    let places = by_place(pictures);
    let most = places.iter().map(Vec::len).max().unwrap_or(0);
    if most <= 1 {
        return vec![vec![places.into_iter().flatten().collect()]];
    }
    let place_count = places.len();
    let sweeps = told_apart_by_attribute(&places, most).unwrap_or_else(|| {
        let differ = |place: &Vec<Picture>| {
            let mut keys = HashSet::new();
            place.iter().all(|picture| {
                let (moment, frame) = moment_key(picture);
                keys.insert((moment.map(|number| number.map(f64::to_bits)), frame))
            })
        };
        let told = places.iter().all(|place| place.len() == most && differ(place));
        if !told {
            let text = format!(
                "up to {most} pictures lie at one place and nothing in their headers tells them apart; they were taken in the order of their numbers"
            );
            doubts.push(Doubt::new(DoubtCode::RepeatedPositions, text));
        }
        in_order_of_moments(places)
    });
    let (complete, partial): (Vec<_>, Vec<_>) =
        sweeps.into_iter().partition(|sweep| sweep.len() == place_count);
    if !partial.is_empty() && !complete.is_empty() {
        let text =
            format!("{} point(s) in time lack slices and are listed as series of their own", partial.len());
        doubts.push(Doubt::new(DoubtCode::RepeatedPositions, text));
    }
    let mut sets: Vec<Vec<Sweep>> = Vec::new();
    for sweep in complete {
        match sets.iter_mut().find(|set| lie_at_one_place(&set[0], &sweep)) {
            Some(set) => set.push(sweep),
            None => sets.push(vec![sweep]),
        }
    }
    sets.extend(partial.into_iter().map(|sweep| vec![sweep]));
    sets
}

fn lie_at_one_place(a: &[Picture], b: &[Picture]) -> bool {
    origins(a).into_iter().zip(origins(b)).all(|(a, b)| a.distance(b) <= SAME_PLACE_MM)
}

/// Pictures by their distance along the normal, those of one place together.
fn by_place(mut pictures: Vec<Picture>) -> Vec<Vec<Picture>> {
    let Some(first) = pictures.first().map(plane) else {
        return Vec::new();
    };
    let normal = first.along_i.cross(first.along_j);
    let along = |picture: &Picture| normal.dot(plane(picture).origin - Point::new(0.0, 0.0, 0.0));
    pictures.sort_by(|a, b| along(a).total_cmp(&along(b)));
    let mut places: Vec<Vec<Picture>> = Vec::new();
    for picture in pictures {
        match places.last_mut() {
            Some(place) if along(&picture) - along(&place[0]) <= SAME_PLACE_MM => place.push(picture),
            _ => places.push(vec![picture]),
        }
    }
    places
}

/// What tells pictures at one place apart, the most telling first.
const ATTRIBUTES: [fn(&Moment) -> Option<f64>; 5] =
    [|m| m.temporal_position, |m| m.trigger_ms, |m| m.reference_ms, |m| m.acquisition, |m| m.instance];

/// Sweeps by the first attribute that takes as many values as pictures lie at one place, each at most
/// once per place.
fn told_apart_by_attribute(places: &[Vec<Picture>], most: usize) -> Option<Vec<Sweep>> {
    ATTRIBUTES.into_iter().find_map(|attribute| {
        let mut sweeps: Vec<(f64, Sweep)> = Vec::new();
        let mut places_of = HashMap::new();
        for (seen, place) in places.iter().enumerate() {
            for picture in place {
                let value = attribute(&picture.facts.moment)?;
                let position = *places_of.entry((value + 0.0).to_bits()).or_insert_with(|| {
                    sweeps.push((value, Vec::new()));
                    sweeps.len() - 1
                });
                let sweep = &mut sweeps[position].1;
                sweep.push(picture.clone());
                if sweep.len() > seen + 1 || sweeps.len() > most {
                    return None;
                }
            }
        }
        sweeps.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        Some(sweeps.into_iter().map(|(_, sweep)| sweep).collect())
    })
}

/// The moment, and within one file the frame.
fn moment_key(picture: &Picture) -> ([Option<f64>; 5], usize) {
    (ATTRIBUTES.map(|attribute| attribute(&picture.facts.moment)), picture.frame)
}

/// The first sweep takes the earliest picture of each place, the second the next, and so on.
fn in_order_of_moments(places: Vec<Vec<Picture>>) -> Vec<Sweep> {
    let mut sweeps: Vec<Sweep> = Vec::new();
    for mut place in places {
        place.sort_by(|a, b| moment_key(a).partial_cmp(&moment_key(b)).unwrap_or(std::cmp::Ordering::Equal));
        for (rank, picture) in place.into_iter().enumerate() {
            match sweeps.get_mut(rank) {
                Some(sweep) => sweep.push(picture),
                None => sweeps.push(vec![picture]),
            }
        }
    }
    sweeps
}

/// Stacks that are even in themselves.
fn placed_stacks(sweeps: Vec<Sweep>, doubts: &[Doubt]) -> Vec<Outcome> {
    let Some(first) = sweeps.first() else {
        return Vec::new();
    };
    let origins = origins(first);
    let parts = even_parts(&origins);
    let split = (parts.len() > 1).then(|| doubt_of_split(first, &origins, &parts));
    let of_part = |part: Range<usize>| {
        let doubts = doubts.iter().cloned().chain(split.clone()).collect();
        placed_stack(&sweeps, part, doubts)
    };
    parts.iter().cloned().map(of_part).collect()
}

fn placed_stack(sweeps: &[Sweep], part: Range<usize>, mut doubts: Vec<Doubt>) -> Outcome {
    let first = &sweeps[0][part.start];
    let plane = plane(first);
    let origins = &origins(&sweeps[0])[part.clone()];
    let along_k = match step(origins) {
        Some(step) => {
            let off = furthest_from_even(origins);
            if off > EVEN * step.length() {
                let text = format!(
                    "slices lie up to {off:.3} mm from the even places at which they are shown ({:.3} mm apart)",
                    step.length()
                );
                doubts.push(Doubt::new(DoubtCode::UnevenSlices, text));
            }
            step
        }
        None => {
            let depth = first.facts.depth_mm.unwrap_or_else(|| {
                let text = "one slice of unknown thickness; taken as 1 mm";
                doubts.push(Doubt::new(DoubtCode::AssumedDepth, text));
                1.0
            });
            plane.along_i.cross(plane.along_j) * depth
        }
    };
    let [i_mm, j_mm] = first.facts.pixel_mm.unwrap_or([1.0; 2]);
    let axes = [plane.along_i * i_mm, plane.along_j * j_mm, along_k];
    let pictures = sweeps.iter().flat_map(|sweep| sweep[part.clone()].iter().cloned()).collect();
    finish(pictures, sweeps.len(), axes, plane.origin, Placement::Patient, doubts)
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
    Ok(Stack { pictures, times, patient_from_voxel, placement, doubts })
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

/// The mean step from slice to slice; `None` for a single slice.
fn step(origins: &[Point<Patient>]) -> Option<Vector<Patient>> {
    let (first, last) = (*origins.first()?, *origins.last()?);
    (origins.len() > 1).then(|| (last - first) * (1.0 / (origins.len() - 1) as f64))
}

/// How far the worst slice lies from where even steps would put it, in millimetres.
fn furthest_from_even(origins: &[Point<Patient>]) -> f64 {
    let Some(step) = step(origins) else {
        return 0.0;
    };
    let off = |(k, origin): (usize, &Point<Patient>)| origin.distance(origins[0] + step * k as f64);
    origins.iter().enumerate().map(off).fold(0.0, f64::max)
}

fn is_almost_even(origins: &[Point<Patient>]) -> bool {
    step(origins).is_none_or(|step| furthest_from_even(origins) <= ALMOST_EVEN * step.length())
}

/// The slices as ranges that are even in themselves: the whole where it can be, else the longest even
/// range first and then what is left at either side of it.
fn even_parts(origins: &[Point<Patient>]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut open = vec![(0, origins.len())];
    while let Some((start, end)) = open.pop() {
        if start == end {
            continue;
        }
        let longest = longest_even(&origins[start..end]);
        let part = start + longest.start..start + longest.end;
        open.push((start, part.start));
        open.push((part.end, end));
        parts.push(part);
    }
    parts.sort_by_key(|part| part.start);
    parts
}

fn longest_even(origins: &[Point<Patient>]) -> Range<usize> {
    if is_almost_even(origins) {
        return 0..origins.len();
    }
    let mut longest = 0..1;
    let mut start = 0;
    while start + longest.len() < origins.len() {
        let mut end = start + 2;
        while end < origins.len() && is_almost_even(&origins[start..=end]) {
            end += 1;
        }
        if end - start > longest.len() {
            longest = start..end;
        }
        // The last slice of one range may begin the next.
        start = end - 1;
    }
    longest
}

/// What a split at uneven places is called: slices are missing where all parts go on in the same step.
fn doubt_of_split(sweep: &[Picture], origins: &[Point<Patient>], parts: &[Range<usize>]) -> Doubt {
    let steps: Vec<f64> =
        parts.iter().filter_map(|part| step(&origins[part.clone()])).map(Vector::length).collect();
    let common = steps.iter().copied().fold(f64::INFINITY, f64::min);
    let gaps = parts.windows(2).map(|pair| {
        let (before, after) = (pair[0].end - 1, pair[1].start);
        (before, after, origins[before].distance(origins[after]))
    });
    let is_multiple = |mm: f64| {
        let steps = mm / common;
        steps > 1.5 && (steps - steps.round()).abs() <= ALMOST_EVEN
    };
    let same_step = steps.iter().all(|step| step - common <= ALMOST_EVEN * common);
    let missing = same_step && gaps.clone().all(|(_, _, mm)| is_multiple(mm));
    let name = |slice: usize| {
        let file = sweep[slice].image.path.file_name().unwrap_or_default();
        file.to_string_lossy().into_owned()
    };
    let gap = |(before, after, mm): (usize, usize, f64)| {
        let place = format!("{mm:.2} mm between {} and {}", name(before), name(after));
        if missing { format!("{place} ({} missing)", (mm / common).round() - 1.0) } else { place }
    };
    let told: Vec<String> = gaps.clone().take(3).map(gap).collect();
    let more = if gaps.count() > told.len() { ", and more" } else { "" };
    let parts = parts.len();
    let told = told.join(", ");
    let (code, what) = match missing {
        true => (DoubtCode::MissingSlices, "slices are missing"),
        false => (DoubtCode::UnevenSlices, "slices do not lie at even distances"),
    };
    let text = format!(
        "{what}: {told}{more}; listed as {parts} series, since one grid over the gap would move slices from their true place"
    );
    Doubt::new(code, text)
}
