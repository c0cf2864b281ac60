//! Marks from elsewhere over a sound study: the first byte says whether the rest is a label map, a table of
//! labels, a form, or the journal of an earlier session.

#![no_main]

use annotomy::annotation::Form;
use annotomy::format::{Silent, read_segmentation};
use annotomy::session::Document;
use annotomy::store::{find_journal, read_scheme};
use annotomy_fuzz::{path, tolerate_foreign_panics};
use libfuzzer_sys::fuzz_target;

const LABEL_MAPS: [&str; 3] = ["m_dseg.nii", "m.nrrd", "m.dcm"];
const TABLES: [&str; 2] = ["m.txt", "m.tsv"];

fuzz_target!(|bytes: &[u8]| {
    tolerate_foreign_panics();
    let Some((kind, rest)) = bytes.split_first() else { return };
    let study = path("ct.nii");
    if !study.exists() {
        std::fs::write(&study, include_bytes!("../seeds/nifti/sound.nii")).expect("written");
    }
    let nth = usize::from(kind / 4);
    match kind % 4 {
        0 => {
            let Ok(document) = Document::open_without_marks(&study, "nobody", &Silent) else { return };
            let mask = path(LABEL_MAPS[nth % LABEL_MAPS.len()]);
            std::fs::write(&mask, rest).expect("written");
            let grid = document.session.case().volume().grid();
            let _ = read_segmentation(&mask, Some(grid), &Silent);
        }
        1 => {
            let table = path(TABLES[nth % TABLES.len()]);
            std::fs::write(&table, rest).expect("written");
            let _ = read_scheme(&table);
        }
        2 => {
            if let Ok(text) = std::str::from_utf8(rest) {
                let _ = Form::parse(text);
            }
        }
        _ => {
            let Ok(mut document) = Document::open_without_marks(&study, "nobody", &Silent) else { return };
            let journal = path("ct.annotomy.journal");
            std::fs::write(&journal, rest).expect("written");
            let _ = find_journal(&journal);
            if let Ok(true) = document.find_left_behind(&journal) {
                document.bring_back();
            }
        }
    }
});
