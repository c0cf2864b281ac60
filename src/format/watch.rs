//! How a long read tells of itself and is stopped.

use crate::volume::Volume;

/// Watches a scan or a load from outside. Called from several threads.
pub trait Watch: Sync {
    /// Whether the work should stop; asked often. It then ends with
    /// [`RefusalCode::Cancelled`](super::RefusalCode::Cancelled).
    fn is_cancelled(&self) -> bool {
        false
    }

    /// How much is done, from 0 to 1.
    fn progress(&self, _done: f64) {}

    /// What a scan has found so far, told a few times a second at most on a fast disk and after every
    /// few hundred files on any.
    fn found(&self, _so_far: &FoundSoFar) {}

    /// Whether [`Self::preview`] does anything; without it no preview is made.
    fn wants_preview(&self) -> bool {
        false
    }

    /// One slice (dims `[i, j, 1]`, at its true place), as soon as it is decoded: of a folder one of what
    /// seems to be its likeliest series while that is still being looked for, then the middle one first
    /// where the file allows that. May come more than once, and of a series that is not the one opened.
    fn preview(&self, _slice: Volume) {}
}

/// What a scan has found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundSoFar {
    /// Files looked at.
    pub files: usize,
    /// DICOM series of which headers were read; one of them may yet turn out to be several.
    pub series: Vec<SeriesSoFar>,
}

/// A series that a scan has come upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesSoFar {
    /// Series Instance UID; may be empty.
    pub id: String,
    /// DICOM modality code; may be empty.
    pub modality: String,
    /// What the file says it is; may be empty.
    pub description: String,
    /// Pictures found of it.
    pub pictures: usize,
}

/// Watches nothing.
pub struct Silent;

impl Watch for Silent {}
