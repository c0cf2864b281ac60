//! Which slice each pane shows, and what stands at a point of it.

use super::Session;
use crate::geometry::{GridPlane, Patient, Point, Voxel};
use crate::view::{Pane, SliceSource, View};
use crate::volume::LabelMap;

/// How many panes show slices.
pub const PANES: usize = 3;

/// What stands under the pointer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Readout {
    /// Continuous voxel coordinates.
    pub voxel: Point<Voxel>,
    /// The place in the patient.
    pub patient: Point<Patient>,
    /// The value of the voxel there at the time shown; `None` outside the grid and where nothing was scanned.
    pub value: Option<f64>,
    /// Red, green and blue as stored, where the study is in colour.
    pub colour: Option<[f64; 3]>,
    /// The topmost label there in a layer that is shown, 0 for none.
    pub label: u16,
}

impl Session {
    /// Where the crosshair stands.
    pub fn focus(&self) -> Point<Patient> {
        self.focus
    }

    /// Puts the crosshair somewhere; outside the grid it goes along i, j and k to the outermost voxels.
    pub fn set_focus(&mut self, to: Point<Patient>) {
        let grid = self.case.volume().grid();
        self.focus = if grid.index_at(to).is_some() {
            to
        } else {
            let place = (grid.voxel_from_patient() * to).to_array();
            let last = grid.dims().map(|n| (n - 1) as f64);
            let inside: [f64; 3] = std::array::from_fn(|axis| place[axis].clamp(0.0, last[axis]));
            grid.patient_from_voxel() * Point::from(inside)
        };
    }

    /// Which planes are shown.
    pub fn slice_source(&self) -> SliceSource {
        self.source
    }

    /// Shows the acquisition's own slices or true patient planes.
    pub fn set_slice_source(&mut self, source: SliceSource) {
        self.source = source;
    }

    /// Tells how large a pane is, in logical pixels. A pane that shows the whole grid goes on doing so.
    pub fn set_pane_size(&mut self, pane: usize, size: [f64; 2]) {
        let size = size.map(|edge| edge.max(1.0));
        let was_fitted = match self.sizes[pane] {
            None => true,
            Some(old) if old == size => return,
            Some(old) => self.panes[pane] == self.fitted(pane, old),
        };
        self.sizes[pane] = Some(size);
        if was_fitted {
            self.fit(pane);
        }
    }

    fn fitted(&self, pane: usize, size: [f64; 2]) -> Pane {
        Pane::fitted(self.panes[pane].plane, self.source, self.grid(), size)
    }

    /// The view of a pane now.
    pub fn view(&self, pane: usize) -> View {
        let size = self.sizes[pane].unwrap_or([512.0, 512.0]);
        self.panes[pane].view(self.source, self.grid(), self.focus, size)
    }

    /// The pane that slice keys act on: the one the pointer was over last.
    pub fn active_pane(&self) -> usize {
        self.active_pane
    }

    /// Shows all of the grid in a pane.
    pub fn fit(&mut self, pane: usize) {
        let size = self.sizes[pane].unwrap_or([512.0, 512.0]);
        self.panes[pane] = self.fitted(pane, size);
    }

    /// Moves the slice of a pane; a stroke under way goes on there.
    pub fn scroll_slices(&mut self, pane: usize, steps: i64) {
        if steps != 0 {
            self.direction = steps.signum();
        }
        self.set_focus(self.panes[pane].scrolled(self.source, self.grid(), self.focus, steps));
        self.continue_gesture_on_new_slice();
    }

    /// Shows a slice of a pane by its number along the voxel axis, whichever way the viewer looks.
    pub fn show_slice(&mut self, pane: usize, slice: usize) {
        let grid = self.case.volume().grid();
        let family = GridPlane::nearest(grid, self.panes[pane].plane);
        let slice = slice.min(family.slice_count(grid) - 1);
        if slice != family.slice_at(grid, self.focus) {
            self.set_focus(family.on_slice(grid, self.focus, slice));
            self.continue_gesture_on_new_slice();
        }
    }

    /// Shows the next slice of a pane, in the direction in which [`Self::scroll_slices`] with
    /// `forward` goes, that holds a label. Counts as of the last [`Self::refresh_counts`].
    pub fn show_annotated_slice(&mut self, pane: usize, forward: bool) {
        let grid = self.case.volume().grid();
        let family = GridPlane::nearest(grid, self.panes[pane].plane);
        let here = family.slice_at(grid, self.focus);
        let away = self.view(pane).plane.normal();
        let rises = grid.patient_from_voxel().axis(family.slice_axis).dot(away) >= 0.0;
        let annotated = self.annotated_slices(family.slice_axis);
        let next = if rises == forward {
            annotated.iter().find(|slice| **slice > here)
        } else {
            annotated.iter().rev().find(|slice| **slice < here)
        };
        match next.copied() {
            Some(slice) => self.show_slice(pane, slice),
            None => self.notice = Some("No slice with a label lies further that way".into()),
        }
    }

    /// Shows the next picture of a film: the next time of a study that has several, else the next slice of
    /// the active pane. After the last comes the first.
    pub fn play_on(&mut self) {
        let times = self.case.volume().times();
        if times > 1 {
            return self.show_time((self.display.time + 1) % times);
        }
        let (pane, here, direction) = (self.active_pane, self.focus, self.direction);
        self.scroll_slices(pane, 1);
        if self.focus == here {
            self.scroll_slices(pane, -i64::from(i32::MAX));
        }
        self.direction = direction;
    }

    /// Shows another point on the time axis; beyond its end, the last one.
    pub fn show_time(&mut self, time: usize) {
        self.display.time = time.min(self.case.volume().times() - 1);
    }

    /// Moves along the time axis.
    pub fn scroll_times(&mut self, steps: i64) {
        let steps = isize::try_from(steps).unwrap_or(0);
        self.show_time(self.display.time.saturating_add_signed(steps));
    }

    /// What stands at a point.
    pub fn readout(&self, at: Point<Patient>) -> Readout {
        let volume = self.case.volume();
        let index = volume.grid().index_at(at);
        let time = self.display.time;
        let scanned = index.filter(|index| !volume.is_missing_at(index.k, time));
        let label_in = |layer: &LabelMap| index.map_or(0, |index| layer.label(index));
        Readout {
            voxel: volume.grid().voxel_from_patient() * at,
            patient: at,
            value: scanned.map(|index| volume.value(index, time)),
            colour: scanned.and_then(|index| volume.colour(index, time)),
            label: self.case.shown_layers().rev().map(label_in).find(|label| *label != 0).unwrap_or(0),
        }
    }

    /// What stands under the pointer, while it is over a pane.
    pub fn hovered(&self) -> Option<Readout> {
        self.hovered_place().map(|at| self.readout(at))
    }

    /// The place under the pointer, while it is over a pane.
    pub(super) fn hovered_place(&self) -> Option<Point<Patient>> {
        let hover = self.hover?;
        Some(self.view(hover.pane).patient_at(hover.at.x(), hover.at.y()))
    }
}
