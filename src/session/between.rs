//! The slices between painted ones: shown as a ghost first, then taken in as one step.

use super::Session;
use crate::case::{Case, Edit, EditError, MaskWriter, SliceSeries, WriteRule};
use crate::segment::{Cancelled, Interpolated, Interpolation, Progress, Unwatched, interpolate};
use crate::tool::VoxelRun;
use crate::volume::{Mask, for_each_run};

/// What would be filled in, for the labels as they were at one revision of their layer.
#[derive(Debug)]
pub(super) struct Ghost {
    of: SliceSeries,
    revision: u64,
    filled: Interpolated,
}

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
        let ghost = ghost_of(&self.case, of);
        if ghost.filled.slices.is_empty() {
            self.notice = Some("Paint the label on two slices with others between them first".into());
            return;
        }
        let (count, name) = (ghost.filled.slices.len(), self.label_name(of.label));
        self.notice =
            Some(format!("{count} slices of {name} between painted ones: Enter takes them, Esc drops them"));
        self.ghost = Some(ghost);
    }

    /// Whether something is shown that Enter would take in.
    pub fn has_ghost(&self) -> bool {
        self.ghost.is_some()
    }

    /// Drops what is shown; `false` where nothing is.
    pub fn drop_ghost(&mut self) -> bool {
        self.ghost.take().is_some()
    }

    /// Takes in what is shown, as one step; `false` where nothing is.
    pub fn accept_ghost(&mut self) -> Result<bool, EditError> {
        self.break_off();
        self.follow_ghost();
        let Some(Ghost { of, filled, .. }) = self.ghost.take() else { return Ok(false) };
        self.fill_between(of, &filled)?;
        Ok(true)
    }

    /// Fills the slices between the painted ones of a label along a voxel axis, as one step. Slices
    /// that were interpolated before are made anew.
    pub fn interpolate(&mut self, label: u16, axis: usize) -> Result<(), EditError> {
        self.break_off();
        let of = SliceSeries { layer: self.layer, label, axis };
        let filled = ghost_of(&self.case, of).filled;
        self.fill_between(of, &filled)
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

    /// Makes the ghost anew where its label was painted on since.
    pub(super) fn follow_ghost(&mut self) {
        let Some(Ghost { of, revision, .. }) = self.ghost else { return };
        let is_current = of.layer == self.layer && of.label == self.active_label;
        match self.case.layers().get(of.layer).filter(|_| is_current) {
            None => self.ghost = None,
            Some(map) if map.revision() == revision || self.grab.is_some() => {}
            Some(_) => self.ghost = Some(ghost_of(&self.case, of)),
        }
    }

    /// What of the ghost lies on the slice that a pane shows.
    pub fn ghost_on(&self, pane: usize) -> Vec<VoxelRun> {
        match (&self.ghost, self.view(pane).slice) {
            (Some(ghost), Some((family, slice))) => on_slice(&ghost.filled.mask, family.slice_axis, slice),
            _ => Vec::new(),
        }
    }

    fn label_name(&self, label: u16) -> String {
        let known = self.case.scheme().get(label);
        known.map_or_else(|| format!("Label {label}"), |label| label.name.clone())
    }
}

fn ghost_of(case: &Case, of: SliceSeries) -> Ghost {
    let filled = between_painted(case, of, &Unwatched);
    let filled = filled.unwrap_or_else(|_| unreachable!("nobody calls it off"));
    Ghost { of, revision: case.layers()[of.layer].revision(), filled }
}

/// What lies between the painted slices of a series, whose layer the case must have; slices that were
/// interpolated before are none.
pub(super) fn between_painted(
    case: &Case,
    of: SliceSeries,
    progress: &dyn Progress,
) -> Result<Interpolated, Cancelled> {
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
pub(super) fn edits_between(
    case: &Case,
    of: SliceSeries,
    filled: &Interpolated,
    rule: &WriteRule,
) -> Vec<Edit> {
    if case.scheme().is_locked(of.label) {
        return Vec::new();
    }
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
    let new = if painted.is_some() { filled.slices.clone() } else { Vec::new() };
    make(&mut at, painted);
    let mut slices = [other, new].concat();
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
