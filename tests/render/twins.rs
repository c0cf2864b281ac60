//! What the device draws and what its twin on the CPU draws.

use super::*;

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
