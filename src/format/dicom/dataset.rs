//! The elements of a DICOM data set, found in bytes that may lie.
//!
//! Always true: reading is a loop over an explicit stack, so nesting cannot exhaust the call stack; a
//! length is believed only when that many bytes are there; nothing is copied. Only the sequences asked
//! for are entered, all others are stepped over.
//!
//! Must never know: what an element means.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// How elements are written (PS3.5 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Encoding {
    /// Whether each element names its value representation.
    pub(super) explicit_vr: bool,
    /// Whether numbers have their highest byte first.
    pub(super) big_endian: bool,
}

impl Encoding {
    pub(super) const IMPLICIT_LITTLE: Self = Self { explicit_vr: false, big_endian: false };
    pub(super) const EXPLICIT_LITTLE: Self = Self { explicit_vr: true, big_endian: false };
    pub(super) const EXPLICIT_BIG: Self = Self { explicit_vr: true, big_endian: true };

    fn u16(self, bytes: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    fn u32(self, bytes: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }
}

/// Why bytes are not a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// Not an error yet: the element reaches beyond the bytes given, but not beyond the file.
    #[error("{0} bytes must be seen")]
    NeedMore(usize),
    /// The data end inside an element.
    #[error("the file ends inside element {tag}, which starts at byte {at}")]
    Truncated {
        /// The element.
        tag: Tag,
        /// Where it starts.
        at: usize,
    },
    /// Sequences within sequences beyond [`DEEPEST`].
    #[error("sequences are nested more than {DEEPEST} deep at byte {0}")]
    TooDeep(usize),
    /// More elements and items than [`GREATEST_COST`] allows.
    #[error("it has more elements than any image needs, counted to byte {0}")]
    TooMany(usize),
    /// An element reaches out of the item it lies in, or something stands where an item should.
    #[error("element {tag} at byte {at} does not fit the sequence around it")]
    Misplaced {
        /// The element.
        tag: Tag,
        /// Where it starts.
        at: usize,
    },
}

/// Marks of items and of the ends of items and sequences that state no length (PS3.5 7.5).
const ITEM: Tag = Tag(0xfffe, 0xe000);
const ITEM_END: Tag = Tag(0xfffe, 0xe00d);
const SEQUENCE_END: Tag = Tag(0xfffe, 0xe0dd);

/// Sequences nested deeper than this are refused; real files stay below 20.
pub(super) const DEEPEST: usize = 256;

/// Elements that are kept cost 1 and items 5, as they do in memory: this is some 50 MB. Ten thousand
/// frames with fifty attributes each, eight of them in groups, stay below it.
const GREATEST_COST: usize = 3 << 19;
const COST_OF_ITEM: usize = 5;

/// Values longer than this are stepped over: no attribute that places or scales an image is.
const LONGEST_VALUE: usize = 1 << 18;

/// The value of an element, or the items of a sequence.
#[derive(Debug)]
enum Value<'a> {
    Bytes(&'a [u8]),
    Items(Vec<DataSet<'a>>),
}

/// Elements of one level.
#[derive(Debug)]
pub(super) struct DataSet<'a> {
    encoding: Encoding,
    elements: Vec<(Tag, Value<'a>)>,
}

/// Where pixel data stand, which end the part of a file that is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PixelsAt {
    /// Pixel Data, Float Pixel Data or Double Float Pixel Data.
    pub(super) tag: Tag,
    /// First byte of the value.
    pub(super) offset: usize,
    /// Bytes of the value; `None` for encapsulated fragments of undefined length.
    pub(super) length: Option<usize>,
    /// Whether the value is written in words of 16 bits (OW), also where samples have 8.
    pub(super) in_words: bool,
}

/// Where reading stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// Before the first element that is not file meta information (group 0002).
    EndOfMeta,
    /// At the pixel data or the end.
    PixelData,
}

/// What was read.
#[derive(Debug)]
pub(super) struct Parsed<'a> {
    /// The elements.
    pub(super) dataset: DataSet<'a>,
    /// The pixel data, if reading reached any.
    pub(super) pixels: Option<PixelsAt>,
    /// The byte at which reading stopped.
    pub(super) end: usize,
}

/// Reads a data set that starts at byte `start` of `bytes`, the beginning of `total` bytes; keeps
/// plain elements and the sequences named in `wanted` with all they hold.
pub(super) fn parse<'a>(
    bytes: &'a [u8],
    start: usize,
    total: usize,
    encoding: Encoding,
    until: Until,
    wanted: &[Tag],
) -> Result<Parsed<'a>, Broken> {
    let top = Level { kept: true, end: Some(total), encoding, holds: Holds::elements(encoding) };
    Parser { bytes, total, at: start, until, wanted, levels: vec![top], cost: 0 }.run()
}

/// A sequence, item or top level that is not finished yet.
struct Level<'a> {
    kept: bool,
    /// Where it ends, or `None` if a delimiter ends it.
    end: Option<usize>,
    encoding: Encoding,
    holds: Holds<'a>,
}

enum Holds<'a> {
    Elements(DataSet<'a>),
    Items(Tag, Vec<DataSet<'a>>),
    /// Encapsulated pixel data of an icon.
    Fragments,
}

impl Holds<'_> {
    fn elements(encoding: Encoding) -> Self {
        Self::Elements(DataSet { encoding, elements: Vec::new() })
    }
}

struct Head {
    tag: Tag,
    at: usize,
    /// The two letters; `None` where the element does not name them.
    vr: Option<[u8; 2]>,
    /// `None` for undefined length.
    length: Option<usize>,
}

struct Parser<'a, 'w> {
    bytes: &'a [u8],
    total: usize,
    at: usize,
    until: Until,
    wanted: &'w [Tag],
    levels: Vec<Level<'a>>,
    /// Of what was kept so far.
    cost: usize,
}

impl<'a> Parser<'a, '_> {
    fn run(mut self) -> Result<Parsed<'a>, Broken> {
        loop {
            self.close_finished_levels()?;
            let Some(level) = self.levels.last() else {
                return Ok(self.finish(None));
            };
            if self.levels.len() == 1 && self.at >= self.total {
                return Ok(self.finish(None));
            }
            if matches!(level.holds, Holds::Elements(_)) {
                let before = self.at;
                let head = self.head()?;
                if self.levels.len() == 1 {
                    if self.until == Until::EndOfMeta && head.tag.group() != 0x0002 {
                        self.at = before;
                        return Ok(self.finish(None));
                    }
                    if is_pixel_data(head.tag) {
                        let (tag, length) = (head.tag, head.length);
                        let in_words = head.vr == Some(*b"OW");
                        let pixels = PixelsAt { tag, offset: self.at, length, in_words };
                        return Ok(self.finish(Some(pixels)));
                    }
                }
                self.element(head)?;
            } else {
                self.item()?;
            }
        }
    }

    fn finish(mut self, pixels: Option<PixelsAt>) -> Parsed<'a> {
        let end = self.at;
        let dataset = match self.levels.drain(..).next() {
            Some(Level { holds: Holds::Elements(dataset), .. }) => dataset,
            _ => DataSet { encoding: Encoding::EXPLICIT_LITTLE, elements: Vec::new() },
        };
        Parsed { dataset, pixels, end }
    }

    fn level(&self) -> &Level<'a> {
        self.levels.last().expect("the top level stays until reading ends")
    }

    /// The next `n` bytes.
    fn take(&mut self, n: usize, of: Tag, starting: usize) -> Result<&'a [u8], Broken> {
        let end = self.end_of(n, of, starting)?;
        let taken = self.bytes.get(self.at..end).ok_or(Broken::NeedMore(end))?;
        self.at = end;
        Ok(taken)
    }

    /// Where `n` bytes from here end, which must be inside the file.
    fn end_of(&self, n: usize, of: Tag, starting: usize) -> Result<usize, Broken> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.total);
        end.ok_or(Broken::Truncated { tag: of, at: starting })
    }

    fn head(&mut self) -> Result<Head, Broken> {
        let at = self.at;
        let encoding = self.level().encoding;
        let mut tag = Tag(0, 0);
        let bytes = self.take(8, tag, at)?;
        let word = |from: usize| [bytes[from], bytes[from + 1]];
        tag = Tag(encoding.u16(word(0)), encoding.u16(word(2)));
        let letters = word(4);
        // Some writers leave the letters out or blank here and there; then four bytes of length follow
        // the tag as if they were never meant to be.
        let names_vr =
            encoding.explicit_vr && tag.group() != 0xfffe && letters.iter().all(u8::is_ascii_uppercase);
        let (vr, length) = if !names_vr {
            (None, encoding.u32([bytes[4], bytes[5], bytes[6], bytes[7]]))
        } else if has_long_length(&letters) {
            let long = self.take(4, tag, at)?;
            (Some(letters), encoding.u32([long[0], long[1], long[2], long[3]]))
        } else {
            (Some(letters), u32::from(encoding.u16(word(6))))
        };
        Ok(Head { tag, at, vr, length: (length != u32::MAX).then_some(length as usize) })
    }

    fn element(&mut self, head: Head) -> Result<(), Broken> {
        if head.tag == ITEM_END {
            // At the top level a stray delimiter is harmless.
            if self.levels.len() > 1 {
                self.close()?;
            }
            return Ok(());
        }
        let kept_here = self.level().kept;
        let wanted = if self.levels.len() == 1 { self.wanted.contains(&head.tag) } else { kept_here };
        let encoding = self.level().encoding;
        let Some(length) = head.length else {
            if head.tag.group() == 0xfffe {
                return Ok(());
            }
            // PS3.5 6.2.2: an unknown value of undefined length is a sequence in implicit little endian.
            let encoding = if head.vr == Some(*b"UN") { Encoding::IMPLICIT_LITTLE } else { encoding };
            let holds = match is_pixel_data(head.tag) {
                true => Holds::Fragments,
                false => Holds::Items(head.tag, Vec::new()),
            };
            return self.open(Level { kept: kept_here && wanted, end: None, encoding, holds }, head.at);
        };
        let end = self.end_of(length, head.tag, head.at)?;
        if self.level().end.is_some_and(|level_end| end > level_end) {
            return Err(Broken::Misplaced { tag: head.tag, at: head.at });
        }
        let is_sequence = head.vr == Some(*b"SQ") || head.vr.is_none() && self.wanted.contains(&head.tag);
        if is_sequence && kept_here && wanted {
            let holds = Holds::Items(head.tag, Vec::new());
            return self.open(Level { kept: true, end: Some(end), encoding, holds }, head.at);
        }
        if !kept_here || length > LONGEST_VALUE {
            self.at = end;
            return Ok(());
        }
        self.pay(1, head.at)?;
        let value = self.take(length, head.tag, head.at)?;
        if let Some(Level { holds: Holds::Elements(dataset), .. }) = self.levels.last_mut() {
            dataset.elements.push((head.tag, Value::Bytes(value)));
        }
        Ok(())
    }

    /// An item or fragment, or the end of the sequence.
    fn item(&mut self) -> Result<(), Broken> {
        let head = self.head()?;
        if head.tag == SEQUENCE_END {
            return self.close();
        }
        if head.tag != ITEM {
            return Err(Broken::Misplaced { tag: head.tag, at: head.at });
        }
        let level = self.level();
        let (kept, encoding, level_end) = (level.kept, level.encoding, level.end);
        let end = head.length.map(|length| self.end_of(length, head.tag, head.at)).transpose()?;
        if let (Some(end), Some(level_end)) = (end, level_end)
            && end > level_end
        {
            return Err(Broken::Misplaced { tag: head.tag, at: head.at });
        }
        match (end, kept) {
            // What is not kept and says where it ends need not be entered.
            (Some(end), false) => {
                self.at = end;
                Ok(())
            }
            _ => {
                self.pay(if kept { COST_OF_ITEM } else { 0 }, head.at)?;
                self.open(Level { kept, end, encoding, holds: Holds::elements(encoding) }, head.at)
            }
        }
    }

    fn pay(&mut self, cost: usize, at: usize) -> Result<(), Broken> {
        self.cost += cost;
        if self.cost > GREATEST_COST { Err(Broken::TooMany(at)) } else { Ok(()) }
    }

    fn open(&mut self, level: Level<'a>, at: usize) -> Result<(), Broken> {
        // A sequence and its item are two levels.
        if self.levels.len() > 2 * DEEPEST {
            return Err(Broken::TooDeep(at));
        }
        self.levels.push(level);
        Ok(())
    }

    fn close_finished_levels(&mut self) -> Result<(), Broken> {
        while self.levels.len() > 1 && self.level().end.is_some_and(|end| self.at >= end) {
            self.close()?;
        }
        Ok(())
    }

    /// Hands the innermost level to the one around it.
    fn close(&mut self) -> Result<(), Broken> {
        let (Some(done), Some(around)) = (self.levels.pop(), self.levels.last_mut()) else {
            return Ok(());
        };
        if done.kept {
            match (done.holds, &mut around.holds) {
                (Holds::Elements(dataset), Holds::Items(_, items)) => items.push(dataset),
                (Holds::Items(tag, items), Holds::Elements(dataset)) => {
                    dataset.elements.push((tag, Value::Items(items)));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn is_pixel_data(tag: Tag) -> bool {
    [tags::PIXEL_DATA, tags::FLOAT_PIXEL_DATA, tags::DOUBLE_FLOAT_PIXEL_DATA].contains(&tag)
}

/// PS3.5 7.1.2: these have two reserved bytes and four bytes of length.
fn has_long_length(vr: &[u8; 2]) -> bool {
    const LONG: [&[u8; 2]; 13] =
        [b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"];
    LONG.contains(&vr)
}

impl<'a> DataSet<'a> {
    fn value(&self, tag: Tag) -> Option<&Value<'a>> {
        self.elements.iter().find(|(found, _)| *found == tag).map(|(_, value)| value)
    }

    /// The value's bytes as they stand in the file.
    pub(super) fn bytes(&self, tag: Tag) -> Option<&'a [u8]> {
        match self.value(tag)? {
            Value::Bytes(bytes) => Some(bytes),
            Value::Items(_) => None,
        }
    }

    /// Whether the element is there, with or without a value.
    pub(super) fn has(&self, tag: Tag) -> bool {
        self.value(tag).is_some()
    }

    /// The items of a sequence that was asked for; none if it is not there.
    pub(super) fn items(&self, tag: Tag) -> &[DataSet<'a>] {
        match self.value(tag) {
            Some(Value::Items(items)) => items,
            _ => &[],
        }
    }

    /// A text of plain ASCII without its padding and without control characters; `None` where it is
    /// empty.
    pub(super) fn text(&self, tag: Tag) -> Option<String> {
        let text = String::from_utf8_lossy(self.bytes(tag)?);
        let text = text.trim_matches([' ', '\0', '\t', '\r', '\n']);
        let plain = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        (!text.is_empty()).then(|| text.chars().map(plain).collect())
    }

    /// The values of a text that backslashes divide.
    pub(super) fn texts(&self, tag: Tag) -> Vec<String> {
        let whole = self.text(tag).unwrap_or_default();
        whole.split('\\').map(|text| text.trim().to_owned()).collect()
    }

    /// Decimal or integer strings; empty unless every one is a finite number.
    pub(super) fn numbers(&self, tag: Tag) -> Vec<f64> {
        let parse = |text: &String| text.parse().ok().filter(|number: &f64| number.is_finite());
        self.texts(tag).iter().map(parse).collect::<Option<_>>().unwrap_or_default()
    }

    /// The first of [`Self::numbers`].
    pub(super) fn number(&self, tag: Tag) -> Option<f64> {
        let first = self.texts(tag).into_iter().next()?;
        first.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// A 16-bit word (US, or the bits of SS).
    pub(super) fn word(&self, tag: Tag) -> Option<u16> {
        let first = self.bytes(tag)?.first_chunk()?;
        Some(self.encoding.u16(*first))
    }

    /// 16-bit words (US, OW, or the bits of SS); none where the element is not there.
    pub(super) fn words(&self, tag: Tag) -> Vec<u16> {
        let bytes = self.bytes(tag).unwrap_or_default();
        bytes.as_chunks().0.iter().map(|word| self.encoding.u16(*word)).collect()
    }

    /// A 32-bit word (UL).
    pub(super) fn long(&self, tag: Tag) -> Option<u32> {
        let first = self.bytes(tag)?.first_chunk()?;
        Some(self.encoding.u32(*first))
    }

    /// 32-bit words (UL).
    pub(super) fn longs(&self, tag: Tag) -> Vec<u32> {
        let (words, _) = self.bytes(tag).unwrap_or_default().as_chunks::<4>();
        words.iter().map(|word| self.encoding.u32(*word)).collect()
    }

    /// A single (FL).
    pub(super) fn single(&self, tag: Tag) -> Option<f32> {
        Some(f32::from_bits(self.long(tag)?)).filter(|value| value.is_finite())
    }

    /// A double (FD).
    pub(super) fn double(&self, tag: Tag) -> Option<f64> {
        self.doubles(tag).first().copied()
    }

    /// Doubles (FD); empty unless every one is a finite number.
    pub(super) fn doubles(&self, tag: Tag) -> Vec<f64> {
        let (values, _) = self.bytes(tag).unwrap_or_default().as_chunks::<8>();
        let value = |bytes: &[u8; 8]| {
            let bytes = *bytes;
            let value =
                if self.encoding.big_endian { f64::from_be_bytes(bytes) } else { f64::from_le_bytes(bytes) };
            value.is_finite().then_some(value)
        };
        values.iter().map(value).collect::<Option<_>>().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn implicit(tag: Tag, length: u32, value: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(tag.group().to_le_bytes());
        bytes.extend(tag.element().to_le_bytes());
        bytes.extend(length.to_le_bytes());
        bytes.extend(value);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Parsed<'_>, Broken> {
        parse(
            bytes,
            0,
            bytes.len(),
            Encoding::IMPLICIT_LITTLE,
            Until::PixelData,
            &[tags::DIRECTORY_RECORD_SEQUENCE],
        )
    }

    #[test]
    fn lengths_are_believed_only_when_the_bytes_are_there() {
        let check = |bytes: &[u8], expected: Option<Broken>| assert_eq!(read(bytes).err(), expected);
        check(&implicit(tags::MODALITY, 2, b"MR"), None);
        check(&implicit(tags::MODALITY, 4, b"MR"), Some(Broken::Truncated { tag: tags::MODALITY, at: 0 }));
        check(&[8, 0, 0], Some(Broken::Truncated { tag: Tag(0, 0), at: 0 }));
        // Four gigabytes are claimed where none are.
        check(
            &implicit(tags::MODALITY, u32::MAX - 1, b""),
            Some(Broken::Truncated { tag: tags::MODALITY, at: 0 }),
        );
    }

    #[test]
    fn a_prefix_asks_for_more() {
        let bytes = implicit(tags::MODALITY, 2, b"MR");
        let read = |prefix: usize| {
            parse(&bytes[..prefix], 0, bytes.len(), Encoding::IMPLICIT_LITTLE, Until::PixelData, &[]).err()
        };
        assert_eq!(read(3), Some(Broken::NeedMore(8)));
        assert_eq!(read(9), Some(Broken::NeedMore(10)));
        assert_eq!(read(10), None);
    }

    #[test]
    fn nesting_ends_in_an_error_not_in_a_crash() {
        let mut bomb = Vec::new();
        for _ in 0..100_000 {
            bomb.extend(implicit(tags::REFERENCED_IMAGE_SEQUENCE, u32::MAX, b""));
            bomb.extend(implicit(ITEM, u32::MAX, b""));
        }
        assert!(matches!(read(&bomb), Err(Broken::TooDeep(_))));
    }

    #[test]
    fn wanted_sequences_are_kept_and_others_stepped_over() {
        let name = implicit(tags::REFERENCED_FILE_ID, 4, b"A\\B ");
        let item = implicit(ITEM, name.len() as u32, &name);
        let mut bytes = implicit(tags::REFERENCED_IMAGE_SEQUENCE, u32::MAX, &item);
        bytes.extend(implicit(SEQUENCE_END, 0, b""));
        bytes.extend(implicit(tags::DIRECTORY_RECORD_SEQUENCE, item.len() as u32, &item));
        bytes.extend(implicit(tags::PIXEL_DATA, 2, b"xy"));
        let parsed = read(&bytes).expect("well formed");
        assert!(parsed.dataset.items(tags::REFERENCED_IMAGE_SEQUENCE).is_empty());
        let items = parsed.dataset.items(tags::DIRECTORY_RECORD_SEQUENCE);
        assert_eq!(items[0].texts(tags::REFERENCED_FILE_ID), ["A", "B"]);
        let pixels = parsed.pixels.expect("reached");
        assert_eq!((pixels.offset, pixels.length), (bytes.len() - 2, Some(2)));
    }
}
