//! Anatomical names for directions and planes, computed from the true affine.

use serde::{Deserialize, Serialize};

use super::affine::Affine;
use super::space::{Patient, Vector, Voxel};

/// One of the six directions of the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the patient's right, −x.
    Right,
    /// To the patient's left, +x.
    Left,
    /// To the front, −y.
    Anterior,
    /// To the back, +y.
    Posterior,
    /// To the feet, −z.
    Inferior,
    /// To the head, +z.
    Superior,
}

impl Direction {
    /// What lies in this direction of a picture whose i grows to +x and j to +y, where the file states
    /// the sides to which these go; nothing across the picture.
    pub fn of_stated(self, [along_i, along_j]: &[String; 2]) -> String {
        let opposite = |side: &String| {
            let turn = |letter| match letter {
                'R' => 'L',
                'L' => 'R',
                'A' => 'P',
                'P' => 'A',
                'H' => 'F',
                'F' => 'H',
                other => other,
            };
            side.chars().map(turn).collect()
        };
        match self {
            Self::Left => along_i.clone(),
            Self::Right => opposite(along_i),
            Self::Posterior => along_j.clone(),
            Self::Anterior => opposite(along_j),
            Self::Superior | Self::Inferior => String::new(),
        }
    }

    /// The direction nearest to `vector`; on a tie the earlier of x, y, z.
    pub fn nearest(vector: Vector<Patient>) -> Self {
        let [x, y, z] = vector.to_array();
        if x.abs() >= y.abs() && x.abs() >= z.abs() {
            if x < 0.0 { Self::Right } else { Self::Left }
        } else if y.abs() >= z.abs() {
            if y < 0.0 { Self::Anterior } else { Self::Posterior }
        } else if z < 0.0 {
            Self::Inferior
        } else {
            Self::Superior
        }
    }

    /// R, L, A, P, I or S.
    pub fn letter(self) -> char {
        match self {
            Self::Right => 'R',
            Self::Left => 'L',
            Self::Anterior => 'A',
            Self::Posterior => 'P',
            Self::Inferior => 'I',
            Self::Superior => 'S',
        }
    }

    /// The unit vector that way.
    pub fn vector(self) -> Vector<Patient> {
        match self {
            Self::Right => Vector::new(-1.0, 0.0, 0.0),
            Self::Left => Vector::new(1.0, 0.0, 0.0),
            Self::Anterior => Vector::new(0.0, -1.0, 0.0),
            Self::Posterior => Vector::new(0.0, 1.0, 0.0),
            Self::Inferior => Vector::new(0.0, 0.0, -1.0),
            Self::Superior => Vector::new(0.0, 0.0, 1.0),
        }
    }
}

/// One of the three planes of the patient, shown the radiological way: the patient's right is on
/// the left of the picture, sagittal pictures look at the patient's left side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnatomicalPlane {
    /// Across the long axis, seen from the feet.
    Axial,
    /// Seen from the front.
    Coronal,
    /// Seen from the patient's left.
    Sagittal,
}

impl AnatomicalPlane {
    /// The three, in the order of the panes.
    pub const ALL: [Self; 3] = [Self::Axial, Self::Coronal, Self::Sagittal];

    /// Its name in lower case, as the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Axial => "axial",
            Self::Coronal => "coronal",
            Self::Sagittal => "sagittal",
        }
    }

    /// What lies to the right of the picture.
    pub fn right(self) -> Direction {
        match self {
            Self::Axial | Self::Coronal => Direction::Left,
            Self::Sagittal => Direction::Posterior,
        }
    }

    /// What lies below in the picture.
    pub fn down(self) -> Direction {
        match self {
            Self::Axial => Direction::Posterior,
            Self::Coronal | Self::Sagittal => Direction::Inferior,
        }
    }

    /// The patient axis (0 = x, 1 = y, 2 = z) that this plane is perpendicular to.
    pub fn normal_axis(self) -> usize {
        match self {
            Self::Axial => 2,
            Self::Coronal => 1,
            Self::Sagittal => 0,
        }
    }
}

/// For the patient's x, y and z axis, the voxel axis that runs nearest to it, each used once: the
/// assignment with the greatest sum of |cosines|.
pub fn nearest_voxel_axes(patient_from_voxel: &Affine<Patient, Voxel>) -> [usize; 3] {
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let cosine = |patient_axis: usize, voxel_axis: usize| {
        let step = patient_from_voxel.axis(voxel_axis);
        (step.to_array()[patient_axis] / step.length()).abs()
    };
    let score = |order: &[usize; 3]| (0..3).map(|axis| cosine(axis, order[axis])).sum::<f64>();
    let mut best = ORDERS[0];
    for order in ORDERS {
        // A clear win is asked for, so that rounding cannot choose between equals.
        if score(&order) > score(&best) + 1e-9 {
            best = order;
        }
    }
    best
}

/// The greatest angle in degrees between a voxel axis and the patient axis it is named after: 0 for
/// a grid that stands square in the patient.
pub fn obliquity_degrees(patient_from_voxel: &Affine<Patient, Voxel>) -> f64 {
    let axes = nearest_voxel_axes(patient_from_voxel);
    (0..3)
        .map(|patient_axis| {
            let step = patient_from_voxel.axis(axes[patient_axis]);
            let along = step.to_array()[patient_axis].abs();
            let across = (step.length().powi(2) - along * along).max(0.0).sqrt();
            across.atan2(along).to_degrees()
        })
        .fold(0.0, f64::max)
}
