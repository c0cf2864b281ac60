//! From a stack of pictures to a volume.
//!
//! Always true: each picture is decoded straight into its place, several at once; values of the volume
//! are those of the pictures, also where each has a rescale of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytemuck::Pod;
use rayon::prelude::*;

use super::group::Stack;
use super::header::Image;
use super::layout::{Colour, Layout};
use super::picture::Picture;
use super::pixels::{Scratch, decode};
use crate::format::{Doubt, DoubtCode, Refusal, RefusalCode, Silent, Watch};
use crate::geometry::{Affine, Grid, Patient, Point, Voxel};
use crate::volume::{Buffer, Rescale, Samples, Volume};

/// Reads the voxels of a stack.
pub(super) fn volume(stack: &Stack, watch: &dyn Watch) -> Result<(Volume, Vec<Doubt>), Refusal> {
    let grid = grid(stack)?;
    let places = stack.places();
    if watch.wants_preview() && stack.slices() > 1 {
        watch.preview(middle_slice(stack, &Silent)?);
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
pub(super) fn middle_slice(stack: &Stack, watch: &dyn Watch) -> Result<Volume, Refusal> {
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
    let samples = samples(&[Some(picture)], Some(picture.rescale()), watch)?;
    built(stack, grid_at(stack, 1, moved)?, 1, samples, picture.rescale())
}

fn refuse(stack: &Stack, code: RefusalCode, text: String) -> Refusal {
    Refusal::new(&stack.pictures[0].image.path, code, text)
}

/// The grid of a stack.
pub(super) fn grid(stack: &Stack) -> Result<Grid, Refusal> {
    grid_at(stack, stack.slices(), stack.patient_from_voxel)
}

fn grid_at(
    stack: &Stack,
    slices: usize,
    patient_from_voxel: Affine<Patient, Voxel>,
) -> Result<Grid, Refusal> {
    let image = &stack.pictures[0].image;
    let [columns, rows] = image.size();
    let dims = [columns, rows, slices];
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

/// A type whose samples can stand where no picture is.
trait Filler: Pod + Send + Sync {
    /// The padding value the file names, else the darkest value; what is not a number, where there is.
    fn filler(layout: &Layout) -> Self;
}

macro_rules! whole_fillers {
    ($($type:ty),*) => {
        $(impl Filler for $type {
            fn filler(layout: &Layout) -> Self {
                let darkest = if layout.colour == Colour::InvertedGrey { Self::MAX } else { Self::MIN };
                layout.padding.map_or(darkest, |[padding, _]| padding as Self)
            }
        })*
    };
}

whole_fillers!(u8, i8, u16, i16);

impl Filler for f32 {
    fn filler(_: &Layout) -> Self {
        Self::NAN
    }
}

impl Filler for [u8; 3] {
    fn filler(_: &Layout) -> Self {
        [0; 3]
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
        let values = filled(places, watch, values)?;
        return Ok(Samples::F32(values));
    }
    macro_rules! stored {
        ($variant:ident) => {
            Samples::$variant(filled(places, watch, |picture, work, out| {
                work.tiles.put(picture, &mut work.pixels, bytemuck::cast_slice_mut(out))
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
    tiles: Tiles,
    stored: Vec<u16>,
}

/// The mosaic decoded last: its tiles follow each other in a volume.
#[derive(Default)]
struct Tiles {
    of: Option<Arc<Image>>,
    samples: Vec<u64>,
}

impl Tiles {
    /// Decodes one picture, or cuts it out of its mosaic.
    fn put(&mut self, picture: &Picture, pixels: &mut Scratch, out: &mut [u8]) -> Result<(), Refusal> {
        let Some(mosaic) = picture.image.mosaic else {
            return decode(picture, pixels, out);
        };
        let layout = &picture.image.layout;
        let bytes = layout.picture_bytes();
        if !self.of.as_ref().is_some_and(|of| Arc::ptr_eq(of, &picture.image)) {
            self.of = None;
            // Words of eight bytes, so that samples of any size lie at a fitting address.
            self.samples.resize(bytes.div_ceil(8), 0);
            let whole = Picture { frame: 0, ..picture.clone() };
            decode(&whole, pixels, &mut bytemuck::cast_slice_mut(&mut self.samples)[..bytes])?;
            self.of = Some(picture.image.clone());
        }
        let whole = &bytemuck::cast_slice(&self.samples)[..bytes];
        mosaic.cut(picture.frame, whole, layout.sample_bytes() * layout.components(), out);
        Ok(())
    }
}

/// A buffer into which each picture is put by `put`; where there is none, its filler stands.
fn filled<T: Filler>(
    places: &[Option<&Picture>],
    watch: &dyn Watch,
    put: impl Fn(&Picture, &mut Work, &mut [T]) -> Result<(), Refusal> + Sync,
) -> Result<Buffer<T>, Refusal> {
    let first = places.iter().copied().flatten().next().expect("a stack has a picture");
    let path = &first.image.path;
    let per_picture = first.image.size().iter().product::<usize>();
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
            None => slot.fill(T::filler(&first.image.layout)),
        }
        watch.progress((done.fetch_add(1, Ordering::Relaxed) + 1) as f64 / places.len() as f64);
        Ok(())
    })?;
    Ok(buffer)
}

/// The rescaled values of one picture.
fn values(picture: &Picture, work: &mut Work, out: &mut [f32]) -> Result<(), Refusal> {
    let layout: &Layout = &picture.image.layout;
    let bytes = out.len() * layout.sample_bytes();
    work.stored.resize(bytes.div_ceil(2), 0);
    let stored: &mut [u8] = &mut bytemuck::cast_slice_mut(&mut work.stored)[..bytes];
    work.tiles.put(picture, &mut work.pixels, stored)?;
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
