//! `annotomy verify`: proves again that masks and study agree.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::CommandError;
use super::output::{print, print_json};
use crate::format::{Silent, legible};
use crate::store::{self, Check, Verification};

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The sidecar of a case: STEM.annotomy.json
    sidecar: PathBuf,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

/// The report; scripts rely on its shape.
#[derive(Debug, Serialize)]
struct Report<'a> {
    sidecar: String,
    agrees: bool,
    checks: &'a [Check],
}

/// Reads study and masks again and reports what was compared. Fails unless everything agrees.
pub(super) fn run(arguments: &VerifyArgs) -> Result<(), CommandError> {
    let verification = store::verify(&arguments.sidecar, &Silent)?;
    if arguments.json {
        let sidecar = arguments.sidecar.to_string_lossy().into_owned();
        let agrees = verification.agrees();
        print_json(&Report { sidecar, agrees, checks: &verification.checks })?;
    } else {
        print(&in_words(&verification))?;
    }
    match verification.checks.iter().find(|check| !check.ok) {
        None => Ok(()),
        Some(Check { subject, text, .. }) => {
            let text = format!("{subject} {text}");
            Err(CommandError::Disagrees { path: arguments.sidecar.clone(), text })
        }
    }
}

fn in_words(verification: &Verification) -> String {
    let width =
        verification.checks.iter().map(|check| legible(&check.subject).chars().count()).max().unwrap_or(0);
    let line = |check: &Check| {
        let verdict = if check.ok { "ok   " } else { "WRONG" };
        format!("{verdict} {:width$}  {}", legible(&check.subject), legible(&check.text))
    };
    verification.checks.iter().map(line).collect::<Vec<_>>().join("\n")
}
