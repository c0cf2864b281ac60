//! The viewports: input to the session, and what is drawn over the pictures.

use egui::{
    Align2, Color32, CursorIcon, Event, FontId, PointerButton, Pos2, Rect, Role, Sense, Shape, Stroke, Ui,
    Vec2,
};

use super::captions::Captions;
use super::pictures::Pictures;
use super::slice_bar::{self, SliceBar};
use super::theme::{self, over_image};
use super::tool_marks;
use crate::annotation::{self, Annotation, OrientedBox};
use crate::geometry::{AnatomicalPlane, GridPlane, Patient, Point, Screen};
use crate::session::{Button, Command, Modifiers, PANES, Session};
use crate::tool::{Cursor, ToolKind};
use crate::view::{SliceSource, View, scale_bar};
use crate::volume::Placement;

/// Space held longer than this is no tap.
const TAP_SECONDS: f64 = 0.5;
/// Pixels of wheel travel, on devices that report pixels, that make one notch.
const NOTCH: f32 = 40.0;

/// What the viewports need to remember between frames.
#[derive(Default)]
pub(super) struct Canvas {
    /// The pane shown alone: 0 to 2 for slices, 3 for the overview.
    pub(super) maximised: Option<usize>,
    /// Since when Space is down, in seconds of the window, while it may still become a tap.
    space_since: Option<f64>,
    wheel_rest: f32,
}

/// The overview's number among the panes.
pub(super) const OVERVIEW: usize = PANES;

impl Canvas {
    /// Draws all viewports into what is left of `ui` and hands input to the session.
    pub(super) fn show(
        &mut self,
        ui: &mut Ui,
        session: &mut Session,
        pictures: &mut Pictures,
        frame: &eframe::Frame,
    ) {
        let area = ui.available_rect_before_wrap();
        ui.painter().rect_filled(area, 0.0, theme::palette(ui).control);
        let rects = self.layout(area);
        let mut responses = Vec::new();
        for (pane, rect) in &rects {
            if *pane < PANES {
                session.set_pane_size(*pane, [f64::from(rect.width()), f64::from(rect.height())]);
            }
            let response =
                ui.interact(*rect, ui.scope_id().with(("viewport", *pane)), Sense::click_and_drag());
            let name = format!("{} view", pane_name(*pane));
            response.widget_info(|| egui::WidgetInfo::labeled(Role::Canvas, true, &name));
            if response.double_clicked() && (session.tool_kind() == ToolKind::Navigate || *pane == OVERVIEW) {
                self.maximised = if self.maximised.is_some() { None } else { Some(*pane) };
            }
            if *pane == OVERVIEW && response.dragged() {
                pictures.turn_overview(response.drag_delta());
            }
            responses.push(response);
        }
        let bars = scroll_by_bars(ui, session, &rects);
        self.handle_input(ui, session, &rects, &bars);
        for ((pane, rect), response) in rects.iter().zip(&responses) {
            ui.painter().rect_filled(*rect, 0.0, Color32::BLACK);
            if *pane == OVERVIEW {
                pictures.paint_overview(ui, frame, session, *rect);
                paint_title(ui, *rect, "Overview", "projection · drag to turn");
            } else {
                let view = session.view(*pane);
                pictures.paint_slice(ui, frame, session, *pane, &view, *rect);
                let painter = PanePainter { ui, rect: *rect, view: &view, session };
                painter.paint_ghost(*pane);
                painter.paint_trial(*pane);
                painter.paint(*pane);
                if let Some(bar) = SliceBar::of(*rect, &view, session) {
                    bar.paint(ui, session);
                }
                let pointer = ui.input(|input| input.pointer.latest_pos());
                let on_bar = pointer.is_some_and(|pos| bars.iter().any(|bar| bar.contains(pos)));
                if !response.contains_pointer() || on_bar {
                    painter.paint_preview(session.standing_picture(*pane));
                } else if let Some((preview, cursor)) = session.tool_picture(*pane) {
                    painter.paint_preview(preview);
                    if let Some(prompt) = session.prompt() {
                        painter.paint_prompt(&prompt);
                    }
                    ui.ctx().set_cursor_icon(cursor_icon(cursor));
                }
            }
        }
    }

    fn layout(&self, area: Rect) -> Vec<(usize, Rect)> {
        if let Some(pane) = self.maximised {
            return vec![(pane, area)];
        }
        let half = (area.size() - Vec2::splat(theme::GAP)) / 2.0;
        let cell = |column: f32, row: f32| {
            let min = area.min + Vec2::new(column * (half.x + theme::GAP), row * (half.y + theme::GAP));
            Rect::from_min_size(min, half)
        };
        let [axial, coronal, sagittal] = [0, 1, 2];
        vec![
            (axial, cell(0.0, 0.0)),
            (sagittal, cell(1.0, 0.0)),
            (coronal, cell(0.0, 1.0)),
            (OVERVIEW, cell(1.0, 1.0)),
        ]
    }

    /// Whether letting go of Space now was a tap, not the end of a pan nor of a hold.
    pub(super) fn space_was_tapped(&mut self, ui: &Ui) -> bool {
        ui.input(|input| {
            // A key that is held goes on telling that it is pressed.
            let goes_down = |event: &Event| {
                matches!(event, Event::Key { key: egui::Key::Space, pressed: true, repeat: false, .. })
            };
            if input.events.iter().any(goes_down) {
                self.space_since = Some(input.time);
            }
            if !input.key_released(egui::Key::Space) {
                return false;
            }
            self.space_since.take().is_some_and(|since| input.time - since <= TAP_SECONDS)
        }) && !ui.ctx().text_edit_focused()
    }

    /// `bars` are the places where a press is a slice bar's.
    fn handle_input(&mut self, ui: &Ui, session: &mut Session, rects: &[(usize, Rect)], bars: &[Rect]) {
        let ctx = ui.ctx();
        let (events, held, space) =
            ctx.input(|input| (input.events.clone(), input.modifiers, input.key_down(egui::Key::Space)));
        let keys =
            |m: egui::Modifiers| Modifiers { ctrl: m.command || m.ctrl, shift: m.shift, alt: m.alt, space };
        // Menus and dialogs lie on other layers; a press on them is none of the viewports'.
        let uncovered = |pos: Pos2| ctx.layer_id_at(pos).is_none_or(|layer| layer == ui.layer_id());
        let under = |pos: Pos2| {
            rects.iter().find(|(pane, rect)| *pane < PANES && rect.contains(pos) && uncovered(pos))
        };
        let inside = |rect: Rect, pos: Pos2| {
            Point::<Screen>::new(f64::from(pos.x - rect.min.x), f64::from(pos.y - rect.min.y), 0.0)
        };
        let mut last_pos = ctx.input(|input| input.pointer.latest_pos());
        let acts = |event: &Event| matches!(event, Event::PointerButton { .. } | Event::MouseWheel { .. });
        if events.iter().any(acts) {
            // The panels were drawn before this input was seen.
            ctx.request_repaint();
        }
        for event in events {
            match event {
                Event::PointerMoved(pos) => {
                    last_pos = Some(pos);
                    let grabbed = session
                        .gesture_pane()
                        .and_then(|pane| rects.iter().find(|(other, _)| *other == pane));
                    match grabbed.or_else(|| under(pos)) {
                        Some((pane, rect)) => session.pointer_moved(*pane, inside(*rect, pos), keys(held)),
                        None => session.pointer_left(),
                    }
                }
                Event::PointerButton { pos, button: PointerButton::Extra1, pressed: true, .. }
                    if under(pos).is_some() =>
                {
                    session.run(Command::AnnotatedSlice(-1));
                }
                Event::PointerButton { pos, button: PointerButton::Extra2, pressed: true, .. }
                    if under(pos).is_some() =>
                {
                    session.run(Command::AnnotatedSlice(1));
                }
                Event::PointerButton { pos, button, pressed: true, modifiers } => {
                    let Some((pane, rect)) = under(pos) else { continue };
                    if bars.iter().any(|bar| bar.contains(pos)) {
                        continue;
                    }
                    let Some(button) = pane_button(button) else { continue };
                    if space {
                        self.space_since = None;
                    }
                    // A menu is left by a press elsewhere, which is a stroke all the same.
                    egui::Popup::close_all(ctx);
                    ctx.memory_mut(|memory| memory.stop_text_input());
                    session.press(*pane, inside(*rect, pos), button, keys(modifiers));
                }
                Event::PointerButton { pos, button, pressed: false, .. } => {
                    let grabbed = session
                        .gesture_pane()
                        .and_then(|pane| rects.iter().find(|(other, _)| *other == pane));
                    if let (Some((_, rect)), Some(button)) = (grabbed, pane_button(button)) {
                        session.release(inside(*rect, pos), button);
                    }
                }
                Event::MouseWheel { unit, delta, modifiers, .. } => {
                    let Some((pane, rect)) = last_pos.and_then(under) else { continue };
                    // Some systems turn Shift+wheel and Alt+wheel into sideways scrolling.
                    let travel = if delta.y != 0.0 { delta.y } else { delta.x };
                    let notches = match unit {
                        egui::MouseWheelUnit::Point => travel / NOTCH,
                        _ => travel,
                    };
                    let keys = keys(modifiers);
                    let whole = self.whole_notches(notches, keys.ctrl || keys.shift || keys.alt);
                    if let Some(pos) = last_pos.filter(|_| whole != 0.0) {
                        session.wheel(*pane, inside(*rect, pos), f64::from(whole), keys);
                    }
                }
                Event::PointerGone => session.pointer_left(),
                Event::WindowFocused(false) => session.let_go(),
                _ => {}
            }
        }
    }

    /// Slices come in whole notches; what a fine wheel turns less is kept for the next event.
    fn whole_notches(&mut self, notches: f32, may_be_fraction: bool) -> f32 {
        if may_be_fraction {
            return notches;
        }
        self.wheel_rest += notches;
        let whole = self.wheel_rest.trunc();
        self.wheel_rest -= whole;
        whole
    }
}

/// A pane's name in words.
pub(super) fn pane_name(pane: usize) -> &'static str {
    match AnatomicalPlane::ALL.get(pane) {
        Some(AnatomicalPlane::Axial) => "Axial",
        Some(AnatomicalPlane::Coronal) => "Coronal",
        Some(AnatomicalPlane::Sagittal) => "Sagittal",
        None => "Overview",
    }
}

fn pane_button(button: PointerButton) -> Option<Button> {
    match button {
        PointerButton::Primary => Some(Button::Left),
        PointerButton::Secondary => Some(Button::Right),
        PointerButton::Middle => Some(Button::Middle),
        _ => None,
    }
}

fn cursor_icon(cursor: Cursor) -> CursorIcon {
    match cursor {
        Cursor::Crosshair => CursorIcon::Crosshair,
        Cursor::Hidden => CursorIcon::None,
        Cursor::Move => CursorIcon::Move,
        Cursor::Resize => CursorIcon::ResizeNwSe,
    }
}

fn paint_title(ui: &Ui, rect: Rect, name: &str, detail: &str) {
    let at = rect.min + Vec2::new(10.0, 8.0);
    let title = text(ui, at, Align2::LEFT_TOP, name, theme::medium(13.0), over_image::TEXT);
    let font = FontId::proportional(12.0);
    let beside = Pos2::new(title.right() + 8.0, at.y);
    let width = ui.painter().layout_no_wrap(detail.to_owned(), font.clone(), over_image::WEAK).size().x;
    // In a narrow pane it would run into the letter at the top.
    if beside.x + width < rect.center().x - 16.0 {
        text(ui, beside, Align2::LEFT_TOP, detail, font, over_image::WEAK);
    } else {
        text(ui, title.left_bottom() + Vec2::new(0.0, 2.0), Align2::LEFT_TOP, detail, font, over_image::WEAK);
    }
}

/// Text that reads over any picture.
pub(super) fn text(ui: &Ui, at: Pos2, anchor: Align2, words: &str, font: FontId, colour: Color32) -> Rect {
    let painter = ui.painter();
    for halo in [Vec2::new(-1.0, -1.0), Vec2::new(1.0, -1.0), Vec2::new(-1.0, 1.0), Vec2::new(1.0, 1.0)] {
        painter.text(at + halo, anchor, words, font.clone(), over_image::SHADOW);
    }
    painter.text(at, anchor, words, font, colour)
}

/// Draws over the picture of one slice pane.
pub(super) struct PanePainter<'a> {
    pub(super) ui: &'a Ui,
    pub(super) rect: Rect,
    pub(super) view: &'a View,
    pub(super) session: &'a Session,
}

impl PanePainter<'_> {
    pub(super) fn on_screen(&self, point: Point<Patient>) -> Pos2 {
        let place = self.view.screen_from_patient() * point;
        self.rect.min + Vec2::new(place.x() as f32, place.y() as f32)
    }

    pub(super) fn painter(&self) -> egui::Painter {
        self.ui.painter().with_clip_rect(self.rect)
    }

    fn paint(&self, pane: usize) {
        if self.session.crosshair_shown() {
            self.paint_crosshair();
        }
        if self.session.annotations_shown() {
            for annotation in self.session.case().annotations() {
                self.paint_annotation(annotation);
            }
            self.paint_names();
        }
        if self.shows_missing_slice() {
            let words = "no slice here: it is missing from the series";
            text(
                self.ui,
                self.rect.center(),
                Align2::CENTER_CENTER,
                words,
                theme::medium(15.0),
                over_image::TEXT,
            );
        }
        self.paint_letters();
        self.paint_scale_bar();
        paint_title(self.ui, self.rect, self.name(pane), &self.detail());
    }

    fn shows_missing_slice(&self) -> bool {
        let (volume, time) = (self.session.case().volume(), self.session.display().time);
        let is_missing =
            |(family, slice): (GridPlane, usize)| family.slice_axis == 2 && volume.is_missing_at(slice, time);
        self.view.slice.is_some_and(is_missing)
    }

    /// The plane's anatomical name; where nobody knows the patient's sides, the axes it shows.
    fn name(&self, pane: usize) -> &'static str {
        if self.session.case().volume().placement == Placement::Patient {
            return pane_name(pane);
        }
        match self.view.slice.map(|(family, _)| family.slice_axis) {
            Some(2) => "Image",
            Some(1) => "Columns and slices",
            Some(0) => "Rows and slices",
            _ => pane_name(pane),
        }
    }

    /// Which slice this is, and how far from the plane it is named after.
    fn detail(&self) -> String {
        let grid = self.session.case().volume().grid();
        let mut words = match self.view.slice {
            Some((family, slice)) => format!("{} / {}", slice + 1, family.slice_count(grid)),
            None => {
                let along = self.view.plane.origin().to_array()[self.view.anatomical.normal_axis()];
                format!("{along:.1} mm · resliced")
            }
        };
        let volume = self.session.case().volume();
        if let Some(axis) = &volume.time_axis {
            let caption = axis.caption(self.session.display().time, volume.times());
            words += &format!(" · {} {caption}", axis.kind.name().to_lowercase());
        }
        let oblique = self.view.obliquity_degrees();
        if oblique >= 0.5 {
            words += &format!(" · oblique {oblique:.0}°");
        }
        words
    }

    fn paint_crosshair(&self) {
        let at = self.on_screen(self.session.focus());
        let painter = self.painter();
        let stroke = Stroke::new(1.0, over_image::CROSSHAIR);
        // The middle stays free, so that what it points at can be seen.
        let free = 9.0;
        let Rect { min, max } = self.rect;
        for segment in [
            [Pos2::new(min.x, at.y), Pos2::new(at.x - free, at.y)],
            [Pos2::new(at.x + free, at.y), Pos2::new(max.x, at.y)],
            [Pos2::new(at.x, min.y), Pos2::new(at.x, at.y - free)],
            [Pos2::new(at.x, at.y + free), Pos2::new(at.x, max.y)],
        ] {
            painter.line_segment(segment, stroke);
        }
    }

    fn places_of_letters(&self) -> [(Pos2, Align2); 4] {
        let (rect, inset) = (self.rect, 10.0);
        [
            (Pos2::new(rect.left() + inset, rect.center().y), Align2::LEFT_CENTER),
            (Pos2::new(rect.right() - inset - slice_bar::WIDTH, rect.center().y), Align2::RIGHT_CENTER),
            (Pos2::new(rect.center().x, rect.top() + inset - 2.0), Align2::CENTER_TOP),
            (Pos2::new(rect.center().x, rect.bottom() - inset + 2.0), Align2::CENTER_BOTTOM),
        ]
    }

    fn paint_letters(&self) {
        // Where the file does not place the patient, no side is claimed but those it states of the picture.
        let volume = self.session.case().volume();
        let letters = match (volume.placement, &volume.stated_sides) {
            (Placement::Patient, _) => {
                self.view.edge_directions().map(|direction| direction.letter().to_string())
            }
            (_, Some(sides)) => self.view.edge_directions().map(|edge| edge.of_stated(sides)),
            _ => return,
        };
        for (letter, (at, anchor)) in letters.iter().zip(self.places_of_letters()) {
            let font = theme::medium(17.0);
            let size =
                self.ui.painter().layout_no_wrap(letter.clone(), font.clone(), over_image::TEXT).size();
            let behind = anchor.anchor_size(at, size).expand2(Vec2::new(4.0, 0.0));
            self.painter().rect_filled(behind, 4.0, Color32::from_black_alpha(150));
            text(self.ui, at, anchor, letter, font, over_image::TEXT);
        }
    }

    fn paint_scale_bar(&self) {
        let bar = scale_bar(self.view);
        let length = bar.pixels as f32;
        let right = self.rect.right() - 14.0 - slice_bar::WIDTH;
        let y = self.rect.bottom() - 14.0;
        let painter = self.painter();
        let line = |offset: Vec2, colour| {
            let [a, b] = [Pos2::new(right - length, y) + offset, Pos2::new(right, y) + offset];
            let stroke = Stroke::new(1.5, colour);
            painter.line_segment([a, b], stroke);
            painter.line_segment([a - Vec2::new(0.0, 4.0), a], stroke);
            painter.line_segment([b - Vec2::new(0.0, 4.0), b], stroke);
        };
        line(Vec2::splat(1.0), over_image::SHADOW);
        line(Vec2::ZERO, over_image::TEXT);
        let unit = self.session.case().volume().placement.unit();
        let words = format!("{} {unit}", bar.mm);
        let above = Pos2::new(right - length / 2.0, y - 5.0);
        text(self.ui, above, Align2::CENTER_BOTTOM, &words, FontId::proportional(12.0), over_image::TEXT);
    }

    fn colour_of(&self, annotation: &Annotation) -> Color32 {
        let label = annotation.label.and_then(|index| self.session.case().scheme().get(index));
        label.map_or(Color32::from_rgb(0x56, 0xb4, 0xe9), |label| {
            let [r, g, b] = label.color.0;
            Color32::from_rgb(r, g, b)
        })
    }

    /// Names lie over all marks, so that none is crossed by a line.
    fn paint_names(&self) {
        let mut captions = Captions::new(self.rect);
        for (at, anchor) in self.places_of_letters() {
            captions.avoid(anchor.anchor_size(at, Vec2::splat(24.0)));
        }
        for annotation in self.session.case().annotations() {
            let mark = match annotation.shape {
                annotation::Shape::Box(shape) => {
                    let outline = shape.section(&self.view.plane);
                    Rect::from_points(&outline.into_iter().map(|p| self.on_screen(p)).collect::<Vec<_>>())
                }
                annotation::Shape::Landmark(point) if self.is_near(point) => {
                    Rect::from_center_size(self.on_screen(point), Vec2::splat(14.0))
                }
                annotation::Shape::Landmark(_) => Rect::NOTHING,
                measurement => self.place_of_measurement(&measurement),
            };
            let measured = self.session.measured(annotation.id);
            let words = match measured {
                Some(measured) => {
                    format!("{}  {}", annotation.name, tool_marks::in_words(self.session, &measured))
                }
                None => annotation.name.clone(),
            };
            if mark.is_positive() && mark.intersects(self.rect) {
                captions.write(&self.painter(), mark, &words, self.colour_of(annotation));
            }
        }
    }

    fn paint_annotation(&self, annotation: &Annotation) {
        let selected = self.session.selected().is_some_and(|other| other.id == annotation.id);
        let colour = self.colour_of(annotation);
        match annotation.shape {
            annotation::Shape::Box(shape) => self.paint_box(&shape, colour, selected),
            annotation::Shape::Landmark(point) => self.paint_landmark(point, colour, selected),
            measurement => {
                if self.place_of_measurement(&measurement).is_positive() {
                    self.paint_measurement(&measurement, colour, selected);
                }
            }
        }
    }

    pub(super) fn paint_box(&self, shape: &OrientedBox, colour: Color32, selected: bool) {
        let outline: Vec<Pos2> =
            shape.section(&self.view.plane).into_iter().map(|p| self.on_screen(p)).collect();
        if outline.len() < 3 {
            return;
        }
        let painter = self.painter();
        painter.add(Shape::closed_line(
            outline.clone(),
            Stroke::new(if selected { 4.0 } else { 3.5 }, over_image::SHADOW),
        ));
        painter
            .add(Shape::closed_line(outline.clone(), Stroke::new(if selected { 2.0 } else { 1.5 }, colour)));
        if selected {
            for handle in self.handles(shape, &outline) {
                let square = Rect::from_center_size(handle, Vec2::splat(7.0));
                painter.rect(
                    square,
                    1.0,
                    Color32::WHITE,
                    Stroke::new(1.0, Color32::BLACK),
                    egui::StrokeKind::Outside,
                );
            }
        }
    }

    fn handles(&self, shape: &OrientedBox, outline: &[Pos2]) -> Vec<Pos2> {
        let mut handles = outline.to_vec();
        for axis in 0..3 {
            if shape.axes[axis].dot(self.view.plane.normal()).abs() < 0.7 {
                for side in [-1.0, 1.0] {
                    handles
                        .push(self.on_screen(shape.centre + shape.axes[axis] * (side * shape.half_mm[axis])));
                }
            }
        }
        handles
    }

    /// A point's distance from the plane, in the greatest steps of the grid.
    fn steps_away(&self, point: Point<Patient>) -> f64 {
        let spacing = self.session.case().volume().grid().spacing_mm().into_iter().fold(0.0, f64::max);
        self.view.plane.depth_of(point).abs() / spacing
    }

    pub(super) fn is_near(&self, point: Point<Patient>) -> bool {
        self.steps_away(point) <= 0.5 + 1e-6
    }

    fn paint_landmark(&self, point: Point<Patient>, colour: Color32, selected: bool) {
        if self.steps_away(point) > 3.0 {
            return;
        }
        // Near slices show a fainter mark, so that a point can be found again.
        let near = self.is_near(point);
        let colour = if near { colour } else { colour.gamma_multiply(0.4) };
        let at = self.on_screen(point);
        let painter = self.painter();
        let arm = if selected { 8.0 } else { 6.0 };
        for (width, colour) in [(4.0, over_image::SHADOW), (1.5, colour)] {
            let stroke = Stroke::new(width, colour);
            painter.line_segment([at - Vec2::new(arm, 0.0), at + Vec2::new(arm, 0.0)], stroke);
            painter.line_segment([at - Vec2::new(0.0, arm), at + Vec2::new(0.0, arm)], stroke);
            if near {
                painter.circle_stroke(at, 4.0, stroke);
            }
        }
    }
}

/// Lets hands scroll by the bars at the right borders; gives where they are.
fn scroll_by_bars(ui: &Ui, session: &mut Session, rects: &[(usize, Rect)]) -> Vec<Rect> {
    let mut places = Vec::new();
    for (pane, rect) in rects.iter().filter(|(pane, _)| *pane < PANES) {
        let Some(bar) = SliceBar::of(*rect, &session.view(*pane), session) else { continue };
        places.push(bar.reach());
        if let Some(slice) = bar.interact(ui, *pane, pane_name(*pane)) {
            session.show_slice(*pane, slice);
        }
    }
    places
}

/// Whether true patient planes are shown.
pub(super) fn is_resliced(session: &Session) -> bool {
    session.slice_source() == SliceSource::Patient
}
