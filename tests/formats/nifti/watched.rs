//! Loads that are watched: preview, progress, and a stop that stops.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use annotomy::format::{RefusalCode, Watch, nifti};
use annotomy::geometry::VoxelIndex;
use annotomy::volume::Volume;

use super::fixture::{Fixture, gzip, on_disk};

#[derive(Default)]
struct Notes {
    previews: Mutex<Vec<Volume>>,
    progress: Mutex<Vec<f64>>,
    stop: AtomicBool,
}

impl Watch for Notes {
    fn is_cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn progress(&self, done: f64) {
        self.progress.lock().expect("unpoisoned").push(done);
    }

    fn wants_preview(&self) -> bool {
        true
    }

    fn preview(&self, slice: Volume) {
        self.previews.lock().expect("unpoisoned").push(slice);
    }
}

/// 200 × 100 × 51 noisy voxels, big-endian.
fn noisy() -> Fixture {
    let sample = |n: u32| ((n.wrapping_mul(2_654_435_761) >> 11) as i16).to_be_bytes();
    let samples = (0..200 * 100 * 51).flat_map(sample).collect();
    Fixture { dim: vec![3, 200, 100, 51], samples, ..Fixture::big_endian() }
}

#[test]
fn the_middle_slice_shows_at_its_true_place_before_the_load_ends() {
    let bytes = noisy().bytes();
    let cut = bytes.len() / 4;
    let members = [gzip(&bytes[..cut]), gzip(&bytes[cut..])].concat();
    let files =
        [("a.nii", bytes.clone(), true), ("b.nii.gz", gzip(&bytes), false), ("c.nii.gz", members, true)];
    for (name, bytes, must_show) in files {
        let (_folder, path) = on_disk(&[(name, bytes)]);
        let notes = Notes::default();
        let whole = nifti::read(&path, &notes).expect("opens").volume;
        let previews = notes.previews.into_inner().expect("unpoisoned");
        // A gzip file of one member may be whole before its middle was shown.
        assert!(!must_show || previews.len() == 1, "{name}");
        for slice in previews {
            assert_eq!(slice.grid().dims(), [200, 100, 1]);
            for index in [VoxelIndex::new(0, 0, 0), VoxelIndex::new(150, 99, 0)] {
                let there = VoxelIndex { k: 25, ..index };
                assert_eq!(slice.value(index, 0), whole.value(there, 0), "{name}");
                assert_eq!(slice.grid().centre_of(index), whole.grid().centre_of(there), "{name}");
            }
        }
        let progress = notes.progress.into_inner().expect("unpoisoned");
        assert!(progress.iter().all(|done| (0.0..=1.0).contains(done)) && progress.last() == Some(&1.0));
    }
}

#[test]
fn a_stop_stops() {
    let bytes = noisy().bytes();
    for (name, bytes) in [("a.nii", bytes.clone()), ("a.nii.gz", gzip(&bytes))] {
        let (_folder, path) = on_disk(&[(name, bytes)]);
        let notes = Notes { stop: true.into(), ..Notes::default() };
        let refusal = nifti::read(&path, &notes).expect_err("stopped");
        assert_eq!(refusal.code, RefusalCode::Cancelled);
    }
}
