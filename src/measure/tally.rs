//! What each label of a map comes to: voxels, values, place. One pass over the bricks, and after an edit
//! over the bricks that changed.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::moments::{Counted, Moments};
use crate::geometry::{Grid, Patient, Point, Voxel, VoxelBox, VoxelIndex};
use crate::volume::{BRICK_EDGE, Brick, BrickIndex, LabelMap, Volume, with_samples};

/// What the voxels of each label come to. Kept brick by brick: [`Self::follow`] costs what was painted.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    time: usize,
    seen: u64,
    bricks: BTreeMap<BrickOrder, Vec<(u16, LabelSums)>>,
}

/// Bricks in the order in which they are summed up, so that every sum is the same each time.
type BrickOrder = [u32; 3];

/// What the voxels of one label come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelSums {
    /// How many there are.
    pub voxels: u64,
    /// The smallest box around them.
    pub bounds: VoxelBox,
    /// Their values after rescale (for colours the luma) that are finite and were scanned.
    pub values: Moments,
    /// Sums of i, j and k.
    first: [u128; 3],
    /// Sums of i·i, j·j, k·k, i·j, i·k and j·k.
    second: [u128; 6],
}

/// The axes that each second moment is of.
const PAIRS: [[usize; 2]; 6] = [[0, 0], [1, 1], [2, 2], [0, 1], [0, 2], [1, 2]];

impl Tally {
    /// The tally of a map over a volume of the same dimensions, with the values of one time.
    pub fn of(volume: &Volume, time: usize, map: &LabelMap) -> Self {
        let mut tally = Self { time: time.min(volume.times() - 1), ..Self::default() };
        tally.follow(volume, map);
        tally
    }

    /// Takes in every brick of the same map that changed since the last call.
    pub fn follow(&mut self, volume: &Volume, map: &LabelMap) {
        let changed: Vec<BrickIndex> = map.changed_since(self.seen).collect();
        let sums: Vec<_> = changed
            .par_iter()
            .map(|index| map.brick(*index).map(|brick| of_brick(volume, self.time, map, *index, brick)))
            .collect();
        for (BrickIndex([i, j, k]), sums) in changed.into_iter().zip(sums) {
            match sums {
                Some(sums) => self.bricks.insert([k, j, i], sums),
                None => self.bricks.remove(&[k, j, i]),
            };
        }
        self.seen = map.revision();
    }

    /// What each label comes to; background is not told.
    pub fn labels(&self) -> BTreeMap<u16, LabelSums> {
        let mut labels: BTreeMap<u16, LabelSums> = BTreeMap::new();
        for (label, sums) in self.bricks.values().flatten() {
            labels.entry(*label).and_modify(|all| *all = all.and(sums)).or_insert(*sums);
        }
        labels
    }
}

impl LabelSums {
    fn and(&self, other: &Self) -> Self {
        Self {
            voxels: self.voxels + other.voxels,
            bounds: self.bounds.union(&other.bounds),
            values: self.values.and(&other.values),
            first: std::array::from_fn(|n| self.first[n] + other.first[n]),
            second: std::array::from_fn(|n| self.second[n] + other.second[n]),
        }
    }

    /// Volume in mm³: voxels times the volume of one.
    pub fn mm3(&self, grid: &Grid) -> f64 {
        self.voxels as f64 * grid.voxel_mm3()
    }

    /// Edges in mm of the smallest box of whole voxels along the grid's axes.
    pub fn extent_mm(&self, grid: &Grid) -> [f64; 3] {
        let (dims, spacing) = (self.bounds.dims(), grid.spacing_mm());
        std::array::from_fn(|axis| dims[axis] as f64 * spacing[axis])
    }

    /// The mean of the voxels' centres.
    pub fn centroid(&self, grid: &Grid) -> Point<Patient> {
        let mean = self.first.map(|sum| sum as f64 / self.voxels as f64);
        grid.patient_from_voxel() * Point::<Voxel>::from(mean)
    }

    /// Covariance of the voxels' centres about their mean, in mm², along the patient's axes; the
    /// denominator is the count of voxels.
    pub fn covariance_mm2(&self, grid: &Grid) -> glam::DMat3 {
        let count = u128::from(self.voxels);
        let squared = self.voxels as f64 * self.voxels as f64;
        let mut of_voxels = [[0.0; 3]; 3];
        for (sum, [a, b]) in self.second.iter().zip(PAIRS) {
            // Whole numbers until here, and never negative on the diagonal.
            let (whole, part) = (count * sum, self.first[a] * self.first[b]);
            let covariance = if whole >= part { (whole - part) as f64 } else { -((part - whole) as f64) };
            of_voxels[a][b] = covariance / squared;
            of_voxels[b][a] = of_voxels[a][b];
        }
        let map = grid.patient_from_voxel().raw().matrix3;
        map * glam::DMat3::from_cols_array_2d(&of_voxels) * map.transpose()
    }
}

/// What one label comes to in a brick; places are counted from the brick's first voxel.
struct InBrick<T: Counted> {
    label: u16,
    voxels: u32,
    first: [u32; 3],
    second: [u32; 6],
    /// Bit n is set where slice n of the brick holds the label, per axis.
    slices: [u32; 3],
    values: T::Sums,
}

/// Sums of 0, 1, 4, 9 … up to without each number.
const SQUARES_BELOW: [u32; BRICK_EDGE + 1] = {
    let mut sums = [0; BRICK_EDGE + 1];
    let mut n = 0;
    while n < BRICK_EDGE {
        sums[n + 1] = sums[n] + (n * n) as u32;
        n += 1;
    }
    sums
};

fn of_brick(
    volume: &Volume,
    time: usize,
    map: &LabelMap,
    index: BrickIndex,
    brick: &Brick,
) -> Vec<(u16, LabelSums)> {
    let bounds = map.brick_bounds(index);
    let first = time * volume.grid().voxel_count();
    let offset = |j: usize, k: usize| first + volume.grid().offset(VoxelIndex::new(bounds.min[0], j, k));
    let length = bounds.max[0] - bounds.min[0];
    with_samples!(volume.samples(), samples => {
        summed(volume, time, bounds, brick, |j, k| &samples[offset(j, k)..][..length])
    }, colour => {
        let mut luma = vec![0f64; brick.labels().len()];
        for (place, value) in luma.iter_mut().enumerate() {
            let [i, j, k] = [place % BRICK_EDGE, place / BRICK_EDGE % BRICK_EDGE, place / BRICK_EDGE / BRICK_EDGE];
            if i < length && bounds.min[1] + j < bounds.max[1] && bounds.min[2] + k < bounds.max[2] {
                *value = volume.samples().at(offset(bounds.min[1] + j, bounds.min[2] + k) + i);
            }
        }
        summed(volume, time, bounds, brick, |j, k| {
            let row = (k % BRICK_EDGE * BRICK_EDGE + j % BRICK_EDGE) * BRICK_EDGE;
            &luma[row..row + length]
        })
    })
}

fn summed<'a, T: Counted>(
    volume: &Volume,
    time: usize,
    bounds: VoxelBox,
    brick: &Brick,
    samples: impl Fn(usize, usize) -> &'a [T],
) -> Vec<(u16, LabelSums)> {
    let mut found: Vec<InBrick<T>> = Vec::new();
    let mut current = 0;
    for k in bounds.min[2]..bounds.max[2] {
        let is_scanned = !volume.is_missing_at(k, time);
        for j in bounds.min[1]..bounds.max[1] {
            let [in_j, in_k] = [j % BRICK_EDGE, k % BRICK_EDGE];
            let row = &brick.labels()[(in_k * BRICK_EDGE + in_j) * BRICK_EDGE..][..BRICK_EDGE];
            if Brick::is_all(row, 0) {
                continue;
            }
            let samples = samples(j, k);
            let mut start = 0;
            for run in row[..samples.len()].chunk_by(|a, b| a == b) {
                let end = start + run.len();
                let label = run[0];
                if label != 0 {
                    if found.get(current).is_none_or(|sums| sums.label != label) {
                        current = place_of(&mut found, label);
                    }
                    let sums = &mut found[current];
                    sums.place([start, end], in_j, in_k);
                    if is_scanned {
                        T::add(&samples[start..end], &mut sums.values);
                    }
                }
                start = end;
            }
        }
    }
    let rescale = volume.rescale();
    let first = bounds.min;
    found
        .iter()
        .map(|sums| (sums.label, sums.in_grid(first, T::moments(&sums.values).rescaled(rescale))))
        .collect()
}

/// Where a label's sums are among those found; they are added where there were none.
fn place_of<T: Counted>(found: &mut Vec<InBrick<T>>, label: u16) -> usize {
    found.iter().position(|sums| sums.label == label).unwrap_or_else(|| {
        found.push(InBrick {
            label,
            voxels: 0,
            first: [0; 3],
            second: [0; 6],
            slices: [0; 3],
            values: T::Sums::default(),
        });
        found.len() - 1
    })
}

impl<T: Counted> InBrick<T> {
    /// Counts a run along i.
    fn place(&mut self, [start, end]: [usize; 2], j: usize, k: usize) {
        let [count, j, k] = [end - start, j, k].map(|n| n as u32);
        let sum_i = (start + end - 1) as u32 * count / 2;
        self.voxels += count;
        for (sum, more) in self.first.iter_mut().zip([sum_i, count * j, count * k]) {
            *sum += more;
        }
        let squares = SQUARES_BELOW[end] - SQUARES_BELOW[start];
        let second = [squares, count * j * j, count * k * k, sum_i * j, sum_i * k, count * j * k];
        for (sum, more) in self.second.iter_mut().zip(second) {
            *sum += more;
        }
        self.slices[0] |= (u32::MAX >> (BRICK_EDGE - end)) & (u32::MAX << start);
        self.slices[1] |= 1 << j;
        self.slices[2] |= 1 << k;
    }

    /// The same, with places counted from the grid's first voxel.
    fn in_grid(&self, first: [usize; 3], values: Moments) -> LabelSums {
        let count = u128::from(self.voxels);
        let origin = first.map(|n| n as u128);
        let within = self.first.map(u128::from);
        let mut second = self.second.map(u128::from);
        for (sum, [a, b]) in second.iter_mut().zip(PAIRS) {
            *sum += origin[a] * within[b] + origin[b] * within[a] + count * origin[a] * origin[b];
        }
        let edge = |axis: usize, bit: u32| first[axis] + bit as usize;
        LabelSums {
            voxels: u64::from(self.voxels),
            bounds: VoxelBox {
                min: std::array::from_fn(|axis| edge(axis, self.slices[axis].trailing_zeros())),
                max: std::array::from_fn(|axis| edge(axis, u32::BITS - self.slices[axis].leading_zeros())),
            },
            values,
            first: std::array::from_fn(|axis| within[axis] + count * origin[axis]),
            second,
        }
    }
}
