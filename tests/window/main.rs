//! The window as a person uses it, driven by pointer and keys; every step also passes the check that
//! no control is without a name.

mod edges;
mod hands;
mod keys;
mod real;
mod screen;
mod work;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use annotomy::desktop::{App, Start, device_options};
use annotomy::format::nifti::{Compression, NiftiGeometry, write_volume};
use annotomy::geometry::{Affine, Grid, Point, Vector};
use annotomy::session::Session;
use annotomy::tool::ToolKind;
use annotomy::volume::{Buffer, Rescale, Samples, Volume};
use egui::{Event, Key, Modifiers, PointerButton, Pos2, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

/// A folder with a copy of the bundled phantom.
struct Study {
    folder: tempfile::TempDir,
}

impl Study {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/sample/phantom_ct.nii.gz");
        std::fs::copy(sample, folder.path().join("phantom.nii.gz")).expect("the sample is there");
        Self { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn start(path: Option<PathBuf>) -> Start {
    Start { path, leaves_no_traces: true, ..Start::default() }
}

/// A window on a path, with pictures drawn by the CPU twin.
fn window(path: Option<PathBuf>) -> Harness<'static, App> {
    window_with(start(path))
}

fn window_with(start: Start) -> Harness<'static, App> {
    let builder =
        Harness::builder().with_size(Vec2::new(1280.0, 800.0)).with_step_dt(1.0 / 60.0).with_max_steps(60);
    builder.build_eframe(move |cc| App::new(&cc.egui_ctx, start))
}

/// Steps until `done`, or fails after half a minute.
fn wait(window: &mut Harness<'_, App>, what: &str, done: impl Fn(&Harness<'_, App>) -> bool) {
    let begun = Instant::now();
    while !done(window) {
        assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
        window.step();
    }
    window.run_steps(3);
}

fn opened(study: &Study) -> Harness<'static, App> {
    let mut window = window(Some(study.file("phantom.nii.gz")));
    wait(&mut window, "the study", |window| window.state().document().is_some());
    window
}

fn session<'a>(window: &'a Harness<'_, App>) -> &'a Session {
    &window.state().document().expect("a document").session
}

fn labelled(window: &Harness<'_, App>) -> u64 {
    session(window).case().layers()[0].counts().values().sum()
}

fn middle(window: &Harness<'_, App>, view: &str) -> Pos2 {
    window.get_by_label(view).rect().center()
}

fn button(window: &Harness<'_, App>, pos: Pos2, button: PointerButton, pressed: bool) {
    window.event(Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE });
}

fn drag(window: &mut Harness<'_, App>, with: PointerButton, points: &[Pos2]) {
    let (first, last) = (points[0], points[points.len() - 1]);
    window.event(Event::PointerMoved(first));
    window.step();
    button(window, first, with, true);
    window.step();
    for point in points {
        window.event(Event::PointerMoved(*point));
        window.step();
    }
    button(window, last, with, false);
    window.run_steps(3);
}

fn wheel(window: &mut Harness<'_, App>, notches: f32) {
    window.event(Event::MouseWheel {
        unit: egui::MouseWheelUnit::Line,
        delta: Vec2::new(0.0, notches),
        phase: egui::TouchPhase::Move,
        modifiers: Modifiers::NONE,
        source: egui::MouseWheelSource::Wheel,
    });
    window.run_steps(2);
}

fn click(window: &mut Harness<'_, App>, label: &str) {
    window.get_by_label(label).click();
    window.run_steps(4);
}

fn press(window: &mut Harness<'_, App>, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    window.run_steps(2);
}

#[test]
fn the_first_stroke_makes_a_label_and_the_right_button_erases_with_the_brush_still_in_hand() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    let at = middle(&window, "Axial view");
    drag(&mut window, PointerButton::Primary, &[at, at + Vec2::new(30.0, 10.0)]);
    let painted = labelled(&window);
    assert!(painted > 0);
    let names: Vec<&str> =
        session(&window).case().scheme().iter().map(|(_, label)| label.name.as_str()).collect();
    assert_eq!(names, ["Label 1"]);
    assert_eq!(session(&window).history().done().len(), 1);
    drag(&mut window, PointerButton::Secondary, &[at, at + Vec2::new(10.0, 3.0)]);
    assert!(labelled(&window) < painted);
    assert_eq!(session(&window).tool_kind(), ToolKind::Brush);
    press(&mut window, Modifiers::COMMAND, Key::Z);
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(labelled(&window), 0);
    press(&mut window, Modifiers::COMMAND, Key::Y);
    assert_eq!(labelled(&window), painted);
}

/// A NIfTI file of three points in time.
fn in_time(folder: &Path) -> PathBuf {
    let axes = [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]].map(Vector::from);
    let map = Affine::from_axes(axes[0], axes[1], axes[2], Point::ORIGIN).expect("invertible");
    let grid = Grid::new([8, 8, 8], map, None).expect("a grid");
    let samples: Vec<i16> = (0..3 * 512).map(|n| n / 512).collect();
    let samples = Samples::I16(Buffer::from_slice(&samples).expect("memory"));
    let volume = Volume::new(grid, 3, samples, Rescale::NONE).expect("a volume");
    let path = folder.join("perfusion.nii");
    let mut file = std::fs::File::create(&path).expect("a file");
    let geometry = NiftiGeometry::of_grid(volume.grid());
    write_volume(&mut file, &volume, &geometry, Compression::None).expect("written");
    path
}

#[test]
fn points_in_time_are_scrolled_by_keys_and_have_a_slider() {
    let study = Study::new();
    let mut window = window(Some(in_time(study.folder.path())));
    wait(&mut window, "the study", |window| window.state().document().is_some());
    assert_eq!(window.get_all_by_label("Time").count(), 2, "a word and its slider");
    let value = |window: &Harness<'_, App>| {
        let session = session(window);
        session.readout(session.focus()).value
    };
    assert_eq!(value(&window), Some(0.0));
    for expected in [1.0, 2.0, 2.0] {
        press(&mut window, Modifiers::ALT, Key::ArrowRight);
        assert_eq!(value(&window), Some(expected));
    }
    press(&mut window, Modifiers::ALT, Key::ArrowLeft);
    assert_eq!(value(&window), Some(1.0));
}

#[test]
fn the_wheel_in_mid_stroke_paints_the_next_slice_in_the_same_step() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    let at = middle(&window, "Axial view");
    window.event(Event::PointerMoved(at));
    button(&window, at, PointerButton::Primary, true);
    window.step();
    wheel(&mut window, 1.0);
    wheel(&mut window, 1.0);
    button(&window, at, PointerButton::Primary, false);
    window.run_steps(3);
    let axis = session(&window).view(0).slice.expect("a scanned slice").0.slice_axis;
    assert_eq!(session(&window).annotated_slices(axis).len(), 3);
    assert_eq!(session(&window).history().done().len(), 1);
}

#[test]
fn boxes_are_drawn_one_after_another_and_landmarks_placed() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::R);
    let at = middle(&window, "Coronal view");
    for number in 0..3 {
        let corner = at + Vec2::new(-120.0 + 80.0 * number as f32, -60.0);
        drag(
            &mut window,
            PointerButton::Primary,
            &[corner, corner + Vec2::new(20.0, 20.0), corner + Vec2::new(50.0, 40.0)],
        );
    }
    press(&mut window, Modifiers::NONE, Key::K);
    let at = middle(&window, "Sagittal view");
    drag(&mut window, PointerButton::Primary, &[at]);
    let names: Vec<&str> = session(&window).case().annotations().iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["Box 1", "Box 2", "Box 3", "Landmark 1"]);
}

#[test]
fn what_is_saved_comes_back() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    let at = middle(&window, "Sagittal view");
    drag(&mut window, PointerButton::Primary, &[at, at + Vec2::new(25.0, -15.0)]);
    let painted = session(&window).case().layers()[0].clone();
    press(&mut window, Modifiers::COMMAND, Key::S);
    wait(&mut window, "the save", |window| !session(window).is_unsaved());
    assert!(study.file("phantom.annotomy.json").exists() && study.file("phantom_dseg.nii.gz").exists());
    let again = opened(&study);
    assert!(session(&again).case().layers()[0].has_same_labels(&painted));
    assert_eq!(session(&again).case().scheme(), session(&window).case().scheme());
}

/// Double-clicks the name of label 1, so that it can be typed anew.
fn name_label(window: &mut Harness<'_, App>) {
    let row = window.get_by_label("Label 1 Label 1").rect().left_center() + Vec2::new(70.0, 0.0);
    for _ in 0..2 {
        window.event(Event::PointerMoved(row));
        button(window, row, PointerButton::Primary, true);
        button(window, row, PointerButton::Primary, false);
        window.step();
    }
    window.run_steps(3);
}

#[test]
fn typing_a_name_takes_no_tool() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::COMMAND, Key::L);
    name_label(&mut window);
    // The old name is selected, so that what is typed takes its place.
    window.event(Event::Text("b".into()));
    press(&mut window, Modifiers::NONE, Key::B);
    assert_eq!(session(&window).tool_kind(), ToolKind::Navigate);
    // Ctrl+Z there is the field's own.
    press(&mut window, Modifiers::COMMAND, Key::L);
    press(&mut window, Modifiers::COMMAND, Key::B);
    assert_eq!(session(&window).history().done().len(), 1, "nor is a step made");
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(session(&window).case().scheme().get(1).map(|label| label.name.as_str()), Some("b"));
}

#[test]
fn a_file_that_is_no_image_is_refused_and_the_window_lives_on() {
    let study = Study::new();
    std::fs::write(study.file("letter.nii"), b"Dear colleague").expect("written");
    let mut window = window(Some(study.file("letter.nii")));
    wait(&mut window, "the refusal", |window| window.query_by_label("Close").is_some());
    click(&mut window, "Close");
    assert!(window.query_by_label("Open file…").is_some(), "the welcome is back");
}

#[test]
fn unsaved_marks_are_asked_about() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::COMMAND, Key::L);
    press(&mut window, Modifiers::COMMAND, Key::W);
    assert!(window.state().document().is_some(), "nothing is closed unasked");
    click(&mut window, "Discard");
    assert!(window.state().document().is_none());
}

#[test]
fn series_of_one_folder_are_listed_and_each_keeps_its_marks() {
    let study = Study::new();
    std::fs::copy(study.file("phantom.nii.gz"), study.file("second.nii.gz")).expect("copied");
    let mut window = window(Some(study.folder.path().to_owned()));
    wait(&mut window, "the first series", |window| window.state().document().is_some());
    let shown =
        |window: &Harness<'_, App>| window.state().document().map(|open| open.study().series.id.clone());
    assert_eq!(shown(&window).as_deref(), Some("phantom"), "the likeliest one is open at once");
    press(&mut window, Modifiers::NONE, Key::B);
    let centre = middle(&window, "Axial view");
    drag(&mut window, PointerButton::Primary, &[centre, centre + Vec2::new(20.0, 0.0)]);
    let painted = labelled(&window);
    assert!(painted > 0);

    window.get_by_label("Series second.nii.gz").click();
    window.run_steps(2);
    wait(&mut window, "the second series", |window| shown(window).as_deref() == Some("second"));
    assert_eq!(labelled(&window), 0);
    click(&mut window, "Series phantom.nii.gz, unsaved");
    assert_eq!(shown(&window).as_deref(), Some("phantom"), "what is open already is shown at once");
    assert_eq!(labelled(&window), painted);

    // Marks of a series that is not shown are asked about, and shown.
    click(&mut window, "Series second.nii.gz");
    press(&mut window, Modifiers::COMMAND, Key::W);
    assert_eq!(shown(&window).as_deref(), Some("phantom"));
    click(&mut window, "Discard");
    assert!(window.state().document().is_none());
}

#[test]
fn marks_wait_for_an_answer_where_the_place_is_doubtful() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = in_time(folder.path());
    let mut bytes = std::fs::read(&path).expect("readable");
    // Neither sform nor qform: voxel sizes alone.
    bytes[252..256].fill(0);
    std::fs::write(&path, bytes).expect("written");
    let mut window = window(Some(path));
    wait(&mut window, "the study", |window| window.state().document().is_some());
    press(&mut window, Modifiers::NONE, Key::B);
    let centre = middle(&window, "Axial view");
    let stroke = [centre, centre + Vec2::new(15.0, 0.0)];
    drag(&mut window, PointerButton::Primary, &stroke);
    assert_eq!(labelled(&window), 0);
    click(&mut window, "Mark all the same");
    drag(&mut window, PointerButton::Primary, &stroke);
    assert!(labelled(&window) > 0);
}

#[test]
fn escape_breaks_off_a_stroke_then_puts_the_tool_down() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    let at = middle(&window, "Axial view");
    window.event(Event::PointerMoved(at));
    button(&window, at, PointerButton::Primary, true);
    window.step();
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert_eq!((labelled(&window), session(&window).history().done().len()), (0, 0));
    button(&window, at, PointerButton::Primary, false);
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert_eq!(session(&window).tool_kind(), ToolKind::Navigate);
}

#[test]
fn the_whole_window_is_drawn_by_the_graphics_device() {
    let gpu = annotomy::render::Gpu::headless();
    if let Err(error) = gpu {
        assert!(std::env::var_os("ANNOTOMY_REQUIRE_GPU").is_none(), "no graphics adapter: {error}");
        println!("skipped: no graphics adapter ({error})");
        return;
    }
    let study = Study::new();
    let path = Some(study.file("phantom.nii.gz"));
    let mut window = Harness::builder()
        .with_size(Vec2::new(1280.0, 800.0))
        .with_step_dt(1.0 / 60.0)
        .wgpu_setup(device_options().wgpu_setup)
        .build_eframe(move |cc| App::new(&cc.egui_ctx, start(path)));
    wait(&mut window, "the study", |window| window.state().document().is_some());
    let image = window.render().expect("a picture of the window");
    let rect = window.get_by_label("Axial view").rect();
    let view = session(&window).view(0);
    let case = session(&window).case();
    let picture = annotomy::render::Picture::slice(view, *session(&window).display());
    let size = [rect.width().round() as u32, rect.height().round() as u32];
    let twin = annotomy::render::draw_on_cpu(case, &picture, size);
    // The crosshair, letters and bars lie over the picture; a quarter off its middle there are none.
    let mut worst = 0;
    for y in size[1] / 5..size[1] * 2 / 5 {
        for x in size[0] / 5..size[0] * 2 / 5 {
            let [left, top] = [rect.min.x.round() as u32, rect.min.y.round() as u32];
            let shown = image.get_pixel(left + x, top + y).0;
            worst = worst.max(shown[0].abs_diff(twin.pixel(x, y)[0]));
        }
    }
    assert!(worst <= 3, "the window's picture is {worst} grey levels from its twin");
}
