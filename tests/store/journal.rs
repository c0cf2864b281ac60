//! Steps that were answered as durable come back, wherever the machine stops.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use annotomy::case::{Case, HistoryEvent, Step};
use annotomy::format::Silent;
use annotomy::session::{Document, ScriptStep};
use annotomy::store::{
    Disk, Journal, JournalError, JournalStart, LocalDisk, Overwrite, StudyIdentity, find_journal,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::desk::{Careless, Desk, by};

/// A desk of the same study with every file as it lies on `desk` now: what a machine finds when it
/// starts again after it stopped at this moment.
fn after_a_stop(desk: &Desk) -> Desk {
    loop {
        let copy = Desk::new();
        let copied = desk
            .names()
            .iter()
            .try_for_each(|name| fs::copy(desk.folder().join(name), copy.folder().join(name)).map(drop));
        match copied {
            Ok(()) => return copy,
            // The journal was written anew while it was copied: that is no one moment.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => panic!("cannot be copied: {error}"),
        }
    }
}

fn open(desk: &Desk) -> Document {
    let mut document = Document::open(&desk.path, "Ada", &Silent).expect("opens");
    document.keep_journal(None).expect("a journal");
    document
}

fn journal_of(desk: &Desk) -> PathBuf {
    desk.files().journal()
}

fn step(document: &mut Document, step: &Value) {
    let step: ScriptStep = serde_json::from_value(step.clone()).expect("a step");
    document.session.run_step(&step).expect("made");
    document.record();
}

fn brush(label: u16, at: usize) -> Value {
    let point =
        [31.25 - 0.75 * (at % 30) as f64, 4.5 - 1.25 * (at % 40) as f64, -100.0 + 2.5 * (at % 34) as f64];
    json!({"tool": "brush", "label": label, "shape": "ball", "radius_mm": 4, "points_lps": [point]})
}

/// Everything a person would miss: labels, names, marks, and what undo and redo would do.
#[derive(Debug, PartialEq)]
struct Work {
    labels: Vec<Vec<(usize, u16)>>,
    scheme: String,
    marks: Vec<String>,
    done: Vec<String>,
    undone: Vec<String>,
}

fn work_of(document: &Document) -> Work {
    let case = document.session.case();
    let labels_of = |map: &annotomy::volume::LabelMap| {
        let mut voxels = Vec::new();
        map.for_each_labelled(|voxel, label| voxels.push((case.volume().grid().offset(voxel), label)));
        voxels.sort_unstable();
        voxels
    };
    let history = document.session.history();
    Work {
        labels: case.layers().iter().map(labels_of).collect(),
        scheme: format!("{:?}", case.scheme()),
        marks: case.annotations().iter().map(|mark| format!("{mark:?}")).collect(),
        done: history.done().map(str::to_owned).collect(),
        undone: history.undone().map(str::to_owned).collect(),
    }
}

/// What comes back on `desk`, with everything that is unsaved.
fn come_back(desk: &Desk) -> Work {
    let mut document = open(desk);
    document.bring_back();
    work_of(&document)
}

#[test]
fn what_was_done_comes_back_with_its_undo_and_redo() {
    let desk = Desk::new();
    let mut document = open(&desk);
    assert_eq!(document.left_behind(), None);
    step(&mut document, &json!({"tool": "label", "index": 3, "name": "Läsion"}));
    step(&mut document, &brush(3, 12));
    step(&mut document, &json!({"tool": "landmark", "name": "Sella", "point_lps": [10.1, -3.3, -50.7]}));
    step(&mut document, &json!({"tool": "box", "min_lps": [1, -9, -60], "max_lps": [8, -2, -40.5]}));
    step(&mut document, &brush(3, 15));
    step(&mut document, &json!({"tool": "undo", "times": 2}));
    document.wait_for_journal().expect("durable");

    let started_again = after_a_stop(&desk);
    let mut again = open(&started_again);
    let (steps, last) = again.left_behind().expect("steps");
    assert_eq!(steps, 7);
    assert!(last.is_some_and(|time| time.ends_with('Z')) && !again.was_cut_off());
    assert!(again.session.case().annotations().is_empty(), "nothing is brought back unasked");
    assert_eq!(again.bring_back(), 7);
    assert_eq!(work_of(&again), work_of(&document));
    assert!(again.session.is_unsaved());
    // And goes on in the same journal.
    step(&mut again, &json!({"tool": "redo"}));
    step(&mut again, &brush(4, 20));
    again.wait_for_journal().expect("durable");
    assert_eq!(come_back(&after_a_stop(&started_again)), work_of(&again));
    again.close();
    assert!(!journal_of(&started_again).exists(), "who leaves a case leaves no journal");
}

#[test]
fn a_save_and_its_journal_agree_whenever_the_machine_stops() {
    let desk = Desk::new();
    let mut document = open(&desk);
    step(&mut document, &brush(1, 5));
    step(&mut document, &brush(2, 9));
    document.wait_for_journal().expect("durable");
    let journal_before = fs::read(journal_of(&desk)).expect("readable");
    let job = document.save_job(None, Overwrite::Seen);
    // Made while the save is under way.
    step(&mut document, &brush(1, 14));
    step(&mut document, &json!({"tool": "undo"}));
    document.wait_for_journal().expect("durable");
    let journal_unfolded = fs::read(journal_of(&desk)).expect("readable");
    document.saved(job.run(&Silent)).expect("saved");
    step(&mut document, &brush(2, 17));
    document.wait_for_journal().expect("durable");
    assert_eq!(come_back(&after_a_stop(&desk)), work_of(&document), "after the journal was folded");

    let stopped = after_a_stop(&desk);
    fs::write(journal_of(&stopped), &journal_unfolded).expect("written");
    let back = come_back(&stopped);
    assert_eq!((back.done.len(), back.undone.len()), (2, 1), "before it was");
    assert_eq!(
        back.labels,
        come_back(&{
            let saved = after_a_stop(&desk);
            fs::remove_file(journal_of(&saved)).expect("removed");
            saved
        })
        .labels
    );

    // A journal of before the save holds nothing that the save does not.
    let stopped = after_a_stop(&desk);
    fs::write(journal_of(&stopped), &journal_before).expect("written");
    let mut again = open(&stopped);
    assert_eq!(again.left_behind(), None);
    assert_eq!(again.session.history().done().len(), 2, "what was saved can be undone");
    assert!(again.session.undo().expect("undone") && again.session.is_unsaved());

    // One that follows on another state is kept, and told.
    let stopped = after_a_stop(&desk);
    for name in stopped.names().iter().filter(|name| !name.ends_with("journal")) {
        fs::remove_file(stopped.folder().join(name)).expect("removed");
    }
    let again = open(&stopped);
    assert_eq!(again.left_behind(), None);
    assert!(
        again.notices().iter().any(|notice| notice.contains("ct.annotomy.journal.1")),
        "{:?}",
        again.notices()
    );
    assert!(stopped.folder().join("ct.annotomy.journal.1").exists());
}

#[test]
fn a_torn_end_is_cut_and_everything_before_it_comes_back() {
    let desk = Desk::new();
    let mut document = open(&desk);
    assert!(!journal_of(&desk).exists(), "before the first step there is no journal");
    step(&mut document, &brush(2, 3));
    document.wait_for_journal().expect("durable");
    let mut whole = vec![(fs::metadata(journal_of(&desk)).expect("there").len(), work_of(&document))];
    for at in 0..4 {
        step(&mut document, &brush(1, 6 * at));
        document.wait_for_journal().expect("durable");
        whole.push((fs::metadata(journal_of(&desk)).expect("there").len(), work_of(&document)));
    }
    let bytes = fs::read(journal_of(&desk)).expect("readable");
    let check = |bytes: &[u8], expected: &Work, what: &str| {
        let stopped = after_a_stop(&desk);
        fs::write(journal_of(&stopped), bytes).expect("written");
        assert_eq!(&come_back(&stopped), expected, "{what}");
    };
    let (begun, _) = whole[0];
    for length in (begun as usize..=bytes.len()).step_by(13) {
        let (_, expected) = whole.iter().rfind(|(size, _)| *size <= length as u64).expect("some");
        check(&bytes[..length], expected, &format!("cut at {length}"));
        // Blocks that were promised and never written are zeroes.
        let zeroes = [&bytes[..length], &vec![0; 600]].concat();
        check(&zeroes, expected, &format!("zeroes from {length}"));
    }
    // Bytes that changed on the disk: what stands before them comes back, and nothing that never was.
    for place in (begun as usize..bytes.len()).step_by(67) {
        let mut changed = bytes.clone();
        changed[place] ^= 0x10;
        let stopped = after_a_stop(&desk);
        fs::write(journal_of(&stopped), &changed).expect("written");
        let back = come_back(&stopped);
        let least = whole.iter().rposition(|(size, _)| *size <= place as u64).expect("some");
        let known = whole.iter().position(|(_, work)| *work == back);
        assert!(known.is_some_and(|known| known >= least), "byte {place} changed: {:?}", back.done);
    }
    // Before it has a head, which follows on the first line, it is no journal yet.
    let head = bytes.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
    let head_end =
        head + 8 + u32::from_le_bytes(bytes[head..head + 4].try_into().expect("four bytes")) as usize;
    assert!(head_end < begun as usize);
    for length in 0..head_end {
        let path = desk.folder().join("half.journal");
        fs::write(&path, &bytes[..length]).expect("written");
        let found = find_journal(&path);
        assert!(matches!(found, Ok(None) | Err(JournalError::Stranger { .. })), "{length}: {found:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_journal_is_not_waited_for() {
    let desk = Desk::new();
    let made = Command::new("mkfifo").arg(journal_of(&desk)).status().expect("mkfifo runs");
    assert!(made.success());
    assert!(matches!(find_journal(&journal_of(&desk)), Err(JournalError::Unusable { .. })));
    let mut document = Document::open(&desk.path, "Ada", &Silent).expect("opens");
    document.keep_journal(None).expect_err("no journal can lie there");
}

#[test]
fn a_second_window_only_looks() {
    let desk = Desk::new();
    let mut first = open(&desk);
    step(&mut first, &brush(1, 5));
    first.wait_for_journal().expect("durable");
    let mut second = open(&desk);
    assert!(second.session.looks_only().is_some());
    assert!(second.notices().iter().any(|notice| notice.contains("Another window")));
    let stroke: ScriptStep = serde_json::from_value(brush(1, 9)).expect("a step");
    let _ = second.session.run_step(&stroke);
    assert!(!second.session.is_unsaved() && second.session.history().done().len() == 0);
    second.close();
    first.wait_for_journal().expect("durable");
    assert_eq!(come_back(&after_a_stop(&desk)), work_of(&first));
}

#[test]
fn a_study_that_is_only_looked_at_leaves_nothing_beside_it() {
    let desk = Desk::new();
    let before = desk.names();
    let document = open(&desk);
    assert_eq!(document.wait_for_journal(), Ok(()));
    assert_eq!(desk.names(), before);
    document.close();
    assert_eq!(desk.names(), before);
    // A save without a step keeps none either, and the first step after it begins one that fits it.
    let mut document = open(&desk);
    let job = document.save_job(None, Overwrite::Seen);
    document.saved(job.run(&Silent)).expect("saved");
    assert!(!journal_of(&desk).exists());
    step(&mut document, &brush(1, 5));
    document.wait_for_journal().expect("durable");
    assert_eq!(come_back(&after_a_stop(&desk)), work_of(&document));
}

#[test]
fn of_two_windows_that_have_marked_nothing_the_first_to_mark_goes_on() {
    let desk = Desk::new();
    let (mut first, mut second) = (open(&desk), open(&desk));
    assert!(first.session.looks_only().is_none() && second.session.looks_only().is_none());
    step(&mut second, &brush(1, 5));
    second.wait_for_journal().expect("durable");
    step(&mut first, &brush(2, 9));
    assert!(first.wait_for_journal().is_err_and(|why| why.contains("another window")));
    first.record();
    assert!(first.session.looks_only().is_some() && first.session.history().done().len() == 0);
    assert!(first.notices().iter().any(|notice| notice.contains("Another window")));
    first.close();
    step(&mut second, &brush(1, 7));
    second.wait_for_journal().expect("durable");
    assert_eq!(come_back(&after_a_stop(&desk)), work_of(&second), "nothing of it was lost");

    // What another window left unsaved meanwhile is not written over.
    let desk = Desk::new();
    let mut patient = open(&desk);
    let mut other = open(&desk);
    step(&mut other, &brush(3, 5));
    other.wait_for_journal().expect("durable");
    let left = fs::read(journal_of(&desk)).expect("readable");
    drop(other);
    // Its thread ends with it, sooner or later.
    let freed = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        File::open(journal_of(&desk)).expect("there").try_lock().is_ok()
    });
    assert!(freed, "the lock goes with the window");
    step(&mut patient, &brush(4, 9));
    patient.wait_for_journal().expect("durable");
    assert_eq!(fs::read(desk.folder().join("ct.annotomy.journal.1")).expect("kept"), left);
    assert_eq!(come_back(&after_a_stop(&desk)), work_of(&patient));
}

/// A disk whose operation number `fails_at` fails, with half of what was to be written written.
struct Failing {
    operations: Arc<AtomicUsize>,
    fails_at: usize,
}

impl Failing {
    fn fails(&self) -> bool {
        self.operations.fetch_add(1, Ordering::Relaxed) == self.fails_at
    }
}

impl Disk for Failing {
    fn create(&self, path: &Path) -> io::Result<File> {
        Careless.create(path)
    }
    fn write(&self, file: &mut File, _: &Path, bytes: &[u8]) -> io::Result<()> {
        if self.fails() {
            file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        file.write_all(bytes)
    }
    fn sync(&self, _: &File, _: &Path) -> io::Result<()> {
        if self.fails() { Err(io::Error::other("the disk is gone")) } else { Ok(()) }
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Careless.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        Careless.remove(path)
    }
    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_error_at_any_write_loses_nothing_and_repeats_nothing() {
    let desk = Desk::new();
    let study = StudyIdentity::of(&desk.study());
    let event =
        |number: usize| HistoryEvent::Committed(Step { name: format!("Step {number}"), edits: Vec::new() });
    let mut failed = 0;
    for fails_at in 0..20 {
        let path = desk.folder().join(format!("{fails_at}.journal"));
        let operations = Arc::new(AtomicUsize::new(0));
        let start = JournalStart { study: &study, seen: None, by: &by("Ada") };
        let make = || {
            let disk = Failing { operations: operations.clone(), fails_at };
            Journal::begin(Box::new(disk), &path, &start)
        };
        // Beginning fails in the first operations; it may be tried again.
        let mut journal = make().or_else(|_| make()).expect("begun");
        for number in 0..5 {
            while let Err(error) = journal.append(&[event(number)], "2026-11-23T10:00:00Z") {
                failed += 1;
                assert!(matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::Other));
                let found = find_journal(&path).expect("readable").expect("there");
                let unsaved = found.unsaved(&study, None).expect("fits");
                assert_eq!(unsaved.event_count(), number, "what failed is not there");
            }
        }
        let found = find_journal(&path).expect("readable").expect("there");
        let unsaved = found.unsaved(&study, None).expect("fits");
        let events: Vec<_> = unsaved.events().map(|event| event.expect("readable")).collect();
        assert_eq!(events, (0..5).map(event).collect::<Vec<_>>(), "operation {fails_at} failed");
        assert!(!found.is_torn());
    }
    assert!(failed >= 10);
}

#[test]
fn a_journal_goes_on_elsewhere_with_all_of_it_or_stays() {
    let desk = Desk::new();
    let study = StudyIdentity::of(&desk.study());
    let event =
        |number: usize| HistoryEvent::Committed(Step { name: format!("Step {number}"), edits: Vec::new() });
    let start = JournalStart { study: &study, seen: None, by: &by("Ada") };
    let (mut moved, mut stayed) = (0, 0);
    for fails_at in 0..20 {
        let [here, there] =
            ["here", "there"].map(|name| desk.folder().join(format!("{name}{fails_at}.journal")));
        let disk = Failing { operations: Arc::new(AtomicUsize::new(0)), fails_at };
        let Ok(mut journal) = Journal::begin(Box::new(disk), &here, &start) else { continue };
        for number in 0..3 {
            while journal.append(&[event(number)], "2026-11-23T10:00:00Z").is_err() {}
        }
        let path = if journal.move_to(&there).is_ok() { &there } else { &here };
        *if path == &there { &mut moved } else { &mut stayed } += 1;
        assert_eq!(journal.path(), path);
        while journal.append(&[event(3)], "2026-11-23T10:00:00Z").is_err() {}
        let unsaved =
            find_journal(path).expect("readable").expect("there").unsaved(&study, None).expect("fits");
        let events: Vec<_> = unsaved.events().map(|event| event.expect("readable")).collect();
        assert_eq!(events, (0..4).map(event).collect::<Vec<_>>(), "operation {fails_at} failed");
    }
    assert!(moved >= 5 && stayed >= 2, "{moved} moved, {stayed} stayed");
}

/// Runs `annotomy apply STUDY - --out OUT` and kills it after so many answers; what it answered.
fn apply_and_kill(desk: &Desk, steps: &[Value], answers: usize) -> Vec<Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_annotomy"))
        .arg("apply")
        .arg(&desk.path)
        .args(["-", "--out"])
        .arg(desk.folder().join("out"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut input = child.stdin.take().expect("piped");
    let output = BufReader::new(child.stdout.take().expect("piped"));
    let lines: Vec<String> = steps.iter().map(|step| format!("{step}\n")).collect();
    let writer = std::thread::spawn(move || {
        for line in lines {
            // The reader may be dead by now.
            if input.write_all(line.as_bytes()).is_err() {
                return;
            }
        }
        // Held open, so that the program does not come to its end by itself.
        std::thread::sleep(std::time::Duration::from_millis(300));
    });
    let answered: Vec<Value> = output
        .lines()
        .take(answers)
        .map(|line| serde_json::from_str(&line.expect("UTF-8")).expect("JSON"))
        .collect();
    child.kill().expect("killed");
    let mut complaint = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut complaint).expect("UTF-8");
    child.wait().expect("ended");
    writer.join().expect("ended");
    assert_eq!(answered.len(), answers, "{complaint}");
    answered
}

fn recover(arguments: &[&str], study: &Path) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_annotomy"))
        .args(["recover", "--json"])
        .arg(study)
        .args(arguments)
        .output()
        .expect("starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn every_step_answered_as_durable_is_there_after_a_kill() {
    let mut steps = vec![json!({"tool": "label", "index": 1, "name": "Lesion"})];
    steps.extend((0..12).map(|at| brush(1 + (at % 2) as u16, 3 * at)));
    steps.insert(5, json!({"tool": "undo"}));
    steps.insert(7, json!({"tool": "no such tool"}));
    for answers in [1, 2, 6, 8, 11, steps.len()] {
        let desk = Desk::new();
        let answered = apply_and_kill(&desk, &steps, answers);
        let durable = answered.iter().filter(|answer| answer["durable"] == json!(true)).count();
        for (number, answer) in answered.iter().enumerate() {
            assert_eq!(answer["step"], json!(number + 1));
            assert_eq!(answer["ok"], json!(number != 7), "{answer}");
            assert_eq!(answer["durable"], answer["ok"]);
        }
        let told = recover(&[], &desk.path);
        let steps_told = told["steps"].as_u64().expect("a count");
        assert!(steps_told >= durable as u64, "{durable} of {told}");
        let out = desk.folder().join("recovered");
        let told = recover(&["--out", out.to_str().expect("UTF-8")], &desk.path);
        assert!(told["saved"].as_str().is_some_and(|path| Path::new(path).exists()), "{told}");

        // The same as making exactly these steps without a stop.
        let other = Desk::new();
        let mut document = open(&other);
        for step in steps.iter().take(steps_told as usize + usize::from(steps_told > 7)) {
            let Ok(step) = serde_json::from_value::<ScriptStep>(step.clone()) else { continue };
            document.session.run_step(&step).expect("made");
        }
        let (_, _, saved) =
            annotomy::store::open_sidecar(&out.join("ct.annotomy.json"), &Silent).expect("opens");
        let expected: &Case = document.session.case();
        for (ours, theirs) in saved.layers.iter().zip(expected.layers()) {
            assert!(annotomy::volume::LabelMap::has_same_labels(ours, theirs), "{answers} answers");
        }
    }
}

#[test]
fn input_that_ends_is_saved_and_leaves_no_journal() {
    let desk = Desk::new();
    let out = desk.folder().join("out");
    let mut child = Command::new(env!("CARGO_BIN_EXE_annotomy"))
        .arg("apply")
        .arg(&desk.path)
        .args(["-", "--out"])
        .arg(&out)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut input = child.stdin.take().expect("piped");
    writeln!(input, "{}\n\n{}", brush(1, 4), brush(1, 8)).expect("written");
    drop(input);
    let output = child.wait_with_output().expect("ended");
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).expect("UTF-8");
    let expected = [r#"{"step":1,"ok":true,"durable":true}"#, r#"{"step":2,"ok":true,"durable":true}"#];
    assert_eq!(answers.lines().collect::<Vec<_>>(), expected);
    assert!(!journal_of(&desk).exists());
    let mut names: Vec<_> =
        fs::read_dir(&out).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names, ["ct.annotomy.json", "ct_dseg.nii.gz", "ct_dseg.tsv"]);
    assert_eq!(recover(&[], &desk.path)["journal"], Value::Null);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn any_work_comes_back_from_any_moment(acts in prop::collection::vec((0..6u8, 0..40usize), 1..14)) {
        let desk = Desk::new();
        let mut document = open(&desk);
        for (act, at) in acts {
            match act {
                0 => drop(document.session.undo().expect("undone")),
                1 => drop(document.session.redo().expect("made again")),
                2 => {
                    let job = document.save_job(None, Overwrite::Seen);
                    document.saved(job.run(&Silent)).expect("saved");
                }
                _ => step(&mut document, &brush(1 + (at % 3) as u16, at)),
            }
            document.record();
            document.wait_for_journal().expect("durable");
            prop_assert_eq!(come_back(&after_a_stop(&desk)), work_of(&document));
        }
    }
}

#[test]
fn a_journal_is_written_on_this_disk_too() {
    let desk = Desk::new();
    let study = StudyIdentity::of(&desk.study());
    let start = JournalStart { study: &study, seen: None, by: &by("Ada") };
    let path = desk.folder().join("x.journal");
    let mut journal = Journal::begin(Box::new(LocalDisk), &path, &start).expect("begun");
    assert!(matches!(Journal::begin(Box::new(LocalDisk), &path, &start), Err(JournalError::Busy { .. })));
    journal.append(&[HistoryEvent::Undone], "2026-11-23T10:00:00Z").expect("written");
    assert_eq!(journal.mark().events, 1);
    journal.remove().expect("removed");
    assert!(find_journal(&path).expect("readable").is_none());
}
