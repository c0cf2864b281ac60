//! The series of what was opened: a picture and the facts of each, and those that are open already.
//!
//! Always true: a series that was opened once is shown again at once, with its marks, its undo and its
//! place; pictures are made on a thread of their own and none holds up the window.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};

use egui::{Color32, ColorImage, RichText, ScrollArea, Sense, TextureHandle, TextureOptions, Ui, Vec2};

use super::{theme, widgets};
use crate::case::Case;
use crate::format::{self, Scan, Series, Watch};
use crate::geometry::{AnatomicalPlane, GridPlane};
use crate::render::{Picture, draw_on_cpu};
use crate::session::{Document, Session};
use crate::view::{Pane, SliceSource};
use crate::volume::Volume;

/// Width and height of the small pictures, in pixels.
const PICTURE: [u32; 2] = [168, 112];
/// Samples of series that are not shown are kept up to this many bytes in all.
const PARKED_BYTES: usize = 4 << 30;

/// The series found at one path.
pub(super) struct Shelf {
    /// The path.
    pub(super) path: PathBuf,
    /// What is there.
    pub(super) scan: Arc<Scan>,
    /// The series that is shown, or being opened.
    pub(super) current: usize,
    parked: BTreeMap<usize, Document>,
    pictures: Vec<Small>,
    arriving: Receiver<(usize, Option<ColorImage>)>,
    stopped: Arc<AtomicBool>,
}

/// A small picture on its way.
enum Small {
    Awaited,
    Here(TextureHandle),
    /// The series cannot be read; opening it says why.
    None,
}

struct Stop(Arc<AtomicBool>);

impl Watch for Stop {
    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Shelf {
    /// The series of a scan, the first one to be shown.
    pub(super) fn new(path: PathBuf, scan: Scan, ctx: &egui::Context) -> Self {
        let scan = Arc::new(scan);
        let stopped = Arc::new(AtomicBool::new(false));
        let (sender, arriving) = channel();
        let (of_thread, stop, ctx) = (scan.clone(), Stop(stopped.clone()), ctx.clone());
        std::thread::spawn(move || {
            for (number, series) in of_thread.series.iter().enumerate() {
                if stop.is_cancelled() {
                    return;
                }
                let picture = format::thumbnail(series, &stop).ok().map(small_picture);
                // The shelf may be gone by now.
                let _ = sender.send((number, picture));
                ctx.request_repaint();
            }
        });
        let pictures = scan.series.iter().map(|_| Small::Awaited).collect();
        Self { path, scan, current: 0, parked: BTreeMap::new(), pictures, arriving, stopped }
    }

    /// Puts a document away until its series is wanted again.
    pub(super) fn park(&mut self, number: usize, document: Document) {
        self.parked.insert(number, document);
        let bytes = |document: &Document| document.study().volume.samples().bytes().len();
        let mut held: usize = self.parked.values().map(bytes).sum();
        while held > PARKED_BYTES {
            let saved = self.parked.iter().find(|(_, document)| !document.session.is_unsaved());
            let Some(number) = saved.map(|(number, _)| *number) else { return };
            if let Some(document) = self.parked.remove(&number) {
                held -= bytes(&document);
                document.close();
            }
        }
    }

    /// The document of a series, if it is open.
    pub(super) fn take(&mut self, number: usize) -> Option<Document> {
        self.parked.remove(&number)
    }

    /// What the series that is shown is called.
    pub(super) fn title(&self) -> String {
        title_of(&self.scan.series[self.current])
    }

    /// What the series with unsaved marks are called that are not shown.
    pub(super) fn unsaved_names(&self) -> Vec<String> {
        let unsaved = self.parked.iter().filter(|(_, document)| document.session.is_unsaved());
        unsaved.map(|(number, _)| title_of(&self.scan.series[*number])).collect()
    }

    /// Gives up the unsaved marks of series that are not shown.
    pub(super) fn discard_unsaved(&mut self) {
        while let Some(document) = self.unsaved().and_then(|number| self.take(number)) {
            document.close();
        }
    }

    /// A series with unsaved marks that is not shown.
    pub(super) fn unsaved(&self) -> Option<usize> {
        self.parked.iter().find(|(_, document)| document.session.is_unsaved()).map(|(number, _)| *number)
    }

    /// Hands what happened to the journals of series that are not shown, and leaves them.
    pub(super) fn close(mut self) {
        for (_, document) in std::mem::take(&mut self.parked) {
            document.close();
        }
    }

    /// Draws the list; the series that was chosen. `unsaved` tells of the one that is shown.
    pub(super) fn show(&mut self, ui: &mut Ui, unsaved: bool) -> Option<usize> {
        while let Ok((number, picture)) = self.arriving.try_recv() {
            self.pictures[number] = match picture {
                None => Small::None,
                Some(image) => {
                    let name = format!("series {number}");
                    Small::Here(ui.ctx().load_texture(name, image, TextureOptions::LINEAR))
                }
            };
        }
        let count = self.scan.series.len();
        widgets::section(ui, &format!("{count} series"), |_| {});
        let mut chosen = None;
        show_refused(ui, &self.scan);
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            for (number, series) in self.scan.series.iter().enumerate() {
                let parked = self.parked.get(&number);
                let current = number == self.current;
                let state = State {
                    current,
                    is_open: parked.is_some(),
                    unsaved: current && unsaved
                        || parked.is_some_and(|document| document.session.is_unsaved()),
                };
                if show_series(ui, series, &self.pictures[number], state) {
                    chosen = Some(number);
                }
            }
        });
        chosen
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// What a series has come to in this window.
#[derive(Clone, Copy)]
struct State {
    current: bool,
    is_open: bool,
    unsaved: bool,
}

/// One series as a card; whether it was clicked.
fn show_series(ui: &mut Ui, series: &Series, picture: &Small, state: State) -> bool {
    let State { current, is_open, unsaved } = state;
    let colours = theme::palette(ui);
    let (title, facts) = (title_of(series), facts_of(series));
    let remark = remark_on(series, is_open && !current);
    // The line of a remark is kept free, so that no card moves when one comes.
    let lines = facts.len() + 1;
    let size = Vec2::new(ui.available_width(), PICTURE[1] as f32 + 40.0 + 15.0 * lines as f32);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| {
        let unsaved = if unsaved { ", unsaved" } else { "" };
        egui::WidgetInfo::selected(
            egui::Role::ListBoxOption,
            true,
            current,
            format!("Series {title}{unsaved}"),
        )
    });
    if !ui.is_rect_visible(rect) {
        return response.clicked();
    }
    let fill = match (current, response.hovered()) {
        (true, _) => colours.hovered,
        (false, true) => colours.raised,
        (false, false) => Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(rect, f32::from(theme::CORNER), fill);
    if current {
        let bar = egui::Rect::from_min_size(rect.min, Vec2::new(3.0, rect.height()));
        ui.painter().rect_filled(bar, 1.5, colours.accent);
    }
    let frame = egui::Rect::from_min_size(
        rect.min + Vec2::new(8.0, 6.0),
        Vec2::new(size.x - 14.0, PICTURE[1] as f32),
    );
    ui.painter().rect_filled(frame, 3.0, Color32::BLACK);
    match picture {
        Small::Here(texture) => {
            let scale = (frame.size() / texture.size_vec2()).min_elem().min(1.0);
            let place = egui::Rect::from_center_size(frame.center(), texture.size_vec2() * scale);
            let whole = egui::Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
            ui.painter().image(texture.id(), place, whole, Color32::WHITE);
        }
        Small::Awaited => {
            ui.painter().text(
                frame.center(),
                egui::Align2::CENTER_CENTER,
                "…",
                theme::medium(16.0),
                colours.weak,
            );
        }
        Small::None => {
            let words = "no picture";
            ui.painter().text(
                frame.center(),
                egui::Align2::CENTER_CENTER,
                words,
                theme::medium(12.0),
                colours.weak,
            );
        }
    }
    let text =
        egui::Rect::from_min_max(frame.left_bottom() + Vec2::new(0.0, 4.0), rect.max - Vec2::new(6.0, 2.0));
    let mut column = ui.new_child(egui::UiBuilder::new().max_rect(text));
    column.spacing_mut().item_spacing.y = 1.0;
    column.horizontal(|ui| {
        if unsaved {
            ui.label(RichText::new("●").small().color(colours.accent));
        }
        ui.add(egui::Label::new(RichText::new(&title).font(theme::medium(12.5))).truncate());
    });
    for line in &facts {
        column.add(egui::Label::new(RichText::new(line).small().color(colours.weak)).truncate());
    }
    if let Some((words, is_doubt)) = remark {
        let colour = if is_doubt { colours.warning } else { colours.weak };
        column.add(egui::Label::new(RichText::new(words).small().color(colour)).truncate());
    }
    let mut told = vec![title];
    told.extend(facts);
    told.push(format!("{} file(s)", series.source.files().len()));
    told.extend(unsaved.then(|| "its marks are not saved yet".to_owned()));
    told.extend(series.facts.doubts.iter().map(|doubt| doubt.text.clone()));
    response.on_hover_text(told.join("\n")).clicked()
}

/// What a person should know of a series before it is opened, and whether that is a doubt.
fn remark_on(series: &Series, is_open: bool) -> Option<(String, bool)> {
    match &series.facts.doubts[..] {
        [] => is_open.then(|| ("open".to_owned(), false)),
        [only] => Some((only.code.word().replace('-', " "), true)),
        [first, others @ ..] => {
            Some((format!("{} +{}", first.code.word().replace('-', " "), others.len()), true))
        }
    }
}

fn title_of(series: &Series) -> String {
    let name = series.name();
    let number = series.facts.number.map(|number| format!("{number} · ")).unwrap_or_default();
    match &series.modality {
        Some(modality) => format!("{modality} · {number}{name}"),
        None => format!("{number}{name}"),
    }
}

/// Its size, and how its slices lie: a line each.
fn facts_of(series: &Series) -> Vec<String> {
    let facts = &series.facts;
    let [columns, rows, slices] = facts.dims;
    let size = match slices {
        0 => None,
        1 => Some(format!("{columns} × {rows}")),
        _ => Some(format!("{columns} × {rows} × {slices}")),
    };
    let [along_row, along_column, between] = facts.spacing_mm.map(short_mm);
    let spacing = facts.plane.map(|_| match slices {
        1 => format!("{along_row} × {along_column} mm"),
        _ => format!("{along_row} × {along_column} × {between} mm"),
    });
    let plane = facts.plane.map(|plane| plane.name().to_owned());
    let times = (facts.times > 1).then(|| format!("{} times", facts.times));
    let lines = [[size, plane], [spacing, times]];
    let line = |parts: [Option<String>; 2]| parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    lines.map(line).into_iter().filter(|line| !line.is_empty()).collect()
}

/// Millimetres to a hundredth, without zeros behind.
fn short_mm(mm: f64) -> String {
    let text = format!("{mm:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn show_refused(ui: &mut Ui, scan: &Scan) {
    if scan.refused.is_empty() {
        return;
    }
    let theme::Palette { weak, warning, .. } = theme::palette(ui);
    let words = match scan.refused.len() {
        1 => "1 file cannot be opened".to_owned(),
        count => format!("{count} files cannot be opened"),
    };
    ui.collapsing(RichText::new(words).color(warning), |ui| {
        let list = ScrollArea::vertical().id_salt("refused").max_height(160.0);
        list.show(ui, |ui| {
            for refusal in &scan.refused {
                ui.label(RichText::new(refusal.to_string()).small().color(weak));
            }
        });
    });
    ui.add_space(4.0);
}

/// A slice as the viewport of its plane would show it.
fn small_picture(slice: Volume) -> ColorImage {
    let session = Session::new(Case::new(Arc::new(slice)), "");
    let grid = session.case().volume().grid();
    let lies_in = |plane: &AnatomicalPlane| GridPlane::nearest(grid, *plane).slice_axis == 2;
    let plane = AnatomicalPlane::ALL.into_iter().find(lies_in).unwrap_or(AnatomicalPlane::Axial);
    let size = PICTURE.map(f64::from);
    let source = SliceSource::Acquisition;
    let view = Pane::fitted(plane, source, grid, size).view(source, grid, grid.middle(), size);
    let image = draw_on_cpu(session.case(), &Picture::slice(view, *session.display()), PICTURE);
    ColorImage::from_rgba_unmultiplied(PICTURE.map(|n| n as usize), image.rgba())
}
