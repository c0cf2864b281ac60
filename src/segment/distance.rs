//! Exact Euclidean distances in millimetres.
//!
//! Three passes, one for each axis (Meijster, Roerdink and Hesselink 2000): along i by counting, along j
//! and k by the lower envelope of parabolas (Felzenszwalb and Huttenlocher, Theory of Computing 8, 2012).
//! Between passes a voxel remembers how many voxels off its nearest one lies, not a rounded distance, so
//! that every decision is made in f64 from exact counts.

use rayon::prelude::*;

use super::memory::zeroed;
use super::stage::{Part, Steps};
use super::{Cancelled, Progress};
use crate::geometry::{VoxelBox, VoxelIndex};
use crate::volume::{Buffer, Mask, for_each_run};

/// How far each voxel of a box lies from the nearest one of a mask, centre to centre.
#[derive(Debug)]
pub struct Distances {
    bounds: VoxelBox,
    values: Buffer<f32>,
}

impl Distances {
    /// Distances to the voxels that belong to `mask` and lie in `bounds`, in mm along axes that are
    /// `spacing_mm` apart and taken for perpendicular. 0 where a voxel belongs; infinite everywhere where
    /// none does. Voxels further than 65,534 from each other along i or j do not see each other.
    pub fn to(
        mask: &Mask,
        bounds: VoxelBox,
        spacing_mm: [f64; 3],
        progress: &dyn Progress,
    ) -> Result<Self, Cancelled> {
        let [ni, nj, nk] = bounds.dims();
        let mut values: Buffer<f32> = zeroed(ni * nj * nk);
        if values.is_empty() {
            return Ok(Self { bounds, values });
        }
        let offsets: &mut [u32] = bytemuck::cast_slice_mut(&mut values);
        within_slices(mask, bounds, spacing_mm, offsets, &Part::new(progress, 0.0, 0.5))?;
        let progress = Part::new(progress, 0.5, 1.0);
        let steps = Steps::new(&progress, nj);
        let table = Table::new(bounds, spacing_mm);
        rows_by_j(&mut values, ni, nj).into_par_iter().try_for_each(|mut rows| {
            let mut columns = Columns::new(nk);
            for first in (0..ni).step_by(TILE) {
                let width = TILE.min(ni - first);
                for (k, row) in rows.iter().enumerate() {
                    let offsets: &[u32] = bytemuck::cast_slice(&row[first..first + width]);
                    columns.put(k, offsets, &table);
                }
                for column in 0..width {
                    columns.measure(column, &table.k);
                }
                for (k, row) in rows.iter_mut().enumerate() {
                    for (column, value) in row[first..first + width].iter_mut().enumerate() {
                        *value = columns.squares[column * nk + k].sqrt();
                    }
                }
            }
            steps.next()
        })?;
        Ok(Self { bounds, values })
    }

    /// The box.
    pub fn bounds(&self) -> VoxelBox {
        self.bounds
    }

    /// The distances, i fastest.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The distance of a voxel of the box.
    pub fn at(&self, voxel: VoxelIndex) -> f32 {
        let ([i, j, k], [ni, nj, _]) = (self.bounds.min, self.bounds.dims());
        self.values[((voxel.k - k) * nj + voxel.j - j) * ni + voxel.i - i]
    }
}

/// The voxels of a box whose square of the distance to the nearest voxel of a mask in that box is at most
/// `most`.
pub(super) fn within(
    mask: &Mask,
    bounds: VoxelBox,
    spacing_mm: [f64; 3],
    most: f64,
    progress: &dyn Progress,
) -> Result<Mask, Cancelled> {
    let [ni, nj, nk] = bounds.dims();
    let mut found = Mask::empty(bounds);
    if found.words().is_empty() {
        return Ok(found);
    }
    let mut offsets: Buffer<u32> = zeroed(ni * nj * nk);
    within_slices(mask, bounds, spacing_mm, &mut offsets, &Part::new(progress, 0.0, 0.5))?;
    let progress = Part::new(progress, 0.5, 1.0);
    let steps = Steps::new(&progress, nj);
    let table = Table::new(bounds, spacing_mm);
    let row_words = found.row_words();
    let rows = rows_by_j(found.words_mut(), row_words, nj);
    rows.into_par_iter().enumerate().try_for_each(|(j, mut rows)| {
        let mut columns = Columns::new(nk);
        for first in (0..ni).step_by(TILE) {
            let width = TILE.min(ni - first);
            for k in 0..nk {
                let start = (k * nj + j) * ni + first;
                columns.put(k, &offsets[start..start + width], &table);
            }
            for column in 0..width {
                let (place, k_axis) = (first + column, &table.k);
                columns.for_each_site(column, k_axis, |span, site, height| {
                    for k in span {
                        if height + k_axis.square(k.abs_diff(site)) <= most {
                            rows[k][place / 64] |= 1 << (place % 64);
                        }
                    }
                });
            }
        }
        steps.next()
    })?;
    Ok(found)
}

/// Columns handled together, so that whole cache lines are read and written.
const TILE: usize = 32;
/// No voxel that belongs is in reach.
const NONE: u16 = u16::MAX;

/// Squares of distances along one axis, and what the envelope divides by.
struct Axis {
    squares: Vec<f64>,
    half_inverses: Vec<f64>,
}

impl Axis {
    fn new(voxels: usize, spacing: f64) -> Self {
        let squares: Vec<f64> = (0..=voxels).map(|n| (n as f64 * spacing).powi(2)).collect();
        let half_inverses = (0..=voxels).map(|n| 0.5 / (spacing * spacing * n as f64)).collect();
        Self { squares, half_inverses }
    }

    fn square(&self, voxels: usize) -> f64 {
        self.squares[voxels]
    }
}

struct Table {
    i: Axis,
    j: Axis,
    k: Axis,
}

impl Table {
    fn new(bounds: VoxelBox, spacing_mm: [f64; 3]) -> Self {
        let [i, j, k] = std::array::from_fn(|axis| Axis::new(bounds.dims()[axis], spacing_mm[axis]));
        Self { i, j, k }
    }
}

/// Some columns side by side, and the envelope of one of them.
struct Columns {
    length: usize,
    heights: Vec<f64>,
    squares: Vec<f32>,
    sites: Vec<Site>,
}

/// A parabola of the envelope: where it stands, how high its foot is, and beyond which place it is the
/// lowest.
#[derive(Clone, Copy)]
struct Site {
    place: usize,
    height: f64,
    beyond: f64,
}

impl Columns {
    fn new(length: usize) -> Self {
        Self {
            length,
            heights: vec![0.0; TILE * length],
            squares: vec![0.0; TILE * length],
            sites: Vec::new(),
        }
    }

    /// Puts one row of offsets within slices into the columns.
    fn put(&mut self, place: usize, offsets: &[u32], table: &Table) {
        for (column, offset) in offsets.iter().enumerate() {
            let (along_i, along_j) = (offset >> 16, offset & 0xffff);
            self.heights[column * self.length + place] = if along_i == u32::from(NONE) {
                f64::INFINITY
            } else {
                table.i.square(along_i as usize) + table.j.square(along_j as usize)
            };
        }
    }

    /// Calls `visit(places, site, height)` for each stretch of a column with the parabola that is lowest
    /// there; not at all where there is none.
    #[inline]
    fn for_each_site(
        &mut self,
        column: usize,
        axis: &Axis,
        mut visit: impl FnMut(std::ops::Range<usize>, usize, f64),
    ) {
        let heights = &self.heights[column * self.length..(column + 1) * self.length];
        self.sites.clear();
        for (place, &height) in heights.iter().enumerate() {
            if height == f64::INFINITY {
                continue;
            }
            let mut beyond = f64::NEG_INFINITY;
            while let Some(top) = self.sites.last() {
                beyond = 0.5 * (place + top.place) as f64
                    + (height - top.height) * axis.half_inverses[place - top.place];
                if beyond > top.beyond {
                    break;
                }
                self.sites.pop();
                beyond = f64::NEG_INFINITY;
            }
            if beyond < self.length as f64 {
                self.sites.push(Site { place, height, beyond });
            }
        }
        let mut start = 0;
        for (nth, site) in self.sites.iter().enumerate() {
            let end = self.sites.get(nth + 1).map_or(self.length, |next| (next.beyond + 1.0) as usize);
            if start < end {
                visit(start..end.min(self.length), site.place, site.height);
                start = end;
            }
        }
    }

    /// The squares of the distances in a column.
    fn measure(&mut self, column: usize, axis: &Axis) {
        let mut squares = std::mem::take(&mut self.squares);
        let own = &mut squares[column * self.length..(column + 1) * self.length];
        own.fill(f32::INFINITY);
        self.for_each_site(column, axis, |span, site, height| {
            for place in span {
                own[place] = (height + axis.square(place.abs_diff(site))) as f32;
            }
        });
        self.squares = squares;
    }
}

/// For each voxel how many voxels along i (high half) and j (low half) its nearest one within the slice
/// lies off.
fn within_slices(
    mask: &Mask,
    bounds: VoxelBox,
    spacing_mm: [f64; 3],
    offsets: &mut [u32],
    progress: &dyn Progress,
) -> Result<(), Cancelled> {
    let [ni, nj, nk] = bounds.dims();
    let here = mask.within(bounds);
    let table = Table::new(bounds, spacing_mm);
    let steps = Steps::new(progress, nk);
    offsets.par_chunks_mut(ni * nj).enumerate().try_for_each_init(
        || (vec![NONE; ni * nj], Columns::new(nj), vec![0u32; TILE * nj]),
        |(along_i, columns, tile), (k, slice)| {
            let mut is_empty = true;
            for (j, row) in along_i.chunks_mut(ni).enumerate() {
                is_empty &= !count_along(here.row(bounds.min[1] + j, bounds.min[2] + k), row);
            }
            if is_empty {
                slice.fill(u32::from(NONE) << 16);
                return steps.next();
            }
            for first in (0..ni).step_by(TILE) {
                let width = TILE.min(ni - first);
                for j in 0..nj {
                    for (column, along) in along_i[j * ni + first..][..width].iter().enumerate() {
                        columns.heights[column * nj + j] = match *along {
                            NONE => f64::INFINITY,
                            along => table.i.square(along.into()),
                        };
                    }
                }
                for column in 0..width {
                    let own = &mut tile[column * nj..(column + 1) * nj];
                    columns.for_each_site(column, &table.j, |span, site, _| {
                        let along = u32::from(along_i[site * ni + first + column]) << 16;
                        for j in span {
                            own[j] = along | j.abs_diff(site).min(0xffff) as u32;
                        }
                    });
                }
                for j in 0..nj {
                    for (column, offset) in slice[j * ni + first..][..width].iter_mut().enumerate() {
                        *offset = tile[column * nj + j];
                    }
                }
            }
            steps.next()
        },
    )
}

/// Fills a row with the distances to its nearest bit, in voxels; whether there is one.
fn count_along(words: &[u64], row: &mut [u16]) -> bool {
    let length = row.len();
    let far = |n: usize| n.min(usize::from(NONE) - 1) as u16;
    let mut last_end: Option<usize> = None;
    for_each_run(words, |run| {
        let middle = last_end.map_or(0, |end| (end + run.start).div_ceil(2));
        if let Some(end) = last_end {
            (end..middle).for_each(|at| row[at] = far(at + 1 - end));
        }
        (middle..run.start).for_each(|at| row[at] = far(run.start - at));
        row[run.clone()].fill(0);
        last_end = Some(run.end);
    });
    match last_end {
        None => row.fill(NONE),
        Some(end) => (end..length).for_each(|at| row[at] = far(at + 1 - end)),
    }
    last_end.is_some()
}

/// The rows of slices, gathered by their place along j.
fn rows_by_j<T>(items: &mut [T], row: usize, nj: usize) -> Vec<Vec<&mut [T]>> {
    let mut by_j: Vec<Vec<&mut [T]>> = (0..nj).map(|_| Vec::new()).collect();
    for slice in items.chunks_mut(row * nj) {
        for (rows, row) in by_j.iter_mut().zip(slice.chunks_mut(row)) {
            rows.push(row);
        }
    }
    by_j
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Unwatched;
    use super::super::tests::{any_mask, any_spacing, voxels_of};
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn distances_are_those_to_the_nearest_voxel(mask in any_mask([40, 9, 9]), spacing in any_spacing()) {
            let bounds = mask.bounds();
            let found = Distances::to(&mask, bounds, spacing, &Unwatched).expect("not cancelled");
            let there: Vec<[usize; 3]> =
                voxels_of(bounds).filter(|voxel| mask.contains(*voxel)).map(VoxelIndex::to_array).collect();
            for voxel in voxels_of(bounds) {
                let square = |to: &[usize; 3]| -> f64 {
                    (0..3).map(|axis| (voxel.to_array()[axis].abs_diff(to[axis]) as f64 * spacing[axis]).powi(2)).sum()
                };
                let nearest = there.iter().map(square).fold(f64::INFINITY, f64::min).sqrt();
                let distance = f64::from(found.at(voxel));
                prop_assert!(distance == nearest || (distance - nearest).abs() <= 1e-7 * nearest, "{distance} for {nearest}");
            }
        }
    }
}
