//! How values and labels are shown, the same in every pane.

use serde::{Deserialize, Serialize};

use crate::volume::Window;

/// How a value between voxel centres is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interpolation {
    /// Trilinear between the eight voxels around.
    Smooth,
    /// The value of the voxel whose cell holds the point.
    Nearest,
}

/// What of the label overlay is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverlayStyle {
    /// Whether any of it is.
    pub shown: bool,
    /// Opacity of the fill, 0 to 1.
    pub fill: f64,
    /// Width of the outline in logical pixels, inside the label's border; 0 for none.
    pub outline: f64,
}

/// How values and labels are shown, the same in every pane.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Display {
    /// Which values run from black to white.
    pub window: Window,
    /// Whether black and white are exchanged.
    pub inverted: bool,
    /// How a value between voxel centres is shown.
    pub interpolation: Interpolation,
    /// How labels are shown.
    pub overlay: OverlayStyle,
    /// The point on the time axis that is shown.
    pub time: usize,
}

impl Display {
    /// The way a study is shown at first.
    pub fn with_window(window: Window) -> Self {
        Self {
            window,
            inverted: false,
            interpolation: Interpolation::Smooth,
            overlay: OverlayStyle { shown: true, fill: 0.35, outline: 2.0 },
            time: 0,
        }
    }
}
