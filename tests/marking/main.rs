//! Marking as a person and as a script do it: through `Session`, with pointers, wheels and steps.

mod algorithms;
mod behaviour;
mod history;
mod shapes;
mod stage;
mod strokes;
