//! What all pages have in common.

use axum::response::Html;
use maud::{DOCTYPE, Markup, html};

use crate::assets;

/// What a page does when there is something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Live {
    /// It stays as it is.
    No,
    /// It says so.
    Tell,
    /// It shows it.
    Follow,
}

/// A page with the navigation; one that is live says when there is something new.
pub(super) fn page(title: &str, is_live: bool, body: &Markup) -> Html<String> {
    live_page(title, if is_live { Live::Tell } else { Live::No }, body)
}

/// A page with the navigation.
pub(super) fn live_page(title: &str, live: Live, body: &Markup) -> Html<String> {
    let live = match live {
        Live::No => None,
        Live::Tell => Some("tell"),
        Live::Follow => Some("follow"),
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                (head(title))
                script type="module" src=(assets::script_path()) {}
            }
            body data-live=[live] {
                a.skip href="#main" { "To the content" }
                header.top {
                    a.home href="/" { "arize-codex" }
                    nav { a href="/" { "Home" } " " a href="/turns" { "Turns" } " " a href="/usage" { "Usage" } " " a href="/compare" { "Compare" } " " a href="/health" { "Health" } }
                    button.theme type="button" hidden { "dark / light" }
                    button.help type="button" hidden aria-label="keys" { "?" }
                }
                p.news role="status" hidden { a href="" { "There is something new: load it" } }
                main id="main" { (body) }
                dialog.keys {
                    h2 { "Keys" }
                    dl {
                        dt { "j, k or ↓, ↑" } dd { "next, previous" }
                        dt { "Enter" } dd { "open" }
                        dt { "g" } dd { "all turns" }
                        dt { "/" } dd { "search" }
                        dt { "t" } dd { "dark or light" }
                        dt { "?" } dd { "this help" }
                    }
                    form method="dialog" { button { "close" } }
                }
            }
        }
    };
    Html(page.into_string())
}

/// A page for a browser without a session, or of an error: only text.
pub(super) fn bare(title: &str, body: &Markup) -> Html<String> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { (head(title)) }
            body { main { h1 { (title) } (body) } }
        }
    };
    Html(page.into_string())
}

fn head(title: &str) -> Markup {
    html! {
        meta charset="utf-8";
        meta name="viewport" content="width=device-width, initial-scale=1";
        meta name="color-scheme" content="light dark";
        title { (title) " · arize-codex" }
        link rel="stylesheet" href=(assets::style_path());
    }
}
