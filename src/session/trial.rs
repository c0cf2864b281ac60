//! An algorithm tried out before it is taken: seen on the slices that are shown, then made everywhere.
//!
//! A threshold is looked up on those slices alone, and made when it is accepted. Everything else is made
//! at once, on a snapshot and on a thread of its own, so that accepting only puts it in place. Whatever
//! changes meanwhile calls it off and begins anew.

use std::collections::BTreeMap;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::algorithm::painting;
use super::background::Background;
use super::{Algorithm, AlgorithmError, KeptIslands, Operation, PANES, Session, Smoothing};
use crate::case::{Case, Edit, EditError, WriteRule};
use crate::geometry::{Patient, Point, VoxelBox, VoxelIndex};
use crate::segment::{Accelerators, Connectivity, Decider, Progress, Unwatched, Wall, otsu};
use crate::tool::VoxelRun;
use crate::volume::{LabelMap, Mask};

/// What can be tried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum AlgorithmKind {
    Threshold,
    Grow,
    Islands,
    FillHoles,
    Margin,
    Hollow,
    Smooth,
    Refine,
    Combine,
    GrowFromSeeds,
}

impl AlgorithmKind {
    /// All of them, in the order of the menu.
    pub const ALL: [Self; 10] = [
        Self::Threshold,
        Self::Grow,
        Self::Islands,
        Self::FillHoles,
        Self::Margin,
        Self::Hollow,
        Self::Smooth,
        Self::Refine,
        Self::Combine,
        Self::GrowFromSeeds,
    ];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Threshold => "Threshold",
            Self::Grow => "Grow region",
            Self::Islands => "Islands",
            Self::FillHoles => "Fill holes",
            Self::Margin => "Margin",
            Self::Hollow => "Hollow",
            Self::Smooth => "Smooth",
            Self::Refine => "Refine boundary",
            Self::Combine => "Combine labels",
            Self::GrowFromSeeds => "Grow from seeds",
        }
    }
}

/// An algorithm being tried out.
pub(super) struct Trial {
    kind: AlgorithmKind,
    algorithm: Algorithm,
    basis: Basis,
    work: Work,
    /// To be put in place as soon as it is made.
    accepted: bool,
    seen: [Option<Seen>; PANES],
}

/// What it was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Basis {
    changes: u64,
    layer: usize,
    time: usize,
}

enum Work {
    /// Only the slices that are shown are looked at.
    OnSlices,
    Running(Background<Result<Made, AlgorithmError>>),
    Made(Made),
    Failed(AlgorithmError),
}

struct Made {
    edits: Vec<Edit>,
    after: LabelMap,
}

/// What a slice shows of a trial, kept until the slice changes.
struct Seen {
    slice: (usize, usize),
    picture: TrialPicture,
}

/// What a trial would do on one slice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrialPicture {
    /// Voxels that would get another label, by that label.
    pub gained: BTreeMap<u16, Vec<VoxelRun>>,
    /// Voxels that would become background.
    pub lost: Vec<VoxelRun>,
}

/// How a trial stands.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialState<'a> {
    /// What is tried out.
    pub kind: AlgorithmKind,
    /// With which settings.
    pub algorithm: &'a Algorithm,
    /// How far it has come, from 0 to 1, while it is being made.
    pub progress: Option<f32>,
    /// Whether it waits only to be made before it is put in place.
    pub accepted: bool,
    /// Why it cannot be made.
    pub problem: Option<String>,
    /// Whether nothing would change.
    pub changes_nothing: bool,
}

/// Around the crosshair, values this near are what a region is like.
const NEAR_MM: f64 = 3.0;

impl Session {
    /// Begins to try something out, with what suits the label in hand and the place under the crosshair,
    /// which goes to the pointer where what is tried begins at a place.
    pub fn begin_trial(&mut self, kind: AlgorithmKind) {
        if let Some(Trial { accepted: true, algorithm, .. }) = &self.trial {
            let name = algorithm.name(&self.case);
            self.notice = Some(format!("{name} is still being made: wait for it, or Esc calls it off"));
            return;
        }
        self.cancel_gesture();
        self.refresh_counts();
        let label = self.active_label.max(1);
        let hovered = self.hovered_place().filter(|at| self.grid().index_at(*at).is_some());
        if let (AlgorithmKind::Grow | AlgorithmKind::Refine, Some(at)) = (kind, hovered) {
            self.set_focus(at);
        }
        let focus = self.focus;
        let algorithm = match kind {
            AlgorithmKind::Threshold => {
                Algorithm::Threshold { label, range: self.bright_range(), keep_others: true }
            }
            AlgorithmKind::Grow => Algorithm::Grow {
                label,
                seed_lps: focus,
                range: Some(self.range_around(focus)),
                confidence: None,
                connectivity: Connectivity::Six,
                keep_others: true,
            },
            AlgorithmKind::Islands => Algorithm::Islands {
                label,
                keep: Some(KeptIslands::Largest),
                count: 1,
                remove_below_mm3: None,
                split: false,
                connectivity: Connectivity::TwentySix,
            },
            AlgorithmKind::FillHoles => Algorithm::FillHoles { label, slices: None, keep_others: true },
            AlgorithmKind::Margin => {
                Algorithm::Margin { label, mm: self.some_voxels(2.0, 1.0), keep_others: true }
            }
            AlgorithmKind::Hollow => Algorithm::Hollow {
                label,
                mm: self.some_voxels(2.0, 1.0),
                wall: Wall::Inside,
                keep_others: true,
            },
            AlgorithmKind::Smooth => Algorithm::Smooth {
                label: Some(label),
                labels: Vec::new(),
                method: Smoothing::Median,
                mm: self.some_voxels(2.0, 1.0),
                keep_others: true,
            },
            AlgorithmKind::Refine => Algorithm::Refine {
                label,
                method: Decider::GraphCut,
                within_mm: self.some_voxels(3.0, 2.0),
                around_lps: Some(focus),
                radius_mm: self.some_voxels(20.0, 10.0),
                keep_others: true,
            },
            AlgorithmKind::GrowFromSeeds => {
                let open = self.case.scheme().iter().filter(|(_, label)| !label.locked);
                let labels = open.map(|(index, _)| index).filter(|index| self.voxels_of(*index) > 0);
                Algorithm::GrowFromSeeds { labels: labels.collect(), margin_mm: 10.0 }
            }
            AlgorithmKind::Combine => {
                let other = self.case.scheme().iter().map(|(index, _)| index).find(|index| *index != label);
                Algorithm::Combine {
                    op: Operation::Subtract,
                    a: label,
                    b: other.unwrap_or(label),
                    into: label,
                    a_layer: None,
                    b_layer: None,
                }
            }
        };
        self.start_trial(kind, algorithm);
    }

    /// So many millimetres, or as much more as it takes for so many of the finest voxels.
    fn some_voxels(&self, mm: f64, voxels: f64) -> f64 {
        let finest = self.grid().spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
        mm.max(voxels * finest)
    }

    /// Tries the same with other settings.
    pub fn adjust_trial(&mut self, algorithm: Algorithm) {
        if let Some(trial) = &self.trial
            && trial.algorithm != algorithm
        {
            self.start_trial(trial.kind, algorithm);
        }
    }

    fn start_trial(&mut self, kind: AlgorithmKind, algorithm: Algorithm) {
        let work = match algorithm {
            Algorithm::Threshold { .. } => Work::OnSlices,
            _ => self.run_in_background(&algorithm),
        };
        let basis = self.trial_basis();
        self.trial = Some(Trial { kind, algorithm, basis, work, accepted: false, seen: Default::default() });
    }

    fn run_in_background(&self, algorithm: &Algorithm) -> Work {
        let Basis { layer, time, .. } = self.trial_basis();
        let (case, algorithm) = (self.case.clone(), algorithm.clone());
        let accelerators = self.accelerators.clone();
        Work::Running(Background::start(move |progress| {
            made(case, &algorithm, layer, time, &accelerators, progress)
        }))
    }

    fn trial_basis(&self) -> Basis {
        Basis { changes: self.changes, layer: self.layer, time: self.display.time }
    }

    /// How the trial stands; `None` while nothing is tried out.
    pub fn trial(&self) -> Option<TrialState<'_>> {
        let Trial { kind, algorithm, work, accepted, .. } = self.trial.as_ref()?;
        Some(TrialState {
            kind: *kind,
            algorithm,
            progress: match work {
                Work::Running(running) => Some(running.fraction()),
                _ => None,
            },
            accepted: *accepted,
            problem: match work {
                Work::Failed(error) => Some(error.to_string()),
                _ => None,
            },
            changes_nothing: matches!(work, Work::Made(made) if made.edits.is_empty()),
        })
    }

    /// Ends a trial that was accepted and is still being made; its name.
    pub(super) fn call_off_accepted(&mut self) -> Option<String> {
        let trial = self.trial.take_if(|trial| trial.accepted)?;
        Some(trial.algorithm.name(&self.case))
    }

    /// Ends the trial and leaves everything as it is; `false` where there was none.
    pub fn drop_trial(&mut self) -> bool {
        self.trial.take().is_some()
    }

    /// Puts in place what is tried out, as one step, as soon as it is made.
    pub fn accept_trial(&mut self) -> Result<(), EditError> {
        self.make_accepted();
        self.follow_trial()
    }

    /// Takes in what has been made since the last call, and begins anew where the marks have changed.
    /// Nothing happens while a gesture is under way.
    pub fn follow_trial(&mut self) -> Result<(), EditError> {
        if self.grab.is_some() {
            return Ok(());
        }
        let Some(trial) = &mut self.trial else { return Ok(()) };
        if let Work::Running(running) = &trial.work
            && let Ok(outcome) = running.outcome.try_recv()
        {
            trial.take(outcome);
        }
        if self.trial.as_ref().is_some_and(|trial| trial.basis != self.trial_basis()) {
            self.begin_anew();
        }
        self.put_in_place()?;
        self.look_at_slices();
        Ok(())
    }

    /// Waits until the trial is made; for whoever has no window to draw meanwhile.
    pub fn wait_for_trial(&mut self) -> Result<(), EditError> {
        while let Some(Trial { work: Work::Running(running), .. }) = &self.trial {
            match running.outcome.recv_timeout(Duration::from_secs(1)) {
                Ok(outcome) => {
                    if let Some(trial) = &mut self.trial {
                        trial.take(outcome);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.trial = None;
                    break;
                }
            }
        }
        self.follow_trial()
    }

    fn begin_anew(&mut self) {
        let Some(Trial { kind, algorithm, accepted, .. }) = self.trial.take() else { return };
        self.start_trial(kind, algorithm);
        if accepted {
            self.make_accepted();
        }
    }

    fn make_accepted(&mut self) {
        let Some(mut trial) = self.trial.take() else { return };
        trial.accepted = true;
        if matches!(trial.work, Work::OnSlices) {
            trial.work = self.run_in_background(&trial.algorithm);
        }
        self.trial = Some(trial);
    }

    fn put_in_place(&mut self) -> Result<(), EditError> {
        let is_ready = |trial: &mut Trial| trial.accepted && !matches!(trial.work, Work::Running(_));
        let Some(trial) = self.trial.take_if(is_ready) else { return Ok(()) };
        match trial.work {
            Work::Made(Made { edits, .. }) if edits.is_empty() => {
                self.notice = Some(format!("{} changes nothing", trial.algorithm.name(&self.case)));
                Ok(())
            }
            Work::Made(Made { edits, .. }) => {
                let name = trial.algorithm.name(&self.case);
                self.apply_step(&name, |_| edits)
            }
            Work::Failed(error) => {
                self.notice = Some(error.to_string());
                Ok(())
            }
            Work::OnSlices | Work::Running(_) => Ok(()),
        }
    }

    /// What the trial would do on the slice that a pane shows, as of the last [`Self::follow_trial`].
    pub fn trial_on(&self, pane: usize) -> Option<&TrialPicture> {
        let seen = self.trial.as_ref()?.seen[pane].as_ref()?;
        (Some(seen.slice) == self.slice_shown(pane)).then_some(&seen.picture)
    }

    /// Whoever draws the pictures can tell for every sample whether it lies in a range: what a threshold
    /// would do is then shown by them and not looked up here.
    pub fn leave_thresholds_to_pictures(&mut self, leave: bool) {
        if leave != self.thresholds_on_pictures {
            self.thresholds_on_pictures = leave;
            if let Some(trial) = &mut self.trial {
                trial.seen = Default::default();
            }
        }
    }

    /// Leaves work to who does it faster; it comes to the same.
    pub fn leave_work_to(&mut self, accelerators: Accelerators) {
        self.accelerators = accelerators;
    }

    /// The threshold that pictures are to show: its layer, what it may be written over, and its range.
    pub fn threshold_on_pictures(&self) -> Option<(usize, WriteRule, [f64; 2])> {
        let trial = self.trial.as_ref().filter(|_| self.thresholds_on_pictures)?;
        match (&trial.work, &trial.algorithm) {
            (Work::OnSlices | Work::Running(_), Algorithm::Threshold { label, range, keep_others }) => {
                Some((trial.basis.layer, painting(*label, *keep_others), *range))
            }
            _ => None,
        }
    }

    fn look_at_slices(&mut self) {
        let Some(mut trial) = self.trial.take() else { return };
        for pane in 0..PANES {
            let shown = self.slice_shown(pane);
            if trial.seen[pane].as_ref().map(|seen| seen.slice) != shown {
                trial.seen[pane] =
                    shown.map(|slice| Seen { slice, picture: self.look_at_slice(&trial, slice) });
            }
        }
        self.trial = Some(trial);
    }

    fn slice_shown(&self, pane: usize) -> Option<(usize, usize)> {
        self.view(pane).slice.map(|(family, number)| (family.slice_axis, number))
    }

    fn look_at_slice(&self, trial: &Trial, (axis, slice): (usize, usize)) -> TrialPicture {
        let mut bounds = self.grid().bounds();
        (bounds.min[axis], bounds.max[axis]) = (slice, slice + 1);
        let Some(now) = self.case.layers().get(trial.basis.layer) else { return TrialPicture::default() };
        match (&trial.work, &trial.algorithm) {
            (Work::Made(made), _) => differences(now, &made.after, bounds),
            (_, Algorithm::Threshold { label, .. }) if !self.thresholds_on_pictures => {
                let Basis { layer, time, .. } = trial.basis;
                let after = trial.algorithm.preview(&self.case, layer, time, bounds, &Unwatched);
                let mut gained = after.unwrap_or_else(|_| Mask::empty(bounds));
                gained.subtract(&Mask::of_label(now, bounds, *label));
                TrialPicture { gained: BTreeMap::from([(*label, runs_of(&gained))]), lost: Vec::new() }
            }
            _ => TrialPicture::default(),
        }
    }

    /// The smallest and the greatest value of the study.
    pub fn value_range(&self) -> [f64; 2] {
        *self.value_range.get_or_init(|| {
            let statistics = self.case.volume().statistics();
            [statistics.min, statistics.max]
        })
    }

    /// The values above Otsu's threshold.
    fn bright_range(&self) -> [f64; 2] {
        let volume = self.case.volume();
        let found = otsu(volume, volume.grid().bounds(), self.display.time);
        found.map_or([self.display.window.low(), self.display.window.high()], |otsu| otsu.foreground)
    }

    /// What the values near a place are like: the mean of the half of them that is most like it, and 2.5
    /// standard deviations to either side.
    pub fn range_around(&self, place: Point<Patient>) -> [f64; 2] {
        let (volume, grid) = (self.case.volume(), self.grid());
        let middle = grid.clamped_index_at(place).to_array();
        let reach = grid.spacing_mm().map(|spacing| (NEAR_MM / spacing) as usize);
        let first: [usize; 3] = std::array::from_fn(|axis| middle[axis].saturating_sub(reach[axis]));
        let last: [usize; 3] =
            std::array::from_fn(|axis| (middle[axis] + reach[axis]).min(grid.dims()[axis] - 1));
        let time = self.display.time.min(volume.times() - 1);
        let mut values = Vec::new();
        for k in (first[2]..=last[2]).filter(|k| !volume.is_missing_at(*k, time)) {
            for j in first[1]..=last[1] {
                values.extend((first[0]..=last[0]).map(|i| volume.value(VoxelIndex { i, j, k }, time)));
            }
        }
        values.retain(|value| value.is_finite());
        let here = volume.value(grid.clamped_index_at(place), time);
        // At a border half of what is near is something else.
        values.sort_unstable_by(|a, b| (a - here).abs().total_cmp(&(b - here).abs()));
        values.truncate(values.len().div_ceil(2));
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
        // The seed itself belongs, whatever its surroundings are like.
        let (low, high) = (mean - 2.5 * deviation, mean + 2.5 * deviation);
        [low.min(here), high.max(here)]
    }
}

impl Trial {
    fn take(&mut self, outcome: Result<Made, AlgorithmError>) {
        self.work = match outcome {
            Ok(made) => Work::Made(made),
            Err(error) => Work::Failed(error),
        };
        self.seen = Default::default();
    }
}

fn made(
    mut case: Case,
    algorithm: &Algorithm,
    layer: usize,
    time: usize,
    accelerators: &Accelerators,
    progress: &dyn Progress,
) -> Result<Made, AlgorithmError> {
    let edits = algorithm.run(&case, layer, time, accelerators, progress)?;
    for edit in &edits {
        if let Err(error) = case.apply(edit) {
            return Err(AlgorithmError::Declined(error.to_string()));
        }
    }
    let after = case.layers().get(layer).cloned().ok_or(AlgorithmError::NoSuchLayer(layer))?;
    Ok(Made { edits, after })
}

fn differences(now: &LabelMap, after: &LabelMap, bounds: VoxelBox) -> TrialPicture {
    let (mut gained, mut lost) = (BTreeMap::<u16, Mask>::new(), Mask::empty(bounds));
    let dims = now.dims();
    let (mut old, mut new) = (vec![0; dims[0]], vec![0; dims[0]]);
    for k in bounds.min[2]..bounds.max[2] {
        for j in bounds.min[1]..bounds.max[1] {
            now.copy_row(j, k, &mut old);
            after.copy_row(j, k, &mut new);
            for i in (bounds.min[0]..bounds.max[0]).filter(|i| old[*i] != new[*i]) {
                let changed = match new[i] {
                    0 => &mut lost,
                    label => gained.entry(label).or_insert_with(|| Mask::empty(bounds)),
                };
                changed.insert(VoxelIndex { i, j, k });
            }
        }
    }
    let gained = gained.into_iter().map(|(label, mask)| (label, runs_of(&mask))).collect();
    TrialPicture { gained, lost: runs_of(&lost) }
}

fn runs_of(mask: &Mask) -> Vec<VoxelRun> {
    let mut runs = Vec::new();
    mask.for_each_run(|i, j, k| runs.push(VoxelRun { i, j, k }));
    runs
}
