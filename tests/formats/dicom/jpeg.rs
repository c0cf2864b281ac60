//! JPEG made here bit by bit: whose word on colours is taken, and blank pictures of any size.

use super::file::*;

const BASELINE: &str = "1.2.840.10008.1.2.4.50";

/// A baseline JPEG with blocks of one value each: `numbers` are those of its components, `adobe` what an
/// Adobe segment says of the colours, `entropy` the scan.
///
/// A bit 0 is a block's difference of zero, bits 10 one of six bits that follow; a bit 0 ends the block.
/// A difference of 1 is one level.
fn jpeg(side: u16, numbers: &[u8], adobe: Option<u8>, entropy: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8];
    let mut segment = |marker: u8, contents: &[u8]| {
        bytes.extend([0xff, marker]);
        bytes.extend((contents.len() as u16 + 2).to_be_bytes());
        bytes.extend(contents);
    };
    if let Some(transform) = adobe {
        segment(0xee, &[b"Adobe\0\x64\0\0\0\0".as_slice(), &[transform]].concat());
    }
    segment(0xdb, &[&[0][..], &[8; 64]].concat());
    let [high, low] = side.to_be_bytes();
    let count = numbers.len() as u8;
    let components: Vec<u8> = numbers.iter().flat_map(|number| [*number, 0x11, 0]).collect();
    segment(0xc0, &[&[8, high, low, high, low, count][..], &components].concat());
    let counts = |first: u8, second: u8| [&[first, second][..], &[0; 14]].concat();
    segment(0xc4, &[&[0x00][..], &counts(1, 1), &[0, 6]].concat());
    segment(0xc4, &[&[0x10][..], &counts(1, 0), &[0]].concat());
    let tables: Vec<u8> = numbers.iter().flat_map(|number| [*number, 0]).collect();
    segment(0xda, &[&[count][..], &tables, &[0, 63, 0]].concat());
    bytes.extend(entropy);
    bytes.extend([0xff, 0xd9]);
    bytes
}

/// The pixels of a file around one compressed frame.
fn pixels(photometric: &str, side: u16, components: u16, frame: &[u8]) -> Vec<u8> {
    let file = DicomFile::slice(0, 0.0).word(ROWS, side).word(COLUMNS, side);
    let file = file.word(BITS_ALLOCATED, 8).word(BITS_STORED, 8).word(HIGH_BIT, 7);
    let file = file.word(SAMPLES_PER_PIXEL, components).text(PHOTOMETRIC, "CS", photometric);
    let study = study_of(&file.around_frame(BASELINE, frame));
    study.volume.samples().bytes().to_vec()
}

#[test]
fn colours_are_those_stated_whatever_the_components_are_numbered() {
    // The components are 168, 128 and 128: themselves, or a grey of 168.
    let check = |photometric, numbers: &[u8; 3], adobe, expected: [u8; 3]| {
        let frame = jpeg(8, numbers, adobe, &[0b1010_1000, 0b0000_0111]);
        let pixels = pixels(photometric, 8, 3, &frame);
        assert_eq!(pixels, expected.repeat(64), "{photometric} {numbers:?} {adobe:?}");
    };
    let (plain, turned) = ([168, 128, 128], [168, 168, 168]);
    for numbers in [[1, 2, 3], *b"RGB", [0, 1, 2], [1, 34, 35]] {
        check("RGB", &numbers, None, plain);
        check("YBR_FULL_422", &numbers, None, turned);
        check("YBR_FULL_422", &numbers, Some(0), plain);
        check("RGB", &numbers, Some(1), turned);
    }
}

#[test]
fn a_large_blank_picture_opens() {
    // 2 bits for each block of 8 × 8: 64 KiB for 16 MiB.
    let side = 4096;
    let frame = jpeg(side, &[1], None, &vec![0; 512 * 512 / 4]);
    let pixels = pixels("MONOCHROME2", side, 1, &frame);
    assert!(pixels.len() == 1 << 24 && pixels.iter().all(|byte| *byte == 128));
}
