//! The settings of an algorithm that is tried out, and whether to take it.

use std::ops::RangeInclusive;

use egui::{Button, ComboBox, Grid, ProgressBar, RichText, Role, SliderClamping, Ui};

use crate::desktop::{theme, widgets};
use crate::segment::{Connectivity, Decider, SliceAxis, Wall};
use crate::session::{Algorithm, Command, KeptIslands, Operation, Session, Smoothing};

/// Draws the section while something is tried out.
pub(super) fn show(ui: &mut Ui, session: &mut Session) {
    let Some(trial) = session.trial() else { return };
    let (kind, progress, accepted) = (trial.kind, trial.progress, trial.accepted);
    let (problem, changes_nothing) = (trial.problem.clone(), trial.changes_nothing);
    let mut algorithm = trial.algorithm.clone();
    widgets::section(ui, kind.name(), |_| {});
    ui.add_enabled_ui(!accepted, |ui| show_settings(ui, session, &mut algorithm));
    session.adjust_trial(algorithm);
    let weak = theme::palette(ui).weak;
    match (&problem, progress) {
        (Some(problem), _) => {
            drop(ui.label(RichText::new(problem).small().color(theme::palette(ui).warning)))
        }
        (None, Some(fraction)) => drop(ui.add(ProgressBar::new(fraction).desired_height(6.0))),
        (None, None) if changes_nothing => {
            drop(ui.label(RichText::new("Nothing would change").small().color(weak)))
        }
        (None, None) => {
            drop(ui.label(RichText::new("Shown on the slices; Apply takes it").small().color(weak)))
        }
    }
    ui.horizontal(|ui| {
        let apply = Button::new("Apply").fill(theme::palette(ui).accent);
        let enabled = problem.is_none() && !changes_nothing && !accepted;
        let apply = ui.add_enabled(enabled, apply).on_hover_text(widgets::tooltip(Command::Accept));
        if apply.clicked()
            && let Err(error) = session.accept_trial()
        {
            tracing::error!("what was tried out could not be put in place: {error}");
        }
        if ui.button("Cancel").on_hover_text(widgets::tooltip(Command::Cancel)).clicked() {
            session.drop_trial();
        }
    });
}

fn show_settings(ui: &mut Ui, session: &Session, algorithm: &mut Algorithm) {
    let unit = session.case().volume().placement.unit();
    match algorithm {
        Algorithm::Threshold { label, range, keep_others } => {
            show_label(ui, session, "Label", label);
            show_range(ui, session, range);
            show_keep(ui, keep_others);
        }
        Algorithm::Grow { label, seed_lps, range, confidence, connectivity, keep_others } => {
            show_label(ui, session, "Label", label);
            // A range that nobody set goes with the crosshair.
            if session.focus() != *seed_lps && *range == Some(session.range_around(*seed_lps)) {
                *range = Some(session.range_around(session.focus()));
            }
            *seed_lps = session.focus();
            let mut learns = confidence.is_some();
            let response = widgets::checkbox(ui, &mut learns, "Learn the range from the region");
            let response =
                response.on_hover_text("Mean ± so many standard deviations of what was found so far");
            if response.changed() {
                let given = session.range_around(*seed_lps);
                (*range, *confidence) = if learns { (None, Some(2.5)) } else { (Some(given), None) };
            }
            if let Some(range) = range {
                show_range(ui, session, range);
            }
            if let Some(confidence) = confidence {
                show_number(ui, "Deviations", confidence, 0.5..=6.0, "");
            }
            show_neighbours(ui, connectivity);
            show_keep(ui, keep_others);
            ui.label(RichText::new("It grows from the crosshair: click in Navigate to move it").small());
        }
        Algorithm::Islands { label, keep, count, remove_below_mm3, split, connectivity } => {
            show_label(ui, session, "Label", label);
            let mut what = match (&keep, &remove_below_mm3) {
                (Some(_), _) => IslandsDo::Keep,
                (None, Some(_)) => IslandsDo::Remove,
                (None, None) => IslandsDo::Split,
            };
            let before = what;
            show_choice(
                ui,
                "Do",
                &mut what,
                &[
                    (IslandsDo::Keep, "Keep largest"),
                    (IslandsDo::Remove, "Remove small"),
                    (IslandsDo::Split, "Split"),
                ],
            );
            if what != before {
                *keep = (what == IslandsDo::Keep).then_some(KeptIslands::Largest);
                *remove_below_mm3 = (what == IslandsDo::Remove).then_some(50.0);
                *split = what == IslandsDo::Split;
            }
            if what == IslandsDo::Keep {
                show_drag(ui, "How many", |ui| ui.add(widgets::number(ui, count).range(1..=99)));
            }
            if let Some(mm3) = remove_below_mm3 {
                let suffix = format!(" {unit}³");
                show_drag(ui, "Below", |ui| {
                    ui.add(widgets::number(ui, mm3).range(0.01..=1e6).suffix(suffix))
                });
            }
            show_neighbours(ui, connectivity);
        }
        Algorithm::FillHoles { label, slices, keep_others } => {
            show_label(ui, session, "Label", label);
            show_choice(
                ui,
                "Holes",
                slices,
                &[
                    (None, "in space"),
                    (Some(SliceAxis::K), "slices"),
                    (Some(SliceAxis::J), "across j"),
                    (Some(SliceAxis::I), "across i"),
                ],
            );
            show_keep(ui, keep_others);
        }
        Algorithm::Margin { label, mm, keep_others } => {
            show_label(ui, session, "Label", label);
            let mut shrinks = *mm < 0.0;
            show_choice(ui, "Margin", &mut shrinks, &[(false, "Grow"), (true, "Shrink")]);
            let mut by = mm.abs();
            show_number(ui, "By", &mut by, 0.5..=30.0, unit);
            *mm = if shrinks { -by } else { by };
            if !shrinks {
                show_keep(ui, keep_others);
            }
        }
        Algorithm::Hollow { label, mm, wall, keep_others } => {
            show_label(ui, session, "Label", label);
            show_number(ui, "Wall", mm, 0.5..=30.0, unit);
            show_choice(
                ui,
                "Lies",
                wall,
                &[(Wall::Inside, "inside"), (Wall::Middle, "astride"), (Wall::Outside, "outside")],
            );
            show_keep(ui, keep_others);
        }
        Algorithm::Smooth { label, labels, method, mm, keep_others } => {
            let before = *method;
            show_choice(
                ui,
                "Method",
                method,
                &[
                    (Smoothing::Median, "Median"),
                    (Smoothing::Opening, "Opening"),
                    (Smoothing::Closing, "Closing"),
                    (Smoothing::Gaussian, "Gaussian"),
                    (Smoothing::Joint, "All labels"),
                ],
            );
            if *method != before && *method == Smoothing::Joint {
                let open = session.case().scheme().iter().filter(|(_, label)| !label.locked);
                (*label, *labels) = (None, open.map(|(index, _)| index).collect());
            } else if *method != before && before == Smoothing::Joint {
                (*label, *labels) = (Some(session.active_label().max(1)), Vec::new());
            }
            if let Some(label) = label {
                show_label(ui, session, "Label", label);
            }
            show_number(ui, "By", mm, 0.5..=20.0, unit);
            show_keep(ui, keep_others);
        }
        Algorithm::Refine { label, method, within_mm, around_lps, radius_mm, keep_others } => {
            show_label(ui, session, "Label", label);
            let deciders = [
                (Decider::GraphCut, "Graph cut", "The shortest boundary along the steepest change of values"),
                (
                    Decider::RandomWalker,
                    "Random walker",
                    "Each voxel goes to the side that even values lead to; better where edges are weak",
                ),
            ];
            show_explained(ui, "Method", method, &deciders);
            show_number(ui, "Within", within_mm, 0.5..=15.0, unit);
            let mut is_near = around_lps.is_some();
            let where_to = [
                (true, "Near the crosshair", "Quick, and the rest stays as it is"),
                (false, "Everywhere", "The whole boundary; large labels take a while"),
            ];
            show_explained(ui, "Where", &mut is_near, &where_to);
            // It goes with the crosshair.
            *around_lps = is_near.then_some(session.focus());
            if is_near {
                show_number(ui, "As far as", radius_mm, 2.0..=60.0, unit);
            }
            show_keep(ui, keep_others);
        }
        Algorithm::Combine { op, a, b, into, .. } => {
            show_label(ui, session, "First", a);
            show_choice(
                ui,
                "Do",
                op,
                &[
                    (Operation::Union, "and"),
                    (Operation::Intersect, "within"),
                    (Operation::Subtract, "without"),
                ],
            );
            show_label(ui, session, "Second", b);
            show_label(ui, session, "Into", into);
        }
        Algorithm::GrowFromSeeds { labels, margin_mm } => {
            for (index, label) in session.case().scheme().iter().filter(|(_, label)| !label.locked) {
                let mut grows = labels.contains(&index);
                if widgets::checkbox(ui, &mut grows, &label.name).on_hover_text("Whether it grows").changed()
                {
                    labels.retain(|other| *other != index);
                    labels.extend(grows.then_some(index));
                }
            }
            show_number(ui, "As far as", margin_mm, 0.0..=100.0, unit);
        }
        Algorithm::Fill { .. } => {}
    }
}

#[derive(Clone, Copy, PartialEq)]
enum IslandsDo {
    Keep,
    Remove,
    Split,
}

/// Which label.
fn show_label(ui: &mut Ui, session: &Session, caption: &str, chosen: &mut u16) {
    let scheme = session.case().scheme();
    let named =
        |index: u16| scheme.get(index).map_or_else(|| format!("Label {index}"), |label| label.name.clone());
    ui.horizontal(|ui| {
        let word = ui.label(caption);
        let combo = ComboBox::from_id_salt(("trial label", caption)).selected_text(named(*chosen));
        let response = combo.show_ui(ui, |ui| {
            for (index, label) in scheme.iter() {
                ui.selectable_value(chosen, index, &label.name);
            }
        });
        widgets::named(&response.response, Role::ComboBox, caption);
        response.response.labelled_by(word.id);
    });
}

/// The values that belong, with sliders over all there are.
fn show_range(ui: &mut Ui, session: &Session, range: &mut [f64; 2]) {
    let [least, most] = session.value_range();
    let unit = session.case().volume().unit.clone().unwrap_or_default();
    let step = if session.case().volume().sample_type().is_integer() { 1.0 } else { (most - least) / 1000.0 };
    let before = *range;
    Grid::new("range of values").num_columns(2).show(ui, |ui| {
        for (border, caption) in range.iter_mut().zip(["From", "To"]) {
            let word = ui.label(caption);
            // What is typed may lie beyond all values: nothing, or everything, then belongs.
            let slider = widgets::slider(ui, border, least..=most).clamping(SliderClamping::Never);
            ui.add(slider.step_by(step).suffix(format!(" {unit}"))).labelled_by(word.id);
            ui.end_row();
        }
    });
    *range = widgets::moved(before, *range);
}

fn show_number(ui: &mut Ui, caption: &str, number: &mut f64, range: RangeInclusive<f64>, unit: &str) {
    ui.horizontal(|ui| {
        let word = ui.label(caption);
        // Beyond the slider the algorithm itself says what makes no sense.
        let slider = widgets::slider(ui, number, range).clamping(SliderClamping::Never);
        let slider = slider.max_decimals(1).suffix(format!(" {unit}"));
        ui.add(slider).labelled_by(word.id);
    });
}

fn show_drag(ui: &mut Ui, caption: &str, field: impl FnOnce(&mut Ui) -> egui::Response) {
    ui.horizontal(|ui| {
        let word = ui.label(caption);
        let response = field(ui);
        widgets::named(&response, Role::SpinButton, caption);
        response.labelled_by(word.id);
    });
}

fn show_neighbours(ui: &mut Ui, connectivity: &mut Connectivity) {
    show_choice(
        ui,
        "Neighbours",
        connectivity,
        &[(Connectivity::Six, "6"), (Connectivity::Eighteen, "18"), (Connectivity::TwentySix, "26")],
    );
}

fn show_keep(ui: &mut Ui, keep_others: &mut bool) {
    let response = widgets::checkbox(ui, keep_others, "Leave other labels alone");
    response.on_hover_text("Take background only; locked labels are never taken");
}

fn show_choice<T: PartialEq + Copy>(ui: &mut Ui, caption: &str, chosen: &mut T, choices: &[(T, &str)]) {
    let choices: Vec<_> = choices.iter().map(|(value, word)| (*value, *word, "")).collect();
    show_explained(ui, caption, chosen, &choices);
}

/// A choice with a sentence about each.
fn show_explained<T: PartialEq + Copy>(
    ui: &mut Ui,
    caption: &str,
    chosen: &mut T,
    choices: &[(T, &str, &str)],
) {
    ui.horizontal_wrapped(|ui| {
        ui.label(caption);
        for (value, word, sentence) in choices {
            let mut response = ui.add(Button::new(*word).selected(chosen == value));
            if !sentence.is_empty() {
                response = response.on_hover_text(*sentence);
            }
            if response.clicked() {
                *chosen = *value;
            }
        }
    });
}
