// The whole volume along lines of sight: greatest values, and the surfaces of labels before them.
// Its Rust side, with its twin, is src/render/projection.rs.

// Where a line of sight runs through the cells that are shown.
struct Ray {
    start: vec3<f32>,
    step: vec3<f32>,
    count: f32,
}

fn ray_through(pixel: Pixel) -> Ray {
    // A line that never leaves a pair of borders meets them far away.
    let along = select(scene.away.xyz, vec3<f32>(1e-9), abs(scene.away.xyz) < vec3<f32>(1e-9));
    let one = (pixel.first - 0.5 - pixel.place) / along;
    let other = (pixel.last + 0.5 - pixel.place) / along;
    let enters = min(one, other);
    let leaves = max(one, other);
    let near = max(max(enters.x, enters.y), enters.z);
    let far = min(min(leaves.x, leaves.y), leaves.z);
    let length = max(far - near, 0.0);
    // About one step for each voxel passed.
    let most = max(max(abs(along.x), abs(along.y)), abs(along.z));
    let count = min(ceil(length * most), scene.most_steps);
    let step = along * (length / max(count, 1.0));
    return Ray(pixel.place + along * near + step * 0.5, step, count);
}

fn nearest_cell(place: vec3<f32>, pixel: Pixel) -> vec3<i32> {
    return vec3<i32>(clamp(floor(place + 0.5), pixel.first, pixel.last));
}

fn luma(distance: vec3<f32>, rising: f32) -> f32 {
    return dot(distance, vec3<f32>(0.299, 0.587, 0.114)) * rising;
}

@fragment
fn projection_at(pixel: Pixel) -> @location(0) vec4<f32> {
    let ray = ray_through(pixel);
    if ray.count < 1.0 {
        return vec4<f32>(0.0, 0.0, 0.0, 1.0);
    }
    let rising = scene.rising;
    var brightest = distance_in(nearest_cell(ray.start, pixel), pixel.reference);
    var at = 0.0;
    for (var n = 1.0; n < ray.count; n += 1.0) {
        let here = distance_in(nearest_cell(ray.start + ray.step * n, pixel), pixel.reference);
        if luma(here, rising) > luma(brightest, rising) {
            brightest = here;
            at = n;
        }
    }
    if SMOOTH {
        // The nearest voxels found the place; between them lies the value.
        brightest = distance_at(ray.start + ray.step * at, pixel.first, pixel.last, pixel.reference);
        for (var aside = -0.5; aside < 1.0; aside += 1.0) {
            let place = ray.start + ray.step * (at + aside);
            let here = distance_at(place, pixel.first, pixel.last, pixel.reference);
            if luma(here, rising) > luma(brightest, rising) {
                brightest = here;
            }
        }
    }
    return vec4<f32>(brightness(brightest, pixel.gain_and_bias), 1.0);
}

// Where the light comes from: above the viewer's left shoulder. Right, down, away.
const LIGHT: vec3<f32> = vec3<f32>(-0.36, -0.48, -0.8);
const SURFACE_OPACITY: f32 = 0.85;

@fragment
fn surface_at(pixel: Pixel) -> @location(0) vec4<f32> {
    let ray = ray_through(pixel);
    var colour = vec4<f32>(0.0);
    var label = 0u;
    var met = vec3<f32>(0.0);
    // Four lines of sight through a pixel: a label one voxel thick, seen from its edge, lies between one
    // line and that of the next pixel where pixels are larger than voxels.
    let right = scene.right.xyz;
    let down = scene.down.xyz;
    for (var n = 0.0; n < ray.count * 4.0; n += 1.0) {
        let line = u32(n) & 3u;
        let aside = right * (f32(line & 1u) * 0.5 - 0.25) + down * (f32(line >> 1u) * 0.5 - 0.25);
        met = vec3<f32>(nearest_cell(ray.start + ray.step * floor(n * 0.25) + aside, pixel));
        label = label_at(met, pixel.first, pixel.last);
        colour = colour_of(label);
        if colour.a > 0.0 {
            break;
        }
    }
    // The surface faces away from where most of the label lies.
    var inwards = vec3<f32>(0.0);
    for (var n = 0; n < 27; n++) {
        let aside = vec3<f32>(vec3<i32>(n % 3, n / 3 % 3, n / 9) - 1);
        if label_at(met + aside * 2.0, pixel.first, pixel.last) == label {
            inwards += aside;
        }
    }
    // Voxel axes may be oblique and of any length; along the picture's own axes the direction is true.
    let seen = -vec3<f32>(dot(inwards, scene.right.xyz), dot(inwards, scene.down.xyz), dot(inwards, scene.away.xyz));
    let facing = dot(seen, LIGHT) / max(length(seen), 1e-9);
    let shade = 0.4 + 0.6 * max(facing, 0.0);
    let opacity = colour.a * SURFACE_OPACITY;
    return vec4<f32>(colour.rgb * shade * opacity, opacity);
}
