import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { spinner } from '../../src/output/progress.js';
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
  spinner(stderr, true, 'counting').stop();
  const unsized = new Terminal(0);
  const off = [spinner(stderr, false, 'counting'), spinner(unsized, true, 'counting')];
  await wait(400);
  for (const { stop } of off) stop();
  expect([stderr.text, unsized.text]).toEqual(['', '']);
});

it('shows what takes a while, and clears it', async () => {
  const stderr = new Terminal();
  const shown = spinner(stderr, true, 'counting');
  const deadline = Date.now() + 5000;
  while (!stderr.text.includes('counting') && Date.now() < deadline) await wait(20);
  expect(stderr.text).toContain('counting');
  const before = stderr.cleared;
  shown.stop();
  expect(stderr.cleared).toBeGreaterThan(before);
});
