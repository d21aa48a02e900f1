//! Answers of models, which are Markdown, as a page: without raw HTML, without anything that is loaded.

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::text::visible;

/// Elements within each other beyond this are written as text.
const DEEPEST: usize = 32;

pub(crate) fn page(text: &str) -> Markup {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut page = Page::default();
    for event in Parser::new_ext(text, options) {
        page.event(event);
    }
    while let Some(end) = page.open.pop() {
        page.html.push_str(end);
    }
    html! { div.markdown { (PreEscaped(page.html)) } }
}

#[derive(Default)]
struct Page {
    html: String,
    /// How what is open ends.
    open: Vec<&'static str>,
    /// The addresses of links and images that are open.
    addresses: Vec<String>,
    /// How many elements are open that were not written.
    too_deep: usize,
}

impl Page {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::Code(text) => {
                self.html.push_str(&html! { code { (visible(&text)) } }.into_string());
            }
            Event::SoftBreak => self.html.push('\n'),
            Event::HardBreak => self.html.push_str("<br>"),
            Event::Rule => self.html.push_str("<hr>"),
            Event::TaskListMarker(done) => self.text(if done { "[x] " } else { "[ ] " }),
            Event::FootnoteReference(name) => self.text(&format!("[^{name}]")),
            Event::InlineMath(text) | Event::DisplayMath(text) => self.text(&text),
        }
    }

    fn text(&mut self, text: &str) {
        self.html.push_str(&visible(text).into_string());
    }

    fn start(&mut self, tag: Tag<'_>) {
        if self.open.len() >= DEEPEST {
            self.too_deep += 1;
            return;
        }
        let (start, end) = match tag {
            Tag::Paragraph => ("<p>", "</p>"),
            // The page has its own headings.
            Tag::Heading { .. } => ("<p class=\"heading\">", "</p>"),
            Tag::BlockQuote(_) => ("<blockquote>", "</blockquote>"),
            Tag::CodeBlock(kind) => {
                if let CodeBlockKind::Fenced(language) = kind
                    && !language.is_empty()
                {
                    let name = html! { span.language { (visible(&language)) } };
                    self.html.push_str(&name.into_string());
                }
                ("<pre>", "</pre>")
            }
            Tag::List(Some(_)) => ("<ol>", "</ol>"),
            Tag::List(None) => ("<ul>", "</ul>"),
            Tag::Item => ("<li>", "</li>"),
            Tag::Emphasis => ("<em>", "</em>"),
            Tag::Strong => ("<strong>", "</strong>"),
            Tag::Strikethrough => ("<s>", "</s>"),
            Tag::Table(_) => ("<table>", "</table>"),
            Tag::TableHead | Tag::TableRow => ("<tr>", "</tr>"),
            Tag::TableCell => ("<td>", "</td>"),
            Tag::Link { dest_url, .. } => {
                let address = is_web(&dest_url).then(|| dest_url.to_string());
                let link = address.as_ref().map_or(String::new(), |address| {
                    let attribute = html! { (address) }.into_string();
                    format!(
                        "<a rel=\"noreferrer noopener\" target=\"_blank\" href=\"{attribute}\">"
                    )
                });
                self.html.push_str(&link);
                self.addresses.push(dest_url.to_string());
                ("", if address.is_some() { "</a>" } else { "" })
            }
            Tag::Image { dest_url, .. } => {
                self.text("[image: ");
                self.addresses.push(dest_url.to_string());
                ("", "")
            }
            _ => ("", ""),
        };
        self.html.push_str(start);
        self.open.push(end);
    }

    fn end(&mut self, tag: TagEnd) {
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        let end = self.open.pop().unwrap_or_default();
        self.html.push_str(end);
        match tag {
            // A link says where it leads.
            TagEnd::Link => {
                let address = self.addresses.pop().unwrap_or_default();
                self.html.push_str(
                    &html! { span.address { " (" (visible(&address)) ")" } }.into_string(),
                );
            }
            TagEnd::Image => {
                let address = self.addresses.pop().unwrap_or_default();
                self.text(&format!(" {address}]"));
            }
            _ => {}
        }
    }
}

fn is_web(address: &str) -> bool {
    let scheme = address.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let is_plain = address.chars().all(|character| character.is_ascii_graphic());
    is_plain && scheme.is_some_and(|scheme| ["http", "https"].contains(&scheme.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let page = page(text).into_string();
        let page = page.strip_prefix("<div class=\"markdown\">").unwrap();
        assert_eq!(page.strip_suffix("</div>").unwrap(), expected);
    }

    #[test]
    fn the_usual_marks_become_elements() {
        check(
            "# A\n\nb *c* **d** `e`",
            "<p class=\"heading\">A</p><p>b <em>c</em> <strong>d</strong> <code>e</code></p>",
        );
        check("- a\n- b", "<ul><li>a</li><li>b</li></ul>");
        check("```sh\nls <x>\n```", "<span class=\"language\">sh</span><pre>ls &lt;x&gt;\n</pre>");
    }

    #[test]
    fn html_is_text() {
        check("a <b onclick=\"x\">c</b>", "<p>a &lt;b onclick=&quot;x&quot;&gt;c&lt;/b&gt;</p>");
        check("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;");
    }

    #[test]
    fn links_say_where_they_lead_and_images_are_not_loaded() {
        let quoted = page("[a](https://x.example/\"q)").into_string();
        assert!(quoted.contains("href=\"https://x.example/&quot;q\">a</a>"), "{quoted}");
        check(
            "[a](https://x.example/?a=1&b)",
            "<p><a rel=\"noreferrer noopener\" target=\"_blank\" href=\"https://x.example/?a=1&amp;b\">a</a><span class=\"address\"> (https://x.example/?a=1&amp;b)</span></p>",
        );
        check(
            "[a](javascript:alert(1))",
            "<p>a<span class=\"address\"> (javascript:alert(1))</span></p>",
        );
        check("![a](https://x.example/p.png)", "<p>[image: a https://x.example/p.png]</p>");
    }

    #[test]
    fn elements_are_closed_however_deep_they_are() {
        let deep = format!("{}a", "> ".repeat(500));
        let page = page(&deep).into_string();
        assert_eq!(page.matches("<blockquote>").count(), page.matches("</blockquote>").count());
    }
}
