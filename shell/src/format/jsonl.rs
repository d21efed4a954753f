//! One object on one line for each row.

use arrow::error::ArrowError;

use super::{ResultSet, json};

pub(super) fn render(result: &ResultSet) -> Result<String, ArrowError> {
    Ok(objects(result)?.into_iter().map(|object| object + "\n").collect())
}

/// The rows as JSON objects.
pub(super) fn objects(result: &ResultSet) -> Result<Vec<String>, ArrowError> {
    let keys: Vec<String> = result.names().iter().map(|key| json::string(key)).collect();
    let mut objects = Vec::with_capacity(result.rows());
    for batch in &result.batches {
        let columns = json::columns(batch)?;
        for row in 0..batch.num_rows() {
            let members: Vec<String> =
                keys.iter().zip(&columns).map(|(key, column)| format!("{key}:{}", column[row])).collect();
            objects.push(format!("{{{}}}", members.join(",")));
        }
    }
    Ok(objects)
}
