//! Every command in one table: menus, palette, tooltips and the key sheet are drawn from it.

use super::{AlgorithmKind, Session};
use crate::annotation::label_presets;
use crate::case::PaintOver;
use crate::tool::{Ask, BrushSettings, BrushShape, ToolKind};
use crate::view::{Interpolation, SliceSource};
use crate::volume::Window;

/// Something a person can tell Annotomy to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Command {
    OpenFile,
    OpenFolder,
    OpenSegmentation,
    Save,
    SaveTo,
    Close,
    Quit,
    Undo,
    Redo,
    DeleteSelected,
    Cancel,
    Tool(ToolKind),
    LastTool,
    BrushSmaller,
    BrushLarger,
    BrushShape,
    RangePaint,
    FollowEdges,
    SnapToEdges,
    PaintOver,
    Accept,
    StepBack,
    PasteContour,
    CopyToNextSlice,
    Interpolate,
    NextMeasure,
    Template(usize),
    NoTemplate,
    NewLabel,
    RenameLabel,
    GroupLabel,
    UngroupLabel,
    DeleteLabel,
    NewLayer,
    RenameLayer,
    RemoveLayer,
    SearchLabels,
    LabelPreset(usize),
    ImportLabels,
    ExportLabels,
    PreviousLabel,
    NextLabel,
    Label(u16),
    ToggleOverlay,
    ToggleOutline,
    LessOpaque,
    MoreOpaque,
    ToggleAnnotations,
    ToggleCrosshair,
    Preset(usize),
    /// A window that the file asks for, by its place among them; they stand in no table.
    OwnWindow(usize),
    AutomaticWindow,
    Invert,
    /// Begins to try an algorithm out.
    Try(AlgorithmKind),
    Interpolation,
    PatientPlanes,
    Fit,
    Maximise,
    Cine,
    CineFaster,
    CineSlower,
    SlicesForward(i64),
    FirstSlice,
    LastSlice,
    TimesForward(i64),
    /// Along the slices that hold labels: 1 further on, -1 back.
    AnnotatedSlice(i64),
    OpenWorklist,
    WorkList,
    /// To a study of the worklist that is still to be done: 1 further down, -1 up.
    OpenStudy(i64),
    StudyDone,
    LoadForm,
    SeriesList,
    Theme,
    LargerWindow,
    SmallerWindow,
    PlainWindow,
    ResetGraphics,
    Palette,
    KeySheet,
    ChangeKeys,
    FullScreen,
}

/// Where a command stands in the menus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Menu {
    File,
    Edit,
    View,
    Label,
    Segment,
    Tools,
    Help,
    /// In the palette and the key sheet only.
    None,
}

/// What has to be there for a command to do anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// An open study.
    Study,
    /// A step to take back.
    Step,
    /// A step to make again.
    UndoneStep,
    /// A selected box or landmark.
    Selection,
    /// A label.
    Label,
    /// A label that is drawn with.
    ActiveLabel,
    /// Several layers.
    Layers,
    /// Several points on the time axis.
    Times,
    /// A slice that holds a label.
    AnnotatedSlice,
    /// Several series that were found together.
    Series,
    /// A worklist.
    Worklist,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct CommandInfo {
    /// What is done.
    pub command: Command,
    /// Where it stands.
    pub menu: Menu,
    /// Its name in menus and the palette.
    pub name: &'static str,
    /// What it does, in a tooltip.
    pub tooltip: &'static str,
    /// Its keys, such as `Ctrl+S`; the first one is shown. A profile or a person may give it others.
    pub keys: &'static [&'static str],
    /// When it can do anything.
    pub needs: Needs,
}

impl CommandInfo {
    /// Its name in files: the words of its name in lower case, `open-file`.
    pub fn word(&self) -> String {
        let name = self.name.to_lowercase();
        let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join("-")
    }

    /// Whether a line stands above it in its menu.
    pub fn begins_group(&self) -> bool {
        matches!(
            self.command,
            Command::Save
                | Command::StudyDone
                | Command::Close
                | Command::Accept
                | Command::Interpolate
                | Command::Cancel
                | Command::LastTool
                | Command::RangePaint
                | Command::Template(0)
                | Command::SearchLabels
                | Command::NewLayer
                | Command::LabelPreset(0)
                | Command::ImportLabels
                | Command::PreviousLabel
                | Command::Try(AlgorithmKind::Islands | AlgorithmKind::Margin | AlgorithmKind::GrowFromSeeds)
                | Command::ToggleAnnotations
                | Command::Preset(0)
                | Command::Invert
                | Command::Fit
                | Command::Cine
                | Command::AnnotatedSlice(1)
                | Command::Theme
                | Command::SeriesList
                | Command::Palette
        )
    }

    const fn needs(self, needs: Needs) -> Self {
        Self { needs, ..self }
    }
}

/// Grey-level windows on the digits 1 to 6, as reading rooms have them: name, centre, width in HU.
pub const WINDOW_PRESETS: [(&str, Window); 6] = [
    ("Soft tissue", Window { centre: 40.0, width: 400.0 }),
    ("Lung", Window { centre: -600.0, width: 1500.0 }),
    ("Bone", Window { centre: 480.0, width: 2500.0 }),
    ("Brain", Window { centre: 40.0, width: 80.0 }),
    ("Liver", Window { centre: 90.0, width: 150.0 }),
    ("Mediastinum", Window { centre: 80.0, width: 400.0 }),
];

const fn row(
    command: Command,
    menu: Menu,
    name: &'static str,
    keys: &'static [&'static str],
    tooltip: &'static str,
) -> CommandInfo {
    CommandInfo { command, menu, name, tooltip, keys, needs: Needs::Study }
}

/// Every command.
#[rustfmt::skip]
pub const COMMANDS: &[CommandInfo] = &[
    row(Command::OpenFile, Menu::File, "Open file…", &["Ctrl+O"], "Open a DICOM, NIfTI, NRRD or MetaImage file, or a photograph").needs(Needs::Nothing),
    row(Command::OpenFolder, Menu::File, "Open folder…", &["Ctrl+Shift+O"], "Open a folder of DICOM files").needs(Needs::Nothing),
    row(Command::OpenWorklist, Menu::File, "Open worklist…", &["Ctrl+Alt+O"], "List the studies of a folder with what each has come to").needs(Needs::Nothing),
    row(Command::OpenSegmentation, Menu::File, "Open segmentation…", &["Ctrl+I"], "Lay labels from a NIfTI, NRRD or MetaImage file over the study, as a layer of their own"),
    row(Command::Save, Menu::File, "Save", &["Ctrl+S"], "Save sidecar and masks beside the study, and prove them"),
    row(Command::SaveTo, Menu::File, "Save to folder…", &["Ctrl+Shift+S"], "Save sidecar and masks into another folder"),
    row(Command::StudyDone, Menu::File, "Study done", &["Ctrl+Enter"], "Say that nothing is left to do on this study, and save; again takes it back"),
    row(Command::OpenStudy(1), Menu::File, "Next undone study", &["Ctrl+PageDown"], "Open the next study of the worklist that is not done").needs(Needs::Worklist),
    row(Command::OpenStudy(-1), Menu::File, "Previous undone study", &["Ctrl+PageUp"], "Open the study before in the worklist that is not done").needs(Needs::Worklist),
    row(Command::LoadForm, Menu::File, "Load form…", &[], "Ask the questions of a form about case, series and slices"),
    row(Command::Close, Menu::File, "Close study", &["Ctrl+W"], "Close the study"),
    row(Command::Quit, Menu::File, "Quit", &["Ctrl+Q"], "Leave Annotomy; unsaved marks are asked about").needs(Needs::Nothing),
    row(Command::Undo, Menu::Edit, "Undo", &["Ctrl+Z"], "Take back the last step").needs(Needs::Step),
    row(Command::Redo, Menu::Edit, "Redo", &["Ctrl+Y", "Ctrl+Shift+Z"], "Make the step again").needs(Needs::UndoneStep),
    row(Command::DeleteSelected, Menu::Edit, "Delete selected", &["Delete"], "Delete the selected box, landmark or measurement").needs(Needs::Selection),
    row(Command::Accept, Menu::Edit, "Accept", &["Enter"], "Make a step of what is drawn: fill the contour, take the slices in between"),
    row(Command::StepBack, Menu::Edit, "One point back", &["Backspace"], "Take back the last point or landmark; else delete what is selected"),
    row(Command::Interpolate, Menu::Edit, "Interpolate between slices", &["N"], "Show what lies between the painted slices of the label; Enter takes it in"),
    row(Command::CopyToNextSlice, Menu::Edit, "Copy to the next slice", &["Ctrl+B"], "Copy the selected box, or the active label on this slice, to the next slice and go there"),
    row(Command::PasteContour, Menu::Edit, "Last contour again", &["Ctrl+D"], "Show the last contour on this or the next slice, to be changed and filled"),
    row(Command::Cancel, Menu::Edit, "Cancel, then Navigate", &["Escape"], "Break off the gesture; then put the tool down"),
    row(Command::Tool(ToolKind::Navigate), Menu::Tools, "Navigate", &["V"], "Click sets the crosshair, drag the window and level"),
    row(Command::Tool(ToolKind::Brush), Menu::Tools, "Brush", &["B"], "Paint the active label"),
    row(Command::Tool(ToolKind::Eraser), Menu::Tools, "Eraser", &["E"], "Erase the active label"),
    row(Command::Tool(ToolKind::Polygon), Menu::Tools, "Polygon", &["P"], "Draw a closed line by points or free hand, and fill it"),
    row(Command::Tool(ToolKind::Box), Menu::Tools, "Box", &["R"], "Draw, move and resize boxes"),
    row(Command::Tool(ToolKind::Landmark), Menu::Tools, "Landmark", &["K"], "Place and move landmarks"),
    row(Command::Tool(ToolKind::Fill), Menu::Tools, "Fill", &["F"], "Fill a hole, or give an island the label in hand"),
    row(Command::Tool(ToolKind::Measure), Menu::Tools, "Measure", &["M"], "Measure a length, an angle, or the values in a region; again: the next of them"),
    row(Command::NextMeasure, Menu::None, "Measure something else", &["Shift+M"], "Go on from ruler to angle, ellipse and rectangle"),
    row(Command::LastTool, Menu::Tools, "Last tool", &["Space"], "Go back to the tool before"),
    row(Command::BrushSmaller, Menu::Tools, "Smaller brush", &["[", "-"], "Make the brush smaller"),
    row(Command::BrushLarger, Menu::Tools, "Larger brush", &["]", "="], "Make the brush larger"),
    row(Command::BrushShape, Menu::Tools, "Disc or ball", &["Shift+B"], "Paint one slice with a disc, or several with a ball"),
    row(Command::RangePaint, Menu::Tools, "Only within a range", &["T"], "Paint only where the value lies in a range: the last one, at first the grey-level window"),
    row(Command::FollowEdges, Menu::Tools, "Follow edges", &["Shift+E"], "Let the brush end at edges: it paints what is like the place under the pointer, as far as it reaches"),
    row(Command::SnapToEdges, Menu::Tools, "Snap to edges", &["Shift+L"], "Let the line of a contour run along edges from the last point to the pointer (live wire)"),
    row(Command::PaintOver, Menu::Tools, "Paint over…", &["Shift+T"], "Go on from everything to what is shown, to background alone"),
    row(Command::Template(0), Menu::Tools, "Landmarks: cephalometry", &[], "Ask for twelve landmarks of the skull in order"),
    row(Command::Template(1), Menu::Tools, "Landmarks: AC–PC", &[], "Ask for the commissures and two points of the midplane"),
    row(Command::Template(2), Menu::Tools, "Landmarks: pelvis and hips", &[], "Ask for eight landmarks of the pelvis in order"),
    row(Command::NoTemplate, Menu::Tools, "Landmarks: free", &[], "Place landmarks in any order"),
    row(Command::NewLabel, Menu::Label, "New label", &["Ctrl+L"], "Make a label and draw with it"),
    row(Command::RenameLabel, Menu::Label, "Rename label…", &[], "Give the active label another name").needs(Needs::ActiveLabel),
    row(Command::GroupLabel, Menu::Label, "Put label into a group…", &[], "List the active label under a group").needs(Needs::ActiveLabel),
    row(Command::UngroupLabel, Menu::Label, "Take label out of its group", &[], "List the active label by itself").needs(Needs::ActiveLabel),
    row(Command::DeleteLabel, Menu::Label, "Delete label and its voxels", &[], "Delete the active label and every voxel drawn with it").needs(Needs::ActiveLabel),
    row(Command::SearchLabels, Menu::Label, "Search labels", &["L"], "Find a label by its name"),
    row(Command::NewLayer, Menu::Label, "New layer", &["Ctrl+Shift+L"], "Add a layer, in which labels may overlap those of others, and draw on it"),
    row(Command::RenameLayer, Menu::Label, "Rename layer…", &[], "Give the layer in hand another name").needs(Needs::Layers),
    row(Command::RemoveLayer, Menu::Label, "Remove layer", &[], "Take the last layer away, while it is empty").needs(Needs::Layers),
    row(Command::LabelPreset(0), Menu::Label, "Labels: organs", &[], "Add labels for organs, with their codes"),
    row(Command::LabelPreset(1), Menu::Label, "Labels: lesions", &[], "Add labels for lesions, with their codes"),
    row(Command::LabelPreset(2), Menu::Label, "Labels: TotalSegmentator", &[], "Add the 117 classes of TotalSegmentator, in its order"),
    row(Command::ImportLabels, Menu::Label, "Import labels…", &[], "Take names and colours from a label file of ITK-SNAP or a table"),
    row(Command::ExportLabels, Menu::Label, "Export labels…", &[], "Write names and colours into a label file of ITK-SNAP").needs(Needs::Label),
    row(Command::PreviousLabel, Menu::Label, "Previous label", &["Q", ","], "Draw with the label above").needs(Needs::Label),
    row(Command::NextLabel, Menu::Label, "Next label", &["W", "."], "Draw with the label below").needs(Needs::Label),
    row(Command::Label(1), Menu::None, "Label 1", &["Ctrl+1"], "Draw with label 1").needs(Needs::Label),
    row(Command::Label(2), Menu::None, "Label 2", &["Ctrl+2"], "Draw with label 2").needs(Needs::Label),
    row(Command::Label(3), Menu::None, "Label 3", &["Ctrl+3"], "Draw with label 3").needs(Needs::Label),
    row(Command::Label(4), Menu::None, "Label 4", &["Ctrl+4"], "Draw with label 4").needs(Needs::Label),
    row(Command::Label(5), Menu::None, "Label 5", &["Ctrl+5"], "Draw with label 5").needs(Needs::Label),
    row(Command::Label(6), Menu::None, "Label 6", &["Ctrl+6"], "Draw with label 6").needs(Needs::Label),
    row(Command::Label(7), Menu::None, "Label 7", &["Ctrl+7"], "Draw with label 7").needs(Needs::Label),
    row(Command::Label(8), Menu::None, "Label 8", &["Ctrl+8"], "Draw with label 8").needs(Needs::Label),
    row(Command::Label(9), Menu::None, "Label 9", &["Ctrl+9"], "Draw with label 9").needs(Needs::Label),
    row(Command::Try(AlgorithmKind::Threshold), Menu::Segment, "Threshold…", &["Ctrl+T"], "Label every voxel whose value lies in a range"),
    row(Command::Try(AlgorithmKind::Grow), Menu::Segment, "Grow region…", &["Ctrl+G"], "Label what values like those under the crosshair lead to"),
    row(Command::Try(AlgorithmKind::Islands), Menu::Segment, "Islands…", &[], "Keep the largest islands of the label, remove small ones, or split it"),
    row(Command::Try(AlgorithmKind::FillHoles), Menu::Segment, "Fill holes…", &["Ctrl+F"], "Fill what the label encloses"),
    row(Command::Try(AlgorithmKind::Margin), Menu::Segment, "Margin…", &["Ctrl+M"], "Grow or shrink the label by millimetres"),
    row(Command::Try(AlgorithmKind::Hollow), Menu::Segment, "Hollow…", &[], "Leave a wall of the label"),
    row(Command::Try(AlgorithmKind::Smooth), Menu::Segment, "Smooth…", &["Ctrl+Shift+M"], "Smooth the label"),
    row(Command::Try(AlgorithmKind::Refine), Menu::Segment, "Refine boundary…", &["Ctrl+R"], "Move the boundary of the label to where the values change, near the crosshair or everywhere"),
    row(Command::Try(AlgorithmKind::GrowFromSeeds), Menu::Segment, "Grow from seeds…", &["Ctrl+Shift+G"], "Let painted labels grow over the values until they meet"),
    row(Command::Try(AlgorithmKind::Combine), Menu::Segment, "Combine labels…", &[], "Unite two labels, or take one from the other"),
    row(Command::ToggleOverlay, Menu::View, "Labels shown", &["S"], "Show or hide the label overlay"),
    row(Command::ToggleOutline, Menu::View, "Outline only", &["G"], "Show labels as outlines, or filled"),
    row(Command::LessOpaque, Menu::View, "Labels fainter", &["A"], "Make the label fill more transparent"),
    row(Command::MoreOpaque, Menu::View, "Labels stronger", &["D"], "Make the label fill more opaque"),
    row(Command::ToggleAnnotations, Menu::View, "Boxes and landmarks shown", &["X"], "Show or hide boxes and landmarks"),
    row(Command::ToggleCrosshair, Menu::View, "Crosshair shown", &["Shift+X"], "Show or hide the crosshair"),
    row(Command::Preset(0), Menu::View, "Window: soft tissue", &["1"], "Centre 40, width 400"),
    row(Command::Preset(1), Menu::View, "Window: lung", &["2"], "Centre −600, width 1500"),
    row(Command::Preset(2), Menu::View, "Window: bone", &["3"], "Centre 480, width 2500"),
    row(Command::Preset(3), Menu::View, "Window: brain", &["4"], "Centre 40, width 80"),
    row(Command::Preset(4), Menu::View, "Window: liver", &["5"], "Centre 90, width 150"),
    row(Command::Preset(5), Menu::View, "Window: mediastinum", &["6"], "Centre 80, width 400"),
    row(Command::AutomaticWindow, Menu::View, "Window: automatic", &["0"], "From the values of this study"),
    row(Command::Invert, Menu::View, "Invert grey", &["I"], "Exchange black and white"),
    row(Command::Interpolation, Menu::View, "Smooth or nearest", &["Shift+I"], "Blend between voxels, or show each as it is"),
    row(Command::PatientPlanes, Menu::View, "True patient planes", &["Shift+P"], "Show resliced patient planes instead of the scanned slices"),
    row(Command::Fit, Menu::View, "Fit", &["Z"], "Show all of the study in each view"),
    row(Command::Maximise, Menu::View, "Maximise view", &["Backtick"], "One view alone, or all four"),
    row(Command::Cine, Menu::View, "Cine", &["C"], "Play the slices of the view, or the times of a study that has several; any click or key stops"),
    row(Command::CineFaster, Menu::View, "Cine faster", &["Alt+Up"], "Play more pictures a second"),
    row(Command::CineSlower, Menu::View, "Cine slower", &["Alt+Down"], "Play fewer pictures a second"),
    row(Command::SlicesForward(1), Menu::None, "Next slice", &["Up", "Right", "PageUp"], "One slice on"),
    row(Command::SlicesForward(-1), Menu::None, "Previous slice", &["Down", "Left", "PageDown"], "One slice back"),
    row(Command::SlicesForward(5), Menu::None, "Five slices on", &["Shift+Up", "Shift+Right", "Shift+PageUp"], "Five slices on"),
    row(Command::SlicesForward(-5), Menu::None, "Five slices back", &["Shift+Down", "Shift+Left", "Shift+PageDown"], "Five slices back"),
    row(Command::FirstSlice, Menu::None, "First slice", &["Home"], "To the first slice"),
    row(Command::LastSlice, Menu::None, "Last slice", &["End"], "To the last slice"),
    row(Command::AnnotatedSlice(1), Menu::View, "Next annotated slice", &["Ctrl+Up"], "To the next slice that holds a label (mouse button 5)").needs(Needs::AnnotatedSlice),
    row(Command::AnnotatedSlice(-1), Menu::View, "Previous annotated slice", &["Ctrl+Down"], "To the slice before that holds a label (mouse button 4)").needs(Needs::AnnotatedSlice),
    row(Command::TimesForward(1), Menu::None, "Next time", &["Alt+Right"], "One point in time, b-value or frame on").needs(Needs::Times),
    row(Command::TimesForward(-1), Menu::None, "Previous time", &["Alt+Left"], "One point in time, b-value or frame back").needs(Needs::Times),
    row(Command::Theme, Menu::View, "Light or dark", &[], "Change between the dark and the light theme").needs(Needs::Nothing),
    row(Command::LargerWindow, Menu::View, "Interface larger", &["Ctrl+=", "Ctrl++"], "Scale type and controls up").needs(Needs::Nothing),
    row(Command::SmallerWindow, Menu::View, "Interface smaller", &["Ctrl+-"], "Scale type and controls down").needs(Needs::Nothing),
    row(Command::PlainWindow, Menu::View, "Interface as the system has it", &["Ctrl+0"], "Type and controls in the size that the system asks for").needs(Needs::Nothing),
    row(Command::ResetGraphics, Menu::Help, "Reset graphics", &[], "Make the window anew on a fresh graphics device; nothing of the case is lost").needs(Needs::Nothing),
    row(Command::SeriesList, Menu::View, "Series list", &["F9"], "Show or hide the series that were found together").needs(Needs::Series),
    row(Command::WorkList, Menu::View, "Worklist", &["F8"], "Show or hide the studies of the worklist").needs(Needs::Worklist),
    row(Command::FullScreen, Menu::View, "Full screen", &["F11"], "Use the whole screen").needs(Needs::Nothing),
    row(Command::Palette, Menu::Help, "Command palette", &["Ctrl+P"], "Find a command by name").needs(Needs::Nothing),
    row(Command::KeySheet, Menu::Help, "Keys", &["?", "F1"], "Every key and what it does").needs(Needs::Nothing),
    row(Command::ChangeKeys, Menu::Help, "Change keys…", &[], "Choose a profile, and give commands other keys").needs(Needs::Nothing),
];

impl Command {
    /// The command's row in the table.
    pub fn info(self) -> Option<&'static CommandInfo> {
        COMMANDS.iter().find(|row| row.command == self)
    }

    /// The command that files call so ([`CommandInfo::word`]).
    pub fn called(word: &str) -> Option<Self> {
        COMMANDS.iter().find(|row| row.word() == word).map(|row| row.command)
    }

    /// Whether it goes on while its key is held.
    pub fn repeats(self) -> bool {
        matches!(
            self,
            Self::SlicesForward(_)
                | Self::AnnotatedSlice(_)
                | Self::TimesForward(_)
                | Self::CineFaster
                | Self::CineSlower
                | Self::BrushSmaller
                | Self::BrushLarger
                | Self::LessOpaque
                | Self::MoreOpaque
                | Self::Undo
                | Self::Redo
        )
    }
}

impl Session {
    /// Whether what a command needs is there. What only a face can know is not.
    pub fn meets(&self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing | Needs::Study => true,
            Needs::Step => self.history.done().len() > 0 || self.history.is_open(),
            Needs::UndoneStep => self.history.undone().len() > 0,
            Needs::Selection => self.selected.is_some(),
            Needs::Label => !self.case.scheme().is_empty(),
            Needs::ActiveLabel => self.case.scheme().get(self.active_label).is_some(),
            Needs::Layers => self.case.layers().len() > 1,
            Needs::Times => self.case.volume().times() > 1,
            Needs::AnnotatedSlice => !self.annotated_slices(0).is_empty(),
            Needs::Series | Needs::Worklist => false,
        }
    }

    /// Whether what a command switches is on; `None` for what switches nothing of the session.
    pub fn is_on(&self, command: Command) -> Option<bool> {
        Some(match command {
            Command::Tool(kind) => self.tool_kind == kind,
            Command::RangePaint => self.brush.only_values.is_some(),
            Command::FollowEdges => self.brush.follow_edges.is_some(),
            Command::SnapToEdges => self.snaps,
            Command::ToggleOverlay => self.display.overlay.shown,
            Command::ToggleOutline => self.display.overlay.fill <= 0.0,
            Command::ToggleAnnotations => self.annotations_shown,
            Command::ToggleCrosshair => self.crosshair_shown,
            Command::Preset(number) => {
                WINDOW_PRESETS.get(number).is_some_and(|(_, window)| self.display.window == *window)
            }
            Command::Invert => self.display.inverted,
            Command::Interpolation => self.display.interpolation == Interpolation::Smooth,
            Command::PatientPlanes => self.source == SliceSource::Patient,
            Command::StudyDone => self.is_done(),
            _ => return None,
        })
    }

    /// Carries out a command on the case or its views; `false` for those that belong to the face
    /// (files, palette, full screen).
    pub fn run(&mut self, command: Command) -> bool {
        let done = match command {
            Command::Undo => self.undo().map(drop),
            Command::Redo => self.redo().map(drop),
            Command::DeleteSelected => match self.selected {
                Some(id) => self.delete_annotation(id),
                None => Ok(()),
            },
            Command::NewLabel => self.new_label(),
            Command::NewLayer => self.add_layer(),
            Command::UngroupLabel => self.ungroup_label(self.active_label),
            Command::DeleteLabel => self.delete_label(self.active_label),
            Command::RemoveLayer => self.remove_layer(self.case.layers().len() - 1),
            // What the hands are at comes before what is tried out.
            Command::Accept if self.ask(Ask::Accept) => Ok(()),
            Command::Accept if self.trial().is_some() => self.accept_trial(),
            Command::Accept => self.accept_ghost().map(drop),
            Command::CopyToNextSlice => self.copy_to_next_slice(),
            Command::LabelPreset(number) => match label_presets().get(number) {
                Some(preset) => self.add_labels(preset),
                None => Ok(()),
            },
            Command::StepBack => match (self.ask(Ask::StepBack), self.selected) {
                (false, Some(id)) => self.delete_annotation(id),
                _ => Ok(()),
            },
            _ => {
                return self.run_view_command(command);
            }
        };
        if let Err(error) = done {
            self.notice = Some(format!("That could not be done: {error}"));
        }
        true
    }

    fn run_view_command(&mut self, command: Command) -> bool {
        let brush = self.brush;
        match command {
            Command::Cancel => {
                if !self.cancel_gesture() && !self.drop_trial() && !self.drop_ghost() {
                    self.take_tool(ToolKind::Navigate);
                }
            }
            Command::Tool(ToolKind::Measure) if self.tool_kind == ToolKind::Measure => {
                self.set_measure(self.measure.next());
            }
            Command::NextMeasure => self.set_measure(self.measure.next()),
            Command::Tool(kind) => self.take_tool(kind),
            Command::Try(kind) => self.begin_trial(kind),
            Command::Interpolate => self.toggle_ghost(),
            Command::PasteContour => self.paste_contour(),
            Command::Template(number) => {
                self.take_tool(ToolKind::Landmark);
                self.set_template(Some(number));
            }
            Command::NoTemplate => self.set_template(None),
            Command::PaintOver => {
                let over = match brush.over {
                    PaintOver::All => PaintOver::Shown,
                    PaintOver::Shown => PaintOver::Only(0),
                    PaintOver::Only(_) => PaintOver::All,
                };
                self.set_brush(BrushSettings { over, ..brush });
                self.notice = Some(format!("Painting over {}", self.paint_over_name(over)));
            }
            Command::LastTool => self.take_tool(self.previous_tool),
            Command::BrushSmaller => {
                self.set_brush(BrushSettings { radius_mm: brush.radius_mm / 1.15, ..brush })
            }
            Command::BrushLarger => {
                self.set_brush(BrushSettings { radius_mm: brush.radius_mm * 1.15, ..brush })
            }
            Command::BrushShape => {
                let shape = match brush.shape {
                    BrushShape::Disc => BrushShape::Ball,
                    BrushShape::Ball => BrushShape::Disc,
                };
                self.set_brush(BrushSettings { shape, ..brush });
                if !self.offers_ball() {
                    self.notice = Some("A single picture has no depth for a ball".into());
                }
            }
            Command::RangePaint => {
                let only_values = match brush.only_values {
                    None => Some(self.range_to_paint()),
                    Some(_) => None,
                };
                self.set_brush(BrushSettings { only_values, ..brush });
            }
            Command::FollowEdges => {
                let follows = !(self.tool_kind.is_brush() && brush.follow_edges.is_some());
                if !self.tool_kind.is_brush() {
                    self.take_tool(ToolKind::Brush);
                }
                self.follow_edges(follows);
            }
            Command::SnapToEdges => {
                let snaps = !(self.tool_kind == ToolKind::Polygon && self.snaps);
                if self.tool_kind != ToolKind::Polygon {
                    self.take_tool(ToolKind::Polygon);
                }
                self.snap_to_edges(snaps);
            }
            Command::PreviousLabel => self.step_label(-1),
            Command::NextLabel => self.step_label(1),
            Command::Label(index) => self.activate_label(index),
            Command::ToggleOverlay => self.display.overlay.shown ^= true,
            Command::ToggleOutline => {
                let fill = &mut self.display.overlay.fill;
                *fill = if *fill > 0.0 { 0.0 } else { 0.35 };
            }
            Command::LessOpaque => self.change_fill(-0.1),
            Command::MoreOpaque => self.change_fill(0.1),
            Command::ToggleAnnotations => self.annotations_shown ^= true,
            Command::ToggleCrosshair => self.crosshair_shown ^= true,
            Command::Preset(number) => {
                if let Some((_, window)) = WINDOW_PRESETS.get(number) {
                    self.display.window = *window;
                }
            }
            Command::OwnWindow(number) => {
                if let Some(suggested) = self.case.volume().suggested_windows.get(number) {
                    self.display.window = suggested.window;
                }
            }
            Command::AutomaticWindow => self.display.window = self.case.volume().automatic_window(),
            Command::Invert => self.display.inverted ^= true,
            Command::Interpolation => {
                self.display.interpolation = match self.display.interpolation {
                    Interpolation::Smooth => Interpolation::Nearest,
                    Interpolation::Nearest => Interpolation::Smooth,
                };
            }
            Command::PatientPlanes => {
                self.source = match self.source {
                    SliceSource::Acquisition => SliceSource::Patient,
                    SliceSource::Patient => SliceSource::Acquisition,
                };
            }
            Command::Fit => (0..super::PANES).for_each(|pane| self.fit(pane)),
            Command::SlicesForward(steps) => self.scroll_slices(self.active_pane, steps),
            Command::FirstSlice => self.scroll_slices(self.active_pane, -(i64::from(i32::MAX))),
            Command::LastSlice => self.scroll_slices(self.active_pane, i64::from(i32::MAX)),
            Command::AnnotatedSlice(steps) => self.show_annotated_slice(self.active_pane, steps > 0),
            Command::TimesForward(steps) => self.scroll_times(steps),
            _ => return false,
        }
        true
    }

    /// What may be painted over, in words.
    pub fn paint_over_name(&self, over: PaintOver) -> String {
        match over {
            PaintOver::All => "everything".into(),
            PaintOver::Shown => "what is shown".into(),
            PaintOver::Only(0) => "background".into(),
            PaintOver::Only(label) => {
                let label = self.case.scheme().get(label);
                label.map_or_else(|| "a label that is gone".into(), |label| label.name.clone())
            }
        }
    }

    fn change_fill(&mut self, by: f64) {
        let fill = &mut self.display.overlay.fill;
        *fill = (*fill + by).clamp(0.0, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_key_and_every_name_stands_once() {
        let mut keys = BTreeSet::new();
        let mut words = BTreeSet::new();
        for row in COMMANDS {
            assert!(words.insert(row.word()), "{} stands twice", row.word());
            assert_eq!(Command::called(&row.word()), Some(row.command));
            for key in row.keys {
                assert!(keys.insert(key.to_lowercase()), "{key} is given twice, also to {}", row.name);
            }
        }
    }
}
