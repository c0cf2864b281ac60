// The labels of one layer over a slice. Its Rust side, with its twin, is src/render/overlay.rs.

const TURN: f32 = 0.70710678;

@fragment
fn overlay_at(@builtin(position) pixel: vec4<f32>) -> @location(0) vec4<f32> {
    // First the pixel's own label, then, should there be one, those around it, an eighth of a turn
    // apart, until one differs. All looks share one loop because software rasterisers skip the rest
    // of a loop, but never a branch.
    var label = 0u;
    var on_border = false;
    var aside = vec2<f32>(scene.outline, 0.0);
    for (var look = 0u; look < scene.looks; look++) {
        let beside = select(aside, vec2<f32>(0.0), look == 0u);
        let here = label_in(cell_of(place_of(pixel.xy + beside)));
        if look == 0u {
            label = here;
        }
        on_border = here != label;
        if on_border || label == 0u {
            break;
        }
        aside = select(vec2<f32>(aside.x - aside.y, aside.x + aside.y) * TURN, aside, look == 0u);
    }
    let colour = colour_of(label);
    let opacity = colour.a * select(scene.fill, 1.0, on_border);
    return vec4<f32>(colour.rgb * opacity, opacity);
}
