//! What a person does from slice to slice: going to what is marked, copying to the next.

use super::Session;
use crate::annotation::Shape;
use crate::case::{Edit, EditError, MaskWriter};
use crate::geometry::{Patient, Vector, VoxelBox};
use crate::tool::{Ask, ToolKind};
use crate::volume::Mask;

impl Session {
    /// Copies the selected box, or else what the active label has on the slice shown, to the next
    /// slice in the direction walked last, and goes there.
    pub fn copy_to_next_slice(&mut self) -> Result<(), EditError> {
        let pane = self.active_pane;
        let here = self.focus;
        let next = self.panes[pane].scrolled(self.source, self.grid(), here, self.direction);
        let by = next - here;
        if by.length() < 1e-9 {
            self.notice = Some("There is no further slice".into());
            return Ok(());
        }
        let copied = match self.selected().map(|selected| (selected.name.clone(), selected.shape)) {
            Some((name, shape @ Shape::Box(_))) => self.copy_box(&name, shape.moved_by(by)),
            _ => self.copy_mask(),
        };
        if copied? {
            self.set_focus(next);
        }
        Ok(())
    }

    /// Adds another box like the selected one; `true` if it did.
    fn copy_box(&mut self, name: &str, shape: Shape) -> Result<bool, EditError> {
        let Some(mut copy) = self.selected().cloned() else { return Ok(false) };
        copy.id = uuid::Uuid::new_v4();
        copy.name = crate::tool::numbered_name(&self.case, "Box");
        copy.shape = shape;
        copy.author.clone_from(&self.author);
        copy.created = super::now();
        let id = copy.id;
        self.apply_step(&format!("Copy {name} to the next slice"), |case| {
            vec![Edit::add_annotation(case, copy)]
        })?;
        let made = self.case.annotation(id).is_some();
        if made {
            self.selected = Some(id);
        }
        Ok(made)
    }

    /// Writes the active label into the next slice where it is in this one; `true` if it changed
    /// anything.
    fn copy_mask(&mut self) -> Result<bool, EditError> {
        let label = self.active_label;
        let view = self.view(self.active_pane);
        let Some((family, slice)) = view.slice else {
            self.notice =
                Some("Masks are copied between scanned slices: leave the true patient planes".into());
            return Ok(false);
        };
        let axis = family.slice_axis;
        let next =
            self.panes[self.active_pane].scrolled(self.source, self.grid(), self.focus, self.direction);
        let to = family.slice_at(self.grid(), next);
        let Some(name) = self.case.scheme().get(label).map(|label| label.name.clone()) else {
            self.notice = Some("There is no label to copy".into());
            return Ok(false);
        };
        let map = &self.case.layers()[self.layer];
        let mask = Mask::of_label(map, slice_box(self.grid().bounds(), axis, slice), label);
        if mask.is_empty() {
            self.notice = Some(format!("{name} is not on this slice"));
            return Ok(false);
        }
        if self.case.scheme().is_locked(label) {
            self.notice = Some(format!("\"{name}\" is locked: unlock it to change it"));
            return Ok(false);
        }
        let rule = self.with_desk(|desk| desk.rule(label, false));
        let layer = self.layer;
        let before = self.changes;
        self.apply_step(&format!("Copy {name} to the next slice"), |case| {
            let Some(mut writer) = MaskWriter::new(case, layer, rule) else { return Vec::new() };
            mask.for_each_run(|i, j, k| match axis {
                0 => writer.write_run(to..to + 1, j, k),
                1 => writer.write_run(i, to, k),
                _ => writer.write_run(i, j, to),
            });
            writer.finish().into_iter().collect()
        })?;
        let changed = self.changes != before;
        if !changed && self.notice.is_none() {
            self.notice = Some(format!("{name} is on the next slice already, as far as it may be"));
        }
        // What is there already is as good as copied: a person goes on to the next.
        Ok(self.looks_only.is_none())
    }

    /// Shows the last contour once more with its points to be changed: on the slice shown, or on the
    /// next one where this is its own.
    pub fn paste_contour(&mut self) {
        if self.tool_kind != ToolKind::Polygon {
            self.take_tool(ToolKind::Polygon);
        }
        let view = self.view(self.active_pane);
        if self.last_contour.as_ref().is_some_and(|last| last.lies_on(&view, self.grid())) {
            self.scroll_slices(self.active_pane, self.direction);
        }
        self.ask(Ask::Paste);
    }

    /// Moves the selected landmark by one voxel in the view of the active pane; `false` where arrows
    /// have another meaning now.
    pub fn nudge(&mut self, right: i64, down: i64) -> bool {
        let view = self.view(self.active_pane);
        let map = self.grid().patient_from_voxel();
        let towards = |wanted: Vector<Patient>| {
            let steps = [0, 1, 2].map(|axis| map.axis(axis));
            let along = |step: &Vector<Patient>| step.normalized().map_or(0.0, |unit| unit.dot(wanted));
            let best = steps.into_iter().max_by(|a, b| along(a).abs().total_cmp(&along(b).abs()));
            best.map_or(wanted, |step| if along(&step) < 0.0 { -step } else { step })
        };
        let by = towards(view.plane.right()) * right as f64 + towards(view.plane.down()) * down as f64;
        self.nudges() && self.ask(Ask::Nudge(by))
    }

    /// Whether arrows move the selected landmark now.
    pub fn nudges(&self) -> bool {
        self.tool_kind == ToolKind::Landmark
            && self.selected().is_some_and(|selected| matches!(selected.shape, Shape::Landmark(_)))
    }

    /// The slices along a voxel axis in which some label was filled in between painted ones, rising.
    pub fn interpolated_slices(&self, axis: usize) -> Vec<usize> {
        let along = self.case.all_interpolated().filter(|(of, _)| of.axis == axis);
        let mut slices: Vec<usize> = along.flat_map(|(_, slices)| slices.iter().copied()).collect();
        slices.sort_unstable();
        slices.dedup();
        slices
    }
}

/// One slice of a box.
pub(super) fn slice_box(mut bounds: VoxelBox, axis: usize, slice: usize) -> VoxelBox {
    (bounds.min[axis], bounds.max[axis]) = (slice, slice + 1);
    bounds
}
