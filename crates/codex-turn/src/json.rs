//! Reading JSON that changes from week to week: a missing or odd field is none, never an error.

use std::borrow::Cow;

use otlp_model::{UnixNanos, cut};
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

/// A text part's text; of an image only its type and size, or where it is.
fn part_text(part: &Json) -> Option<String> {
    if let Some(text) = part.as_str().or_else(|| part.get("text").and_then(Json::as_str)) {
        return Some(text.to_owned());
    }
    if !text(part, &["type"])?.contains("image") {
        return None;
    }
    let url = text(part, &["image_url"]).or_else(|| text(part, &["image_url", "url"]));
    let inline = url.and_then(|url| url.strip_prefix("data:")?.split_once(";base64,"));
    // What stands before the base64 counts where the text of the URL was cut.
    let inline = inline.map(|(media_type, base64)| {
        let before = "data:".len() + media_type.len() + ";base64,".len();
        (media_type, base64, before)
    });
    let attached = || Some((text(part, &["mimeType"])?, text(part, &["data"])?, 0));
    Some(match (inline.or_else(attached), url.or(text(part, &["path"]))) {
        (Some((media_type, base64, before)), _) => {
            let length = match cut::parts(base64) {
                (_, Some(whole)) => whole.saturating_sub(before as u64),
                (whole, None) => whole.trim_end_matches('=').len() as u64,
            };
            format!("<image: {media_type}, {} bytes>", length / 4 * 3 + length % 4 * 3 / 4)
        }
        // The content of an image that is no base64, or was cut before it.
        (None, Some(url)) if url.starts_with("data:") => "<image>".to_owned(),
        // What follows a question mark may be a signature that opens the door.
        (None, Some(place)) => {
            format!("<image: {}>", without_credentials(place.split('?').next()?))
        }
        (None, None) => "<image>".to_owned(),
    })
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
    use serde_json::json;

    use super::*;
    use crate::line::{Line, ReadLine};

    #[test]
    fn credentials_stay_here() {
        let check = |url, expected| assert_eq!(without_credentials(url), expected);
        check("https://ada:s3cret@example.com/a/b.git", "https://example.com/a/b.git");
        check("https://token@example.com", "https://example.com");
        check("https://example.com/a@b", "https://example.com/a@b");
        check("git@example.com:a/b.git", "git@example.com:a/b.git");
    }

    #[test]
    fn an_image_becomes_its_type_and_size() {
        let check = |part: Json, expected: &str| {
            assert_eq!(content_text(&Json::Array(vec![part])).as_deref(), Some(expected));
        };
        let inline = "data:image/png;base64,iVBORw0KGg==";
        let placeholder = "<image: image/png, 7 bytes>";
        check(json!({ "type": "input_image", "image_url": inline }), placeholder);
        check(json!({ "type": "image_url", "image_url": { "url": inline } }), placeholder);
        check(
            json!({ "type": "image", "mimeType": "image/png", "data": "iVBORw0KGg==" }),
            placeholder,
        );
        for (limit, expected) in [
            (64 * 1024, "<image: image/png, 225000 bytes>"),
            (22, "<image: image/png, 225000 bytes>"),
            (10, "<image>"),
        ] {
            let data = |before: &str| format!("{before}{}", "iVBO".repeat(75_000));
            let read = |part: Json| {
                let mut line = Line::new(limit);
                line.push(part.to_string().as_bytes());
                let ReadLine::Kept(kept) = line.read() else { panic!("too long") };
                content_text(&serde_json::from_slice(kept).unwrap()).unwrap()
            };
            // Short names, which a small limit leaves whole.
            let url = json!([{ "type": "image", "image_url": data("data:image/png;base64,") }]);
            assert_eq!(read(url), expected, "{limit}");
            let attached = json!([{ "type": "image", "mimeType": "image/png", "data": data("") }]);
            assert_eq!(read(attached), "<image: image/png, 225000 bytes>", "{limit}");
        }
        let signed = "https://me@example.com/a.png?signature=1";
        let placeholder = "<image: https://example.com/a.png>";
        check(json!({ "type": "input_image", "image_url": signed }), placeholder);
        check(json!({ "type": "local_image", "path": "/tmp/a.png" }), "<image: /tmp/a.png>");
        check(json!({ "type": "image", "file_id": "f" }), "<image>");
    }
}
