//! What leaves of a model.

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::Column;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, LogicalPlan, lit};

use super::clear::Released;
use super::failure;
use super::program::Program;
use crate::Result;
use crate::function::TableFunction;
use crate::plan::{
    ColumnDef, Compute, Encoding, LassoOutput, Node, NodeId, Output, Range, Release, RingSize, Rounding,
    Rows, Scale, Threshold,
};

/// The columns of a fit, without those of the counts.
pub(super) fn output_columns(output: LassoOutput, bound: i128) -> Vec<ColumnDef> {
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

pub(super) fn coefficients(
    function: &TableFunction,
    release: usize,
    mut names: Vec<String>,
    accepted: usize,
    gate: &[Threshold],
    nodes: &mut Vec<Node>,
) -> Result<(NodeId, LogicalPlan)> {
    if function.arguments.truth("intercept")? {
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
pub(super) struct Summary {
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
        let outputs = self.outputs(columns.len());
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
                Box::new(lit(function.arguments.number("alpha")?)),
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

    /// The numbers that leave; rounded counts follow the `columns` columns of the fit.
    fn outputs(&self, columns: usize) -> Vec<Output> {
        let mut outputs = Vec::new();
        let (n, dropped) = if self.multiple > 1 { (columns, columns + 1) } else { (0, self.dropped) };
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
        outputs
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
