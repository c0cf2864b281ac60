//! Sparse label maps in bricks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use wide::{u16x8, u16x16};

use crate::geometry::{VoxelBox, VoxelIndex};

/// Voxels along each edge of a brick.
pub const BRICK_EDGE: usize = 32;
/// Voxels in a brick.
pub const BRICK_VOXELS: usize = BRICK_EDGE * BRICK_EDGE * BRICK_EDGE;

/// 32³ labels, i fastest. Bricks at the far border of a grid reach beyond it and hold 0 there.
#[derive(Clone, PartialEq, Eq)]
pub struct Brick {
    labels: [u16; BRICK_VOXELS],
}

/// The labels of one row of a brick along i.
pub type BrickRow = [u16; BRICK_EDGE];

/// A row is handled as the bits of one word.
const _: () = assert!(BRICK_EDGE == u32::BITS as usize);

/// Which brick of a label map, counted along i, j and k in bricks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BrickIndex(pub [u32; 3]);

/// Why runs are not a brick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the runs do not make up the {BRICK_VOXELS} labels of a brick")]
pub struct RunsError;

impl Brick {
    /// A brick of background.
    pub fn background() -> Arc<Self> {
        Arc::new(Self { labels: [0; BRICK_VOXELS] })
    }

    /// The labels, i fastest.
    pub fn labels(&self) -> &[u16; BRICK_VOXELS] {
        &self.labels
    }

    /// The labels, to be written.
    pub fn labels_mut(&mut self) -> &mut [u16; BRICK_VOXELS] {
        &mut self.labels
    }

    /// The labels along i of row j + 32·k.
    #[inline]
    pub fn row(&self, row: usize) -> &BrickRow {
        &self.labels.as_chunks().0[row]
    }

    /// Such a row, to be written.
    #[inline]
    pub fn row_mut(&mut self, row: usize) -> &mut BrickRow {
        &mut self.labels.as_chunks_mut().0[row]
    }

    /// Where a row holds a label: bit n for voxel n.
    #[inline]
    pub fn places_of(row: &BrickRow, label: u16) -> u32 {
        let label = u16x16::splat(label);
        let [low, high] = bytemuck::cast::<_, [u16x16; 2]>(*row);
        low.simd_eq(label).to_bitmask() | high.simd_eq(label).to_bitmask() << 16
    }

    /// Calls `visit` with each label in those places of a row, and where it stands.
    #[inline]
    pub fn for_each_label(row: &BrickRow, mut places: u32, mut visit: impl FnMut(u16, u32)) {
        while places != 0 {
            let label = row[places.trailing_zeros() as usize % BRICK_EDGE];
            let alike = places & Self::places_of(row, label);
            visit(label, alike);
            places &= !alike;
        }
    }

    /// Writes a label into the places of a row whose bits are set.
    #[inline]
    pub fn put(row: &mut BrickRow, places: u32, label: u16) {
        const BITS: u16x8 = u16x8::new([1, 2, 4, 8, 16, 32, 64, 128]);
        let label = u16x8::splat(label);
        for (part, places) in row.as_chunks_mut::<8>().0.iter_mut().zip(places.to_le_bytes()) {
            let is_here = (u16x8::splat(places.into()) & BITS).simd_eq(BITS);
            *part = is_here.select(label, u16x8::new(*part)).to_array();
        }
    }

    /// Whether part of a row holds one label only. Without an early way out, so that it runs in wide
    /// registers.
    #[inline]
    pub fn is_all(row: &[u16], label: u16) -> bool {
        row.iter().fold(0, |difference, other| difference | (other ^ label)) == 0
    }

    /// Whether every label is 0.
    pub fn is_background(&self) -> bool {
        self.labels.chunks_exact(BRICK_EDGE).all(|row| Self::is_all(row, 0))
    }

    /// Whether a voxel outside the first `dims` voxels along i, j and k has a label.
    pub fn reaches_beyond(&self, dims: [usize; 3]) -> bool {
        let [ni, nj, nk] = dims.map(|n| n.min(BRICK_EDGE));
        let is_labelled = |label: &u16| *label != 0;
        dims.iter().any(|n| *n < BRICK_EDGE)
            && self.labels.chunks_exact(BRICK_EDGE).enumerate().any(|(row, labels)| {
                let inside = row % BRICK_EDGE < nj && row / BRICK_EDGE < nk;
                labels[if inside { ni } else { 0 }..].iter().any(is_labelled)
            })
    }

    /// The labels as runs: length − 1, label, length − 1, label, …
    pub fn to_runs(&self) -> Vec<u16> {
        let mut runs = Vec::new();
        let (mut label, mut length) = (self.labels[0], 0);
        for row in self.labels.chunks_exact(BRICK_EDGE) {
            if Self::is_all(row, label) {
                length += BRICK_EDGE;
                continue;
            }
            for &next in row {
                if next != label {
                    runs.extend([(length - 1) as u16, label]);
                    (label, length) = (next, 0);
                }
                length += 1;
            }
        }
        runs.extend([(length - 1) as u16, label]);
        runs
    }

    /// The brick that [`Self::to_runs`] was told of.
    pub fn from_runs(runs: &[u16]) -> Result<Arc<Self>, RunsError> {
        let mut brick = Self::background();
        let labels = &mut Arc::make_mut(&mut brick).labels;
        let mut filled = 0;
        for run in runs.chunks(2) {
            let [length, label] = *run else { return Err(RunsError) };
            let end = filled + usize::from(length) + 1;
            labels.get_mut(filled..end).ok_or(RunsError)?.fill(label);
            filled = end;
        }
        if filled == BRICK_VOXELS { Ok(brick) } else { Err(RunsError) }
    }
}

impl Serialize for Brick {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_runs().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Brick {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let runs = Vec::<u16>::deserialize(deserializer)?;
        Self::from_runs(&runs).map(Arc::unwrap_or_clone).map_err(serde::de::Error::custom)
    }
}

impl std::fmt::Debug for Brick {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let labelled = self.labels.iter().filter(|label| **label != 0).count();
        write!(f, "Brick with {labelled} labelled voxels")
    }
}

impl BrickIndex {
    /// The brick that holds a voxel.
    pub fn of(voxel: VoxelIndex) -> Self {
        let VoxelIndex { i, j, k } = voxel;
        Self([(i / BRICK_EDGE) as u32, (j / BRICK_EDGE) as u32, (k / BRICK_EDGE) as u32])
    }

    /// The brick's first voxel.
    pub fn first_voxel(self) -> VoxelIndex {
        let [i, j, k] = self.0.map(|n| n as usize * BRICK_EDGE);
        VoxelIndex { i, j, k }
    }
}

#[derive(Clone, Debug, Default)]
struct Slot {
    brick: Option<Arc<Brick>>,
    revision: u64,
}

/// A label for every voxel of a grid; what is background costs a pointer per brick.
///
/// Cloning copies pointers, not labels. Every change gives the brick a revision that no map has used
/// before, so a reader that remembers revisions finds what changed; and maps of the same revision, but
/// for that of an empty one, hold the same labels.
#[derive(Clone, Debug)]
pub struct LabelMap {
    dims: [usize; 3],
    brick_dims: [usize; 3],
    slots: Vec<Slot>,
    revision: u64,
}

fn next_revision() -> u64 {
    static LATEST: AtomicU64 = AtomicU64::new(0);
    LATEST.fetch_add(1, Ordering::Relaxed) + 1
}

impl LabelMap {
    /// All background over `dims` voxels.
    pub fn new(dims: [usize; 3]) -> Self {
        let brick_dims = dims.map(|n| n.div_ceil(BRICK_EDGE));
        let slots = vec![Slot::default(); brick_dims.iter().product()];
        Self { dims, brick_dims, slots, revision: 0 }
    }

    /// The map whose labels, i fastest, are given by `label_at` an offset.
    pub fn from_labels(dims: [usize; 3], label_at: impl Fn(usize) -> u16) -> Self {
        let mut map = Self::new(dims);
        for number in 0..map.slots.len() {
            let index = map.brick_at(number);
            let mut brick: Option<Arc<Brick>> = None;
            for_rows(dims, index, |in_brick, first, length| {
                let offset = (first.k * dims[1] + first.j) * dims[0] + first.i;
                let mut row = [0; BRICK_EDGE];
                for (step, label) in row[..length].iter_mut().enumerate() {
                    *label = label_at(offset + step);
                }
                if !Brick::is_all(&row, 0) {
                    let brick = Arc::make_mut(brick.get_or_insert_with(Brick::background));
                    brick.labels[in_brick..in_brick + length].copy_from_slice(&row[..length]);
                }
            });
            if brick.is_some() {
                map.replace(index, brick);
            }
        }
        map
    }

    /// The map that holds each label at its voxel, which must lie in `dims`, and nothing else.
    pub fn from_voxels(dims: [usize; 3], voxels: impl IntoIterator<Item = (VoxelIndex, u16)>) -> Self {
        let mut map = Self::new(dims);
        let mut bricks: Vec<Option<Arc<Brick>>> = vec![None; map.slots.len()];
        for (voxel, label) in voxels {
            let number = map.slot_number(BrickIndex::of(voxel));
            let [i, j, k] = voxel.to_array().map(|n| n % BRICK_EDGE);
            let brick = Arc::make_mut(bricks[number].get_or_insert_with(Brick::background));
            brick.labels[(k * BRICK_EDGE + j) * BRICK_EDGE + i] = label;
        }
        for (number, brick) in bricks.into_iter().enumerate().filter(|(_, brick)| brick.is_some()) {
            map.replace(map.brick_at(number), brick);
        }
        map
    }

    /// The same map with every label but background exchanged for what `new_label` says.
    pub fn relabelled(&self, new_label: impl Fn(u16) -> u16) -> Self {
        let mut map = Self::new(self.dims);
        for (index, brick) in self.bricks() {
            let mut brick = brick.clone();
            for run in Arc::make_mut(&mut brick).labels.chunk_by_mut(|a, b| a == b) {
                if run[0] != 0 {
                    run.fill(new_label(run[0]));
                }
            }
            map.replace(index, Some(brick));
        }
        map
    }

    /// Voxels along i, j and k.
    pub fn dims(&self) -> [usize; 3] {
        self.dims
    }

    /// Bricks along i, j and k.
    pub fn brick_dims(&self) -> [usize; 3] {
        self.brick_dims
    }

    /// The greatest revision given so far; grows with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The label of a voxel inside the map.
    pub fn label(&self, voxel: VoxelIndex) -> u16 {
        let first = BrickIndex::of(voxel);
        self.brick(first).map_or(0, |brick| {
            let [i, j, k] = voxel.to_array().map(|n| n % BRICK_EDGE);
            brick.labels[(k * BRICK_EDGE + j) * BRICK_EDGE + i]
        })
    }

    /// A brick; `None` where all is background.
    pub fn brick(&self, index: BrickIndex) -> Option<&Arc<Brick>> {
        self.slots[self.slot_number(index)].brick.as_ref()
    }

    /// The revision of a brick: 0 until its first change.
    pub fn brick_revision(&self, index: BrickIndex) -> u64 {
        self.slots[self.slot_number(index)].revision
    }

    /// Puts a brick in place and gives it a new revision. A brick of background becomes an absent one.
    pub fn replace(&mut self, index: BrickIndex, brick: Option<Arc<Brick>>) {
        self.put(index, brick.filter(|brick| !brick.is_background()));
    }

    /// Puts a brick in place that is known to hold a label, or none, and gives it a new revision.
    pub(crate) fn put(&mut self, index: BrickIndex, brick: Option<Arc<Brick>>) {
        self.revision = next_revision();
        let number = self.slot_number(index);
        self.slots[number] = Slot { brick, revision: self.revision };
    }

    /// A brick, `None` where all is background, to be changed in place. Whoever changes it sees to it that
    /// it holds a label or is `None`, and says so by [`Self::touch`].
    pub(crate) fn brick_mut(&mut self, index: BrickIndex) -> &mut Option<Arc<Brick>> {
        let number = self.slot_number(index);
        &mut self.slots[number].brick
    }

    /// Gives a brick that was changed in place a new revision.
    pub(crate) fn touch(&mut self, index: BrickIndex) {
        self.revision = next_revision();
        let number = self.slot_number(index);
        self.slots[number].revision = self.revision;
    }

    /// Gives a slice along k the labels of another.
    pub fn copy_slice(&mut self, from: usize, to: usize) {
        const SLICE: usize = BRICK_EDGE * BRICK_EDGE;
        let part = |k: usize| k % BRICK_EDGE * SLICE..(k % BRICK_EDGE + 1) * SLICE;
        let [ni, nj, _] = self.brick_dims;
        for (i, j) in (0..nj).flat_map(|j| (0..ni).map(move |i| (i, j))) {
            let index = |k: usize| BrickIndex([i, j, k / BRICK_EDGE].map(|n| n as u32));
            let source = self.brick(index(from)).cloned();
            let mut goal = self.brick(index(to)).cloned();
            if source.is_none() && goal.is_none() {
                continue;
            }
            let labels = Arc::make_mut(goal.get_or_insert_with(Brick::background)).labels_mut();
            match source {
                Some(source) => labels[part(to)].copy_from_slice(&source.labels[part(from)]),
                None => labels[part(to)].fill(0),
            }
            self.replace(index(to), goal);
        }
    }

    /// Every brick that is not background.
    pub fn bricks(&self) -> impl Iterator<Item = (BrickIndex, &Arc<Brick>)> {
        let present = self.slots.iter().enumerate();
        present.filter_map(|(number, slot)| Some((self.brick_at(number), slot.brick.as_ref()?)))
    }

    /// Every brick changed after `revision`, present or not.
    pub fn changed_since(&self, revision: u64) -> impl Iterator<Item = BrickIndex> {
        let slots = self.slots.iter().enumerate();
        slots.filter(move |(_, slot)| slot.revision > revision).map(|(number, _)| self.brick_at(number))
    }

    /// The part of a brick that lies in the map.
    pub fn brick_bounds(&self, index: BrickIndex) -> VoxelBox {
        let min = index.first_voxel().to_array();
        VoxelBox { min, max: std::array::from_fn(|axis| (min[axis] + BRICK_EDGE).min(self.dims[axis])) }
    }

    /// Copies row (j, k) into `row`, which holds one label for each i.
    pub fn copy_row(&self, j: usize, k: usize, row: &mut [u16]) {
        for (brick_i, part) in row.chunks_mut(BRICK_EDGE).enumerate() {
            let index = BrickIndex([brick_i as u32, (j / BRICK_EDGE) as u32, (k / BRICK_EDGE) as u32]);
            match self.brick(index) {
                None => part.fill(0),
                Some(brick) => {
                    let start = (k % BRICK_EDGE * BRICK_EDGE + j % BRICK_EDGE) * BRICK_EDGE;
                    part.copy_from_slice(&brick.labels[start..start + part.len()]);
                }
            }
        }
    }

    /// Calls `visit(end, label)` with each stretch of one label of row (j, k), in order.
    pub fn for_each_run_of_row(&self, j: usize, k: usize, mut visit: impl FnMut(usize, u16)) {
        let mut open = 0;
        for brick_i in 0..self.brick_dims[0] {
            let index = BrickIndex([brick_i, j / BRICK_EDGE, k / BRICK_EDGE].map(|n| n as u32));
            let first = brick_i * BRICK_EDGE;
            let length = BRICK_EDGE.min(self.dims[0] - first);
            let start = (k % BRICK_EDGE * BRICK_EDGE + j % BRICK_EDGE) * BRICK_EDGE;
            let row = self
                .brick(index)
                .map_or(&[0; BRICK_EDGE][..length], |brick| &brick.labels[start..start + length]);
            if Brick::is_all(row, open) {
                continue;
            }
            for (step, label) in row.iter().enumerate() {
                if *label != open {
                    if first + step > 0 {
                        visit(first + step, open);
                    }
                    open = *label;
                }
            }
        }
        visit(self.dims[0], open);
    }

    /// Calls `visit` with each voxel that is not background, brick by brick.
    pub fn for_each_labelled(&self, mut visit: impl FnMut(VoxelIndex, u16)) {
        for (index, brick) in self.bricks() {
            for_rows(self.dims, index, |in_brick, first, length| {
                for (step, &label) in brick.labels[in_brick..in_brick + length].iter().enumerate() {
                    if label != 0 {
                        visit(VoxelIndex { i: first.i + step, ..first }, label);
                    }
                }
            });
        }
    }

    /// How many voxels each label has, by label; background is not counted.
    pub fn counts(&self) -> std::collections::BTreeMap<u16, u64> {
        let mut counts = vec![0u64; usize::from(u16::MAX) + 1];
        for (_, brick) in self.bricks() {
            for run in brick.labels.chunk_by(|a, b| a == b) {
                counts[usize::from(run[0])] += run.len() as u64;
            }
        }
        let labelled = counts.into_iter().enumerate().skip(1).filter(|(_, count)| *count > 0);
        labelled.map(|(label, count)| (label as u16, count)).collect()
    }

    /// Whether no label is greater than 255.
    pub fn fits_in_bytes(&self) -> bool {
        let has_wide_label = |slot: &Slot| {
            let any_bit = |brick: &Arc<Brick>| brick.labels.iter().fold(0, |bits, label| bits | label);
            slot.brick.as_ref().map_or(0, any_bit) > u16::from(u8::MAX)
        };
        !self.slots.par_iter().any(has_wide_label)
    }

    /// Whether both maps give every voxel the same label.
    pub fn has_same_labels(&self, other: &Self) -> bool {
        let same = |ours: &Slot, theirs: &Slot| match (&ours.brick, &theirs.brick) {
            (None, None) => true,
            (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs) || ours == theirs,
            _ => false,
        };
        self.dims == other.dims
            && self.slots.iter().zip(&other.slots).all(|(ours, theirs)| same(ours, theirs))
    }

    /// The place of a brick among all of the map, along i fastest, then j and k.
    pub(crate) fn slot_number(&self, index: BrickIndex) -> usize {
        let BrickIndex([i, j, k]) = index;
        (k as usize * self.brick_dims[1] + j as usize) * self.brick_dims[0] + i as usize
    }

    /// The brick that lies there; `None` where all is background.
    pub(crate) fn brick_in(&self, number: usize) -> Option<&Arc<Brick>> {
        self.slots[number].brick.as_ref()
    }

    /// The index of the brick at such a place.
    pub(crate) fn brick_at(&self, number: usize) -> BrickIndex {
        let [ni, nj, _] = self.brick_dims;
        BrickIndex([number % ni, number / ni % nj, number / ni / nj].map(|n| n as u32))
    }
}

/// Calls `visit(offset in brick, first voxel, length)` for each row of a brick that lies in the map.
fn for_rows(dims: [usize; 3], index: BrickIndex, mut visit: impl FnMut(usize, VoxelIndex, usize)) {
    let first = index.first_voxel();
    let length = BRICK_EDGE.min(dims[0] - first.i);
    for k in first.k..(first.k + BRICK_EDGE).min(dims[2]) {
        for j in first.j..(first.j + BRICK_EDGE).min(dims[1]) {
            let in_brick = ((k - first.k) * BRICK_EDGE + j - first.j) * BRICK_EDGE;
            visit(in_brick, VoxelIndex { i: first.i, j, k }, length);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(offset: usize) -> u16 {
        if offset.is_multiple_of(7) { (offset % 65_536) as u16 } else { 0 }
    }

    proptest! {
        #[test]
        fn a_row_is_read_and_written_voxel_by_voxel(
            row in prop::array::uniform32(prop::sample::select(vec![0u16, 1, 255, 256, 0x7fff, 0xffff])),
            label in prop::sample::select(vec![0u16, 1, 255, 256, 0x7fff, 0xffff]),
            places in any::<u32>(),
        ) {
            let is_there = |places: u32, n: usize| places >> n & 1 == 1;
            let found = Brick::places_of(&row, label);
            let mut written = row;
            Brick::put(&mut written, places, label);
            for (n, old) in row.into_iter().enumerate() {
                prop_assert_eq!(is_there(found, n), old == label);
                prop_assert_eq!(written[n], if is_there(places, n) { label } else { old });
            }
        }
    }

    #[test]
    fn holds_what_it_was_given_on_every_border() {
        for dims in [[1, 1, 1], [32, 32, 32], [33, 31, 65], [70, 3, 2]] {
            let map = LabelMap::from_labels(dims, pattern);
            let mut row = vec![0; dims[0]];
            let mut labelled = 0;
            for k in 0..dims[2] {
                for j in 0..dims[1] {
                    map.copy_row(j, k, &mut row);
                    let mut runs = Vec::new();
                    map.for_each_run_of_row(j, k, |end, label| runs.resize(end, label));
                    assert_eq!(runs, row);
                    for (i, label) in row.iter().enumerate() {
                        let expected = pattern((k * dims[1] + j) * dims[0] + i);
                        assert_eq!((*label, map.label(VoxelIndex { i, j, k })), (expected, expected));
                        labelled += u64::from(expected != 0);
                    }
                }
            }
            assert_eq!(map.counts().values().sum::<u64>(), labelled);
            let mut seen = 0;
            map.for_each_labelled(|voxel, label| {
                assert_eq!(map.label(voxel), label);
                seen += 1;
            });
            assert_eq!(seen, labelled);
        }
    }

    #[test]
    fn every_change_gets_a_revision_of_its_own_and_background_is_absent() {
        let mut map = LabelMap::new([40, 40, 40]);
        let (a, b) = (BrickIndex([0, 0, 0]), BrickIndex([1, 1, 1]));
        let mut brick = Brick::background();
        Arc::make_mut(&mut brick).labels_mut()[5] = 3;
        map.replace(a, Some(brick.clone()));
        let (first, copy) = (map.revision(), map.clone());
        map.replace(b, Some(brick));
        assert_eq!(map.changed_since(first).collect::<Vec<_>>(), [b]);
        let second = map.revision();
        map.replace(a, Some(Brick::background()));
        assert!(map.brick(a).is_none());
        assert_eq!(map.changed_since(second).collect::<Vec<_>>(), [a]);
        let mut other = copy.clone();
        other.replace(a, None);
        assert_eq!((copy.revision(), other.revision() > map.revision()), (first, true));
    }

    #[test]
    fn runs_tell_a_brick_exactly_and_nothing_else_passes() {
        let mut brick = Brick::background();
        for (place, label) in Arc::make_mut(&mut brick).labels_mut().iter_mut().enumerate() {
            *label = (place / 100 % 5) as u16;
        }
        assert_eq!(Brick::from_runs(&brick.to_runs()).as_ref(), Ok(&brick));
        assert_eq!(Brick::background().to_runs(), [(BRICK_VOXELS - 1) as u16, 0]);
        for wrong in [&[][..], &[5], &[5, 1], &[u16::MAX, 1]] {
            assert_eq!(Brick::from_runs(wrong), Err(RunsError));
        }
    }
}
