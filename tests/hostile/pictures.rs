//! Photographs, NRRD and MetaImage files that lie.

use crate::case::{Case, Content, file};
use crate::nifti::gzip;

const SOUND: [(&str, &[u8]); 9] = [
    ("colour.png", include_bytes!("streams/colour.png")),
    ("grey16.png", include_bytes!("streams/grey16.png")),
    ("palette.png", include_bytes!("streams/palette.png")),
    ("turned.jpg", include_bytes!("streams/turned.jpg")),
    ("plain.tiff", include_bytes!("streams/plain.tiff")),
    ("deflate.tiff", include_bytes!("streams/deflate.tiff")),
    ("lzw.tiff", include_bytes!("streams/lzw.tiff")),
    ("tiled.tiff", include_bytes!("streams/tiled.tiff")),
    ("big.tiff", include_bytes!("streams/big.tiff")),
];

pub(crate) fn cases() -> Vec<Case> {
    [cut(), png(), jpeg(), tiff(), nrrd(), meta_image()].into_iter().flatten().collect()
}

fn case(name: impl std::fmt::Display, file: &str, bytes: Vec<u8>) -> Case {
    Case::file(format!("pictures/{name}"), file, bytes)
}

fn cut() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, bytes) in SOUND {
        cases.push(case(format!("{name} sound"), name, bytes.to_vec()));
        for part in 1..8 {
            cases.push(case(
                format!("{name} cut at {part}/8"),
                name,
                bytes[..bytes.len() * part / 8].to_vec(),
            ));
        }
    }
    cases
}

/// A PNG chunk with its checksum.
fn chunk(kind: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    let mut sum = flate2::Crc::new();
    sum.update(kind);
    sum.update(contents);
    [&(contents.len() as u32).to_be_bytes()[..], kind, contents, &sum.sum().to_be_bytes()].concat()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn png() -> Vec<Case> {
    let png = |columns: u32, rows: u32, depth: u8, colour: u8, interlaced: u8, chunks: &[Vec<u8>]| {
        let size =
            [&columns.to_be_bytes()[..], &rows.to_be_bytes(), &[depth, colour, 0, 0, interlaced]].concat();
        [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &size), chunks.concat(), chunk(b"IEND", &[])].concat()
    };
    let data = |length: usize| chunk(b"IDAT", &zlib(&vec![0; length]));
    let mut cases = Vec::new();
    for (columns, rows) in
        [(0, 4), (4, 0), (u32::MAX, 1), (0x7fff_ffff, 0x7fff_ffff), (100_000, 100_000), (4, 5), (5, 4)]
    {
        cases.push(case(
            format!("PNG of {columns} × {rows}"),
            "a.png",
            png(columns, rows, 8, 0, 0, &[data(20)]),
        ));
    }
    for (depth, colour) in [(0, 0), (3, 0), (32, 0), (8, 1), (16, 3), (8, 3), (1, 2), (255, 255)] {
        cases.push(case(
            format!("PNG of depth {depth} and colour {colour}"),
            "a.png",
            png(4, 4, depth, colour, 0, &[data(20)]),
        ));
    }
    let text = zlib(&vec![b'x'; 50 << 20]);
    cases.extend([
        case("PNG that is interlaced", "a.png", png(4, 4, 8, 0, 1, &[data(20)])),
        case("PNG interlaced in an unknown way", "a.png", png(4, 4, 8, 0, 9, &[data(20)])),
        case("PNG without data", "a.png", png(4, 4, 8, 0, 0, &[])),
        case("PNG with 100 MB of data for 20 bytes", "a.png", png(4, 4, 8, 0, 0, &[data(100 << 20)])),
        case(
            "PNG with 50 MB of text",
            "a.png",
            png(4, 4, 8, 0, 0, &[chunk(b"zTXt", &[&b"a\0\0"[..], &text].concat()), data(20)]),
        ),
        case(
            "PNG with 50 MB of colour profile",
            "a.png",
            png(4, 4, 8, 0, 0, &[chunk(b"iCCP", &[&b"a\0\0"[..], &text].concat()), data(20)]),
        ),
        case(
            "PNG with 100,000 chunks",
            "a.png",
            png(4, 4, 8, 0, 0, &[chunk(b"tEXt", b"a\0b").repeat(100_000), data(20)]),
        ),
        case("PNG with a wrong checksum", "a.png", {
            let mut bytes = png(4, 4, 8, 0, 0, &[data(20)]);
            let at = bytes.len() - 14;
            bytes[at] ^= 1;
            bytes
        }),
        case(
            "PNG with a chunk of 2 GB",
            "a.png",
            [&png(4, 4, 8, 0, 0, &[])[..33], b"\x7f\xff\xff\xf0IDAT"].concat(),
        ),
        case("PNG with two headers", "a.png", {
            let whole = png(4, 4, 8, 0, 0, &[data(20)]);
            [&whole[..33], &chunk(b"IHDR", &whole[16..29]), &whole[33..]].concat()
        }),
    ]);
    cases
}

fn jpeg() -> Vec<Case> {
    let stream: &[u8] = include_bytes!("streams/turned.jpg");
    let exif = |contents: &[u8]| {
        let length = (contents.len() as u16 + 8).to_be_bytes();
        let start = [&[0xff, 0xd8, 0xff, 0xe1][..], &length, b"Exif\0\0", contents].concat();
        let plain: &[u8] = include_bytes!("streams/colour.jpg");
        [&start, &plain[2..]].concat()
    };
    let entry = |offset: u32, count: u16, kind: u16, values: u32, value: u32| {
        let head =
            [&b"II*\0"[..], &offset.to_le_bytes(), &count.to_le_bytes(), &0x0112u16.to_le_bytes()].concat();
        [&head[..], &kind.to_le_bytes(), &values.to_le_bytes(), &value.to_le_bytes(), &[0; 4]].concat()
    };
    let mut cases = vec![case("JPEG with a thumbnail for its half", "a.jpg", [stream, stream].concat())];
    for (name, contents) in [
        ("empty", vec![]),
        ("of no order", b"XX*\0".to_vec()),
        ("that points outside", entry(0xffff_fff0, 1, 3, 1, 6)),
        ("that points to itself", entry(0, 1, 3, 1, 6)),
        ("of 65,535 entries", entry(8, 65_535, 3, 1, 6)),
        ("of orientation 0", entry(8, 1, 3, 1, 0)),
        ("of orientation 9", entry(8, 1, 3, 1, 9)),
        ("of orientation 8", entry(8, 1, 3, 1, 8)),
        ("of orientation as four billion values", entry(8, 1, 3, u32::MAX, 6)),
        ("of orientation as text", entry(8, 1, 2, 1, 6)),
    ] {
        cases.push(case(format!("JPEG with EXIF {name}"), "a.jpg", exif(&contents)));
    }
    for [width, height] in [[3000, 2000], [4000, 3000], [6000, 4000], [65_535, 65_535]] {
        let name = format!("progressive JPEG of {width} × {height}");
        cases.push(case(name, "a.jpg", progressive(width, height)));
    }
    let mut cut = progressive(4000, 3000);
    cut.truncate(cut.len() / 2);
    cases.push(case("progressive JPEG cut within its pixels", "a.jpg", cut));
    cases
}

/// A grey picture in colours at full size, of one scan: a bit for each block.
fn progressive(width: u16, height: u16) -> Vec<u8> {
    let blocks = usize::from(width.div_ceil(8)) * usize::from(height.div_ceil(8)) * 3;
    let ([top, left], [wide, high]) = (height.to_be_bytes(), width.to_be_bytes());
    let quantisation = [&[0xff, 0xdb, 0, 67, 0][..], &[1; 64]].concat();
    let frame = [0xff, 0xc2, 0, 17, 8, top, left, wide, high, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0];
    let table = [&[0xff, 0xc4, 0, 20, 0, 1][..], &[0; 16]].concat();
    let scan = [0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 0, 0];
    let pixels = vec![0; (blocks / 8 + 1).min(1 << 20)];
    [&[0xff, 0xd8][..], &quantisation, &frame, &table, &scan, &pixels, &[0xff, 0xd9]].concat()
}

fn tiff() -> Vec<Case> {
    // Tag, type, count, value.
    let tiff = |entries: &[(u16, u16, u32, u32)], next: u32, tail: usize| {
        let mut bytes = [&b"II*\0"[..], &8u32.to_le_bytes(), &(entries.len() as u16).to_le_bytes()].concat();
        for (tag, kind, count, value) in entries {
            bytes.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            bytes.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
        }
        bytes.extend(next.to_le_bytes());
        bytes.resize(bytes.len() + tail, 7);
        bytes
    };
    let grey =
        |columns: u32, rows: u32, bits: u32, compression: u32, offset: u32, length: u32, strip: u32| {
            vec![
                (256, 4, 1, columns),
                (257, 4, 1, rows),
                (258, 3, 1, bits),
                (259, 3, 1, compression),
                (262, 3, 1, 1),
                (273, 4, 1, offset),
                (277, 3, 1, 1),
                (278, 4, 1, strip),
                (279, 4, 1, length),
            ]
        };
    let mut cases = Vec::new();
    for (name, entries) in [
        ("sound", grey(4, 4, 8, 1, 122, 16, 4)),
        ("of no columns", grey(0, 4, 8, 1, 122, 16, 4)),
        ("of four billion columns", grey(u32::MAX, 4, 8, 1, 122, 16, 4)),
        ("of 65,535 × 65,535", grey(65_535, 65_535, 8, 1, 122, 16, 65_535)),
        ("of 65,535 × 65,535 by LZW", grey(65_535, 65_535, 8, 5, 122, 16, 65_535)),
        ("of 65,535 × 65,535 by PackBits", grey(65_535, 65_535, 8, 32_773, 122, 16, 65_535)),
        ("of 65,535 × 65,535 by deflate", grey(65_535, 65_535, 8, 8, 122, 16, 65_535)),
        ("of 0 bits", grey(4, 4, 0, 1, 122, 16, 4)),
        ("of 65,535 bits", grey(4, 4, 65_535, 1, 122, 16, 4)),
        ("of strips of no rows", grey(4, 4, 8, 1, 122, 16, 0)),
        ("of samples outside", grey(4, 4, 8, 1, 0xffff_fff0, 16, 4)),
        ("of samples in the header", grey(4, 4, 8, 1, 0, 16, 4)),
        ("of too few samples", grey(4, 4, 8, 1, 122, 3, 4)),
        ("of an unknown compression", grey(4, 4, 8, 9999, 122, 16, 4)),
        ("of JPEG that is none", grey(4, 4, 8, 7, 122, 16, 4)),
        ("of nothing", vec![]),
        ("of a tag 4 billion times", vec![(256, 4, u32::MAX, 8), (257, 4, 1, 4)]),
        ("of strips 4 billion times", {
            let mut entries = grey(4, 4, 8, 1, 122, 16, 4);
            entries[5].2 = 0x3fff_ffff;
            entries
        }),
        ("of an unknown type", vec![(256, 99, 1, 4), (257, 0, 1, 4)]),
        ("of entries out of order", {
            let mut entries = grey(4, 4, 8, 1, 122, 16, 4);
            entries.reverse();
            entries
        }),
    ] {
        cases.push(case(format!("TIFF {name}"), "a.tiff", tiff(&entries, 0, 32)));
    }
    let sound = grey(4, 4, 8, 1, 122, 16, 4);
    for next in [8, 4, 122, u32::MAX] {
        cases.push(case(format!("TIFF whose next page is at {next}"), "a.tiff", tiff(&sound, next, 32)));
    }
    let mut tiles = sound.clone();
    tiles.truncate(5);
    tiles.extend([(277, 3, 1, 1), (322, 4, 1, 0), (323, 4, 1, 0), (324, 4, 1, 122), (325, 4, 1, 16)]);
    cases.push(case("TIFF of tiles without pixels", "a.tiff", tiff(&tiles, 0, 32)));
    for at in [6, 7] {
        tiles[at].3 = 1 << 30;
    }
    cases.push(case("TIFF of tiles of a billion pixels a side", "a.tiff", tiff(&tiles, 0, 32)));
    let pages: Vec<u8> =
        (0..10_000u32).flat_map(|n| [&[0, 0][..], &(8 + 6 * (n + 1)).to_le_bytes()].concat()).collect();
    cases.push(case("TIFF of 10,000 empty pages", "a.tiff", [&b"II*\0\x08\0\0\0"[..], &pages].concat()));
    cases
}

fn nrrd() -> Vec<Case> {
    let sound = "type: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 4 3 2\nspace directions: (1,0,0) (0,1,0) (0,0,2)\nspace origin: (0,0,0)\nendian: little\nencoding: raw\n";
    let with = |name: &str, from: &str, to: &str, data: Vec<u8>| {
        assert!(sound.contains(from), "{from}");
        let bytes = [format!("NRRD0004\n{}\n", sound.replace(from, to)).into_bytes(), data].concat();
        case(format!("NRRD {name}"), "a.nrrd", bytes)
    };
    let samples = || vec![7; 48];
    let mut cases = vec![
        with("sound", "raw", "raw", samples()),
        with("cut", "raw", "raw", vec![7; 47]),
        with("by gzip", "raw", "gzip", gzip(&samples())),
        with("by gzip that is none", "raw", "gzip", samples()),
        with("by a gzip bomb", "raw", "gzip", gzip(&vec![0; 100 << 20])),
        with("by bzip2", "raw", "bzip2", samples()),
        with("in hexadecimal that is none", "raw", "hex", b"zz zz".to_vec()),
        with("in text that is none", "raw", "text", b"1 2 three".to_vec()),
        with("in text without end", "raw", "text", b"1e999 ".repeat(200_000)),
        with("without an end of its header", "encoding: raw\n", &"x: y\n".repeat(100_000), vec![]),
        with(
            "of a header line of a megabyte",
            "encoding: raw",
            &format!("encoding: raw\ncontent: {}", "x".repeat(1 << 20)),
            samples(),
        ),
        with(
            "of 200,000 keys",
            "encoding: raw",
            &format!("encoding: raw\n{}", "k:=v\n".repeat(200_000).trim_end()),
            samples(),
        ),
        with("of a name that steers", "encoding: raw", "encoding: raw\ncontent: \u{1b}[2J\u{7}", samples()),
        case("NRRD of a header alone", "a.nrrd", b"NRRD0004\n".to_vec()),
        case("NRRD of an unknown version", "a.nrrd", format!("NRRD9999\n{sound}\n").into()),
    ];
    for sizes in [
        "0 3 2",
        "-4 3 2",
        "4 3",
        "4 3 2 1",
        "99999999999999999999 1 1",
        "65535 65535 65535",
        "4294967296 4294967296 1",
        "4 three 2",
        "",
        "9223372036854775807 3 2",
    ] {
        cases.push(with(&format!("of sizes {sizes}"), "4 3 2", sizes, samples()));
    }
    for dimension in ["0", "-1", "1", "17", "4294967295", "x"] {
        cases.push(with(
            &format!("of {dimension} dimensions"),
            "dimension: 3",
            &format!("dimension: {dimension}"),
            samples(),
        ));
    }
    for kind in ["block", "double", "long double", "", "unsigned long long int"] {
        cases.push(with(&format!("of type {kind}"), "short", kind, samples()));
    }
    for directions in [
        "(0,0,0) (0,1,0) (0,0,2)",
        "(1,0,0) (1,0,0) (0,0,2)",
        "(nan,0,0) (0,1,0) (0,0,2)",
        "(1e300,0,0) (0,1e300,0) (0,0,1e300)",
        "none none none",
        "(1,0,0",
        "(1,0) (0,1) (1,1)",
        "((((((((((",
        "",
    ] {
        cases.push(with(
            &format!("of directions {directions}"),
            "(1,0,0) (0,1,0) (0,0,2)",
            directions,
            samples(),
        ));
    }
    for skip in ["-1", "-2", "1000000", "18446744073709551615", "x"] {
        cases.push(with(
            &format!("that skips {skip} bytes"),
            "encoding: raw",
            &format!("encoding: raw\nbyte skip: {skip}"),
            samples(),
        ));
        cases.push(with(
            &format!("that skips {skip} lines"),
            "encoding: raw",
            &format!("encoding: raw\nline skip: {skip}"),
            samples(),
        ));
    }
    for data in [
        "../secret",
        "/etc/passwd",
        "/dev/zero",
        "a.nhdr",
        "absent",
        "",
        "LIST",
        "%d.raw 0 1000000000 1",
        "..\\secret",
        "a\u{0}b",
    ] {
        let header = format!("NRRD0004\n{}data file: {data}\n\n", sound);
        let files = vec![file("in/a.nhdr", header), file("secret", samples())];
        cases.push(Case::new(
            format!("pictures/NRRD with data in {}", data.escape_debug()),
            files,
            "in/a.nhdr",
        ));
    }
    cases
}

fn meta_image() -> Vec<Case> {
    let sound = "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = False\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\nElementSpacing = 1 1 2\nDimSize = 4 3 2\nElementType = MET_SHORT\nElementDataFile = LOCAL\n";
    let with = |name: &str, from: &str, to: &str, data: Vec<u8>| {
        assert!(sound.contains(from), "{from}");
        let bytes = [sound.replace(from, to).into_bytes(), data].concat();
        case(format!("MetaImage {name}"), "a.mha", bytes)
    };
    let samples = || vec![7; 48];
    let compressed = "CompressedData = False";
    let mut cases = vec![
        with("sound", "True", "True", samples()),
        with("cut", "True", "True", vec![7; 47]),
        with("compressed", compressed, "CompressedData = True", zlib(&samples())),
        with("compressed and no more", compressed, "CompressedData = True", samples()),
        with("of a bomb", compressed, "CompressedData = True", zlib(&vec![0; 100 << 20])),
        with(
            "of a compressed size that lies",
            compressed,
            "CompressedData = True\nCompressedDataSize = 99999999999",
            zlib(&samples()),
        ),
        with("in text", "BinaryData = True", "BinaryData = False", b"1 2 three".to_vec()),
        with("of a line of a megabyte", compressed, &format!("Comment = {}", "x".repeat(1 << 20)), samples()),
        with("of 200,000 fields", compressed, "Comment = x\n".repeat(200_000).trim_end(), samples()),
        with("of a name that steers", compressed, "Comment = \u{1b}[2J\u{7}", samples()),
        with("of a header of 2 GB", compressed, "HeaderSize = 2147483647", samples()),
        with("of a header of -1", compressed, "HeaderSize = -1", samples()),
        with("of a header of -7", compressed, "HeaderSize = -7", samples()),
    ];
    for dims in [
        "0 3 2",
        "-4 3 2",
        "4 3",
        "99999999999999999999 1 1",
        "65535 65535 65535",
        "4294967296 4294967296 1",
        "x",
    ] {
        cases.push(with(&format!("of dims {dims}"), "4 3 2", dims, samples()));
    }
    for number in ["0", "-1", "11", "4294967295", "x"] {
        cases.push(with(&format!("of {number} axes"), "NDims = 3", &format!("NDims = {number}"), samples()));
    }
    for spacing in ["0 0 0", "-1 1 1", "nan 1 1", "1e300 1e300 1e300", "1e-300 1 1", ""] {
        cases.push(with(&format!("of spacing {spacing}"), "1 1 2", spacing, samples()));
    }
    for matrix in ["0 0 0 0 0 0 0 0 0", "1 0 0 1 0 0 0 0 1", "nan 0 0 0 1 0 0 0 1", "1 0 0"] {
        cases.push(with(&format!("of matrix {matrix}"), "1 0 0 0 1 0 0 0 1", matrix, samples()));
    }
    for kind in ["MET_SHORT_ARRAY", "MET_OTHER", "MET_DOUBLE", ""] {
        cases.push(with(&format!("of type {kind}"), "MET_SHORT", kind, samples()));
    }
    for data in [
        "../secret",
        "/etc/passwd",
        "/dev/zero",
        "a.mhd",
        "absent",
        "",
        "LIST",
        "LIST 2\nx\ny",
        "%d.raw 0 1000000000 1",
        "a\u{0}b",
    ] {
        let files = vec![file("in/a.mhd", sound.replace("LOCAL", data)), file("secret", samples())];
        cases.push(Case::new(
            format!("pictures/MetaImage with data in {}", data.escape_debug()),
            files,
            "in/a.mhd",
        ));
    }
    let folder = vec![file("a.mhd", sound.replace("LOCAL", "a.raw")), ("a.raw".into(), Content::Folder)];
    cases.push(Case::new("pictures/MetaImage with data in what is a folder", folder, "a.mhd"));
    cases
}
