//! DICOM files whose elements lie: nesting, lengths, delimiters, representations, meta information.

use crate::case::{Case, Chance};
use crate::dicom::*;

pub(crate) fn cases() -> Vec<Case> {
    let lists =
        [nested(), lengths(), cut(), meta(), representations(), disorder(), preambles(), deflate(), many()];
    lists.into_iter().flatten().collect()
}

fn case(name: impl std::fmt::Display, bytes: Vec<u8>) -> Case {
    Case::dicom(format!("structure/{name}"), bytes)
}

/// `depth` sequences in each other, each written by `open` with the length of all inside it.
fn nest(depth: usize, head: usize, open: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    (0..depth).flat_map(|level| open(((depth - level) * head - head) as u32)).collect()
}

fn nested() -> Vec<Case> {
    let mut cases = Vec::new();
    for depth in [10, 100, 255, 300, 1000, 10_000, 100_000] {
        for (name, tag) in [("kept", PER_FRAME), ("skipped", REFERENCED), ("private", (0x0009, 0x1010))] {
            let undefined = nest(depth, 0, |_| {
                [lying(tag, "SQ", UNDEFINED, &[]), implicit(ITEM, UNDEFINED, &[])].concat()
            });
            cases.push((format!("{name} sequences {depth} deep"), tag, undefined));
            let defined = nest(depth, 20, |inside| {
                [lying(tag, "SQ", inside + 8, &[]), implicit(ITEM, inside, &[])].concat()
            });
            cases.push((format!("{name} sequences of stated length {depth} deep"), tag, defined));
        }
        let unknown = nest(depth, 0, |_| {
            let inner = implicit((0x0009, 0x1011), UNDEFINED, &implicit(ITEM, UNDEFINED, &[]));
            [lying((0x0009, 0x1010), "UN", UNDEFINED, &implicit(ITEM, UNDEFINED, &[])), inner].concat()
        });
        cases.push((format!("unknown values {depth} deep"), (0x0009, 0x1010), unknown));
    }
    let file = |(name, tag, bytes)| case(name, Object::slice().raw(tag, bytes).bytes());
    cases.into_iter().map(file).collect()
}

fn lengths() -> Vec<Case> {
    let elements: [(&str, Tag, &str, &[u8]); 12] = [
        ("SOP class", SOP_CLASS, "UI", b"1.2.840.10008.5.1.4.1.1.2\0"),
        ("modality", MODALITY, "CS", b"CT"),
        ("description", DESCRIPTION, "LO", b"slices"),
        ("comment", (0x0020, 0x4000), "UT", b"a text"),
        ("position", POSITION, "DS", b"-10\\20\\0"),
        ("orientation", ORIENTATION, "DS", b"1\\0\\0\\0\\1\\0 "),
        ("rows", ROWS, "US", &[16, 0]),
        ("spacing", SPACING, "DS", b"1\\1 "),
        ("private bytes", (0x0029, 0x1010), "OB", &[1, 2, 3, 4]),
        ("unwanted sequence", REFERENCED, "SQ", &[0xfe, 0xff, 0, 0xe0, 0, 0, 0, 0]),
        ("wanted sequence", SHARED, "SQ", &[0xfe, 0xff, 0, 0xe0, 0, 0, 0, 0]),
        ("pixels", PIXELS, "OW", &[0; 512]),
    ];
    let mut cases = Vec::new();
    for (name, tag, vr, value) in elements {
        for length in [0, 1, 3, value.len() as u32 + 2, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_fffe, UNDEFINED] {
            let object = Object::slice().raw(tag, lying(tag, vr, length, value));
            cases.push(case(format!("{name} of length {length}"), object.bytes()));
        }
    }
    for item in [1, 7, 9, 0x7fff_ffff, 0xffff_fffe, UNDEFINED] {
        let inside = element(MODALITY, "CS", b"CT");
        let object = Object::slice().raw(SHARED, element(SHARED, "SQ", &implicit(ITEM, item, &inside)));
        cases.push(case(format!("item of length {item}"), object.bytes()));
    }
    cases
}

fn cut() -> Vec<Case> {
    let plain = Object::slice();
    let frame = include_bytes!("streams/lossless.jpg");
    let written = [
        ("explicit", plain.bytes()),
        ("implicit", plain.in_implicit()),
        ("big endian", plain.in_big_endian()),
        ("deflated", plain.in_deflate()),
        ("compressed", plain.compressed(LOSSLESS, &[frame]).bytes()),
    ];
    let mut cases = Vec::new();
    for (name, bytes) in written {
        cases.push(case(format!("{name} whole"), bytes.clone()));
        for part in 0..16 {
            cases.push(case(format!("{name} cut at {part}/16"), bytes[..bytes.len() * part / 16].to_vec()));
        }
    }
    cases
}

fn meta() -> Vec<Case> {
    let syntax = |uid: &[u8]| element((0x0002, 0x0010), "UI", uid);
    let length = |length: u32| element((0x0002, 0x0000), "UL", &length.to_le_bytes());
    let metas = [
        ("absent", Vec::new()),
        ("of length 0", [length(0), syntax(EXPLICIT.as_bytes())].concat()),
        ("of a length too great", [length(0xffff_fff0), syntax(EXPLICIT.as_bytes())].concat()),
        ("without length", syntax(EXPLICIT.as_bytes())),
        ("without syntax", length(0)),
        ("of an empty syntax", syntax(b"")),
        ("of an unknown syntax", syntax(b"1.2.3.4.5.6")),
        ("of a private syntax", syntax(b"1.3.6.1.4.1.9590.100.1.1")),
        ("of a syntax padded with spaces", syntax(b"1.2.840.10008.1.2.1   ")),
        ("of a syntax padded with zeroes", syntax(b"1.2.840.10008.1.2.1\0\0\0")),
        ("of a syntax of 60 KB", syntax(&[b'1'; 60_000])),
        ("of a syntax that is no text", syntax(&[0xff, 0xfe, 0x1b, 0x5b, 0x32, 0x4a])),
        ("of a syntax that steers the terminal", syntax(b"1.2\x1b[2J\n\r\x07")),
        ("of a syntax in implicit VR", implicit((0x0002, 0x0010), 20, b"1.2.840.10008.1.2.1\0")),
        ("that never ends", lying((0x0002, 0x0001), "OB", UNDEFINED, &[])),
        ("that is one long value", lying((0x0002, 0x0102), "OB", 0x7fff_ffff, &[0; 64])),
        ("twice", [syntax(EXPLICIT.as_bytes()), syntax(IMPLICIT.as_bytes())].concat()),
        ("of 20,000 elements", (0..20_000).flat_map(|_| syntax(b"1.2")).collect()),
        (
            "of nested sequences",
            nest(50_000, 0, |_| lying((0x0002, 0x0102), "SQ", UNDEFINED, &implicit(ITEM, UNDEFINED, &[]))),
        ),
    ];
    let mut cases: Vec<Case> = metas
        .into_iter()
        .map(|(name, meta)| case(format!("meta {name}"), Object { meta, ..Object::slice() }.bytes()))
        .collect();
    for (name, uid) in [
        ("implicit", IMPLICIT),
        ("big endian", BIG),
        ("deflated", DEFLATED),
        ("RLE", RLE),
        ("JPEG", BASELINE),
        ("JPEG 2000", JPEG_2000),
        ("MPEG-2", "1.2.840.10008.1.2.4.100"),
        ("JPIP", "1.2.840.10008.1.2.4.94"),
    ] {
        cases.push(case(format!("plain pixels said to be {name}"), Object::slice().syntax(uid).bytes()));
    }
    cases
}

fn representations() -> Vec<Case> {
    let mut cases = Vec::new();
    for vr in ["OB", "SQ", "UN", "UT", "??", "  ", "\0\0", "ZZ", "ox", "OX", "DS", "FD", "AT"] {
        for (name, tag) in [("rows", ROWS), ("position", POSITION), ("pixels", PIXELS), ("groups", PER_FRAME)]
        {
            let value = Object::slice().elements.get(&tag).map_or(vec![0; 16], |bytes| bytes[8..].to_vec());
            let length = value.len() as u32;
            let bytes = Object::slice().raw(tag, lying(tag, vr, length, &value)).bytes();
            cases.push(case(format!("{name} as {}", vr.escape_default()), bytes));
        }
    }
    // A representation of long length with two bytes of length.
    let short = [&[0x08, 0, 0x40, 0x11][..], b"SQ", &[8, 0], &implicit(ITEM, 0, &[])].concat();
    cases.push(case("a sequence of two bytes of length", Object::slice().raw(REFERENCED, short).bytes()));
    cases
}

fn disorder() -> Vec<Case> {
    let slice = Object::slice();
    let mut backwards: Vec<Vec<u8>> = slice.elements.values().cloned().collect();
    backwards.reverse();
    let head = [slice.preamble.clone(), slice.meta.clone()].concat();
    let rows = |n: u16| element(ROWS, "US", &n.to_le_bytes());
    let twice = slice.clone().raw(ROWS, [rows(16), rows(60_000)].concat());
    let thrice = slice.clone().raw(ROWS, [rows(60_000), rows(16), rows(1)].concat());
    let pixels = slice.elements[&PIXELS].clone();
    let stray = |tag| slice.clone().raw((0x0010, 0), implicit(tag, 0, &[])).bytes();
    let open = [lying(SHARED, "SQ", UNDEFINED, &[]), implicit(ITEM, UNDEFINED, &[])].concat();
    let swapped = |from: usize| {
        let mut bytes = slice.bytes();
        bytes[from..].as_chunks_mut::<2>().0.iter_mut().for_each(|word| word.reverse());
        bytes
    };
    let mut cases = vec![
        case("elements backwards", [head.clone(), backwards.concat()].concat()),
        case("rows twice", twice.bytes()),
        case("rows three times", thrice.bytes()),
        case("pixels first", [head.clone(), pixels.clone(), slice.dataset()].concat()),
        case("pixels twice", slice.clone().raw(PIXELS, [pixels.clone(), pixels].concat()).bytes()),
        case("a stray item", stray(ITEM)),
        case("a stray item end", stray(ITEM_END)),
        case("a stray sequence end", stray(SEQUENCE_END)),
        case("a sequence that is not closed", slice.clone().raw(SHARED, open.clone()).bytes()),
        case("an item that is not closed", {
            let bytes = [open.clone(), implicit(SEQUENCE_END, 0, &[])].concat();
            slice.clone().raw(SHARED, bytes).bytes()
        }),
        case("a sequence closed twice", {
            let end = [implicit(ITEM_END, 0, &[]), implicit(SEQUENCE_END, 0, &[])].concat();
            slice.clone().raw(SHARED, [open, end.clone(), end].concat()).bytes()
        }),
        case("an element in a sequence without item", {
            slice.clone().raw(SHARED, element(SHARED, "SQ", &rows(16))).bytes()
        }),
        case("ends of items of great length", {
            slice.clone().raw((0x0010, 0), implicit(ITEM_END, 0x7fff_ffff, &[])).bytes()
        }),
        case("bytes swapped behind the preamble", swapped(132)),
        case("bytes swapped behind the meta information", swapped(head.len())),
        case("bytes swapped in the middle", swapped(400)),
        case("private elements only", {
            let private: Vec<u8> =
                (0..500u16).flat_map(|n| element((0x0009, 0x1000 + n), "LO", b"VENDOR")).collect();
            [head.clone(), private].concat()
        }),
        case(
            "trailing padding",
            slice.clone().raw((0xfffc, 0xfffc), element((0xfffc, 0xfffc), "OB", &[0; 600])).bytes(),
        ),
        case("rubbish behind the pixels", Object { tail: vec![0xa5; 999], ..slice.clone() }.bytes()),
        case("everything empty", {
            let tags: Vec<Tag> = slice.elements.keys().copied().collect();
            tags.into_iter().fold(slice.clone(), |object, tag| object.value(tag, "LO", &[])).bytes()
        }),
    ];
    for tag in slice.elements.keys().copied() {
        let name = format!("{:04x},{:04x}", tag.0, tag.1);
        let vr = if tag == PIXELS { "OW" } else { "LO" };
        cases.push(case(format!("empty {name}"), slice.clone().value(tag, vr, &[]).bytes()));
        cases.push(case(format!("absent {name}"), slice.clone().without(tag).bytes()));
    }
    cases
}

fn preambles() -> Vec<Case> {
    let slice = Object::slice();
    let with = |preamble: &[u8]| Object { preamble: preamble.to_vec(), ..slice.clone() }.bytes();
    let mut chance = Chance::new(1);
    let noise: Vec<u8> = (0..128).map(|_| chance.next() as u8).collect();
    vec![
        case("no preamble", with(b"")),
        case("no preamble and no meta", slice.dataset()),
        case("no preamble and no meta, implicit", {
            let bytes = slice.in_implicit();
            bytes[132 + slice.clone().syntax(IMPLICIT).meta.len()..].to_vec()
        }),
        case("the mark alone", with(b"DICM")),
        case("the mark in small letters", with(&[&[0; 128][..], b"dicm"].concat())),
        case("a preamble of noise", with(&[&noise[..], b"DICM"].concat())),
        case("a preamble of a TIFF", with(&[&b"II*\0\x08\0\0\0"[..], &[0; 120], b"DICM"].concat())),
        case("a preamble of a program", with(&[&b"MZ\x90\0"[..], &[0; 124], b"DICM"].concat())),
        case("two preambles", with(&[slice.preamble.clone(), slice.preamble.clone()].concat())),
        case("nothing behind the mark", slice.preamble.clone()),
        case("zeroes behind the mark", [slice.preamble.clone(), vec![0; 4000]].concat()),
        case("ones behind the mark", [slice.preamble.clone(), vec![0xff; 4000]].concat()),
        case("noise behind the mark", [slice.preamble.clone(), noise].concat()),
    ]
}

fn deflate() -> Vec<Case> {
    let slice = Object::slice();
    let bomb = |object: &Object, tail: usize| {
        object.rewritten(DEFLATED, |dataset| deflated(&[dataset.to_vec(), vec![0; tail]].concat()))
    };
    let header: Vec<u8> = [slice.clone().without(PIXELS).dataset(), vec![]].concat();
    let head = |object: &Object| [object.preamble.clone(), object.clone().syntax(DEFLATED).meta].concat();
    let mut broken = slice.in_deflate();
    let middle = broken.len() - 40;
    broken[middle..].fill(0x55);
    let cine = Object::cine("2147483648", 1, 1, &[7; 64]);
    vec![
        case("deflated with 60 MB of zeroes behind the pixels", bomb(&slice, 60 << 20)),
        case("deflated with 100 MB of zeroes behind the pixels", bomb(&slice, 100 << 20)),
        case("deflated 100 MB before the pixels", {
            let long =
                [header.clone(), lying((0x0029, 0x1010), "OB", 100 << 20, &vec![0; 100 << 20])].concat();
            [head(&slice), deflated(&[long, slice.elements[&PIXELS].clone()].concat())].concat()
        }),
        case("deflated empty elements", {
            [head(&slice), deflated(&[header.clone(), vec![0; 48 << 20]].concat())].concat()
        }),
        case("deflated damage", broken),
        case(
            "deflated pixels that are not there",
            bomb(&slice.clone().word(ROWS, 60_000).word(COLUMNS, 60_000), 0),
        ),
        case("deflated pixels of 7 GB behind a bomb", {
            let object = slice.clone().word(ROWS, 60_000).word(COLUMNS, 60_000);
            let object = object.raw(PIXELS, lying(PIXELS, "OW", 0xffff_fff0, &[]));
            bomb(&object, 100 << 20)
        }),
        case(
            "deflated frames without end",
            bomb(&cine.clone().raw(PIXELS, lying(PIXELS, "OB", 0xffff_fff0, &[])), 100 << 20),
        ),
        case("deflated frames of one pixel", {
            bomb(&Object::cine("3000", 32, 32, &vec![7; 3000 * 1024]), 0)
        }),
        case("a deflate stream in a zlib coat", {
            let mut bytes = head(&slice);
            bytes.extend([0x78, 0x9c]);
            bytes.extend(deflated(&slice.dataset()));
            bytes
        }),
    ]
}

/// Files of sound elements in numbers that nobody needs.
fn many() -> Vec<Case> {
    let slice = Object::slice();
    let with = |tag: Tag, bytes: Vec<u8>| slice.clone().raw(tag, bytes).bytes();
    let item = implicit(ITEM, 0, &[]);
    let items = |count: usize| item.iter().copied().cycle().take(8 * count).collect::<Vec<u8>>();
    let empty =
        |count: usize| -> Vec<u8> { (0..count).flat_map(|_| element((0x0009, 0x1010), "LO", b"")).collect() };
    vec![
        case("two million empty elements", with((0x0009, 0x1010), empty(2_000_000))),
        case("six million empty elements", with((0x0009, 0x1010), empty(6_000_000))),
        case("a million frames described", with(PER_FRAME, element(PER_FRAME, "SQ", &items(1_000_000)))),
        case("two million frames stated and described", {
            let object = slice.clone().text(FRAMES, "IS", "2000000").text(SOP_CLASS, "UI", ENHANCED_MR);
            object.raw(PER_FRAME, element(PER_FRAME, "SQ", &items(2_000_000))).bytes()
        }),
        case("a million items nobody reads", with(REFERENCED, element(REFERENCED, "SQ", &items(1_000_000)))),
        case("ten million frames of one pixel", Object::cine("10000000", 1, 1, &vec![7; 10_000_000]).bytes()),
        case("fifty thousand frames of one pixel", Object::cine("50000", 1, 1, &vec![7; 50_000]).bytes()),
        case("a million empty fragments", {
            let fragments = vec![&[][..]; 1_000_000];
            Object::cine("1000000", 1, 1, &[]).compressed(RLE, &fragments).bytes()
        }),
        case("a million fragments of one frame", {
            let fragments = vec![&[][..]; 1_000_000];
            Object::cine("1", 1, 1, &[]).compressed(RLE, &fragments).bytes()
        }),
        case(
            "a million ends of sequences",
            with((0x0009, 0x1010), implicit(ITEM_END, 0, &[]).repeat(1_000_000)),
        ),
    ]
}
