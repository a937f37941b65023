/** What tests of the metrics share: Prometheus' own tools where they are, and a reader of its text. */
import {spawnSync} from 'node:child_process';

/** Why Prometheus' own tools cannot be asked; false where they can. */
export const promtoolSkip: string | false = ['promtool', 'prometheus'].some(
  (tool) => spawnSync(tool, ['--version']).status !== 0,
)
  ? "needs Prometheus (Debian's package prometheus)"
  : false;

export interface ParsedSeries {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const seriesLine = /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*)\})? (\S+)$/;

/** Reads an exposition; throws where a line isn't one. */
export function parseExposition(text: string): ParsedSeries[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels = '', value] = seriesLine.exec(line) ?? [];
      if (name === undefined || Number.isNaN(Number(value))) throw new Error(`no series: ${line}`);
      const pairs = [...labels.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)].map(([, key, escaped]) => [
        key,
        escaped!.replace(/\\(.)/g, (_, each: string) => (each === 'n' ? '\n' : each)),
      ]);
      return {name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value)};
    });
}
