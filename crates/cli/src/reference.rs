//! `arize-codex completions` and `arize-codex man`: what shells and the manual know of the programs, from
//! the definitions of their command lines.

use std::fs;
use std::io::Write;
use std::path::Path;

use buffer_api::command_line::Arguments as BufferArguments;
use clap::{Command, CommandFactory};
use clap_mangen::Man as Page;
use clap_mangen::roff::{Roff, bold, roman};

use crate::CommandError;
use crate::args::{Args, Completions, Man, Typed};
use crate::config::Arguments as ConfigArguments;

/// The help of the programs that have no definition of their command line, because they must be small.
const TEXTS: [(&str, &str); 2] = [
    ("arize-codex-proxy", include_str!("../../exec-proxy/src/help.txt")),
    ("arize-hook-codex-notify", include_str!("../../notify-hook/src/help.txt")),
];

/// Prints or writes completions.
pub(crate) fn completions(args: &Completions, stream: &mut dyn Write) -> Result<(), CommandError> {
    let Some(folder) = &args.out else {
        let mut command = definition(args.program);
        let name = command.get_name().to_owned();
        clap_complete::generate(args.shell, &mut command, name, stream);
        return Ok(());
    };
    create(folder)?;
    for program in [Typed::Umbrella, Typed::Config, Typed::Buffer] {
        let mut command = definition(program);
        let name = command.get_name().to_owned();
        clap_complete::generate_to(args.shell, &mut command, name, folder)
            .map_err(|error| CommandError::failed(cannot_write(folder), error))?;
    }
    Ok(())
}

/// Prints a page of the manual, or writes all of them.
pub(crate) fn man(args: &Man, stream: &mut dyn Write) -> Result<(), CommandError> {
    let pages = pages().map_err(|error| CommandError::failed("cannot make the pages", error))?;
    let Some(folder) = &args.out else {
        let page = pages.iter().find(|(name, _)| *name == args.page);
        let (_, page) = page.ok_or_else(|| CommandError::NotFound {
            what: format!("there is no page `{}`", args.page),
            hint: format!(
                "the pages are {}",
                pages.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
            ),
        })?;
        // A reader such as `man` may have seen enough.
        let _ = stream.write_all(page);
        return Ok(());
    };
    create(folder)?;
    for (name, page) in &pages {
        let file = folder.join(format!("{name}.1"));
        fs::write(&file, page).map_err(|error| CommandError::failed(cannot_write(&file), error))?;
    }
    Ok(())
}

fn definition(program: Typed) -> Command {
    match program {
        Typed::Umbrella => Args::command(),
        Typed::Config => ConfigArguments::command(),
        Typed::Buffer => BufferArguments::command(),
    }
}

/// All pages by name.
fn pages() -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut pages = Vec::new();
    for program in [Typed::Umbrella, Typed::Config, Typed::Buffer] {
        let mut command = definition(program).disable_help_subcommand(true);
        command.build();
        add(&command, &mut pages)?;
    }
    for (name, help) in TEXTS {
        pages.push((name.to_owned(), of_text(name, help)?));
    }
    Ok(pages)
}

/// The page of a command, and those of its own commands.
fn add(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> std::io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let mut page = Vec::new();
    Page::new(command.clone()).title(&name).render(&mut page)?;
    pages.push((name, page));
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set());
    commands.into_iter().try_for_each(|command| add(command, pages))
}

/// A page that is the help as it is, below its first sentence.
fn of_text(name: &str, help: &str) -> std::io::Result<Vec<u8>> {
    let (about, rest) = help.split_once("\n\n").unwrap_or((help, ""));
    let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
    let (first, further) = about.split_once(". ").unwrap_or((about.trim_end_matches('.'), ""));
    let mut roff = Roff::new();
    let version = format!("{name} {}", env!("CARGO_PKG_VERSION"));
    roff.control("TH", [name, "1", "", &version, ""]);
    roff.control("SH", ["NAME"]).text([roman(format!("{name} - {first}"))]);
    roff.control("SH", ["DESCRIPTION"]);
    if !further.is_empty() {
        roff.text([roman(further)]);
    }
    roff.control("nf", []);
    for line in rest.lines() {
        let is_heading = line.ends_with(':') && !line.starts_with(' ');
        roff.text([if is_heading { bold(line) } else { roman(line) }]);
    }
    roff.control("fi", []);
    let mut page = Vec::new();
    roff.to_writer(&mut page)?;
    Ok(page)
}

fn create(folder: &Path) -> Result<(), CommandError> {
    fs::create_dir_all(folder).map_err(|error| CommandError::failed(cannot_write(folder), error))
}

fn cannot_write(place: &Path) -> String {
    format!("cannot write `{}`", place.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_program_and_each_command_has_a_page_that_is_made_of_its_help() {
        let pages = pages().unwrap();
        let page = |name: &str| {
            let page = pages.iter().find(|(known, _)| known == name).expect(name);
            String::from_utf8(page.1.clone()).unwrap()
        };
        for program in setup::PROGRAMS {
            assert!(page(program).contains(".SH NAME"), "{program}");
        }
        for (name, part) in [
            ("arize-codex-setup", "no\\-local\\-copy"),
            ("arize-codex-setup", "Exit codes: 0 done"),
            ("arize-codex-config-set", "A terminal asks for it"),
            ("arize-codex-service-stop", "Also end a service"),
            ("arize-codex-buffer-run", "in this process"),
            ("arize-config-dump", "credentials masked"),
            ("arize-hook-codex-notify", "names the thread to trace"),
            ("arize-codex-proxy", "becomes Codex"),
        ] {
            assert!(page(name).contains(part), "{name}: {}", page(name));
        }
        assert!(pages.iter().all(|(name, _)| !name.ends_with("-help")), "{:?}", pages.len());
    }

    /// A command without an example, or an option without a word on it, is not finished.
    #[test]
    fn each_command_has_examples_and_explains_each_option() {
        let mut command = Args::command();
        command.build();
        for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name}");
            assert!(command.get_after_help().is_some(), "{name} has no examples");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{name}: {argument}");
            }
        }
    }
}
