//! DICOM series: files grouped by what their headers say, sorted by geometry, decoded in parallel.
//!
//! Always true: order and distance of slices come from Image Position (Patient) alone; a file that
//! cannot be opened is refused by name with a reason; headers are read by a loop with bounds and
//! pixels by decoders that check sizes first, so no file takes the program down.
//!
//! Must never know: other formats, what is drawn on a study.
//!
//! From the ground up: `dataset` elements in bytes; `syntax` how they are written; `file` as much of one
//! as its header needs; `header` with `layout`, `picture`, `moment`, `spacing`, `frames`, `mosaic` and
//! `fragments` what it says; `group` with `mend`, `sweep`, `lattice` and `split` which pictures make a volume; `pixels` with `inflating`,
//! `colour`, `table`, `rle` and `compressed` one picture's samples, where `codestream`, `encapsulated`, `golomb` and the files of
//! JPEG are compression's; `assemble` with `suv` and `suv_of_frames` the volume, `glimpse` a slice of it beforehand; `segmentation` the labels of an object that holds marks.

mod assemble;
mod codestream;
mod colour;
mod compressed;
mod dataset;
mod encapsulated;
mod fault;
mod file;
mod fragments;
mod frames;
mod glimpse;
mod golomb;
mod group;
mod header;
mod inflating;
mod jpeg_2000;
mod jpeg_extended;
mod jpeg_huffman;
mod jpeg_lossless;
mod jpeg_ls;
mod jpeg_segments;
mod jpeg_xl;
mod lattice;
mod layout;
mod mend;
mod moment;
mod mosaic;
mod picture;
mod pixels;
mod rle;
mod segmentation;
mod spacing;
mod split;
mod suv;
mod suv_of_frames;
mod sweep;
mod syntax;
mod table;
mod text;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use self::group::Stack;
use self::header::Found;
use self::picture::Picture;
pub(super) use self::segmentation::read as read_segmentation;
use super::{
    Doubt, FoundSoFar, Refusal, RefusalCode, Scan, Series, SeriesFacts, SeriesSoFar, SeriesSource, Watch,
    legible,
};
use crate::volume::Volume;

/// The files of one series, grouped and sorted.
#[derive(Clone, Debug)]
pub struct DicomSeries {
    stack: Arc<Stack>,
}

impl DicomSeries {
    /// The Study Instance UID; empty where the file has none.
    pub fn study(&self) -> &str {
        self.stack.pictures.first().map_or("", |picture| &picture.image.identity.study)
    }

    /// The files, in the order of the slices, time after time; each once.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut seen = HashSet::new();
        let paths = self.stack.pictures.iter().map(|picture| &picture.image.path);
        paths.filter(|path| seen.insert(*path)).cloned().collect()
    }
}

/// Whether a file is a DICOM object, by its first bytes: with a preamble or without.
pub fn is_dicom(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(132).read_to_end(&mut start));
    read.is_ok() && file::is_dicom(&start)
}

/// Shows one slice of the series that most of `files` seem to belong to, before all headers are read;
/// none where they belong to several, or the watch wants no preview.
pub fn glimpse(files: &[PathBuf], watch: &dyn Watch) {
    glimpse::show(files, watch);
}

/// Reads headers and groups files into series; a DICOMDIR stands for the files it names.
///
/// Fails only when it is stopped; files that cannot be opened are listed in [`Scan::refused`].
pub fn scan(asked: &[PathBuf], watch: &dyn Watch) -> Result<Scan, Refusal> {
    let (mut pictures, mut refused) = (Vec::new(), Vec::new());
    let mut known: HashSet<PathBuf> = asked.iter().cloned().collect();
    let mut files = asked.to_vec();
    while !files.is_empty() {
        let mut named = BTreeSet::new();
        for found in read_headers(&files, watch)? {
            match found {
                Ok(Found::Image(frames)) => pictures.extend(frames),
                Ok(Found::Directory(path, files)) if files.is_empty() => {
                    let text = "is a DICOMDIR that names no files; open the folder of the images instead";
                    refused.push(Refusal::new(&path, RefusalCode::NotAnImage, text));
                }
                Ok(Found::Directory(_, files)) => {
                    for file in files {
                        match file {
                            Ok(file) => drop(named.insert(file)),
                            Err(refusal) => refused.push(refusal),
                        }
                    }
                }
                Err(refusal) => refused.push(refusal),
            }
        }
        files = named.into_iter().filter(|file| known.insert(file.clone())).collect();
    }
    let (stacks, of_groups) = group::group(pictures);
    refused.extend(of_groups);
    let mut with_facts = Vec::new();
    for stack in stacks {
        match facts(&stack) {
            Ok(facts) => with_facts.push((stack, facts)),
            Err(refusal) => refused.push(refusal),
        }
    }
    if with_facts.is_empty() && refused.is_empty() {
        let text = "is a DICOMDIR that leads to no image; open the folder of the images instead";
        refused.extend(asked.first().map(|path| Refusal::new(path, RefusalCode::NotAnImage, text)));
    }
    Ok(Scan { series: listed(with_facts), refused })
}

/// Files whose headers are read before it is told what they hold.
const BATCH: usize = 256;

fn read_headers(files: &[PathBuf], watch: &dyn Watch) -> Result<Vec<Result<Found, Refusal>>, Refusal> {
    let done = AtomicUsize::new(0);
    let read = |path: &PathBuf| {
        if watch.is_cancelled() {
            return Err(Refusal::cancelled(path));
        }
        let found = file::read(path);
        watch.progress((done.fetch_add(1, Ordering::Relaxed) + 1) as f64 / files.len() as f64);
        Ok(found)
    };
    let mut all = Vec::new();
    let mut so_far = FoundSoFar::default();
    for batch in files.chunks(BATCH) {
        let found: Vec<_> = batch.par_iter().map(read).collect::<Result<_, _>>()?;
        found.iter().flatten().for_each(|found| count(found, &mut so_far));
        so_far.files += batch.len();
        watch.found(&so_far);
        all.extend(found);
    }
    Ok(all)
}

/// Adds a file to what was found so far.
fn count(found: &Found, so_far: &mut FoundSoFar) {
    let Found::Image(pictures) = found else { return };
    let Some(Picture { image, .. }) = pictures.first() else { return };
    let id = &image.identity.series;
    // Files of one series mostly lie together.
    match so_far.series.iter_mut().rev().find(|series| series.id == *id) {
        Some(series) => series.pictures += pictures.len(),
        None => so_far.series.push(SeriesSoFar {
            id: id.clone(),
            modality: image.identity.modality.clone(),
            description: image.description.clone(),
            pictures: pictures.len(),
        }),
    }
}

fn facts(stack: &Stack) -> Result<SeriesFacts, Refusal> {
    let number = stack.pictures[0].image.series_number.map(|number| number as i64);
    let facts = SeriesFacts::of(&assemble::grid(stack)?, stack.times, stack.placement, stack.doubts.clone());
    Ok(SeriesFacts { number, ..facts })
}

/// Series with most pictures first, then by their number, each with an id of its own.
fn listed(mut stacks: Vec<(Stack, SeriesFacts)>) -> Vec<Series> {
    stacks.sort_by(|(a, _), (b, _)| {
        let number = |stack: &Stack| stack.pictures[0].image.series_number.unwrap_or(f64::INFINITY);
        b.pictures.len().cmp(&a.pictures.len()).then(number(a).total_cmp(&number(b)))
    });
    let mut taken = HashSet::new();
    let mut last_number: HashMap<String, usize> = HashMap::new();
    stacks
        .into_iter()
        .map(|(stack, facts)| {
            let image = &stack.pictures[0].image;
            let uid = &image.identity.series;
            let stem = || image.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let base = legible(&if uid.is_empty() { stem() } else { uid.clone() }).into_owned();
            let number = last_number.entry(base.clone()).or_insert(0);
            let id = loop {
                *number += 1;
                let id = if *number == 1 { base.clone() } else { format!("{base}#{number}") };
                if taken.insert(id.clone()) {
                    break id;
                }
            };
            let modality = &image.identity.modality;
            Series {
                id,
                modality: (!modality.is_empty()).then(|| modality.clone()),
                description: image.description.clone(),
                source: SeriesSource::Dicom(DicomSeries { stack: Arc::new(stack) }),
                facts,
            }
        })
        .collect()
}

/// Reads the voxels of a series.
pub fn read(series: &DicomSeries, watch: &dyn Watch) -> Result<(Volume, Vec<Doubt>), Refusal> {
    assemble::volume(&series.stack, watch)
}

/// Reads the slice nearest to the middle, at the first time.
pub fn middle_slice(series: &DicomSeries, watch: &dyn Watch) -> Result<Volume, Refusal> {
    assemble::middle_slice(&series.stack, watch)
}
