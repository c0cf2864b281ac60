//! DICOM files written byte by byte, so that each byte can be wrong on purpose.

use std::collections::BTreeMap;
use std::path::Path;

use annotomy::format::{self, Refusal, Silent, Study};

pub(super) type Tag = (u16, u16);

pub(super) const IMAGE_TYPE: Tag = (0x0008, 0x0008);
pub(super) const INSTANCE_UID: Tag = (0x0008, 0x0018);
pub(super) const MODALITY: Tag = (0x0008, 0x0060);
pub(super) const SERIES_DESCRIPTION: Tag = (0x0008, 0x103e);
pub(super) const CHARACTER_SET: Tag = (0x0008, 0x0005);
pub(super) const SLICE_THICKNESS: Tag = (0x0018, 0x0050);
pub(super) const ECHO_TIME: Tag = (0x0018, 0x0081);
pub(super) const SERIES_UID: Tag = (0x0020, 0x000e);
pub(super) const INSTANCE_NUMBER: Tag = (0x0020, 0x0013);
pub(super) const POSITION: Tag = (0x0020, 0x0032);
pub(super) const ORIENTATION: Tag = (0x0020, 0x0037);
pub(super) const FRAME_OF_REFERENCE: Tag = (0x0020, 0x0052);
pub(super) const TEMPORAL_POSITION: Tag = (0x0020, 0x0100);
pub(super) const SAMPLES_PER_PIXEL: Tag = (0x0028, 0x0002);
pub(super) const PHOTOMETRIC: Tag = (0x0028, 0x0004);
pub(super) const FRAMES: Tag = (0x0028, 0x0008);
pub(super) const ROWS: Tag = (0x0028, 0x0010);
pub(super) const COLUMNS: Tag = (0x0028, 0x0011);
pub(super) const PIXEL_SPACING: Tag = (0x0028, 0x0030);
pub(super) const BITS_ALLOCATED: Tag = (0x0028, 0x0100);
pub(super) const BITS_STORED: Tag = (0x0028, 0x0101);
pub(super) const HIGH_BIT: Tag = (0x0028, 0x0102);
pub(super) const PIXEL_REPRESENTATION: Tag = (0x0028, 0x0103);
pub(super) const PADDING: Tag = (0x0028, 0x0120);
pub(super) const WINDOW_CENTER: Tag = (0x0028, 0x1050);
pub(super) const WINDOW_WIDTH: Tag = (0x0028, 0x1051);
pub(super) const INTERCEPT: Tag = (0x0028, 0x1052);
pub(super) const SLOPE: Tag = (0x0028, 0x1053);
pub(super) const SHARED: Tag = (0x5200, 0x9229);
pub(super) const PER_FRAME: Tag = (0x5200, 0x9230);
pub(super) const PIXEL_DATA: Tag = (0x7fe0, 0x0010);

pub(super) const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";

/// One file: elements in explicit VR little endian, each replaceable.
#[derive(Clone)]
pub(super) struct DicomFile {
    syntax: String,
    elements: BTreeMap<Tag, (String, Vec<u8>)>,
}

pub(super) const COLUMN_COUNT: usize = 4;
pub(super) const ROW_COUNT: usize = 3;

impl DicomFile {
    /// An axial CT slice of 4 × 3 pixels of 0.5 × 0.75 mm at height `z`; its samples are 100 × `n` + 0,
    /// 1, 2 … and its rescale is 1, −1024.
    pub(super) fn slice(n: u16, z: f64) -> Self {
        let pixels: Vec<u16> = (0..(COLUMN_COUNT * ROW_COUNT) as u16).map(|place| 100 * n + place).collect();
        Self::empty()
            .text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.2")
            .text(INSTANCE_UID, "UI", &format!("1.2.3.4.{n}"))
            .text((0x0008, 0x0060), "CS", "CT")
            .text((0x0020, 0x000d), "UI", "1.2.3")
            .text(SERIES_UID, "UI", "1.2.3.4")
            .text(INSTANCE_NUMBER, "IS", &n.to_string())
            .text(POSITION, "DS", &format!("-10\\20\\{z}"))
            .text(ORIENTATION, "DS", "1\\0\\0\\0\\1\\0")
            .text(FRAME_OF_REFERENCE, "UI", "1.2.3.5")
            .word(SAMPLES_PER_PIXEL, 1)
            .text(PHOTOMETRIC, "CS", "MONOCHROME2")
            .word(ROWS, ROW_COUNT as u16)
            .word(COLUMNS, COLUMN_COUNT as u16)
            .text(PIXEL_SPACING, "DS", "0.75\\0.5")
            .word(BITS_ALLOCATED, 16)
            .word(BITS_STORED, 16)
            .word(HIGH_BIT, 15)
            .word(PIXEL_REPRESENTATION, 0)
            .text(INTERCEPT, "DS", "-1024")
            .text(SLOPE, "DS", "1")
            .words(&pixels)
    }

    /// An object of frames with axial directions and pixels of 0.5 × 0.75 mm, which `shared` says more
    /// of; each frame says its place.
    pub(super) fn of_frames(pixels: &[u16], frames: &[Self], shared: Self) -> Self {
        let shared = shared
            .sequence((0x0020, 0x9116), &[Self::item().text(ORIENTATION, "DS", "1\\0\\0\\0\\1\\0")])
            .sequence((0x0028, 0x9110), &[Self::item().text(PIXEL_SPACING, "DS", "0.75\\0.5")]);
        Self::slice(0, 0.0)
            .without(POSITION)
            .without(ORIENTATION)
            .without(PIXEL_SPACING)
            .without(SLOPE)
            .without(INTERCEPT)
            .text(FRAMES, "IS", &frames.len().to_string())
            .words(pixels)
            .sequence(SHARED, &[shared])
            .sequence(PER_FRAME, frames)
    }

    /// No elements: the beginning of an item.
    pub(super) fn empty() -> Self {
        Self { syntax: EXPLICIT_LITTLE.to_owned(), elements: BTreeMap::new() }
    }

    pub(super) fn text(self, tag: Tag, vr: &str, value: &str) -> Self {
        self.bytes(tag, vr, value.as_bytes())
    }

    pub(super) fn word(self, tag: Tag, value: u16) -> Self {
        self.bytes(tag, "US", &value.to_le_bytes())
    }

    /// Pixel data of 16-bit words.
    pub(super) fn words(self, words: &[u16]) -> Self {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.bytes(PIXEL_DATA, "OW", &bytes)
    }

    pub(super) fn bytes(mut self, tag: Tag, vr: &str, value: &[u8]) -> Self {
        let mut value = value.to_vec();
        if value.len() % 2 == 1 {
            value.push(if vr == "UI" || vr.starts_with('O') { 0 } else { b' ' });
        }
        self.elements.insert(tag, (vr.to_owned(), value));
        self
    }

    /// The same elements under the name of another transfer syntax.
    pub(super) fn written_as(mut self, syntax: &str) -> Self {
        self.syntax = syntax.to_owned();
        self
    }

    /// Elements without a file around them: the item of a sequence.
    pub(super) fn item() -> Self {
        Self { syntax: EXPLICIT_LITTLE.to_owned(), elements: BTreeMap::new() }
    }

    /// A sequence of items.
    pub(super) fn sequence(self, tag: Tag, items: &[Self]) -> Self {
        let mut bytes = Vec::new();
        for item in items {
            let elements = item.dataset();
            bytes.extend([0xfe, 0xff, 0x00, 0xe0]);
            bytes.extend((elements.len() as u32).to_le_bytes());
            bytes.extend(elements);
        }
        self.bytes(tag, "SQ", &bytes)
    }

    /// A double.
    pub(super) fn double(self, tag: Tag, value: f64) -> Self {
        self.bytes(tag, "FD", &value.to_le_bytes())
    }

    /// 32-bit words.
    pub(super) fn longs(self, tag: Tag, words: &[u32]) -> Self {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.bytes(tag, "UL", &bytes)
    }

    pub(super) fn without(mut self, tag: Tag) -> Self {
        self.elements.remove(&tag);
        self
    }

    /// The file, with preamble and meta information.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 128];
        bytes.extend(b"DICM");
        let syntax = Self { syntax: String::new(), elements: BTreeMap::new() };
        let syntax = syntax.text((0x0002, 0x0010), "UI", &self.syntax);
        bytes.extend(syntax.dataset());
        bytes.extend(self.dataset());
        bytes
    }

    /// The file with one compressed frame for pixels, written as transfer syntax `syntax`.
    pub(super) fn around_frame(self, syntax: &str, frame: &[u8]) -> Vec<u8> {
        let mut bytes = self.without(PIXEL_DATA).written_as(syntax).to_bytes();
        bytes.extend([0xe0, 0x7f, 0x10, 0x00, b'O', b'B', 0, 0, 0xff, 0xff, 0xff, 0xff]);
        let even = frame.len().next_multiple_of(2);
        bytes.extend([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0, 0xfe, 0xff, 0x00, 0xe0]);
        bytes.extend((even as u32).to_le_bytes());
        bytes.extend(frame);
        bytes.resize(bytes.len() + even - frame.len(), 0);
        bytes.extend([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
        bytes
    }

    /// The elements alone.
    pub(super) fn dataset(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for ((group, element), (vr, value)) in &self.elements {
            bytes.extend(group.to_le_bytes());
            bytes.extend(element.to_le_bytes());
            bytes.extend(vr.as_bytes());
            if matches!(&vr[..], "OB" | "OD" | "OF" | "OW" | "SQ" | "UN") {
                bytes.extend([0, 0]);
                bytes.extend((value.len() as u32).to_le_bytes());
            } else {
                bytes.extend((value.len() as u16).to_le_bytes());
            }
            bytes.extend(value);
        }
        bytes
    }
}

/// Puts files into a folder, named so that their order in it is the order given.
pub(super) fn folder_of(files: &[DicomFile]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (n, file) in files.iter().enumerate() {
        std::fs::write(folder.path().join(format!("IM{n:03}")), file.to_bytes()).expect("written");
    }
    folder
}

/// Every series of some files, read.
pub(super) fn studies(files: &[DicomFile]) -> Vec<Study> {
    let folder = folder_of(files);
    let scan = format::scan(folder.path(), &Silent).expect("a study");
    assert_eq!(scan.refused, []);
    scan.series.iter().map(|series| format::load(series, &Silent).expect("voxels")).collect()
}

/// The only series of some files.
pub(super) fn study(files: &[DicomFile]) -> Study {
    let mut studies = studies(files);
    assert_eq!(studies.len(), 1, "one series");
    studies.remove(0)
}

/// The only series of one file.
pub(super) fn study_of(bytes: &[u8]) -> Study {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("IM0"), bytes).expect("written");
    let scan = format::scan(folder.path(), &Silent).expect("a study");
    assert_eq!(scan.refused, []);
    format::load(&scan.series[0], &Silent).expect("voxels")
}

/// The refusal of one file, whether at the scan or at the load.
pub(super) fn refusal_of(bytes: &[u8]) -> Option<Refusal> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("IM0");
    std::fs::write(&path, bytes).expect("written");
    refusal_at(&path)
}

/// The refusal of the file at a path, whether at the scan or at the load.
pub(super) fn refusal_at(path: &Path) -> Option<Refusal> {
    match format::scan(path, &Silent) {
        Err(refusal) => Some(refusal),
        Ok(scan) => match scan.refused.into_iter().next() {
            Some(refusal) => Some(refusal),
            None => scan.series.first().and_then(|series| format::load(series, &Silent).err()),
        },
    }
}
