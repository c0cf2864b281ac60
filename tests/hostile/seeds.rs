//! Files that broke something once, each named after what it broke.

use std::path::Path;

use crate::case::{Case, Probe};

pub(crate) fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/seeds");
    // A folder without files is not kept by git.
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.retain(|path| !path.ends_with(".gitattributes"));
    let case = |path: &std::path::PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let case = Case::file(format!("seeds/{name}"), &name, std::fs::read(path).expect("readable"));
        if name.ends_with(".annotomy.json") { case.probed(Probe::Sidecar) } else { case }
    };
    paths.iter().map(case).collect()
}
