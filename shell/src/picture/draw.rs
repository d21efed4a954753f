//! Pictures by the plotting library, as SVG or pixels.

use std::sync::Once;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::model::{Bars, Curves, Estimates, Heat, Model};
use crate::error::{Failure, Result};

/// Colours that people with and without full colour vision can tell apart (Okabe and Ito 2008).
const PALETTE: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(40, 40, 40),
];
const INK: RGBColor = RGBColor(50, 50, 50);
const FAINT: RGBColor = RGBColor(225, 225, 225);
const FONT: &str = "sans-serif";
const WIDTH: u32 = 900;

static SANS: &[u8] = include_bytes!("../../assets/sans.ttf");

type Area<'a, DB> = DrawingArea<DB, Shift>;
type Drawn = std::result::Result<(), String>;

/// Sizes of one picture: pixels of PNG are half those of SVG.
#[derive(Clone, Copy)]
struct Pen {
    scale: u32,
}

impl Pen {
    fn px(self, size: u32) -> u32 {
        size * self.scale
    }

    fn signed(self, size: i32) -> i32 {
        size * self.scale.cast_signed()
    }

    fn text(self, size: u32) -> TextStyle<'static> {
        (FONT, self.px(size)).into_font().color(&INK)
    }
}

/// The picture as SVG.
pub(super) fn svg(model: &Model) -> Result<String> {
    fonts()?;
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size(model)).into_drawing_area();
        draw(&area, model, Pen { scale: 1 }).map_err(failed)?;
    }
    Ok(text)
}

/// The picture as PNG, twice as fine.
pub(super) fn png(model: &Model) -> Result<Vec<u8>> {
    fonts()?;
    let pen = Pen { scale: 2 };
    let (width, height) = size(model);
    let (width, height) = (pen.px(width), pen.px(height));
    let mut pixels = vec![255; width as usize * height as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        draw(&area, model, pen).map_err(failed)?;
    }
    super::png::encode(&pixels, width, height)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::internal(format!("the picture cannot be drawn: {error}"))
}

fn fonts() -> Result<()> {
    static ONCE: Once = Once::new();
    let mut outcome = Ok(());
    ONCE.call_once(|| outcome = register_font(FONT, FontStyle::Normal, SANS).map_err(|_| ()));
    outcome.map_err(|()| Failure::internal("the font of pictures is broken"))
}

/// Room for every label.
fn size(model: &Model) -> (u32, u32) {
    let count = |rows: usize| u32::try_from(rows).unwrap_or(u32::MAX).min(100);
    match model {
        Model::Curves(_) => (WIDTH, 520),
        Model::Estimates(estimates) => (WIDTH, 110 + 30 * count(estimates.rows.len())),
        Model::Bars(bars) => (WIDTH, count(bars.panels.len()) * (90 + 26 * count(bars.labels.len()))),
        Model::Heat(heat) => (WIDTH, 130 + 36 * count(heat.rows.len())),
    }
}

fn draw<DB: DrawingBackend>(area: &Area<'_, DB>, model: &Model, pen: Pen) -> Drawn {
    area.fill(&WHITE).map_err(|error| error.to_string())?;
    match model {
        Model::Curves(curves) if curves.log => {
            let (lo, hi) =
                widen(curves.list.iter().flat_map(|curve| &curve.points).map(|point| point.x), true);
            curves_on(area, (lo..hi).log_scale(), curves, pen)
        }
        Model::Curves(curves) => {
            let (lo, hi) = ends(curves.list.iter().flat_map(|curve| &curve.points).map(|point| point.x));
            curves_on(area, lo..if hi > lo { hi } else { lo + 1.0 }, curves, pen)
        }
        Model::Estimates(estimates) => {
            let intervals =
                estimates.rows.iter().filter_map(|row| row.2).flat_map(|(lower, upper)| [lower, upper]);
            let all =
                estimates.rows.iter().filter_map(|row| row.1).chain(intervals).chain([estimates.reference]);
            let (lo, hi) = widen(all, estimates.log);
            if estimates.log {
                estimates_on(area, (lo..hi).log_scale(), estimates, pen)
            } else {
                estimates_on(area, lo..hi, estimates, pen)
            }
        }
        Model::Bars(bars) => {
            for (index, part) in area.split_evenly((bars.panels.len(), 1)).iter().enumerate() {
                panel(part, bars, index, pen)?;
            }
            Ok(())
        }
        Model::Heat(heat) => self::heat(area, heat, pen),
    }?;
    area.present().map_err(|error| error.to_string())
}

fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (lo, hi) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), value| (lo.min(value), hi.max(value)));
    if lo <= hi { (lo, hi) } else { (0.0, 1.0) }
}

/// The range with a margin; by a factor for ratios.
fn widen(values: impl Iterator<Item = f64>, log: bool) -> (f64, f64) {
    let (lo, hi) = ends(values);
    if log {
        let factor = (hi / lo).powf(0.05).max(1.05);
        return (lo / factor, hi * factor);
    }
    let margin = if hi > lo { (hi - lo) * 0.05 } else { hi.abs().max(1.0) * 0.05 };
    (lo - margin, hi + margin)
}

#[expect(
    clippy::too_many_lines,
    reason = "one chart, top to bottom: the chart's type cannot be named in a signature"
)]
fn curves_on<DB, X>(area: &Area<'_, DB>, x: X, curves: &Curves, pen: Pen) -> Drawn
where
    DB: DrawingBackend,
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let values = curves.list.iter().flat_map(|curve| &curve.points).flat_map(|point| {
        let (lower, upper) = point.interval.unwrap_or((point.y, point.y));
        [point.y, lower, upper]
    });
    let (lo, hi) = if curves.unit { (0.0, 1.0) } else { widen(values, false) };
    let fail = |error: DrawingAreaErrorKind<DB::ErrorType>| error.to_string();
    let mut chart = ChartBuilder::on(area)
        .margin(pen.px(16))
        .x_label_area_size(pen.px(48))
        .y_label_area_size(pen.px(72))
        .build_cartesian_2d(x, lo..hi)
        .map_err(fail)?;
    chart
        .configure_mesh()
        .bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style(pen.text(14))
        .axis_desc_style(pen.text(16))
        .x_desc(&curves.x)
        .y_desc(&curves.y)
        .x_label_formatter(&|value| number(*value))
        .y_label_formatter(&|value| number(*value))
        .draw()
        .map_err(fail)?;
    for (index, curve) in curves.list.iter().enumerate() {
        let color = PALETTE[index % PALETTE.len()];
        let (mut line, mut band) = (Vec::new(), (Vec::new(), Vec::new()));
        for (at, point) in curve.points.iter().enumerate() {
            let last = at.checked_sub(1).and_then(|at| curve.points.get(at));
            if let (true, Some(last)) = (curves.steps, last) {
                line.push((point.x, last.y));
                if let Some((lower, upper)) = last.interval {
                    band.0.push((point.x, lower));
                    band.1.push((point.x, upper));
                }
            }
            line.push((point.x, point.y));
            if let Some((lower, upper)) = point.interval {
                band.0.push((point.x, lower));
                band.1.push((point.x, upper));
            }
        }
        let around: Vec<(f64, f64)> = band.0.into_iter().chain(band.1.into_iter().rev()).collect();
        if around.len() > 2 {
            let shape = Polygon::new(around, color.mix(0.15).filled());
            chart.draw_series(std::iter::once(shape)).map_err(fail)?;
        }
        let style = color.stroke_width(pen.px(2));
        let series = chart.draw_series(LineSeries::new(line, style)).map_err(fail)?;
        if curves.list.len() > 1 {
            let length = pen.signed(18);
            series
                .label(if curve.label.is_empty() { "NULL" } else { &curve.label })
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + length, y)], style));
        }
    }
    if curves.list.len() > 1 {
        let position =
            if curves.unit { SeriesLabelPosition::LowerLeft } else { SeriesLabelPosition::UpperRight };
        chart
            .configure_series_labels()
            .position(position)
            .legend_area_size(pen.px(26))
            .margin(pen.px(10))
            .label_font(pen.text(14))
            .background_style(WHITE.mix(0.85))
            .border_style(FAINT)
            .draw()
            .map_err(fail)?;
    }
    Ok(())
}

/// The room that labels need.
fn label_room<'l>(labels: impl Iterator<Item = &'l String>, pen: Pen) -> u32 {
    let longest = labels.map(|label| shortened(label).chars().count()).max().unwrap_or(0);
    pen.px(24 + 9 * u32::try_from(longest).unwrap_or(0))
}

fn shortened(label: &str) -> String {
    const MOST: usize = 34;
    if label.chars().count() <= MOST {
        return label.to_owned();
    }
    label.chars().take(MOST - 1).chain(['\u{2026}']).collect()
}

fn estimates_on<DB, X>(area: &Area<'_, DB>, x: X, estimates: &Estimates, pen: Pen) -> Drawn
where
    DB: DrawingBackend,
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let fail = |error: DrawingAreaErrorKind<DB::ErrorType>| error.to_string();
    let rows = as_number(estimates.rows.len());
    let mut chart = ChartBuilder::on(area)
        .margin(pen.px(16))
        .x_label_area_size(pen.px(48))
        .y_label_area_size(label_room(estimates.rows.iter().map(|row| &row.0), pen))
        .build_cartesian_2d(x, 0.0..rows)
        .map_err(fail)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style(pen.text(14))
        .axis_desc_style(pen.text(16))
        .x_desc(&estimates.x)
        .x_label_formatter(&|value| number(*value))
        .draw()
        .map_err(fail)?;
    let zero = vec![(estimates.reference, 0.0), (estimates.reference, rows)];
    chart.draw_series(LineSeries::new(zero, INK.mix(0.6).stroke_width(pen.scale))).map_err(fail)?;
    let style = PALETTE[0].stroke_width(pen.px(2));
    for (index, (_, value, interval)) in estimates.rows.iter().enumerate() {
        let y = rows - as_number(index) - 0.5;
        if let Some((lower, upper)) = interval {
            let line = LineSeries::new([(*lower, y), (*upper, y)], style);
            chart.draw_series(line).map_err(fail)?;
        }
        if let Some(value) = value {
            let dot = Circle::new((*value, y), pen.signed(5), PALETTE[0].filled());
            chart.draw_series(std::iter::once(dot)).map_err(fail)?;
        }
    }
    let left = chart.plotting_area().get_pixel_range().0.start;
    for (index, (label, value, _)) in estimates.rows.iter().enumerate() {
        let y = rows - as_number(index) - 0.5;
        let (_, at) = chart.plotting_area().map_coordinate(&(estimates.reference, y));
        let label =
            if value.is_some() { shortened(label) } else { format!("{} (withheld)", shortened(label)) };
        label_at(area, &label, (left - pen.signed(10), at), HPos::Right, pen)?;
    }
    Ok(())
}

fn panel<DB: DrawingBackend>(area: &Area<'_, DB>, bars: &Bars, index: usize, pen: Pen) -> Drawn {
    let fail = |error: DrawingAreaErrorKind<DB::ErrorType>| error.to_string();
    let Some((name, values)) = bars.panels.get(index) else { return Ok(()) };
    let (lo, hi) = ends(values.iter().flatten().copied().chain([0.0]));
    let (lo, hi) = if hi > lo { (lo + lo * 0.12, hi + hi * 0.12) } else { (0.0, 1.0) };
    let rows = as_number(values.len());
    let mut chart = ChartBuilder::on(area)
        .margin(pen.px(16))
        .x_label_area_size(pen.px(46))
        .y_label_area_size(label_room(bars.labels.iter(), pen))
        .build_cartesian_2d(lo..hi, 0.0..rows)
        .map_err(fail)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style(pen.text(14))
        .axis_desc_style(pen.text(16))
        .x_desc(name)
        .x_label_formatter(&|value| number(*value))
        .draw()
        .map_err(fail)?;
    let color = PALETTE[index % PALETTE.len()];
    let gap = if bars.touching { 0.02 } else { 0.15 };
    for (row, value) in values.iter().enumerate() {
        let y = rows - as_number(row);
        if let Some(value) = value {
            let shape = Rectangle::new([(0.0, y - gap), (*value, y - 1.0 + gap)], color.filled());
            chart.draw_series(std::iter::once(shape)).map_err(fail)?;
        }
    }
    let left = chart.plotting_area().get_pixel_range().0.start;
    for (row, (label, value)) in bars.labels.iter().zip(values).enumerate() {
        let y = rows - as_number(row) - 0.5;
        let (x, at) = chart.plotting_area().map_coordinate(&(value.unwrap_or(0.0).max(0.0), y));
        label_at(area, &shortened(label), (left - pen.signed(10), at), HPos::Right, pen)?;
        let said = value.map_or_else(|| "withheld".to_owned(), number);
        label_at(area, &said, (x + pen.signed(6), at), HPos::Left, pen)?;
    }
    Ok(())
}

fn heat<DB: DrawingBackend>(area: &Area<'_, DB>, heat: &Heat, pen: Pen) -> Drawn {
    let fail = |error: DrawingAreaErrorKind<DB::ErrorType>| error.to_string();
    let (rows, columns) = (as_number(heat.rows.len()), as_number(heat.columns.len()));
    let mut chart = ChartBuilder::on(area)
        .margin(pen.px(16))
        .x_label_area_size(pen.px(56))
        .y_label_area_size(label_room(heat.rows.iter(), pen))
        .build_cartesian_2d(0.0..columns, 0.0..rows)
        .map_err(fail)?;
    let most = heat.cells.iter().flatten().fold(0.0_f64, |most, value| most.max(value.abs()));
    let most = if heat.signed || most <= 0.0 { 1.0 } else { most };
    for (index, value) in heat.cells.iter().enumerate() {
        let (column, row) = (index % heat.columns.len(), index / heat.columns.len());
        let (x, y) = (as_number(column), rows - as_number(row));
        let color = value.map_or(RGBAColor(120, 120, 120, 0.25), |value| shade(value / most));
        let shape = Rectangle::new([(x, y), (x + 1.0, y - 1.0)], color.filled());
        let frame = Rectangle::new([(x, y), (x + 1.0, y - 1.0)], WHITE.stroke_width(pen.scale));
        chart.draw_series([shape, frame]).map_err(fail)?;
        let at = chart.plotting_area().map_coordinate(&(x + 0.5, y - 0.5));
        let text = value.map_or_else(|| "\u{2013}".to_owned(), short_number);
        let dark = value.is_some_and(|value| (value / most).abs() > 0.6);
        let style =
            pen.text(13).color(if dark { &WHITE } else { &INK }).pos(Pos::new(HPos::Center, VPos::Center));
        area.draw(&Text::new(text, at, style)).map_err(fail)?;
    }
    let left = chart.plotting_area().get_pixel_range().0.start;
    for (row, label) in heat.rows.iter().enumerate() {
        let (_, at) = chart.plotting_area().map_coordinate(&(0.0, rows - as_number(row) - 0.5));
        label_at(area, &shortened(label), (left - pen.signed(10), at), HPos::Right, pen)?;
    }
    let bottom = chart.plotting_area().get_pixel_range().1.end;
    for (column, label) in heat.columns.iter().enumerate() {
        let (at, _) = chart.plotting_area().map_coordinate(&(as_number(column) + 0.5, 0.0));
        // Neighbours take turns in two lines where there are many.
        let line = if heat.columns.len() > 5 && column % 2 == 1 { 32 } else { 14 };
        label_at(area, &shortened(label), (at, bottom + pen.signed(line)), HPos::Center, pen)?;
    }
    let middle = chart.plotting_area().map_coordinate(&(columns / 2.0, 0.0)).0;
    label_at(area, &heat.value, (middle, bottom + pen.signed(54)), HPos::Center, pen)
}

/// White at 0, blue above, orange below.
fn shade(part: f64) -> RGBAColor {
    let RGBColor(red, green, blue) = if part < 0.0 { PALETTE[1] } else { PALETTE[0] };
    RGBAColor(red, green, blue, part.abs().clamp(0.0, 1.0))
}

fn label_at<DB: DrawingBackend>(
    area: &Area<'_, DB>,
    text: &str,
    at: (i32, i32),
    side: HPos,
    pen: Pen,
) -> Drawn {
    let style = pen.text(14).pos(Pos::new(side, VPos::Center));
    // Places are those of the whole picture, and an area draws from its own corner; letters stand a little high.
    let (left, top) = area.get_base_pixel();
    let at = (at.0 - left, at.1 - top + pen.signed(2));
    area.draw(&Text::new(text.to_owned(), at, style)).map_err(|error| error.to_string())
}

#[expect(clippy::cast_precision_loss, reason = "a few dozen rows")]
fn as_number(count: usize) -> f64 {
    count as f64
}

/// A number for an axis or beside a bar: at most six digits.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let size = value.abs();
    if !(1e-6..1e15).contains(&size) {
        return format!("{value:.2e}");
    }
    // Six significant digits, none that say nothing.
    let mut decimals = 0;
    let mut scaled = size;
    while scaled < 1e5 && decimals < 9 {
        scaled *= 10.0;
        decimals += 1;
    }
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let digits = text.trim_start_matches('-');
    let (whole, fraction) =
        digits.split_once('.').map_or((digits, ""), |(whole, fraction)| (whole, fraction));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if whole.len() > 4 && index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if value < 0.0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{grouped}") } else { format!("{sign}{grouped}.{fraction}") }
}

/// A number for a cell.
fn short_number(value: f64) -> String {
    if value.abs() < 10.0 && value.fract() != 0.0 { format!("{value:.2}") } else { number(value.round()) }
}
