//! What is saved comes back, every voxel and every number of it.

use annotomy::annotation::{Annotation, Colour, Label, LabelScheme, OrientedBox, Shape};
use annotomy::case::Case;
use annotomy::format::Silent;
use annotomy::geometry::{Point, Vector};
use annotomy::store::{CaseFiles, Notice, Overwrite, SaveRequest, StudyIdentity, open_sidecar, save, verify};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use crate::desk::{DIMS, Desk, SQUARE, blob, by, empty, grid, is_same, load, marked, write_study};

/// All 48 axis orders, and grids that stand askew.
pub(crate) fn placements() -> Vec<[[f64; 4]; 3]> {
    let steps = [0.75, 1.25, 2.5];
    let mut placements = Vec::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for signs in 0..8 {
            let mut rows = [[0.0, 0.0, 0.0, -31.3], [0.0, 0.0, 0.0, 4.5], [0.0, 0.0, 0.0, 100.1]];
            for axis in 0..3 {
                rows[order[axis]][axis] = steps[axis] * if signs >> axis & 1 == 1 { -1.0 } else { 1.0 };
            }
            placements.push(rows);
        }
    }
    let (sin, cos) = 0.3_f64.sin_cos();
    placements.push([[cos, -sin, 0.0, 1.1], [sin, cos, 0.0, 2.2], [0.0, 0.0, 3.3, 3.3]]);
    placements.push([[-cos, -sin, 0.1, 1.1], [sin, -cos, 0.2, 2.2], [0.0, 0.3, -3.3, 3.3]]);
    placements.push([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.4, 0.0], [0.0, 0.0, 2.0, 0.0]]);
    // Voxels of a microscope's size, ten centimetres from the origin.
    placements.push([[5e-4, 0.0, 0.0, 100.0], [0.0, -5e-4, 0.0, -20.0], [0.0, 0.0, 1e-3, 3.0]]);
    placements
}

#[test]
fn every_placement_comes_back_and_is_proven() {
    for rows in placements() {
        let desk = Desk::with_study("ct.nii.gz", &grid(rows));
        let case = marked(&desk.study().volume, 2, 0);
        let saved = desk.save(&case);
        for layer in &saved.receipt.layers {
            let within = saved.receipt.tolerance_mm;
            assert!(layer.greatest_distance_mm <= within, "{rows:?}: {}", layer.greatest_distance_mm);
            assert!(layer.labelled_voxels > 0 && layer.probes.len() >= 6);
        }
        let marks = desk.find().expect("marks");
        assert!(is_same(&marks, &case) && marks.notices.is_empty(), "{rows:?}");
        let verification = verify(&saved.sidecar, &Silent).expect("verifies");
        assert!(verification.agrees(), "{rows:?}: {verification:?}");
    }
}

#[test]
fn cases_of_every_size_come_back() {
    let desk = Desk::new();
    let volume = desk.study().volume;
    let only = |layer| Case::with_marks(volume.clone(), vec![layer], LabelScheme::default(), Vec::new());
    let check = |case: &Case, masks: &[&str]| {
        desk.save(case);
        let marks = desk.find().expect("marks");
        assert!(is_same(&marks, case));
        let mut expected = vec!["ct.annotomy.json", "ct_dseg.tsv"];
        expected.extend(masks);
        expected.sort_unstable();
        assert_eq!(desk.names(), expected);
        assert!(verify(&desk.files().sidecar(), &Silent).expect("verifies").agrees());
    };
    let first = "ct_dseg.nii.gz";
    check(&empty(&volume), &[first]);
    check(&marked(&volume, 3, 0), &[first, "ct_desc-layer2_dseg.nii.gz", "ct_desc-layer3_dseg.nii.gz"]);
    check(&marked(&volume, 1, 7), &[first]);
    check(&only(blob(DIMS, 65535, [0, 0, 0])).expect("a case"), &[first]);
    // Every label there is, and every voxel labelled.
    let all = annotomy::volume::LabelMap::from_labels(DIMS, |offset| (offset % 65535) as u16 + 1);
    check(&only(all).expect("a case"), &[first]);
    check(&empty(&volume), &[first]);
}

#[test]
fn a_case_saved_elsewhere_opens_from_its_sidecar() {
    let desk = Desk::new();
    let elsewhere = tempfile::tempdir().expect("a folder");
    let study = desk.study();
    let case = marked(&study.volume, 2, 0);
    let files = CaseFiles::in_folder(elsewhere.path(), desk.files().stem());
    let identity = StudyIdentity::of(&study);
    let overwrite = Overwrite::Seen;
    let request = SaveRequest {
        case: &case,
        study: &identity,
        files: &files,
        seen: None,
        journal: None,
        by: by("Ada"),
        overwrite,
    };
    let saved = save(&request).expect("saved");
    let (found, its_files, marks) = open_sidecar(&saved.sidecar, &Silent).expect("opens");
    assert!(is_same(&marks, &case) && its_files == files);
    assert!(found.volume.grid().is_same_as(study.volume.grid()));
    assert!(verify(&saved.sidecar, &Silent).expect("verifies").agrees());

    // The sidecar and its masks move on, the study stays.
    let moved = elsewhere.path().join("moved");
    std::fs::create_dir(&moved).expect("a folder");
    for name in ["ct.annotomy.json", "ct_dseg.nii.gz", "ct_desc-layer2_dseg.nii.gz", "ct_dseg.tsv"] {
        std::fs::rename(elsewhere.path().join(name), moved.join(name)).expect("moved");
    }
    let (_, _, marks) = open_sidecar(&moved.join("ct.annotomy.json"), &Silent).expect("opens");
    assert!(is_same(&marks, &case));
}

#[test]
fn study_and_sidecar_may_move_together() {
    let desk = Desk::new();
    let case = marked(&desk.study().volume, 1, 0);
    desk.save(&case);
    let moved = desk.folder().join("moved");
    std::fs::create_dir(&moved).expect("a folder");
    for name in ["ct.nii.gz", "ct.annotomy.json", "ct_dseg.nii.gz", "ct_dseg.tsv"] {
        std::fs::rename(desk.folder().join(name), moved.join(name)).expect("moved");
    }
    let (_, _, marks) = open_sidecar(&moved.join("ct.annotomy.json"), &Silent).expect("opens");
    assert!(is_same(&marks, &case));
}

#[test]
fn what_is_taken_back_is_gone_from_the_next_save() {
    let desk = Desk::new();
    let volume = desk.study().volume;
    let case = marked(&volume, 2, 0);
    desk.save(&case);
    // The first layer loses its name and origin, nothing is interpolated any more.
    let seen = desk.find().expect("marks").seen;
    let plain =
        Case::with_marks(volume, case.layers().to_vec(), case.scheme().clone(), Vec::new()).expect("a case");
    desk.try_save(&plain, Some(&seen)).expect("saved");
    assert!(is_same(&desk.find().expect("marks"), &plain));
}

#[test]
fn what_a_newer_version_added_is_kept() {
    let desk = Desk::new();
    let volume = desk.study().volume;
    desk.save(&marked(&volume, 1, 0));
    let mut json = desk.sidecar_json();
    json["reviewed"] = json!({"by": "Grace", "score": 0.1});
    json["labels"][0]["opacity"] = json!(0.25);
    json["annotations"][1]["certainty"] = json!("high");
    let measurement = json!({"id": "x", "kind": "measurement", "points_lps": [[0.1, 2, 3], [4, 5, 6]]});
    json["annotations"].as_array_mut().expect("a list").push(measurement.clone());
    desk.write_sidecar_json(&json);

    let marks = desk.find().expect("marks");
    assert!(is_same(&marks, &marked(&volume, 1, 0)));
    assert_eq!(marks.notices, [Notice::UnknownMarks { count: 1 }]);
    desk.try_save(&marked(&volume, 1, 0), Some(&marks.seen)).expect("saved");
    let json = desk.sidecar_json();
    assert_eq!(json["reviewed"], json!({"by": "Grace", "score": 0.1}));
    assert_eq!(json["labels"][0]["opacity"], json!(0.25));
    assert_eq!(json["annotations"][1]["certainty"], json!("high"));
    assert_eq!(json["annotations"].as_array().and_then(|all| all.last()), Some(&measurement));
    assert_eq!(json["created"]["author"], json!("Ada"));
}

#[test]
fn a_mask_alone_opens_as_the_first_layer() {
    let desk = Desk::new();
    let volume = desk.study().volume;
    let case = marked(&volume, 1, 0);
    desk.save(&case);
    std::fs::remove_file(desk.files().sidecar()).expect("removed");
    let marks = desk.find().expect("marks");
    assert!(marks.layers[0].has_same_labels(&case.layers()[0]));
    assert_eq!(marks.scheme.get(1).map(|label| label.name.as_str()), Some("Läsion 0"));
    assert_eq!(marks.notices, [Notice::MaskAlone { path: desk.files().mask(0) }]);

    std::fs::remove_file(desk.files().table()).expect("removed");
    let marks = desk.find().expect("marks");
    assert_eq!(marks.scheme.get(1), Some(&Label::new("Label 1", Colour::for_label(1))));
    // What was opened may be replaced by its own save.
    desk.try_save(&case, Some(&marks.seen)).expect("saved");
    assert!(is_same(&desk.find().expect("marks"), &case));
}

#[test]
fn the_content_is_told_from_any_other() {
    let desk = Desk::new();
    let content = |seed| {
        write_study(&desk.path, &grid(SQUARE), seed);
        StudyIdentity::of(&desk.study()).content()
    };
    assert_eq!(content(0), content(0));
    assert_ne!(content(0), content(1));
    let plain = desk.folder().join("plain.nii");
    write_study(&plain, &grid(SQUARE), 1);
    assert_eq!(StudyIdentity::of(&load(&plain)).content(), content(1));
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![-1000.0..1000.0, prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,]
}

fn point() -> impl Strategy<Value = [f64; 3]> {
    [number(), number(), number()]
}

fn annotation() -> impl Strategy<Value = Annotation> {
    let landmark = point().prop_map(|at| Shape::Landmark(Point::from(at)));
    let marked_box = (point(), [point(), point(), point()], [0.0..1e6, 0.0..1e-3, 0.0..1e6f64]).prop_map(
        |(centre, axes, half_mm)| {
            // Bounds must be finite too.
            let axes = axes.map(|axis| Vector::from(axis.map(|x| (x * 1e-3).sin())));
            let centre = Point::from(centre.map(|x| x.clamp(-1e300, 1e300)));
            Shape::Box(OrientedBox { centre, axes, half_mm })
        },
    );
    let shape = prop_oneof![landmark, marked_box];
    (any::<u128>(), any::<String>(), any::<Option<u16>>(), shape, any::<String>(), any::<String>()).prop_map(
        |(id, name, label, shape, author, created)| Annotation {
            id: Uuid::from_u128(id),
            name,
            label,
            shape,
            author,
            created,
        },
    )
}

fn scheme() -> impl Strategy<Value = LabelScheme> {
    let label = (any::<String>(), any::<[u8; 3]>(), any::<bool>(), any::<bool>());
    prop::collection::btree_map(1..=u16::MAX, label, 0..6).prop_map(|labels| {
        let mut scheme = LabelScheme::default();
        for (index, (name, color, visible, locked)) in labels {
            scheme.set(index, Some(Label { visible, locked, ..Label::new(name, Colour(color)) }));
        }
        scheme
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]
    #[test]
    fn any_marks_come_back(scheme in scheme(), annotations in prop::collection::vec(annotation(), 0..5)) {
        let desk = Desk::new();
        let volume = desk.study().volume;
        let layers = vec![blob(DIMS, 3, [1, 2, 3])];
        let case = Case::with_marks(volume, layers, scheme, annotations).expect("a case");
        desk.save(&case);
        prop_assert!(is_same(&desk.find().expect("marks"), &case));
    }
}
