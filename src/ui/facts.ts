/** What a program's page says of it in words and exact figures, in labelled lines. Pure. Texts are safe to print. */
import {field} from '../model/fields.js';
import {formatBytes, formatCount, formatDuration, formatNumberOf, formatTime} from '../model/format.js';
import {mapsMemory, sharedMaps} from '../model/maps.js';
import type {Measured, MeasuredProg} from '../model/measure.js';
import {printable} from '../model/printable.js';
import type {ProgLink} from '../sample/links.js';
import type {ProgMap} from '../sample/maps.js';
import type {SourceName} from '../sample/sources.js';
import {ownerTree} from './owner-tree.js';
import {cellsOf, cut, grouped, wrap} from './text.js';
import type {StyleName} from './theme.js';

/** A program and the figures it belongs to. */
export interface FactInput {
  readonly prog: MeasuredProg;
  readonly measured: Measured;
}

/** A line of the page; of what takes several the first has the label. */
export interface FactLine {
  readonly label: string;
  readonly text: string;
  readonly look: StyleName;
  /** It begins at the left edge, where the labels are. */
  readonly wide?: true;
}

/** Cells of the labels. */
export const factLabelCells = 13;
/** Lines for one value that is too long. */
const longest = 3;
/** Of attachments, pins and maps so many are listed, and the number of the others. */
const most = {links: 16, pins: 8, maps: 16};

type Show = (input: FactInput) => string;

const counters: readonly (readonly [label: string, show: Show])[] = [
  ['run time', ({prog}) => `${grouped(prog.runTimeNs)} ns${human(prog.runTimeNs, formatDuration)}`],
  ['runs', ({prog}) => `${grouped(prog.runCnt)}${human(prog.runCnt, formatCount)}`],
  ['runs missed', missed],
  ['average', ({prog}) => totalAverage(prog)],
  ['last period', lastPeriod],
  ['hottest CPU', ({prog}) => hottest(prog)],
];

const identity: readonly (readonly [label: string, show: Show])[] = [
  ['loaded', ({prog, measured}) => `${formatTime(prog.info.loadedAt)} UTC, ${age(prog, measured)} ago`],
  ['by', ({prog}) => `uid ${prog.info.uid}${prog.info.self ? ', a helper of this bpftop-ts' : ''}`],
  ['made for', ({prog}) => madeFor(prog)],
  ['counted', counting],
  ['memory', ({prog}) => memory(prog)],
  ['tag', ({prog}) => prog.info.tag],
  ['licence', ({prog}) => (prog.info.gplCompatible ? 'GPL compatible' : 'not GPL compatible')],
  ['code', ({prog}) => code(prog)],
  ['verified', ({prog}) => verified(prog)],
  ['BTF', btf],
  ['sleeps', ({prog}) => sleeps(prog)],
];

/** Where it hangs and whose it is: what is looked for first. */
export function whereabouts(input: FactInput, width: number): FactLine[] {
  const {owners, links, pins} = input.prog;
  const room = width - factLabelCells;
  return [
    ...lines(
      'attached',
      links && (links.length > 0 ? listed(links.map(linkLine), most.links) : ['nowhere']),
      input,
      'links',
      room,
    ),
    ...lines('held by', owners && (owners.length > 0 ? ownerTree(owners, room) : ['no process']), input, 'owners', room),
    ...lines('pinned', pins && (pins.length > 0 ? listed(pins.map(pinLine), most.pins) : ['no']), input, 'pins', room),
  ];
}

/** Its counters to the last digit, and its maps. */
export function figures(input: FactInput, width: number): FactLine[] {
  const counts = counters.flatMap(([label, show]) => lines(label, [show(input)], input, null, width - factLabelCells));
  const alarm = input.prog.periodRecursionMisses ? 'warning' : 'text';
  return [
    ...counts.map((line): FactLine => (line.label === 'runs missed' ? {...line, look: alarm} : line)),
    ...mapLines(input, width),
  ];
}

/** What doesn't change in its life. */
export function origin(input: FactInput, width: number): FactLine[] {
  return identity.flatMap(([label, show]) => lines(label, [show(input)], input, null, width - factLabelCells));
}

/** Each of the texts from a line of its own on; null: why it is not known. */
function lines(
  label: string,
  texts: readonly string[] | null,
  input: FactInput,
  source: SourceName | null,
  width: number,
): FactLine[] {
  const shown = texts ?? [source === null ? '-' : whyUnknown(input, source)];
  return shown
    .flatMap((text) => wrap(printable(text), width, longest))
    .map((text, i) => ({label: i === 0 ? label : '', text, look: 'text'}));
}

/** The first of them, and how many others there are. */
function listed(texts: readonly string[], atMost: number): string[] {
  return texts.length <= atMost ? [...texts] : [...texts.slice(0, atMost - 1), `and ${texts.length - atMost + 1} more`];
}

/** `xdp eth0` */
function linkLine({type, target, attachType, missed}: ProgLink): string {
  return [type, target, attachType, missed ? `(missed ${missed} hits)` : null].filter((word) => word !== null).join(' ');
}

function pinLine({path, via}: {path: string; via: 'prog' | 'link'}): string {
  return via === 'link' ? `a link at ${path}` : path;
}

/** `trace_fentry tcp_connect`: attach type and function. */
function madeFor(prog: MeasuredProg): string {
  const words = [field('attach_type'), field('attach_func_name')]
    .map((each) => each.get(prog))
    .filter((word) => word !== null);
  if (words.length > 0) return words.join(' ');
  return prog.info.attachType === null ? '- (only the iterator tells)' : 'anything of its type';
}

/** Where its runs are counted. */
function counting(input: FactInput): string {
  const {countedIn, names, links, runCnt} = input.prog;
  // It may be reached by tail calls, of which nothing is known.
  if (countedIn === null && runCnt === 0n && !links?.length && failed(input, 'names')) return whyUnknown(input, 'names');
  const [first, ...more] = names?.tailCallers ?? [];
  if (countedIn === 'target') return `in its target${links?.[0]?.target ? `: ${links[0].target}` : ''}`;
  if (countedIn === null || !first) return 'in itself';
  const others = more.length > 0 ? `, and ${more.length} more` : '';
  return `in the caller: reached by tail call from ${first.name} (id ${first.id})${others}`;
}

/** Its names come from there: where they could not be read, why is said here. */
function btf(input: FactInput): string {
  const {btfId} = input.prog.info;
  if (btfId === null) return 'none';
  return `id ${btfId}${failed(input, 'names') ? ` ${whyUnknown(input, 'names')}` : ''}`;
}

/** Whether the last look found nothing at all. */
function failed({measured: {sample}}: FactInput, source: SourceName): boolean {
  return sample.progs.sources[source]?.byProg === null;
}

/** In the place of what a source doesn't tell: why. */
function whyUnknown({prog: {info}, measured}: FactInput, source: SourceName): string {
  const reading = measured.sample.progs.sources[source];
  if (!reading) return '- (not looked for, or not yet)';
  if (reading.warning) return `- (${reading.warning.message})`;
  if (info.loadTimeNs >= reading.timeNs) return '- (not looked for since it was loaded)';
  return reading.untold?.has(info.id) ? '- (the kernel does not tell)' : '- (not all could be looked at)';
}

function nullable(value: number | null, shown: (value: number) => string): string {
  return value === null ? '-' : shown(value);
}

function verified({info: {verifiedInsns}}: MeasuredProg): string {
  return verifiedInsns === null ? '- (told from Linux 5.16 on)' : `${grouped(verifiedInsns)} instructions walked`;
}

function missed({prog: {recursionMisses, periodRecursionMisses}}: FactInput): string {
  if (recursionMisses === null) return '- (counted from Linux 5.12 on)';
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
  if (bytesMemlock === null) return '- (its fdinfo could not be read)';
  if (prog.maps?.length === 0) return formatBytes(bytesMemlock);
  const maps = mapsMemory([prog]);
  return `${formatBytes(bytesMemlock)}${maps === null ? ' without its maps' : `, with its maps ${formatBytes(bytesMemlock + maps)}`}`;
}

/** `3, 1.2MiB, of it 1.0MiB shared with 2 programs` */
function mapsInAll(input: FactInput): string {
  const {prog, measured} = input;
  const count = prog.maps?.length ?? prog.info.mapIds?.length;
  if (count === 0) return 'none';
  if (!prog.maps) {
    const ids = prog.info.mapIds ? [`id ${prog.info.mapIds.join(', ')}`] : [];
    return [...ids, ...(ids.length === 0 || failed(input, 'maps') ? [whyUnknown(input, 'maps')] : [])].join(' ');
  }
  const shared = sharedMaps(prog, measured.progs);
  const words = [String(prog.maps.length), nullable(mapsMemory([prog]), formatBytes)];
  if (shared && shared.progs > 0)
    words.push(`of it ${nullable(shared.bytes, formatBytes)} shared with ${formatNumberOf(shared.progs, 'program')}`);
  return words.join(', ');
}

/** What they are in all, and each of them, the largest first. */
function mapLines(input: FactInput, width: number): FactLine[] {
  const maps = (input.prog.maps ?? []).toSorted((a, b) => (b.bytesMemlock ?? -1) - (a.bytesMemlock ?? -1));
  const cells = Math.min(width, mapWidth);
  const each = listed(
    maps.map((map) => mapText(map, cells)),
    most.maps,
  );
  return [
    ...lines('maps', [mapsInAll(input)], input, null, width - factLabelCells),
    ...each.map((text): FactLine => ({label: '', text, look: 'text', wide: true})),
  ];
}

const barCells = 10;
/** From the first width on there is room for a bar beside a name and type; more than the second helps nobody's eye. */
const barWidth = 56;
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
  if (info.sleepable === null) return '- (only the iterator tells)';
  return info.sleepable ? 'may: run time is wall time, no CPU %' : 'no';
}

function lastPeriod({prog, measured}: FactInput): string {
  const {periodRunCnt, periodRunTimeNs} = prog;
  if (periodRunCnt === null || periodRunTimeNs === null) return whyNoPeriod(measured);
  return `+${grouped(periodRunCnt)} runs, +${grouped(periodRunTimeNs)} ns in ${formatDuration(prog.periodNs)}`;
}

function whyNoPeriod({periodNs, sample}: Measured): string {
  if (periodNs === null) return '- (this is the first reading)';
  return sample.stats === 'off' ? '- (statistics are off)' : '- (not counted at both ends of it)';
}

function totalAverage({totalAvgRunTimeNs: ns}: MeasuredProg): string {
  return ns === null ? '- (it has not run)' : `${formatDuration(ns)} over its life`;
}

function hottest({hottestCpu, runCnt}: MeasuredProg): string {
  if (hottestCpu !== null) return `${hottestCpu}, over its life`;
  return runCnt === 0n ? '- (it has not run)' : '- (only the iterator tells)';
}

/** ` (3.2ms)` beside an exact figure too long to read. */
function human(value: bigint, format: (value: bigint) => string): string {
  return value < 1000n ? '' : ` (${format(value)})`;
}
