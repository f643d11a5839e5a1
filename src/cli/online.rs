//! `ntp-ctl online` and `offline`: sources are asked, or left alone. Changes no network.

use super::{Outcome, sockets};
use crate::control::Request;
use std::path::Path;

/// All sources without a name.
pub(super) fn run(config: Option<&Path>, name: Option<&str>, online: bool) -> Outcome {
    let owned = name.map(ToOwned::to_owned);
    let (request, done) = match (online, name) {
        (true, Some(name)) => (Request::Online { name: owned }, format!("{name} is asked again, at once.")),
        (true, None) => (Request::Online { name: owned }, "All sources are asked again, at once.".to_owned()),
        (false, Some(name)) => {
            (Request::Offline { name: owned }, format!("{name} is left alone until `ntp-ctl online {name}`."))
        }
        (false, None) => {
            let done = "All sources are left alone until `ntp-ctl online`, and the clock runs on by itself.";
            (Request::Offline { name: owned }, done.to_owned())
        }
    };
    sockets::order(config, &request, &done)
}
