//! A case on disk: saved, killed, tampered with, found again, and read by others.

mod command;
mod desk;
mod journal;
mod killed;
mod names;
#[path = "../formats/oracle.rs"]
mod oracle;
mod others;
mod refused;
mod round_trip;
mod worklist;
