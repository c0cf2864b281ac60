//! Finding a line by a few of its letters.

/// How well typed words are found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The greater the better.
    pub(super) score: i32,
    /// Which characters of the text were typed, rising.
    pub(super) places: Vec<usize>,
}

const EACH: i32 = 2;
const BEGINS_WORD: i32 = 8;
const FOLLOWS: i32 = 6;

/// Looks for every word as a subsequence of the text, in any order; `None` where one is not found.
/// Letters that begin a word, and letters that stand together, count most; of equal texts the shorter
/// one is better.
pub(super) fn find(typed: &str, text: &str) -> Option<Found> {
    let letters: Vec<char> = text.chars().flat_map(lower).collect();
    let mut found = Found { score: -(letters.len() as i32) / 4, places: Vec::new() };
    for word in typed.split_whitespace() {
        let (score, places) = find_word(&word.chars().flat_map(lower).collect::<Vec<_>>(), &letters)?;
        found.score += score;
        found.places.extend(places);
    }
    found.places.sort_unstable();
    found.places.dedup();
    Some(found)
}

/// One small letter for each, so that places stay those of the text. Dashes are alike: keyboards have one.
fn lower(c: char) -> Option<char> {
    match c {
        '–' | '—' | '−' => Some('-'),
        other => other.to_lowercase().next(),
    }
}

/// The best way to find `word` in `text`, by dynamic programming over both.
fn find_word(word: &[char], text: &[char]) -> Option<(i32, Vec<usize>)> {
    let begins_word = |place: usize| place == 0 || !text[place - 1].is_alphanumeric();
    // For each letter of the word and place of the text: the best score that ends there, and the place
    // of the letter before.
    let mut table: Vec<Vec<Option<(i32, usize)>>> = Vec::with_capacity(word.len());
    for (number, letter) in word.iter().enumerate() {
        let mut row = vec![None; text.len()];
        let mut best_before: Option<(i32, usize)> = None;
        for place in 0..text.len() {
            let before: Option<&Vec<Option<(i32, usize)>>> = number.checked_sub(1).map(|above| &table[above]);
            if text[place] == *letter {
                let own = EACH + if begins_word(place) { BEGINS_WORD } else { 0 };
                row[place] = match before {
                    None => Some((own, place)),
                    Some(above) => {
                        let adjacent = place
                            .checked_sub(1)
                            .and_then(|left| above[left].map(|(score, _)| (score + own + FOLLOWS, left)));
                        let apart = best_before.map(|(score, from)| (score + own, from));
                        adjacent.into_iter().chain(apart).max_by_key(|(score, _)| *score)
                    }
                };
            }
            if let Some((score, _)) = before.and_then(|above| above[place])
                && best_before.is_none_or(|(best, _)| score > best)
            {
                best_before = Some((score, place));
            }
        }
        table.push(row);
    }
    let last = table.last()?;
    let ends = last.iter().enumerate().filter_map(|(place, cell)| cell.map(|(score, _)| (score, place)));
    let (score, mut place) = ends.max_by_key(|(score, place)| (*score, std::cmp::Reverse(*place)))?;
    let mut places = vec![place];
    for row in table.iter().skip(1).rev() {
        place = row[place]?.1;
        places.push(place);
    }
    Some((score, places))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_found_in_order_and_words_in_any() {
        let check = |typed: &str, text: &str, expected: Option<&[usize]>| {
            let found = find(typed, text).map(|found| found.places);
            assert_eq!(found.as_deref(), expected, "{typed} in {text}");
        };
        check("ps", "Previous slice", Some(&[0, 9]));
        check("slice prev", "Previous slice", Some(&[0, 1, 2, 3, 9, 10, 11, 12, 13]));
        check("WL", "Window: lung", Some(&[0, 8]));
        check("gnul", "Window: lung", None);
        check("lung x", "Window: lung", None);
        check("", "Save", Some(&[]));
        check("é", "Élan", Some(&[0]));
    }

    #[test]
    fn the_likelier_line_comes_first() {
        let check = |typed: &str, better: &str, worse: &str| {
            let score = |text: &str| find(typed, text).expect("found").score;
            assert!(score(better) > score(worse), "{typed}: {better} before {worse}");
        };
        check("save", "Save", "Save to folder…");
        check("box", "Box", "Boxes and landmarks shown");
        check("wl", "Window: lung", "Follow along");
        check("fit", "Fit", "Five slices to it");
        check("und", "Undo", "Turn around");
    }
}
