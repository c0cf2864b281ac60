//! Colours on their way to red, green and blue (PS3.3 C.7.6.3.1.2).

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::dataset::DataSet;
use super::table::{Table, TableError};

/// Turns pixels of luminance and two chrominances, all over the full range of a byte.
pub(super) fn rgb_from_ybr(pixels: &mut [u8]) {
    turn(pixels, |y, b, r| [y + 1.402 * r, y - 0.344_136 * b - 0.714_136 * r, y + 1.772 * b]);
}

/// Turns pixels whose luminance runs from 16 to 235 and whose chrominances run from 16 to 240
/// (ITU-R BT.601).
pub(super) fn rgb_from_partial_ybr(pixels: &mut [u8]) {
    turn(pixels, |y, b, r| {
        let (y, b, r) = ((y - 16.0) * (255.0 / 219.0), b * (255.0 / 224.0), r * (255.0 / 224.0));
        [y + 1.402 * r, y - 0.344_136 * b - 0.714_136 * r, y + 1.772 * b]
    });
}

fn turn(pixels: &mut [u8], rgb: impl Fn(f32, f32, f32) -> [f32; 3]) {
    for pixel in pixels.as_chunks_mut().0 {
        let [y, b, r]: [f32; 3] = pixel.map(f32::from);
        *pixel = rgb(y, b - 128.0, r - 128.0).map(|value| value.round().clamp(0.0, 255.0) as u8);
    }
}

/// The colours that stored samples stand for (PS3.3 C.7.9), in 8 bits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Palette {
    first: i32,
    colours: Vec<[u8; 3]>,
}

impl Palette {
    /// The tables of a data set, plain or segmented.
    pub(super) fn read(dataset: &DataSet<'_>, signed: bool) -> Result<Self, TableError> {
        const DESCRIPTORS: [Tag; 3] = [
            tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
            tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
            tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        ];
        const PLAIN: [Tag; 3] = [
            tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        ];
        const SEGMENTED: [Tag; 3] = [
            tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            tags::SEGMENTED_GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            tags::SEGMENTED_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        ];
        let table = |n: usize| match dataset.has(PLAIN[n]) {
            true => Table::read(dataset, DESCRIPTORS[n], PLAIN[n], signed),
            false => Table::read_segmented(dataset, DESCRIPTORS[n], SEGMENTED[n], signed),
        };
        let [red, green, blue] = [table(0)?, table(1)?, table(2)?];
        let shape = |table: &Table| (table.first(), table.entries().len());
        if shape(&green) != shape(&red) || shape(&blue) != shape(&red) {
            return Err(TableError::Unequal);
        }
        // Many writers describe 16 bits and fill 8, or the other way round.
        let entries = || red.entries().iter().zip(green.entries()).zip(blue.entries());
        let shift = if entries().any(|((r, g), b)| *r.max(g).max(b) > 255) { 8 } else { 0 };
        let colours = entries().map(|((r, g), b)| [r, g, b].map(|entry| (entry >> shift) as u8)).collect();
        Ok(Self { first: red.first(), colours })
    }

    /// The colour of a stored sample; beyond the table its first or last one.
    #[inline]
    pub(super) fn colour(&self, sample: i32) -> [u8; 3] {
        let place = (i64::from(sample) - i64::from(self.first)).clamp(0, self.colours.len() as i64 - 1);
        self.colours[place as usize]
    }
}
