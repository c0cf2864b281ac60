//! Runs cases in child processes and holds each against its bounds: it ends in at most five seconds
//! with at most 64 MB and twice the greater of its size and its decoded size, by opening in agreement
//! with itself or by a refusal in one line that names the file.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::case::Case;
use crate::child::{self, LIST, MARK};

const LONGEST: Duration = Duration::from_secs(5);
const FREE_MEMORY: u64 = 64 << 20;
/// The child is told apart from a slow one after this.
const HUNG: Duration = Duration::from_secs(30);
/// Kibibytes of addresses a child may reserve, so that what is promised and not used is bounded, too.
const ADDRESSES: u32 = 4 << 20;

/// What the committed table says: the verdict of each case that is certain.
fn table() -> BTreeMap<&'static str, &'static str> {
    let lines = include_str!("expected.tsv").lines().filter(|line| !line.is_empty());
    lines.map(|line| line.split_once('\t').expect("a name, a tab, a verdict")).collect()
}

/// How a case ended.
struct Verdict {
    words: String,
    faults: Vec<String>,
}

/// Runs all cases of a family; fails where any breaks its bounds or ends otherwise than the table says.
pub(crate) fn check(family: &str, cases: &[Case]) {
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "each name once");
    assert!(names.iter().all(|name| name.starts_with(&format!("{family}/"))), "of one family");
    let verdicts = verdicts(cases);
    let table = table();
    let mut wrong = Vec::new();
    for (case, Verdict { words, faults }) in cases.iter().zip(&verdicts) {
        wrong.extend(faults.iter().map(|fault| format!("{}: {fault}", case.name)));
        if let Some(expected) = table.get(case.name.as_str())
            && expected != words
        {
            wrong.push(format!("{}: {words} where {expected} was expected", case.name));
        }
    }
    let mine = table.keys().filter(|name| name.starts_with(&format!("{family}/")));
    wrong.extend(
        mine.filter(|name| !names.contains(**name)).map(|name| format!("{name}: is in the table only")),
    );
    if let Some(report) = std::env::var_os("ANNOTOMY_HOSTILE_REPORT") {
        let lines =
            cases.iter().zip(&verdicts).map(|(case, verdict)| format!("{}\t{}\n", case.name, verdict.words));
        std::fs::write(Path::new(&report).join(format!("{family}.tsv")), lines.collect::<String>())
            .expect("a report");
    }
    println!("{family}: {} cases", cases.len());
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn verdicts(cases: &[Case]) -> Vec<Verdict> {
    let folder = tempfile::tempdir().expect("a folder");
    let line = |(number, case): (usize, &Case)| {
        let path = case.put_into(&folder.path().join(number.to_string())).expect(&case.name);
        child::line(number, case.probe, &path)
    };
    let lines: Vec<String> = cases.iter().enumerate().map(line).collect();
    let mut verdicts = Vec::new();
    // A child that dies takes one case with it; another one goes on behind.
    while verdicts.len() < cases.len() {
        let list = folder.path().join("list");
        std::fs::write(&list, lines[verdicts.len()..].join("\n")).expect("a list");
        let before = verdicts.len();
        let mut child = start(&list);
        let told = told_by(&mut child);
        while verdicts.len() < cases.len() {
            match told.recv_timeout(HUNG) {
                Ok(line) => verdicts.extend(ended(&line, cases)),
                Err(RecvTimeoutError::Timeout) => {
                    verdicts.push(broken("hangs".to_owned()));
                    break;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = child.wait().expect("a child");
                    verdicts.push(broken(format!("takes the process down ({status})")));
                    break;
                }
            }
        }
        let _ = child.kill();
        let _ = child.wait();
        assert!(verdicts.len() > before);
    }
    verdicts
}

fn broken(fault: String) -> Verdict {
    Verdict { words: "broken".to_owned(), faults: vec![fault] }
}

/// The verdict in a line of the child; `None` where the line begins a case.
fn ended(line: &str, cases: &[Case]) -> Option<Verdict> {
    let (number, rest) = line.split_once(' ')?;
    let case = &cases[number.parse::<usize>().expect("a number")];
    let mut rest = rest.strip_prefix("ends ")?.splitn(4, ' ');
    let mut word = || rest.next().expect("four words");
    let mut number = || word().parse::<u64>().expect("a number");
    let (took, memory, decoded) = (Duration::from_millis(number()), number(), number());
    let (words, faults) = word().split_once('|')?;
    let mut faults: Vec<String> =
        Some(faults.to_owned()).filter(|faults| !faults.is_empty()).into_iter().collect();
    if took > LONGEST {
        faults.push(format!("takes {took:?}"));
    }
    let allowed = FREE_MEMORY + 2 * case.bytes().max(decoded);
    if memory > allowed {
        let in_mb = |bytes: u64| bytes as f64 / 1e6;
        faults.push(format!(
            "takes {:.0} MB of memory where {:.0} are allowed",
            in_mb(memory),
            in_mb(allowed)
        ));
    }
    Some(Verdict { words: words.to_owned(), faults })
}

fn start(list: &Path) -> Child {
    let program = std::env::current_exe().expect("this program");
    Command::new("sh")
        .arg("-c")
        .arg(format!("ulimit -v {ADDRESSES}; exec \"$0\" --exact child::child --nocapture --test-threads 1"))
        .arg(program)
        .env(LIST, list)
        // Memory that is let go is given back at once, so that each case is measured by itself.
        .envs([
            ("MALLOC_ARENA_MAX", "2"),
            ("MALLOC_MMAP_THRESHOLD_", "65536"),
            ("MALLOC_TRIM_THRESHOLD_", "65536"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child")
}

/// What the child says of its cases; ends with it.
fn told_by(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = sync_channel(16);
    let out = BufReader::new(child.stdout.take().expect("piped"));
    std::thread::spawn(move || {
        let lines = out.lines().map_while(Result::ok);
        for line in lines.filter_map(|line| line.strip_prefix(MARK).map(str::to_owned)) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
