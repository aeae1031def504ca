//! What jobs use of the place where they run: processors and memory of this machine, or room in the queue of a cluster.

/// The room that one job takes in the queue of a cluster. Jobs that share a queued job divide it.
const WHOLE_JOB: usize = 1000;

/// What one job uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Demand {
    /// It uses the cluster's room, not this machine's.
    pub(crate) is_away: bool,
    pub(crate) slots: usize,
    pub(crate) memory_mib: u64,
}

impl Demand {
    /// The demand of a job that shares its place in the queue of a cluster with this many jobs, itself included.
    pub(crate) fn away(sharing: u32) -> Demand {
        Demand { is_away: true, slots: WHOLE_JOB.div_ceil(sharing.max(1) as usize), memory_mib: 0 }
    }
}

impl Default for Demand {
    fn default() -> Demand {
        Demand { is_away: false, slots: 1, memory_mib: 0 }
    }
}

/// A place and what its jobs currently use.
#[derive(Debug)]
pub(super) struct Pool {
    slots: usize,
    pub(super) memory_mib: u64,
    /// Slots of a job that shares none.
    unit: usize,
    held: usize,
    held_mib: u64,
}

impl Pool {
    pub(super) fn new(slots: usize, memory_mib: u64) -> Pool {
        Pool { slots: slots.max(1), memory_mib, unit: 1, held: 0, held_mib: 0 }
    }

    /// The queue of a cluster, with room for this many jobs.
    pub(super) fn away(jobs: usize) -> Pool {
        Pool { unit: WHOLE_JOB, ..Pool::new(jobs.max(1).saturating_mul(WHOLE_JOB), u64::MAX) }
    }

    /// Whether jobs run one at a time here.
    pub(super) fn is_single(&self) -> bool {
        self.slots == self.unit
    }

    /// A job that asks for more than exists gets all of it.
    fn taken(&self, demand: Demand) -> (usize, u64) {
        (demand.slots.min(self.slots), demand.memory_mib.min(self.memory_mib))
    }

    pub(super) fn has_room(&self, demand: Demand) -> bool {
        let (slots, memory_mib) = self.taken(demand);
        self.held + slots <= self.slots && self.held_mib + memory_mib <= self.memory_mib
    }

    pub(super) fn take(&mut self, demand: Demand) {
        let (slots, memory_mib) = self.taken(demand);
        self.held += slots;
        self.held_mib += memory_mib;
    }

    pub(super) fn give_back(&mut self, demand: Demand) {
        let (slots, memory_mib) = self.taken(demand);
        self.held -= slots;
        self.held_mib -= memory_mib;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_wants_more_than_there_is_runs_alone() {
        let mut pool = Pool::new(4, 1000);
        let demand = |slots, memory_mib| Demand { is_away: false, slots, memory_mib };
        pool.take(demand(3, 0));
        assert!(pool.has_room(demand(1, 0)) && !pool.has_room(demand(2, 0)));
        assert!(!pool.has_room(demand(8, 0)));
        pool.give_back(demand(3, 0));
        assert!(pool.has_room(demand(8, 5000)));
        pool.take(demand(8, 5000));
        assert!(!pool.has_room(demand(1, 0)));
    }

    #[test]
    fn sums_of_memory_hold() {
        let mut pool = Pool::new(9, 1000);
        let demand = Demand { memory_mib: 400, ..Demand::default() };
        pool.take(demand);
        pool.take(demand);
        assert!(!pool.has_room(demand) && pool.has_room(Demand::default()));
    }

    #[test]
    fn jobs_that_share_one_take_their_part_of_it() {
        let mut pool = Pool::away(1);
        assert!(pool.is_single() && !Pool::away(2).is_single());
        (0..25).for_each(|_| pool.take(Demand::away(25)));
        assert!(!pool.has_room(Demand::away(25)) && !pool.has_room(Demand::away(1)));
    }
}
