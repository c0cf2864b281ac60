//! Label maps that come from elsewhere, as edits.

use std::collections::{BTreeMap, BTreeSet};

use super::edit::{BrickChange, BrickState, Edit, LayerOrigin};
use super::{Case, CaseError};
use crate::annotation::{Label, LabelScheme};
use crate::volume::LabelMap;

impl Edit {
    /// The edits that take `maps` in, each as a layer of its own, so that no mark is written over; the
    /// first one takes the place of a sole layer that is empty. `origin` says where they come from.
    ///
    /// A label keeps its index. Where the case has another label of that index, whose name is not the
    /// one that `names` has for it, it gets the next free one; so does a label without a name where
    /// somebody has drawn with that index, for nobody knows whether it is the same. The second part tells
    /// which indices became which.
    pub fn import(
        case: &Case,
        maps: Vec<LabelMap>,
        names: &LabelScheme,
        origin: &str,
    ) -> Result<(Vec<Self>, BTreeMap<u16, u16>), CaseError> {
        let expected = case.volume.grid().dims();
        if let Some(wrong) = maps.iter().find(|map| map.dims() != expected) {
            return Err(CaseError::OtherDims { found: wrong.dims(), expected });
        }
        let (mut edits, new_index) = labels(case, &maps, names);
        let is_blank = case.layers.len() == 1 && case.layers[0].bricks().next().is_none();
        let first = if is_blank { 0 } else { case.layers.len() };
        for (layer, map) in (first..).zip(maps) {
            let before = case.origins.get(layer).cloned();
            edits.push(Self::Layer {
                layer,
                before,
                after: Some(LayerOrigin { file: Some(origin.to_owned()), name: None }),
            });
            let map = if new_index.is_empty() {
                map
            } else {
                map.relabelled(|label| new_index.get(&label).copied().unwrap_or(label))
            };
            let mut changes: Vec<BrickChange> = map
                .bricks()
                .map(|(brick, labels)| BrickChange {
                    brick,
                    before: BrickState::Absent,
                    after: BrickState::Whole(labels.clone()),
                })
                .collect();
            changes.sort_unstable_by_key(|change| change.brick);
            edits.extend((!changes.is_empty()).then_some(Self::Bricks { layer, changes }));
        }
        Ok((edits, new_index))
    }
}

impl Case {
    /// Whether anything was drawn with a label.
    fn is_drawn(&self, label: u16) -> bool {
        let is_in = |map: &LabelMap| map.bricks().any(|(_, brick)| brick.labels().contains(&label));
        self.annotations.iter().any(|annotation| annotation.label == Some(label))
            || self.layers.iter().any(is_in)
    }
}

/// The edits of the labels, and the new indices of those that cannot keep theirs.
fn labels(case: &Case, maps: &[LabelMap], names: &LabelScheme) -> (Vec<Edit>, BTreeMap<u16, u16>) {
    let named = names.iter().map(|(index, _)| index);
    let used = maps.iter().flat_map(|map| map.counts().into_keys());
    let indices: BTreeSet<u16> = named.chain(used).collect();
    let mut scheme = case.scheme.clone();
    let mut edits = Vec::new();
    let mut new_index = BTreeMap::new();
    // Those that keep their index come first, so that no other is given it.
    let (kept, moved): (Vec<u16>, Vec<u16>) =
        indices.into_iter().partition(|index| match (scheme.get(*index), names.get(*index)) {
            (Some(ours), Some(theirs)) => ours.name == theirs.name,
            (Some(_), None) => !case.is_drawn(*index),
            (None, _) => true,
        });
    for index in kept {
        if scheme.get(index).is_none() {
            let label = names.get(index).cloned();
            let label = label.unwrap_or_else(|| Label::numbered(index));
            scheme.set(index, Some(label.clone()));
            edits.push(Edit::Label { index, before: None, after: Some(label) });
        }
    }
    for index in moved {
        let Some(free) = scheme.next_free_index() else { continue };
        let label = names.get(index).cloned().unwrap_or_else(|| Label::numbered(free));
        scheme.set(free, Some(label.clone()));
        edits.push(Edit::Label { index: free, before: None, after: Some(label) });
        new_index.insert(index, free);
    }
    (edits, new_index)
}
