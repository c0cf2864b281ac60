//! A case on disk: sidecar, masks, table of labels.
//!
//! Always true: whenever the machine stops, opening finds either all of the last save or all of the
//! one before; no mask takes its place before it was read again by other code than wrote it and found
//! to lie where the study lies ([`Receipt`]); nobody's work is written over unasked, neither marks of
//! a study that changed, nor what another program saved since, nor a foreign file of the same name.
//!
//! Must never know: windows, tools, the clock (times are handed in).

mod attic;
mod disk;
mod fingerprint;
mod frames;
mod journal;
mod names;
mod open;
mod receipt;
mod reread;
mod save;
mod sidecar;
mod study;
mod table;
mod verify;
mod worklist;

pub use attic::DiskAttic;
pub use disk::{Disk, LocalDisk};
pub use fingerprint::Digest;
pub use journal::{
    FoundJournal, Journal, JournalDraft, JournalError, JournalMark, JournalStart, Unsaved, find_journal,
    set_aside,
};
pub use names::CaseFiles;
pub use open::{MarksError, Notice, SavedMarks, find_marks, open_sidecar};
pub use receipt::{LayerReceipt, Mismatch, Probe, Receipt};
pub use save::{Overwrite, SaveError, SaveRequest, Saved, Seen, save, save_on};
pub use sidecar::Signature;
pub use study::{StudyChange, StudyChanges, StudyIdentity};
pub use table::{read_scheme, scheme_beside, write_label_file};
pub use verify::{Check, Verification, verify};
pub use worklist::{WorkItem, WorkStatus, worklist};
