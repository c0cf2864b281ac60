//! The one place where labels are written.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Case;
use super::edit::{BrickChange, BrickState, Edit, MadeFrom};
use super::rows::{BrickRows, RowChange, write};
use crate::annotation::Label;
use crate::geometry::VoxelIndex;
use crate::volume::{
    BRICK_EDGE, Brick, BrickIndex, BrickRow, LabelMap, Mask, Sample, Volume, for_each_run, with_samples,
};

/// Which labels may be written over. Locked ones never may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaintOver {
    /// Background and every label.
    #[default]
    All,
    /// Background and the labels that are shown.
    Shown,
    /// One label; 0 is background.
    Only(u16),
}

/// What is written and what may be written over.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteRule {
    /// The label to write; 0 erases.
    pub label: u16,
    /// Write only over these.
    pub over: PaintOver,
    /// Write only where the value (rescaled) lies in this range, ends included.
    pub only_values: Option<[f64; 2]>,
    /// The point in time that is looked at, the last one where there are fewer: its values count, and
    /// nothing is written where it has no picture. Without one, values are those of the first.
    pub time: Option<usize>,
}

impl WriteRule {
    /// Paints `label` over everything that is not locked.
    pub fn paint(label: u16) -> Self {
        Self { label, over: PaintOver::All, only_values: None, time: None }
    }

    /// Erases `label` and nothing else.
    pub fn erase(label: u16) -> Self {
        Self { label: 0, over: PaintOver::Only(label), only_values: None, time: None }
    }
}

impl WriteRule {
    /// Which labels it may write over in a case, locks and eyes as they are now.
    pub fn takes(&self, case: &Case) -> impl Fn(u16) -> bool + use<> {
        let (over, kept) = (self.over, self.kept_labels(case));
        move |label| !keeps(over, &kept, label)
    }

    /// The labels of the scheme that stay, rising.
    fn kept_labels(&self, case: &Case) -> Vec<u16> {
        let is_kept = |label: &Label| label.locked || (self.over == PaintOver::Shown && !label.visible);
        case.scheme.iter().filter(|(_, label)| is_kept(label)).map(|(index, _)| index).collect()
    }
}

/// Whether a label stays, by the rule or among those that stay by themselves.
fn keeps(over: PaintOver, kept: &[u16], label: u16) -> bool {
    matches!(over, PaintOver::Only(only) if only != label) || kept.binary_search(&label).is_ok()
}

/// Collects writes to one layer into one [`Edit`]. Every tool and algorithm that changes a mask
/// goes through it, so locks hold for all of them. The case itself is not touched.
pub struct MaskWriter<'a> {
    case: &'a Case,
    layer: usize,
    pen: Pen<'a>,
    written: Vec<Written>,
    /// For each brick of the map 1 + its place in `written`, 0 where nothing was written.
    places: Vec<u32>,
    /// Whether something may have been erased, so that a brick may hold nothing any more.
    erased: bool,
}

/// What was written into a brick.
struct Written {
    brick: BrickIndex,
    marks: Marks,
}

enum Marks {
    /// Little: what changes, all of it to one label, by rising row.
    Rows(Vec<RowChange>),
    /// Much: the brick itself.
    Whole(Arc<Brick>),
}

/// Tells which voxels may be written; threads may share it.
struct Pen<'a> {
    volume: &'a Volume,
    map: &'a LabelMap,
    rule: WriteRule,
    /// The labels that may not be written over, whatever the rule names; rising.
    kept: Vec<u16>,
    /// Whether the rule or a lock holds anything back.
    is_bound: bool,
}

/// More changes of rows cost more than the brick itself.
const MOST_ROWS: usize = 2 * BRICK_EDGE * BRICK_EDGE;

impl<'a> MaskWriter<'a> {
    /// A writer for one layer. `None` when there is no such layer.
    pub fn new(case: &'a Case, layer: usize, rule: WriteRule) -> Option<Self> {
        let map = case.layers.get(layer)?;
        let places = vec![0; map.brick_dims().into_iter().product()];
        let erased = rule.label == 0;
        let pen = Pen::new(case, map, rule);
        Some(Self { case, layer, pen, written: Vec::new(), places, erased })
    }

    /// Goes on by another rule, over what was written so far.
    pub fn go_on(&mut self, rule: WriteRule) {
        self.erased |= rule.label == 0;
        self.written.iter_mut().for_each(|written| written.make_whole(self.pen.map));
        self.pen = Pen::new(self.case, self.pen.map, rule);
    }

    /// Writes the voxels `i` of row (j, k), as far as rule and locks allow; none where nothing was
    /// scanned. The row must lie in the grid.
    pub fn write_run(&mut self, i: Range<usize>, j: usize, k: usize) {
        if i.is_empty() || self.pen.is_missing(k) {
            return;
        }
        let first_slot = self.pen.map.slot_number(BrickIndex::of(VoxelIndex { i: 0, j, k }));
        for brick_i in i.start / BRICK_EDGE..i.end.div_ceil(BRICK_EDGE) {
            let first = brick_i * BRICK_EDGE;
            let wanted = bits_of(i.start.saturating_sub(first)..(i.end - first).min(BRICK_EDGE));
            self.write_row(first_slot + brick_i, wanted, [first, j, k]);
        }
    }

    /// Writes the voxels whose bits are set in `wanted` of a brick's row, which begins at `first`.
    #[inline]
    fn write_row(&mut self, slot: usize, wanted: u32, first: [usize; 3]) {
        let Self { pen, written, places, .. } = self;
        let row = row_in_brick(first);
        let known = (places[slot] as usize).checked_sub(1);
        if let Some(Written { marks: Marks::Whole(brick), .. }) = known.map(|place| &mut written[place]) {
            let writable = pen.writable(brick.row(row), wanted, first);
            if writable != 0 {
                Brick::put(Arc::make_mut(brick).row_mut(row), writable, pen.rule.label);
            }
            return;
        }
        // Look before writing: most samples of a stroke find most rows as they should be.
        let old_labels = row_of(pen.map.brick_in(slot), row);
        let writable = pen.writable(old_labels, wanted, first);
        if writable == 0 {
            return;
        }
        let known = known.unwrap_or_else(|| {
            written.push(Written::nothing(pen.map.brick_at(slot)));
            places[slot] = written.len() as u32;
            written.len() - 1
        });
        let written = &mut written[known];
        if let Marks::Rows(rows) = &mut written.marks {
            note(rows, row as u16, old_labels, writable, pen.rule.label);
            if rows.len() > MOST_ROWS {
                written.make_whole(pen.map);
            }
        }
    }

    /// Writes the voxels of a mask, as far as rule and locks allow; bricks are shared among threads. Its
    /// box must lie in the grid.
    pub fn write_mask(&mut self, mask: &Mask) {
        let bounds = mask.bounds();
        let [along_i, along_j, along_k] = [0, 1, 2]
            .map(|axis| (bounds.min[axis] / BRICK_EDGE) as u32..bounds.max[axis].div_ceil(BRICK_EDGE) as u32);
        let indices = along_k.flat_map(|k| {
            let along_i = along_i.clone();
            along_j.clone().flat_map(move |j| along_i.clone().map(move |i| BrickIndex([i, j, k])))
        });
        let bricks: Vec<_> = indices.map(|index| (index, self.take_whole(index))).collect();
        let pen = &self.pen;
        let written = bricks.into_par_iter().filter_map(|(index, mut brick)| {
            let part = pen.map.brick_bounds(index).intersection(&bounds);
            for k in (part.min[2]..part.max[2]).filter(|k| !pen.is_missing(*k)) {
                for j in part.min[1]..part.max[1] {
                    let wanted = mask.word_at(index.first_voxel().i, j, k) as u32;
                    if wanted != 0 {
                        pen.write_whole(&mut brick, index, wanted, [index.first_voxel().i, j, k]);
                    }
                }
            }
            Some((index, brick?))
        });
        for (brick, whole) in written.collect::<Vec<_>>() {
            let place = &mut self.places[self.pen.map.slot_number(brick)];
            let written = Written { brick, marks: Marks::Whole(whole) };
            if let Some(place) = place.checked_sub(1) {
                self.written[place as usize] = written;
            } else {
                self.written.push(written);
                *place = self.written.len() as u32;
            }
        }
    }

    /// The brick as it was written, to be put back.
    fn take_whole(&mut self, index: BrickIndex) -> Option<Arc<Brick>> {
        let place = self.places[self.pen.map.slot_number(index)].checked_sub(1)?;
        let written = &mut self.written[place as usize];
        written.make_whole(self.pen.map);
        match std::mem::replace(&mut written.marks, Marks::Rows(Vec::new())) {
            Marks::Whole(brick) => Some(brick),
            Marks::Rows(_) => None,
        }
    }

    /// Calls `visit` with the voxels `i` of row (j, k) that [`Self::write_run`] would take from another
    /// label, stretch by stretch.
    pub fn for_each_taken(&self, i: Range<usize>, j: usize, k: usize, mut visit: impl FnMut(Range<usize>)) {
        let Self { pen, .. } = self;
        if pen.is_missing(k) {
            return;
        }
        for brick_i in i.start / BRICK_EDGE..i.end.div_ceil(BRICK_EDGE) {
            let first = brick_i * BRICK_EDGE;
            let index = BrickIndex([brick_i, j / BRICK_EDGE, k / BRICK_EDGE].map(|n| n as u32));
            let Some(brick) = pen.map.brick(index) else { continue };
            let old_labels = brick.row(row_in_brick([first, j, k]));
            let wanted = bits_of(i.start.saturating_sub(first)..(i.end - first).min(BRICK_EDGE));
            let wanted = wanted & !Brick::places_of(old_labels, 0);
            let taken = pen.writable(old_labels, wanted, [first, j, k]);
            for_each_run(&[u64::from(taken)], |run| visit(first + run.start..first + run.end));
        }
    }

    /// Everything written, as one edit; `None` where nothing changed.
    pub fn finish(self) -> Option<Edit> {
        let Self { layer, pen: Pen { map, .. }, mut written, erased, .. } = self;
        if written.is_empty() {
            return None;
        }
        written.sort_unstable_by_key(|written| written.brick);
        let is_in_rows = written.iter().all(|written| matches!(written.marks, Marks::Rows(_)));
        Some(if is_in_rows {
            let changes = written.into_iter().filter_map(Written::into_rows).collect();
            Edit::Voxels { layer, changes, made_from: MadeFrom::state_of(map) }
        } else {
            let changes = written.into_iter().filter_map(|written| written.into_whole(map, erased)).collect();
            Edit::Bricks { layer, changes }
        })
    }
}

impl Written {
    fn nothing(brick: BrickIndex) -> Self {
        Self { brick, marks: Marks::Rows(Vec::with_capacity(4 * BRICK_EDGE)) }
    }

    /// From now on holds the brick itself.
    fn make_whole(&mut self, map: &LabelMap) {
        if let Marks::Rows(rows) = &self.marks {
            let mut brick = map.brick(self.brick).cloned();
            write(rows, &mut brick);
            self.marks = Marks::Whole(brick.unwrap_or_else(Brick::background));
        }
    }

    fn into_rows(self) -> Option<BrickRows> {
        match self.marks {
            Marks::Rows(rows) => Some(BrickRows { brick: self.brick, rows }),
            Marks::Whole(_) => None,
        }
    }

    fn into_whole(mut self, map: &LabelMap, erased: bool) -> Option<BrickChange> {
        self.make_whole(map);
        let Self { brick, marks: Marks::Whole(after) } = self else { return None };
        let before = BrickState::of(map.brick(brick));
        // A brick that only labels were written into holds one.
        let is_absent = erased && after.is_background();
        let after = if is_absent { BrickState::Absent } else { BrickState::Whole(after) };
        Some(BrickChange { brick, before, after })
    }
}

impl<'a> Pen<'a> {
    fn new(case: &'a Case, map: &'a LabelMap, rule: WriteRule) -> Self {
        let kept = rule.kept_labels(case);
        let is_bound =
            !kept.is_empty() || matches!(rule.over, PaintOver::Only(_)) || rule.only_values.is_some();
        Self { volume: &case.volume, map, rule, kept, is_bound }
    }

    /// Whether nothing was scanned at slice `k` at the point in time that is looked at, or at any.
    fn is_missing(&self, k: usize) -> bool {
        match self.rule.time {
            Some(time) => self.volume.is_missing_at(k, time),
            None => self.volume.is_missing(k),
        }
    }

    /// Writes the voxels wanted of a brick's row, which begins at `first`, into a brick that is made once
    /// a voxel of it is written.
    fn write_whole(
        &self,
        written: &mut Option<Arc<Brick>>,
        index: BrickIndex,
        wanted: u32,
        first: [usize; 3],
    ) {
        let row = row_in_brick(first);
        let old_labels = row_of(written.as_ref().or_else(|| self.map.brick(index)), row);
        let writable = self.writable(old_labels, wanted, first);
        if writable != 0 {
            let brick = written.get_or_insert_with(|| match self.map.brick(index) {
                Some(brick) => Arc::new(Brick::clone(brick)),
                None => Brick::background(),
            });
            Brick::put(Arc::make_mut(brick).row_mut(row), writable, self.rule.label);
        }
    }

    /// Which of the voxels wanted in a brick's row that begins at `first` and has these labels may be
    /// written; none that are as they should be.
    #[inline(always)]
    fn writable(&self, old_labels: &BrickRow, wanted: u32, first: [usize; 3]) -> u32 {
        let other = wanted & !Brick::places_of(old_labels, self.rule.label);
        if self.is_bound && other != 0 { self.allowed(old_labels, other, first) } else { other }
    }

    /// Which of those the rule and the locks let be written over. Not inlined: most strokes never come here.
    #[inline(never)]
    fn allowed(&self, old_labels: &BrickRow, wanted: u32, [i, j, k]: [usize; 3]) -> u32 {
        let mut allowed = wanted;
        Brick::for_each_label(old_labels, wanted, |label, places| {
            if keeps(self.rule.over, &self.kept, label) {
                allowed &= !places;
            }
        });
        match self.rule.only_values {
            Some(range) if allowed != 0 => {
                let grid = self.volume.grid();
                let time = self.rule.time.unwrap_or(0).min(self.volume.times() - 1);
                let row = time * grid.voxel_count() + grid.offset(VoxelIndex { i, j, k });
                let start = allowed.trailing_zeros() as usize;
                let end = BRICK_EDGE - allowed.leading_zeros() as usize;
                allowed & within(self.volume, range, row + start..row + end) << start
            }
            _ => allowed,
        }
    }
}

/// Adds places of a row that are written to those known by rising row.
#[inline]
fn note(rows: &mut Vec<RowChange>, row: u16, old_labels: &BrickRow, written: u32, after: u16) {
    if rows.last().is_some_and(|last| last.row >= row) {
        return note_again(rows, row, old_labels, written, after);
    }
    Brick::for_each_label(old_labels, written, |before, places| {
        rows.push(RowChange { row, before, after, places })
    });
}

/// The same where the row, or one behind it, may be known.
fn note_again(rows: &mut Vec<RowChange>, row: u16, old_labels: &BrickRow, written: u32, after: u16) {
    let start = rows.partition_point(|change| change.row < row);
    let count = rows[start..].iter().take_while(|change| change.row == row).count();
    Brick::for_each_label(old_labels, written, |before, places| {
        match rows[start..start + count].iter_mut().find(|change| change.before == before) {
            Some(known) => known.places |= places,
            None => rows.insert(start + count, RowChange { row, before, after, places }),
        }
    });
}

/// A row of a brick, which is background where there is none.
fn row_of(brick: Option<&Arc<Brick>>, row: usize) -> &BrickRow {
    brick.map_or(&[0; BRICK_EDGE], |brick| brick.row(row))
}

/// Which of up to 32 voxels in a row have values in `range`, ends included, at the first time.
fn within(volume: &Volume, [low, high]: [f64; 2], offsets: Range<usize>) -> u32 {
    let rescale = volume.rescale();
    let holds = |sample: f64| (low..=high).contains(&rescale.value(sample));
    with_samples!(volume.samples(), stored => {
        bits(stored[offsets].iter().map(|sample| holds(sample.to_f64())))
    }, colour => bits(offsets.map(|offset| holds(volume.samples().at(offset)))))
}

/// Which row of its brick that of a voxel of the grid is.
fn row_in_brick([_, j, k]: [usize; 3]) -> usize {
    k % BRICK_EDGE * BRICK_EDGE + j % BRICK_EDGE
}

/// The voxels of a brick's row as bits; at least one.
#[inline]
fn bits_of(voxels: Range<usize>) -> u32 {
    u32::MAX >> (BRICK_EDGE - voxels.end) & u32::MAX << voxels.start
}

/// The answers as bits, the first one lowest.
fn bits(answers: impl Iterator<Item = bool>) -> u32 {
    answers.enumerate().fold(0, |bits, (place, answer)| bits | u32::from(answer) << place)
}
