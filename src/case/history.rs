//! Named steps that can be taken back and made again.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::edit::{BrickChange, Edit};
use super::{Case, EditError};
use crate::volume::BrickIndex;

/// One undo step: what a person would call one action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// As the history shows it: "Brush 6 mm on Lesion".
    pub name: String,
    /// The changes in order.
    pub edits: Vec<Edit>,
}

/// What happened to a history. All that happened, in order, makes the same history and the same case
/// again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HistoryEvent {
    /// A step was made.
    Committed(Step),
    /// The newest step was taken back.
    Undone,
    /// The step taken back last was made again.
    Redone,
}

/// The steps of a case, at most one of them still open.
///
/// What is kept is bounded in bytes: the oldest steps go first, the newest always stays.
#[derive(Debug)]
pub struct History {
    done: VecDeque<Step>,
    undone: Vec<Step>,
    open: Option<OpenStep>,
    bytes: usize,
    budget: usize,
    forgotten: usize,
    /// What happened since somebody asked; `None` while nobody records.
    events: Option<Vec<HistoryEvent>>,
}

/// A step being drawn. A brick that many samples change is kept once: first before, last after.
#[derive(Debug)]
struct OpenStep {
    name: String,
    edits: Vec<Edit>,
    bricks: BTreeMap<(usize, BrickIndex), BrickChange>,
}

/// Undo may hold this much by default.
const DEFAULT_BUDGET: usize = 512 << 20;

impl Default for History {
    fn default() -> Self {
        Self::with_budget(DEFAULT_BUDGET)
    }
}

impl History {
    /// An empty history that keeps about `budget` bytes.
    pub fn with_budget(budget: usize) -> Self {
        let (done, undone) = (VecDeque::new(), Vec::new());
        Self { done, undone, open: None, bytes: 0, budget, forgotten: 0, events: None }
    }

    /// From now on remembers what happens until [`Self::take_events`].
    pub fn record_events(&mut self) {
        self.events.get_or_insert_default();
    }

    /// What happened since the last call, where it is recorded.
    pub fn take_events(&mut self) -> Vec<HistoryEvent> {
        self.events.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Takes over the steps of an earlier history that the case holds already: those done, oldest
    /// first, and those taken back, the one to be made next last.
    pub fn restore(&mut self, done: Vec<Step>, undone: Vec<Step>) {
        self.commit();
        let kept = done.into_iter().chain(self.done.drain(..)).collect();
        (self.done, self.undone) = (kept, undone);
        self.bytes = self.done.iter().chain(&self.undone).map(Step::bytes).sum();
        self.forget_oldest();
    }

    /// Lets something happen again that was recorded; it is not recorded once more.
    pub fn replay(&mut self, case: &mut Case, event: HistoryEvent) -> Result<(), EditError> {
        let events = self.events.take();
        let replayed = match event {
            HistoryEvent::Committed(step) => apply_all(case, &step.edits).map(|()| {
                let Step { name, edits } = step;
                self.open = Some(OpenStep { name, edits, bricks: BTreeMap::new() });
                self.commit();
            }),
            HistoryEvent::Undone => self.undo(case).map(drop),
            HistoryEvent::Redone => self.redo(case).map(drop),
        };
        self.events = events;
        replayed
    }

    fn note(&mut self, event: impl FnOnce() -> HistoryEvent) {
        if let Some(events) = &mut self.events {
            events.push(event());
        }
    }

    fn forget_oldest(&mut self) {
        while self.bytes > self.budget && self.done.len() > 1 {
            let Some(oldest) = self.done.pop_front() else { return };
            self.bytes -= oldest.bytes();
            self.forgotten += 1;
        }
    }

    /// Names of the steps that undo would take back, oldest first.
    pub fn done(&self) -> impl ExactSizeIterator<Item = &str> {
        self.done.iter().map(|step| step.name.as_str())
    }

    /// Names of the steps that redo would make again, the next one first.
    pub fn undone(&self) -> impl ExactSizeIterator<Item = &str> {
        self.undone.iter().rev().map(|step| step.name.as_str())
    }

    /// How many steps were let go because the budget was full.
    pub fn forgotten(&self) -> usize {
        self.forgotten
    }

    /// Whether a step is open.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Opens a step. One that was open is committed first.
    pub fn begin(&mut self, name: impl Into<String>) {
        self.commit();
        self.open = Some(OpenStep::new(name));
    }

    /// Makes an edit in the open step; without one it becomes a step named `name` by itself.
    pub fn apply(&mut self, case: &mut Case, edit: Edit, name: &str) -> Result<(), EditError> {
        case.apply(&edit)?;
        let alone = self.open.is_none();
        let open = self.open.get_or_insert_with(|| OpenStep::new(name));
        open.record(edit);
        if alone {
            self.commit();
        }
        Ok(())
    }

    /// Closes the open step. One that changed nothing leaves no trace; one that did ends what could
    /// be redone. Gives the step that was recorded.
    pub fn commit(&mut self) -> Option<&Step> {
        let step = self.open.take()?.close().packed();
        if step.edits.is_empty() {
            return None;
        }
        for step in self.undone.drain(..) {
            self.bytes -= step.bytes();
        }
        self.bytes += step.bytes();
        self.note(|| HistoryEvent::Committed(step.clone()));
        self.done.push_back(step);
        self.forget_oldest();
        self.done.back()
    }

    /// Drops the open step and restores the case to the moment before it; `false` where it had
    /// changed nothing.
    pub fn abort(&mut self, case: &mut Case) -> Result<bool, EditError> {
        let Some(open) = self.open.take() else { return Ok(false) };
        let step = open.close();
        step.undo(case)?;
        Ok(!step.edits.is_empty())
    }

    /// Takes back the newest step; gives its name, or `None` where there is none.
    pub fn undo(&mut self, case: &mut Case) -> Result<Option<&str>, EditError> {
        self.commit();
        let Some(step) = self.done.back() else { return Ok(None) };
        step.undo(case)?;
        self.undone.extend(self.done.pop_back());
        self.note(|| HistoryEvent::Undone);
        Ok(self.undone.last().map(|step| step.name.as_str()))
    }

    /// Makes the step again that undo took back last; gives its name, or `None` where there is none.
    pub fn redo(&mut self, case: &mut Case) -> Result<Option<&str>, EditError> {
        self.commit();
        let Some(step) = self.undone.last() else { return Ok(None) };
        apply_all(case, &step.edits)?;
        self.done.extend(self.undone.pop());
        self.note(|| HistoryEvent::Redone);
        Ok(self.done.back().map(|step| step.name.as_str()))
    }
}

/// Makes all edits or none.
fn apply_all(case: &mut Case, edits: &[Edit]) -> Result<(), EditError> {
    for (made, edit) in edits.iter().enumerate() {
        if let Err(error) = case.apply(edit) {
            for edit in edits[..made].iter().rev() {
                case.apply(&edit.inverse())?;
            }
            return Err(error);
        }
    }
    Ok(())
}

impl OpenStep {
    fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), edits: Vec::new(), bricks: BTreeMap::new() }
    }

    /// Adds an edit; one that changes what an earlier one changed is joined to it.
    fn record(&mut self, edit: Edit) {
        match edit {
            Edit::Bricks { layer, changes } => {
                for change in changes {
                    match self.bricks.entry((layer, change.brick)) {
                        Entry::Vacant(slot) => drop(slot.insert(change)),
                        Entry::Occupied(mut slot) => slot.get_mut().after = change.after,
                    }
                }
            }
            Edit::Label { index, before, after } => {
                for earlier in &mut self.edits {
                    if let Edit::Label { index: same, after: joined, .. } = earlier
                        && *same == index
                    {
                        *joined = after;
                        return;
                    }
                }
                self.edits.push(Edit::Label { index, before, after });
            }
            Edit::Layer { .. } => self.edits.push(edit),
            Edit::Annotation { id, place, before, after } => {
                for earlier in &mut self.edits {
                    if let Edit::Annotation { id: same, after: joined, .. } = earlier
                        && *same == id
                    {
                        *joined = after;
                        return;
                    }
                }
                self.edits.push(Edit::Annotation { id, place, before, after });
            }
            Edit::Classification { .. } => self.edits.push(edit),
        }
    }

    fn close(self) -> Step {
        let Self { name, mut edits, bricks } = self;
        let mut layers: BTreeMap<usize, Vec<BrickChange>> = BTreeMap::new();
        for ((layer, _), change) in bricks {
            if change.before != change.after {
                layers.entry(layer).or_default().push(change);
            }
        }
        edits.extend(layers.into_iter().map(|(layer, changes)| Edit::Bricks { layer, changes }));
        edits.retain(|edit| match edit {
            Edit::Label { before, after, .. } => before != after,
            Edit::Annotation { before, after, .. } => before != after,
            Edit::Layer { before, after, .. } => before != after,
            Edit::Classification { before, after, .. } => before != after,
            Edit::Bricks { .. } => true,
        });
        Step { name, edits }
    }
}

impl Step {
    /// The step in as little memory as runs need.
    fn packed(mut self) -> Self {
        for edit in &mut self.edits {
            if let Edit::Bricks { changes, .. } = edit {
                *changes = std::mem::take(changes).into_iter().map(BrickChange::packed).collect();
            }
        }
        self
    }

    fn undo(&self, case: &mut Case) -> Result<(), EditError> {
        let inverses: Vec<Edit> = self.edits.iter().rev().map(Edit::inverse).collect();
        apply_all(case, &inverses)
    }

    /// Bytes the step holds on to, roughly.
    fn bytes(&self) -> usize {
        let of_edit = |edit: &Edit| match edit {
            Edit::Bricks { changes, .. } => changes
                .iter()
                .map(|change| size_of::<BrickChange>() + change.before.bytes() + change.after.bytes())
                .sum(),
            Edit::Label { .. }
            | Edit::Layer { .. }
            | Edit::Annotation { .. }
            | Edit::Classification { .. } => 512,
        };
        size_of::<Self>() + self.name.len() + self.edits.iter().map(of_edit).sum::<usize>()
    }
}
