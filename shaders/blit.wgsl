// A finished picture onto the window. Its Rust side is src/render/blit.rs.

struct Blit {
    // The window's pixel on which the picture's first one lies, and window pixels per picture pixel.
    corner: vec2<f32>,
    magnification: vec2<f32>,
}

@group(0) @binding(0) var<uniform> blit: Blit;
@group(0) @binding(1) var picture: texture_2d<f32>;
@group(0) @binding(2) var between: sampler;

// Whether the target turns linear light into sRGB by itself.
override LINEAR_TARGET: bool = false;

@vertex
fn whole_viewport(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    let corner = vec2<f32>(f32((index << 1u) & 2u), f32(index & 2u));
    return vec4<f32>(corner * 2.0 - 1.0, 0.0, 1.0);
}

@fragment
fn blit_at(@builtin(position) pixel: vec4<f32>) -> @location(0) vec4<f32> {
    let place = (pixel.xy - blit.corner) / blit.magnification;
    let size = vec2<f32>(textureDimensions(picture));
    let colour = textureSampleLevel(picture, between, place / size, 0.0);
    let inside = all(place >= vec2<f32>(0.0)) && all(place < size);
    var shown = select(vec3<f32>(0.0), colour.rgb, inside);
    if LINEAR_TARGET {
        // IEC 61966-2-1.
        shown = select(pow((shown + 0.055) / 1.055, vec3<f32>(2.4)), shown / 12.92, shown <= vec3<f32>(0.04045));
    }
    return vec4<f32>(shown, 1.0);
}
