//! What NTS changes in an association (RFC 8915 §5.7): which replies are authentic, and when other keys are needed. Judges no time.
//!
//! Somebody on the path may answer before the server does. So nothing unprotected is believed, whatever it says, but for one thing: that
//! the server opens our cookies no more (NTSN) it can say in no other way. That is believed once the exchange is over and
//! brought nothing authentic. Then other keys are wanted; until they come the old ones are used as before, as §5.7 says, and an authentic
//! reply proves that they are good after all.

use super::exchange::Exchange;
use crate::nts::field::Fields;
use crate::nts::{Protected, Session};
use crate::packet::{Header, KissCode, Packet};
use crate::verdict::Discard;
use rand_core::Rng;

/// Keys and cookies in use.
#[derive(Debug)]
pub(super) struct Protection {
    session: Session,
    /// What the request on its way was protected with, where that was replaced meanwhile.
    before: Option<Session>,
    /// The server says that it opens the cookies no more.
    refused: bool,
    /// An authentic reply came since the keys are in use.
    proven: bool,
}

impl Protection {
    pub(super) const fn new(session: Session) -> Self {
        Self { session, before: None, refused: false, proven: false }
    }

    pub(super) const fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn reserve(&mut self) -> Option<Session> {
        self.session.reserve()
    }

    pub(super) fn into_session(self) -> Session {
        self.session
    }

    /// Whether a request can be protected.
    pub(super) fn has_cookie(&self) -> bool {
        self.session.cookies_left() > 0
    }

    /// Whether the server says that it opens the cookies no more.
    pub(super) const fn is_refused(&self) -> bool {
        self.refused
    }

    pub(super) fn protect(&mut self, header: &Header, random: &mut impl Rng) -> Option<Protected> {
        self.before = None;
        self.session.protect(header, random)
    }

    /// Other keys, of which `self` is told nothing yet. Those before them open what is on its way. Whether they have ever worked.
    pub(super) fn replace(&mut self, session: Session) -> bool {
        let before = std::mem::replace(self, Self::new(session));
        self.before = Some(before.session);
        before.proven
    }

    /// The request did not leave. Where something came back all the same, its cookie is known to the network.
    pub(super) fn on_send_failed(&mut self, exchange: &Exchange) {
        if !exchange.authentic && !exchange.nak && self.before.is_none() {
            self.session.on_send_failed();
        }
    }

    /// The exchange is over.
    pub(super) const fn on_end(&mut self, exchange: &Exchange) {
        self.refused |= exchange.nak && !exchange.authentic && self.before.is_none();
    }

    /// Whether a reply whose origin timestamp is the request's comes from the server as it is. The first such one brings cookies.
    ///
    /// # Errors
    /// `NotAuthentic`; `NtsNak` for the first one of an exchange, `Duplicate` for others.
    pub(super) fn check(
        &mut self,
        exchange: &mut Exchange,
        bytes: &[u8],
        packet: &Packet<'_>,
    ) -> Result<(), Discard> {
        let identifier = exchange.unique_identifier.ok_or(Discard::NotAuthentic)?;
        let asked_with = self.before.as_ref().unwrap_or(&self.session);
        match asked_with.open(bytes, packet, &identifier) {
            Ok(_) if self.before.is_some() => {
                exchange.authentic = true;
                Ok(())
            }
            Ok(cookies) => {
                if !std::mem::replace(&mut exchange.authentic, true) {
                    self.session.keep(cookies);
                }
                (self.refused, self.proven) = (false, true);
                Ok(())
            }
            Err(_) => {
                let fields = Fields::find(bytes, packet).map_err(|_| Discard::NotAuthentic)?;
                let code = KissCode::from_reference_id(packet.header.reference_id);
                let is_nak = packet.header.stratum == 0 && code == KissCode::NtsNak;
                if !is_nak || !identifier.is_in(&fields) {
                    return Err(Discard::NotAuthentic);
                }
                let is_repeated = std::mem::replace(&mut exchange.nak, true);
                Err(if is_repeated { Discard::Duplicate } else { Discard::NtsNak })
            }
        }
    }
}
