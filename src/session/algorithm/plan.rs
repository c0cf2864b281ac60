//! What each algorithm would write.
//!
//! Always true: nothing is planned for a locked label, for one that is background, or by a value that makes
//! no sense. What locks and paint-over rules keep from being written is left to whoever writes.

use std::cell::OnceCell;

use super::check::{bad, exists, is_above_0, is_length, is_range, layer_of, may_change, name_of, seed_at};
use super::{Algorithm, AlgorithmError, KeptIslands, Operation, Smoothing};
use crate::annotation::Label;
use crate::case::{Case, PaintOver, WriteRule};
use crate::geometry::{Patient, Point, VoxelBox};
use crate::segment::{
    self, Accelerators, BoundaryBand, BoundaryError, Connectivity, Islands, MOST_BOUNDARY_VOXELS, Progress,
    SliceAxis,
};
use crate::volume::{LabelMap, Mask};

/// What is to be written, in order.
#[derive(Default)]
pub(super) struct Plan {
    /// Labels that do not exist yet.
    pub(super) new_labels: Vec<(u16, Label)>,
    pub(super) writes: Vec<(WriteRule, Mask)>,
}

/// What an algorithm works on.
pub(super) struct Planner<'a> {
    pub(super) case: &'a Case,
    pub(super) layer: usize,
    pub(super) time: usize,
    /// What a threshold looks at; all others look at the whole grid.
    pub(super) bounds: VoxelBox,
    pub(super) accelerators: &'a Accelerators,
    pub(super) progress: &'a dyn Progress,
    /// The layer without gaps, where slices are missing.
    pub(super) bridged: OnceCell<LabelMap>,
}

type Planned = Result<Plan, AlgorithmError>;

/// More smoothing than that is a mistake, and would cost all memory.
const MOST_SMOOTHING_MM: f64 = 100.0;
/// More voxels around a label than that take gigabytes, where the study itself is smaller.
const MOST_TO_CLOSE: f64 = (1u32 << 28) as f64;
/// Nobody is larger.
const MOST_MARGIN_MM: f64 = 2000.0;
/// Headers keep seven digits of a spacing: what is longer by less than a millionth is as long.
const AS_LONG: f64 = 1.0 + 1e-6;
/// More islands than that are noise, and not labels.
const MOST_SPLIT: usize = 1000;

impl Planner<'_> {
    pub(super) fn plan(&self, algorithm: &Algorithm) -> Planned {
        layer_of(self.case, self.layer)?;
        let labels = algorithm.labels();
        labels.iter().try_for_each(|label| may_change(self.case, *label))?;
        if let Some((_, twice)) = labels.iter().enumerate().find(|(n, label)| labels[..*n].contains(label)) {
            return Err(bad(&format!("label {twice} is named twice")));
        }
        match algorithm {
            Algorithm::Threshold { label, range, keep_others } => {
                is_range(range)?;
                let within = Mask::of_values(self.case.volume(), self.bounds, *range, self.time);
                Ok(self.painted(painting(*label, *keep_others), within))
            }
            Algorithm::Grow { label, seed_lps, range, confidence, connectivity, keep_others } => {
                let region = self.region(*seed_lps, *range, *confidence, *connectivity)?;
                Ok(self.painted(painting(*label, *keep_others), region))
            }
            Algorithm::Fill { label, seed_lps, slice, connectivity } => {
                let region = self.island_at(*seed_lps, *slice, *connectivity)?;
                Ok(self.painted(WriteRule::paint(*label), region))
            }
            Algorithm::Islands { label, keep, count, remove_below_mm3, split, connectivity } => {
                let stay = match (keep, remove_below_mm3, split) {
                    (Some(KeptIslands::Largest), None, false) if *count == 0 => {
                        return Err(bad("count must be at least 1"));
                    }
                    (Some(KeptIslands::Largest), None, false) => Islands::Largest(*count),
                    (None, Some(mm3), false) => {
                        is_above_0("remove_below_mm3", *mm3)?;
                        let voxels = mm3 / self.case.volume().grid().voxel_mm3();
                        // A volume that is a multiple of a voxel's but for its last digit stays.
                        Islands::AtLeast((voxels / AS_LONG.powi(3)).ceil() as u64)
                    }
                    (None, None, true) => return self.split_up(*label, *connectivity),
                    _ => {
                        let text = "islands takes one of \"keep\": \"largest\", \"remove_below_mm3\" and \"split\": true";
                        return Err(bad(text));
                    }
                };
                self.changed(*label, false, |mask| {
                    Ok(segment::islands(mask, stay, *connectivity, self.progress)?)
                })
            }
            Algorithm::FillHoles { label, slices, keep_others } => {
                self.changed(*label, *keep_others, |mask| match slices {
                    None => Ok(segment::fill_holes(mask, self.progress)?),
                    Some(axis) => Ok(segment::fill_holes_in_slices(mask, *axis, self.progress)?),
                })
            }
            Algorithm::Margin { label, mm, keep_others } => {
                is_length("mm, but for its sign,", mm.abs(), MOST_MARGIN_MM)?;
                let (by, spacing) = (mm.abs() * AS_LONG, self.spacing());
                self.changed(*label, *keep_others, |mask| match *mm > 0.0 {
                    true => Ok(segment::grown(mask, by, spacing, self.progress)?),
                    false => Ok(segment::shrunk(mask, by, spacing, self.progress)?),
                })
            }
            Algorithm::Hollow { label, mm, wall, keep_others } => {
                is_length("mm", *mm, MOST_MARGIN_MM)?;
                self.changed(*label, *keep_others, |mask| {
                    Ok(segment::hollow(mask, mm * AS_LONG, *wall, self.spacing(), self.progress)?)
                })
            }
            Algorithm::Smooth { method, mm, keep_others, .. } => {
                self.smooth(&labels, *method, *mm, *keep_others)
            }
            Algorithm::Refine { label, method, within_mm, around_lps, radius_mm, keep_others } => {
                is_length("within_mm", *within_mm, MOST_SMOOTHING_MM)?;
                is_above_0("radius_mm", *radius_mm)?;
                let near = around_lps.map(|centre| (centre, *radius_mm));
                let band = BoundaryBand { within_mm: *within_mm, near, decider: *method };
                self.changed(*label, *keep_others, |mask| self.refined(mask, *label, &band, *keep_others))
            }
            Algorithm::GrowFromSeeds { labels, margin_mm } => self.grow_from_seeds(labels, *margin_mm),
            Algorithm::Combine { op, a, b, into, a_layer, b_layer } => {
                let mut mask = self.mask_of(*a, *a_layer)?;
                let other = self.mask_of(*b, *b_layer)?;
                match op {
                    Operation::Union => mask.unite(&other),
                    Operation::Intersect => mask.intersect(&other),
                    Operation::Subtract => mask.subtract(&other),
                }
                let new_labels = self.new_label(*into);
                Ok(Plan { new_labels, ..Plan::becoming(*into, &self.now(*into)?, mask, false) })
            }
        }
    }

    fn spacing(&self) -> [f64; 3] {
        self.case.volume().grid().spacing_mm()
    }

    fn whole(&self) -> VoxelBox {
        self.case.volume().grid().bounds()
    }

    /// The layer. A slice that was never scanned, in which nobody can mark anything, counts as the nearest
    /// one that was: it ends no island and takes nothing from a margin.
    fn map(&self) -> Result<&LabelMap, AlgorithmError> {
        let (map, volume) = (layer_of(self.case, self.layer)?, self.case.volume());
        if volume.missing_slices().is_empty() {
            return Ok(map);
        }
        Ok(self.bridged.get_or_init(|| {
            let mut bridged = map.clone();
            volume
                .missing_slices()
                .iter()
                .for_each(|k| bridged.copy_slice(volume.nearest_scanned(*k, None), *k));
            bridged
        }))
    }

    /// The voxels that nothing may pass through: those of locked labels.
    fn walls(&self) -> Result<Mask, AlgorithmError> {
        let map = layer_of(self.case, self.layer)?;
        Ok(Mask::of_labels(map, self.whole(), |label| self.case.scheme().is_locked(label)))
    }

    /// What a label holds.
    fn now(&self, label: u16) -> Result<Mask, AlgorithmError> {
        Ok(Mask::of_label(self.map()?, self.whole(), label))
    }

    /// What a label that exists holds on a layer.
    fn mask_of(&self, label: u16, layer: Option<usize>) -> Result<Mask, AlgorithmError> {
        exists(self.case, label)?;
        let map = layer_of(self.case, layer.unwrap_or(self.layer))?;
        Ok(Mask::of_label(map, self.whole(), label))
    }

    /// The label, where there is none yet.
    fn new_label(&self, label: u16) -> Vec<(u16, Label)> {
        let is_new = self.case.scheme().get(label).is_none();
        is_new.then(|| (label, Label::numbered(label))).into_iter().collect()
    }

    /// Writes a mask, and makes the label where there is none yet.
    fn painted(&self, rule: WriteRule, mask: Mask) -> Plan {
        Plan { new_labels: self.new_label(rule.label), writes: vec![(rule, mask)] }
    }

    /// Gives a label what becomes of it.
    fn changed(
        &self,
        label: u16,
        keep_others: bool,
        change: impl FnOnce(&Mask) -> Result<Mask, AlgorithmError>,
    ) -> Planned {
        exists(self.case, label)?;
        let now = self.now(label)?;
        let wanted = change(&now)?;
        Ok(Plan::becoming(label, &now, wanted, keep_others))
    }

    /// What values within a range, or within one learnt around the seed, lead to.
    fn region(
        &self,
        seed: Point<Patient>,
        range: Option<[f64; 2]>,
        confidence: Option<f64>,
        connectivity: Connectivity,
    ) -> Result<Mask, AlgorithmError> {
        let (volume, whole) = (self.case.volume(), self.whole());
        let seed = seed_at(self.case, seed)?;
        let at_seed = layer_of(self.case, self.layer)?.label(seed);
        if let Some(locked) = self.case.scheme().get(at_seed).filter(|label| label.locked) {
            return Err(AlgorithmError::Locked(locked.name.clone()));
        }
        if volume.is_missing_at(seed.k, self.time) {
            return Err(AlgorithmError::Declined("the seed lies in a slice that was never scanned".into()));
        }
        let value = volume.value(seed, self.time.min(volume.times() - 1));
        if !value.is_finite() {
            return Err(AlgorithmError::Declined(format!("the seed has no value to go by: {value}")));
        }
        let walls = self.walls()?;
        match (range, confidence) {
            (Some(range @ [low, high]), None) => {
                is_range(&range)?;
                if !(low..=high).contains(&value) {
                    let text = format!("the seed's value {value} lies outside [{low}, {high}]");
                    return Err(AlgorithmError::Declined(text));
                }
                let mut within = Mask::of_values(volume, whole, range, self.time);
                within.subtract(&walls);
                Ok(segment::connected_to(&within, seed, connectivity, self.progress)?)
            }
            (None, Some(multiplier)) => {
                is_above_0("confidence", multiplier)?;
                let learnt = segment::Confidence { multiplier, ..Default::default() };
                let (time, progress) = (self.time, self.progress);
                let grow = segment::confidence_connected;
                Ok(grow(volume, &walls.complement(), seed, learnt, connectivity, time, progress)?)
            }
            _ => Err(bad("grow takes either a \"range\" or a \"confidence\"")),
        }
    }

    /// What is of one label around a seed, in space or in its slice.
    fn island_at(
        &self,
        seed: Point<Patient>,
        slice: Option<SliceAxis>,
        connectivity: Connectivity,
    ) -> Result<Mask, AlgorithmError> {
        let (map, seed) = (self.map()?, seed_at(self.case, seed)?);
        let old = map.label(seed);
        if let Some(locked) = self.case.scheme().get(old).filter(|label| label.locked) {
            return Err(AlgorithmError::Locked(locked.name.clone()));
        }
        let mut bounds = self.whole();
        if let Some(axis) = slice {
            let (axis, at) = (axis as usize, seed.to_array());
            (bounds.min[axis], bounds.max[axis]) = (at[axis], at[axis] + 1);
        }
        let alike = Mask::of_label(map, bounds, old);
        Ok(segment::connected_to(&alike, seed, connectivity, self.progress)?)
    }

    /// Makes every island but the largest a label of its own.
    fn split_up(&self, label: u16, connectivity: Connectivity) -> Planned {
        let scheme = self.case.scheme();
        exists(self.case, label)?;
        let parts = segment::Components::of(&self.now(label)?, connectivity, self.progress)?;
        if parts.count() > MOST_SPLIT {
            let count = parts.count();
            return Err(bad(&format!("{count} islands are too many to split: remove small ones first")));
        }
        let named = name_of(self.case, label);
        let mut free = (1..=u16::MAX).filter(|index| scheme.get(*index).is_none());
        let mut plan = Plan::default();
        for (number, part) in parts.largest_first().into_iter().enumerate().skip(1) {
            let Some(index) = free.next() else { return Err(bad("there are no more labels")) };
            let name = format!("{named} {}", number + 1);
            plan.new_labels.push((index, Label { name, ..Label::numbered(index) }));
            plan.writes.push((WriteRule::paint(index), parts.part_mask(part)));
        }
        Ok(plan)
    }

    fn smooth(&self, labels: &[u16], method: Smoothing, mm: f64, keep_others: bool) -> Planned {
        labels.iter().try_for_each(|label| exists(self.case, *label))?;
        is_length("mm", mm, MOST_SMOOTHING_MM)?;
        let (spacing, progress) = (self.spacing(), self.progress);
        let sigma = segment::sigma_in_voxels(mm, self.case.volume().grid());
        match (method, labels) {
            (Smoothing::Joint, []) => Err(bad("joint smoothing takes \"labels\"")),
            (Smoothing::Joint, _) => {
                let masks = segment::smoothed_together(self.map()?, labels, sigma, progress)?;
                let now: Result<Vec<Mask>, _> = labels.iter().map(|label| self.now(*label)).collect();
                Ok(Plan::exchanging(labels, now?, masks))
            }
            (_, [label]) => self.changed(*label, keep_others, |mask| match method {
                Smoothing::Closing => {
                    let voxels = segment::voxels_to_close(mask, mm * AS_LONG, spacing);
                    if voxels > MOST_TO_CLOSE.max(2.0 * self.case.volume().grid().voxel_count() as f64) {
                        let text = format!(
                            "closing by {mm} mm would look at {voxels:.1e} voxels: take a smaller length"
                        );
                        return Err(AlgorithmError::Declined(text));
                    }
                    Ok(segment::closed(mask, mm * AS_LONG, spacing, progress)?)
                }
                Smoothing::Opening => Ok(segment::opened(mask, mm * AS_LONG, spacing, progress)?),
                Smoothing::Median => {
                    let reach = spacing.map(|spacing| (mm / spacing * AS_LONG) as usize);
                    Ok(segment::majority(mask, reach, progress)?)
                }
                Smoothing::Gaussian | Smoothing::Joint => {
                    Ok(segment::smoothed_mask(mask, sigma, self.accelerators.smoother.as_deref(), progress)?)
                }
            }),
            _ => Err(bad("smooth takes one \"label\"; only \"joint\" takes several \"labels\"")),
        }
    }

    fn refined(
        &self,
        mask: &Mask,
        label: u16,
        band: &BoundaryBand,
        keep_others: bool,
    ) -> Result<Mask, AlgorithmError> {
        let scheme = self.case.scheme();
        let stays = |other: u16| other != label && other != 0 && (keep_others || scheme.is_locked(other));
        let kept = Mask::of_labels(self.map()?, self.whole(), stays);
        let refined = segment::refined(self.case.volume(), self.time, mask, &kept, band, self.progress);
        refined.map_err(|error| match error {
            BoundaryError::Cancelled(cancelled) => cancelled.into(),
            error => AlgorithmError::Declined(unrefined(error, &name_of(self.case, label), band.near)),
        })
    }

    fn grow_from_seeds(&self, labels: &[u16], margin_mm: f64) -> Planned {
        labels.iter().try_for_each(|label| exists(self.case, *label))?;
        if !(margin_mm.is_finite() && margin_mm >= 0.0) {
            return Err(bad(&format!("margin_mm must be at least 0, not {margin_mm}")));
        }
        let (map, whole) = (layer_of(self.case, self.layer)?, self.whole());
        let mut painted: Option<VoxelBox> = None;
        let mut competitors = 0;
        for label in labels {
            if let Some(bounds) = Mask::of_label(map, whole, *label).tight_bounds() {
                painted = Some(painted.map_or(bounds, |painted| painted.union(&bounds)));
                competitors += 1;
            }
        }
        let Some(painted) = painted.filter(|_| competitors > 1) else {
            let text = "growing from seeds takes two painted labels at least: mark what is to stay out by one of its own";
            return Err(AlgorithmError::Declined(text.into()));
        };
        let margin = self.spacing().map(|spacing| (margin_mm / spacing).min(1e9) as usize);
        let around = VoxelBox {
            min: std::array::from_fn(|axis| painted.min[axis].saturating_sub(margin[axis])),
            max: std::array::from_fn(|axis| (painted.max[axis] + margin[axis]).min(whole.max[axis])),
        };
        let grown = segment::GrowFromSeeds::new(self.case.volume(), self.time, around, labels);
        let mut grown = grown.map_err(|error| bad(&error.to_string()))?;
        grown.wall_up(&self.walls()?);
        let is_begun = match &self.accelerators.grower {
            Some(grower) => grown.begin_by(grower.as_ref(), map, self.progress)?,
            None => false,
        };
        if !is_begun {
            grown.update(map, self.progress)?;
        }
        let writes = grown.masks().into_iter().map(|(label, mask)| (painting(label, true), mask));
        Ok(Plan { new_labels: Vec::new(), writes: writes.collect() })
    }
}

impl Plan {
    /// Gives a label other voxels than it has: erases it where it is not wanted any more, and nothing else
    /// there.
    fn becoming(label: u16, now: &Mask, wanted: Mask, keep_others: bool) -> Self {
        let mut lost = now.clone();
        lost.subtract(&wanted);
        let paint = painting(label, keep_others);
        Self { new_labels: Vec::new(), writes: vec![(WriteRule::erase(label), lost), (paint, wanted)] }
    }

    /// Gives several labels the voxels that each is to have.
    fn exchanging(labels: &[u16], now: Vec<Mask>, wanted: Vec<Mask>) -> Self {
        let lost = now.into_iter().zip(&wanted).map(|(mut now, wanted)| {
            now.subtract(wanted);
            now
        });
        let mut writes: Vec<_> = labels.iter().map(|label| WriteRule::erase(*label)).zip(lost).collect();
        writes.extend(labels.iter().map(|label| WriteRule::paint(*label)).zip(wanted));
        Self { new_labels: Vec::new(), writes }
    }
}

/// Paints a label over whatever is not locked, or over background only.
pub(in crate::session) fn painting(label: u16, keep_others: bool) -> WriteRule {
    let over = if keep_others { PaintOver::Only(0) } else { PaintOver::All };
    WriteRule { over, ..WriteRule::paint(label) }
}

/// Why a boundary stays as it is.
fn unrefined(error: BoundaryError, label: &str, near: Option<(Point<Patient>, f64)>) -> String {
    match (error, near) {
        (BoundaryError::TooLarge(voxels), _) => {
            let [voxels, most] = [voxels, MOST_BOUNDARY_VOXELS].map(|count| count.div_ceil(1_000_000));
            format!(
                "the boundary of \"{label}\" spans {voxels} million voxels, and {most} million can be decided at once: refine it near one place after another"
            )
        }
        (_, Some((_, radius_mm))) => {
            format!("no boundary of \"{label}\" lies within {radius_mm} mm of the place")
        }
        (_, None) => format!("\"{label}\" has no boundary that could move"),
    }
}
