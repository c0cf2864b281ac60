//! What a person does with labels.

use super::Session;
use crate::annotation::{Colour, Label};
use crate::case::{Edit, EditError};

impl Session {
    /// Draws with this label from now on, if the scheme has it.
    pub fn activate_label(&mut self, index: u16) {
        if let Some(label) = self.case.scheme().get(index) {
            self.notice = Some(format!("Label {index}: {}", label.name));
            self.active_label = index;
        }
    }

    /// Makes a new label with the next free index and colour, and draws with it.
    pub fn new_label(&mut self) -> Result<(), EditError> {
        let Some(index) = self.case.scheme().next_free_index() else { return Ok(()) };
        self.set_label(index, Label::new(format!("Label {index}"), Colour::for_label(index)))?;
        self.active_label = index;
        Ok(())
    }

    /// Makes or changes a label as one step.
    pub fn set_label(&mut self, index: u16, label: Label) -> Result<(), EditError> {
        let step = match self.case.scheme().get(index) {
            None => format!("New label {}", label.name),
            Some(old) if old.name != label.name => format!("Rename {} to {}", old.name, label.name),
            Some(old) if old.locked != label.locked => {
                format!("{} {}", if label.locked { "Lock" } else { "Unlock" }, label.name)
            }
            Some(_) => format!("Recolour {}", label.name),
        };
        self.apply_step(&step, Edit::set_label(&self.case, index, Some(label)))?;
        if self.active_label == 0 {
            self.active_label = index;
        }
        Ok(())
    }

    /// Removes a label and everything drawn with it, as one step. A locked label stays.
    pub fn delete_label(&mut self, index: u16) -> Result<(), EditError> {
        let Some(label) = self.case.scheme().get(index).cloned() else { return Ok(()) };
        if label.locked {
            self.notice = Some(format!("\"{}\" is locked: unlock it to delete it", label.name));
            return Ok(());
        }
        let mut edits = Vec::new();
        for layer in 0..self.case.layers().len() {
            let rule = crate::case::WriteRule::erase(index);
            let Some(mut writer) = crate::case::MaskWriter::new(&self.case, layer, rule) else { continue };
            for (brick, _) in self.case.layers()[layer].bricks() {
                let bounds = self.case.layers()[layer].brick_bounds(brick);
                for k in bounds.min[2]..bounds.max[2] {
                    for j in bounds.min[1]..bounds.max[1] {
                        writer.write_run(bounds.min[0]..bounds.max[0], j, k);
                    }
                }
            }
            edits.extend(writer.finish());
        }
        edits.extend(Edit::set_label(&self.case, index, None));
        self.apply_step(&format!("Delete label {}", label.name), edits)?;
        if self.active_label == index {
            self.active_label = self.case.scheme().iter().next().map_or(0, |(index, _)| index);
        }
        Ok(())
    }

    /// Shows or hides a label in the overlay.
    pub fn set_label_visible(&mut self, index: u16, visible: bool) {
        self.case.set_label_visible(index, visible);
        self.changes += 1;
    }

    /// Draws with the label `by` places further down the list.
    pub fn step_label(&mut self, by: isize) {
        let indices: Vec<u16> = self.case.scheme().iter().map(|(index, _)| index).collect();
        if let Some(place) = indices.iter().position(|index| *index == self.active_label) {
            let next = (place as isize + by).rem_euclid(indices.len() as isize) as usize;
            self.activate_label(indices[next]);
        } else if let Some(first) = indices.first() {
            self.activate_label(*first);
        }
    }
}
