//! Colours, type and spacing: every token of the window's look, in one place.

use egui::{
    Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Stroke, TextStyle, Theme,
};

/// The colours of one theme.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    /// Panels.
    pub(super) panel: Color32,
    /// What lies on panels: fields, rows under the pointer.
    pub(super) raised: Color32,
    /// Controls at rest.
    pub(super) control: Color32,
    /// Controls under the pointer.
    pub(super) hovered: Color32,
    /// Text.
    pub(super) text: Color32,
    /// Text that may be overlooked.
    pub(super) weak: Color32,
    /// Text of what cannot be done now.
    pub(super) faint: Color32,
    /// The one accent.
    pub(super) accent: Color32,
    /// Text on the accent.
    pub(super) on_accent: Color32,
    /// Doubts.
    pub(super) warning: Color32,
    /// Failures.
    pub(super) error: Color32,
    /// Work that is done.
    pub(super) done: Color32,
}

const DARK: Palette = Palette {
    panel: Color32::from_rgb(0x12, 0x14, 0x18),
    raised: Color32::from_rgb(0x1b, 0x1e, 0x24),
    control: Color32::from_rgb(0x22, 0x26, 0x2d),
    hovered: Color32::from_rgb(0x2d, 0x32, 0x3b),
    text: Color32::from_rgb(0xdd, 0xe1, 0xe7),
    weak: Color32::from_rgb(0x98, 0xa0, 0xac),
    faint: Color32::from_rgb(0x5c, 0x63, 0x6e),
    accent: Color32::from_rgb(0x4d, 0xa3, 0xff),
    on_accent: Color32::from_rgb(0x06, 0x14, 0x26),
    warning: Color32::from_rgb(0xf2, 0xb8, 0x4b),
    error: Color32::from_rgb(0xff, 0x7b, 0x72),
    done: Color32::from_rgb(0x4f, 0xc0, 0x8d),
};

const LIGHT: Palette = Palette {
    panel: Color32::from_rgb(0xf3, 0xf4, 0xf6),
    raised: Color32::from_rgb(0xff, 0xff, 0xff),
    control: Color32::from_rgb(0xe3, 0xe6, 0xea),
    hovered: Color32::from_rgb(0xd5, 0xda, 0xe1),
    text: Color32::from_rgb(0x1b, 0x1f, 0x26),
    weak: Color32::from_rgb(0x5a, 0x63, 0x70),
    faint: Color32::from_rgb(0x9a, 0xa2, 0xad),
    accent: Color32::from_rgb(0x0b, 0x5f, 0xc4),
    on_accent: Color32::WHITE,
    warning: Color32::from_rgb(0x9a, 0x62, 0x00),
    error: Color32::from_rgb(0xb3, 0x26, 0x1e),
    done: Color32::from_rgb(0x1a, 0x7f, 0x4f),
};

/// Text and lines over the black of the viewports, whatever the theme.
pub(super) mod over_image {
    use egui::Color32;

    /// Read-outs and letters.
    pub(in crate::desktop) const TEXT: Color32 = Color32::from_rgb(0xe8, 0xea, 0xee);
    /// Read-outs that may be overlooked.
    pub(in crate::desktop) const WEAK: Color32 = Color32::from_rgb(0xa4, 0xab, 0xb6);
    /// Behind text, so that it reads over bright pictures too.
    pub(in crate::desktop) const SHADOW: Color32 = Color32::from_black_alpha(190);
    /// The slice bar at rest.
    pub(in crate::desktop) const BAR: Color32 = Color32::from_rgb(0x24, 0x27, 0x2d);
    /// Voxels that are about to be taken from another label, and tools that erase.
    pub(in crate::desktop) const TAKEN: Color32 = Color32::from_rgb(0xff, 0x5c, 0x8a);
    /// A slice that holds labels.
    pub(in crate::desktop) const TICK: Color32 = Color32::from_rgb(0xe6, 0x9f, 0x00);
    /// The same on the slice that is shown.
    pub(in crate::desktop) const TICK_HERE: Color32 = Color32::from_rgb(0xb0, 0x60, 0x00);
    /// The crosshair.
    pub(in crate::desktop) const CROSSHAIR: Color32 =
        Color32::from_rgba_premultiplied(0x32, 0x6e, 0xaa, 0xaa);
}

/// Height of rows and controls.
pub(super) const ROW: f32 = 24.0;
/// Corners of controls.
pub(super) const CORNER: u8 = 5;
/// Gap between viewports.
pub(super) const GAP: f32 = 2.0;

/// Width of the tools at the left.
pub(super) const TOOLS: f32 = 64.0;
/// Width of the lists of studies and series beside them: a narrow window leaves room for the pictures.
pub(super) fn lists_width(ctx: &egui::Context) -> f32 {
    if ctx.content_rect().width() < 900.0 { 136.0 } else { 200.0 }
}

/// The colours of the theme in use.
pub(super) fn palette(ui: &egui::Ui) -> Palette {
    if ui.visuals().dark_mode { DARK } else { LIGHT }
}

/// The heavier cut of the text face.
pub(super) fn medium(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name("medium".into()))
}

/// The frame of a dialog.
pub(super) fn dialog_frame(ctx: &egui::Context) -> egui::Frame {
    egui::Frame::popup(&ctx.global_style())
        .inner_margin(Margin::same(18))
        .corner_radius(CornerRadius::same(10))
}

/// Installs fonts and both themes.
pub(super) fn install(ctx: &egui::Context) {
    ctx.set_fonts(fonts());
    egui_material_icons::initialize(ctx);
    for (theme, palette) in [(Theme::Dark, DARK), (Theme::Light, LIGHT)] {
        ctx.style_mut_of(theme, |style| set(style, theme, palette));
    }
}

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let faces: [(&str, &'static [u8]); 2] = [
        ("regular", include_bytes!("../../assets/fonts/AnnotomySans-Regular.otf")),
        ("medium", include_bytes!("../../assets/fonts/AnnotomySans-Medium.otf")),
    ];
    let fallbacks = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    for (name, bytes) in faces {
        fonts.font_data.insert(name.to_owned(), FontData::from_static(bytes).into());
        let family = [vec![name.to_owned()], fallbacks.clone()].concat();
        fonts.families.insert(FontFamily::Name(name.into()), family);
    }
    let proportional = [vec!["regular".to_owned()], fallbacks].concat();
    fonts.families.insert(FontFamily::Proportional, proportional);
    fonts
}

fn set(style: &mut egui::Style, theme: Theme, colours: Palette) {
    let proportional = |size| FontId::new(size, FontFamily::Proportional);
    style.text_styles = [
        (TextStyle::Small, proportional(11.5)),
        (TextStyle::Body, proportional(13.0)),
        (TextStyle::Button, proportional(13.0)),
        (TextStyle::Monospace, proportional(13.0)),
        (TextStyle::Heading, medium(20.0)),
    ]
    .into();
    let spacing = &mut style.spacing;
    spacing.item_spacing = egui::vec2(6.0, 4.0);
    spacing.button_padding = egui::vec2(8.0, 3.0);
    spacing.interact_size = egui::vec2(ROW, ROW);
    spacing.menu_margin = Margin::same(6);
    spacing.window_margin = Margin::same(16);
    spacing.slider_width = 110.0;
    spacing.combo_width = 80.0;
    // Bars are as quiet as the controls, also over pictures.
    spacing.scroll.foreground_color = false;
    spacing.scroll.bar_width = 8.0;
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;

    let visuals = &mut style.visuals;
    *visuals = if theme == Theme::Dark { egui::Visuals::dark() } else { egui::Visuals::light() };
    visuals.panel_fill = colours.panel;
    visuals.window_fill = colours.raised;
    visuals.window_stroke = Stroke::NONE;
    visuals.window_corner_radius = CornerRadius::same(10);
    visuals.menu_corner_radius = CornerRadius::same(8);
    visuals.extreme_bg_color = colours.raised;
    visuals.text_edit_bg_color = Some(colours.control);
    visuals.faint_bg_color = colours.raised;
    visuals.hyperlink_color = colours.accent;
    visuals.warn_fg_color = colours.warning;
    visuals.error_fg_color = colours.error;
    visuals.weak_text_color = Some(colours.weak);
    visuals.override_text_color = None;
    visuals.selection.bg_fill = colours.accent;
    visuals.selection.stroke = Stroke::new(1.0, colours.on_accent);
    visuals.button_frame = true;
    visuals.indent_has_left_vline = false;
    let widgets = &mut visuals.widgets;
    for (state, fill, text) in [
        (&mut widgets.noninteractive, colours.panel, colours.text),
        (&mut widgets.inactive, colours.control, colours.text),
        (&mut widgets.hovered, colours.hovered, colours.text),
        (&mut widgets.active, colours.accent, colours.on_accent),
        (&mut widgets.open, colours.hovered, colours.text),
    ] {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.bg_stroke = Stroke::NONE;
        state.fg_stroke = Stroke::new(1.0, text);
        state.corner_radius = CornerRadius::same(CORNER);
        state.expansion = 0.0;
    }
    // Check boxes and slider rails have to stand out from the panel by themselves.
    widgets.inactive.bg_fill = colours.hovered;
    widgets.noninteractive.bg_stroke = Stroke::new(1.0, colours.control);
}
