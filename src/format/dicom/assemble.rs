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
use super::layout::{Colour, Layout, Number};
use super::picture::{Picture, Scale};
use super::pixels::{self, Scratch, decode};
use super::suv;
use crate::format::memory::buffer_for;
use crate::format::{Doubt, DoubtCode, Refusal, RefusalCode, Silent, Watch};
use crate::geometry::{Affine, Grid, Patient, Point, Voxel};
use crate::volume::{Buffer, Placement, Rescale, Samples, Volume};

/// Reads the voxels of a stack.
pub(super) fn volume(stack: &Stack, watch: &dyn Watch) -> Result<(Volume, Vec<Doubt>), Refusal> {
    let grid = grid(stack)?;
    let places = stack.places();
    if watch.wants_preview() && stack.slices() > 1 {
        watch.preview(middle_slice(stack, &Silent)?);
    }
    let mut doubts = stack.doubts.clone();
    let rescale = common_rescale(&stack.pictures);
    let has_tables = stack.pictures.iter().any(|picture| matches!(picture.facts.scale, Scale::Table(_)));
    if rescale.is_none() && !has_tables {
        let text = "the rescale differs from slice to slice; values were computed when they were read";
        doubts.push(Doubt::new(DoubtCode::RescalePerSlice, text));
    }
    doubts.extend(doubts_of_codestreams(stack));
    let samples = samples(&places, rescale, watch)?;
    let volume = built(stack, grid, stack.times, samples, rescale.unwrap_or(Rescale::NONE))?;
    let volume = volume.with_missing_slices(stack.missing.clone());
    let volume = volume.map_err(|error| refuse(stack, RefusalCode::Inconsistent, error.to_string()))?;
    let is_gap =
        |n: &usize| places[*n].is_none() && stack.missing.binary_search(&(n % stack.slices())).is_err();
    let gaps = (0..places.len()).filter(is_gap).collect();
    let volume = volume.with_missing_pictures(gaps);
    let mut volume = volume.map_err(|error| refuse(stack, RefusalCode::Inconsistent, error.to_string()))?;
    volume.time_axis = stack.time_axis.clone();
    // Where values were computed when they were read, samples are values.
    volume.padding = volume.padding.filter(|_| rescale.is_some());
    match suv::factor(&stack.pictures) {
        Ok(factor) => volume.suv_factor = factor,
        Err(why) => doubts.push(Doubt::new(DoubtCode::NoSuv, format!("no uptake values (SUV): {why}"))),
    }
    Ok((volume, doubts))
}

/// What the codestreams of a stack say beyond what is known from headers, each code once.
fn doubts_of_codestreams(stack: &Stack) -> Vec<Doubt> {
    let mut images: Vec<&Image> = stack.pictures.iter().map(|picture| &*picture.image).collect();
    images.dedup_by(|a, b| std::ptr::eq(*a, *b));
    let found: Vec<Doubt> = images.into_par_iter().flat_map(pixels::doubts).collect();
    let mut told = Vec::new();
    for doubt in found {
        let lossy = doubt.code == DoubtCode::Lossy;
        if !(lossy && stack.doubts.iter().any(|known| known.code == DoubtCode::Lossy)
            || told.contains(&doubt))
        {
            told.push(doubt);
        }
    }
    told
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
    let rescale = common_rescale(std::slice::from_ref(picture));
    let samples = samples(&[Some(picture)], rescale, watch)?;
    built(stack, grid_at(stack, 1, moved)?, 1, samples, rescale.unwrap_or(Rescale::NONE))
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
    volume.stated_sides = image.sides.clone().filter(|_| stack.placement != Placement::Patient);
    volume.shown_inverted = image.layout.colour == Colour::InvertedGrey;
    volume.suggested_windows = facts.windows.clone();
    volume.padding = image.layout.padding_samples();
    Ok(volume)
}

/// The rescale of all pictures; `None` where it differs, or is a table.
fn common_rescale(pictures: &[Picture]) -> Option<Rescale> {
    let first = pictures.first()?.facts.scale.rescale()?;
    pictures.iter().all(|picture| picture.facts.scale.rescale() == Some(first)).then_some(first)
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

macro_rules! fixed_fillers {
    ($($type:ty, $filler:expr;)*) => {
        $(impl Filler for $type {
            fn filler(_: &Layout) -> Self {
                $filler
            }
        })*
    };
}

// A padding value has 16 bits.
fixed_fillers! {
    i32, i32::MIN;
    u32, 0;
    f32, f32::NAN;
    f64, f64::NAN;
    [u8; 3], [0; 3];
    [u16; 3], [0; 3];
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
        // Values of samples up to 16 bits are exact to seven digits; tables hold whole numbers.
        let mut pictures = places.iter().copied().flatten();
        return Ok(match layout.sample_bytes() {
            1 | 2 if pictures.all(|picture| matches!(picture.facts.scale, Scale::Table(_))) => {
                Samples::U16(filled(places, watch, |p, work, out| values(p, work, out, |x| x as u16))?)
            }
            1 | 2 => Samples::F32(filled(places, watch, |p, work, out| values(p, work, out, |x| x as f32))?),
            _ => Samples::F64(filled(places, watch, |p, work, out| values(p, work, out, |x| x))?),
        });
    }
    macro_rules! stored {
        ($variant:ident) => {
            Samples::$variant(filled(places, watch, |picture, work, out| {
                work.tiles.put(picture, &mut work.pixels, bytemuck::cast_slice_mut(out))
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
    tiles: Tiles,
    stored: Vec<u8>,
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
    let mut buffer = buffer_for(path, (per_picture as u64).saturating_mul(places.len() as u64))?;
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

/// The values of one picture, as `T`.
fn values<T>(
    picture: &Picture,
    work: &mut Work,
    out: &mut [T],
    write: impl Fn(f64) -> T,
) -> Result<(), Refusal> {
    let layout: &Layout = &picture.image.layout;
    let bytes = out.len() * layout.sample_bytes();
    work.stored.resize(bytes, 0);
    work.tiles.put(picture, &mut work.pixels, &mut work.stored[..bytes])?;
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
