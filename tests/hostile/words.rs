//! Texts in DICOM files that are no texts of the character set they name, or more than one.

use crate::case::Case;
use crate::dicom::*;

const CHARACTER_SET: Tag = (0x0008, 0x0005);

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let case = |name: String, object: Object| Case::dicom(format!("words/{name}"), object.bytes());
    let texts: [(&str, &[u8]); 8] = [
        ("bytes of no set", &[0x80, 0xff, 0xfe, 0xc0, 0x81, 0xf5]),
        ("half a sequence", &[0xe6, 0x82]),
        ("escapes to nowhere", b"\x1b$)Z\x1b(Q\x1b\x1b\x1b$"),
        ("escapes into Japanese", b"\x1b$B;3ED\x1b(B^\x1b$B"),
        ("escapes that steer", b"\x1b[31mred\x1b]0;title\x07\x1b[2J\x1bc"),
        ("lines and bells", b"a\r\nb\x07\x08\x0c\x0bc\x00d"),
        ("C1 controls", b"\xc2\x9b31m\xc2\x85\x9b2J"),
        ("turns of direction", "a\u{202e}b\u{2066}c\u{200f}".as_bytes()),
    ];
    let sets = [
        "",
        "ISO_IR 100",
        "ISO_IR 192",
        "GB18030",
        "ISO_IR 13",
        "ISO 2022 IR 87",
        "\\ISO 2022 IR 87",
        "\\ISO 2022 IR 149",
        "ISO_IR 999",
        "\\\\\\\\",
        "ISO 2022 IR 6\\ISO 2022 IR 87\\ISO 2022 IR 159",
    ];
    for set in sets {
        for (what, text) in texts {
            let object = Object::slice().text(CHARACTER_SET, "CS", set).value(DESCRIPTION, "LO", text);
            cases.push(case(format!("{what} in {set}"), object));
        }
    }
    for (what, text) in texts {
        for (name, tag, vr) in [
            ("modality", MODALITY, "CS"),
            ("series", (0x0020, 0x000e), "UI"),
            ("SOP class", SOP_CLASS, "UI"),
            ("photometric", PHOTOMETRIC, "CS"),
            ("unit", (0x0028, 0x1054), "LO"),
            ("character set", CHARACTER_SET, "CS"),
            ("frame of reference", (0x0020, 0x0052), "UI"),
            ("position", POSITION, "DS"),
        ] {
            cases.push(case(format!("{what} as {name}"), Object::slice().value(tag, vr, text)));
        }
    }
    let long = vec![b'x'; 1 << 20];
    for (name, tag) in [
        ("description", DESCRIPTION),
        ("modality", MODALITY),
        ("series", (0x0020, 0x000e)),
        ("character set", CHARACTER_SET),
    ] {
        cases.push(case(format!("{name} of a megabyte"), Object::slice().value(tag, "UT", &long)));
        cases.push(case(format!("{name} of 200 KB"), Object::slice().value(tag, "UT", &long[..200_000])));
        cases.push(case(
            format!("{name} of 200 KB of backslashes"),
            Object::slice().value(tag, "UT", &vec![b'\\'; 200_000]),
        ));
        cases.push(case(
            format!("{name} of 200 KB of escapes"),
            Object::slice().text(CHARACTER_SET, "CS", "\\ISO 2022 IR 87").value(
                tag,
                "UT",
                &b"\x1b$B\x1b(B".repeat(25_000),
            ),
        ));
    }
    cases
}
