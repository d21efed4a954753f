//! Bars, a panel for each measure.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{
    Area, Drawn, FAINT, INK, PALETTE, Pen, as_number, ends, label_at, label_room, number, shortened,
};
use crate::picture::model::Bars;

/// Draws one panel.
pub(super) fn panel<DB: DrawingBackend>(area: &Area<'_, DB>, bars: &Bars, index: usize, pen: Pen) -> Drawn {
    let fail = |error: DrawingAreaErrorKind<DB::ErrorType>| error.to_string();
    let Some((name, values)) = bars.panels.get(index) else { return Ok(()) };
    let (lo, hi) = ends(values.iter().flatten().copied().chain([0.0]));
    let (lo, hi) = if hi > lo { (lo + lo * 0.12, hi + hi * 0.12) } else { (0.0, 1.0) };
    let rows = as_number(values.len());
    let mut chart = ChartBuilder::on(area)
        .margin(pen.px(16))
        .margin_top(pen.px(28))
        .margin_right(pen.px(48))
        .x_label_area_size(pen.px(46))
        .y_label_area_size(label_room(bars.labels.iter().chain([&bars.key]), pen))
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
    let (across, down) = chart.plotting_area().get_pixel_range();
    let left = across.start;
    // What the labels are, above them.
    label_at(
        area,
        &shortened(&bars.key),
        (left - pen.signed(10), down.start - pen.signed(12)),
        HPos::Right,
        pen,
    )?;
    for (row, (label, value)) in bars.labels.iter().zip(values).enumerate() {
        let y = rows - as_number(row) - 0.5;
        let (x, at) = chart.plotting_area().map_coordinate(&(value.unwrap_or(0.0).max(0.0), y));
        label_at(area, &shortened(label), (left - pen.signed(10), at), HPos::Right, pen)?;
        let said = value.map_or_else(|| "withheld".to_owned(), number);
        label_at(area, &said, (x + pen.signed(6), at), HPos::Left, pen)?;
    }
    Ok(())
}
