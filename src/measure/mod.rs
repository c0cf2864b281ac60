//! Numbers from masks: what a label holds and where, how far two masks agree, and surfaces.
//!
//! Always true: distances are millimetres and volumes cubic millimetres; every definition that
//! differs between programs has a name and says whose it is; a number that does not exist is `None`
//! and says why, never NaN; the same input gives the same bits, whatever the threads.
//!
//! Must never know: disk, clock, who asks.

mod apart;
mod cubes;
mod diameter;
mod eigen;
mod lattice;
mod moments;
mod outline;
mod overlap;
mod region;
mod rim;
mod shape;
mod surface;
mod tally;
mod values;

pub use apart::{ApartError, Definition, SurfaceDistances};
pub use diameter::{Diameters, Line, Recist};
pub use moments::Moments;
pub use overlap::{JointHistogram, Overlap};
pub use region::{RegionValues, values_in};
pub use shape::Shape;
pub use surface::Surface;
pub use tally::{LabelSums, Tally};
pub use values::{Distribution, FirstOrder, FirstOrderSettings};

/// Which of two sets has no voxel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Empty {
    /// The first one.
    #[error("the first mask is empty")]
    First,
    /// The second one.
    #[error("the second mask is empty")]
    Second,
    /// Both.
    #[error("both masks are empty")]
    Both,
}

impl Empty {
    fn of(first: bool, second: bool) -> Option<Self> {
        match (first, second) {
            (false, false) => None,
            (true, false) => Some(Self::First),
            (false, true) => Some(Self::Second),
            (true, true) => Some(Self::Both),
        }
    }
}
