//! Algorithms tried out before they are taken.

use annotomy::geometry::{Point, VoxelIndex};
use annotomy::segment::{Connectivity, Wall};
use annotomy::session::{
    Algorithm, AlgorithmKind, Command, KeptIslands, Modifiers, Operation, Session, Smoothing,
};
use annotomy::tool::ToolKind;
use annotomy::volume::LabelMap;

use crate::stage::*;

fn accept(session: &mut Session) {
    session.accept_trial().expect("accepted");
    session.wait_for_trial().expect("made");
}

/// A study with a painted ball, a small island beside it and a second label.
fn painted() -> Hands {
    let mut hands = Hands::on(plain_case());
    hands.does(&Act::Step(
        r#"{"tool": "label", "index": 2, "name": "Other"},
           {"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 5, "points_lps": [[10, 10, 10]]},
           {"tool": "erase", "label": 1, "shape": "ball", "radius_mm": 1, "points_lps": [[10, 10, 10]]},
           {"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 1, "points_lps": [[20, 3, 4]]},
           {"tool": "brush", "label": 2, "shape": "ball", "radius_mm": 3, "points_lps": [[18, 12, 10]]}"#,
    ));
    hands.session.activate_label(1);
    hands
}

/// The voxels of the axial slice shown that a trial would change, with the label they would have.
fn shown(session: &Session) -> Vec<(VoxelIndex, u16)> {
    let picture = session.trial_on(AXIAL).expect("a trial on a scanned slice");
    let mut voxels = Vec::new();
    let gained = picture.gained.iter().map(|(label, runs)| (*label, runs));
    for (label, runs) in gained.chain([(0, &picture.lost)]) {
        for run in runs {
            voxels.extend(run.i.clone().map(|i| (VoxelIndex::new(i, run.j, run.k), label)));
        }
    }
    voxels.sort_unstable();
    voxels
}

fn changes_on_slice(before: &LabelMap, after: &LabelMap, k: usize) -> Vec<(VoxelIndex, u16)> {
    let [ni, nj, _] = before.dims();
    let all = (0..ni).flat_map(|i| (0..nj).map(move |j| VoxelIndex { i, j, k }));
    let mut changed: Vec<_> = all
        .filter(|voxel| before.label(*voxel) != after.label(*voxel))
        .map(|voxel| (voxel, after.label(voxel)))
        .collect();
    changed.sort_unstable();
    changed
}

#[test]
fn what_is_shown_is_what_is_made_and_one_undo_takes_it_back() {
    for kind in AlgorithmKind::ALL {
        let mut hands = painted();
        let session = &mut hands.session;
        session.set_focus([10.0, 10.0, 10.0].into());
        let (before, steps) = (session.case().clone(), session.history().done().len());
        session.begin_trial(kind);
        session.wait_for_trial().expect("made");
        assert_eq!(digest(session.case()), digest(&before), "{kind:?} only shows");
        let promised = shown(session);
        accept(session);
        let made = changes_on_slice(&before.layers()[0], &session.case().layers()[0], 5);
        assert_eq!(promised, made, "{kind:?}");
        assert!(session.trial().is_none());
        let is_changed = digest(session.case()) != digest(&before);
        assert_eq!(session.history().done().len(), steps + usize::from(is_changed), "{kind:?}");
        if is_changed {
            session.undo().expect("undone");
        }
        assert_eq!(digest(session.case()), digest(&before), "{kind:?}");
    }
}

#[test]
fn settings_change_what_is_shown() {
    let mut hands = painted();
    let session = &mut hands.session;
    session.set_focus([10.0, 10.0, 10.0].into());
    let check = |session: &mut Session, algorithm: Algorithm, expected: usize| {
        session.adjust_trial(algorithm.clone());
        session.wait_for_trial().expect("made");
        assert_eq!(shown(session).len(), expected, "{algorithm:?}");
    };
    let threshold = |range| Algorithm::Threshold { label: 1, range, keep_others: false };
    // Values are 2i − 10: columns 5 to 9 of 20 rows, less what the label has there already.
    session.begin_trial(AlgorithmKind::Threshold);
    let has = |session: &Session, columns: std::ops::Range<usize>| {
        let map = &session.case().layers()[0];
        let voxels = columns.flat_map(|i| (0..20).map(move |j| VoxelIndex::new(i, j, 5)));
        voxels.filter(|voxel| map.label(*voxel) == 1).count()
    };
    let (five, all) = (has(session, 5..10), has(session, 0..24));
    check(session, threshold([0.0, 8.0]), 5 * 20 - five);
    check(session, threshold([500.0, 600.0]), 0);
    check(session, threshold([-10.0, 100.0]), 24 * 20 - all);
    // Leaving others alone, it takes nothing of label 2.
    let map = &session.case().layers()[0];
    let others = (0..24).flat_map(|i| (0..20).map(move |j| VoxelIndex::new(i, j, 5)));
    let others = others.filter(|voxel| map.label(*voxel) == 2).count();
    assert!(others > 0);
    let polite = Algorithm::Threshold { label: 1, range: [-10.0, 100.0], keep_others: true };
    check(session, polite, 24 * 20 - all - others);
    session.begin_trial(AlgorithmKind::FillHoles);
    check(session, Algorithm::FillHoles { label: 1, slices: None, keep_others: true }, 5);
    assert!(session.drop_trial() && !session.drop_trial());
}

#[test]
fn a_trial_follows_marks_that_are_made_meanwhile() {
    let mut hands = painted();
    hands.session.begin_trial(AlgorithmKind::Islands);
    hands.session.wait_for_trial().expect("made");
    hands.does(&Act::Step(
        r#"{"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 1, "points_lps": [[3, 16, 10]]}"#,
    ));
    hands.session.follow_trial().expect("begun anew");
    hands.session.wait_for_trial().expect("made");
    accept(&mut hands.session);
    let map = &hands.session.case().layers()[0];
    assert_eq!(map.label(VoxelIndex::new(3, 16, 5)), 0, "the new island goes too");
    assert_eq!(map.label(VoxelIndex::new(20, 3, 2)), 0);
    assert_eq!(map.label(VoxelIndex::new(13, 10, 5)), 1, "the largest stays");
}

#[test]
fn locks_hold_and_say_so() {
    let mut hands = painted();
    hands.does(&Act::Step(r#"{"tool": "label", "index": 2, "name": "Other", "locked": true}"#));
    let other: Vec<_> = hands.session.case().layers()[0].counts().into_iter().collect();
    let session = &mut hands.session;
    session.activate_label(1);
    session.begin_trial(AlgorithmKind::Margin);
    session.adjust_trial(Algorithm::Margin { label: 1, mm: 6.0, keep_others: false });
    accept(session);
    assert_eq!(session.case().layers()[0].counts()[&2], other[1].1, "nothing is taken from a locked label");
    session.begin_trial(AlgorithmKind::Hollow);
    session.adjust_trial(Algorithm::Hollow { label: 2, mm: 1.0, wall: Wall::Inside, keep_others: true });
    session.wait_for_trial().expect("refused");
    let problem = session.trial().and_then(|trial| trial.problem);
    assert_eq!(problem.as_deref(), Some("\"Other\" is locked: unlock it to change it"));
    let before = digest(session.case());
    accept(session);
    assert_eq!(digest(session.case()), before);
    assert!(session.take_notice().is_some_and(|notice| notice.contains("locked")));
}

#[test]
fn escape_and_enter_are_the_trials() {
    let mut hands = painted();
    let before = digest(hands.session.case());
    hands.run(Command::Try(AlgorithmKind::Smooth));
    hands.run(Command::Cancel);
    assert!(hands.session.trial().is_none());
    assert_eq!(digest(hands.session.case()), before);
    hands.run(Command::Try(AlgorithmKind::Combine));
    hands.session.adjust_trial(Algorithm::Combine {
        op: Operation::Union,
        a: 1,
        b: 2,
        into: 1,
        a_layer: None,
        b_layer: None,
    });
    hands.run(Command::Accept);
    hands.session.wait_for_trial().expect("made");
    let counts = hands.session.case().layers()[0].counts();
    assert!(counts.contains_key(&1) && !counts.contains_key(&2), "{counts:?}");
}

#[test]
fn defaults_suit_the_place_under_the_crosshair() {
    let mut hands = painted();
    hands.session.set_focus([12.0, 10.0, 10.0].into());
    let value = 2.0 * 12.0 - 10.0;
    hands.session.begin_trial(AlgorithmKind::Grow);
    let Some(Algorithm::Grow { range: Some([low, high]), connectivity, .. }) =
        hands.session.trial().map(|trial| trial.algorithm.clone())
    else {
        panic!("a range around the crosshair")
    };
    assert!(low < value && value < high, "{low} to {high}");
    assert_eq!(connectivity, Connectivity::Six);
    let defaults = |session: &mut Session, kind| {
        session.begin_trial(kind);
        session.trial().map(|trial| trial.algorithm.clone())
    };
    assert!(matches!(
        defaults(&mut hands.session, AlgorithmKind::Islands),
        Some(Algorithm::Islands { label: 1, keep: Some(KeptIslands::Largest), count: 1, .. })
    ));
    assert!(matches!(
        defaults(&mut hands.session, AlgorithmKind::Smooth),
        Some(Algorithm::Smooth { label: Some(1), method: Smoothing::Median, .. })
    ));
}

#[test]
fn what_was_accepted_is_made_before_anything_else_and_the_first_undo_calls_it_off() {
    let mut hands = painted();
    let (before, steps) = (digest(hands.session.case()), hands.session.history().done().len());
    hands.run(Command::Try(AlgorithmKind::Smooth));
    // No outcome is taken in before somebody looks.
    hands.session.accept_trial().expect("accepted");
    if let Some(state) = hands.session.trial() {
        assert!(state.accepted);
        hands.run(Command::Try(AlgorithmKind::Margin));
        let kind = hands.session.trial().expect("still at work").kind;
        assert_eq!(kind, AlgorithmKind::Smooth, "it is not thrown away");
        assert!(hands.session.take_notice().is_some_and(|notice| notice.contains("still being made")));
        assert_eq!(hands.session.undo(), Ok(true));
        assert!(hands.session.trial().is_none());
        assert_eq!(digest(hands.session.case()), before);
        assert_eq!(hands.session.history().done().len(), steps, "no other step was undone");
    }
}

#[test]
fn enter_fills_the_contour_in_hand_before_it_takes_what_is_tried_out() {
    let mut hands = painted();
    hands.run(Command::Try(AlgorithmKind::Margin));
    hands.session.wait_for_trial().expect("made");
    hands.does(&Act::Take(ToolKind::Polygon));
    hands.does(&Act::Focus([2.0, 15.0, 10.0]));
    for corner in [[1.0, 14.0, 10.0], [5.0, 14.0, 10.0], [3.0, 18.0, 10.0]] {
        hands.click(corner.into());
    }
    let steps = hands.session.history().done().len();
    hands.run(Command::Accept);
    assert_eq!(hands.session.history().done().last(), Some("Contour on Label 1"));
    assert_eq!(hands.session.history().done().len(), steps + 1);
    assert!(hands.session.trial().is_some_and(|trial| !trial.accepted), "it is tried out still");
}

#[test]
fn growing_begins_under_the_pointer_or_else_at_the_crosshair() {
    let mut hands = painted();
    let session = &mut hands.session;
    let seed = |session: &Session| match session.trial().map(|trial| trial.algorithm.clone()) {
        Some(Algorithm::Grow { seed_lps, .. }) => session.case().volume().grid().index_at(seed_lps),
        other => panic!("{other:?}"),
    };
    session.set_focus([10.0, 10.0, 10.0].into());
    session.begin_trial(AlgorithmKind::Grow);
    let at_crosshair = session.case().volume().grid().index_at([10.0, 10.0, 10.0].into());
    assert_eq!(seed(session), at_crosshair);
    let there = session.view(AXIAL).screen_from_patient() * Point::new(18.0, 12.0, 10.0);
    session.pointer_moved(AXIAL, there, Modifiers::default());
    session.begin_trial(AlgorithmKind::Grow);
    assert_eq!(seed(session), session.case().volume().grid().index_at([18.0, 12.0, 10.0].into()));
    assert_eq!(
        session.case().volume().grid().index_at(session.focus()),
        seed(session),
        "the crosshair follows"
    );
}
