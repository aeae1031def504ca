//! The site file: how otto treats a cluster, for all projects of a user or of a machine.

use super::field::{Field, Owner, Reader};
use super::resource;
use super::yaml::{self, Mapping, NodeKind};
use crate::diagnostic::Diagnostic;
use crate::resources::{GpusAs, MemoryAs, Resources};
use crate::source::SourceFile;
use std::time::Duration;

const KEYS: &[&str] = &[
    "array",
    "ask-every",
    "before",
    "defaults",
    "driver",
    "gpus-as",
    "jobs",
    "local-jobs",
    "lost-after",
    "lost-retries",
    "memory-as",
    "never-after",
    "submit-per-second",
    "tasks",
    "visible-after",
];

/// The map `slurm:` of a site file; what is not written is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Site {
    /// How many jobs a run may have in the queue.
    pub(crate) jobs: Option<u32>,
    pub(crate) submit_per_second: Option<u32>,
    /// So many jobs of one task become one array.
    pub(crate) array: Option<u32>,
    /// Time between two questions to Slurm.
    pub(crate) ask_every: Option<Duration>,
    /// How long a record may be missing once the job is over.
    pub(crate) lost_after: Option<Duration>,
    /// How long a job may wait for what never comes.
    pub(crate) never_after: Option<Duration>,
    /// How long a file may need to be seen on another machine.
    pub(crate) visible_after: Option<Duration>,
    /// How often a task is repeated that the cluster ended.
    pub(crate) lost_retries: Option<u32>,
    /// How many tasks run on this machine at a time, beside those on the cluster.
    pub(crate) local_jobs: Option<u32>,
    /// Lines of bash that each node runs before a task.
    pub(crate) before: Option<String>,
    pub(crate) memory_as: Option<MemoryAs>,
    pub(crate) gpus_as: Option<GpusAs>,
    /// What tasks ask for that say nothing else.
    pub(crate) defaults: Resources,
    /// What the job asks for that drives a run with `--detach`.
    pub(crate) driver: Resources,
    /// What tasks with such names ask for here, whatever they say.
    pub(crate) tasks: Vec<(String, Resources)>,
}

impl Site {
    /// What this file does not say is as in `other`.
    pub(crate) fn or(self, other: Site) -> Site {
        Site {
            jobs: self.jobs.or(other.jobs),
            array: self.array.or(other.array),
            submit_per_second: self.submit_per_second.or(other.submit_per_second),
            ask_every: self.ask_every.or(other.ask_every),
            lost_after: self.lost_after.or(other.lost_after),
            never_after: self.never_after.or(other.never_after),
            visible_after: self.visible_after.or(other.visible_after),
            lost_retries: self.lost_retries.or(other.lost_retries),
            local_jobs: self.local_jobs.or(other.local_jobs),
            before: self.before.or(other.before),
            memory_as: self.memory_as.or(other.memory_as),
            gpus_as: self.gpus_as.or(other.gpus_as),
            defaults: self.defaults.or(&other.defaults),
            driver: self.driver.or(&other.driver),
            tasks: self.tasks.into_iter().chain(other.tasks).collect(),
        }
    }
}

/// A site file as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SiteFile {
    pub(crate) site: Site,
    /// Maps as `slurm:` is one, that count more where they are asked for, in the order of the file.
    pub(crate) profiles: Vec<(String, Site)>,
}

/// Reads a site file, or says everything that is wrong with it.
pub(crate) fn read(source: &SourceFile) -> Result<SiteFile, Vec<Diagnostic>> {
    let mut reader = Reader::new(source);
    // No key of the root has entries that are read one by one.
    let parsed = yaml::parse(source, "", &mut |_, _| Ok(()));
    reader.tell_all(parsed.diagnostics, parsed.untold);
    let mut file = SiteFile::default();
    if let Some(root) = parsed.root.as_ref().filter(|root| parsed.is_whole && !root.is_null()) {
        let field = Field { key: "slurm", owner: Owner::SiteFile };
        let map = match &root.kind {
            NodeKind::Map(map) => Some(map),
            NodeKind::List(_) | NodeKind::Written(..) | NodeKind::Made(..) => {
                reader.wrong_type(field, root, "in a map", "write `slurm:`, then its keys below, indented");
                None
            }
        };
        for (key, node) in map.into_iter().flat_map(Mapping::iter) {
            match key.text {
                "slurm" | "profiles" if node.is_null() => {}
                "slurm" => {
                    let map = reader.map(field, node, "write `slurm:`, then its keys below, indented");
                    if let Some(map) = map {
                        file.site = slurm(&mut reader, map);
                    }
                }
                "profiles" => {
                    let field = Field { key: "profiles", owner: Owner::SiteFile };
                    let names = reader.map(field, node, "write the names of profiles below, indented");
                    for (key, node) in names.into_iter().flat_map(Mapping::iter) {
                        let field = Field { key: key.text, owner: Owner::SiteFile };
                        if let Some(map) = reader.map(field, node, "write keys of `slurm` below, indented") {
                            let profile = slurm(&mut reader, map);
                            file.profiles.push((key.text.to_owned(), profile));
                        }
                    }
                }
                _ => reader.unknown_key(key, Owner::SiteFile, &["profiles", "slurm"], None),
            }
        }
    }
    let diagnostics = reader.finish();
    if diagnostics.is_empty() { Ok(file) } else { Err(diagnostics) }
}

fn slurm(reader: &mut Reader<'_>, map: &Mapping<'_>) -> Site {
    let mut site = Site::default();
    for (key, node) in map.iter() {
        let field = Field { key: key.text, owner: Owner::SiteSlurm };
        let duration = |reader: &mut Reader<'_>| Some(reader.duration(field, node)?.value);
        match key.text {
            "jobs" => site.jobs = reader.number(field, node, 1),
            "array" => site.array = reader.number(field, node, 0),
            "submit-per-second" => site.submit_per_second = reader.number(field, node, 1),
            "ask-every" => site.ask_every = duration(reader),
            "lost-after" => site.lost_after = duration(reader),
            "never-after" => site.never_after = duration(reader),
            "visible-after" => site.visible_after = duration(reader),
            "local-jobs" => site.local_jobs = reader.number(field, node, 1),
            "defaults" => site.defaults = resource::read(reader, field, node),
            "driver" => site.driver = resource::read(reader, field, node),
            "tasks" => {
                let map = reader.map(field, node, "write lines `PATTERN: {partition: NAME}`");
                for (key, node) in map.into_iter().flat_map(Mapping::iter) {
                    let field = Field { key: key.text, owner: Owner::SiteSlurm };
                    site.tasks.push((key.text.to_owned(), resource::read(reader, field, node)));
                }
            }
            "before" => match node.scalar() {
                Some(text) => site.before = Some(text.to_owned()),
                None => reader.bad_value(field, node.span, "lines of bash", "not a string"),
            },
            "memory-as" => match node.scalar() {
                Some("job") => site.memory_as = Some(MemoryAs::Job),
                Some("cpu") => site.memory_as = Some(MemoryAs::Cpu),
                Some("none") => site.memory_as = Some(MemoryAs::None),
                Some(_) | None => {
                    reader.bad_value(field, node.span, "`job`, `cpu` or `none`", "not one of them")
                }
            },
            "gpus-as" => match node.scalar() {
                Some("gres") => site.gpus_as = Some(GpusAs::Gres),
                Some("gpus") => site.gpus_as = Some(GpusAs::Gpus),
                Some(_) | None => reader.bad_value(field, node.span, "`gres` or `gpus`", "not one of them"),
            },
            "lost-retries" => site.lost_retries = reader.number(field, node, 0),
            _ => reader.unknown_key(key, Owner::SiteSlurm, KEYS, None),
        }
    }
    site
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_file_is_read_and_the_nearer_one_counts() {
        let of = |text: &str| read(&SourceFile::new("config.yml", text.to_owned())).expect("sound").site;
        let near = of("slurm: {jobs: 5, ask-every: 2s}");
        let far = of("slurm: {jobs: 7, lost-retries: 0}");
        let both = near.or(far);
        assert_eq!(
            (both.jobs, both.lost_retries, both.ask_every),
            (Some(5), Some(0), Some(Duration::from_secs(2)))
        );
        assert_eq!(of(""), Site::default());
    }

    #[test]
    fn mistakes_in_a_site_file_are_told_all_at_once() {
        let source = SourceFile::new(
            "config.yml",
            "slurm: {jobs: 0, ask-evry: 1s, lost-after: soon}\nslrm: {}\n".to_owned(),
        );
        let wrong = read(&source).expect_err("mistakes");
        insta::assert_snapshot!(crate::diagnostic::render(&wrong, false, 100), @"
        error[E0109]: `slurm.jobs` must be at least 1
          ╭▸ config.yml:1:15
        1 │ slurm: {jobs: 0, ask-evry: 1s, lost-after: soon}
          ╰╴              ━ too small
        error[E0104]: unknown key `ask-evry` in `slurm`
          ╭▸ config.yml:1:18
        1 │ slurm: {jobs: 0, ask-evry: 1s, lost-after: soon}
          ╰╴                 ━━━━━━━━ unknown key
        help: did you mean `ask-every`?
        error[E0109]: `slurm.lost-after` must be a duration, such as `30s`, `5m` or `1h30m`
          ╭▸ config.yml:1:44
        1 │ slurm: {jobs: 0, ask-evry: 1s, lost-after: soon}
          ╰╴                                           ━━━━ not a duration
          = note: units are `ms`, `s`, `m`, `h` and `d`; a plain number means seconds
        error[E0104]: unknown key `slrm` in the site file
          ╭▸ config.yml:2:1
        2 │ slrm: {}
          ╰╴━━━━ unknown key
        help: did you mean `slurm`?
        ");
    }
}
