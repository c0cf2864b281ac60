//! What measurements come to, computed anew when one of them or the time shown changes.

use std::collections::HashMap;

use super::Session;
use crate::annotation::{Annotation, AnnotationId, Shape};
use crate::case::Case;
use crate::measure::{RegionValues, values_in};

/// What a measurement comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measured {
    /// A distance, in the study's unit of length.
    Length(f64),
    /// An angle; `None` where a leg has no length.
    Degrees(Option<f64>),
    /// Values inside a region; `None` where it holds no voxel.
    Values(Option<RegionValues>),
}

/// The measurements of a case, as they were when they were computed.
#[derive(Debug, Default)]
pub(super) struct Measurements {
    known: HashMap<AnnotationId, (Shape, usize, Measured)>,
}

impl Measurements {
    /// Takes in every measurement that changed since the last call.
    pub(super) fn follow(&mut self, case: &Case, time: usize) {
        let measurements =
            || case.annotations().iter().filter(|annotation| annotation.shape.is_measurement());
        for Annotation { id, shape, .. } in measurements() {
            let is_known = self.known.get(id).is_some_and(|(old, at, _)| old == shape && *at == time);
            if let Some(measured) = measure(case, shape, time).filter(|_| !is_known) {
                self.known.insert(*id, (*shape, time, measured));
            }
        }
        if self.known.len() > measurements().count() {
            self.known.retain(|id, _| case.annotation(*id).is_some());
        }
    }
}

fn measure(case: &Case, shape: &Shape, time: usize) -> Option<Measured> {
    let values = |region, elliptic| Measured::Values(values_in(case.volume(), region, elliptic, time));
    match shape {
        Shape::Box(_) | Shape::Landmark(_) => None,
        Shape::Ruler(_) => shape.length_mm().map(Measured::Length),
        Shape::Angle(_) => Some(Measured::Degrees(shape.degrees())),
        Shape::Ellipse(region) => Some(values(region, true)),
        Shape::Rectangle(region) => Some(values(region, false)),
    }
}

impl Session {
    /// What a measurement comes to, as of the last [`Self::refresh_counts`]; `None` for what measures
    /// nothing.
    pub fn measured(&self, id: AnnotationId) -> Option<Measured> {
        self.measurements.known.get(&id).map(|(.., measured)| *measured)
    }

    /// What a shape that is no annotation yet comes to.
    pub fn measured_now(&self, shape: &Shape) -> Option<Measured> {
        measure(&self.case, shape, self.display.time)
    }
}
