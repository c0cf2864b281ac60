//! Exact Euclidean distances in millimetres to the nearest voxel of a mask.
//!
//! Along i by counting, along j and k by the lower envelope of parabolas (Felzenszwalb and Huttenlocher,
//! "Distance Transforms of Sampled Functions", Theory of Computing 8, 2012), whatever the spacing. Axes count
//! as perpendicular.

use std::io;
use std::ops::{Deref, Range};

use rayon::prelude::*;

use super::buffer::Buffer;
use super::mask::{Mask, for_each_run, set_bits};
use crate::geometry::{VoxelBox, VoxelIndex};
use crate::progress::{Cancelled, Part, Progress, Steps};

/// Columns that are gathered at once: the samples of one cache line.
const TILE: usize = 16;

/// The distance from every voxel of a box to the nearest voxel of a mask of that box, between centres;
/// infinite everywhere where the mask is empty.
///
/// Decided in f64 and kept in f32, so true to 2⁻²² of the distance.
pub struct DistanceMap {
    bounds: VoxelBox,
    values: Buffer<f32>,
}

/// Why there are no distances.
#[derive(Debug, thiserror::Error)]
pub enum DistanceError {
    /// The work was called off.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The memory for them is not to be had.
    #[error("not enough memory for the distances: {0}")]
    Memory(#[from] io::Error),
}

impl DistanceMap {
    /// Distances in mm, neighbours along i, j and k being `spacing_mm` apart. Costs O(1) for each voxel of
    /// the mask's box.
    pub fn to(mask: &Mask, spacing_mm: [f64; 3], progress: &dyn Progress) -> Result<Self, DistanceError> {
        let bounds = mask.bounds();
        let [ni, nj, nk] = bounds.dims();
        let mut values = Buffer::zeroed(ni * nj * nk)?;
        if values.is_empty() {
            return Ok(Self { bounds, values });
        }
        let along_j = Axis::new(nj, spacing_mm[1]);
        let in_slices = Part::new(progress, 0.0, 0.5);
        let steps = Steps::new(&in_slices, nk);
        let slices = values.par_chunks_mut(ni * nj).enumerate();
        let marked: Vec<bool> = slices
            .map_init(Envelope::default, |envelope, (k, slice)| {
                let is_marked = within_slice(mask, bounds.min[2] + k, spacing_mm[0], slice, |rows, sites| {
                    along_j.run(rows, sites, envelope, |squared| squared);
                });
                steps.next().map(|()| is_marked)
            })
            .collect::<Result<_, _>>()?;
        let sites = places_of(&marked);
        let along_k = Axis::new(nk, spacing_mm[2]);
        let across_slices = Part::new(progress, 0.5, 1.0);
        let steps = Steps::new(&across_slices, nj);
        let columns = rows_by_j(&mut values, ni, nj).into_par_iter();
        columns.try_for_each_init(Envelope::default, |envelope, mut rows| {
            along_k.run(&mut rows, &sites, envelope, f32::sqrt);
            steps.next()
        })?;
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

/// The voxels of a mask's box whose square of the distance to the nearest voxel of the mask is at most
/// `most_mm2`. Between passes a voxel remembers how many voxels off its nearest one lies, so that nothing
/// is rounded before this is decided. Voxels further than 65,534 from each other along i or j do not see
/// each other.
pub fn voxels_within(
    mask: &Mask,
    spacing_mm: [f64; 3],
    most_mm2: f64,
    progress: &dyn Progress,
) -> Result<Mask, DistanceError> {
    let bounds = mask.bounds();
    let [ni, nj, nk] = bounds.dims();
    let mut found = Mask::empty(bounds);
    if found.words().is_empty() {
        return Ok(found);
    }
    let axes: [Axis; 3] = std::array::from_fn(|axis| Axis::new(bounds.dims()[axis], spacing_mm[axis]));
    let mut offsets: Buffer<u32> = Buffer::zeroed(ni * nj * nk)?;
    let in_slices = Part::new(progress, 0.0, 0.5);
    let steps = Steps::new(&in_slices, nk);
    let slices = offsets.par_chunks_mut(ni * nj).enumerate();
    let marked: Vec<bool> = slices
        .map_init(Offsets::default, |room, (k, slice)| {
            let row = |j: usize| mask.row(bounds.min[1] + j, bounds.min[2] + k);
            let is_marked = room.fill(row, &axes, slice);
            steps.next().map(|()| is_marked)
        })
        .collect::<Result<_, _>>()?;
    let sites = places_of(&marked);
    let across_slices = Part::new(progress, 0.5, 1.0);
    let steps = Steps::new(&across_slices, nj);
    let row_words = found.row_words();
    let columns = rows_by_j(found.words_mut(), row_words, nj).into_par_iter().enumerate();
    columns.try_for_each_init(Vec::new, |arcs, (j, mut rows)| {
        let mut heights = vec![0f64; TILE * sites.len()];
        for first in (0..ni).step_by(TILE) {
            let columns = first..(first + TILE).min(ni);
            for (n, k) in sites.iter().enumerate() {
                let offsets = &offsets[(k * nj + j) * ni..][columns.clone()];
                for (column, offset) in offsets.iter().enumerate() {
                    let (along_i, along_j) = (offset >> 16, offset & 0xffff);
                    heights[column * sites.len() + n] =
                        axes[0].exact_squares[along_i as usize] + axes[1].exact_squares[along_j as usize];
                }
            }
            for (column, i) in columns.enumerate() {
                let heights = &heights[column * sites.len()..(column + 1) * sites.len()];
                axes[2].draw(&sites, heights, arcs);
                for (arc, places) in stretches(arcs, nk) {
                    for k in places {
                        if arc.height + axes[2].exact_squares[k.abs_diff(arc.vertex)] <= most_mm2 {
                            set_bits(rows[k], i..i + 1);
                        }
                    }
                }
            }
        }
        steps.next()
    })?;
    Ok(found)
}

/// Room for the offsets within one slice.
#[derive(Default)]
struct Offsets {
    /// How far along i each voxel lies from one of the mask, in rows that hold one.
    along_i: Vec<u16>,
    heights: Vec<f64>,
    arcs: Vec<Arc>,
    tile: Vec<u32>,
}

impl Offsets {
    /// Tells for each voxel how many voxels along i (high half) and j (low half) its nearest one within the
    /// slice lies off. Whether the slice holds a voxel of the mask; if not, it is left as it was.
    fn fill<'a>(&mut self, row: impl Fn(usize) -> &'a [u64], axes: &[Axis; 3], slice: &mut [u32]) -> bool {
        let [ni, nj] = [axes[0].length, axes[1].length];
        let Self { along_i, heights, arcs, tile } = self;
        let sites: Vec<usize> = (0..nj).filter(|j| row(*j).iter().any(|word| *word != 0)).collect();
        along_i.resize(ni * nj, 0);
        heights.resize(TILE * sites.len(), 0.0);
        tile.resize(TILE * nj, 0);
        for j in &sites {
            count_along(row(*j), &mut along_i[j * ni..(j + 1) * ni]);
        }
        for first in (0..if sites.is_empty() { 0 } else { ni }).step_by(TILE) {
            let columns = first..(first + TILE).min(ni);
            for (n, j) in sites.iter().enumerate() {
                for (column, along) in along_i[j * ni..][columns.clone()].iter().enumerate() {
                    heights[column * sites.len() + n] = axes[0].exact_squares[usize::from(*along)];
                }
            }
            for column in 0..columns.len() {
                let own = &mut tile[column * nj..(column + 1) * nj];
                axes[1].draw(&sites, &heights[column * sites.len()..(column + 1) * sites.len()], arcs);
                for (arc, places) in stretches(arcs, nj) {
                    let along = u32::from(along_i[arc.vertex * ni + first + column]) << 16;
                    for (j, offset) in places.clone().zip(&mut own[places]) {
                        *offset = along | j.abs_diff(arc.vertex).min(usize::from(u16::MAX)) as u32;
                    }
                }
            }
            for (j, row) in slice.chunks_exact_mut(ni).enumerate() {
                for (column, offset) in row[columns.clone()].iter_mut().enumerate() {
                    *offset = tile[column * nj + j];
                }
            }
        }
        !sites.is_empty()
    }
}

/// Fills a row with the distances to its nearest bit, in voxels; there must be one.
fn count_along(words: &[u64], row: &mut [u16]) {
    let far = |n: usize| n.min(usize::from(u16::MAX) - 1) as u16;
    let mut end = None;
    for_each_run(words, |run| {
        let gap = &mut row[end.unwrap_or(0)..run.start];
        let (length, near_start) = (gap.len(), if end.is_some() { gap.len() / 2 } else { 0 });
        for (n, value) in gap.iter_mut().enumerate() {
            *value = far(if n < near_start { n + 1 } else { length - n });
        }
        row[run.clone()].fill(0);
        end = Some(run.end);
    });
    row[end.unwrap_or(0)..].iter_mut().zip(1..).for_each(|(value, n)| *value = far(n));
}

/// Which of them hold.
fn places_of(marked: &[bool]) -> Vec<usize> {
    (0..marked.len()).filter(|place| marked[*place]).collect()
}

/// The rows of slices, gathered by their place along j.
fn rows_by_j<T>(items: &mut [T], row: usize, nj: usize) -> Vec<Vec<&mut [T]>> {
    let mut by_j: Vec<Vec<&mut [T]>> = (0..nj).map(|_| Vec::new()).collect();
    for (number, row) in items.chunks_mut(row.max(1)).enumerate() {
        by_j[number % nj].push(row);
    }
    by_j
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
    exact_squares: Vec<f64>,
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
            exact_squares: (0..length).map(squared).collect(),
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
    fn draw<H: Copy + Into<f64>>(&self, sites: &[usize], heights: &[H], arcs: &mut Vec<Arc>) {
        arcs.clear();
        for (&vertex, &height) in sites.iter().zip(heights) {
            let height = height.into();
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
        if arcs.is_empty() {
            results.fill(f32::INFINITY);
        }
        for (arc, places) in stretches(arcs, self.length) {
            let height = arc.height as f32;
            let middle = arc.vertex.clamp(places.start, places.end);
            let before = self.squares[..=arc.vertex - places.start.min(arc.vertex)].iter().rev();
            for (result, squared) in results[places.start..middle].iter_mut().zip(before) {
                *result = finish(height + squared);
            }
            let after = &self.squares[middle.saturating_sub(arc.vertex)..];
            for (result, squared) in results[middle..places.end].iter_mut().zip(after) {
                *result = finish(height + squared);
            }
        }
    }
}

/// Each arc with the steps over which it is the lowest.
fn stretches(arcs: &[Arc], length: usize) -> impl Iterator<Item = (Arc, Range<usize>)> {
    let mut at = 0;
    arcs.iter().enumerate().map(move |(n, arc)| {
        let until = arcs.get(n + 1).map_or(length, |next| first_step_from(next.from)).clamp(at, length);
        let places = at..until;
        at = until;
        (*arc, places)
    })
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
    use crate::progress::Unwatched;

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
            let map = DistanceMap::to(&mask, spacing_mm, &Unwatched).expect("not called off");
            let most_mm = spacing_mm.iter().sum::<f64>() * 1.3;
            let near = voxels_within(&mask, spacing_mm, most_mm * most_mm, &Unwatched).expect("not called off");
            prop_assert_eq!(map.len(), dims.iter().product::<usize>());
            for k in bounds.min[2]..bounds.max[2] { for j in bounds.min[1]..bounds.max[1] {
                for i in bounds.min[0]..bounds.max[0] {
                    let expected = by_search(&mask, spacing_mm, [i, j, k]);
                    let found = f64::from(map.at(VoxelIndex::new(i, j, k)));
                    if places.is_empty() {
                        prop_assert_eq!(found, f64::INFINITY);
                    } else {
                        prop_assert!((found - expected).abs() <= 3e-7 * expected, "{} {}", found, expected);
                    }
                    prop_assert_eq!(near.contains(VoxelIndex::new(i, j, k)), expected <= most_mm);
                }
            }}
        }
    }
}
