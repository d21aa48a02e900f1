//! OTLP as JSON, read tolerantly: unknown fields, nulls and missing fields are fine, and whole
//! numbers may be numbers or text.
//!
//! Records stay unparsed until it is their turn, so that one that makes no sense is one that is
//! lost.

use std::{borrow::Cow, fmt, marker::PhantomData, str::FromStr};

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{DecodeError, Export, Logs, sender};
use crate::event::{Attributes, Record, Value};

pub(super) fn decode(body: &[u8], received_ns: u64) -> Result<Export, DecodeError> {
    // What is not UTF-8 costs the text that it is in.
    let body = String::from_utf8_lossy(body);
    let request: Request<'_> = serde_json::from_str(&body).map_err(DecodeError::Json)?;
    let Some(senders) = request.resource_logs else {
        let spans = request.resource_spans.map(|_| Export::Spans);
        return spans.ok_or(DecodeError::NotAnExport);
    };
    let mut logs = Logs::default();
    for logs_of in senders {
        let resource = logs_of.resource.and_then(parse::<Resource<'_>>).unwrap_or_default();
        let from = sender(&pairs(resource.attributes));
        let scopes = logs_of.scope_logs.into_iter().flatten();
        for text in scopes.flat_map(|scope| scope.log_records.into_iter().flatten()) {
            match parse::<LogRecord<'_>>(text) {
                Some(log) => logs.add(&record(log), &from, received_ns),
                None => logs.malformed += 1,
            }
        }
    }
    Ok(Export::Logs(logs))
}

fn parse<'a, T: Deserialize<'a>>(text: &'a RawValue) -> Option<T> {
    serde_json::from_str(text.get()).ok()
}

fn record(log: LogRecord<'_>) -> Record<'_> {
    let mut trace_id = text(log.trace_id);
    if trace_id.bytes().any(|digit| digit.is_ascii_uppercase()) {
        trace_id = Cow::Owned(trace_id.to_ascii_lowercase());
    }
    Record {
        time_ns: log.time_unix_nano.map_or(0, |number| number.0),
        observed_ns: log.observed_time_unix_nano.map_or(0, |number| number.0),
        event_name: text(log.event_name),
        body: log.body.unwrap_or_default(),
        trace_id,
        attributes: pairs(log.attributes),
    }
}

fn text(text: Option<Text<'_>>) -> Cow<'_, str> {
    text.map(|text| text.0).unwrap_or_default()
}

fn pairs(pairs: Option<Vec<Pair<'_>>>) -> Attributes<'_> {
    let pairs = pairs.into_iter().flatten();
    Attributes(pairs.map(|pair| (pair.key.0, pair.value.unwrap_or_default())).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    #[serde(borrow)]
    resource_logs: Option<Vec<ResourceLogs<'a>>>,
    resource_spans: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceLogs<'a> {
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow)]
    scope_logs: Option<Vec<ScopeLogs<'a>>>,
}

#[derive(Deserialize, Default)]
struct Resource<'a> {
    #[serde(borrow)]
    attributes: Option<Vec<Pair<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeLogs<'a> {
    #[serde(borrow)]
    log_records: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogRecord<'a> {
    time_unix_nano: Option<Whole<u64>>,
    observed_time_unix_nano: Option<Whole<u64>>,
    #[serde(borrow)]
    event_name: Option<Text<'a>>,
    #[serde(borrow)]
    body: Option<Value<'a>>,
    #[serde(borrow)]
    trace_id: Option<Text<'a>>,
    #[serde(borrow)]
    attributes: Option<Vec<Pair<'a>>>,
}

#[derive(Deserialize)]
struct Pair<'a> {
    #[serde(borrow)]
    key: Text<'a>,
    #[serde(borrow)]
    value: Option<Value<'a>>,
}

/// Text that is borrowed from the body unless it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    values: Option<Vec<Option<Value<'a>>>>,
}

#[derive(Deserialize)]
struct PairList<'a> {
    #[serde(borrow)]
    values: Option<Vec<Pair<'a>>>,
}

/// The kinds of OTLP's `AnyValue`.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Kind {
    StringValue,
    BoolValue,
    IntValue,
    DoubleValue,
    BytesValue,
    ArrayValue,
    KvlistValue,
    #[serde(other)]
    Unknown,
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;
        impl<'de> Visitor<'de> for Values {
            type Value = Value<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object such as {\"stringValue\": \"…\"}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
                let mut value = Value::Null;
                while let Some(kind) = map.next_key()? {
                    value = read_value(kind, &mut map)?.unwrap_or(value);
                }
                Ok(value)
            }
        }
        deserializer.deserialize_map(Values)
    }
}

fn read_value<'de, A: MapAccess<'de>>(
    kind: Kind,
    map: &mut A,
) -> Result<Option<Value<'de>>, A::Error> {
    Ok(match kind {
        // OTLP writes bytes in base64; they stay that way.
        Kind::StringValue | Kind::BytesValue => {
            map.next_value::<Option<Text<'de>>>()?.map(|text| Value::Text(text.0))
        }
        Kind::BoolValue => map.next_value::<Option<bool>>()?.map(Value::Bool),
        Kind::IntValue => map.next_value::<Option<Whole<i64>>>()?.map(|int| Value::Int(int.0)),
        Kind::DoubleValue => map.next_value::<Option<f64>>()?.map(Value::Double),
        Kind::ArrayValue => map.next_value::<Option<List<'de>>>()?.map(|list| {
            let values = list.values.into_iter().flatten();
            Value::List(values.map(Option::unwrap_or_default).collect())
        }),
        Kind::KvlistValue => {
            map.next_value::<Option<PairList<'de>>>()?.map(|map| Value::Map(pairs(map.values)))
        }
        Kind::Unknown => {
            map.next_value::<IgnoredAny>()?;
            None
        }
    })
}

/// A whole number, written as a number or, as JSON of 64-bit numbers is in OTLP, as text.
struct Whole<T>(T);

impl<'de, T> Deserialize<'de> for Whole<T>
where
    T: FromStr + TryFrom<i64> + TryFrom<u64>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Wholes<T>(PhantomData<T>);
        impl<T> Visitor<'_> for Wholes<T>
        where
            T: FromStr + TryFrom<i64> + TryFrom<u64>,
        {
            type Value = Whole<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number or a text of one")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Whole<T>, E> {
                T::try_from(number).map(Whole).map_err(|_| E::custom("number out of range"))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Whole<T>, E> {
                T::try_from(number).map(Whole).map_err(|_| E::custom("number out of range"))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Whole<T>, E> {
                text.trim().parse().map(Whole).map_err(|_| E::custom("not a whole number"))
            }
        }
        deserializer.deserialize_any(Wholes(PhantomData))
    }
}
