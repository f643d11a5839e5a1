//! Source text without comments and literals, line by line as it was. Knows no rule.

/// One file, as written and as seen by a rule that must not trip over prose.
pub(crate) struct Source {
    /// From the root of the repository.
    pub(crate) path: String,
    /// As written.
    pub(crate) text: String,
    /// The same lines with comments, strings and character literals blanked out.
    pub(crate) code: String,
}

impl Source {
    /// `path` is from the root of the repository.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), code: blank(text) }
    }

    /// The module path that the file is: `src/a/b.rs` and `src/a/b/mod.rs` are `[a, b]`; `None` outside `src`.
    pub(crate) fn module(&self) -> Option<Vec<&str>> {
        let inner = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        let mut parts: Vec<&str> = inner.split('/').collect();
        if matches!(parts.last(), Some(&"mod" | &"lib")) {
            parts.pop();
        }
        Some(parts)
    }

    /// Identifiers of the code with the number of their line.
    pub(crate) fn words(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().flat_map(|(index, line)| {
            line.split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .filter(|word| !word.is_empty())
                .map(move |word| (index + 1, word))
        })
    }
}

/// Replaces comments and the contents of literals by spaces; newlines stay.
fn blank(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let Some(end) = literal_end(&bytes, at) else {
            out.push(bytes[at]);
            at += 1;
            continue;
        };
        out.extend(bytes[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out
}

/// Where the comment or literal that begins at `at` ends, if one begins there.
fn literal_end(text: &[char], at: usize) -> Option<usize> {
    let next = text.get(at + 1).copied();
    match (text[at], next) {
        ('/', Some('/')) => Some(find(text, at, |c| c == '\n')),
        ('/', Some('*')) => Some(block_comment_end(text, at)),
        ('"', _) => Some(string_end(text, at + 1)),
        ('r', Some('"' | '#')) if !is_word(text, at) => raw_string_end(text, at + 1),
        ('\'', Some('\\')) => Some((find(text, at + 3, |c| c == '\'') + 1).min(text.len())),
        ('\'', Some(_)) if text.get(at + 2) == Some(&'\'') => Some(at + 3),
        _ => None,
    }
}

fn is_word(text: &[char], at: usize) -> bool {
    at > 0 && (text[at - 1].is_alphanumeric() && text[at - 1] != 'b' || text[at - 1] == '_')
}

fn find(text: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    (from..text.len()).find(|i| wanted(text[*i])).unwrap_or(text.len())
}

fn block_comment_end(text: &[char], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut i = at;
    while i < text.len() {
        match (text[i], text.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    text.len()
}

fn string_end(text: &[char], from: usize) -> usize {
    let mut i = from;
    while i < text.len() {
        match text[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    text.len()
}

/// `from` is at the first `#` or quote; `None` when it is a raw identifier.
fn raw_string_end(text: &[char], from: usize) -> Option<usize> {
    let quote = find(text, from, |c| c != '#');
    let hashes = quote - from;
    if text.get(quote) != Some(&'"') {
        return None;
    }
    let mut i = quote + 1;
    while i < text.len() {
        if text[i] == '"' && text[i + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes {
            return Some(i + 1 + hashes);
        }
        i += 1;
    }
    Some(text.len())
}

#[test]
fn comments_strings_and_characters_are_blanked_and_lines_stay() {
    let text = "a /* x /* y */ z */ b // c\n\"d\\\"e\" 'f' '\\'' r#\"g\"h\"# 'life r#type br\"i\"";
    let code = Source::new("src/x.rs", text).code;
    let words: Vec<&str> = code.split_whitespace().collect();
    assert_eq!(words, ["a", "b", "'life", "r#type", "b"]);
    assert_eq!(code.lines().count(), 2);
}

#[test]
fn a_file_knows_its_module() {
    let module = |path: &str| Source::new(path, "").module().map(|m| m.join("::"));
    assert_eq!(module("src/a/mod.rs").as_deref(), Some("a"));
    assert_eq!(module("src/a/b.rs").as_deref(), Some("a::b"));
    assert_eq!(module("src/lib.rs").as_deref(), Some(""));
    assert_eq!(module("src/bin/x.rs").as_deref(), Some("bin::x"));
    assert_eq!(module("tests/x.rs"), None);
}
