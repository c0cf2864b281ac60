//! What a drawing tool writes: which label, over what, and what it takes away from others.

use std::ops::Range;

use super::{Desk, Response};
use crate::annotation::Label;
use crate::case::{Edit, MaskWriter, WriteRule};
use crate::view::View;

/// Neighbouring voxels of one row along i.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoxelRun {
    /// Along the row.
    pub i: Range<usize>,
    /// The row's place along j.
    pub j: usize,
    /// The row's place along k.
    pub k: usize,
}

impl VoxelRun {
    /// The part of the run that lies on the slice shown; none where no slice of the grid is.
    pub(super) fn on_slice(&self, view: &View) -> Option<Self> {
        let (family, slice) = view.slice?;
        match family.slice_axis {
            0 => self.i.contains(&slice).then(|| Self { i: slice..slice + 1, ..*self }),
            1 => (self.j == slice).then(|| self.clone()),
            _ => (self.k == slice).then(|| self.clone()),
        }
    }
}

impl Desk<'_> {
    /// The rule by which every tool writes: locks, what may be painted over, the range of values.
    pub fn rule(&self, label: u16, erasing: bool) -> WriteRule {
        let rule = if erasing {
            WriteRule::erase(label)
        } else {
            WriteRule { over: self.brush.over, ..WriteRule::paint(label) }
        };
        WriteRule { only_values: self.brush.only_values, time: Some(self.display.time), ..rule }
    }

    /// A writer to the layer that is drawn on, by that rule.
    pub(super) fn writer(&self, label: u16, erasing: bool) -> Option<MaskWriter<'_>> {
        MaskWriter::new(self.case, self.layer, self.rule(label, erasing))
    }

    /// Whether drawing can take voxels from another label at all.
    pub(super) fn has_other_labels(&self) -> bool {
        self.case.scheme().iter().any(|(index, _)| index != self.active_label)
    }

    /// A label's name.
    pub(super) fn name_of(&self, label: u16) -> String {
        let known = self.case.scheme().get(label);
        known.map_or_else(|| format!("Label {label}"), |label| label.name.clone())
    }
}

/// The active label; painting with one that the scheme does not have makes it within the same step.
pub(super) fn label_to_draw(desk: &Desk<'_>, erasing: bool, response: &mut Response) -> u16 {
    let exists = desk.case.scheme().get(desk.active_label).is_some();
    if exists || erasing {
        return desk.active_label;
    }
    let wanted = (desk.active_label != 0).then_some(desk.active_label);
    let Some(index) = wanted.or_else(|| desk.case.scheme().next_free_index()) else { return 0 };
    let label = Label::numbered(index);
    response.edits.extend(Edit::set_label(desk.case, index, Some(label)));
    response.activate = Some(index);
    index
}

/// Why nothing can be drawn with a label, where that is so.
pub(super) fn refusal(desk: &Desk<'_>, label: u16) -> Option<String> {
    match desk.case.scheme().get(label) {
        Some(label) if label.locked => Some(format!("\"{}\" is locked: unlock it to change it", label.name)),
        None if label == 0 => Some("There is no label to draw with: make one first".into()),
        _ => None,
    }
}
