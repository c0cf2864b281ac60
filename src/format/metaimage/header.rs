//! The fields of a MetaImage header as they stand.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::format::RefusalCode;
use crate::format::described::printable;
use crate::format::doubt::Fault;

/// A MetaImage header in its parts.
#[derive(Debug, Default)]
pub(super) struct Header {
    fields: BTreeMap<String, String>,
    /// Lines that follow `ElementDataFile = LIST`.
    pub(super) listed: Vec<String>,
    /// Where samples begin in a file that holds its own.
    pub(super) length: u64,
}

/// The field that ends a header.
const LAST: &str = "ElementDataFile";
/// Fields that a header may begin with.
const FIRST: [&str; 5] = ["ObjectType", "NDims", "Comment", "ObjectSubType", "Name"];
/// A header shows in this many bytes that it is one.
const RECOGNISED_IN: u64 = 1024;

/// Whether a file begins with a line that MetaImage begins with, and tells its number of axes.
pub(super) fn is_metaimage(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(RECOGNISED_IN).read_to_end(&mut start));
    if read.is_err() || !FIRST.iter().any(|first| start.starts_with(first.as_bytes())) {
        return false;
    }
    let text = String::from_utf8_lossy(&start);
    text.lines().filter_map(split).any(|(key, _)| key == "NDims")
}

fn split(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(['=', ':'])?;
    Some((key.trim(), value.trim()))
}

fn inconsistent(text: String) -> Fault {
    Fault::new(RefusalCode::Inconsistent, text)
}

impl Header {
    /// Splits the bytes that a file begins with, up to the line that names the data file.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let mut header = Self::default();
        let mut at = 0;
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
        for line in lines.by_ref() {
            at += line.len();
            let text = String::from_utf8_lossy(line);
            if text.trim().is_empty() {
                continue;
            }
            let Some((key, value)) = split(&text) else { break };
            header.fields.insert(key.to_owned(), value.to_owned());
            if key != LAST {
                continue;
            }
            header.length = at as u64;
            if value.starts_with("LIST") {
                let names = lines.map(|line| String::from_utf8_lossy(line).trim().to_owned());
                header.listed = names.filter(|name| !name.is_empty()).collect();
            }
            return Ok(header);
        }
        let (code, text) = match header.fields.contains_key("NDims") {
            true => (RefusalCode::Truncated, "has a header that ends before it names its data file"),
            false => (RefusalCode::NotAnImage, "does not begin as a MetaImage file does"),
        };
        Err(Fault::new(code, text))
    }

    /// A field.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// A field that there has to be.
    pub(super) fn needed(&self, name: &str) -> Result<&str, Fault> {
        self.field(name).ok_or_else(|| inconsistent(format!("has no field {name} in its header")))
    }

    /// A field that is `True` or `False`; `usual` where it is absent.
    pub(super) fn flag(&self, name: &str, usual: bool) -> bool {
        self.field(name).map_or(usual, |value| matches!(value.as_bytes().first(), Some(b'T' | b't' | b'1')))
    }

    /// A field of exactly `count` numbers; `None` where it is absent.
    pub(super) fn numbers<T: std::str::FromStr>(
        &self,
        name: &str,
        count: usize,
    ) -> Result<Option<Vec<T>>, Fault> {
        let Some(value) = self.field(name) else { return Ok(None) };
        let numbers: Option<Vec<T>> = value.split_whitespace().map(|word| word.parse().ok()).collect();
        match numbers {
            Some(numbers) if numbers.len() == count => Ok(Some(numbers)),
            _ => Err(inconsistent(format!("has \"{name} = {}\", not {count} numbers", printable(value)))),
        }
    }

    /// The first of these fields that is there, as numbers.
    pub(super) fn first_of(&self, names: &[&str], count: usize) -> Result<Option<Vec<f64>>, Fault> {
        match names.iter().find(|name| self.fields.contains_key(**name)) {
            Some(name) => self.numbers(name, count),
            None => Ok(None),
        }
    }
}
