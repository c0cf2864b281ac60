//! The fields of an NRRD header as they stand.

use std::collections::BTreeMap;

use crate::format::RefusalCode;
use crate::format::doubt::Fault;

/// An NRRD header in its parts.
#[derive(Debug, Default)]
pub(super) struct Header {
    /// What the format defines, by the field's name in lower case without blanks.
    fields: BTreeMap<String, String>,
    /// What programs added: `key:=value`.
    pub(super) keys: BTreeMap<String, String>,
    /// The names that follow `data file: LIST`.
    pub(super) listed: Vec<String>,
    /// Where samples begin in a file that holds its own.
    pub(super) length: u64,
}

/// Whether a file that starts like this is NRRD of a version there is.
pub(super) fn is_nrrd(start: &[u8]) -> bool {
    start.starts_with(b"NRRD000") && start.get(7).is_some_and(|version| (b'1'..=b'5').contains(version))
}

fn inconsistent(text: String) -> Fault {
    Fault::new(RefusalCode::Inconsistent, text)
}

impl Header {
    /// Splits the bytes that a file begins with. A header ends with an empty line, or with the file.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        if !is_nrrd(bytes) {
            return Err(Fault::new(RefusalCode::NotAnImage, "does not begin as an NRRD file does"));
        }
        let mut header = Self::default();
        let mut names_follow = false;
        let mut at = 0;
        for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            at += line.len();
            let line = String::from_utf8_lossy(line);
            let line = line.trim_end_matches(['\n', '\r']);
            match (number, line) {
                (0, _) => {}
                (_, "") => break,
                (_, name) if names_follow => header.listed.push(name.to_owned()),
                (_, line) if line.starts_with('#') => {}
                (_, line) => names_follow = header.take(line)?,
            }
        }
        header.length = at as u64;
        Ok(header)
    }

    /// Takes a line; whether names of data files follow it.
    fn take(&mut self, line: &str) -> Result<bool, Fault> {
        if let Some((key, value)) = line.split_once(":=") {
            self.keys.insert(unescaped(key), unescaped(value));
            return Ok(false);
        }
        let (name, value) = line.split_once(':').ok_or_else(|| {
            let shown: String = line.chars().filter(|c| !c.is_control()).take(40).collect();
            inconsistent(format!("has the header line \"{shown}\", which says nothing"))
        })?;
        let name: String = name.to_lowercase().split_whitespace().collect();
        let value = value.trim().to_owned();
        let lists = name == "datafile" && value.split_whitespace().next() == Some("LIST");
        self.fields.insert(name, value);
        Ok(lists)
    }

    /// A field by its name in lower case without blanks.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// A field that there has to be.
    pub(super) fn needed(&self, name: &str) -> Result<&str, Fault> {
        self.field(name).ok_or_else(|| inconsistent(format!("has no field \"{name}\" in its header")))
    }

    /// A field of numbers, one for each axis; `None` where it is absent.
    pub(super) fn numbers(&self, name: &str, axes: usize) -> Result<Option<Vec<f64>>, Fault> {
        let Some(value) = self.field(name) else { return Ok(None) };
        let numbers: Option<Vec<f64>> = value.split_whitespace().map(|word| word.parse().ok()).collect();
        match numbers {
            Some(numbers) if numbers.len() == axes => Ok(Some(numbers)),
            _ => Err(inconsistent(format!(
                "has \"{name}: {}\" for {axes} axes",
                crate::format::described::printable(value)
            ))),
        }
    }

    /// A field of words or quoted words, one for each axis; empty where it is absent or of another
    /// length.
    pub(super) fn words(&self, name: &str, axes: usize) -> Vec<String> {
        let Some(value) = self.field(name) else { return Vec::new() };
        let words: Vec<String> = if value.contains('"') {
            value.split('"').skip(1).step_by(2).map(str::to_owned).collect()
        } else {
            value.split_whitespace().map(str::to_owned).collect()
        };
        if words.len() == axes { words } else { Vec::new() }
    }

    /// A field of vectors, `(x,y,z)` or `none`, one for each axis; `None` where it is absent.
    pub(super) fn vectors(&self, name: &str) -> Result<Option<Vec<Option<Vec<f64>>>>, Fault> {
        let Some(value) = self.field(name) else { return Ok(None) };
        let wrong = || {
            inconsistent(format!(
                "has \"{name}: {}\", which is no list of vectors",
                crate::format::described::printable(value)
            ))
        };
        let mut vectors = Vec::new();
        let mut rest = value.trim_start();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("none") {
                vectors.push(None);
                rest = after.trim_start();
                continue;
            }
            let (inside, after) =
                rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).ok_or_else(wrong)?;
            let numbers: Option<Vec<f64>> =
                inside.split(',').map(|number| number.trim().parse().ok()).collect();
            vectors.push(Some(numbers.ok_or_else(wrong)?));
            rest = after.trim_start();
        }
        Ok(Some(vectors))
    }
}

/// Keys and values write a line end as `\n` and a backslash as `\\`.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n') => out.push('\n'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            letter => out.push(letter),
        }
    }
    out
}
