// From the stored bits of voxels to brightness. Its Rust side is src/render/voxels.rs.
//
// Texels are the file's own bits, so nothing is lost on the way here, and no filter hardware, whose
// weights are coarse, stands between them and the window.

// 0: whole numbers of up to 16 bits; 1: of 32 bits; 2: floats; 3: colours.
override CODING: u32 = 0u;
// How far a whole number is shifted up and down again to carry its sign.
override SIGN_SHIFT: u32 = 0u;
// Whether values between voxel centres are interpolated.
override SMOOTH: bool = true;
// The voxel axis along which every place of the picture lies on one whole number; 3 for none.
override FLAT_AXIS: u32 = 3u;

// How far a voxel is from the reference, a number near the window's middle: exact where it matters,
// however large the numbers are. Of a colour, its parts.
fn distance_in(cell: vec3<i32>, reference: i32) -> vec3<f32> {
    let bits = textureLoad(voxels, cell, 0).r;
    if CODING == 3u {
        return unpack4x8unorm(bits).rgb;
    }
    if CODING == 2u {
        // Asked of the bits, since shader compilers may take for granted that no float is NaN.
        let not_a_number = (bits & 0x7fffffffu) > 0x7f800000u;
        let exact = bitcast<f32>(bits) - bitcast<f32>(reference);
        return vec3<f32>(select(clamp(exact, -scene.endless, scene.endless), scene.lowest, not_a_number));
    }
    let whole = bitcast<i32>(bits << SIGN_SHIFT) >> SIGN_SHIFT;
    let apart = whole - reference;
    if CODING == 1u {
        // Where the difference does not fit 32 bits the place is so far from the window that f32 will do.
        let wrapped = ((whole ^ reference) & (whole ^ apart)) < 0;
        return vec3<f32>(select(f32(apart), f32(whole) - f32(reference), wrapped));
    }
    return vec3<f32>(f32(apart));
}

// The same at a place between voxels; at the border the outermost voxel's.
fn distance_at(place: vec3<f32>, first: vec3<f32>, last: vec3<f32>, reference: i32) -> vec3<f32> {
    let within = clamp(place, first, last);
    let low = floor(within);
    let part = within - low;
    let a = vec3<i32>(low);
    let b = min(a + 1, vec3<i32>(last));
    // The four voxels around a place on a slice, or on the nearer of two slices.
    var u = vec3<i32>(b.x, a.y, a.z);
    var v = vec3<i32>(a.x, b.y, a.z);
    var uv = vec3<i32>(b.x, b.y, a.z);
    var share = part.xy;
    if FLAT_AXIS == 0u {
        u = vec3<i32>(a.x, b.y, a.z);
        v = vec3<i32>(a.x, a.y, b.z);
        uv = vec3<i32>(a.x, b.y, b.z);
        share = part.yz;
    }
    if FLAT_AXIS == 1u {
        v = vec3<i32>(a.x, a.y, b.z);
        uv = vec3<i32>(b.x, a.y, b.z);
        share = part.xz;
    }
    let near = mix(
        mix(distance_in(a, reference), distance_in(u, reference), share.x),
        mix(distance_in(v, reference), distance_in(uv, reference), share.x),
        share.y
    );
    if FLAT_AXIS != 3u {
        return near;
    }
    let depth = vec3<i32>(0, 0, b.z - a.z);
    let far = mix(
        mix(distance_in(a + depth, reference), distance_in(u + depth, reference), share.x),
        mix(distance_in(v + depth, reference), distance_in(uv + depth, reference), share.x),
        share.y
    );
    return mix(near, far, part.z);
}

// From black to white.
fn brightness(distance: vec3<f32>, gain_and_bias: vec2<f32>) -> vec3<f32> {
    return clamp(distance * gain_and_bias.x + gain_and_bias.y, vec3<f32>(0.0), vec3<f32>(1.0));
}
