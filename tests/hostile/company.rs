//! A hostile file in a folder does not keep the good ones beside it from opening.

use annotomy::format::{self, Silent};

use crate::case::{Content, file};
use crate::dicom::Object;
use crate::nifti::sound;

#[test]
fn good_files_open_beside_any_hostile_one() {
    let families = [crate::structure::cases(), crate::pixels::cases(), crate::nifti::cases()];
    let good = Object::slice().text((0x0020, 0x000e), "UI", "9.9.9").text((0x0020, 0x000d), "UI", "9.9");
    let mut seen = 0;
    for mut case in families.into_iter().flatten().step_by(11) {
        if case.bytes() > 1 << 20
            || case.files.iter().any(|(_, content)| !matches!(content, Content::Bytes(_)))
        {
            continue;
        }
        case.files.extend([file("good.nii", sound()), file("good", good.bytes())]);
        let folder = tempfile::tempdir().expect("a folder");
        case.put_into(folder.path()).expect("written");
        let scan =
            format::scan(folder.path(), &Silent).unwrap_or_else(|refusal| panic!("{}: {refusal}", case.name));
        for id in ["good", "9.9.9"] {
            let series = scan.series.iter().find(|series| series.id == id);
            let series = series.unwrap_or_else(|| panic!("{}: {id} is not found", case.name));
            format::load(series, &Silent).unwrap_or_else(|refusal| panic!("{}: {refusal}", case.name));
        }
        seen += 1;
    }
    assert!(seen > 150, "{seen} hostile files");
}
