//! annotomy
fn main() {}
