//! The data set of a deflated file (PS3.5 A.5), read from front to back.
//!
//! Always true: frames asked for in order cost one pass over the stream together, so that a file of
//! many frames is not inflated as many times.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use flate2::read::DeflateDecoder;

use super::header::Image;

/// A stream that was read as far as its last reader needed.
pub(super) struct Inflating {
    image: Arc<Image>,
    stream: DeflateDecoder<BufReader<File>>,
    /// How far.
    at: u64,
}

impl Inflating {
    fn open(image: &Arc<Image>, mut file: File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(image.deflated_from as u64))?;
        Ok(Self { image: Arc::clone(image), stream: DeflateDecoder::new(BufReader::new(file)), at: 0 })
    }

    /// Fills `out` from byte `start` of the data set on. Goes on with the stream in `last` where that
    /// is the same file's and has not come further yet.
    pub(super) fn read(
        last: &mut Option<Self>,
        image: &Arc<Image>,
        file: &File,
        start: u64,
        out: &mut [u8],
    ) -> io::Result<()> {
        let goes_on = |last: &Self| Arc::ptr_eq(&last.image, image) && last.at <= start;
        let mut inflating = match last.take().filter(goes_on) {
            Some(inflating) => inflating,
            None => Self::open(image, file.try_clone()?)?,
        };
        let skipped = start - inflating.at;
        let found = io::copy(&mut (&mut inflating.stream).take(skipped), &mut io::sink())?;
        if found < skipped {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        inflating.stream.read_exact(out)?;
        inflating.at = start + out.len() as u64;
        *last = Some(inflating);
        Ok(())
    }
}
