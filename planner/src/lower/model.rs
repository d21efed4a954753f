//! Table functions as nodes: the rows of complete cases, what the gate counts, the fit.

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, LogicalPlan, lit};

use super::clear::Released;
use super::emit::{Counting, Want};
use super::facts::{Facts, decode, is_text, worth};
use super::failure;
use super::figure::{Gate, Sums, all_rows};
use super::group::moved;
use super::program::Program;
use super::rows::normalise;
use super::rowset::RowSet;
use crate::Result;
use crate::catalog::Federation;
use crate::function::{LassoArguments, TableFunction, TableFunctionName, Variable};
use crate::plan::{
    Aggregate, ColumnDef, Compute, Encoding, Lasso, LassoOutput, LassoTerm, Node, NodeId, Op, Output, Range,
    Reg, Release, RingSize, Rounding, Rows, Scale, Threshold,
};

/// Rows that a parameter needs before a model may leave.
const ROWS_PER_PARAMETER: u64 = 10;

/// Bits of the statistics that the solver is exact for (see `mpc::protocol::lasso`): variable and number of rows.
const STATISTICS_BITS: u32 = 58;

/// A variable of the model, or a level of one.
struct Term {
    name: String,
    /// Its value in every branch.
    exprs: Vec<Expr>,
    scale: Scale,
    /// Its integers.
    range: Range,
    /// For a two-valued one: 1 where it has the one, and where it has the other value, in every branch.
    halves: Option<[Vec<Expr>; 2]>,
}

impl Term {
    /// The integer in the middle of its range.
    fn middle(&self) -> i128 {
        // 0 and 1 stay what they are.
        if self.range == (Range { lo: 0, hi: 1 }) { 0 } else { self.range.lo.midpoint(self.range.hi) }
    }

    fn bits(&self) -> u32 {
        let (below, above) = (self.range.lo - self.middle(), self.range.hi - self.middle());
        Range { lo: below, hi: above }.bits().max(1)
    }
}

/// Lowers a model; returns its release and the clear plan of its result.
///
/// # Errors
/// Invalid for a bound with fewer rows than features and for what is not built; refused for variables without bounds.
pub(crate) fn lower_model(
    function: &TableFunction,
    federation: &Federation,
    release: usize,
    nodes: &mut Vec<Node>,
) -> Result<(NodeId, LogicalPlan)> {
    let relation = normalise(&function.input, federation)?;
    let rows = RowSet::new(&relation, federation)?;
    let arguments = &function.arguments;
    let mut features = Vec::new();
    for variable in &arguments.features {
        features.extend(terms(&rows, variable, function)?);
    }
    let target = target(&rows, &arguments.target, function)?;
    let bound = rows.bound();
    let needed = features.len() as u64 + 2;
    if bound < needed {
        let message = format!(
            "{} of {} features needs at least {needed} rows; the tables declare at most {bound}",
            function.name.name(),
            features.len()
        );
        return Err(failure::invalid(message));
    }
    let ring = ring(&features, &target, bound)?;
    let mut known = Vec::new();
    for variable in function.variables() {
        let exprs = rows.expressions(&variable.expr, function.input.schema())?;
        known.push((rows.facts(&exprs)?.nullable, exprs));
    }
    let complete: Vec<Counting> = (0..rows.branches().len())
        .map(|branch| {
            let nullable = known.iter().filter(|(nullable, _)| *nullable);
            let known = nullable.filter_map(|(_, exprs)| exprs.get(branch).cloned()).collect();
            Counting { known, nonzero: None, ring }
        })
        .collect();
    let sums = Sums::new(rows, false);
    let mut model = Model { sums, complete, features, target, ring };
    let columns = model.columns()?;
    let gates = model.gates(arguments)?;
    let dropped = match function.name {
        TableFunctionName::Lasso => None,
        TableFunctionName::LassoSummary => Some(model.dropped()?),
    };
    let multiple = model.sums.count_multiple();
    let parts = Parts { columns, gates, dropped, multiple };
    model.emit(function, release, parts, nodes)
}

/// What the nodes are made of.
struct Parts {
    /// Features, target, counts, among the columns of the rows.
    columns: (Vec<usize>, usize, usize),
    gates: Vec<Gate>,
    dropped: Option<(Reg, Vec<Gate>)>,
    multiple: i128,
}

/// The terms of a feature: itself, or one for every level but the first.
fn terms(rows: &RowSet<'_>, variable: &Variable, function: &TableFunction) -> Result<Vec<Term>> {
    let exprs = rows.expressions(&variable.expr, function.input.schema())?;
    let facts = rows.facts(&exprs)?;
    if !variable.categorical {
        return Ok(vec![numeric(&variable.name, exprs, &facts)?]);
    }
    let levels = facts.enumerate().ok_or_else(|| {
        failure::not_built(format!(
            "the categorical variable {}, which has no closed domain (`values`)",
            variable.name
        ))
    })?;
    let others = levels.iter().skip(1).map(|level| {
        let name = format!("{}={}", variable.name, shown(level));
        level_term(name, &exprs, level)
    });
    Ok(others.collect())
}

fn shown(level: &ScalarValue) -> String {
    match level {
        ScalarValue::Boolean(Some(value)) => value.to_string(),
        other => other.to_string(),
    }
}

/// The 0-1 variable that an expression has this value.
fn level_term(name: String, exprs: &[Expr], level: &ScalarValue) -> Term {
    let ones: Vec<Expr> = exprs.iter().map(|expr| indicator(expr, level, 1)).collect();
    let zeros = exprs.iter().map(|expr| indicator(expr, level, 0)).collect();
    let range = Range { lo: 0, hi: 1 };
    Term { name, exprs: ones.clone(), scale: Scale::Unit, range, halves: Some([ones, zeros]) }
}

/// `same` where the expression has the value, else the other of 0 and 1.
fn indicator(expr: &Expr, value: &ScalarValue, same: i64) -> Expr {
    let is = expr.clone().eq(lit(value.clone()));
    let when_then_expr = vec![(Box::new(is), Box::new(lit(same)))];
    Expr::Case(Case { expr: None, when_then_expr, else_expr: Some(Box::new(lit(1 - same))) })
}

fn numeric(name: &str, exprs: Vec<Expr>, facts: &Facts) -> Result<Term> {
    if is_text(&facts.data_type) {
        return Err(failure::invalid(format!("{name} is text and cannot enter a model as a number")));
    }
    let range = facts.range.ok_or_else(|| failure::bounds(format!("the variable `{name}`")))?;
    let halves = match facts.closed.as_deref() {
        Some([low, high]) => {
            let half = |value: &ScalarValue| exprs.iter().map(|expr| indicator(expr, value, 1)).collect();
            Some([half(low), half(high)])
        }
        _ => None,
    };
    Ok(Term { name: name.to_owned(), exprs, scale: facts.scale, range, halves })
}

fn target(rows: &RowSet<'_>, variable: &Variable, function: &TableFunction) -> Result<Term> {
    if !variable.categorical {
        return terms(rows, variable, function)?
            .pop()
            .ok_or_else(|| failure::internal("a target without a term"));
    }
    let mut terms = terms(rows, variable, function)?;
    match (terms.pop(), terms.pop()) {
        (Some(only), None) => Ok(Term { name: variable.name.clone(), ..only }),
        _ => Err(failure::invalid(format!(
            "the target {} must be a number, or have two values",
            variable.name
        ))),
    }
}

/// The ring in which all products of two variables can be summed.
fn ring(features: &[Term], target: &Term, bound: u64) -> Result<RingSize> {
    let row_bits = u64::BITS - bound.leading_zeros();
    let mut ring = RingSize::Z64;
    for term in features.iter().chain([target]) {
        let bits = term.bits();
        if bits + row_bits > STATISTICS_BITS {
            return Err(failure::bounds(format!("the sums of squares of `{}` over {bound} rows", term.name)));
        }
        if 2 * bits + row_bits > 62 {
            ring = RingSize::Z128;
        }
    }
    Ok(ring)
}

struct Model<'a> {
    sums: Sums<'a>,
    complete: Vec<Counting>,
    features: Vec<Term>,
    target: Term,
    ring: RingSize,
}

impl Model<'_> {
    /// The columns of the features, of the target, and of which rows count.
    fn columns(&mut self) -> Result<(Vec<usize>, usize, usize)> {
        let mut columns = Vec::new();
        for term in self.features.iter().chain([&self.target]) {
            let middle = term.middle();
            let wants: Vec<Want> = term
                .exprs
                .iter()
                .zip(&self.complete)
                .map(|(expr, counting)| Want::Masked {
                    expr: expr.clone(),
                    scale: term.scale,
                    offset: middle,
                    counting: counting.clone(),
                })
                .collect();
            let range = Range { lo: term.range.lo - middle, hi: term.range.hi - middle }.with_zero();
            let def = ColumnDef { name: term.name.clone(), encoding: Encoding::Arithmetic(self.ring), range };
            columns.push(self.sums.rows.column(&wants, def)?);
        }
        let target = columns.pop().ok_or_else(|| failure::internal("a model without target"))?;
        let wants: Vec<Want> = self.complete.iter().cloned().map(Want::Count).collect();
        let range = Range { lo: 0, hi: 1 };
        let def = ColumnDef { name: "complete".into(), encoding: Encoding::Arithmetic(self.ring), range };
        let valid = self.sums.rows.column(&wants, def)?;
        Ok((columns, target, valid))
    }

    /// Enough persons for the number of parameters, and for each value of two-valued variables.
    fn gates(&mut self, arguments: &LassoArguments) -> Result<Vec<Gate>> {
        let parameters = self.features.len() as u64 + u64::from(arguments.intercept);
        let complete: Vec<Counting> = self
            .complete
            .iter()
            .map(|counting| Counting { ring: RingSize::Z64, ..counting.clone() })
            .collect();
        let mut gates = self.sums.gates(&complete, "complete rows")?;
        for gate in &mut gates {
            gate.at_least = gate.at_least.max(ROWS_PER_PARAMETER * parameters);
        }
        let terms = self.features.iter().chain([&self.target]);
        let halves: Vec<(String, Vec<Expr>)> = terms
            .filter_map(|term| term.halves.as_ref().map(|halves| (term.name.clone(), halves)))
            .flat_map(|(name, [one, other])| {
                [(format!("{name} is 1"), one.clone()), (format!("{name} is 0"), other.clone())]
            })
            .collect();
        for (what, exprs) in halves {
            let counting: Vec<Counting> = complete
                .iter()
                .zip(exprs)
                .map(|(counting, expr)| Counting { nonzero: Some(expr), ..counting.clone() })
                .collect();
            gates.extend(self.sums.gates(&counting, &what)?);
        }
        Ok(gates)
    }

    /// The number of rows with a NULL in a variable, and its gates.
    fn dropped(&mut self) -> Result<(Reg, Vec<Gate>)> {
        let counting: Vec<Counting> = self
            .complete
            .iter()
            .map(|complete| {
                let missing = complete.known.iter().map(|expr| expr.clone().is_null()).reduce(Expr::or);
                let missing = missing.unwrap_or_else(|| lit(false));
                let when_then_expr = vec![(Box::new(missing), Box::new(lit(1_i64)))];
                let case = Case { expr: None, when_then_expr, else_expr: Some(Box::new(lit(0_i64))) };
                Counting { known: Vec::new(), nonzero: Some(Expr::Case(case)), ring: RingSize::Z64 }
            })
            .collect();
        let gates = self.sums.gates(&counting, "dropped rows")?;
        Ok((self.sums.count(&counting, "dropped rows")?, gates))
    }

    /// Adds the nodes.
    fn emit(
        mut self,
        function: &TableFunction,
        release: usize,
        parts: Parts,
        nodes: &mut Vec<Node>,
    ) -> Result<(NodeId, LogicalPlan)> {
        let arguments = &function.arguments;
        if self.sums.measures.is_empty() {
            let counting = all_rows(self.sums.rows.branches().len());
            self.sums.count(&counting, "rows")?;
        }
        let bound = i128::from(self.sums.rows.bound());
        let Sums { rows, measures, columns: counted, program, .. } = self.sums;
        let (input, places) = rows.finish(nodes)?;
        let at = |column: usize| {
            places.get(column).copied().ok_or_else(|| failure::internal("a column of no row"))
        };
        let measures = measures.into_iter().map(|measure| moved(measure, &at)).collect::<Result<_>>()?;
        nodes.push(Node::Aggregate(Aggregate {
            input,
            keys: Vec::new(),
            measures,
            columns: counted.clone(),
        }));
        let counts = NodeId(nodes.len() - 1);
        let term = |term: &Term, column: usize| -> Result<LassoTerm> {
            let (step, middle) = (worth(term.scale), decode(term.middle(), term.scale));
            Ok(LassoTerm { name: term.name.clone(), column: at(column)?, step, middle, bits: term.bits() })
        };
        let (features, target, valid) = &parts.columns;
        let features = self.features.iter().zip(features).map(|(feature, column)| term(feature, *column));
        let features = features.collect::<Result<Vec<_>>>()?;
        let names: Vec<String> = features.iter().map(|feature| feature.name.clone()).collect();
        let output = match function.name {
            TableFunctionName::Lasso => LassoOutput::Coefficients,
            TableFunctionName::LassoSummary => LassoOutput::Summary,
        };
        let mut columns = output_columns(output, bound);
        let accepted = columns.len() - 1;
        columns.extend(counted);
        nodes.push(Node::Lasso(Lasso {
            input,
            features,
            target: term(&self.target, *target)?,
            valid: at(*valid)?,
            alpha: arguments.alpha.0,
            standardize: arguments.standardize,
            intercept: arguments.intercept,
            counts: Some(counts),
            output,
            columns: columns.clone(),
        }));
        // A number of the counts: a column of the program that computes nothing yet.
        let count = |reg: Reg| match program.ops.get(reg.0) {
            Some(Op::Column(column)) => Ok(accepted + 1 + column),
            _ => Err(failure::internal("a count that is computed")),
        };
        let gate = |gates: &[Gate]| -> Result<Vec<Threshold>> {
            let threshold = |gate: &Gate| {
                Ok(Threshold {
                    persons: count(gate.persons)?,
                    at_least: gate.at_least,
                    reason: gate.reason.clone(),
                })
            };
            gates.iter().map(threshold).collect()
        };
        let gated = gate(&parts.gates)?;
        let (node, clear) = match output {
            LassoOutput::Coefficients => coefficients(function, release, names, accepted, &gated, nodes)?,
            LassoOutput::Summary => {
                let (dropped, gates) =
                    parts.dropped.ok_or_else(|| failure::internal("no count of dropped rows"))?;
                let summary = Summary {
                    accepted,
                    dropped: count(dropped)?,
                    gate: gated,
                    dropped_gate: gate(&gates)?,
                    multiple: parts.multiple,
                };
                summary.emit(function, release, &columns, nodes)?
            }
        };
        Ok((node, clear))
    }
}

/// The columns of a fit, without those of the counts.
fn output_columns(output: LassoOutput, bound: i128) -> Vec<ColumnDef> {
    let def =
        |name: &str, encoding, lo, hi| ColumnDef { name: name.to_owned(), encoding, range: Range { lo, hi } };
    let wide = Encoding::Arithmetic(RingSize::Z128);
    let any = 1_i128 << 126;
    let mut columns = match output {
        LassoOutput::Coefficients => vec![def("coefficient", wide, -any, any)],
        LassoOutput::Summary => vec![
            def("n", wide, 0, bound),
            def("r2", wide, -any, any),
            def("mse", wide, 0, any),
            def("iterations", wide, 0, 10_000),
            def("nonzero", wide, 0, 1_000),
            def("kkt", wide, 0, any),
        ],
    };
    columns.push(def("accepted", Encoding::Bit, 0, 1));
    columns
}

fn coefficients(
    function: &TableFunction,
    release: usize,
    mut names: Vec<String>,
    accepted: usize,
    gate: &[Threshold],
    nodes: &mut Vec<Node>,
) -> Result<(NodeId, LogicalPlan)> {
    if function.arguments.intercept {
        names.insert(0, "intercept".into());
    }
    let field = Field::new("coefficient", DataType::Float64, true);
    let output = Output {
        field: field.clone(),
        value: 0,
        scale: Scale::Unit,
        known: Some(accepted),
        gate: gate.to_vec(),
    };
    let input = NodeId(nodes.len() - 1);
    nodes.push(Node::Release(Release {
        input,
        rows: Rows::Terms(names),
        present: None,
        gate: Vec::new(),
        outputs: vec![output],
    }));
    let fields = vec![Field::new("term", DataType::Utf8, true), field];
    let exprs = ["term", "coefficient"].map(|name| Expr::Column(Column::new_unqualified(name)));
    let clear = Released::new(release, fields).project(&function.schema, &exprs)?;
    Ok((NodeId(nodes.len() - 1), clear))
}

/// Where the numbers of a summary are.
struct Summary {
    accepted: usize,
    dropped: usize,
    gate: Vec<Threshold>,
    dropped_gate: Vec<Threshold>,
    multiple: i128,
}

impl Summary {
    fn emit(
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
        let mut outputs = Vec::new();
        let (n, dropped) =
            if self.multiple > 1 { (columns.len(), columns.len() + 1) } else { (0, self.dropped) };
        let numbers = [
            ("n", n),
            ("n_dropped", dropped),
            ("r2", 1),
            ("mse", 2),
            ("iterations", 3),
            ("nonzero", 4),
            ("kkt", 5),
        ];
        for (name, value) in numbers {
            let double = matches!(name, "r2" | "mse" | "kkt");
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
        let fields = outputs.iter().map(|output| output.field.clone()).collect();
        nodes.push(Node::Release(Release {
            input,
            rows: Rows::One,
            present: None,
            gate: Vec::new(),
            outputs,
        }));
        let node = NodeId(nodes.len() - 1);
        let column = |name: &str| Expr::Column(Column::new_unqualified(name));
        // The penalty is public, but a withheld summary has no row to show it for.
        let alpha = Case {
            expr: None,
            when_then_expr: vec![(
                Box::new(column("n").is_not_null()),
                Box::new(lit(function.arguments.alpha.0)),
            )],
            else_expr: None,
        };
        let exprs: Vec<Expr> = function
            .schema
            .fields()
            .iter()
            .map(
                |field| {
                    if field.name() == "alpha" { Expr::Case(alpha.clone()) } else { column(field.name()) }
                },
            )
            .collect();
        let clear = Released::new(release, fields).project(&function.schema, &exprs)?;
        Ok((node, clear))
    }

    /// The same columns, and after them the rounded numbers of rows and of dropped rows; gates count exactly.
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
        for index in [0, self.dropped] {
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
