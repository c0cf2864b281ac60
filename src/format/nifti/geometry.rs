//! Where a NIfTI header says its voxels lie.

use ::nifti::{Unit, XForm};

use crate::geometry::{Affine, AffineError, Grid, Patient, Voxel};
use crate::volume::Placement;

/// The geometry fields of a NIfTI header as they stand in the file, every number exactly (an f64
/// holds any f32): a mask that carries them lies where its source lies, in every program and by
/// whichever of the forms that program prefers.
///
/// Positions are in the file's own convention, RAS in the file's own unit.
#[derive(Clone, Debug, PartialEq)]
pub struct NiftiGeometry {
    /// Axes in space the file declares: 2 for a single picture, else 3.
    pub spatial_axes: usize,
    /// `pixdim`: qfac, then the distance between neighbours along each axis.
    pub pixdim: [f64; 8],
    /// `xyzt_units`: the unit of space in the low three bits, of time in the next three.
    pub xyzt_units: i32,
    /// `qform_code`: what the quaternion placement refers to; 0 for none.
    pub qform_code: i32,
    /// `sform_code`: what the affine placement refers to; 0 for none.
    pub sform_code: i32,
    /// `quatern_b`, `quatern_c`, `quatern_d`.
    pub quatern: [f64; 3],
    /// `qoffset_x`, `qoffset_y`, `qoffset_z`.
    pub qoffset: [f64; 3],
    /// `srow_x`, `srow_y`, `srow_z`.
    pub srow: [[f64; 4]; 3],
}

/// Of `xyzt_units`.
const UNKNOWN_UNIT: i32 = Unit::Unknown as i32;
const METRES: i32 = Unit::Meter as i32;
const MILLIMETRES: i32 = Unit::Mm as i32;
const MICROMETRES: i32 = Unit::Micron as i32;

/// A qform is written for a grid only if it places every corner this near to the sform.
const QFORM_TRUE_MM: f64 = 1e-3;

/// How a header places its grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The affine in the `srow` fields.
    Sform,
    /// Quaternion, offset and voxel sizes.
    Qform,
    /// Voxel sizes alone.
    Pixdim,
}

impl Form {
    /// The word for it in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sform => "sform",
            Self::Qform => "qform",
            Self::Pixdim => "pixdim",
        }
    }
}

/// Rows of an affine in RAS and the file's unit.
type Rows = [[f64; 4]; 3];

impl NiftiGeometry {
    /// The fields for a grid that did not come from a NIfTI file: the affine as sform in scanner
    /// coordinates, rounded to the f32 of NIfTI-1, and the same as qform where a quaternion can say
    /// it to 1e-3 mm, which it cannot for a sheared grid.
    pub fn of_grid(grid: &Grid) -> Self {
        let round = |x: f64| f64::from(x as f32);
        let [x, y, z] = grid.patient_from_voxel().rows();
        let srow = [x.map(|n| round(0.0 - n)), y.map(|n| round(0.0 - n)), z.map(round)];
        let mut geometry = Self {
            spatial_axes: 3,
            pixdim: [1.0; 8],
            xyzt_units: MILLIMETRES,
            qform_code: 0,
            sform_code: XForm::ScannerAnat as i32,
            quatern: [0.0; 3],
            qoffset: srow.map(|row| row[3]),
            srow,
        };
        for (pixdim, spacing) in geometry.pixdim[1..4].iter_mut().zip(grid.spacing_mm()) {
            *pixdim = round(spacing);
        }
        (geometry.pixdim[0], geometry.quatern) = quaternion_of(&srow);
        let says_the_same = |by_qform: Affine<Patient, Voxel>| {
            Grid::new(grid.dims(), by_qform, None)
                .is_ok_and(|other| other.corner_distance_mm(grid) <= QFORM_TRUE_MM)
        };
        if geometry.patient_from_voxel(Form::Qform, grid.dims()).is_ok_and(says_the_same) {
            geometry.qform_code = XForm::ScannerAnat as i32;
        } else {
            geometry.pixdim[0] = 1.0;
            geometry.quatern = [0.0; 3];
            geometry.qoffset = [0.0; 3];
        }
        geometry
    }

    /// Whether NIfTI-1, which has f32 and i16 here, can hold every field exactly.
    pub(super) fn fits_version_1(&self) -> bool {
        let exact = |x: &f64| x.is_nan() || f64::from(*x as f32) == *x;
        let numbers = self.pixdim.iter().chain(&self.quatern).chain(&self.qoffset);
        numbers.chain(self.srow.as_flattened()).all(exact)
            && [self.qform_code, self.sform_code].iter().all(|code| i16::try_from(*code).is_ok())
            && u8::try_from(self.xyzt_units).is_ok()
    }

    /// The form the file means to be used: sform before qform before voxel sizes.
    pub(super) fn form(&self) -> Form {
        match (self.sform_code > 0, self.qform_code > 0) {
            (true, _) => Form::Sform,
            (false, true) => Form::Qform,
            (false, false) => Form::Pixdim,
        }
    }

    /// Where the qform has a grid of these dimensions that is placed by its sform; `None` where there is
    /// no such other form.
    pub fn unused_form(&self, dims: [usize; 3]) -> Option<Grid> {
        let has_both = self.sform_code > 0 && self.qform_code > 0;
        let by_qform = self.patient_from_voxel(Form::Qform, dims).ok().filter(|_| has_both)?;
        Grid::new(dims, by_qform, None).ok()
    }

    /// What is known of the place by `form`.
    pub(super) fn placement(&self, form: Form) -> Placement {
        match form {
            Form::Sform | Form::Qform => Placement::Patient,
            Form::Pixdim if self.pixdim[1..=self.spatial_axes].iter().all(|size| *size == 0.0) => {
                Placement::Pixels
            }
            Form::Pixdim => Placement::Scaled,
        }
    }

    /// Millimetres in the file's unit of space; `None` where the code means nothing.
    pub(super) fn mm_per_unit(&self) -> Option<f64> {
        match self.xyzt_units & 7 {
            // Everybody reads millimetres where nothing is told.
            UNKNOWN_UNIT | MILLIMETRES => Some(1.0),
            METRES => Some(1000.0),
            MICROMETRES => Some(0.001),
            _ => None,
        }
    }

    /// Where `form` places voxel centres: converted here, and nowhere else, from RAS in the file's
    /// unit to LPS millimetres.
    pub(super) fn patient_from_voxel(
        &self,
        form: Form,
        dims: [usize; 3],
    ) -> Result<Affine<Patient, Voxel>, AffineError> {
        let rows = match form {
            Form::Sform => self.srow,
            Form::Qform => self.rows_of_qform(),
            Form::Pixdim => self.rows_of_pixdim(dims),
        };
        let rows = if self.spatial_axes == 2 { with_third_axis(rows, self.voxel_size(2)) } else { rows };
        let mm = self.mm_per_unit().unwrap_or(1.0);
        let [x, y, z] = rows.map(|row| row.map(|n| n * mm));
        // Subtracted from 0, so that no -0 is made where there was 0.
        Affine::from_rows([x.map(|n| 0.0 - n), y.map(|n| 0.0 - n), z])
    }

    /// Distance between neighbours along a space axis; 1 where the file tells none.
    fn voxel_size(&self, axis: usize) -> f64 {
        let size = self.pixdim[axis + 1].abs();
        if size == 0.0 { 1.0 } else { size }
    }

    /// nifti1.h, "METHOD 2" and "quaternion representation of rotation".
    /// The length of the quaternion's b, c and d, which a rotation has at 1 at most.
    pub(super) fn quaternion_length(&self) -> f64 {
        self.quatern.iter().map(|part| part * part).sum::<f64>().sqrt()
    }

    fn rows_of_qform(&self) -> Rows {
        let [mut b, mut c, mut d] = self.quatern;
        let mut a = 1.0 - (b * b + c * c + d * d);
        if a < 1e-7 {
            let length = (b * b + c * c + d * d).sqrt();
            (a, b, c, d) = (0.0, b / length, c / length, d / length);
        } else {
            a = a.sqrt();
        }
        let rotation = [
            [a * a + b * b - c * c - d * d, 2.0 * (b * c - a * d), 2.0 * (b * d + a * c)],
            [2.0 * (b * c + a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d - a * b)],
            [2.0 * (b * d - a * c), 2.0 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ];
        let qfac = if self.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
        let steps = [self.voxel_size(0), self.voxel_size(1), qfac * self.voxel_size(2)];
        std::array::from_fn(|row| {
            let [x, y, z] = rotation[row];
            [x * steps[0], y * steps[1], z * steps[2], self.qoffset[row]]
        })
    }

    /// Voxel sizes about the middle of the grid, i running to the patient's left: how ANALYZE files
    /// were meant, and how nibabel reads a header without forms.
    fn rows_of_pixdim(&self, dims: [usize; 3]) -> Rows {
        let mut rows = [[0.0; 4]; 3];
        for axis in 0..3 {
            let step = if axis == 0 { -self.voxel_size(0) } else { self.voxel_size(axis) };
            rows[axis][axis] = step;
            rows[axis][3] = -step * (dims[axis] - 1) as f64 / 2.0;
        }
        rows
    }
}

/// A single picture may leave its third axis empty; then it stands at right angles on the others.
fn with_third_axis(mut rows: Rows, thickness: f64) -> Rows {
    if rows.iter().all(|row| row[2] == 0.0) {
        let [u, v] = [0, 1].map(|axis| glam::DVec3::from(rows.map(|row| row[axis])));
        let normal = u.cross(v).normalize_or_zero() * thickness;
        for (row, n) in rows.iter_mut().zip(normal.to_array()) {
            row[2] = n;
        }
    }
    rows
}

/// qfac and the quaternion's b, c, d (rounded to f32) of the rotation nearest to an affine's axes;
/// nifti1.h, `nifti_mat44_to_quatern`.
fn quaternion_of(rows: &Rows) -> (f64, [f64; 3]) {
    let axis = |axis: usize| glam::DVec3::from(rows.map(|row| row[axis])).normalize_or_zero();
    let mut axes = glam::DMat3::from_cols(axis(0), axis(1), axis(2));
    let qfac = if axes.determinant() < 0.0 { -1.0 } else { 1.0 };
    axes.z_axis *= qfac;
    let rotation = glam::DQuat::from_mat3(&axes).normalize();
    let rotation = if rotation.w < 0.0 { -rotation } else { rotation };
    (qfac, [rotation.x, rotation.y, rotation.z].map(|x| f64::from(x as f32)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::VoxelIndex;

    fn grid(rows: [[f64; 4]; 3]) -> Grid {
        Grid::new([20, 30, 40], Affine::from_rows(rows).expect("invertible"), None).expect("a grid")
    }

    fn blank() -> NiftiGeometry {
        let any = grid([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
        let fields = NiftiGeometry::of_grid(&any);
        NiftiGeometry { qform_code: 0, sform_code: 0, ..fields }
    }

    #[test]
    fn fields_of_a_grid_give_the_grid_back() {
        let check = |rows, qform: bool| {
            let grid = grid(rows);
            let fields = NiftiGeometry::of_grid(&grid);
            assert!(fields.fits_version_1());
            assert_eq!(fields.qform_code > 0, qform, "{rows:?}");
            for form in [Form::Sform, Form::Qform].into_iter().take(1 + usize::from(qform)) {
                let back = fields.patient_from_voxel(form, grid.dims()).expect("invertible");
                let back = Grid::new(grid.dims(), back, None).expect("a grid");
                assert!(back.is_same_as(&grid), "{form:?} {rows:?}");
            }
        };
        let steps = [0.7, 1.1, 2.5];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            for signs in 0..8 {
                let mut rows = [[0.0, 0.0, 0.0, -31.25], [0.0, 0.0, 0.0, 4.5], [0.0, 0.0, 0.0, 100.0]];
                for axis in 0..3 {
                    rows[order[axis]][axis] = steps[axis] * if signs >> axis & 1 == 1 { -1.0 } else { 1.0 };
                }
                check(rows, true);
            }
        }
        let (sin, cos) = 0.3_f64.sin_cos();
        check([[cos, -sin, 0.0, 1.0], [sin, cos, 0.0, 2.0], [0.0, 0.0, 3.0, 3.0]], true);
        // A gantry tilt no quaternion can say.
        check([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.4, 0.0], [0.0, 0.0, 2.0, 0.0]], false);
    }

    #[test]
    fn forms_are_chosen_by_their_codes() {
        let check = |sform_code, qform_code, expected| {
            assert_eq!(NiftiGeometry { sform_code, qform_code, ..blank() }.form(), expected);
        };
        check(1, 1, Form::Sform);
        check(4, 0, Form::Sform);
        check(0, 2, Form::Qform);
        check(-1, 0, Form::Pixdim);
    }

    #[test]
    fn qfac_0_counts_as_1_and_minus_1_turns_the_third_axis() {
        let third_step = |qfac| {
            let mut fields = blank();
            fields.pixdim = [qfac, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0, 1.0];
            let map = fields.patient_from_voxel(Form::Qform, [2, 2, 2]).expect("invertible");
            map.axis(2).z()
        };
        assert_eq!([1.0, 0.0, -1.0].map(third_step), [2.0, 2.0, -2.0]);
    }

    #[test]
    fn without_forms_the_grid_lies_about_the_origin_with_i_to_the_left() {
        let mut fields = blank();
        fields.pixdim = [1.0, 3.0, 3.0, -3.0, 0.0, 0.0, 0.0, 0.0];
        let map = fields.patient_from_voxel(Form::Pixdim, [64, 64, 10]).expect("invertible");
        assert_eq!((map * VoxelIndex::new(0, 0, 0).centre()).to_array(), [-94.5, 94.5, -13.5]);
        assert_eq!((map * VoxelIndex::new(63, 63, 9).centre()).to_array(), [94.5, -94.5, 13.5]);
        assert_eq!(fields.placement(Form::Pixdim), Placement::Scaled);
    }

    #[test]
    fn units_become_millimetres() {
        let step = |xyzt_units| {
            let fields = NiftiGeometry { xyzt_units, ..blank() };
            fields.patient_from_voxel(Form::Qform, [2, 2, 2]).expect("invertible").axis(2).z()
        };
        assert_eq!([0, 1, 2 + 8, 3].map(step), [1.0, 1000.0, 1.0, 0.001]);
        assert_eq!(NiftiGeometry { xyzt_units: 5, ..blank() }.mm_per_unit(), None);
    }

    #[test]
    fn a_picture_without_third_axis_gets_one() {
        let mut fields = blank();
        fields.spatial_axes = 2;
        fields.pixdim[3] = 0.0;
        fields.srow = [[0.0, 2.0, 0.0, 1.0], [0.5, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 7.0]];
        let map = fields.patient_from_voxel(Form::Sform, [8, 8, 1]).expect("invertible");
        assert_eq!(map.axis(2).to_array(), [0.0, 0.0, -1.0]);
    }
}
