//! Label maps carried from their own grid onto another.

use rayon::prelude::*;
use std::sync::Arc;

use super::label_map::{BRICK_EDGE, Brick, LabelMap};
use crate::geometry::{AxisMap, Grid, Point, VoxelIndex};

impl LabelMap {
    /// The same labels at the same points, on the grid that `map` leads to from this map's own.
    pub fn reordered(&self, map: &AxisMap, dims: [usize; 3]) -> Self {
        let mut voxels = Vec::new();
        self.for_each_labelled(|voxel, label| voxels.push((map.index_of(voxel), label)));
        Self::from_voxels(dims, voxels)
    }

    /// The label of the nearest voxel of this map, which lies on `own`, for every voxel of `onto`;
    /// background outside. A point half-way between two voxels takes the later one, as ITK has it.
    pub fn resampled(&self, own: &Grid, onto: &Grid) -> Self {
        debug_assert_eq!(own.dims(), self.dims());
        let own_from_onto = own.voxel_from_patient() * onto.patient_from_voxel();
        let label_at = |voxel: VoxelIndex| {
            let place: Point<_> = own_from_onto * voxel.centre();
            let nearest = place.to_array().map(|x| (x + 0.5).floor());
            let inside = (0..3).all(|axis| nearest[axis] >= 0.0 && nearest[axis] < own.dims()[axis] as f64);
            let [i, j, k] = nearest.map(|x| x.max(0.0) as usize);
            if inside { self.label(VoxelIndex { i, j, k }) } else { 0 }
        };
        let mut map = Self::new(onto.dims());
        let count: usize = map.brick_dims().into_iter().product();
        let bricks: Vec<Option<Arc<Brick>>> = (0..count)
            .into_par_iter()
            .map(|number| {
                let bounds = map.brick_bounds(map.brick_at(number));
                let mut brick: Option<Arc<Brick>> = None;
                for k in bounds.min[2]..bounds.max[2] {
                    for j in bounds.min[1]..bounds.max[1] {
                        for i in bounds.min[0]..bounds.max[0] {
                            let label = label_at(VoxelIndex { i, j, k });
                            if label != 0 {
                                let [i, j, k] = [i, j, k].map(|n| n % BRICK_EDGE);
                                let brick = Arc::make_mut(brick.get_or_insert_with(Brick::background));
                                brick.labels_mut()[(k * BRICK_EDGE + j) * BRICK_EDGE + i] = label;
                            }
                        }
                    }
                }
                brick
            })
            .collect();
        for (number, brick) in bricks.into_iter().enumerate().filter(|(_, brick)| brick.is_some()) {
            map.replace(map.brick_at(number), brick);
        }
        map
    }
}
