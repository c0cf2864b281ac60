//! Algorithms held against scipy, scikit-image, cc3d, edt and SimpleITK on real studies and label maps.
//!
//! Everything is computed here and written as plain bytes; one run of Python computes it again and prints
//! what does not agree.

#[path = "../formats/oracle.rs"]
mod oracle;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use annotomy::format::{self, Silent};
use annotomy::geometry::{VoxelBox, VoxelIndex};
use annotomy::segment::{self, Components, Confidence, Connectivity, Islands, SliceAxis, Unwatched};
use annotomy::volume::{DistanceMap, LabelMap, Mask, Volume};

use crate::oracle::{python, studies};

fn load(path: &Path) -> Volume {
    let scan = format::scan(path, &Silent).expect("a study");
    let study = format::load(&scan.series[0], &Silent).expect("loads");
    std::sync::Arc::into_inner(study.volume).expect("nobody else holds it")
}

/// What was computed, in a folder: raw bytes, i fastest, and a list of them.
struct Results {
    folder: tempfile::TempDir,
    list: String,
}

impl Results {
    fn keep(&mut self, name: &str, bytes: &[u8]) {
        let file = format!("{}.raw", self.list.lines().count());
        fs::write(self.folder.path().join(&file), bytes).expect("written");
        writeln!(self.list, "{name}\t{file}").expect("a string grows");
    }

    fn mask(&mut self, name: &str, mask: &Mask) {
        let [ni, nj, nk] = mask.bounds().dims();
        let voxel = |n: usize| VoxelIndex::new(n % ni, n / ni % nj, n / ni / nj);
        let bytes: Vec<u8> = (0..ni * nj * nk).map(|n| mask.contains(voxel(n)).into()).collect();
        self.keep(name, &bytes);
    }
}

const CONNECTIVITIES: [(u8, Connectivity); 3] =
    [(6, Connectivity::Six), (18, Connectivity::Eighteen), (26, Connectivity::TwentySix)];

/// Everything that one label of a map is put through.
fn of_mask(results: &mut Results, mask: &Mask, spacing: [f64; 3]) {
    let done = "not cancelled";
    results.mask("mask", mask);
    for (number, connectivity) in CONNECTIVITIES {
        let parts = Components::of(mask, connectivity, &Unwatched).expect(done);
        results.keep(&format!("components {number}"), bytemuck::cast_slice(&parts.numbers()));
    }
    let largest = segment::islands(mask, Islands::Largest(1), Connectivity::TwentySix, &Unwatched);
    results.mask("largest", &largest.expect(done));
    let large = segment::islands(mask, Islands::AtLeast(20), Connectivity::Six, &Unwatched);
    results.mask("at least 20", &large.expect(done));
    results.mask("filled", &segment::fill_holes(mask, &Unwatched).expect(done));
    for (number, axis) in [SliceAxis::I, SliceAxis::J, SliceAxis::K].into_iter().enumerate() {
        let filled = segment::fill_holes_in_slices(mask, axis, &Unwatched).expect(done);
        results.mask(&format!("filled across {number}"), &filled);
    }
    let distances = DistanceMap::to(mask, spacing, &Unwatched).expect(done);
    results.keep("distance", bytemuck::cast_slice(&distances));
    for mm in [3.0, 7.5] {
        results.mask(&format!("grown {mm}"), &segment::grown(mask, mm, spacing, &Unwatched).expect(done));
        results.mask(&format!("shrunk {mm}"), &segment::shrunk(mask, mm, spacing, &Unwatched).expect(done));
        results.mask(&format!("closed {mm}"), &segment::closed(mask, mm, spacing, &Unwatched).expect(done));
        results.mask(&format!("opened {mm}"), &segment::opened(mask, mm, spacing, &Unwatched).expect(done));
    }
    results.mask("median", &segment::majority(mask, [2, 1, 1], &Unwatched).expect(done));
    let smooth = segment::smoothed_mask(mask, [1.5, 1.0, 0.5], None, &Unwatched).expect(done);
    results.mask("gaussian mask", &smooth);
}

fn of_volume(results: &mut Results, volume: &Volume, seed: VoxelIndex, range: [f64; 2]) {
    let (bounds, done) = (volume.grid().bounds(), "not cancelled");
    results.mask("threshold", &Mask::of_values(volume, bounds, range, 0));
    for (number, connectivity) in CONNECTIVITIES {
        let region = segment::region(volume, bounds, seed, range, connectivity, 0, &Unwatched);
        results.mask(&format!("region {number}"), &region.expect(done));
    }
    let learnt = Confidence { multiplier: 2.0, ..Confidence::default() };
    let region = segment::confidence_connected(
        volume,
        &Mask::full(bounds),
        seed,
        learnt,
        Connectivity::Six,
        0,
        &Unwatched,
    );
    results.mask("confidence", &region.expect(done));
    let values = segment::smoothed_values(volume, bounds, [2.0, 1.5, 0.7], 0, &Unwatched).expect(done);
    results.keep("gaussian", bytemuck::cast_slice(&values));
    let otsu = segment::otsu(volume, bounds, 0).expect("values differ");
    results.keep("otsu", bytemuck::bytes_of(&otsu.threshold));
}

fn check(study: &Path, labels: &Path, seed: VoxelIndex, range: [f64; 2]) {
    let volume = load(study);
    let map: LabelMap = format::nifti::read_labels(labels, &Silent).expect("labels").labels;
    let bounds = VoxelBox { min: [0; 3], max: map.dims() };
    let mut results = Results { folder: tempfile::tempdir().expect("a folder"), list: String::new() };
    of_volume(&mut results, &volume, seed, range);
    let parts = Components::of_labels(&map, Connectivity::TwentySix, &Unwatched).expect("not cancelled");
    results.keep("islands of labels", bytemuck::cast_slice(&parts.numbers()));
    let counts = map.counts();
    let largest = counts.iter().max_by_key(|(_, count)| **count).map(|(label, _)| *label).expect("a label");
    let spacing = volume.grid().spacing_mm();
    of_mask(&mut results, &Mask::of_label(&map, bounds, largest), spacing);
    // Scattered tissue, with islands and holes.
    of_mask(&mut results, &Mask::of_values(&volume, bounds, range, 0), spacing);
    let list = results.folder.path().join("list.tsv");
    fs::write(&list, &results.list).expect("written");
    let [i, j, k] = seed.to_array();
    let numbers = [i as f64, j as f64, k as f64, range[0], range[1], spacing[0], spacing[1], spacing[2]];
    let numbers = numbers.map(|number| number.to_string());
    let arguments = [study, labels, &list].into_iter().chain(numbers.iter().map(Path::new));
    let program = include_str!("../oracles/segment.py");
    let Some(said) = python(program, &arguments.collect::<Vec<_>>()) else { return };
    assert!(said.trim().ends_with("all agree"), "{said}");
}

#[test]
fn algorithms_agree_with_the_peers_on_a_ct_of_many_labels() {
    let Some(folder) = studies() else { return };
    let folder = folder.join("nifti/totalseg_small");
    let (study, labels) = (folder.join("example_ct_sm.nii.gz"), folder.join("example_seg.nii.gz"));
    check(&study, &labels, VoxelIndex::new(60, 50, 15), [20.0, 200.0]);
}

#[test]
fn algorithms_agree_with_the_peers_on_thick_slices() {
    let Some(folder) = studies() else { return };
    let folder = folder.join("nifti/radiomics_brain2");
    let image = folder.join("prostate_phantom_subvolume.nii.gz");
    let labels = folder.join("prostate_phantom_subvolume-label.nii.gz");
    check(&image, &labels, VoxelIndex::new(40, 33, 6), [700.0, 1500.0]);
}
