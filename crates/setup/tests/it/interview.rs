//! What is asked, and what the answers lead to.

use std::collections::VecDeque;

use codex_config::Secret;
use expect_test::expect;
use setup::ask::{Ask, AskError};
use setup::{Answers, Backend, Content, ExistingOtel, Header, Request};

use crate::home::{Home, quiet};

/// A person who gives these answers in this order, and then takes what is proposed.
#[derive(Default)]
struct Person {
    says: VecDeque<&'static str>,
    asked: String,
}

impl Person {
    fn says(words: &[&'static str]) -> Self {
        Self { says: words.iter().copied().collect(), ..Self::default() }
    }

    /// Hears a question and says something, unless that is nothing.
    fn hear(&mut self, question: &str) -> Option<&'static str> {
        self.asked.push_str(question);
        self.asked.push('\n');
        self.says.pop_front().filter(|word| !word.is_empty())
    }
}

impl Ask for Person {
    fn choose(
        &mut self,
        question: &str,
        options: &[String],
        proposed: usize,
    ) -> Result<usize, AskError> {
        let options_shown: Vec<_> =
            options.iter().map(|option| option.split("  ").next().unwrap()).collect();
        let heard = format!("{question} [{}] {}", options_shown.join("|"), options_shown[proposed]);
        let said = self.hear(&heard);
        Ok(said.map_or(proposed, |word| {
            options.iter().position(|option| option.starts_with(word)).expect(word)
        }))
    }

    fn text(
        &mut self,
        question: &str,
        proposed: &str,
        _: &str,
        check: fn(&str) -> Result<(), String>,
    ) -> Result<String, AskError> {
        let said = self.hear(&format!("{question}: {proposed}")).unwrap_or(proposed);
        check(said).expect(said);
        Ok(said.to_owned())
    }

    fn secret(&mut self, question: &str, help: &str) -> Result<Option<Secret>, AskError> {
        Ok(self.hear(&format!("{question} ({help})")).map(Secret::new))
    }

    fn confirm(&mut self, question: &str, proposed: bool, _: &str) -> Result<bool, AskError> {
        Ok(self.hear(&format!("{question} {proposed}")).map_or(proposed, |word| word == "y"))
    }

    fn tell(&mut self, message: &str) {
        self.asked.push_str(message);
        self.asked.push('\n');
    }
}

fn interview(home: &Home, request: &Request, person: &mut Person) -> Answers {
    let facts = setup::inspect(&home.machine, request).unwrap();
    setup::interview(request, &facts, &home.machine, person).unwrap()
}

#[test]
fn everything_is_asked_once_and_what_is_known_is_proposed() {
    let settings = "harnesses:\n  codex:\n    target: phoenix\n    endpoint: http://p\n    api_key: k\n  \
        cursor:\n    target: arize\n    endpoint: otlp.arize.com:443\n    api_key: theirs\n    space_id: s\n";
    let exporter = "notify = ['bell']\n[otel]\nexporter = { otlp-http = { endpoint = 'http://c/v1/logs', \
        protocol = 'json', headers = {} } }\n";
    let home =
        Home::with(&[(".arize/harness/config.yaml", settings), (".codex/config.toml", exporter)])
            .with_codex("0.169.0");
    let mut person = Person::says(&["", "", "", "ours", "", "prompts", "", "forward", "", "y"]);
    let request = Request { port: Some(25_999), ..Request::default() };
    let answers = interview(&home, &request, &mut person);
    expect![[r#"
        Where should traces go? [the same as cursor|local|phoenix|arize|mlflow|otlp] phoenix
        Endpoint: http://p
        API key (it is not shown; Enter keeps the one that is set)
        Project: codex
        User id: 
        What should spans record? Codex's own `log_user_prompt` stays as it is [all|prompts|none] all
        Where should turns be traced? [user|project] user
        Codex sends its log events to http://c/v1/logs. Keep that exporter? [keep|replace|forward] keep
        Your `notify` program, `bell`, will still run.
        Add a `codex` that starts tracing to the front of your PATH? true
        Install the skill that teaches Codex about arize-codex? false
        Use Codex's lifecycle hooks, so that failed and stopped turns appear at once? false
    "#]]
    .assert_eq(&person.asked);
    let destination = answers.destination.unwrap();
    assert_eq!(destination.backend, Backend::Phoenix);
    assert_eq!(destination.api_key.unwrap().expose(), "k");
    assert_eq!((answers.project.as_deref(), answers.user_id), (Some("ours"), None));
    assert_eq!(answers.content, Some(Content::Prompts));
    assert_eq!(answers.existing_otel, ExistingOtel::Forward);
    assert!(answers.skills && answers.path && !answers.hooks && !answers.autostart);
}

#[test]
fn a_receiver_of_otlp_is_asked_for_its_headers() {
    let home = Home::with(&[]);
    let says =
        ["otlp", "https://c.example", "authorization", "Bearer é", "authorization", "Bearer k"];
    let mut person = Person::says(&says);
    let request = Request { user_id: Some("u".to_owned()), ..quiet() };
    let answers = interview(&home, &request, &mut person);
    let asked = person.asked.split("Project").next().unwrap();
    expect![[r"
        Where should traces go? [local|phoenix|arize|mlflow|otlp] local
        Endpoint: 
        Header of each request: 
        Value of `authorization` (it is not shown; ${NAME} in it is taken from the environment)
        the value of `authorization` holds characters other than visible ASCII.
        Header of each request: 
        Value of `authorization` (it is not shown; ${NAME} in it is taken from the environment)
        Header of each request: 
    "]]
    .assert_eq(asked);
    let headers = answers.destination.unwrap().headers;
    assert_eq!(headers, [Header::new("authorization", "Bearer k").unwrap()]);
}

#[test]
fn a_key_that_is_needed_is_asked_for_once_more() {
    let home = Home::with(&[]);
    let mut person = Person::says(&["arize", "", "", "k", "s"]);
    let answers = interview(&home, &quiet(), &mut person);
    let dialogue = "API key (it is not shown)\nArize AX accepts nothing without a key.\nAPI key";
    assert!(person.asked.contains(dialogue), "{}", person.asked);
    let destination = answers.destination.unwrap();
    assert_eq!(
        (destination.api_key, destination.space_id.as_deref()),
        (Some(Secret::new("k")), Some("s"))
    );
}

#[test]
fn what_another_harness_has_is_copied_on_request() {
    let settings = "harnesses:\n  cursor:\n    target: arize\n    endpoint: otlp.arize.com:443\n    \
        api_key: theirs\n    space_id: s\n";
    let home = Home::with(&[(".arize/harness/config.yaml", settings)]);
    let answers = interview(&home, &quiet(), &mut Person::says(&["the same as cursor"]));
    let destination = answers.destination.unwrap();
    assert_eq!(destination.backend, Backend::Arize);
    assert_eq!(destination.api_key.unwrap().expose(), "theirs");
    assert_eq!(destination.space_id.as_deref(), Some("s"));
}

#[test]
fn what_flags_say_is_not_asked() {
    let home = Home::with(&[]);
    let request = Request {
        target: Some(Backend::Phoenix),
        endpoint: Some("http://p".to_owned()),
        api_key: Some(Secret::new("k")),
        project: Some("p".to_owned()),
        user_id: Some("u".to_owned()),
        content: Some(Content::All),
        scope: Some(setup::Scope::User),
        no_path: true,
        with_skills: true,
        ..quiet()
    };
    let mut person = Person::default();
    interview(&home, &request, &mut person);
    assert_eq!(person.asked, "");
}
