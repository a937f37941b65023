/**
 * Metrics, as Prometheus' text or OpenMetrics' (https://prometheus.io/docs/instrumenting/exposition_formats/). One table, for the exporter
 * and the textfile alike: base units, raw counters, no rates, no averages. What isn't known has no series, never 0.
 *
 * Counters are doubles there: exact to 2^53.
 */
import {
  Counter,
  Gauge,
  openMetricsContentType,
  prometheusContentType,
  Registry,
  type RegistryContentType,
} from 'prom-client';
import type {Ledger, Sum} from '../model/ledger.js';
import type {Measured, MeasuredProg} from '../model/measure.js';
import {printable} from '../model/printable.js';
import type {ProgMap} from '../sample/maps.js';
import {progTypeName} from '../sample/prog-types.js';
import {sourceNames} from '../sample/sources.js';

/** What is to be told. */
export interface Exposed {
  readonly measured: Measured;
  /** The programs that have series of their own, in the order in which they give way to `maxSeries`. */
  readonly progs: readonly MeasuredProg[];
  readonly ledger: Ledger;
  /** Whether the ledger is kept from one exposition to the next: else its sums mean nothing. */
  readonly lasting: boolean;
  /** The tool's version. */
  readonly version: string;
  /** The most series; the last of the table are left out, and counted. */
  readonly maxSeries: number;
}

/** How it is written. */
export type ExpositionForm = 'text' | 'openmetrics';

/** What such a text is called in HTTP. */
export const contentTypes: Readonly<Record<ExpositionForm, RegistryContentType>> = {
  text: prometheusContentType,
  openmetrics: openMetricsContentType,
};

type Labels = Readonly<Record<string, string>>;

interface Series {
  readonly value: number;
  readonly labels: Labels;
}

interface Metric {
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly series: (exposed: Exposed) => Iterable<Series>;
  /** How many series there are beside those, which have no room in the ledger; none by default. */
  readonly roomless?: (exposed: Exposed) => number;
}

/** A metric with its series. */
export interface Family extends Omit<Metric, 'series' | 'roomless'> {
  readonly name: string;
  readonly series: readonly Series[];
}

/** By name. The first are the last to give way to `maxSeries`. */
const metrics: Readonly<Record<string, Metric>> = {
  bpftop_build_info: {
    ...gauge('Which bpftop-ts this is.'),
    series: ({version}) => [one({version})],
  },
  bpftop_programs: {
    ...gauge('Loaded programs by type, without those that the tool loaded itself.'),
    series: ({measured}) => programsByType(measured),
  },
  bpftop_stats_enabled: {
    ...gauge('Whether run-time statistics were on (1): without them run times and runs stand still.'),
    series: ({measured: {sample}}) => [{value: sample.stats === 'off' ? 0 : 1, labels: {}}],
  },
  bpftop_stats_run_cost_seconds: {
    ...gauge('What statistics add to each run of a program, about.'),
    series: ({measured}) => [{value: measured.statsCostNsPerRun / 1e9, labels: {}}],
  },
  bpftop_self_cpu_seconds_total: {
    ...counter('CPU time of bpftop-ts itself.'),
    series: ({measured: {sample}}) => [{value: sample.selfCpuNs / 1e9, labels: {}}],
  },
  bpftop_collection_timestamp_seconds: {
    ...gauge('When what is told was read, Unix time: programs, and what is known of them from slower sources.'),
    series: (exposed) => readings(exposed, ({takenAtMs}) => takenAtMs / 1000),
  },
  bpftop_collection_duration_seconds: {
    ...gauge('How long that reading took.'),
    series: (exposed) => readings(exposed, ({durationNs}) => durationNs / 1e9),
  },
  bpftop_collection_errors_total: {
    ...counter('Readings that failed.'),
    series: (exposed) => readings(exposed, ({source}) => exposed.ledger.errorsOf(source)),
  },
  bpftop_run_time_seconds_total: {
    ...counter(
      'Run time since the exporter started, of all programs so called, gone ones included; of those that may sleep with their sleeping.',
    ),
    ...ofSums(({runTimeNs}) => Number(runTimeNs) / 1e9),
  },
  bpftop_runs_total: {
    ...counter('Runs since the exporter started, of all programs so called, gone ones included.'),
    ...ofSums(({runCnt}) => Number(runCnt)),
  },
  bpftop_recursion_misses_total: {
    ...counter('Runs that did not happen since the exporter started, of all programs so called, gone ones included.'),
    ...ofSums(
      ({recursionMisses}) => Number(recursionMisses),
      ({measured}) => measured.sample.progs.recursionMisses !== null,
    ),
  },
  bpftop_program_run_time_seconds_total: {
    ...counter('Wall time in the program since it was loaded, while statistics were on.'),
    series: ofProgs((prog) => Number(prog.runTimeNs) / 1e9),
  },
  bpftop_program_runs_total: {
    ...counter('Runs since the program was loaded, while statistics were on.'),
    series: ofProgs((prog) => Number(prog.runCnt)),
  },
  bpftop_program_recursion_misses_total: {
    ...counter('Runs that did not happen, because the program was running on that CPU already.'),
    series: ofProgs((prog) => prog.recursionMisses !== null && Number(prog.recursionMisses)),
  },
  bpftop_program_info: {
    ...gauge('What the program is. Run time of one that may sleep has its sleeping in it.'),
    series: ({progs}) => progs.map(programInfo),
  },
  bpftop_program_owner_info: {
    ...gauge('Processes that hold the program.'),
    series: ({progs}) => progs.flatMap(ownerInfo),
  },
  bpftop_link_info: {
    ...gauge('What the program is attached to; link_id is empty where that is without a BPF link.'),
    series: ({progs}) => progs.flatMap(linkInfo),
  },
  bpftop_link_missed_total: {
    ...counter(
      'Hits that did not run the program: a probe within a probe, or too many calls at once. Of kprobes, Linux 6.7.',
    ),
    series: ({progs}) => linkMissed(progs),
  },
  bpftop_program_load_timestamp_seconds: {
    ...gauge('When the program was loaded, Unix time.'),
    series: ofProgs(({info}) => info.loadedAt),
  },
  bpftop_program_verified_instructions: {
    ...gauge('Instructions that the verifier walked.'),
    series: ofProgs(({info}) => info.verifiedInsns),
  },
  bpftop_program_jited_bytes: {
    ...gauge('Size of its machine code; 0: interpreted.'),
    series: ofProgs(({info}) => info.bytesJited),
  },
  bpftop_program_translated_bytes: {
    ...gauge('Size of its BPF instructions.'),
    series: ofProgs(({info}) => info.bytesXlated),
  },
  bpftop_program_memlock_bytes: {
    ...gauge('Memory charged for the program, without its maps.'),
    series: ofProgs(({info}) => info.bytesMemlock),
  },
  bpftop_map_info: {
    ...gauge('Maps that programs use.'),
    series: (exposed) => mapsOf(exposed).map(({id, name, type}) => one({map_id: String(id), name, type})),
  },
  bpftop_map_entries: {
    ...gauge('Elements that the map has, where the kernel counts them.'),
    series: (exposed) => ofMaps(exposed, ({entries}) => entries),
  },
  bpftop_map_max_entries: {
    ...gauge('Elements that the map can have; of some types something else, such as the bytes of a ring buffer.'),
    series: (exposed) => ofMaps(exposed, ({maxEntries}) => maxEntries),
  },
  bpftop_map_memory_bytes: {
    ...gauge('Memory charged for the map.'),
    series: (exposed) => ofMaps(exposed, ({bytesMemlock}) => bytesMemlock),
  },
};

const dropped: Omit<Family, 'series'> = {
  name: 'bpftop_series_dropped',
  ...gauge(
    'Series that were left out of this reading, because there were more than --max-series; those of programs in (other), too.',
  ),
};

/** Every name that there is. */
export const metricNames: readonly string[] = [...Object.keys(metrics), dropped.name];

function gauge(help: string): {readonly type: 'gauge'; readonly help: string} {
  return {type: 'gauge', help};
}

function counter(help: string): {readonly type: 'counter'; readonly help: string} {
  return {type: 'counter', help};
}

/** All metrics that have a series, `maxSeries` in all beside the count of those left out. */
export function expose(exposed: Exposed): Family[] {
  let room = exposed.maxSeries;
  let left = 0;
  const families = Object.entries(metrics).map(([name, {series, roomless, ...rest}]): Family => {
    const all = [...series(exposed)];
    const kept = all.length <= room ? all : all.slice(0, room);
    room -= kept.length;
    left += all.length - kept.length + (roomless?.(exposed) ?? 0);
    return {name, ...rest, series: kept};
  });
  return [...families, {...dropped, series: [{value: left, labels: {}}]}].filter(({series}) => series.length > 0);
}

/** Those as text. */
export async function formatFamilies(families: readonly Family[], form: ExpositionForm): Promise<string> {
  const registry = new Registry<RegistryContentType>();
  registry.setContentType(contentTypes[form]);
  for (const {name: whole, type, help, series} of families) {
    // There the family's name is without it, and each series' with it.
    const name = form === 'openmetrics' && type === 'counter' ? whole.replace(/_total$/, '') : whole;
    const metric = new (type === 'counter' ? Counter : Gauge)({name, help, registers: [registry]});
    // The values as they are: set() and inc() would make a text of each set of labels only to find it again.
    const values = series.map(({value, labels}) => ({value, labels: {}, sharedLabels: labels}));
    metric.get = () => Promise.resolve({name, help, type: type as never, aggregator: 'sum', collect: () => {}, values});
  }
  return registry.metrics();
}

/** Safe for a terminal, too: all of it may be a stranger's, in a recording. */
function one(labels: Labels): Series {
  return {
    value: 1,
    labels: Object.fromEntries(Object.entries(labels).map(([name, text]) => [name, printable(String(text))])),
  };
}

/** A number of each program that has it. */
function ofProgs(value: (prog: MeasuredProg) => number | null | false): Metric['series'] {
  return function* ({progs}) {
    for (const prog of progs) {
      const found = value(prog);
      if (found !== null && found !== false) yield {value: found, labels: idLabels(prog)};
    }
  };
}

/** The same object as long as the program lives: prom-client writes it once. */
const idLabelsOf = new WeakMap<object, Labels>();

function idLabels({info}: MeasuredProg): Labels {
  let labels = idLabelsOf.get(info);
  if (!labels) idLabelsOf.set(info, (labels = {program_id: String(info.id)}));
  return labels;
}

function programInfo({name, info}: MeasuredProg): Series {
  const {id, type, tag} = info;
  return one({
    program_id: String(id),
    name,
    type: progTypeName(type),
    tag,
    sleepable: yesNo(info),
  });
}

function ownerInfo({info, owners}: MeasuredProg): Series[] {
  return distinct(
    (owners ?? []).map(({pid, comm, namespace, pod, container}) => ({
      program_id: String(info.id),
      pid: String(pid),
      comm: comm ?? '',
      namespace: namespace ?? '',
      pod: pod ?? '',
      container: container ?? '',
    })),
  );
}

function linkInfo({info, links}: MeasuredProg): Series[] {
  const all = (links ?? []).map(({linkId, type, attachType, target}): Labels => ({
    link_id: linkId === null ? '' : String(linkId),
    program_id: String(info.id),
    type,
    attach_type: attachType ?? '',
    target: target ?? '',
  }));
  // What hangs without a link may hang twice in the same words.
  return distinct(all);
}

/** Each link once; a made-up recording may have one in many places. */
function linkMissed(progs: readonly MeasuredProg[]): Series[] {
  const byId = new Map<number, number>();
  for (const {links} of progs)
    for (const {linkId, missed} of links ?? []) if (linkId !== null && missed !== null) byId.set(linkId, missed);
  return [...byId].map(([id, value]) => ({value, labels: {link_id: String(id)}}));
}

/** Two series of the same labels fail a whole scrape. */
function distinct(all: readonly Labels[]): Series[] {
  return [...new Map(all.map(one).map((series) => [JSON.stringify(series.labels), series])).values()];
}

function* ofMaps(exposed: Exposed, value: (map: ProgMap) => number | null): Iterable<Series> {
  for (const map of mapsOf(exposed)) {
    const found = value(map);
    if (found !== null) yield {value: found, labels: {map_id: String(map.id)}};
  }
}

/** Each map once, ids ascending. */
function mapsOf({progs}: Exposed): ProgMap[] {
  const byId = new Map(progs.flatMap(({maps}) => maps ?? []).map((map) => [map.id, map]));
  return [...byId.values()].sort((a, b) => a.id - b.id);
}

function programsByType({progs}: Measured): Series[] {
  const counts = new Map<string, number>();
  for (const {info} of progs) {
    if (info.self) continue;
    const type = progTypeName(info.type);
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return [...counts].map(([type, value]) => ({value, labels: {type}}));
}

interface SourceReading {
  readonly source: 'programs' | (typeof sourceNames)[number];
  readonly takenAtMs: number;
  readonly durationNs: number;
}

/** Of the programs, and each source that has been looked at. */
function readings({measured: {sample}}: Exposed, value: (reading: SourceReading) => number): Series[] {
  const {takenAt, timeNs, durationNs, progs} = sample;
  const all: SourceReading[] = [{source: 'programs', takenAtMs: takenAt, durationNs}];
  for (const source of sourceNames) {
    const reading = progs.sources[source];
    if (!reading) continue;
    const agoMs = Number(timeNs - reading.timeNs) / 1e6;
    all.push({source, takenAtMs: takenAt - agoMs, durationNs: reading.durationNs});
  }
  return all.map((reading) => ({value: value(reading), labels: {source: reading.source}}));
}

/** A number of each sum; nothing where sums mean nothing, or this isn't counted. */
function ofSums(
  value: (sum: Sum) => number,
  isCounted: (exposed: Exposed) => boolean = () => true,
): Pick<Metric, 'series' | 'roomless'> {
  const isTold = (exposed: Exposed) => exposed.lasting && isCounted(exposed);
  return {
    series: (exposed) =>
      isTold(exposed) ? exposed.ledger.sums.map((sum) => ({value: value(sum), labels: sumLabels(sum)})) : [],
    roomless: (exposed) => (isTold(exposed) ? exposed.ledger.roomless : 0),
  };
}

/** Empty: not known. */
function yesNo({sleepable}: Pick<Sum, 'sleepable'>): string {
  return sleepable === null ? '' : String(sleepable);
}

const sumLabelsOf = new WeakMap<Sum, Labels>();

function sumLabels(sum: Sum): Labels {
  let labels = sumLabelsOf.get(sum);
  if (!labels) {
    const {name, type, namespace, pod} = sum;
    sumLabelsOf.set(sum, (labels = {name, type, namespace, pod, sleepable: yesNo(sum)}));
  }
  return labels;
}
