//! The frames a journal is made of: `u32` length, `u32` inflated length (both little-endian), and that
//! many bytes of zlib-deflated JSON. A frame that was cut off, or does not inflate to its checksum, is
//! none.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use libdeflater::{CompressionLvl, Compressor, Decompressor};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Frames that inflate to more are no frames of ours.
const LONGEST_FRAME: usize = 1 << 30;
/// Bytes before the deflated ones.
const LENGTHS: u64 = 8;

/// Where a frame lies in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Its first byte.
    pub(super) start: u64,
    /// Its bytes, the two lengths among them.
    pub(super) bytes: u64,
}

/// Content as a frame.
pub(super) fn frame(content: &impl Serialize) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(content)?;
    let mut deflater = Compressor::new(CompressionLvl::fastest());
    let mut bytes = vec![0; LENGTHS as usize + deflater.zlib_compress_bound(json.len())];
    let length = deflater.zlib_compress(&json, &mut bytes[LENGTHS as usize..]).map_err(io::Error::other)?;
    bytes.truncate(LENGTHS as usize + length);
    let too_long = |_| io::Error::other("a step is too large for the journal");
    let lengths = [length, json.len()].map(u32::try_from);
    for (place, length) in lengths.into_iter().enumerate() {
        bytes[4 * place..4 * place + 4].copy_from_slice(&length.map_err(too_long)?.to_le_bytes());
    }
    Ok(bytes)
}

/// The frames of a file one after the other, from where it stands to `end`.
pub(super) struct Frames<R> {
    source: R,
    at: u64,
    end: u64,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(source: R, at: u64, end: u64) -> Self {
        Self { source, at, end }
    }

    /// Where the next frame begins. What lies behind it when no more come is a torn end.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The next frame, and where it lies.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<(Place, T)>> {
        let left = self.end - self.at;
        let mut lengths = [[0; 4]; 2];
        if left < LENGTHS {
            return Ok(None);
        }
        self.source.read_exact(lengths.as_flattened_mut())?;
        let [length, inflated] = lengths.map(|length| u32::from_le_bytes(length) as usize);
        // Deflate makes at most 1032 bytes of one.
        if length as u64 > left - LENGTHS || inflated > LONGEST_FRAME.min(length.saturating_mul(1032)) {
            return Ok(None);
        }
        let mut deflated = vec![0; length];
        self.source.read_exact(&mut deflated)?;
        let mut json = vec![0; inflated];
        let whole = Decompressor::new().zlib_decompress(&deflated, &mut json) == Ok(inflated);
        let read: Option<T> = if whole { serde_json::from_slice(&json).ok() } else { None };
        let place = Place { start: self.at, bytes: LENGTHS + length as u64 };
        Ok(read.map(|content| {
            self.at += place.bytes;
            (place, content)
        }))
    }
}

/// A file whose frames are read again when they are wanted, so that nobody has to hold them all.
#[derive(Clone, Debug)]
pub(super) struct FrameFile(Arc<Mutex<File>>);

impl FrameFile {
    pub(super) fn new(file: File) -> Self {
        Self(Arc::new(Mutex::new(file)))
    }

    /// The content of the frame at `place`.
    pub(super) fn read<T: DeserializeOwned>(&self, place: Place) -> io::Result<T> {
        let bytes = self.bytes(place)?;
        let found = Frames::new(&bytes[..], 0, place.bytes).next()?;
        found.map(|(_, content)| content).ok_or_else(|| io::Error::other("a step on the disk is damaged"))
    }

    /// The frame at `place` as it lies there.
    pub(super) fn bytes(&self, place: Place) -> io::Result<Vec<u8>> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(place.start))?;
        let mut bytes = vec![0; place.bytes as usize];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// The frames of a file that begin at `at`.
pub(super) fn frames_from(mut file: File, at: u64) -> io::Result<Frames<BufReader<File>>> {
    let end = file.metadata()?.len();
    file.seek(SeekFrom::Start(at))?;
    Ok(Frames::new(BufReader::new(file), at, end))
}
