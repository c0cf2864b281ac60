//! Operations on masks and values.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use annotomy::case::{Case, History, MaskWriter, WriteRule};
use annotomy::format::Silent;
use annotomy::geometry::VoxelIndex;
use annotomy::segment::{self, Components, Connectivity, Islands, Unwatched};
use annotomy::volume::{Mask, Volume};
use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Clock, label_sum, labelled_case, load, read_labels};

/// What the others threshold: brain tissue.
const RANGE: [f64; 2] = [76.0, 899.0];
/// Of the study, as the others are told it.
const SPACING_MM: [f64; 3] = [0.7, 0.7, 1.0];
const SEED: VoxelIndex = VoxelIndex::new(150, 250, 150);

const OPERATIONS: &[&str] = &[
    "threshold",
    "threshold_into_layer",
    "region_grow",
    "components_26",
    "components_6",
    "keep_largest_island",
    "islands_multilabel_20",
    "fill_holes",
    "closing_r3",
    "closing_r3_organ",
    "gaussian_s2",
    "margin_5mm",
    "mask_gaussian_organ",
    #[cfg(feature = "desktop")]
    "mask_gaussian_organ_device",
    "undo_large_fill",
];

pub(crate) fn is_known(operation: &str) -> bool {
    OPERATIONS.contains(&operation)
}

pub(crate) fn operation(clock: &Clock, operation: &str, data: &Path) -> Result<Value> {
    let count = |mask: &Mask| json!(mask.count());
    let voxel = [1.0; 3];
    match operation {
        "threshold" => {
            let volume = study(data)?;
            clock.time(|| Ok(tissue(&volume)), count)
        }
        "threshold_into_layer" => {
            let case = Case::new(study(data)?);
            clock.time(
                || {
                    let mut writer = writer(&case, 5)?;
                    writer.write_mask(&tissue(case.volume()));
                    Ok(writer.finish())
                },
                |edit| json!(edit.is_some()),
            )
        }
        "region_grow" => {
            let volume = study(data)?;
            let bounds = volume.grid().bounds();
            let grow =
                || Ok(segment::region(&volume, bounds, SEED, RANGE, Connectivity::Six, 0, &Unwatched)?);
            clock.time(grow, count)
        }
        "components_26" => components(clock, data, Connectivity::TwentySix),
        "components_6" => components(clock, data, Connectivity::Six),
        "keep_largest_island" => {
            let mask = tissue(&*study(data)?);
            let largest =
                || Ok(segment::islands(&mask, Islands::Largest(1), Connectivity::TwentySix, &Unwatched)?);
            clock.time(largest, count)
        }
        "islands_multilabel_20" => {
            let labels = read_labels(&data.join("labels.nii.gz"))?;
            clock.time(
                || {
                    let parts = Components::of_labels(&labels, Connectivity::TwentySix, &Unwatched)?;
                    Ok((parts.numbers(), parts.count()))
                },
                |(_, count)| json!(count),
            )
        }
        "fill_holes" => {
            let mask = tissue(&*study(data)?);
            clock.time(|| Ok(segment::fill_holes(&mask, &Unwatched)?), count)
        }
        "closing_r3" => {
            let mask = tissue(&*study(data)?);
            clock.time(|| Ok(segment::closed(&mask, 3.0, voxel, &Unwatched)?), count)
        }
        "closing_r3_organ" => {
            let mask = organ(data)?;
            clock.time(|| Ok(segment::closed(&mask, 3.0, voxel, &Unwatched)?), count)
        }
        "gaussian_s2" => {
            let volume = study(data)?;
            let [ni, nj, _] = volume.grid().dims();
            clock.time(
                || Ok(segment::smoothed_values(&volume, volume.grid().bounds(), [2.0; 3], 0, &Unwatched)?),
                |values| json!(values[(150 * nj + 256) * ni + 256]),
            )
        }
        "margin_5mm" => {
            let mask = organ(data)?;
            clock.time(|| Ok(segment::grown(&mask, 5.0, SPACING_MM, &Unwatched)?), count)
        }
        "mask_gaussian_organ" => {
            let mask = organ(data)?;
            clock.time(|| Ok(segment::smoothed_mask(&mask, [2.0; 3], None, &Unwatched)?), count)
        }
        #[cfg(feature = "desktop")]
        "mask_gaussian_organ_device" => {
            let gpu = annotomy::render::Gpu::headless()?;
            let smoother =
                annotomy::render::DeviceSmoother::new(&gpu).context("the device computes nothing")?;
            let mask = organ(data)?;
            clock.time(|| Ok(segment::smoothed_mask(&mask, [2.0; 3], Some(&smoother), &Unwatched)?), count)
        }
        _ => undo_large_fill(clock, data),
    }
}

fn study(data: &Path) -> Result<Arc<Volume>> {
    Ok(load(&data.join("ct_raw.nii"), &Silent)?.volume)
}

fn tissue(volume: &Volume) -> Mask {
    Mask::of_values(volume, volume.grid().bounds(), RANGE, 0)
}

fn organ(data: &Path) -> Result<Mask> {
    let labels = read_labels(&data.join("organ.nii.gz"))?;
    let bounds = annotomy::geometry::VoxelBox { min: [0; 3], max: labels.dims() };
    Ok(Mask::of_labels(&labels, bounds, |label| label != 0))
}

fn writer(case: &Case, label: u16) -> Result<MaskWriter<'_>> {
    MaskWriter::new(case, 0, WriteRule::paint(label)).context("a case has a layer")
}

/// The parts of the tissue, with the number of each voxel's part written out.
fn components(clock: &Clock, data: &Path, connectivity: Connectivity) -> Result<Value> {
    let mask = tissue(&*study(data)?);
    clock.time(
        || {
            let parts = Components::of(&mask, connectivity, &Unwatched)?;
            Ok((parts.numbers(), parts.count()))
        },
        |(_, count)| json!(count),
    )
}

/// A step that wrote over 12.5 million voxels is taken back; it is made again off the clock.
fn undo_large_fill(clock: &Clock, data: &Path) -> Result<Value> {
    let mut case = labelled_case(data)?;
    let mut history = History::default();
    let mask = tissue(case.volume());
    let mut writer = writer(&case, 5)?;
    writer.write_mask(&mask);
    let edit = writer.finish().context("the fill changes something")?;
    history.apply(&mut case, edit, "Fill")?;
    history.undo(&mut case)?;
    let state = RefCell::new((case, history));
    clock.time_after(
        || {
            let (case, history) = &mut *state.borrow_mut();
            Ok(history.redo(case).map(drop)?)
        },
        |()| {
            let (case, history) = &mut *state.borrow_mut();
            Ok(history.undo(case).map(drop)?)
        },
        |()| json!(label_sum(&state.borrow().0.layers()[0])),
    )
}
