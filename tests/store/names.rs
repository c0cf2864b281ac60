//! What the files of a case are called.

use std::path::Path;

use annotomy::format::{Series, SeriesFacts, SeriesSource};
use annotomy::store::CaseFiles;

use crate::desk::{Desk, SQUARE, empty, grid, is_same, load, marked, write_study};

fn series(path: &Path) -> Series {
    Series {
        id: "id".into(),
        modality: None,
        description: String::new(),
        source: SeriesSource::Nifti(path.to_owned()),
        facts: SeriesFacts::default(),
    }
}

fn name(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

#[test]
fn the_ending_comes_off_whole() {
    let check = |study: &str, stem: &str| {
        let files = CaseFiles::beside(&series(&Path::new("/no/such/folder").join(study)), &[]);
        assert_eq!(files.folder(), Path::new("/no/such/folder"));
        let names = [files.sidecar(), files.mask(0), files.mask(1), files.table(), files.journal()];
        let endings =
            [".annotomy.json", "_dseg.nii.gz", "_desc-layer2_dseg.nii.gz", "_dseg.tsv", ".annotomy.journal"];
        assert_eq!(names.map(|path| name(&path)), endings.map(|ending| format!("{stem}{ending}")));
        let back = CaseFiles::of_sidecar(&files.sidecar());
        assert_eq!(back, Some(files));
    };
    check("ct.nii.gz", "ct");
    check("CT.NII.GZ", "CT");
    check("sub.01_T1w.nii", "sub.01_T1w");
    check("head.hdr", "head");
    check("Schädel 頭.nii.gz", "Schädel 頭");
    check("IM0001", "IM0001");
    check("1.2.840.113", "1.2.840.113");
    check("ct.dcm", "ct");
}

#[test]
fn studies_of_one_stem_never_share_files() {
    let desk = Desk::new();
    let twin_path = desk.folder().join("ct.nii");
    write_study(&twin_path, &grid(SQUARE), 5);
    let (first, twin) = (desk.study().series, load(&twin_path).series);
    let both = [first.clone(), twin.clone()];
    let [a, b] = [&first, &twin].map(|series| CaseFiles::beside(series, &both));
    assert_ne!(a, b);
    assert!(
        name(&a.sidecar()).starts_with("ct-")
            && name(&a.sidecar()).len() == "ct-01234567.annotomy.json".len()
    );

    // Saved alone it has the plain name, keeps it, and the twin makes way.
    assert_eq!(name(&desk.files().sidecar()), "ct.annotomy.json");
    desk.save(&empty(&desk.study().volume));
    assert_eq!(CaseFiles::beside(&first, &both), desk.files());
    assert_eq!(CaseFiles::beside(&twin, &[]), b);
}

#[cfg(unix)]
#[test]
fn names_need_not_be_text() {
    use std::os::unix::ffi::OsStrExt;
    let odd = std::ffi::OsStr::from_bytes(b"ct\xff.nii.gz");
    let files = CaseFiles::beside(&series(&Path::new("/no/such/folder").join(odd)), &[]);
    assert_eq!(files.stem().as_bytes(), b"ct\xff");

    let desk = Desk::with_study(odd, &grid(SQUARE));
    let volume = desk.study().volume;
    for (layers, variant) in [(2, 0), (1, 1)] {
        let case = marked(&volume, layers, variant);
        desk.save(&case);
        assert!(is_same(&desk.find().expect("marks"), &case));
        assert_eq!(desk.names().len(), 2 + layers);
    }
}

#[test]
fn a_series_is_named_after_its_folder_and_two_in_one_folder_apart() {
    let Some(data) = crate::oracle::studies() else { return };
    let desk = tempfile::tempdir().expect("a folder");
    let shared = desk.path().join("SERIES ä");
    std::fs::create_dir(&shared).expect("a folder");
    let copy = |folder: &str| {
        for entry in std::fs::read_dir(data.join(folder)).expect("readable") {
            let path = entry.expect("an entry").path();
            std::fs::copy(&path, shared.join(name(&path))).expect("copied");
        }
        annotomy::format::scan(&shared, &annotomy::format::Silent).expect("scans").series
    };
    let alone = copy("dicom/ct_head_small");
    let files = CaseFiles::beside(&alone[0], &alone);
    assert_eq!((alone.len(), files.sidecar()), (1, desk.path().join("SERIES ä.annotomy.json")));

    let both = copy("dicom/mr_sag_hfs");
    let stems: Vec<_> =
        both.iter().map(|series| CaseFiles::beside(series, &both).stem().to_owned()).collect();
    assert!(stems.len() == 2 && stems[0] != stems[1], "{stems:?}");
    assert!(stems.iter().all(|stem| stem.to_string_lossy().starts_with("SERIES ä-")), "{stems:?}");
}
