//! Real files, held against what pydicom, dcm2niix and SimpleITK say of them.
