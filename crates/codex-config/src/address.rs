//! Addresses that may be shown.

const MASK: &str = "***";

/// Hides what the addresses in a text may hold of credentials: all before an `@`, and the query.
pub fn mask_addresses(text: &str) -> String {
    let mut parts = text.split("://");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for rest in parts {
        let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`');
        let (address, behind) = rest.split_at(rest.find(is_end).unwrap_or(rest.len()));
        shown.extend(["://", &masked(address), behind]);
    }
    shown
}

/// Does the same to one address, which should have a scheme and may have none.
pub(crate) fn mask_address(address: &str) -> String {
    if address.contains("://") { mask_addresses(address) } else { masked(address) }
}

/// Of what follows the scheme.
fn masked(address: &str) -> String {
    let (user, place) = match address.rsplit_once('@') {
        Some((_, place)) => (format!("{MASK}@"), place),
        None => (String::new(), address),
    };
    match place.find('?') {
        Some(query) => format!("{user}{}{MASK}", &place[..=query]),
        None => format!("{user}{place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_do_not_show_and_all_else_does() {
        for (text, shown) in [
            ("http://localhost:6006/a", "http://localhost:6006/a"),
            ("a: \"https://me:se/c@ret@h/a?key=k\" # b", "a: \"https://***@h/a?***\" # b"),
            ("http://a?u=http://me:k@b, http://c", "http://a?***://***@b, http://c"),
            ("user_id: ada@example.com", "user_id: ada@example.com"),
        ] {
            assert_eq!(mask_addresses(text), shown);
        }
        assert_eq!(mask_address("me:secret@h:1"), "***@h:1");
        assert_eq!(mask_address("h:1?key=k"), "h:1?***");
        assert_eq!(mask_address("ftp://me:secret@h"), "ftp://***@h");
    }
}
