//! Series with several pictures at each place: what becomes an axis and what a series of its own.

use annotomy::format::{DoubtCode, Study};
use annotomy::geometry::VoxelIndex;
use annotomy::volume::TimeKind;

use super::file::*;

/// Two places, and at each of them the pictures that `changes` make, in this order in the folder.
fn files(changes: &[&dyn Fn(DicomFile) -> DicomFile]) -> Vec<DicomFile> {
    let mut files = Vec::new();
    for place in 0..2u16 {
        for (n, change) in changes.iter().enumerate() {
            let number = 2 * n as u16 + place;
            files.push(change(DicomFile::slice(number, 2.0 * f64::from(place))));
        }
    }
    files
}

/// The number of the change that made the picture at each time of place 0.
fn order(study: &Study) -> Vec<f64> {
    let value = |time| study.volume.value(VoxelIndex::new(0, 0, 0), time);
    (0..study.volume.times()).map(|time| (value(time) + 1024.0) / 200.0).collect()
}

#[test]
fn what_tells_pictures_apart_becomes_their_axis() {
    let check = |tag: Tag, vr: &str, texts: [&str; 3], kind: TimeKind, found: [f64; 3], values: &[f64]| {
        let [a, b, c] = texts;
        let change = |text: &str| {
            let (vr, text) = (vr.to_owned(), text.to_owned());
            move |file: DicomFile| match &vr[..] {
                "FD" => file.double(tag, text.parse().expect("a number")),
                _ => file.text(tag, &vr, &text),
            }
        };
        let study = study(&files(&[&change(a), &change(b), &change(c)]));
        assert_eq!(order(&study), found, "{tag:?}");
        let axis = study.volume.time_axis.as_ref().expect("three times");
        assert_eq!((axis.kind, &axis.values[..]), (kind, values), "{tag:?}");
        assert_eq!(study.doubts, [], "{tag:?}");
    };
    let rising = [1.0, 2.0, 0.0];
    check(TEMPORAL_POSITION, "IS", ["3", "1", "2"], TimeKind::Time, rising, &[]);
    check((0x0018, 0x1060), "DS", ["80.5", "0", "40"], TimeKind::Trigger, rising, &[0.0, 40.0, 80.5]);
    check((0x0020, 0x9241), "FD", ["75", "25", "50"], TimeKind::CardiacPhase, rising, &[25.0, 50.0, 75.0]);
    check((0x0054, 0x1300), "DS", ["9000", "1000", "3000"], TimeKind::Time, rising, &[0.0, 2.0, 8.0]);
    check((0x0018, 0x9087), "FD", ["1000", "0", "500"], TimeKind::BValue, rising, &[0.0, 500.0, 1000.0]);
    let acquired = ["101500", "101502.5", "101505"];
    check((0x0008, 0x0032), "TM", acquired, TimeKind::Time, [0.0, 1.0, 2.0], &[0.0, 2.5, 5.0]);
    check((0x0020, 0x0012), "IS", ["3", "1", "2"], TimeKind::Frames, rising, &[]);
}

#[test]
fn makers_private_diffusion_counts_where_its_creator_is_named() {
    let check = |creator: Tag, name: &str, tag: Tag, values: [(&str, &[u8]); 2]| {
        let change = |(vr, bytes): (&str, &[u8])| {
            let (name, vr, bytes) = (name.to_owned(), vr.to_owned(), bytes.to_vec());
            move |file: DicomFile| file.text(creator, "LO", &name).bytes(tag, &vr, &bytes)
        };
        let [a, b] = values;
        let study = study(&files(&[&change(a), &change(b)]));
        let axis = study.volume.time_axis.as_ref().expect("two weightings");
        assert_eq!((axis.kind, &axis.values[..]), (TimeKind::BValue, &[0.0, 800.0][..]), "{name}");
        assert_eq!(order(&study), [1.0, 0.0], "{name}");
    };
    check((0x0019, 0x0010), "SIEMENS MR HEADER", (0x0019, 0x100c), [("IS", b"800"), ("IS", b"0")]);
    let ge = [("IS", &b"1000000800\\8\\0\\0"[..]), ("IS", b"0\\8\\0\\0")];
    check((0x0043, 0x0010), "GEMS_PARM_01", (0x0043, 0x1039), ge);
    let philips = [("FL", &800f32.to_le_bytes()[..]), ("FL", &[0; 4])];
    check((0x2001, 0x0011), "Philips Imaging DD 001", (0x2001, 0x1103), philips);
}

#[test]
fn echoes_and_parts_of_a_complex_signal_are_series_of_their_own() {
    let check = |a: &dyn Fn(DicomFile) -> DicomFile, b: &dyn Fn(DicomFile) -> DicomFile| {
        let all = studies(&files(&[a, b]));
        let shapes: Vec<_> = all.iter().map(|s| (s.volume.grid().dims()[2], s.volume.times())).collect();
        assert_eq!(shapes, [(2, 1), (2, 1)]);
    };
    check(&|file| file.text(ECHO_TIME, "DS", "5"), &|file| file.text(ECHO_TIME, "DS", "10"));
    check(&|file| file.text((0x0018, 0x0086), "IS", "1"), &|file| file.text((0x0018, 0x0086), "IS", "2"));
    let magnitude = "ORIGINAL\\PRIMARY\\M\\ND";
    let phase = "ORIGINAL\\PRIMARY\\P\\ND";
    check(&|file| file.text(IMAGE_TYPE, "CS", magnitude), &|file| file.text(IMAGE_TYPE, "CS", phase));
    let ge = |part: i16| {
        move |file: DicomFile| {
            let file = file.text((0x0043, 0x0010), "LO", "GEMS_PARM_01");
            file.bytes((0x0043, 0x102f), "SS", &part.to_le_bytes())
        }
    };
    check(&ge(0), &ge(1));
}

const ACQUISITION_TIME: Tag = (0x0008, 0x0032);
const CONTENT_TIME: Tag = (0x0008, 0x0033);

/// Pictures of `times` points in time at `places` places that hold 10 × the time and the place, without
/// those of `lacking` (time, place); what `change` makes of each.
fn swept(
    [times, places]: [u16; 2],
    lacking: &[(u16, u16)],
    change: impl Fn(DicomFile, u16, u16) -> DicomFile,
) -> Vec<DicomFile> {
    let all = (0..times).flat_map(|time| (0..places).map(move |place| (time, place)));
    let made = |(time, place): (u16, u16)| {
        let file = DicomFile::slice(10 * time + place, 2.0 * f64::from(place)).word(PADDING, 9999);
        change(file, time, place)
    };
    all.filter(|at| !lacking.contains(at)).map(made).collect()
}

/// The time of which each picture is that a study shows, time by time; -1 where it shows none.
fn times_shown(study: &Study) -> Vec<Vec<i32>> {
    let volume = &study.volume;
    let shown = |time, k| {
        let number = (volume.value(VoxelIndex::new(0, 0, k), time) + 1024.0) / 100.0;
        if number > 99.0 { -1 } else { number as i32 / 10 }
    };
    (0..volume.times()).map(|time| (0..volume.grid().dims()[2]).map(|k| shown(time, k)).collect()).collect()
}

#[test]
fn no_point_in_time_holds_a_slice_of_another() {
    let check = |what: &str, files: &[DicomFile], gaps: &[(usize, usize)], code: &[DoubtCode]| {
        let study = study(files);
        let mut expected: Vec<Vec<i32>> = (0..3).map(|time| vec![time; 5]).collect();
        gaps.iter().for_each(|(time, k)| expected[*time][*k] = -1);
        assert_eq!(times_shown(&study), expected, "{what}");
        let codes: Vec<_> = study.doubts.iter().map(|doubt| doubt.code).collect();
        assert_eq!(codes, code, "{what}: {:?}", study.doubts);
    };
    let numbered = |by: fn(u16, u16) -> u16| {
        move |file: DicomFile, time, place| file.text(INSTANCE_NUMBER, "IS", &by(time, place).to_string())
    };
    let sweep_by_sweep = numbered(|time, place| 1 + 5 * time + place);
    let interleaved = numbered(|time, place| 1 + 5 * time + [0, 3, 1, 4, 2][usize::from(place)]);
    let slice_by_slice = numbered(|time, place| 1 + 3 * place + time);
    for lacking in [(0u16, 0u16), (0, 4), (1, 0), (1, 2), (1, 4), (2, 0), (2, 4)] {
        let gap = [(usize::from(lacking.0), usize::from(lacking.1))];
        let missing = [DoubtCode::MissingSlices];
        check("sweep by sweep", &swept([3, 5], &[lacking], sweep_by_sweep), &gap, &missing);
        check("interleaved", &swept([3, 5], &[lacking], interleaved), &gap, &missing);
        check("slice by slice", &swept([3, 5], &[lacking], slice_by_slice), &gap, &missing);
    }
    let several = [(1, 3), (1, 4), (2, 2)];
    let gaps = several.map(|(time, place)| (usize::from(time), usize::from(place)));
    check("several lack", &swept([3, 5], &several, sweep_by_sweep), &gaps, &[DoubtCode::MissingSlices]);

    // Numbers that begin again, or say nothing, beside a time of each sweep or each slice.
    let at = |tag, seconds: u16| move |file: DicomFile| file.text(tag, "TM", &format!("1200{seconds:02}"));
    let begun_again = numbered(|_, place| 1 + place);
    let shuffled = numbered(|time, place| 1 + (7 * (5 * time + place) + 3 * time * place) % 16);
    let of_sweep =
        |file: DicomFile, time, place| at(ACQUISITION_TIME, 20 * time)(begun_again(file, time, place));
    check("a time of each sweep", &swept([3, 5], &[], of_sweep), &[], &[]);
    check(
        "shuffled numbers",
        &swept([3, 5], &[], |file, time, place| at(ACQUISITION_TIME, 20 * time)(shuffled(file, time, place))),
        &[],
        &[],
    );
    let of_slice =
        |tag| move |file: DicomFile, time, place| at(tag, 10 * time + place)(begun_again(file, time, place));
    check("a time of each slice", &swept([3, 5], &[], of_slice(ACQUISITION_TIME)), &[], &[]);
    let lacks = swept([3, 5], &[(1, 2)], of_slice(ACQUISITION_TIME));
    check("a time of each slice, one lacks", &lacks, &[(1, 2)], &[DoubtCode::MissingSlices]);
    check("a time of each content", &swept([3, 5], &[], of_slice(CONTENT_TIME)), &[], &[]);
}

#[test]
fn what_nothing_tells_apart_is_asked_about() {
    let check = |what: &str, files: &[DicomFile]| {
        let all = studies(files);
        let doubts = || all.iter().flat_map(|study| &study.doubts);
        assert!(doubts().any(|doubt| doubt.code == DoubtCode::RepeatedPositions), "{what}");
        assert!(DoubtCode::RepeatedPositions.is_blocking());
    };
    let numbered = |numbers: &'static [u16; 6]| {
        swept([2, 3], &[], move |file, time, place| {
            let number = numbers[usize::from(3 * time + place)];
            file.text(INSTANCE_NUMBER, "IS", &number.to_string())
        })
    };
    check("numbers that follow neither sweeps nor slices", &numbered(&[1, 6, 2, 3, 4, 5]));
    check("numbers that begin again", &numbered(&[1, 2, 3, 1, 2, 3]));
    let lacks =
        swept([2, 3], &[(1, 0)], |file, _, place| file.text(INSTANCE_NUMBER, "IS", &place.to_string()));
    check("numbers that begin again, and one lacks", &lacks);
}
