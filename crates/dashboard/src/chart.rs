//! Charts that are drawn on the server. Each has its numbers as a table beside it, or as a title.

use maud::{Markup, html};

/// A value and what it is of.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: f64,
    /// The value as people read it.
    pub(crate) shown: String,
}

/// Width and height of a chart of columns, in its own units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 120.0;

/// Columns in the order of time.
pub(crate) fn columns(title: &str, bars: &[Bar]) -> Markup {
    let most = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    if bars.len() < 2 || most <= 0.0 {
        return html! {};
    }
    let step = WIDTH / bars.len() as f64;
    let highest = bars.iter().max_by(|a, b| a.value.total_cmp(&b.value));
    html! {
        figure.chart {
            figcaption { (title) @if let Some(bar) = highest { span.note { ", at most " (bar.shown) } } }
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(title) {
                @for (nth, bar) in bars.iter().enumerate() {
                    @let height = (bar.value / most * HEIGHT).max(if bar.value > 0.0 { 1.0 } else { 0.0 });
                    rect x=(number(nth as f64 * step + step * 0.1)) y=(number(HEIGHT - height)) width=(number(step * 0.8)) height=(number(height)) {
                        title { (bar.label) ": " (bar.shown) }
                    }
                }
            }
            p.ends { span { (bars[0].label) } span { (bars[bars.len() - 1].label) } }
        }
    }
}

/// A bar for a cell of a table: the share of the largest value.
pub(crate) fn share(value: f64, most: f64) -> Markup {
    let width = if most > 0.0 { (value / most * 100.0).clamp(0.0, 100.0) } else { 0.0 };
    html! {
        svg.share viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect width=(number(width)) height="8" {}
        }
    }
}

fn number(value: f64) -> String {
    format!("{value:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_their_values_as_text() {
        let bar = |label: &str, value: f64| Bar {
            label: label.to_owned(),
            value,
            shown: format!("<{value}>"),
        };
        let chart = columns("Cost", &[bar("a", 1.0), bar("b", 4.0), bar("c", 0.0)]).into_string();
        assert_eq!(chart.matches("<rect").count(), 3);
        assert!(chart.contains("<title>b: &lt;4&gt;</title>"), "{chart}");
        assert!(chart.contains("at most &lt;4&gt;"));
        assert!(columns("Cost", &[bar("a", 1.0)]).into_string().is_empty());
        assert!(share(1.0, 4.0).into_string().contains("width=\"25.00\""));
    }
}
