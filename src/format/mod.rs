//! Files that hold studies: recognised by content, opened whole or refused by name.
//!
//! Always true: conventions of files (RAS, row and column order, byte order, per-slice rescale) end
//! here; what leaves is LPS and i fastest; every doubt is a [`Doubt`] with a code, every file that
//! cannot be opened a [`Refusal`] that says why; no input panics, hangs, or takes memory before its
//! size is proven consistent with the file.
//!
//! Must never know: what is drawn on a study, widgets, the GPU.

pub mod dicom;
pub mod itksnap;
pub mod metaimage;
pub mod nifti;
pub mod nrrd;
pub mod photo;

mod atomic;
mod bulk;
mod deflate;
mod described;
mod doubt;
mod gzip;
mod labels;
mod legible;
mod memory;
mod open;
mod plain_file;
mod raw;
mod stamp;
mod text_samples;
mod typed;
mod watch;

pub use atomic::write_atomically;
pub use doubt::{Doubt, DoubtCode, Refusal, RefusalCode};
pub use labels::{Segmentation, read_segmentation};
pub use legible::legible;
pub use open::{Scan, Series, SeriesFacts, SeriesSource, Study, load, scan, thumbnail};
pub use plain_file::{open_plain, read_plain};
pub use stamp::Stamp;
pub use watch::{FoundSoFar, SeriesSoFar, Silent, Watch};
