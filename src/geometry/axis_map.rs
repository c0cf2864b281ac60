//! Grids that hold the same voxels under other indices.

use std::fmt;

use super::affine::Affine;
use super::grid::{Grid, VoxelIndex};

/// How the voxels of one grid are those of another: which axis runs along which, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AxisMap {
    /// For i, j and k of the one grid the axis of the other that runs along it.
    along: [usize; 3],
    /// For i, j and k of the one grid whether the other's axis runs against it.
    flipped: [bool; 3],
    dims: [usize; 3],
}

/// Every order of three axes.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

impl AxisMap {
    /// The map from indices of `grid` to indices of `other`; `None` unless each of `other`'s voxels lies,
    /// by corners to [`Grid::tolerance_mm`], where one of `grid`'s does.
    pub fn between(grid: &Grid, other: &Grid) -> Option<Self> {
        let flips = |n: usize| [n & 1 == 1, n & 2 == 2, n & 4 == 4];
        let maps = ORDERS.into_iter().flat_map(|along| (0..8).map(move |n| (along, flips(n))));
        maps.map(|(along, flipped)| Self { along, flipped, dims: grid.dims() })
            .find(|map| map.reordered(other).is_some_and(|reordered| reordered.is_same_as(grid)))
    }

    /// `other` with its indices in the order of this map's grid.
    fn reordered(&self, other: &Grid) -> Option<Grid> {
        let map = other.patient_from_voxel();
        let dims = self.along.map(|axis| other.dims()[axis]);
        let mut first = [0; 3];
        let mut steps = [map.axis(0); 3];
        for n in 0..3 {
            let step = map.axis(self.along[n]);
            steps[n] = if self.flipped[n] { -step } else { step };
            if self.flipped[n] {
                first[self.along[n]] = dims[n] - 1;
            }
        }
        let [i, j, k] = first;
        let origin = other.centre_of(VoxelIndex::new(i, j, k));
        let map = Affine::from_axes(steps[0], steps[1], steps[2], origin).ok()?;
        Grid::new(dims, map, other.frame_of_reference().map(str::to_owned)).ok()
    }

    /// Whether indices are the same in both grids.
    pub fn is_identity(&self) -> bool {
        self.along == [0, 1, 2] && self.flipped == [false; 3]
    }

    /// The index in the one grid of a voxel of the other.
    pub fn index_of(&self, other: VoxelIndex) -> VoxelIndex {
        let other = other.to_array();
        let [i, j, k] = std::array::from_fn(|n| {
            let at = other[self.along[n]];
            if self.flipped[n] { self.dims[n] - 1 - at } else { at }
        });
        VoxelIndex { i, j, k }
    }
}

/// "axes i and k exchanged, k flipped": what was done to the other grid to get the one.
impl fmt::Display for AxisMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 3] = ["i", "j", "k"];
        let order = match self.along {
            [0, 1, 2] => None,
            [0, 2, 1] => Some("axes j and k exchanged".to_owned()),
            [1, 0, 2] => Some("axes i and j exchanged".to_owned()),
            [2, 1, 0] => Some("axes i and k exchanged".to_owned()),
            along => Some(format!("axes taken in the order {}", along.map(|axis| NAMES[axis]).join(", "))),
        };
        let flipped: Vec<&str> = (0..3).filter(|n| self.flipped[*n]).map(|n| NAMES[n]).collect();
        let flips = (!flipped.is_empty()).then(|| format!("{} flipped", flipped.join(" and ")));
        let parts: Vec<String> = [order, flips].into_iter().flatten().collect();
        f.write_str(if parts.is_empty() { "axes as they are" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(dims: [usize; 3], rows: [[f64; 4]; 3]) -> Grid {
        Grid::new(dims, Affine::from_rows(rows).expect("invertible"), None).expect("a grid")
    }

    /// An oblique grid with three different sizes.
    fn study() -> Grid {
        grid([5, 7, 4], [[0.6, -1.6, 0.0, -31.0], [0.8, 1.2, 0.0, 4.5], [0.0, 0.0, 3.0, 100.0]])
    }

    #[test]
    fn all_48_reorderings_are_found_and_keep_every_point() {
        let study = study();
        let mut told = std::collections::BTreeSet::new();
        for along in ORDERS {
            for flips in 0..8 {
                let flipped = [flips & 1 == 1, flips & 2 == 2, flips & 4 == 4];
                let stored = AxisMap { along, flipped, dims: [0; 3] }.reordered(&study).expect("a grid");
                let map = AxisMap::between(&study, &stored).expect("the same voxels");
                assert_eq!(map.is_identity(), along == [0, 1, 2] && flips == 0);
                for voxel in [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [2, 3, 1]] {
                    let voxel = VoxelIndex::new(voxel[0], voxel[1], voxel[2]);
                    let apart = stored.centre_of(voxel).distance(study.centre_of(map.index_of(voxel)));
                    assert!(apart < 1e-9, "{map}: {apart}");
                }
                told.insert(map.to_string());
            }
        }
        assert_eq!(told.len(), 48, "each is told in other words");
        assert!(told.contains("axes i and k exchanged, k flipped"));
    }

    #[test]
    fn what_lies_elsewhere_is_no_reordering() {
        let check = |other: Grid, expected: bool| {
            assert_eq!(AxisMap::between(&study(), &other).is_some(), expected, "{other:?}");
        };
        let rows = study().patient_from_voxel().rows();
        check(grid([5, 7, 4], rows), true);
        check(grid([5, 7, 5], rows), false);
        let moved = |by: f64| {
            let mut rows = rows;
            rows[0][3] += by;
            grid([5, 7, 4], rows)
        };
        check(moved(5e-4), true);
        check(moved(0.5), false);
        let half_a_voxel = study().patient_from_voxel() * super::super::Point::new(0.5, 0.0, 0.0);
        let mut rows = rows;
        for (row, origin) in rows.iter_mut().zip(half_a_voxel.to_array()) {
            row[3] = origin;
        }
        check(grid([5, 7, 4], rows), false);
        let other_frame =
            Grid::new([5, 7, 4], study().patient_from_voxel(), Some("1.2".into())).expect("a grid");
        let framed = Grid::new([5, 7, 4], study().patient_from_voxel(), Some("1.3".into())).expect("a grid");
        assert!(AxisMap::between(&framed, &other_frame).is_none());
        check(other_frame, true);
    }
}
