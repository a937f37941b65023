/**
 * The JSON document, schema_version 1. A serialiser of our own, because u64 counters must come out as whole integers and JSON has
 * no BigInt in Node.
 */
import {fields} from '../model/fields.js';
import {mapsMemory} from '../model/maps.js';
import {type Group, groupRows} from '../model/group.js';
import {sourceNames} from '../sample/sources.js';
import type {ProgLink} from '../sample/links.js';
import type {ProgMap} from '../sample/maps.js';
import type {ProgOwner} from '../sample/owners.js';
import type {Host, Sample} from '../sample/types.js';
import type {Measured, MeasuredProg} from '../model/measure.js';
import {escapedJson} from '../model/printable.js';

/** Changes when a field changes its meaning or goes; not when one is added. */
export const schemaVersion = 1;

type Json = string | number | bigint | boolean | null | readonly Json[] | {readonly [key: string]: Json};

/** How to write it. */
interface JsonOptions {
  /** The tool's version. */
  readonly version: string;
  /** Spaces a level; 0: all in one line. */
  readonly indent: number;
}

/** Who says it. */
export function toolHead(version: string) {
  return {tool: {name: 'bpftop-ts', version}};
}

/** Of which host. */
export function documentHost(host: Host) {
  return {
    hostname: host.hostname,
    kernel_release: host.kernelRelease,
    arch: host.arch,
    cpus_online: host.cpusOnline,
    boot_id: host.bootId,
  };
}

/** What every document about one host begins with: its version, and who says it of which host. */
export function documentHead(host: Host, version: string) {
  return {schema_version: schemaVersion, ...toolHead(version), host: documentHost(host)};
}

/**
 * One document: the sample, its totals, `progs` in that order, and `groups` in theirs; null: nobody asked for groups. Ends without a
 * newline.
 */
export function toJson(
  measured: Measured,
  progs: readonly MeasuredProg[],
  groups: readonly Group[] | null,
  options: JsonOptions,
): string {
  const {sample, totals} = measured;
  const indent = ' '.repeat(options.indent);
  const head: Readonly<Record<string, Json>> = {
    ...documentHead(sample.host, options.version),
    taken_at: new Date(sample.takenAt).toISOString(),
    period_ns: measured.periodNs,
    sampling: {
      sampler: sample.sampler,
      shared: sample.shared,
      fallback_reason: sample.fallbackReason,
      stats: sample.stats,
      duration_ns: sample.durationNs,
      self_cpu_pct: measured.selfCpuPct,
      stats_cost_pct: measured.statsCostPct,
      stats_cost_ns_per_run: measured.statsCostNsPerRun,
      stats_cost_source: measured.statsCostSource,
      sources: sourcesToJson(sample),
    },
    totals: {
      programs: totals.programs,
      cpu_pct: totals.cpuPct,
      events_per_sec: totals.eventsPerSec,
      run_time_ns: totals.runTimeNs,
      run_cnt: totals.runCnt,
      period_run_time_ns: totals.periodRunTimeNs,
      period_run_cnt: totals.periodRunCnt,
      bytes_maps: mapsMemory(measured.progs),
    },
    warnings: [...measured.warnings, ...measured.sourceWarnings].map(({code, message}) => ({code, message})),
  };
  // Each by itself: of all together the garbage collector would carry thousands of objects about.
  const programs = progs.map((prog) => stringify(progToJson(prog), indent, indent + indent));
  const document = enclosed(
    '{}',
    [
      ...Object.entries(head).map(([key, value]) => member(key, stringify(value, indent, indent), indent)),
      member('programs', enclosed('[]', programs, indent, indent), indent),
      member('groups', stringify(groups && (groupRows(groups) as Json), indent, indent), indent),
    ],
    indent,
    '',
  );
  return escapedJson(document);
}

/** How old what each source tells is, how long it took to read, and whether all could be; null: nobody has looked. */
function sourcesToJson({timeNs, progs: {sources}}: Sample): Json {
  return Object.fromEntries(
    sourceNames.map((name) => {
      const reading = sources[name];
      if (!reading) return [name, null];
      return [name, {age_ns: Number(timeNs - reading.timeNs), duration_ns: reading.durationNs, complete: reading.complete}];
    }),
  );
}

/** Those of the document, in its order. */
const jsonFields = fields.filter(({notInJson}) => !notInJson);

/** One shape for all: filled key by key each object would be made anew several times over. */
const blank: Readonly<Record<string, Json>> = Object.fromEntries(
  [...jsonFields.map(({key}) => key), 'owners', 'links', 'pins', 'maps'].map((key) => [key, null]),
);

function progToJson(prog: MeasuredProg): Json {
  const json = {...blank};
  for (const {key, get} of jsonFields) {
    const value = get(prog);
    // As long as a double has it exactly JSON.stringify can write it.
    json[key] = typeof value === 'bigint' && value <= Number.MAX_SAFE_INTEGER ? Number(value) : (value as Json);
  }
  json['owners'] = prog.owners?.map(ownerToJson) ?? null;
  json['links'] = prog.links?.map(linkToJson) ?? null;
  json['pins'] = prog.pins?.map(({path}) => path) ?? null;
  json['maps'] = prog.maps?.map(mapToJson) ?? null;
  return json;
}

function ownerToJson({pid, comm, via, cgroup, unit, containerId, container, pod, namespace}: ProgOwner): Json {
  return {pid, comm, via, cgroup, unit, container_id: containerId, container, pod, namespace};
}

function linkToJson({linkId, type, attachType, target, missed}: ProgLink): Json {
  return {link_id: linkId, type, attach_type: attachType, target, missed};
}

function mapToJson({id, name, type, maxEntries, entries, bytesMemlock}: ProgMap): Json {
  return {id, name, type, max_entries: maxEntries, entries, bytes_memlock: bytesMemlock};
}

/** JSON.stringify with BigInt as integers. */
function stringify(value: Json, indent: string, margin: string): string {
  if (typeof value === 'bigint') return value.toString();
  try {
    // Ten times as fast as what follows.
    const text = JSON.stringify(value, null, indent);
    return indent && margin ? text.replaceAll('\n', `\n${margin}`) : text;
  } catch (error) {
    // There is a BigInt in it.
    if (!(error instanceof TypeError)) throw error;
  }
  const inner = margin + indent;
  if (Array.isArray(value))
    return enclosed(
      '[]',
      value.map((each: Json) => stringify(each, indent, inner)),
      indent,
      margin,
    );
  const members = Object.entries(value as object).map(([key, each]) =>
    member(key, stringify(each as Json, indent, inner), indent),
  );
  return enclosed('{}', members, indent, margin);
}

function member(key: string, text: string, indent: string): string {
  return `${JSON.stringify(key)}:${indent && ' '}${text}`;
}

function enclosed(brackets: '[]' | '{}', parts: readonly string[], indent: string, margin: string): string {
  const [open, close] = brackets;
  if (!indent || parts.length === 0) return open + parts.join(',') + close;
  const newline = `\n${margin}${indent}`;
  return `${open}${newline}${parts.join(`,${newline}`)}\n${margin}${close}`;
}
