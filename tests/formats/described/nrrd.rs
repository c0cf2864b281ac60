//! NRRD headers by hand: everything a field may say, and what is made of it.

use annotomy::format::DoubtCode::*;
use annotomy::format::RefusalCode;
use annotomy::format::{DoubtCode, Silent, load, read_segmentation, scan};
use annotomy::geometry::VoxelIndex;
use proptest::prelude::*;

use super::{Expected, check, check_refused, counting, counting_bytes, open};
use crate::nifti::fixture::{gzip, on_disk};

/// 4 × 3 × 2 voxels of i16 in LPS; each of `changed` takes the place of the line with its field, or is
/// added.
fn header(changed: &[&str]) -> String {
    let mut lines: Vec<String> = [
        "type: int16",
        "dimension: 3",
        "space: left-posterior-superior",
        "sizes: 4 3 2",
        "space directions: (2,0,0) (0,3,0) (0,0,4)",
        "space origin: (10,20,30)",
        "kinds: domain domain domain",
        "endian: little",
        "encoding: raw",
    ]
    .map(str::to_owned)
    .into();
    for line in changed {
        let (field, value) = line.split_once(':').expect("a field");
        lines.retain(|old| old.split_once(':').map(|(name, _)| name) != Some(field));
        if !value.is_empty() {
            lines.push((*line).to_owned());
        }
    }
    format!("NRRD0005\n# a remark\n{}\n", lines.join("\n"))
}

fn attached(changed: &[&str], samples: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    vec![("a.nrrd", [header(changed).as_bytes(), b"\n", samples].concat())]
}

fn detached(changed: &[&str], files: &[(&'static str, Vec<u8>)]) -> Vec<(&'static str, Vec<u8>)> {
    [&[("a.nhdr", header(changed).into_bytes())], files].concat()
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
    plain("attached", &attached(&[], &samples));
    plain("gzip", &attached(&["encoding: gzip"], &gzip(&samples)));
    let members = [gzip(&samples[..10]), gzip(&samples[10..])].concat();
    plain("two members", &attached(&["encoding: gz"], &members));
    let big: Vec<u8> = (0..24i16).flat_map(i16::to_be_bytes).collect();
    plain("big-endian", &attached(&["endian: big"], &big));
    let text = (0..24).map(|n| format!("{n}\n")).collect::<String>().into_bytes();
    plain("text", &attached(&["encoding: ascii"], &text));
    let windows = header(&[]).replace('\n', "\r\n") + "\r\n";
    plain("line ends of Windows", &[("a.nrrd", [windows.as_bytes(), &samples].concat())]);

    let led = [b"x\ny\nzz".as_slice(), &samples].concat();
    let data = |bytes: &[u8]| [("b.raw", bytes.to_vec())];
    plain("detached", &detached(&["data file: b.raw"], &data(&samples)));
    plain("older spelling", &detached(&["datafile: ./b.raw"], &data(&samples)));
    plain("byte skip", &detached(&["data file: b.raw", "byte skip: 6"], &data(&led)));
    plain("from the end", &detached(&["data file: b.raw", "byte skip: -1"], &data(&led)));
    plain("line skip", &detached(&["data file: b.raw", "line skip: 2", "byte skip: 2"], &data(&led)));
    let inside = gzip(&led);
    plain("skip in gzip", &detached(&["data file: b.raw", "encoding: gzip", "byteskip: 6"], &data(&inside)));
    let lines = [b"one\n".as_slice(), &inside].concat();
    let fields = ["data file: b.raw", "encoding: gzip", "byte skip: 6", "line skip: 1"];
    plain("lines before gzip", &detached(&fields, &data(&lines)));

    let halves = [("b1.raw", samples[..24].to_vec()), ("b2.raw", samples[24..].to_vec())];
    plain("list", &detached(&["data file: LIST\nb1.raw\nb2.raw"], &halves));
    plain("pattern", &detached(&["data file: b%d.raw 1 2 1"], &halves));
    let packed = halves.clone().map(|(name, bytes)| (name, gzip(&bytes)));
    plain("packed list", &detached(&["encoding: gzip", "data file: LIST 2\nb1.raw\nb2.raw"], &packed));

    let followed = [samples.as_slice(), &[0]].concat();
    check("trailing", &attached(&[], &followed), &usual(&values, &[TrailingBytes]));
    check("no byte order", &attached(&["endian:"], &samples), &usual(&values, &[OddHeader]));
}

#[test]
fn every_type_and_its_names() {
    macro_rules! case {
        ($($name:literal),+ => $type:ty, $word:literal) => {
            for name in [$($name),+] {
                let samples: Vec<u8> = (0..24).flat_map(|n| (n as $type).to_le_bytes()).collect();
                let files = attached(&[&format!("type: {name}")], &samples);
                check(name, &files, &Expected { sample_type: $word, ..usual(&counting(24), &[]) });
            }
        };
    }
    case!("signed char", "int8" => i8, "i8");
    case!("uchar", "unsigned char", "uint8_t" => u8, "u8");
    case!("short", "signed short int" => i16, "i16");
    case!("ushort", "uint16" => u16, "u16");
    case!("int", "int32_t" => i32, "i32");
    case!("unsigned int", "uint" => u32, "u32");
    case!("longlong", "long long int" => i64, "i64");
    case!("ulonglong", "uint64" => u64, "u64");
    case!("float" => f32, "f32");
    case!("double" => f64, "f64");
}

#[test]
fn space_becomes_lps_millimetres() {
    let (samples, values) = (counting_bytes(), counting(24));
    let at = |changed: &[&str], rows: [[f64; 4]; 3], doubts: &[DoubtCode]| {
        check(&changed.join("|"), &attached(changed, &samples), &Expected { rows, ..usual(&values, doubts) });
    };
    let ras = [[-2.0, 0.0, 0.0, -10.0], [0.0, -3.0, 0.0, -20.0], [0.0, 0.0, 4.0, 30.0]];
    at(&["space: right-anterior-superior"], ras, &[]);
    at(&["space: RAS"], ras, &[]);
    at(&["space: LAS"], [[2.0, 0.0, 0.0, 10.0], [0.0, -3.0, 0.0, -20.0], [0.0, 0.0, 4.0, 30.0]], &[]);
    at(&["space: scanner-xyz"], ROWS, &[NoOrientation]);
    at(&["space:", "space dimension: 3"], ROWS, &[NoOrientation]);
    let metres = ROWS.map(|row| row.map(|x| x * 1000.0));
    at(&["space units: \"m\" \"m\" \"m\""], metres, &[UnitsConverted]);
    at(&["space units: \"mm\" \"mm\" \"mm\""], ROWS, &[]);
    at(&["space units: \"inch\" \"inch\" \"inch\""], ROWS, &[OddHeader]);
    at(&["measurement frame: (0,1,0) (1,0,0) (0,0,1)"], ROWS, &[]);
    let tilted = [[2.0, 0.0, 0.0, 10.0], [0.0, 3.0, 1.0, 20.0], [0.0, 0.0, 4.0, 30.0]];
    at(&["space directions: (2,0,0) (0,3,0) (0,1,4)"], tilted, &[Sheared]);
    let at_zero = ROWS.map(|[x, y, z, _]| [x, y, z, 0.0]);
    at(&["space origin:"], at_zero, &[NoOrientation]);

    let no_space = ["space:", "space directions:", "space origin:"];
    let sized = |more: &[&str], rows, doubts: &[DoubtCode]| at(&[&no_space, more].concat(), rows, doubts);
    let plain = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
    sized(&[], plain, &[PixelUnits]);
    sized(&["spacings: 2 3 4"], at_zero, &[NoOrientation]);
    let min = [[2.0, 0.0, 0.0, 10.0], [0.0, 3.0, 0.0, 21.5], [0.0, 0.0, 4.0, 0.0]];
    let mins = ["spacings: 2 3 4", "axis mins: 10 20 nan", "centerings: node cell node"];
    sized(&mins, min, &[NoOrientation]);
    sized(&["axis mins: 0 0 0", "axis maxs: 6 6 4", "centers: node node node"], at_zero, &[NoOrientation]);
}

#[test]
fn axes_beside_space_become_colour_or_frames() {
    let bytes: Vec<u8> = (0..72).collect();
    let four = |changed: &[&str]| {
        let of_four = ["dimension: 4", "type: uchar", "sizes: 3 4 3 2"];
        attached(&[&of_four, changed].concat(), &bytes)
    };
    let directions = "space directions: none (2,0,0) (0,3,0) (0,0,4)";
    let luma = |n: usize| {
        let [r, g, b] = [0, 1, 2].map(|c| (3 * n + c) as f64);
        0.299 * r + 0.587 * g + 0.114 * b
    };
    let colours: Vec<f64> = (0..24).map(luma).collect();
    for kind in ["RGB-color", "3-color", "vector"] {
        let files = four(&[directions, &format!("kinds: {kind} domain domain domain")]);
        check(kind, &files, &Expected { sample_type: "rgb8", ..usual(&colours, &[]) });
    }
    let layered: Vec<f64> = (0..72).map(|n| (n % 24 * 3 + n / 24) as f64).collect();
    let frames = |doubts| Expected { sample_type: "u8", times: 3, ..usual(&layered, doubts) };
    check("list", &four(&[directions, "kinds: list domain domain domain"]), &frames(&[FoldedAxes]));
    check("time first", &four(&[directions, "kinds: time domain domain domain"]), &frames(&[]));
    let counted = counting(72);
    let last = |changed: &[&str], doubts| {
        let of_four = ["dimension: 4", "type: uchar", "sizes: 4 3 2 3"];
        let expected = Expected { sample_type: "u8", times: 3, ..usual(&counted, doubts) };
        check(&changed.join("|"), &attached(&[&of_four, changed].concat(), &bytes), &expected);
    };
    last(&["space directions: (2,0,0) (0,3,0) (0,0,4) none", "kinds: domain domain domain time"], &[]);
    last(
        &["space directions: (2,0,0) (0,3,0) (0,0,4) none", "kinds: domain domain domain list"],
        &[FoldedAxes],
    );
    let of_four_coordinates = [
        "space: left-posterior-superior-time",
        "space directions: (2,0,0,0) (0,3,0,0) (0,0,4,0) (0,0,0,1.5)",
        "space origin: (10,20,30,0)",
        "kinds: domain domain domain domain",
    ];
    last(&of_four_coordinates, &[]);

    let middle: Vec<f64> = (0..72)
        .map(|n| {
            let (t, j, i) = (n / 24, n % 24 / 4, n % 4);
            ((j * 3 + t) * 4 + i) as f64
        })
        .collect();
    let inside = attached(
        &[
            "dimension: 4",
            "type: uchar",
            "sizes: 4 3 3 2",
            "kinds: domain time domain domain",
            "space directions: (2,0,0) none (0,3,0) (0,0,4)",
        ],
        &bytes,
    );
    check("time inside", &inside, &Expected { values: &middle, ..frames(&[]) });

    let flat = attached(
        &[
            "dimension: 2",
            "sizes: 6 4",
            "space:",
            "space dimension: 2",
            "space directions: (2,0) (0,3)",
            "space origin: (1,2)",
            "kinds: domain domain",
        ],
        &counting_bytes(),
    );
    let rows = [[2.0, 0.0, 0.0, 1.0], [0.0, 3.0, 0.0, 2.0], [0.0, 0.0, 1.0, 0.0]];
    check("flat", &flat, &Expected { dims: [6, 4, 1], rows, ..usual(&counting(24), &[NoOrientation]) });
}

#[test]
fn what_cannot_be_opened_is_refused_by_name() {
    use RefusalCode::*;
    let samples = counting_bytes();
    let refused = |changed: &[&str], code, words: &str| {
        check_refused(&changed.join("|"), &attached(changed, &samples), code, words);
    };
    refused(&["type: block"], UnsupportedType, "blocks");
    refused(&["type: quux"], UnsupportedType, "quux");
    refused(&["type:"], Inconsistent, "type");
    refused(&["encoding: bzip2"], UnsupportedType, "bzip2");
    refused(&["encoding: hex"], UnsupportedType, "hex");
    refused(&["encoding: gzip"], Damaged, "damaged");
    refused(&["sizes: 4 3"], Inconsistent, "3 axes");
    refused(&["sizes: 4 3 0"], Inconsistent, "4 3 0");
    refused(&["sizes: 4 3 -2"], Inconsistent, "4 3 -2");
    refused(&["dimension: 99"], Inconsistent, "dimension");
    refused(&["sizes: 4 3 3"], Truncated, "48 bytes");
    refused(&["sizes: 100000 100000 100000"], Truncated, "cannot hold");
    refused(&["sizes: 9999999999 9999999999 9999999999"], Inconsistent, "more voxels");
    refused(&["encoding: gzip", "sizes: 60000 60000 9"], Inconsistent, "cannot hold");
    refused(&["encoding: ascii", "sizes: 60000 60000 9"], Truncated, "cannot hold");
    refused(&["space directions: (2,0,0) (0,3,0)"], Inconsistent, "directions");
    refused(&["space directions: (2,0,0) (0,3,0) (0,nan,4)"], BadGeometry, "finite");
    refused(&["space directions: (2,0,0) (0,3,0) (0,3,0)"], BadGeometry, "span");
    refused(&["space directions: (2,0,0) (0,3,0) (0,3"], Inconsistent, "vectors");
    refused(&["space: upside-down"], BadGeometry, "upside-down");
    refused(&["endian: middle"], Inconsistent, "middle");
    refused(&["byte skip: -2"], Inconsistent, "byteskip");
    refused(&["line skip: 7"], Truncated, "7 lines");
    refused(&["a field without a colon\ntype: short"], Inconsistent, "says nothing");
    refused(&["data file: ../a.raw"], Inconsistent, "does not lie in its folder");
    refused(&["data file: b.raw"], Unreadable, "not there");
    refused(&["data file: b%d.raw 1 99999999 1"], Inconsistent, "makes no list");
    let complex = ["kinds: complex domain domain", "sizes: 2 4 3", "space directions: none (2,0,0) (0,3,0)"];
    refused(&complex, UnsupportedType, "complex");
    check_refused("nothing", &[("a.nrrd", b"to whom".to_vec())], NotAnImage, "NRRD");
    check_refused("version 9", &[("a.nrrd", b"NRRD0009\n\n".to_vec())], NotAnImage, "NRRD");
}

/// Two layers that overlap at voxel (1, 0, 0), each counting its labels from 1.
fn overlapping() -> Vec<(&'static str, Vec<u8>)> {
    let mut samples = [0u8; 48];
    // Layer 0: label 1 at (0,0,0) and (1,0,0); label 2 at (2,0,0). Layer 1: label 1 at (1,0,0).
    [samples[0], samples[2], samples[4], samples[3]] = [1, 1, 2, 1];
    let keys = "Segment0_ID:=a\nSegment0_Name:=Liver\nSegment0_Color:=1 0.5 0\nSegment0_Layer:=0\nSegment0_LabelValue:=1\n\
                Segment0_Tags:=TerminologyEntry:x~SCT^49755003^Morphologically Altered Structure~SCT^4147007^Mass~^^~y~^^~^^|\n\
                Segment1_ID:=b\nSegment1_Name:=Vessel\\nwall\nSegment1_Layer:=0\nSegment1_LabelValue:=2\n\
                Segment2_ID:=c\nSegment2_Name:=Tumour\nSegment2_Color:=0 0 1\nSegment2_Layer:=1\nSegment2_LabelValue:=1\n\
                type: uchar";
    attached(
        &[
            "type:",
            keys,
            "dimension: 4",
            "sizes: 2 4 3 2",
            "kinds: list domain domain domain",
            "space directions: none (2,0,0) (0,3,0) (0,0,4)",
        ],
        &samples,
    )
}

#[test]
fn overlapping_segments_become_layers_with_names_of_their_own() {
    let (_folder, path) = on_disk(&overlapping());
    let found = read_segmentation(&path, None, &Silent).expect("opens");
    assert_eq!(found.layers.len(), 2);
    let labels: Vec<_> =
        found.scheme.iter().map(|(n, l)| (n, l.name.as_str(), l.color.to_string())).collect();
    assert_eq!(
        labels,
        [
            (1, "Liver", "#ff8000".into()),
            (2, "Vesselwall", "#56b4e9".into()),
            (3, "Tumour", "#0000ff".into())
        ]
    );
    assert_eq!(found.scheme.get(1).and_then(|label| label.code.clone()).expect("a code").value, "4147007");
    let label = |layer: usize, i: usize| found.layers[layer].label(VoxelIndex::new(i, 0, 0));
    assert_eq!([label(0, 0), label(0, 1), label(0, 2), label(0, 3)], [1, 1, 2, 0]);
    assert_eq!([label(1, 0), label(1, 1), label(1, 2)], [0, 3, 0]);
    // As a study the layers are frames, and told.
    assert_eq!(open("as study", &overlapping()).volume.times(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    /// Whatever is done to a file, it opens or is refused; it never panics and never takes long.
    #[test]
    fn mutated_files_open_or_are_refused(
        packed in any::<bool>(),
        changes in prop::collection::vec((0..400usize, any::<u8>()), 0..6),
        kept in 0.0..1.5f64,
    ) {
        let samples = counting_bytes();
        let file = if packed { attached(&["encoding: gzip"], &gzip(&samples)) } else { attached(&[], &samples) };
        let mut bytes = file[0].1.clone();
        for (place, value) in changes {
            let place = place % bytes.len();
            bytes[place] = value;
        }
        bytes.truncate((bytes.len() as f64 * kept) as usize);
        let (_folder, path) = on_disk(&[("a.nrrd", bytes)]);
        let began = std::time::Instant::now();
        if let Ok(found) = scan(&path, &Silent)
            && let Ok(study) = load(&found.series[0], &Silent)
        {
            prop_assert!(study.volume.samples().len() <= 1 << 16);
        }
        let _ = read_segmentation(&path, None, &Silent);
        prop_assert!(began.elapsed().as_secs() < 5);
    }
}
