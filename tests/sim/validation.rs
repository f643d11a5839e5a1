//! Is the simulator itself right? Textbook laws and textbook clients, whose figures are known without it. No client of ours.

mod clients;
mod drawn;
mod laws;
mod limit;
