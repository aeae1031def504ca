//! Order in a graph given by "needs": topological order, circles, heights. Without recursion, for chains are long.

use super::Plan;

/// An order of `0..count` in which each stands after those it needs, otherwise in ascending order of first
/// mention; or the members of a circle, each needing the next and the last one the first.
pub(crate) fn topological<'a, I>(count: usize, needs: impl Fn(usize) -> I) -> Result<Vec<usize>, Vec<usize>>
where
    I: IntoIterator<Item = &'a usize>,
    I::IntoIter: 'a,
{
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; count];
    let mut order = Vec::with_capacity(count);
    for start in 0..count {
        if marks[start] != Mark::New {
            continue;
        }
        marks[start] = Mark::Open;
        let mut path = vec![(start, needs(start).into_iter())];
        while let Some((node, rest)) = path.last_mut() {
            let node = *node;
            match rest.next().copied() {
                None => {
                    marks[node] = Mark::Done;
                    order.push(node);
                    path.pop();
                }
                Some(next) => match marks[next] {
                    Mark::Done => {}
                    Mark::New => {
                        marks[next] = Mark::Open;
                        path.push((next, needs(next).into_iter()));
                    }
                    Mark::Open => {
                        let begin = path
                            .iter()
                            .position(|(node, _)| *node == next)
                            .expect("bug: an open node is not on the path");
                        return Err(path[begin..].iter().map(|(node, _)| *node).collect());
                    }
                },
            }
        }
    }
    Ok(order)
}

/// How many members of a circle a message names, and how many places are shown: a screenful.
pub(crate) const CIRCLE_SHOWN: usize = 8;

/// A circle in words, with a verb between two names: `a` needs `b` needs `a`. One that is too long for a message is cut in it, and the whole of it comes
/// second, for a note.
pub(crate) fn circle_in_words(names: &[&str], verb: &str) -> (String, Option<String>) {
    let chain = |names: &[&str]| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(&format!(" {verb} "))
    };
    let closed = [names, &names[..1]].concat();
    if names.len() <= CIRCLE_SHOWN {
        return (chain(&closed), None);
    }
    let begin = chain(&names[..CIRCLE_SHOWN]);
    (
        format!("{begin} and so on, {} in all", names.len()),
        Some(format!("the whole cycle: {}", chain(&closed))),
    )
}

/// For each job the longest chain of jobs that depend on it, itself included. The jobs that data will tell count as one
/// link, so that nothing changes when they are known.
pub(crate) fn heights(plan: &Plan) -> Vec<u32> {
    let mut heights = vec![1; plan.jobs.len()];
    for id in plan.in_order().into_iter().rev() {
        let job = plan.job(id);
        let height = heights[id.index()] + 1 + u32::from(job.awaited().is_some());
        for need in &job.needs {
            heights[need.job.index()] = height.max(heights[need.job.index()]);
        }
    }
    heights
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn chains_of_any_length_do_not_overflow_the_stack() {
        let needs: Vec<Vec<usize>> =
            (0..100_000).map(|place| if place == 99_999 { vec![] } else { vec![place + 1] }).collect();
        assert_eq!(topological(100_000, |place| &needs[place]).map(|order| order[0]), Ok(99_999));
        let circle: Vec<Vec<usize>> = (0..100_000).map(|place| vec![(place + 1) % 100_000]).collect();
        assert_eq!(topological(100_000, |place| &circle[place]).map_err(|cycle| cycle.len()), Err(100_000));
    }

    #[test]
    fn a_long_circle_is_cut_in_the_message_and_whole_in_a_note() {
        assert_eq!(circle_in_words(&["a", "b"], "needs"), ("`a` needs `b` needs `a`".into(), None));
        let names: Vec<String> = (0..9).map(|place| format!("t{place}")).collect();
        let (message, note) = circle_in_words(&names.iter().map(String::as_str).collect::<Vec<_>>(), "needs");
        let shown = "`t0` needs `t1` needs `t2` needs `t3` needs `t4` needs `t5` needs `t6` needs `t7`";
        assert_eq!(message, format!("{shown} and so on, 9 in all"));
        assert_eq!(note, Some(format!("the whole cycle: {shown} needs `t8` needs `t0`")));
    }

    proptest! {
        #[test]
        fn an_order_or_a_real_circle(edges in proptest::collection::vec((0usize..12, 0usize..12), 0..30)) {
            let mut needs = vec![Vec::new(); 12];
            for (from, to) in edges {
                needs[from].push(to);
            }
            match topological(12, |place| &needs[place]) {
                Ok(order) => {
                    let mut places = [0; 12];
                    for (place, node) in order.iter().enumerate() {
                        places[*node] = place;
                    }
                    prop_assert_eq!(order.len(), 12);
                    for (node, needed) in needs.iter().enumerate() {
                        prop_assert!(needed.iter().all(|need| places[*need] < places[node]));
                    }
                }
                Err(cycle) => {
                    prop_assert!(!cycle.is_empty());
                    for (place, node) in cycle.iter().enumerate() {
                        prop_assert!(needs[*node].contains(&cycle[(place + 1) % cycle.len()]));
                    }
                }
            }
        }
    }
}
