//! What the device draws is what its twin on the CPU draws, and both put things where they are.
//!
//! Pictures are compared by numbers. A part of a pixel may differ by 2 of 255: one for rounding to 8
//! bits, once for the slice and once more where a label is blended over it. Some pixels may differ by
//! more: where a border between cells runs through the middle of a pixel, f32 and f64 may fall to
//! different sides. Tests state how many.

use std::sync::{Arc, OnceLock};

use annotomy::annotation::{Colour, Label};
use annotomy::case::{Case, Edit, MaskWriter, PaintOver, WriteRule};
use annotomy::geometry::{Affine, AnatomicalPlane, Grid, Patient, Point, Vector, Voxel, VoxelIndex};
use annotomy::render::{
    Gpu, Image, Pace, Picture, Progress, Quality, Renderer, Subject, Threshold, draw_on_cpu, picture,
};
use annotomy::view::{Display, Interpolation, Orbit, Pane, SliceSource, View};
use annotomy::volume::{Buffer, LabelMap, Rescale, Samples, Volume, Window};

fn gpu() -> Option<&'static Gpu> {
    static GPU: OnceLock<Option<Gpu>> = OnceLock::new();
    let gpu = GPU.get_or_init(|| match Gpu::headless() {
        Ok(gpu) => Some(gpu),
        Err(error) => {
            assert!(std::env::var_os("ANNOTOMY_REQUIRE_GPU").is_none(), "{error}");
            None
        }
    });
    if gpu.is_none() {
        println!("skipped: no adapter");
    }
    gpu.as_ref()
}

/// How many thousandths of all pixels differ by more than 2, and the greatest difference.
fn difference(a: &Image, b: &Image) -> (f64, u8) {
    assert_eq!(a.size(), b.size());
    let mut worst = 0;
    let mut different = 0;
    for (a, b) in a.rgba().chunks_exact(4).zip(b.rgba().chunks_exact(4)) {
        let apart = a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
        worst = worst.max(apart);
        different += usize::from(apart > 2);
    }
    (different as f64 * 1000.0 / (a.rgba().len() / 4) as f64, worst)
}

fn check(name: &str, case: &Case, wanted: &Picture, size: [u32; 2], thousandths: f64) {
    let Some(gpu) = gpu() else { return };
    let by_gpu = picture(case, wanted, size, Some(gpu)).expect("drawn");
    let by_cpu = draw_on_cpu(case, wanted, size);
    let (different, worst) = difference(&by_gpu, &by_cpu);
    assert!(different <= thousandths, "{name}: {different} ‰ of the pixels differ, by up to {worst}");
    assert_eq!(gpu.take_error(), None, "{name}");
}

/// Numbers that look like noise but are the same every time.
fn noise(seed: usize) -> u32 {
    let mut x = (seed as u32).wrapping_mul(0x9e37_79b9) ^ 0x85eb_ca6b;
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ x >> 16
}

fn buffer<T: bytemuck::Pod>(count: usize, sample: impl Fn(u32) -> T) -> Buffer<T> {
    let samples: Vec<T> = (0..count).map(|place| sample(noise(place))).collect();
    Buffer::from_slice(&samples).expect("memory")
}

fn affine(axes: [[f64; 3]; 3]) -> Affine<Patient, Voxel> {
    let [x, y, z] = axes.map(Vector::from);
    Affine::from_axes(x, y, z, Point::new(-31.7, 12.3, 55.1)).expect("invertible")
}

/// Oblique, sheared and anisotropic.
fn crooked(dims: [usize; 3]) -> Grid {
    Grid::new(dims, affine([[0.71, 0.12, -0.05], [-0.2, 0.93, 0.11], [0.1, -0.3, 2.37]]), None)
        .expect("a grid")
}

fn straight(dims: [usize; 3], spacing: [f64; 3]) -> Grid {
    let [x, y, z] = spacing;
    Grid::new(dims, affine([[x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, z]]), None).expect("a grid")
}

const SIZE: [f64; 2] = [173.0, 131.0];
const PIXELS: [u32; 2] = [173, 131];

fn view(grid: &Grid, plane: AnatomicalPlane, source: SliceSource) -> View {
    // Away from the middle, where ties between cells would be common.
    let focus = grid.patient_from_voxel()
        * Point::new(
            grid.dims()[0] as f64 * 0.413,
            grid.dims()[1] as f64 * 0.377,
            grid.dims()[2] as f64 * 0.581,
        );
    let mut pane = Pane::fitted(plane, source, grid, SIZE);
    pane.centre = focus;
    pane.pixels_per_mm *= 1.0371;
    pane.view(source, grid, focus, SIZE)
}

fn every_view(grid: &Grid) -> Vec<(String, View)> {
    let mut views = Vec::new();
    for source in [SliceSource::Acquisition, SliceSource::Patient] {
        for plane in AnatomicalPlane::ALL {
            views.push((format!("{} {source:?}", plane.name()), view(grid, plane, source)));
        }
    }
    views
}

#[test]
fn every_sample_type_looks_the_same_by_both() {
    let dims = [23, 19, 11];
    let count = dims.iter().product();
    let float = |n: u32| match n % 50 {
        0 => f32::NAN,
        1 => f32::INFINITY,
        2 => f32::NEG_INFINITY,
        3 => f32::MAX,
        _ => (n % 1000) as f32 * 0.001,
    };
    let cases: [(&str, Samples, Rescale, Window); 15] = [
        ("i8", Samples::I8(buffer(count, |n| n as i8)), Rescale::NONE, Window::new(0.0, 256.0)),
        ("u8", Samples::U8(buffer(count, |n| n as u8)), Rescale::NONE, Window::new(100.0, 90.0)),
        (
            "i16, all of it",
            Samples::I16(buffer(count, |n| n as i16)),
            Rescale::NONE,
            Window::new(0.0, 65_536.0),
        ),
        (
            "i16, one unit",
            Samples::I16(buffer(count, |n| (n % 5) as i16 + i16::MIN)),
            Rescale::NONE,
            Window::new(-32_766.0, 1.0),
        ),
        (
            "i16, rescaled down",
            Samples::I16(buffer(count, |n| (n % 4000) as i16)),
            Rescale { slope: -0.37, intercept: 812.5 },
            Window::new(40.0, 400.0),
        ),
        ("u16", Samples::U16(buffer(count, |n| n as u16)), Rescale::NONE, Window::new(60_000.0, 3000.0)),
        ("i32, all of it", Samples::I32(buffer(count, |n| n as i32)), Rescale::NONE, Window::new(1e8, 4e9)),
        (
            "i32, far out",
            Samples::I32(buffer(count, |n| (n % 900) as i32 + 2_147_480_000)),
            Rescale::NONE,
            Window::new(2_147_480_500.0, 400.0),
        ),
        (
            "u32",
            Samples::U32(buffer(count, |n| n % 900 + 4_294_960_000)),
            Rescale::NONE,
            Window::new(4_294_960_450.0, 300.0),
        ),
        (
            "i64",
            Samples::I64(buffer(count, |n| i64::from(n % 900) + (1 << 40))),
            Rescale::NONE,
            Window::new((1u64 << 40) as f64 + 450.0, 500.0),
        ),
        (
            "f32",
            Samples::F32(buffer(count, |n| (n % 1000) as f32 * 0.001)),
            Rescale::NONE,
            Window::new(0.5, 0.7),
        ),
        ("f32, with no numbers", Samples::F32(buffer(count, float)), Rescale::NONE, Window::new(0.5, 0.7)),
        (
            "f64",
            Samples::F64(buffer(count, |n| f64::from(n % 1000) * 1e-3 + 1e6)),
            Rescale::NONE,
            Window::new(1e6 + 0.4, 0.5),
        ),
        (
            "rgb",
            Samples::Rgb8(buffer(count, |n| [n as u8, (n >> 8) as u8, (n >> 16) as u8])),
            Rescale::NONE,
            Window::new(0.5, 1.0),
        ),
        ("rgba", Samples::Rgba8(buffer(count, |n| n.to_le_bytes())), Rescale::NONE, Window::new(0.5, 1.0)),
    ];
    for (name, samples, rescale, window) in cases {
        let grid = crooked(dims);
        let mut volume = Volume::new(grid.clone(), 1, samples, rescale).expect("a volume");
        volume.shown_inverted = name == "u16";
        let case = Case::new(Arc::new(volume));
        for interpolation in [Interpolation::Smooth, Interpolation::Nearest] {
            for inverted in [false, true] {
                let display = Display { interpolation, inverted, ..Display::with_window(window) };
                for (place, view) in every_view(&grid) {
                    let what = format!("{name}, {place}, {interpolation:?}");
                    check(&what, &case, &Picture::slice(view, display), PIXELS, 1.0);
                }
            }
        }
    }
}

fn ct(grid: Grid) -> Volume {
    let count = grid.voxel_count();
    let samples = Samples::I16(buffer(count, |n| (n % 3000) as i16 - 1000));
    Volume::new(grid, 1, samples, Rescale::NONE).expect("a volume")
}

/// Balls of different labels that touch each other and the border of the grid.
fn balls(dims: [usize; 3], labels: &[u16]) -> LabelMap {
    LabelMap::from_labels(dims, |offset| {
        let [ni, nj, _] = dims;
        let place = [offset % ni, offset / ni % nj, offset / ni / nj].map(|n| n as f64);
        let ball = |n: usize| {
            let centre = [0, 1, 2].map(|axis| dims[axis] as f64 * [0.1, 0.45, 0.8][(n + axis * n) % 3]);
            let square: f64 = (0..3).map(|axis| (place[axis] - centre[axis]).powi(2)).sum();
            square < (dims[0] as f64 * 0.22).powi(2)
        };
        (0..labels.len()).find(|n| ball(*n)).map_or(0, |n| labels[n])
    })
}

fn labelled(grid: Grid, labels: &[u16]) -> Case {
    let map = balls(grid.dims(), labels);
    assert!(map.counts().len() == labels.len(), "every label is seen");
    let mut case =
        Case::with_marks(Arc::new(ct(grid)), vec![map], Default::default(), Vec::new()).expect("a case");
    for (place, index) in labels.iter().enumerate() {
        let colour = Colour([60 * place as u8 + 40, 255 - 50 * place as u8, 90]);
        let edit = Edit::set_label(&case, *index, Some(Label::new(format!("{index}"), colour)));
        case.apply(&edit.expect("a change")).expect("applies");
    }
    case
}

#[test]
fn labels_look_the_same_by_both() {
    let window = Window::new(40.0, 400.0);
    for (name, grid) in
        [("crooked", crooked([70, 40, 34])), ("straight", straight([45, 60, 20], [0.9, 0.7, 2.5]))]
    {
        for labels in [&[1, 2, 3][..], &[255, 256, 65_535]] {
            let mut case = labelled(grid.clone(), labels);
            for (outline, fill, highlight, hidden) in
                [(2.0, 0.35, None, false), (0.0, 1.0, None, false), (5.5, 0.0, Some(labels[1]), true)]
            {
                case.set_label_visible(labels[0], !hidden);
                let mut display = Display::with_window(window);
                display.overlay.outline = outline;
                display.overlay.fill = fill;
                for (place, view) in every_view(&grid) {
                    let wanted = Picture { highlight, ..Picture::slice(view, display) };
                    let what = format!("{name}, {labels:?}, outline {outline}, {place}");
                    // Noise of 3000 units under a window of 400 makes some pixels of the slice differ by 1
                    // and the blend rounds once more; labels have many borders.
                    check(&what, &case, &wanted, PIXELS, 2.0);
                }
            }
        }
    }
}

#[test]
fn thresholds_look_the_same_by_both() {
    let dims = [23, 19, 11];
    let count = dims.iter().product();
    let float = |n: u32| match n % 9 {
        0 => f32::NAN,
        1 => f32::INFINITY,
        2 => -0.0,
        3 => 0.0,
        _ => (n % 1000) as f32 * 0.001 - 0.5,
    };
    let plain = Rescale::NONE;
    let falling = Rescale { slope: -0.37, intercept: 812.5 };
    let cases: [(&str, Samples, Rescale, [f64; 2]); 10] = [
        ("i8", Samples::I8(buffer(count, |n| n as i8)), plain, [-3.0, 40.0]),
        ("u8", Samples::U8(buffer(count, |n| n as u8)), plain, [100.0, 255.0]),
        ("i16", Samples::I16(buffer(count, |n| n as i16)), plain, [-9000.0, 12.5]),
        ("i16, falling", Samples::I16(buffer(count, |n| (n % 4000) as i16)), falling, [40.0, 400.0]),
        ("u16", Samples::U16(buffer(count, |n| n as u16)), plain, [30_000.0, 70_000.0]),
        ("i32", Samples::I32(buffer(count, |n| n as i32)), plain, [-1e8, 1e9]),
        ("u32", Samples::U32(buffer(count, |n| n)), plain, [1e9, 3e9]),
        ("f32", Samples::F32(buffer(count, float)), plain, [0.0, 0.25]),
        ("f32, below nothing", Samples::F32(buffer(count, float)), plain, [f64::NEG_INFINITY, 0.0]),
        ("none", Samples::U8(buffer(count, |n| n as u8)), plain, [300.0, 400.0]),
    ];
    for (name, samples, rescale, range) in cases {
        let grid = crooked(dims);
        let volume = Arc::new(Volume::new(grid.clone(), 1, samples, rescale).expect("a volume"));
        assert!(Threshold::is_exact_on_device(&volume));
        for labels in [&[][..], &[1, 2, 300]] {
            let mut case = Case::new(volume.clone());
            if !labels.is_empty() {
                let layers = vec![balls(dims, labels)];
                case =
                    Case::with_marks(volume.clone(), layers, Default::default(), Vec::new()).expect("a case");
            }
            for (label, locked) in [(1, false), (2, true)] {
                let after = Label { locked, ..Label::numbered(label) };
                let edit = Edit::set_label(&case, label, Some(after)).expect("a change");
                case.apply(&edit).expect("applies");
            }
            for over in [PaintOver::All, PaintOver::Only(0)] {
                let rule = WriteRule { over, ..WriteRule::paint(1) };
                let threshold = Some(Threshold { layer: 0, rule, range });
                // Between voxels of such noise f32 and f64 differ in grey already.
                let interpolation = Interpolation::Nearest;
                let display = Display { interpolation, ..Display::with_window(Window::new(0.0, 100.0)) };
                for (place, view) in every_view(&grid) {
                    let wanted = Picture { threshold: threshold.clone(), ..Picture::slice(view, display) };
                    check(&format!("{name}, {labels:?}, {over:?}, {place}"), &case, &wanted, PIXELS, 1.0);
                }
            }
        }
    }
}

#[test]
fn projections_look_the_same_by_both() {
    let grid = crooked([40, 50, 20]);
    let wave = |place: usize| {
        let (i, j, k) = (place % 40, place / 40 % 50, place / 2000);
        1000.0 * ((i as f64 * 0.3).sin() + (j as f64 * 0.21).cos() + (k as f64 * 0.4).sin())
    };
    let samples: Vec<i16> = (0..grid.voxel_count()).map(|place| wave(place) as i16).collect();
    let samples = Samples::I16(Buffer::from_slice(&samples).expect("memory"));
    let volume = Volume::new(grid.clone(), 1, samples, Rescale::NONE).expect("a volume");
    let layers = vec![balls(grid.dims(), &[1, 2, 3])];
    let case = Case::with_marks(Arc::new(volume), layers, Default::default(), Vec::new()).expect("a case");
    for (yaw, pitch) in [(0.0, 0.0), (0.83, 0.41), (4.0, -1.1)] {
        for quality in [Quality::Fine, Quality::Coarse] {
            let orbit = Orbit { yaw, pitch, ..Orbit::fitted(&grid, SIZE) };
            let display = Display::with_window(Window::new(1500.0, 3000.0));
            let subject = Subject::Projection { orbit, size: SIZE, quality };
            let wanted = Picture { subject, display, highlight: None, threshold: None };
            let Some(gpu) = gpu() else { return };
            let by_gpu = picture(&case, &wanted, PIXELS, Some(gpu)).expect("drawn");
            let by_cpu = draw_on_cpu(&case, &wanted, by_gpu.size());
            let (different, worst) = difference(&by_gpu, &by_cpu);
            // A step of the march that falls on a border may take another voxel, and another label or
            // shade with it.
            assert!(different < 20.0, "yaw {yaw}: {different} ‰ differ, by up to {worst}");
        }
    }
}

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
            assert_eq!(f64::from(image.pixel(value * 4 + 1, 2)[0]), expected.round(), "value {value}");
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

fn painted(case: &mut Case, label: u16, voxels: &[VoxelIndex]) {
    let mut writer = MaskWriter::new(case, 0, WriteRule::paint(label)).expect("a layer");
    for voxel in voxels {
        writer.write_run(voxel.i..voxel.i + 1, voxel.j, voxel.k);
    }
    let edit = writer.finish().expect("a change");
    case.apply(&edit).expect("applies");
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
fn the_renderer_follows_every_change() {
    let Some(gpu) = gpu() else { return };
    let grid = straight([70, 66, 40], [1.0, 1.0, 2.0]);
    let mut case = Case::new(Arc::new(ct(grid.clone())));
    let mut renderer = Renderer::new(gpu.clone(), wgpu::TextureFormat::Bgra8Unorm);
    let at = VoxelIndex::new(31, 33, 20);
    let pane = Pane::fitted(AnatomicalPlane::Axial, SliceSource::Acquisition, &grid, SIZE);
    let view = pane.view(SliceSource::Acquisition, &grid, grid.centre_of(at), SIZE);
    let wanted = Picture::slice(view, Display::with_window(Window::new(40.0, 400.0)));
    let mut agree = |case: &Case, what: &str| {
        assert_eq!(renderer.sync(case, 0, Pace::Whole), Progress::Complete);
        renderer.prepare_pane(7, &wanted, PIXELS);
        let (different, worst) =
            difference(&renderer.read_pane(7).expect("read"), &draw_on_cpu(case, &wanted, PIXELS));
        assert!(different <= 2.0, "{what}: {different} ‰ differ, by up to {worst}");
    };
    let square = |from: usize, to: usize| -> Vec<VoxelIndex> {
        (from..to).flat_map(|j| (from..to).map(move |i| VoxelIndex::new(i, j, 20))).collect()
    };
    agree(&case, "nothing painted");
    let before = case.clone();
    painted(&mut case, 1, &square(10, 50));
    agree(&case, "painted over brick borders");
    painted(&mut case, 2, &square(20, 40));
    agree(&case, "painted over");
    painted(&mut case, 300, &square(30, 60));
    agree(&case, "a label that needs 16 bits");
    case.set_label_visible(300, false);
    let label = Label { visible: false, ..Label::new("hidden", Colour([1, 2, 3])) };
    let edit = Edit::set_label(&case, 300, Some(label)).expect("a change");
    case.apply(&edit).expect("applies");
    agree(&case, "hidden");
    painted(&mut case, 0, &square(0, 66));
    agree(&case, "erased");
    // Another case over the same volume, whose label map counts its own revisions.
    let mut other = before;
    painted(&mut other, 5, &square(5, 25));
    agree(&other, "another case of the same volume");
    let case = Case::new(Arc::new(ct(grid.clone())));
    agree(&case, "another volume");
}

#[test]
fn every_point_in_time_is_its_own_picture() {
    let Some(gpu) = gpu() else { return };
    let grid = straight([30, 20, 10], [1.0, 1.0, 1.0]);
    let samples = Samples::U8(buffer(3 * grid.voxel_count(), |n| n as u8));
    let volume = Volume::new(grid.clone(), 3, samples, Rescale::NONE).expect("a volume");
    let case = Case::new(Arc::new(volume));
    let mut renderer = Renderer::new(gpu.clone(), wgpu::TextureFormat::Rgba8Unorm);
    let view = view(&grid, AnatomicalPlane::Axial, SliceSource::Acquisition);
    for time in [0, 2, 1, 0] {
        let display = Display { time, ..Display::with_window(Window::new(128.0, 256.0)) };
        let wanted = Picture::slice(view, display);
        renderer.sync(&case, time, Pace::Whole);
        renderer.prepare_pane(1, &wanted, PIXELS);
        let (different, worst) =
            difference(&renderer.read_pane(1).expect("read"), &draw_on_cpu(&case, &wanted, PIXELS));
        assert!(different <= 1.0, "time {time}: {different} ‰ differ, by up to {worst}");
    }
}

#[test]
fn slabs_arrive_around_the_focus_and_the_rest_is_black() {
    let Some(gpu) = gpu() else { return };
    let grid = straight([128, 128, 60], [1.0, 1.0, 1.0]);
    let case = Case::new(Arc::new(ct(grid.clone())));
    let focus = grid.centre_of(VoxelIndex::new(64, 64, 40));
    let mut renderer = Renderer::new(gpu.clone(), wgpu::TextureFormat::Rgba8Unorm);
    let pane = Pane::fitted(AnatomicalPlane::Axial, SliceSource::Acquisition, &grid, SIZE);
    let on_slice = |renderer: &mut Renderer, k: usize| {
        let focus = grid.centre_of(VoxelIndex::new(64, 64, k));
        let view = pane.view(SliceSource::Acquisition, &grid, focus, SIZE);
        let wanted = Picture::slice(view, Display::with_window(Window::new(40.0, 400.0)));
        renderer.prepare_pane(1, &wanted, PIXELS);
        let image = renderer.read_pane(1).expect("read");
        (
            difference(&image, &draw_on_cpu(&case, &wanted, PIXELS)).0 < 1.0,
            image.rgba().iter().any(|part| *part != 0 && *part != 255),
        )
    };
    let pace = Pace::Bytes { budget: 4 * 128 * 128 * 2, focus };
    let Progress::Partly(part) = renderer.sync(&case, 0, pace) else { panic!("not all at once") };
    assert!((part - 4.0 / 60.0).abs() < 1e-9);
    assert_eq!(on_slice(&mut renderer, 40), (true, true), "the focus is there");
    assert_eq!(on_slice(&mut renderer, 3), (false, false), "what has not arrived is black");
    let mut calls = 1;
    while renderer.sync(&case, 0, pace) != Progress::Complete {
        calls += 1;
    }
    assert!((15..=17).contains(&calls), "four slices with each of {calls} calls");
    for k in [0, 3, 40, 59] {
        assert_eq!(on_slice(&mut renderer, k), (true, true), "slice {k}");
    }
}

#[test]
fn a_lost_device_costs_a_fresh_renderer_only() {
    if gpu().is_none() {
        return;
    }
    let gpu = Gpu::headless().expect("a device of its own");
    let grid = straight([20, 20, 20], [1.0, 1.0, 1.0]);
    let case = Case::new(Arc::new(ct(grid.clone())));
    let wanted = Picture::slice(
        view(&grid, AnatomicalPlane::Coronal, SliceSource::Acquisition),
        Display::with_window(Window::new(40.0, 400.0)),
    );
    let mut renderer = Renderer::new(gpu.clone(), wgpu::TextureFormat::Rgba8Unorm);
    renderer.sync(&case, 0, Pace::Whole);
    assert!(!gpu.is_lost());
    gpu.destroy();
    assert!(gpu.is_lost());
    // Whatever is still asked of it fails without a panic.
    renderer.sync(&Case::new(Arc::new(ct(grid.clone()))), 0, Pace::Whole);
    renderer.prepare_pane(1, &wanted, PIXELS);
    assert!(renderer.read_pane(1).is_err());
    check("after the loss", &case, &wanted, PIXELS, 1.0);
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

#[test]
fn a_volume_too_large_for_the_device_is_drawn_by_the_cpu() {
    let Some(gpu) = gpu() else { return };
    let grid = straight([gpu.adapter().max_texture_3d as usize + 1, 3, 2], [0.1, 100.0, 100.0]);
    let mut case = Case::new(Arc::new(ct(grid.clone())));
    let mut renderer = Renderer::new(gpu.clone(), wgpu::TextureFormat::Rgba8Unorm);
    let view = view(&grid, AnatomicalPlane::Axial, SliceSource::Acquisition);
    let wanted = Picture::slice(view, Display::with_window(Window::new(40.0, 400.0)));
    for label in [0, 1] {
        if label > 0 {
            let voxels: Vec<_> = (1700..1800).map(|i| VoxelIndex::new(i, 1, 1)).collect();
            painted(&mut case, label, &voxels);
        }
        assert_eq!(renderer.sync(&case, 0, Pace::Whole), Progress::Complete);
        assert!(renderer.drawn_by_cpu_because().is_some());
        renderer.prepare_pane(1, &wanted, PIXELS);
        assert_eq!(
            renderer.read_pane(1).expect("read").rgba(),
            draw_on_cpu(&case, &wanted, PIXELS).rgba(),
            "label {label}"
        );
    }
}

/// A device whose parts the test keeps, as a window does.
fn device_of_a_window() -> Option<(Gpu, wgpu::Device, wgpu::Queue)> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter = pollster::block_on(instance.request_adapter(&Default::default())).ok()?;
    let request = adapter.request_device(&annotomy::render::device_descriptor(&adapter));
    let (device, queue) = pollster::block_on(request).ok()?;
    Some((Gpu::of_window(&adapter, device.clone(), queue.clone()), device, queue))
}

#[test]
fn a_pane_reaches_the_window_pixel_by_pixel() {
    if gpu().is_none() {
        return;
    }
    let (gpu, device, queue) = device_of_a_window().expect("a device of its own");
    let grid = straight([40, 30, 10], [1.0, 1.0, 1.0]);
    let case = labelled(grid.clone(), &[1, 2]);
    let view = view(&grid, AnatomicalPlane::Axial, SliceSource::Acquisition);
    let wanted = Picture::slice(view, Display::with_window(Window::new(40.0, 400.0)));
    // A window of 256 pixels; the pane begins left of it and its upper edge is covered.
    let (edge, corner, viewport) = (256u32, [-20.0f32, 30.0], [0u32, 40, 120, 100]);
    for format in [wgpu::TextureFormat::Rgba8Unorm, wgpu::TextureFormat::Rgba8UnormSrgb] {
        let mut renderer = Renderer::new(gpu.clone(), format);
        renderer.sync(&case, 0, Pace::Whole);
        renderer.prepare_pane(3, &wanted, PIXELS);
        let picture = renderer.read_pane(3).expect("read");
        let size = wgpu::Extent3d { width: edge, height: edge, depth_or_array_layers: 1 };
        let target = device.create_texture(&wgpu::TextureDescriptor {
            label: None,
            size,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let read = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: u64::from(edge * edge * 4),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&Default::default());
        let target_view = target.create_view(&Default::default());
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &target_view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::WHITE),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..Default::default()
        });
        let [left, top, width, height] = viewport;
        pass.set_viewport(left as f32, top as f32, width as f32, height as f32, 0.0, 1.0);
        renderer.paint_pane(3, &mut pass, corner);
        drop(pass);
        let layout =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(edge * 4), rows_per_image: None };
        let into = wgpu::TexelCopyBufferInfo { buffer: &read, layout };
        encoder.copy_texture_to_buffer(target.as_image_copy(), into, size);
        queue.submit([encoder.finish()]);
        read.map_async(wgpu::MapMode::Read, .., |mapped| mapped.expect("mapped"));
        gpu.finish().expect("drawn");
        let mapped = read.get_mapped_range(..).expect("mapped");
        for y in 0..edge {
            for x in 0..edge {
                let start = ((y * edge + x) * 4) as usize;
                let found = [0, 1, 2].map(|part| mapped[start + part]);
                let covered = (left..left + width).contains(&x) && (top..top + height).contains(&y);
                let expected = if covered {
                    let [r, g, b, _] = picture.pixel((x as i32 + 20) as u32, (y as i32 - 30) as u32);
                    [r, g, b]
                } else {
                    [255; 3]
                };
                let apart = [0, 1, 2].map(|part| found[part].abs_diff(expected[part]));
                // To linear light and back rounds once.
                assert!(apart.iter().all(|apart| *apart <= 1), "{format:?}, pixel {x}, {y}");
            }
        }
        assert_eq!(gpu.take_error(), None);
    }
}
