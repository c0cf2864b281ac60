//! Files that lie: each opens in agreement with itself or is refused in one line, within bounds of time
//! and memory, and none takes the program down.
//!
//! Cases are data, made by recipes and the same each time; `bounds` runs them in child processes.
//! `expected.tsv` holds the verdicts that are certain. With `ANNOTOMY_HOSTILE_REPORT` naming a folder,
//! the verdict of every case is written there.

#[cfg(unix)]
mod bounds;
mod case;
#[cfg(unix)]
mod child;
mod dicom;
mod pixels;
mod structure;

use case::Case;

fn check(family: &str, cases: &[Case]) {
    #[cfg(unix)]
    bounds::check(family, cases);
    #[cfg(not(unix))]
    println!("skipped: {} cases of {family} need a system with /bin/sh", cases.len());
}

#[test]
fn structure_of_dicom() {
    check("structure", &structure::cases());
}

#[test]
fn pixels_of_dicom() {
    check("pixels", &pixels::cases());
}
