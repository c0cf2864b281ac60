//! Greatest distances between points of an outline: Feret diameters and RECIST's two axes.

use glam::{DVec2, DVec3};
use rayon::prelude::*;
use serde::Serialize;

use super::outline::Outline;
use crate::geometry::{Grid, Patient, Point};
use crate::progress::{Cancelled, Part, Progress, Steps};
use crate::volume::Mask;

/// The greatest distances between two points of an outline (pyradiomics' `Maximum3DDiameter`,
/// `Maximum2DDiameterRow`, `…Column`, `…Slice`), in mm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Diameters {
    /// Between any two points.
    #[serde(rename = "diameter_mm")]
    pub any_mm: f64,
    /// Between two points of one plane across i (`Row`), j (`Column`) and k (`Slice`); planes go through
    /// voxel centres and half-way between them.
    #[serde(rename = "diameter_across_ijk_mm")]
    pub across_mm: [f64; 3],
}

/// A straight line between two points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Its ends.
    pub ends: [Point<Patient>; 2],
}

impl Line {
    /// Its length in mm.
    pub fn length_mm(&self) -> f64 {
        self.ends[0].distance(self.ends[1])
    }
}

/// The two axes of a lesion in one slice (Eisenhauer et al., "New response evaluation criteria in solid
/// tumours: revised RECIST guideline (version 1.1)", 2009).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recist {
    /// The slice.
    pub slice: usize,
    /// The greatest distance between two points of the slice's outline, which lie half-way between voxels
    /// that belong and neighbours that do not.
    pub long: Line,
    /// The longest line at right angles to it inside the outline's convex hull.
    pub short: Line,
}

impl Diameters {
    pub(super) fn of(outline: &Outline, progress: &dyn Progress) -> Result<Option<Self>, Cancelled> {
        let hulls = [0, 1, 2].map(|axis| outline.hulls(axis));
        progress.go_on(0.1)?;
        let across_mm = std::array::from_fn(|axis| {
            let places = hulls[axis].par_iter().map(|hull| places(outline, hull));
            places
                .map(|places| farthest(&places).map_or(0.0, |(squared, _)| squared))
                .reduce(|| 0.0, f64::max)
                .sqrt()
        });
        let planes: Vec<Vec<DVec3>> = hulls[2].iter().map(|hull| places(outline, hull)).collect();
        progress.go_on(0.5)?;
        let any_mm = farthest_of_planes(&planes, &Part::new(progress, 0.5, 1.0))?;
        Ok(any_mm.map(|any_mm| Self { any_mm, across_mm }))
    }
}

fn places(outline: &Outline, points: &[[i32; 3]]) -> Vec<DVec3> {
    points.iter().map(|point| outline.place_mm(*point)).collect()
}

/// The two places farthest from each other, with the square of their distance; the first such pair.
fn farthest(places: &[DVec3]) -> Option<(f64, [DVec3; 2])> {
    let mut found = places.first().map(|only| (0.0, [*only; 2]));
    for (n, a) in places.iter().enumerate() {
        for b in &places[n + 1..] {
            let squared = a.distance_squared(*b);
            if found.is_some_and(|(most, _)| squared > most) {
                found = Some((squared, [*a, *b]));
            }
        }
    }
    found
}

/// The greatest distance between places of any planes. Only pairs of planes are searched whose balls reach
/// farther than what was found.
fn farthest_of_planes(planes: &[Vec<DVec3>], progress: &dyn Progress) -> Result<Option<f64>, Cancelled> {
    let balls: Vec<(DVec3, f64)> = planes
        .iter()
        .map(|places| {
            let centre = places.iter().sum::<DVec3>() / places.len() as f64;
            let radius = places.iter().map(|place| place.distance(centre)).fold(0.0, f64::max);
            (centre, radius)
        })
        .collect();
    let farthest_from = |from: DVec3| {
        planes.iter().flatten().max_by(|a, b| a.distance_squared(from).total_cmp(&b.distance_squared(from)))
    };
    let first = planes.iter().flatten().next();
    let Some(start) = first.and_then(|first| farthest_from(*first)) else { return Ok(None) };
    let mut most = farthest_from(*start).map_or(0.0, |end| end.distance(*start));
    let steps = Steps::new(progress, planes.len());
    for (n, a) in planes.iter().enumerate() {
        for (m, b) in planes.iter().enumerate().skip(n) {
            let reach = balls[n].0.distance(balls[m].0) + balls[n].1 + balls[m].1;
            // Sums of rounded numbers may fall short of the truth by their last digit.
            if reach * (1.0 + 1e-12) < most {
                continue;
            }
            for p in a {
                let squared = b.iter().map(|q| p.distance_squared(*q)).fold(0.0, f64::max);
                most = most.max(squared.sqrt());
            }
        }
        steps.next()?;
    }
    Ok(Some(most))
}

impl Recist {
    /// The axes in the slice across `axis` where the long one is longest, the first of several; `None`
    /// where the mask is empty.
    pub fn of(
        mask: &Mask,
        grid: &Grid,
        axis: usize,
        progress: &dyn Progress,
    ) -> Result<Option<Self>, Cancelled> {
        let outline = Outline::of(mask, grid);
        let hulls = outline.hulls(axis);
        // Planes between slices have odd places.
        let slices = hulls.iter().filter(|hull| hull[0][axis] % 2 == 0);
        let steps = Steps::new(progress, hulls.len());
        let mut found: Option<(f64, usize, Vec<DVec3>, [DVec3; 2])> = None;
        for hull in slices {
            steps.next()?;
            let places = places(&outline, hull);
            let Some((squared, ends)) = farthest(&places) else { continue };
            if found.as_ref().is_none_or(|(most, ..)| squared > *most) {
                found = Some((squared, (hull[0][axis] / 2) as usize, places, ends));
            }
        }
        progress.go_on(1.0)?;
        let Some((_, slice, places, long)) = found else { return Ok(None) };
        let normal = {
            let [a, b] = [[1, 2], [0, 2], [0, 1]][axis];
            outline.step_mm(a).cross(outline.step_mm(b)).normalize()
        };
        let short = longest_across(&places, long, normal);
        let line = |ends: [DVec3; 2]| Line { ends: ends.map(|end| outline.in_patient(end)) };
        Ok(Some(Self { slice, long: line(long), short: line(short) }))
    }
}

/// The longest line across `long` inside a convex polygon, whose corners are told in turn. Along `long` the
/// polygon's width is concave, so that the longest line goes through a corner.
fn longest_across(corners: &[DVec3], long: [DVec3; 2], normal: DVec3) -> [DVec3; 2] {
    let along = (long[1] - long[0]).normalize();
    let across = normal.cross(along);
    let in_plane = |place: DVec3| DVec2::new((place - long[0]).dot(along), (place - long[0]).dot(across));
    let polygon: Vec<DVec2> = corners.iter().map(|corner| in_plane(*corner)).collect();
    let width_at = |at: f64| {
        let sides = polygon.iter().zip(polygon.iter().cycle().skip(1));
        let crossings = sides.filter_map(|(a, b)| {
            let (low, high) = (a.x.min(b.x), a.x.max(b.x));
            if !(low..=high).contains(&at) {
                return None;
            }
            if low == high {
                return Some([a.y.min(b.y), a.y.max(b.y)]);
            }
            let y = a.y + (b.y - a.y) * (at - a.x) / (b.x - a.x);
            Some([y, y])
        });
        crossings.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], [a, b]| [low.min(a), high.max(b)])
    };
    let mut longest = (0.0, [0.0; 2]);
    for corner in &polygon {
        let ends = width_at(corner.x);
        if ends[1] - ends[0] > longest.1[1] - longest.1[0] {
            longest = (corner.x, ends);
        }
    }
    let (at, ends) = longest;
    ends.map(|end| long[0] + along * at + across * end)
}
