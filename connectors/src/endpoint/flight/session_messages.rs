//! Messages about sessions, as in Arrow's `Flight.proto`: the Rust library does not have them yet.

use std::collections::BTreeMap;

/// The value of an option.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SessionOptionValue {
    /// The value; none resets the option.
    #[prost(oneof = "OptionValue", tags = "1, 2, 3, 4, 5")]
    pub value: Option<OptionValue>,
}

/// The kinds of values.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum OptionValue {
    /// A text.
    #[prost(string, tag = "1")]
    Text(String),
    /// A truth value.
    #[prost(bool, tag = "2")]
    Truth(bool),
    /// A whole number.
    #[prost(sfixed64, tag = "3")]
    Whole(i64),
    /// A number.
    #[prost(double, tag = "4")]
    Number(f64),
    /// Several texts.
    #[prost(message, tag = "5")]
    Texts(TextList),
}

/// Several texts.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TextList {
    /// The texts.
    #[prost(string, repeated, tag = "1")]
    pub values: Vec<String>,
}

/// `SetSessionOptions`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SetSessionOptionsRequest {
    /// Options by name.
    #[prost(btree_map = "string, message", tag = "1")]
    pub options: BTreeMap<String, SessionOptionValue>,
}

/// What could not be set.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SetSessionOptionsResult {
    /// Faults by name of the option.
    #[prost(btree_map = "string, message", tag = "1")]
    pub errors: BTreeMap<String, OptionError>,
}

/// Why an option could not be set.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OptionError {
    /// The reason.
    #[prost(enumeration = "OptionFault", tag = "1")]
    pub fault: i32,
}

/// Reasons why an option could not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum OptionFault {
    /// Not said.
    Unspecified = 0,
    /// There is no such option.
    InvalidName = 1,
    /// The option does not take this value.
    InvalidValue = 2,
    /// Something else.
    Error = 3,
}

/// `GetSessionOptions`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetSessionOptionsResult {
    /// Options by name.
    #[prost(btree_map = "string, message", tag = "1")]
    pub options: BTreeMap<String, SessionOptionValue>,
}

/// `CloseSession`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CloseSessionResult {
    /// What became of it.
    #[prost(enumeration = "CloseStatus", tag = "1")]
    pub status: i32,
}

/// What became of a session that was to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum CloseStatus {
    /// Not said.
    Unspecified = 0,
    /// It has ended.
    Closed = 1,
    /// It ends.
    Closing = 2,
    /// It cannot be ended.
    NotCloseable = 3,
}

impl SessionOptionValue {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { value: Some(OptionValue::Text(text.into())) }
    }

    /// The value as `SET` takes it; `None` for lists and resets, which no option takes.
    pub fn as_setting(&self) -> Option<String> {
        match self.value.as_ref()? {
            OptionValue::Text(text) => Some(text.clone()),
            OptionValue::Truth(truth) => Some(truth.to_string()),
            OptionValue::Whole(whole) => Some(whole.to_string()),
            OptionValue::Number(number) => Some(number.to_string()),
            OptionValue::Texts(_) => None,
        }
    }
}
