//! Random work, taken back and made again; edits on disk and on the wrong case.

use annotomy::annotation::Label;
use annotomy::case::{BrickState, Case, Edit, EditError, History, MadeFrom, MaskWriter, WriteRule};
use annotomy::geometry::{VoxelBox, VoxelIndex};
use annotomy::session::Session;
use annotomy::store::DiskAttic;
use annotomy::volume::{BrickIndex, Mask};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::stage::*;

/// Work as a person and a script do it, in millimetres of the patient.
#[derive(Clone, Debug)]
enum Work {
    Stroke {
        erase: bool,
        label: u16,
        ball: bool,
        radius_mm: f64,
        points: Vec<[f64; 3]>,
        range: Option<[f64; 2]>,
    },
    BrokenOff {
        radius_mm: f64,
        from: [f64; 3],
        to: [f64; 3],
    },
    Box {
        label: Option<u16>,
        corners: [[f64; 3]; 2],
    },
    Landmark {
        point: [f64; 3],
    },
    Rename {
        which: Index,
        name: &'static str,
    },
    DeleteMark {
        which: Index,
    },
    Label {
        index: u16,
        name: &'static str,
        locked: bool,
    },
    Eye {
        index: u16,
        visible: bool,
    },
    DeleteLabel {
        index: u16,
    },
    Interpolate {
        label: u16,
        axis: usize,
    },
    NewLayer,
    Undo,
    Redo,
    GoTo {
        step: Index,
    },
}

fn any_point() -> impl Strategy<Value = [f64; 3]> {
    [-2.0..26.0f64, -2.0..22.0f64, -0.9..18.9f64]
}

fn any_label() -> impl Strategy<Value = u16> {
    1..5u16
}

fn any_work() -> impl Strategy<Value = Work> {
    let name = prop::sample::select(vec!["Lesion", "Liver", "Vein"]);
    prop_oneof![
        6 => (any::<bool>(), any_label(), any::<bool>(), 0.3..7.0f64, prop::collection::vec(any_point(), 1..4), prop::option::of(Just([-6.0, 14.0])))
            .prop_map(|(erase, label, ball, radius_mm, points, range)| Work::Stroke { erase, label, ball, radius_mm, points, range }),
        1 => (0.5..6.0f64, any_point(), any_point()).prop_map(|(radius_mm, from, to)| Work::BrokenOff { radius_mm, from, to }),
        1 => (prop::option::of(any_label()), any_point(), any_point()).prop_map(|(label, a, b)| Work::Box { label, corners: [a, b] }),
        1 => any_point().prop_map(|point| Work::Landmark { point }),
        1 => (any::<Index>(), name.clone()).prop_map(|(which, name)| Work::Rename { which, name }),
        1 => any::<Index>().prop_map(|which| Work::DeleteMark { which }),
        2 => (any_label(), name, any::<bool>()).prop_map(|(index, name, locked)| Work::Label { index, name, locked }),
        1 => (any_label(), any::<bool>()).prop_map(|(index, visible)| Work::Eye { index, visible }),
        1 => any_label().prop_map(|index| Work::DeleteLabel { index }),
        2 => (any_label(), 0..3usize).prop_map(|(label, axis)| Work::Interpolate { label, axis }),
        1 => Just(Work::NewLayer),
        2 => Just(Work::Undo),
        1 => Just(Work::Redo),
        1 => any::<Index>().prop_map(|step| Work::GoTo { step }),
    ]
}

fn do_work(hands: &mut Hands, work: &Work) {
    let nth_mark = |session: &Session, which: &Index| {
        let marks = session.case().annotations();
        (!marks.is_empty()).then(|| marks[which.index(marks.len())].id)
    };
    let session = &mut hands.session;
    match work {
        Work::Stroke { erase, label, ball, radius_mm, points, range } => {
            let step = serde_json::json!({
                "tool": if *erase { "erase" } else { "brush" }, "label": label, "shape": if *ball { "ball" } else { "disc" },
                "radius_mm": radius_mm, "points_lps": points, "range": range,
            });
            // A locked label is declined, which is as good an answer as any.
            let _ = run_steps(session, &step.to_string());
        }
        Work::BrokenOff { radius_mm, from, to } => {
            let before = hands.session.case().clone();
            hands.does(&Act::Take(annotomy::tool::ToolKind::Brush));
            hands.does(&Act::Size(annotomy::tool::BrushShape::Ball, *radius_mm));
            hands.press((*from).into(), annotomy::session::Button::Left, PLAIN);
            hands.move_to((*to).into(), PLAIN);
            hands.session.cancel_gesture();
            // A label that hands go to is shown again.
            assert_same(hands.session.case(), &before, Eye::Free);
        }
        Work::Box { label, corners: [a, b] } => {
            let step = serde_json::json!({ "tool": "box", "label": label, "min_lps": a, "max_lps": b });
            run_steps(session, &step.to_string()).expect("a box");
        }
        Work::Landmark { point } => {
            let step = serde_json::json!({ "tool": "landmark", "name": "Sella", "point_lps": point });
            run_steps(session, &step.to_string()).expect("a landmark");
        }
        Work::Rename { which, name } => {
            let id = nth_mark(session, which);
            id.map(|id| session.rename_annotation(id, name)).transpose().expect("renamed");
        }
        Work::DeleteMark { which } => {
            let id = nth_mark(session, which);
            id.map(|id| session.delete_annotation(id)).transpose().expect("deleted");
        }
        Work::Label { index, name, locked } => {
            let step = serde_json::json!({ "tool": "label", "index": index, "name": name, "locked": locked });
            run_steps(session, &step.to_string()).expect("a label");
        }
        Work::Eye { index, visible } => session.set_label_visible(*index, *visible),
        Work::DeleteLabel { index } => session.delete_label(*index).expect("deleted or declined"),
        Work::Interpolate { label, axis } => session.interpolate(*label, *axis).expect("filled or declined"),
        Work::NewLayer => session.add_layer().expect("added"),
        Work::Undo => drop(session.undo().expect("undone")),
        Work::Redo => drop(session.redo().expect("made again")),
        Work::GoTo { step } => {
            let history = session.history();
            let steps = step.index(history.done().len() + history.undone().len() + 1);
            session.go_to_step(steps).expect("gone there");
        }
    }
}

/// Whether the eyes of labels, which no step sets, have to agree.
#[derive(Clone, Copy, PartialEq)]
enum Eye {
    Counts,
    Free,
}

#[track_caller]
fn assert_same(ours: &Case, theirs: &Case, eye: Eye) {
    for (ours, theirs) in ours.layers().iter().zip(theirs.layers()) {
        assert!(ours.has_same_labels(theirs), "the same labels in every voxel");
    }
    let scheme = |case: &Case| -> Vec<(u16, Label)> {
        let seen = |label: &Label| Label { visible: eye == Eye::Free || label.visible, ..label.clone() };
        case.scheme().iter().map(|(index, label)| (index, seen(label))).collect()
    };
    assert_eq!(scheme(ours), scheme(theirs));
    assert_eq!(ours.annotations(), theirs.annotations());
    assert!(ours.all_interpolated().eq(theirs.all_interpolated()));
    assert_eq!(ours.layer_origins(), theirs.layer_origins());
}

/// What must hold of a session at any time.
fn assert_sound(session: &Session) {
    let case = session.case();
    for map in case.layers() {
        for (index, brick) in map.bricks() {
            assert!(!brick.is_background(), "a brick of background is absent");
            let bounds = map.brick_bounds(index).dims();
            for (place, label) in brick.labels().iter().enumerate() {
                let at = [place % 32, place / 32 % 32, place / 1024];
                assert!(*label == 0 || (0..3).all(|axis| at[axis] < bounds[axis]), "a label beyond the grid");
            }
        }
    }
    assert!(session.active_label() == 0 || case.scheme().get(session.active_label()).is_some());
    let named = case.annotations().iter().filter_map(|annotation| annotation.label);
    let unknown: Vec<u16> = named.filter(|label| case.scheme().get(*label).is_none()).collect();
    assert!(unknown.is_empty(), "marks name labels that are not there: {unknown:?}");
    assert!(!session.history().is_open());
}

/// A case of several bricks along i, the last of them cut by the border.
fn wide_case() -> Case {
    case_on(grid([40, 20, 10], [[0.6, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.3, 2.0]], [0.0; 3]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn undoing_all_gives_the_first_state_and_redoing_all_the_last(work in prop::collection::vec(any_work(), 1..25)) {
        let mut hands = Hands::on(wide_case());
        for one in &work {
            do_work(&mut hands, one);
            assert_sound(&hands.session);
        }
        let session = &mut hands.session;
        let last = session.case().clone();
        let (done, undone) = (session.history().done().len(), session.history().undone().len());
        session.go_to_step(0).expect("all taken back");
        assert_same(session.case(), &wide_case(), Eye::Free);
        session.go_to_step(done).expect("all made again");
        assert_same(session.case(), &last, Eye::Free);
        prop_assert_eq!(session.history().undone().len(), undone);
        assert_sound(session);
    }

    #[test]
    fn steps_read_from_disk_make_the_same_case(work in prop::collection::vec(any_work(), 1..15)) {
        let mut hands = Hands::on(wide_case());
        work.iter().for_each(|one| do_work(&mut hands, one));
        let mut replayed = wide_case();
        let mut history = History::default();
        for edit in edits_between(&wide_case(), hands.session.case()) {
            let text = serde_json::to_string(&edit).expect("written");
            let read: Edit = serde_json::from_str(&text).expect("read");
            prop_assert_eq!(&read, &edit);
            prop_assert_eq!(&read.inverse().inverse(), &edit);
            history.apply(&mut replayed, read, "Replayed").expect("it fits");
        }
        assert_same(&replayed, hands.session.case(), Eye::Free);
    }
}

/// Edits that lead from one case to another, built through the same doors as any tool's.
fn edits_between(from: &Case, to: &Case) -> Vec<Edit> {
    let mut at = from.clone();
    let mut edits = Vec::new();
    let mut make = |at: &mut Case, edit: Option<Edit>| {
        edit.iter().for_each(|edit| at.apply(edit).expect("made for this case"));
        edits.extend(edit);
    };
    for (layer, map) in to.layers().iter().enumerate() {
        if layer > 0 {
            let after = Some(to.layer_origins()[layer].clone());
            make(&mut at, Some(Edit::Layer { layer, before: None, after }));
        }
        for label in map.counts().into_keys() {
            let mut writer = MaskWriter::new(&at, layer, WriteRule::paint(label)).expect("a layer");
            map.for_each_labelled(|voxel, found| {
                if found == label {
                    writer.write_run(voxel.i..voxel.i + 1, voxel.j, voxel.k);
                }
            });
            let edit = writer.finish();
            make(&mut at, edit);
        }
    }
    for (of, slices) in to.all_interpolated() {
        let edit = Edit::set_interpolated(&at, of, slices.to_vec());
        make(&mut at, edit);
    }
    for (index, label) in to.scheme().iter() {
        let edit = Edit::set_label(&at, index, Some(label.clone()));
        make(&mut at, edit);
    }
    for annotation in to.annotations() {
        let edit = Edit::add_annotation(&at, annotation.clone());
        make(&mut at, Some(edit));
    }
    edits
}

fn dab(case: &Case, label: u16, i: usize) -> Edit {
    let mut writer = MaskWriter::new(case, 0, WriteRule::paint(label)).expect("a layer");
    for (j, k) in (0..20).flat_map(|j| (0..10).map(move |k| (j, k))) {
        writer.write_run(i..i + 3, j, k);
    }
    writer.finish().expect("it changes something")
}

/// The same voxels, written as an algorithm does: whole bricks are exchanged.
fn filling(case: &Case, label: u16, i: usize) -> Edit {
    let mut writer = MaskWriter::new(case, 0, WriteRule::paint(label)).expect("a layer");
    writer.write_mask(&Mask::full(VoxelBox { min: [i, 0, 0], max: [i + 3, 20, 10] }));
    writer.finish().expect("it changes something")
}

#[test]
fn an_edit_for_another_state_is_refused_and_changes_nothing() {
    let empty = wide_case();
    let mut painted = empty.clone();
    painted.apply(&dab(&empty, 1, 4)).expect("made for it");
    let named =
        Edit::set_label(&empty, 1, Some(Label::new("Lesion", annotomy::annotation::Colour([1, 2, 3]))));
    let mut labelled = painted.clone();
    labelled.apply(named.as_ref().expect("a new label")).expect("made for it");
    let check = |case: &Case, edit: Edit, expected: EditError| {
        let mut tried = case.clone();
        let revision = tried.layers()[0].revision();
        assert_eq!(tried.apply(&edit), Err(expected));
        assert_same(&tried, case, Eye::Counts);
        assert_eq!(tried.layers()[0].revision(), revision);
        // In an open step it leaves nothing either.
        let mut history = History::default();
        history.begin("A step");
        assert!(history.apply(&mut tried, edit, "").is_err());
        assert!(history.commit().is_none());
    };
    for made in [dab, filling] {
        check(&painted, made(&empty, 2, 5), EditError::OtherState);
        check(&empty, made(&empty, 1, 4).inverse(), EditError::OtherState);
    }
    let after = |label| {
        let mut case = painted.clone();
        case.apply(&dab(&painted, label, 4)).expect("made for it");
        case
    };
    check(&after(3), dab(&after(2), 4, 4), EditError::OtherState);
    check(&labelled, named.clone().expect("a new label"), EditError::OtherState);
    check(&empty, named.expect("a new label").inverse(), EditError::OtherState);
    let Edit::Bricks { changes, .. } = filling(&empty, 1, 4) else { unreachable!("a fill changes bricks") };
    check(&empty, Edit::Bricks { layer: 7, changes: changes.clone() }, EditError::NoSuchPlace);
    // The same brick twice could not be taken back.
    let twice = [&changes[..], &changes].concat();
    check(&empty, Edit::Bricks { layer: 0, changes: twice }, EditError::DamagedBrick);
    let Edit::Voxels { changes, .. } = dab(&empty, 1, 4) else { unreachable!("a dab changes voxels") };
    check(
        &empty,
        Edit::Voxels { layer: 7, changes: changes.clone(), made_from: MadeFrom::default() },
        EditError::NoSuchPlace,
    );
    let twice = [&changes[..], &changes].concat();
    check(
        &empty,
        Edit::Voxels { layer: 0, changes: twice, made_from: MadeFrom::default() },
        EditError::DamagedBrick,
    );
    let damaged = |runs: &str, brick: &str| -> Edit {
        let text = format!(
            r#"{{"bricks": {{"layer": 0, "changes": [{{"brick": {brick}, "before": "absent", "after": {{"runs": {runs}}}}}]}}}}"#
        );
        serde_json::from_str(&text).expect("it reads")
    };
    check(&empty, damaged("[5, 1]", "[0, 0, 0]"), EditError::DamagedBrick);
    check(&empty, damaged("[32767, 1]", "[9, 0, 0]"), EditError::NoSuchPlace);
    // Labels beyond the grid, in the part of the last brick that no voxel has.
    check(&empty, damaged("[32767, 1]", "[1, 0, 0]"), EditError::DamagedBrick);
    let damaged = |rows: &str, brick: &str| -> Edit {
        let text =
            format!(r#"{{"voxels": {{"layer": 0, "changes": [{{"brick": {brick}, "rows": {rows}}}]}}}}"#);
        serde_json::from_str(&text).expect("it reads")
    };
    for (rows, brick, expected) in [
        ("[[0, 0, 1, 1]]", "[9, 0, 0]", EditError::NoSuchPlace),
        ("[]", "[0, 0, 0]", EditError::DamagedBrick),
        ("[[0, 0, 1, 0]]", "[0, 0, 0]", EditError::DamagedBrick),
        ("[[0, 1, 1, 1]]", "[0, 0, 0]", EditError::DamagedBrick),
        // A voxel twice, in one row or by coming back to it.
        ("[[0, 0, 1, 3], [0, 0, 2, 2]]", "[0, 0, 0]", EditError::DamagedBrick),
        ("[[1, 0, 1, 1], [0, 0, 1, 1], [1, 0, 1, 2]]", "[0, 0, 0]", EditError::DamagedBrick),
        // Beyond the grid along i, j and k, and beyond the brick.
        ("[[0, 0, 1, 256]]", "[1, 0, 0]", EditError::DamagedBrick),
        ("[[20, 0, 1, 1]]", "[0, 0, 0]", EditError::DamagedBrick),
        ("[[320, 0, 1, 1]]", "[0, 0, 0]", EditError::DamagedBrick),
        ("[[1024, 0, 1, 1]]", "[0, 0, 0]", EditError::DamagedBrick),
        // The first change fits, the second does not.
        ("[[0, 0, 1, 1], [1, 2, 1, 1]]", "[0, 0, 0]", EditError::OtherState),
    ] {
        check(&empty, damaged(rows, brick), expected);
    }
}

#[test]
fn edits_are_written_as_they_were_in_older_journals_and_as_the_docs_say() {
    let empty = wide_case();
    let check = |text: &str, expected: &dyn Fn(usize) -> u16| {
        let edit: Edit = serde_json::from_str(text).expect("it reads");
        let mut case = empty.clone();
        case.apply(&edit).expect("it fits");
        let found: Vec<u16> = (0..40).map(|i| case.layers()[0].label(VoxelIndex::new(i, 1, 0))).collect();
        assert_eq!(found, (0..40).map(expected).collect::<Vec<_>>(), "{text}");
        case.apply(&edit.inverse()).expect("it was just made");
        assert_same(&case, &empty, Eye::Counts);
        let written = serde_json::to_string(&edit).expect("written");
        assert_eq!(written, text.replace(' ', ""));
    };
    check(
        r#"{"bricks": {"layer": 0, "changes": [{"brick": [0, 0, 0], "before": "absent", "after": {"runs": [33, 0, 3, 7, 32729, 0]}}]}}"#,
        &|i| if (2..6).contains(&i) { 7 } else { 0 },
    );
    check(
        r#"{"voxels": {"layer": 0, "changes": [{"brick": [0, 0, 0], "rows": [[1, 0, 7, 60]]}, {"brick": [1, 0, 0], "rows": [[1, 0, 2, 1], [1, 0, 3, 4]]}]}}"#,
        &|i| match i {
            2..6 => 7,
            32 => 2,
            34 => 3,
            _ => 0,
        },
    );
}

#[test]
fn a_full_history_forgets_the_oldest_steps_and_keeps_the_newest() {
    for (budget, kept) in [(0, 1), (1 << 20, 8)] {
        let mut case = wide_case();
        let mut history = History::with_budget(budget);
        for label in 1..=8 {
            let edit = dab(&case, label, 4);
            history.apply(&mut case, edit, &format!("dab {label}")).expect("made");
        }
        let names: Vec<String> = history.done().map(str::to_owned).collect();
        assert_eq!(names.len(), kept, "{names:?} in {budget} bytes");
        assert_eq!(names.last().map(String::as_str), Some("dab 8"));
        assert_eq!(history.forgotten(), 8 - kept);
        while history.undo(&mut case).expect("undone").is_some() {}
        let left: Vec<u16> = case.layers()[0].counts().into_keys().collect();
        assert_eq!(left, if kept == 8 { vec![] } else { vec![8 - kept as u16] });
    }
}

#[test]
fn with_an_attic_nothing_is_forgotten_and_memory_stays_bounded() {
    const STEPS: usize = 500;
    for budget in [0, 64 << 10] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut case = wide_case();
        let mut states = vec![case.clone()];
        let mut history = History::with_budget(budget);
        history.use_attic(Box::new(DiskAttic::in_folder(folder.path()).expect("an attic")));
        let held = |history: &History| {
            assert!(history.bytes() <= budget + (320 << 10), "{} bytes", history.bytes());
        };
        for step in 0..STEPS {
            let edit = dab(&case, 1 + (step % 7) as u16, 2 + step % 36);
            history.apply(&mut case, edit, &format!("dab {step}")).expect("made");
            held(&history);
            if step % 100 == 99 {
                states.push(case.clone());
            }
        }
        assert_eq!((history.done().len(), history.forgotten()), (STEPS, 0));
        assert_eq!(history.done().next(), Some("dab 0"));
        for round in 0..2 {
            for left in (0..STEPS).rev() {
                assert_eq!(history.undo(&mut case).expect("undone"), Some(&*format!("dab {left}")));
                held(&history);
                if left % 100 == 0 {
                    assert_same(&case, &states[left / 100], Eye::Counts);
                }
            }
            for made in 1..=STEPS {
                history.redo(&mut case).expect("made again");
                held(&history);
                if made % 100 == 0 {
                    assert_same(&case, &states[made / 100], Eye::Counts);
                }
            }
            assert_eq!(history.done().len(), STEPS, "round {round}");
        }
    }
}

#[test]
fn a_step_keeps_each_brick_once_however_many_samples_changed_it() {
    let mut case = wide_case();
    let first = case.clone();
    let mut history = History::default();
    history.begin("Stroke");
    for i in 0..12 {
        let edit = dab(&case, 1, i);
        history.apply(&mut case, edit, "").expect("made");
    }
    let step = history.commit().expect("a step").clone();
    let [Edit::Voxels { layer: 0, changes, .. }] = &step.edits[..] else { panic!("one edit, not {step:?}") };
    assert_eq!(changes.iter().map(|change| change.brick()).collect::<Vec<_>>(), [BrickIndex([0, 0, 0])]);
    let bytes = serde_json::to_string(&step).expect("written").len();
    assert!(bytes < 8 << 10, "each of its 200 rows is kept once: {bytes}");
    let last = case.clone();
    history.undo(&mut case).expect("undone");
    assert_same(&case, &first, Eye::Counts);
    step.edits.iter().for_each(|edit| case.apply(edit).expect("the step alone leads there"));
    assert_same(&case, &last, Eye::Counts);
}

#[test]
fn a_step_that_undoes_itself_leaves_no_trace() {
    type Made = fn(&Case, u16, usize) -> Edit;
    let check = |there: Made, on: Made, back: Made| {
        let mut case = wide_case();
        let mut history = History::default();
        history.begin("There and back");
        let first = there(&case, 1, 4);
        history.apply(&mut case, first, "").expect("made");
        let second = on(&case, 2, 5);
        history.apply(&mut case, second.clone(), "").expect("made");
        history.apply(&mut case, second.inverse(), "").expect("taken back");
        history.apply(&mut case, back(&wide_case(), 1, 4).inverse(), "").expect("taken back");
        assert!(history.commit().is_none());
        assert_eq!(history.done().len(), 0);
        assert_same(&case, &wide_case(), Eye::Counts);
    };
    // In either form, and where one is taken back by the other.
    for there in [dab as Made, filling] {
        for on in [dab as Made, filling] {
            for back in [dab as Made, filling] {
                check(there, on, back);
            }
        }
    }
}

#[test]
fn states_of_a_brick_are_equal_by_what_they_hold() {
    let case = wide_case();
    let Edit::Bricks { changes, .. } = filling(&case, 1, 4) else { unreachable!("a fill changes bricks") };
    let text = serde_json::to_string(&changes).expect("written");
    let read: Vec<annotomy::case::BrickChange> = serde_json::from_str(&text).expect("read");
    assert_eq!(read, changes);
    assert_ne!(BrickState::Absent, BrickState::Runs([0u16, 1].into()));
}
