//! Every format against foreign readers, real studies and broken files.

mod commands;
mod conformance;
mod dicom;
mod nifti;
mod oracle;
