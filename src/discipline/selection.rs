//! Verdicts for all sources and the combination of those that are used. The rules of agreement are `select`'s, the weights `combine`'s.

use super::combine::{Opinion, combine};
use super::leap::vote;
use super::member::Claim;
use super::orphan::Peer;
use super::select::{Interval, agreeing};
use super::{Combination, Discipline, Member};
use crate::time::{Leap, Now, Span};
use crate::verdict::{Marks, SourceId, Verdict};
use std::collections::BTreeSet;

/// A falseticker's interval is shrunk to this part until it agrees again, so that selection does not flap.
const READMISSION: f64 = 0.7;

/// Survivors whose weight is below this part of the best one's are outliers; they return at twice of it.
const OUTLIER: f64 = 0.005;

/// Another source becomes the system peer only when its distance is below this part of the present one's.
const PEER_CHANGE: f64 = 0.8;

/// A usable source at one instant.
struct Candidate {
    id: SourceId,
    claim: Claim,
    marks: Marks,
    stratum: u8,
    leap: Leap,
}

impl Discipline {
    /// Sets every verdict, and the combination if there is a quorum.
    pub(super) fn select(&mut self, now: Now) {
        let (candidates, orphans) = self.candidates(now);
        let origin = middle(&candidates);
        let refuted = self.is_refuted(&candidates, now);
        let survivors = self.survivors(candidates, origin);
        let verdict = match (self.is_quorum(&survivors), self.is_required_there(&survivors)) {
            (true, true) => Verdict::Truechimer,
            (true, false) => Verdict::NoRequired,
            (false, _) => Verdict::NoQuorum,
        };
        for candidate in &survivors {
            self.set_verdict(candidate.id, verdict);
        }
        let is_good = verdict == Verdict::Truechimer;
        let proper = if is_good { self.combination_of(survivors, origin, now) } else { None };
        let combined = match proper {
            Some(proper) => {
                // What was followed until now claimed nothing of true time.
                if self.election.on_proper_source(proper.used) {
                    self.steering.follow_another();
                }
                Some(proper)
            }
            None => self.elected(orphans, now),
        };
        match (combined, &mut self.combination) {
            (Some(combined), _) => {
                self.combination = Some(combined);
                self.quorum_since.get_or_insert(now.mono);
            }
            (None, Some(_)) if refuted => self.give_up(),
            (None, Some(last)) => {
                last.current = false;
                last.agreeing = 0;
            }
            (None, None) => self.quorum_since = None,
        }
    }

    /// Whether they are enough. Sources with provisional certificates are only together with a majority of all that are independent:
    /// an attacker may have the key of one that has expired.
    fn is_quorum(&self, survivors: &[Candidate]) -> bool {
        let needed = self.settings.synchronization.minimum_agreeing_sources.max(1);
        let members = || survivors.iter().filter_map(|survivor| self.members.get(&survivor.id));
        if members().filter(|member| !member.is_provisional()).count() >= needed {
            return true;
        }
        let vouchers = || members().filter_map(|member| member.voucher.as_ref());
        let hosts: BTreeSet<&str> = vouchers().map(|voucher| voucher.host.as_str()).collect();
        self.doubt.is_some_and(|majority| vouchers().count() >= needed && hosts.len() >= majority)
    }

    /// Where some sources are marked `require`, one of them is among these.
    fn is_required_there(&self, candidates: &[Candidate]) -> bool {
        !self.required || candidates.iter().any(|candidate| candidate.marks.require)
    }

    /// Several sources can be asked, and fewer than half say what we would claim without a quorum.
    fn is_refuted(&self, candidates: &[Candidate], now: Now) -> bool {
        let Some(last) = self.combination.as_ref().filter(|last| !last.orphan) else { return false };
        let (line, distance) = last.claim(self.scale.present(now));
        let meets = |candidate: &Candidate| {
            let theirs = candidate.claim.interval(last.base);
            (theirs.offset - line.offset).abs() <= theirs.distance + distance
        };
        let decisive = decisive(candidates);
        let confirming = decisive.iter().filter(|candidate| meets(candidate)).count();
        decisive.len() >= 2 && confirming * 2 < decisive.len()
    }

    /// The time is not known any more; what was learned of the oscillator is.
    fn give_up(&mut self) {
        self.prior = self.learned_prior(0.0);
        self.combination = None;
        self.quorum_since = None;
    }

    /// What the elected parent of an isolated network says, if that is somebody else and can be followed now.
    fn elected(&mut self, orphans: Vec<Candidate>, now: Now) -> Option<Combination> {
        let before = self.election.followed();
        self.election.elect(now.mono, &self.peers(&orphans));
        let parent = self.election.followed();
        if parent != before && parent.is_some() {
            self.steering.follow_another();
        }
        if self.election.parent_stratum().is_some() && self.combination.is_some_and(|last| last.orphan) {
            self.give_up();
        }
        let elected = orphans.into_iter().find(|orphan| Some(orphan.id) == parent)?;
        let (origin, elected) = (elected.claim.base, vec![elected]);
        if !self.is_required_there(&elected) {
            return None;
        }
        let combined = self.combination_of(elected, origin, now)?;
        Some(Combination { orphan: true, ..combined })
    }

    /// Everybody that an election is about.
    fn peers(&self, orphans: &[Candidate]) -> Vec<Peer> {
        let Some(stratum) = self.election.stratum() else { return Vec::new() };
        let peer = |(id, member): (&SourceId, &Member)| {
            let (its, ours) = member.identities.filter(|(its, ours)| its != ours)?;
            let standing = member.standing(stratum, orphans.iter().any(|orphan| orphan.id == *id))?;
            Some(Peer { id: *id, identity: its, before_us: its < ours, standing })
        };
        self.members.iter().filter_map(peer).collect()
    }

    /// Everything that may take part; the others get their verdict here. Orphans that could be followed come apart from proper sources.
    fn candidates(&mut self, now: Now) -> (Vec<Candidate>, Vec<Candidate>) {
        let time = self.scale.present(now);
        let algorithm = &self.settings.algorithm;
        let mut candidates = Vec::with_capacity(self.members.len());
        let mut orphans = Vec::new();
        for (id, member) in &mut self.members {
            let claim = member.claim(time, algorithm.ignore_server_dispersion);
            if let Some(verdict) = member.hindrance(claim.as_ref(), algorithm.maximum_source_uncertainty) {
                member.verdict = verdict;
                continue;
            }
            let (Some(claim), Some(server)) = (claim, member.server) else { continue };
            let (marks, stratum, leap) = (member.marks, server.stratum, server.leap);
            let candidate = Candidate { id: *id, claim, marks, stratum, leap };
            if self.election.is_orphan(stratum) {
                member.verdict = Verdict::Orphan;
                // One alone would be believed.
                if !member.is_provisional() {
                    orphans.push(candidate);
                }
            } else {
                candidates.push(candidate);
            }
        }
        (candidates, orphans)
    }

    /// Those that agree with the majority; the others become falsetickers, or nobody can say when there is no majority.
    fn survivors(&mut self, candidates: Vec<Candidate>, origin: Span) -> Vec<Candidate> {
        let intervals: Vec<Interval> =
            candidates.iter().map(|candidate| self.interval(candidate, origin)).collect();
        let agree = agreeing(&intervals);
        let majority = agree.iter().any(|agrees| *agrees);
        let rejected = if majority { Verdict::Falseticker } else { Verdict::NoQuorum };
        let mut survivors = Vec::with_capacity(candidates.len());
        for (candidate, agrees) in candidates.into_iter().zip(agree) {
            if agrees {
                survivors.push(candidate);
            } else {
                self.set_verdict(candidate.id, rejected);
            }
        }
        survivors
    }

    fn interval(&self, candidate: &Candidate, origin: Span) -> Interval {
        let interval = candidate.claim.interval(origin);
        let rejected = self.verdict(candidate.id) == Verdict::Falseticker;
        Interval {
            distance: if rejected { READMISSION * interval.distance } else { interval.distance },
            trusted: candidate.marks.trust,
            ..interval
        }
    }

    /// The survivors' common line. Outliers and, beside a preferred source, the others are left out of it.
    fn combination_of(&mut self, survivors: Vec<Candidate>, origin: Span, now: Now) -> Option<Combination> {
        let agreeing = survivors.len();
        let leap = vote(survivors.iter().map(|survivor| survivor.leap));
        let used = self.used(survivors, origin);
        let opinions: Vec<Opinion> = used.iter().map(|candidate| opinion(candidate, origin)).collect();
        let (line, disagreement) = combine(&opinions)?;
        let peer = self.choose_peer(&used, origin, line.offset)?;
        self.set_verdict(peer.id, Verdict::SystemPeer);
        let apart = (peer.claim.line_from(origin).offset - line.offset).abs();
        Some(Combination {
            at: self.scale.present(now),
            when: now,
            base: origin,
            line,
            wander: self.wander(&used),
            watched: self.watched(&used),
            disagreement,
            peer: peer.id,
            peer_stratum: peer.stratum,
            root_delay: peer.claim.root_delay,
            dispersion: peer.claim.dispersion + apart,
            leap,
            agreeing,
            current: true,
            used: self.combination.is_some_and(|last| last.used),
            orphan: false,
        })
    }

    fn used(&mut self, survivors: Vec<Candidate>, origin: Span) -> Vec<Candidate> {
        let preferred = survivors.iter().any(|survivor| survivor.marks.prefer);
        let best = survivors
            .iter()
            .filter(|survivor| survivor.marks.prefer == preferred)
            .map(|survivor| opinion(survivor, origin).weight_variance())
            .fold(f64::INFINITY, f64::min);
        let mut used = Vec::with_capacity(survivors.len());
        for survivor in survivors {
            let was = self.members.get(&survivor.id).is_some_and(|member| member.agreed);
            let least = if was { OUTLIER } else { 2.0 * OUTLIER };
            let light = best < least * opinion(&survivor, origin).weight_variance();
            let left_out = light || survivor.marks.prefer != preferred;
            if let Some(member) = self.members.get_mut(&survivor.id) {
                member.agreed = !left_out;
            }
            if left_out {
                self.set_verdict(survivor.id, Verdict::Outlier);
            } else {
                used.push(survivor);
            }
        }
        used
    }

    /// The one that says most of where the truth is, seen from `offset`; and the present one as long as none says much more.
    fn choose_peer<'a>(&self, used: &'a [Candidate], origin: Span, offset: f64) -> Option<&'a Candidate> {
        let distance = |candidate: &Candidate| {
            candidate.claim.distance + (candidate.claim.line_from(origin).offset - offset).abs()
        };
        let nearest = used.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
        let present =
            self.combination.and_then(|last| used.iter().find(|candidate| candidate.id == last.peer));
        match present {
            Some(present) if distance(nearest) > PEER_CHANGE * distance(present) => Some(present),
            _ => Some(nearest),
        }
    }

    fn wander(&self, used: &[Candidate]) -> f64 {
        let wanders = used.iter().filter_map(|candidate| self.members.get(&candidate.id));
        wanders.map(|member| member.filter.wander()).fold(f64::INFINITY, f64::min).min(1e-6)
    }

    fn watched(&self, used: &[Candidate]) -> f64 {
        let watching = used.iter().filter_map(|candidate| self.members.get(&candidate.id));
        watching.map(|member| member.filter.watched()).fold(0.0, f64::max)
    }

    fn set_verdict(&mut self, id: SourceId, verdict: Verdict) {
        if let Some(member) = self.members.get_mut(&id) {
            member.verdict = verdict;
        }
    }
}

/// Whose word counts: of those that are trusted, or of all where none is.
fn decisive(candidates: &[Candidate]) -> Vec<&Candidate> {
    let is_any_trusted = candidates.iter().any(|candidate| candidate.marks.trust);
    candidates.iter().filter(|candidate| candidate.marks.trust || !is_any_trusted).collect()
}

/// The point that floats count from: among the majority, so that one that is decades off costs the others no nanoseconds.
fn middle(candidates: &[Candidate]) -> Span {
    let mut bases: Vec<Span> = decisive(candidates).iter().map(|candidate| candidate.claim.base).collect();
    bases.sort_unstable();
    bases.get(bases.len() / 2).copied().unwrap_or(Span::ZERO)
}

fn opinion(candidate: &Candidate, origin: Span) -> Opinion {
    let claim = &candidate.claim;
    Opinion { line: claim.line_from(origin), root_delay: claim.root_delay, dispersion: claim.dispersion }
}
