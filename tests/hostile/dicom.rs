//! DICOM files written byte by byte, so that each byte can lie.

use std::collections::BTreeMap;

pub(crate) type Tag = (u16, u16);

pub(crate) const EXPLICIT: &str = "1.2.840.10008.1.2.1";
pub(crate) const IMPLICIT: &str = "1.2.840.10008.1.2";
pub(crate) const BIG: &str = "1.2.840.10008.1.2.2";
pub(crate) const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
pub(crate) const BASELINE: &str = "1.2.840.10008.1.2.4.50";
pub(crate) const EXTENDED: &str = "1.2.840.10008.1.2.4.51";
pub(crate) const LOSSLESS: &str = "1.2.840.10008.1.2.4.70";
pub(crate) const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
pub(crate) const JPEG_2000: &str = "1.2.840.10008.1.2.4.90";
pub(crate) const HIGH_THROUGHPUT: &str = "1.2.840.10008.1.2.4.201";
pub(crate) const JPEG_XL: &str = "1.2.840.10008.1.2.4.110";
pub(crate) const RLE: &str = "1.2.840.10008.1.2.5";

pub(crate) const SOP_CLASS: Tag = (0x0008, 0x0016);
pub(crate) const MODALITY: Tag = (0x0008, 0x0060);
pub(crate) const DESCRIPTION: Tag = (0x0008, 0x103e);
pub(crate) const POSITION: Tag = (0x0020, 0x0032);
pub(crate) const ORIENTATION: Tag = (0x0020, 0x0037);
pub(crate) const SAMPLES: Tag = (0x0028, 0x0002);
pub(crate) const PHOTOMETRIC: Tag = (0x0028, 0x0004);
pub(crate) const FRAMES: Tag = (0x0028, 0x0008);
pub(crate) const ROWS: Tag = (0x0028, 0x0010);
pub(crate) const COLUMNS: Tag = (0x0028, 0x0011);
pub(crate) const SPACING: Tag = (0x0028, 0x0030);
pub(crate) const ALLOCATED: Tag = (0x0028, 0x0100);
pub(crate) const STORED: Tag = (0x0028, 0x0101);
pub(crate) const HIGH_BIT: Tag = (0x0028, 0x0102);
pub(crate) const SIGNED: Tag = (0x0028, 0x0103);
pub(crate) const INTERCEPT: Tag = (0x0028, 0x1052);
pub(crate) const SLOPE: Tag = (0x0028, 0x1053);
pub(crate) const PIXELS: Tag = (0x7fe0, 0x0010);
pub(crate) const ITEM: Tag = (0xfffe, 0xe000);
pub(crate) const ITEM_END: Tag = (0xfffe, 0xe00d);
pub(crate) const SEQUENCE_END: Tag = (0xfffe, 0xe0dd);
pub(crate) const PER_FRAME: Tag = (0x5200, 0x9230);
pub(crate) const SHARED: Tag = (0x5200, 0x9229);
pub(crate) const REFERENCED: Tag = (0x0008, 0x1140);
pub(crate) const UNDEFINED: u32 = u32::MAX;

pub(crate) const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
pub(crate) const ENHANCED_MR: &str = "1.2.840.10008.5.1.4.1.1.4.1";
pub(crate) const ULTRASOUND: &str = "1.2.840.10008.5.1.4.1.1.3.1";

/// Pixels in a row and rows in a picture, as in the files of `streams/`.
pub(crate) const SIDE: u16 = 16;

fn tag_bytes((group, element): Tag) -> [u8; 4] {
    let ([a, b], [c, d]) = (group.to_le_bytes(), element.to_le_bytes());
    [a, b, c, d]
}

fn is_long(vr: &str) -> bool {
    ["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"].contains(&vr)
}

/// An element in explicit VR little endian whose length is stated as `length`.
pub(crate) fn lying(tag: Tag, vr: &str, length: u32, value: &[u8]) -> Vec<u8> {
    let mut bytes = tag_bytes(tag).to_vec();
    bytes.extend(vr.as_bytes());
    if is_long(vr) {
        bytes.extend([0, 0]);
        bytes.extend(length.to_le_bytes());
    } else {
        bytes.extend((length as u16).to_le_bytes());
    }
    bytes.extend(value);
    bytes
}

/// An element in explicit VR little endian.
pub(crate) fn element(tag: Tag, vr: &str, value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    if value.len() % 2 == 1 {
        value.push(if vr == "UI" || vr.starts_with('O') { 0 } else { b' ' });
    }
    lying(tag, vr, value.len() as u32, &value)
}

/// An element in implicit VR little endian, or an item, whose length is stated as `length`.
pub(crate) fn implicit(tag: Tag, length: u32, value: &[u8]) -> Vec<u8> {
    let mut bytes = tag_bytes(tag).to_vec();
    bytes.extend(length.to_le_bytes());
    bytes.extend(value);
    bytes
}

/// A sequence of items of stated lengths.
pub(crate) fn sequence(tag: Tag, items: &[Vec<u8>]) -> Vec<u8> {
    let items: Vec<u8> = items.iter().flat_map(|item| implicit(ITEM, item.len() as u32, item)).collect();
    element(tag, "SQ", &items)
}

/// Compressed pixel data: the table's bytes, then fragments, then the mark of the end.
pub(crate) fn encapsulated(table: &[u8], fragments: &[&[u8]]) -> Vec<u8> {
    let mut bytes = lying(PIXELS, "OB", UNDEFINED, &[]);
    bytes.extend(implicit(ITEM, table.len() as u32, table));
    for fragment in fragments {
        let mut fragment = fragment.to_vec();
        fragment.resize(fragment.len().next_multiple_of(2), 0);
        bytes.extend(implicit(ITEM, fragment.len() as u32, &fragment));
    }
    bytes.extend(implicit(SEQUENCE_END, 0, &[]));
    bytes
}

/// A file: raw elements by tag, each replaceable.
#[derive(Clone)]
pub(crate) struct Object {
    pub(crate) preamble: Vec<u8>,
    pub(crate) meta: Vec<u8>,
    pub(crate) elements: BTreeMap<Tag, Vec<u8>>,
    pub(crate) tail: Vec<u8>,
}

impl Object {
    /// An axial CT slice of 16 × 16 pixels of 16 bits at height 0.
    pub(crate) fn slice() -> Self {
        let pixels: Vec<u8> = (0..SIDE * SIDE).flat_map(|n| (n * 7).to_le_bytes()).collect();
        let preamble = [&[0; 128][..], b"DICM"].concat();
        Self { preamble, meta: Vec::new(), elements: BTreeMap::new(), tail: Vec::new() }
            .syntax(EXPLICIT)
            .text(SOP_CLASS, "UI", CT)
            .text((0x0008, 0x0018), "UI", "1.2.3.4.5")
            .text(MODALITY, "CS", "CT")
            .text(DESCRIPTION, "LO", "a slice")
            .text((0x0020, 0x000d), "UI", "1.2.3")
            .text((0x0020, 0x000e), "UI", "1.2.3.4")
            .text((0x0020, 0x0013), "IS", "1")
            .text(POSITION, "DS", "-10\\20\\0")
            .text(ORIENTATION, "DS", "1\\0\\0\\0\\1\\0")
            .text((0x0020, 0x0052), "UI", "1.2.3.5")
            .word(SAMPLES, 1)
            .text(PHOTOMETRIC, "CS", "MONOCHROME2")
            .word(ROWS, SIDE)
            .word(COLUMNS, SIDE)
            .text(SPACING, "DS", "0.75\\0.5")
            .word(ALLOCATED, 16)
            .word(STORED, 16)
            .word(HIGH_BIT, 15)
            .word(SIGNED, 0)
            .text(INTERCEPT, "DS", "-1024")
            .text(SLOPE, "DS", "1")
            .value(PIXELS, "OW", &pixels)
    }

    /// A multi-frame ultrasound of 8 bits whose pixels are `pixels`.
    pub(crate) fn cine(frames: &str, rows: u16, columns: u16, pixels: &[u8]) -> Self {
        let cine = Self::slice().text(SOP_CLASS, "UI", ULTRASOUND).text(FRAMES, "IS", frames);
        cine.eight_bits().word(ROWS, rows).word(COLUMNS, columns).value(PIXELS, "OB", pixels)
    }

    pub(crate) fn eight_bits(self) -> Self {
        self.word(ALLOCATED, 8).word(STORED, 8).word(HIGH_BIT, 7)
    }

    pub(crate) fn colours(self, photometric: &str) -> Self {
        self.eight_bits().word(SAMPLES, 3).text(PHOTOMETRIC, "CS", photometric)
    }

    pub(crate) fn text(self, tag: Tag, vr: &str, value: &str) -> Self {
        self.value(tag, vr, value.as_bytes())
    }

    pub(crate) fn word(self, tag: Tag, value: u16) -> Self {
        self.value(tag, "US", &value.to_le_bytes())
    }

    pub(crate) fn value(self, tag: Tag, vr: &str, value: &[u8]) -> Self {
        self.raw(tag, element(tag, vr, value))
    }

    /// Any bytes in the place of an element.
    pub(crate) fn raw(mut self, tag: Tag, bytes: Vec<u8>) -> Self {
        self.elements.insert(tag, bytes);
        self
    }

    pub(crate) fn without(mut self, tag: Tag) -> Self {
        self.elements.remove(&tag);
        self
    }

    pub(crate) fn syntax(mut self, uid: &str) -> Self {
        let syntax = element((0x0002, 0x0010), "UI", uid.as_bytes());
        let length = element((0x0002, 0x0000), "UL", &(syntax.len() as u32).to_le_bytes());
        self.meta = [length, syntax].concat();
        self
    }

    /// Compressed pixels of one fragment for each frame.
    pub(crate) fn compressed(self, uid: &str, fragments: &[&[u8]]) -> Self {
        self.syntax(uid).raw(PIXELS, encapsulated(&[], fragments))
    }

    pub(crate) fn dataset(&self) -> Vec<u8> {
        self.elements.values().flatten().copied().collect()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.preamble.clone(), self.meta.clone(), self.dataset(), self.tail.clone()].concat()
    }

    /// The same with its data set written otherwise, and the syntax that says so.
    pub(crate) fn rewritten(&self, uid: &str, rewrite: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let object = self.clone().syntax(uid);
        [object.preamble.clone(), object.meta.clone(), rewrite(&object.dataset())].concat()
    }

    /// In implicit VR little endian; only where no element lies about its length.
    pub(crate) fn in_implicit(&self) -> Vec<u8> {
        self.rewritten(IMPLICIT, |dataset| {
            each(dataset, |tag, _, value| implicit(tag, value.len() as u32, value))
        })
    }

    /// In explicit VR big endian; only where no element lies about its length.
    pub(crate) fn in_big_endian(&self) -> Vec<u8> {
        self.rewritten(BIG, |dataset| {
            each(dataset, |(group, number), vr, value| {
                let mut value = value.to_vec();
                if ["US", "OW", "SS"].contains(&vr) {
                    value.as_chunks_mut::<2>().0.iter_mut().for_each(|word| word.reverse());
                }
                let mut bytes = [group.to_be_bytes(), number.to_be_bytes()].concat();
                bytes.extend(vr.as_bytes());
                if is_long(vr) {
                    bytes.extend([0, 0]);
                    bytes.extend((value.len() as u32).to_be_bytes());
                } else {
                    bytes.extend((value.len() as u16).to_be_bytes());
                }
                bytes.extend(value);
                bytes
            })
        })
    }

    /// Deflated.
    pub(crate) fn in_deflate(&self) -> Vec<u8> {
        self.rewritten(DEFLATED, deflated)
    }
}

/// Every element of a sound data set, written anew.
fn each(mut dataset: &[u8], write: impl Fn(Tag, &str, &[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some((head, rest)) = dataset.split_first_chunk::<8>() {
        let word = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        let vr = std::str::from_utf8(&head[4..6]).expect("letters");
        let (length, rest) = if is_long(vr) {
            let (length, rest) = rest.split_first_chunk::<4>().expect("a length");
            (u32::from_le_bytes(*length) as usize, rest)
        } else {
            (usize::from(word(6)), rest)
        };
        bytes.extend(write((word(0), word(2)), vr, &rest[..length]));
        dataset = &rest[length..];
    }
    bytes
}

/// A raw deflate stream.
pub(crate) fn deflated(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}
