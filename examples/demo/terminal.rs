//! The demo on a terminal: table, log and a plot of the error, ten times a second.

use crate::log::Log;
use crate::scene::{GOAL, Scene};
use crate::text::{belief, signed, unsigned};
use ntpd_rs::snapshot::Source;
use ntpd_rs::verdict::Verdict;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Cell, Chart, Dataset, GraphType, Paragraph, Row, Table};
use ratatui::{DefaultTerminal, Frame};
use std::io;
use std::time::Duration;

const FRAME: Duration = Duration::from_millis(100);
/// The plot's lowest and highest error, log10 seconds.
const LOWEST: f64 = -6.0;
const HIGHEST: f64 = 0.0;
const LOG_LINES: u16 = 3;

/// Shows the scene until its end, until `ended` or until somebody presses q.
pub(crate) fn show(scene: &mut Scene, log: &Log, ended: impl Fn() -> bool) -> io::Result<()> {
    let mut terminal = ratatui::init();
    let shown = draw_until_over(&mut terminal, scene, log, ended);
    ratatui::restore();
    shown
}

fn draw_until_over(
    terminal: &mut DefaultTerminal,
    scene: &mut Scene,
    log: &Log,
    ended: impl Fn() -> bool,
) -> io::Result<()> {
    while !scene.is_over() && !ended() {
        scene.look();
        terminal.draw(|frame| draw(frame, scene, log))?;
        if event::poll(FRAME)? && wants_to_end(&event::read()?) {
            break;
        }
    }
    Ok(())
}

fn wants_to_end(event: &Event) -> bool {
    let Event::Key(key) = event else { return false };
    let control_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    control_c || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc)
}

fn draw(frame: &mut Frame<'_>, scene: &Scene, log: &Log) {
    let sources = u16::try_from(scene.snapshot.sources.len()).unwrap_or(4);
    let [title, clock, table, said, plot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Length(sources + 2),
        Constraint::Length(LOG_LINES + 1),
        Constraint::Min(6),
    ])
    .areas(frame.area());
    draw_title(frame, title, scene);
    draw_clock(frame, clock, scene);
    draw_sources(frame, table, scene);
    draw_log(frame, said, log);
    draw_plot(frame, plot, scene);
}

fn draw_title(frame: &mut Frame<'_>, area: Rect, scene: &Scene) {
    let left = Line::from(" ntpd-rs steers a virtual clock: 0.4 s off and 40 ppm fast".bold());
    let right = format!("{:.0} of {:.0} s, q ends ", scene.elapsed, scene.planned);
    frame.render_widget(left, area);
    frame.render_widget(Line::from(right).right_aligned(), area);
}

fn draw_clock(frame: &mut Frame<'_>, area: Rect, scene: &Scene) {
    let system = &scene.snapshot.system;
    let color = if scene.is_right() { Color::Green } else { Color::Red };
    let truth = Line::from(vec![
        Span::raw(" True error "),
        Span::styled(format!("{:>9}", signed(scene.error)), Style::new().fg(color).bold()),
        Span::raw(format!(
            "               frequency {:+.2} ± {:.2} ppm   steps {}",
            system.frequency.ppm(),
            system.frequency_uncertainty.ppm(),
            system.steps
        )),
    ]);
    let belief = format!(
        " Believed   {}   {}, stratum {}",
        belief(system),
        crate::lines::state(system.state),
        system.stratum
    );
    frame.render_widget(Paragraph::new(vec![truth, Line::from(belief)]), area);
}

fn draw_sources(frame: &mut Frame<'_>, area: Rect, scene: &Scene) {
    let heading = ["Server", "Verdict", "Reach", "Poll", "Offset", "±", "Delay"];
    let widths = [
        Constraint::Fill(1),
        Constraint::Length(15),
        Constraint::Length(5),
        Constraint::Length(6),
        Constraint::Length(10),
        Constraint::Length(9),
        Constraint::Length(8),
    ];
    let rows = scene.snapshot.sources.iter().map(|source| source_row(scene, source));
    let table = Table::new(rows, widths).header(Row::new(heading).underlined());
    frame.render_widget(table.block(Block::new().padding(ratatui::widgets::Padding::new(1, 1, 1, 0))), area);
}

fn source_row(scene: &Scene, source: &Source) -> Row<'static> {
    let color = match source.verdict {
        verdict if verdict.is_used() => Color::Green,
        Verdict::Falseticker => Color::Red,
        _ => Color::Yellow,
    };
    let estimate = source.estimate;
    let told = |number: Option<String>| Cell::from(number.unwrap_or_else(|| "-".to_owned()));
    Row::new([
        Cell::from(scene.cast.part(source)),
        Cell::from(source.verdict.name()).style(Style::new().fg(color)),
        Cell::from(format!("{:03o}", source.reach)),
        Cell::from(format!("{} s", source.poll.interval().seconds())),
        told(estimate.map(|estimate| signed(estimate.offset))),
        told(estimate.map(|estimate| unsigned(estimate.uncertainty))),
        told(estimate.map(|estimate| unsigned(estimate.delay))),
    ])
}

fn draw_log(frame: &mut Frame<'_>, area: Rect, log: &Log) {
    let lines: Vec<Line<'_>> =
        log.last(LOG_LINES.into()).into_iter().map(|line| Line::from(format!(" {line}")).dim()).collect();
    let block = Block::new().padding(ratatui::widgets::Padding::new(0, 0, 1, 0));
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn draw_plot(frame: &mut Frame<'_>, area: Rect, scene: &Scene) {
    let height = |seconds: f64| seconds.abs().log10().clamp(LOWEST, HIGHEST);
    let error: Vec<(f64, f64)> = scene.history.iter().map(|(at, error)| (*at, height(*error))).collect();
    let goal = [(0.0, height(GOAL)), (scene.planned, height(GOAL))];
    let line = |data, color| {
        Dataset::default()
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(Style::new().fg(color))
            .data(data)
    };
    let times = [0.0, scene.planned / 2.0, scene.planned].map(|at| format!("{at:.0} s"));
    let chart = Chart::new(vec![line(&goal, Color::DarkGray), line(&error, Color::Cyan)])
        .block(Block::bordered().title(" True error (the line is the goal, 1 ms) "))
        .x_axis(Axis::default().bounds([0.0, scene.planned]).labels(times))
        .y_axis(Axis::default().bounds([LOWEST, HIGHEST]).labels(["1 µs", "1 ms", "1 s"]));
    frame.render_widget(chart, area);
}
