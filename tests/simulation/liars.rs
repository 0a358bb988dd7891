//! How those answer that misbehave.
//!
//! Each takes what it would honestly answer and spoils it in its own way. Invariant: none of them has a publisher's key.

use super::goods::Goods;
use super::peer::{Answer, Ask, Manner};
use super::random::Random;
use super::table::{K, Node, Place};

/// What a node that is not honest answers in place of `honest`.
pub fn spoil(
    manner: Manner,
    goods: &Goods,
    others: &[(Place, Node)],
    ask: &Ask,
    honest: Answer,
    random: &mut Random,
) -> Option<Answer> {
    match manner {
        Manner::Honest => Some(honest),
        Manner::Silent => None,
        Manner::Crowding => Some(crowd(others, ask, honest, random)),
        Manner::Stale => Some(stale(goods, ask, honest)),
        Manner::Forging => Some(forge(goods, others, ask, honest, random)),
        Manner::Corrupting => Some(match honest {
            Answer::Chunk(index, bytes) => {
                let mut bytes = bytes.to_vec();
                let at = random.below(bytes.len());
                bytes[at] ^= 1;
                Answer::Chunk(index, bytes.into())
            }
            other => other,
        }),
        Manner::Stalling => (!matches!(ask, Ask::Chunk(..))).then_some(honest),
    }
}

fn friends(others: &[(Place, Node)], random: &mut Random) -> Vec<(Place, Node)> {
    (0..K).filter_map(|_| random.pick(others).copied()).collect()
}

fn crowd(others: &[(Place, Node)], ask: &Ask, honest: Answer, random: &mut Random) -> Answer {
    match ask {
        Ask::Closest(_) => Answer::Closer(friends(others, random)),
        Ask::Value(_) => Answer::Value(None, friends(others, random)),
        Ask::Providers(_) => Answer::Providers(Vec::new(), friends(others, random)),
        _ => honest,
    }
}

fn stale(goods: &Goods, ask: &Ask, honest: Answer) -> Answer {
    match (ask, honest) {
        (Ask::Value(key), Answer::Value(record, closer)) => {
            let package = goods.packages.iter().find(|p| p.head_key == *key);
            Answer::Value(package.map(|p| p.issues[0].bundle.clone()).or(record), closer)
        }
        (Ask::Name(package), _) => Answer::Heads(vec![goods.packages[*package].issues[0].bundle.clone()]),
        (Ask::Package(_), _) => Answer::Package(Some(0)),
        (_, honest) => honest,
    }
}

fn forge(goods: &Goods, others: &[(Place, Node)], ask: &Ask, honest: Answer, random: &mut Random) -> Answer {
    match (ask, honest) {
        (Ask::Value(_), Answer::Value(_, closer)) => Answer::Value(random.pick(&goods.forged).cloned(), closer),
        (Ask::Name(package), _) => Answer::Heads(goods.forged[package * 2..package * 2 + 2].to_vec()),
        (Ask::Providers(_), Answer::Providers(_, closer)) => {
            Answer::Providers(friends(others, random).into_iter().map(|(_, n)| n).take(5).collect(), closer)
        }
        (Ask::Hello(..), _) => Answer::List(Some((vec![0; 64], None))),
        (_, honest) => honest,
    }
}
