//! What is drawn, in the units of the data.

use planner::bind::Title;

use super::columns::Columns;
use crate::error::{Failure, Result};
use crate::format::ResultSet;

/// More bars or rows than this are no picture.
const MOST_ROWS: usize = 80;
/// More measures beside each other are no picture.
const MOST_PANELS: usize = 4;

/// What is drawn.
#[derive(Debug, PartialEq)]
pub(super) enum Model {
    /// Values over an axis of numbers.
    Curves(Curves),
    /// Estimates with intervals.
    Estimates(Estimates),
    /// Counts of ranges or numbers of groups.
    Bars(Bars),
    /// A number for every pair of labels.
    Heat(Heat),
}

#[derive(Debug, PartialEq)]
pub(super) struct Curves {
    pub(super) x: String,
    pub(super) y: String,
    /// Whether a value holds until the next.
    pub(super) steps: bool,
    /// Whether the horizontal axis is logarithmic.
    pub(super) log: bool,
    /// Whether the vertical axis goes from 0 to 1.
    pub(super) unit: bool,
    pub(super) list: Vec<Curve>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Curve {
    pub(super) label: String,
    pub(super) points: Vec<Point>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) interval: Option<(f64, f64)>,
}

/// A label, its estimate, and the ends of its interval.
pub(super) type Estimate = (String, Option<f64>, Option<(f64, f64)>);

#[derive(Debug, PartialEq)]
pub(super) struct Estimates {
    pub(super) x: String,
    /// Where there is no effect.
    pub(super) reference: f64,
    /// Ratios: the axis is logarithmic.
    pub(super) log: bool,
    /// Label, estimate, interval; no estimate where it is withheld.
    pub(super) rows: Vec<Estimate>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Bars {
    pub(super) key: String,
    pub(super) labels: Vec<String>,
    /// Whether bars touch, as ranges do.
    pub(super) touching: bool,
    /// Name and a number for each label.
    pub(super) panels: Vec<(String, Vec<Option<f64>>)>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Heat {
    /// What the numbers are, and of what.
    pub(super) value: String,
    pub(super) rows: Vec<String>,
    pub(super) columns: Vec<String>,
    /// Row after row.
    pub(super) cells: Vec<Option<f64>>,
    /// Whether values are from -1 to 1, as correlations.
    pub(super) signed: bool,
}

impl Model {
    pub(super) fn of(result: &ResultSet, titles: &[Title]) -> Result<Self> {
        let columns = Columns::of(result, titles).filter(|columns| columns.rows > 0);
        let columns = columns.ok_or_else(|| Failure::invalid("the result has no rows to draw"))?;
        let model = if columns.has(&["time", "survival"]) {
            survival(&columns)
        } else if columns.has(&["alpha", "term", "coefficient"]) {
            paths(&columns)
        } else if columns.has(&["term", "coefficient"]) {
            estimates(&columns)
        } else if columns.has(&["lower", "upper", "n"]) {
            histogram(&columns)
        } else if columns.has(&["row", "column"]) && (columns.has(&["value"]) || columns.has(&["n"])) {
            heat(&columns)
        } else {
            bars(&columns)
        };
        model.filter(Model::has_content).ok_or_else(|| {
            Failure::invalid("there is no picture that fits this result, or all its numbers are withheld").with_hint(
                "pictures are drawn of keys with numbers, and of the results of KAPLAN_MEIER, LASSO and other models, \
                 HISTOGRAM, CORRELATION, CROSSTAB",
            )
        })
    }

    fn has_content(&self) -> bool {
        match self {
            Model::Curves(curves) => curves.list.iter().any(|curve| !curve.points.is_empty()),
            Model::Estimates(estimates) => estimates.rows.iter().any(|(_, value, _)| value.is_some()),
            Model::Bars(bars) => bars.panels.iter().any(|(_, values)| values.iter().any(Option::is_some)),
            Model::Heat(heat) => heat.cells.iter().any(Option::is_some),
        }
    }
}

/// The points of each group, in the order of the rows; what is withheld has none.
fn grouped(labels: &[String], points: &[Option<Point>]) -> Vec<Curve> {
    let mut list: Vec<Curve> = Vec::new();
    for (label, point) in labels.iter().zip(points) {
        let old = list.iter().position(|curve| curve.label == *label);
        let place = old.unwrap_or_else(|| {
            list.push(Curve { label: label.clone(), points: Vec::new() });
            list.len() - 1
        });
        list[place].points.extend(point);
    }
    list
}

fn survival(columns: &Columns) -> Option<Model> {
    let (time, value) = (columns.numbers("time")?, columns.numbers("survival")?);
    let (lower, upper) = (columns.numbers("lower"), columns.numbers("upper"));
    let point = |row: usize| {
        let interval =
            lower.as_ref().and_then(|lower| lower[row]).zip(upper.as_ref().and_then(|upper| upper[row]));
        Some(Point { x: time[row]?, y: value[row]?, interval })
    };
    let points: Vec<_> = (0..columns.rows).map(point).collect();
    let labels = match columns.labels("group") {
        Some(groups) => groups.iter().map(|group| columns.group_name(group.as_ref())).collect(),
        None => vec![String::new(); columns.rows],
    };
    let mut list = grouped(&labels, &points);
    for curve in &mut list {
        curve.points.sort_by(|a, b| a.x.total_cmp(&b.x));
        // Everybody lives at the beginning.
        if curve.points.first().is_some_and(|first| first.x > 0.0) {
            curve.points.insert(0, Point { x: 0.0, y: 1.0, interval: Some((1.0, 1.0)) });
        }
    }
    let (x, y) = (columns.title("time"), "survival".to_owned());
    Some(Model::Curves(Curves { x, y, steps: true, log: false, unit: true, list }))
}

fn paths(columns: &Columns) -> Option<Model> {
    let (alpha, value) = (columns.numbers("alpha")?, columns.numbers("coefficient")?);
    let terms: Vec<String> = columns.labels("term")?.into_iter().map(Option::unwrap_or_default).collect();
    let point = |row: usize| {
        let is_intercept = terms[row] == "intercept";
        (!is_intercept).then_some(Point {
            x: alpha[row].filter(|x| *x > 0.0)?,
            y: value[row]?,
            interval: None,
        })
    };
    let points: Vec<_> = (0..columns.rows).map(point).collect();
    let mut list = grouped(&terms, &points);
    list.retain(|curve| !curve.points.is_empty());
    for curve in &mut list {
        curve.points.sort_by(|a, b| a.x.total_cmp(&b.x));
    }
    let (x, y) = ("alpha".to_owned(), columns.title("coefficient"));
    Some(Model::Curves(Curves { x, y, steps: false, log: true, unit: false, list }))
}

fn estimates(columns: &Columns) -> Option<Model> {
    let terms = columns.labels("term")?;
    let (lower, upper) = (columns.numbers("lower"), columns.numbers("upper"));
    let interval = |row: usize| {
        lower.as_ref().and_then(|lower| lower[row]).zip(upper.as_ref().and_then(|upper| upper[row]))
    };
    let inside = |values: &[Option<f64>]| {
        let within = |row: usize| match (values[row], interval(row)) {
            (Some(value), Some((lower, upper))) => lower <= value && value <= upper,
            _ => true,
        };
        (0..columns.rows).all(within)
    };
    // Intervals belong to the ratio where it lies in them and the coefficient does not.
    let ratio = ["odds_ratio", "hazard_ratio", "rate_ratio"].into_iter().find_map(|name| {
        let values = columns.numbers(name)?;
        let coefficients = columns.numbers("coefficient")?;
        let positive = values.iter().flatten().all(|value| *value > 0.0);
        (positive && lower.is_some() && inside(&values) && !inside(&coefficients)).then_some((name, values))
    });
    let log = ratio.is_some();
    let (x, values) = match ratio {
        Some((name, values)) => (name.replace('_', " "), values),
        None => (columns.title("coefficient"), columns.numbers("coefficient")?),
    };
    let fits = |row: usize| interval(row).filter(|(lower, _)| !log || *lower > 0.0);
    let mut rows: Vec<_> = (0..columns.rows)
        .map(|row| (terms[row].clone().unwrap_or_default(), values[row], fits(row)))
        .collect();
    // The intercept is on a scale of its own.
    if rows.len() > 1 {
        rows.retain(|(term, ..)| term != "intercept");
    }
    (rows.len() <= MOST_ROWS).then_some(Model::Estimates(Estimates {
        x,
        reference: if log { 1.0 } else { 0.0 },
        log,
        rows,
    }))
}

fn histogram(columns: &Columns) -> Option<Model> {
    let (lower, upper) = (ends("lower", columns)?, ends("upper", columns)?);
    let n = columns.numbers("n")?;
    let range = |row: usize| format!("{} to {}", lower[row], upper[row]);
    let groups = columns.labels("group").unwrap_or_else(|| vec![None; columns.rows]);
    let mut names: Vec<Option<String>> = Vec::new();
    let mut labels: Vec<String> = Vec::new();
    for (row, group) in groups.iter().enumerate().take(columns.rows) {
        if !names.contains(group) {
            names.push(group.clone());
        }
        if !labels.contains(&range(row)) {
            labels.push(range(row));
        }
    }
    let panel = |group: &Option<String>| {
        let of =
            |label: &String| (0..columns.rows).find(|row| groups[*row] == *group && range(*row) == *label);
        let values = labels.iter().map(|label| of(label).and_then(|row| n[row])).collect();
        (
            if names.len() > 1 {
                format!("n, {}", columns.group_name(group.as_ref()))
            } else {
                "n".to_owned()
            },
            values,
        )
    };
    let panels: Vec<_> = names.iter().map(panel).collect();
    let fits = panels.len() <= MOST_PANELS && labels.len() <= MOST_ROWS;
    let key = columns.title("lower").replacen("lower", "value", 1);
    fits.then_some(Model::Bars(Bars { key, labels, touching: true, panels }))
}

/// The ends of ranges: of numbers, at most six digits.
fn ends(name: &str, columns: &Columns) -> Option<Vec<String>> {
    let texts = columns.labels(name)?.into_iter().map(|text| text.unwrap_or_else(|| "?".to_owned()));
    match columns.numbers(name) {
        Some(numbers) => Some(
            numbers
                .into_iter()
                .zip(texts)
                .map(|(number, text)| number.map_or(text, super::draw::number))
                .collect(),
        ),
        None => Some(texts.collect()),
    }
}

fn heat(columns: &Columns) -> Option<Model> {
    let value = if columns.has(&["value"]) { "value" } else { "n" };
    let numbers = columns.numbers(value)?;
    let of = |name: &str| -> Option<Vec<String>> {
        Some(
            columns
                .labels(name)?
                .into_iter()
                .map(|label| label.unwrap_or_else(|| "NULL".to_owned()))
                .collect(),
        )
    };
    let (of_row, of_column) = (of("row")?, of("column")?);
    let distinct = |labels: &[String]| {
        let mut list: Vec<String> = Vec::new();
        for label in labels {
            if !list.contains(label) {
                list.push(label.clone());
            }
        }
        list
    };
    let (rows, names) = (distinct(&of_row), distinct(&of_column));
    let mut cells = vec![None; rows.len() * names.len()];
    for index in 0..columns.rows {
        let row = rows.iter().position(|label| *label == of_row[index])?;
        let column = names.iter().position(|label| *label == of_column[index])?;
        cells[row * names.len() + column] = numbers[index];
    }
    let signed = value == "value" && numbers.iter().flatten().all(|value| value.abs() <= 1.0 + 1e-9);
    let fits = rows.len() <= MOST_ROWS && names.len() <= MOST_ROWS;
    let (row, column) = (columns.title("row"), columns.title("column"));
    let title = match columns.title(value) {
        title if row == "row" => title,
        title => format!("{title}: {row} (down) by {column} (across)"),
    };
    fits.then_some(Model::Heat(Heat { value: title, rows, columns: names, cells, signed }))
}

/// Keys at the left, numbers at the right. Where everything is a number, the first column is the key.
fn bars(columns: &Columns) -> Option<Model> {
    let names: Vec<&str> = columns.names().collect();
    let mut keys: Vec<&str> = names.iter().copied().take_while(|name| !columns.is_number(name)).collect();
    if keys.is_empty() && names.len() > 1 {
        keys.extend(names.first());
    }
    let measures: Vec<&str> = names
        .iter()
        .skip(keys.len())
        .copied()
        .filter(|name| columns.is_number(name))
        .take(MOST_PANELS)
        .collect();
    if keys.is_empty() || measures.is_empty() || columns.rows > MOST_ROWS {
        return None;
    }
    let parts: Vec<Vec<Option<String>>> =
        keys.iter().map(|name| columns.labels(name)).collect::<Option<_>>()?;
    let label = |row: usize| {
        let parts: Vec<&str> = parts.iter().map(|part| part[row].as_deref().unwrap_or("NULL")).collect();
        parts.join(", ")
    };
    let panels = measures.iter().map(|name| Some((columns.title(name), columns.numbers(name)?)));
    Some(Model::Bars(Bars {
        key: keys.iter().map(|name| columns.title(name)).collect::<Vec<_>>().join(", "),
        labels: (0..columns.rows).map(label).collect(),
        touching: false,
        panels: panels.collect::<Option<_>>()?,
    }))
}
