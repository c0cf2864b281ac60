//! The lattice on which samples and labels lie.

use super::affine::Affine;
use super::anatomy::{Direction, nearest_voxel_axes};
use super::space::{Patient, Point, Voxel};

/// The place of one voxel in a grid, counted from 0 along i (fastest in memory), j and k.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VoxelIndex {
    /// Along the first axis.
    pub i: usize,
    /// Along the second axis.
    pub j: usize,
    /// Along the third axis.
    pub k: usize,
}

impl VoxelIndex {
    /// From the three counts.
    pub const fn new(i: usize, j: usize, k: usize) -> Self {
        Self { i, j, k }
    }

    /// The voxel's centre.
    pub fn centre(self) -> Point<Voxel> {
        Point::new(self.i as f64, self.j as f64, self.k as f64)
    }

    /// The counts in order.
    pub const fn to_array(self) -> [usize; 3] {
        [self.i, self.j, self.k]
    }
}

/// A box of voxels: from `min` up to but without `max` on each axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoxelBox {
    /// First voxel on each axis.
    pub min: [usize; 3],
    /// One past the last voxel on each axis.
    pub max: [usize; 3],
}

impl VoxelBox {
    /// Whether it holds no voxel.
    pub fn is_empty(&self) -> bool {
        (0..3).any(|axis| self.min[axis] >= self.max[axis])
    }

    /// Voxels on each axis.
    pub fn dims(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.max[axis].saturating_sub(self.min[axis]))
    }

    /// Whether it holds a voxel.
    pub fn contains(&self, voxel: VoxelIndex) -> bool {
        let at = voxel.to_array();
        (0..3).all(|axis| (self.min[axis]..self.max[axis]).contains(&at[axis]))
    }

    /// The box with so many voxels more at either end of each axis; none below 0.
    pub fn grown(&self, by: [usize; 3]) -> Self {
        Self {
            min: std::array::from_fn(|axis| self.min[axis].saturating_sub(by[axis])),
            max: std::array::from_fn(|axis| self.max[axis] + by[axis]),
        }
    }

    /// What both hold; it may be empty.
    pub fn intersection(&self, other: &Self) -> Self {
        let min = std::array::from_fn(|axis| self.min[axis].max(other.min[axis]));
        Self { min, max: std::array::from_fn(|axis| self.max[axis].min(other.max[axis]).max(min[axis])) }
    }

    /// The smallest box around both.
    pub fn union(&self, other: &Self) -> Self {
        Self {
            min: std::array::from_fn(|axis| self.min[axis].min(other.min[axis])),
            max: std::array::from_fn(|axis| self.max[axis].max(other.max[axis])),
        }
    }
}

/// Dimensions, placement and frame of reference of a lattice of voxels.
///
/// Every axis has at least one voxel and the count of voxels fits the address space.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    dims: [usize; 3],
    patient_from_voxel: Affine<Patient, Voxel>,
    voxel_from_patient: Affine<Voxel, Patient>,
    frame_of_reference: Option<String>,
}

/// Why numbers do not make a [`Grid`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GridError {
    /// An axis without voxels.
    #[error("the grid {0:?} has an axis without voxels")]
    EmptyAxis([usize; 3]),
    /// More voxels than can be addressed.
    #[error("the grid {0:?} has more voxels than can be addressed")]
    TooLarge([usize; 3]),
}

/// Two grids are the same when their corners agree to this many millimetres, or to a part of the shortest
/// step between voxels where that is less: below a micrometre the next voxel is nearer.
/// The f32 of a NIfTI-1 header cannot promise less to a study of the body.
const SAME_CORNERS_MM: f64 = 1e-3;
const SAME_CORNERS_STEPS: f64 = 0.1;

impl Grid {
    /// A grid of `dims` voxels placed by `patient_from_voxel`.
    pub fn new(
        dims: [usize; 3],
        patient_from_voxel: Affine<Patient, Voxel>,
        frame_of_reference: Option<String>,
    ) -> Result<Self, GridError> {
        if dims.contains(&0) {
            return Err(GridError::EmptyAxis(dims));
        }
        let bytes = dims.iter().try_fold(16usize, |product, &n| product.checked_mul(n));
        if bytes.is_none_or(|bytes| bytes > isize::MAX as usize)
            || dims.iter().any(|&n| n > i32::MAX as usize)
        {
            return Err(GridError::TooLarge(dims));
        }
        Ok(Self {
            dims,
            patient_from_voxel,
            voxel_from_patient: patient_from_voxel.inverse(),
            frame_of_reference,
        })
    }

    /// Voxels along i, j and k.
    pub fn dims(&self) -> [usize; 3] {
        self.dims
    }

    /// Where voxel centres lie in the patient.
    pub fn patient_from_voxel(&self) -> Affine<Patient, Voxel> {
        self.patient_from_voxel
    }

    /// The inverse of [`Self::patient_from_voxel`].
    pub fn voxel_from_patient(&self) -> Affine<Voxel, Patient> {
        self.voxel_from_patient
    }

    /// The DICOM Frame of Reference UID, where the study names one.
    pub fn frame_of_reference(&self) -> Option<&str> {
        self.frame_of_reference.as_deref()
    }

    /// How many voxels the grid has.
    pub fn voxel_count(&self) -> usize {
        self.dims.iter().product()
    }

    /// Distance in millimetres between neighbours along i, j and k.
    pub fn spacing_mm(&self) -> [f64; 3] {
        std::array::from_fn(|axis| self.patient_from_voxel.axis(axis).length())
    }

    /// Volume of one voxel in cubic millimetres.
    pub fn voxel_mm3(&self) -> f64 {
        self.patient_from_voxel.determinant().abs()
    }

    /// The whole grid as a box.
    pub fn bounds(&self) -> VoxelBox {
        VoxelBox { min: [0; 3], max: self.dims }
    }

    /// The place of `index` in a buffer with i fastest.
    pub fn offset(&self, index: VoxelIndex) -> usize {
        debug_assert!(self.contains(index));
        (index.k * self.dims[1] + index.j) * self.dims[0] + index.i
    }

    /// Whether `index` lies in the grid.
    pub fn contains(&self, index: VoxelIndex) -> bool {
        index.i < self.dims[0] && index.j < self.dims[1] && index.k < self.dims[2]
    }

    /// The centre of a voxel, in the patient.
    pub fn centre_of(&self, index: VoxelIndex) -> Point<Patient> {
        self.patient_from_voxel * index.centre()
    }

    /// The voxel whose cell holds `point`; `None` outside the grid.
    pub fn index_at(&self, point: Point<Patient>) -> Option<VoxelIndex> {
        let place = (self.voxel_from_patient * point).raw().round();
        let within = |x: f64, n: usize| (x >= 0.0 && x < n as f64).then_some(x as usize);
        Some(VoxelIndex {
            i: within(place.x, self.dims[0])?,
            j: within(place.y, self.dims[1])?,
            k: within(place.z, self.dims[2])?,
        })
    }

    /// The voxel nearest to `point` that the grid has.
    pub fn clamped_index_at(&self, point: Point<Patient>) -> VoxelIndex {
        let place = (self.voxel_from_patient * point).to_array();
        let [i, j, k] =
            std::array::from_fn(|axis| place[axis].round().clamp(0.0, (self.dims[axis] - 1) as f64) as usize);
        VoxelIndex { i, j, k }
    }

    /// The middle of the grid, which is a voxel centre only for odd dimensions.
    pub fn middle(&self) -> Point<Patient> {
        let [i, j, k] = self.dims.map(|n| (n - 1) as f64 / 2.0);
        self.patient_from_voxel * Point::new(i, j, k)
    }

    /// The centres of the eight corner voxels, i changing fastest.
    pub fn corners(&self) -> [Point<Patient>; 8] {
        std::array::from_fn(|corner| {
            let at = |axis: usize| if corner >> axis & 1 == 1 { (self.dims[axis] - 1) as f64 } else { 0.0 };
            self.patient_from_voxel * Point::new(at(0), at(1), at(2))
        })
    }

    /// The greatest distance in millimetres between corners of the same place in two grids.
    pub fn corner_distance_mm(&self, other: &Self) -> f64 {
        let pairs = self.corners().into_iter().zip(other.corners());
        pairs.map(|(ours, theirs)| ours.distance(theirs)).fold(0.0, f64::max)
    }

    /// How far apart in millimetres places may lie that count as one: 1e-3, or a tenth of a voxel's
    /// shortest edge where that is less.
    pub fn tolerance_mm(&self) -> f64 {
        self.spacing_mm()
            .into_iter()
            .fold(SAME_CORNERS_MM, |least, step| least.min(step * SAME_CORNERS_STEPS))
    }

    /// Whether both grids hold the same voxels at the same places: equal dimensions, corners within
    /// [`Self::tolerance_mm`], and frames of reference that do not contradict each other.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let frames_agree = match (&self.frame_of_reference, &other.frame_of_reference) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        };
        self.dims == other.dims && frames_agree && self.corner_distance_mm(other) <= self.tolerance_mm()
    }

    /// The directions in which i, j and k grow, by the nearest anatomical name: `LPS` for a grid in
    /// patient order.
    pub fn axis_directions(&self) -> [Direction; 3] {
        let named = nearest_voxel_axes(&self.patient_from_voxel);
        let mut directions = [Direction::Left; 3];
        for (patient_axis, voxel_axis) in named.into_iter().enumerate() {
            let along = self.patient_from_voxel.axis(voxel_axis).to_array()[patient_axis];
            let mut unit = [0.0; 3];
            unit[patient_axis] = if along < 0.0 { -1.0 } else { 1.0 };
            directions[voxel_axis] = Direction::nearest(unit.into());
        }
        directions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Vector;

    #[test]
    fn a_grid_a_voxel_off_is_another_however_small_its_voxels() {
        for step in [1e-4, 7e-4, 0.02, 0.7, 5.0] {
            let axes = [[step, 0.0, 0.0], [0.0, 2.0 * step, 0.0], [0.0, 0.0, step]].map(Vector::from);
            let at = |x: f64| {
                let map = Affine::from_axes(axes[0], axes[1], axes[2], Point::new(x, 3.0, 4.0));
                Grid::new([5, 6, 7], map.expect("invertible"), None).expect("a grid")
            };
            let grid = at(2.0);
            assert!(!grid.is_same_as(&at(2.0 + step)) && !grid.is_same_as(&at(2.0 + step / 2.0)), "{step}");
            assert!(grid.is_same_as(&at(2.0 + step.min(1e-2) * 0.09)), "{step}");
        }
    }
}
