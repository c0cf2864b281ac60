//! What is said of series that are listed in parts, and of places at which no slice lies.
//!
//! Always true: where pictures of one series are listed apart for another reason than their kind (image
//! type, echo, stack) or their moment, each part says so, by how many pictures and in what they differ.
//!
//! Must never know: how parts are found.

use std::collections::HashMap;
use std::path::PathBuf;

use super::group::Stack;
use super::lattice::{ALMOST_EVEN, Lattice, Part};
use super::picture::Picture;
use crate::format::{Doubt, DoubtCode};
use crate::geometry::{Patient, Point, Vector};

/// Directions that differ by less are told by their angle; others lie in another plane altogether.
const SLIGHTLY_DEGREES: f64 = 45.0;

/// Tells stacks that were torn from the greatest of their series.
pub(super) fn tell(stacks: &mut [Stack]) {
    type Key = (String, String, Option<PathBuf>, String);
    let mut of_series: HashMap<Key, Vec<usize>> = HashMap::new();
    for (at, stack) in stacks.iter().enumerate() {
        let Picture { image, facts, .. } = &stack.pictures[0];
        let folder =
            if image.identity.series.is_empty() { image.path.parent().map(Into::into) } else { None };
        let key = (image.identity.study.clone(), image.identity.series.clone(), folder, facts.kind.clone());
        of_series.entry(key).or_default().push(at);
    }
    for parts in of_series.into_values().filter(|parts| parts.len() > 1) {
        let size = |at: &usize| (stacks[*at].pictures.len(), std::cmp::Reverse(*at));
        let Some(main) = parts.iter().copied().max_by_key(size) else { continue };
        // Where the greatest part has no place in the patient there is no volume that is torn.
        if stacks[main].pictures[0].plane().is_none() {
            continue;
        }
        let apart: Vec<(usize, String)> = parts
            .iter()
            .filter(|at| **at != main)
            .filter_map(|at| Some((*at, differences(&stacks[main].pictures[0], &stacks[*at].pictures[0])?)))
            .collect();
        let many = |stack: &Stack| match stack.pictures.len() {
            1 => format!("1 picture ({})", name(&stack.pictures[0])),
            count => format!("{count} pictures"),
        };
        if apart.is_empty() {
            continue;
        }
        let told = few(apart.iter().map(|(at, how)| format!("{}: {how}", many(&stacks[*at]))));
        let of_main = format!("pictures of the same series differ and are listed apart: {told}");
        let of_others =
            format!("listed apart from {} of the same series, from which it differs", many(&stacks[main]));
        for (at, how) in apart {
            let text = format!("{of_others}: {how}");
            stacks[at].doubts.push(Doubt::new(DoubtCode::SplitSeries, text));
        }
        stacks[main].doubts.push(Doubt::new(DoubtCode::SplitSeries, of_main));
    }
}

/// In what `other` differs from `main`; `None` where it is nothing that is told here.
fn differences(main: &Picture, other: &Picture) -> Option<String> {
    let mut found = main.image.identity.differences(&other.image.identity);
    match (main.plane(), other.plane()) {
        (Some(main), Some(other)) => {
            let angle =
                |a: Vector<Patient>, b: Vector<Patient>| a.cross(b).length().atan2(a.dot(b)).to_degrees();
            let by = angle(main.along_i, other.along_i).max(angle(main.along_j, other.along_j));
            if by > SLIGHTLY_DEGREES {
                found.push("another plane".to_owned());
            } else if by > 0.005 {
                found.push(format!("turned by {by:.2}°"));
            }
        }
        _ => found.push("no place in the patient".to_owned()),
    }
    if let (Some(main), Some(other)) = (main.facts.pixel_mm, other.facts.pixel_mm)
        && main.iter().zip(other).any(|(a, b)| (a - b).abs() > 1e-4 * b)
    {
        found.push(format!("pixels of {} × {} mm", other[0], other[1]));
    }
    (!found.is_empty()).then(|| found.join(", "))
}

/// The file a picture is read from, as a person knows it.
fn name(picture: &Picture) -> String {
    picture.image.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A few of many, for a sentence.
pub(super) fn few(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    let more = if all.len() > 3 { ", and more" } else { "" };
    format!("{}{more}", all[..all.len().min(3)].join(", "))
}

/// What is said of places in a series at which no slice lies.
pub(super) fn doubt_of_holes(slices: &[&Picture], lattice: &Lattice, missing: usize) -> Doubt {
    let (places, step_mm) = (lattice.slices(), lattice.step.map_or(0.0, Vector::length));
    let holes = lattice.places.windows(2).enumerate().filter(|(_, pair)| pair[1] - pair[0] > 1);
    let hole = |(before, pair): (usize, &[usize])| {
        let steps = pair[1] - pair[0];
        let mm = steps as f64 * step_mm;
        let (a, b) = (name(slices[before]), name(slices[before + 1]));
        format!("{mm:.2} mm between {a} and {b} ({} missing)", steps - 1)
    };
    let text = format!(
        "no slice lies at {missing} of {places} places {step_mm:.2} mm apart: {}; these places stay empty and cannot be marked",
        few(holes.map(hole))
    );
    Doubt::new(DoubtCode::MissingSlices, text)
}

/// What is said of a split at uneven places: slices are missing where all parts go on in the same step.
pub(super) fn doubt_of_uneven(sweep: &[Picture], origins: &[Point<Patient>], parts: &[Part]) -> Doubt {
    let slices: Vec<usize> = parts.iter().flat_map(|(part, _)| part).copied().collect();
    if !slices.is_sorted() {
        return doubt_of_strays(sweep, &parts[0], &parts[1..]);
    }
    let steps: Vec<f64> = parts.iter().filter_map(|(_, part)| part.step).map(Vector::length).collect();
    let common = steps.iter().copied().fold(f64::INFINITY, f64::min);
    let gaps = parts.windows(2).filter_map(|pair| {
        let (before, after) = (*pair[0].0.last()?, *pair[1].0.first()?);
        Some((before, after, origins[before].distance(origins[after])))
    });
    let is_multiple = |mm: f64| {
        let steps = mm / common;
        steps > 1.5 && (steps - steps.round()).abs() <= ALMOST_EVEN
    };
    let same_step = steps.iter().all(|step| step - common <= ALMOST_EVEN * common);
    let missing = same_step && gaps.clone().all(|(_, _, mm)| is_multiple(mm));
    let gap = |(before, after, mm): (usize, usize, f64)| {
        let place = format!("{mm:.2} mm between {} and {}", name(&sweep[before]), name(&sweep[after]));
        if missing { format!("{place} ({} missing)", (mm / common).round() - 1.0) } else { place }
    };
    let (gaps, count) = (few(gaps.map(gap)), parts.len());
    let of_part = |(part, lattice): &Part| match lattice.step {
        Some(step) => format!("{} slices {:.2} mm apart", part.len(), step.length()),
        None => "1 slice".to_owned(),
    };
    let (code, what) = match missing {
        true => (DoubtCode::MissingSlices, "most slices are missing"),
        false => (DoubtCode::UnevenSlices, "slices do not lie at even distances"),
    };
    let text = format!(
        "{what}: {gaps}; listed as {count} series ({}), since one grid would move slices from their true place: mark each of them, or open the scan as it was reconstructed at one distance",
        few(parts.iter().map(of_part))
    );
    Doubt::new(code, text)
}

/// What is said of slices that lie between the places of all others.
fn doubt_of_strays(sweep: &[Picture], (others, lattice): &Part, strays: &[Part]) -> Doubt {
    let step_mm = lattice.step.map_or(0.0, Vector::length);
    let names = few(strays.iter().flat_map(|(stray, _)| stray).map(|n| name(&sweep[*n])));
    let text = format!(
        "{} of {} slices lie off the places of the others, {step_mm:.2} mm apart: {names}; listed as series of one slice, since one grid would move them from their true place: mark them there, or leave them out",
        strays.len(),
        others.len() + strays.len()
    );
    Doubt::new(DoubtCode::UnevenSlices, text)
}
