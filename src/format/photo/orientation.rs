//! Which way up a photograph is.

/// How stored rows and columns become those that are seen: the values 1 to 8 of Exif's tag 274.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Orientation {
    /// Whether stored rows are seen as columns.
    pub(super) exchanged: bool,
    /// Whether the first stored column is seen last.
    pub(super) columns_reversed: bool,
    /// Whether the first stored row is seen last.
    pub(super) rows_reversed: bool,
}

/// Exif's tag for it.
const TAG: u16 = 274;

impl Orientation {
    /// The value of the tag; as stored where it means nothing.
    pub(super) fn of_tag(value: u16) -> Self {
        let (exchanged, columns_reversed, rows_reversed) = match value {
            2 => (false, true, false),
            3 => (false, true, true),
            4 => (false, false, true),
            5 => (true, false, false),
            6 => (true, false, true),
            7 => (true, true, true),
            8 => (true, true, false),
            _ => (false, false, false),
        };
        Self { exchanged, columns_reversed, rows_reversed }
    }

    /// The orientation that an Exif block tells: a TIFF structure whose first directory has the tag.
    pub(super) fn of_exif(exif: &[u8]) -> Self {
        Self::of_tag(tag_of(exif).unwrap_or(1))
    }

    /// Width and height as they are seen.
    pub(super) fn seen_size(self, [width, height]: [usize; 2]) -> [usize; 2] {
        if self.exchanged { [height, width] } else { [width, height] }
    }

    /// The stored column and row of a pixel that is seen at column `i`, row `j`.
    pub(super) fn stored(self, [i, j]: [usize; 2], [width, height]: [usize; 2]) -> [usize; 2] {
        let [column, row] = if self.exchanged { [j, i] } else { [i, j] };
        [
            if self.columns_reversed { width - 1 - column } else { column },
            if self.rows_reversed { height - 1 - row } else { row },
        ]
    }

    /// Whether pixels are seen as they are stored.
    pub(super) fn is_as_stored(self) -> bool {
        self == Self::of_tag(1)
    }
}

fn tag_of(exif: &[u8]) -> Option<u16> {
    let big_endian = match exif.get(..4)? {
        [b'I', b'I', 42, 0] => false,
        [b'M', b'M', 0, 42] => true,
        _ => return None,
    };
    let word = |at: usize| -> Option<u16> {
        let bytes = *exif.get(at..)?.first_chunk()?;
        Some(if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let offset: [u8; 4] = *exif.get(4..)?.first_chunk()?;
    let first = if big_endian { u32::from_be_bytes(offset) } else { u32::from_le_bytes(offset) } as usize;
    let entries = usize::from(word(first)?);
    let entry = (0..entries).map(|n| first + 2 + 12 * n).find(|at| word(*at) == Some(TAG))?;
    word(entry + 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_eight_are_those_of_exif() {
        // Stored as
        //   a b c
        //   d e f
        let stored = [b"abc", b"def"];
        let check = |tag: u16, expected: &[&str]| {
            let orientation = Orientation::of_tag(tag);
            let [width, height] = orientation.seen_size([3, 2]);
            let row = |j: usize| -> String {
                let at = |i| orientation.stored([i, j], [3, 2]);
                (0..width).map(|i| char::from(stored[at(i)[1]][at(i)[0]])).collect()
            };
            assert_eq!((0..height).map(row).collect::<Vec<_>>(), expected, "{tag}");
        };
        check(1, &["abc", "def"]);
        check(2, &["cba", "fed"]);
        check(3, &["fed", "cba"]);
        check(4, &["def", "abc"]);
        check(5, &["ad", "be", "cf"]);
        check(6, &["da", "eb", "fc"]);
        check(7, &["fc", "eb", "da"]);
        check(8, &["cf", "be", "ad"]);
        check(9, &["abc", "def"]);
    }

    #[test]
    fn broken_exif_turns_nothing() {
        let sound = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";
        assert_eq!(Orientation::of_exif(sound), Orientation::of_tag(6));
        for length in 0..sound.len() - 2 {
            assert!(Orientation::of_exif(&sound[..length]).is_as_stored(), "{length}");
        }
        assert!(Orientation::of_exif(b"II\x2a\0\xff\xff\xff\xff").is_as_stored());
    }
}
