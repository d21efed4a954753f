//! The arguments of one call, with the columns found and the defaults filled in.

use std::hash::{Hash, Hasher};

use datafusion::logical_expr::Expr;

use crate::error::{Error, Result};

/// Arguments by parameter, in the order of the function's [`Spec`](super::Spec); what is absent is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Arguments {
    entries: Vec<(&'static str, Value)>,
}

/// The value of an argument.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// A column.
    Column(Variable),
    /// Columns without duplicates.
    Columns(Vec<Variable>),
    /// A number.
    Number(Number),
    /// Numbers.
    Numbers(Vec<Number>),
    /// A truth value.
    Truth(bool),
    /// A word.
    Word(&'static str),
    /// A text.
    Text(String),
}

/// A column of the input that a function uses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Variable {
    /// How terms and messages name it: the spelling of the input's column.
    pub name: String,
    /// The column of the input (an `Expr::Column`).
    pub expr: Expr,
    /// Whether every value but the first is a term of its own: TEXT, BOOLEAN, and what `categorical` lists.
    pub categorical: bool,
}

/// A finite number that can be hashed: equal if the bits are.
#[derive(Clone, Copy, Debug)]
pub struct Number(pub f64);

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl Arguments {
    /// Arguments in the order of their parameters.
    pub(crate) fn new(entries: Vec<(&'static str, Value)>) -> Arguments {
        Arguments { entries }
    }

    /// The value of an argument, if it has one.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// A column that is required.
    ///
    /// # Errors
    /// Internal if the function has no such argument, as for the accessors below.
    pub fn column(&self, name: &str) -> Result<&Variable> {
        self.optional_column(name).ok_or_else(|| missing(name))
    }

    /// A column that may be absent.
    pub fn optional_column(&self, name: &str) -> Option<&Variable> {
        if let Some(Value::Column(variable)) = self.get(name) { Some(variable) } else { None }
    }

    /// A list of columns; empty where it is absent.
    pub fn columns(&self, name: &str) -> &[Variable] {
        if let Some(Value::Columns(variables)) = self.get(name) { variables } else { &[] }
    }

    /// A number.
    ///
    /// # Errors
    /// Internal, as [`Arguments::column`].
    pub fn number(&self, name: &str) -> Result<f64> {
        self.optional_number(name).ok_or_else(|| missing(name))
    }

    /// A number that may be absent, or a word in its place.
    pub fn optional_number(&self, name: &str) -> Option<f64> {
        if let Some(Value::Number(number)) = self.get(name) { Some(number.0) } else { None }
    }

    /// Numbers; none where the argument is absent.
    pub fn numbers(&self, name: &str) -> Vec<f64> {
        let Some(Value::Numbers(numbers)) = self.get(name) else { return Vec::new() };
        numbers.iter().map(|number| number.0).collect()
    }

    /// A truth value.
    ///
    /// # Errors
    /// Internal, as [`Arguments::column`].
    pub fn truth(&self, name: &str) -> Result<bool> {
        if let Some(Value::Truth(truth)) = self.get(name) { Ok(*truth) } else { Err(missing(name)) }
    }

    /// A word, if the argument is one.
    pub fn word(&self, name: &str) -> Option<&'static str> {
        if let Some(Value::Word(word)) = self.get(name) { Some(word) } else { None }
    }

    /// A text.
    ///
    /// # Errors
    /// Internal, as [`Arguments::column`].
    pub fn text(&self, name: &str) -> Result<&str> {
        if let Some(Value::Text(text)) = self.get(name) { Ok(text) } else { Err(missing(name)) }
    }

    /// All columns with the parameters that name them.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, &Variable)> {
        self.entries.iter().flat_map(|(name, value)| {
            let columns: &[Variable] = match value {
                Value::Column(variable) => std::slice::from_ref(variable),
                Value::Columns(variables) => variables,
                Value::Number(_) | Value::Numbers(_) | Value::Truth(_) | Value::Word(_) | Value::Text(_) => {
                    &[]
                }
            };
            columns.iter().map(move |variable| (*name, variable))
        })
    }

    /// The same columns, to be renamed.
    pub(crate) fn variables_mut(&mut self) -> impl Iterator<Item = &mut Variable> {
        self.entries.iter_mut().flat_map(|(_, value)| match value {
            Value::Column(variable) => std::slice::from_mut(variable),
            Value::Columns(variables) => variables.as_mut_slice(),
            Value::Number(_) | Value::Numbers(_) | Value::Truth(_) | Value::Word(_) | Value::Text(_) => {
                &mut []
            }
        })
    }

    /// `target=days, features=age,bmi, alpha=0.1`.
    pub(crate) fn shown(&self) -> String {
        let joined = |names: Vec<String>| names.join(",");
        let one = |(name, value): &(&'static str, Value)| {
            let text = match value {
                Value::Column(variable) => variable.name.clone(),
                Value::Columns(variables) => {
                    joined(variables.iter().map(|variable| variable.name.clone()).collect())
                }
                Value::Number(number) => number.0.to_string(),
                Value::Numbers(numbers) => {
                    joined(numbers.iter().map(|number| number.0.to_string()).collect())
                }
                Value::Truth(truth) => truth.to_string(),
                Value::Word(word) => (*word).to_owned(),
                Value::Text(text) => text.clone(),
            };
            format!("{name}={text}")
        };
        self.entries.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

fn missing(name: &str) -> Error {
    Error::internal(format!("a table function without its argument `{name}`"))
}
