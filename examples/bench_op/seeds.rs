//! What grows from painted slices and seeds, in the boxes that the peers cut out of the study.

use std::path::Path;
use std::sync::Arc;

use annotomy::format::Silent;
use annotomy::geometry::{VoxelBox, VoxelIndex};
use annotomy::segment::{
    Cancelled, GrowFromSeeds, Interpolation, Refinement, Unwatched, graph_cut, interpolate, random_walker,
};
use annotomy::volume::{BRICK_EDGE, Brick, BrickIndex, LabelMap, Mask, Volume};
use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::{Clock, load, read_labels};

pub(super) fn operation(clock: &Clock, name: &str, data: &Path) -> Result<Value> {
    match name {
        "interpolate_every_10" => between_slices(clock, data),
        "grow_from_seeds_128x128x74" => grow(clock, &Cut::of(data, SMALL)?),
        "grow_from_seeds_256x256x148" => grow(clock, &Cut::of(data, MIDDLE)?),
        #[cfg(feature = "desktop")]
        "grow_from_seeds_256x256x148_device" => grow_on_device(clock, &Cut::of(data, MIDDLE)?),
        "grow_from_seeds_512x512x300" => grow(clock, &Cut::of(data, WHOLE)?),
        "random_walker_128x128x74" => {
            refine(clock, &Cut::of_first_label(data)?, |from| random_walker(from, 130.0, &Unwatched))
        }
        "graph_cut_128x128x74" => {
            refine(clock, &Cut::of_first_label(data)?, |from| graph_cut(from, 30.0, &Unwatched))
        }
        "grow_from_seeds_scribble_256x256x148" => scribble(clock, &Cut::of(data, MIDDLE)?),
        other => bail!("no operation {other}"),
    }
}

/// Across the border of an organ.
const SMALL: VoxelBox = VoxelBox { min: [226, 186, 113], max: [354, 314, 187] };
const MIDDLE: VoxelBox = VoxelBox { min: [102, 122, 76], max: [358, 378, 224] };
const WHOLE: VoxelBox = VoxelBox { min: [0, 0, 0], max: [460, 500, 300] };

/// Every tenth slice of an organ.
fn between_slices(clock: &Clock, data: &Path) -> Result<Value> {
    let organ = read_labels(&data.join("organ.nii.gz"))?;
    let [ni, nj, _] = organ.dims();
    let keys = LabelMap::from_labels(organ.dims(), |offset| match offset / (ni * nj) % 10 {
        0 => organ.label(VoxelIndex::new(offset % ni, offset / ni % nj, offset / (ni * nj))),
        _ => 0,
    });
    let painted = keys.counts().get(&1).copied().unwrap_or_default();
    let what = Interpolation { label: 1, axis: 2, keys: None, spacing_mm: [0.7, 0.7, 1.0] };
    clock.time(|| Ok(interpolate(&keys, &what, &Unwatched)?), |filled| json!(painted + filled.mask.count()))
}

/// A box of the study with strokes on four of its slices: labels eroded, and background far from them.
struct Cut {
    volume: Arc<Volume>,
    bounds: VoxelBox,
    seeds: LabelMap,
}

impl Cut {
    fn of(data: &Path, bounds: VoxelBox) -> Result<Self> {
        Self::with(data, bounds, read_labels(&data.join("labels.nii.gz"))?)
    }

    /// With strokes on the first label and on whatever is not of it.
    fn of_first_label(data: &Path) -> Result<Self> {
        let labels = read_labels(&data.join("labels.nii.gz"))?;
        let [ni, nj, _] = labels.dims();
        let first = LabelMap::from_labels(labels.dims(), |at| {
            u16::from(labels.label(VoxelIndex::new(at % ni, at / ni % nj, at / (ni * nj))) == 1)
        });
        Self::with(data, SMALL, first)
    }

    fn with(data: &Path, bounds: VoxelBox, labels: LabelMap) -> Result<Self> {
        let volume = load(&data.join("ct_raw.nii"), &Silent)?.volume;
        let [ni, nj, nk] = bounds.dims();
        let [first_i, first_j, first_k] = bounds.min;
        let dims = labels.dims();
        let mut seeds = vec![0u16; dims.iter().product()];
        for k in (nk / 6..nk).step_by(nk / 4) {
            let label =
                |i: usize, j: usize| labels.label(VoxelIndex::new(first_i + i, first_j + j, first_k + k));
            let mut depth = vec![1u16; ni * nj];
            // As often as a label is eroded, a pixel must be as deep in it as each of its neighbours.
            for _ in 0..8 {
                let old = depth.clone();
                for (at, depth) in depth.iter_mut().enumerate() {
                    let (i, j) = (at % ni, at / ni);
                    let inner = (1..ni - 1).contains(&i) && (1..nj - 1).contains(&j);
                    let around = [[0, 1], [2, 1], [1, 0], [1, 2]].map(|[u, v]| (i + u, j + v));
                    let least = if inner {
                        around
                            .map(|(i, j)| (i - 1, j - 1))
                            .map(|(u, v)| if label(u, v) == label(i, j) { old[v * ni + u] } else { 0 })
                            .into_iter()
                            .min()
                            .unwrap_or_default()
                    } else {
                        0
                    };
                    *depth = least + 1;
                }
            }
            for (at, depth) in depth.iter().enumerate() {
                let (i, j) = (at % ni, at / ni);
                let erosions = if label(i, j) == 0 { 5 } else { 8 };
                if *depth > erosions {
                    let at = VoxelIndex::new(first_i + i, first_j + j, first_k + k);
                    seeds[(at.k * dims[1] + at.j) * dims[0] + at.i] = label(i, j) + 1;
                }
            }
        }
        let seeds = LabelMap::from_labels(dims, |at| seeds[at]);
        Ok(Self { volume, bounds, seeds })
    }

    fn labels(&self) -> Vec<u16> {
        self.seeds.counts().into_keys().collect()
    }
}

fn grow(clock: &Clock, cut: &Cut) -> Result<Value> {
    clock.time(
        || {
            let mut grow = GrowFromSeeds::new(&cut.volume, 0, cut.bounds, &cut.labels())?;
            grow.update(&cut.seeds, &Unwatched)?;
            Ok((grow.masks(), grow))
        },
        |(masks, _)| {
            let mut counts = vec![0; 6];
            for (label, mask) in masks {
                if let Some(count) = counts.get_mut(usize::from(*label)) {
                    *count = mask.count();
                }
            }
            json!(counts)
        },
    )
}

#[cfg(feature = "desktop")]
fn grow_on_device(clock: &Clock, cut: &Cut) -> Result<Value> {
    use annotomy::render::{DeviceGrower, Gpu};
    let gpu = Gpu::headless()?;
    let Some(grower) = DeviceGrower::new(&gpu) else { bail!("the device computes nothing") };
    clock.time(
        || {
            let mut grow = GrowFromSeeds::new(&cut.volume, 0, cut.bounds, &cut.labels())?;
            if !grow.begin_by(&grower, &cut.seeds, &Unwatched)? {
                bail!("the device cannot");
            }
            Ok((grow.masks(), grow))
        },
        |(_, grow)| json!(won(grow)),
    )
}

/// The boundary of the first label, from strokes on both sides of it.
fn refine(
    clock: &Clock,
    cut: &Cut,
    run: impl Fn(&Refinement<'_>) -> Result<Mask, Cancelled>,
) -> Result<Value> {
    let strokes = |label: u16| Mask::of_label(&cut.seeds, cut.bounds, label);
    let (object, background) = (strokes(2), strokes(1));
    let from = Refinement { volume: &cut.volume, time: 0, object: &object, background: &background };
    clock.time(|| Ok(run(&from)?), |mask| json!(mask.count()))
}

/// A stroke of background over one slice of the organ, added and taken away again: two updates.
fn scribble(clock: &Clock, cut: &Cut) -> Result<Value> {
    let mut with_stroke = cut.seeds.clone();
    for (i, j) in (240..300).flat_map(|i| (237..244).map(move |j| (i, j))) {
        let index = BrickIndex::of(VoxelIndex::new(i, j, 130));
        let mut brick = with_stroke.brick(index).cloned().unwrap_or_else(Brick::background);
        let row = (130 % BRICK_EDGE * BRICK_EDGE + j % BRICK_EDGE) * BRICK_EDGE;
        Arc::make_mut(&mut brick).labels_mut()[row + i % BRICK_EDGE] = 1;
        with_stroke.replace(index, Some(brick));
    }
    let mut grow = GrowFromSeeds::new(&cut.volume, 0, cut.bounds, &cut.labels())?;
    grow.update(&cut.seeds, &Unwatched)?;
    let without = won(&grow);
    let mut measured = clock.time(
        || {
            grow.update(&with_stroke, &Unwatched)?;
            grow.update(&cut.seeds, &Unwatched)?;
            Ok(())
        },
        |()| Value::Null,
    )?;
    grow.update(&with_stroke, &Unwatched)?;
    measured["check"] = json!([without, won(&grow)]);
    Ok(measured)
}

fn won(grow: &GrowFromSeeds) -> Vec<u64> {
    grow.masks().iter().map(|(_, mask)| mask.count()).collect()
}
