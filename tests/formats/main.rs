//! Every format against foreign readers, real studies and broken files.

mod commands;
mod nifti;
mod oracle;
