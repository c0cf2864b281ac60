//! Every format against foreign readers, real studies and broken files.

mod commands;
mod described;
mod dicom;
mod masks;
mod nifti;
mod oracle;
mod photo;
