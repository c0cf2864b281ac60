//! The boundary of least cost between object and background.
//!
//! A minimum cut (Boykov & Jolly, ICCV 2001) of the grid of voxels, each joined to its 6 neighbours,
//! found by the two growing trees of Boykov & Kolmogorov (IEEE TPAMI 26 (2004) 1124), on arrays of the
//! grid instead of lists of nodes and arcs. Capacities are whole numbers: the cut is exactly the least.

use std::collections::VecDeque;

use super::refine::{Field, Refinement};
use super::{Cancelled, Progress};
use crate::volume::Mask;

/// The object as parted from the background by the boundary that cuts least: between neighbours whose
/// values differ by d a cut costs exp(−d² / 2σ²), σ in the volume's unit. Where several boundaries cost
/// the same, the object is the largest of them. Takes some 40 bytes for each voxel of the box.
pub fn graph_cut(from: &Refinement<'_>, sigma: f64, progress: &dyn Progress) -> Result<Mask, Cancelled> {
    cut(&Field::of(from), sigma, progress)
}

pub(super) fn cut(field: &Field, sigma: f64, progress: &dyn Progress) -> Result<Mask, Cancelled> {
    let mut cut = Cut::new(field, sigma);
    cut.run(progress)?;
    Ok(field.mask(|at| cut.is_object(cut.node_of(at))))
}

/// The capacity that stands for a cost of 1.
const UNIT: f64 = (1u32 << 30) as f64;

/// Ways to neighbours: each way's opposite differs in the last bit.
const WAYS: usize = 6;
/// Instead of a way to the parent: the node is certain, it has none, or it has lost it.
const ROOT: u8 = 6;
const NONE: u8 = 7;
const ORPHAN: u8 = 8;

/// The grid with a border of nodes around it that nothing leads to.
struct Cut {
    dims: [usize; 3],
    offsets: [isize; WAYS],
    /// What each way of a node can still carry.
    capacities: Vec<[u32; WAYS]>,
    parents: Vec<u8>,
    is_object: Vec<bool>,
    /// Steps to a root, as of a time.
    distances: Vec<(u32, u32)>,
    is_active: Vec<bool>,
    active: VecDeque<u32>,
    orphans: VecDeque<u32>,
    time: u32,
    /// What the boundary costs, in units of capacity.
    flow: u64,
}

impl Cut {
    fn new(field: &Field, sigma: f64) -> Self {
        let dims @ [ni, nj, nk] = field.dims;
        let (row, slice) = (ni as isize + 2, (ni as isize + 2) * (nj as isize + 2));
        let count = (ni + 2) * (nj + 2) * (nk + 2);
        let mut cut = Self {
            dims,
            offsets: [1, -1, row, -row, slice, -slice],
            capacities: vec![[0; WAYS]; count],
            parents: vec![NONE; count],
            is_object: vec![false; count],
            distances: vec![(0, 0); count],
            is_active: vec![false; count],
            active: VecDeque::new(),
            orphans: VecDeque::new(),
            time: 0,
            flow: 0,
        };
        let per_square = -1.0 / (2.0 * sigma * sigma);
        let steps = [1, ni, ni * nj];
        for at in 0..field.values.len() {
            let place = [at % ni, at / ni % nj, at / ni / nj];
            let node = cut.node_of(at);
            for axis in 0..3 {
                let is_scanned =
                    field.scanned[place[2]] && field.scanned[(place[2] + usize::from(axis == 2)).min(nk - 1)];
                if place[axis] + 1 < dims[axis] && is_scanned {
                    let step = f64::from(field.values[at + steps[axis]] - field.values[at]);
                    // Never nothing: a voxel that differs from all around it belongs to them all the same.
                    let capacity = ((step * step * per_square).exp() * UNIT).round().max(1.0) as u32;
                    let next = cut.beside(node, 2 * axis);
                    cut.capacities[node][2 * axis] = capacity;
                    cut.capacities[next][2 * axis + 1] = capacity;
                }
            }
            if let Some(is_object) = field.certain[at] {
                cut.parents[node] = ROOT;
                cut.is_object[node] = is_object;
                cut.activate(node);
            }
        }
        cut
    }

    fn node_of(&self, at: usize) -> usize {
        let [ni, nj, _] = self.dims;
        let [i, j, k] = [at % ni, at / ni % nj, at / ni / nj];
        ((k + 1) * (nj + 2) + j + 1) * (ni + 2) + i + 1
    }

    fn beside(&self, node: usize, way: usize) -> usize {
        node.wrapping_add_signed(self.offsets[way])
    }

    /// Whether a node is not on the background's side.
    fn is_object(&self, node: usize) -> bool {
        self.parents[node] == NONE || self.is_object[node]
    }

    fn activate(&mut self, node: usize) {
        if !self.is_active[node] {
            self.is_active[node] = true;
            self.active.push_back(node as u32);
        }
    }

    /// What can still flow over a way of a node of a tree: away from the object's root, towards the
    /// background's.
    fn residual(&self, node: usize, way: usize, next: usize) -> u32 {
        if self.is_object[node] { self.capacities[node][way] } else { self.capacities[next][way ^ 1] }
    }

    fn run(&mut self, progress: &dyn Progress) -> Result<(), Cancelled> {
        let mut turns = 0usize;
        while let Some(&front) = self.active.front() {
            turns += 1;
            if turns.is_multiple_of(1 << 12) && progress.is_cancelled() {
                return Err(Cancelled);
            }
            match self.grow(front as usize) {
                Some((node, way)) => {
                    self.time += 1;
                    self.augment(node, way);
                    while let Some(orphan) = self.orphans.pop_front() {
                        self.adopt(orphan as usize);
                    }
                }
                None => {
                    self.active.pop_front();
                    self.is_active[front as usize] = false;
                }
            }
        }
        Ok(())
    }

    /// Lets a node's tree take in its free neighbours; the way on which it meets the other tree, from the
    /// object's side.
    fn grow(&mut self, node: usize) -> Option<(usize, usize)> {
        if self.parents[node] == NONE {
            return None;
        }
        for way in 0..WAYS {
            let next = self.beside(node, way);
            if self.residual(node, way, next) == 0 {
                continue;
            }
            if self.parents[next] == NONE {
                self.is_object[next] = self.is_object[node];
                self.parents[next] = (way ^ 1) as u8;
                self.distances[next] = (self.distances[node].0, self.distances[node].1 + 1);
                self.activate(next);
            } else if self.is_object[next] != self.is_object[node] {
                return Some(if self.is_object[node] { (node, way) } else { (next, way ^ 1) });
            } else {
                let ((time, steps), (next_time, next_steps)) = (self.distances[node], self.distances[next]);
                if next_time <= time && next_steps > steps + 1 && self.parents[next] < ROOT {
                    self.parents[next] = (way ^ 1) as u8;
                    self.distances[next] = (time, steps + 1);
                }
            }
        }
        None
    }

    /// Sends as much as can flow from the object's root to the background's over a way between them.
    fn augment(&mut self, node: usize, way: usize) {
        let next = self.beside(node, way);
        let mut least = self.capacities[node][way];
        for end in [node, next] {
            let mut at = end;
            while self.parents[at] < ROOT {
                let (up, parent) = self.up(at);
                least = least.min(self.residual(parent, up ^ 1, at));
                at = parent;
            }
        }
        self.send(node, way, least);
        for end in [node, next] {
            let mut at = end;
            while self.parents[at] < ROOT {
                let (up, parent) = self.up(at);
                match self.is_object[at] {
                    true => self.send(parent, up ^ 1, least),
                    false => self.send(at, up, least),
                }
                if self.residual(parent, up ^ 1, at) == 0 {
                    self.parents[at] = ORPHAN;
                    self.orphans.push_front(at as u32);
                }
                at = parent;
            }
        }
        self.flow += u64::from(least);
    }

    fn up(&self, node: usize) -> (usize, usize) {
        let way = usize::from(self.parents[node]);
        (way, self.beside(node, way))
    }

    fn send(&mut self, node: usize, way: usize, amount: u32) {
        let next = self.beside(node, way);
        self.capacities[node][way] -= amount;
        self.capacities[next][way ^ 1] += amount;
    }

    /// Finds an orphan the nearest parent in its tree, or sets it free.
    fn adopt(&mut self, node: usize) {
        let is_object = self.is_object[node];
        let mut best: Option<(u32, usize)> = None;
        for way in 0..WAYS {
            let next = self.beside(node, way);
            let is_kin = self.parents[next] != NONE && self.is_object[next] == is_object;
            if is_kin
                && self.residual(next, way ^ 1, node) > 0
                && let Some(steps) = self.steps_to_root(next)
                && best.is_none_or(|(least, _)| steps < least)
            {
                best = Some((steps, way));
            }
        }
        if let Some((steps, way)) = best {
            self.parents[node] = way as u8;
            self.distances[node] = (self.time, steps + 1);
            return;
        }
        self.parents[node] = NONE;
        for way in 0..WAYS {
            let next = self.beside(node, way);
            if self.parents[next] == NONE || self.is_object[next] != is_object {
                continue;
            }
            if self.residual(next, way ^ 1, node) > 0 {
                self.activate(next);
            }
            if usize::from(self.parents[next]) == way ^ 1 {
                self.parents[next] = ORPHAN;
                self.orphans.push_back(next as u32);
            }
        }
    }

    /// How far a node is from its root; `None` where an orphan is in between.
    fn steps_to_root(&mut self, node: usize) -> Option<u32> {
        let (mut at, mut steps) = (node, 0);
        let mut total = loop {
            if self.distances[at].0 == self.time && self.parents[at] <= ROOT {
                break steps + self.distances[at].1;
            }
            match self.parents[at] {
                ORPHAN => return None,
                ROOT => {
                    self.distances[at] = (self.time, 0);
                    break steps;
                }
                _ => {
                    at = self.up(at).1;
                    steps += 1;
                }
            }
        };
        // What was walked need not be walked again at this time.
        let found = total;
        at = node;
        while self.distances[at].0 != self.time {
            self.distances[at] = (self.time, total);
            total -= 1;
            at = self.up(at).1;
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::{Affine, Grid, VoxelBox, VoxelIndex};
    use crate::segment::Unwatched;
    use crate::volume::{Buffer, Rescale, Samples, Volume};

    fn volume(dims: [usize; 3], samples: &[i16]) -> Volume {
        let rows = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
        let grid = Grid::new(dims, Affine::from_rows(rows).expect("an affine"), None).expect("a grid");
        let samples = Samples::I16(Buffer::from_slice(samples).expect("memory"));
        Volume::new(grid, 1, samples, Rescale::NONE).expect("a volume")
    }

    /// What a boundary costs, in units of capacity.
    fn cost(field: &Field, sigma: f64, is_object: impl Fn(usize) -> bool) -> u64 {
        let fresh = Cut::new(field, sigma);
        let nodes = (0..field.values.len()).map(|at| (at, fresh.node_of(at)));
        let steps = [1, field.dims[0], field.dims[0] * field.dims[1]];
        let ways = nodes.flat_map(|(at, node)| (0..3).map(move |axis| (at, node, axis)));
        let cut = ways.filter(|&(at, node, axis)| {
            fresh.capacities[node][2 * axis] > 0 && is_object(at) != is_object(at + steps[axis])
        });
        cut.map(|(_, node, axis)| u64::from(fresh.capacities[node][2 * axis])).sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_boundary_costs_less(
            samples in prop::collection::vec(0i16..6, 3 * 2 * 2),
            certain in prop::collection::vec(0u8..4, 3 * 2 * 2),
        ) {
            let volume = volume([3, 2, 2], &samples);
            let bounds = volume.grid().bounds();
            let mask = |wanted: u8| {
                let mut mask = Mask::empty(bounds);
                for (at, _) in certain.iter().enumerate().filter(|(_, what)| **what == wanted) {
                    mask.insert(VoxelIndex::new(at % 3, at / 3 % 2, at / 6));
                }
                mask
            };
            let (object, background) = (mask(1), mask(2));
            let from = Refinement { volume: &volume, time: 0, object: &object, background: &background };
            let field = Field::of(&from);
            let found = graph_cut(&from, 2.0, &Unwatched).expect("nobody cancels");
            let fits = |bits: usize| {
                let at_odds = |(at, what): (usize, &Option<bool>)| what.is_some_and(|what| what != (bits >> at & 1 == 1));
                !field.certain.iter().enumerate().any(at_odds)
            };
            let least = (0..1usize << 12).filter(|bits| fits(*bits))
                .map(|bits| cost(&field, 2.0, |at| bits >> at & 1 == 1)).min().expect("some boundary");
            let is_found = |at: usize| found.contains(VoxelIndex::new(at % 3, at / 3 % 2, at / 6));
            prop_assert_eq!(cost(&field, 2.0, is_found), least);
            for (at, what) in field.certain.iter().enumerate() {
                prop_assert!(what.is_none_or(|what| what == is_found(at)));
            }
        }

        #[test]
        fn what_flows_is_what_the_boundary_costs(samples in prop::collection::vec(0i16..60, 14 * 11 * 5)) {
            let volume = volume([14, 11, 5], &samples);
            let bounds = volume.grid().bounds();
            let block = |i: usize| {
                let inner = VoxelBox { min: [i, 3, 1], max: [i + 2, 7, 3] };
                Mask::full(inner).within(bounds)
            };
            let (object, background) = (block(2), block(10));
            let from = Refinement { volume: &volume, time: 0, object: &object, background: &background };
            let field = Field::of(&from);
            let mut cut = Cut::new(&field, 20.0);
            cut.run(&Unwatched).expect("nobody cancels");
            let found = graph_cut(&from, 20.0, &Unwatched).expect("nobody cancels");
            let is_found = |at: usize| found.contains(VoxelIndex::new(at % 14, at / 14 % 11, at / 154));
            // A cut that costs what a flow brings is the least (Ford & Fulkerson).
            prop_assert_eq!(cost(&field, 20.0, is_found), cut.flow);
        }
    }

    #[test]
    fn a_slice_never_scanned_parts_the_volume() {
        let volume = volume([4, 4, 3], &[0; 48]).with_missing_slices(vec![1]).expect("a hole");
        let bounds = volume.grid().bounds();
        let corner = Mask::full(VoxelBox { min: [0; 3], max: [1; 3] }).within(bounds);
        let other = Mask::full(VoxelBox { min: [0, 0, 2], max: [1, 1, 3] }).within(bounds);
        let from = Refinement { volume: &volume, time: 0, object: &corner, background: &other };
        let found = graph_cut(&from, 1.0, &Unwatched).expect("nobody cancels");
        assert_eq!(found, Mask::full(VoxelBox { min: [0; 3], max: [4, 4, 1] }).within(bounds));
    }
}
