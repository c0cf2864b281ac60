//! Texts in the character sets the file names (PS3.3 C.12.1.1.2, PS3.5 6.1).
//!
//! Always true: a text that cannot be read comes out with some letters wrong, never as an error.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_encoding::text::{SpecificCharacterSet, TextCodec};

use super::dataset::DataSet;
use crate::format::legible;

const ESCAPE: u8 = 0x1b;

/// The text of an element, without padding and control characters; empty where there is none.
pub(super) fn text(dataset: &DataSet<'_>, tag: Tag) -> String {
    text_in(dataset, dataset, tag)
}

/// As [`text`], of an item within `top`, which names the character set.
pub(super) fn text_in(item: &DataSet<'_>, top: &DataSet<'_>, tag: Tag) -> String {
    let Some(bytes) = item.bytes(tag) else {
        return String::new();
    };
    let sets = top.texts(tags::SPECIFIC_CHARACTER_SET);
    let decoded = decode(bytes, sets.first().map_or("", String::as_str));
    let text: String = decoded.chars().filter(|c| !c.is_control()).collect();
    legible(text.trim()).into_owned()
}

/// Escape sequences (PS3.3 C.12.1.1.2, tables C.12-3 and C.12-4) and the sets they switch to.
const SWITCHES: [(&[u8], Set); 19] = [
    (b"(B", Set::Low(None)),
    (b"(J", Set::Low(None)),
    (b"$B", Set::Low(Some(b"\x1b$B"))),
    (b"$@", Set::Low(Some(b"\x1b$B"))),
    (b"$(D", Set::Low(Some(b"\x1b$(D"))),
    (b")I", Set::High("ISO_IR 13")),
    (b"-A", Set::High("ISO_IR 100")),
    (b"-B", Set::High("ISO_IR 101")),
    (b"-C", Set::High("ISO_IR 109")),
    (b"-D", Set::High("ISO_IR 110")),
    (b"-F", Set::High("ISO_IR 126")),
    (b"-G", Set::High("ISO_IR 127")),
    (b"-H", Set::High("ISO_IR 138")),
    (b"-L", Set::High("ISO_IR 144")),
    (b"-M", Set::High("ISO_IR 148")),
    (b"-T", Set::High("ISO_IR 166")),
    (b"-b", Set::High("ISO_IR 203")),
    (b"$)C", Set::High("ISO_IR 149")),
    (b"$)A", Set::High("GBK")),
];

/// What an escape sequence switches.
#[derive(Clone, Copy)]
enum Set {
    /// The meaning of bytes below 128: ASCII, or two to a letter, as this sequence has it.
    Low(Option<&'static [u8]>),
    /// The meaning of bytes above, by the name of the set that has them.
    High(&'static str),
}

/// Reads bytes that begin in the set `first`. Which further sets a file announces need not be known:
/// each is named again by the sequence that switches to it.
fn decode(bytes: &[u8], first: &str) -> String {
    if !bytes.contains(&ESCAPE) {
        return letters(bytes, first);
    }
    let (mut low, mut high) = (None, first);
    let mut parts = bytes.split(|byte| *byte == ESCAPE);
    let mut decoded = letters(parts.next().unwrap_or_default(), first);
    for part in parts {
        let switch = SWITCHES.iter().find(|(sequence, _)| part.starts_with(sequence));
        let rest = match switch {
            Some((sequence, set)) => {
                match set {
                    Set::Low(to) => low = *to,
                    Set::High(to) => high = *to,
                }
                &part[sequence.len()..]
            }
            None => part,
        };
        match low {
            Some(sequence) => decoded += &letters(&[sequence, rest].concat(), "ISO_IR 87"),
            None => {
                // Each component and value begins anew in the first set, where that has letters up there.
                let end = rest.iter().position(|byte| b"\\^=\r\n\t\x0c".contains(byte));
                let end = end.filter(|_| !first.is_empty()).unwrap_or(rest.len());
                decoded += &letters(&rest[..end], high);
                decoded += &letters(&rest[end..], first);
                if end < rest.len() {
                    high = first;
                }
            }
        }
    }
    decoded
}

/// Bytes of one set as letters.
fn letters(bytes: &[u8], set: &str) -> String {
    // What names no set is ASCII by the standard and UTF-8 or Latin-1 by habit.
    if let Some(text) =
        std::str::from_utf8(bytes).ok().filter(|_| matches!(set, "" | "ISO_IR 6" | "ISO 2022 IR 6"))
    {
        return text.to_owned();
    }
    let number = set.rsplit(' ').next().unwrap_or_default();
    let latin_1 = || bytes.iter().map(|byte| char::from(*byte));
    match number {
        "148" => latin_1().map(latin_5).collect(),
        "203" => latin_1().map(latin_9).collect(),
        _ => {
            let codec = SpecificCharacterSet::from_code(set).unwrap_or_default();
            codec.decode(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned())
        }
    }
}

/// Where Latin-5 (Turkish, ISO 8859-9) differs from Latin-1.
fn latin_5(c: char) -> char {
    match c {
        'Ð' => 'Ğ',
        'Ý' => 'İ',
        'Þ' => 'Ş',
        'ð' => 'ğ',
        'ý' => 'ı',
        'þ' => 'ş',
        _ => c,
    }
}

/// Where Latin-9 (with the euro, ISO 8859-15) differs from Latin-1.
fn latin_9(c: char) -> char {
    match c {
        '¤' => '€',
        '¦' => 'Š',
        '¨' => 'š',
        '´' => 'Ž',
        '¸' => 'ž',
        '¼' => 'Œ',
        '½' => 'œ',
        '¾' => 'Ÿ',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_standards_own_examples() {
        // The bytes of pydicom's charset files and what pydicom reads there.
        let check = |first: &str, bytes: &[u8], expected: &str| assert_eq!(decode(bytes, first), expected);
        check("ISO_IR 127", b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار");
        check("ISO_IR 100", b"Buc^J\xe9r\xf4me", "Buc^Jérôme");
        check("ISO_IR 100", b"\xc4neas^R\xfcdiger", "Äneas^Rüdiger");
        check("ISO_IR 126", b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος");
        check("ISO_IR 138", b"\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה");
        check("ISO_IR 144", b"\xbb\xee\xdace\xdc\xd1yp\xd3", "Люкceмбypг");
        check("ISO_IR 192", b"Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1", "Wang^XiaoDong=王^小東");
        check("GB18030", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab", "Wang^XiaoDong=王^小东");
        let japanese =
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B";
        check("", japanese, "Yamada^Tarou=山田^太郎=やまだ^たろう");
        let katakana = b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J";
        check("ISO 2022 IR 13", katakana, "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう");
        check("ISO 2022 IR 6", b"\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B", "やまだ^たろう");
        let korean =
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf";
        check("", korean, "Hong^Gildong=洪^吉洞=홍^길동");
        check("", b"\x1b$)C\xb1\xe8\xc8\xf1\xc1\xdf", "김희중");
        // PS3.5 K.2, the Chinese example with code extensions.
        let chinese = b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=";
        check("", chinese, "Zhang^XiaoDong=张^小东=");
    }

    #[test]
    fn other_sets_and_what_names_none() {
        let check = |first: &str, bytes: &[u8], expected: &str| assert_eq!(decode(bytes, first), expected);
        check("ISO_IR 166", b"\xca\xc7\xd1\xca\xb4\xd5", "สวัสดี");
        check("ISO_IR 148", b"\xddstanbul \xfe", "İstanbul ş");
        check("ISO_IR 203", b"\xa4 \xbduvre", "€ œuvre");
        check("ISO_IR 101", b"\xa3\xf3d\xbc", "Łódź");
        check("GBK", b"\xcd\xf5", "王");
        check("", b"Sch\xe4del", "Schädel");
        check("", "Schädel".as_bytes(), "Schädel");
        check("ISO_IR 999", b"Head", "Head");
        // Back to the first set at the end of a component, without being told.
        check("ISO 2022 IR 100", b"\x1b-F\xc1^\xe9", "Α^é");
        check("", b"\x1b-F\xc1^\xc2", "Α^Β");
        // Cut and unknown sequences.
        check("", b"a\x1b", "a");
        check("", b"a\x1b%Gb", "a%Gb");
        check("", b"\x1b$B;", "\\073");
    }
}
