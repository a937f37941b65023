/** What is said about the list rather than in it: why it is empty, warnings, how many programs it shows. Painted with every sample. */
import {printable} from '../model/printable.js';
import {selectTotals} from '../model/select.js';
import type {Grid} from './grid.js';
import type {Rect, ScreenLayout} from './layout.js';
import type {State} from './state.js';
import {cellsOf, wrap} from './text.js';
import {style, type StyleName} from './theme.js';
import type {View} from './view.js';

/** What is said over the footer, safe to print. */
export interface Alert {
  readonly text: string;
  readonly look: StyleName;
}

/** What must not be missed; null: all is well. */
export function alertOf(view: View, failure: string | null): Alert | null {
  if (failure !== null) {
    const figures = view.behindNs === null ? ' The figures are those of the last reading.' : '';
    return {text: `! ${printable(failure)}${figures}`, look: 'error'};
  }
  const warnings = view.warnings.map((warning) => printable(warning.message));
  return warnings.length === 0 ? null : {text: `! ${warnings.join(' · ')}`, look: 'warning'};
}

/** What to do stands at the end of a sentence, so that it may take several rows; more than these would hide what it is about. */
const mostAlertRows = 3;

function alertLines(alert: Alert | null, {width, height}: Rect): readonly string[] {
  if (!alert || height < 3) return [];
  return wrap(alert.text, width, Math.min(mostAlertRows, Math.floor(height / 2)));
}

/** The body that an alert leaves. */
export function bodyOver(alert: Alert | null, body: Rect): Rect {
  const {length} = alertLines(alert, body);
  return length === 0 ? body : {...body, height: body.height - length};
}

/** Paints the alert into the last rows of the body. @returns the body that is left. */
export function paintAlert(grid: Grid, body: Rect, alert: Alert | null): Rect {
  const left = bodyOver(alert, body);
  alertLines(alert, body).forEach((line, i) => {
    const y = left.y + left.height + i;
    grid.fill(0, y, grid.columns, style.text);
    grid.text(0, y, line, style[alert?.look ?? 'text']);
  });
  return left;
}

const demoHint = '"bpftop-ts demo" loads a few harmless ones to look at.';

/** Why there is nothing to list, and what to do about it. */
export function emptyReason(view: View, state: State): readonly string[] {
  const {measured} = view;
  if (!measured) return ['reading…'];
  if (measured.totals.programs === 0) return ['No BPF programs are loaded.', demoHint];
  if (selectTotals(measured, {own: state.showOwn}).programs === 0)
    return ["No BPF programs are loaded but bpftop-ts's own; a shows them.", demoHint];
  return [`Nothing matches "${printable(state.filter.text)}".`, howToClear(state)];
}

function howToClear({prompt, moment}: State): string {
  if (prompt?.kind === 'filter') return 'Ctrl-U clears the filter.';
  // While it is paused, Esc goes on first.
  return moment === null ? 'Esc clears the filter.' : '/ and Ctrl-U clear the filter.';
}

/** Paints why there is no row, in the middle of the body. */
export function paintEmpty(grid: Grid, body: Rect, lines: readonly string[]): void {
  const looks = lines.flatMap((line, i) =>
    wrap(line, body.width, 2).map((shown) => [shown, i === 0 ? style.strong : style.text] as const),
  );
  const y = body.y + Math.max(0, Math.floor((body.height - looks.length) / 3));
  for (const [i, [shown, look]] of looks.entries()) {
    if (i >= body.height) return;
    grid.text(body.x + Math.floor((body.width - cellsOf(shown)) / 2), y + i, shown, look);
  }
}

/**
 * Programs, without this tool's own unless they are listed: `5 of 214` under a filter or limit, `1–45 of 214` rows where not all fit; else
 * nothing: the header has the number.
 */
export function countText(view: View, {top, showOwn}: State, listed: number, height: number): string {
  if (!view.measured) return '';
  const all = selectTotals(view.measured, {own: showOwn}).programs;
  if (listed > height) return `${top + 1}–${Math.min(listed, top + height)} of ${listed}`;
  // Struck programs are listed, but no longer among all.
  return view.live === all ? '' : `${view.live} of ${all}`;
}

/** Paints the count into the footer, from column x on. */
export function paintCount(grid: Grid, layout: ScreenLayout, x: number, width: number, text: string): void {
  if (layout.footer >= 0) grid.text(x, layout.footer, text, style.dim, width);
}
