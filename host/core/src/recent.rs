//! A map of bounded size that forgets what was not used for longest.
//!
//! Decides by generations: what is touched moves to the young one; when that is full, the old one is dropped and the young
//! one grows old. Invariant: never more than twice `most` entries, and no step looks at more than one of them.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// A bounded map.
#[derive(Clone, Debug)]
pub struct Recent<K, V> {
    most: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Hash + Eq, V> Recent<K, V> {
    /// One that keeps at least the `most` entries that were used last.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), young: HashMap::new(), old: HashMap::new() }
    }

    /// What is kept under `key`, without counting as a use.
    pub fn peek<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// What is kept under `key`, which is a use of it.
    pub fn touch(&mut self, key: &K) -> Option<&V>
    where
        K: Clone,
    {
        if let Some(kept) = self.old.remove(key) {
            self.insert(key.clone(), kept);
        }
        self.young.get(key)
    }

    /// Keeps `value`.
    pub fn insert(&mut self, key: K, value: V) {
        self.old.remove(&key);
        if self.young.len() >= self.most && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// What is kept under `key`, made where it is missing.
    pub fn entry(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let kept = self.old.remove(&key);
        if self.young.len() >= self.most && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.entry(key).or_insert_with(|| kept.unwrap_or_else(make))
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_is_forgotten() {
        let mut map = Recent::new(10);
        for n in 0..1000 {
            *map.entry("busy".to_owned(), || 0) += 1;
            map.insert(n.to_string(), n);
            assert!(map.len() <= 20);
        }
        assert_eq!(map.peek("busy"), Some(&1000));
        assert_eq!((map.peek("999"), map.peek("5")), (Some(&999), None));
        assert!(!map.is_empty());
        assert_eq!(map.touch(&"busy".to_owned()), Some(&1000));
        assert_eq!(map.touch(&"5".to_owned()), None);
        for n in 0..9 {
            assert!(map.touch(&"busy".to_owned()).is_some(), "{n}");
            map.insert(format!("{n} more"), n);
        }
        assert!(map.peek("busy").is_some() && map.len() <= 20);
    }
}
