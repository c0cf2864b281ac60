//! DICOM files whose pixels are not what their header says.

use crate::case::Case;
use crate::dicom::*;

/// Streams of 16 × 16 pixels, made by other programs: name, syntax, bytes, whether of 16 bits, components.
pub(crate) const STREAMS: [(&str, &str, &[u8], bool, u16); 12] = [
    ("JPEG", BASELINE, include_bytes!("streams/baseline.jpg"), false, 1),
    ("colour JPEG", BASELINE, include_bytes!("streams/colour.jpg"), false, 3),
    ("progressive JPEG", EXTENDED, include_bytes!("streams/progressive.jpg"), false, 1),
    ("12-bit JPEG", EXTENDED, include_bytes!("streams/twelve_bit.jpg"), true, 1),
    ("lossless JPEG", LOSSLESS, include_bytes!("streams/lossless.jpg"), true, 1),
    ("JPEG-LS", JPEG_LS, include_bytes!("streams/lossless.jls"), true, 1),
    ("colour JPEG-LS", JPEG_LS, include_bytes!("streams/colour.jls"), false, 3),
    ("JPEG 2000", JPEG_2000, include_bytes!("streams/grey.j2k"), true, 1),
    ("colour JPEG 2000", JPEG_2000, include_bytes!("streams/colour.j2k"), false, 3),
    ("tiled JPEG 2000", JPEG_2000, include_bytes!("streams/tiled.j2k"), false, 1),
    ("HTJ2K", HIGH_THROUGHPUT, include_bytes!("streams/high_throughput.jph"), true, 1),
    ("JPEG XL", JPEG_XL, include_bytes!("streams/grey.jxl"), true, 1),
];

pub(crate) fn cases() -> Vec<Case> {
    [layouts(), frames(), places(), fragments(), rle(), streams(), jpeg(), jpeg_2000(), palettes()]
        .into_iter()
        .flatten()
        .collect()
}

fn case(name: impl std::fmt::Display, bytes: Vec<u8>) -> Case {
    Case::dicom(format!("pixels/{name}"), bytes)
}

/// A slice that fits one of [`STREAMS`].
pub(crate) fn around(syntax: &str, deep: bool, components: u16, fragments: &[&[u8]]) -> Object {
    let object = if deep { Object::slice() } else { Object::slice().eight_bits() };
    let object = if components == 3 { object.colours("RGB") } else { object };
    object.compressed(syntax, fragments)
}

fn layouts() -> Vec<Case> {
    let slice = Object::slice;
    let mut cases = Vec::new();
    for rows in [0, 1, 15, 17, 65_535] {
        for columns in [0, 1, 17, 65_535] {
            let bytes = slice().word(ROWS, rows).word(COLUMNS, columns).bytes();
            cases.push(case(format!("{rows} rows of {columns}"), bytes));
        }
    }
    for allocated in [0, 1, 2, 7, 12, 24, 32, 64, 65_535] {
        cases.push(case(format!("{allocated} bits allocated"), slice().word(ALLOCATED, allocated).bytes()));
    }
    for allocated in [8, 16] {
        for stored in [0, 1, 9, 17, 65_535] {
            for high in [0, 7, 16, 65_535] {
                let object = slice().word(ALLOCATED, allocated).word(STORED, stored).word(HIGH_BIT, high);
                cases.push(case(format!("{stored} bits up to {high} in {allocated}"), object.bytes()));
            }
        }
    }
    for samples in [0, 2, 3, 4, 255, 65_535] {
        for photometric in ["MONOCHROME2", "RGB", "YBR_FULL_422", "PALETTE COLOR"] {
            let object = slice().word(SAMPLES, samples).text(PHOTOMETRIC, "CS", photometric);
            cases.push(case(format!("{samples} samples of {photometric}"), object.bytes()));
        }
    }
    for photometric in ["", "CMYK", "HSV", "RGB\\RGB", "\x1b[31mRED", "MONOCHROME3"] {
        let object = slice().text(PHOTOMETRIC, "CS", photometric);
        cases.push(case(format!("photometric {}", photometric.escape_default()), object.bytes()));
    }
    for (name, photometric) in [("422", "YBR_FULL_422"), ("420", "YBR_PARTIAL_420"), ("RCT", "YBR_RCT")] {
        let object = slice().colours(photometric).word(ROWS, 15).word(COLUMNS, 15);
        cases.push(case(format!("odd sides in {name}"), object.bytes()));
    }
    let float = slice().without(PIXELS).value((0x7fe0, 0x0008), "OF", &[0xff; 1024]);
    cases.push(case("float pixels that are no numbers", float.word(ALLOCATED, 32).bytes()));
    let double = slice().without(PIXELS).value((0x7fe0, 0x0009), "OD", &[0xff; 64]);
    cases.push(case("double pixels that are too few", double.word(ALLOCATED, 64).bytes()));
    let no_side = Object::cine("2", 0, 65_535, &[]);
    cases.push(case("a cine without rows", no_side.bytes()));
    cases.push(case("bits for one-bit pixels missing", {
        slice().word(ALLOCATED, 1).word(STORED, 1).word(HIGH_BIT, 0).value(PIXELS, "OB", &[0xaa; 31]).bytes()
    }));
    cases
}

fn frames() -> Vec<Case> {
    let counts = [
        "0",
        "-1",
        "2",
        "3.5",
        "1e3",
        "65536",
        "2147483647",
        "2147483648",
        "4294967297",
        "99999999999999999999",
        "NaN",
        "inf",
        "0x10",
        "1\\2",
        "one",
        "\x1b[2J",
        "+1",
        "١",
    ];
    let mut cases = Vec::new();
    for count in counts {
        let name = count.escape_default();
        cases.push(case(format!("{name} frames of CT"), Object::slice().text(FRAMES, "IS", count).bytes()));
        let cine = Object::cine(count, 4, 4, &[1; 16]);
        cases.push(case(format!("{name} frames of ultrasound"), cine.clone().bytes()));
        let stream: &[u8] = include_bytes!("streams/baseline.jpg");
        let compressed = Object::cine(count, 16, 16, &[]).compressed(BASELINE, &[stream]);
        cases.push(case(format!("{name} frames of JPEG"), compressed.bytes()));
    }
    let long = "1".repeat(60_000);
    cases.push(case("60,000 digits of frames", Object::slice().text(FRAMES, "IS", &long).bytes()));
    let long = vec![b'7'; 1 << 20];
    cases.push(case("a megabyte of frames", Object::slice().value(FRAMES, "UT", &long).bytes()));
    // Groups that do not fit the frames.
    let position = |z: usize| {
        let plane = element(POSITION, "DS", format!("0\\0\\{z}").as_bytes());
        sequence((0x0020, 0x9113), &[plane])
    };
    let shared = [
        sequence((0x0020, 0x9116), &[element(ORIENTATION, "DS", b"1\\0\\0\\0\\1\\0")]),
        sequence((0x0028, 0x9110), &[element(SPACING, "DS", b"1\\1")]),
    ];
    let enhanced = |frames: usize, groups: usize, shared_items: usize| {
        let object =
            Object::cine(&frames.to_string(), 4, 4, &vec![1; 16 * frames]).text(SOP_CLASS, "UI", ENHANCED_MR);
        let object = object.raw(SHARED, sequence(SHARED, &vec![shared.concat(); shared_items]));
        let groups: Vec<Vec<u8>> = (0..groups).map(position).collect();
        object.without(POSITION).without(ORIENTATION).raw(PER_FRAME, sequence(PER_FRAME, &groups))
    };
    for (frames, groups, shared_items) in
        [(3, 3, 1), (3, 2, 1), (3, 4, 1), (3, 0, 1), (3, 3, 0), (3, 3, 5), (1, 1, 1)]
    {
        let name = format!("{groups} groups and {shared_items} shared for {frames} frames");
        cases.push(case(name, enhanced(frames, groups, shared_items).bytes()));
    }
    let hole = [position(0), vec![], position(2)];
    cases.push(case(
        "a frame without a place",
        enhanced(3, 3, 1).raw(PER_FRAME, sequence(PER_FRAME, &hole)).bytes(),
    ));
    let same = [position(1), position(1), position(1)];
    cases.push(case(
        "frames at one place",
        enhanced(3, 3, 1).raw(PER_FRAME, sequence(PER_FRAME, &same)).bytes(),
    ));
    let scaled = |slope: &str| {
        let rescale = [element(INTERCEPT, "DS", b"0"), element(SLOPE, "DS", slope.as_bytes())].concat();
        [position(slope.len()), sequence((0x0028, 0x9145), &[rescale])].concat()
    };
    let groups = [scaled("1"), scaled("1e300"), scaled("-1e-300")];
    cases.push(case(
        "frames of wild rescales",
        enhanced(3, 3, 1).raw(PER_FRAME, sequence(PER_FRAME, &groups)).bytes(),
    ));
    cases
}

fn places() -> Vec<Case> {
    let mut cases = Vec::new();
    for text in [
        "",
        "0",
        "0\\0",
        "0\\0\\0\\0",
        "NaN\\0\\0",
        "inf\\0\\0",
        "1e999\\0\\0",
        "1e300\\0\\0",
        "-1e308\\1e308\\1e308",
        "--5\\0\\0",
        "0x10\\0\\0",
        "1,5\\0\\0",
        "\\\\\\\\\\",
        "a\\b\\c",
        "1e-320\\0\\0",
    ] {
        cases.push(case(format!("position {text}"), Object::slice().text(POSITION, "DS", text).bytes()));
    }
    for text in [
        "",
        "0\\0\\0\\0\\0\\0",
        "1\\0\\0\\1\\0\\0",
        "1\\0\\0\\-1\\0\\0",
        "NaN\\0\\0\\0\\1\\0",
        "1e300\\0\\0\\0\\1e300\\0",
        "2\\0\\0\\0\\2\\0",
        "1\\0\\0\\0\\1",
        "1\\0\\0\\0\\1\\0\\0",
        "1\\0\\0\\0.03\\1\\0",
        "1e-300\\0\\0\\0\\1e-300\\0",
        "inf\\inf\\inf\\inf\\inf\\inf",
    ] {
        cases
            .push(case(format!("orientation {text}"), Object::slice().text(ORIENTATION, "DS", text).bytes()));
    }
    for text in [
        "",
        "0\\0",
        "-1\\-1",
        "1",
        "1e-300\\1e-300",
        "1e300\\1e300",
        "NaN\\1",
        "inf\\1",
        "1\\1\\1",
        "1e-12\\1e12",
        "mm\\mm",
    ] {
        cases.push(case(format!("spacing {text}"), Object::slice().text(SPACING, "DS", text).bytes()));
    }
    for (name, tag) in [("thickness", (0x0018, 0x0050)), ("distance", (0x0018, 0x0088))] {
        for text in ["0", "-3", "1e-300", "1e300", "NaN", "inf"] {
            cases.push(case(format!("{name} {text}"), Object::slice().text(tag, "DS", text).bytes()));
        }
    }
    for (name, tag) in [
        ("slope", SLOPE),
        ("intercept", INTERCEPT),
        ("window centre", (0x0028, 0x1050)),
        ("window width", (0x0028, 0x1051)),
    ] {
        for text in ["", "0", "NaN", "1e999", "1e308", "-1e308", "1e-320", "abc"] {
            cases.push(case(format!("{name} {text}"), Object::slice().text(tag, "DS", text).bytes()));
        }
    }
    let megabyte = vec![b'9'; 1 << 20];
    for (name, tag) in
        [("position", POSITION), ("orientation", ORIENTATION), ("spacing", SPACING), ("slope", SLOPE)]
    {
        cases
            .push(case(format!("{name} of a megabyte"), Object::slice().value(tag, "UT", &megabyte).bytes()));
    }
    // Several slices.
    let stack = |name: &str, positions: &[&str]| {
        let file = |(n, position): (usize, &&str)| {
            let object = Object::slice().text((0x0008, 0x0018), "UI", &format!("1.2.3.4.{n}"));
            crate::case::file(format!("IM{n}"), object.text(POSITION, "DS", position).bytes())
        };
        Case::folder(format!("pixels/{name}"), positions.iter().enumerate().map(file).collect())
    };
    cases.extend([
        stack("slices in one plane", &["0\\0\\0", "5\\0\\0", "10\\0\\0"]),
        stack("slices that are far apart", &["0\\0\\0", "0\\0\\1e300"]),
        stack("slices of infinite distance", &["0\\0\\-1e308", "0\\0\\1e308"]),
        stack("slices that are near each other", &["0\\0\\0", "0\\0\\1e-300", "0\\0\\2e-300"]),
        stack("slices on a slope", &["0\\0\\0", "1e6\\0\\1", "2e6\\0\\2"]),
        stack("a slice without a place among others", &["0\\0\\0", "0\\0\\2", "", "0\\0\\4"]),
    ]);
    cases
}

fn fragments() -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, syntax, stream, deep, components) in STREAMS {
        let with = |pixels: Vec<u8>| around(syntax, deep, components, &[]).raw(PIXELS, pixels).bytes();
        let table =
            |offsets: &[u32]| offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect::<Vec<u8>>();
        let whole = encapsulated(&[], &[stream]);
        let (first, second) = stream.split_at(stream.len() / 4 * 2);
        let head = whole.len() - 8;
        let mut lists = vec![
            ("whole", with(whole.clone())),
            ("without an end", with(whole[..head].to_vec())),
            ("without an end and a byte", with(whole[..head - 1].to_vec())),
            ("in two fragments", with(encapsulated(&[], &[first, second]))),
            ("in fragments out of order", with(encapsulated(&[], &[second, first]))),
            ("with empty fragments", with(encapsulated(&[], &[&[], stream, &[], &[]]))),
            ("with only empty fragments", with(encapsulated(&[], &[&[], &[]]))),
            ("without fragments", with(encapsulated(&[], &[]))),
            (
                "without a table",
                with([lying(PIXELS, "OB", UNDEFINED, &[]), implicit(SEQUENCE_END, 0, &[])].concat()),
            ),
            ("with a table of lies", with(encapsulated(&table(&[0xffff_fff0, 3, 0]), &[stream]))),
            ("with a table of three bytes", with(encapsulated(&[1, 2, 3, 4, 5, 6], &[stream]))),
            ("of a plain length", with(element(PIXELS, "OB", stream))),
            ("in a fragment that is too long", {
                let table = implicit(ITEM, 0, &[]);
                with(
                    [lying(PIXELS, "OB", UNDEFINED, &[]), table, implicit(ITEM, 0x7fff_fff0, stream)]
                        .concat(),
                )
            }),
            ("in a fragment without length", {
                let table = implicit(ITEM, 0, &[]);
                with([lying(PIXELS, "OB", UNDEFINED, &[]), table, implicit(ITEM, UNDEFINED, stream)].concat())
            }),
            ("with a table that is too long", {
                with([lying(PIXELS, "OB", UNDEFINED, &[]), implicit(ITEM, 0x7fff_fff0, stream)].concat())
            }),
        ];
        let extended = |offsets: &[u8], lengths: &[u8]| {
            let object = around(syntax, deep, components, &[stream]);
            object.value((0x7fe0, 0x0001), "OV", offsets).value((0x7fe0, 0x0002), "OV", lengths).bytes()
        };
        lists.push(("with an extended table of lies", extended(&[0xff; 8], &[0xff; 8])));
        lists.push(("with an extended table of odd length", extended(&[0; 7], &[])));
        cases.extend(lists.into_iter().map(|(name, bytes)| case(format!("{kind} {name}"), bytes)));
        let cine = |frames: &str, pixels: Vec<u8>| {
            let object = around(syntax, deep, components, &[]).text(SOP_CLASS, "UI", ULTRASOUND);
            object.text(FRAMES, "IS", frames).raw(PIXELS, pixels).bytes()
        };
        for (name, offsets) in [
            ("none", &[][..]),
            ("equal", &[0, 0]),
            ("falling", &[500, 0]),
            ("outside", &[0, 0x7fff_ffff]),
            ("one", &[0]),
            ("many", &[0, 8, 16, 24, 32]),
        ] {
            let pixels = encapsulated(&table(offsets), &[first, second, stream]);
            cases.push(case(
                format!("{kind} of two frames in three fragments with offsets {name}"),
                cine("2", pixels),
            ));
        }
        cases.push(case(format!("{kind} of a thousand frames in one fragment"), cine("1000", whole)));
    }
    cases
}

fn rle() -> Vec<Case> {
    let header = |words: &[u32]| {
        let mut words = words.to_vec();
        words.resize(16, 0);
        words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>()
    };
    let run = [129, 7, 129, 7].to_vec();
    let frames = [
        ("sound", [header(&[2, 64, 68]), run.clone(), run.clone()].concat()),
        ("empty", vec![]),
        ("of half a header", header(&[2, 64, 68])[..32].to_vec()),
        ("of no segments", [header(&[0]), run.clone()].concat()),
        ("of one segment", [header(&[1, 64]), run.clone()].concat()),
        ("of sixteen segments", [header(&[16, 64, 64, 64]), run.clone()].concat()),
        ("of four billion segments", [header(&[u32::MAX, 64]), run.clone()].concat()),
        ("of segments in the header", [header(&[2, 0, 4]), run.clone()].concat()),
        ("of segments outside", [header(&[2, 64, 0xffff_fff0]), run.clone()].concat()),
        ("of segments backwards", [header(&[2, 68, 64]), run.clone(), run.clone()].concat()),
        ("of segments at one place", [header(&[2, 64, 64]), run.clone()].concat()),
        ("of runs without a value", [header(&[2, 64, 65]), vec![129], vec![129]].concat()),
        ("of copies without values", [header(&[2, 64, 65]), vec![127], vec![127]].concat()),
        ("of nothing but 128", [header(&[2, 64, 4160]), vec![128; 8192]].concat()),
        ("of a megabyte of 128", [header(&[2, 64, 600_064]), vec![128; 1_200_000]].concat()),
        ("of too much", [header(&[2, 64, 1064]), [129, 7].repeat(1000)].concat()),
    ];
    let mut cases: Vec<Case> = frames
        .iter()
        .map(|(name, frame)| case(format!("RLE {name}"), Object::slice().compressed(RLE, &[frame]).bytes()))
        .collect();
    let great = Object::slice().word(ROWS, 65_535).word(COLUMNS, 65_535);
    let frame = [header(&[2, 64, 68]), run.clone(), run].concat();
    cases.push(case("RLE of 8 GB", great.clone().compressed(RLE, &[&frame]).bytes()));
    let dense = [header(&[2, 64, 134_000]), [129, 7].repeat(134_000)].concat();
    cases.push(case("RLE of 8 GB in 268 KB", great.compressed(RLE, &[&dense]).bytes()));
    cases
}

fn streams() -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, syntax, stream, deep, components) in STREAMS {
        for part in 0..8 {
            let cut = &stream[..stream.len() * part / 8];
            let bytes = around(syntax, deep, components, &[cut]).bytes();
            cases.push(case(format!("{kind} cut at {part}/8"), bytes));
        }
        let object = || around(syntax, deep, components, &[stream]);
        for (rows, columns) in [(8, 8), (16, 17), (17, 16), (32, 8), (65_535, 65_535), (1, 1)] {
            let bytes = object().word(ROWS, rows).word(COLUMNS, columns).bytes();
            cases.push(case(format!("{kind} for {columns} × {rows} pixels"), bytes));
        }
        let other_depth = if deep { object().eight_bits() } else { object().word(ALLOCATED, 16) };
        cases.push(case(format!("{kind} for pixels of another depth"), other_depth.bytes()));
        let other_colour = if components == 1 {
            object().colours("RGB")
        } else {
            object().word(SAMPLES, 1).text(PHOTOMETRIC, "CS", "MONOCHROME2")
        };
        cases.push(case(format!("{kind} for pixels of another colour"), other_colour.bytes()));
        let noise: Vec<u8> =
            stream.iter().enumerate().map(|(n, byte)| if n < 40 { *byte } else { (n * 89) as u8 }).collect();
        cases.push(case(format!("{kind} of noise"), around(syntax, deep, components, &[&noise]).bytes()));
        let same = [stream, stream].concat();
        cases.push(case(format!("{kind} twice"), around(syntax, deep, components, &[&same]).bytes()));
    }
    for (n, (kind, _, stream, ..)) in STREAMS.iter().enumerate() {
        let (other, syntax, _, deep, components) = STREAMS[(n + 5) % STREAMS.len()];
        let bytes = around(syntax, deep, components, &[stream]).bytes();
        cases.push(case(format!("{kind} said to be {other}"), bytes));
    }
    cases
}

/// A stream with bytes put in the place of others.
fn spoilt(stream: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut stream = stream.to_vec();
    stream[at..at + bytes.len()].copy_from_slice(bytes);
    stream
}

/// Where a marker stands, behind its two bytes.
fn behind(stream: &[u8], marker: u8) -> usize {
    let at = stream.windows(2).position(|pair| pair == [0xff, marker]);
    at.expect("the marker") + 2
}

fn jpeg() -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, syntax, stream, deep, components) in STREAMS.into_iter().take(7) {
        let frame_marker =
            [0xc0, 0xc1, 0xc2, 0xc3, 0xf7].into_iter().find(|m| stream.windows(2).any(|w| w == [0xff, *m]));
        let frame = behind(stream, frame_marker.expect("a frame"));
        let scan = behind(stream, 0xda);
        let segment = |marker: u8, contents: &[u8]| {
            let length = (contents.len() as u16 + 2).to_be_bytes();
            [&[0xff, marker][..], &length, contents].concat()
        };
        let inserted = |at: usize, bytes: &[u8]| [&stream[..at - 2], bytes, &stream[at - 2..]].concat();
        let body = &stream[scan - 2..stream.len() - 2];
        let streams = vec![
            ("of precision 0", spoilt(stream, frame + 2, &[0])),
            ("of precision 255", spoilt(stream, frame + 2, &[255])),
            ("of no rows", spoilt(stream, frame + 3, &[0, 0])),
            ("of no columns", spoilt(stream, frame + 5, &[0, 0])),
            ("of 65,535 rows", spoilt(stream, frame + 3, &[0xff, 0xff])),
            ("of no components", spoilt(stream, frame + 7, &[0])),
            ("of 255 components", spoilt(stream, frame + 7, &[255])),
            ("of sampling 0", spoilt(stream, frame + 9, &[0])),
            ("of sampling 15", spoilt(stream, frame + 9, &[0xff])),
            ("of a table that is not there", spoilt(stream, frame + 10, &[3])),
            ("of a frame of length 2", spoilt(stream, frame, &[0, 2])),
            ("of a frame of length 65,535", spoilt(stream, frame, &[0xff, 0xff])),
            ("of a scan without components", spoilt(stream, scan + 2, &[0])),
            ("of a scan of unknown components", spoilt(stream, scan + 3, &[77])),
            ("of a scan of predictor 255", spoilt(stream, scan + 2 + 2 * components as usize + 1, &[255])),
            ("of a point transform of 15", spoilt(stream, scan + 2 + 2 * components as usize + 3, &[0x0f])),
            ("with restarts after each unit", inserted(scan, &segment(0xdd, &[0, 1]))),
            ("with restarts of length 0", inserted(scan, &segment(0xdd, &[]))),
            ("with a megabyte of fill", inserted(frame, &vec![0xff; 1 << 20])),
            ("with 20,000 comments", inserted(frame, &segment(0xfe, &[]).repeat(20_000))),
            (
                "with a full Huffman table",
                inserted(frame, &segment(0xc4, &[&[0][..], &[255; 16], &[0; 4080]].concat())),
            ),
            ("with an empty Huffman table", inserted(scan, &segment(0xc4, &[0; 17]))),
            (
                "with a long Huffman table",
                inserted(scan, &segment(0xc4, &[&[0][..], &[0; 15], &[200], &[9; 200]].concat())),
            ),
            ("with a quantiser of zeroes", inserted(scan, &segment(0xdb, &[0; 65]))),
            (
                "with a thousand scans",
                [&stream[..stream.len() - 2], &body.repeat(1000), &[0xff, 0xd9]].concat(),
            ),
            ("with two frames", inserted(scan, &stream[frame - 2..scan - 2])),
            ("of markers only", [&stream[..scan], &[0xff; 5000]].concat()),
            ("of restart marks only", [&stream[..scan + 10], &[0xff, 0xd0].repeat(5000)].concat()),
            ("with an arithmetic frame", spoilt(stream, frame - 1, &[0xc9])),
            ("with a hierarchical frame", spoilt(stream, frame - 1, &[0xc7])),
            ("with a number of lines behind the scan", {
                let stream = spoilt(stream, frame + 3, &[0, 0]);
                [&stream[..stream.len() - 2], &segment(0xdc, &[0xff, 0xff]), &[0xff, 0xd9]].concat()
            }),
        ];
        for (name, stream) in streams {
            cases.push(case(format!("{kind} {name}"), around(syntax, deep, components, &[&stream]).bytes()));
        }
        // The header agrees with the lie.
        let great = spoilt(stream, frame + 3, &[0xff, 0xff, 0xff, 0xff]);
        let object = around(syntax, deep, components, &[&great]).word(ROWS, 65_535).word(COLUMNS, 65_535);
        cases.push(case(format!("{kind} of 4 billion pixels, as its header says"), object.bytes()));
        let wide = spoilt(stream, frame + 3, &[0x08, 0x00, 0x08, 0x00]);
        let object = around(syntax, deep, components, &[&wide]).word(ROWS, 2048).word(COLUMNS, 2048);
        cases.push(case(format!("{kind} of 4 million pixels, as its header says"), object.bytes()));
    }
    let (_, _, stream, ..) = STREAMS[5];
    let frame = behind(stream, 0xf7);
    let preset = |numbers: [u16; 5]| {
        let contents: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        let segment = [&[0xff, 0xf8, 0, 13, 1][..], &contents].concat();
        [&stream[..frame - 2], &segment, &stream[frame - 2..]].concat()
    };
    for (name, numbers) in
        [("zeroes", [0; 5]), ("ones", [1; 5]), ("greatest", [65_535; 5]), ("falling", [100, 90, 80, 70, 1])]
    {
        let bytes = around(JPEG_LS, true, 1, &[&preset(numbers)]).bytes();
        cases.push(case(format!("JPEG-LS with presets {name}"), bytes));
    }
    cases
}

fn jpeg_2000() -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, syntax, stream, deep, components) in STREAMS.into_iter().skip(7).take(4) {
        // Behind the marker: length, capabilities, then sizes of 4 bytes each.
        let size = behind(stream, 0x51);
        let style = behind(stream, 0x52);
        let tile = behind(stream, 0x90);
        let long = |at: usize, value: u32| spoilt(stream, size + 4 + 4 * at, &value.to_be_bytes());
        let mut streams = vec![
            ("of no columns", long(0, 0)),
            ("of 4 billion columns", long(0, u32::MAX)),
            ("of 4 billion rows", long(1, u32::MAX)),
            ("of an origin outside", long(2, u32::MAX)),
            ("of tiles without columns", long(4, 0)),
            ("of tiles of one column", long(4, 1)),
            ("of tiles that begin outside", long(6, u32::MAX)),
            ("of 16,384 components", spoilt(stream, size + 36, &[0x40, 0])),
            ("of no components", spoilt(stream, size + 36, &[0, 0])),
            ("of 38 bits", spoilt(stream, size + 38, &[37])),
            ("of 128 bits", spoilt(stream, size + 38, &[127])),
            ("of sampling 0", spoilt(stream, size + 39, &[0, 0])),
            ("of sampling 255", spoilt(stream, size + 39, &[255, 255])),
            ("of a size of length 0", spoilt(stream, size, &[0, 0])),
            ("of a style of length 0", spoilt(stream, style, &[0, 0])),
            ("of 65,535 layers", spoilt(stream, style + 4, &[0xff, 0xff])),
            ("of no layers", spoilt(stream, style + 4, &[0, 0])),
            ("of 255 resolutions", spoilt(stream, style + 7, &[255])),
            ("of 32 resolutions", spoilt(stream, style + 7, &[32])),
            ("of code blocks of 2^255", spoilt(stream, style + 8, &[255, 255])),
            ("of an unknown wavelet", spoilt(stream, style + 11, &[9])),
            ("of tile 65,535", spoilt(stream, tile + 2, &[0xff, 0xff])),
            ("of a tile of 4 GB", spoilt(stream, tile + 4, &[0xff, 0xff, 0xff, 0xff])),
            ("of a tile of length 1", spoilt(stream, tile + 4, &[0, 0, 0, 1])),
            ("of 255 parts of a tile", spoilt(stream, tile + 8, &[254, 255])),
        ];
        let small = {
            let mut stream = long(4, 1);
            stream[size + 4 + 20..size + 4 + 24].copy_from_slice(&1u32.to_be_bytes());
            stream
        };
        streams.push(("of tiles of one pixel", small));
        for (name, stream) in streams {
            cases.push(case(format!("{kind} {name}"), around(syntax, deep, components, &[&stream]).bytes()));
        }
        for side in [1024u32, 4096, 16_384, 65_535] {
            let mut great = stream.to_vec();
            for at in [0, 1] {
                great[size + 4 + 4 * at..size + 8 + 4 * at].copy_from_slice(&side.to_be_bytes());
            }
            let mut one_tile = great.clone();
            for at in [4, 5] {
                one_tile[size + 4 + 4 * at..size + 8 + 4 * at].copy_from_slice(&side.to_be_bytes());
            }
            for (tiles, stream) in [("tiles as before", great), ("one tile", one_tile)] {
                let object = around(syntax, deep, components, &[&stream])
                    .word(ROWS, side as u16)
                    .word(COLUMNS, side as u16);
                cases.push(case(
                    format!("{kind} of {side} × {side} in {tiles}, as its header says"),
                    object.bytes(),
                ));
            }
        }
    }
    // What is large is sound, and has to fit its bound all the same.
    let large = include_bytes!("streams/large.j2k");
    let object = around(JPEG_2000, false, 1, &[large]).word(ROWS, 4096).word(COLUMNS, 4096);
    cases.push(case("JPEG 2000 of 4096 × 4096 in one tile, sound", object.bytes()));
    let boxed = include_bytes!("streams/grey.jp2");
    let object = |stream: &[u8]| Object::slice().eight_bits().compressed(JPEG_2000, &[stream]).bytes();
    cases.push(case("JPEG 2000 in its boxes", object(boxed)));
    for at in [0, 12, 20, 32, 40] {
        let name = format!("JPEG 2000 in boxes that lie at {at}");
        cases.push(case(name, object(&spoilt(boxed, at, &[0xff, 0xff, 0xff, 0xff]))));
    }
    cases
}

fn palettes() -> Vec<Case> {
    let descriptor = |numbers: [u16; 3]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let palette = |numbers: [u16; 3], data: &[u8]| {
        let object = Object::slice().eight_bits().text(PHOTOMETRIC, "CS", "PALETTE COLOR").value(
            PIXELS,
            "OB",
            &[200; 256],
        );
        (0..3).fold(object, |object, colour| {
            let object = object.value((0x0028, 0x1101 + colour), "US", &descriptor(numbers));
            object.value((0x0028, 0x1201 + colour), "OW", data)
        })
    };
    let sound = palette([256, 0, 16], &[5; 512]);
    let mut cases = vec![
        case("palette", sound.bytes()),
        case("palette too short", palette([256, 0, 16], &[5; 100]).bytes()),
        case("palette empty", palette([256, 0, 16], &[]).bytes()),
        case("palette of 65,536 entries", palette([0, 0, 16], &[5; 512]).bytes()),
        case("palette that begins at 65,535", palette([256, 65_535, 16], &[5; 512]).bytes()),
        case("palette of 0 bits", palette([256, 0, 0], &[5; 512]).bytes()),
        case("palette of 8 bits", palette([256, 0, 8], &[5; 256]).bytes()),
        case("palette of 255 bits", palette([256, 0, 255], &[5; 512]).bytes()),
        case("palette without red", sound.clone().without((0x0028, 0x1201)).bytes()),
        case("palette without descriptor", sound.clone().without((0x0028, 0x1102)).bytes()),
        case("palette of two-byte descriptor", sound.clone().value((0x0028, 0x1101), "US", &[0, 1]).bytes()),
        case("palette for 16 bits", sound.clone().word(ALLOCATED, 16).bytes()),
    ];
    for (name, words) in [
        ("endless", [1u16, 0, 9]),
        ("unknown", [7, 7, 7]),
        ("indirect", [2, 1, 0xffff]),
        ("long", [0, 0xffff, 1]),
    ] {
        let segments: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let object = (0..3).fold(sound.clone(), |object, colour| {
            object.without((0x0028, 0x1201 + colour)).value((0x0028, 0x1221 + colour), "OW", &segments)
        });
        cases.push(case(format!("palette of {name} segments"), object.bytes()));
    }
    cases
}
