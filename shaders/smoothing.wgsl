// Smooths a mask along i, then j, then k. Its Rust side is src/render/smoothing.rs, its twin src/segment/gaussian.rs.
//
// All places count from the first voxel of the whole grid. A slab is some slices with those around them
// that weigh in.

struct Slab {
    whole: vec3<u32>,
    // Words of one row of the whole grid's mask.
    row_words: u32,
    // The box of the result: where it begins and how large it is along i and j.
    first: vec2<u32>,
    size: vec2<u32>,
    // Rows that weigh in, and slices that do.
    first_row: u32,
    rows: u32,
    first_slice: u32,
    slices: u32,
    // Slices of the result.
    first_done: u32,
    done: u32,
    // Words of one row of the result.
    done_words: u32,
    // How far from one half a voxel has to be to be told for sure.
    unsure: f32,
    // How many voxels away the last weight is, along i, j and k.
    reach: vec3<u32>,
}

@group(0) @binding(0) var<uniform> slab: Slab;
// Those along i, along j and along k.
@group(0) @binding(1) var<storage, read> weights: array<f32>;
// Bits, or floats in the bits of whole numbers.
@group(0) @binding(2) var<storage, read> source: array<u32>;
@group(0) @binding(3) var<storage, read_write> goal: array<u32>;

// Which place one beyond the border is the mirror image of; the border lies between voxels.
fn mirrored(place: i32, count: u32) -> u32 {
    let period = 2 * i32(count);
    let from_first = ((place % period) + period) % period;
    return u32(min(from_first, period - 1 - from_first));
}

fn is_set(i: u32, row: u32) -> f32 {
    return f32(source[row * slab.row_words + i / 32u] >> (i % 32u) & 1u);
}

@compute @workgroup_size(64)
fn along_i(@builtin(global_invocation_id) at: vec3<u32>) {
    if at.x >= slab.size.x { return; }
    let row = at.z * slab.whole.y + slab.first_row + at.y;
    let i = i32(slab.first.x + at.x);
    var sum = weights[0] * is_set(u32(i), row);
    for (var n = 1u; n <= slab.reach.x; n++) {
        let before = is_set(mirrored(i - i32(n), slab.whole.x), row);
        let after = is_set(mirrored(i + i32(n), slab.whole.x), row);
        sum += weights[n] * (before + after);
    }
    goal[(at.z * slab.rows + at.y) * slab.size.x + at.x] = bitcast<u32>(sum);
}

fn in_rows(i: u32, j: u32, slice: u32) -> f32 {
    return bitcast<f32>(source[(slice * slab.rows + j - slab.first_row) * slab.size.x + i]);
}

@compute @workgroup_size(64)
fn along_j(@builtin(global_invocation_id) at: vec3<u32>) {
    if at.x >= slab.size.x { return; }
    let j = i32(slab.first.y + at.y);
    let first_weight = slab.reach.x + 1u;
    var sum = weights[first_weight] * in_rows(at.x, u32(j), at.z);
    for (var n = 1u; n <= slab.reach.y; n++) {
        let before = in_rows(at.x, mirrored(j - i32(n), slab.whole.y), at.z);
        let after = in_rows(at.x, mirrored(j + i32(n), slab.whole.y), at.z);
        sum += weights[first_weight + n] * (before + after);
    }
    goal[(at.z * slab.size.y + at.y) * slab.size.x + at.x] = bitcast<u32>(sum);
}

fn in_slices(i: u32, j: u32, k: u32) -> f32 {
    return bitcast<f32>(source[((k - slab.first_slice) * slab.size.y + j) * slab.size.x + i]);
}

// The words that 64 voxels make up: two of those that are more than half, two of those that are unsure.
var<workgroup> words: array<atomic<u32>, 4>;

@compute @workgroup_size(64)
fn along_k(
    @builtin(global_invocation_id) at: vec3<u32>,
    @builtin(local_invocation_index) n: u32,
    @builtin(workgroup_id) group: vec3<u32>,
) {
    if at.x < slab.size.x {
        let k = i32(slab.first_done + at.z);
        let first_weight = slab.reach.x + slab.reach.y + 2u;
        var sum = weights[first_weight] * in_slices(at.x, at.y, u32(k));
        for (var n = 1u; n <= slab.reach.z; n++) {
            let before = in_slices(at.x, at.y, mirrored(k - i32(n), slab.whole.z));
            let after = in_slices(at.x, at.y, mirrored(k + i32(n), slab.whole.z));
            sum += weights[first_weight + n] * (before + after);
        }
        let bit = 1u << (n % 32u);
        if sum > 0.5 { atomicOr(&words[n / 32u], bit); }
        if abs(sum - 0.5) < slab.unsure { atomicOr(&words[2u + n / 32u], bit); }
    }
    workgroupBarrier();
    if n < 4u {
        let row = at.z * slab.size.y + at.y;
        let unsure_after = slab.done * slab.size.y * slab.done_words;
        let word = row * slab.done_words + 2u * group.x + n % 2u;
        goal[(n / 2u) * unsure_after + word] = atomicLoad(&words[n]);
    }
}
