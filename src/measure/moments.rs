//! Sums of samples in numbers that hold them exactly, and the moments they come to.

use crate::volume::{Rescale, Sample};

/// Count, mean, spread and ends of some numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// How many numbers.
    pub count: u64,
    /// Smallest; infinity where there is none.
    pub min: f64,
    /// Greatest; minus infinity where there is none.
    pub max: f64,
    mean: f64,
    /// Sum of the squares of the distances from the mean.
    squares: f64,
}

impl Moments {
    /// Of no numbers.
    pub const NONE: Self =
        Self { count: 0, min: f64::INFINITY, max: f64::NEG_INFINITY, mean: 0.0, squares: 0.0 };

    /// Arithmetic mean; `None` of no numbers.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Population variance (denominator n, as numpy and pyradiomics have it); `None` of no numbers.
    pub fn variance(&self) -> Option<f64> {
        (self.count > 0).then(|| self.squares / self.count as f64)
    }

    /// Population standard deviation (denominator n); `None` of no numbers.
    pub fn sd(&self) -> Option<f64> {
        self.variance().map(f64::sqrt)
    }

    /// Sample standard deviation (denominator n − 1, as ITK has it); `None` of less than two numbers.
    pub fn sample_sd(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.squares / (self.count - 1) as f64).sqrt())
    }

    /// Both together (Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing
    /// Sample Variances", 1979).
    pub(super) fn and(&self, other: &Self) -> Self {
        let (ours, theirs) = (self.count as f64, other.count as f64);
        let both = (ours + theirs).max(1.0);
        let apart = other.mean - self.mean;
        Self {
            count: self.count + other.count,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            mean: if self.count == 0 { other.mean } else { self.mean + apart * theirs / both },
            squares: self.squares + other.squares + apart * apart * ours * theirs / both,
        }
    }

    /// The moments of the values of these samples.
    pub(super) fn rescaled(&self, rescale: Rescale) -> Self {
        if self.count == 0 {
            return *self;
        }
        let (a, b) = (rescale.value(self.min), rescale.value(self.max));
        Self {
            count: self.count,
            min: a.min(b),
            max: a.max(b),
            mean: rescale.value(self.mean),
            squares: self.squares * rescale.slope * rescale.slope,
        }
    }
}

/// A sample type that knows in which numbers a brick's samples can be summed.
pub(super) trait Counted: Sample {
    /// What was summed so far, of at most a brick's samples.
    type Sums: Default;

    /// Takes in samples.
    fn add(samples: &[Self], sums: &mut Self::Sums);

    /// What the sums come to.
    fn moments(sums: &Self::Sums) -> Moments;
}

/// Whole numbers, summed exactly.
#[derive(Default)]
pub(super) struct WholeSums<S> {
    count: u32,
    min: i64,
    max: i64,
    sum: i64,
    squares: S,
}

/// Numbers that may be not finite, summed by their distance from the first of them, so that a small
/// spread about a great mean keeps its digits.
#[derive(Default)]
pub(super) struct RealSums {
    count: u32,
    first: f64,
    min: f64,
    max: f64,
    sum: f64,
    squares: f64,
}

macro_rules! counted {
    (whole $($type:ty, $square:ty;)*) => {$(
        impl Counted for $type {
            type Sums = WholeSums<$square>;

            fn add(samples: &[Self], sums: &mut Self::Sums) {
                let Some(first) = samples.first() else { return };
                let (mut min, mut max) = (*first, *first);
                for &sample in samples {
                    min = min.min(sample);
                    max = max.max(sample);
                    sums.sum += i64::from(sample);
                    sums.squares += <$square>::from(sample) * <$square>::from(sample);
                }
                let is_first = sums.count == 0;
                let (min, max) = (i64::from(min), i64::from(max));
                sums.min = if is_first { min } else { min.min(sums.min) };
                sums.max = if is_first { max } else { max.max(sums.max) };
                sums.count += samples.len() as u32;
            }

            fn moments(sums: &Self::Sums) -> Moments {
                let count = i128::from(sums.count);
                if count == 0 {
                    return Moments::NONE;
                }
                let sum = i128::from(sums.sum);
                let spread = count * i128::from(sums.squares) - sum * sum;
                Moments {
                    count: u64::from(sums.count),
                    min: sums.min as f64,
                    max: sums.max as f64,
                    mean: sums.sum as f64 / f64::from(sums.count),
                    squares: spread as f64 / f64::from(sums.count),
                }
            }
        }
    )*};
    (real $($type:ty;)*) => {$(
        impl Counted for $type {
            type Sums = RealSums;

            fn add(samples: &[Self], sums: &mut Self::Sums) {
                for sample in samples.iter().map(|sample| sample.to_f64()).filter(|x| x.is_finite()) {
                    if sums.count == 0 {
                        (sums.first, sums.min, sums.max) = (sample, sample, sample);
                    }
                    let apart = sample - sums.first;
                    sums.count += 1;
                    sums.min = sums.min.min(sample);
                    sums.max = sums.max.max(sample);
                    sums.sum += apart;
                    sums.squares += apart * apart;
                }
            }

            fn moments(sums: &Self::Sums) -> Moments {
                if sums.count == 0 {
                    return Moments::NONE;
                }
                let mean_apart = sums.sum / f64::from(sums.count);
                Moments {
                    count: u64::from(sums.count),
                    min: sums.min,
                    max: sums.max,
                    mean: sums.first + mean_apart,
                    squares: (sums.squares - sums.sum * mean_apart).max(0.0),
                }
            }
        }
    )*};
}

counted!(whole i8, i64; u8, i64; i16, i64; u16, i64; i32, i128; u32, i128;);
counted!(real i64; u64; f32; f64;);
