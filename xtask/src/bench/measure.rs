//! What a process costs: wall time, and the most memory that it had.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

const RUNS: usize = 31;

/// So many that a few slow ones count.
const MANY_RUNS: usize = 200;

/// The cost of one run of a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// Peak resident memory in KiB.
    pub(crate) rss: u64,
}

impl Cost {
    pub(crate) fn wall_ms(self) -> f64 {
        self.wall.as_secs_f64() * 1e3
    }

    pub(crate) fn rss_mib(self) -> f64 {
        self.rss as f64 / 1024.0
    }
}

/// The wall time below which 95 % of many runs of a process are, and its peak memory.
pub(crate) fn slow_cost(
    mut prepare: impl FnMut(usize) -> anyhow::Result<Command>,
) -> anyhow::Result<Cost> {
    let mut walls = Vec::new();
    for run in 0..MANY_RUNS {
        let mut command = prepare(run)?;
        let begun = Instant::now();
        let status = command.status().context("the process does not start")?;
        walls.push(begun.elapsed());
        ensure!(status.success(), "the process ends with {status}");
    }
    walls.sort_unstable();
    let rss = peak_memory(prepare(MANY_RUNS)?)?;
    Ok(Cost { wall: walls[MANY_RUNS * 95 / 100], rss })
}

/// The median wall time of many runs of a process, and its peak memory in further runs: looking at
/// the memory disturbs the time.
pub(crate) fn cost(
    mut prepare: impl FnMut(usize) -> anyhow::Result<Command>,
) -> anyhow::Result<Cost> {
    let mut walls = Vec::new();
    for run in 0..RUNS {
        let mut command = prepare(run)?;
        let begun = Instant::now();
        let status = command.status().context("the process does not start")?;
        walls.push(begun.elapsed());
        ensure!(status.success(), "the process ends with {status}");
    }
    walls.sort_unstable();
    let mut rss = 0;
    for run in RUNS..RUNS + 5 {
        rss = rss.max(peak_memory(prepare(run)?)?);
    }
    Ok(Cost { wall: walls[RUNS / 2], rss })
}

/// The wall time and peak memory of a single run.
pub(crate) fn once(command: Command) -> anyhow::Result<Cost> {
    let begun = Instant::now();
    let rss = peak_memory(command)?;
    Ok(Cost { wall: begun.elapsed(), rss })
}

/// The resident memory of a running process, in KiB.
pub(crate) fn memory(pid: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// What the parent had in memory counts towards a child's `ru_maxrss`, but not towards this.
fn peak_memory(mut command: Command) -> anyhow::Result<u64> {
    let mut child = command.spawn()?;
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        peak = memory(child.id(), "VmHWM:").unwrap_or(0).max(peak);
    }
    Ok(peak)
}
