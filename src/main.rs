//! The program: parses arguments and starts a face.

fn main() -> anyhow::Result<()> {
    let path = std::env::args_os().nth(1).map(Into::into);
    annotomy::desktop::run(annotomy::desktop::Start { path })?;
    Ok(())
}
