//! Markdown, as far as this project's documents use it, to the source of a manual page. Reads no files, and knows no sections by name.

/// The blocks of a document below its title; headings of the second level are sections.
pub(crate) fn to_roff(markdown: &str) -> String {
    let mut roff = Vec::new();
    let mut lines = markdown.lines().peekable();
    while let Some(line) = lines.next() {
        let text = line.trim_start();
        if text.starts_with("```") {
            let code: Vec<_> =
                lines.by_ref().take_while(|line| !line.trim_start().starts_with("```")).collect();
            roff.extend(example(&code));
        } else if let Some(title) = text.strip_prefix("## ") {
            roff.push(format!(".SH \"{}\"", quoted(title).to_uppercase()));
        } else if let Some(title) = text.strip_prefix("###") {
            roff.push(format!(".SS \"{}\"", quoted(title.trim_start_matches('#').trim())));
        } else if text.starts_with('|') {
            let mut rows = vec![cells(text)];
            while let Some(row) = lines.next_if(|line| line.starts_with('|')) {
                rows.push(cells(row));
            }
            roff.extend(table(&rows));
        } else if !text.is_empty() {
            let mut block = text.to_owned();
            while let Some(more) = lines.next_if(|line| goes_on(line)) {
                block.push(' ');
                block.push_str(more.trim());
            }
            roff.extend(paragraph(&block));
        }
    }
    roff.join("\n") + "\n"
}

/// Whether a line belongs to the paragraph or item of the line before.
fn goes_on(line: &str) -> bool {
    let text = line.trim_start();
    !text.is_empty() && item(text).is_none() && !["```", "#", "|"].iter().any(|start| text.starts_with(start))
}

/// The sign and the text of an item of a list.
fn item(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_prefix("- ") {
        return Some(("\\(bu", rest));
    }
    let (number, rest) = text.split_once(". ")?;
    number.chars().all(|c| c.is_ascii_digit()).then_some((number, rest))
}

fn paragraph(block: &str) -> Vec<String> {
    match item(block) {
        Some((sign, text)) => vec![format!(".IP {sign} 4"), line(&inline(text))],
        None => vec![".PP".to_owned(), line(&inline(block))],
    }
}

fn example(code: &[&str]) -> Vec<String> {
    let mut roff: Vec<_> = [".PP", ".in +4n", ".EX"].map(str::to_owned).into();
    roff.extend(code.iter().map(|text| line(&literal(text))));
    roff.extend([".EE", ".in"].map(str::to_owned));
    roff
}

/// Each row is a term: its first cell is what is explained, its last what is said of it, and those between say of what they are.
fn table(rows: &[Vec<String>]) -> Vec<String> {
    let Some((heads, rows)) = rows.split_first() else { return Vec::new() };
    let mut roff = Vec::new();
    for row in rows.iter().filter(|row| !row.iter().all(|cell| cell.starts_with("---"))) {
        let [term, between @ .., meaning] = row.as_slice() else { continue };
        roff.extend([".TP".to_owned(), line(&inline(term))]);
        let said: Vec<_> =
            between
                .iter()
                .zip(heads.iter().skip(1))
                .filter(|(cell, _)| !cell.is_empty())
                .map(|(cell, head)| {
                    if head.is_empty() { inline(cell) } else { format!("{}: {}", inline(head), inline(cell)) }
                })
                .collect();
        if !said.is_empty() {
            roff.extend([line(&format!("({})", said.join("; "))), ".br".to_owned()]);
        }
        roff.push(line(&inline(meaning)));
    }
    roff
}

fn cells(row: &str) -> Vec<String> {
    let inner = row.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// Words in bold, code and the texts of links.
fn inline(text: &str) -> String {
    let mut roff = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*', '[']) {
        let (before, marked) = rest.split_at(at);
        roff.push_str(&prose(before));
        let (shown, length) = span(marked).unwrap_or_else(|| (prose(&marked[..1]), 1));
        roff.push_str(&shown);
        rest = &marked[length..];
    }
    roff + &prose(rest)
}

/// What stands at the beginning, and how long it is in Markdown; `None` where the sign is only a sign.
fn span(text: &str) -> Option<(String, usize)> {
    let between = |open: &str, close: &str| {
        let inner = text.strip_prefix(open)?;
        let length = inner.find(close).filter(|length| *length > 0)?;
        inner.get(..length)
    };
    if let Some(code) = between("`", "`") {
        return Some((format!("\\fB{}\\fR", literal(code)), code.len() + 2));
    }
    if let Some(strong) = between("**", "**") {
        return Some((format!("\\fB{}\\fR", prose(strong)), strong.len() + 4));
    }
    if let Some(emphasis) = between("*", "*") {
        return Some((format!("\\fI{}\\fR", prose(emphasis)), emphasis.len() + 2));
    }
    let shown = between("[", "](")?;
    let target = text.get(shown.len() + 3..)?.find(')')?;
    Some((inline(shown), shown.len() + 3 + target + 1))
}

/// The argument of a heading.
fn quoted(title: &str) -> String {
    prose(&title.replace(['`', '*'], "")).replace('"', "\\(dq")
}

/// Where the first sign would be a request of roff's, nothing stands before it.
fn line(roff: &str) -> String {
    if roff.starts_with(['.', '\'']) { format!("\\&{roff}") } else { roff.to_owned() }
}

/// As words are written: a hyphen is a hyphen.
fn prose(text: &str) -> String {
    escaped(text, "-")
}

/// As it is typed.
pub(crate) fn literal(text: &str) -> String {
    escaped(text, "\\-")
}

/// In ASCII, so that no reader need know how it is encoded.
fn escaped(text: &str, hyphen: &str) -> String {
    let mut roff = String::new();
    for c in text.chars() {
        match c {
            '-' => roff.push_str(hyphen),
            '\\' => roff.push_str("\\(rs"),
            '\'' => roff.push_str("\\(aq"),
            '`' => roff.push_str("\\(ga"),
            '^' => roff.push_str("\\(ha"),
            '~' => roff.push_str("\\(ti"),
            c if c.is_ascii() => roff.push(c),
            c => roff.push_str(&format!("\\[u{:04X}]", u32::from(c))),
        }
    }
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(markdown: &str, roff: &str) {
        assert_eq!(to_roff(markdown), format!("{roff}\n"));
    }

    #[test]
    fn paragraphs_are_filled_and_their_code_is_bold() {
        check("Say `-c FILE`,\nor *not*.\n", ".PP\nSay \\fB\\-c FILE\\fR, or \\fInot\\fR.");
        check("See [the file](a.md#b), 2 * 3.", ".PP\nSee the file, 2 * 3.");
    }

    #[test]
    fn lists_keep_their_items_apart() {
        check("- a\n  b\n- c\n\n1. d", ".IP \\(bu 4\na b\n.IP \\(bu 4\nc\n.IP 1 4\nd");
    }

    #[test]
    fn code_is_shown_line_by_line_and_asks_roff_for_nothing() {
        check(
            "```toml\n.a = \"\\\\\"\n\n'b'\n```",
            ".PP\n.in +4n\n.EX\n\\&.a = \"\\(rs\\(rs\"\n\n\\(aqb\\(aq\n.EE\n.in",
        );
    }

    #[test]
    fn a_row_of_a_table_is_a_term() {
        check(
            "| key | modes | default | meaning |\n|---|---|---|---|\n| `a-b` | | 1 | what |\n| `c` | | | why |",
            ".TP\n\\fBa\\-b\\fR\n(default: 1)\n.br\nwhat\n.TP\n\\fBc\\fR\nwhy",
        );
    }

    #[test]
    fn headings_are_sections_and_what_is_not_ascii_has_a_name() {
        check("## µs\n### `[a-b]`", ".SH \"\\[U00B5]S\"\n.SS \"[a-b]\"");
    }
}
