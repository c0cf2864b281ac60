//! What tools show over a pane before it is a step, and measurements with what they come to.

use egui::epaint::Mesh;
use egui::{Align2, Color32, Pos2, Rect, Shape, Stroke, Vec2};

use super::canvas::{PanePainter, text};
use super::theme::{self, over_image};
use crate::annotation::{self, Colour};
use crate::geometry::{Grid, Patient, Point, Voxel};
use crate::measure::RegionValues;
use crate::session::{Measured, Session, TrialPicture};
use crate::tool::{Preview, VoxelRun};
use crate::volume::Volume;

/// Corners with which an ellipse is drawn.
const ROUND: usize = 72;
/// Distance between the lines of a hatch, in points.
const HATCH: f32 = 5.0;
/// Opacity of what is tried out, or would be painted.
const TRIAL_FILL: f32 = 0.55;

impl PanePainter<'_> {
    /// Draws what the tool in hand shows beyond the case.
    pub(super) fn paint_preview(&self, preview: Option<Preview>) {
        match preview {
            None => {}
            Some(Preview::Box(shape)) => self.paint_box(&shape, over_image::TEXT, false),
            Some(Preview::Ring { centre, radius_mm, erasing, taken, reached }) => {
                let colour = if erasing { over_image::TAKEN } else { self.colour_in_hand() };
                self.paint_filled(&reached, colour);
                self.paint_hatched(&taken, over_image::TAKEN);
                self.paint_ring(centre, radius_mm, erasing, !taken.is_empty());
            }
            Some(Preview::Contour { points, next, erasing }) => self.paint_contour(&points, &next, erasing),
            Some(Preview::Measurement(shape)) => {
                self.paint_measurement(&shape, over_image::TEXT, true);
                if let Some(measured) = self.session.measured_now(&shape) {
                    let words = in_words(self.session, &measured);
                    let at = self.on_screen(shape.centre()) + Vec2::new(12.0, 12.0);
                    text(self.ui, at, Align2::LEFT_TOP, &words, theme::medium(12.0), over_image::TEXT);
                }
            }
        }
    }

    fn paint_ring(&self, centre: Point<Patient>, radius_mm: f64, erasing: bool, takes: bool) {
        let radius = (radius_mm * self.view.pixels_per_mm) as f32;
        let at = self.on_screen(centre);
        let painter = self.painter();
        let colour = if takes { over_image::TAKEN } else { over_image::TEXT };
        painter.circle_stroke(at, radius, Stroke::new(3.0, Color32::from_black_alpha(120)));
        painter.circle_stroke(at, radius, Stroke::new(1.25, colour));
        let sign = if erasing { "−" } else { "+" };
        if radius > 8.0 || erasing {
            let beside = at + Vec2::new(radius.max(4.0) * 0.72 + 6.0, radius.max(4.0) * 0.72 + 4.0);
            text(self.ui, beside, Align2::CENTER_CENTER, sign, theme::medium(13.0), colour);
        } else {
            painter.circle_filled(at, 1.0, colour);
        }
    }

    fn paint_contour(&self, points: &[Point<Patient>], next: &[Point<Patient>], erasing: bool) {
        let colour = if erasing { over_image::TAKEN } else { over_image::TEXT };
        let painter = self.painter();
        let mut line: Vec<Pos2> = points.iter().map(|point| self.on_screen(*point)).collect();
        let corners = line.clone();
        line.extend(next.iter().map(|point| self.on_screen(*point)));
        painter.add(Shape::line(line.clone(), Stroke::new(3.5, over_image::SHADOW)));
        painter.add(Shape::line(line.clone(), Stroke::new(1.5, colour)));
        if let [first, .., last] = line[..] {
            // How it would be closed.
            painter.extend(Shape::dashed_line(&[last, first], Stroke::new(1.0, colour), 4.0, 4.0));
        }
        for (number, corner) in corners.iter().enumerate() {
            let size = if number == 0 { 8.0 } else { 5.0 };
            let square = Rect::from_center_size(*corner, Vec2::splat(size));
            let stroke = Stroke::new(1.0, Color32::BLACK);
            painter.rect(square, 1.0, colour, stroke, egui::StrokeKind::Outside);
        }
    }

    /// Draws the lines of a measurement.
    pub(super) fn paint_measurement(&self, shape: &annotation::Shape, colour: Color32, selected: bool) {
        let points = |points: &[Point<Patient>]| -> Vec<Pos2> {
            points.iter().map(|point| self.on_screen(*point)).collect()
        };
        let (line, closed) = match shape {
            annotation::Shape::Box(_) | annotation::Shape::Landmark(_) => return,
            annotation::Shape::Ruler(ends) => (points(ends), false),
            annotation::Shape::Angle(legs) => (points(legs), false),
            annotation::Shape::Ellipse(region) => (points(&region.ellipse(ROUND)), true),
            annotation::Shape::Rectangle(region) => (points(&region.corners()), true),
        };
        let painter = self.painter();
        for stroke in [Stroke::new(3.5, over_image::SHADOW), Stroke::new(1.5, colour)] {
            painter.add(if closed {
                Shape::closed_line(line.clone(), stroke)
            } else {
                Shape::line(line.clone(), stroke)
            });
        }
        for handle in shape.handles() {
            let at = self.on_screen(handle);
            if selected {
                let square = Rect::from_center_size(at, Vec2::splat(7.0));
                let stroke = Stroke::new(1.0, Color32::BLACK);
                painter.rect(square, 1.0, Color32::WHITE, stroke, egui::StrokeKind::Outside);
            } else if !closed {
                painter.circle_filled(at, 2.5, colour);
            }
        }
    }

    /// The place on screen that a measurement takes; nothing where it does not lie on this slice.
    pub(super) fn place_of_measurement(&self, shape: &annotation::Shape) -> Rect {
        let handles = shape.handles();
        if handles.is_empty() || !handles.iter().all(|point| self.is_near(*point)) {
            return Rect::NOTHING;
        }
        let points: Vec<Pos2> = handles.into_iter().map(|point| self.on_screen(point)).collect();
        // A level ruler has no height.
        Rect::from_points(&points).expand(2.0)
    }

    /// Hatches voxels of this slice in a colour.
    fn paint_hatched(&self, runs: &[VoxelRun], colour: Color32) {
        let grid = self.session.case().volume().grid();
        // One mesh for all of it: a large region has thousands of lines.
        let mut mesh = Mesh::default();
        for corners in runs.iter().filter_map(|run| self.corners_of(run, grid)) {
            add_quad(&mut mesh, corners, colour.gamma_multiply(0.25));
            add_hatch(&mut mesh, corners, colour);
        }
        self.painter().add(mesh);
    }

    /// Draws what would be filled in between painted slices: a fill and hatching, for nobody drew it.
    pub(super) fn paint_ghost(&self, pane: usize) {
        let runs = self.session.ghost_on(pane);
        if runs.is_empty() {
            return;
        }
        self.paint_hatched(&runs, self.colour_in_hand());
    }

    /// The colour of the label that is drawn with.
    fn colour_in_hand(&self) -> Color32 {
        let label = self.session.case().scheme().get(self.session.active_label());
        let [r, g, b] = label.map_or([0xe6, 0x9f, 0x00], |label| label.color.0);
        Color32::from_rgb(r, g, b)
    }

    /// Fills voxels of this slice with a colour.
    fn paint_filled(&self, runs: &[VoxelRun], colour: Color32) {
        let grid = self.session.case().volume().grid();
        let mut cells = Mesh::default();
        for corners in runs.iter().filter_map(|run| self.corners_of(run, grid)) {
            add_quad(&mut cells, corners, colour.gamma_multiply(TRIAL_FILL));
        }
        self.painter().add(cells);
    }

    /// Draws what an algorithm that is tried out would change: what a label gains in its colour, what
    /// becomes background in the colour of what is taken.
    pub(super) fn paint_trial(&self, pane: usize) {
        let Some(TrialPicture { gained, lost }) = self.session.trial_on(pane) else { return };
        for (label, runs) in gained {
            let made = self.session.case().scheme().get(*label).map(|label| label.color);
            let Colour([r, g, b]) = made.unwrap_or_else(|| Colour::for_label(*label));
            self.paint_filled(runs, Color32::from_rgb(r, g, b));
        }
        self.paint_filled(lost, over_image::TAKEN);
    }

    /// What is asked for, at the top of the pane that the pointer is in.
    pub(super) fn paint_prompt(&self, words: &str) {
        let font = theme::medium(13.0);
        let galley = self.ui.painter().layout_no_wrap(words.to_owned(), font, over_image::TEXT);
        let middle = Pos2::new(self.rect.center().x, self.rect.top() + 44.0);
        let place = Rect::from_center_size(middle, galley.size() + Vec2::new(20.0, 10.0));
        self.painter().rect_filled(place, 6.0, over_image::SHADOW);
        self.painter().galley(place.min + Vec2::new(10.0, 5.0), galley, over_image::TEXT);
    }

    /// The four corners on screen of the cells of a run, in order around them; `None` on a plane that is
    /// no slice of the grid.
    fn corners_of(&self, run: &VoxelRun, grid: &Grid) -> Option<[Pos2; 4]> {
        let (family, slice) = self.view.slice?;
        let low = [run.i.start as f64, run.j as f64, run.k as f64].map(|n| n - 0.5);
        let high = [(run.i.end - 1) as f64, run.j as f64, run.k as f64].map(|n| n + 0.5);
        let [a, b] = match family.slice_axis {
            0 => [1, 2],
            1 => [0, 2],
            _ => [0, 1],
        };
        let corner = |at_a: [f64; 3], at_b: [f64; 3]| {
            let mut place = [slice as f64; 3];
            (place[a], place[b]) = (at_a[a], at_b[b]);
            self.on_screen(grid.patient_from_voxel() * Point::<Voxel>::from(place))
        };
        Some([corner(low, low), corner(high, low), corner(high, high), corner(low, high)])
    }
}

fn add_quad(mesh: &mut Mesh, corners: [Pos2; 4], colour: Color32) {
    let first = mesh.vertices.len() as u32;
    corners.into_iter().for_each(|corner| mesh.colored_vertex(corner, colour));
    mesh.add_triangle(first, first + 1, first + 2);
    mesh.add_triangle(first, first + 2, first + 3);
}

/// Adds the parts within a parallelogram of slanting lines that run through the whole window, so that
/// the hatch of one cell goes on in the next.
fn add_hatch(mesh: &mut Mesh, corners: [Pos2; 4], colour: Color32) {
    let across = |at: Pos2| at.x + at.y;
    let (first, last) = corners
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), at| (a.min(across(*at)), b.max(across(*at))));
    let half_width = Vec2::splat(0.5 * std::f32::consts::FRAC_1_SQRT_2);
    let mut place = (first / HATCH).ceil() * HATCH;
    while place <= last {
        let mut ends: Vec<Pos2> = Vec::new();
        for n in 0..4 {
            let (a, b) = (corners[n], corners[(n + 1) % 4]);
            let (from, to) = (across(a) - place, across(b) - place);
            if (from <= 0.0) != (to <= 0.0) {
                ends.push(a.lerp(b, from / (from - to)));
            }
        }
        if let [a, b] = ends[..] {
            add_quad(mesh, [a - half_width, b - half_width, b + half_width, a + half_width], colour);
        }
        place += HATCH;
    }
}

/// What a measurement comes to, as lists and captions say it.
pub(super) fn in_words(session: &Session, measured: &Measured) -> String {
    let volume: &Volume = session.case().volume();
    match measured {
        Measured::Length(length) => format!("{length:.1} {}", volume.placement.unit()),
        Measured::Degrees(Some(degrees)) => format!("{degrees:.1}°"),
        Measured::Degrees(None) => "no angle".to_owned(),
        Measured::Values(None) => "no voxel inside".to_owned(),
        Measured::Values(Some(RegionValues { mean, sd, min, max, .. })) => {
            let unit = volume.unit.as_deref().map_or(String::new(), |unit| format!(" {unit}"));
            format!("{} ± {} [{}, {}]{unit}", short(*mean), short(*sd), short(*min), short(*max))
        }
    }
}

/// A value with the digits that tell something.
fn short(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        small if small < 1.0 => format!("{value:.3}"),
        _ => format!("{value:.1}"),
    }
}
