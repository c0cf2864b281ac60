//! Every format against foreign readers, real studies and broken files.

mod dicom;
mod nifti;
mod oracle;
