//! ITK-SNAP's label files: `IDX R G B A VIS MSH "LABEL"` in rows, `#` before remarks.

use super::described::printable;
use crate::annotation::{Colour, Label, LabelScheme};

/// The line that every such file has, as its second.
const MARK: &str = "# ITK-SnAP Label Description File";

/// Whether a text is such a file.
pub fn is_label_file(text: &str) -> bool {
    text.lines().take(3).any(|line| line.trim() == MARK)
}

/// The labels of a file; that of background is passed over. Gives the number of the first line that is
/// none, counted from 1.
pub fn parse(text: &str) -> Result<LabelScheme, usize> {
    let mut scheme = LabelScheme::default();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (index, label) = row(line).ok_or(number + 1)?;
        scheme.set(index, Some(label));
    }
    Ok(scheme)
}

fn row(line: &str) -> Option<(u16, Label)> {
    let (numbers, quoted) = line.split_once('"')?;
    let name = quoted.strip_suffix('"')?;
    let mut words = numbers.split_whitespace();
    let index = words.next()?.parse().ok()?;
    let mut part = || words.next()?.parse::<u8>().ok();
    let colour = Colour([part()?, part()?, part()?]);
    let _opacity: f64 = words.next()?.parse().ok()?;
    let visible = words.next()? != "0";
    let _in_mesh: u8 = words.next()?.parse().ok()?;
    Some((index, Label { visible, ..Label::new(printable(name), colour) }))
}

/// The text of a file with these labels; what reads it here or there finds index, name, colour and eye
/// again. A quote in a name, which the format cannot hold, becomes an apostrophe.
pub fn write(scheme: &LabelScheme) -> String {
    let rule = "################################################";
    let mut text =
        format!("{rule}\n{MARK}\n# File format: \n# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL\n{rule}\n");
    let mut add = |index: u16, [r, g, b]: [u8; 3], opacity: u8, visible: u8, name: &str| {
        let name: String = printable(name).chars().map(|c| if c == '"' { '\'' } else { c }).collect();
        text += &format!("{index:5} {r:5} {g:4} {b:4} {opacity:8} {visible:2}  {visible}    \"{name}\"\n");
    };
    add(0, [0; 3], 0, 0, "Clear Label");
    for (index, label) in scheme.iter() {
        add(index, label.color.0, 1, label.visible.into(), &label.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_read_as_they_were_written() {
        let mut scheme = LabelScheme::default();
        for (index, name, visible) in
            [(1, "Läsion, \"links\"", true), (300, "", true), (65535, "Leber 2", false)]
        {
            scheme.set(index, Some(Label { visible, ..Label::new(name, Colour::for_label(index)) }));
        }
        let text = write(&scheme);
        assert!(is_label_file(&text));
        let read = parse(&text).expect("sound");
        scheme.set(1, Some(Label::new("Läsion, 'links'", Colour::for_label(1))));
        assert_eq!(read, scheme);
    }

    #[test]
    fn rows_are_labels_and_anything_else_is_refused() {
        let head = "################\n# ITK-SnAP Label Description File\n# File format:\n################\n";
        let text = format!(
            "{head}    0     0    0    0        0  0  0    \"Clear Label\"\n    1   255    0    0        1  1  1    \"Lesion, left\"\n   12     0  128  255      0.5  0  1    \"\"\n"
        );
        assert!(is_label_file(&text) && !is_label_file("index\tname\n"));
        let scheme = parse(&text).expect("sound");
        let found: Vec<_> =
            scheme.iter().map(|(n, l)| (n, l.name.as_str(), l.color.to_string(), l.visible)).collect();
        assert_eq!(found, [(1, "Lesion, left", "#ff0000".into(), true), (12, "", "#0080ff".into(), false)]);
        for wrong in ["1 2 3", "1 255 0 0 1 1 1 Lesion", "1 256 0 0 1 1 1 \"a\"", "70000 1 1 1 1 1 1 \"a\""] {
            assert!(parse(&format!("{head}{wrong}\n")).is_err(), "{wrong}");
        }
    }
}
