//! From a path to the series it holds, and from a series to its voxels.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::doubt::{Doubt, Refusal, RefusalCode};
use super::legible::legible;
use super::stamp::Stamp;
use super::watch::{FoundSoFar, Watch};
use super::{dicom, metaimage, nifti, nrrd, photo};
use crate::geometry::{AnatomicalPlane, Grid, GridPlane};
use crate::volume::{Placement, Volume};

/// What a path holds.
#[derive(Debug, Default)]
pub struct Scan {
    /// Every series found, the likeliest one first.
    pub series: Vec<Series>,
    /// Every file that looked like a study and cannot be opened.
    pub refused: Vec<Refusal>,
}

/// One series before its voxels are read.
#[derive(Clone, Debug)]
pub struct Series {
    /// Series Instance UID, or the file's stem; unique within the scan.
    pub id: String,
    /// DICOM modality code, where known.
    pub modality: Option<String>,
    /// What the file says it is; may be empty.
    pub description: String,
    /// What the series is read from.
    pub source: SeriesSource,
    /// What is known of its voxels before they are read.
    pub facts: SeriesFacts,
}

impl Series {
    /// What a person calls it: the name of its file; of DICOM the description, where there is one, else
    /// the name of its file or of the folder of its files.
    pub fn name(&self) -> String {
        if self.source.own_file().is_none() && !self.description.is_empty() {
            return self.description.clone();
        }
        let files = self.source.files();
        let place = match &files[..] {
            [only] => Some(only.as_path()),
            many => many.first().and_then(|first| first.parent()),
        };
        let name = place.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        name.unwrap_or_else(|| self.id.clone())
    }
}

/// What headers tell of a series, for a person to choose by; of a photograph nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesFacts {
    /// Columns, rows and slices.
    pub dims: [usize; 3],
    /// Points on the time axis, at least 1.
    pub times: usize,
    /// Distances along the three axes in millimetres.
    pub spacing_mm: [f64; 3],
    /// Its number in the study, where it has one.
    pub number: Option<i64>,
    /// The plane of its slices, where the file places them in the patient.
    pub plane: Option<AnatomicalPlane>,
    /// Everything doubtful that headers show; reading the voxels may find more.
    pub doubts: Vec<Doubt>,
}

impl SeriesFacts {
    /// Of a grid and what is known of where it lies.
    pub(super) fn of(grid: &Grid, times: usize, placement: Placement, doubts: Vec<Doubt>) -> Self {
        let is_slice = |plane: &AnatomicalPlane| GridPlane::nearest(grid, *plane).slice_axis == 2;
        let plane = AnatomicalPlane::ALL.into_iter().find(is_slice);
        Self {
            dims: grid.dims(),
            times,
            spacing_mm: grid.spacing_mm(),
            number: None,
            plane: plane.filter(|_| placement == Placement::Patient),
            doubts,
        }
    }
}

/// What a series is read from.
#[derive(Clone, Debug)]
pub enum SeriesSource {
    /// A NIfTI file, or the header of a pair.
    Nifti(PathBuf),
    /// An NRRD file, or a header with data files of its own.
    Nrrd(PathBuf),
    /// A MetaImage file, or a header with data files of its own.
    MetaImage(PathBuf),
    /// A photograph: PNG, JPEG or TIFF.
    Photo(PathBuf),
    /// The files of one DICOM series, grouped.
    Dicom(dicom::DicomSeries),
}

impl SeriesSource {
    /// `nifti`, `nrrd`, `metaimage`, `photo` or `dicom`.
    pub fn format(&self) -> &'static str {
        match self {
            Self::Nifti(_) => "nifti",
            Self::Nrrd(_) => "nrrd",
            Self::MetaImage(_) => "metaimage",
            Self::Photo(_) => "photo",
            Self::Dicom(_) => "dicom",
        }
    }

    /// The one file whose name the series bears; `None` where it is put together from many.
    pub fn own_file(&self) -> Option<&Path> {
        match self {
            Self::Nifti(path) | Self::Nrrd(path) | Self::MetaImage(path) | Self::Photo(path) => Some(path),
            Self::Dicom(_) => None,
        }
    }

    /// The files it is read from; of a header with data files of its own the header.
    pub fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Dicom(series) => series.files(),
            single => single.own_file().map(Path::to_owned).into_iter().collect(),
        }
    }

    /// Every file that holds something of it, as it is now.
    fn stamps(&self) -> Vec<(PathBuf, Stamp)> {
        let files = match self {
            Self::Nifti(path) => nifti::files(path),
            Self::Nrrd(path) => nrrd::files(path),
            Self::MetaImage(path) => metaimage::files(path),
            Self::Photo(path) => vec![path.clone()],
            Self::Dicom(series) => series.files(),
        };
        // A file that is gone is refused by whoever reads it.
        files.into_iter().filter_map(|file| Stamp::at(&file).ok().map(|stamp| (file, stamp))).collect()
    }
}

/// A series with its voxels.
#[derive(Clone, Debug)]
pub struct Study {
    /// The series it was read from.
    pub series: Series,
    /// The voxels.
    pub volume: Arc<Volume>,
    /// Everything doubtful about it.
    pub doubts: Vec<Doubt>,
    /// The source's own geometry fields, which masks carry verbatim, where it is a NIfTI file.
    pub nifti_geometry: Option<nifti::NiftiGeometry>,
    /// Every file it was read from, as it was before it was read.
    pub read_from: Vec<(PathBuf, Stamp)>,
}

/// Finds every series at `path`: a file of any format that is opened, or a folder of them, searched
/// through all its subfolders. Files are recognised by content.
pub fn scan(path: &Path, watch: &dyn Watch) -> Result<Scan, Refusal> {
    let metadata = std::fs::metadata(path).map_err(|error| Refusal::unreadable(path, &error))?;
    if metadata.is_dir() {
        return scan_folder(path, watch);
    }
    // A pipe or a device may never answer.
    if !metadata.is_file() {
        return Err(not_an_image(path));
    }
    File::open(path).map_err(|error| Refusal::unreadable(path, &error))?;
    let header = nifti::header_path(path);
    if nifti::is_nifti(&header) {
        return Ok(Scan { series: vec![nifti::series(&header)?], refused: Vec::new() });
    }
    if dicom::is_dicom(path) {
        return dicom::scan(&[path.to_owned()], watch);
    }
    let series = series_of_other(path).ok_or_else(|| not_an_image(path))??;
    Ok(Scan { series: vec![series], refused: Vec::new() })
}

/// The series in a file that is neither NIfTI nor DICOM; `None` where it is of no format either.
fn series_of_other(path: &Path) -> Option<Result<Series, Refusal>> {
    if nrrd::is_nrrd(path) {
        return Some(nrrd::series(path));
    }
    if metaimage::is_metaimage(path) {
        return Some(metaimage::series(path));
    }
    photo::is_photo(path).then(|| photo::series(path))
}

fn not_an_image(path: &Path) -> Refusal {
    let text = "is of no format that is opened; open a DICOM, NIfTI, NRRD or MetaImage file, a photograph, or a folder of them";
    Refusal::new(path, RefusalCode::NotAnImage, text)
}

/// Whether a file is a mask that lies beside its sidecar, or one on its way there: not a study itself.
fn is_part_of_a_case(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let Some(mask) = name.strip_suffix("_dseg.nii.gz") else {
        return name.ends_with(".part") && name.contains("_dseg.nii.gz.");
    };
    let stem = mask.split_once("_desc-layer").map_or(mask, |(stem, _)| stem);
    path.with_file_name(format!("{stem}.annotomy.json")).exists()
}

/// Files of a folder that are looked at before it is told how many there are.
const TOLD_EVERY: usize = 256;

fn scan_folder(root: &Path, watch: &dyn Watch) -> Result<Scan, Refusal> {
    let mut found = Scan::default();
    let files = files_below(root, &mut found.refused, watch)?;
    let mut dicom_files = Vec::new();
    let look_at = |path: &PathBuf| match watch.is_cancelled() {
        true => Err(Refusal::cancelled(path)),
        false => Ok(content(path)),
    };
    for (batch, files) in files.chunks(TOLD_EVERY).enumerate() {
        if batch > 0 {
            watch.found(&FoundSoFar { files: batch * TOLD_EVERY, series: Vec::new() });
        }
        let contents: Vec<Content> = files.par_iter().map(look_at).collect::<Result<_, _>>()?;
        for (path, content) in files.iter().zip(contents) {
            match content {
                Content::Dicom => dicom_files.push(path.clone()),
                Content::Series(Ok(series)) => found.series.push(*series),
                Content::Series(Err(refusal)) => found.refused.push(refusal),
                Content::Nothing => {}
            }
        }
    }
    tell_apart(&mut found.series, root);
    if !dicom_files.is_empty() {
        // Beside a series of another format it is not known which one is meant.
        if found.series.is_empty() {
            dicom::glimpse(&dicom_files, watch);
        }
        let of_dicom = dicom::scan(&dicom_files, watch)?;
        found.series.extend(of_dicom.series);
        found.refused.extend(of_dicom.refused);
    }
    put_likeliest_first(&mut found.series, root);
    if found.series.is_empty() && found.refused.is_empty() {
        return Err(Refusal::new(root, RefusalCode::NotAnImage, "holds no file that is opened"));
    }
    Ok(found)
}

/// Every file in a folder and below, those of one folder by their names; folders that cannot be read are
/// refused.
fn files_below(root: &Path, refused: &mut Vec<Refusal>, watch: &dyn Watch) -> Result<Vec<PathBuf>, Refusal> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        if watch.is_cancelled() {
            return Err(Refusal::cancelled(&folder));
        }
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if folder == root => return Err(Refusal::unreadable(root, &error)),
            Err(error) => {
                refused.push(Refusal::unreadable(&folder, &error));
                continue;
            }
        };
        let mut entries: Vec<_> = entries
            .filter_map(|entry| entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))).ok())
            .collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (path, kind) in entries {
            // A link to a folder may lead in a circle or out of it; a pipe or a device may never answer.
            match kind {
                kind if kind.is_dir() => folders.push(path),
                kind if kind.is_file() || kind.is_symlink() && path.is_file() => files.push(path),
                _ => {}
            }
        }
    }
    Ok(files)
}

/// What a file in a folder is.
enum Content {
    Dicom,
    Series(Result<Box<Series>, Refusal>),
    Nothing,
}

fn content(path: &Path) -> Content {
    if is_part_of_a_case(path) {
        return Content::Nothing;
    }
    // It may be a slice of what is shown.
    if let Err(error) = File::open(path) {
        return Content::Series(Err(Refusal::unreadable(path, &error)));
    }
    if nifti::is_nifti(path) {
        return Content::Series(nifti::series(path).map(Box::new));
    }
    if dicom::is_dicom(path) {
        return Content::Dicom;
    }
    series_of_other(path).map_or(Content::Nothing, |series| Content::Series(series.map(Box::new)))
}

/// Sorts series by how likely each is what is meant: pictures before label maps before photographs, and
/// large ones first. Those of DICOM know their own order and stay together.
fn put_likeliest_first(series: &mut [Series], folder: &Path) {
    let is_dicom = |series: &Series| matches!(series.source, SeriesSource::Dicom(_));
    let samples = |series: &Series| series.facts.dims.iter().product::<usize>() * series.facts.times;
    let of_dicom = series.iter().find(|series| is_dicom(series)).map_or(0, samples);
    series.sort_by_key(|series| {
        let kind = match &series.source {
            SeriesSource::Photo(_) => 2,
            source => u8::from(source.own_file().is_some_and(|path| bears_name_of_labels(path, folder))),
        };
        (kind, Reverse(if is_dicom(series) { of_dicom } else { samples(series) }))
    });
}

/// Whether a file, or the folder that it lies in, is named as label maps are.
fn bears_name_of_labels(path: &Path, folder: &Path) -> bool {
    const NAMES: [&str; 11] = [
        "seg",
        "dseg",
        "segmentation",
        "segmentations",
        "label",
        "labels",
        "labelmap",
        "labelstr",
        "labelsts",
        "mask",
        "masks",
    ];
    let inside = path.strip_prefix(folder).unwrap_or(path);
    inside.iter().rev().take(2).any(|name| {
        let name = name.to_string_lossy().to_lowercase();
        name.split(|letter: char| !letter.is_alphanumeric()).any(|word| NAMES.contains(&word))
    })
}

/// Gives series whose files share a stem their path in the folder as id.
fn tell_apart(series: &mut [Series], folder: &Path) {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for series in series.iter() {
        *times.entry(series.id.clone()).or_default() += 1;
    }
    for series in series.iter_mut().filter(|series| times[&series.id] > 1) {
        if let Some(path) = series.source.own_file() {
            let inside = path.strip_prefix(folder).unwrap_or(path);
            series.id = legible(&inside.to_string_lossy().replace('\\', "/")).into_owned();
        }
    }
}

/// Reads the voxels of a series.
pub fn load(series: &Series, watch: &dyn Watch) -> Result<Study, Refusal> {
    let read_from = series.source.stamps();
    let ((volume, doubts), nifti_geometry) = match &series.source {
        SeriesSource::Nifti(path) => {
            let read = nifti::read(path, watch)?;
            ((read.volume, read.doubts), Some(read.geometry))
        }
        SeriesSource::Nrrd(path) => (nrrd::read(path, watch)?, None),
        SeriesSource::MetaImage(path) => (metaimage::read(path, watch)?, None),
        SeriesSource::Photo(path) => (photo::read(path, watch)?, None),
        SeriesSource::Dicom(source) => (dicom::read(source, watch)?, None),
    };
    Ok(Study { series: series.clone(), volume: Arc::new(volume), doubts, nifti_geometry, read_from })
}

/// One slice of a series, at its true place: the middle one, or the nearest that can be reached without
/// reading much. For a small picture of it.
pub fn thumbnail(series: &Series, watch: &dyn Watch) -> Result<Volume, Refusal> {
    match &series.source {
        SeriesSource::Nifti(path) => nifti::middle_slice(path, watch),
        SeriesSource::Nrrd(path) => nrrd::middle_slice(path, watch),
        SeriesSource::MetaImage(path) => metaimage::middle_slice(path, watch),
        SeriesSource::Photo(path) => Ok(photo::read(path, watch)?.0),
        SeriesSource::Dicom(source) => dicom::middle_slice(source, watch),
    }
}
