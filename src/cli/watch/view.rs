//! What `ntp-ctl watch` draws: whether the clock is right, the sources, and the offset over time. Changes nothing.

use super::app::App;
use crate::cli::status::{Look, Tone, filled, headline, table_details, table_rows};
use crate::observation::State;
use crate::time::quantity::{magnitude, signed};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, Paragraph};

/// Below this a plot shows nothing.
const LOWEST_PLOT: u16 = 7;
/// Of the sources, where there is a plot too: more can be scrolled to.
const MOST_ROWS: u16 = 12;

/// From the top: the most important first, so that a small terminal has at least that.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App, look: Look) {
    let area = frame.area();
    let look = look.of_width(usize::from(area.width));
    let head = head(app, look);
    let about = about(app, look);
    let rows = app.state.as_ref().map_or(0, |state| count(state.sources.len()) + 1);
    let (heads, abouts) = (count(head.lines.len()), count(about.lines.len()));
    let spare = area.height.saturating_sub(heads + abouts + 1);
    let plot = if spare >= LOWEST_PLOT + rows.min(4) {
        LOWEST_PLOT.max(spare.saturating_sub(rows.min(MOST_ROWS)))
    } else {
        0
    };
    let parts = [
        Constraint::Length(heads),
        Constraint::Length(spare.saturating_sub(plot)),
        Constraint::Length(abouts),
        Constraint::Length(plot),
        Constraint::Length(1),
    ];
    let [top, middle, below, bottom, last] = Layout::vertical(parts).areas(area);
    frame.render_widget(head, top);
    frame.render_widget(sources(app, look, usize::from(middle.height)), middle);
    frame.render_widget(about, below);
    if plot > 0 {
        draw_plot(frame, app, bottom);
    }
    let every = magnitude(app.interval.as_secs_f64());
    frame.render_widget(Paragraph::new(format!("q end   ↑ ↓ choose   every {every}")), last);
    if !look.has_unicode() {
        respell(frame.buffer_mut());
    }
}

fn head(app: &App, look: Look) -> Text<'static> {
    let mut lines = Vec::new();
    if let Some(trouble) = &app.trouble {
        lines
            .extend(filled(trouble, look.width).into_iter().map(|line| Line::styled(line, style(Tone::Bad))));
    }
    match &app.state {
        Some(_) if app.trouble.is_some() => lines.push(Line::from("What it said last:")),
        None if app.trouble.is_none() => lines.push(Line::from("Asking the daemon…")),
        _ => {}
    }
    if let Some(state) = &app.state {
        let (tone, sentences) = headline(state);
        for (index, sentence) in sentences.iter().enumerate() {
            let style = if index == 0 { style(tone) } else { Style::new() };
            lines.extend(filled(sentence, look.width).into_iter().map(|line| Line::styled(line, style)));
        }
    }
    Text::from(lines)
}

/// As many rows as there is room for, that of the selected source among them.
fn sources(app: &App, look: Look, height: usize) -> Text<'static> {
    let Some(state) = &app.state else { return Text::default() };
    let (heading, rows) = table_rows(&state.sources, look);
    let room = height.saturating_sub(1);
    let first = app.selected().map_or(0, |selected| (selected + 1).saturating_sub(room));
    let faded = if app.trouble.is_some() { Modifier::DIM } else { Modifier::empty() };
    let rows = rows.into_iter().enumerate().skip(first).take(room).map(|(index, (tone, row))| {
        let looked_at = app.selected() == Some(index);
        let reversed = if looked_at { Modifier::REVERSED } else { Modifier::empty() };
        Line::styled(row, style(tone).add_modifier(reversed | faded))
    });
    let heading = Line::styled(heading, style(Tone::Heading));
    Text::from([heading].into_iter().chain(rows).collect::<Vec<_>>())
}

/// What a row has no room for, of the selected one.
fn about(app: &App, look: Look) -> Text<'static> {
    let source = app.selected().and_then(|index| app.state.as_ref()?.sources.get(index));
    let lines = source.map(|source| table_details(source, look)).unwrap_or_default();
    Text::from(lines.into_iter().map(Line::from).collect::<Vec<_>>())
}

fn draw_plot(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let now = app.now.as_secs_f64();
    let points: Vec<_> =
        app.history.of(app.whose()).into_iter().map(|(at, offset)| (at - now, offset)).collect();
    let oldest = points.first().map_or(0.0, |(at, _)| *at).min(-60.0);
    let extreme = |pick: fn(f64, f64) -> f64| points.iter().map(|(_, offset)| *offset).reduce(pick);
    let (low, high) = (extreme(f64::min).unwrap_or_default(), extreme(f64::max).unwrap_or_default());
    // A line that does not move is in the middle.
    let margin = ((high - low) * 0.1).max(1e-9);
    let (low, high) = (low - margin, high + margin);
    let data = Dataset::default().marker(Marker::Braille).graph_type(GraphType::Line).data(&points);
    let levels = [low, f64::midpoint(low, high), high].map(signed);
    let times = [format!("{} ago", magnitude(oldest)), "now".to_owned()];
    let chart = Chart::new(vec![data.style(style(Tone::Good))])
        .block(Block::bordered().title(title(app)))
        .x_axis(Axis::default().bounds([oldest, 0.0]).labels(times))
        .y_axis(Axis::default().bounds([low, high]).labels(levels));
    frame.render_widget(chart, area);
}

fn title(app: &App) -> String {
    let name = |state: &State| Some(state.sources.get(app.selected()?)?.name.clone());
    match app.state.as_ref().and_then(name) {
        Some(name) => format!(" Offset measured against {name} "),
        None => " What is left to correct of the clock ".to_owned(),
    }
}

fn style(tone: Tone) -> Style {
    match tone {
        Tone::Good => Style::new().fg(Color::Green),
        Tone::Doubtful => Style::new().fg(Color::Yellow),
        Tone::Bad => Style::new().fg(Color::Red),
        Tone::Heading => Style::new().add_modifier(Modifier::BOLD),
        Tone::Plain => Style::new(),
    }
}

/// In ASCII: frames and dots have no other letters.
fn respell(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let Some(c) = cell.symbol().chars().next().filter(|c| !c.is_ascii()) else { continue };
        cell.set_char(match c {
            'µ' => 'u',
            '±' | '…' => '~',
            '↑' => '^',
            '↓' => 'v',
            '│' => '|',
            '─' => '-',
            '┌' | '┐' | '└' | '┘' => '+',
            '\u{2800}' => ' ',
            '\u{2801}'..='\u{28ff}' => '*',
            _ => '?',
        });
    }
}

fn count(lines: usize) -> u16 {
    u16::try_from(lines).unwrap_or(u16::MAX)
}
