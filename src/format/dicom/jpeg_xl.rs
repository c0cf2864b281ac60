//! JPEG XL (ISO/IEC 18181), by jxl-oxide.
//!
//! Always true: the stream's header is held against the image's before a sample is decoded, and the
//! decoder is given a budget of memory.

use jxl_oxide::{AllocTracker, JxlImage};

/// Why a codestream is not decoded.
#[derive(Debug, thiserror::Error)]
pub(super) enum JpegXlError {
    /// The decoder's own reason.
    #[error("its JPEG XL is damaged: {0}")]
    Damaged(String),
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
    /// What the decoder keeps for a sample (four bytes, in several stages), and for small pictures.
    const BYTES_PER_SAMPLE: usize = 32;
    const BYTES_AT_LEAST: usize = 32 << 20;
    let damaged = |error: Box<dyn std::error::Error + Send + Sync>| JpegXlError::Damaged(error.to_string());
    let budget = AllocTracker::with_limit(columns * rows * components * BYTES_PER_SAMPLE + BYTES_AT_LEAST);
    let image = JxlImage::builder().alloc_tracker(budget).read(frame).map_err(damaged)?;
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
    let render = image.render_frame(0).map_err(damaged)?;
    let mut stream = render.stream();
    // As real numbers from 0 to 1, which hold 16 bits and more exactly.
    let mut samples = vec![0f32; columns * rows * components];
    if stream.write_to_buffer(&mut samples) != samples.len() {
        return Err(JpegXlError::Damaged("it ends too early".to_owned()));
    }
    let greatest = ((1u32 << bits) - 1) as f32;
    take(&mut samples.iter().map(|sample| (sample * greatest).round().clamp(0.0, greatest) as u16));
    Ok(bits as u16)
}
