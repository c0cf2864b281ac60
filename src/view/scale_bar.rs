//! The scale bar.

use super::View;

/// A bar of a round length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleBar {
    /// Its length in the patient, in millimetres: 1, 2 or 5 times a power of ten.
    pub mm: f64,
    /// Its length on screen, in logical pixels.
    pub pixels: f64,
}

/// The longest round bar of at most a quarter of the viewport's width.
pub fn scale_bar(view: &View) -> ScaleBar {
    let longest = view.size[0] / 4.0 / view.pixels_per_mm;
    let decade = 10f64.powf(longest.log10().floor());
    let mm = [5.0, 2.0].into_iter().map(|step| step * decade).find(|mm| *mm <= longest).unwrap_or(decade);
    ScaleBar { mm, pixels: mm * view.pixels_per_mm }
}
