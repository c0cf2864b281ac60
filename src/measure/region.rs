//! The values inside a region of a slice.

use crate::annotation::FlatRegion;
use crate::geometry::VoxelIndex;
use crate::volume::Volume;

/// What the values (rescaled; the luma of a colour) of some voxels come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegionValues {
    /// How many voxels.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation as a sample (n − 1); 0 for one voxel.
    pub sd: f64,
    /// The least of them.
    pub min: f64,
    /// The greatest of them.
    pub max: f64,
}

/// The values at a time of the voxels whose cells the region's plane cuts and whose centres lie in the
/// region, its border included: its rectangle, or where `elliptic` the ellipse in it. `None` where
/// there is no such voxel, and for slices that were never scanned.
pub fn values_in(volume: &Volume, region: &FlatRegion, elliptic: bool, time: usize) -> Option<RegionValues> {
    let grid = volume.grid();
    let normal = region.normal()?;
    let map = grid.patient_from_voxel();
    let half_depth = (0..3).map(|axis| map.axis(axis).dot(normal).abs()).sum::<f64>() / 2.0;
    let rounding = half_depth * 1e-6;
    let corners = region.corners();
    let around = corners.iter().flat_map(|at| [*at + normal * half_depth, *at + -normal * half_depth]);
    let places: Vec<[f64; 3]> = around.map(|at| (grid.voxel_from_patient() * at).to_array()).collect();
    let [is, js, ks] = [0, 1, 2].map(|axis| {
        let along = places.iter().map(|place| place[axis]);
        let first = along.clone().fold(f64::INFINITY, f64::min).floor().max(0.0);
        let last = along.fold(f64::NEG_INFINITY, f64::max).ceil().min(grid.dims()[axis] as f64 - 1.0);
        if first <= last { first as usize..last as usize + 1 } else { 0..0 }
    });
    let belongs = |voxel: VoxelIndex| {
        let place = grid.centre_of(voxel) - region.centre;
        let [a, b]: [f64; 2] =
            std::array::from_fn(|axis| place.dot(region.axes[axis]).abs() / region.half_mm[axis].max(1e-9));
        let within = if elliptic { a * a + b * b } else { a.max(b) };
        // Of two slices with the plane on their border one holds the region.
        let depth = place.dot(normal);
        within <= 1.0 + 1e-9 && depth > rounding - half_depth && depth <= half_depth + rounding
    };
    let time = time.min(volume.times() - 1);
    // Welford: one pass, and no difference of great sums (Technometrics 4(3), 1962).
    let mut values: Option<RegionValues> = None;
    let mut squares = 0.0;
    for k in ks.filter(|k| !volume.is_missing_at(*k, time)) {
        for j in js.clone() {
            for i in is.clone() {
                let voxel = VoxelIndex { i, j, k };
                if !belongs(voxel) {
                    continue;
                }
                let value = volume.value(voxel, time);
                let first = RegionValues { count: 0, mean: 0.0, sd: 0.0, min: value, max: value };
                let so_far = values.get_or_insert(first);
                so_far.count += 1;
                let off = value - so_far.mean;
                so_far.mean += off / so_far.count as f64;
                squares += off * (value - so_far.mean);
                so_far.min = so_far.min.min(value);
                so_far.max = so_far.max.max(value);
            }
        }
    }
    values.map(|found| RegionValues {
        sd: if found.count > 1 { (squares / (found.count - 1) as f64).sqrt() } else { 0.0 },
        ..found
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Affine, Grid, Plane, Point, Vector};
    use crate::volume::{Buffer, Rescale, Samples};

    #[test]
    fn values_are_those_of_the_voxels_inside() {
        // Columns count 0 to 9, a value is 2 · column − 10; k runs down the patient.
        let axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -2.0]].map(Vector::from);
        let map =
            Affine::from_axes(axes[0], axes[1], axes[2], Point::new(0.0, 0.0, 20.0)).expect("invertible");
        let grid = Grid::new([10, 10, 4], map, None).expect("a grid");
        let samples: Vec<i16> = (0..grid.voxel_count()).map(|offset| (offset % 10) as i16).collect();
        let samples = Samples::I16(Buffer::from_slice(&samples).expect("memory"));
        let rescale = Rescale { slope: 2.0, intercept: -10.0 };
        let volume = Volume::new(grid, 1, samples, rescale).expect("a volume");
        let plane = Plane::new(Point::new(0.0, 0.0, 18.0), axes[0], axes[1]).expect("a plane");
        let check = |from: [f64; 2],
                     to: [f64; 2],
                     elliptic: bool,
                     expected: Option<(u64, f64, f64, f64, f64)>| {
            let at = |[x, y]: [f64; 2]| Point::new(x, y, 18.0);
            let region = FlatRegion::in_plane(&plane, at(from), at(to));
            let found = values_in(&volume, &region, elliptic, 0);
            match (found, expected) {
                (Some(found), Some((count, mean, sd, min, max))) => {
                    assert_eq!((found.count, found.min, found.max), (count, min, max));
                    assert!((found.mean - mean).abs() < 1e-12 && (found.sd - sd).abs() < 1e-12, "{found:?}");
                }
                (found, expected) => assert!(found.is_none() && expected.is_none(), "{found:?}"),
            }
        };
        // Columns 2 to 4 over rows 1 to 2: −6, −4, −2 twice; the sample variance is 16 / 5.
        check([2.0, 1.0], [4.0, 2.0], false, Some((6, -4.0, (16.0f64 / 5.0).sqrt(), -6.0, -2.0)));
        check([4.4, 2.4], [1.6, 0.6], false, Some((6, -4.0, (16.0f64 / 5.0).sqrt(), -6.0, -2.0)));
        // A disc of radius 1 holds its centre and four neighbours: −2, 0, 0, 0, 2.
        check([4.0, 3.0], [6.0, 5.0], true, Some((5, 0.0, 2.0f64.sqrt(), -2.0, 2.0)));
        check([5.0, 5.0], [5.0, 5.0], true, Some((1, 0.0, 0.0, 0.0, 0.0)));
        check([20.0, 20.0], [30.0, 30.0], false, None);
        check([5.2, 5.2], [5.4, 5.4], false, None);
    }
}
