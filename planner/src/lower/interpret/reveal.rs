//! What is released.

use super::*;

pub(super) fn reveal(release: &Release, input: &Table, model: bool) -> RecordBatch {
    let met = |gate: &[crate::plan::Threshold], row: usize| {
        gate.iter().all(|threshold| input.columns[threshold.persons][row] >= i128::from(threshold.at_least))
    };
    let present: Vec<usize> = (0..input.rows)
        .filter(|row| {
            release.present.is_none_or(|column| input.columns[column][*row] == 1) && met(&release.gate, *row)
        })
        .collect();
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    let present = match &release.rows {
        Rows::Chosen(chosen) => {
            let mut order = present;
            let key = |row: usize, sort: &crate::plan::SortKey| {
                let output = &release.outputs[sort.output];
                let known = output.known.is_none_or(|column| input.columns[column][row] == 1);
                let value = (known && met(&output.gate, row)).then(|| input.columns[output.value][row]);
                (value.is_none() != sort.nulls_first, if sort.descending { value.map(|v| -v) } else { value })
            };
            order.sort_by_key(|row| chosen.order.iter().map(|sort| key(*row, sort)).collect::<Vec<_>>());
            order.into_iter().skip(chosen.skip).take(chosen.fetch.unwrap_or(usize::MAX)).collect()
        }
        _ => present,
    };
    if let Rows::Groups(keys) = &release.rows {
        let mut repeat: usize = keys.iter().map(|key| key.values.len()).product();
        assert_eq!(repeat.max(1), input.rows);
        for key in keys {
            repeat /= key.values.len();
            let cells = present.iter().map(|row| key.values[row / repeat % key.values.len()].clone());
            fields.push(key.field.clone());
            columns.push(array(cells.collect(), key.field.data_type()));
        }
    }
    if let Rows::Terms(terms) = &release.rows {
        fields.push(Field::new("term", DataType::Utf8, true));
        columns.push(array(
            terms.iter().map(|term| ScalarValue::from(term.as_str())).collect(),
            &DataType::Utf8,
        ));
    }
    for output in &release.outputs {
        let scale = match output.field.data_type() {
            DataType::Float64 if model => Scale::Step(2_f64.powi(-MODEL_BITS)),
            _ => output.scale,
        };
        let cell = |row: &usize| {
            let known = output.known.is_none_or(|column| input.columns[column][*row] == 1);
            let null = ScalarValue::try_from(output.field.data_type()).unwrap();
            if known && met(&output.gate, *row) {
                scalar(input.columns[output.value][*row], scale, output.field.data_type())
            } else {
                null
            }
        };
        assert!(output.field.is_nullable());
        fields.push(output.field.clone());
        columns.push(array(present.iter().map(cell).collect(), output.field.data_type()));
    }
    let options = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(present.len()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).unwrap()
}

fn array(cells: Vec<ScalarValue>, data_type: &DataType) -> ArrayRef {
    if cells.is_empty() {
        return datafusion::arrow::array::new_empty_array(data_type);
    }
    ScalarValue::iter_to_array(cells).unwrap()
}

fn scalar(integer: i128, scale: Scale, data_type: &DataType) -> ScalarValue {
    if let DataType::Float64 = data_type {
        return ScalarValue::Float64(Some(decode(integer, scale)));
    }
    match (data_type, scale) {
        (DataType::Decimal128(_, digits), Scale::Decimal(own)) => assert_eq!(*digits, own),
        (_, scale) => assert_eq!(scale, Scale::Unit, "{data_type}"),
    }
    crate::lower::facts::scalar(integer, data_type).unwrap()
}
