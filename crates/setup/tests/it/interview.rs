//! What is asked, and what the answers lead to.

use std::collections::VecDeque;

use codex_config::Secret;
use expect_test::expect;
use setup::ask::{Ask, AskError};
use setup::{Answers, Backend, Content, ExistingOtel, Header, Request};

use crate::home::{Home, quiet};

/// The key that goes back.
const BACK: &str = "Esc";

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

    /// Hears a question and says something, unless that is nothing, or goes back.
    fn hear(&mut self, question: &str) -> Result<Option<&'static str>, AskError> {
        self.asked.push_str(question);
        self.asked.push('\n');
        match self.says.pop_front() {
            Some(BACK) => Err(AskError::Back),
            said => Ok(said.filter(|word| !word.is_empty())),
        }
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
        let said = self.hear(&heard)?;
        Ok(said.map_or(proposed, |word| {
            options.iter().position(|option| option.starts_with(word)).expect(word)
        }))
    }

    fn choose_some(
        &mut self,
        question: &str,
        options: &[String],
        proposed: &[usize],
    ) -> Result<Vec<usize>, AskError> {
        let names: Vec<_> =
            options.iter().map(|option| option.split("  ").next().unwrap()).collect();
        let shown: Vec<_> = proposed.iter().map(|index| names[*index]).collect();
        let said = self.hear(&format!("{question} {}", shown.join(",")))?;
        Ok(said.map_or(proposed.to_vec(), |words| {
            let index = |word: &str| names.iter().position(|name| *name == word).expect(word);
            words.split(',').map(index).collect()
        }))
    }

    fn text(
        &mut self,
        question: &str,
        proposed: &str,
        _: &str,
        check: fn(&str) -> Result<(), String>,
    ) -> Result<String, AskError> {
        let said = self.hear(&format!("{question}: {proposed}"))?.unwrap_or(proposed);
        check(said).expect(said);
        Ok(said.to_owned())
    }

    fn secret(&mut self, question: &str, help: &str) -> Result<Option<Secret>, AskError> {
        Ok(self.hear(&format!("{question} ({help})"))?.map(Secret::new))
    }

    fn confirm(&mut self, question: &str, proposed: bool, _: &str) -> Result<bool, AskError> {
        Ok(self.hear(&format!("{question} {proposed}"))?.map_or(proposed, |word| word == "y"))
    }

    fn tell(&mut self, message: &str) {
        self.asked.push_str(message);
        self.asked.push('\n');
    }

    fn list(&mut self, heading: &str, items: &[String]) {
        self.tell(&format!("{heading} {}", items.join("; ")));
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
    let mut person = Person::says(&[
        "",
        "",
        "",
        "prompts",
        "forward",
        "customise",
        "ours",
        "",
        "",
        "y",
        "",
        "y",
    ]);
    let request = Request { port: Some(25_999), ..Request::default() };
    let answers = interview(&home, &request, &mut person);
    expect![[r#"
        Where should traces go? [the same as cursor|local|phoenix|arize|mlflow|otlp|several] phoenix
        Address of Phoenix: http://p
        API key of Phoenix (it is not shown; Enter keeps the one that is set)
        What should traces hold? [all|prompts|none] all
        Codex sends its log events to http://c/v1/logs. Keep that exporter? [keep|replace|forward] keep
        Your `notify` program, `bell`, will still run.
        The rest: project `codex`; turns are traced wherever you run Codex; no copy of turns on this machine; a `codex` wrapper that starts tracing, first on your PATH; no start of the buffer service at login, no lifecycle hooks of Codex, no skill for coding agents
        Use these defaults for the rest? [yes|customise] yes
        Project: codex
        User id: 
        Where should turns be traced? [user|project] user
        Keep a copy of each turn in the local store? false
        Add a `codex` wrapper that starts tracing to the front of your PATH? true
        Install the skill that teaches Codex about arize-codex? false
        Use Codex's lifecycle hooks, so that failed and stopped turns appear at once? false
    "#]]
    .assert_eq(&person.asked);
    let destination = answers.targets.unwrap().destinations.remove(0);
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
    let asked = person.asked.split("What should").next().unwrap();
    expect![[r#"
        Where should traces go? [local|phoenix|arize|mlflow|otlp|several] local
        Address of the OTLP endpoint: 
        Header of each request: 
        Value of `authorization` (it is not shown; ${NAME} in it is taken from the environment)
        the value of `authorization` holds characters other than visible ASCII.
        Header of each request: 
        Value of `authorization` (it is not shown; ${NAME} in it is taken from the environment)
        Header of each request: 
    "#]]
    .assert_eq(asked);
    let headers = answers.targets.unwrap().destinations.remove(0).headers;
    assert_eq!(headers, [Header::new("authorization", "Bearer k").unwrap()]);
}

#[test]
fn a_key_that_is_needed_is_asked_for_once_more() {
    let home = Home::with(&[]);
    let mut person = Person::says(&["arize", "", "", "k", "s"]);
    let answers = interview(&home, &quiet(), &mut person);
    let dialogue =
        "API key of Arize AX (it is not shown)\nArize AX accepts nothing without a key.\nAPI key";
    assert!(person.asked.contains(dialogue), "{}", person.asked);
    let destination = answers.targets.unwrap().destinations.remove(0);
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
    let destination = answers.targets.unwrap().destinations.remove(0);
    assert_eq!(destination.backend, Backend::Arize);
    assert_eq!(destination.api_key.unwrap().expose(), "theirs");
    assert_eq!(destination.space_id.as_deref(), Some("s"));
}

#[test]
fn what_flags_say_is_not_asked() {
    let home = Home::with(&[]);
    let request = Request {
        targets: vec![Backend::Phoenix],
        endpoint: Some("http://p".to_owned()),
        api_key: Some(Secret::new("k")),
        project: Some("p".to_owned()),
        user_id: Some("u".to_owned()),
        content: Some(Content::All),
        scope: Some(setup::Scope::User),
        local_copy: Some(false),
        no_path: true,
        with_skills: true,
        ..quiet()
    };
    let mut person = Person::default();
    interview(&home, &request, &mut person);
    assert_eq!(person.asked, "");
}

#[test]
fn three_questions_and_whether_the_defaults_will_do() {
    let home = Home::with(&[]).with_codex("0.171.0");
    let mut person = Person::default();
    interview(&home, &quiet(), &mut person);
    expect![[r#"
        Where should traces go? [local|phoenix|arize|mlflow|otlp|several] local
        What should traces hold? [all|prompts|none] all
        The rest: project `codex`; turns are traced wherever you run Codex; a `codex` wrapper that starts tracing, first on your PATH; no start of the buffer service at login, no lifecycle hooks of Codex, no skill for coding agents
        Use these defaults for the rest? [yes|customise] yes
    "#]].assert_eq(&person.asked);
    let mut person = Person::says(&["phoenix", "http://p:1", "k"]);
    let answers = interview(&home, &quiet(), &mut person);
    expect![[r#"
        Where should traces go? [local|phoenix|arize|mlflow|otlp|several] local
        Address of Phoenix: http://localhost:6006
        API key of Phoenix (it is not shown; Enter if there is none)
        What should traces hold? [all|prompts|none] all
        The rest: project `codex`; turns are traced wherever you run Codex; a copy of each turn in the local store, for `arize-codex show`; a `codex` wrapper that starts tracing, first on your PATH; no start of the buffer service at login, no lifecycle hooks of Codex, no skill for coding agents
        Use these defaults for the rest? [yes|customise] yes
    "#]].assert_eq(&person.asked);
    assert!(answers.targets.unwrap().local_copy);
}

#[test]
fn several_targets_are_asked_for_one_after_the_other() {
    let home = Home::with(&[]);
    let mut person = Person::says(&["several", "phoenix,mlflow", "http://p:1", "k", "", "", "7"]);
    let answers = interview(&home, &quiet(), &mut person);
    let asked = person.asked.split("What should").next().unwrap();
    expect![[r#"
        Where should traces go? [local|phoenix|arize|mlflow|otlp|several] local
        Which ones? local
        Address of Phoenix: http://localhost:6006
        API key of Phoenix (it is not shown; Enter if there is none)
        Address of MLflow: http://localhost:5000
        API key of MLflow (it is not shown; Enter if there is none)
        Experiment id: 
    "#]]
    .assert_eq(asked);
    let targets = answers.targets.unwrap();
    let backends: Vec<_> = targets.destinations.iter().map(|one| one.backend).collect();
    assert_eq!(backends, [Backend::Phoenix, Backend::Mlflow]);
    assert!(targets.local_copy, "by default");
}

#[test]
fn an_earlier_question_can_be_answered_anew() {
    let home = Home::with(&[]);
    let request = quiet();
    let facts = setup::inspect(&home.machine, &request).unwrap();
    let says = [
        "phoenix",
        "http://one",
        "key",
        BACK,
        BACK,
        "http://two",
        "",
        "none",
        BACK,
        "",
        "yes",
        BACK,
    ];
    let mut person = Person::says(&says);
    let mut ends = 0;
    let answers = setup::way_back::with_way_back(&mut person, |ask| {
        let answers = setup::interview(&request, &facts, &home.machine, ask)?;
        // As the question whether to go on.
        let chosen = ask.choose("Go on?", &["yes", "change"].map(str::to_owned), 0)?;
        ends += 1;
        match (chosen, ends) {
            (_, 1) => Err(setup::InterviewError::from(ask.to_the_first())),
            _ => Ok(answers),
        }
    });
    expect![[r#"
        Where should traces go? [local|phoenix|arize|mlflow|otlp|several] local
        Address of Phoenix: http://localhost:6006
        API key of Phoenix (it is not shown; Enter if there is none)
        What should traces hold? [all|prompts|none] all
        API key of Phoenix (it is not shown; Enter keeps the one you typed)
        Address of Phoenix: http://one
        API key of Phoenix (it is not shown; Enter keeps the one you typed)
        What should traces hold? [all|prompts|none] all
        The rest: project `codex`; turns are traced wherever you run Codex; a copy of each turn in the local store, for `arize-codex show`; a `codex` wrapper that starts tracing, first on your PATH; no start of the buffer service at login, no lifecycle hooks of Codex, no skill for coding agents
        Use these defaults for the rest? [yes|customise] yes
        What should traces hold? [all|prompts|none] none
        The rest: project `codex`; turns are traced wherever you run Codex; a copy of each turn in the local store, for `arize-codex show`; a `codex` wrapper that starts tracing, first on your PATH; no start of the buffer service at login, no lifecycle hooks of Codex, no skill for coding agents
        Use these defaults for the rest? [yes|customise] yes
        Go on? [yes|change] yes
        The rest: project `codex`; turns are traced wherever you run Codex; a copy of each turn in the local store, for `arize-codex show`; a `codex` wrapper that starts tracing, first on your PATH; no start of the buffer service at login, no lifecycle hooks of Codex, no skill for coding agents
        Use these defaults for the rest? [yes|customise] yes
        Go on? [yes|change] yes
        Where should traces go? [local|phoenix|arize|mlflow|otlp|several] phoenix
        Address of Phoenix: http://two
        API key of Phoenix (it is not shown; Enter keeps the one you typed)
        What should traces hold? [all|prompts|none] none
        The rest: project `codex`; turns are traced wherever you run Codex; a copy of each turn in the local store, for `arize-codex show`; a `codex` wrapper that starts tracing, first on your PATH; no start of the buffer service at login, no lifecycle hooks of Codex, no skill for coding agents
        Use these defaults for the rest? [yes|customise] yes
        Go on? [yes|change] yes
    "#]].assert_eq(&person.asked);
    let answers = answers.unwrap();
    let destination = answers.targets.unwrap().destinations.remove(0);
    assert_eq!(destination.endpoint.as_deref(), Some("http://two"));
    assert_eq!(destination.api_key, Some(Secret::new("key")), "Enter keeps it");
    assert_eq!(answers.content, Some(Content::None));
}
