//! Changes of single voxels, row by row of a brick: what a brush changes costs no more than that.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::geometry::VoxelIndex;
use crate::volume::{BRICK_EDGE, Brick, BrickIndex, BrickRow, for_each_run};

/// Rows of a brick.
const ROWS: usize = BRICK_EDGE * BRICK_EDGE;

/// Voxels of one row of a brick that change from one label to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u16, u16, u16, u32)", into = "(u16, u16, u16, u32)")]
pub(super) struct RowChange {
    /// Which row, j + 32·k.
    pub(super) row: u16,
    /// What the voxels held.
    pub(super) before: u16,
    /// What they hold then.
    pub(super) after: u16,
    /// Bit n is set where voxel n changes.
    pub(super) places: u32,
}

impl From<(u16, u16, u16, u32)> for RowChange {
    fn from((row, before, after, places): (u16, u16, u16, u32)) -> Self {
        Self { row, before, after, places }
    }
}

impl From<RowChange> for (u16, u16, u16, u32) {
    fn from(RowChange { row, before, after, places }: RowChange) -> Self {
        (row, before, after, places)
    }
}

impl RowChange {
    fn inverse(self) -> Self {
        Self { before: self.after, after: self.before, ..self }
    }
}

/// The voxels of one brick that change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrickRows {
    pub(super) brick: BrickIndex,
    /// By rising row; each voxel stands in them at most once.
    pub(super) rows: Vec<RowChange>,
}

impl BrickRows {
    /// Which brick changes.
    pub fn brick(&self) -> BrickIndex {
        self.brick
    }

    /// What changes where one state of a brick follows on another.
    pub(super) fn between(brick: BrickIndex, before: Option<&Brick>, after: Option<&Brick>) -> Self {
        let mut rows = Vec::new();
        for row in 0..ROWS {
            let [before, after] =
                [before, after].map(|brick| brick.map_or(&[0; BRICK_EDGE], |brick| brick.row(row)));
            settle(row as u16, before, after, u32::MAX, &mut rows);
        }
        Self { brick, rows }
    }

    /// Calls `visit` with the runs along i that go from one label to another, and their row (j, k).
    pub(super) fn for_each_taken(&self, visit: &mut impl FnMut(Range<usize>, usize, usize)) {
        let VoxelIndex { i, j, k } = self.brick.first_voxel();
        for RowChange { row, places, .. } in
            self.rows.iter().filter(|change| change.before != 0 && change.after != 0)
        {
            let row = usize::from(*row);
            for_each_run(&[u64::from(*places)], |run| {
                visit(i + run.start..i + run.end, j + row % BRICK_EDGE, k + row / BRICK_EDGE);
            });
        }
    }

    /// Bytes this change holds on to.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&self.rows[..])
    }

    pub(super) fn invert(&mut self) {
        self.rows.iter_mut().for_each(|change| *change = change.inverse());
    }

    /// Whether it changes something in every row it names, each voxel once, and none beyond the first `dims`
    /// along i, j and k.
    pub(super) fn is_sound(&self, dims: [usize; 3]) -> bool {
        let [ni, nj, nk] = dims.map(|n| n.min(BRICK_EDGE));
        let beyond = !(u32::MAX >> (BRICK_EDGE - ni));
        let (mut least, mut seen) = (0, 0);
        let is_sound = |RowChange { row, before, after, places }: &RowChange| {
            if *row > least {
                (least, seen) = (*row, 0);
            }
            let is_new = *row == least && places & (seen | beyond) == 0;
            seen |= places;
            let (j, k) = (usize::from(*row) % BRICK_EDGE, usize::from(*row) / BRICK_EDGE);
            is_new && *places != 0 && before != after && j < nj && k < nk
        };
        !self.rows.is_empty() && self.rows.iter().all(is_sound)
    }

    /// Whether the brick holds what the change replaces.
    pub(super) fn fits(&self, brick: Option<&Arc<Brick>>) -> bool {
        match brick {
            None => self.rows.iter().all(|change| change.before == 0),
            Some(brick) => self.rows.iter().all(|change| {
                let places = Brick::places_of(brick.row(change.row.into()), change.before);
                change.places & !places == 0
            }),
        }
    }

    /// Makes the change in a brick that it fits; one without a label becomes none.
    pub(super) fn write(&self, brick: &mut Option<Arc<Brick>>) {
        write(&self.rows, brick);
    }

    /// Which slices of the brick change for a label: bit n of the axis' word for slice n.
    pub(super) fn slices_touched(&self, label: u16) -> [u32; 3] {
        let touching = self.rows.iter().filter(|change| change.before == label || change.after == label);
        touching.fold([0; 3], |[i, j, k], RowChange { row, places, .. }| {
            [i | places, j | 1 << (usize::from(*row) % BRICK_EDGE), k | 1 << (usize::from(*row) / BRICK_EDGE)]
        })
    }
}

/// Writes changes into a brick that they fit; one without a label becomes none.
pub(super) fn write(rows: &[RowChange], slot: &mut Option<Arc<Brick>>) {
    let brick = Arc::make_mut(slot.get_or_insert_with(Brick::background));
    for change in rows {
        Brick::put(brick.row_mut(change.row.into()), change.places, change.after);
    }
    if rows.iter().any(|change| change.after == 0) && brick.is_background() {
        *slot = None;
    }
}

/// What edits of one step change in a brick, as if it were one.
#[derive(Debug)]
pub(super) struct JoinedRows {
    /// How each row changed at first.
    first: Box<[FirstChange; ROWS]>,
    /// Other changes of such rows, in the order they were made.
    later: Vec<RowChange>,
    /// Bit j of word k is set where row (j, k) has later changes.
    has_later: [u32; BRICK_EDGE],
}

/// A [`RowChange`] in the place of its row; without places where nothing changed.
#[derive(Clone, Copy, Debug, Default)]
struct FirstChange {
    before: u16,
    after: u16,
    places: u32,
}

/// Half as many describe any brick.
const MOST_LATER: usize = 2 * BRICK_EDGE * ROWS;

impl JoinedRows {
    pub(super) fn new(rows: &[RowChange]) -> Self {
        let first = Box::new([FirstChange::default(); ROWS]);
        let mut joined = Self { first, later: Vec::new(), has_later: [0; BRICK_EDGE] };
        joined.join(rows);
        joined
    }

    /// Adds changes that follow on those before.
    pub(super) fn join(&mut self, rows: &[RowChange]) {
        for change in rows {
            let RowChange { row, before, after, places } = *change;
            let first = &mut self.first[usize::from(row)];
            let (j, k) = (usize::from(row) % BRICK_EDGE, usize::from(row) / BRICK_EDGE);
            if first.places == 0 {
                *first = FirstChange { before, after, places };
            } else if (first.before, first.after) == (before, after) && self.has_later[k] >> j & 1 == 0 {
                // Voxels that went the same way are others: those of the earlier change hold its label since.
                first.places |= places;
            } else {
                self.has_later[k] |= 1 << j;
                self.later.push(*change);
            }
        }
        if self.later.len() > MOST_LATER {
            *self = Self::new(&self.settled());
        }
    }

    /// The changes by rising row, each voxel once, without those that took themselves back.
    pub(super) fn settled(&self) -> Vec<RowChange> {
        let changed = self.first.iter().filter(|first| first.places != 0).count();
        let mut rows = Vec::with_capacity(changed + self.later.len());
        for (row, FirstChange { before, after, places }) in self.first.iter().enumerate() {
            if *places != 0 {
                rows.push(RowChange { row: row as u16, before: *before, after: *after, places: *places });
            }
        }
        if self.later.is_empty() {
            return rows;
        }
        rows.extend_from_slice(&self.later);
        rows.sort_by_key(|change| change.row);
        let mut settled = Vec::with_capacity(rows.len());
        for of_row in rows.chunk_by(|a, b| a.row == b.row) {
            match of_row {
                [alone] => settled.push(*alone),
                several => compose(several, &mut settled),
            }
        }
        settled.shrink_to_fit();
        settled
    }

    /// Takes the changes back in a brick that holds them.
    pub(super) fn take_back(&self, brick: &mut Option<Arc<Brick>>) {
        let rows: Vec<RowChange> = self.settled().into_iter().map(RowChange::inverse).collect();
        write(&rows, brick);
    }
}

/// Changes of one row, one after the other, as changes of each voxel at most once.
fn compose(changes: &[RowChange], settled: &mut Vec<RowChange>) {
    let (mut before, mut after): (BrickRow, BrickRow) = ([0; BRICK_EDGE], [0; BRICK_EDGE]);
    let mut places = 0;
    for change in changes {
        Brick::put(&mut before, change.places & !places, change.before);
        Brick::put(&mut after, change.places, change.after);
        places |= change.places;
    }
    settle(changes[0].row, &before, &after, places, settled);
}

/// Adds what differs in those places of a row.
fn settle(row: u16, before: &BrickRow, after: &BrickRow, mut places: u32, settled: &mut Vec<RowChange>) {
    while places != 0 {
        let first = places.trailing_zeros() as usize;
        let (from, to) = (before[first], after[first]);
        let alike = places & Brick::places_of(before, from) & Brick::places_of(after, to);
        if from != to {
            settled.push(RowChange { row, before: from, after: to, places: alike });
        }
        places &= !alike;
    }
}
