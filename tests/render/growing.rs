//! What seeds win on the device is, voxel by voxel, what they win on processors.

use annotomy::geometry::{VoxelBox, VoxelIndex};
use annotomy::render::DeviceGrower;
use annotomy::segment::{GrowFromSeeds, Unwatched};
use annotomy::volume::Mask;
use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn seeds_win_the_same_by_either(
        dims in prop::array::uniform3(2usize..50),
        values in 2u32..2000,
        seeds in prop::collection::vec((prop::array::uniform3(0.0..1.0f64), 1u16..4), 2..8),
        walls in prop::collection::vec(prop::array::uniform3(0.0..1.0f64), 0..300),
        cut in prop::array::uniform3(0usize..9),
    ) {
        let Some(gpu) = gpu() else { return Ok(()) };
        let grower = DeviceGrower::new(gpu).expect("a device that computes");
        let at = |place: [f64; 3]| {
            let [i, j, k] = std::array::from_fn(|axis| (place[axis] * dims[axis] as f64) as usize);
            VoxelIndex { i, j, k }
        };
        let grid = straight(dims, [1.0, 1.0, 1.0]);
        // Plains with noise on them.
        let samples: Vec<f32> = (0..grid.voxel_count())
            .map(|n| (noise(n) % values) as f32 * 0.1 + (n / 97 % 5) as f32 * 100.0)
            .collect();
        let samples = Samples::F32(Buffer::from_slice(&samples).expect("memory"));
        let volume = Volume::new(grid, 1, samples, Rescale::NONE).expect("a volume");
        let map = LabelMap::from_voxels(dims, seeds.iter().map(|(place, label)| (at(*place), *label)));
        let mut blocked = Mask::empty(volume.grid().bounds());
        walls.iter().for_each(|place| blocked.insert(at(*place)));
        let min = std::array::from_fn(|axis| cut[axis].min(dims[axis] - 1));
        let bounds = VoxelBox { min, max: dims };
        let fresh = || {
            let mut grown = GrowFromSeeds::new(&volume, 0, bounds, &[2, 1, 3]).expect("labels");
            grown.wall_up(&blocked);
            grown
        };
        let mut by_processors = fresh();
        by_processors.update(&map, &Unwatched).expect("not cancelled");
        let mut by_device = fresh();
        prop_assert!(by_device.begin_by(&grower, &map, &Unwatched).expect("not cancelled"));
        prop_assert_eq!(gpu.take_error(), None);
        prop_assert_eq!(by_device.masks(), by_processors.masks());
        // And processors go on from there.
        let more = LabelMap::from_voxels(dims, seeds.iter().skip(1).map(|(place, label)| (at(*place), *label)));
        by_device.update(&more, &Unwatched).expect("not cancelled");
        by_processors.update(&more, &Unwatched).expect("not cancelled");
        prop_assert_eq!(by_device.masks(), by_processors.masks());
    }
}
