//! JPEG XL (ISO/IEC 18181), by jxl-oxide.
//!
//! Always true: the stream's header is held against the image's before a sample is decoded; a picture is
//! decoded in strips, and the decoder is given a budget of memory, so that a small file cannot take much.

use jxl_oxide::{AllocTracker, CropInfo, InitializeResult, JxlImage};

/// What the decoder may take beside as much as the picture takes.
const BESIDE: usize = 44 << 20;
/// The decoder keeps the whole picture twice in numbers of four bytes.
const BYTES_PER_SAMPLE: usize = 8;
/// Samples of a strip.
const SAMPLES_AT_ONCE: usize = 1 << 20;
/// Streams are coded in squares of at most so many pixels; a lower strip decodes each of them again.
const LEAST_ROWS: usize = 256;

/// Why a codestream is not decoded.
#[derive(Debug, thiserror::Error)]
pub(super) enum JpegXlError {
    /// The decoder's own reason.
    #[error("its JPEG XL is damaged: {0}")]
    Damaged(String),
    /// It would take more memory than a picture may.
    #[error(
        "its JPEG XL is of more samples than can be decoded in the memory that a picture may take; convert it to another transfer syntax"
    )]
    TooLarge,
    /// The stream is of another picture than the header says.
    #[error("its header says {expected}, its JPEG XL {found}")]
    Other {
        /// Columns, rows, components, bits.
        expected: String,
        /// The same.
        found: String,
    },
}

/// Decodes a picture of `components` samples per pixel, each of `most_bits` at most, and hands over its
/// samples, components interleaved; says how many bits they have.
pub(super) fn decode(
    frame: &[u8],
    [columns, rows, components]: [usize; 3],
    most_bits: u16,
    take: impl FnOnce(&mut dyn Iterator<Item = u16>),
) -> Result<u16, JpegXlError> {
    let damaged = |error: Box<dyn std::error::Error + Send + Sync>| JpegXlError::Damaged(error.to_string());
    let sample_bytes = usize::from(most_bits.div_ceil(8));
    let budget = columns * rows * components * sample_bytes + BESIDE;
    if columns * rows * components * BYTES_PER_SAMPLE + SAMPLES_AT_ONCE * BYTES_PER_SAMPLE > budget {
        return Err(JpegXlError::TooLarge);
    }
    let budget = AllocTracker::with_limit(budget);
    let mut image = JxlImage::builder().alloc_tracker(budget).read(frame).map_err(damaged)?;
    let metadata = &image.image_header().metadata;
    let bits = metadata.bit_depth.bits_per_sample();
    let found = [image.width() as usize, image.height() as usize, image.pixel_format().channels()];
    if found != [columns, rows, components] || !(1..=u32::from(most_bits)).contains(&bits) {
        let shape = |[columns, rows, components]: [usize; 3], bits: u32| {
            format!("{columns} × {rows} pixels of {components} sample(s) in {bits} bits")
        };
        return Err(JpegXlError::Other {
            expected: shape([columns, rows, components], most_bits.into()),
            found: shape(found, bits),
        });
    }
    let strip_rows = (SAMPLES_AT_ONCE / (columns * components)).clamp(LEAST_ROWS, rows.max(LEAST_ROWS));
    let mut failure = None;
    let strips = (0..rows).step_by(strip_rows).map_while(|top| {
        let strip = strip(&mut image, [columns, strip_rows.min(rows - top)], top, components);
        strip.map_err(|error| failure = Some(error)).ok()
    });
    // As real numbers from 0 to 1, which hold 16 bits and more exactly.
    let greatest = ((1u32 << bits) - 1) as f32;
    take(&mut strips.flatten().map(|sample| (sample * greatest).round().clamp(0.0, greatest) as u16));
    if let Some(error) = failure {
        return Err(error);
    }
    Ok(bits as u16)
}

/// Some rows of the picture.
fn strip(
    image: &mut JxlImage,
    [columns, rows]: [usize; 2],
    top: usize,
    components: usize,
) -> Result<Vec<f32>, JpegXlError> {
    image.set_image_region(CropInfo { width: columns as u32, height: rows as u32, left: 0, top: top as u32 });
    let render = image.render_frame(0).map_err(|error| JpegXlError::Damaged(error.to_string()))?;
    let mut samples = vec![0f32; columns * rows * components];
    if render.stream().write_to_buffer(&mut samples) != samples.len() {
        return Err(JpegXlError::Damaged("it ends too early".to_owned()));
    }
    Ok(samples)
}

/// Whether the header at the beginning of a stream says that colours were turned to be coded with loss.
pub(super) fn is_lossy(start: &[u8]) -> bool {
    const MOST_BYTES: usize = 32 << 20;
    let budget = AllocTracker::with_limit(MOST_BYTES);
    let mut image = JxlImage::builder().alloc_tracker(budget).build_uninit();
    if image.feed_bytes(start).is_err() {
        return false;
    }
    match image.try_init() {
        Ok(InitializeResult::Initialized(image)) => image.image_header().metadata.xyb_encoded,
        Ok(InitializeResult::NeedMoreData(_)) | Err(_) => false,
    }
}
