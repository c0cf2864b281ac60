//! Surfaces of labels as triangles: surface nets (Gibson, "Constrained Elastic Surface Nets", MICCAI 1998),
//! without smoothing.

use glam::DVec3;
use rayon::prelude::*;

use super::lattice::Lattice;
use crate::geometry::{Grid, VoxelBox, VoxelIndex};
use crate::volume::{LabelMap, Mask};

/// Triangles between voxels of different labels.
///
/// A vertex lies in each cube of eight voxels that are not all the same, in the mean of the middles of
/// those of its edges whose ends differ; a square of two triangles lies across each pair of neighbours
/// that differ. So the surface is closed, also where labels touch, and the same each time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Surface {
    /// The vertices, LPS mm.
    pub points: Vec<[f32; 3]>,
    /// The corners of each triangle, anticlockwise seen from in front.
    pub triangles: Vec<[u32; 3]>,
    /// The labels behind and in front of each triangle. Background is in front; of two labels the smaller
    /// one is behind.
    pub labels: Vec<[u16; 2]>,
}

impl Surface {
    /// The surface of a mask, which is label 1 here. O(voxels of its box / 64 + surface).
    pub fn of_mask(mask: &Mask, grid: &Grid) -> Self {
        let label = |[i, j, k]: [usize; 3]| u16::from(mask.contains(VoxelIndex::new(i, j, k)));
        Net::of(&Lattice::of_mask(mask)).surface(grid, label)
    }

    /// The surfaces of all labels of a map, walls between touching labels once. O(voxels of the map's
    /// bricks + surface).
    pub fn of_map(map: &LabelMap, grid: &Grid) -> Self {
        let dims = map.dims();
        let label = |voxel: [usize; 3]| {
            let is_inside = (0..3).all(|axis| voxel[axis] < dims[axis]);
            let [i, j, k] = voxel;
            if is_inside { map.label(VoxelIndex::new(i, j, k)) } else { 0 }
        };
        Lattice::of_map(map).map(|lattice| Net::of(&lattice).surface(grid, label)).unwrap_or_default()
    }

    /// The volume behind the triangles less that in front of them, in mm³: of a mask, what its surface
    /// encloses.
    pub fn enclosed_mm3(&self) -> f64 {
        let place = |point: u32| DVec3::from_array(self.points[point as usize].map(f64::from));
        let cone = |triangle: &[u32; 3]| {
            let [a, b, c] = triangle.map(place);
            a.cross(b).dot(c)
        };
        self.triangles.iter().map(cone).sum::<f64>() / 6.0
    }
}

/// The cubes that hold a vertex, and their numbers.
struct Net<'a> {
    lattice: &'a Lattice,
    /// Rows of bits: the cubes whose voxels are not all the same.
    crossed: Vec<u64>,
    /// The number of the first vertex of each word.
    first_vertex: Vec<u32>,
    /// Where the vertices of each slice of cubes begin, and where they all end.
    vertices: Vec<usize>,
    /// Where the squares of each slice begin, and where they all end.
    squares: Vec<usize>,
}

impl<'a> Net<'a> {
    fn of(lattice: &'a Lattice) -> Self {
        let VoxelBox { min, .. } = lattice.cubes;
        let [_, nj, nk] = lattice.cubes.dims();
        let per_slice = lattice.row_words * nj;
        let mut crossed = vec![0u64; per_slice * nk];
        let counts: Vec<[usize; 2]> = crossed
            .par_chunks_mut(per_slice)
            .enumerate()
            .map(|(k, slice)| {
                let mut counts = [0; 2];
                for (j, row) in slice.chunks_mut(lattice.row_words).enumerate() {
                    let around = Around::of(lattice, min[1] + j, min[2] + k);
                    let mut carried = 0;
                    for (word, crossed) in row.iter_mut().enumerate() {
                        let [either_side, own] = around.edges(word);
                        *crossed = own | either_side | either_side << 1 | carried;
                        carried = either_side >> 63;
                        counts[0] += crossed.count_ones() as usize;
                    }
                    for steps in lattice.row(min[1] + j, min[2] + k) {
                        counts[1] += steps.iter().map(|word| word.count_ones() as usize).sum::<usize>();
                    }
                }
                counts
            })
            .collect();
        let [vertices, squares] = [0, 1].map(|n| {
            let mut ends = vec![0];
            ends.extend(counts.iter().scan(0, |sum, count| {
                *sum += count[n];
                Some(*sum)
            }));
            ends
        });
        let mut first_vertex = vec![0; crossed.len()];
        first_vertex.par_chunks_mut(per_slice).zip(crossed.par_chunks(per_slice)).zip(&vertices).for_each(
            |((first, crossed), start)| {
                let mut next = *start as u32;
                for (first, crossed) in first.iter_mut().zip(crossed) {
                    *first = next;
                    next += crossed.count_ones();
                }
            },
        );
        Self { lattice, crossed, first_vertex, vertices, squares }
    }

    fn surface(&self, grid: &Grid, label: impl Fn([usize; 3]) -> u16 + Sync) -> Surface {
        let vertices = self.vertices.last().copied().unwrap_or(0);
        let squares = self.squares.last().copied().unwrap_or(0);
        let mut surface = Surface {
            points: vec![[0.0; 3]; vertices],
            triangles: vec![[0; 3]; 2 * squares],
            labels: vec![[0; 2]; 2 * squares],
        };
        let places = Places::of(grid);
        let first = self.lattice.cubes.min[2];
        split(&mut surface.points, &self.vertices, 1).into_par_iter().enumerate().for_each(|(k, points)| {
            self.place(first + k, &places, points);
        });
        let points = &surface.points;
        let triangles = split(&mut surface.triangles, &self.squares, 2);
        let labels = split(&mut surface.labels, &self.squares, 2);
        let is_mirrored = grid.patient_from_voxel().determinant() < 0.0;
        triangles.into_par_iter().zip(labels).enumerate().for_each(|(k, (triangles, labels))| {
            let mut pairs = triangles.chunks_exact_mut(2).zip(labels.chunks_exact_mut(2));
            self.for_each_square(first + k, |mut corners, voxels| {
                let [lower, upper] = voxels.map(&label);
                // Corners are told anticlockwise seen from the upper voxel.
                let is_upper_behind = lower == 0 || upper != 0 && upper < lower;
                if is_upper_behind != is_mirrored {
                    corners.reverse();
                }
                if let Some((triangles, labels)) = pairs.next() {
                    triangles.copy_from_slice(&halves(corners, points));
                    labels.fill(if is_upper_behind { [upper, lower] } else { [lower, upper] });
                }
            });
        });
        surface
    }

    /// The places of the vertices of a slice of cubes.
    fn place(&self, k: usize, places: &Places, points: &mut [[f32; 3]]) {
        let VoxelBox { min, max } = self.lattice.cubes;
        let mut points = points.iter_mut();
        for j in min[1]..max[1] {
            let around = Around::of(self.lattice, j, k);
            let row = ((k - min[2]) * self.lattice.cubes.dims()[1] + j - min[1]) * self.lattice.row_words;
            for word in 0..self.lattice.row_words {
                let mut rest = self.crossed[row + word];
                while rest != 0 {
                    let bit = rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    let i = min[0] + word * 64 + bit;
                    if let Some(point) = points.next() {
                        *point = places.of_cube([i, j, k], around.code(word * 64 + bit));
                    }
                }
            }
        }
    }

    /// Calls `visit(corners, [lower, upper])` for each pair of neighbouring voxels that differ, with the
    /// vertices of the square between them.
    fn for_each_square(&self, k: usize, mut visit: impl FnMut([u32; 4], [[usize; 3]; 2])) {
        let VoxelBox { min, max } = self.lattice.cubes;
        for j in min[1]..max[1] {
            for (axis, steps) in self.lattice.row(j, k).into_iter().enumerate() {
                let (a, b) = ((axis + 1) % 3, (axis + 2) % 3);
                for (word, bits) in steps.iter().enumerate() {
                    let mut rest = *bits;
                    while rest != 0 {
                        let upper = [min[0] + word * 64 + rest.trailing_zeros() as usize, j, k];
                        rest &= rest - 1;
                        let mut lower = upper;
                        lower[axis] = lower[axis].wrapping_sub(1);
                        let corner = |[step_a, step_b]: [usize; 2]| {
                            let mut cube = upper;
                            cube[a] += step_a;
                            cube[b] += step_b;
                            self.vertex(cube)
                        };
                        visit([[0, 0], [1, 0], [1, 1], [0, 1]].map(corner), [lower, upper]);
                    }
                }
            }
        }
    }

    /// The number of a cube's vertex.
    fn vertex(&self, cube: [usize; 3]) -> u32 {
        let VoxelBox { min, .. } = self.lattice.cubes;
        let [i, j, k] = [0, 1, 2].map(|axis| cube[axis] - min[axis]);
        let word = (k * self.lattice.cubes.dims()[1] + j) * self.lattice.row_words + i / 64;
        let below = self.crossed[word] & ((1 << (i % 64)) - 1);
        self.first_vertex[word] + below.count_ones()
    }
}

/// The rows of steps around a row of cubes.
struct Around<'a> {
    /// Steps along i in rows (j − 1, k − 1), (j, k − 1), (j − 1, k) and (j, k).
    along_i: [&'a [u64]; 4],
    /// Steps along j in rows (j, k − 1) and (j, k), and along k in rows (j − 1, k) and (j, k).
    across: [&'a [u64]; 4],
}

impl<'a> Around<'a> {
    fn of(lattice: &'a Lattice, j: usize, k: usize) -> Self {
        let (below_j, below_k) = (j.wrapping_sub(1), k.wrapping_sub(1));
        let rows = [[below_j, below_k], [j, below_k], [below_j, k], [j, k]].map(|[j, k]| lattice.row(j, k));
        Self {
            along_i: rows.map(|[along_i, ..]| along_i),
            across: [rows[1][1], rows[3][1], rows[2][2], rows[3][2]],
        }
    }

    /// Of the voxels of a word: those with a step along j or k, and those with one along i.
    fn edges(&self, word: usize) -> [u64; 2] {
        [self.across, self.along_i].map(|rows| rows.iter().fold(0, |all, row| all | word_of(row, word)))
    }

    /// Which of the 12 edges of a cube of the row have ends that differ: the four along i, then the four
    /// across on the lower side of i, then those on the upper side.
    fn code(&self, i: usize) -> usize {
        let bit = |row: &[u64], i: usize| (word_of(row, i / 64) >> (i % 64) & 1) as usize;
        let mut code = 0;
        for n in 0..4 {
            code |= bit(self.along_i[n], i) << n;
            code |= i.checked_sub(1).map_or(0, |before| bit(self.across[n], before)) << (4 + n);
            code |= bit(self.across[n], i) << (8 + n);
        }
        code
    }
}

fn word_of(row: &[u64], word: usize) -> u64 {
    row.get(word).copied().unwrap_or(0)
}

/// The middles of the edges of a cube in the order of [`Around::code`], in half voxels from its first voxel.
const MIDDLES: [[u8; 3]; 12] = [
    [1, 0, 0],
    [1, 2, 0],
    [1, 0, 2],
    [1, 2, 2],
    [0, 1, 0],
    [0, 1, 2],
    [0, 0, 1],
    [0, 2, 1],
    [2, 1, 0],
    [2, 1, 2],
    [2, 0, 1],
    [2, 2, 1],
];

/// Where the vertices of cubes lie, in mm.
struct Places {
    /// The place of the vertex of each code, from the centre of its cube's first voxel.
    of_code: Vec<DVec3>,
    steps: [DVec3; 3],
    /// The centre of voxel (−1, −1, −1), the first one of cube (0, 0, 0).
    origin: DVec3,
}

impl Places {
    fn of(grid: &Grid) -> Self {
        let map = grid.patient_from_voxel();
        let steps = [0, 1, 2].map(|axis| map.axis(axis).raw());
        let of_code = (0usize..1 << MIDDLES.len()).map(|code| {
            let crossed = MIDDLES.iter().enumerate().filter(|(edge, _)| code >> edge & 1 == 1);
            let middles =
                crossed.map(|(_, middle)| DVec3::from_array(middle.map(|half| f64::from(half) * 0.5)));
            let sum: DVec3 = middles.sum();
            map.raw().matrix3 * (sum / f64::from(code.count_ones().max(1)))
        });
        let origin = map.origin().raw() - steps[0] - steps[1] - steps[2];
        Self { of_code: of_code.collect(), steps, origin }
    }

    fn of_cube(&self, cube: [usize; 3], code: usize) -> [f32; 3] {
        let [i, j, k] = cube.map(|n| n as f64);
        let place = self.origin + self.steps[0] * i + self.steps[1] * j + self.steps[2] * k;
        (place + self.of_code[code]).to_array().map(|mm| mm as f32)
    }
}

/// The two halves of a square, cut along its shorter diagonal.
fn halves([a, b, c, d]: [u32; 4], points: &[[f32; 3]]) -> [[u32; 3]; 2] {
    let squared = |p: u32, q: u32| {
        let (p, q) = (points[p as usize], points[q as usize]);
        (0..3).map(|axis| (p[axis] - q[axis]).powi(2)).sum::<f32>()
    };
    if squared(a, c) <= squared(b, d) { [[a, b, c], [a, c, d]] } else { [[a, b, d], [b, c, d]] }
}

/// The parts of a slice between its ends, each end counting `each` items.
fn split<'a, T>(mut rest: &'a mut [T], ends: &[usize], each: usize) -> Vec<&'a mut [T]> {
    let lengths = ends.windows(2).map(|ends| (ends[1] - ends[0]) * each);
    let cut = |length| rest.split_off_mut(..length).unwrap_or_default();
    lengths.map(cut).collect()
}
