//! The program: parses arguments and starts a face.

use std::process::ExitCode;

use annotomy::cli::{self, Invocation, WindowArgs};

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(Invocation::Command(command)) => command.run(),
        Ok(Invocation::Window(arguments)) => open_window(&arguments),
        Err(exit_code) => exit_code,
    }
}

/// Opens the window and waits until it is closed.
fn open_window(_arguments: &WindowArgs) -> ExitCode {
    eprintln!("annotomy: this build has no window; see annotomy --help for what it does without one");
    ExitCode::FAILURE
}
