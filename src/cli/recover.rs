//! `annotomy recover`: what an unsaved journal holds, and how it becomes a saved case.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::CommandError;
use super::output::{print, print_json};
use crate::format::Silent;
use crate::session::Document;
use crate::store::Overwrite;

/// Arguments of `recover`.
#[derive(Debug, Args)]
pub struct RecoverArgs {
    /// The study or sidecar whose journal is looked at
    #[arg(value_name = "CASE")]
    case: PathBuf,
    /// Save what the journal holds as a case into this folder; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Where the journal lies, if not beside the case: its folder, or the file itself under any name
    #[arg(long, value_name = "PATH")]
    journal: Option<PathBuf>,
    /// Which series, where CASE holds several (`info` tells their ids)
    #[arg(long, value_name = "ID")]
    series: Option<String>,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

/// The report; scripts rely on its shape.
#[derive(Debug, Serialize)]
struct Report {
    journal: Option<String>,
    /// Steps, undos and redos that are not saved.
    steps: usize,
    /// When the last of them was made, UTC.
    last: Option<String>,
    /// Whether the end of the journal was cut off in the middle of a step.
    torn: bool,
    /// The sidecar, where one was saved.
    saved: Option<String>,
}

/// Tells what the journal holds and, with `--out`, saves it. The journal stays.
pub(super) fn run(arguments: &RecoverArgs) -> Result<(), CommandError> {
    let mut document = super::apply::open(&arguments.case, arguments.series.as_deref())?;
    let mut path = journal_of(&document, arguments.journal.as_deref());
    let mut found = document.find_left_behind(&path)?;
    let elsewhere = document.journal_elsewhere().filter(|_| arguments.journal.is_none());
    if let Some(elsewhere) = elsewhere.clone().filter(|_| !found)
        && document.find_left_behind(&elsewhere)?
    {
        (path, found) = (elsewhere, true);
    }
    let (steps, last) =
        document.left_behind().map_or((0, None), |(steps, last)| (steps, last.map(str::to_owned)));
    let torn = document.was_cut_off();
    let mut saved = None;
    if let Some(out) = &arguments.out {
        document.bring_back();
        std::fs::create_dir_all(out).map_err(|error| CommandError::unwritable(out, error))?;
        let outcome = document.save_job(Some(out), Overwrite::Anything).run(&Silent);
        document.saved(outcome)?;
        saved = Some(document.files().sidecar().to_string_lossy().into_owned());
    }
    let journal = found.then(|| path.to_string_lossy().into_owned());
    let report = Report { journal, steps, last, torn, saved };
    if arguments.json { print_json(&report) } else { print(&in_words(&report, &path, elsewhere.as_deref())) }
}

/// Where the journal of a document lies: beside the case, under the same name in another folder, or in a
/// file that was named.
pub(super) fn journal_of(document: &Document, folder: Option<&Path>) -> PathBuf {
    let beside = document.files().journal();
    match (folder, beside.file_name()) {
        (Some(file), _) if file.is_file() => file.to_owned(),
        (Some(folder), Some(name)) => folder.join(name),
        _ => beside,
    }
}

fn in_words(report: &Report, path: &Path, elsewhere: Option<&Path>) -> String {
    if report.journal.is_none() {
        let nor = elsewhere.map_or(String::new(), |other| format!(", nor at {}", other.display()));
        return format!("no journal at {}{nor}: nothing is unsaved", path.display());
    }
    let steps = match report.steps {
        0 => "no unsaved steps".to_owned(),
        1 => "1 unsaved step".to_owned(),
        count => format!("{count} unsaved steps"),
    };
    let mut lines = vec![format!("{}: {steps}", path.display())];
    lines.extend(report.last.as_ref().map(|time| format!("last made at {time}")));
    if report.torn {
        lines.push("its end was cut off in the middle of a step, which is lost".to_owned());
    }
    lines.extend(report.saved.as_ref().map(|sidecar| format!("saved and proven: {sidecar}")));
    lines.join("\n")
}
