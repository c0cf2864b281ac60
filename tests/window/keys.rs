//! Commands by key, by mouse and by palette, and keys that a person gave others.

use annotomy::session::{Command, WINDOW_PRESETS};

use super::*;

fn type_text(window: &mut Harness<'_, App>, text: &str) {
    window.event(Event::Text(text.into()));
    window.run_steps(3);
}

/// A key as it goes on telling that it is held.
fn held(window: &mut Harness<'_, App>, key: Key) {
    window.event(Event::Key {
        key,
        physical_key: None,
        pressed: true,
        repeat: true,
        modifiers: Modifiers::NONE,
    });
    window.run_steps(2);
}

fn down(window: &mut Harness<'_, App>, key: Key) {
    window.key_down(key);
    window.run_steps(2);
}

fn up(window: &mut Harness<'_, App>, key: Key) {
    window.key_up(key);
    window.run_steps(2);
}

/// Opens the dialog that changes keys.
fn open_keys(window: &mut Harness<'_, App>) {
    press(window, Modifiers::COMMAND, Key::P);
    type_text(window, "change keys");
    press(window, Modifiers::NONE, Key::Enter);
    window.run_steps(3);
}

#[test]
fn the_palette_finds_commands_labels_and_recent_files_by_a_few_letters() {
    let study = Study::new();
    std::fs::copy(study.file("phantom.nii.gz"), study.file("recent one.nii.gz")).expect("copied");
    let settings = study.file("settings.json");
    let recent = serde_json::json!({ "recent": [study.file("recent one.nii.gz")] });
    std::fs::write(&settings, recent.to_string()).expect("written");
    let path = Some(study.file("phantom.nii.gz"));
    let mut window = window_with(Start { settings: Some(settings), ..start(path) });
    wait(&mut window, "the study", |window| window.state().document().is_some());
    press(&mut window, Modifiers::COMMAND, Key::P);
    type_text(&mut window, "wl");
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(session(&window).display().window, WINDOW_PRESETS[1].1, "wl is \"Window: lung\"");

    press(&mut window, Modifiers::COMMAND, Key::L);
    press(&mut window, Modifiers::COMMAND, Key::L);
    assert_eq!(session(&window).active_label(), 2);
    press(&mut window, Modifiers::COMMAND, Key::P);
    type_text(&mut window, "label 1");
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(session(&window).active_label(), 1);

    press(&mut window, Modifiers::COMMAND, Key::P);
    type_text(&mut window, "rec one");
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert!(window.query_by_label("Discard").is_some(), "another study is opened, so marks are asked about");
}

#[test]
fn a_command_that_has_nothing_to_do_is_not_run_from_the_palette() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::COMMAND, Key::P);
    type_text(&mut window, "undo");
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert!(window.query_by_label("Find a command").is_some(), "there is no step to take back");
}

#[test]
fn a_key_is_given_to_another_command_and_stays_given() {
    let study = Study::new();
    let settings = study.file("settings.json");
    let again = || {
        let start = Start { settings: Some(settings.clone()), ..start(Some(study.file("phantom.nii.gz"))) };
        let mut window = window_with(start);
        wait(&mut window, "the study", |window| window.state().document().is_some());
        window
    };
    let mut window = again();
    open_keys(&mut window);
    click(&mut window, "Find a command or a key");
    type_text(&mut window, "brush");
    click(&mut window, "Add a key to Brush");
    press(&mut window, Modifiers::NONE, Key::E);
    assert!(window.query_by_label("E is \"Eraser\".").is_some(), "who has the key is told by name");
    click(&mut window, "Give it to \"Brush\"");
    assert!(window.query_by_label("Remove E from Brush").is_some());
    click(&mut window, "Close");
    press(&mut window, Modifiers::NONE, Key::E);
    assert_eq!(session(&window).tool_kind(), ToolKind::Brush);
    drop(window);

    let mut window = again();
    press(&mut window, Modifiers::NONE, Key::E);
    assert_eq!(session(&window).tool_kind(), ToolKind::Brush, "settings survive");
    open_keys(&mut window);
    click(&mut window, "Find a command or a key");
    type_text(&mut window, "eraser");
    click(&mut window, "Reset Eraser");
    click(&mut window, "Close");
    press(&mut window, Modifiers::NONE, Key::E);
    assert_eq!(session(&window).tool_kind(), ToolKind::Eraser);
}

#[test]
fn a_profile_brings_the_keys_of_another_program_and_tooltips_tell_them() {
    let study = Study::new();
    let settings = study.file("settings.json");
    std::fs::write(&settings, r#"{"keys": {"profile": "ITK-SNAP"}}"#).expect("written");
    let start = Start { settings: Some(settings), ..start(Some(study.file("phantom.nii.gz"))) };
    let mut window = window_with(start);
    wait(&mut window, "the study", |window| window.state().document().is_some());
    press(&mut window, Modifiers::NONE, Key::Num4);
    assert_eq!(session(&window).tool_kind(), ToolKind::Brush);
    let at = window.get_by_label("Navigate").rect().center();
    window.event(Event::PointerMoved(at));
    wait(&mut window, "the tooltip", |window| {
        window.query_by_label_contains("drag the window and level  (1)").is_some()
    });
}

#[test]
fn every_tool_button_says_its_key() {
    let study = Study::new();
    let mut window = opened(&study);
    for kind in [ToolKind::Brush, ToolKind::Eraser, ToolKind::Box, ToolKind::Landmark] {
        let row = Command::Tool(kind).info().expect("a row");
        let expected = format!("{}  ({})", row.tooltip, row.keys[0]);
        let at = window.get_by_role_and_label(egui::accesskit::Role::Button, row.name).rect().center();
        window.event(Event::PointerMoved(at));
        wait(&mut window, row.name, |window| window.query_by_label(&expected).is_some());
    }
}

#[test]
fn space_tapped_takes_the_last_tool_and_held_pans() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    press(&mut window, Modifiers::NONE, Key::E);
    for expected in [ToolKind::Brush, ToolKind::Eraser] {
        press(&mut window, Modifiers::NONE, Key::Space);
        assert_eq!(session(&window).tool_kind(), expected);
    }
    let before = session(&window).view(0).plane.origin();
    let at = middle(&window, "Axial view");
    down(&mut window, Key::Space);
    drag(&mut window, PointerButton::Primary, &[at, at + Vec2::new(40.0, 0.0)]);
    up(&mut window, Key::Space);
    assert_eq!(session(&window).tool_kind(), ToolKind::Eraser, "panning is no tap");
    assert!(session(&window).view(0).plane.origin().distance(before) > 1.0);
    assert_eq!(labelled(&window), 0);
}

#[test]
fn a_key_that_is_held_toggles_once_and_steps_on() {
    let study = Study::new();
    let mut window = opened(&study);
    let shown = |window: &Harness<'_, App>| session(window).display().overlay.shown;
    down(&mut window, Key::S);
    held(&mut window, Key::S);
    held(&mut window, Key::S);
    assert!(!shown(&window));
    window.run_steps(20);
    up(&mut window, Key::S);
    assert!(shown(&window), "a peek ends when the key is let go");
    press(&mut window, Modifiers::NONE, Key::S);
    assert!(!shown(&window), "a tap stays");

    let slice = |window: &Harness<'_, App>| session(window).view(0).slice.map(|(_, slice)| slice);
    window.event(Event::PointerMoved(middle(&window, "Axial view")));
    let first = slice(&window).expect("a slice");
    down(&mut window, Key::ArrowUp);
    held(&mut window, Key::ArrowUp);
    let moved = slice(&window).expect("a slice").abs_diff(first);
    assert_eq!(moved, 2);
    press(&mut window, Modifiers::SHIFT, Key::ArrowDown);
    assert_eq!(slice(&window).expect("a slice").abs_diff(first), 3, "Shift goes five");
}

#[test]
fn other_modifiers_make_another_key() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::ALT, Key::B);
    assert_eq!(session(&window).tool_kind(), ToolKind::Navigate);
    press(&mut window, Modifiers::SHIFT, Key::B);
    assert_eq!(session(&window).tool_kind(), ToolKind::Navigate, "Shift+B is the shape of the brush");
}

#[test]
fn annotated_slices_are_reached_by_key_and_by_mouse() {
    let study = Study::new();
    let mut window = opened(&study);
    let at = middle(&window, "Axial view");
    press(&mut window, Modifiers::NONE, Key::B);
    drag(&mut window, PointerButton::Primary, &[at]);
    wheel(&mut window, 5.0);
    drag(&mut window, PointerButton::Primary, &[at]);
    wheel(&mut window, -2.0);
    let axis = session(&window).view(0).slice.expect("a slice").0.slice_axis;
    let annotated = session(&window).annotated_slices(axis).to_vec();
    assert_eq!(annotated.len(), 2);
    let reached = |window: &mut Harness<'_, App>, go: &dyn Fn(&mut Harness<'_, App>)| {
        go(window);
        window.run_steps(2);
        session(window).view(0).slice.expect("a slice").1
    };
    let key = |key: Key| move |window: &mut Harness<'_, App>| press(window, Modifiers::COMMAND, key);
    let mouse = |with: PointerButton| {
        move |window: &mut Harness<'_, App>| {
            button(window, at, with, true);
            button(window, at, with, false);
        }
    };
    let one = reached(&mut window, &key(Key::ArrowUp));
    let other = reached(&mut window, &key(Key::ArrowDown));
    assert_ne!(one, other);
    assert!(annotated.contains(&one) && annotated.contains(&other));
    assert_eq!(reached(&mut window, &key(Key::ArrowDown)), other, "further that way there is none");
    assert_eq!(reached(&mut window, &mouse(PointerButton::Extra2)), one);
    assert_eq!(reached(&mut window, &mouse(PointerButton::Extra1)), other);
}

fn event(key: Key, place: Option<Key>, pressed: bool, modifiers: Modifiers) -> Event {
    Event::Key { key, physical_key: place, pressed, repeat: false, modifiers }
}

/// A key goes down and up again.
fn tap(key: Key) -> [Event; 2] {
    [true, false].map(|pressed| event(key, None, pressed, Modifiers::NONE))
}

/// What a keyboard tells of a word.
fn written(word: &str) -> Vec<Event> {
    word.chars().map(|letter| Event::Text(letter.to_string())).collect()
}

/// All of it comes within one frame.
fn in_one_frame(window: &mut Harness<'_, App>, events: impl IntoIterator<Item = Event>) {
    window.input_mut().events.extend(events);
    window.run_steps(12);
}

#[test]
fn space_that_is_held_is_no_tap_however_often_it_repeats() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::E);
    press(&mut window, Modifiers::NONE, Key::B);
    let at = middle(&window, "Axial view");
    down(&mut window, Key::Space);
    held(&mut window, Key::Space);
    button(&window, at, PointerButton::Primary, true);
    window.step();
    held(&mut window, Key::Space);
    button(&window, at, PointerButton::Primary, false);
    held(&mut window, Key::Space);
    up(&mut window, Key::Space);
    assert_eq!(session(&window).tool_kind(), ToolKind::Brush, "panning is no tap");
    down(&mut window, Key::Space);
    for _ in 0..20 {
        held(&mut window, Key::Space);
    }
    up(&mut window, Key::Space);
    assert_eq!(session(&window).tool_kind(), ToolKind::Brush, "holding is no tap");
    press(&mut window, Modifiers::NONE, Key::Space);
    assert_eq!(session(&window).tool_kind(), ToolKind::Eraser);
}

/// Shift is let go before the sign that it brought forth, whose release is then told as another key's.
#[test]
fn signs_that_need_shift_work_more_than_once() {
    let mut window = window(None);
    window.run_steps(2);
    let first = window.ctx.zoom_factor();
    let held = Modifiers { shift: true, ..Modifiers::COMMAND };
    for _ in 0..3 {
        window.event(event(Key::Plus, Some(Key::Equals), true, held));
        window.run_steps(2);
        window.event(event(Key::Equals, Some(Key::Equals), false, Modifiers::COMMAND));
        window.run_steps(2);
    }
    assert!((window.ctx.zoom_factor() - first - 0.3).abs() < 0.01, "{}", window.ctx.zoom_factor());
    for open in [true, false, true] {
        window.event(event(Key::Questionmark, Some(Key::Slash), true, Modifiers::SHIFT));
        window.run_steps(3);
        window.event(event(Key::Slash, Some(Key::Slash), false, Modifiers::NONE));
        window.run_steps(3);
        assert_eq!(window.query_by_label("Change keys…").is_some(), open);
        if open {
            press(&mut window, Modifiers::NONE, Key::Escape);
            break;
        }
    }
}

#[test]
fn the_palette_runs_what_was_typed_and_entered_within_one_frame() {
    let study = Study::new();
    let mut window = opened(&study);
    let palette = event(Key::P, None, true, Modifiers::COMMAND);
    let burst = [palette].into_iter().chain(written("thresh")).chain(tap(Key::Enter));
    in_one_frame(&mut window, burst);
    assert!(window.query_by_label("Find a command").is_none());
    assert!(session(&window).trial().is_some(), "Threshold… is tried");
}

#[test]
fn the_list_of_the_palette_grows_again_after_one_result() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::COMMAND, Key::P);
    window.run_steps(4);
    let rows = |window: &Harness<'_, App>| {
        let shown = window.ctx.content_rect().height().min(440.0);
        let commands = annotomy::session::COMMANDS.iter();
        let seen = |name: &str| {
            let found = window.query_all_by_role_and_label(egui::accesskit::Role::ListBoxOption, name);
            found.into_iter().any(|node| node.rect().bottom() < shown)
        };
        commands.filter(|row| seen(row.name)).count()
    };
    let all = rows(&window);
    assert!(all > 8, "{all} rows at first");
    type_text(&mut window, "hollow");
    window.run_steps(4);
    for _ in 0..6 {
        press(&mut window, Modifiers::NONE, Key::Backspace);
    }
    window.run_steps(6);
    assert_eq!(rows(&window), all);
}

#[test]
fn borders_of_a_range_are_typed_one_after_the_other() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    let check = |window: &mut Harness<'_, App>, low: &str, high: &str, expected: [f64; 2]| {
        click(window, "Lowest value painted");
        let typed = written(low).into_iter().chain(tap(Key::Tab)).chain(written(high)).chain(tap(Key::Enter));
        in_one_frame(window, typed);
        assert_eq!(session(window).brush().only_values, Some(expected), "{low} to {high}");
    };
    check(&mut window, "40", "160", [40.0, 160.0]);
    check(&mut window, "300", "1600", [300.0, 1600.0]);
    check(&mut window, "-700", "-60", [-700.0, -60.0]);
    // The border that was typed last takes the other along.
    check(&mut window, "100", "40", [40.0, 40.0]);

    press(&mut window, Modifiers::COMMAND, Key::T);
    window.run_steps(3);
    let from = window.get_all_by_label("From").last().expect("a field").rect().right_center();
    let at = from - Vec2::new(20.0, 0.0);
    drag(&mut window, PointerButton::Primary, &[at]);
    let typed = written("-5000").into_iter().chain(tap(Key::Tab)).chain(tap(Key::Tab));
    in_one_frame(&mut window, typed.chain(written("99999")).chain(tap(Key::Enter)));
    let algorithm = session(&window).trial().expect("a trial").algorithm.clone();
    let annotomy::session::Algorithm::Threshold { range, .. } = algorithm else { panic!("{algorithm:?}") };
    assert_eq!(range, [-5000.0, 99999.0], "also beyond all values");
}

#[test]
fn escape_gives_up_what_is_written_and_nothing_else() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::COMMAND, Key::L);
    press(&mut window, Modifiers::NONE, Key::B);
    name_label(&mut window);
    in_one_frame(&mut window, written("Liver").into_iter().chain(tap(Key::Escape)));
    assert_eq!(session(&window).case().scheme().get(1).map(|label| label.name.as_str()), Some("Label 1"));
    assert_eq!(session(&window).tool_kind(), ToolKind::Brush);

    let before = session(&window).brush().radius_mm;
    let slider = window.get_all_by_label("Diameter").last().expect("a field").rect().right_center();
    drag(&mut window, PointerButton::Primary, &[slider - Vec2::new(20.0, 0.0)]);
    in_one_frame(&mut window, written("33").into_iter().chain(tap(Key::Escape)));
    assert_eq!(session(&window).brush().radius_mm, before);
    assert_eq!(session(&window).tool_kind(), ToolKind::Brush);
    drag(&mut window, PointerButton::Primary, &[slider - Vec2::new(20.0, 0.0)]);
    in_one_frame(&mut window, written("38").into_iter().chain(tap(Key::Tab)));
    assert_eq!(session(&window).brush().radius_mm, 19.0);
}

#[test]
fn escape_closes_a_menu_and_keeps_the_tool_and_a_stroke_closes_it_too() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    let is_open = |window: &Harness<'_, App>| egui::Popup::is_any_open(&window.ctx);
    click(&mut window, "View");
    assert!(is_open(&window));
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert_eq!((is_open(&window), session(&window).tool_kind()), (false, ToolKind::Brush));

    click(&mut window, "View");
    let at = middle(&window, "Sagittal view");
    drag(&mut window, PointerButton::Primary, &[at, at + Vec2::new(30.0, 0.0)]);
    assert!(!is_open(&window));
    assert!(labelled(&window) > 0);
    assert_eq!(session(&window).history().done().count(), 1, "one stroke, one step");

    let label = window.get_by_label("Label 1 Label 1").rect().left_center() + Vec2::new(70.0, 0.0);
    drag(&mut window, PointerButton::Secondary, &[label]);
    assert!(is_open(&window), "the menu of a label");
    click(&mut window, "Vermilion");
    let colour = session(&window).case().scheme().get(1).map(|label| label.color.to_string());
    assert_eq!((colour.as_deref(), is_open(&window)), (Some("#d55e00"), false));
    drag(&mut window, PointerButton::Secondary, &[label]);
    press(&mut window, Modifiers::NONE, Key::E);
    assert_eq!((is_open(&window), session(&window).tool_kind()), (false, ToolKind::Eraser));
}

#[test]
fn a_click_on_the_title_of_another_menu_opens_that_one() {
    let study = Study::new();
    let mut window = opened(&study);
    for frames_between in [0, 3] {
        click(&mut window, "File");
        assert!(window.query_by_label("Save to folder…").is_some());
        let at = window.get_by_label("Label").rect().center();
        window.event(Event::PointerMoved(at));
        window.run_steps(frames_between);
        button(&window, at, PointerButton::Primary, true);
        window.run_steps(frames_between);
        button(&window, at, PointerButton::Primary, false);
        window.run_steps(4);
        assert!(window.query_by_label("Labels: organs").is_some(), "{frames_between} frames between");
        assert!(window.query_by_label("Save to folder…").is_none());
        click(&mut window, "Label");
        assert!(window.query_by_label("Labels: organs").is_none(), "a click on its own title closes it");
    }
}

#[test]
fn a_menu_is_as_tall_as_the_window_allows_and_ticks_what_is_on() {
    let study = Study::new();
    let mut window = opened(&study);
    click(&mut window, "View");
    window.run_steps(3);
    let bottom = window.ctx.content_rect().bottom();
    let rows: Vec<_> = annotomy::session::COMMANDS
        .iter()
        .filter(|row| row.menu == annotomy::session::Menu::View)
        .filter_map(|row| window.query_by_label(row.name).map(|node| node.rect()))
        .collect();
    let seen = rows.iter().filter(|rect| rect.bottom() <= bottom).count();
    assert!(seen >= 22, "{seen} of {} rows are seen", rows.len());
    let ticked = |window: &Harness<'_, App>| {
        let row = window.get_by_label("Crosshair shown");
        row.accesskit_node().toggled() == Some(egui::accesskit::Toggled::True)
    };
    assert!(ticked(&window));
    click(&mut window, "Crosshair shown");
    click(&mut window, "View");
    window.run_steps(3);
    assert!(!ticked(&window));
}
