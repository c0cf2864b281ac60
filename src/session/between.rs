//! The slices between painted ones: shown as a ghost first, then taken in as one step.

use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::Session;
use super::background::Background;
use crate::case::{Case, Edit, EditError, MaskWriter, SliceSeries, WriteRule};
use crate::segment::{Cancelled, Interpolated, Interpolation, Progress, Unwatched, interpolate};
use crate::tool::VoxelRun;
use crate::volume::{Mask, for_each_run};

/// What would be filled in, for the labels as they were at one revision of their layer.
#[derive(Debug)]
pub(super) struct Ghost {
    of: SliceSeries,
    /// The revision it was asked for last.
    revision: u64,
    /// What is shown; while a newer one is being made that of an older revision.
    filled: Option<Interpolated>,
    making: Option<Background<Result<Interpolated, Cancelled>>>,
    /// To be taken in as soon as it is made.
    accepted: bool,
}

/// A ghost of few slices is made within this: it is then there at once, and nothing flickers.
const PATIENCE: Duration = Duration::from_millis(8);

impl Session {
    /// Shows what would lie between the painted slices of the active label, across the slices of the
    /// active pane; shown already, drops it.
    pub fn toggle_ghost(&mut self) {
        if self.drop_ghost() {
            return;
        }
        let Some((family, _)) = self.view(self.active_pane).slice else {
            self.notice =
                Some("Slices are interpolated as they were scanned: leave the true patient planes".into());
            return;
        };
        let of = SliceSeries { layer: self.layer, label: self.active_label, axis: family.slice_axis };
        self.ghost = Some(Ghost::begun(&self.case, of));
        self.follow_ghost(PATIENCE);
    }

    /// Whether what is shown is being made, so that somebody should look again soon.
    pub fn is_making_ghost(&self) -> bool {
        self.ghost.as_ref().is_some_and(|ghost| ghost.making.is_some())
    }

    /// Whether something is shown, or about to be, that Enter would take in.
    pub fn has_ghost(&self) -> bool {
        self.ghost.is_some()
    }

    /// Drops what is shown; `false` where nothing is.
    pub fn drop_ghost(&mut self) -> bool {
        self.ghost.take().is_some()
    }

    /// Takes in what is shown, as one step, as soon as it is made; `false` where nothing is.
    pub fn accept_ghost(&mut self) -> Result<bool, EditError> {
        self.let_go();
        let Some(ghost) = &mut self.ghost else { return Ok(false) };
        ghost.accepted = true;
        self.follow_ghost(PATIENCE);
        Ok(true)
    }

    /// Waits until what is shown is made; for whoever has no window to draw meanwhile.
    pub fn wait_for_ghost(&mut self) {
        self.follow_ghost(Duration::ZERO);
        while self.is_making_ghost() && self.grab.is_none() {
            self.follow_ghost(Duration::from_secs(1));
        }
    }

    /// Fills the slices between the painted ones of a label along a voxel axis, as one step. Slices
    /// that were interpolated before are made anew.
    pub fn interpolate(&mut self, label: u16, axis: usize) -> Result<(), EditError> {
        self.let_go();
        let of = SliceSeries { layer: self.layer, label, axis };
        let filled = filled_between(&self.case, of, &Unwatched);
        self.fill_between(of, &filled.unwrap_or_else(|_| unreachable!("nobody calls it off")))
    }

    fn fill_between(&mut self, of: SliceSeries, filled: &Interpolated) -> Result<(), EditError> {
        let name = self.label_name(of.label);
        if self.case.scheme().is_locked(of.label) {
            self.notice = Some(format!("\"{name}\" is locked: unlock it to change it"));
            return Ok(());
        }
        let rule = self.with_desk(|desk| desk.rule(of.label, false));
        self.apply_step(&format!("Interpolate {name}"), |case| edits_between(case, of, filled, &rule))
    }

    /// Takes in what has been made since the last call or is made within `patience`, and makes it anew
    /// where the label was painted on.
    pub(super) fn follow_ghost(&mut self, patience: Duration) {
        let Some(mut ghost) = self.ghost.take() else { return };
        let is_current = ghost.of.layer == self.layer && ghost.of.label == self.active_label;
        let Some(map) = self.case.layers().get(ghost.of.layer).filter(|_| is_current) else { return };
        if map.revision() != ghost.revision && self.grab.is_none() {
            let Ghost { filled, accepted, of, .. } = ghost;
            ghost = Ghost { filled, accepted, ..Ghost::begun(&self.case, of) };
        }
        let was_shown = ghost.filled.is_some();
        let (of, is_made) = (ghost.of, ghost.take_what_is_made(patience));
        let Some(filled) = ghost.filled.as_ref().filter(|filled| !filled.slices.is_empty()) else {
            match is_made {
                true => {
                    self.notice = Some("Paint the label on two slices with others between them first".into())
                }
                false => self.ghost = Some(ghost),
            }
            return;
        };
        if is_made && ghost.accepted {
            if let Err(error) = self.fill_between(of, filled) {
                self.notice = Some(format!("That could not be done: {error}"));
            }
            return;
        }
        if !was_shown {
            let (count, name) = (filled.slices.len(), self.label_name(of.label));
            let text =
                format!("{count} slices of {name} between painted ones: Enter takes them, Esc drops them");
            self.notice = Some(text);
        }
        self.ghost = Some(ghost);
    }

    /// What of the ghost lies on the slice that a pane shows.
    pub fn ghost_on(&self, pane: usize) -> Vec<VoxelRun> {
        match (&self.ghost, self.view(pane).slice) {
            (Some(Ghost { filled: Some(filled), .. }), Some((family, slice))) => {
                on_slice(&filled.mask, family.slice_axis, slice)
            }
            _ => Vec::new(),
        }
    }

    fn label_name(&self, label: u16) -> String {
        let known = self.case.scheme().get(label);
        known.map_or_else(|| format!("Label {label}"), |label| label.name.clone())
    }
}

impl Ghost {
    fn begun(case: &Case, of: SliceSeries) -> Self {
        let snapshot = case.clone();
        Self {
            of,
            revision: case.layers()[of.layer].revision(),
            filled: None,
            making: Some(Background::start(move |progress| filled_between(&snapshot, of, progress))),
            accepted: false,
        }
    }

    /// Whether what is shown is that of the revision asked for last.
    fn take_what_is_made(&mut self, patience: Duration) -> bool {
        let Some(making) = &self.making else { return true };
        let outcome = making.outcome.recv_timeout(patience);
        if matches!(outcome, Err(RecvTimeoutError::Timeout)) {
            return false;
        }
        (self.filled, self.making) = (outcome.ok().and_then(Result::ok), None);
        true
    }
}

fn filled_between(case: &Case, of: SliceSeries, progress: &dyn Progress) -> Result<Interpolated, Cancelled> {
    let map = &case.layers()[of.layer];
    let grid = case.volume().grid();
    let interpolated = case.interpolated(of);
    let painted: Vec<usize> =
        (0..grid.dims()[of.axis]).filter(|slice| interpolated.binary_search(slice).is_err()).collect();
    let what =
        Interpolation { label: of.label, axis: of.axis, keys: Some(&painted), spacing_mm: grid.spacing_mm() };
    interpolate(map, &what, progress)
}

/// The edits that put what was filled in the place of what those slices held of the label, and note
/// that nobody painted it.
fn edits_between(case: &Case, of: SliceSeries, filled: &Interpolated, rule: &WriteRule) -> Vec<Edit> {
    let mut at = case.clone();
    let mut edits = Vec::new();
    let mut make = |at: &mut Case, edit: Option<Edit>| {
        if let Some(edit) = edit.filter(|edit| at.apply(edit).is_ok()) {
            edits.push(edit);
        }
    };
    let old = case.interpolated(of);
    let (again, other): (Vec<usize>, Vec<usize>) =
        old.iter().copied().partition(|slice| filled.slices.binary_search(slice).is_ok());
    make(&mut at, Edit::set_interpolated(case, of, other.clone()));
    let superseded = MaskWriter::new(case, of.layer, WriteRule::erase(of.label)).and_then(|mut writer| {
        for slice in again {
            let mut bounds = case.volume().grid().bounds();
            (bounds.min[of.axis], bounds.max[of.axis]) = (slice, slice + 1);
            let before = Mask::of_label(&case.layers()[of.layer], bounds, of.label);
            before.for_each_run(|i, j, k| writer.write_run(i, j, k));
        }
        writer.finish()
    });
    make(&mut at, superseded);
    let painted = MaskWriter::new(&at, of.layer, rule.clone()).and_then(|mut writer| {
        writer.write_mask(&filled.mask);
        writer.finish()
    });
    make(&mut at, painted);
    let mut slices = [other, filled.slices.clone()].concat();
    slices.sort_unstable();
    let noted = Edit::set_interpolated(&at, of, slices);
    make(&mut at, noted);
    edits
}

/// The voxels of a mask on one slice of the grid.
fn on_slice(mask: &Mask, axis: usize, slice: usize) -> Vec<VoxelRun> {
    let bounds = mask.bounds();
    let mut runs = Vec::new();
    if !(bounds.min[axis]..bounds.max[axis]).contains(&slice) {
        return runs;
    }
    let span =
        |other: usize| if other == axis { slice..slice + 1 } else { bounds.min[other]..bounds.max[other] };
    for k in span(2) {
        for j in span(1) {
            for_each_run(mask.row(j, k), |run| {
                let i = bounds.min[0] + run.start..bounds.min[0] + run.end;
                match axis {
                    0 if i.contains(&slice) => runs.push(VoxelRun { i: slice..slice + 1, j, k }),
                    0 => {}
                    _ => runs.push(VoxelRun { i, j, k }),
                }
            });
        }
    }
    runs
}
