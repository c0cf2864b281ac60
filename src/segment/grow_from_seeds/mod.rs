//! Every voxel gets the label of the seed that reaches it most cheaply.
//!
//! The competition of GrowCut, solved as one shortest-path forest (Zhu, Kolesov, Gao, Kikinis &
//! Tannenbaum, Interactive Medical Image Computing Workshop, MICCAI 2014). A path costs the sum of the
//! differences of its neighbours' values, and a little for its length; a voxel has 26 neighbours.
//!
//! Always true: a voxel's cost and label are the least of all, by cost and then by the order in which
//! the labels were given; that is one answer, whatever the order of work, so that adding and removing
//! seeds ends where a fresh start ends.
//!
//! Must never know: what the labels mean, where the answer is written.

mod levels;
mod tile;

use std::collections::VecDeque;
use std::sync::Arc;

use rayon::prelude::*;

use self::levels::Levels;
use self::tile::{Buckets, CELLS, Key, Tile, UNREACHED, WALL};
use super::{Cancelled, Progress};
use crate::geometry::{VoxelBox, VoxelIndex};
use crate::volume::{BRICK_EDGE, Brick, BrickIndex, LabelMap, Mask, Volume, set_bits};

/// Labels that can compete at once.
pub const MAX_SEED_LABELS: usize = 255;

/// Someone who lets seeds compete faster than processors do: a graphics device.
pub trait Grower: std::fmt::Debug + Send + Sync {
    /// Lowers the keys of a box, i fastest, until each is the least that a neighbour offers; `false` where
    /// that cannot be done.
    ///
    /// A key is a cost in the upper 24 bits, which does not grow beyond them, and a label's place in the lower
    /// 8. A step to one of 26 neighbours adds `level_cost` for each level of difference and 3, 4 or 5 for its
    /// length, by the axes along which it goes. A key of 0 is a wall, one of `u32::MAX` offers nothing.
    fn settle(
        &self,
        dims: [usize; 3],
        levels: &[u16],
        level_cost: u32,
        keys: &mut [u32],
        progress: &dyn Progress,
    ) -> Result<bool, Cancelled>;
}

/// Why labels cannot be grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeedsError {
    /// Not one label, or too many, or background, or one twice.
    #[error("seeds need 1 to {MAX_SEED_LABELS} different labels, none of them background")]
    BadLabels,
    /// The box holds no voxel of the grid or reaches beyond it.
    #[error("the box to grow in does not lie in the grid")]
    BadBounds,
}

/// Costs and labels of a region, kept so that changed seeds cost what they change.
///
/// Takes some 7 bytes for each voxel of the bricks that the region touches.
#[derive(Debug)]
pub struct GrowFromSeeds {
    bounds: VoxelBox,
    labels: Vec<u16>,
    /// The seeds that the tiles have taken in; `None` where work was called off half way.
    seeds: Option<LabelMap>,
    /// One for each brick that the bounds touch.
    tiles: Vec<Tile>,
    tile_min: [usize; 3],
    tile_dims: [usize; 3],
}

impl GrowFromSeeds {
    /// Prepares a region of a volume at one time. Slices that were never scanned hold no voxel that
    /// could be reached.
    pub fn new(volume: &Volume, time: usize, bounds: VoxelBox, labels: &[u16]) -> Result<Self, SeedsError> {
        let dims = volume.grid().dims();
        let is_new = |(n, label): (usize, &u16)| *label != 0 && !labels[..n].contains(label);
        if !(1..=MAX_SEED_LABELS).contains(&labels.len()) || !labels.iter().enumerate().all(is_new) {
            return Err(SeedsError::BadLabels);
        }
        if bounds.is_empty() || (0..3).any(|axis| bounds.max[axis] > dims[axis]) {
            return Err(SeedsError::BadBounds);
        }
        let tile_min = bounds.min.map(|n| n / BRICK_EDGE);
        let tile_dims: [usize; 3] =
            std::array::from_fn(|axis| bounds.max[axis].div_ceil(BRICK_EDGE) - tile_min[axis]);
        let levels = Levels::of(volume, time, bounds);
        let count = tile_dims.iter().product::<usize>();
        let tile = |number: usize| {
            let brick = brick_at(number, tile_min, tile_dims);
            Tile::new(brick.first_voxel(), &levels)
        };
        let tiles = (0..count).into_par_iter().map(tile).collect();
        Ok(Self { bounds, labels: labels.to_vec(), seeds: None, tiles, tile_min, tile_dims })
    }

    /// Lets no path pass through some voxels, whatever seeds they hold. To be said before seeds are taken.
    pub fn wall_up(&mut self, walls: &Mask) {
        let bounds = self.bounds;
        walls.within(bounds).for_each_run(|i, j, k| {
            for i in i {
                let number = self.tile_number([i, j, k].map(|n| n / BRICK_EDGE));
                let [i, j, k] = [i, j, k].map(|n| n % BRICK_EDGE);
                let cell = tile::cell_of_brick((k * BRICK_EDGE + j) * BRICK_EDGE + i);
                self.tiles[number].wall_up(cell);
                for (direction, copy) in tile::copies(cell) {
                    if let Some(neighbour) = self.neighbour(number, direction) {
                        self.tiles[neighbour].wall_up(copy);
                    }
                }
            }
        });
    }

    /// The region.
    pub fn bounds(&self) -> VoxelBox {
        self.bounds
    }

    /// Takes the seeds of a map over the volume's grid, all voxels in the region that have one of the
    /// labels, and brings costs and labels up to them. After the first time only what changed is done
    /// again. Called off, it begins from the start at the next call.
    pub fn update(&mut self, seeds: &LabelMap, progress: &dyn Progress) -> Result<(), Cancelled> {
        let old_seeds = self.seeds.take();
        if old_seeds.is_none() {
            self.tiles.par_iter_mut().for_each(Tile::clear);
        }
        self.take_seeds(old_seeds.as_ref(), seeds);
        self.settle(progress)?;
        self.seeds = Some(seeds.clone());
        Ok(())
    }

    /// Takes the first seeds by someone faster, which comes to what [`Self::update`] does; `false` where that
    /// cannot be done, and nothing is.
    pub fn begin_by(
        &mut self,
        grower: &dyn Grower,
        seeds: &LabelMap,
        progress: &dyn Progress,
    ) -> Result<bool, Cancelled> {
        let (levels, mut keys) = self.ground(seeds);
        let dims = self.bounds.dims();
        if !grower.settle(dims, &levels, tile::LEVEL_COST, &mut keys, progress)? {
            return Ok(false);
        }
        if !is_settled(dims, &levels, &keys) {
            tracing::error!("{grower:?} grows seeds wrongly: processors do it");
            return Ok(false);
        }
        let bounds = self.bounds;
        self.tiles.par_iter_mut().for_each(|tile| tile.take_keys(bounds, &keys));
        self.seeds = Some(seeds.clone());
        Ok(true)
    }

    /// The levels of the region, i fastest, and its keys when nothing has grown yet.
    fn ground(&self, seeds: &LabelMap) -> (Vec<u16>, Vec<u32>) {
        let [ni, nj, nk] = self.bounds.dims();
        let [first_i, first_j, first_k] = self.bounds.min;
        let (mut levels, mut keys) = (vec![0; ni * nj * nk], vec![WALL.number(); ni * nj * nk]);
        let rows = levels.par_chunks_mut(ni).zip(keys.par_chunks_mut(ni)).enumerate();
        rows.for_each_init(Vec::new, |labels, (row, (levels, keys))| {
            let (j, k) = (first_j + row % nj, first_k + row / nj);
            labels.resize(seeds.dims()[0], 0);
            seeds.copy_row(j, k, labels);
            let mut i = first_i;
            while i < self.bounds.max[0] {
                let end = ((i / BRICK_EDGE + 1) * BRICK_EDGE).min(self.bounds.max[0]);
                let tile = &self.tiles[self.tile_number([i, j, k].map(|n| n / BRICK_EDGE))];
                for (i, (level, is_wall)) in (i..end).zip(tile.ground(i..end, j, k)) {
                    levels[i - first_i] = level;
                    if !is_wall {
                        keys[i - first_i] = self.slot_of(labels[i]).map_or(UNREACHED, Key::seed).number();
                    }
                }
                i = end;
            }
        });
        (levels, keys)
    }

    fn slot_of(&self, label: u16) -> Option<u8> {
        let place = || self.labels.iter().position(|other| *other == label);
        (label != 0).then(place).flatten().map(|slot| slot as u8)
    }

    /// The label that won a voxel; `None` where no seed reaches or outside the region.
    pub fn label(&self, voxel: VoxelIndex) -> Option<u16> {
        let tile = self.tile_of(voxel)?;
        self.labels.get(usize::from(self.tiles[tile].key(voxel).slot()?)).copied()
    }

    /// What each label won, in the order in which they were given; all masks over the region.
    pub fn masks(&self) -> Vec<(u16, Mask)> {
        let mut masks: Vec<_> = self.labels.iter().map(|label| (*label, Mask::empty(self.bounds))).collect();
        let first_i = self.bounds.min[0];
        for tile in &self.tiles {
            tile.for_each_run(|slot, i, j, k| {
                if let Some((_, mask)) = masks.get_mut(usize::from(slot)) {
                    set_bits(mask.row_mut(j, k), i.start - first_i..i.end - first_i);
                }
            });
        }
        masks
    }

    fn tile_of(&self, voxel: VoxelIndex) -> Option<usize> {
        let at = voxel.to_array();
        let is_inside = (0..3).all(|axis| (self.bounds.min[axis]..self.bounds.max[axis]).contains(&at[axis]));
        is_inside.then(|| self.tile_number(at.map(|n| n / BRICK_EDGE)))
    }

    fn tile_number(&self, brick: [usize; 3]) -> usize {
        let [i, j, k] = std::array::from_fn(|axis| brick[axis] - self.tile_min[axis]);
        (k * self.tile_dims[1] + j) * self.tile_dims[0] + i
    }

    /// Makes the changes between two maps of seeds known to the tiles.
    fn take_seeds(&mut self, old: Option<&LabelMap>, new: &LabelMap) {
        let (mut lost, mut gained) = (Vec::new(), Vec::new());
        let slot_of = |label: u16| self.slot_of(label);
        let row = |brick: Option<&Arc<Brick>>, row: usize| {
            let labels = brick.map(|brick| &brick.labels()[row * BRICK_EDGE..(row + 1) * BRICK_EDGE]);
            labels.map_or([0; BRICK_EDGE], |labels| std::array::from_fn(|n| labels[n]))
        };
        for number in 0..self.tiles.len() {
            let index = brick_at(number, self.tile_min, self.tile_dims);
            let (before, after) = (old.and_then(|old| old.brick(index)), new.brick(index));
            let is_same = match (before, after) {
                (Some(before), Some(after)) => Arc::ptr_eq(before, after),
                (before, after) => before.is_none() && after.is_none(),
            };
            let rows = if is_same { 0 } else { BRICK_EDGE * BRICK_EDGE };
            for n in 0..rows {
                let (before, after) = (row(before, n), row(after, n));
                if before == after {
                    continue;
                }
                for (step, (before, after)) in before.into_iter().zip(after).enumerate() {
                    let cell = tile::cell_of_brick(n * BRICK_EDGE + step);
                    if before != after {
                        lost.extend(slot_of(before).map(|_| (number, cell)));
                        gained.extend(slot_of(after).map(|slot| (number, cell, slot)));
                    }
                }
            }
        }
        self.forget(lost);
        for (number, cell, slot) in gained {
            self.tiles[number].offer(cell, Key::seed(slot));
        }
    }

    /// Takes back whatever was reached by way of cells that are no longer seeds, then lets what lies
    /// around it reach in.
    fn forget(&mut self, lost: Vec<(usize, u16)>) {
        let mut queue: VecDeque<(usize, u16, Key)> = VecDeque::new();
        let mut forgotten = Vec::new();
        for (number, cell) in lost {
            let key = self.tiles[number].keys[usize::from(cell)];
            if key != WALL {
                self.clear_cell(number, cell);
                queue.push_back((number, cell, key));
            }
        }
        while let Some((number, cell, key)) = queue.pop_front() {
            forgotten.push((number, cell));
            for &step in &tile::STEPS {
                let Some((next_number, next)) = self.beside(number, cell, step.offset) else { continue };
                let reached = self.tiles[number].across(key, cell, step);
                if self.tiles[next_number].keys[usize::from(next)] == reached && reached != UNREACHED {
                    self.clear_cell(next_number, next);
                    queue.push_back((next_number, next, reached));
                }
            }
        }
        for (number, cell) in forgotten {
            for &step in &tile::STEPS {
                let Some((next_number, next)) = self.beside(number, cell, step.offset) else { continue };
                let key = self.tiles[next_number].keys[usize::from(next)];
                if key != WALL && key != UNREACHED {
                    let reached = self.tiles[number].across(key, cell, step);
                    self.tiles[number].offer(cell, reached);
                }
            }
        }
    }

    /// Makes a cell unreached, and the copies of it that neighbours keep.
    fn clear_cell(&mut self, number: usize, cell: u16) {
        self.tiles[number].keys[usize::from(cell)] = UNREACHED;
        for (direction, copy) in tile::copies(cell) {
            if let Some(neighbour) = self.neighbour(number, direction) {
                self.tiles[neighbour].keys[usize::from(copy)] = UNREACHED;
            }
        }
    }

    /// The tile beside one, by steps along the axes.
    fn neighbour(&self, number: usize, direction: [i8; 3]) -> Option<usize> {
        let [ni, nj, _] = self.tile_dims;
        let at = [number % ni, number / ni % nj, number / ni / nj];
        let mut to = [0; 3];
        for axis in 0..3 {
            to[axis] = at[axis].checked_add_signed(isize::from(direction[axis]))?;
            if to[axis] >= self.tile_dims[axis] {
                return None;
            }
        }
        Some((to[2] * nj + to[1]) * ni + to[0])
    }

    /// The cell beside one, in its own tile.
    fn beside(&self, number: usize, cell: u16, offset: i32) -> Option<(usize, u16)> {
        let next = (i32::from(cell) + offset) as u16;
        match tile::home(next) {
            None => Some((number, next)),
            Some((direction, cell)) => Some((self.neighbour(number, direction)?, cell)),
        }
    }

    /// Lets all tiles work, a window of costs at a time so that little is done twice, until none can do
    /// any more.
    fn settle(&mut self, progress: &dyn Progress) -> Result<(), Cancelled> {
        let cells = self.tiles.len() as f32 * CELLS as f32;
        let mut reached = 0usize;
        loop {
            let least = self.tiles.iter().map(Tile::least).min().unwrap_or(u32::MAX);
            if least == u32::MAX {
                return Ok(());
            }
            let end = least + tile::WINDOW;
            loop {
                let active = self.tiles.par_iter_mut().enumerate().filter(|(_, tile)| tile.least() < end);
                let sent: Vec<(usize, tile::Sent)> = active
                    .map_init(Buckets::default, |buckets, (number, tile)| (number, tile.work(end, buckets)))
                    .collect();
                if sent.is_empty() {
                    break;
                }
                for (number, sent) in sent {
                    reached += sent.reached;
                    for (cell, key) in sent.outside {
                        let Some((direction, cell)) = tile::home(cell) else { continue };
                        if let Some(neighbour) = self.neighbour(number, direction) {
                            self.tiles[neighbour].offer(cell, key);
                        }
                    }
                }
                progress.go_on((reached as f32 / cells).min(1.0))?;
            }
        }
    }
}

/// Voxels of which it is looked at whether a [`Grower`] is right.
const PROBES: usize = 4096;

/// Whether some voxels have the least key that a neighbour offers.
fn is_settled(dims: [usize; 3], levels: &[u16], keys: &[u32]) -> bool {
    let [ni, nj, nk] = dims;
    let is_least = |n: usize| {
        let at = [n % ni, n / ni % nj, n / ni / nj].map(|n| n as isize);
        let offers = (0..27).filter(|number| *number != 13).filter_map(|number| {
            let by = [number % 3 - 1, number / 3 % 3 - 1, number / 9 - 1];
            let [i, j, k] = std::array::from_fn(|axis| at[axis] + by[axis]);
            let is_inside = (0..ni as isize).contains(&i)
                && (0..nj as isize).contains(&j)
                && (0..nk as isize).contains(&k);
            let beside = ((k * nj as isize + j) * ni as isize + i) as usize;
            let offers = is_inside && ![WALL.number(), UNREACHED.number()].contains(&keys[beside]);
            let length = 2 + by.iter().map(|step| step.unsigned_abs() as u32).sum::<u32>();
            offers.then(|| {
                let apart = u32::from(levels[beside].abs_diff(levels[n]));
                keys[beside].saturating_add((apart * tile::LEVEL_COST + length) << 8)
            })
        });
        let least = offers.min().unwrap_or(UNREACHED.number());
        // What is less than any offer is a seed or a wall.
        keys[n] <= least && (keys[n] == least || keys[n] >> 8 <= 1)
    };
    (0..keys.len()).step_by(keys.len() / PROBES + 1).all(is_least)
}

fn brick_at(number: usize, tile_min: [usize; 3], [ni, nj, _]: [usize; 3]) -> BrickIndex {
    let at = [number % ni, number / ni % nj, number / ni / nj];
    BrickIndex(std::array::from_fn(|axis| (tile_min[axis] + at[axis]) as u32))
}

#[cfg(test)]
mod tests;
