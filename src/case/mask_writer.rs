//! The one place where labels are written.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Case;
use super::edit::{BrickChange, BrickState, Edit};
use crate::annotation::Label;
use crate::geometry::VoxelIndex;
use crate::volume::{
    BRICK_EDGE, Brick, BrickIndex, LabelMap, Mask, Sample, Volume, for_each_run, with_samples,
};

/// A row of a brick is handled as the bits of one word.
const _: () = assert!(BRICK_EDGE == u32::BITS as usize);

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
    /// The point in time whose values count; the last one where there are fewer.
    pub time: usize,
}

impl WriteRule {
    /// Paints `label` over everything that is not locked.
    pub fn paint(label: u16) -> Self {
        Self { label, over: PaintOver::All, only_values: None, time: 0 }
    }

    /// Erases `label` and nothing else.
    pub fn erase(label: u16) -> Self {
        Self { label: 0, over: PaintOver::Only(label), only_values: None, time: 0 }
    }
}

impl WriteRule {
    /// Which labels it may write over in a case, locks and eyes as they are now.
    pub fn takes(&self, case: &Case) -> impl Fn(u16) -> bool + use<> {
        let kept = kept_labels(case, self);
        move |label| kept.as_ref().is_none_or(|kept| kept[usize::from(label) / 64] >> (label % 64) & 1 == 0)
    }
}

/// Collects writes to one layer into one [`Edit`]. Every tool and algorithm that changes a mask
/// goes through it, so locks hold for all of them. The case itself is not touched.
pub struct MaskWriter<'a> {
    case: &'a Case,
    layer: usize,
    pen: Pen<'a>,
    /// The bricks written, each at its place in the map.
    written: Vec<Option<Arc<Brick>>>,
    /// Whether something may have been erased, so that a brick may hold nothing any more.
    erased: bool,
}

/// Writes into one brick at a time, so that threads may share it.
struct Pen<'a> {
    volume: &'a Volume,
    map: &'a LabelMap,
    rule: WriteRule,
    /// Bit n is set where label n may not be written over, by the rule or by a lock.
    kept: Option<Box<[u64; 1024]>>,
}

impl<'a> MaskWriter<'a> {
    /// A writer for one layer. `None` when there is no such layer.
    pub fn new(case: &'a Case, layer: usize, rule: WriteRule) -> Option<Self> {
        let map = case.layers.get(layer)?;
        let written = vec![None; map.brick_dims().into_iter().product()];
        let erased = rule.label == 0;
        let pen = Pen { volume: &case.volume, map, kept: kept_labels(case, &rule), rule };
        Some(Self { case, layer, pen, written, erased })
    }

    /// Goes on by another rule, over what was written so far.
    pub fn go_on(&mut self, rule: WriteRule) {
        self.erased |= rule.label == 0;
        self.pen.kept = kept_labels(self.case, &rule);
        self.pen.rule = rule;
    }

    /// Writes the voxels `i` of row (j, k), as far as rule and locks allow; none where nothing was
    /// scanned. The row must lie in the grid.
    pub fn write_run(&mut self, i: Range<usize>, j: usize, k: usize) {
        if self.pen.volume.is_missing(k) {
            return;
        }
        let mut start = i.start;
        while start < i.end {
            let brick_i = start / BRICK_EDGE;
            let end = i.end.min((brick_i + 1) * BRICK_EDGE);
            let index = BrickIndex([brick_i, j / BRICK_EDGE, k / BRICK_EDGE].map(|n| n as u32));
            let wanted = first_bits(end - start) << (start % BRICK_EDGE);
            self.pen.write_row(&mut self.written[self.pen.map.slot_number(index)], index, wanted, j, k);
            start = end;
        }
    }

    /// Writes the voxels of a mask, as far as rule and locks allow; bricks are shared among threads. Its
    /// box must lie in the grid.
    pub fn write_mask(&mut self, mask: &Mask) {
        let Self { pen, written, .. } = self;
        written.par_iter_mut().enumerate().for_each(|(slot, written)| {
            let index = pen.map.brick_at(slot);
            let part = pen.map.brick_bounds(index).intersection(&mask.bounds());
            if part.is_empty() {
                return;
            }
            for k in (part.min[2]..part.max[2]).filter(|k| !pen.volume.is_missing(*k)) {
                for j in part.min[1]..part.max[1] {
                    let wanted = mask.word_at(index.first_voxel().i, j, k) as u32;
                    if wanted != 0 {
                        pen.write_row(written, index, wanted, j, k);
                    }
                }
            }
        });
    }

    /// Calls `visit` with the voxels `i` of row (j, k) that [`Self::write_run`] would take from another
    /// label, stretch by stretch.
    pub fn for_each_taken(&self, i: Range<usize>, j: usize, k: usize, mut visit: impl FnMut(Range<usize>)) {
        let Self { pen, .. } = self;
        if pen.volume.is_missing(k) {
            return;
        }
        for brick_i in i.start / BRICK_EDGE..i.end.div_ceil(BRICK_EDGE) {
            let part = i.start.max(brick_i * BRICK_EDGE)..i.end.min((brick_i + 1) * BRICK_EDGE);
            let index = BrickIndex([brick_i, j / BRICK_EDGE, k / BRICK_EDGE].map(|n| n as u32));
            let Some(brick) = pen.map.brick(index) else { continue };
            let first = in_row(j, k) + part.start % BRICK_EDGE;
            let old_labels = &brick.labels()[first..first + part.len()];
            let label = pen.rule.label;
            if Brick::is_all(old_labels, 0) || Brick::is_all(old_labels, label) {
                continue;
            }
            let others = bits(old_labels.iter().map(|old| *old != 0 && *old != label));
            let taken = others & pen.writable(old_labels, first_bits(part.len()), [part.start, j, k]);
            for_each_run(&[u64::from(taken)], |run| visit(part.start + run.start..part.start + run.end));
        }
    }

    /// Everything written, as one edit; `None` where nothing changed.
    pub fn finish(self) -> Option<Edit> {
        let Self { layer, pen: Pen { map, .. }, written, erased, .. } = self;
        // A brick that only labels were written into holds one.
        let is_absent = |brick: &Brick| erased && brick.is_background();
        let mut changes: Vec<BrickChange> = written
            .into_iter()
            .enumerate()
            .filter_map(|(slot, after)| {
                let (brick, after) = (map.brick_at(slot), after?);
                let before = BrickState::of(map.brick(brick));
                let after = if is_absent(&after) { BrickState::Absent } else { BrickState::Whole(after) };
                Some(BrickChange { brick, before, after })
            })
            .collect();
        changes.sort_unstable_by_key(|change| change.brick);
        (!changes.is_empty()).then_some(Edit::Bricks { layer, changes })
    }
}

impl Pen<'_> {
    /// Writes the voxels of a brick's row (j, k of the grid) whose bits are set in `wanted`, at least one.
    fn write_row(
        &self,
        written: &mut Option<Arc<Brick>>,
        index: BrickIndex,
        wanted: u32,
        j: usize,
        k: usize,
    ) {
        let row = in_row(j, k);
        let (start, end) = (wanted.trailing_zeros() as usize, BRICK_EDGE - wanted.leading_zeros() as usize);
        let (wanted, length) = (wanted >> start, end - start);
        let part = row + start..row + end;
        // Look before copying: most samples of a stroke find most bricks as they should be.
        let old_labels = match written.as_ref().or_else(|| self.map.brick(index)) {
            Some(brick) => &brick.labels()[part.clone()],
            None => &[0; BRICK_EDGE][..length],
        };
        let writable = self.writable(old_labels, wanted, [index.first_voxel().i + start, j, k]);
        if writable == 0 {
            return;
        }
        let brick = written.get_or_insert_with(|| match self.map.brick(index) {
            Some(brick) => Arc::new(Brick::clone(brick)),
            None => Brick::background(),
        });
        let labels = Arc::make_mut(brick).labels_mut();
        if writable == first_bits(length) {
            labels[part].fill(self.rule.label);
        } else {
            put(&mut labels[row..row + BRICK_EDGE], writable << start, self.rule.label);
        }
    }

    /// Which of the voxels wanted, up to 32 in a row from `first` on that have these labels, may be written,
    /// bit n for the n-th; none where all are as they should be.
    fn writable(&self, old_labels: &[u16], wanted: u32, [i, j, k]: [usize; 3]) -> u32 {
        let writable = self.writable_over(old_labels, wanted);
        match self.rule.only_values {
            Some(range) if writable != 0 => {
                let grid = self.volume.grid();
                let time = self.rule.time.min(self.volume.times() - 1);
                let offset = time * grid.voxel_count() + grid.offset(VoxelIndex { i, j, k });
                writable & within(self.volume, range, offset..offset + old_labels.len())
            }
            _ => writable,
        }
    }

    /// Which of them the rule and the locks let be written over.
    fn writable_over(&self, old_labels: &[u16], wanted: u32) -> u32 {
        if Brick::is_all(old_labels, self.rule.label) {
            return 0;
        }
        let is_solid = wanted == first_bits(old_labels.len());
        if is_solid && self.kept.is_none() && self.rule.only_values.is_none() {
            // Writing a label over itself besides does no harm.
            return wanted;
        }
        let is_kept = |old: u16| {
            let kept = self.kept.as_ref();
            kept.is_some_and(|kept| kept[usize::from(old) / 64] >> (old % 64) & 1 == 1)
        };
        if Brick::is_all(old_labels, old_labels[0]) {
            return if is_kept(old_labels[0]) { 0 } else { wanted };
        }
        wanted & bits(old_labels.iter().map(|old| *old != self.rule.label && !is_kept(*old)))
    }
}

/// Writes a label into the places of a brick's row whose bits are set; runs in wide registers.
fn put(row: &mut [u16], places: u32, label: u16) {
    const BITS: [u16; 16] = {
        let mut bits = [0; 16];
        let mut n = 0;
        while n < 16 {
            bits[n] = 1 << n;
            n += 1;
        }
        bits
    };
    for (half, places) in row.chunks_exact_mut(16).zip([places as u16, (places >> 16) as u16]) {
        for (old, bit) in half.iter_mut().zip(BITS) {
            *old = if places & bit != 0 { label } else { *old };
        }
    }
}

/// Which of up to 32 voxels in a row have values in `range`, ends included, at the first time.
fn within(volume: &Volume, [low, high]: [f64; 2], offsets: Range<usize>) -> u32 {
    let rescale = volume.rescale();
    let holds = |sample: f64| (low..=high).contains(&rescale.value(sample));
    with_samples!(volume.samples(), stored => {
        bits(stored[offsets].iter().map(|sample| holds(sample.to_f64())))
    }, colour => bits(offsets.map(|offset| holds(volume.samples().at(offset)))))
}

/// Where row (j, k) begins in its brick.
fn in_row(j: usize, k: usize) -> usize {
    (k % BRICK_EDGE * BRICK_EDGE + j % BRICK_EDGE) * BRICK_EDGE
}

/// As many bits as a row has voxels, 1 to 32.
fn first_bits(count: usize) -> u32 {
    u32::MAX >> (BRICK_EDGE - count)
}

/// The answers as bits, the first one lowest.
fn bits(answers: impl Iterator<Item = bool>) -> u32 {
    answers.enumerate().fold(0, |bits, (place, answer)| bits | u32::from(answer) << place)
}

fn kept_labels(case: &Case, rule: &WriteRule) -> Option<Box<[u64; 1024]>> {
    let is_kept = |label: &Label| label.locked || (rule.over == PaintOver::Shown && !label.visible);
    let labels: Vec<u16> =
        case.scheme.iter().filter(|(_, label)| is_kept(label)).map(|(index, _)| index).collect();
    let mut kept = match rule.over {
        PaintOver::All | PaintOver::Shown if labels.is_empty() => return None,
        PaintOver::All | PaintOver::Shown => Box::new([0u64; 1024]),
        PaintOver::Only(only) => {
            let mut kept = Box::new([u64::MAX; 1024]);
            kept[usize::from(only) / 64] &= !(1 << (only % 64));
            kept
        }
    };
    for label in labels {
        kept[usize::from(label) / 64] |= 1 << (label % 64);
    }
    Some(kept)
}
