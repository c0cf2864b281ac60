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
mod company;
mod dicom;
mod mutated;
mod nifti;
mod papers;
mod pictures;
mod pixels;
mod places;
#[cfg(unix)]
mod printed;
mod seeds;
mod structure;
mod words;

use case::Case;

fn check(family: &str, cases: &[Case]) {
    #[cfg(unix)]
    bounds::check(family, cases);
    #[cfg(not(unix))]
    println!("skipped: {} cases of {family} need a system with /bin/sh", cases.len());
}

macro_rules! families {
    ($($test:ident $family:literal $cases:expr;)*) => {
        $(#[test]
        fn $test() {
            check($family, &$cases);
        })*
    };
}

families! {
    structure_of_dicom "structure" structure::cases();
    pixels_of_dicom "pixels" pixels::cases();
    words_of_dicom "words" words::cases();
    headers_of_nifti "nifti" nifti::cases();
    compressed_files "gzip" nifti::gzip_cases();
    what_lies_at_a_path "places" places::cases();
    papers_of_a_case "papers" papers::cases();
    photographs_and_other_volumes "pictures" pictures::cases();
    files_that_broke_something "seeds" seeds::cases();
    changes_of_sound_files "mutated" mutated::cases();
}

#[test]
fn changes_of_real_files() {
    if let Some(cases) = mutated::of_real_files() {
        check("real", &cases);
    }
}
