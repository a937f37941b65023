/**
 * The live screen: keys, samples and the terminal come together here. A key changes the state, and Ink draws its part anew if that part
 * shows any of it; a sample changes the figures; after either the painters fill the grid and the writer sends what differs.
 *
 * Layers of a frame, from below: Ink's last frame (labels, titles, footer), what is painted over it, and Ink's overlay again.
 */
import type {FieldKey} from '../model/fields.js';
import type {Measured} from '../model/measure.js';
import type {AppProps} from './app.js';
import type {Chrome, openChrome} from './chrome.js';
import {type ChartsModule, type DetailInput, layoutDetail, paintCharts, paintDetail, paintDetailTitle} from './detail.js';
import {countCells, layoutFooter} from './footer.js';
import {FrameWriter} from './frame-writer.js';
import {Grid} from './grid.js';
import {type Activity, paintHeader} from './header.js';
import {helpScrollEnd, overlayRect} from './help.js';
import type {Screen, ScreenEnd, ScreenOptions} from './index.js';
import {actionFor, scopeOf} from './keymap.js';
import {type KeyName, KeyPipe} from './keys.js';
import {type Column, layoutColumns, layoutScreen, type Rect, type ScreenLayout, trendKey} from './layout.js';
import {paintTable} from './prog-table.js';
import {type Action, type Context, initialState, reduce, settle, type State} from './state.js';
import {countText, emptyReason, paintAlert, paintCount, paintEmpty} from './status.js';
import {paintStyled} from './styled-text.js';
import type {Terminal} from './terminal.js';
import {colorDepth, createTheme, speaksUtf8} from './theme.js';
import {keyOfRow, View} from './view.js';

/** What of chrome.tsx is used here. */
export interface ChromeModule {
  readonly openChrome: typeof openChrome;
}

/** What the screen is told, without the terminal, which it gets open. */
export type ShownOptions = Omit<ScreenOptions, 'terminal'>;

/** The screen over any terminal; `index.ts` gives it the real one. */
export class LiveScreen implements Screen {
  readonly ended: Promise<ScreenEnd>;
  readonly #options: ShownOptions;
  readonly #terminal: Terminal;
  readonly #loadChrome: () => Promise<ChromeModule>;
  readonly #view: View;
  readonly #writer: FrameWriter;
  readonly #pipe = new KeyPipe();
  /** What Ink drew last. */
  readonly #base = new Grid();
  #layout: ScreenLayout;
  #columns: readonly Column[] = [];
  #idDigits = 0;
  #state: State;
  #chrome: Chrome | null = null;
  /** What Ink's last frame was drawn from. */
  #drawn: AppProps | null = null;
  #charts: ChartsModule | null = null;
  #chartsWanted = false;
  #failure: string | null = null;
  #finished = false;
  #bodyHeight = 0;
  #flushing = false;
  #marks: NodeJS.Timeout | undefined;
  #closed = false;
  #end: (end: ScreenEnd) => void = () => {};

  /** @param loadChrome loads what imports Ink; not before the first frame is out. */
  constructor(
    options: ShownOptions,
    terminal: Terminal,
    env: NodeJS.ProcessEnv = process.env,
    loadChrome: () => Promise<ChromeModule> = () => import('./chrome.js'),
  ) {
    this.#loadChrome = loadChrome;
    this.#options = options;
    this.#terminal = terminal;
    this.#view = new View(options.limit);
    this.#state = initialState(options.sort, options.filter, options.grouping);
    const {color, ascii, theme} = options.look;
    this.#writer = new FrameWriter(createTheme(colorDepth(env, color), theme), ascii || !speaksUtf8(env));
    this.#layout = layoutScreen(terminal.size);
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  /** Shows the first frame, then loads and starts Ink. */
  start(): void {
    this.#terminal.open({
      keys: (keys) => this.#guard(() => this.#pipe.push(keys)),
      redraw: () => this.#guard(() => this.#redraw()),
      drained: () => this.#guard(() => this.#paint()),
      hangup: () => this.#end({by: 'hangup'}),
    });
    this.#guard(() => this.#redraw());
    this.#loadChrome().then(
      (chrome) => this.#guard(() => this.#startChrome(chrome)),
      (error: unknown) => this.#end({by: 'error', error}),
    );
  }

  #startChrome({openChrome}: ChromeModule): void {
    this.#drawn = this.#appProps();
    this.#chrome = openChrome(this.#pipe, this.#drawn, {
      frame: (frame) => this.#takeFrame(frame),
      key: (key) => this.#guard(() => this.#key(key)),
      failed: (error) => this.#end({by: 'error', error}),
    });
    this.#paint();
  }

  update(measured: Measured): void {
    this.#guard(() => {
      this.#failure = null;
      this.#view.update(measured);
      // Ids ascend. Now and then they get a digit more, and the columns, which Ink heads, are others.
      const idDigits = String(measured.progs.at(-1)?.info.id ?? 0).length;
      const wider = idDigits > this.#idDigits;
      if (wider) this.#idDigits = idDigits;
      if (wider && this.#columns.length > 0) this.#flush();
      else this.#paint();
    });
  }

  fail(message: string): void {
    this.#guard(() => {
      this.#failure = message;
      this.#paint();
    });
  }

  finish(): void {
    this.#guard(() => {
      this.#finished = true;
      this.#paint();
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#marks);
    this.#terminal.close();
    try {
      this.#chrome?.close();
    } catch {
      // The terminal is given back; what Ink has to say about its own end interests nobody any more.
    }
  }

  /** Runs what an event asks for. A bug ends the screen, not the process: whoever opened it has a terminal to give back. */
  #guard(work: () => void): void {
    if (this.#closed) return;
    try {
      work();
    } catch (error) {
      this.#end({by: 'error', error});
    }
  }

  #key(key: KeyName): void {
    const scope = scopeOf(this.#state);
    const name = actionFor(key, scope);
    if (name === 'quit' || name === 'interrupt') return this.#end({by: name});
    if (name === 'suspend') return this.#terminal.suspend();
    if (name === 'repaint') return this.#redraw();
    const text = [...key].length === 1 ? key : null;
    const action: Action | null = name ? {name} : text !== null ? {name: 'type', text} : null;
    if (action) this.#dispatch(action);
  }

  #dispatch(action: Action): void {
    const before = this.#state;
    this.#state = reduce(before, action, this.#context());
    if (this.#state === before || this.#flushing) return;
    // One frame for all keys of a read.
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#guard(() => this.#flush());
    });
  }

  #flush(): void {
    const {sort, grouping} = this.#state;
    const {chosenColumns} = this.#options;
    // In groups programs stand indented, which is room before their ids.
    const idCells = this.#idDigits + (grouping ? indent : 0);
    const columns = layoutColumns(this.#layout.columns, sort.field.key, idCells, chosenColumns);
    if (!sameColumns(columns, this.#columns)) this.#columns = columns;
    this.#draw();
    this.#paint();
  }

  /** Draws Ink's part, if it shows anything that changed. */
  #draw(): void {
    const props = this.#appProps();
    if (!this.#chrome || (this.#drawn && sameFrame(this.#drawn, props))) return;
    this.#drawn = props;
    this.#chrome.render(props);
  }

  /** The whole screen anew, for its size may be another. */
  #redraw(): void {
    this.#layout = layoutScreen(this.#terminal.size);
    const {columns, rows} = this.#layout;
    if (columns !== this.#base.columns || rows !== this.#base.rows) {
      this.#base.resize(columns, rows);
      this.#writer.resize(columns, rows);
    }
    this.#writer.invalidate();
    this.#flush();
  }

  #takeFrame(frame: string): void {
    this.#base.clear();
    paintStyled(this.#base, 0, 0, frame.split('\n'));
  }

  #appProps(): AppProps {
    return {layout: this.#layout, state: this.#state, columns: this.#columns, texts: this.#options};
  }

  #context(): Context {
    const state = this.#state;
    const {body} = this.#layout;
    let scrollEnd = 0;
    if (state.overlay?.kind === 'help') scrollEnd = helpScrollEnd(body.width, body.height);
    else if (state.page.kind === 'detail') scrollEnd = layoutDetail(body, 0).scrollEnd;
    const columns = this.#columns.map((column) => column.key).filter((key): key is FieldKey => key !== trendKey);
    const keys = this.#view.rows(state).map(keyOfRow);
    return {keys, height: this.#bodyHeight, columns, scrollEnd};
  }

  #paint(): void {
    // While the terminal takes nothing there is nothing to paint for; `drained` calls again.
    if (this.#closed || this.#terminal.busy) return;
    const grid = this.#writer.next;
    grid.copy(this.#base);
    const next = this.#view.expire();
    clearTimeout(this.#marks);
    if (next !== null) this.#marks = setTimeout(() => this.#guard(() => this.#paint()), next + 1);
    const {page, showOwn: own} = this.#state;
    const {delayMs, recorded} = this.#options;
    const activity = this.#activity();
    paintHeader(grid, this.#layout.header, {view: this.#view, activity, delayMs, recorded, own});
    if (page.kind === 'detail') this.#paintDetail(grid, page.key, page.scroll);
    const body = paintAlert(grid, this.#layout.body, this.#view, this.#failure);
    if (page.kind === 'table') this.#paintTable(grid, body);
    const covered = overlayRect(this.#state, this.#layout);
    if (covered) grid.copyRect(this.#base, covered.x, covered.y, covered.width, covered.height);
    const bytes = this.#writer.diff();
    if (bytes) this.#terminal.write(bytes);
  }

  #activity(): Activity {
    if (this.#finished) return 'end of recording';
    if (this.#failure !== null) return 'no reading';
    if (!this.#view.measured) return 'reading…';
    return this.#options.recorded ? 'replay' : 'live';
  }

  #paintTable(grid: Grid, body: Rect): void {
    const view = this.#view;
    const rows = view.rows(this.#state);
    this.#bodyHeight = body.height;
    this.#state = settle(this.#state, this.#context());
    const {top, selected, open} = this.#state;
    if (rows.length === 0) paintEmpty(grid, body, emptyReason(view, this.#state));
    else paintTable(grid, body, {view, rows, columns: this.#columns, top, selected, open});
    if (this.#state.overlay) return;
    const {countX} = layoutFooter(this.#state, this.#layout.columns, this.#options);
    paintCount(grid, this.#layout, countX, countCells, countText(view, this.#state, rows.length, body.height));
  }

  #paintDetail(grid: Grid, key: string, scroll: number): void {
    const {measured, history} = this.#view;
    const found = this.#view.find(key);
    this.#bodyHeight = this.#layout.body.height;
    if (!measured || !found) return;
    const input: DetailInput = {prog: found.prog, goneAt: found.goneAt, measured, history};
    paintDetailTitle(grid, this.#layout.titles, input);
    const layout = layoutDetail(this.#layout.body, scroll);
    paintDetail(grid, layout, input);
    if (layout.charts.length === 0) return;
    if (this.#charts) paintCharts(grid, layout, input, this.#charts);
    else this.#loadCharts();
  }

  /** Charts take some 50 ms and 13 MB to load: only who opens a page pays for them. */
  #loadCharts(): void {
    if (this.#chartsWanted) return;
    this.#chartsWanted = true;
    import('./charts.js').then(
      (charts) =>
        this.#guard(() => {
          this.#charts = charts;
          this.#paint();
        }),
      (error: unknown) => this.#end({by: 'error', error}),
    );
  }
}

/** Cells by which programs stand further right than their group. */
const indent = 2;

function sameColumns(a: readonly Column[], b: readonly Column[]): boolean {
  const same = ({key, x, width}: Column, i: number) => key === b[i]?.key && x === b[i].x && width === b[i].width;
  return a.length === b.length && a.every(same);
}

/** Whether Ink would draw the same from both. */
function sameFrame(a: AppProps, b: AppProps): boolean {
  const {state: s, layout: l} = a;
  const {state: t, layout: m} = b;
  return (
    l === m &&
    a.columns === b.columns &&
    s.sort === t.sort &&
    s.filter === t.filter &&
    s.grouping === t.grouping &&
    s.prompt === t.prompt &&
    s.overlay === t.overlay &&
    s.page === t.page
  );
}
