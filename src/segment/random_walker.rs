//! Where a walker that prefers even ground arrives first.
//!
//! The random walker (Grady, IEEE TPAMI 28 (2006) 1768) for object and background: the probability that a
//! walk from a voxel meets the object before the background solves one Laplace equation. It is solved by
//! conjugate gradients with a multigrid cycle over blocks of 2³ voxels as preconditioner.

use rayon::prelude::*;

use super::refine::{Field, Refinement};
use super::{Cancelled, Progress};
use crate::volume::Mask;

/// The voxels whose walks meet the object first with a probability above one half.
///
/// Between neighbours, 6 to a voxel, whose values differ by d a walk goes in proportion to
/// exp(−β d² / 10 s), with s the standard deviation of the box's values: `beta` means what it means to
/// scikit-image, where 130 is usual. Takes some 50 bytes for each voxel of the box.
pub fn random_walker(from: &Refinement<'_>, beta: f64, progress: &dyn Progress) -> Result<Mask, Cancelled> {
    let field = Field::of(from);
    let deviation = deviation(&field.values);
    walk(&field, if deviation > 0.0 { -beta / (10.0 * deviation) } else { 0.0 }, progress)
}

/// The same where a walk over a difference d goes in proportion to exp(`per_square` · d²).
pub(super) fn walk(field: &Field, per_square: f64, progress: &dyn Progress) -> Result<Mask, Cancelled> {
    if field.values.is_empty() {
        return Ok(field.mask(|_| false));
    }
    let leaning = leanings(field, per_square, progress)?;
    Ok(field.mask(|at| leaning[at] > 0.0))
}

/// The residual, relative to the right side, at which the answer is taken.
const TOLERANCE: f64 = 1e-3;
/// More rounds than any picture has needed.
const MOST_ROUNDS: usize = 500;
/// No way is closed altogether, as in scikit-image.
const LEAST_WEIGHT: f64 = 1e-10;

/// The probability to meet the object first less that to meet the background first. The difference treats
/// both alike where the answer is not yet exact.
fn leanings(field: &Field, per_square: f64, progress: &dyn Progress) -> Result<Vec<f32>, Cancelled> {
    let (finest, right) = finest(field, per_square);
    let mut levels = vec![Level::new(finest)];
    while let Some(coarser) = levels.last().and_then(|level| level.system.coarser()) {
        levels.push(Level::new(coarser));
    }
    let mut solution = solve(&mut levels, &right, progress)?;
    for (leaning, certain) in solution.iter_mut().zip(&field.certain) {
        *leaning = certain.map_or(*leaning, towards);
    }
    Ok(solution)
}

fn towards(is_object: bool) -> f32 {
    if is_object { 1.0 } else { -1.0 }
}

/// A symmetric system on a grid. Weights differ by ten powers of ten: sums are kept, never differences.
struct System {
    dims: [usize; 3],
    /// What joins a voxel to the next along each axis; 0 at the end of a row.
    joints: [Vec<f32>; 3],
    /// What joins a voxel to certain ones.
    ground: Vec<f32>,
    /// One over all that joins a voxel to others; 0 for what is not solved for.
    inverse: Vec<f32>,
}

/// The system of all voxels that are not certain, and its right side.
fn finest(field: &Field, per_square: f64) -> (System, Vec<f32>) {
    let dims @ [ni, nj, _] = field.dims;
    let steps = [1, ni, ni * nj];
    let mut joints: [Vec<f32>; 3] = std::array::from_fn(|axis| {
        let joint = |at: usize| {
            let place = [at % ni, at / ni % nj, at / ni / nj];
            let is_scanned = |k: usize| field.scanned[k];
            let is_joined = place[axis] + 1 < dims[axis]
                && is_scanned(place[2])
                && is_scanned(place[2] + usize::from(axis == 2));
            if !is_joined {
                return 0.0;
            }
            let step = f64::from(field.values[at + steps[axis]] - field.values[at]);
            ((step * step * per_square).exp() + LEAST_WEIGHT) as f32
        };
        (0..field.values.len()).into_par_iter().map(joint).collect()
    });
    let mut ground = vec![0f32; field.values.len()];
    let mut right = ground.clone();
    for (axis, joints) in joints.iter_mut().enumerate() {
        for (at, joint) in joints.iter_mut().enumerate() {
            let weight = std::mem::take(joint);
            if weight == 0.0 {
                continue;
            }
            let ends = [at, at + steps[axis]];
            for (end, other) in [(ends[0], ends[1]), (ends[1], ends[0])] {
                if let (None, Some(is_object)) = (field.certain[end], field.certain[other]) {
                    ground[end] += weight;
                    right[end] += weight * towards(is_object);
                }
            }
            if ends.iter().all(|end| field.certain[*end].is_none()) {
                *joint = weight;
            }
        }
    }
    (System::new(dims, joints, ground), right)
}

fn deviation(values: &[f32]) -> f64 {
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    (values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count).sqrt()
}

impl System {
    fn new(dims: [usize; 3], joints: [Vec<f32>; 3], ground: Vec<f32>) -> Self {
        let mut inverse = ground.clone();
        for (joints, step) in joints.iter().zip([1, dims[0], dims[0] * dims[1]]) {
            for (at, joint) in joints.iter().enumerate().filter(|(_, joint)| **joint != 0.0) {
                inverse[at] += joint;
                inverse[at + step] += joint;
            }
        }
        inverse.iter_mut().filter(|weight| **weight > 0.0).for_each(|weight| *weight = 1.0 / *weight);
        Self { dims, joints, ground, inverse }
    }

    /// The same for blocks of 2³ voxels that have one value each; `None` where there is little to gain.
    fn coarser(&self) -> Option<Self> {
        let [ni, nj, _] = self.dims;
        if self.ground.len() < 64 {
            return None;
        }
        let dims = self.dims.map(|n| n.div_ceil(2));
        let mut ground = vec![0f32; dims.iter().product()];
        let mut joints = [(); 3].map(|()| ground.clone());
        for_each_block(self.dims, |at, block| ground[block] += self.ground[at]);
        for (axis, joints) in joints.iter_mut().enumerate() {
            let step = [1, ni, ni * nj][axis];
            for_each_block(self.dims, |at, block| {
                // Only the far half of a block is joined to the next block.
                if at / step % self.dims[axis] % 2 == 1 {
                    joints[block] += self.joints[axis][at];
                }
            });
        }
        Some(Self::new(dims, joints, ground))
    }

    /// Calls `visit` with each voxel, how much its neighbours draw it to their values in `x`, and the place
    /// in `out` to write.
    fn for_each(&self, x: &[f32], out: &mut [f32], visit: impl Fn(usize, f32, &mut f32) + Sync) {
        let [ni, nj, _] = self.dims;
        let slice = ni * nj;
        let [along_i, along_j, along_k] = &self.joints;
        out.par_chunks_mut(slice).enumerate().for_each(|(k, out)| {
            let mut drawn = vec![0f32; ni];
            for j in 0..nj {
                let start = k * slice + j * ni;
                let row = start..start + ni;
                let here = &x[row.clone()];
                drawn.fill(0.0);
                let mut draw = |joints: &[f32], there: &[f32], sum_from: usize| {
                    let sums = drawn[sum_from..].iter_mut().zip(&here[sum_from..]);
                    for ((sum, here), (joint, there)) in sums.zip(joints.iter().zip(there)) {
                        *sum += joint * (there - here);
                    }
                };
                draw(&along_i[row.clone()], &here[1..], 0);
                draw(&along_i[row.clone()], here, 1);
                draw(&along_j[row.clone()], x.get(start + ni..).unwrap_or(&[]), 0);
                draw(&along_k[row.clone()], x.get(start + slice..).unwrap_or(&[]), 0);
                if j > 0 {
                    draw(&along_j[start - ni..start], &x[start - ni..start], 0);
                }
                if k > 0 {
                    draw(&along_k[start - slice..start - slice + ni], &x[start - slice..], 0);
                }
                for ((n, out), sum) in out[j * ni..(j + 1) * ni].iter_mut().enumerate().zip(&drawn) {
                    visit(start + n, *sum, out);
                }
            }
        });
    }

    fn apply(&self, x: &[f32], out: &mut [f32]) {
        self.for_each(x, out, |at, drawn, out| *out = self.ground[at] * x[at] - drawn);
    }
}

/// Calls `visit` with each voxel of a grid and the block of 2³ that holds it.
fn for_each_block([ni, nj, nk]: [usize; 3], mut visit: impl FnMut(usize, usize)) {
    let [blocks_i, blocks_j] = [ni, nj].map(|n| n.div_ceil(2));
    for (row, (k, j)) in (0..nk).flat_map(|k| (0..nj).map(move |j| (k, j))).enumerate() {
        let block = (k / 2 * blocks_j + j / 2) * blocks_i;
        for i in 0..ni {
            visit(row * ni + i, block + i / 2);
        }
    }
}

/// A system with room to work in.
struct Level {
    system: System,
    right: Vec<f32>,
    x: Vec<f32>,
    spare: Vec<f32>,
}

/// How much of a correction a smoothing step makes.
const DAMPING: f32 = 0.8;
/// Blocks of one value each correct too little; so much more.
const BLOCK_CORRECTION: f32 = 1.6;

impl Level {
    fn new(system: System) -> Self {
        let zeros = || vec![0f32; system.ground.len()];
        let (right, x, spare) = (zeros(), zeros(), zeros());
        Self { system, right, x, spare }
    }

    /// One step of damped Jacobi.
    fn smooth(&mut self) {
        let (system, right, x) = (&self.system, &self.right, &self.x);
        system.for_each(x, &mut self.spare, |at, drawn, out| {
            let residual = right[at] + drawn - system.ground[at] * x[at];
            *out = x[at] + DAMPING * system.inverse[at] * residual;
        });
        std::mem::swap(&mut self.x, &mut self.spare);
    }
}

/// A symmetric multigrid cycle on the right side of the first level.
fn cycle(levels: &mut [Level]) {
    let Some((level, coarser)) = levels.split_first_mut() else { return };
    // The first step from nothing.
    let right = &level.right;
    level
        .x
        .par_iter_mut()
        .enumerate()
        .for_each(|(at, x)| *x = DAMPING * level.system.inverse[at] * right[at]);
    let Some(next) = coarser.first_mut() else {
        (0..8).for_each(|_| level.smooth());
        return;
    };
    let dims = level.system.dims;
    level.system.apply(&level.x, &mut level.spare);
    next.right.fill(0.0);
    for_each_block(dims, |at, block| next.right[block] += level.right[at] - level.spare[at]);
    cycle(coarser);
    let correction = &coarser[0].x;
    for_each_block(dims, |at, block| {
        if level.system.inverse[at] > 0.0 {
            level.x[at] += BLOCK_CORRECTION * correction[block];
        }
    });
    level.smooth();
}

/// Preconditioned conjugate gradients on the finest level.
fn solve(levels: &mut [Level], right: &[f32], progress: &dyn Progress) -> Result<Vec<f32>, Cancelled> {
    let mut solution = vec![0f32; right.len()];
    let mut residual = right.to_vec();
    let (first, last) = (dot(right, right).sqrt(), dot(right, right).sqrt() * TOLERANCE);
    let mut direction = vec![0f32; right.len()];
    let mut image = vec![0f32; right.len()];
    let mut old_product = 0.0;
    for _ in 0..MOST_ROUNDS {
        let norm = dot(&residual, &residual).sqrt();
        // The residual falls by about the same factor in each round.
        let done = if norm > 0.0 { (first / norm).ln() / (first / last).ln() } else { 1.0 };
        progress.go_on(done.clamp(0.0, 1.0) as f32)?;
        if norm <= last {
            break;
        }
        levels[0].right.copy_from_slice(&residual);
        cycle(levels);
        let step = &levels[0].x;
        let product = dot(&residual, step);
        let carried = if old_product == 0.0 { 0.0 } else { (product / old_product) as f32 };
        old_product = product;
        direction
            .par_iter_mut()
            .zip(step)
            .for_each(|(direction, step)| *direction = step + carried * *direction);
        levels[0].system.apply(&direction, &mut image);
        let length = (product / dot(&direction, &image)) as f32;
        solution.par_iter_mut().zip(&direction).for_each(|(x, direction)| *x += length * direction);
        residual.par_iter_mut().zip(&image).for_each(|(residual, image)| *residual -= length * image);
    }
    Ok(solution)
}

/// In parts of one size, so that the sum does not depend on the number of threads.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let part = |(a, b): (&[f32], &[f32])| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    let parts: Vec<f64> = a.par_chunks(1 << 14).zip(b.par_chunks(1 << 14)).map(part).collect();
    parts.into_iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Affine, Grid, VoxelBox};
    use crate::segment::Unwatched;
    use crate::volume::{Buffer, Rescale, Samples, Volume};

    fn volume(dims: [usize; 3], sample: impl Fn(usize) -> i16) -> Volume {
        let rows = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
        let grid = Grid::new(dims, Affine::from_rows(rows).expect("an affine"), None).expect("a grid");
        let samples: Vec<i16> = (0..dims.iter().product()).map(sample).collect();
        let samples = Samples::I16(Buffer::from_slice(&samples).expect("memory"));
        Volume::new(grid, 1, samples, Rescale::NONE).expect("a volume")
    }

    fn block(min: [usize; 3], max: [usize; 3], bounds: VoxelBox) -> Mask {
        Mask::full(VoxelBox { min, max }).within(bounds)
    }

    #[test]
    fn on_even_ground_the_leaning_falls_evenly() {
        let dims = [33, 9, 7];
        let volume = volume(dims, |_| 5);
        let bounds = volume.grid().bounds();
        let (object, background) = (block([0; 3], [1, 9, 7], bounds), block([32, 0, 0], dims, bounds));
        let from = Refinement { volume: &volume, time: 0, object: &object, background: &background };
        let found = leanings(&Field::of(&from), -1.0, &Unwatched).expect("nobody cancels");
        for (at, leaning) in found.iter().enumerate() {
            let expected = 1.0 - (at % 33) as f32 / 16.0;
            assert!((leaning - expected).abs() < 0.02, "{leaning} at {at}, not {expected}");
        }
    }

    #[test]
    fn it_solves_what_plain_relaxation_solves() {
        let dims = [13, 10, 6];
        let noise = |n: usize| ((n * n * 31 + n * 17) % 23) as i16;
        let volume = volume(dims, |n| noise(n) + if n % 13 > 6 { 20 } else { 0 });
        let bounds = volume.grid().bounds();
        let (object, background) =
            (block([1, 2, 2], [3, 5, 4], bounds), block([10, 6, 1], [12, 9, 5], bounds));
        let from = Refinement { volume: &volume, time: 0, object: &object, background: &background };
        let field = Field::of(&from);
        let per_square = -0.2 / deviation(&field.values);
        let found = leanings(&field, per_square, &Unwatched).expect("nobody cancels");
        let (system, right) = finest(&field, per_square);
        let mut plain = vec![0f64; right.len()];
        let steps = [1, 13, 130];
        for _ in 0..20_000 {
            for at in (0..plain.len()).filter(|at| system.inverse[*at] > 0.0) {
                let mut sum = f64::from(right[at]);
                for (joints, step) in system.joints.iter().zip(steps) {
                    sum += plain.get(at + step).map_or(0.0, |x| f64::from(joints[at]) * x);
                    sum +=
                        at.checked_sub(step).map_or(0.0, |before| f64::from(joints[before]) * plain[before]);
                }
                plain[at] = sum * f64::from(system.inverse[at]);
            }
        }
        for (at, (found, plain)) in found.iter().zip(&plain).enumerate() {
            if field.certain[at].is_none() {
                assert!((f64::from(*found) - plain).abs() < 0.04, "{found} at {at}, not {plain}");
            }
        }
    }

    #[test]
    fn an_edge_in_the_picture_becomes_the_boundary() {
        let dims = [40, 12, 9];
        let volume = volume(dims, |n| if n % 40 < 13 { 100 } else { 300 } + (n % 7) as i16);
        let bounds = volume.grid().bounds();
        let (object, background) =
            (block([1, 4, 4], [3, 7, 6], bounds), block([30, 4, 4], [33, 7, 6], bounds));
        let from = Refinement { volume: &volume, time: 0, object: &object, background: &background };
        let found = random_walker(&from, 130.0, &Unwatched).expect("nobody cancels");
        assert_eq!(found, block([0; 3], [13, 12, 9], bounds));
    }
}
