// The labels of one layer over a slice. Its Rust side, with its twin, is src/render/overlay.rs.

const TURN: f32 = 0.70710678;

@fragment
fn overlay_at(pixel: Pixel) -> @location(0) vec4<f32> {
    // First the pixel's own label, then, should there be one, those around it, an eighth of a turn
    // apart, until one differs. All looks share one loop, left at its end, because software
    // rasterisers skip the rest of a loop, but never a branch.
    let right = scene.right.xyz;
    let down = scene.down.xyz;
    let looks = scene.looks;
    var label = 0u;
    var on_border = false;
    var beside = vec2<f32>(0.0);
    var next = vec2<f32>(scene.outline, 0.0);
    var look = 0u;
    loop {
        let here = label_at(pixel.place + beside.x * right + beside.y * down, pixel.first, pixel.last);
        label = select(label, here, look == 0u);
        on_border = here != label;
        look += 1u;
        beside = next;
        next = vec2<f32>(next.x - next.y, next.x + next.y) * TURN;
        continuing {
            break if on_border || label == 0u || look == looks;
        }
    }
    let colour = colour_of(label);
    let opacity = colour.a * select(scene.fill, 1.0, on_border);
    return vec4<f32>(colour.rgb * opacity, opacity);
}
