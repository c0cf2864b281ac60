//! What a person says about a study besides painting: labels and their meaning, boxes, landmarks,
//! measurements, answers to a form.
//!
//! Always true: shapes lie in patient space; label 0 is background and is never in a scheme.
//!
//! Must never know: voxels, files, the clock (times are handed in).

mod classification;
mod presets;
mod scheme;
mod shape;

pub use classification::{About, Answer, AnswerKind, Classification, Form, FormError, Question, Subject};
pub use presets::{LabelPreset, LandmarkTemplate, label_presets, landmark_templates};
pub use scheme::{CodedConcept, Colour, Label, LabelScheme};
pub use shape::{Annotation, AnnotationId, FlatRegion, OrientedBox, Shape};
