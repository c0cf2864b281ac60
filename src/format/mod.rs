//! Files that hold studies: recognised by content, opened whole or refused by name.
//!
//! Always true: conventions of files (RAS, row and column order, byte order, per-slice rescale) end
//! here; what leaves is LPS and i fastest; every doubt is a [`Doubt`] with a code, every file that
//! cannot be opened a [`Refusal`] that says why; no input panics, hangs, or takes memory before its
//! size is proven consistent with the file.
//!
//! Must never know: what is drawn on a study, widgets, the GPU.

pub mod dicom;
pub mod nifti;

mod atomic;
mod bulk;
mod doubt;
mod gzip;
mod legible;
mod memory;
mod open;
mod plain_file;
mod stamp;
mod watch;

pub use atomic::write_atomically;
pub use doubt::{Doubt, DoubtCode, Refusal, RefusalCode};
pub use legible::legible;
pub use open::{Scan, Series, SeriesFacts, SeriesSource, Study, load, scan, thumbnail};
pub use plain_file::{open_plain, read_plain};
pub use stamp::Stamp;
pub use watch::{FoundSoFar, SeriesSoFar, Silent, Watch};
