//! Named steps that can be taken back and made again.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::edit::{BrickChange, BrickState, Edit, MadeFrom};
use super::rows::{BrickRows, JoinedRows};
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

/// Where steps are kept that memory has no room for.
pub trait Attic: std::fmt::Debug + Send {
    /// Lays a step away; gives the number it is got back by.
    fn put(&mut self, step: Step) -> u64;

    /// The step of that number, which stays there too.
    fn get(&mut self, number: u64) -> std::io::Result<Step>;
}

/// The steps of a case, at most one of them still open.
///
/// What is held in memory is bounded in bytes. The newest step holds its bricks as they are, so that
/// taking it back only exchanges pointers; those before it are packed, some bricks at each commit. The
/// steps farthest from the present go first: into the attic where there is one, else the oldest are
/// forgotten. The newest always stays.
#[derive(Debug)]
pub struct History {
    done: VecDeque<Kept>,
    undone: VecDeque<Kept>,
    attic: Option<Box<dyn Attic>>,
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

/// A step as the history holds it.
#[derive(Debug)]
enum Kept {
    /// In memory, and perhaps in the attic too.
    Here(Step, Option<u64>),
    /// In the attic alone.
    Away { name: String, number: u64 },
}

/// A step being drawn. A brick that many samples change is kept once: first before, last after.
#[derive(Debug)]
struct OpenStep {
    name: String,
    edits: Vec<Edit>,
    bricks: BTreeMap<(usize, BrickIndex), OpenBrick>,
}

/// What an open step changes in a brick.
#[derive(Debug)]
enum OpenBrick {
    Rows(JoinedRows),
    Whole(BrickChange),
}

/// Bricks packed at a commit, before and after counted apart: a few milliseconds at worst.
const PACKED_AT_ONCE: usize = 64;

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
        let (done, undone, attic) = (VecDeque::new(), VecDeque::new(), None);
        let (open, events) = (None, None);
        Self { done, undone, attic, open, loose: 0, seen_to: 0, bytes: 0, budget, forgotten: 0, events }
    }

    /// From now on lays steps away there instead of forgetting them.
    pub fn use_attic(&mut self, attic: Box<dyn Attic>) {
        // Whoever lies in another attic would be sought in this one.
        if self.attic.is_none() {
            self.attic = Some(attic);
            self.make_room();
        }
    }

    /// From now on remembers what happens until [`Self::take_events`].
    pub fn record_events(&mut self) {
        self.events.get_or_insert_default();
    }

    /// What happened since the last call, where it is recorded.
    pub fn take_events(&mut self) -> Vec<HistoryEvent> {
        self.events.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Takes over a step of an earlier history that the case holds already. The oldest comes first, and
    /// all of them before anything else happens.
    pub fn restore_done(&mut self, step: Step) {
        self.bytes += step.bytes();
        self.done.push_back(Kept::Here(step, None));
        self.make_room();
    }

    /// Takes over a step of an earlier history that was taken back; the one to be made next comes last.
    pub fn restore_undone(&mut self, step: Step) {
        self.bytes += step.bytes();
        self.undone.push_back(Kept::Here(step, None));
        self.make_room();
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

    /// Packs some more bricks of the steps before the newest ones that stay loose.
    fn pack(&mut self, mut count: usize, loose: usize) {
        while self.loose > loose && count > 0 {
            let place = self.done.len() - self.loose;
            let packed = match &mut self.done[place] {
                Kept::Away { .. } => 0,
                Kept::Here(step, _) => {
                    let before = step.bytes();
                    let states: Vec<&mut BrickState> =
                        step.states_mut().skip(self.seen_to).take(count).collect();
                    let packed = states.len();
                    states.into_par_iter().for_each(BrickState::pack);
                    self.bytes = self.bytes + step.bytes() - before;
                    packed
                }
            };
            if packed < count {
                (self.loose, self.seen_to) = (self.loose - 1, 0);
            } else {
                self.seen_to += packed;
            }
            count -= packed;
        }
    }

    fn make_room(&mut self) {
        for loose in [1, 0] {
            if self.bytes > self.budget {
                self.pack(usize::MAX, loose);
            }
        }
        if let Some(attic) = &mut self.attic {
            let last = self.done.len().saturating_sub(1);
            let far = self.done.iter_mut().take(last).chain(&mut self.undone);
            for kept in far {
                if self.bytes <= self.budget {
                    break;
                }
                self.bytes -= kept.lay_away(attic.as_mut());
            }
            return;
        }
        while self.bytes > self.budget && self.done.len() > 1 {
            let Some(oldest) = self.done.pop_front() else { return };
            self.bytes -= oldest.bytes();
            self.forgotten += 1;
            self.loose = self.loose.min(self.done.len());
        }
    }

    /// The step at hand, from the attic if it lies there.
    fn fetch(&mut self, kept: &mut Kept) -> Result<(), EditError> {
        let Kept::Away { number, .. } = *kept else { return Ok(()) };
        let attic = self.attic.as_mut().ok_or(EditError::Unreadable)?;
        let step = attic.get(number).map_err(|_| EditError::Unreadable)?;
        self.bytes += step.bytes();
        *kept = Kept::Here(step, Some(number));
        Ok(())
    }

    /// Names of the steps that undo would take back, oldest first.
    pub fn done(&self) -> impl ExactSizeIterator<Item = &str> {
        self.done.iter().map(Kept::name)
    }

    /// Names of the steps that redo would make again, the next one first.
    pub fn undone(&self) -> impl ExactSizeIterator<Item = &str> {
        self.undone.iter().rev().map(Kept::name)
    }

    /// Bytes of memory that steps hold, roughly.
    pub fn bytes(&self) -> usize {
        self.bytes
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
        open.record(edit)?;
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
        self.done.push_back(Kept::Here(step, None));
        self.loose += 1;
        self.pack(PACKED_AT_ONCE, 1);
        self.make_room();
        self.done.back().and_then(Kept::here)
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
        let Some(mut kept) = self.done.pop_back() else { return Ok(None) };
        let undone = self.fetch(&mut kept).and_then(|()| kept.here().map_or(Ok(()), |step| step.undo(case)));
        if let Err(error) = undone {
            self.done.push_back(kept);
            return Err(error);
        }
        self.undone.push_back(kept);
        self.loose = self.loose.saturating_sub(1);
        self.note(|| HistoryEvent::Undone);
        self.make_room();
        Ok(self.undone.back().map(Kept::name))
    }

    /// Makes the step again that undo took back last; gives its name, or `None` where there is none.
    pub fn redo(&mut self, case: &mut Case) -> Result<Option<&str>, EditError> {
        self.commit();
        let Some(mut kept) = self.undone.pop_back() else { return Ok(None) };
        let made = self
            .fetch(&mut kept)
            .and_then(|()| kept.here().map_or(Ok(()), |step| apply_all(case, &step.edits)));
        if let Err(error) = made {
            self.undone.push_back(kept);
            return Err(error);
        }
        self.done.push_back(kept);
        self.loose += 1;
        self.note(|| HistoryEvent::Redone);
        self.make_room();
        Ok(self.done.back().map(Kept::name))
    }
}

impl Kept {
    fn name(&self) -> &str {
        match self {
            Self::Here(step, _) => &step.name,
            Self::Away { name, .. } => name,
        }
    }

    fn here(&self) -> Option<&Step> {
        match self {
            Self::Here(step, _) => Some(step),
            Self::Away { .. } => None,
        }
    }

    fn bytes(&self) -> usize {
        self.here().map_or(0, Step::bytes)
    }

    /// Lays the step away unless it is; gives the bytes that this frees.
    fn lay_away(&mut self, attic: &mut dyn Attic) -> usize {
        let Self::Here(step, number) = self else { return 0 };
        let freed = step.bytes();
        let name = step.name.clone();
        let step = std::mem::replace(step, Step { name: String::new(), edits: Vec::new() });
        let number = number.unwrap_or_else(|| attic.put(step));
        *self = Self::Away { name, number };
        freed
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
    fn record(&mut self, edit: Edit) -> Result<(), EditError> {
        match edit {
            Edit::Bricks { layer, changes } => {
                for change in changes {
                    match self.bricks.entry((layer, change.brick)) {
                        Entry::Vacant(slot) => drop(slot.insert(OpenBrick::Whole(change))),
                        Entry::Occupied(mut slot) => slot.get_mut().follow_with(change)?,
                    }
                }
            }
            Edit::Voxels { layer, changes, .. } => {
                for change in changes {
                    match self.bricks.entry((layer, change.brick)) {
                        Entry::Vacant(slot) => {
                            slot.insert(OpenBrick::Rows(JoinedRows::new(&change.rows)));
                        }
                        Entry::Occupied(mut slot) => slot.get_mut().follow_with_rows(&change)?,
                    }
                }
            }
            Edit::Label { index, before, after } => {
                for earlier in &mut self.edits {
                    if let Edit::Label { index: same, after: joined, .. } = earlier
                        && *same == index
                    {
                        *joined = after;
                        return Ok(());
                    }
                }
                self.edits.push(Edit::Label { index, before, after });
            }
            Edit::Layer { .. } => self.edits.push(edit),
            Edit::Interpolated { of, before, after } => {
                for earlier in &mut self.edits {
                    if let Edit::Interpolated { of: same, after: joined, .. } = earlier
                        && *same == of
                    {
                        *joined = after;
                        return Ok(());
                    }
                }
                self.edits.push(Edit::Interpolated { of, before, after });
            }
            Edit::Annotation { id, place, before, after } => {
                for earlier in &mut self.edits {
                    if let Edit::Annotation { id: same, after: joined, .. } = earlier
                        && *same == id
                    {
                        *joined = after;
                        return Ok(());
                    }
                }
                self.edits.push(Edit::Annotation { id, place, before, after });
            }
            Edit::Classification { .. } => self.edits.push(edit),
        }
        Ok(())
    }

    fn close(self) -> Step {
        let Self { name, mut edits, bricks } = self;
        let mut layers: BTreeMap<usize, (Vec<BrickChange>, Vec<BrickRows>)> = BTreeMap::new();
        for ((layer, brick), open) in bricks {
            let (whole, voxels) = layers.entry(layer).or_default();
            match open {
                OpenBrick::Whole(change) if change.before != change.after => whole.push(change),
                OpenBrick::Whole(_) => {}
                OpenBrick::Rows(joined) => {
                    let rows = joined.settled();
                    voxels.extend((!rows.is_empty()).then_some(BrickRows { brick, rows }));
                }
            }
        }
        for (layer, (whole, voxels)) in layers {
            edits.extend((!whole.is_empty()).then_some(Edit::Bricks { layer, changes: whole }));
            let made_from = MadeFrom::default();
            edits.extend((!voxels.is_empty()).then_some(Edit::Voxels { layer, changes: voxels, made_from }));
        }
        edits.retain(|edit| match edit {
            Edit::Label { before, after, .. } => before != after,
            Edit::Annotation { before, after, .. } => before != after,
            Edit::Layer { before, after, .. } => before != after,
            Edit::Interpolated { before, after, .. } => before != after,
            Edit::Classification { before, after, .. } => before != after,
            Edit::Bricks { .. } | Edit::Voxels { .. } => true,
        });
        Step { name, edits }
    }
}

impl OpenBrick {
    /// Adds a change of the whole brick that follows on those before.
    fn follow_with(&mut self, change: BrickChange) -> Result<(), EditError> {
        match self {
            Self::Whole(earlier) => earlier.after = change.after,
            Self::Rows(joined) => {
                let before = change.before.changed(|brick| joined.take_back(brick))?;
                *self = Self::Whole(BrickChange { before, ..change });
            }
        }
        Ok(())
    }

    /// Adds changes of voxels that follow on those before.
    fn follow_with_rows(&mut self, change: &BrickRows) -> Result<(), EditError> {
        match self {
            Self::Whole(earlier) => earlier.after = earlier.after.changed(|brick| change.write(brick))?,
            Self::Rows(joined) => joined.join(&change.rows),
        }
        Ok(())
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
            Edit::Voxels { changes, .. } => changes.iter().map(BrickRows::bytes).sum(),
            Edit::Interpolated { before, after, .. } => (before.len() + after.len()) * size_of::<usize>(),
            Edit::Label { .. }
            | Edit::Layer { .. }
            | Edit::Annotation { .. }
            | Edit::Classification { .. } => 512,
        };
        size_of::<Self>() + self.name.len() + self.edits.iter().map(of_edit).sum::<usize>()
    }
}
