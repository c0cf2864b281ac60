//! The program itself on a screen without a monitor, under a real pointer and real keys.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use annotomy::format::{Silent, nifti};
use annotomy::geometry::VoxelBox;
use annotomy::volume::Mask;
use serde_json::Value;

use super::*;

/// A screen of its own, ended with the test.
struct Screen {
    server: Child,
    name: String,
}

impl Screen {
    /// `None`, said aloud, where the machine has no `Xvfb` or no `xdotool`; with
    /// `ANNOTOMY_REQUIRE_DISPLAY=1` that fails.
    fn new() -> Option<Self> {
        let has = |program: &str| Command::new(program).arg("-help").output().is_ok();
        if !["Xvfb", "xdotool"].into_iter().all(has) {
            assert!(std::env::var_os("ANNOTOMY_REQUIRE_DISPLAY").is_none(), "Xvfb or xdotool is missing");
            eprintln!("skipped: Xvfb or xdotool is missing, so no real window was opened");
            return None;
        }
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb starts");
        let mut number = String::new();
        let told = server.stdout.take().expect("piped");
        BufReader::new(told).read_line(&mut number).expect("Xvfb tells its number");
        Some(Self { server, name: format!(":{}", number.trim()) })
    }

    /// What `xdotool` prints; `None` where it failed.
    fn tool(&self, arguments: &str) -> Option<String> {
        let output = Command::new("xdotool")
            .args(arguments.split(' '))
            .env("DISPLAY", &self.name)
            .output()
            .expect("xdotool starts");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Hands the keyboard to the window; without a window manager nobody else does.
    fn focus(&self) {
        if let Some(window) = self.tool("search --name phantom") {
            // It may be about to be made anew.
            let _ = self.tool(&format!("windowfocus {window}"));
            pause();
        }
    }

    fn key(&self, key: &str) {
        self.tool(&format!("key {key}")).expect("a key");
        pause();
    }

    /// A stroke that begins at a place of the window and goes right.
    fn stroke(&self, [x, y]: [i32; 2]) {
        self.tool(&format!("mousemove {x} {y} mousedown 1")).expect("a press");
        for step in 1..=8 {
            pause();
            self.tool(&format!("mousemove {} {y}", x + 5 * step)).expect("a move");
        }
        self.tool("mouseup 1").expect("a release");
        pause();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // At worst it stays until the machine is switched off.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A window takes its time from frame to frame.
fn pause() {
    std::thread::sleep(Duration::from_millis(60));
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The program with a study open, or about to be.
fn started(screen: &Screen, study: &Study) -> Child {
    let home = study.file("home");
    std::fs::create_dir_all(&home).expect("a home");
    let program = Command::new(env!("CARGO_BIN_EXE_annotomy"))
        .arg(study.file("phantom.nii.gz"))
        .env("DISPLAY", &screen.name)
        .env_remove("WAYLAND_DISPLAY")
        .envs(["HOME", "XDG_RUNTIME_DIR"].map(|name| (name, &home)))
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_DATA_HOME")
        .spawn()
        .expect("the program starts");
    until("the study", || screen.tool("search --name phantom"));
    program
}

fn asked(arguments: &[&str], path: &Path) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_annotomy"))
        .args(arguments)
        .arg(path)
        .arg("--json")
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_real_window_paints_survives_its_device_and_a_kill_and_saves() {
    let Some(screen) = Screen::new() else { return };
    let study = Study::new();
    let journal = study.file("phantom.annotomy.journal");
    let length = || std::fs::metadata(&journal).map_or(0, |file| file.len());

    let mut program = started(&screen, &study);
    // The first strokes may come while the study is still being read.
    let painted = |at, before: u64| {
        until("a step in the journal", || {
            screen.focus();
            screen.key("b");
            screen.stroke(at);
            std::thread::sleep(Duration::from_millis(700));
            (length() > before).then(length)
        })
    };
    let after_one = painted([240, 180], 0);
    // The window is made anew on another device, with the same state.
    screen.key("ctrl+p");
    screen.tool("type graphics").expect("words");
    pause();
    screen.key("Return");
    std::thread::sleep(Duration::from_millis(1500));
    until("the fresh window", || screen.tool("search --name phantom"));
    screen.focus();
    screen.tool("mousemove 240 180").expect("a move");
    pause();
    screen.tool("click 4").expect("a notch of the wheel");
    pause();
    painted([240, 180], after_one);
    program.kill().expect("kill -9");
    program.wait().expect("it is gone");
    let left = asked(&["recover"], &study.file("phantom.nii.gz"));
    assert!(left["steps"].as_u64().is_some_and(|steps| steps >= 2), "{left}");
    assert_eq!(left["torn"], Value::from(false), "{left}");

    let mut program = started(&screen, &study);
    let sidecar = study.file("phantom.annotomy.json");
    until("the save", || {
        // The question whether to bring them back comes when the study is open.
        screen.focus();
        screen.key("Return");
        screen.key("ctrl+s");
        std::thread::sleep(Duration::from_millis(500));
        sidecar.exists().then_some(())
    });
    until("the end of the save", || study.file("phantom_dseg.nii.gz").exists().then_some(()));
    until("the end of the program", || {
        screen.key("ctrl+q");
        program.try_wait().expect("a child")
    });
    assert!(!journal.exists(), "a saved case leaves no journal");
    let proof = asked(&["verify"], &sidecar);
    assert_eq!(proof["agrees"], Value::from(true), "{proof}");
    let case: Value = serde_json::from_slice(&std::fs::read(&sidecar).expect("a sidecar")).expect("JSON");
    let labels = nifti::read_labels(&study.file("phantom_dseg.nii.gz"), &Silent).expect("a mask").labels;
    let mut slices: Vec<usize> = Vec::new();
    Mask::of_label(&labels, VoxelBox { min: [0; 3], max: labels.dims() }, 1)
        .for_each_run(|_, _, k| slices.push(k));
    slices.dedup();
    assert!(matches!(slices[..], [one, next] if next == one + 1), "a notch is a slice, not {slices:?}");
    let voxels = case["layers"][0]["counts"][0]["voxels"].as_u64();
    assert!(voxels.is_some_and(|voxels| voxels > 50), "{case}");
}
