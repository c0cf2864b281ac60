//! Words out of files and names, made fit to be printed.

use std::borrow::Cow;

/// Texts longer than this are cut.
const LONGEST: usize = 1000;

/// `text` in one line that steers neither a terminal nor the direction in which it is read: control
/// characters and marks of direction (Unicode UAX #9) become `\u{fffd}`; what is too long ends in `…`.
pub fn legible(text: &str) -> Cow<'_, str> {
    let is_long = text.len() > LONGEST && text.chars().nth(LONGEST).is_some();
    if !is_long && !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let plain = text.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c });
    let ending = is_long.then_some('…');
    Cow::Owned(plain.take(LONGEST).chain(ending).collect())
}

fn steers(c: char) -> bool {
    let is_direction =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || is_direction || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_is_shown_and_what_is_long_is_cut() {
        let check = |text: &str, expected: &str| assert_eq!(legible(text), expected);
        check("Kopf – 患者 א", "Kopf – 患者 א");
        check("a\nb\u{1b}[2J", "a\u{fffd}b\u{fffd}[2J");
        check("scan\u{202e}gpj.nii", "scan\u{fffd}gpj.nii");
        assert_eq!(legible(&"ü".repeat(1000)).chars().count(), 1000);
        assert_eq!(legible(&"ü".repeat(1001)).chars().last(), Some('…'));
    }
}
