//! What is written over the picture.

use super::canvas::{ACCENT, AMBER, DIM, Ink, Panel, Type, WHITE, Words};
use super::layout::Area;
use super::state::WindowState;
use crate::live::{LiveStatistics, SourceState};
use std::sync::Arc;

/// A panel at its place in the window; it may be stretched.
#[derive(Clone, Debug)]
pub struct Placed {
    pub(super) panel: Arc<Panel>,
    pub(super) area: Area,
}

/// What the overlay tells of.
pub(super) struct Told<'a> {
    pub(super) state: &'a WindowState,
    pub(super) statistics: &'a LiveStatistics,
    /// Pictures that came and were not drawn.
    pub(super) missed: u64,
    /// Sizes of the source and of the picture, for the labels beside the divider; `None` before the first picture.
    pub(super) sizes: Option<[(u32, u32); 2]>,
    /// The picture has a transfer function that a window does not show as it is meant.
    pub(super) is_hdr: bool,
    /// What has just been done.
    pub(super) message: Option<&'a str>,
}

/// Lines of text and the panel made of them.
type Kept = (Vec<Vec<Words>>, Type, Arc<Panel>);

/// Panels that are made anew only when their text has changed.
#[derive(Default)]
pub(super) struct Overlay {
    statistics: Option<Kept>,
    notes: Option<Kept>,
    help: Option<Kept>,
    message: Option<Kept>,
    labels: [Option<Kept>; 2],
    divider: Option<[Arc<Panel>; 2]>,
}

impl Overlay {
    /// Everything that lies over a picture in `area` of a window of this size, from the lowest to the topmost.
    pub(super) fn place(
        &mut self,
        told: &Told<'_>,
        area: Area,
        window: (u32, u32),
        size: Type,
    ) -> Vec<Placed> {
        let mut placed = Vec::new();
        let gap = size.letter();
        let (width, height) = window;
        if told.state.is_split
            && let Some(sizes) = told.sizes
        {
            self.place_divider(told.state.divider, area, size, &mut placed);
            if !told.state.shows_help {
                self.place_labels(sizes, told.state.divider, area, size, &mut placed);
            }
        }
        if told.state.shows_statistics {
            let panel = kept(&mut self.statistics, statistics_lines(told), size);
            placed.push(at(panel, (gap, gap)));
        }
        let notes = note_lines(told);
        if !notes.is_empty() {
            let panel = kept(&mut self.notes, notes, size);
            let place = match placed.last() {
                Some(statistics) if told.state.shows_statistics => {
                    (gap, statistics.area.y + statistics.area.height + gap / 2)
                }
                _ => (middle(width, panel.width), gap),
            };
            placed.push(at(panel, place));
        }
        if told.state.shows_help {
            let panel = kept(&mut self.help, help_lines(), size);
            let place = (middle(width, panel.width), middle(height, panel.height));
            placed.push(at(panel, place));
        }
        if let Some(message) = told.message {
            let panel = kept(&mut self.message, vec![vec![Words::new(message, WHITE)]], size);
            let top = height.saturating_sub(panel.height + gap * 2);
            placed.push(at(panel.clone(), (middle(width, panel.width), top)));
        }
        placed
    }

    fn place_divider(&mut self, divider: f64, area: Area, size: Type, placed: &mut Vec<Placed>) {
        let [line, handle] = self.divider.get_or_insert_with(|| {
            let handle = Panel::rounded(8, 48, 4, WHITE);
            [Arc::new(Panel::filled(1, 1, WHITE)), Arc::new(handle)]
        });
        let thickness = (size.line() / 10).max(2);
        let column = area.column(divider);
        let left = column.saturating_sub(thickness / 2);
        placed.push(Placed { panel: line.clone(), area: Area { x: left, width: thickness, ..area } });
        let left = column.saturating_sub(handle.width / 2);
        placed.push(at(handle.clone(), (left, area.y + middle(area.height, handle.height))));
    }

    /// What is at the left and the right of the divider, as long as there is room for it.
    fn place_labels(
        &mut self,
        sizes: [(u32, u32); 2],
        divider: f64,
        area: Area,
        size: Type,
        placed: &mut Vec<Placed>,
    ) {
        let (left, right) = area.divided(area.column(divider));
        let names = ["before", "after"];
        for (((kept_label, side), name), (width, height)) in
            self.labels.iter_mut().zip([left, right]).zip(names).zip(sizes)
        {
            let line = vec![Words::bold(name, WHITE), Words::new(format!("  {width}\u{d7}{height}"), DIM)];
            let panel = kept(kept_label, vec![line], size);
            let gap = size.letter();
            if panel.width + 2 * gap > side.width || panel.height + 2 * gap > side.height {
                continue;
            }
            let x = if name == "before" { side.x + gap } else { side.x + side.width - gap - panel.width };
            placed.push(at(panel.clone(), (x, side.y + side.height - gap - panel.height)));
        }
    }
}

fn kept(place: &mut Option<Kept>, lines: Vec<Vec<Words>>, size: Type) -> Arc<Panel> {
    if let Some((known, known_size, panel)) = place
        && *known == lines
        && *known_size == size
    {
        return Arc::clone(panel);
    }
    let panel = Arc::new(Panel::text(&lines, size));
    *place = Some((lines, size, Arc::clone(&panel)));
    panel
}

fn at(panel: Arc<Panel>, (x, y): (u32, u32)) -> Placed {
    let area = Area { x, y, width: panel.width, height: panel.height };
    Placed { panel, area }
}

const fn middle(room: u32, length: u32) -> u32 {
    room.saturating_sub(length) / 2
}

fn statistics_lines(told: &Told<'_>) -> Vec<Vec<Words>> {
    let now = told.statistics;
    let row = |label: &str, value: String, ink: Ink| {
        vec![Words::new(format!("{label:<10}"), DIM), Words::new(value, ink)]
    };
    let hits = match now.hit_rate {
        Some(rate) => format!("{:.0} %", rate * 100.0),
        None => "-".to_owned(),
    };
    let made = if now.interpolated > 0 { "interpolated" } else { "predicted" };
    let prediction = if now.predicts { "on" } else { "off" };
    let dropped = now.frames_dropped + now.frames_lost;
    let drops_ink = if dropped + now.missed + told.missed == 0 { WHITE } else { AMBER };
    let level_ink = if is_reduced(now) { AMBER } else { WHITE };
    let source_ink = if now.source == SourceState::Live { WHITE } else { AMBER };
    vec![
        row("source", format!("{:<12}{:>6.1} fps", source_name(now.source), now.fps_in), source_ink),
        row("shown", format!("{:<12}{:>6.1} fps", "", now.fps_out), WHITE),
        row("latency", format!("p50 {:.0} ms   p95 {:.0} ms", now.latency.p50, now.latency.p95), WHITE),
        row(
            "pictures",
            format!("{} real  {} {made}  {} held", now.real, now.predicted + now.interpolated, now.held),
            WHITE,
        ),
        row("hits", format!("{hits}   prediction {prediction}"), WHITE),
        row("drops", format!("{dropped} source  {} late  {} window", now.missed, told.missed), drops_ink),
        row("model", now.model.clone(), ACCENT),
        row("level", now.level.clone(), level_ink),
    ]
}

fn note_lines(told: &Told<'_>) -> Vec<Vec<Words>> {
    let mut notes = Vec::new();
    match told.statistics.source {
        SourceState::Waiting => notes.push("Waiting for the source".to_owned()),
        SourceState::Reconnecting => notes.push("The source is lost; reconnecting".to_owned()),
        SourceState::Ended => notes.push("The source has ended".to_owned()),
        SourceState::Live => {}
    }
    if is_reduced(told.statistics) {
        notes.push(format!("Too slow for everything: {}", told.statistics.level));
    }
    if told.is_hdr && told.state.shows_statistics {
        notes.push("HDR, shown without tone mapping".to_owned());
    }
    if told.state.is_paused {
        notes.push("Paused".to_owned());
    }
    notes.into_iter().map(|note| vec![Words::bold(note, AMBER)]).collect()
}

/// Whether something is left out because the machine is too slow.
fn is_reduced(statistics: &LiveStatistics) -> bool {
    !statistics.level.is_empty() && statistics.level != "full"
}

const fn source_name(state: SourceState) -> &'static str {
    match state {
        SourceState::Waiting => "waiting",
        SourceState::Live => "live",
        SourceState::Reconnecting => "reconnecting",
        SourceState::Ended => "ended",
    }
}

fn help_lines() -> Vec<Vec<Words>> {
    let title = vec![Words::bold("Keys", WHITE)];
    let row =
        |(key, text): (&str, &str)| vec![Words::bold(format!("{key:<12}"), ACCENT), Words::new(text, WHITE)];
    let keys = WindowState::KEYS.into_iter().map(row);
    [title, Vec::new()].into_iter().chain(keys).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::window::{Painter, Scene};

    const WINDOW: (u32, u32) = (640, 360);

    fn statistics(source: SourceState, level: &str) -> LiveStatistics {
        LiveStatistics { source, level: level.to_owned(), hit_rate: Some(0.93), ..LiveStatistics::default() }
    }

    fn told<'a>(state: &'a WindowState, statistics: &'a LiveStatistics) -> Told<'a> {
        Told { state, statistics, missed: 0, sizes: Some([(320, 180), WINDOW]), is_hdr: false, message: None }
    }

    fn placed(state: &WindowState, statistics: &LiveStatistics) -> Vec<Placed> {
        let size = Type::for_window(WINDOW.1, 1.0);
        Overlay::default().place(&told(state, statistics), Area::whole(WINDOW), WINDOW, size)
    }

    fn written(lines: &[Vec<Words>]) -> Vec<String> {
        lines.iter().map(|line| line.iter().map(|words| words.text.as_str()).collect()).collect()
    }

    #[test]
    fn nothing_is_written_unless_asked_for_or_amiss() {
        let live = statistics(SourceState::Live, "full");
        assert!(placed(&WindowState::default(), &live).is_empty());
        let on = WindowState { shows_statistics: true, ..WindowState::default() };
        assert_eq!(placed(&on, &live).len(), 1);
        let all = WindowState { shows_help: true, is_split: true, is_paused: true, ..on };
        assert_eq!(placed(&all, &live).len(), 5, "divider, handle, statistics, note, keys");
        let divided = WindowState { is_split: true, ..WindowState::default() };
        assert_eq!(placed(&divided, &live).len(), 4, "divider, handle, two labels");
    }

    #[test]
    fn notes_say_what_is_amiss() {
        let state = WindowState::default();
        let notes = |statistics: &LiveStatistics| written(&note_lines(&told(&state, statistics)));
        assert_eq!(notes(&statistics(SourceState::Live, "full")), Vec::<String>::new());
        assert_eq!(notes(&statistics(SourceState::Ended, "full")), ["The source has ended"]);
        let both = notes(&statistics(SourceState::Reconnecting, "no-network"));
        assert_eq!(both, ["The source is lost; reconnecting", "Too slow for everything: no-network"]);
    }

    #[test]
    fn statistics_are_told_in_lines() {
        let state = WindowState::default();
        let now = LiveStatistics {
            fps_in: 29.97,
            fps_out: 59.9,
            real: 30,
            predicted: 29,
            held: 1,
            frames_lost: 2,
            missed: 3,
            model: "live-x2".to_owned(),
            ..statistics(SourceState::Live, "full")
        };
        let text = written(&statistics_lines(&Told { missed: 4, ..told(&state, &now) })).join("\n");
        for part in [
            "live          30.0 fps",
            "59.9 fps",
            "30 real  29 predicted  1 held",
            "93 %",
            "2 source  3 late  4 window",
            "live-x2",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
    }

    #[test]
    fn panels_are_made_once() {
        let mut overlay = Overlay::default();
        let state = WindowState { shows_statistics: true, ..WindowState::default() };
        let live = statistics(SourceState::Live, "full");
        let size = Type::for_window(WINDOW.1, 1.0);
        let mut place = |now: &LiveStatistics| {
            let placed = overlay.place(&told(&state, now), Area::whole(WINDOW), WINDOW, size);
            Arc::clone(&placed[0].panel)
        };
        let first = place(&live);
        assert!(Arc::ptr_eq(&first, &place(&live)));
        assert!(!Arc::ptr_eq(&first, &place(&LiveStatistics { real: 1, ..live.clone() })));
    }

    #[test]
    fn the_overlay_is_drawn_over_the_picture_and_is_gone_without_it() {
        let Ok(mut painter) = Painter::offscreen() else { return };
        let state = WindowState { shows_statistics: true, ..WindowState::default() };
        let panels = placed(&state, &statistics(SourceState::Live, "full"));
        let area = panels[0].area;
        let scene = Scene { area: Area::whole(WINDOW), divider: None, panels };
        let with = painter.draw(&scene, WINDOW).unwrap();
        let without = painter.draw(&Scene { panels: Vec::new(), ..scene }, WINDOW).unwrap();
        assert!(without.as_chunks::<4>().0.iter().all(|pixel| *pixel == [0, 0, 0, 255]));
        let mut brightest = 0;
        for (index, pixel) in (0u32..).zip(with.as_chunks::<4>().0) {
            let (x, y) = (index % WINDOW.0, index / WINDOW.0);
            let is_inside =
                (area.x..area.x + area.width).contains(&x) && (area.y..area.y + area.height).contains(&y);
            assert!(is_inside || *pixel == [0, 0, 0, 255], "{x}, {y}");
            brightest = brightest.max(pixel[1]);
        }
        assert!(brightest > 200, "{brightest}");
    }
}
