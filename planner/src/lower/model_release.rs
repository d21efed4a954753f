//! What leaves of a model.

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::logical_expr::LogicalPlan;

use super::clear::Released;
use super::model::has_intercept;
use super::program::Program;
use super::{failure, inference};
use crate::Result;
use crate::function::TableFunction;
use crate::plan::{
    ColumnDef, Compute, Encoding, Family, LassoOutput, Node, NodeId, Output, Range, Release, RingSize,
    Rounding, Rows, Scale, Threshold,
};

/// The columns of a fit, without those of the counts; cross-validation chooses one of `places` weights, if not 0.
pub(super) fn output_columns(
    family: Family,
    output: LassoOutput,
    errors: bool,
    bound: i128,
    places: usize,
) -> Vec<ColumnDef> {
    let def =
        |name: &str, encoding, lo, hi| ColumnDef { name: name.to_owned(), encoding, range: Range { lo, hi } };
    let wide = Encoding::Arithmetic(RingSize::Z128);
    let any = 1_i128 << 126;
    let number = |name: &str, lo| def(name, wide, lo, any);
    let mut columns = match (family, output) {
        (_, LassoOutput::Coefficients) => {
            let mut columns = vec![number("coefficient", -any)];
            if family == Family::Cox {
                columns.push(number("std_error", 0));
            } else if errors {
                columns.extend([number("spread", -any), def("n", wide, 0, bound)]);
            }
            columns
        }
        (Family::Lasso, LassoOutput::Summary) => vec![
            def("n", wide, 0, bound),
            number("r2", -any),
            number("mse", 0),
            def("iterations", wide, 0, 10_000),
            def("nonzero", wide, 0, 1_000),
            number("kkt", 0),
        ],
        (Family::Linear, LassoOutput::Summary) => {
            vec![
                def("n", wide, 0, bound),
                number("r2", -any),
                number("mse", 0),
                def("nonzero", wide, 0, 1_000),
            ]
        }
        (Family::Logistic | Family::Poisson, LassoOutput::Summary) => {
            vec![def("n", wide, 0, bound), number("log_likelihood", -any), number("of a constant", -any)]
        }
        (Family::Cox, LassoOutput::Summary) => vec![
            def("n", wide, 0, bound),
            number("log_likelihood", -any),
            number("without features", -any),
            def("events", wide, 0, bound),
        ],
    };
    if let (LassoOutput::Summary, Some(last)) = (output, places.checked_sub(1)) {
        columns.push(def("place", wide, 0, i128::try_from(last).unwrap_or(i128::MAX)));
    }
    columns.push(def("accepted", Encoding::Bit, 0, 1));
    columns
}

/// What leaves of the terms of a model.
pub(super) struct Terms<'g> {
    pub(super) names: Vec<String>,
    pub(super) accepted: usize,
    pub(super) gate: &'g [Threshold],
    /// Whether the model has standard errors.
    pub(super) errors: bool,
    /// The weights of a path, a model for each; empty for one model that shows none.
    pub(super) alphas: Vec<f64>,
}

pub(super) fn coefficients(
    function: &TableFunction,
    family: Family,
    release: usize,
    terms: Terms<'_>,
    nodes: &mut Vec<Node>,
) -> Result<(NodeId, LogicalPlan)> {
    let Terms { mut names, accepted, gate, errors, alphas } = terms;
    let intercept = has_intercept(function)?;
    let parameters = names.len() + usize::from(intercept);
    if intercept {
        names.insert(0, "intercept".into());
    }
    let shows_errors = function.schema.has_column_with_unqualified_name("std_error");
    let mut outputs = vec![("coefficient", DataType::Float64)];
    if family == Family::Cox {
        outputs.push(("std_error", DataType::Float64));
    } else if errors && shows_errors {
        outputs.extend([("spread", DataType::Float64), ("n", DataType::Int64)]);
    }
    let outputs = outputs.into_iter().enumerate().map(|(value, (name, data_type))| Output {
        field: Field::new(name, data_type, true),
        value,
        scale: Scale::Unit,
        known: Some(accepted),
        gate: gate.to_vec(),
    });
    let outputs: Vec<Output> = outputs.collect();
    let fields = std::iter::once(Field::new("term", DataType::Utf8, true));
    let fields = fields.chain(outputs.iter().map(|output| output.field.clone())).collect();
    let input = NodeId(nodes.len() - 1);
    nodes.push(Node::Release(Release {
        input,
        rows: Rows::Terms(labels(&alphas, names)),
        present: None,
        gate: Vec::new(),
        outputs,
    }));
    let exprs = inference::columns(function, family, parameters, errors);
    let clear = Released::new(release, fields).project(&function.schema, &exprs)?;
    Ok((NodeId(nodes.len() - 1), clear))
}

/// The terms of each model, after its weight if there are weights: `0.1 age`.
fn labels(alphas: &[f64], names: Vec<String>) -> Vec<String> {
    if alphas.is_empty() {
        return names;
    }
    alphas.iter().flat_map(|alpha| names.iter().map(move |name| format!("{alpha} {name}"))).collect()
}

/// Where the numbers of a summary are.
pub(super) struct Summary {
    pub(super) family: Family,
    /// The number of features.
    pub(super) terms: usize,
    /// The weights of which cross-validation chooses one; empty for none.
    pub(super) candidates: Vec<f64>,
    pub(super) accepted: usize,
    pub(super) dropped: usize,
    pub(super) gate: Vec<Threshold>,
    pub(super) dropped_gate: Vec<Threshold>,
    pub(super) multiple: i128,
}

impl Summary {
    pub(super) fn emit(
        self,
        function: &TableFunction,
        release: usize,
        columns: &[ColumnDef],
        nodes: &mut Vec<Node>,
    ) -> Result<(NodeId, LogicalPlan)> {
        let mut input = NodeId(nodes.len() - 1);
        if self.multiple > 1 {
            input = self.rounded(input, columns, nodes)?;
        }
        let outputs = self.outputs(columns.len(), function);
        let fields = outputs.iter().map(|output| output.field.clone()).collect();
        nodes.push(Node::Release(Release {
            input,
            rows: Rows::One,
            present: None,
            gate: Vec::new(),
            outputs,
        }));
        let node = NodeId(nodes.len() - 1);
        let exprs = inference::summary(function, self.terms, &self.candidates)?;
        let clear = Released::new(release, fields).project(&function.schema, &exprs)?;
        Ok((node, clear))
    }

    /// The column of the number of events.
    fn events(&self) -> Option<usize> {
        (self.family == Family::Cox).then_some(3)
    }

    /// The numbers that leave; rounded counts follow the `columns` columns of the fit.
    fn outputs(&self, columns: usize, function: &TableFunction) -> Vec<Output> {
        let mut outputs = Vec::new();
        let rounded = self.multiple > 1;
        let (n, dropped) = if rounded { (columns, columns + 1) } else { (0, self.dropped) };
        let events = if rounded { columns + 2 } else { self.events().unwrap_or_default() };
        let numbers: &[(&str, usize)] = match self.family {
            Family::Lasso => &[("r2", 1), ("mse", 2), ("iterations", 3), ("nonzero", 4), ("kkt", 5)],
            Family::Linear => &[("r2", 1), ("mse", 2), ("nonzero", 3)],
            Family::Logistic | Family::Poisson => &[("log_likelihood", 1), ("null_likelihood", 2)],
            Family::Cox => &[("events", events), ("log_likelihood", 1), ("null_likelihood", 2)],
        };
        let counts = [("n", n), ("n_dropped", dropped)];
        let shown = |name: &str| {
            matches!(name, "place" | "null_likelihood")
                || function.schema.has_column_with_unqualified_name(name)
        };
        let place = (!self.candidates.is_empty()).then_some(("place", 6));
        let numbers = counts.iter().chain(numbers).chain(&place);
        for &(name, value) in numbers.filter(|(name, _)| shown(name)) {
            let double = !matches!(name, "n" | "n_dropped" | "iterations" | "nonzero" | "place" | "events");
            let data_type = if double { DataType::Float64 } else { DataType::Int64 };
            let mut gate = self.gate.clone();
            if name == "n_dropped" {
                gate.extend(self.dropped_gate.iter().cloned());
            }
            outputs.push(Output {
                field: Field::new(name, data_type, true),
                value,
                scale: Scale::Unit,
                known: Some(self.accepted),
                gate,
            });
        }
        outputs
    }

    /// The same columns, and after them the rounded numbers of rows, of dropped rows and of events; gates count exactly.
    fn rounded(&self, input: NodeId, columns: &[ColumnDef], nodes: &mut Vec<Node>) -> Result<NodeId> {
        let mut program = Program::default();
        let mut outputs = Vec::new();
        for (index, def) in columns.iter().enumerate() {
            let kind = match def.encoding {
                Encoding::Arithmetic(ring) => super::program::Kind::Number(ring, def.range),
                Encoding::Bit | Encoding::Planes(_) => super::program::Kind::Bit,
            };
            let reg = program.column(index, kind);
            outputs.push((reg, def.clone()));
        }
        for index in [Some(0), Some(self.dropped), self.events()].into_iter().flatten() {
            let (reg, mut def) =
                outputs.get(index).cloned().ok_or_else(|| failure::internal("no count to round"))?;
            let reg = program.divide_by(reg, self.multiple, Rounding::Nearest)?;
            let reg = program.scale(reg, self.multiple)?;
            def.range = program.range(reg);
            def.encoding = Encoding::Arithmetic(program.ring(reg));
            outputs.push((reg, def));
        }
        nodes.push(Node::Compute(Compute { input, ops: program.ops, outputs }));
        Ok(NodeId(nodes.len() - 1))
    }
}
