//! Standard output.

use std::io::{self, Write};

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

/// Prints a report as JSON.
pub(super) fn print_json(report: &impl Serialize) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(report).map_err(|error| CommandError::Output(error.into()))?;
    print(&text)
}
