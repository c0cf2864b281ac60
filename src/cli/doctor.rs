//! `annotomy doctor`: what this machine draws and asks with, and how to mend what is missing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::CommandError;
use super::output::{print, print_json};
use crate::case::{Case, MaskWriter, WriteRule};
use crate::geometry::{Affine, AnatomicalPlane, Grid, Point, Vector};
use crate::render::{AdapterReport, Gpu, Picture, adapters, draw_on_cpu, picture};
use crate::view::{Display, Pane, SliceSource};
use crate::volume::{Buffer, Rescale, Samples, Volume, Window};

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

/// The report; scripts rely on its shape.
#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    /// Every adapter the drivers offer.
    adapters: Vec<AdapterReport>,
    /// The one that draws; none where the CPU does.
    chosen: Option<AdapterReport>,
    /// How volumes lie on the adapter.
    texture_path: &'static str,
    /// Device features that are asked for: none, so that no adapter lacks one.
    features: [&'static str; 0],
    environment: BTreeMap<&'static str, Option<String>>,
    checks: Vec<Check>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Check {
    name: &'static str,
    state: State,
    text: String,
    /// What would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Fine,
    /// Works, but less well.
    Limited,
    Missing,
}

const TEXTURE_PATH: &str =
    "stored bits in an integer 3-D texture, interpolated and windowed exactly in the shader";

const VARIABLES: [&str; 8] = [
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XDG_SESSION_TYPE",
    "XDG_CURRENT_DESKTOP",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "WGPU_BACKEND",
    "WGPU_ADAPTER_NAME",
];

/// Looks at everything and reports. What is missing is told, and is no failure of this command.
pub(super) fn run(arguments: &DoctorArgs) -> Result<(), CommandError> {
    let gpu = Gpu::headless();
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        adapters: adapters(),
        chosen: gpu.as_ref().ok().map(|gpu| gpu.adapter().clone()),
        texture_path: TEXTURE_PATH,
        features: [],
        environment: VARIABLES.map(|name| (name, variable(name))).into(),
        checks: vec![
            adapter_check(gpu.as_ref().map(Gpu::adapter).map_err(ToString::to_string)),
            picture_check(gpu.as_ref().ok()),
            display_check(),
            libraries_check(),
            dialogs_check(),
        ],
    };
    if arguments.json { print_json(&report) } else { print(report.in_words().trim_end()) }
}

impl Report {
    fn in_words(&self) -> String {
        let mut lines = vec![format!("annotomy {}", self.version)];
        for adapter in &self.adapters {
            let drawing = if self.chosen.as_ref() == Some(adapter) { ", draws" } else { "" };
            let AdapterReport { name, backend, driver, kind, max_texture_3d, max_texture_2d, .. } = adapter;
            lines.push(format!("  adapter    {name} ({kind}, {backend}, {driver}){drawing}"));
            lines.push(format!(
                "             volumes to {max_texture_3d} voxels a side, pictures to {max_texture_2d} pixels, \
                 buffers to {} MiB",
                adapter.max_buffer_bytes >> 20
            ));
        }
        lines.push(format!("  voxels     {}; no device feature is needed", self.texture_path));
        let set = self.environment.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        lines.extend(set.map(|(name, value)| format!("  variable   {name}={value}")));
        for check in &self.checks {
            let state = match check.state {
                State::Fine => "fine",
                State::Limited => "limited",
                State::Missing => "missing",
            };
            lines.push(format!("  {:<10} {state}: {}", check.name, check.text));
            lines.extend(check.mend.map(|mend| format!("             to mend: {mend}")));
        }
        lines.join("\n")
    }
}

impl Check {
    fn new(name: &'static str, state: State, text: impl Into<String>, mend: Option<&'static str>) -> Self {
        Self { name, state, text: text.into(), mend }
    }
}

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

const INSTALL_DRIVER: &str = "install your adapter's Vulkan driver; on Debian and Ubuntu \
     `apt install mesa-vulkan-drivers` also brings one that needs no graphics card";

fn adapter_check(adapter: Result<&AdapterReport, String>) -> Check {
    match adapter {
        Ok(adapter) if adapter.kind == "software" => Check::new(
            "graphics",
            State::Limited,
            format!("{} draws on the CPU: right, but slower than a graphics card", adapter.name),
            Some("nothing, if this machine has no graphics card; else install its Vulkan driver"),
        ),
        Ok(adapter) => Check::new("graphics", State::Fine, format!("{} draws", adapter.name), None),
        Err(reason) => Check::new("graphics", State::Missing, reason, Some(INSTALL_DRIVER)),
    }
}

/// Draws the same small case by the adapter and by the CPU.
fn picture_check(gpu: Option<&Gpu>) -> Check {
    let name = "pictures";
    let Some(gpu) = gpu else {
        return Check::new(name, State::Limited, "drawn by the CPU, without a window", Some(INSTALL_DRIVER));
    };
    let mend = Some("update the graphics driver, or choose another adapter with WGPU_ADAPTER_NAME");
    let Some((case, wanted)) = small_case() else {
        return Check::new(name, State::Missing, "there is no memory for a small one", None);
    };
    let size = [64, 64];
    match picture(&case, &wanted, size, Some(gpu)) {
        Ok(image) => {
            let expected = draw_on_cpu(&case, &wanted, size);
            let pairs = image.rgba().iter().zip(expected.rgba());
            match pairs.filter(|(a, b)| a.abs_diff(**b) > 2).count() {
                0 => Check::new(name, State::Fine, "the adapter draws what the CPU draws", None),
                wrong => {
                    let text = format!("the adapter draws {wrong} of {} parts wrong", image.rgba().len());
                    Check::new(name, State::Missing, text, mend)
                }
            }
        }
        Err(error) => Check::new(name, State::Missing, error.to_string(), mend),
    }
}

/// A ramp with a labelled block, seen so that no border falls on the middle of a pixel.
fn small_case() -> Option<(Case, Picture)> {
    let dims = [12, 10, 4];
    let axes = [[2.0, 0.0, 0.0], [0.0, 2.5, 0.0], [0.0, 0.0, 5.0]].map(Vector::from);
    let grid =
        Grid::new(dims, Affine::from_axes(axes[0], axes[1], axes[2], Point::ORIGIN).ok()?, None).ok()?;
    let ramp: Vec<i16> = (0..grid.voxel_count() as i16).map(|place| place - 200).collect();
    let samples = Samples::I16(Buffer::from_slice(&ramp).ok()?);
    let volume = Volume::new(grid.clone(), 1, samples, Rescale::NONE).ok()?;
    let mut case = Case::new(Arc::new(volume));
    let mut writer = MaskWriter::new(&case, 0, WriteRule::paint(1))?;
    for j in 3..7 {
        writer.write_run(4..9, j, 2);
    }
    let painted = writer.finish()?;
    case.apply(&painted).ok()?;
    let size = [64.0, 64.0];
    let pane =
        Pane { plane: AnatomicalPlane::Axial, centre: Point::new(11.03, 11.07, 10.0), pixels_per_mm: 2.17 };
    let view = pane.view(SliceSource::Acquisition, &grid, Point::new(11.0, 11.0, 10.0), size);
    Some((case, Picture::slice(view, Display::with_window(Window::new(0.0, 400.0)))))
}

fn display_check() -> Check {
    let name = "display";
    if !cfg!(target_os = "linux") {
        return Check::new(name, State::Fine, "the system's own", None);
    }
    let mend = Some("start from a desktop session, or without a screen by `xvfb-run -a annotomy`");
    if let Some(wayland) = variable("WAYLAND_DISPLAY") {
        let socket = variable("XDG_RUNTIME_DIR")
            .map_or(PathBuf::from(&wayland), |folder| Path::new(&folder).join(&wayland));
        if socket.exists() {
            return Check::new(name, State::Fine, format!("Wayland, {wayland}"), None);
        }
    }
    let Some(display) = variable("DISPLAY") else {
        let text =
            "neither DISPLAY nor WAYLAND_DISPLAY leads to a screen; commands work, the window cannot open";
        return Check::new(name, State::Missing, text, mend);
    };
    // `:1` is a socket of this machine, `host:1` is not.
    let number = display.strip_prefix(':').map(|rest| rest.split('.').next().unwrap_or(rest));
    match number.map(|number| Path::new("/tmp/.X11-unix").join(format!("X{number}"))) {
        Some(socket) if !socket.exists() => {
            Check::new(name, State::Missing, format!("nothing listens on DISPLAY {display}"), mend)
        }
        _ => Check::new(name, State::Fine, format!("X11, {display}"), None),
    }
}

/// Libraries that a window loads while it opens, so that no linker has asked for them.
const LIBRARIES: [&str; 6] = [
    "libX11.so.6",
    "libX11-xcb.so.1",
    "libXcursor.so.1",
    "libXi.so.6",
    "libxkbcommon.so.0",
    "libxkbcommon-x11.so.0",
];

fn libraries_check() -> Check {
    let name = "libraries";
    if !cfg!(target_os = "linux") {
        return Check::new(name, State::Fine, "the system's own", None);
    }
    let folders = library_folders();
    let is_there = |library: &str| folders.iter().any(|folder| folder.join(library).exists());
    let missing: Vec<&str> = LIBRARIES.into_iter().filter(|library| !is_there(library)).collect();
    if missing.is_empty() {
        return Check::new(name, State::Fine, "all that a window loads are there", None);
    }
    let mend = "on Debian and Ubuntu: apt install libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon0 libxkbcommon-x11-0";
    Check::new(name, State::Missing, format!("not found: {}", missing.join(", ")), Some(mend))
}

fn library_folders() -> Vec<PathBuf> {
    let told = variable("LD_LIBRARY_PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&told).collect();
    for folder in ["/lib", "/usr/lib", "/usr/local/lib", "/lib64", "/usr/lib64"].map(PathBuf::from) {
        // Debian keeps libraries in a folder for each architecture.
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        folders.extend(entries.filter(|path| path.to_string_lossy().ends_with("-linux-gnu")));
        folders.push(folder);
    }
    folders
}

fn dialogs_check() -> Check {
    let name = "dialogs";
    if !cfg!(target_os = "linux") {
        return Check::new(name, State::Fine, "the system's own", None);
    }
    let instead = "the window asks for paths in a field of its own";
    let mend = Some("on Debian and Ubuntu: apt install xdg-desktop-portal xdg-desktop-portal-gtk");
    let told = variable("XDG_DATA_DIRS").unwrap_or_else(|| "/usr/local/share:/usr/share".to_owned());
    let portals: Vec<String> = std::env::split_paths(&told)
        .filter_map(|folder| std::fs::read_dir(folder.join("xdg-desktop-portal/portals")).ok())
        .flat_map(|entries| entries.flatten())
        .map(|entry| entry.path().with_extension("").file_name().unwrap_or_default().to_string_lossy().into())
        .collect();
    let has_bus = variable("DBUS_SESSION_BUS_ADDRESS").is_some()
        || variable("XDG_RUNTIME_DIR").is_some_and(|folder| Path::new(&folder).join("bus").exists());
    match (portals.is_empty(), has_bus) {
        (false, true) => Check::new(name, State::Fine, format!("by portal: {}", portals.join(", ")), None),
        (false, false) => {
            let text = format!("there is a portal but no session bus; {instead}");
            Check::new(
                name,
                State::Limited,
                text,
                Some("start from a desktop session, or by `dbus-run-session`"),
            )
        }
        (true, _) => Check::new(name, State::Limited, format!("there is no portal; {instead}"), mend),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lack_comes_with_its_mend() {
        let no_adapter = adapter_check(Err("no graphics adapter was found".into()));
        let checks = [no_adapter, picture_check(None), display_check(), libraries_check(), dialogs_check()];
        for check in checks {
            assert_eq!(check.mend.is_some(), check.state != State::Fine, "{check:?}");
            assert!(!check.text.is_empty());
        }
    }

    #[test]
    fn the_small_case_shows_both_grey_and_label() {
        let (case, wanted) = small_case().expect("memory");
        let image = draw_on_cpu(&case, &wanted, [64, 64]);
        let is_grey = |pixel: &[u8]| pixel[0] == pixel[1] && pixel[1] == pixel[2];
        assert!(image.rgba().chunks(4).any(|pixel| is_grey(pixel) && pixel[0] > 0));
        assert!(image.rgba().chunks(4).any(|pixel| !is_grey(pixel)));
    }
}
