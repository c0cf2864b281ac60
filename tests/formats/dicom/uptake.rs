//! Standardised uptake values, and why there are none.

use annotomy::format::DoubtCode;
use annotomy::geometry::VoxelIndex;

use super::file::*;

const TRACER: Tag = (0x0054, 0x0016);

/// A PET slice of a patient of 70 kg, injected with 350 MBq of fluorine-18 an hour before.
fn pet() -> DicomFile {
    let tracer = DicomFile::item()
        .text((0x0018, 0x1072), "TM", "090000.00")
        .text((0x0018, 0x1074), "DS", "350000000")
        .text((0x0018, 0x1075), "DS", "6586.2");
    DicomFile::slice(0, 0.0)
        .text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.128")
        .text((0x0008, 0x0060), "CS", "PT")
        .text(INTERCEPT, "DS", "0")
        .text((0x0008, 0x0021), "DA", "20240229")
        .text((0x0008, 0x0031), "TM", "100000")
        .text((0x0008, 0x0022), "DA", "20240229")
        .text((0x0008, 0x0032), "TM", "1002")
        .text((0x0010, 0x1030), "DS", "70")
        .text((0x0028, 0x0051), "CS", "NORM\\DECY\\ATTN")
        .text((0x0054, 0x1001), "CS", "BQML")
        .text((0x0054, 0x1102), "CS", "START")
        .sequence(TRACER, &[tracer])
}

/// The file's factor, and that values stay what they are without it.
fn check(what: &str, file: DicomFile, expected: Option<f64>) {
    let study = study(&[file]);
    match (study.volume.suv_factor, expected) {
        (Some(found), Some(expected)) => {
            assert!((found / expected - 1.0).abs() < 1e-12, "{what}: {found}")
        }
        (found, expected) => assert_eq!(found, expected, "{what}"),
    }
    let told = study.doubts.iter().any(|doubt| doubt.code == DoubtCode::NoSuv);
    assert_eq!(told, expected.is_none(), "{what}: {:?}", study.doubts);
    assert_eq!(study.volume.value(VoxelIndex::new(1, 0, 0), 0), 1.0, "{what}: values stay");
}

/// The factor of [`pet`] where decay is corrected to so many seconds after the injection.
fn after(seconds: f64) -> Option<f64> {
    Some(70_000.0 / (350e6 * (-seconds / 6586.2f64).exp2()))
}

#[test]
fn uptake_is_told_where_the_header_allows_it() {
    check("an hour after", pet(), after(3600.0));
    check("from the injection", pet().text((0x0054, 0x1102), "CS", "ADMIN"), after(0.0));
    check("computed later", pet().text((0x0008, 0x0031), "TM", "173000"), after(3720.0));
    check("past midnight", pet().text((0x0008, 0x0031), "TM", "003000"), after(55_800.0));
    check("before the injection", pet().text((0x0008, 0x0031), "TM", "080000"), None);
    check("a weight in tonnes", pet().text((0x0010, 0x1030), "DS", "0.07"), None);
    check("in g/mL", pet().text((0x0054, 0x1001), "CS", "GML"), Some(1.0));
    let lean = pet().text((0x0054, 0x1001), "CS", "GML").text((0x0054, 0x1006), "CS", "LBM");
    check("by lean mass", lean, None);
    let counts = pet().text((0x0054, 0x1001), "CS", "CNTS");
    check("counts", counts.clone(), None);
    let creator = counts.text((0x7053, 0x0010), "LO", "Philips PET Private Group");
    check("counts by Philips", creator.text((0x7053, 0x1000), "DS", "0.000551"), Some(0.000551));
    check("no weight", pet().without((0x0010, 0x1030)), None);
    check("weight 0", pet().text((0x0010, 0x1030), "DS", "0"), None);
    check("no tracer", pet().without(TRACER), None);
    check("not corrected", pet().text((0x0028, 0x0051), "CS", "NORM\\ATTN"), None);
    check("not to the start", pet().text((0x0054, 0x1102), "CS", "NONE"), None);
    let of_dose = |dose: &str, moment: &str| {
        let tracer = DicomFile::item()
            .text((0x0018, 0x1074), "DS", dose)
            .text((0x0018, 0x1075), "DS", "6586.2")
            .text((0x0018, 0x1078), "DT", moment);
        pet().sequence(TRACER, &[tracer])
    };
    check("a full moment", of_dose("350000000", "20240228233000.5+0100"), after(37_799.5));
    check("megabecquerels", of_dose("350", "20240229090000"), None);
    check("after the scan", of_dose("350000000", "20240229120000"), None);
    check("days before", of_dose("350000000", "20240220120000"), None);
}

/// What a frame's stored samples are in a unit, times a slope.
fn mapping(unit: &str, slope: f64, intercept: f64) -> DicomFile {
    DicomFile::item()
        .double((0x0040, 0x9224), intercept)
        .double((0x0040, 0x9225), slope)
        .sequence((0x0040, 0x08ea), &[DicomFile::item().text((0x0008, 0x0100), "SH", unit)])
}

/// The scan of [`pet`] as an object of one frame for each of the mappings, whose decay is corrected to an
/// hour after the injection.
fn enhanced(mappings: &[DicomFile]) -> DicomFile {
    let tracer = DicomFile::item()
        .text((0x0018, 0x1074), "DS", "350")
        .text((0x0018, 0x1075), "DS", "6586.2")
        .text((0x0018, 0x1078), "DT", "20240229090000");
    let frame = |(n, mapping): (usize, &DicomFile)| {
        let place = DicomFile::item().text(POSITION, "DS", &format!("-10\\20\\{n}"));
        let rescale = DicomFile::item().text(SLOPE, "DS", "1").text(INTERCEPT, "DS", "0");
        DicomFile::item()
            .sequence((0x0020, 0x9113), &[place])
            .sequence((0x0028, 0x9145), &[rescale])
            .sequence((0x0040, 0x9096), std::slice::from_ref(mapping))
    };
    let per_frame = (0..(COLUMN_COUNT * ROW_COUNT) as u16).cycle();
    let pixels: Vec<u16> = per_frame.take(COLUMN_COUNT * ROW_COUNT * mappings.len()).collect();
    converted(&pixels, &mappings.iter().enumerate().map(frame).collect::<Vec<_>>(), DicomFile::item())
        .text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.130")
        .text((0x0010, 0x1030), "DS", "70")
        .text((0x0018, 0x9701), "DT", "20240229100000")
        .text((0x0018, 0x9758), "CS", "YES")
        .text((0x0018, 0x9759), "CS", "YES")
        .sequence(TRACER, &[tracer])
}

/// A PET object of some frames, with what it says of all of them beside their direction and size.
fn converted(pixels: &[u16], frames: &[DicomFile], shared: DicomFile) -> DicomFile {
    DicomFile::of_frames(pixels, frames, shared)
        .text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.128.1")
        .text((0x0008, 0x0060), "CS", "PT")
}

#[test]
fn uptake_of_enhanced_objects_is_that_at_their_decay_correction() {
    let activity = mapping("Bq/ml", 1.0, 0.0);
    let whole = || enhanced(&[activity.clone(), activity.clone()]);
    check("an hour after", whole(), after(3600.0));
    check("to the injection", whole().text((0x0018, 0x9701), "DT", "20240229090000"), after(0.0));
    let thousands = after(3600.0).map(|factor| factor * 1000.0);
    check("in thousands", enhanced(&[mapping("Bq/ml", 1000.0, 0.0)]), thousands);
    check("as uptake", enhanced(&[mapping("{SUVbw}g/ml", 0.25, 0.0)]), Some(0.25));
    check("as it was once written", enhanced(&[mapping("g/ml{SUVbw}", 0.25, 0.0)]), Some(0.25));
    check("uptake by lean mass", enhanced(&[mapping("{SUVlbm}g/ml", 0.25, 0.0)]), None);
    check("counts", enhanced(&[mapping("{counts}", 1.0, 0.0)]), None);
    check("not proportional", enhanced(&[mapping("Bq/ml", 1.0, 5.0)]), None);
    check("from frame to frame", enhanced(&[activity.clone(), mapping("Bq/ml", 2.0, 0.0)]), None);
    check("decay not corrected", whole().text((0x0018, 0x9758), "CS", "NO"), None);
    check("attenuation not corrected", whole().text((0x0018, 0x9759), "CS", "NO"), None);
    check("to no moment", whole().without((0x0018, 0x9701)), None);
    check("to a moment before", whole().text((0x0018, 0x9701), "DT", "20240229080000"), None);
    check("no weight", whole().without((0x0010, 0x1030)), None);
    check("no tracer", whole().without(TRACER), None);
    let of_dose = |dose: &str| {
        let tracer = DicomFile::item()
            .text((0x0018, 0x1074), "DS", dose)
            .text((0x0018, 0x1075), "DS", "6586.2")
            .text((0x0018, 0x1078), "DT", "20240229090000");
        whole().sequence(TRACER, &[tracer])
    };
    check("half the dose", of_dose("175"), after(3600.0).map(|factor| factor * 2.0));
    check("becquerels", of_dose("350000000"), None);
}

#[test]
fn uptake_of_converted_slices_is_what_they_said() {
    // What all slices said and the object has no place for, and when its frame was begun.
    let slice = pet().without(PIXEL_DATA).without(INTERCEPT).without(SLOPE);
    let of = |unassigned: DicomFile, begun: &str| {
        let place = DicomFile::item().text(POSITION, "DS", "-10\\20\\0");
        let content = DicomFile::item().text((0x0018, 0x9074), "DT", begun);
        let frame =
            DicomFile::item().sequence((0x0020, 0x9113), &[place]).sequence((0x0020, 0x9111), &[content]);
        let shared = DicomFile::item().sequence((0x0020, 0x9170), &[unassigned]);
        let pixels: Vec<u16> = (0..(COLUMN_COUNT * ROW_COUNT) as u16).collect();
        converted(&pixels, &[frame], shared)
    };
    check("an hour after", of(slice.clone(), "20240229100200"), after(3600.0));
    let later = slice.clone().text((0x0008, 0x0031), "TM", "173000");
    check("computed later", of(later, "20240229100200"), after(3720.0));
    check("no unit", of(slice.clone().without((0x0054, 0x1001)), "20240229100200"), None);
    check("counts", of(slice.text((0x0054, 0x1001), "CS", "CNTS"), "20240229100200"), None);
}
