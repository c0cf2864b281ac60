//! Steps that compute a mask: thresholds, growing, islands, margins, smoothing, combining.
//!
//! A new one takes a variant of [`Algorithm`], its word in [`Algorithm::TOOLS`], an arm in `name`, and one in
//! `plan`. What it computes comes from `segment`; what it writes goes through [`MaskWriter`], so that locks
//! hold. `check` tells which values make sense.

mod check;
mod plan;

use serde::Deserialize;

pub(super) use self::plan::painting;
use self::plan::{Plan, Planner};
use super::{ScriptError, Session};
use crate::case::{Case, Edit, MaskWriter, PaintOver};
use crate::geometry::{Patient, Point, VoxelBox};
use crate::segment::{Accelerators, Cancelled, Connectivity, Decider, Progress, SliceAxis, Unwatched, Wall};
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

impl Smoothing {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closing => "closing",
            Self::Opening => "opening",
            Self::Median => "median",
            Self::Gaussian => "Gaussian",
            Self::Joint => "joint",
        }
    }
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
        accelerators: &Accelerators,
        progress: &dyn Progress,
    ) -> Result<Vec<Edit>, AlgorithmError> {
        let bounds = case.volume().grid().bounds();
        let bridged = Default::default();
        let planner = Planner { case, layer, time, bounds, accelerators, progress, bridged };
        let Plan { new_labels, writes } = planner.plan(self)?;
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
        let (accelerators, bridged) = (&Accelerators::default(), Default::default());
        let plan = Planner { case, layer, time, bounds, accelerators, progress, bridged }.plan(self)?;
        let map = check::layer_of(case, layer)?;
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
        let named = |index: &u16| check::name_of(case, *index);
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
            Self::Smooth { method, mm, .. } => format!("Smooth {label} by {mm} {unit} ({})", method.name()),
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
}

impl Session {
    /// Runs an algorithm on the layer that is drawn on, for the time that is shown, as one step.
    pub fn run_algorithm(&mut self, algorithm: &Algorithm) -> Result<(), ScriptError> {
        // A gesture under way would change what the edits were made for.
        self.cancel_gesture();
        let (layer, time) = (self.layer, self.display.time);
        let edits = algorithm.run(&self.case, layer, time, &self.accelerators, &Unwatched)?;
        Ok(self.take_edits(&algorithm.name(&self.case), edits)?)
    }
}
