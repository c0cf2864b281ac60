//! From a stack of pictures to a volume.
//!
//! Always true: each picture is decoded straight into its place, several at once; values of the volume
//! are those of the pictures, also where each has a rescale of its own.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytemuck::Pod;
use rayon::prelude::*;

use super::group::Stack;
use super::layout::{Colour, Layout};
use super::picture::Picture;
use super::pixels::{Scratch, decode};
use crate::format::memory::buffer_for;
use crate::format::{Doubt, DoubtCode, Refusal, RefusalCode, Watch};
use crate::geometry::{Affine, Grid, Patient, Voxel, VoxelIndex};
use crate::volume::{Buffer, Rescale, Samples, Volume};

/// Reads the voxels of a stack.
pub(super) fn volume(stack: &Stack, watch: &dyn Watch) -> Result<(Volume, Vec<Doubt>), Refusal> {
    let slices = stack.pictures.len() / stack.times;
    let grid = grid(stack, slices, stack.patient_from_voxel)?;
    if watch.wants_preview() && slices > 1 {
        preview(stack, &grid, slices / 2, watch)?;
    }
    let mut doubts = stack.doubts.clone();
    let rescale = common_rescale(&stack.pictures);
    if rescale.is_none() {
        let text = "the rescale differs from slice to slice; values were computed when they were read";
        doubts.push(Doubt::new(DoubtCode::RescalePerSlice, text));
    }
    let samples = samples(&stack.pictures, rescale, watch)?;
    let volume = built(stack, grid, stack.times, samples, rescale.unwrap_or(Rescale::NONE))?;
    Ok((volume, doubts))
}

/// Shows one slice, at time 0, at its true place.
fn preview(stack: &Stack, grid: &Grid, slice: usize, watch: &dyn Watch) -> Result<(), Refusal> {
    let of_stack = stack.patient_from_voxel;
    let origin = grid.centre_of(VoxelIndex::new(0, 0, slice));
    let moved = Affine::from_axes(of_stack.axis(0), of_stack.axis(1), of_stack.axis(2), origin);
    let moved = moved.map_err(|error| refuse(stack, RefusalCode::BadGeometry, error.to_string()))?;
    let picture = &stack.pictures[slice..=slice];
    let samples = samples(picture, Some(picture[0].rescale()), &super::super::Silent)?;
    watch.preview(built(stack, self::grid(stack, 1, moved)?, 1, samples, picture[0].rescale())?);
    Ok(())
}

fn refuse(stack: &Stack, code: RefusalCode, text: String) -> Refusal {
    Refusal::new(&stack.pictures[0].image.path, code, text)
}

fn grid(stack: &Stack, slices: usize, patient_from_voxel: Affine<Patient, Voxel>) -> Result<Grid, Refusal> {
    let image = &stack.pictures[0].image;
    let dims = [image.layout.columns, image.layout.rows, slices];
    Grid::new(dims, patient_from_voxel, image.identity.frame_of_reference.clone())
        .map_err(|error| refuse(stack, RefusalCode::TooLarge, error.to_string()))
}

fn built(
    stack: &Stack,
    grid: Grid,
    times: usize,
    samples: Samples,
    rescale: Rescale,
) -> Result<Volume, Refusal> {
    let Picture { image, facts, .. } = &stack.pictures[0];
    let volume = Volume::new(grid, times, samples, rescale);
    let mut volume = volume.map_err(|error| refuse(stack, RefusalCode::Inconsistent, error.to_string()))?;
    let modality = &image.identity.modality;
    volume.placement = stack.placement;
    volume.modality = (!modality.is_empty()).then(|| modality.clone());
    volume.unit = facts.unit.clone();
    volume.shown_inverted = image.layout.colour == Colour::InvertedGrey;
    volume.suggested_window = facts.window;
    Ok(volume)
}

/// The rescale of all pictures; `None` where it differs.
fn common_rescale(pictures: &[Picture]) -> Option<Rescale> {
    let first = pictures.first()?.rescale();
    pictures.iter().all(|picture| picture.rescale() == first).then_some(first)
}

/// The stored samples of all pictures, or their values where they share no rescale.
fn samples(pictures: &[Picture], rescale: Option<Rescale>, watch: &dyn Watch) -> Result<Samples, Refusal> {
    let layout = &pictures[0].image.layout;
    if rescale.is_none() {
        let values = filled(pictures, watch, values)?;
        return Ok(Samples::F32(values));
    }
    macro_rules! stored {
        ($variant:ident) => {
            Samples::$variant(filled(pictures, watch, |picture, scratch, out| {
                decode(picture, &mut scratch.pixels, bytemuck::cast_slice_mut(out))
            })?)
        };
    }
    Ok(match (layout.components(), layout.bits_allocated, layout.signed) {
        (3, ..) => stored!(Rgb8),
        (_, 8, false) => stored!(U8),
        (_, 8, true) => stored!(I8),
        (_, _, false) => stored!(U16),
        (_, _, true) => stored!(I16),
    })
}

/// Memory of one worker.
#[derive(Default)]
struct Work {
    pixels: Scratch,
    stored: Vec<u16>,
}

/// A buffer into which each picture is put by `put`.
fn filled<T: Pod + Send + Sync>(
    pictures: &[Picture],
    watch: &dyn Watch,
    put: impl Fn(&Picture, &mut Work, &mut [T]) -> Result<(), Refusal> + Sync,
) -> Result<Buffer<T>, Refusal> {
    let layout = &pictures[0].image.layout;
    let per_picture = layout.rows * layout.columns;
    let path = &pictures[0].image.path;
    let mut buffer = buffer_for(path, (per_picture as u64).saturating_mul(pictures.len() as u64))?;
    let done = AtomicUsize::new(0);
    let places = buffer.par_chunks_mut(per_picture).zip(pictures);
    places.try_for_each_init(Work::default, |work, (place, picture)| {
        if watch.is_cancelled() {
            return Err(Refusal::cancelled(path));
        }
        put(picture, work, place)?;
        watch.progress((done.fetch_add(1, Ordering::Relaxed) + 1) as f64 / pictures.len() as f64);
        Ok(())
    })?;
    Ok(buffer)
}

/// The rescaled values of one picture.
fn values(picture: &Picture, work: &mut Work, out: &mut [f32]) -> Result<(), Refusal> {
    let layout: &Layout = &picture.image.layout;
    work.stored.resize(layout.picture_bytes().div_ceil(2), 0);
    let stored: &mut [u8] = &mut bytemuck::cast_slice_mut(&mut work.stored)[..layout.picture_bytes()];
    decode(picture, &mut work.pixels, stored)?;
    let rescale = picture.rescale();
    let value = |sample: f64| rescale.value(sample) as f32;
    match (layout.sample_bytes(), layout.signed) {
        (1, false) => out.iter_mut().zip(stored).for_each(|(out, byte)| *out = value(f64::from(*byte))),
        (1, true) => out.iter_mut().zip(stored).for_each(|(out, byte)| *out = value(f64::from(*byte as i8))),
        (_, false) => out.iter_mut().zip(&work.stored).for_each(|(out, word)| *out = value(f64::from(*word))),
        (_, true) => {
            out.iter_mut().zip(&work.stored).for_each(|(out, word)| *out = value(f64::from(*word as i16)))
        }
    }
    Ok(())
}
