use codex_config::{Hidden, Scrubbing};

use crate::resolve;

#[track_caller]
fn check_hidden(variable: &str, expected: Hidden) {
    let settings = resolve(&[(variable, "True")], "");
    assert_eq!((settings.hidden, settings.warnings.len()), (expected, 0), "{variable}");
    let settings = resolve(&[(variable, "false")], "");
    assert_eq!((settings.hidden, settings.warnings.len()), (Hidden::default(), 0), "{variable}");
}

#[test]
fn each_variable_of_openinference_hides_something() {
    let none = Hidden::default();
    let input_text = Hidden { input_text: true, ..none.clone() };
    let output_text = Hidden { output_text: true, ..none.clone() };
    for (name, expected) in [
        ("INPUTS", Hidden { inputs: true, ..none.clone() }),
        ("OUTPUTS", Hidden { outputs: true, ..none.clone() }),
        ("INPUT_MESSAGES", Hidden { input_messages: true, ..none.clone() }),
        ("OUTPUT_MESSAGES", Hidden { output_messages: true, ..none.clone() }),
        ("INPUT_IMAGES", Hidden { input_images: true, ..none.clone() }),
        ("INPUT_TEXT", input_text.clone()),
        ("PROMPTS", input_text.clone()),
        ("LLM_PROMPTS", input_text),
        ("OUTPUT_TEXT", output_text.clone()),
        ("CHOICES", output_text),
        ("LLM_INVOCATION_PARAMETERS", Hidden { invocation_parameters: true, ..none.clone() }),
    ] {
        check_hidden(&format!("OPENINFERENCE_HIDE_{name}"), expected);
    }
}

#[test]
fn a_switch_that_is_not_understood_hides() {
    let settings = resolve(&[("OPENINFERENCE_HIDE_INPUTS", "yess")], "");
    assert!(settings.hidden.inputs);
    let warning = "`OPENINFERENCE_HIDE_INPUTS` is `yess`, not true or false; taken as true";
    assert_eq!(settings.warnings[0].to_string(), warning);
}

#[test]
fn the_length_of_images_is_a_number() {
    let length = |text| {
        let settings = resolve(&[("OPENINFERENCE_BASE64_IMAGE_MAX_LENGTH", text)], "");
        (settings.hidden.base64_image_max_length, settings.warnings.len())
    };
    assert_eq!(length("32000"), (Some(32000), 0));
    assert_eq!(length("long"), (None, 1));
}

#[test]
fn secrets_are_scrubbed_unless_someone_says_clearly_that_they_are_not() {
    let check = |yaml: &str, enabled: bool, names: &[&str], warnings: usize| {
        let settings = resolve(&[], yaml);
        let further_names = names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(settings.scrubbing, Scrubbing { enabled, further_names }, "{yaml}");
        assert_eq!(settings.warnings.len(), warnings, "{yaml}: {:?}", settings.warnings);
    };
    check("", true, &[], 0);
    check("logging: {scrub: false}", false, &[], 0);
    check("logging: {scrub: offf}", true, &[], 1);
    check("logging: {scrub_keys: [badge, 7]}", true, &["badge", "7"], 0);
    check("logging: {scrub_keys: badge}", true, &["badge"], 0);
    check("logging: {scrub_keys: [badge, {a: b}]}", true, &["badge"], 1);
}
