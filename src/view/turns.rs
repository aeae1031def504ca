//! Whose turn it is among the jobs of a foreach task with `buffer: true`: their output is shown in the order of the
//! items, whatever the order in which they end. Keeps what comes early; writes nothing.

use super::held::HeldOutput;
use crate::name::JobName;
use crate::state::JobState;
use std::collections::{BTreeMap, HashMap};

/// What an attempt wrote, and the line that says how it ended.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) place: usize,
    pub(crate) attempt: u32,
    pub(crate) held: HeldOutput,
    /// Empty where nothing is to be said.
    pub(crate) line: String,
    pub(crate) is_failure: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// By task, the place of the job whose blocks may be shown.
    turns: HashMap<JobName, usize>,
    waiting: BTreeMap<usize, Vec<Block>>,
}

impl Turns {
    /// The block again, if it may be shown now; else it is kept.
    pub(crate) fn offer(&mut self, jobs: &[JobState], block: Block) -> Option<Block> {
        let place = block.place;
        if !jobs[place].planned.is_buffered || *self.turn(jobs, place) == place {
            return Some(block);
        }
        self.waiting.entry(place).or_default().push(block);
        None
    }

    /// What may be shown because this job is settled and its last block was offered.
    pub(crate) fn settled(&mut self, jobs: &[JobState], place: usize) -> Vec<Block> {
        let mut blocks = Vec::new();
        if !jobs[place].planned.is_buffered {
            return blocks;
        }
        let mut next = *self.turn(jobs, place);
        while jobs.get(next).is_some_and(|job| are_of_one_task(job, &jobs[place]) && job.outcome.is_some()) {
            next += 1;
            blocks.extend(self.waiting.remove(&next).into_iter().flatten());
        }
        *self.turn(jobs, place) = next;
        blocks
    }

    /// Everything that still waits.
    pub(crate) fn rest(&mut self) -> Vec<Block> {
        std::mem::take(&mut self.waiting).into_values().flatten().collect()
    }

    fn turn(&mut self, jobs: &[JobState], place: usize) -> &mut usize {
        // The jobs of one task stand side by side in the plan.
        let first = || {
            let before = jobs[..place].iter().rev().take_while(|job| are_of_one_task(job, &jobs[place]));
            place - before.count()
        };
        self.turns.entry(jobs[place].planned.task.clone()).or_insert_with(first)
    }
}

fn are_of_one_task(job: &JobState, other: &JobState) -> bool {
    job.planned.is_buffered && job.planned.task == other.planned.task
}
