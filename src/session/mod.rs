//! One open case, where input meets state.
