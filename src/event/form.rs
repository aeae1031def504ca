//! How events are written where the derived form would not do, and how those of the first format are read.

use super::{Exit, FORMAT, RunResult};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Where events have a time, RFC 3339 in UTC; here microseconds since the Unix epoch.
pub(super) mod time {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(wall_us: &i64, to: S) -> Result<S::Ok, S::Error> {
        // Only a damaged record is out of range; the epoch is visibly wrong.
        let time = jiff::Timestamp::from_microsecond(*wall_us).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        to.collect_str(&format_args!("{time:.6}"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        let time = std::borrow::Cow::<'de, str>::deserialize(from)?;
        let time: jiff::Timestamp = time.parse().map_err(serde::de::Error::custom)?;
        Ok(time.as_microsecond())
    }
}

/// A list of what others keep too.
pub(super) mod shared {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::sync::Arc;

    pub(crate) fn serialize<T: Serialize, S: Serializer>(all: &[Arc<T>], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(all.iter().map(|one| &**one))
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Arc<T>>, D::Error> {
        Ok(Vec::<T>::deserialize(from)?.into_iter().map(Arc::new).collect())
    }
}

/// Names with values: an object, in the order of the names' declaration. The first format had pairs.
pub(super) mod pairs {
    use serde::de::{MapAccess, SeqAccess, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::fmt;
    use std::marker::PhantomData;

    pub(crate) fn serialize<T: Serialize, S: Serializer>(
        pairs: &[(String, T)],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_map(pairs.iter().map(|(name, value)| (name, value)))
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Box<[(String, T)]>, D::Error> {
        struct PairsVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for PairsVisitor<T> {
            type Value = Vec<(String, T)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(pairs)
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = seq.next_element()? {
                    pairs.push(pair);
                }
                Ok(pairs)
            }
        }
        from.deserialize_any(PairsVisitor(PhantomData)).map(Vec::into_boxed_slice)
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct ExitForm {
    how: String,
    /// What a shell would say.
    status: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<Exit> for ExitForm {
    fn from(exit: Exit) -> ExitForm {
        let (how, status) = (exit.how().to_owned(), exit.status());
        let (signal, reason) = match exit {
            Exit::Signal(signal) => (Some(signal), None),
            Exit::NotStarted { reason, .. } => (None, Some(reason)),
            Exit::Code(_) | Exit::Timeout | Exit::Lost => (None, None),
        };
        ExitForm { how, status, signal, reason }
    }
}

impl TryFrom<ExitForm> for Exit {
    type Error = String;

    fn try_from(exit: ExitForm) -> Result<Exit, String> {
        let ExitForm { how, status, signal, reason } = exit;
        match (how.as_str(), signal) {
            ("code", _) => Ok(Exit::Code(status)),
            ("signal", Some(signal)) => Ok(Exit::Signal(signal)),
            ("timeout", _) => Ok(Exit::Timeout),
            ("lost", _) => Ok(Exit::Lost),
            ("not_started", _) => Ok(Exit::NotStarted { code: status, reason: reason.unwrap_or_default() }),
            _ => Err(format!("no exit is `{how}`")),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct ResultForm {
    result: String,
    /// The status that otto exits with.
    status: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
}

impl From<RunResult> for ResultForm {
    fn from(result: RunResult) -> ResultForm {
        let (status, signal) = match result {
            RunResult::Succeeded => (0, None),
            RunResult::Failed { status } => (status, None),
            RunResult::Interrupted { signal } => (128_i32.saturating_add(signal), Some(signal)),
        };
        ResultForm { result: result.word().to_owned(), status, signal }
    }
}

impl TryFrom<ResultForm> for RunResult {
    type Error = String;

    fn try_from(result: ResultForm) -> Result<RunResult, String> {
        let ResultForm { result, status, signal } = result;
        match (result.as_str(), signal) {
            ("succeeded", _) => Ok(RunResult::Succeeded),
            ("failed", _) => Ok(RunResult::Failed { status }),
            ("interrupted", Some(signal)) => Ok(RunResult::Interrupted { signal }),
            _ => Err(format!("no run is `{result}`")),
        }
    }
}

/// A line of the first format in the present one. `None` if it is no line of the first format.
///
/// There, the event was an object in an object (`{"seq", "wall_us", "mono_us", "event": {"attempt_started": {"job", …}}}`),
/// and so were exits, outcomes and results (`{"failed": {"exit": {"code": 3}, "reason": null}}`).
pub(super) fn of_first(line: &Value) -> Option<Value> {
    let (kind, fields) = variant(line.get("event").filter(|event| event.is_object())?)?;
    let wall_us = line.get("wall_us")?.as_i64()?;
    let time = jiff::Timestamp::from_microsecond(wall_us).ok()?;
    let mut new = Map::new();
    new.insert("seq".to_owned(), line.get("seq")?.clone());
    new.insert("time".to_owned(), Value::String(time.to_string()));
    new.insert("elapsed_us".to_owned(), line.get("mono_us")?.clone());
    let kind = if kind == "job_settled" { "task_settled" } else { kind };
    new.insert("event".to_owned(), Value::String(kind.to_owned()));
    for (name, value) in fields.as_object()? {
        match name.as_str() {
            "job" => drop(new.insert("task".to_owned(), value.clone())),
            "jobs" => drop(new.insert("tasks".to_owned(), value.clone())),
            "exit" => drop(new.insert("exit".to_owned(), exit_of_first(value)?)),
            "outcome" => new.extend(outcome_of_first(value)?),
            "result" => new.extend(result_of_first(value)?),
            _ => drop(new.insert(name.clone(), value.clone())),
        }
    }
    // What came with it is of this format from here on.
    if let Some(format) = new.get_mut("format")
        && format.as_u64() == Some(1)
    {
        *format = json!(FORMAT);
    }
    Some(Value::Object(new))
}

/// The name and the content of what serde writes for a variant of an enum.
fn variant(value: &Value) -> Option<(&str, &Value)> {
    match value {
        Value::String(name) => Some((name, &Value::Null)),
        Value::Object(map) => map.iter().next().map(|(name, content)| (name.as_str(), content)),
        _ => None,
    }
}

fn exit_of_first(exit: &Value) -> Option<Value> {
    let (how, content) = variant(exit)?;
    Some(match how {
        "code" => json!({ "how": how, "status": content }),
        "signal" => json!({ "how": how, "status": content.as_i64()?.checked_add(128)?, "signal": content }),
        "timeout" | "lost" => json!({ "how": how, "status": 0 }),
        "not_started" => {
            json!({ "how": how, "status": content.get("code")?, "reason": content.get("reason")? })
        }
        _ => return None,
    })
}

fn outcome_of_first(outcome: &Value) -> Option<Map<String, Value>> {
    let (word, content) = variant(outcome)?;
    let mut fields = Map::new();
    fields.insert("outcome".to_owned(), Value::String(word.to_owned()));
    if word == "skipped" {
        let (because, of) = variant(content)?;
        fields.insert("because".to_owned(), Value::String(because.to_owned()));
        if !of.is_null() {
            fields.insert("of".to_owned(), of.clone());
        }
        return Some(fields);
    }
    for (name, value) in content.as_object().into_iter().flatten() {
        let value = if name == "exit" { exit_of_first(value)? } else { value.clone() };
        fields.insert(name.clone(), value);
    }
    Some(fields)
}

fn result_of_first(result: &Value) -> Option<Map<String, Value>> {
    let (word, content) = variant(result)?;
    let mut fields = Map::new();
    fields.insert("result".to_owned(), Value::String(word.to_owned()));
    let number = |name: &str| content.get(name).cloned();
    fields.insert("status".to_owned(), number("status").unwrap_or_else(|| json!(0)));
    if let Some(signal) = number("signal") {
        fields.insert("signal".to_owned(), signal);
    }
    Some(fields)
}
