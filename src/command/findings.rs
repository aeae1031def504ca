//! What the check of the flow of data must ask the machine: modules of the project, and what an earlier run recorded.

use super::Context;
use crate::flow::Outside;
use crate::host::Found;
use crate::ottofile::Ottofile;
use crate::ottofile::spec::Task;
use crate::plan::JobId;
use crate::run::Recorded;
use crate::value::Map;
use std::path::{Path, PathBuf};
use std::rc::Rc;

pub(super) struct Surroundings<'a> {
    ottofile: &'a Ottofile,
    folder: &'a Path,
    /// Folders in which Python looks for modules beside those that are installed. `None`: only the tasks know.
    python_path: Option<Vec<PathBuf>>,
    recorded: Option<&'a Recorded>,
}

impl<'a> Surroundings<'a> {
    pub(super) fn of(
        context: &Context,
        found: &'a Found,
        ottofile: &'a Ottofile,
        recorded: Option<&'a Recorded>,
    ) -> Surroundings<'a> {
        let tasks = ottofile.tasks.iter().flat_map(|task| &task.envs);
        let is_set = ottofile.variables_of_files().chain(tasks).any(|entry| entry.name.value == "PYTHONPATH");
        let path = context.environment.filled("PYTHONPATH");
        let path = path.map(|path| std::env::split_paths(path).collect()).unwrap_or_default();
        Surroundings { ottofile, folder: found.folder(), python_path: (!is_set).then_some(path), recorded }
    }
}

impl Outside for Surroundings<'_> {
    fn has_module(&self, task: &Task, name: &str) -> bool {
        let Some(path) = &self.python_path else { return true };
        let folder = self.ottofile.folder_of(task.name_span.source).unwrap_or(self.folder);
        let workdir = match &task.dir {
            // Its variables are not known yet.
            Some(dir) if dir.value.contains('$') => return true,
            Some(dir) => folder.join(&dir.value),
            None => folder.to_owned(),
        };
        let is_there =
            |folder: &Path| folder.join(name).is_dir() || folder.join(format!("{name}.py")).exists();
        is_there(&workdir) || path.iter().any(|folder| is_there(&workdir.join(folder)))
    }

    fn recorded(&self, job: JobId) -> Vec<(String, Rc<Map>)> {
        let inputs = self.recorded.and_then(|recorded| recorded.get(&job)).map_or(&[][..], |inputs| inputs);
        let one = |input: &crate::run::RecordedInput| {
            (input.job.as_str().to_owned(), Rc::new(input.outputs.values.clone()))
        };
        inputs.iter().map(one).collect()
    }
}
