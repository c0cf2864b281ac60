//! Names and colours of labels that TotalSegmentator and Caret put behind a NIfTI header, as XML in a
//! header extension (nifti1.h, "extended header"; the table is that of Caret's `LabelTable`).

use std::path::Path;

use super::header::{LENGTH_1, declared_length};
use super::source::start_of;
use crate::annotation::{Colour, Label, LabelScheme};
use crate::format::Refusal;

/// Extensions are looked at this far.
const GREATEST_START: usize = 1 << 20;

/// The labels that the file's header names; none where it names none.
pub(super) fn of(path: &Path) -> Result<LabelScheme, Refusal> {
    let (start, _) = start_of(path, GREATEST_START).map_err(|error| Refusal::unreadable(path, &error))?;
    Ok(labels_in(&extensions(&start)))
}

/// The contents of the extensions, one after another.
fn extensions(start: &[u8]) -> String {
    let Some(length) = declared_length(start) else { return String::new() };
    let big_endian = start[..4] == (length as u32).to_be_bytes();
    let number = |at: usize| -> Option<u64> {
        let bytes: [u8; 4] = *start.get(at..)?.first_chunk()?;
        Some(u64::from(if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }))
    };
    let of_float = |at: usize| number(at).map(|bits| f32::from_bits(bits as u32) as u64);
    // What follows the samples' first byte is no extension, whatever it looks like.
    let end = if length == LENGTH_1 { of_float(108) } else { number(if big_endian { 172 } else { 168 }) };
    let end = usize::try_from(end.unwrap_or(0)).unwrap_or(0).min(start.len());
    let mut text = String::new();
    let mut at = length + 4;
    if start.get(length).is_none_or(|extended| *extended == 0) {
        return text;
    }
    while let Some(size) = number(at).map(|size| size as usize)
        && size >= 8
        && at + size <= end
    {
        text.push_str(&String::from_utf8_lossy(&start[at + 8..at + size]));
        at += size;
    }
    text
}

/// The labels of all elements `<Label Key="1" Red="0.5" Green="0" Blue="1" …>name</Label>`.
fn labels_in(xml: &str) -> LabelScheme {
    let mut scheme = LabelScheme::default();
    for element in xml.split("<Label ").skip(1) {
        let Some((attributes, rest)) = element.split_once('>') else { continue };
        let attribute = |name: &str| {
            let (_, value) = attributes.split_once(&format!("{name}=\""))?;
            value.split('"').next()
        };
        let Some(index) = attribute("Key").and_then(|key| key.trim().parse::<u16>().ok()) else { continue };
        let name = rest.split("</Label>").next().unwrap_or_default();
        let plain = name.trim().strip_prefix("<![CDATA[").and_then(|name| name.strip_suffix("]]>"));
        let name = plain.map_or_else(|| unescaped(name.trim()), str::to_owned);
        let part = |name: &str| attribute(name).and_then(|part| part.trim().parse::<f64>().ok());
        let colour = match (part("Red"), part("Green"), part("Blue")) {
            (Some(r), Some(g), Some(b)) => {
                Colour([r, g, b].map(|part| (part.clamp(0.0, 1.0) * 255.0).round() as u8))
            }
            _ => Colour::for_label(index),
        };
        let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
        scheme.set(index, Some(Label::new(name, colour)));
    }
    scheme
}

fn unescaped(text: &str) -> String {
    let signs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    signs.iter().fold(text.to_owned(), |text, (coded, sign)| text.replace(coded, sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_in_the_table_whoever_wrote_it() {
        let check = |xml: &str, expected: &[(u16, &str, &str)]| {
            let scheme = labels_in(xml);
            let found: Vec<_> = scheme
                .iter()
                .map(|(index, label)| (index, label.name.clone(), label.color.to_string()))
                .collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|(index, name, colour)| (*index, (*name).to_owned(), (*colour).to_owned()))
                .collect();
            assert_eq!(found, expected, "{xml}");
        };
        check("", &[]);
        check("<LabelTable/>", &[]);
        check(
            r#"<LabelTable><Label Key="1" Red="0.0" Green="1.0" Blue="0.5" Alpha="1"><![CDATA[spleen]]></Label>"#,
            &[(1, "spleen", "#00ff80")],
        );
        check(
            r#"<Label Key="0" Red="0" Green="0" Blue="0">none</Label><Label Key="7" Red="2">a &amp; b</Label>"#,
            &[(7, "a & b", "#0072b2")],
        );
        check(r#"<Label Key="70000">far</Label><Label Key="3""#, &[]);
    }
}
