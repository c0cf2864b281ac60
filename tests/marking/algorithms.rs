//! Steps that compute masks: what they write, what they leave alone, and that undo restores exactly.

use std::sync::Arc;

use annotomy::case::Case;
use annotomy::geometry::{Point, VoxelBox, VoxelIndex};
use annotomy::segment::{Accelerators, Unwatched};
use annotomy::session::{Algorithm, Session};
use annotomy::volume::{Buffer, Rescale, Samples, Volume};

use crate::stage::*;

const LABELS: &str = r#"{"tool": "label", "index": 1, "name": "Lesion"}, {"tool": "label", "index": 2, "name": "Liver"}, {"tool": "label", "index": 3, "name": "Cyst"}"#;
/// Balls of 4 and 2 mm on voxels of 1 × 1 × 2 mm, apart from each other.
const TWO_BALLS: &str = r#"{"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 4, "points_lps": [[6, 8, 8]]}, {"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 2, "points_lps": [[18, 8, 8]]}"#;
const LOCK_2: &str = r#"{"tool": "label", "index": 2, "name": "Liver", "locked": true}"#;

/// The labels of the plain study after some steps; undoing and making again the last one must lead there
/// and back.
#[track_caller]
fn after(steps: &[&str]) -> Session {
    let (last, before) = steps.split_last().expect("a step");
    let mut session = Session::new(plain_case(), "Script");
    run_steps(&mut session, LABELS).expect("labels");
    before.iter().for_each(|step| run_steps(&mut session, step).expect("the step can be made"));
    let (old, count) = (session.case().layers().to_vec(), session.history().done().len());
    run_steps(&mut session, last).expect("the step can be made");
    if session.history().done().len() > count {
        assert_eq!(session.history().done().len(), count + 1, "one step");
        let new = session.case().layers().to_vec();
        assert_eq!(session.undo(), Ok(true));
        assert!(session.case().layers()[0].has_same_labels(&old[0]), "undo restores exactly");
        assert_eq!(session.redo(), Ok(true));
        assert!(session.case().layers()[0].has_same_labels(&new[0]), "and redo");
    }
    session
}

/// How many voxels each label has.
#[track_caller]
fn check(steps: &[&str], counts: &[(u16, u64)]) -> Session {
    let session = after(steps);
    let found: Vec<(u16, u64)> = session.case().layers()[0].counts().into_iter().collect();
    assert_eq!(found, counts, "after {steps:?}");
    session
}

/// Lattice points of 1 × 1 × 2 mm within a radius.
fn ball(radius: f64) -> u64 {
    let reach = radius as i32 + 1;
    let places = (-reach..=reach).flat_map(|i| (-reach..=reach).map(move |j| (i, j)));
    let all = places.flat_map(|(i, j)| (-reach..=reach).map(move |k| i * i + j * j + 4 * k * k));
    all.filter(|square| f64::from(*square) <= radius * radius).count() as u64
}

#[test]
fn a_threshold_labels_rescaled_values() {
    // Values are 2·i − 10: from 2 to 10 are the columns 6 to 10.
    check(&[r#"{"tool": "threshold", "label": 1, "range": [2, 10]}"#], &[(1, 5 * 20 * 10)]);
    check(&[r#"{"tool": "threshold", "label": 1, "range": [2.1, 9.9]}"#], &[(1, 3 * 20 * 10)]);
    let made = check(&[r#"{"tool": "threshold", "label": 9, "range": [2, 2]}"#], &[(9, 200)]);
    assert_eq!(made.case().scheme().get(9).map(|label| label.name.as_str()), Some("Label 9"));
    let nothing = check(&[r#"{"tool": "threshold", "label": 9, "range": [3, 3]}"#], &[]);
    assert!(nothing.case().scheme().get(9).is_none(), "nothing changed, so that no label is made");
}

#[test]
fn growing_stays_within_its_range_and_its_path() {
    check(&[r#"{"tool": "grow", "label": 1, "seed_lps": [7, 3, 4], "range": [2, 10]}"#], &[(1, 1000)]);
    // A slab of another label is no wall: the values decide.
    let wall = r#"{"tool": "threshold", "label": 2, "range": [6, 6]}"#;
    check(&[wall, r#"{"tool": "grow", "label": 1, "seed_lps": [7, 3, 4], "range": [2, 10]}"#], &[(1, 1000)]);
    let locked = [wall, LOCK_2, r#"{"tool": "grow", "label": 1, "seed_lps": [7, 3, 4], "range": [2, 10]}"#];
    // A locked one is, and lies on no path.
    check(&locked, &[(1, 400), (2, 200)]);
    let mut walled = after(&[wall, LOCK_2]);
    let on_it = r#"{"tool": "grow", "label": 1, "seed_lps": [8, 3, 4], "range": [2, 10]}"#;
    assert!(run_steps(&mut walled, on_it).expect_err("refused").to_string().contains("locked"));
    let learnt = r#"{"tool": "grow", "label": 1, "seed_lps": [7, 3, 4], "confidence": 9}"#;
    let learnt = after(&[wall, LOCK_2, learnt]);
    assert_eq!(learnt.case().layers()[0].counts()[&1], 8 * 200);
    // All values of the columns around the seed's lie within 2.5 deviations of it: 4, 6 and 8.
    let learnt = after(&[r#"{"tool": "grow", "label": 1, "seed_lps": [8, 3, 4], "confidence": 2.5}"#]);
    assert!(learnt.case().layers()[0].counts()[&1] >= 3 * 200);
}

#[test]
fn filling_stops_at_other_labels() {
    let wall = r#"{"tool": "threshold", "label": 2, "range": [6, 6]}"#;
    check(&[wall, r#"{"tool": "fill", "label": 1, "seed_lps": [3, 3, 4]}"#], &[(1, 8 * 200), (2, 200)]);
    let slice = r#"{"tool": "fill", "label": 1, "seed_lps": [3, 3, 4], "slice": "k"}"#;
    let session = check(&[wall, slice], &[(1, 8 * 20), (2, 200)]);
    assert_eq!(session.case().layers()[0].label(VoxelIndex::new(0, 0, 2)), 1);
    check(&[wall, r#"{"tool": "fill", "label": 3, "seed_lps": [8, 3, 4]}"#], &[(3, 200)]);
}

#[test]
fn islands_are_kept_removed_and_told_apart() {
    let (large, small) = (ball(4.0), ball(2.0));
    let check = |step: &str, counts: &[(u16, u64)]| check(&[TWO_BALLS, step], counts);
    check(r#"{"tool": "islands", "label": 1, "keep": "largest"}"#, &[(1, large)]);
    check(r#"{"tool": "islands", "label": 1, "keep": "largest", "count": 2}"#, &[(1, large + small)]);
    // A voxel has 2 mm³, the small ball 15 voxels.
    check(r#"{"tool": "islands", "label": 1, "remove_below_mm3": 30}"#, &[(1, large + small)]);
    check(r#"{"tool": "islands", "label": 1, "remove_below_mm3": 30.1, "connectivity": 6}"#, &[(1, large)]);
    let split = check(r#"{"tool": "islands", "label": 1, "split": true}"#, &[(1, large), (4, small)]);
    assert_eq!(split.case().scheme().get(4).map(|label| label.name.as_str()), Some("Lesion 2"));
}

#[test]
fn holes_margins_and_shells_keep_to_millimetres() {
    let one =
        r#"{"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 0.4, "points_lps": [[8, 8, 8]]}"#;
    let grow = r#"{"tool": "margin", "label": 1, "mm": 4}"#;
    let check = |steps: &[&str], counts: &[(u16, u64)]| check(&[&[one], steps].concat(), counts);
    check(&[grow], &[(1, ball(4.0))]);
    check(
        &[grow, r#"{"tool": "hollow", "label": 1, "mm": 2}"#, r#"{"tool": "fill-holes", "label": 1}"#],
        &[(1, ball(4.0))],
    );
    check(&[grow, r#"{"tool": "margin", "label": 1, "mm": -9}"#], &[]);
    let core = r#"{"tool": "brush", "label": 2, "shape": "ball", "radius_mm": 2, "points_lps": [[8, 8, 8]]}"#;
    let (lock, shell) = (LOCK_2, ball(4.0) - ball(2.0));
    check(&[grow, core, r#"{"tool": "fill-holes", "label": 1}"#], &[(1, ball(4.0))]);
    check(
        &[grow, core, r#"{"tool": "fill-holes", "label": 1, "keep_others": true}"#],
        &[(1, shell), (2, ball(2.0))],
    );
    check(&[grow, core, lock, r#"{"tool": "fill-holes", "label": 1}"#], &[(1, shell), (2, ball(2.0))]);
    // Neither growing nor shrinking touches what is locked or another's.
    check(
        &[grow, core, lock, r#"{"tool": "margin", "label": 1, "mm": 30}"#],
        &[(1, 4800 - ball(2.0)), (2, ball(2.0))],
    );
    check(&[grow, core, r#"{"tool": "margin", "label": 1, "mm": -30}"#], &[(2, ball(2.0))]);
    check(&[grow, r#"{"tool": "hollow", "label": 1, "mm": 9, "wall": "inside"}"#], &[(1, ball(4.0))]);
}

#[test]
fn labels_are_combined() {
    let columns = r#"{"tool": "threshold", "label": 1, "range": [-10, 10]}, {"tool": "threshold", "label": 2, "range": [4, 30]}"#;
    // Label 1 has the columns 0 to 6 and label 2 those from 7 to 20, each of 200 voxels.
    let check = |step: &str, counts: &[(u16, u64)]| check(&[columns, step], counts);
    check(r#"{"tool": "combine", "op": "union", "a": 1, "b": 2, "into": 3}"#, &[(3, 21 * 200)]);
    check(r#"{"tool": "combine", "op": "union", "a": 1, "b": 2, "into": 1}"#, &[(1, 21 * 200)]);
    check(r#"{"tool": "combine", "op": "intersect", "a": 1, "b": 2, "into": 3}"#, &[(1, 1400), (2, 2800)]);
    check(r#"{"tool": "combine", "op": "subtract", "a": 2, "b": 1, "into": 5}"#, &[(1, 1400), (5, 2800)]);
    let locked = [columns, LOCK_2, r#"{"tool": "combine", "op": "union", "a": 1, "b": 2, "into": 3}"#];
    self::check(&locked, &[(2, 2800), (3, 1400)]);
}

#[test]
fn smoothing_knows_its_methods() {
    let method =
        |word: &str, mm: f64| format!(r#"{{"tool": "smooth", "label": 1, "method": "{word}", "mm": {mm}}}"#);
    let large = ball(4.0);
    // A ball of 3 mm within one of 4 mm reaches all of it but its two poles along k.
    check(&[TWO_BALLS, &method("opening", 3.0)], &[(1, large - 2)]);
    // The columns 0 to 6 and 8 to 20: one is missing between them. Where it meets the border of the grid
    // along j, a ball beyond the border covers its last voxels.
    let gap = r#"{"tool": "threshold", "label": 1, "range": [-10, 2]}, {"tool": "threshold", "label": 1, "range": [6, 30]}"#;
    check(&[gap, &method("closing", 1.0)], &[(1, 21 * 200 - 2 * 10)]);
    for word in ["median", "gaussian"] {
        let session = after(&[TWO_BALLS, &method(word, 2.0)]);
        let map = &session.case().layers()[0];
        assert_eq!(
            (map.label(VoxelIndex::new(6, 8, 4)), map.label(VoxelIndex::new(18, 6, 4))),
            (1, 0),
            "{word}"
        );
    }
    let halves = r#"{"tool": "threshold", "label": 1, "range": [-10, 10]}, {"tool": "threshold", "label": 2, "range": [11, 60]}"#;
    let joint = r#"{"tool": "smooth", "labels": [1, 2], "method": "joint", "mm": 2}"#;
    check(&[halves, joint], &[(1, 11 * 200), (2, 13 * 200)]);
}

#[test]
fn labels_grow_from_seeds_over_what_has_none() {
    // Values rise along i alone: halfway between the seeds is the border, and what lies between the balls
    // goes to the nearer one.
    let seeds = r#"{"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 0.4, "points_lps": [[4, 8, 8]]}, {"tool": "brush", "label": 2, "shape": "ball", "radius_mm": 0.4, "points_lps": [[15, 8, 8]]}"#;
    let grow = r#"{"tool": "grow-from-seeds", "labels": [1, 2], "margin_mm": 100}"#;
    check(&[seeds, grow], &[(1, 10 * 20 * 10), (2, 14 * 20 * 10)]);
    let narrow = r#"{"tool": "grow-from-seeds", "labels": [1, 2], "margin_mm": 0}"#;
    check(&[seeds, narrow], &[(1, 6), (2, 6)]);
    // A third label keeps what it has, and so do the seeds.
    let third = r#"{"tool": "threshold", "label": 3, "range": [-10, -6]}"#;
    check(&[seeds, third, grow], &[(1, 7 * 20 * 10), (2, 14 * 20 * 10), (3, 3 * 20 * 10)]);
}

#[test]
fn slices_between_are_filled() {
    let disc = |at: f64| {
        format!(
            r#"{{"tool": "brush", "label": 1, "shape": "disc", "radius_mm": 3, "points_lps": [[8, 8, {at}]]}}"#
        )
    };
    let painted = format!("{}, {}", disc(2.0), disc(12.0));
    let between = r#"{"tool": "interpolate", "label": 1, "axis": "k"}"#;
    // Six slices of 29 voxels; those painted before the lock are kept, and then it holds.
    let disc_voxels = 29;
    check(&[&painted, between], &[(1, 6 * disc_voxels)]);
    let wall = r#"{"tool": "threshold", "label": 2, "range": [6, 6]}"#;
    let session = check(
        &[wall, &painted, LOCK_2, between],
        &[(1, 2 * disc_voxels + 4 * (disc_voxels - 7)), (2, 200 - 2 * 7)],
    );
    assert_eq!(session.history().done().last(), Some("Interpolate Lesion"));
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let check = |step: &str, part: &str| {
        let mut session = Session::new(plain_case(), "Script");
        run_steps(&mut session, LABELS).expect("labels");
        run_steps(&mut session, TWO_BALLS).expect("marks");
        run_steps(&mut session, LOCK_2).expect("a lock");
        let (old, count) = (session.case().layers()[0].clone(), session.history().done().len());
        let error = run_steps(&mut session, step).expect_err("refused").to_string();
        assert!(error.contains(part), "{step} is refused with {error:?}");
        assert!(session.case().layers()[0].has_same_labels(&old) && session.history().done().len() == count);
    };
    check(r#"{"tool": "threshold", "label": 0, "range": [2, 10]}"#, "background");
    check(r#"{"tool": "threshold", "label": 1, "range": [10, 2]}"#, "empty");
    check(r#"{"tool": "threshold", "label": 2, "range": [2, 10]}"#, "locked");
    check(r#"{"tool": "grow", "label": 1, "seed_lps": [90, 3, 4], "range": [2, 10]}"#, "outside the study");
    check(r#"{"tool": "grow", "label": 1, "seed_lps": [0, 3, 4], "range": [2, 10]}"#, "-10 lies outside");
    check(r#"{"tool": "grow", "label": 1, "seed_lps": [0, 3, 4]}"#, "either");
    check(r#"{"tool": "islands", "label": 7, "keep": "largest"}"#, "no label 7");
    check(r#"{"tool": "islands", "label": 1}"#, "one of");
    check(r#"{"tool": "islands", "label": 1, "remove_below_mm3": 0}"#, "above 0");
    check(r#"{"tool": "margin", "label": 1, "mm": 0}"#, "above 0");
    check(r#"{"tool": "margin", "label": 7, "mm": 1}"#, "no label 7");
    check(r#"{"tool": "smooth", "label": 1, "method": "closing", "mm": 1000}"#, "at most");
    check(r#"{"tool": "smooth", "labels": [1, 3], "method": "closing", "mm": 1}"#, "joint");
    check(r#"{"tool": "smooth", "labels": [1, 3, 1], "method": "joint", "mm": 1}"#, "named twice");
    check(r#"{"tool": "combine", "op": "union", "a": 1, "b": 7, "into": 3}"#, "no label 7");
    check(r#"{"tool": "combine", "op": "union", "a": 1, "b": 3, "b_layer": 4, "into": 3}"#, "no layer 4");
    check(r#"{"tool": "fill-holes", "label": 2}"#, "locked");
    check(r#"{"tool": "grow-from-seeds", "labels": [1, 2]}"#, "locked");
    check(r#"{"tool": "grow-from-seeds", "labels": [1, 1]}"#, "named twice");
    check(r#"{"tool": "grow-from-seeds", "labels": [3]}"#, "two painted labels");
    check(r#"{"tool": "grow-from-seeds", "labels": [1], "margin_mm": -1}"#, "at least 0");
    check(r#"{"tool": "interpolate", "label": 7, "axis": "k"}"#, "no label 7");
}

/// The same study stored the other way round along its axes gives the same marks at the same places of
/// the patient.
#[test]
fn flipped_grids_are_marked_alike() {
    let dims = [24, 20, 10];
    let on = |flips: [bool; 3]| {
        let sign = |axis: usize| if flips[axis] { -1.0 } else { 1.0 };
        let axes = [[sign(0), 0.0, 0.0], [0.0, sign(1), 0.0], [0.0, 0.0, 2.0 * sign(2)]];
        let far = [23.0, 19.0, 18.0];
        let origin = std::array::from_fn(|axis| if flips[axis] { far[axis] } else { 0.0 });
        let grid = grid(dims, axes, origin);
        let samples: Vec<i16> = (0..grid.voxel_count())
            .map(|n| {
                let at = grid
                    .centre_of(VoxelIndex::new(n % 24, n / 24 % 20, n / 480))
                    .to_array()
                    .map(|mm| mm.round() as i64);
                ((at[0] * 3 + at[1] * at[1] / 4 + at[2] * 2) % 40) as i16
            })
            .collect();
        let samples = Samples::I16(Buffer::from_slice(&samples).expect("memory"));
        let volume = Volume::new(grid, 1, samples, Rescale::NONE).expect("a volume");
        let mut session = Session::new(Case::new(Arc::new(volume)), "Script");
        let steps = [
            LABELS,
            r#"{"tool": "threshold", "label": 1, "range": [5, 25]}"#,
            r#"{"tool": "grow", "label": 2, "seed_lps": [3, 2, 4], "range": [0, 26], "connectivity": 18}"#,
            r#"{"tool": "islands", "label": 1, "remove_below_mm3": 9, "connectivity": 6}"#,
            r#"{"tool": "smooth", "label": 2, "method": "closing", "mm": 2}"#,
            r#"{"tool": "fill-holes", "label": 2, "slices": "i"}"#,
            r#"{"tool": "margin", "label": 2, "mm": -1.5}"#,
            r#"{"tool": "smooth", "label": 1, "method": "median", "mm": 1}"#,
        ];
        steps.iter().for_each(|step| run_steps(&mut session, step).expect("the step can be made"));
        session
    };
    let plain = on([false; 3]);
    assert_eq!(plain.case().layers()[0].counts().len(), 2, "both labels are there to be compared");
    for flips in [[true, false, false], [false, true, true], [true, true, true]] {
        let flipped = on(flips);
        let grid = flipped.case().volume().grid().clone();
        for n in 0..24 * 20 * 10 {
            let voxel = VoxelIndex::new(n % 24, n / 24 % 20, n / 480);
            let at = plain.case().volume().grid().centre_of(voxel);
            let there = grid.index_at(at).expect("inside");
            let labels = [&plain, &flipped].map(|session| &session.case().layers()[0]);
            assert_eq!(labels[0].label(voxel), labels[1].label(there), "{at:?} with {flips:?}");
        }
    }
}

#[test]
fn a_preview_shows_what_would_be_written() {
    let steps = [
        r#"{"tool": "threshold", "label": 1, "range": [2, 10]}"#,
        r#"{"tool": "grow", "label": 1, "seed_lps": [7, 3, 4], "range": [2, 20]}"#,
        r#"{"tool": "margin", "label": 1, "mm": 3}"#,
        r#"{"tool": "margin", "label": 1, "mm": -1}"#,
        r#"{"tool": "islands", "label": 1, "keep": "largest"}"#,
        r#"{"tool": "fill-holes", "label": 1, "keep_others": true}"#,
    ];
    let other =
        r#"{"tool": "brush", "label": 2, "shape": "ball", "radius_mm": 3, "points_lps": [[8, 8, 8]]}"#;
    for step in steps {
        let mut session = after(&[TWO_BALLS, other, LOCK_2]);
        let algorithm: Algorithm = serde_json::from_str(step).expect("an algorithm");
        let bounds = VoxelBox { min: [3, 0, 4], max: [24, 20, 5] };
        let shown = algorithm.preview(session.case(), 0, 0, bounds, &Unwatched).expect("a preview");
        session.run_algorithm(&algorithm).expect("the step can be made");
        for n in 0..24 * 20 * 10 {
            let voxel = VoxelIndex::new(n % 24, n / 24 % 20, n / 480);
            let label = session.case().layers()[0].label(voxel);
            assert_eq!(shown.contains(voxel), bounds.contains(voxel) && label == 1, "{voxel:?} of {step}");
        }
    }
}

#[test]
fn edits_of_another_thread_are_refused_once_their_bricks_changed() {
    let mut session = Session::new(plain_case(), "Script");
    run_steps(&mut session, LABELS).expect("labels");
    run_steps(&mut session, TWO_BALLS).expect("marks");
    let algorithm: Algorithm =
        serde_json::from_str(r#"{"tool": "margin", "label": 1, "mm": 1}"#).expect("read");
    let edits =
        algorithm.run(session.case(), 0, 0, &Accelerators::default(), &Unwatched).expect("not cancelled");
    run_steps(
        &mut session,
        r#"{"tool": "erase", "label": 1, "shape": "ball", "radius_mm": 1, "points_lps": [[6, 8, 8]]}"#,
    )
    .expect("made");
    let before = session.case().layers()[0].clone();
    assert!(session.take_edits("Grow", edits.clone()).is_err());
    assert!(session.case().layers()[0].has_same_labels(&before));
    session.undo().expect("undone");
    session.take_edits("Grow", edits).expect("they fit again");
    let at = Point::new(6.0, 13.0, 8.0);
    let voxel = session.case().volume().grid().index_at(at).expect("inside");
    assert_eq!(session.case().layers()[0].label(voxel), 1);
}

/// A header's 1.2 is 1.2000000477: a margin told as one spacing still reaches the next voxel.
#[test]
fn lengths_count_though_headers_keep_seven_digits() {
    let [x, y, z] = [0.7f32, 1.2, 2.9].map(f64::from);
    let axes = [[x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, z]];
    let count = |step: &str| {
        let mut session = Session::new(case_on(grid([24, 20, 10], axes, [0.0; 3])), "Script");
        let seed = format!(
            r#"{{"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 0.1, "points_lps": [[{}, {}, {}]]}}"#,
            12.0 * x,
            10.0 * y,
            5.0 * z
        );
        run_steps(&mut session, LABELS).expect("labels");
        run_steps(&mut session, &seed).expect("a voxel");
        run_steps(&mut session, step).expect("a step");
        session.case().layers()[0].counts().get(&1).copied().unwrap_or_default()
    };
    let margin = |mm: f64| count(&format!(r#"{{"tool": "margin", "label": 1, "mm": {mm}}}"#));
    for mm in [0.7, 1.2, 2.9] {
        assert_eq!(margin(mm), margin(mm + 1e-4), "{mm} mm");
    }
    assert_eq!(margin(0.7), 3);
    let islands =
        |mm3: f64| count(&format!(r#"{{"tool": "islands", "label": 1, "remove_below_mm3": {mm3}}}"#));
    assert_eq!([islands(0.7 * 1.2 * 2.9), islands(0.7 * 1.2 * 2.9 + 1e-3)], [1, 0]);
}

#[test]
fn nothing_reaches_further_than_a_person_is_long() {
    for step in [r#""margin", "mm": 1e20"#, r#""margin", "mm": -1e20"#, r#""hollow", "mm": 1e20"#] {
        let mut session = Session::new(plain_case(), "Script");
        run_steps(&mut session, &format!("{LABELS}, {TWO_BALLS}")).expect("two balls");
        let error = run_steps(&mut session, &format!(r#"{{"tool": {step}, "label": 1}}"#));
        assert!(error.expect_err(step).to_string().contains("at most"), "{step}");
    }
}

/// The plain study, with changes to it.
fn session_on(change: impl FnOnce(Volume) -> Volume) -> Session {
    let volume = {
        let case = plain_case();
        case.volume().clone()
    };
    let volume = Arc::into_inner(volume).expect("the case is gone");
    let mut session = Session::new(Case::new(Arc::new(change(volume))), "Script");
    run_steps(&mut session, LABELS).expect("labels");
    session
}

#[test]
fn a_missing_slice_ends_no_island_and_takes_nothing_from_a_margin() {
    let missing = 4;
    let ball =
        r#"{"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 7, "points_lps": [[11, 9, 8]]}"#;
    let steps = [
        r#"{"tool": "islands", "label": 1, "keep": "largest"}"#,
        r#"{"tool": "margin", "label": 1, "mm": -3}"#,
        r#"{"tool": "margin", "label": 1, "mm": 2}"#,
        r#"{"tool": "hollow", "label": 1, "mm": 3}"#,
        r#"{"tool": "smooth", "label": 1, "method": "opening", "mm": 3}"#,
        r#"{"tool": "smooth", "label": 1, "method": "gaussian", "mm": 2}"#,
        r#"{"tool": "smooth", "labels": [1], "method": "joint", "mm": 2}"#,
        r#"{"tool": "islands", "label": 1, "split": true}"#,
    ];
    for step in steps {
        let slices = |gap: bool| {
            let with_gap =
                |volume: Volume| volume.with_missing_slices(vec![missing]).expect("one slice of ten");
            let mut session = session_on(|volume| if gap { with_gap(volume) } else { volume });
            run_steps(&mut session, ball).expect("a stroke");
            run_steps(&mut session, step).expect("the step can be made");
            let mut counts = [0usize; 10];
            session.case().layers()[0].for_each_labelled(|voxel, label| {
                assert_eq!(label, 1);
                counts[voxel.k] += 1;
            });
            counts
        };
        let (whole, gap) = (slices(false), slices(true));
        for k in (0..10).filter(|k| *k != missing) {
            // The middle slice of the ball is somewhat larger than the one that stands for it.
            assert!(whole[k].abs_diff(gap[k]) <= 8, "{step}: {whole:?} and {gap:?}");
        }
        assert_eq!(gap[missing], 0, "{step}: nothing is written where nothing was scanned");
    }
}

#[test]
fn a_range_is_learnt_from_numbers_alone() {
    let grow = r#"{"tool": "grow", "label": 1, "seed_lps": [8, 3, 4], "confidence": 2.5}"#;
    let floats = |hole: f32| {
        session_on(|volume| {
            let grid = volume.grid().clone();
            let values: Vec<f32> =
                (0..grid.voxel_count())
                    .map(|n| {
                        if n == grid.offset(VoxelIndex::new(9, 3, 2)) { hole } else { 100.0 + (n % 7) as f32 }
                    })
                    .collect();
            let samples = Samples::F32(Buffer::from_slice(&values).expect("memory"));
            Volume::new(grid, 1, samples, Rescale::NONE).expect("a volume")
        })
    };
    for hole in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut session = floats(hole);
        run_steps(&mut session, grow).expect("grown");
        assert!(session.case().layers()[0].counts()[&1] > 4000, "{hole}");
        let error = run_steps(&mut session, &grow.replace("[8,", "[9,")).expect_err("no value");
        assert!(error.to_string().contains("no value"), "{error}");
    }
}

#[test]
fn seeds_do_not_grow_through_what_is_locked() {
    let seeds = r#"{"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 1, "points_lps": [[2, 9, 8]]}, {"tool": "brush", "label": 3, "shape": "ball", "radius_mm": 1, "points_lps": [[5, 9, 8]]}"#;
    let wall = r#"{"tool": "threshold", "label": 2, "range": [6, 6]}"#;
    let grow = r#"{"tool": "grow-from-seeds", "labels": [1, 3], "margin_mm": 100}"#;
    // All but the wall at i = 8 is won, or what lies on this side of it.
    let won = |steps: &[&str]| {
        let counts = after(steps).case().layers()[0].counts();
        counts[&1] + counts[&3]
    };
    assert_eq!(won(&[seeds, wall, grow]), 23 * 200);
    assert_eq!(won(&[seeds, wall, LOCK_2, grow]), 8 * 200);
}
