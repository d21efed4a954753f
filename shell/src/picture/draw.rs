//! Pictures by the plotting library, as SVG or pixels.

mod bars;
mod curves;
mod estimates;
mod heat;

use std::sync::Once;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub(super) use heat::said;

use super::model::Model;
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
        Model::Bars(bars) => (WIDTH, count(bars.panels.len()) * (102 + 26 * count(bars.labels.len()))),
        Model::Heat(heat) => (WIDTH, 130 + 36 * count(heat.rows.len())),
    }
}

fn draw<DB: DrawingBackend>(area: &Area<'_, DB>, model: &Model, pen: Pen) -> Drawn {
    area.fill(&WHITE).map_err(|error| error.to_string())?;
    match model {
        Model::Curves(curves) if curves.log => {
            let (lo, hi) =
                widen(curves.list.iter().flat_map(|curve| &curve.points).map(|point| point.x), true);
            // Room for the legend beside the lines.
            let hi = if curves.list.len() > 1 { hi * (hi / lo).powf(0.15) } else { hi };
            curves::on(area, (lo..hi).log_scale(), curves, pen)
        }
        Model::Curves(curves) => {
            let (lo, hi) = ends(curves.list.iter().flat_map(|curve| &curve.points).map(|point| point.x));
            curves::on(area, lo..if hi > lo { hi } else { lo + 1.0 }, curves, pen)
        }
        Model::Estimates(estimates) => {
            let intervals =
                estimates.rows.iter().filter_map(|row| row.2).flat_map(|(lower, upper)| [lower, upper]);
            let all =
                estimates.rows.iter().filter_map(|row| row.1).chain(intervals).chain([estimates.reference]);
            let (lo, hi) = widen(all, estimates.log);
            if estimates.log {
                estimates::on(area, (lo..hi).log_scale(), estimates, pen)
            } else {
                estimates::on(area, lo..hi, estimates, pen)
            }
        }
        Model::Bars(bars) => {
            for (index, part) in area.split_evenly((bars.panels.len(), 1)).iter().enumerate() {
                bars::panel(part, bars, index, pen)?;
            }
            Ok(())
        }
        Model::Heat(heat) => heat::map(area, heat, pen),
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
