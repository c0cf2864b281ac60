//! NIfTI.

pub(crate) mod fixture;
mod opened;
mod refused;
pub(crate) mod sweep;
mod watched;
mod written;
