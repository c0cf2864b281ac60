//! Flat pictures through the patient.

use super::affine::{Affine, AffineError};
use super::anatomy::{AnatomicalPlane, nearest_voxel_axes};
use super::grid::Grid;
use super::space::{Patient, PlaneSpace, Point, Vector};

/// An oriented plane with its own millimetre frame: right, down, and away from the viewer, always
/// perpendicular and of unit length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plane {
    patient_from_plane: Affine<Patient, PlaneSpace>,
}

impl Plane {
    /// The plane through `origin` that holds `right` and `down`; `down` is made perpendicular to
    /// `right` within the plane.
    pub fn new(
        origin: Point<Patient>,
        right: Vector<Patient>,
        down: Vector<Patient>,
    ) -> Result<Self, AffineError> {
        let right = right.normalized().ok_or(AffineError::Singular)?;
        let down = (down - right * down.dot(right)).normalized().ok_or(AffineError::Singular)?;
        let patient_from_plane = Affine::from_axes(right, down, right.cross(down), origin)?;
        Ok(Self { patient_from_plane })
    }

    /// The true anatomical plane through `origin`.
    pub fn anatomical(plane: AnatomicalPlane, origin: Point<Patient>) -> Self {
        let (right, down) = (plane.right().vector(), plane.down().vector());
        let frame = Affine::from_axes(right, down, right.cross(down), origin);
        Self { patient_from_plane: frame.unwrap_or_else(|_| unreachable!("unit vectors span space")) }
    }

    /// Where the plane's own millimetres lie in the patient.
    pub fn patient_from_plane(&self) -> Affine<Patient, PlaneSpace> {
        self.patient_from_plane
    }

    /// Unit vector to the right of the picture.
    pub fn right(&self) -> Vector<Patient> {
        self.patient_from_plane.axis(0)
    }

    /// Unit vector down the picture.
    pub fn down(&self) -> Vector<Patient> {
        self.patient_from_plane.axis(1)
    }

    /// Unit vector away from the viewer.
    pub fn normal(&self) -> Vector<Patient> {
        self.patient_from_plane.axis(2)
    }

    /// The point that has plane coordinates 0.
    pub fn origin(&self) -> Point<Patient> {
        self.patient_from_plane.origin()
    }

    /// How far `point` lies behind the plane, in millimetres; negative in front of it.
    pub fn depth_of(&self, point: Point<Patient>) -> f64 {
        (point - self.origin()).dot(self.normal())
    }

    /// The foot of the perpendicular from `point`.
    pub fn project(&self, point: Point<Patient>) -> Point<Patient> {
        point - self.normal() * self.depth_of(point)
    }

    /// The parallel plane through `point`.
    pub fn through(&self, point: Point<Patient>) -> Self {
        let frame = Affine::from_axes(self.right(), self.down(), self.normal(), point);
        Self { patient_from_plane: frame.unwrap_or(self.patient_from_plane) }
    }
}

/// One of the three families of slices of a grid, named by the nearest anatomical plane: what is
/// shown in it is what was sampled, even where the grid is oblique or sheared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GridPlane {
    /// The nearest anatomical plane.
    pub anatomical: AnatomicalPlane,
    /// The voxel axis that counts the slices.
    pub slice_axis: usize,
    right: Vector<Patient>,
    down: Vector<Patient>,
}

impl GridPlane {
    /// The slices of `grid` nearest to `anatomical`. On screen the voxel axes run as the anatomical
    /// plane's right and down do, reversed where need be.
    pub fn nearest(grid: &Grid, anatomical: AnatomicalPlane) -> Self {
        let map = grid.patient_from_voxel();
        let axis_near = nearest_voxel_axes(&map);
        let towards = |wanted: Vector<Patient>| {
            let patient_axis = wanted.to_array().iter().position(|x| *x != 0.0).unwrap_or(0);
            let step = map.axis(axis_near[patient_axis]);
            if step.dot(wanted) < 0.0 { -step } else { step }
        };
        Self {
            anatomical,
            slice_axis: axis_near[anatomical.normal_axis()],
            right: towards(anatomical.right().vector()),
            down: towards(anatomical.down().vector()),
        }
    }

    /// How many slices there are.
    pub fn slice_count(&self, grid: &Grid) -> usize {
        grid.dims()[self.slice_axis]
    }

    /// The slice whose cell holds `point`, clamped to the grid.
    pub fn slice_at(&self, grid: &Grid, point: Point<Patient>) -> usize {
        grid.clamped_index_at(point).to_array()[self.slice_axis]
    }

    /// `point` moved along the slice axis of the grid onto the middle of `slice`.
    pub fn on_slice(&self, grid: &Grid, point: Point<Patient>, slice: usize) -> Point<Patient> {
        let place = grid.voxel_from_patient() * point;
        let steps = slice as f64 - place.to_array()[self.slice_axis];
        point + grid.patient_from_voxel().axis(self.slice_axis) * steps
    }

    /// The plane through the voxel centres of the slice that holds `point`.
    pub fn plane_at(&self, grid: &Grid, point: Point<Patient>) -> Plane {
        let origin = self.on_slice(grid, point, self.slice_at(grid, point));
        Plane::new(origin, self.right, self.down)
            .unwrap_or_else(|_| unreachable!("the axes of an invertible affine span a plane"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Direction, Voxel, VoxelIndex};

    fn grid(axes: [[f64; 3]; 3]) -> Grid {
        let [x, y, z] = axes.map(Vector::from);
        let map: Affine<Patient, Voxel> =
            Affine::from_axes(x, y, z, Point::new(10.0, 20.0, 30.0)).expect("invertible");
        Grid::new([5, 7, 9], map, None).expect("a grid")
    }

    fn letters(axes: [[f64; 3]; 3], plane: AnatomicalPlane) -> (usize, String) {
        let grid = grid(axes);
        let family = GridPlane::nearest(&grid, plane);
        let shown = family.plane_at(&grid, grid.middle());
        let letter = |v| Direction::nearest(v).letter();
        (
            family.slice_axis,
            [letter(-shown.right()), letter(shown.right()), letter(-shown.down()), letter(shown.down())]
                .iter()
                .collect(),
        )
    }

    #[test]
    fn every_axis_order_shows_the_same_sides() {
        let units = [[2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 4.0]];
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        for order in orders {
            for signs in 0..8 {
                let axes: [[f64; 3]; 3] = std::array::from_fn(|axis| {
                    let sign = if signs >> axis & 1 == 1 { -1.0 } else { 1.0 };
                    units[order[axis]].map(|x| x * sign)
                });
                let slice_axis = |patient_axis: usize| {
                    order.iter().position(|a| *a == patient_axis).expect("a permutation")
                };
                assert_eq!(letters(axes, AnatomicalPlane::Axial), (slice_axis(2), "RLAP".into()));
                assert_eq!(letters(axes, AnatomicalPlane::Coronal), (slice_axis(1), "RLSI".into()));
                assert_eq!(letters(axes, AnatomicalPlane::Sagittal), (slice_axis(0), "APSI".into()));
            }
        }
    }

    #[test]
    fn a_sheared_slice_keeps_its_voxels_and_true_angles() {
        let grid = grid([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.4, 2.0]]);
        let family = GridPlane::nearest(&grid, AnatomicalPlane::Sagittal);
        let plane = family.plane_at(&grid, grid.middle());
        for index in [VoxelIndex::new(2, 0, 0), VoxelIndex::new(2, 6, 0), VoxelIndex::new(2, 3, 8)] {
            assert!(plane.depth_of(grid.centre_of(index)).abs() < 1e-12, "{index:?} lies on its slice");
        }
        assert!(plane.right().dot(plane.down()).abs() < 1e-12);
        let axial = GridPlane::nearest(&grid, AnatomicalPlane::Axial);
        let moved = axial.on_slice(&grid, grid.centre_of(VoxelIndex::new(1, 2, 3)), 5);
        assert!(moved.distance(grid.centre_of(VoxelIndex::new(1, 2, 5))) < 1e-12);
    }
}
