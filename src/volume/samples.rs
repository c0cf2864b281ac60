//! Samples in the type the file stored them in.

use bytemuck::Pod;

use super::buffer::Buffer;

/// A sample type with one component.
pub trait Sample: Pod + Send + Sync + PartialOrd {
    /// The sample as a number; exact but for integers beyond ±2⁵³.
    fn to_f64(self) -> f64;
}

macro_rules! sample_types {
    ($($variant:ident $type:ty, $name:literal;)*) => {
        $(impl Sample for $type {
            fn to_f64(self) -> f64 {
                self as f64
            }
        })*

        /// The stored type of one sample.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum SampleType { $($variant,)* Rgb8, Rgba8 }

        impl SampleType {
            /// Rust's word for it, as `info` prints it; colours are `rgb8` and `rgba8`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Rgb8 => "rgb8",
                    Self::Rgba8 => "rgba8",
                }
            }

            /// Bytes of one voxel, all components together.
            pub fn bytes(self) -> usize {
                match self {
                    $(Self::$variant => size_of::<$type>(),)*
                    Self::Rgb8 => 3,
                    Self::Rgba8 => 4,
                }
            }

            /// Components of one voxel: 1, or 3 and 4 for colours.
            pub fn components(self) -> usize {
                match self {
                    Self::Rgb8 => 3,
                    Self::Rgba8 => 4,
                    _ => 1,
                }
            }

            /// Whether samples are whole numbers.
            pub fn is_integer(self) -> bool {
                !matches!(self, Self::F32 | Self::F64)
            }
        }

        /// All samples of a volume, in their stored type.
        #[derive(Debug)]
        #[allow(missing_docs)]
        pub enum Samples { $($variant(Buffer<$type>),)* Rgb8(Buffer<[u8; 3]>), Rgba8(Buffer<[u8; 4]>) }

        impl Samples {
            /// The stored type.
            pub fn sample_type(&self) -> SampleType {
                match self {
                    $(Self::$variant(_) => SampleType::$variant,)*
                    Self::Rgb8(_) => SampleType::Rgb8,
                    Self::Rgba8(_) => SampleType::Rgba8,
                }
            }

            /// How many voxels, over all times.
            pub fn len(&self) -> usize {
                match self {
                    $(Self::$variant(samples) => samples.len(),)*
                    Self::Rgb8(samples) => samples.len(),
                    Self::Rgba8(samples) => samples.len(),
                }
            }

            /// The bytes in this machine's byte order.
            pub fn bytes(&self) -> &[u8] {
                match self {
                    $(Self::$variant(samples) => bytemuck::cast_slice(samples),)*
                    Self::Rgb8(samples) => bytemuck::cast_slice(samples),
                    Self::Rgba8(samples) => bytemuck::cast_slice(samples),
                }
            }

            /// One sample as a number; for colours their luma (ITU-R BT.601).
            pub fn at(&self, offset: usize) -> f64 {
                match self {
                    $(Self::$variant(samples) => samples[offset].to_f64(),)*
                    Self::Rgb8(samples) => luma(samples[offset]),
                    Self::Rgba8(samples) => { let [r, g, b, _] = samples[offset]; luma([r, g, b]) }
                }
            }
        }
    };
}

sample_types! {
    I8 i8, "i8";
    U8 u8, "u8";
    I16 i16, "i16";
    U16 u16, "u16";
    I32 i32, "i32";
    U32 u32, "u32";
    I64 i64, "i64";
    U64 u64, "u64";
    F32 f32, "f32";
    F64 f64, "f64";
}

impl Samples {
    /// Whether there is not one sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn luma([r, g, b]: [u8; 3]) -> f64 {
    0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b)
}

/// Runs `$body` with the samples of a one-component volume as a slice of their own type, or
/// `$colour` when each voxel has several components.
macro_rules! with_samples {
    ($samples:expr, $slice:ident => $body:expr, colour => $colour:expr) => {{
        use $crate::volume::Samples as Stored;
        macro_rules! typed {
            ($buffer:ident) => {{
                let $slice = &$buffer[..];
                $body
            }};
        }
        match $samples {
            Stored::I8(buffer) => typed!(buffer),
            Stored::U8(buffer) => typed!(buffer),
            Stored::I16(buffer) => typed!(buffer),
            Stored::U16(buffer) => typed!(buffer),
            Stored::I32(buffer) => typed!(buffer),
            Stored::U32(buffer) => typed!(buffer),
            Stored::I64(buffer) => typed!(buffer),
            Stored::U64(buffer) => typed!(buffer),
            Stored::F32(buffer) => typed!(buffer),
            Stored::F64(buffer) => typed!(buffer),
            Stored::Rgb8(_) | Stored::Rgba8(_) => $colour,
        }
    }};
}
pub(crate) use with_samples;
