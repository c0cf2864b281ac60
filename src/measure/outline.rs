//! The points of a mask's outline: the middles between voxels that belong and neighbours that do not.

use glam::{DMat3, DVec3};
use rayon::prelude::*;

use super::cubes::cube_box;
use crate::geometry::{Grid, Patient, Point};
use crate::volume::Mask;

/// The points of an outline, in half voxels, sorted by k, then j, then i; odd along the one axis on which
/// the two neighbours lie. What lies outside the mask's box does not belong.
pub(super) struct Outline {
    points: Vec<[i32; 3]>,
    patient_from_voxel: DMat3,
    origin: Point<Patient>,
}

impl Outline {
    pub(super) fn of(mask: &Mask, grid: &Grid) -> Self {
        let cubes = cube_box(mask.bounds());
        let slices: Vec<Vec<[i32; 3]>> = (cubes.min[2]..cubes.max[2])
            .into_par_iter()
            .map(|k| {
                let mut points = Vec::new();
                for j in cubes.min[1]..cubes.max[1] {
                    Self::add_row(mask, j, k, &mut points);
                }
                points.sort_unstable_by_key(|[i, j, k]| [*k, *j, *i]);
                points
            })
            .collect();
        let map = grid.patient_from_voxel();
        Self { points: slices.concat(), patient_from_voxel: map.raw().matrix3, origin: map.origin() }
    }

    /// Adds the middles between voxel (i, j, k) and the ones before it along each axis.
    fn add_row(mask: &Mask, j: usize, k: usize, points: &mut Vec<[i32; 3]>) {
        let bounds = mask.bounds();
        let row = |j: usize, k: usize| {
            let is_inside = |axis: usize, n: usize| (bounds.min[axis]..bounds.max[axis]).contains(&n);
            if is_inside(1, j) && is_inside(2, k) { mask.row(j, k) } else { &[] }
        };
        let (own, before_j, before_k) = (row(j, k), row(j.wrapping_sub(1), k), row(j, k.wrapping_sub(1)));
        let first = bounds.min[0];
        let half = |n: usize| 2 * n as i32;
        let mut carried = 0;
        for word in 0..bounds.dims()[0] / 64 + 1 {
            let at = |row: &[u64]| row.get(word).copied().unwrap_or(0);
            let (own, before_j, before_k) = (at(own), at(before_j), at(before_k));
            let along_i = own ^ (own << 1 | carried);
            carried = own >> 63;
            for (differing, [odd_i, odd_j, odd_k]) in
                [(along_i, [1, 0, 0]), (own ^ before_j, [0, 1, 0]), (own ^ before_k, [0, 0, 1])]
            {
                let mut rest = differing;
                while rest != 0 {
                    let i = first + word * 64 + rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    points.push([half(i) - odd_i, half(j) - odd_j, half(k) - odd_k]);
                }
            }
        }
    }

    /// Where a point lies from the grid's first voxel, in mm along the patient's axes.
    pub(super) fn place_mm(&self, point: [i32; 3]) -> DVec3 {
        self.patient_from_voxel * DVec3::from_array(point.map(|half| f64::from(half) * 0.5))
    }

    /// A place of [`Self::place_mm`] in the patient.
    pub(super) fn in_patient(&self, place_mm: DVec3) -> Point<Patient> {
        Point::from_raw(self.origin.raw() + place_mm)
    }

    /// The image of one step along an axis, in mm.
    pub(super) fn step_mm(&self, axis: usize) -> DVec3 {
        self.patient_from_voxel.col(axis)
    }

    /// The points of each plane across `axis` that holds any, as the corners of their convex hull. Planes
    /// rise, through voxel centres and half-way between them.
    pub(super) fn hulls(&self, axis: usize) -> Vec<Vec<[i32; 3]>> {
        let [a, b] = [[1, 2], [0, 2], [0, 1]][axis];
        let mut points = self.points.clone();
        points.par_sort_unstable_by_key(|point| [point[axis], point[a], point[b]]);
        points.chunk_by(|p, q| p[axis] == q[axis]).map(|plane| hull(plane, [a, b])).collect()
    }
}

/// The corners of the convex hull of points sorted along axis `a` and then `b`, in turn (Andrew, "Another
/// efficient algorithm for convex hulls in two dimensions", 1979).
fn hull(points: &[[i32; 3]], [a, b]: [usize; 2]) -> Vec<[i32; 3]> {
    let turns_left = |o: [i32; 3], p: [i32; 3], q: [i32; 3]| {
        let step = |to: [i32; 3], axis: usize| i64::from(to[axis] - o[axis]);
        step(p, a) * step(q, b) > step(p, b) * step(q, a)
    };
    let mut hull: Vec<[i32; 3]> = Vec::new();
    let mut side = |points: &mut dyn Iterator<Item = [i32; 3]>| {
        let fixed = hull.len();
        for point in points {
            while hull.len() >= fixed + 2 && !turns_left(hull[hull.len() - 2], hull[hull.len() - 1], point) {
                hull.pop();
            }
            hull.push(point);
        }
        // The last point begins the other side.
        hull.pop();
    };
    side(&mut points.iter().copied());
    side(&mut points.iter().rev().copied());
    if hull.is_empty() { points[..1].to_vec() } else { hull }
}
