//! Diameters and axes against a search over all pairs of points.

use annotomy::geometry::{Grid, Patient, Point, Voxel, VoxelBox, VoxelIndex};
use annotomy::measure::{Recist, Shape, Tally};
use annotomy::progress::Unwatched;
use annotomy::volume::{LabelMap, Mask, Rescale};
use proptest::prelude::*;

use crate::made;

/// The middles between voxels that belong and neighbours that do not, in half voxels.
fn outline(mask: &Mask) -> Vec<[i64; 3]> {
    let contains = |at: [i64; 3]| {
        let [i, j, k] = at.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        mask.contains(VoxelIndex::new(i, j, k))
    };
    let mut points = Vec::new();
    let VoxelBox { min, max } = mask.bounds();
    let dims = [0, 1, 2].map(|axis| max[axis] - min[axis] + 1);
    for voxel in made::voxels(dims) {
        let upper = [0, 1, 2].map(|axis| (voxel[axis] + min[axis]) as i64);
        for axis in 0..3 {
            let mut lower = upper;
            lower[axis] -= 1;
            if contains(lower) != contains(upper) {
                points.push([0, 1, 2].map(|n| lower[n] + upper[n]));
            }
        }
    }
    points
}

fn place(grid: &Grid, point: [i64; 3]) -> Point<Patient> {
    grid.patient_from_voxel() * Point::<Voxel>::from(point.map(|half| half as f64 / 2.0))
}

fn shape(map: &LabelMap, grid: &Grid) -> Option<Shape> {
    let volume = made::volume(grid.clone(), Rescale::NONE, |_| 0);
    let sums = Tally::of(&volume, 0, map).labels();
    Shape::of(&Mask::of_label(map, grid.bounds(), 1), sums.get(&1)?, grid, &Unwatched)
        .expect("not called off")
}

proptest! {
    #[test]
    fn diameters_are_those_that_a_search_finds(
        dims in (1usize..9, 1usize..9, 1usize..7),
        seed in any::<u64>(),
        share in 1u64..12,
    ) {
        let dims = [dims.0, dims.1, dims.2];
        let grid = made::sheared(dims);
        let map = made::map(dims, |voxel| u16::from(made::noise(voxel, seed) % 12 < share));
        let mask = Mask::of_label(&map, grid.bounds(), 1);
        let points = outline(&mask);
        let greatest = |wanted: &dyn Fn([i64; 3], [i64; 3]) -> bool| {
            let pairs = points.iter().flat_map(|a| points.iter().map(move |b| (*a, *b)));
            let lengths = pairs.filter(|(a, b)| wanted(*a, *b)).map(|(a, b)| place(&grid, a).distance(place(&grid, b)));
            lengths.fold(0.0, f64::max)
        };
        let Some(shape) = shape(&map, &grid) else {
            prop_assert!(points.is_empty());
            return Ok(());
        };
        prop_assert!((shape.diameters.any_mm - greatest(&|_, _| true)).abs() < 1e-9);
        for axis in 0..3 {
            let across = greatest(&|a, b| a[axis] == b[axis]);
            prop_assert!((shape.diameters.across_mm[axis] - across).abs() < 1e-9);
            let found = Recist::of(&mask, &grid, axis, &Unwatched).expect("not called off").expect("voxels");
            let long = greatest(&|a, b| a[axis] == b[axis] && a[axis] % 2 == 0);
            prop_assert!((found.long.length_mm() - long).abs() < 1e-9);
            let along = found.long.ends[1] - found.long.ends[0];
            let short = found.short.ends[1] - found.short.ends[0];
            prop_assert!(along.dot(short).abs() < 1e-9 * (1.0 + long * long));
            prop_assert!(short.length() <= long + 1e-9);
            // No line across the long one between two points of the slice is longer.
            let direction = along.normalized().expect("a length");
            let slice = points.iter().filter(|point| point[axis] == 2 * found.slice as i64);
            let slice: Vec<_> = slice.map(|point| place(&grid, *point)).collect();
            for (a, b) in slice.iter().flat_map(|a| slice.iter().map(move |b| (*a, *b))) {
                let apart = a - b;
                prop_assert!(apart.dot(direction).abs() > 1e-9 || apart.length() <= short.length() + 1e-9);
            }
        }
    }
}

#[test]
fn a_lesion_is_measured_in_the_slice_where_it_is_longest() {
    let grid = made::spaced([20, 20, 5], [0.5, 0.5, 3.0]);
    // An L in slice 3: 12 voxels along i, 6 along j, both 2 wide; a smaller square in slice 1.
    let mask = made::mask([20, 20, 5], |[i, j, k]| match k {
        3 => (2..14).contains(&i) && (4..6).contains(&j) || (2..4).contains(&i) && (4..10).contains(&j),
        1 => (2..6).contains(&i) && (2..6).contains(&j),
        _ => false,
    });
    let found = Recist::of(&mask, &grid, 2, &Unwatched).expect("not called off").expect("voxels");
    assert_eq!(found.slice, 3);
    // From (13.5, 4) at the end of the one leg to (1.5, 9) at the end of the other: 12 and 5 voxels.
    assert!((found.long.length_mm() - 6.5).abs() < 1e-12, "{found:?}");
    assert!(found.long.ends.iter().all(|end| end.z() == 9.0));
    // Across it from the corner (2, 3.5) by 6.4 / 14 of (5, 12) to the hull between (3, 9.5) and (13, 5.5).
    assert!((found.short.length_mm() - 6.5 * 6.4 / 14.0).abs() < 1e-12, "{found:?}");
    let none = made::mask([3, 3, 3], |_| false);
    let found = Recist::of(&none, &made::spaced([3; 3], [1.0; 3]), 2, &Unwatched);
    assert_eq!(found, Ok(None));
}

#[test]
fn one_voxel_is_an_octahedron() {
    let grid = made::spaced([3, 3, 3], [0.7, 0.9, 2.5]);
    let map = made::map([3, 3, 3], |voxel| u16::from(voxel == [1, 1, 1]));
    let shape = shape(&map, &grid).expect("a voxel");
    let [a, b, c] = [0.7f64, 0.9, 2.5];
    let area = (b * b * c * c + a * a * c * c + a * a * b * b).sqrt();
    for (found, expected) in [
        (shape.voxel_volume_mm3, a * b * c),
        (shape.mesh_volume_mm3, a * b * c / 6.0),
        (shape.surface_mm2, area),
        (shape.diameters.any_mm, 2.5),
        (shape.diameters.across_mm[0], 2.5),
        (shape.diameters.across_mm[2], 0.9),
    ] {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
    assert_eq!((shape.axis_lengths_mm, shape.elongation(), shape.flatness()), ([0.0; 3], None, None));
    assert_eq!(shape.centroid.to_array(), [0.7, 0.9, 2.5]);
    assert_eq!(shape.extent_mm, [0.7, 0.9, 2.5]);
}

#[test]
fn a_turned_box_has_its_edges_as_axes() {
    let grid =
        made::grid([12, 9, 8], [[0.6, -0.8, 0.0, -31.0], [0.8, 0.6, 0.0, 4.5], [0.0, 0.0, 2.0, 100.0]]);
    let map =
        made::map([12, 9, 8], |[i, j, k]| u16::from((1..11).contains(&i) && (2..6).contains(&j) && k == 3));
    let shape = shape(&map, &grid).expect("voxels");
    // The variance of n numbers in a row is (n² − 1) / 12.
    let length = |n: f64| 4.0 * ((n * n - 1.0) / 12.0).sqrt();
    for (found, expected) in shape.axis_lengths_mm.iter().zip([length(10.0), length(4.0), 0.0]) {
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }
    for (axis, expected) in shape.axes.iter().zip([[0.6, 0.8, 0.0], [-0.8, 0.6, 0.0], [0.0, 0.0, 1.0]]) {
        let along: f64 = axis.to_array().iter().zip(expected).map(|(a, b)| a * b).sum();
        assert!((along.abs() - 1.0).abs() < 1e-9, "{axis:?}");
    }
    assert!(shape.centroid.distance(grid.patient_from_voxel() * Point::<Voxel>::new(5.5, 3.5, 3.0)) < 1e-9);
    assert_eq!(shape.flatness(), Some(shape.axis_lengths_mm[2] / shape.axis_lengths_mm[0]));
}
