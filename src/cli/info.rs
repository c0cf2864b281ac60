//! `annotomy info`: what a study is.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::output::{print, print_json};
use super::{CommandError, MOST_LISTED};
use crate::format::{self, Doubt, Refusal, Silent, Study, legible};
use crate::geometry::obliquity_degrees;
use crate::volume::Placement;

/// Arguments of `info`.
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// A file that is opened (DICOM, NIfTI, NRRD, MetaImage, a photograph), or a folder
    path: PathBuf,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

/// The report; scripts rely on its shape.
#[derive(Debug, Serialize)]
struct Report {
    series: Vec<SeriesReport>,
    refused: Vec<RefusalReport>,
}

#[derive(Debug, Serialize)]
struct SeriesReport {
    id: String,
    format: &'static str,
    modality: Option<String>,
    description: String,
    files: usize,
    dims: [usize; 3],
    times: usize,
    /// What sets the times apart, and where each lies in `time_unit`, where known.
    time_axis: Option<&'static str>,
    time_unit: Option<&'static str>,
    time_values: Vec<f64>,
    /// Slices along k at which nothing was scanned.
    missing_slices: Vec<usize>,
    components: usize,
    spacing_mm: [f64; 3],
    patient_from_voxel: [[f64; 4]; 4],
    sample_type: &'static str,
    value: ValueReport,
    /// What values are multiplied by to become uptake by body weight, for PET studies that allow it.
    suv_bw_factor: Option<f64>,
    warnings: Vec<WarningReport>,
    #[serde(skip)]
    sides: Sides,
    /// Names of the directions in which i, j and k grow.
    axes: String,
    /// Greatest angle between an axis of the grid and the patient's axis it is named after.
    obliquity_degrees: f64,
}

/// What is known of the patient's sides.
#[derive(Debug)]
enum Sides {
    /// All of them.
    Known,
    /// Those to which i and j grow, as a file without a place states them.
    Stated([String; 2]),
    Unknown,
}

#[derive(Debug, Serialize)]
struct ValueReport {
    min: f64,
    max: f64,
    mean: f64,
    unit: Option<String>,
}

#[derive(Debug, Serialize)]
struct WarningReport {
    code: &'static str,
    text: String,
}

#[derive(Debug, Serialize)]
struct RefusalReport {
    path: String,
    code: &'static str,
    text: String,
}

/// Reads every series whole, one after another, and reports. Fails if none opened.
pub(super) fn run(arguments: &InfoArgs) -> Result<(), CommandError> {
    let mut refusals = Vec::new();
    let mut series = Vec::new();
    match format::scan(&arguments.path, &Silent) {
        Ok(scan) => {
            refusals = scan.refused;
            for found in &scan.series {
                match format::load(found, &Silent) {
                    Ok(study) => series.push(SeriesReport::of(&study)),
                    Err(refusal) => refusals.push(refusal),
                }
            }
        }
        Err(refusal) => refusals.push(refusal),
    }
    let refused = refusals.iter().map(|refusal| RefusalReport::of(refusal, &arguments.path)).collect();
    let report = Report { series, refused };
    if arguments.json {
        print_json(&report)?;
    } else if !report.series.is_empty() {
        print(report.in_words().trim_end())?;
    }
    match &refusals[..] {
        _ if !report.series.is_empty() => Ok(()),
        [only] => Err(only.clone().into()),
        several => {
            let path = arguments.path.clone();
            let first = several.first().map(|refusal| refusal.to_string());
            Err(CommandError::NoneOpened { path, count: several.len(), first: first.unwrap_or_default() })
        }
    }
}

impl SeriesReport {
    fn of(study: &Study) -> Self {
        let volume = &study.volume;
        let grid = volume.grid();
        let values = volume.statistics();
        let axis = volume.time_axis.as_ref();
        // Without -0, which JSON would show.
        let positive_zero = |x: f64| x + 0.0;
        Self {
            id: study.series.id.clone(),
            format: study.series.source.format(),
            modality: study.series.modality.clone(),
            description: study.series.description.clone(),
            files: study.series.source.files().len(),
            dims: grid.dims(),
            times: volume.times(),
            time_axis: axis.map(|axis| axis.kind.word()),
            time_unit: axis.map(|axis| axis.kind.unit()).filter(|unit| !unit.is_empty()),
            time_values: axis.map(|axis| axis.values.clone()).unwrap_or_default(),
            missing_slices: volume.missing_slices().to_vec(),
            components: volume.sample_type().components(),
            spacing_mm: grid.spacing_mm(),
            patient_from_voxel: grid.patient_from_voxel().rows4().map(|row| row.map(positive_zero)),
            sample_type: volume.sample_type().name(),
            value: ValueReport {
                min: values.min,
                max: values.max,
                mean: values.mean,
                unit: volume.unit.clone(),
            },
            suv_bw_factor: volume.suv_factor,
            warnings: study.doubts.iter().map(WarningReport::of).collect(),
            sides: match (volume.placement, &volume.stated_sides) {
                (Placement::Patient, _) => Sides::Known,
                (_, Some(sides)) => Sides::Stated(sides.clone()),
                (_, None) => Sides::Unknown,
            },
            axes: grid.axis_directions().iter().map(|direction| direction.letter()).collect(),
            obliquity_degrees: obliquity_degrees(&grid.patient_from_voxel()),
        }
    }

    fn in_words(&self) -> String {
        let [i, j, k] = self.dims;
        let [x, y, z] = self.spacing_mm.map(rounded);
        let mut lines = vec![self.title()];
        let mut line = |name: &str, text: String| lines.push(format!("  {name:<10} {text}"));
        let times = if self.times > 1 { format!(" × {} times", self.times) } else { String::new() };
        line("voxels", format!("{i} × {j} × {k}{times}, {}", self.sample_type));
        if let Some(axis) = self.time_axis {
            let values: Vec<String> = self.time_values.iter().copied().map(rounded).collect();
            let unit = if values.is_empty() { "" } else { self.time_unit.unwrap_or_default() };
            line("times", format!("{axis} {} {unit}", values.join(", ")));
        }
        if !self.missing_slices.is_empty() {
            line("missing", format!("slices {:?}", self.missing_slices));
        }
        line("spacing", format!("{x} × {y} × {z} mm"));
        let oblique = match self.obliquity_degrees {
            degrees if degrees < 0.01 => String::new(),
            degrees => format!(", {degrees:.2}° oblique"),
        };
        match &self.sides {
            Sides::Known => line("axes", format!("i, j, k grow to {}{oblique}", self.axes)),
            Sides::Stated([i, j]) => line("axes", format!("i grows to {i}, j to {j}, as the file states")),
            Sides::Unknown => line("axes", "the patient's sides are not known".to_owned()),
        }
        for (n, row) in self.patient_from_voxel[..3].iter().enumerate() {
            let numbers: Vec<String> = row.iter().map(|x| format!("{:>12.5}", x)).collect();
            line(if n == 0 { "LPS mm" } else { "" }, numbers.join(" "));
        }
        let unit = self.value.unit.as_deref().unwrap_or_default();
        let ValueReport { min, max, mean, .. } = &self.value;
        line("values", format!("{} to {}, mean {} {unit}", rounded(*min), rounded(*max), rounded(*mean)));
        if let Some(factor) = self.suv_bw_factor {
            line("uptake", format!("SUV (body weight) is value × {factor:e}"));
        }
        for warning in &self.warnings {
            line("warning", format!("{}: {}", warning.code, warning.text));
        }
        lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    fn in_one_line(&self) -> String {
        let [i, j, k] = self.dims;
        let codes: Vec<&str> = self.warnings.iter().map(|warning| warning.code).collect();
        let warnings = if codes.is_empty() { String::new() } else { format!("; {}", codes.join(", ")) };
        format!("{}: {i} × {j} × {k}{warnings}\n", self.title())
    }

    fn title(&self) -> String {
        let about = [Some(self.format), self.modality.as_deref(), Some(self.description.as_str())];
        let about: Vec<&str> = about.into_iter().flatten().filter(|word| !word.is_empty()).collect();
        let files = if self.files == 1 { "1 file".to_owned() } else { format!("{} files", self.files) };
        format!("{} ({}, {files})", self.id, about.join(", "))
    }
}

impl Report {
    /// All there is to know of a few series; of many a line each, and of more than [`MOST_LISTED`] a count.
    fn in_words(&self) -> String {
        let of_refusal = |refusal: &RefusalReport| {
            format!("{}: {} [{}]\n", legible(&refusal.path), refusal.text, refusal.code)
        };
        let refused = self.refused.iter().take(MOST_LISTED).map(of_refusal);
        if self.series.len() <= MOST_LISTED && self.refused.len() <= MOST_LISTED {
            return self
                .series
                .iter()
                .map(SeriesReport::in_words)
                .chain(refused)
                .collect::<Vec<_>>()
                .join("\n");
        }
        let lines = self.series.iter().take(MOST_LISTED).map(SeriesReport::in_one_line).chain(refused);
        let left = |count: usize, what: &str| match count.saturating_sub(MOST_LISTED) {
            0 => String::new(),
            more => format!("and {more} more {what}\n"),
        };
        format!(
            "{} series, {} file(s) refused\n{}{}{}--json tells all of each\n",
            self.series.len(),
            self.refused.len(),
            lines.collect::<String>(),
            left(self.series.len(), "series"),
            left(self.refused.len(), "refused"),
        )
    }
}

impl WarningReport {
    fn of(doubt: &Doubt) -> Self {
        Self { code: doubt.code.word(), text: doubt.text.clone() }
    }
}

impl RefusalReport {
    /// Paths are told from the folder that was asked about.
    fn of(refusal: &Refusal, asked: &Path) -> Self {
        let inside = refusal.path.strip_prefix(asked).ok().filter(|inside| !inside.as_os_str().is_empty());
        let path = inside.unwrap_or(&refusal.path).to_string_lossy().into_owned();
        Self { path, code: refusal.code.word(), text: refusal.text.clone() }
    }
}

/// To six digits at most, as a person reads numbers.
pub(super) fn rounded(x: f64) -> String {
    let digits = if x == 0.0 { 0 } else { (5 - x.abs().log10().floor() as i32).clamp(0, 12) };
    let text = format!("{x:.*}", digits as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let check = |x: f64, expected: &str| assert_eq!(rounded(x), expected);
        check(0.0, "0");
        check(-1024.0, "-1024");
        check(0.703_125, "0.703125");
        check(2.0, "2");
        check(-624.125_93, "-624.126");
        check(1_234_567.0, "1234567");
    }
}
