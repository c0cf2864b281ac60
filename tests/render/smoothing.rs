//! What the device smooths is, voxel by voxel, what processors smooth.

use annotomy::geometry::VoxelBox;
use annotomy::render::DeviceSmoother;
use annotomy::segment::{Smoother, Unwatched, smoothed_mask};
use annotomy::volume::Mask;
use proptest::prelude::*;

use super::gpu;

fn smoother() -> Option<&'static DeviceSmoother> {
    static SMOOTHER: std::sync::OnceLock<Option<DeviceSmoother>> = std::sync::OnceLock::new();
    SMOOTHER
        .get_or_init(|| gpu().map(|gpu| DeviceSmoother::new(gpu).expect("a device that computes")))
        .as_ref()
}

/// Some round bodies in a grid, so that there is an inside.
fn bodies(dims: [usize; 3], bodies: &[([f64; 3], f64)]) -> Mask {
    let mut mask = Mask::empty(VoxelBox { min: [0; 3], max: dims });
    for (centre, radius) in bodies {
        let of_box = mask.bounds();
        for k in 0..of_box.max[2] {
            for j in 0..of_box.max[1] {
                for i in 0..of_box.max[0] {
                    let place = [i, j, k].map(|n| n as f64);
                    let squared: f64 =
                        (0..3).map(|axis| (place[axis] - centre[axis] * dims[axis] as f64).powi(2)).sum();
                    if squared <= radius * radius {
                        mask.insert(annotomy::geometry::VoxelIndex { i, j, k });
                    }
                }
            }
        }
    }
    mask
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_mask_smoothed_by_either_is_the_same(
        dims in prop::array::uniform3(1usize..90),
        placed in prop::collection::vec((prop::array::uniform3(0.0..1.0f64), 0.5..25.0f64), 1..5),
        sigma in prop::array::uniform3(prop::sample::select(vec![0.0, 0.4, 1.0, 2.3, 6.0])),
    ) {
        let Some(smoother) = smoother() else { return Ok(()) };
        let mask = bodies(dims, &placed);
        let by_processors = smoothed_mask(&mask, sigma, None, &Unwatched).expect("not cancelled");
        let by_device = smoothed_mask(&mask, sigma, Some(smoother), &Unwatched).expect("not cancelled");
        prop_assert_eq!(by_device, by_processors);
    }
}

/// A device that is asked and watched, so that the test above cannot pass without one.
#[test]
fn a_large_mask_is_smoothed_by_the_device_in_slabs() {
    let Some(smoother) = smoother() else { return };
    // Slabs of 128 MiB hold some 200 slices of this.
    let mask = bodies([400, 400, 260], &[([0.5, 0.5, 0.5], 120.0), ([0.2, 0.3, 0.9], 40.0)]);
    let weights = [vec![0.4f32, 0.2, 0.1], vec![0.4, 0.2, 0.1], vec![0.4, 0.2, 0.1]];
    let found = smoother.halves(&mask, mask.bounds(), &weights, &Unwatched).expect("not cancelled");
    let halves = found.expect("the device can");
    assert_eq!(gpu().and_then(|gpu| gpu.take_error()), None);
    assert!(halves.over.count() > 7_000_000 && halves.unsure.count() < 10, "{:?}", halves.unsure.count());
    let by_processors = smoothed_mask(&mask, [1.1; 3], None, &Unwatched).expect("not cancelled");
    let by_device = smoothed_mask(&mask, [1.1; 3], Some(smoother), &Unwatched).expect("not cancelled");
    assert_eq!(by_device, by_processors);
}
