//! Invertible affine maps between typed spaces.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Mul;

use glam::{DAffine3, DMat3, DVec3};

use super::space::{Point, Space, Vector};

/// An affine map from space `From` to space `To`, finite and invertible by construction.
///
/// Shear and left-handed maps are legal and kept. Values are named `to_from_from`, as in
/// `patient_from_voxel`, so that a product reads right to left:
/// `screen_from_patient * patient_from_voxel`.
pub struct Affine<To: Space, From: Space> {
    raw: DAffine3,
    spaces: PhantomData<(To, From)>,
}

/// Why numbers do not make an [`Affine`].
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum AffineError {
    /// A coefficient is NaN or infinite.
    #[error("a coefficient of the affine is not a finite number")]
    NotFinite,
    /// The three axes do not span space.
    #[error("the affine is not invertible (its axes lie in one plane, or one is zero)")]
    Singular,
}

/// Axes whose scaled volume (|det| over the product of their lengths) is smaller than this do not
/// span space: they are within some thousandth of a degree of one plane.
const SMALLEST_SCALED_VOLUME: f64 = 1e-5;

impl<To: Space, From: Space> Affine<To, From> {
    /// From the images of the three unit steps and of the origin.
    pub fn from_axes(
        x: Vector<To>,
        y: Vector<To>,
        z: Vector<To>,
        origin: Point<To>,
    ) -> Result<Self, AffineError> {
        Self::from_raw(DAffine3 {
            matrix3: DMat3::from_cols(x.raw(), y.raw(), z.raw()),
            translation: origin.raw(),
        })
    }

    /// From the upper three rows of a 4×4 matrix acting on column vectors (x, y, z, 1).
    pub fn from_rows(rows: [[f64; 4]; 3]) -> Result<Self, AffineError> {
        let column = |c: usize| DVec3::new(rows[0][c], rows[1][c], rows[2][c]);
        Self::from_raw(DAffine3 {
            matrix3: DMat3::from_cols(column(0), column(1), column(2)),
            translation: column(3),
        })
    }

    /// From the plain map, declaring its spaces.
    pub fn from_raw(raw: DAffine3) -> Result<Self, AffineError> {
        if !raw.is_finite() {
            return Err(AffineError::NotFinite);
        }
        let [x, y, z] = [raw.matrix3.x_axis, raw.matrix3.y_axis, raw.matrix3.z_axis];
        let lengths = x.length() * y.length() * z.length();
        let scaled_volume = raw.matrix3.determinant().abs() / lengths;
        if !(lengths.is_normal() && scaled_volume > SMALLEST_SCALED_VOLUME) {
            return Err(AffineError::Singular);
        }
        let map = Self { raw, spaces: PhantomData };
        if map.raw.inverse().is_finite() { Ok(map) } else { Err(AffineError::Singular) }
    }

    /// The plain map.
    pub fn raw(&self) -> &DAffine3 {
        &self.raw
    }

    /// The upper three rows of the 4×4 matrix.
    pub fn rows(&self) -> [[f64; 4]; 3] {
        let m = &self.raw.matrix3;
        let t = self.raw.translation;
        [
            [m.x_axis.x, m.y_axis.x, m.z_axis.x, t.x],
            [m.x_axis.y, m.y_axis.y, m.z_axis.y, t.y],
            [m.x_axis.z, m.y_axis.z, m.z_axis.z, t.z],
        ]
    }

    /// All four rows, the last being (0, 0, 0, 1).
    pub fn rows4(&self) -> [[f64; 4]; 4] {
        let [a, b, c] = self.rows();
        [a, b, c, [0.0, 0.0, 0.0, 1.0]]
    }

    /// The image of the unit step along axis 0, 1 or 2.
    pub fn axis(&self, axis: usize) -> Vector<To> {
        Vector::from_raw(self.raw.matrix3.col(axis))
    }

    /// The image of the origin.
    pub fn origin(&self) -> Point<To> {
        Point::from_raw(self.raw.translation)
    }

    /// The map back.
    pub fn inverse(&self) -> Affine<From, To> {
        Affine { raw: self.raw.inverse(), spaces: PhantomData }
    }

    /// Signed ratio of volumes; negative when the map turns right hands into left ones.
    pub fn determinant(&self) -> f64 {
        self.raw.matrix3.determinant()
    }

    /// The greatest |cosine| between two of the axes: 0 when they are perpendicular.
    pub fn shear(&self) -> f64 {
        let cosine = |a: usize, b: usize| {
            let (u, v) = (self.axis(a), self.axis(b));
            (u.dot(v) / (u.length() * v.length())).abs()
        };
        cosine(0, 1).max(cosine(0, 2)).max(cosine(1, 2))
    }
}

impl<To: Space, Mid: Space, From: Space> Mul<Affine<Mid, From>> for Affine<To, Mid> {
    type Output = Affine<To, From>;
    fn mul(self, first: Affine<Mid, From>) -> Affine<To, From> {
        Affine { raw: self.raw * first.raw, spaces: PhantomData }
    }
}

impl<To: Space, From: Space> Mul<Point<From>> for Affine<To, From> {
    type Output = Point<To>;
    fn mul(self, point: Point<From>) -> Point<To> {
        Point::from_raw(self.raw.transform_point3(point.raw()))
    }
}

impl<To: Space, From: Space> Mul<Vector<From>> for Affine<To, From> {
    type Output = Vector<To>;
    fn mul(self, vector: Vector<From>) -> Vector<To> {
        Vector::from_raw(self.raw.transform_vector3(vector.raw()))
    }
}

impl<To: Space, From: Space> Clone for Affine<To, From> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<To: Space, From: Space> Copy for Affine<To, From> {}

impl<To: Space, From: Space> PartialEq for Affine<To, From> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl<To: Space, From: Space> fmt::Debug for Affine<To, From> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_from_{} {:?}", To::NAME, From::NAME, self.rows())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Patient, Voxel};

    fn affine(rows: [[f64; 4]; 3]) -> Result<Affine<Patient, Voxel>, AffineError> {
        Affine::from_rows(rows)
    }

    #[test]
    fn refuses_what_cannot_be_inverted() {
        let check = |rows, expected| assert_eq!(affine(rows).err(), expected);
        check([[1.0, 0.0, 0.0, 5.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, -3.0, 0.0]], None);
        check(
            [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]],
            Some(AffineError::Singular),
        );
        check([[0.0; 4]; 3], Some(AffineError::Singular));
        check(
            [[f64::NAN, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]],
            Some(AffineError::NotFinite),
        );
        // Microscopy: tiny voxels are no reason to refuse.
        check([[1e-6, 0.0, 0.0, 0.0], [0.0, 1e-6, 0.0, 0.0], [0.0, 0.0, 1e-6, 0.0]], None);
    }

    #[test]
    fn a_product_reads_right_to_left() {
        let patient_from_voxel =
            affine([[0.0, 2.0, 0.0, 1.0], [3.0, 0.0, 0.5, 2.0], [0.0, 0.0, -1.0, 3.0]]).expect("invertible");
        let point = Point::new(1.5, -2.0, 7.25);
        let there = patient_from_voxel * point;
        assert_eq!(there.to_array(), [-3.0, 10.125, -4.25]);
        let back = patient_from_voxel.inverse() * there;
        assert!(back.distance(point) < 1e-12);
        let identity = patient_from_voxel.inverse() * patient_from_voxel;
        assert!((identity * point).distance(point) < 1e-12);
    }
}
