import { expect, it } from 'vitest';
import { progressBar, progressText } from '../../src/output/progress-bar.js';
import { createSpinner } from '../../src/output/spinner.js';
import { shown, TerminalCapture, terminalOf } from './drawing.js';

it('shows how much is done until it is stopped', async () => {
  const stderr = new TerminalCapture();
  const progress = progressBar(terminalOf(stderr), { total: 1000 });
  let done = 0;
  await shown(stderr, 'done', () => {
    done += 1;
    progress.update(done, 10 * done);
  });
  expect(stderr.text).toMatch(/=+-+ \d+ done, \d+\/s, \d+s left/);
  progress.stop();
  const length = stderr.text.length;
  progress.update(100, 1000);
  expect(stderr.text).toHaveLength(length);
});

it('replaces the spinner', async () => {
  const stderr = new TerminalCapture();
  const terminal = terminalOf(stderr);
  const spinner = createSpinner(terminal);
  spinner.show('counting');
  await shown(stderr, 'counting');
  const progress = progressBar(terminal, { onDraw: spinner.stop });
  await shown(stderr, 'done');
  expect(terminal.isDrawn).toBe(true);
  expect(stderr.text.slice(stderr.text.indexOf('done'))).not.toContain('counting');
  progress.stop();
  expect(terminal.isDrawn).toBe(false);
});

it.each([
  [{ done: 12_000, measured: 12_000, total: 24_000, elapsedMs: 3000 }, '12000 done, 4000/s, 3s left'],
  [{ done: 10, measured: 500, total: 2000, elapsedMs: 60_000 }, '10 done, 0/s, 3m left'],
  [{ done: 10, measured: 2000, total: 2000, elapsedMs: 1000 }, '10 done, 10/s'],
  [{ done: 0, measured: 0, total: 5, elapsedMs: 0 }, '0 done, 0/s'],
  [{ done: 7, measured: 7, total: undefined, elapsedMs: 1000 }, '7 done, 7/s'],
])('%j', (state, text) => {
  expect(progressText(state)).toBe(text);
});
