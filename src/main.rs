//! The program: parses arguments and starts a face.

fn main() {}
