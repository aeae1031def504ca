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
            "default" | "defaults" | "default-task" | "default-tasks" => ("tasks", "what plain `otto` runs"),
            "version" | "schema" => ("api", "the version of the ottofile's form"),
            "description" | "desc" | "help" => ("about", "one line about the project"),
            "title" | "project" => ("name", "the project's name"),
            "parallel" | "parallelism" | "workers" | "concurrency" => {
                ("jobs", "how many tasks run at a time")
            }
            "env-file" | "envfile" | "env-files" => ("dotenv", "files with variables"),
            "home" => return Some("runs are kept where the variable OTTO_HOME says".to_owned()),
            "verbosity" | "verbose" | "quiet" | "log-level" => {
                return Some("how much otto says is chosen when it is called: `-q`, `-v`".to_owned());
            }
            "progress" | "progress-interval" => {
                return Some(
                    "the progress line is there on a terminal and nowhere else; leave this out".to_owned(),
                );
            }
            _ => return None,
        },
        Owner::Task(_) => match key {
            "deps" | "dep" | "depends" | "depends-on" | "dependencies" | "need" | "requires" | "require"
            | "pre" => ("needs", "the tasks that run before this one"),
            "post" | "then" | "finally" => ("after", "the tasks that run after this one"),
            "cmd" | "cmds" | "command" | "commands" | "script" | "scripts" | "run" | "sh" | "shell"
            | "exec" | "steps" | "recipe" | "do" => {
                ("bash", "the script, as one text: `bash: |` and its lines below")
            }
            "py" | "python2" => ("python", "the script, as one text: `python: |` and its lines below"),
            "desc" | "description" | "summary" | "doc" | "docs" | "about" | "usage" => {
                ("help", "what listings say about the task")
            }
            "env" | "environment" | "vars" | "variables" => ("envs", "variables of this task"),
            "sources" | "source" | "inputs" | "srcs" | "src" | "files" => {
                ("input", "globs of the files that it reads")
            }
            "generates" | "creates" | "targets" | "target" | "artifacts" | "produces" => {
                ("output", "globs of the files that it makes")
            }
            "args" | "arguments" | "options" | "opts" | "flags" | "parameters" | "param" => {
                ("params", "the options and words that it takes")
            }
            "dir-name" | "cwd" | "workdir" | "working-dir" | "working-directory" | "directory" | "chdir" => {
                ("dir", "the folder to run in")
            }
            "matrix" | "for" | "for-each" | "loop" | "with-items" | "each" => ("foreach", "one job per item"),
            "internal" | "private" | "hide" => ("hidden", "leave the task out of listings"),
            "category" | "section" | "namespace" => ("group", "the heading in listings"),
            "pty" | "terminal" | "stdin" => ("tty", "the task gets the terminal"),
            "parallel" | "jobs" | "concurrency" => {
                return Some("tasks run side by side unless `needs` or `after` orders them".to_owned());
            }
            "time-limit" | "timeout-minutes" | "timeout-seconds" => ("timeout", "a time such as `5m`"),
            "retry" | "attempts" | "max-retries" => ("retries", "how often to try again"),
            "on-error" | "rescue" | "catch" => ("on-failure", "tasks to run when this one fails"),
            "stream" | "pipe" => ("streaming", "hand output on while the task runs"),
            _ => return None,
        },
        Owner::Output { .. } => match key {
            "description" | "desc" | "doc" | "about" => ("help", "what listings say about the value"),
            "minimum" | "min-length" | "at-least" => ("min", "the least number or length"),
            "maximum" | "max-length" | "at-most" => ("max", "the greatest number or length"),
            "enum" | "values" | "options" => ("choices", "the values that are allowed"),
            "regex" | "match" | "format" => ("pattern", "a regular expression for the whole string"),
            "properties" | "fields" => ("keys", "the keys of an object and their types"),
            _ => return None,
        },
        Owner::Param { .. } => match key {
            "desc" | "description" | "doc" => ("help", "what the task's help says about it"),
            "dest" | "name" => {
                return Some("a parameter's name comes from its form: `-m|--msg` is `msg`".to_owned());
            }
            "value" | "const" | "constant" => ("default", "the value when none is given"),
            "values" | "enum" | "options" | "allowed" | "one-of" => {
                ("choices", "the values that are allowed")
            }
            "count" | "num-args" | "multiple" => ("nargs", "how many words it takes"),
            "short" | "long" | "flag" => {
                return Some("the form of a parameter is its key: `-m|--msg:`".to_owned());
            }
            "mandatory" => ("required", "whether a value must be given"),
            "placeholder" | "value-name" => ("metavar", "the word that stands for the value in help"),
            _ => return None,
        },
        Owner::Foreach(_) => match key {
            "in" | "list" | "values" | "of" => ("items", "a list of values"),
            "var" | "variable" | "name" => ("as", "the variable that holds the item"),
            "files" => ("glob", "a pattern of file names"),
            "serial" | "sequential" => ("parallel", "`false`: one job after the other"),
            "max" | "limit" => ("max_items", "how many items there may be"),
            _ => return None,
        },
        Owner::Retries(_) => match key {
            "max" | "attempts" | "times" | "limit" => ("count", "tries after the first"),
            "wait" | "interval" | "sleep" | "pause" => ("delay", "the pause before the first retry"),
            "factor" | "multiplier" => ("backoff", "what each further pause is multiplied by"),
            _ => return None,
        },
        Owner::Edge(_) => match key {
            "name" | "job" => ("task", "the task's name"),
            "if" | "on" | "condition" | "status" => ("when", "`success`, `failure` or `always`"),
            _ => return None,
        },
        Owner::Retention => return None,
    };
    Some(format!("otto calls it `{name}`: {what}"))
}

fn at_root(key: &str) -> Option<String> {
    Some(match key {
        "envs" | "jobs" | "api" | "about" | "retention" | "dotenv" | "envs-command" | "name" => {
            format!("it belongs under `otto`: `otto: {{ {key}: … }}`")
        }
        "env" | "environment" | "vars" | "variables" => {
            "otto calls it `envs`, and it belongs under `otto`: `otto: { envs: … }`".to_owned()
        }
        "version" | "schema" => {
            "otto calls it `api`, and it belongs under `otto`: `otto: { api: 1 }`".to_owned()
        }
        "default" | "default-task" | "defaults" => {
            "what plain `otto` runs stands under `otto`: `otto: { tasks: [NAME] }`".to_owned()
        }
        "targets" | "recipes" | "jobs-list" | "scripts" | "commands" => "otto calls it `tasks`".to_owned(),
        "include" | "includes" | "import" | "imports" => {
            "an ottofile is one file; nothing can be included".to_owned()
        }
        _ => return None,
    })
}
