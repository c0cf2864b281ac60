//! The axis beyond the three of space.

/// What sets the frames of a volume apart that lie at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeKind {
    /// Time as it passes; values in seconds from the first frame.
    Time,
    /// Diffusion weighting; values in s/mm².
    BValue,
    /// Delay after the heartbeat's trigger; values in milliseconds.
    Trigger,
    /// Phase of the heartbeat; values in percent of a beat.
    CardiacPhase,
    /// Frames that follow each other in an order, of which no more is known.
    Frames,
}

impl TimeKind {
    /// The word scripts rely on.
    pub fn word(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::BValue => "b-value",
            Self::Trigger => "trigger",
            Self::CardiacPhase => "cardiac-phase",
            Self::Frames => "frames",
        }
    }

    /// What a person calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "Time",
            Self::BValue => "b-value",
            Self::Trigger => "Trigger",
            Self::CardiacPhase => "Heart phase",
            Self::Frames => "Frame",
        }
    }

    /// The unit of the values; empty where there are none.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Time => "s",
            Self::BValue => "s/mm²",
            Self::Trigger => "ms",
            Self::CardiacPhase => "%",
            Self::Frames => "",
        }
    }
}

/// What the frames of a volume are.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeAxis {
    /// What sets them apart.
    pub kind: TimeKind,
    /// Where each frame lies on the axis, in the unit of its kind; empty where that is not known.
    pub values: Vec<f64>,
}

impl TimeAxis {
    /// A frame in words: "2 / 10 · 5 s".
    pub fn caption(&self, time: usize, times: usize) -> String {
        let number = format!("{} / {times}", time + 1);
        match self.values.get(time) {
            Some(value) => format!("{number} · {} {}", (value * 1000.0).round() / 1000.0, self.kind.unit()),
            None => number,
        }
    }
}
