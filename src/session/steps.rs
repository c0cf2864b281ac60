//! Every change of the case, as a named step of its history.

use super::Session;
use crate::case::{Attic, Case, Edit, EditError, HistoryEvent};
use crate::store::Unsaved;
use crate::tool::{Ask, Response, StepEnd};

impl Session {
    /// Undo; `false` where there is nothing to take back. A gesture under way, or the last point of a
    /// contour that is not filled yet, or an algorithm that was accepted and is still at work, is what was done
    /// last: it alone is taken back.
    pub fn undo(&mut self) -> Result<bool, EditError> {
        if self.grab.is_none() && self.tool.is_busy() && self.ask(Ask::StepBack) {
            return Ok(true);
        }
        if self.refuses_history() {
            return Ok(false);
        }
        if self.cancel_gesture() {
            self.notice = Some("Undone: the gesture under way".into());
            return Ok(true);
        }
        if let Some(name) = self.call_off_accepted() {
            self.notice = Some(format!("Called off: {name}"));
            return Ok(true);
        }
        let name = self.history.undo(&mut self.case)?.map(|name| format!("Undone: {name}"));
        Ok(self.after_history(name))
    }

    /// Redo; `false` where there is nothing to make again.
    pub fn redo(&mut self) -> Result<bool, EditError> {
        if self.refuses_history() {
            return Ok(false);
        }
        self.cancel_gesture();
        let name = self.history.redo(&mut self.case)?.map(|name| format!("Made again: {name}"));
        Ok(self.after_history(name))
    }

    /// Goes back or forth until `steps` steps are done.
    pub fn go_to_step(&mut self, steps: usize) -> Result<(), EditError> {
        while self.history.done().len() > steps && self.undo()? {}
        while self.history.done().len() < steps && self.redo()? {}
        Ok(())
    }

    fn after_history(&mut self, notice: Option<String>) -> bool {
        let Some(notice) = notice else { return false };
        self.changes += 1;
        self.notice = Some(notice);
        self.let_go_of_what_is_gone();
        true
    }

    /// The active label and the selection never name what the case does not have.
    pub(super) fn let_go_of_what_is_gone(&mut self) {
        if self.case.scheme().get(self.active_label).is_none() {
            self.active_label = self.case.scheme().iter().next().map_or(0, |(index, _)| index);
        }
        self.selected = self.selected.filter(|id| self.case.annotation(*id).is_some());
        self.layer = self.layer.min(self.case.layers().len() - 1);
    }

    /// Makes edits as one named step, or none of them. A gesture under way ends before, and what it drew
    /// stays; they are asked for then, so that they fit.
    pub(super) fn apply_step(
        &mut self,
        name: &str,
        edits: impl FnOnce(&Case) -> Vec<Edit>,
    ) -> Result<(), EditError> {
        self.let_go();
        if self.refuses_changes() {
            return Ok(());
        }
        self.history.begin(name);
        let made = self.make_edits(edits(&self.case));
        self.history.commit();
        self.let_go_of_what_is_gone();
        made
    }

    /// Makes the edits that an algorithm came to, perhaps on another thread, as one named step. They are
    /// refused where what they change is not as it was when they were made.
    pub fn take_edits(&mut self, name: &str, edits: Vec<Edit>) -> Result<(), EditError> {
        self.apply_step(name, |_| edits)
    }

    /// Whether nobody may go back and forth here; says so.
    fn refuses_history(&mut self) -> bool {
        self.notice.clone_from(&self.looks_only);
        self.looks_only.is_some()
    }

    /// Whether nothing may be changed; says so.
    fn refuses_changes(&mut self) -> bool {
        if self.looks_only.is_some() {
            self.notice.clone_from(&self.looks_only);
            return true;
        }
        self.asks = self.unanswered.is_some();
        self.asks
    }

    /// Takes over steps of an earlier session on this very case, and lets happen again what happened
    /// after them. Stops at what does not fit; gives how much came back.
    pub(super) fn bring_back(&mut self, unsaved: &Unsaved) -> usize {
        self.cancel_gesture();
        let mut count = 0;
        if let Err(error) = self.take_over(unsaved, &mut count) {
            tracing::error!("step {} of the journal cannot be brought back: {error}", count + 1);
        }
        self.changes += count as u64;
        self.let_go_of_what_is_gone();
        count
    }

    fn take_over(&mut self, unsaved: &Unsaved, count: &mut usize) -> anyhow::Result<()> {
        for step in unsaved.done() {
            self.history.restore_done(step?);
        }
        for step in unsaved.undone() {
            self.history.restore_undone(step?);
        }
        for event in unsaved.events() {
            self.history.replay(&mut self.case, event?)?;
            *count += 1;
        }
        Ok(())
    }

    /// From now on lays steps away there that memory has no room for.
    pub(super) fn use_attic(&mut self, attic: Box<dyn Attic>) {
        self.history.use_attic(attic);
    }

    /// What happened to the case since the last call, where it is recorded.
    pub(super) fn take_events(&mut self) -> Vec<HistoryEvent> {
        self.history.take_events()
    }

    pub(super) fn record_events(&mut self) {
        self.history.record_events();
    }

    /// Makes edits in the open step; where one does not fit, the whole step is taken back.
    fn make_edits(&mut self, edits: Vec<Edit>) -> Result<(), EditError> {
        for edit in edits {
            // Slices that a person draws on are painted from then on.
            for edit in edit.painted_slices(&self.case).into_iter().chain([edit]) {
                if let Err(error) = self.history.apply(&mut self.case, edit, "") {
                    self.history.abort(&mut self.case)?;
                    return Err(error);
                }
                self.changes += 1;
            }
        }
        Ok(())
    }

    /// Does what a tool answered.
    pub(super) fn carry_out(&mut self, response: Response) -> Result<(), EditError> {
        let Response { begin, edits, end, select, activate, focus, window, contour, notice } = response;
        if begin.is_some() && self.refuses_changes() {
            return Ok(());
        }
        if let Some(name) = begin {
            self.changes_before = self.changes;
            self.history.begin(name);
        }
        if self.looks_only.is_none() && self.unanswered.is_none() {
            self.make_edits(edits)?;
        }
        match end {
            Some(StepEnd::Commit) => drop(self.history.commit()),
            Some(StepEnd::Abort) => {
                self.changes += u64::from(self.history.abort(&mut self.case)?);
                if self.saved_changes == self.changes_before {
                    self.saved_changes = self.changes;
                }
                self.let_go_of_what_is_gone();
            }
            None => {}
        }
        if let Some(select) = select {
            self.selected = select;
        }
        if let Some(label) = activate {
            self.active_label = label;
        }
        if let Some(focus) = focus {
            self.set_focus(focus);
        }
        if let Some(window) = window {
            self.display.window = window;
        }
        if contour.is_some() {
            self.last_contour = contour;
        }
        if notice.is_some() {
            self.notice = notice;
        }
        Ok(())
    }
}
