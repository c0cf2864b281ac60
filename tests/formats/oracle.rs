//! What tests need from outside: the real studies, and a Python with the foreign readers.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of real studies; `None`, and said so, where it is not there.
pub(crate) fn studies() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = std::env::var_os("ANNOTOMY_DATA").map_or(beside, PathBuf::from);
    if folder.join("truth.json").is_file() {
        return Some(folder);
    }
    let required = std::env::var_os("ANNOTOMY_REQUIRE_DATA").is_some_and(|value| value == "1");
    assert!(!required, "the studies are required and not at {}", folder.display());
    println!("skipped: no studies at {} (set ANNOTOMY_DATA)", folder.display());
    None
}

/// Runs a Python program with arguments and gives what it printed; `None`, and said so, where there
/// is no interpreter with the readers.
pub(crate) fn python(program: &str, arguments: &[&Path]) -> Option<String> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    let interpreter = std::env::var_os("ANNOTOMY_PYTHON").map_or(own, PathBuf::from);
    if !interpreter.is_file() {
        let required = std::env::var_os("ANNOTOMY_REQUIRE_ORACLES").is_some_and(|value| value == "1");
        assert!(!required, "the oracles are required and {} is not there", interpreter.display());
        println!("skipped: no Python at {} (set ANNOTOMY_PYTHON)", interpreter.display());
        return None;
    }
    let output =
        Command::new(interpreter).arg("-c").arg(program).args(arguments).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}
