//! One compressed picture in a sound DICOM file: the first byte chooses its transfer syntax and kind.

#![no_main]

use annotomy_fuzz::{around, open};
use libfuzzer_sys::fuzz_target;

const SYNTAXES: [&str; 8] = [
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.110",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, stream)) = bytes.split_first() else { return };
    let syntax = SYNTAXES[usize::from(kind & 7)];
    let (components, bits) = if kind & 8 == 0 { (1, if kind & 16 == 0 { 8 } else { 16 }) } else { (3, 8) };
    open("IM0", &around(syntax, components, bits, stream));
});
