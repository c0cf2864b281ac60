//! Memory for results that are as large as a study.

use bytemuck::Pod;

use crate::volume::Buffer;

/// Zeroes whose first touch is cheap. Where there is no memory left the process ends, as it does for
/// every other collection.
pub(super) fn zeroed<T: Pod>(len: usize) -> Buffer<T> {
    Buffer::zeroed(len).unwrap_or_else(|_| out_of_memory::<T>(len))
}

/// Ends the process, as there is no room for so many items.
pub(super) fn out_of_memory<T>(len: usize) -> ! {
    let layout = std::alloc::Layout::array::<T>(len);
    std::alloc::handle_alloc_error(layout.unwrap_or_else(|_| std::alloc::Layout::new::<T>()))
}
