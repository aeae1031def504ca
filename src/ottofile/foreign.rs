//! Keys that other task runners have, and what they are called here.
//! A typo is found by its neighbours; a habit is not near to anything, so it stands in this table.

use super::field::Owner;

/// What a foreign key is called in an ottofile, as a help line.
pub(super) fn meant(owner: Owner<'_>, key: &str) -> Option<String> {
    let key = key.replace('_', "-").to_lowercase();
    let key = key.as_str();
    let (name, what) = match owner {
        Owner::Document => return at_root(key),
        Owner::Otto => match key {
            "env" | "environment" | "vars" | "variables" => ("envs", "variables for every task"),
            "default" | "defaults" | "default-task" | "default-tasks" => ("tasks", "the default tasks"),
            "version" | "schema" => ("api", "the format version"),
            "description" | "desc" | "help" => ("about", "one line that describes the project"),
            "includes" | "import" | "imports" | "workspace" | "workspaces" | "modules" => {
                ("include", "folders with ottofiles of their own")
            }
            "title" | "project" => ("name", "the project's name"),
            "parallel" | "parallelism" | "workers" | "concurrency" => {
                ("jobs", "how many tasks run at the same time")
            }
            "env-file" | "envfile" | "env-files" => ("dotenv", "files with variables"),
            "home" => {
                return Some(
                    "set the environment variable OTTO_HOME to choose where runs are stored".to_owned(),
                );
            }
            "verbosity" | "verbose" | "quiet" | "log-level" => {
                return Some("use the options `-q` and `-v` instead".to_owned());
            }
            "progress" | "progress-interval" => {
                return Some("the progress line is always shown on a terminal; remove this".to_owned());
            }
            _ => return None,
        },
        Owner::Task(_) => match key {
            "deps" | "dep" | "depends" | "depends-on" | "dependencies" | "need" | "requires" | "require"
            | "pre" => ("needs", "tasks that run before this one"),
            "post" | "then" | "finally" => ("after", "tasks that run after this one"),
            "cmd" | "cmds" | "command" | "commands" | "script" | "scripts" | "run" | "sh" | "shell"
            | "exec" | "recipe" | "do" => ("bash", "the script, as a block: `bash: |` followed by its lines"),
            "py" | "python2" => ("python", "the script, as a block: `python: |` followed by its lines"),
            "desc" | "description" | "summary" | "doc" | "docs" | "about" | "usage" => {
                ("help", "the description shown in listings")
            }
            "env" | "environment" | "vars" | "variables" => ("envs", "variables of this task"),
            "sources" | "source" | "inputs" | "srcs" | "src" | "files" => {
                ("input", "globs of the files it reads")
            }
            "generates" | "creates" | "targets" | "target" | "artifacts" | "produces" => {
                ("output", "globs of the files it makes")
            }
            "args" | "arguments" | "options" | "opts" | "flags" | "parameters" | "param" => {
                ("params", "its options and arguments")
            }
            "dir-name" | "cwd" | "workdir" | "working-dir" | "working-directory" | "directory" | "chdir" => {
                ("dir", "the working directory")
            }
            "matrix" | "for" | "for-each" | "loop" | "with-items" | "each" => ("foreach", "one job per item"),
            "internal" | "private" | "hide" => ("hidden", "leave the task out of listings"),
            "category" | "section" | "namespace" => ("group", "the heading in listings"),
            "pty" | "terminal" | "stdin" => ("tty", "attach the task to the terminal"),
            "sequence" | "serial" | "chain" | "in-order" => ("steps", "tasks and scripts that run in order"),
            "parallel" | "jobs" | "concurrency" => {
                return Some("tasks run in parallel unless `needs` or `after` orders them".to_owned());
            }
            "time-limit" | "timeout-minutes" | "timeout-seconds" => ("timeout", "a duration such as `5m`"),
            "retry" | "attempts" | "max-retries" => ("retries", "the number of retries"),
            "on-error" | "rescue" | "catch" => ("on-failure", "tasks that run if this one fails"),
            "daemon" | "background" | "server" | "services" => {
                ("service", "the task stays up while others use it")
            }
            "stream" | "pipe" => ("streaming", "pass data while both tasks run"),
            "when" => {
                let of_task = "of a task, `if: COMMAND` decides whether it runs";
                return Some(format!(
                    "{of_task}; `when` stands at a dependency: `before: [{{task: NAME, when: failure}}]`"
                ));
            }
            "condition" | "conditions" | "only-if" | "run-if" => {
                ("if", "a command, or in Python an expression, that decides whether the task runs")
            }
            _ => return None,
        },
        Owner::Output { .. } => match key {
            "description" | "desc" | "doc" | "about" => ("help", "the description of the value"),
            "minimum" | "min-length" | "at-least" => ("min", "the minimum value or length"),
            "maximum" | "max-length" | "at-most" => ("max", "the maximum value or length"),
            "enum" | "values" | "options" => ("choices", "the allowed values"),
            "regex" | "match" | "format" => {
                ("pattern", "a regular expression that the whole string must match")
            }
            "properties" | "fields" => ("keys", "the keys of an object and their types"),
            _ => return None,
        },
        Owner::Param { .. } => match key {
            "desc" | "description" | "doc" => ("help", "the description in the task's help"),
            "dest" | "name" => {
                return Some("the name comes from the key: `-m|--msg` is called `msg`".to_owned());
            }
            "value" | "const" | "constant" => ("default", "the value if none is given"),
            "values" | "enum" | "options" | "allowed" | "one-of" => ("choices", "the allowed values"),
            "count" | "num-args" | "multiple" => ("nargs", "the number of arguments"),
            "short" | "long" | "flag" => {
                return Some("the key shows how it is written: `-m|--msg:`".to_owned());
            }
            "mandatory" => ("required", "whether a value must be given"),
            "placeholder" | "value-name" => ("metavar", "the placeholder in help"),
            _ => return None,
        },
        Owner::Foreach(_) => match key {
            "in" | "list" | "values" | "of" => ("items", "a list of values"),
            "var" | "variable" | "name" => ("as", "the variable that holds the item"),
            "files" => ("glob", "a pattern of file names"),
            "serial" | "sequential" => ("parallel", "`false` runs one job at a time"),
            "max" | "limit" => ("max_items", "the maximum number of items"),
            _ => return None,
        },
        Owner::Retries(_) => match key {
            "max" | "attempts" | "times" | "limit" => ("count", "the number of retries"),
            "wait" | "interval" | "sleep" | "pause" => ("delay", "the pause before the first retry"),
            "factor" | "multiplier" => ("backoff", "the factor by which each pause grows"),
            _ => return None,
        },
        Owner::Service(_) => match key {
            "command" | "cmd" | "check" | "test" | "healthcheck" | "health" | "probe" | "exec" => {
                ("ready", "a command that succeeds when the service is ready")
            }
            "ports" | "tcp" | "listen" => ("port", "a port that answers when the service is ready"),
            "output" | "line" | "message" | "pattern" => ("log", "a text that it writes when it is ready"),
            "wait" | "start-period" | "time-limit" => ("timeout", "how long it may take to get ready"),
            _ => return None,
        },
        Owner::Edge(_) => match key {
            "name" | "job" => ("task", "the task's name"),
            "if" | "on" | "condition" | "status" => ("when", "`success`, `ran`, `failure` or `always`"),
            "vars" | "params" | "args" | "arguments" | "values" => {
                ("with", "values of the task's parameters")
            }
            "alias" => ("as", "the name by which its data is read"),
            "sequence" | "serial" | "order" | "ordered" => ("in-order", "tasks that run one after the other"),
            _ => return None,
        },
        Owner::Step(_) => match key {
            "name" | "job" => ("task", "the task's name"),
            "vars" | "params" | "args" | "arguments" | "values" => {
                ("with", "values of the task's parameters")
            }
            "alias" => ("as", "the name by which its data is read"),
            "cmd" | "command" | "run" | "sh" | "script" | "exec" => ("bash", "a script"),
            _ => return None,
        },
        Owner::Include => match key {
            "file" | "dir" | "taskfile" | "folder" => ("path", "a folder or an ottofile"),
            "name" | "namespace" | "prefix" => ("as", "the namespace of its tasks"),
            "vars" | "env" | "variables" => ("envs", "variables for its tasks"),
            _ => return None,
        },
        Owner::Retention
        | Owner::SiteFile
        | Owner::SiteSlurm
        | Owner::SiteResources
        | Owner::Resources(_)
        | Owner::Variable(_) => return None,
    };
    Some(format!("in otto this is `{name}`: {what}"))
}

fn at_root(key: &str) -> Option<String> {
    Some(match key {
        "envs" | "jobs" | "api" | "about" | "retention" | "dotenv" | "envs-command" | "name" => {
            format!("it belongs under `otto`: `otto: {{ {key}: … }}`")
        }
        "env" | "environment" | "vars" | "variables" => {
            "in otto this is `envs`, under `otto`: `otto: { envs: … }`".to_owned()
        }
        "version" | "schema" => "in otto this is `api`, under `otto`: `otto: { api: 1 }`".to_owned(),
        "default" | "default-task" | "defaults" => {
            "default tasks go under `otto`: `otto: { tasks: [NAME] }`".to_owned()
        }
        "targets" | "recipes" | "jobs-list" | "scripts" | "commands" => "in otto this is `tasks`".to_owned(),
        "include" | "includes" | "import" | "imports" => {
            "other ottofiles are included under `otto`: `otto: { include: [FOLDER] }`".to_owned()
        }
        _ => return None,
    })
}
