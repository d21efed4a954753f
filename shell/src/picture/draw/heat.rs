//! A number for every pair of labels, as a shade and as text.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Area, Drawn, INK, PALETTE, Pen, as_number, label_at, label_room, number, shortened};
use crate::picture::model::Heat;

/// Draws the map.
pub(super) fn map<DB: DrawingBackend>(area: &Area<'_, DB>, heat: &Heat, pen: Pen) -> Drawn {
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
        let text = value.map_or_else(|| "\u{2013}".to_owned(), |value| said(value, heat.signed));
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

/// A number for a cell; a correlation has two decimals, and no sign where it rounds to nothing.
pub(in crate::picture) fn said(value: f64, signed: bool) -> String {
    if signed {
        let text = format!("{value:.2}");
        return if text == "-0.00" { "0.00".to_owned() } else { text };
    }
    if value.abs() < 10.0 && value.fract() != 0.0 { format!("{value:.2}") } else { number(value.round()) }
}
