//! Boxes and landmarks, the crosshair and the window, by pointer in every view.

use annotomy::annotation::{OrientedBox, Shape};
use annotomy::geometry::{Patient, Point, Vector};
use annotomy::session::{Button, Command, Session};
use annotomy::tool::ToolKind;

use crate::stage::*;

fn boxes(session: &Session) -> Vec<OrientedBox> {
    let shapes = session.case().annotations().iter().map(|annotation| annotation.shape);
    shapes.filter_map(|shape| if let Shape::Box(shape) = shape { Some(shape) } else { None }).collect()
}

fn landmarks(session: &Session) -> Vec<(String, [f64; 3])> {
    let all = session.case().annotations().iter();
    all.filter_map(|annotation| match annotation.shape {
        Shape::Landmark(point) => Some((annotation.name.clone(), rounded(point))),
        _ => None,
    })
    .collect()
}

fn rounded(point: Point<Patient>) -> [f64; 3] {
    // + 0.0 turns −0 into 0.
    point.to_array().map(|x| (x * 1e6).round() / 1e6 + 0.0)
}

fn bounds(shape: &OrientedBox) -> [[f64; 3]; 2] {
    shape.bounds().map(rounded)
}

fn steps(session: &Session) -> Vec<&str> {
    session.history().done().collect()
}

const MIDDLE: [f64; 3] = [12.0, 10.0, 10.0];

/// Hands with a tool, all three slices through [`MIDDLE`].
fn hands_with(tool: ToolKind, pane: usize) -> Hands {
    let mut hands = Hands::on(plain_case());
    hands.session.set_focus(MIDDLE.into());
    hands.session.take_tool(tool);
    hands.pane = pane;
    hands
}

/// In the pane: the patient axes across, down and deep, and half a slice along the last.
const PANES: [(usize, [usize; 3], f64); 3] =
    [(AXIAL, [0, 1, 2], 1.0), (CORONAL, [0, 2, 1], 0.5), (SAGITTAL, [1, 2, 0], 0.5)];

fn place(axes: [usize; 3], [across, down, deep]: [f64; 3]) -> Point<Patient> {
    let mut point = MIDDLE;
    for (axis, by) in axes.into_iter().zip([across, down, deep]) {
        point[axis] += by;
    }
    point.into()
}

#[test]
fn a_box_is_drawn_moved_and_resized_in_any_view() {
    for (pane, axes, half_slice) in PANES {
        let at = |across, down| place(axes, [across, down, 0.0]);
        let mut hands = hands_with(ToolKind::Box, pane);
        hands.drag(&[at(-3.0, -2.0), at(0.0, 0.0), at(3.0, 4.0)]);
        let drawn = boxes(&hands.session)[0];
        // The depth is the mean of the sides, around the slice.
        let expected =
            |low: [f64; 3], high: [f64; 3]| [rounded(place(axes, low)), rounded(place(axes, high))];
        assert_eq!(bounds(&drawn), expected([-3.0, -2.0, -3.0], [3.0, 4.0, 3.0]), "drawn in pane {pane}");
        assert_eq!(hands.session.selected().map(|a| a.name.as_str()), Some("Box 1"));
        // By its inside, being selected.
        hands.drag(&[at(0.0, 1.0), at(1.0, 1.5), at(2.0, 1.0)]);
        assert_eq!(bounds(&boxes(&hands.session)[0]), expected([-1.0, -2.0, -3.0], [5.0, 4.0, 3.0]));
        // By the handle in the middle of a side, and by a corner.
        hands.drag(&[at(5.0, 1.0), at(7.0, 3.0)]);
        assert_eq!(bounds(&boxes(&hands.session)[0]), expected([-1.0, -2.0, -3.0], [7.0, 4.0, 3.0]));
        hands.drag(&[at(-1.0, -2.0), at(0.0, -3.0)]);
        assert_eq!(bounds(&boxes(&hands.session)[0]), expected([0.0, -3.0, -3.0], [7.0, 4.0, 3.0]));
        assert_eq!(steps(&hands.session), ["Draw Box 1", "Move Box 1", "Resize Box 1", "Resize Box 1"]);
        // A side dragged past the other one leaves a box that can still be seen and taken.
        hands.drag(&[at(7.0, 0.5), at(-5.0, 0.5)]);
        let thin = boxes(&hands.session)[0];
        assert!(thin.half_mm.iter().all(|half| *half > 0.0), "{thin:?}");
        hands.session.go_to_step(1).expect("back to the first");
        assert_eq!(boxes(&hands.session), [drawn]);

        // The wheel sets the depth: from the first slice to the one it ends on, both wholly inside.
        let mut hands = hands_with(ToolKind::Box, pane);
        hands.press(at(-3.0, -2.0), Button::Left, PLAIN);
        hands.move_to(at(3.0, 4.0), PLAIN);
        hands.session.wheel(pane, hands.on_screen(at(3.0, 4.0)), 2.0, PLAIN);
        hands.release();
        let drawn = boxes(&hands.session)[0];
        let [min, max] = bounds(&drawn);
        let deep = axes[2];
        let height = max[deep] - min[deep];
        assert!((height - 6.0 * half_slice).abs() < 1e-6, "three slices deep in pane {pane}: {height}");
        assert!(drawn.contains(MIDDLE.into(), -half_slice + 1e-6));
        assert!(drawn.contains(hands.session.focus(), 1e3), "the focus moved on");
        assert_eq!(steps(&hands.session), ["Draw Box 1"]);
    }
}

#[test]
fn a_drag_broken_off_leaves_the_box_and_a_click_draws_none() {
    let mut hands = hands_with(ToolKind::Box, AXIAL);
    let at = |across, down| place([0, 1, 2], [across, down, 0.0]);
    hands.drag(&[at(1.0, 1.0)]);
    assert!(boxes(&hands.session).is_empty() && steps(&hands.session).is_empty());
    hands.press(at(-3.0, -3.0), Button::Left, PLAIN);
    hands.move_to(at(3.0, 3.0), PLAIN);
    hands.does(&Act::Run(Command::Cancel));
    hands.release();
    assert!(boxes(&hands.session).is_empty() && steps(&hands.session).is_empty());
    hands.drag(&[at(-3.0, -3.0), at(3.0, 3.0)]);
    let drawn = boxes(&hands.session);
    hands.press(at(3.0, 3.0), Button::Left, PLAIN);
    hands.move_to(at(6.0, 6.0), PLAIN);
    assert_ne!(boxes(&hands.session), drawn);
    hands.does(&Act::Run(Command::Cancel));
    assert_eq!(boxes(&hands.session), drawn);
    // Delete in the middle of a drag ends the drag, and deletes the box where it is by then.
    hands.press(at(0.0, 0.0), Button::Left, PLAIN);
    hands.move_to(at(2.0, 0.0), PLAIN);
    let moved = boxes(&hands.session);
    hands.does(&Act::Run(Command::DeleteSelected));
    hands.release();
    assert!(boxes(&hands.session).is_empty());
    for expected in [moved, drawn] {
        assert_eq!(hands.session.undo(), Ok(true));
        assert_eq!(boxes(&hands.session), expected);
    }
}

#[test]
fn a_scripts_box_and_landmark_lie_where_they_are_told() {
    let mut hands = Hands::on(plain_case());
    let steps_of_script = r#"{"tool": "landmark", "name": "Sella", "point_lps": [1.5, 2.25, 3]},
        {"tool": "box", "label": 1, "min_lps": [1, 2, 3], "max_lps": [4, 6, 9]},
        {"tool": "box", "min_lps": [4, 6, 9], "max_lps": [1, 2, 3]}"#;
    run_steps(&mut hands.session, steps_of_script).expect("made");
    assert_eq!(landmarks(&hands.session), [("Sella".to_owned(), [1.5, 2.25, 3.0])]);
    let corners = [[1.0, 2.0, 3.0], [4.0, 6.0, 9.0]];
    assert_eq!(boxes(&hands.session).iter().map(bounds).collect::<Vec<_>>(), [corners, corners]);
    assert_eq!(steps(&hands.session), ["Place Sella", "Draw Box 1", "Draw Box 2"]);
    run_steps(&mut hands.session, r#"{"tool": "undo", "times": 2}"#).expect("undone");
    assert!(boxes(&hands.session).is_empty() && landmarks(&hands.session).len() == 1);
    run_steps(&mut hands.session, r#"{"tool": "redo", "times": 2}"#).expect("made again");
    assert_eq!(boxes(&hands.session).len(), 2);
}

#[test]
fn a_landmark_is_placed_dragged_named_and_deleted_in_any_view() {
    for (pane, axes, half_slice) in PANES {
        let at = |across, down, deep| place(axes, [across, down, deep]);
        let mut hands = hands_with(ToolKind::Landmark, pane);
        hands.drag(&[at(2.0, 1.0, 0.0)]);
        hands.drag(&[at(-4.0, 3.0, 0.0)]);
        assert_eq!(
            landmarks(&hands.session),
            [
                ("Landmark 1".to_owned(), rounded(at(2.0, 1.0, 0.0))),
                ("Landmark 2".to_owned(), rounded(at(-4.0, 3.0, 0.0)))
            ]
        );
        // Taken a little beside its middle it moves by what the hand moves; the wheel takes it along.
        hands.press(at(2.1, 1.0, 0.0), Button::Left, PLAIN);
        hands.move_to(at(3.1, 2.0, 0.0), PLAIN);
        let before = hands.session.focus();
        hands.session.wheel(pane, hands.on_screen(at(3.1, 2.0, 0.0)), 1.0, PLAIN);
        let deep = (hands.session.focus() - before).to_array()[axes[2]];
        hands.release();
        assert!((deep.abs() - 2.0 * half_slice).abs() < 1e-9);
        assert_eq!(landmarks(&hands.session)[0].1, rounded(at(3.0, 2.0, deep)), "pane {pane}");
        assert_eq!(
            steps(&hands.session),
            ["Place Landmark 1", "Place Landmark 2", "Move Landmark 1"],
            "pane {pane}"
        );
        let id = hands.session.selected().expect("selected").id;
        hands.session.rename_annotation(id, "Sella").expect("renamed");
        hands.session.rename_annotation(id, "Sella").expect("again");
        assert_eq!(landmarks(&hands.session)[0].0, "Sella");
        hands.does(&Act::Run(Command::DeleteSelected));
        assert_eq!(landmarks(&hands.session).len(), 1);
        hands.does(&Act::Run(Command::Undo));
        assert_eq!(landmarks(&hands.session)[0].0, "Sella", "it comes back at its place");
        let steps = steps(&hands.session).len();
        // A click on one selects it and changes nothing.
        hands.session.select(None);
        hands.session.set_focus(at(0.0, 0.0, deep));
        hands.drag(&[at(3.0, 2.0, deep)]);
        assert_eq!(hands.session.selected().map(|a| a.name.clone()), Some("Sella".into()));
        assert_eq!(hands.session.history().done().len(), steps);
    }
}

#[test]
fn deleting_a_label_leaves_no_mark_that_names_it() {
    let mut session = Hands::on(plain_case()).session;
    let made = r#"{"tool": "label", "index": 1, "name": "Lesion"},
        {"tool": "box", "label": 1, "min_lps": [1, 2, 3], "max_lps": [4, 6, 9]},
        {"tool": "landmark", "label": 1, "name": "Sella", "point_lps": [1, 2, 3]}"#;
    run_steps(&mut session, made).expect("made");
    let before = session.case().annotations().to_vec();
    session.delete_label(1).expect("deleted");
    assert!(session.case().annotations().iter().all(|annotation| annotation.label.is_none()));
    assert_eq!(session.case().annotations().len(), 2, "the marks themselves stay");
    session.undo().expect("undone");
    assert_eq!(session.case().annotations(), before);
}

#[test]
fn a_click_in_one_pane_moves_the_others_to_the_same_point() {
    let point: Point<Patient> = Point::new(17.0, 4.0, 6.0);
    for (pane, axes, _) in PANES {
        let mut hands = hands_with(ToolKind::Navigate, pane);
        let mut on_slice = MIDDLE;
        for axis in &axes[..2] {
            on_slice[*axis] = point.to_array()[*axis];
        }
        hands.drag(&[on_slice.into()]);
        assert_eq!(rounded(hands.session.focus()), on_slice);
        for (other, other_axes, _) in PANES {
            let shown = hands.session.view(other).slice.expect("a slice").1;
            let spacing = [1.0, 1.0, 2.0][other_axes[2]];
            assert_eq!(
                shown as f64 * spacing,
                on_slice[other_axes[2]],
                "pane {other} after a click in {pane}"
            );
        }
        // Shift and a move without a button do the same.
        hands.move_to(place(axes, [1.0, 2.0, 0.0]), SHIFT);
        assert_eq!(rounded(hands.session.focus()), rounded(place(axes, [1.0, 2.0, 0.0])));
    }
}

#[test]
fn a_drag_in_navigate_sets_the_window_and_escape_sets_it_back() {
    let mut hands = hands_with(ToolKind::Navigate, AXIAL);
    let (before, focus) = (hands.session.display().window, hands.session.focus());
    let at = Point::new(100.0, 100.0, 0.0);
    let drag = |hands: &mut Hands| {
        hands.session.press(AXIAL, at, Button::Left, PLAIN);
        hands.session.pointer_moved(AXIAL, at + Vector::new(90.0, 0.0, 0.0), PLAIN);
        hands.session.pointer_moved(AXIAL, at + Vector::new(200.0, -100.0, 0.0), PLAIN);
    };
    drag(&mut hands);
    let window = hands.session.display().window;
    assert!((window.width - before.width * 2.0).abs() < 1e-9);
    assert!((window.centre - (before.centre - before.width / 4.0)).abs() < 1e-9);
    hands.does(&Act::Run(Command::Cancel));
    assert_eq!(hands.session.display().window, before);
    drag(&mut hands);
    hands.session.release(at, Button::Left);
    assert_eq!(hands.session.display().window, window);
    assert_eq!(hands.session.focus(), focus, "a drag is no click");
    assert!(!hands.session.is_unsaved());
}

#[test]
fn zoom_and_pan_keep_the_point_in_the_hand() {
    let here: Point<Patient> = Point::new(8.0, 6.0, 10.0);
    let check = |what: &str,
                 acts: &dyn Fn(&mut Hands, Point<annotomy::geometry::Screen>) -> [f64; 2],
                 zoom: f64| {
        for tool in [ToolKind::Navigate, ToolKind::Brush, ToolKind::Box] {
            let mut hands = hands_with(tool, AXIAL);
            let before = hands.session.view(AXIAL).pixels_per_mm;
            let start = hands.on_screen(here);
            let expected = acts(&mut hands, start);
            let now = hands.on_screen(here);
            assert!((now.x() - expected[0]).abs() < 1e-6 && (now.y() - expected[1]).abs() < 1e-6, "{what}");
            assert!((hands.session.view(AXIAL).pixels_per_mm / before - zoom).abs() < 1e-9, "{what}");
            let under = hands.session.hovered().expect("over the pane").patient;
            let hand = hands.session.view(AXIAL).patient_at(expected[0], expected[1]);
            assert!(
                what.contains("zoom") || under.distance(hand) < 1e-6,
                "{what}: the read-out is of the point below"
            );
            assert!(hands.session.history().done().len() == 0, "{what} marks nothing");
        }
    };
    let by = Vector::new(33.0, -12.0, 0.0);
    for (button, keys) in [(Button::Middle, PLAIN), (Button::Left, SPACE)] {
        check(
            "pan",
            &|hands, at| {
                hands.session.press(AXIAL, at, button, keys);
                hands.session.pointer_moved(AXIAL, at + by, keys);
                hands.session.release(at + by, button);
                [at.x() + 33.0, at.y() - 12.0]
            },
            1.0,
        );
    }
    check(
        "zoom by wheel",
        &|hands, at| {
            hands.session.wheel(AXIAL, at, 2.0, CTRL);
            [at.x(), at.y()]
        },
        1.15f64.powi(2),
    );
    check(
        "zoom by Alt and right drag",
        &|hands, at| {
            hands.session.press(AXIAL, at, Button::Right, ALT);
            hands.session.pointer_moved(AXIAL, at + Vector::new(0.0, -120.0, 0.0), ALT);
            hands.session.release(at, Button::Right);
            [at.x(), at.y()]
        },
        2.0,
    );
}

#[test]
fn the_wheel_with_keys_sets_brush_and_overlay_and_alone_walks_the_slices() {
    let mut hands = hands_with(ToolKind::Brush, AXIAL);
    let at = Point::new(100.0, 100.0, 0.0);
    let radius = hands.session.brush().radius_mm;
    hands.session.wheel(AXIAL, at, 1.0, SHIFT);
    assert!((hands.session.brush().radius_mm / radius - 1.15).abs() < 1e-9);
    let fill = hands.session.display().overlay.fill;
    hands.session.wheel(AXIAL, at, -1.0, ALT);
    assert!((hands.session.display().overlay.fill - (fill - 0.05)).abs() < 1e-9);
    let slice = |hands: &Hands| hands.session.view(AXIAL).slice.expect("a slice").1;
    let first = slice(&hands);
    hands.session.wheel(AXIAL, at, 1.0, PLAIN);
    assert_eq!(slice(&hands), first + 1, "away from the person is on, to the head");
    hands.session.show_slice(AXIAL, 0);
    assert_eq!(slice(&hands), 0);
    hands.session.show_slice(AXIAL, 99);
    assert_eq!(slice(&hands), 9);
    hands.does(&Act::Run(Command::FirstSlice));
    assert_eq!(slice(&hands), 0);
}

#[test]
fn the_crosshair_outside_the_grid_stops_at_its_border_and_nowhere_else_moves() {
    let mut session = Hands::on(plain_case()).session;
    session.set_focus(Point::new(50.0, 7.25, 8.5));
    assert_eq!(session.focus().to_array(), [23.0, 7.25, 8.5]);
}
