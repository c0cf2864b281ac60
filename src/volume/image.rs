//! One study's voxels with their geometry and meaning.

use std::any::TypeId;
use std::ops::Range;

use ndarray::ArrayView4;
use rayon::prelude::*;

use super::samples::{BLOCK, BlockSum, Sample, SampleType, Samples, with_samples};
use super::time::TimeAxis;
use super::window::{SuggestedWindow, Window};
use crate::geometry::{Grid, VoxelIndex};

/// How stored samples become values: `slope × sample + intercept` (DICOM PS3.3 C.11.1.1.2; NIfTI-1
/// `scl_slope`, `scl_inter`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rescale {
    /// Factor, finite and not 0.
    pub slope: f64,
    /// Offset, finite.
    pub intercept: f64,
}

impl Rescale {
    /// Values are the samples themselves.
    pub const NONE: Self = Self { slope: 1.0, intercept: 0.0 };

    /// The value of a sample.
    pub fn value(self, sample: f64) -> f64 {
        self.slope * sample + self.intercept
    }
}

/// What is known of where the grid lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The file places the grid in a patient or scanner frame.
    Patient,
    /// The file gives distances in millimetres but no position or direction.
    Scaled,
    /// The file knows pixels only; a "millimetre" of the grid is one pixel.
    Pixels,
}

impl Placement {
    /// What the grid's distances are counted in.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Patient | Self::Scaled => "mm",
            Self::Pixels => "px",
        }
    }
}

/// Smallest, greatest and mean value of a volume, after rescale, over all voxels, times and
/// components that are finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// Smallest value.
    pub min: f64,
    /// Greatest value.
    pub max: f64,
    /// Arithmetic mean.
    pub mean: f64,
}

/// The voxels under annotation. Immutable; shared by `Arc`.
#[derive(Debug)]
pub struct Volume {
    grid: Grid,
    times: usize,
    samples: Samples,
    rescale: Rescale,
    missing_slices: Vec<usize>,
    missing_pictures: Vec<usize>,
    /// What is known of where the grid lies.
    pub placement: Placement,
    /// DICOM modality code (CT, MR, …), where known.
    pub modality: Option<String>,
    /// Unit of the values (HU for CT), where known.
    pub unit: Option<String>,
    /// Whether small values are shown bright (DICOM MONOCHROME1).
    pub shown_inverted: bool,
    /// The windows the file asks for, the one to begin with first.
    pub suggested_windows: Vec<SuggestedWindow>,
    /// What values are multiplied by to become standardised uptake values by body weight (g/mL), where
    /// the header of a PET study allows it.
    pub suv_factor: Option<f64>,
    /// The sides to which i and j grow as the file states them where it knows no place: `L`, `F`, `FR`.
    pub stated_sides: Option<[String; 2]>,
    /// Stored samples from the one to the other stand for no measurement (padding).
    pub padding: Option<[f64; 2]>,
    /// What sets its frames apart; `None` where there is one.
    pub time_axis: Option<TimeAxis>,
}

/// Why parts do not make a [`Volume`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum VolumeError {
    /// The buffer and the dimensions disagree.
    #[error("{found} samples do not fill a grid of {dims:?} at {times} time(s)")]
    WrongCount {
        /// Samples in the buffer.
        found: usize,
        /// Grid dimensions.
        dims: [usize; 3],
        /// Points in time.
        times: usize,
    },
    /// Slope 0, NaN or infinite, or an intercept that is not finite.
    #[error("the rescale {0:?} cannot be applied")]
    BadRescale(Rescale),
    /// Missing slices or pictures that do not rise, reach beyond the volume, or are all there are.
    #[error("{0:?} cannot be the slices that are missing")]
    BadMissingSlices(Vec<usize>),
}

impl Volume {
    /// A volume of `times` frames of the grid, i fastest, then j, k, time.
    pub fn new(grid: Grid, times: usize, samples: Samples, rescale: Rescale) -> Result<Self, VolumeError> {
        if times == 0 || grid.voxel_count().checked_mul(times) != Some(samples.len()) {
            return Err(VolumeError::WrongCount { found: samples.len(), dims: grid.dims(), times });
        }
        if !(rescale.slope.is_finite() && rescale.slope != 0.0 && rescale.intercept.is_finite()) {
            return Err(VolumeError::BadRescale(rescale));
        }
        Ok(Self {
            grid,
            times,
            samples,
            rescale,
            missing_slices: Vec::new(),
            missing_pictures: Vec::new(),
            stated_sides: None,
            padding: None,
            placement: Placement::Patient,
            modality: None,
            unit: None,
            shown_inverted: false,
            suggested_windows: Vec::new(),
            suv_factor: None,
            time_axis: None,
        })
    }

    /// The volume with slices along k that were never there, given in rising order. Their samples mean
    /// nothing and are left out of every number taken from the volume.
    pub fn with_missing_slices(self, missing_slices: Vec<usize>) -> Result<Self, VolumeError> {
        let slices = self.grid.dims()[2];
        let rises = missing_slices.is_sorted_by(|a, b| a < b);
        let fits = missing_slices.last().is_none_or(|last| *last < slices) && missing_slices.len() < slices;
        if !(rises && fits) {
            return Err(VolumeError::BadMissingSlices(missing_slices));
        }
        Ok(Self { missing_slices, ..self })
    }

    /// The volume with pictures, `time × slices + k` in rising order, that were never there at their time
    /// while others were at theirs. They decide no number either.
    pub fn with_missing_pictures(self, missing_pictures: Vec<usize>) -> Result<Self, VolumeError> {
        let pictures = self.grid.dims()[2] * self.times;
        let rises = missing_pictures.is_sorted_by(|a, b| a < b);
        let fits = missing_pictures.last().is_none_or(|last| *last < pictures);
        if !(rises && fits && missing_pictures.len() < pictures) {
            return Err(VolumeError::BadMissingSlices(missing_pictures));
        }
        Ok(Self { missing_pictures, ..self })
    }

    /// Whether nothing was scanned in picture `time × slices + k`.
    fn is_empty_picture(&self, picture: usize) -> bool {
        self.is_missing(picture % self.grid.dims()[2])
            || self.missing_pictures.binary_search(&picture).is_ok()
    }

    /// Slices along k at which nothing was scanned, rising; empty for most volumes.
    pub fn missing_slices(&self) -> &[usize] {
        &self.missing_slices
    }

    /// Whether nothing was scanned at slice `k`.
    pub fn is_missing(&self, k: usize) -> bool {
        self.missing_slices.binary_search(&k).is_ok()
    }

    /// The slice nearest to `k` that was scanned: at any time, or at one.
    pub fn nearest_scanned(&self, k: usize, time: Option<usize>) -> usize {
        let is_there = |k: &usize| match time {
            Some(time) => !self.is_missing_at(*k, time),
            None => !self.is_missing(*k),
        };
        let slices = self.grid.dims()[2];
        // The lower one of two that are as near.
        let outwards = (0..slices).flat_map(|away| [k.checked_sub(away), k.checked_add(away)]);
        outwards.flatten().filter(|k| *k < slices).find(is_there).unwrap_or(k)
    }

    /// Whether nothing was scanned at slice `k` at a time; at the last one where there are fewer.
    pub fn is_missing_at(&self, k: usize, time: usize) -> bool {
        self.is_empty_picture(time.min(self.times - 1) * self.grid.dims()[2] + k)
    }

    /// Whether a slice that others have is missing at some time, or a slice at all of them.
    pub fn has_gaps(&self) -> bool {
        !(self.missing_slices.is_empty() && self.missing_pictures.is_empty())
    }

    /// Offsets of the samples that were scanned, in stretches, at one time or at all of them.
    fn scanned(&self, times: usize) -> Vec<Range<usize>> {
        let [ni, nj, nk] = self.grid.dims();
        // Without holes one stretch holds everything.
        let is_whole = !self.has_gaps();
        let (each, count) = match is_whole {
            true => (times * self.grid.voxel_count(), 1),
            false => (ni * nj, times * nk),
        };
        let stretch = |n: usize| n * each..(n + 1) * each;
        (0..count).filter(|n| is_whole || !self.is_empty_picture(*n)).map(stretch).collect()
    }

    /// The lattice.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Points on the time axis, at least 1.
    pub fn times(&self) -> usize {
        self.times
    }

    /// The stored samples.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// The stored type.
    pub fn sample_type(&self) -> SampleType {
        self.samples.sample_type()
    }

    /// How samples become values.
    pub fn rescale(&self) -> Rescale {
        self.rescale
    }

    /// The value of a voxel (for colours its luma) at a time.
    pub fn value(&self, index: VoxelIndex, time: usize) -> f64 {
        debug_assert!(time < self.times);
        let offset = time * self.grid.voxel_count() + self.grid.offset(index);
        self.rescale.value(self.samples.at(offset))
    }

    /// Red, green and blue of a voxel as stored; `None` where the volume is not in colour.
    pub fn colour(&self, index: VoxelIndex, time: usize) -> Option<[f64; 3]> {
        let offset = time * self.grid.voxel_count() + self.grid.offset(index);
        match &self.samples {
            Samples::Rgb8(stored) => Some(stored[offset].map(f64::from)),
            Samples::Rgba8(stored) => stored[offset].first_chunk().map(|colour| colour.map(f64::from)),
            Samples::Rgb16(stored) => Some(stored[offset].map(f64::from)),
            _ => None,
        }
    }

    /// The stored samples as an array indexed `[time, k, j, i]`; `None` unless `T` is the stored type.
    pub fn array<T: Sample>(&self) -> Option<ArrayView4<'_, T>> {
        let [ni, nj, nk] = self.grid.dims();
        with_samples!(&self.samples, stored => {
            let same_type = element_type(stored) == TypeId::of::<T>();
            let typed = same_type.then(|| bytemuck::cast_slice(stored))?;
            ArrayView4::from_shape((self.times, nk, nj, ni), typed).ok()
        }, colour => None)
    }

    /// Statistics of the values over every voxel that was scanned, at every time; zeroes where no value
    /// is finite.
    pub fn statistics(&self) -> Statistics {
        let scanned = self.scanned(self.times);
        let each = self.samples.sample_type().components();
        let parts = |part: Range<usize>| part.start * each..part.end * each;
        let of_samples = with_samples!(&self.samples, stored => summarise(stored, scanned), colour => {
            let scanned = scanned.into_iter().map(parts).collect();
            match &self.samples {
                Samples::Rgb16(stored) => summarise::<u16>(bytemuck::cast_slice(stored), scanned),
                bytes => summarise(bytes.bytes(), scanned),
            }
        });
        let Some((min, max, mean)) = of_samples else {
            return Statistics { min: 0.0, max: 0.0, mean: 0.0 };
        };
        let (a, b) = (self.rescale.value(min), self.rescale.value(max));
        Statistics { min: a.min(b), max: a.max(b), mean: self.rescale.value(mean) }
    }

    /// The window to begin with: the first the file asks for, else the automatic one.
    pub fn first_window(&self) -> Window {
        let suggested = self.suggested_windows.first().map(|suggested| suggested.window);
        suggested.unwrap_or_else(|| self.automatic_window())
    }

    /// A window from the values at time 0 that shows all but the outermost half percent at either
    /// end; padding is left out, and so are values equal to the smallest one, which count as background,
    /// so that air does not decide. Colours are shown as they are.
    pub fn automatic_window(&self) -> Window {
        match self.sample_type() {
            SampleType::Rgb8 | SampleType::Rgba8 => return Window::between(0.0, 255.0),
            SampleType::Rgb16 => return Window::between(0.0, 65535.0),
            _ => {}
        }
        let count = self.grid.voxel_count();
        let per_slice = count / self.grid.dims()[2];
        // An odd step does not run down a few columns of a width that is a power of two.
        let step = count.div_ceil(1 << 18) | 1;
        let mut values: Vec<f64> = (0..count)
            .step_by(step)
            .filter(|offset| !self.is_empty_picture(offset / per_slice))
            .map(|offset| self.samples.at(offset))
            .filter(|sample| self.padding.is_none_or(|[low, high]| !(low..=high).contains(sample)))
            .map(|sample| self.rescale.value(sample))
            .filter(|value| value.is_finite())
            .collect();
        values.sort_unstable_by(f64::total_cmp);
        let Some(&lowest) = values.first() else {
            return Window::between(0.0, 1.0);
        };
        let kept = &values[values.partition_point(|value| *value <= lowest)..];
        if kept.is_empty() {
            return Window::between(lowest - 0.5, lowest + 0.5);
        }
        let at = |fraction: f64| kept[((kept.len() - 1) as f64 * fraction).round() as usize];
        Window::between(at(0.005), at(0.995))
    }
}

fn element_type<T: 'static>(_: &[T]) -> TypeId {
    TypeId::of::<T>()
}

/// Smallest, greatest and mean of the finite samples in some stretches; `None` where there is none.
fn summarise<T: Sample>(samples: &[T], stretches: Vec<Range<usize>>) -> Option<(f64, f64, f64)> {
    // Blocks are summed one by one and then together, so that the mean of 10⁹ samples keeps its digits.
    let blocks = stretches.into_par_iter().flat_map(|stretch| samples[stretch].par_chunks(BLOCK));
    let all = blocks.map(T::sum_up).reduce(|| BlockSum::NONE, BlockSum::and);
    (all.count > 0).then(|| (all.min, all.max, all.sum / all.count as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Affine, Point, Vector};
    use crate::volume::Buffer;

    fn volume(samples: Samples, rescale: Rescale) -> Volume {
        let axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(Vector::from);
        let map = Affine::from_axes(axes[0], axes[1], axes[2], Point::ORIGIN).expect("invertible");
        let grid = Grid::new([samples.len(), 1, 1], map, None).expect("a grid");
        Volume::new(grid, 1, samples, rescale).expect("a volume")
    }

    #[test]
    fn statistics_are_exact_at_the_ends_of_every_type_and_pass_over_what_is_not_finite() {
        let check = |samples: Samples, min: f64, max: f64, mean: f64| {
            let found = volume(samples, Rescale { slope: -2.0, intercept: 1.0 }).statistics();
            assert_eq!(found, Statistics { min, max, mean });
        };
        fn filled<T: Sample>(count: usize, sample: T) -> Buffer<T> {
            let mut buffer = Buffer::zeroed(count).expect("memory");
            buffer.fill(sample);
            buffer
        }
        // More than one block, at the value whose sums are greatest.
        let of_all = |sample: f64| 1.0 - 2.0 * sample;
        let ends = |samples, sample| check(samples, of_all(sample), of_all(sample), of_all(sample));
        ends(Samples::I8(filled(40_000, i8::MIN)), -128.0);
        ends(Samples::U8(filled(40_000, u8::MAX)), 255.0);
        ends(Samples::I16(filled(40_000, i16::MIN)), -32768.0);
        ends(Samples::U16(filled(40_000, u16::MAX)), 65535.0);
        ends(Samples::I32(filled(40_000, i32::MIN)), -2_147_483_648.0);
        ends(Samples::U32(filled(40_000, u32::MAX)), 4_294_967_295.0);
        ends(Samples::I64(filled(40_000, i64::MIN)), -9_223_372_036_854_775_808.0);
        ends(Samples::U64(filled(40_000, 1 << 63)), 9_223_372_036_854_775_808.0);
        let mixed = [f32::NAN, 1.0, f32::INFINITY, 4.0, f32::NEG_INFINITY];
        check(Samples::F32(Buffer::from_slice(&mixed).expect("memory")), -7.0, -1.0, -4.0);
        check(Samples::F64(filled(3, f64::NAN)), 0.0, 0.0, 0.0);
    }

    #[test]
    fn slices_that_were_never_there_decide_nothing() {
        let axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(Vector::from);
        let map = Affine::from_axes(axes[0], axes[1], axes[2], Point::ORIGIN).expect("invertible");
        let grid = Grid::new([2, 1, 3], map, None).expect("a grid");
        let stored = [1i16, 2, i16::MIN, i16::MIN, 3, 4, 5, 6, i16::MIN, i16::MIN, 7, 8];
        let samples = Samples::I16(Buffer::from_slice(&stored).expect("memory"));
        let volume = Volume::new(grid, 2, samples, Rescale::NONE).expect("a volume");
        let volume = volume.with_missing_slices(vec![1]).expect("inside");
        assert_eq!(volume.statistics(), Statistics { min: 1.0, max: 8.0, mean: 4.5 });
        assert_eq!((volume.automatic_window().low(), volume.automatic_window().high()), (2.0, 4.0));
        assert!(volume.is_missing(1) && !volume.is_missing(0));
        let volume = volume.with_missing_slices(Vec::new()).and_then(|v| v.with_missing_pictures(vec![1, 4]));
        let volume = volume.expect("inside");
        assert_eq!(volume.statistics(), Statistics { min: 1.0, max: 8.0, mean: 4.5 });
        let at = |time| [0, 1, 2].map(|k| volume.is_missing_at(k, time));
        assert_eq!((at(0), at(1), at(9)), ([false, true, false], [false, true, false], at(1)));
        assert!(volume.has_gaps() && !volume.is_missing(1));
        for wrong in [vec![3], vec![1, 1], vec![0, 1, 2]] {
            let volume = self::volume(Samples::U8(Buffer::zeroed(1).expect("memory")), Rescale::NONE);
            assert!(volume.with_missing_slices(wrong).is_err());
        }
    }

    #[test]
    fn the_automatic_window_leaves_out_padding() {
        let mut samples: Vec<i16> = vec![-2000; 3000];
        samples.extend((0..=1000).chain([30_000; 3000]));
        let samples = Samples::I16(Buffer::from_slice(&samples).expect("memory"));
        let rescale = Rescale { slope: 2.0, intercept: 1.0 };
        let mut volume = volume(samples, rescale);
        assert_eq!(volume.automatic_window().high(), 60_001.0);
        volume.padding = Some([29_999.0, 30_000.0]);
        assert_eq!(volume.automatic_window().high(), 1991.0);
    }

    #[test]
    fn the_automatic_window_leaves_out_background_and_either_end() {
        let mut samples = vec![-1000i16; 5000];
        samples.extend(0..=1000);
        samples.extend([-900, 3000]);
        let samples = Samples::I16(Buffer::from_slice(&samples).expect("memory"));
        let window = volume(samples, Rescale::NONE).automatic_window();
        // Of the 1003 values above the air, five at either end.
        assert_eq!((window.low(), window.high()), (4.0, 996.0));
    }
}
