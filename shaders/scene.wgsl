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
    first: vec4<f32>,
    last: vec4<f32>,
    // Width and height of the picture in pixels.
    size: vec2<f32>,
    // Brightness is distance from the reference * gain + bias; an inverted display is part of both.
    gain: f32,
    bias: f32,
    // A whole number, or the bits of a float.
    reference: i32,
    // 1 where greater distances are brighter before inversion, else -1.
    rising: f32,
    // No float counts as further away than endless; what is not a number is as far as lowest.
    endless: f32,
    lowest: f32,
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
    // Of a threshold: the least and the greatest sample that belongs, in numbers that rise with samples.
    least: i32,
    most: i32,
}

@group(0) @binding(0) var<uniform> scene: Scene;
@group(0) @binding(1) var voxels: texture_3d<u32>;
@group(0) @binding(2) var labels: texture_3d<u32>;
@group(0) @binding(3) var colours: texture_2d<f32>;

// What is the same for all pixels is handed on beside the place, because software rasterisers fetch
// uniforms anew for every few pixels, and that is most of the time they would take.
struct Pixel {
    @builtin(position) position: vec4<f32>,
    @location(0) place: vec3<f32>,
    @location(1) @interpolate(flat) first: vec3<f32>,
    @location(2) @interpolate(flat) last: vec3<f32>,
    @location(3) @interpolate(flat) gain_and_bias: vec2<f32>,
    @location(4) @interpolate(flat) reference: i32,
}

// The corners of a rectangle of pixels: left, top, right and bottom without the last two.
@vertex
fn rectangle(@builtin(vertex_index) corner: u32, @location(0) pixels: vec4<u32>) -> Pixel {
    let at = vec2<f32>(select(pixels.xy, pixels.zw, vec2<bool>((corner & 1u) != 0u, (corner & 2u) != 0u)));
    var pixel: Pixel;
    pixel.position = vec4<f32>(at / scene.size * vec2<f32>(2.0, -2.0) + vec2<f32>(-1.0, 1.0), 0.0, 1.0);
    pixel.place = scene.origin.xyz + at.x * scene.right.xyz + at.y * scene.down.xyz;
    pixel.first = scene.first.xyz;
    pixel.last = scene.last.xyz;
    pixel.gain_and_bias = vec2<f32>(scene.gain, scene.bias);
    pixel.reference = scene.reference;
    return pixel;
}

fn cell_of(place: vec3<f32>) -> vec3<i32> {
    return vec3<i32>(floor(place + 0.5));
}

// Whether a place lies in the cell of a voxel that is shown.
fn is_inside(place: vec3<f32>, first: vec3<f32>, last: vec3<f32>) -> bool {
    return all(place >= first - 0.5) && all(place < last + 0.5);
}

fn label_at(place: vec3<f32>, first: vec3<f32>, last: vec3<f32>) -> u32 {
    return select(0u, textureLoad(labels, cell_of(place), 0).r, is_inside(place, first, last));
}

// The colour of a label; transparent where it is hidden.
fn colour_of(label: u32) -> vec4<f32> {
    let colour = textureLoad(colours, vec2<u32>(label & 255u, label >> 8u), 0);
    let dimmed = scene.highlight != 0u && label != scene.highlight;
    return vec4<f32>(colour.rgb, colour.a * select(1.0, scene.dimmed, dimmed));
}
