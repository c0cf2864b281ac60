//! What is drawn stands where it should, at any size of the window.

use egui::accesskit::Role;
use egui::epaint::ClippedShape;
use egui::{Color32, Rect, Shape};

use super::*;

/// Every shape of the last frame, also those within others.
fn shapes(window: &Harness<'_, App>) -> Vec<Shape> {
    fn unfold(shape: &Shape, into: &mut Vec<Shape>) {
        match shape {
            Shape::Vec(inner) => inner.iter().for_each(|shape| unfold(shape, into)),
            other => into.push(other.clone()),
        }
    }
    let mut all = Vec::new();
    let clipped: &[ClippedShape] = &window.output().shapes;
    clipped.iter().for_each(|clipped| unfold(&clipped.shape, &mut all));
    all
}

/// Orange, as ticks are drawn.
const TICK: Color32 = Color32::from_rgb(0xe6, 0x9f, 0x00);

fn ticks(window: &Harness<'_, App>, bar: &str) -> Vec<Rect> {
    let place = window.get_by_label(bar).rect();
    let is_tick = |shape: Shape| match shape {
        Shape::Rect(rect) if rect.fill == TICK && place.contains_rect(rect.rect) => Some(rect.rect),
        _ => None,
    };
    shapes(window).into_iter().filter_map(is_tick).collect()
}

fn slice(window: &Harness<'_, App>, pane: usize) -> usize {
    session(window).view(pane).slice.expect("a scanned slice").1
}

#[test]
fn ticks_stand_for_the_annotated_slices_and_a_click_on_one_goes_there() {
    let study = Study::new();
    let mut window = opened(&study);
    assert_eq!(ticks(&window, "Axial slice"), []);
    press(&mut window, Modifiers::NONE, Key::B);
    let at = middle(&window, "Axial view");
    for notches in [0.0, 3.0, 1.0, -9.0] {
        wheel(&mut window, notches);
        drag(&mut window, PointerButton::Primary, &[at, at + Vec2::new(8.0, 0.0)]);
    }
    for (pane, bar) in [(0, "Axial slice"), (1, "Coronal slice"), (2, "Sagittal slice")] {
        let axis = session(&window).view(pane).slice.expect("a scanned slice").0.slice_axis;
        let annotated = session(&window).annotated_slices(axis).to_vec();
        let mut reached = Vec::new();
        for tick in ticks(&window, bar) {
            drag(&mut window, PointerButton::Primary, &[tick.center()]);
            reached.push(slice(&window, pane));
        }
        reached.sort_unstable();
        assert_eq!(reached, annotated, "{bar}");
    }
    assert_eq!(session(&window).history().done().len(), 4, "a click on a bar paints nothing");
    press(&mut window, Modifiers::COMMAND, Key::Z);
    let axis = session(&window).view(0).slice.expect("a scanned slice").0.slice_axis;
    assert_eq!(ticks(&window, "Axial slice").len(), session(&window).annotated_slices(axis).len());
}

#[test]
fn a_drag_on_the_bar_scrolls_from_end_to_end_with_a_brush_in_hand() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    let bar = window.get_by_label("Axial slice").rect();
    let count = session(&window).view(0).slice.expect("a scanned slice").0;
    let count = count.slice_count(session(&window).case().volume().grid());
    let x = bar.center().x;
    let (top, bottom) = (Pos2::new(x, bar.top() + 2.0), Pos2::new(x, bar.bottom() - 2.0));
    drag(&mut window, PointerButton::Primary, &[top]);
    let one_end = slice(&window, 0);
    // Beside the bar the drag is still the bar's.
    drag(&mut window, PointerButton::Primary, &[top, bar.center(), bottom - Vec2::new(60.0, 0.0)]);
    let other_end = slice(&window, 0);
    assert_eq!(one_end.abs_diff(other_end), count - 1);
    assert_eq!(labelled(&window), 0);
}

#[test]
fn the_ring_is_as_wide_as_what_it_paints_at_any_resolution() {
    for pixels_per_point in [1.0, 2.0] {
        let study = Study::new();
        let path = Some(study.file("phantom.nii.gz"));
        let builder =
            Harness::builder().with_size(Vec2::new(1280.0, 800.0)).with_pixels_per_point(pixels_per_point);
        let mut window = builder
            .with_step_dt(1.0 / 60.0)
            .with_max_steps(60)
            .build_eframe(move |cc| App::new(&cc.egui_ctx, start(path)));
        wait(&mut window, "the study", |window| window.state().document().is_some());
        press(&mut window, Modifiers::NONE, Key::B);
        let at = middle(&window, "Axial view");
        let pane = window.get_by_label("Axial view").rect();
        (0..6).for_each(|_| press(&mut window, Modifiers::NONE, Key::CloseBracket));
        window.event(Event::PointerMoved(at));
        window.run_steps(3);
        let rings: Vec<f32> = shapes(&window)
            .into_iter()
            .filter_map(|shape| match shape {
                Shape::Circle(circle) if circle.center.distance(at) < 0.5 => Some(circle.radius),
                _ => None,
            })
            .collect();
        assert!(!rings.is_empty(), "the ring is drawn");
        let view = session(&window).view(0);
        let diameter_mm = 2.0 * session(&window).brush().radius_mm;
        // Two points of the patient, so far apart, as the picture shows them in pixels of the screen.
        let origin = view.plane.origin();
        let on_screen = |point| view.screen_from_patient() * point;
        let apart = on_screen(origin).distance(on_screen(origin + view.plane.right() * diameter_mm));
        for radius in &rings {
            let pixels = f64::from(2.0 * radius * pixels_per_point);
            let expected = apart * f64::from(pixels_per_point);
            assert!((pixels - expected).abs() < 0.01, "{pixels} and {expected} pixels at {pixels_per_point}");
        }
        // And what is painted reaches to the ring, to within a voxel.
        drag(&mut window, PointerButton::Primary, &[at]);
        let case = session(&window).case();
        let grid = case.volume().grid();
        let spacing = grid.spacing_mm().into_iter().fold(0.0, f64::max);
        let mut reach: f64 = 0.0;
        let layer = &case.layers()[0];
        for (brick, _) in layer.bricks() {
            let bounds = layer.brick_bounds(brick);
            for k in bounds.min[2]..bounds.max[2] {
                for j in bounds.min[1]..bounds.max[1] {
                    for i in bounds.min[0]..bounds.max[0] {
                        let index = annotomy::geometry::VoxelIndex { i, j, k };
                        if layer.label(index) != 0 {
                            let place = view.screen_from_patient() * grid.centre_of(index);
                            let centre = Vec2::new(at.x - pane.left(), at.y - pane.top());
                            let away =
                                (place.x() - f64::from(centre.x)).hypot(place.y() - f64::from(centre.y));
                            reach = reach.max(away / view.pixels_per_mm);
                        }
                    }
                }
            }
        }
        assert!(
            (reach - diameter_mm / 2.0).abs() <= spacing,
            "painted {reach} mm far with a ring of {diameter_mm} mm"
        );
    }
}

/// Controls of the top bar, each with its name.
fn top_bar(window: &Harness<'_, App>) -> Vec<(String, Rect)> {
    let named =
        |node: egui_kittest::Node<'_>| (node.accesskit_node().label().unwrap_or_default(), node.rect());
    let all = window.query_all_by_role(Role::Button).map(named);
    all.filter(|(_, rect)| rect.top() < 30.0).collect()
}

#[test]
fn nothing_in_the_top_bar_overlaps_in_a_small_window() {
    for size in [[700.0, 480.0], [899.0, 560.0], [900.0, 560.0], [1130.0, 700.0], [1280.0, 800.0]] {
        let study = Study::new();
        let long = study.file("a study with quite a long name that leaves no room for anything else.nii.gz");
        std::fs::copy(study.file("phantom.nii.gz"), &long).expect("copied");
        let mut window = window(Some(long));
        wait(&mut window, "the study", |window| window.state().document().is_some());
        press(&mut window, Modifiers::COMMAND, Key::L);
        window.set_size(Vec2::from(size));
        window.run_steps(4);
        let controls = top_bar(&window);
        assert!(controls.len() >= 5, "{size:?}: {controls:?}");
        for (number, (name, rect)) in controls.iter().enumerate() {
            assert!(rect.left() >= 0.0 && rect.right() <= size[0], "{size:?}: {name} at {rect:?}");
            for (other, theirs) in &controls[..number] {
                assert!(!rect.shrink(0.5).intersects(*theirs), "{size:?}: {name} lies over {other}");
            }
        }
        for view in ["Axial view", "Overview view"] {
            assert!(window.get_by_label(view).rect().is_positive(), "{size:?}: {view}");
        }
        for tool in ["Navigate", "Landmark"] {
            let rect = window.get_by_role_and_label(Role::Button, tool).rect();
            assert!(rect.bottom() <= size[1], "{size:?}: {tool} at {rect:?}");
        }
    }
}

#[test]
fn every_control_has_a_name_wherever_one_looks() {
    let study = Study::new();
    std::fs::copy(study.file("phantom.nii.gz"), study.file("second.nii.gz")).expect("copied");
    let check = |window: &Harness<'_, App>, place: &str| {
        assert_eq!(window.unnamed_widgets(), [""; 0], "{place}");
    };
    let mut empty = window(None);
    empty.run_steps(3);
    check(&empty, "nothing open");
    let folder = study.folder.path().to_owned();
    let mut window = window_with(Start { worklist: Some(folder.clone()), ..start(Some(folder)) });
    wait(&mut window, "the study", |window| window.state().document().is_some());
    press(&mut window, Modifiers::COMMAND, Key::L);
    for tool in [Key::V, Key::B, Key::R, Key::K] {
        press(&mut window, Modifiers::NONE, tool);
        let at = middle(&window, "Coronal view");
        drag(&mut window, PointerButton::Primary, &[at, at + Vec2::new(30.0, 20.0)]);
        check(&window, &format!("the tool of {tool:?}"));
    }
    for menu in ["File", "Edit", "View", "Label", "Tools", "Segment", "Help"] {
        window.get_by_role_and_label(Role::Button, menu).click();
        window.run_steps(3);
        check(&window, menu);
        press(&mut window, Modifiers::NONE, Key::Escape);
    }
    for command in ["Command palette", "Change keys…", "Keys"] {
        press(&mut window, Modifiers::COMMAND, Key::P);
        window.event(Event::Text(command.into()));
        window.run_steps(2);
        check(&window, "the palette");
        press(&mut window, Modifiers::NONE, Key::Enter);
        check(&window, command);
        press(&mut window, Modifiers::NONE, Key::Escape);
    }
    press(&mut window, Modifiers::COMMAND, Key::W);
    check(&window, "the question about unsaved marks");
}

#[test]
fn a_photograph_tells_its_colours() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spot.png");
    let file = std::fs::File::create(&path).expect("a file");
    let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), 16, 16);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&[12, 200, 77].repeat(256)).expect("written");
    writer.finish().expect("finished");
    let mut window = window(Some(path));
    wait(&mut window, "the photograph", |window| window.state().document().is_some());
    let views = ["Axial view", "Coronal view", "Sagittal view"];
    let shown = views.into_iter().find(|view| window.query_by_label(view).is_some()).expect("a view");
    window.event(Event::PointerMoved(middle(&window, shown)));
    window.run_steps(3);
    assert!(window.query_by_label("R 12  G 200  B 77").is_some());
}

#[test]
fn the_window_grows_and_shrinks_by_keys_and_remembers_it() {
    let study = Study::new();
    let settings = study.file("settings.json");
    let again = || window_with(Start { settings: Some(settings.clone()), ..start(None) });
    let mut window = again();
    press(&mut window, Modifiers::COMMAND, Key::Equals);
    press(&mut window, Modifiers::COMMAND, Key::Equals);
    press(&mut window, Modifiers::COMMAND, Key::Minus);
    assert!((window.ctx.zoom_factor() - 1.1).abs() < 1e-6);
    let mut window = again();
    window.run_steps(2);
    assert!((window.ctx.zoom_factor() - 1.1).abs() < 1e-6);
    press(&mut window, Modifiers::COMMAND, Key::Num0);
    assert_eq!(window.ctx.zoom_factor(), 1.0);
}
