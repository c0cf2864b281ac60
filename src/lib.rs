//! Annotomy opens a medical study, shows it at its true geometry, lets a person mark it, and saves
//! marks that land on the same millimetres in every other program.
//!
//! The library is laid out in floors, here from the ground up; a module imports only from floors
//! below its own, and `tests/house.rs` holds the table. `ARCHITECTURE.md` is the map.

pub mod geometry;
pub mod progress;

pub mod annotation;
pub mod volume;

pub mod case;
pub mod measure;
pub mod segment;

pub mod format;
pub mod view;

#[cfg(feature = "desktop")]
pub mod render;
pub mod store;
pub mod tool;

pub mod session;

pub mod cli;
#[cfg(feature = "desktop")]
pub mod desktop;
