//! A brick's worth of the region, small enough for the second-level cache.

use std::ops::Range;

use super::levels::{Levels, NOT_A_NUMBER};
use crate::geometry::{VoxelBox, VoxelIndex};
use crate::volume::BRICK_EDGE;

/// Cells along each edge: a brick and one of each neighbour around it.
const EDGE: usize = BRICK_EDGE + 2;
/// Cells of a tile, with what it knows of its neighbours.
pub(super) const CELLS: usize = EDGE * EDGE * EDGE;
/// Costs that are settled before dearer ones are looked at.
pub(super) const WINDOW: u32 = 1024;
/// What one level of difference costs, beside which the length of a step is little.
pub(super) const LEVEL_COST: u32 = 8;

/// A cost with the place of its label in the list: less is better, by cost and then by place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(u32);

/// The key of a cell that nothing can reach: better than any.
pub(super) const WALL: Key = Key(0);
/// The key of a cell that nothing has reached.
pub(super) const UNREACHED: Key = Key(u32::MAX);

impl Key {
    pub(super) fn seed(slot: u8) -> Self {
        Self(1 << 8 | u32::from(slot))
    }

    pub(super) fn slot(self) -> Option<u8> {
        (self != WALL && self != UNREACHED).then_some(self.0 as u8)
    }

    pub(super) fn number(self) -> u32 {
        self.0
    }

    fn cost(self) -> u32 {
        self.0 >> 8
    }

    fn plus(self, cost: u32) -> Self {
        Self(self.0.saturating_add(cost << 8))
    }
}

/// The way to a neighbour.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// From cell to cell.
    pub(super) offset: i32,
    length: u32,
}

/// The ways to all 26 neighbours; lengths about 1 : √2 : √3.
pub(super) static STEPS: [Step; 26] = steps();

const fn steps() -> [Step; 26] {
    let mut steps = [Step { offset: 0, length: 0 }; 26];
    let (mut n, mut number) = (0, 0);
    while number < 27 {
        let [i, j, k] = [number % 3 - 1, number / 3 % 3 - 1, number / 9 - 1];
        let axes = i * i + j * j + k * k;
        if axes > 0 {
            let offset = (k * EDGE as i32 + j) * EDGE as i32 + i;
            steps[n] = Step { offset, length: 2 + axes as u32 };
            n += 1;
        }
        number += 1;
    }
    steps
}

/// The cell of the n-th voxel of a brick.
pub(super) fn cell_of_brick(n: usize) -> u16 {
    let at = [n % BRICK_EDGE, n / BRICK_EDGE % BRICK_EDGE, n / BRICK_EDGE / BRICK_EDGE];
    cell_at(at.map(|n| n + 1))
}

fn cell_at([i, j, k]: [usize; 3]) -> u16 {
    ((k * EDGE + j) * EDGE + i) as u16
}

fn place_of(cell: u16) -> [usize; 3] {
    let cell = usize::from(cell);
    [cell % EDGE, cell / EDGE % EDGE, cell / EDGE / EDGE]
}

/// Where a cell that belongs to a neighbour lies: which neighbour, and which of its own cells it is.
pub(super) fn home(cell: u16) -> Option<([i8; 3], u16)> {
    let mut at = place_of(cell);
    let mut direction = [0i8; 3];
    for axis in 0..3 {
        if at[axis] == 0 {
            (direction[axis], at[axis]) = (-1, BRICK_EDGE);
        } else if at[axis] == EDGE - 1 {
            (direction[axis], at[axis]) = (1, 1);
        }
    }
    (direction != [0; 3]).then(|| (direction, cell_at(at)))
}

/// The cells in which neighbours keep a copy of one of a tile's own.
pub(super) fn copies(cell: u16) -> impl Iterator<Item = ([i8; 3], u16)> {
    let at = place_of(cell);
    (0..27).filter(|number| *number != 13).filter_map(move |number| {
        let direction = [number % 3 - 1, number / 3 % 3 - 1, number / 9 - 1];
        let mut copy = at;
        for axis in 0..3 {
            match direction[axis] {
                -1 if at[axis] == 1 => copy[axis] = EDGE - 1,
                1 if at[axis] == BRICK_EDGE => copy[axis] = 0,
                0 => {}
                _ => return None,
            }
        }
        Some((direction.map(|n| n as i8), cell_at(copy)))
    })
}

/// A brick's worth of the region: levels and the best keys so far, with one cell of each neighbour
/// around, of which the keys are the best that were sent there.
#[derive(Debug)]
pub(super) struct Tile {
    first: VoxelIndex,
    levels: Vec<u16>,
    pub(super) keys: Vec<Key>,
    is_wall: Vec<u64>,
    /// Cells that got a key and have not passed it on; some have got a better one since.
    pending: Vec<(Key, u16)>,
    /// The least cost among them.
    least: u32,
}

/// What came of a tile's work.
pub(super) struct Sent {
    /// Offers to cells of neighbours.
    pub(super) outside: Vec<(u16, Key)>,
    /// Cells that passed their key on.
    pub(super) reached: usize,
}

/// Cells by cost, from the beginning of a window.
pub(super) struct Buckets(Vec<Vec<u16>>);

impl Default for Buckets {
    fn default() -> Self {
        Self(vec![Vec::new(); WINDOW as usize])
    }
}

impl Tile {
    /// The tile of the brick that begins at `first`. What lies outside the levels' bounds is wall.
    pub(super) fn new(first: VoxelIndex, levels: &Levels<'_>) -> Self {
        let mut tile = Self {
            first,
            levels: vec![0; CELLS],
            keys: Vec::new(),
            is_wall: vec![u64::MAX; CELLS.div_ceil(64)],
            pending: Vec::new(),
            least: u32::MAX,
        };
        for (start, row) in tile.rows(levels.bounds) {
            if levels.copy_row(start, &mut tile.levels[row.clone()]) {
                for cell in row.filter(|cell| tile.levels[*cell] != NOT_A_NUMBER) {
                    tile.is_wall[cell / 64] &= !(1 << (cell % 64));
                }
            }
        }
        tile
    }

    /// The rows of its cells that lie in a box: where each begins in the grid, and which cells it is.
    fn rows(&self, bounds: VoxelBox) -> impl Iterator<Item = ([usize; 3], Range<usize>)> + use<> {
        let first = self.first.to_array();
        let [i, j, k]: [Range<usize>; 3] = std::array::from_fn(|axis| {
            let first = first[axis];
            bounds.min[axis].max(first.saturating_sub(1))..bounds.max[axis].min(first + BRICK_EDGE + 1)
        });
        let places = k.flat_map(move |k| j.clone().map(move |j| [j, k]));
        places.map(move |[j, k]| {
            let start = [i.start, j, k];
            let cell = usize::from(cell_at(std::array::from_fn(|axis| start[axis] + 1 - first[axis])));
            (start, cell..cell + i.len())
        })
    }

    /// The levels of some of its own voxels of a row, and which of them are walls.
    pub(super) fn ground(&self, i: Range<usize>, j: usize, k: usize) -> impl Iterator<Item = (u16, bool)> {
        let cell = usize::from(self.cell(VoxelIndex::new(i.start, j, k)));
        (cell..cell + i.len())
            .map(|cell| (self.levels[cell], self.is_wall[cell / 64] >> (cell % 64) & 1 == 1))
    }

    /// Takes keys over from those of a box, i fastest.
    pub(super) fn take_keys(&mut self, bounds: VoxelBox, keys: &[u32]) {
        self.clear();
        let [ni, nj, _] = bounds.dims();
        for ([i, j, k], row) in self.rows(bounds) {
            let start = ((k - bounds.min[2]) * nj + j - bounds.min[1]) * ni + i - bounds.min[0];
            for (key, taken) in self.keys[row].iter_mut().zip(&keys[start..]) {
                *key = Key(*taken);
            }
        }
    }

    /// Lets nothing into a cell, from the next [`Self::clear`] on.
    pub(super) fn wall_up(&mut self, cell: u16) {
        let cell = usize::from(cell);
        self.is_wall[cell / 64] |= 1 << (cell % 64);
    }

    /// Forgets all keys.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
        self.least = u32::MAX;
        let is_wall = |cell: usize| self.is_wall[cell / 64] >> (cell % 64) & 1 == 1;
        self.keys = (0..CELLS).map(|cell| if is_wall(cell) { WALL } else { UNREACHED }).collect();
    }

    fn cell(&self, voxel: VoxelIndex) -> u16 {
        let (at, first) = (voxel.to_array(), self.first.to_array());
        cell_at(std::array::from_fn(|axis| at[axis] + 1 - first[axis]))
    }

    /// The key of one of the tile's own voxels.
    pub(super) fn key(&self, voxel: VoxelIndex) -> Key {
        self.keys.get(usize::from(self.cell(voxel))).copied().unwrap_or(UNREACHED)
    }

    /// Calls `visit(slot, i, j, k)` with each stretch of voxels that a label has won.
    pub(super) fn for_each_run(&self, mut visit: impl FnMut(u8, Range<usize>, usize, usize)) {
        for (row, keys) in self.keys.chunks_exact(EDGE).enumerate() {
            let (j, k) = (row % EDGE, row / EDGE);
            if [j, k].iter().any(|n| *n == 0 || *n == EDGE - 1) {
                continue;
            }
            let mut at = self.first.i;
            for same in keys[1..EDGE - 1].chunk_by(|a, b| a.slot() == b.slot()) {
                if let Some(slot) = same[0].slot() {
                    visit(slot, at..at + same.len(), self.first.j + j - 1, self.first.k + k - 1);
                }
                at += same.len();
            }
        }
    }

    /// A key carried over a step, from a cell or to it.
    pub(super) fn across(&self, key: Key, cell: u16, step: Step) -> Key {
        let there = (i32::from(cell) + step.offset) as usize;
        key.plus(step_cost(self.levels[usize::from(cell)], self.levels[there], step))
    }

    /// Gives an own cell a key if it is better than what it has.
    pub(super) fn offer(&mut self, cell: u16, key: Key) {
        if key < self.keys[usize::from(cell)] {
            self.keys[usize::from(cell)] = key;
            self.pending.push((key, cell));
            self.least = self.least.min(key.cost());
        }
    }

    /// The least cost that waits to be passed on; nothing costs `u32::MAX`.
    pub(super) fn least(&self) -> u32 {
        self.least
    }

    /// Passes on all keys of costs below the end of a window, and what comes of them, in order of cost
    /// (Dial, CACM 12 (1969) 632).
    pub(super) fn work(&mut self, end: u32, Buckets(buckets): &mut Buckets) -> Sent {
        let start = end.saturating_sub(WINDOW);
        let bucket = |key: Key| (key.cost() - start) as usize;
        let mut first = buckets.len();
        let keys = &self.keys;
        self.pending.retain(|&(key, cell)| {
            let is_later = key.cost() >= end;
            if !is_later && keys[usize::from(cell)] == key {
                buckets[bucket(key)].push(cell);
                first = first.min(bucket(key));
            }
            is_later
        });
        let mut sent = Sent { outside: Vec::new(), reached: 0 };
        for cost in first..buckets.len() {
            // Every step costs something: nothing is added to this bucket any more.
            let mut cells = std::mem::take(&mut buckets[cost]);
            for cell in cells.drain(..) {
                let key = self.keys[usize::from(cell)];
                if bucket(key) != cost {
                    continue;
                }
                sent.reached += 1;
                let level = self.levels[usize::from(cell)];
                for &step in &STEPS {
                    let next = (i32::from(cell) + step.offset) as usize;
                    let reached = key.plus(step_cost(level, self.levels[next], step));
                    if reached < self.keys[next] {
                        self.keys[next] = reached;
                        if is_outside(next) {
                            sent.outside.push((next as u16, reached));
                        } else if reached.cost() < end {
                            buckets[bucket(reached)].push(next as u16);
                        } else {
                            self.pending.push((reached, next as u16));
                        }
                    }
                }
            }
            buckets[cost] = cells;
        }
        self.least = self.pending.iter().map(|(key, _)| key.cost()).min().unwrap_or(u32::MAX);
        sent
    }
}

fn step_cost(level: u16, other: u16, step: Step) -> u32 {
    u32::from(level.abs_diff(other)) * LEVEL_COST + step.length
}

/// Whether a cell belongs to a neighbour.
fn is_outside(cell: usize) -> bool {
    OUTSIDE[cell / 64] >> (cell % 64) & 1 == 1
}

static OUTSIDE: [u64; CELLS.div_ceil(64)] = outside();

const fn outside() -> [u64; CELLS.div_ceil(64)] {
    let mut bits = [0; CELLS.div_ceil(64)];
    let mut cell = 0;
    while cell < CELLS {
        let at = [cell % EDGE, cell / EDGE % EDGE, cell / EDGE / EDGE];
        let mut axis = 0;
        while axis < 3 {
            if at[axis] == 0 || at[axis] == EDGE - 1 {
                bits[cell / 64] |= 1 << (cell % 64);
            }
            axis += 1;
        }
        cell += 1;
    }
    bits
}
