//! A day's work: several series, a worklist, a form.

use annotomy::annotation::{Answer, Subject};
use egui::accesskit::Role;

use super::*;

fn write_into(window: &mut Harness<'_, App>, field: &str, text: &str) {
    window.get_by_role_and_label(Role::TextInput, field).click();
    window.run_steps(4);
    window.event(Event::Text(text.into()));
    press(window, Modifiers::NONE, Key::Enter);
}

fn dab(window: &mut Harness<'_, App>) {
    press(window, Modifiers::NONE, Key::B);
    let at = middle(window, "Axial view");
    drag(window, PointerButton::Primary, &[at, at + Vec2::new(20.0, 0.0)]);
}

#[test]
fn unsaved_series_bear_a_dot_are_asked_about_by_name_and_saved_together() {
    let study = Study::new();
    std::fs::copy(study.file("phantom.nii.gz"), study.file("second.nii.gz")).expect("copied");
    let mut window = window(Some(study.folder.path().to_owned()));
    wait(&mut window, "the first series", |window| window.state().document().is_some());
    dab(&mut window);
    assert!(window.query_by_label("Series phantom.nii.gz, unsaved").is_some());
    let toast = "is a new label";
    assert!(window.query_by_label_contains(toast).is_some());
    click(&mut window, "Series second.nii.gz");
    wait(&mut window, "the second series", |window| window.state().document().is_some());
    assert!(window.query_by_label_contains(toast).is_none(), "a notice goes with its series");
    assert!(window.query_by_label("Series phantom.nii.gz, unsaved").is_some(), "the dot stays");
    dab(&mut window);
    press(&mut window, Modifiers::COMMAND, Key::W);
    let question = window.get_by_label_contains("Not on disk yet are the marks of");
    let text = question.accesskit_node().label().or(question.value()).unwrap_or_default();
    assert!(text.contains("phantom.nii.gz") && text.contains("second.nii.gz"), "{text}");
    click(&mut window, "Save all");
    wait(&mut window, "both saves", |window| window.state().document().is_none());
    assert!(study.file("phantom.annotomy.json").exists() && study.file("second.annotomy.json").exists());
}

#[test]
fn all_unsaved_series_can_be_given_up() {
    let study = Study::new();
    std::fs::copy(study.file("phantom.nii.gz"), study.file("second.nii.gz")).expect("copied");
    let mut window = window(Some(study.folder.path().to_owned()));
    wait(&mut window, "the first series", |window| window.state().document().is_some());
    dab(&mut window);
    click(&mut window, "Series second.nii.gz");
    wait(&mut window, "the second series", |window| window.state().document().is_some());
    dab(&mut window);
    press(&mut window, Modifiers::COMMAND, Key::W);
    click(&mut window, "Discard");
    assert!(window.state().document().is_none());
    assert!(!study.file("phantom.annotomy.json").exists() && !study.file("second.annotomy.json").exists());
}

#[test]
fn a_stroke_begins_at_once_though_a_name_is_being_typed() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    press(&mut window, Modifiers::COMMAND, Key::L);
    name_label(&mut window);
    assert!(window.ctx.text_edit_focused());
    let at = middle(&window, "Axial view");
    drag(&mut window, PointerButton::Primary, &[at, at + Vec2::new(15.0, 0.0)]);
    assert!(labelled(&window) > 0);
}

#[test]
fn losing_the_keyboard_in_mid_stroke_keeps_the_stroke() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    let at = middle(&window, "Axial view");
    window.event(Event::PointerMoved(at));
    button(&window, at, PointerButton::Primary, true);
    window.step();
    window.event(Event::PointerMoved(at + Vec2::new(12.0, 0.0)));
    window.step();
    window.event(Event::WindowFocused(false));
    window.run_steps(2);
    assert!(labelled(&window) > 0);
    assert_eq!(session(&window).history().done().len(), 1);
}

const FORM: &str = r#"{
  "title": "Chest",
  "questions": [
    {"id": "quality", "text": "Quality", "about": "series", "kind": "one", "choices": ["good", "poor"]},
    {"id": "findings", "text": "Findings", "about": "case", "kind": "many", "choices": ["nodule", "effusion", "none"]},
    {"id": "size", "text": "Largest diameter", "about": "series", "kind": "number", "min": 0, "max": 300, "unit": "mm"},
    {"id": "note", "text": "Remark", "about": "slice", "kind": "text"}
  ]
}"#;

#[test]
fn a_form_beside_the_study_is_asked_answered_undone_and_saved() {
    let study = Study::new();
    std::fs::write(study.file("annotomy-form.json"), FORM).expect("written");
    let mut window = opened(&study);
    window.set_size(Vec2::new(1280.0, 1500.0));
    window.run_steps(3);
    click(&mut window, "Quality: good");
    click(&mut window, "Findings: effusion");
    click(&mut window, "Findings: nodule");
    write_into(&mut window, "Largest diameter", "b12,5");
    let said = |window: &Harness<'_, App>, subject| session(window).classification(subject);
    assert!(!said(&window, Subject::Series).answers.contains_key("size"), "b12,5 is no number");
    write_into(&mut window, "Largest diameter", "12,5");
    write_into(&mut window, "Remark", "seen twice");
    click(&mut window, "Series is ambiguous");
    write_into(&mut window, "Why series is ambiguous", "motion");
    assert_eq!(session(&window).tool_kind(), ToolKind::Navigate, "typing takes no tool");

    let slice = session(&window).subject(annotomy::annotation::About::Slice);
    assert!(matches!(slice, Subject::Slice { .. }));
    assert_eq!(said(&window, slice).answers["note"], Answer::Text("seen twice".into()));
    let series = said(&window, Subject::Series);
    assert_eq!(series.answers["quality"], Answer::Text("good".into()));
    assert_eq!(series.answers["size"], Answer::Number(12.5));
    assert_eq!(series.ambiguous.as_deref(), Some("motion"));
    let both = Answer::Choices(vec!["nodule".into(), "effusion".into()]);
    assert_eq!(said(&window, Subject::Case).answers["findings"], both, "in the form's order");

    let steps: Vec<String> = session(&window).history().done().map(str::to_owned).collect();
    assert_eq!(steps.len(), 7, "{steps:?}");
    click(&mut window, "Quality: good");
    assert!(!said(&window, Subject::Series).answers.contains_key("quality"), "again takes it back");
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(said(&window, Subject::Series), series);

    press(&mut window, Modifiers::COMMAND, Key::S);
    wait(&mut window, "the save", |window| !session(window).is_unsaved());
    let again = opened(&study);
    assert_eq!(session(&again).case().classifications(), session(&window).case().classifications());
}

#[test]
fn a_worklist_is_worked_through_by_two_keys() {
    let study = Study::new();
    let folder = study.file("list");
    std::fs::create_dir(&folder).expect("a folder");
    for name in ["case 2.nii.gz", "case 10.nii.gz", "case 9.nii.gz"] {
        std::fs::copy(study.file("phantom.nii.gz"), folder.join(name)).expect("copied");
    }
    let mut window = window_with(Start { worklist: Some(folder.clone()), ..start(None) });
    let listed = |window: &Harness<'_, App>, what: &str| window.query_by_label(what).is_some();
    wait(&mut window, "the list", |window| listed(window, "Study case 10.nii.gz, not started"));
    let shown =
        |window: &Harness<'_, App>| window.state().document().map(|open| open.study().series.id.clone());
    let done = |window: &mut Harness<'_, App>| press(window, Modifiers::COMMAND, Key::Enter);
    let next = |window: &mut Harness<'_, App>| press(window, Modifiers::COMMAND, Key::PageDown);
    next(&mut window);
    wait(&mut window, "the first study", |window| shown(window).as_deref() == Some("case 2"));
    dab(&mut window);
    done(&mut window);
    wait(&mut window, "the status", |window| listed(window, "Study case 2.nii.gz, done"));
    next(&mut window);
    wait(&mut window, "the second study", |window| shown(window).as_deref() == Some("case 9"));
    done(&mut window);
    wait(&mut window, "the status", |window| listed(window, "Study case 9.nii.gz, done"));
    next(&mut window);
    wait(&mut window, "the third study", |window| shown(window).as_deref() == Some("case 10"));
    press(&mut window, Modifiers::COMMAND, Key::PageUp);
    assert_eq!(shown(&window).as_deref(), Some("case 10"), "above all is done");
    assert!(window.query_by_label("No study above is left to do").is_some());
}

#[test]
fn a_number_that_is_no_answer_stays_written_and_says_why() {
    let study = Study::new();
    std::fs::write(study.file("annotomy-form.json"), FORM).expect("written");
    let mut window = opened(&study);
    window.set_size(Vec2::new(1280.0, 1500.0));
    window.run_steps(3);
    let text = |window: &Harness<'_, App>| {
        let field = window.get_by_role_and_label(Role::TextInput, "Largest diameter");
        field.accesskit_node().value().unwrap_or_default()
    };
    let size = |window: &Harness<'_, App>| {
        session(window).classification(Subject::Series).answers.get("size").cloned()
    };
    write_into(&mut window, "Largest diameter", "900");
    window.run_steps(3);
    assert_eq!((text(&window).as_str(), size(&window)), ("900", None));
    assert!(window.query_by_label("not taken: 0 to 300").is_some());
    write_into(&mut window, "Largest diameter", "wide");
    window.run_steps(3);
    assert_eq!((text(&window).as_str(), size(&window)), ("wide", None), "what was refused is written over");
    assert!(window.query_by_label("not taken: no number").is_some());
    write_into(&mut window, "Largest diameter", "30");
    window.run_steps(3);
    assert_eq!((text(&window).as_str(), size(&window)), ("30", Some(Answer::Number(30.0))));
    assert!(window.query_by_label_contains("not taken").is_none());
}

#[test]
fn a_flag_gives_the_keyboard_to_its_reason() {
    let study = Study::new();
    let mut window = opened(&study);
    window.set_size(Vec2::new(1280.0, 1500.0));
    window.run_steps(3);
    click(&mut window, "Series is ambiguous");
    window.run_steps(2);
    window.event(Event::Text("motion".into()));
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(session(&window).classification(Subject::Series).ambiguous.as_deref(), Some("motion"));
}

#[test]
fn the_box_study_done_saves_as_the_command_does() {
    let study = Study::new();
    let mut window = opened(&study);
    window.set_size(Vec2::new(1280.0, 1500.0));
    window.run_steps(3);
    dab(&mut window);
    window.get_by_role_and_label(Role::CheckBox, "Study done").click();
    window.run_steps(2);
    wait(&mut window, "the save", |window| !session(window).is_unsaved());
    assert!(session(&window).is_done());
    assert!(study.file("phantom.annotomy.json").exists());
}

#[test]
fn a_folder_of_studies_in_folders_is_a_worklist_and_one_of_series_is_not() {
    let study = Study::new();
    let folder = study.file("patients");
    for (patient, files) in [("ada", &["head.nii.gz", "neck.nii.gz"][..]), ("bo", &["head.nii.gz"])] {
        std::fs::create_dir_all(folder.join(patient)).expect("a folder");
        for file in files {
            std::fs::copy(study.file("phantom.nii.gz"), folder.join(patient).join(file)).expect("copied");
        }
    }
    let mut window = window(Some(folder.clone()));
    wait(&mut window, "the list", |window| window.query_by_label("Study ada, not started").is_some());
    assert!(window.query_by_label("Study bo, not started").is_some());
    assert!(window.state().document().is_none(), "a person chooses");
    click(&mut window, "Study ada, not started");
    wait(&mut window, "the study", |window| window.state().document().is_some());
    assert!(window.query_by_label("Series neck.nii.gz").is_some(), "a study of two series");
    assert!(window.query_by_label("Study bo, not started").is_some(), "the list stays");
}

#[test]
fn the_list_of_steps_follows_the_step_where_the_case_stands() {
    let study = Study::new();
    let mut window = opened(&study);
    for _ in 0..30 {
        press(&mut window, Modifiers::COMMAND, Key::L);
    }
    for _ in 0..20 {
        press(&mut window, Modifiers::COMMAND, Key::Z);
    }
    window.run_steps(30);
    let row = window.get_by_role_and_label(Role::ListBoxOption, "New label Label 10").rect();
    let screen = window.ctx.content_rect();
    assert!(row.bottom() <= screen.bottom() - 26.0, "{row:?}");
    assert!(row.top() > screen.bottom() - 26.0 - 168.0, "{row:?}");
}

#[test]
fn the_list_of_labels_follows_the_active_one() {
    let study = Study::new();
    let mut window = opened(&study);
    for _ in 0..30 {
        press(&mut window, Modifiers::COMMAND, Key::L);
    }
    let is_in_sight = |window: &mut Harness<'_, App>, label: &str| {
        window.run_steps(30);
        let row = window.get_by_role_and_label(Role::ListBoxOption, label).rect();
        let above = window.get_by_label("Search labels").rect().bottom();
        let below = window.get_by_label("TOOL: NAVIGATE").rect().top();
        row.top() >= above && row.bottom() <= below
    };
    assert!(is_in_sight(&mut window, "Label 30 Label 30"));
    press(&mut window, Modifiers::COMMAND, Key::Num1);
    assert_eq!(session(&window).active_label(), 1);
    assert!(is_in_sight(&mut window, "Label 1 Label 1"));
    assert!(!is_in_sight(&mut window, "Label 30 Label 30"));
}
