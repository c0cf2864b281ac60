//! Drawing state machines.
