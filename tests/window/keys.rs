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
