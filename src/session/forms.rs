//! Answers to a form: of the case, the series and each slice.

use super::{Session, now};
use crate::annotation::{About, Answer, Classification, Form, Question, Subject};
use crate::case::{Edit, EditError};
use crate::geometry::GridPlane;

impl Session {
    /// The questions that are asked, where a form is loaded.
    pub fn form(&self) -> Option<&Form> {
        self.form.as_ref()
    }

    /// Asks the questions of another form. Answers to those of a former one stay in the case.
    pub fn set_form(&mut self, form: Form) {
        self.form = Some(form);
    }

    /// What questions about a kind of subject are asked of now: of slices, the one that the active pane
    /// shows.
    pub fn subject(&self, about: About) -> Subject {
        match about {
            About::Case => Subject::Case,
            About::Series => Subject::Series,
            About::Slice => {
                let family = GridPlane::nearest(self.grid(), self.panes[self.active_pane].plane);
                Subject::Slice { axis: family.slice_axis, slice: family.slice_at(self.grid(), self.focus) }
            }
        }
    }

    /// What is said of a subject; blank where nothing is.
    pub fn classification(&self, subject: Subject) -> Classification {
        self.case.classifications().get(&subject).cloned().unwrap_or_default()
    }

    /// Answers a question, or takes the answer back, as one step. What is no answer to it changes
    /// nothing.
    pub fn answer(
        &mut self,
        subject: Subject,
        question: &Question,
        answer: Option<Answer>,
    ) -> Result<(), EditError> {
        if answer.as_ref().is_some_and(|answer| !question.accepts(answer)) {
            return Ok(());
        }
        let mut said = self.classification(subject);
        match answer {
            Some(answer) => drop(said.answers.insert(question.id.clone(), answer)),
            None => drop(said.answers.remove(&question.id)),
        }
        self.classify(&format!("Answer \"{}\"", question.text), subject, said)
    }

    /// Flags a subject as ambiguous, with the reason, or takes the flag back.
    pub fn set_ambiguous(&mut self, subject: Subject, because: Option<String>) -> Result<(), EditError> {
        let said = Classification { ambiguous: because, ..self.classification(subject) };
        let step = match said.ambiguous {
            Some(_) => "Flag as ambiguous",
            None => "No longer ambiguous",
        };
        self.classify(step, subject, said)
    }

    /// Whether the study is done.
    pub fn is_done(&self) -> bool {
        self.classification(Subject::Series).done
    }

    /// Says that nothing is left to do on the study, or that something is.
    pub fn set_done(&mut self, done: bool) -> Result<(), EditError> {
        let said = Classification { done, ..self.classification(Subject::Series) };
        self.classify(if done { "Study done" } else { "Study not done" }, Subject::Series, said)
    }

    fn classify(&mut self, step: &str, subject: Subject, said: Classification) -> Result<(), EditError> {
        let before = self.classification(subject);
        let is_news =
            (&said.answers, &said.ambiguous, said.done) != (&before.answers, &before.ambiguous, before.done);
        if !is_news {
            return Ok(());
        }
        let signed = Classification { author: self.author.clone(), time: now(), ..said };
        let after = (!signed.is_blank()).then_some(signed);
        self.apply_step(step, |case| Edit::classify(case, subject, after).into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::case::Case;
    use crate::geometry::{Affine, Grid, Point, Vector};
    use crate::volume::{Buffer, Rescale, Samples, Volume};

    fn session() -> Session {
        let unit = |x, y, z| Vector::new(x, y, z);
        let map =
            Affine::from_axes(unit(1.0, 0.0, 0.0), unit(0.0, 1.0, 0.0), unit(0.0, 0.0, 1.0), Point::ORIGIN);
        let grid = Grid::new([8, 8, 5], map.expect("invertible"), None).expect("a grid");
        let samples = Samples::U8(Buffer::zeroed(grid.voxel_count()).expect("memory"));
        let volume = Volume::new(grid, 1, samples, Rescale::NONE).expect("a volume");
        Session::new(Case::new(Arc::new(volume)), "Ada")
    }

    #[test]
    fn an_answer_is_a_step_and_undo_takes_it_back() {
        let form = r#"{"title": "T", "questions": [{"id": "grade", "text": "Grade", "about": "slice", "kind": "number", "max": 4}]}"#;
        let form = Form::parse(form).expect("a form");
        let mut session = session();
        let subject = session.subject(About::Slice);
        assert_eq!(subject, Subject::Slice { axis: 2, slice: 2 });
        let grade = &form.questions[0];
        session.answer(subject, grade, Some(Answer::Number(9.0))).expect("nothing happens");
        assert!(session.case().classifications().is_empty());
        session.answer(subject, grade, Some(Answer::Number(3.0))).expect("answered");
        session.set_ambiguous(subject, Some("motion".into())).expect("flagged");
        session.set_ambiguous(subject, Some("motion".into())).expect("flagged already");
        assert_eq!(session.classification(subject).answers["grade"], Answer::Number(3.0));
        let names: Vec<&str> = session.history().done().collect();
        assert_eq!(names, ["Answer \"Grade\"", "Flag as ambiguous"]);
        session.undo().expect("undone");
        assert_eq!(session.classification(subject).ambiguous, None);
        session.undo().expect("undone");
        assert!(session.case().classifications().is_empty(), "what says nothing is not kept");
        session.redo().expect("again");
        assert_eq!(session.classification(subject).author, "Ada");
    }
}
