//! A compressed NIfTI file.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| annotomy_fuzz::open("a.nii.gz", bytes));
