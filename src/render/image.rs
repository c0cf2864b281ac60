//! Finished pictures in memory and as PNG.

use std::io::{BufWriter, Write};
use std::path::Path;

/// A picture, gamma-encoded sRGB, 8 bits each of red, green, blue and alpha, rows from the top.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    size: [u32; 2],
    rgba: Vec<u8>,
}

/// Why a picture was not written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: the picture cannot be written: {source}")]
pub struct ImageError {
    path: String,
    source: png::EncodingError,
}

impl Image {
    /// A picture of one colour; no edge is shorter than one pixel.
    pub(super) fn filled(size: [u32; 2], rgba: [u8; 4]) -> Self {
        let size = size.map(|n| n.max(1));
        Self { size, rgba: rgba.repeat(size[0] as usize * size[1] as usize) }
    }

    /// From rows of RGBA; `None` unless they fill the size.
    pub(super) fn from_rgba(size: [u32; 2], rgba: Vec<u8>) -> Option<Self> {
        (rgba.len() == size[0] as usize * size[1] as usize * 4).then_some(Self { size, rgba })
    }

    /// Width and height in pixels.
    pub fn size(&self) -> [u32; 2] {
        self.size
    }

    /// All pixels, row by row.
    pub fn rgba(&self) -> &[u8] {
        &self.rgba
    }

    /// All rows, to be written.
    pub(super) fn rows_mut(&mut self) -> rayon::slice::ChunksMut<'_, u8> {
        use rayon::slice::ParallelSliceMut;
        self.rgba.par_chunks_mut(self.size[0] as usize * 4)
    }

    /// One pixel of the picture.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 4] {
        debug_assert!(x < self.size[0] && y < self.size[1]);
        let start = (y as usize * self.size[0] as usize + x as usize) * 4;
        [0, 1, 2, 3].map(|part| self.rgba[start + part])
    }

    /// Writes the picture as PNG.
    pub fn write_png(&self, out: impl Write) -> Result<(), png::EncodingError> {
        let mut encoder = png::Encoder::new(out, self.size[0], self.size[1]);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.rgba)?;
        writer.finish()
    }

    /// Writes the picture to a PNG file.
    pub fn save_png(&self, path: &Path) -> Result<(), ImageError> {
        let written = std::fs::File::create(path)
            .map_err(png::EncodingError::from)
            .and_then(|file| self.write_png(BufWriter::new(file)));
        written.map_err(|source| ImageError { path: path.display().to_string(), source })
    }
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image of {} × {} pixels", self.size[0], self.size[1])
    }
}
