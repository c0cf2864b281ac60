//! What is doubtful about a study, and why a file was refused.

use std::path::{Path, PathBuf};

use super::legible::legible;

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word scripts rely on.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

codes! {
    /// What can be doubtful about a study that opened.
    DoubtCode {
        /// NIfTI: sform and qform place a corner more than 0.1 mm apart; the sform is used.
        FormsDisagree "sform-qform-disagree",
        /// NIfTI: neither sform nor qform; only voxel sizes are known.
        NoOrientation "no-orientation",
        /// The axes are not perpendicular (gantry tilt, registration); kept as they are.
        Sheared "sheared",
        /// The file knows pixels but no millimetres.
        PixelUnits "pixel-units",
        /// Distances are those at an X-ray detector, not in the patient.
        AtDetector "at-detector",
        /// Part of where the study lies is not stated, or damaged, and was assumed.
        AssumedGeometry "assumed-geometry",
        /// Pictures of the same series differ from these and are listed as another.
        SplitSeries "split-series",
        /// Slices do not lie at even distances.
        UnevenSlices "uneven-slices",
        /// Slices are missing from an otherwise even series.
        MissingSlices "missing-slices",
        /// Several pictures lie at one place, and nothing tells for sure which of them belong together.
        RepeatedPositions "repeated-positions",
        /// The distance to a next slice is nowhere stated.
        AssumedDepth "assumed-depth",
        /// Files lie in the series, or pictures in the file, and were left out.
        LeftOut "left-out",
        /// The stated units are not millimetres; converted.
        UnitsConverted "units-converted",
        /// The rescale differs from slice to slice; values were resolved at load.
        RescalePerSlice "rescale-per-slice",
        /// Required identifiers are empty; the series was put together by geometry.
        MissingIdentifiers "missing-identifiers",
        /// Bytes follow the end of the data.
        TrailingBytes "trailing-bytes",
        /// An axis beyond the fourth; its parts are shown as points in time.
        FoldedAxes "folded-axes",
        /// A header field is damaged and was not needed.
        OddHeader "odd-header",
        /// The image was compressed with loss.
        Lossy "lossy-compression",
        /// Colours of 16 bits with transparency were reduced to 8.
        ReducedDepth "reduced-depth",
        /// Values that are not numbers are shown as the lowest value.
        NotANumber "not-a-number",
        /// The values of a PET study cannot be told as uptake (SUV).
        NoSuv "no-suv",
    }
}

codes! {
    /// Why a file could not be opened.
    RefusalCode {
        /// No such file, or it cannot be read.
        Unreadable "unreadable",
        /// Not a format that Annotomy opens.
        NotAnImage "not-an-image",
        /// The file ends before its data does.
        Truncated "truncated",
        /// The file contradicts itself (sizes, offsets, lengths).
        Inconsistent "inconsistent",
        /// A checksum does not match the data.
        Damaged "damaged",
        /// A sample type that is not opened.
        UnsupportedType "unsupported-type",
        /// A DICOM transfer syntax that is not opened.
        UnsupportedTransferSyntax "unsupported-transfer-syntax",
        /// A DICOM object that is not an image of a kind that is opened.
        UnsupportedObject "unsupported-object",
        /// A placement that cannot be inverted or is not a number.
        BadGeometry "bad-geometry",
        /// A number of axes that is not opened.
        UnsupportedShape "unsupported-shape",
        /// More memory than this machine gives, or more of something than a file is opened with.
        TooLarge "too-large",
        /// The person stopped it.
        Cancelled "cancelled",
    }
}

/// Something a person should know of a study that opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Which.
    pub code: DoubtCode,
    /// One plain sentence.
    pub text: String,
}

impl Doubt {
    /// A doubt in one plain sentence, made [`legible`].
    pub fn new(code: DoubtCode, text: impl Into<String>) -> Self {
        Self { code, text: legible(&text.into()).into_owned() }
    }
}

impl DoubtCode {
    /// Whether marks may land in the wrong place, or on a picture of another moment, if the reading that was chosen is not the right one:
    /// a person is asked before the first mark.
    pub fn is_blocking(self) -> bool {
        matches!(
            self,
            Self::FormsDisagree | Self::NoOrientation | Self::AssumedGeometry | Self::RepeatedPositions
        )
    }
}

/// Why a file was refused: what happened, to which file, and what would help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {text} [{code}]", legible(&path.to_string_lossy()))]
pub struct Refusal {
    /// The file.
    pub path: PathBuf,
    /// Which reason.
    pub code: RefusalCode,
    /// One plain sentence, ending in what would help where something would.
    pub text: String,
}

/// Why bytes are not what can be opened, before it is said of which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: RefusalCode,
    pub(super) text: String,
}

impl Fault {
    pub(super) fn new(code: RefusalCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// The refusal of the file that the bytes are from.
    pub(super) fn of(self, path: &Path) -> Refusal {
        Refusal::new(path, self.code, self.text)
    }
}

impl Refusal {
    /// A refusal of `path`; the text is made [`legible`].
    pub fn new(path: &Path, code: RefusalCode, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), code, text: legible(&text.into()).into_owned() }
    }

    /// A refusal because the system would not let the file be read.
    pub fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self::new(path, RefusalCode::Unreadable, format!("cannot be read: {error}"))
    }

    /// The refusal that stands for a wanted stop.
    pub fn cancelled(path: &Path) -> Self {
        Self::new(path, RefusalCode::Cancelled, "stopped on request")
    }
}
