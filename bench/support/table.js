/**
 * What the bench says: lines, each a figure, what it is held against, and a value with its bar; and curves, a
 * figure for each size of fleet. For the terminal and for RESULTS.md.
 */
import { median, ratio } from './rounds.js';

/**
 * A line whose value is how many times as fast we are. Times in ms, one a round, for `count` items.
 * @param bar the least ratio; undefined: only shown
 */
export function speedLine(name, count, { ours, theirs }, bar) {
  const perSecond = (times) => `${rounded((count / median(times)) * 1000).toLocaleString('en')}/s`;
  return {
    name,
    figure: perSecond(ours),
    against: perSecond(theirs),
    value: ratio(theirs, ours),
    unit: '×',
    atLeast: bar,
  };
}

/** As `speedLine`, for a program that runs for a while. */
export function timeLine(name, { ours, theirs }, bar) {
  return {
    name,
    figure: duration(median(ours)),
    against: duration(median(theirs)),
    value: ratio(theirs, ours),
    unit: '×',
    atLeast: bar,
  };
}

/** What processes held at most, in MB. */
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

/** 1,000 as 1k, for names of lines. */
export function short(count) {
  if (count % 1_000_000 === 0) return `${count / 1_000_000}M`;
  return count % 1000 === 0 ? `${count / 1000}k` : String(count);
}

function rounded(number) {
  return Number(number.toPrecision(3));
}

export function missed({ value, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }) {
  return !(value >= atLeast && value <= atMost);
}

function cells(line) {
  const { name, figure = '', against = '', value, unit = '', atLeast, atMost } = line;
  const amount = (number) => (unit === '×' ? `${number} ×` : `${number}${unit && ` ${unit}`}`);
  const bar =
    atLeast !== undefined ? `≥ ${amount(atLeast)}` : atMost !== undefined ? `≤ ${amount(atMost)}` : '';
  const verdict = bar && (missed(line) ? 'missed' : 'ok');
  const shown = value === undefined ? '' : amount(Number(value.toPrecision(3)));
  return [name, figure, against, shown, bar, verdict];
}

const LINE_HEADER = ['', 'devstate', 'against', 'value', 'bar', ''];

function tables({ lines, curves, sizes }) {
  const rows = [LINE_HEADER, ...lines.map(cells)];
  const curveRows = curves.map(({ name, unit, values }) => [
    `${name}, ${unit}`,
    ...sizes.map((size) => String(Number(values[size].toPrecision(3)))),
  ]);
  const header = ['against the size of the fleet', ...sizes.map(short)];
  return curves.length === 0 ? [rows] : [rows, [header, ...curveRows]];
}

/** For the terminal. */
export function plain(results) {
  const blocks = tables(results).map((rows) => {
    const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
    const line = (row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
        .join('  ')
        .trimEnd();
    return rows.map(line).join('\n');
  });
  return blocks.join('\n\n');
}

/** For RESULTS.md. */
export function markdown(results) {
  const blocks = tables(results).map(([header, ...rows]) => {
    const line = (row) => `| ${row.join(' | ')} |`;
    const rule = header.map((_, i) => (i === 0 ? '---' : '---:'));
    return [line(header), line(rule), ...rows.map(line)].join('\n');
  });
  return blocks.join('\n\n');
}
