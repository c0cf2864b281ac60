//! Contours, fills, boxes, landmarks, measurements and interpolation by pointer and keys, counted.

use annotomy::annotation::landmark_templates;
use annotomy::tool::{BrushShape, MeasureKind};

use super::*;

/// A person whose keys and pointer gestures are counted.
struct Counted {
    window: Harness<'static, App>,
    keys: usize,
    gestures: usize,
}

impl Counted {
    fn on(study: &Study) -> Self {
        Self { window: opened(study), keys: 0, gestures: 0 }
    }

    fn key(&mut self, modifiers: Modifiers, key: Key) {
        press(&mut self.window, modifiers, key);
        self.keys += 1;
    }

    fn drag(&mut self, points: &[Pos2]) {
        drag(&mut self.window, PointerButton::Primary, points);
        self.gestures += 1;
    }

    fn click(&mut self, at: Pos2) {
        self.drag(&[at]);
    }

    /// Begins to count anew.
    fn ready(&mut self) {
        (self.keys, self.gestures) = (0, 0);
    }

    fn session(&self) -> &Session {
        session(&self.window)
    }

    /// Holds the counts against the row of a task in `docs/hands.md`.
    #[track_caller]
    fn compare(&self, task: &str) {
        let docs = include_str!("../../docs/hands.md");
        let row = docs.lines().find(|line| line.starts_with(&format!("| {task} |")));
        let cell = row.and_then(|row| row.split('|').nth(2)).expect("the task has a row");
        let told = format!("{} keys, {} gestures", self.keys, self.gestures);
        assert!(cell.contains(&told), "{task}: {told}, and the table says {cell}");
    }
}

fn type_text(window: &mut Harness<'_, App>, text: &str) {
    window.event(Event::Text(text.into()));
    window.run_steps(3);
}

#[test]
fn eight_boxes_take_one_key_and_eight_drags() {
    let mut person = Counted::on(&Study::new());
    let at = middle(&person.window, "Axial view");
    person.key(Modifiers::NONE, Key::R);
    for number in 0..8 {
        let corner = at + Vec2::new(-130.0 + 66.0 * (number % 4) as f32, -110.0 + 90.0 * (number / 4) as f32);
        person.drag(&[corner, corner + Vec2::new(20.0, 20.0), corner + Vec2::new(44.0, 60.0)]);
    }
    assert_eq!(person.session().case().annotations().len(), 8);
    person.compare("Eight 3-D boxes");
}

#[test]
fn twelve_landmarks_of_a_template_take_twelve_clicks() {
    let mut person = Counted::on(&Study::new());
    // The template is chosen once for all studies of a kind.
    press(&mut person.window, Modifiers::COMMAND, Key::P);
    type_text(&mut person.window, "cephalometry");
    press(&mut person.window, Modifiers::NONE, Key::Enter);
    assert_eq!(person.session().tool_kind(), ToolKind::Landmark);
    person.ready();
    let at = middle(&person.window, "Sagittal view");
    for number in 0..12 {
        person.click(at + Vec2::new(-60.0 + 40.0 * (number % 4) as f32, -50.0 + 40.0 * (number / 4) as f32));
    }
    let names: Vec<&str> = person.session().case().annotations().iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, landmark_templates()[0].landmarks);
    person.compare("Twelve landmarks");
    // One too many is taken back; arrows move the selected one by a voxel and not the slice.
    press(&mut person.window, Modifiers::NONE, Key::Backspace);
    assert_eq!(person.session().case().annotations().len(), 11);
    person.click(at + Vec2::new(10.0, 100.0));
    let (focus, before) = (person.session().focus(), person.session().selected().expect("selected").shape);
    press(&mut person.window, Modifiers::NONE, Key::ArrowRight);
    assert_eq!(person.session().focus(), focus);
    let moved = person.session().selected().expect("selected").shape.centre() - before.centre();
    assert!((moved.length() - 2.0).abs() < 1e-6, "one voxel of 2 mm: {moved:?}");
    press(&mut person.window, Modifiers::NONE, Key::B);
    press(&mut person.window, Modifiers::NONE, Key::ArrowRight);
    assert_ne!(person.session().focus(), focus, "with the brush it is the slice");
}

#[test]
fn a_lesion_over_thirty_slices_takes_one_key_a_jump_and_two_at_the_end() {
    let mut person = Counted::on(&Study::new());
    let at = middle(&person.window, "Axial view");
    press(&mut person.window, Modifiers::NONE, Key::Home);
    person.window.event(Event::PointerMoved(at));
    person.window.run_steps(2);
    person.ready();
    person.key(Modifiers::NONE, Key::B);
    for number in 0..7 {
        person.drag(&[at, at + Vec2::new(8.0, 0.0)]);
        if number < 6 {
            person.key(Modifiers::SHIFT, Key::ArrowUp);
        }
    }
    person.key(Modifiers::NONE, Key::N);
    assert!(person.session().has_ghost());
    person.key(Modifiers::NONE, Key::Enter);
    wait(&mut person.window, "the slices between", |window| !session(window).has_ghost());
    let axis = person.session().view(0).slice.expect("a scanned slice").0.slice_axis;
    assert_eq!(person.session().annotated_slices(axis).len(), 31);
    assert_eq!(person.session().interpolated_slices(axis).len(), 24);
    assert_eq!(person.session().history().done().len(), 8);
    person.compare("A lesion over 30 slices");
}

#[test]
fn a_contour_is_drawn_changed_filled_and_taken_along_to_the_next_slice() {
    let mut person = Counted::on(&Study::new());
    let at = middle(&person.window, "Coronal view");
    person.key(Modifiers::NONE, Key::P);
    for [x, y] in [[-30.0, -30.0], [30.0, -30.0], [30.0, 30.0], [-30.0, 30.0]] {
        person.click(at + Vec2::new(x, y));
    }
    assert_eq!(person.session().history().done().len(), 0);
    // A corner is dragged out, and what is drawn outlives another window coming to the front.
    person.drag(&[at + Vec2::new(30.0, 30.0), at + Vec2::new(45.0, 40.0)]);
    person.window.event(Event::WindowFocused(false));
    person.window.run_steps(2);
    person.key(Modifiers::NONE, Key::Enter);
    let painted = labelled(&person.window);
    assert!(painted > 0);
    person.ready();
    person.key(Modifiers::COMMAND, Key::D);
    person.key(Modifiers::NONE, Key::Enter);
    assert_eq!(labelled(&person.window), 2 * painted);
    person.compare("The same contour on the next slice");
    // A double click fills too.
    for [x, y] in [[-80.0, -30.0], [-60.0, -30.0], [-60.0, 30.0], [-60.0, 30.0]] {
        person.click(at + Vec2::new(x, y));
    }
    assert!(labelled(&person.window) > 2 * painted);
    assert_eq!(person.session().history().done().len(), 3);
}

#[test]
fn a_mask_is_copied_to_the_next_slice_with_one_key() {
    let mut person = Counted::on(&Study::new());
    let at = middle(&person.window, "Axial view");
    press(&mut person.window, Modifiers::NONE, Key::B);
    person.click(at);
    let painted = labelled(&person.window);
    person.ready();
    person.key(Modifiers::COMMAND, Key::B);
    assert_eq!(labelled(&person.window), 2 * painted);
    person.compare("The same mask on the next slice");
}

#[test]
fn a_hole_is_filled_and_regions_are_measured() {
    let mut person = Counted::on(&Study::new());
    let at = middle(&person.window, "Axial view");
    person.key(Modifiers::NONE, Key::B);
    let corners = [[-30.0, -30.0], [30.0, -30.0], [30.0, 30.0], [-30.0, 30.0], [-30.0, -30.0]];
    let ring: Vec<Pos2> = corners.iter().map(|[x, y]| at + Vec2::new(*x, *y)).collect();
    person.drag(&ring);
    let frame = labelled(&person.window);
    person.key(Modifiers::NONE, Key::F);
    person.click(at);
    assert!(labelled(&person.window) > frame);
    assert_eq!(person.session().history().done().last(), Some("Fill with Label 1"));

    person.key(Modifiers::NONE, Key::M);
    person.drag(&[at, at + Vec2::new(40.0, 0.0), at + Vec2::new(60.0, 0.0)]);
    person.key(Modifiers::NONE, Key::M);
    person.key(Modifiers::NONE, Key::M);
    assert_eq!(person.session().measure(), MeasureKind::Ellipse);
    person.drag(&[at + Vec2::new(-100.0, 60.0), at + Vec2::new(-60.0, 100.0)]);
    person.window.get_by_label("Rectangle").click();
    person.window.run_steps(3);
    person.drag(&[at + Vec2::new(60.0, 60.0), at + Vec2::new(100.0, 100.0)]);
    let names: Vec<&str> = person.session().case().annotations().iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["Ruler 1", "Ellipse 1", "Rectangle 1"]);
    for annotation in person.session().case().annotations() {
        assert!(person.session().measured(annotation.id).is_some(), "{} has its value", annotation.name);
    }
}

#[test]
fn labels_are_searched_grouped_and_chosen_without_a_stroke() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    click(&mut window, "Label");
    click(&mut window, "Labels: organs");
    assert!(window.query_by_label("Group Vessels").is_some());
    assert!(session(&window).case().scheme().len() > 20);
    // L puts the cursor into the field, where letters are letters.
    press(&mut window, Modifiers::NONE, Key::L);
    window.run_steps(2);
    for (letter, key) in [("a", Key::A), ("o", Key::O), ("r", Key::R), ("t", Key::T)] {
        window.event(Event::Text(letter.into()));
        press(&mut window, Modifiers::NONE, key);
    }
    assert!(window.query_by_label("Group Abdomen").is_none(), "only what is sought is listed");
    press(&mut window, Modifiers::NONE, Key::Enter);
    let active = session(&window).active_label();
    assert_eq!(session(&window).case().scheme().get(active).map(|label| label.name.as_str()), Some("Aorta"));
    assert_eq!((session(&window).tool_kind(), labelled(&window)), (ToolKind::Brush, 0));
    // The list has come to it. A group folds up, and one eye hides all of it.
    window.get_by_label("Group Vessels").scroll_to_me();
    window.run_steps(30);
    click(&mut window, "Group Vessels");
    assert!(window.query_by_label_contains("vena cava").is_none());
    click(&mut window, "Group Vessels shown");
    for (index, label) in session(&window).case().scheme().iter() {
        assert_eq!(label.visible, label.group.as_deref() != Some("Vessels"), "label {index}");
    }
}

#[test]
fn layers_are_added_chosen_and_hidden() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    let at = middle(&window, "Axial view");
    drag(&mut window, PointerButton::Primary, &[at]);
    let painted = labelled(&window);
    click(&mut window, "New layer");
    press(&mut window, Modifiers::COMMAND, Key::L);
    drag(&mut window, PointerButton::Primary, &[at]);
    assert_eq!(labelled(&window), painted, "the first layer keeps its voxels");
    assert_eq!(session(&window).case().layers()[1].counts().values().sum::<u64>(), painted);
    click(&mut window, "Layer Layer 2 shown");
    assert!(!session(&window).case().is_layer_shown(1));
    click(&mut window, "Layer Layer 1");
    assert_eq!(session(&window).layer(), 0);
}

#[test]
fn values_are_kept_to_by_fields_and_the_same_range_comes_back() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    click(&mut window, "Only values in a range");
    let range = session(&window).brush().only_values.expect("a range");
    let field = window.get_by_label("Lowest value painted").rect().center();
    drag(&mut window, PointerButton::Primary, &[field, field + Vec2::new(30.0, 0.0)]);
    let set = session(&window).brush().only_values.expect("still a range");
    assert!(set[0] > range[0] && set[1] == range[1], "{set:?}");
    for expected in [None, Some(set)] {
        press(&mut window, Modifiers::NONE, Key::T);
        assert_eq!(session(&window).brush().only_values, expected);
    }
}

#[test]
fn a_single_picture_offers_no_ball_and_a_brush_that_can_be_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("photo.png");
    let file = std::fs::File::create(&path).expect("a file");
    let mut encoder = png::Encoder::new(file, 350, 240);
    encoder.set_color(png::ColorType::Grayscale);
    let pixels: Vec<u8> = (0..350 * 240).map(|n| (n % 251) as u8).collect();
    encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels)).expect("written");
    let mut window = window(Some(path));
    wait(&mut window, "the picture", |window| window.state().document().is_some());
    press(&mut window, Modifiers::NONE, Key::B);
    assert!(window.query_by_label("Ball").is_none());
    press(&mut window, Modifiers::SHIFT, Key::B);
    assert_eq!(session(&window).brush().shape, BrushShape::Disc);
    let radius = session(&window).brush().radius_mm * session(&window).view(0).pixels_per_mm;
    assert!(radius > 8.0, "the ring is {radius} points wide at first");
}

/// A slow frame may hold a stroke and what the hands did after it.
#[test]
fn keys_and_pointer_count_in_the_order_in_which_they_came() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    let at = middle(&window, "Axial view");
    let button = |pressed| Event::PointerButton {
        pos: at,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    let key = |key| Event::Key {
        key,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers: Modifiers::NONE,
    };
    let dab = || [Event::PointerMoved(at), button(true), button(false)];
    let shown = |window: &Harness<'_, App>| session(window).view(0).slice.expect("a scanned slice");
    let (family, first) = shown(&window);
    let one_frame: Vec<Event> =
        dab().into_iter().chain([key(Key::ArrowUp)]).chain(dab()).chain([key(Key::E)]).collect();
    window.input_mut().events.extend(one_frame);
    window.run_steps(8);
    let (_, second) = shown(&window);
    assert_ne!(first, second, "the key moved the slice");
    let mut painted = [first, second];
    painted.sort_unstable();
    assert_eq!(session(&window).annotated_slices(family.slice_axis), painted);
    assert_eq!(session(&window).history().done().count(), 2, "neither dab was lost");
    assert_eq!(session(&window).tool_kind(), ToolKind::Eraser);
}

#[test]
fn a_stroke_brings_hidden_labels_back_also_while_one_peeks() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    let at = middle(&window, "Axial view");
    let stroke = [at, at + Vec2::new(20.0, 0.0)];
    drag(&mut window, PointerButton::Primary, &stroke);
    let shown = |window: &Harness<'_, App>| session(window).display().overlay.shown;
    press(&mut window, Modifiers::NONE, Key::S);
    assert!(!shown(&window));
    assert!(window.query_by_label("labels are hidden").is_some());
    drag(&mut window, PointerButton::Primary, &[at + Vec2::new(0.0, 40.0)]);
    assert!(shown(&window) && window.query_by_label("labels are hidden").is_none());
    assert!(window.query_by_label("Labels are shown again").is_some());

    window.key_down(Key::S);
    window.run_steps(2);
    assert!(!shown(&window));
    drag(&mut window, PointerButton::Primary, &[at + Vec2::new(40.0, 40.0)]);
    window.run_steps(20);
    window.key_up(Key::S);
    window.run_steps(2);
    assert!(shown(&window));
}

#[test]
fn a_film_plays_until_a_key_or_a_click() {
    let study = Study::new();
    let mut window = opened(&study);
    window.event(Event::PointerMoved(middle(&window, "Axial view")));
    window.run_steps(2);
    let slice = |window: &Harness<'_, App>| session(window).view(0).slice.map(|(_, slice)| slice);
    let moves = |window: &mut Harness<'_, App>, frames: usize| {
        let before = slice(window);
        window.run_steps(frames);
        slice(window) != before
    };
    assert!(!moves(&mut window, 30));
    press(&mut window, Modifiers::NONE, Key::C);
    assert!(moves(&mut window, 12));
    press(&mut window, Modifiers::ALT, Key::ArrowUp);
    assert!(window.query_by_label("playing 16 a second").is_some());
    assert!(moves(&mut window, 12), "its speed is set while it plays");
    press(&mut window, Modifiers::NONE, Key::C);
    assert!(!moves(&mut window, 30));
    press(&mut window, Modifiers::NONE, Key::C);
    let at = middle(&window, "Coronal view");
    press(&mut window, Modifiers::NONE, Key::B);
    assert_eq!(session(&window).tool_kind(), ToolKind::Brush, "the key counts as well");
    assert!(!moves(&mut window, 30));
    press(&mut window, Modifiers::NONE, Key::C);
    drag(&mut window, PointerButton::Primary, &[at]);
    assert!(!moves(&mut window, 30));
    assert_eq!(session(&window).history().done().len(), 1, "nor is a stroke lost");
}

#[test]
fn labels_are_renamed_grouped_and_deleted_by_commands() {
    let study = Study::new();
    let mut window = opened(&study);
    let command = |window: &mut Harness<'_, App>, words: &str| {
        press(window, Modifiers::COMMAND, Key::P);
        type_text(window, words);
        press(window, Modifiers::NONE, Key::Enter);
        window.run_steps(3);
    };
    press(&mut window, Modifiers::COMMAND, Key::L);
    press(&mut window, Modifiers::COMMAND, Key::L);
    command(&mut window, "rename label");
    type_text(&mut window, "Liver");
    press(&mut window, Modifiers::NONE, Key::Enter);
    command(&mut window, "group");
    type_text(&mut window, "Abdomen");
    press(&mut window, Modifiers::NONE, Key::Enter);
    let label = session(&window).case().scheme().get(2).cloned().expect("label 2");
    assert_eq!((label.name.as_str(), label.group.as_deref()), ("Liver", Some("Abdomen")));
    command(&mut window, "out of its group");
    assert_eq!(session(&window).case().scheme().get(2).and_then(|label| label.group.clone()), None);
    command(&mut window, "delete label");
    assert!(session(&window).case().scheme().get(2).is_none());
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
    command(&mut window, "rename layer");
    type_text(&mut window, "Second reader");
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(session(&window).layer_name(1), "Second reader");
    command(&mut window, "remove layer");
    assert_eq!(session(&window).case().layers().len(), 1);
}

#[test]
fn a_stroke_right_after_typing_is_kept_beside_what_was_typed() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    let at = middle(&window, "Axial view");
    drag(&mut window, PointerButton::Primary, &[at]);
    let before = labelled(&window);
    window.run_steps(60);
    name_label(&mut window);
    window.event(Event::Text("Cyst".into()));
    window.step();
    let way = [at + Vec2::new(40.0, 0.0), at + Vec2::new(60.0, 20.0)];
    drag(&mut window, PointerButton::Primary, &way);
    assert!(labelled(&window) > before, "the stroke is there");
    assert_eq!(session(&window).case().scheme().get(1).map(|label| label.name.as_str()), Some("Cyst"));
    let steps: Vec<&str> = session(&window).history().done().collect();
    assert_eq!(steps.len(), 3, "{steps:?}");
    assert!(steps[2].starts_with("Brush"), "{steps:?}");
}

#[test]
fn a_key_in_mid_stroke_keeps_the_stroke_and_an_outline_waits_for_its_tool() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    let at = middle(&window, "Axial view");
    for (key, tool) in [(Key::B, ToolKind::Brush), (Key::E, ToolKind::Eraser), (Key::B, ToolKind::Brush)] {
        window.event(Event::PointerMoved(at));
        window.step();
        button(&window, at, PointerButton::Primary, true);
        window.run_steps(2);
        press(&mut window, Modifiers::NONE, key);
        button(&window, at, PointerButton::Primary, false);
        window.run_steps(2);
        assert_eq!(session(&window).tool_kind(), tool);
    }
    // Painted, painted again in vain, and erased.
    assert_eq!(
        session(&window).history().done().len(),
        2,
        "{:?}",
        session(&window).history().done().collect::<Vec<_>>()
    );
    press(&mut window, Modifiers::NONE, Key::P);
    for by in [Vec2::ZERO, Vec2::new(60.0, 0.0), Vec2::new(60.0, 60.0)] {
        drag(&mut window, PointerButton::Primary, &[at + by]);
    }
    let steps = session(&window).history().done().len();
    press(&mut window, Modifiers::NONE, Key::P);
    press(&mut window, Modifiers::NONE, Key::B);
    press(&mut window, Modifiers::NONE, Key::P);
    // It stands there wherever the pointer is.
    window.event(Event::PointerMoved(middle(&window, "Sagittal view")));
    window.run_steps(2);
    assert!(session(&window).standing_picture(0).is_some());
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(session(&window).history().done().len(), steps + 1);
    assert!(session(&window).standing_picture(0).is_none());
}
