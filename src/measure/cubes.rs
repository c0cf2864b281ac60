//! Cubes between eight voxels: which of them belong, and the piece of surface that marching cubes lays
//! through them.

use glam::{DMat3, DVec3};

use crate::geometry::{Grid, VoxelBox};
use crate::volume::Mask;

/// A cube's corner, as steps along i, j and k; a code has bit n set where the voxel at corner n belongs.
const CORNERS: [[usize; 3]; 8] =
    [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]];

/// The corners at either end of an edge, in whose middle a vertex of the surface lies.
const EDGES: [[usize; 2]; 12] =
    [[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4], [0, 4], [1, 5], [2, 6], [3, 7]];

/// The triangles of each code without corner 7, three edges each, in hexadecimal (Lorensen and Cline,
/// "Marching Cubes", SIGGRAPH 1987, in the table of Bourke, "Polygonising a Scalar Field", 1994). The
/// other codes have those of their complement, turned over, as pyradiomics has it.
#[rustfmt::skip]
const TRIANGLES: [&str; 128] = [
    "", "083", "190", "183198", "12a", "08312a", "92a029", "2832a8a98", "b23", "b2008b", "190b23",
    "b2119b98b", "3a1ba3", "a1008a8ba", "9033b9ba9", "98aba8", "478", "043473", "190478", "194147173",
    "12a478", "34730412a", "92a902478", "2a9297273479", "478b23", "b47b24204", "190478b23", "47b94bb29192",
    "3a1ba3478", "ba114b10447b", "4789033b9ba9", "47b4b99ba", "954", "954083", "054015", "854835315",
    "12a954", "08312a954", "2a5542240", "2a5325354834", "954b23", "b2008b954", "054015b23", "215258b28548",
    "3a1ba3954", "549a1008a8ba", "54050ba5bb03", "548a58ba8", "789579", "309539357", "780017715", "157173",
    "78957912a", "12a309395357", "0288258572a5", "2a5253357", "579789b23", "579972209b27", "b23018178157",
    "21b17b157", "7895793a1ba3", "5705097b0a10ba0", "ba003ba50078570", "ba557b", "65a", "08365a", "19065a",
    "18319865a", "165126", "165126083", "965906026", "598582526832", "b2365a", "b2008b65a", "190b2365a",
    "b2119b98b65a", "63b653513", "08b0b50515b6", "63b036065059", "65969bb98", "47865a", "04347365a",
    "19047865a", "19414717365a", "478165126", "043473165126", "478965906026", "739479329596269",
    "b2347865a", "b47b2420465a", "190b2347865a", "47b94bb2919265a", "47863b653513", "51b5b610b47b04b",
    "47863b036065059", "65969b4797b9", "a4964a", "a4964a083", "01aa60640", "18316886461a", "149124264",
    "149124264083", "024426", "832824426", "b23a4964a", "b2008ba4964a", "b2301aa60640", "64161a148b2118b",
    "964369139b63", "18b081b61149641", "63b036640", "86468b", "67a78a89a", "67a0a709a073", "67a1a7178018",
    "67a1a7173", "126168189678", "269129679309739", "078706602", "273267", "b2367a78a89a",
    "207b2709767a9a7", "67a1a7178018b23", "b2117ba61167", "896678169b63136", "09167b", "07870603bb60",
    "67b",
];

/// The triangles of a code, as places in the cube, and whether they are turned over.
fn triangles(code: u8) -> (impl Iterator<Item = [DVec3; 3]>, bool) {
    let is_turned = code >= 0x80;
    let edges = TRIANGLES[usize::from(if is_turned { !code } else { code })].as_bytes();
    let triangle = |edges: &'static [u8]| -> [DVec3; 3] {
        std::array::from_fn(|n| {
            let edge = char::from(edges[n]).to_digit(16).unwrap_or_default() as usize;
            let ends = EDGES[edge].map(|corner| DVec3::from_array(CORNERS[corner].map(|step| step as f64)));
            (ends[0] + ends[1]) * 0.5
        })
    };
    (edges.chunks_exact(3).map(triangle), is_turned)
}

/// What the piece of surface in a cube of each code comes to.
pub(super) struct Pieces {
    /// Area in mm².
    pub(super) area_mm2: [f64; 256],
    /// Six times the volume under the piece, in voxels, for a cube at the origin.
    volume: [f64; 256],
    /// By how much that grows with each step of the cube along i, j and k.
    volume_per_step: [DVec3; 256],
}

impl Pieces {
    /// The pieces of pyradiomics' mesh (`cshape.c`).
    pub(super) fn of_mesh(grid: &Grid) -> Self {
        let map = grid.patient_from_voxel().raw().matrix3;
        let mut pieces =
            Self { area_mm2: [0.0; 256], volume: [0.0; 256], volume_per_step: [DVec3::ZERO; 256] };
        for code in 0..=u8::MAX {
            let place = usize::from(code);
            let (triangles, is_turned) = triangles(code);
            let sign = if is_turned { 1.0 } else { -1.0 };
            for [a, b, c] in triangles {
                pieces.area_mm2[place] += area(&map, [a, b, c]);
                pieces.volume[place] += sign * a.cross(b).dot(c);
                pieces.volume_per_step[place] += sign * (a.cross(b) + b.cross(c) + c.cross(a));
            }
        }
        pieces
    }

    /// The areas of DeepMind's surface elements (`surface_distance/lookup_tables.py`): those of the mesh,
    /// but where voxels meet only across a face or the cube, each part has a surface of its own.
    pub(super) fn of_elements(grid: &Grid) -> [f64; 256] {
        let mesh = Self::of_mesh(grid).area_mm2;
        std::array::from_fn(|code| {
            // Of an object and what is left of the cube the smaller is looked at.
            let code = if (code as u8).count_ones() > 4 { !(code as u8) } else { code as u8 };
            parts(code).iter().map(|part| mesh[usize::from(*part)]).sum()
        })
    }

    /// Six times the volume under the piece in a cube at a place, in voxels.
    pub(super) fn volume(&self, code: u8, at: [f64; 3]) -> f64 {
        let place = usize::from(code);
        self.volume[place] + self.volume_per_step[place].dot(DVec3::from_array(at))
    }
}

fn area(map: &DMat3, [a, b, c]: [DVec3; 3]) -> f64 {
    0.5 * (*map * (a - c)).cross(*map * (b - c)).length()
}

/// The parts of a code that hang together by edges of the cube.
fn parts(code: u8) -> Vec<u8> {
    let mut parts = Vec::new();
    let mut rest = code;
    while rest != 0 {
        let mut part = rest & rest.wrapping_neg();
        loop {
            let joined = EDGES.iter().fold(part, |part, [a, b]| {
                let ends = 1 << a | 1 << b;
                if part & ends != 0 { part | ends & rest } else { part }
            });
            if joined == part {
                break;
            }
            part = joined;
        }
        parts.push(part);
        rest &= !part;
    }
    parts
}

/// The box of the cubes around the voxels of a mask's box: cube (i, j, k) lies between voxels i − 1 and i,
/// j − 1 and j, k − 1 and k.
pub(super) fn cube_box(bounds: VoxelBox) -> VoxelBox {
    VoxelBox { min: bounds.min, max: bounds.max.map(|max| max + 1) }
}

/// Calls `visit(word, [lower; 4], [upper; 4])` for each word of a row of cubes: where the voxels of each of
/// the four rows belong on the lower and the upper side along i. Rows: (j − 1, k − 1), (j, k − 1),
/// (j − 1, k), (j, k); outside the mask's box nothing belongs.
pub(super) fn for_each_word(
    mask: &Mask,
    j: usize,
    k: usize,
    mut visit: impl FnMut(usize, [u64; 4], [u64; 4]),
) {
    let bounds = mask.bounds();
    let row = |j: usize, k: usize| {
        let is_inside = |axis: usize, n: usize| (bounds.min[axis]..bounds.max[axis]).contains(&n);
        if is_inside(1, j) && is_inside(2, k) { mask.row(j, k) } else { &[] }
    };
    let (below_j, below_k) = (j.wrapping_sub(1), k.wrapping_sub(1));
    let rows = [row(below_j, below_k), row(j, below_k), row(below_j, k), row(j, k)];
    if rows.iter().all(|row| row.is_empty()) {
        return;
    }
    let mut carried = [0; 4];
    for word in 0..bounds.dims()[0] / 64 + 1 {
        let upper = rows.map(|row| row.get(word).copied().unwrap_or(0));
        let lower = std::array::from_fn(|n| upper[n] << 1 | carried[n]);
        carried = upper.map(|word| word >> 63);
        visit(word, lower, upper);
    }
}

/// The cubes of a word that hold voxels that belong and voxels that do not.
pub(super) fn border(lower: [u64; 4], upper: [u64; 4]) -> u64 {
    let either = lower.iter().chain(&upper).fold(0, |either, word| either | word);
    let all = lower.iter().chain(&upper).fold(u64::MAX, |all, word| all & word);
    either & !all
}

/// The code of the cube at a bit of a word.
pub(super) fn code(lower: [u64; 4], upper: [u64; 4], bit: u32) -> u8 {
    let words = [lower[0], upper[0], upper[1], lower[1], lower[2], upper[2], upper[3], lower[3]];
    words.iter().enumerate().fold(0, |code, (corner, word)| code | ((word >> bit & 1) as u8) << corner)
}

/// Calls `visit(i, code)` for each cube of a row that holds voxels that belong and voxels that do not.
pub(super) fn for_each_border_cube(mask: &Mask, j: usize, k: usize, mut visit: impl FnMut(usize, u8)) {
    let first = mask.bounds().min[0];
    for_each_word(mask, j, k, |word, lower, upper| {
        let mut border = border(lower, upper);
        while border != 0 {
            let bit = border.trailing_zeros();
            border &= border - 1;
            visit(first + word * 64 + bit as usize, code(lower, upper, bit));
        }
    });
}
