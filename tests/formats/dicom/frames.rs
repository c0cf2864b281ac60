//! Objects of many frames: each frame at the place its own functional groups say.

use annotomy::format::{DoubtCode, RefusalCode, Study};
use annotomy::geometry::VoxelIndex;
use annotomy::volume::{Placement, TimeKind};

use super::file::*;

/// One frame of an enhanced MR object, as it is described.
#[derive(Clone, Default)]
struct Frame {
    z: Option<f64>,
    time: Option<u32>,
    echo: Option<f64>,
    b_value: Option<f64>,
    slope: Option<f64>,
    stack: &'static str,
    kind: &'static str,
    turned: bool,
    /// Radians about the first column's axis.
    turn: f64,
    /// Millimetres along the rows.
    aside: f64,
    dimensions: Vec<u32>,
}

fn at(z: f64) -> Frame {
    Frame { z: Some(z), ..Frame::default() }
}

impl Frame {
    fn groups(&self) -> DicomFile {
        let mut groups = DicomFile::item();
        if let Some(z) = self.z {
            let x = self.aside - 10.0;
            let place = DicomFile::item().text(POSITION, "DS", &format!("{x}\\20\\{z}"));
            groups = groups.sequence((0x0020, 0x9113), &[place]);
        }
        let mut content = DicomFile::item();
        if let Some(time) = self.time {
            content = content.longs((0x0020, 0x9128), &[time]);
        }
        if !self.stack.is_empty() {
            content = content.text((0x0020, 0x9056), "SH", self.stack);
        }
        if !self.dimensions.is_empty() {
            content = content.longs((0x0020, 0x9157), &self.dimensions);
        }
        groups = groups.sequence((0x0020, 0x9111), &[content]);
        if let Some(echo) = self.echo {
            groups = groups.sequence((0x0018, 0x9114), &[DicomFile::item().double((0x0018, 0x9082), echo)]);
        }
        if let Some(b) = self.b_value {
            groups = groups.sequence((0x0018, 0x9117), &[DicomFile::item().double((0x0018, 0x9087), b)]);
        }
        if let Some(slope) = self.slope {
            let values = DicomFile::item().text(SLOPE, "DS", &slope.to_string()).text(INTERCEPT, "DS", "0");
            groups = groups.sequence((0x0028, 0x9145), &[values]);
        }
        if !self.kind.is_empty() {
            let kind = DicomFile::item().text((0x0008, 0x9007), "CS", self.kind);
            groups = groups.sequence((0x0018, 0x9226), &[kind]);
        }
        if self.turn != 0.0 {
            let (sin, cos) = self.turn.sin_cos();
            let turn = DicomFile::item().text(ORIENTATION, "DS", &format!("1\\0\\0\\0\\{cos:.9}\\{sin:.9}"));
            groups = groups.sequence((0x0020, 0x9116), &[turn]);
        }
        if self.turned {
            let turn = DicomFile::item().text(ORIENTATION, "DS", "0\\1\\0\\0\\0\\-1");
            groups = groups.sequence((0x0020, 0x9116), &[turn]);
        }
        groups
    }
}

/// An enhanced MR object; the samples of frame n are 100 n + 0, 1, 2 …
fn enhanced(frames: &[Frame]) -> DicomFile {
    let per_frame = COLUMN_COUNT * ROW_COUNT;
    let pixels: Vec<u16> =
        (0..frames.len()).flat_map(|n| (0..per_frame).map(move |place| (100 * n + place) as u16)).collect();
    let groups: Vec<DicomFile> = frames.iter().map(Frame::groups).collect();
    DicomFile::of_frames(&pixels, &groups, DicomFile::item())
        .text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.4.1")
        .text((0x0008, 0x0060), "CS", "MR")
}

/// The frame that lies at each k and time, by the samples [`enhanced`] gives it.
fn frame_numbers(study: &Study) -> Vec<f64> {
    let volume = &study.volume;
    let all = (0..volume.times()).flat_map(|time| (0..volume.grid().dims()[2]).map(move |k| (k, time)));
    all.map(|(k, time)| volume.value(VoxelIndex::new(0, 0, k), time) / 100.0).collect()
}

fn heights(study: &Study) -> Vec<f64> {
    let grid = study.volume.grid();
    (0..grid.dims()[2]).map(|k| grid.centre_of(VoxelIndex::new(0, 0, k)).z()).collect()
}

/// What each series of an object holds, in any order.
fn series(frames: &[Frame]) -> Vec<(Vec<f64>, Vec<f64>, usize)> {
    let all = studies(&[enhanced(frames)]);
    let mut told: Vec<_> =
        all.iter().map(|study| (frame_numbers(study), heights(study), study.volume.times())).collect();
    told.sort_by(|a, b| a.0[0].total_cmp(&b.0[0]));
    told
}

#[test]
fn frames_lie_where_their_own_groups_put_them() {
    let check = |frames: &[Frame], expected: &[(&[f64], &[f64], usize)]| {
        let expected: Vec<_> =
            expected.iter().map(|(frames, z, times)| (frames.to_vec(), z.to_vec(), *times)).collect();
        assert_eq!(series(frames), expected);
    };
    // In order and out of it.
    check(&[at(0.0), at(2.0), at(4.0)], &[(&[0.0, 1.0, 2.0], &[0.0, 2.0, 4.0], 1)]);
    check(&[at(4.0), at(0.0), at(2.0)], &[(&[1.0, 2.0, 0.0], &[0.0, 2.0, 4.0], 1)]);
    // Points in time, the later one first.
    let timed = |z, time| Frame { time: Some(time), ..at(z) };
    check(
        &[timed(2.0, 2), timed(0.0, 2), timed(0.0, 1), timed(2.0, 1)],
        &[(&[2.0, 3.0, 1.0, 0.0], &[0.0, 2.0], 2)],
    );
    // Echoes, image types, stacks and orientations are series of their own.
    let two_echoes = |z, ms| Frame { echo: Some(ms), ..at(z) };
    check(
        &[two_echoes(0.0, 5.0), two_echoes(0.0, 9.0), two_echoes(2.0, 5.0), two_echoes(2.0, 9.0)],
        &[(&[0.0, 2.0], &[0.0, 2.0], 1), (&[1.0, 3.0], &[0.0, 2.0], 1)],
    );
    let typed = |z, kind| Frame { kind, ..at(z) };
    let (magnitude, phase) = ("ORIGINAL\\PRIMARY\\M\\NONE", "ORIGINAL\\PRIMARY\\P\\NONE");
    check(
        &[typed(0.0, magnitude), typed(2.0, magnitude), typed(0.0, phase), typed(2.0, phase)],
        &[(&[0.0, 1.0], &[0.0, 2.0], 1), (&[2.0, 3.0], &[0.0, 2.0], 1)],
    );
    let stacked = |z, stack| Frame { stack, ..at(z) };
    check(
        &[stacked(0.0, "1"), stacked(2.0, "1"), stacked(0.0, "2"), stacked(5.0, "2")],
        &[(&[0.0, 1.0], &[0.0, 2.0], 1), (&[2.0, 3.0], &[0.0, 5.0], 1)],
    );
    let turned = studies(&[enhanced(&[at(0.0), at(2.0), Frame { turned: true, ..at(1.0) }])]);
    assert_eq!(turned.iter().map(frame_numbers).collect::<Vec<_>>(), [vec![0.0, 1.0], vec![2.0]]);
}

#[test]
fn frames_of_one_place_are_an_axis_of_known_kind() {
    let weighted = |z, b| Frame { b_value: Some(b), ..at(z) };
    let frames = [weighted(0.0, 1000.0), weighted(0.0, 0.0), weighted(2.0, 0.0), weighted(2.0, 1000.0)];
    let study = study(&[enhanced(&frames)]);
    assert_eq!(frame_numbers(&study), [1.0, 2.0, 0.0, 3.0]);
    let axis = study.volume.time_axis.as_ref().expect("two frames of a place");
    assert_eq!((axis.kind, &axis.values[..]), (TimeKind::BValue, &[0.0, 1000.0][..]));

    // Nothing but the dimensions tells them apart, the slower one reversed.
    let indexed = |z, dimensions: [u32; 2]| Frame { dimensions: dimensions.to_vec(), ..at(z) };
    let frames = [indexed(0.0, [1, 2]), indexed(0.0, [1, 1]), indexed(2.0, [2, 1]), indexed(2.0, [2, 2])];
    let study = super::file::study(&[enhanced(&frames)]);
    assert_eq!(frame_numbers(&study), [1.0, 2.0, 0.0, 3.0]);
    assert_eq!(study.volume.time_axis.as_ref().map(|axis| axis.kind), Some(TimeKind::Frames));
    assert_eq!(study.doubts, []);

    // Nothing at all does: said aloud.
    let study = super::file::study(&[enhanced(&[at(0.0), at(0.0), at(2.0), at(2.0)])]);
    assert_eq!(study.volume.times(), 2);
    let codes: Vec<_> = study.doubts.iter().map(|doubt| doubt.code).collect();
    assert_eq!(codes, [DoubtCode::RepeatedPositions]);
}

#[test]
fn a_group_that_some_frames_lack_shifts_nothing() {
    let scaled = |z, slope| Frame { slope, ..at(z) };
    let study = study(&[enhanced(&[scaled(0.0, Some(2.0)), scaled(2.0, None), scaled(4.0, Some(3.0))])]);
    let values: Vec<f64> = (0..3).map(|k| study.volume.value(VoxelIndex::new(1, 0, k), 0)).collect();
    assert_eq!(values, [2.0, 101.0, 603.0]);
}

#[test]
fn several_objects_are_points_in_time() {
    let object = |n: u32| {
        let frames: Vec<_> = [2.0, 0.0].map(|z| Frame { time: Some(n), ..at(z) }).to_vec();
        enhanced(&frames).text(INSTANCE_UID, "UI", &format!("1.2.3.4.{n}")).text(
            INSTANCE_NUMBER,
            "IS",
            &n.to_string(),
        )
    };
    let study = study(&[object(2), object(1), object(3)]);
    assert_eq!((study.volume.grid().dims(), study.volume.times()), ([4, 3, 2], 3));
    assert_eq!(study.volume.time_axis.as_ref().map(|axis| axis.kind), Some(TimeKind::Time));
}

#[test]
fn frames_without_a_place_are_pictures_in_a_row_or_refused() {
    let nowhere = Frame::default();
    let study = study(&[enhanced(&[nowhere.clone(), nowhere.clone()])]);
    assert_eq!((study.volume.grid().dims(), study.volume.times()), ([4, 3, 1], 2));
    assert_eq!(study.volume.placement, Placement::Scaled);
    assert_eq!(study.doubts[0].code, DoubtCode::NoOrientation);
    let refusal = refusal_of(&enhanced(&[at(0.0), nowhere, at(4.0)]).to_bytes()).expect("one has no place");
    assert_eq!(refusal.code, RefusalCode::UnsupportedObject);
    assert!(refusal.text.contains("1 of which"), "{refusal}");
}

#[test]
fn frames_beyond_all_sense_cost_seconds_at_most() {
    let check = |what: &str, frame: &dyn Fn(u32) -> Frame| {
        let frames: Vec<_> = (0..20_000).map(frame).collect();
        let object = enhanced(&frames).to_bytes();
        let begun = std::time::Instant::now();
        refusal_of(&object);
        assert!(begun.elapsed().as_secs() < 5, "{what}: {:?}", begun.elapsed());
    };
    check("all at one place", &|_| at(0.0));
    check("all at one place, each with a time", &|n| Frame { time: Some(n), ..at(0.0) });
    check("each in a direction of its own", &|n| Frame { turn: f64::from(n) * 2e-4, ..at(0.0) });
    check("each beside the others", &|n| Frame { aside: f64::from(n), time: Some(n), ..at(0.0) });
    check("at distances of no order", &|n| at((f64::from(n) * 0.618_034).fract() * 1e4));
    check("almost even to the last but one", &|n| at(f64::from(n) + if n == 19_999 { 0.5 } else { 0.0 }));
    check("each of a kind of its own", &|n| Frame { echo: Some(f64::from(n)), ..at(0.0) });
}
