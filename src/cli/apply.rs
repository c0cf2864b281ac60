//! `annotomy apply`: the window's own tools from a list of steps.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::output::{print, print_json};
use super::{CommandError, warn};
use crate::format::Silent;
use crate::session::{Document, OpenError, Script, system_author};
use crate::store::Overwrite;

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// A study (NIfTI file, DICOM file or folder) or a sidecar; marks saved beside it are the start
    #[arg(value_name = "CASE")]
    case: PathBuf,
    /// The steps: {"steps": [{"tool": "brush", …}, …]}, coordinates in LPS millimetres
    #[arg(value_name = "STEPS.json")]
    steps: PathBuf,
    /// The folder for sidecar, masks and table; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
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
    let script = read_script(&arguments.steps)?;
    let begun = Instant::now();
    let mut document = open(&arguments.case, arguments.series.as_deref())?;
    let open_ms = milliseconds_since(begun);

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
    std::fs::create_dir_all(&arguments.out)
        .map_err(|error| CommandError::unwritable(&arguments.out, error))?;
    let outcome = document.save_job(Some(&arguments.out), Overwrite::Anything).run();
    document.saved(outcome)?;
    let save_ms = milliseconds_since(begun);

    if arguments.timings {
        return print_json(&Timings { open_ms, steps_ms, save_ms, peak_memory_mb: peak_memory_mb() });
    }
    print(&format!("saved and proven: {}", document.files().sidecar().display()))
}

fn read_script(path: &Path) -> Result<Script, CommandError> {
    let bad = |text: String| CommandError::BadScript { path: path.to_owned(), text };
    let text = std::fs::read_to_string(path).map_err(|error| bad(format!("cannot be read: {error}")))?;
    serde_json::from_str(&text).map_err(|error| bad(format!("is not a list of steps: {error}")))
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
