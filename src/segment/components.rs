//! Connected components, from runs along i.
//!
//! Rows become runs; runs that touch in neighbouring rows are joined in a union-find (the two-pass family
//! of Wu, Otoo and Suzuki, Pattern Anal. Appl. 12, 2009, on runs instead of voxels). Slabs of slices are
//! joined apart from each other, then along their borders.

use std::ops::Range;

use rayon::prelude::*;
use serde::Deserialize;

use super::memory::zeroed;
use super::{Cancelled, Progress};
use crate::geometry::{VoxelBox, VoxelIndex};
use crate::progress::Steps;
use crate::volume::{Buffer, LabelMap, Mask, for_each_run, set_bits};

/// Which neighbours of a voxel touch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u8")]
pub enum Connectivity {
    /// Those across a face.
    Six,
    /// Those across a face or an edge.
    Eighteen,
    /// Those across a face, an edge or a corner.
    TwentySix,
}

impl TryFrom<u8> for Connectivity {
    type Error = &'static str;

    fn try_from(neighbours: u8) -> Result<Self, Self::Error> {
        match neighbours {
            6 => Ok(Self::Six),
            18 => Ok(Self::Eighteen),
            26 => Ok(Self::TwentySix),
            _ => Err("connectivity is 6, 18 or 26"),
        }
    }
}

/// A neighbouring row that comes earlier: its distance along j and k, and how far beyond each other's end
/// two runs may lie and still touch.
type Neighbour = (isize, isize, u32);

/// Slices along j or k, each for itself, joined across faces.
pub(super) const WITHIN_J: &[Neighbour] = &[(0, -1, 0)];
pub(super) const WITHIN_K: &[Neighbour] = &[(-1, 0, 0)];

impl Connectivity {
    fn neighbours(self) -> &'static [Neighbour] {
        match self {
            Self::Six => &[(-1, 0, 0), (0, -1, 0)],
            Self::Eighteen => &[(-1, 0, 1), (0, -1, 1), (-1, -1, 0), (1, -1, 0)],
            Self::TwentySix => &[(-1, 0, 1), (0, -1, 1), (-1, -1, 1), (1, -1, 1)],
        }
    }
}

/// The connected parts of a mask or of the labels of a map, in the order of their first voxels (i fastest,
/// then j, then k).
pub struct Components {
    bounds: VoxelBox,
    slabs: Vec<Slab>,
    sizes: Vec<u64>,
    labels: Vec<u16>,
}

/// A stretch along i from the box's first voxel on.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: u32,
    end: u32,
}

/// Some slices of the box.
#[derive(Default)]
struct Slab {
    /// The first run of each row, and the end of the last.
    rows: Vec<u32>,
    runs: Vec<Run>,
    /// The label of each run; empty where all runs are alike.
    labels: Vec<u16>,
    /// Of each run: while slabs are joined a run joined to it that is not later, then its component.
    component: Vec<u32>,
    /// Voxels of each component of the slab for itself.
    sizes: Vec<u64>,
}

/// Slices of a slab: enough that its borders cost little, and few enough that threads share the work.
const SLAB: usize = 16;

impl Components {
    /// The parts of a mask.
    pub fn of(mask: &Mask, connectivity: Connectivity, progress: &dyn Progress) -> Result<Self, Cancelled> {
        Self::joined(mask, connectivity.neighbours(), progress)
    }

    /// The parts of a mask in which the neighbours named are joined.
    pub(super) fn joined(
        mask: &Mask,
        neighbours: &[Neighbour],
        progress: &dyn Progress,
    ) -> Result<Self, Cancelled> {
        Self::build(mask.bounds(), neighbours, progress, |j, k, slab| {
            for_each_run(mask.row(j, k), |run| slab.push(run));
        })
    }

    /// The parts of every label of a map, background left out. Voxels of different labels never touch.
    pub fn of_labels(
        map: &LabelMap,
        connectivity: Connectivity,
        progress: &dyn Progress,
    ) -> Result<Self, Cancelled> {
        let bounds = VoxelBox { min: [0; 3], max: map.dims() };
        Self::build(bounds, connectivity.neighbours(), progress, |j, k, slab| {
            let mut start = 0;
            map.for_each_run_of_row(j, k, |end, label| {
                if label != 0 {
                    slab.push(start..end);
                    slab.labels.push(label);
                }
                start = end;
            });
        })
    }

    fn build(
        bounds: VoxelBox,
        neighbours: &[Neighbour],
        progress: &dyn Progress,
        read_row: impl Fn(usize, usize, &mut Slab) + Sync,
    ) -> Result<Self, Cancelled> {
        let [ni, nj, nk] = bounds.dims();
        if ni * nj == 0 {
            return Ok(Self { bounds, slabs: Vec::new(), sizes: Vec::new(), labels: Vec::new() });
        }
        let steps = Steps::new(progress, nk + 1);
        let starts: Vec<usize> = (bounds.min[2]..bounds.max[2]).step_by(SLAB).collect();
        let slabs = starts.into_par_iter().map(|start| {
            let mut slab = Slab { rows: vec![0], ..Slab::default() };
            for k in start..(start + SLAB).min(bounds.max[2]) {
                for j in 0..nj {
                    read_row(bounds.min[1] + j, k, &mut slab);
                    slab.close_row(j, nj, neighbours);
                }
                steps.next()?;
            }
            slab.number();
            Ok(slab)
        });
        let mut slabs = slabs.collect::<Result<Vec<Slab>, Cancelled>>()?;
        let (sizes, labels) = join_slabs(&mut slabs, nj, neighbours);
        steps.next()?;
        Ok(Self { bounds, slabs, sizes, labels })
    }

    /// The box that was searched.
    pub fn bounds(&self) -> VoxelBox {
        self.bounds
    }

    /// How many parts there are.
    pub fn count(&self) -> usize {
        self.sizes.len()
    }

    /// The voxels of each part.
    pub fn sizes(&self) -> &[u64] {
        &self.sizes
    }

    /// The label of a part of a map.
    pub fn label(&self, component: usize) -> Option<u16> {
        self.labels.get(component).copied()
    }

    /// The part that holds a voxel of the grid.
    pub fn at(&self, voxel: VoxelIndex) -> Option<usize> {
        if !self.bounds.contains(voxel) {
            return None;
        }
        let [i, j, k] = std::array::from_fn(|axis| voxel.to_array()[axis] - self.bounds.min[axis]);
        let slab = &self.slabs[k / SLAB];
        let runs = slab.row(k % SLAB * self.bounds.dims()[1] + j);
        let nth = slab.runs[runs.clone()].partition_point(|run| run.end as usize <= i);
        let run = runs.start + nth;
        (run < runs.end && slab.runs[run].start as usize <= i).then(|| slab.component[run] as usize)
    }

    /// Which parts reach the border of the box.
    pub(super) fn at_border(&self, is_border: impl Fn(Range<usize>, usize, usize) -> bool) -> Vec<bool> {
        let nj = self.bounds.dims()[1];
        let mut found = vec![false; self.count()];
        for (number, slab) in self.slabs.iter().enumerate() {
            for row in 0..slab.rows.len() - 1 {
                let (j, k) = (row % nj, number * SLAB + row / nj);
                for run in slab.row(row) {
                    let Run { start, end } = slab.runs[run];
                    if is_border(start as usize..end as usize, j, k) {
                        found[slab.component[run] as usize] = true;
                    }
                }
            }
        }
        found
    }

    /// The voxels of the parts that are `kept`.
    pub fn mask(&self, kept: impl Fn(usize) -> bool + Sync) -> Mask {
        let mut mask = Mask::empty(self.bounds);
        let (row_words, nj) = (mask.row_words(), self.bounds.dims()[1]);
        if mask.words().is_empty() {
            return mask;
        }
        let parts = mask.words_mut().par_chunks_mut(row_words * nj * SLAB);
        parts.zip(&self.slabs).for_each(|(words, slab)| {
            for (row, words) in words.chunks_mut(row_words).enumerate() {
                for run in slab.row(row) {
                    if kept(slab.component[run] as usize) {
                        let Run { start, end } = slab.runs[run];
                        set_bits(words, start as usize..end as usize);
                    }
                }
            }
        });
        mask
    }

    /// The voxels of one part.
    pub fn part_mask(&self, component: usize) -> Mask {
        self.mask(|part| part == component)
    }

    /// The number of its part, counted from 1, for every voxel of the box, i fastest; 0 elsewhere.
    pub fn numbers(&self) -> Buffer<u32> {
        let [ni, nj, nk] = self.bounds.dims();
        let mut numbers = zeroed(ni * nj * nk);
        if ni * nj == 0 {
            return numbers;
        }
        numbers.par_chunks_mut(ni * nj * SLAB).zip(&self.slabs).for_each(|(numbers, slab)| {
            for (row, numbers) in numbers.chunks_mut(ni).enumerate() {
                for run in slab.row(row) {
                    let Run { start, end } = slab.runs[run];
                    numbers[start as usize..end as usize].fill(slab.component[run] + 1);
                }
            }
        });
        numbers
    }

    /// The parts by falling size, of equals the one that begins first.
    pub fn largest_first(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.count()).collect();
        order.sort_by_key(|component| std::cmp::Reverse(self.sizes[*component]));
        order
    }
}

impl Slab {
    fn push(&mut self, run: Range<usize>) {
        self.component.push(self.runs.len() as u32);
        self.runs.push(Run { start: run.start as u32, end: run.end as u32 });
    }

    fn row(&self, row: usize) -> Range<usize> {
        self.rows[row] as usize..self.rows[row + 1] as usize
    }

    fn are_alike(&self, run: usize, other: &Self, their_run: usize) -> bool {
        self.labels.is_empty() || self.labels[run] == other.labels[their_run]
    }

    /// Ends the row that was read last, and joins it to those before it in the slab.
    fn close_row(&mut self, j: usize, nj: usize, neighbours: &[Neighbour]) {
        self.rows.push(self.runs.len() as u32);
        let row = self.rows.len() - 2;
        let ours = self.row(row);
        if ours.is_empty() {
            return;
        }
        for &(dj, dk, reach) in neighbours {
            let other_j = j.wrapping_add_signed(dj);
            let Some(above) = row.checked_add_signed(dk * nj as isize + dj).filter(|_| other_j < nj) else {
                continue;
            };
            let theirs = self.row(above);
            let Self { runs, labels, component, .. } = self;
            for_each_touch(&runs[ours.clone()], &runs[theirs.clone()], reach, |a, b| {
                let (a, b) = (ours.start + a, theirs.start + b);
                if labels.is_empty() || labels[a] == labels[b] {
                    join(component, a as u32, b as u32);
                }
            });
        }
    }

    /// Gives the components of the slab numbers in the order of their first runs, and counts them.
    fn number(&mut self) {
        for run in 0..self.runs.len() {
            let earlier = self.component[run] as usize;
            self.component[run] = if earlier == run {
                self.sizes.push(0);
                self.sizes.len() as u32 - 1
            } else {
                self.component[earlier]
            };
            let Run { start, end } = self.runs[run];
            self.sizes[self.component[run] as usize] += u64::from(end - start);
        }
    }
}

/// Joins components across the borders of slabs and numbers them anew; gives their sizes and labels.
fn join_slabs(slabs: &mut [Slab], nj: usize, neighbours: &[Neighbour]) -> (Vec<u64>, Vec<u16>) {
    let firsts: Vec<u32> = slabs
        .iter()
        .scan(0, |first, slab| {
            *first += slab.sizes.len() as u32;
            Some(*first - slab.sizes.len() as u32)
        })
        .collect();
    let of_slabs: Vec<u64> = slabs.iter().flat_map(|slab| slab.sizes.iter().copied()).collect();
    let mut joined: Vec<u32> = (0..of_slabs.len() as u32).collect();
    for upper in 1..slabs.len() {
        let (below, above) = (&slabs[upper - 1], &slabs[upper]);
        for &(dj, _, reach) in neighbours.iter().filter(|neighbour| neighbour.1 != 0) {
            for j in 0..nj {
                let other_j = j.wrapping_add_signed(dj);
                if other_j >= nj {
                    continue;
                }
                let (ours, theirs) = (above.row(j), below.row((SLAB - 1) * nj + other_j));
                for_each_touch(&above.runs[ours.clone()], &below.runs[theirs.clone()], reach, |a, b| {
                    let (a, b) = (ours.start + a, theirs.start + b);
                    if above.are_alike(a, below, b) {
                        let (a, b) = (above.component[a], below.component[b]);
                        join(&mut joined, firsts[upper] + a, firsts[upper - 1] + b);
                    }
                });
            }
        }
    }
    let mut sizes: Vec<u64> = Vec::new();
    for component in 0..joined.len() {
        let earlier = joined[component] as usize;
        joined[component] = if earlier == component {
            sizes.push(0);
            sizes.len() as u32 - 1
        } else {
            joined[earlier]
        };
        sizes[joined[component] as usize] += of_slabs[component];
    }
    slabs.par_iter_mut().zip(&firsts).for_each(|(slab, first)| {
        slab.component.iter_mut().for_each(|component| *component = joined[(first + *component) as usize]);
    });
    let has_labels = slabs.iter().any(|slab| !slab.labels.is_empty());
    let mut labels = vec![0; if has_labels { sizes.len() } else { 0 }];
    for slab in slabs.iter() {
        for (component, label) in slab.component.iter().zip(&slab.labels) {
            labels[*component as usize] = *label;
        }
    }
    (sizes, labels)
}

/// Calls `visit` with the places of each two runs of two rows that touch.
#[inline]
fn for_each_touch(ours: &[Run], theirs: &[Run], reach: u32, mut visit: impl FnMut(usize, usize)) {
    let mut first = 0;
    for (a, run) in ours.iter().enumerate() {
        while first < theirs.len() && theirs[first].end + reach <= run.start {
            first += 1;
        }
        let mut b = first;
        while b < theirs.len() && theirs[b].start < run.end + reach {
            visit(a, b);
            b += 1;
        }
    }
}

/// Joins the sets of two members; the least member stands for a set.
#[inline]
fn join(earlier: &mut [u32], a: u32, b: u32) {
    let (a, b) = (root(earlier, a), root(earlier, b));
    earlier[a.max(b) as usize] = a.min(b);
}

#[inline]
fn root(earlier: &mut [u32], mut member: u32) -> u32 {
    loop {
        let parent = earlier[member as usize];
        if parent == member {
            return member;
        }
        let grandparent = earlier[parent as usize];
        earlier[member as usize] = grandparent;
        member = grandparent;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Unwatched;
    use super::super::tests::{any_mask, voxels_of};
    use super::*;

    /// The number of each voxel's part by flooding from one voxel to the next.
    fn flooded(dims: [usize; 3], label: impl Fn(VoxelIndex) -> u16, most_steps: usize) -> (Vec<u32>, u32) {
        let bounds = VoxelBox { min: [0; 3], max: dims };
        let offset = |voxel: VoxelIndex| (voxel.k * dims[1] + voxel.j) * dims[0] + voxel.i;
        let mut numbers = vec![0; dims.iter().product()];
        let mut count = 0;
        for seed in voxels_of(bounds) {
            if label(seed) == 0 || numbers[offset(seed)] != 0 {
                continue;
            }
            count += 1;
            let mut waiting = vec![seed];
            numbers[offset(seed)] = count;
            while let Some(at) = waiting.pop() {
                for step in 0..27 {
                    let by = [step % 3, step / 3 % 3, step / 9];
                    let to: [usize; 3] =
                        std::array::from_fn(|axis| (at.to_array()[axis] + by[axis]).wrapping_sub(1));
                    let next = VoxelIndex::new(to[0], to[1], to[2]);
                    let steps = by.iter().filter(|step| **step != 1).count();
                    if steps <= most_steps
                        && bounds.contains(next)
                        && label(next) == label(seed)
                        && numbers[offset(next)] == 0
                    {
                        numbers[offset(next)] = count;
                        waiting.push(next);
                    }
                }
            }
        }
        (numbers, count)
    }

    const ALL: [(Connectivity, usize); 3] =
        [(Connectivity::Six, 1), (Connectivity::Eighteen, 2), (Connectivity::TwentySix, 3)];

    proptest! {
        #[test]
        fn parts_are_what_a_flood_reaches(mask in any_mask([80, 6, 40])) {
            let dims = mask.bounds().dims();
            let here = mask.clone().moved_to([0; 3]);
            for (connectivity, steps) in ALL {
                let found = Components::of(&mask, connectivity, &Unwatched).expect("not cancelled");
                let (numbers, count) = flooded(dims, |voxel| here.contains(voxel).into(), steps);
                prop_assert_eq!(found.count(), count as usize);
                prop_assert_eq!(&found.numbers()[..], &numbers[..]);
                for (component, size) in found.sizes().iter().enumerate() {
                    let there = numbers.iter().filter(|number| **number == component as u32 + 1).count();
                    prop_assert_eq!(*size, there as u64);
                }
                for (voxel, number) in voxels_of(mask.bounds()).zip(&numbers) {
                    prop_assert_eq!(found.at(voxel).map_or(0, |at| at as u32 + 1), *number);
                }
                prop_assert_eq!(found.mask(|_| true), mask.clone());
                if let Some(first) = found.largest_first().first() {
                    prop_assert_eq!(found.sizes().iter().max(), Some(&found.sizes()[*first]));
                    prop_assert_eq!(found.mask(|component| component == *first).count(), found.sizes()[*first]);
                }
            }
        }

        #[test]
        fn labels_never_touch_each_other(mask in any_mask([80, 6, 40]), seed in 1usize..1000) {
            let dims = mask.bounds().dims();
            let here = mask.moved_to([0; 3]);
            let label = |voxel: VoxelIndex| {
                let wide = (voxel.i / 3 + voxel.j * seed / 17 + voxel.k * 5) % 3;
                if here.contains(voxel) { wide as u16 } else { 1 }
            };
            let at = |offset: usize| VoxelIndex::new(offset % dims[0], offset / dims[0] % dims[1], offset / dims[0] / dims[1]);
            let map = LabelMap::from_labels(dims, |offset| label(at(offset)));
            for (connectivity, steps) in ALL {
                let found = Components::of_labels(&map, connectivity, &Unwatched).expect("not cancelled");
                let (numbers, count) = flooded(dims, label, steps);
                prop_assert_eq!(found.count(), count as usize);
                prop_assert_eq!(&found.numbers()[..], &numbers[..]);
                for (voxel, number) in voxels_of(found.bounds()).zip(numbers).filter(|(_, number)| *number != 0) {
                    prop_assert_eq!(found.label(number as usize - 1), Some(label(voxel)));
                }
            }
        }
    }
}
