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

// Brightness before it is cut to 0…1 (of a colour, its parts), by which places between voxels are
// interpolated.
fn tone(cell: vec3<i32>) -> vec3<f32> {
    let bits = textureLoad(voxels, cell, 0).r;
    if CODING == 3u {
        return unpack4x8unorm(bits).rgb;
    }
    if CODING == 2u {
        // Asked of the bits, since shader compilers may take for granted that no float is NaN.
        let not_a_number = (bits & 0x7fffffffu) > 0x7f800000u;
        let exact = (bitcast<f32>(bits) - scene.reference_float) * scene.gain + scene.bias;
        return vec3<f32>(select(clamp(exact, -1e6, 1e6), -1e6, not_a_number));
    }
    let whole = bitcast<i32>(bits << SIGN_SHIFT) >> SIGN_SHIFT;
    let apart = whole - scene.reference_whole;
    var distance = f32(apart);
    if CODING == 1u {
        // Where the difference does not fit 32 bits the place is so far from the window that f32 will do.
        let wrapped = ((whole ^ scene.reference_whole) & (whole ^ apart)) < 0;
        distance = select(distance, f32(whole) - f32(scene.reference_whole), wrapped);
    }
    return vec3<f32>(distance * scene.gain + scene.bias);
}

fn tone_between(place: vec3<f32>) -> vec3<f32> {
    let within = clamp(place, vec3<f32>(scene.first.xyz), vec3<f32>(scene.last.xyz));
    let low = floor(within);
    let part = within - low;
    let a = vec3<i32>(low);
    let b = min(a + 1, scene.last.xyz);
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
    let near = mix(mix(tone(a), tone(u), share.x), mix(tone(v), tone(uv), share.x), share.y);
    if FLAT_AXIS != 3u {
        return near;
    }
    let far_a = vec3<i32>(a.xy, b.z);
    let far_u = vec3<i32>(u.xy, b.z);
    let far_v = vec3<i32>(v.xy, b.z);
    let far = mix(mix(tone(far_a), tone(far_u), share.x), mix(tone(far_v), tone(b), share.x), share.y);
    return mix(near, far, part.z);
}

// What is seen at a place inside the grid, from black to white.
fn shown_at(place: vec3<f32>) -> vec3<f32> {
    var seen: vec3<f32>;
    if SMOOTH {
        seen = tone_between(place);
    } else {
        seen = tone(cell_of(place));
    }
    return as_shown(seen);
}

fn as_shown(tone: vec3<f32>) -> vec3<f32> {
    let cut = clamp(tone, vec3<f32>(0.0), vec3<f32>(1.0));
    return select(cut, 1.0 - cut, scene.inverted != 0u);
}
