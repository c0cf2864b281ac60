//! `annotomy verify` as scripts call it.

use std::path::Path;
use std::process::Command;

use annotomy::format::Silent;
use serde_json::Value;

use crate::desk::{Desk, SQUARE, grid, marked, write_study};

/// Exit code, standard output and standard error.
fn verify(arguments: &[&str], sidecar: &Path) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_annotomy"))
        .arg("verify")
        .args(arguments)
        .arg(sidecar)
        .output()
        .expect("starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_saved_case_verifies_until_something_changes() {
    let desk = Desk::new();
    let saved = desk.save(&marked(&desk.study().volume, 2, 0));
    let (code, told, complaint) = verify(&[], &saved.sidecar);
    assert_eq!((code, complaint.as_str()), (Some(0), ""));
    assert_eq!(told.lines().count(), 5);
    assert!(told.lines().all(|line| line.starts_with("ok ")), "{told}");

    write_study(&desk.path, &grid(SQUARE), 1);
    let (code, told, complaint) = verify(&["--json"], &saved.sidecar);
    assert_eq!(code, Some(1));
    let report: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(report["agrees"], Value::Bool(false));
    assert_eq!(report["checks"][0]["subject"], "study");
    assert_eq!(report["checks"][0]["ok"], Value::Bool(false));
    assert_eq!(report["checks"][1]["ok"], Value::Bool(true));
    assert!(
        complaint.contains("ct.annotomy.json") && complaint.contains("its voxels changed"),
        "{complaint}"
    );
    assert_eq!(complaint.lines().count(), 1);

    std::fs::remove_file(&desk.path).expect("removed");
    let (code, _, complaint) = verify(&[], &saved.sidecar);
    assert_eq!((code, complaint.lines().count()), (Some(1), 1), "{complaint}");
    assert_eq!(verify(&["--nonsense"], &saved.sidecar).0, Some(2));
    assert_eq!(verify(&[], Path::new("no such file")).0, Some(1));
}

#[test]
fn names_of_marks_steer_no_terminal() {
    use annotomy::session::{Document, ScriptStep};
    let desk = Desk::new();
    let mut document = Document::open(&desk.path, "Ada", &annotomy::format::Silent).expect("opens");
    let step = r#"{"tool": "landmark", "name": "\u001b[2J\u202egone", "point_lps": [9000, 0, 0]}"#;
    document.session.run_step(&ScriptStep::from_text(step).expect("a step")).expect("made");
    let job = document.save_job(None, annotomy::store::Overwrite::Seen);
    let saved = document.saved(job.run(&Silent)).expect("saved");
    let (code, told, _) = verify(&[], &saved.sidecar);
    assert_eq!(code, Some(0));
    assert!(told.contains("\u{fffd}[2J\u{fffd}gone") && !told.contains(['\u{1b}', '\u{202e}']), "{told:?}");
}
