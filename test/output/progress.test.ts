import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { progressBar, progressText, spinner } from '../../src/output/progress.js';
import { Capture } from './capture.js';

/** As much of a terminal as ora asks for. */
class Terminal extends Capture {
  readonly isTTY = true;
  constructor(readonly columns = 80) {
    super();
  }
  cursorTo = () => true;
  moveCursor = () => true;
  cleared = 0;
  clearLine = () => {
    this.cleared += 1;
    return true;
  };
}

it('shows nothing for what is quick, nor where it is not wanted or cannot be', async () => {
  const stderr = new Terminal();
  spinner({ stderr, enabled: true }, 'counting').stop();
  const unsized = new Terminal(0);
  const off = [
    spinner({ stderr, enabled: false }, 'counting'),
    spinner({ stderr: unsized, enabled: true }, 'counting'),
  ];
  await wait(400);
  for (const { stop } of off) stop();
  expect([stderr.text, unsized.text]).toEqual(['', '']);
});

it('shows what takes a while, and clears it', async () => {
  const stderr = new Terminal();
  const shown = spinner({ stderr, enabled: true }, 'counting');
  const deadline = Date.now() + 5000;
  while (!stderr.text.includes('counting') && Date.now() < deadline) await wait(20);
  expect(stderr.text).toContain('counting');
  const before = stderr.cleared;
  shown.stop();
  expect(stderr.cleared).toBeGreaterThan(before);
});

it('shows how much is done, and clears it', async () => {
  const stderr = new Terminal();
  const progress = progressBar({ stderr, enabled: true }, 1000);
  const deadline = Date.now() + 5000;
  for (let done = 1; !stderr.text.includes('done') && Date.now() < deadline; done++) {
    progress.at(done, 10 * done);
    await wait(20);
  }
  expect(stderr.text).toMatch(/=+-+ \d+ done, \d+\/s, \d+s left/);
  progress.stop();
  const shown = stderr.text.length;
  progress.at(100, 1000);
  expect(stderr.text).toHaveLength(shown);
});

it.each([
  [{ done: 12_000, measured: 12_000, total: 24_000, elapsed: 3000 }, '12000 done, 4000/s, 3s left'],
  [{ done: 10, measured: 500, total: 2000, elapsed: 60_000 }, '10 done, 0/s, 3m left'],
  [{ done: 10, measured: 2000, total: 2000, elapsed: 1000 }, '10 done, 10/s'],
  [{ done: 0, measured: 0, total: 5, elapsed: 0 }, '0 done, 0/s'],
  [{ done: 7, measured: 7, total: undefined, elapsed: 1000 }, '7 done, 7/s'],
])('%j', (state, text) => {
  expect(progressText(state)).toBe(text);
});
