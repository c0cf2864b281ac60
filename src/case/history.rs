//! Named steps that can be taken back and made again.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::edit::{BrickChange, BrickState, Edit};
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
/// What is kept is bounded in bytes: the oldest steps go first, the newest always stays. The newest step
/// holds its bricks as they are, so that taking it back only exchanges pointers; those before it are
/// packed, some bricks at each commit.
#[derive(Debug)]
pub struct History {
    done: VecDeque<Step>,
    undone: Vec<Step>,
    open: Option<OpenStep>,
    /// How many of the newest steps done may hold bricks that are not packed, and how many bricks of the
    /// first of them were seen to.
    loose: usize,
    seen_to: usize,
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

/// Bricks packed at a commit, before and after counted apart: a few milliseconds.
const PACKED_AT_ONCE: usize = 256;

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
        let (open, events) = (None, None);
        Self { done, undone, open, loose: 0, seen_to: 0, bytes: 0, budget, forgotten: 0, events }
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
        (self.loose, self.seen_to) = (self.done.len(), 0);
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

    /// Packs some more bricks of the steps before the newest.
    fn pack(&mut self, mut count: usize) {
        while self.loose > 1 && count > 0 {
            let place = self.done.len() - self.loose;
            let step = &mut self.done[place];
            let before = step.bytes();
            let states: Vec<&mut BrickState> = step.states_mut().skip(self.seen_to).take(count).collect();
            let packed = states.len();
            states.into_par_iter().for_each(BrickState::pack);
            self.bytes = self.bytes + step.bytes() - before;
            if packed < count {
                (self.loose, self.seen_to) = (self.loose - 1, 0);
            } else {
                self.seen_to += packed;
            }
            count -= packed;
        }
    }

    fn forget_oldest(&mut self) {
        if self.bytes > self.budget {
            self.pack(usize::MAX);
        }
        while self.bytes > self.budget && self.done.len() > 1 {
            let Some(oldest) = self.done.pop_front() else { return };
            self.bytes -= oldest.bytes();
            self.forgotten += 1;
            self.loose = self.loose.min(self.done.len());
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
        let step = self.open.take()?.close();
        if step.edits.is_empty() {
            return None;
        }
        for step in self.undone.drain(..) {
            self.bytes -= step.bytes();
        }
        self.bytes += step.bytes();
        self.note(|| HistoryEvent::Committed(step.clone()));
        self.done.push_back(step);
        self.loose += 1;
        self.pack(PACKED_AT_ONCE);
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
        self.loose = self.loose.saturating_sub(1);
        self.note(|| HistoryEvent::Undone);
        Ok(self.undone.last().map(|step| step.name.as_str()))
    }

    /// Makes the step again that undo took back last; gives its name, or `None` where there is none.
    pub fn redo(&mut self, case: &mut Case) -> Result<Option<&str>, EditError> {
        self.commit();
        let Some(step) = self.undone.last() else { return Ok(None) };
        apply_all(case, &step.edits)?;
        self.done.extend(self.undone.pop());
        self.loose += 1;
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
            Edit::Bricks { .. } => true,
        });
        Step { name, edits }
    }
}

impl Step {
    /// The bricks it holds, before and after.
    fn states_mut(&mut self) -> impl Iterator<Item = &mut BrickState> {
        let changes = self.edits.iter_mut().flat_map(|edit| match edit {
            Edit::Bricks { changes, .. } => changes.as_mut_slice(),
            _ => &mut [],
        });
        changes.flat_map(|change| [&mut change.before, &mut change.after])
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
            Edit::Label { .. } | Edit::Layer { .. } | Edit::Annotation { .. } => 512,
        };
        size_of::<Self>() + self.name.len() + self.edits.iter().map(of_edit).sum::<usize>()
    }
}
