//! NIfTI.

pub(crate) mod fixture;
mod opened;
mod refused;
mod sweep;
mod watched;
mod written;
