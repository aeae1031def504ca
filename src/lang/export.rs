//! The simple way to pass data: variables `OTTO_…` that a task exports reach its dependants' environments.
//! Knows no shell; what was exported comes as names and values, whatever the language.

use super::Input;
use crate::body::export::{has_word, is_reserved};
use crate::diagnostic::{Code, Diagnostic};
use crate::name::{JobName, fold};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// The largest value that is put into an environment. One over 128 KiB would keep every program from starting.
pub(crate) const MOST_VALUE_BYTES: usize = 32 << 10;
/// The most that one task puts into the environment of a dependant.
pub(crate) const MOST_TASK_BYTES: usize = 128 << 10;
pub(crate) const MOST_TASK_VARIABLES: usize = 256;

/// The name under which dependants of `job` see its variable `name`: `OTTO_VERSION` of `build-all:x` is
/// `OTTO_BUILD_ALL_X_VERSION`.
pub(crate) fn folded_name(job: &JobName, name: &str) -> String {
    let rest = name.strip_prefix("OTTO_").unwrap_or(name);
    format!("OTTO_{}_{}", fold(job.as_str()), fold(rest))
}

/// What the exports of its dependencies add to a job's environment.
#[derive(Debug, Default)]
pub(crate) struct Injection {
    pub(crate) env: Vec<(OsString, OsString)>,
    /// Over the limits, so not in the environment; bash makes plain variables of them.
    pub(crate) oversized: Vec<(String, Vec<u8>)>,
    pub(crate) warnings: Vec<Diagnostic>,
    /// The job's text uses a name whose value cannot be told.
    pub(crate) errors: Vec<Diagnostic>,
}

/// One variable on its way to a dependant.
struct Offer<'a> {
    job: &'a JobName,
    written: &'a str,
    value: Vec<u8>,
    is_oversized: bool,
}

pub(crate) fn inject(inputs: &[Input], job: &JobName, text: &str) -> Injection {
    let mut offers: BTreeMap<String, Vec<Offer>> = BTreeMap::new();
    for input in inputs {
        for (written, value, is_oversized) in exports_of(input) {
            let offer = Offer { job: &input.job, written, value, is_oversized };
            offers.entry(folded_name(&input.job, written)).or_default().push(offer);
        }
    }
    let mut injection = Injection::default();
    for (name, offers) in offers {
        let [first, rest @ ..] = &offers[..] else { continue };
        let other = rest.iter().find(|offer| offer.value != first.value);
        let why = match other {
            Some(other) => format!(
                "`{}` exports `{}` and `{}` exports `{}` with different values; both would become `{name}`",
                first.job, first.written, other.job, other.written
            ),
            None if is_reserved(&name) => format!(
                "`{}` exports `{}`, which would become `{name}`, a variable that otto sets itself",
                first.job, first.written
            ),
            None if first.is_oversized => {
                injection.oversized.push((name, first.value.clone()));
                continue;
            }
            None => {
                injection.env.push((name.into(), OsString::from_vec(first.value.clone())));
                continue;
            }
        };
        let is_used = other.is_some() && has_word(text, &name);
        let help = format!("read them as `INPUT[{}.{}]` and so on", first.job, first.written);
        if is_used {
            let message = format!("`{job}` uses `{name}`, which is ambiguous: {why}");
            injection.errors.push(Diagnostic::error(Code::ExportClash, message).help(help));
        } else {
            let message = format!("`{name}` is not in the environment of `{job}`: {why}");
            injection.warnings.push(Diagnostic::warning(Code::ExportClash, message).help(help));
        }
    }
    injection
}

/// The exports of one dependency by name, with whether each is over the limits.
fn exports_of(input: &Input) -> Vec<(&str, Vec<u8>, bool)> {
    let mut bytes = 0;
    let mut count = 0;
    let with_values = input.outputs.exports.iter().filter_map(|name| {
        let value = crate::value::get(&input.outputs.values, name)?.as_bytes()?.into_owned();
        // A NUL cannot be in an environment; the value is in INPUT all the same.
        (!value.contains(&0)).then_some((name.as_str(), value))
    });
    with_values
        .map(|(name, value)| {
            let is_oversized = value.len() > MOST_VALUE_BYTES
                || bytes + value.len() > MOST_TASK_BYTES
                || count == MOST_TASK_VARIABLES;
            if !is_oversized {
                bytes += value.len();
                count += 1;
            }
            (name, value, is_oversized)
        })
        .collect()
}

/// One warning for all that is over the limits, told where the variables are made.
pub(crate) fn limits_warning(job: &JobName, outputs: &crate::store::outputs::Outputs) -> Option<Diagnostic> {
    let input = Input {
        job: job.clone(),
        outputs: std::sync::Arc::new(outputs.clone()),
        absence: None,
        is_whole: true,
    };
    let over: Vec<String> = exports_of(&input)
        .into_iter()
        .filter(|(_, _, is_oversized)| *is_oversized)
        .map(|(name, value, _)| format!("`{name}` ({} bytes)", value.len()))
        .collect();
    if over.is_empty() {
        return None;
    }
    let shown = over.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if over.len() > 5 { format!(" and {} more", over.len() - 5) } else { String::new() };
    Some(
        Diagnostic::warning(
            Code::ExportTooLarge,
            format!(
                "exported by `{job}`, but too large for the environment of its dependents: {shown}{more}"
            ),
        )
        .note("the limits are 32 KiB per value, and 128 KiB and 256 variables per task")
        .help(format!("dependents can read it as `INPUT[{job}.NAME]`")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::outputs::Outputs;
    use crate::value::Value;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn job(name: &str) -> JobName {
        JobName::recorded(name).expect("not empty")
    }

    fn input(name: &str, exports: &[(&str, &str)]) -> Input {
        let values =
            exports.iter().map(|(key, value)| ((*key).to_owned(), Value::String((*value).to_owned())));
        let outputs = Outputs {
            values: values.collect(),
            exports: exports.iter().map(|(key, _)| (*key).into()).collect(),
            ..Outputs::default()
        };
        Input { job: job(name), outputs: Arc::new(outputs), absence: None, is_whole: true }
    }

    fn names(injection: &Injection) -> Vec<&str> {
        injection.env.iter().filter_map(|(name, _)| name.to_str()).collect()
    }

    #[test]
    fn names_fold_byte_by_byte() {
        assert_eq!(folded_name(&job("build"), "OTTO_VERSION"), "OTTO_BUILD_VERSION");
        assert_eq!(folded_name(&job("build-all:x"), "OTTO_VERSION"), "OTTO_BUILD_ALL_X_VERSION");
        assert_eq!(folded_name(&job("ż.1"), "OTTO_v"), "OTTO____1_V");
    }

    #[test]
    fn two_values_for_one_name_are_told_and_neither_is_given() {
        let inputs = [input("build-all", &[("OTTO_V", "1")]), input("build_all", &[("OTTO_V", "2")])];
        let quiet = inject(&inputs, &job("deploy"), "make");
        assert_eq!((names(&quiet), quiet.errors.len()), (vec![], 0));
        insta::assert_snapshot!(quiet.warnings[0].message, @"`OTTO_BUILD_ALL_V` is not in the environment of `deploy`: `build-all` exports `OTTO_V` and `build_all` exports `OTTO_V` with different values; both would become `OTTO_BUILD_ALL_V`");
        let used = inject(&inputs, &job("deploy"), "echo $OTTO_BUILD_ALL_V");
        insta::assert_snapshot!(used.errors[0].message, @"`deploy` uses `OTTO_BUILD_ALL_V`, which is ambiguous: `build-all` exports `OTTO_V` and `build_all` exports `OTTO_V` with different values; both would become `OTTO_BUILD_ALL_V`");
        let same = [input("build-all", &[("OTTO_V", "1")]), input("build_all", &[("OTTO_V", "1")])];
        assert_eq!(names(&inject(&same, &job("deploy"), "")), ["OTTO_BUILD_ALL_V"]);
    }

    #[test]
    fn a_name_of_ottos_own_is_never_given() {
        let found = inject(&[input("task", &[("OTTO_DIR", "/tmp")])], &job("x"), "echo $OTTO_TASK_DIR");
        assert_eq!((names(&found), found.errors.len()), (vec![], 0));
        insta::assert_snapshot!(found.warnings[0].message, @"`OTTO_TASK_DIR` is not in the environment of `x`: `task` exports `OTTO_DIR`, which would become `OTTO_TASK_DIR`, a variable that otto sets itself");
    }

    #[test]
    fn what_is_over_the_limits_stays_out_of_the_environment() {
        let big = "x".repeat(40 << 10);
        let producer = input("build", &[("OTTO_BIG", &big), ("OTTO_V", "1")]);
        let found = inject(std::slice::from_ref(&producer), &job("x"), "");
        assert_eq!(names(&found), ["OTTO_BUILD_V"]);
        assert_eq!(found.oversized.len(), 1);
        let warning = limits_warning(&job("build"), &producer.outputs).expect("a warning");
        insta::assert_snapshot!(warning.message, @"exported by `build`, but too large for the environment of its dependents: `OTTO_BIG` (40960 bytes)");

        let many: Vec<(String, String)> =
            (0..300).map(|n| (format!("OTTO_V{n:03}"), n.to_string())).collect();
        let many: Vec<(&str, &str)> =
            many.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let found = inject(&[input("build", &many)], &job("x"), "");
        assert_eq!((found.env.len(), found.oversized.len()), (256, 44));
        assert_eq!(found.env[255].0, "OTTO_BUILD_V255");
    }

    proptest! {
        /// P9: two variables clash exactly when their folds are equal.
        #[test]
        fn clashes_are_exactly_equal_folds(a in "[a-zA-Z._-]{1,4}", b in "[a-zA-Z._-]{1,4}") {
            prop_assume!(a != b);
            let inputs = [input(&a, &[("OTTO_V", "1")]), input(&b, &[("OTTO_V", "2")])];
            let found = inject(&inputs, &job("x"), "");
            prop_assert_eq!(found.env.is_empty(), fold(&a) == fold(&b));
            prop_assert_eq!(found.env.len() + 2 * found.warnings.len(), 2);
        }
    }
}
