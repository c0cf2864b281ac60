//! The system's file dialogs, off the window's thread.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// What is to be picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    /// A file to open.
    File,
    /// A folder to open.
    Folder,
    /// A mask to lay over the open study.
    Segmentation,
    /// A folder to save into.
    SaveFolder,
    /// A folder of studies to work through.
    Worklist,
    /// A form to be asked.
    Form,
    /// Names and colours of labels.
    LabelFile,
    /// Where names and colours of labels are to be written.
    NewLabelFile,
}

impl Pick {
    /// What the dialog asks.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::File => "Open a study",
            Self::Folder => "Open a folder of DICOM files",
            Self::Segmentation => "Lay a segmentation over the study",
            Self::SaveFolder => "Save sidecar and masks into a folder",
            Self::Worklist => "Work through a folder of studies",
            Self::Form => "Ask the questions of a form",
            Self::LabelFile => "Take names and colours of labels",
            Self::NewLabelFile => "Write names and colours of labels",
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Picked {
    Path(PathBuf),
    Cancelled,
    /// This system shows no dialogs: the window asks for a path itself.
    NoDialogs,
}

/// Shows file dialogs.
pub(crate) trait FilePicker {
    /// Asks; the answer comes later and `repaint` wakes the window for it.
    fn pick(&self, what: Pick, repaint: &egui::Context) -> Receiver<Picked>;
}

/// The system's own dialogs.
pub(crate) struct SystemPicker;

/// Without a portal the dialog "is cancelled" at once, faster than any hand.
const TOO_FAST_FOR_HANDS: Duration = Duration::from_millis(250);

impl FilePicker for SystemPicker {
    fn pick(&self, what: Pick, repaint: &egui::Context) -> Receiver<Picked> {
        let (sender, receiver) = channel();
        let repaint = repaint.clone();
        std::thread::spawn(move || {
            let asked = Instant::now();
            let dialog = rfd::FileDialog::new().set_title(what.title());
            let path = match what {
                // DICOM files often have no ending, so that "all files" stands first.
                Pick::File => dialog
                    .add_filter("All files", &["*"])
                    .add_filter("NIfTI", &["nii", "gz", "hdr"])
                    .add_filter("NRRD, MetaImage", &["nrrd", "nhdr", "mha", "mhd"])
                    .add_filter("Photographs", &["png", "jpg", "jpeg", "tif", "tiff"])
                    .pick_file(),
                Pick::Segmentation => dialog
                    .add_filter("Labels", &["nii", "gz", "nrrd", "nhdr", "mha", "mhd", "png", "tif"])
                    .add_filter("All files", &["*"])
                    .pick_file(),
                Pick::LabelFile => dialog
                    .add_filter("Labels", &["label", "txt", "tsv"])
                    .add_filter("All files", &["*"])
                    .pick_file(),
                Pick::NewLabelFile => {
                    dialog.add_filter("Labels", &["label", "txt"]).set_file_name("labels.txt").save_file()
                }
                Pick::Form => dialog.add_filter("Forms", &["json"]).pick_file(),
                Pick::Folder | Pick::SaveFolder | Pick::Worklist => dialog.pick_folder(),
            };
            let picked = match path {
                Some(path) => Picked::Path(path),
                None if asked.elapsed() < TOO_FAST_FOR_HANDS => Picked::NoDialogs,
                None => Picked::Cancelled,
            };
            // The window may be gone by now.
            let _ = sender.send(picked);
            repaint.request_repaint();
        });
        receiver
    }
}
