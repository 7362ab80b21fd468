//! A table for people, printed page by page. On a terminal, each line of it fits the width of the terminal.

use std::{
    io::{self, Write},
    iter, mem,
};

use anstyle::Style;

use super::{
    style::HEADING,
    text::printable,
    width::{self, cut, width},
};

/// The widest column outside a terminal. A longer cell shifts only the rest of its line.
const WIDEST: usize = 60;

/// A table. The first page with lines decides the widths of the columns.
///
/// On a terminal a longer cell is cut, and memory holds the lines of the first page until the second one.
pub(crate) struct Table {
    headings: &'static [&'static str],
    /// The columns that a line may use; `None` for any number.
    columns: Option<usize>,
    /// The lines of the first page, while their widths are not decided.
    held: Vec<Line>,
    /// The width of each column, once it is decided.
    widths: Vec<usize>,
}

/// A line of a table, with a cell for each heading.
pub(crate) struct Line {
    pub(crate) style: Style,
    pub(crate) cells: Vec<String>,
}

impl Line {
    /// Returns the number of its last cell with text. That cell may extend to the end of the line.
    fn last(&self) -> usize {
        self.cells.iter().rposition(|cell| !cell.is_empty()).unwrap_or_default()
    }
}

impl Table {
    /// Creates a table that fits the terminal, if standard output is one.
    pub(crate) fn new(headings: &'static [&'static str]) -> Self {
        Self { headings, columns: None, held: Vec::new(), widths: Vec::new() }
            .fitting(width::of_stdout().map(|size| size.columns))
    }

    /// Returns the table for this width, in columns; `None` shows whole cells.
    pub(crate) fn fitting(self, columns: Option<usize>) -> Self {
        Self { columns, ..self }
    }

    /// Prints all lines of a table.
    pub(crate) fn print(mut self, out: &mut dyn Write, lines: Vec<Line>) -> io::Result<()> {
        self.page(out, lines)?;
        self.end(out)
    }

    /// Prints the lines of a page, with the headings above the first one. [`Table::end`] must follow the last page.
    pub(crate) fn page(&mut self, out: &mut dyn Write, mut lines: Vec<Line>) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        if self.widths.is_empty() && self.held.is_empty() {
            let cells = self.headings.iter().map(|&heading| heading.to_owned()).collect();
            lines.insert(0, Line { style: HEADING, cells });
        }
        for cell in lines.iter_mut().flat_map(|line| &mut line.cells) {
            *cell = printable(cell);
        }
        if !self.widths.is_empty() {
            return self.write(out, &lines);
        }
        if self.columns.is_some() && self.held.is_empty() {
            self.held = lines;
            return Ok(());
        }
        // The cells of further pages may be longer: each column gets its share of the terminal.
        let share = self.room().unwrap_or_default() / self.headings.len().max(1);
        self.held.append(&mut lines);
        self.write_held(out, share)
    }

    /// Prints the lines that are still in memory.
    pub(crate) fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.write_held(out, 0)
    }

    /// Decides the widths of the columns, each at least its share, and prints the lines in memory.
    fn write_held(&mut self, out: &mut dyn Write, share: usize) -> io::Result<()> {
        let held = mem::take(&mut self.held);
        if held.is_empty() {
            return Ok(());
        }
        let mut widths = vec![share; self.headings.len()];
        for line in &held {
            let last = line.last();
            for (i, (column, cell)) in widths.iter_mut().zip(&line.cells).enumerate() {
                if i < last || i + 1 == self.headings.len() {
                    *column = width(cell).max(*column);
                }
            }
        }
        self.widths = match self.room() {
            None => widths.into_iter().map(|column| column.min(WIDEST)).collect(),
            Some(room) => fit(&widths, room),
        };
        self.write(out, &held)
    }

    fn write(&self, out: &mut dyn Write, lines: &[Line]) -> io::Result<()> {
        for line in lines {
            let style = line.style;
            writeln!(out, "{style}{}{style:#}", self.line(line).trim_end())?;
        }
        Ok(())
    }

    fn line(&self, line: &Line) -> String {
        let (last, gap) = (line.last(), self.gap());
        let mut text = String::new();
        for (i, (&column, cell)) in self.widths.iter().zip(&line.cells).take(last + 1).enumerate() {
            if i == last {
                text.push_str(cell);
                break;
            }
            let shown = if self.columns.is_some() { cut(cell, column) } else { cell.clone() };
            text.push_str(&shown);
            // The formatter would count characters, not columns.
            text.extend(iter::repeat_n(' ', column.saturating_sub(width(&shown))));
            text.push_str(gap);
        }
        match self.columns {
            Some(columns) => cut(&text, columns),
            None => text,
        }
    }

    /// Returns the columns of the terminal that cells can use.
    fn room(&self) -> Option<usize> {
        let gaps = self.gap().len() * self.headings.len().saturating_sub(1);
        self.columns.map(|columns| columns.saturating_sub(gaps))
    }

    /// Returns the space between two columns.
    fn gap(&self) -> &'static str {
        if self.columns.is_some() { "  " } else { "   " }
    }
}

/// Returns the widths of columns that fit together. Only the widest columns become narrower, to the same width.
fn fit(widths: &[usize], room: usize) -> Vec<usize> {
    let mut sorted = widths.to_vec();
    sorted.sort_unstable();
    let (mut room, mut left) = (room, widths.len());
    for column in sorted {
        if column * left > room {
            let (most, mut more) = (room / left, room % left);
            let narrower = |&column: &usize| {
                let one_more = column > most && more > 0;
                more -= usize::from(one_more);
                column.min(most + usize::from(one_more))
            };
            return widths.iter().map(narrower).collect();
        }
        room -= column;
        left -= 1;
    }
    widths.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line<const N: usize>(cells: [&str; N]) -> Line {
        Line { style: Style::new(), cells: cells.map(str::to_owned).into() }
    }

    /// Prints pages in a table of this width, without styles.
    fn printed<const N: usize>(
        headings: &'static [&'static str; N],
        columns: Option<usize>,
        pages: Vec<Vec<Line>>,
    ) -> String {
        let mut table = Table::new(headings).fitting(columns);
        let mut out = Vec::new();
        for page in pages {
            table.page(&mut out, page).unwrap();
        }
        table.end(&mut out).unwrap();
        String::from_utf8(anstream::adapter::strip_bytes(&out).into_vec()).unwrap()
    }

    #[test]
    fn first_page_decides_the_widths() {
        let pages =
            vec![vec![], vec![line(["long", "x"])], vec![], vec![line(["s\n", "z"]), line(["longer", "y"])], vec![]];
        assert_eq!(printed(&["A", "B"], None, pages), "A      B\nlong   x\ns\\n    z\nlonger   y\n");
        assert_eq!(printed(&["A", "B"], Some(80), vec![vec![]]), "");
    }

    #[test]
    fn only_the_widest_columns_are_cut() {
        for (widths, room, expected) in [
            (&[3, 4][..], 7, &[3, 4][..]),
            (&[3, 4], 10, &[3, 4]),
            (&[3, 40], 20, &[3, 17]),
            (&[30, 5, 40, 50], 50, &[15, 5, 15, 15]),
            (&[30, 5, 40, 50], 52, &[16, 5, 16, 15]),
            (&[9, 9], 1, &[1, 0]),
            (&[9, 9], 0, &[0, 0]),
            (&[], 5, &[]),
        ] {
            assert_eq!(fit(widths, room), expected, "{widths:?} in {room}");
        }
    }

    #[test]
    fn every_line_fits_the_terminal() {
        let page = || {
            vec![
                line(["日本語のとても長い名前の仕事", "g", "labels=many,and=more"]),
                line(["job", "e\u{301}e\u{301}e\u{301}", ""]),
                line(["job", "a fault that needs more than its own column", ""]),
                line(["", "", ""]),
            ]
        };
        for columns in 0..70 {
            for pages in [vec![page()], vec![page(), page()]] {
                let text = printed(&["JOB", "GROUP", "LABELS"], Some(columns), pages);
                assert!(text.lines().all(|line| width(line) <= columns), "{columns}: {text}");
            }
        }
        let text = printed(&["JOB", "GROUP", "LABELS"], Some(40), vec![page()]);
        let expected = "JOB               GROUP  LABELS\n\
                        日本語のとても…   g      labels=many,an…\n\
                        job               e\u{301}e\u{301}e\u{301}\n\
                        job               a fault that needs mo…\n\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn later_pages_keep_the_widths() {
        let pages = vec![vec![line(["a", "b"])], vec![line(["a job with a long name", "b"])]];
        let text = printed(&["JOB", "GROUP"], Some(24), pages);
        assert_eq!(text, "JOB          GROUP\na            b\na job with…  b\n");
    }
}
