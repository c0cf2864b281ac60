//! Every format against foreign readers, real studies and broken files.

mod commands;
mod conformance;
mod described;
mod dicom;
mod masks;
mod nifti;
mod oracle;
mod photo;
mod watcher;
