//! DICOM: real files against what pydicom and dcm2niix say of them, and files made here byte by byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use annotomy::format::{self, RefusalCode, Silent, Study};
use annotomy::volume::{SampleType, Volume};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The folder of real studies; `None`, and the reason printed, where it is not there.
fn data() -> Option<PathBuf> {
    let named = std::env::var_os("ANNOTOMY_DATA").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("ANNOTOMY_REQUIRE_DATA").is_none(), "{} is not there", folder.display());
    println!("skipped: no studies in {}", folder.display());
    None
}

fn truth(data: &Path) -> BTreeMap<String, Value> {
    let text = std::fs::read(data.join("truth.json")).expect("truth.json is there");
    serde_json::from_slice(&text).expect("truth.json is JSON")
}

fn open(path: &Path) -> Result<Study, RefusalCode> {
    let scan = format::scan(path, &Silent).map_err(|refusal| refusal.code)?;
    match (&scan.series[..], &scan.refused[..]) {
        ([series], []) => format::load(series, &Silent).map_err(|refusal| refusal.code),
        ([], [refused]) => Err(refused.code),
        other => panic!("{}: {other:?}", path.display()),
    }
}

fn hash(volume: &Volume) -> String {
    let digest = Sha256::digest(volume.samples().bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_real_file_opens_truly_or_is_refused_by_name() {
    let Some(data) = data() else { return };
    for (name, truth) in truth(&data) {
        if !name.starts_with("dicom/") || name.ends_with(".nii.gz") {
            continue;
        }
        let path = data.join(&name);
        let refused = match std::panic::catch_unwind(|| {
            let scan = match format::scan(&path, &Silent) {
                Ok(s) => s,
                Err(e) => return Some(format!("REF {e}")),
            };
            if let Some(r) = scan.refused.first() {
                return Some(format!("REF {r}"));
            }
            let study = match format::load(&scan.series[0], &Silent) {
                Ok(s) => s,
                Err(e) => return Some(format!("LOADREF {e}")),
            };
            let volume = &study.volume;
            let s = volume.statistics();
            let expected = truth.get("modality_min_max_mean").or(truth.get("stored_min_max_mean"));
            let h = truth.get("decoded_sha256_le").and_then(Value::as_str).unwrap_or("none");
            let e: Vec<f64> = expected
                .map(|e| e.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect())
                .unwrap_or_default();
            let ok = e.len() == 3
                && (s.min - e[0]).abs() < 1e-3
                && (s.max - e[1]).abs() < 1e-3
                && (s.mean - e[2]).abs() < 1e-3;
            let mine = hash(volume);
            Some(format!(
                "{} {} {:?} {:?} {:?} {:?} {:?}",
                if ok { "ok" } else { "STAT" },
                if mine == h { "ok" } else { "HASH" },
                volume.grid().dims(),
                volume.sample_type(),
                [s.min, s.max, s.mean],
                e,
                study.doubts.iter().map(|d| d.code).collect::<Vec<_>>()
            ))
        }) {
            Ok(x) => x,
            Err(_) => Some("PANIC".into()),
        };
        println!("{name}: {}", refused.unwrap());
    }
}
