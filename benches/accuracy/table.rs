//! Columns of text, aligned. Knows no figures.

/// Lines of cells under a heading.
#[derive(Debug)]
pub(crate) struct Table {
    lines: Vec<Vec<String>>,
    /// The last column is text and not figures.
    prose: bool,
}

impl Table {
    pub(crate) fn new(heading: &[&str]) -> Self {
        Self { lines: vec![heading.iter().map(|&cell| cell.to_owned()).collect()], prose: false }
    }

    /// The same with text in the last column.
    pub(crate) fn ending_in_prose(heading: &[&str]) -> Self {
        Self { prose: true, ..Self::new(heading) }
    }

    pub(crate) fn push(&mut self, line: Vec<String>) {
        self.lines.push(line);
    }

    /// The first column and prose to the left, the others to the right.
    pub(crate) fn text(&self) -> String {
        let columns = self.lines.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.lines
                .iter()
                .filter_map(|line| line.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for line in &self.lines {
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                let padding = " ".repeat(width - cell.chars().count());
                text.push_str(&if column == 0 {
                    format!("{cell}{padding}")
                } else if self.prose && column + 1 == columns {
                    format!("  {cell}")
                } else {
                    format!("  {padding}{cell}")
                });
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        text
    }
}

/// Three digits or a dash.
pub(crate) fn number(value: f64) -> String {
    match value {
        _ if value.is_nan() => "-".to_owned(),
        _ if value.is_infinite() => "never".to_owned(),
        _ if value.abs() < 9.95 => format!("{value:.2}"),
        _ if value.abs() < 99.5 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// Whole, or a dash.
pub(crate) fn whole(value: f64) -> String {
    if value.is_finite() { format!("{value:.0}") } else { number(value) }
}
