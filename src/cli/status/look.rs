//! How a page may look where it goes: width, colours, signs. The words are the same everywhere.

use ratatui::crossterm::terminal;
use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal};

/// Where there is no terminal: what people print, mail and read beside other things.
pub(super) const WIDTH: usize = 80;
/// Below this a terminal may break lines as it likes; above it, longer ones are not read more easily.
const WIDTHS: (usize, usize) = (40, 160);

/// What the reader's side can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct Look {
    /// Columns.
    pub(in crate::cli) width: usize,
    is_coloured: bool,
    signs: Signs,
}

/// What a line says of the clock or a source, to be seen from afar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Tone {
    Good,
    Doubtful,
    Bad,
    Heading,
    Plain,
}

/// A pipe gets what any terminal can show beside the text of a page, which is UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signs {
    InPipe,
    Ascii,
    Unicode,
}

impl Look {
    /// Of anything but a terminal.
    pub(super) const PIPE: Self = Self { width: WIDTH, is_coloured: false, signs: Signs::InPipe };

    /// Of standard output.
    pub(in crate::cli) fn of_stdout() -> Self {
        if !io::stdout().is_terminal() {
            return Self::PIPE;
        }
        let columns = terminal::window_size().map_or(0, |size| usize::from(size.columns));
        Self::of_terminal(columns, |name| env::var_os(name))
    }

    /// `columns` is 0 where nobody knows. NO_COLOR means what no-color.org says; a terminal without a name can do nothing.
    fn of_terminal(columns: usize, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let is_dumb = set("TERM").is_none_or(|term| term == "dumb");
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default();
        let locale = locale.to_string_lossy().to_ascii_lowercase().replace('-', "");
        Self {
            width: if columns == 0 { WIDTH } else { columns.clamp(WIDTHS.0, WIDTHS.1) },
            is_coloured: !is_dumb && set("NO_COLOR").is_none(),
            signs: if locale.contains("utf8") && !is_dumb { Signs::Unicode } else { Signs::Ascii },
        }
    }

    /// The same after its size has changed, where nothing else breaks lines: one word at least has room.
    pub(in crate::cli) fn of_width(self, columns: usize) -> Self {
        Self { width: columns.clamp(8, WIDTHS.1), ..self }
    }

    /// Whether there are letters beside ASCII's.
    pub(in crate::cli) fn has_unicode(self) -> bool {
        self.signs == Signs::Unicode
    }

    /// A terminal of 80 columns.
    #[cfg(test)]
    pub(in crate::cli) fn of_tests(unicode: bool) -> Self {
        Self { width: WIDTH, is_coloured: true, signs: if unicode { Signs::Unicode } else { Signs::Ascii } }
    }

    /// In the colour of its tone, where there are colours.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => 32,
            Tone::Doubtful => 33,
            Tone::Bad => 31,
            Tone::Heading => 1,
            Tone::Plain => 0,
        };
        if self.is_coloured && code != 0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// One column: in Unicode, or in ASCII.
    pub(super) fn sign(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.signs == Signs::Unicode { unicode } else { ascii }
    }

    /// Before the first line, and only for eyes.
    pub(super) fn headline_sign(self, tone: Tone) -> &'static str {
        match tone {
            _ if self.signs == Signs::InPipe => "",
            Tone::Good => self.sign("✓ ", "+ "),
            Tone::Bad => self.sign("✗ ", "! "),
            _ => self.sign("… ", "? "),
        }
    }

    /// The page in letters that the terminal has; one for one, so that columns stay.
    pub(super) fn spelled(self, page: String) -> String {
        if self.signs != Signs::Ascii {
            return page;
        }
        let letter = |c: char| match c {
            'µ' => 'u',
            '±' | '…' => '~',
            c if c.is_ascii() => c,
            _ => '?',
        };
        page.chars().map(letter).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::cli::status) fn terminal(columns: usize, variables: &[(&str, &str)]) -> Look {
        let value = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Look::of_terminal(columns, |name| value(name).map(|(_, value)| value.into()))
    }

    #[test]
    fn colours_and_signs_need_a_terminal_that_has_them() {
        let utf8 = ("LANG", "en_GB.UTF-8");
        for (variables, coloured, unicode) in [
            (&[("TERM", "xterm"), utf8][..], true, true),
            (&[("TERM", "xterm"), ("LC_ALL", "C"), utf8], true, false),
            (&[("TERM", "xterm"), ("LC_CTYPE", "de_DE.utf8")], true, true),
            (&[("TERM", "xterm"), ("NO_COLOR", "1"), utf8], false, true),
            (&[("TERM", "xterm"), ("NO_COLOR", ""), utf8], true, true),
            (&[("TERM", "dumb"), utf8], false, false),
            (&[utf8], false, false),
        ] {
            let look = terminal(80, variables);
            assert_eq!(
                (look.is_coloured, look.signs == Signs::Unicode),
                (coloured, unicode),
                "{variables:?}"
            );
        }
    }

    #[test]
    fn a_width_that_nobody_knows_or_could_read_is_not_taken() {
        let width = |columns| terminal(columns, &[]).width;
        assert_eq!([0, 7, 80, 132, 5000].map(width), [80, 40, 80, 132, 160]);
    }
}
