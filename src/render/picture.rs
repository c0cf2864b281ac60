//! What a picture shows, and pictures drawn without a window.

use super::gpu::{Gpu, GpuError};
use super::image::Image;
use super::renderer::{Pace, Renderer};
use super::scene::Scene;
use super::threshold::{self, Threshold};
use super::{labels, overlay, projection, slice};
use crate::case::Case;
use crate::view::{Display, Orbit, View};

/// One picture of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// What is looked at.
    pub subject: Subject,
    /// How values and labels are shown.
    pub display: Display,
    /// A label that stands out while all others are dimmed.
    pub highlight: Option<u16>,
    /// A threshold that is tried out, seen on slices.
    pub threshold: Option<Threshold>,
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// A slice, as a viewport shows it.
    Slice(View),
    /// The greatest value along each line of sight, with the labels inside.
    Projection {
        /// Where the viewer stands.
        orbit: Orbit,
        /// Width and height of the viewport in logical pixels.
        size: [f64; 2],
        /// Whether it may take its time.
        quality: Quality,
    },
}

/// How much work a projection is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// Every voxel along a line of sight, every pixel.
    Fine,
    /// At rest on a software adapter: longer steps, one pixel for four.
    Medium,
    /// While the hand turns it: longer steps, one pixel for nine.
    Coarse,
}

impl Quality {
    /// The greatest count of steps along a line of sight.
    pub(super) fn most_steps(self) -> u32 {
        match self {
            Self::Fine => 1024,
            Self::Medium => 256,
            Self::Coarse => 128,
        }
    }

    /// The same where labels are looked for: a label one voxel thick is not stepped over but while the
    /// hand turns it.
    pub(super) fn most_label_steps(self) -> u32 {
        match self {
            Self::Fine | Self::Medium => 4096,
            Self::Coarse => 256,
        }
    }

    /// Window pixels along the edge of one pixel of the picture.
    pub(super) fn magnification(self) -> u32 {
        match self {
            Self::Fine => 1,
            Self::Medium => 2,
            Self::Coarse => 3,
        }
    }
}

impl Picture {
    /// Window pixels along the edge of one pixel of the picture.
    pub(super) fn magnification(&self) -> u32 {
        match &self.subject {
            Subject::Slice(_) => 1,
            Subject::Projection { quality, .. } => quality.magnification(),
        }
    }

    /// A slice with nothing standing out.
    pub fn slice(view: View, display: Display) -> Self {
        Self { subject: Subject::Slice(view), display, highlight: None, threshold: None }
    }

    /// A fine projection with nothing standing out.
    pub fn projection(orbit: Orbit, size: [f64; 2], display: Display) -> Self {
        let subject = Subject::Projection { orbit, size, quality: Quality::Fine };
        Self { subject, display, highlight: None, threshold: None }
    }
}

/// The picture of a case in `size` pixels, whatever the viewport's logical size: by the device where
/// there is one, else by the CPU.
pub fn picture(case: &Case, picture: &Picture, size: [u32; 2], gpu: Option<&Gpu>) -> Result<Image, GpuError> {
    let Some(gpu) = gpu else { return Ok(draw_on_cpu(case, picture, size)) };
    let mut renderer = Renderer::new(gpu.clone(), wgpu::TextureFormat::Rgba8Unorm);
    renderer.sync(case, picture.display.time, Pace::Whole);
    renderer.prepare_pane(0, picture, size);
    renderer.read_pane(0)
}

/// The picture of a case in `size` pixels, drawn by the CPU: the twin of what the device draws.
pub fn draw_on_cpu(case: &Case, picture: &Picture, size: [u32; 2]) -> Image {
    let volume = case.volume();
    let scene = Scene::new(volume, picture, size);
    let time = picture.display.time.min(volume.times() - 1);
    let mut image = Image::filled(scene.size, [0, 0, 0, 255]);
    let colours = labels::colours(case.scheme());
    match &picture.subject {
        Subject::Slice(_) => {
            slice::draw_on_cpu(volume, time, &scene, &mut image);
            for layer in case.shown_layers() {
                overlay::draw_on_cpu(layer, &colours, &scene, &mut image);
            }
            if let Some(threshold) = &picture.threshold {
                threshold::draw_on_cpu(case, threshold, time, &scene, &mut image);
            }
        }
        Subject::Projection { .. } => {
            let layers: Vec<_> = case.shown_layers().collect();
            projection::draw_on_cpu(volume, time, &layers, &colours, &scene, &mut image);
        }
    }
    image
}
