//! Samples in the type the file stored them in.

use bytemuck::Pod;

use super::buffer::Buffer;

/// A sample type with one component.
pub trait Sample: Pod + Send + Sync + PartialOrd {
    /// The sample as a number; exact but for integers beyond ±2⁵³.
    fn to_f64(self) -> f64;

    /// What a block of at most `BLOCK` samples comes to.
    fn sum_up(block: &[Self]) -> BlockSum;

    /// The first and the last of the keys that count all samples but NaN by rising value.
    const KEYS: (i128, i128);

    /// The sample that has a key.
    fn of_key(key: i128) -> Self;
}

/// How many samples are summed up at once: few enough that sums of 16-bit samples fit 32 bits.
pub(super) const BLOCK: usize = 1 << 14;

/// What the finite samples of a block come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockSum {
    /// Smallest sample; infinity where there is none.
    pub min: f64,
    /// Greatest sample; minus infinity where there is none.
    pub max: f64,
    /// Sum of the samples.
    pub sum: f64,
    /// How many samples are finite.
    pub count: usize,
}

impl BlockSum {
    /// No sample.
    pub const NONE: Self = Self { min: f64::INFINITY, max: f64::NEG_INFINITY, sum: 0.0, count: 0 };

    /// Both blocks together.
    pub fn and(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            sum: self.sum + other.sum,
            count: self.count + other.count,
        }
    }
}

/// `whole` numbers are summed exactly in a type that holds a block's sum; `real` ones may be not
/// finite and are summed in f64.
macro_rules! sum_up {
    ($block:ident, whole $sum:ty) => {{
        let Some(&first) = $block.first() else { return BlockSum::NONE };
        let (mut min, mut max, mut sum) = (first, first, <$sum>::default());
        for &sample in $block {
            min = min.min(sample);
            max = max.max(sample);
            sum += <$sum>::from(sample);
        }
        BlockSum { min: min.to_f64(), max: max.to_f64(), sum: sum as f64, count: $block.len() }
    }};
    ($block:ident, real) => {{
        let finite = $block.iter().map(|sample| sample.to_f64()).filter(|sample| sample.is_finite());
        finite.fold(BlockSum::NONE, |block, x| block.and(BlockSum { min: x, max: x, sum: x, count: 1 }))
    }};
}

/// Whole numbers count themselves. The bits of real ones rise with them above 0, and fall below, where
/// they are counted from −1 down.
macro_rules! keys {
    ($type:ident, whole $sum:ty) => {
        const KEYS: (i128, i128) = ($type::MIN as i128, $type::MAX as i128);

        fn of_key(key: i128) -> Self {
            key as $type
        }
    };
    ($type:ident, real) => {
        const KEYS: (i128, i128) =
            (-1 - $type::INFINITY.to_bits() as i128, $type::INFINITY.to_bits() as i128);

        fn of_key(key: i128) -> Self {
            let size = if key < 0 { -1 - key } else { key };
            let number = $type::from_bits(size as _);
            if key < 0 { -number } else { number }
        }
    };
}

macro_rules! sample_types {
    ($($variant:ident $type:ident, $name:literal, $kind:ident $($sum:ty)?;)*) => {
        $(impl Sample for $type {
            fn to_f64(self) -> f64 {
                self as f64
            }

            fn sum_up(block: &[Self]) -> BlockSum {
                debug_assert!(block.len() <= BLOCK);
                sum_up!(block, $kind $($sum)?)
            }

            keys!($type, $kind $($sum)?);
        })*

        /// The stored type of one sample.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum SampleType { $($variant,)* Rgb8, Rgba8, Rgb16 }

        impl SampleType {
            /// Rust's word for it, as `info` prints it; colours are `rgb8`, `rgba8` and `rgb16`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Rgb8 => "rgb8",
                    Self::Rgba8 => "rgba8",
                    Self::Rgb16 => "rgb16",
                }
            }

            /// Bytes of one voxel, all components together.
            pub fn bytes(self) -> usize {
                match self {
                    $(Self::$variant => size_of::<$type>(),)*
                    Self::Rgb8 => 3,
                    Self::Rgba8 => 4,
                    Self::Rgb16 => 6,
                }
            }

            /// Components of one voxel: 1, or 3 and 4 for colours.
            pub fn components(self) -> usize {
                match self {
                    Self::Rgb8 | Self::Rgb16 => 3,
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
        pub enum Samples {
            $($variant(Buffer<$type>),)*
            Rgb8(Buffer<[u8; 3]>),
            Rgba8(Buffer<[u8; 4]>),
            Rgb16(Buffer<[u16; 3]>),
        }

        impl Samples {
            /// The stored type.
            pub fn sample_type(&self) -> SampleType {
                match self {
                    $(Self::$variant(_) => SampleType::$variant,)*
                    Self::Rgb8(_) => SampleType::Rgb8,
                    Self::Rgba8(_) => SampleType::Rgba8,
                    Self::Rgb16(_) => SampleType::Rgb16,
                }
            }

            /// How many voxels, over all times.
            pub fn len(&self) -> usize {
                match self {
                    $(Self::$variant(samples) => samples.len(),)*
                    Self::Rgb8(samples) => samples.len(),
                    Self::Rgba8(samples) => samples.len(),
                    Self::Rgb16(samples) => samples.len(),
                }
            }

            /// The bytes in this machine's byte order.
            pub fn bytes(&self) -> &[u8] {
                match self {
                    $(Self::$variant(samples) => bytemuck::cast_slice(samples),)*
                    Self::Rgb8(samples) => bytemuck::cast_slice(samples),
                    Self::Rgba8(samples) => bytemuck::cast_slice(samples),
                    Self::Rgb16(samples) => bytemuck::cast_slice(samples),
                }
            }

            /// One sample as a number; for colours their luma (ITU-R BT.601).
            pub fn at(&self, offset: usize) -> f64 {
                match self {
                    $(Self::$variant(samples) => samples[offset].to_f64(),)*
                    Self::Rgb8(samples) => luma(samples[offset]),
                    Self::Rgba8(samples) => { let [r, g, b, _] = samples[offset]; luma([r, g, b]) }
                    Self::Rgb16(samples) => luma(samples[offset]),
                }
            }
        }
    };
}

sample_types! {
    I8 i8, "i8", whole i32;
    U8 u8, "u8", whole i32;
    I16 i16, "i16", whole i32;
    U16 u16, "u16", whole i32;
    I32 i32, "i32", whole i64;
    U32 u32, "u32", whole i64;
    I64 i64, "i64", whole i128;
    U64 u64, "u64", whole i128;
    F32 f32, "f32", real;
    F64 f64, "f64", real;
}

impl Samples {
    /// Whether there is not one sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn luma<T: Into<f64>>([r, g, b]: [T; 3]) -> f64 {
    0.299 * r.into() + 0.587 * g.into() + 0.114 * b.into()
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
            Stored::Rgb8(_) | Stored::Rgba8(_) | Stored::Rgb16(_) => $colour,
        }
    }};
}
pub(crate) use with_samples;
