//! Steps that compute a mask: thresholds, growing, islands, margins, smoothing, combining.
//!
//! A new one takes a variant of [`Algorithm`], its word in [`Algorithm::TOOLS`], and an arm in `plan` and
//! `name`. What it computes comes from `segment`, or from a file beside this one; what it writes goes through
//! [`MaskWriter`], so that locks hold.

use serde::Deserialize;

use super::{ScriptError, Session};
use crate::annotation::Label;
use crate::case::{Case, Edit, MaskWriter, PaintOver, WriteRule};
use crate::geometry::{Patient, Point, VoxelBox, VoxelIndex};
use crate::segment::{
    self, BoundaryBand, BoundaryError, Cancelled, Connectivity, Decider, Islands, MOST_BOUNDARY_VOXELS,
    Progress, SliceAxis, Unwatched, Wall,
};
use crate::volume::Mask;

/// A step that computes a mask, as a script writes it. Coordinates are LPS millimetres.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "tool", rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs)]
pub enum Algorithm {
    /// Labels every voxel whose value lies in a range.
    Threshold {
        label: u16,
        range: [f64; 2],
        #[serde(default)]
        keep_others: bool,
    },
    /// Labels what a path of values within a range leads to from a seed; the range is given, or learnt
    /// from the region (mean ± `confidence` standard deviations).
    Grow {
        label: u16,
        seed_lps: Point<Patient>,
        #[serde(default)]
        range: Option<[f64; 2]>,
        #[serde(default)]
        confidence: Option<f64>,
        #[serde(default = "across_faces")]
        connectivity: Connectivity,
        #[serde(default)]
        keep_others: bool,
    },
    /// Labels the region of one label, or of background, that holds a seed; within a slice where one is told.
    Fill {
        label: u16,
        seed_lps: Point<Patient>,
        #[serde(default)]
        slice: Option<SliceAxis>,
        #[serde(default = "across_faces")]
        connectivity: Connectivity,
    },
    /// Keeps the largest islands of a label, removes small ones, or makes each a label of its own.
    Islands {
        label: u16,
        #[serde(default)]
        keep: Option<KeptIslands>,
        #[serde(default = "one")]
        count: usize,
        #[serde(default)]
        remove_below_mm3: Option<f64>,
        #[serde(default)]
        split: bool,
        #[serde(default = "across_corners")]
        connectivity: Connectivity,
    },
    /// Fills what a label encloses, in space or in each slice across an axis.
    FillHoles {
        label: u16,
        #[serde(default)]
        slices: Option<SliceAxis>,
        #[serde(default)]
        keep_others: bool,
    },
    /// Grows a label by so many millimetres, or shrinks it by as many below 0.
    Margin {
        label: u16,
        mm: f64,
        #[serde(default)]
        keep_others: bool,
    },
    /// Leaves a wall of a label.
    Hollow {
        label: u16,
        mm: f64,
        #[serde(default)]
        wall: Wall,
        #[serde(default)]
        keep_others: bool,
    },
    /// Smooths a label, or several together.
    Smooth {
        #[serde(default)]
        label: Option<u16>,
        #[serde(default)]
        labels: Vec<u16>,
        method: Smoothing,
        mm: f64,
        #[serde(default)]
        keep_others: bool,
    },
    /// Decides the boundary of a label anew by the values, as far as `within_mm` to either side of it; only
    /// within `radius_mm` of a point where one is told.
    Refine {
        label: u16,
        method: Decider,
        #[serde(default = "a_band")]
        within_mm: f64,
        #[serde(default)]
        around_lps: Option<Point<Patient>>,
        #[serde(default = "nearby")]
        radius_mm: f64,
        #[serde(default)]
        keep_others: bool,
    },
    /// Gives every voxel around the labels that has none the one of them that reaches it most cheaply over
    /// the values; as far as `margin_mm` around the box of their voxels.
    GrowFromSeeds {
        labels: Vec<u16>,
        #[serde(default = "some_way")]
        margin_mm: f64,
    },
    /// Gives a label what two others have together, both, or one alone. Layers count from 0; where none is
    /// told it is the one that is drawn on.
    Combine {
        op: Operation,
        a: u16,
        b: u16,
        into: u16,
        #[serde(default)]
        a_layer: Option<usize>,
        #[serde(default)]
        b_layer: Option<usize>,
    },
}

/// Which islands stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeptIslands {
    /// The largest.
    Largest,
}

/// How a label is smoothed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Smoothing {
    /// Fills what no ball of that radius beside the label covers.
    Closing,
    /// Removes what no ball of that radius within the label covers.
    Opening,
    /// Goes by the majority of a box that reaches that far.
    Median,
    /// Goes by a Gaussian of that standard deviation, at one half.
    Gaussian,
    /// Smooths several labels with a Gaussian of that standard deviation, without gaps between them.
    Joint,
}

/// What becomes of two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// What either has.
    Union,
    /// What both have.
    Intersect,
    /// What the first has and the second has not.
    Subtract,
}

fn across_faces() -> Connectivity {
    Connectivity::Six
}

fn across_corners() -> Connectivity {
    Connectivity::TwentySix
}

fn one() -> usize {
    1
}

fn some_way() -> f64 {
    10.0
}

fn a_band() -> f64 {
    3.0
}

fn nearby() -> f64 {
    20.0
}

/// Why an algorithm could not run. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlgorithmError {
    /// A value that makes no sense.
    #[error("{0}")]
    BadValue(String),
    /// A label that does not exist.
    #[error("there is no label {0}")]
    NoSuchLabel(u16),
    /// A layer that does not exist.
    #[error("there is no layer {0}")]
    NoSuchLayer(usize),
    /// A label that may not change.
    #[error("\"{0}\" is locked: unlock it to change it")]
    Locked(String),
    /// The seed has nothing to grow from.
    #[error("{0}")]
    Declined(String),
    /// It was called off.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// What is to be written, in order.
#[derive(Default)]
struct Plan {
    /// Labels that do not exist yet.
    new_labels: Vec<(u16, Label)>,
    writes: Vec<(WriteRule, Mask)>,
}

/// More smoothing than that is a mistake, and would cost all memory.
const MOST_SMOOTHING_MM: f64 = 100.0;
/// Nobody is larger.
const MOST_MARGIN_MM: f64 = 2000.0;
/// Headers keep seven digits of a spacing: what is longer by less than a millionth is as long.
const AS_LONG: f64 = 1.0 + 1e-6;
/// More islands than that are noise, and not labels.
const MOST_SPLIT: usize = 1000;

impl Algorithm {
    /// The word that a script says for each.
    pub const TOOLS: &[&str] = &[
        "threshold",
        "grow",
        "fill",
        "islands",
        "fill-holes",
        "margin",
        "hollow",
        "smooth",
        "refine",
        "grow-from-seeds",
        "combine",
    ];

    /// The edits that it comes to on a layer, for values at a time; none where nothing changes. The case
    /// may be a clone, so that another thread works while marks go on; the edits then apply as long as
    /// nobody changed the same bricks.
    pub fn run(
        &self,
        case: &Case,
        layer: usize,
        time: usize,
        progress: &dyn Progress,
    ) -> Result<Vec<Edit>, AlgorithmError> {
        let bounds = case.volume().grid().bounds();
        let Plan { new_labels, writes } = self.plan(case, layer, time, bounds, progress)?;
        let mut writer: Option<MaskWriter<'_>> = None;
        for (rule, mask) in writes {
            match &mut writer {
                Some(writer) => writer.go_on(rule),
                None => writer = MaskWriter::new(case, layer, rule),
            }
            writer.as_mut().ok_or(AlgorithmError::NoSuchLayer(layer))?.write_mask(&mask);
        }
        let Some(marks) = writer.and_then(MaskWriter::finish) else { return Ok(Vec::new()) };
        let labels = new_labels.into_iter();
        let labels = labels.filter_map(|(index, label)| Edit::set_label(case, index, Some(label)));
        Ok(labels.chain([marks]).collect())
    }

    /// The voxels of a box that would have the label afterwards, locks kept. A threshold looks at the box
    /// alone, so that the slices on the screen are there at once; others cost what [`Self::run`] costs.
    pub fn preview(
        &self,
        case: &Case,
        layer: usize,
        time: usize,
        bounds: VoxelBox,
        progress: &dyn Progress,
    ) -> Result<Mask, AlgorithmError> {
        let plan = self.plan(case, layer, time, bounds, progress)?;
        let map = layer_of(case, layer)?;
        let label = self.labels().first().copied().unwrap_or(0);
        let mut shown = Mask::of_label(map, bounds, label);
        let locked = Mask::of_labels(map, bounds, |index| case.scheme().is_locked(index));
        for (rule, mask) in plan.writes {
            let mut written = mask.within(bounds);
            written.subtract(&locked);
            if let PaintOver::Only(only) = rule.over {
                written.intersect(&Mask::of_label(map, bounds, only));
            }
            if rule.label == label { shown.unite(&written) } else { shown.subtract(&written) }
        }
        Ok(shown)
    }

    /// What the history calls it.
    pub fn name(&self, case: &Case) -> String {
        let unit = case.volume().placement.unit();
        let named = |index: &u16| name_of(case, *index);
        let label = self.labels().iter().map(named).collect::<Vec<_>>().join(", ");
        match self {
            Self::Threshold { range: [low, high], .. } => format!("Threshold {low} to {high} for {label}"),
            Self::Grow { .. } => format!("Grow {label}"),
            Self::Fill { .. } => format!("Fill with {label}"),
            Self::Islands { split: true, .. } => format!("Split the islands of {label}"),
            Self::Islands { keep: Some(_), count: 1, .. } => format!("Keep the largest island of {label}"),
            Self::Islands { keep: Some(_), count, .. } => {
                format!("Keep the {count} largest islands of {label}")
            }
            Self::Islands { .. } => format!("Remove small islands of {label}"),
            Self::FillHoles { .. } => format!("Fill the holes of {label}"),
            Self::Margin { mm, .. } if *mm < 0.0 => format!("Shrink {label} by {} {unit}", -mm),
            Self::Margin { mm, .. } => format!("Grow {label} by {mm} {unit}"),
            Self::Hollow { mm, .. } => format!("Hollow {label}, wall {mm} {unit}"),
            Self::Smooth { mm, .. } => format!("Smooth {label} by {mm} {unit}"),
            Self::Refine { .. } => format!("Refine the boundary of {label}"),
            Self::GrowFromSeeds { .. } => format!("Grow {label} from seeds"),
            Self::Combine { op, a, b, .. } => {
                let word = match op {
                    Operation::Union => "and",
                    Operation::Intersect => "within",
                    Operation::Subtract => "without",
                };
                format!("{label}: {} {word} {}", named(a), named(b))
            }
        }
    }

    /// The labels that change.
    fn labels(&self) -> Vec<u16> {
        match self {
            Self::Threshold { label, .. }
            | Self::Grow { label, .. }
            | Self::Fill { label, .. }
            | Self::Islands { label, .. }
            | Self::FillHoles { label, .. }
            | Self::Margin { label, .. }
            | Self::Hollow { label, .. }
            | Self::Refine { label, .. } => vec![*label],
            Self::GrowFromSeeds { labels, .. } => labels.clone(),
            Self::Smooth { label, labels, .. } => label.iter().chain(labels).copied().collect(),
            Self::Combine { into, .. } => vec![*into],
        }
    }

    /// The point that it begins from, where it does.
    pub(super) fn seed(&self) -> Option<Point<Patient>> {
        match self {
            Self::Grow { seed_lps, .. } | Self::Fill { seed_lps, .. } => Some(*seed_lps),
            Self::Refine { around_lps, .. } => *around_lps,
            _ => None,
        }
    }

    fn plan(
        &self,
        case: &Case,
        layer: usize,
        time: usize,
        bounds: VoxelBox,
        progress: &dyn Progress,
    ) -> Result<Plan, AlgorithmError> {
        let map = layer_of(case, layer)?;
        let labels = self.labels();
        for label in &labels {
            changeable(case, *label)?;
        }
        let (volume, grid) = (case.volume(), case.volume().grid());
        let (whole, spacing) = (grid.bounds(), grid.spacing_mm());
        let current = |label: u16| Mask::of_label(map, whole, label);
        match self {
            Self::Threshold { label, range, keep_others } => {
                is_range(range)?;
                let mut plan = Plan::painting(case, *label);
                plan.writes
                    .push((painting(*label, *keep_others), Mask::of_values(volume, bounds, *range, time)));
                Ok(plan)
            }
            Self::Grow { label, seed_lps, range, confidence, connectivity, keep_others } => {
                let seed = seed_at(case, *seed_lps)?;
                let value = volume.value(seed, time.min(volume.times() - 1));
                let region = match (range, confidence) {
                    (Some(range), None) => {
                        is_range(range)?;
                        if !(range[0]..=range[1]).contains(&value) || volume.is_missing(seed.k) {
                            let [low, high] = range;
                            let text = format!("the seed's value {value} lies outside [{low}, {high}]");
                            return Err(AlgorithmError::Declined(text));
                        }
                        segment::region(volume, whole, seed, *range, *connectivity, time, progress)?
                    }
                    (None, Some(multiplier)) => {
                        is_above_0("confidence", *multiplier)?;
                        let learnt = segment::Confidence { multiplier: *multiplier, ..Default::default() };
                        let (volume, connectivity) = (volume.as_ref(), *connectivity);
                        segment::confidence_connected(
                            volume,
                            whole,
                            seed,
                            learnt,
                            connectivity,
                            time,
                            progress,
                        )?
                    }
                    _ => return Err(bad("grow takes either a \"range\" or a \"confidence\"")),
                };
                let mut plan = Plan::painting(case, *label);
                plan.writes.push((painting(*label, *keep_others), region));
                Ok(plan)
            }
            Self::Fill { label, seed_lps, slice, connectivity } => {
                let seed = seed_at(case, *seed_lps)?;
                let old = map.label(seed);
                if let Some(locked) = case.scheme().get(old).filter(|label| label.locked) {
                    return Err(AlgorithmError::Locked(locked.name.clone()));
                }
                let mut bounds = whole;
                if let Some(axis) = slice {
                    let (axis, at) = (*axis as usize, seed.to_array());
                    (bounds.min[axis], bounds.max[axis]) = (at[axis], at[axis] + 1);
                }
                let alike = Mask::of_label(map, bounds, old);
                let region = segment::connected_to(&alike, seed, *connectivity, progress)?;
                let mut plan = Plan::painting(case, *label);
                plan.writes.push((WriteRule::paint(*label), region));
                Ok(plan)
            }
            Self::Islands { label, keep, count, remove_below_mm3, split, connectivity } => {
                exists(case, *label)?;
                let mask = current(*label);
                let stay = match (keep, remove_below_mm3, split) {
                    (Some(KeptIslands::Largest), None, false) if *count == 0 => {
                        return Err(bad("count must be at least 1"));
                    }
                    (Some(KeptIslands::Largest), None, false) => Islands::Largest(*count),
                    (None, Some(mm3), false) => {
                        is_above_0("remove_below_mm3", *mm3)?;
                        // A volume that is a multiple of a voxel's but for its last digit stays.
                        Islands::AtLeast((mm3 / grid.voxel_mm3() / AS_LONG.powi(3)).ceil() as u64)
                    }
                    (None, None, true) => return split_up(case, *label, &mask, *connectivity, progress),
                    _ => {
                        let text = "islands takes one of \"keep\": \"largest\", \"remove_below_mm3\" and \"split\": true";
                        return Err(bad(text));
                    }
                };
                let kept = segment::islands(&mask, stay, *connectivity, progress)?;
                Ok(Plan::becoming(*label, &mask, kept, false))
            }
            Self::FillHoles { label, slices, keep_others } => {
                exists(case, *label)?;
                let mask = current(*label);
                let filled = match slices {
                    None => segment::fill_holes(&mask, progress)?,
                    Some(axis) => segment::fill_holes_in_slices(&mask, *axis, progress)?,
                };
                Ok(Plan::becoming(*label, &mask, filled, *keep_others))
            }
            Self::Margin { label, mm, keep_others } => {
                exists(case, *label)?;
                is_above_0("mm, but for its sign,", mm.abs())?;
                is_at_most("mm, but for its sign,", mm.abs(), MOST_MARGIN_MM)?;
                let (mask, by) = (current(*label), mm.abs() * AS_LONG);
                let changed = match *mm > 0.0 {
                    true => segment::grown(&mask, by, spacing, progress)?,
                    false => segment::shrunk(&mask, by, spacing, progress)?,
                };
                Ok(Plan::becoming(*label, &mask, changed, *keep_others))
            }
            Self::Hollow { label, mm, wall, keep_others } => {
                exists(case, *label)?;
                is_above_0("mm", *mm)?;
                is_at_most("mm", *mm, MOST_MARGIN_MM)?;
                let mask = current(*label);
                let shell = segment::hollow(&mask, mm * AS_LONG, *wall, spacing, progress)?;
                Ok(Plan::becoming(*label, &mask, shell, *keep_others))
            }
            Self::Smooth { method, mm, keep_others, .. } => {
                labels.iter().try_for_each(|label| exists(case, *label))?;
                is_above_0("mm", *mm)?;
                is_at_most("mm", *mm, MOST_SMOOTHING_MM)?;
                if *method == Smoothing::Joint && labels.is_empty() {
                    return Err(bad("joint smoothing takes \"labels\""));
                }
                let sigma = segment::sigma_in_voxels(*mm, grid);
                if *method == Smoothing::Joint {
                    let masks = segment::smoothed_together(map, &labels, sigma, progress)?;
                    return Ok(Plan::exchanging(&labels, masks, current));
                }
                let [label] = labels[..] else {
                    return Err(bad("smooth takes one \"label\"; only \"joint\" takes several \"labels\""));
                };
                let mask = current(label);
                let smooth = match method {
                    Smoothing::Closing => segment::closed(&mask, mm * AS_LONG, spacing, progress)?,
                    Smoothing::Opening => segment::opened(&mask, mm * AS_LONG, spacing, progress)?,
                    Smoothing::Median => {
                        let reach = spacing.map(|spacing| (mm / spacing * AS_LONG) as usize);
                        segment::majority(&mask, reach, progress)?
                    }
                    Smoothing::Gaussian | Smoothing::Joint => segment::smoothed_mask(&mask, sigma, progress)?,
                };
                Ok(Plan::becoming(label, &mask, smooth, *keep_others))
            }
            Self::Refine { label, method, within_mm, around_lps, radius_mm, keep_others } => {
                exists(case, *label)?;
                is_above_0("within_mm", *within_mm)?;
                is_at_most("within_mm", *within_mm, MOST_SMOOTHING_MM)?;
                is_above_0("radius_mm", *radius_mm)?;
                let stays = |other: u16| {
                    other != *label && other != 0 && (*keep_others || case.scheme().is_locked(other))
                };
                let (mask, kept) = (current(*label), Mask::of_labels(map, whole, stays));
                let near = around_lps.map(|centre| (centre, *radius_mm));
                let band = BoundaryBand { within_mm: *within_mm, near, decider: *method };
                let refined = segment::refined(volume, time, &mask, &kept, &band, progress);
                let refined = refined.map_err(|error| match error {
                    BoundaryError::Cancelled(cancelled) => cancelled.into(),
                    error => AlgorithmError::Declined(unrefined(error, &name_of(case, *label), near)),
                })?;
                Ok(Plan::becoming(*label, &mask, refined, *keep_others))
            }
            Self::GrowFromSeeds { labels, margin_mm } => {
                labels.iter().try_for_each(|label| exists(case, *label))?;
                if !(margin_mm.is_finite() && *margin_mm >= 0.0) {
                    return Err(bad(&format!("margin_mm must be at least 0, not {margin_mm}")));
                }
                let painted = Mask::of_labels(map, whole, |label| labels.contains(&label)).tight_bounds();
                let Some(painted) = painted else {
                    return Err(AlgorithmError::Declined("none of the labels is painted yet".into()));
                };
                let margin = spacing.map(|spacing| (margin_mm / spacing).min(1e9) as usize);
                let around = VoxelBox {
                    min: std::array::from_fn(|axis| painted.min[axis].saturating_sub(margin[axis])),
                    max: std::array::from_fn(|axis| (painted.max[axis] + margin[axis]).min(whole.max[axis])),
                };
                let grown = segment::GrowFromSeeds::new(volume, time, around, labels);
                let mut grown = grown.map_err(|error| bad(&error.to_string()))?;
                grown.update(map, progress)?;
                let writes = grown.masks().into_iter().map(|(label, mask)| (painting(label, true), mask));
                Ok(Plan { new_labels: Vec::new(), writes: writes.collect() })
            }
            Self::Combine { op, a, b, into, a_layer, b_layer } => {
                exists(case, *a)?;
                exists(case, *b)?;
                let of = |label: u16, from: &Option<usize>| {
                    let map = layer_of(case, from.unwrap_or(layer))?;
                    Ok::<Mask, AlgorithmError>(Mask::of_label(map, whole, label))
                };
                let (mut mask, other) = (of(*a, a_layer)?, of(*b, b_layer)?);
                match op {
                    Operation::Union => mask.unite(&other),
                    Operation::Intersect => mask.intersect(&other),
                    Operation::Subtract => mask.subtract(&other),
                }
                let Plan { new_labels, .. } = Plan::painting(case, *into);
                Ok(Plan { new_labels, ..Plan::becoming(*into, &current(*into), mask, false) })
            }
        }
    }
}

impl Plan {
    /// Makes the label where there is none yet.
    fn painting(case: &Case, label: u16) -> Self {
        let is_new = case.scheme().get(label).is_none();
        let new_labels = is_new.then(|| (label, Label::numbered(label)));
        Self { new_labels: new_labels.into_iter().collect(), writes: Vec::new() }
    }

    /// Gives a label other voxels than it has: erases it where it is not wanted any more, and nothing else
    /// there.
    fn becoming(label: u16, now: &Mask, wanted: Mask, keep_others: bool) -> Self {
        let mut lost = now.clone();
        lost.subtract(&wanted);
        let paint = painting(label, keep_others);
        Self { new_labels: Vec::new(), writes: vec![(WriteRule::erase(label), lost), (paint, wanted)] }
    }

    /// Gives several labels the voxels that each is to have.
    fn exchanging(labels: &[u16], wanted: Vec<Mask>, now: impl Fn(u16) -> Mask) -> Self {
        let erased = labels.iter().zip(&wanted).map(|(label, wanted)| {
            let mut lost = now(*label);
            lost.subtract(wanted);
            (WriteRule::erase(*label), lost)
        });
        let mut writes: Vec<_> = erased.collect();
        writes.extend(labels.iter().zip(wanted).map(|(label, wanted)| (WriteRule::paint(*label), wanted)));
        Self { new_labels: Vec::new(), writes }
    }
}

/// Paints a label over whatever is not locked, or over background only.
pub(super) fn painting(label: u16, keep_others: bool) -> WriteRule {
    let over = if keep_others { PaintOver::Only(0) } else { PaintOver::All };
    WriteRule { over, ..WriteRule::paint(label) }
}

/// Makes every island but the largest a label of its own.
fn split_up(
    case: &Case,
    label: u16,
    mask: &Mask,
    connectivity: Connectivity,
    progress: &dyn Progress,
) -> Result<Plan, AlgorithmError> {
    let parts = segment::Components::of(mask, connectivity, progress)?;
    if parts.count() > MOST_SPLIT {
        let count = parts.count();
        return Err(bad(&format!("{count} islands are too many to split: remove small ones first")));
    }
    let named = case.scheme().get(label).map(|label| label.name.clone()).unwrap_or_default();
    let mut free = (1..=u16::MAX).filter(|index| case.scheme().get(*index).is_none());
    let mut plan = Plan::default();
    for (number, part) in parts.largest_first().into_iter().enumerate().skip(1) {
        let Some(index) = free.next() else { return Err(bad("there are no more labels")) };
        let name = format!("{named} {}", number + 1);
        plan.new_labels.push((index, Label { name, ..Label::numbered(index) }));
        plan.writes.push((WriteRule::paint(index), parts.part_mask(part)));
    }
    Ok(plan)
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

fn name_of(case: &Case, label: u16) -> String {
    let known = case.scheme().get(label);
    known.map_or_else(|| format!("Label {label}"), |label| label.name.clone())
}

fn bad(text: &str) -> AlgorithmError {
    AlgorithmError::BadValue(text.to_owned())
}

fn layer_of(case: &Case, layer: usize) -> Result<&crate::volume::LabelMap, AlgorithmError> {
    case.layers().get(layer).ok_or(AlgorithmError::NoSuchLayer(layer))
}

fn exists(case: &Case, label: u16) -> Result<(), AlgorithmError> {
    case.scheme().get(label).map(drop).ok_or(AlgorithmError::NoSuchLabel(label))
}

fn changeable(case: &Case, label: u16) -> Result<(), AlgorithmError> {
    match case.scheme().get(label) {
        _ if label == 0 => Err(bad("label 0 is background; labels count from 1")),
        Some(label) if label.locked => Err(AlgorithmError::Locked(label.name.clone())),
        _ => Ok(()),
    }
}

fn is_range([low, high]: &[f64; 2]) -> Result<(), AlgorithmError> {
    if low <= high { Ok(()) } else { Err(bad(&format!("the range [{low}, {high}] is empty"))) }
}

fn is_above_0(what: &str, number: f64) -> Result<(), AlgorithmError> {
    let makes_sense = number.is_finite() && number > 0.0;
    if makes_sense { Ok(()) } else { Err(bad(&format!("{what} must be above 0, not {number}"))) }
}

fn is_at_most(what: &str, number: f64, most: f64) -> Result<(), AlgorithmError> {
    if number <= most { Ok(()) } else { Err(bad(&format!("{what} must be at most {most}, not {number}"))) }
}

fn seed_at(case: &Case, seed: Point<Patient>) -> Result<VoxelIndex, AlgorithmError> {
    let at = seed.to_array();
    let outside = || bad(&format!("the seed {at:?} (LPS mm) lies outside the study"));
    case.volume().grid().index_at(seed).ok_or_else(outside)
}

impl Session {
    /// Runs an algorithm on the layer that is drawn on, for the time that is shown, as one step.
    pub fn run_algorithm(&mut self, algorithm: &Algorithm) -> Result<(), ScriptError> {
        // A gesture under way would change what the edits were made for.
        self.cancel_gesture();
        let edits = algorithm.run(&self.case, self.layer, self.display.time, &Unwatched)?;
        Ok(self.take_edits(&algorithm.name(&self.case), edits)?)
    }
}
