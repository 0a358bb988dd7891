//! Circles of dependencies: allowed by the solver, forbidden here, and told in order.

use std::collections::BTreeMap;

use super::error::ResolveError;
use super::knowledge::Knowledge;
use super::solution::Solution;
use crate::name::PackageId;

/// Errs with the first circle, beginning at its smallest name. Iterative: a circle of any length costs no stack.
pub(super) fn refuse(solution: &Solution, knowledge: &Knowledge) -> Result<(), ResolveError> {
    let place: BTreeMap<&PackageId, usize> = solution.packages.iter().enumerate().map(|(i, c)| (&c.id, i)).collect();
    let edges: Vec<Vec<usize>> = solution
        .packages
        .iter()
        .map(|chosen| {
            let release = knowledge.packages.get(&chosen.id).and_then(|p| p.get(&chosen.version));
            let required = release.into_iter().flat_map(|r| &r.dependencies).filter(|d| !d.optional);
            let targets = required.filter_map(|d| knowledge.dependency(&chosen.id, d)?.ok());
            targets.filter_map(|(id, _)| place.get(&id).copied()).collect()
        })
        .collect();
    match find(&edges) {
        None => Ok(()),
        Some(circle) => {
            let named = circle.iter().filter_map(|i| solution.packages.get(*i));
            let mut cycle: Vec<_> = named.map(|c| (c.id.name.clone(), c.version.clone())).collect();
            let first = cycle.iter().enumerate().min_by(|a, b| a.1.cmp(b.1)).map_or(0, |(i, _)| i);
            cycle.rotate_left(first);
            Err(ResolveError::Cycle(cycle))
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    OnPath,
    Done,
}

/// Depth first, with a stack of its own.
fn find(edges: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut marks = vec![Mark::New; edges.len()];
    for start in 0..edges.len() {
        let mut path: Vec<(usize, usize)> = Vec::new();
        if marks.get(start) == Some(&Mark::New) {
            path.push((start, 0));
            set(&mut marks, start, Mark::OnPath);
        }
        while let Some((node, next)) = path.pop() {
            match edges.get(node).and_then(|targets| targets.get(next)) {
                None => set(&mut marks, node, Mark::Done),
                Some(target) => {
                    path.push((node, next + 1));
                    match marks.get(*target) {
                        Some(Mark::OnPath) => {
                            return Some(path.iter().map(|(n, _)| *n).skip_while(|n| n != target).collect());
                        }
                        Some(Mark::New) => {
                            set(&mut marks, *target, Mark::OnPath);
                            path.push((*target, 0));
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    None
}

fn set(marks: &mut [Mark], index: usize, mark: Mark) {
    if let Some(place) = marks.get_mut(index) {
        *place = mark;
    }
}
