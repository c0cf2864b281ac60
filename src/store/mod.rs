//! A case on disk: sidecar, masks, atomic saving, geometry receipt.
