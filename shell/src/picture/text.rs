//! Pictures as text, for terminals.

use unicode_width::UnicodeWidthStr as _;

use super::draw::{number, said};
use super::model::{Bars, Curves, Estimates, Heat, Model};

/// The height of curves.
const HEIGHT: usize = 16;
/// One sign for each curve.
const SIGNS: [char; 7] = ['●', '▲', '■', '◆', '○', '△', '□'];
/// A cell filled by eighths.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// The picture in at most `width` columns, or a few more where there is no room for less.
pub(super) fn render(model: &Model, width: usize) -> String {
    let width = width.clamp(40, 120);
    match model {
        Model::Curves(curves) => self::curves(curves, width),
        Model::Estimates(estimates) => self::estimates(estimates, width),
        Model::Bars(bars) => self::bars(bars, width),
        Model::Heat(heat) => self::heat(heat),
    }
}

/// Where a value lies between two, from 0 to 1.
fn share(value: f64, lo: f64, hi: f64) -> f64 {
    if hi > lo { ((value - lo) / (hi - lo)).clamp(0.0, 1.0) } else { 0.5 }
}

/// The cell of a share.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "from 0 to a number of cells"
)]
fn cell(share: f64, cells: usize) -> usize {
    ((share * cells.saturating_sub(1) as f64).round() as usize).min(cells.saturating_sub(1))
}

fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), value| (lo.min(value), hi.max(value)))
}

fn curves(curves: &Curves, width: usize) -> String {
    let scaled = |x: f64| if curves.log { x.log10() } else { x };
    let points = || curves.list.iter().flat_map(|curve| &curve.points);
    let (left, right) = ends(points().map(|point| scaled(point.x)));
    let (bottom, top) = if curves.unit { (0.0, 1.0) } else { ends(points().map(|point| point.y)) };
    let cells = width - 12;
    let mut grid = vec![vec![' '; cells]; HEIGHT];
    for (index, curve) in curves.list.iter().enumerate() {
        let sign = SIGNS[index % SIGNS.len()];
        #[expect(clippy::needless_range_loop, reason = "a column crosses the lines of the picture")]
        for column in 0..cells {
            // The value that holds here: the last at or before the column, or the one that lies in it.
            let at = |x: f64| cell(share(scaled(x), left, right), cells);
            let value = if curves.steps {
                let (first, last) = (curve.points.first(), curve.points.last());
                let inside = first.is_some_and(|first| at(first.x) <= column)
                    && last.is_some_and(|last| column <= at(last.x));
                curve.points.iter().rfind(|point| at(point.x) <= column).filter(|_| inside)
            } else {
                curve.points.iter().find(|point| at(point.x) == column)
            };
            if let Some(point) = value {
                grid[HEIGHT - 1 - cell(share(point.y, bottom, top), HEIGHT)][column] = sign;
            }
        }
    }
    let mut text = format!("{}\n", curves.y);
    for (row, line) in grid.into_iter().enumerate() {
        let label = match row {
            0 => number(top),
            _ if row == HEIGHT - 1 => number(bottom),
            _ => String::new(),
        };
        let line: String = line.into_iter().collect();
        text.push_str(format!("{label:>9} ┤{line}").trim_end());
        text.push('\n');
    }
    let unscaled = |x: f64| if curves.log { 10_f64.powf(x) } else { x };
    let (left, right) = (number(unscaled(left)), number(unscaled(right)));
    let axis = "─".repeat(cells);
    let space = cells.saturating_sub(left.len() + right.len() + curves.x.width()).max(2) / 2;
    let between = " ".repeat(space);
    text.extend([format!("{:>9} └{axis}\n{:11}{left}{between}{}{between}{right}\n", "", "", curves.x)]);
    if curves.list.len() > 1 {
        let label = |label: &str| if label.is_empty() { "NULL".to_owned() } else { label.to_owned() };
        let legend = curves.list.iter().enumerate();
        let legend: Vec<String> = legend
            .map(|(index, curve)| format!("{} {}", SIGNS[index % SIGNS.len()], label(&curve.label)))
            .collect();
        text.extend([format!("{:11}{}\n", "", legend.join("   "))]);
    }
    text
}

fn widest<'l>(labels: impl Iterator<Item = &'l String>) -> usize {
    labels.map(|label| label.width()).max().unwrap_or(0)
}

fn padded(label: &str, width: usize) -> String {
    format!("{}{label}", " ".repeat(width.saturating_sub(label.width())))
}

fn estimates(estimates: &Estimates, width: usize) -> String {
    let scaled = |x: f64| if estimates.log { x.log10() } else { x };
    let of_row = |(_, value, interval): &(String, Option<f64>, Option<(f64, f64)>)| {
        value
            .iter()
            .copied()
            .chain(interval.iter().flat_map(|(lower, upper)| [*lower, *upper]))
            .collect::<Vec<_>>()
    };
    let all = estimates.rows.iter().flat_map(of_row).chain([estimates.reference]).map(scaled);
    let (lo, hi) = ends(all);
    let label = widest(estimates.rows.iter().map(|row| &row.0));
    let cells = width.saturating_sub(label + 16).max(20);
    let at = |x: f64| cell(share(scaled(x), lo, hi), cells);
    let mut text = format!("{} {}\n", padded("", label), estimates.x);
    for (name, value, interval) in &estimates.rows {
        let mut line = vec![' '; cells];
        line[at(estimates.reference)] = '│';
        if let Some((lower, upper)) = interval {
            let (from, to) = (at(*lower), at(*upper));
            line[from..=to].fill('─');
            (line[from], line[to]) = ('├', '┤');
        }
        let said = match value {
            Some(value) => {
                line[at(*value)] = '●';
                number(*value)
            }
            None => "withheld".to_owned(),
        };
        let line: String = line.into_iter().collect();
        text.extend([format!("{} {line} {said}\n", padded(name, label))]);
    }
    text
}

fn bars(bars: &Bars, width: usize) -> String {
    let label = widest(bars.labels.iter());
    let cells = width.saturating_sub(label + 16).max(20);
    let mut text = String::new();
    for (name, values) in &bars.panels {
        let most = values.iter().flatten().fold(0.0_f64, |most, value| most.max(value.abs()));
        text.extend([format!("{} {name}\n", padded(&bars.key, label))]);
        for (key, value) in bars.labels.iter().zip(values) {
            let bar = value.map_or_else(String::new, |value| bar(share(value.abs(), 0.0, most), cells));
            let said = value.map_or_else(|| "withheld".to_owned(), number);
            text.extend([format!("{} {bar} {said}\n", padded(key, label))]);
        }
    }
    text
}

/// A bar of eighths of cells.
fn bar(share: f64, cells: usize) -> String {
    let eighths = cell(share, cells * 8 + 1);
    let (full, rest) = (eighths / 8, eighths % 8);
    let mut bar = "█".repeat(full);
    if rest > 0 {
        bar.push(EIGHTHS[rest - 1]);
    }
    bar
}

fn heat(heat: &Heat) -> String {
    const CELL: usize = 10;
    let label = widest(heat.rows.iter());
    let most = heat.cells.iter().flatten().fold(0.0_f64, |most, value| most.max(value.abs()));
    let most = if heat.signed { 1.0 } else { most };
    let cut = |text: &str| text.chars().take(CELL).collect::<String>();
    let mut text = format!("{}\n{} ", heat.value, padded("", label));
    text.push_str(&heat.columns.iter().map(|name| padded(&cut(name), CELL)).collect::<Vec<_>>().join(" "));
    text.push('\n');
    for (name, cells) in heat.rows.iter().zip(heat.cells.chunks(heat.columns.len().max(1))) {
        let one = |value: &Option<f64>| {
            let Some(value) = value else { return padded("withheld", CELL) };
            let shade = [' ', '░', '▒', '▓', '█'][cell(share(value.abs(), 0.0, most), 5)];
            let said = if heat.signed { said(*value, true) } else { number(*value) };
            padded(&cut(&format!("{shade}{said}")), CELL)
        };
        let cells: Vec<String> = cells.iter().map(one).collect();
        text.extend([format!("{} {}\n", padded(name, label), cells.join(" "))]);
    }
    text
}
