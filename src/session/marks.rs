//! What a person does with boxes, landmarks and measurements beside drawing them.

use super::{Session, now};
use crate::annotation::{Annotation, AnnotationId, Label, Shape};
use crate::case::{Edit, EditError};

impl Session {
    /// The selected annotation.
    pub fn selected(&self) -> Option<&Annotation> {
        self.case.annotation(self.selected?)
    }

    /// Selects an annotation and shows the slice that holds its middle, or selects nothing.
    pub fn select(&mut self, id: Option<AnnotationId>) {
        self.selected = id;
        if let Some(annotation) = self.selected() {
            let middle = annotation.shape.centre();
            self.set_focus(middle);
        }
    }

    /// Adds a box or landmark as one step, which also makes its label where there is none yet.
    pub fn add_annotation(
        &mut self,
        name: String,
        shape: Shape,
        label: Option<u16>,
    ) -> Result<(), EditError> {
        let word = match shape {
            Shape::Box(_) => "Draw",
            Shape::Landmark(_) => "Place",
            _ => "Measure",
        };
        let step = format!("{word} {name}");
        let id = uuid::Uuid::new_v4();
        let annotation = Annotation { id, name, label, shape, author: self.author.clone(), created: now() };
        self.apply_step(&step, |case| {
            let new_label = label
                .filter(|index| case.scheme().get(*index).is_none())
                .and_then(|index| Edit::set_label(case, index, Some(Label::numbered(index))));
            new_label.into_iter().chain([Edit::add_annotation(case, annotation)]).collect()
        })
    }

    /// Gives an annotation another name.
    pub fn rename_annotation(&mut self, id: AnnotationId, name: &str) -> Result<(), EditError> {
        let Some(annotation) = self.case.annotation(id) else { return Ok(()) };
        let step = format!("Rename {} to {name}", annotation.name);
        self.apply_step(&step, |case| {
            let renamed = case.annotation(id).map(|now| Annotation { name: name.to_owned(), ..now.clone() });
            renamed.and_then(|renamed| Edit::change_annotation(case, id, Some(renamed))).into_iter().collect()
        })
    }

    /// Removes an annotation.
    pub fn delete_annotation(&mut self, id: AnnotationId) -> Result<(), EditError> {
        let Some(annotation) = self.case.annotation(id) else { return Ok(()) };
        let step = format!("Delete {}", annotation.name);
        self.apply_step(&step, |case| Edit::change_annotation(case, id, None).into_iter().collect())
    }
}
