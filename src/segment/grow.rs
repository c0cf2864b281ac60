//! Regions that grow from a seed.

use rayon::prelude::*;

use super::{Cancelled, Components, Connectivity, Progress};
use crate::geometry::{VoxelBox, VoxelIndex};
use crate::progress::Part;
use crate::volume::{Mask, Volume};

/// The part of a mask that holds a seed; nothing where the seed does not belong.
pub fn connected_to(
    mask: &Mask,
    seed: VoxelIndex,
    connectivity: Connectivity,
    progress: &dyn Progress,
) -> Result<Mask, Cancelled> {
    if !mask.contains(seed) {
        return Ok(Mask::empty(mask.bounds()));
    }
    let parts = Components::of(mask, connectivity, progress)?;
    let wanted = parts.at(seed);
    Ok(parts.mask(|part| Some(part) == wanted))
}

/// The voxels of the box that a path of values within the range leads to from a seed (ITK's
/// `ConnectedThreshold`).
pub fn region(
    volume: &Volume,
    bounds: VoxelBox,
    seed: VoxelIndex,
    range: [f64; 2],
    connectivity: Connectivity,
    time: usize,
    progress: &dyn Progress,
) -> Result<Mask, Cancelled> {
    connected_to(&Mask::of_values(volume, bounds, range, time), seed, connectivity, progress)
}

/// How a region learns its range from what it holds so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confidence {
    /// How many standard deviations from the mean a value may lie.
    pub multiplier: f64,
    /// How often the range is learnt anew.
    pub iterations: usize,
    /// The first range comes from a cube that reaches so many voxels from the seed.
    pub radius: usize,
}

impl Default for Confidence {
    /// ITK's defaults.
    fn default() -> Self {
        Self { multiplier: 2.5, iterations: 4, radius: 1 }
    }
}

/// The region of a seed whose range is mean ± multiplier × standard deviation of what the region holds,
/// learnt anew a number of times; the range always holds the seed's value. ITK's
/// `ConfidenceConnectedImageFilter` with one seed, but that limits are not cut to whole numbers, and that
/// what is no finite number teaches nothing. The region stays among some voxels.
pub fn confidence_connected(
    volume: &Volume,
    among: &Mask,
    seed: VoxelIndex,
    confidence: Confidence,
    connectivity: Connectivity,
    time: usize,
    progress: &dyn Progress,
) -> Result<Mask, Cancelled> {
    let Confidence { multiplier, iterations, radius } = confidence;
    let at_seed = volume.value(seed, time.min(volume.times() - 1));
    let mut moments = around(volume, seed, radius, time);
    let mut region = Mask::empty(among.bounds());
    for pass in 0..=iterations {
        let fraction = |pass: usize| pass as f32 / (iterations + 1) as f32;
        let part = Part::new(progress, fraction(pass), fraction(pass + 1));
        let reach = multiplier * moments.variance().sqrt();
        let range = [(moments.mean - reach).min(at_seed), (moments.mean + reach).max(at_seed)];
        let mut within = Mask::of_values(volume, among.bounds(), range, time);
        within.intersect(among);
        region = connected_to(&within, seed, connectivity, &part)?;
        moments = Moments::of_region(volume, &region, time);
        if moments.variance() == 0.0 {
            break;
        }
    }
    Ok(region)
}

/// Count, mean and summed squared distances from the mean, joined as Chan, Golub and LeVeque do.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        values
            .filter(|value| value.is_finite())
            .fold(Self::default(), |so_far, value| so_far.and(Self { count: 1.0, mean: value, squares: 0.0 }))
    }

    fn of_region(volume: &Volume, region: &Mask, time: usize) -> Self {
        let [_, j0, k0] = region.bounds().min;
        let [_, nj, _] = region.bounds().dims();
        let time = time.min(volume.times() - 1);
        let rows = region.words().par_chunks(region.row_words().max(1) * nj.max(1)).enumerate();
        let slices = rows.map(|(k, _)| {
            let mut moments = Self::default();
            for j in j0..j0 + nj {
                crate::volume::for_each_run(region.row(j, k0 + k), |run| {
                    let values = run
                        .map(|i| volume.value(VoxelIndex::new(region.bounds().min[0] + i, j, k0 + k), time));
                    moments = moments.and(Self::of(values));
                });
            }
            moments
        });
        // Joined in order, so that the number of threads does not show in the last digit.
        slices.collect::<Vec<_>>().into_iter().fold(Self::default(), Self::and)
    }

    fn and(self, other: Self) -> Self {
        let count = self.count + other.count;
        if other.count == 0.0 {
            return self;
        }
        let apart = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + apart * other.count / count,
            squares: self.squares + other.squares + apart * apart * self.count * other.count / count,
        }
    }

    /// Of a sample: divided by one less than the count.
    fn variance(self) -> f64 {
        if self.count > 1.0 { self.squares / (self.count - 1.0) } else { 0.0 }
    }
}

/// The values in a cube around a voxel; beyond the grid its border is repeated.
fn around(volume: &Volume, seed: VoxelIndex, radius: usize, time: usize) -> Moments {
    let dims = volume.grid().dims();
    let time = time.min(volume.times() - 1);
    let width = 2 * radius + 1;
    Moments::of((0..width * width * width).map(|n| {
        let by = [n % width, n / width % width, n / width / width];
        let at: [usize; 3] = std::array::from_fn(|axis| {
            (seed.to_array()[axis] + by[axis]).saturating_sub(radius).min(dims[axis] - 1)
        });
        volume.value(VoxelIndex::new(at[0], at[1], at[2]), time)
    }))
}
