//! Numbers from masks against slow twins, other programs' numbers, and the two commands.

mod apart;
mod commands;
mod made;
#[path = "../formats/oracle.rs"]
mod oracle;
mod oracles;
mod outlines;
mod radiomics;
mod statistics;
mod surfaces;
