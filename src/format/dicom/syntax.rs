//! Transfer syntaxes: how a file writes its elements and its pixels (PS3.5 10 and A).

use dicom_dictionary_std::uids;
use dicom_encoding::TransferSyntaxIndex;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

use super::dataset::Encoding;

/// Retired in 2006 and still in archives.
const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// How pixels are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// Plain samples.
    Native,
    /// Runs of equal bytes, one segment per byte of a sample (PS3.5 Annex G).
    Rle,
    /// JPEG by cosine transforms, baseline or extended.
    Jpeg,
    /// JPEG lossless, process 14.
    JpegLossless,
    /// JPEG-LS, lossless or nearly so.
    JpegLs,
    /// JPEG 2000, lossless or not, also with its high-throughput block coder.
    Jpeg2000,
    /// JPEG XL, lossless or not.
    JpegXl,
}

impl Codec {
    /// How many bytes of picture one compressed byte can hold at most, so that a few bytes cannot ask
    /// for gigabytes.
    pub(super) fn greatest_expansion(self) -> usize {
        match self {
            Self::Native => 1,
            // Two bytes stand for a run of 128.
            Self::Rle => 64,
            // A bit stands for a block of 64 samples at best.
            Self::Jpeg => 512,
            // A bit stands for a sample of two bytes.
            Self::JpegLossless => 16,
            // A bit stands for a run of 2¹⁵ samples of two bytes at best.
            Self::JpegLs => 1 << 19,
            // A blank picture of any size has a codestream of some hundred bytes.
            Self::Jpeg2000 | Self::JpegXl => 1 << 18,
        }
    }
}

/// A transfer syntax that is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    pub(super) encoding: Encoding,
    pub(super) codec: Codec,
    /// Whether everything after the file meta information is one deflate stream.
    pub(super) deflated: bool,
}

impl Syntax {
    /// The syntax of a UID; `None` for one that is not opened.
    pub(super) fn of(uid: &str) -> Option<Self> {
        let plain = |encoding| Self { encoding, codec: Codec::Native, deflated: false };
        let explicit = plain(Encoding::EXPLICIT_LITTLE);
        Some(match uid {
            uids::IMPLICIT_VR_LITTLE_ENDIAN => plain(Encoding::IMPLICIT_LITTLE),
            uids::EXPLICIT_VR_LITTLE_ENDIAN => explicit,
            EXPLICIT_VR_BIG_ENDIAN => plain(Encoding::EXPLICIT_BIG),
            uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => Self { deflated: true, ..explicit },
            uids::RLE_LOSSLESS => Self { codec: Codec::Rle, ..explicit },
            uids::JPEG_BASELINE8_BIT | uids::JPEG_EXTENDED12_BIT => Self { codec: Codec::Jpeg, ..explicit },
            uids::JPEG_LOSSLESS | uids::JPEG_LOSSLESS_SV1 => Self { codec: Codec::JpegLossless, ..explicit },
            uids::JPEGLS_LOSSLESS | uids::JPEGLS_NEAR_LOSSLESS => Self { codec: Codec::JpegLs, ..explicit },
            uids::JPEG2000_LOSSLESS
            | uids::JPEG2000
            | uids::HTJ2K_LOSSLESS
            | uids::HTJ2K_LOSSLESS_RPCL
            | uids::HTJ2K => Self { codec: Codec::Jpeg2000, ..explicit },
            uids::JPEGXL_LOSSLESS | uids::JPEGXLJPEG_RECOMPRESSION | uids::JPEGXL => {
                Self { codec: Codec::JpegXl, ..explicit }
            }
            _ => return None,
        })
    }
}

/// The name of a transfer syntax with its UID, for a refusal.
pub(super) fn name(uid: &str) -> String {
    let known = TransferSyntaxRegistry.get(uid).map(|known| known.name().trim());
    let retired = || RETIRED.iter().find(|(retired, _)| uid == *retired).map(|(_, name)| *name);
    match known.or_else(retired) {
        Some(name) => format!("{name} ({uid})"),
        None => format!("an unknown transfer syntax ({uid})"),
    }
}

/// Syntaxes that the standard had once (PS3.6 table A-1).
const RETIRED: [(&str, &str); 16] = [
    ("1.2.840.10008.1.2.1.98", "encapsulated uncompressed pixels"),
    ("1.2.840.10008.1.2.4.52", "JPEG extended, processes 3 and 5 (retired)"),
    ("1.2.840.10008.1.2.4.53", "JPEG spectral selection, processes 6 and 8 (retired)"),
    ("1.2.840.10008.1.2.4.54", "JPEG spectral selection, processes 7 and 9 (retired)"),
    ("1.2.840.10008.1.2.4.55", "progressive JPEG, processes 10 and 12 (retired)"),
    ("1.2.840.10008.1.2.4.56", "progressive JPEG, processes 11 and 13 (retired)"),
    ("1.2.840.10008.1.2.4.58", "JPEG lossless, process 15 (retired)"),
    ("1.2.840.10008.1.2.4.59", "hierarchical JPEG extended, processes 16 and 18 (retired)"),
    ("1.2.840.10008.1.2.4.60", "hierarchical JPEG extended, processes 17 and 19 (retired)"),
    ("1.2.840.10008.1.2.4.61", "hierarchical JPEG, processes 20 and 22 (retired)"),
    ("1.2.840.10008.1.2.4.62", "hierarchical JPEG, processes 21 and 23 (retired)"),
    ("1.2.840.10008.1.2.4.63", "hierarchical progressive JPEG, processes 24 and 26 (retired)"),
    ("1.2.840.10008.1.2.4.64", "hierarchical progressive JPEG, processes 25 and 27 (retired)"),
    ("1.2.840.10008.1.2.4.65", "hierarchical JPEG lossless, process 28 (retired)"),
    ("1.2.840.10008.1.2.4.66", "hierarchical JPEG lossless, process 29 (retired)"),
    ("1.2.840.113619.5.2", "GE's implicit big endian"),
];
