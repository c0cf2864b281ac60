//! What one viewport shows, as plain data: a plane, a centre, a zoom, a window.
//!
//! Always true: `screen_from_patient` is computed in f64; the picture is radiological; lengths on
//! screen are true in both directions whatever the voxels' proportions.
//!
//! Must never know: pixels, widgets, the GPU.

mod display;
mod orbit;
mod pane;
mod scale_bar;

pub use display::{Display, Interpolation, OverlayStyle};
pub use orbit::Orbit;
pub use pane::{Pane, SliceSource, View};
pub use scale_bar::{ScaleBar, scale_bar};
