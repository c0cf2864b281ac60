//! What is said of a case comes back, and a list of studies tells from it what is done.

use std::collections::BTreeMap;
use std::path::Path;

use annotomy::annotation::{Answer, Classification, Subject};
use annotomy::case::{Case, Edit};
use annotomy::format::Silent;
use annotomy::store::{WorkStatus, worklist};

use crate::desk::{Desk, SQUARE, empty, grid, write_study};

fn said(answers: &[(&str, Answer)]) -> Classification {
    Classification {
        answers: answers.iter().map(|(id, answer)| ((*id).to_owned(), answer.clone())).collect(),
        ambiguous: None,
        done: false,
        author: "Zoë".into(),
        time: "2026-11-22T23:59:59Z".into(),
    }
}

/// A case of which something is said.
pub(crate) fn classified(case: Case) -> Case {
    let choices = Answer::Choices(vec!["nodule".into(), "effusion".into()]);
    let of_series = said(&[("quality", Answer::Text("good".into())), ("size", Answer::Number(0.1 + 0.2))]);
    let of_slice = Classification { ambiguous: Some("motion – 動き".into()), ..said(&[]) };
    case.with_classifications(BTreeMap::from([
        (Subject::Case, said(&[("findings", choices)])),
        (Subject::Series, of_series),
        (Subject::Slice { axis: 2, slice: 34 }, of_slice),
    ]))
}

#[test]
fn what_is_said_comes_back_and_what_is_taken_back_is_gone() {
    let desk = Desk::new();
    let volume = desk.study().volume;
    let mut case = classified(empty(&volume));
    desk.save(&case);
    let marks = desk.find().expect("marks");
    assert_eq!(marks.classifications, *case.classifications());

    // A name that somebody else put beside an answer stays, an answer that is taken back does not.
    let mut json = desk.sidecar_json();
    let of_series = json["classifications"]
        .as_array_mut()
        .and_then(|all| all.iter_mut().find(|said| said["about"] == "series"))
        .expect("of the series");
    of_series["second_reader"] = "Ben".into();
    desk.write_sidecar_json(&json);
    let shorter = said(&[("quality", Answer::Text("poor".into()))]);
    let edit = Edit::classify(&case, Subject::Series, Some(shorter)).expect("news");
    case.apply(&edit).expect("applies");
    desk.save(&case);
    let text = desk.sidecar_json()["classifications"].to_string();
    assert!(text.contains("second_reader") && !text.contains("size"), "{text}");
    assert_eq!(desk.find().expect("marks").classifications, *case.classifications());
}

#[test]
fn a_slice_that_the_study_does_not_have_is_not_classified() {
    let desk = Desk::new();
    let mut case = empty(&desk.study().volume);
    for (axis, slice) in [(2, 35), (3, 0), (0, 37)] {
        let edit = Edit::classify(&case, Subject::Slice { axis, slice }, Some(said(&[]))).expect("news");
        assert!(case.apply(&edit).is_err(), "{axis} {slice}");
    }
}

fn statuses(folder: &Path) -> Vec<(String, WorkStatus)> {
    let items = worklist(folder, &Silent).expect("a list");
    items.into_iter().map(|item| (item.name, item.status)).collect()
}

#[test]
fn a_list_tells_what_each_study_has_come_to() {
    let desk = Desk::new();
    let list = desk.folder();
    let nested = list.join("patient 7");
    std::fs::create_dir(&nested).expect("a folder");
    write_study(&nested.join("ct.nii.gz"), &grid(SQUARE), 0);
    write_study(&list.join("mr 10.nii"), &grid(SQUARE), 0);
    std::fs::write(list.join("letter.txt"), b"Dear colleague").expect("written");
    let check = |expected: [(&str, WorkStatus); 3]| {
        assert_eq!(statuses(list), expected.map(|(name, status)| (name.to_owned(), status)));
    };
    use WorkStatus::{Ambiguous, Done, InProgress, NotStarted};
    check([("ct.nii.gz", NotStarted), ("mr 10.nii", NotStarted), ("patient 7", NotStarted)]);

    let case = empty(&desk.study().volume);
    desk.save(&case);
    check([("ct.nii.gz", InProgress), ("mr 10.nii", NotStarted), ("patient 7", NotStarted)]);
    let of_series = |series| case.clone().with_classifications(BTreeMap::from([(Subject::Series, series)]));
    desk.save(&of_series(Classification { done: true, ..said(&[]) }));
    check([("ct.nii.gz", Done), ("mr 10.nii", NotStarted), ("patient 7", NotStarted)]);
    for stem in ["ct", "mr 10"] {
        std::fs::write(list.join(format!("{stem}.annotomy.journal")), b"").expect("written");
    }
    check([("ct.nii.gz", Done), ("mr 10.nii", InProgress), ("patient 7", NotStarted)]);
    std::fs::remove_file(list.join("mr 10.annotomy.journal")).expect("removed");
    desk.save(&of_series(Classification { done: true, ambiguous: Some(String::new()), ..said(&[]) }));
    check([("ct.nii.gz", Ambiguous), ("mr 10.nii", NotStarted), ("patient 7", NotStarted)]);

    // A sidecar within a study's own folder is that study's.
    let text = std::fs::read_to_string(desk.files().sidecar()).expect("readable");
    std::fs::write(
        nested.join("ct.annotomy.json"),
        text.replace("\"ambiguous\": \"\"", "\"ambiguous\": null"),
    )
    .expect("written");
    check([("ct.nii.gz", Ambiguous), ("mr 10.nii", NotStarted), ("patient 7", Done)]);
}
