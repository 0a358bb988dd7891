//! A derivation as a tree, for programs.
//!
//! Decides how much of it is shown: the top, down to a depth and a number of nodes.

use pubgrub::{DerivationTree, Term};

use super::explanation::Derivation;
use super::node::Tree;
use super::tell::Teller;

/// The deepest level that is shown.
const MAX_DEPTH: usize = 24;
/// The most nodes that are shown.
const MAX_NODES: usize = 256;

/// The tree, and whether anything was left out.
pub(super) fn derivation(tree: &Tree, teller: &Teller<'_>) -> (Derivation, bool) {
    let mut left = MAX_NODES;
    let mut cut = false;
    (show(tree, teller, MAX_DEPTH, &mut left, &mut cut), cut)
}

fn show(tree: &Tree, teller: &Teller<'_>, depth: usize, left: &mut usize, cut: &mut bool) -> Derivation {
    *left = left.saturating_sub(1);
    match tree {
        DerivationTree::External(fact) => {
            let sentences = teller.sentences(fact);
            Derivation::Fact { fact: if sentences.is_empty() { fact.to_string() } else { sentences.join("; ") } }
        }
        DerivationTree::Derived(derived) => {
            let mut terms: Vec<_> = derived
                .terms
                .iter()
                .map(|(node, term)| match term {
                    Term::Positive(range) => (node, true, range),
                    Term::Negative(range) => (node, false, range),
                })
                .collect();
            terms.sort_by_key(|(node, ..)| node.to_string());
            let conclusion = teller.conclusion(terms.into_iter());
            let mut causes = Vec::new();
            for cause in [&derived.cause1, &derived.cause2] {
                if depth == 0 || *left == 0 {
                    *cut = true;
                    break;
                }
                causes.push(show(cause, teller, depth - 1, left, cut));
            }
            Derivation::Derived { conclusion, causes }
        }
    }
}
