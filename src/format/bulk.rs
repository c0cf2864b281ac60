//! Large stretches of files, read in parallel into memory that is cheap to fill.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::doubt::{Refusal, RefusalCode};
use super::memory::buffer_for;
use super::watch::Watch;
use crate::volume::Buffer;

/// Bytes read between two looks at whether to go on.
const STEP: usize = 4 << 20;

/// The bytes of `range`, which must lie within the file as its length was told; `share` of the whole
/// work is reported as progress.
pub(super) fn read(
    path: &Path,
    file: &File,
    range: Range<u64>,
    share: Range<f64>,
    watch: &dyn Watch,
) -> Result<Buffer<u8>, Refusal> {
    let total = range.end - range.start;
    let mut buffer = buffer_for::<u8>(path, total)?;
    let done = AtomicU64::new(0);
    buffer.par_chunks_mut(STEP).enumerate().try_for_each(|(n, part)| {
        if watch.is_cancelled() {
            return Err(Refusal::cancelled(path));
        }
        read_exact_at(file, part, range.start + (n * STEP) as u64).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                Refusal::new(path, RefusalCode::Truncated, "became shorter while it was read")
            }
            _ => Refusal::unreadable(path, &error),
        })?;
        let done = done.fetch_add(part.len() as u64, Ordering::Relaxed) + part.len() as u64;
        watch.progress(share.start + (share.end - share.start) * done as f64 / total as f64);
        Ok(())
    })?;
    Ok(buffer)
}

/// A file's first bytes; `None` where it has fewer or cannot be read.
pub(super) fn first_bytes<const N: usize>(path: &Path) -> Option<[u8; N]> {
    let mut start = [0; N];
    read_exact_at(&File::open(path).ok()?, &mut start, 0).ok().map(|()| start)
}

/// Fills `out` from `offset` on without moving the file's cursor.
#[cfg(unix)]
pub(super) fn read_exact_at(file: &File, out: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, offset)
}

/// Fills `out` from `offset` on.
#[cfg(windows)]
pub(super) fn read_exact_at(file: &File, mut out: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !out.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, out, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                out = &mut out[read..];
                offset += read as u64;
            }
        }
    }
    Ok(())
}
