//! Is a policy's answer sound? Refuses what the contract does not allow and cleans the texts of what it does.
//!
//! Never mends a number, an index or a delay: an answer that is wrong in one of them is wrong as a whole, and its hook
//! falls to what holds for a fault. Invariant: no text that comes out of here has a control character, and none is
//! longer than the limits say.

use super::fallback::{Action, Situation, Stage};
use super::limits::PolicyLimits;
use super::resolution::Ranking;
use super::scoring::Sanction;
use super::types::{Origin, Reason};
use super::verification::Verdict;

/// The longest code, in bytes.
pub const CODE_BYTES: usize = 64;

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BadAnswer {
    /// Not one answer for each entry.
    #[error("{got} answers for {wanted}")]
    Length {
        /// Answers given.
        got: usize,
        /// Entries asked about.
        wanted: usize,
    },
    /// A score that is not in 0..=1.
    #[error("score {score} of peer {index} is not between 0 and 1")]
    Score {
        /// Which peer.
        index: usize,
        /// As given; may be no number at all.
        score: f64,
    },
    /// An index that no candidate has.
    #[error("candidate {index} of {count}")]
    IndexOutOfRange {
        /// As given.
        index: u32,
        /// Candidates that there are.
        count: usize,
    },
    /// An index that stands twice in a ranking.
    #[error("candidate {index} stands twice")]
    IndexTwice {
        /// As given.
        index: u32,
    },
    /// An order that leaves out candidates that are not excluded.
    #[error("the order leaves out {missing} candidates that are not excluded")]
    OrderIncomplete {
        /// How many.
        missing: usize,
    },
    /// A delay or time over the host's cap.
    #[error("{what} of {got}, where at most {cap} is allowed")]
    OverCap {
        /// What it is, with its unit.
        what: &'static str,
        /// As given.
        got: u64,
        /// The host's.
        cap: u64,
    },
    /// No reason, or too many.
    #[error("{got} reasons, where 1 to {most} are wanted")]
    Reasons {
        /// Reasons given.
        got: usize,
        /// Most that may be given.
        most: usize,
    },
    /// A reason's code that is none.
    #[error("the code `{code}` is not of the form [a-z0-9-]{{1,64}}")]
    Code {
        /// As given, cleaned and cut.
        code: String,
    },
    /// An origin that was not offered, or not on the route.
    #[error("origin `{origin}` was not offered")]
    NotOffered {
        /// As given.
        origin: Origin,
    },
    /// An origin that stands twice in a route.
    #[error("origin `{origin}` stands twice")]
    OriginTwice {
        /// As given.
        origin: Origin,
    },
}

/// `text` without control and direction-changing characters, cut at a character's end to at most `most` bytes.
#[must_use]
pub fn clean_text(text: &str, most: usize) -> String {
    const CUT: char = '…';
    let mut clean = String::new();
    for c in text.chars() {
        let c = if matches!(c, '\n' | '\t') { ' ' } else { c };
        if c.is_control() || is_direction(c) {
            continue;
        }
        if clean.len() + c.len_utf8() > most {
            while clean.len() + CUT.len_utf8() > most && clean.pop().is_some() {}
            if CUT.len_utf8() <= most {
                clean.push(CUT);
            }
            break;
        }
        clean.push(c);
    }
    clean
}

/// Characters that make a terminal show text in another order than it is written.
const fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether `code` is of the form `[a-z0-9-]{1,64}`.
#[must_use]
pub fn is_code(code: &str) -> bool {
    (1..=CODE_BYTES).contains(&code.len())
        && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A reason with a sound code and clean texts.
///
/// # Errors
/// [`BadAnswer::Code`].
pub fn reason(reason: Reason, limits: &PolicyLimits) -> Result<Reason, BadAnswer> {
    if !is_code(&reason.code) {
        return Err(BadAnswer::Code { code: clean_text(&reason.code, CODE_BYTES) });
    }
    Ok(Reason {
        message: clean_text(&reason.message, limits.text_bytes),
        hint: reason.hint.map(|hint| clean_text(&hint, limits.text_bytes)),
        code: reason.code,
    })
}

fn reasons(given: Vec<Reason>, limits: &PolicyLimits) -> Result<Vec<Reason>, BadAnswer> {
    if given.is_empty() || given.len() > limits.reasons {
        return Err(BadAnswer::Reasons { got: given.len(), most: limits.reasons });
    }
    given.into_iter().map(|r| reason(r, limits)).collect()
}

/// A verdict with 1 to 16 sound reasons where it has any.
///
/// # Errors
/// [`BadAnswer::Reasons`], [`BadAnswer::Code`].
pub fn verdict(verdict: Verdict, limits: &PolicyLimits) -> Result<Verdict, BadAnswer> {
    Ok(match verdict {
        Verdict::Abstain => Verdict::Abstain,
        Verdict::Allow => Verdict::Allow,
        Verdict::Warn(given) => Verdict::Warn(reasons(given, limits)?),
        Verdict::PassOver(given) => Verdict::PassOver(reasons(given, limits)?),
        Verdict::Deny(given) => Verdict::Deny(reasons(given, limits)?),
    })
}

/// One sound verdict for each of `items`.
///
/// # Errors
/// [`BadAnswer::Length`] and what [`verdict`] says.
pub fn verdicts(given: Vec<Verdict>, items: usize, limits: &PolicyLimits) -> Result<Vec<Verdict>, BadAnswer> {
    same_length(given.len(), items)?;
    given.into_iter().map(|v| verdict(v, limits)).collect()
}

const fn same_length(got: usize, wanted: usize) -> Result<(), BadAnswer> {
    if got == wanted { Ok(()) } else { Err(BadAnswer::Length { got, wanted }) }
}

/// One score in 0..=1 for each of `peers`.
///
/// # Errors
/// [`BadAnswer::Length`], [`BadAnswer::Score`].
pub fn scores(given: Vec<f64>, peers: usize) -> Result<Vec<f64>, BadAnswer> {
    same_length(given.len(), peers)?;
    match given.iter().position(|score| !(0.0..=1.0).contains(score)) {
        Some(index) => Err(BadAnswer::Score { index, score: given.get(index).copied().unwrap_or(f64::NAN) }),
        None => Ok(given),
    }
}

const fn under_cap(what: &'static str, got: u32, cap: u32) -> Result<(), BadAnswer> {
    if got <= cap {
        return Ok(());
    }
    Err(BadAnswer::OverCap { what, got: got as u64, cap: cap as u64 })
}

/// A sanction within the host's caps.
///
/// # Errors
/// [`BadAnswer::OverCap`].
pub fn sanction(given: Sanction, limits: &PolicyLimits) -> Result<Sanction, BadAnswer> {
    match given {
        Sanction::None => {}
        Sanction::Avoid(seconds) => {
            under_cap("seconds of avoidance", seconds, limits.avoid_seconds)?;
        }
        Sanction::Ban(ban) => under_cap("seconds of ban", ban.seconds, limits.ban_seconds)?,
    }
    Ok(given)
}

/// A ranking in which each candidate stands at most once, and an order, if given, leaves out none but the excluded.
///
/// # Errors
/// [`BadAnswer::IndexOutOfRange`], [`BadAnswer::IndexTwice`], [`BadAnswer::OrderIncomplete`], [`BadAnswer::Code`].
pub fn ranking(given: Ranking, candidates: usize, limits: &PolicyLimits) -> Result<Ranking, BadAnswer> {
    let mut seen = vec![false; candidates];
    let order = given.order.as_deref().unwrap_or_default();
    for index in given.excluded.iter().map(|e| e.candidate).chain(order.iter().copied()) {
        let place = usize::try_from(index).ok().and_then(|place| seen.get_mut(place));
        let place = place.ok_or(BadAnswer::IndexOutOfRange { index, count: candidates })?;
        if std::mem::replace(place, true) {
            return Err(BadAnswer::IndexTwice { index });
        }
    }
    let missing = seen.iter().filter(|seen| !**seen).count();
    if given.order.is_some() && missing > 0 {
        return Err(BadAnswer::OrderIncomplete { missing });
    }
    let mut ranking = given;
    for exclusion in &mut ranking.excluded {
        let given = std::mem::replace(&mut exclusion.reason, Reason::new("", ""));
        exclusion.reason = reason(given, limits)?;
    }
    Ok(ranking)
}

/// A route over origins that were offered, each once, within the host's time; or a sound reason for stopping.
///
/// # Errors
/// [`BadAnswer::NotOffered`], [`BadAnswer::OriginTwice`], [`BadAnswer::OverCap`], [`BadAnswer::Code`].
pub fn route(
    given: Result<Vec<Stage>, Reason>,
    offered: &[Origin],
    limits: &PolicyLimits,
) -> Result<Result<Vec<Stage>, Reason>, BadAnswer> {
    let stages = match given {
        Ok(stages) => stages,
        Err(why) => return Ok(Err(reason(why, limits)?)),
    };
    if stages.len() > limits.stages {
        let (got, cap) = (stages.len() as u64, limits.stages as u64);
        return Err(BadAnswer::OverCap { what: "a number of stages", got, cap });
    }
    let mut seen = Vec::new();
    for stage in &stages {
        under_cap("milliseconds for a stage", stage.within_ms.unwrap_or(0), limits.stage_ms)?;
        for origin in &stage.origins {
            let origin = *origin;
            if !offered.contains(&origin) {
                return Err(BadAnswer::NotOffered { origin });
            }
            if seen.contains(&origin) {
                return Err(BadAnswer::OriginTwice { origin });
            }
            seen.push(origin);
        }
    }
    Ok(Ok(stages))
}

/// An action that stays on the route and within the host's time.
///
/// # Errors
/// [`BadAnswer::NotOffered`], [`BadAnswer::OverCap`], [`BadAnswer::Code`].
pub fn action(given: Action, situation: &Situation, limits: &PolicyLimits) -> Result<Action, BadAnswer> {
    Ok(match given {
        Action::Abstain => Action::Abstain,
        Action::Retry(ms) => {
            under_cap("milliseconds before a retry", ms, limits.retry_ms)?;
            Action::Retry(ms)
        }
        Action::TurnTo(origin) => {
            let known = origin == situation.origin
                || situation.untried.contains(&origin)
                || situation.tried.iter().any(|attempt| attempt.origin == origin);
            if !known {
                return Err(BadAnswer::NotOffered { origin });
            }
            Action::TurnTo(origin)
        }
        Action::Degrade(why) => Action::Degrade(reason(why, limits)?),
        Action::Stop(why) => Action::Stop(reason(why, limits)?),
    })
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
