//! Attributes as a JSON object that gives back the same types in the same order.
//!
//! JSON tells whole numbers from real ones by how they are written (`1` and `1.0`), which is enough
//! for all but the real numbers that JSON does not have: those are written `{"double": "NaN"}`.

use std::borrow::Cow;
use std::fmt;

use otlp_model::{Attribute, SpanEvent, UnixNanos, Value};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

pub(crate) fn to_json(attributes: &[Attribute]) -> serde_json::Result<String> {
    serde_json::to_string(&Object(Cow::Borrowed(attributes)))
}

pub(crate) fn from_json(json: &str) -> serde_json::Result<Vec<Attribute>> {
    Ok(serde_json::from_str::<Object<'_>>(json)?.0.into_owned())
}

pub(crate) fn events_to_json(events: &[SpanEvent]) -> serde_json::Result<String> {
    let events: Vec<Event<'_>> = events
        .iter()
        .map(|event| Event {
            name: Cow::Borrowed(&event.name),
            time_ns: event.time.0,
            attributes: Object(Cow::Borrowed(&event.attributes)),
        })
        .collect();
    serde_json::to_string(&events)
}

pub(crate) fn events_from_json(json: &str) -> serde_json::Result<Vec<SpanEvent>> {
    let events: Vec<Event<'_>> = serde_json::from_str(json)?;
    Ok(events
        .into_iter()
        .map(|event| SpanEvent {
            name: Cow::Owned(event.name.into_owned()),
            time: UnixNanos(event.time_ns),
            attributes: event.attributes.0.into_owned(),
        })
        .collect())
}

#[derive(Serialize, Deserialize)]
struct Event<'a> {
    name: Cow<'a, str>,
    time_ns: u64,
    attributes: Object<'a>,
}

struct Object<'a>(Cow<'a, [Attribute]>);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for Attribute { key, value } in self.0.iter() {
            match value {
                Value::String(text) => map.serialize_entry(key, text)?,
                Value::Int(number) => map.serialize_entry(key, number)?,
                Value::Double(number) if number.is_finite() => map.serialize_entry(key, number)?,
                Value::Double(number) => map.serialize_entry(key, &OddDouble::of(*number))?,
                Value::Bool(truth) => map.serialize_entry(key, truth)?,
                Value::Strings(texts) => map.serialize_entry(key, texts)?,
            }
        }
        map.end()
    }
}

/// A real number that JSON cannot write: not a number, or infinite.
#[derive(Serialize, Deserialize)]
struct OddDouble {
    double: String,
}

impl OddDouble {
    fn of(number: f64) -> Self {
        Self { double: number.to_string() }
    }
}

impl<'de> Deserialize<'de> for Object<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut attributes = Vec::new();
        while let Some((key, StoredValue(value))) = map.next_entry::<String, _>()? {
            attributes.push(Attribute { key: Cow::Owned(key), value });
        }
        Ok(Object(Cow::Owned(attributes)))
    }
}

struct StoredValue(Value);

impl<'de> Deserialize<'de> for StoredValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(Self)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, a truth value or a list of texts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(Cow::Owned(text)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number).map(Value::Int).map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Double(number))
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = items.next_element()? {
            texts.push(text);
        }
        Ok(Value::Strings(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        let odd = OddDouble::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        odd.double.parse().map(Value::Double).map_err(A::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: Value, json: &str) {
        let attributes = [Attribute { key: Cow::Borrowed("k"), value }];
        let written = to_json(&attributes).unwrap();
        assert_eq!(written, format!(r#"{{"k":{json}}}"#));
        assert_eq!(from_json(&written).unwrap(), attributes);
    }

    #[test]
    fn every_value_comes_back_as_it_was() {
        check(Value::Int(1), "1");
        check(Value::Int(i64::MAX), "9223372036854775807");
        check(Value::Int(i64::MIN), "-9223372036854775808");
        check(Value::Double(1.0), "1.0");
        check(Value::Double(1e20), "1e+20");
        check(Value::Double(0.1 + 0.2), "0.30000000000000004");
        check(Value::Double(f64::INFINITY), r#"{"double":"inf"}"#);
        check(Value::Double(f64::NEG_INFINITY), r#"{"double":"-inf"}"#);
        check(Value::Bool(true), "true");
        check(Value::from("1"), r#""1""#);
        check(Value::from("grün \u{1}\n\"quoted\""), r#""grün \u0001\n\"quoted\"""#);
        check(Value::Strings(vec![]), "[]");
        check(Value::Strings(vec!["1".to_owned(), String::new()]), r#"["1",""]"#);
    }

    #[test]
    fn not_a_number_and_the_sign_of_zero_come_back() {
        for number in [f64::NAN, -0.0, f64::MIN_POSITIVE, 5e-324, 123_456_789.123_456_78] {
            let json = to_json(&[Attribute::new("k", number)]).unwrap();
            let back = from_json(&json).unwrap();
            let Value::Double(back) = back[0].value else { panic!("{back:?}") };
            assert!(back.to_bits() == number.to_bits() || (back.is_nan() && number.is_nan()));
        }
    }

    #[test]
    fn order_is_kept() {
        let attributes: Vec<_> =
            ["z", "a", "m"].into_iter().map(|key| Attribute::new(key, true)).collect();
        assert_eq!(from_json(&to_json(&attributes).unwrap()).unwrap(), attributes);
    }

    #[test]
    fn what_no_attribute_can_be_is_refused() {
        for json in [
            r#"{"k":null}"#,
            r#"{"k":[1]}"#,
            r#"{"k":{"double":"x"}}"#,
            r#"{"k":18446744073709551615}"#,
            "[]",
        ] {
            assert!(from_json(json).is_err(), "{json}");
        }
    }
}
