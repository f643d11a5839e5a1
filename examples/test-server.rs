//! A server that is wrong in the ways asked for: by an offset, by a long or lossy path, or by one of the named behaviours.

use clap::Parser;
use ntpd_rs::testserver::{self, Behaviour, Options};
use ntpd_rs::time::Span;
use std::net::SocketAddr;
use std::process::ExitCode;

/// Serve the host's time over NTP, wrong in the ways asked for. Never touches the host's clock.
#[derive(Debug, Parser)]
struct Arguments {
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:123", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Lie by this much: positive gives a time in the future
    #[arg(long, default_value_t = 0.0, value_name = "SECONDS", allow_negative_numbers = true, value_parser = seconds)]
    offset: f64,
    /// Add this to the round trip, half of it each way
    #[arg(long, default_value_t = 0.0, value_name = "SECONDS", value_parser = positive)]
    delay: f64,
    /// Add this much more to the way up than to the way down
    #[arg(long, default_value_t = 0.0, value_name = "SECONDS", value_parser = positive)]
    asymmetry: f64,
    /// Delay each packet by a further random time with this mean, exponentially distributed
    #[arg(long, default_value_t = 0.0, value_name = "SECONDS", value_parser = positive)]
    jitter: f64,
    /// Lose requests with this probability
    #[arg(long, default_value_t = 0.0, value_name = "PROBABILITY", value_parser = probability)]
    loss: f64,
    /// Claim this stratum
    #[arg(long, default_value_t = 1)]
    stratum: u8,
    /// Misbehave: honest, deny, rate-limit, wrong-origin, … (any other word lists them all)
    #[arg(long, default_value_t = Behaviour::Honest)]
    behaviour: Behaviour,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (-1e9..=1e9).contains(&seconds) => Ok(seconds),
        _ => Err("it must be a number of seconds".to_owned()),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    seconds(text).and_then(|seconds| match seconds {
        0.0..=60.0 => Ok(seconds),
        _ => Err("it must be between 0 and 60 seconds".to_owned()),
    })
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(probability) if (0.0..=1.0).contains(&probability) => Ok(probability),
        _ => Err("it must be between 0 and 1".to_owned()),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let options = Options {
        behaviour: arguments.behaviour,
        offset: Span::from_seconds(arguments.offset),
        upward_delay: Span::from_seconds(arguments.delay / 2.0 + arguments.asymmetry),
        downward_delay: Span::from_seconds(arguments.delay / 2.0),
        jitter: Span::from_seconds(arguments.jitter),
        loss: arguments.loss,
        stratum: arguments.stratum,
        ..Options::default()
    };
    testserver::run(arguments.listen, options)
}
