//! Alerts in the settings, and where notices go.

use codex_config::{ConfigTexts, Environment, Paths, Settings};

fn settings(yaml: &str) -> Settings {
    let config_yaml = Some(format!("harnesses:\n  codex:\n{yaml}"));
    let texts = ConfigTexts { config_yaml, ..ConfigTexts::default() };
    Settings::resolve(&Paths::new("/home/ada", None), &Environment::default(), &texts)
}

#[test]
fn what_is_not_set_has_the_default_of_the_rules() {
    let found = settings(
        "    alerts: {turn: {usd: 2.5}, loop: {same: 0}, cool_down_minutes: 5, content: true}\n    \
         notices: {desktop: true, command: ~/say, webhook: 'https://h.example/x?y=z', ca_file: /ca.pem}\n",
    );
    assert_eq!(found.warnings, []);
    let alerts = &found.alerts;
    assert!(alerts.enabled && alerts.content && !alerts.while_running);
    assert_eq!((alerts.turn.usd, alerts.turn.tokens), (Some(2.5), None));
    assert_eq!((alerts.loop_same, alerts.loop_alike), (Some(0), None));
    assert_eq!(alerts.cool_down_minutes, Some(5));
    let channels = &found.channels;
    assert!(channels.desktop && channels.ntfy.is_none());
    assert_eq!(channels.command.as_deref(), Some("/home/ada/say"));
    assert_eq!(channels.webhook.as_deref(), Some("https://h.example/x?y=z"));
    assert_eq!(channels.tls.ca_file.as_deref(), Some(std::path::Path::new("/ca.pem")));
}

/// A rule with a slip of the pen keeps its default, and the slip is named.
#[test]
fn a_slip_of_the_pen_is_named() {
    for (slip, said) in [
        ("alerts: {lop: {same: 3}}", "alerts.lop` is not a setting (did you mean"),
        ("alerts: {loop: {sane: 3}}", "alerts.loop.sane` is not a setting (did you mean"),
        ("alerts: {turn: {usd: much}}", "alerts.turn.usd` is `much`, not an amount"),
        ("alerts: {turn: {usd: -1}}", "alerts.turn.usd` is `-1`, not an amount"),
        ("alerts: {turn: {calls: 1.5}}", "alerts.turn.calls` is `1.5`, not a whole number"),
        ("alerts: {enabled: perhaps}", "alerts.enabled` is `perhaps`"),
        ("alerts: {content: perhaps}", "taken as off"),
        ("alerts: off", "not a mapping"),
        ("notices: {webhok: 'https://x'}", "notices.webhok` is not a setting (did you mean"),
        ("notices: {webhook: secret.example}", "notices.webhook` is `***`, not an address"),
    ] {
        let found = settings(&format!("    {slip}\n"));
        let warnings: Vec<String> = found.warnings.iter().map(ToString::to_string).collect();
        assert!(warnings.len() == 1 && warnings[0].contains(said), "{slip}: {warnings:?}");
        assert!(found.alerts.enabled && !found.alerts.content, "{slip}");
        assert_eq!(found.alerts.turn.usd, None, "{slip}");
    }
}
