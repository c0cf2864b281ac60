//! NIfTI files whose headers lie, and gzip around them.

use std::io::Write;

use flate2::write::GzEncoder;

use crate::case::{Case, Content, file};

/// A sound NIfTI-1 file of 4 × 3 × 2 voxels of i16.
pub(crate) fn sound() -> Vec<u8> {
    let mut bytes = vec![0; 352];
    put(&mut bytes, 0, &348i32.to_le_bytes());
    put(&mut bytes, 344, b"n+1\0");
    words(&mut bytes, 40, &[3, 4, 3, 2, 1, 1, 1, 1]);
    words(&mut bytes, 70, &[4, 16]);
    floats(&mut bytes, 76, &[1.0, 2.0, 3.0, 4.0]);
    floats(&mut bytes, 108, &[352.0, 1.0, 0.0]);
    bytes[123] = 2;
    words(&mut bytes, 252, &[0, 1]);
    floats(&mut bytes, 280, &[2.0, 0.0, 0.0, -10.0, 0.0, 3.0, 0.0, -20.0, 0.0, 0.0, 4.0, 30.0]);
    bytes.extend((0..24i16).flat_map(i16::to_le_bytes));
    bytes
}

/// The same as NIfTI-2.
pub(crate) fn sound_2() -> Vec<u8> {
    let mut bytes = vec![0; 544];
    put(&mut bytes, 0, &540i32.to_le_bytes());
    put(&mut bytes, 4, b"n+2\0\r\n\x1a\n");
    words(&mut bytes, 12, &[4, 16]);
    longs(&mut bytes, 16, &[3, 4, 3, 2, 1, 1, 1, 1]);
    doubles(&mut bytes, 104, &[1.0, 2.0, 3.0, 4.0]);
    longs(&mut bytes, 168, &[544]);
    doubles(&mut bytes, 176, &[1.0, 0.0]);
    put(&mut bytes, 348, &1i32.to_le_bytes());
    doubles(&mut bytes, 400, &[2.0, 0.0, 0.0, -10.0, 0.0, 3.0, 0.0, -20.0, 0.0, 0.0, 4.0, 30.0]);
    put(&mut bytes, 500, &2i32.to_le_bytes());
    bytes.extend((0..24i16).flat_map(i16::to_le_bytes));
    bytes
}

pub(crate) fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    bytes[at..at + field.len()].copy_from_slice(field);
}

fn words(bytes: &mut [u8], at: usize, values: &[i16]) {
    values.iter().enumerate().for_each(|(n, value)| put(bytes, at + 2 * n, &value.to_le_bytes()));
}

fn floats(bytes: &mut [u8], at: usize, values: &[f32]) {
    values.iter().enumerate().for_each(|(n, value)| put(bytes, at + 4 * n, &value.to_le_bytes()));
}

fn longs(bytes: &mut [u8], at: usize, values: &[i64]) {
    values.iter().enumerate().for_each(|(n, value)| put(bytes, at + 8 * n, &value.to_le_bytes()));
}

fn doubles(bytes: &mut [u8], at: usize, values: &[f64]) {
    values.iter().enumerate().for_each(|(n, value)| put(bytes, at + 8 * n, &value.to_le_bytes()));
}

/// One gzip member.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// A gzip member of some bytes and then zeroes, at a thousandth of their size.
fn bomb(start: &[u8], zeroes: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::new(1));
    encoder.write_all(start).expect("memory");
    let million = vec![0; 1 << 20];
    (0..zeroes >> 20).for_each(|_| encoder.write_all(&million).expect("memory"));
    encoder.finish().expect("memory")
}

pub(crate) fn cases() -> Vec<Case> {
    [headers(), headers_2(), cut(), pairs(), extensions()].into_iter().flatten().collect()
}

/// One change of a sound file, plain and compressed.
fn spoilt(name: impl std::fmt::Display, spoil: impl Fn(&mut Vec<u8>)) -> Vec<Case> {
    let mut bytes = sound();
    spoil(&mut bytes);
    let gz = Case::file(format!("nifti/{name}, compressed"), "a.nii.gz", gzip(&bytes));
    vec![Case::file(format!("nifti/{name}"), "a.nii", bytes), gz]
}

fn headers() -> Vec<Case> {
    let mut cases = spoilt("sound", |_| {});
    for dim in [
        [0, 4, 3, 2, 1],
        [-1, 4, 3, 2, 1],
        [8, 4, 3, 2, 1],
        [i16::MAX, 4, 3, 2, 1],
        [i16::MIN, 4, 3, 2, 1],
        [3, 0, 3, 2, 1],
        [3, 4, -3, 2, 1],
        [3, 4, 3, 0, 1],
        [1, 4, 3, 2, 1],
        [2, 4, 3, 0, 0],
        [4, 4, 3, 2, 0],
        [4, 4, 3, 2, -7],
        [3, i16::MAX, i16::MAX, i16::MAX, 1],
        [4, i16::MAX, i16::MAX, i16::MAX, i16::MAX],
        [4, 1, 1, 1, i16::MAX],
        [7, 4, 3, 2, 1],
        [3, 5, 3, 2, 1],
        [3, 24, 1, 1, 1],
    ] {
        cases.extend(spoilt(format!("dims {dim:?}"), |bytes| words(bytes, 40, &dim)));
    }
    for seven in [[2, 2, 2, 2, 2, 2, 2], [1, 1, 1, 1, 1, 1, 24], [i16::MAX; 7]] {
        cases.extend(spoilt(format!("seven axes {seven:?}"), |bytes| {
            words(bytes, 40, &[7]);
            words(bytes, 42, &seven);
        }));
    }
    for datatype in
        [0, 1, 2, 8, 16, 32, 64, 128, 256, 512, 768, 1024, 1280, 1536, 1792, 2048, 2304, 3, 255, -1]
    {
        for bitpix in [0, 16, -16, i16::MAX] {
            let name = format!("datatype {datatype} of {bitpix} bits");
            cases.extend(spoilt(name, |bytes| words(bytes, 70, &[datatype, bitpix])).into_iter().take(1));
        }
    }
    for offset in [
        f32::NAN,
        f32::INFINITY,
        -352.0,
        -1.0,
        0.0,
        1.0,
        347.0,
        348.0,
        351.0,
        352.5,
        353.0,
        399.0,
        400.0,
        1e6,
        1e18,
        1e38,
        -1e38,
        4.5e-40,
    ] {
        cases.extend(spoilt(format!("samples at {offset}"), |bytes| floats(bytes, 108, &[offset])));
    }
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, 1e38, 1e-45, -1.0] {
        cases.extend(
            spoilt(format!("slope {value}"), |bytes| floats(bytes, 112, &[value])).into_iter().take(1),
        );
        cases.extend(
            spoilt(format!("intercept {value}"), |bytes| floats(bytes, 116, &[value])).into_iter().take(1),
        );
        for (name, at) in [("sform diagonal", 280), ("sform shift", 292)] {
            cases.extend(
                spoilt(format!("{name} {value}"), |bytes| floats(bytes, at, &[value])).into_iter().take(1),
            );
        }
        for (name, at) in [("qfac", 76), ("voxel size", 80), ("quaternion", 256), ("qoffset", 268)] {
            let case = spoilt(format!("{name} {value} by qform"), |bytes| {
                words(bytes, 252, &[1, 0]);
                floats(bytes, at, &[value]);
            });
            cases.extend(case.into_iter().take(1));
            let both = spoilt(format!("{name} {value} beside a sform"), |bytes| {
                words(bytes, 252, &[1, 1]);
                floats(bytes, at, &[value]);
            });
            cases.extend(both.into_iter().take(1));
        }
        let bare = spoilt(format!("voxel size {value} without forms"), |bytes| {
            words(bytes, 252, &[0, 0]);
            floats(bytes, 80, &[value]);
        });
        cases.extend(bare.into_iter().take(1));
    }
    let singular = [1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0, 0.0];
    cases.extend(spoilt("a sform of parallel axes", |bytes| floats(bytes, 280, &singular)));
    cases.extend(spoilt("a sform of zeroes", |bytes| floats(bytes, 280, &[0.0; 12])));
    let tiny = [1e-30, 0.0, 0.0, 0.0, 0.0, 1e-30, 0.0, 0.0, 0.0, 0.0, 1e-30, 0.0];
    cases.extend(spoilt("a sform of tiny steps", |bytes| floats(bytes, 280, &tiny)));
    for units in [0, 1, 3, 4, 5, 7, 255] {
        cases.extend(spoilt(format!("units {units}"), |bytes| bytes[123] = units).into_iter().take(1));
    }
    for code in [-1, 5, i16::MAX, i16::MIN] {
        cases.extend(
            spoilt(format!("form codes {code}"), |bytes| words(bytes, 252, &[code, code]))
                .into_iter()
                .take(1),
        );
    }
    for magic in [&b"n+1 "[..], b"N+1\0", b"n+2\0", b"ni1\0", b"\0\0\0\0", b"\xff\xff\xff\xff"] {
        let name = magic.escape_ascii().to_string();
        cases.extend(spoilt(format!("magic {name}"), |bytes| put(bytes, 344, magic)));
    }
    for size in [0i32, 347, 349, 540, -348, i32::MAX, 0x5c01_0000] {
        cases.extend(spoilt(format!("a header of {size} bytes"), |bytes| put(bytes, 0, &size.to_le_bytes())));
    }
    cases.extend(spoilt("a size in one byte order and numbers in the other", |bytes| {
        bytes[40..60].as_chunks_mut::<2>().0.iter_mut().for_each(|word| word.reverse());
    }));
    cases.extend(spoilt("control characters in its description", |bytes| {
        put(bytes, 148, b"a\x1b[2J\r\n\x07\x9b31m\xe2\x80\xae\xff\xfe");
    }));
    cases.extend(spoilt("80 bytes of description without an end", |bytes| bytes[148..228].fill(0xe2)));
    cases.extend(spoilt("floats that are no numbers", |bytes| {
        words(bytes, 70, &[16, 32]);
        bytes.truncate(352);
        bytes.extend((0..24).flat_map(|n: u32| (0x7fc0_0000 + n).to_le_bytes()));
    }));
    cases.extend(spoilt("doubles beyond all bounds", |bytes| {
        words(bytes, 70, &[64, 64]);
        bytes.truncate(352);
        bytes
            .extend((0..24).flat_map(|n| [f64::MAX, f64::MIN, f64::NAN, f64::INFINITY][n % 4].to_le_bytes()));
    }));
    cases.extend(spoilt("a megabyte behind the samples", |bytes| bytes.resize(1 << 20, 7)));
    cases
}

fn headers_2() -> Vec<Case> {
    let spoilt = |name: String, spoil: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = sound_2();
        spoil(&mut bytes);
        Case::file(format!("nifti/second version: {name}"), "a.nii", bytes)
    };
    let mut cases = vec![spoilt("sound".into(), &|_| {})];
    for dim in [
        [3, 0, 3, 2],
        [3, -1, 3, 2],
        [3, i64::MAX, 3, 2],
        [3, i64::MAX, i64::MAX, i64::MAX],
        [3, 1 << 32, 1 << 32, 1],
        [3, 1 << 21, 1 << 21, 1 << 21],
        [3, i64::MIN, 1, 1],
        [i64::MAX, 4, 3, 2],
        [-3, 4, 3, 2],
        [3, 100_000, 100_000, 1],
    ] {
        cases.push(spoilt(format!("dims {dim:?}"), &|bytes| longs(bytes, 16, &dim)));
    }
    for offset in [i64::MIN, -1, 0, 543, 545, 1 << 40, i64::MAX] {
        cases.push(spoilt(format!("samples at {offset}"), &|bytes| longs(bytes, 168, &[offset])));
    }
    for value in [f64::NAN, f64::INFINITY, 0.0, 1e308, -1e308, 5e-324] {
        for (name, at) in [("slope", 176), ("intercept", 184), ("sform", 400), ("shift", 424)] {
            cases.push(spoilt(format!("{name} {value:e}"), &|bytes| doubles(bytes, at, &[value])));
        }
        cases.push(spoilt(format!("a shift and a step {value:e}"), &|bytes| {
            doubles(bytes, 424, &[value]);
            doubles(bytes, 440, &[value]);
        }));
    }
    for code in [i32::MIN, -1, i32::MAX] {
        cases.push(spoilt(format!("form codes {code}"), &|bytes| {
            put(bytes, 344, &[code.to_le_bytes(), code.to_le_bytes()].concat())
        }));
        cases.push(spoilt(format!("units {code}"), &|bytes| put(bytes, 500, &code.to_le_bytes())));
    }
    for magic in [&b"n+2\0\n\n\x1a\n"[..], b"n+2\0\0\0\0\0", b"ni2\0\r\n\x1a\n"] {
        let name = magic.escape_ascii().to_string();
        cases.push(spoilt(format!("magic {name}"), &|bytes| put(bytes, 4, magic)));
    }
    cases
}

fn cut() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, bytes) in [("first version", sound()), ("second version", sound_2())] {
        for part in 0..16 {
            let cut = &bytes[..bytes.len() * part / 16];
            cases.push(Case::file(format!("nifti/{name} cut at {part}/16"), "a.nii", cut.to_vec()));
            cases.push(Case::file(
                format!("nifti/{name} cut at {part}/16, then compressed"),
                "a.nii.gz",
                gzip(cut),
            ));
            let gz = gzip(&bytes);
            let cut = gz[..gz.len() * part / 16].to_vec();
            cases.push(Case::file(
                format!("nifti/{name} compressed, then cut at {part}/16"),
                "a.nii.gz",
                cut,
            ));
        }
    }
    cases
}

fn pairs() -> Vec<Case> {
    let mut header = sound();
    put(&mut header, 344, b"ni1\0");
    floats(&mut header, 108, &[0.0]);
    let samples = header.split_off(352);
    let pair = |name: &str, header: Vec<u8>, image: Option<Vec<u8>>| {
        let image = image.map(|bytes| file("a.img", bytes));
        let files = std::iter::once(file("a.hdr", header)).chain(image).collect();
        Case::new(format!("nifti/pair: {name}"), files, "a.hdr")
    };
    let mut far = header.clone();
    floats(&mut far, 108, &[1e30]);
    let mut analyze = header.clone();
    put(&mut analyze, 344, &[0; 4]);
    let mut many = analyze.clone();
    words(&mut many, 40, &[7, 2, 2, 2, 2, 2, 2, 2]);
    vec![
        pair("sound", header.clone(), Some(samples.clone())),
        pair("no samples", header.clone(), None),
        pair("empty samples", header.clone(), Some(vec![])),
        pair("too few samples", header.clone(), Some(samples[..47].to_vec())),
        pair("samples that are gzip", header.clone(), Some(gzip(&samples))),
        pair("samples that are a gzip bomb", header.clone(), Some(bomb(&[], 200 << 20))),
        pair("samples far away", far, Some(samples.clone())),
        pair("an ANALYZE header", analyze.clone(), Some(samples.clone())),
        pair("an ANALYZE header without samples", analyze, None),
        pair("an ANALYZE header of seven axes", many, Some(samples.clone())),
        pair("an empty header", vec![], Some(samples.clone())),
        pair("a header of text", b"ENVI\nsamples = 4\n".to_vec(), Some(samples.clone())),
        Case::new(
            "nifti/pair: samples that are a folder",
            vec![file("a.hdr", header.clone()), ("a.img".into(), Content::Folder)],
            "a.hdr",
        ),
        Case::new(
            "nifti/pair: opened by its samples",
            vec![file("a.hdr", header.clone()), file("a.img", samples)],
            "a.img",
        ),
        Case::new(
            "nifti/pair: half of it is text",
            vec![file("a.hdr", header), file("a.img", "text")],
            "a.img",
        ),
    ]
}

fn extensions() -> Vec<Case> {
    let mut cases = Vec::new();
    for size in [0i32, 1, 7, 8, 15, 16, 17, 32, -16, i32::MAX, i32::MIN] {
        for flag in [[1, 0, 0, 0], [0, 0, 0, 0], [255; 4]] {
            let mut bytes = sound();
            let samples = bytes.split_off(348);
            floats(&mut bytes, 108, &[384.0]);
            bytes.extend(flag);
            bytes.extend(size.to_le_bytes());
            bytes.extend(4i32.to_le_bytes());
            bytes.resize(384, b'x');
            bytes.extend(&samples[4..]);
            cases.push(Case::file(
                format!("nifti/an extension of {size} bytes with flag {}", flag[0]),
                "a.nii",
                bytes,
            ));
        }
    }
    let mut bytes = sound();
    bytes[348] = 1;
    floats(&mut bytes, 108, &[(352 + 16 * 60_000) as f32]);
    let samples = bytes.split_off(352);
    (0..60_000).for_each(|_| bytes.extend([16, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    bytes.extend(samples);
    cases.push(Case::file("nifti/60,000 extensions", "a.nii", bytes));
    cases
}

/// Compressed files that are larger, smaller or other than they seem.
pub(crate) fn gzip_cases() -> Vec<Case> {
    let bytes = sound();
    let good = gzip(&bytes);
    let case = |name: &str, bytes: Vec<u8>| Case::file(format!("gzip/{name}"), "a.nii.gz", bytes);
    let at_end = |from_end: usize, value: u8| {
        let mut bytes = good.clone();
        let at = bytes.len() - from_end;
        bytes[at] ^= value;
        bytes
    };
    let mut claims = bytes.clone();
    words(&mut claims, 40, &[3, 1000, 1000, 500]);
    let mut claims_more = bytes.clone();
    words(&mut claims_more, 40, &[3, 10_000, 10_000, 500]);
    let mut whole = bytes.clone();
    words(&mut whole, 40, &[3, 256, 256, 160]);
    let (first, second) = (gzip(&bytes[..360]), gzip(&bytes[360..]));
    let mut broken_second = second.clone();
    broken_second[12] ^= 0x55;
    let mut wrong_sum = second.clone();
    let at = wrong_sum.len() - 7;
    wrong_sum[at] ^= 1;
    let header =
        |flags: u8, extra: &[u8]| [&[0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255], extra, &good[10..]].concat();
    let mut cases = vec![
        case("sound", good.clone()),
        case("empty", vec![]),
        case("one byte", vec![0x1f]),
        case("the mark alone", vec![0x1f, 0x8b]),
        case("a header alone", good[..10].to_vec()),
        case("another method", [&[0x1f, 0x8b, 9], &good[3..]].concat()),
        case("a wrong checksum", at_end(8, 0x10)),
        case("a wrong length", at_end(3, 0x10)),
        case("no trailer", good[..good.len() - 8].to_vec()),
        case("half a trailer", good[..good.len() - 4].to_vec()),
        case("zeroes behind", [good.clone(), vec![0; 512]].concat()),
        case("rubbish behind", [good.clone(), vec![0xa5; 512]].concat()),
        case("text behind", [&good, &b"the end"[..]].concat()),
        case("two members", [first.clone(), second.clone()].concat()),
        case("two members and one damaged", [first.clone(), broken_second].concat()),
        case("two members and a wrong checksum", [first.clone(), wrong_sum].concat()),
        case("two members and one cut", [first.clone(), second[..second.len() / 2].to_vec()].concat()),
        case("20,000 empty members", [gzip(&[]).repeat(20_000), good.clone()].concat()),
        case("a member for each byte", bytes.iter().flat_map(|byte| gzip(&[*byte])).collect()),
        case("compressed twice", gzip(&good)),
        case("compressed five times", (0..4).fold(good.clone(), |bytes, _| gzip(&bytes))),
        case("a name without an end", header(8, &[b'x'; 70_000])),
        case("a name of 60 KB", header(8, &[&[b'x'; 60_000][..], &[0]].concat())),
        case("an extra field that is too long", header(4, &[0xff, 0xff])),
        case("a header checksum that is wrong", header(2, &[0, 0])),
        case("all flags", header(0xff, &[])),
        case("1 GB of zeroes behind the samples", bomb(&bytes, 1 << 30)),
        case("1 GB claimed in 1 MB, and 2 MB there", {
            let mut bytes = bomb(&claims, 2 << 20);
            bytes.resize(1 << 20, 0x55);
            bytes
        }),
        case("1 GB claimed in 1 MB, and 900 MB there", bomb(&claims, 900 << 20)),
        case("100 GB claimed and 1 GB there", bomb(&claims_more, 1 << 30)),
        case("20 MB of zeroes that are samples", bomb(&whole, 21 << 20)),
        case("1 GB of zeroes and no header", bomb(&[], 1 << 30)),
    ];
    let mut damaged = good.clone();
    for at in [10, 20, 40, 60, 80] {
        damaged[at] ^= 0x41;
        cases.push(case(&format!("damage up to byte {at}"), damaged.clone()));
    }
    cases
}
