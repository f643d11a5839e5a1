//! The one door to the kernel: clock, sockets, timestamps. All unsafe code; knows only time.
