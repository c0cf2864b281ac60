//! `annotomy apply`: the window's own tools from a list of steps.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::output::{print, print_json};
use super::{CommandError, warn};
use crate::format::Silent;
use crate::session::{Allowed, Document, OpenError, Script, ScriptStep, system_author};
use crate::store::Overwrite;

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// A study (NIfTI file, DICOM file or folder) or a sidecar; marks saved beside it are the start
    #[arg(value_name = "CASE")]
    case: PathBuf,
    /// The steps: {"steps": [{"tool": "brush", …}, …]}, coordinates in LPS millimetres; or - to read one
    /// step per line from standard input and answer each once it is in the journal on disk
    #[arg(value_name = "STEPS.json")]
    steps: PathBuf,
    /// The folder for sidecar, masks and table; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A mask to lay over the study before the first step, as a layer of its own: NIfTI, NRRD, MetaImage
    #[arg(long, value_name = "FILE")]
    mask: Option<PathBuf>,
    /// Names and colours of the mask's labels: an ITK-SNAP label file or a BIDS table
    #[arg(long, value_name = "FILE", requires = "mask")]
    labels: Option<PathBuf>,
    /// Takes the mask's nearest voxels where it lies on another grid, which is refused otherwise
    #[arg(long, requires = "mask")]
    resample: bool,
    /// Lays the mask where it is read to lie though its own header is in doubt of that (sform and qform
    /// disagree, no orientation), which is refused otherwise
    #[arg(long, requires = "mask")]
    as_read: bool,
    /// With -, where the journal is kept, if not beside the case
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
    /// Which series, where CASE holds several (`info` tells their ids)
    #[arg(long, value_name = "ID")]
    series: Option<String>,
    /// Tell the milliseconds of opening, of each step and of saving, and the peak memory, as JSON
    #[arg(long)]
    timings: bool,
}

/// What `--timings` prints; scripts rely on its shape.
#[derive(Debug, Serialize)]
struct Timings {
    open_ms: f64,
    steps_ms: Vec<f64>,
    save_ms: f64,
    /// Most memory the process held, in megabytes of 10⁶ bytes; null where the system does not tell.
    peak_memory_mb: Option<f64>,
}

/// Opens CASE, makes the steps and saves into DIR; a step that cannot be made leaves DIR as it was.
pub(super) fn run(arguments: &ApplyArgs) -> Result<(), CommandError> {
    if arguments.steps.as_os_str() == "-" {
        return answer_lines(arguments);
    }
    if arguments.journal.is_some() {
        return Err(CommandError::Usage(
            "--journal goes with steps from standard input: STEPS.json is -".into(),
        ));
    }
    let script = read_script(&arguments.steps)?;
    let begun = Instant::now();
    let mut document = open(&arguments.case, arguments.series.as_deref())?;
    let open_ms = milliseconds_since(begun);
    tell_doubts(&document);
    let journal = super::recover::journal_of(&document, None);
    if document.find_left_behind(&journal).is_ok()
        && document.left_behind().is_some_and(|(steps, _)| steps > 0)
    {
        warn(&format!(
            "{}: holds unsaved steps, which are not used here; see annotomy recover",
            journal.display()
        ));
    }

    lay_over(&mut document, arguments)?;
    let mut steps_ms = Vec::with_capacity(script.steps.len());
    for (number, step) in script.steps.iter().enumerate() {
        let number = number + 1;
        if let Some(doubt) = document.session.doubt_of_step(step) {
            warn(&format!("{}: step {number}: {doubt}", arguments.steps.display()));
        }
        let begun = Instant::now();
        document.session.run_step(step).map_err(|error| CommandError::Step {
            path: arguments.steps.clone(),
            number,
            text: error.to_string(),
        })?;
        steps_ms.push(milliseconds_since(begun));
    }

    let begun = Instant::now();
    save(&mut document, &arguments.out)?;
    let save_ms = milliseconds_since(begun);

    if arguments.timings {
        return print_json(&Timings { open_ms, steps_ms, save_ms, peak_memory_mb: peak_memory_mb() });
    }
    print(&format!("saved and proven: {}", document.files().sidecar().display()))
}

/// Lays the mask over that the arguments name; tells what was done to make it fit.
fn lay_over(document: &mut Document, arguments: &ApplyArgs) -> Result<(), CommandError> {
    let Some(mask) = &arguments.mask else { return Ok(()) };
    let allowed = Allowed { resampling: arguments.resample, doubtful_place: arguments.as_read };
    let moved = document.lay_over(mask, arguments.labels.as_deref(), allowed, &Silent)?;
    for (theirs, ours) in moved {
        warn(&format!("label {theirs} of the mask is label {ours} here: the case has another {theirs}"));
    }
    let origins = document.session.case().layer_origins();
    if let Some(origin) = origins.last().and_then(|origin| origin.file.as_ref())
        && *origin != mask.file_name().unwrap_or_default().to_string_lossy()
    {
        warn(&format!("laid over: {origin}"));
    }
    Ok(())
}

/// The answer to one line; scripts rely on its shape.
#[derive(Debug, Serialize)]
struct Answer {
    /// Counted from 1.
    step: usize,
    /// Whether the step was made.
    ok: bool,
    /// Told where a step changed nothing, so that there is none to be undone.
    #[serde(skip_serializing_if = "is_usual")]
    changed: bool,
    /// Whether it is in the journal on disk, so that it survives whatever happens now.
    durable: bool,
    /// What is doubtful about a step that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    /// Why the step was not made, or is not durable.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn is_usual(changed: &bool) -> bool {
    *changed
}

/// Makes the steps that come line by line and answers each; at the end of input saves into DIR. A step
/// that cannot be made is answered so and changes nothing.
fn answer_lines(arguments: &ApplyArgs) -> Result<(), CommandError> {
    let begun = Instant::now();
    let mut document = open(&arguments.case, arguments.series.as_deref())?;
    if let Some(folder) = &arguments.journal {
        std::fs::create_dir_all(folder).map_err(|error| CommandError::unwritable(folder, error))?;
    }
    tell_doubts(&document);
    let journal = super::recover::journal_of(&document, arguments.journal.as_deref());
    document.keep_journal(Some(&journal))?;
    if let Some((steps, _)) = document.left_behind() {
        // Reading it cut its torn end off, and nothing else.
        return Err(CommandError::LeftBehind { path: journal, steps });
    }
    if document.session.looks_only().is_some() {
        return Err(crate::store::JournalError::Busy { path: journal }.into());
    }
    lay_over(&mut document, arguments)?;
    let open_ms = milliseconds_since(begun);
    let mut steps_ms = Vec::new();
    for line in std::io::stdin().lock().split(b'\n') {
        let line =
            line.map_err(|error| CommandError::BadScript { path: "-".into(), text: error.to_string() })?;
        // What is no UTF-8 is no JSON either, and is answered so.
        let line = String::from_utf8_lossy(&line);
        if line.trim().is_empty() {
            continue;
        }
        let begun = Instant::now();
        let answer = answer(&mut document, steps_ms.len() + 1, &line);
        steps_ms.push(milliseconds_since(begun));
        let text = serde_json::to_string(&answer).map_err(|error| CommandError::Output(error.into()))?;
        print(&text)?;
    }
    if document.session.looks_only().is_some() {
        return Err(crate::store::JournalError::Busy { path: journal }.into());
    }
    let begun = Instant::now();
    save(&mut document, &arguments.out)?;
    let save_ms = milliseconds_since(begun);
    if arguments.timings {
        print_json(&Timings { open_ms, steps_ms, save_ms, peak_memory_mb: peak_memory_mb() })?;
    }
    document.close();
    Ok(())
}

/// Tells what the window would ask about before the first mark, and what became of marks on disk.
pub(super) fn tell_doubts(document: &Document) {
    for doubt in document.doubts().iter().filter(|doubt| doubt.code.is_blocking()) {
        warn(&format!("{}: {}", doubt.code, doubt.text));
    }
    document.notices().iter().for_each(|notice| warn(notice));
}

fn answer(document: &mut Document, step: usize, line: &str) -> Answer {
    let before = document.session.changes();
    let read = ScriptStep::from_text(line);
    let warning = read.as_ref().ok().and_then(|step| document.session.doubt_of_step(step));
    let made = read.and_then(|step| document.session.run_step(&step).map_err(|error| error.to_string()));
    if let Err(error) = made {
        return Answer { step, ok: false, changed: true, durable: false, warning: None, error: Some(error) };
    }
    document.record();
    let durable = document.wait_for_journal();
    // Where another window had begun to mark the case, the step is taken back.
    document.record();
    if document.session.looks_only().is_some() {
        return Answer {
            step,
            ok: false,
            changed: false,
            durable: false,
            warning: None,
            error: durable.err(),
        };
    }
    let changed = document.session.changes() != before;
    Answer { step, ok: true, changed, durable: durable.is_ok(), warning, error: durable.err() }
}

fn save(document: &mut Document, folder: &Path) -> Result<(), CommandError> {
    std::fs::create_dir_all(folder).map_err(|error| CommandError::unwritable(folder, error))?;
    let outcome = document.save_job(Some(folder), Overwrite::Anything).run(&Silent);
    document.saved(outcome)?;
    Ok(())
}

fn read_script(path: &Path) -> Result<Script, CommandError> {
    let bad = |text: String| CommandError::BadScript { path: path.to_owned(), text };
    let text = std::fs::read_to_string(path).map_err(|error| bad(format!("cannot be read: {error}")))?;
    Script::from_text(&text).map_err(bad)
}

/// Opens a study with its marks; of several series the one that `id` names.
pub(super) fn open(path: &Path, id: Option<&str>) -> Result<Document, CommandError> {
    let author = system_author();
    match (Document::open(path, &author, &Silent), id) {
        (Ok(document), None) => Ok(document),
        (Ok(document), Some(id)) if document.study().series.id == id => Ok(document),
        (Ok(document), Some(id)) => {
            let there = &document.study().series.id;
            Err(CommandError::Usage(format!("{}: holds no series {id}, only {there}", path.display())))
        }
        (Err(OpenError::SeveralSeries { scan, .. }), id) => {
            let series = super::convert::chosen(&scan, path, id)?;
            Ok(Document::open_series(series, &scan.series, &author, &Silent)?)
        }
        (Err(error), _) => Err(error.into()),
    }
}

fn milliseconds_since(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1000.0
}

fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}
