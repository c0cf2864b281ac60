//! One notch of the wheel counts once.
//!
//! To an X server without scroll axes (Xvfb, Xvnc) a notch is a button that goes down and comes up, and winit
//! 0.30 tells both as a notch; where a device has scroll axes it tells each notch once.

use egui::{Context, Event, MouseWheelUnit, Plugin, RawInput};

/// Halves notches that are told twice.
#[derive(Debug)]
pub(super) struct Wheel {
    told_per_notch: f32,
}

impl Wheel {
    /// Asks the X server, where the window is one of its.
    pub(super) fn of_this_screen() -> Self {
        Self { told_per_notch: if has_buttons_for_notches() { 2.0 } else { 1.0 } }
    }
}

impl Plugin for Wheel {
    fn debug_name(&self) -> &'static str {
        "one notch counts once"
    }

    fn input_hook(&mut self, _: &Context, input: &mut RawInput) {
        for event in &mut input.events {
            if let Event::MouseWheel { unit: MouseWheelUnit::Line, delta, .. } = event {
                *delta /= self.told_per_notch;
            }
        }
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
fn has_buttons_for_notches() -> bool {
    use x11rb::protocol::xinput::{ConnectionExt as _, Device, DeviceClassData};

    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("WAYLAND_DISPLAY") || !is_set("DISPLAY") {
        return false;
    }
    let has_scroll_axes = || -> Option<bool> {
        let (server, _) = x11rb::connect(None).ok()?;
        server.xinput_xi_query_version(2, 2).ok()?.reply().ok()?;
        let devices = server.xinput_xi_query_device(Device::ALL).ok()?.reply().ok()?;
        let mut classes = devices.infos.iter().flat_map(|device| &device.classes);
        Some(classes.any(|class| matches!(class.data, DeviceClassData::Scroll(_))))
    };
    // Who cannot be asked is taken for a usual screen.
    !has_scroll_axes().unwrap_or(true)
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn has_buttons_for_notches() -> bool {
    false
}
