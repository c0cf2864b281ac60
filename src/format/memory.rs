//! Memory for samples, taken only where the machine has it.

use std::path::Path;

use bytemuck::Pod;

use super::doubt::{Refusal, RefusalCode};
use crate::volume::Buffer;

/// A buffer of `len` zeroes for the samples of `path`; refused where the machine has not that much
/// to give, since the system would promise it and then end the program.
pub(super) fn buffer_for<T: Pod>(path: &Path, len: u64) -> Result<Buffer<T>, Refusal> {
    let bytes = len.saturating_mul(size_of::<T>() as u64);
    let too_large = || {
        let text = format!("needs {} of memory, more than this machine can give now", in_words(bytes));
        Refusal::new(path, RefusalCode::TooLarge, text)
    };
    if available().is_some_and(|available| bytes > available) {
        return Err(too_large());
    }
    let len = usize::try_from(len).map_err(|_| too_large())?;
    Buffer::zeroed(len).map_err(|_| too_large())
}

/// A size as a person says it.
fn in_words(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{bytes} bytes"),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// Bytes the system can give without swapping, where it tells.
fn available() -> Option<u64> {
    let lines = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = lines.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_machine_has_is_refused() {
        let check = |len: u64, expected: Option<RefusalCode>| {
            let given = buffer_for::<u16>(Path::new("a.nii"), len);
            assert_eq!(given.err().map(|refusal| refusal.code), expected);
        };
        check(1000, None);
        check(1 << 50, Some(RefusalCode::TooLarge));
        check(u64::MAX, Some(RefusalCode::TooLarge));
    }
}
