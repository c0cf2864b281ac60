//! One JPEG or JPEG 2000 frame, decoded by dicom-pixeldata as the only picture of an object of its own.
//!
//! Always true: what comes out is what the codestream's decoder made, components of a colour side by
//! side, 16-bit samples little-endian.
//!
//! Must never know: files, what samples mean. It is for its caller to hold the codestream's own header
//! against the layout first: dicom-pixeldata panics where a frame is greater, and fills up with zeroes
//! where it is smaller.

use dicom_core::{DataElement, PrimitiveValue, VR, value::PixelFragmentSequence};
use dicom_dictionary_std::tags;
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use dicom_pixeldata::PixelDecoder;

use super::layout::{Layout, Number};

/// Decodes `frame`, written in the transfer syntax `uid`, to samples of `bits` bits, 8 or 16; else says
/// what is wrong with it.
pub(super) fn decode(frame: &[u8], uid: &str, layout: &Layout, bits: u16) -> Result<Vec<u8>, String> {
    let word = |tag, value: u16| DataElement::new(tag, VR::US, PrimitiveValue::from(value));
    let bits_stored = layout.bits_stored.min(bits);
    let photometric = if layout.stored_components() == 1 { "MONOCHROME2" } else { "RGB" };
    let fragments = PixelFragmentSequence::new_fragments(vec![frame.to_vec()]);
    let object = InMemDicomObject::from_element_iter([
        // Rows and Columns were words in the file, too.
        word(tags::ROWS, layout.rows as u16),
        word(tags::COLUMNS, layout.columns as u16),
        word(tags::SAMPLES_PER_PIXEL, layout.stored_components() as u16),
        word(tags::BITS_ALLOCATED, bits),
        word(tags::BITS_STORED, bits_stored),
        word(tags::HIGH_BIT, bits_stored - 1),
        word(tags::PIXEL_REPRESENTATION, (layout.number == Number::Signed).into()),
        DataElement::new(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, PrimitiveValue::from(photometric)),
        DataElement::new(tags::PIXEL_DATA, VR::OB, fragments),
    ]);
    let meta = FileMetaTableBuilder::new()
        .media_storage_sop_class_uid("")
        .media_storage_sop_instance_uid("")
        .transfer_syntax(uid);
    let object = object.with_meta(meta).map_err(|error| cause(&error))?;
    let decoded = object.decode_pixel_data_frame(0).map_err(|error| cause(&error))?;
    Ok(decoded.into_data())
}

/// Whether dicom-pixeldata takes a frame for an attack on memory, as it does any of 16 MiB or more that
/// is compressed over 64 times: a blank mammogram is.
pub(super) fn is_too_dense(frame: &[u8], decoded_bytes: usize) -> bool {
    decoded_bytes >= 16 << 20 && frame.len() < decoded_bytes / 64
}

/// The error at the bottom, which is the decoder's own.
fn cause(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).last().unwrap_or(error).to_string()
}
