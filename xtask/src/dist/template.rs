//! Texts of `packaging/` with `@NAME@` in the place of what only a release knows.

use anyhow::bail;

/// Fills a template in. A name that is left over, or not there, is an error.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> anyhow::Result<String> {
    let mut text = template.to_owned();
    for (name, value) in values {
        let place = format!("@{name}@");
        if !text.contains(&place) {
            bail!("the template has no {place}");
        }
        text = text.replace(&place, value);
    }
    if let Some(left) = first_place(&text) {
        bail!("the template has {left}, which nothing fills in");
    }
    Ok(text)
}

/// The first `@NAME@` of a text.
fn first_place(text: &str) -> Option<&str> {
    let is_name = |c: char| c.is_ascii_uppercase() || c == '_';
    text.match_indices('@').find_map(|(at, _)| {
        let rest = &text[at + 1..];
        let end = rest.find(|c| !is_name(c))?;
        (end > 0 && rest[end..].starts_with('@')).then(|| &text[at..at + end + 2])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_all_or_fails() {
        let text = fill("a @VERSION@ of x@y, @VERSION@", &[("VERSION", "1")]);
        assert_eq!(text.unwrap(), "a 1 of x@y, 1");
        let left = fill("@A_B@ @ @", &[]).unwrap_err();
        assert_eq!(left.to_string(), "the template has @A_B@, which nothing fills in");
        assert!(fill("nothing", &[("VERSION", "1")]).is_err());
    }
}
