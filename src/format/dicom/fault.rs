//! Why a picture cannot be decoded, without its file's name.

use crate::format::RefusalCode;

/// A code and a sentence.
#[derive(Debug)]
pub(super) struct Fault(pub(super) RefusalCode, pub(super) String);

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Self(
                RefusalCode::Truncated,
                "ends before its pixels do; copy it again from where it came".to_owned(),
            ),
            _ => Self(RefusalCode::Unreadable, format!("cannot be read: {error}")),
        }
    }
}

/// A fault as a result.
pub(super) fn fault<T>(code: RefusalCode, text: impl Into<String>) -> Result<T, Fault> {
    Err(Fault(code, text.into()))
}
