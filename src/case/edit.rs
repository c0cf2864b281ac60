//! The closed set of changes, each with its inverse.

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::rows::BrickRows;
use super::{Case, SliceSeries};
use crate::annotation::{Annotation, AnnotationId, Classification, Label, Subject};
use crate::volume::{BRICK_VOXELS, Brick, BrickIndex, LabelMap};

/// More layers than anybody draws, and few enough that a damaged edit costs nothing.
const MOST_LAYERS: usize = 4096;

/// A change to a case, with what it replaces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edit {
    /// Labels of one layer, whole bricks at a time: many voxels. Built by
    /// [`MaskWriter`](super::MaskWriter) only, as is the next.
    Bricks {
        /// Which label map.
        layer: usize,
        /// What changes, by rising brick, each at most once.
        changes: Vec<BrickChange>,
    },
    /// Labels of one layer, voxel by voxel: a brush's.
    Voxels {
        /// Which label map.
        layer: usize,
        /// What changes, by rising brick, each at most once.
        changes: Vec<BrickRows>,
        /// What it was made from.
        #[serde(skip)]
        made_from: MadeFrom,
    },
    /// One label of the scheme: made, changed or removed. A changed label keeps its eye, which no
    /// edit sets.
    Label {
        /// Its index, not 0.
        index: u16,
        /// What the scheme held.
        before: Option<Label>,
        /// What it holds then.
        after: Option<Label>,
    },
    /// A layer: added as the last one, taken away again while it is empty, or given another name or
    /// origin.
    Layer {
        /// Which label map.
        layer: usize,
        /// What the case held.
        before: Option<LayerOrigin>,
        /// What it holds then.
        after: Option<LayerOrigin>,
    },
    /// Which slices of a label were filled in between painted ones.
    Interpolated {
        /// Whose slices.
        of: SliceSeries,
        /// What the case held, rising.
        before: Vec<usize>,
        /// What it holds then, rising.
        after: Vec<usize>,
    },
    /// One annotation: made, changed or removed.
    Annotation {
        /// Which one.
        id: AnnotationId,
        /// Its place in the list, where it is put back to.
        place: usize,
        /// What the case held.
        before: Option<Box<Annotation>>,
        /// What it holds then.
        after: Option<Box<Annotation>>,
    },
    /// What is said of the case, its series or one slice.
    Classification {
        /// Of what.
        subject: Subject,
        /// What was said.
        before: Option<Box<Classification>>,
        /// What is said then.
        after: Option<Box<Classification>>,
    },
}

/// The state of a label map that an edit was made from, where that is known: applied to that very state it
/// needs no checking. It is no part of what the edit says.
#[derive(Clone, Copy, Debug, Default)]
pub struct MadeFrom(Option<NonZeroU64>);

impl MadeFrom {
    /// The state that a map is in. An empty map's is not known, as all of those look alike.
    pub(super) fn state_of(map: &LabelMap) -> Self {
        Self(NonZeroU64::new(map.revision()))
    }

    fn is_state_of(self, map: &LabelMap) -> bool {
        self.0.is_some_and(|revision| revision.get() == map.revision())
    }
}

impl PartialEq for MadeFrom {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// What a layer is called and where it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerOrigin {
    /// The file's name, and what was done to its labels; `None` where the layer was drawn here.
    pub file: Option<String>,
    /// What a person calls the layer.
    #[serde(default)]
    pub name: Option<String>,
}

/// The change of one brick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrickChange {
    pub(super) brick: BrickIndex,
    pub(super) before: BrickState,
    pub(super) after: BrickState,
}

/// A brick as a change remembers it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", from = "StoredState")]
pub enum BrickState {
    /// All background.
    Absent,
    /// The brick itself, as [`MaskWriter`](super::MaskWriter) made it; what comes from a disk is never one.
    Whole(Arc<Brick>),
    /// The brick as runs ([`Brick::to_runs`]), as steps keep it that are no longer being drawn.
    Runs(Arc<[u16]>),
}

/// A brick's state as it is written: either form holds runs, and neither is to be believed unseen.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StoredState {
    Absent,
    Whole(Arc<[u16]>),
    Runs(Arc<[u16]>),
}

impl From<StoredState> for BrickState {
    fn from(stored: StoredState) -> Self {
        match stored {
            StoredState::Absent => Self::Absent,
            StoredState::Whole(runs) | StoredState::Runs(runs) => Self::Runs(runs),
        }
    }
}

/// Why an edit was refused. The case is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The edit was made for a case in another state.
    #[error("the edit was made for another state of the case")]
    OtherState,
    /// The edit names a layer, brick or label that this case cannot have.
    #[error("the edit names a layer, brick or label that this case does not have")]
    NoSuchPlace,
    /// A brick's runs are damaged, it holds labels beyond the grid, or it stands in the edit twice.
    #[error("the edit holds a damaged brick")]
    DamagedBrick,
    /// A step that was laid away cannot be read back.
    #[error("the step was laid away on the disk and cannot be read back")]
    Unreadable,
}

impl BrickState {
    pub(super) fn of(brick: Option<&Arc<Brick>>) -> Self {
        brick.map_or(Self::Absent, |brick| Self::Whole(brick.clone()))
    }

    pub(super) fn brick(&self) -> Result<Option<Arc<Brick>>, EditError> {
        match self {
            Self::Absent => Ok(None),
            Self::Whole(brick) => Ok(Some(brick.clone())),
            Self::Runs(runs) => Brick::from_runs(runs).map(Some).map_err(|_| EditError::DamagedBrick),
        }
    }

    /// The state after a change of this one.
    pub(super) fn changed(&self, change: impl FnOnce(&mut Option<Arc<Brick>>)) -> Result<Self, EditError> {
        let mut brick = self.brick()?;
        change(&mut brick);
        Ok(Self::of(brick.as_ref()))
    }

    /// Takes as little memory as runs need, where they need less.
    pub(super) fn pack(&mut self) {
        if let Self::Whole(brick) = self {
            let runs = brick.to_runs();
            if runs.len() < BRICK_VOXELS {
                *self = Self::Runs(runs.into());
            }
        }
    }

    /// Bytes this state holds on to.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Absent => 0,
            Self::Whole(_) => size_of::<Brick>(),
            Self::Runs(runs) => size_of_val(&runs[..]),
        }
    }

    fn is_same_as(&self, other: Option<&Arc<Brick>>) -> bool {
        match (self, other) {
            (Self::Absent, None) => true,
            (Self::Whole(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs) || ours == theirs,
            (Self::Runs(_), Some(theirs)) => self.brick().is_ok_and(|ours| ours.as_ref() == Some(theirs)),
            _ => false,
        }
    }
}

impl PartialEq for BrickState {
    fn eq(&self, other: &Self) -> bool {
        other.brick().is_ok_and(|other| self.is_same_as(other.as_ref()))
    }
}

impl BrickChange {
    /// The voxels that change.
    fn rows(&self) -> BrickRows {
        let [before, after] = [&self.before, &self.after].map(|state| state.brick().unwrap_or_default());
        BrickRows::between(self.brick, before.as_deref(), after.as_deref())
    }

    /// Which brick changes.
    pub fn brick(&self) -> BrickIndex {
        self.brick
    }
}

impl Edit {
    /// The edit that sets a label of the scheme, or `None` where nothing would change but its eye.
    pub fn set_label(case: &Case, index: u16, after: Option<Label>) -> Option<Self> {
        let before = case.scheme.get(index).cloned();
        (!are_same_but_for_eyes(before.as_ref(), after.as_ref())).then_some(Self::Label {
            index,
            before,
            after,
        })
    }

    /// The edit that puts a new annotation last.
    pub fn add_annotation(case: &Case, annotation: Annotation) -> Self {
        let (id, place) = (annotation.id, case.annotations.len());
        Self::Annotation { id, place, before: None, after: Some(Box::new(annotation)) }
    }

    /// The edit that gives an annotation another content or, with `None`, removes it; `None` where
    /// there is no such annotation or nothing would change.
    pub fn change_annotation(case: &Case, id: AnnotationId, after: Option<Annotation>) -> Option<Self> {
        let place = case.annotations.iter().position(|annotation| annotation.id == id)?;
        let before = &case.annotations[place];
        (Some(before) != after.as_ref()).then(|| Self::Annotation {
            id,
            place,
            before: Some(Box::new(before.clone())),
            after: after.map(Box::new),
        })
    }

    /// The edit that says something of a subject, or nothing more; `None` where that is said already.
    pub fn classify(case: &Case, subject: Subject, after: Option<Classification>) -> Option<Self> {
        let before = case.classifications.get(&subject);
        (before != after.as_ref()).then(|| Self::Classification {
            subject,
            before: before.cloned().map(Box::new),
            after: after.map(Box::new),
        })
    }

    /// The voxels whose labels it changes, brick by brick.
    pub(super) fn voxels(&self) -> Cow<'_, [BrickRows]> {
        match self {
            Self::Bricks { changes, .. } => changes.iter().map(BrickChange::rows).collect(),
            Self::Voxels { changes, .. } => Cow::Borrowed(changes),
            _ => Cow::Borrowed(&[]),
        }
    }

    /// Calls `visit` with the voxels that it takes from one label and gives to another, as runs along i and
    /// their row (j, k).
    pub fn for_each_taken(&self, mut visit: impl FnMut(Range<usize>, usize, usize)) {
        self.voxels().iter().for_each(|change| change.for_each_taken(&mut visit));
    }

    /// The edit that takes this one back.
    pub fn inverse(&self) -> Self {
        match self.clone() {
            Self::Bricks { layer, mut changes } => {
                for change in &mut changes {
                    std::mem::swap(&mut change.before, &mut change.after);
                }
                Self::Bricks { layer, changes }
            }
            Self::Voxels { layer, mut changes, .. } => {
                changes.iter_mut().for_each(BrickRows::invert);
                Self::Voxels { layer, changes, made_from: MadeFrom::default() }
            }
            Self::Label { index, before, after } => Self::Label { index, before: after, after: before },
            Self::Layer { layer, before, after } => Self::Layer { layer, before: after, after: before },
            Self::Interpolated { of, before, after } => {
                Self::Interpolated { of, before: after, after: before }
            }
            Self::Annotation { id, place, before, after } => {
                Self::Annotation { id, place, before: after, after: before }
            }
            Self::Classification { subject, before, after } => {
                Self::Classification { subject, before: after, after: before }
            }
        }
    }
}

impl Case {
    /// Makes the change, wholly or not at all: an edit that was made for another state of the case is
    /// refused.
    pub fn apply(&mut self, edit: &Edit) -> Result<(), EditError> {
        match edit {
            Edit::Bricks { layer, changes } => self.apply_bricks(*layer, changes),
            Edit::Voxels { layer, changes, made_from } => self.apply_voxels(*layer, changes, *made_from),
            Edit::Label { index, before, after } => self.apply_label(*index, before.as_ref(), after.clone()),
            Edit::Layer { layer, before, after } => self.apply_layer(*layer, before.as_ref(), after.as_ref()),
            Edit::Interpolated { of, before, after } => self.apply_interpolated(*of, before, after),
            Edit::Annotation { id, place, before, after } => {
                self.apply_annotation(*id, *place, before.as_deref(), after.as_deref())
            }
            Edit::Classification { subject, before, after } => {
                self.apply_classification(*subject, before.as_deref(), after.as_deref())
            }
        }
    }

    /// Shows or hides a label. No part of a mask changes, so this is no edit and undo passes over it.
    pub fn set_label_visible(&mut self, index: u16, visible: bool) {
        if let Some(label) = self.scheme.get(index) {
            let label = Label { visible, ..label.clone() };
            self.scheme.set(index, Some(label));
        }
    }

    /// Shows or hides a layer; no edit either.
    pub fn set_layer_shown(&mut self, layer: usize, shown: bool) {
        if let Some(slot) = self.shown.get_mut(layer) {
            *slot = shown;
        }
    }

    fn apply_label(
        &mut self,
        index: u16,
        before: Option<&Label>,
        after: Option<Label>,
    ) -> Result<(), EditError> {
        if index == 0 {
            return Err(EditError::NoSuchPlace);
        }
        let now = self.scheme.get(index);
        if !are_same_but_for_eyes(now, before) {
            return Err(EditError::OtherState);
        }
        let visible = now.map(|label| label.visible);
        let after = after.map(|label| Label { visible: visible.unwrap_or(label.visible), ..label });
        self.scheme.set(index, after);
        Ok(())
    }

    fn apply_layer(
        &mut self,
        layer: usize,
        before: Option<&LayerOrigin>,
        after: Option<&LayerOrigin>,
    ) -> Result<(), EditError> {
        let count = self.layers.len();
        if layer > count || layer >= MOST_LAYERS {
            return Err(EditError::NoSuchPlace);
        }
        if self.origins.get(layer) != before {
            return Err(EditError::OtherState);
        }
        match (before, after) {
            (None, Some(origin)) => {
                let map = self.retired.pop().unwrap_or_else(|| LabelMap::new(self.volume.grid().dims()));
                self.layers.push(map);
                self.origins.push(origin.clone());
                self.shown.push(true);
            }
            (Some(_), Some(origin)) => self.origins[layer].clone_from(origin),
            // The first layer stays, and a layer with marks in it does not go unasked.
            (Some(_), None) if layer == 0 || layer + 1 < count => return Err(EditError::NoSuchPlace),
            (Some(_), None)
                if self.layers[layer].bricks().next().is_some() || self.has_interpolated(layer) =>
            {
                return Err(EditError::OtherState);
            }
            (Some(_), None) => {
                self.retired.extend(self.layers.pop());
                self.origins.pop();
                self.shown.pop();
            }
            (None, None) => {}
        }
        Ok(())
    }

    fn apply_bricks(&mut self, layer: usize, changes: &[BrickChange]) -> Result<(), EditError> {
        let map = self.layers.get_mut(layer).ok_or(EditError::NoSuchPlace)?;
        if !changes.is_sorted_by(|a, b| a.brick < b.brick) {
            return Err(EditError::DamagedBrick);
        }
        let mut new_bricks = Vec::with_capacity(changes.len());
        for change in changes {
            if (0..3).any(|axis| change.brick.0[axis] as usize >= map.brick_dims()[axis]) {
                return Err(EditError::NoSuchPlace);
            }
            if !change.before.is_same_as(map.brick(change.brick)) {
                return Err(EditError::OtherState);
            }
            let after = change.after.brick()?;
            // What was made here keeps to the grid and holds a label.
            let is_made_here = matches!(change.after, BrickState::Whole(_));
            if !is_made_here
                && let Some(brick) = &after
                && brick.reaches_beyond(map.brick_bounds(change.brick).dims())
            {
                return Err(EditError::DamagedBrick);
            }
            let after = after.filter(|brick| is_made_here || !brick.is_background());
            new_bricks.push((change.brick, after));
        }
        for (index, brick) in new_bricks {
            map.put(index, brick);
        }
        Ok(())
    }

    fn apply_voxels(
        &mut self,
        layer: usize,
        changes: &[BrickRows],
        made_from: MadeFrom,
    ) -> Result<(), EditError> {
        let map = self.layers.get_mut(layer).ok_or(EditError::NoSuchPlace)?;
        if !made_from.is_state_of(map) {
            check_voxels(map, changes)?;
        }
        for change in changes {
            change.write(map.brick_mut(change.brick));
            map.touch(change.brick);
        }
        Ok(())
    }

    fn apply_annotation(
        &mut self,
        id: AnnotationId,
        place: usize,
        before: Option<&Annotation>,
        after: Option<&Annotation>,
    ) -> Result<(), EditError> {
        if self.annotation(id) != before || after.is_some_and(|after| after.id != id) {
            return Err(EditError::OtherState);
        }
        let last = self.annotations.len();
        match (before, after) {
            (None, Some(after)) => self.annotations.insert(place.min(last), after.clone()),
            (Some(_), None) => self.annotations.retain(|annotation| annotation.id != id),
            (Some(_), Some(after)) => {
                let found = self.annotations.iter_mut().find(|annotation| annotation.id == id);
                *found.ok_or(EditError::OtherState)? = after.clone();
            }
            (None, None) => {}
        }
        Ok(())
    }

    fn apply_classification(
        &mut self,
        subject: Subject,
        before: Option<&Classification>,
        after: Option<&Classification>,
    ) -> Result<(), EditError> {
        if !self.has_subject(subject) {
            return Err(EditError::NoSuchPlace);
        }
        if self.classifications.get(&subject) != before {
            return Err(EditError::OtherState);
        }
        match after {
            Some(after) => drop(self.classifications.insert(subject, after.clone())),
            None => drop(self.classifications.remove(&subject)),
        }
        Ok(())
    }

    fn has_subject(&self, subject: Subject) -> bool {
        match subject {
            Subject::Case | Subject::Series => true,
            Subject::Slice { axis, slice } => {
                self.volume.grid().dims().get(axis).is_some_and(|count| slice < *count)
            }
        }
    }
}

/// Whether changes of voxels are sound and the map holds what they replace.
fn check_voxels(map: &LabelMap, changes: &[BrickRows]) -> Result<(), EditError> {
    if !changes.is_sorted_by(|a, b| a.brick < b.brick) {
        return Err(EditError::DamagedBrick);
    }
    for change in changes {
        if (0..3).any(|axis| change.brick.0[axis] as usize >= map.brick_dims()[axis]) {
            return Err(EditError::NoSuchPlace);
        }
        if !change.is_sound(map.brick_bounds(change.brick).dims()) {
            return Err(EditError::DamagedBrick);
        }
        if !change.fits(map.brick(change.brick)) {
            return Err(EditError::OtherState);
        }
    }
    Ok(())
}

/// Whether a label is what it was, shown or hidden: the eye may be opened and shut between an edit
/// and its undo.
fn are_same_but_for_eyes(ours: Option<&Label>, theirs: Option<&Label>) -> bool {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => *ours == Label { visible: ours.visible, ..theirs.clone() },
        (None, None) => true,
        _ => false,
    }
}
