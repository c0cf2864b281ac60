//! What a save and an opening refuse, and that nothing is lost by it.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use annotomy::format::{Silent, Watch};
use annotomy::store::{
    CaseFiles, Digest, Disk, MarksError, Mismatch, Notice, Overwrite, SaveError, SaveRequest, StudyChange,
    StudyIdentity, find_marks, open_sidecar, save_on, verify,
};
use serde_json::json;

use crate::desk::{Careless, DIMS, Desk, SQUARE, blob, by, empty, grid, is_same, marked, write_study};

/// Every file of the desk with its bytes.
fn contents(desk: &Desk) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| (name.clone(), fs::read(desk.folder().join(name)).expect("readable"));
    desk.names().into_iter().map(read).collect()
}

/// A save that must be refused and leave everything as it is; the refusal.
fn refusal(desk: &Desk, seen: bool) -> SaveError {
    let before = contents(desk);
    let seen = seen.then(|| desk.find().expect("marks").seen);
    let case = marked(&desk.study().volume, 1, 3);
    let error = desk.try_save(&case, seen.as_ref()).expect_err("refused");
    assert_eq!(contents(desk), before, "{error}");
    error
}

fn saved_desk() -> Desk {
    let desk = Desk::new();
    desk.save(&marked(&desk.study().volume, 1, 0));
    desk
}

#[test]
fn a_changed_study_is_told_and_its_marks_stay() {
    let check = |changed: &dyn Fn(&Path), expected: fn(&StudyChange) -> bool| {
        let desk = saved_desk();
        changed(&desk.path);
        let error = find_marks(&desk.study(), &desk.files()).expect_err("refused");
        let MarksError::StudyChanged { changes, .. } = error else { panic!("{error}") };
        assert!(changes.0.iter().any(expected), "{changes:?}");
        assert!(!changes.to_string().is_empty());
        let SaveError::StudyChanged { changes: same, .. } = refusal(&desk, false) else { panic!("not told") };
        assert_eq!(same, changes);
        let proof = verify(&desk.files().sidecar(), &Silent).expect("verifies");
        assert!(!proof.agrees() && !proof.checks[0].ok);
        // A person may say so.
        let case = empty(&desk.study().volume);
        desk.save_with(&Careless, &case, None, Overwrite::Anything).expect("saved");
        assert!(is_same(&desk.find().expect("marks"), &case));
    };
    check(&|path| write_study(path, &grid(SQUARE), 1), |change| *change == StudyChange::Voxels);
    let mut shifted = SQUARE;
    shifted[2][3] += 0.01;
    check(
        &|path| write_study(path, &grid(shifted), 0),
        |change| matches!(change, StudyChange::Geometry { by_mm } if (by_mm - 0.01).abs() < 1e-5),
    );
    let mut flipped = SQUARE;
    flipped[0][0] *= -1.0;
    check(&|path| write_study(path, &grid(flipped), 0), |change| {
        matches!(change, StudyChange::Geometry { .. })
    });
    let smaller = annotomy::geometry::Grid::new([37, 41, 34], grid(SQUARE).patient_from_voxel(), None);
    let smaller = smaller.expect("a grid");
    check(&|path| write_study(path, &smaller, 0), |change| matches!(change, StudyChange::Dims { .. }));
}

/// The file's time moved on, as between two writings by hand.
fn touch(path: &Path) {
    let file = fs::File::options().append(true).open(path).expect("opens");
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(2);
    file.set_modified(later).expect("set");
}

#[test]
fn a_study_replaced_while_it_is_open_is_told_before_marks_are_saved_under_its_name() {
    let check = |replace: &dyn Fn(&Path), expected: &str| {
        let desk = Desk::new();
        let (files, opened) = (desk.files(), desk.study());
        let case = marked(&opened.volume, 1, 3);
        let study = StudyIdentity::of(&opened);
        replace(&desk.path);
        if desk.path.exists() {
            touch(&desk.path);
        }
        let save = |overwrite| {
            let (case, study, files) = (&case, &study, &files);
            save_on(
                &Careless,
                &SaveRequest { case, study, files, seen: None, journal: None, by: by("Ada"), overwrite },
                &Silent,
            )
        };
        match save(Overwrite::Seen) {
            Ok(saved) => assert_eq!(saved.missing_source.map_or("", |_| "gone"), expected),
            Err(SaveError::StudyReplaced { path, what }) => {
                assert_eq!(path, desk.path);
                assert!(!expected.is_empty() && what.contains(expected), "{what}");
                assert_eq!(desk.names(), [""; 0], "something was written");
                // A person may say so; the marks then tell which study they belong to.
                let saved = save(Overwrite::SeenOfFormerStudy).expect("saved");
                assert!(saved.missing_source.is_none());
                assert!(!verify(&files.sidecar(), &Silent).is_ok_and(|proof| proof.agrees()));
            }
            Err(other) => panic!("{other}"),
        }
    };
    check(&|_| {}, "");
    check(&|path| fs::remove_file(path).expect("removed"), "gone");
    check(&|path| write_study(path, &grid(SQUARE), 1), "its voxels changed");
    check(&|path| fs::write(path, "no study at all").expect("written"), "ct.nii.gz");
    let mut flipped = SQUARE;
    flipped[0][0] *= -1.0;
    check(&|path| write_study(path, &grid(flipped), 0), "its geometry moved by up to");
}

#[test]
fn work_of_others_is_not_written_over() {
    let check = |others: &dyn Fn(&Desk), seen: bool, expected: fn(&SaveError) -> bool| {
        let desk = saved_desk();
        let marks = desk.find().expect("marks");
        others(&desk);
        let before = contents(&desk);
        let case = marked(&desk.study().volume, 1, 3);
        let error = desk.try_save(&case, seen.then_some(&marks.seen)).expect_err("refused");
        assert!(expected(&error), "{error:?}");
        assert_eq!(contents(&desk), before, "{error}");
    };
    let is_changed = |error: &SaveError| matches!(error, SaveError::ChangedOnDisk { .. });
    let is_foreign = |error: &SaveError| matches!(error, SaveError::Foreign { .. });
    check(&|desk| drop(desk.save(&marked(&desk.study().volume, 1, 1))), true, is_changed);
    check(&|_| {}, false, is_changed);
    check(&|desk| fs::write(desk.files().mask(0), "other").expect("written"), true, is_changed);
    check(&|desk| fs::write(desk.files().table(), "other").expect("written"), true, is_changed);
    check(&|desk| fs::write(desk.files().sidecar(), "not ours").expect("written"), true, is_foreign);
    check(&|desk| fs::write(desk.files().sidecar(), "{\"labels\": 1}").expect("written"), true, is_foreign);
    let newer = |desk: &Desk| {
        let mut json = desk.sidecar_json();
        json["annotomy"] = json!(2);
        desk.write_sidecar_json(&json);
    };
    check(&newer, true, |error| matches!(error, SaveError::Newer { version: 2, .. }));

    // Not even where a person said so.
    let desk = saved_desk();
    newer(&desk);
    let case = empty(&desk.study().volume);
    let error = desk.save_with(&Careless, &case, None, Overwrite::Anything).expect_err("refused");
    assert!(matches!(error, SaveError::Newer { .. }));
    let error = find_marks(&desk.study(), &desk.files()).expect_err("refused");
    assert!(matches!(error, MarksError::Newer { version: 2, .. }), "{error}");
}

#[test]
fn files_of_others_that_have_our_names_stay() {
    for name in ["ct_dseg.nii.gz", "ct_dseg.tsv", "ct.annotomy.json"] {
        let desk = Desk::new();
        fs::write(desk.folder().join(name), "mine").expect("written");
        let error = refusal(&desk, false);
        assert!(matches!(&error, SaveError::Foreign { path } if path.ends_with(name)), "{error}");
        let case = empty(&desk.study().volume);
        desk.save_with(&Careless, &case, None, Overwrite::Anything).expect("saved");
        assert!(is_same(&desk.find().expect("marks"), &case));
    }
}

/// A disk that will not take the file of some ending.
struct Refusing(&'static str, io::ErrorKind);

impl Disk for Refusing {
    fn create(&self, path: &Path) -> io::Result<fs::File> {
        let name = path.to_string_lossy();
        if name.contains(self.0) { Err(self.1.into()) } else { Careless.create(path) }
    }
    fn sync(&self, file: &fs::File, path: &Path) -> io::Result<()> {
        Careless.sync(file, path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Careless.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        Careless.remove(path)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        Careless.sync_folder(folder)
    }
}

#[test]
fn a_full_or_read_only_place_is_told_and_leaves_no_trace() {
    for (ending, kind) in [
        ("_dseg.nii.gz", io::ErrorKind::PermissionDenied),
        ("_dseg.tsv", io::ErrorKind::StorageFull),
        (".annotomy.json", io::ErrorKind::ReadOnlyFilesystem),
    ] {
        let desk = saved_desk();
        let before = contents(&desk);
        let marks = desk.find().expect("marks");
        let case = marked(&desk.study().volume, 2, 3);
        let error = desk.save_with(&Refusing(ending, kind), &case, Some(&marks.seen), Overwrite::Seen);
        let error = error.expect_err("refused");
        assert!(matches!(&error, SaveError::CannotWrite { source, .. } if source.kind() == kind), "{error}");
        assert_eq!(contents(&desk), before);
    }
    let desk = Desk::new();
    let files = CaseFiles::in_folder(&desk.folder().join("no such folder"), "ct".as_ref());
    let study = desk.study();
    let identity = annotomy::store::StudyIdentity::of(&study);
    let error = annotomy::store::save(&annotomy::store::SaveRequest {
        case: &empty(&study.volume),
        study: &identity,
        files: &files,
        seen: None,
        journal: None,
        by: crate::desk::by("Ada"),
        overwrite: Overwrite::Seen,
    });
    assert!(matches!(error, Err(SaveError::CannotWrite { .. })));
}

/// A disk that spoils what is written to it.
struct Spoiling(fn(&Path) -> io::Result<()>);

impl Disk for Spoiling {
    fn create(&self, path: &Path) -> io::Result<fs::File> {
        Careless.create(path)
    }
    fn sync(&self, file: &fs::File, path: &Path) -> io::Result<()> {
        Careless.sync(file, path)?;
        (self.0)(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Careless.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        Careless.remove(path)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        Careless.sync_folder(folder)
    }
}

/// Changes the inflated bytes of a mask.
fn alter(path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
    use std::io::{Read, Write};
    if !path.to_string_lossy().contains("_dseg.nii.gz") {
        return Ok(());
    }
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(fs::File::open(path)?).read_to_end(&mut bytes)?;
    change(&mut bytes);
    let mut file = flate2::write::GzEncoder::new(fs::File::create(path)?, flate2::Compression::fast());
    file.write_all(&bytes)
}

#[test]
fn a_mask_that_is_not_what_was_painted_never_takes_its_place() {
    let check = |spoil: fn(&Path) -> io::Result<()>, expected: fn(&Mismatch) -> bool| {
        let desk = saved_desk();
        let before = contents(&desk);
        let marks = desk.find().expect("marks");
        let case = marked(&desk.study().volume, 1, 3);
        let error = desk.save_with(&Spoiling(spoil), &case, Some(&marks.seen), Overwrite::Seen);
        let Err(SaveError::Unproven { mismatch, .. }) = error else { panic!("not told: {error:?}") };
        assert!(expected(&mismatch), "{mismatch}");
        assert_eq!(contents(&desk), before);
    };
    fn first_labelled(bytes: &mut [u8]) -> &mut u8 {
        bytes[352..].iter_mut().find(|byte| **byte != 0).expect("labelled")
    }
    // The sform's third origin.
    check(
        |path| {
            alter(path, |bytes| {
                let z = f32::from_le_bytes([bytes[324], bytes[325], bytes[326], bytes[327]]);
                bytes[324..328].copy_from_slice(&(z + 0.5).to_le_bytes());
            })
        },
        |mismatch| matches!(mismatch, Mismatch::Moved { by_mm } if (by_mm - 0.5).abs() < 1e-3),
    );
    check(
        |path| alter(path, |bytes| *first_labelled(bytes) += 1),
        |mismatch| matches!(mismatch, Mismatch::Label { mask: 5, marks: 4, .. }),
    );
    check(
        |path| alter(path, |bytes| *first_labelled(bytes) = 0),
        |mismatch| matches!(mismatch, Mismatch::Count { label: 4, .. }),
    );
    let shifted = |path: &Path| alter(path, |bytes| bytes[352..].rotate_right(DIMS[0] * DIMS[1]));
    check(shifted, |mismatch| matches!(mismatch, Mismatch::Label { mask: 4, marks: 0, .. }));
    let flipped =
        |path: &Path| alter(path, |bytes| bytes[352..].chunks_mut(DIMS[0]).for_each(<[u8]>::reverse));
    check(flipped, |mismatch| matches!(mismatch, Mismatch::Label { mask: 4, marks: 0, .. }));
    let shorter = |path: &Path| {
        alter(path, |bytes| {
            bytes[46] -= 1;
            bytes.truncate(bytes.len() - DIMS[0] * DIMS[1]);
        })
    };
    check(shorter, |mismatch| matches!(mismatch, Mismatch::Dims { mask: [37, 41, 34], .. }));
    check(|path| alter(path, |bytes| bytes.push(0)), |mismatch| matches!(mismatch, Mismatch::Unreadable(_)));
    let torn = |path: &Path| {
        let bytes = fs::read(path)?;
        fs::write(path, &bytes[..bytes.len() / 2])
    };
    check(torn, |mismatch| matches!(mismatch, Mismatch::Unreadable(_)));
    let wrong_sum = |path: &Path| {
        let mut bytes = fs::read(path)?;
        let sum = bytes.len() - 8;
        bytes[sum] ^= 1;
        fs::write(path, bytes)
    };
    check(wrong_sum, |mismatch| matches!(mismatch, Mismatch::Unreadable(_)));
}

#[test]
fn what_others_did_to_a_saved_case_is_told_at_opening() {
    let check = |tamper: &dyn Fn(&Desk), expected: fn(Result<Vec<Notice>, MarksError>) -> bool| {
        let desk = saved_desk();
        tamper(&desk);
        let found = find_marks(&desk.study(), &desk.files());
        assert!(expected(found.map(|marks| marks.expect("marks").notices)));
        if let Ok(proof) = verify(&desk.files().sidecar(), &Silent) {
            assert!(!proof.agrees(), "{proof:?}");
        }
    };
    let relabel = |desk: &Desk| alter(&desk.files().mask(0), |bytes| bytes[400] = 7).expect("altered");
    check(&relabel, |found| matches!(found.as_deref(), Ok([Notice::MaskChanged { .. }])));
    let move_it = |desk: &Desk| alter(&desk.files().mask(0), |bytes| bytes[326] ^= 0x40).expect("altered");
    check(&move_it, |found| matches!(found, Err(MarksError::OtherGrid { .. })));
    let tear = |desk: &Desk| fs::write(desk.files().mask(0), "torn").expect("written");
    check(&tear, |found| matches!(found, Err(MarksError::BadMask(_))));
    let remove = |desk: &Desk| fs::remove_file(desk.files().mask(0)).expect("removed");
    check(&remove, |found| matches!(found, Err(MarksError::MissingMask { .. })));
    let table = |desk: &Desk| fs::write(desk.files().table(), "changed").expect("written");
    check(&table, |found| matches!(found.as_deref(), Ok([])));
    let damage = |desk: &Desk| {
        let mut json = desk.sidecar_json();
        json["layers"][0]["file"] = json!("../ct_dseg.nii.gz");
        desk.write_sidecar_json(&json);
    };
    check(&damage, |found| matches!(found, Err(MarksError::BadSidecar { .. })));
    // The sidecar of another patient.
    let swap = |desk: &Desk| {
        let other = Desk::new();
        write_study(&other.path, &grid(SQUARE), 9);
        other.save(&marked(&other.study().volume, 1, 0));
        for (name, bytes) in contents(&other) {
            fs::write(desk.folder().join(name), bytes).expect("written");
        }
    };
    check(&swap, |found| matches!(found, Err(MarksError::StudyChanged { .. })));
}

#[test]
fn a_mask_alone_on_another_grid_is_refused() {
    let desk = saved_desk();
    fs::remove_file(desk.files().sidecar()).expect("removed");
    alter(&desk.files().mask(0), |bytes| bytes[326] ^= 0x40).expect("altered");
    let error = find_marks(&desk.study(), &desk.files()).expect_err("refused");
    assert!(matches!(error, MarksError::OtherGrid { .. }), "{error}");
}

#[test]
fn a_changed_mask_that_was_opened_may_be_saved_over() {
    let desk = saved_desk();
    alter(&desk.files().mask(0), |bytes| bytes[400] = 7).expect("altered");
    let marks = desk.find().expect("marks");
    assert_eq!(marks.layers[0].counts().get(&7), Some(&1));
    let case = marked(&desk.study().volume, 1, 3);
    desk.try_save(&case, Some(&marks.seen)).expect("saved");
    assert!(is_same(&desk.find().expect("marks"), &case));
}

#[test]
fn a_sidecar_without_its_study_says_so() {
    let desk = saved_desk();
    fs::remove_file(&desk.path).expect("removed");
    let sidecar = desk.folder().join("ct.annotomy.json");
    let error = open_sidecar(&sidecar, &Silent).expect_err("refused");
    assert!(matches!(&error, MarksError::NoStudy { study, .. } if study == &desk.path), "{error}");
    assert!(verify(&sidecar, &Silent).is_err());
}

/// A sidecar is only text: what it names beside the files of its own case is not touched.
#[test]
fn a_sidecar_cannot_have_other_files_removed() {
    let desk = saved_desk();
    let sha256 = Digest::of(b"mine").to_string();
    for name in ["notes.txt", "ct.nii", "ct_desc-layer_dseg.nii.gz"] {
        fs::write(desk.folder().join(name), "mine").expect("written");
        let mut json = desk.sidecar_json();
        json["superseded"] = json!([{"file": name, "sha256": sha256}]);
        desk.write_sidecar_json(&json);
        desk.save(&marked(&desk.study().volume, 1, 3));
        assert_eq!(fs::read(desk.folder().join(name)).expect("still there"), b"mine");
    }
}

/// Numbers no JSON can tell are refused before anything is replaced.
#[test]
fn marks_that_cannot_be_told_are_not_saved() {
    use annotomy::annotation::{Annotation, LabelScheme, Shape};
    let desk = saved_desk();
    let before = contents(&desk);
    let marks = desk.find().expect("marks");
    let nowhere = Annotation {
        id: uuid::Uuid::from_u128(1),
        name: String::new(),
        label: None,
        shape: Shape::Landmark(annotomy::geometry::Point::new(f64::NAN, 0.0, 0.0)),
        author: String::new(),
        created: String::new(),
    };
    let volume = desk.study().volume;
    let layers = vec![blob(DIMS, 1, [0, 0, 0])];
    let case = annotomy::case::Case::with_marks(volume, layers, LabelScheme::default(), vec![nowhere]);
    let error = desk.try_save(&case.expect("a case"), Some(&marks.seen)).expect_err("refused");
    assert!(matches!(error, SaveError::Unproven { .. }), "{error}");
    assert_eq!(contents(&desk), before);
}

/// Calls a save off when it asks for the nth time.
struct CallsOff {
    left: AtomicUsize,
}

impl Watch for CallsOff {
    fn is_cancelled(&self) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err()
    }
}

#[test]
fn a_save_that_is_called_off_leaves_the_folder_as_it_was() {
    let desk = Desk::new();
    let volume = desk.study().volume.clone();
    let saved = desk.save(&marked(&volume, 2, 0));
    let before = contents(&desk);
    let (case, study, files) = (marked(&volume, 3, 1), StudyIdentity::of(&desk.study()), desk.files());
    let request = SaveRequest {
        case: &case,
        study: &study,
        files: &files,
        seen: Some(&saved.seen),
        journal: None,
        by: by("Ada"),
        overwrite: Overwrite::Seen,
    };
    let mut called_off = 0;
    loop {
        let watch = CallsOff { left: AtomicUsize::new(called_off) };
        match save_on(&Careless, &request, &watch) {
            Err(SaveError::Cancelled) => assert_eq!(contents(&desk), before, "at question {called_off}"),
            Err(error) => panic!("{error}"),
            Ok(_) => break,
        }
        called_off += 1;
    }
    assert_eq!(called_off, 2 * case.layers().len() + 1, "before and after each mask, and before the moment");
    assert!(verify(&files.sidecar(), &Silent).is_ok_and(|proof| proof.agrees()));
}
