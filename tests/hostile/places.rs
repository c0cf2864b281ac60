//! What can lie at a path beside a plain file, names that are none, and folders of many files.

use std::ffi::OsString;

use crate::case::{Case, Chance, Content, Probe, file};
use crate::dicom::*;
use crate::nifti::{gzip, put, sound};

pub(crate) fn cases() -> Vec<Case> {
    [kinds(), names(), folders(), directories(), shrinking()].into_iter().flatten().collect()
}

fn case(name: &str, files: Vec<(OsString, Content)>, open: &str) -> Case {
    Case::new(format!("places/{name}"), files, open)
}

fn kinds() -> Vec<Case> {
    let good = || file("good.nii", sound());
    let cases = vec![
        case("nothing there", vec![], "absent.nii"),
        case("an empty folder", vec![("empty".into(), Content::Folder)], "empty"),
        case("an empty file", vec![file("a.nii", "")], "a.nii"),
        case("an empty file without ending", vec![file("IM0", "")], "IM0"),
        case("a folder named as a file", vec![("a.nii".into(), Content::Folder)], "a.nii"),
        case("a folder named as a file in a folder", vec![("a.nii".into(), Content::Folder), good()], ""),
        case("a path through a file", vec![good()], "good.nii/a.nii"),
        case("4 TB of nothing", vec![("a.nii".into(), Content::Sparse(4 << 40))], "a.nii"),
        case("4 TB of nothing without ending", vec![("IM0".into(), Content::Sparse(4 << 40))], "IM0"),
    ];
    #[cfg(unix)]
    let cases = [cases, kinds_of_unix()].concat();
    cases
}

#[cfg(unix)]
fn kinds_of_unix() -> Vec<Case> {
    let good = || file("good.nii", sound());
    let link = |name: &str, target: &str| (OsString::from(name), Content::Link(target.into()));
    vec![
        case("a pipe", vec![("a.nii".into(), Content::Pipe)], "a.nii"),
        case("a pipe in a folder", vec![("a.nii".into(), Content::Pipe), good()], ""),
        case(
            "a pipe as samples",
            vec![file("a.hdr", pair_header()), ("a.img".into(), Content::Pipe)],
            "a.hdr",
        ),
        case(
            "a link to a pipe",
            vec![("pipe".into(), Content::Pipe), link("a.nii", "pipe"), good()],
            "a.nii",
        ),
        case("a socket", vec![("a.nii".into(), Content::Socket)], "a.nii"),
        case("a socket in a folder", vec![("a.nii".into(), Content::Socket), good()], ""),
        case("a device without end", vec![link("a.nii", "/dev/zero")], "a.nii"),
        case("a device that is a link in a folder", vec![link("a.nii", "/dev/zero"), good()], ""),
        case(
            "a device of noise as samples",
            vec![file("a.hdr", pair_header()), link("a.img", "/dev/urandom")],
            "a.hdr",
        ),
        case("a file that the system makes up", vec![link("a.nii", "/proc/self/maps")], "a.nii"),
        case("a link to itself", vec![link("a.nii", "a.nii")], "a.nii"),
        case("links in a circle", vec![link("a", "b"), link("b", "a"), good()], ""),
        case("a link to the folder around it", vec![link("x/up", ".."), good()], ""),
        case("a link out of the folder", vec![link("x/root", "/"), good()], ""),
        case("a link to nothing", vec![link("a.nii", "absent"), good()], ""),
        case("a link to a good file", vec![link("a.nii", "good.nii"), good()], "a.nii"),
    ]
}

#[cfg(unix)]
fn pair_header() -> Vec<u8> {
    let mut header = sound()[..348].to_vec();
    put(&mut header, 344, b"ni1\0");
    put(&mut header, 108, &0f32.to_le_bytes());
    header
}

fn names() -> Vec<Case> {
    let cut = sound()[..370].to_vec();
    let slice = Object::slice().text((0x0020, 0x000e), "UI", "").bytes();
    let mut cases = Vec::new();
    for (what, name) in [
        ("a line's end", "a\nb"),
        ("an escape", "a\u{1b}[2Jb"),
        ("a bell", "a\u{7}b"),
        ("a turn of direction", "a\u{202e}b"),
        ("right to left", "סריקה"),
        ("spaces", "  a b  "),
        ("255 bytes", &"ü".repeat(120)),
        ("a dash", "-rf"),
        ("a quote", "a\"b'c"),
        ("a per cent", "%s%n"),
        ("a dot", "."),
    ] {
        for (kind, bytes) in [("good", sound()), ("bad", cut.clone())] {
            let name = format!("{name}.nii");
            let files = vec![(name.clone().into(), Content::Bytes(bytes))];
            cases.push(case(&format!("{what} in a name, {kind}"), files.clone(), &name));
            cases.push(case(&format!("{what} in a name in a folder, {kind}"), files, ""));
        }
        let dicom = vec![(name.into(), Content::Bytes(slice.clone()))];
        if name != "." {
            cases.push(case(&format!("{what} in a name of DICOM"), dicom, ""));
        }
    }
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStringExt;
        let name = OsString::from_vec(b"a\xff\xfe\x80.nii".to_vec());
        for (kind, bytes) in [("good", sound()), ("bad", cut)] {
            let files = vec![(name.clone(), Content::Bytes(bytes))];
            cases.push(Case::new(
                format!("places/a name that is no text, {kind}"),
                files.clone(),
                name.clone(),
            ));
            cases.push(Case::folder(format!("places/a name that is no text in a folder, {kind}"), files));
        }
    }
    cases
}

fn folders() -> Vec<Case> {
    let mut chance = Chance::new(5);
    let slices = |count: u16, place: &mut dyn FnMut(u16) -> String| -> Vec<(OsString, Content)> {
        let slice = |n: u16| {
            let object = Object::slice().text((0x0008, 0x0018), "UI", &format!("1.2.3.4.{n}"));
            let object = object.text((0x0020, 0x0013), "IS", &n.to_string()).text(POSITION, "DS", &place(n));
            file(format!("IM{n}"), object.bytes())
        };
        (0..count).map(slice).collect()
    };
    let mut bad_and_good = slices(3, &mut |n| format!("0\\0\\{n}"));
    let bad = [
        (
            "bomb",
            [lying(PER_FRAME, "SQ", UNDEFINED, &[]), implicit(ITEM, UNDEFINED, &[])].concat().repeat(50_000),
        ),
        ("long", lying((0x0029, 0x1010), "OB", 0x7fff_fff0, &[])),
        ("many", element((0x0009, 0x1010), "LO", b"").repeat(500_000)),
    ];
    for (name, bytes) in bad {
        bad_and_good.push(file(name, Object::slice().raw((0x0009, 0x1010), bytes).bytes()));
    }
    bad_and_good.extend([
        file("bad.nii", "no header"),
        file("good.nii", sound()),
        file("bad.nii.gz", gzip(b"text")),
    ]);
    let deep: String = (0..200).map(|_| "d/").collect();
    let one_by_one: Vec<_> = (0..1500).map(|n| file(format!("{n}.nii"), sound())).collect();
    let rising: Vec<f64> = (0..2000)
        .scan(0.0, |z, _| {
            Some({
                *z += 0.5 + chance.below(1000) as f64;
                *z
            })
        })
        .collect();
    let turned = |n: u16| {
        let (sin, cos) = (f64::from(n) * 0.01).sin_cos();
        let object = Object::slice().text((0x0008, 0x0018), "UI", &format!("1.2.3.4.{n}"));
        let object =
            object.text(ORIENTATION, "DS", &format!("{cos:.6}\\{sin:.6}\\0\\{:.6}\\{cos:.6}\\0", -sin));
        file(format!("IM{n}"), object.bytes())
    };
    vec![
        Case::folder("places/bad files among good ones", bad_and_good),
        Case::folder("places/5,000 slices at one place", slices(5000, &mut |_| "0\\0\\0".into())),
        Case::folder(
            "places/2,000 slices at uneven places",
            slices(2000, &mut |n| format!("0\\0\\{}", rising[usize::from(n)])),
        ),
        Case::folder("places/1,000 slices in all directions", (0..600).map(turned).collect()),
        Case::folder("places/1,500 volumes", one_by_one),
        Case::folder("places/a file 200 folders deep", vec![file(format!("{deep}a.nii"), sound())]),
        Case::folder(
            "places/no study among texts",
            (0..200).map(|n| file(format!("{n}.txt"), "text")).collect(),
        ),
        Case::folder(
            "places/one slice two hundred times",
            (0..200).map(|n| file(format!("IM{n}"), Object::slice().bytes())).collect(),
        ),
    ]
}

/// DICOMDIR files that name what they should not.
fn directories() -> Vec<Case> {
    let named = |parts: &str| element((0x0004, 0x1500), "CS", parts.as_bytes());
    let directory = |records: &[Vec<u8>]| {
        let object = Object {
            preamble: Object::slice().preamble,
            meta: vec![],
            elements: Default::default(),
            tail: vec![],
        };
        let object = object.syntax(EXPLICIT).text(SOP_CLASS, "UI", "1.2.840.10008.1.3.10");
        object.raw((0x0004, 0x1220), sequence((0x0004, 0x1220), records)).bytes()
    };
    let with = |name: &str, records: &[Vec<u8>]| {
        let files = vec![
            file("inside/DICOMDIR", directory(records)),
            file("inside/IM0", Object::slice().bytes()),
            file("outside", Object::slice().bytes()),
        ];
        case(&format!("a DICOMDIR {name}"), files, "inside/DICOMDIR")
    };
    let mut cases = vec![
        with("that is sound", &[named("IM0")]),
        with("that names nothing", &[]),
        with("that names itself", &[named("DICOMDIR")]),
        with("that names one file often", &vec![named("IM0"); 1000]),
        with("that names 100,000 files", &(0..100_000).map(|n| named(&format!("F{n}"))).collect::<Vec<_>>()),
        with("that names the folder", &[named("")]),
        with("that names a name of 60 KB", &[named(&"A".repeat(60_000))]),
        with(
            "of links between records",
            &[[named("IM0"), element((0x0004, 0x1400), "UL", &[0; 4])].concat()],
        ),
    ];
    for (name, parts) in [
        ("up", "..\\outside"),
        ("up in the middle", "A\\..\\..\\outside"),
        ("a slash up", "../outside"),
        ("from the root", "\\etc\\passwd"),
        ("from the root by a slash", "/etc/passwd"),
        ("a drive", "C:\\outside"),
        ("a device", "CON"),
        ("zero bytes", "IM0\0\0..\\outside"),
        ("a line's end", "a\nb"),
        ("an escape", "a\x1b[2J"),
    ] {
        cases.push(with(&format!("that names {name}"), &[named(parts)]));
    }
    let chain = |n: usize| file(format!("D{n}"), directory(&[named(&format!("D{}", (n + 1) % 300))]));
    cases.push(case("300 DICOMDIRs in a circle", (0..300).map(chain).collect(), "D0"));
    #[cfg(unix)]
    cases.push(case(
        "a DICOMDIR that names a pipe",
        vec![file("DICOMDIR", directory(&[named("PIPE")])), ("PIPE".into(), Content::Pipe)],
        "DICOMDIR",
    ));
    #[cfg(unix)]
    cases.push(case(
        "a DICOMDIR that names a link out of the folder",
        vec![
            file("inside/DICOMDIR", directory(&[named("IM0")])),
            ("inside/IM0".into(), Content::Link("../outside".into())),
            file("outside", Object::slice().bytes()),
        ],
        "inside/DICOMDIR",
    ));
    cases
}

/// Files that another thread cuts short while they are read.
fn shrinking() -> Vec<Case> {
    let mut volume = sound();
    put(&mut volume, 42, &[0, 1, 0, 1, 80, 0]);
    let noise = |length: usize| (0..length as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 11) as u8);
    volume.truncate(352);
    volume.extend(noise(256 * 256 * 80 * 2));
    let pixels: Vec<u8> = noise(1024 * 1024 * 4).collect();
    let slices = Object::cine("4", 1024, 1024, &pixels).bytes();
    let shrinking = |name: &str, path: &str, bytes: Vec<u8>| {
        case(&format!("a {name} that shrinks"), vec![file(path, bytes)], path).probed(Probe::Shrinking)
    };
    vec![
        shrinking("volume", "a.nii", volume.clone()),
        shrinking("compressed volume", "a.nii.gz", gzip(&volume[..2 << 20])),
        shrinking("cine", "IM0", slices),
    ]
}
