//! DICOM: files made here byte by byte, and real ones against what other programs say of them.

mod chooser;
mod codestreams;
mod damaged;
mod file;
mod foreign;
mod frames;
mod jpeg;
mod legacy;
mod made;
mod moments;
mod mosaic;
pub(crate) mod real;
mod samples;
mod segmentations;
mod uptake;
mod watched;
