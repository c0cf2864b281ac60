//! The program: parses arguments and starts a face.

use std::process::ExitCode;

use annotomy::cli::{self, Invocation, WindowArgs};

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(filter.unwrap_or_else(|_| "error,annotomy=warn".into()))
        .without_time()
        .init();
    match cli::parse(std::env::args_os()) {
        Ok(Invocation::Command(command)) => command.run(),
        Ok(Invocation::Window(arguments)) => open_window(arguments),
        Err(exit_code) => exit_code,
    }
}

/// Opens the window and waits until it is closed.
#[cfg(feature = "desktop")]
fn open_window(arguments: WindowArgs) -> ExitCode {
    let mut paths = arguments.image.into_iter().chain(arguments.paths);
    let path = paths.next();
    if paths.next().is_some() || !arguments.overlays.is_empty() {
        eprintln!("annotomy: one study at a time is opened, without overlays; see annotomy --help");
    }
    if path.is_none() && arguments.segmentation.is_some() {
        eprintln!("annotomy: -s lays a mask over a study; name the study too, with -g IMAGE");
        return ExitCode::from(2);
    }
    for path in path.iter().chain(&arguments.segmentation).chain(&arguments.labels) {
        if !path.exists() {
            let name = path.display();
            eprintln!(
                "annotomy: {name}: there is no such file or folder, and no command of that name; see annotomy --help"
            );
            return ExitCode::from(2);
        }
    }
    let WindowArgs { segmentation: mask, labels, .. } = arguments;
    let start = annotomy::desktop::Start { path, mask, labels, ..Default::default() };
    match annotomy::desktop::run(start) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("annotomy: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Says that this build has no window.
#[cfg(not(feature = "desktop"))]
fn open_window(_arguments: WindowArgs) -> ExitCode {
    eprintln!("annotomy: this build has no window; see annotomy --help for what it does without one");
    ExitCode::FAILURE
}
