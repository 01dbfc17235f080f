/** One request whose connection is lost, on a link that the test simulates. */
import { EventEmitter } from 'node:events';
import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { type Attempt, call, type Repeat } from '../../../src/core/store/call.js';
import type { Link, WaitingRequest } from '../../../src/core/store/link.js';
import { failure } from '../../support/fleet.js';

const TIMEOUT_MS = 200;
/** By how much a timer of Node may be early, ms. */
const EARLY_MS = 2;
const LOST = new Error('Connection is closed.');
const NOT_SENT = new Error("Stream isn't writeable and enableOfflineQueue options is false");

/** A link that is open, whose server's clock is 1,000,000 ms ahead of `performance.now()`. */
function simulatedLink() {
  const client = Object.assign(new EventEmitter(), { status: 'ready' });
  let offset = 1_000_000;
  let left = 0;
  const clock = {
    timeAt: (moment: number) => Math.floor(moment + offset),
    renew: (time: number) => {
      offset = time - performance.now();
    },
  };
  const link: Link = {
    client: client as unknown as Redis,
    problem: undefined,
    whenOpen(_key: string | undefined, request: WaitingRequest) {
      request.onOpen(clock);
      return () => {};
    },
    clockOf: () => clock,
    onSent() {},
    onSettled() {},
    reconnectAfterReadOnly() {
      left += 1;
    },
    newSubscriber: () => client as unknown as Redis,
  };
  return { link, client, timesLeft: () => left };
}

/** Sends a request that is answered in turn by these answers; an Error rejects. */
async function sent(link: Link, repeat: Repeat, ...answers: unknown[]) {
  const attempts: Attempt[] = [];
  const begin = performance.now();
  const outcome = await call(link, { repeat, timeoutMs: TIMEOUT_MS }, async (attempt) => {
    attempts.push({ ...attempt });
    const answer = answers[Math.min(attempts.length, answers.length) - 1];
    if (answer instanceof Error) throw answer;
    return answer;
  }).catch((error: unknown) => error);
  return { attempts, outcome, tookMs: performance.now() - begin };
}

test('the attempt has the end of the call by the clock of the server', async () => {
  const { attempts } = await sent(simulatedLink().link, 'once', 'done');
  const expected = performance.now() + 1_000_000 + TIMEOUT_MS;
  expect(Math.abs((attempts[0]?.notAfter as number) - expected)).toBeLessThan(100);
});

test('the time that another server tells after a redirection is not noted', async () => {
  const { link } = simulatedLink();
  const renewed: string[] = [];
  const clockNamed = (name: string) => ({ timeAt: () => 1, renew: () => renewed.push(name) });
  const [first, second] = [clockNamed('first'), clockNamed('second')];
  let present = first;
  link.whenOpen = (_key, request) => {
    request.onOpen(first);
    return () => {};
  };
  link.clockOf = () => present;
  const send = () =>
    call(link, { key: 'k', repeat: 'once', timeoutMs: TIMEOUT_MS }, async (attempt) => attempt.renewClock(2));
  await send();
  expect(renewed).toEqual(['first']);
  present = second; // ioredis has noted the redirection
  await send();
  expect(renewed).toEqual(['first']);
});

describe('after a lost connection', () => {
  test.each(['read', 'repeatable'] as const)('a %s is sent again', async (repeat) => {
    const { attempts, outcome } = await sent(simulatedLink().link, repeat, LOST, LOST, 'done');
    expect(outcome).toBe('done');
    expect(attempts.map(({ isRepeated }) => isRepeated)).toEqual([
      false,
      ...(repeat === 'read' ? [false, false] : [true, true]),
    ]);
  });

  test('a spaced write is sent again when its first attempt can no longer be done', async () => {
    const { attempts, outcome, tookMs } = await sent(simulatedLink().link, 'spaced', LOST, 'done');
    expect(outcome).toBe('done');
    expect(tookMs).toBeGreaterThanOrEqual(TIMEOUT_MS / 2 - EARLY_MS);
    expect(attempts.map(({ isRepeated }) => isRepeated)).toEqual([false, true]);
    const [first = 0, second = 0] = attempts.map(({ notAfter }) => Number(notAfter));
    expect(second - first).toBeGreaterThanOrEqual(TIMEOUT_MS / 2 - 5);
  });

  test('a write that must not be repeated is unknown at the end of its time, and not before', async () => {
    const { attempts, outcome, tookMs } = await sent(simulatedLink().link, 'once', LOST, 'done');
    expect(attempts).toHaveLength(1);
    expect(outcome).toMatchObject({ code: 'CONNECTION', outcome: 'unknown', reason: 'OUTCOME_UNKNOWN' });
    expect(tookMs).toBeGreaterThanOrEqual(TIMEOUT_MS - EARLY_MS);
  });

  test('it is told at once when the client is closed', async () => {
    const { link, client } = simulatedLink();
    const pending = failure(call(link, { repeat: 'once', timeoutMs: 60_000 }, () => Promise.reject(LOST)));
    setImmediate(() => client.emit('end'));
    expect(await pending).toMatchObject({ outcome: 'unknown' });
  });

  test('a write that was not sent is sent, and has no unknown outcome', async () => {
    expect((await sent(simulatedLink().link, 'once', NOT_SENT, 'done')).outcome).toBe('done');
    const { outcome } = await sent(simulatedLink().link, 'once', NOT_SENT);
    expect(outcome).toBe(NOT_SENT);
  });

  test('an error reply to a later attempt does not say that the first was not done', async () => {
    const { outcome } = await sent(simulatedLink().link, 'repeatable', LOST, new Error('NOPERM no'));
    expect(outcome).toMatchObject({ outcome: 'unknown' });
  });
});

test.each(['LOADING wait', 'BUSY wait', 'TRYAGAIN wait', 'CLUSTERDOWN wait'])(
  '%s: is sent again',
  async (reply) => {
    const { attempts, outcome } = await sent(simulatedLink().link, 'once', new Error(reply), 'done');
    expect(outcome).toBe('done');
    expect(attempts[1]?.isRepeated).toBe(false);
  },
);

test('STALE corrects the clock, and the request is sent again', async () => {
  const { link } = simulatedLink();
  const { attempts, outcome } = await sent(link, 'once', new Error('STALE 5000000'), 'done');
  expect(outcome).toBe('done');
  expect(attempts[1]?.notAfter).toBeGreaterThan(4_999_000);
});

test('READONLY leaves the server, and fails the call', async () => {
  const { link, timesLeft } = simulatedLink();
  const reply = new Error("READONLY You can't write against a read only replica.");
  expect((await sent(link, 'once', reply)).outcome).toBe(reply);
  expect(timesLeft()).toBe(1);
});

test('a request that gets no answer ends at its time', async () => {
  const never = () => new Promise<never>(() => {});
  const { link } = simulatedLink();
  const options = { timeoutMs: TIMEOUT_MS };
  expect(await failure(call(link, { ...options, repeat: 'read' }, never))).toMatchObject({
    outcome: undefined,
  });
  expect(await failure(call(link, { ...options, repeat: 'repeatable' }, never))).toMatchObject({
    outcome: 'unknown',
  });
});
