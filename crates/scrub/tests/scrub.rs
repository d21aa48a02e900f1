//! What is scrubbed, and what is not.

use scrub::Scrubber;

fn scrubber() -> Scrubber {
    Scrubber::new([7; 32], &["badge_no".to_owned()])
}

/// Expects the text, in which `«…»` encloses each secret, to lose exactly those. `rule` is the one that
/// the first placeholder names.
#[track_caller]
fn check(rule: &str, marked: &str) {
    let text = marked.replace(['«', '»'], "");
    let scrubbed = scrubber().scrub(&text);
    let mut parts = marked.split(['«', '»']);
    let mut rest: &str = &scrubbed.text;
    let mut secrets = 0;
    while let Some(kept) = parts.next() {
        rest = rest.strip_prefix(kept).unwrap_or_else(|| panic!("{}\n{marked}", scrubbed.text));
        if parts.next().is_some() {
            let placeholder = rest.strip_prefix("[scrubbed:").and_then(|rest| rest.split_once(':'));
            let (name, hash) = placeholder.unwrap_or_else(|| panic!("{}\n{marked}", scrubbed.text));
            assert!(secrets > 0 || name == rule, "{name} in the place of {rule}: {marked}");
            rest = &hash[9..];
            secrets += 1;
        }
    }
    assert_eq!((rest, scrubbed.secrets), ("", secrets), "{}", scrubbed.text);
}

const GITHUB: &str = "ghp_k3JfXq81LmZt0PwYb7RsUdAe5HcVg2NoTi4K";
const JWT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkEifQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";

#[test]
fn tokens_by_their_shape() {
    let alike = "k3JfXq81LmZt0PwYb7RsUdAe5HcVg2NoTi4KvB9xW6QyEo1DzMn";
    for (rule, token) in [
        ("github-pat", GITHUB.to_owned()),
        ("github-app-token", GITHUB.replace("ghp", "ghs")),
        ("github-fine-grained-pat", format!("github_pat_{alike}{}", &alike[..31])),
        ("gitlab-pat", format!("glpat-{}", &alike[..20])),
        ("secret-key", format!("sk-proj-{alike}")),
        ("secret-key", format!("sk-ant-api03-{alike}")),
        ("secret-key", format!("sk-{}T3BlbkFJ{}", &alike[..20], &alike[20..40])),
        ("aws-access-token", "AKIAQ3EGRTZN5XKPWM4B".to_owned()),
        ("gcp-api-key", format!("AIza{}", &alike[..35])),
        ("azure-ad-client-secret", format!("k3J8Q~{}", &alike[..34])),
        ("slack-bot-token", "xoxb-123456789012-1234567890123-k3JfXq81LmZt0PwYb7RsUdAe".to_owned()),
        (
            "slack-user-token",
            "xoxp-123456789012-123456789012-123456789012-k3JfXq81LmZt0PwYb7RsUdAe5HcVg2".to_owned(),
        ),
        ("stripe-access-token", format!("sk_live_{}", &alike[..24])),
        ("npm-access-token", format!("npm_{}", &alike[..36])),
        ("pypi-upload-token", format!("pypi-AgEIcHlwaS5vcmc{alike}")),
        ("huggingface-access-token", "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".to_owned()),
        ("jwt", JWT.to_owned()),
    ] {
        for [before, after] in [
            ["", ""],
            ["use ", " now"],
            ["(", ")"],
            ["see ", "."],
            ["\"", "\","],
            ["a\n", "\nb"],
            [r#"{"cmd": "echo\n"#, r#"\n"}"#],
            ["export X=", ""],
            ["https://h/x?t=", "&y=1"],
        ] {
            check(rule, &format!("{before}«{token}»{after}"));
        }
    }
}

#[test]
fn values_by_their_name() {
    for (rule, marked) in [
        ("password", r#"{"password": "«hunter2»", "user": "x"}"#),
        ("password", r#"{"spring.datasource.password": "«hunter2»", "x.y": "z"}"#),
        ("password", r#"{\"db.password\":\"«hunter2»\"}"#),
        ("password", r#"settings["db.password"] = "«hunter2»""#),
        ("password", r#"{"password": "«correct horse battery»"}"#),
        ("password", r#"{"password": "«abc\\»", "b": "c"}"#),
        ("password", r#"{"password":"«say \"abc\" »","b":1}"#),
        ("api-key", r#"{"args": "{\"api_key\": \"«a8f5f167f44f»\"}"}"#),
        ("password", r#"{"a": "{\"b\": \"{\\\"password\\\": \\\"«hunter2»\\\"}\"}"}"#),
        ("password", "DB_PASSWORD=«hunter2»\nDB_HOST=h"),
        ("password", "export DB_PASS=«correcthorse»; run"),
        ("password", "MYSQL_PWD='«p4ss w0rd»' mysql"),
        ("secret", "client_secret = \"«fjord-42-blue»\""),
        ("password", "password: «hunter2»\n"),
        ("access-key", "AWS_SECRET_ACCESS_KEY=«wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzzzz»"),
        (
            "account-key",
            "AccountName=x;AccountKey=«k3JfXq81LmZt0PwYb7RsUdAe5HcVg2No+/Ti4KvB==»;End=1",
        ),
        ("token", "tool --token «a8f5f167f44f4964» --verbose"),
        ("token", r#"["tool", "--token", "«a8f5f167f44f4964»"]"#),
        ("password", "tool --password=«hunter2» x"),
        ("authorization", "curl -H 'Authorization: Bearer «abc.def-123456»' https://h"),
        ("authorization", "Authorization: Basic «dXNlcjpwYXNzd29yZA==»\r\nHost: h"),
        ("api-key", r#"{"headers": {"X-API-Key": "«a8f5f167f44f»"}}"#),
        ("cookie", "Cookie: «sid=a8f5f167f44f; theme=1»\nx"),
        ("bearer-token", "with bearer «a8f5f167f44f4964e6c998dee827110c»"),
        ("url-password", "git clone https://me:«hunter2»@github.com/a/b.git"),
        ("url-password", "postgres://app:«p:ss»@db:5432/x?sslmode=off"),
        ("configured", "badge_no: \"«4711»\""),
        ("password", "<server><password>«hunter2»</password></server>"),
        ("password", "machine h login me password «hunter2»\nmachine i"),
        ("password", "ALTER USER me WITH PASSWORD '«hunter2»';"),
        ("password", "requirepass «a8f5f167f44f»\nport 1"),
        ("password", r#"{"user": "me", "pass": "«a8f5f167f44f»"}"#),
        ("authorization", r#"{"auths": {"https://h/v1/": {"auth": "«bWU6aHVudGVyMg==»"}}}"#),
        ("authorization", "_auth=«bWU6aHVudGVyMg==»\n"),
        ("authorization", "_auth=«dXNlcjpwYXNzd29yZFhY»\n"),
        ("secret-key", "secret_key_base: «3f786850e387550fdab836ed7e6dc881de23001b»"),
        ("token", "set -gx GITHUB_TOKEN «0a1b2c3d4e»\n"),
        (
            "presigned-url",
            "https://h/k?X-Amz-Signature=«3f786850e387550fdab836ed7e6dc881de23001b3f786850e387550fdab836ed»&a=1",
        ),
        ("token", "the variable GITHUB_TOKEN=«0a1b2c3d4e» is set"),
    ] {
        check(rule, marked);
    }
}

#[test]
fn passwords_on_command_lines() {
    for marked in [
        "curl -u me:«hunter2» https://h/x",
        "curl -s https://h \\\n  --user 'me:«p4ss w0rd»' -o x",
        "curl -ume:«hunter2» https://h",
        r#"{"cmd": "curl https://h \\\n -u me:«hunter2»\nls"}"#,
        r#"["curl", "--proxy-user", "me:«hunter2»"]"#,
        "sshpass -p «hunter2» ssh me@h",
        "mysqldump -u root -p«hunter2» shop",
        "docker login -u me -p «hunter2» registry.example",
        "redis-cli -h cache -a «hunter2» ping",
        "CREATE USER me IDENTIFIED BY '«hunter2»';",
    ] {
        check("password", marked);
    }
    for text in [
        "curl -u $USER:$PASSWORD https://h",
        "curl -o me:x https://h; id -u me:hunter2",
        "docker run -p 8080:80 mysql -p3306:3306",
        "gh auth login -p https",
        "libcurl -u me:hunter2",
        "it is identified by number4711",
        "curl -v https://h\nssh -p hunter2",
        // As Windows ends lines: the search for arguments has to end, too.
        "curl \r\n -u me",
    ] {
        let scrubbed = scrubber().scrub(text);
        assert_eq!((&*scrubbed.text, scrubbed.secrets), (text, 0));
    }
}

#[test]
fn a_number_that_is_a_secret_becomes_a_text_in_json() {
    let scrubbed = scrubber().scrub(r#"{"password": 12345678, "n": 1}"#);
    let json: serde_json::Value = serde_json::from_str(&scrubbed.text).unwrap();
    assert!(json["password"].as_str().unwrap().starts_with("[scrubbed:password:"), "{json}");
}

#[test]
fn private_keys_whole_escaped_and_cut_off() {
    let body = "MIIEpAIBAAKCAQEAk3JfXq81LmZt0PwYb7RsUdAe5HcVg2NoTi4KvB9xW6QyEo1D\n".repeat(3);
    let key = format!("-----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY-----");
    check("private-key", &format!("a\n«{key}»\nb"));
    check("private-key", &format!("{{\"k\": \"«{}»\\n\"}}", key.replace('\n', "\\n")));
    check("private-key", &format!("x «-----BEGIN PRIVATE KEY-----\n{}»\n[cut]", body.trim_end()));
    check("", "\"-----BEGIN PRIVATE KEY-----\" is how it begins");
    check("", "-----BEGIN CERTIFICATE-----\nMIIEpAIBAAKCAQEAk3JfXq81LmZt0PwYb7RsUdAe5HcVg2NoTi4K");
}

#[test]
fn what_only_looks_like_a_secret_stays() {
    let image = format!(
        "data:image/png;base64,{}EAAAk3JfXq81LmZt0PwYb7RsUdAe+",
        "iVBORw0KGgo/AAAA".repeat(40)
    );
    for text in [
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "id 01a1fb18-d745-76d3-8970-09f42d282b2f, trace 8f997398c0a639f4f157e73cb3e837aa",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "/home/you/.codex/sessions/2026/11/20/rollout-2026-11-20T22-34-31-01a1fb18.jsonl",
        "let token = self.next_token()?;",
        "authorization: Option<HeaderValue>,",
        "authorization: CSIdentityAuthorization,",
        "SO_NETNS_COOKIE: c_int = 0x00000049;",
        "Token::Array1OfThings => {}",
        "let token = MockTerminalToken9::new();",
        "return token == FirstTokenInTheLine",
        "password: String,",
        "fn login(password: &str, api_key: Option<String>)",
        "token: tokens[i1].clone(),",
        "api_key = os.environ[\"OPENAI_API_KEY\"]",
        "api_key=config.api_key2,",
        "{\"max_tokens\": 4096, \"input_token_count\": \"1000\", \"next_token\": \"eyJzIjoiYWJjMTIzIn0\"}",
        "{\"token\": \"identifier\", \"kind\": 3}",
        "PASSWORD=$DB_PASSWORD",
        "password: \"<your password>\"",
        "{\"password\": {\"type\": \"string\"}}",
        "{\"type\": \"password\", \"password\": \"string\"}",
        "API_KEY=your-api-key-here-1",
        "password=********",
        "export TOKEN=${TOKEN:-}",
        "PWD=/home/you/project-1",
        "the password is wrong",
        "the password step2 is wrong",
        "<password>${env.PASSWORD}</password>",
        "redis://:<password>@host/0, PASSWORD 0x0020",
        "`<password>` or `<your-db-password>`",
        "{\"auth\": \"oauth2-pkce\"}, auth: OAuth2Session2",
        "first pass: 12345678ab, bypass=12345678ab",
        "Authorization: The server wants a header",
        "ssh://git@github.com/a/b.git",
        "http://localhost:6006/v1/traces",
        "git@github.com:a/b.git",
        "task-list-with-a-very-long-name-and-words-only-in-it-really",
        "risk-of-something-that-goes-on-and-on-and-on",
        "lip_synchronisation_offset_of_frame ",
        "tss_create_session_with_options ",
        &image,
    ] {
        let scrubbed = scrubber().scrub(text);
        assert_eq!((&*scrubbed.text, scrubbed.secrets), (text, 0));
    }
}

#[test]
fn equal_secrets_compare_and_the_salt_decides_how() {
    let text = format!("{GITHUB} {GITHUB} {}", GITHUB.replace("k3", "k4"));
    let scrubbed = scrubber().scrub(&text);
    let words: Vec<&str> = scrubbed.text.split(' ').collect();
    assert_eq!(scrubbed.secrets, 3);
    assert_eq!(words[0], words[1]);
    assert_ne!(words[0], words[2]);
    assert_ne!(Scrubber::new([8; 32], &[]).scrub(&text).text, scrubbed.text);
}

/// Where replacing in the text as a whole breaks its JSON, each value is scrubbed by itself; what only its
/// name makes a secret is found all the same.
#[test]
fn a_name_makes_a_secret_also_where_values_are_scrubbed_one_by_one() {
    let scrubber = Scrubber::new([7; 32], &[]);
    let text = r#"[{"--token":-100000046316374,"password":"tokena\"https://password\n"}]"#;
    let once = scrubber.scrub(text);
    assert!(
        !once.text.contains("tokena") && !once.text.contains("100000046316374"),
        "{}",
        once.text
    );
    assert!(serde_json::from_str::<serde_json::Value>(&once.text).is_ok(), "{}", once.text);
    assert_eq!(scrubber.scrub(&once.text).text, once.text);
}
