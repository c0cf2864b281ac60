//! A folder of studies as a list of work: what each has come to, and which is next.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};

use egui::{Color32, RichText, ScrollArea, Ui};
use egui_material_icons::MaterialIcon;
use egui_material_icons::icons::{
    ICON_CHECK_CIRCLE, ICON_CLOSE, ICON_HELP, ICON_RADIO_BUTTON_UNCHECKED, ICON_TIMELAPSE,
};

use super::{theme, widgets};
use crate::format::{Scan, SeriesSource, Watch};
use crate::session::Command;
use crate::store::{WorkItem, WorkStatus, worklist};

/// The studies of a folder.
pub(super) struct Worklist {
    folder: PathBuf,
    items: Vec<WorkItem>,
    listing: Option<Receiver<std::io::Result<Vec<WorkItem>>>>,
    stopped: Arc<AtomicBool>,
    trouble: Option<String>,
}

struct Stop(Arc<AtomicBool>);

impl Watch for Stop {
    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whether a folder holds several studies, each in a folder of its own: such are worked through. Of one
/// study the series may lie in folders of their own.
pub(super) fn holds_studies(folder: &Path, scan: &Scan) -> bool {
    let mut places: BTreeMap<String, BTreeSet<OsString>> = BTreeMap::new();
    for series in &scan.series {
        let first = series.source.files().into_iter().next();
        let below = first.as_deref().and_then(|file| file.strip_prefix(folder).ok());
        let mut steps = below.into_iter().flat_map(Path::components);
        let (Some(place), Some(_)) = (steps.next(), steps.next()) else { return false };
        let place = place.as_os_str().to_owned();
        let study = match &series.source {
            SeriesSource::Dicom(dicom) => dicom.study().to_owned(),
            _ => place.to_string_lossy().into_owned(),
        };
        places.entry(study).or_default().insert(place);
    }
    let in_one_place = places.values().all(|places| places.len() == 1);
    in_one_place && places.values().flatten().collect::<BTreeSet<_>>().len() > 1
}

/// What was asked for.
pub(super) enum Wish {
    Open(PathBuf),
    Run(Command),
    Close,
}

impl Worklist {
    /// Begins to list a folder.
    pub(super) fn new(folder: &Path, ctx: &egui::Context) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let mut list =
            Self { folder: folder.to_owned(), items: Vec::new(), listing: None, stopped, trouble: None };
        list.look_again(ctx);
        list
    }

    /// Lists the folder anew, on a thread of its own; until that is done the former list stands.
    pub(super) fn look_again(&mut self, ctx: &egui::Context) {
        let (sender, listing) = channel();
        let (folder, stop, repaint) = (self.folder.clone(), Stop(self.stopped.clone()), ctx.clone());
        std::thread::spawn(move || {
            // The list may be closed by now.
            let _ = sender.send(worklist(&folder, &stop));
            repaint.request_repaint();
        });
        self.listing = Some(listing);
    }

    /// Takes in what the listing has come to.
    pub(super) fn follow(&mut self) {
        let Some(result) = self.listing.as_ref().and_then(|listing| listing.try_recv().ok()) else { return };
        self.listing = None;
        match result {
            Ok(items) => self.items = items,
            Err(error) => self.trouble = Some(error.to_string()),
        }
    }

    /// Whether it lists the study at a path.
    pub(super) fn lists(&self, path: &Path) -> bool {
        self.items.iter().any(|item| item.path == path)
    }

    /// The next study, down or up the list from the one that is open, on which somebody still has to
    /// work.
    pub(super) fn next_undone(&self, open: Option<&Path>, forward: bool) -> Option<&Path> {
        let here = self.items.iter().position(|item| Some(item.path.as_path()) == open);
        let (before, after) = match here {
            Some(here) => (&self.items[..here], &self.items[here + 1..]),
            None if forward => (&[][..], &self.items[..]),
            None => (&self.items[..], &[][..]),
        };
        let undone = |item: &&WorkItem| item.status.is_open();
        let next = if forward { after.iter().find(undone) } else { before.iter().rfind(undone) };
        next.map(|item| item.path.as_path())
    }

    /// Draws the list, at most so high.
    pub(super) fn show(&mut self, ui: &mut Ui, open: Option<&Path>, height: f32) -> Option<Wish> {
        let mut wish = None;
        let settled = self.items.iter().filter(|item| !item.status.is_open()).count();
        let title = format!("Worklist {settled} / {}", self.items.len());
        widgets::section(ui, &title, |ui| {
            if widgets::icon_button(ui, ICON_CLOSE, "Close worklist", "Close the list; no study is closed")
                .clicked()
            {
                wish = Some(Wish::Close);
            }
            if self.listing.is_some() {
                ui.add(egui::Spinner::new().size(12.0)).on_hover_text("The folder is being looked through");
            }
        });
        let colours = theme::palette(ui);
        if let Some(trouble) = &self.trouble {
            ui.label(
                RichText::new(format!("{}: {trouble}", self.folder.display())).small().color(colours.warning),
            );
        }
        let rows = (height - 90.0).max(2.0 * theme::ROW);
        let area = ScrollArea::vertical().id_salt("worklist").max_height(rows).auto_shrink([false, true]);
        area.show(ui, |ui| {
            for item in &self.items {
                let (icon, colour) = sign(item.status, &colours);
                let is_shown = Some(item.path.as_path()) == open;
                let name = format!("Study {}, {}", item.name, item.status.name());
                let (response, ()) = widgets::row(ui, is_shown, &name, |ui| {
                    ui.label(icon.rich_text().size(15.0).color(colour));
                    ui.add(egui::Label::new(&item.name).truncate());
                });
                if response.on_hover_text(format!("{}: {}", item.name, item.status.name())).clicked()
                    && !is_shown
                {
                    wish = Some(Wish::Open(item.path.clone()));
                }
            }
            if self.items.is_empty() && self.listing.is_none() {
                ui.label(RichText::new("This folder holds no studies").small().color(colours.weak));
            }
        });
        ui.horizontal(|ui| {
            for (word, command) in [("Done", Command::StudyDone), ("Next undone", Command::OpenStudy(1))] {
                if ui.button(word).on_hover_text(widgets::tooltip(command)).clicked() {
                    wish = Some(Wish::Run(command));
                }
            }
        });
        wish
    }
}

impl Drop for Worklist {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// A status as a sign: its shape tells it, not its colour alone.
fn sign(status: WorkStatus, colours: &theme::Palette) -> (MaterialIcon, Color32) {
    match status {
        WorkStatus::NotStarted => (ICON_RADIO_BUTTON_UNCHECKED, colours.weak),
        WorkStatus::InProgress => (ICON_TIMELAPSE, colours.accent),
        WorkStatus::Done => (ICON_CHECK_CIRCLE, colours.done),
        WorkStatus::Ambiguous => (ICON_HELP, colours.warning),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_next_is_what_is_not_settled() {
        use WorkStatus::{Ambiguous, Done, InProgress, NotStarted};
        let statuses = [NotStarted, Done, InProgress, Ambiguous, NotStarted];
        let item = |(number, status)| {
            let name = format!("case {number}");
            WorkItem { path: PathBuf::from(&name), name, status }
        };
        let list = Worklist {
            folder: PathBuf::new(),
            items: statuses.into_iter().enumerate().map(item).collect(),
            listing: None,
            stopped: Arc::default(),
            trouble: None,
        };
        let check = |open: Option<&str>, forward: bool, expected: Option<&str>| {
            assert_eq!(
                list.next_undone(open.map(Path::new), forward),
                expected.map(Path::new),
                "{open:?} {forward}"
            );
        };
        check(None, true, Some("case 0"));
        check(None, false, Some("case 4"));
        check(Some("case 0"), true, Some("case 2"));
        check(Some("case 2"), true, Some("case 4"));
        check(Some("case 4"), true, None);
        check(Some("case 4"), false, Some("case 2"));
        check(Some("case 0"), false, None);
    }
}
