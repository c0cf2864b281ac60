//! Surfaces: closed, turned outwards, the same from a mask and a map.

use std::collections::BTreeMap;

use annotomy::geometry::Grid;
use annotomy::measure::Surface;
use annotomy::volume::{LabelMap, Mask};

use crate::made;

const DIMS: [usize; 3] = [66, 35, 34];

fn ball([i, j, k]: [usize; 3], [a, b, c]: [f64; 3], radius: f64) -> bool {
    let [i, j, k] = [i as f64 - a, j as f64 - b, k as f64 - c];
    i * i + j * j + k * k <= radius * radius
}

/// Two balls that touch, an island on the grid's border, and a voxel in a corner.
fn labels() -> LabelMap {
    made::map(DIMS, |voxel| match voxel {
        _ if ball(voxel, [25.0, 17.0, 16.0], 12.0) => 1,
        _ if ball(voxel, [40.0, 17.0, 16.0], 9.0) => 2,
        [65, 10..15, _] => 2,
        [0, 0, 0] => 300,
        _ => 0,
    })
}

/// What a map's surface around one label is: triangles with the label behind.
fn enclosed_mm3(surface: &Surface, label: u16) -> f64 {
    let mut triangles = Vec::new();
    for (triangle, labels) in surface.triangles.iter().zip(&surface.labels) {
        let [a, b, c] = *triangle;
        match *labels {
            [behind, _] if behind == label => triangles.push([a, b, c]),
            [_, front] if front == label => triangles.push([a, c, b]),
            _ => {}
        }
    }
    Surface { points: surface.points.clone(), triangles, labels: Vec::new() }.enclosed_mm3()
}

/// Around each label every edge is gone along as often one way as the other.
fn assert_closed(surface: &Surface, label: u16) {
    let mut edges: BTreeMap<[u32; 2], i32> = BTreeMap::new();
    for (triangle, labels) in surface.triangles.iter().zip(&surface.labels) {
        if labels.contains(&label) {
            let way = if labels[0] == label { 1 } else { -1 };
            let [a, b, c] = *triangle;
            for [from, to] in [[a, b], [b, c], [c, a]] {
                *edges.entry([from.min(to), from.max(to)]).or_default() += if from < to { way } else { -way };
            }
        }
    }
    assert!(!edges.is_empty() && edges.values().all(|ways| *ways == 0), "label {label}");
}

#[test]
fn surfaces_are_closed_and_turned_outwards_in_every_grid() {
    let map = labels();
    for grid in
        [made::spaced(DIMS, [0.7, 0.9, 1.1]), made::sheared(DIMS), made::spaced(DIMS, [-0.7, 0.9, 1.1])]
    {
        let surface = Surface::of_map(&map, &grid);
        assert_eq!(surface.triangles.len(), surface.labels.len());
        for (label, voxels) in map.counts() {
            assert_closed(&surface, label);
            let whole = voxels as f64 * grid.voxel_mm3();
            let enclosed = enclosed_mm3(&surface, label);
            // A surface net cuts off edges: of a ball little, of a single voxel all but 1/27.
            let least = if label == 1 { 0.97 } else { 0.03 };
            assert!(enclosed > least * whole && enclosed < whole, "label {label}: {enclosed} of {whole}");
        }
        for [behind, front] in &surface.labels {
            assert!(*behind != 0 && (*front == 0 || behind < front));
        }
    }
}

#[test]
fn a_map_of_one_label_has_the_surface_of_its_mask() {
    let all = labels();
    let grid = made::sheared(DIMS);
    for label in [1, 2, 300] {
        let map = all.relabelled(|found| u16::from(found == label));
        let mask = Mask::of_label(&map, grid.bounds(), 1);
        let whole = Surface::of_mask(&mask, &grid);
        assert_eq!(Surface::of_map(&map, &grid), whole);
        let tight = mask.within(mask.tight_bounds().expect("voxels"));
        assert_eq!(Surface::of_mask(&tight, &grid), whole);
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            assert_eq!(pool.install(|| Surface::of_mask(&mask, &grid)), whole);
        }
    }
}

#[test]
fn a_voxel_is_a_cube_of_a_third() {
    let grid: Grid = made::spaced([3, 3, 3], [3.0, 6.0, 9.0]);
    let surface = Surface::of_mask(&made::mask([3, 3, 3], |voxel| voxel == [1, 1, 1]), &grid);
    assert_eq!((surface.points.len(), surface.triangles.len()), (8, 12));
    for point in &surface.points {
        let off: Vec<f32> =
            point.iter().zip([3.0, 6.0, 9.0]).map(|(at, centre)| (at - centre).abs()).collect();
        assert_eq!(off, [0.5, 1.0, 1.5]);
    }
    assert!((surface.enclosed_mm3() - 6.0).abs() < 1e-5);
    assert_eq!(Surface::of_mask(&made::mask([3, 3, 3], |_| false), &grid), Surface::default());
    assert_eq!(Surface::of_map(&LabelMap::new([3, 3, 3]), &grid), Surface::default());
    let full = Surface::of_mask(&made::mask([3, 3, 3], |_| true), &grid);
    assert_eq!(full.triangles.len(), 2 * 6 * 9);
}
