//! The shape of one label: size, surface, diameters and axes, as pyradiomics 3 defines them
//! (van Griethuysen et al., Cancer Research 77, 2017).

use std::f64::consts::PI;

use rayon::prelude::*;

use super::cubes::{Pieces, cube_box, for_each_border_cube};
use super::diameter::Diameters;
use super::eigen::eigen;
use super::outline::Outline;
use super::tally::LabelSums;
use crate::geometry::{Grid, Patient, Point, Vector};
use crate::progress::{Cancelled, Part, Progress};
use crate::volume::Mask;

/// The shape of one label. Lengths are mm, areas mm², volumes mm³.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Voxels times the volume of one (`VoxelVolume`).
    pub voxel_volume_mm3: f64,
    /// The volume that the mesh encloses (`MeshVolume`).
    pub mesh_volume_mm3: f64,
    /// The area of the mesh (`SurfaceArea`).
    pub surface_mm2: f64,
    /// Edges of the smallest box of whole voxels along the grid's axes.
    pub extent_mm: [f64; 3],
    /// The mean of the voxels' centres.
    pub centroid: Point<Patient>,
    /// The greatest distances between two vertices of the mesh.
    pub diameters: Diameters,
    /// Lengths of the axes of the ellipsoid with the same spread, 4·√λ, the longest first
    /// (`MajorAxisLength`, `MinorAxisLength`, `LeastAxisLength`).
    pub axis_lengths_mm: [f64; 3],
    /// Their directions, each of length 1.
    pub axes: [Vector<Patient>; 3],
}

impl Shape {
    /// The shape of a label whose voxels are `mask` and come to `sums`; `None` where there is none.
    ///
    /// Mesh: marching cubes through the middles between voxels that belong and voxels that do not,
    /// without smoothing, what lies outside the grid counting as not belonging (`cshape.c`). O(voxels / 64
    /// + surface).
    pub fn of(
        mask: &Mask,
        sums: &LabelSums,
        grid: &Grid,
        progress: &dyn Progress,
    ) -> Result<Option<Self>, Cancelled> {
        let outline = Outline::of(mask, grid);
        progress.go_on(0.1)?;
        let Some(diameters) = Diameters::of(&outline, &Part::new(progress, 0.1, 0.9))? else {
            progress.set(1.0);
            return Ok(None);
        };
        let (surface_mm2, mesh_volume_mm3) = mesh(mask, sums, grid);
        let (values, axes) = eigen(sums.covariance_mm2(grid));
        progress.go_on(1.0)?;
        Ok(Some(Self {
            voxel_volume_mm3: sums.mm3(grid),
            mesh_volume_mm3,
            surface_mm2,
            extent_mm: sums.extent_mm(grid),
            centroid: sums.centroid(grid),
            diameters,
            axis_lengths_mm: values.map(|value| 4.0 * value.max(0.0).sqrt()),
            axes: axes.map(Vector::from_raw),
        }))
    }

    /// How much like a ball it is: 1 for a ball, less for all else (`Sphericity`).
    pub fn sphericity(&self) -> f64 {
        (36.0 * PI * self.mesh_volume_mm3.powi(2)).cbrt() / self.surface_mm2
    }

    /// Surface over volume of the mesh, in 1/mm (`SurfaceVolumeRatio`).
    pub fn surface_to_volume(&self) -> f64 {
        self.surface_mm2 / self.mesh_volume_mm3
    }

    /// The second axis over the first (`Elongation`); `None` for a single voxel.
    pub fn elongation(&self) -> Option<f64> {
        self.over_longest(self.axis_lengths_mm[1])
    }

    /// The third axis over the first (`Flatness`); `None` for a single voxel.
    pub fn flatness(&self) -> Option<f64> {
        self.over_longest(self.axis_lengths_mm[2])
    }

    fn over_longest(&self, length: f64) -> Option<f64> {
        (self.axis_lengths_mm[0] > 0.0).then(|| length / self.axis_lengths_mm[0])
    }
}

/// Area and enclosed volume of the mesh.
fn mesh(mask: &Mask, sums: &LabelSums, grid: &Grid) -> (f64, f64) {
    let pieces = Pieces::of_mesh(grid);
    let cubes = cube_box(mask.bounds());
    // From the voxel before the label's first one, as pyradiomics counts: where voxels meet across a face
    // its mesh has holes, and the volume depends on it.
    let from = |n: usize, axis: usize| n as f64 - sums.bounds.min[axis] as f64;
    let slices: Vec<(f64, f64)> = (cubes.min[2]..cubes.max[2])
        .into_par_iter()
        .map(|k| {
            let (mut area, mut volume) = (0.0, 0.0);
            for j in cubes.min[1]..cubes.max[1] {
                for_each_border_cube(mask, j, k, |i, code| {
                    area += pieces.area_mm2[usize::from(code)];
                    volume += pieces.volume(code, [from(i, 0), from(j, 1), from(k, 2)]);
                });
            }
            (area, volume)
        })
        .collect();
    let (area, volume) = slices.iter().fold((0.0, 0.0), |sum, slice| (sum.0 + slice.0, sum.1 + slice.1));
    (area, volume / 6.0 * grid.voxel_mm3())
}
