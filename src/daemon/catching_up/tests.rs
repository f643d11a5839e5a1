//! With a virtual clock that is wrong by years.

use super::super::clock::VirtualClock;
use super::super::state_files::StateDirectory;
use super::*;
use crate::config::{Config, StepLimits};
use crate::time::Frequency;

const YEAR: Span = Span::from_secs(365 * 86_400);

struct Machine {
    _folder: tempfile::TempDir,
    file: LastGoodFile,
    clock: Clock,
    true_time: ClockTime,
}

/// Its clock is this far ahead of the truth, and was right a minute ago by its file.
fn machine(ahead: Span) -> Machine {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { state_directory: Some(folder.path().to_owned()), ..Config::default() };
    let file = StateDirectory::open(&config, None).unwrap().unwrap().last_good();
    let true_time = Clock::None.now().clock;
    file.save(true_time - MINUTE).unwrap();
    let clock = Clock::Virtual(VirtualClock::new(ahead, Frequency::ZERO));
    Machine { _folder: folder, file, clock, true_time }
}

const MINUTE: Span = Span::from_secs(60);

impl Machine {
    fn catch_up(&mut self, forward: Option<Span>) -> Beginning {
        let mut limits = Config::default().synchronization;
        limits.startup_step_panic = StepLimits { forward, backward: None };
        let built = self.true_time - YEAR;
        catch_up(&mut self.clock, Some(&self.file), built, &limits).unwrap()
    }

    fn error(&self) -> Span {
        self.clock.now().clock - Clock::None.now().clock
    }
}

#[test]
fn a_clock_of_years_ago_is_moved_to_the_last_good_time_and_known_to_have_been() {
    let mut machine = machine(YEAR * -30);
    let beginning = machine.catch_up(None);
    // The file has whole seconds.
    assert!((machine.error() + MINUTE).abs() < Span::from_secs(5), "{:?}", machine.error());
    assert!(beginning.was_moved && (beginning.moved - YEAR * 30).abs() < MINUTE * 2, "{beginning:?}");
    // Another start, before it is synchronized: it is not moved again, and still not believed.
    let again = machine.catch_up(None);
    assert_eq!(again, Beginning { moved: Span::ZERO, ..beginning });
}

#[test]
fn without_a_file_no_time_is_before_the_program_was_written() {
    let mut machine = machine(YEAR * -30);
    let built = machine.true_time - YEAR;
    let limits = Config::default().synchronization;
    let beginning = catch_up(&mut machine.clock, None, built, &limits).unwrap();
    assert_eq!((beginning.not_before, beginning.was_moved), (built, true));
    assert!((machine.clock.now().clock - built).abs() < MINUTE);
}

#[test]
fn a_clock_that_may_be_right_stays_as_it_is() {
    for ahead in [Span::ZERO, MINUTE * -1 + Span::from_secs(5), YEAR] {
        let mut machine = machine(ahead);
        let beginning = machine.catch_up(None);
        assert_eq!((beginning.was_moved, beginning.moved), (false, Span::ZERO));
        assert!((machine.error() - ahead).abs() < Span::from_secs(1));
    }
}

#[test]
fn a_clock_that_is_not_ours_is_not_moved() {
    let machine = machine(Span::ZERO);
    let later = machine.true_time + YEAR;
    machine.file.save(later).unwrap();
    let limits = Config::default().synchronization;
    let beginning = catch_up(&mut Clock::None, Some(&machine.file), machine.true_time, &limits).unwrap();
    assert_eq!((beginning.moved, beginning.was_moved), (Span::ZERO, false));
    assert!(beginning.not_before > machine.true_time);
}

#[test]
fn the_limit_of_the_first_correction_holds_for_it_too() {
    let mut machine = machine(YEAR * -1);
    let beginning = machine.catch_up(Some(Span::from_secs(1000)));
    assert_eq!((beginning.moved, beginning.was_moved), (Span::ZERO, false));
    assert!((machine.error() + YEAR).abs() < Span::from_secs(1));
}
