// One slice in grey or colour. Its Rust side, with its twin, is src/render/slice.rs.

@fragment
fn slice_at(pixel: Pixel) -> @location(0) vec4<f32> {
    var distance: vec3<f32>;
    if SMOOTH {
        distance = distance_at(pixel.place, pixel.first, pixel.last, pixel.reference);
    } else {
        distance = distance_in(cell_of(pixel.place), pixel.reference);
    }
    let seen = brightness(distance, pixel.gain_and_bias);
    let inside = is_inside(pixel.place, pixel.first, pixel.last);
    return vec4<f32>(select(vec3<f32>(0.0), seen, inside), 1.0);
}
