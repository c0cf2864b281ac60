//! Numbers from masks.

use std::path::Path;

use annotomy::format::Silent;
use annotomy::geometry::{Grid, VoxelBox, VoxelIndex};
use annotomy::measure::{Definition, JointHistogram, Surface, SurfaceDistances, Tally};
use annotomy::progress::Unwatched;
use annotomy::volume::{DistanceMap, LabelMap, Mask};
use anyhow::Result;
use serde_json::{Value, json};

use super::{Clock, load, read_labels};

pub(super) fn operation(clock: &Clock, name: &str, data: &Path) -> Result<Option<Value>> {
    let labels = |name: &str| read_labels(&data.join(format!("{name}.nii.gz")));
    let grid = || grid_of(&data.join("organ.nii.gz"));
    let measured = match name {
        "label_stats_20" => {
            let volume = load(&data.join("ct.nii.gz"), &Silent)?.volume;
            let map = labels("labels")?;
            clock.time(
                || Ok(Tally::of(&volume, 0, &map).labels()),
                |found| json!([found[&1].voxels, rounded(found[&1].values.mean().unwrap_or(0.0), 4)]),
            )
        }
        "dice_20" => dice(clock, [labels("labels")?, labels("labels_b")?]),
        "dice_1" => dice(clock, [labels("organ")?, labels("organ_b")?]),
        "hd95_organ" => apart(clock, [labels("organ")?, labels("organ_b")?].map(|map| organ(&map)), &grid()?),
        "hd95_compact" => {
            let masks = [labels("organ")?, labels("organ_b")?].map(|map| largest(&organ(&map)));
            apart(clock, masks, &grid()?)
        }
        "surface_organ" => {
            let (mask, grid) = (organ(&labels("organ")?), grid()?);
            clock.time(|| Ok(Surface::of_mask(&mask, &grid)), |surface| json!(surface.triangles.len()))
        }
        "surface_20_labels" => {
            let (map, grid) = (labels("labels")?, grid()?);
            clock.time(|| Ok(Surface::of_map(&map, &grid)), |surface| json!(surface.triangles.len()))
        }
        "edt_full" => {
            let (mask, grid) = (organ(&labels("organ")?), grid()?);
            let spacing_mm = grid.spacing_mm();
            clock.time(
                || Ok(DistanceMap::to(&mask, spacing_mm, &Unwatched)?),
                |distances| json!(distances.iter().copied().fold(0.0, f32::max)),
            )
        }
        _ => return Ok(None),
    };
    measured.map(Some)
}

fn dice(clock: &Clock, [a, b]: [LabelMap; 2]) -> Result<Value> {
    clock.time(
        || Ok(JointHistogram::of(&a, &b)),
        |joint| json!(joint.overlap(1).dice().map(|dice| rounded(dice, 6))),
    )
}

/// HD95, both means and the surface Dice at 1 mm.
fn apart(clock: &Clock, [a, b]: [Mask; 2], grid: &Grid) -> Result<Value> {
    clock.time(
        || {
            let apart = SurfaceDistances::between(&a, &b, grid, Definition::SurfaceElements, &Unwatched)?;
            let [there, back] = apart.means_mm();
            Ok([apart.hausdorff_mm(95.0), there, back, apart.surface_dice(1.0)])
        },
        |found| json!(found.map(|number| rounded(number, 4))),
    )
}

fn organ(map: &LabelMap) -> Mask {
    Mask::of_label(map, VoxelBox { min: [0; 3], max: map.dims() }, 1)
}

/// The largest of the parts that hang together by faces, edges and corners.
fn largest(mask: &Mask) -> Mask {
    let mut rest = mask.clone();
    let mut largest = Vec::new();
    let mut starts = Vec::new();
    mask.for_each_run(|run, j, k| starts.push(VoxelIndex::new(run.start, j, k)));
    for start in starts {
        let mut part = Vec::new();
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            if !rest.contains(at) {
                continue;
            }
            rest.row_mut(at.j, at.k)[at.i / 64] &= !(1 << (at.i % 64));
            part.push(at);
            let near = |at: usize| [at.wrapping_sub(1), at, at + 1];
            for k in near(at.k) {
                for j in near(at.j) {
                    open.extend(near(at.i).map(|i| VoxelIndex::new(i, j, k)));
                }
            }
        }
        if part.len() > largest.len() {
            largest = part;
        }
    }
    let mut found = Mask::empty(mask.bounds());
    largest.into_iter().for_each(|voxel| found.insert(voxel));
    found
}

fn grid_of(path: &Path) -> Result<Grid> {
    Ok(load(path, &Silent)?.volume.grid().clone())
}

fn rounded(number: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (number * scale).round() / scale
}
