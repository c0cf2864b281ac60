//! Numbers from samples and labels.
//!
//! Always true: they are computed when they are asked for, and are no part of a case.
//!
//! Must never know: who asks, disk.

mod region;

pub use region::{RegionValues, values_in};
