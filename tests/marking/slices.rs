//! From slice to slice: copying, and filling what lies between painted slices.

use annotomy::annotation::Shape;
use annotomy::case::SliceSeries;
use annotomy::session::{Command, Session};
use annotomy::tool::{BrushShape, ToolKind};

use crate::stage::*;

fn steps(session: &Session) -> Vec<&str> {
    session.history().done().collect()
}

/// How many voxels a label has on each slice along an axis.
fn per_slice(session: &Session, label: u16, axis: usize) -> Vec<usize> {
    let mut counts = vec![0; session.case().volume().grid().dims()[axis]];
    session.case().layers()[session.layer()].for_each_labelled(|voxel, found| {
        counts[voxel.to_array()[axis]] += usize::from(found == label);
    });
    counts
}

/// Hands with a brush of 3 mm looking at one pane.
fn painter(grid: annotomy::geometry::Grid, pane: usize) -> (Hands, usize) {
    let mut hands = Hands::on(case_on(grid));
    hands.pane = pane;
    hands.does(&Act::Take(ToolKind::Brush));
    hands.does(&Act::Size(BrushShape::Disc, 3.0));
    let view = hands.session.view(pane);
    let (family, _) = view.slice.expect("a scanned slice");
    hands.session.show_slice(pane, 0);
    hands.move_to(hands.session.focus(), PLAIN);
    (hands, family.slice_axis)
}

fn paint_slice(hands: &mut Hands, slice: usize) {
    hands.session.show_slice(hands.pane, slice);
    hands.click(hands.session.focus());
}

#[test]
fn interpolation_fills_the_gaps_on_every_lattice_and_axis_and_says_which_slices() {
    for lattice in lattices() {
        for pane in [AXIAL, CORONAL, SAGITTAL] {
            let (mut hands, axis) = painter(lattice.clone(), pane);
            for slice in [1, 4, 8] {
                paint_slice(&mut hands, slice);
            }
            let painted = per_slice(&hands.session, 1, axis);
            let before = digest(hands.session.case());
            hands.run(Command::Interpolate);
            assert!(hands.session.has_ghost());
            assert_eq!(digest(hands.session.case()), before, "a ghost changes nothing");
            hands.session.show_slice(pane, 3);
            assert!(
                !hands.session.ghost_on(pane).is_empty()
                    && hands.session.interpolated_slices(axis).is_empty()
            );
            hands.run(Command::Accept);
            assert!(!hands.session.has_ghost());
            assert_eq!(steps(&hands.session).last(), Some(&"Interpolate Label 1"));
            let filled = per_slice(&hands.session, 1, axis);
            for slice in [1, 4, 8] {
                assert_eq!(filled[slice], painted[slice], "painted slices stay as they are");
            }
            // The focus has not moved in the plane, so that each slice between is about as large.
            for slice in [2, 3, 5, 6, 7] {
                assert!(filled[slice].abs_diff(painted[4]) * 5 <= painted[4], "slice {slice}: {filled:?}");
            }
            assert_eq!(hands.session.interpolated_slices(axis), [2, 3, 5, 6, 7]);
            let after = digest(hands.session.case());
            assert_eq!(hands.session.undo(), Ok(true));
            assert_eq!(digest(hands.session.case()), before);
            assert_eq!(hands.session.redo(), Ok(true));
            assert_eq!(digest(hands.session.case()), after);
        }
    }
}

#[test]
fn interpolating_anew_starts_from_painted_slices_alone() {
    let (mut hands, axis) = painter(lattices().remove(0), AXIAL);
    paint_slice(&mut hands, 1);
    paint_slice(&mut hands, 9);
    hands.run(Command::Interpolate);
    hands.run(Command::Accept);
    assert_eq!(hands.session.interpolated_slices(axis), [2, 3, 4, 5, 6, 7, 8]);
    // Drawing on an interpolated slice makes it a painted one, within the same step.
    let of = SliceSeries { layer: 0, label: 1, axis };
    hands.does(&Act::Size(BrushShape::Disc, 6.0));
    paint_slice(&mut hands, 5);
    assert_eq!(hands.session.case().interpolated(of), [2, 3, 4, 6, 7, 8]);
    let thin = per_slice(&hands.session, 1, axis)[6];
    hands.run(Command::Interpolate);
    hands.run(Command::Accept);
    let counts = per_slice(&hands.session, 1, axis);
    assert!(counts[6] > thin && counts[6] < counts[5], "blended anew: {counts:?}");
    assert_eq!(hands.session.case().interpolated(of), [2, 3, 4, 6, 7, 8]);
    // Made small again, what was interpolated from the great one goes.
    hands.session.undo().expect("undone");
    hands.session.undo().expect("undone");
    assert_eq!(hands.session.case().interpolated(of), [2, 3, 4, 5, 6, 7, 8]);
    let all = per_slice(&hands.session, 1, axis);
    hands.run(Command::Interpolate);
    hands.run(Command::Accept);
    assert_eq!(per_slice(&hands.session, 1, axis), all, "from the same painted slices comes the same");
    // Deleting the label forgets what was interpolated of it.
    hands.session.delete_label(1).expect("deleted");
    assert!(hands.session.interpolated_slices(axis).is_empty());
}

#[test]
fn a_script_interpolates_as_the_window_does() {
    let (mut hands, axis) = painter(lattices().remove(0), AXIAL);
    paint_slice(&mut hands, 1);
    paint_slice(&mut hands, 8);
    let before = hands.session.case().clone();
    run_steps(&mut hands.session, r#"{"tool": "interpolate", "label": 1, "axis": "k"}"#).expect("filled");
    let by_script = digest(hands.session.case());
    assert_eq!(hands.session.interpolated_slices(axis), [2, 3, 4, 5, 6, 7]);
    assert_eq!(hands.session.undo(), Ok(true));
    assert_eq!(digest(hands.session.case()), digest(&before));
    hands.run(Command::Interpolate);
    hands.run(Command::Accept);
    assert_eq!(digest(hands.session.case()), by_script);
}

#[test]
fn the_ghost_follows_the_brush_and_goes_with_escape() {
    let (mut hands, axis) = painter(lattices().remove(0), AXIAL);
    hands.run(Command::Interpolate);
    assert!(hands.session.take_notice().is_some_and(|notice| notice.contains("two slices")));
    paint_slice(&mut hands, 2);
    paint_slice(&mut hands, 5);
    hands.run(Command::Interpolate);
    paint_slice(&mut hands, 8);
    hands.session.wait_for_ghost();
    hands.session.show_slice(AXIAL, 7);
    assert!(!hands.session.ghost_on(AXIAL).is_empty(), "what was painted meanwhile counts");
    hands.run(Command::Cancel);
    assert!(!hands.session.has_ghost());
    assert_eq!(hands.session.tool_kind(), ToolKind::Brush, "Esc drops the ghost first");
    hands.run(Command::Accept);
    assert_eq!(per_slice(&hands.session, 1, axis).iter().filter(|count| **count > 0).count(), 3);
}

/// The keys and clicks of a lesion over 30 slices painted on 7 of them, as `docs/hands.md` counts them.
#[test]
fn thirty_slices_with_seven_painted_take_one_key_a_jump_and_two_at_the_end() {
    let axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]];
    let (mut hands, axis) = painter(grid([24, 20, 40], axes, [0.0; 3]), AXIAL);
    hands.session.show_slice(AXIAL, 2);
    hands.move_to(hands.session.focus(), PLAIN);
    let (mut keys, mut strokes) = (0, 0);
    for number in 0..7 {
        hands.click(hands.session.focus());
        strokes += 1;
        if number < 6 {
            hands.run(Command::SlicesForward(5));
            keys += 1;
        }
    }
    hands.run(Command::Interpolate);
    hands.run(Command::Accept);
    keys += 2;
    let filled = per_slice(&hands.session, 1, axis);
    assert_eq!(filled.iter().filter(|count| **count > 0).count(), 31, "slices 2 to 32");
    assert_eq!((keys, strokes), (8, 7));
}

#[test]
fn a_mask_is_copied_to_the_next_slice_in_the_direction_walked() {
    for (walked, to) in [(1, 5), (-1, 3)] {
        let (mut hands, axis) = painter(lattices().remove(0), AXIAL);
        hands.session.show_slice(AXIAL, 4 - walked as usize * usize::from(walked > 0));
        if walked < 0 {
            hands.session.show_slice(AXIAL, 5);
        }
        // The axial pane looks from the feet, so that slices run away from the viewer as k grows.
        hands.session.scroll_slices(AXIAL, walked);
        hands.click(hands.session.focus());
        let painted = per_slice(&hands.session, 1, axis)[4];
        hands.run(Command::CopyToNextSlice);
        let counts = per_slice(&hands.session, 1, axis);
        assert_eq!((counts[4], counts[to]), (painted, painted), "{counts:?}");
        assert_eq!(steps(&hands.session).last(), Some(&"Copy Label 1 to the next slice"));
        let here = hands.session.view(AXIAL).slice.expect("a slice").1;
        assert_eq!(here, to, "and the view goes there");
    }
    let (mut hands, axis) = painter(lattices().remove(0), AXIAL);
    hands.run(Command::CopyToNextSlice);
    assert!(hands.session.take_notice().is_some_and(|notice| notice.contains("no label")));
    paint_slice(&mut hands, 9);
    hands.run(Command::CopyToNextSlice);
    assert!(hands.session.take_notice().is_some_and(|notice| notice.contains("no further slice")));
    assert_eq!(per_slice(&hands.session, 1, axis).iter().filter(|count| **count > 0).count(), 1);
}

#[test]
fn a_selected_box_is_copied_to_the_next_slice() {
    let mut hands = Hands::on(plain_case());
    run_steps(&mut hands.session, r#"{"tool": "box", "min_lps": [4, 5, 6], "max_lps": [8, 9, 10]}"#)
        .expect("drawn");
    let first = hands.session.case().annotations()[0].clone();
    hands.session.select(Some(first.id));
    hands.run(Command::CopyToNextSlice);
    let boxes = hands.session.case().annotations();
    let (Shape::Box(before), Shape::Box(after)) = (boxes[0].shape, boxes[1].shape) else { panic!("boxes") };
    assert_eq!((boxes[0].clone(), boxes[1].name.as_str()), (first, "Box 2"));
    assert_eq!(after.half_mm, before.half_mm);
    assert!(((after.centre - before.centre).to_array()[2].abs() - 2.0).abs() < 1e-9, "one slice on");
    assert_eq!(
        hands.session.selected().map(|selected| selected.id),
        Some(boxes[1].id),
        "the copy is selected"
    );
    assert_eq!(hands.session.undo(), Ok(true));
    assert_eq!(hands.session.case().annotations().len(), 1);
}
