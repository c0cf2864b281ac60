//! Names beside marks: legible over any picture, and none over another.

use egui::{Align2, Color32, Painter, Pos2, Rect, Stroke, Vec2};

use super::slice_bar;
use super::theme::{self, over_image};

/// The names of one pane.
pub(super) struct Captions {
    within: Rect,
    taken: Vec<Rect>,
}

/// Rows tried above and below a mark before names may overlap after all.
const ROWS: usize = 12;

impl Captions {
    /// No names yet, in a pane whose slice bar is not to be covered either.
    pub(super) fn new(pane: Rect) -> Self {
        let within = Rect::from_min_max(pane.min, pane.max - Vec2::new(slice_bar::WIDTH, 0.0));
        Self { within: within.shrink(4.0), taken: Vec::new() }
    }

    /// Leaves a place free.
    pub(super) fn avoid(&mut self, place: Rect) {
        self.taken.push(place);
    }

    /// Writes a name beside the outline of a mark.
    pub(super) fn write(&mut self, painter: &Painter, mark: Rect, name: &str, colour: Color32) {
        let galley = painter.layout_no_wrap(name.to_owned(), theme::medium(12.0), over_image::TEXT);
        let size = galley.size() + Vec2::new(18.0, 4.0);
        let place = self.free_place(mark, size);
        let middle = place.center();
        if mark.expand(14.0).intersect(place).is_negative() {
            let from = mark.clamp(middle);
            painter.line_segment([from, place.clamp(from)], Stroke::new(1.0, colour.gamma_multiply(0.7)));
        }
        painter.rect_filled(place, 4.0, over_image::SHADOW);
        let dot = Rect::from_center_size(Pos2::new(place.left() + 8.0, middle.y), Vec2::splat(7.0));
        painter.rect_filled(dot, 2.0, colour);
        let text = Align2::LEFT_CENTER.anchor_size(Pos2::new(place.left() + 15.0, middle.y), galley.size());
        painter.galley(text.min, galley, over_image::TEXT);
        self.taken.push(place);
    }

    /// The nearest place for a name of that size that covers no other name.
    fn free_place(&self, mark: Rect, size: Vec2) -> Rect {
        let row = size.y + 2.0;
        let beside = [
            Pos2::new(mark.left(), mark.top() - row),
            Pos2::new(mark.left(), mark.bottom() + 2.0),
            Pos2::new(mark.right() + 3.0, mark.top()),
            Pos2::new(mark.left() - size.x - 3.0, mark.top()),
        ];
        let farther = (1..ROWS).flat_map(|rows| {
            let by = row * rows as f32;
            [
                Pos2::new(mark.left(), mark.bottom() + 2.0 + by),
                Pos2::new(mark.left(), mark.top() - row - by),
                Pos2::new(mark.right() + 3.0, mark.top() + by),
                Pos2::new(mark.left() - size.x - 3.0, mark.top() + by),
            ]
        });
        // Beside a border both sides fall together; the next column is free then.
        let second = (0..ROWS).flat_map(|rows| {
            let by = row * rows as f32;
            [mark.right() + size.x + 6.0, mark.left() - 2.0 * size.x - 6.0]
                .into_iter()
                .flat_map(move |x| [Pos2::new(x, mark.top() + by), Pos2::new(x, mark.top() - by)])
        });
        let inside = |min: Pos2| {
            let farthest = (self.within.max - size).max(self.within.min);
            Rect::from_min_size(min.clamp(self.within.min, farthest), size)
        };
        let is_free = |place: &Rect| self.taken.iter().all(|taken| !taken.intersects(*place));
        beside
            .into_iter()
            .chain(farther)
            .chain(second)
            .map(inside)
            .find(is_free)
            .unwrap_or_else(|| inside(beside[0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dozen_names_at_one_place_cover_neither_each_other_nor_the_border() {
        let pane = Rect::from_min_size(Pos2::new(100.0, 50.0), Vec2::new(300.0, 260.0));
        let mut captions = Captions::new(pane);
        let letter = Rect::from_center_size(Pos2::new(360.0, 80.0), Vec2::splat(24.0));
        captions.avoid(letter);
        for number in 0..12 {
            let mark = Rect::from_center_size(Pos2::new(380.0, 60.0 + number as f32), Vec2::splat(12.0));
            let place = captions.free_place(mark, Vec2::new(90.0, 18.0));
            assert!(captions.taken.iter().all(|taken| !taken.intersects(place)), "name {number}");
            assert!(pane.contains_rect(place), "name {number} at {place:?}");
            assert!(!place.intersects(letter), "name {number} at {place:?}");
            captions.taken.push(place);
        }
    }
}
