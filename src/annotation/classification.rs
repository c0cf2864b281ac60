//! What a person says about a whole case, a series or one slice: the questions of a form, and answers.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// What is classified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "kebab-case")]
pub enum Subject {
    /// The patient's case, of which the study at hand may be a part.
    Case,
    /// The study at hand.
    Series,
    /// One slice of its grid.
    Slice {
        /// The voxel axis across it: 0 for i, 1 for j, 2 for k.
        axis: usize,
        /// Its place along that axis, from 0.
        slice: usize,
    },
}

/// An answer to one question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// A finite number, in the question's unit.
    Number(f64),
    /// Free text, or the one choice.
    Text(String),
    /// Several choices, in the form's order.
    Choices(Vec<String>),
}

/// What is said of one subject.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Classification {
    /// Answers by the id of their question.
    pub answers: BTreeMap<String, Answer>,
    /// "Ambiguous, because …": why nobody can tell; `None` where it is not flagged.
    pub ambiguous: Option<String>,
    /// Whether nothing is left to do here.
    pub done: bool,
    /// Who said the last of it.
    pub author: String,
    /// When, UTC, RFC 3339.
    pub time: String,
}

impl Classification {
    /// Whether nothing is said.
    pub fn is_blank(&self) -> bool {
        self.answers.is_empty() && self.ambiguous.is_none() && !self.done
    }
}

/// Questions to be answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// What the form is called.
    pub title: String,
    /// In the order in which they are asked.
    pub questions: Vec<Question>,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Names it in what is saved; unique in the form.
    pub id: String,
    /// As the person reads it.
    pub text: String,
    /// What it is asked of.
    pub about: About,
    /// What kind of answer it wants.
    pub kind: AnswerKind,
    /// What there is to choose from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// The smallest number that is an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The unit of a number, such as `mm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// What a question is asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// The patient's case.
    Case,
    /// The study at hand.
    Series,
    /// Each slice for itself.
    Slice,
}

impl About {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Case, Self::Series, Self::Slice];

    /// "Case", "Series", "Slice".
    pub fn name(self) -> &'static str {
        match self {
            Self::Case => "Case",
            Self::Series => "Series",
            Self::Slice => "Slice",
        }
    }
}

/// What kind of answer a question wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerKind {
    /// One of the choices.
    One,
    /// Any of the choices.
    Many,
    /// A number.
    Number,
    /// A sentence.
    Text,
}

/// Why a text is no form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// It is not JSON of a form's shape.
    #[error("it is no form: {0}")]
    Shape(String),
    /// Two questions share an id, or one has none.
    #[error("the id \"{0}\" stands twice or is empty")]
    Id(String),
    /// A question to choose from without choices, or with the same one twice.
    #[error("the question \"{0}\" needs different choices")]
    Choices(String),
    /// A range without a number in it.
    #[error("no number answers the question \"{0}\"")]
    Range(String),
}

impl Form {
    /// Reads a form's JSON.
    pub fn parse(json: &str) -> Result<Self, FormError> {
        let form: Self = serde_json::from_str(json).map_err(|error| FormError::Shape(error.to_string()))?;
        let mut ids = BTreeSet::new();
        for question in &form.questions {
            let id = question.id.clone();
            if id.is_empty() || !ids.insert(id.clone()) {
                return Err(FormError::Id(id));
            }
            let different: BTreeSet<&String> = question.choices.iter().collect();
            let wants_choices = matches!(question.kind, AnswerKind::One | AnswerKind::Many);
            if different.len() < question.choices.len() || wants_choices == different.is_empty() {
                return Err(FormError::Choices(id));
            }
            if question.min.zip(question.max).is_some_and(|(min, max)| min > max) {
                return Err(FormError::Range(id));
            }
        }
        Ok(form)
    }

    /// The questions about one kind of subject.
    pub fn about(&self, about: About) -> impl Iterator<Item = &Question> {
        self.questions.iter().filter(move |question| question.about == about)
    }
}

impl Question {
    /// Whether this is an answer to it.
    pub fn accepts(&self, answer: &Answer) -> bool {
        match (self.kind, answer) {
            (AnswerKind::One, Answer::Text(choice)) => self.choices.contains(choice),
            (AnswerKind::Many, Answer::Choices(chosen)) => {
                !chosen.is_empty() && chosen.iter().all(|choice| self.choices.contains(choice))
            }
            (AnswerKind::Number, Answer::Number(number)) => {
                number.is_finite()
                    && self.min.is_none_or(|min| *number >= min)
                    && self.max.is_none_or(|max| *number <= max)
            }
            (AnswerKind::Text, Answer::Text(text)) => !text.is_empty(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(question: &str) -> Result<Form, FormError> {
        Form::parse(&format!(r#"{{"title": "T", "questions": [{question}]}}"#))
    }

    #[test]
    fn a_form_that_cannot_be_answered_is_refused() {
        let check = |question: &str, expected: Option<FormError>| {
            assert_eq!(form(question).err(), expected, "{question}");
        };
        let id = || "q".to_owned();
        check(r#"{"id": "q", "text": "Sure?", "about": "series", "kind": "text"}"#, None);
        let choose = r#"{"id": "q", "text": "", "about": "case", "kind": "one", "choices": ["a", "a"]}"#;
        check(choose, Some(FormError::Choices(id())));
        check(&choose.replace(r#"["a", "a"]"#, "[]"), Some(FormError::Choices(id())));
        check(&choose.replace(r#""a", "a""#, r#""a", "b""#), None);
        check(&choose.replace("one", "number"), Some(FormError::Choices(id())));
        let number = r#"{"id": "q", "text": "", "about": "slice", "kind": "number", "min": 2, "max": 1}"#;
        check(number, Some(FormError::Range(id())));
        check(&number.replace("\"q\"", "\"\""), Some(FormError::Id(String::new())));
        check(&format!("{0}, {0}", number.replace("2", "0")), Some(FormError::Id(id())));
        assert!(matches!(form(&number.replace("min", "mini")), Err(FormError::Shape(_))));
    }

    #[test]
    fn only_what_was_asked_for_is_an_answer() {
        let question = |kind: &str| {
            let rest = match kind {
                "one" | "many" => r#", "choices": ["a", "b"]"#,
                _ => r#", "min": 0, "max": 10"#,
            };
            let text = format!(r#"{{"id": "q", "text": "", "about": "case", "kind": "{kind}"{rest}}}"#);
            form(&text).expect("a form").questions.remove(0)
        };
        let choices = |words: &[&str]| Answer::Choices(words.iter().map(|word| (*word).to_owned()).collect());
        let check = |kind: &str, answer: Answer, accepted: bool| {
            assert_eq!(question(kind).accepts(&answer), accepted, "{kind} {answer:?}");
        };
        check("one", Answer::Text("a".into()), true);
        check("one", Answer::Text("c".into()), false);
        check("many", choices(&["b", "a"]), true);
        check("many", choices(&["c"]), false);
        check("many", choices(&[]), false);
        check("number", Answer::Number(10.0), true);
        check("number", Answer::Number(10.5), false);
        check("number", Answer::Number(f64::NAN), false);
        check("text", Answer::Text("seen twice".into()), true);
        check("text", Answer::Number(1.0), false);
    }
}
