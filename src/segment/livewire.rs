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
    lattice: Lattice,
    anchor: usize,
    /// The step on which the path to each pixel arrives, as its place in [`Lattice::steps`].
    ways: Vec<u8>,
}

/// What a step over the steepest pixels costs, straight and across a corner.
const STRAIGHT: u32 = 5;
const DIAGONAL: u32 = 7;
/// One more than the dearest step.
const BUCKETS: usize = DIAGONAL as usize * (STEEPEST as usize + 1) + 1;

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
        let Some(lattice) = Lattice::of(slice) else { return Ok(None) };
        let Some(anchor) = lattice.place_of(anchor) else { return Ok(None) };
        let steepness = steepness(volume, time, slice);
        // The border is reached already: no path enters it.
        let mut costs = vec![0u32; lattice.count()];
        let mut distances = vec![0u32; costs.len()];
        for (row, steepness) in steepness.chunks(lattice.dims[0]).enumerate() {
            let start = lattice.start_of_row(row);
            for (at, steepness) in (start..).zip(steepness) {
                costs[at] = u32::from(STEEPEST - steepness) + 1;
                distances[at] = u32::MAX;
            }
        }
        let steps = lattice.steps();
        let mut ways = vec![0u8; costs.len()];
        let mut buckets = vec![Vec::new(); BUCKETS];
        distances[anchor] = 0;
        buckets[0].push(anchor as u32);
        let (mut waiting, mut distance) = (1usize, 0u32);
        while waiting > 0 {
            if distance.is_multiple_of(1024) && progress.is_cancelled() {
                return Err(Cancelled);
            }
            // A step costs something and less than there are buckets: nothing is added to this one meanwhile.
            let bucket = distance as usize % BUCKETS;
            let mut now = std::mem::take(&mut buckets[bucket]);
            waiting -= now.len();
            for at in now.drain(..) {
                let at = at as usize;
                if distances[at] != distance {
                    continue;
                }
                for (way, (step, length)) in steps.into_iter().enumerate() {
                    let next = at.wrapping_add_signed(step);
                    let reached = distance + length * costs[next];
                    if reached < distances[next] {
                        distances[next] = reached;
                        ways[next] = way as u8;
                        buckets[reached as usize % BUCKETS].push(next as u32);
                        waiting += 1;
                    }
                }
            }
            buckets[bucket] = now;
            distance += 1;
        }
        Ok(Some(Self { lattice, anchor, ways }))
    }

    /// The voxels of the path, from the anchor on; nothing for a voxel outside the slice.
    pub fn path_to(&self, voxel: VoxelIndex) -> Vec<VoxelIndex> {
        let Some(mut at) = self.lattice.place_of(voxel) else { return Vec::new() };
        let steps = self.lattice.steps();
        let mut path = vec![self.lattice.voxel_at(at)];
        while at != self.anchor {
            at = at.wrapping_add_signed(-steps[usize::from(self.ways[at])].0);
            path.push(self.lattice.voxel_at(at));
        }
        path.reverse();
        path
    }
}

/// The pixels of a slice with a border of one pixel around them.
#[derive(Clone, Debug)]
struct Lattice {
    slice: VoxelBox,
    /// The voxel axes along its rows and across them.
    axes: [usize; 2],
    dims: [usize; 2],
}

impl Lattice {
    fn of(slice: VoxelBox) -> Option<Self> {
        let dims = slice.dims();
        let flat = dims.iter().position(|n| *n == 1)?;
        let axes = [[1, 2], [0, 2], [0, 1]][flat];
        Some(Self { slice, axes, dims: axes.map(|axis| dims[axis]) })
    }

    fn width(&self) -> usize {
        self.dims[0] + 2
    }

    fn count(&self) -> usize {
        self.width() * (self.dims[1] + 2)
    }

    fn start_of_row(&self, row: usize) -> usize {
        (row + 1) * self.width() + 1
    }

    /// The steps to the 8 neighbours, with their lengths.
    fn steps(&self) -> [(isize, u32); 8] {
        let row = self.width() as isize;
        let straight = [1, -1, row, -row].map(|step| (step, STRAIGHT));
        let [a, b, c, d] = [row + 1, row - 1, 1 - row, -row - 1].map(|step| (step, DIAGONAL));
        let [e, f, g, h] = straight;
        [e, f, g, h, a, b, c, d]
    }

    fn place_of(&self, voxel: VoxelIndex) -> Option<usize> {
        let at = voxel.to_array();
        let [u, v] = self.axes.map(|axis| at[axis].wrapping_sub(self.slice.min[axis]));
        self.slice.contains(voxel).then(|| self.start_of_row(v) + u)
    }

    fn voxel_at(&self, place: usize) -> VoxelIndex {
        let mut at = self.slice.min;
        at[self.axes[0]] += place % self.width() - 1;
        at[self.axes[1]] += place / self.width() - 1;
        let [i, j, k] = at;
        VoxelIndex { i, j, k }
    }
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
            costs[b] * if is_straight { STRAIGHT } else { DIAGONAL } as usize
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
