//! Brings what happens to a session into its journal, on a thread of its own.
//!
//! Always true: what was handed over is on the disk soon after, in order, or somebody is told why not;
//! nobody waits for the disk unless they ask to; a journal is begun by the first event and not before.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::case::HistoryEvent;
use crate::store::{Journal, JournalDraft, JournalError, JournalMark, LocalDisk};

/// A journal that is being written.
pub(super) struct Recorder {
    sender: Sender<Order>,
    state: Arc<State>,
    thread: Option<JoinHandle<Kept>>,
    id: String,
    handed_over: u64,
}

/// What events are written into.
pub(super) enum Kept {
    /// Nothing yet.
    Draft(JournalDraft),
    /// A journal on disk.
    Begun(Journal),
}

enum Order {
    Add(Vec<HistoryEvent>, String),
    Fold(u64),
    End,
}

#[derive(Default)]
struct State {
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Clone, Default)]
struct Progress {
    /// Events that are on the disk.
    durable: u64,
    /// Why the last ones are not, for as long as that is so.
    trouble: Option<String>,
    /// Whether another window has begun to write this very journal.
    is_busy: bool,
}

/// How long a disk that refused is left alone.
const PAUSE: Duration = Duration::from_secs(1);

impl Recorder {
    /// Goes on `elsewhere`, where that is told, when the disk refuses.
    pub(super) fn start(kept: Kept, elsewhere: Option<PathBuf>) -> Self {
        let (sender, orders) = channel();
        let state = Arc::new(State::default());
        let JournalMark { id, events } = kept.mark();
        state.set(events, None);
        let of_thread = state.clone();
        let thread = std::thread::spawn(move || write(kept, elsewhere.as_deref(), &orders, &of_thread));
        Self { sender, state, thread: Some(thread), id, handed_over: events }
    }

    /// Hands events over.
    pub(super) fn add(&mut self, events: Vec<HistoryEvent>, time: String) {
        self.handed_over += events.len() as u64;
        self.order(Order::Add(events, time));
    }

    /// What everything handed over so far is called.
    pub(super) fn mark(&self) -> JournalMark {
        JournalMark { id: self.id.clone(), events: self.handed_over }
    }

    /// Lets go of events that a save holds.
    pub(super) fn fold(&self, held: u64) {
        self.order(Order::Fold(held));
    }

    /// Why the newest events are not on the disk, where that is so.
    pub(super) fn trouble(&self) -> Option<String> {
        self.state.progress.lock().unwrap_or_else(PoisonError::into_inner).trouble.clone()
    }

    /// Whether another window began to write this very journal first, so that nothing is written here.
    pub(super) fn is_busy(&self) -> bool {
        self.state.progress.lock().unwrap_or_else(PoisonError::into_inner).is_busy
    }

    /// Waits until everything handed over is on the disk; says why not where the disk refuses.
    pub(super) fn wait(&self) -> Result<(), String> {
        let guard = self.state.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let waits =
            |progress: &mut Progress| progress.durable < self.handed_over && progress.trouble.is_none();
        let progress = self.state.changed.wait_while(guard, waits).unwrap_or_else(PoisonError::into_inner);
        match &progress.trouble {
            Some(trouble) => Err(trouble.clone()),
            None => Ok(()),
        }
    }

    /// Ends the thread once it has written what it can, and gives the journal back where one was begun.
    pub(super) fn end(mut self) -> Option<Journal> {
        self.order(Order::End);
        match self.thread.take()?.join().ok()? {
            Kept::Begun(journal) => Some(journal),
            Kept::Draft(_) => None,
        }
    }

    fn order(&self, order: Order) {
        // The thread ends only when it is told to.
        let _ = self.sender.send(order);
    }
}

impl State {
    fn set(&self, durable: u64, trouble: Option<String>) {
        self.tell(Progress { durable, trouble, is_busy: false });
    }

    fn tell(&self, progress: Progress) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress;
        self.changed.notify_all();
    }
}

impl Kept {
    /// The file that it is or will be.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Draft(draft) => draft.path(),
            Self::Begun(journal) => journal.path(),
        }
    }

    fn mark(&self) -> JournalMark {
        match self {
            Self::Draft(draft) => draft.mark(),
            Self::Begun(journal) => journal.mark(),
        }
    }

    /// The journal on disk, begun now where it was not.
    fn begun(&mut self) -> Result<&mut Journal, JournalError> {
        if let Self::Draft(draft) = self {
            *self = Self::Begun(draft.begin(Box::new(LocalDisk))?);
        }
        match self {
            Self::Begun(journal) => Ok(journal),
            Self::Draft(_) => unreachable!("begun above"),
        }
    }

    /// Takes a journal that was begun to another place; whether it is there now.
    fn go_to(&mut self, path: Option<&Path>) -> bool {
        let (Self::Begun(journal), Some(path)) = (self, path) else { return false };
        if journal.path() == path {
            return false;
        }
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.is_ok() && journal.move_to(path).is_ok()
    }

    /// Brings events to disk; on an error none of them is there, and how far it came is told.
    fn append(&mut self, events: &[HistoryEvent], time: &str) -> Result<(), Progress> {
        let durable = self.mark().events;
        let failed = |trouble: String, is_busy| Progress { durable, trouble: Some(trouble), is_busy };
        let journal = self
            .begun()
            .map_err(|error| failed(error.to_string(), matches!(error, JournalError::Busy { .. })))?;
        journal.append(events, time).map_err(|error| {
            failed(format!("{}: cannot be written: {error}", journal.path().display()), false)
        })
    }
}

fn write(mut kept: Kept, elsewhere: Option<&Path>, orders: &Receiver<Order>, state: &State) -> Kept {
    let mut waiting: Vec<(Vec<HistoryEvent>, String)> = Vec::new();
    let mut to_fold = None;
    loop {
        let ordered = if waiting.is_empty() {
            orders.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            orders.recv_timeout(PAUSE)
        };
        let ends = match ordered {
            Ok(Order::Add(events, time)) => {
                waiting.push((events, time));
                false
            }
            Ok(Order::Fold(held)) => {
                to_fold = Some(held);
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            // Whoever forgot the recorder still gets what was handed over written.
            Ok(Order::End) | Err(RecvTimeoutError::Disconnected) => true,
        };
        while let Some((events, time)) = waiting.first() {
            let mut added = kept.append(events, time);
            if added.is_err() && kept.go_to(elsewhere) {
                added = kept.append(events, time);
            }
            if let Err(progress) = added {
                state.tell(progress);
                break;
            }
            waiting.remove(0);
            state.set(kept.mark().events, None);
        }
        if waiting.is_empty()
            && let Some(held) = to_fold.take()
            && let Kept::Begun(journal) = &mut kept
            && let Err(error) = journal.fold(held)
        {
            // It stays longer than it need be; nothing else is amiss.
            tracing::warn!("{error}");
        }
        if ends {
            return kept;
        }
    }
}
