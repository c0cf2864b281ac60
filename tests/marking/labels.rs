//! Labels and layers: what may be painted over, what is taken from whom, overlap, presets, locks.

use annotomy::annotation::{Label, LabelScheme, label_presets};
use annotomy::case::{Case, Edit, PaintOver};
use annotomy::geometry::VoxelIndex;
use annotomy::session::{Button, Command, Session};
use annotomy::tool::{BrushSettings, BrushShape, Preview, ToolKind};
use annotomy::volume::LabelMap;

use crate::stage::*;

/// Three labels side by side on one slice: 1 on the columns 4 to 7, 2 on 8 to 11, 3 on 12 to 15, each
/// over the rows 5 to 14 of slice 4; label 4 is in hand.
fn three_labels() -> Hands {
    let mut hands = Hands::on(plain_case());
    for (label, first) in [(1, 4.0), (2, 8.0), (3, 12.0)] {
        hands.session.set_label(label, Label::numbered(label)).expect("made");
        hands.session.activate_label(label);
        hands.session.set_focus([12.0, 10.0, 8.0].into());
        hands.session.take_tool(ToolKind::Polygon);
        for [x, y] in [[first - 0.4, 4.6], [first + 3.4, 4.6], [first + 3.4, 14.4], [first - 0.4, 14.4]] {
            hands.press([x, y, 8.0].into(), Button::Left, PLAIN);
            hands.release();
        }
        hands.run(Command::Accept);
    }
    hands.session.set_label(4, Label::numbered(4)).expect("made");
    hands.session.activate_label(4);
    assert_eq!(counts(&hands.session), [40, 40, 40, 0]);
    hands
}

fn counts(session: &Session) -> [u64; 4] {
    let counts = session.case().layers()[session.layer()].counts();
    [1, 2, 3, 4].map(|label| counts.get(&label).copied().unwrap_or(0))
}

fn over(hands: &mut Hands, over: PaintOver) {
    let brush = BrushSettings { over, ..*hands.session.brush() };
    hands.session.set_brush(brush);
}

/// Every way to write label 4 over the middle of all three labels and the background around them, with
/// a name.
type Way = (&'static str, fn(&mut Hands));

fn ways() -> Vec<Way> {
    fn stroke(hands: &mut Hands) {
        hands.session.take_tool(ToolKind::Brush);
        hands.does(&Act::Size(BrushShape::Disc, 2.0));
        hands.drag(&[[2.0, 10.0, 8.0].into(), [18.0, 10.0, 8.0].into()]);
    }
    fn ball(hands: &mut Hands) {
        hands.session.take_tool(ToolKind::Brush);
        hands.does(&Act::Size(BrushShape::Ball, 4.0));
        hands.drag(&[[2.0, 10.0, 8.0].into(), [18.0, 10.0, 8.0].into()]);
    }
    fn contour(hands: &mut Hands) {
        hands.session.take_tool(ToolKind::Polygon);
        for [x, y] in [[1.7, 7.7], [18.3, 7.7], [18.3, 11.3], [1.7, 11.3]] {
            hands.click([x, y, 8.0].into());
        }
        hands.run(Command::Accept);
    }
    fn islands(hands: &mut Hands) {
        hands.session.take_tool(ToolKind::Fill);
        for x in [5.0, 9.0, 13.0] {
            hands.click([x, 10.0, 8.0].into());
        }
    }
    fn copy(hands: &mut Hands) {
        // Painted beside, on the slice before, and copied onto the three.
        let brush = *hands.session.brush();
        over(hands, PaintOver::All);
        hands.session.set_focus([12.0, 10.0, 6.0].into());
        hands.session.take_tool(ToolKind::Brush);
        hands.does(&Act::Size(BrushShape::Disc, 2.0));
        hands.drag(&[[2.0, 10.0, 6.0].into(), [18.0, 10.0, 6.0].into()]);
        hands.session.set_brush(brush);
        hands.session.scroll_slices(AXIAL, 1);
        hands.session.scroll_slices(AXIAL, -1);
        hands.session.scroll_slices(AXIAL, 1);
        hands.session.show_slice(AXIAL, 3);
        hands.run(Command::CopyToNextSlice);
    }
    fn between(hands: &mut Hands) {
        let brush = *hands.session.brush();
        over(hands, PaintOver::All);
        hands.session.take_tool(ToolKind::Brush);
        hands.does(&Act::Size(BrushShape::Disc, 2.0));
        for z in [6.0, 10.0] {
            hands.session.set_focus([12.0, 10.0, z].into());
            hands.drag(&[[2.0, 10.0, z].into(), [18.0, 10.0, z].into()]);
        }
        hands.session.set_brush(brush);
        hands.run(Command::Interpolate);
        hands.run(Command::Accept);
    }
    vec![
        ("brush", stroke),
        ("ball", ball),
        ("contour", contour),
        ("fill", islands),
        ("copy", copy),
        ("interpolate", between),
    ]
}

/// What label 4 has on the slice of the three labels where nothing lay.
fn background_taken(session: &Session) -> u64 {
    let mut found = 0;
    session.case().layers()[session.layer()].for_each_labelled(|voxel, label| {
        let free = !((4..16).contains(&voxel.i) && (5..15).contains(&voxel.j));
        found += u64::from(label == 4 && voxel.k == 4 && free);
    });
    found
}

#[test]
fn a_lock_binds_every_tool() {
    for (name, way) in ways() {
        let mut free = three_labels();
        way(&mut free);
        let [one, two, three, four] = counts(&free.session);
        assert!(one < 40 && two < 40 && three < 40 && four > 0, "{name} takes from all: {one} {two} {three}");
        // One in the way is locked: its voxels stay, the others go as before.
        let mut hands = three_labels();
        let locked = Label { locked: true, ..Label::numbered(2) };
        hands.session.set_label(2, locked).expect("locked");
        way(&mut hands);
        assert_eq!(counts(&hands.session)[..3], [one, 40, three], "{name}");
        assert_eq!(background_taken(&hands.session), background_taken(&free.session), "{name}");
        // The one in hand is locked: nothing changes.
        let mut hands = three_labels();
        if name != "copy" && name != "interpolate" {
            hands.session.set_label(4, Label { locked: true, ..Label::numbered(4) }).expect("locked");
            let before = digest(hands.session.case());
            hands.session.take_notice();
            way(&mut hands);
            assert_eq!(digest(hands.session.case()), before, "{name}");
            assert!(hands.session.take_notice().is_some_and(|notice| notice.contains("locked")), "{name}");
        }
    }
    for command in [Command::CopyToNextSlice, Command::Interpolate] {
        let mut hands = three_labels();
        hands.session.take_tool(ToolKind::Brush);
        for z in [6.0, 12.0] {
            hands.session.set_focus([12.0, 10.0, z].into());
            hands.click([12.0, 10.0, z].into());
        }
        hands.session.set_label(4, Label { locked: true, ..Label::numbered(4) }).expect("locked");
        let before = digest(hands.session.case());
        hands.run(command);
        hands.run(Command::Accept);
        assert_eq!(digest(hands.session.case()), before, "{command:?}");
        assert!(hands.session.take_notice().is_some_and(|notice| notice.contains("locked")));
    }
}

#[test]
fn what_may_be_painted_over_holds_for_every_tool() {
    for (name, way) in ways() {
        let mut free = three_labels();
        way(&mut free);
        let all = counts(&free.session);
        let background = background_taken(&free.session);
        let check = |mode: PaintOver, hidden: &[u16], expected: [u64; 3], free_taken: u64| {
            let mut hands = three_labels();
            hands.session.set_labels_visible(hidden, false);
            over(&mut hands, mode);
            way(&mut hands);
            assert_eq!(counts(&hands.session)[..3], expected, "{name} over {mode:?}");
            assert_eq!(background_taken(&hands.session), free_taken, "{name} over {mode:?}");
        };
        check(PaintOver::All, &[2], [all[0], all[1], all[2]], background);
        check(PaintOver::Shown, &[2], [all[0], 40, all[2]], background);
        check(PaintOver::Shown, &[], [all[0], all[1], all[2]], background);
        check(PaintOver::Only(3), &[], [40, 40, all[2]], 0);
        check(PaintOver::Only(0), &[], [40, 40, 40], background);
    }
}

/// Voxels of the slice shown that the ring says are taken from others.
fn tinted(hands: &Hands) -> u64 {
    match hands.session.tool_picture(hands.pane) {
        Some((Some(Preview::Ring { taken, .. }), _)) => {
            let mut voxels: Vec<[usize; 3]> =
                taken.iter().flat_map(|run| run.i.clone().map(|i| [i, run.j, run.k])).collect();
            voxels.sort_unstable();
            voxels.dedup();
            voxels.len() as u64
        }
        other => panic!("a ring is shown, not {other:?}"),
    }
}

#[test]
fn what_is_about_to_be_taken_is_what_is_taken() {
    for mode in [PaintOver::All, PaintOver::Only(0), PaintOver::Only(2), PaintOver::Shown] {
        for (locked, shape) in
            [(false, BrushShape::Disc), (true, BrushShape::Disc), (false, BrushShape::Ball)]
        {
            let mut hands = three_labels();
            hands.session.set_label(1, Label { locked, ..Label::numbered(1) }).expect("set");
            hands.session.set_label_visible(3, false);
            over(&mut hands, mode);
            hands.session.take_tool(ToolKind::Brush);
            hands.does(&Act::Size(shape, 3.0));
            let others = |session: &Session| counts(session)[..3].iter().sum::<u64>();
            let before = others(&hands.session);
            for pane in [AXIAL, CORONAL, SAGITTAL] {
                hands.pane = pane;
                hands.move_to([8.0, 10.0, 8.0].into(), PLAIN);
                let told = tinted(&hands);
                let session = &mut hands.session;
                let at =
                    session.view(pane).screen_from_patient() * annotomy::geometry::Point::new(8.0, 10.0, 8.0);
                session.press(pane, at, Button::Left, PLAIN);
                let taken = before - others(session);
                if shape == BrushShape::Disc || pane == AXIAL {
                    assert_eq!(told, taken, "{mode:?} in pane {pane}");
                }
                if shape == BrushShape::Disc {
                    assert_eq!(tinted(&hands), taken, "and it stays tinted while the pen is down");
                }
                hands.run(Command::Cancel);
                assert_eq!(others(&hands.session), before);
            }
            hands.pane = AXIAL;
            hands.move_to([8.0, 10.0, 8.0].into(), CTRL);
            assert_eq!(tinted(&hands), 0, "erasing takes nothing from others");
        }
    }
}

#[test]
fn labels_of_two_layers_overlap() {
    let mut hands = three_labels();
    let first = hands.session.case().layers()[0].clone();
    hands.run(Command::NewLayer);
    assert_eq!((hands.session.layer(), hands.session.layer_name(1)), (1, "Layer 2".to_owned()));
    for (_, way) in ways() {
        way(&mut hands);
    }
    let layers = hands.session.case().layers();
    assert!(layers[0].has_same_labels(&first), "the other layer is nobody's business");
    assert!(layers[1].counts()[&4] > 100);
    let on_both = annotomy::geometry::Point::new(9.0, 10.0, 8.0);
    assert_eq!(hands.session.readout(on_both).label, 4, "the topmost is told");
    hands.session.set_layer_shown(1, false);
    assert_eq!(hands.session.readout(on_both).label, 2);
    hands.session.rename_layer(1, "Vessels").expect("renamed");
    assert_eq!(hands.session.layer_name(1), "Vessels");
    assert!(!hands.session.can_remove_layer(1), "it holds marks");
    let all = digest(hands.session.case());
    let done = hands.session.history().done().len();
    hands.session.go_to_step(0).expect("all taken back");
    assert_eq!((hands.session.case().layers().len(), hands.session.layer()), (1, 0));
    hands.session.go_to_step(done).expect("all made again");
    assert_eq!(digest(hands.session.case()), all);
    hands.run(Command::NewLayer);
    hands.session.remove_layer(2).expect("removed");
    assert_eq!(hands.session.case().layers().len(), 2);
}

#[test]
fn counts_and_slices_follow_every_step() {
    let mut hands = three_labels();
    for (_, way) in ways() {
        way(&mut hands);
        hands.session.refresh_counts();
        let session = &hands.session;
        let map = &session.case().layers()[0];
        for label in 1..=4u16 {
            let mut slices: [std::collections::BTreeSet<usize>; 3] = Default::default();
            let mut voxels = 0;
            map.for_each_labelled(|voxel, found| {
                if found == label {
                    voxels += 1;
                    (0..3).for_each(|axis| slices[axis].extend([voxel.to_array()[axis]]));
                }
            });
            assert_eq!(session.voxels_of(label), voxels);
            assert_eq!(
                [0, 1, 2].map(|axis| session.slices_of(label, axis)),
                [0, 1, 2].map(|axis| slices[axis].len())
            );
        }
        hands.session.undo().expect("undone");
        hands.session.refresh_counts();
    }
}

#[test]
fn a_mask_without_names_is_not_taken_for_what_a_person_drew() {
    let grid_dims = plain_case().volume().grid().dims();
    let masks = || {
        vec![LabelMap::from_voxels(grid_dims, [(VoxelIndex::new(1, 1, 1), 1), (VoxelIndex::new(2, 1, 1), 7)])]
    };
    let import = |case: &Case| {
        let mut case = case.clone();
        let (edits, _) =
            Edit::import(&case, masks(), &LabelScheme::default(), "theirs.nii").expect("it fits");
        for edit in edits {
            case.apply(&edit).expect("it fits");
        }
        let names =
            case.scheme().iter().map(|(index, label)| (index, label.name.clone())).collect::<Vec<_>>();
        let counts: Vec<(u16, u64)> = case.layers()[case.layers().len() - 1].counts().into_iter().collect();
        (names, counts)
    };
    // Labels 1 to 4 are a person's own: their 1 becomes the next that is free, their 7 is nobody's.
    let drawn = three_labels();
    let (names, counts) = import(drawn.session.case());
    assert_eq!(counts, [(5, 1), (7, 1)]);
    assert_eq!(names[4..], [(5, "Label 5".to_owned()), (7, "Label 7".to_owned())]);
    // A name that nobody drew with, such as one of a label file, is what the mask was made for.
    let mut named = Hands::on(plain_case());
    named.session.set_label(1, Label { name: "Spleen".into(), ..Label::numbered(1) }).expect("named");
    let (names, counts) = import(named.session.case());
    assert_eq!((names[0].1.as_str(), counts), ("Spleen", vec![(1, 1), (7, 1)]));
}

#[test]
fn presets_add_what_is_missing_in_one_step() {
    let mut hands = Hands::on(plain_case());
    hands.session.set_label(2, Label::numbered(2)).expect("made");
    hands.run(Command::LabelPreset(1));
    let scheme = hands.session.case().scheme();
    let names: Vec<&str> = label_presets()[1].labels.iter().map(|label| label.name.as_str()).collect();
    assert_eq!(scheme.len(), 1 + names.len());
    assert_eq!(scheme.get(2).map(|label| label.name.as_str()), Some("Label 2"), "a person's own stays");
    assert_eq!(
        scheme.get(1).and_then(|label| label.code.as_ref()).map(|code| code.value.as_str()),
        Some("52988006")
    );
    assert_eq!(hands.session.active_label(), 1);
    hands.run(Command::LabelPreset(1));
    assert_eq!(hands.session.history().done().len(), 2, "twice adds nothing");
    for number in 0..label_presets().len() {
        hands.run(Command::LabelPreset(number));
    }
    hands.session.go_to_step(0).expect("all taken back");
    assert!(hands.session.case().scheme().is_empty());
}

#[test]
fn two_hundred_steps_taken_back_and_made_again_restore_the_exact_state() {
    let mut hands = three_labels();
    hands.session.go_to_step(0).expect("from nothing");
    let (first, ways) = (digest(hands.session.case()), ways());
    let mut states = vec![first];
    let mut number = 0;
    while hands.session.history().done().len() < 200 {
        let label = 1 + (number % 5) as u16;
        if hands.session.case().scheme().get(label).is_none() {
            hands.session.set_label(label, Label::numbered(label)).expect("made");
        }
        hands.session.activate_label(label);
        // Two tools of six at a time, at another place each time.
        hands.session.set_focus([4.0 + (number % 7) as f64, 10.0, 2.0 * (number % 9) as f64].into());
        hands.session.take_tool(ToolKind::Brush);
        hands.does(&Act::Size(
            if number % 2 == 0 { BrushShape::Disc } else { BrushShape::Ball },
            1.0 + (number % 4) as f64,
        ));
        hands.click(hands.session.focus());
        ways[number % ways.len()].1(&mut hands);
        number += 1;
    }
    hands.session.go_to_step(200).expect("two hundred");
    let last = digest(hands.session.case());
    for _ in 0..200 {
        assert_eq!(hands.session.undo(), Ok(true));
        states.push(digest(hands.session.case()));
    }
    assert_eq!(states.last(), Some(&first));
    for state in states[1..].iter().rev().skip(1) {
        assert_eq!(hands.session.redo(), Ok(true));
        assert_eq!(digest(hands.session.case()), *state);
    }
    assert_eq!(hands.session.redo(), Ok(true));
    assert_eq!(digest(hands.session.case()), last);
}
