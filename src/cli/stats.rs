//! `annotomy stats`: what each label of a case holds and measures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::output::{print, print_json, refuse_input};
use super::{CommandError, csv};
use crate::case::Case;
use crate::format::{self, Silent};
use crate::geometry::{AnatomicalPlane, Grid, nearest_voxel_axes};
use crate::measure::{
    Diameters, Distribution, FirstOrder, FirstOrderSettings, Line, Moments, Recist, Shape, Tally,
};
use crate::progress::{Cancelled, Unwatched};
use crate::session::{Allowed, Document, system_author};
use crate::volume::Mask;

/// Arguments of `stats`.
///
/// Definitions are pyradiomics' (mesh, diameters, axes, first-order features); docs/measures.md tells each.
#[derive(Debug, Args)]
pub struct StatsArgs {
    /// A study (marks saved beside it are measured) or a sidecar: STEM.annotomy.json
    #[arg(value_name = "CASE")]
    input: PathBuf,
    /// Labels to measure instead of those saved: NIfTI, NRRD, MetaImage or DICOM SEG on the study's own grid
    #[arg(value_name = "MASK")]
    mask: Option<PathBuf>,
    /// Names of the mask's labels: an ITK-SNAP label file or a BIDS table
    #[arg(long, value_name = "LABELS", requires = "mask")]
    labels: Option<PathBuf>,
    /// Takes the mask to lie where it is read to lie though its own header is in doubt of that
    #[arg(long, requires = "mask")]
    as_read: bool,
    /// Which series, where CASE holds several (`info` tells their ids)
    #[arg(long, value_name = "ID")]
    series: Option<String>,
    /// Which point on the time axis values are taken from, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    time: usize,
    /// Width of the bins of entropy and uniformity, in the unit of the values
    #[arg(long, value_name = "WIDTH", default_value_t = 25.0)]
    bin_width: f64,
    /// Report as JSON
    #[arg(long)]
    json: bool,
    /// Write a table with a row for each label
    #[arg(long, value_name = "OUT")]
    csv: Option<PathBuf>,
}

/// The report; scripts rely on its shape.
#[derive(Debug, Serialize)]
struct Report {
    study: String,
    mask: Option<String>,
    time: usize,
    unit: Option<String>,
    labels: Vec<LabelReport>,
}

#[derive(Debug, Serialize)]
struct LabelReport {
    layer: usize,
    label: u16,
    name: Option<String>,
    voxels: u64,
    volume_mm3: f64,
    values: Option<ValuesReport>,
    shape: Option<ShapeReport>,
}

/// Values after rescale; lacking where none of the label's voxels has one that is finite.
#[derive(Debug, Serialize)]
struct ValuesReport {
    count: u64,
    mean: Option<f64>,
    /// Denominator n.
    sd: Option<f64>,
    /// Denominator n − 1.
    sample_sd: Option<f64>,
    min: f64,
    max: f64,
    #[serde(flatten)]
    first_order: Option<FirstOrder>,
}

#[derive(Debug, Serialize)]
struct ShapeReport {
    centroid_lps_mm: [f64; 3],
    /// First and one past the last voxel along i, j and k.
    box_voxels: [[usize; 3]; 2],
    extent_mm: [f64; 3],
    mesh_volume_mm3: f64,
    surface_mm2: f64,
    sphericity: f64,
    surface_to_volume: f64,
    #[serde(flatten)]
    diameters: Diameters,
    axis_lengths_mm: [f64; 3],
    axes_lps: [[f64; 3]; 3],
    elongation: Option<f64>,
    flatness: Option<f64>,
    /// By the name nearest to the slices.
    recist: BTreeMap<&'static str, RecistReport>,
}

#[derive(Debug, Serialize)]
struct RecistReport {
    slice: usize,
    long_mm: f64,
    short_mm: f64,
    long_lps: [[f64; 3]; 2],
    short_lps: [[f64; 3]; 2],
}

/// Measures every label and reports. Fails where there is none.
pub(super) fn run(arguments: &StatsArgs) -> Result<(), CommandError> {
    if !(arguments.bin_width.is_finite() && arguments.bin_width > 0.0) {
        return Err(CommandError::Usage("--bin-width: a width is above 0, such as 25".to_owned()));
    }
    let document = open(arguments)?;
    super::apply::tell_doubts(&document);
    let case = document.session.case();
    if arguments.time >= case.volume().times() {
        let text = format!(
            "{}: has no time {}; it has {}, counted from 0",
            arguments.input.display(),
            arguments.time,
            case.volume().times()
        );
        return Err(CommandError::Usage(text));
    }
    let report = Report::of(arguments, case);
    if report.labels.is_empty() {
        return Err(CommandError::NoLabels {
            path: arguments.mask.clone().unwrap_or(arguments.input.clone()),
        });
    }
    if let Some(out) = &arguments.csv {
        let read_from = document.study().read_from.iter().map(|(file, _)| file);
        let asked = [Some(&arguments.input), arguments.mask.as_ref(), arguments.labels.as_ref()];
        refuse_input(out, read_from.chain(asked.into_iter().flatten()).map(PathBuf::as_path))?;
        csv::write(out, &report.labels)?;
    }
    match (arguments.json, &arguments.csv) {
        (true, _) => print_json(&report),
        (false, Some(_)) => Ok(()),
        (false, None) => print(&report.in_words()),
    }
}

fn open(arguments: &StatsArgs) -> Result<Document, CommandError> {
    let (input, id) = (&arguments.input, arguments.series.as_deref());
    let Some(mask) = &arguments.mask else { return super::apply::open(input, id) };
    let scan = format::scan(input, &Silent)?;
    let series = super::convert::chosen(&scan, input, id)?;
    let mut document = Document::open_series_without_marks(series, &scan.series, &system_author(), &Silent)?;
    let allowed = Allowed { doubtful_place: arguments.as_read, resampling: false };
    document.lay_over(mask, arguments.labels.as_deref(), allowed, &Silent)?;
    Ok(document)
}

impl Report {
    fn of(arguments: &StatsArgs, case: &Case) -> Self {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        Self {
            study: text(&arguments.input),
            mask: arguments.mask.as_deref().map(text),
            time: arguments.time,
            unit: case.volume().unit.clone(),
            labels: (0..case.layers().len()).flat_map(|layer| of_layer(arguments, case, layer)).collect(),
        }
    }

    fn in_words(&self) -> String {
        let unit = self.unit.as_deref().unwrap_or_default();
        let mut lines = Vec::new();
        for label in &self.labels {
            let name = label.name.as_deref().unwrap_or("(no name)");
            lines.push(format!("{} {name}", label.label));
            let mut line =
                |name: &str, text: String| lines.push(format!("  {name:<10} {text}").trim_end().to_owned());
            line("volume", format!("{:.3} mL, {} voxels", label.volume_mm3 / 1000.0, label.voxels));
            if let Some(ValuesReport { mean: Some(mean), sd: Some(sd), min, max, first_order, .. }) =
                &label.values
            {
                line("values", format!("mean {mean:.3}, SD {sd:.3}, {min} to {max} {unit}"));
                if let Some(FirstOrder { p10, p25, median, p75, p90, .. }) = first_order {
                    line(
                        "",
                        format!(
                            "median {median:.3}, quartiles {p25:.3} and {p75:.3}, 10 % {p10:.3}, 90 % {p90:.3}"
                        ),
                    );
                }
            }
            if let Some(shape) = &label.shape {
                let [x, y, z] = shape.centroid_lps_mm;
                line("centre", format!("{x:.2}, {y:.2}, {z:.2} LPS mm"));
                let [a, b, c] = shape.extent_mm;
                line("extent", format!("{a:.2} × {b:.2} × {c:.2} mm along the grid's axes"));
                line(
                    "surface",
                    format!("{:.2} mm² around {:.3} mL", shape.surface_mm2, shape.mesh_volume_mm3 / 1000.0),
                );
                let [a, b, c] = shape.axis_lengths_mm;
                line(
                    "axes",
                    format!("{a:.2}, {b:.2}, {c:.2} mm; greatest diameter {:.2} mm", shape.diameters.any_mm),
                );
                for (plane, recist) in &shape.recist {
                    line(
                        plane,
                        format!(
                            "{:.2} × {:.2} mm in slice {}",
                            recist.long_mm, recist.short_mm, recist.slice
                        ),
                    );
                }
            }
        }
        lines.join("\n")
    }
}

fn of_layer(arguments: &StatsArgs, case: &Case, layer: usize) -> Vec<LabelReport> {
    let (volume, map) = (case.volume(), &case.layers()[layer]);
    let grid = volume.grid();
    let sums = Tally::of(volume, arguments.time, map).labels();
    let settings =
        FirstOrderSettings { bin_width: arguments.bin_width, shift: 0.0, voxel_mm3: grid.voxel_mm3() };
    let mut first_order: BTreeMap<u16, Option<FirstOrder>> = BTreeMap::new();
    Distribution::for_each(volume, arguments.time, map, &sums, |label, distribution| {
        first_order.insert(label, distribution.first_order(settings));
    });
    let report = |(label, sums): (&u16, &crate::measure::LabelSums)| {
        let mask = Mask::of_label(map, sums.bounds, *label);
        let first_order = first_order.get(label).copied().flatten();
        LabelReport {
            layer,
            label: *label,
            name: case.scheme().get(*label).map(|label| label.name.clone()),
            voxels: sums.voxels,
            volume_mm3: sums.mm3(grid),
            values: ValuesReport::of(&sums.values, first_order),
            shape: uncancelled(Shape::of(&mask, sums, grid, &Unwatched)).map(|shape| {
                let bounds = [sums.bounds.min, sums.bounds.max];
                ShapeReport::of(&shape, bounds, recist(&mask, grid))
            }),
        }
    };
    sums.iter().map(report).collect()
}

/// RECIST's axes in the slices across each axis of the grid, by the plane nearest to them.
fn recist(mask: &Mask, grid: &Grid) -> BTreeMap<&'static str, RecistReport> {
    let [x, y, z] = nearest_voxel_axes(&grid.patient_from_voxel());
    let planes = [(AnatomicalPlane::Sagittal, x), (AnatomicalPlane::Coronal, y), (AnatomicalPlane::Axial, z)];
    let found = planes.into_iter().filter_map(|(plane, axis)| {
        let recist = uncancelled(Recist::of(mask, grid, axis, &Unwatched))?;
        Some((plane.name(), RecistReport::of(&recist)))
    });
    found.collect()
}

/// What an unwatched operation found.
fn uncancelled<T>(found: Result<T, Cancelled>) -> T {
    found.unwrap_or_else(|Cancelled| unreachable!("nobody calls it off"))
}

impl ValuesReport {
    fn of(values: &Moments, first_order: Option<FirstOrder>) -> Option<Self> {
        (values.count > 0).then(|| Self {
            count: values.count,
            mean: values.mean(),
            sd: values.sd(),
            sample_sd: values.sample_sd(),
            min: values.min,
            max: values.max,
            first_order,
        })
    }
}

impl ShapeReport {
    fn of(shape: &Shape, box_voxels: [[usize; 3]; 2], recist: BTreeMap<&'static str, RecistReport>) -> Self {
        Self {
            centroid_lps_mm: shape.centroid.to_array(),
            box_voxels,
            extent_mm: shape.extent_mm,
            mesh_volume_mm3: shape.mesh_volume_mm3,
            surface_mm2: shape.surface_mm2,
            sphericity: shape.sphericity(),
            surface_to_volume: shape.surface_to_volume(),
            diameters: shape.diameters,
            axis_lengths_mm: shape.axis_lengths_mm,
            axes_lps: shape.axes.map(|axis| axis.to_array()),
            elongation: shape.elongation(),
            flatness: shape.flatness(),
            recist,
        }
    }
}

impl RecistReport {
    fn of(recist: &Recist) -> Self {
        let ends = |line: &Line| line.ends.map(|end| end.to_array());
        Self {
            slice: recist.slice,
            long_mm: recist.long.length_mm(),
            short_mm: recist.short.length_mm(),
            long_lps: ends(&recist.long),
            short_lps: ends(&recist.short),
        }
    }
}
