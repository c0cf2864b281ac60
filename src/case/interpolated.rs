//! Which slices of a label were filled in between painted ones, so that a person sees what nobody drew
//! and interpolating anew starts from what somebody did.

use serde::{Deserialize, Serialize};

use super::Case;
use super::edit::{Edit, EditError};
use crate::volume::BRICK_EDGE;

/// The slices of one label in one layer along one voxel axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SliceSeries {
    /// Which label map.
    pub layer: usize,
    /// The label.
    pub label: u16,
    /// 0, 1 or 2 for slices along i, j or k.
    pub axis: usize,
}

impl Case {
    /// The slices of a series that were interpolated, rising.
    pub fn interpolated(&self, of: SliceSeries) -> &[usize] {
        self.interpolated.get(&of).map_or(&[], Vec::as_slice)
    }

    /// Every series that has interpolated slices, with them.
    pub fn all_interpolated(&self) -> impl Iterator<Item = (SliceSeries, &[usize])> {
        self.interpolated.iter().map(|(of, slices)| (*of, slices.as_slice()))
    }

    /// The same case with what is known of interpolated slices; what cannot be is passed over.
    pub fn with_interpolated(mut self, known: impl IntoIterator<Item = (SliceSeries, Vec<usize>)>) -> Self {
        for (of, slices) in known {
            if self.can_hold(of, &slices) && !slices.is_empty() {
                self.interpolated.insert(of, slices);
            }
        }
        self
    }

    /// Whether a layer has interpolated slices.
    pub(super) fn has_interpolated(&self, layer: usize) -> bool {
        self.interpolated.keys().any(|of| of.layer == layer)
    }

    fn can_hold(&self, of: SliceSeries, slices: &[usize]) -> bool {
        let dims = self.volume.grid().dims();
        of.layer < self.layers.len()
            && of.label != 0
            && dims.get(of.axis).is_some_and(|count| slices.last().is_none_or(|last| last < count))
            && slices.is_sorted_by(|a, b| a < b)
    }

    pub(super) fn apply_interpolated(
        &mut self,
        of: SliceSeries,
        before: &[usize],
        after: &[usize],
    ) -> Result<(), EditError> {
        if !self.can_hold(of, after) {
            return Err(EditError::NoSuchPlace);
        }
        if self.interpolated(of) != before {
            return Err(EditError::OtherState);
        }
        if after.is_empty() {
            self.interpolated.remove(&of);
        } else {
            self.interpolated.insert(of, after.to_vec());
        }
        Ok(())
    }
}

impl Edit {
    /// The edit that says which slices of a series are interpolated; `None` where nothing would change.
    pub fn set_interpolated(case: &Case, of: SliceSeries, after: Vec<usize>) -> Option<Self> {
        let before = case.interpolated(of).to_vec();
        (before != after).then_some(Self::Interpolated { of, before, after })
    }

    /// The edits that go with one drawn by hand: an interpolated slice in which it changes the label is
    /// a painted one from then on. The case is as it was before the edit.
    pub fn painted_slices(&self, case: &Case) -> Vec<Self> {
        let layer = match self {
            Self::Bricks { layer, .. } | Self::Voxels { layer, .. } => *layer,
            _ => return Vec::new(),
        };
        let mut series = case.all_interpolated().filter(|(of, _)| of.layer == layer).peekable();
        if series.peek().is_none() {
            return Vec::new();
        }
        let voxels = self.voxels();
        let claimed = series.filter_map(|(of, slices)| {
            let touched: Vec<(usize, u32)> = voxels
                .iter()
                .map(|change| {
                    let first = change.brick().0[of.axis] as usize * BRICK_EDGE;
                    (first, change.slices_touched(of.label)[of.axis])
                })
                .collect();
            let is_touched = |slice: usize| {
                touched.iter().any(|(first, bits)| {
                    slice.checked_sub(*first).is_some_and(|bit| bit < BRICK_EDGE && bits >> bit & 1 == 1)
                })
            };
            let left = slices.iter().copied().filter(|slice| !is_touched(*slice)).collect();
            Self::set_interpolated(case, of, left)
        });
        claimed.collect()
    }
}
