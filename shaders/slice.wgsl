// One slice in grey or colour. Its Rust side, with its twin, is src/render/slice.rs.

@fragment
fn slice_at(@builtin(position) pixel: vec4<f32>) -> @location(0) vec4<f32> {
    let place = place_of(pixel.xy);
    let seen = select(vec3<f32>(0.0), shown_at(place), holds(cell_of(place)));
    return vec4<f32>(seen, 1.0);
}
