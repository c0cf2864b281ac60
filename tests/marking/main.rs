//! Marking as a person and as a script do it: through `Session`, with pointers, wheels and steps.

mod algorithms;
mod behaviour;
mod edges;
mod hands;
mod history;
mod labels;
mod measuring;
mod shapes;
mod slices;
mod stage;
mod strokes;
mod trials;
mod writing;
