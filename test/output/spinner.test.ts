import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createSpinner } from '../../src/output/spinner.js';
import { aboveDrawing } from '../../src/output/terminal.js';
import { shown, TerminalCapture, terminalOf } from './drawing.js';

it('shows nothing within 200 ms, when drawing is off, or on a terminal without a width', async () => {
  const stderr = new TerminalCapture();
  const quick = createSpinner(terminalOf(stderr));
  quick.show('counting');
  quick.stop();
  const unsized = new TerminalCapture(0);
  const off = [createSpinner(terminalOf(stderr, false)), createSpinner(terminalOf(unsized))];
  for (const spinner of off) spinner.show('counting');
  await wait(400);
  for (const spinner of off) spinner.stop();
  expect([stderr.text, unsized.text]).toEqual(['', '']);
});

it('appears after a while, and is erased', async () => {
  const stderr = new TerminalCapture();
  const spinner = createSpinner(terminalOf(stderr));
  spinner.show('counting');
  await shown(stderr, 'counting');
  expect(stderr.text).toContain('counting');
  const before = stderr.cleared;
  spinner.stop();
  expect(stderr.cleared).toBeGreaterThan(before);
});

it('shows the newest text, uncoloured, and leaves the cursor visible', async () => {
  const stderr = new TerminalCapture();
  const spinner = createSpinner(terminalOf(stderr));
  spinner.show('connecting');
  spinner.show('waiting');
  await shown(stderr, 'waiting');
  spinner.show('almost there');
  await shown(stderr, 'almost there');
  spinner.stop();
  expect(stderr.text).toContain('almost there');
  expect(stderr.text).not.toContain('connecting');
  expect(stderr.text).not.toMatch(/\u001b\[\d+m|\u001b\[\?25l/);
});

it('does not appear after it was stopped', async () => {
  const stderr = new TerminalCapture();
  const spinner = createSpinner(terminalOf(stderr));
  spinner.stop();
  spinner.show('counting');
  await wait(300);
  expect(stderr.text).toBe('');
});

it('is erased by a line that is printed meanwhile, and drawn again below', async () => {
  const stderr = new TerminalCapture();
  const terminal = terminalOf(stderr);
  const spinner = createSpinner(terminal);
  spinner.show('counting');
  expect(aboveDrawing(terminal, 'line\n')).toBe('line\n');
  await shown(stderr, 'counting');
  stderr.write(aboveDrawing(terminal, 'line\n'));
  expect(stderr.text).toMatch(/counting.*\r\u001b\[2Kline\n.*counting/s);
  spinner.stop();
  expect(aboveDrawing(terminal, 'line\n')).toBe('line\n');
});
