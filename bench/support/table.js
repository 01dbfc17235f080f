/**
 * The tables of results, for the terminal and for RESULTS.md. A line has devstate's figure, the figure that it is
 * compared with, and a value (a ratio or an amount) with its limit; a curve has a figure for each size of fleet.
 */
import Table from 'cli-table3';
import { median, ratio } from './rounds.js';

/**
 * A line with items per second. Its value is how many times as fast as `theirs` devstate (`ours`) is.
 * @param times `ours` and `theirs`: the ms that each round took for `count` items
 * @param atLeast the least ratio; undefined: no limit
 */
export function speedLine(name, count, { ours, theirs }, atLeast) {
  const perSecond = (times) => `${rounded((count / median(times)) * 1000).toLocaleString('en')}/s`;
  return {
    name,
    figure: perSecond(ours),
    against: perSecond(theirs),
    value: ratio(theirs, ours),
    unit: '×',
    atLeast,
  };
}

/** As `speedLine`, with the time of the whole program instead of items per second. */
export function timeLine(name, { ours, theirs }, atLeast) {
  return {
    name,
    figure: duration(median(ours)),
    against: duration(median(theirs)),
    value: ratio(theirs, ours),
    unit: '×',
    atLeast,
  };
}

/** A line with the peak memory of processes, in MB; the limit is on devstate's. */
export function peakLine(name, { ours, theirs }, atMost) {
  return {
    name,
    figure: megabytes(median(ours)),
    against: megabytes(median(theirs)),
    value: median(ours),
    unit: 'MB',
    atMost,
  };
}

export function duration(ms) {
  return ms < 1000 ? `${ms.toPrecision(3)} ms` : `${(ms / 1000).toPrecision(3)} s`;
}

export function megabytes(mb) {
  return `${mb.toFixed(0)} MB`;
}

/** 1,000 as 1k and 1,000,000 as 1M, for names of lines. */
export function short(count) {
  if (count % 1_000_000 === 0) return `${count / 1_000_000}M`;
  return count % 1000 === 0 ? `${count / 1000}k` : String(count);
}

function rounded(number) {
  return Number(number.toPrecision(3));
}

/** Whether a line's value is beyond its limit. */
export function missed({ value, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }) {
  return !(value >= atLeast && value <= atMost);
}

function cells(line) {
  const { name, figure = '', against = '', value, unit = '', atLeast, atMost } = line;
  const amount = (number) => (unit === '×' ? `${number} ×` : `${number}${unit && ` ${unit}`}`);
  const limit =
    atLeast !== undefined ? `≥ ${amount(atLeast)}` : atMost !== undefined ? `≤ ${amount(atMost)}` : '';
  const result = limit && (missed(line) ? 'missed' : 'ok');
  const shown = value === undefined ? '' : amount(Number(value.toPrecision(3)));
  return [name, figure, against, shown, limit, result];
}

const LINE_HEADER = ['', 'devstate', 'compared with', 'value', 'limit', ''];

function tables({ lines, curves, sizes }) {
  const rows = [LINE_HEADER, ...lines.map(cells)];
  const curveRows = curves.map(({ name, unit, values }) => [
    `${name}, ${unit}`,
    ...sizes.map((size) => String(Number(values[size].toPrecision(3)))),
  ]);
  const header = ['by size of fleet', ...sizes.map(short)];
  return curves.length === 0 ? [rows] : [rows, [header, ...curveRows]];
}

/** The tables for the terminal. */
export function plain(results) {
  return tables(results).map(alignedText).join('\n\n');
}

/** Rows as aligned lines, the header first: the first column to the left, all others to the right. */
export function alignedText([head, ...rows]) {
  const colAligns = head.map((_, i) => (i === 0 ? 'left' : 'right'));
  const style = { head: [], border: [], 'padding-left': 0, 'padding-right': 0 };
  const table = new Table({ head, colAligns, style, chars: BLANKS_BETWEEN });
  table.push(...rows);
  return table.toString().replaceAll(/ +$/gm, '');
}

const BORDERS = ['top', 'bottom', 'left', 'right', 'mid'];
const BORDER_PARTS = BORDERS.flatMap((border) => [
  border,
  `${border}-mid`,
  `${border}-left`,
  `${border}-right`,
]);
/** No borders; two blanks between columns. */
const BLANKS_BETWEEN = { ...Object.fromEntries(BORDER_PARTS.map((part) => [part, ''])), middle: '  ' };

/** The tables for RESULTS.md. */
export function markdown(results) {
  const blocks = tables(results).map(([header, ...rows]) => {
    const line = (row) => `| ${row.join(' | ')} |`;
    const rule = header.map((_, i) => (i === 0 ? '---' : '---:'));
    return [line(header), line(rule), ...rows.map(line)].join('\n');
  });
  return blocks.join('\n\n');
}
