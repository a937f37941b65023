/**
 * The live screen: keys, samples and the terminal come together here. A key changes the state, and Ink draws its part anew if that part
 * shows any of it; a sample changes the figures; after either the painters fill the grid and the writer sends what differs.
 *
 * Layers of a frame, from below: Ink's last frame (titles, footer), what is painted over it, and Ink's overlay again.
 */
import type {Manner} from '../model/fields.js';
import type {Measured} from '../model/measure.js';
import {withoutBaseline} from '../model/sort.js';
import {printable} from '../model/printable.js';
import type {AppProps} from './app.js';
import type {Chrome, openChrome} from './chrome.js';
import {type ChartsModule, type DetailInput, layoutDetail, paintDetail, paintDetailTitle} from './detail.js';
import {countCells, type FooterTexts, layoutFooter} from './footer.js';
import {FrameWriter} from './frame-writer.js';
import {Grid} from './grid.js';
import {type Activity, paintHeader, shownAgo} from './header.js';
import {helpScrollEnd, overlayRect} from './help.js';
import type {Screen, ScreenEnd, ScreenOptions, Shown} from './index.js';
import {actionFor, scopeOf, whenOf} from './keymap.js';
import {type KeyName, KeyPipe, pasteKey} from './keys.js';
import {type Column, type ColumnKey, layoutColumns, layoutScreen, type Rect, type ScreenLayout} from './layout.js';
import {paintTable} from './prog-table.js';
import {type Action, type Context, initialState, reduce, settle, type State} from './state.js';
import type {WriteOutcome} from './prompt.js';
import {type Alert, alertOf, bodyOver, countText, emptyReason, paintAlert, paintCount, paintEmpty} from './status.js';
import {paintStyled} from './styled-text.js';
import type {Terminal} from './terminal.js';
import {colorDepth, createTheme, drawsUnicode} from './theme.js';
import {keyOfRow, View} from './view.js';

/** What of chrome.tsx is used here. */
export interface ChromeModule {
  readonly openChrome: typeof openChrome;
}

/** How far keys go in a recording, ms of its time. */
const aheadMs = {ahead: 10_000, farAhead: 60_000};

/** Between two frames of a recording, which may go much faster than anybody sees, ms. The kernel is never read that often. */
const frameMs = 40;

/** How long the answer to a key stays, ms. */
const saidMs = 5000;

/** What the screen is told, without the terminal, which it gets open. */
export type ShownOptions = Omit<ScreenOptions, 'terminal'>;

/** Whoever has pressed a key knows more than this. */
const firstHint = 'Enter opens, / filters, ? explains';
const hintColumns = 80;

/** The screen over any terminal; `index.ts` gives it the real one. */
export class LiveScreen implements Screen {
  readonly ended: Promise<ScreenEnd>;
  readonly #options: ShownOptions;
  readonly #terminal: Terminal;
  readonly #loadChrome: () => Promise<ChromeModule>;
  readonly #view: View;
  readonly #writer: FrameWriter;
  readonly #pipe = new KeyPipe();
  /** What was pasted, as often as the pipe has `pasteKey`. */
  readonly #pastes: string[] = [];
  /** What Ink drew last. */
  readonly #base = new Grid();
  #layout: ScreenLayout;
  #columns: readonly Column[] = [];
  #idDigits = 0;
  #state: State;
  #chrome: Chrome | null = null;
  /** What Ink's last frame was drawn from. */
  #drawn: AppProps | null = null;
  /** What the footer says at first; another one from the first key on. */
  #texts: FooterTexts;
  #charts: ChartsModule | null = null;
  #chartsWanted = false;
  #failure: string | null = null;
  /** What came of a key that did something outside the screen. */
  #said: Alert | null = null;
  #saidUntil: NodeJS.Timeout | undefined;
  /** What was shown when a file was asked for. */
  #toWrite: Shown | null = null;
  #finished: Activity | null = null;
  #bodyHeight = 0;
  #flushing = false;
  #marks: NodeJS.Timeout | undefined;
  /** When it was painted, by performance.now(). */
  #painted = -Infinity;
  /** Paints a sample that came too soon after that. */
  #soon: NodeJS.Timeout | undefined;
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
    this.#texts = {version: options.version, notice: options.notice ?? firstHint};
    this.#state = initialState({...options, speed: options.playback?.speed ?? null});
    const {color, ascii, theme} = options.look;
    this.#writer = new FrameWriter(createTheme(colorDepth(env, color), theme), ascii || !drawsUnicode(env));
    this.#layout = layoutScreen(terminal.size);
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  /** Shows the first frame, then loads and starts Ink. */
  start(): void {
    this.#terminal.open({
      keys: (keys) => this.#guard(() => this.#pipe.push(keys)),
      paste: (text) =>
        this.#guard(() => {
          this.#pastes.push(text);
          this.#pipe.push([pasteKey]);
        }),
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
      if (this.#widenIds() && this.#columns.length > 0) this.#flush();
      else this.#paintSample();
    });
  }

  /** Of many samples at once a few are painted, the last one always. */
  #paintSample(): void {
    const ms = this.#painted + frameMs - performance.now();
    if (!this.#options.playback || ms <= 0) this.#paint();
    else this.#soon ??= setTimeout(() => this.#guard(() => this.#paint()), ms);
  }

  /** Ids ascend. Now and then they get a digit more, and the columns, which Ink heads, are others. @returns whether they have. */
  #widenIds(): boolean {
    const idDigits = String(this.#view.measured?.progs.at(-1)?.info.id ?? 0).length;
    const wider = idDigits > this.#idDigits;
    if (wider) this.#idDigits = idDigits;
    return wider;
  }

  fail(message: string): void {
    this.#guard(() => {
      this.#failure = message;
      this.#paint();
    });
  }

  finish(asked: boolean): void {
    this.#guard(() => {
      this.#finished = asked ? 'end at --to' : 'end of recording';
      this.#paint();
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#marks);
    clearTimeout(this.#soon);
    clearTimeout(this.#saidUntil);
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
    if (this.#forgetHint()) this.#flushSoon();
    if (key === pasteKey) return this.#paste(this.#pastes.shift());
    const scope = scopeOf(this.#state);
    const name = actionFor(key, scope, whenOf(this.#state));
    if (name === 'quit' || name === 'interrupt') return this.#end({by: name});
    if (name === 'suspend') return this.#terminal.suspend();
    if (name === 'repaint') return this.#redraw();
    if (name === 'write') return this.#askFile();
    if (name === 'writeFile' || name === 'replaceFile') return this.#write(name);
    if (name === 'save') return this.#save();
    if (name === 'ahead' || name === 'farAhead') return this.#options.playback?.ahead(aheadMs[name]);
    const text = [...key].length === 1 ? key : null;
    const action: Action | null = name ? {name} : text !== null ? {name: 'type', text} : null;
    if (action) this.#dispatch(action);
  }

  /** Into the line that is being typed; where none is, a letter of it would do what its key does. */
  #paste(text: string | undefined): void {
    if (text === undefined) return;
    const {prompt} = this.#state;
    if (prompt && (prompt.kind === 'filter' || prompt.stage === 'typing'))
      return this.#dispatch({name: 'type', text: text.replace(/[\r\n]+$/, '').replaceAll(/\p{Cc}+/gu, ' ')});
    const how = scopeOf(this.#state) === 'table' ? ': press / first to filter by it' : '';
    this.#say('done', `Pasted text was ignored${how}.`);
  }

  #dispatch(action: Action): void {
    const before = this.#state;
    this.#state = reduce(before, action, this.#context());
    if (this.#state.prompt === null) this.#toWrite = null;
    if (this.#state.delayMs !== before.delayMs) this.#options.setDelay(this.#state.delayMs);
    const {playback} = this.#options;
    const {speed} = this.#state;
    if (playback && speed !== null && speed !== before.speed) playback.speed = speed;
    if (this.#state !== before) this.#flushSoon();
  }

  /** @returns false if there was none any more. */
  #forgetHint(): boolean {
    if (this.#texts.notice !== firstHint) return false;
    this.#texts = {...this.#texts, notice: null};
    return true;
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    // One frame for all keys of a read.
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#guard(() => this.#flush());
    });
  }

  /** Keeps what is shown now: it is what is written, however long the name takes. */
  #askFile(): void {
    this.#view.show(this.#state.moment);
    const {measured} = this.#view;
    if (!measured) return this.#say('failed', 'There is nothing to write yet.');
    const {sort, filter, showOwn: own, grouping, baseline, chosenColumns: columns} = this.#state;
    const since = this.#view.since(baseline);
    this.#toWrite = {measured, selection: {sort, filter, limit: this.#options.limit, own, since}, grouping, columns};
    this.#dispatch({name: 'askFile', text: fileName(measured)});
  }

  #write(name: 'writeFile' | 'replaceFile'): void {
    const {prompt} = this.#state;
    if (prompt?.kind !== 'file' || prompt.stage === 'writing' || !this.#toWrite) return;
    this.#dispatch({name});
    const writing = this.#state.prompt;
    this.#answer(this.#options.files.write(prompt.text, this.#toWrite, name === 'replaceFile'), (outcome) => {
      // Who closed the prompt meanwhile still wants to know.
      if (this.#state.prompt === writing) this.#dispatch({name: 'written', outcome});
      else if (outcome.kind === 'failed') this.#say(outcome.kind, `${prompt.text}: ${outcome.sentence}`);
      else if (outcome.kind === 'exists') this.#say('failed', `${prompt.text} is there already; nothing was written.`);
      if (outcome.kind === 'done') this.#say(outcome.kind, outcome.sentence);
    });
  }

  /** Nothing is written to a stranger's host unasked: only this key saves. */
  #save(): void {
    const {sort, chosenColumns: columns, delayMs} = this.#state;
    // What it is compared with ends with the screen.
    const settings = {columns, sort: withoutBaseline(sort), delayMs, look: this.#options.look};
    this.#answer(this.#options.files.save(settings), ({kind, sentence}) => this.#say(kind, sentence));
  }

  /** The line over the footer: what was just said, else what must not be missed. */
  #alert(): Alert | null {
    return this.#said ?? alertOf(this.#view, this.#failure);
  }

  #answer<T extends WriteOutcome>(work: Promise<T>, then: (outcome: T) => void): void {
    work.then(
      (outcome) => this.#guard(() => then(outcome)),
      (error: unknown) => this.#end({by: 'error', error}),
    );
  }

  #say(kind: 'done' | 'failed', sentence: string): void {
    this.#said =
      kind === 'done' ? {text: printable(sentence), look: 'strong'} : {text: `! ${printable(sentence)}`, look: 'error'};
    clearTimeout(this.#saidUntil);
    this.#saidUntil = setTimeout(() => {
      this.#said = null;
      this.#guard(() => this.#paint());
    }, saidMs);
    this.#paint();
  }

  #flush(): void {
    const {baseline, chosenColumns, moment} = this.#state;
    this.#view.show(moment);
    this.#view.tellBehind();
    this.#widenIds();
    const columns = this.#columnsFor(chosenColumns, baseline !== null);
    if (!sameColumns(columns, this.#columns)) this.#columns = columns;
    this.#draw();
    this.#paint();
  }

  #columnsFor(chosen: readonly ColumnKey[] | null, compared: boolean): readonly Column[] {
    const {sort, grouping, ofAllCpus} = this.#state;
    // In groups programs stand indented, which is room before their ids.
    const idCells = this.#idDigits + (grouping ? indent : 0);
    return layoutColumns(this.#layout.columns, sort.field.key, idCells, chosen, {compared, ofAllCpus});
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
    // Where both don't fit, the keys themselves are the better hint.
    if (columns < hintColumns) this.#forgetHint();
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
    return {layout: this.#layout, state: this.#state, columns: this.#columns, texts: this.#texts};
  }

  #context(): Context {
    const state = this.#state;
    const {body} = this.#layout;
    let scrollEnd = 0;
    let height = this.#bodyHeight;
    const input = this.#detailInput();
    if (state.overlay?.kind === 'help') scrollEnd = helpScrollEnd(state, body.width, body.height);
    else if (input) ({scrollEnd, factRows: height} = layoutDetail(input, bodyOver(this.#alert(), body)));
    // The list of columns scrolls in its frame.
    const covered = state.overlay?.kind === 'columns' ? overlayRect(state, this.#layout) : null;
    if (covered) height = covered.height - 2;
    const view = this.#view;
    // Of many steps through time in one read only the last one is measured, listed and sorted.
    const rows = () => {
      view.show(state.moment);
      return view.rows(state);
    };
    return {
      get keys() {
        return rows().map(keyOfRow);
      },
      get progs() {
        view.show(state.moment);
        return view.measured?.progs ?? [];
      },
      ...{height, columns: this.#columns.map((column) => column.key), scrollEnd},
      usualColumns: () => this.#columnsFor(null, false).map((column) => column.key),
      mark() {
        view.show(state.moment);
        return view.baseline();
      },
      topSpender() {
        const top = view.topSpender(rows());
        return top && keyOfRow(top);
      },
      step: (from, steps) => view.step(from, steps),
    };
  }

  #paint(): void {
    // While the terminal takes nothing there is nothing to paint for; `drained` calls again.
    if (this.#closed || this.#terminal.busy) return;
    const grid = this.#writer.next;
    grid.copy(this.#base);
    this.#painted = performance.now();
    clearTimeout(this.#soon);
    this.#soon = undefined;
    const expires = this.#view.expire();
    const {playback} = this.#options;
    // Of who sends nothing any more there is no event: it is looked for.
    const next = playback && playback.silentMs !== null && !this.#finished ? Math.min(expires ?? 1000, 1000) : expires;
    clearTimeout(this.#marks);
    if (next !== null) this.#marks = setTimeout(() => this.#guard(() => this.#paint()), next + 1);
    const {page, showOwn: own, delayMs, speed} = this.#state;
    paintHeader(grid, this.#layout.header, {
      view: this.#view,
      activity: this.#activity(),
      delayMs,
      speed,
      own,
      manner: this.#manner(),
    });
    const body = paintAlert(grid, this.#layout.body, this.#alert());
    if (page.kind === 'detail') this.#paintDetail(grid, body, page.scroll);
    else this.#paintTable(grid, body);
    const covered = overlayRect(this.#state, this.#layout);
    if (covered) grid.copyRect(this.#base, covered.x, covered.y, covered.width, covered.height);
    const bytes = this.#writer.diff();
    if (bytes) this.#terminal.write(bytes);
  }

  #manner(): Manner {
    const {baseline, ofAllCpus} = this.#state;
    const cpus = this.#view.measured?.sample.host.cpusOnline ?? 1;
    return {since: this.#view.since(baseline), cpus: ofAllCpus ? cpus : 1};
  }

  #activity(): Activity {
    if (this.#finished) return this.#finished;
    if (this.#failure !== null) return 'no reading';
    const {measured} = this.#view;
    if (!measured) return 'reading…';
    const {playback} = this.#options;
    const silentNs = (playback?.silentMs ?? 0) * 1e6;
    if (silentNs > Math.max(lateNs, 2 * (measured.periodNs ?? 0))) return `no data ${shownAgo(silentNs)}`;
    return playback ? 'replay' : 'live';
  }

  #paintTable(grid: Grid, body: Rect): void {
    const view = this.#view;
    const rows = view.rows(this.#state);
    this.#bodyHeight = body.height;
    this.#state = settle(this.#state, {keys: rows.map(keyOfRow), height: body.height});
    const {top, selected, open} = this.#state;
    if (rows.length === 0) paintEmpty(grid, body, emptyReason(view, this.#state));
    else paintTable(grid, body, {view, rows, columns: this.#columns, top, selected, open, manner: this.#manner()});
    if (this.#state.overlay) return;
    const {countX} = layoutFooter(this.#state, this.#layout.columns, this.#texts);
    paintCount(grid, this.#layout, countX, countCells, countText(view, this.#state, rows.length, body.height));
  }

  /** What the page of a program shows; null: it isn't open, or nothing is known of its program. */
  #detailInput(): DetailInput | null {
    const {measured, history} = this.#view;
    const {page, filter, windowNs} = this.#state;
    const found = page.kind === 'detail' ? this.#view.find(page.key) : null;
    if (!measured || !found) return null;
    const filterNs = this.#view.filterSince(filter);
    const paused = this.#view.behindNs !== null;
    return {...found, measured, history, windowNs, filterNs, paused, cpus: this.#manner().cpus};
  }

  #paintDetail(grid: Grid, body: Rect, scroll: number): void {
    this.#bodyHeight = body.height;
    const input = this.#detailInput();
    if (!input) return;
    paintDetailTitle(grid, this.#layout.titles, input);
    if (input.later) return;
    const layout = layoutDetail(input, body);
    paintDetail(grid, layout, input, scroll, this.#charts);
    if (layout.charts.height > 0) this.#loadCharts();
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

/** A sample that is later than that, and than two periods, is missed, ns. */
const lateNs = 5e9;
/** Cells by which programs stand further right than their group. */
const indent = 2;

/** A name that says of which host and when it is; safe, whatever the host calls itself. */
function fileName({sample}: Measured): string {
  const host = sample.host.hostname.replaceAll(/[^A-Za-z0-9.-]/g, '_').slice(0, 64);
  const at = new Date(sample.takenAt).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `bpftop-ts-${host || 'host'}-${at}.json`;
}

function sameColumns(a: readonly Column[], b: readonly Column[]): boolean {
  const same = ({key, title, x, width}: Column, i: number) =>
    key === b[i]?.key && title === b[i].title && x === b[i].x && width === b[i].width;
  return a.length === b.length && a.every(same);
}

/** Whether Ink would draw the same from both. */
function sameFrame(a: AppProps, b: AppProps): boolean {
  const {state: s, layout: l} = a;
  const {state: t, layout: m} = b;
  return (
    l === m &&
    (s.moment === null) === (t.moment === null) &&
    a.columns === b.columns &&
    a.texts === b.texts &&
    s.sort === t.sort &&
    s.filter === t.filter &&
    s.grouping === t.grouping &&
    s.baseline === t.baseline &&
    s.chosenColumns === t.chosenColumns &&
    s.prompt === t.prompt &&
    s.overlay === t.overlay &&
    s.page.kind === t.page.kind
  );
}
