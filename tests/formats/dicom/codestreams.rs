//! Small codestreams: whose bits are whose, and what they say that the header does not.

use annotomy::format::DoubtCode;
use annotomy::volume::SampleType;

use super::file::*;

const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
const JPEG_LS_NEAR: &str = "1.2.840.10008.1.2.4.81";
const JPEG_2000: &str = "1.2.840.10008.1.2.4.90";
const JPEG_2000_LOSSY: &str = "1.2.840.10008.1.2.4.91";
const HIGH_THROUGHPUT: &str = "1.2.840.10008.1.2.4.201";
const JPEG_XL_LOSSLESS: &str = "1.2.840.10008.1.2.4.110";
const JPEG_XL: &str = "1.2.840.10008.1.2.4.112";

/// Signed samples of 12 bits in words of 16 whose upper four are 0, as in all streams below.
const SAMPLES: [i16; 12] = [-1000, -1, 0, 1, 59, 5, -2048, 2047, -7, 8, 9, -10];

const OF_JPEG_LS: &str = "ffd8ffe800205350494646000200000100000003000000040a1006010000012c0000012cffe8000800000001ffd8fff7000b1000\
     03000401011100fff8000d01ffff0012004301140040ffda0008010100000000010bdf34020020020f7243a0801004077b01dd47\
     ee01f640ffd9";
const OF_JPEG_LS_NEAR: &str = "ffd8ffe800205350494646000200000100000003000000040a1006010000012c0000012cffe8000800000001ffd8fff7000b1000\
     03000401011100fff8000d01ffff001b005201290040ffda00080101000300000b9a3a1928b1a5851e000bf85fca286380ffd9";
const OF_JPEG_2000: &str = "ff4fff5100290000000000040000000300000000000000000000000400000003000000000000000000010f0101ff52000c000000\
     01000004040001ff5c00044080ff640025000143726561746564206279204f70656e4a5045472076657273696f6e20322e352e34\
     ff90000a00000000002b0001ff93dff890c816db0eebab90a709d70caaaaaaaaaa31f0b8efe8b39d4e403fffd9";
const OF_JPEG_2000_LOSSY: &str = "ff4fff5100290000000000040000000300000000000000000000000400000003000000000000000000010f0101ff52000d010200\
     0100000404000088ff5c0005428000ff640025000143726561746564206279204f70656e4a5045472076657273696f6e20322e35\
     2e34ff90000a0000000000160001ff93df00a016db0eebabffd9";
const OF_HIGH_THROUGHPUT: &str = "ff4fff5100294000000000040000000300000000000000000000000400000003000000000000000000010f0101ff500008000200\
     00000aff52000c00020001000504044001ff5c00132088909090909090909090909090888888ff64001700014f70656e4a504820\
     56657220302e32362e332eff90000a0000000000590001ff93c0002605f505077400000000c00012c00013400013007b02077400\
     8bfd028774003af903077400c0002ae00015100009c0ce7e50f507fcfe01c6b400ad002efd0401740029fafe00c23400ffd9";
const OF_JPEG_XL: &str = "0000000c4a584c200d0a870a00000014667479706a786c20000000006a786c20000000096a786c6c0a000000326a786c63ff0a10\
     30fc00458b0804010070004b188b15c271f7961f3098f3fa3f011dfe1e0024e7ad97ceae66a606";
/// Three colours of 8 bits.
const OF_JPEG_XL_LOSSY: &str = "ff0a10b00100138802000001b59f200000152aa38c1bbc9cebf9f24387c5b48deb0c6db56d610963b3bd304848386aa0d2cde131\
     18844a12c910762e0a24f9f9fbefbcdeee144c0020130800";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// A slice of signed samples of 12 bits in 16.
fn signed() -> DicomFile {
    DicomFile::slice(0, 0.0).word(BITS_STORED, 12).word(HIGH_BIT, 11).word(PIXEL_REPRESENTATION, 1)
}

#[test]
fn the_sign_is_where_the_header_has_it_whatever_the_codec() {
    let check = |syntax: &str, hex: &str, within: u16| {
        let volume = study_of(&signed().around_frame(syntax, &bytes(hex))).volume;
        assert_eq!(volume.sample_type(), SampleType::I16, "{syntax}");
        let samples: &[i16] = bytemuck::cast_slice(volume.samples().bytes());
        let code = |sample: i16| sample as u16 & 0xfff;
        let furthest = samples.iter().zip(SAMPLES).map(|(a, b)| code(*a).abs_diff(code(b))).max();
        assert!(furthest <= Some(within), "{syntax}: {samples:?}");
    };
    check(JPEG_LS, OF_JPEG_LS, 0);
    check(JPEG_2000, OF_JPEG_2000, 0);
    check(HIGH_THROUGHPUT, OF_HIGH_THROUGHPUT, 0);
    check(JPEG_XL_LOSSLESS, OF_JPEG_XL, 0);
    // What coding moved beyond the stored bits does not come out on the other side of zero.
    check(JPEG_LS_NEAR, OF_JPEG_LS_NEAR, 3);
}

#[test]
fn a_codestream_tells_its_loss_where_the_header_does_not() {
    let check = |what: &str, file: DicomFile, syntax: &str, hex: &str, lossy: bool| {
        let study = study_of(&file.around_frame(syntax, &bytes(hex)));
        let told = study.doubts.iter().filter(|doubt| doubt.code == DoubtCode::Lossy).count();
        assert_eq!(told, usize::from(lossy), "{what}: {:?}", study.doubts);
    };
    check("JPEG-LS", signed(), JPEG_LS_NEAR, OF_JPEG_LS, false);
    check("JPEG-LS nearly", signed(), JPEG_LS_NEAR, OF_JPEG_LS_NEAR, true);
    check("JPEG 2000 by the reversible wavelet", signed(), JPEG_2000_LOSSY, OF_JPEG_2000, false);
    check("JPEG 2000 by the other", signed(), JPEG_2000_LOSSY, OF_JPEG_2000_LOSSY, true);
    check("JPEG XL", signed(), JPEG_XL, OF_JPEG_XL, false);
    let colour = signed().word(BITS_ALLOCATED, 8).word(BITS_STORED, 8).word(HIGH_BIT, 7);
    let colour = colour.word(SAMPLES_PER_PIXEL, 3).text(PHOTOMETRIC, "CS", "RGB");
    check("JPEG XL with loss", colour.clone(), JPEG_XL, OF_JPEG_XL_LOSSY, true);
    let said = colour.text((0x0028, 0x2110), "CS", "01");
    check("said already", said, JPEG_XL, OF_JPEG_XL_LOSSY, true);
}
