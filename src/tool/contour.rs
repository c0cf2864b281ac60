//! Closed lines on a slice, and the voxels inside them.

use std::ops::Range;

use glam::DVec2;

use super::sweep::{SLACK, THINNER, half_depth, intersect, linear_span};
use crate::geometry::{Grid, Patient, Plane, Point};
use crate::view::View;

/// A closed line in a plane of the patient.
#[derive(Clone, Debug, PartialEq)]
pub struct Contour {
    /// The plane it lies in.
    pub plane: Plane,
    /// Its corners in order; the last one is joined to the first.
    pub points: Vec<Point<Patient>>,
}

impl Contour {
    /// Whether the contour lies on what a view shows.
    pub fn lies_on(&self, view: &View, grid: &Grid) -> bool {
        let normal = view.plane.normal();
        normal.dot(self.plane.normal()).abs() > 0.999
            && view.plane.depth_of(self.plane.origin()).abs() < half_depth(grid, normal)
    }

    /// The same line on the plane that a view shows; `None` where that one is not parallel to its own.
    pub fn on_plane_of(&self, view: &View) -> Option<Self> {
        let parallel = view.plane.normal().dot(self.plane.normal()).abs() > 0.999;
        let points = self.points.iter().map(|point| view.plane.project(*point)).collect();
        parallel.then_some(Self { plane: view.plane, points })
    }

    /// Calls `paint(i range, j, k)` with the voxels inside or on the line: those whose cells the plane
    /// cuts and whose centres, seen along its normal, lie inside an odd number of times.
    pub fn for_each_run(&self, grid: &Grid, mut paint: impl FnMut(Range<usize>, usize, usize)) {
        let plane_from_voxel = self.plane.patient_from_plane().inverse() * grid.patient_from_voxel();
        let [step_i, step_j, step_k] = [0, 1, 2].map(|axis| plane_from_voxel.axis(axis).raw());
        let half = half_depth(grid, self.plane.normal()) * THINNER;
        let corners: Vec<DVec2> = self.flat_points();
        let bounds = self.voxel_bounds(grid, half);
        let step = step_i.truncate();
        let mut crossings = Vec::new();
        for k in bounds[2].clone() {
            for j in bounds[1].clone() {
                let row = plane_from_voxel.origin().raw() + step_j * j as f64 + step_k * k as f64;
                let Some(cut) = linear_span(row.z, step_i.z, -half, half) else { continue };
                crossings.clear();
                if step.length_squared() > 1e-12 {
                    cross(&corners, row.truncate(), step, &mut crossings);
                } else if is_inside(&corners, row.truncate()) {
                    crossings.extend([f64::NEG_INFINITY, f64::INFINITY]);
                }
                for pair in crossings.chunks_exact(2) {
                    let Some((first, last)) = intersect((pair[0], pair[1]), cut) else { continue };
                    let clamp = |i: f64| i.clamp(bounds[0].start as f64, bounds[0].end as f64) as usize;
                    let run = clamp((first - SLACK).ceil())..clamp((last + SLACK).floor() + 1.0);
                    if !run.is_empty() {
                        paint(run, j, k);
                    }
                }
            }
        }
    }

    fn flat_points(&self) -> Vec<DVec2> {
        let plane_from_patient = self.plane.patient_from_plane().inverse();
        self.points.iter().map(|point| (plane_from_patient * *point).raw().truncate()).collect()
    }

    /// The voxels outside of which none can be inside.
    fn voxel_bounds(&self, grid: &Grid, half_mm: f64) -> [Range<usize>; 3] {
        let normal = self.plane.normal() * half_mm;
        let around = self.points.iter().map(|point| self.plane.project(*point));
        let around = around.flat_map(|point| [point + normal, point + -normal]);
        let places: Vec<[f64; 3]> =
            around.map(|point| (grid.voxel_from_patient() * point).to_array()).collect();
        std::array::from_fn(|axis| {
            let along = places.iter().map(|place| place[axis]);
            let first = along.clone().fold(f64::INFINITY, f64::min).floor().max(0.0);
            let last = along.fold(f64::NEG_INFINITY, f64::max).ceil().min(grid.dims()[axis] as f64 - 1.0);
            if first <= last { first as usize..last as usize + 1 } else { 0..0 }
        })
    }
}

/// Where the row `start + i · step` crosses the closed line, as rising i.
fn cross(corners: &[DVec2], start: DVec2, step: DVec2, crossings: &mut Vec<f64>) {
    let side = |corner: DVec2| step.perp_dot(corner - start);
    let mut previous = corners[corners.len() - 1];
    for &corner in corners {
        let (a, b) = (side(previous), side(corner));
        if (a >= 0.0) != (b >= 0.0) {
            let at = previous.lerp(corner, a / (a - b));
            crossings.push((at - start).dot(step) / step.length_squared());
        }
        previous = corner;
    }
    crossings.sort_by(f64::total_cmp);
}

fn is_inside(corners: &[DVec2], point: DVec2) -> bool {
    let mut crossings = Vec::new();
    cross(corners, point, DVec2::X, &mut crossings);
    crossings.iter().filter(|at| **at > 0.0).count() % 2 == 1
}

/// The points without those that lie within `slack_mm` of the line through the ones kept (Douglas and
/// Peucker, The Canadian Cartographer 10(2), 1973). The first and the last one stay.
pub(super) fn simplified(points: &[Point<Patient>], slack_mm: f64) -> Vec<Point<Patient>> {
    let Some(end) = points.len().checked_sub(1) else { return Vec::new() };
    let mut kept = vec![false; points.len()];
    (kept[0], kept[end]) = (true, true);
    let mut stretches = vec![(0, end)];
    while let Some((first, last)) = stretches.pop() {
        let off = |n: usize| distance_to_segment(points[n], points[first], points[last]);
        let worst = (first + 1..last).max_by(|m, n| off(*m).total_cmp(&off(*n)));
        if let Some(worst) = worst.filter(|worst| off(*worst) > slack_mm) {
            kept[worst] = true;
            stretches.extend([(first, worst), (worst, last)]);
        }
    }
    points.iter().zip(kept).filter(|(_, kept)| *kept).map(|(point, _)| *point).collect()
}

/// Distance of a point from the line between two others, in millimetres.
pub(super) fn distance_to_segment(point: Point<Patient>, a: Point<Patient>, b: Point<Patient>) -> f64 {
    let line = b - a;
    let t = if line.length() > 0.0 { ((point - a).dot(line) / line.dot(line)).clamp(0.0, 1.0) } else { 0.0 };
    point.distance(a.lerp(b, t))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::geometry::{Affine, AnatomicalPlane, GridPlane, Vector, VoxelIndex};

    fn grid(axes: [[f64; 3]; 3]) -> Option<Grid> {
        let [x, y, z] = axes.map(Vector::from);
        let map = Affine::from_axes(x, y, z, Point::new(-7.0, 3.0, 11.0)).ok()?;
        Grid::new([13, 11, 9], map, None).ok()
    }

    fn inside(contour: &Contour, grid: &Grid) -> BTreeSet<[usize; 3]> {
        let mut voxels = BTreeSet::new();
        contour.for_each_run(grid, |run, j, k| voxels.extend(run.map(|i| [i, j, k])));
        voxels
    }

    /// How often the line winds around a point, in halves of a turn: odd or even by the angle sum.
    fn winds_around(corners: &[DVec2], point: DVec2) -> (bool, bool) {
        let mut turns = 0;
        let mut nearest = f64::INFINITY;
        for n in 0..corners.len() {
            let (a, b) = (corners[n] - point, corners[(n + 1) % corners.len()] - point);
            let t = (-a.dot(b - a) / (b - a).length_squared().max(1e-30)).clamp(0.0, 1.0);
            nearest = nearest.min(a.lerp(b, t).length());
            // A ray up: each edge that crosses it.
            if (a.x >= 0.0) != (b.x >= 0.0) && a.y + (b.y - a.y) * a.x / (a.x - b.x) > 0.0 {
                turns += 1;
            }
        }
        (turns % 2 == 1, nearest < 1e-6)
    }

    proptest! {
        #[test]
        fn the_voxels_inside_are_those_that_the_definition_names(
            corners in prop::collection::vec([-9.0..9.0f64, -9.0..9.0f64], 3..12),
            shear in -0.6..0.6f64, turn in 0.0..6.3f64, flip in any::<bool>(), order in 0..3usize,
            plane in 0..3usize, slice in 0..9usize,
        ) {
            let (sin, cos) = turn.sin_cos();
            let sign = if flip { -1.0 } else { 1.0 };
            let mut axes = [[0.8 * cos, 0.8 * sin, 0.0], [-1.3 * sin, 1.3 * cos, 0.1], [shear, 0.2, 2.9 * sign]];
            axes.rotate_left(order);
            let grid = grid(axes).expect("invertible");
            let family = GridPlane::nearest(&grid, AnatomicalPlane::ALL[plane]);
            let slice = slice % family.slice_count(&grid);
            let plane = family.plane_at(&grid, family.on_slice(&grid, grid.middle(), slice));
            let at = |[u, v]: [f64; 2]| plane.origin() + plane.right() * u + plane.down() * v;
            let contour = Contour { plane, points: corners.iter().copied().map(at).collect() };
            let found = inside(&contour, &grid);
            let flat = contour.flat_points();
            let frame = plane.patient_from_plane().inverse();
            let [ni, nj, nk] = grid.dims();
            for (k, j, i) in (0..nk).flat_map(|k| (0..nj).flat_map(move |j| (0..ni).map(move |i| (k, j, i)))) {
                let voxel = VoxelIndex { i, j, k };
                let has = found.contains(&[i, j, k]);
                if voxel.to_array()[family.slice_axis] != slice {
                    prop_assert!(!has, "{voxel:?} lies on another slice");
                    continue;
                }
                let (odd, unsure) = winds_around(&flat, (frame * grid.centre_of(voxel)).raw().truncate());
                prop_assert!(unsure || has == odd, "{voxel:?} of {contour:?}");
            }
        }
    }

    #[test]
    fn a_straight_line_needs_two_points_and_a_corner_stays() {
        let line: Vec<Point<Patient>> = (0..20).map(|n| Point::new(f64::from(n), 0.0, 0.0)).collect();
        assert_eq!(simplified(&line, 0.1), [line[0], line[19]]);
        let corner = [[0.0, 0.0], [5.0, 0.01], [10.0, 0.0], [10.0, 8.0]].map(|[x, y]| Point::new(x, y, 0.0));
        assert_eq!(simplified(&corner, 0.1), [corner[0], corner[2], corner[3]]);
        assert_eq!(simplified(&corner[..1], 0.1), [corner[0]]);
        assert!(simplified(&[], 0.1).is_empty());
    }
}
