//! The view that turns around the patient.

use serde::{Deserialize, Serialize};

use crate::geometry::{Affine, Grid, Patient, Point, Screen, Vector};

/// Where a viewer stands who sees the whole volume at once, without perspective.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Orbit {
    /// How far the viewer has gone around the patient's long axis, in radians: 0 looks from the
    /// front, a quarter turn from the patient's left.
    pub yaw: f64,
    /// How far the viewer looks down on the patient, in radians, from −π/2 to π/2.
    pub pitch: f64,
    /// The point in the middle of the picture.
    pub centre: Point<Patient>,
    /// Logical pixels a millimetre.
    pub pixels_per_mm: f64,
}

/// Radians that one logical pixel of a drag turns.
const RADIANS_PER_PIXEL: f64 = 0.01;

impl Orbit {
    /// The whole grid from the front, small enough to stay in sight however it is turned.
    pub fn fitted(grid: &Grid, size: [f64; 2]) -> Self {
        let centre = grid.middle();
        let reach = grid.corners().into_iter().map(|corner| corner.distance(centre)).fold(0.0, f64::max);
        let pixels_per_mm = size[0].min(size[1]) / (2.0 * reach);
        let pixels_per_mm = if pixels_per_mm.is_finite() { pixels_per_mm.clamp(1e-4, 1e5) } else { 1.0 };
        Self { yaw: 0.0, pitch: 0.0, centre, pixels_per_mm }
    }

    /// Turned as if the drag by `by` logical pixels had pulled the near side along.
    pub fn turned(self, by: Vector<Screen>) -> Self {
        let quarter = std::f64::consts::FRAC_PI_2;
        Self {
            yaw: (self.yaw - by.x() * RADIANS_PER_PIXEL).rem_euclid(std::f64::consts::TAU),
            pitch: (self.pitch + by.y() * RADIANS_PER_PIXEL).clamp(-quarter, quarter),
            ..self
        }
    }

    /// Where points of a viewport of `size` logical pixels lie in the patient; z points away from the
    /// viewer and is 0 at the depth of the centre.
    pub fn patient_from_screen(&self, size: [f64; 2]) -> Affine<Patient, Screen> {
        let (yaw_sin, yaw_cos) = self.yaw.sin_cos();
        let (pitch_sin, pitch_cos) = self.pitch.sin_cos();
        let right = Vector::new(yaw_cos, yaw_sin, 0.0);
        let away = Vector::new(-yaw_sin * pitch_cos, yaw_cos * pitch_cos, -pitch_sin);
        let down = away.cross(right);
        let mm = 1.0 / self.pixels_per_mm;
        let corner = self.centre - right * (size[0] / 2.0 * mm) - down * (size[1] / 2.0 * mm);
        Affine::from_axes(right * mm, down * mm, away * mm, corner)
            .unwrap_or_else(|_| unreachable!("perpendicular vectors span space"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Direction;

    #[test]
    fn the_viewer_sees_the_side_that_faces_him() {
        let check = |yaw: f64, pitch: f64, expected: &str| {
            let orbit = Orbit { yaw, pitch, centre: Point::ORIGIN, pixels_per_mm: 2.0 };
            let map = orbit.patient_from_screen([200.0, 100.0]);
            let letters: String = (0..3).map(|axis| Direction::nearest(map.axis(axis)).letter()).collect();
            assert_eq!(letters, expected, "right, down and away at yaw {yaw}, pitch {pitch}");
            assert!((map * Point::new(100.0, 50.0, 0.0)).distance(Point::ORIGIN) < 1e-9);
        };
        let quarter = std::f64::consts::FRAC_PI_2;
        check(0.0, 0.0, "LIP");
        check(quarter, 0.0, "PIR");
        check(0.0, quarter, "LAI");
        check(0.0, -quarter, "LPS");
    }

    #[test]
    fn a_drag_turns_and_stops_at_the_poles() {
        let orbit = Orbit { yaw: 0.0, pitch: 0.0, centre: Point::ORIGIN, pixels_per_mm: 1.0 };
        let turned = orbit.turned(Vector::new(-50.0, 1000.0, 0.0));
        assert!((turned.yaw - 0.5).abs() < 1e-12);
        assert_eq!(turned.pitch, std::f64::consts::FRAC_PI_2);
    }
}
