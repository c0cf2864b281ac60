//! `annotomy convert`: a study's volume as NIfTI.

use std::path::{Path, PathBuf};

use clap::Args;

use super::info::rounded;
use super::output::refuse_input;
use super::{CommandError, MOST_LISTED};
use crate::format::nifti::{self, Compression, NiftiGeometry};
use crate::format::{self, RefusalCode, Scan, Series, Silent, write_atomically};
use crate::geometry::VoxelIndex;
use crate::volume::SampleType;

/// Arguments of `convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// A file that is opened (DICOM, NIfTI, NRRD, MetaImage, a photograph), or a folder
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The NIfTI file to write: .nii.gz or .nii
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// Which series, where IN holds several (`info` tells their ids)
    #[arg(long, value_name = "ID")]
    series: Option<String>,
}

/// Writes OUT whole or not at all: sample type and rescale kept, geometry exact.
pub(super) fn run(arguments: &ConvertArgs) -> Result<(), CommandError> {
    let output = &arguments.output;
    let compression = compression_of(output)?;
    let scan = format::scan(&arguments.input, &Silent)?;
    let series = chosen(&scan, &arguments.input, arguments.series.as_deref())?;
    refuse_input(output, series.source.files().iter().map(PathBuf::as_path))?;
    let study = format::load(series, &Silent)?;
    if study.volume.sample_type() == SampleType::Rgb16 {
        let text = "has colours of 16 bits, for which NIfTI has no type; export it with 8 bits a colour";
        return Err(format::Refusal::new(&arguments.input, RefusalCode::UnsupportedType, text).into());
    }
    let missing = study.volume.missing_slices();
    if let Some(first) = missing.first() {
        let filler = study.volume.value(VoxelIndex::new(0, 0, *first), 0);
        eprintln!(
            "annotomy: {}: {} slice(s) are missing and were written as {filler}: {missing:?}",
            arguments.input.display(),
            missing.len()
        );
    }
    let of_grid = || NiftiGeometry::of_grid(study.volume.grid());
    let geometry = study.nifti_geometry.clone().unwrap_or_else(of_grid);
    // The system would name the temporary file.
    if output.parent().is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        let missing = std::io::Error::other("its folder is not there");
        return Err(CommandError::unwritable(output, missing));
    }
    write_atomically(output, |file| nifti::write_volume(file, &study.volume, &geometry, compression))
        .map_err(|error| CommandError::unwritable(output, error))
}

fn compression_of(output: &Path) -> Result<Compression, CommandError> {
    let name = output.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    match () {
        () if name.ends_with(".nii.gz") => Ok(Compression::Gzip),
        () if name.ends_with(".nii") => Ok(Compression::None),
        () => {
            let text = format!("{}: only NIfTI is written; end the name in .nii.gz", output.display());
            Err(CommandError::Usage(text))
        }
    }
}

/// The series asked for, or the only one: which of several is meant is not guessed.
pub(super) fn chosen<'a>(
    scan: &'a Scan,
    input: &Path,
    wanted: Option<&str>,
) -> Result<&'a Series, CommandError> {
    let which = |text: String| {
        let there = listed(&scan.series);
        CommandError::WhichSeries { path: input.to_owned(), text, there }
    };
    match (wanted, &scan.series[..]) {
        (_, []) => match scan.refused.first() {
            Some(refusal) => Err(refusal.clone().into()),
            None => {
                let text = "holds no study; name a file that is opened, or a folder of them";
                Err(format::Refusal::new(input, RefusalCode::NotAnImage, text).into())
            }
        },
        (None, [only]) => Ok(only),
        (None, several) => Err(which(format!("holds {} series", several.len()))),
        (Some(id), series) => {
            let found = series.iter().find(|series| series.id == id);
            found.ok_or_else(|| which(format!("has no series {id}")))
        }
    }
}

/// What a person chooses a series by, one a line: its id, what it is, how large.
fn listed(series: &[Series]) -> Vec<String> {
    let line = |series: &Series| {
        let facts = &series.facts;
        let [i, j, k] = facts.dims;
        let [x, y, z] = facts.spacing_mm.map(rounded);
        let size = match facts.times {
            // Of a photograph nothing is known before it is read.
            0 => String::new(),
            1 => format!("{i} × {j} × {k} voxels of {x} × {y} × {z} mm"),
            times => format!("{i} × {j} × {k} voxels of {x} × {y} × {z} mm, {times} times"),
        };
        let name = series.name();
        let name = if name == series.id { String::new() } else { format!("\"{name}\"") };
        let about = [series.modality.clone().unwrap_or_default(), name, size];
        let about: Vec<String> = about.into_iter().filter(|part| !part.is_empty()).collect();
        format!("{}  {}", series.id, about.join(", "))
    };
    let mut lines: Vec<String> = series.iter().take(MOST_LISTED).map(line).collect();
    if series.len() > MOST_LISTED {
        lines.push(format!("and {} more; annotomy info --json tells of all", series.len() - MOST_LISTED));
    }
    lines
}
