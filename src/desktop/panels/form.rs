//! The form: questions about the case, its series and the slice that is shown.

use std::time::Duration;

use egui::{Button, Key, Response, RichText, Role, TextEdit, Ui};

use crate::annotation::{About, Answer, AnswerKind, Question, Subject};
use crate::desktop::{theme, widgets};
use crate::session::{Command, Session};

/// A text being written: it becomes an answer when the field is left or the hands rest.
#[derive(Default)]
pub(super) struct FormPanel {
    writing: Option<(Subject, String, String)>,
    /// When it was changed last, in seconds of the window.
    changed_at: f64,
    /// What was left written though it is no answer.
    refused: Vec<Refused>,
    /// Whose flag was just set: the reason is to have the keyboard.
    flagged: Option<Subject>,
}

/// A text that is no answer to its question. It is shown until it is written anew, or another answer given.
struct Refused {
    subject: Subject,
    id: String,
    text: String,
    /// The answer that stood there.
    stored: String,
}

/// Hands rest when they write nothing for so many seconds.
const REST_SECONDS: f64 = 2.0;

/// Stands for the flag among the ids of questions, none of which is empty.
const AMBIGUOUS: &str = "";

impl FormPanel {
    /// Draws the section; a command that it gave.
    pub(super) fn show(&mut self, ui: &mut Ui, session: &mut Session) -> Option<Command> {
        let mut command = None;
        let form = session.form().cloned();
        let title = form.as_ref().map_or("Classification", |form| form.title.as_str());
        widgets::section(ui, title, |_| {});
        let mut done = session.is_done();
        if widgets::checkbox(ui, &mut done, "Study done")
            .on_hover_text(widgets::tooltip(Command::StudyDone))
            .changed()
        {
            command = Some(Command::StudyDone);
        }
        for about in About::ALL {
            let questions: Vec<Question> =
                form.as_ref().map(|form| form.about(about).cloned().collect()).unwrap_or_default();
            if questions.is_empty() && about != About::Series {
                continue;
            }
            let subject = session.subject(about);
            let heading = match subject {
                Subject::Slice { slice, .. } => {
                    let plane = session.view(session.active_pane()).anatomical.name();
                    format!("Slice {} ({plane})", slice + 1)
                }
                Subject::Case | Subject::Series => about.name().to_owned(),
            };
            ui.label(RichText::new(&heading).font(theme::medium(12.0)));
            for question in &questions {
                self.show_question(ui, session, subject, question);
            }
            self.show_flag(ui, session, subject, &heading);
            ui.add_space(4.0);
        }
        command
    }

    fn show_question(&mut self, ui: &mut Ui, session: &mut Session, subject: Subject, question: &Question) {
        let given = session.classification(subject).answers.get(&question.id).cloned();
        ui.add(egui::Label::new(RichText::new(&question.text).color(theme::palette(ui).weak)).wrap());
        let answer = match question.kind {
            AnswerKind::One => {
                show_choices(ui, question, |choice| given == Some(Answer::Text(choice.to_owned()))).map(
                    |choice| {
                        let answer = Answer::Text(choice);
                        (given.as_ref() != Some(&answer)).then_some(answer)
                    },
                )
            }
            AnswerKind::Many => {
                let chosen = match &given {
                    Some(Answer::Choices(chosen)) => chosen.clone(),
                    _ => Vec::new(),
                };
                show_choices(ui, question, |choice| chosen.iter().any(|other| other == choice))
                    .map(|choice| with_toggled(question, &chosen, &choice))
            }
            AnswerKind::Number | AnswerKind::Text => self.show_field(ui, subject, question, given.as_ref()),
        };
        if let Some(answer) = answer {
            told(session.answer(subject, question, answer));
        }
    }

    /// A field for text or a number; the answer once it is left, `None` within where it is empty.
    fn show_field(
        &mut self,
        ui: &mut Ui,
        subject: Subject,
        question: &Question,
        given: Option<&Answer>,
    ) -> Option<Option<Answer>> {
        let stored = match given {
            Some(Answer::Number(number)) => number.to_string(),
            Some(Answer::Text(text)) => text.clone(),
            Some(Answer::Choices(_)) | None => String::new(),
        };
        let is_number = question.kind == AnswerKind::Number;
        let read = |text: &str| match (is_number, text.trim()) {
            (_, "") => Some(None),
            (true, text) => text.replace(',', ".").parse().ok().map(|number| Some(Answer::Number(number))),
            (false, text) => Some(Some(Answer::Text(text.to_owned()))),
        };
        let accepts = |answer: &Option<Answer>| answer.as_ref().is_none_or(|answer| question.accepts(answer));
        let is_this = |one: &Refused| (one.subject, &one.id) == (subject, &question.id);
        self.refused.retain(|one| !is_this(one) || one.stored == stored);
        let refused = self.refused.iter().find(|one| is_this(one)).map(|one| one.text.clone());
        let is_refused = refused.is_some();
        let shown = refused.unwrap_or_else(|| stored.clone());
        let mut left = None;
        ui.horizontal(|ui| {
            let width = if is_number { 80.0 } else { ui.available_width() - 8.0 };
            let (text, response) =
                self.field(ui, (subject, &question.id), &question.text, shown.clone(), width);
            left = text;
            if is_refused && response.gained_focus() {
                // It is there to be written anew.
                widgets::select_all(ui, response.id, &shown);
            }
            if let Some(unit) = &question.unit {
                ui.label(unit);
            }
            let wanted = match (question.min, question.max) {
                (Some(min), Some(max)) => format!("{min} to {max}"),
                (Some(min), None) => format!("from {min}"),
                (None, Some(max)) => format!("up to {max}"),
                (None, None) => String::new(),
            };
            let is_written =
                |(other, id, _): &&(Subject, String, String)| (*other, id) == (subject, &question.id);
            let text = self.writing.iter().find(is_written).map_or(&shown, |(_, _, text)| text);
            let colours = theme::palette(ui);
            let (words, colour) = match read(text) {
                Some(answer) if accepts(&answer) => (wanted, colours.weak),
                Some(_) => (format!("not taken: {wanted}"), colours.warning),
                None => ("not taken: no number".to_owned(), colours.warning),
            };
            ui.label(RichText::new(words).small().color(colour));
        });
        let text = left?;
        self.refused.retain(|one| !is_this(one));
        let answer = read(&text).filter(accepts);
        if answer.is_none() {
            let id = question.id.clone();
            self.refused.push(Refused { subject, id, text, stored });
        }
        answer
    }

    /// The standing "ambiguous, because …".
    fn show_flag(&mut self, ui: &mut Ui, session: &mut Session, subject: Subject, heading: &str) {
        let because = session.classification(subject).ambiguous;
        let mut flagged = because.is_some();
        let flag = widgets::checkbox(ui, &mut flagged, "Ambiguous, because…");
        widgets::named_check(&flag, flagged, &format!("{heading} is ambiguous"));
        if flag.on_hover_text("Nobody can tell: say why, and go on").changed() {
            told(session.set_ambiguous(subject, flagged.then(String::new)));
            self.flagged = flagged.then_some(subject);
            return;
        }
        let Some(because) = because else { return };
        let name = format!("Why {} is ambiguous", heading.to_lowercase());
        let width = ui.available_width() - 8.0;
        if let (Some(text), _) = self.field(ui, (subject, AMBIGUOUS), &name, because, width) {
            told(session.set_ambiguous(subject, Some(text.trim().to_owned())));
        }
    }

    /// A field for a text; the text once it is left, and whenever the hands rest.
    fn field(
        &mut self,
        ui: &mut Ui,
        (subject, id): (Subject, &str),
        name: &str,
        stored: String,
        width: f32,
    ) -> (Option<String>, Response) {
        let is_this = |writing: &(Subject, String, String)| writing.0 == subject && writing.1 == id;
        let mut text =
            self.writing.iter().find(|writing| is_this(writing)).map_or(stored.clone(), |w| w.2.clone());
        let response: Response =
            ui.add(TextEdit::singleline(&mut text).id_salt((subject, id.to_owned())).desired_width(width));
        widgets::named(&response, Role::TextInput, name);
        if id == AMBIGUOUS && self.flagged.take_if(|flagged| *flagged == subject).is_some() {
            response.request_focus();
        }
        let now = ui.input(|input| input.time);
        if !response.has_focus() {
            let was_written = self.writing.take_if(|writing| is_this(writing)).is_some();
            let is_kept = ui.input(|input| input.key_pressed(Key::Escape)) || text == stored;
            return ((was_written && !is_kept).then_some(text), response);
        }
        if response.changed() {
            self.changed_at = now;
        }
        self.writing = Some((subject, id.to_owned(), text.clone()));
        let rests_in = self.changed_at + REST_SECONDS - now;
        if text == stored {
            return (None, response);
        }
        ui.ctx().request_repaint_after(Duration::from_secs_f64(rests_in.max(0.0)));
        ((rests_in <= 0.0).then_some(text), response)
    }
}

/// Buttons for the choices; the one that was clicked.
fn show_choices(ui: &mut Ui, question: &Question, is_chosen: impl Fn(&str) -> bool) -> Option<String> {
    let mut clicked = None;
    ui.horizontal_wrapped(|ui| {
        for choice in &question.choices {
            let chosen = is_chosen(choice);
            let response = ui.add(Button::new(choice).selected(chosen));
            widgets::named_check(&response, chosen, &format!("{}: {choice}", question.text));
            if response.clicked() {
                clicked = Some(choice.clone());
            }
        }
    });
    clicked
}

/// The choices with one more or one less, in the form's order; `None` where none is left.
fn with_toggled(question: &Question, chosen: &[String], choice: &str) -> Option<Answer> {
    let stays = |other: &&String| chosen.contains(*other) != (other.as_str() == choice);
    let kept: Vec<String> = question.choices.iter().filter(stays).cloned().collect();
    (!kept.is_empty()).then_some(Answer::Choices(kept))
}

fn told(made: Result<(), crate::case::EditError>) {
    if let Err(error) = made {
        tracing::error!("an answer was not taken: {error}");
    }
}
