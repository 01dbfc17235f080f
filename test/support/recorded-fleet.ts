/**
 * A fleet to which random operations of devstate and of the article's program are applied, on the model's time.
 * The state of each device after each operation is recorded, so that tests can ask what was so at any moment.
 */

import { parse } from 'lossless-json';
import { sweep } from '../../src/core/detection/sweep.js';
import { parseJsonObject } from '../../src/core/model/json.js';
import { HISTORY_KINDS, type HistoryKind } from '../../src/core/model/keyspace.js';
import { disconnect } from '../../src/core/presence/disconnect.js';
import { heartbeat } from '../../src/core/presence/heartbeats.js';
import { settle } from '../../src/core/presence/settle.js';
import { register } from '../../src/core/registry/register.js';
import { setDesired } from '../../src/core/shadow/desired.js';
import { articleProgram } from './article.mjs';
import { SingleFleet } from './fleet.js';
import { Model, type ModelDevice, merged, type Patch, pinKeys } from './model.js';
import { randomNumbers } from './random.mjs';
import type { TestRedis } from './redis.js';

interface Truth {
  reported: { at: number; text: string }[];
  desired: { at: number; text: string }[];
  /** The periods during which its heartbeat key existed, ms. */
  alive: [from: number, to: number][];
  /** The number of history entries of each kind that devstate must have kept. */
  kept: Record<HistoryKind, number>;
}

const PATCHES = [
  '{"n":1}',
  '{"n":12345678901234567890}',
  '{"n":null}',
  '{"m":0.10,"s":"ü"}',
  '{"m":[1e400]}',
];
const REPORTS = [
  '{}',
  '{"n":1}',
  '{"net":{"wifi":{"rssi":-40}}}',
  '{"net":{"wifi":{"rssi":-41,"ssid":"a b"}}}',
  '{"net":{"lan":1},"n":[1,2]}',
];

export class RecordedFleet {
  fleet: SingleFleet;
  readonly model: Model;
  readonly start: number;
  readonly truth = new Map<string, Truth>();
  readonly random: <T>(choices: readonly T[]) => T;
  readonly below: (limit: number) => number;
  #cap = 0;
  #theirs = 0;

  private constructor(fleet: SingleFleet, model: Model, seed: number) {
    const roll = randomNumbers(seed);
    this.below = (limit) => Math.floor(roll() * limit);
    this.random = (choices) => choices[this.below(choices.length)] as never;
    this.fleet = fleet;
    this.model = model;
    this.start = model.now;
  }

  /** Registers devices on an empty server. */
  static async begin(redis: TestRedis, seed: number, devices: number, cap: number): Promise<RecordedFleet> {
    // A day ahead, so that no key runs out before the model says so.
    const model = new Model(Date.now() + 86_400_000);
    const fleet = new SingleFleet(await redis.client(), { clock: () => model.now });
    const recorded = new RecordedFleet(fleet, model, seed);
    await recorded.setCap(cap);
    for (let i = 0; i < devices; i++) {
      const id = `dev:${i}`;
      await recorded.pass(4000);
      await register(recorded.fleet, id, 'lamp');
      model.register(id, 'lamp');
      recorded.#note(id);
    }
    return recorded;
  }

  get ids(): string[] {
    return this.model.ids;
  }

  /** The number of changes that devstate has made. */
  get changes(): number {
    const counts = this.ids.flatMap((id) =>
      HISTORY_KINDS.map((kind) => this.model.of(id).history[kind].length),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Sets the history cap as an operator does: later operations use a fleet that has read it. */
  async setCap(cap: number): Promise<void> {
    const { redis, keys, options } = this.fleet;
    await redis.hset(keys.meta, 'historyCap', cap);
    this.fleet = new SingleFleet(redis, { ...options, clock: () => this.model.now });
    this.#cap = cap;
  }

  /** Advances the clock by up to `limit` ms. Heartbeat keys that expire in the model are removed from Redis. */
  async pass(limit: number): Promise<void> {
    const { model, fleet } = this;
    const alive = this.ids.filter((id) => model.of(id).key !== null);
    model.pass(1 + this.below(limit));
    const gone = alive.filter((id) => model.of(id).key === null);
    if (gone.length > 0) await fleet.redis.del(gone.map((id) => fleet.keys.heartbeat(id)));
  }

  /** Applies a random operation of devstate to a device. */
  async change(id: string): Promise<void> {
    const { fleet, model } = this;
    const kind = this.below(10);
    if (kind < 3) {
      const reported = this.random(REPORTS);
      await heartbeat(fleet, { id, reportedJson: reported });
      model.heartbeats([{ id, reported }]);
    } else if (kind < 5) {
      const patch = this.random(PATCHES);
      await heartbeat(fleet, { id, patch: parseJsonObject(patch) });
      model.heartbeats([{ id, reported: merged(model.of(id).reported, parse(patch) as Patch) }]);
    } else if (kind < 6) {
      const ttl = this.random([10_000, 180_000]);
      await heartbeat(fleet, { id, ttl });
      model.heartbeats([{ id, ttl }]);
    } else if (kind < 8) {
      const patch = this.random(PATCHES);
      await setDesired(fleet, id, parseJsonObject(patch));
      model.setDesired(id, parse(patch) as Patch);
    } else if (kind < 9) {
      await disconnect(fleet, id);
      model.disconnect(id);
    } else {
      for await (const _ of sweep(fleet));
      model.sweep();
      for (const each of this.ids) this.#note(each);
    }
    this.#note(id);
  }

  /** Applies a random operation of the article's program to a device. It never writes the same document twice. */
  async theirChange(id: string): Promise<void> {
    const { fleet, model } = this;
    const article = articleProgram(fleet.redis, 'node', { now: () => model.now });
    const kind = this.below(10);
    const theirs = { theirs: ++this.#theirs };
    if (kind < 4) {
      await article.heartbeat(id, theirs);
      model.article.heartbeat(id, JSON.stringify(theirs));
    } else if (kind < 6) {
      await article.heartbeat(id);
      model.article.heartbeat(id);
    } else if (kind < 9) {
      await article.setDesired(id, theirs);
      model.article.setDesired(id, JSON.stringify({ ...JSON.parse(model.of(id).desired), ...theirs }));
    } else {
      await article.register(id, 'lamp');
      model.article.register(id, 'lamp');
    }
    this.#note(id);
  }

  /** Settles every device, as `detect --strategy poll` does, with each key's PTTL set to the model's. */
  async detect(): Promise<void> {
    const { fleet, model } = this;
    const soon = () => this.ids.some((id) => (model.of(id).key ?? Infinity) < model.now + 1000);
    while (soon()) await this.pass(1000);
    await Promise.all([pinKeys(fleet, model), settle(fleet.only, this.ids)]);
    const alive = this.ids.filter((id) => model.of(id).key !== null);
    await Promise.all(alive.map((id) => fleet.redis.pexpire(fleet.keys.heartbeat(id), 86_400_000)));
    model.settle(this.ids);
    for (const id of this.ids) this.#note(id);
  }

  truthOf(id: string): Truth {
    const truth = this.truth.get(id) ?? {
      reported: [],
      desired: [],
      alive: [],
      kept: { reported: 0, desired: 0, presence: 0 },
    };
    this.truth.set(id, truth);
    return truth;
  }

  /** The state of a device at a moment, with the field names of `get --json`. */
  at(id: string, moment: number) {
    const { reported, desired, alive } = this.truthOf(id);
    const { history } = this.model.of(id);
    const last = <T extends { at: number }>(list: readonly T[]) => list.findLast(({ at }) => at <= moment);
    return {
      reportedState: last(reported)?.text ?? '{}',
      reportedVersion: last(history.reported)?.version ?? 0,
      reportedAt: last(history.reported)?.at ?? null,
      desiredState: last(desired)?.text ?? '{}',
      desiredVersion: last(history.desired)?.version ?? 0,
      desiredAt: last(history.desired)?.at ?? null,
      status: alive.some(([from, to]) => from <= moment && moment < to) ? 'online' : 'offline',
    };
  }

  /** Whether a device came or went within 10 s of a moment, which is the accuracy of a polling detector. */
  isTurning(id: string, moment: number): boolean {
    const turns = this.truthOf(id).alive.flat();
    return turns.some((at) => Math.abs(at - moment) < 10_000);
  }

  /** The history entries of devstate's changes that the cap leaves. */
  keptOf<Kind extends HistoryKind>(id: string, kind: Kind): ModelDevice['history'][Kind] {
    const { history } = this.model.of(id);
    const { kept } = this.truthOf(id);
    return history[kind].slice(history[kind].length - kept[kind]) as ModelDevice['history'][Kind];
  }

  #before = new Map<string, Record<HistoryKind, number>>();

  /** Records the state of a device after an operation. */
  #note(id: string): void {
    const { now } = this.model;
    const device = this.model.of(id);
    const truth = this.truthOf(id);
    for (const kind of ['reported', 'desired'] as const)
      if (truth[kind].at(-1)?.text !== device[kind]) truth[kind].push({ at: now, text: device[kind] });
    const spell = truth.alive.at(-1);
    const wasAlive = spell !== undefined && spell[1] > now;
    if (wasAlive) spell[1] = device.key ?? now;
    else if (device.key !== null) truth.alive.push([now, device.key]);
    const before = this.#before.get(id) ?? { reported: 0, desired: 0, presence: 0 };
    for (const kind of HISTORY_KINDS) {
      const added = device.history[kind].length - before[kind];
      if (added > 0) truth.kept[kind] = Math.min(truth.kept[kind] + added, this.#cap);
      before[kind] += added;
    }
    this.#before.set(id, before);
  }
}
