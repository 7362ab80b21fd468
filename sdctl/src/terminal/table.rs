//! A table for people, printed page by page so that memory holds one page.

use std::io::{self, Write};

use anstyle::Style;

use super::{style::HEADING, text::printable};

/// The widest column, in characters. A longer cell shifts only the rest of its line.
const WIDEST: usize = 60;

/// A table whose columns are as wide as the widest cell printed so far.
pub(crate) struct Table {
    headings: &'static [&'static str],
    /// The width of each column; empty until the headings are printed.
    widths: Vec<usize>,
}

/// A line of a table, with a cell for each heading.
pub(crate) struct Line {
    pub(crate) style: Style,
    pub(crate) cells: Vec<String>,
}

impl Table {
    pub(crate) fn new(headings: &'static [&'static str]) -> Self {
        Self { headings, widths: Vec::new() }
    }

    /// Prints lines; the first call with lines prints the headings above them.
    pub(crate) fn print(&mut self, out: &mut dyn Write, mut lines: Vec<Line>) -> io::Result<()> {
        if self.widths.is_empty() && !lines.is_empty() {
            let cells = self.headings.iter().map(|&heading| heading.to_owned()).collect();
            lines.insert(0, Line { style: HEADING, cells });
            self.widths.resize(self.headings.len(), 0);
        }
        for Line { cells, .. } in &mut lines {
            for (width, cell) in self.widths.iter_mut().zip(cells) {
                *cell = printable(cell);
                *width = (*width).max(cell.chars().count().min(WIDEST));
            }
        }
        for Line { style, cells } in lines {
            let cells: Vec<String> =
                self.widths.iter().zip(cells).map(|(&width, cell)| format!("{cell:width$}")).collect();
            writeln!(out, "{style}{}{style:#}", cells.join("   ").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_never_become_narrower() {
        let line = |cells: [&str; 2]| Line { style: Style::new(), cells: cells.map(str::to_owned).into() };
        let mut table = Table::new(&["A", "B"]);
        let mut out = Vec::new();
        for page in [vec![], vec![line(["long", "x"])], vec![], vec![line(["s\n", ""]), line(["longer", "y"])]] {
            table.print(&mut out, page).unwrap();
        }
        let text = anstream::adapter::strip_bytes(&out).into_vec();
        assert_eq!(String::from_utf8(text).unwrap(), "A      B\nlong   x\ns\\n\nlonger   y\n");
    }
}
