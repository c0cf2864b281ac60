//! Who waits for an operation, and may call it off.

/// Told how far an operation has come, and asked whether it should go on.
pub trait Progress: Sync {
    /// Whether the work should stop; asked often. It then ends with [`Cancelled`].
    fn is_cancelled(&self) -> bool {
        false
    }

    /// How much is done, from 0 to 1. Threads that share the work may tell it out of order.
    fn set(&self, _fraction: f32) {}

    /// Tells how much is done, and ends the work if it should stop.
    fn go_on(&self, fraction: f32) -> Result<(), Cancelled> {
        self.set(fraction);
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }
}

/// Nobody waits: the work goes on to its end.
pub struct Unwatched;

impl Progress for Unwatched {}

/// The work was called off; nothing came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;
