/**
 * The JSON document, schema_version 1. A serialiser of our own, because u64 counters must come out as whole integers and JSON has
 * no BigInt in Node.
 */
import {fields} from '../model/fields.js';
import {mapsMemory} from '../model/maps.js';
import {type Group, groupRows} from '../model/group.js';
import {sourceNames} from '../sample/sources.js';
import type {Host, Sample} from '../sample/types.js';
import type {Measured, MeasuredProg} from '../model/measure.js';

/** Changes when a field changes its meaning or goes; not when one is added. */
export const schemaVersion = 1;

type Json = string | number | bigint | boolean | null | undefined | readonly Json[] | {readonly [key: string]: Json};

/** How to write it. */
export interface JsonOptions {
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
  return stringify(
    {
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
      programs: progs.map(progToJson),
      groups: groups && (groupRows(groups) as Json),
    },
    ' '.repeat(options.indent),
    '',
  );
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

function progToJson(prog: MeasuredProg): Json {
  const json: Record<string, Json> = {};
  for (const field of fields) if (!field.notInJson) json[field.key] = field.get(prog) as Json;
  const owners = prog.owners?.map(({pid, comm, via, cgroup, unit, containerId, container, pod, namespace}) => ({
    ...{pid, comm, via, cgroup, unit, container_id: containerId, container, pod, namespace},
  }));
  const links = prog.links?.map(({linkId, type, attachType, target}) => ({
    ...{link_id: linkId, type, attach_type: attachType, target},
  }));
  const maps = prog.maps?.map(({id, name, type, maxEntries, entries, bytesMemlock}) => ({
    ...{id, name, type, max_entries: maxEntries, entries, bytes_memlock: bytesMemlock},
  }));
  const pins = prog.pins?.map(({path}) => path);
  return {...json, owners: owners ?? null, links: links ?? null, pins: pins ?? null, maps: maps ?? null};
}

/** JSON.stringify with BigInt as integers; numbers that JSON can't hold are null, as there. */
function stringify(value: Json, indent: string, margin: string): string {
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object') return JSON.stringify(value ?? null);
  const inner = margin + indent;
  const parts = Array.isArray(value)
    ? value.map((each: Json) => stringify(each, indent, inner))
    : Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}:${indent && ' '}${stringify(each, indent, inner)}`);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  if (parts.length === 0) return open + close;
  return indent ? `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${margin}${close}` : open + parts.join(',') + close;
}
