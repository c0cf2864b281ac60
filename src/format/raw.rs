//! Bytes of samples as they lie in a file: one after another, plain or as a deflate stream.
//!
//! A plain file is filled by positioned reads on all cores. A deflate stream is inflated by libdeflate
//! in one call on a thread of its own, while this thread listens for a wish to stop and, where one is
//! wanted, inflates a preview by streaming.
//!
//! Always true: no memory is taken before the file has proven that it can hold what is claimed of it.
//!
//! Must never know: what the bytes mean.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::gzip::{self, After, InflateError, Wrapping};
use super::memory::buffer_for;
use super::{Refusal, RefusalCode, Watch, bulk, open_plain};
use crate::volume::Buffer;

/// Reading a compressed file is this part of the work; inflating is the rest.
const READING: f64 = 0.1;
/// How long a wish to stop may go unheard.
const PATIENCE: Duration = Duration::from_millis(20);
/// This much is inflated on a compressed file's word.
const UNPROVEN: u64 = 64 << 20;
/// And this many times the file's size, which only label maps and blank images exceed.
const DENSE: u64 = 100;
/// File offsets are rounded down to this, so that samples keep their alignment.
const PAGE: u64 = 4096;

/// Where samples lie.
pub(super) struct Stretch<'a> {
    /// The file.
    pub(super) path: &'a Path,
    /// Where plain samples, or the deflate stream that holds them, begin in the file.
    pub(super) first_byte: u64,
    /// What stands around the stream; `None` for plain samples.
    pub(super) wrapping: Option<Wrapping>,
    /// Inflated bytes before the first sample.
    pub(super) skipped: u64,
    /// Bytes of all samples.
    pub(super) length: u64,
    /// The bytes to be shown before all others, counted from the first sample.
    pub(super) shown_first: Range<u64>,
    /// Which part of the whole work this is.
    pub(super) share: Range<f64>,
}

/// Bytes from somewhere at or before the first sample on.
pub(super) struct Bytes {
    pub(super) buffer: Buffer<u8>,
    pub(super) first_sample: usize,
}

/// Inflated bytes that are looked through for one slice at most.
pub(super) const REACH: u64 = 256 << 20;

impl Stretch<'_> {
    /// Reads the samples; `show` gets the bytes that are to be shown first, once, where the watch
    /// wants a preview.
    pub(super) fn read(&self, watch: &dyn Watch, show: &dyn Fn(Vec<u8>)) -> Result<(Bytes, After), Refusal> {
        let (file, length) = self.opened()?;
        match self.wrapping {
            None => self.read_plain(&file, length, watch, show),
            Some(wrapping) => self.read_deflated(wrapping, &file, length, watch, show),
        }
    }

    /// Refuses a file of which its length alone tells that samples are missing.
    pub(super) fn refuse_short(&self) -> Result<(), Refusal> {
        let (_, length) = self.opened()?;
        self.refuse_length(length)
    }

    /// The bytes of `part`, counted from the first sample, and no others.
    pub(super) fn read_part(&self, part: Range<u64>, watch: &dyn Watch) -> Result<Vec<u8>, Refusal> {
        let (file, length) = self.opened()?;
        self.refuse_length(length)?;
        let mut bytes = buffer_for::<u8>(self.path, part.end - part.start)?;
        let Some(wrapping) = self.wrapping else {
            bulk::read_exact_at(&file, &mut bytes, self.first_byte + part.start)
                .map_err(|error| Refusal::unreadable(self.path, &error))?;
            return Ok(bytes.to_vec());
        };
        // Deflate seldom makes data longer; what lies beyond is not needed.
        let needed = length.min(self.first_byte + self.skipped + part.end + (1 << 20));
        let compressed = bulk::read(self.path, &file, self.first_byte..needed, 0.0..READING, watch)?;
        let first = (self.skipped + part.start) as usize;
        if gzip::inflate_stretch(wrapping, &compressed, first, &mut bytes, |_| !watch.is_cancelled()) {
            return Ok(bytes.to_vec());
        }
        let text =
            "the compressed data are damaged before the middle slice; copy the file again from its source";
        Err(match watch.is_cancelled() {
            true => Refusal::cancelled(self.path),
            false => Refusal::new(self.path, RefusalCode::Damaged, text),
        })
    }

    /// The file and its length.
    fn opened(&self) -> Result<(File, u64), Refusal> {
        let unreadable = |error| Refusal::unreadable(self.path, &error);
        let file = open_plain(self.path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        Ok((file, length))
    }

    fn refuse_length(&self, length: u64) -> Result<(), Refusal> {
        let wanted = self.skipped.saturating_add(self.length);
        let end = self.first_byte.saturating_add(wanted);
        match self.wrapping {
            None if length < end => Err(self.truncated(length, end)),
            Some(_) if !gzip::can_hold(length.saturating_sub(self.first_byte), wanted) => {
                let compressed = length.saturating_sub(self.first_byte);
                let text = format!(
                    "claims {wanted} bytes of header and samples, more than its {compressed} compressed bytes can hold"
                );
                Err(Refusal::new(self.path, RefusalCode::Inconsistent, text))
            }
            _ => Ok(()),
        }
    }

    fn read_plain(
        &self,
        file: &File,
        length: u64,
        watch: &dyn Watch,
        show: &dyn Fn(Vec<u8>),
    ) -> Result<(Bytes, After), Refusal> {
        let first = self.first_byte;
        let end = first.saturating_add(self.length);
        self.refuse_length(length)?;
        if watch.wants_preview() && !self.shown_first.is_empty() {
            let mut bytes = vec![0; (self.shown_first.end - self.shown_first.start) as usize];
            bulk::read_exact_at(file, &mut bytes, first + self.shown_first.start)
                .map_err(|error| Refusal::unreadable(self.path, &error))?;
            show(bytes);
        }
        let base = first / PAGE * PAGE;
        let buffer = bulk::read(self.path, file, base..end, self.share.clone(), watch)?;
        let after = if length > end { After::TrailingBytes } else { After::End };
        Ok((Bytes { buffer, first_sample: (first - base) as usize }, after))
    }

    fn read_deflated(
        &self,
        wrapping: Wrapping,
        file: &File,
        length: u64,
        watch: &dyn Watch,
        show: &dyn Fn(Vec<u8>),
    ) -> Result<(Bytes, After), Refusal> {
        let wanted = self.skipped.saturating_add(self.length);
        self.refuse_length(length)?;
        let reading = self.share.start..self.share_at(READING);
        let compressed = Arc::new(bulk::read(self.path, file, self.first_byte..length, reading, watch)?);
        // A file that gives so much for so little is looked through before memory is taken for it.
        if wanted > UNPROVEN.max(DENSE.saturating_mul(compressed.len() as u64)) {
            let wanted_bytes = usize::try_from(wanted).unwrap_or(usize::MAX);
            if !gzip::holds(wrapping, &compressed, wanted_bytes, |_| !watch.is_cancelled()) {
                return Err(match watch.is_cancelled() {
                    true => Refusal::cancelled(self.path),
                    false => self.truncated_or_damaged(wanted),
                });
            }
        }
        let mut buffer = buffer_for::<u8>(self.path, wanted)?;
        let first_sample = self.skipped as usize;
        if gzip::may_be_one_member(wrapping, &compressed, buffer.len()) {
            match self.inflate_at_once(wrapping, &compressed, buffer, watch, show)? {
                Ok(buffer) => return Ok((Bytes { buffer, first_sample }, After::End)),
                Err(returned) => buffer = returned,
            }
        }
        let [shown_from, shown_to] =
            [self.shown_first.start, self.shown_first.end].map(|n| (n + self.skipped) as usize);
        let mut shown = !watch.wants_preview() || self.shown_first.is_empty();
        let goes_on = |so_far: &[u8]| {
            self.tell_inflated(so_far.len(), wanted, watch);
            if !shown && let Some(bytes) = so_far.get(shown_from..shown_to) {
                show(bytes.to_vec());
                shown = true;
            }
            !watch.is_cancelled()
        };
        match gzip::inflate_in_steps(wrapping, &compressed, &mut buffer, goes_on) {
            Ok(after) => Ok((Bytes { buffer, first_sample }, after)),
            Err(InflateError::Stopped) => Err(Refusal::cancelled(self.path)),
            Err(InflateError::Truncated(found)) => Err(self.truncated(found as u64, wanted)),
            Err(InflateError::Damaged(found)) => {
                let text = format!(
                    "the compressed data are damaged (found after {found} of {wanted} bytes); copy the file again \
                     from its source"
                );
                Err(Refusal::new(self.path, RefusalCode::Damaged, text))
            }
        }
    }

    /// `Ok(Err(buffer))` where it takes the slower way, or a reason for the refusal has to be found.
    fn inflate_at_once(
        &self,
        wrapping: Wrapping,
        compressed: &Arc<Buffer<u8>>,
        buffer: Buffer<u8>,
        watch: &dyn Watch,
        show: &dyn Fn(Vec<u8>),
    ) -> Result<Result<Buffer<u8>, Buffer<u8>>, Refusal> {
        let length = buffer.len();
        let receiver = gzip::inflate_at_once(wrapping, compressed.clone(), buffer);
        let mut result = None;
        if watch.wants_preview() && !self.shown_first.is_empty() {
            let first = (self.skipped + self.shown_first.start) as usize;
            let mut bytes = vec![0; (self.shown_first.end - self.shown_first.start) as usize];
            // Streaming is the slower of the two, so what it has done is the least that is done.
            let shown = gzip::inflate_stretch(wrapping, compressed, first, &mut bytes, |done| {
                self.tell_inflated(done, length as u64, watch);
                result = receiver.try_recv().ok();
                result.is_none() && !watch.is_cancelled()
            });
            if shown {
                show(bytes);
            }
        }
        loop {
            if let Some(result) = result {
                return Ok(result);
            }
            if watch.is_cancelled() {
                return Err(Refusal::cancelled(self.path));
            }
            result = match receiver.recv_timeout(PATIENCE) {
                Ok(result) => Some(result),
                Err(RecvTimeoutError::Timeout) => None,
                // The system gave no thread.
                Err(RecvTimeoutError::Disconnected) => Some(Err(buffer_for(self.path, length as u64)?)),
            };
        }
    }

    /// A part of this part of the whole work.
    fn share_at(&self, part: f64) -> f64 {
        self.share.start + (self.share.end - self.share.start) * part
    }

    fn tell_inflated(&self, done: usize, wanted: u64, watch: &dyn Watch) {
        watch.progress(self.share_at(READING + (1.0 - READING) * done as f64 / wanted as f64));
    }

    fn truncated_or_damaged(&self, wanted: u64) -> Refusal {
        let text = format!(
            "is cut short or damaged: its compressed data end before {wanted} bytes; copy the file again from its source"
        );
        Refusal::new(self.path, RefusalCode::Truncated, text)
    }

    fn truncated(&self, found: u64, wanted: u64) -> Refusal {
        let text = format!(
            "is cut short: {found} bytes are there and {wanted} are needed; copy the file again from its source"
        );
        Refusal::new(self.path, RefusalCode::Truncated, text)
    }
}
