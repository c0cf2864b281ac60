//! The process that opens hostile files, and tells of each how it went.
//!
//! It is this test binary again, started by `bounds` with a list of cases. What it says of a case
//! stands in lines that begin with [`MARK`], since the test harness talks on the same stream.

use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use annotomy::format::{self, Refusal, Series, Silent, Study};
use annotomy::geometry::Point;
use annotomy::session::{Document, Script};
use annotomy::store;

use crate::case::Probe;

/// Names the list of cases for the child.
pub(crate) const LIST: &str = "ANNOTOMY_HOSTILE_CASES";
/// What lines of the child begin with.
pub(crate) const MARK: &str = "@case ";

/// How a case went.
#[derive(Default)]
struct Outcome {
    /// `opens`, a refusal's code, or counts of them.
    words: Vec<String>,
    /// What must not be.
    faults: Vec<String>,
    /// Bytes of the samples of the greatest series.
    decoded: u64,
}

/// Where the last panic of our own code was.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// One line of the list: a number, the probe and the path, whose bytes are in hexadecimal digits.
pub(crate) fn line(number: usize, probe: Probe, path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let mut line = format!("{number} {} ", probe.number());
    for byte in bytes {
        let _ = write!(line, "{byte:02x}");
    }
    line
}

#[cfg(unix)]
fn path_of(hexadecimal: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    let byte = |at: usize| u8::from_str_radix(&hexadecimal[at..at + 2], 16).expect("digits");
    let bytes = (0..hexadecimal.len()).step_by(2).map(byte).collect();
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

/// Runs the cases of the list that the environment names; nothing where it names none.
#[test]
fn child() {
    let Some(list) = std::env::var_os(LIST) else { return };
    let list = std::fs::read_to_string(list).expect("a list of cases");
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
        *PANIC.lock().expect("never poisoned") = place;
    }));
    let mut floor = None;
    for line in list.lines() {
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().expect("three words");
        let (number, probe, path) = (word(), word().parse().expect("a number"), path_of(word()));
        say(&format!("{number} begins"));
        // Memory of what came before and was not given back counts for the case.
        let floor = *floor.get_or_insert_with(resident);
        forget_greatest();
        *PANIC.lock().expect("never poisoned") = None;
        let began = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| outcome_of(Probe::of_number(probe), &path)));
        let took = began.elapsed().as_millis();
        let memory = greatest().saturating_sub(floor);
        let place = PANIC.lock().expect("never poisoned").take();
        let mut outcome = outcome.unwrap_or_else(|_| Outcome {
            words: vec!["panic".into()],
            faults: vec![format!("panics at {}", place.clone().unwrap_or_default())],
            decoded: 0,
        });
        // A foreign decoder may panic behind its fence; our own code may not.
        if let Some(place) = place.filter(|place| place.starts_with("src/")) {
            outcome.faults.push(format!("panics behind a fence at {place}"));
        }
        let faults = outcome.faults.join("; ").replace(['\n', '\r'], " ");
        let words = counted(outcome.words);
        say(&format!("{number} ends {took} {memory} {} {words}|{faults}", outcome.decoded));
    }
}

fn say(text: &str) {
    // The harness may have begun a line of its own.
    println!("\n{MARK}{text}");
    let _ = std::io::stdout().flush();
}

/// One word as it is; of several how often each comes.
fn counted(mut words: Vec<String>) -> String {
    words.sort();
    if words.len() < 2 {
        return words.pop().unwrap_or_else(|| "nothing".into());
    }
    let runs = words.chunk_by(|a, b| a == b);
    runs.map(|run| format!("{} {}", run.len(), run[0])).collect::<Vec<_>>().join(" + ")
}

fn outcome_of(probe: Probe, path: &Path) -> Outcome {
    let mut outcome = Outcome::default();
    match probe {
        Probe::Study => study(path, &mut outcome),
        Probe::Shrinking => {
            let cut = path.to_owned();
            let cutter = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(3));
                std::fs::File::options().write(true).open(cut).and_then(|file| file.set_len(400))
            });
            study(path, &mut outcome);
            let cut = cutter.join().map(|cut| cut.is_ok());
            assert_eq!(cut.ok(), Some(true), "the file was cut");
        }
        Probe::Sidecar => {
            let opened = store::open_sidecar(path, &Silent).map(|(study, ..)| inspect(&study, &mut outcome));
            let verified = store::verify(path, &Silent).map(|proof| proof.agrees());
            match opened {
                Ok(()) => outcome.words.push("opens".into()),
                Err(error) => refused(as_printed(&error), "refused", None, &mut outcome),
            }
            if let Err(error) = verified {
                clean(&as_printed(&error), &mut outcome);
            }
        }
        Probe::Marks => match Document::open(&path.with_file_name("ct.nii"), "nobody", &Silent) {
            Ok(document) => {
                inspect(document.study(), &mut outcome);
                outcome.words.push("opens".into());
            }
            Err(error) => refused(as_printed(&error), "refused", None, &mut outcome),
        },
        Probe::Steps => match steps(path) {
            Ok(()) => outcome.words.push("opens".into()),
            Err(text) => refused(as_printed(&text), "refused", None, &mut outcome),
        },
    }
    outcome
}

fn steps(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let script: Script = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let document = Document::open_without_marks(&path.with_file_name("ct.nii"), "nobody", &Silent);
    let mut session = document.map_err(|error| error.to_string())?.session;
    for step in &script.steps {
        session.run_step(step).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn study(path: &Path, outcome: &mut Outcome) {
    let scan = match format::scan(path, &Silent) {
        Ok(scan) => scan,
        Err(refusal) => return refuse(&refusal, outcome),
    };
    for refusal in &scan.refused {
        refuse(refusal, outcome);
    }
    for series in &scan.series {
        told_of(series, outcome);
        match format::load(series, &Silent) {
            Ok(study) => {
                inspect(&study, outcome);
                outcome.words.push("opens".into());
            }
            Err(refusal) => refuse(&refusal, outcome),
        }
    }
}

fn refuse(refusal: &Refusal, outcome: &mut Outcome) {
    let name = refusal.path.file_name().unwrap_or_default().to_str();
    let name = name.filter(|name| name.len() < 256 && name.bytes().all(|byte| byte.is_ascii_graphic()));
    refused(refusal.to_string(), refusal.code.word(), name, outcome);
}

/// An error as the command line prints it.
fn as_printed(error: &impl std::fmt::Display) -> String {
    format::legible(&error.to_string()).into_owned()
}

/// What a refusal says must be one clean line that names the file.
fn refused(text: String, word: &str, name: Option<&str>, outcome: &mut Outcome) {
    clean(&text, outcome);
    if name.is_some_and(|name| !text.contains(name)) {
        outcome.faults.push(format!("does not name the file: {text}"));
    }
    outcome.words.push(word.to_owned());
}

/// Text that reaches a terminal is short, in one line, and cannot steer it.
fn clean(text: &str, outcome: &mut Outcome) {
    let steers = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if text.is_empty() || text.contains(steers) {
        outcome.faults.push(format!("text that steers a terminal: {text:?}"));
    }
    if text.chars().count() > 5000 {
        outcome.faults.push(format!("a text of {} characters", text.chars().count()));
    }
}

fn told_of(series: &Series, outcome: &mut Outcome) {
    for text in [&series.description, &series.id].into_iter().chain(&series.modality) {
        if !text.is_empty() {
            clean(text, outcome);
        }
    }
}

/// What opens must agree with itself.
fn inspect(study: &Study, outcome: &mut Outcome) {
    let volume = &study.volume;
    let grid = volume.grid();
    let [i, j, k] = grid.dims();
    let samples = volume.samples();
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            outcome.faults.push(format!("opens and contradicts itself: {what}"));
        }
    };
    let count = i * j * k * volume.times();
    expect(count > 0 && samples.len() == count, "samples and dims");
    expect(samples.bytes().len() == count * volume.sample_type().bytes(), "bytes and samples");
    expect(grid.patient_from_voxel().rows().as_flattened().iter().all(|x| x.is_finite()), "an affine");
    expect(grid.spacing_mm().iter().all(|mm| mm.is_finite() && *mm > 0.0), "spacing");
    let far = grid.patient_from_voxel() * Point::new(i as f64, j as f64, k as f64);
    expect(far.to_array().iter().all(|x| x.is_finite()), "a corner");
    expect(volume.rescale().slope.is_finite() && volume.rescale().intercept.is_finite(), "a rescale");
    let _ = volume.statistics();
    outcome.decoded = outcome.decoded.max(samples.bytes().len() as u64);
    told_of(&study.series, outcome);
    for text in study.doubts.iter().map(|doubt| &doubt.text).chain(&volume.unit).chain(&volume.modality) {
        clean(text, outcome);
    }
}

/// A line of `/proc/self/status` in bytes; 0 where the system has no such file.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}

/// Memory held now.
fn resident() -> u64 {
    status("VmRSS:")
}

/// Most memory held since [`forget_greatest`].
fn greatest() -> u64 {
    status("VmHWM:")
}

fn forget_greatest() {
    // Linux, proc(5): 5 sets the high-water mark to what is held now.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
