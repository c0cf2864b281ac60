//! Slices as places on a uniform grid.
//!
//! Always true: a [`Lattice`] has each of its slices within a tenth of its step of a place of its own;
//! places that no slice takes are known by number and never filled by what lies beside them.
//!
//! Must never know: pictures, files.

use std::ops::Range;

use crate::geometry::{Patient, Point, Vector};

/// Slices further than this fraction of their distance from an even place are not put on one grid.
pub(super) const ALMOST_EVEN: f64 = 0.1;

/// So many wider steps of one length in a row are those of another scan, and no holes.
const OTHER_STEPS: usize = 3;

/// Even parts that are looked for; slices beyond stand alone. No scan has as many.
const MOST_SOUGHT: usize = 256;

/// A slice that lies between the places of the others is a stray where there are so many others for each.
const OTHERS_PER_STRAY: usize = 4;

/// Even places along one direction, some of which slices take.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lattice {
    /// From place to place; `None` where there is one slice alone.
    pub(super) step: Option<Vector<Patient>>,
    /// The place of each slice, rising from 0.
    pub(super) places: Vec<usize>,
    /// How far the worst slice lies from its place, in millimetres.
    pub(super) furthest_mm: f64,
}

impl Lattice {
    /// The places of slices that follow each other at even distances; `None` where they do not.
    fn even(origins: &[Point<Patient>]) -> Option<Self> {
        Self::at((0..origins.len()).collect(), origins)
    }

    /// The places of slices at whole multiples of one step. `None` where there is no such step, where
    /// more than half of the places are empty, or where most neighbours or several in a row are further
    /// apart than one step: then the step is an accident, or that of a part, and the holes are none.
    fn with_holes(origins: &[Point<Patient>]) -> Option<Self> {
        let distances: Vec<f64> = origins.windows(2).map(|pair| pair[0].distance(pair[1])).collect();
        let least = distances.iter().copied().fold(f64::INFINITY, f64::min);
        let singles: Vec<f64> = distances.iter().copied().filter(|mm| *mm < 1.5 * least).collect();
        if 2 * singles.len() < distances.len() {
            return None;
        }
        // The mean of the single steps, so that a small error does not grow over a wide gap.
        let unit = singles.iter().sum::<f64>() / singles.len() as f64;
        let most = 2 * origins.len();
        let steps = |mm: &f64| Some((mm / unit).round() as usize).filter(|steps| (1..=most).contains(steps));
        let steps: Vec<usize> = distances.iter().map(steps).collect::<Option<_>>()?;
        if steps.chunk_by(|a, b| a == b).any(|alike| alike[0] > 1 && alike.len() >= OTHER_STEPS) {
            return None;
        }
        let mut places = vec![0];
        for steps in steps {
            places.push(places.last()? + steps);
        }
        let slices = places.last()? + 1;
        if 2 * origins.len() < slices {
            return None;
        }
        Self::at(places, origins)
    }

    /// The lattice that puts the slices at these places; `None` where one lies too far off.
    fn at(places: Vec<usize>, origins: &[Point<Patient>]) -> Option<Self> {
        let (first, last) = (*origins.first()?, *origins.last()?);
        let steps = *places.last()?;
        if steps == 0 {
            return Some(Self { step: None, places, furthest_mm: 0.0 });
        }
        let step = (last - first) * (1.0 / steps as f64);
        let off = |(place, origin): (&usize, &Point<Patient>)| origin.distance(first + step * *place as f64);
        let furthest_mm = places.iter().zip(origins).map(off).fold(0.0, f64::max);
        (furthest_mm <= ALMOST_EVEN * step.length()).then_some(Self { step: Some(step), places, furthest_mm })
    }

    /// How many places there are, taken and empty.
    pub(super) fn slices(&self) -> usize {
        self.places.last().map_or(0, |last| last + 1)
    }

    /// The places that no slice takes, rising.
    pub(super) fn missing(&self) -> Vec<usize> {
        let between = |pair: &[usize]| pair[0] + 1..pair[1];
        self.places.windows(2).flat_map(between).collect()
    }
}

/// Slices that lie on one lattice, by their numbers.
pub(super) type Part = (Vec<usize>, Lattice);

/// The slices, whose places rise, as one lattice where they lie on one, or would but for a few between
/// them; else in parts that are even in themselves.
pub(super) fn parts(origins: &[Point<Patient>]) -> Vec<Part> {
    if let Some(whole) = whole(origins) {
        return vec![((0..origins.len()).collect(), whole)];
    }
    let even = |part: Range<usize>| Some((part.clone().collect(), Lattice::even(&origins[part])?));
    without_strays(origins).unwrap_or_else(|| even_parts(origins).into_iter().filter_map(even).collect())
}

fn whole(origins: &[Point<Patient>]) -> Option<Lattice> {
    Lattice::even(origins).or_else(|| Lattice::with_holes(origins))
}

/// All slices that lie on the lattice of the longest even range, and each of the few others alone.
fn without_strays(origins: &[Point<Patient>]) -> Option<Vec<Part>> {
    let longest = longest_even(origins);
    let (first, step) = (*origins.get(longest.start)?, Lattice::even(&origins[longest])?.step?);
    let is_on_it = |n: &usize| {
        let from_first = origins[*n] - first;
        let places = (from_first.dot(step) / step.dot(step)).round();
        (from_first - step * places).length() <= ALMOST_EVEN * step.length()
    };
    let (others, strays): (Vec<usize>, Vec<usize>) = (0..origins.len()).partition(is_on_it);
    if OTHERS_PER_STRAY * strays.len() > others.len() {
        return None;
    }
    let whole = whole(&others.iter().map(|n| origins[*n]).collect::<Vec<_>>())?;
    let alone = |n| (vec![n], Lattice { step: None, places: vec![0], furthest_mm: 0.0 });
    Some(std::iter::once((others, whole)).chain(strays.into_iter().map(alone)).collect())
}

/// The longest even range first and then what is left at either side of it.
fn even_parts(origins: &[Point<Patient>]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut open = vec![(0, origins.len())];
    while let Some((start, end)) = open.pop() {
        if start == end {
            continue;
        }
        let longest = if parts.len() < MOST_SOUGHT { longest_even(&origins[start..end]) } else { 0..1 };
        let part = start + longest.start..start + longest.end;
        open.push((start, part.start));
        open.push((part.end, end));
        parts.push(part);
    }
    parts.sort_by_key(|part| part.start);
    parts
}

fn longest_even(origins: &[Point<Patient>]) -> Range<usize> {
    let is_even = |origins: &[Point<Patient>]| Lattice::even(origins).is_some();
    if is_even(origins) {
        return 0..origins.len();
    }
    let mut longest = 0..1;
    let mut start = 0;
    while start + longest.len() < origins.len() {
        // In strides that double and then halve: prefix by prefix would cost the square of a long scan.
        let (mut end, mut stride) = (start + 2, 1);
        let goes_on = |end: usize| end <= origins.len() && is_even(&origins[start..end]);
        while goes_on(end + stride) {
            end += stride;
            stride *= 2;
        }
        while stride > 1 {
            stride /= 2;
            if goes_on(end + stride) {
                end += stride;
            }
        }
        if end - start > longest.len() {
            longest = start..end;
        }
        // The last slice of one range may begin the next.
        start = end - 1;
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_kept_and_other_steps_split() {
        let check = |heights: &[f64], expected: &[(usize, &[usize])]| {
            let origins: Vec<_> = heights.iter().map(|z| Point::new(1.0, 2.0, *z)).collect();
            let found: Vec<_> = parts(&origins).into_iter().map(|(_, l)| (l.slices(), l.missing())).collect();
            let expected: Vec<_> = expected.iter().map(|(n, missing)| (*n, missing.to_vec())).collect();
            assert_eq!(found, expected, "{heights:?}");
        };
        check(&[], &[]);
        check(&[5.0], &[(1, &[])]);
        check(&[0.0, 2.0, 4.0], &[(3, &[])]);
        check(&[0.0, 1.0, 2.0, 4.0, 5.0], &[(6, &[3])]);
        check(&[0.0, 1.0, 2.0, 3.0, 7.0], &[(8, &[4, 5, 6])]);
        check(&[0.0, 1.03, 2.0, 4.0, 5.02], &[(6, &[3])]);
        // A step that is slightly off in each slice does not add up over a wide gap.
        check(&[0.0, 0.92, 2.0, 3.08, 4.0, 4.92, 6.0, 7.08, 8.0, 13.0, 14.0], &[(15, &[9, 10, 11, 12])]);
        // More places empty than taken: two scans, not one with a hole.
        check(&[0.0, 1.0, 2.0, 90.0, 91.0], &[(3, &[]), (2, &[])]);
        check(&[0.0, 1.0, 2.0, 3.6, 4.6], &[(3, &[]), (2, &[])]);
        // One slice between two others neither makes holes of every second place of the rest nor tears it.
        check(&[0.0, 1.0, 2.0, 2.5, 3.0, 4.0, 5.0], &[(6, &[]), (1, &[])]);
        check(&[0.0, 1.0, 2.3, 3.0, 4.0, 5.0], &[(6, &[2]), (1, &[])]);
        // A few in a row at twice the distance are another scan's, fewer are holes.
        check(&[0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0], &[(5, &[]), (3, &[])]);
        check(&[0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0], &[(9, &[5, 7])]);
    }
}
