//! What painting does beyond its geometry: steps, labels, locks, ranges, wheel, breaking off.

use std::sync::Arc;

use annotomy::case::Case;
use annotomy::geometry::VoxelIndex;
use annotomy::session::{Button::*, Command, Session};
use annotomy::tool::BrushShape::*;
use annotomy::tool::ToolKind::*;
use annotomy::view::SliceSource;
use annotomy::volume::{Buffer, Rescale, Samples, Volume};

use crate::stage::Act::*;
use crate::stage::*;

/// What stands after the acts.
struct After<'a> {
    /// Voxels by label.
    counts: &'a [(u16, u64)],
    /// Names of the steps that undo would take back.
    steps: &'a [&'a str],
    /// Part of the last notice; empty where none is left.
    notice: &'a str,
}

#[track_caller]
fn check(acts: &[Act], after: After<'_>) -> Session {
    let mut hands = Hands::on(plain_case());
    acts.iter().for_each(|act| hands.does(act));
    let mut session = hands.session;
    let counts: Vec<(u16, u64)> = session.case().layers()[0].counts().into_iter().collect();
    assert_eq!(counts, after.counts, "voxels by label");
    assert_eq!(session.history().done().collect::<Vec<_>>(), after.steps, "steps");
    let notice = session.take_notice().unwrap_or_default();
    assert!(
        notice.contains(after.notice) && notice.is_empty() == after.notice.is_empty(),
        "the notice {notice:?} tells {:?}",
        after.notice
    );
    session
}

/// The slices along k that hold a label.
fn slices_of(session: &Session, label: u16) -> Vec<usize> {
    let mut slices = Vec::new();
    session.case().layers()[0].for_each_labelled(|voxel, found| {
        if found == label {
            slices.push(voxel.k);
        }
    });
    slices.sort_unstable();
    slices.dedup();
    slices
}

/// A voxel centre, and two others of its slice: discs of 2 mm there have 13 voxels each.
const HERE: [f64; 3] = [6.0, 8.0, 8.0];
const THERE: [f64; 3] = [16.0, 8.0, 8.0];
const LABEL_1: &str = r##"{"tool": "label", "index": 1, "name": "Lesion", "color": "#e69f00"}"##;
const LABEL_2: &str = r##"{"tool": "label", "index": 2, "name": "Liver"}"##;
const BALL_OF_1: &str =
    r#"{"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 2, "points_lps": [[6, 8, 8]]}"#;

#[test]
fn the_first_stroke_makes_label_1_and_says_so_in_one_step() {
    let session = check(
        &[Focus(HERE), Take(Brush), Size(Disc, 2.0), Press(Left, PLAIN, HERE), Release],
        After { counts: &[(1, 13)], steps: &["Brush 4 mm on Label 1"], notice: "Label 1" },
    );
    assert_eq!(session.active_label(), 1);
    assert_eq!(slices_of(&session, 1), [4], "a disc stays on its slice");
    check(
        &[Focus(HERE), Take(Brush), Size(Disc, 2.0), Press(Left, PLAIN, HERE), Release, Run(Command::Undo)],
        After { counts: &[], steps: &[], notice: "Undone: Brush 4 mm on Label 1" },
    );
}

#[test]
fn a_fast_stroke_has_no_gaps() {
    // From 6 to 16 in one move: two half discs and eleven columns of five.
    check(
        &[
            Step(LABEL_1),
            Focus(HERE),
            Take(Brush),
            Size(Disc, 2.0),
            Press(Left, PLAIN, HERE),
            Move(PLAIN, THERE),
            Release,
        ],
        After {
            counts: &[(1, 13 + 10 * 5)],
            steps: &["New label Lesion", "Brush 4 mm on Lesion"],
            notice: "",
        },
    );
}

#[test]
fn the_other_button_and_ctrl_exchange_painting_and_erasing() {
    let painted = [
        Step(LABEL_1),
        Focus(HERE),
        Take(Brush),
        Size(Disc, 2.0),
        Press(Left, PLAIN, HERE),
        Move(PLAIN, THERE),
        Release,
    ];
    for (tool, button, keys, name) in [
        (Brush, Right, PLAIN, "Erase 4 mm from Lesion"),
        (Brush, Left, CTRL, "Erase 4 mm from Lesion"),
        (Eraser, Left, PLAIN, "Erase 4 mm from Lesion"),
    ] {
        let erased = [Take(tool), Press(button, keys, THERE), Release];
        let session = check(
            &[&painted[..], &erased].concat(),
            After {
                counts: &[(1, 50)],
                steps: &["New label Lesion", "Brush 4 mm on Lesion", name],
                notice: "",
            },
        );
        assert_eq!(session.tool_kind(), tool, "the tool stays in hand");
    }
    for (button, keys) in [(Right, PLAIN), (Left, CTRL)] {
        let over = [Take(Eraser), Press(button, keys, THERE), Release];
        let steps = &["New label Lesion", "Brush 4 mm on Lesion"];
        // Painting over what is painted changes nothing and leaves no step.
        check(&[&painted[..], &over].concat(), After { counts: &[(1, 63)], steps, notice: "" });
    }
}

#[test]
fn the_wheel_in_mid_stroke_goes_on_in_the_next_slice_within_one_step() {
    for (notches, slices) in [(1.0, [4, 5]), (-1.0, [3, 4])] {
        let session = check(
            &[
                Step(LABEL_1),
                Focus(HERE),
                Take(Brush),
                Size(Disc, 2.0),
                Press(Left, PLAIN, HERE),
                Wheel(PLAIN, notches),
                Release,
            ],
            After { counts: &[(1, 26)], steps: &["New label Lesion", "Brush 4 mm on Lesion"], notice: "" },
        );
        assert_eq!(slices_of(&session, 1), slices);
    }
}

#[test]
fn a_stroke_that_changes_nothing_leaves_no_step() {
    let stroke = [Press(Left, PLAIN, HERE), Move(PLAIN, THERE), Release];
    let start = [Step(LABEL_1), Focus(HERE), Take(Brush), Size(Disc, 2.0)];
    let steps = &["New label Lesion", "Brush 4 mm on Lesion"];
    let after = After { counts: &[(1, 63)], steps, notice: "" };
    let session = check(&[&start[..], &stroke, &stroke].concat(), after);
    // A label made for a stroke beside the study goes with it.
    let beside = [Press(Left, PLAIN, [-90.0, 8.0, 8.0]), Move(PLAIN, [-95.0, 8.0, 8.0]), Release];
    let nothing = check(&[&start[1..], &beside].concat(), After { counts: &[], steps: &[], notice: "" });
    assert!(nothing.case().scheme().iter().next().is_none());
    let once = check(&[&start[..], &stroke].concat(), After { counts: &[(1, 63)], steps, notice: "" });
    assert_eq!(session.changes(), once.changes(), "nothing new is to be saved");
    // Nor where locks or a range are looked at voxel by voxel.
    let looked_at = [&start[..], &stroke, &[Only(-10.0, 40.0)], &stroke].concat();
    let session = check(&looked_at, After { counts: &[(1, 63)], steps, notice: "" });
    assert_eq!(session.changes(), once.changes(), "nothing new is to be saved");
    // Neither does one that is broken off, nor does it end what can be redone.
    check(
        &[
            &start[..],
            &stroke,
            &[Run(Command::Undo)],
            &stroke[..2],
            &[Run(Command::Cancel), Run(Command::Redo)],
        ]
        .concat(),
        After { counts: &[(1, 63)], steps, notice: "Made again" },
    );
}

#[test]
fn alt_click_picks_the_label_under_the_cursor_and_draws_nothing() {
    let two = r#"{"tool": "brush", "label": 2, "shape": "disc", "radius_mm": 2, "points_lps": [[16, 8, 8]]}"#;
    let session = check(
        &[
            Step(LABEL_1),
            Step(LABEL_2),
            Step(two),
            Focus(HERE),
            Take(Brush),
            Press(Left, ALT, THERE),
            Move(ALT, HERE),
            Release,
        ],
        After {
            counts: &[(2, 13)],
            steps: &["New label Lesion", "New label Liver", "Brush 4 mm on Liver"],
            notice: "Liver",
        },
    );
    assert_eq!(session.active_label(), 2);
}

#[test]
fn a_locked_label_is_never_written_over() {
    const LOCK: &str = r#"{"tool": "label", "index": 1, "name": "Lesion", "locked": true}"#;
    let made = [Step(LABEL_1), Step(LABEL_2), Step(BALL_OF_1), Step(LOCK)];
    let steps = ["New label Lesion", "New label Liver", "Brush 4 mm on Lesion", "Lock Lesion"];
    // Lattice points within 2 mm: 13 on the slice, and with slices of 2 mm one above and one below.
    let ball = 15;
    let with = |step: &'static str| [&steps[..], &[step]].concat();
    let over = r#"{"tool": "brush", "label": 2, "shape": "ball", "radius_mm": 2, "points_lps": [[6, 8, 8], [8, 8, 8]]}"#;
    // Swept from 6 to 8 mm: 13 + 2 · 5 on the slice, and three above and below.
    check(
        &[&made[..], &[Step(over)]].concat(),
        After { counts: &[(1, ball), (2, 29 - ball)], steps: &with("Brush 4 mm on Liver"), notice: "" },
    );
    for tool in [Brush, Eraser] {
        for keys in [PLAIN, CTRL] {
            let stroke = [
                Run(Command::Label(1)),
                Focus(HERE),
                Take(tool),
                Press(Left, keys, HERE),
                Move(keys, THERE),
                Release,
            ];
            let after = After { counts: &[(1, ball)], steps: &steps, notice: "locked" };
            check(&[&made[..], &stroke].concat(), after);
        }
    }
    let mut hands = Hands::on(plain_case());
    made.iter().for_each(|act| hands.does(act));
    hands.session.delete_label(1).expect("no error");
    assert!(hands.session.case().scheme().get(1).is_some(), "a locked label stays");
    hands.session.delete_label(2).expect("no error");
    assert_eq!(hands.session.case().layers()[0].counts()[&1], ball);
    let erase =
        r#"{"tool": "erase", "label": 1, "shape": "ball", "radius_mm": 9, "points_lps": [[6, 8, 8]]}"#;
    assert!(run_steps(&mut hands.session, erase).is_err(), "a script is told");
    assert_eq!(hands.session.case().layers()[0].counts()[&1], ball);
}

#[test]
fn the_eye_is_no_step_and_stands_in_no_steps_way() {
    let mut hands = Hands::on(plain_case());
    [Step(LABEL_1), Step(BALL_OF_1)].iter().for_each(|act| hands.does(act));
    let session = &mut hands.session;
    session.set_label_visible(1, false);
    assert_eq!(session.history().done().len(), 2);
    assert_eq!(session.undo(), Ok(true));
    assert_eq!(session.undo(), Ok(true), "hiding a label does not stop the step that made it");
    assert!(session.case().scheme().is_empty());
    session.go_to_step(2).expect("both steps again");
    session.delete_label(1).expect("deleted");
    assert_eq!(session.undo(), Ok(true));
    let mut label = session.case().scheme().get(1).cloned().expect("back");
    label.name = "Cyst".into();
    session.set_label(1, label).expect("renamed");
    session.set_label_visible(1, false);
    assert_eq!(session.undo(), Ok(true));
    let label = session.case().scheme().get(1).expect("still there");
    assert_eq!((label.name.as_str(), label.visible), ("Lesion", false), "the name goes back, the eye stays");
}

#[test]
fn painting_within_a_range_keeps_to_the_rescaled_values() {
    // Values are 2·i − 10: from 2 to 10 are the columns 6 to 10.
    let range = r#"{"tool": "brush", "label": 1, "shape": "disc", "plane": "axial", "radius_mm": 2, "points_lps": [[6, 8, 8], [16, 8, 8]], "range": [2, 10]}"#;
    let steps = &["New label Lesion", "Brush 4 mm on Lesion"];
    let within = |session: &Session| {
        session.case().layers()[0].for_each_labelled(|voxel, _| assert!((6..=10).contains(&voxel.i)));
    };
    let by_script = [Step(LABEL_1), Step(range)];
    within(&check(&by_script, After { counts: &[(1, 25)], steps, notice: "" }));
    let by_hand = [
        Step(LABEL_1),
        Focus(HERE),
        Take(Brush),
        Size(Disc, 2.0),
        Only(2.0, 10.0),
        Press(Left, PLAIN, HERE),
        Move(PLAIN, THERE),
        Release,
    ];
    within(&check(&by_hand, After { counts: &[(1, 25)], steps, notice: "" }));
}

#[test]
fn escape_in_mid_stroke_restores_exactly() {
    let mut hands = Hands::on(plain_case());
    let start = [Step(LABEL_1), Step(LABEL_2), Step(BALL_OF_1), Focus(HERE), Take(Brush), Size(Ball, 5.0)];
    start.iter().for_each(|act| hands.does(act));
    hands.session.activate_label(2);
    let before = hands.session.case().clone();
    let steps = hands.session.history().done().len();
    [Press(Left, PLAIN, HERE), Move(PLAIN, THERE), Wheel(PLAIN, 1.0)].iter().for_each(|act| hands.does(act));
    let drawn = hands.session.case().layers()[0].revision();
    assert!(!hands.session.case().layers()[0].has_same_labels(&before.layers()[0]));
    hands.does(&Run(Command::Cancel));
    let map = &hands.session.case().layers()[0];
    assert!(map.has_same_labels(&before.layers()[0]));
    assert!(map.revision() > drawn, "a renderer that pulls by revision sees the bricks go back");
    assert_eq!(hands.session.history().done().len(), steps);
    assert_eq!(hands.session.tool_kind(), Brush, "the first Esc only breaks off");
    // The button is still down and the hand moves on: nothing is drawn until it presses again.
    [Move(PLAIN, HERE), Release].iter().for_each(|act| hands.does(act));
    assert!(hands.session.case().layers()[0].has_same_labels(&before.layers()[0]));
    hands.does(&Run(Command::Cancel));
    assert_eq!(hands.session.tool_kind(), Navigate);
}

#[test]
fn undo_in_mid_stroke_takes_back_that_stroke_alone() {
    check(
        &[
            Step(LABEL_1),
            Step(BALL_OF_1),
            Focus(HERE),
            Take(Brush),
            Press(Left, PLAIN, THERE),
            Run(Command::Undo),
            Move(PLAIN, HERE),
            Release,
        ],
        After { counts: &[(1, 15)], steps: &["New label Lesion", "Brush 4 mm on Lesion"], notice: "Undone" },
    );
}

#[test]
fn a_command_in_mid_gesture_acts_once_what_was_drawn_is_kept() {
    let stroke = [
        Step(LABEL_1),
        Step(LABEL_2),
        Step(BALL_OF_1),
        Focus(HERE),
        Take(Brush),
        Size(Ball, 4.0),
        Press(Left, PLAIN, HERE),
        Move(PLAIN, THERE),
    ];
    let mut hands = Hands::on(plain_case());
    stroke.iter().for_each(|act| hands.does(act));
    hands.session.delete_label(1).expect("the stroke ends, then the label goes");
    assert!(hands.session.case().layers()[0].counts().is_empty());
    assert!(hands.session.case().scheme().get(1).is_none());
    assert!(hands.session.gesture_pane().is_none());
}

#[test]
fn a_script_is_told_what_in_it_makes_no_sense() {
    let refused = |steps: &str| {
        let mut session = Session::new(plain_case(), "Script");
        let error = run_steps(&mut session, steps).expect_err("refused").to_string();
        assert!(session.case().layers()[0].counts().is_empty() && !session.history().is_open(), "{steps}");
        error
    };
    let check = |steps: &str, part: &str| {
        let error = refused(steps);
        assert!(error.contains(part), "{steps} is refused with {error:?}");
    };
    let brush = |rest: &str| format!(r#"{{"tool": "brush", "shape": "disc", "plane": "axial", {rest}}}"#);
    check(&brush(r#""label": 0, "radius_mm": 2, "points_lps": [[1, 1, 1]]"#), "background");
    check(&brush(r#""label": 1, "radius_mm": 0, "points_lps": [[1, 1, 1]]"#), "radius_mm");
    check(&brush(r#""label": 1, "radius_mm": 2, "points_lps": []"#), "points_lps");
    check(&brush(r#""label": 1, "radius_mm": 2, "points_lps": [[1, 1, 1]], "range": [5, 4]"#), "range");
    // A disc lies on a slice; above the last one there is none, and the nearest is not meant.
    check(&brush(r#""label": 1, "radius_mm": 2, "points_lps": [[6, 8, 30]]"#), "slice");
    check(r#"{"tool": "label", "index": 0, "name": "x"}"#, "background");
    check(r#"{"tool": "undo"}"#, "no step to take back");
    check(r#"{"tool": "redo", "times": 2}"#, "no step to take back");
}

#[test]
fn a_script_leaves_the_persons_tool_brush_and_label_alone() {
    let mut hands = Hands::on(plain_case());
    [
        Take(Landmark),
        Take(Box),
        Size(Disc, 7.0),
        Step(LABEL_1),
        Step(LABEL_2),
        Run(Command::Label(2)),
        Step(BALL_OF_1),
    ]
    .iter()
    .for_each(|act| hands.does(act));
    assert_eq!(hands.session.tool_kind(), Box);
    assert_eq!((hands.session.brush().shape, hands.session.brush().radius_mm), (Disc, 7.0));
    assert_eq!(hands.session.active_label(), 2);
    hands.does(&Run(Command::LastTool));
    assert_eq!(hands.session.tool_kind(), Landmark);
}

#[test]
fn points_far_away_cost_nothing_and_paint_nothing() {
    let far = r#"{"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 2, "points_lps": [[6, 8, 8], [6e12, 8, 8]]}"#;
    let steps = &["New label Lesion", "Brush 4 mm on Lesion"];
    let session =
        check(&[Step(LABEL_1), Step(far)], After { counts: &[(1, 1 + 3 + 18 * 7)], steps, notice: "" });
    assert_eq!(session.case().layers()[0].label(VoxelIndex::new(23, 8, 4)), 1);
}

#[test]
fn true_patient_planes_are_painted_where_the_plane_cuts() {
    let (sin, cos) = 0.35f64.sin_cos();
    let axes = [[cos, 0.0, sin], [0.0, 1.0, 0.0], [-2.0 * sin, 0.0, 2.0 * cos]];
    let mut hands = Hands::on(case_on(grid([24, 20, 10], axes, [3.0, -4.0, 5.0])));
    hands.session.set_slice_source(SliceSource::Patient);
    hands.session.take_tool(Brush);
    hands.does(&Size(Disc, 4.0));
    let middle = hands.session.focus();
    hands.drag(&[middle]);
    let grid = hands.session.case().volume().grid().clone();
    let mut slices = Vec::new();
    // Half the height of a cell in the patient: 1 mm of voxels 2 mm high and their width, both tilted.
    let reach = (sin + 2.0 * cos) / 2.0;
    hands.session.case().layers()[0].for_each_labelled(|voxel, _| {
        let away = grid.centre_of(voxel) - middle;
        assert!(away.z().abs() <= reach && away.x().hypot(away.y()) <= 4.0 + 1e-9, "{voxel:?}");
        slices.push(voxel.k);
    });
    slices.dedup();
    assert!(slices.len() > 1, "the plane crosses slices");
    let wanted = (0..24 * 20 * 10).map(|n| VoxelIndex::new(n % 24, n / 24 % 20, n / 480)).filter(|voxel| {
        let away = grid.centre_of(*voxel) - middle;
        away.z().abs() < reach - 1e-5 && away.x().hypot(away.y()) < 4.0 - 1e-9
    });
    let map = &hands.session.case().layers()[0];
    wanted.for_each(|voxel| assert_eq!(map.label(voxel), 1, "{voxel:?} is cut and within reach"));
}

#[test]
fn a_range_holds_the_values_of_the_time_that_is_shown() {
    let check = |time: usize, expected: bool| {
        let grid = plain_case().volume().grid().clone();
        let count = grid.voxel_count();
        let samples: Vec<i16> = (0..3 * count).map(|n| (n / count) as i16).collect();
        let samples = Samples::I16(Buffer::from_slice(&samples).expect("memory"));
        let volume = Volume::new(grid, 3, samples, Rescale::NONE).expect("a volume");
        let mut session = Session::new(Case::new(Arc::new(volume)), "Ada");
        session.display_mut().time = time;
        let within = BALL_OF_1.replace("\"points_lps\"", "\"range\": [1, 1], \"points_lps\"");
        session.run_step(&serde_json::from_str(&within).expect("a step")).expect("made");
        assert_eq!(!session.case().layers()[0].counts().is_empty(), expected, "at time {time}");
    };
    check(0, false);
    check(1, true);
    check(2, false);
}
