//! Overlap and distances against what MedPy, DeepMind's surface-distance and SimpleITK say.

use std::path::Path;

use annotomy::format::{Silent, nifti};
use annotomy::geometry::{Grid, VoxelBox, VoxelIndex};
use annotomy::measure::{
    ApartError, Definition, Empty, JointHistogram, Overlap, Recist, Shape, SurfaceDistances, Tally,
};
use annotomy::progress::{Cancelled, Progress, Unwatched};
use annotomy::volume::{DistanceError, LabelMap, Mask, Rescale};
use serde_json::Value;

use crate::made;
use crate::oracle;

const DIMS: [usize; 3] = [24, 20, 16];
const SPACING_MM: [f64; 3] = [0.7, 0.9, 2.5];

fn in_ball([i, j, k]: [usize; 3], [a, b, c]: [i64; 3]) -> bool {
    let [i, j, k] = [i as i64 - a, j as i64 - b, k as i64 - c];
    i * i + j * j + 4 * k * k <= 49
}

/// Two balls, one with an island; two corners of the grid, one with a voxel in the far corner; two blocks at
/// one side of the grid; speckles.
fn pair(name: &str) -> [Mask; 2] {
    let mask = |belongs: &dyn Fn([usize; 3]) -> bool| made::mask(DIMS, belongs);
    match name {
        "balls" => [
            mask(&|voxel| in_ball(voxel, [9, 8, 7])),
            mask(&|[i, j, k]| in_ball([i, j, k], [11, 7, 7]) || i >= 20 && j >= 15 && k >= 13),
        ],
        "corner" => [
            mask(&|[i, j, k]| i < 10 && j < 12 && k < 9),
            mask(&|[i, j, k]| i < 11 && j < 11 && k < 8 || [i, j, k] == [23, 19, 15]),
        ],
        "side" => [
            mask(&|[i, j, k]| (5..9).contains(&i) && j < 4 && (3..6).contains(&k)),
            mask(&|[i, j, k]| (6..12).contains(&i) && j < 3 && (2..6).contains(&k)),
        ],
        _ => [
            mask(&|[i, j, k]| (i * 7 + j * 3 + k * 5) % 11 < 3 && i < 12),
            mask(&|[i, j, k]| (i * 5 + j * 3 + k * 2) % 7 < 2 && i < 13),
        ],
    }
}

/// Hausdorff distance, its 95th percentile, the mean there and back, then what the definition says of both.
#[test]
fn distances_are_those_of_the_programs_they_are_named_after() {
    use Definition::{AllVoxels, ContourVoxels, SurfaceElements, SurfaceVoxels};
    let check = |name: &str, definition: Definition, expected: &[f64]| {
        let [a, b] = pair(name);
        let grid = made::spaced(DIMS, SPACING_MM);
        let apart =
            SurfaceDistances::between(&a, &b, &grid, definition, &Unwatched).expect("both hold voxels");
        let [there, back] = apart.means_mm();
        let (worst, most) = (apart.hausdorff_mm(100.0), apart.hausdorff_mm(95.0));
        let found = match definition {
            SurfaceElements => vec![worst, most, there, back, apart.surface_dice(0.9)],
            SurfaceVoxels => vec![worst, most, there, back, apart.assd_mm()],
            ContourVoxels => vec![worst, most, there, back, apart.assd_mm()],
            AllVoxels => vec![worst, apart.masd_mm()],
        };
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{name} {definition:?}: {found} {expected}");
        }
        assert_eq!(apart.definition(), definition);
    };
    // surface-distance 0.1, MedPy 0.5.2, SimpleITK 2.5.7.
    check("balls", SurfaceElements, &[16.692813, 13.727709, 0.626981, 2.49345, 0.648847]);
    check("balls", SurfaceVoxels, &[16.692813, 12.618443, 0.750026, 2.58374, 1.737011]);
    check("balls", ContourVoxels, &[15.74103, 11.935073, 0.55283, 1.425451, 1.005234]);
    check("balls", AllVoxels, &[16.692813, 0.763262]);
    check("corner", SurfaceElements, &[21.310326, 2.5, 0.573272, 0.481868, 0.913533]);
    check("corner", SurfaceVoxels, &[21.310326, 2.5, 0.791097, 0.497951, 0.649931]);
    check("corner", ContourVoxels, &[21.310328, 2.5, 1.467259, 1.240187, 1.357596]);
    check("corner", AllVoxels, &[21.310326, 0.215731]);
    check("side", SurfaceElements, &[3.264966, 2.596151, 0.514549, 1.094906, 0.731903]);
    check("side", SurfaceVoxels, &[3.264966, 2.771104, 0.46183, 1.318426, 0.969443]);
    check("side", ContourVoxels, &[3.264966, 2.965224, 0.567155, 1.444273, 1.068365]);
    check("side", AllVoxels, &[3.264966, 0.786181]);
    check("speckle", SurfaceElements, &[1.140175, 0.7, 0.006644, 0.040488, 0.998994]);
    check("speckle", SurfaceVoxels, &[2.1, 0.9, 0.541738, 0.608387, 0.577163]);
    check("speckle", ContourVoxels, &[2.1, 1.140175, 0.541739, 0.608387, 0.577163]);
    check("speckle", AllVoxels, &[2.1, 0.575063]);
}

#[test]
fn a_box_around_a_mask_decides_nothing() {
    let [a, b] = pair("corner");
    let grid = made::spaced(DIMS, SPACING_MM);
    let cut = VoxelBox { min: [0; 3], max: [12, 13, 10] };
    for definition in Definition::ALL {
        let of = |a: &Mask| {
            let apart =
                SurfaceDistances::between(a, &b, &grid, definition, &Unwatched).expect("both hold voxels");
            [apart.hausdorff_mm(50.0), apart.assd_mm(), apart.masd_mm(), apart.surface_dice(1.0)]
        };
        assert_eq!(of(&a), of(&a.within(cut)), "{definition:?}");
    }
}

#[test]
fn what_is_empty_is_said_to_be() {
    let [full, none] = [made::mask(DIMS, |[i, ..]| i == 3), made::mask(DIMS, |_| false)];
    let grid = made::spaced(DIMS, SPACING_MM);
    let check = |a: &Mask, b: &Mask, expected: Empty| {
        for definition in Definition::ALL {
            match SurfaceDistances::between(a, b, &grid, definition, &Unwatched) {
                Err(ApartError::Empty(found)) => assert_eq!(found, expected),
                other => panic!("{other:?}"),
            }
        }
    };
    check(&none, &full, Empty::First);
    check(&full, &none, Empty::Second);
    check(&none, &none, Empty::Both);
    let neither = Overlap::default();
    assert_eq!((neither.dice(), neither.iou(), neither.empty()), (None, None, Some(Empty::Both)));
    assert_eq!(neither.relative_difference(), None);
    let second = Overlap { second: 5, ..neither };
    assert_eq!((second.dice(), second.iou(), second.empty()), (Some(0.0), Some(0.0), Some(Empty::First)));
    let half = Overlap { first: 4, second: 6, both: 3 };
    assert_eq!(
        (half.dice(), half.iou(), half.relative_difference()),
        (Some(0.6), Some(3.0 / 7.0), Some(0.5))
    );
}

#[test]
fn a_joint_histogram_counts_every_pair_of_labels() {
    let dims = [70, 33, 40];
    // Labels in the table and beyond it, runs of one and of whole rows, bricks that are absent in one map.
    let label = |voxel: [usize; 3], seed: u64| match made::noise(voxel.map(|n| n / 3), seed) % 7 {
        0 => 0,
        1 => 65_535,
        2 => 64,
        n => n as u16,
    };
    let maps = [
        made::map(dims, |voxel| if voxel[0] < 32 { 0 } else { label(voxel, 1) }),
        made::map(dims, |voxel| if voxel[2] < 32 { label(voxel, 2) } else { 63 }),
    ];
    let joint = JointHistogram::of(&maps[0], &maps[1]);
    let mut expected = std::collections::BTreeMap::new();
    for [i, j, k] in made::voxels(dims) {
        let voxel = annotomy::geometry::VoxelIndex::new(i, j, k);
        *expected.entry([maps[0].label(voxel), maps[1].label(voxel)]).or_insert(0u64) += 1;
    }
    expected.remove(&[0, 0]);
    assert_eq!(joint.pairs().collect::<std::collections::BTreeMap<_, _>>(), expected);
    assert_eq!(joint.labels(), [3, 4, 5, 6, 63, 64, 65_535]);
    for label in joint.labels() {
        let sum = |wanted: &dyn Fn(&[u16; 2]) -> bool| {
            expected.iter().filter(|(pair, _)| wanted(pair)).map(|(_, count)| count).sum::<u64>()
        };
        let found = joint.overlap(label);
        assert_eq!(found.first, sum(&|pair| pair[0] == label));
        assert_eq!(found.second, sum(&|pair| pair[1] == label));
        assert_eq!(found.both, sum(&|pair| *pair == [label; 2]));
    }
    assert_eq!(joint.overlap_of_all().first, maps[0].counts().values().sum::<u64>());
}

/// Every number that metrics.json has of one pair.
fn check_pair(name: &str, maps: [&LabelMap; 2], label: u16, grid: &Grid, expected: &Value) {
    let masks = maps.map(|map| Mask::of_label(map, grid.bounds(), label));
    let joint = JointHistogram::of(maps[0], maps[1]);
    let overlap = joint.overlap(label);
    let near = |key: &str, found: f64, expected: &Value| {
        let expected = expected.as_f64().unwrap_or_else(|| panic!("{name}: {key} is a number"));
        // The file's numbers are rounded to five digits and more.
        assert!((found - expected).abs() <= 1.6e-5, "{name}: {key} {found} {expected}");
    };
    assert_eq!(
        (Some(overlap.first), Some(overlap.second)),
        (expected["voxels_a"].as_u64(), expected["voxels_b"].as_u64())
    );
    if overlap.empty().is_some() {
        assert_eq!(expected["note"], "one empty", "{name}");
        return;
    }
    near("dice", overlap.dice().expect("voxels"), &expected["dice"]);
    near("jaccard", overlap.iou().expect("voxels"), &expected["jaccard"]);
    let between = |definition| {
        SurfaceDistances::between(&masks[0], &masks[1], grid, definition, &Unwatched).expect("voxels")
    };
    near(
        "hausdorff",
        between(Definition::AllVoxels).hausdorff_mm(100.0),
        &expected["hausdorff_mm_simpleitk"],
    );
    let medpy = between(Definition::SurfaceVoxels);
    near("hd", medpy.hausdorff_mm(100.0), &expected["hd_mm_medpy"]);
    near("hd95", medpy.hausdorff_mm(95.0), &expected["hd95_mm_medpy"]);
    near("assd", medpy.assd_mm(), &expected["assd_mm_medpy"]);
    let deepmind = between(Definition::SurfaceElements);
    near("hd95", deepmind.hausdorff_mm(95.0), &expected["hd95_mm_deepmind"]);
    near("hd100", deepmind.hausdorff_mm(100.0), &expected["hd100_mm_deepmind"]);
    let [there, back] = deepmind.means_mm();
    near("asd", there, &expected["asd_ab_ba_mm_deepmind"][0]);
    near("asd", back, &expected["asd_ab_ba_mm_deepmind"][1]);
    near("surface dice", deepmind.surface_dice(1.0), &expected["surface_dice_1mm_deepmind"]);
}

#[test]
fn real_pairs_of_annotators_agree_with_the_published_numbers() {
    let Some(studies) = oracle::studies() else { return };
    let text = std::fs::read_to_string(studies.join("metrics.json")).expect("metrics.json");
    // Python writes what does not exist as NaN.
    let metrics: Value = serde_json::from_str(&text.replace("NaN", "null")).expect("JSON");
    let read = |path: &Path| nifti::read_labels(path, &Silent).unwrap_or_else(|error| panic!("{error}"));
    let mut pairs = 0;
    for (nodule, expected) in metrics["lidc"].as_object().expect("nodules") {
        for (name, expected) in expected["pairs"].as_object().expect("pairs") {
            let raters = name
                .split('-')
                .map(|rater| read(&studies.join(format!("raters/lidc/{nodule}/rater{rater}.nii.gz"))));
            let [a, b] =
                <[_; 2]>::try_from(raters.collect::<Vec<_>>()).unwrap_or_else(|_| panic!("two raters"));
            check_pair(&format!("{nodule} {name}"), [&a.labels, &b.labels], 1, &a.grid, expected);
            pairs += 1;
        }
    }
    for network in ["2d", "3d"] {
        let file = |name: &str| read(&studies.join(format!("nifti/sct_t2/t2_seg-{name}.nii.gz")));
        let (a, b) = (file("manual"), file(&format!("deepseg_sc-{network}")));
        let expected = &metrics[format!("sct_manual_vs_{network}")];
        check_pair(network, [&a.labels, &b.labels], 1, &a.grid, expected);
        pairs += 1;
    }
    let file = |name: &str| read(&studies.join(format!("nifti/totalseg_small/{name}.nii.gz")));
    let (a, b) = (file("example_seg"), file("example_seg_fast"));
    for (label, expected) in metrics["totalseg_per_label"].as_object().expect("labels") {
        let number = label.parse().expect("a label");
        check_pair(label, [&a.labels, &b.labels], number, &a.grid, expected);
        pairs += 1;
    }
    assert!(pairs > 70, "{pairs} pairs");
}

struct CalledOff;

impl Progress for CalledOff {
    fn is_cancelled(&self) -> bool {
        true
    }
}

#[test]
fn what_takes_long_can_be_called_off() {
    let [a, b] = pair("corner");
    let grid = made::spaced(DIMS, SPACING_MM);
    for definition in Definition::ALL {
        let found = SurfaceDistances::between(&a, &b, &grid, definition, &CalledOff);
        let is_called_off = matches!(found, Err(ApartError::Distances(DistanceError::Cancelled(Cancelled))));
        assert!(is_called_off, "{definition:?}");
    }
    let volume = made::volume(grid.clone(), Rescale::NONE, |_| 0);
    let map = made::map(DIMS, |[i, j, k]| u16::from(a.contains(VoxelIndex::new(i, j, k))));
    let sums = Tally::of(&volume, 0, &map).labels();
    assert_eq!(Shape::of(&a, &sums[&1], &grid, &CalledOff), Err(Cancelled));
    assert_eq!(Recist::of(&a, &grid, 2, &CalledOff), Err(Cancelled));
}
