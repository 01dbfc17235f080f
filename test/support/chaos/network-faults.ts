/**
 * Disturbs the connections that go through fault proxies, one fault after the other, until it is ended: existing flows
 * pass on nothing any more while both sides stay connected, one direction is swallowed and delivered late, connections
 * are reset within a request or a reply, and everything is delayed. Faults and pauses repeat for the same seed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultProxy } from '../faults/fault-proxy.js';
import type { Direction, Flow } from '../faults/flow.js';
import { randomNumbers } from '../random.mjs';

/** How many connections were disturbed, by kind of fault. */
export type FaultCounts = Record<'blackHoled' | 'swallowed' | 'cut' | 'delayed', number>;

const PAUSE_MS = [300, 1500] as const;
/** How long one direction is swallowed: from less than a client needs to drop a silent connection, to longer. */
const SWALLOW_MS = [200, 3000] as const;
const DELAY_MS = [500, 1500] as const;
const MAX_CUT_BYTES = 2000;
const DIRECTIONS: readonly Direction[] = ['toServer', 'toClient'];

export class NetworkFaults {
  readonly counts: FaultCounts = { blackHoled: 0, swallowed: 0, cut: 0, delayed: 0 };
  readonly #proxies: readonly FaultProxy[];
  readonly #random: () => number;
  readonly #running: Promise<void>;
  #spareNewFlows = false;
  #ended = false;
  /** Resolves when the present fault, if any, has ended. */
  #fault: Promise<void> = Promise.resolve();
  /** While it is pending, no fault is made. */
  #quiet: Promise<unknown> = Promise.resolve();

  constructor(proxies: readonly FaultProxy[], seed: number) {
    this.#proxies = proxies;
    this.#random = randomNumbers(seed);
    this.#running = this.#run();
  }

  /** Ends the faults; connections that were cut off stay so. Rejects if a fault failed. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#running;
  }

  /** Does something while the network is not disturbed; connections that were cut off stay so. */
  async without<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#fault.then(action);
    this.#quiet = done;
    return done;
  }

  async #run(): Promise<void> {
    const kinds = [this.#blackHole, this.#swallow, this.#cut, this.#delay];
    for (let i = this.#index(kinds.length); !this.#ended; i++) {
      await sleep(this.#between(PAUSE_MS));
      const chosen = this.#proxies.filter(({ open }) => open.length > 0 && this.#random() < 0.7);
      await this.#quiet;
      this.#fault = (kinds[i % kinds.length] as (typeof kinds)[number]).call(this, chosen);
      await this.#fault;
    }
  }

  /** Cuts off some of the connections, or all: both sides stay connected, and nothing is passed on any more. */
  async #blackHole(proxies: readonly FaultProxy[]): Promise<void> {
    const share = this.#pick([0.3, 0.7, 1]);
    for (const flow of flowsOf(proxies).filter(() => this.#random() < share)) {
      flow.blackHole();
      this.counts.blackHoled += 1;
    }
  }

  /**
   * Swallows one direction of all connections for a while, then delivers what was sent meanwhile. Every other time new
   * connections work, so that clients have sent their requests again when the server reads the first copies.
   */
  async #swallow(proxies: readonly FaultProxy[]): Promise<void> {
    const direction = this.#pick(DIRECTIONS);
    const flows = flowsOf(proxies);
    this.counts.swallowed += flows.length;
    this.#spareNewFlows = !this.#spareNewFlows;
    const swallowed = this.#spareNewFlows ? flows : proxies;
    for (const each of swallowed) each.set({ swallow: true }, direction);
    await sleep(this.#between(SWALLOW_MS));
    for (const each of swallowed) each.set({ swallow: false }, direction);
  }

  /** Resets each connection within its next bytes to the server or from it. */
  async #cut(proxies: readonly FaultProxy[]): Promise<void> {
    const direction = this.#pick(DIRECTIONS);
    for (const flow of flowsOf(proxies)) {
      flow.set({ cut: { bytes: 1 + this.#index(MAX_CUT_BYTES), by: 'reset' } }, direction);
      this.counts.cut += 1;
    }
  }

  async #delay(proxies: readonly FaultProxy[]): Promise<void> {
    this.counts.delayed += flowsOf(proxies).length;
    const delay = { delayMs: this.#random() * 100, jitterMs: this.#random() * 200 };
    for (const proxy of proxies) proxy.set(delay);
    await sleep(this.#between(DELAY_MS));
    for (const proxy of proxies) proxy.set({ delayMs: 0, jitterMs: 0 });
  }

  #between([low, high]: readonly [number, number]): number {
    return low + this.#random() * (high - low);
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#index(choices.length)] as T;
  }

  /** A number from 0 up to, not including, `count`. */
  #index(count: number): number {
    return Math.floor(this.#random() * count);
  }
}

function flowsOf(proxies: readonly FaultProxy[]): Flow[] {
  return proxies.flatMap(({ open }) => open);
}
