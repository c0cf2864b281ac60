//! What a person does with labels.

use super::Session;
use crate::annotation::{Annotation, Label, LabelPreset};
use crate::case::{Case, Edit, EditError, MaskWriter, WriteRule};

impl Session {
    /// Draws with this label from now on, if the scheme has it.
    pub fn activate_label(&mut self, index: u16) {
        if let Some(label) = self.case.scheme().get(index) {
            self.notice = Some(format!("Drawing with {}", label.name));
            self.active_label = index;
        }
    }

    /// Makes a new label with the next free index and colour, and draws with it.
    pub fn new_label(&mut self) -> Result<(), EditError> {
        self.let_go();
        let Some(index) = self.case.scheme().next_free_index() else { return Ok(()) };
        self.set_label(index, Label::numbered(index))?;
        self.active_label = index;
        Ok(())
    }

    /// Makes or changes a label as one step. Its eye is set beside that step, as
    /// [`Self::set_label_visible`] does.
    pub fn set_label(&mut self, index: u16, label: Label) -> Result<(), EditError> {
        let step = match self.case.scheme().get(index) {
            None => format!("New label {}", label.name),
            Some(old) if old.group != label.group => match &label.group {
                Some(group) => format!("Put {} into {group}", label.name),
                None => format!("Take {} out of its group", label.name),
            },
            Some(old) if old.name != label.name => format!("Rename {} to {}", old.name, label.name),
            Some(old) if old.locked != label.locked => {
                format!("{} {}", if label.locked { "Lock" } else { "Unlock" }, label.name)
            }
            Some(_) => format!("Recolour {}", label.name),
        };
        let visible = label.visible;
        self.apply_step(&step, |case| Edit::set_label(case, index, Some(label)).into_iter().collect())?;
        self.set_label_visible(index, visible);
        Ok(())
    }

    /// Lists a label by itself and under no group, as one step.
    pub fn ungroup_label(&mut self, index: u16) -> Result<(), EditError> {
        match self.case.scheme().get(index).cloned() {
            Some(label) if label.group.is_some() => self.set_label(index, Label { group: None, ..label }),
            _ => Ok(()),
        }
    }

    /// Removes a label and every voxel drawn with it, as one step; boxes and landmarks that name it
    /// stay, without label. A locked label stays.
    pub fn delete_label(&mut self, index: u16) -> Result<(), EditError> {
        let Some(label) = self.case.scheme().get(index) else { return Ok(()) };
        if label.locked {
            self.notice = Some(format!("\"{}\" is locked: unlock it to delete it", label.name));
            return Ok(());
        }
        let step = format!("Delete label {}", label.name);
        self.apply_step(&step, |case| removal_of(case, index))
    }

    /// Adds the labels of a preset that the case does not have by name, as one step, each with the next
    /// free index, and draws with the first of the preset.
    pub fn add_labels(&mut self, preset: &LabelPreset) -> Result<(), EditError> {
        let step = format!("Labels: {}", preset.name);
        self.apply_step(&step, |case| {
            let mut scheme = case.scheme().clone();
            let mut edits = Vec::new();
            for label in &preset.labels {
                if let (None, Some(index)) = (scheme.named(&label.name), scheme.next_free_index()) {
                    scheme.set(index, Some(label.clone()));
                    edits.extend(Edit::set_label(case, index, Some(label.clone())));
                }
            }
            edits
        })?;
        if let Some(first) = preset.labels.first().and_then(|label| self.case.scheme().named(&label.name)) {
            self.active_label = first;
            self.notice = Some(format!("Labels added: {}", preset.name.to_lowercase()));
        }
        Ok(())
    }

    /// Shows or hides several labels.
    pub fn set_labels_visible(&mut self, labels: &[u16], visible: bool) {
        labels.iter().for_each(|label| self.set_label_visible(*label, visible));
    }

    /// Shows or hides a label in the overlay.
    pub fn set_label_visible(&mut self, index: u16, visible: bool) {
        if self.case.scheme().get(index).is_some_and(|label| label.visible != visible) {
            self.case.set_label_visible(index, visible);
            self.changes += 1;
        }
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

/// The edits that leave nothing of a label: a later one with the same index would take over whatever
/// still named it.
fn removal_of(case: &Case, index: u16) -> Vec<Edit> {
    let erased = (0..case.layers().len()).filter_map(|layer| {
        let map = &case.layers()[layer];
        let mut writer = MaskWriter::new(case, layer, WriteRule::erase(index))?;
        for (brick, _) in map.bricks() {
            let bounds = map.brick_bounds(brick);
            for k in bounds.min[2]..bounds.max[2] {
                for j in bounds.min[1]..bounds.max[1] {
                    writer.write_run(bounds.min[0]..bounds.max[0], j, k);
                }
            }
        }
        writer.finish()
    });
    let named = case.annotations().iter().filter(|annotation| annotation.label == Some(index));
    let unnamed = named.filter_map(|annotation| {
        let without = Annotation { label: None, ..annotation.clone() };
        Edit::change_annotation(case, annotation.id, Some(without))
    });
    erased.chain(unnamed).chain(Edit::set_label(case, index, None)).collect()
}
