//! Boxes, landmarks and measurements.

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

/// A rectangle or the ellipse in it, in one plane of the patient: a centre, two perpendicular unit
/// axes, and half its size along each, in millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlatRegion {
    /// Its middle.
    pub centre: Point<Patient>,
    /// Perpendicular unit vectors.
    pub axes: [Vector<Patient>; 2],
    /// Half the edge, or the semi-axis, along each axis, at least 0.
    pub half_mm: [f64; 2],
}

impl FlatRegion {
    /// The region between two opposite corners with edges along the right and down of `plane`.
    pub fn in_plane(plane: &Plane, a: Point<Patient>, b: Point<Patient>) -> Self {
        let axes = [plane.right(), plane.down()];
        Self { centre: a.lerp(b, 0.5), axes, half_mm: axes.map(|axis| (b - a).dot(axis).abs() / 2.0) }
    }

    /// The four corners in order around it.
    pub fn corners(&self) -> [Point<Patient>; 4] {
        [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]].map(|[a, b]| {
            self.centre + self.axes[0] * (a * self.half_mm[0]) + self.axes[1] * (b * self.half_mm[1])
        })
    }

    /// Points around the ellipse in the region.
    pub fn ellipse(&self, count: usize) -> Vec<Point<Patient>> {
        let turn = |n: usize| (n as f64 / count as f64 * std::f64::consts::TAU).sin_cos();
        let at = |(sin, cos): (f64, f64)| {
            self.centre + self.axes[0] * (cos * self.half_mm[0]) + self.axes[1] * (sin * self.half_mm[1])
        };
        (0..count).map(|n| at(turn(n))).collect()
    }

    /// Unit vector across the region; `None` where its axes do not span a plane.
    pub fn normal(&self) -> Option<Vector<Patient>> {
        self.axes[0].cross(self.axes[1]).normalized()
    }

    /// The region with one corner of [`Self::corners`] somewhere else in its plane and the opposite
    /// one where it was.
    fn with_corner(&self, corner: usize, to: Point<Patient>) -> Self {
        let kept = self.corners()[(corner + 2) % 4];
        let across = self.axes.map(|axis| (to - kept).dot(axis) / 2.0);
        let centre = kept + self.axes[0] * across[0] + self.axes[1] * across[1];
        Self { centre, half_mm: across.map(f64::abs), ..*self }
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
    /// A distance between two points.
    Ruler([Point<Patient>; 2]),
    /// The angle at the second point between the first and the third.
    Angle([Point<Patient>; 3]),
    /// The values inside an ellipse on a slice.
    Ellipse(FlatRegion),
    /// The values inside a rectangle on a slice.
    Rectangle(FlatRegion),
}

impl Shape {
    /// The middle of a box, region or ruler, the place of a landmark, the corner of an angle.
    pub fn centre(&self) -> Point<Patient> {
        match self {
            Self::Box(shape) => shape.centre,
            Self::Landmark(point) | Self::Angle([_, point, _]) => *point,
            Self::Ruler([a, b]) => a.lerp(*b, 0.5),
            Self::Ellipse(region) | Self::Rectangle(region) => region.centre,
        }
    }

    /// Whether it measures something.
    pub fn is_measurement(&self) -> bool {
        !matches!(self, Self::Box(_) | Self::Landmark(_))
    }

    /// The points by which a measurement is taken; none of a box or landmark.
    pub fn handles(&self) -> Vec<Point<Patient>> {
        match self {
            Self::Box(_) | Self::Landmark(_) => Vec::new(),
            Self::Ruler(points) => points.to_vec(),
            Self::Angle(points) => points.to_vec(),
            Self::Ellipse(region) | Self::Rectangle(region) => region.corners().to_vec(),
        }
    }

    /// The measurement with one of its [`Self::handles`] somewhere else.
    pub fn with_handle(&self, handle: usize, to: Point<Patient>) -> Self {
        let mut moved = *self;
        match &mut moved {
            Self::Box(_) | Self::Landmark(_) => {}
            Self::Ruler(points) => points[handle % 2] = to,
            Self::Angle(points) => points[handle % 3] = to,
            Self::Ellipse(region) | Self::Rectangle(region) => *region = region.with_corner(handle % 4, to),
        }
        moved
    }

    /// All of it moved.
    pub fn moved_by(&self, by: Vector<Patient>) -> Self {
        let mut moved = *self;
        match &mut moved {
            Self::Box(shape) => shape.centre += by,
            Self::Landmark(point) => *point += by,
            Self::Ruler(points) => points.iter_mut().for_each(|point| *point += by),
            Self::Angle(points) => points.iter_mut().for_each(|point| *point += by),
            Self::Ellipse(region) | Self::Rectangle(region) => region.centre += by,
        }
        moved
    }

    /// Length of a ruler in millimetres.
    pub fn length_mm(&self) -> Option<f64> {
        match self {
            Self::Ruler([a, b]) => Some(a.distance(*b)),
            _ => None,
        }
    }

    /// Size of an angle in degrees, 0 to 180; `None` where a leg has no length.
    pub fn degrees(&self) -> Option<f64> {
        let Self::Angle([a, corner, b]) = self else { return None };
        let legs = [(*a - *corner).normalized()?, (*b - *corner).normalized()?];
        // Of the half angle: exact also where the legs nearly agree, and the cosine is flat.
        let (across, along) = ((legs[0] - legs[1]).length(), (legs[0] + legs[1]).length());
        Some(2.0 * across.atan2(along).to_degrees())
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
    fn measurements_are_computed_from_their_points() {
        let angle = |to: [f64; 3]| {
            let points = [Point::new(2.0, 1.0, 0.0), Point::new(1.0, 1.0, 0.0), Point::from(to)];
            Shape::Angle(points).degrees()
        };
        let check = |to, degrees: f64| {
            assert!(angle(to).is_some_and(|found| (found - degrees).abs() < 1e-9), "{to:?}: {:?}", angle(to));
        };
        check([1.0, 3.0, 0.0], 90.0);
        check([5.0, 1.0, 0.0], 0.0);
        check([-5.0, 1.0, 0.0], 180.0);
        check([2.0, 1.0, 1.0], 45.0);
        assert_eq!(angle([1.0, 1.0, 0.0]), None);
        let ruler = Shape::Ruler([Point::ORIGIN, Point::new(3.0, 4.0, 12.0)]);
        assert_eq!(ruler.length_mm(), Some(13.0));
        assert_eq!(ruler.with_handle(0, Point::new(3.0, 4.0, 0.0)).length_mm(), Some(12.0));
    }

    #[test]
    fn a_corner_moves_and_the_opposite_one_stays() {
        let plane = Plane::anatomical(AnatomicalPlane::Axial, Point::ORIGIN);
        let region = FlatRegion::in_plane(&plane, Point::new(6.0, 1.0, 0.0), Point::new(2.0, 3.0, 0.0));
        assert_eq!((region.centre.to_array(), region.half_mm), ([4.0, 2.0, 0.0], [2.0, 1.0]));
        for corner in 0..4 {
            let kept = region.corners()[(corner + 2) % 4];
            let to = Point::new(10.0, -4.0, 0.0);
            let Shape::Rectangle(moved) = Shape::Rectangle(region).with_handle(corner, to) else { continue };
            let near = |wanted: Point<Patient>| moved.corners().iter().any(|at| at.distance(wanted) < 1e-12);
            assert!(near(kept) && near(to), "corner {corner}: {moved:?}");
        }
        let on_it = |point: &Point<Patient>| {
            let [x, y] = region.axes.map(|axis| (*point - region.centre).dot(axis));
            ((x / 2.0).powi(2) + y.powi(2) - 1.0).abs() < 1e-12
        };
        assert!(region.ellipse(7).iter().all(on_it));
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
