//! Carries out what installs want done, and tells them what came of it.
//!
//! Decides nothing but whose answer goes to which install.

use super::install::{Do, Install, View};
use super::peer::Answer;
use super::search::Purpose;
use super::table::Node;
use super::world::{Event, SECOND, Task, Work, World};

/// Connected nodes that a question about a name is put to.
const CONNECTED: usize = 20;

impl World {
    /// A user begins to install a package, both by chance.
    pub fn begin(&mut self, number: usize) {
        let crowd = if number >= self.plan.installs { self.one_of_the_crowd(number) } else { None };
        if let Some(install) = crowd {
            let task = self.number();
            return self.with(task, Box::new(install), |install, v| install.begin(v));
        }
        let up: Vec<Node> = self.users.iter().copied().filter(|n| self.peers[*n as usize].up).collect();
        let Some(user) = self.random.pick(&up).copied() else {
            return self.after(SECOND, Event::Begin(number));
        };
        let package = self.random.below(self.goods.packages.len());
        let install = Box::new(Install::new(number, user, package, self.now));
        let task = self.number();
        self.with(task, install, |install, v| install.begin(v));
    }

    /// Lets an install act, and does what it wants done.
    fn with(&mut self, task: Task, mut install: Box<Install>, act: impl FnOnce(&mut Install, &mut View) -> Vec<Do>) {
        let user = install.user;
        let mut connected: Vec<Node> = self.peers[user as usize].table.all().map(|(_, n)| *n).collect();
        while connected.len() > CONNECTED {
            connected.swap_remove(self.random.below(connected.len()));
        }
        let mut home = std::mem::take(&mut self.peers[user as usize].user);
        let mut view = View {
            goods: &self.goods,
            limits: &self.limits,
            now: self.now,
            connected,
            parts: self.plan.parts > 0,
            others: self.plan.others > 0,
            user: &mut home,
            figures: &mut self.figures,
        };
        let todo = act(&mut install, &mut view);
        self.peers[user as usize].user = home;
        let number = install.number;
        self.work.insert(task, Work::Install(install));
        for step in todo {
            match step {
                Do::Ask(node, ask) => self.ask(task, user, node, ask, Some(number)),
                Do::Wake(delay) => self.after(delay, Event::Wake(task)),
                Do::Land(package) => self.land(user, package),
                Do::Withdraw(package) => self.withdraw(user, package),
                Do::Stalled(holder) => self.figures.stalled.push(holder),
                Do::Search(ask) => self.search(user, ask, Purpose::For(task, number)),
                Do::Installed => return self.installed(task),
                Do::Failed(why) => return self.failed(task, why),
            }
        }
    }

    fn take(&mut self, task: Task) -> Option<Box<Install>> {
        match self.work.remove(&task)? {
            Work::Install(install) => Some(install),
            other => {
                self.work.insert(task, other);
                None
            }
        }
    }

    pub fn wake(&mut self, task: Task) {
        let Some(install) = self.take(task) else { return };
        if !self.peers[install.user as usize].up {
            return self.figures.gave_up(install.number);
        }
        self.with(task, install, |install, v| install.tick(v));
    }

    pub fn install_heard(&mut self, task: Task, install: Box<Install>, from: Node, answer: Option<Answer>) {
        self.with(task, install, |install, v| install.heard(v, from, answer));
    }

    /// Whether `search` is the one that the install waits for; earlier ones have nothing to tell it any more.
    fn of_search(&mut self, task: Task, search: Task) -> Option<Box<Install>> {
        let current = matches!(self.work.get(&task), Some(Work::Install(i)) if i.search == Some(search));
        if current { self.take(task) } else { None }
    }

    pub fn install_value(&mut self, task: Task, search: Task, bytes: &[u8]) {
        if let Some(install) = self.of_search(task, search) {
            self.with(task, install, |install, v| install.value(v, bytes));
        }
    }

    pub fn install_providers(&mut self, task: Task, search: Task, nodes: &[Node]) {
        if let Some(install) = self.of_search(task, search) {
            self.with(task, install, |install, v| install.providers(v, nodes));
        }
    }

    pub fn install_search_over(&mut self, task: Task, search: Task) {
        if let Some(mut install) = self.of_search(task, search) {
            install.searching = false;
            self.with(task, install, |install, v| install.tick(v));
        }
    }

    fn installed(&mut self, task: Task) {
        let Some(install) = self.take(task) else { return };
        let (package, issue, user) = (install.package, install.issue, install.user);
        let issues = &self.goods.packages[package].issues;
        let newest = issues.iter().rposition(|i| i.at + SECOND * 60 <= install.begun).unwrap_or(0);
        self.figures.installed(&install, self.now, issue >= newest);
        let peer = &mut self.peers[user as usize];
        let new = peer.holds.insert((package, issue));
        let known = peer.knows.entry(package).or_insert(issue);
        *known = issue.max(*known);
        peer.announces.insert(package);
        if new {
            self.holds_now(user, package, install.landed);
        }
    }

    fn failed(&mut self, task: Task, why: &'static str) {
        let Some(install) = self.take(task) else { return };
        self.figures.failed(&install, why);
    }
}
