//! Development tasks, one module per command.

use std::process::ExitCode;

use anyhow::{Context, bail};

// It makes links and asks the system for what a process used.
#[cfg(unix)]
mod bench;
mod capture;
mod compare;
mod compat;
mod copy;
#[cfg(unix)]
mod corpus;
mod demo;
mod dist;
mod e2e;
mod peers;
mod scrub_bench;
mod secret_rules;
mod test;
mod windows;

mod install;
mod run;
mod workspace;

const USAGE: &str = "\
usage: cargo xtask COMMAND

commands:
  demo                               builds everything and runs `arize-codex demo`
  install [--root DIR]               builds the programs for release and copies them to DIR/bin
                                     (~/.cargo when unset); `uninstall [--root DIR]` removes them
  dist [--out DIR] [--target TRIPLE] builds the programs for old systems and packs them, in DIR
                                     (target/dist when unset)
  dist --check [--out DIR]           installs each package from there, runs Codex, removes it
  dist --index [--out DIR]           describes the packages there, of which several machines made some
  test [--quick]                     checks format and lints, runs all tests; windows and e2e unless --quick
  windows                            lints for Windows, and runs the tests and the demo under Wine
  e2e [--codex VERSION] [FILTER]     runs the end-to-end stories, by default with Codex 0.171.0
  capture --codex VERSION SCENARIO…  records sessions of a Codex version for the decoders' tests
  compat                             writes docs/codex-versions.md from those recordings
  secret-rules VERSION FILE          takes the rules of the scrubber from betterleaks' own file
  scrub-bench [--misses] [--scan DIR] measures what the scrubber finds, its mistakes and its speed
  bench                              measures what tracing costs, beside a baseline
  bench usage                        measures imports and reports, beside other programs
  bench view [--large]               measures the pages of `arize-codex view`; --large: two million
                                     spans, which takes minutes and 10 GB
  corpus DIR MB                      writes transcripts into a home of Codex, made of recorded ones
  compare                            counts tokens with other programs, beside Codex's own counts
";

#[expect(clippy::print_stderr, reason = "this is the binary's one place for errors")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> anyhow::Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        #[cfg(unix)]
        ["bench"] => bench::run(),
        #[cfg(unix)]
        ["bench", "usage"] => bench::usage(),
        ["bench", "view"] => bench::view(false),
        ["bench", "view", "--large"] => bench::view(true),
        #[cfg(unix)]
        ["corpus", home, megabytes] => {
            corpus::of_recordings(home.as_ref(), megabytes.parse::<u64>()? * 1_000_000).map(drop)
        }
        ["compare"] => compare::run(),
        ["capture", "--codex", version, scenarios @ ..] => capture::run(version, scenarios),
        ["compat"] => compat::run(),
        ["demo", rest @ ..] => demo::run(rest),
        ["dist", rest @ ..] => dist::command(rest),
        ["scrub-bench", rest @ ..] => scrub_bench::run(rest),
        ["secret-rules", version, file] => secret_rules::run(version, file.as_ref()),
        ["install"] => copy::run(None),
        ["install", "--root", folder] => copy::run(Some(folder.as_ref())),
        ["uninstall"] => copy::remove(None),
        ["uninstall", "--root", folder] => copy::remove(Some(folder.as_ref())),
        ["test"] => test::full(),
        ["test", "--quick"] => test::quick(),
        ["windows"] => windows::run(),
        ["e2e", rest @ ..] => {
            let (version, filters) = match rest {
                ["--codex", rest @ ..] => {
                    rest.split_first().context("`--codex` needs a version, such as 0.171.0")?
                }
                filters => (&e2e::CODEX_VERSION, filters),
            };
            e2e::run(version, filters)
        }
        _ => bail!("unknown command line\n\n{USAGE}"),
    }
}
