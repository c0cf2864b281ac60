//! Pictures of a case by wgpu, each pass with its plain CPU twin.
//!
//! Always true: a [`Renderer`] owns nothing that cannot be rebuilt from a `Case` and a `View`; it
//! pulls what changed, nobody tells it; stored samples reach the shader as the bits the file held,
//! and are interpolated and windowed there in f32 against a reference near the window, so that no
//! device feature and no filter hardware decides how a value looks; every pass has a twin in plain
//! Rust that draws the same picture without an adapter.
//!
//! Must never know: widgets, files other than the PNG it writes, how a case is edited.

mod blit;
mod compute;
mod gpu;
mod growing;
mod image;
mod labels;
mod overlay;
mod passes;
mod picture;
mod projection;
mod renderer;
mod scene;
mod slice;
mod smoothing;
mod threshold;
mod voxels;

use std::sync::Arc;

use crate::segment::Accelerators;

pub use gpu::{AdapterReport, Gpu, GpuError, adapters, device_descriptor};
pub use growing::DeviceGrower;
pub use image::{Image, ImageError};
pub use picture::{Picture, Quality, Subject, draw_on_cpu, picture};
pub use renderer::{Pace, Progress, Renderer};
pub use smoothing::DeviceSmoother;
pub use threshold::Threshold;

/// What a device does faster than processors; nothing where it is one itself.
pub fn accelerators(gpu: &Gpu) -> Accelerators {
    if gpu.adapter().kind == "software" {
        return Accelerators::default();
    }
    Accelerators {
        smoother: DeviceSmoother::new(gpu).map(|smoother| Arc::new(smoother) as _),
        grower: DeviceGrower::new(gpu).map(|grower| Arc::new(grower) as _),
    }
}
