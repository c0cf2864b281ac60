//! What a person says about a study besides painting: labels and their meaning, boxes, landmarks,
//! answers to a form.
//!
//! Always true: shapes lie in patient space; label 0 is background and is never in a scheme.
//!
//! Must never know: voxels, files, the clock (times are handed in).

mod classification;
mod scheme;
mod shape;

pub use classification::{About, Answer, AnswerKind, Classification, Form, FormError, Question, Subject};
pub use scheme::{CodedConcept, Colour, Label, LabelScheme};
pub use shape::{Annotation, AnnotationId, OrientedBox, Shape};
