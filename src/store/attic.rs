//! Steps that undo seldom reaches, on the disk instead of in memory.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::frames::{FrameFile, Place, frame};
use crate::case::{Attic, Step};

/// An [`Attic`] in a file without a name, which goes when the program does. It is written on a thread of
/// its own, so that nobody waits for the disk but who wants a step back.
pub struct DiskAttic {
    orders: Sender<Order>,
    count: u64,
}

enum Order {
    Put(Step),
    Get(u64, Sender<io::Result<Step>>),
}

/// A step as the thread keeps it: on the disk, or in memory where the disk refused it.
enum Kept {
    There(Place),
    Here(Box<Step>),
}

impl DiskAttic {
    /// An attic on the disk that holds `folder`, or the system's folder for passing files where it
    /// cannot be written.
    pub fn in_folder(folder: &Path) -> io::Result<Self> {
        let file = tempfile::tempfile_in(folder).or_else(|_| tempfile::tempfile())?;
        let (orders, taken) = channel();
        std::thread::spawn(move || keep(file, &taken));
        Ok(Self { orders, count: 0 })
    }
}

impl Attic for DiskAttic {
    fn put(&mut self, step: Step) -> u64 {
        // The thread ends only when this end of the channel goes.
        let _ = self.orders.send(Order::Put(step));
        self.count += 1;
        self.count - 1
    }

    fn get(&mut self, number: u64) -> io::Result<Step> {
        let (answer, answered) = channel();
        let _ = self.orders.send(Order::Get(number, answer));
        answered.recv().map_err(io::Error::other)?
    }
}

impl std::fmt::Debug for DiskAttic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DiskAttic with {} steps", self.count)
    }
}

fn keep(mut file: File, orders: &Receiver<Order>) {
    let mut steps: Vec<Kept> = Vec::new();
    let mut end = 0;
    let reading = file.try_clone().map(FrameFile::new);
    for order in orders {
        match order {
            Order::Put(step) => {
                let written = frame(&step).and_then(|bytes| {
                    file.seek(SeekFrom::Start(end))?;
                    file.write_all(&bytes)?;
                    Ok(Place { start: end, bytes: bytes.len() as u64 })
                });
                steps.push(match (written, &reading) {
                    (Ok(place), Ok(_)) => {
                        end += place.bytes;
                        Kept::There(place)
                    }
                    _ => Kept::Here(Box::new(step)),
                });
            }
            Order::Get(number, answer) => {
                let step = match (steps.get(number as usize), &reading) {
                    (Some(Kept::There(place)), Ok(reading)) => reading.read(*place),
                    (Some(Kept::Here(step)), _) => Ok(Step::clone(step)),
                    _ => Err(io::Error::other("no such step was laid away")),
                };
                // Who asked may have gone.
                let _ = answer.send(step);
            }
        }
    }
}
