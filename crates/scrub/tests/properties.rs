//! What holds for every text.

use std::sync::LazyLock;

use proptest::prelude::*;
use scrub::Scrubber;

static SCRUBBER: LazyLock<Scrubber> =
    LazyLock::new(|| Scrubber::new([1; 32], &["host".to_owned()]));

/// Pieces that rules look at, secrets among them, and anything else.
fn piece() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "password",
        "PASSWORD",
        "\"api_key\"",
        "token",
        "--token",
        "Authorization",
        "Cookie",
        "secret",
        "curl",
        " -u ",
        "docker login -p ",
        "identified by ",
        "pass",
        "<password>",
        "-x API_KEY",
        "=",
        ":",
        ": ",
        "=>",
        " ",
        "\n",
        "\\n",
        "\"",
        "\\\"",
        "\\\\\\\"",
        "'",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        "Bearer ",
        "https://",
        "me:",
        "@host",
        "hunter2",
        "12345678",
        "a8f5f167f44f4964e6c998dee827110c",
        "ghp_k3JfXq81LmZt0PwYb7RsUdAe5HcVg2NoTi4K",
        "sk-",
        "AKIAQ3EGRTZN5XKPWM4B",
        "xoxb-",
        "eyJhbGciOiJIUzI1",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "MIIEpAIBAAKCAQEAk3JfXq81LmZt0PwYb7Rs",
        "[scrubbed:token:0123abcd]",
        "[scrubbed:",
        "ü",
        "\u{0}",
        "🦀",
    ]);
    prop_oneof![4 => pieces.prop_map(str::to_owned), 1 => "[ -~]{0,12}", 1 => any::<String>()]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..24).prop_map(|pieces| pieces.concat())
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        text().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        let name = prop_oneof![Just("password".to_owned()), Just("api_key".to_owned()), piece()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::vec((name, inner), 0..6)
                .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn scrubbing_again_changes_nothing(text in text()) {
        let once = SCRUBBER.scrub(&text);
        let twice = SCRUBBER.scrub(&once.text);
        prop_assert_eq!((&twice.text, twice.secrets), (&once.text, 0), "{:?}", text);
    }

    #[test]
    fn json_stays_json(value in json(), levels in 0..3) {
        let mut text = value.to_string();
        for _ in 0..levels {
            text = serde_json::json!({ "arguments": text }).to_string();
        }
        let scrubbed = SCRUBBER.scrub(&text).text;
        let parsed = serde_json::from_str::<serde_json::Value>(&scrubbed);
        prop_assert!(parsed.is_ok(), "{text}\n{scrubbed}");
        let again = SCRUBBER.scrub(&scrubbed).text;
        prop_assert_eq!(&again, &scrubbed, "{}", text);
    }

    #[test]
    fn a_token_is_gone_wherever_it_stands(before in text(), after in text()) {
        let token = "ghp_k3JfXq81LmZt0PwYb7RsUdAe5HcVg2NoTi4K";
        let text = format!("{before} {token} {after}");
        let scrubbed = SCRUBBER.scrub(&text).text;
        prop_assert!(!scrubbed.contains(token), "{text}\n{scrubbed}");
    }
}
