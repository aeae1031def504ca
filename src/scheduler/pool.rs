//! What jobs take of the place where they run: processors and memory of this machine, or room in the queue of a cluster.

/// What a job of its own takes of the room in the queue of a cluster. Of jobs that share one, each takes its part.
const WHOLE_JOB: usize = 1000;

/// What one job takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Demand {
    /// It takes of the cluster's room, not of this machine's.
    pub(crate) is_away: bool,
    pub(crate) slots: usize,
    pub(crate) memory_mib: u64,
}

impl Demand {
    /// Of a job that shares its place in the queue of a cluster with up to so many, itself included.
    pub(crate) fn away(sharing: u32) -> Demand {
        Demand { is_away: true, slots: WHOLE_JOB.div_ceil(sharing.max(1) as usize), memory_mib: 0 }
    }
}

impl Default for Demand {
    fn default() -> Demand {
        Demand { is_away: false, slots: 1, memory_mib: 0 }
    }
}

/// A place, with what its jobs hold of it.
#[derive(Debug)]
pub(super) struct Pool {
    slots: usize,
    pub(super) memory_mib: u64,
    /// Slots that a job takes which shares none.
    unit: usize,
    held: usize,
    held_mib: u64,
}

impl Pool {
    pub(super) fn new(slots: usize, memory_mib: u64) -> Pool {
        Pool { slots: slots.max(1), memory_mib, unit: 1, held: 0, held_mib: 0 }
    }

    /// The queue of a cluster, with room for so many jobs.
    pub(super) fn away(jobs: usize) -> Pool {
        Pool { unit: WHOLE_JOB, ..Pool::new(jobs.max(1).saturating_mul(WHOLE_JOB), u64::MAX) }
    }

    /// Whether jobs run one at a time here.
    pub(super) fn is_single(&self) -> bool {
        self.slots == self.unit
    }

    /// A job that wants more than there is gets all of it.
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
