//! Photographs: PNG, JPEG and TIFF, as pictures of one slice that know pixels and no millimetres.
//!
//! Always true: i runs to the right and j down as the photograph is meant to be seen, its orientation
//! (Exif 2.32, 4.6.4 A) applied; a resolution in the file is that of print and is not believed; memory
//! is taken only after the file has proven that it can hold what it claims.
//!
//! From the ground up: `orientation` which way is up; `picture` decoded pixels; `png`, `jpeg`, `tiff` one
//! kind of file each, `amended` reads of TIFF what its decoder would not manage.

mod amended;
mod jpeg;
mod orientation;
mod picture;
mod png;
mod tiff;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use self::picture::Picture;
use super::doubt::Fault;
use super::{Doubt, DoubtCode, Refusal, RefusalCode, Series, SeriesFacts, SeriesSource, Watch, bulk};
use crate::volume::Volume;

/// What a photograph's file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Png,
    Jpeg,
    Tiff,
}

impl Kind {
    fn of(path: &Path) -> Option<Self> {
        let start = bulk::first_bytes::<8>(path)?;
        match start {
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            // Classic and big, in either byte order.
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Self::Tiff),
            _ => None,
        }
    }
}

/// Whether a file begins as a photograph does, or is named as one, so that a broken one is refused by
/// name.
pub fn is_photo(path: &Path) -> bool {
    let by_name = || {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        matches!(ending.as_str(), "png" | "jpg" | "jpeg" | "tif" | "tiff")
    };
    path.is_file() && (by_name() || Kind::of(path).is_some())
}

/// The series a file holds.
pub fn series(path: &Path) -> Result<Series, Refusal> {
    let kind = kind_of(path)?;
    let seen = catch_unwind(|| match kind {
        Kind::Png => png::seen_size(path),
        Kind::Jpeg => jpeg::seen_size(path),
        Kind::Tiff => tiff::seen_size(path),
    });
    let panicked = |_| Err(Fault::new(RefusalCode::Damaged, "its header cannot be decoded"));
    let [width, height] = seen.unwrap_or_else(panicked).map_err(|fault| fault.of(path))?;
    let facts = SeriesFacts {
        dims: [width, height, 1],
        times: 1,
        spacing_mm: [1.0; 3],
        doubts: vec![pixels_only(false)],
        ..SeriesFacts::default()
    };
    Ok(Series {
        facts,
        id: super::nifti::stem(path),
        modality: None,
        description: String::new(),
        source: SeriesSource::Photo(path.to_owned()),
    })
}

fn kind_of(path: &Path) -> Result<Kind, Refusal> {
    Kind::of(path).ok_or_else(|| {
        let text = "does not begin as a PNG, JPEG or TIFF file does; copy it again from its source";
        Refusal::new(path, RefusalCode::NotAnImage, text)
    })
}

/// Reads the pixels.
pub fn read(path: &Path, watch: &dyn Watch) -> Result<(Volume, Vec<Doubt>), Refusal> {
    let kind = kind_of(path)?;
    // The decoders are not ours; a panic in one is the file's refusal.
    let decoded = catch_unwind(AssertUnwindSafe(|| match kind {
        Kind::Png => png::decode(path, watch),
        Kind::Jpeg => jpeg::decode(path),
        Kind::Tiff => tiff::decode(path),
    }));
    let panicked = |_| Err(Fault::new(RefusalCode::Damaged, "its pixels cannot be decoded"));
    let picture: Picture = decoded.unwrap_or_else(panicked).map_err(|fault| fault.of(path))?;
    if watch.is_cancelled() {
        return Err(Refusal::cancelled(path));
    }
    let read = picture.into_volume().map_err(|fault| fault.of(path))?;
    watch.progress(1.0);
    Ok(read)
}

/// What is told of every photograph.
fn pixels_only(has_resolution: bool) -> Doubt {
    let text = if has_resolution {
        "the file knows pixels only; distances are in pixels, and its resolution, which is that of print, is not used"
    } else {
        "the file knows pixels only; distances are in pixels"
    };
    Doubt::new(DoubtCode::PixelUnits, text)
}
