//! What a body sets, held against its contract before it runs.

use super::{DataFlow, Moment, graded};
use crate::body::uses::{Literal, Set, Uses};
use crate::contract::{Contract, Typing};
use crate::diagnostic::{Code, Diagnostic};
use crate::name::similar;
use crate::plan::JobId;
use crate::source::Spanned;

impl DataFlow<'_> {
    pub(super) fn outputs(
        &self,
        job: JobId,
        contract: &Spanned<Contract>,
        moment: Moment,
    ) -> Vec<Diagnostic> {
        let place = self.plan.job(job).task;
        let is_conditional = || self.task(place).condition.is_some() || self.may_not_run(job);
        let uses = self.uses(place);
        let mut found = Vec::new();
        for (number, set) in uses.sets.iter().enumerate() {
            let diagnostic = match contract.value.get(&set.key) {
                None if set.is_export || contract.value.allows(&set.key) => None,
                None => Some(self.undeclared(place, contract, set)),
                Some(_) if is_set_later(&uses, number) => None,
                Some(_) => self.mistyped(place, contract, set),
            };
            // A value that is taken away again breaks nothing.
            let is_certain = set.is_sure && !uses.may_unset;
            if moment == Moment::Check || is_certain && !is_conditional() {
                found.extend(diagnostic.and_then(|diagnostic| self.at_set(place, set, diagnostic)));
            }
        }
        if moment == Moment::Check {
            found.extend(self.never_set(place, contract, &uses));
        }
        found
    }

    fn at_set(&self, place: usize, set: &Set, diagnostic: Diagnostic) -> Option<Diagnostic> {
        let task = self.task(place);
        let label = format!("`{}` sets it here", task.name);
        self.finding(diagnostic, task.body.as_ref()?, &set.range, set.anchor, label)
    }

    fn undeclared(&self, place: usize, contract: &Spanned<Contract>, set: &Set) -> Diagnostic {
        let task = self.task(place);
        let message = format!("output `{}` of `{}` is not declared", set.key, task.name);
        let diagnostic = graded(Code::BrokenContract, message, true).at(
            &self.ottofile.sources,
            contract.span,
            "the declared outputs",
        );
        let near = similar(&set.key, contract.value.keys.iter().map(|key| key.name.as_str()), 3);
        match near.is_empty() {
            true => diagnostic.help("declare it, or allow further keys with `\"*\": any`"),
            false => diagnostic.did_you_mean(&near),
        }
    }

    /// A value in the text that its declaration refuses.
    fn mistyped(&self, place: usize, contract: &Spanned<Contract>, set: &Set) -> Option<Diagnostic> {
        let declared = contract.value.get(&set.key)?;
        let (value, typing) = match set.literal.clone()? {
            Literal::Text(value) => (value, Typing::Text),
            Literal::Typed(value) => (value, Typing::Typed),
        };
        let alone = Contract { keys: vec![declared.clone()], others: None };
        let kept = alone.check(vec![(set.key.clone(), value)], |_| typing, |_| false);
        let fault = kept.faults.first()?;
        let message = format!("output `{}` of `{}` {}", fault.path, self.task(place).name, fault.what);
        let declares = format!("declared as `{}`", declared.promise);
        let diagnostic =
            graded(Code::BrokenContract, message, true).at(&self.ottofile.sources, declared.span, declares);
        Some(match &fault.help {
            Some(help) => diagnostic.help(help.clone()),
            None => diagnostic,
        })
    }

    /// Declared keys that must be set, and that the body cannot set.
    fn never_set(&self, place: usize, contract: &Spanned<Contract>, uses: &Uses) -> Vec<Diagnostic> {
        let task = self.task(place);
        let Some(body) = &task.body else { return Vec::new() };
        let source = &self.ottofile.sources;
        let must = contract.value.keys.iter().filter(|declared| {
            !declared.promise.is_optional
                && declared.promise.default.is_none()
                && !uses.may_set(&declared.name)
        });
        let warn = |declared: &crate::contract::Declared| {
            let message = format!(
                "output `{}` of `{}` is declared, but its script never sets it",
                declared.name, task.name
            );
            let code = Code::BrokenContract.to_string();
            if crate::body::uses::is_allowed(source.of(declared.span), &code, &[declared.span.start]) {
                return None;
            }
            let near = uses.keys().into_iter().filter(|key| !contract.value.allows(key));
            let near = similar(&declared.name, near, 3);
            let warning = graded(Code::BrokenContract, message, false)
                .at(source, declared.span, format!("declared as `{}`", declared.promise))
                .at(source, body.key_span, "the script");
            Some(match near.is_empty() {
                true => {
                    warning.help("set it, give it a `default`, or make it optional with a `?` after its type")
                }
                false => warning.help(format!("the script sets `{}`", near[0])),
            })
        };
        must.filter_map(warn).collect()
    }
}

/// Whether another value surely, or of a value that is surely set perhaps, takes the place of this one.
fn is_set_later(uses: &Uses, number: usize) -> bool {
    let set = &uses.sets[number];
    uses.is_open
        || uses.sets[number + 1..].iter().any(|later| later.key == set.key && (later.is_sure || set.is_sure))
}
