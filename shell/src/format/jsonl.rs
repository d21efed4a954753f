//! One object on one line for each row.

use arrow::error::ArrowError;

use super::{ResultSet, json};

pub(super) fn render(result: &ResultSet) -> Result<String, ArrowError> {
    Ok(objects(result)?.into_iter().map(|object| object + "\n").collect())
}

/// The keys of the objects: the columns' names; of several columns with one name all but the first get a number, `n_1`, that
/// no other column has, so that no value is lost to whoever reads objects by key.
fn keys(result: &ResultSet) -> Vec<String> {
    let names: Vec<&String> = result.schema.fields().iter().map(|field| field.name()).collect();
    let mut keys: Vec<String> = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let mut key = (*name).clone();
        let mut number = 0;
        let later = |key: &String| names.iter().skip(index + 1).any(|other| *other == key);
        while keys.contains(&key) || (number > 0 && later(&key)) {
            number += 1;
            key = format!("{name}_{number}");
        }
        keys.push(key);
    }
    keys
}

/// The rows as JSON objects.
pub(super) fn objects(result: &ResultSet) -> Result<Vec<String>, ArrowError> {
    let keys: Vec<String> = keys(result).iter().map(|key| json::string(key)).collect();
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
