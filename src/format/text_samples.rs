//! Samples written as numbers that a person can read, with blanks, commas or line ends between them.

use super::RefusalCode;
use super::doubt::Fault;
use super::gzip::After;
use crate::volume::SampleType;

/// Numbers read between two looks at whether to go on.
const STEP: usize = 1 << 16;

/// The fewest bytes that so many numbers take: a digit each, and something between them.
pub(super) fn fewest_bytes(count: u64) -> u64 {
    count.saturating_mul(2).saturating_sub(1)
}

/// Fills `out` with the numbers in this machine's byte order. A number that its type cannot hold is
/// refused.
pub(super) fn parse(
    text: &[u8],
    sample_type: SampleType,
    out: &mut [u8],
    is_cancelled: &dyn Fn() -> bool,
) -> Result<After, Fault> {
    let is_between = |byte: &u8| byte.is_ascii_whitespace() || *byte == b',' || *byte == 0;
    let mut words = text.split(is_between).filter(|word| !word.is_empty());
    macro_rules! numbers {
        ($type:ty) => {{
            let (places, _) = out.as_chunks_mut::<{ size_of::<$type>() }>();
            for (number, place) in places.iter_mut().enumerate() {
                if number.is_multiple_of(STEP) && is_cancelled() {
                    return Err(Fault::new(RefusalCode::Cancelled, "stopped on request"));
                }
                let word = words.next().ok_or_else(|| {
                    let text =
                        format!("ends after {number} of its samples; copy the file again from its source");
                    Fault::new(RefusalCode::Truncated, text)
                })?;
                let word = str::from_utf8(word).unwrap_or_default();
                let sample: $type = word.parse().map_err(|_| {
                    let shown: String = word.chars().filter(|c| !c.is_control()).take(20).collect();
                    let text = format!("holds \"{shown}\" where a sample of {} belongs", sample_type.name());
                    Fault::new(RefusalCode::Inconsistent, text)
                })?;
                *place = sample.to_ne_bytes();
            }
        }};
    }
    match sample_type {
        SampleType::I8 => numbers!(i8),
        SampleType::U8 | SampleType::Rgb8 | SampleType::Rgba8 => numbers!(u8),
        SampleType::I16 => numbers!(i16),
        SampleType::U16 | SampleType::Rgb16 => numbers!(u16),
        SampleType::I32 => numbers!(i32),
        SampleType::U32 => numbers!(u32),
        SampleType::I64 => numbers!(i64),
        SampleType::U64 => numbers!(u64),
        SampleType::F32 => numbers!(f32),
        SampleType::F64 => numbers!(f64),
    }
    Ok(if words.next().is_some() { After::TrailingBytes } else { After::End })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fill_their_places_or_are_refused() {
        let check = |text: &str, expected: Result<[i16; 3], RefusalCode>| {
            let mut out = [0; 6];
            let parsed = parse(text.as_bytes(), SampleType::I16, &mut out, &|| false);
            let found = parsed.map(|_| *bytemuck::from_bytes::<[i16; 3]>(&out)).map_err(|fault| fault.code);
            assert_eq!(found, expected, "{text}");
        };
        check("1 -2\n 32767\r\n", Ok([1, -2, 32767]));
        check("1,2,,3", Ok([1, 2, 3]));
        check("1 2", Err(RefusalCode::Truncated));
        check("1 2 70000", Err(RefusalCode::Inconsistent));
        check("1 2 x", Err(RefusalCode::Inconsistent));
        let after = parse(b"1 2 3 4", SampleType::U8, &mut [0; 3], &|| false);
        assert_eq!(after, Ok(After::TrailingBytes));
    }
}
