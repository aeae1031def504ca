//! The jobs of a plan as the journal and the views know them, without the values that are secret.

use super::Setting;
use crate::event::PlannedJob;
use crate::history::record::is_secret_name;
use crate::name::{JobName, ParamName};
use crate::ottofile::spec::{ForeachSource, Task};
use crate::plan::select::Items;
use crate::plan::{JobId, Lane, Work};
use crate::secret::MASK;
use crate::verbatim::{Verbatim, hex};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// The jobs as the journal and the views know them.
pub(crate) fn planned_jobs(setting: &Setting) -> Vec<Arc<PlannedJob>> {
    setting.plan.ids().map(|id| planned_job(setting, id)).collect()
}

pub(super) fn planned_job(setting: &Setting, id: JobId) -> Arc<PlannedJob> {
    let job = setting.plan.job(id);
    let task = &setting.ottofile.tasks[job.task];
    let params = job.texts().map(|(name, value)| {
        let value = if is_withheld(task, name) { MASK.into() } else { value.to_string_lossy() };
        (name.as_str().to_owned(), value.into_owned())
    });
    let public = || job.params.iter().filter(|(name, _)| !is_withheld(task, name));
    let raw_params = job.texts().filter_map(|(name, value)| {
        let is_recorded = value.to_str().is_none() && !is_withheld(task, name);
        is_recorded.then(|| (name.as_str().to_owned(), hex(value.as_bytes())))
    });
    let words = public().filter_map(|(name, value)| {
        let words = value.as_ref()?.words()?.iter().map(|word| Verbatim::of(word));
        Some((name.as_str().to_owned(), words.collect()))
    });
    Arc::new(PlannedJob {
        name: job.name.clone(),
        task: JobName::of_task(&task.name),
        has_body: job.work.has_body(),
        file: setting.ottofile.part_of(task).map(|part| {
            let folder = part.path.strip_prefix(&setting.folder).unwrap_or(&part.path);
            folder.to_string_lossy().into()
        }),
        line: setting.ottofile.sources.line(task.name_span),
        needs: job.needs.iter().map(|need| setting.plan.job(need.job).name.clone()).collect(),
        reads: setting
            .plan
            .producers(id)
            .map(|(producer, _)| setting.plan.job(producer).name.clone())
            .collect(),
        params: params.collect(),
        raw_params: raw_params.collect(),
        words: words.collect(),
        is_serial: job.lane.is_some_and(|lane| setting.plan.lanes[lane.0 as usize] == Lane::Serial),
        is_service: job.work == Work::Service,
        is_buffered: job.item.is_some() && task.foreach.as_ref().is_some_and(|foreach| foreach.is_buffered),
        awaits: job.awaited().and(task.foreach.as_ref()).map(|foreach| told_by(&foreach.source).into()),
        only: match job.awaited().map(|awaited| &awaited.only) {
            Some(Items::Only(names)) => names.iter().map(|(name, _)| name.clone()).collect(),
            Some(Items::All) | None => Box::default(),
        },
    })
}

/// What tells the items of a foreach task, in the user's words.
pub(crate) fn told_by(source: &ForeachSource) -> String {
    match source {
        ForeachSource::Each(task) => task.value.clone(),
        ForeachSource::From(_)
        | ForeachSource::Matrix(_)
        | ForeachSource::Items(_)
        | ForeachSource::Glob(_)
        | ForeachSource::Range { .. }
        | ForeachSource::Command(_) => {
            let paths: Vec<&str> = source.paths().map(|path| path.text.value.as_str()).collect();
            paths.join(", ")
        }
    }
}

/// Whether the value of a parameter is not recorded: it is a secret, or has a name that secrets go by.
pub(crate) fn is_withheld(task: &Task, name: &ParamName) -> bool {
    task.params.iter().any(|param| param.name == *name && param.is_secret) || is_secret_name(name.as_str())
}
