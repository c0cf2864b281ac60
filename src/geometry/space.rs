//! Points and vectors that carry the space they live in.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Add, AddAssign, Mul, Neg, Sub};

use glam::DVec3;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A coordinate space. The markers are never built; they only stand in types.
pub trait Space: Copy + 'static {
    /// The space's name in messages.
    const NAME: &'static str;
}

macro_rules! space {
    ($(#[$doc:meta])* $name:ident, $text:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {}
        impl Space for $name {
            const NAME: &'static str = $text;
        }
    };
}

space!(
    /// Continuous voxel coordinates (i, j, k) of one grid; whole numbers are voxel centres, so the
    /// voxel (0, 0, 0) reaches from -0.5 to 0.5.
    Voxel, "voxel"
);
space!(
    /// LPS millimetres: +x to the patient's left, +y to posterior, +z to superior.
    Patient, "patient"
);
space!(
    /// Millimetres in one [`Plane`](super::Plane): x to the right of the picture, y down, z along
    /// the normal away from the viewer; the plane itself is z = 0.
    PlaneSpace, "plane"
);
space!(
    /// Points of one viewport: x to the right, y down from its top left corner, in logical pixels;
    /// z is depth in the same scale and 0 on the plane shown.
    Screen, "screen"
);

macro_rules! triple {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name<S: Space> {
            raw: DVec3,
            space: PhantomData<S>,
        }

        impl<S: Space> $name<S> {
            /// From three coordinates.
            pub const fn new(x: f64, y: f64, z: f64) -> Self {
                Self { raw: DVec3::new(x, y, z), space: PhantomData }
            }

            /// From a plain triple, declaring its space.
            pub const fn from_raw(raw: DVec3) -> Self {
                Self { raw, space: PhantomData }
            }

            /// The plain triple, for arithmetic that has no name of its own.
            pub const fn raw(self) -> DVec3 {
                self.raw
            }

            /// The coordinates in order.
            pub fn to_array(self) -> [f64; 3] {
                self.raw.to_array()
            }

            /// First coordinate.
            pub const fn x(self) -> f64 {
                self.raw.x
            }

            /// Second coordinate.
            pub const fn y(self) -> f64 {
                self.raw.y
            }

            /// Third coordinate.
            pub const fn z(self) -> f64 {
                self.raw.z
            }

            /// Whether no coordinate is NaN or infinite.
            pub fn is_finite(self) -> bool {
                self.raw.is_finite()
            }
        }

        impl<S: Space> Clone for $name<S> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<S: Space> Copy for $name<S> {}

        impl<S: Space> PartialEq for $name<S> {
            fn eq(&self, other: &Self) -> bool {
                self.raw == other.raw
            }
        }

        impl<S: Space> fmt::Debug for $name<S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({}, {}, {})", S::NAME, self.raw.x, self.raw.y, self.raw.z)
            }
        }

        impl<S: Space> From<[f64; 3]> for $name<S> {
            fn from(raw: [f64; 3]) -> Self {
                Self::from_raw(DVec3::from_array(raw))
            }
        }

        impl<S: Space> Serialize for $name<S> {
            fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                self.to_array().serialize(serializer)
            }
        }

        impl<'de, S: Space> Deserialize<'de> for $name<S> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let raw = <[f64; 3]>::deserialize(deserializer)?;
                if raw.iter().all(|x| x.is_finite()) {
                    Ok(Self::from(raw))
                } else {
                    Err(serde::de::Error::custom("a coordinate is not finite"))
                }
            }
        }
    };
}

triple!(
    /// A position in space `S`, in f64. As JSON: `[x, y, z]`.
    Point
);
triple!(
    /// A displacement in space `S`, in f64. As JSON: `[x, y, z]`.
    Vector
);

impl<S: Space> Point<S> {
    /// The space's origin.
    pub const ORIGIN: Self = Self::new(0.0, 0.0, 0.0);

    /// Euclidean distance, in the unit of the space.
    pub fn distance(self, other: Self) -> f64 {
        self.raw.distance(other.raw)
    }

    /// The point `t` of the way to `other`.
    pub fn lerp(self, other: Self, t: f64) -> Self {
        Self::from_raw(self.raw.lerp(other.raw, t))
    }
}

impl<S: Space> Vector<S> {
    /// Euclidean length, in the unit of the space.
    pub fn length(self) -> f64 {
        self.raw.length()
    }

    /// Scalar product.
    pub fn dot(self, other: Self) -> f64 {
        self.raw.dot(other.raw)
    }

    /// Vector product.
    pub fn cross(self, other: Self) -> Self {
        Self::from_raw(self.raw.cross(other.raw))
    }

    /// The same direction at length 1; `None` for a vector without direction.
    pub fn normalized(self) -> Option<Self> {
        self.raw.try_normalize().map(Self::from_raw)
    }
}

impl<S: Space> Add<Vector<S>> for Point<S> {
    type Output = Self;
    fn add(self, step: Vector<S>) -> Self {
        Self::from_raw(self.raw + step.raw)
    }
}

impl<S: Space> AddAssign<Vector<S>> for Point<S> {
    fn add_assign(&mut self, step: Vector<S>) {
        self.raw += step.raw;
    }
}

impl<S: Space> Sub<Vector<S>> for Point<S> {
    type Output = Self;
    fn sub(self, step: Vector<S>) -> Self {
        Self::from_raw(self.raw - step.raw)
    }
}

impl<S: Space> Sub for Point<S> {
    type Output = Vector<S>;
    fn sub(self, other: Self) -> Vector<S> {
        Vector::from_raw(self.raw - other.raw)
    }
}

impl<S: Space> Add for Vector<S> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::from_raw(self.raw + other.raw)
    }
}

impl<S: Space> Sub for Vector<S> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::from_raw(self.raw - other.raw)
    }
}

impl<S: Space> Mul<f64> for Vector<S> {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self::from_raw(self.raw * factor)
    }
}

impl<S: Space> Neg for Vector<S> {
    type Output = Self;
    fn neg(self) -> Self {
        Self::from_raw(-self.raw)
    }
}
