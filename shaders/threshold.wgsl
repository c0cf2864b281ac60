// The voxels of a slice that a range of values would give to a label. Its Rust side, with its twin, is
// src/render/threshold.rs.

// Numbers that rise with the samples; what is not a number lies beyond every range.
fn key_of(cell: vec3<i32>) -> i32 {
    let bits = textureLoad(voxels, cell, 0).r;
    if CODING == 2u {
        return select(bitcast<i32>(bits), -1 - bitcast<i32>(bits & 0x7fffffffu), (bits >> 31u) == 1u);
    }
    return bitcast<i32>(bits << SIGN_SHIFT) >> SIGN_SHIFT;
}

@fragment
fn threshold_at(pixel: Pixel) -> @location(0) vec4<f32> {
    let key = key_of(cell_of(pixel.place));
    let within = key >= scene.least && key <= scene.most && is_inside(pixel.place, pixel.first, pixel.last);
    let label = label_at(pixel.place, pixel.first, pixel.last);
    // Here the table tells which labels may be taken, in the colour that they would get.
    let colour = textureLoad(colours, vec2<u32>(label & 255u, label >> 8u), 0);
    let opacity = select(0.0, colour.a, within);
    return vec4<f32>(colour.rgb * opacity, opacity);
}
