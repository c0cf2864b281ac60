//! Brings what happens to a session into its journal, on a thread of its own.
//!
//! Always true: what was handed over is on the disk soon after, in order, or somebody is told why not;
//! nobody waits for the disk unless they ask to.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::case::HistoryEvent;
use crate::store::{Journal, JournalMark};

/// A journal that is being written.
pub(super) struct Recorder {
    sender: Sender<Order>,
    state: Arc<State>,
    thread: Option<JoinHandle<Journal>>,
    id: String,
    handed_over: u64,
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
}

/// How long a disk that refused is left alone.
const PAUSE: Duration = Duration::from_secs(1);

impl Recorder {
    pub(super) fn start(journal: Journal) -> Self {
        let (sender, orders) = channel();
        let state = Arc::new(State::default());
        let JournalMark { id, events } = journal.mark();
        state.set(events, None);
        let of_thread = state.clone();
        let thread = std::thread::spawn(move || write(journal, &orders, &of_thread));
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

    /// Ends the thread once it has written what it can, and gives the journal back.
    pub(super) fn end(mut self) -> Option<Journal> {
        self.order(Order::End);
        self.thread.take()?.join().ok()
    }

    fn order(&self, order: Order) {
        // The thread ends only when it is told to.
        let _ = self.sender.send(order);
    }
}

impl State {
    fn set(&self, durable: u64, trouble: Option<String>) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Progress { durable, trouble };
        self.changed.notify_all();
    }
}

fn write(mut journal: Journal, orders: &Receiver<Order>, state: &State) -> Journal {
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
            if let Err(error) = journal.append(events, time) {
                let trouble = format!("{}: cannot be written: {error}", journal.path().display());
                state.set(journal.mark().events, Some(trouble));
                break;
            }
            waiting.remove(0);
            state.set(journal.mark().events, None);
        }
        if waiting.is_empty()
            && let Some(held) = to_fold.take()
            && let Err(error) = journal.fold(held)
        {
            // It stays longer than it need be; nothing else is amiss.
            tracing::warn!("{error}");
        }
        if ends {
            return journal;
        }
    }
}
