use proptest::prelude::*;

use super::*;
use crate::segment::Unwatched;

/// A map whose voxels for which `holds(i, j, k)` have label 1.
fn map(dims: [usize; 3], holds: impl Fn([i64; 3]) -> bool) -> LabelMap {
    LabelMap::from_labels(dims, |offset| {
        let at = [offset % dims[0], offset / dims[0] % dims[1], offset / dims[0] / dims[1]];
        u16::from(holds(at.map(|n| n as i64)))
    })
}

fn between(map: &LabelMap, axis: usize) -> Interpolated {
    between_keys(map, axis, None)
}

fn between_keys(map: &LabelMap, axis: usize, keys: Option<&[usize]>) -> Interpolated {
    let what = Interpolation { label: 1, axis, keys, spacing_mm: [1.0; 3] };
    interpolate(map, &what, &Unwatched).expect("nobody cancels")
}

fn voxels(dims: [usize; 3]) -> impl Iterator<Item = VoxelIndex> {
    let rows = (0..dims[2]).flat_map(move |k| (0..dims[1]).map(move |j| (j, k)));
    rows.flat_map(move |(j, k)| (0..dims[0]).map(move |i| VoxelIndex::new(i, j, k)))
}

/// Dice of what was filled in with the whole shape, key slices left out.
fn dice_between(whole: &LabelMap, filled: &Interpolated, axis: usize) -> f64 {
    let (mut common, mut sum) = (0u64, 0u64);
    for voxel in voxels(whole.dims()).filter(|voxel| filled.slices.contains(&voxel.to_array()[axis])) {
        let (truth, ours) = (whole.label(voxel) == 1, filled.mask.contains(voxel));
        common += u64::from(truth && ours);
        sum += u64::from(truth) + u64::from(ours);
    }
    2.0 * common as f64 / sum as f64
}

/// The shape from each `step`-th slice only.
fn sparse(whole: &LabelMap, axis: usize, step: usize) -> LabelMap {
    let at = |at: [i64; 3]| at.map(|n| n as usize);
    map(whole.dims(), |voxel| {
        let [i, j, k] = at(voxel);
        at(voxel)[axis] % step == 0 && whole.label(VoxelIndex::new(i, j, k)) == 1
    })
}

#[test]
fn a_shape_comes_back_from_some_of_its_slices() {
    let squared = |at: [i64; 3], middle: [i64; 3]| -> i64 {
        at.iter().zip(middle).map(|(a, b)| (a - b) * (a - b)).sum()
    };
    let ball = map([60, 62, 64], |at| squared(at, [30, 31, 32]) <= 25 * 25);
    // A tube that leans so far that its sections do not meet from key to key.
    let tube = map([90, 40, 60], |[i, j, k]| (i - 12 - k).pow(2) + (j - 20).pow(2) <= 16);
    // Two tubes side by side, which do not meet either.
    let tubes = map([90, 60, 60], |[i, j, k]| {
        (i - 12 - k).pow(2) + (j - 15).pow(2) <= 16 || (i - 72 + k).pow(2) + (j - 45).pow(2) <= 16
    });
    // A trunk that branches in two.
    let fork = map([80, 40, 60], |[i, j, k]| {
        let apart = (k - 30).max(0) / 2;
        let is_at = |middle: i64| (i - middle).pow(2) + (j - 20).pow(2) <= 64;
        is_at(40 - apart) || is_at(40 + apart)
    });
    for (name, whole, step, least) in [
        ("ball", &ball, 4, 0.98),
        ("ball", &ball, 6, 0.97),
        ("tube", &tube, 10, 0.95),
        ("tubes", &tubes, 10, 0.95),
        ("fork", &fork, 10, 0.95),
    ] {
        for axis in 0..3 {
            if axis != 2 && name != "ball" {
                continue;
            }
            let keys = sparse(whole, axis, step);
            let dice = dice_between(whole, &between(&keys, axis), axis);
            assert!(dice > least, "{name} from every {step}th slice across axis {axis}: Dice {dice}");
        }
    }
}

#[test]
fn a_branching_shape_holds_together() {
    let fork = map([80, 40, 21], |[i, j, k]| {
        let is_at = |middle: i64| (i - middle).pow(2) + (j - 20).pow(2) <= 64;
        (k == 0 && is_at(40)) || (k == 20 && (is_at(30) || is_at(50)))
    });
    let filled = between(&fork, 2);
    let slices = Slices { mask: &filled.mask, axis: 2, dims: fork.dims() };
    let whole = Mask::of_label(&fork, VoxelBox { min: [0; 3], max: fork.dims() }, 1);
    let keys = Slices { mask: &whole, axis: 2, dims: fork.dims() };
    let mut below = components(&keys.runs(0));
    for k in 1..=20 {
        let above = components(&if k == 20 { keys.runs(20) } else { slices.runs(k) });
        for (ours, theirs) in [(&below, &above), (&above, &below)] {
            let is_held =
                |piece: &region::Region| theirs.iter().any(|other| piece.overlap(other, [0; 2]) > 0);
            assert!(ours.iter().all(is_held), "a piece of slice {k} or the one before hangs in the air");
        }
        below = above;
    }
}

#[test]
fn pieces_without_a_counterpart_taper_off() {
    let keys = map([60, 30, 11], |[i, j, k]| {
        let is_at = |middle: i64| (i - middle).pow(2) + (j - 15).pow(2) <= 36;
        is_at(10) && k % 10 == 0 || is_at(45) && k == 10
    });
    let filled = between(&keys, 2);
    let wide = Mask::within(&filled.mask, VoxelBox { min: [30, 0, 0], max: [60, 30, 11] });
    let counts: Vec<u64> =
        (1..10).map(|k| wide.within(VoxelBox { min: [30, 0, k], max: [60, 30, k + 1] }).count()).collect();
    assert!(counts.is_sorted() && counts[0] > 0 && counts[8] > 80, "{counts:?}");
}

#[test]
fn only_the_given_slices_are_keys() {
    let whole = map([20, 20, 13], |[i, j, k]| {
        let half = if k == 6 { 2 } else { 6 };
        (i - 10).abs() < half && (j - 10).abs() < half
    });
    let filled = between_keys(&whole, 2, Some(&[0, 4, 12, 40]));
    assert_eq!(filled.slices, [1, 2, 3, 5, 6, 7, 8, 9, 10, 11]);
    assert!(filled.mask.contains(VoxelIndex::new(14, 14, 6)), "the thin slice is superseded");
    assert!(between(&whole, 2).slices.is_empty(), "neighbours leave nothing between them");
    assert!(between(&LabelMap::new([20, 20, 13]), 2).mask.is_empty());
}

#[test]
fn distances_count_in_millimetres() {
    // Half way between a bar and nothing but its middle, what is left is as far from the ends as from the sides.
    let keys = map([41, 41, 3], |[i, j, k]| match k {
        0 => (5..36).contains(&i) && (5..36).contains(&j),
        2 => i == 20 && j == 20,
        _ => false,
    });
    let what = Interpolation { label: 1, axis: 2, keys: None, spacing_mm: [1.0, 3.0, 1.0] };
    let filled = interpolate(&keys, &what, &Unwatched).expect("nobody cancels");
    let bounds = filled.mask.tight_bounds().expect("something");
    assert!(bounds.dims()[0] < bounds.dims()[1] * 3, "{bounds:?}");
    let even = between(&keys, 2).mask.tight_bounds().expect("something");
    assert_eq!(even.dims()[0], even.dims()[1]);
}

#[test]
fn it_can_be_called_off() {
    struct Impatient;
    impl Progress for Impatient {
        fn is_cancelled(&self) -> bool {
            true
        }
    }
    let keys = map([20, 20, 13], |[_, _, k]| k % 4 == 0);
    let what = Interpolation { label: 1, axis: 2, keys: None, spacing_mm: [1.0; 3] };
    assert_eq!(interpolate(&keys, &what, &Impatient), Err(Cancelled));
}

/// Where voxel `at` of a map goes when its axes are exchanged and some of them mirrored.
fn turned(at: [usize; 3], dims: [usize; 3], order: [usize; 3], mirrored: [bool; 3]) -> [usize; 3] {
    let at: [usize; 3] =
        std::array::from_fn(|axis| if mirrored[axis] { dims[axis] - 1 - at[axis] } else { at[axis] });
    order.map(|axis| at[axis])
}

/// Blobs that split and merge from slice to slice.
fn blobs(seed: u64, dims: [usize; 3]) -> LabelMap {
    let noise = |n: u64| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as f64 / f64::from(u32::MAX);
    let ball = |n: u64| {
        let part = |m: u64| noise(seed * 1000 + n * 10 + m);
        ([0, 1, 2].map(|axis| part(axis as u64) * dims[axis] as f64), 2.0 + part(3) * 5.0)
    };
    let balls: Vec<_> = (0..9).map(ball).collect();
    map(dims, |at| {
        at[2] % 5 == 0
            && balls.iter().any(|(middle, radius)| {
                let squared: f64 = (0..3).map(|axis| (at[axis] as f64 - middle[axis]).powi(2)).sum();
                squared <= radius * radius
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn mirrored_and_exchanged_axes_give_the_same_shape(
        seed in 0u64..10_000,
        order in prop::sample::select(vec![[0, 1, 2], [1, 0, 2], [2, 0, 1], [0, 2, 1], [2, 1, 0]]),
        mirrored in prop::array::uniform3(any::<bool>()),
    ) {
        let dims = [40, 36, 21];
        let keys = blobs(seed, dims);
        let plain = between(&keys, 2);
        let other_dims = order.map(|axis| dims[axis]);
        let mut other = vec![0u16; dims.iter().product()];
        let offset = |[i, j, k]: [usize; 3]| (k * other_dims[1] + j) * other_dims[0] + i;
        for voxel in voxels(dims) {
            other[offset(turned(voxel.to_array(), dims, order, mirrored))] = keys.label(voxel);
        }
        let other = LabelMap::from_labels(other_dims, |at| other[at]);
        let across = order.iter().position(|axis| *axis == 2).expect("one of them");
        let turned_result = between(&other, across);
        prop_assert_eq!(plain.slices.len(), turned_result.slices.len());
        for voxel in voxels(dims) {
            let [i, j, k] = turned(voxel.to_array(), dims, order, mirrored);
            let there = turned_result.mask.contains(VoxelIndex::new(i, j, k));
            prop_assert_eq!(plain.mask.contains(voxel), there, "at {:?}", voxel);
        }
    }

    #[test]
    fn distances_are_those_of_a_plain_search(seed in 0u64..10_000, u_mm in 0.3f64..3.0) {
        let plane = blobs(seed, [23, 17, 1]);
        let mask = Mask::of_label(&plane, VoxelBox { min: [0; 3], max: [23, 17, 1] }, 1);
        let slices = Slices { mask: &mask, axis: 2, dims: plane.dims() };
        let piece = region::Region { runs: slices.runs(0) };
        prop_assume!(!piece.runs.is_empty());
        let found = morph::signed_mm(&piece, slices.plane(), [u_mm, 1.25]);
        let places = || (0..17usize).flat_map(|v| (0..23usize).map(move |u| (u, v)));
        for (u, v) in places() {
            let held = |u, v| mask.contains(VoxelIndex::new(u, v, 0));
            let others = places().filter(|&(x, y)| held(x, y) != held(u, v));
            let nearest = others.map(|(x, y)| {
                (u.abs_diff(x) as f64 * u_mm).hypot(v.abs_diff(y) as f64 * 1.25)
            }).fold(f64::INFINITY, f64::min);
            let expected = if held(u, v) { nearest } else { -nearest };
            prop_assert!((f64::from(found[v * 23 + u]) - expected).abs() < 1e-3);
        }
    }
}
