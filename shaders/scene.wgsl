// What every pass is told of its picture. Its Rust side is src/render/scene.rs.
//
// Places are voxel coordinates: a whole number is a voxel's centre, its cell reaches half a voxel
// to either side.

struct Scene {
    // The place of a pixel is origin + x * right + y * down, with the middle of the first pixel at
    // x = y = 0.5; away is one pixel's length into the depth.
    origin: vec4<f32>,
    right: vec4<f32>,
    down: vec4<f32>,
    away: vec4<f32>,
    // The first and the last voxel there is to show.
    first: vec4<i32>,
    last: vec4<i32>,
    // Brightness is (number - reference) * gain + bias; see Grey in scene.rs.
    reference_whole: i32,
    reference_float: f32,
    gain: f32,
    bias: f32,
    inverted: u32,
    // Opacity of a label's fill, width of its outline in pixels, and how many places around a pixel
    // are looked at for it, the pixel's own included.
    fill: f32,
    outline: f32,
    looks: u32,
    // The label that stands out, 0 for none, and the opacity of the others then.
    highlight: u32,
    dimmed: f32,
    // Of a projection: the greatest count of steps along a ray.
    most_steps: f32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> scene: Scene;
@group(0) @binding(1) var voxels: texture_3d<u32>;
@group(0) @binding(2) var labels: texture_3d<u32>;
@group(0) @binding(3) var colours: texture_2d<f32>;

@vertex
fn whole_picture(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    // One triangle that reaches beyond the picture: no seam, no vertex buffer.
    let corner = vec2<f32>(f32((index << 1u) & 2u), f32(index & 2u));
    return vec4<f32>(corner * 2.0 - 1.0, 0.0, 1.0);
}

fn place_of(pixel: vec2<f32>) -> vec3<f32> {
    return scene.origin.xyz + pixel.x * scene.right.xyz + pixel.y * scene.down.xyz;
}

fn cell_of(place: vec3<f32>) -> vec3<i32> {
    return vec3<i32>(floor(place + 0.5));
}

fn holds(cell: vec3<i32>) -> bool {
    return all(cell >= scene.first.xyz) && all(cell <= scene.last.xyz);
}

fn label_in(cell: vec3<i32>) -> u32 {
    return select(0u, textureLoad(labels, cell, 0).r, holds(cell));
}

// The colour of a label; transparent where it is hidden.
fn colour_of(label: u32) -> vec4<f32> {
    let colour = textureLoad(colours, vec2<u32>(label & 255u, label >> 8u), 0);
    let dimmed = scene.highlight != 0u && label != scene.highlight;
    return vec4<f32>(colour.rgb, colour.a * select(1.0, scene.dimmed, dimmed));
}
