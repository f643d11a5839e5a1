//! Who may give which order: root and the daemon's own user, and otherwise whom polkit lets. Gives no order.

use super::fault::{Fault, Kind};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::timeout;
use zbus::message::{Body, Flags, Header};
use zbus::names::{BusName, UniqueName};
use zbus::{Connection, DynamicType, Variant};

/// Of the bus itself, and of a polkit that need ask nobody.
const PATIENCE: Duration = Duration::from_secs(25);
/// Of somebody who is asked for a password.
const INTERACTIVE_PATIENCE: Duration = Duration::from_secs(120);

pub(super) const BUS: &str = "org.freedesktop.DBus";

/// The user that a connection to the bus belongs to.
pub(super) async fn user_of(connection: &Connection, name: &UniqueName<'_>) -> Result<u32, Fault> {
    let reply = ask(connection, (BUS, "/org/freedesktop/DBus", BUS, "GetConnectionUnixUser"), PATIENCE, name);
    let user = reply.await?.deserialize();
    user.map_err(|error| Kind::Failed.because(format!("the bus does not say who asks: {error}")))
}

/// Asks polkit whether the sender of this call may do it.
pub(super) async fn check(connection: &Connection, call: &Header<'_>, action: &str) -> Result<(), Fault> {
    let denied = |why: &str| Kind::AccessDenied.because(format!("not permitted ({action}): {why}"));
    let sender = call.sender().ok_or_else(|| denied("the call has no sender"))?;
    let interactive = call.primary().flags().contains(Flags::ALLOW_INTERACTIVE_AUTH);
    let subject = ("system-bus-name", BTreeMap::from([("name", Variant::new(sender.as_str()))]));
    let details: BTreeMap<&str, &str> = BTreeMap::new();
    let question = (subject, action, details, u32::from(interactive), "");
    let patience = if interactive { INTERACTIVE_PATIENCE } else { PATIENCE };
    let target = (
        "org.freedesktop.PolicyKit1",
        "/org/freedesktop/PolicyKit1/Authority",
        "org.freedesktop.PolicyKit1.Authority",
        "CheckAuthorization",
    );
    let reply = ask(connection, target, patience, &question).await;
    let reply = reply.map_err(|fault| denied(&format!("polkit was asked and gave no answer: {fault}")))?;
    let judged = reply.deserialize::<((bool, bool, BTreeMap<String, String>),)>();
    match judged.map_err(|error| denied(&format!("polkit's answer is not understood: {error}")))?.0 {
        (true, ..) => Ok(()),
        (_, true, _) if !interactive => Err(Kind::InteractiveAuthorizationRequired.because(format!(
            "this needs somebody's password ({action}), and the caller does not let us ask for it"
        ))),
        _ => Err(denied("polkit does not let this caller")),
    }
}

/// Destination, path, interface and method.
type Target<'a> = (&'a str, &'a str, &'a str, &'a str);

/// The body of the reply, if it comes in time.
pub(super) async fn ask<B: serde::Serialize + DynamicType>(
    connection: &Connection,
    (destination, path, interface, method): Target<'_>,
    patience: Duration,
    body: &B,
) -> Result<Body, Fault> {
    let destination = BusName::try_from(destination).ok();
    let call = connection.call_method(destination, path, Some(interface), method, body);
    match timeout(patience, call).await {
        Ok(Ok(reply)) => Ok(reply.body()),
        Ok(Err(error)) => Err(Kind::Failed.because(error.to_string())),
        Err(_) => Err(Kind::Timeout.because(format!("{interface} does not answer"))),
    }
}
