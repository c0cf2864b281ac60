//! SHA-256 digests: of files, and of a study's samples.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

use rayon::prelude::*;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::format::open_plain;
use crate::volume::Volume;

/// A SHA-256 digest, written as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

/// Bytes of samples under one inner digest.
const CHUNK: usize = 4 << 20;

impl Digest {
    /// The digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of a file.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let mut file = open_plain(path)?;
        let mut hash = Sha256::new();
        let mut block = vec![0; 1 << 16];
        loop {
            match file.read(&mut block)? {
                0 => return Ok(Self(hash.finalize().into())),
                count => hash.update(&block[..count]),
            }
        }
    }

    /// What tells the content of one volume from that of another, however it is stored: the SHA-256
    /// of the line `annotomy-content-1 NI NJ NK TIMES TYPE\n` (dimensions, points in time and stored
    /// type, as in `info`) followed by the 32-byte SHA-256 of each 4 MiB chunk of the stored samples,
    /// i fastest, then j, k, time, little-endian, components of a colour together.
    ///
    /// With nibabel, `samples` being `numpy.asarray(image.dataobj.get_unscaled())`:
    ///
    /// ```python
    /// raw = samples.astype(samples.dtype.newbyteorder("<")).tobytes(order="F")
    /// total = hashlib.sha256(b"annotomy-content-1 512 512 300 1 i16\n")
    /// for at in range(0, len(raw), 4 << 20):
    ///     total.update(hashlib.sha256(raw[at : at + (4 << 20)]).digest())
    /// ```
    pub fn of_content(volume: &Volume) -> Self {
        // The formats' rooms hold that samples lie little-endian in memory.
        let bytes = volume.samples().bytes();
        let chunks: Vec<[u8; 32]> =
            bytes.par_chunks(CHUNK).map(|chunk| Sha256::digest(chunk).into()).collect();
        let [ni, nj, nk] = volume.grid().dims();
        let (times, name) = (volume.times(), volume.sample_type().name());
        let mut total = Sha256::new();
        total.update(format!("annotomy-content-1 {ni} {nj} {nk} {times} {name}\n"));
        for chunk in chunks {
            total.update(chunk);
        }
        Self(total.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not a SHA-256 of 64 hex digits");
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
