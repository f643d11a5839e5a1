//! What a datagram is to an association: the server's time, an order of the server, or nothing. Measures nothing.

use super::{Association, State};
use crate::packet::{Header, KissCode};
use crate::source::interleaved::Mode;
use crate::source::{Context, Outcome, arithmetic, checks};
use crate::verdict::Discard;
use std::net::SocketAddr;

/// A reply to our request.
pub(super) enum Answer {
    /// An order, and the header's poll field.
    Kiss(KissCode, i8),
    /// A reply that may be measured with, or that says how to measure the exchange before.
    Time(Mode, Header),
}

/// So many polls in a row must bring `DENY` or `RSTR`, and none time, before a server is given up: a single one may be
/// forged by somebody who sees our requests. With NTS it cannot, and is enough.
const REFUSALS_BELIEVED: u32 = 4;

impl Association {
    /// Every check that needs no timestamps of ours, in the order of RFC 5905.
    pub(super) fn judge(
        &mut self,
        from: SocketAddr,
        bytes: &[u8],
        context: &Context<'_>,
    ) -> Result<Answer, Discard> {
        let packet = checks::reply(bytes, from, self.settings.address)?;
        let header = packet.header;
        let origin = header.origin_timestamp;
        let is_repeated = self.answered.is_some_and(|cookies| cookies.answered_by(origin).is_some());
        let State::Waiting(exchange) = &mut self.state else {
            return Err(if is_repeated { Discard::Duplicate } else { Discard::Unsolicited });
        };
        let Some(mode) = exchange.cookies.answered_by(origin) else {
            return Err(if is_repeated { Discard::Duplicate } else { Discard::WrongOrigin });
        };
        if exchange.reply.is_some() {
            return Err(Discard::Duplicate);
        }
        if let Some(protection) = &mut self.protection {
            protection.check(exchange, bytes, &packet)?;
        }
        if let Some(code) = checks::kiss(&header) {
            let is_repeated = std::mem::replace(&mut exchange.kissed, true);
            return if is_repeated { Err(Discard::Duplicate) } else { Ok(Answer::Kiss(code, header.poll)) };
        }
        self.server = Some(arithmetic::server_variables(&header));
        let earlier = self.memory.receive_timestamp();
        let is_ordered = match mode {
            Mode::Basic => checks::is_ordered(&header),
            Mode::Interleaved => earlier.is_none_or(|t2| checks::is_ordered_interleaved(&header, t2)),
        };
        let state = checks::server_state(&header, is_ordered, self.settings.maximum_root_distance, context);
        exchange.refusal = state.err();
        self.refusal = exchange.refusal;
        state.map(|()| Answer::Time(mode, header))
    }

    /// The server asks for fewer requests, or for none.
    pub(super) fn on_kiss(&mut self, code: KissCode, server_poll: i8) -> Outcome {
        if code == KissCode::Rate {
            self.counters.count_discard(Discard::RateKiss);
            let before = self.polling.poll();
            let poll = self.polling.on_rate_kiss(server_poll);
            return if poll == before {
                Outcome::Discarded(Discard::RateKiss)
            } else {
                Outcome::RateLimited(poll)
            };
        }
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals < REFUSALS_BELIEVED && self.protection.is_none() {
            return self.discard(Discard::DenyKiss);
        }
        self.counters.count_discard(Discard::DenyKiss);
        self.state = State::Demobilized;
        Outcome::Refused(code)
    }
}
