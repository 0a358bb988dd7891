//! Text for people, line by line.
//!
//! Decides alignment, marks and colours. Invariant: every line goes through [`super::clean`].

use super::clean;
use crate::errors::Report;

/// Text that is being written.
#[derive(Debug)]
pub struct Page {
    text: String,
    colour: bool,
}

const RED: &str = "\u{1b}[31m";
const GREEN: &str = "\u{1b}[32m";
const YELLOW: &str = "\u{1b}[33m";
const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const PLAIN: &str = "\u{1b}[0m";

impl Page {
    /// An empty page.
    pub const fn new(colour: bool) -> Self {
        Self { text: String::new(), colour }
    }

    /// What is on it.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn styled(&mut self, style: &str, mark: &str, text: &str) {
        let (begin, end) = if self.colour { (style, PLAIN) } else { ("", "") };
        self.text.push_str(&format!("{begin}{mark}{}{end}\n", clean::line(text)));
    }

    /// A plain line.
    pub fn line(&mut self, text: impl AsRef<str>) {
        self.text.push_str(clean::line(text.as_ref()).trim_end());
        self.text.push('\n');
    }

    /// A text of this program's own, byte for byte: a script, a man page, a document.
    pub fn own(&mut self, text: &str) {
        self.text.push_str(text);
        if !text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// Something that went well.
    pub fn good(&mut self, text: impl AsRef<str>) {
        self.marked(GREEN, "✓ ", text.as_ref());
    }

    /// Something that did not.
    pub fn bad(&mut self, text: impl AsRef<str>) {
        self.marked(RED, "✗ ", text.as_ref());
    }

    /// Something to look at.
    pub fn warning(&mut self, text: impl AsRef<str>) {
        self.marked(YELLOW, "⚠ ", text.as_ref());
    }

    fn marked(&mut self, style: &str, mark: &str, text: &str) {
        let (begin, end) = if self.colour { (style, PLAIN) } else { ("", "") };
        self.text.push_str(&format!("{begin}{mark}{end}{}\n", clean::line(text)));
    }

    /// A heading.
    pub fn heading(&mut self, text: impl AsRef<str>) {
        self.styled(BOLD, "", text.as_ref());
    }

    /// Something beside the point.
    pub fn aside(&mut self, text: impl AsRef<str>) {
        self.styled(DIM, "", text.as_ref());
    }

    /// An empty line.
    pub fn gap(&mut self) {
        self.text.push('\n');
    }

    /// Rows whose columns stand below each other, each row after `indent` spaces. The last column is as long as it is.
    pub fn table(&mut self, indent: usize, rows: &[Vec<String>]) {
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|cell| clean::line(cell)).collect()).collect();
        let mut widths: Vec<usize> = Vec::new();
        for row in &rows {
            for (column, cell) in row.iter().enumerate().take(row.len().saturating_sub(1)) {
                match widths.get_mut(column) {
                    Some(width) => *width = (*width).max(cell.chars().count()),
                    None => widths.push(cell.chars().count()),
                }
            }
        }
        for row in &rows {
            let mut line = " ".repeat(indent);
            for (column, cell) in row.iter().enumerate() {
                line.push_str(cell);
                if column + 1 < row.len() {
                    let width = widths.get(column).copied().unwrap_or_default();
                    line.push_str(&" ".repeat(width.saturating_sub(cell.chars().count()) + 2));
                }
            }
            self.line(line);
        }
    }

    /// An error: what, why, and what to do.
    pub fn report(&mut self, report: &Report) {
        self.bad(&report.message);
        for line in &report.lines {
            self.line(format!("  {line}"));
        }
        for cause in &report.caused_by {
            self.line(format!("  because: {cause}"));
        }
        for hint in &report.hints {
            match &hint.command {
                Some(command) => self.line(format!("  → {}: {command}", hint.text)),
                None => self.line(format!("  → {}", hint.text)),
            }
        }
        if report.exit() != crate::errors::Exit::Interrupted {
            self.aside(format!("  {0} · ggen explain {0}", report.code.text()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_whatever_is_in_them() {
        let mut page = Page::new(false);
        page.table(
            2,
            &[vec!["a".into(), "1.0.0".into(), "x".into()], vec!["lönger".into(), "2\u{1b}[31m".into(), "y".into()]],
        );
        assert_eq!(page.text(), "  a       1.0.0  x\n  lönger  2      y\n");
    }
}
