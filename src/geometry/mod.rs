//! Typed points, affines, grids and planes: where everything is.
//!
//! Always true: [`Patient`] space is LPS millimetres (x to the patient's left, y to posterior, z to
//! superior; DICOM PS3.3 C.7.6.2.1.1); a whole-numbered [`Point<Voxel>`] is a voxel's **centre**;
//! an [`Affine`] is finite and invertible and composes only where the spaces meet.
//!
//! Must never know: anything else in this crate.

mod affine;
mod anatomy;
mod axis_map;
mod grid;
mod plane;
mod space;

pub use affine::{Affine, AffineError};
pub use anatomy::{AnatomicalPlane, Direction, nearest_voxel_axes, obliquity_degrees};
pub use axis_map::AxisMap;
pub use grid::{Grid, GridError, VoxelBox, VoxelIndex};
pub use plane::{GridPlane, Plane};
pub use space::{Patient, PlaneSpace, Point, Screen, Space, Vector, Voxel};
