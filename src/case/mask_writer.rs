//! The one place where labels are written.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::Case;
use super::edit::{BrickChange, BrickState, Edit};
use crate::volume::{BRICK_EDGE, Brick, BrickIndex, LabelMap};

/// What is written and what may be written over.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteRule {
    /// The label to write; 0 erases.
    pub label: u16,
    /// Write only over this label.
    pub only_over: Option<u16>,
    /// Write only where the value (rescaled, first time) lies in this range, ends included.
    pub only_values: Option<[f64; 2]>,
}

impl WriteRule {
    /// Paints `label` over everything that is not locked.
    pub fn paint(label: u16) -> Self {
        Self { label, only_over: None, only_values: None }
    }

    /// Erases `label` and nothing else.
    pub fn erase(label: u16) -> Self {
        Self { label: 0, only_over: Some(label), only_values: None }
    }
}

/// Collects writes to one layer into one [`Edit`]. Every tool and algorithm that changes a mask
/// goes through it, so locks hold for all of them. The case itself is not touched.
pub struct MaskWriter<'a> {
    case: &'a Case,
    map: &'a LabelMap,
    layer: usize,
    rule: WriteRule,
    /// Bit n is set where label n may not be written over, by the rule or by a lock.
    kept: Option<Box<[u64; 1024]>>,
    changed: BTreeMap<BrickIndex, Arc<Brick>>,
}

impl<'a> MaskWriter<'a> {
    /// A writer for one layer. `None` when there is no such layer.
    pub fn new(case: &'a Case, layer: usize, rule: WriteRule) -> Option<Self> {
        let map = case.layers.get(layer)?;
        let kept = kept_labels(case, &rule);
        Some(Self { case, map, layer, rule, kept, changed: BTreeMap::new() })
    }

    /// Writes the voxels `i` of row (j, k), as far as rule and locks allow. The row must lie in the
    /// grid.
    pub fn write_run(&mut self, i: Range<usize>, j: usize, k: usize) {
        let mut start = i.start;
        while start < i.end {
            let brick_i = start / BRICK_EDGE;
            let end = i.end.min((brick_i + 1) * BRICK_EDGE);
            let brick = [brick_i, j / BRICK_EDGE, k / BRICK_EDGE].map(|n| n as u32);
            self.write_in_brick(BrickIndex(brick), start..end, j, k);
            start = end;
        }
    }

    fn write_in_brick(&mut self, index: BrickIndex, i: Range<usize>, j: usize, k: usize) {
        let Self { case, map, rule, kept, changed, .. } = self;
        let row = (k % BRICK_EDGE * BRICK_EDGE + j % BRICK_EDGE) * BRICK_EDGE;
        let first = row + i.start % BRICK_EDGE;
        let part = first..first + i.len();
        let row_of_values = case.volume.grid().offset(crate::geometry::VoxelIndex::new(i.start, j, k));
        let may_write = |step: usize, old: u16| {
            old != rule.label
                && kept.as_ref().is_none_or(|kept| kept[usize::from(old) / 64] >> (old % 64) & 1 == 0)
                && rule.only_values.is_none_or(|[low, high]| {
                    let sample = case.volume.samples().at(row_of_values + step);
                    let value = case.volume.rescale().value(sample);
                    low <= value && value <= high
                })
        };
        // Look before copying: most samples of a stroke find most bricks as they should be.
        let old_labels = match changed.get(&index).or_else(|| map.brick(index)) {
            Some(brick) => &brick.labels()[part.clone()],
            None => &[0; BRICK_EDGE][..i.len()],
        };
        let Some(start) = old_labels.iter().enumerate().position(|(step, old)| may_write(step, *old)) else {
            return;
        };
        let brick = changed.entry(index).or_insert_with(|| match map.brick(index) {
            Some(brick) => Arc::new(Brick::clone(brick)),
            None => Brick::background(),
        });
        let labels = &mut Arc::make_mut(brick).labels_mut()[part];
        for (step, label) in labels.iter_mut().enumerate().skip(start) {
            if may_write(step, *label) {
                *label = rule.label;
            }
        }
    }

    /// Everything written, as one edit; `None` where nothing changed.
    pub fn finish(self) -> Option<Edit> {
        let Self { map, layer, changed, .. } = self;
        let changes: Vec<BrickChange> = changed
            .into_iter()
            .map(|(brick, after)| BrickChange {
                brick,
                before: BrickState::of(map.brick(brick)),
                after: if after.is_background() { BrickState::Absent } else { BrickState::Whole(after) },
            })
            .collect();
        (!changes.is_empty()).then_some(Edit::Bricks { layer, changes })
    }
}

fn kept_labels(case: &Case, rule: &WriteRule) -> Option<Box<[u64; 1024]>> {
    let locked: Vec<u16> =
        case.scheme.iter().filter(|(_, label)| label.locked).map(|(index, _)| index).collect();
    if locked.is_empty() && rule.only_over.is_none() {
        return None;
    }
    let mut kept = Box::new([0u64; 1024]);
    if let Some(only) = rule.only_over {
        kept.fill(u64::MAX);
        kept[usize::from(only) / 64] &= !(1 << (only % 64));
    }
    for label in locked {
        kept[usize::from(label) / 64] |= 1 << (label % 64);
    }
    Some(kept)
}
