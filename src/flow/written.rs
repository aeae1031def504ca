//! Secrets that a script writes out in so many words.

use super::DataFlow;
use super::reads::after;
use crate::body::uses::{self, Written, WrittenValue};
use crate::diagnostic::{Code, Diagnostic};
use crate::ottofile::spec::{EnvEntry, Task};
use crate::plan::JobId;
use crate::source::Span;

/// A secret, and where the ottofile says that it is one.
struct DeclaredSecret {
    what: String,
    span: Span,
}

impl DataFlow<'_> {
    pub(super) fn written(&self, job: JobId) -> Vec<Diagnostic> {
        let task = self.task(self.plan.job(job).task);
        let Some(body) = &task.body else { return Vec::new() };
        let mut found = Vec::new();
        let mut told: Vec<WrittenValue> = Vec::new();
        for Written { what, range, anchor } in uses::written(body) {
            let declared = match &what {
                WrittenValue::Variable(name) => self.secret_variable(task, name),
                WrittenValue::Input(path) => self.secret_input(job, path),
            };
            let Some(declared) = declared.filter(|_| !told.contains(&what)) else { continue };
            told.push(what);
            let message = format!("`{}` writes out {}, which is secret", task.name, declared.what);
            let diagnostic = Diagnostic::warning(Code::WrittenSecret, message)
                .at(&self.ottofile.sources, declared.span, "declared as secret")
                .help("leave it out: otto can only show `***` in its place");
            let label = format!("`{}` writes it here", task.name);
            found.extend(self.finding(diagnostic, body, &range, anchor, label));
        }
        found
    }

    fn secret_variable(&self, task: &Task, name: &str) -> Option<DeclaredSecret> {
        // A script that gives it another value shows that.
        if task.body.as_ref().is_some_and(|body| uses::sets_variable(body, name)) {
            return None;
        }
        if let Some(param) = task.params.iter().find(|param| param.name.as_str() == name) {
            let what = format!("the parameter `{name}`");
            return param.is_secret.then_some(DeclaredSecret { what, span: param.form_span });
        }
        let what = format!("the variable `{name}`");
        let of_entry = |entry: &EnvEntry| entry.is_secret.then_some(entry.name.span);
        let own = task.envs.iter().rfind(|entry| entry.name.value == name);
        let is_named = |entry: &&EnvEntry| entry.name.value == name && entry.is_secret;
        let listed = self.ottofile.all_settings().flat_map(|settings| &settings.secrets);
        let span = own.and_then(of_entry).or_else(|| {
            let entry = self.ottofile.variables_of_files().find(is_named).map(|entry| entry.name.span);
            entry.or_else(|| listed.into_iter().find(|listed| listed.value == name).map(|listed| listed.span))
        });
        span.map(|span| DeclaredSecret { what, span })
    }

    fn secret_input(&self, job: JobId, path: &str) -> Option<DeclaredSecret> {
        let reader = self.plan.job(job);
        let inputs = self.plan.inputs(reader).into_iter().map(|input| self.plan.job(input));
        let named = inputs.filter_map(|input| {
            let task = self.task(input.task);
            let name = self.name_for(self.task(reader.task), task);
            let job = reader.name_of_input(self.ottofile, &input.name);
            let rest = [name.as_str(), job.as_str()].into_iter().find_map(|name| after(path, name))?;
            Some((task, name, rest))
        });
        let (task, name, rest) = named.min_by_key(|(_, _, rest)| rest.len())?;
        let contract = &task.outputs.as_ref()?.value;
        let ends = rest.match_indices('.').map(|(dot, _)| dot).chain([rest.len()]);
        let declared = ends.filter_map(|end| contract.get(&rest[..end])).next_back()?;
        let what = format!("the output `{}` of `{name}`", declared.name);
        contract.is_secret(&declared.name).then_some(DeclaredSecret { what, span: declared.span })
    }
}
