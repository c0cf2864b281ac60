//! DICOM: files made here byte by byte, and real ones against what other programs say of them.

mod file;
mod jpeg;
mod made;
pub(crate) mod real;
