//! Tools that look at the picture: a brush that ends at edges, a contour that runs along them, a boundary
//! that moves to them.

use std::sync::Arc;

use annotomy::case::Case;
use annotomy::geometry::{Grid, Patient, Point, VoxelIndex};
use annotomy::session::{Button, Command, Session};
use annotomy::tool::{BrushSettings, BrushShape, Preview, ToolKind};
use annotomy::volume::{Buffer, Rescale, Samples, Volume};

use crate::stage::*;

const DIMS: [usize; 3] = [48, 44, 24];
const MIDDLE: [f64; 3] = [23.5, 21.5, 23.0];
const RADIUS: f64 = 15.0;

fn lattice() -> Grid {
    grid(DIMS, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]], [0.0; 3])
}

/// The voxels whose centres lie in a ball around the middle.
fn in_ball(grid: &Grid, voxel: VoxelIndex, radius: f64) -> bool {
    grid.centre_of(voxel).distance(MIDDLE.into()) <= radius
}

fn voxels() -> impl Iterator<Item = VoxelIndex> {
    let [ni, nj, nk] = DIMS;
    (0..ni * nj * nk).map(move |n| VoxelIndex::new(n % ni, n / ni % nj, n / ni / nj))
}

/// A ball of 100 in a surrounding of 0, with noise of up to 8 to either side.
fn ball_case() -> Case {
    let grid = lattice();
    let sample = |(n, voxel): (usize, VoxelIndex)| {
        let noise = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        (noise % 17) as i16 - 8 + if in_ball(&grid, voxel, RADIUS) { 100 } else { 0 }
    };
    let samples: Vec<i16> = voxels().enumerate().map(sample).collect();
    let samples = Samples::I16(Buffer::from_slice(&samples).expect("memory"));
    Case::new(Arc::new(Volume::new(grid, 1, samples, Rescale::NONE).expect("a volume")))
}

fn label_at(session: &Session, voxel: VoxelIndex) -> u16 {
    session.case().layers()[0].label(voxel)
}

fn painted(session: &Session) -> u64 {
    session.case().layers()[0].counts().values().sum()
}

/// Twice what label 1 and a set have in common, by what both have.
fn dice(session: &Session, belongs: impl Fn(VoxelIndex) -> bool) -> f64 {
    let (mut both, mut all) = (0u32, 0u32);
    for voxel in voxels() {
        let (ours, theirs) = (label_at(session, voxel) == 1, belongs(voxel));
        both += u32::from(ours && theirs);
        all += u32::from(ours) + u32::from(theirs);
    }
    2.0 * f64::from(both) / f64::from(all)
}

fn brush_in_hand(shape: BrushShape, radius_mm: f64) -> Hands {
    let mut hands = Hands::on(ball_case());
    let follow_edges = Some(BrushSettings::USUAL_DEPTH);
    hands.session.set_brush(BrushSettings { shape, radius_mm, follow_edges, ..BrushSettings::default() });
    hands.session.take_tool(ToolKind::Brush);
    hands.session.set_focus(MIDDLE.into());
    hands
}

/// A stroke within the ball, near enough to its border that the brush reaches far beyond.
const STROKE: [[f64; 3]; 3] = [[32.0, 14.0, 24.0], [35.0, 22.0, 24.0], [30.0, 31.0, 24.0]];

#[test]
fn a_brush_that_follows_edges_stays_on_its_side_of_them() {
    for (shape, radius_mm) in [(BrushShape::Disc, 8.0), (BrushShape::Ball, 7.0)] {
        let mut hands = brush_in_hand(shape, radius_mm);
        hands.drag(&STROKE.map(Point::from));
        let grid = lattice();
        let mut expected = Hands::on(ball_case());
        let plain = BrushSettings { shape, radius_mm, ..BrushSettings::default() };
        expected.session.set_brush(plain);
        expected.session.take_tool(ToolKind::Brush);
        expected.session.set_focus(MIDDLE.into());
        expected.drag(&STROKE.map(Point::from));
        let (mut inside, mut missed, mut outside, mut leaked) = (0, 0, 0, 0);
        for voxel in voxels().filter(|voxel| label_at(&expected.session, *voxel) == 1) {
            let is_painted = label_at(&hands.session, voxel) == 1;
            if in_ball(&grid, voxel, RADIUS) {
                inside += 1;
                missed += u32::from(!is_painted);
            } else {
                outside += 1;
                leaked += u32::from(is_painted);
                // Which side the voxels of the edge itself are on is a matter of noise.
                assert!(!is_painted || in_ball(&grid, voxel, RADIUS + 1.5), "{voxel:?} lies beyond the edge");
            }
        }
        assert!(outside > inside / 4, "a plain brush leaves the ball: {outside} of {inside}");
        assert!(
            leaked * 10 <= outside,
            "{shape:?}: {leaked} of {outside} voxels beyond the edge are painted"
        );
        assert!(missed * 20 <= inside, "{shape:?}: {missed} of {inside} voxels this side of it are not");
        let beside = voxels()
            .find(|voxel| label_at(&hands.session, *voxel) == 1 && label_at(&expected.session, *voxel) == 0);
        assert_eq!(beside, None, "nothing is painted that the brush does not cover");
        assert_eq!(hands.session.history().done().len(), 1);
        assert_eq!(hands.session.undo(), Ok(true));
        assert_eq!(digest(hands.session.case()), digest(&ball_case()));
    }
}

#[test]
fn it_paints_while_it_moves_in_short_steps_and_long_ones_and_on_the_next_slice() {
    let mut hands = brush_in_hand(BrushShape::Disc, 5.0);
    let [from, to] = [[14.0, 21.0, 24.0], [31.0, 21.0, 24.0]].map(Point::from);
    hands.press(from, Button::Left, PLAIN);
    let first = painted(&hands.session);
    assert!(first > 30, "a press paints at once: {first}");
    for step in 1..=170 {
        hands.move_to(from.lerp(to, f64::from(step) / 170.0), PLAIN);
    }
    assert!(painted(&hands.session) > 2 * first, "it paints live");
    hands.release();
    let in_short_steps = painted(&hands.session);
    assert_eq!(hands.session.history().done().len(), 1);
    let mut quick = brush_in_hand(BrushShape::Disc, 5.0);
    quick.drag(&[from, to]);
    let apart = painted(&quick.session).abs_diff(in_short_steps);
    assert!(apart * 20 <= in_short_steps, "one long step paints the same but for {apart} voxels");
    // The end of the way is painted also where the last steps were too short to look.
    assert_eq!(label_at(&hands.session, VoxelIndex::new(35, 21, 12)), 1);

    hands.session.undo().expect("undone");
    hands.press(from, Button::Left, PLAIN);
    hands.does(&Act::Wheel(PLAIN, 1.0));
    hands.release();
    assert!((painted(&hands.session)).abs_diff(2 * first) * 5 <= first, "the next slice in the same step");
    assert_eq!(hands.session.history().done().len(), 1);
}

#[test]
fn what_a_press_would_reach_is_shown_and_is_what_it_paints() {
    for shape in [BrushShape::Disc, BrushShape::Ball] {
        let mut hands = brush_in_hand(shape, 8.0);
        let at = Point::from(STROKE[1]);
        hands.move_to(at, PLAIN);
        let reached = |hands: &Hands| match hands.session.tool_picture(AXIAL) {
            Some((Some(Preview::Ring { reached, .. }), _)) => {
                let runs = reached.into_iter();
                let mut found: Vec<_> =
                    runs.flat_map(|run| run.i.map(move |i| VoxelIndex::new(i, run.j, run.k))).collect();
                found.sort_unstable();
                found
            }
            other => panic!("a ring is shown, not {other:?}"),
        };
        let shown = reached(&hands);
        assert!(shown.len() > 50);
        assert_eq!(reached(&hands), shown, "also when it is looked at again");
        hands.click(at);
        let mut made: Vec<_> =
            voxels().filter(|voxel| voxel.k == 12 && label_at(&hands.session, *voxel) == 1).collect();
        made.sort_unstable();
        assert_eq!(made, shown, "{shape:?}");
        hands.run(Command::FollowEdges);
        assert_eq!(hands.session.brush().follow_edges, None);
        hands.move_to(at, PLAIN);
        assert!(reached(&hands).is_empty(), "a plain brush shows its ring alone");
    }
}

#[test]
fn locks_hold_and_the_command_takes_the_brush_in_hand() {
    let mut hands = Hands::on(ball_case());
    hands.does(&Act::Step(
        r#"{"tool": "brush", "label": 2, "shape": "ball", "radius_mm": 5, "points_lps": [[34, 22, 24]]},
           {"tool": "label", "index": 2, "name": "Other", "locked": true},
           {"tool": "label", "index": 1, "name": "Ball"}"#,
    ));
    let other = hands.session.case().layers()[0].counts()[&2];
    hands.session.activate_label(1);
    hands.session.set_focus(MIDDLE.into());
    hands.run(Command::FollowEdges);
    assert_eq!(hands.session.tool_kind(), ToolKind::Brush);
    assert!(hands.session.brush().follow_edges.is_some());
    hands.does(&Act::Size(BrushShape::Ball, 8.0));
    hands.drag(&STROKE.map(Point::from));
    let counts = hands.session.case().layers()[0].counts();
    assert_eq!(counts[&2], other);
    assert!(counts[&1] > 100);
}

#[test]
fn a_script_paints_what_hands_paint() {
    for (shape, word) in [(BrushShape::Disc, "disc"), (BrushShape::Ball, "ball")] {
        let mut hands = brush_in_hand(shape, 7.0);
        hands.drag(&STROKE.map(Point::from));
        let mut session = Session::new(ball_case(), "Script");
        let step = serde_json::json!({
            "tool": "brush", "label": 1, "shape": word, "radius_mm": 7.0, "points_lps": STROKE, "follow_edges": 0.2,
        });
        run_steps(&mut session, &step.to_string()).expect("the step can be made");
        assert!(session.case().layers()[0].has_same_labels(&hands.session.case().layers()[0]), "{word}");
        assert_eq!(session.brush().follow_edges, None, "a step leaves the brush as it was");
    }
    let mut session = Session::new(ball_case(), "Script");
    let wrong = r#"{"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 7, "points_lps": [[24, 22, 24]], "follow_edges": 1.5}"#;
    let error = run_steps(&mut session, wrong).expect_err("refused").to_string();
    assert!(error.contains("follow_edges"), "{error}");
}

/// A point on the border of the ball's section in the middle of a pane, so many turns around.
fn on_border(hands: &Hands, turns: f64) -> Point<Patient> {
    let view = hands.session.view(hands.pane);
    let depth = view.plane.depth_of(MIDDLE.into());
    let radius = (RADIUS * RADIUS - depth * depth).sqrt();
    let (sin, cos) = (turns * std::f64::consts::TAU).sin_cos();
    let middle = view.plane.project(MIDDLE.into());
    middle + view.plane.right() * (radius * cos) + view.plane.down() * (radius * sin)
}

fn contour_in_hand(pane: usize) -> Hands {
    let mut hands = Hands::on(ball_case());
    hands.pane = pane;
    hands.session.set_focus(MIDDLE.into());
    hands.run(Command::SnapToEdges);
    assert_eq!(hands.session.tool_kind(), ToolKind::Polygon);
    assert!(hands.session.snaps_to_edges());
    hands
}

fn line(hands: &Hands) -> (Vec<Point<Patient>>, Vec<Point<Patient>>) {
    match hands.session.tool_picture(hands.pane) {
        Some((Some(Preview::Contour { points, next, .. }), _)) => (points, next),
        other => panic!("a contour is shown, not {other:?}"),
    }
}

#[test]
fn a_contour_runs_along_edges_in_every_view() {
    for pane in [AXIAL, CORONAL, SAGITTAL] {
        let mut hands = contour_in_hand(pane);
        hands.click(on_border(&hands, 0.0));
        hands.move_to(on_border(&hands, 0.33), PLAIN);
        let (_, way) = line(&hands);
        assert!(way.len() > 3, "the way to the pointer has corners: {way:?}");
        for point in &way {
            let off = (point.distance(MIDDLE.into()) - RADIUS).abs();
            assert!(off < 2.5, "{point:?} lies {off} mm beside the edge");
        }
        hands.click(on_border(&hands, 0.33));
        let (points, _) = line(&hands);
        assert_eq!(points.len(), 1 + way.len(), "what is shown is what is set");
        assert!(points.len() < 25, "few enough to be changed by hand: {}", points.len());
        hands.click(on_border(&hands, 0.66));
        // The last stretch is drawn by closing it.
        hands.click(on_border(&hands, 0.0));
        assert_eq!(hands.session.history().done().collect::<Vec<_>>(), ["Contour on Label 1"]);
        let grid = lattice();
        let (family, slice) = hands.session.view(pane).slice.expect("a scanned slice");
        let section =
            |voxel: VoxelIndex| voxel.to_array()[family.slice_axis] == slice && in_ball(&grid, voxel, RADIUS);
        let found = dice(&hands.session, section);
        assert!(found > 0.94, "three clicks in pane {pane} give a Dice of {found}");
        // Straight lines would have left a third of it out.
        let mut straight = contour_in_hand(pane);
        straight.run(Command::SnapToEdges);
        for turns in [0.0, 0.33, 0.66] {
            straight.click(on_border(&straight, turns));
        }
        straight.run(Command::Accept);
        assert!(dice(&straight.session, section) < 0.7);
        assert_eq!(hands.session.undo(), Ok(true));
        assert_eq!(digest(hands.session.case()), digest(&ball_case()));
    }
}

#[test]
fn one_step_back_takes_a_whole_stretch_and_points_stay_to_be_dragged() {
    let mut hands = contour_in_hand(AXIAL);
    hands.click(on_border(&hands, 0.0));
    hands.click(on_border(&hands, 0.2));
    let (first, _) = line(&hands);
    hands.click(on_border(&hands, 0.5));
    assert!(line(&hands).0.len() > first.len() + 2);
    hands.run(Command::StepBack);
    assert_eq!(line(&hands).0, first);
    let (from, to) = (first[2], Point::from(MIDDLE));
    hands.drag(&[from, from.lerp(to, 0.5), to]);
    assert_eq!(line(&hands).0[2], hands.session.view(AXIAL).plane.project(to));
    hands.run(Command::Cancel);
    assert_eq!(painted(&hands.session), 0);
}

#[test]
fn true_patient_planes_have_straight_lines_and_say_so() {
    let mut hands = contour_in_hand(AXIAL);
    hands.run(Command::PatientPlanes);
    hands.click(on_border(&hands, 0.0));
    assert!(hands.session.take_notice().is_some_and(|notice| notice.contains("scanned slices")));
    hands.move_to(on_border(&hands, 0.3), PLAIN);
    assert_eq!(line(&hands).1.len(), 1);
}

/// Label 1 as a careless hand draws the ball: its radius is up to 2.6 mm off, by direction.
fn careless(session: &mut Session) {
    run_steps(session, r#"{"tool": "label", "index": 1, "name": "Ball"}"#).expect("a label");
    let [x, y, z] = MIDDLE;
    let mut dabs = Vec::new();
    for n in 0..400 {
        let (turn, height) = (f64::from(n) * 2.399_963, 1.0 - (f64::from(n) + 0.5) / 200.0);
        let flat = (1.0 - height * height).sqrt();
        let off = 1.0 + 1.6 * (3.0 * turn).sin() * flat;
        let far = RADIUS + off - 4.0;
        dabs.push([x + far * flat * turn.cos(), y + far * flat * turn.sin(), z + far * height]);
    }
    let core = serde_json::json!({"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 10, "points_lps": [MIDDLE]});
    run_steps(session, &core.to_string()).expect("a core");
    for dab in dabs {
        let dab = serde_json::json!({"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 4, "points_lps": [dab]});
        run_steps(session, &dab.to_string()).expect("a dab");
    }
}

#[test]
fn a_careless_boundary_is_refined_by_either_method() {
    let grid = lattice();
    let truth = |voxel| in_ball(&grid, voxel, RADIUS);
    for method in ["graph-cut", "random-walker"] {
        let mut session = Session::new(ball_case(), "Script");
        careless(&mut session);
        let (rough, steps) = (dice(&session, truth), session.history().done().len());
        assert!(rough < 0.94, "the rough contour has {rough}");
        let step = format!(r#"{{"tool": "refine", "label": 1, "method": "{method}", "within_mm": 4}}"#);
        let before = session.case().layers()[0].clone();
        run_steps(&mut session, &step).expect("refined");
        let refined = dice(&session, truth);
        assert!(refined > 0.98, "{method}: from {rough} to {refined}");
        assert_eq!(session.history().done().len(), steps + 1);
        assert_eq!(session.history().done().last(), Some("Refine the boundary of Ball"));
        assert_eq!(session.undo(), Ok(true));
        assert!(session.case().layers()[0].has_same_labels(&before), "undo restores exactly");
    }
}

#[test]
fn a_boundary_is_refined_near_a_place_and_never_over_a_lock() {
    let grid = lattice();
    let mut session = Session::new(ball_case(), "Script");
    careless(&mut session);
    let place: Point<Patient> = [37.5, 21.5, 23.0].into();
    let near = |voxel: VoxelIndex| grid.centre_of(voxel).distance(place) <= 9.0 + 1e-6;
    let before = session.case().layers()[0].clone();
    let step = r#"{"tool": "refine", "label": 1, "method": "graph-cut", "within_mm": 4, "around_lps": [37.5, 21.5, 23], "radius_mm": 9}"#;
    run_steps(&mut session, step).expect("refined");
    let changed: Vec<VoxelIndex> =
        voxels().filter(|voxel| label_at(&session, *voxel) != before.label(*voxel)).collect();
    assert!(changed.len() > 20 && changed.iter().all(|voxel| near(*voxel)), "only what is near moves");
    session.undo().expect("undone");

    // A locked label where the ball goes on, and another that is left alone when asked.
    for (more, keep) in [(r#", "locked": true"#, false), ("", true)] {
        let mut session = Session::new(ball_case(), "Script");
        let other = format!(
            r#"{{"tool": "brush", "label": 2, "shape": "ball", "radius_mm": 4, "points_lps": [[36, 21, 24]]}},
               {{"tool": "label", "index": 2, "name": "Other"{more}}},
               {{"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 13, "points_lps": [[23.5, 21.5, 23]]}}"#
        );
        run_steps(&mut session, &other).expect("painted");
        let before = session.case().layers()[0].clone();
        let step = format!(
            r#"{{"tool": "refine", "label": 1, "method": "random-walker", "within_mm": 4, "keep_others": {keep}}}"#
        );
        run_steps(&mut session, &step).expect("refined");
        for voxel in voxels() {
            assert_eq!(label_at(&session, voxel) == 2, before.label(voxel) == 2, "{voxel:?} is another's");
        }
        assert!(session.case().layers()[0].counts()[&1] > before.counts()[&1]);
    }
}

#[test]
fn what_cannot_be_refined_is_told() {
    let mut session = Session::new(ball_case(), "Script");
    run_steps(&mut session, r#"{"tool": "label", "index": 1, "name": "Ball"}"#).expect("a label");
    let check = |session: &mut Session, more: &str, part: &str| {
        let step = format!(r#"{{"tool": "refine", "label": 1, "method": "graph-cut"{more}}}"#);
        let before = digest(session.case());
        let error = run_steps(session, &step).expect_err("refused").to_string();
        assert!(error.contains(part), "{more} is refused with {error:?}");
        assert_eq!(digest(session.case()), before);
    };
    check(&mut session, "", "has no boundary");
    careless(&mut session);
    check(&mut session, r#", "within_mm": 0"#, "above 0");
    check(
        &mut session,
        r#", "around_lps": [24, 22, 24], "radius_mm": 5"#,
        "no boundary of \"Ball\" lies within 5 mm",
    );
    check(&mut session, r#", "around_lps": [24, 22, 24], "radius_mm": -5"#, "above 0");
}
