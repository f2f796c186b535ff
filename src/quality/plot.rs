//! Plots as SVG, coloured by the style sheet of the report.

use super::html::escape;
use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 44.0;
/// Colours that the style sheet has.
const COLOURS: usize = 8;

/// What an axis shows.
struct Scale {
    low: f64,
    high: f64,
    is_logarithmic: bool,
}

impl Scale {
    /// Around all values, with some room.
    fn around(values: impl Iterator<Item = f64>, is_logarithmic: bool) -> Self {
        let finite = values.filter(|value| value.is_finite() && (!is_logarithmic || *value > 0.0));
        let (low, high) =
            finite.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            return Self { low: 1.0, high: 10.0, is_logarithmic };
        }
        if is_logarithmic {
            return Self { low: low / 1.6, high: high * 1.6, is_logarithmic };
        }
        let room = ((high - low) * 0.08).max(0.01);
        Self { low: low - room, high: high + room, is_logarithmic }
    }

    /// Where a value lies, 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let at = |value: f64| if self.is_logarithmic { value.ln() } else { value };
        (at(value) - at(self.low)) / (at(self.high) - at(self.low))
    }

    /// Round values inside.
    fn ticks(&self) -> Vec<f64> {
        if self.is_logarithmic {
            let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
            let values = decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(decade)));
            return values.filter(|value| (self.low..=self.high).contains(value)).collect();
        }
        let raw = (self.high - self.low) / 5.0;
        let decade = 10_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * decade).into_iter().find(|step| *step >= raw);
        let step = step.unwrap_or(raw);
        let first = (self.low / step).ceil() as i64;
        (first..).map(|index| index as f64 * step).take_while(|value| *value <= self.high).collect()
    }
}

/// A method in a plot: its name, its colour's number and its values.
pub(super) struct Marked<T> {
    pub(super) name: String,
    pub(super) colour: usize,
    pub(super) values: T,
}

/// One point per method, (x, y) with `x` on a logarithmic axis, and a dashed line at `y` for methods without a time.
pub(super) fn scatter(
    title: &str,
    x_label: &str,
    y_label: &str,
    points: &[Marked<(f64, f64)>],
    levels: &[Marked<f64>],
) -> String {
    let x = Scale::around(points.iter().map(|point| point.values.0), true);
    let heights = points.iter().map(|point| point.values.1).chain(levels.iter().map(|level| level.values));
    let y = Scale::around(heights, false);
    let mut out = opening(title);
    axes(&mut out, (&x, x_label, &x.ticks()), (&y, y_label));
    for Marked { name, colour, values } in levels.iter().filter(|level| level.values.is_finite()) {
        let (at, right) = (vertical(&y, *values), WIDTH - RIGHT);
        let _ = write!(
            out,
            "<path class=\"level l{}\" d=\"M{LEFT} {at:.1}H{right}\"/><text x=\"{}\" y=\"{:.1}\">{}</text>",
            colour % COLOURS,
            LEFT + 6.0,
            at - 4.0,
            escape(name)
        );
    }
    let is_finite = |(x, y): (f64, f64)| x.is_finite() && y.is_finite();
    for Marked { name, colour, values } in points.iter().filter(|point| is_finite(point.values)) {
        let (cx, cy) = (horizontal(&x, values.0), vertical(&y, values.1));
        // A label beyond the middle stands on the left of its point.
        let (shift, anchor) = if cx > WIDTH / 2.0 { (-9.0, "end") } else { (9.0, "start") };
        let _ = write!(
            out,
            "<circle class=\"c{}\" cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"5\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            colour % COLOURS,
            cx + shift,
            cy + 4.0,
            escape(name)
        );
    }
    out + "</svg>"
}

/// One line per method over the numbers 1 to n.
pub(super) fn lines(title: &str, x_label: &str, y_label: &str, series: &[(String, Vec<f64>)]) -> String {
    let longest = series.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    let x = Scale { low: 1.0, high: (longest as f64).max(2.0), is_logarithmic: false };
    let y = Scale::around(series.iter().flat_map(|(_, values)| values.iter().copied()), false);
    let mut out = opening(title);
    let whole: Vec<f64> = x.ticks().into_iter().filter(|tick| tick.fract().abs() < 1e-9).collect();
    axes(&mut out, (&x, x_label, &whole), (&y, y_label));
    for (index, (label, values)) in series.iter().enumerate() {
        let finite = values.iter().enumerate().filter(|(_, value)| value.is_finite());
        let points: Vec<String> = finite
            .map(|(number, value)| {
                format!("{:.1},{:.1}", horizontal(&x, number as f64 + 1.0), vertical(&y, *value))
            })
            .collect();
        let _ = write!(
            out,
            "<polyline class=\"l{}\" points=\"{}\"><title>{}</title></polyline>",
            index % COLOURS,
            points.join(" "),
            escape(label)
        );
    }
    out.push_str("</svg>");
    out + &legend(series.iter().map(|(label, _)| label.as_str()).enumerate())
}

/// What the colours mean.
fn legend<'a>(labels: impl Iterator<Item = (usize, &'a str)>) -> String {
    let mut out = "<ul class=\"legend\">".to_owned();
    for (index, label) in labels {
        let _ = write!(
            out,
            "<li><svg viewBox=\"0 0 10 10\"><circle class=\"c{}\" cx=\"5\" cy=\"5\" r=\"4\"/></svg>{}</li>",
            index % COLOURS,
            escape(label)
        );
    }
    out + "</ul>"
}

/// One line with points per method through (x, y) on logarithmic axes of one range, and the diagonal where both are equal.
/// Methods without points keep their colour.
pub(super) fn against_equal(
    title: &str,
    x_label: &str,
    y_label: &str,
    series: &[(String, Vec<[f64; 2]>)],
) -> String {
    let all = || series.iter().flat_map(|(_, points)| points.iter().flatten().copied());
    let (x, y) = (Scale::around(all(), true), Scale::around(all(), true));
    let mut out = opening(title);
    axes(&mut out, (&x, x_label, &x.ticks()), (&y, y_label));
    let _ = write!(
        out,
        "<path class=\"diagonal\" d=\"M{LEFT} {}L{} {TOP}\"><title>equal</title></path>",
        HEIGHT - BOTTOM,
        WIDTH - RIGHT
    );
    for (index, (label, points)) in series.iter().enumerate().filter(|(_, (_, points))| !points.is_empty()) {
        let drawable =
            points.iter().filter(|point| point.iter().all(|value| value.is_finite() && *value > 0.0));
        let places: Vec<(f64, f64)> =
            drawable.map(|[at, value]| (horizontal(&x, *at), vertical(&y, *value))).collect();
        let line: Vec<String> = places.iter().map(|(cx, cy)| format!("{cx:.1},{cy:.1}")).collect();
        let (colour, label) = (index % COLOURS, escape(label));
        let _ = write!(
            out,
            "<polyline class=\"l{colour}\" points=\"{}\"><title>{label}</title></polyline>",
            line.join(" ")
        );
        for (cx, cy) in places {
            let _ = write!(out, "<circle class=\"c{colour}\" cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3.5\"/>");
        }
    }
    out.push_str("</svg>");
    let used = series.iter().enumerate().filter(|(_, (_, points))| !points.is_empty());
    out + &legend(used.map(|(index, (label, _))| (index, label.as_str())))
}

fn opening(title: &str) -> String {
    let title = escape(title);
    format!(
        "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>"
    )
}

fn horizontal(scale: &Scale, value: f64) -> f64 {
    LEFT + scale.place(value) * (WIDTH - LEFT - RIGHT)
}

fn vertical(scale: &Scale, value: f64) -> f64 {
    HEIGHT - BOTTOM - scale.place(value) * (HEIGHT - TOP - BOTTOM)
}

fn axes(out: &mut String, (x, x_label, x_ticks): (&Scale, &str, &[f64]), (y, y_label): (&Scale, &str)) {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    for tick in x_ticks {
        let at = horizontal(x, *tick);
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{at:.1} {TOP}V{bottom}\"/><text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            bottom + 16.0,
            short(*tick)
        );
    }
    for tick in y.ticks() {
        let at = vertical(y, tick);
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            at + 4.0,
            short(tick)
        );
    }
    let _ = write!(
        out,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text><text transform=\"translate(14 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        (LEFT + right) / 2.0,
        HEIGHT - 8.0,
        escape(x_label),
        (TOP + bottom) / 2.0,
        escape(y_label)
    );
}

/// A number with as many digits as it needs, four at most.
fn short(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_ticks() {
        let linear = Scale { low: 28.3, high: 37.2, is_logarithmic: false };
        assert_eq!(linear.ticks(), [30.0, 32.0, 34.0, 36.0]);
        let logarithmic = Scale { low: 0.4, high: 30.0, is_logarithmic: true };
        let texts: Vec<String> = logarithmic.ticks().into_iter().map(short).collect();
        assert_eq!(texts, ["0.5", "1", "2", "5", "10", "20"]);
    }

    #[test]
    fn equal_values_lie_on_the_diagonal() {
        let series =
            [("repeat".to_owned(), Vec::new()), ("a".to_owned(), vec![[1.0, 1.0], [40.0, 40.0], [0.0, 3.0]])];
        let svg = against_equal("t", "x", "y", &series);
        assert_eq!(svg.matches("<circle class=\"c1\"").count(), 3, "two points and the legend: {svg}");
        assert!(!svg.contains("repeat") && svg.contains("class=\"diagonal\""), "{svg}");
        let points = svg.split("<polyline class=\"l1\" points=\"").nth(1).unwrap().split('"').next().unwrap();
        for point in points.split(' ') {
            let (x, y) = point.split_once(',').unwrap();
            let (x, y) = (x.parse::<f64>().unwrap(), y.parse::<f64>().unwrap());
            let share = (x - LEFT) / (WIDTH - LEFT - RIGHT);
            assert!((share - (HEIGHT - BOTTOM - y) / (HEIGHT - TOP - BOTTOM)).abs() < 1e-3, "{point}");
        }
    }

    #[test]
    fn what_is_not_finite_is_left_out() {
        let point = |name: &str, y| Marked { name: name.to_owned(), colour: 1, values: (2.0, y) };
        let level = |y| Marked { name: "c".to_owned(), colour: 2, values: y };
        let svg = scatter(
            "t",
            "x",
            "y",
            &[point("<a>", 30.0), point("b", f64::INFINITY)],
            &[level(28.0), level(f64::NAN)],
        );
        assert_eq!((svg.matches("<circle").count(), svg.matches("class=\"level").count()), (1, 1));
        assert!(svg.contains("&lt;a&gt;") && !svg.contains("inf") && !svg.contains("NaN"), "{svg}");
    }
}
