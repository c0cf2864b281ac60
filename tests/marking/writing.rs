//! Labels written in every way, opened, broken off, taken back and replayed, against an array of labels.

use std::collections::BTreeSet;
use std::ops::Range;

use annotomy::annotation::Label;
use annotomy::case::{Case, Edit, History, HistoryEvent, MaskWriter, PaintOver, WriteRule};
use annotomy::geometry::{VoxelBox, VoxelIndex};
use annotomy::volume::{BrickIndex, Mask};
use proptest::prelude::*;

use crate::stage::{case_on, grid};

/// Four bricks, three of them cut by the border.
const DIMS: [usize; 3] = [41, 35, 3];
const LOCKED: u16 = 3;
const HIDDEN: u16 = 4;

#[derive(Clone, Debug)]
enum Act {
    /// Writes runs by one rule after the other; the last may be a mask.
    Write(Vec<(WriteRule, Vec<Run>)>, bool),
    Begin,
    Commit,
    Abort,
    Undo,
    Redo,
    Look,
}

#[derive(Clone, Debug)]
struct Run {
    i: Range<usize>,
    j: usize,
    k: usize,
}

fn any_run() -> impl Strategy<Value = Run> {
    (0..DIMS[0], 1..DIMS[0], 0..DIMS[1], 0..DIMS[2]).prop_map(|(i, length, j, k)| Run {
        i: i..(i + length).min(DIMS[0]),
        j,
        k,
    })
}

fn any_rule() -> impl Strategy<Value = WriteRule> {
    let over = prop_oneof![
        3 => Just(PaintOver::All),
        1 => Just(PaintOver::Shown),
        1 => (0..5u16).prop_map(PaintOver::Only),
    ];
    let range = prop::option::weighted(0.2, (-10.0..70.0f64, 0.0..40.0f64));
    (0..6u16, over, range).prop_map(|(label, over, range)| {
        let only_values = range.map(|(low, width)| [low, low + width]);
        WriteRule { over, only_values, ..WriteRule::paint(label) }
    })
}

fn any_act() -> impl Strategy<Value = Act> {
    let runs = prop_oneof![
        4 => prop::collection::vec(any_run(), 1..12),
        // As a brush does: rows side by side, some of them twice.
        2 => (any_run(), 1..30usize).prop_map(|(first, rows)| {
            let row = |n: usize| Run { j: (first.j + n / 2) % DIMS[1], ..first.clone() };
            (0..rows).map(row).collect()
        }),
    ];
    prop_oneof![
        8 => (any_rule(), runs).prop_map(|writes| Act::Write(vec![writes], false)),
        1 => (any_rule(), prop::collection::vec(any_run(), 1..6)).prop_map(|writes| Act::Write(vec![writes], true)),
        1 => (prop::collection::vec((any_rule(), prop::collection::vec(any_run(), 1..6)), 2..4), any::<bool>())
            .prop_map(|(writes, as_mask)| Act::Write(writes, as_mask)),
        2 => Just(Act::Begin),
        2 => Just(Act::Commit),
        1 => Just(Act::Abort),
        2 => Just(Act::Undo),
        1 => Just(Act::Redo),
        2 => Just(Act::Look),
    ]
}

/// The case in the plainest form.
#[derive(Default)]
struct Model {
    labels: Vec<u16>,
    /// What stood before the open step.
    open: Option<Vec<u16>>,
    /// What stood before each step, and after it.
    done: Vec<[Vec<u16>; 2]>,
    undone: Vec<[Vec<u16>; 2]>,
}

impl Model {
    fn write(&mut self, rule: &WriteRule, run: &Run) {
        for i in run.i.clone() {
            let label = &mut self.labels[(run.k * DIMS[1] + run.j) * DIMS[0] + i];
            let may = match rule.over {
                PaintOver::All => true,
                PaintOver::Shown => *label != HIDDEN,
                PaintOver::Only(only) => *label == only,
            };
            let value = 2.0 * i as f64 - 10.0;
            let within = rule.only_values.is_none_or(|[low, high]| low <= value && value <= high);
            if may && within && *label != LOCKED {
                *label = rule.label;
            }
        }
    }

    fn commit(&mut self) {
        let Some(before) = self.open.take().filter(|before| *before != self.labels) else { return };
        self.done.push([before, self.labels.clone()]);
        self.undone.clear();
    }
}

fn first_case() -> Case {
    let mut case = case_on(grid(DIMS, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]], [0.0; 3]));
    for label in 1..6 {
        let made = Label { locked: label == LOCKED, ..Label::numbered(label) };
        case.apply(&Edit::set_label(&case, label, Some(made)).expect("a new label")).expect("made");
    }
    case.set_label_visible(HIDDEN, false);
    case
}

fn written(case: &Case, writes: &[(WriteRule, Vec<Run>)], as_mask: bool) -> Option<Edit> {
    let mut writer = MaskWriter::new(case, 0, writes[0].0.clone()).expect("a layer");
    for (number, (rule, runs)) in writes.iter().enumerate() {
        if number > 0 {
            writer.go_on(rule.clone());
        }
        if as_mask && number + 1 == writes.len() {
            let mut mask = Mask::empty(VoxelBox { min: [0; 3], max: DIMS });
            for Run { i, j, k } in runs {
                i.clone().for_each(|i| mask.insert(VoxelIndex { i, j: *j, k: *k }));
            }
            writer.write_mask(&mask);
        } else {
            runs.iter().for_each(|Run { i, j, k }| writer.write_run(i.clone(), *j, *k));
        }
    }
    writer.finish()
}

fn labels_of(case: &Case) -> Vec<u16> {
    let mut labels = vec![0; DIMS.iter().product()];
    let rows = labels.chunks_exact_mut(DIMS[0]).enumerate();
    rows.for_each(|(n, row)| case.layers()[0].copy_row(n % DIMS[1], n / DIMS[1], row));
    labels
}

/// Every brick that holds other labels than before has a revision of its own, later than any before.
#[track_caller]
fn assert_revised(latest: u64, before: &[u16], after: &[u16], case: &Case) {
    let map = &case.layers()[0];
    let changed = before.iter().zip(after).enumerate().filter(|(_, (old, new))| old != new);
    let at =
        |n: usize| BrickIndex::of(VoxelIndex::new(n % DIMS[0], n / DIMS[0] % DIMS[1], n / DIMS[0] / DIMS[1]));
    let bricks: BTreeSet<BrickIndex> = changed.map(|(n, _)| at(n)).collect();
    let revisions: BTreeSet<u64> = bricks.iter().map(|index| map.brick_revision(*index)).collect();
    assert!(revisions.iter().all(|revision| (latest + 1..=map.revision()).contains(revision)));
    assert_eq!(revisions.len(), bricks.len());
    assert!(map.bricks().all(|(_, brick)| !brick.is_background()), "a brick of background is absent");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_way_of_writing_does_what_an_array_would(acts in prop::collection::vec(any_act(), 1..40)) {
        let mut case = first_case();
        let mut history = History::default();
        history.record_events();
        let mut model = Model { labels: labels_of(&case), ..Model::default() };
        let mut snapshots = vec![(case.clone(), model.labels.clone())];
        for act in &acts {
            // No clone: while nobody looks, a brick is changed in place.
            let (seen, latest) = (model.labels.clone(), case.layers()[0].revision());
            match act {
                Act::Write(writes, as_mask) => {
                    let edit = written(&case, writes, *as_mask);
                    let alone = model.open.is_none();
                    model.open.get_or_insert_with(|| model.labels.clone());
                    for (rule, runs) in writes {
                        runs.iter().for_each(|run| model.write(rule, run));
                    }
                    prop_assert!(edit.is_some() || seen == model.labels);
                    if let Some(edit) = edit {
                        let mut taken = vec![0; seen.len()];
                        edit.for_each_taken(|i, j, k| {
                            let row = (k * DIMS[1] + j) * DIMS[0];
                            taken[row + i.start..row + i.end].fill(1);
                        });
                        let expected = seen.iter().zip(&model.labels);
                        let expected = expected.map(|(old, new)| i32::from(*old != 0 && *new != 0 && old != new));
                        prop_assert!(taken.iter().copied().eq(expected), "what is taken from other labels");
                        history.apply(&mut case, edit, "By itself").expect("made for this case");
                    }
                    if alone {
                        model.commit();
                    }
                }
                Act::Begin => {
                    history.begin("Opened");
                    model.commit();
                    model.open = Some(model.labels.clone());
                }
                Act::Commit => {
                    let has_step = history.commit().is_some();
                    let count = model.done.len();
                    model.commit();
                    prop_assert_eq!(has_step, model.done.len() > count);
                }
                Act::Abort => {
                    history.abort(&mut case).expect("taken back");
                    model.labels = model.open.take().unwrap_or(model.labels);
                }
                Act::Undo => {
                    history.undo(&mut case).expect("undone");
                    model.commit();
                    if let Some(step) = model.done.pop() {
                        model.labels.clone_from(&step[0]);
                        model.undone.push(step);
                    }
                }
                Act::Redo => {
                    history.redo(&mut case).expect("made again");
                    model.commit();
                    if let Some(step) = model.undone.pop() {
                        model.labels.clone_from(&step[1]);
                        model.done.push(step);
                    }
                }
                Act::Look => snapshots.push((case.clone(), model.labels.clone())),
            }
            prop_assert_eq!(&labels_of(&case), &model.labels);
            assert_revised(latest, &seen, &model.labels, &case);
            prop_assert_eq!(history.done().len(), model.done.len());
            prop_assert_eq!(history.undone().len(), model.undone.len());
        }
        for (snapshot, labels) in &snapshots {
            prop_assert_eq!(&labels_of(snapshot), labels, "a snapshot never sees what comes later");
        }
        history.commit();
        model.commit();

        // What a journal holds makes the same case, and the same history, again.
        let mut replayed = first_case();
        let mut again = History::default();
        for event in history.take_events() {
            let text = serde_json::to_string(&event).expect("written");
            let read: HistoryEvent = serde_json::from_str(&text).expect("read");
            prop_assert_eq!(&read, &event);
            again.replay(&mut replayed, read).expect("it fits");
        }
        prop_assert_eq!(&labels_of(&replayed), &model.labels);
        prop_assert!(again.done().eq(history.done()) && again.undone().eq(history.undone()));
        for (case, history) in [(&mut case, &mut history), (&mut replayed, &mut again)] {
            while history.undo(case).expect("undone").is_some() {}
            prop_assert!(labels_of(case).iter().all(|label| *label == 0));
            while history.redo(case).expect("made again").is_some() {}
        }
        prop_assert_eq!(labels_of(&replayed), labels_of(&case));
    }
}

#[test]
fn noise_is_exchanged_brick_by_brick_and_all_else_voxel_by_voxel() {
    let dims = [33, 32, 32];
    let mut case = case_on(grid(dims, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]], [0.0; 3]));
    let written = |case: &Case, label: u16, belongs: &dyn Fn(usize) -> bool| {
        let mut writer = MaskWriter::new(case, 0, WriteRule::paint(label)).expect("a layer");
        for n in (0..dims.iter().product()).filter(|n| belongs(*n)) {
            writer.write_run(n % dims[0]..n % dims[0] + 1, n / dims[0] % dims[1], n / dims[0] / dims[1]);
        }
        writer.finish().expect("it changes something")
    };
    for label in 1..4 {
        let edit = written(&case, label, &|n| n % 3 + 1 == usize::from(label));
        assert!(matches!(edit, Edit::Voxels { .. }), "one row holds one change");
        case.apply(&edit).expect("made for this case");
    }
    let (noise, before) = (case.clone(), case.layers()[0].counts());
    let edit = written(&case, 9, &|n| n != 5);
    assert!(matches!(edit, Edit::Bricks { .. }), "each row would hold three changes");
    case.apply(&edit).expect("made for this case");
    let count = dims.iter().product::<usize>() as u64;
    assert_eq!(case.layers()[0].counts(), [(3, 1), (9, count - 1)].into());
    case.apply(&edit.inverse()).expect("it was just made");
    assert!(case.layers()[0].has_same_labels(noise.layers().first().expect("a layer")));
    assert_eq!(case.layers()[0].counts(), before);
}
