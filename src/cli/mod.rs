//! The headless face: one command per file, each with `--help`, exit 0, 1 (failed) or 2 (bad usage),
//! and errors as one line on standard error that names the file and what would help (where a series has to
//! be chosen, a line for each follows).
//!
//! Must never know: the window.

mod apply;
mod compare;
mod convert;
mod csv;
#[cfg(feature = "desktop")]
mod doctor;
mod info;
mod output;
mod recover;
#[cfg(feature = "desktop")]
mod render;
mod stats;
mod verify;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::format::{Refusal, legible};
use crate::store::MarksError;

/// Annotate medical images at their true geometry.
///
/// Without a command the window opens on PATH.
#[derive(Debug, Parser)]
#[command(name = "annotomy", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    window: WindowArgs,
}

/// What the window opens with; the letters are ITK-SNAP's.
#[derive(Clone, Debug, Default, Args)]
pub struct WindowArgs {
    /// Studies: a DICOM, NIfTI, NRRD or MetaImage file, a photograph, or a folder
    pub paths: Vec<PathBuf>,
    /// The study to open
    #[arg(short = 'g', value_name = "IMAGE")]
    pub image: Option<PathBuf>,
    /// Labels to lay over it: NIfTI, NRRD or MetaImage
    #[arg(short = 's', value_name = "SEGMENTATION")]
    pub segmentation: Option<PathBuf>,
    /// Names and colours of the labels: an ITK-SNAP label file or a BIDS table
    #[arg(short = 'l', value_name = "LABELS")]
    pub labels: Option<PathBuf>,
    /// Studies to lay over it
    #[arg(short = 'o', value_name = "OVERLAY", num_args = 1..)]
    pub overlays: Vec<PathBuf>,
}

/// The headless commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell what a study is: series, geometry, values, and everything doubtful
    Info(info::InfoArgs),
    /// Write a study's volume as NIfTI with its exact geometry
    Convert(convert::ConvertArgs),
    /// Make steps with the window's own tools and save what they draw
    Apply(apply::ApplyArgs),
    /// Measure the labels of a case: volume, values, shape, diameters
    Stats(stats::StatsArgs),
    /// Tell how far two label maps agree: Dice, IoU, volumes, surface distances
    Compare(compare::CompareArgs),
    /// Tell what unsaved steps a journal holds, and save them as a case
    Recover(recover::RecoverArgs),
    /// Draw a picture of a study as the window would
    #[cfg(feature = "desktop")]
    Render(render::RenderArgs),
    /// Tell what this machine draws with, what it lacks, and how to mend that
    #[cfg(feature = "desktop")]
    Doctor(doctor::DoctorArgs),
    /// Prove again that a saved case's masks lie on its study and hold what was painted
    Verify(verify::VerifyArgs),
}

/// What the arguments ask for.
#[derive(Debug)]
pub enum Invocation {
    /// A headless command.
    Command(Command),
    /// The window.
    Window(WindowArgs),
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The arguments contradict each other or the study.
    #[error("{0}")]
    Usage(String),
    /// Of several series none was named, or one that is not there.
    #[error("{}: {text}; choose one with --series ID", path.display())]
    WhichSeries {
        /// The file or folder.
        path: PathBuf,
        /// What was asked for.
        text: String,
        /// What there is, one series a line.
        there: Vec<String>,
    },
    /// A study could not be opened.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A folder holds studies and none of them could be opened.
    #[error("{}: none of its {count} studies can be opened, such as {first}", path.display())]
    NoneOpened {
        /// The folder.
        path: PathBuf,
        /// How many were refused.
        count: usize,
        /// Why the first one was.
        first: String,
    },
    /// A case could not be opened.
    #[error(transparent)]
    NotOpened(#[from] crate::session::OpenError),
    /// A file of steps cannot be used.
    #[error("{}: {text}; see annotomy apply --help", path.display())]
    BadScript {
        /// The file.
        path: PathBuf,
        /// Why not.
        text: String,
    },
    /// A step could not be made. Nothing was written.
    #[error("{}: step {number} could not be made: {text}", path.display())]
    Step {
        /// The file of steps.
        path: PathBuf,
        /// Which step, counted from 1.
        number: usize,
        /// Why not.
        text: String,
    },
    /// A journal cannot be read or kept.
    #[error(transparent)]
    Journal(#[from] crate::store::JournalError),
    /// A journal holds steps that were never saved.
    #[error("{}: holds {steps} unsaved step(s); save them with annotomy recover CASE --out DIR, then remove the file", path.display())]
    LeftBehind {
        /// The journal.
        path: PathBuf,
        /// How many.
        steps: usize,
    },
    /// A case could not be saved.
    #[error(transparent)]
    NotSaved(#[from] crate::store::SaveError),
    /// A saved case could not be opened.
    #[error(transparent)]
    Marks(#[from] MarksError),
    /// A saved case and its study do not agree.
    #[error("{}: does not agree with its study: {text}", path.display())]
    Disagrees {
        /// The sidecar.
        path: PathBuf,
        /// The first disagreement.
        text: String,
    },
    /// There is nothing to measure.
    #[error("{}: holds no labels; mark some, or name a file of labels", path.display())]
    NoLabels {
        /// The case or mask.
        path: PathBuf,
    },
    /// Two label maps do not have the same voxels.
    #[error("{}: does not have the voxels of {}: {text}; save both on one grid, such as by laying them over the same study", path.display(), other.display())]
    OtherGrid {
        /// The second map.
        path: PathBuf,
        /// The first map.
        other: PathBuf,
        /// What differs.
        text: String,
    },
    /// Surfaces could not be compared.
    #[error(transparent)]
    Apart(#[from] crate::measure::ApartError),
    /// A file could not be written.
    #[error("{}: cannot be written: {error}; choose a folder that can be written to", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// A picture could not be drawn.
    #[cfg(feature = "desktop")]
    #[error(transparent)]
    NotDrawn(#[from] crate::render::GpuError),
    /// Standard output could not be written.
    #[error("standard output cannot be written: {0}")]
    Output(io::Error),
}

impl CommandError {
    fn unwritable(path: &Path, error: io::Error) -> Self {
        Self::Unwritable { path: path.to_owned(), error }
    }

    /// 1 for what failed, 2 for what was asked wrongly.
    fn exit_code(&self) -> ExitCode {
        ExitCode::from(
            if matches!(self, Self::Usage(_) | Self::WhichSeries { .. } | Self::BadScript { .. }) {
                BAD_USAGE
            } else {
                FAILED
            },
        )
    }
}

const FAILED: u8 = 1;
const BAD_USAGE: u8 = 2;

/// Reads the program's arguments, its own name first. Where they ask for help, or make no sense,
/// that has been answered and the exit code is all that is left to do.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, ExitCode> {
    match Cli::try_parse_from(arguments) {
        Ok(Cli { command: Some(command), .. }) => Ok(Invocation::Command(command)),
        Ok(Cli { command: None, window }) => Ok(Invocation::Window(window)),
        Err(error) if !error.use_stderr() => {
            // Help that nobody reads to its end is no failure.
            let _ = error.print();
            Err(ExitCode::SUCCESS)
        }
        Err(error) => {
            complain(&in_one_line(&error));
            Err(ExitCode::from(BAD_USAGE))
        }
    }
}

impl Command {
    /// Runs the command and tells its errors; gives the exit code.
    pub fn run(&self) -> ExitCode {
        let done = match self {
            Self::Info(arguments) => info::run(arguments),
            Self::Convert(arguments) => convert::run(arguments),
            Self::Apply(arguments) => apply::run(arguments),
            Self::Stats(arguments) => stats::run(arguments),
            Self::Compare(arguments) => compare::run(arguments),
            Self::Recover(arguments) => recover::run(arguments),
            #[cfg(feature = "desktop")]
            Self::Render(arguments) => render::run(arguments),
            #[cfg(feature = "desktop")]
            Self::Doctor(arguments) => doctor::run(arguments),
            Self::Verify(arguments) => verify::run(arguments),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                complain(&error.to_string());
                if let CommandError::WhichSeries { there, .. } = &error {
                    there.iter().for_each(|line| eprintln!("  {}", legible(line)));
                }
                error.exit_code()
            }
        }
    }
}

/// Series beyond so many are told by their number.
const MOST_LISTED: usize = 40;

/// One line on standard error.
fn complain(text: &str) {
    eprintln!("annotomy: {}", legible(&text.replace(['\n', '\r'], " ")));
}

/// One line on standard error about something that was done all the same.
fn warn(text: &str) {
    complain(&format!("warning: {text}"));
}

/// What clap says in several paragraphs: the complaint, its details, and where to read more.
fn in_one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    format!("{}; see annotomy --help", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Invocation, ExitCode> {
        parse(std::iter::once(&"annotomy").chain(arguments).map(OsString::from))
    }

    #[test]
    fn the_definition_is_sound() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn without_a_command_the_window_opens_and_takes_the_letters_of_itk_snap() {
        let Ok(Invocation::Window(window)) =
            parsed(&["-g", "ct.nii.gz", "-s", "mask.nii.gz", "-l", "labels.txt", "-o", "pet.nii", "fat.nii"])
        else {
            panic!("not a window");
        };
        assert_eq!(window.image.as_deref(), Some(Path::new("ct.nii.gz")));
        assert_eq!(window.overlays.len(), 2);
        assert!(matches!(parsed(&["a.nii", "b"]), Ok(Invocation::Window(window)) if window.paths.len() == 2));
        assert!(matches!(parsed(&["info", "a.nii"]), Ok(Invocation::Command(Command::Info(_)))));
    }

    #[test]
    fn wrong_arguments_are_answered_in_one_line() {
        let error = Cli::try_parse_from(["annotomy", "convert", "in.nii"]).expect_err("no OUT");
        let line = in_one_line(&error);
        assert!(line.contains("<OUT>") && line.ends_with("see annotomy --help"), "{line}");
        assert!(!line.contains('\n'));
    }
}
