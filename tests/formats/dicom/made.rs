//! Files made here: order, place, values, refusals.

use annotomy::case::{Case, MaskWriter, WriteRule};
use annotomy::format::{self, DoubtCode, RefusalCode, Silent, Study};
use annotomy::geometry::VoxelIndex;
use annotomy::volume::{Placement, SampleType};

use super::file::*;

fn codes(study: &Study) -> Vec<DoubtCode> {
    study.doubts.iter().map(|doubt| doubt.code).collect()
}

/// The position of slice k's first voxel.
fn origin(study: &Study, k: usize) -> [f64; 3] {
    study.volume.grid().centre_of(VoxelIndex::new(0, 0, k)).to_array()
}

/// The number of the slice that lies at k, as [`DicomFile::slice`] writes it into the samples.
fn numbers(study: &Study) -> Vec<f64> {
    let volume = &study.volume;
    let all = (0..volume.times()).flat_map(|time| (0..volume.grid().dims()[2]).map(move |k| (k, time)));
    all.map(|(k, time)| (volume.value(VoxelIndex::new(0, 0, k), time) + 1024.0) / 100.0).collect()
}

#[test]
fn slices_are_sorted_by_place_and_keep_it() {
    // In whatever order files come and wherever the numbers say they belong, k grows along the normal.
    let check = |heights: &[f64], expected_numbers: &[f64]| {
        let files: Vec<_> = heights.iter().enumerate().map(|(n, z)| DicomFile::slice(n as u16, *z)).collect();
        let study = study(&files);
        assert_eq!(numbers(&study), expected_numbers, "{heights:?}");
        assert_eq!(codes(&study), [], "{heights:?}");
        let mut sorted = heights.to_vec();
        sorted.sort_by(f64::total_cmp);
        for (k, z) in sorted.iter().enumerate() {
            let [x, y, height] = origin(&study, k);
            assert!((height - z).abs() < 1e-9 && [x, y] == [-10.0, 20.0], "{heights:?} at {k}");
        }
        assert_eq!(study.volume.grid().frame_of_reference(), Some("1.2.3.5"));
    };
    check(&[0.0, 2.5, 5.0, 7.5], &[0.0, 1.0, 2.0, 3.0]);
    check(&[5.0, 0.0, 7.5, 2.5], &[1.0, 3.0, 0.0, 2.0]);
    check(&[7.5, 5.0, 2.5, 0.0], &[3.0, 2.0, 1.0, 0.0]);
    check(&[-3.0, -1.0], &[0.0, 1.0]);
}

#[test]
fn columns_are_i_and_rows_are_j() {
    let study = study(&[DicomFile::slice(0, 0.0), DicomFile::slice(1, 2.0)]);
    let volume = &study.volume;
    assert_eq!(volume.grid().dims(), [4, 3, 2]);
    assert_eq!(volume.grid().spacing_mm(), [0.5, 0.75, 2.0]);
    assert_eq!(volume.value(VoxelIndex::new(3, 1, 1), 0), 107.0 - 1024.0);
    assert_eq!(volume.grid().centre_of(VoxelIndex::new(3, 2, 1)).to_array(), [-8.5, 21.5, 2.0]);
    assert_eq!(volume.unit.as_deref(), Some("HU"));
    assert_eq!(volume.modality.as_deref(), Some("CT"));
    assert_eq!(volume.sample_type(), SampleType::U16);
}

#[test]
fn a_tilted_gantry_is_a_shear_from_the_positions() {
    let files: Vec<_> = (0..4)
        .map(|n| {
            let position = format!("-10\\{}\\{}", 20.0 + 0.5 * f64::from(n), 2.0 * f64::from(n));
            DicomFile::slice(n, 0.0).text(POSITION, "DS", &position).text((0x0018, 0x1120), "DS", "-30")
        })
        .collect();
    let study = study(&files);
    assert_eq!(study.volume.grid().patient_from_voxel().axis(2).to_array(), [0.0, 0.5, 2.0]);
    assert_eq!(codes(&study), [DoubtCode::Sheared]);
}

#[test]
fn slices_at_uneven_places_are_never_moved() {
    let check = |heights: &[f64], code: DoubtCode, expected: &[&[f64]]| {
        let files: Vec<_> = heights.iter().enumerate().map(|(n, z)| DicomFile::slice(n as u16, *z)).collect();
        let mut parts: Vec<Vec<f64>> = Vec::new();
        for study in studies(&files) {
            assert!(codes(&study).contains(&code), "{heights:?}: {:?}", study.doubts);
            let slices = study.volume.grid().dims()[2];
            parts.push((0..slices).map(|k| origin(&study, k)[2]).collect());
            let text = &study.doubts.iter().find(|doubt| doubt.code == code).expect("found above").text;
            assert!(text.contains("IM0"), "names the gap: {text}");
        }
        parts.sort_by(|a, b| a[0].total_cmp(&b[0]));
        assert_eq!(parts, expected, "{heights:?}");
    };
    use DoubtCode::{MissingSlices, UnevenSlices};
    check(&[0.0, 1.0, 2.0, 3.6, 4.6], UnevenSlices, &[&[0.0, 1.0, 2.0], &[3.6, 4.6]]);
    check(&[0.0, 2.5, 5.0, 7.5, 11.0, 14.5], UnevenSlices, &[&[0.0, 2.5, 5.0, 7.5], &[11.0, 14.5]]);
    // The steps of a part are no holes of another's, by which its volumes would be counted.
    let head = [0.0, 2.5, 5.0, 7.5, 10.0, 15.0, 20.0, 25.0];
    check(&head, UnevenSlices, &[&[0.0, 2.5, 5.0, 7.5, 10.0], &[15.0, 20.0, 25.0]]);
    // A slice between the others does not tear them.
    check(&[0.0, 1.0, 2.0, 2.5, 3.0, 4.0], UnevenSlices, &[&[0.0, 1.0, 2.0, 3.0, 4.0], &[2.5]]);
    // So few slices of so many that a volume would be mostly holes.
    check(&[0.0, 1.0, 2.0, 30.0, 31.0], MissingSlices, &[&[0.0, 1.0, 2.0], &[30.0, 31.0]]);
}

#[test]
fn missing_slices_leave_known_holes_in_one_volume() {
    let check = |heights: &[f64], missing: &[usize], told: &str| {
        let files: Vec<_> = heights.iter().enumerate().map(|(n, z)| DicomFile::slice(n as u16, *z)).collect();
        let study = study(&files);
        let volume = &study.volume;
        assert_eq!(volume.missing_slices(), missing, "{heights:?}");
        let taken = (0..volume.grid().dims()[2]).filter(|k| !volume.is_missing(*k));
        for ((k, z), number) in taken.zip(heights).zip(0..) {
            assert!((origin(&study, k)[2] - z).abs() < 1e-9, "{heights:?} at {k}");
            let index = VoxelIndex::new(0, 0, k);
            assert_eq!(volume.value(index, 0), 100.0 * f64::from(number) - 1024.0, "{heights:?} at {k}");
        }
        let [doubt] = &study.doubts[..] else { panic!("one doubt: {:?}", study.doubts) };
        assert_eq!(doubt.code, DoubtCode::MissingSlices);
        assert!(doubt.text.contains(told), "{}", doubt.text);
        // What was never scanned decides no number.
        let most = 100.0 * (heights.len() - 1) as f64 + 11.0 - 1024.0;
        let found = volume.statistics();
        assert_eq!((found.min, found.max), (-1024.0, most), "{heights:?}");
    };
    check(&[0.0, 1.0, 2.0, 4.0, 5.0], &[3], "2.00 mm between IM002 and IM003 (1 missing)");
    check(&[0.0, 1.0, 2.0, 3.0, 7.0], &[4, 5, 6], "4.00 mm between IM003 and IM004 (3 missing)");
    check(&[0.0, 3.0, 4.0, 5.0, 6.0], &[1, 2], "3.00 mm between IM000 and IM001 (2 missing)");
    check(&[0.0, 2.5, 5.0, 7.5, 12.5, 17.5], &[4, 6], "5.00 mm between IM004 and IM005 (1 missing)");
}

#[test]
fn a_missing_slice_holds_what_no_picture_holds_and_takes_no_mark() {
    let check = |change: fn(DicomFile) -> DicomFile, filler: f64| {
        let files: Vec<_> =
            [0.0, 1.0, 3.0].iter().enumerate().map(|(n, z)| change(DicomFile::slice(n as u16, *z))).collect();
        let study = study(&files);
        let value = study.volume.value(VoxelIndex::new(2, 1, 2), 0);
        assert!(value == filler || value.is_nan() && filler.is_nan(), "{value} for {filler}");
        let mut case = Case::new(study.volume);
        let mut writer = MaskWriter::new(&case, 0, WriteRule::paint(1)).expect("a layer");
        for k in 0..4 {
            writer.write_run(0..4, 1, k);
        }
        case.apply(&writer.finish().expect("something was written")).expect("fits");
        let marked = [0, 1, 2, 3].map(|k| case.layers()[0].label(VoxelIndex::new(2, 1, k)));
        assert_eq!(marked, [1, 1, 0, 1]);
    };
    check(|file| file, -1024.0);
    check(|file| file.word(PIXEL_REPRESENTATION, 1), -32_768.0 - 1024.0);
    check(|file| file.word(PIXEL_REPRESENTATION, 1).word(PADDING, 0xf830), -2000.0 - 1024.0);
    check(|file| file.text(PHOTOMETRIC, "CS", "MONOCHROME1"), 65_535.0 - 1024.0);
}

#[test]
fn slightly_uneven_slices_stay_together_and_are_told() {
    let heights = [0.0, 1.03, 2.0, 3.0];
    let files: Vec<_> = heights.iter().enumerate().map(|(n, z)| DicomFile::slice(n as u16, *z)).collect();
    let study = study(&files);
    assert_eq!(study.volume.grid().dims()[2], 4);
    assert_eq!(codes(&study), [DoubtCode::UnevenSlices]);
}

#[test]
fn pictures_at_one_place_become_time_not_a_tower() {
    let at = |number: u16, place: u16| {
        let slice = DicomFile::slice(number, 2.0 * f64::from(place));
        slice.text(INSTANCE_UID, "UI", &format!("1.2.3.4.{number}.{place}"))
    };
    // By the temporal position, though instance numbers run the other way.
    let by_time: Vec<_> =
        (0..6u16).map(|n| at(n, n % 3).text(TEMPORAL_POSITION, "IS", &(2 - n / 3).to_string())).collect();
    assert_eq!(numbers(&study(&by_time)), [3.0, 4.0, 5.0, 0.0, 1.0, 2.0]);
    // By nothing but the order of their numbers.
    let by_number: Vec<_> = (0..6u16).map(|n| at(n, n % 3)).collect();
    let study = study(&by_number);
    assert_eq!((study.volume.grid().dims(), study.volume.times()), ([4, 3, 3], 2));
    assert_eq!(numbers(&study), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(codes(&study), []);
    // A last sweep that was broken off is a series of its own, and both say so.
    let broken_off: Vec<_> =
        (0..4u16).map(|n| at(n, n % 3).text(TEMPORAL_POSITION, "IS", &(n / 3).to_string())).collect();
    let parts = studies(&broken_off);
    assert_eq!(parts.iter().map(numbers).collect::<Vec<_>>(), [vec![0.0, 1.0, 2.0], vec![3.0]]);
    assert!(parts.iter().all(|part| codes(part).contains(&DoubtCode::SplitSeries)));
}

#[test]
fn slices_of_small_things_lie_at_places_of_their_own() {
    let check = |step_mm: f64| {
        let spacing = format!("{step_mm}\\{step_mm}");
        let slice = |n: u16| DicomFile::slice(n, step_mm * f64::from(n)).text(PIXEL_SPACING, "DS", &spacing);
        let study = study(&(0..6).map(slice).collect::<Vec<_>>());
        assert_eq!(codes(&study), []);
        assert_eq!((study.volume.grid().dims(), study.volume.times()), ([4, 3, 6], 1), "{step_mm}");
        assert!((study.volume.grid().spacing_mm()[2] - step_mm).abs() < 1e-9 * step_mm, "{step_mm}");
    };
    [0.1, 0.01, 0.0008].into_iter().for_each(check);
}

#[test]
fn a_point_in_time_that_lacks_a_slice_stays_on_the_axis_with_a_gap() {
    // Three points in time of four slices each; the second lacks its third slice.
    let at = |n: u16| {
        let slice =
            DicomFile::slice(n, 2.0 * f64::from(n % 4)).text(INSTANCE_UID, "UI", &format!("1.2.3.4.{n}"));
        slice.text(TEMPORAL_POSITION, "IS", &(n / 4).to_string()).word(PADDING, 7)
    };
    let study = study(&(0..12u16).filter(|n| *n != 6).map(at).collect::<Vec<_>>());
    let volume = &study.volume;
    assert_eq!((volume.grid().dims()[2], volume.times()), (4, 3));
    let expected: Vec<f64> = (0..12).map(|n| if n == 6 { 0.07 } else { f64::from(n) }).collect();
    assert_eq!(numbers(&study), expected, "padding stands where no picture is");
    assert_eq!(volume.missing_slices(), [0; 0], "the other times can be marked there");
    let [doubt] = &study.doubts[..] else { panic!("{:?}", study.doubts) };
    assert_eq!(doubt.code, DoubtCode::MissingSlices);
    assert!(doubt.text.contains("1 at point 2 of 3"), "{}", doubt.text);
    // What was never scanned decides no number: without it the mean is that of eleven pictures.
    let mean = (66.0 - 6.0) / 11.0 * 100.0 + 5.5 - 1024.0;
    assert!((volume.statistics().mean - mean).abs() < 1e-9, "{}", volume.statistics().mean);
    let mut case = Case::new(study.volume);
    for (time, k) in [(0, 2), (1, 1), (1, 2), (2, 3)] {
        let rule = WriteRule { time: Some(time), ..WriteRule::paint(1 + time as u16) };
        let mut writer = MaskWriter::new(&case, 0, rule).expect("a layer");
        writer.write_run(0..2, 1, k);
        if let Some(edit) = writer.finish() {
            case.apply(&edit).expect("fits");
        }
    }
    let marked = [0, 1, 2, 3].map(|k| case.layers()[0].label(VoxelIndex::new(1, 1, k)));
    assert_eq!(marked, [0, 2, 1, 3], "nothing is marked on a picture that is not there");
}

#[test]
fn padding_does_not_decide_the_first_window() {
    let mut words: Vec<u16> = (0..12).map(|n| 1000 + n).collect();
    words[..6].fill(60_000);
    let file = |padding: bool| {
        let file = DicomFile::slice(0, 0.0).words(&words).text(INTERCEPT, "DS", "0");
        study(&[if padding { file.word(PADDING, 60_000) } else { file }]).volume.automatic_window()
    };
    assert_eq!((file(false).high(), file(true).high()), (60_000.0, 1011.0));
}

#[test]
fn pixels_that_are_not_square_are_shown_so() {
    let check = |ratio: &str, height: f64| {
        let file = DicomFile::slice(0, 0.0).without(POSITION).without(PIXEL_SPACING);
        let study = study(&[file.text((0x0028, 0x0034), "IS", ratio)]);
        let [i, j, _] = study.volume.grid().spacing_mm();
        assert!(i == 1.0 && (j - height).abs() < 1e-12, "{ratio}");
        assert_eq!((study.volume.placement, codes(&study)), (Placement::Pixels, vec![DoubtCode::PixelUnits]));
        assert_eq!(study.doubts[0].text.contains("as high as wide"), height != 1.0);
    };
    check("4\\3", 4.0 / 3.0);
    check("1\\2", 0.5);
    check("1\\1", 1.0);
    check("0\\1", 1.0);
    check("1", 1.0);
}

#[test]
fn what_differs_in_kind_is_split() {
    let check = |change: fn(DicomFile) -> DicomFile, what: &str| {
        let mut files = vec![DicomFile::slice(0, 0.0), DicomFile::slice(1, 2.0), DicomFile::slice(2, 4.0)];
        files.push(change(DicomFile::slice(3, 6.0)));
        let dims: Vec<_> = studies(&files).iter().map(|study| study.volume.grid().dims()[2]).collect();
        assert_eq!(dims, [3, 1], "{what}");
    };
    check(|file| file.text(ORIENTATION, "DS", "0\\1\\0\\0\\0\\-1"), "a localizer");
    check(|file| file.text(ORIENTATION, "DS", "1\\0\\0\\0\\0.9998\\0.02"), "a turn by a degree");
    check(|file| file.text(PIXEL_SPACING, "DS", "0.75\\0.51"), "another spacing");
    check(|file| file.text(ECHO_TIME, "DS", "90"), "another echo");
    check(|file| file.text(IMAGE_TYPE, "CS", "DERIVED\\SECONDARY"), "another image type");
    check(|file| file.text(FRAME_OF_REFERENCE, "UI", "1.2.3.6"), "another frame of reference");
    check(|file| file.text(SERIES_UID, "UI", "1.2.3.9"), "another series");
    check(|file| file.word(ROWS, 2), "another matrix");
}

#[test]
fn a_copy_is_left_out_and_told() {
    let files = [DicomFile::slice(0, 0.0), DicomFile::slice(1, 2.0), DicomFile::slice(1, 2.0)];
    let study = study(&files);
    assert_eq!(numbers(&study), [0.0, 1.0]);
    assert_eq!(codes(&study), [DoubtCode::LeftOut]);
}

#[test]
fn stored_bits_become_samples() {
    let check = |stored: u16, high: u16, signed: u16, padding: Option<u16>, word: u16, expected: f64| {
        let mut file = DicomFile::slice(0, 0.0).text(SLICE_THICKNESS, "DS", "2");
        file = file.word(BITS_STORED, stored).word(HIGH_BIT, high).word(PIXEL_REPRESENTATION, signed);
        if let Some(padding) = padding {
            file = file.word(PADDING, padding);
        }
        let study = study(&[file.words(&[word; 12]).text(INTERCEPT, "DS", "0")]);
        let expected_type = if signed == 1 { SampleType::I16 } else { SampleType::U16 };
        assert_eq!(study.volume.sample_type(), expected_type);
        let value = study.volume.value(VoxelIndex::new(2, 2, 0), 0);
        assert_eq!(value, expected, "{stored} bits to {high}, signed {signed}: {word:#06x}");
    };
    check(16, 15, 0, None, 0xffff, 65535.0);
    check(16, 15, 1, None, 0xffff, -1.0);
    check(12, 11, 0, None, 0x0fff, 4095.0);
    check(12, 11, 1, None, 0x0fff, -1.0);
    check(12, 11, 1, None, 0x0800, -2048.0);
    // Bits above the stored ones may hold an old overlay.
    check(12, 11, 0, None, 0xf123, 0x123.into());
    check(12, 15, 0, None, 0x123f, 0x123.into());
    check(12, 15, 1, None, 0xfff0, -1.0);
    check(9, 8, 1, None, 0x0100, -256.0);
    // Padding outside the stored bits is not mangled into a value inside.
    check(12, 11, 0, Some(0xf830), 0xf830, 0xf830.into());
    check(12, 11, 1, Some(0xf830), 0xf830, -2000.0);
}

#[test]
fn bytes_are_samples_too() {
    let check = |signed: u16, stored: u16, byte: u8, expected: f64| {
        let file = DicomFile::slice(0, 0.0)
            .word(BITS_ALLOCATED, 8)
            .word(BITS_STORED, stored)
            .word(HIGH_BIT, stored - 1);
        let file = file.word(PIXEL_REPRESENTATION, signed).bytes(PIXEL_DATA, "OB", &[byte; 12]);
        let volume = study(&[file.text(INTERCEPT, "DS", "0")]).volume;
        assert_eq!(volume.value(VoxelIndex::new(0, 0, 0), 0), expected);
    };
    check(0, 8, 200, 200.0);
    check(1, 8, 200, -56.0);
    check(1, 7, 0x40, -64.0);
    check(0, 6, 0xff, 63.0);
}

#[test]
fn colours_come_out_red_green_blue() {
    let colour = |photometric: &str, planar: u16, bytes: &[u8]| {
        let file = DicomFile::slice(0, 0.0).word(ROWS, 1).word(COLUMNS, 2).word(SAMPLES_PER_PIXEL, 3);
        let file = file.word(BITS_ALLOCATED, 8).word(BITS_STORED, 8).word(HIGH_BIT, 7);
        file.text(PHOTOMETRIC, "CS", photometric)
            .word((0x0028, 0x0006), planar)
            .bytes(PIXEL_DATA, "OB", bytes)
    };
    let check = |photometric, planar, bytes: &[u8], expected: [u8; 6]| {
        let volume = study(&[colour(photometric, planar, bytes)]).volume;
        assert_eq!(volume.sample_type(), SampleType::Rgb8);
        assert_eq!(volume.samples().bytes(), expected, "{photometric}");
    };
    check("RGB", 0, &[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]);
    check("RGB", 1, &[1, 4, 2, 5, 3, 6], [1, 2, 3, 4, 5, 6]);
    check("YBR_FULL", 0, &[76, 85, 255, 100, 128, 128], [254, 0, 0, 100, 100, 100]);
    check("YBR_FULL_422", 0, &[50, 100, 128, 128], [50, 50, 50, 100, 100, 100]);
}

#[test]
fn inverted_grey_keeps_its_values_and_says_so() {
    let volume = study(&[DicomFile::slice(0, 0.0).text(PHOTOMETRIC, "CS", "MONOCHROME1")]).volume;
    assert!(volume.shown_inverted);
    assert_eq!(volume.value(VoxelIndex::new(1, 0, 0), 0), 1.0 - 1024.0);
}

#[test]
fn a_rescale_of_each_slice_is_applied_to_it() {
    let files: Vec<_> =
        (0..3u16).map(|n| DicomFile::slice(n, n.into()).text(SLOPE, "DS", &format!("{}.5", n))).collect();
    let study = study(&files);
    assert_eq!(study.volume.sample_type(), SampleType::F32);
    assert_eq!(codes(&study), [DoubtCode::RescalePerSlice]);
    for (k, slope) in [0.5, 1.5, 2.5].into_iter().enumerate() {
        let value = study.volume.value(VoxelIndex::new(1, 0, k), 0);
        assert_eq!(value, slope * (100.0 * k as f64 + 1.0) - 1024.0);
    }
}

#[test]
fn what_is_known_of_a_single_picture_is_claimed_and_no_more() {
    let check = |file: DicomFile, placement: Placement, spacing: [f64; 3], expected: &[DoubtCode]| {
        let study = study(&[file]);
        assert_eq!(study.volume.placement, placement);
        assert_eq!(study.volume.grid().spacing_mm(), spacing);
        assert_eq!(codes(&study), expected);
    };
    let slice = DicomFile::slice(0, 0.0);
    let thick = slice.clone().text(SLICE_THICKNESS, "DS", "3");
    check(thick.clone(), Placement::Patient, [0.5, 0.75, 3.0], &[DoubtCode::AssumedDepth]);
    check(thick.text((0x0018, 0x0088), "DS", "4"), Placement::Patient, [0.5, 0.75, 4.0], &[]);
    check(slice.clone(), Placement::Patient, [0.5, 0.75, 1.0], &[DoubtCode::AssumedDepth]);
    let unplaced = slice.without(POSITION);
    check(unplaced.clone(), Placement::Scaled, [0.5, 0.75, 1.0], &[DoubtCode::NoOrientation]);
    check(unplaced.clone().without(PIXEL_SPACING), Placement::Pixels, [1.0; 3], &[DoubtCode::PixelUnits]);
    let nameless = unplaced.without(PIXEL_SPACING).without(SERIES_UID);
    check(nameless, Placement::Pixels, [1.0; 3], &[DoubtCode::PixelUnits, DoubtCode::MissingIdentifiers]);
}

#[test]
fn sides_that_are_stated_without_a_place_are_those_of_the_picture() {
    let check = |file: DicomFile, stated: &str, expected: Option<[&str; 2]>| {
        let volume = study(&[file.text((0x0020, 0x0020), "CS", stated)]).volume;
        assert_eq!(volume.stated_sides, expected.map(|sides| sides.map(str::to_owned)), "{stated}");
    };
    let unplaced =
        || DicomFile::slice(0, 0.0).without(POSITION).without(ORIENTATION).text(MODALITY, "CS", "DX");
    check(unplaced(), "L\\F", Some(["L", "F"]));
    check(unplaced(), "A\\FR", Some(["A", "FR"]));
    for wrong in ["L", "L\\", "LE\\V", "L\\F\\H"] {
        check(unplaced(), wrong, None);
    }
    check(DicomFile::slice(0, 0.0), "L\\F", None);
    use annotomy::geometry::Direction::{Anterior, Left, Posterior, Right, Superior};
    let letters = [Left, Right, Posterior, Anterior, Superior];
    let letters = letters.map(|edge| edge.of_stated(&["A".to_owned(), "FR".to_owned()]));
    assert_eq!(letters, ["A", "P", "FR", "HL", ""]);
}

#[test]
fn what_is_not_stated_of_a_place_is_what_is_told() {
    let check = |file: DicomFile, words: &str| {
        let study = study(&[file.text(MODALITY, "CS", "DX")]);
        let told = study.doubts.iter().find(|doubt| doubt.code == DoubtCode::NoOrientation);
        assert!(told.is_some_and(|doubt| doubt.text.contains(words)), "{words}: {:?}", study.doubts);
    };
    let slice = || DicomFile::slice(0, 0.0);
    check(slice().without(POSITION).without(ORIENTATION), "neither position nor direction");
    check(slice().without(POSITION), "no position, only directions");
    check(slice().without(ORIENTATION), "no directions, only a position");
}

#[test]
fn descriptions_are_read_in_their_character_set() {
    let check = |set: &str, bytes: &[u8], expected: &str| {
        let file =
            DicomFile::slice(0, 0.0).text(CHARACTER_SET, "CS", set).bytes(SERIES_DESCRIPTION, "LO", bytes);
        assert_eq!(study(&[file]).series.description, expected);
    };
    check("ISO_IR 100", b"Sch\xe4del", "Schädel");
    check("ISO_IR 192", "頭部 CT".as_bytes(), "頭部 CT");
    check("ISO_IR 144", b"\xb3\xde\xdb\xde\xd2\xd0", "Голова");
    check("\\ISO 2022 IR 87", b"\x1b$B;3ED\x1b(B", "山田");
    check("", b"Head", "Head");
}

#[test]
fn other_writings_of_the_same_file_open_the_same() {
    let explicit = DicomFile::slice(0, 0.0).text(SLICE_THICKNESS, "DS", "2");
    let whole = explicit.to_bytes();
    let start = whole.len() - explicit.dataset().len();
    let mut head = explicit.clone().written_as("1.2.840.10008.1.2.1.99").to_bytes();
    head.truncate(head.len() - explicit.dataset().len());
    let mut encoder = flate2::write::DeflateEncoder::new(head, flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, &explicit.dataset()).expect("into memory");
    let named_wrongly = explicit.clone().written_as("1.2.840.10008.1.2");
    let writings = [
        ("as it is", whole.clone()),
        ("without preamble", whole[132..].to_vec()),
        ("without preamble and meta information", whole[start..].to_vec()),
        ("deflated", encoder.finish().expect("into memory")),
        ("with bytes after its end", [&whole[..], &[0; 100]].concat()),
        ("named implicit and written explicit", named_wrongly.to_bytes()),
    ];
    for (what, bytes) in writings {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("IM0");
        std::fs::write(&path, bytes).expect("written");
        let scan = format::scan(&path, &Silent).expect(what);
        let study = format::load(&scan.series[0], &Silent).expect(what);
        assert_eq!(study.volume.value(VoxelIndex::new(3, 2, 0), 0), 11.0 - 1024.0, "{what}");
        assert_eq!(study.volume.grid().spacing_mm(), [0.5, 0.75, 2.0], "{what}");
    }
}

#[test]
fn broken_and_foreign_files_are_refused_by_name() {
    let slice = DicomFile::slice(0, 0.0);
    let check = |what: &str, bytes: &[u8], code: RefusalCode| {
        let refusal = refusal_of(bytes).unwrap_or_else(|| panic!("{what} opened"));
        assert_eq!(refusal.code, code, "{what}: {refusal}");
    };
    let whole = slice.to_bytes();
    check("cut in the pixels", &whole[..whole.len() - 1], RefusalCode::Truncated);
    check("cut in the header", &whole[..300], RefusalCode::Truncated);
    check("cut after the preamble", &whole[..132], RefusalCode::NotAnImage);
    check("empty", &[], RefusalCode::NotAnImage);
    check("a text", b"Dear colleague, thank you for referring", RefusalCode::NotAnImage);
    check("too few pixels", &slice.clone().words(&[1; 11]).to_bytes(), RefusalCode::Inconsistent);
    check("no pixels", &slice.clone().without(PIXEL_DATA).to_bytes(), RefusalCode::UnsupportedObject);
    check("no rows", &slice.clone().without(ROWS).to_bytes(), RefusalCode::Inconsistent);
    check("zero columns", &slice.clone().word(COLUMNS, 0).to_bytes(), RefusalCode::Inconsistent);
    check(
        "huge",
        &slice.clone().word(ROWS, 65535).word(COLUMNS, 65535).to_bytes(),
        RefusalCode::Inconsistent,
    );
    check("20 bits stored", &slice.clone().word(BITS_STORED, 20).to_bytes(), RefusalCode::Inconsistent);
    check("24 bits", &slice.clone().word(BITS_ALLOCATED, 24).to_bytes(), RefusalCode::UnsupportedType);
    check(
        "a palette without one",
        &slice.clone().text(PHOTOMETRIC, "CS", "PALETTE COLOR").to_bytes(),
        RefusalCode::Inconsistent,
    );
    for photometric in ["ARGB", "CMYK", "HSV", "YBR_PARTIAL_420"] {
        let file = slice.clone().text(PHOTOMETRIC, "CS", photometric).word(SAMPLES_PER_PIXEL, 4);
        check(photometric, &file.to_bytes(), RefusalCode::UnsupportedType);
    }
    check("frames", &slice.clone().text(FRAMES, "IS", "3").to_bytes(), RefusalCode::UnsupportedObject);
    let of_class = |uid: &str| slice.clone().text((0x0008, 0x0016), "UI", uid).to_bytes();
    check("a segmentation", &of_class("1.2.840.10008.5.1.4.1.1.66.4"), RefusalCode::UnsupportedObject);
    let written_as = |syntax: &str| slice.clone().written_as(syntax).to_bytes();
    let retired = refusal_of(&written_as("1.2.840.10008.1.2.4.55")).expect("refused").to_string();
    assert!(retired.contains("progressive JPEG") && retired.contains("convert"), "{retired}");
    for syntax in ["1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55", "1.2.840.10008.1.2.4.100", "1.2.3.4"] {
        check(syntax, &written_as(syntax), RefusalCode::UnsupportedTransferSyntax);
    }
    check("not the JPEG it says", &written_as("1.2.840.10008.1.2.4.70"), RefusalCode::Inconsistent);
}

#[test]
fn nesting_and_lengths_that_lie_end_in_a_refusal() {
    // Undefined lengths all the way down: a parser that calls itself would end the process.
    let mut bomb = DicomFile::slice(0, 0.0).without(PIXEL_DATA).to_bytes();
    for _ in 0..200_000 {
        bomb.extend([0x40, 0x00, 0x75, 0x02, b'S', b'Q', 0, 0, 0xff, 0xff, 0xff, 0xff]);
        bomb.extend([0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff]);
    }
    assert_eq!(refusal_of(&bomb).map(|refusal| refusal.code), Some(RefusalCode::Inconsistent));
    // Four gigabytes in one element.
    let mut liar = DicomFile::slice(0, 0.0).without(PIXEL_DATA).to_bytes();
    liar.extend([0x70, 0x00, 0x01, 0x00, b'O', b'B', 0, 0, 0xfe, 0xff, 0xff, 0xff]);
    assert_eq!(refusal_of(&liar).map(|refusal| refusal.code), Some(RefusalCode::Truncated));
}

#[test]
fn a_few_compressed_bytes_cannot_ask_for_gigabytes() {
    let fragments =
        [&[0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0][..], &[0xfe, 0xff, 0x00, 0xe0, 80, 0, 0, 0], &[0; 80]];
    let huge = DicomFile::slice(0, 0.0).word(ROWS, 65535).word(COLUMNS, 65535).without(PIXEL_DATA);
    for syntax in ["1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.90"] {
        let mut bytes = huge.clone().written_as(syntax).to_bytes();
        bytes.extend([0xe0, 0x7f, 0x10, 0x00, b'O', b'B', 0, 0, 0xff, 0xff, 0xff, 0xff]);
        bytes.extend(fragments.concat());
        assert_eq!(
            refusal_of(&bytes).map(|refusal| refusal.code),
            Some(RefusalCode::Inconsistent),
            "{syntax}"
        );
    }
}

#[test]
fn no_cut_and_no_flipped_byte_brings_the_reader_down() {
    let whole = DicomFile::slice(0, 0.0).to_bytes();
    for cut in (0..whole.len()).step_by(7) {
        refusal_of(&whole[..cut]);
    }
    for place in (128..whole.len() - 24).step_by(3) {
        for byte in [0x00, 0xff] {
            let mut bytes = whole.clone();
            bytes[place] = byte;
            refusal_of(&bytes);
        }
    }
}

#[test]
#[cfg(unix)]
fn a_dicomdir_does_not_lead_out_of_its_folder() {
    let outside = folder_of(&[DicomFile::slice(0, 0.0)]);
    let folder = folder_of(&[DicomFile::slice(1, 2.0)]);
    std::os::unix::fs::symlink(outside.path().join("IM000"), folder.path().join("LINK")).expect("a link");
    std::os::unix::fs::symlink(outside.path(), folder.path().join("AWAY")).expect("a link");
    std::fs::create_dir(folder.path().join("DIR")).expect("a folder");
    let record = |file: &str| DicomFile::item().text((0x0004, 0x1500), "CS", file);
    let names = ["IM000", "LINK", "AWAY\\IM000", "..\\IM000", "/etc/passwd", "DIR", "GONE"];
    let directory = DicomFile::item().sequence((0x0004, 0x1220), &names.map(record));
    let directory = directory.text((0x0008, 0x0016), "UI", "1.2.840.10008.1.3.10");
    std::fs::write(folder.path().join("DICOMDIR"), directory.to_bytes()).expect("written");
    let scan = format::scan(&folder.path().join("DICOMDIR"), &Silent).expect("a directory");
    assert_eq!(scan.series.iter().map(|series| series.source.files().len()).collect::<Vec<_>>(), [1]);
    let mut codes: Vec<_> = scan.refused.iter().map(|refusal| refusal.code).collect();
    codes.sort();
    use RefusalCode::{Inconsistent, NotAnImage, Unreadable};
    assert_eq!(codes, [Unreadable, NotAnImage, Inconsistent, Inconsistent, Inconsistent, Inconsistent]);
}

#[test]
fn a_file_that_changed_since_it_was_listed_is_not_read() {
    let folder = folder_of(&[DicomFile::slice(0, 0.0)]);
    let scan = format::scan(folder.path(), &Silent).expect("a study");
    let other = DicomFile::slice(0, 0.0).text(SERIES_DESCRIPTION, "LO", "other").to_bytes();
    std::fs::write(folder.path().join("IM000"), other).expect("written");
    let refusal = format::load(&scan.series[0], &Silent).expect_err("changed");
    assert_eq!(refusal.code, RefusalCode::Inconsistent);
}
