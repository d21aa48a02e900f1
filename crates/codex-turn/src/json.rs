//! Reading JSON that changes from week to week: a missing or odd field is none, never an error.

use std::borrow::Cow;

use otlp_model::UnixNanos;
use serde_json::Value as Json;

/// The value at a path of keys.
pub(crate) fn at<'a>(value: &'a Json, path: &[&str]) -> Option<&'a Json> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

/// The text at a path; an empty text is none.
pub(crate) fn text<'a>(value: &'a Json, path: &[&str]) -> Option<&'a str> {
    at(value, path)?.as_str().filter(|text| !text.is_empty())
}

/// The first text among several keys: fields that were renamed over the years.
pub(crate) fn text_of<'a>(value: &'a Json, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| text(value, &[key]))
}

/// The whole number at a path, also where it is written as a text.
pub(crate) fn number(value: &Json, path: &[&str]) -> Option<u64> {
    whole(at(value, path)?)
}

/// A whole number, also where it is written as a text or as a real number.
pub(crate) fn whole(value: &Json) -> Option<u64> {
    match value {
        Json::Number(number) => {
            number.as_u64().or_else(|| number.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64))
        }
        Json::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A truth value, also where it is written as a text.
pub(crate) fn truth(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(truth) => Some(*truth),
        Json::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// The time at a path, given in milliseconds since the Unix epoch.
pub(crate) fn millis(value: &Json, path: &[&str]) -> Option<UnixNanos> {
    number(value, path).filter(|millis| *millis > 0).map(UnixNanos::from_millis)
}

/// A time in RFC 3339, such as `2026-11-20T22:34:31.733Z`.
pub(crate) fn rfc3339(text: &str) -> Option<UnixNanos> {
    let time = humantime::parse_rfc3339_weak(text).ok()?;
    let nanos = time.duration_since(std::time::UNIX_EPOCH).ok()?.as_nanos();
    u64::try_from(nanos).ok().map(UnixNanos)
}

/// The texts of a content that is one text, or a list of parts with texts, one a line.
pub(crate) fn content_text(content: &Json) -> Option<String> {
    match content {
        Json::String(text) => Some(text.clone()),
        Json::Array(parts) => {
            let texts: Vec<String> = parts.iter().filter_map(part_text).collect();
            (!texts.is_empty()).then(|| texts.join("\n"))
        }
        Json::Object(_) => at(content, &["content"]).and_then(content_text),
        _ => None,
    }
}

/// A text part's text; of an image only that there is one, and its size.
fn part_text(part: &Json) -> Option<String> {
    if let Some(text) = part.as_str().or_else(|| part.get("text").and_then(Json::as_str)) {
        return Some(text.to_owned());
    }
    let kind = text(part, &["type"])?;
    let url = text(part, &["image_url"]).or_else(|| text(part, &["image_url", "url"]));
    let size = url.map_or(0, str::len);
    kind.contains("image").then(|| format!("<{kind}: {size} bytes>"))
}

/// A URL without the user name and password that it may carry.
pub(crate) fn without_credentials(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else { return url.into() };
    let host_end = rest.find('/').unwrap_or(rest.len());
    match rest[..host_end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]).into(),
        None => url.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_stay_here() {
        let check = |url, expected| assert_eq!(without_credentials(url), expected);
        check("https://ada:s3cret@example.com/a/b.git", "https://example.com/a/b.git");
        check("https://token@example.com", "https://example.com");
        check("https://example.com/a@b", "https://example.com/a@b");
        check("git@example.com:a/b.git", "git@example.com:a/b.git");
    }
}
