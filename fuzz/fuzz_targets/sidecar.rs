//! A sidecar beside its study, and the same bytes as a list of steps and as a table of labels.

#![no_main]

use annotomy::format::Silent;
use annotomy::session::{Document, Script};
use annotomy_fuzz::{path, tolerate_foreign_panics};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    tolerate_foreign_panics();
    let study = path("ct.nii");
    if !study.exists() {
        std::fs::write(&study, include_bytes!("../seeds/nifti/sound.nii")).expect("written");
    }
    std::fs::write(path("ct.annotomy.json"), bytes).expect("written");
    let _ = annotomy::store::open_sidecar(&path("ct.annotomy.json"), &Silent);
    let _ = Document::open(&study, "nobody", &Silent);
    if let Ok(script) = serde_json::from_slice::<Script>(bytes)
        && let Ok(document) = Document::open_without_marks(&study, "nobody", &Silent)
    {
        let mut session = document.session;
        for step in script.steps.iter().take(20) {
            let _ = session.run_step(step);
        }
    }
});
