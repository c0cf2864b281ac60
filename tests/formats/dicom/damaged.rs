//! Series whose slices state their place in part, or differ among themselves: one stack with a question,
//! or parts that tell of each other.

use annotomy::format::{DoubtCode, Study};
use annotomy::geometry::VoxelIndex;
use annotomy::volume::Placement;

use super::file::*;

fn text_of(study: &Study, code: DoubtCode) -> Option<&str> {
    study.doubts.iter().find(|doubt| doubt.code == code).map(|doubt| doubt.text.as_str())
}

/// The numbers of the slices in the order in which they lie.
fn numbers(study: &Study) -> Vec<f64> {
    let slices = study.volume.grid().dims()[2];
    (0..slices).map(|k| (study.volume.value(VoxelIndex::new(0, 0, k), 0) + 1024.0) / 100.0).collect()
}

#[test]
fn slices_that_state_their_place_in_part_stay_one_stack_that_asks() {
    /// The slice's number, its height, and how it is damaged.
    type Damage = fn(DicomFile) -> DicomFile;
    let check = |what: &str, damage: Damage, order: [f64; 4], placement, spacing: [f64; 3], told: &str| {
        // Numbers and heights run in different orders.
        let heights = [(3u16, 0.0), (1, 2.5), (2, 7.5), (4, 5.0)];
        let files: Vec<_> = heights.iter().map(|(n, z)| damage(DicomFile::slice(*n, *z))).collect();
        let study = study(&files);
        assert_eq!(numbers(&study), order, "{what}");
        assert_eq!(study.volume.placement, placement, "{what}");
        assert_eq!(study.volume.grid().spacing_mm(), spacing, "{what}");
        let text = text_of(&study, DoubtCode::AssumedGeometry).unwrap_or_else(|| panic!("{what}"));
        assert!(text.contains(told), "{what}: {text}");
    };
    let by_position = [3.0, 1.0, 4.0, 2.0];
    let by_number = [1.0, 2.0, 3.0, 4.0];
    let (whole, pixels) = ([0.5, 0.75, 2.5], [1.0, 1.0, 2.5]);
    use Placement::{Patient, Scaled};
    check("no spacing", |f| f.without(PIXEL_SPACING), by_position, Patient, pixels, "pixels of 1 mm");
    check("zero", |f| f.text(PIXEL_SPACING, "DS", "0\\0"), by_position, Patient, pixels, "pixels of 1 mm");
    check("no direction", |f| f.without(ORIENTATION), by_position, Scaled, whole, "axial slices");
    let long = |f: DicomFile| f.text(ORIENTATION, "DS", "2\\0\\0\\0\\2\\0");
    check("long", long, by_position, Patient, whole, "no unit vectors");
    let skew = |f: DicomFile| f.text(ORIENTATION, "DS", "1\\0\\0\\1\\0\\0");
    check("skew", skew, by_position, Scaled, whole, "axial slices");
    check(
        "no position",
        |f| f.without(POSITION),
        by_number,
        Scaled,
        [0.5, 0.75, 1.0],
        "in the order of their numbers, 1 mm",
    );
    let stated = |f: DicomFile| f.without(POSITION).text((0x0018, 0x0088), "DS", "4");
    check("a distance", stated, by_number, Scaled, [0.5, 0.75, 4.0], "4 mm apart, as Spacing Between Slices");
    // A thickness is no distance.
    let thick = |f: DicomFile| f.without(POSITION).text(SLICE_THICKNESS, "DS", "4");
    check("a thickness", thick, by_number, Scaled, [0.5, 0.75, 1.0], "1 mm apart");
    let nothing = |f: DicomFile| f.without(POSITION).without(ORIENTATION).without(PIXEL_SPACING);
    check("nothing", nothing, by_number, Scaled, [1.0; 3], "axial slices");
    assert!(DoubtCode::AssumedGeometry.is_blocking(), "it is asked about before the first mark");
}

#[test]
fn positions_tell_across_which_plane_slices_without_direction_lie() {
    let check = |step: [f64; 3], letters: &str| {
        let at = |n: u16| {
            let [x, y, z] = step.map(|mm| mm * f64::from(n));
            DicomFile::slice(n, 0.0).text(POSITION, "DS", &format!("{x}\\{y}\\{z}")).without(ORIENTATION)
        };
        let study = study(&[at(0), at(1), at(2)]);
        let grid = study.volume.grid();
        let found: String = grid.axis_directions().iter().map(|direction| direction.letter()).collect();
        assert_eq!(found, letters);
        assert_eq!(grid.spacing_mm()[2], 3.0);
    };
    check([0.0, 0.0, 3.0], "LPS");
    check([0.0, 3.0, 0.0], "LIP");
    check([3.0, 0.0, 0.0], "PIR");
}

#[test]
fn pictures_that_are_no_slices_are_not_stacked() {
    let check = |change: fn(DicomFile) -> DicomFile| {
        let files = [0, 1, 2].map(|n| change(DicomFile::slice(n, 0.0).without(POSITION)));
        let studies = studies(&files);
        assert_eq!(studies.len(), 3);
        assert!(studies.iter().all(|study| text_of(study, DoubtCode::AssumedGeometry).is_none()));
    };
    check(|file| file.text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.7"));
    check(|file| file.text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.1"));
    check(|file| file.text(IMAGE_TYPE, "CS", "ORIGINAL\\PRIMARY\\LOCALIZER"));
}

#[test]
fn parts_of_one_series_tell_of_each_other() {
    let check = |change: fn(DicomFile) -> DicomFile, told: &str| {
        let mut files: Vec<_> = (0..4).map(|n| DicomFile::slice(n, 2.0 * f64::from(n))).collect();
        files[2] = change(files[2].clone());
        let parts = studies(&files);
        assert_eq!(parts.len(), 2, "{told}");
        let of_main = text_of(&parts[0], DoubtCode::SplitSeries).unwrap_or_else(|| panic!("{told}"));
        assert!(of_main.contains(told) && of_main.contains("1 picture (IM002)"), "{of_main}");
        let of_other = text_of(&parts[1], DoubtCode::SplitSeries).unwrap_or_else(|| panic!("{told}"));
        assert!(of_other.contains(told) && of_other.contains("3 pictures"), "{of_other}");
    };
    check(|f| f.text(ORIENTATION, "DS", "1\\0\\0\\0\\0.99985\\0.01745"), "turned by 1.00°");
    check(|f| f.text(ORIENTATION, "DS", "0\\1\\0\\0\\0\\-1"), "another plane");
    check(|f| f.text(PIXEL_SPACING, "DS", "0.75\\0.6"), "pixels of 0.6 × 0.75 mm");
    check(|f| f.without(POSITION), "no place in the patient");
    check(|f| f.word(ROWS, 2), "4 × 2 pixels");
    check(|f| f.word(PIXEL_REPRESENTATION, 1), "signed samples of 16 bits");
    check(|f| f.text(FRAME_OF_REFERENCE, "UI", "1.2.3.6"), "another frame of reference");

    // Every second slice of another representation: each part is even in itself, and false alone.
    let interleaved: Vec<_> =
        (0..6).map(|n| DicomFile::slice(n, f64::from(n)).word(PIXEL_REPRESENTATION, n % 2)).collect();
    let parts = studies(&interleaved);
    assert_eq!(parts.len(), 2);
    assert!(parts.iter().all(|part| text_of(part, DoubtCode::SplitSeries).is_some()));

    // What is of another kind belongs to another volume and is no doubt.
    let echoes: Vec<_> = (0..4)
        .map(|n| DicomFile::slice(n, f64::from(n / 2)).text(ECHO_TIME, "DS", &(n % 2).to_string()))
        .collect();
    assert!(studies(&echoes).iter().all(|part| text_of(part, DoubtCode::SplitSeries).is_none()));
}
