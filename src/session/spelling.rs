//! What is wrong with a step as somebody wrote it, in one plain sentence that names the step and the field.
//!
//! Always true: what reads as a step here is what `serde` reads as one; only the words are ours.

use serde_json::{Map, Value, json};

use super::{Algorithm, Script, ScriptStep};

/// Every field of a step: its name, after that of its tool where it means something else there, what it has to be,
/// and one that is right.
const FIELDS: [(&str, &str, &str); 42] = [
    ("tool", "a tool's name", "\"undo\""),
    ("index", "a whole number from 1 to 65535", "1"),
    ("label", "a whole number from 1 to 65535", "1"),
    ("name", "a text", "\"a\""),
    ("color", "a colour as \"#rrggbb\"", "\"#102030\""),
    ("locked", "true or false", "true"),
    ("shape", "\"disc\" or \"ball\"", "\"ball\""),
    ("plane", "\"axial\", \"coronal\" or \"sagittal\"", "\"axial\""),
    ("radius_mm", "a number of millimetres", "1"),
    ("points_lps", "a list of points [x, y, z]", "[[0, 0, 0]]"),
    ("range", "two numbers [low, high]", "[0, 1]"),
    ("min_lps", "a point [x, y, z]", "[0, 0, 0]"),
    ("max_lps", "a point [x, y, z]", "[0, 0, 0]"),
    ("point_lps", "a point [x, y, z]", "[0, 0, 0]"),
    ("times", "a whole number", "1"),
    ("steps", "a list of steps", "[]"),
    ("seed_lps", "a point [x, y, z]", "[0, 0, 0]"),
    ("confidence", "a number of standard deviations", "2.5"),
    ("connectivity", "6, 18 or 26", "6"),
    ("slice", "\"i\", \"j\" or \"k\"", "\"k\""),
    ("slices", "\"i\", \"j\" or \"k\"", "\"k\""),
    ("axis", "\"i\", \"j\" or \"k\"", "\"k\""),
    ("keep", "\"largest\"", "\"largest\""),
    ("count", "a whole number", "1"),
    ("remove_below_mm3", "a number of cubic millimetres", "1"),
    ("split", "true or false", "true"),
    ("keep_others", "true or false", "true"),
    ("mm", "a number of millimetres", "1"),
    ("margin_mm", "a number of millimetres", "1"),
    ("wall", "\"inside\", \"middle\" or \"outside\"", "\"inside\""),
    ("labels", "a list of whole numbers from 1 to 65535", "[1]"),
    ("method", "\"closing\", \"opening\", \"median\", \"gaussian\" or \"joint\"", "\"median\""),
    ("refine.method", "\"graph-cut\" or \"random-walker\"", "\"graph-cut\""),
    ("within_mm", "a number of millimetres", "1"),
    ("around_lps", "a point [x, y, z]", "[0, 0, 0]"),
    ("follow_edges", "a number from 0 to 1", "0.2"),
    ("op", "\"union\", \"intersect\" or \"subtract\"", "\"union\""),
    ("a", "a whole number from 1 to 65535", "1"),
    ("b", "a whole number from 1 to 65535", "1"),
    ("into", "a whole number from 1 to 65535", "1"),
    ("a_layer", "a whole number", "0"),
    ("b_layer", "a whole number", "0"),
];

/// The tools of steps that hands make; [`Algorithm::TOOLS`] has the others.
const HAND_TOOLS: [&str; 8] = ["label", "brush", "erase", "box", "landmark", "interpolate", "undo", "redo"];

impl Script {
    /// A list of steps from its text; an error is one plain sentence.
    pub fn from_text(text: &str) -> Result<Self, String> {
        let value = parsed(text)?;
        let Value::Object(mut script) = value else {
            return Err("has to be {\"steps\": [a list of steps]}".to_owned());
        };
        let Some(Value::Array(steps)) = script.remove("steps") else {
            return Err("needs \"steps\", a list of steps".to_owned());
        };
        if let Some(other) = script.keys().next() {
            return Err(format!("has \"{other}\" beside \"steps\", which means nothing here"));
        }
        let step = |(number, value)| {
            ScriptStep::from_value(value).map_err(|why| format!("step {}: {why}", number + 1))
        };
        Ok(Self { steps: steps.into_iter().enumerate().map(step).collect::<Result<_, _>>()? })
    }
}

impl ScriptStep {
    /// A step from its text; an error is one plain sentence.
    pub fn from_text(text: &str) -> Result<Self, String> {
        Self::from_value(parsed(text)?)
    }

    fn from_value(value: Value) -> Result<Self, String> {
        serde_json::from_value(value.clone()).map_err(|error| match &value {
            Value::Object(step) => what_is_wrong(step).unwrap_or_else(|| error.to_string()),
            _ => "has to be an object such as {\"tool\": \"undo\"}".to_owned(),
        })
    }
}

fn parsed(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| {
        format!("is no JSON: line {}, column {} cannot be read on", error.line(), error.column())
    })
}

fn what_is_wrong(step: &Map<String, Value>) -> Option<String> {
    let tools = [&HAND_TOOLS, Algorithm::TOOLS].concat();
    let tool = match step.get("tool") {
        Some(Value::String(tool)) if tools.contains(&tool.as_str()) => tool,
        Some(other) => return Some(format!("\"tool\" has to be one of {}, not {other}", tools.join(", "))),
        None => return Some(format!("needs \"tool\", one of {}", tools.join(", "))),
    };
    let example = |name: &str| {
        let of_tool = format!("{tool}.{name}");
        let field = FIELDS.iter().find(|(field, ..)| *field == of_tool);
        let (_, meaning, example) = field.or(FIELDS.iter().find(|(field, ..)| *field == name))?;
        Some((*meaning, serde_json::from_str::<Value>(example).ok()?))
    };
    // The same step with every field right; then what is still wrong is a field too many or too few.
    let mut right: Map<String, Value> = step.clone();
    for (name, value) in right.iter_mut().filter(|(name, _)| *name != "tool") {
        let Some((_, example)) = example(name) else {
            return Some(format!("the tool {tool} has no field \"{name}\""));
        };
        *value = example;
    }
    let reads = |step: &Map<String, Value>| serde_json::from_value::<ScriptStep>(json!(step));
    if let Err(error) = reads(&right) {
        let error = error.to_string();
        let named = error.split('`').nth(1)?;
        return Some(match error.starts_with("missing") {
            true => format!("the tool {tool} needs \"{named}\", {}", example(named)?.0),
            false => format!("the tool {tool} has no field \"{named}\""),
        });
    }
    let is_wrong = |(name, value): &(&String, &Value)| {
        let mut one_wrong = right.clone();
        one_wrong.insert((*name).clone(), (*value).clone());
        reads(&one_wrong).is_err()
    };
    let (name, value) = step.iter().find(is_wrong)?;
    let value: String = value.to_string().chars().take(80).collect();
    Some(format!("\"{name}\" of the tool {tool} has to be {}, not {value}", example(name)?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_plain_sentences_that_name_step_and_field() {
        let check = |step: &str, expected: &str| {
            let found = ScriptStep::from_text(step).expect_err(step);
            assert_eq!(found, expected, "{step}");
            let script = Script::from_text(&format!(r#"{{"steps": [{{"tool": "undo"}}, {step}]}}"#));
            assert_eq!(script.expect_err(step), format!("step 2: {expected}"));
        };
        let stroke =
            r#"{"tool": "brush", "label": 1, "shape": "ball", "radius_mm": 2, "points_lps": [[0, 0, 0]]}"#;
        assert!(ScriptStep::from_text(stroke).is_ok());
        let radius = "\"radius_mm\" of the tool brush has to be a number of millimetres, not \"wide\"";
        check(&stroke.replace("2,", "\"wide\","), radius);
        let points = "\"points_lps\" of the tool brush has to be a list of points [x, y, z], not [[0,0]]";
        check(&stroke.replace("[0, 0, 0]", "[0, 0]"), points);
        check(
            &stroke.replace("ball", "cube"),
            "\"shape\" of the tool brush has to be \"disc\" or \"ball\", not \"cube\"",
        );
        check(
            &stroke.replace("\"label\": 1, ", ""),
            "the tool brush needs \"label\", a whole number from 1 to 65535",
        );
        check(&stroke.replace("label", "lable"), "the tool brush has no field \"lable\"");
        check(r#"{"tool": "undo", "label": 2}"#, "the tool undo has no field \"label\"");
        let tools = "one of label, brush, erase, box, landmark, interpolate, undo, redo, threshold, grow, fill, \
                     islands, fill-holes, margin, hollow, smooth, refine, grow-from-seeds, combine";
        check(&stroke.replace("brush", "spray"), &format!("\"tool\" has to be {tools}, not \"spray\""));
        check(
            r#"{"tool": "threshold", "label": 1, "range": 7}"#,
            "\"range\" of the tool threshold has to be two numbers [low, high], not 7",
        );
        check(r#"{"tool": "margin", "label": 1}"#, "the tool margin needs \"mm\", a number of millimetres");
        check(
            r#"{"tool": "combine", "op": "add", "a": 1, "b": 2, "into": 3}"#,
            "\"op\" of the tool combine has to be \"union\", \"intersect\" or \"subtract\", not \"add\"",
        );
        check(
            r#"{"tool": "interpolate", "label": 1, "axis": "z"}"#,
            "\"axis\" of the tool interpolate has to be \"i\", \"j\" or \"k\", not \"z\"",
        );
        let refine = r#"{"tool": "refine", "label": 1, "method": "graph-cut", "within_mm": 3, "around_lps": [0, 0, 0]}"#;
        assert!(ScriptStep::from_text(refine).is_ok());
        let methods = "\"graph-cut\" or \"random-walker\"";
        check(
            &refine.replace("graph-cut", "magic"),
            &format!("\"method\" of the tool refine has to be {methods}, not \"magic\""),
        );
        check(
            &refine.replace("\"method\": \"graph-cut\", ", ""),
            &format!("the tool refine needs \"method\", {methods}"),
        );
        check(
            &refine.replace("3,", "\"3\","),
            "\"within_mm\" of the tool refine has to be a number of millimetres, not \"3\"",
        );
        check(
            &stroke.replace("2,", "2, \"follow_edges\": \"yes\","),
            "\"follow_edges\" of the tool brush has to be a number from 0 to 1, not \"yes\"",
        );
        check(r#"{"label": 1}"#, &format!("needs \"tool\", {tools}"));
        check("7", "has to be an object such as {\"tool\": \"undo\"}");
        let color = "\"color\" of the tool label has to be a colour as \"#rrggbb\", not \"red\"";
        check(r#"{"tool": "label", "index": 1, "name": "a", "color": "red"}"#, color);
        let script = |text: &str| Script::from_text(text).expect_err(text);
        assert_eq!(script("{\"steps\": [\n{]}"), "is no JSON: line 2, column 2 cannot be read on");
        assert_eq!(script("[]"), "has to be {\"steps\": [a list of steps]}");
        assert_eq!(script("{}"), "needs \"steps\", a list of steps");
        assert_eq!(
            script(r#"{"steps": [], "more": 1}"#),
            "has \"more\" beside \"steps\", which means nothing here"
        );
    }
}
