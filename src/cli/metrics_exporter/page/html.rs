//! Text that cannot become markup: whatever is not written here in the source is escaped. Knows no page.

/// A piece of a page.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup. Only what is in the source can be.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Words and numbers, also between the quotes of an attribute.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // These would turn the text around them.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => self.0.push('\u{fffd}'),
                c if c.is_control() => self.0.push(' '),
                c => self.0.push(c),
            }
        }
        self
    }

    /// All of it.
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// The template with its places filled, each once; what fills one is not looked through for places.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut parts = template.split("{{");
    let mut page = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("}}").unwrap_or((part, ""));
        let value = values.iter().find(|(place, _)| *place == name);
        page.push_str(value.map_or("", |(_, value)| value));
        page.push_str(rest);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_elsewhere_is_no_markup() {
        let mut html = Html::default();
        html.raw("<b title=\"").text("\"><script>'&\n\u{202e}\0").raw("\">");
        assert_eq!(html.into_string(), "<b title=\"&quot;&gt;&lt;script&gt;&#39;&amp; \u{fffd} \">");
    }

    #[test]
    fn a_value_that_looks_like_a_place_is_not_one() {
        assert_eq!(fill("{{a}}-{{b}}-{{c}}", &[("a", "{{b}}"), ("b", "2")]), "{{b}}-2-");
    }
}
