//! Sums and distributions against a plain loop over all voxels.

use std::collections::BTreeMap;
use std::sync::Arc;

use annotomy::geometry::{Grid, VoxelIndex};
use annotomy::measure::{Distribution, FirstOrderSettings, LabelSums, Tally};
use annotomy::volume::{Brick, BrickIndex, Buffer, LabelMap, Rescale, Samples, Volume};

use crate::made::{self, near};

const DIMS: [usize; 3] = [70, 35, 36];

fn labels() -> LabelMap {
    made::map(DIMS, |[i, j, k]| match made::noise([i / 5, j / 2, k], 3) % 5 {
        _ if i < 32 && j < 32 => 0,
        0 | 1 => 0,
        2 => 700,
        n => n as u16,
    })
}

/// Volumes of every kind of sample, with slices that were never scanned and values that are not finite.
fn volumes() -> Vec<Volume> {
    let grid = made::sheared(DIMS);
    let noise = |seed: u64| made::voxels(DIMS).map(move |voxel| made::noise(voxel, seed));
    let real = |n: u64| if n.is_multiple_of(97) { f32::NAN } else { (n % 10_007) as f32 / 7.0 + 1e5 };
    let of =
        |samples: Samples| Volume::new(grid.clone(), 1, samples, Rescale { slope: -0.5, intercept: 3.0 });
    fn buffer<T: bytemuck::Pod>(items: impl Iterator<Item = T>) -> Buffer<T> {
        Buffer::from_slice(&items.collect::<Vec<_>>()).expect("memory")
    }
    [
        of(Samples::I8(buffer(noise(1).map(|n| n as i8)))),
        of(Samples::U8(buffer(noise(2).map(|n| n as u8)))),
        of(Samples::I16(buffer(noise(3).map(|n| n as i16)))),
        of(Samples::U16(buffer(noise(4).map(|n| n as u16)))),
        of(Samples::I32(buffer(noise(5).map(|n| n as i32)))),
        of(Samples::U32(buffer(noise(6).map(|n| n as u32)))),
        of(Samples::I64(buffer(noise(7).map(|n| n as i64 - (1 << 40))))),
        of(Samples::U64(buffer(noise(8)))),
        of(Samples::F32(buffer(noise(9).map(real)))),
        of(Samples::F64(buffer(noise(10).map(|n| f64::from(real(n)))))),
        of(Samples::Rgb8(buffer(noise(11).map(|n| [n as u8, (n >> 8) as u8, (n >> 16) as u8])))),
    ]
    .into_iter()
    .map(|volume| volume.expect("a volume").with_missing_slices(vec![4, 33]).expect("inside"))
    .collect()
}

/// The finite values of each label, and where its voxels lie.
fn by_loop(volume: &Volume, map: &LabelMap) -> BTreeMap<u16, (Vec<f64>, Vec<[usize; 3]>)> {
    let mut found: BTreeMap<u16, (Vec<f64>, Vec<[usize; 3]>)> = BTreeMap::new();
    for [i, j, k] in made::voxels(map.dims()) {
        let voxel = VoxelIndex::new(i, j, k);
        let label = map.label(voxel);
        if label == 0 {
            continue;
        }
        let (values, places) = found.entry(label).or_default();
        places.push([i, j, k]);
        let value = volume.value(voxel, 0);
        if value.is_finite() && !volume.is_missing(k) {
            values.push(value);
        }
    }
    found
}

fn check_place(sums: &LabelSums, places: &[[usize; 3]], grid: &Grid) {
    assert_eq!(sums.voxels, places.len() as u64);
    for axis in 0..3 {
        let along = || places.iter().map(|place| place[axis]);
        assert_eq!(Some(sums.bounds.min[axis]), along().min());
        assert_eq!(Some(sums.bounds.max[axis] - 1), along().max());
    }
    let centres: Vec<[f64; 3]> =
        places.iter().map(|[i, j, k]| grid.centre_of(VoxelIndex::new(*i, *j, *k)).to_array()).collect();
    let count = centres.len() as f64;
    let mean = [0, 1, 2].map(|axis| centres.iter().map(|centre| centre[axis]).sum::<f64>() / count);
    let centroid = sums.centroid(grid).to_array();
    let covariance = sums.covariance_mm2(grid).to_cols_array_2d();
    for a in 0..3 {
        assert!(near(centroid[a], mean[a], 1e-12));
        for b in 0..3 {
            let products = centres.iter().map(|centre| (centre[a] - mean[a]) * (centre[b] - mean[b]));
            assert!(near(covariance[a][b], products.sum::<f64>() / count, 1e-9));
        }
    }
}

#[test]
fn sums_are_those_of_a_loop_for_every_sample_type() {
    let map = labels();
    for volume in volumes() {
        let name = volume.sample_type().name();
        let found = Tally::of(&volume, 0, &map).labels();
        let expected = by_loop(&volume, &map);
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (label, sums) in &found {
            let (values, places) = &expected[label];
            check_place(sums, places, volume.grid());
            assert_eq!(sums.values.count, values.len() as u64, "{name}");
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let spread: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            assert!(near(sums.values.mean().expect("values"), mean, 1e-12), "{name}");
            assert!(near(sums.values.sd().expect("values"), (spread / count).sqrt(), 1e-9), "{name}");
            assert!(near(sums.values.sample_sd().expect("values"), (spread / (count - 1.0)).sqrt(), 1e-9));
            assert_eq!(sums.values.min, values.iter().copied().fold(f64::INFINITY, f64::min), "{name}");
            assert_eq!(sums.values.max, values.iter().copied().fold(f64::NEG_INFINITY, f64::max), "{name}");
        }
    }
}

#[test]
fn distributions_are_those_of_sorted_values() {
    let map = labels();
    for volume in volumes() {
        let sums = Tally::of(&volume, 0, &map).labels();
        let expected = by_loop(&volume, &map);
        let mut seen = 0;
        Distribution::for_each(&volume, 0, &map, &sums, |label, found| {
            seen += 1;
            let mut values = expected[&label].0.clone();
            values.sort_unstable_by(f64::total_cmp);
            assert_eq!(found.count(), values.len() as u64);
            for percent in [0.0, 10.0, 25.0, 50.0, 90.0, 99.9, 100.0] {
                let rank = percent / 100.0 * (values.len() - 1) as f64;
                let (low, high) = (values[rank.floor() as usize], values[rank.ceil() as usize]);
                let expected = low + (high - low) * rank.fract();
                assert!(near(found.percentile(percent).expect("values"), expected, 1e-12));
            }
            let settings = FirstOrderSettings { bin_width: 7.0, shift: 1.0, voxel_mm3: 2.0 };
            let first_order = found.first_order(settings).expect("values");
            let energy: f64 = values.iter().map(|value| (value + 1.0).powi(2)).sum();
            assert!(
                near(first_order.energy, energy, 1e-12)
                    && near(first_order.total_energy, 2.0 * energy, 1e-12)
            );
            let mut bins: BTreeMap<i64, f64> = BTreeMap::new();
            values.iter().for_each(|value| *bins.entry((value / 7.0).floor() as i64).or_default() += 1.0);
            let shares = bins.values().map(|n| n / values.len() as f64);
            assert!(near(first_order.uniformity, shares.clone().map(|share| share * share).sum(), 1e-9));
            assert!(near(first_order.entropy, -shares.map(|share| share * share.log2()).sum::<f64>(), 1e-9));
        });
        assert_eq!(seen, sums.len());
    }
}

#[test]
fn a_label_without_a_finite_value_has_voxels_and_no_values() {
    let grid = made::spaced([4, 1, 1], [1.0; 3]);
    let samples = Samples::F32(Buffer::from_slice(&[f32::NAN, f32::INFINITY, 2.0, 0.0]).expect("memory"));
    let volume = Volume::new(grid, 1, samples, Rescale::NONE).expect("a volume");
    let map = made::map([4, 1, 1], |[i, ..]| [1, 1, 2, 0][i]);
    let sums = Tally::of(&volume, 0, &map).labels();
    assert_eq!((sums[&1].voxels, sums[&1].values.mean(), sums[&1].values.sd()), (2, None, None));
    assert_eq!(
        (sums[&2].values.mean(), sums[&2].values.sd(), sums[&2].values.sample_sd()),
        (Some(2.0), Some(0.0), None)
    );
    let mut seen = Vec::new();
    Distribution::for_each(&volume, 0, &map, &sums, |label, found| {
        seen.push((label, found.percentile(50.0)))
    });
    assert_eq!(seen, [(2, Some(2.0))]);
}

#[test]
fn a_tally_that_follows_equals_a_fresh_one_whatever_the_threads() {
    let volume = &volumes()[2];
    let mut map = labels();
    let mut followed = Tally::of(volume, 0, &map);
    let paint = |map: &mut LabelMap, index: [u32; 3], place: usize, label: u16| {
        let index = BrickIndex(index);
        let mut brick = map.brick(index).cloned().unwrap_or_else(Brick::background);
        Arc::make_mut(&mut brick).labels_mut()[place] = label;
        map.replace(index, Some(brick));
    };
    for change in 0..4 {
        match change {
            0 => paint(&mut map, [0, 0, 0], 77, 9),
            1 => paint(&mut map, [1, 1, 1], 0, 9),
            2 => map.replace(BrickIndex([2, 0, 0]), None),
            _ => paint(&mut map, [0, 0, 0], 77, 0),
        }
        followed.follow(volume, &map);
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            let fresh = pool.install(|| Tally::of(volume, 0, &map).labels());
            assert_eq!(followed.labels(), fresh, "change {change}, {threads} threads");
        }
    }
}
