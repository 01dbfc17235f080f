/**
 * A fleet of known content, written with raw commands because a million registrations would take minutes. Its
 * records are copies of two that devstate has written, so they have devstate's layout; a sample is read back
 * with the command line.
 */
import { StageError } from '../../scripts/stage.js';
import { answer, DEVSTATE } from './programs.js';
import { chunk, encode } from './raw.js';

export const LOG = 'devices:presence:log';
export const TYPE = 'temperature_sensor';
export const METADATA = { location: 'warehouse-a' };
/** Long enough that no device goes offline while the bench runs. */
export const TTL_MS = 3_600_000;
export const STALE_MS = 3_600_000;

const PREFIX = 'sensor-';
const CHUNK = 500;
const SAMPLE = 20;
const PRIME = 7919;
const MINUTE_MS = 60_000;
/** Between the last-seen times of two stale devices. */
const APART_MS = 500;

export class Fleet {
  /** @param staleEvery 10: every tenth device is offline and stale, the rest is online; 0: all are online */
  constructor(size, { staleEvery = 0 } = {}) {
    this.size = size;
    this.staleEvery = staleEvery;
    this.stale = staleEvery === 0 ? 0 : size / staleEvery;
    this.online = size - this.stale;
    this.now = Date.now();
  }

  id(i) {
    return `${PREFIX}${i}`;
  }

  indexOf(id) {
    return Number(id.slice(PREFIX.length));
  }

  isStale(i) {
    return this.staleEvery > 0 && i % this.staleEvery === 0;
  }

  /** Online: within the last minute. Stale: more than `STALE_MS` ago, each at another time, in random order. */
  lastSeen(i) {
    if (!this.isStale(i)) return this.now - ((i * PRIME) % MINUTE_MS);
    const rank = ((i / this.staleEvery) * PRIME) % this.stale;
    return this.now - 2 * STALE_MS - rank * APART_MS;
  }

  deadline(i) {
    return this.lastSeen(i) + TTL_MS;
  }

  report(i) {
    return { temperature: (i % 400) / 10, humidity: 45 };
  }

  indices() {
    return Array.from({ length: this.size }, (_, i) => i);
  }

  onlineIds() {
    return this.indices()
      .filter((i) => !this.isStale(i))
      .map((i) => this.id(i));
  }

  /** Writes the fleet to an empty server. */
  async build(server) {
    const records = await this.#templates(server);
    const raw = await server.raw();
    await raw.send(this.#chunks(records));
    await this.#verify(server);
  }

  /** The records of two devices as devstate writes them: one online, one disconnected. */
  async #templates({ redis, manager }) {
    const [offline, online] = [this.id(0), this.id(1)];
    for (const id of [offline, online]) {
      await manager.registerDevice(id, TYPE, METADATA);
      await manager.deviceHeartbeat(id, this.report(1));
    }
    await manager.disconnectDevice(offline);
    return {
      online: await redis.hgetall(`device:state:${online}`),
      offline: await redis.hgetall(`device:state:${offline}`),
    };
  }

  *#chunks(records) {
    for (let from = 0; from < this.size; from += CHUNK) {
      const some = Array.from({ length: Math.min(CHUNK, this.size - from) }, (_, i) => from + i);
      const online = some.filter((i) => !this.isStale(i));
      const ids = some.map((i) => this.id(i));
      const scores = some.flatMap((i) => [
        this.isStale(i) ? -this.lastSeen(i) : this.deadline(i),
        this.id(i),
      ]);
      yield chunk([
        ...some.map((i) => this.#record(i, this.isStale(i) ? records.offline : records.online)),
        ...online.map((i) => encode('SET', `device:heartbeat:${this.id(i)}`, '1', 'PXAT', this.deadline(i))),
        encode('SADD', 'devices:registered', ...ids),
        encode('SADD', `devices:type:${TYPE}`, ...ids),
        encode('ZADD', 'devices:activity', ...scores),
        encode('SADD', 'devices:online', ...online.map((i) => this.id(i))),
      ]);
    }
  }

  #record(i, template) {
    const own = {
      deviceId: this.id(i),
      lastSeen: this.lastSeen(i),
      reportedState: JSON.stringify(this.report(i)),
    };
    return encode('HSET', `device:state:${own.deviceId}`, ...Object.entries({ ...template, ...own }).flat());
  }

  /** Checks that devstate reads the fleet as it was meant. */
  async #verify({ url, redis }) {
    const counts = [
      await redis.scard('devices:registered'),
      await redis.scard('devices:online'),
      await redis.zcard('devices:activity'),
    ];
    expect('the counts of the fleet', counts, [this.size, this.online, this.size]);
    const sample = Array.from({ length: SAMPLE }, (_, n) => Math.floor((n * this.size) / SAMPLE) + (n % 2));
    const seen = JSON.parse(answer(url, [DEVSTATE, 'get', ...sample.map((i) => this.id(i)), '--json']));
    for (const [n, device] of seen.entries()) {
      const i = sample[n];
      const offline = this.isStale(i);
      expect(`${this.id(i)} of the fleet`, pick(device), {
        deviceId: this.id(i),
        deviceType: TYPE,
        status: offline ? 'offline' : 'online',
        lastSeen: this.lastSeen(i),
        reportedState: this.report(i),
        metadata: METADATA,
        reportedVersion: 1,
        presenceSeq: offline ? 2 : 1,
      });
    }
  }
}

function pick({
  deviceId,
  deviceType,
  status,
  lastSeen,
  reportedState,
  metadata,
  reportedVersion,
  presenceSeq,
}) {
  return { deviceId, deviceType, status, lastSeen, reportedState, metadata, reportedVersion, presenceSeq };
}

/** @throws StageError: the two values differ as JSON */
export function expect(what, actual, expected) {
  const actualText = JSON.stringify(actual);
  const expectedText = JSON.stringify(expected);
  if (actualText !== expectedText) throw new StageError(`${what}: ${actualText} instead of ${expectedText}`);
}
