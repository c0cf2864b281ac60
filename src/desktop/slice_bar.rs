//! The bar at a pane's right border: where its slice stands among all, and which of them hold labels.
//!
//! Always true: a tick stands where a click shows that very slice.

use egui::{Pos2, Rect, Response, Sense, Ui, Vec2};

use super::theme::over_image;
use crate::session::Session;
use crate::view::View;

/// Width of the bar with its margin.
pub(super) const WIDTH: f32 = 16.0;

/// One pane's bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SliceBar {
    /// What is drawn.
    rect: Rect,
    /// The voxel axis along which slices are counted.
    axis: usize,
    count: usize,
    /// The slice that is shown.
    slice: usize,
    /// Whether slices count from the bottom up.
    rises: bool,
}

impl SliceBar {
    /// The bar of a pane; `None` where there is nothing to scroll through.
    pub(super) fn of(pane: Rect, view: &View, session: &Session) -> Option<Self> {
        let (family, slice) = view.slice?;
        let grid = session.case().volume().grid();
        let count = family.slice_count(grid);
        let rect = Rect::from_min_max(
            Pos2::new(pane.right() - WIDTH + 4.0, pane.top() + 36.0),
            Pos2::new(pane.right() - 5.0, pane.bottom() - 12.0),
        );
        let axis = family.slice_axis;
        let rises = grid.patient_from_voxel().axis(axis).dot(view.plane.normal()) >= 0.0;
        (count > 1 && rect.is_positive()).then_some(Self { rect, axis, count, slice, rises })
    }

    /// Where a press is the bar's: wider than what is drawn, so that a hand meets it.
    pub(super) fn reach(&self) -> Rect {
        Rect::from_min_max(
            Pos2::new(self.rect.left() - 3.0, self.rect.top() - 4.0),
            Pos2::new(self.rect.right() + 5.0, self.rect.bottom() + 4.0),
        )
    }

    /// The middle of a slice's place on the bar.
    fn y_of(&self, slice: usize) -> f32 {
        let t = (slice as f32 + 0.5) / self.count as f32;
        self.rect.top() + self.rect.height() * if self.rises { 1.0 - t } else { t }
    }

    /// The slice at a height; beyond the ends, the outermost one.
    fn slice_at(&self, y: f32) -> usize {
        let t = ((y - self.rect.top()) / self.rect.height()).clamp(0.0, 1.0);
        let t = if self.rises { 1.0 - t } else { t };
        ((t * self.count as f32) as usize).min(self.count - 1)
    }

    /// Lets a hand jump and scroll; the slice it asks for.
    pub(super) fn interact(&self, ui: &Ui, pane: usize, name: &str) -> Option<usize> {
        let id = ui.scope_id().with(("slice bar", pane));
        let response: Response = ui.interact(self.reach(), id, Sense::click_and_drag());
        let value = (self.slice + 1) as f64;
        response.widget_info(|| egui::WidgetInfo::slider(true, value, format!("{name} slice")));
        if response.contains_pointer() || response.dragged() {
            ui.ctx().set_cursor_icon(egui::CursorIcon::ResizeVertical);
        }
        let held = response.is_pointer_button_down_on() || response.clicked();
        let wanted = self.slice_at(response.interact_pointer_pos().filter(|_| held)?.y);
        (wanted != self.slice).then_some(wanted)
    }

    /// Draws the bar.
    pub(super) fn paint(&self, ui: &Ui, session: &Session) {
        let painter = ui.painter();
        painter.rect_filled(self.rect, 3.0, over_image::BAR);
        let (thickness, bar) = (self.thickness(), self.rect);
        for slice in session.annotated_slices(self.axis) {
            let size = Vec2::new(bar.width(), thickness);
            let tick = Rect::from_center_size(Pos2::new(bar.center().x, self.y_of(*slice)), size);
            painter.rect_filled(tick.intersect(bar), 0.0, over_image::TICK);
        }
        // Nobody painted these: stripes, so that it shows without colour.
        for slice in session.interpolated_slices(self.axis) {
            let size = Vec2::new(bar.width(), thickness);
            let tick =
                Rect::from_center_size(Pos2::new(bar.center().x, self.y_of(slice)), size).intersect(bar);
            for stripe in 0..3 {
                let left = bar.left() + bar.width() * (0.15 + 0.3 * stripe as f32);
                let gap = Rect::from_x_y_ranges(left..=left + bar.width() * 0.14, tick.y_range());
                painter.rect_filled(gap, 0.0, over_image::BAR);
            }
        }
        let y = self.y_of(self.slice).round();
        let here = Rect::from_center_size(Pos2::new(bar.center().x, y), Vec2::new(bar.width() + 6.0, 3.0));
        painter.rect_filled(here.expand(1.0), 2.0, over_image::SHADOW);
        painter.rect_filled(here, 1.0, over_image::TEXT);
        if session.annotated_slices(self.axis).binary_search(&self.slice).is_ok() {
            painter.rect_filled(here.shrink2(Vec2::new(4.0, 0.0)), 0.0, over_image::TICK_HERE);
        }
    }

    fn thickness(&self) -> f32 {
        (self.rect.height() / self.count as f32).max(1.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_on_a_tick_shows_its_slice() {
        for (count, rises) in [(2, true), (20, false), (137, true), (1100, false)] {
            let rect = Rect::from_min_size(Pos2::new(3.0, 36.0), Vec2::new(8.0, 352.0));
            let bar = SliceBar { rect, axis: 2, count, slice: 0, rises };
            for slice in 0..count {
                assert_eq!(bar.slice_at(bar.y_of(slice)), slice, "of {count}");
            }
            let (first, last) = if rises { (1e4, -1e4) } else { (-1e4, 1e4) };
            assert_eq!((bar.slice_at(first), bar.slice_at(last)), (0, count - 1));
        }
    }
}
