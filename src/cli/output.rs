//! Standard output.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::CommandError;

/// Prints text and a line's end.
pub(super) fn print(text: &str) -> Result<(), CommandError> {
    match writeln!(io::stdout().lock(), "{text}") {
        // Who pipes into `head` has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(CommandError::Output),
    }
}

/// Refuses to write over what is read.
pub(super) fn refuse_input<'a>(
    output: &Path,
    inputs: impl IntoIterator<Item = &'a Path>,
) -> Result<(), CommandError> {
    let Ok(there) = output.canonicalize() else { return Ok(()) };
    let is_read = |input: &Path| input.canonicalize().is_ok_and(|input| input == there);
    if inputs.into_iter().any(is_read) {
        let text = format!("{}: is what is read; write to another name", output.display());
        return Err(CommandError::Usage(text));
    }
    Ok(())
}

/// Prints a report as JSON.
pub(super) fn print_json(report: &impl Serialize) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(report).map_err(|error| CommandError::Output(error.into()))?;
    print(&text)
}
