//! MetaImage headers by hand: everything a field may say, and what is made of it.

use std::io::Write;

use annotomy::format::DoubtCode::*;
use annotomy::format::{DoubtCode, RefusalCode, Silent, load, scan};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::prelude::*;

use super::{Expected, check, check_refused, counting, counting_bytes};
use crate::nifti::fixture::{gzip, on_disk};

/// 4 × 3 × 2 voxels of i16; each of `changed` takes the place of the line with its field, or is added;
/// the data file comes last.
fn header(changed: &[&str]) -> String {
    let mut lines: Vec<String> = [
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        "BinaryDataByteOrderMSB = False",
        "CompressedData = False",
        "TransformMatrix = 1 0 0 0 1 0 0 0 1",
        "Offset = 10 20 30",
        "CenterOfRotation = 0 0 0",
        "AnatomicalOrientation = RAI",
        "ElementSpacing = 2 3 4",
        "DimSize = 4 3 2",
        "ElementType = MET_SHORT",
        "ElementDataFile = LOCAL",
    ]
    .map(str::to_owned)
    .into();
    for line in changed {
        let (field, value) = line.split_once(" =").expect("a field");
        let last = lines.pop().expect("the data file");
        lines.retain(|old| old.split_once(" =").map(|(name, _)| name) != Some(field));
        if field == "ElementDataFile" {
            lines.push((*line).to_owned());
        } else {
            lines.extend((!value.is_empty()).then(|| (*line).to_owned()));
            lines.push(last);
        }
    }
    lines.join("\n") + "\n"
}

fn attached(changed: &[&str], samples: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    vec![("a.mha", [header(changed).as_bytes(), samples].concat())]
}

fn detached(changed: &[&str], files: &[(&'static str, Vec<u8>)]) -> Vec<(&'static str, Vec<u8>)> {
    [&[("a.mhd", header(changed).into_bytes())], files].concat()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

const ROWS: [[f64; 4]; 3] = [[2.0, 0.0, 0.0, 10.0], [0.0, 3.0, 0.0, 20.0], [0.0, 0.0, 4.0, 30.0]];

fn usual<'a>(values: &'a [f64], doubts: &'a [DoubtCode]) -> Expected<'a> {
    Expected { sample_type: "i16", dims: [4, 3, 2], times: 1, rows: ROWS, values, doubts }
}

#[test]
fn samples_are_found_wherever_a_header_says_they_are() {
    let samples = counting_bytes();
    let values = counting(24);
    let plain = |name: &str, files: &[(&str, Vec<u8>)]| check(name, files, &usual(&values, &[]));
    plain("local", &attached(&[], &samples));
    plain("zlib", &attached(&["CompressedData = True"], &zlib(&samples)));
    plain("gzip", &attached(&["CompressedData = True"], &gzip(&samples)));
    let big: Vec<u8> = (0..24i16).flat_map(i16::to_be_bytes).collect();
    plain("big-endian", &attached(&["BinaryDataByteOrderMSB = True"], &big));
    plain("older word", &attached(&["BinaryDataByteOrderMSB =", "ElementByteOrderMSB = True"], &big));
    let text = (0..24).map(|n| format!("{n} ")).collect::<String>().into_bytes();
    plain("text", &attached(&["BinaryData = False"], &text));
    plain("comment first", &attached(&["Comment = made by hand"], &samples));

    let led = [b"header".as_slice(), &samples].concat();
    let data = |bytes: &[u8]| [("b.raw", bytes.to_vec())];
    plain("detached", &detached(&["ElementDataFile = b.raw"], &data(&samples)));
    plain("zraw", &detached(&["CompressedData = True", "ElementDataFile = b.raw"], &data(&zlib(&samples))));
    plain("header size", &detached(&["HeaderSize = 6", "ElementDataFile = b.raw"], &data(&led)));
    plain("from the end", &detached(&["HeaderSize = -1", "ElementDataFile = b.raw"], &data(&led)));
    let halves = [("b1.raw", samples[..24].to_vec()), ("b2.raw", samples[24..].to_vec())];
    plain("list", &detached(&["ElementDataFile = LIST\nb1.raw\nb2.raw"], &halves));
    plain("pattern", &detached(&["ElementDataFile = b%d.raw 1 2 1"], &halves));
    let followed = [samples.as_slice(), &[0]].concat();
    check("trailing", &attached(&[], &followed), &usual(&values, &[TrailingBytes]));
}

#[test]
fn every_type() {
    macro_rules! case {
        ($($name:literal),+ => $type:ty, $word:literal) => {
            for name in [$($name),+] {
                let samples: Vec<u8> = (0..24).flat_map(|n| (n as $type).to_le_bytes()).collect();
                let files = attached(&[&format!("ElementType = {name}")], &samples);
                check(name, &files, &Expected { sample_type: $word, ..usual(&counting(24), &[]) });
            }
        };
    }
    case!("MET_CHAR" => i8, "i8");
    case!("MET_UCHAR", "MET_UCHAR_ARRAY" => u8, "u8");
    case!("MET_USHORT" => u16, "u16");
    case!("MET_INT", "MET_LONG" => i32, "i32");
    case!("MET_UINT", "MET_ULONG" => u32, "u32");
    case!("MET_LONG_LONG" => i64, "i64");
    case!("MET_ULONG_LONG" => u64, "u64");
    case!("MET_FLOAT" => f32, "f32");
    case!("MET_DOUBLE" => f64, "f64");
}

#[test]
fn places_are_those_of_itk() {
    let (samples, values) = (counting_bytes(), counting(24));
    let at = |changed: &[&str], rows: [[f64; 4]; 3], doubts: &[DoubtCode]| {
        check(&changed.join("|"), &attached(changed, &samples), &Expected { rows, ..usual(&values, doubts) });
    };
    at(&["AnatomicalOrientation = LPS"], ROWS, &[]);
    let turned = [[0.0, 0.0, 4.0, 10.0], [2.0, 0.0, 0.0, 20.0], [0.0, 3.0, 0.0, 30.0]];
    at(&["TransformMatrix = 0 1 0 0 0 1 1 0 0"], turned, &[]);
    at(&["TransformMatrix =", "Rotation = 0 1 0 0 0 1 1 0 0"], turned, &[]);
    at(&["Offset =", "Position = 10 20 30"], ROWS, &[]);
    at(&["ElementSpacing =", "ElementSize = 2 3 4"], ROWS, &[]);
    at(&["CenterOfRotation = 5 5 5"], ROWS, &[OddHeader]);
    let bare = ["TransformMatrix =", "Offset ="];
    let at_zero = ROWS.map(|[x, y, z, _]| [x, y, z, 0.0]);
    at(&bare, at_zero, &[NoOrientation]);
    let ones = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
    at(&[&bare[..], &["ElementSpacing ="]].concat(), ones, &[PixelUnits]);
    at(&["DistanceUnits = um"], ROWS.map(|row| row.map(|x| x * 0.001)), &[UnitsConverted]);
    at(&["ElementToIntensityFunctionSlope = 2"], ROWS, &[OddHeader]);
}

#[test]
fn channels_become_colour_or_frames() {
    let bytes: Vec<u8> = (0..72).collect();
    let luma = |n: usize| 0.299 * (3 * n) as f64 + 0.587 * (3 * n + 1) as f64 + 0.114 * (3 * n + 2) as f64;
    let colours: Vec<f64> = (0..24).map(luma).collect();
    let rgb = attached(&["ElementType = MET_UCHAR", "ElementNumberOfChannels = 3"], &bytes);
    check("rgb", &rgb, &Expected { sample_type: "rgb8", ..usual(&colours, &[]) });
    let two: Vec<f64> = (0..24).map(|n| (n % 12 * 2 + n / 12) as f64).collect();
    let vectors = attached(&["DimSize = 4 3 1", "ElementNumberOfChannels = 2"], &counting_bytes());
    check("two", &vectors, &Expected { dims: [4, 3, 1], times: 2, ..usual(&two, &[FoldedAxes]) });
    let of_four = [
        "NDims = 4",
        "DimSize = 4 3 1 2",
        "ElementSpacing = 2 3 4 5",
        "Offset = 10 20 30 0",
        "TransformMatrix = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1",
        "CenterOfRotation = 0 0 0 0",
    ];
    let counted = counting(24);
    let expected = Expected { dims: [4, 3, 1], times: 2, ..usual(&counted, &[]) };
    check("four axes", &attached(&of_four, &counting_bytes()), &expected);
    let flat = [
        "NDims = 2",
        "DimSize = 6 4",
        "ElementSpacing = 2 3",
        "Offset = 10 20",
        "TransformMatrix = 1 0 0 1",
        "CenterOfRotation = 0 0",
    ];
    let rows = [[2.0, 0.0, 0.0, 10.0], [0.0, 3.0, 0.0, 20.0], [0.0, 0.0, 1.0, 0.0]];
    check(
        "flat",
        &attached(&flat, &counting_bytes()),
        &Expected { dims: [6, 4, 1], rows, ..usual(&counting(24), &[]) },
    );
}

#[test]
fn what_cannot_be_opened_is_refused_by_name() {
    use RefusalCode::*;
    let samples = counting_bytes();
    let refused = |changed: &[&str], code, words: &str| {
        check_refused(&changed.join("|"), &attached(changed, &samples), code, words);
    };
    refused(&["ObjectType = Tube"], UnsupportedObject, "Tube");
    refused(&["NDims = 5"], UnsupportedShape, "NDims");
    refused(&["NDims ="], Inconsistent, "NDims");
    refused(&["DimSize = 4 3"], Inconsistent, "DimSize");
    refused(&["DimSize = 4 3 0"], Inconsistent, "DimSize");
    refused(&["DimSize = 4 3 x"], Inconsistent, "DimSize");
    refused(&["DimSize = 4 3 3"], Truncated, "cannot hold");
    refused(&["DimSize = 99999999999 99999999999 99999999999"], Inconsistent, "more voxels");
    refused(&["CompressedData = True", "DimSize = 60000 60000 9"], Inconsistent, "cannot hold");
    refused(&["CompressedData = True"], Damaged, "damaged");
    refused(&["ElementType = MET_OTHER"], UnsupportedType, "MET_OTHER");
    refused(&["ElementNumberOfChannels = 0"], Inconsistent, "without numbers");
    refused(&["ElementNumberOfChannels = 99999999999999999"], Inconsistent, "addressed");
    refused(&["TransformMatrix = 1 0 0 0 1 0 0 1 0"], BadGeometry, "span");
    refused(&["TransformMatrix = 1 0 0"], Inconsistent, "TransformMatrix");
    refused(&["ElementSpacing = 0 1 1"], BadGeometry, "span");
    refused(&["ElementDataFile = ../a.raw"], Inconsistent, "does not lie in its folder");
    refused(&["ElementDataFile = b.raw"], Unreadable, "not there");
    check_refused("empty list", &detached(&["ElementDataFile = LIST"], &[]), Inconsistent, "files");
    check_refused("nothing", &[("a.mha", b"to whom it may concern".to_vec())], NotAnImage, "MetaImage");
    check_refused(
        "no data file",
        &[("a.mha", b"NDims = 3\nDimSize = 4 3 2\n".to_vec())],
        Truncated,
        "data file",
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    /// Whatever is done to a file, it opens or is refused; it never panics and never takes long.
    #[test]
    fn mutated_files_open_or_are_refused(
        packed in any::<bool>(),
        changes in prop::collection::vec((0..500usize, any::<u8>()), 0..6),
        kept in 0.0..1.5f64,
    ) {
        let samples = counting_bytes();
        let file = if packed { attached(&["CompressedData = True"], &zlib(&samples)) } else { attached(&[], &samples) };
        let mut bytes = file[0].1.clone();
        for (place, value) in changes {
            let place = place % bytes.len();
            bytes[place] = value;
        }
        bytes.truncate((bytes.len() as f64 * kept) as usize);
        let (_folder, path) = on_disk(&[("a.mha", bytes)]);
        let began = std::time::Instant::now();
        if let Ok(found) = scan(&path, &Silent)
            && let Ok(study) = load(&found.series[0], &Silent)
        {
            prop_assert!(study.volume.samples().len() <= 1 << 16);
        }
        prop_assert!(began.elapsed().as_secs() < 5);
    }
}
