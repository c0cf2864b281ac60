//! Values and labels at the pixels where they belong, by both.

use super::*;

#[test]
fn a_window_maps_values_exactly() {
    // One row of voxels 0 to 15 with a window from 3 to 11, looked at voxel by voxel.
    let grid = straight([16, 1, 1], [1.0, 1.0, 1.0]);
    let samples = Samples::I16(Buffer::from_slice(&(0..16).collect::<Vec<i16>>()).expect("memory"));
    let case = Case::new(Arc::new(Volume::new(grid.clone(), 1, samples, Rescale::NONE).expect("a volume")));
    let pane = Pane { plane: AnatomicalPlane::Axial, centre: grid.middle(), pixels_per_mm: 4.0 };
    let view = pane.view(SliceSource::Acquisition, &grid, grid.middle(), [64.0, 4.0]);
    let mut display = Display::with_window(Window::between(3.0, 11.0));
    display.interpolation = Interpolation::Nearest;
    let wanted = Picture::slice(view, display);
    let mut images = vec![draw_on_cpu(&case, &wanted, [64, 4])];
    images.extend(gpu().map(|gpu| picture(&case, &wanted, [64, 4], Some(gpu)).expect("drawn")));
    for image in images {
        for value in 0..16u32 {
            let expected = ((f64::from(value) - 3.0) / 8.0).clamp(0.0, 1.0) * 255.0;
            let shown = f64::from(image.pixel(value * 4 + 1, 2)[0]);
            // Which way a half goes is the adapter's own: on some it is down.
            assert!((shown - expected).abs() <= 0.5, "value {value}: {shown} for {expected}");
        }
    }
}

#[test]
fn beyond_the_grid_all_is_black() {
    let grid = straight([10, 10, 10], [1.0, 1.0, 1.0]);
    let mut case_volume = ct(grid.clone());
    case_volume.shown_inverted = true;
    let case = Case::new(Arc::new(case_volume));
    let pane = Pane { plane: AnatomicalPlane::Axial, centre: grid.middle(), pixels_per_mm: 5.0 };
    let view = pane.view(SliceSource::Acquisition, &grid, grid.middle(), [100.0, 100.0]);
    // The window makes every voxel black, and the inversion white.
    let wanted = Picture::slice(view, Display::with_window(Window::new(1e6, 1.0)));
    let mut images = vec![draw_on_cpu(&case, &wanted, [100, 100])];
    images.extend(gpu().map(|gpu| picture(&case, &wanted, [100, 100], Some(gpu)).expect("drawn")));
    for image in images {
        let white = (0..100).flat_map(|y| (0..100).map(move |x| (x, y)));
        for (x, y) in white {
            // Ten voxels of 5 pixels around the middle: 25 to 75.
            let inside = (25..75).contains(&x) && (25..75).contains(&y);
            let expected = if inside { [255; 4] } else { [0, 0, 0, 255] };
            assert_eq!(image.pixel(x, y), expected, "pixel {x}, {y}");
        }
    }
}

#[test]
fn a_label_lies_where_the_view_says_in_every_axis_order() {
    let units = [[2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 4.0]];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for (number, order) in orders.into_iter().enumerate() {
        for signs in 0..8 {
            let axes: [[f64; 3]; 3] = std::array::from_fn(|axis| {
                let sign = if signs >> axis & 1 == 1 { -1.0 } else { 1.0 };
                units[order[axis]].map(|x| x * sign)
            });
            let grid = Grid::new([7, 9, 6], affine(axes), None).expect("a grid");
            let painted_at = VoxelIndex::new(1, 7, 4);
            let mut case = Case::new(Arc::new(ct(grid.clone())));
            painted(&mut case, 1, &[painted_at]);
            let point = grid.centre_of(painted_at);
            for source in [SliceSource::Acquisition, SliceSource::Patient] {
                for plane in AnatomicalPlane::ALL {
                    let pane = Pane::fitted(plane, source, &grid, SIZE);
                    let view = pane.view(source, &grid, point, SIZE);
                    let mut display = Display::with_window(Window::new(0.0, 100.0));
                    display.overlay.fill = 1.0;
                    let wanted = Picture::slice(view, display);
                    let mut images = vec![draw_on_cpu(&case, &wanted, PIXELS)];
                    if (number * 8 + signs) % 11 == 0 {
                        images.extend(
                            gpu().map(|gpu| picture(&case, &wanted, PIXELS, Some(gpu)).expect("drawn")),
                        );
                    }
                    let place = view.screen_from_patient() * point;
                    let (x, y) = (place.x().floor() as u32, place.y().floor() as u32);
                    for image in images {
                        let Colour([r, g, b]) = Colour::for_label(1);
                        assert_eq!(image.pixel(x, y), [r, g, b, 255], "{axes:?} {plane:?} {source:?}");
                        // And nowhere else than in this voxel's cell.
                        for y in 0..PIXELS[1] {
                            for x in 0..PIXELS[0] {
                                let there = view.patient_at(f64::from(x) + 0.5, f64::from(y) + 0.5);
                                let off =
                                    (grid.voxel_from_patient() * there).raw() - painted_at.centre().raw();
                                if off.abs().max_element() > 0.51 {
                                    let [r, g, b, _] = image.pixel(x, y);
                                    assert!(
                                        r == g && g == b,
                                        "{axes:?} {plane:?} {source:?}: pixel {x}, {y}"
                                    );
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_picture_survives_its_png() {
    let grid = straight([20, 20, 20], [1.0, 1.0, 1.0]);
    let case = Case::new(Arc::new(ct(grid.clone())));
    let wanted = Picture::slice(
        view(&grid, AnatomicalPlane::Sagittal, SliceSource::Patient),
        Display::with_window(Window::new(40.0, 400.0)),
    );
    let image = draw_on_cpu(&case, &wanted, PIXELS);
    let mut file = Vec::new();
    image.write_png(&mut file).expect("written");
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("fits")];
    let info = reader.next_frame(&mut pixels).expect("a frame");
    assert_eq!(([info.width, info.height], &pixels[..]), (image.size(), image.rgba()));
}
