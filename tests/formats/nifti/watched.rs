//! Loads that are watched: preview, progress, and a stop that stops.

use annotomy::format::{RefusalCode, nifti};
use annotomy::geometry::VoxelIndex;

use super::fixture::{Fixture, gzip, on_disk};
use crate::watcher::Watcher;

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
        let watch = Watcher::patient();
        let whole = nifti::read(&path, &watch).expect("opens").volume;
        let steps = watch.steps();
        assert!(steps.iter().all(|done| (0.0..=1.0).contains(done)) && steps.last() == Some(&1.0));
        let previews = watch.previews();
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
    }
}

#[test]
fn a_stop_stops() {
    let bytes = noisy().bytes();
    for (name, bytes) in [("a.nii", bytes.clone()), ("a.nii.gz", gzip(&bytes))] {
        let (_folder, path) = on_disk(&[(name, bytes)]);
        let refusal = nifti::read(&path, &Watcher::stopping_after(0)).expect_err("stopped");
        assert_eq!(refusal.code, RefusalCode::Cancelled);
    }
}
