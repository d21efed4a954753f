//! Curves over an axis of numbers: survival with its intervals, paths of coefficients.

use plotters::chart::{ChartContext, SeriesLabelPosition};
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;

use super::{Area, Drawn, FAINT, INK, PALETTE, Pen, number, widen};
use crate::picture::model::{Curve, Curves, Point};

/// Points of a line, from the left to the right.
type Line = Vec<(f64, f64)>;

/// A chart whose vertical axis is linear.
type Chart<'a, DB, X> = ChartContext<'a, DB, Cartesian2d<X, RangedCoordf64>>;

/// Draws curves.
pub(super) fn on<DB, X>(area: &Area<'_, DB>, x: X, curves: &Curves, pen: Pen) -> Drawn
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
        .margin_right(pen.px(32))
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
        one(&mut chart, curve, index, curves, pen)?;
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

/// Draws one curve and its band. When all colours are used, they begin again with dashes.
fn one<DB, X>(chart: &mut Chart<'_, DB, X>, curve: &Curve, index: usize, curves: &Curves, pen: Pen) -> Drawn
where
    DB: DrawingBackend,
    X: Ranged<ValueType = f64>,
{
    let fail = |error: DrawingAreaErrorKind<DB::ErrorType>| error.to_string();
    let color = PALETTE[index % PALETTE.len()];
    let (line, band) = outline(curve, curves.steps);
    if band.len() > 2 {
        let shape = Polygon::new(band, color.mix(0.15).filled());
        chart.draw_series(std::iter::once(shape)).map_err(fail)?;
    }
    let style = color.stroke_width(pen.px(2));
    let (length, gap) = (pen.signed(18), pen.px(3));
    let legend = move |x, y| vec![(x, y), (x + length, y)];
    let several = curves.list.len() > 1;
    let dash = match index / PALETTE.len() {
        0 => {
            let series = chart.draw_series(LineSeries::new(line, style)).map_err(fail)?;
            if several {
                series.label(&curve.label).legend(move |(x, y)| PathElement::new(legend(x, y), style));
            }
            return Ok(());
        }
        1 => pen.px(7),
        _ => pen.px(2),
    };
    let series = chart.draw_series(DashedLineSeries::new(line, dash, gap, style)).map_err(fail)?;
    series.label(&curve.label).legend(move |(x, y)| DashedPathElement::new(legend(x, y), dash, gap, style));
    Ok(())
}

/// The line of a curve, and the outline of its intervals: there and back.
fn outline(curve: &Curve, steps: bool) -> (Line, Line) {
    let (mut line, mut lower_ends, mut upper_ends) = (Line::new(), Line::new(), Line::new());
    let mut last: Option<&Point> = None;
    for point in &curve.points {
        let corner = last.filter(|_| steps).map(|last| (last.y, last.interval));
        for (y, interval) in corner.into_iter().chain([(point.y, point.interval)]) {
            line.push((point.x, y));
            if let Some((lower, upper)) = interval {
                lower_ends.push((point.x, lower));
                upper_ends.push((point.x, upper));
            }
        }
        last = Some(point);
    }
    (line, lower_ends.into_iter().chain(upper_ends.into_iter().rev()).collect())
}
