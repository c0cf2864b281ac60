//! `annotomy compare`: how far two label maps agree.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::output::{print, print_json, refuse_input};
use super::{CommandError, csv, warn};
use crate::annotation::LabelScheme;
use crate::format::{Silent, read_segmentation};
use crate::geometry::{AxisMap, Grid};
use crate::measure::{ApartError, Definition, JointHistogram, Overlap, SurfaceDistances};
use crate::progress::Unwatched;
use crate::session::{Document, grid_difference, system_author};
use crate::store::{CaseFiles, scheme_beside};
use crate::volume::{LabelMap, Mask};

/// Arguments of `compare`.
///
/// Labels are compared by their numbers. Distances differ between programs; docs/measures.md tells how.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Labels: NIfTI, NRRD, MetaImage or DICOM SEG, or a sidecar: STEM.annotomy.json
    #[arg(value_name = "A")]
    first: PathBuf,
    /// Labels of the same voxels, in any order of axes
    #[arg(value_name = "B")]
    second: PathBuf,
    /// Surfaces that are this near to each other agree, for the surface Dice
    #[arg(long, value_name = "MM", default_value_t = 1.0)]
    tolerance: f64,
    /// Whose distances: surface-elements (DeepMind), surface-voxels (MedPy), contour-voxels (SimpleITK),
    /// all-voxels (ITK's Hausdorff filter) or all
    #[arg(long, value_enum, default_value_t = DefinitionWord::SurfaceElements)]
    definition: DefinitionWord,
    /// Report as JSON
    #[arg(long)]
    json: bool,
    /// Write a table with a row for each label
    #[arg(long, value_name = "OUT")]
    csv: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DefinitionWord {
    SurfaceElements,
    SurfaceVoxels,
    ContourVoxels,
    AllVoxels,
    All,
}

impl DefinitionWord {
    fn definitions(self) -> Vec<Definition> {
        match self {
            Self::SurfaceElements => vec![Definition::SurfaceElements],
            Self::SurfaceVoxels => vec![Definition::SurfaceVoxels],
            Self::ContourVoxels => vec![Definition::ContourVoxels],
            Self::AllVoxels => vec![Definition::AllVoxels],
            Self::All => Definition::ALL.to_vec(),
        }
    }
}

/// The report; scripts rely on its shape. Pairs of numbers are A's and B's.
#[derive(Debug, Serialize)]
struct Report {
    first: String,
    second: String,
    /// What was done to B's axes.
    second_axes: String,
    spacing_mm: [f64; 3],
    labels: Vec<LabelReport>,
}

#[derive(Debug, Serialize)]
struct LabelReport {
    label: u16,
    name: Option<String>,
    /// Why there are no distances.
    empty: Option<String>,
    voxels: [u64; 2],
    both_voxels: u64,
    volume_mm3: [f64; 2],
    /// B's less A's.
    volume_difference_mm3: f64,
    relative_volume_difference: Option<f64>,
    dice: Option<f64>,
    iou: Option<f64>,
    distances: Vec<DistancesReport>,
    /// The definitions by which there are none, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    without: Vec<WithoutReport>,
}

#[derive(Debug, Serialize)]
struct WithoutReport {
    definition: &'static str,
    why: String,
}

#[derive(Debug, Serialize)]
struct DistancesReport {
    definition: &'static str,
    source: &'static str,
    hausdorff_mm: f64,
    hd95_mm: f64,
    /// From A to B and back.
    mean_mm: [f64; 2],
    assd_mm: f64,
    masd_mm: f64,
    tolerance_mm: f64,
    surface_dice: f64,
}

/// One side of the comparison.
struct Side {
    layers: Vec<LabelMap>,
    grid: Grid,
    names: LabelScheme,
}

/// Compares label by label and reports; where neither has any label, that is the report. Fails where the two
/// do not have the same voxels.
pub(super) fn run(arguments: &CompareArgs) -> Result<(), CommandError> {
    if !(arguments.tolerance.is_finite() && arguments.tolerance >= 0.0) {
        return Err(CommandError::Usage("--tolerance: a tolerance is not below 0, such as 1".to_owned()));
    }
    let first = Side::open(&arguments.first, None)?;
    let second = Side::open(&arguments.second, Some(&first.grid))?;
    let (second, map) = second.laid_on(&first.grid, arguments)?;
    let labels = of_labels(arguments, &first, &second)?;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let report = Report {
        first: text(&arguments.first),
        second: text(&arguments.second),
        second_axes: map.to_string(),
        spacing_mm: first.grid.spacing_mm(),
        labels,
    };
    if let Some(out) = &arguments.csv {
        refuse_input(out, [arguments.first.as_path(), &arguments.second])?;
        csv::write(out, &report.labels)?;
    }
    match (arguments.json, &arguments.csv) {
        (true, _) => print_json(&report),
        (false, Some(_)) => Ok(()),
        (false, None) => print(&report.in_words()),
    }
}

impl Side {
    /// Opens a sidecar or a file of labels; the frames of a DICOM segmentation are laid on `onto`.
    fn open(path: &Path, onto: Option<&Grid>) -> Result<Self, CommandError> {
        if CaseFiles::of_sidecar(path).is_some() {
            let document = Document::open(path, &system_author(), &Silent)?;
            let case = document.session.case();
            return Ok(Self {
                layers: case.layers().to_vec(),
                grid: case.volume().grid().clone(),
                names: case.scheme().clone(),
            });
        }
        let read = read_segmentation(path, onto, &Silent)?;
        for doubt in read.doubts.iter().filter(|doubt| doubt.code.is_blocking()) {
            warn(&format!("{}: {}: {}", path.display(), doubt.code, doubt.text));
        }
        let names = if read.scheme.is_empty() { scheme_beside(path)? } else { read.scheme };
        Ok(Self { layers: read.layers, grid: read.grid, names })
    }

    /// The same labels on A's grid, and what that did to their axes.
    fn laid_on(self, grid: &Grid, arguments: &CompareArgs) -> Result<(Self, AxisMap), CommandError> {
        let Some(map) = AxisMap::between(grid, &self.grid) else {
            return Err(CommandError::OtherGrid {
                path: arguments.second.clone(),
                other: arguments.first.clone(),
                text: grid_difference(&self.grid, grid),
            });
        };
        if map.is_identity() {
            return Ok((self, map));
        }
        let layers = self.layers.iter().map(|layer| layer.reordered(&map, grid.dims())).collect();
        Ok((Self { layers, grid: grid.clone(), names: self.names }, map))
    }

    fn labels(&self) -> impl Iterator<Item = u16> {
        self.layers.iter().flat_map(|layer| layer.counts().into_keys())
    }

    /// The voxels that have a label in any layer.
    fn mask(&self, label: u16) -> Mask {
        let bounds = self.grid.bounds();
        let mut masks = self.layers.iter().map(|layer| Mask::of_label(layer, bounds, label));
        let mut all = masks.next().unwrap_or_else(|| Mask::empty(bounds));
        for more in masks {
            all.words_mut().iter_mut().zip(more.words()).for_each(|(all, more)| *all |= more);
        }
        all
    }

    fn name(&self, label: u16) -> Option<&str> {
        self.names.get(label).map(|label| label.name.as_str())
    }
}

fn of_labels(arguments: &CompareArgs, first: &Side, second: &Side) -> Result<Vec<LabelReport>, CommandError> {
    let joint = match (&first.layers[..], &second.layers[..]) {
        ([first], [second]) => Some(JointHistogram::of(first, second)),
        _ => None,
    };
    let mut labels: Vec<u16> = match &joint {
        Some(joint) => joint.labels(),
        None => first.labels().chain(second.labels()).collect(),
    };
    labels.sort_unstable();
    labels.dedup();
    let report = |label: u16| {
        if let (Some(a), Some(b)) = (first.name(label), second.name(label))
            && a != b
        {
            warn(&format!("label {label} is {a} in A and {b} in B; labels are compared by number"));
        }
        let masks = [first.mask(label), second.mask(label)];
        let overlap = joint.as_ref().map_or_else(|| overlap_of(&masks), |joint| joint.overlap(label));
        let name = first.name(label).or(second.name(label));
        let distances = match overlap.empty() {
            Some(_) => Default::default(),
            None => distances_between(arguments, &first.grid, &masks)?,
        };
        Ok(LabelReport::of((label, name), first.grid.voxel_mm3(), overlap, distances))
    };
    labels.into_iter().map(report).collect()
}

/// The overlap of voxels that lie in several layers.
fn overlap_of([first, second]: &[Mask; 2]) -> Overlap {
    let words = first.words().iter().zip(second.words());
    Overlap {
        first: first.count(),
        second: second.count(),
        both: words.map(|(a, b)| u64::from((a & b).count_ones())).sum(),
    }
}

fn distances_between(
    arguments: &CompareArgs,
    grid: &Grid,
    [first, second]: &[Mask; 2],
) -> Result<(Vec<DistancesReport>, Vec<WithoutReport>), CommandError> {
    let (mut found, mut without) = (Vec::new(), Vec::new());
    for definition in arguments.definition.definitions() {
        match SurfaceDistances::between(first, second, grid, definition, &Unwatched) {
            Ok(apart) => found.push(DistancesReport::of(&apart, arguments.tolerance)),
            Err(why @ ApartError::NoSurface) => {
                without.push(WithoutReport { definition: definition.word(), why: why.to_string() });
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((found, without))
}

impl LabelReport {
    fn of(
        (label, name): (u16, Option<&str>),
        voxel_mm3: f64,
        overlap: Overlap,
        (distances, without): (Vec<DistancesReport>, Vec<WithoutReport>),
    ) -> Self {
        Self {
            label,
            name: name.map(str::to_owned),
            empty: overlap.empty().map(|empty| empty.to_string()),
            voxels: [overlap.first, overlap.second],
            both_voxels: overlap.both,
            volume_mm3: [overlap.first, overlap.second].map(|voxels| voxels as f64 * voxel_mm3),
            volume_difference_mm3: overlap.difference() as f64 * voxel_mm3,
            relative_volume_difference: overlap.relative_difference(),
            dice: overlap.dice(),
            iou: overlap.iou(),
            distances,
            without,
        }
    }
}

impl DistancesReport {
    fn of(apart: &SurfaceDistances, tolerance_mm: f64) -> Self {
        Self {
            definition: apart.definition().word(),
            source: apart.definition().source(),
            hausdorff_mm: apart.hausdorff_mm(100.0),
            hd95_mm: apart.hausdorff_mm(95.0),
            mean_mm: apart.means_mm(),
            assd_mm: apart.assd_mm(),
            masd_mm: apart.masd_mm(),
            tolerance_mm,
            surface_dice: apart.surface_dice(tolerance_mm),
        }
    }
}

impl Report {
    fn in_words(&self) -> String {
        let mut lines = Vec::new();
        if self.labels.is_empty() {
            lines.push("neither holds a label, so they agree that there is nothing".to_owned());
        }
        for label in &self.labels {
            lines.push(format!("{} {}", label.label, label.name.as_deref().unwrap_or("(no name)")));
            let mut line = |name: &str, text: String| lines.push(format!("  {name:<10} {text}"));
            let [a, b] = label.volume_mm3.map(|mm3| mm3 / 1000.0);
            let [voxels_a, voxels_b] = label.voxels;
            line("volume", format!("{a:.3} and {b:.3} mL, {voxels_a} and {voxels_b} voxels"));
            if let (Some(dice), Some(iou)) = (label.dice, label.iou) {
                line("overlap", format!("Dice {dice:.6}, IoU {iou:.6}"));
            }
            if let Some(empty) = &label.empty {
                line("distances", format!("none: {empty}"));
            }
            for WithoutReport { definition, why } in &label.without {
                line("distances", format!("none between {definition}: {why}"));
            }
            for found in &label.distances {
                let (hd, hd95) = (found.hausdorff_mm, found.hd95_mm);
                line("distances", format!("HD {hd:.4}, HD95 {hd95:.4}, ASSD {:.4} mm", found.assd_mm));
                let [there, back] = found.mean_mm;
                line(
                    "",
                    format!("mean {there:.4} from A to B, {back:.4} back, {:.4} of both", found.masd_mm),
                );
                line("", format!("surface Dice {:.6} at {} mm", found.surface_dice, found.tolerance_mm));
                line("", format!("between {}, as {} has it", found.definition, found.source));
            }
        }
        lines.join("\n")
    }
}
