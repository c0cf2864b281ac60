//! A photograph or another kind of volume: the first byte chooses the name.

#![no_main]

use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 6] = ["a.png", "a.jpg", "a.tiff", "a.nrrd", "a.mha", "a.nhdr"];

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    annotomy_fuzz::open(NAMES[usize::from(*kind) % NAMES.len()], rest);
});
