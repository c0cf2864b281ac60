//! Sidecars, tables and lists of steps that lie: none makes us read or write outside its folder.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::case::{Case, Chance, Content, Probe, file};
use crate::nifti::{gzip, sound};

/// A case as the program itself saves it: sidecar, mask and table.
struct Saved {
    sidecar: Value,
    mask: Vec<u8>,
    table: Vec<u8>,
}

const STEPS: &str = r##"{"steps": [
    {"tool": "label", "index": 1, "name": "Lesion", "color": "#e69f00", "locked": false},
    {"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 2, "points_lps": [[10, 20, 30]]},
    {"tool": "box", "label": 1, "min_lps": [0, 0, 0], "max_lps": [5, 5, 5]},
    {"tool": "landmark", "name": "Sella", "point_lps": [1, 2, 3]}]}"##;

fn saved() -> Saved {
    let folder = tempfile::tempdir().expect("a folder");
    let (study, steps) = (folder.path().join("ct.nii"), folder.path().join("steps.json"));
    std::fs::write(&study, sound()).expect("written");
    std::fs::write(&steps, STEPS).expect("written");
    let program = Command::new(env!("CARGO_BIN_EXE_annotomy"));
    let mut program = program;
    let done =
        program.arg("apply").args([&study, &steps]).arg("--out").arg(folder.path()).output().expect("starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let read = |name: &str| std::fs::read(folder.path().join(name)).expect(name);
    Saved {
        sidecar: serde_json::from_slice(&read("ct.annotomy.json")).expect("JSON"),
        mask: read("ct_dseg.nii.gz"),
        table: read("ct_dseg.tsv"),
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let saved = saved();
    [sidecars(&saved), tables(&saved), masks(&saved), steps()].into_iter().flatten().collect()
}

/// A saved case whose sidecar, mask and table are these bytes; opened by its sidecar and by its study.
fn case(name: &str, sidecar: &[u8], mask: &[u8], table: &[u8]) -> Vec<Case> {
    let files = vec![
        file("in/ct.nii", sound()),
        file("in/ct.annotomy.json", sidecar),
        file("in/ct_dseg.nii.gz", mask),
        file("in/ct_dseg.tsv", table),
        file("secret.nii.gz", mask),
    ];
    let by = |probe, words: &str| {
        Case::new(format!("papers/{name}{words}"), files.clone(), "in/ct.annotomy.json").probed(probe)
    };
    vec![by(Probe::Sidecar, ""), by(Probe::Marks, ", beside its study")]
}

fn sidecars(saved: &Saved) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut with =
        |name: String, sidecar: Vec<u8>| cases.extend(case(&name, &sidecar, &saved.mask, &saved.table));
    let text = saved.sidecar.to_string();
    with("sidecar: sound".into(), text.clone().into());
    for part in 0..8 {
        with(format!("sidecar: cut at {part}/8"), text[..text.len() * part / 8].into());
    }
    for (name, bytes) in [
        ("zeroes", vec![0; 1000]),
        ("noise", (0..4000u32).map(|n| (n * 89 % 251) as u8).collect()),
        ("a number", b"1e999".to_vec()),
        ("a list", b"[]".to_vec()),
        ("lists 100,000 deep", b"[".repeat(100_000)),
        ("objects 100,000 deep", br#"{"a":"#.repeat(100_000)),
        ("two sidecars", [text.as_bytes(), text.as_bytes()].concat()),
        ("a megabyte of spaces", vec![b' '; 1 << 20]),
        ("a mark of byte order", [b"\xef\xbb\xbf", text.as_bytes()].concat()),
        (
            "broken UTF-8",
            text.replace("Lesion", "L\u{1}sion")
                .into_bytes()
                .into_iter()
                .map(|b| if b == 1 { 0xff } else { b })
                .collect(),
        ),
        ("a name twice", text.replacen('{', r#"{"annotomy": 1, "annotomy": 7,"#, 1).into_bytes()),
        (
            "a megabyte of unknown names",
            text.replacen('{', &format!(r#"{{"x": "{}","#, "y".repeat(1 << 20)), 1).into_bytes(),
        ),
    ] {
        with(format!("sidecar: {name}"), bytes);
    }
    for version in
        [json!(0), json!(-1), json!(2), json!(1.5), json!("1"), json!(null), json!(u64::MAX), json!([1])]
    {
        let mut sidecar = saved.sidecar.clone();
        sidecar["annotomy"] = version.clone();
        with(format!("sidecar: of version {version}"), sidecar.to_string().into());
    }
    for name in [
        "../secret.nii.gz",
        "/etc/passwd",
        "..",
        ".",
        "",
        "a/b",
        "in\\..\\secret",
        "\0",
        "ct_dseg.nii.gz/",
        "C:\\x",
        "a\nb\u{1b}[2J",
    ] {
        for (what, place) in
            [("mask", "/layers/0/file"), ("table", "/table/file"), ("study", "/study/files/0")]
        {
            let mut sidecar = saved.sidecar.clone();
            *sidecar.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = json!(name);
            with(format!("sidecar: a {what} called {}", name.escape_debug()), sidecar.to_string().into());
        }
    }
    for id in ["../secret", "../../x", "/x", "a\u{0}b", ""] {
        let mut sidecar = saved.sidecar.clone();
        sidecar["save_id"] = json!(id);
        sidecar["layers"][0]["sha256"] = json!("0".repeat(64));
        with(format!("sidecar: a save called {}", id.escape_debug()), sidecar.to_string().into());
    }
    // Every value replaced by each of some others.
    let mut places = Vec::new();
    list(&saved.sidecar, String::new(), &mut places);
    let mut chance = Chance::new(9);
    let values = [
        json!(null),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!("x\u{1b}[2J\n"),
        json!([]),
        json!({}),
        json!(true),
    ];
    for place in places {
        let value = values[chance.below(values.len())].clone();
        let mut sidecar = saved.sidecar.clone();
        *sidecar.pointer_mut(&place).expect("listed") = value.clone();
        with(format!("sidecar: {place} is {}", value.to_string().escape_debug()), sidecar.to_string().into());
    }
    cases
}

/// The places of all values.
fn list(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| list(value, format!("{place}/{name}"), places))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, value)| list(value, format!("{place}/{n}"), places))
        }
        _ => {}
    }
    if !place.is_empty() {
        places.push(place);
    }
}

fn tables(saved: &Saved) -> Vec<Case> {
    let long = format!("index\tname\n1\t{}\n", "x".repeat(1 << 20));
    let many: String = std::iter::once("index\tname\n".to_owned())
        .chain((0..200_000).map(|n| format!("{}\tL{n}\n", n % 65_536)))
        .collect();
    let tables: [(&str, &[u8]); 12] = [
        ("empty", b""),
        ("zeroes", &[0; 500]),
        ("no columns", b"\n\n\n"),
        ("without index", b"name\nA\n"),
        ("of an index of 70,000", b"index\tname\n70000\tA\n"),
        ("of an index below zero", b"index\tname\n-1\tA\n"),
        ("of names that steer", b"index\tname\n1\t\x1b[2J\x07\n"),
        ("of broken UTF-8", b"index\tname\n1\t\xff\xfe\n"),
        ("of an open quote", b"index\tname\n1\t\"A\n2\tB\n"),
        ("of 100,000 tabs", &[b'\t'; 100_000]),
        ("of a name of a megabyte", long.as_bytes()),
        ("of 200,000 rows", many.as_bytes()),
    ];
    let with = |(name, table): (&str, &[u8])| {
        let files = vec![
            file("ct.nii", sound()),
            file("ct_dseg.nii.gz", saved.mask.clone()),
            file("ct_dseg.tsv", table),
        ];
        Case::new(format!("papers/a table {name}"), files, "ct_dseg.tsv").probed(Probe::Marks)
    };
    tables.into_iter().map(with).collect()
}

fn masks(saved: &Saved) -> Vec<Case> {
    let sidecar = saved.sidecar.to_string();
    let mask = &saved.mask;
    let masks = [
        ("empty", vec![]),
        ("cut", mask[..mask.len() / 2].to_vec()),
        ("of text", b"text".to_vec()),
        ("compressed twice", gzip(mask)),
        ("that is the study", gzip(&sound())),
    ];
    let mut cases: Vec<Case> = masks
        .into_iter()
        .flat_map(|(name, mask)| case(&format!("a mask {name}"), sidecar.as_bytes(), &mask, &saved.table))
        .collect();
    let missing = vec![file("ct.nii", sound()), file("ct.annotomy.json", sidecar.clone())];
    cases.push(Case::new("papers/a sidecar alone", missing, "ct.annotomy.json").probed(Probe::Sidecar));
    let no_study = vec![file("ct.annotomy.json", sidecar.clone()), file("ct_dseg.nii.gz", mask.clone())];
    cases.push(
        Case::new("papers/a sidecar without its study", no_study, "ct.annotomy.json").probed(Probe::Sidecar),
    );
    let folder = vec![file("ct.nii", sound()), ("ct.annotomy.json".into(), Content::Folder)];
    cases.push(
        Case::new("papers/a sidecar that is a folder", folder, "ct.annotomy.json").probed(Probe::Sidecar),
    );
    #[cfg(unix)]
    {
        let pipe = vec![
            file("ct.nii", sound()),
            file("ct.annotomy.json", sidecar),
            ("ct_dseg.nii.gz".into(), Content::Pipe),
        ];
        cases
            .push(Case::new("papers/a mask that is a pipe", pipe, "ct.annotomy.json").probed(Probe::Sidecar));
        let pipe = vec![file("ct.nii", sound()), ("ct.annotomy.json".into(), Content::Pipe)];
        cases.push(
            Case::new("papers/a sidecar that is a pipe", pipe.clone(), "ct.annotomy.json")
                .probed(Probe::Sidecar),
        );
        cases.push(
            Case::new("papers/a sidecar that is a pipe, beside its study", pipe, "ct.nii")
                .probed(Probe::Marks),
        );
        let endless = vec![
            file("ct.nii", sound()),
            ("ct.annotomy.json".into(), Content::Link(Path::new("/dev/zero").into())),
        ];
        cases.push(
            Case::new("papers/a sidecar without end", endless, "ct.annotomy.json").probed(Probe::Sidecar),
        );
    }
    cases
}

fn steps() -> Vec<Case> {
    let brush = |radius: &str, points: &str| {
        format!(
            r#"{{"steps": [{{"tool": "brush", "label": 1, "shape": "ball", "radius_mm": {radius}, "points_lps": {points}}}]}}"#
        )
    };
    let one = |step: &str| format!(r#"{{"steps": [{step}]}}"#);
    let zigzag: Vec<String> = (0..20_000).map(|n| format!("[{},{},30]", n % 7, n % 11)).collect();
    let texts = [
        ("sound", STEPS.to_owned()),
        ("empty", String::new()),
        ("no list", "{}".to_owned()),
        ("deep", "[".repeat(200_000)),
        ("of an unknown tool", one(r#"{"tool": "spray"}"#)),
        ("of a name twice", one(r#"{"tool": "undo", "times": 1, "times": 2}"#)),
        ("of undo without end", one(r#"{"tool": "undo", "times": 18446744073709551615}"#)),
        ("of undo beyond numbers", one(r#"{"tool": "undo", "times": 1e30}"#)),
        ("of a label of 70,000", one(r#"{"tool": "label", "index": 70000, "name": "x"}"#)),
        ("of a label of 0", one(r#"{"tool": "label", "index": 0, "name": "x"}"#)),
        (
            "of a colour that is none",
            one(r##"{"tool": "label", "index": 1, "name": "x", "color": "#zzzzzz"}"##),
        ),
        ("of a colour that is long", one(r##"{"tool": "label", "index": 1, "name": "x", "color": "#üüü"}"##)),
        ("of a great radius", brush("1e300", "[[0,0,0]]")),
        ("of a radius beyond numbers", brush("1e999", "[[0,0,0]]")),
        ("of a small radius", brush("1e-300", "[[0,0,0]]")),
        ("of a radius of 0", brush("0", "[[0,0,0]]")),
        ("of a radius below 0", brush("-5", "[[0,0,0]]")),
        ("of no points", brush("2", "[]")),
        ("of points of two numbers", brush("2", "[[0,0]]")),
        ("of points beyond numbers", brush("2", "[[1e308,-1e308,1e308],[-1e308,1e308,0]]")),
        ("of points far away", brush("2", "[[1e12,0,0],[-1e12,0,0]]")),
        ("of 20,000 points", brush("3", &format!("[{}]", zigzag.join(",")))),
        (
            "of a box beyond numbers",
            one(r#"{"tool": "box", "min_lps": [-1e308,-1e308,-1e308], "max_lps": [1e308,1e308,1e308]}"#),
        ),
        ("of a box inside out", one(r#"{"tool": "box", "min_lps": [5,5,5], "max_lps": [0,0,0]}"#)),
        (
            "of a landmark of a megabyte",
            one(&format!(
                r#"{{"tool": "landmark", "name": "{}", "point_lps": [0,0,0]}}"#,
                "x".repeat(1 << 20)
            )),
        ),
        (
            "of a range inside out",
            one(
                r#"{"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 2, "points_lps": [[0,0,0]], "range": [5, 1]}"#,
            ),
        ),
        ("of 5,000 undos and redos", {
            let pair = r#"{"tool": "landmark", "name": "x", "point_lps": [0,0,0]},{"tool": "undo"},{"tool": "redo"}"#;
            one(&vec![pair; 2500].join(","))
        }),
    ];
    let with = |(name, text): (&str, String)| {
        let files = vec![file("ct.nii", sound()), file("steps.json", text)];
        Case::new(format!("papers/steps {name}"), files, "steps.json").probed(Probe::Steps)
    };
    texts.into_iter().map(with).collect()
}
