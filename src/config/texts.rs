//! The texts of one configuration, its file's and those of its drop-ins, laid end to end: one offset is one place in one of them.
//! Reads no file.

use super::diagnostic::Position;

/// At least one text.
#[derive(Debug)]
pub(super) struct Texts {
    first: Text,
    later: Vec<Text>,
}

#[derive(Debug)]
struct Text {
    name: String,
    text: String,
    /// Offset of its first byte.
    start: usize,
}

impl Texts {
    /// `name` is what diagnostics call it.
    pub(super) fn new(name: &str, text: String) -> Self {
        Self { first: Text { name: name.to_owned(), text, start: 0 }, later: Vec::new() }
    }

    /// Adds what is read after the others.
    pub(super) fn push(&mut self, name: &str, text: String) {
        let last = self.later.last().unwrap_or(&self.first);
        // The end of a text is a place of its own.
        let start = last.start + last.text.len() + 1;
        self.later.push(Text { name: name.to_owned(), text, start });
    }

    /// Each text with the offset of its first byte.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &str)> {
        std::iter::once(&self.first).chain(&self.later).map(|text| (text.start, text.text.as_str()))
    }

    /// The name of the text in which this offset lies, and where in it.
    pub(super) fn place(&self, offset: usize) -> (String, Position) {
        let here = self.later.iter().rev().find(|text| text.start <= offset).unwrap_or(&self.first);
        (here.name.clone(), Position::of(here.text.as_bytes(), offset - here.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_and_every_end_has_its_place_in_its_own_text() {
        let mut texts = Texts::new("a", "1\n".to_owned());
        texts.push("b", String::new());
        texts.push("c", "x\ny".to_owned());
        let starts: Vec<_> = texts.iter().map(|(start, _)| start).collect();
        assert_eq!(starts, [0, 3, 4]);
        for (offset, name, line, column) in
            [(0, "a", 1, 1), (2, "a", 2, 1), (3, "b", 1, 1), (4, "c", 1, 1), (6, "c", 2, 1), (7, "c", 2, 2)]
        {
            assert_eq!(texts.place(offset), (name.to_owned(), Position { line, column }));
        }
    }
}
