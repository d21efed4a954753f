//! Estimates with their intervals, one below the other.

use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{Area, Drawn, FAINT, INK, PALETTE, Pen, as_number, label_at, label_room, number, shortened};
use crate::picture::model::Estimates;

/// Draws estimates over an axis of numbers.
pub(super) fn on<DB, X>(area: &Area<'_, DB>, x: X, estimates: &Estimates, pen: Pen) -> Drawn
where
    DB: DrawingBackend,
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let fail = |error: DrawingAreaErrorKind<DB::ErrorType>| error.to_string();
    let rows = as_number(estimates.rows.len());
    let mut chart = ChartBuilder::on(area)
        .margin(pen.px(16))
        .margin_right(pen.px(32))
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
