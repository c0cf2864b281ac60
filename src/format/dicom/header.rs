//! What the header of one file says of its image: shape, place, scale and kinship.
//!
//! Always true: an [`Image`] is of a kind that is opened, its pixel data are as long as its shape asks
//! for (or compressed), and every number in it is finite.
//!
//! Must never know: other files of the series.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dicom_core::Tag;
use dicom_core::dictionary::UidDictionary;
use dicom_dictionary_std::sop_class::StandardSopClassDictionary;
use dicom_dictionary_std::{tags, uids};

use super::colour::Palette;
use super::dataset::{DataSet, PixelsAt};
use super::file::Content;
use super::fragments::{self, FrameParts};
use super::frames::{self, Order};
use super::layout::{self, Colour, Layout, Number, layout, refuse_missing_pixels};
use super::mosaic::{self, Mosaic};
use super::picture::{self, Picture, Placed, Scale};
use super::segmentation;
use super::spacing;
use super::suv::{self, Uptake};
use super::suv_of_frames;
use super::syntax::{Codec, Syntax};
use super::table::Table;
use super::text::text;
use crate::format::{Doubt, DoubtCode, Refusal, RefusalCode, Stamp, legible};

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
    /// The parts of each frame, where they are compressed.
    pub(super) parts: Vec<FrameParts>,
    pub(super) layout: Layout,
    /// How slices lie in the picture, where it is a mosaic; its frames are then the slices.
    pub(super) mosaic: Option<Mosaic>,
    /// The colours that samples stand for, where they do.
    pub(super) palette: Option<Palette>,
    /// What it says of uptake, where it is of PET.
    pub(super) suv: Option<Uptake>,
    pub(super) identity: Identity,
    /// SOP Instance UID; empty where the file has none.
    pub(super) instance: String,
    pub(super) series_number: Option<f64>,
    pub(super) description: String,
    /// The sides of the patient to which rows and columns go (Patient Orientation).
    pub(super) sides: Option<[String; 2]>,
    pub(super) doubts: Vec<Doubt>,
}

impl Image {
    /// Columns and rows of one picture.
    pub(super) fn size(&self) -> [usize; 2] {
        [self.identity.columns, self.identity.rows]
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
    pub(super) sop_class: String,
    pub(super) modality: String,
    rows: usize,
    columns: usize,
    sample: (u16, Number, Colour),
    pub(super) has_functional_groups: bool,
}

impl Identity {
    /// In what a picture of the same series differs from this one.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if (self.columns, self.rows) != (other.columns, other.rows) {
            found.push(format!("{} × {} pixels", other.columns, other.rows));
        }
        if self.sample != other.sample {
            let (bits, number, colour) = other.sample;
            let what = if matches!(colour, Colour::Grey | Colour::InvertedGrey) {
                let number = format!("{number:?}").to_lowercase();
                format!(
                    "{number} samples of {bits} bits{}",
                    if colour == Colour::Grey { "" } else { ", inverted" }
                )
            } else {
                format!("colours ({colour:?})")
            };
            found.push(what);
        }
        if self.frame_of_reference != other.frame_of_reference {
            found.push("another frame of reference".to_owned());
        }
        if (&self.sop_class, &self.modality) != (&other.sop_class, &other.modality) {
            found.push(format!("another kind of object ({})", other.modality));
        }
        found
    }
}

/// What a file turned out to be.
#[derive(Debug)]
pub(super) enum Found {
    /// An image, frame by frame.
    Image(Vec<Picture>),
    /// A DICOMDIR and the files it names, or why one of them is not read.
    Directory(PathBuf, Vec<Result<PathBuf, Refusal>>),
}

/// Sequences whose items are read.
pub(super) const WANTED: [Tag; 4 + picture::GROUPS.len()] = {
    const OWN: [Tag; 4] = [
        tags::DIRECTORY_RECORD_SEQUENCE,
        tags::MODALITY_LUT_SEQUENCE,
        tags::VOILUT_SEQUENCE,
        tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE,
    ];
    let mut wanted = [OWN[0]; OWN.len() + picture::GROUPS.len()];
    let mut n = 0;
    while n < wanted.len() {
        wanted[n] = if n < OWN.len() { OWN[n] } else { picture::GROUPS[n - OWN.len()] };
        n += 1;
    }
    wanted
};

/// What the elements of a file say.
pub(super) fn describe(content: Content<'_, '_>) -> Result<Found, Refusal> {
    let (path, dataset) = (content.source.path, &content.parsed.dataset);
    let sop_class = content.sop_class();
    if sop_class == uids::MEDIA_STORAGE_DIRECTORY_STORAGE || dataset.has(tags::DIRECTORY_RECORD_SEQUENCE) {
        return Ok(Found::Directory(path.to_owned(), files_of_directory(path, dataset)));
    }
    let why = match sop_class.as_str() {
        marks if segmentation::is_of_marks(marks) => {
            ", which holds marks and not an image; open the series it was drawn on, and this over it as a segmentation"
        }
        uids::VL_WHOLE_SLIDE_MICROSCOPY_IMAGE_STORAGE => ", which is not opened yet",
        _ => return pictures(content, &sop_class).map(Found::Image),
    };
    let text = format!("{}{why}", object_name(&sop_class));
    Err(Refusal::new(path, RefusalCode::UnsupportedObject, text))
}

/// The frames of an object that has pixels.
pub(super) fn pictures(content: Content<'_, '_>, sop_class: &str) -> Result<Vec<Picture>, Refusal> {
    let Content { source, syntax, total, meta, parsed, mut doubts } = content;
    let (path, dataset, sop_class) = (source.path, &parsed.dataset, sop_class.to_owned());
    let (frames, order) = frames(path, &sop_class, dataset)?;
    let Some(pixels) = parsed.pixels else {
        let text = format!(
            "{} without pixel data; open the images it belongs to, or export it again",
            object_name(&sop_class)
        );
        return Err(Refusal::new(path, RefusalCode::UnsupportedObject, text));
    };
    let mut layout = layout(path, dataset, syntax, pixels)?;
    doubts.extend(layout::mend(path, &mut layout, frames, syntax, pixels)?);
    refuse_missing_pixels(path, &layout, frames, syntax, pixels, total)?;
    let unusable = |text: String| Refusal::new(path, RefusalCode::Inconsistent, text);
    let palette = match layout.colour {
        Colour::Palette => {
            let palette = Palette::read(dataset, layout.number == Number::Signed);
            Some(palette.map_err(|error| unusable(error.to_string()))?)
        }
        _ => None,
    };
    let parts = match syntax.codec {
        Codec::Native => Vec::new(),
        _ => fragments::find(source.file, pixels.offset as u64, source.stamp.bytes, frames)
            .map_err(|(code, text)| Refusal::new(path, code, text))?,
    };
    let held = |parts: &FrameParts| parts.iter().map(|part| (part.end - part.start) as usize).sum::<usize>();
    let greatest = |parts| held(parts).saturating_mul(syntax.codec.greatest_expansion());
    if let Some(parts) = parts.iter().find(|parts| greatest(parts) < layout.stored_bytes()) {
        let (columns, rows) = (layout.columns, layout.rows);
        let text = format!("has {} bytes of compressed pixels, too few for {columns} × {rows}", held(parts));
        return Err(Refusal::new(path, RefusalCode::Inconsistent, text));
    }
    let modality = legible(&dataset.text(tags::MODALITY).unwrap_or_default()).into_owned();
    let table = match dataset.items(tags::MODALITY_LUT_SEQUENCE).first() {
        Some(item) if layout.is_grey() => {
            let signed = layout.number == Number::Signed;
            let table = Table::read(item, tags::LUT_DESCRIPTOR, tags::LUT_DATA, signed);
            Some(Arc::new(table.map_err(|error| unusable(error.to_string()))?))
        }
        _ => None,
    };
    let mut facts: Vec<_> =
        (0..frames).map(|frame| picture::facts(dataset, frame, &modality, &layout, table.as_ref())).collect();
    order.apply(dataset, &mut facts);
    let whole = [layout.columns, layout.rows];
    let mosaic = match facts.first() {
        Some(first) if mosaic::is_mosaic(dataset) && frames == 1 => {
            let mosaic = mosaic::mosaic(dataset, whole, first.plane).map_err(|unknown| {
                let text = format!("is a mosaic of slices (Siemens) that does not tell {unknown}; export it as single slices, or convert it to NIfTI where it was scanned");
                Refusal::new(path, RefusalCode::UnsupportedObject, text)
            })?;
            facts = mosaic.facts(first, whole);
            Some(mosaic)
        }
        _ => None,
    };
    let [columns, rows] = mosaic.map_or(whole, |mosaic| mosaic.tile);
    if sop_class == uids::RT_DOSE_STORAGE {
        let (rescale, unit) = frames::dose(dataset);
        let scale = rescale.map_or(Scale::Unusable, Scale::Rescale);
        facts.iter_mut().for_each(|facts| (facts.scale, facts.unit) = (scale.clone(), unit.clone()));
    }
    let has_functional_groups = has_functional_groups(dataset);
    if !has_functional_groups {
        doubts.extend(spacing::doubts(dataset, &modality));
    }
    let placed = facts.iter().filter(|facts| matches!(facts.plane, Placed::At(_))).count();
    if has_functional_groups && placed > 0 && placed < frames {
        let text = format!(
            "{} of {frames} frames, {} of which have no place in the patient",
            object_name(&sop_class),
            frames - placed
        );
        return Err(Refusal::new(path, RefusalCode::UnsupportedObject, text));
    }
    let odd = |text: String| Doubt::new(DoubtCode::OddHeader, format!("{}: {text}", path.display()));
    if let Some(Placed::InPart { position: Some(_), cosines: Some(cosines) }) =
        facts.first().map(|facts| facts.plane)
    {
        let text = format!("its Image Orientation {cosines:?} is no pair of perpendicular unit vectors");
        doubts.push(odd(text));
    }
    if facts.iter().any(|facts| facts.scale == Scale::Unusable) {
        doubts.push(odd("its rescale cannot be applied; values are the stored ones".to_owned()));
    }
    if dataset.text(tags::LOSSY_IMAGE_COMPRESSION).as_deref() == Some("01") {
        doubts.push(Doubt::new(DoubtCode::Lossy, "the image was compressed with loss before it came here"));
    }
    let series = dataset.text(tags::SERIES_INSTANCE_UID).unwrap_or_default();
    let suv = (modality == "PT").then(|| match has_functional_groups {
        true => suv_of_frames::read(&sop_class, dataset, &facts),
        false => suv::read(&suv::Header { top: dataset, converted: None, acquired: None }),
    });
    let identity = Identity {
        study: dataset.text(tags::STUDY_INSTANCE_UID).unwrap_or_default(),
        folder: series.is_empty().then(|| path.parent().map(Path::to_owned)).flatten(),
        series,
        frame_of_reference: dataset.text(tags::FRAME_OF_REFERENCE_UID),
        sop_class,
        modality,
        rows,
        columns,
        sample: (layout.bits_allocated, layout.number, layout.colour),
        has_functional_groups,
    };
    let image = Arc::new(Image {
        path: path.to_owned(),
        stamp: source.stamp,
        syntax,
        pixels,
        deflated_from: meta.end,
        parts,
        layout,
        mosaic,
        palette,
        suv,
        identity,
        instance: dataset.text(tags::SOP_INSTANCE_UID).unwrap_or_default(),
        series_number: dataset.number(tags::SERIES_NUMBER),
        description: text(dataset, tags::SERIES_DESCRIPTION),
        sides: sides(dataset),
        doubts,
    });
    let picture = |(frame, facts)| Picture { image: Arc::clone(&image), frame, facts };
    Ok(facts.into_iter().enumerate().map(picture).collect())
}

/// Patient Orientation (PS3.3 C.7.6.1.1.1); `None` where it states no side of a biped.
fn sides(dataset: &DataSet<'_>) -> Option<[String; 2]> {
    let sides: [String; 2] = dataset.texts(tags::PATIENT_ORIENTATION).try_into().ok()?;
    let is_side =
        |side: &String| (1..=3).contains(&side.len()) && side.chars().all(|letter| "RLAPHF".contains(letter));
    sides.iter().all(is_side).then_some(sides)
}

/// The files a DICOMDIR names (PS3.3 F.3.2.2), and a refusal for each that does not lie in its folder
/// or below, be it by its name or by a link, or is no file at all.
fn files_of_directory(path: &Path, dataset: &DataSet<'_>) -> Vec<Result<PathBuf, Refusal>> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let real_folder = folder.canonicalize();
    let file = |record: &DataSet<'_>| {
        let parts = record.texts(tags::REFERENCED_FILE_ID);
        let named = folder.join(parts.iter().collect::<PathBuf>());
        let is_plain = |part: &String| !part.contains(['/', '\\', ':']) && !part.starts_with('.');
        let leaves = match (named.canonicalize(), &real_folder) {
            (Ok(real), Ok(real_folder)) => !real.starts_with(real_folder),
            _ => false,
        };
        if !parts.iter().all(is_plain) || leaves {
            let text = format!("names {}, which lies outside its folder", parts.join("/"));
            return Err(Refusal::new(path, RefusalCode::Inconsistent, text));
        }
        // A pipe or a device may never answer.
        if named.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Err(Refusal::new(&named, RefusalCode::NotAnImage, "is not a file"));
        }
        Ok(named)
    };
    let records = dataset.items(tags::DIRECTORY_RECORD_SEQUENCE);
    records.iter().filter(|record| record.has(tags::REFERENCED_FILE_ID)).map(file).collect()
}

/// The name of an SOP class with an article, for a refusal.
fn object_name(sop_class: &str) -> String {
    match StandardSopClassDictionary.by_uid(sop_class) {
        Some(known) => format!("is a DICOM \"{}\" object", known.name),
        None if sop_class.is_empty() => "is a DICOM object of no stated kind".to_owned(),
        None => format!("is a DICOM object of the unknown kind {sop_class}"),
    }
}

fn has_functional_groups(dataset: &DataSet<'_>) -> bool {
    dataset.has(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)
        || dataset.has(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE)
}

/// What is known of a frame takes half a kilobyte, however few pixels it has.
const MOST_FRAMES: usize = 1 << 16;

/// How many frames an object has; refuses objects whose frames follow each other in a way that is not
/// known.
fn frames(path: &Path, sop_class: &str, dataset: &DataSet<'_>) -> Result<(usize, Order), Refusal> {
    let refuse = |why: &str| {
        let text = format!("{}{why}", object_name(sop_class));
        Err(Refusal::new(path, RefusalCode::UnsupportedObject, text))
    };
    let frames = match dataset.text(tags::NUMBER_OF_FRAMES) {
        None => 1,
        Some(text) => text.parse().ok().filter(|frames| *frames > 0).ok_or_else(|| {
            Refusal::new(
                path,
                RefusalCode::Inconsistent,
                format!("states \"{text}\" as its number of frames; export it again"),
            )
        })?,
    };
    if frames > MOST_FRAMES {
        let text = format!("states {frames} frames; files of more than {MOST_FRAMES} are not opened");
        return Err(Refusal::new(path, RefusalCode::TooLarge, text));
    }
    let groups = dataset.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).len();
    if has_functional_groups(dataset) && groups != frames {
        let text = format!("states {frames} frames and describes {groups}; export it again");
        return Err(Refusal::new(path, RefusalCode::Inconsistent, text));
    }
    let order = match has_functional_groups(dataset) {
        true => Ok(Order::Own),
        false => frames::order(sop_class, dataset, frames),
    };
    order.map_or_else(|why| refuse(&why), |order| Ok((frames, order)))
}
