//! What the program prints of hostile names and texts: lines that steer no terminal.

use std::path::Path;
use std::process::Command;

use crate::dicom::{DESCRIPTION, FRAMES, MODALITY, Object};
use crate::nifti::sound;

/// Standard output and standard error of a command.
fn printed(arguments: &[&str], path: &Path) -> [String; 2] {
    let program =
        Command::new(env!("CARGO_BIN_EXE_annotomy")).args(arguments).arg(path).output().expect("starts");
    [program.stdout, program.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"))
}

#[test]
fn nothing_printed_steers_a_terminal() {
    let escape = "a\u{1b}[2J\u{7}\u{202e}b\nc";
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("written");
    write(&format!("{escape}.nii"), &sound());
    write(&format!("{escape} cut.nii"), &sound()[..370]);
    let slice = Object::slice().text(DESCRIPTION, "LO", escape).text(MODALITY, "CS", escape);
    write(escape, &slice.bytes());
    write(&format!("{escape} frames"), &Object::slice().text(FRAMES, "IS", escape).bytes());
    write(&format!("{escape}.annotomy.json"), br#"{"annotomy": 1, "labels": "\u001b[2J"}"#);
    let checked = |arguments: &[&str], path: &Path| {
        let told = printed(arguments, path);
        for text in &told {
            let steers = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
            assert!(!text.contains(steers), "{arguments:?}: {text:?}");
        }
        assert!(told[1].lines().count() <= 1, "{arguments:?}: {told:?}");
        told
    };
    let [report, complaint] = checked(&["info"], folder.path());
    assert!(complaint.is_empty() && report.matches("a\u{fffd}[2J").count() >= 3, "{report}");
    for name in [".nii", " cut.nii", "", " frames", ".annotomy.json", " absent"] {
        checked(&["info"], &folder.path().join(format!("{escape}{name}")));
        checked(&["verify"], &folder.path().join(format!("{escape}{name}")));
    }
}
