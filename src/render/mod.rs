//! Pictures of a case by wgpu, each pass with its plain CPU twin.
