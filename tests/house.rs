//! The house: which floor each module stands on, that it imports only from floors below, and that the
//! docs list what scripts rely on.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const FLOORS: [(u8, &[&str]); 8] = [
    (1, &["geometry", "progress"]),
    (2, &["volume", "annotation"]),
    (3, &["case", "segment", "measure"]),
    (4, &["format", "view"]),
    (5, &["store", "tool", "render"]),
    (6, &["session"]),
    (7, &["desktop", "cli"]),
    (8, &["main"]),
];

/// Words of crates that only some modules may name.
const KEPT_FOR: [(&str, &[&str]); 3] =
    [("egui", &["desktop", "main"]), ("eframe", &["desktop", "main"]), ("wgpu", &["render", "desktop"])];

/// The crates the program is built of, and how the sources name them; a module of ours is called `nifti`, too.
const STACK: [(&str, &str); 8] = [
    ("egui", "egui::"),
    ("eframe", "eframe::"),
    ("wgpu", "wgpu::"),
    ("dicom-pixeldata", "dicom_pixeldata::"),
    ("nifti", "use ::nifti::"),
    ("ndarray", "ndarray::"),
    ("rfd", "rfd::"),
    ("serde_json", "serde_json::"),
];

/// Whether code names a path that begins so.
fn names(code: &str, path: &str) -> bool {
    let inside_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(path).any(|(place, _)| !code[..place].ends_with(inside_word))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src is readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The top-level module a file belongs to; `None` for `lib.rs`.
fn module_of(path: &Path, src: &Path) -> Option<String> {
    let inside = path.strip_prefix(src).expect("under src");
    let first = inside.components().next()?.as_os_str().to_str()?;
    let module = first.strip_suffix(".rs").unwrap_or(first);
    (module != "lib").then(|| module.to_owned())
}

/// The modules named after `crate::` (or, in the binary, `annotomy::`), also inside `{…}` lists.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for root in ["crate::", "annotomy::"] {
        for (place, _) in text.match_indices(root) {
            let before = text[..place].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = &text[place + root.len()..];
            if let Some(list) = rest.strip_prefix('{') {
                let mut depth = 0;
                let mut word = String::new();
                for c in list.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => found.push(std::mem::take(&mut word)),
                        _ if depth == 0 => word.push(c),
                        _ => {}
                    }
                }
                found.push(word);
            } else {
                found.push(rest.to_owned());
            }
        }
    }
    let first_word = |text: String| {
        let text = text.trim_start();
        let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
        text[..end].to_owned()
    };
    found.into_iter().map(first_word).filter(|word| !word.is_empty()).collect()
}

fn without_comments(text: &str) -> String {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    code.collect::<Vec<_>>().join("\n")
}

#[test]
fn modules_import_only_from_floors_below() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let floors: BTreeMap<&str, u8> =
        FLOORS.iter().flat_map(|(floor, modules)| modules.iter().map(|module| (*module, *floor))).collect();
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 10, "the sources were found");
    let mut wrong = Vec::new();
    for path in files {
        let Some(module) = module_of(&path, &src) else { continue };
        let Some(&floor) = floors.get(module.as_str()) else {
            wrong.push(format!("{}: module {module} stands on no floor", path.display()));
            continue;
        };
        let code = without_comments(&fs::read_to_string(&path).expect("readable"));
        for import in imports(&code) {
            let allowed = match floors.get(import.as_str()) {
                Some(&below) => import == module || below < floor,
                // Macros and items of the crate root belong to nobody.
                None => true,
            };
            if !allowed {
                wrong.push(format!("{}: {module} (floor {floor}) imports {import}", path.display()));
            }
        }
        for (word, allowed) in KEPT_FOR {
            if names(&code, &format!("{word}::")) && !allowed.contains(&module.as_str()) {
                wrong.push(format!("{}: {module} names {word}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "the house leans:\n{}", wrong.join("\n"));
}

#[test]
fn the_stack_is_named_and_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("Cargo.toml is readable");
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    let code = files.iter().map(|path| without_comments(&fs::read_to_string(path).expect("readable")));
    let code: Vec<String> = code.collect();
    for (name, path) in STACK {
        let entry = format!("{name} = ");
        assert!(manifest.lines().any(|line| line.starts_with(&entry)), "{name} is a dependency");
        assert!(code.iter().any(|code| names(code, path)), "{name} is used");
    }
}

#[test]
fn the_reader_of_imports_sees_every_form() {
    let check = |text: &str, expected: &[&str]| assert_eq!(imports(text), expected, "{text}");
    check("use crate::geometry::Point;", &["geometry"]);
    check("use crate::{case::Case, volume::{Brick, LabelMap}, view};", &["case", "volume", "view"]);
    check("let x = crate::tool::brush::Brush;", &["tool"]);
    check("use annotomy::cli;", &["cli"]);
    check("use my_crate::case;", &[]);
}

#[test]
fn the_docs_list_every_code() {
    use annotomy::format::{DoubtCode, RefusalCode};
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/formats.md"));
    let docs = docs.expect("docs/formats.md is readable");
    let (warnings, refusals) = docs
        .split_once("### Warnings")
        .and_then(|(_, codes)| codes.split_once("### Refusals"))
        .expect("a table of warnings, then one of refusals");
    let check = |table: &str, expected: Vec<&str>| {
        let listed = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        assert_eq!(listed.collect::<Vec<_>>(), expected);
    };
    check(warnings, DoubtCode::ALL.iter().map(|code| code.word()).collect());
    check(refusals, RefusalCode::ALL.iter().map(|code| code.word()).collect());
}

#[test]
fn the_map_shows_the_floors_as_they_are() {
    let map = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md"));
    let map = map.expect("ARCHITECTURE.md is readable");
    for (floor, modules) in FLOORS {
        let start = format!("| {floor} | ");
        let row =
            map.lines().find_map(|line| line.strip_prefix(start.as_str())).expect("a row for each floor");
        let names = row.split('|').next().unwrap_or_default().split_whitespace();
        let shown = names.map(|name| name.trim_matches('`').trim_end_matches(".rs").trim_end_matches('/'));
        assert_eq!(shown.collect::<Vec<_>>(), modules, "floor {floor}");
    }
}
