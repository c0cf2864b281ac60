//! The window: one of the two faces of a session.
//!
//! Always true: everything that changes a case goes through [`Session`](crate::session::Session);
//! nothing that may take long runs on the window's thread; every control has a name that screen
//! readers say.
//!
//! Must never know: the command line.

mod app;
mod bars;
mod canvas;
mod captions;
mod dialogs;
mod file_picker;
mod fuzzy;
mod held_keys;
mod in_order;
mod jobs;
mod key_sheet;
mod palette;
mod panels;
mod pictures;
mod samples;
mod settings;
mod shelf;
mod shortcuts;
mod slice_bar;
mod theme;
mod tool_marks;
mod welcome;
mod wheel;
mod widgets;
mod worklist;

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use settings::{Place, Settings};

pub use app::App;
pub use pictures::device_options;

/// What the window begins with.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// A study to open at once: a file, a folder, or a sidecar.
    pub path: Option<PathBuf>,
    /// A mask to lay over it.
    pub mask: Option<PathBuf>,
    /// Names and colours of the labels: an ITK-SNAP label file or a BIDS table.
    pub labels: Option<PathBuf>,
    /// A folder of studies to work through.
    pub worklist: Option<PathBuf>,
    /// Where settings are kept, if not in the system's place.
    pub settings: Option<PathBuf>,
    /// Leaves settings and journals as they are, for demonstrations and tests; a file that `settings`
    /// names is read and written all the same.
    pub leaves_no_traces: bool,
}

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
#[error("no window could be opened: {0}; run `annotomy doctor` to see what is missing")]
pub struct WindowError(String);

/// Opens the window and stays in it until the person leaves.
///
/// When the graphics device is lost, the window is made anew on a fresh device with the same state.
pub fn run(start: Start) -> Result<(), WindowError> {
    let has_display =
        || ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(|name| std::env::var_os(name).is_some());
    if cfg!(all(unix, not(target_os = "macos"))) && !has_display() {
        let text = "there is no display, neither DISPLAY nor WAYLAND_DISPLAY is set (the commands of `annotomy --help` need none)";
        return Err(WindowError(text.to_owned()));
    }
    let kept: Rc<RefCell<Option<App>>> = Rc::default();
    let mut place = match (start.leaves_no_traces, &start.settings) {
        (true, None) => None,
        (_, file) => Settings::load(file.clone()).window,
    };
    let mut start = Some(start);
    loop {
        let plain = egui::ViewportBuilder::default()
            .with_title("Annotomy")
            .with_app_id("annotomy")
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([700.0, 480.0])
            .with_drag_and_drop(true);
        let options = eframe::NativeOptions {
            viewport: match place.take() {
                Some(Place { at, size, maximized }) => {
                    plain.with_position(at).with_inner_size(size).with_maximized(maximized)
                }
                None => plain,
            },
            renderer: eframe::Renderer::Wgpu,
            wgpu_options: pictures::device_options(),
            run_and_return: true,
            ..Default::default()
        };
        let keep = kept.clone();
        let before = kept.borrow_mut().take();
        let start = start.take().unwrap_or_default();
        let make = move |cc: &eframe::CreationContext<'_>| -> Result<Box<dyn eframe::App>, _> {
            cc.egui_ctx.add_plugin(wheel::Wheel::of_this_screen());
            let app = match before {
                Some(app) => app.on_new_window(&cc.egui_ctx),
                None => App::new(&cc.egui_ctx, start),
            };
            Ok(Box::new(app.kept_in(keep)))
        };
        eframe::run_native("Annotomy", options, Box::new(make))
            .map_err(|error| WindowError(error.to_string()))?;
        if kept.borrow().is_none() {
            return Ok(());
        }
        tracing::warn!("the graphics device was lost; the window is made anew");
    }
}
