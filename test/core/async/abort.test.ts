import { EventEmitter, once } from 'node:events';
import { expect, test } from 'vitest';
import { linkAbort, onAbort } from '../../../src/core/async/abort.js';
import { onEvent } from '../../../src/core/async/shared-listener.js';
import { withGarbageCollections } from '../../support/collect-garbage.js';
import { warningsDuring } from '../../support/warnings.js';

test('a linked signal aborts with any of the others, with its reason', () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const { signal } = linkAbort(one.signal, undefined, other.signal);
  expect(signal.aborted).toBe(false);
  other.abort('SIGINT');
  one.abort('later');
  expect(signal.reason).toBe('SIGINT');
});

test('a linked signal is aborted at once if one of the others is', () => {
  expect(linkAbort(new AbortController().signal, AbortSignal.abort('before')).signal.reason).toBe('before');
});

test('aborting a linked signal leaves the others alone', () => {
  const parent = new AbortController();
  const child = linkAbort(parent.signal);
  child.abort();
  expect([child.signal.aborted, parent.signal.aborted]).toEqual([true, false]);
});

test('an unlinked signal follows the others no more', () => {
  const parent = new AbortController();
  const child = linkAbort(parent.signal);
  child.unlink();
  parent.abort();
  expect(child.signal.aborted).toBe(false);
});

test.each([
  ['a time-out', () => AbortSignal.timeout(200)],
  ['a link to a time-out', () => linkAbort(AbortSignal.timeout(200)).signal],
])('a signal linked to %s aborts, though garbage is collected', async (_, parent) => {
  const { signal } = linkAbort(new AbortController().signal, parent());
  await withGarbageCollections(once(signal, 'abort', { signal: AbortSignal.timeout(5000) }));
});

test('onAbort calls each listener once, and none that was removed', () => {
  const abort = new AbortController();
  const called: number[] = [];
  const removals = [0, 1, 2].map((number) => onAbort(abort.signal, () => void called.push(number)));
  removals[1]?.();
  abort.abort();
  expect(called).toEqual([0, 2]);
  onAbort(abort.signal, () => void called.push(3));
  expect(called).toEqual([0, 2]);
});

test('the same function is called as often as it was passed', () => {
  const emitter = new EventEmitter();
  let calls = 0;
  const count = () => {
    calls += 1;
  };
  const removals = [onEvent(emitter, 'end', count), onEvent(emitter, 'end', count)];
  emitter.emit('end');
  removals[0]?.();
  removals[0]?.();
  emitter.emit('end');
  expect(calls).toBe(3);
});

test('a signal and an emitter keep one listener for any number, and none at the end', async () => {
  const emitter = new EventEmitter();
  const abort = new AbortController();
  const warnings = await warningsDuring(async () => {
    const ends = Array.from({ length: 20 }, () => [
      onEvent(emitter, 'end', () => {}),
      linkAbort(abort.signal).unlink,
    ]);
    expect(emitter.listenerCount('end')).toBe(1);
    for (const end of ends.flat()) end();
    expect(emitter.listenerCount('end')).toBe(0);
  });
  expect(warnings).toEqual([]);
});
