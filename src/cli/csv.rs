//! Reports as tables of comma-separated values.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::CommandError;
use crate::format::write_atomically;

/// Writes a row for each report, whole or not at all. A column is called as the number is found in the
/// JSON, `shape.axis_lengths_mm.0`; what a report does not have is left empty.
pub(super) fn write(path: &Path, reports: &[impl Serialize]) -> Result<(), CommandError> {
    let unwritable = |error| CommandError::unwritable(path, error);
    let rows: Result<Vec<Vec<(String, String)>>, _> = reports.iter().map(row_of).collect();
    let rows = rows.map_err(|error| unwritable(error.into()))?;
    if path.parent().is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        return Err(unwritable(io::Error::other("its folder is not there")));
    }
    write_atomically(path, |file| write_rows(file, &rows)).map_err(unwritable)
}

fn row_of(report: &impl Serialize) -> Result<Vec<(String, String)>, serde_json::Error> {
    let mut row = Vec::new();
    flatten("", &serde_json::to_value(report)?, &mut row);
    Ok(row)
}

fn flatten(name: &str, value: &Value, row: &mut Vec<(String, String)>) {
    let inside = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    match value {
        Value::Object(parts) => parts.iter().for_each(|(part, value)| flatten(&inside(part), value, row)),
        Value::Array(parts) => {
            parts.iter().enumerate().for_each(|(n, value)| flatten(&inside(&n.to_string()), value, row));
        }
        Value::Null => row.push((name.to_owned(), String::new())),
        Value::String(text) => row.push((name.to_owned(), text.clone())),
        other => row.push((name.to_owned(), other.to_string())),
    }
}

fn write_rows(out: impl Write, rows: &[Vec<(String, String)>]) -> io::Result<()> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flatten() {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    // What is null in one report and has parts in another goes by its parts.
    let is_whole = |name: &&str| !names.iter().any(|other| other.starts_with(&format!("{name}.")));
    let names: Vec<&str> = names.iter().copied().filter(is_whole).collect();
    let mut table = ::csv::Writer::from_writer(out);
    table.write_record(&names)?;
    for row in rows {
        let field =
            |name: &&str| row.iter().find(|(own, _)| own == name).map_or("", |(_, text)| text.as_str());
        table.write_record(names.iter().map(field))?;
    }
    table.flush()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reports_that_differ_share_their_columns() {
        let reports = [
            json!({"name": "a, \"b\"", "shape": {"mm": [1.5, 2]}, "why": null}),
            json!({"name": "c", "shape": null, "why": "empty"}),
        ];
        let rows: Vec<_> = reports.iter().map(|report| row_of(report).expect("JSON")).collect();
        let mut text = Vec::new();
        write_rows(&mut text, &rows).expect("written");
        let expected = "name,shape.mm.0,shape.mm.1,why\n\"a, \"\"b\"\"\",1.5,2,\nc,,,empty\n";
        assert_eq!(String::from_utf8(text).expect("UTF-8"), expected);
    }
}
