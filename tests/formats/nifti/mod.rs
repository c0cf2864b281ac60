//! NIfTI.

mod sweep;
mod written;
