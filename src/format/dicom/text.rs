//! Texts in the character set the file names (PS3.3 C.12.1.1.2).

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_encoding::text::{SpecificCharacterSet, TextCodec};

use super::dataset::DataSet;
use crate::format::legible;

const ESCAPE: u8 = 0x1b;

/// The text of an element, without padding and control characters; empty where there is none.
///
/// Where several character sets are named (ISO 2022), the second one reads a text that switches sets
/// and the first one any other.
pub(super) fn text(dataset: &DataSet<'_>, tag: Tag) -> String {
    let Some(bytes) = dataset.bytes(tag) else {
        return String::new();
    };
    let names = dataset.texts(tags::SPECIFIC_CHARACTER_SET);
    let chosen = if bytes.contains(&ESCAPE) { names.get(1).or(names.first()) } else { names.first() };
    let charset = chosen.and_then(|name| SpecificCharacterSet::from_code(name)).unwrap_or_default();
    let decoded = charset.decode(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned());
    let text: String = decoded.chars().filter(|c| !c.is_control()).collect();
    legible(text.trim()).into_owned()
}
