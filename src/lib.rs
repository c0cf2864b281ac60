//! Annotomy.
