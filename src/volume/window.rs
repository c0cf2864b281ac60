//! The grey-level window.

use serde::{Deserialize, Serialize};

/// Which values are shown from black to white, in rescaled units (HU for CT).
///
/// Applied by the LINEAR_EXACT formula of DICOM PS3.3 C.11.2.1.3.2, which holds for any width above
/// 0; the older LINEAR formula differs by half a grey level and fails below width 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// The value shown as middle grey.
    pub centre: f64,
    /// The distance from black to white, above 0.
    pub width: f64,
}

impl Window {
    /// A window around `centre`; a width that is not above 0 becomes the smallest one.
    pub fn new(centre: f64, width: f64) -> Self {
        let width = if width > 0.0 { width } else { f64::MIN_POSITIVE };
        Self { centre, width }
    }

    /// The window that shows `low` black and `high` white.
    pub fn between(low: f64, high: f64) -> Self {
        let width = (high - low).abs().max(low.abs().max(high.abs()) * 1e-9).max(1e-9);
        Self::new((low + high) / 2.0, width)
    }

    /// 0 for black to 1 for white.
    pub fn brightness(self, value: f64) -> f64 {
        ((value - self.centre) / self.width + 0.5).clamp(0.0, 1.0)
    }

    /// The value shown black.
    pub fn low(self) -> f64 {
        self.centre - self.width / 2.0
    }

    /// The value shown white.
    pub fn high(self) -> f64 {
        self.centre + self.width / 2.0
    }
}

/// A window that the file asks for, with the name it gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct SuggestedWindow {
    /// What the file calls it; never empty.
    pub name: String,
    /// Which values are shown.
    pub window: Window,
}
