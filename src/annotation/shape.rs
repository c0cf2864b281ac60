//! Boxes and landmarks.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::geometry::{Patient, Plane, Point, Vector};

/// Names one annotation for as long as its case lives.
pub type AnnotationId = Uuid;

/// A box that may stand oblique in the patient: a centre, three perpendicular unit axes, and half
/// its size along each, in millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrientedBox {
    /// Middle of the box.
    pub centre: Point<Patient>,
    /// Perpendicular unit vectors.
    pub axes: [Vector<Patient>; 3],
    /// Half the edge along each axis, at least 0.
    pub half_mm: [f64; 3],
}

impl OrientedBox {
    /// The box between two corners with edges along the patient's axes.
    pub fn between(a: Point<Patient>, b: Point<Patient>) -> Self {
        let axes = [Vector::new(1.0, 0.0, 0.0), Vector::new(0.0, 1.0, 0.0), Vector::new(0.0, 0.0, 1.0)];
        Self::along(axes, a, b)
    }

    /// The box between two opposite corners with edges along the right, down and normal of `plane`.
    pub fn in_plane(plane: &Plane, a: Point<Patient>, b: Point<Patient>) -> Self {
        Self::along([plane.right(), plane.down(), plane.normal()], a, b)
    }

    fn along(axes: [Vector<Patient>; 3], a: Point<Patient>, b: Point<Patient>) -> Self {
        let half_mm = axes.map(|axis| (b - a).dot(axis).abs() / 2.0);
        Self { centre: a.lerp(b, 0.5), axes, half_mm }
    }

    /// The eight corners; bit n of the place says on which side of axis n it lies.
    pub fn corners(&self) -> [Point<Patient>; 8] {
        std::array::from_fn(|corner| {
            (0..3).fold(self.centre, |point, axis| {
                let side = if corner >> axis & 1 == 1 { 1.0 } else { -1.0 };
                point + self.axes[axis] * (side * self.half_mm[axis])
            })
        })
    }

    /// The twelve edges as pairs of places in [`Self::corners`].
    pub const EDGES: [[usize; 2]; 12] =
        [[0, 1], [2, 3], [4, 5], [6, 7], [0, 2], [1, 3], [4, 6], [5, 7], [0, 4], [1, 5], [2, 6], [3, 7]];

    /// The smallest and the greatest LPS coordinate of any corner.
    pub fn bounds(&self) -> [Point<Patient>; 2] {
        let corners = self.corners().map(Point::raw);
        let min = corners.into_iter().reduce(|a, b| a.min(b)).unwrap_or_default();
        let max = corners.into_iter().reduce(|a, b| a.max(b)).unwrap_or_default();
        [Point::from_raw(min), Point::from_raw(max)]
    }

    /// Whether a point lies inside or on the border, within `slack_mm`.
    pub fn contains(&self, point: Point<Patient>, slack_mm: f64) -> bool {
        let place = point - self.centre;
        (0..3).all(|axis| place.dot(self.axes[axis]).abs() <= self.half_mm[axis] + slack_mm)
    }

    /// The box with the face at the positive or negative end of `axis` moved out by `by_mm`; the face
    /// cannot pass the opposite one.
    pub fn with_face_moved(&self, axis: usize, positive: bool, by_mm: f64) -> Self {
        let by_mm = by_mm.max(-2.0 * self.half_mm[axis]);
        let mut moved = *self;
        moved.half_mm[axis] += by_mm / 2.0;
        let out = if positive { self.axes[axis] } else { -self.axes[axis] };
        moved.centre += out * (by_mm / 2.0);
        moved
    }

    /// The outline in which the box cuts `plane`, in order around it; empty where it does not.
    pub fn section(&self, plane: &Plane) -> Vec<Point<Patient>> {
        let corners = self.corners();
        let mut points: Vec<Point<Patient>> = Vec::new();
        for [a, b] in Self::EDGES {
            let (start, end) = (plane.depth_of(corners[a]), plane.depth_of(corners[b]));
            if (start <= 0.0) != (end <= 0.0) {
                points.push(corners[a].lerp(corners[b], start / (start - end)));
            }
        }
        let count = points.len().max(1) as f64;
        let middle = points.iter().fold(glam::DVec3::ZERO, |sum, point| sum + point.raw()) / count;
        let angle = |point: &Point<Patient>| {
            let out = *point - Point::from_raw(middle);
            out.dot(plane.down()).atan2(out.dot(plane.right()))
        };
        points.sort_by(|a, b| angle(a).total_cmp(&angle(b)));
        points
    }
}

/// What an annotation marks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// A box.
    Box(OrientedBox),
    /// A named point.
    Landmark(Point<Patient>),
}

impl Shape {
    /// The middle of a box, the place of a landmark.
    pub fn centre(&self) -> Point<Patient> {
        match self {
            Self::Box(shape) => shape.centre,
            Self::Landmark(point) => *point,
        }
    }
}

/// One mark, its author and its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Annotation {
    /// Stable name.
    pub id: AnnotationId,
    /// Shown name.
    pub name: String,
    /// The label it belongs to, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<u16>,
    /// Where it lies.
    pub shape: Shape,
    /// Who made it.
    pub author: String,
    /// When it was made, UTC, RFC 3339.
    pub created: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::AnatomicalPlane;

    #[test]
    fn a_box_is_cut_where_it_is() {
        let cube = OrientedBox::between(Point::new(10.0, 0.0, 4.0), Point::new(0.0, 20.0, 0.0));
        let [min, max] = cube.bounds();
        assert_eq!((min.to_array(), max.to_array()), ([0.0, 0.0, 0.0], [10.0, 20.0, 4.0]));
        let cut = |z| cube.section(&Plane::anatomical(AnatomicalPlane::Axial, Point::new(3.0, 3.0, z)));
        assert_eq!(cut(2.0).len(), 4);
        assert!(cut(2.0).iter().all(|p| p.z() == 2.0 && cube.contains(*p, 1e-9)));
        assert!(cut(4.5).is_empty());
    }

    #[test]
    fn a_face_moves_alone_and_never_passes_the_other() {
        let cube = OrientedBox::between(Point::ORIGIN, Point::new(10.0, 10.0, 10.0));
        let [min, max] = cube.with_face_moved(0, true, 5.0).bounds();
        assert_eq!((min.x(), max.x(), max.y()), (0.0, 15.0, 10.0));
        let flat = cube.with_face_moved(2, false, -50.0);
        assert_eq!(flat.half_mm[2], 0.0);
        assert_eq!(flat.bounds()[0].z(), 10.0);
    }
}
