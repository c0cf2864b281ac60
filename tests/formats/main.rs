//! Every format against foreign readers, real studies and broken files.

mod nifti;
mod oracle;
