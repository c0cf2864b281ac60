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
use crate::format::{Doubt, DoubtCode, Refusal, RefusalCode, Silent, Watch};
use crate::geometry::{Affine, Grid, Patient, Point, Voxel};
use crate::volume::{Buffer, Rescale, Samples, Volume};

/// Reads the voxels of a stack.
pub(super) fn volume(stack: &Stack, watch: &dyn Watch) -> Result<(Volume, Vec<Doubt>), Refusal> {
    let grid = grid(stack, stack.slices(), stack.patient_from_voxel)?;
    let places = stack.places();
    if watch.wants_preview() && stack.slices() > 1 {
        watch.preview(middle_slice(stack)?);
    }
    let mut doubts = stack.doubts.clone();
    let rescale = common_rescale(&stack.pictures);
    if rescale.is_none() {
        let text = "the rescale differs from slice to slice; values were computed when they were read";
        doubts.push(Doubt::new(DoubtCode::RescalePerSlice, text));
    }
    let samples = samples(&places, rescale, watch)?;
    let volume = built(stack, grid, stack.times, samples, rescale.unwrap_or(Rescale::NONE))?;
    let volume = volume.with_missing_slices(stack.missing.clone());
    let mut volume = volume.map_err(|error| refuse(stack, RefusalCode::Inconsistent, error.to_string()))?;
    volume.time_axis = stack.time_axis.clone();
    Ok((volume, doubts))
}

/// The slice nearest to the middle, at time 0, at its true place.
pub(super) fn middle_slice(stack: &Stack) -> Result<Volume, Refusal> {
    let places = stack.places();
    let middle = stack.slices() / 2;
    let taken = (0..stack.slices()).filter_map(|k| Some((k, places[k]?)));
    let (k, picture) = taken
        .min_by_key(|(k, _)| k.abs_diff(middle))
        .ok_or_else(|| refuse(stack, RefusalCode::Inconsistent, "holds no picture".to_owned()))?;
    let of_stack = stack.patient_from_voxel;
    let origin = of_stack * Point::new(0.0, 0.0, k as f64);
    let moved = Affine::from_axes(of_stack.axis(0), of_stack.axis(1), of_stack.axis(2), origin);
    let moved = moved.map_err(|error| refuse(stack, RefusalCode::BadGeometry, error.to_string()))?;
    let samples = samples(&[Some(picture)], Some(picture.rescale()), &Silent)?;
    built(stack, grid(stack, 1, moved)?, 1, samples, picture.rescale())
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

/// What stands where no picture is: a value no picture holds where the type has one, else the darkest.
struct Filler<'a>(&'a Layout);

impl Filler<'_> {
    /// The padding value the file names, else the darkest one.
    fn word(&self, least: i32, most: i32) -> i32 {
        let darkest = if self.0.colour == Colour::InvertedGrey { most } else { least };
        let padding = self
            .0
            .padding
            .map(|[padding, _]| if least < 0 { i32::from(padding as i16) } else { i32::from(padding) });
        padding.filter(|padding| (least..=most).contains(padding)).unwrap_or(darkest)
    }
}

/// The stored samples of all places, or their values where the pictures share no rescale.
fn samples(
    places: &[Option<&Picture>],
    rescale: Option<Rescale>,
    watch: &dyn Watch,
) -> Result<Samples, Refusal> {
    let first = places.iter().copied().flatten().next().expect("a stack has a picture");
    let layout = &first.image.layout;
    if rescale.is_none() {
        let values = filled(places, f32::NAN, watch, values)?;
        return Ok(Samples::F32(values));
    }
    macro_rules! stored {
        ($variant:ident, $filler:expr) => {
            Samples::$variant(filled(places, $filler, watch, |picture, scratch, out| {
                decode(picture, &mut scratch.pixels, bytemuck::cast_slice_mut(out))
            })?)
        };
    }
    let filler = Filler(layout);
    Ok(match (layout.components(), layout.bits_allocated, layout.signed) {
        (3, ..) => stored!(Rgb8, [0; 3]),
        (_, 8, false) => stored!(U8, filler.word(0, 255) as u8),
        (_, 8, true) => stored!(I8, filler.word(-128, 127) as i8),
        (_, _, false) => stored!(U16, filler.word(0, 65_535) as u16),
        (_, _, true) => stored!(I16, filler.word(-32_768, 32_767) as i16),
    })
}

/// Memory of one worker.
#[derive(Default)]
struct Work {
    pixels: Scratch,
    stored: Vec<u16>,
}

/// A buffer into which each picture is put by `put`; where there is none, `filler` stands.
fn filled<T: Pod + Send + Sync>(
    places: &[Option<&Picture>],
    filler: T,
    watch: &dyn Watch,
    put: impl Fn(&Picture, &mut Work, &mut [T]) -> Result<(), Refusal> + Sync,
) -> Result<Buffer<T>, Refusal> {
    let first = places.iter().copied().flatten().next().expect("a stack has a picture");
    let Layout { rows, columns, .. } = first.image.layout;
    let path = &first.image.path;
    let per_picture = rows * columns;
    let mut buffer = Buffer::zeroed(per_picture * places.len()).map_err(|error| {
        let text = format!("needs more memory than there is: {error}");
        Refusal::new(path, RefusalCode::TooLarge, text)
    })?;
    let done = AtomicUsize::new(0);
    let slots = buffer.par_chunks_mut(per_picture).zip(places);
    slots.try_for_each_init(Work::default, |work, (slot, picture)| {
        if watch.is_cancelled() {
            return Err(Refusal::cancelled(path));
        }
        match picture {
            Some(picture) => put(picture, work, slot)?,
            None => slot.fill(filler),
        }
        watch.progress((done.fetch_add(1, Ordering::Relaxed) + 1) as f64 / places.len() as f64);
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
