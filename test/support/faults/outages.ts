/** Outages of every kind, of a length and strength that a seed decides. When one has ended, everything works again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PrivateServer } from '../../../src/redis/private-server.js';
import { randomNumbers } from '../random.mjs';
import type { FaultProxy } from './fault-proxy.js';

export interface Disturbed {
  /** The servers that hold the data. */
  readonly servers: readonly PrivateServer[];
  /** The proxies through which clients reach them. */
  readonly proxies: readonly FaultProxy[];
  /** The request timeout of the clients, ms. */
  readonly timeoutMs: number;
}

export type OutageKind =
  | 'stop'
  | 'kill'
  | 'requests late'
  | 'answers late'
  | 'half-open'
  | 'reset mid-answer'
  | 'refused'
  | 'held'
  | 'jitter';

type Outage = (disturbed: Disturbed, ms: number, random: () => number) => Promise<void>;

const OUTAGES: Record<OutageKind, Outage> = {
  async stop({ servers }, ms) {
    const signal = (name: NodeJS.Signals) => servers.forEach(({ pid }) => void process.kill(pid, name));
    signal('SIGSTOP');
    await sleep(ms).finally(() => signal('SIGCONT'));
  },
  async kill({ servers }, ms) {
    await Promise.all(servers.map((server) => server.kill()));
    await sleep(ms);
    await Promise.all(servers.map((server) => server.restart()));
  },
  'requests late': ({ proxies }, ms) => faulty(proxies, ms, { swallow: true }, 'toServer'),
  'answers late': ({ proxies }, ms) => faulty(proxies, ms, { swallow: true }, 'toClient'),
  async 'half-open'({ proxies }, ms) {
    for (const proxy of proxies) proxy.blackHole();
    await sleep(ms);
  },
  'reset mid-answer': ({ proxies }, ms, random) =>
    faulty(proxies, ms, { cut: { bytes: 1 + Math.floor(random() * 400), by: 'reset' } }, 'toClient'),
  async refused({ proxies }, ms) {
    for (const proxy of proxies) proxy.refuse();
    for (const proxy of proxies) proxy.reset();
    await sleep(ms);
    await Promise.all(proxies.map((proxy) => proxy.accept()));
  },
  async held({ proxies }, ms) {
    for (const proxy of proxies) proxy.hold();
    for (const proxy of proxies) proxy.reset();
    await sleep(ms);
    await Promise.all(proxies.map((proxy) => proxy.accept()));
  },
  jitter: ({ proxies, timeoutMs }, ms, random) =>
    faulty(proxies, ms, { delayMs: random() * timeoutMs, jitterMs: timeoutMs }),
};

const NONE = { delayMs: 0, jitterMs: 0, swallow: false, cut: undefined };

async function faulty(
  proxies: readonly FaultProxy[],
  ms: number,
  ...[faults, direction]: Parameters<FaultProxy['set']>
): Promise<void> {
  for (const proxy of proxies) proxy.set(faults, direction);
  await sleep(ms);
  for (const proxy of proxies) proxy.set(NONE, direction);
}

/** Makes an outage of a fifth to twice the request timeout, and waits for its end. */
export function outage(kind: OutageKind, disturbed: Disturbed, seed: number): Promise<void> {
  const random = randomNumbers(seed);
  return OUTAGES[kind](disturbed, disturbed.timeoutMs * (0.2 + 1.8 * random()), random);
}
