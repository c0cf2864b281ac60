//! Tools that look at the picture, as they are set and used in the window.

use annotomy::session::AlgorithmKind;
use egui::accesskit::Role;

use super::*;

fn steps(window: &Harness<'_, App>) -> Vec<String> {
    session(window).history().done().map(str::to_owned).collect()
}

#[test]
fn the_brush_follows_edges_by_one_key_and_says_how_far() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    assert!(window.query_by_role_and_label(Role::Slider, "Takes in").is_none());
    press(&mut window, Modifiers::SHIFT, Key::E);
    assert!(session(&window).brush().follow_edges.is_some());
    assert!(window.query_by_role_and_label(Role::Slider, "Takes in").is_some());
    let at = middle(&window, "Axial view");
    drag(&mut window, PointerButton::Primary, &[at, at + Vec2::new(25.0, 8.0), at + Vec2::new(50.0, 0.0)]);
    let painted = labelled(&window);
    assert!(painted > 0);
    assert_eq!(steps(&window).len(), 1);
    assert!(steps(&window)[0].contains("along edges"), "{:?}", steps(&window));
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(labelled(&window), 0);
    click(&mut window, "Follow edges");
    assert_eq!(session(&window).brush().follow_edges, None);
}

#[test]
fn a_contour_snaps_to_edges_and_is_one_step() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::P);
    click(&mut window, "Snap to edges");
    assert!(session(&window).snaps_to_edges());
    press(&mut window, Modifiers::SHIFT, Key::L);
    assert!(!session(&window).snaps_to_edges());
    press(&mut window, Modifiers::SHIFT, Key::L);
    let at = middle(&window, "Coronal view");
    for corner in [[-60.0, -50.0], [60.0, -50.0], [60.0, 50.0], [-60.0, 50.0]] {
        drag(&mut window, PointerButton::Primary, &[at + Vec2::from(corner)]);
    }
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert!(labelled(&window) > 0);
    assert_eq!(steps(&window), ["Contour on Label 1"]);
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(labelled(&window), 0);
}

#[test]
fn a_boundary_is_refined_near_the_crosshair_or_everywhere_and_taken_by_enter() {
    let study = Study::new();
    let mut window = opened(&study);
    press(&mut window, Modifiers::NONE, Key::B);
    press(&mut window, Modifiers::SHIFT, Key::B);
    let at = middle(&window, "Axial view");
    drag(&mut window, PointerButton::Primary, &[at, at + Vec2::new(40.0, 0.0), at + Vec2::new(40.0, 30.0)]);
    let painted = session(&window).case().layers()[0].clone();
    press(&mut window, Modifiers::NONE, Key::V);
    drag(&mut window, PointerButton::Primary, &[at + Vec2::new(20.0, 0.0)]);
    press(&mut window, Modifiers::COMMAND, Key::R);
    let made =
        |window: &Harness<'_, App>| session(window).trial().is_some_and(|trial| trial.progress.is_none());
    let kind = session(&window).trial().map(|trial| trial.kind);
    assert_eq!(kind, Some(AlgorithmKind::Refine));
    for slider in ["Within", "As far as"] {
        assert!(window.query_by_role_and_label(Role::Slider, slider).is_some(), "{slider}");
    }
    wait(&mut window, "the boundary", made);
    click(&mut window, "Random walker");
    click(&mut window, "Everywhere");
    assert!(window.query_by_role_and_label(Role::Slider, "As far as").is_none());
    wait(&mut window, "the boundary", made);
    let trial = session(&window).trial().map(|trial| (trial.problem, trial.changes_nothing));
    assert_eq!(trial, Some((None, false)));
    assert!(session(&window).case().layers()[0].has_same_labels(&painted), "it only shows");
    press(&mut window, Modifiers::NONE, Key::Enter);
    wait(&mut window, "the step", |window| session(window).trial().is_none());
    assert_eq!(steps(&window).len(), 2);
    assert_eq!(steps(&window)[1], "Refine the boundary of Label 1");
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert!(session(&window).case().layers()[0].has_same_labels(&painted));
}
