//! From a stack of pictures to a volume.
//!
//! Always true: each picture is decoded straight into its place, several at once; values of the volume
//! are those of the pictures, also where each has a rescale of its own.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytemuck::Pod;
use rayon::prelude::*;

use super::group::Stack;
use super::layout::{Colour, Layout, Number};
use super::picture::{Picture, Scale};
use super::pixels::{Scratch, decode};
use super::suv;
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
    let has_tables = stack.pictures.iter().any(|picture| matches!(picture.facts.scale, Scale::Table(_)));
    if rescale.is_none() && !has_tables {
        let text = "the rescale differs from slice to slice; values were computed when they were read";
        doubts.push(Doubt::new(DoubtCode::RescalePerSlice, text));
    }
    let samples = samples(&stack.pictures, rescale, watch)?;
    let mut volume = built(stack, grid, stack.times, samples, rescale.unwrap_or(Rescale::NONE))?;
    match suv::factor(&stack.pictures) {
        Ok(factor) => volume.suv_factor = factor,
        Err(why) => doubts.push(Doubt::new(DoubtCode::NoSuv, format!("no uptake values (SUV): {why}"))),
    }
    Ok((volume, doubts))
}

/// Shows one slice, at time 0, at its true place.
fn preview(stack: &Stack, grid: &Grid, slice: usize, watch: &dyn Watch) -> Result<(), Refusal> {
    let of_stack = stack.patient_from_voxel;
    let origin = grid.centre_of(VoxelIndex::new(0, 0, slice));
    let moved = Affine::from_axes(of_stack.axis(0), of_stack.axis(1), of_stack.axis(2), origin);
    let moved = moved.map_err(|error| refuse(stack, RefusalCode::BadGeometry, error.to_string()))?;
    let picture = &stack.pictures[slice..=slice];
    let rescale = common_rescale(picture);
    let samples = samples(picture, rescale, &super::super::Silent)?;
    let grid = self::grid(stack, 1, moved)?;
    watch.preview(built(stack, grid, 1, samples, rescale.unwrap_or(Rescale::NONE))?);
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
    volume.suggested_windows = facts.windows.clone();
    Ok(volume)
}

/// The rescale of all pictures; `None` where it differs, or is a table.
fn common_rescale(pictures: &[Picture]) -> Option<Rescale> {
    let first = pictures.first()?.facts.scale.rescale()?;
    pictures.iter().all(|picture| picture.facts.scale.rescale() == Some(first)).then_some(first)
}

/// The stored samples of all pictures, or their values where they share no rescale.
fn samples(pictures: &[Picture], rescale: Option<Rescale>, watch: &dyn Watch) -> Result<Samples, Refusal> {
    let layout = &pictures[0].image.layout;
    if rescale.is_none() {
        // Values of samples up to 16 bits are exact to seven digits; tables hold whole numbers.
        return Ok(match layout.sample_bytes() {
            1 | 2 if pictures.iter().all(|picture| matches!(picture.facts.scale, Scale::Table(_))) => {
                Samples::U16(filled(pictures, watch, |p, work, out| values(p, work, out, |x| x as u16))?)
            }
            1 | 2 => {
                Samples::F32(filled(pictures, watch, |p, work, out| values(p, work, out, |x| x as f32))?)
            }
            _ => Samples::F64(filled(pictures, watch, |p, work, out| values(p, work, out, |x| x))?),
        });
    }
    macro_rules! stored {
        ($variant:ident) => {
            Samples::$variant(filled(pictures, watch, |picture, scratch, out| {
                decode(picture, &mut scratch.pixels, bytemuck::cast_slice_mut(out))
            })?)
        };
    }
    use Number::{Real, Signed};
    Ok(match (layout.is_grey(), layout.bits_allocated, layout.number) {
        (false, 16, _) if layout.colour != Colour::Palette => stored!(Rgb16),
        (false, ..) => stored!(Rgb8),
        (true, 32, Real) => stored!(F32),
        (true, _, Real) => stored!(F64),
        (true, 1 | 8, Signed) => stored!(I8),
        (true, 1 | 8, _) => stored!(U8),
        (true, 16, Signed) => stored!(I16),
        (true, 16, _) => stored!(U16),
        (true, _, Signed) => stored!(I32),
        (true, ..) => stored!(U32),
    })
}

/// Memory of one worker.
#[derive(Default)]
struct Work {
    pixels: Scratch,
    stored: Vec<u8>,
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
    let mut buffer = Buffer::zeroed(per_picture * pictures.len()).map_err(|error| {
        let text = format!("needs more memory than there is: {error}");
        Refusal::new(path, RefusalCode::TooLarge, text)
    })?;
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

/// The values of one picture, as `T`.
fn values<T>(
    picture: &Picture,
    work: &mut Work,
    out: &mut [T],
    write: impl Fn(f64) -> T,
) -> Result<(), Refusal> {
    let layout: &Layout = &picture.image.layout;
    work.stored.resize(layout.picture_bytes(), 0);
    decode(picture, &mut work.pixels, &mut work.stored)?;
    let scale = &picture.facts.scale;
    macro_rules! rescaled {
        ($type:ty) => {{
            let samples = work.stored.as_chunks().0.iter().map(|bytes| <$type>::from_ne_bytes(*bytes));
            out.iter_mut().zip(samples).for_each(|(out, sample)| *out = write(scale.value(sample.into())));
        }};
    }
    match (layout.sample_bytes(), layout.number) {
        (1, Number::Signed) => rescaled!(i8),
        (1, _) => rescaled!(u8),
        (2, Number::Signed) => rescaled!(i16),
        (2, _) => rescaled!(u16),
        (4, Number::Signed) => rescaled!(i32),
        (4, Number::Unsigned) => rescaled!(u32),
        (4, Number::Real) => rescaled!(f32),
        _ => rescaled!(f64),
    }
    Ok(())
}
