//! `cargo xtask bench`: what tracing costs, beside a baseline measured in the same run.

mod buffer;
mod hook;
mod measure;
mod proxy;
mod scene;
mod sink;
mod usage;
mod view;

use anyhow::Context;

use crate::run;
use crate::workspace::{build_release, cargo, target_dir};
use measure::Cost;
use scene::Scene;

/// Measures everything and prints a table.
#[expect(clippy::print_stdout, reason = "the table is the result")]
pub(crate) fn run() -> anyhow::Result<()> {
    let programs = build_release()?;
    let baseline =
        ["build", "--quiet", "--release", "--package", "xtask", "--bin", "baseline-post"];
    run::succeed(&mut cargo(&baseline)?)?;
    let baseline = programs.join("baseline-post");
    let scene = Scene::new(programs).context("the bench cannot be set up")?;
    let sink = scene.sink_url();
    let post = measure::cost(|_| {
        let mut post = scene::command(&baseline, scene.home());
        post.arg(&sink);
        Ok(post)
    })?;
    let rows = [
        ("one HTTP POST (baseline)", post, None),
        ("hook, small turn", hook::small_turn(&scene)?, Some("≤ 5 ms more, ≤ 8 MiB")),
        (
            "hook, beside 10,000 older sessions",
            hook::among_many_sessions(&scene)?,
            Some("≤ 1.2 × the small turn"),
        ),
        ("hook, further turn of a thread", hook::further_turn(&scene, 0)?, None),
        (
            "hook, further turn, 100 MB",
            hook::further_turn(&scene, hook::LARGE_MIB)?,
            Some("≤ 1.2 × the one above"),
        ),
        ("hook, first read of 100 MB", hook::first_read_of_a_large_transcript(&scene)?, None),
        ("hook, a turn of 100 MB", hook::turn_of_100_mb(&scene)?, Some("≤ 2 s, ≤ 64 MiB")),
        ("budget decision, 95 %", hook::budget_decision(&scene, 0, false)?, Some("≤ 10 ms")),
        (
            "the same, 1,000 calls, watched",
            hook::budget_decision(&scene, 1000, true)?,
            Some("≤ 10 ms"),
        ),
        ("hook, 50,000 calls at once", hook::turn_of_50_000_calls(&scene)?, Some("≤ 64 MiB")),
    ];
    println!("{:34} {:>9} {:>9} {:>9}  budget", "", "wall", "× base", "peak RSS");
    for (name, cost, budget) in rows {
        println!(
            "{name:34} {:>6.1} ms {:>9.1} {:>5.1} MiB  {}",
            cost.wall_ms(),
            cost.wall_ms() / post.wall_ms(),
            cost.rss_mib(),
            budget.unwrap_or("-")
        );
    }
    print_proxy(&proxy::measure(&scene)?);
    let buffer = buffer::measure(&scene)?;
    println!("{:34} {:>5.1} MiB  budget ≤ 5.5 MiB", "buffer, idle RSS", buffer.idle_mib);
    println!(
        "{:34} {:>5.1} MiB  budget ≤ 10 MiB  ({} held, {} dropped by its bounds)",
        "buffer, RSS after the ingest", buffer.full_mib, buffer.held, buffer.dropped
    );
    println!(
        "{:34} {:>7.0} events/s, durable, one client, protobuf  budget ≥ 100,000",
        "buffer, ingest", buffer.events_per_second
    );
    Ok(())
}

/// Measures imports and reports, and prints a table.
pub(crate) fn usage() -> anyhow::Result<()> {
    run::succeed(&mut cargo(&["build", "--release", "--package", "cli", "--bins"])?)?;
    usage::run(&target_dir()?.join("release"))
}

/// Measures the pages of the view, and prints a table.
pub(crate) fn view(is_large: bool) -> anyhow::Result<()> {
    run::succeed(&mut cargo(&["build", "--release", "--package", "cli", "--bins"])?)?;
    view::run(&target_dir()?.join("release"), is_large)
}

#[expect(clippy::print_stdout, reason = "the table is the result")]
fn print_proxy(proxy: &proxy::Proxy) {
    let alone = proxy.alone.wall_ms();
    println!("{:34} {alone:>6.1} ms", "a program that ends at once");
    let (name, cost) = ("behind the proxy, which it replaces", &proxy.proxied);
    println!(
        "{name:34} {:>6.1} ms {:>9.1} {:>5.1} MiB  ≤ 3 ms more",
        cost.wall_ms(),
        cost.wall_ms() / alone,
        cost.rss_mib()
    );
}

/// The median of several costs.
fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by_key(|cost| cost.wall);
    costs[costs.len() / 2]
}
