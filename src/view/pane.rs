//! Panes and the views they give.

use serde::{Deserialize, Serialize};

use crate::geometry::{
    Affine, AnatomicalPlane, Direction, Grid, GridPlane, Patient, Plane, PlaneSpace, Point, Screen, Vector,
};

/// Which planes the panes show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SliceSource {
    /// The acquisition's own slices: what is painted is what was scanned.
    Acquisition,
    /// True planes of the patient, resliced.
    Patient,
}

/// What stays of a viewport between frames: which plane it is for, where it is panned and zoomed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pane {
    /// The plane this pane is named after.
    pub plane: AnatomicalPlane,
    /// The point shown in the middle, as far as it lies in the plane; depth comes from the focus.
    pub centre: Point<Patient>,
    /// Logical pixels a millimetre.
    pub pixels_per_mm: f64,
}

/// Zoom stays within these bounds, in logical pixels a millimetre.
const ZOOM_LIMITS: [f64; 2] = [1e-4, 1e5];

/// A viewport at one moment: everything needed to draw it and to point into it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The plane shown; its origin is in the middle of the viewport.
    pub plane: Plane,
    /// The anatomical plane it is named after.
    pub anatomical: AnatomicalPlane,
    /// The slices of the grid it belongs to and which one it is; `None` for a resliced plane.
    pub slice: Option<(GridPlane, usize)>,
    /// Logical pixels a millimetre.
    pub pixels_per_mm: f64,
    /// Width and height in logical pixels.
    pub size: [f64; 2],
}

impl Pane {
    /// A pane that shows the whole grid in a viewport of `size` logical pixels.
    pub fn fitted(plane: AnatomicalPlane, source: SliceSource, grid: &Grid, size: [f64; 2]) -> Self {
        let middle = grid.middle();
        let mut pane = Self { plane, centre: middle, pixels_per_mm: 1.0 };
        let frame = pane.plane_through(source, grid, middle);
        // Half the extent of all cells, their outer borders included.
        let reach = |direction: Vector<Patient>| {
            let step = |axis: usize| grid.patient_from_voxel().axis(axis).dot(direction).abs();
            (0..3).map(|axis| step(axis) * (grid.dims()[axis] as f64 / 2.0)).sum::<f64>()
        };
        let margin = 0.94;
        let [across, down] = [reach(frame.right()), reach(frame.down())];
        pane.pixels_per_mm = (size[0] / (2.0 * across)).min(size[1] / (2.0 * down)) * margin;
        pane.clamp_zoom();
        pane
    }

    fn clamp_zoom(&mut self) {
        if !self.pixels_per_mm.is_finite() {
            self.pixels_per_mm = 1.0;
        }
        self.pixels_per_mm = self.pixels_per_mm.clamp(ZOOM_LIMITS[0], ZOOM_LIMITS[1]);
    }

    fn plane_through(&self, source: SliceSource, grid: &Grid, focus: Point<Patient>) -> Plane {
        match source {
            SliceSource::Acquisition => GridPlane::nearest(grid, self.plane).plane_at(grid, focus),
            SliceSource::Patient => Plane::anatomical(self.plane, focus),
        }
    }

    /// The view on the slice through `focus` in a viewport of `size` logical pixels.
    pub fn view(&self, source: SliceSource, grid: &Grid, focus: Point<Patient>, size: [f64; 2]) -> View {
        let plane = self.plane_through(source, grid, focus);
        let family = GridPlane::nearest(grid, self.plane);
        View {
            plane: plane.through(plane.project(self.centre)),
            anatomical: self.plane,
            slice: (source == SliceSource::Acquisition).then(|| (family, family.slice_at(grid, focus))),
            pixels_per_mm: self.pixels_per_mm,
            size,
        }
    }

    /// Moves the picture by `by` logical pixels.
    pub fn pan(&mut self, view: &View, by: Vector<Screen>) {
        self.centre += view.patient_from_screen() * -Vector::new(by.x(), by.y(), 0.0);
    }

    /// Multiplies the zoom; the point under `at` stays where it is.
    pub fn zoom(&mut self, view: &View, at: Point<Screen>, factor: f64) {
        let before = self.pixels_per_mm;
        self.pixels_per_mm *= factor;
        self.clamp_zoom();
        let kept = before / self.pixels_per_mm;
        let under = view.patient_at(at.x(), at.y());
        self.centre = under + (view.plane.origin() - under) * kept;
    }

    /// The focus moved by `steps` slices towards the viewer's far side, kept within the grid. One
    /// step of a resliced plane is the grid's own spacing across it.
    pub fn scrolled(
        &self,
        source: SliceSource,
        grid: &Grid,
        focus: Point<Patient>,
        steps: i64,
    ) -> Point<Patient> {
        let family = GridPlane::nearest(grid, self.plane);
        match source {
            SliceSource::Acquisition => {
                let away = family.plane_at(grid, focus).normal();
                let runs_away = grid.patient_from_voxel().axis(family.slice_axis).dot(away) >= 0.0;
                let steps = if runs_away { steps } else { -steps };
                let last = family.slice_count(grid) as i64 - 1;
                let slice = (family.slice_at(grid, focus) as i64 + steps).clamp(0, last);
                family.on_slice(grid, focus, slice as usize)
            }
            SliceSource::Patient => {
                let plane = Plane::anatomical(self.plane, focus);
                let step_mm = grid.patient_from_voxel().axis(family.slice_axis).dot(plane.normal()).abs();
                let depths = grid.corners().map(|corner| plane.depth_of(corner));
                let nearest = depths.into_iter().fold(0.0, f64::min);
                let farthest = depths.into_iter().fold(0.0, f64::max);
                focus + plane.normal() * (step_mm * steps as f64).clamp(nearest, farthest)
            }
        }
    }
}

impl View {
    /// Where the plane's millimetres lie on screen.
    pub fn screen_from_plane(&self) -> Affine<Screen, PlaneSpace> {
        let scale = self.pixels_per_mm;
        let middle = Point::new(self.size[0] / 2.0, self.size[1] / 2.0, 0.0);
        let axis = |x: f64, y: f64, z: f64| Vector::new(x * scale, y * scale, z * scale);
        Affine::from_axes(axis(1.0, 0.0, 0.0), axis(0.0, 1.0, 0.0), axis(0.0, 0.0, 1.0), middle)
            .unwrap_or_else(|_| unreachable!("the zoom is kept within its limits"))
    }

    /// Where the patient is on screen; z is the depth behind the plane.
    pub fn screen_from_patient(&self) -> Affine<Screen, Patient> {
        self.screen_from_plane() * self.plane.patient_from_plane().inverse()
    }

    /// The inverse of [`Self::screen_from_patient`].
    pub fn patient_from_screen(&self) -> Affine<Patient, Screen> {
        self.plane.patient_from_plane() * self.screen_from_plane().inverse()
    }

    /// The point of the plane under a place of the viewport.
    pub fn patient_at(&self, x: f64, y: f64) -> Point<Patient> {
        self.patient_from_screen() * Point::new(x, y, 0.0)
    }

    /// What lies beyond the left, right, top and bottom edge.
    pub fn edge_directions(&self) -> [Direction; 4] {
        let (right, down) = (self.plane.right(), self.plane.down());
        [-right, right, -down, down].map(Direction::nearest)
    }

    /// The angle in degrees between this plane and the anatomical plane it is named after.
    pub fn obliquity_degrees(&self) -> f64 {
        let true_plane = Plane::anatomical(self.anatomical, self.plane.origin());
        let cosine = |a: Vector<Patient>, b: Vector<Patient>| a.dot(b).abs().min(1.0).acos().to_degrees();
        cosine(self.plane.normal(), true_plane.normal()).max(cosine(self.plane.right(), true_plane.right()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let (sin, cos) = 0.3f64.sin_cos();
        let map = Affine::from_axes(
            Vector::new(0.5 * cos, 0.5 * sin, 0.0),
            Vector::new(-0.7 * sin, 0.7 * cos, 0.1),
            Vector::new(0.0, -0.2, 3.0),
            Point::new(-40.0, 12.0, 7.0),
        );
        Grid::new([100, 80, 20], map.expect("invertible"), None).expect("a grid")
    }

    #[test]
    fn screen_and_patient_are_inverse_and_true_to_scale() {
        let grid = grid();
        for source in [SliceSource::Acquisition, SliceSource::Patient] {
            for plane in AnatomicalPlane::ALL {
                let pane = Pane::fitted(plane, source, &grid, [640.0, 400.0]);
                let view = pane.view(source, &grid, grid.middle(), [640.0, 400.0]);
                let (a, b) = (view.patient_at(10.0, 20.0), view.patient_at(13.0, 24.0));
                assert!((a.distance(b) * view.pixels_per_mm - 5.0).abs() < 1e-9);
                let back = view.screen_from_patient() * a;
                assert!((back.raw() - glam::DVec3::new(10.0, 20.0, 0.0)).length() < 1e-9);
            }
        }
    }

    #[test]
    fn zoom_keeps_the_point_under_the_cursor_and_pan_follows_the_hand() {
        let grid = grid();
        let size = [300.0, 300.0];
        let source = SliceSource::Acquisition;
        let mut pane = Pane::fitted(AnatomicalPlane::Coronal, source, &grid, size);
        let focus = grid.middle();
        let view = pane.view(source, &grid, focus, size);
        let under = view.patient_at(77.0, 210.0);
        pane.zoom(&view, Point::new(77.0, 210.0, 0.0), 2.5);
        let zoomed = pane.view(source, &grid, focus, size);
        assert!(zoomed.patient_at(77.0, 210.0).distance(under) < 1e-9);
        pane.pan(&zoomed, Vector::new(30.0, -5.0, 0.0));
        let panned = pane.view(source, &grid, focus, size);
        assert!(panned.patient_at(107.0, 205.0).distance(under) < 1e-9);
    }

    #[test]
    fn scrolling_walks_through_every_slice_and_stops_at_the_ends() {
        let grid = grid();
        let source = SliceSource::Acquisition;
        let pane = Pane::fitted(AnatomicalPlane::Axial, source, &grid, [100.0, 100.0]);
        let mut focus = grid.middle();
        focus = pane.scrolled(source, &grid, focus, -1000);
        for slice in 0..20 {
            assert_eq!(pane.view(source, &grid, focus, [100.0; 2]).slice.map(|(_, s)| s), Some(slice));
            focus = pane.scrolled(source, &grid, focus, 1);
        }
        assert_eq!(pane.view(source, &grid, focus, [100.0; 2]).slice.map(|(_, s)| s), Some(19));
    }
}
