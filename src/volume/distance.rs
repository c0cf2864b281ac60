//! Exact Euclidean distances in millimetres to the nearest voxel of a mask.

use std::io;
use std::ops::Deref;

use rayon::prelude::*;

use super::buffer::Buffer;
use super::mask::{Mask, for_each_run};
use crate::geometry::{VoxelBox, VoxelIndex};

/// Columns that are gathered at once: the samples of one cache line.
const TILE: usize = 16;

/// The distance from every voxel of a box to the nearest voxel of a mask of that box, between centres;
/// infinite everywhere where the mask is empty.
///
/// Exact, whatever the spacing: the lower envelope of parabolas along one axis after the other
/// (Felzenszwalb and Huttenlocher, "Distance Transforms of Sampled Functions", Theory of Computing 8,
/// 2012), decided in f64 and kept in f32, so true to 2⁻²² of the distance. Axes count as perpendicular.
pub struct DistanceMap {
    bounds: VoxelBox,
    values: Buffer<f32>,
}

impl DistanceMap {
    /// Distances in mm, neighbours along i, j and k being `spacing_mm` apart. Costs O(1) for each voxel of
    /// the mask's box. Fails where memory for them is not to be had.
    pub fn to(mask: &Mask, spacing_mm: [f64; 3]) -> io::Result<Self> {
        Self::reckoned(mask, spacing_mm, f32::sqrt)
    }

    /// The squares of the distances, in mm².
    pub fn squared_to(mask: &Mask, spacing_mm: [f64; 3]) -> io::Result<Self> {
        Self::reckoned(mask, spacing_mm, |squared| squared)
    }

    fn reckoned(mask: &Mask, spacing_mm: [f64; 3], finish: impl Fn(f32) -> f32 + Sync) -> io::Result<Self> {
        let bounds = mask.bounds();
        let [ni, nj, nk] = bounds.dims();
        let mut values = Buffer::zeroed(ni * nj * nk)?;
        if values.is_empty() {
            return Ok(Self { bounds, values });
        }
        let along_j = Axis::new(nj, spacing_mm[1]);
        let slices = values.par_chunks_mut(ni * nj).enumerate();
        let marked: Vec<bool> = slices
            .map_init(Envelope::default, |envelope, (k, slice)| {
                within_slice(mask, bounds.min[2] + k, spacing_mm[0], slice, |rows, sites| {
                    along_j.run(rows, sites, envelope, |squared| squared);
                })
            })
            .collect();
        let sites: Vec<usize> = (0..nk).filter(|k| marked[*k]).collect();
        let along_k = Axis::new(nk, spacing_mm[2]);
        let mut columns: Vec<Vec<&mut [f32]>> = (0..nj).map(|_| Vec::with_capacity(nk)).collect();
        for (number, row) in values.chunks_mut(ni).enumerate() {
            columns[number % nj].push(row);
        }
        columns.into_par_iter().for_each_init(Envelope::default, |envelope, mut rows| {
            along_k.run(&mut rows, &sites, envelope, &finish);
        });
        Ok(Self { bounds, values })
    }

    /// The box.
    pub fn bounds(&self) -> VoxelBox {
        self.bounds
    }

    /// The distances in row (j, k) of the grid, which must lie in the box.
    pub fn row(&self, j: usize, k: usize) -> &[f32] {
        let [ni, nj, _] = self.bounds.dims();
        let row = (k - self.bounds.min[2]) * nj + j - self.bounds.min[1];
        &self.values[row * ni..(row + 1) * ni]
    }

    /// The distance from a voxel of the grid, which must lie in the box.
    pub fn at(&self, voxel: VoxelIndex) -> f32 {
        self.row(voxel.j, voxel.k)[voxel.i - self.bounds.min[0]]
    }
}

/// All distances of the box, i fastest, then j and k.
impl Deref for DistanceMap {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values
    }
}

/// Fills a slice with squared distances along i and has `along_j` bring in those along j. Whether the
/// slice holds a voxel of the mask; else it is infinite.
fn within_slice(
    mask: &Mask,
    k: usize,
    spacing_mm: f64,
    slice: &mut [f32],
    along_j: impl FnOnce(&mut [&mut [f32]], &[usize]),
) -> bool {
    let bounds = mask.bounds();
    let mut rows: Vec<&mut [f32]> = slice.chunks_mut(bounds.dims()[0]).collect();
    let along_i = |(j, row): (usize, &mut &mut [f32])| {
        within_row(mask.row(bounds.min[1] + j, k), spacing_mm, row).then_some(j)
    };
    let sites: Vec<usize> = rows.iter_mut().enumerate().filter_map(along_i).collect();
    if !sites.is_empty() {
        along_j(&mut rows, &sites);
    }
    !sites.is_empty()
}

/// Fills a row with squared distances along it. Whether it holds a voxel of the mask.
fn within_row(words: &[u64], spacing_mm: f64, row: &mut [f32]) -> bool {
    let squared = |steps: usize| {
        let mm = steps as f64 * spacing_mm;
        (mm * mm) as f32
    };
    let mut last: Option<usize> = None;
    for_each_run(words, |run| {
        let gap = &mut row[last.map_or(0, |last| last + 1)..run.start];
        let near_start = if last.is_some() { gap.len() / 2 } else { 0 };
        let length = gap.len();
        for (n, value) in gap.iter_mut().enumerate() {
            *value = squared(if n < near_start { n + 1 } else { length - n });
        }
        row[run.clone()].fill(0.0);
        last = Some(run.end - 1);
    });
    match last {
        Some(last) => {
            for (n, value) in row[last + 1..].iter_mut().enumerate() {
                *value = squared(n + 1);
            }
        }
        None => row.fill(f32::INFINITY),
    }
    last.is_some()
}

/// One axis of a box: its length and what parabolas along it cost.
struct Axis {
    length: usize,
    /// The square of the distance of so many steps, in mm².
    squares: Vec<f32>,
    /// By how many steps two vertices are apart: half the way by which a unit of height moves the point
    /// where their parabolas meet.
    half_shift: Vec<f64>,
}

/// The lower envelope of the parabolas over one column.
#[derive(Default)]
struct Envelope {
    heights: Vec<f32>,
    arcs: Vec<Arc>,
}

/// A parabola and from where on it is the lowest.
#[derive(Clone, Copy)]
struct Arc {
    from: f64,
    vertex: usize,
    height: f64,
}

impl Axis {
    fn new(length: usize, spacing_mm: f64) -> Self {
        let squared = |steps: usize| (steps as f64 * spacing_mm).powi(2);
        Self {
            length,
            squares: (0..length).map(|steps| squared(steps) as f32).collect(),
            half_shift: (0..length).map(|steps| 0.5 * steps as f64 / squared(steps)).collect(),
        }
    }

    /// Brings the distances along this axis into `rows`, one for each step of it, whose `sites` alone are
    /// finite.
    fn run(
        &self,
        rows: &mut [&mut [f32]],
        sites: &[usize],
        envelope: &mut Envelope,
        finish: impl Fn(f32) -> f32,
    ) {
        let Envelope { heights, arcs } = envelope;
        let width = rows.first().map_or(0, |row| row.len());
        let mut results = vec![0f32; TILE * self.length];
        heights.resize(TILE * sites.len(), 0.0);
        for first in (0..width).step_by(TILE) {
            let columns = first..(first + TILE).min(width);
            for (n, site) in sites.iter().enumerate() {
                for (column, value) in rows[*site][columns.clone()].iter().enumerate() {
                    heights[column * sites.len() + n] = *value;
                }
            }
            for column in 0..columns.len() {
                let heights = &heights[column * sites.len()..(column + 1) * sites.len()];
                self.draw(sites, heights, arcs);
                self.follow(arcs, &mut results[column * self.length..(column + 1) * self.length], &finish);
            }
            for (n, row) in rows.iter_mut().enumerate() {
                for (column, value) in row[columns.clone()].iter_mut().enumerate() {
                    *value = results[column * self.length + n];
                }
            }
        }
    }

    /// Draws the envelope of the parabolas at `sites`.
    fn draw(&self, sites: &[usize], heights: &[f32], arcs: &mut Vec<Arc>) {
        arcs.clear();
        for (&vertex, &height) in sites.iter().zip(heights) {
            let height = f64::from(height);
            let mut from = f64::NEG_INFINITY;
            while let Some(top) = arcs.last() {
                let middle = (vertex + top.vertex) as f64 * 0.5;
                from = middle + (height - top.height) * self.half_shift[vertex - top.vertex];
                if from > top.from {
                    break;
                }
                arcs.pop();
                from = f64::NEG_INFINITY;
            }
            if from < self.length as f64 {
                arcs.push(Arc { from, vertex, height });
            }
        }
    }

    /// Reads the envelope at every step.
    fn follow(&self, arcs: &[Arc], results: &mut [f32], finish: impl Fn(f32) -> f32) {
        let mut at = 0;
        for (n, arc) in arcs.iter().enumerate() {
            let until = arcs.get(n + 1).map_or(self.length, |next| first_step_from(next.from));
            let until = until.clamp(at, self.length);
            let height = arc.height as f32;
            let middle = arc.vertex.clamp(at, until);
            let before = self.squares[..=arc.vertex - at.min(arc.vertex)].iter().rev();
            for (result, squared) in results[at..middle].iter_mut().zip(before) {
                *result = finish(height + squared);
            }
            let after = &self.squares[middle.saturating_sub(arc.vertex)..];
            for (result, squared) in results[middle..until].iter_mut().zip(after) {
                *result = finish(height + squared);
            }
            at = until;
        }
        results[at..].fill(f32::INFINITY);
    }
}

/// The first whole number that is not below a place; 0 for places before it. Without the call that
/// rounding is on processors of 2003.
fn first_step_from(place: f64) -> usize {
    let below = place as u32;
    below as usize + usize::from(f64::from(below) < place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The least distance over all voxels of the mask.
    fn by_search(mask: &Mask, spacing_mm: [f64; 3], from: [usize; 3]) -> f64 {
        let mut least = f64::INFINITY;
        mask.for_each_run(|run, j, k| {
            for i in run {
                let steps = [i, j, k].map(|n| n as f64);
                let squares =
                    (0..3).map(|axis| ((steps[axis] - from[axis] as f64) * spacing_mm[axis]).powi(2));
                least = least.min(squares.sum::<f64>().sqrt());
            }
        });
        least
    }

    proptest! {
        #[test]
        fn distances_are_those_that_a_search_finds(
            min in prop::array::uniform3(0usize..5),
            dims in (1usize..70, 1usize..20, 1usize..20),
            spacing_mm in prop::array::uniform3(0.1f64..7.0),
            places in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        ) {
            let dims = [dims.0, dims.1, dims.2];
            let bounds = VoxelBox { min, max: std::array::from_fn(|axis| min[axis] + dims[axis]) };
            let mut mask = Mask::empty(bounds);
            for place in &places {
                let n = place.index(dims.iter().product());
                let [i, j, k] = [n % dims[0], n / dims[0] % dims[1], n / dims[0] / dims[1]];
                mask.insert(VoxelIndex::new(min[0] + i, min[1] + j, min[2] + k));
            }
            let map = DistanceMap::to(&mask, spacing_mm).expect("memory");
            let squared = DistanceMap::squared_to(&mask, spacing_mm).expect("memory");
            prop_assert_eq!(map.len(), dims.iter().product::<usize>());
            for k in bounds.min[2]..bounds.max[2] { for j in bounds.min[1]..bounds.max[1] {
                for i in bounds.min[0]..bounds.max[0] {
                    let expected = by_search(&mask, spacing_mm, [i, j, k]);
                    let found = f64::from(map.at(VoxelIndex::new(i, j, k)));
                    if places.is_empty() {
                        prop_assert_eq!(found, f64::INFINITY);
                    } else {
                        prop_assert!((found - expected).abs() <= 3e-7 * expected, "{} {}", found, expected);
                        let squared = f64::from(squared.at(VoxelIndex::new(i, j, k)));
                        prop_assert!((squared.sqrt() - expected).abs() <= 3e-7 * expected);
                    }
                }
            }}
        }
    }
}
