//! The pictures under the viewports: drawn by the renderer on the window's own device, or by its
//! CPU twin where there is none. The only file of the window that knows wgpu.

use std::collections::HashMap;

use egui::{Color32, Pos2, Rect, Ui, Vec2};
use egui_wgpu::{CallbackResources, CallbackTrait};

use super::canvas::OVERVIEW;
use crate::geometry::{Grid, Vector};
use crate::render::{
    Gpu, Image, Pace, Picture, Progress, Quality, Renderer, Subject, Threshold, draw_on_cpu,
};
use crate::segment::Accelerators;
use crate::session::Session;
use crate::view::{Orbit, View};
use crate::volume::Window;

/// Bytes of a volume sent to the device in one frame while it loads: some 10 ms worth.
const BYTES_A_FRAME: usize = 32 << 20;

/// Draws the panes' pictures.
#[derive(Default)]
pub(super) struct Pictures {
    orbit: Option<(Orbit, [f64; 2])>,
    turning: bool,
    /// Whether a processor plays the graphics device.
    is_software: bool,
    accelerators: Accelerators,
    /// A label that stands out while all others are dimmed.
    pub(super) highlight: Option<u16>,
    /// The values that most of the study lies between, for the overview.
    usual: Option<Window>,
    /// Whether the person asked for a fresh device.
    pub(super) reset_wanted: bool,
    by_cpu: HashMap<usize, (Picture, u64, egui::TextureHandle)>,
}

/// How the window asks for its graphics device.
pub fn device_options() -> egui_wgpu::WgpuConfiguration {
    let mut setup = egui_wgpu::WgpuSetupCreateNew::without_display_handle();
    setup.power_preference = eframe::wgpu::PowerPreference::HighPerformance;
    setup.device_descriptor = std::sync::Arc::new(crate::render::device_descriptor);
    egui_wgpu::WgpuConfiguration { wgpu_setup: egui_wgpu::WgpuSetup::CreateNew(setup), ..Default::default() }
}

impl Pictures {
    /// Brings the device up to date with the case. `false` when the device is lost and the window
    /// has to be made anew.
    pub(super) fn sync(&mut self, ui: &Ui, frame: &eframe::Frame, session: &Session) -> bool {
        self.turning = false;
        let Some(state) = frame.wgpu_render_state() else {
            self.is_software = true;
            return true;
        };
        let mut egui_renderer = state.renderer.write();
        let renderer = egui_renderer.callback_resources.entry::<Renderer>().or_insert_with(|| {
            let gpu = Gpu::of_window(&state.adapter, state.device.clone(), state.queue.clone());
            self.accelerators = crate::render::accelerators(&gpu);
            Renderer::new(gpu, state.target_format)
        });
        if std::mem::take(&mut self.reset_wanted) {
            renderer.gpu().destroy();
        }
        if renderer.gpu().is_lost() {
            return false;
        }
        if let Some(error) = renderer.gpu().take_error() {
            tracing::error!("the graphics device reports: {error}");
        }
        self.is_software = renderer.gpu().adapter().kind == "software";
        let pace = Pace::Bytes { budget: BYTES_A_FRAME, focus: session.focus() };
        if let Progress::Partly(_) = renderer.sync(session.case(), session.display().time, pace) {
            ui.ctx().request_repaint();
        }
        true
    }

    /// Whether the window's device is gone.
    pub(super) fn is_device_lost(&self, frame: &eframe::Frame) -> bool {
        let Some(state) = frame.wgpu_render_state() else { return false };
        let egui_renderer = state.renderer.read();
        egui_renderer.callback_resources.get::<Renderer>().is_some_and(|renderer| renderer.gpu().is_lost())
    }

    /// Takes over what the device does better: showing the threshold that is tried out, where pictures can
    /// tell it for every sample, and some work on masks.
    pub(super) fn take_work(&self, session: &mut Session) {
        let exact = Threshold::is_exact_on_device(session.case().volume());
        session.leave_thresholds_to_pictures(exact);
        session.leave_work_to(self.accelerators.clone());
    }

    /// Draws one slice pane.
    pub(super) fn paint_slice(
        &mut self,
        ui: &Ui,
        frame: &eframe::Frame,
        session: &Session,
        pane: usize,
        view: &View,
        rect: Rect,
    ) {
        let picture = Picture {
            subject: Subject::Slice(*view),
            display: *session.display(),
            highlight: self.highlight,
            threshold: threshold_of(session),
        };
        self.paint(ui, frame, session, pane, Some(picture), rect);
    }

    /// Draws the overview: the whole volume seen through.
    pub(super) fn paint_overview(&mut self, ui: &Ui, frame: &eframe::Frame, session: &Session, rect: Rect) {
        let size = [f64::from(rect.width()), f64::from(rect.height())];
        let grid = session.case().volume().grid();
        let orbit = match self.orbit {
            Some((orbit, fitted)) if fitted == size => orbit,
            Some((orbit, _)) => Orbit { yaw: orbit.yaw, pitch: orbit.pitch, ..fitted(grid, size) },
            None => fitted(grid, size),
        };
        self.orbit = Some((orbit, size));
        let quality = match (self.turning, self.is_software) {
            (true, _) => Quality::Coarse,
            (false, true) => Quality::Medium,
            (false, false) => Quality::Fine,
        };
        let subject = Subject::Projection { orbit, size, quality };
        let mut display = *session.display();
        // The greatest value along a line is nearly always a bright one: a wider window keeps its shades.
        let usual = self.usual.get_or_insert_with(|| session.case().volume().automatic_window());
        let window = display.window;
        display.window = Window::between(window.low(), usual.high().max(window.high() + window.width * 0.4));
        let picture = Picture { subject, display, highlight: self.highlight, threshold: None };
        // A stroke changes labels with every sample; the overview follows when the hand rests.
        let at_rest = session.gesture_pane().is_none();
        self.paint(ui, frame, session, OVERVIEW, at_rest.then_some(picture), rect);
    }

    /// Turns the overview after the hand.
    pub(super) fn turn_overview(&mut self, by: Vec2) {
        if let Some((orbit, _)) = &mut self.orbit {
            *orbit = orbit.turned(Vector::new(f64::from(by.x), f64::from(by.y), 0.0));
        }
        self.turning = true;
    }

    /// Forgets how the overview was turned, for another study.
    pub(super) fn reset(&mut self) {
        self.orbit = None;
        self.usual = None;
        self.by_cpu.clear();
    }

    fn paint(
        &mut self,
        ui: &Ui,
        frame: &eframe::Frame,
        session: &Session,
        pane: usize,
        picture: Option<Picture>,
        rect: Rect,
    ) {
        let scale = ui.ctx().pixels_per_point();
        let size = [rect.width(), rect.height()].map(|edge| (edge * scale).round().max(1.0) as u32);
        let Some(state) = frame.wgpu_render_state() else {
            return self.paint_by_cpu(ui, session, pane, picture, size, rect);
        };
        if let Some(picture) = picture {
            let mut egui_renderer = state.renderer.write();
            if let Some(renderer) = egui_renderer.callback_resources.get_mut::<Renderer>() {
                renderer.prepare_pane(pane as u64, &picture, size);
            }
        }
        let corner = [rect.min.x * scale, rect.min.y * scale];
        let callback = PanePicture { pane: pane as u64, corner };
        ui.painter().add(egui_wgpu::Callback::new_paint_callback(rect, callback));
    }

    fn paint_by_cpu(
        &mut self,
        ui: &Ui,
        session: &Session,
        pane: usize,
        picture: Option<Picture>,
        size: [u32; 2],
        rect: Rect,
    ) {
        let changes = session.changes();
        if let Some(picture) = picture {
            let is_current =
                self.by_cpu.get(&pane).is_some_and(|(old, at, _)| *old == picture && *at == changes);
            if !is_current {
                let image = egui_image(&draw_on_cpu(session.case(), &picture, size));
                let texture =
                    ui.ctx().load_texture(format!("pane {pane}"), image, egui::TextureOptions::NEAREST);
                self.by_cpu.insert(pane, (picture, changes, texture));
            }
        }
        if let Some((.., texture)) = self.by_cpu.get(&pane) {
            let whole = Rect::from_min_max(Pos2::ZERO, Pos2::new(1.0, 1.0));
            ui.painter().image(texture.id(), rect, whole, Color32::WHITE);
        }
    }

    /// What to say of how the pictures are made, where it is not the usual way.
    pub(super) fn remark(&self, frame: &eframe::Frame) -> Option<String> {
        let Some(state) = frame.wgpu_render_state() else {
            return Some("drawn by the CPU: no graphics device".into());
        };
        let egui_renderer = state.renderer.read();
        let reason = egui_renderer.callback_resources.get::<Renderer>()?.drawn_by_cpu_because()?;
        Some(format!("slices drawn by the CPU: {reason}"))
    }
}

/// The threshold that is tried out, where pictures show it.
fn threshold_of(session: &Session) -> Option<Threshold> {
    let (layer, rule, range) = session.threshold_on_pictures()?;
    Some(Threshold { layer, rule, range })
}

/// The whole grid, somewhat larger than would be safe for every turn: its corners are mostly air. From head to
/// foot it is all in sight.
fn fitted(grid: &Grid, size: [f64; 2]) -> Orbit {
    let orbit = Orbit::fitted(grid, size);
    let heights = grid.corners().map(|corner| (corner - grid.middle()).z().abs());
    let tallest = 2.0 * heights.into_iter().fold(1e-6, f64::max);
    Orbit { pixels_per_mm: (orbit.pixels_per_mm * 1.3).min(size[1] / tallest), ..orbit }
}

fn egui_image(image: &Image) -> egui::ColorImage {
    let size = image.size().map(|edge| edge as usize);
    egui::ColorImage::from_rgba_unmultiplied(size, image.rgba())
}

/// One pane's finished picture, put onto the window.
struct PanePicture {
    pane: u64,
    corner: [f32; 2],
}

impl CallbackTrait for PanePicture {
    fn paint(
        &self,
        _info: egui::PaintCallbackInfo,
        pass: &mut eframe::wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        if let Some(renderer) = resources.get::<Renderer>() {
            renderer.paint_pane(self.pane, pass, self.corner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Affine, Point};

    #[test]
    fn a_tall_study_is_in_sight_from_head_to_foot() {
        let [x, y, z] = [[0.7, 0.0, 0.0], [0.0, 0.7, 0.0], [0.0, 0.0, 1.0]].map(Vector::from);
        let map = Affine::from_axes(x, y, z, Point::ORIGIN).expect("invertible");
        for dims in [[512, 512, 1100], [512, 512, 60]] {
            let grid = Grid::new(dims, map, None).expect("a grid");
            let size = [452.0, 370.0];
            let orbit = fitted(&grid, size);
            let to_screen = orbit.patient_from_screen(size).inverse();
            let places = grid.corners().map(|corner| (to_screen * corner).y());
            assert!(places.iter().all(|y| (-0.5..=370.5).contains(y)), "{dims:?}: {places:?}");
        }
    }
}
