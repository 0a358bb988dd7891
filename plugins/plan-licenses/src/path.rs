//! By which way each item came into a plan: from what the user asked for, over who depends on whom.
//!
//! It takes the shortest way and judges nothing. Invariant: one pass over the plan finds all ways, also where it depends on
//! itself in circles, and a sentence names a bounded number of packages.

use std::collections::{BTreeMap, VecDeque};

use ggen_plugin_sdk::prelude::*;

/// Packages that a sentence names at most; of a longer way the middle is left out.
const NAMED: usize = 8;

/// The ways into a plan.
pub struct Ways<'a> {
    plan: &'a [Item],
    /// Who needs each item, one step nearer to what was asked for; none for that itself, and for what nobody needs.
    needed_by: Vec<Option<usize>>,
}

impl<'a> Ways<'a> {
    /// Of all items of a plan.
    pub fn of(plan: &'a [Item]) -> Self {
        let places: BTreeMap<String, usize> =
            plan.iter().enumerate().map(|(place, item)| (names::normalized(&item.release.name), place)).collect();
        let mut needs: Vec<Vec<usize>> = vec![Vec::new(); plan.len()];
        for (place, item) in plan.iter().enumerate() {
            for user in item.requested_by.iter().filter_map(|name| places.get(&names::normalized(name))) {
                needs.get_mut(*user).into_iter().for_each(|needed| needed.push(place));
            }
        }
        let mut needed_by = vec![None; plan.len()];
        let mut open: VecDeque<usize> =
            plan.iter().enumerate().filter(|(_, item)| item.direct).map(|(place, _)| place).collect();
        while let Some(user) = open.pop_front() {
            for place in needs.get(user).into_iter().flatten() {
                let is_new = plan.get(*place).is_some_and(|item| !item.direct);
                if let Some(unknown) = needed_by.get_mut(*place).filter(|known| is_new && known.is_none()) {
                    *unknown = Some(user);
                    open.push_back(*place);
                }
            }
        }
        Self { plan, needed_by }
    }

    /// `needed by web-framework → http-core`; none where the user asked for it, or nobody in the plan needs it.
    pub fn sentence(&self, place: usize) -> Option<String> {
        let mut way = Vec::new();
        let mut at = place;
        while let Some(user) = self.needed_by.get(at).copied().flatten() {
            way.extend(self.plan.get(user).map(|item| item.release.name.as_str()));
            at = user;
        }
        way.reverse();
        if way.len() > NAMED {
            way.splice(NAMED / 2..way.len() - NAMED / 2, ["…"]);
        }
        if way.is_empty() { None } else { Some(format!("needed by {}", way.join(" → "))) }
    }
}
