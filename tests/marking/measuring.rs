//! Rulers, angles and regions by pointer, and what they come to.

use annotomy::annotation::Shape;
use annotomy::geometry::{Patient, Point};
use annotomy::session::{Button, Command, Measured, Session};
use annotomy::tool::{MeasureKind, ToolKind};

use crate::stage::*;

fn hands_with(kind: MeasureKind) -> Hands {
    let mut hands = Hands::on(plain_case());
    hands.session.set_focus([12.0, 10.0, 8.0].into());
    hands.session.take_tool(ToolKind::Measure);
    hands.session.set_measure(kind);
    hands
}

fn at(x: f64, y: f64) -> Point<Patient> {
    Point::new(x, y, 8.0)
}

fn measured(session: &mut Session) -> Measured {
    session.refresh_counts();
    let last = session.case().annotations().last().expect("a measurement").id;
    session.measured(last).expect("it measures something")
}

#[test]
fn a_ruler_measures_millimetres_and_its_ends_can_be_moved() {
    let mut hands = hands_with(MeasureKind::Ruler);
    hands.drag(&[at(4.0, 4.0), at(6.0, 6.0), at(7.0, 8.0)]);
    assert_eq!(hands.session.case().annotations()[0].name, "Ruler 1");
    let length = |session: &mut Session| match measured(session) {
        Measured::Length(length) => length,
        other => panic!("{other:?}"),
    };
    assert!((length(&mut hands.session) - 5.0).abs() < 1e-6);
    hands.drag(&[at(7.0, 8.0), at(8.0, 8.0), at(4.0, 16.0)]);
    assert!((length(&mut hands.session) - 12.0).abs() < 1e-6);
    assert_eq!(hands.session.history().done().collect::<Vec<_>>(), ["Measure Ruler 1", "Move Ruler 1"]);
    hands.press(at(4.0, 4.0), Button::Left, PLAIN);
    hands.move_to(at(20.0, 4.0), PLAIN);
    hands.run(Command::Cancel);
    assert!((length(&mut hands.session) - 12.0).abs() < 1e-6, "broken off");
    // A click draws nothing.
    hands.click(at(20.0, 18.0));
    assert_eq!(hands.session.case().annotations().len(), 1);
    // Its label is nobody's, so that deleting labels leaves it alone.
    assert_eq!(hands.session.case().annotations()[0].label, None);
}

#[test]
fn an_angle_takes_three_clicks_or_a_drag_and_a_click() {
    for dragged in [false, true] {
        let mut hands = hands_with(MeasureKind::Angle);
        if dragged {
            hands.drag(&[at(10.0, 4.0), at(10.0, 6.0), at(10.0, 8.0)]);
        } else {
            hands.click(at(10.0, 4.0));
            hands.click(at(10.0, 8.0));
        }
        hands.click(at(16.0, 8.0));
        let Measured::Degrees(Some(degrees)) = measured(&mut hands.session) else { panic!("an angle") };
        assert!((degrees - 90.0).abs() < 1e-6, "{degrees}");
        assert_eq!(hands.session.history().done().collect::<Vec<_>>(), ["Measure Angle 1"]);
    }
    let mut hands = hands_with(MeasureKind::Angle);
    hands.click(at(10.0, 4.0));
    hands.run(Command::Cancel);
    hands.click(at(10.0, 8.0));
    hands.click(at(16.0, 8.0));
    assert!(hands.session.case().annotations().is_empty(), "Esc dropped the first point");
}

#[test]
fn regions_tell_the_values_of_the_voxels_inside() {
    // Values run from −10 by 2 along i; the columns 6 to 8 hold 2, 4 and 6.
    let mut hands = hands_with(MeasureKind::Rectangle);
    hands.drag(&[at(5.6, 5.6), at(7.0, 7.0), at(8.4, 9.4)]);
    let Measured::Values(Some(values)) = measured(&mut hands.session) else { panic!("values") };
    assert_eq!((values.count, values.min, values.max), (12, 2.0, 6.0));
    assert!((values.mean - 4.0).abs() < 1e-12);
    // n − 1: 8 values lie 2 from the mean.
    assert!((values.sd - (8.0 * 4.0 / 11.0f64).sqrt()).abs() < 1e-12);
    // Being selected it is moved by its inside.
    hands.drag(&[at(7.0, 7.5), at(9.0, 7.5), at(10.0, 7.5)]);
    let Measured::Values(Some(moved)) = measured(&mut hands.session) else { panic!("values") };
    assert_eq!((moved.count, moved.min, moved.max), (12, 8.0, 12.0));

    let mut hands = hands_with(MeasureKind::Ellipse);
    hands.drag(&[at(9.9, 7.9), at(11.0, 9.0), at(14.1, 12.1)]);
    let Measured::Values(Some(values)) = measured(&mut hands.session) else { panic!("values") };
    assert_eq!(values.count, 13, "lattice points within 2.1 of the middle");
    assert!((values.mean - 14.0).abs() < 1e-12);
    assert!(matches!(hands.session.case().annotations()[0].shape, Shape::Ellipse(_)));
}

#[test]
fn the_same_key_goes_on_to_the_next_measurement() {
    let mut hands = hands_with(MeasureKind::Ruler);
    for kind in [MeasureKind::Angle, MeasureKind::Ellipse, MeasureKind::Rectangle, MeasureKind::Ruler] {
        hands.run(Command::Tool(ToolKind::Measure));
        assert_eq!(hands.session.measure(), kind);
    }
}
