//! What the header of one file says of its image: shape, place, scale and kinship.
//!
//! Always true: an [`Image`] is of a kind that is opened, its pixel data are as long as its shape asks
//! for (or compressed), and every number in it is finite.
//!
//! Must never know: other files of the series.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use dicom_core::Tag;
use dicom_core::dictionary::UidDictionary;
use dicom_dictionary_std::sop_class::StandardSopClassDictionary;
use dicom_dictionary_std::{tags, uids};
use flate2::read::DeflateDecoder;

use super::dataset::{Broken, DataSet, Encoding, Parsed, PixelsAt, Until, parse};
use super::syntax::{self, Codec, Syntax};
use super::text::text;
use crate::format::{Doubt, DoubtCode, Refusal, RefusalCode};
use crate::geometry::{Patient, Point, Vector};
use crate::volume::{Rescale, Window};

/// The image of one file.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) path: PathBuf,
    /// Size and time of the file, to notice a change between listing and reading.
    pub(super) stamp: Stamp,
    pub(super) syntax: Syntax,
    /// Where the pixel data stand; for a deflated file in the inflated data.
    pub(super) pixels: PixelsAt,
    /// The byte of the file from which it is deflated, where it is.
    pub(super) deflated_from: usize,
    pub(super) layout: Layout,
    pub(super) identity: Identity,
    /// SOP Instance UID; empty where the file has none.
    pub(super) instance: String,
    pub(super) series_number: Option<f64>,
    pub(super) description: String,
    /// Distance between slices as the header states it, to be used only where there is one slice.
    pub(super) depth_mm: Option<f64>,
    pub(super) unit: Option<String>,
    pub(super) window: Option<Window>,
    pub(super) doubts: Vec<Doubt>,
}

/// What tells a file from a later one at the same path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) bytes: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    /// The stamp of an open file.
    pub(super) fn of(file: &File) -> std::io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self { bytes: metadata.len(), modified: metadata.modified().ok() })
    }
}

/// What pictures must share to lie in one volume, beside their geometry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity {
    pub(super) study: String,
    pub(super) series: String,
    /// The folder, where there is no series UID to tell series apart.
    folder: Option<PathBuf>,
    pub(super) frame_of_reference: Option<String>,
    sop_class: String,
    pub(super) modality: String,
    rows: usize,
    columns: usize,
    sample: (u16, bool, Colour),
    image_type: String,
    echo: String,
    b_value: String,
}

/// What the samples of a pixel mean (PS3.3 C.7.6.3.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Colour {
    /// MONOCHROME2: the greatest value is white.
    Grey,
    /// MONOCHROME1: the greatest value is black.
    InvertedGrey,
    /// Red, green and blue.
    Rgb,
    /// Luminance and two chrominances.
    YbrFull,
    /// As [`Self::YbrFull`], with one pair of chrominances for two pixels side by side.
    YbrFull422,
    /// Made by JPEG 2000 from red, green and blue, and turned back by its decoder.
    YbrOfJpeg2000,
}

/// How the samples of one picture lie in the pixel data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) colour: Colour,
    /// Whether the components of colours lie one plane after the other.
    pub(super) planar: bool,
    /// 8 or 16.
    pub(super) bits_allocated: u16,
    /// From 1 to `bits_allocated`.
    pub(super) bits_stored: u16,
    /// Position of the highest bit stored.
    pub(super) high_bit: u16,
    pub(super) signed: bool,
    /// Pixel Padding Value and its range limit, as raw words: kept as they are.
    pub(super) padding: Option<[u16; 2]>,
}

impl Layout {
    /// Components of one pixel.
    pub(super) fn components(&self) -> usize {
        if matches!(self.colour, Colour::Grey | Colour::InvertedGrey) { 1 } else { 3 }
    }

    /// Bytes of one component.
    pub(super) fn sample_bytes(&self) -> usize {
        usize::from(self.bits_allocated / 8)
    }

    /// Bytes of one picture, decoded.
    pub(super) fn picture_bytes(&self) -> usize {
        self.rows * self.columns * self.components() * self.sample_bytes()
    }

    /// Bytes of one picture in native pixel data.
    pub(super) fn native_bytes(&self) -> usize {
        match self.colour {
            Colour::YbrFull422 => self.rows * self.columns * 2,
            _ => self.picture_bytes(),
        }
    }
}

/// Where a picture lies in the patient (PS3.3 C.7.6.2.1.1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Plane {
    /// Centre of the first pixel.
    pub(super) origin: Point<Patient>,
    /// Unit vector in which columns follow each other.
    pub(super) along_i: Vector<Patient>,
    /// Unit vector in which rows follow each other.
    pub(super) along_j: Vector<Patient>,
}

/// One picture: a frame of a file with its place and scale.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) image: Arc<Image>,
    /// `None` where the file does not say.
    pub(super) plane: Option<Plane>,
    /// Millimetres from column to column and from row to row, where known.
    pub(super) pixel_mm: Option<[f64; 2]>,
    pub(super) rescale: Rescale,
    pub(super) moment: Moment,
}

/// What can tell pictures at one place apart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Moment {
    pub(super) temporal_position: Option<f64>,
    pub(super) acquisition: Option<f64>,
    pub(super) trigger_ms: Option<f64>,
    /// Frame Reference Time in milliseconds (PET).
    pub(super) reference_ms: Option<f64>,
    pub(super) instance: Option<f64>,
}

/// What a file turned out to be.
#[derive(Debug)]
pub(super) enum Found {
    Picture(Picture),
    /// A DICOMDIR and the files it names.
    Directory(PathBuf, Vec<PathBuf>),
}

/// Bytes of a file read at first; most headers fit.
const FIRST_LOOK: usize = 16 << 10;
/// Headers longer than this are refused.
const LONGEST_HEADER: usize = 64 << 20;

/// Sequences whose items are read.
const WANTED: [Tag; 1] = [tags::DIRECTORY_RECORD_SEQUENCE];

/// Reads the header of a file.
pub(super) fn read(path: &Path) -> Result<Found, Refusal> {
    let mut file = File::open(path).map_err(|error| Refusal::unreadable(path, &error))?;
    let stamp = Stamp::of(&file).map_err(|error| Refusal::unreadable(path, &error))?;
    let total = usize::try_from(stamp.bytes).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    let mut sought = FIRST_LOOK;
    loop {
        read_up_to(&mut file, &mut bytes, sought).map_err(|error| Refusal::unreadable(path, &error))?;
        // A file may shrink while it is read.
        let total = if bytes.len() < sought { bytes.len() } else { total };
        let needed = match interpret(path, stamp, &bytes, total)? {
            Ok(found) => return Ok(found),
            Err(needed) => needed,
        };
        if needed > LONGEST_HEADER {
            let text = format!("has a header of more than {} MB", LONGEST_HEADER >> 20);
            return Err(Refusal::new(path, RefusalCode::TooLarge, text));
        }
        sought = needed.max(sought * 4).min(total);
    }
}

/// Makes `bytes` the first `wanted` bytes of the file, or all of it.
fn read_up_to(file: &mut File, bytes: &mut Vec<u8>, wanted: usize) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(bytes.len() as u64))?;
    let missing = wanted.saturating_sub(bytes.len());
    file.take(missing as u64).read_to_end(bytes)?;
    Ok(())
}

/// The file as told by its first bytes, or how many bytes must be seen to tell.
fn interpret(path: &Path, stamp: Stamp, bytes: &[u8], total: usize) -> Result<Result<Found, usize>, Refusal> {
    let broken = |broken: Broken| match broken {
        Broken::NeedMore(needed) => Ok(Err(needed)),
        Broken::Truncated { .. } => Err(Refusal::new(path, RefusalCode::Truncated, broken.to_string())),
        _ => Err(Refusal::new(path, RefusalCode::Inconsistent, broken.to_string())),
    };
    let start = first_element(bytes);
    let meta = match parse(bytes, start, total, Encoding::EXPLICIT_LITTLE, Until::EndOfMeta, &[]) {
        Ok(meta) => meta,
        Err(error) => return broken(error),
    };
    let guessed = guess_encoding(&bytes[meta.end.min(bytes.len())..]);
    let (syntax, doubts) = syntax_of(path, &meta.dataset, guessed)?;
    if !syntax.deflated {
        let parsed = parse(bytes, meta.end, total, syntax.encoding, Until::PixelData, &WANTED);
        return match parsed {
            Ok(parsed) => describe(path, stamp, syntax, total, &meta, &parsed, doubts).map(Ok),
            Err(error) => broken(error),
        };
    }
    // How long the inflated data are is known only at their end.
    let mut inflated = Vec::new();
    let stream = DeflateDecoder::new(&bytes[meta.end..]);
    let outcome = stream.take(LONGEST_HEADER as u64).read_to_end(&mut inflated);
    let whole = outcome.is_ok() && inflated.len() < LONGEST_HEADER && bytes.len() == total;
    let inflated_total = if whole { inflated.len() } else { usize::MAX };
    match parse(&inflated, 0, inflated_total, syntax.encoding, Until::PixelData, &WANTED) {
        Ok(parsed) => describe(path, stamp, syntax, inflated_total, &meta, &parsed, doubts).map(Ok),
        Err(Broken::NeedMore(_)) if bytes.len() < total => Ok(Err(bytes.len() + 1)),
        Err(Broken::NeedMore(_)) => {
            let text = "the deflated data cannot be inflated as far as the pixel data";
            Err(Refusal::new(path, RefusalCode::Damaged, text))
        }
        Err(error) => broken(error),
    }
}

/// Where the first element stands: after the 128 bytes of preamble and "DICM", or at once.
fn first_element(bytes: &[u8]) -> usize {
    if bytes.get(128..132) == Some(b"DICM") { 132 } else { 0 }
}

/// Whether bytes at the start of a file are those of a DICOM object.
pub(super) fn is_dicom(start: &[u8]) -> bool {
    first_element(start) > 0 || guess_encoding(start).is_some()
}

/// The encoding of a data set, from its first element, which must be of the groups such files begin
/// with: 0002 (meta information without preamble) or 0008.
fn guess_encoding(start: &[u8]) -> Option<Encoding> {
    let head: [u8; 8] = *start.first_chunk()?;
    let letters = [head[4], head[5]];
    let named = letters.iter().all(u8::is_ascii_uppercase);
    let little = [head[0], head[1], head[3]] == [8, 0, 0] || [head[0], head[1], head[3]] == [2, 0, 0];
    if little && named {
        return Some(Encoding::EXPLICIT_LITTLE);
    }
    if [head[0], head[1], head[2]] == [0, 8, 0] && named {
        return Some(Encoding::EXPLICIT_BIG);
    }
    // The elements that come first in group 0008 are short.
    let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    let plausible = head[2] <= 0x18 && length <= 256 && length.is_multiple_of(2);
    (little && head[0] == 8 && plausible).then_some(Encoding::IMPLICIT_LITTLE)
}

/// The syntax the meta information names; without one, what the first element looks like.
fn syntax_of(
    path: &Path,
    meta: &DataSet<'_>,
    guessed: Option<Encoding>,
) -> Result<(Syntax, Vec<Doubt>), Refusal> {
    if let Some(uid) = meta.text(tags::TRANSFER_SYNTAX_UID) {
        let Some(mut syntax) = Syntax::of(&uid) else {
            let text = format!(
                "its pixels are written as {}, which is not opened; convert the file to \"Explicit VR Little Endian\" or RLE",
                syntax::name(&uid)
            );
            return Err(Refusal::new(path, RefusalCode::UnsupportedTransferSyntax, text));
        };
        let contradicts = |guess: Encoding| guess.explicit_vr && guess != syntax.encoding;
        if let Some(guess) = guessed.filter(|guess| !syntax.deflated && contradicts(*guess)) {
            let text = format!("{}: is not written in the transfer syntax it names", path.display());
            syntax.encoding = guess;
            return Ok((syntax, vec![Doubt::new(DoubtCode::OddHeader, text)]));
        }
        return Ok((syntax, Vec::new()));
    }
    let Some(encoding) = guessed else {
        let text = "is damaged at its start: neither a transfer syntax nor a DICOM element is found there";
        return Err(Refusal::new(path, RefusalCode::NotAnImage, text));
    };
    let text =
        format!("{}: names no transfer syntax; read as what its first element looks like", path.display());
    let syntax = Syntax { encoding, codec: Codec::Native, deflated: false };
    Ok((syntax, vec![Doubt::new(DoubtCode::OddHeader, text)]))
}

/// What the elements say.
fn describe(
    path: &Path,
    stamp: Stamp,
    syntax: Syntax,
    total: usize,
    meta: &Parsed<'_>,
    parsed: &Parsed<'_>,
    mut doubts: Vec<Doubt>,
) -> Result<Found, Refusal> {
    let dataset = &parsed.dataset;
    let sop_class =
        dataset.text(tags::SOP_CLASS_UID).or_else(|| meta.dataset.text(tags::MEDIA_STORAGE_SOP_CLASS_UID));
    let sop_class = sop_class.unwrap_or_default();
    if sop_class == uids::MEDIA_STORAGE_DIRECTORY_STORAGE || dataset.has(tags::DIRECTORY_RECORD_SEQUENCE) {
        return Ok(Found::Directory(path.to_owned(), files_of_directory(path, dataset)));
    }
    refuse_other_objects(path, &sop_class, dataset)?;
    let Some(pixels) = parsed.pixels else {
        let text = format!("{} without pixel data", object_name(&sop_class));
        return Err(Refusal::new(path, RefusalCode::UnsupportedObject, text));
    };
    let layout = layout(path, dataset, syntax, pixels)?;
    refuse_missing_pixels(path, &layout, syntax, pixels, total)?;
    let plane = plane(dataset, path, &mut doubts);
    let rescale = rescale(path, dataset, &layout, &mut doubts);
    if dataset.text(tags::LOSSY_IMAGE_COMPRESSION).as_deref() == Some("01") {
        doubts.push(Doubt::new(DoubtCode::Lossy, "the image was compressed with loss before it came here"));
    }
    let modality = dataset.text(tags::MODALITY).unwrap_or_default();
    let series = dataset.text(tags::SERIES_INSTANCE_UID).unwrap_or_default();
    let identity = Identity {
        study: dataset.text(tags::STUDY_INSTANCE_UID).unwrap_or_default(),
        folder: series.is_empty().then(|| path.parent().map(Path::to_owned)).flatten(),
        series,
        frame_of_reference: dataset.text(tags::FRAME_OF_REFERENCE_UID),
        sop_class,
        rows: layout.rows,
        columns: layout.columns,
        sample: (layout.bits_allocated, layout.signed, layout.colour),
        image_type: dataset.text(tags::IMAGE_TYPE).unwrap_or_default(),
        echo: dataset.text(tags::ECHO_TIME).or_else(|| dataset.text(tags::ECHO_NUMBERS)).unwrap_or_default(),
        b_value: dataset.double(tags::DIFFUSION_B_VALUE).map(|b| b.to_string()).unwrap_or_default(),
        modality: modality.clone(),
    };
    let positive = |tag| dataset.number(tag).filter(|mm| *mm > 0.0);
    let image = Image {
        path: path.to_owned(),
        stamp,
        syntax,
        pixels,
        deflated_from: meta.end,
        layout,
        identity,
        instance: dataset.text(tags::SOP_INSTANCE_UID).unwrap_or_default(),
        series_number: dataset.number(tags::SERIES_NUMBER),
        description: text(dataset, tags::SERIES_DESCRIPTION),
        depth_mm: positive(tags::SPACING_BETWEEN_SLICES).or_else(|| positive(tags::SLICE_THICKNESS)),
        unit: unit(dataset, &modality),
        window: window(dataset),
        doubts,
    };
    let moment = Moment {
        temporal_position: dataset.number(tags::TEMPORAL_POSITION_IDENTIFIER),
        acquisition: dataset.number(tags::ACQUISITION_NUMBER),
        trigger_ms: dataset.number(tags::TRIGGER_TIME),
        reference_ms: dataset.number(tags::FRAME_REFERENCE_TIME),
        instance: dataset.number(tags::INSTANCE_NUMBER),
    };
    Ok(Found::Picture(Picture {
        image: Arc::new(image),
        plane,
        pixel_mm: pixel_mm(dataset),
        rescale,
        moment,
    }))
}

/// The files a DICOMDIR names that lie in its folder or below (PS3.3 F.3.2.2).
fn files_of_directory(path: &Path, dataset: &DataSet<'_>) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let records = dataset.items(tags::DIRECTORY_RECORD_SEQUENCE);
    let named = records.iter().filter(|record| record.has(tags::REFERENCED_FILE_ID));
    named
        .map(|record| record.texts(tags::REFERENCED_FILE_ID))
        // Each part is a plain name; anything else tries to leave the folder.
        .filter(|parts| parts.iter().all(|part| !part.contains(['/', '\\', ':']) && !part.starts_with('.')))
        .map(|parts| folder.join(parts.iter().collect::<PathBuf>()))
        .collect()
}

/// The name of an SOP class with an article, for a refusal.
fn object_name(sop_class: &str) -> String {
    match StandardSopClassDictionary.by_uid(sop_class) {
        Some(known) => format!("is a DICOM \"{}\" object", known.name),
        None if sop_class.is_empty() => "is a DICOM object of no stated kind".to_owned(),
        None => format!("is a DICOM object of the unknown kind {sop_class}"),
    }
}

/// Objects whose pixels are not a picture of the patient, or whose geometry does not stand in the
/// plain attributes.
fn refuse_other_objects(path: &Path, sop_class: &str, dataset: &DataSet<'_>) -> Result<(), Refusal> {
    let refuse = |why: &str| {
        let text = format!("{}{why}", object_name(sop_class));
        Err(Refusal::new(path, RefusalCode::UnsupportedObject, text))
    };
    match sop_class {
        uids::SEGMENTATION_STORAGE | uids::LABEL_MAP_SEGMENTATION_STORAGE => {
            return refuse(", which holds marks and not an image; open the series it was drawn on");
        }
        uids::RT_DOSE_STORAGE => return refuse(", whose dose values are not opened yet"),
        uids::PARAMETRIC_MAP_STORAGE | uids::VL_WHOLE_SLIDE_MICROSCOPY_IMAGE_STORAGE => {
            return refuse(", which is not opened yet");
        }
        _ => {}
    }
    if dataset.has(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)
        || dataset.has(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE)
        || ENHANCED.contains(&sop_class)
    {
        return refuse(
            " with functional groups, which is not opened yet; export it as classic single-frame DICOM",
        );
    }
    let frames = dataset.number(tags::NUMBER_OF_FRAMES);
    if frames.is_some_and(|frames| frames > 1.0) {
        return refuse(" of several frames, which is not opened yet; export its frames as single files");
    }
    if dataset.has(tags::MODALITY_LUT_SEQUENCE) {
        return refuse(" whose values stand in a table (Modality LUT), which is not opened yet");
    }
    Ok(())
}

const ENHANCED: [&str; 7] = [
    uids::ENHANCED_CT_IMAGE_STORAGE,
    uids::ENHANCED_MR_IMAGE_STORAGE,
    uids::ENHANCED_MR_COLOR_IMAGE_STORAGE,
    uids::ENHANCED_PET_IMAGE_STORAGE,
    uids::LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE,
    uids::LEGACY_CONVERTED_ENHANCED_MR_IMAGE_STORAGE,
    uids::LEGACY_CONVERTED_ENHANCED_PET_IMAGE_STORAGE,
];

fn layout(path: &Path, dataset: &DataSet<'_>, syntax: Syntax, pixels: PixelsAt) -> Result<Layout, Refusal> {
    let refuse = |code, text: String| Err(Refusal::new(path, code, text));
    if pixels.tag != tags::PIXEL_DATA {
        return refuse(
            RefusalCode::UnsupportedType,
            "holds floating-point pixels, which are not opened yet".into(),
        );
    }
    let word = |tag, name: &str| {
        let text = format!("states no {name}");
        dataset.word(tag).ok_or_else(|| Refusal::new(path, RefusalCode::Inconsistent, text))
    };
    let [rows, columns] = [word(tags::ROWS, "Rows")?, word(tags::COLUMNS, "Columns")?].map(usize::from);
    if rows == 0 || columns == 0 {
        return refuse(RefusalCode::Inconsistent, format!("states {rows} rows of {columns} columns"));
    }
    let samples = dataset.word(tags::SAMPLES_PER_PIXEL).unwrap_or(1);
    let photometric = dataset.text(tags::PHOTOMETRIC_INTERPRETATION).unwrap_or_default();
    let colour = match (photometric.as_str(), samples) {
        ("MONOCHROME2" | "", 1) => Colour::Grey,
        ("MONOCHROME1", 1) => Colour::InvertedGrey,
        ("RGB", 3) => Colour::Rgb,
        ("YBR_FULL", 3) => Colour::YbrFull,
        ("YBR_FULL_422", 3) => Colour::YbrFull422,
        ("YBR_RCT" | "YBR_ICT", 3) => Colour::YbrOfJpeg2000,
        _ => {
            let text =
                format!("has pixels of {samples} sample(s) as \"{photometric}\", which is not opened yet");
            return refuse(RefusalCode::UnsupportedType, text);
        }
    };
    let bits_allocated = word(tags::BITS_ALLOCATED, "Bits Allocated")?;
    let bits_stored = dataset.word(tags::BITS_STORED).unwrap_or(bits_allocated);
    let high_bit = dataset.word(tags::HIGH_BIT).unwrap_or(bits_stored.saturating_sub(1));
    let grey = samples == 1;
    if !(bits_allocated == 8 || bits_allocated == 16 && grey) {
        let text =
            format!("has samples of {bits_allocated} bits ({samples} per pixel), which are not opened yet");
        return refuse(RefusalCode::UnsupportedType, text);
    }
    if bits_stored == 0
        || bits_stored > bits_allocated
        || high_bit >= bits_allocated
        || high_bit + 1 < bits_stored
    {
        let text =
            format!("keeps {bits_stored} bits up to bit {high_bit} in {bits_allocated}, which cannot be");
        return refuse(RefusalCode::Inconsistent, text);
    }
    if syntax.codec == Codec::Jpeg && bits_stored > 8 {
        let text = "its pixels are written as 12-bit JPEG, which is not opened; convert the file to \"Explicit VR Little Endian\"";
        return refuse(RefusalCode::UnsupportedTransferSyntax, text.into());
    }
    let padding = dataset.word(tags::PIXEL_PADDING_VALUE);
    let limit = dataset.word(tags::PIXEL_PADDING_RANGE_LIMIT);
    Ok(Layout {
        rows,
        columns,
        colour,
        planar: !grey && dataset.word(tags::PLANAR_CONFIGURATION) == Some(1),
        bits_allocated,
        bits_stored,
        high_bit,
        signed: grey && dataset.word(tags::PIXEL_REPRESENTATION) == Some(1),
        padding: padding.map(|value| [value, limit.unwrap_or(value)]),
    })
}

/// Native pixel data must be as long as the shape asks for; compressed ones must be plausible.
fn refuse_missing_pixels(
    path: &Path,
    layout: &Layout,
    syntax: Syntax,
    pixels: PixelsAt,
    total: usize,
) -> Result<(), Refusal> {
    let left = total.saturating_sub(pixels.offset);
    let needed = layout.native_bytes();
    let (rows, columns) = (layout.rows, layout.columns);
    match (syntax.codec, pixels.length) {
        (Codec::Native, Some(length)) if length < needed => {
            let text = format!("has {length} bytes of pixels where {columns} × {rows} need {needed}");
            Err(Refusal::new(path, RefusalCode::Inconsistent, text))
        }
        (Codec::Native, Some(_)) if left < needed => {
            let text = format!("ends after {left} of {needed} bytes of pixels");
            Err(Refusal::new(path, RefusalCode::Truncated, text))
        }
        (Codec::Native, None) => {
            let text = "has pixel data in fragments where its transfer syntax says plain samples";
            Err(Refusal::new(path, RefusalCode::Inconsistent, text))
        }
        (Codec::Native, Some(_)) => Ok(()),
        (_, Some(_)) => {
            let text = "has plain pixel data where its transfer syntax says compressed fragments";
            Err(Refusal::new(path, RefusalCode::Inconsistent, text))
        }
        (_, None) => Ok(()),
    }
}

/// Position and orientation; `None` where either is missing or makes no plane.
fn plane(dataset: &DataSet<'_>, path: &Path, doubts: &mut Vec<Doubt>) -> Option<Plane> {
    /// Cosines are written with few digits; beyond this they are no unit vectors.
    const LENGTH_TOLERANCE: f64 = 0.05;
    let position: [f64; 3] = dataset.numbers(tags::IMAGE_POSITION_PATIENT).try_into().ok()?;
    let cosines: [f64; 6] = dataset.numbers(tags::IMAGE_ORIENTATION_PATIENT).try_into().ok()?;
    let along_i = Vector::<Patient>::new(cosines[0], cosines[1], cosines[2]);
    let along_j = Vector::<Patient>::new(cosines[3], cosines[4], cosines[5]);
    let unit = |v: Vector<Patient>| (v.length() - 1.0).abs() <= LENGTH_TOLERANCE;
    if !(unit(along_i) && unit(along_j) && along_i.dot(along_j).abs() <= LENGTH_TOLERANCE) {
        let text = format!(
            "{}: its Image Orientation {cosines:?} is no pair of perpendicular directions",
            path.display()
        );
        doubts.push(Doubt::new(DoubtCode::OddHeader, text));
        return None;
    }
    Some(Plane { origin: position.into(), along_i: along_i.normalized()?, along_j: along_j.normalized()? })
}

/// Pixel Spacing, else Imager Pixel Spacing; the header states the distance between rows first.
fn pixel_mm(dataset: &DataSet<'_>) -> Option<[f64; 2]> {
    let stated = |tag| {
        let [between_rows, between_columns]: [f64; 2] = dataset.numbers(tag).try_into().ok()?;
        (between_rows > 0.0 && between_columns > 0.0).then_some([between_columns, between_rows])
    };
    stated(tags::PIXEL_SPACING).or_else(|| stated(tags::IMAGER_PIXEL_SPACING))
}

fn rescale(path: &Path, dataset: &DataSet<'_>, layout: &Layout, doubts: &mut Vec<Doubt>) -> Rescale {
    if layout.components() > 1 || !(dataset.has(tags::RESCALE_SLOPE) || dataset.has(tags::RESCALE_INTERCEPT))
    {
        return Rescale::NONE;
    }
    let read = |tag, without| match dataset.text(tag) {
        Some(_) => dataset.number(tag),
        None => Some(without),
    };
    match (read(tags::RESCALE_SLOPE, 1.0), read(tags::RESCALE_INTERCEPT, 0.0)) {
        (Some(slope), Some(intercept)) if slope != 0.0 => Rescale { slope, intercept },
        _ => {
            let text =
                format!("{}: its rescale cannot be applied; values are the stored ones", path.display());
            doubts.push(Doubt::new(DoubtCode::OddHeader, text));
            Rescale::NONE
        }
    }
}

/// The unit of rescaled values (PS3.3 C.11.1.1.2 and C.8.9.1.1.3).
fn unit(dataset: &DataSet<'_>, modality: &str) -> Option<String> {
    match (dataset.text(tags::RESCALE_TYPE), modality) {
        (Some(stated), _) if stated == "US" => None,
        (Some(stated), _) => Some(stated),
        (None, "CT") if dataset.has(tags::RESCALE_INTERCEPT) => Some("HU".to_owned()),
        (None, "PT") => dataset.text(tags::UNITS),
        _ => None,
    }
}

/// The first window; widths below 1 are as good as others.
fn window(dataset: &DataSet<'_>) -> Option<Window> {
    let (centre, width) = (dataset.number(tags::WINDOW_CENTER)?, dataset.number(tags::WINDOW_WIDTH)?);
    (width > 0.0).then(|| Window::new(centre, width))
}
