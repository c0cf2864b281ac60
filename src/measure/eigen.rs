//! Eigenvalues of small symmetric matrices.

use glam::{DMat3, DVec3};

/// Sweeps after which Jacobi's method has long settled.
const SWEEPS: usize = 32;

/// Eigenvalues of a symmetric matrix, the greatest first, with their vectors of length 1 (Jacobi 1846).
pub(super) fn eigen(symmetric: DMat3) -> ([f64; 3], [DVec3; 3]) {
    let mut matrix = symmetric.to_cols_array_2d();
    let mut vectors = DMat3::IDENTITY.to_cols_array_2d();
    for _ in 0..SWEEPS {
        for [p, q] in [[0, 1], [0, 2], [1, 2]] {
            if matrix[p][q] == 0.0 {
                continue;
            }
            let slope = (matrix[q][q] - matrix[p][p]) / (2.0 * matrix[p][q]);
            let tangent = slope.signum() / (slope.abs() + slope.hypot(1.0));
            let cosine = 1.0 / tangent.hypot(1.0);
            let sine = tangent * cosine;
            for row in &mut matrix {
                (row[p], row[q]) = (cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]);
            }
            for n in 0..3 {
                let (a, b) = (matrix[p][n], matrix[q][n]);
                (matrix[p][n], matrix[q][n]) = (cosine * a - sine * b, sine * a + cosine * b);
                let (a, b) = (vectors[p][n], vectors[q][n]);
                (vectors[p][n], vectors[q][n]) = (cosine * a - sine * b, sine * a + cosine * b);
            }
        }
    }
    let mut order = [0, 1, 2];
    order.sort_by(|a, b| matrix[*b][*b].total_cmp(&matrix[*a][*a]));
    (order.map(|n| matrix[n][n]), order.map(|n| DVec3::from_array(vectors[n])))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn vectors_are_turned_into_multiples_of_themselves(entries in prop::array::uniform6(-9.0f64..9.0)) {
            let [a, b, c, d, e, f] = entries;
            let matrix = DMat3::from_cols_array_2d(&[[a, d, e], [d, b, f], [e, f, c]]);
            let (values, vectors) = eigen(matrix);
            prop_assert!(values.is_sorted_by(|a, b| a >= b));
            for (value, vector) in values.iter().zip(vectors) {
                prop_assert!((vector.length() - 1.0).abs() < 1e-12);
                prop_assert!((matrix * vector - *value * vector).length() < 1e-11);
            }
            prop_assert!((values.iter().sum::<f64>() - (a + b + c)).abs() < 1e-12);
        }
    }
}
