//! The one place where labels are written.

use std::ops::Range;
use std::sync::Arc;

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

/// Collects writes to one layer into one [`Edit`]. Every tool and algorithm that changes a mask
/// goes through it, so locks hold for all of them. The case itself is not touched.
pub struct MaskWriter<'a> {
    volume: &'a Volume,
    map: &'a LabelMap,
    layer: usize,
    rule: WriteRule,
    /// Bit n is set where label n may not be written over, by the rule or by a lock.
    kept: Option<Box<[u64; 1024]>>,
    /// The bricks written, each at its place in the map.
    written: Vec<Option<Arc<Brick>>>,
}

impl<'a> MaskWriter<'a> {
    /// A writer for one layer. `None` when there is no such layer.
    pub fn new(case: &'a Case, layer: usize, rule: WriteRule) -> Option<Self> {
        let map = case.layers.get(layer)?;
        let kept = kept_labels(case, &rule);
        let written = vec![None; map.brick_dims().into_iter().product()];
        Some(Self { volume: &case.volume, map, layer, rule, kept, written })
    }

    /// Writes the voxels `i` of row (j, k), as far as rule and locks allow; none where nothing was
    /// scanned. The row must lie in the grid.
    pub fn write_run(&mut self, i: Range<usize>, j: usize, k: usize) {
        if self.volume.is_missing(k) {
            return;
        }
        let mut start = i.start;
        while start < i.end {
            let brick_i = start / BRICK_EDGE;
            let end = i.end.min((brick_i + 1) * BRICK_EDGE);
            let brick = [brick_i, j / BRICK_EDGE, k / BRICK_EDGE].map(|n| n as u32);
            self.write_in_brick(BrickIndex(brick), start..end, j, k);
            start = end;
        }
    }

    /// Writes the voxels of a mask, as far as rule and locks allow. Its box must lie in the grid.
    pub fn write_mask(&mut self, mask: &Mask) {
        mask.for_each_run(|i, j, k| self.write_run(i, j, k));
    }

    /// Calls `visit` with the voxels `i` of row (j, k) that [`Self::write_run`] would take from another
    /// label, stretch by stretch.
    pub fn for_each_taken(&self, i: Range<usize>, j: usize, k: usize, mut visit: impl FnMut(Range<usize>)) {
        if self.volume.is_missing(k) {
            return;
        }
        for brick_i in i.start / BRICK_EDGE..i.end.div_ceil(BRICK_EDGE) {
            let part = i.start.max(brick_i * BRICK_EDGE)..i.end.min((brick_i + 1) * BRICK_EDGE);
            let index = BrickIndex([brick_i, j / BRICK_EDGE, k / BRICK_EDGE].map(|n| n as u32));
            let Some(brick) = self.map.brick(index) else { continue };
            let old_labels = &brick.labels()[in_brick(&part, j, k)];
            if Brick::is_all(old_labels, 0) || Brick::is_all(old_labels, self.rule.label) {
                continue;
            }
            let others = bits(old_labels.iter().map(|old| *old != 0 && *old != self.rule.label));
            let taken = others & self.writable(old_labels, &part, j, k);
            for_each_run(&[u64::from(taken)], |run| visit(part.start + run.start..part.start + run.end));
        }
    }

    fn write_in_brick(&mut self, index: BrickIndex, i: Range<usize>, j: usize, k: usize) {
        let part = in_brick(&i, j, k);
        let slot = self.map.slot_number(index);
        // Look before copying: most samples of a stroke find most bricks as they should be.
        let old_labels = match self.written[slot].as_ref().or_else(|| self.map.brick(index)) {
            Some(brick) => &brick.labels()[part.clone()],
            None => &[0; BRICK_EDGE][..i.len()],
        };
        let writable = self.writable(old_labels, &i, j, k);
        if writable == 0 {
            return;
        }
        let brick = self.written[slot].get_or_insert_with(|| match self.map.brick(index) {
            Some(brick) => Arc::new(Brick::clone(brick)),
            None => Brick::background(),
        });
        let labels = &mut Arc::make_mut(brick).labels_mut()[part];
        if writable == first_bits(labels.len()) {
            labels.fill(self.rule.label);
            return;
        }
        for (step, label) in labels.iter_mut().enumerate() {
            if writable >> step & 1 == 1 {
                *label = self.rule.label;
            }
        }
    }

    /// Which of the voxels `i` of row (j, k), up to 32 with these labels, may be written, bit n for the
    /// n-th; none where all are as they should be.
    fn writable(&self, old_labels: &[u16], i: &Range<usize>, j: usize, k: usize) -> u32 {
        let writable = self.writable_over(old_labels);
        match self.rule.only_values {
            Some(range) if writable != 0 => {
                let grid = self.volume.grid();
                let time = self.rule.time.min(self.volume.times() - 1);
                let offset = time * grid.voxel_count() + grid.offset(VoxelIndex::new(i.start, j, k));
                writable & within(self.volume, range, offset..offset + i.len())
            }
            _ => writable,
        }
    }

    /// Which labels the rule and the locks let be written over.
    fn writable_over(&self, old_labels: &[u16]) -> u32 {
        if Brick::is_all(old_labels, self.rule.label) {
            return 0;
        }
        if self.kept.is_none() && self.rule.only_values.is_none() {
            // Writing a label over itself besides does no harm.
            return first_bits(old_labels.len());
        }
        let is_kept = |old: u16| {
            let kept = self.kept.as_ref();
            kept.is_some_and(|kept| kept[usize::from(old) / 64] >> (old % 64) & 1 == 1)
        };
        bits(old_labels.iter().map(|old| *old != self.rule.label && !is_kept(*old)))
    }

    /// Everything written, as one edit; `None` where nothing changed.
    pub fn finish(self) -> Option<Edit> {
        let Self { map, layer, written, rule, .. } = self;
        // A brick that a label was written into holds it.
        let is_absent = |brick: &Brick| rule.label == 0 && brick.is_background();
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

/// Which of up to 32 voxels in a row have values in `range`, ends included, at the first time.
fn within(volume: &Volume, [low, high]: [f64; 2], offsets: Range<usize>) -> u32 {
    let rescale = volume.rescale();
    let holds = |sample: f64| (low..=high).contains(&rescale.value(sample));
    with_samples!(volume.samples(), stored => {
        bits(stored[offsets].iter().map(|sample| holds(sample.to_f64())))
    }, colour => bits(offsets.map(|offset| holds(volume.samples().at(offset)))))
}

/// Where the voxels `i` of row (j, k), all of one brick, lie in it.
fn in_brick(i: &Range<usize>, j: usize, k: usize) -> Range<usize> {
    let row = (k % BRICK_EDGE * BRICK_EDGE + j % BRICK_EDGE) * BRICK_EDGE;
    let first = row + i.start % BRICK_EDGE;
    first..first + i.len()
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
