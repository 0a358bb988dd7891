//! Rows of the decision log, as they are told from.
//!
//! Decides which rows are answers to one question. Invariant: a row whose question cannot be read is not told from.

use ggen_core::hooks::{Answer, Question};
use ggen_store::DecisionRow;

/// A row that can be told from.
pub(super) struct Told {
    pub(super) row: DecisionRow,
    pub(super) question: Question,
    /// None where the policy gave none.
    pub(super) answer: Option<Answer>,
}

impl Told {
    pub(super) fn of(row: DecisionRow) -> Option<Self> {
        let question = serde_json::from_str(&row.input).ok()?;
        let answer = serde_json::from_str(&row.verdict).ok();
        Some(Self { row, question, answer })
    }

    pub(super) fn is_heeded(&self) -> bool {
        self.row.mode == "enforce"
    }

    pub(super) fn fault(&self) -> &str {
        self.row.fault.as_deref().unwrap_or("it gave no answer")
    }
}

/// Consecutive rows of one question: a chain's answers.
pub(super) fn chains<'a>(rows: &'a [Told], call: &str) -> Vec<Vec<&'a Told>> {
    let mut chains: Vec<Vec<&Told>> = Vec::new();
    for told in rows.iter().filter(|told| told.row.call == call) {
        let of = |chain: &&mut Vec<&Told>| chain.first().is_some_and(|f| f.row.input_digest == told.row.input_digest);
        match chains.iter_mut().find(of) {
            Some(chain) => chain.push(told),
            None => chains.push(vec![told]),
        }
    }
    chains
}

/// Who locks a policy of a hook now.
pub(super) type Locks<'a> = &'a dyn Fn(&DecisionRow) -> Option<String>;
