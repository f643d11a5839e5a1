//! Which replies the kernel is asked to stamp, and which stamp belongs to which. Reads no socket.

use super::worker::BATCH;
use crate::server::{Before, StampToken};
use crate::sys::udp::TransmitStamp;
use crate::time::{ClockTime, Mono, Span};

/// Stamps that one worker asked for. Bounded, and allocated once.
///
/// The kernel numbers the stamped datagrams of a socket from 0, and so does this.
#[derive(Debug)]
pub(super) struct Stamps {
    /// Of the batch that is being made, by their place in it.
    asked: Vec<Asked>,
    /// Sent and not stamped yet, each at its number modulo the length.
    sent: Box<[Option<Left>]>,
    /// Of those, how many.
    waiting: usize,
    next_number: u32,
    last_sent: Mono,
    /// To learn from, apart from those that clients need.
    next_sample: Mono,
    samples: u32,
    of_the_last: bool,
}

#[derive(Debug)]
struct Asked {
    place: usize,
    token: Option<StampToken>,
    failed: bool,
}

/// A reply that left.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Left {
    number: u32,
    /// In its batch.
    pub(super) place: usize,
    pub(super) before: Before,
    /// The host's clock before the batch was sent.
    pub(super) start: ClockTime,
    /// Of the client that needs the stamp.
    pub(super) token: Option<StampToken>,
}

/// More than two full batches of stamped replies are never under way: they are stamped before they leave.
const ROOM: usize = 2 * BATCH;
/// At the start every batch teaches. Later so few do that their stamps cost nothing (0.02 % of a core), and so many that another load
/// is learned in a second.
const FIRST_SAMPLES: u32 = 16;
const SAMPLE_INTERVAL: Span = Span::from_millis(20);
/// A stamp that has not come by then will not: some drivers take none.
const PATIENCE: Span = Span::from_millis(100);
/// After one that did not come.
const RETRY_INTERVAL: Span = Span::from_secs(10);

impl Stamps {
    pub(super) fn new() -> Self {
        Self {
            asked: Vec::with_capacity(BATCH),
            sent: (0..ROOM).map(|_| None).collect(),
            waiting: 0,
            next_number: 0,
            last_sent: Mono::default(),
            next_sample: Mono::default(),
            samples: 0,
            of_the_last: true,
        }
    }

    /// Which reply of a batch of `count` is to be stamped for learning: now and then the first, now and then the last.
    pub(super) fn sampled_place(&mut self, count: usize, now: Mono) -> Option<usize> {
        if now < self.next_sample {
            return None;
        }
        let interval = if self.samples < FIRST_SAMPLES { Span::ZERO } else { SAMPLE_INTERVAL };
        self.next_sample = now + interval;
        self.samples = self.samples.saturating_add(1);
        self.of_the_last = !self.of_the_last;
        Some(if self.of_the_last { count.saturating_sub(1) } else { 0 })
    }

    /// The reply at this place, behind all others asked for, was queued to be stamped.
    pub(super) fn ask(&mut self, place: usize, token: Option<StampToken>) {
        if self.asked.len() < self.asked.capacity() {
            self.asked.push(Asked { place, token, failed: false });
        }
    }

    /// Whether a reply of this batch is to be stamped.
    pub(super) const fn is_asking(&self) -> bool {
        !self.asked.is_empty()
    }

    /// The reply at this place could not be sent.
    pub(super) fn on_failed(&mut self, place: usize) {
        if let Some(asked) = self.asked.iter_mut().find(|asked| asked.place == place) {
            asked.failed = true;
        }
    }

    /// The batch was sent. False if the kernel must be told to number from 0 again, as this does from now on.
    #[must_use]
    pub(super) fn on_sent(&mut self, start: ClockTime, mono: Mono, before: Before) -> bool {
        if self.asked.iter().any(|asked| asked.failed) {
            self.asked.clear();
            self.forget();
            self.next_number = 0;
            return false;
        }
        for Asked { place, token, .. } in self.asked.drain(..) {
            let number = self.next_number;
            self.next_number = number.wrapping_add(1);
            let Some(entry) = self.sent.get_mut(index(number)) else { continue };
            let old = entry.replace(Left { number, place, before, start, token });
            self.waiting += usize::from(old.is_none());
        }
        self.last_sent = mono;
        true
    }

    /// Whether a stamp is still to come.
    pub(super) const fn is_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// Whose stamp it is. One from before the reply was sent belongs to another of the same number, long ago.
    pub(super) fn take(&mut self, stamp: TransmitStamp) -> Option<Left> {
        let entry = self.sent.get_mut(index(stamp.packet))?;
        let left = entry.take_if(|left| left.number == stamp.packet && left.start <= stamp.time)?;
        self.waiting -= 1;
        Some(left)
    }

    /// Waits no longer for what will not come.
    pub(super) fn give_up(&mut self, now: Mono) {
        if self.waiting > 0 && now - self.last_sent > PATIENCE {
            self.forget();
            self.next_sample = now + RETRY_INTERVAL;
        }
    }

    fn forget(&mut self) {
        self.sent.fill_with(|| None);
        self.waiting = 0;
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).map_or(0, |number| number % ROOM)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: ClockTime = ClockTime::from_unix_secs(1_800_000_000);

    fn at(milliseconds: i64) -> Mono {
        Mono::default() + Span::from_millis(milliseconds)
    }

    fn send(stamps: &mut Stamps, places: &[usize]) -> bool {
        places.iter().for_each(|place| stamps.ask(*place, None));
        stamps.on_sent(START, at(0), Before::Work)
    }

    fn stamp(packet: u32) -> TransmitStamp {
        TransmitStamp { packet, time: START + Span::from_micros(5) }
    }

    #[test]
    fn a_stamp_finds_its_reply_once() {
        let mut stamps = Stamps::new();
        assert!(send(&mut stamps, &[0, 7]) && send(&mut stamps, &[3]));
        assert_eq!(stamps.take(stamp(1)).unwrap().place, 7);
        assert_eq!(stamps.take(stamp(1)), None);
        assert_eq!(stamps.take(stamp(2)).unwrap().place, 3);
        assert_eq!(stamps.take(stamp(3)), None, "never asked for");
        assert!(stamps.is_waiting());
        assert_eq!(stamps.take(stamp(0)).unwrap().place, 0);
        assert!(!stamps.is_waiting());
    }

    #[test]
    fn after_a_reply_that_could_not_be_sent_numbers_begin_anew_and_old_stamps_find_nothing() {
        let mut stamps = Stamps::new();
        assert!(send(&mut stamps, &[0, 1]));
        stamps.ask(2, None);
        stamps.on_failed(1);
        stamps.on_failed(2);
        assert!(!stamps.on_sent(START, at(0), Before::Work));
        assert!(!stamps.is_waiting() && !stamps.is_asking());
        assert!(send(&mut stamps, &[5]));
        let late = TransmitStamp { packet: 0, time: START - Span::from_micros(3) };
        assert_eq!(stamps.take(late), None);
        assert_eq!(stamps.take(stamp(0)).unwrap().place, 5);
    }

    #[test]
    fn what_never_comes_is_forgotten_and_asked_for_rarely() {
        let mut stamps = Stamps::new();
        assert_eq!(stamps.sampled_place(1, at(0)), Some(0));
        assert!(send(&mut stamps, &[0]));
        stamps.give_up(at(100));
        assert!(stamps.is_waiting());
        stamps.give_up(at(101));
        assert!(!stamps.is_waiting());
        assert_eq!(stamps.sampled_place(1, at(10_100)), None);
        assert_eq!(stamps.sampled_place(1, at(10_101)), Some(0));
    }

    #[test]
    fn more_than_there_is_room_for_replaces_the_oldest() {
        let mut stamps = Stamps::new();
        for _ in 0..=ROOM {
            assert!(send(&mut stamps, &[0]));
        }
        assert_eq!(stamps.waiting, ROOM);
        assert_eq!(stamps.take(stamp(0)), None);
        assert!(stamps.take(stamp(u32::try_from(ROOM).unwrap())).is_some());
    }

    #[test]
    fn the_first_batches_teach_and_then_fifty_a_second_do_first_and_last_in_turn() {
        let mut stamps = Stamps::new();
        let early: Vec<_> = (0..16).map(|_| stamps.sampled_place(9, at(0)).unwrap()).collect();
        assert_eq!(early, [0, 8].repeat(8));
        let sampled = (0..10_000).filter_map(|at_ms| stamps.sampled_place(9, at(at_ms))).collect::<Vec<_>>();
        assert_eq!((sampled.len(), sampled.iter().filter(|place| **place == 0).count()), (500, 250));
    }
}
