//! Which edges carry a stream, and what must hold for those that do.
//! Knows no pipes; the run connects them.

use super::Flow;
use super::draft::Draft;
use crate::diagnostic::{Code, Diagnostic};
use crate::ottofile::Ottofile;
use crate::ottofile::spec::BodyKey;
use std::collections::{BTreeMap, BTreeSet};

/// The variable that leads a consumer to the stream of `producer`: `OTTO_INPUT_PIPE_BUILD_ALL_X` for `build-all:x`.
pub(crate) fn pipe_variable(producer: &str) -> String {
    format!("OTTO_INPUT_PIPE_{}", crate::name::fold(producer))
}

/// Refuses streams to or from jobs that are not known before the run, because they could not be connected in time.
pub(super) fn refuse_crossings(
    ottofile: &Ottofile,
    crossings: Vec<(usize, usize)>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for (consumer, producer) in crossings.into_iter().collect::<BTreeSet<_>>() {
        let (consumer, producer) = (&ottofile.tasks[consumer], &ottofile.tasks[producer]);
        let message = format!("`{}` cannot read the stream of `{}`", consumer.name, producer.name);
        let mut wrong = Diagnostic::error(Code::StreamUnplanned, message);
        for task in [consumer, producer] {
            if let Some(foreach) = &task.foreach {
                let text = format!("the jobs of `{}` are known only during the run", task.name);
                wrong = wrong.at(&ottofile.sources, foreach.span, text);
            }
        }
        let help = "remove `streaming` from one of the two; values and files are passed as usual";
        diagnostics.push(wrong.help(help));
    }
}

/// Refuses producers that would begin their streams again, streams that one consumer could not tell apart, and groups
/// that stream.
pub(super) fn check(ottofile: &Ottofile, jobs: &[Draft], diagnostics: &mut Vec<Diagnostic>) {
    let mut repeated = BTreeSet::new();
    let mut clashing = BTreeSet::new();
    let mut idle = BTreeSet::new();
    for job in jobs {
        let task = &ottofile.tasks[job.task];
        if let Some(streaming) = &task.streaming
            && task.body.as_ref().is_none_or(|body| body.key == BodyKey::Nothing)
            && idle.insert(job.task)
        {
            diagnostics.push(
                Diagnostic::error(
                    Code::Contradiction,
                    format!("`{}` is streaming but has no script", task.name),
                )
                .at(&ottofile.sources, streaming.span, "this task only groups others")
                .help("set `streaming` in the tasks that it groups"),
            );
        }
        let mut names: BTreeMap<String, &Draft> = BTreeMap::new();
        for need in job.needs.iter().filter(|need| matches!(need.flow, Flow::Stream { .. })) {
            let producer = &jobs[need.job.index()];
            let task = &ottofile.tasks[producer.task];
            if let Some(retries) = &task.retries
                && retries.value.count > 0
                && repeated.insert(producer.task)
            {
                let consumer = &ottofile.tasks[job.task];
                diagnostics.push(
                    Diagnostic::error(
                        Code::StreamRepeated,
                        format!(
                            "`{}` has retries, but `{}` reads its stream while it runs",
                            task.name, consumer.name
                        ),
                    )
                    .at(&ottofile.sources, retries.span, "a second attempt would start the stream again")
                    .at(
                        &ottofile.sources,
                        consumer.name_span,
                        "has already read what the first attempt wrote",
                    )
                    .help("remove `retries`, or `streaming` from one of the two"),
                );
            }
            let name = pipe_variable(producer.name.as_str());
            let Some(other) = names.insert(name.clone(), producer) else { continue };
            if clashing.insert((job.task, name.clone())) {
                let span = |job: &Draft| ottofile.tasks[job.task].name_span;
                diagnostics.push(
                    Diagnostic::error(
                        Code::StreamClash,
                        format!(
                            "`{}` reads the streams of `{}` and `{}`, but both would be `${name}`",
                            job.name, other.name, producer.name
                        ),
                    )
                    .at(&ottofile.sources, span(other), "the first one")
                    .at(&ottofile.sources, span(producer), "the second one")
                    .help("rename one of them"),
                );
            }
        }
    }
}
