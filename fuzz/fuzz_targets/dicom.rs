//! A DICOM file.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| annotomy_fuzz::open("IM0", bytes));
