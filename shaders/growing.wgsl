// Lets seeds compete for voxels by the cheapest path. Its Rust side is src/render/growing.rs, its twin
// src/segment/grow_from_seeds/tile.rs.
//
// A key is a cost in its upper 24 bits and the place of a label in the lower 8; less is better. A voxel's key is
// lowered to the least that a neighbour offers, over and over, until none can be lowered: there is one such end,
// whatever the order.

struct Region {
    size: vec3<u32>,
    // What one level of difference costs, beside which the length of a step is little.
    level_cost: u32,
}

const WALL = 0u;
const UNREACHED = 0xffffffffu;

@group(0) @binding(0) var<uniform> region: Region;
// Two of 16 bits in a word.
@group(0) @binding(1) var<storage, read> levels: array<u32>;
@group(0) @binding(2) var<storage, read_write> keys: array<atomic<u32>>;
// For each block whether it has to look, now and in the next pass.
@group(0) @binding(3) var<storage, read_write> now: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> next: array<atomic<u32>>;
// How many blocks have changed since it was cleared.
@group(0) @binding(5) var<storage, read_write> changed: atomic<u32>;

// A block, and the same with one voxel of each neighbour around.
const BLOCK = vec3<u32>(8u, 8u, 4u);
const AROUND = vec3<u32>(10u, 10u, 6u);
const THREADS = 256u;
const CELLS = 600u;
// How often a block looks at itself before it tells its neighbours.
const SWEEPS = 8u;

var<workgroup> keys_here: array<u32, CELLS>;
var<workgroup> levels_here: array<u32, CELLS>;
var<workgroup> is_active: u32;
var<workgroup> is_changed: atomic<u32>;

fn cell_at(place: vec3<u32>) -> u32 {
    return (place.z * AROUND.y + place.y) * AROUND.x + place.x;
}

fn plus(key: u32, cost: u32) -> u32 {
    let more = cost << 8u;
    return select(key + more, UNREACHED, key > UNREACHED - more);
}

fn best_of(place: vec3<u32>) -> u32 {
    let own = cell_at(place);
    var best = keys_here[own];
    if best == WALL { return WALL; }
    let level = i32(levels_here[own]);
    for (var n = 0u; n < 27u; n++) {
        let by = vec3<i32>(i32(n % 3u), i32(n / 3u % 3u), i32(n / 9u)) - 1;
        let axes = u32(abs(by.x) + abs(by.y) + abs(by.z));
        let beside = cell_at(vec3<u32>(vec3<i32>(place) + by));
        let key = keys_here[beside];
        if axes == 0u || key == WALL || key == UNREACHED { continue; }
        let apart = u32(abs(i32(levels_here[beside]) - level));
        best = min(best, plus(key, apart * region.level_cost + 2u + axes));
    }
    return best;
}

@compute @workgroup_size(8, 8, 4)
fn look_around(
    @builtin(local_invocation_id) here: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
    @builtin(workgroup_id) block: vec3<u32>,
    @builtin(num_workgroups) blocks: vec3<u32>,
) {
    let block_number = (block.z * blocks.y + block.y) * blocks.x + block.x;
    if index == 0u { is_active = atomicExchange(&now[block_number], 0u); }
    if workgroupUniformLoad(&is_active) == 0u { return; }
    for (var cell = index; cell < CELLS; cell += THREADS) {
        let place = vec3<u32>(cell % AROUND.x, cell / AROUND.x % AROUND.y, cell / (AROUND.x * AROUND.y));
        let voxel = vec3<i32>(block * BLOCK + place) - 1;
        var key = WALL;
        var level = 0u;
        if all(voxel >= vec3<i32>(0)) && all(voxel < vec3<i32>(region.size)) {
            let at = vec3<u32>(voxel);
            let n = (at.z * region.size.y + at.y) * region.size.x + at.x;
            key = atomicLoad(&keys[n]);
            level = levels[n / 2u] >> (16u * (n % 2u)) & 0xffffu;
        }
        keys_here[cell] = key;
        levels_here[cell] = level;
    }
    workgroupBarrier();
    let place = here + 1u;
    let before = keys_here[cell_at(place)];
    for (var sweep = 0u; sweep < SWEEPS; sweep++) {
        let best = best_of(place);
        workgroupBarrier();
        keys_here[cell_at(place)] = best;
        workgroupBarrier();
    }
    let after = keys_here[cell_at(place)];
    if after != before {
        let at = block * BLOCK + here;
        atomicStore(&keys[(at.z * region.size.y + at.y) * region.size.x + at.x], after);
        atomicStore(&is_changed, 1u);
    }
    workgroupBarrier();
    if index < 27u && atomicLoad(&is_changed) == 1u {
        let by = vec3<i32>(i32(index % 3u), i32(index / 3u % 3u), i32(index / 9u)) - 1;
        let beside = vec3<i32>(block) + by;
        if all(beside >= vec3<i32>(0)) && all(beside < vec3<i32>(blocks)) {
            let at = vec3<u32>(beside);
            atomicStore(&next[(at.z * blocks.y + at.y) * blocks.x + at.x], 1u);
        }
        if index == 0u { atomicAdd(&changed, 1u); }
    }
}
