//! The key `service` of a task: when it counts as ready, and what a task that stays up cannot be besides.

use super::field::{Field, Owner, Reader};
use super::foreign;
use super::spec::{ForeachJobs, Service, Task};
use super::yaml::{Node, NodeKind};
use crate::diagnostic::Code;
use crate::source::{Span, Spanned};

pub(super) const KEYS: &[&str] = &["log", "port", "ready", "share", "timeout"];

/// `service: true`, or a map of what must hold.
pub(super) fn read(reader: &mut Reader<'_>, field: Field<'_>, node: &Node<'_>) -> Option<Service> {
    let mut service =
        Service { ready: None, port: None, log: None, timeout: Service::TIMEOUT, is_shared: false };
    let NodeKind::Map(map) = &node.kind else {
        return match node.scalar() {
            Some("true") => Some(service),
            Some("false") => None,
            Some(_) | None => {
                let help = "write `service: true`, or for example `service: {port: 8080}`";
                reader.wrong_type(field, node, "`true` or a map", help);
                None
            }
        };
    };
    let Owner::Task(task) = field.owner else { unreachable!("bug: a service outside a task") };
    let owner = Owner::Service(task);
    for (key, node) in map.iter() {
        let inner = Field { key: key.text, owner };
        if node.is_null() && KEYS.contains(&key.text) {
            continue;
        }
        match key.text {
            "ready" => service.ready = reader.filled_text(inner, node),
            "log" => service.log = reader.filled_text(inner, node),
            "share" => service.is_shared = reader.truth(inner, node).unwrap_or_default(),
            "port" => service.port = reader.port(inner, node),
            "timeout" => {
                if let Some(timeout) = reader.duration(inner, node) {
                    if timeout.value.is_zero() {
                        reader.bad_value(inner, timeout.span, "more than zero", "zero");
                    }
                    service.timeout = timeout.value;
                }
            }
            _ => reader.unknown_key(key, owner, KEYS, foreign::meant(owner, key.text)),
        }
    }
    Some(service)
}

impl Reader<'_> {
    /// A number from 1 to 65535, or `$NAME`.
    fn port(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<Spanned<String>> {
        let text = self.filled_text(field, node)?;
        let is_number = text.value.parse::<u16>().is_ok_and(|port| port > 0);
        if is_number && !text.value.starts_with('+') || variable(&text.value).is_some() {
            return Some(text);
        }
        let expected = "a port from 1 to 65535, or a variable such as `$PORT`";
        self.bad_value(field, node.span, expected, "not a port");
        None
    }
}

/// The name in `$NAME` or `${NAME}`, if that is the whole text.
pub(crate) fn variable(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('$')?;
    let name = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(rest);
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some(name)
}

/// Settings that end a task, or say that it has ended, where it is to stay up.
pub(super) fn contradictions(reader: &mut Reader<'_>, task: &Task) {
    let Some(service) = &task.service else { return };
    let mut rivals: Vec<(&str, Span, &str)> = Vec::new();
    if let Some(span) = task.tty {
        rivals.push(("tty", span, "a service runs alongside other tasks, which cannot share the terminal"));
    }
    if let Some(streaming) = &task.streaming {
        let help = "a stream ends with its task; pass the address of the service as a value instead";
        rivals.push(("streaming", streaming.span, help));
    }
    if let Some(timeout) = &task.timeout {
        let help = "for the time that it may take to get ready, write `service: {timeout: …}`";
        rivals.push(("timeout", timeout.span, help));
    }
    if let Some(output) = task.output.first() {
        rivals.push((
            "output",
            output.span,
            "a service is never up to date: it is started when it is needed",
        ));
    }
    if let Some(foreach) = &task.foreach {
        let is_limited = matches!(foreach.jobs, Some(ForeachJobs::Most(_)));
        let help = "all its services are up at the same time";
        match (foreach.is_parallel, is_limited) {
            (false, _) => rivals.push(("foreach.parallel: false", foreach.span, help)),
            (true, true) => rivals.push(("a limit of `foreach.jobs`", foreach.span, help)),
            (true, false) => {}
        }
    }
    if let Some(condition) = task.condition.as_ref().filter(|_| service.value.is_shared) {
        let message = format!("task `{}` has both `service.share` and `if`", task.name);
        let wrong = reader
            .error(Code::Contradiction, message, condition.key_span, "asked by each run")
            .at(reader.source, service.span, "runs share it")
            .help("put the `if` on the tasks that need the service");
        reader.tell(wrong);
    }
    for (key, span, help) in rivals {
        let message = format!("task `{}` has both `service` and `{}`", task.name, key.replace('`', ""));
        let wrong = reader
            .error(Code::Contradiction, message, span, "not for a task that stays up")
            .at(reader.source, service.span, "it is a service")
            .help(help);
        reader.tell(wrong);
    }
    if task.body.is_none() {
        let message = format!("task `{}` is a service but has no script", task.name);
        let wrong = reader
            .error(Code::Contradiction, message, service.span, "nothing would stay up")
            .help("add `bash: |` with the command that starts the service in the foreground");
        reader.tell(wrong);
    }
}
