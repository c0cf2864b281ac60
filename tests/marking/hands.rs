//! Contours, fills and landmarks by template: what the hands do beside painting.

use annotomy::annotation::{Shape, landmark_templates};
use annotomy::case::Case;
use annotomy::geometry::{Patient, Point, VoxelIndex};
use annotomy::session::{Button, Command, Session};
use annotomy::tool::{BrushShape, Preview, ToolKind};

use crate::stage::*;

fn steps(session: &Session) -> Vec<&str> {
    session.history().done().collect()
}

fn voxels(session: &Session, label: u16) -> Vec<[usize; 3]> {
    let mut found = Vec::new();
    session.case().layers()[session.layer()].for_each_labelled(|voxel, at| {
        if at == label {
            found.push(voxel.to_array());
        }
    });
    found.sort_unstable();
    found
}

/// Hands with a tool on the middle of a case, looking at one pane.
fn hands_on(case: Case, tool: ToolKind, pane: usize) -> Hands {
    let mut hands = Hands::on(case);
    hands.pane = pane;
    hands.session.take_tool(tool);
    hands.move_to(hands.session.focus(), PLAIN);
    hands
}

/// The point so many millimetres right and down of the focus in the pane.
fn at(hands: &Hands, [right, down]: [f64; 2]) -> Point<Patient> {
    let plane = hands.session.view(hands.pane).plane;
    hands.session.focus() + plane.right() * right + plane.down() * down
}

// Off every lattice's voxel centres, so that rounding decides nothing.
const CORNERS: [[f64; 2]; 4] = [[-3.37, -2.23], [4.41, -2.23], [4.41, 3.77], [-3.37, 3.77]];

/// The voxels of the slice shown whose centres lie within [`CORNERS`].
fn inside_corners(hands: &Hands) -> Vec<[usize; 3]> {
    let view = hands.session.view(hands.pane);
    let (family, slice) = view.slice.expect("a scanned slice");
    let grid = hands.session.case().volume().grid().clone();
    let [ni, nj, nk] = grid.dims();
    let all = (0..ni).flat_map(|i| (0..nj).flat_map(move |j| (0..nk).map(move |k| [i, j, k])));
    let is_inside = |[i, j, k]: [usize; 3]| {
        let out = grid.centre_of(VoxelIndex { i, j, k }) - hands.session.focus();
        let (right, down) = (out.dot(view.plane.right()), out.dot(view.plane.down()));
        (-3.37..4.41).contains(&right) && (-2.23..3.77).contains(&down)
    };
    all.filter(|voxel| voxel[family.slice_axis] == slice && is_inside(*voxel)).collect()
}

#[test]
fn a_contour_fills_what_lies_inside_on_every_lattice_and_view() {
    for lattice in lattices() {
        for pane in [AXIAL, CORONAL, SAGITTAL] {
            let mut hands = hands_on(case_on(lattice.clone()), ToolKind::Polygon, pane);
            for corner in CORNERS {
                hands.click(at(&hands, corner));
            }
            assert!(steps(&hands.session).is_empty(), "nothing is a step before it is accepted");
            hands.run(Command::Accept);
            let expected = inside_corners(&hands);
            assert!(expected.len() > 8);
            assert_eq!(voxels(&hands.session, 1), expected, "pane {pane} of {lattice:?}");
            assert_eq!(steps(&hands.session), ["Contour on Label 1"]);
            assert_eq!(hands.session.undo(), Ok(true));
            assert_eq!(digest(hands.session.case()), digest(&case_on(lattice.clone())));
        }
    }
}

#[test]
fn a_double_click_and_a_click_on_the_first_point_fill() {
    for last in [CORNERS[3], CORNERS[0]] {
        let mut hands = hands_on(plain_case(), ToolKind::Polygon, AXIAL);
        for corner in CORNERS {
            hands.click(at(&hands, corner));
        }
        hands.click(at(&hands, last));
        assert_eq!(voxels(&hands.session, 1), inside_corners(&hands));
    }
    // Twice in one place is no contour yet.
    let mut hands = hands_on(plain_case(), ToolKind::Polygon, AXIAL);
    hands.click(at(&hands, CORNERS[0]));
    hands.click(at(&hands, CORNERS[0]));
    assert!(voxels(&hands.session, 1).is_empty());
    hands.run(Command::Accept);
    assert!(hands.session.take_notice().is_some_and(|notice| notice.contains("three points")));
}

#[test]
fn points_are_changed_before_the_contour_is_filled() {
    let mut hands = hands_on(plain_case(), ToolKind::Polygon, AXIAL);
    let wrong = [CORNERS[0], CORNERS[1], [9.0, 9.0], CORNERS[3]];
    for corner in wrong {
        hands.click(at(&hands, corner));
    }
    // The wrong point is dragged where it belongs, and a point set by mistake is taken back.
    hands.drag(&[at(&hands, wrong[2]), at(&hands, [6.0, 5.0]), at(&hands, CORNERS[2])]);
    hands.click(at(&hands, [0.0, 9.0]));
    hands.run(Command::StepBack);
    // A new point on a line, dragged out and in again.
    hands.drag(&[at(&hands, [0.0, -2.23]), at(&hands, [0.0, -8.0]), at(&hands, [0.0, -2.23])]);
    hands.run(Command::Accept);
    assert_eq!(voxels(&hands.session, 1), inside_corners(&hands));
}

#[test]
fn a_line_drawn_by_free_hand_fills_like_its_corners() {
    let mut hands = hands_on(plain_case(), ToolKind::Polygon, AXIAL);
    let mut line = Vec::new();
    for n in 0..4 {
        let (a, b) = (at(&hands, CORNERS[n]), at(&hands, CORNERS[(n + 1) % 4]));
        line.extend((0..40).map(|step| a.lerp(b, f64::from(step) / 40.0)));
    }
    hands.drag(&line);
    let Some((Some(Preview::Contour { points, .. }), _)) = hands.session.tool_picture(AXIAL) else {
        panic!("a contour is shown");
    };
    assert!(points.len() <= 8, "straight stretches keep their ends: {}", points.len());
    hands.run(Command::Accept);
    assert_eq!(voxels(&hands.session, 1), inside_corners(&hands));
}

#[test]
fn a_contour_broken_off_leaves_nothing_and_ctrl_erases_inside_one() {
    let mut hands = hands_on(plain_case(), ToolKind::Polygon, AXIAL);
    let before = digest(hands.session.case());
    CORNERS.iter().for_each(|corner| hands.click(at(&hands, *corner)));
    hands.run(Command::Cancel);
    hands.run(Command::Accept);
    assert_eq!((digest(hands.session.case()), steps(&hands.session).len()), (before, 0));
    assert_eq!(hands.session.tool_kind(), ToolKind::Polygon, "Esc drops the contour first");
    // Undo takes back points before it takes back steps.
    CORNERS.iter().for_each(|corner| hands.click(at(&hands, *corner)));
    for _ in 0..4 {
        assert_eq!(hands.session.undo(), Ok(true));
    }
    assert_eq!(hands.session.undo(), Ok(false));

    run_steps(
        &mut hands.session,
        r#"{"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 9, "points_lps": [[11.5, 9.5, 8]]}"#,
    )
    .expect("painted");
    let painted = voxels(&hands.session, 1);
    hands.session.take_tool(ToolKind::Polygon);
    for (number, corner) in CORNERS.into_iter().enumerate() {
        hands.press(at(&hands, corner), Button::Left, if number == 0 { CTRL } else { PLAIN });
        hands.release();
    }
    hands.run(Command::Accept);
    let gone = inside_corners(&hands);
    let expected: Vec<_> = painted.into_iter().filter(|voxel| !gone.contains(voxel)).collect();
    assert_eq!(voxels(&hands.session, 1), expected);
}

#[test]
fn the_last_contour_is_pasted_on_the_next_slice_with_two_keys() {
    let mut hands = hands_on(plain_case(), ToolKind::Polygon, AXIAL);
    CORNERS.iter().for_each(|corner| hands.click(at(&hands, *corner)));
    hands.run(Command::Accept);
    let first = hands.session.focus();
    for _ in 0..2 {
        hands.run(Command::PasteContour);
        hands.run(Command::Accept);
        assert_ne!(hands.session.focus(), first, "it goes on to the next slice");
        assert!(inside_corners(&hands).iter().all(|voxel| voxels(&hands.session, 1).contains(voxel)));
    }
    assert_eq!(voxels(&hands.session, 1).len(), 3 * inside_corners(&hands).len());
    // In another direction it is told why not.
    hands.pane = SAGITTAL;
    hands.move_to(hands.session.focus(), PLAIN);
    hands.run(Command::PasteContour);
    assert!(hands.session.take_notice().is_some_and(|notice| notice.contains("another direction")));
}

/// A square frame of label 1, two voxels thick, on the slice k = 4 around voxel (12, 10), with an island
/// of label 2 beside it.
fn framed() -> Hands {
    let mut hands = Hands::on(plain_case());
    let line = |label: u16, points: &str| {
        format!(
            r#"{{"tool": "brush", "label": {label}, "shape": "disc", "radius_mm": 0.8, "points_lps": {points}}}"#
        )
    };
    let frame = "[[8, 6, 8], [16, 6, 8], [16, 14, 8], [8, 14, 8], [8, 6, 8]]";
    run_steps(&mut hands.session, &format!("{}, {}", line(1, frame), line(2, "[[20, 4, 8], [20, 8, 8]]")))
        .expect("drawn");
    hands.session.set_focus([12.0, 10.0, 8.0].into());
    hands.session.take_tool(ToolKind::Fill);
    hands.session.activate_label(1);
    hands
}

/// Fills at a place; gives the counts of labels 1 and 2 and the last notice.
#[track_caller]
fn check_fill(
    prepare: &[Act],
    place: [f64; 3],
    keys: annotomy::session::Modifiers,
    counts: [u64; 2],
    step: Option<&str>,
    notice: &str,
) {
    let mut hands = framed();
    prepare.iter().for_each(|act| hands.does(act));
    let before = digest(hands.session.case());
    let done = hands.session.history().done().len();
    hands.session.take_notice();
    hands.press(place.into(), Button::Left, keys);
    hands.release();
    let found = hands.session.case().layers()[0].counts();
    assert_eq!([1, 2].map(|label| found.get(&label).copied().unwrap_or(0)), counts);
    assert_eq!(steps(&hands.session).get(done).copied(), step);
    let told = hands.session.take_notice().unwrap_or_default();
    assert!(told.contains(notice) && told.is_empty() == notice.is_empty(), "{told:?} tells {notice:?}");
    if step.is_some() {
        assert_eq!(hands.session.undo(), Ok(true));
        assert_eq!(digest(hands.session.case()), before, "one step takes it back");
    }
}

#[test]
fn fill_closes_holes_and_recolours_islands() {
    let (frame, island, hole) = (32, 5, 49);
    let lock_1 = Act::Step(r#"{"tool": "label", "index": 1, "name": "Label 1", "locked": true}"#);
    let lock_2 = Act::Step(r#"{"tool": "label", "index": 2, "name": "Label 2", "locked": true}"#);
    let middle = [12.0, 10.0, 8.0];
    let on_island = [20.0, 6.0, 8.0];
    check_fill(&[], middle, PLAIN, [frame + hole, island], Some("Fill with Label 1"), "");
    check_fill(
        &[Act::Run(Command::Label(2))],
        middle,
        PLAIN,
        [frame, island + hole],
        Some("Fill with Label 2"),
        "",
    );
    check_fill(&[], [2.0, 2.0, 8.0], PLAIN, [frame, island], None, "not enclosed");
    check_fill(&[], [8.0, 10.0, 8.0], PLAIN, [frame, island], None, "already");
    check_fill(&[], on_island, PLAIN, [frame + island, 0], Some("Make Label 2 Label 1"), "");
    check_fill(&[], on_island, CTRL, [frame, 0], Some("Erase island of Label 2"), "");
    check_fill(&[], middle, CTRL, [frame, island], None, "nothing to erase");
    check_fill(&[lock_2], on_island, PLAIN, [frame, island], None, "locked");
    check_fill(&[lock_1], middle, PLAIN, [frame, island], None, "locked");
    // The values run from −10 by 2 along i: within 10 and 14 lie the columns 10, 11 and 12.
    check_fill(
        &[Act::Only(10.0, 14.0)],
        middle,
        PLAIN,
        [frame + 3 * 7, island],
        Some("Fill with Label 1"),
        "",
    );
}

#[test]
fn an_island_is_recoloured_in_its_slice_or_with_the_ball_in_all() {
    for (shape, voxels_of_2) in [(BrushShape::Disc, 13), (BrushShape::Ball, 15)] {
        let mut hands = Hands::on(plain_case());
        run_steps(
            &mut hands.session,
            r#"{"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 2, "points_lps": [[6, 8, 8]]},
            {"tool": "label", "index": 2, "name": "Liver"}"#,
        )
        .expect("drawn");
        hands.session.set_focus([6.0, 8.0, 8.0].into());
        hands.session.take_tool(ToolKind::Fill);
        hands.session.activate_label(2);
        hands.does(&Act::Size(shape, 3.0));
        hands.click([6.0, 8.0, 8.0].into());
        assert_eq!(voxels(&hands.session, 2).len(), voxels_of_2);
    }
}

fn landmarks(session: &Session) -> Vec<(String, [f64; 3])> {
    let all = session.case().annotations().iter();
    all.filter_map(|annotation| match annotation.shape {
        Shape::Landmark(point) => Some((annotation.name.clone(), point.to_array())),
        _ => None,
    })
    .collect()
}

#[test]
fn twelve_landmarks_of_a_template_take_twelve_clicks() {
    let mut hands = hands_on(plain_case(), ToolKind::Navigate, AXIAL);
    hands.run(Command::Template(0));
    let names = &landmark_templates()[0].landmarks;
    let places: Vec<Point<Patient>> =
        (0..12).map(|n| at(&hands, [f64::from(n % 4) * 3.0 - 4.0, f64::from(n / 4) * 3.0 - 3.0])).collect();
    for (name, place) in names.iter().zip(&places) {
        let hint = hands.session.hint();
        assert!(hint.contains(&format!("Place {name}")), "{hint}");
        hands.click(*place);
    }
    let placed = landmarks(&hands.session);
    assert_eq!(placed.iter().map(|(name, _)| name).collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
    for ((_, found), place) in placed.iter().zip(&places) {
        assert!(Point::from(*found).distance(*place) < 1e-9);
    }
    assert_eq!(steps(&hands.session).len(), 12);
    assert!(hands.session.hint().contains("All 12"));
    // Backspace steps back, and what is missing is asked for again.
    hands.run(Command::StepBack);
    hands.run(Command::StepBack);
    assert_eq!(landmarks(&hands.session).len(), 10);
    assert!(hands.session.hint().contains(&format!("Place {}", names[10])));
    hands.session.undo().expect("undone");
    assert!(hands.session.hint().contains(&format!("Place {}", names[11])));
    // Without a template Backspace deletes what is selected, as Delete does.
    hands.run(Command::NoTemplate);
    hands.session.select(hands.session.case().annotations().first().map(|first| first.id));
    hands.run(Command::StepBack);
    assert_eq!(landmarks(&hands.session).len(), 10);
}

#[test]
fn arrows_nudge_a_landmark_by_one_voxel_on_every_lattice() {
    for lattice in lattices() {
        for pane in [AXIAL, CORONAL, SAGITTAL] {
            let mut hands = hands_on(case_on(lattice.clone()), ToolKind::Landmark, pane);
            assert!(!hands.session.nudge(1, 0), "nothing is selected");
            hands.click(at(&hands, [0.0, 0.0]));
            let place = |hands: &Hands| Point::<Patient>::from(landmarks(&hands.session)[0].1);
            let (before, view) = (place(&hands), hands.session.view(pane));
            for (right, down, along) in [(1, 0, view.plane.right()), (0, 1, view.plane.down())] {
                let from = place(&hands);
                assert!(hands.session.nudge(right, down));
                let moved = place(&hands) - from;
                let steps =
                    (lattice.voxel_from_patient() * moved).to_array().map(|step| (step * 1e6).round() / 1e6);
                assert_eq!(steps.iter().filter(|step| step.abs() == 1.0).count(), 1, "{steps:?}");
                assert_eq!(steps.iter().filter(|step| **step == 0.0).count(), 2, "{steps:?}");
                assert!(moved.dot(along) > 0.5 * moved.length(), "it goes where the arrow points");
                assert!(hands.session.nudge(-right, -down));
                assert!(place(&hands).distance(from) < 1e-9);
            }
            assert!(place(&hands).distance(before) < 1e-9);
            hands.session.take_tool(ToolKind::Brush);
            assert!(!hands.session.nudge(1, 0), "with another tool arrows turn slices");
        }
    }
}
