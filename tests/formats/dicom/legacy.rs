//! Objects of several frames from before functional groups, and where their millimetres hold.

use annotomy::format::{DoubtCode, RefusalCode, Study};
use annotomy::geometry::VoxelIndex;
use annotomy::volume::{Placement, TimeKind};

use super::file::*;

const SOP_CLASS: Tag = (0x0008, 0x0016);
const MODALITY: Tag = (0x0008, 0x0060);
const POINTER: Tag = (0x0028, 0x0009);
const IMAGER_SPACING: Tag = (0x0018, 0x1164);
const FRAME_TIME: Tag = (0x0018, 0x1063);
const SPACING_BETWEEN: Tag = (0x0018, 0x0088);

/// A file of several frames; the samples of frame n are 100 n + 0, 1, 2 …
fn frames(sop_class: &str, count: u16) -> DicomFile {
    let per_frame = (COLUMN_COUNT * ROW_COUNT) as u16;
    let pixels: Vec<u16> =
        (0..count).flat_map(|n| (0..per_frame).map(move |place| 100 * n + place)).collect();
    let file = DicomFile::slice(0, 0.0).text(SOP_CLASS, "UI", sop_class).without(SLOPE).without(INTERCEPT);
    file.text(FRAMES, "IS", &count.to_string()).words(&pixels)
}

fn words(file: DicomFile, tag: Tag, words: &[u16]) -> DicomFile {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    file.bytes(tag, "US", &bytes)
}

fn pointing(file: DicomFile, tags: &[Tag]) -> DicomFile {
    let bytes: Vec<u8> = tags.iter().flat_map(|(g, e)| [g.to_le_bytes(), e.to_le_bytes()].concat()).collect();
    file.bytes(POINTER, "AT", &bytes)
}

/// Frames by place and time, and the z of each place.
fn shape(study: &Study) -> (Vec<f64>, Vec<f64>) {
    let volume = &study.volume;
    let [_, _, slices] = volume.grid().dims();
    let all = (0..volume.times()).flat_map(|time| (0..slices).map(move |k| (k, time)));
    let value = |(k, time)| volume.value(VoxelIndex::new(0, 0, k), time) / 100.0 / volume.rescale().slope;
    let z = |k| volume.grid().centre_of(VoxelIndex::new(0, 0, k)).z();
    (all.map(value).map(f64::round).collect(), (0..slices).map(z).collect())
}

const DOSE: &str = "1.2.840.10008.5.1.4.1.1.481.2";

#[test]
fn a_dose_grid_lies_where_its_offsets_say() {
    let check = |orientation: &str, z: f64, offsets: &str, expected: (&[f64], &[f64])| {
        let file = frames(DOSE, 3)
            .text(MODALITY, "CS", "RTDOSE")
            .text(ORIENTATION, "DS", orientation)
            .text(POSITION, "DS", &format!("-10\\20\\{z}"))
            .text((0x3004, 0x000c), "DS", offsets)
            .text((0x3004, 0x000e), "DS", "0.01")
            .text((0x3004, 0x0002), "CS", "GY");
        let study = study(&[file]);
        let (numbers, heights) = shape(&study);
        assert_eq!((&numbers[..], &heights[..]), expected, "{offsets}");
        assert_eq!(study.volume.unit.as_deref(), Some("GY"));
        assert!((study.volume.value(VoxelIndex::new(1, 0, 1), 0) - 1.01).abs() < 1e-9);
        assert_eq!(study.doubts, []);
    };
    let across = "1\\0\\0\\0\\1\\0";
    check(across, 5.0, "0\\2.5\\5", (&[0.0, 1.0, 2.0], &[5.0, 7.5, 10.0]));
    check(across, 5.0, "0\\-2.5\\-5", (&[2.0, 1.0, 0.0], &[0.0, 2.5, 5.0]));
    check(across, 5.0, "5\\7.5\\10", (&[0.0, 1.0, 2.0], &[5.0, 7.5, 10.0]));
    // With the normal to the feet, distances run along it and k with it.
    check("1\\0\\0\\0\\-1\\0", 5.0, "0\\2.5\\5", (&[0.0, 1.0, 2.0], &[5.0, 2.5, 0.0]));
    check("1\\0\\0\\0\\-1\\0", 5.0, "5\\2.5\\0", (&[0.0, 1.0, 2.0], &[5.0, 2.5, 0.0]));
    let refused = |offsets: &str| {
        let file = frames(DOSE, 3).text((0x3004, 0x000c), "DS", offsets);
        assert_eq!(refusal_of(&file.to_bytes()).map(|r| r.code), Some(RefusalCode::UnsupportedObject));
    };
    refused("0\\2");
    refused("7\\8\\9");
}

const NUCLEAR: &str = "1.2.840.10008.5.1.4.1.1.20";
const SLICE_VECTOR: Tag = (0x0054, 0x0080);
const TIME_SLOT_VECTOR: Tag = (0x0054, 0x0070);
const DETECTOR_VECTOR: Tag = (0x0054, 0x0020);

fn nuclear(count: u16, kind: &str) -> DicomFile {
    let detector =
        DicomFile::item().text(POSITION, "DS", "-10\\20\\5").text(ORIENTATION, "DS", "1\\0\\0\\0\\1\\0");
    frames(NUCLEAR, count)
        .without(POSITION)
        .without(ORIENTATION)
        .text(MODALITY, "CS", "NM")
        .text(IMAGE_TYPE, "CS", &format!("ORIGINAL\\PRIMARY\\{kind}\\EMISSION"))
        .sequence((0x0054, 0x0022), &[detector])
}

#[test]
fn nuclear_slices_stack_along_the_normal_of_their_detector() {
    let check = |apart: &str, slices: &[u16], expected: (&[f64], &[f64])| {
        let file = nuclear(slices.len() as u16, "RECON TOMO").text(SPACING_BETWEEN, "DS", apart);
        let file = pointing(words(file, SLICE_VECTOR, slices), &[SLICE_VECTOR]);
        let (numbers, heights) = shape(&study(&[file]));
        assert_eq!((&numbers[..], &heights[..]), expected, "{slices:?} at {apart}");
    };
    check("4", &[1, 2, 3], (&[0.0, 1.0, 2.0], &[5.0, 9.0, 13.0]));
    check("-4", &[1, 2, 3], (&[2.0, 1.0, 0.0], &[-3.0, 1.0, 5.0]));
    check("4", &[3, 1, 2], (&[1.0, 2.0, 0.0], &[5.0, 9.0, 13.0]));

    let gated = nuclear(4, "RECON GATED TOMO").text(SPACING_BETWEEN, "DS", "4");
    let gated = words(words(gated, SLICE_VECTOR, &[1, 2, 1, 2]), TIME_SLOT_VECTOR, &[2, 2, 1, 1]);
    let study = study(&[pointing(gated, &[TIME_SLOT_VECTOR, SLICE_VECTOR])]);
    assert_eq!((study.volume.times(), shape(&study)), (2, (vec![2.0, 3.0, 0.0, 1.0], vec![5.0, 9.0])));
}

#[test]
fn nuclear_frames_that_are_no_slices_claim_no_volume() {
    let dynamic = words(nuclear(4, "DYNAMIC"), DETECTOR_VECTOR, &[1, 2, 1, 2]);
    let dynamic = words(dynamic, (0x0054, 0x0100), &[1, 1, 2, 2]);
    let parts = studies(&[pointing(dynamic, &[DETECTOR_VECTOR, (0x0054, 0x0100)])]);
    let told: Vec<_> = parts.iter().map(|part| (part.volume.grid().dims()[2], part.volume.times())).collect();
    assert_eq!(told, [(1, 2), (1, 2)], "one for each detector");
    assert!(parts.iter().all(|part| part.volume.placement == Placement::Scaled));
    let refused = |file: DicomFile| {
        assert_eq!(refusal_of(&file.to_bytes()).map(|r| r.code), Some(RefusalCode::UnsupportedObject));
    };
    refused(nuclear(3, "RECON TOMO"));
    refused(pointing(words(nuclear(3, "RECON TOMO"), SLICE_VECTOR, &[1, 2]), &[SLICE_VECTOR]));
    refused(pointing(words(nuclear(3, "RECON TOMO"), SLICE_VECTOR, &[1, 2, 3]), &[SLICE_VECTOR]));
}

#[test]
fn a_cine_is_one_slice_in_time() {
    let check = |file: DicomFile, kind: TimeKind, values: &[f64]| {
        let study = study(&[file]);
        assert_eq!((study.volume.grid().dims(), study.volume.times()), ([4, 3, 1], 3));
        assert_eq!(shape(&study).0, [0.0, 1.0, 2.0]);
        let axis = study.volume.time_axis.as_ref().expect("frames");
        assert_eq!((axis.kind, &axis.values[..]), (kind, values));
    };
    let ultrasound = frames("1.2.840.10008.5.1.4.1.1.3.1", 3).without(POSITION);
    check(ultrasound.clone(), TimeKind::Frames, &[]);
    check(
        pointing(ultrasound, &[FRAME_TIME]).text(FRAME_TIME, "DS", "40"),
        TimeKind::Time,
        &[0.0, 0.04, 0.08],
    );
    let ultrasound = frames("1.2.840.10008.5.1.4.1.1.3.1", 3).without(POSITION);
    let uneven = pointing(ultrasound, &[(0x0018, 0x1065)]).text((0x0018, 0x1065), "DS", "0\\40\\25");
    check(uneven, TimeKind::Time, &[0.0, 0.04, 0.065]);
    // Also of a kind that could be slices, where the object says that it is time; and with a place.
    let mr = pointing(frames("1.2.840.10008.5.1.4.1.1.4", 3), &[FRAME_TIME]).text(FRAME_TIME, "DS", "500");
    check(mr, TimeKind::Time, &[0.0, 0.5, 1.0]);
}

#[test]
fn frames_whose_order_is_not_known_are_refused() {
    let refused = |file: DicomFile| {
        let refusal = refusal_of(&file.to_bytes()).expect("not opened");
        assert_eq!(refusal.code, RefusalCode::UnsupportedObject);
        assert!(refusal.text.contains("order in space is not known"), "{refusal}");
    };
    refused(frames("1.2.840.10008.5.1.4.1.1.2", 3));
    refused(pointing(frames("1.2.840.10008.5.1.4.1.1.7.2", 3), &[(0x0018, 0x2005)]));
}

#[test]
fn an_ultrasound_volume_has_millimetres_and_no_sides() {
    let frame = |z: f64| {
        let position: Vec<u8> = [0.0, 0.0, z].iter().flat_map(|mm: &f64| mm.to_le_bytes()).collect();
        let cosines: Vec<u8> =
            [1.0, 0.0, 0.0, 0.0, 1.0, 0.0].iter().flat_map(|mm: &f64| mm.to_le_bytes()).collect();
        DicomFile::item()
            .sequence((0x0020, 0x930e), &[DicomFile::item().bytes((0x0020, 0x9301), "FD", &position)])
            .sequence((0x0020, 0x930f), &[DicomFile::item().bytes((0x0020, 0x9302), "FD", &cosines)])
    };
    let shared = DicomFile::item()
        .sequence((0x0028, 0x9110), &[DicomFile::item().text(PIXEL_SPACING, "DS", "0.75\\0.5")]);
    let file = frames("1.2.840.10008.5.1.4.1.1.6.2", 3)
        .without(POSITION)
        .without(ORIENTATION)
        .sequence((0x5200, 0x9229), &[shared])
        .sequence((0x5200, 0x9230), &[frame(2.0), frame(0.0), frame(1.0)]);
    let study = study(&[file]);
    assert_eq!(shape(&study), (vec![1.0, 2.0, 0.0], vec![0.0, 1.0, 2.0]));
    assert_eq!(study.volume.placement, Placement::Scaled);
    assert_eq!(study.doubts[0].code, DoubtCode::NoOrientation);
}

#[test]
fn where_millimetres_hold_is_told() {
    let check = |file: DicomFile, spacing: [f64; 2], expected: &[DoubtCode], told: &str| {
        let study = study(&[file]);
        assert_eq!(study.volume.grid().spacing_mm()[..2], spacing);
        let codes: Vec<_> = study.doubts.iter().map(|doubt| doubt.code).collect();
        assert_eq!(codes, expected);
        assert!(study.doubts.iter().any(|doubt| doubt.text.contains(told)), "{:?}", study.doubts);
    };
    use DoubtCode::{AtDetector, NoOrientation, OddHeader, PixelUnits};
    let film =
        || DicomFile::slice(0, 0.0).without(POSITION).without(PIXEL_SPACING).text(MODALITY, "CS", "DX");
    let imager = || film().text(IMAGER_SPACING, "DS", "0.2\\0.1");
    check(imager(), [0.1, 0.2], &[NoOrientation, AtDetector], "at the detector");
    let magnified = imager().text((0x0018, 0x1114), "DS", "1.2");
    check(magnified, [0.1, 0.2], &[NoOrientation, AtDetector], "1.2 times as large");
    let same = imager().text(PIXEL_SPACING, "DS", "0.2\\0.1");
    check(same, [0.1, 0.2], &[NoOrientation, AtDetector], "at the detector");
    check(imager().text(PIXEL_SPACING, "DS", "0.18\\0.09"), [0.09, 0.18], &[NoOrientation], "");
    for broken in ["0\\0", "-1\\1", "nan\\1", "1"] {
        let expected = [NoOrientation, AtDetector, OddHeader];
        check(imager().text(PIXEL_SPACING, "DS", broken), [0.1, 0.2], &expected, "Imager Pixel Spacing");
        check(film().text(PIXEL_SPACING, "DS", broken), [1.0, 1.0], &[PixelUnits, OddHeader], broken);
    }
}

#[test]
fn an_ultrasound_picture_is_measured_where_all_of_it_shows_tissue() {
    let region = |format: u16, unit: u16, cm: f64| {
        let region = DicomFile::item().word((0x0018, 0x6012), format);
        let region = region.word((0x0018, 0x6024), unit).word((0x0018, 0x6026), unit);
        region.double((0x0018, 0x602c), cm).double((0x0018, 0x602e), 2.0 * cm)
    };
    let check = |regions: &[DicomFile], expected: Option<[f64; 2]>| {
        let file = frames("1.2.840.10008.5.1.4.1.1.6.1", 1).without(POSITION).without(PIXEL_SPACING);
        let study = study(&[file.sequence((0x0018, 0x6011), regions)]);
        let placement = if expected.is_some() { Placement::Scaled } else { Placement::Pixels };
        assert_eq!(study.volume.placement, placement);
        assert_eq!(study.volume.grid().spacing_mm()[..2], expected.unwrap_or([1.0; 2]));
    };
    check(&[region(1, 3, 0.05)], Some([0.5, 1.0]));
    check(&[region(1, 3, 0.05), region(1, 3, 0.05)], Some([0.5, 1.0]));
    check(&[region(1, 3, 0.05), region(1, 3, 0.06)], None);
    check(&[region(1, 3, 0.05), region(3, 4, 0.01)], None);
    check(&[region(1, 0, 0.05)], None);
    check(&[region(1, 3, 0.0)], None);
    check(&[], None);
}
