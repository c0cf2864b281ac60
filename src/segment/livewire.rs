//! A path along edges of the picture, from an anchor to wherever the pointer is.
//!
//! Intelligent scissors (Mortensen & Barrett, SIGGRAPH 1995): the cheapest paths from the anchor to all
//! pixels of a slice are found once; the path to the pointer is then read off.

use super::steepness::{STEEPEST, steepness};
use super::{Cancelled, Progress};
use crate::geometry::{VoxelBox, VoxelIndex};
use crate::volume::Volume;

/// The cheapest paths from one voxel of a slice to all others of it.
#[derive(Clone, Debug)]
pub struct Livewire {
    slice: VoxelBox,
    anchor: usize,
    /// Where the path to each voxel comes from.
    before: Vec<u32>,
}

/// What a step over the steepest pixels costs, straight and across a corner.
const STRAIGHT: usize = 5;
const DIAGONAL: usize = 7;
/// One more than the dearest step.
const BUCKETS: usize = DIAGONAL * (STEEPEST as usize + 1) + 1;

impl Livewire {
    /// Finds the paths in a slice: a box, one voxel thick along some axis, that holds the anchor. A step
    /// costs its length, up to 256 times as much where the picture is even. `None` where the anchor lies
    /// outside the box or the box is not a slice.
    pub fn new(
        volume: &Volume,
        time: usize,
        slice: VoxelBox,
        anchor: VoxelIndex,
        progress: &dyn Progress,
    ) -> Result<Option<Self>, Cancelled> {
        let dims = slice.dims();
        let (Some(flat), Some(anchor)) = (dims.iter().position(|n| *n == 1), place_in(slice, anchor)) else {
            return Ok(None);
        };
        let (u, v) = [(1, 2), (0, 2), (0, 1)][flat];
        let steps = [1, dims[0], dims[0] * dims[1]];
        let costs: Vec<usize> = steepness(volume, time, slice)
            .into_iter()
            .map(|steepness| usize::from(STEEPEST - steepness) + 1)
            .collect();
        let mut before: Vec<u32> = (0..costs.len() as u32).collect();
        let mut distances = vec![usize::MAX; costs.len()];
        distances[anchor] = 0;
        let mut buckets = vec![Vec::new(); BUCKETS];
        buckets[0].push(anchor);
        let (mut waiting, mut distance) = (1usize, 0usize);
        while waiting > 0 {
            if distance.is_multiple_of(1024) && progress.is_cancelled() {
                return Err(Cancelled);
            }
            // A step costs something and less than there are buckets: nothing is added to this one meanwhile.
            for at in std::mem::take(&mut buckets[distance % BUCKETS]) {
                waiting -= 1;
                if distances[at] != distance {
                    continue;
                }
                let place = [at / steps[u] % dims[u], at / steps[v] % dims[v]];
                for (du, dv) in [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)] {
                    let to = [place[0].checked_add_signed(du), place[1].checked_add_signed(dv)];
                    let [Some(to_u), Some(to_v)] = to else { continue };
                    if to_u >= dims[u] || to_v >= dims[v] {
                        continue;
                    }
                    let next = to_u * steps[u] + to_v * steps[v];
                    let length = if du == 0 || dv == 0 { STRAIGHT } else { DIAGONAL };
                    let reached = distance + length * costs[next];
                    if reached < distances[next] {
                        distances[next] = reached;
                        before[next] = at as u32;
                        buckets[reached % BUCKETS].push(next);
                        waiting += 1;
                    }
                }
            }
            distance += 1;
        }
        Ok(Some(Self { slice, anchor, before }))
    }

    /// The voxels of the path, from the anchor on; nothing for a voxel outside the slice.
    pub fn path_to(&self, voxel: VoxelIndex) -> Vec<VoxelIndex> {
        let Some(mut at) = place_in(self.slice, voxel) else { return Vec::new() };
        let [ni, nj, _] = self.slice.dims();
        let mut path = Vec::new();
        loop {
            let place = [at % ni, at / ni % nj, at / ni / nj];
            let [i, j, k] = std::array::from_fn(|axis| self.slice.min[axis] + place[axis]);
            path.push(VoxelIndex::new(i, j, k));
            if at == self.anchor {
                break;
            }
            at = self.before[at] as usize;
        }
        path.reverse();
        path
    }
}

fn place_in(slice: VoxelBox, voxel: VoxelIndex) -> Option<usize> {
    let at = voxel.to_array();
    let is_inside = (0..3).all(|axis| (slice.min[axis]..slice.max[axis]).contains(&at[axis]));
    let [ni, nj, _] = slice.dims();
    let [i, j, k]: [usize; 3] = std::array::from_fn(|axis| at[axis].wrapping_sub(slice.min[axis]));
    is_inside.then(|| (k * nj + j) * ni + i)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Affine, Grid};
    use crate::segment::Unwatched;
    use crate::volume::{Buffer, Rescale, Samples};

    /// A bright disc of radius 12 around (20, 20) in the middle of three slices.
    fn disc() -> Volume {
        let rows = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
        let grid = Grid::new([41, 41, 3], Affine::from_rows(rows).expect("an affine"), None).expect("a grid");
        let sample = |n: usize| {
            let [i, j, k] = [n % 41, n / 41 % 41, n / 1681].map(|n| n as i32);
            if k == 1 && (i - 20).pow(2) + (j - 20).pow(2) <= 144 { 200i16 } else { 0 }
        };
        let samples: Vec<i16> = (0..41 * 41 * 3).map(sample).collect();
        Volume::new(grid, 1, Samples::I16(Buffer::from_slice(&samples).expect("memory")), Rescale::NONE)
            .expect("a volume")
    }

    #[test]
    fn the_path_follows_the_edge() {
        let volume = disc();
        let slice = VoxelBox { min: [0, 0, 1], max: [41, 41, 2] };
        let anchor = VoxelIndex::new(32, 20, 1);
        let wire =
            Livewire::new(&volume, 0, slice, anchor, &Unwatched).expect("nobody cancels").expect("a slice");
        let path = wire.path_to(VoxelIndex::new(8, 20, 1));
        assert_eq!((path.first(), path.last()), (Some(&anchor), Some(&VoxelIndex::new(8, 20, 1))));
        for voxel in &path {
            let radius = (voxel.i as f64 - 20.0).hypot(voxel.j as f64 - 20.0);
            assert!((radius - 12.5).abs() < 1.6, "{voxel:?} lies beside the edge");
        }
        let are_beside =
            |a: &VoxelIndex, b: &VoxelIndex| a.i.abs_diff(b.i) < 2 && a.j.abs_diff(b.j) < 2 && a.k == b.k;
        assert!(path.windows(2).all(|pair| are_beside(&pair[0], &pair[1])));
        assert_eq!(wire.path_to(anchor), [anchor]);
        assert!(wire.path_to(VoxelIndex::new(8, 20, 0)).is_empty());
    }

    #[test]
    fn no_path_is_cheaper() {
        let volume = disc();
        let slice = VoxelBox { min: [10, 20, 0], max: [35, 21, 3] };
        let anchor = VoxelIndex::new(12, 20, 1);
        let wire =
            Livewire::new(&volume, 0, slice, anchor, &Unwatched).expect("nobody cancels").expect("a slice");
        let costs: Vec<usize> =
            steepness(&volume, 0, slice).into_iter().map(|n| usize::from(STEEPEST - n) + 1).collect();
        let place = |voxel: VoxelIndex| voxel.k * 25 + voxel.i - 10;
        let step = |a: usize, b: usize| {
            let is_straight = a % 25 == b % 25 || a / 25 == b / 25;
            costs[b] * if is_straight { STRAIGHT } else { DIAGONAL }
        };
        // By Bellman and Ford: as many rounds as there are pixels.
        let mut least = vec![usize::MAX / 2; 75];
        least[place(anchor)] = 0;
        for _ in 0..75 {
            for a in 0..75usize {
                for b in
                    (0..75usize).filter(|b| (a % 25).abs_diff(b % 25) < 2 && (a / 25).abs_diff(b / 25) < 2)
                {
                    if a != b {
                        least[b] = least[b].min(least[a] + step(a, b));
                    }
                }
            }
        }
        for (i, k) in (10..35).flat_map(|i| (0..3).map(move |k| (i, k))) {
            let path = wire.path_to(VoxelIndex::new(i, 20, k));
            let cost: usize = path.windows(2).map(|pair| step(place(pair[0]), place(pair[1]))).sum();
            assert_eq!(cost, least[place(VoxelIndex::new(i, 20, k))]);
        }
    }

    #[test]
    fn only_slices_have_wires() {
        let volume = disc();
        let thick = VoxelBox { min: [0; 3], max: [41, 41, 2] };
        let slice = VoxelBox { min: [0; 3], max: [41, 41, 1] };
        for (part, anchor) in [(thick, VoxelIndex::new(1, 1, 1)), (slice, VoxelIndex::new(1, 1, 1))] {
            assert!(Livewire::new(&volume, 0, part, anchor, &Unwatched).expect("nobody cancels").is_none());
        }
    }
}
