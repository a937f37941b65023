/**
 * The page of a program: what goes where. Labels are drawn with the frame by Ink, values are painted with every sample; both take their
 * places from `layoutDetail`.
 */
import {containerText, field} from '../model/fields.js';
import {formatBytes, formatCount, formatDuration, formatNumberOf, formatPercent, formatTime} from '../model/format.js';
import type {HistoryMetric, Trends} from '../model/history.js';
import {mapsMemory, sharedMaps} from '../model/maps.js';
import type {Measured, MeasuredProg} from '../model/measure.js';
import {printable} from '../model/printable.js';
import type {ProgMap} from '../sample/maps.js';
import {shownName} from '../model/prog-name.js';
import {progTypeName} from '../sample/prog-types.js';
import type {SourceName} from '../sample/sources.js';
import type {paintChart, windowFor} from './charts.js';
import type {Grid} from './grid.js';
import type {Rect} from './layout.js';
import {heat} from './prog-table.js';
import {cellsOf, cut, grouped} from './text.js';
import {style, type StyleName} from './theme.js';

/** charts.ts, which is loaded when first needed. */
export interface ChartsModule {
  readonly paintChart: typeof paintChart;
  readonly windowFor: typeof windowFor;
}

/** What a program's page shows. */
export interface DetailInput {
  readonly prog: MeasuredProg;
  readonly measured: Measured;
  readonly history: Trends;
  /** Wall clock of the first reading without it, ms; null while it is loaded. */
  readonly goneAt: number | null;
  /** Whether it was loaded after the moment shown: there is nothing to say of it. */
  readonly later: boolean;
}

type Show = (input: DetailInput) => string;

interface Fact {
  readonly label: string;
  readonly show: Show;
  readonly look?: (input: DetailInput) => StyleName;
}

const facts: readonly Fact[] = [
  {label: 'type', show: ({prog}) => progTypeName(prog.info.type)},
  {label: 'id', show: ({prog}) => String(prog.info.id)},
  {label: 'tag', show: ({prog}) => prog.info.tag},
  {label: 'loaded', show: ({prog, measured}) => `${formatTime(prog.info.loadedAt)} UTC, ${age(prog, measured)} ago`},
  {label: 'by', show: ({prog}) => `uid ${prog.info.uid}${prog.info.self ? ', a helper of this bpftop-ts' : ''}`},
  {label: 'held by', show: (input) => heldBy(input.prog) ?? whyUnknown(input, 'owners')},
  {label: 'command', show: ({prog}) => prog.owners?.[0]?.cmdline?.join(' ') || '-'},
  {label: 'in', show: ({prog}) => whereOf(prog) ?? '-'},
  {label: 'pinned', show: (input) => pinnedAt(input.prog) ?? whyUnknown(input, 'pins')},
  {label: 'attached', show: (input) => attachments(input.prog) ?? whyUnknown(input, 'links')},
  {label: 'made for', show: ({prog}) => madeFor(prog)},
  {label: 'counted', show: ({prog}) => counting(prog)},
  {label: 'licence', show: ({prog}) => (prog.info.gplCompatible ? 'GPL compatible' : 'not GPL compatible')},
  {label: 'code', show: ({prog}) => code(prog)},
  {label: 'verified', show: ({prog}) => counted(prog.info.verifiedInsns, 'instructions walked')},
  {label: 'memory', show: ({prog}) => memory(prog)},
  {label: 'BTF', show: ({prog}) => (prog.info.btfId === null ? 'none' : `id ${prog.info.btfId}`)},
  {label: 'sleeps', show: ({prog}) => sleeps(prog)},
];

const counters: readonly Fact[] = [
  {label: 'run time', show: ({prog}) => `${grouped(prog.runTimeNs)} ns`},
  {label: 'runs', show: ({prog}) => grouped(prog.runCnt)},
  {label: 'runs missed', show: missed, look: ({prog}) => (prog.periodRecursionMisses ? 'warning' : 'text')},
  {label: 'average', show: ({prog}) => nullable(prog.totalAvgRunTimeNs, (ns) => `${formatDuration(ns)} over its life`)},
  {label: 'last period', show: (input) => lastPeriod(input)},
];

/** The three figures that have a past, in the order of the charts. */
export const metrics: readonly {
  readonly metric: HistoryMetric;
  readonly title: string;
  readonly format: (value: number) => string;
  readonly now: (prog: MeasuredProg) => number | null;
  readonly line: StyleName;
  /** Where the scale of its chart ends at least. */
  readonly floor: number;
}[] = [
  {metric: 'cpu_pct', title: 'CPU %', format: formatPercent, now: (prog) => prog.cpuPct, line: 'cpuLine', floor: 0.1},
  {
    metric: 'events_per_sec',
    title: 'events/s',
    format: formatCount,
    now: (prog) => prog.eventsPerSec,
    line: 'eventsLine',
    floor: 10,
  },
  {
    metric: 'avg_run_time_ns',
    title: 'average run',
    format: formatDuration,
    now: (prog) => prog.avgRunTimeNs,
    line: 'averageLine',
    floor: 10,
  },
];

/** `cilium-agent (pid 1234) by a link, and 2 more` */
function heldBy({owners}: MeasuredProg): string | null {
  if (owners === null) return null;
  const [first, ...more] = owners;
  if (!first) return 'no process';
  const by = {prog: 'an fd', link: 'a link', map: 'a map of it'}[first.via];
  return `${first.comm || '-'} (pid ${first.pid}) by ${by}${more.length > 0 ? `, and ${more.length} more` : ''}`;
}

/** `xdp eth0, cgroup /system.slice cgroup_inet_egress` */
function attachments({links}: MeasuredProg): string | null {
  const words = links?.map(({type, target, attachType}) =>
    [type, target, attachType].filter((word) => word !== null).join(' '),
  );
  return words?.join(', ') ?? null;
}

/** `/sys/fs/bpf/firewall, a link at /sys/fs/bpf/firewall_link` */
function pinnedAt({pins}: MeasuredProg): string | null {
  if (pins?.length === 0) return 'no';
  return pins?.map(({path, via}) => (via === 'link' ? `a link at ${path}` : path)).join(', ') ?? null;
}

/** `trace_fentry tcp_connect`: attach type and function. */
function madeFor(prog: MeasuredProg): string {
  const words = [field('attach_type'), field('attach_func_name')]
    .map((each) => each.get(prog))
    .filter((word) => word !== null);
  return words.join(' ') || '-';
}

/** Where its runs are counted. */
function counting({countedIn, names, links}: MeasuredProg): string {
  const [first, ...more] = names?.tailCallers ?? [];
  if (countedIn === 'target') return `in its target${links?.[0]?.target ? `: ${links[0].target}` : ''}`;
  if (countedIn === null || !first) return 'in itself';
  const others = more.length > 0 ? `, and ${more.length} more` : '';
  return `in the caller: reached by tail call from ${first.name} (id ${first.id})${others}`;
}

/** In the place of what a source doesn't tell: why. */
function whyUnknown({measured}: DetailInput, source: SourceName): string {
  const message = measured.sample.progs.sources[source]?.warning?.message;
  return message === undefined ? '-' : `- (${message})`;
}

/** Where the first process that holds it runs: the most that is known. */
function whereOf({owners}: MeasuredProg): string | null {
  const first = owners?.[0];
  if (!first) return null;
  const {pod, namespace, unit, cgroup} = first;
  const container = containerText(first);
  const inPod = pod === null ? null : `pod ${namespace ?? '-'}/${pod}`;
  const inContainer = container && `container ${container}`;
  return [inPod, inContainer].filter((part) => part).join(', ') || unit || cgroup;
}

function nullable(value: number | null, shown: (value: number) => string): string {
  return value === null ? '-' : shown(value);
}

function counted(value: number | null, what: string): string {
  return value === null ? '-' : `${grouped(value)} ${what}`;
}

function missed({prog: {recursionMisses, periodRecursionMisses}}: DetailInput): string {
  if (recursionMisses === null) return '-';
  return grouped(recursionMisses) + (periodRecursionMisses ? ` ! ${grouped(periodRecursionMisses)} in the last period` : '');
}

function age(prog: MeasuredProg, {sample}: Measured): string {
  return formatDuration(Math.max(0, Number(sample.timeNs - prog.info.loadTimeNs)));
}

function code({info}: MeasuredProg): string {
  const machine = info.bytesJited === 0 ? 'interpreted' : `${formatBytes(info.bytesJited)} of machine code`;
  return `${formatBytes(info.bytesXlated)} of BPF, ${machine}`;
}

/** `4.0KiB, with its maps 1.2MiB`: the second figure is of both. */
function memory(prog: MeasuredProg): string {
  const {bytesMemlock} = prog.info;
  if (bytesMemlock === null) return '-';
  if (prog.maps?.length === 0) return formatBytes(bytesMemlock);
  const maps = mapsMemory([prog]);
  return `${formatBytes(bytesMemlock)}${maps === null ? ' without its maps' : `, with its maps ${formatBytes(bytesMemlock + maps)}`}`;
}

/** `3, 1.2MiB, of it 1.0MiB shared with 2 programs` */
function mapsInAll(input: DetailInput): string {
  const {prog, measured} = input;
  const count = prog.maps?.length ?? prog.info.mapIds?.length;
  if (count === 0) return 'none';
  if (!prog.maps) return prog.info.mapIds ? `id ${prog.info.mapIds.join(', ')}` : whyUnknown(input, 'maps');
  const shared = sharedMaps(prog, measured.progs);
  const words = [String(prog.maps.length), nullable(mapsMemory([prog]), formatBytes)];
  if (shared && shared.progs > 0)
    words.push(`of it ${nullable(shared.bytes, formatBytes)} shared with ${formatNumberOf(shared.progs, 'program')}`);
  return words.join(', ');
}

/** A line of the list of maps, the largest first; the last line says how many more there are. */
function mapLine({prog}: DetailInput, line: number, lines: number, width: number): string {
  const maps = prog.maps ?? [];
  const more = maps.length > lines ? maps.length - lines + 1 : 0;
  if (more > 0 && line === lines - 1) return `and ${more} more`;
  const map = maps.toSorted((a, b) => (b.bytesMemlock ?? -1) - (a.bytesMemlock ?? -1))[line];
  return map ? mapText(map, width) : '';
}

const barCells = 10;
/** From the first width on there is room for a bar beside the longest name and type; more than the second helps nobody's eye. */
const barWidth = 68;
const mapWidth = 76;

/** `conntrack lru_hash      █████████·   944/1000  94%  9.1KiB` */
function mapText(map: ProgMap, width: number): string {
  const {entries, maxEntries: max, type} = map;
  const fill = entries === null || max === 0 ? null : Math.min(1, entries / max);
  const always = type === 'array' || type === 'percpu_array';
  const count = always ? `all ${formatCount(max)}` : `${nullable(entries, formatCount)}/${formatCount(max)}`;
  const percent = fill === null ? '' : fill > 0 && fill < 0.01 ? '<1%' : `${Math.floor(100 * fill)}%`;
  const figures = `${count.padStart(11)} ${percent.padStart(4)} ${nullable(map.bytesMemlock, formatBytes).padStart(8)}`;
  const full = fill === null ? null : Math.round(barCells * fill);
  const bar = full === null ? ' '.repeat(barCells) : '█'.repeat(full) + '·'.repeat(barCells - full);
  const right = width < barWidth ? figures : `${bar} ${figures}`;
  const room = Math.max(0, width - right.length - 1);
  const left = cut(`${printable(map.name) || '(no name)'} ${type}`, room);
  return `${left}${' '.repeat(room - cellsOf(left))} ${right}`;
}

function sleeps({info}: MeasuredProg): string {
  if (info.sleepable === null) return '-';
  return info.sleepable ? 'may: run time is wall time, no CPU %' : 'no';
}

function lastPeriod({prog, measured}: DetailInput): string {
  const {periodRunCnt, periodRunTimeNs} = prog;
  if (periodRunCnt === null || periodRunTimeNs === null || measured.periodNs === null) return '-';
  return `+${grouped(periodRunCnt)} runs, +${grouped(periodRunTimeNs)} ns in ${formatDuration(measured.periodNs)}`;
}

/** A label, or a value and how to get it, at a place of the page. */
interface Label {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}
interface Value {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly show: Show;
  readonly look?: (input: DetailInput) => StyleName;
}

/** Where the parts of a program's page are. */
export interface DetailLayout {
  /** Drawn with the frame; coordinates count from the page's corner. */
  readonly labels: readonly Label[];
  readonly values: readonly Value[];
  /** Where the charts go, in the order of `metrics`; fewer where there is no room. */
  readonly charts: readonly Rect[];
  readonly scrollEnd: number;
}

const labelCells = 10;
const counterLabelCells = 13;
const statCells = 9;
/** From this width on facts and counters stand side by side. */
const sideBySide = 76;
/** Lines for maps, at least and at most; as many as leave the charts so much of a page. */
const mapLines = {min: 3, max: 6, chartHeight: 14};
const chartMinWidth = 38;
const chartMinHeight = 6;

/** Places for a page of that size, scrolled by so many lines. */
export function layoutDetail(page: Rect, scroll: number): DetailLayout {
  const labels: Label[] = [];
  const values: Value[] = [];
  const two = page.width >= sideBySide;
  const split = two ? Math.min(Math.floor(page.width / 2), 62) : 0;
  const left = (two ? split : page.width) - 2;
  facts.forEach(({label, show}, i) => {
    labels.push({x: 1, y: i, text: label});
    values.push({x: 1 + labelCells, y: i, width: left - labelCells, show});
  });
  const x = two ? split + 1 : 1;
  let y = two ? 0 : facts.length + 1;
  const right = page.width - x - 1;
  for (const {label, show, look} of counters) {
    labels.push({x, y, text: label});
    values.push({x: x + counterLabelCells, y: y++, width: right - counterLabelCells, show, ...(look && {look})});
  }
  y = statistics(labels, values, x, y + 1, right);
  y = listOfMaps(labels, values, {x, y: y + 1, width: right, height: page.height - y - 1});
  const used = Math.max(y, facts.length);
  const scrollEnd = Math.max(0, used - page.height);
  const offset = Math.min(scroll, scrollEnd);
  const visible = (each: {y: number}) => each.y >= offset && each.y < offset + page.height;
  const moved = <T extends {x: number; y: number}>(each: T): T => ({
    ...each,
    x: page.x + each.x,
    y: page.y + each.y - offset,
  });
  return {
    labels: labels.filter(visible).map((each) => ({...each, y: each.y - offset})),
    values: values.filter(visible).map(moved),
    charts: layoutCharts(page, used + 1),
    scrollEnd,
  };
}

/** The table of now, least, average and most. @returns the line after it. */
function statistics(labels: Label[], values: Value[], x: number, from: number, width: number): number {
  const heads = ['now', 'min', 'avg', 'max'];
  const cells = Math.min(statCells, Math.floor((width - counterLabelCells) / heads.length));
  if (cells < 7) return from;
  heads.forEach((head, i) => labels.push({x: x + counterLabelCells + i * cells, y: from, text: head.padStart(cells - 1)}));
  metrics.forEach(({metric, title, format, now}, row) => {
    const y = from + 1 + row;
    labels.push({x, y, text: title});
    const show = (pick: (input: DetailInput) => number | null): Show => {
      return (input) => nullable(pick(input), format).padStart(cells - 1);
    };
    const shows = [
      show(({prog, goneAt}) => (goneAt === null ? now(prog) : null)),
      ...(['min', 'avg', 'max'] as const).map((which) => show((input) => pastOf(input, metric)[which])),
    ];
    shows.forEach((each, i) => {
      const look = metric === 'cpu_pct' && i === 0 ? (input: DetailInput) => heat(input.prog.cpuPct) : undefined;
      values.push({x: x + counterLabelCells + i * cells, y, width: cells, show: each, ...(look && {look})});
    });
  });
  const y = from + 1 + metrics.length;
  values.push({x, y, width, show: (input) => `over ${span(input)}`, look: () => 'dim'});
  return y + 1;
}

/** What the maps are in all, and some of them. @returns the line after it. */
function listOfMaps(labels: Label[], values: Value[], {x, y, width, height}: Rect): number {
  labels.push({x, y, text: 'maps'});
  values.push({x: x + counterLabelCells, y, width: width - counterLabelCells, show: mapsInAll});
  const room = Math.max(facts.length - y - 1, height - 1 - mapLines.chartHeight);
  const lines = Math.min(Math.max(room, mapLines.min), mapLines.max);
  const cells = Math.min(width, mapWidth);
  for (let line = 0; line < lines; line++)
    values.push({x, y: y + 1 + line, width: cells, show: (input) => mapLine(input, line, lines, cells)});
  return y + 1 + lines;
}

interface Past {
  readonly min: number | null;
  readonly avg: number | null;
  readonly max: number | null;
}

function pastOf({history, prog}: DetailInput, metric: HistoryMetric): Past {
  let count = 0;
  let sum = 0;
  let min = Infinity;
  let max = -Infinity;
  for (const value of history.last(prog.info.key, metric, Infinity)) {
    if (value === null) continue;
    count++;
    sum += value;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return count === 0 ? {min: null, avg: null, max: null} : {min, avg: sum / count, max};
}

function span({history, prog}: DetailInput): string {
  const points = history.points(prog.info.key, 'cpu_pct');
  const first = points[0];
  const last = points.at(-1);
  return first && last && last.timeNs > first.timeNs
    ? `the last ${formatDuration(last.timeNs - first.timeNs)}`
    : 'one sample';
}

function layoutCharts(page: Rect, from: number): readonly Rect[] {
  const height = page.height - from;
  if (height < chartMinHeight) return [];
  const beside = Math.min(metrics.length, Math.floor(page.width / chartMinWidth));
  if (beside === 0) return [];
  const width = Math.floor(page.width / beside);
  return metrics.slice(0, beside).map((_, i) => ({x: page.x + i * width, y: page.y + from, width: width - 1, height}));
}

/** The line over the page: which program it is, and whether it is still there. */
export function paintDetailTitle(grid: Grid, y: number, {prog, goneAt, later}: DetailInput): void {
  if (y < 0) return;
  const name = printable(shownName(prog));
  let x = 1 + grid.text(1, y, cut(name, grid.columns - 2), style[goneAt === null ? 'strong' : 'gone']);
  x += grid.text(x, y, `  ${progTypeName(prog.info.type)} ${prog.info.id}`, style.text);
  if (goneAt !== null) grid.text(x, y, `  × unloaded ${formatTime(goneAt / 1000)} UTC; its past stays`, style.warning);
  if (later) grid.text(x, y, `  not loaded yet; it came ${formatTime(prog.info.loadedAt)} UTC`, style.warning);
}

/** Paints a program's page. */
export function paintDetail(grid: Grid, layout: DetailLayout, input: DetailInput): void {
  for (const {x, y, width, show, look} of layout.values) {
    grid.text(x, y, cut(printable(show(input)), width), style[look?.(input) ?? 'text']);
  }
}

/** Paints as many charts as there are places for; `charts` is the module that draws them, once it is loaded. */
export function paintCharts(grid: Grid, {charts: places}: DetailLayout, input: DetailInput, charts: ChartsModule): void {
  const nowNs = Number(input.measured.sample.timeNs);
  places.forEach((rect, i) => {
    const {metric, title, format, line, floor} = metrics[i] as (typeof metrics)[number];
    const points = input.history.points(input.prog.info.key, metric);
    const windowNs = charts.windowFor(nowNs - (points[0]?.timeNs ?? nowNs));
    charts.paintChart(grid, rect, {title, points, nowNs, windowNs, format, floor, line});
  });
}
