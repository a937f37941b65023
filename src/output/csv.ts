/**
 * CSV (RFC 4180): one table however many samples follow each other. Values are the raw ones of the JSON document; what isn't known is an
 * empty cell, several values are joined by `;`. JSON is for who needs every byte as it was: here control characters are shown, not sent, and
 * a text that a spreadsheet would take for a formula gets an apostrophe.
 */
import {type Field, fields, type FieldValue} from '../model/fields.js';
import {type Group, groupFields} from '../model/group.js';
import type {Measured, MeasuredProg} from '../model/measure.js';
import {printable} from '../model/printable.js';

/** The first line: when the sample was taken, then the key of each of these fields. */
export function csvHeader(of: readonly Field[] = fields): string {
  return line(['taken_at', ...of.map((field) => field.key)]);
}

/** A line a program; each ends with CRLF. */
export function toCsv({sample}: Measured, progs: readonly MeasuredProg[], of: readonly Field[] = fields): string {
  const takenAt = new Date(sample.takenAt).toISOString();
  return progs
    .map((prog) => line([takenAt, ...of.map(({get, values}) => (values ? severalCell(values(prog)) : cell(get(prog))))]))
    .join('');
}

/** The first line of groups. */
export const groupCsvHeader = line(['taken_at', ...groupFields.map((field) => field.key)]);

/** A line a group, as a line a program. */
export function toGroupCsv({sample}: Measured, groups: readonly Group[]): string {
  const takenAt = new Date(sample.takenAt).toISOString();
  const cellOf = (value: FieldValue) => (Array.isArray(value) ? severalCell(value as FieldValue[]) : cell(value));
  return groups.map((group) => line([takenAt, ...groupFields.map(({get}) => cellOf(get(group)))])).join('');
}

function line(cells: readonly string[]): string {
  return `${cells.map(quoted).join(',')}\r\n`;
}

/** In quotes only where it has to be. */
function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Empty also where each of them is. */
function severalCell(values: readonly FieldValue[] | null): string {
  const cells = (values ?? []).map(cell);
  return cells.some((each) => each !== '') ? cells.join(';') : '';
}

function cell(value: FieldValue): string {
  if (value === null) return '';
  return typeof value === 'string' ? harmless(printable(value)) : String(value);
}

/** Names are anyone's, and spreadsheets run what begins with these (https://owasp.org/www-community/attacks/CSV_Injection). */
function harmless(text: string): string {
  return /^[=+\-@]/.test(text) ? `'${text}` : text;
}
